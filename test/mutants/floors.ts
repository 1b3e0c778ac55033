// Below TCP and beside it: fragments, extension headers, routes, timers, queues, captures, echo. RFC 815, 5722, 8200 §4, 1122 §3.3.1.

import type { Mutant } from '../../tools/mutants/mutant.js';

const fragments = { file: 'src/ip/fragments.ts', test: 'test/property/ip-reassembly.test.ts' } as const;
const wheel = { file: 'src/timer-wheel.ts', test: 'test/property/timer-wheel.test.ts' } as const;

export const GROUND: readonly Mutant[] = [
  { ...wheel, fuzz: 'F10', text: "      this.cancel(due.next);\n      owner.expire(now);", replacement: '      this.cancel(due.next);\n      if (due.next === due) owner.expire(now);' },
  {
    file: 'src/link/pcap.ts', test: 'test/property/pcap.test.ts', fuzz: 'F2',
    text: 'block.setUint32(24, end - at, true);\n    bytesOf(block).set(b.subarray(at, at + captured), PACKET_AT);',
    replacement: 'block.setUint32(24, end - at, true);\n    bytesOf(block).set(b.subarray(at, at + (captured & ~1)), PACKET_AT);',
  },
];

export const LINK: readonly Mutant[] = [
  {
    file: 'src/link/arp.ts', test: 'test/fuzz/corpus.test.ts', title: 'goes without a word',
    text: "counters.drop('arp-malformed');\n      return;", replacement: 'return;',
  },
];

export const IP: readonly Mutant[] = [
  {
    file: 'src/ip/routes.ts', test: 'test/property/ip-routes.test.ts', fuzz: 'F10',
    text: 'b.prefixLength - a.prefixLength || a.failure', replacement: 'a.failure',
  },
  {
    ...fragments, fuzz: 'F8', text: '(i < starts.length && starts[i]! < end)', replacement: 'false',
  },
  {
    ...fragments, fuzz: 'F15', test: 'test/unit/ip/fragments.test.ts', title: 'all sources have 256 datagrams',
    text: 'while (this.size > DATAGRAMS_MAX || this.bytes > BYTES_MAX) {', replacement: 'while (false) {',
  },
];

export const ICMP: readonly Mutant[] = [
  {
    file: 'src/icmp/error-sender.ts', test: 'test/unit/icmp/error-sender.test.ts',
    text: "if (header.cast !== 'unicast' || header.linkCast !== 'unicast') return false;\n  // \"a non-initial", replacement: '// "a non-initial',
  },
  {
    file: 'src/icmp/echo.ts', test: 'test/unit/icmp/echo.test.ts', title: 'of nothing but zeros', fuzz: 'F13',
    text: 'if (sum === 0) this.sum(packet, flow);', replacement: '',
  },
];

