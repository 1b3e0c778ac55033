// The ICMP errors that we write: about what, to whom, how often, and what is in them. RFC 792, RFC 1122 §3.2.2,
// RFC 1812 §4.3.2, RFC 4443 §2.4 and §3.

import {
  type Address, ANY4, ANY6, copyOf, isLimitedBroadcast, isLoopback, isMulticast, isUnspecified,
} from '../address.js';
import { copy } from '../bytes.js';
import { finish, pseudoSum, sumLanes } from '../checksum.js';
import type { Environment } from '../environment.js';
import { Flow } from '../ip/flow.js';
import type { IpHeader } from '../ip/header.js';
import type { Ip } from '../ip/ip.js';
import type { ErrorReporter, IcmpError } from '../ip/protocol.js';
import * as IpWire from '../ip/wire.js';
import type { Packet } from '../packet.js';
import { RateLimit, type RateLimitSettings } from './rate-limit.js';
import * as Wire from './wire.js';

/** RFC 1812 §4.3.2.3, RFC 4443 §2.4 (c): the error with its quote fits in what everybody can receive. Bytes of packet. */
const PACKET_MAX_V4 = 576;
const PACKET_MAX_V6 = 1280;

export class ErrorSender implements ErrorReporter {
  private readonly limit: RateLimit;
  private readonly flow4 = new Flow(ANY4, ANY4, 1);
  private readonly flow6 = new Flow(ANY6, ANY6, 58);

  constructor(private readonly ip: Ip, private readonly env: Environment, settings: RateLimitSettings) {
    const limit = new RateLimit(env.random, settings);
    this.limit = limit;
    env.limits.add({
      name: 'icmp.errors', unit: 'per second', max: settings.perSecond, source: 'RFC 4443 §2.4 (f); Linux icmp_msgs_per_sec',
      used: () => Math.ceil(limit.used),
    });
  }

  /** @param code  of a parameter problem, as on the wire; of everything else `kind` and the family say it */
  report(kind: IcmpError['kind'], code: number, detail: number, packet: Packet, header: IpHeader, now: number): void {
    if (!mayAnswer(kind, code, detail, packet, header)) return;
    // RFC 1812 §4.3.2.8 limits what others must carry; our own sockets wait for the answer.
    if (!this.ip.isLocal(header.src) && !this.limit.pay(header.src, now)) {
      this.env.counters.drop('icmp-rate-limited');
      return;
    }
    if (header.family === 4) this.send4(kind, code, detail, packet, header, now);
    else this.send6(kind, code, detail, packet, header, now);
  }

  private send4(kind: IcmpError['kind'], code: number, detail: number, packet: Packet, header: IpHeader, now: number): void {
    const flow = this.aimed(this.flow4, header);
    if (this.ip.route(flow) !== null) return;
    const error = this.quoting(packet, header, PACKET_MAX_V4 - 20);
    // RFC 792: a pointer is the first of the four bytes; RFC 1191 §4: the MTU is the last two.
    const rest = kind === 'parameter-problem' ? detail << 24 : detail & 0xffff;
    Wire.setHeader(error.bytes, error.start, nameOf(NAMES4, kind, code), rest);
    Wire.setChecksum(error.bytes, error.start, finish(sumLanes(error.bytes, error.lanes, error.start, error.end)));
    this.ip.send(error, flow, now);
  }

  private send6(kind: IcmpError['kind'], code: number, detail: number, packet: Packet, header: IpHeader, now: number): void {
    const flow = this.aimed(this.flow6, header);
    // RFC 4443 §2.3: the checksum covers the source address.
    if (this.ip.route(flow) !== null) return;
    const error = this.quoting(packet, header, PACKET_MAX_V6 - 40);
    Wire.setHeader(error.bytes, error.start, nameOf(NAMES6, kind, code), detail);
    const pseudo = pseudoSum(flow.src, flow.dst, 58, error.length);
    Wire.setChecksum(error.bytes, error.start, finish(sumLanes(error.bytes, error.lanes, error.start, error.end, pseudo)));
    this.ip.send(error, flow, now);
  }

