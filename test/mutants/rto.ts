// The retransmission timeout. RFC 6298.

import type { Mutant } from '../../tools/mutants/mutant.js';

const file = 'src/tcp/rto.ts';
const test = 'test/unit/tcp/rto.test.ts';

export const RTO: readonly Mutant[] = [
  { file, test, fuzz: 'F10', text: 'this.rttvarMs = rttMs / 2;', replacement: 'this.rttvarMs = 0;', title: 'of the first sample R is R + 4 * R/2' },
  { file, test, text: '(4 * this.samplesPerRtt)', replacement: '(8 * this.samplesPerRtt)', title: 'by 1/8 and 1/4, variance first' },
  { file, test, text: '(8 * this.samplesPerRtt)', replacement: '(8)', title: 'remembers as long as of one' },
  {
    file, test, title: 'stays 200 ms above a long and steady round trip',
    text: 'Math.max(RTO_MIN_MS, 4 * this.rttvarMs)', replacement: '4 * this.rttvarMs',
  },
  {
    file, test, title: 'doubles with each expiry, up to 120 s',
    text: 'this.rtoMs = Math.min(this.rtoMs * 2, RTO_MAX_MS);', replacement: 'this.rtoMs *= 2;',
  },
  { file, test, text: '4 * this.rttvarMs), RTO_MAX_MS)', replacement: '4 * this.rttvarMs), Infinity)', title: 'never exceeds its ceiling' },
  {
    file, test, title: 'ignores what cannot be a round trip',
    text: 'if (!(rttMs >= 0 && rttMs <= RTO_MAX_MS)) return;', replacement: 'if (!(rttMs >= 0)) return;',
  },
  { file, test, text: 'RTO_AFTER_SYN_LOSS_MS = 3000', replacement: 'RTO_AFTER_SYN_LOSS_MS = 1000', title: 'is 3 s when the SYN was lost' },
  { file, test, text: ' && now - this.minRttAt <= MIN_RTT_WINDOW_MS', replacement: '', title: 'is the least of the last five minutes' },
  { file, test, text: 'rttMs > this.minRttMs', replacement: 'rttMs >= this.minRttMs', title: 'stays fresh while it is met again' },
];
