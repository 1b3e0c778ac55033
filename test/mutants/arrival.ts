// SEGMENT ARRIVES, step by step. RFC 9293 §3.10.7, RFC 5961, RFC 7323 §5, RFC 6093.

import type { Mutant } from '../../tools/mutants/mutant.js';

const file = 'src/tcp/arrival.ts';
const arrival = 'test/script/arrival.test.ts';
const handshake = 'test/script/handshake.test.ts';
const timestamps = 'test/script/timestamps.test.ts';
const receive = 'test/script/receive.test.ts';
const tcb = { file: 'src/tcp/tcb.ts', test: timestamps } as const;
const send = 'test/script/send.test.ts';
const close = 'test/script/close.test.ts';
const timers = 'test/script/timers.test.ts';
const urgent = 'test/script/urgent.test.ts';

export const SYN_SENT: readonly Mutant[] = [
  { file, test: arrival, text: 'Seq.le(seg.ack, c.iss) || ', replacement: '', title: 'SYN-SENT (§3.10.7.3) an ACK of what was not sent' },
  {
    file, test: arrival, title: 'SYN-SENT (§3.10.7.3) an ACK of what was not sent',
    text: 'if ((seg.flags & Wire.RST) === 0) {', replacement: 'if (true) {',
  },
  {
    file, test: arrival, sec: 'SEC-51', title: 'one that does not is ignored',
    text: "if (hasAck) c.fail('ECONNREFUSED', 'connect');", replacement: "if (true) c.fail('ECONNREFUSED', 'connect');",
  },
  {
    file, test: arrival, sec: 'SEC-66', title: 'a SYN beside a FIN neither',
    text: '(seg.flags & Wire.SYN) === 0 || c.tcp.isBadSyn(seg)', replacement: '(seg.flags & Wire.SYN) === 0',
  },
  {
    file, test: handshake, sec: 'SEC-66', title: 'two SYNs that cross',
    text: "enter(c, 'SYN-RECEIVED');", replacement: "c.fail('ECONNREFUSED', 'connect');",
  },
  { file, test: handshake, text: '? 536 : 1220', replacement: '? 1460 : 1440', title: 'without an MSS option the peer is sent the least' },
  {
    file, test: handshake, title: 'the shift counts from the first segment that is no SYN',
    text: 'c.windowScaling ? options.windowScale : 0', replacement: 'c.windowScaling ? 0 : 0',
  },
  {
    file, test: handshake, title: 'without the option in both SYNs nothing is scaled',
    text: 'if (!c.windowScaling) c.rcv.shift = 0;', replacement: '',
  },
];

export const SEQUENCE: readonly Mutant[] = [
  { file, test: timestamps, sec: 'SEC-58', text: 'c.ts.on && !reset', replacement: 'c.ts.on', title: 'a RST is exempt' },
  {
    file, test: timestamps, sec: 'SEC-58', title: 'text with an older timestamp',
    text: '} else if (isOld(c, seg.options.tsVal, now) && ', replacement: '} else if (false && ',
  },
  {
    ...tcb, sec: 'SEC-58', title: 'timestamps go round, too',
    text: '((tsVal - this.recent) | 0) < 0', replacement: 'tsVal < this.recent',
  },
  {
    ...tcb, sec: 'SEC-58', title: 'an equal timestamp is not old',
    text: '((tsVal - this.recent) | 0) < 0', replacement: '((tsVal - this.recent) | 0) <= 0',
  },
  { ...tcb, text: 'offset < this.floorUntil && ', replacement: '', title: 'text with an older timestamp' },
  { ...tcb, text: 'offset < this.floorUntil && ((tsVal - this.floor) | 0) >= 0', replacement: 'false', title: 'what a retransmission has overtaken' },
  { ...tcb, text: '((tsVal - this.floor) | 0) >= 0', replacement: 'true', title: 'and no sooner' },
  { ...tcb, text: 'if (offset < this.floorUntil) return;', replacement: '', title: 'a GiB of text later' },
  { ...tcb, text: 'const LATE_BYTES = 2 ** 30;', replacement: 'const LATE_BYTES = 2 ** 31;', title: 'a GiB of text later' },
  { file: 'src/tcp/receiver.ts', test: timestamps, text: 'c.ts.onReordered(c.bytesReceived);', replacement: '', title: 'what a retransmission has overtaken' },
  { file, test: timestamps, text: ' && !isOvertakenAck(c, seg)', replacement: '', title: 'tells of SACK blocks' },
  { file, test: timestamps, text: 'Seq.le(seg.ack, c.snd.una) && (', replacement: '(', title: 'acknowledges more than its successor' },
  { file, test: timestamps, text: 'seg.options.tsVal) | 0) <= c.rto.rtoMs', replacement: 'seg.options.tsVal) | 0) < Infinity', title: 'no longer than a timeout' },
  {
    file, test: timestamps, title: 'and its window, are old',
    text: 'acked < 0 || (c.ts.on && c.ts.isBefore(seg.options.tsVal))', replacement: 'acked < 0',
  },
  {
    file, test: 'test/script/recovery.test.ts', title: 'in an ACK that was overtaken',
    text: 'if (seg.options.sackCount > 0) Recovery.onAck(c, seg, 0, false, now);', replacement: '',
  },
  { file, test: timestamps, sec: 'SEC-58', text: ' && now - c.ts.recentAt < TS_RECENT_MS_MAX', replacement: '', title: 'after 24 days' },
  {
    file, test: timestamps, sec: 'SEC-58', title: 'is dropped without a word',
    text: "counters.drop('tcp-missing-timestamp');\n        return false;", replacement: "counters.drop('tcp-missing-timestamp');",
  },
  {
    file, test: timestamps, title: 'text with an older timestamp',
    text: "counters.drop('tcp-paws');\n      answer(c, seg, now);", replacement: "counters.drop('tcp-paws');",
  },
  {
    file, test: receive, sec: 'SEC-56', title: 'outside a window of 1,000',
    text: 'if (isAcceptable(seg.seq, seg.length, c.rcv.nxt, wnd)) return true;', replacement: 'return true;',
  },
  {
    file, test: receive, title: 'a FIN behind text for which there is no room',
    text: "seg.flags &= ~Wire.FIN;\n      c.ackNow = true;", replacement: 'c.ackNow = true;',
  },
  {
    file, test: arrival, title: 'a RST outside the window is nothing',
    text: "counters.drop('tcp-unacceptable');\n  if (!reset) answer", replacement: "counters.drop('tcp-unacceptable');\n  answer",
  },
  {
    file, test: arrival, title: 'what lies outside the window is told where we are',
    text: "if (!reset) answer(c, seg, now);\n  return false;", replacement: 'return false;',
  },
  {
    file, test: arrival, title: 'opened actively, the same SYN again draws',
    text: "c.synOwed = true;\n    return false;", replacement: 'return false;',
  },
  {
    file, test: arrival, sec: 'SEC-62', title: 'do not keep a storm of ACKs alive',
    text: '} else challenge(c, now);', replacement: '} else c.ackNow = true;',
  },
];

