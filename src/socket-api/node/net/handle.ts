// What a `net.Socket` or `net.Server` holds: one connection or listener, with the manners that Node knows of libuv's
// handles. Calls fail with a code instead of throwing; text is told only to who reads, piece by piece, then the end or the
// failure; a handle keeps the process alive while it is at work and referenced; and what it tells runs in the
// asynchronous context it was made in.

import { AsyncResource } from 'node:async_hooks';
// The globals of these names are getters: too slow to be asked for with every piece of text.
import { Buffer } from 'node:buffer';
import process from 'node:process';

import { type Address, ANY4, ANY6, isUnspecified, isV4, LOOPBACK4, LOOPBACK6, parseAddress } from '../../../address.js';
import { NetError } from '../../../errors.js';
import type { Binding } from '../../../tcp/bound-ports.js';
import { CLOSED, CONNECTED, type Connection, type ConnectionOptions, type ConnectionOwner, WRITABLE } from '../../../tcp/connection.js';
import type { Listener, ListenerOwner } from '../../../tcp/listener.js';
import type { HostStack } from '../host.js';
import { hold, release } from '../liveness.js';
import { keepTick } from '../tick-shape.js';
import { errnoOf } from './errors.js';
import { bytesOf, type Chunks, desk, gather } from './gather.js';

keepTick();

/** What the owner of a connection's handle hears. Symbols: they are nobody else's business. */
export const onText = Symbol('text');
export const onEnd = Symbol('end');
export const onFailure = Symbol('failure');
/** ... and the owner of a listener's. */
export const onClient = Symbol('client');

export interface StreamOwner {
  /** A piece of the text; or, where the handle reads into the owner's memory, how many bytes it has put there. */
  [onText](piece: Buffer | number): void;
  /** The peer has ended its side, and all of it has been told. */
  [onEnd](): void;
  /** The connection is lost. */
  [onFailure](code: string): void;
}

export interface ServerOwner {
  [onClient](handle: StreamHandle): void;
}

/** `address`, `family`, `port`, as Node's `address()` gives them. */
export interface Name {
  address?: string;
  family?: string;
  port?: number;
}

/** null, or why not. */
export type Outcome = string | null;
export type Done = (code: Outcome) => void;

/** Some of what was written waits for room. */
export const WAITS = Symbol('waits');

/** What a socket asks of its handle. */
export interface StreamHandle {
  owner: object | null;
  /** Has text been asked for? The owner's own note, as Node keeps it. */
  reading: boolean;
  /** Where text is to be put; null: it is handed over in memory of its own. */
  userBuffer: Uint8Array | null;
  /** Bytes that the owner has been told of, and bytes given to `write`. */
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** Bytes that were given to `write` and have not left, while some of them wait: what an idle timer looks at. */
  readonly writeQueueSize: number;
  /** From now on text is told; what is here already, soon. */
  readStart(): number;
  readStop(): number;
  /**
   * Send, after what was given before.
   * @returns null: all of it is on its way, and the memory is free. WAITS: some of it is not; `whenWritten` says whom to
   *          tell. Anything else is why it cannot be sent.
   */
  write(chunk: Uint8Array): Outcome | typeof WAITS;
  /** The same for several, one behind the other. */
  writev(chunks: readonly Uint8Array[]): Outcome | typeof WAITS;
  /** The same for what a stream has gathered. */
  gather?(chunks: Chunks): Outcome | typeof WAITS;
  /** After WAITS. */
  whenWritten(done: Done): void;
  shutdown(): void;
  // A program may bring a handle of its own, without what follows.
  setNoDelay?(enable: boolean): number;
  /** @param seconds  before the first probe; 0: as it is */
  setKeepAlive?(enable: boolean, seconds: number, intervalSeconds?: number, probes?: number): number;
  setTypeOfService?(tos: number): number;
  /** @returns 0, or the negative number of why not */
  getsockname?(into: Name): number;
  getpeername?(into: Name): number;
  /** A FIN behind what was written; or a RST, if there is text that nobody read. `closed` is called later. */
  close(closed?: () => void): void;
  ref?(): void;
  unref?(): void;
}

