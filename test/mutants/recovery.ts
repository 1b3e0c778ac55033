// What was sent and what became of it; when a loss is a loss, what goes again, and when it was none. RFC 6675, RFC 8985,
// RFC 9937, RFC 5682, RFC 4015, RFC 3708.

import type { Mutant } from '../../tools/mutants/mutant.js';

const scoreboard = { file: 'src/tcp/scoreboard.ts', test: 'test/property/scoreboard.test.ts' } as const;
const rack = { file: 'src/tcp/rack.ts', test: 'test/script/recovery.test.ts' } as const;
const clock = { test: 'test/script/rfc8985.test.ts', sec: 'SEC-69' } as const;
const delivery = { file: 'src/tcp/delivery.ts', test: 'test/script/recovery.test.ts' } as const;
const recovery = { file: 'src/tcp/recovery.ts', test: 'test/script/recovery.test.ts' } as const;
const arrival = { file: 'src/tcp/arrival.ts', test: 'test/script/recovery.test.ts' } as const;

const PKT = 'test/unit/testing/packetdrill/run.test.ts';

export const SCOREBOARD: readonly Mutant[] = [
  { ...scoreboard, sec: 'SEC-54', text: 'if (this.isFull) return false;', replacement: '', title: 'makes no more runs than there may be' },
  { ...scoreboard, text: 'if ((this.flags(0) & SACKED) === 0) {', replacement: 'if (true) {' },
  { ...scoreboard, text: 'if ((this.flags(i) & SACKED) !== 0) continue;', replacement: '' },
  { ...scoreboard, fuzz: 'F9', text: '(this.flags(i) & ~LOST) | SACKED', replacement: 'this.flags(i) | SACKED' },
  { ...scoreboard, text: 'if (this.endOf(i) > to && !this.split(i, to)) continue;', replacement: '' },
  {
    ...scoreboard,
    text: 'if (this.endOf(middle) <= offset) low = middle + 1;', replacement: 'if (this.endOf(middle) < offset) low = middle + 1;',
  },
  { ...scoreboard, text: 'this.lost -= bytes;\n    this.inFlight += bytes;', replacement: 'this.lost -= bytes;' },
  { ...scoreboard, text: 'if (this.isEmpty) this.clear();', replacement: '' },
  { ...scoreboard, text: 'this.inFlight += this.sacked;', replacement: '' },
  { ...scoreboard, text: 'this.flags(i) & ~LOST);\n    this.inFlight', replacement: 'this.flags(i));\n    this.inFlight' },
];

