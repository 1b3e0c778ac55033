// Raw sockets: the transport floor is skipped, the packet arrives with its headers. RFC 1122 §3.4; as BSD and Linux have
// them, a copy of what the transport, if there is one, gets too. Imports ip/ and nothing of floor 3.

import { type Address, ANY4, ANY6, copyOf, isV4 } from '../address.js';
import { setU16 } from '../bytes.js';
import { finish, sumBytes } from '../checksum.js';
import type { Counters } from '../counters.js';
import { invalidArgument, NetError } from '../errors.js';
import { Flow } from '../ip/flow.js';
import type { IpHeader } from '../ip/header.js';
import type { Ip } from '../ip/ip.js';
import type { RawTap } from '../ip/raw.js';
import type { Packet, PacketPool } from '../packet.js';
import { NEVER } from '../time.js';
import { addressOf } from './arguments.js';
import type { Waiter } from './waiter.js';

/** What a face needs of a stack; a `Stack` is one. */
export interface RawHost {
  readonly ip: Ip;
  readonly pool: PacketPool;
  readonly counters: Counters;
  now(): number;
  wake(): void;
}

export interface RawOptions {
  /** Default 4. */
  readonly family?: 4 | 6;
  /** The IP protocol number to hear and to send: 1 ICMP, 58 ICMPv6 … Default: hear all; then only `sendPacket` sends. */
  readonly protocol?: number;
  /** Packets that wait, bytes. Default 212,992, as Linux's rmem_default. */
  readonly receiveBytes?: number;
  /** Of what `send` sends. Default 64. */
  readonly hopLimit?: number;
}

/** A packet as it was delivered to this host: whole, with its IP header. */
export interface RawPacket {
  /** From the first byte of the IP header; the caller's. */
  readonly bytes: Uint8Array;
  /** Where IP's headers end in `bytes`. */
  readonly payloadAt: number;
  readonly protocol: number;
  readonly address: Address;
  readonly localAddress: Address;
  readonly hopLimit: number;
}

export class RawSocket implements RawTap, AsyncIterable<RawPacket> {
  readonly family: 4 | 6;
  readonly protocol: number | null;
  private readonly receiveBytes: number;
  /** Of what `send` sends from now on. */
  hopLimit: number;
  /** Told that a packet waits, in the middle of its arrival: no call may be made on the stack from there. */
  onReadable: (() => void) | null = null;
  private readonly waiting: RawPacket[] = [];
  private waitingBytes = 0;
  private reader: Waiter<RawPacket | null> | null = null;
  private closed = false;

  private constructor(private readonly host: RawHost, options: RawOptions) {
    this.family = options.family ?? 4;
    this.protocol = options.protocol ?? null;
    this.receiveBytes = options.receiveBytes ?? 212_992;
    this.hopLimit = options.hopLimit ?? 64;
  }

  /** @throws NetError ENOBUFS, at the limit of raw sockets */
  static open(host: RawHost, options: RawOptions = {}): RawSocket {
    const { protocol } = options;
    if (protocol !== undefined && !(Number.isInteger(protocol) && protocol >= 0 && protocol <= 255)) {
      throw invalidArgument('protocol', '0 .. 255', protocol);
    }
    const socket = new RawSocket(host, options);
    if (!host.ip.raw.add(socket)) throw new NetError('ENOBUFS', 'socket');
    return socket;
  }

  /** Lent: what lasts is copied. */
  onPacket(packet: Packet, header: IpHeader): void {
    const length = packet.end - header.at;
    if (this.reader === null && this.waitingBytes > 0 && this.waitingBytes + length > this.receiveBytes) {
      this.host.counters.drop('raw-receive-queue-full');
      return;
    }
    const bytes = packet.bytes.slice(header.at, packet.end);
    if (packet.checksum === 'partial') {
      // The sum was left for the edge of the machine; whoever looks at raw bytes stands there.
      const from = packet.checksumStart - header.at;
      setU16(bytes, packet.checksumField - header.at, finish(sumBytes(bytes, from, bytes.length)) || 0xffff);
    }
    const raw: RawPacket = {
      bytes, payloadAt: packet.start - header.at, protocol: header.protocol, hopLimit: header.hopLimit,
      address: copyOf(header.src), localAddress: copyOf(header.dst),
    };
    // A promise's reaction runs later, not in the middle of this packet.
    if (this.reader !== null) {
      this.reader.resolve(raw);
      this.reader = null;
    } else {
      this.waiting.push(raw);
      this.waitingBytes += length;
      this.onReadable?.();
    }
  }