export const RESET: readonly Mutant[] = [
  {
    file, test: arrival, sec: 'SEC-51', title: 'a RST elsewhere in the window is challenged',
    fuzz: 'F5', text: 'if (seg.seq !== c.rcv.nxt) {', replacement: 'if (false) {',
  },
  {
    file, test: arrival, title: 'a RST at exactly RCV.NXT ends the connection, and the application is told',
    text: "} else {\n    c.fail('ECONNRESET');", replacement: '} else {\n    c.end(null);',
  },
  {
    file, test: arrival, sec: 'SEC-52', title: 'are limited to ten a second',
    text: 'c.challenges++ >= CHALLENGES_MAX', replacement: 'false',
  },
  {
    file, test: arrival, sec: 'SEC-52', title: 'are limited to ten a second',
    text: 'c.challengeWindowAt = Math.floor(now);\n    c.challenges = 0;', replacement: 'c.challengeWindowAt = Math.floor(now);',
  },
  {
    file, test: arrival, sec: 'SEC-52', title: 'are limited to ten a second for each connection',
    text: 'if (c.challenges++ >= CHALLENGES_MAX) {',
    replacement: 'const all = c.tcp as unknown as { challenges?: number };\n  ' +
      'all.challenges = (all.challenges ?? 0) + 1;\n  ' +
      'if (all.challenges > CHALLENGES_MAX) {',
  },
  {
    file, test: 'test/script/security.test.ts', sec: 'SEC-62', title: 'do not answer each other for ever',
    text: 'c.challenges++ >= CHALLENGES_MAX', replacement: 'false',
  },
  {
    file, test: arrival, sec: 'SEC-62', title: 'are limited to ten a second',
    text: 'now - c.challengeWindowAt >= 1000', replacement: 'now - c.challengeWindowAt >= 1',
  },
];

export const SYN: readonly Mutant[] = [
  {
    file, test: arrival, sec: 'SEC-51', title: 'a SYN is challenged, wherever it stands',
    fuzz: 'F5', text: "challenge(c, now);\n  return false;\n}\n\n/** Fifth", replacement: "c.fail('ECONNRESET');\n  return false;\n}\n\n/** Fifth",
  },
];