/** What a server asks of its handle. */
export interface ServerHandle {
  owner: object | null;
  getsockname(into: Name): number;
  close(): void;
  ref(): void;
  unref(): void;
}

/** A write that waits for room. */
interface Writing {
  readonly chunks: Uint8Array[];
  /** Of each, when it was written: memory that is taken away meanwhile has none. */
  readonly lengths: number[];
  /** The chunk and the byte in it that come next. */
  index: number;
  at: number;
  done: Done | null;
}

export class TcpHandle extends AsyncResource implements ConnectionOwner, ListenerOwner, StreamHandle, ServerHandle {
  owner: StreamOwner | ServerOwner | null = null;
  reading = false;
  bytesWritten = 0;
  userBuffer: Uint8Array | null = null;

  private awake: Connection | null = null;
  /** Of a dormant connection in its table, or -1. */
  private row = -1;
  private listener: Listener | null = null;
  private binding: Binding | null = null;
  /** An address of the other family is written in its mapped form. */
  private isV6 = false;
  private isReading = false;
  private isClosed = false;
  /** The end, or the failure, has been told. */
  private isOver = false;
  private willTell = false;
  private writing: Writing | null = null;
  private connecting: Done | null = null;
  private options: ConnectionOptions | null = null;
  private isReferenced = true;
  private isHolding = false;

  constructor(private readonly stack: HostStack, kind: 'TCPWRAP' | 'TCPSERVERWRAP' = 'TCPWRAP') {
    super(kind, { requireManualDestroy: true });
  }

  /** Whoever asks for it wakes it. */
  private get connection(): Connection | null {
    return this.row < 0 ? this.awake : this.stack.tcp.dormant.wake(this.row);
  }

  onTcpDormant(row: number): void {
    this.row = row;
    this.awake = null;
  }

  onTcpAwake(connection: Connection): void {
    this.row = -1;
    this.awake = connection;
  }

  // Names.

  /** @returns EINVAL, EADDRINUSE, EADDRNOTAVAIL */
  bindTo(address: string, port: number, family: 4 | 6, ipv6Only = false): Outcome {
    const parsed = parseAddress(address);
    if (parsed === null) return 'EINVAL';
    this.isV6 = family === 6;
    const bound = this.stack.tcp.bind(parsed, port, ipv6Only, true);
    if (typeof bound === 'string') return bound;
    this.binding = bound;
    return null;
  }

  getsockname(into: Name): number {
    const { connection, binding } = this;
    if (connection !== null) return this.name(into, connection.localAddress, connection.localPort);
    if (binding !== null) return this.name(into, binding.address, binding.port);
    return this.name(into, this.isV6 ? ANY6 : ANY4, 0);
  }

  getpeername(into: Name): number {
    const { connection } = this;
    if (connection === null || this.connecting !== null) return errnoOf('ENOTCONN');
    return this.name(into, connection.remoteAddress, connection.remotePort);
  }

  private name(into: Name, address: Address, port: number): number {
    into.address = this.isV6 && isV4(address) ? `::ffff:${address}` : address.toString();
    into.family = this.isV6 ? 'IPv6' : 'IPv4';
    into.port = port;
    return 0;
  }

  // Opening.

  /**
   * Open a connection; `done` hears later what became of it.
   * @returns why it cannot even be tried: ENETUNREACH, EADDRNOTAVAIL …
   */
  connect(address: string, port: number, family: 4 | 6, done: Done): Outcome {
    const parsed = parseAddress(address);
    if (parsed === null) return 'EINVAL';
    if (this.connecting !== null) return 'EALREADY';
    if (this.connection !== null) {
      // Also libuv: it is connected, and that is what was asked for.
      this.connecting = done;
      process.nextTick(conclude, this, null);
      return null;
    }
    this.isV6 = family === 6;
    // Also Linux: nobody is this host itself.
    const to = isUnspecified(parsed) ? (isV4(parsed) ? LOOPBACK4 : LOOPBACK6) : parsed;
    const { binding } = this;
    if (port === 0) {
      // Nobody listens there: as if a RST had come.
      this.connecting = done;
      process.nextTick(conclude, this, 'ECONNREFUSED');
      return null;
    }
    try {
      this.awake = this.stack.tcp.connect({
        ...this.options, address: to, port,
        ...(binding !== null && { localPort: binding.port }),
        ...(binding !== null && !isUnspecified(binding.address) && { localAddress: binding.address }),
      });
    } catch (error) {
      return codeOfError(error);
    }
    this.awake.owner = this;
    this.connecting = done;
    this.settle();
    return null;
  }

