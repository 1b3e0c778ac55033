// Text into the window, the window that we offer, and when to acknowledge. RFC 9293 §3.8.6, RFC 5681 §4.2.

import type { Mutant } from '../../tools/mutants/mutant.js';

const file = 'src/tcp/receiver.ts';
const test = 'test/script/receive.test.ts';

export const RECEIVER: readonly Mutant[] = [
  {
    file, test, fuzz: 'F5',
    text: 'c.receiveQueue.appendOwned(piece);', replacement: 'c.receiveQueue.appendOwned(piece);\n    c.receiveQueue.appendOwned(piece.slice());',
  },
  {
    file, test, sec: 'SEC-56', title: 'what is old of a segment is cut off',
    fuzz: 'F5', text: 'const skip = Math.max(0, Seq.diff(c.rcv.nxt, seg.seq));', replacement: 'const skip = 0;',
  },
  {
    file, test, sec: 'SEC-56', title: 'beyond the window is cut off',
    fuzz: 'F5', text: 'const length = Math.min(seg.end - at, room);', replacement: 'const length = seg.end - at;',
  },
  {
    file, test, title: 'is the end: what claims to follow',
    text: 'c.rcv.finSeen ? Seq.min(c.rcv.edge, c.rcv.finAt) : c.rcv.edge', replacement: 'c.rcv.edge',
  },
  {
    file, test, title: 'is the end: what claims to follow',
    text: "drop(room <= 0 ? 'tcp-window-closed' : 'tcp-duplicate');\n      c.ackNow = true;",
    replacement: "drop(room <= 0 ? 'tcp-window-closed' : 'tcp-duplicate');",
  },
  { file, test, text: 'c.ackNow = true;\n    c.ts.onReordered', replacement: 'c.ts.onReordered', title: 'draws a duplicate ACK at once' },
  { file, test, text: 'c.ackNow = true;\n  const assembler', replacement: 'const assembler', title: 'a segment that fills a gap in part' },
  { file, test, text: 'c.rcv.edge = Seq.max(c.rcv.edge, c.rcv.nxt);', replacement: '', title: 'a FIN that follows no more text' },
  { file, test, text: 'c.rcv.nxt !== c.rcv.finAt', replacement: 'false', title: 'the peer\'s FIN' },
];

export const RECEIVE_WINDOW: readonly Mutant[] = [
  {
    file, test, sec: 'SEC-64', title: 'opens again in steps of a segment',
    text: 'Math.min(c.receiveBuffer >> 1, c.rcv.rmss)', replacement: '1',
  },
  {
    file, test, sec: 'SEC-64', title: 'opens again in steps of half the buffer',
    text: 'Math.min(c.receiveBuffer >> 1, c.rcv.rmss)', replacement: 'c.rcv.rmss',
  },
  {
    file, test, sec: 'SEC-64', title: 'does not shrink when the application makes its buffer smaller',
    fuzz: 'F5', text: 'return rounded <= room ? rounded : offered;', replacement: 'return Math.max(0, (room >> shift) << shift);',
  },
  {
    file, test, title: 'the window we offer',
    text: 'if (gain < windowStep(c)) return false;', replacement: 'if (gain <= 0) return false;',
  },
  { file, test, text: 'gain >= c.receiveBuffer >> 2 || ', replacement: 'true || ', title: 'is not told anew for every read' },
  { file, test, text: '-(-offered >> shift) << shift', replacement: '(offered >> shift) << shift', title: 'scaled, it is rounded up' },
];

export const DELAYED_ACK: readonly Mutant[] = [
  {
    file, test, title: 'a lone segment is acknowledged after 40 ms',
    text: 'const DELAYED_ACK_MS = 40;', replacement: 'const DELAYED_ACK_MS = 600;',
  },
  {
    file, test, title: 'a lone segment is acknowledged after 40 ms',
    fuzz: 'F5', text: 'if (c.timers.delayedAckAt === NEVER) c.timers.delayedAckAt = now + DELAYED_ACK_MS;', replacement: '',
  },
  {
    file, test, title: 'begin with the first text that waits',
    text: 'if (c.timers.delayedAckAt === NEVER) c.timers.delayedAckAt', replacement: 'c.timers.delayedAckAt',
  },
  { file, test, text: '>= 2 * c.rcv.rmss', replacement: '>= 4 * c.rcv.rmss', title: 'every second full segment' },
  {
    file, test, title: 'carries the ACK, and then none is owed',
    text: 'c.ackOwed = false;\n  c.ackNow = false;\n  c.timers.delayedAckAt = NEVER;',
    replacement: 'c.ackOwed = false;\n  c.ackNow = false;',
  },
  {
    file, test, title: 'is one, however large it is',
    text: 'if (segment > c.rcv.rmss) c.rcv.rmss = Math.min(segment, c.tcp.rmssMax);', replacement: '',
  },
];
