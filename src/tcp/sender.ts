// What to send next, and may we: windows, Nagle, silly windows, PSH, FIN, probes, and the ACK that nothing else carried.
// RFC 9293 §3.7.4, §3.8.6, §3.9.1.2; RFC 5681 §3.1, §4.1. Runs once per connection and batch.

import { SUPERPACKET_TEXT } from '../link/device.js';
import { NEVER } from '../time.js';
import type { Connection } from './connection.js';
import { emit, emitAck, emitSyn, sendMss } from './emit.js';
import { noteProbe, probeLength } from './mtu-probe.js';
import type { SendReason } from './probe.js';
import { ackIsDue } from './receiver.js';
import { pipe, resendAll, window } from './recovery.js';
import * as Seq from './seq.js';
import { isSynchronized } from './state.js';
import * as Wire from './wire.js';

/** The egress of a connection that was marked ready. */
export function flush(c: Connection, now: number): void {
  if (c.state === 'CLOSED' || c.state === 'TIME-WAIT' || !c.checkLoan()) return;
  if (c.synOwed) sendSyn(c, now);
  else if (isSynchronized(c.state) || c.listener !== null) {
    if (c.pathMtuGeneration !== c.tcp.ip.pathMtu.generation) adoptPathMtu(c, now);
    sendText(c, now);
    if (ackIsDue(c)) emitAck(c, now);
    armPersist(c, now);
    armKeepAlive(c, now);
  } else if (c.state === 'SYN-RECEIVED' && c.ackNow) {
    emitAck(c, now);
  }
  if (c.userTimeoutMs > 0) heedUserTimeout(c);
  if (c.probe !== null) c.probe.rest(c, now);
  c.schedule();
}

function sendSyn(c: Connection, now: number): void {
  c.synOwed = false;
  emitSyn(c, now);
  const isFirst = c.retries === 0 && c.timers.retransmitAt === NEVER;
  // Karn, also where the peer's SYN drew ours again; that does not put off the timer, or half-open would be for ever.
  c.synSentAt = isFirst ? now : NEVER;
  if (c.timers.retransmitAt === NEVER) c.timers.retransmitAt = now + c.rto.rtoMs;
  if (c.stuckSince === NEVER) c.stuckSince = now;
}

/** What was lost, then all the text, and the FIN, that the windows, Nagle and the pace let go. */
function sendText(c: Connection, now: number): void {
  // Nothing was ever sent, and nothing is to be: there is no window yet to look at.
  if (!c.hasCongestion && !c.owesText) return c.onAppLimited();
  const { recovery: r, scoreboard: b } = c;
  // RFC 5681 §4.1: after an idle time the window is no evidence any more.
  if (b.isEmpty && c.sendQueue.length > 0 && now - c.lastSentAt > c.rto.rtoMs) c.congestion.onIdle(now);
  while (mayPace(c, now)) {
    const usable = window(c) - pipe(c);
    if (b.lost > 0 && !r.newTextFirst) {
      if (!resendLost(c, usable, now)) return;
      continue;
    }
    const mss = sendMss(c);
    const unsent = c.sendQueue.tail - c.offsetOf(c.snd.nxt);
    const finDue = c.finQueued && Seq.le(c.snd.nxt, c.finSeq);
    if (unsent <= 0 && !finDue) {
      if (usable >= mss) c.onAppLimited();
      return;
    }
    if (b.isFull) return;
    const probe = probeLength(c, unsent, Math.min(c.snd.wnd - c.flightSize, usable), now);
    if (probe > 0) {
      noteProbe(c, probe);
      sendNew(c, 0, probe, now, probe, 'mtu');
      continue;
    }
    const length = lengthToSend(c, unsent, Math.min(c.snd.wnd - c.flightSize, usable), mss);
    if (length === unsent && !r.newTextFirst && isTail(c, length, mss)) return;
    const flags = flagsOf(c, unsent, length);
    if (length === 0 && (flags & Wire.FIN) === 0) {
      r.newTextFirst = false;
      if (usable >= mss && b.sacked > 0) c.rate.onHeldBack(pipe(c));
      if (b.lost === 0) return;
      continue;
    }
    sendNew(c, flags, length, now);
  }
}

/** The congestion controller's pace: a packet leaves, and the next one waits as long as it took. Without a timer of its own per packet. */
function mayPace(c: Connection, now: number): boolean {
  c.timers.paceAt = NEVER;
  if (c.congestion.pacingRate === Infinity || c.paceUntil <= now) return true;
  c.timers.paceAt = c.paceUntil;
  return false;
}

