// Datagram sockets, web face: a stream of messages each way (WHATWG Streams), in the shape of the WICG's Direct Sockets.

import { invalidArgument, NetError } from '../errors.js';
import { type UdpBindOptions, type UdpHost, type UdpPeer, UdpSocket } from './udp.js';
import { type BytesOfTheWeb, bytesOf, Deferred, orRefusal } from './web-streams.js';

export interface WebUdpOptions extends UdpBindOptions {
  /** Where to, and from whom alone. Default: messages name their peers. */
  readonly remote?: UdpPeer;
}

/** A datagram as it came. */
export interface UdpMessage {
  /** Nobody else keeps or touches it. */
  readonly data: Uint8Array;
  readonly remoteAddress: string;
  readonly remotePort: number;
}

/** A datagram to send; with no address, to `WebUdpOptions.remote`. */
export interface UdpMessageOut {
  readonly data: BytesOfTheWeb;
  readonly remoteAddress?: string;
  readonly remotePort?: number;
}

export interface UdpOpenInfo {
  readonly readable: ReadableStream<UdpMessage>;
  readonly writable: WritableStream<UdpMessageOut>;
  readonly localAddress: string;
  readonly localPort: number;
}

/**
 * Open a socket for datagrams. Where it cannot be bound, `opened` and `closed` are rejected: EADDRINUSE, EADDRNOTAVAIL …
 * @throws TypeError or RangeError for arguments that are none
 */
export function openUdp(host: UdpHost, options: WebUdpOptions = {}): WebUdpSocket {
  const { remote } = options;
  return new WebUdpSocket(orRefusal(() => {
    const socket = UdpSocket.bind(host, options);
    try {
      if (remote !== undefined) socket.connect(remote);
    } catch (error) {
      socket.close();
      throw error;
    }
    return socket;
  }));
}

/**
 * A socket for datagrams. Those that wait, wait in its receive queue, which drops what it has no room for. A message that
 * cannot be sent (EMSGSIZE, ENETUNREACH …), or an ICMP error of a connected socket, ends the stream that meets it, and the
 * socket with it: streams know no lesser trouble.
 */
export class WebUdpSocket {
  /** Cancelled, the socket goes on sending; what arrives is thrown away. */
  readonly readable: ReadableStream<UdpMessage>;
  /** Closed or aborted, the socket goes on receiving. */
  readonly writable: WritableStream<UdpMessageOut>;
  readonly opened: Promise<UdpOpenInfo>;
  /** Resolved when both streams have ended, or by `close`; rejected with what ended the socket instead. */
  readonly closed: Promise<void>;

  private readonly socket: UdpSocket | null = null;
  private readonly closing = new Deferred<void>();
  private input!: ReadableStreamDefaultController<UdpMessage>;
  private output!: WritableStreamDefaultController;
  private readOver = false;
  private writeOver = false;
  private over = false;

  /** For `openUdp`. */
  constructor(made: UdpSocket | NetError) {
    this.closed = this.closing.promise;
    this.readable = new ReadableStream<UdpMessage>({
      start: (controller) => {
        this.input = controller;
      },
      pull: () => this.pull(),
      cancel: () => {
        this.readOver = true;
        if (this.writeOver) this.finish(null);
        else void this.discard();
      },
    }, { highWaterMark: 0 });
    const end = (): void => {
      this.writeOver = true;
      if (this.readOver) this.finish(null);
    };
    this.writable = new WritableStream<UdpMessageOut>({
      start: (controller) => {
        this.output = controller;
      },
      write: (message) => this.write(message),
      close: end,
      abort: end,
    });
    const opening = new Deferred<UdpOpenInfo>();
    this.opened = opening.promise;
    if (made instanceof NetError) {
      opening.reject(made);
      this.finish(made);
      return;
    }
    this.socket = made;
    const { readable, writable } = this;
    opening.resolve({ readable, writable, localAddress: made.localAddress, localPort: made.localPort });
  }

  /** End both streams. What was written has been sent. @returns `closed` */
  close(): Promise<void> {
    this.finish(null);
    return this.closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close().catch(() => {});
  }

  private async pull(): Promise<void> {
    try {
      const datagram = await this.socket!.receive();
      if (datagram === null || this.readOver) return;
      const { data, address, port } = datagram;
      this.input.enqueue({ data, remoteAddress: address.toString(), remotePort: port });
    } catch (error) {
      this.finish(error as NetError);
    }
  }

  private write({ data, remoteAddress, remotePort }: UdpMessageOut): void {
    const bytes = bytesOf(data);
    try {
      if (bytes === null) throw invalidArgument('data', 'an ArrayBuffer or a view of one', data);
      const isNamed = remoteAddress !== undefined || remotePort !== undefined;
      this.socket!.send(bytes, isNamed ? { address: remoteAddress!, port: remotePort! } : undefined);
    } catch (error) {
      this.finish(error as Error);
      throw error;
    }
  }

  /** Nobody reads any more, and the queue must not stay full of what nobody wants. */
  private async discard(): Promise<void> {
    try {
      while (!this.over) if (await this.socket!.receive() === null) return;
    } catch (error) {
      this.finish(error as NetError);
    }
  }

  private finish(error: Error | null): void {
    if (this.over) return;
    this.over = true;
    if (error === null) {
      if (!this.readOver) this.input.close();
      this.closing.resolve();
    } else {
      this.input.error(error);
      this.closing.reject(error);
    }
    this.readOver = true;
    this.output.error(error ?? new NetError('EPIPE', 'send'));
    this.socket?.close();
  }
}
