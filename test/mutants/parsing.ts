// From bytes to a segment: the header, the options, acceptability. RFC 9293 §3.1, §3.2, §3.4.

import type { Mutant } from '../../tools/mutants/mutant.js';

const segment = { file: 'src/tcp/segment.ts', test: 'test/unit/tcp/segment.test.ts' } as const;
const options = { file: 'src/tcp/options.ts', test: 'test/unit/tcp/options.test.ts' } as const;

export const SEGMENT: readonly Mutant[] = [
  { ...segment, text: "if (end - at < 20) return 'tcp-truncated';", replacement: '', title: 'that is cut short is dropped' },
  {
    ...segment, title: 'with an impossible data offset',
    text: 'headerLength < 20 || headerLength > end - at', replacement: 'headerLength > end - at',
  },
  {
    ...segment, title: 'with an impossible data offset',
    text: 'headerLength < 20 || headerLength > end - at', replacement: 'headerLength < 20',
  },
  { ...segment, text: 'seg.srcPort === 0 || seg.dstPort === 0', replacement: 'seg.srcPort === 0', title: 'from or to port 0' },
  {
    ...segment, title: 'does not take text for options',
    text: 'parseOptions(b, at + 20, at + headerLength, seg.options)', replacement: 'parseOptions(b, at + 20, end, seg.options)',
  },
  {
    ...segment, sec: 'SEC-65', text: 'if ((seg.flags & Wire.SYN) === 0) seg.options.clearSynOnly();', replacement: '',
    title: 'says only in a SYN what is said in SYNs',
  },
  { ...segment, text: '((this.flags & Wire.SYN) >> 1)', replacement: '0', title: 'counts SYN and FIN in its length' },
  { ...segment, text: '+ (this.flags & Wire.FIN);', replacement: ';', title: 'counts SYN and FIN in its length' },
  {
    ...segment, title: 'no text, no window',
    text: 'if (len === 0 && wnd === 0) return seq === nxt;', replacement: 'if (len === 0 && wnd === 0) return true;',
  },
  {
    ...segment, title: 'its first or its last byte in the window',
    text: ' || Seq.within(Seq.add(seq, len - 1), nxt, wnd)', replacement: '',
  },
  { ...segment, fuzz: 'F10', text: 'Seq.add(seq, len - 1)', replacement: 'Seq.add(seq, len)', title: 'its first or its last byte in the window' },
];

export const OPTIONS: readonly Mutant[] = [
  {
    ...options, title: 'an illegal length condemns the list',
    fuzz: 'F3', text: 'if (length < 2 || length > end - at) return false;', replacement: 'if (length > end - at) return false;',
  },
  {
    ...options, title: 'an illegal length condemns the list',
    text: 'if (length < 2 || length > end - at) return false;', replacement: 'if (length < 2) return false;',
  },
  { ...options, text: 'if (at + 1 >= end) return false;', replacement: '', title: 'a kind without a length at the very end of memory' },
  {
    ...options, title: 'the end of the list ends it',
    text: 'if (kind === END) return true;', replacement: 'if (kind === END) return false;',
  },
  { ...options, sec: 'SEC-68', fuzz: 'F3', text: 'at += length;', replacement: 'at += 2;', title: 'an unknown kind is skipped by its length' },
  {
    ...options, sec: 'SEC-65', title: 'a shift above 14 is taken as 14',
    text: 'Math.min(b[at + 2]!, WINDOW_SCALE_MAX)', replacement: 'b[at + 2]!',
  },
  {
    ...options, sec: 'SEC-65', test: 'test/unit/tcp/segment.test.ts', title: 'says only in a SYN what is said in SYNs',
    text: 'this.windowScale = -1;\n    this.sackPermitted = false;\n    this.hasFastOpen = false;\n  }',
    replacement: 'this.sackPermitted = false;\n    this.hasFastOpen = false;\n  }',
  },
  {
    ...options, title: 'an illegal length condemns the list',
    fuzz: 'F3', text: 'if (length < 10 || (length & 7) !== 2) return false;', replacement: 'if (length < 10) return false;',
  },
  { ...options, text: 'if (length !== 10) return false;', replacement: '', title: 'an illegal length condemns the list' },
  { ...options, text: 'if (length !== 4) return false;', replacement: '', title: 'an illegal length condemns the list' },
  {
    ...options, title: 'timestamps are ordered on the circle',
    text: 'tsBefore = (a: number, b: number): boolean => ((a - b) | 0) < 0',
    replacement: 'tsBefore = (a: number, b: number): boolean => a < b',
  },
  { ...options, text: 'hasTimestamps ? 3 : 4', replacement: '4', title: 'never exceed forty bytes' },
];
