// `net.Server`: a listener whose clients are emitted as sockets.

import { addAbortListener, EventEmitter } from 'node:events';
import { type BlockList, isIP } from 'node:net';
import { promisify } from 'node:util';
import { getDefaultHighWaterMark } from 'node:stream';

import type { Host } from '../host.js';
import { isPath, normalize, numberOf, type Options } from './arguments.js';
import { serverSocketChannel } from './channels.js';
import { checkNumber, checkPort, checkSignal, errnoOf, codeOf, invalidType, invalidValue, listenError, nodeError } from './errors.js';
import { inherit } from './function-class.js';
import { type Name, onClient, type ServerHandle, type ServerOwner, type StreamHandle, TcpHandle } from './handle.js';
import { KernelServerHandle } from './kernel-handle.js';
import { lookupOf } from './lookup.js';
import { settled, type Socket, type SocketClass } from './socket.js';
import { ZERO_IS_A_LIMIT } from './version.js';

const host = Symbol('host');
const socketOf = Symbol('socket class');

type Callback = (...args: unknown[]) => void;

/** The methods and properties; see `Socket`. */
export class Server extends EventEmitter implements ServerOwner {
  declare _handle: ServerHandle | null;
  declare _connections: number;
  declare _unref: boolean;
  declare _listeningId: number;
  declare _usingWorkers: boolean;
  declare _workers: unknown[];
  declare _connectionKey: string;
  declare _pipeName?: string;
  declare allowHalfOpen: boolean;
  declare pauseOnConnect: boolean;
  declare noDelay: boolean;
  declare keepAlive: boolean;
  declare keepAliveInitialDelay: number;
  declare highWaterMark: number;
  declare maxConnections?: number;
  /** Node 23.1; for clusters alone. */
  declare dropMaxConnection?: boolean;
  declare blockList?: BlockList;

  declare [host]: Host;
  declare [socketOf]: SocketClass;

  // ---- listening ----------------------------------------------------------------------------------------------------

  listen(...args: unknown[]): this {
    const [given, callback] = normalize(args);
    if (this._handle !== null) throw nodeError('ERR_SERVER_ALREADY_LISTEN');
    if (callback !== null) this.once('listening', callback);
    const backlog = numberOf(args.length > 1 && args[1]) || numberOf(args.length > 2 && args[2]) || undefined;
    const options = (given._handle ?? given.handle ?? given) as Options;
    // What was looked up for an earlier call is no longer wanted.
    this._listeningId++;
    if (options instanceof TcpHandle) {
      this._handle = options;
      this._listen2(null, -1, -1, backlog);
      return this;
    }
    heedSignal(this, options);
    if (typeof options.fd === 'number' && options.fd >= 0) return listenInKernel(this, options, backlog);
    const isPortless = args.length === 0 || typeof args[0] === 'function' || options.port === null ||
      (options.port === undefined && 'port' in options);
    if (isPortless) options.port = 0;
    if (typeof options.port === 'number' || typeof options.port === 'string') {
      checkPort(options.port, 'options.port');
      const port = Number(options.port);
      const queue = (options.backlog as number | undefined) || backlog;
      const ipv6Only = options.ipv6Only === true;
      if (options.host) lookUpAndListen(this, options.host as string, port, queue, ipv6Only);
      else this._listen2(null, port, 4, queue, undefined, ipv6Only ? IPV6_ONLY : 0);
      return this;
    }
    if (options.path && isPath(options.path)) {
      this._pipeName = options.path;
      return listenInKernel(this, options, backlog);
    }
    if (!('port' in options) && !('path' in options)) {
      throw invalidValue('options', options, 'must have the property "port" or "path"');
    }
    throw invalidValue('options', options);
  }

