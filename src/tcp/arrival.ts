// SEGMENT ARRIVES, in the RFC's order: each step fits on a screen and answers "go on?". RFC 9293 §3.10.7.3–4, with
// RFC 5961 (blind attacks), RFC 7323 §5 (PAWS), RFC 6093 (urgent). The parts answer questions and do sums; decisions are here.

import type { Packet } from '../packet.js';
import { MINUTE, NEVER } from '../time.js';
import type { AccurateEcn } from './accurate-ecn.js';
import { CONNECTED, type Connection, URGENT } from './connection.js';
import { noteOldText } from './dsack.js';
import { aceOf, NO_ECN } from './ecn.js';
import { emit, emitAck, emitBare } from './emit.js';
import { heedProbe } from './mtu-probe.js';
import { acceptText, consumeFin } from './receiver.js';
import * as Recovery from './recovery.js';
import { isAcceptable, type Segment } from './segment.js';
import * as Seq from './seq.js';
import { enter, isSynchronized, mayReceiveText } from './state.js';
import * as Wire from './wire.js';

/** RFC 7323 §5.5: TS.Recent is not trusted after 24 days. */
const TS_RECENT_MS_MAX = 24 * 24 * 60 * MINUTE;

/** RFC 5961 §7 asks for a limit; per connection, so that it leaks nothing about others (CVE-2016-5696). Per second. */
const CHALLENGES_MAX = 10;

/** A segment for a connection that is not in LISTEN and not in TIME-WAIT. */
export function arrive(c: Connection, seg: Segment, packet: Packet, now: number): void {
  if (c.state === 'SYN-SENT') arriveInSynSent(c, seg, packet, now);
  else {
    checkSequence(c, seg, now)             // first
      && checkReset(c, seg, now)           // second    (third, security and compartment, is obsolete in practice)
      && checkSyn(c, seg, now)             // fourth
      && checkAck(c, seg, now)             // fifth
      && noteUrgent(c, seg)                // sixth
      && takeText(c, seg, packet, now)     // seventh
      && takeFin(c, seg, now);             // eighth
  }
  // MUST-58, MUST-59: what it draws is sent once, when the batch has been processed.
  if (c.state !== 'CLOSED' && c.state !== 'TIME-WAIT') c.markReady();
}

/** RFC 9293 §3.10.7.3. */
function arriveInSynSent(c: Connection, seg: Segment, packet: Packet, now: number): void {
  const { counters } = c.tcp.env;
  const hasAck = (seg.flags & Wire.ACK) !== 0;
  // First: SEG.ACK =< ISS or SEG.ACK > SND.NXT, where the text of a fast open counts as sent.
  if (hasAck && (Seq.le(seg.ack, c.iss) || Seq.gt(seg.ack, Seq.add(c.snd.nxt, c.fastOpen?.text ?? 0)))) {
    counters.drop('tcp-bad-ack');
    if ((seg.flags & Wire.RST) === 0) {
      emitBare(c.tcp, c.flow, c.localPort, c.remotePort, Wire.RST, seg.ack, Seq.seq(0), now);
    }
    return;
  }
  // Second.
  if ((seg.flags & Wire.RST) !== 0) {
    if (hasAck) c.fail('ECONNREFUSED', 'connect');
    else counters.drop('tcp-no-ack');
    return;
  }
  // Fourth.
  if ((seg.flags & Wire.SYN) === 0 || c.tcp.isBadSyn(seg)) {
    counters.drop('tcp-bad-flags');
    return;
  }
  learnSyn(c, seg, now);
  c.lastArrivalAt = Math.floor(now);
  if (!hasAck) {
    // Simultaneous open: our SYN crossed theirs. RFC 9293 §3.5, MUST-10.
    enter(c, 'SYN-RECEIVED');
    c.synOwed = true;
    return;
  }
  if (c.fastOpen !== null) fastOpenAnswered(c, seg, packet, now);
  acknowledgeSyn(c, seg, now);
  establish(c, seg, now);
  c.ackNow = true;
  if (seg.payloadLength === 0) return;
  // "If there are other controls or text in the segment": a fast open's answer may have some (RFC 7413 §4.2.2).
  seg.flags &= ~Wire.SYN;
  seg.seq = c.rcv.nxt;
  acceptText(c, seg, packet, now);
}

