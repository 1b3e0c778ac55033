// `node:net` on a stack of ours: a module object that a program cannot tell from Node's own.

import * as real from 'node:net';

import type { Host } from './host.js';
import { normalize } from './net/arguments.js';
import { clientSocketChannel } from './net/channels.js';
import { attemptTimeout, type Defaults } from './net/connect.js';
import { checkBoolean, checkInt32 } from './net/errors.js';
import { createHandle, serverClass } from './net/server.js';
import { socketClass } from './net/socket.js';

/** Everything that `node:net` exports, with sockets and servers on `host.stack`. Addresses are checked by Node's own functions. */
export function createNet(host: Host): typeof import('node:net') {
  const defaults: Defaults = {
    autoSelectFamily: real.getDefaultAutoSelectFamily(),
    attemptTimeout: real.getDefaultAutoSelectFamilyAttemptTimeout(),
  };
  const Socket = socketClass(host, defaults);
  const Server = serverClass(host, Socket);

  function connect(...args: unknown[]): unknown {
    const normalized = normalize(args);
    const [options] = normalized;
    const socket = new Socket(options);
    if (clientSocketChannel.hasSubscribers) clientSocketChannel.publish({ socket });
    if (options.timeout) socket.setTimeout(options.timeout as number);
    return socket.connect(normalized);
  }

  function createServer(options?: unknown, connectionListener?: unknown): unknown {
    return new Server(options, connectionListener);
  }

  function setDefaultAutoSelectFamily(value: unknown): void {
    checkBoolean(value, 'value');
    defaults.autoSelectFamily = value;
  }

  function setDefaultAutoSelectFamilyAttemptTimeout(value: unknown): void {
    checkInt32(value, 'value', 1);
    defaults.attemptTimeout = attemptTimeout(value);
  }

  let warns = true;
  function _setSimultaneousAccepts(): void {
    if (!warns) return;
    warns = false;
    process.emitWarning('net._setSimultaneousAccepts() is deprecated and will be removed.', 'DeprecationWarning', 'DEP0121');
  }

  return {
    _createServerHandle: (address: string | null, port: number, family: number, _fd: unknown, flags: number) =>
      createHandle(host, address, port, family, flags ?? 0),
    _normalizeArgs: normalize,
    // Until Node 24.
    ...('_setSimultaneousAccepts' in real && { _setSimultaneousAccepts }),
    BlockList: real.BlockList,
    SocketAddress: real.SocketAddress,
    connect,
    createConnection: connect,
    createServer,
    isIP: real.isIP,
    isIPv4: real.isIPv4,
    isIPv6: real.isIPv6,
    Server,
    Socket,
    Stream: Socket,
    getDefaultAutoSelectFamily: () => defaults.autoSelectFamily,
    setDefaultAutoSelectFamily,
    getDefaultAutoSelectFamilyAttemptTimeout: () => defaults.attemptTimeout,
    setDefaultAutoSelectFamilyAttemptTimeout,
  } as unknown as typeof import('node:net');
}
