// Datagram sockets, native face: promises and async iteration over an endpoint (udp/endpoint.ts).

import type { Address } from '../address.js';
import { ANY4, ANY6 } from '../address.js';
import { type ErrorCode, NetError } from '../errors.js';
import { Datagram } from '../udp/datagram-queue.js';
import { UDP_ERROR, type UdpDestination, type UdpEndpoint, type UdpOptions, type UdpOwner } from '../udp/endpoint.js';
import type { Udp } from '../udp/udp.js';
import { addressOf, lengthOf, portOf } from './arguments.js';
import type { Waiter } from './waiter.js';

/** What a face needs of a stack; a `Stack` is one. */
export interface UdpHost {
  readonly udp: Udp;
}

export interface UdpBindOptions extends UdpOptions {
  /** Default: every address, of both families unless `family` or `v6Only` say less. */
  readonly address?: string | Address;
  /** Default 0: a free port is chosen. */
  readonly port?: number;
}

/** Where to: text form or `Address`. */
export interface UdpPeer {
  readonly address: string | Address;
  /** 1 .. 65535. */
  readonly port: number;
}

export class UdpSocket implements UdpOwner, AsyncIterable<Datagram> {
  private reader: Waiter<Datagram | null> | null = null;
  private closed = false;
  private lastText = '';
  private lastAddress: Address = ANY6;

  private constructor(
    private readonly udp: Udp,
    /** The endpoint itself: hop limit, groups, superdatagrams, error records. */
    readonly endpoint: UdpEndpoint,
  ) {
    endpoint.owner = this;
  }

  /** @throws NetError EADDRINUSE, EADDRNOTAVAIL … */
  static bind(host: UdpHost, options: UdpBindOptions = {}): UdpSocket {
    const address = options.address === undefined ? null : addressOf('address', options.address);
    const family = options.family ?? address?.family ?? 6;
    const endpoint = host.udp.open({ ...options, family });
    const name = address ?? (family === 4 ? ANY4 : ANY6);
    const port = portOf('port', options.port ?? 0, 0);
    demand(endpoint.bind(name, port), 'bind', name, port);
    return new UdpSocket(host.udp, endpoint);
  }

  get localAddress(): string {
    return this.endpoint.localAddress.toString();
  }

  get localPort(): number {
    return this.endpoint.localPort;
  }

  /** Send to, and hear from, one peer only; its ICMP errors reject `receive` and throw from `send`. */
  connect(peer: UdpPeer): void {
    const { address, port } = destinationOf(peer);
    demand(this.endpoint.connect(address, port), 'connect', address, port);
  }

  disconnect(): void {
    demand(this.endpoint.disconnect(), 'disconnect', this.endpoint.localAddress, this.endpoint.localPort);
  }

  /**
   * Send one datagram, to the connected peer or `to` another. It is on its way, or lost, when this returns: UDP does not
   * say which.
   * @throws NetError EMSGSIZE, EACCES (broadcast), ENETUNREACH, EHOSTUNREACH, EDESTADDRREQ; ECONNREFUSED from an earlier one
   */
  send(bytes: Uint8Array, to?: UdpPeer | UdpDestination): void {
    const target = to === undefined ? null : this.destinationOf(to);
    const before = this.udp.ip.nextTimeout();
    const code = this.endpoint.send(bytes, 0, bytes.length, target);
    if (code !== null) this.refuse(code, target);
    this.wake(before);
  }

  /** Send `bytes` as datagrams of `segmentSize` bytes, the last one shorter, in as few packets as the device takes. */
  sendSegments(bytes: Uint8Array, segmentSize: number, to?: UdpPeer | UdpDestination): void {
    const target = to === undefined ? null : this.destinationOf(to);
    const before = this.udp.ip.nextTimeout();
    const code = this.endpoint.sendSegments(bytes, 0, bytes.length, lengthOf('segmentSize', segmentSize), target);
    if (code !== null) this.refuse(code, target);
    this.wake(before);
  }

  /** IP may wait for a neighbour since just now, and whoever sleeps until `before` does not know. */
  private wake(before: number): void {
    if (this.udp.ip.nextTimeout() < before) this.udp.env.wake();
  }

  /** Who sends to one sends to him again: his address is read once. */
  private destinationOf(to: UdpPeer | UdpDestination): UdpDestination {
    if (to.address === this.lastText) return { ...to, address: this.lastAddress, port: portOf('port', to.port, 1) };
    const destination = destinationOf(to);
    if (typeof to.address === 'string') {
      this.lastText = to.address;
      this.lastAddress = destination.address;
    }
    return destination;
  }

  private refuse(code: ErrorCode, target: UdpDestination | null): never {
    const { remoteAddress, remotePort } = this.endpoint;
    demand(code, 'send', target?.address ?? remoteAddress, target?.port ?? remotePort);
    throw new NetError(code, 'send');
  }

  /**
   * The next datagram; null once the socket is closed. Its `data` is the caller's. One receive at a time.
   * @throws (rejects) NetError ECONNREFUSED … of a connected peer
   */
  receive(): Promise<Datagram | null> {
    if (this.reader !== null) return Promise.reject(new NetError('EALREADY', 'recv', { hint: 'a receive is under way' }));
    const datagram = this.endpoint.receive();
    if (datagram !== null || this.closed) return Promise.resolve(datagram);
    const code = this.endpoint.takeError();
    if (code !== null) return Promise.reject(new NetError(code, 'recv'));
    return new Promise((resolve, reject) => {
      this.reader = { resolve, reject };
    });
  }

  /** The next datagram that waits, without waiting. */
  receiveNow(): Datagram | null {
    return this.endpoint.receive();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Datagram, void, undefined> {
    try {
      for (let datagram = await this.receive(); datagram !== null; datagram = await this.receive()) yield datagram;
    } finally {
      this.close();
    }
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.endpoint.close();
    this.reader?.resolve(null);
    this.reader = null;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  onUdpEvent(endpoint: UdpEndpoint, events: number): void {
    const { reader } = this;
    if (reader === null) return;
    const datagram = endpoint.receive();
    if (datagram !== null) {
      this.reader = null;
      reader.resolve(datagram);
    } else if ((events & UDP_ERROR) !== 0) {
      const code = endpoint.takeError();
      if (code === null) return;
      this.reader = null;
      reader.reject(new NetError(code, 'recv'));
    }
  }
}

function destinationOf(to: UdpPeer | UdpDestination): UdpDestination {
  return { ...to, address: addressOf('address', to.address), port: portOf('port', to.port, 1) };
}

function demand(code: ErrorCode | null, syscall: string, address: Address | null, port: number): void {
  if (code !== null) throw new NetError(code, syscall, address === null ? {} : { address: address.toString(), port });
}