/** What a SYN says of its sender: its sequence numbers, and what its options offer. */
export function learnSyn(c: Connection, seg: Segment, now: number): void {
  const { options } = seg;
  c.irs = seg.seq;
  c.rcv.nxt = Seq.add(seg.seq, 1);
  // What our SYN offered, if one has left already, was counted from a RCV.NXT that we did not know.
  c.rcv.edge = Seq.add(c.rcv.nxt, c.rcv.offeredInSyn);
  c.rcv.lastAckSent = c.rcv.nxt;
  // RFC 9293 MUST-15: without the option, the least that everybody takes.
  c.snd.mss = options.mss > 0 ? options.mss : c.flow.dst.family === 4 ? 536 : 1220;
  c.windowScaling = options.windowScale >= 0;
  c.snd.shift = c.windowScaling ? options.windowScale : 0;
  if (!c.windowScaling) c.rcv.shift = 0;
  c.sackPermitted = options.sackPermitted;
  c.ts.on = options.hasTimestamps;
  if (c.ts.on) {
    c.ts.note(options.tsVal, now);
  }
  // RFC 7323 §2.2: the window of a SYN is never scaled.
  c.snd.wnd = seg.windowField;
  c.snd.maxWnd = seg.windowField;
  c.snd.wl1 = seg.seq;
  c.snd.wl2 = seg.ack;
  if ((seg.flags & Wire.ACK) !== 0) c.ecn.onSynAck(seg.ecnFlags, seg.codepoint, options);
  else c.ecn.onSyn(seg.ecnFlags, seg.codepoint);
  noteUserTimeout(c, seg);
  c.tcp.setSmss(c, now);
}

/** RFC 5482 §3.1: the peer says how long it waits; our own user timeout follows in the synchronized states. */
function noteUserTimeout(c: Connection, seg: Segment): void {
  if (c.userTimeout === null || seg.options.userTimeoutMs === 0) return;
  c.userTimeout.remoteMs = seg.options.userTimeoutMs;
  if (isSynchronized(c.state)) c.adoptUserTimeout();
}

/** RFC 7413 §4.2.2, "Client: Receiving SYN-ACK": what it says of the cookie, and of the text that our SYN carried. */
function fastOpenAnswered(c: Connection, seg: Segment, packet: Packet, now: number): void {
  const { text, cookie } = c.fastOpen!;
  const { options } = seg;
  const cache = c.tcp.fastOpenCache;
  const taken = Seq.diff(seg.ack, c.snd.nxt);
  if (options.hasFastOpen && options.fastOpenLength > 0) {
    cache.learn(c.flow.dst, c.remotePort, packet.bytes, options.fastOpenAt, options.fastOpenLength, options.mss);
  } else if (cookie.length === 0 || (text > 0 && taken <= 0)) cache.avoid(c.flow.dst, c.remotePort, now);
  // What was not taken was never sent: it goes with the first ACK.
  if (taken > 0) c.snd.nxt = seg.ack;
  c.fastOpen = null;
}

function establish(c: Connection, seg: Segment, now: number): void {
  enter(c, 'ESTABLISHED');
  // The peer's SYN may have come again in the same batch, before what it acknowledges: nothing is owed to it any more.
  c.synOwed = false;
  // A fast open may have text in flight, under a window that it has begun with.
  const begins = c.listener === null;
  if (begins) c.timers.retransmitAt = NEVER;
  else c.listener!.handshakeOver(c);
  c.snd.wl1 = seg.seq;
  c.snd.wl2 = seg.ack;
  if (begins) c.beginCongestion();
  if (c.ecn.mode === 'none') c.ecn = NO_ECN;
  if (c.synLosses > 0) c.rto.synWasLost();
  c.adoptUserTimeout();
  // The close that was asked for before there was a connection. RFC 9293 §3.10.4.
  if (c.finQueued) enter(c, 'FIN-WAIT-1');
  c.tell(CONNECTED);
}

