// Sequence numbers on the circle. RFC 9293 §3.4.

import type { Mutant } from '../../tools/mutants/mutant.js';

const file = 'src/tcp/seq.ts';
const test = 'test/property/seq.test.ts';

export const SEQ: readonly Mutant[] = [
  { file, test, fuzz: 'F10', text: 'lt = (a: Seq, b: Seq): boolean => ((a - b) | 0) < 0', replacement: 'lt = (a: Seq, b: Seq): boolean => a < b' },
  {
    file, test,
    text: 'le = (a: Seq, b: Seq): boolean => ((a - b) | 0) <= 0', replacement: 'le = (a: Seq, b: Seq): boolean => ((a - b) | 0) < 0',
  },
  {
    file, test,
    text: 'gt = (a: Seq, b: Seq): boolean => ((a - b) | 0) > 0', replacement: 'gt = (a: Seq, b: Seq): boolean => ((a - b) | 0) >= 0',
  },
  {
    file, test,
    text: 'ge = (a: Seq, b: Seq): boolean => ((a - b) | 0) >= 0', replacement: 'ge = (a: Seq, b: Seq): boolean => (a - b) >>> 0 >= 0',
  },
  { file, test, text: '((a + n) | 0) as Seq', replacement: '(a + n) as Seq', title: 'add goes round the circle' },
  { file, test, fuzz: 'F7', text: 'number => (a - b) | 0', replacement: 'number => a - b', title: 'diff is the signed distance' },
  { file, test, text: '((n - start) >>> 0) < size', replacement: '((n - start) >>> 0) <= size', title: 'exactly `size` numbers' },
  { file, test, text: '((n - start) >>> 0) < size', replacement: '((n - start) | 0) < size' },
  { file, test, text: '(((a - b) | 0) < 0 ? b : a)', replacement: '(a < b ? b : a)' },
  { file, test, text: '(((a - b) | 0) > 0 ? b : a)', replacement: '(a > b ? b : a)' },
];
