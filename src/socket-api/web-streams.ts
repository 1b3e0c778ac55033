// Stream sockets, web face: a connection as two streams of bytes (WHATWG Streams), in the shape of the WICG's Direct Sockets
// and of WinterTC's Sockets API. Over the RFC's user calls (tcp/connection.ts), RFC 9293 §3.9.1: a read is a RECEIVE, a write
// a SEND, closing the writable a CLOSE of our side, aborting it an ABORT.

import type { Address } from '../address.js';
import { invalidArgument, invalidValue, NetError } from '../errors.js';
import { CLOSED, CONNECTED, type Connection, type ConnectionOptions, type ConnectionOwner, WRITABLE } from '../tcp/connection.js';
import { tcpInfo, type TcpInfo } from '../tcp/info.js';
import type { Listener, ListenerOwner } from '../tcp/listener.js';
import type { Tcp } from '../tcp/tcp.js';
import { addressOf, portOf } from './arguments.js';
import type { Signal, TcpHost, TcpListenOptions } from './tcp.js';
import type { Waiter } from './waiter.js';

/** Where to: a host is an address, never a name. */
export interface SocketAddress {
  readonly hostname: string | Address;
  /** 1 .. 65535. */
  readonly port: number;
}

/** The options of a connection, and these of the web's. */
export interface WebConnectOptions extends WebTcpOptions {
  /** Default: chosen by the route to the address. */
  readonly localAddress?: string | Address;
  /** Default 0: an ephemeral port. */
  readonly localPort?: number;
  /** There is no TLS here: nothing but `off` is taken. Default `off`. */
  readonly secureTransport?: 'off';
}

export interface WebTcpOptions extends ConnectionOptions {
  /**
   * Whether our side stays open when the peer has ended its own. Default true, as in Direct Sockets; WinterTC's is false: then
   * the peer's end, once a read has come to it, ends our side behind what was written by then.
   */
  readonly allowHalfOpen?: boolean;
}

export interface WebListenOptions extends TcpListenOptions, WebTcpOptions {}

export interface TcpOpenInfo {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<BytesOfTheWeb>;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
}

export interface TcpServerOpenInfo {
  readonly readable: ReadableStream<WebTcpSocket>;
  readonly localAddress: string;
  readonly localPort: number;
}

/** What WebIDL calls a BufferSource. */
export type BytesOfTheWeb = ArrayBuffer | ArrayBufferView;

/**
 * Open a connection. `address` may be a text: `10.0.0.2:80`, `[fd00::2]:80`.
 *
 * What the network says of it (ECONNREFUSED, ETIMEDOUT, ENETUNREACH, EADDRNOTAVAIL …), `opened` and `closed` are rejected with,
 * and both streams end in: a NetError.
 * @throws TypeError or RangeError for arguments that are none
 */
export function connect(host: TcpHost, address: string | SocketAddress, options: WebConnectOptions = {}): WebTcpSocket {
  const { hostname, port } = typeof address === 'string' ? socketAddress(address) : address;
  const { localAddress, localPort, secureTransport = 'off', allowHalfOpen = true } = options;
  if (secureTransport !== 'off') throw invalidValue('options.secureTransport', "must be 'off'", secureTransport);
  const request = {
    ...options,
    address: addressOf('address', hostname),
    port: portOf('port', port, 1),
    ...(localAddress !== undefined && { localAddress: addressOf('localAddress', localAddress) }),
    ...(localPort !== undefined && { localPort: portOf('localPort', localPort, 0) }),
  } as Parameters<Tcp['connect']>[0];
  return new WebTcpSocket(orRefusal(() => host.tcp.connect(request)), allowHalfOpen);
}

/**
 * Wait for clients. Where nothing can be bound, `opened` and `closed` are rejected: EADDRINUSE, EADDRNOTAVAIL.
 * @throws TypeError or RangeError for arguments that are none
 */
export function listen(host: TcpHost, options: WebListenOptions): WebTcpServer {
  const { address, allowHalfOpen = true } = options;
  const request = {
    ...options,
    port: portOf('port', options.port, 0),
    ...(address !== undefined && { address: addressOf('address', address) }),
  } as Parameters<Tcp['listen']>[0];
  return new WebTcpServer(orRefusal(() => host.tcp.listen(request)), allowHalfOpen);
}

