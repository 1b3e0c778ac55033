// An IP header as both families' transports see it. One record per stack, refilled for each packet; nobody
// stores it.

import { type Address, cell } from '../address.js';
import type { Interface } from './interface.js';

export class IpHeader {
  family: 4 | 6 = 4;
  readonly src: Address = cell();
  readonly dst: Address = cell();
  /** The transport: 1 ICMP, 6 TCP, 17 UDP, 58 ICMPv6, 132 SCTP; behind any extension headers. */
  protocol = 0;
  /** TTL in IPv4. */
  hopLimit = 0;
  /** DSCP and ECN, 8 bits: type of service in IPv4. */
  trafficClass = 0;
  /** How the destination was meant. */
  cast: 'unicast' | 'multicast' | 'broadcast' = 'unicast';
  /**
   * How the link addressed its frame: no ICMP error answers what was not unicast there (RFC 1122 §3.2.2, RFC
   * 4443 §2.4 (e)).
   */
  linkCast: 'unicast' | 'multicast' | 'broadcast' = 'unicast';
  /** It came in fragments (RFC 6980 forbids that to NDP). */
  fragmented = false;
  /**
   * Offset of the first byte of the IP header, in the packet's buffer; `packet.start` is the transport
   * header.
   */
  at = 0;
  /** Where it came in. */
  interface: Interface | null = null;
}