/**
 * What a timer that rings late may catch up, ms: 2 at least, for timers count in milliseconds; then a quarter of the round trip, the
 * least that a queue on the path must hold anyway; 10 at most.
 */
const LATE_LEAST_MS = 2;
const LATE_MOST_MS = 10;

function pace(c: Connection, bytes: number, now: number): void {
  const { pacingRate } = c.congestion;
  if (pacingRate === Infinity) return;
  const late = Math.min(LATE_MOST_MS, Math.max(LATE_LEAST_MS, c.rto.minRttMs / 4));
  c.paceUntil = Math.max(c.paceUntil, now - late) + bytes / pacingRate;
}

/** The most that leaves at once, bytes: what a superpacket holds, or a millisecond of the pace. */
function burstMax(c: Connection, mss: number): number {
  // On a loopback's MTU one full segment is as large as a superpacket may be.
  const { route } = c.flow;
  const most = route === null ? SUPERPACKET_TEXT : route.interface.superpacketText;
  const superpacket = Math.max(mss, most - (most % mss));
  // Who cuts superpackets leaves CWR on the first segment only (RFC 3168 §6.1.2), and in accurate mode it is a part of ACE.
  if (c.ecn.mode === 'accurate') return mss;
  const { pacingRate } = c.congestion;
  if (pacingRate === Infinity) return superpacket;
  return Math.min(superpacket, Math.max(2, Math.floor(pacingRate / mss)) * mss);
}

/**
 * Bytes to send in the next (super)segment; 0: wait.
 *
 * RFC 9293 §3.8.6.2.1 (MUST-38) sends if (1) a full segment can go (SHLD-28), (2) all that is queued can go and Nagle does not object,
 * (3) at least half of the largest window ever offered can go. Full segments go first, as many as fit one superpacket;
 * the rest of the text is judged on its own, in the next turn of the loop.
 */
function lengthToSend(c: Connection, unsent: number, usable: number, mss: number): number {
  const room = Math.min(unsent, usable);
  // SHLD-15, MUST-34: a window that shrank makes it less than nothing.
  if (room <= 0) return 0;
  // Nagle (SHLD-7): a small segment waits for the ACK of what is in flight. Departs in Minshall's way, also Linux: it
  // waits only for an earlier *small* segment, so that the tail of a large write does not wait for a delayed ACK.
  const smallInFlight = Seq.gt(c.snd.sml, c.snd.una) && Seq.le(c.snd.sml, c.snd.nxt);
  const nagle = smallInFlight && !c.settings.noDelay && !c.finQueued && Seq.le(c.snd.up, c.snd.nxt);
  const held = nagle || (c.settings.corked && !c.finQueued);
  if (room === unsent && !held) return Math.min(room, burstMax(c, mss));
  if (room >= mss) return Math.min(room - (room % mss), burstMax(c, mss));
  if (room < Math.min(unsent, c.snd.wnd - c.flightSize)) return 0;
  return !held && room >= c.snd.maxWnd >> 1 ? room : 0;
}

/**
 * Corking without being asked: the last of the queue, less than a superpacket, waits while the application is about to
 * write more, for it said that it has more than there was room for. A superpacket at least is in flight, so that room will
 * be made; and once the application has been told, whatever there is then goes. Also Linux's tcp_autocorking, by other signs.
 */
function isTail(c: Connection, length: number, mss: number): boolean {
  if (!c.moreIsComing || c.finQueued) return false;
  const burst = burstMax(c, mss);
  return length < burst && c.flightSize >= burst;
}

/** PSH on the segment that empties the queue (MUST-61), and the FIN, which has a number and so must fit the window. */
function flagsOf(c: Connection, unsent: number, length: number): number {
  if (length < unsent) return 0;
  const finFits = c.finQueued && Seq.le(c.snd.nxt, c.finSeq) && c.snd.wnd - c.flightSize > length;
  return (length > 0 ? Wire.PSH : 0) | (finFits ? Wire.FIN : 0);
}

