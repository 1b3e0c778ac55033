// Text out of order: what is kept, what SACK says of it, what it may cost. RFC 2018 §4, RFC 9293 SHLD-31.

import type { Mutant } from '../../tools/mutants/mutant.js';

const file = 'src/tcp/assembler.ts';
const test = 'test/unit/tcp/assembler.test.ts';
const property = 'test/property/assembler.test.ts';

export const ASSEMBLER: readonly Mutant[] = [
  { file, test, sec: 'SEC-55', text: 'const MERGE_MAX = 2048;', replacement: 'const MERGE_MAX = 0;', title: 'become few objects' },
  {
    file, test, sec: 'SEC-55', title: 'beyond its limit of ranges',
    text: 'while (starts.length > this.rangesMax) {', replacement: 'while (starts.length > 2 * this.rangesMax) {',
  },
  {
    file, test, sec: 'SEC-55', title: 'beyond its limit of bytes',
    fuzz: 'F9', text: 'while (this.bytes > this.bytesMax) {', replacement: 'while (false) {',
  },
  { file, test: property, text: 'chunk.end -= excess;', replacement: 'chunk.end -= excess + 1;' },
  {
    file, test: property, sec: 'SEC-55', title: 'also at its limits, where the furthest goes first',
    text: 'offset > store.ends[last]! && (', replacement: '(',
  },
  {
    file, test, title: 'hands over from the byte that is asked for',
    fuzz: 'F9', text: 'const from = chunk.from + (next - chunk.start);', replacement: 'const from = chunk.from;',
  },
  {
    file, test,
    text: 'if (chunk !== undefined && chunk.start <= next) {', replacement: 'if (chunk !== undefined && chunk.start < next) {',
  },
  { file, test, text: 'store.heard[r]! > store.heard[best]!', replacement: 'store.heard[r]! < store.heard[best]!', title: 'SACK blocks' },
  {
    file, test: property,
    text: 'const end = behind > first ? Math.max(stop, ends[behind - 1]!) : stop;', replacement: 'const end = stop;',
  },
  { file, test: property, text: 'starts[behind]! <= stop', replacement: 'starts[behind]! < stop' },
  { file, test, text: 'if (store.chunks.length === 0) this.clear();', replacement: '' },
];