  /** Give up connecting; nobody is told. */
  abandon(): void {
    this.connecting = null;
    this.close();
  }

  /** Listen on the name that it was bound to. */
  listen(backlog: number): Outcome {
    const { binding, stack } = this;
    if (this.isClosed || binding === null) return 'EINVAL';
    try {
      const { address, port, ipv6Only } = binding;
      this.listener = stack.tcp.listen({ address, port, backlog, ipv6Only, binding });
    } catch (error) {
      return codeOfError(error);
    }
    binding.isListening = true;
    this.listener.owner = this;
    this.settle();
    return null;
  }

  /** A client that a listener's handle has accepted. */
  private static accepted(from: TcpHandle, connection: Connection): TcpHandle {
    const handle = new TcpHandle(from.stack);
    handle.isV6 = from.isV6;
    handle.awake = connection;
    connection.owner = handle;
    connection.letSleep();
    return handle;
  }

  onTcpAccept(): void {
    this.runInAsyncScope(TcpHandle.accept, null, this);
  }

  private static readonly accept = (handle: TcpHandle): void => {
    const next = (): Connection | null => handle.listener?.accept() ?? null;
    try {
      for (let c = next(); c !== null; c = next()) (handle.owner as ServerOwner)[onClient](TcpHandle.accepted(handle, c));
    } catch (error) {
      // The owner's error is its own; those who still wait are not to suffer.
      process.nextTick(acceptMore, handle);
      throw error;
    }
  };

  // Text in.

  readStart(): number {
    if (this.isReading || this.isClosed) return 0;
    this.isReading = true;
    this.settle();
    if (this.hasNews) this.tellSoon();
    return 0;
  }

  readStop(): number {
    this.isReading = false;
    this.settle();
    return 0;
  }

  private get hasNews(): boolean {
    const c = this.connection;
    return c !== null && !this.isOver && (c.readable > 0 || c.peerHasEnded || isDone(c));
  }

  private tellSoon(): void {
    if (this.willTell) return;
    this.willTell = true;
    process.nextTick(tell, this);
  }

  /** Text first; its end, or the failure, when the owner has had its turn. */
  tell(): void {
    this.willTell = false;
    const c = this.connection;
    if (c === null) return;
    let told = false;
    try {
      while (this.isReading && !this.isClosed && c.readable > 0) {
        told = true;
        const owner = this.owner as StreamOwner;
        owner[onText](this.userBuffer === null ? pieceOf(c) : c.readInto(this.userBuffer));
      }
      if (!told && this.isReading && !this.isClosed && !this.isOver) this.tellEnd(c);
    } finally {
      if (told && this.isReading && this.hasNews) this.tellSoon();
    }
  }

  private tellEnd(c: Connection): void {
    if (!c.peerHasEnded && !isDone(c)) return;
    this.isOver = true;
    this.isReading = false;
    this.settle();
    const owner = this.owner as StreamOwner;
    if (c.peerHasEnded) owner[onEnd]();
    else owner[onFailure](c.error?.code ?? 'ECONNRESET');
  }

  get bytesRead(): number {
    const c = this.connection;
    return c === null ? 0 : c.bytesReceived - c.readable;
  }

  // Text out.

