// Stream sockets, native face: promises, async iteration, back-pressure. One object per connection over the RFC's user
// calls (tcp/connection.ts); nothing here knows a segment.

import { type Address } from '../address.js';
import { type ErrorCode, invalidArgument, NetError } from '../errors.js';
import {
  CLOSED, CONNECTED, type Connection, type ConnectionOptions, type ConnectionOwner, END, READABLE, TROUBLE, WRITABLE,
} from '../tcp/connection.js';
import { tcpInfo, type TcpInfo } from '../tcp/info.js';
import type { Listener, ListenerOwner } from '../tcp/listener.js';
import { EventRing, type TcpEvents } from '../tcp/probe.js';
import type { Tcp } from '../tcp/tcp.js';
import { addressOf, lengthOf, portOf } from './arguments.js';
import type { Waiter } from './waiter.js';

/** What a face needs of a stack; a `Stack` is one. */
export interface TcpHost {
  readonly tcp: Tcp;
}

/** No ring of events is larger: 80 MiB. */
const EVENTS_MAX = 1 << 20;

export interface TcpConnectOptions extends ConnectionOptions {
  /** Text form, of either family, or an `Address`. */
  readonly address: string | Address;
  /** 1 .. 65535. */
  readonly port: number;
  /** Default: chosen by the route to `address`. */
  readonly localAddress?: string | Address;
  /** Default 0: an ephemeral port. */
  readonly localPort?: number;
  /** Gives up connecting: the promise rejects with the signal's reason. */
  readonly signal?: Signal;
}

/** The part of an AbortSignal that is used here: the core names no platform. */
export interface Signal {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

interface Reader extends Waiter<Uint8Array | number | null> {
  /** Where to read to; null: into memory of its own, at most `max` bytes. */
  readonly target: Uint8Array | null;
  readonly max: number;
}

/** More than any piece has; and a number that takes no memory beside the field. */
const MOST = 0x7fff_ffff;

interface Writer extends Waiter<void> {
  readonly bytes: Uint8Array;
  /** Of `bytes`, when it was written: memory that is taken away meanwhile has none. */
  readonly length: number;
  at: number;
}

/**
 * One connection.
 *
 * Bytes given to `write` arrive, once, in order, or a call says why not. Bytes from `read` are the caller's: the stack
 * never touches them again. `for await (const bytes of socket)` reads to the peer's end and then closes.
 */
export class TcpSocket implements ConnectionOwner, AsyncIterable<Uint8Array> {
  /**
   * Called, between two segments, when ICMP or repeated retransmissions speak of trouble that ends nothing yet; the code is
   * that of the error it would be: ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, ECONNREFUSED … Default null: not told.
   * RFC 9293 MUST-47, SHLD-20.
   */
  onTrouble: ((code: ErrorCode) => void) | null = null;
  private connection: Connection;
  private reader: Reader | null = null;
  private writers: Writer[] | null = null;
  private watcher: Waiter<void> | null = null;
  private closing: Promise<void> | null = null;
  /** `end` or `close` was called: whatever may still be written was written before. */
  private ending = false;
  private finished = false;
  /** What our own `abort` is to calls that wait. */
  private abortion: NetError | null = null;

  /** For `TcpSocket.connect` and `TcpServer`; an application has no connection to give. */
  constructor(connection: Connection) {
    this.connection = connection;
    connection.owner = this;
    this.finished = connection.state === 'CLOSED' || connection.state === 'TIME-WAIT';
  }

