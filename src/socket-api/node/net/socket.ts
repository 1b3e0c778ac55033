// `net.Socket`: a Duplex whose text goes through a connection of the stack. Its manners are those that Node documents
// for `net.Socket`, and the ones that Node's own modules and popular packages rely on without being told.

import { addAbortListener } from 'node:events';
import type { BlockList } from 'node:net';
import process from 'node:process';
import { Duplex } from 'node:stream';

import type { Host } from '../host.js';
import { isNormalized, normalize, type Options } from './arguments.js';
import { connected, connectToPath, type Defaults, host, lookUpAndConnect, renewHandle } from './connect.js';
import {
  checkDuration, checkFunction, checkInt32, checkNumber, checkSignal, checkString, endedByPeer, invalidValue, missingTarget, nodeError,
  systemError,
} from './errors.js';
import { bytesOf, type Chunk, type Chunks, lengthOf } from './gather.js';
import { type Name, onEnd, onFailure, onText, type Outcome, type StreamHandle, type StreamOwner, TcpHandle, WAITS } from './handle.js';
import { IdleTimer } from './idle-timer.js';
import { KernelHandle } from './kernel-handle.js';
import { inherit } from './function-class.js';
import type { Server } from './server.js';
import { KEEP_ALIVE_TAKES_OPTIONS, TELLS_OF_CANCELED_WRITES } from './version.js';

type WriteDone = (error?: Error | null) => void;

const noDelay = Symbol('no delay');
const keepAlive = Symbol('keep alive');
const keepAliveSeconds = Symbol('keep alive, seconds');
const keepAliveProbes = Symbol('keep alive, probes');
const typeOfService = Symbol('type of service');
const idle = Symbol('idle timer');
const counted = Symbol('bytes counted');
const pendingAtTimeout = Symbol('pending at timeout');
/** The server that counts it. `server` and `_server` say so too, but programs put others there. */
const countedBy = Symbol('counted by');
const userBuffer = Symbol('buffer');
const userCallback = Symbol('buffer callback');
const userBufferMaker = Symbol('buffer maker');
const defaults = Symbol('defaults');
/** What an accepted client's handle is set to already. */
export const settled = Symbol('settled');

type BufferCallback = (bytes: number, buffer: Uint8Array) => boolean;

/**
 * The methods and properties. The class that programs see is made of them for each module (`socketClass`), and may be called without
 * `new`.
 */
export class Socket extends Duplex implements StreamOwner {
  // Node's names, on which others rely.
  declare connecting: boolean;
  declare server: Server | null;
  declare _server: Server | null;
  declare _handle: StreamHandle | null;
  declare _parent: Socket | null;
  declare _host: string | null;
  declare _hadError: boolean;
  declare _aborted?: boolean;
  declare _sockname: Name | null;
  declare _peername: Name | undefined;
  declare _pendingData: Chunk | Chunks | null;
  declare _pendingEncoding: string;
  declare _closeAfterHandlingError: boolean;
  declare resetAndClosing?: boolean;
  declare timeout: number | undefined;
  declare autoSelectFamilyAttemptedAddresses?: string[];
  declare blockList?: BlockList;

  /** Of the class, not of each socket. */
  declare [host]: Host;
  declare [defaults]: Defaults;
  declare [noDelay]: boolean;
  declare [keepAlive]: boolean;
  declare [keepAliveSeconds]: number;
  /** Seconds between them, and how many; until somebody says so, none. */
  declare [keepAliveProbes]?: { readonly every: number | undefined; readonly count: number | undefined };
  declare [typeOfService]?: number;
  declare [idle]: IdleTimer | null;
  declare [pendingAtTimeout]: number;
  declare [counted]: { read: number; written: number } | null;
  declare [countedBy]: Server | null;
  declare [userBuffer]: Uint8Array | true | null;
  declare [userCallback]: BufferCallback | null;
  declare [userBufferMaker]: (() => Uint8Array) | null;

  // ---- opening ------------------------------------------------------------------------------------------------------