/** First: the sequence number, as ever (RFC 7323 §5.3 R2). PAWS stands before it, once for each segment (§5.3 R1, §5.3-1, -2). */
function checkSequence(c: Connection, seg: Segment, now: number): boolean {
  const { counters } = c.tcp.env;
  const reset = (seg.flags & Wire.RST) !== 0;
  if (c.ts.on && !reset) {
    if (!seg.options.hasTimestamps) {
      // RFC 7323 §3.2: silently. A SYN is judged by what follows, for a restarted peer sends one without.
      if ((seg.flags & Wire.SYN) === 0) {
        counters.drop('tcp-missing-timestamp');
        return false;
      }
    } else if (isOld(c, seg.options.tsVal, now) && !isOvertakenAck(c, seg)) {
      counters.drop('tcp-paws');
      answer(c, seg, now);
      return false;
    }
  }
  const wnd = c.rcvWnd;
  if (isAcceptable(seg.seq, seg.length, c.rcv.nxt, wnd)) return true;
  // A superpacket may begin before the window and end beyond it, where none of its segments alone would have done both:
  // what lies inside is taken. Also Linux.
  if (wnd > 0 && Seq.lt(seg.seq, c.rcv.nxt) && Seq.gt(Seq.add(seg.seq, seg.length), c.rcv.nxt)) return true;
  if (wnd === 0 && seg.seq === c.rcv.nxt) {
    // MUST-66: at window zero the RST, ACK and URG of a segment still count; its text does not. A FIN that follows no
    // text needs no room. Also Linux.
    if (seg.payloadLength > 0) {
      counters.drop('tcp-window-closed');
      seg.end = seg.payloadStart;
      seg.flags &= ~Wire.FIN;
      c.ackNow = true;
    }
    return true;
  }
  if (c.state === 'SYN-RECEIVED' && (seg.flags & Wire.SYN) !== 0 && seg.seq === c.irs && !reset) {
    return repeatedSyn(c, seg);
  }
  if ((seg.flags & Wire.SYN) !== 0 && seg.seq === c.irs) c.ecn.accurate?.onSynAckAgain(seg.codepoint);
  counters.drop('tcp-unacceptable');
  if (!reset) answer(c, seg, now);
  return false;
}

/** The peer's SYN again. With our SYN acknowledged it is the other half of a simultaneous open; without, our answer was lost. */
function repeatedSyn(c: Connection, seg: Segment): boolean {
  if ((seg.flags & Wire.ACK) === 0) {
    c.tcp.env.counters.drop('tcp-duplicate');
    c.synOwed = true;
    return false;
  }
  seg.flags &= ~Wire.SYN;
  seg.seq = c.rcv.nxt;
  c.ackNow = true;
  return true;
}

/** RFC 7323 §5.3, R1, with the 24 days of §5.5. */
function isOld(c: Connection, tsVal: number, now: number): boolean {
  return c.ts.isBefore(tsVal) && now - c.ts.recentAt < TS_RECENT_MS_MAX && !c.ts.isLate(tsVal, c.bytesReceived);
}

/**
 * Nothing but an ACK that others have overtaken, no longer ago than a timeout. All ACKs of one who sends no text have the
 * same number, so each moves TS.Recent, and PAWS would drop every one that is overtaken; but what it says of SACK blocks
 * and duplicates may be said nowhere else. Departs from RFC 7323 §5.3, R1; also Linux, where it repeats SND.UNA.
 */
function isOvertakenAck(c: Connection, seg: Segment): boolean {
  return (seg.flags & (Wire.SYN | Wire.FIN | Wire.ACK)) === Wire.ACK && seg.length === 0 && seg.seq === c.rcv.nxt &&
    Seq.le(seg.ack, c.snd.una) && ((c.ts.recent - seg.options.tsVal) | 0) <= c.rto.rtoMs;
}

/** An unacceptable segment is told where we are: text always, a bare ACK within limits, lest two stacks answer each other for ever. */
function answer(c: Connection, seg: Segment, now: number): void {
  if (seg.length > 0 && (seg.flags & Wire.SYN) === 0) {
    c.ecn.accurate?.onOldText();
    noteOldText(c, seg, now);
    c.ackNow = true;
  } else challenge(c, now);
}

/** A challenge ACK. RFC 5961 §3.2, §4.2, §5.2, with the limit of §7. */
function challenge(c: Connection, now: number): void {
  if (now - c.challengeWindowAt >= 1000) {
    c.challengeWindowAt = Math.floor(now);
    c.challenges = 0;
  }
  if (c.challenges++ >= CHALLENGES_MAX) {
    c.tcp.env.counters.drop('tcp-rate-limited');
    return;
  }
  // <SEQ=SND.NXT>, as RFC 9293 §3.10.7.4 writes it: what fits a window that shrank may lie left of the peer's RCV.NXT, and
  // two ends that answer each other so would never look at each other's ACKs again.
  emit(c, 0, c.snd.nxt, 0, now);
}