  /** From the address that was asked, if it is ours (RFC 1812 §4.3.2.4, RFC 4443 §2.2), to who asked. */
  private aimed(flow: Flow, header: IpHeader): Flow {
    const isOurs = header.cast === 'unicast' && this.ip.isLocal(header.dst);
    flow.aim(isOurs ? copyOf(header.dst) : header.family === 4 ? ANY4 : ANY6, copyOf(header.src));
    // RFC 1122 §3.2.2: TOS 0. And an answer about a packet that was too big had better not be too big itself.
    flow.dontFragment = false;
    return flow;
  }

  /** A packet with an ICMP header, yet to be written, and as much of `packet` behind it as fits in `room` bytes with it. */
  private quoting(packet: Packet, header: IpHeader, room: number): Packet {
    const length = Math.min(packet.end - header.at, lengthOf(packet, header), room - Wire.HEADER_LENGTH);
    const error = this.env.pool.take(Wire.HEADER_LENGTH + length);
    const at = error.start + Wire.HEADER_LENGTH;
    copy(packet.bytes, header.at, header.at + length, error.bytes, at);
    error.end = at + length;
    error.transport = error.start;
    return error;
  }
}

/** Bytes of IP packet, as it says: behind them may be the link's padding, which is nobody's (SEC-04). */
function lengthOf(packet: Packet, header: IpHeader): number {
  const { bytes: b } = packet;
  return header.family === 4 ? IpWire.totalLength4(b, header.at) : 40 + IpWire.payloadLength6(b, header.at);
}

/** May any error be sent about `packet`? */
function mayAnswer(kind: IcmpError['kind'], code: number, detail: number, packet: Packet, header: IpHeader): boolean {
  const { bytes: b, end } = packet;
  const least = header.family === 4 ? 20 : 40;
  if (end - header.at < least || !isOne(header.src, header)) return false;
  return header.family === 4
    ? mayAnswer4(b, header.at, end, header)
    : mayAnswer6(b, header.at, end, header, mayConcernMany(kind, code, b, header.at + detail, end));
}

/** RFC 1122 §3.2.2: "An ICMP error message MUST NOT be sent as the result of receiving" what follows. */
function mayAnswer4(b: Uint8Array, at: number, end: number, header: IpHeader): boolean {
  // "a datagram destined to an IP broadcast or IP multicast address", "a datagram sent as a link-layer broadcast"
  if (header.cast !== 'unicast' || header.linkCast !== 'unicast') return false;
  // "a non-initial fragment"
  if (IpWire.fragmentOffset4(IpWire.fragmentWord4(b, at)) !== 0) return false;
  // "an ICMP error message": whatever is not known to be a question or its answer.
  if (IpWire.protocol4(b, at) !== 1) return true;
  const message = at + IpWire.headerLength4(b, at);
  return message < end && isQuery4(b[message]!);
}

/** RFC 792, RFC 950: of the types below 19, those that come in pairs. */
function isQuery4(type: number): boolean {
  switch (type) {
    case Wire.V4.echo: case Wire.V4.echoReply:
    case Wire.V4.timestamp: case Wire.V4.timestampReply:
    case Wire.V4.information: case Wire.V4.informationReply:
    case Wire.V4.addressMask: case Wire.V4.addressMaskReply:
      return true;
    default:
      return false;
  }
}

/** RFC 4443 §2.4 (e). */
function mayAnswer6(b: Uint8Array, at: number, end: number, header: IpHeader, concernsMany: boolean): boolean {
  // (e.3), (e.4), (e.5)
  if (!concernsMany && (header.cast !== 'unicast' || header.linkCast !== 'unicast')) return false;
  // (e.1), (e.2)
  const message = findIcmp6(b, at, end);
  return message === NONE || (message < end && b[message]! >= 128 && b[message] !== Wire.V6.redirect);
}