/**
 * One connection.
 *
 * `readable` is a byte stream that holds nothing back for itself: text waits in the receive buffer until it is asked for, and
 * the window tells the peer. A default reader gets the memory that the text arrived in; a BYOB reader has it copied into its
 * own, once. Cancelled, it lets our side go on: what the peer still sends is thrown away, and once our side has ended too,
 * refused.
 *
 * `writable` takes a BufferSource at a time; a write is done when all of it is in the send buffer. Closing it sends a FIN
 * behind what was written. Aborting it resets the connection: what was not sent is forgotten, and reading ends in ECONNABORTED.
 */
export class WebTcpSocket implements ConnectionOwner {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<BytesOfTheWeb>;
  /** Resolved when the connection stands. */
  readonly opened: Promise<TcpOpenInfo>;
  /** Resolved when both sides have ended and the peer knows; rejected with what ended the connection instead. */
  readonly closed: Promise<void>;
  readonly secureTransport = 'off';
  readonly upgraded = false;

  /** Null where not even a SYN could be sent. */
  private readonly connection: Connection | null = null;
  private readonly opening = new Deferred<TcpOpenInfo>();
  private readonly closing = new Deferred<void>();
  private input!: ReadableByteStreamController;
  private output!: WritableStreamDefaultController;
  /** The readable has asked for text, and has not been given any yet. */
  private wanted = false;
  /** The readable is closed, cancelled or errored. */
  private readOver = false;
  private cancelled = false;
  /** The write that waits for room. */
  private writer: (Waiter<void> & { readonly bytes: Uint8Array; readonly length: number; at: number }) | null = null;
  /** Chunks that the writable was given, and chunks that it has given us. */
  private offered = 0;
  private taken = 0;
  /** Our side is at its end: a FIN is queued. */
  private ended = false;
  /** What is to be done once all that the writable was given is taken. */
  private next: 'nothing' | 'end' | 'close' = 'nothing';
  /** The connection is over, and everybody has been told. */
  private over = false;
  /** What our own ABORT is to whoever waits. */
  private abortion: NetError | null = null;

  /** For `connect` and `WebTcpServer`; an application has no connection to give. */
  constructor(made: Connection | NetError, private readonly allowHalfOpen: boolean) {
    this.opened = this.opening.promise;
    this.closed = this.closing.promise;
    this.readable = new ReadableStream({
      type: 'bytes',
      start: (controller) => {
        this.input = controller;
        return this.settled();
      },
      pull: () => this.pull(),
      cancel: () => this.cancel(),
    }, { highWaterMark: 0 });
    this.writable = new WritableStream<BytesOfTheWeb>({
      start: (controller) => {
        this.output = controller;
        // At once, where `abort` below waits for a write that may wait for ever. Not every platform has it.
        (controller as Abortable).signal?.addEventListener('abort', () => this.abort(), { once: true });
        return this.settled();
      },
      write: (chunk) => this.write(chunk),
      close: () => this.end(),
      abort: () => this.abort(),
    }, {
      highWaterMark: 1,
      // Asked once for each chunk, when the writable is given it.
      size: () => {
        this.offered++;
        return 1;
      },
    });
    if (made instanceof NetError) {
      this.finish(made);
      return;
    }
    this.connection = made;
    made.owner = this;
    // What happened before it was accepted was told to nobody.
    if (made.state === 'CLOSED' || made.state === 'TIME-WAIT') this.finish(made.error);
    else if (made.state !== 'SYN-SENT' && made.state !== 'SYN-RECEIVED') this.onOpened(made);
    this.serve();
  }

  /** A snapshot of what the connection knows of itself; null where it never came to one. */
  info(): TcpInfo | null {
    const { connection } = this;
    return connection === null ? null : tcpInfo(connection, connection.tcp.env.now());
  }

  /**
   * End both sides. All that `writable` was given is still delivered; what the peer sends from now on is refused, and text that
   * nobody has read resets the connection (RFC 2525 §2.17). A connection that does not stand yet is given up, unless something
   * was written.
   * @returns `closed`
   */
  close(): Promise<void> {
    this.closeReadable();
    this.next = 'close';
    this.proceed();
    return this.closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close().catch(() => {});
  }

  /** Neither stream asks anything of us before the connection stands. */
  private settled(): Promise<void> {
    return this.opened.then(() => {});
  }