/** Second: the RST bit, whatever text is with it (SHLD-2). RFC 5961 §3.2: exactly RCV.NXT resets; elsewhere in the window it is challenged. */
function checkReset(c: Connection, seg: Segment, now: number): boolean {
  if ((seg.flags & Wire.RST) === 0) return true;
  if (seg.seq !== c.rcv.nxt) {
    c.tcp.env.counters.drop('tcp-challenged');
    challenge(c, now);
  } else if (c.state === 'SYN-RECEIVED') {
    // MUST-11: an active open is refused; of a passive one, half-open.ts knows.
    if (c.listener === null) c.fail('ECONNREFUSED', 'connect');
    else c.fail('ECONNRESET');
  } else {
    c.fail('ECONNRESET');
  }
  return false;
}

/** Fourth: the SYN bit. RFC 5961 §4.2: in a synchronized state it is challenged, wherever it stands. */
function checkSyn(c: Connection, seg: Segment, now: number): boolean {
  if ((seg.flags & Wire.SYN) === 0) return true;
  c.tcp.env.counters.drop('tcp-challenged');
  challenge(c, now);
  return false;
}

/** Fifth: the ACK field. */
function checkAck(c: Connection, seg: Segment, now: number): boolean {
  const { counters } = c.tcp.env;
  if ((seg.flags & Wire.ACK) === 0) {
    counters.drop('tcp-no-ack');
    return false;
  }
  if (c.state === 'SYN-RECEIVED') {
    if (Seq.le(seg.ack, c.snd.una) || Seq.gt(seg.ack, c.snd.nxt)) {
      counters.drop('tcp-bad-ack');
      emitBare(c.tcp, c.flow, c.localPort, c.remotePort, Wire.RST, seg.ack, Seq.seq(0), now);
      return false;
    }
    updateTimestamp(c, seg, now);
    acknowledgeSyn(c, seg, now);
    if (c.ecn.accurate !== null) meetAccurateEcn(c.ecn.accurate, seg);
    noteUserTimeout(c, seg);
    setWindow(c, seg);
    establish(c, seg, now);
    return afterAck(c, now);
  }
  // RFC 5961 §5.2, MAY-12: SND.UNA - MAX.SND.WND =< SEG.ACK =< SND.NXT, where `max` is the highest SND.NXT ever.
  if (Seq.gt(seg.ack, c.snd.nxt)) {
    counters.drop('tcp-bad-ack');
    challenge(c, now);
    return false;
  }
  if (Seq.lt(seg.ack, Seq.add(c.snd.una, -c.snd.maxWnd))) {
    counters.drop('tcp-old-ack');
    challenge(c, now);
    return false;
  }
  updateTimestamp(c, seg, now);
  noteUserTimeout(c, seg);
  c.lastArrivalAt = Math.floor(now);
  if (c.keepAlivesSent > 0) {
    // The silence is broken: the idle time begins anew.
    c.keepAlivesSent = 0;
    c.timers.keepAliveAt = NEVER;
  }
  const acked = Seq.diff(seg.ack, c.snd.una);
  if (acked < 0 || (c.ts.on && c.ts.isBefore(seg.options.tsVal))) {
    // An ACK that was overtaken acknowledges nothing new and knows an old window; what it SACKed is true all the same.
    if (seg.options.sackCount > 0) Recovery.onAck(c, seg, 0, false, now);
    return afterAck(c, now);
  }
  const windowBefore = c.snd.wnd;
  updateWindow(c, seg);
  // RFC 5681 §2: what makes an ACK a duplicate. With nothing in flight a probe may draw one (RFC 8985 §7.4.2).
  const isDuplicate = acked === 0 && seg.payloadLength === 0 && (seg.flags & Wire.FIN) === 0 && c.snd.wnd === windowBefore &&
    (c.timers.retransmitAt !== NEVER || c.recovery.rack.probeEnd >= 0);
  if (acked > 0) acknowledge(c, seg, now);
  const delivered = c.rate.delivered;
  Recovery.onAck(c, seg, acked, isDuplicate, now);
  heedProbe(c, now);
  if (c.ecn.mode !== 'none') heedMarks(c, seg, c.rate.delivered - delivered, now);
  if (acked > 0) release(c, now);
  else if (c.snd.wnd < windowBefore) c.spaceMade();
  if (c.probe !== null) c.probe.onAck(c, c.rate.delivered - delivered, now);
  return afterAck(c, now);
}