  write(chunk: Uint8Array): Outcome | typeof WAITS {
    const { length } = chunk;
    this.bytesWritten += length;
    const c = this.connection;
    if (c === null || this.isClosed) return 'EBADF';
    try {
      const at = c.lend(chunk);
      if (at === length) return null;
      this.writing = { chunks: [chunk], lengths: [length], index: 0, at, done: null };
    } catch (error) {
      return writeFailure(c, error);
    }
    this.settle();
    return WAITS;
  }

  gather(chunks: Chunks): Outcome | typeof WAITS {
    const bytes = gather(chunks);
    if (bytes < 0) return this.writev(chunks.map(bytesOf));
    this.bytesWritten += bytes;
    const c = this.connection;
    if (c === null || this.isClosed) return 'EBADF';
    try {
      const taken = c.write(desk, 0, bytes);
      if (taken === bytes) return null;
      const rest = Buffer.from(desk.subarray(taken, bytes));
      this.writing = { chunks: [rest], lengths: [rest.length], index: 0, at: c.lend(rest), done: null };
    } catch (error) {
      return writeFailure(c, error);
    }
    this.settle();
    return WAITS;
  }

  writev(chunks: readonly Uint8Array[]): Outcome | typeof WAITS {
    for (let i = 0; i < chunks.length; i++) {
      const outcome = this.write(chunks[i]!);
      if (outcome === null) continue;
      if (outcome !== WAITS) return outcome;
      for (const chunk of chunks.slice(i + 1)) {
        this.bytesWritten += chunk.length;
        this.writing!.chunks.push(chunk);
        this.writing!.lengths.push(chunk.length);
      }
      return WAITS;
    }
    return null;
  }

  whenWritten(done: Done): void {
    this.writing!.done = done;
  }

  private goOnWriting(): void {
    const { writing } = this;
    if (writing === null) return;
    const c = this.connection!;
    let outcome: Outcome = null;
    try {
      for (; writing.index < writing.chunks.length; writing.index++) {
        const length = writing.lengths[writing.index]!;
        writing.at += c.lend(writing.chunks[writing.index]!, writing.at, length);
        if (writing.at < length) return;
        writing.at = 0;
      }
    } catch (error) {
      outcome = writeFailure(c, error);
    }
    this.writing = null;
    this.settle();
    writing.done?.(outcome);
  }

  get writeQueueSize(): number {
    const { writing } = this;
    if (writing === null) return 0;
    const { connection } = this;
    let bytes = connection?.unacknowledged ?? 0;
    for (let i = writing.index; i < writing.lengths.length; i++) bytes += writing.lengths[i]!;
    // What is lent counts as not acknowledged.
    return bytes - writing.at - (connection?.lent ?? 0);
  }

  shutdown(): void {
    this.connection?.shutdown();
    // The wait for the peer's FIN may have begun, and whoever sleeps does not know.
    this.stack.wake();
  }

  // Settings.

  setNoDelay(noDelay: boolean): number {
    return this.configure({ noDelay });
  }

  /** @param seconds  before the first probe; 0: as it is. Then ten probes, a second apart, as libuv has it. */
  setKeepAlive(keepAlive: boolean, seconds: number, intervalSeconds = 1, probes = 10): number {
    if (!keepAlive || seconds <= 0) return this.configure({ keepAlive });
    return this.configure({
      keepAlive, keepAliveIdleMs: seconds * 1000, keepAliveIntervalMs: intervalSeconds * 1000, keepAliveProbes: probes,
    });
  }

  setTypeOfService(trafficClass: number): number {
    return this.configure({ trafficClass });
  }

  private configure(options: ConnectionOptions): number {
    if (this.connection !== null) this.connection.configure(options);
    else this.options = { ...this.options, ...options };
    return 0;
  }

  // The end.

  close(closed?: () => void): void {
    this.shut(() => this.connection?.close(), closed);
  }

  /** A RST. `closed` is called later. */
  reset(closed?: () => void): number {
    this.shut(() => this.connection?.abort(), closed);
    return 0;
  }