  connect(...args: unknown[]): this {
    const [options, callback] = isNormalized(args[0]) ? args[0] : normalize(args);
    if (callback !== null) this.once('connect', callback);
    if (this._parent?.connecting) return this;
    if (options.port === undefined && (options.path === undefined || options.path === null)) throw missingTarget();
    // A socket may be used again.
    if (Object.hasOwn(this, 'write')) Reflect.deleteProperty(this, 'write');
    if (this.destroyed) {
      this._handle = null;
      this._peername = undefined;
      this._sockname = null;
    }
    const path = options.path || null;
    if (this._handle === null) {
      this._handle = path === null ? new TcpHandle(this[host].stack) : KernelHandle.forPath();
      adopt(this, this._handle);
    }
    this._unrefTimer();
    this.connecting = true;
    if (path !== null) {
      checkString(path, 'options.path');
      connectToPath(this, this._handle as KernelHandle, path);
      return this;
    }
    lookUpAndConnect(this, options, this[defaults]);
    return this;
  }

  [renewHandle](): void {
    this._handle?.close();
    this._handle = new TcpHandle(this[host].stack);
    adopt(this, this._handle);
  }

  [connected](): void {
    const handle = this._handle!;
    this.connecting = false;
    this._sockname = null;
    this._unrefTimer();
    if (this[noDelay]) handle.setNoDelay?.(true);
    if (this[keepAlive]) keepAliveOf(this, handle);
    if (this[typeOfService] !== undefined) handle.setTypeOfService?.(this[typeOfService]);
    this.emit('connect');
    this.emit('ready');
    // Text is asked for, unless somebody has said that it must wait.
    if (!this.isPaused()) this.read(0);
  }

  // ---- text in ------------------------------------------------------------------------------------------------------

  override _read(size: number): void {
    if (this.connecting || this._handle === null) this.once('connect', () => this._read(size));
    else if (!this._handle.reading) startReading(this._handle);
  }

  [onText](piece: Buffer | number): void {
    this._unrefTimer();
    if (this.destroyed) return;
    const goesOn = typeof piece === 'number'
      ? tellBuffer(this, piece)
      : this.push(piece);
    if (!goesOn) stopReading(this._handle);
  }

  [onEnd](): void {
    this._unrefTimer();
    this.push(null);
    this.read(0);
  }

  [onFailure](code: string): void {
    this._unrefTimer();
    this.destroy(systemError(code, 'read'));
  }

  override pause(): this {
    if (this[userBuffer] !== null && !this.connecting && this._handle?.reading) stopReading(this._handle);
    return super.pause();
  }

  override resume(): this {
    readIntoBuffer(this);
    return super.resume();
  }

  override read(size?: number): unknown {
    readIntoBuffer(this);
    return super.read(size);
  }

  // ---- text out -----------------------------------------------------------------------------------------------------

  override _write(chunk: Chunk, encoding: BufferEncoding, done: WriteDone): void {
    this._writeGeneric(false, chunk, encoding, done);
  }

  override _writev(chunks: Chunks, done: WriteDone): void {
    this._writeGeneric(true, chunks, '', done);
  }

  _writeGeneric(many: boolean, data: Chunk | Chunks, encoding: string, done: WriteDone): boolean | undefined {
    if (this.connecting) {
      writeWhenConnected(this, many, data, encoding, done);
      return undefined;
    }
    this._pendingData = null;
    this._pendingEncoding = '';
    const handle = this._handle;
    if (handle === null) {
      done(nodeError('ERR_SOCKET_CLOSED'));
      return false;
    }
    this._unrefTimer();
    const outcome = many ? writeAll(handle, data as Chunks) : handle.write(bytesOf({ chunk: data as Chunk, encoding: encoding as BufferEncoding }));
    if (outcome === null) {
      done();
    } else if (outcome === WAITS) {
      handle.whenWritten((code) => written(this, code, done));
      this[pendingAtTimeout] = handle.writeQueueSize;
    } else {
      done(systemError(outcome, 'write'));
    }
    return undefined;
  }

  override _final(done: WriteDone): void {
    if (this.pending) {
      this.once('connect', () => this._final(done));
      return;
    }
    this._handle!.shutdown();
    process.nextTick(done);
  }

  override end(...args: unknown[]): this {
    super.end(...args as []);
    return this;
  }