/** RFC 9768 §3.2.2.1: only of a bare ACK without SACK blocks do the flags say how our SYN+ACK came. */
function meetAccurateEcn(accurate: AccurateEcn, seg: Segment): void {
  if (seg.length === 0 && seg.options.sackCount === 0) accurate.onHandshakeAck(aceOf(seg.ecnFlags), seg.options);
  else accurate.onFirstOption(seg.options);
}

/** The peer tells of marks: the window is cut, once in each round trip. RFC 3168 §6.1.2, RFC 9768 §3.2.2.5. */
function heedMarks(c: Connection, seg: Segment, delivered: number, now: number): void {
  const isMarked = c.ecn.accurate?.takeNews() ?? c.ecn.echoesMark(seg.flags);
  if (!isMarked || c.recovery.phase !== 'open' || c.scoreboard.isEmpty && delivered === 0) return;
  Recovery.onEcnEcho(c, now);
  c.ecn.onReduced();
}

/** RFC 7323 §4.3 (2), §5.3 R3: only a segment that holds Last.ACK.sent moves TS.Recent. */
function updateTimestamp(c: Connection, seg: Segment, now: number): void {
  if (!c.ts.on || !seg.options.hasTimestamps) return;
  if (Seq.gt(seg.seq, c.rcv.lastAckSent) || c.ts.isBefore(seg.options.tsVal)) {
    // PAWS let an older one through only when TS.Recent itself is too old to be trusted.
    if (now - c.ts.recentAt < TS_RECENT_MS_MAX) return;
  }
  c.ts.note(seg.options.tsVal, now);
}

/** SND.UNA moves to SEG.ACK: the send queue, what was said of what lies behind, the timer. */
function acknowledge(c: Connection, seg: Segment, now: number): void {
  c.snd.una = seg.ack;
  // What lies behind must not come to seem ahead, 2 GiB later.
  if (Seq.lt(c.snd.up, seg.ack)) c.snd.up = seg.ack;
  if (Seq.lt(c.snd.sml, seg.ack)) c.snd.sml = seg.ack;
  c.retries = 0;
  c.plpmtud?.onProgress();
  c.probes = 0;
  c.stuckSince = NEVER;
  c.softError = null;
}

/** What the acknowledgment lets go: text, and the timer. RFC 6298 (5.2), (5.3). */
function release(c: Connection, now: number): void {
  // The SYN and the FIN have numbers and no bytes.
  const { head, tail } = c.sendQueue;
  c.sendQueue.release(Math.min(tail, head + Math.max(0, Seq.diff(c.snd.una, c.seqAt(head)))));
  if (c.snd.una === c.snd.nxt) c.timers.retransmitAt = NEVER;
  else if (c.timers.persistAt === NEVER) {
    // While the window is probed, the probes go on.
    c.timers.retransmitAt = now + c.rto.rtoMs;
    c.stuckSince = now;
  }
  c.recovery.rack.scheduleProbe(c, now);
  c.spaceMade();
}

/** Our SYN is acknowledged: the first round trip, unless it was sent twice and no timestamp tells which was answered. */
function acknowledgeSyn(c: Connection, seg: Segment, now: number): void {
  const acked = Seq.diff(seg.ack, c.iss) - 1;
  acknowledge(c, seg, now);
  let rttMs = c.synSentAt === NEVER ? -1 : now - c.synSentAt;
  if (rttMs < 0 && c.ts.on && seg.options.hasTimestamps && seg.options.tsEcr !== 0) rttMs = (c.ts.val(now) - seg.options.tsEcr) | 0;
  if (rttMs >= 0) c.rto.sample(rttMs, now);
  // A fast open's answer may have left before (RFC 7413 §4.2.2).
  if (!c.scoreboard.isEmpty) Recovery.onAck(c, seg, acked, false, now);
  release(c, now);
}

/** RFC 9293 §3.10.7.4, fifth: SND.WL1 < SEG.SEQ, or equal and SND.WL2 =< SEG.ACK, keeps old segments from it. */
function updateWindow(c: Connection, seg: Segment): void {
  if (Seq.lt(c.snd.wl1, seg.seq) || (c.snd.wl1 === seg.seq && Seq.le(c.snd.wl2, seg.ack))) setWindow(c, seg);
}

