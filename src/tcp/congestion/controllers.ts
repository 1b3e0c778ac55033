// Which congestion controllers there are. RFC 9293 MAY-18.

import { invalidValue } from '../../errors.js';
import type { Random } from '../../random.js';
import { Bbr } from './bbr.js';
import type { CongestionControl } from './congestion-control.js';
import { Cubic } from './cubic.js';
import { NewReno } from './new-reno.js';

export type CongestionName = CongestionControl['name'];

export const CONGESTION_NAMES: readonly CongestionName[] = ['cubic', 'new-reno', 'bbr'];

/** @throws  TypeError ERR_INVALID_ARG_VALUE, if there is none of that name */
export function checkCongestion(name: CongestionName): CongestionName {
  if (CONGESTION_NAMES.includes(name)) return name;
  throw invalidValue('options.congestion', `must be one of: ${CONGESTION_NAMES.map((each) => `'${each}'`).join(', ')}`, name);
}

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