  // ---- the end ------------------------------------------------------------------------------------------------------

  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  }

  resetAndDestroy(): this {
    if (this._handle === null) this.destroy(nodeError('ERR_SOCKET_CLOSED'));
    else if (!(this._handle instanceof TcpHandle)) throw nodeError('ERR_INVALID_HANDLE_TYPE');
    else if (this.connecting) this.once('connect', () => this._reset());
    else this._reset();
    return this;
  }

  _reset(): this {
    this.resetAndClosing = true;
    return this.destroy();
  }

  override _destroy(error: Error | null, done: WriteDone): void {
    this.connecting = false;
    this[idle]?.stop();
    for (let each = this._parent; each; each = each._parent) each[idle]?.stop();
    const handle = this._handle;
    if (handle === null) {
      done(error);
      process.nextTick(emitClose, this);
    } else {
      this[counted] = { read: handle.bytesRead, written: handle.bytesWritten };
      closeHandle(this, handle, error !== null && error !== undefined);
      done(error);
    }
    const server = this[countedBy];
    if (server !== null) {
      this[countedBy] = null;
      server._connections--;
      server._emitCloseIfDrained();
    }
  }

  // ---- idleness -----------------------------------------------------------------------------------------------------

  setTimeout(ms: number, callback?: () => void): this {
    if (this.destroyed) return this;
    this.timeout = ms;
    const duration = checkDuration(ms, 'msecs');
    this[idle]?.stop();
    this[idle] = null;
    if (callback !== undefined) checkFunction(callback, 'callback');
    if (duration > 0) {
      this[idle] = new IdleTimer(this[host].stack, Math.max(1, duration), this);
      if (callback !== undefined) this.once('timeout', callback);
    } else if (callback !== undefined) {
      this.removeListener('timeout', callback);
    }
    return this;
  }

  /** Something has happened. */
  _unrefTimer(): void {
    this[idle]?.refresh();
    for (let each = this._parent; each; each = each._parent) each[idle]?.refresh();
  }

  _onTimeout(): void {
    const before = this[pendingAtTimeout];
    const pending = this._handle?.writeQueueSize ?? 0;
    if (before > 0 && before !== pending && this._handle !== null) {
      // A long write makes progress: that is not idleness.
      this[pendingAtTimeout] = pending;
      this._unrefTimer();
      return;
    }
    this.emit('timeout');
  }

  // ---- settings -----------------------------------------------------------------------------------------------------

  setNoDelay(enable: unknown = true): this {
    const wanted = Boolean(enable);
    if (this._handle !== null) {
      if (!this._handle.setNoDelay) return this;
      if (wanted !== this[noDelay]) this._handle.setNoDelay(wanted);
    }
    this[noDelay] = wanted;
    return this;
  }

  setKeepAlive(enable?: unknown, initialDelay?: unknown, interval?: number, count?: number): this {
    if (KEEP_ALIVE_TAKES_OPTIONS && typeof enable === 'object' && enable !== null) {
      const options = enable as { enable?: unknown; initialDelay?: unknown; interval?: number; count?: number };
      return this.setKeepAlive(options.enable, options.initialDelay, options.interval, options.count);
    }
    const handle = this._handle;
    if (handle !== null && !handle.setKeepAlive) return this;
    const wanted = Boolean(enable);
    const seconds = ~~((initialDelay as number) / 1000);
    const every = interval === undefined ? undefined : ~~(interval / 1000);
    const before = this[keepAliveProbes];
    const isNew = wanted !== this[keepAlive] || (wanted &&
      (seconds !== this[keepAliveSeconds] || every !== before?.every || count !== before?.count));
    this[keepAlive] = wanted;
    this[keepAliveSeconds] = seconds;
    if (before !== undefined || every !== undefined || count !== undefined) this[keepAliveProbes] = { every, count };
    if (handle !== null && isNew) keepAliveOf(this, handle);
    return this;
  }

  /** Node 24.15, 25.6: DSCP and ECN bits, 0 .. 255. */
  setTypeOfService(tos: number): this {
    checkInt32(tos, 'tos', 0, 255);
    this[typeOfService] = tos;
    this._handle?.setTypeOfService?.(tos);
    return this;
  }

  getTypeOfService(): number {
    return this[typeOfService] ?? 0;
  }

  ref(): this {
    if (this._handle === null) this.once('connect', () => this.ref());
    else this._handle.ref?.();
    return this;
  }

  unref(): this {
    if (this._handle === null) this.once('connect', () => this.unref());
    else this._handle.unref?.();
    return this;
  }

  // ---- what can be asked --------------------------------------------------------------------------------------------

  address(): Name {
    return this._getsockname();
  }

  _getsockname(): Name {
    if (!this._handle?.getsockname) return {};
    if (this._sockname === null) {
      this._sockname = {};
      this._handle.getsockname(this._sockname);
    }
    return this._sockname;
  }

  _getpeername(): Name {
    if (!this._handle?.getpeername || this.connecting) return this._peername ?? {};
    if (this._peername === undefined) {
      const name: Name = {};
      if (this._handle.getpeername(name) !== 0) return name;
      this._peername = name;
    }
    return this._peername;
  }

  get _connecting(): boolean {
    return this.connecting;
  }

  get pending(): boolean {
    return this._handle === null || this.connecting;
  }

  get readyState(): string {
    if (this.connecting) return 'opening';
    if (this.readable) return this.writable ? 'open' : 'readOnly';
    return this.writable ? 'writeOnly' : 'closed';
  }

  get bufferSize(): number | undefined {
    return this._handle === null ? undefined : this.writableLength;
  }

  get bytesRead(): number {
    return this._handle?.bytesRead ?? this[counted]?.read ?? 0;
  }

  get _bytesDispatched(): number {
    return this._handle?.bytesWritten ?? this[counted]?.written ?? 0;
  }

  /** What was given to the connection, and what waits before it. */
  get bytesWritten(): number | undefined {
    const buffered = (this as unknown as { writableBuffer?: Chunks }).writableBuffer;
    if (buffered === undefined) return undefined;
    let bytes = this._bytesDispatched;
    for (const each of buffered) bytes += lengthOf(each);
    const pending = this._pendingData;
    if (Array.isArray(pending)) for (const each of pending) bytes += lengthOf(each);
    else if (pending) bytes += lengthOf({ chunk: pending, encoding: this._pendingEncoding as BufferEncoding });
    return bytes;
  }

  get localAddress(): string | undefined {
    return this._getsockname().address;
  }

  get localPort(): number | undefined {
    return this._getsockname().port;
  }

  get localFamily(): string | undefined {
    return this._getsockname().family;
  }

  get remoteAddress(): string | undefined {
    return this._getpeername().address;
  }

  get remotePort(): number | undefined {
    return this._getpeername().port;
  }

  get remoteFamily(): string | undefined {
    return this._getpeername().family;
  }

  /** For a server: what it has done to the handle already. */
  [settled](server: Server): void {
    const handle = this._handle!;
    if (server.noDelay) {
      this[noDelay] = true;
      handle.setNoDelay?.(true);
    }
    if (server.keepAlive) {
      this[keepAlive] = true;
      this[keepAliveSeconds] = server.keepAliveInitialDelay;
      handle.setKeepAlive?.(true, server.keepAliveInitialDelay);
    }
    this.server = server;
    this._server = server;
    this[countedBy] = server;
  }
}