function setWindow(c: Connection, seg: Segment): void {
  const before = c.snd.wnd;
  c.snd.wnd = seg.windowField << c.snd.shift;
  c.snd.wl1 = seg.seq;
  c.snd.wl2 = seg.ack;
  if (c.snd.wnd > c.snd.maxWnd) c.snd.maxWnd = c.snd.wnd;
  if (c.snd.wnd > before && c.timers.persistAt !== NEVER) {
    // The window opened. What was sent before it shut, and is not acknowledged, goes again with the rest.
    c.timers.persistAt = NEVER;
    c.probes = 0;
    Recovery.resendAll(c);
    c.stuckSince = NEVER;
  }
}

/** What the acknowledgment of our FIN means in each state that waits for it. */
function afterAck(c: Connection, now: number): boolean {
  if (!c.finAcked) return true;
  switch (c.state) {
    case 'FIN-WAIT-1':
      enter(c, 'FIN-WAIT-2');
      // The application has gone: do not wait for ever for a peer that may never close.
      if (c.orphan) c.timers.deadAt = now + c.settings.finWait2Ms;
      return true;
    case 'CLOSING':
      // The peer's FIN came in this very batch.
      if (c.ackNow) emitAck(c, now);
      c.timeWait(now);
      return false;
    case 'LAST-ACK':
      c.end(null);
      return false;
    default:
      return true;
  }
}

/** Sixth: the URG bit. The text stays in line; the pointer leads behind its last byte. RFC 6093, MUST-62, MUST-32. */
function noteUrgent(c: Connection, seg: Segment): boolean {
  if ((seg.flags & Wire.URG) === 0 || !mayReceiveText(c.state)) return true;
  const up = c.bytesReceived + Seq.diff(Seq.add(seg.seq, seg.urgentPointer), c.rcv.nxt);
  if (up > c.rcv.up && up > c.bytesReceived) {
    c.rcv.up = up;
    c.tell(URGENT);
  }
  return true;
}

/** Seventh: the text, and the mark that it came under: what lies outside the window has not come so far (RFC 3168 §6.1.5-2). */
function takeText(c: Connection, seg: Segment, packet: Packet, now: number): boolean {
  if (c.ecn.mode !== 'none') {
    const segments = packet.segmentSize > 0 ? Math.ceil(seg.payloadLength / packet.segmentSize) : 1;
    if (c.ecn.onArrival(seg.ecnFlags, seg.codepoint, seg.payloadLength, segments, c.ackOwed || seg.payloadLength > 0)) c.ackNow = true;
  }
  if (seg.payloadLength === 0) return true;
  if (!mayReceiveText(c.state)) {
    // "This should not occur, since a FIN has been received from the remote side."
    c.tcp.env.counters.drop('tcp-after-close');
    return true;
  }
  const isNew = Seq.gt(Seq.add(seg.seq, seg.payloadLength), c.rcv.nxt);
  if (c.orphan && isNew) {
    // SHLD-3: nobody will read it, and the peer should know. As from a connection that is not there (§3.10.7.1): at SEG.ACK
    // the peer believes it, where at SND.NXT it would only challenge if our FIN was lost (RFC 5961 §3.2).
    c.tcp.env.counters.drop('tcp-after-close');
    emitBare(c.tcp, c.flow, c.localPort, c.remotePort, Wire.RST, seg.ack, Seq.seq(0), now);
    c.end(null);
    return false;
  }
  acceptText(c, seg, packet, now);
  return true;
}

/** Eighth: the FIN bit, now or when the text before it has come. */
function takeFin(c: Connection, seg: Segment, now: number): void {
  if ((seg.flags & Wire.FIN) !== 0 && !c.rcv.finSeen) {
    const at = Seq.add(seg.seq, seg.payloadLength);
    // Only a FIN inside the window is believed (SEC: FIN beyond the window).
    if (Seq.ge(at, c.rcv.nxt) && Seq.le(at, c.rcv.edge)) {
      c.rcv.finSeen = true;
      c.rcv.finAt = at;
      c.ackNow = true;
    }
  } else if ((seg.flags & Wire.FIN) !== 0) {
    c.ackNow = true;
  }
  if (!consumeFin(c)) return;
  switch (c.state) {
    case 'SYN-RECEIVED':
    case 'ESTABLISHED':
      enter(c, 'CLOSE-WAIT');
      return;
    case 'FIN-WAIT-1':
      // Ours was acknowledged already, or the fifth check would have moved us on to FIN-WAIT-2.
      enter(c, 'CLOSING');
      return;
    case 'FIN-WAIT-2':
      emitAck(c, now);
      c.timeWait(now);
      return;
    default:
      return;
  }
}
