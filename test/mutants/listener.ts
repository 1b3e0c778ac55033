// The passive open: whom it hears, and how many may wait. RFC 9293 §3.10.7.2, RFC 4987.

import type { Mutant } from '../../tools/mutants/mutant.js';

const file = 'src/tcp/listener.ts';
const test = 'test/script/listener.test.ts';
const arrival = 'test/script/arrival.test.ts';

export const LISTENER: readonly Mutant[] = [
  {
    file, test: arrival, sec: 'SEC-66', title: 'LISTEN',
    text: "if ((seg.flags & Wire.RST) !== 0) return counters.drop('tcp-no-socket');", replacement: '',
  },
  {
    file, test: arrival, sec: 'SEC-66', title: 'LISTEN',
    text: "(seg.flags & Wire.SYN) === 0 || this.tcp.isBadSyn(seg)", replacement: '(seg.flags & Wire.SYN) === 0',
  },
  {
    file, test: arrival, sec: 'SEC-66', title: 'LISTEN',
    text: "(seg.flags & Wire.SYN) === 0 || this.tcp.isBadSyn(seg)", replacement: 'this.tcp.isBadSyn(seg)',
  },
  { file, test, text: " || isMulticast(header.src)", replacement: '', title: 'a SYN from a group' },
  {
    file, test, title: 'a backlog of nothing still lets one wait',
    text: 'Math.max(1, options.backlog ?? 511)', replacement: '(options.backlog ?? 511)',
  },
  {
    file, test, title: 'hears both families, unless it is told not to',
    text: 'return !this.ipv6Only || !isV4(local);', replacement: 'return true;',
  },
  { file, test, text: 'for (const c of this.waiting) c.abort();', replacement: '', title: 'resets who waits' },
];