const READ_ONLY_GETTERS = [
  'bytesRead', 'bytesWritten', '_bytesDispatched', 'localAddress', 'localPort', 'localFamily', 'remoteAddress', 'remotePort', 'remoteFamily',
];

function writeAll(handle: StreamHandle, chunks: Chunks): Outcome | typeof WAITS {
  return handle.gather === undefined ? handle.writev(chunks.map(bytesOf)) : handle.gather(chunks);
}

/** The handle is told what the socket knows. */
function keepAliveOf(socket: Socket, handle: StreamHandle): void {
  const { every, count } = socket[keepAliveProbes] ?? {};
  if (KEEP_ALIVE_TAKES_OPTIONS || every !== undefined || count !== undefined) {
    handle.setKeepAlive?.(socket[keepAlive], socket[keepAliveSeconds], every, count);
  } else {
    handle.setKeepAlive?.(socket[keepAlive], socket[keepAliveSeconds]);
  }
}

function startReading(handle: StreamHandle): void {
  handle.reading = true;
  handle.readStart();
}

function stopReading(handle: StreamHandle | null): void {
  if (handle === null) return;
  handle.reading = false;
  handle.readStop();
}

/** The stream's own flow knows nothing of who reads into memory of his own. */
function readIntoBuffer(socket: Socket): void {
  const { _handle: handle } = socket;
  if (socket[userBuffer] !== null && !socket.connecting && handle !== null && !handle.reading) startReading(handle);
}

