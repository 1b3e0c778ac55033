// Node's own servers, brought over to our net: http, https, http2 and tls all listen by net.Server's methods. Each gets a
// server of ours inside, whose connections it is told of as of its own.

import realNet from 'node:net';
import tls from 'node:tls';
import { teachNames, wrapped } from './tls.js';

type Net = typeof realNet;
type Server = realNet.Server;

/** What a net.Server remembers of its options, and what pipes and descriptors come with. */
interface Kept {
  readonly allowHalfOpen?: boolean;
  readonly pauseOnConnect?: boolean;
  readonly noDelay?: boolean;
  readonly keepAlive?: boolean;
  readonly keepAliveInitialDelay?: number;
  readonly highWaterMark?: number;
  readonly blockList?: realNet.BlockList;
}

const inners = new WeakMap<Server, Server>();

export function bringServersOver(net: Net): void {
  const prototype = realNet.Server.prototype;
  // What these are called with is whatever a program called them with.
  const original = { ...methodsOf(prototype) };
  const listening = Reflect.getOwnPropertyDescriptor(prototype, 'listening');

  define(prototype, 'listen', function listen(this: Server, ...args: unknown[]) {
    if (isOfKernel(args[0])) return Reflect.apply(original.listen, this, args);
    const callback = args.at(-1);
    if (typeof callback === 'function') {
      args.pop();
      this.once('listening', callback as () => void);
    }
    const inner = innerOf(this, net);
    Reflect.apply(methodsOf(inner).listen, inner, args);
    return this;
  });
  define(prototype, 'close', function close(this: Server, callback?: unknown) {
    const inner = inners.get(this);
    if (inner === undefined) return Reflect.apply(original.close, this, [callback]);
    if (typeof callback === 'function') inner.close((...error) => { Reflect.apply(callback, this, error); });
    else inner.close();
    return this;
  });
  for (const name of ['address', 'getConnections', 'ref', 'unref'] as const) {
    define(prototype, name, function delegate(this: Server, ...args: unknown[]) {
      const inner = inners.get(this);
      const result = Reflect.apply((inner === undefined ? original : methodsOf(inner))[name], inner ?? this, args);
      return result === inner && inner !== undefined ? this : result;
    });
  }
  Object.defineProperty(prototype, 'listening', {
    ...listening,
    get(this: Server) {
      return inners.get(this)?.listening ?? (listening?.get?.call(this) as boolean);
    },
  });
}

type Method = (this: unknown, ...args: unknown[]) => unknown;
const METHODS = ['listen', 'close', 'address', 'getConnections', 'ref', 'unref'] as const;

function methodsOf(server: Server): Record<(typeof METHODS)[number], Method> {
  return Object.fromEntries(METHODS.map((name) => [name, Reflect.get(server, name)])) as Record<(typeof METHODS)[number], Method>;
}

function define(prototype: object, name: string, value: (this: Server, ...args: unknown[]) => unknown): void {
  Object.defineProperty(prototype, name, { value, writable: true, configurable: true, enumerable: true });
}

/** A pipe's name, a descriptor or a handle: no network. */
function isOfKernel(place: unknown): boolean {
  if (typeof place === 'string') return !/^\s*\d+\s*$/.test(place);
  if (typeof place !== 'object' || place === null) return false;
  return ['path', 'fd', '_handle', 'handle'].some((name) => {
    const value = (place as Record<string, unknown>)[name];
    return value !== undefined && value !== null;
  });
}

function innerOf(server: Server, net: Net): Server {
  const known = inners.get(server);
  if (known !== undefined) return known;
  const kept = server as Kept;
  const options: Record<string, unknown> = {};
  for (const name of ['allowHalfOpen', 'pauseOnConnect', 'noDelay', 'keepAlive', 'keepAliveInitialDelay', 'highWaterMark', 'blockList'] as const) {
    if (kept[name] !== undefined) options[name] = kept[name];
  }
  const isTls = server instanceof tls.Server;
  if (isTls) options.allowHalfOpen = true;
  const inner = net.createServer(options);
  inner.on('connection', (socket) => {
    if (server.maxConnections !== undefined) inner.maxConnections = server.maxConnections;
    Object.assign(socket, { server, _server: server });
    if (isTls) wrapped(socket, kept.allowHalfOpen === true, () => server.emit('connection', socket));
    else server.emit('connection', socket);
  });
  // http2 wraps what it is given, and shows the wrapper.
  server.prependListener('session', (session: { readonly socket: object }) => {
    teachNames(Object.getPrototypeOf(session.socket) as object, net.Socket);
  });
  for (const event of ['listening', 'close', 'error', 'drop']) {
    inner.on(event, (...details: unknown[]) => server.emit(event, ...details));
  }
  inners.set(server, inner);
  return inner;
}