  private onOpened(connection: Connection): void {
    this.opening.resolve({
      readable: this.readable, writable: this.writable,
      remoteAddress: connection.remoteAddress.toString(), remotePort: connection.remotePort,
      localAddress: connection.localAddress.toString(), localPort: connection.localPort,
    });
  }

  onTcpEvent(connection: Connection, events: number): void {
    if ((events & CONNECTED) !== 0) this.onOpened(connection);
    this.serve();
    // Also at the end, whatever it is: the peer may have acknowledged all that was lent.
    if ((events & WRITABLE) !== 0) this.goOnWriting(connection);
    if ((events & CLOSED) !== 0) this.finish(connection.error ?? this.abortion);
  }

  // The readable's side.

  private pull(): void {
    this.wanted = true;
    this.serve();
  }

  /** Give the readable what it asks for, if it is there: text, the end, or why there is no more. */
  private serve(): void {
    const { connection } = this;
    if (connection === null) return;
    if (this.cancelled) discard(connection);
    if (this.readOver) return;
    if (this.wanted && connection.readable > 0) {
      // First, for it may ask for more at once.
      this.wanted = false;
      this.give(connection);
    }
    if (connection.readable > 0 || this.readOver) return;
    if (connection.peerHasEnded) {
      // Where it ends our side too, it is told to who asks for more: what came last may still be about to be answered.
      if (this.allowHalfOpen || this.wanted) this.peerEnded();
    } else if (this.over && connection.error !== null) {
      this.failReadable(connection.error);
    }
  }

  private give(connection: Connection): void {
    const request = this.input.byobRequest;
    // Its memory is ours no longer, and nothing else is in it: the stream may transfer it.
    if (request === null) this.input.enqueue(connection.read()!);
    else request.respond(connection.readInto(request.view as Uint8Array));
  }

  private peerEnded(): void {
    this.closeReadable();
    if (this.allowHalfOpen || this.next !== 'nothing') return;
    this.next = 'end';
    this.proceed();
  }

  private closeReadable(): void {
    if (this.readOver) return;
    this.readOver = true;
    try {
      this.input.close();
    } catch {
      // A BYOB reader's last element is half filled: the stream has told it so.
      return;
    }
    this.input.byobRequest?.respond(0);
  }

  private failReadable(error: NetError): void {
    this.readOver = true;
    this.input.error(error);
  }

  private cancel(): void {
    this.readOver = true;
    this.cancelled = true;
    if (this.ended) this.letGo();
    else this.serve();
  }

  // The writable's side.

  /** @throws NetError EPIPE when our side has ended, or what ended the connection */
  private write(chunk: BytesOfTheWeb): Promise<void> | undefined {
    const connection = this.connection!;
    const bytes = bytesOf(chunk);
    this.taken++;
    if (bytes === null) {
      // The writable takes nothing after this, not even an end: the peer must not take half a stream for the whole.
      this.abort();
      throw invalidArgument('chunk', 'an ArrayBuffer or a view of one', chunk);
    }
    const { length } = bytes;
    const at = connection.lend(bytes);
    if (at === length) {
      this.proceed();
      return undefined;
    }
    return new Promise((resolve, reject) => {
      this.writer = { bytes, length, at, resolve, reject };
    });
  }

  private goOnWriting(connection: Connection): void {
    const { writer } = this;
    if (writer === null) return;
    try {
      writer.at += connection.lend(writer.bytes, writer.at, writer.length);
    } catch {
      // It has ended: `finish` says why.
      return;
    }
    if (writer.at < writer.length) return;
    this.writer = null;
    writer.resolve();
    this.proceed();
  }

  /** Whoever wants an end of our side without having closed the writable waits for what it was given before. */
  private proceed(): void {
    const { next } = this;
    if (next === 'nothing' || this.offered > this.taken || this.writer !== null) return;
    if (next === 'end') this.end();
    else this.letGo();
  }

  private end(): void {
    this.ended = true;
    if (this.cancelled || this.next === 'close') this.letGo();
    else this.connection?.shutdown();
  }

  /** Neither side is wanted any more. */
  private letGo(): void {
    const { connection } = this;
    this.ended = true;
    if (connection === null || this.over) return;
    connection.close();
    // close() takes the owner away; we want to hear the end of it.
    connection.owner = this;
    // The wait for the peer's FIN may have begun, and whoever sleeps does not know.
    connection.tcp.env.wake();
  }