export const RACK: readonly Mutant[] = [
  { ...rack, sec: 'SEC-69', text: 'if (d.isReordered) {\n      this.reorderingSeen = true;', replacement: 'if (d.isReordered) {', title: 'after reordering was seen' },
  { ...rack, ...clock, text: 'if (echoedAt !== NEVER) this.onLate(echoedAt, now);', replacement: '', title: 'is waited for the next time' },
  { ...rack, ...clock, text: 'this.onLate(d.reorderedSentAt, now);', replacement: '', title: 'was seen to come late' },
  { ...rack, ...clock, text: 'now - sentAt - this.rttMs);', replacement: 'now - sentAt);', title: 'is waited for the next time' },
  { ...rack, ...clock, text: 'this.reoWndMult = 1;\n    this.lateMs = 0;', replacement: 'this.reoWndMult = 1;', title: 'after sixteen recoveries' },
  { ...rack, ...clock, text: 'Math.min(this.lateMs, c.rto.rtoMs - this.rttMs)', replacement: 'this.lateMs', title: 'no longer than an RTO' },
  { ...rack, sec: 'SEC-69', text: 'if (lostAt > now) {', replacement: 'if (false) {', title: 'the reordering window is over' },
  { ...rack, text: '>= DUP_THRESH) return 0;', replacement: '>= DUP_THRESH + 1) return 0;', title: 'when three behind it have arrived' },
  { ...rack, text: 'wakeAt = Math.min(wakeAt, lostAt);', replacement: '', title: 'the reordering window is over' },
  {
    ...rack, title: 'nothing else is sent again',
    text: 'if (!isLater(this.sentAt, this.end, b.sentAt(i), b.endOf(i))) continue;', replacement: '',
  },
  {
    ...rack, title: 'the last segment goes again after two round trips',
    text: 'Math.max(2 * rto.srttMs, PTO_MIN_MS)', replacement: 'Math.max(rto.srttMs, PTO_MIN_MS)',
  },
  { ...rack, test: PKT, text: 'const PTO_MIN_MS = 5;', replacement: 'const PTO_MIN_MS = 6;', title: 'tail-probe-soon' },
  { ...rack, test: PKT, text: 'Math.max(this.reordering, ', replacement: 'Math.max(0, ', title: 'reordering.pkt' },
  { ...delivery, test: PKT, text: 'this.fack - end + bytes', replacement: 'this.fack - end', title: 'reordering.pkt' },
  { ...rack, text: 'pto += MAX_ACK_DELAY_MS;', replacement: 'pto += 0;', title: 'what it repaired alone' },
  {
    ...rack, sec: 'SEC-69', title: 'a DSACK says that it was needless',
    text: '!this.probeIsRetransmission || hasDsack', replacement: '!this.probeIsRetransmission',
  },
  {
    ...rack, title: 'what it repaired alone',
    text: 'this.probeEnd = NONE;\n    return true;', replacement: 'this.probeEnd = NONE;\n    return false;',
  },
  { ...delivery, sec: 'SEC-69', text: 'end < this.fack', replacement: 'false', title: 'after reordering was seen' },
];