/** @param mss  bytes of a full segment: a probe of the path's MTU is one of its own kind */
function sendNew(c: Connection, flags: number, length: number, now: number, mss = sendMss(c), why: SendReason = 'new'): void {
  const from = c.offsetOf(c.snd.nxt);
  const count = length + ((flags & Wire.FIN) !== 0 ? 1 : 0);
  emit(c, flags, c.snd.nxt, length, now, mss);
  if (c.scoreboard.isEmpty) c.takeOff();
  c.rate.onSend(pipe(c), now);
  c.scoreboard.push(from, from + count, Math.max(1, Math.ceil(length / mss)), now, c.rate);
  c.snd.nxt = Seq.add(c.snd.nxt, count);
  if (length % mss !== 0) c.snd.sml = c.snd.nxt;
  c.congestion.onSent(length, pipe(c), now);
  c.recovery.onSent(count);
  if (c.probe !== null) c.probe.onSent(c, from, length, Math.max(1, Math.ceil(length / mss)), why, now);
  pace(c, length, now);
  armRetransmit(c, now);
  // Behind it: no later than the RTO (RFC 8985 §7.2).
  c.recovery.rack.scheduleProbe(c, now);
}

/**
 * The first of what is lost goes again, as much as `usable` and the peer's window let.
 * @returns whether something went
 */
function resendLost(c: Connection, usable: number, now: number): boolean {
  const { recovery: r, scoreboard: b } = c;
  const i = b.nextLost();
  const mss = sendMss(c);
  const isForced = r.force;
  const room = isForced ? Math.max(usable, mss) : usable;
  // SHLD-16: what was sent before goes again as far as the window holds it.
  // A FIN alone needs no room (and may be all that a shut window has not acknowledged).
  const isFin = b.startOf(i) === c.sendQueue.tail;
  const edge = isFin ? 1 : c.offsetOf(Seq.add(c.snd.una, c.snd.wnd)) - b.startOf(i);
  const wanted = Math.min(b.endOf(i) - b.startOf(i), edge, isForced ? mss : burstMax(c, mss));
  if (wanted <= 0) return false;
  const length = wanted <= room ? wanted : room - (room % mss);
  if (length <= 0) return false;
  r.force = false;
  resend(c, i, length, now);
  return true;
}

/** `length` bytes from the beginning of the lost run `i` again; the FIN counts as one. */
function resend(c: Connection, i: number, length: number, now: number, why = whyAgain(c)): void {
  const { scoreboard: b, sendQueue } = c;
  const from = b.startOf(i);
  const text = Math.min(length, sendQueue.tail - from);
  const fin = text < length ? Wire.FIN : 0;
  const push = text > 0 && from + text === sendQueue.tail ? Wire.PSH : 0;
  const segments = Math.max(1, Math.ceil(text / sendMss(c)));
  emit(c, fin | push, c.seqAt(from), text, now);
  c.retransmits += segments;
  c.bytesRetransmitted += text;
  c.rate.onSend(pipe(c), now);
  b.resent(i, length, segments, now, c.rate);
  c.congestion.onSent(text, pipe(c), now);
  c.recovery.onResent(from, length, segments, now);
  if (c.probe !== null) c.probe.onSent(c, from, text, segments, why, now);
  pace(c, text, now);
  // RFC 6298 (5.3) restarts on new ACKs; RFC 6582 §3.2 and RFC 6675 §5.1 restart for the first retransmission, too.
  if (from === b.start) c.timers.retransmitAt = NEVER;
  armRetransmit(c, now);
}

/** What made something go again, where it was none of its own. */
function whyAgain(c: Connection): SendReason {
  if (c.recovery.phase === 'loss') return 'rto';
  if (c.recovery.phase !== 'recovery') return 'again';
  return c.sackPermitted ? 'rack' : 'fast';
}

/** RFC 6298 (5.1). */
function armRetransmit(c: Connection, now: number): void {
  c.timers.persistAt = NEVER;
  if (c.timers.retransmitAt === NEVER) c.timers.retransmitAt = now + c.rto.rtoMs;
  if (c.stuckSince === NEVER) c.stuckSince = now;
}

/** RFC 8985 §7.3: the tail of the flight is silent. New text tells as well as old; cwnd is not asked. */
export function sendLossProbe(c: Connection, now: number): void {
  const { scoreboard: b, recovery: r } = c;
  const mss = sendMss(c);
  if (r.rack.mayProbe && !b.isEmpty) {
    const unsent = c.sendQueue.tail - c.offsetOf(c.snd.nxt);
    const length = Math.min(unsent, mss, c.snd.wnd - c.flightSize);
    if (length > 0) {
      sendNew(c, flagsOf(c, unsent, length), length, now, mss, 'tlp');
      r.rack.probed(c, false);
    } else {
      const last = b.markLastLost(mss);
      if (last >= 0) {
        resend(c, last, b.endOf(last) - b.startOf(last), now, 'tlp');
        r.rack.probed(c, true);
      }
    }
  }
  // "MUST re-arm the RTO timer, not the PTO timer."
  if (!b.isEmpty) c.timers.retransmitAt = now + c.rto.rtoMs;
}