  private shut(connectionEnds: () => void, closed: (() => void) | undefined): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.isReading = false;
    const { connecting, writing } = this;
    this.connecting = null;
    this.writing = null;
    connectionEnds();
    if (this.awake !== null) this.awake.owner = null;
    this.listener?.close();
    if (this.binding !== null) this.stack.tcp.bound.remove(this.binding);
    this.stack.wake();
    this.settle();
    process.nextTick(over, this, connecting, writing?.done ?? null, closed);
  }

  ref(): void {
    this.isReferenced = true;
    this.settle();
  }

  unref(): void {
    this.isReferenced = false;
    this.settle();
  }

  hasRef(): boolean {
    return this.isReferenced && !this.isClosed;
  }

  getAsyncId(): number {
    return this.asyncId();
  }

  /** At work, as libuv sees it: a connection that nobody reads or writes does not keep a process alive. */
  private get isActive(): boolean {
    return !this.isClosed &&
      (this.listener !== null || this.connecting !== null || this.writing !== null || (this.isReading && !this.isOver));
  }

  private settle(): void {
    const wanted = this.isReferenced && this.isActive;
    if (wanted === this.isHolding) return;
    this.isHolding = wanted;
    if (wanted) hold();
    else release();
  }

  // News from below.

  onTcpEvent(c: Connection, events: number): void {
    this.runInAsyncScope(TcpHandle.hear, null, this, c, events);
  }

  private static readonly hear = (handle: TcpHandle, c: Connection, events: number): void => {
    if (handle.connecting !== null) {
      if ((events & (CONNECTED | CLOSED)) === 0) return;
      try {
        handle.connected((events & CONNECTED) !== 0 ? null : c.error?.code ?? 'ECONNABORTED');
      } finally {
        if (handle.isReading && handle.hasNews) handle.tellSoon();
      }
      return;
    }
    if ((events & (WRITABLE | CLOSED)) === WRITABLE) handle.goOnWriting();
    handle.tell();
    // Whoever does not read hears of the loss by writing.
    if ((events & CLOSED) !== 0 && !handle.isClosed) handle.goOnWriting();
  };

  /** It has come to something. */
  connected(code: Outcome): void {
    const { connecting } = this;
    this.connecting = null;
    this.settle();
    connecting?.(code);
  }
}

/** Arrays up to so large V8 keeps among its objects, until somebody asks for their buffer: a fourth of the price. */
const IN_HEAP_MAX = 64;

/** The next piece of what waits, in memory of its own, from its first byte on: there are programs that look at its `buffer`. */
function pieceOf(c: Connection): Buffer {
  if (c.readable <= IN_HEAP_MAX) {
    const piece = Buffer.allocUnsafeSlow(c.readable);
    c.readInto(piece);
    return piece;
  }
  const piece = c.read()!;
  return Buffer.from(piece.buffer as ArrayBuffer, piece.byteOffset, piece.byteLength);
}

/** Nothing more will come or go. */
const isDone = (c: Connection): boolean => c.state === 'CLOSED' || c.state === 'TIME-WAIT';

/** Also Linux: a RST after the peer's FIN says that nobody reads any more. */
function writeFailure(c: Connection, error: unknown): string {
  const code = codeOfError(error);
  return code === 'ECONNRESET' && c.peerHasEnded ? 'EPIPE' : code;
}

function codeOfError(error: unknown): string {
  if (error instanceof NetError) return error.code;
  throw error;
}

// Called by process.nextTick: no closure each time.

function tell(handle: TcpHandle): void {
  handle.runInAsyncScope(() => handle.tell());
}

function acceptMore(handle: TcpHandle): void {
  handle.onTcpAccept();
}

function conclude(handle: TcpHandle, outcome: Outcome): void {
  handle.runInAsyncScope(() => handle.connected(outcome));
}

/** Behind the ticks and microtasks of now: others learn first why a socket was destroyed, then that it is closed. */
function over(handle: TcpHandle, connecting: Done | null, writing: Done | null, closed: (() => void) | undefined): void {
  queueMicrotask(() => process.nextTick(() => {
    handle.runInAsyncScope(() => {
      connecting?.('ECANCELED');
      writing?.('ECANCELED');
      closed?.();
    });
    handle.emitDestroy();
  }));
}
