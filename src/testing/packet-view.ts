// A packet as a rule or a test asks about it: names for what its bytes say, read when they are asked for. Of the headers'
// facts only those that tests speak of. RFC 791, 8200, 9293, 768, 792, 4443.

import { cell, formatAddress, refill16 } from '../address.js';
import { u16, u32 } from '../bytes.js';
import { packetText } from './packet-text.js';

export interface TcpView {
  readonly srcPort: number;
  readonly dstPort: number;
  /** As on the wire: absolute, 0 .. 2^32 - 1. */
  readonly seq: number;
  /** The acknowledgment number; whether it counts, `flags` says. */
  readonly ack: number;
  /** As packetdrill and tcpdump write them: `S`, `S.`, `P.`, `.`, `F.`, `R` … */
  readonly flags: string;
  readonly syn: boolean;
  readonly fin: boolean;
  readonly rst: boolean;
  readonly psh: boolean;
  /** The ACK flag. */
  readonly isAck: boolean;
  readonly window: number;
  readonly options: Uint8Array;
  readonly payload: Uint8Array;
}

export interface UdpView {
  readonly srcPort: number;
  readonly dstPort: number;
  readonly payload: Uint8Array;
}

export interface IcmpView {
  readonly type: number;
  readonly code: number;
  readonly payload: Uint8Array;
}

/** Good until the rule returns: the bytes go on, and are used again. `copy()` is yours. */
export class PacketView {
  constructor(
    /** From the frame's first byte. */
    readonly bytes: Uint8Array,
    /** Where the IP header begins in them: 0, or 14 behind an Ethernet header. */
    private readonly at: number,
    /** Who put it on the link, and who is at the other end: names of hosts and switches. */
    readonly from: string,
    readonly to: string,
    /** It is the so-manieth in its direction, from 1; 0: nobody counts. */
    readonly number = 0,
    /** When it was sent, ms of virtual time. */
    readonly time = 0,
  ) {}

  /** 4, 6, or null: no IP packet (ARP). */
  get family(): 4 | 6 | null {
    const { at, bytes: b } = this;
    if (at > 0 && u16(b, 12) !== 0x0800 && u16(b, 12) !== 0x86dd) return null;
    if (b.length - at < 20) return null;
    const version = b[at]! >>> 4;
    return version === 4 ? 4 : version === 6 && b.length - at >= 40 ? 6 : null;
  }

  /** Bytes of IP packet. */
  get length(): number {
    return this.bytes.length - this.at;
  }

  get src(): string | null {
    const { family } = this;
    return family === null ? null : addressText(this.bytes, family === 4 ? this.at + 12 : this.at + 8, family);
  }

  get dst(): string | null {
    const { family } = this;
    return family === null ? null : addressText(this.bytes, family === 4 ? this.at + 16 : this.at + 24, family);
  }

  /** TTL in IPv4. */
  get hopLimit(): number | null {
    const { family } = this;
    return family === null ? null : this.bytes[this.at + (family === 4 ? 8 : 7)]!;
  }

  /** RFC 3168 §5: 0 not ECN-capable, 1 ECT(1), 2 ECT(0), 3 congestion was experienced. */
  get ecn(): number | null {
    const { family } = this;
    if (family === null) return null;
    return family === 4 ? this.bytes[this.at + 1]! & 3 : (this.bytes[this.at + 1]! >>> 4) & 3;
  }

  /** The transport's number, behind IPv6's extension headers; null: no IP. */
  get protocol(): number | null {
    return this.family === null ? null : this.transport().protocol;
  }

  /** It is a later piece of a packet that was cut: it has no transport header. */
  get isFragment(): boolean {
    return this.family !== null && this.transport().isLater;
  }

  get tcp(): TcpView | null {
    const at = this.header(6, 20);
    if (at < 0) return null;
    const b = this.bytes;
    const text = at + (b[at + 12]! >>> 4) * 4;
    if (text > b.length || text < at + 20) return null;
    const bits = b[at + 13]!;
    return {
      srcPort: u16(b, at), dstPort: u16(b, at + 2), seq: u32(b, at + 4), ack: u32(b, at + 8),
      flags: flagsText(bits), fin: (bits & 1) !== 0, syn: (bits & 2) !== 0, rst: (bits & 4) !== 0, psh: (bits & 8) !== 0,
      isAck: (bits & 16) !== 0, window: u16(b, at + 14),
      options: b.subarray(at + 20, text), payload: b.subarray(text, this.end()),
    };
  }

  get udp(): UdpView | null {
    const at = this.header(17, 8);
    if (at < 0) return null;
    const b = this.bytes;
    return { srcPort: u16(b, at), dstPort: u16(b, at + 2), payload: b.subarray(at + 8, this.end()) };
  }

  get icmp(): IcmpView | null {
    const at = Math.max(this.header(1, 8), this.header(58, 8));
    if (at < 0) return null;
    const b = this.bytes;
    return { type: b[at]!, code: b[at + 1]!, payload: b.subarray(at + 8, this.end()) };
  }

  /** What TCP or UDP carries; empty: nothing. */
  get payload(): Uint8Array {
    return this.tcp?.payload ?? this.udp?.payload ?? NOTHING;
  }

  /** The payload as text; bytes that are no UTF-8 are replaced. */
  get text(): string {
    return new TextDecoder().decode(this.payload);
  }

  /** One that lasts. */
  copy(): PacketView {
    return new PacketView(this.bytes.slice(), this.at, this.from, this.to, this.number, this.time);
  }

  /** As tcpdump would say it. */
  toString(): string {
    return packetText(this.bytes, 0, this.bytes.length, this.at === 0 ? 'ip' : 'ethernet');
  }

  private header(protocol: number, least: number): number {
    if (this.family === null) return -1;
    const found = this.transport();
    return found.protocol === protocol && !found.isLater && found.at + least <= this.bytes.length ? found.at : -1;
  }

  /** By lengths: padding behind a short frame's packet is none of it. */
  private end(): number {
    const { bytes: b, at, family } = this;
    return Math.min(b.length, family === 4 ? at + u16(b, at + 2) : at + 40 + u16(b, at + 4));
  }

  private transport(): { protocol: number; at: number; isLater: boolean } {
    const { bytes: b } = this;
    if (this.family === 4) {
      const at = this.at + (b[this.at]! & 15) * 4;
      return { protocol: b[this.at + 9]!, at, isLater: (u16(b, this.at + 6) & 0x1fff) !== 0 };
    }
    let protocol = b[this.at + 6]!;
    let at = this.at + 40;
    // RFC 8200 §4.1: hop-by-hop, routing, fragment, destination options.
    while ((protocol === 0 || protocol === 43 || protocol === 44 || protocol === 60) && at + 8 <= b.length) {
      if (protocol === 44 && (u16(b, at + 2) & 0xfff8) !== 0) return { protocol: b[at]!, at, isLater: true };
      const length = protocol === 44 ? 8 : (b[at + 1]! + 1) * 8;
      protocol = b[at]!;
      at += length;
    }
    return { protocol, at, isLater: false };
  }
}

const NOTHING = new Uint8Array(0);

/** From the lowest bit on. */
const FLAGS = ['F', 'S', 'R', 'P', '.', 'U', 'E', 'W'];

const flagsText = (bits: number): string => FLAGS.filter((_, bit) => (bits & (1 << bit)) !== 0).join('');

function addressText(b: Uint8Array, at: number, family: 4 | 6): string {
  if (family === 4) return b.subarray(at, at + 4).join('.');
  refill16(scratch, b, at);
  return formatAddress(scratch);
}

const scratch = cell();
