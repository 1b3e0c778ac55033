// Who sends what to whom: what a transport tells IP about the packets it will send, with the route remembered.

import { type Address } from '../address.js';
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
  /** Filled by `ip.route`; trusted while `routeGeneration` is the table's. */
  route: Route | null = null;
  routeGeneration = -1;

  constructor(
    /** Ours; the unspecified address lets `ip.route` choose (RFC 6724). */
    public src: Address,
    public dst: Address,
    readonly protocol: number,
  ) {}
}
