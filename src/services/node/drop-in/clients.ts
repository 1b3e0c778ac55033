// What Node's own clients connect by, brought over to our net: http's agents, http2, tls and with it https, and the fetch
// and WebSocket that are built in, which look `connect` up in these modules whenever they connect.

import http from 'node:http';
import { syncBuiltinESMExports } from 'node:module';
import realNet from 'node:net';
import tls from 'node:tls';
import { NetError } from '../../../errors.js';
import { showRaw, wrapped } from './tls.js';

type Net = typeof realNet;
type Options = Record<string, unknown>;
type Connect = (...args: unknown[]) => realNet.Socket;

export function bringClientsOver(net: Net): void {
  const real = realNet as unknown as { connect: Connect; createConnection: Connect; _normalizeArgs: Normalize };
  const pipes = real.connect;
  const ours = net.connect as unknown as Connect;
  const connect: Connect = (...args) => {
    const [options] = real._normalizeArgs(args);
    return isOfKernel(options) ? pipes.apply(realNet, args) : ours(...args);
  };
  real.connect = connect;
  real.createConnection = connect;
  // Taken when http was loaded.
  http.Agent.prototype.createConnection = connect;
  refuseKernel(real._normalizeArgs);
  tls.connect = overOurs(tls.connect, ours, real._normalizeArgs);
  syncBuiltinESMExports();
}

type Normalize = (args: readonly unknown[]) => [options: Options, callback: (() => void) | null];

/** Pipes and descriptors are no network: they stay as they are. */
const isOfKernel = ({ path, fd, handle }: Options): boolean => [path, fd, handle].some((each) => each !== undefined && each !== null);

/** What still would have the kernel connect, a TLSSocket made without a socket for instance, is told that it cannot. */
function refuseKernel(normalize: Normalize): void {
  const prototype = realNet.Socket.prototype as unknown as { connect: (this: realNet.Socket, ...args: unknown[]) => realNet.Socket };
  const connect = prototype.connect;
  prototype.connect = function refusingConnect(...args) {
    const [options] = normalize(Array.isArray(args[0]) ? args[0] as unknown[] : args);
    if (isOfKernel(options)) return connect.apply(this, args);
    const hint = 'a socket of the kernel\'s, under wallsocket; give it one of net.connect';
    // Thrown, for a TLSSocket listens to its own errors, and nobody would hear.
    throw new NetError('ENOTSUP', 'connect', { hint });
  };
}

type TlsConnect = (options: Options, callback?: () => void) => tls.TLSSocket;

/** What of tls.connect's options is about the connection below. */
const BELOW = [
  'port', 'host', 'localAddress', 'localPort', 'family', 'hints', 'lookup', 'autoSelectFamily', 'autoSelectFamilyAttemptTimeout',
  'noDelay', 'keepAlive', 'keepAliveInitialDelay',
];

/** tls.connect over a connection of ours, unless it is given another to use. */
function overOurs(original: TlsConnect, connect: Connect, normalize: Normalize) {
  return function tlsConnect(...args: unknown[]): tls.TLSSocket {
    const [first, callback] = normalize(args);
    // tls.connect(port, host, options) has them behind the place.
    const others = args.slice(1).filter((each) => typeof each === 'object' && each !== null);
    const options = Object.assign({}, first, ...others as Options[]) as Options;
    if (options.socket || isOfKernel(options)) return original(options, callback ?? undefined);
    const below: Options = { allowHalfOpen: true };
    for (const name of BELOW) if (options[name] !== undefined) below[name] = options[name];
    const raw = connect(below);
    let secure: tls.TLSSocket;
    try {
      secure = wrapped(raw, options.allowHalfOpen === true, () =>
        original({ ...options, host: options.host ?? 'localhost', socket: raw }, callback ?? undefined));
    } catch (error) {
      raw.on('error', () => {});
      raw.destroy();
      throw error;
    }
    if (typeof options.timeout === 'number' && options.timeout > 0) secure.setTimeout(options.timeout);
    showRaw(secure, raw);
    return secure;
  };
}