export const RECOVERY: readonly Mutant[] = [
  {
    ...recovery, test: 'test/script/send.test.ts', sec: 'SEC-63', title: 'SACKed from its first byte on',
    text: 'b.forgetSacks();\n  b.markAllLost();', replacement: ';\n  b.markAllLost();',
  },
  { ...recovery, text: 'const r = c.ownRecovery();', replacement: 'const r = c.recovery;', title: "is nobody else's" },
  { ...recovery, text: ' && c.recovery.rack.probeEnd < 0', replacement: '', title: 'knows no DSACK' },
  { ...arrival, text: '(c.timers.retransmitAt !== NEVER || c.recovery.rack.probeEnd >= 0)', replacement: 'c.timers.retransmitAt !== NEVER', title: 'knows no DSACK' },
  { ...recovery, text: 'if (ahead > 0 || (ahead === 0', replacement: 'if (ahead > 0 || (false', title: 'hides nothing of it' },
  { ...recovery, text: 'sample.lost = c.rate.lost - c.rate.lostTold;', replacement: 'sample.lost = lost;', title: 'is told to congestion control' },
  { ...recovery, text: 'sample.lost = c.rate.lost - c.rate.lostTold;\n    c.rate.lostTold = c.rate.lost;', replacement: 'sample.lost = c.rate.lost;', title: 'is told to congestion control' },
  { ...recovery, text: 'const DUP_THRESH = 3;', replacement: 'const DUP_THRESH = 2;', title: 'two duplicate ACKs let new segments out' },
  {
    ...recovery, title: 'at the very point where it ended',
    text: "c.offsetOf(c.snd.una) <= r.recoverEnd) return 0;", replacement: "c.offsetOf(c.snd.una) < r.recoverEnd) return 0;",
  },
  {
    ...recovery, title: 'while it shrinks to half',
    text: '(this.prrDelivered * ssthresh) / this.flightAtEntry', replacement: 'this.prrDelivered',
  },
  { ...recovery, text: ' : acked > 0 ? 0 : r.dupAcks;', replacement: ' : r.dupAcks;', title: 'make no three' },
  { ...recovery, text: "r.phase !== 'open' && una >= r.recoverEnd", replacement: "r.phase !== 'open' && una >= r.recoverEnd - 1", title: 'ends with the ACK of all' },
  { ...recovery, text: "if (wasOpen || !isFirst) r.beginFrto();", replacement: 'if (wasOpen && isFirst) r.beginFrto();', title: 'and another one' },
  {
    ...recovery, title: 'ends recovery, too',
    text: "r.beginReduction('loss', c.offsetOf(c.snd.nxt), flight);", replacement: "r.beginReduction('loss', c.offsetOf(c.snd.una), flight);",
  },
  { ...recovery, sec: 'SEC-63', text: 'Seq.gt(Seq.seq(sackEnd[i]!), c.snd.nxt)', replacement: 'false', title: 'say nothing' },
  { ...recovery, sec: 'SEC-63', text: 'Seq.ge(from, Seq.seq(sackEnd[i]!))', replacement: 'false', title: 'say nothing' },
  {
    ...recovery, sec: 'SEC-63', title: 'a DSACK of more than was sent again',
    text: 'this.resent.lacks(from, end)', replacement: 'false',
  },
  {
    ...recovery, sec: 'SEC-63', title: 'nor does a DSACK of more than that',
    file: 'src/tcp/resent.ts', text: 'return from >= end;', replacement: 'return true;',
  },
  {
    ...recovery, title: 'after the network has doubled a packet',
    text: '(this.undoRetransmits === 0 && !this.isDoubled)', replacement: 'this.undoRetransmits === 0',
  },
  {
    ...rack, file: 'src/tcp/recovery.ts', test: 'test/script/rfc8985.test.ts', title: 'because the network doubles packets',
    text: 'this.isDoubled = true;\n      return false;', replacement: 'this.isDoubled = true;\n      return true;',
  },
  {
    ...recovery, file: 'src/tcp/resent.ts', test: 'test/unit/tcp/resent.test.ts', title: 'of what lies before what is forgotten',
    text: 'from >= this.forgottenEnd && ', replacement: '',
  },
  {
    ...recovery, file: 'src/tcp/resent.ts', test: 'test/unit/tcp/resent.test.ts', title: 'in whatever order',
    text: 'i = -2;', replacement: '',
  },
  {
    ...recovery, file: 'src/tcp/sender.ts', title: 'full behind a hole',
    text: 'if (usable >= mss && b.sacked > 0) c.rate.onHeldBack(pipe(c));', replacement: '',
  },
  {
    ...recovery, sec: 'SEC-69', title: 'or that a DSACK proves needless',
    text: '((this.undoRetransmits === 0 && !this.isDoubled) || this.isDelayed(echoedAt))', replacement: 'this.isDelayed(echoedAt)',
  },
  {
    ...recovery, sec: 'SEC-69', title: 'that the timestamp proves needless',
    text: 'echoedAt < Math.floor(this.firstRetransmitAt)', replacement: 'false',
  },
  {
    ...recovery, sec: 'SEC-69', title: 'that was needless is undone',
    text: 'if (d.isOriginal && !(d.isAmbiguous && !c.sackPermitted)) return true;', replacement: '',
  },
  {
    ...recovery, title: 'to learn whether it was needless',
    text: 'if (hasNewSack || isDuplicate) this.frto = false;', replacement: 'if (hasNewSack || isDuplicate) return true;',
  },
  { ...recovery, text: 'b.forgetSacks();\n  c.rate', replacement: ';\n  c.rate', title: 'believes no SACK any more' },
  { ...recovery, text: 'c.congestion.onTimeout(isFirst ? flight : 0, now);', replacement: '', title: 'ends fast recovery and goes back' },
  {
    ...recovery, title: 'ends when all that was sent before it is acknowledged',
    text: 'r.phase = \'open\';\n  r.newTextFirst = false;\n  r.dupAcked = 0;\n  r.rack',
    replacement: 'r.newTextFirst = false;\n  r.dupAcked = 0;\n  r.rack',
  },
  { ...arrival, sec: 'SEC-63', text: ' && c.snd.wnd === windowBefore', replacement: '', title: 'are ACKs that change the window' },
  {
    ...arrival, sec: 'SEC-63', title: 'are ACKs that bring text',
    text: 'acked === 0 && seg.payloadLength === 0 && ', replacement: 'acked === 0 && ',
  },
];
