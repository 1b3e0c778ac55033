// Who sends what to whom: what a transport tells IP about the packets it will send, with the route
// remembered.

import { type Address } from '../address.js';
import type { Interface } from './interface.js';
import type { Route } from './routes.js';

export class Flow {
  /** Default 64. RFC 1122 §3.2.1.7 leaves it to us; IANA's recommendation. */
  hopLimit = 64;
  /** DSCP and ECN. */
  trafficClass = 0;
  /** IPv4: set DF, so that routers tell us instead of fragmenting (RFC 1191). Clear: IP may fragment. */
  dontFragment = true;
  /** IPv6, 20 bits. */
  flowLabel = 0;
  /**
   * Only through this interface: SO_BINDTODEVICE, and where multicasts leave. A zone in `dst` says the same.
   */
  through: Interface | null = null;
  /**
   * Send from the unspecified address itself: DHCP before its lease, duplicate address detection (RFC 4862
   * §5.4.2).
   */
  anonymous = false;
  /**
   * Multicasts and broadcasts also go to our own receivers. Default false; a datagram socket sets it:
   * IP_MULTICAST_LOOP.
   */
  loop = false;
  /** Filled by `ip.route`; trusted while `routeGeneration` is the table's and `routedTo` is `dst`. */
  route: Route | null = null;
  routeGeneration = -1;
  routedTo: Address | null = null;

  constructor(
    /** Ours; the unspecified address lets `ip.route` choose (RFC 6724). */
    public src: Address,
    public dst: Address,
    readonly protocol: number,
  ) {}

  /** Use the flow for another pair of addresses. Both must last: no cells of a header record. */
  aim(src: Address, dst: Address): void {
    this.src = src;
    this.dst = dst;
    this.routeGeneration = -1;
  }
}