/** The exceptions of RFC 4443 §2.4 (e.3): these may be said of a multicast too. */
function mayConcernMany(kind: IcmpError['kind'], code: number, b: Uint8Array, pointer: number, end: number): boolean {
  if (kind === 'packet-too-big') return true;
  // RFC 8200 §4.2: an option that nobody knows, with 10 as its highest bits.
  return kind === 'parameter-problem' && code === 2 && pointer < end && b[pointer]! >>> 6 === 2;
}

/**
 * Where the ICMPv6 message of an IPv6 packet is; NONE if it carries none. By lengths only, for what is in the headers
 * may be the very reason for the error. What is cut off, or behind a later fragment's header, is at `end`: not there.
 */
function findIcmp6(b: Uint8Array, start: number, end: number): number {
  let protocol = IpWire.nextHeader6(b, start);
  let at = start + 40;
  for (;;) {
    if (protocol === 58) return Math.min(at, end);
    const isFragment = protocol === IpWire.FRAGMENT;
    const isWalked = isFragment || protocol === IpWire.HOP_BY_HOP || protocol === IpWire.ROUTING
      || protocol === IpWire.DESTINATION_OPTIONS;
    if (!isWalked || end - at < 8) return NONE;
    protocol = IpWire.nextHeader(b, at);
    if (isFragment && IpWire.fragmentOffset6(b, at) !== 0) return protocol === 58 ? end : NONE;
    at += isFragment ? 8 : IpWire.extensionLength(b, at);
  }
}

const NONE = -1;

/**
 * RFC 1122 §3.2.2: "whose source address does not define a single host -- e.g., a zero address, a loopback address, a
 * broadcast address, a multicast address, or a Class E address"; RFC 4443 §2.4 (e.6).
 */
function isOne(src: Address, header: IpHeader): boolean {
  if (isUnspecified(src) || isMulticast(src) || isLimitedBroadcast(src)) return false;
  const from = header.interface;
  // On the loopback, its addresses define this host.
  if (isLoopback(src) && from?.kind !== 'loopback') return false;
  if (header.family === 6) return true;
  // Class E, 240/4; and network 0, of which no address is a host's (RFC 1122 §3.2.1.3).
  const first = src.w3 >>> 24;
  return first < 240 && first > 0 && from?.isBroadcast(src) !== true;
}

type Names = Readonly<Record<IcmpError['kind'], number>>;

/** Type and code. RFC 792; RFC 1191 §4 for what is too big; RFC 1812 §5.2.7.1 for what is prohibited. */
const NAMES4: Names = {
  'net-unreachable': 0x0300,
  'host-unreachable': 0x0301,
  'protocol-unreachable': 0x0302,
  'port-unreachable': 0x0303,
  'packet-too-big': 0x0304,
  prohibited: 0x030d,
  'hop-limit-exceeded': 0x0b00,
  'reassembly-timeout': 0x0b01,
  'parameter-problem': 0x0c00,
};

/** RFC 4443 §3. An unknown protocol is an unrecognized next header (§3.4), and `detail` points to the field that says it. */
const NAMES6: Names = {
  'net-unreachable': 0x0100,
  'host-unreachable': 0x0103,
  'protocol-unreachable': 0x0401,
  'port-unreachable': 0x0104,
  'packet-too-big': 0x0200,
  prohibited: 0x0101,
  'hop-limit-exceeded': 0x0300,
  'reassembly-timeout': 0x0301,
  'parameter-problem': 0x0400,
};

/** @param code  the codes of a parameter problem are told; the others follow from the kind */
const nameOf = (names: Names, kind: IcmpError['kind'], code: number): number =>
  kind === 'parameter-problem' ? names[kind] + code : names[kind];