  private abort(): void {
    const { connection } = this;
    if (connection === null || this.over) return;
    this.abortion ??= new NetError('ECONNABORTED', 'read');
    if (!this.readOver) this.failReadable(this.abortion);
    connection.abort();
  }

  /** Nothing more will happen. */
  private finish(error: NetError | null): void {
    if (this.over) return;
    this.over = true;
    this.opening.reject(error ?? new NetError('ECONNABORTED', 'connect'));
    if (error === null) this.closing.resolve();
    else this.closing.reject(error);
    const refusal = error ?? new NetError('EPIPE', 'write');
    this.writer?.reject(refusal);
    this.writer = null;
    this.output.error(refusal);
    // What came before the error is read before it.
    if (this.connection === null && error !== null) this.failReadable(error);
    else this.serve();
  }
}

/** A listening socket: a stream of clients, each taken from the accept queue when the stream is asked for it. */
export class WebTcpServer implements ListenerOwner {
  /** `for await (const socket of server.readable)`. Cancelled, the server is closed. */
  readonly readable: ReadableStream<WebTcpSocket>;
  readonly opened: Promise<TcpServerOpenInfo>;
  readonly closed: Promise<void>;

  private readonly listener: Listener | null = null;
  private readonly closing = new Deferred<void>();
  private input!: ReadableStreamDefaultController<WebTcpSocket>;
  private wanted = false;
  private over = false;

  /** For `listen`. */
  constructor(made: Listener | NetError, private readonly allowHalfOpen: boolean) {
    this.closed = this.closing.promise;
    this.readable = new ReadableStream<WebTcpSocket>({
      start: (controller) => {
        this.input = controller;
      },
      pull: () => {
        this.wanted = true;
        this.onTcpAccept();
      },
      cancel: () => void this.close(),
    }, { highWaterMark: 0 });
    const opening = new Deferred<TcpServerOpenInfo>();
    this.opened = opening.promise;
    if (made instanceof NetError) {
      this.over = true;
      this.input.error(made);
      opening.reject(made);
      this.closing.reject(made);
      return;
    }
    this.listener = made;
    made.owner = this;
    opening.resolve({ readable: this.readable, localAddress: made.address.toString(), localPort: made.port });
  }

  /** No more clients; those that were accepted live on. */
  close(): Promise<void> {
    if (this.over) return this.closed;
    this.over = true;
    this.listener!.close();
    try {
      this.input.close();
    } catch {
      // It was cancelled.
    }
    this.closing.resolve();
    return this.closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close().catch(() => {});
  }

  onTcpAccept(): void {
    if (!this.wanted || this.over) return;
    const connection = this.listener!.accept();
    if (connection === null) return;
    this.wanted = false;
    this.input.enqueue(new WebTcpSocket(connection, this.allowHalfOpen));
  }
}

type Abortable = WritableStreamDefaultController & { readonly signal?: Signal };

/** A promise and its ends. Nobody has to listen: a rejection without a listener is no event. */
export class Deferred<T> {
  resolve!: (value: T) => void;
  reject!: (error: unknown) => void;
  readonly promise = new Promise<T>((resolve, reject) => {
    this.resolve = resolve;
    this.reject = reject;
  });

  constructor() {
    this.promise.catch(() => {});
  }
}

/** What the network, and not the caller, is to blame for, becomes the state of a socket. */
export function orRefusal<T>(make: () => T): T | NetError {
  try {
    return make();
  } catch (error) {
    if (error instanceof NetError) return error;
    throw error;
  }
}

function socketAddress(text: string): SocketAddress {
  const parts = /^(?:\[(.+)\]|([^:[\]]+)):(\d+)$/.exec(text);
  if (parts === null) throw invalidArgument('address', 'an address and a port, as in 10.0.0.2:80 or [fd00::2]:80', text);
  return { hostname: (parts[1] ?? parts[2])!, port: Number(parts[3]) };
}

export function bytesOf(chunk: BytesOfTheWeb): Uint8Array | null {
  if (chunk instanceof Uint8Array) return chunk;
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  return chunk instanceof ArrayBuffer ? new Uint8Array(chunk) : null;
}

function discard(connection: Connection): void {
  while (connection.read() !== null);
}
