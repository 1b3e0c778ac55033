// Which congestion controllers there are.

import type { Random } from '../../random.js';
import { Bbr } from './bbr.js';
import type { CongestionControl } from './congestion-control.js';
import { Cubic } from './cubic.js';
import { NewReno } from './new-reno.js';

export type CongestionName = CongestionControl['name'];

/**
 * A controller for a connection that is established now.
 * @param smss  bytes of payload in a full segment
 * @param cwnd  bytes to begin with
 * @param random  BBR draws from it how long to wait between its probes
 */
export function newController(name: CongestionName, smss: number, cwnd: number, random: Random): CongestionControl {
  switch (name) {
    case 'new-reno': return new NewReno(smss, cwnd);
    case 'cubic': return new Cubic(smss, cwnd);
    case 'bbr': return new Bbr(smss, cwnd, random);
  }
}
