// What a transport is to IP. tcp, udp, icmp and sctp implement it; stack.ts registers them. IP has never heard of TCP.

import { type Address, cell } from '../address.js';
import type { ErrorCode } from '../errors.js';
import type { Packet } from '../packet.js';
import type { IpHeader } from './header.js';

export interface Protocol {
  /** 6 for TCP, 17 for UDP, … */
  readonly number: number;
  /**
   * A whole packet for us, `packet.start .. packet.end` from the transport header. The caller releases it afterwards;
   * `hold` it to keep it. Never throws.
   */
  input(packet: Packet, header: IpHeader, now: number): void;
  /**
   * An ICMP error quotes a packet of this protocol.
   * @returns whether the quote is plausible: a socket of ours sent it, and (TCP) its sequence number is in flight.
   *          Only then is a path MTU believed. RFC 5927.
   */
  onError(error: IcmpError, now: number): boolean;
}

/** An ICMP error of either family, reduced to what transports ask. Refilled; nobody stores it. RFC 1122 §4.2.3.9, RFC 4443 §3. */
export class IcmpError {
  kind:
    | 'net-unreachable' | 'host-unreachable' | 'protocol-unreachable' | 'port-unreachable' | 'prohibited'
    | 'packet-too-big' | 'hop-limit-exceeded' | 'reassembly-timeout' | 'parameter-problem' = 'host-unreachable';
  /** What a socket is told. */
  code: ErrorCode = 'EHOSTUNREACH';
  /** With `packet-too-big`: the next hop's MTU, as told; 0 when an old router did not say. */
  mtu = 0;
  /** Who says so. */
  readonly from: Address = cell();
  /** The quoted packet: ours, so `src` is our address and `dst` the peer's. */
  readonly src: Address = cell();
  readonly dst: Address = cell();
  protocol = 0;
  /** The quoted transport header in `bytes[at .. end)`; at least 8 bytes. */
  bytes: Uint8Array = new Uint8Array(0);
  at = 0;
  end = 0;
}

/** How IP asks for an ICMP error to be sent about a packet it cannot take. Implemented by icmp/, of both families. */
export interface ErrorReporter {
  /**
   * Answer `packet` (whose IP header is at `header.at`) with an error; rate limited, and never about what must not be
   * answered (RFC 1122 §3.2.2, RFC 4443 §2.4 (e)). Does not take ownership of `packet`.
   * @param detail  the pointer of a parameter problem, the MTU of a packet too big; else 0
   */
  report(kind: IcmpError['kind'], code: number, detail: number, packet: Packet, header: IpHeader, now: number): void;
}
