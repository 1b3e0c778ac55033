// What to send next, and may we; and how a segment is built. RFC 9293 §3.7.4, §3.8.6, RFC 5681 §4.1.

import type { Mutant } from '../../tools/mutants/mutant.js';

const file = 'src/tcp/sender.ts';
const emit = 'src/tcp/emit.ts';
const test = 'test/script/send.test.ts';
const timers = 'test/script/timers.test.ts';
const egress = { file: 'src/link/egress.ts', test: 'test/unit/link/ip-port.test.ts' } as const;
const urgent = 'test/script/urgent.test.ts';

export const SENDER: readonly Mutant[] = [
  { file, test, text: 'const LATE_LEAST_MS = 2;', replacement: 'const LATE_LEAST_MS = 0;', title: 'catches up what it was late' },
  { file, test, text: 'const LATE_MOST_MS = 10;', replacement: 'const LATE_MOST_MS = 100;', title: 'catches up what it was late' },
  { file, test, text: 'c.rto.minRttMs / 4', replacement: 'c.rto.minRttMs', title: 'catches up what it was late' },
  {
    file, test: 'test/script/autotune.test.ts', title: 'to tell whether a timeout was needless',
    text: '!r.newTextFirst && isTail', replacement: 'isTail',
  },
  {
    file: 'src/tcp/buffers.ts', test, title: 'takes whole bytes',
    text: 'return Math.floor(c.tcp.memory.isTight ? Math.min(c.sendBuffer, TIGHT_SEND_MAX) : c.sendBuffer);',
    replacement: 'return c.sendBuffer;',
  },
  {
    file: 'src/tcp/settings.ts', test, title: 'takes whole bytes',
    text: 'Math.floor(options.maxSegment ?? base.maxSegment)', replacement: 'options.maxSegment ?? base.maxSegment',
  },
  {
    file, test, fuzz: 'F7',
    text: 'c.timers.persistAt = NEVER;\n  if (c.timers.retransmitAt === NEVER) c.timers.retransmitAt = now + c.rto.rtoMs;',
    replacement: 'c.timers.persistAt = NEVER;',
  },
  { file, test, text: '!c.settings.noDelay && ', replacement: '', title: 'can be turned off' },
  { file, test, text: 'Seq.gt(c.snd.sml, c.snd.una) && ', replacement: '', title: 'Nagle' },
  {
    file, test, title: 'the tail of a large write does not wait',
    text: 'const nagle = smallInFlight && ', replacement: 'const nagle = c.flightSize > 0 && ',
  },
  {
    file, test, title: 'nothing more will come behind a FIN',
    text: '&& !c.finQueued && Seq.le(c.snd.up', replacement: '&& Seq.le(c.snd.up',
  },
  { file, test: urgent, text: ' && Seq.le(c.snd.up, c.snd.nxt)', replacement: '', title: 'does not wait for Nagle' },
  { file, test, sec: 'SEC-64', text: 'room >= c.snd.maxWnd >> 1', replacement: 'true', title: 'that opens in crumbs draws none' },
  {
    file, test, sec: 'SEC-64', title: 'when half of the largest is open',
    text: '!held && room >= c.snd.maxWnd >> 1 ? room : 0', replacement: '0',
  },
  { file, test, text: 'length > 0 ? Wire.PSH : 0', replacement: '0', title: 'are full, but for the last, which is pushed' },
  { file, test, text: ' && c.snd.wnd - c.flightSize > length', replacement: '', title: 'keeps the FIN back, too' },
  { file, test, text: 'now - c.lastSentAt > c.rto.rtoMs', replacement: 'false', title: 'only the peer was talking' },
  {
    file, test, title: 'only the peer was talking',
    text: 'now - c.lastSentAt > c.rto.rtoMs', replacement: 'now - Math.max(c.lastSentAt, c.lastArrivalAt) > c.rto.rtoMs',
  },
  {
    file, test, title: 'is probed after one RTO, then after twice',
    text: 'c.rto.rtoMs * 2 ** Math.min(c.probes, 10)', replacement: 'c.rto.rtoMs',
  },
  { file, test, text: 'Math.min(60_000, c.rto.rtoMs', replacement: 'Math.min(Infinity, c.rto.rtoMs', title: 'up to a minute' },
  { file, test: timers, text: 'if (!c.settings.keepAlive) return;', replacement: '', title: 'is off unless asked for' },
  {
    file, test: timers, title: 'with an old number and no text',
    text: "export function sendKeepAlive(c: Connection, now: number): void {\n  emit(c, 0, Seq.add(c.snd.una, -1), 0, now);",
    replacement: 'export function sendKeepAlive(c: Connection, now: number): void {\n  emit(c, 0, c.snd.una, 0, now);',
  },
];

/** What the device cannot do is done before it. */
export const EGRESS: readonly Mutant[] = [
  { ...egress, text: ' && isWhole && (', replacement: ' && (', title: 'though it sums' },
  { ...egress, text: "(frame.checksum !== 'partial' || offload.checksum)", replacement: 'true', title: 'but does not sum' },
  { ...egress, text: 'frame.end + frame.lent - frame.network', replacement: 'frame.end - frame.network', title: 'is as long as all of it' },
];

export const EMIT: readonly Mutant[] = [
  {
    file: emit, test: 'test/script/receive.test.ts', title: 'blocks make full segments shorter',
    text: 'c.snd.smss - 4 - 8 * blocks', replacement: 'c.snd.smss',
  },
  {
    file: 'src/tcp/dsack.ts', test: 'test/script/receive.test.ts', title: 'is not spoken to a peer that did not offer it',
    text: 'if (!c.sackPermitted) return 0;', replacement: '',
  },
  {
    file: emit, test: 'test/script/handshake.test.ts', title: 'that crosses ours is answered',
    text: 'answering && !c.windowScaling ? -1 : c.rcv.shift', replacement: 'c.rcv.shift',
  },
  { file: emit, test: urgent, text: 'Math.min(urgent, 0xffff)', replacement: 'urgent', title: 'as far as the field reaches' },
  {
    file: emit, test: urgent, title: 'from none behind it',
    text: 'urgent > 0 && Seq.gt(c.snd.up, c.snd.una)', replacement: 'Seq.gt(c.snd.up, c.snd.una)',
  },
  {
    file: emit, test: 'test/script/arrival.test.ts', sec: 'SEC-66', title: 'a RST is not answered',
    fuzz: 'F4', text: 'if ((seg.flags & Wire.RST) !== 0) return;', replacement: '',
  },
  {
    file: emit, test: 'test/script/arrival.test.ts', title: 'acknowledges SYN, text and FIN',
    text: 'Wire.RST | Wire.ACK, Seq.seq(0), Seq.add(seg.seq, seg.length)',
    replacement: 'Wire.RST | Wire.ACK, Seq.seq(0), Seq.add(seg.seq, seg.length - 1)',
  },
  {
    file: emit, test: 'test/script/security.test.ts', sec: 'SEC-70', title: 'in memory that was used before',
    text: '  Wire.setUrgent(b, at, 0);\n', replacement: '',
  },
];