  /**
   * Open a connection.
   * @throws (rejects) NetError ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, EADDRINUSE, EADDRNOTAVAIL …
   */
  static async connect(host: TcpHost, options: TcpConnectOptions): Promise<TcpSocket> {
    const signal = options.signal ?? null;
    if (signal !== null && signal.aborted) throw signal.reason;
    const connection = host.tcp.connect({
      ...options,
      address: addressOf('address', options.address),
      port: portOf('port', options.port, 1),
      ...(options.localAddress !== undefined && { localAddress: addressOf('localAddress', options.localAddress) }),
      ...(options.localPort !== undefined && { localPort: portOf('localPort', options.localPort, 0) }),
    } as Parameters<Tcp['connect']>[0]);
    const socket = new TcpSocket(connection);
    const abort = (): void => socket.abort();
    signal?.addEventListener('abort', abort, { once: true });
    try {
      await new Promise<void>((resolve, reject) => {
        socket.watcher = { resolve, reject };
      });
    } catch (error) {
      throw signal !== null && isAborted(signal) ? signal.reason : error;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
    // It may have fired when the news was out and not yet here.
    if (signal !== null && isAborted(signal)) throw signal.reason;
    return socket;
  }

  get localAddress(): string {
    return this.connection.localAddress.toString();
  }

  get localPort(): number {
    return this.connection.localPort;
  }

  get remoteAddress(): string {
    return this.connection.remoteAddress.toString();
  }

  get remotePort(): number {
    return this.connection.remotePort;
  }

  get family(): 'IPv4' | 'IPv6' {
    return this.connection.remoteAddress.family === 4 ? 'IPv4' : 'IPv6';
  }

  /** RFC 9293 §3.3.2. */
  get state(): Connection['state'] {
    return this.connection.state;
  }

  /** A snapshot of what the connection knows of itself: round trips, windows, losses, and why it is not sending. */
  info(): TcpInfo {
    return tcpInfo(this.connection, this.connection.tcp.env.now());
  }

  /**
   * What happens inside the connection from now on: read it at any time, for nobody is called back. The latest `capacity`
   * events are kept, 80 bytes each. For tools.
   */
  probe(capacity = 4096): TcpEvents {
    const ring = new EventRing(Math.min(lengthOf('capacity', capacity), EVENTS_MAX));
    ring.watch(this.connection, this.connection.tcp.env.now());
    return ring;
  }

  /** In-order bytes from the peer so far, and bytes accepted by `write`. */
  get bytesRead(): number {
    return this.connection.bytesReceived - this.connection.readable;
  }

  get bytesWritten(): number {
    return this.connection.sendQueue.tail;
  }

  /** Change what `ConnectionOptions` name, at any time. */
  configure(options: ConnectionOptions): void {
    this.connection.configure(options);
  }

  /**
   * The next piece of the stream, 1 .. `max` bytes; null when the peer has ended it. One read at a time.
   * @throws (rejects) NetError ECONNRESET, ETIMEDOUT …, once what came before has been read
   */
  read(max = Infinity): Promise<Uint8Array | null> {
    try {
      lengthOf('max', max);
    } catch (error) {
      return Promise.reject(error);
    }
    return this.take(null, Math.min(max, MOST)) as Promise<Uint8Array | null>;
  }

  /** What has arrived, without waiting; null: nothing now. */
  readNow(max = Infinity): Uint8Array | null {
    return this.connection.read(lengthOf('max', max));
  }

  /** Read into the caller's memory: bytes read, 1 .. target.length; 0 when the peer has ended the stream. */
  readInto(target: Uint8Array): Promise<number> {
    if (target.length === 0) return Promise.reject(invalidArgument('target', 'of at least one byte', target));
    return this.take(target, target.length) as Promise<number>;
  }

  /**
   * Text, now or as soon as there is some. No async function and no closure: an idle connection waits here, and what it
   * holds meanwhile is one promise and one reader.
   */
  private take(target: Uint8Array | null, max: number): Promise<Uint8Array | number | null> {
    const { connection, error } = this;
    if (this.reader !== null) return Promise.reject(new NetError('EALREADY', 'read', { hint: 'a read is under way' }));
    if (connection.readable > 0) return Promise.resolve(this.taken(target, max));
    if (connection.peerHasEnded) return Promise.resolve(nothingFor(target));
    if (error !== null) return Promise.reject(error);
    if (this.finished || this.closing !== null) return Promise.resolve(nothingFor(target));
    return new Promise((resolve, reject) => {
      this.reader = { resolve, reject, target, max };
    });
  }

  private taken(target: Uint8Array | null, max: number): Uint8Array | number | null {
    return target === null ? this.connection.read(max) : this.connection.readInto(target);
  }

  private serveReader(): void {
    const { reader, connection } = this;
    if (reader === null) return;
    if (connection.readable > 0) {
      this.reader = null;
      reader.resolve(this.taken(reader.target, reader.max));
    } else if (connection.peerHasEnded) {
      this.reader = null;
      reader.resolve(nothingFor(reader.target));
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (let piece = await this.read(); piece !== null; piece = await this.read()) yield piece;
    } finally {
      void this.close();
    }
  }

  /**
   * Resolves when the stack no longer needs the memory of `bytes`, for the peer has it, or the send buffer: so awaiting it is
   * back-pressure. Until then nobody changes it. Writes keep their order whether awaited or not.
   * @throws (rejects) NetError EPIPE after `end`, EFAULT when the memory was taken away, or what ended the connection
   */
  write(bytes: Uint8Array): Promise<void> {
    try {
      this.checkWritable();
      const { length } = bytes;
      const isFirst = this.writers === null;
      const taken = isFirst ? this.connection.lend(bytes) : 0;
      if (isFirst && taken === length) return RESOLVED;
      return new Promise((resolve, reject) => {
        (this.writers ??= []).push({ bytes, length, at: taken, resolve, reject });
      });
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** As much of `bytes` as there is room for, without waiting: bytes taken. Not while a `write` waits. */
  writeNow(bytes: Uint8Array): number {
    this.checkWritable();
    return this.writers === null ? this.connection.write(bytes) : 0;
  }

  /** @throws NetError why nothing more can be written, though earlier writes may still wait */
  private checkWritable(): void {
    if (this.error !== null) throw this.error;
    if (this.ending) throw new NetError('EPIPE', 'write');
  }

  private get error(): NetError | null {
    return this.connection.error ?? this.abortion;
  }

  /** End our side of the stream behind what was written. Reading goes on. */
  end(): void {
    this.ending = true;
    this.endBehindText();
  }

  /** Behind what is lent a FIN can stand at once. */
  private endBehindText(): void {
    const { writers, connection } = this;
    const [writer] = writers ?? [];
    if (writers?.length === 1 && writer!.length - writer!.at === connection.lent) connection.shutdown();
    else this.afterWriters(() => connection.shutdown());
  }

  /**
   * End both sides: what was written is still delivered, what the peer sends from now on is refused. Text that nobody has
   * read resets the connection instead: the peer must not believe it was (RFC 2525 §2.17). Resolves when the connection is
   * over.
   */
  close(): Promise<void> {
    this.ending = true;
    return (this.closing ??= new Promise((resolve) => {
      const { connection } = this;
      if (this.finished) return resolve();
      this.reader?.resolve(nothingFor(this.reader.target));
      this.reader = null;
      this.watcher = { resolve, reject: () => resolve() };
      this.endBehindText();
      this.afterWriters(() => {
        connection.close();
        // close() takes the owner away; we want to hear the end of it.
        connection.owner = this;
        // The wait for the peer's FIN may have begun, and whoever sleeps does not know.
        connection.tcp.env.wake();
        if (this.isOver) this.finish();
      });
    }));
  }

  /** Behind every write that waits for room. */
  private afterWriters(run: () => void): void {
    if (this.writers === null) run();
    else this.writers.push({ bytes: NOTHING, length: 0, at: 0, resolve: run, reject: () => {} });
  }

  /**
   * Reset the connection: the peer gets ECONNRESET, unsent bytes are forgotten, and reads and writes of ours that wait are
   * rejected with ECONNABORTED. RFC 9293 §3.10.5.
   */
  abort(): void {
    if (!this.isOver) this.abortion = new NetError('ECONNABORTED', 'read');
    this.connection.abort();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private get isOver(): boolean {
    return this.connection.state === 'CLOSED' || this.connection.state === 'TIME-WAIT';
  }

  onTcpEvent(_: Connection, events: number): void {
    if ((events & CONNECTED) !== 0 && this.closing === null) {
      this.watcher?.resolve();
      this.watcher = null;
    }
    if ((events & (READABLE | END)) !== 0) this.serveReader();
    if ((events & TROUBLE) !== 0 && this.connection.softError !== null) this.onTrouble?.(this.connection.softError);
    // Also at the end, whatever it is: the peer may have acknowledged all that was lent.
    if ((events & WRITABLE) !== 0) this.serveWriters();
    if ((events & CLOSED) !== 0) this.finish();
  }

  private serveWriters(): void {
    const { writers } = this;
    if (writers === null) return;
    let served = 0;
    try {
      for (; served < writers.length; served++) {
        const writer = writers[served]!;
        if (writer.at < writer.length) writer.at += this.connection.lend(writer.bytes, writer.at, writer.length);
        if (writer.at < writer.length) break;
        writer.resolve();
      }
    } catch (error) {
      // The connection ended behind what was lent, or it ends here, for what should follow was taken away.
      writers.splice(0, served);
      this.failWriters(this.error ?? (error as NetError));
      return;
    }
    if (served === writers.length) this.writers = null;
    else writers.splice(0, served);
  }

  private finish(): void {
    this.finished = true;
    this.serveReader();
    const { reader, watcher, error } = this;
    this.reader = null;
    this.watcher = null;
    if (error !== null) reader?.reject(error);
    else reader?.resolve(nothingFor(reader.target));
    if (error !== null) watcher?.reject(error);
    else watcher?.resolve();
    this.failWriters(error ?? new NetError('EPIPE', 'write'));
  }

  private failWriters(error: NetError): void {
    const { writers } = this;
    this.writers = null;
    if (writers !== null) for (const writer of writers) writer.reject(error);
  }
}

/** The value that says: the end. */
const nothingFor = (target: Uint8Array | null): 0 | null => (target === null ? null : 0);

/** Asked again later: what was false may be true now. */
const isAborted = (signal: Signal): boolean => signal.aborted;

const NOTHING = new Uint8Array(0);
const RESOLVED = Promise.resolve();

export interface TcpListenOptions extends ConnectionOptions {
  /** 0: a free port is chosen. */
  readonly port: number;
  /** Default: every address of both families. */
  readonly address?: string | Address;
  /** Connections that may wait to be accepted. Default 511. */
  readonly backlog?: number;
  readonly ipv6Only?: boolean;
}

/** A listening socket: a new `TcpSocket` for each client. `for await (const socket of server)` accepts until `close`. */
export class TcpServer implements ListenerOwner, AsyncIterable<TcpSocket> {
  private readonly acceptors: Waiter<TcpSocket | null>[] = [];
  private closed = false;

  private constructor(private readonly listener: Listener) {
    listener.owner = this;
  }

  /** @throws NetError EADDRINUSE, EADDRNOTAVAIL */
  static listen(host: TcpHost, options: TcpListenOptions): TcpServer {
    const listener = host.tcp.listen({
      ...options,
      port: portOf('port', options.port, 0),
      ...(options.address !== undefined && { address: addressOf('address', options.address) }),
    } as Parameters<Tcp['listen']>[0]);
    return new TcpServer(listener);
  }

  get address(): string {
    return this.listener.address.toString();
  }

  get port(): number {
    return this.listener.port;
  }

  /** The next client; null once the server is closed. */
  accept(): Promise<TcpSocket | null> {
    if (this.closed) return Promise.resolve(null);
    const connection = this.acceptors.length === 0 ? this.listener.accept() : null;
    if (connection !== null) return Promise.resolve(new TcpSocket(connection));
    return new Promise((resolve, reject) => this.acceptors.push({ resolve, reject }));
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<TcpSocket, void, undefined> {
    for (let socket = await this.accept(); socket !== null; socket = await this.accept()) yield socket;
  }

  /** No more clients; those that were accepted live on. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.listener.close();
    for (const acceptor of this.acceptors.splice(0)) acceptor.resolve(null);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  onTcpAccept(): void {
    while (this.acceptors.length > 0) {
      const connection = this.listener.accept();
      if (connection === null) return;
      this.acceptors.shift()!.resolve(new TcpSocket(connection));
    }
  }
}