  /** Node's name for what some wrap. */
  _listen2(address: string | null, port: number, family: number, backlog?: number, fd?: number, flags = 0): void {
    // Without an address: every one, of both families.
    const where = address || '::';
    if (this._handle === null) {
      const made = createHandle(this[host], where, port, address ? family : 6, flags);
      if (typeof made === 'number') {
        process.nextTick(emitError, this, listenError(codeOf(made), where, port));
        return;
      }
      this._handle = made;
    }
    const handle = this._handle as TcpHandle;
    handle.owner = this;
    const failure = handle.listen(backlog || 511);
    if (failure !== null) {
      handle.close();
      this._handle = null;
      process.nextTick(emitError, this, listenError(failure, where, port));
      return;
    }
    this._connectionKey = `${address ? family : 6}:${where}:${port}`;
    if (this._unref) this.unref();
    process.nextTick(emitListening, this);
  }

  get listening(): boolean {
    return this._handle !== null;
  }

  address(): Name | string | null {
    if (this._handle === null || this._pipeName !== undefined) return this._pipeName ?? null;
    const name: Name = {};
    this._handle.getsockname(name);
    return name;
  }

  // ---- clients ------------------------------------------------------------------------------------------------------

  [onClient](handle: StreamHandle): void {
    const peer: Name = {};
    handle.getpeername?.(peer);
    const { maxConnections } = this;
    const isLimited = ZERO_IS_A_LIMIT ? maxConnections !== undefined && maxConnections !== null : Boolean(maxConnections);
    if (isLimited && this._connections >= maxConnections!) {
      const local: Name = {};
      handle.getsockname?.(local);
      this.emit('drop', peer.address === undefined ? undefined : {
        localAddress: local.address, localPort: local.port, localFamily: local.family,
        remoteAddress: peer.address, remotePort: peer.port, remoteFamily: peer.family,
      });
      handle.close();
      return;
    }
    if (peer.address !== undefined && this.blockList?.check(peer.address, `ipv${isIP(peer.address) as 4 | 6}`)) {
      handle.close();
      return;
    }
    const socket = new this[socketOf]({
      handle, allowHalfOpen: this.allowHalfOpen, pauseOnCreate: this.pauseOnConnect, readable: true, writable: true,
      readableHighWaterMark: this.highWaterMark, writableHighWaterMark: this.highWaterMark,
    });
    this._connections++;
    socket[settled](this);
    this.emit('connection', socket);
    if (serverSocketChannel.hasSubscribers) serverSocketChannel.publish({ socket });
  }

  getConnections(callback: (error: Error | null, count: number) => void): this {
    process.nextTick(callback, null, this._connections);
    return this;
  }

  // ---- the end ------------------------------------------------------------------------------------------------------

  close(callback?: unknown): this {
    this._listeningId++;
    if (typeof callback === 'function') {
      if (this._handle !== null) this.once('close', callback as Callback);
      else this.once('close', () => (callback as Callback)(nodeError('ERR_SERVER_NOT_RUNNING')));
    }
    this._handle?.close();
    this._handle = null;
    this._emitCloseIfDrained();
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this._handle === null) return;
    await promisify((done: Callback) => this.close(done))();
  }

  _emitCloseIfDrained(): void {
    if (this._handle === null && this._connections === 0) process.nextTick(emitClose, this);
  }

  override [EventEmitter.captureRejectionSymbol](error: Error, event: string | symbol, ...args: unknown[]): void {
    if (event === 'connection') (args[0] as Socket).destroy(error);
    else this.emit('error', error);
  }

  ref(): this {
    this._unref = false;
    this._handle?.ref();
    return this;
  }

  unref(): this {
    this._unref = true;
    this._handle?.unref();
    return this;
  }
}

const IPV6_ONLY = 1;

function lookUpAndListen(server: Server, name: string, port: number, backlog: number | undefined, ipv6Only: boolean): void {
  const id = server._listeningId;
  lookupOf(server[host])(name, null, (error, address, family) => {
    if (id !== server._listeningId) return;
    if (error) server.emit('error', error);
    else server._listen2(address as string, port, family as number, backlog, undefined, ipv6Only ? IPV6_ONLY : 0);
  });
}