/** `onread`: the bytes are in the caller's memory. @returns whether to go on */
function tellBuffer(socket: Socket, bytes: number): boolean {
  const goesOn = socket[userCallback]!(bytes, socket[userBuffer] as Uint8Array);
  const next = socket[userBufferMaker]?.();
  if (next instanceof Uint8Array) {
    socket[userBuffer] = next;
    if (socket._handle !== null) socket._handle.userBuffer = next;
  }
  return goesOn !== false;
}

function writeWhenConnected(socket: Socket, many: boolean, data: Chunk | Chunks, encoding: string, done: WriteDone): void {
  socket._pendingData = data;
  socket._pendingEncoding = encoding;
  const onClose = (): void => done(nodeError('ERR_SOCKET_CLOSED_BEFORE_CONNECTION'));
  socket.once('connect', () => {
    socket.off('close', onClose);
    socket._writeGeneric(many, data, encoding, done);
  });
  socket.once('close', onClose);
}

/** What had to wait for room is on its way, or not. */
function written(socket: Socket, code: string | null, done: WriteDone): void {
  if (code !== null && (TELLS_OF_CANCELED_WRITES || !socket.destroyed)) return done(systemError(code, 'write'));
  if (socket.destroyed) return done(null);
  socket._unrefTimer();
  socket[pendingAtTimeout] = 0;
  done(null);
}

/** A new handle for a new socket, or for one that is used again. */
function adopt(socket: Socket, handle: StreamHandle | null): void {
  (socket as unknown as { _undestroy(): void })._undestroy();
  socket._sockname = null;
  if (handle === null) return;
  handle.owner = socket;
  if (socket[userBuffer] === null) return;
  const buffer = socket[userBufferMaker]?.() ?? socket[userBuffer];
  if (!(buffer instanceof Uint8Array)) return;
  socket[userBuffer] = buffer;
  handle.userBuffer = buffer;
}

function closeHandle(socket: Socket, handle: StreamHandle, hadError: boolean): void {
  const forget = (): void => {
    handle.owner = null;
    socket._handle = null;
    socket._sockname = null;
  };
  if (socket.resetAndClosing && handle instanceof TcpHandle) {
    socket.resetAndClosing = false;
    handle.reset(() => socket.emit('close', hadError));
    forget();
  } else if (socket._closeAfterHandlingError) {
    // Whoever handles the error may still look at the socket.
    queueMicrotask(() => handle.close(() => {
      socket.emit('close', hadError);
      forget();
    }));
  } else {
    handle.close(() => socket.emit('close', hadError));
    forget();
  }
}

/** Of a socket that never had a handle: not even whether there was an error. */
function emitClose(socket: Socket): void {
  socket.emit('close');
}

/** Provides a better error than "write after end" where it was the peer who ended. */
function writeAfterEnd(this: Socket, chunk: unknown, encoding?: unknown, callback?: unknown): boolean {
  if (!this.writableEnded) return Duplex.prototype.write.call(this, chunk, encoding as BufferEncoding, callback as WriteDone);
  const done = typeof encoding === 'function' ? encoding : callback;
  const error = endedByPeer();
  if (typeof done === 'function') process.nextTick(done, error);
  this.destroy(error);
  return false;
}

function onReadableEnd(this: Socket): void {
  if (!this.allowHalfOpen) this.write = writeAfterEnd as Socket['write'];
}

