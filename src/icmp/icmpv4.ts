// ICMP for IPv4: what arrives. RFC 792, RFC 1122 §3.2.2. Some of it is ignored: source quench (RFC 6633), redirects
// (SEC-40), and what is historic or never was of use to anybody but strangers (RFC 6918; SEC-08).

import { fold, sumLanes } from '../checksum.js';
import type { DropReason } from '../counters.js';
import type { Environment } from '../environment.js';
import type { ErrorCode } from '../errors.js';
import type { IpHeader } from '../ip/header.js';
import type { Ip } from '../ip/ip.js';
import { IcmpError, type Protocol } from '../ip/protocol.js';
import * as IpWire from '../ip/wire.js';
import type { Packet } from '../packet.js';
import type { Echo } from './echo.js';
import { deliverQuoted, readQuote4 } from './quote.js';
import * as Wire from './wire.js';

export class IcmpV4 implements Protocol {
  readonly number = 1;
  /** Refilled for each error. */
  private readonly error = new IcmpError();

  constructor(private readonly ip: Ip, private readonly env: Environment, private readonly echo: Echo) {}

  input(packet: Packet, header: IpHeader, now: number): void {
    const reason = this.arrive(packet, header, now);
    if (reason !== null) this.env.counters.drop(reason);
  }

  private arrive(packet: Packet, header: IpHeader, now: number): DropReason | null {
    const { bytes: b, start: at, end } = packet;
    if (!Wire.isWellFormed(b, at, end)) return 'icmp-truncated';
    // RFC 792: the sum is over the message alone.
    if (packet.checksum === 'whole' && fold(sumLanes(b, packet.lanes, at, end)) !== 0xffff) return 'icmp-bad-checksum';
    switch (Wire.type(b, at)) {
      case Wire.V4.echo:
        return this.echo.answer(packet, header, now);
      case Wire.V4.echoReply:
        return this.echo.deliver(packet, header, now);
      case Wire.V4.unreachable:
      case Wire.V4.timeExceeded:
      case Wire.V4.parameterProblem:
        return this.hear(b, at, end, header, now);
      // RFC 9293 MUST-55; RFC 1122 §3.2.2.7, §3.2.2.9: we ask nobody, and tell nobody.
      case Wire.V4.sourceQuench:
      case Wire.V4.redirect:
      case Wire.V4.routerAdvertisement:
      case Wire.V4.routerSolicitation:
      case Wire.V4.timestamp:
      case Wire.V4.timestampReply:
      case Wire.V4.information:
      case Wire.V4.informationReply:
      case Wire.V4.addressMask:
      case Wire.V4.addressMaskReply:
        return 'icmp-ignored';
      default:
        // RFC 1122 §3.2.2: silently.
        return 'icmp-unknown-type';
    }
  }

  /** RFC 1122 §3.2.2.1, §3.2.2.4, §3.2.2.5: passed up to the transport of the quoted packet. */
  private hear(b: Uint8Array, at: number, end: number, header: IpHeader, now: number): DropReason | null {
    // It answers one packet, and goes to whoever sent that.
    if (header.cast !== 'unicast') return 'icmp-ignored';
    const { error } = this;
    if (!name(b, at, error)) return 'icmp-unknown-type';
    // SEC-37: nobody's link carries less. RFC 791 §3.2.
    if (error.kind === 'packet-too-big' && error.mtu !== 0 && error.mtu < 68) return 'icmp-implausible';
    const quote = at + Wire.HEADER_LENGTH;
    const length = Wire.quoteLength4(b, at);
    const problem = readQuote4(b, quote, length === 0 ? end : Math.min(end, quote + length), error);
    return problem ?? deliverQuoted(this.ip, error, IpWire.totalLength4(b, quote), header, now);
  }

  /** An error about a question of ours. */
  onError(error: IcmpError, now: number): boolean {
    return this.echo.hear(error, now);
  }
}

/** What the error is called above. False: we have no name for it. */
function name(b: Uint8Array, at: number, error: IcmpError): boolean {
  const code = Wire.code(b, at);
  error.mtu = 0;
  error.code = 'EHOSTUNREACH';
  switch (Wire.type(b, at)) {
    case Wire.V4.unreachable: {
      const named = UNREACHABLE[code];
      if (named === undefined) return false;
      [error.kind, error.code] = named;
      if (error.kind === 'packet-too-big') error.mtu = Wire.mtu4(b, at);
      return true;
    }
    case Wire.V4.timeExceeded:
      error.kind = code === 0 ? 'hop-limit-exceeded' : 'reassembly-timeout';
      return code <= 1;
    default:
      error.kind = 'parameter-problem';
      error.code = 'EPROTO';
      return true;
  }
}

/** RFC 792, RFC 1122 §3.2.2.1 (6 to 12), RFC 1812 §5.2.7.1 (13 to 15). The error codes are those of Linux, or nearest to them. */
const UNREACHABLE: readonly (readonly [IcmpError['kind'], ErrorCode])[] = [
  ['net-unreachable', 'ENETUNREACH'],
  ['host-unreachable', 'EHOSTUNREACH'],
  ['protocol-unreachable', 'ENOPROTOOPT'],
  ['port-unreachable', 'ECONNREFUSED'],
  ['packet-too-big', 'EMSGSIZE'],
  ['host-unreachable', 'ENOTSUP'], // source route failed
  ['net-unreachable', 'ENETUNREACH'], // net unknown
  ['host-unreachable', 'EHOSTUNREACH'], // host unknown
  ['host-unreachable', 'EHOSTUNREACH'], // source host isolated
  ['prohibited', 'ENETUNREACH'], // net prohibited
  ['prohibited', 'EHOSTUNREACH'], // host prohibited
  ['net-unreachable', 'ENETUNREACH'], // net, for this type of service
  ['host-unreachable', 'EHOSTUNREACH'], // host, for this type of service
  ['prohibited', 'EHOSTUNREACH'], // communication prohibited
  ['prohibited', 'EHOSTUNREACH'], // host precedence violation
  ['prohibited', 'EHOSTUNREACH'], // precedence cutoff
];