export const ACK: readonly Mutant[] = [
  {
    file, test: arrival, title: 'a segment without ACK is dropped',
    text: "if ((seg.flags & Wire.ACK) === 0) {\n    counters.drop('tcp-no-ack');\n    return false;",
    replacement: "if ((seg.flags & Wire.ACK) === 0) {\n    counters.drop('tcp-no-ack');",
  },
  {
    file, test: arrival, title: 'only an ACK of our SYN establishes',
    text: 'if (Seq.le(seg.ack, c.snd.una) || ', replacement: 'if (',
  },
  {
    file, test: arrival, sec: 'SEC-51', title: 'an ACK from further back than the largest window',
    text: 'Seq.lt(seg.ack, Seq.add(c.snd.una, -c.snd.maxWnd))', replacement: 'false',
  },
  {
    file, test: arrival, sec: 'SEC-51', title: 'at the least number that is believed',
    text: 'Seq.lt(seg.ack, Seq.add(c.snd.una, -c.snd.maxWnd))', replacement: 'Seq.le(seg.ack, Seq.add(c.snd.una, -c.snd.maxWnd))',
  },
  {
    file, test: arrival, sec: 'SEC-63', title: 'an ACK of what was never sent is told where we are',
    text: 'if (Seq.gt(seg.ack, c.snd.nxt)) {', replacement: 'if (false) {',
  },
  {
    file, test: timestamps, sec: 'SEC-58', title: 'is not that of a segment out of order',
    text: 'Seq.gt(seg.seq, c.rcv.lastAckSent) || ', replacement: '',
  },
  { file, test: timers, text: 'c.keepAlivesSent = 0;\n    c.timers.keepAliveAt = NEVER;', replacement: '', title: 'keep-alive' },
  {
    file, test: send, title: 'of a segment that is older than the last one heard',
    text: 'if (Seq.lt(c.snd.wl1, seg.seq) || (c.snd.wl1 === seg.seq && Seq.le(c.snd.wl2, seg.ack))) setWindow(c, seg);',
    replacement: 'setWindow(c, seg);',
  },
  {
    file, test: send, title: 'of a segment that is older than the last one heard',
    text: 'Seq.lt(c.snd.wl1, seg.seq) || ', replacement: '',
  },
  {
    file, test: send, title: 'when half of the largest is open',
    text: 'if (c.snd.wnd > c.snd.maxWnd) c.snd.maxWnd = c.snd.wnd;', replacement: 'c.snd.maxWnd = c.snd.wnd;',
  },
  { file, test: timers, text: 'c.retries = 0;', replacement: '', title: 'progress, be it one byte, begins the count anew' },
  {
    file, test: timers, title: 'in FIN-WAIT-2 are given up after a minute', sec: 'SEC-60',
    text: 'if (c.orphan) c.timers.deadAt = now + c.settings.finWait2Ms;', replacement: '',
  },
  { file, test: close, text: "if (c.ackNow) emitAck(c, now);", replacement: '', title: 'both at once, heard at once' },
  { file, test: close, text: "case 'LAST-ACK':\n      c.end(null);", replacement: "case 'LAST-ACK':", title: 'the peer first' },
];

export const URGENT: readonly Mutant[] = [
  {
    file, test: urgent, sec: 'SEC-57', title: 'a pointer without the bit says nothing',
    text: '(seg.flags & Wire.URG) === 0 || ', replacement: '',
  },
  { file, test: urgent, sec: 'SEC-57', text: ' && up > c.bytesReceived', replacement: '', title: 'that ends where it begins is none' },
  { file, test: urgent, sec: 'SEC-57', text: 'up > c.rcv.up && ', replacement: '', title: 'is announced again when its end moves' },
  {
    file, test: urgent, sec: 'SEC-57', title: 'may end far beyond the segment',
    text: 'c.rcv.up = up;', replacement: 'c.rcv.up = Math.min(up, c.bytesReceived + seg.payloadLength);',
  },
  { file, test: urgent, text: ' || !mayReceiveText(c.state)', replacement: '', title: 'after the peer\'s FIN there is none' },
];

export const TEXT: readonly Mutant[] = [
  { file, test: close, text: 'if (c.orphan && isNew) {', replacement: 'if (false) {', title: 'a close with something lost' },
  {
    file, test: receive, sec: 'SEC-56', title: 'beyond the window is not believed',
    text: 'Seq.ge(at, c.rcv.nxt) && Seq.le(at, c.rcv.edge)', replacement: 'Seq.ge(at, c.rcv.nxt)',
  },
  { file, test: receive, text: ' && !c.rcv.finSeen', replacement: '', title: 'is the end: what claims to follow' },
  {
    file, test: receive, title: 'comes early, and again',
    text: '} else if ((seg.flags & Wire.FIN) !== 0) {\n    c.ackNow = true;', replacement: '} else if ((seg.flags & Wire.FIN) !== 0) {',
  },
  { file, test: close, text: "enter(c, 'CLOSING');\n      return;", replacement: 'c.timeWait(now);\n      return;', title: 'both at once' },
  {
    file, test: close, title: 'after a close, is answered with a reset',
    text: "Wire.RST, seg.ack, Seq.seq(0), now);\n    c.end(null);", replacement: "Wire.RST, c.snd.nxt, Seq.seq(0), now);\n    c.end(null);",
  },
  { file, test: close, text: "case 'FIN-WAIT-2':\n      emitAck(c, now);", replacement: "case 'FIN-WAIT-2':", title: 'we first' },
];
