// ICMPv6: what arrives. RFC 4443. Neighbor Discovery, whose messages are ICMPv6 too, is in ./ndp.ts.

import { fold, pseudoSum, sumLanes } from '../checksum.js';
import type { DropReason } from '../counters.js';
import type { Environment } from '../environment.js';
import type { ErrorCode } from '../errors.js';
import type { IpHeader } from '../ip/header.js';
import type { Ip } from '../ip/ip.js';
import { IcmpError, type Protocol } from '../ip/protocol.js';
import * as IpWire from '../ip/wire.js';
import type { Packet } from '../packet.js';
import type { Echo } from './echo.js';
import type { Ndp } from './ndp.js';
import { deliverQuoted, readQuote6 } from './quote.js';
import * as Wire from './wire.js';

export class IcmpV6 implements Protocol {
  readonly number = 58;
  /** Refilled for each error. */
  private readonly error = new IcmpError();

  constructor(
    private readonly ip: Ip,
    private readonly env: Environment,
    private readonly echo: Echo,
    private readonly ndp: Ndp,
  ) {}

  input(packet: Packet, header: IpHeader, now: number): void {
    const reason = this.arrive(packet, header, now);
    if (reason !== null) this.env.counters.drop(reason);
  }

  private arrive(packet: Packet, header: IpHeader, now: number): DropReason | null {
    const { bytes: b, start: at, end } = packet;
    if (!Wire.isWellFormed(b, at, end)) return 'icmp-truncated';
    // RFC 4443 §2.3.
    if (packet.checksum === 'whole') {
      const pseudo = pseudoSum(header.src, header.dst, 58, end - at);
      if (fold(sumLanes(b, packet.lanes, at, end, pseudo)) !== 0xffff) return 'icmp-bad-checksum';
    }
    const type = Wire.type(b, at);
    if (type < 128) return this.hear(b, at, end, header, now);
    switch (type) {
      case Wire.V6.echo:
        return this.echo.answer(packet, header, now);
      case Wire.V6.echoReply:
        return this.echo.deliver(packet, header, now);
      case Wire.V6.routerSolicitation:
      case Wire.V6.routerAdvertisement:
      case Wire.V6.neighborSolicitation:
      case Wire.V6.neighborAdvertisement:
      case Wire.V6.redirect:
        return this.ndp.arrive(packet, header, now);
      case Wire.V6.listenerQuery:
      case Wire.V6.listenerReport:
      case Wire.V6.listenerDone:
      case Wire.V6.listenerReport2:
        return 'icmp-ignored';
      default:
        // RFC 4443 §2.4 (b): silently.
        return 'icmp-unknown-type';
    }
  }

  /** RFC 4443 §2.4 (a), (d): also an error of a type unknown to us is passed up. */
  private hear(b: Uint8Array, at: number, end: number, header: IpHeader, now: number): DropReason | null {
    // It answers one packet, and goes to whoever sent that.
    if (header.cast !== 'unicast') return 'icmp-ignored';
    const { error } = this;
    name(b, at, error);
    // RFC 8201 §4: "A node MUST NOT reduce its estimate of the Path MTU below the IPv6 minimum link MTU". SEC-37.
    if (error.kind === 'packet-too-big' && error.mtu < 1280) return 'icmp-implausible';
    const quote = at + Wire.HEADER_LENGTH;
    // RFC 4884 §4.2, §4.3: of these two types alone.
    const type = Wire.type(b, at);
    const hasLength = type === Wire.V6.unreachable || type === Wire.V6.timeExceeded;
    const length = hasLength ? Wire.quoteLength6(b, at) : 0;
    const stop = length === 0 ? end : Math.min(end, quote + length);
    const problem = readQuote6(b, quote, stop, zoneOf(header), error);
    return problem ?? deliverQuoted(this.ip, error, 40 + IpWire.payloadLength6(b, quote), header, now);
  }

  /** An error about a question of ours. */
  onError(error: IcmpError, now: number): boolean {
    return this.echo.hear(error, now);
  }
}

/** Of link-local addresses that came with it. Through the loopback come those of every link: 0, "not said", fits any. */
function zoneOf(header: IpHeader): number {
  if (header.dst.zone !== 0) return header.dst.zone;
  if (header.src.zone !== 0) return header.src.zone;
  return header.interface === null || header.interface.kind === 'loopback' ? 0 : header.interface.index;
}

/** What the error is called above. */
function name(b: Uint8Array, at: number, error: IcmpError): void {
  const code = Wire.code(b, at);
  error.mtu = 0;
  error.code = 'EHOSTUNREACH';
  switch (Wire.type(b, at)) {
    case Wire.V6.unreachable:
      [error.kind, error.code] = UNREACHABLE[code] ?? UNKNOWN;
      break;
    case Wire.V6.packetTooBig:
      error.kind = 'packet-too-big';
      error.code = 'EMSGSIZE';
      error.mtu = Wire.mtu6(b, at);
      break;
    case Wire.V6.timeExceeded:
      error.kind = code === 0 ? 'hop-limit-exceeded' : 'reassembly-timeout';
      break;
    case Wire.V6.parameterProblem:
      error.kind = 'parameter-problem';
      error.code = 'EPROTO';
      break;
    default:
      [error.kind, error.code] = UNKNOWN;
  }
}

/** RFC 4443 §3.1. The error codes are those of Linux. */
const UNREACHABLE: readonly (readonly [IcmpError['kind'], ErrorCode])[] = [
  ['net-unreachable', 'ENETUNREACH'],
  ['prohibited', 'EACCES'],
  ['host-unreachable', 'EHOSTUNREACH'], // beyond scope of source address
  ['host-unreachable', 'EHOSTUNREACH'],
  ['port-unreachable', 'ECONNREFUSED'],
  ['prohibited', 'EACCES'], // source address failed policy
  ['prohibited', 'EACCES'], // reject route to destination
];

/** Something is wrong, nobody knows what: nothing that ends anything. Also Linux: EPROTO. */
const UNKNOWN: readonly [IcmpError['kind'], ErrorCode] = ['host-unreachable', 'EPROTO'];