/** The constructor's work. */
function initialize(socket: Socket, given: Options | number | undefined): void {
  checkOptions(given);
  const options: Options = typeof given === 'number' ? { fd: given } : { ...given };
  options.allowHalfOpen = Boolean(options.allowHalfOpen);
  // 'close' comes when the handle is closed, and text is encoded once, where it is sent from.
  options.emitClose = false;
  options.autoDestroy = true;
  options.decodeStrings = false;
  const { handle, fd, onread } = options as { handle?: StreamHandle; fd?: number; onread?: Options | null };
  socket.connecting = false;
  socket._hadError = false;
  socket._handle = null;
  socket._parent = null;
  socket._host = null;
  socket[idle] = null;
  socket[pendingAtTimeout] = 0;
  socket[userBuffer] = null;
  socket[userCallback] = null;
  socket[userBufferMaker] = null;
  socket._closeAfterHandlingError = false;
  (Duplex as unknown as { call(self: Duplex, options: Options): void }).call(socket, options);
  if (handle) socket._handle = handle;
  else if (fd !== undefined) socket._handle = KernelHandle.ofDescriptor({ fd });
  if (typeof onread === 'object' && onread !== null) readInto(socket, onread);
  socket[noDelay] = Boolean(options.noDelay);
  socket[keepAlive] = Boolean(options.keepAlive);
  socket[keepAliveSeconds] = ~~((options.keepAliveInitialDelay as number) / 1000);
  if (options.typeOfService !== undefined) socket.setTypeOfService(options.typeOfService as number);
  if (options.blockList) socket.blockList = options.blockList as BlockList;
  socket.on('end', onReadableEnd);
  adopt(socket, socket._handle);
  socket._pendingData = null;
  socket._pendingEncoding = '';
  if (socket._handle !== null && options.readable !== false) {
    if (options.pauseOnCreate) {
      stopReading(socket._handle);
      (socket as { readableFlowing: boolean | null }).readableFlowing = false;
    } else if (!options.manualStart) {
      socket.read(0);
    }
  }
  if (options.signal) heedSignal(socket, options.signal as AbortSignal);
  socket.server = null;
  socket._server = null;
  socket[countedBy] = null;
  socket[counted] = null;
}

function checkOptions(options: Options | number | undefined): void {
  if (typeof options !== 'object' || options === null) return;
  for (const name of ['objectMode', 'readableObjectMode', 'writableObjectMode']) {
    if (options[name]) throw invalidValue(`options.${name}`, options[name], 'is not supported');
  }
  if (options.keepAliveInitialDelay !== undefined) {
    checkNumber(options.keepAliveInitialDelay, 'options.keepAliveInitialDelay');
    if (options.keepAliveInitialDelay < 0) options.keepAliveInitialDelay = 0;
  }
}

/** The option `onread`: text goes into the caller's memory, and no 'data' is emitted. */
function readInto(socket: Socket, { buffer, callback }: Options): void {
  if (typeof callback !== 'function') return;
  if (typeof buffer === 'function') {
    socket[userBuffer] = true;
    socket[userBufferMaker] = buffer as () => Uint8Array;
  } else if (buffer instanceof Uint8Array) {
    socket[userBuffer] = buffer;
  } else {
    return;
  }
  socket[userCallback] = callback as BufferCallback;
}

/** Destroying at the signal is the stream's affair; attempts to connect must know, too. */
function heedSignal(socket: Socket, signal: AbortSignal): void {
  checkSignal(signal, 'options.signal');
  const onAbort = (): void => {
    socket._aborted = true;
  };
  process.nextTick(() => {
    if (signal.aborted) return onAbort();
    const listening = addAbortListener(signal, onAbort);
    socket.once('close', () => listening[Symbol.dispose]());
  });
}

export interface SocketClass {
  new (options?: unknown): Socket;
  (options?: unknown): Socket;
  readonly prototype: Socket;
}

/** The class of one module: its sockets are on `of`'s stack. */
export function socketClass(of: Host, its: Defaults): SocketClass {
  // Its name comes from here, whatever a bundler does to ours.
  const named: Record<string, unknown> = {
    Socket: function (this: unknown, options?: unknown): unknown {
      if (!(this instanceof made)) return new made(options);
      initialize(this, options as Options | undefined);
      return undefined;
    },
  };
  const made = named.Socket as SocketClass;
  inherit(made, Duplex, Socket);
  for (const name of READ_ONLY_GETTERS) Object.defineProperty(made.prototype, name, { configurable: false });
  Object.defineProperty(made.prototype, host, { value: of });
  Object.defineProperty(made.prototype, defaults, { value: its });
  return made;
}