  /** The next packet; null once the socket is closed. One receive at a time. */
  receive(): Promise<RawPacket | null> {
    const raw = this.receiveNow();
    if (raw !== null) return Promise.resolve(raw);
    if (this.closed) return Promise.resolve(null);
    if (this.reader !== null) return Promise.reject(new NetError('EALREADY', 'recv', { hint: 'a receive is under way' }));
    return new Promise((resolve, reject) => {
      this.reader = { resolve, reject };
    });
  }

  /** The next packet that waits, without waiting. */
  receiveNow(): RawPacket | null {
    const raw = this.waiting.shift() ?? null;
    if (raw !== null) this.waitingBytes -= raw.bytes.length;
    return raw;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<RawPacket, void, undefined> {
    try {
      for (let raw = await this.receive(); raw !== null; raw = await this.receive()) yield raw;
    } finally {
      this.close();
    }
  }

  /**
   * Send `payload` under an IP header of the stack's making. A checksum inside it is the caller's business.
   * @param from  which of our addresses; default: chosen by the route
   * @throws NetError EMSGSIZE, ENETUNREACH, EHOSTUNREACH, EAFNOSUPPORT; EDESTADDRREQ for a socket of all protocols; EBADF
   */
  send(payload: Uint8Array, to: string | Address, from?: Address): void {
    if (this.closed) throw new NetError('EBADF', 'send');
    if (this.protocol === null) throw new NetError('EDESTADDRREQ', 'send', { hint: 'a socket of all protocols has none to send' });
    const address = addressOf('to', to);
    if (isV4(address) !== (this.family === 4)) throw new NetError('EAFNOSUPPORT', 'send', { address: address.toString() });
    if (payload.length > 65_515) throw new NetError('EMSGSIZE', 'send', { address: address.toString() });
    const flow = new Flow(from ?? (this.family === 4 ? ANY4 : ANY6), address, this.protocol);
    flow.hopLimit = this.hopLimit;
    flow.dontFragment = false;
    const failure = this.host.ip.route(flow) ?? this.host.ip.send(this.packetWith(payload), flow, this.host.now());
    if (failure !== null) throw new NetError(failure, 'send', { address: address.toString() });
    this.wake();
  }

  /**
   * Send a packet with the caller's own IP header. The stack fills in what nobody wants to: IPv4's total length, header
   * checksum, and an identification of 0.
   * @throws NetError EINVAL (no header, or the other family's), EMSGSIZE, ENETUNREACH, EHOSTUNREACH, EBADF
   */
  sendPacket(packet: Uint8Array): void {
    if (this.closed) throw new NetError('EBADF', 'send');
    if (packet.length > 0 && packet[0]! >> 4 !== this.family) throw new NetError('EINVAL', 'send');
    if (packet.length > 65_535) throw new NetError('EMSGSIZE', 'send');
    const failure = this.host.ip.sendWithHeader(this.packetWith(packet), this.host.now());
    if (failure !== null) throw new NetError(failure, 'send');
    this.wake();
  }

  /** IP may wait for a neighbour since just now, and whoever sleeps does not know. */
  private wake(): void {
    if (this.host.ip.nextTimeout() !== NEVER) this.host.wake();
  }

  private packetWith(bytes: Uint8Array): Packet {
    const packet = this.host.pool.take(bytes.length);
    packet.bytes.set(bytes, packet.end);
    packet.end += bytes.length;
    packet.transport = packet.start;
    return packet;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.host.ip.raw.remove(this);
    this.waiting.length = 0;
    this.reader?.resolve(null);
    this.reader = null;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }
}