/**
 * RFC 9293 §3.8.6.1: text waits, nothing is in flight that would be acknowledged, and the window does not let a
 * segment go. Without a probe a lost window update would be the end.
 */
function armPersist(c: Connection, now: number): void {
  if (!c.owesText) {
    c.timers.persistAt = NEVER;
    c.probes = 0;
  } else if (c.timers.retransmitAt === NEVER) {
    if (c.stuckSince === NEVER) c.stuckSince = now;
    if (c.timers.persistAt === NEVER) c.timers.persistAt = now + persistMs(c);
  }
}

/** RFC 5482: the user's patience may end before the timer does. */
function heedUserTimeout(c: Connection): void {
  const end = c.stuckSince + c.userTimeoutMs;
  if (c.timers.retransmitAt !== NEVER) c.timers.retransmitAt = Math.min(c.timers.retransmitAt, end);
  if (c.timers.persistAt !== NEVER) c.timers.persistAt = Math.min(c.timers.persistAt, end);
}

/** SHLD-29, SHLD-30: first after one RTO, then ever more slowly. */
export function persistMs(c: Connection): number {
  return Math.min(60_000, c.rto.rtoMs * 2 ** Math.min(c.probes, 10));
}

/**
 * The window has stood shut, or too small to use, for the time of a timeout.
 *
 * A shut one is probed (RFC 9293 §3.8.6.1, MUST-36) without text, at a number that must be answered. Departs from the
 * RFC's "one octet of new data", also Linux: until its fate is known nobody can say which sequence number an ACK has to
 * carry, and two ends that probe each other with text can fall silent for ever. Into a small window goes what fits: the
 * override of silly window avoidance, §3.8.6.2.1 (4).
 */
export function sendProbe(c: Connection, now: number): void {
  c.probes++;
  c.timers.persistAt = now + persistMs(c);
  if (c.snd.wnd === 0) emit(c, 0, Seq.add(c.snd.una, -1), 0, now);
  else if (c.scoreboard.isEmpty) {
    const length = Math.min(c.sendQueue.length, c.snd.wnd, sendMss(c));
    sendNew(c, flagsOf(c, c.sendQueue.length, length), length, now);
  } else {
    resendAll(c);
    const i = c.scoreboard.nextLost();
    resend(c, i, Math.min(c.scoreboard.endOf(i) - c.scoreboard.startOf(i), c.snd.wnd, sendMss(c)), now);
  }
  if (c.userTimeoutMs > 0) heedUserTimeout(c);
}

/** MUST-26: only while nothing is owed. */
function armKeepAlive(c: Connection, now: number): void {
  if (!c.settings.keepAlive) return;
  if (c.snd.una !== c.snd.nxt || c.sendQueue.length > 0) c.timers.keepAliveAt = NEVER;
  else if (c.timers.keepAliveAt === NEVER) c.timers.keepAliveAt = now + keepAliveIdle(c);
}

/** RFC 5482 §4.2: not before a user timeout that was told, or agreed on, is over. */
export function keepAliveIdle(c: Connection): number {
  return c.userTimeout === null ? c.settings.keepAliveIdleMs : Math.max(c.settings.keepAliveIdleMs, c.userTimeoutMs + 1);
}

/** SHLD-12: no text, and a sequence number that must be answered. */
export function sendKeepAlive(c: Connection, now: number): void {
  emit(c, 0, Seq.add(c.snd.una, -1), 0, now);
}

/**
 * RFC 1191 §6.4, RFC 8201 §5.4: the segment follows the path's MTU. A smaller one means that what is in flight was too
 * big: it goes again at once, and congestion is not blamed.
 */
export function adoptPathMtu(c: Connection, now: number): void {
  c.pathMtuGeneration = c.tcp.ip.pathMtu.generation;
  const before = c.snd.smss;
  c.tcp.setSmss(c, now);
  if (c.snd.smss < before && !c.scoreboard.isEmpty) resendAll(c);
}