/** A path or a descriptor. */
function listenInKernel<S extends Server>(server: S, { path, fd, readableAll, writableAll, backlog }: Options, otherwise: number | undefined): S {
  const options = path === undefined ? { fd } : { path, readableAll, writableAll };
  const handle = new KernelServerHandle({ ...options, backlog: backlog || otherwise || 511 }, (error) => {
    if (error === null) return emitListening(server);
    if (server._handle === handle) server._handle = null;
    server.emit('error', error);
  });
  handle.owner = server;
  server._handle = handle;
  if (server._unref) server.unref();
  return server;
}

function emitError(server: Server, error: Error): void {
  server.emit('error', error);
}

function emitListening(server: Server): void {
  // It may have been closed meanwhile.
  if (server._handle !== null) server.emit('listening');
}

function emitClose(server: Server): void {
  server.emit('close');
}

function heedSignal(server: Server, options: Options): void {
  if (options.signal === undefined) return;
  checkSignal(options.signal, 'options.signal');
  const signal = options.signal as AbortSignal;
  const onAbort = (): void => {
    server.close();
  };
  if (signal.aborted) {
    process.nextTick(onAbort);
    return;
  }
  const listening = addAbortListener(signal, onAbort);
  server.once('close', () => listening[Symbol.dispose]());
}

/** A handle that has a name; without an address, that of every address of both families. @returns the negative number of why it has none */
export function createHandle(of: Host, address: string | null, port: number, family: number, flags: number): TcpHandle | number {
  const handle = new TcpHandle(of.stack, 'TCPSERVERWRAP');
  const isV6 = !address || family === 6;
  const failure = handle.bindTo(address || '::', port, isV6 ? 6 : 4, (flags & IPV6_ONLY) !== 0);
  if (failure === null) return handle;
  handle.close();
  return errnoOf(failure);
}

function initialize(server: Server, given: unknown, listener?: unknown): void {
  (EventEmitter as unknown as { call(self: EventEmitter): void }).call(server);
  let options: Options = {};
  let onConnection = listener;
  if (typeof given === 'function') onConnection = given;
  else if (given === undefined || given === null || typeof given === 'object') options = { ...given };
  else throw invalidType('options', 'of type object', given);
  if (typeof onConnection === 'function') server.on('connection', onConnection as Callback);
  if (options.keepAliveInitialDelay !== undefined) {
    checkNumber(options.keepAliveInitialDelay, 'options.keepAliveInitialDelay');
    if (options.keepAliveInitialDelay < 0) options.keepAliveInitialDelay = 0;
  }
  if (options.highWaterMark !== undefined) {
    checkNumber(options.highWaterMark, 'options.highWaterMark');
    if (options.highWaterMark < 0) options.highWaterMark = getDefaultHighWaterMark(false);
  }
  server._connections = 0;
  server._handle = null;
  server._usingWorkers = false;
  server._workers = [];
  server._unref = false;
  server._listeningId = 1;
  server.allowHalfOpen = (options.allowHalfOpen || false) as boolean;
  server.pauseOnConnect = Boolean(options.pauseOnConnect);
  server.noDelay = Boolean(options.noDelay);
  server.keepAlive = Boolean(options.keepAlive);
  server.keepAliveInitialDelay = ~~((options.keepAliveInitialDelay as number) / 1000);
  server.highWaterMark = (options.highWaterMark ?? getDefaultHighWaterMark(false)) as number;
  if (options.blockList) server.blockList = options.blockList as BlockList;
}

export interface ServerClass {
  new (options?: unknown, listener?: unknown): Server;
  (options?: unknown, listener?: unknown): Server;
  readonly prototype: Server;
}

/** The class of one module: it listens on `of`'s stack, and its clients are `Socket`s of that module. */
export function serverClass(of: Host, sockets: SocketClass): ServerClass {
  const named: Record<string, unknown> = {
    Server: function (this: unknown, options?: unknown, listener?: unknown): unknown {
      if (!(this instanceof made)) return new made(options, listener);
      initialize(this, options, listener);
      return undefined;
    },
  };
  const made = named.Server as ServerClass;
  inherit(made, EventEmitter, Server);
  Object.defineProperty(made.prototype, host, { value: of });
  Object.defineProperty(made.prototype, socketOf, { value: sockets });
  return made;
}
