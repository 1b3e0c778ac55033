// What to send next, and may we: windows, Nagle, silly windows, PSH, FIN, probes, and the ACK that nothing else carried.
// RFC 9293 §3.7.4, §3.8.6, §3.9.1.2; RFC 5681 §3.1, §4.1. Runs once per connection and batch.

import { NEVER } from '../time.js';
import type { Connection } from './connection.js';
import { emit, emitAck, emitSyn, sendMss } from './emit.js';
import { ackIsDue } from './receiver.js';
import * as Seq from './seq.js';
import { isSynchronized } from './state.js';
import * as Wire from './wire.js';

/** Largest payload of one superpacket: 65,535 less IPv6 and the longest TCP header, so that both families fit. */
const SUPERPACKET_MAX = 65_535 - 40 - 60;

/** The egress of a connection that was marked ready. */
export function flush(c: Connection, now: number): void {
  if (c.state === 'CLOSED' || c.state === 'TIME-WAIT') return;
  if (c.synOwed) sendSyn(c, now);
  else if (isSynchronized(c.state)) {
    if (c.pathMtuGeneration !== c.tcp.ip.pathMtu.generation) adoptPathMtu(c, now);
    sendText(c, now);
    if (ackIsDue(c)) emitAck(c, now);
    armPersist(c, now);
    armKeepAlive(c, now);
  } else if (c.state === 'SYN-RECEIVED' && c.ackNow) {
    emitAck(c, now);
  }
  if (c.userTimeoutMs > 0) heedUserTimeout(c);
  c.schedule();
}

function sendSyn(c: Connection, now: number): void {
  c.synOwed = false;
  emitSyn(c, now);
  const isFirst = c.retries === 0 && c.timers.retransmitAt === NEVER;
  c.timedEnd = Seq.add(c.iss, 1);
  // Karn, also where the peer's SYN drew ours again; that does not put off the timer, or half-open would be for ever.
  c.timedAt = isFirst ? now : NEVER;
  if (c.timers.retransmitAt === NEVER) c.timers.retransmitAt = now + c.rto.rtoMs;
  if (c.stuckSince === NEVER) c.stuckSince = now;
}

/** All the text, and the FIN, that the windows and Nagle let go. */
function sendText(c: Connection, now: number): void {
  // RFC 5681 §4.1: after an idle time the window is no evidence any more.
  if (c.snd.nxt === c.snd.una && c.sendQueue.length > 0 && now - c.lastSentAt > c.rto.rtoMs) {
    c.congestion.onIdle(now);
  }
  for (;;) {
    const mss = sendMss(c);
    const unsent = c.sendQueue.tail - c.offsetOf(c.snd.nxt);
    const finDue = c.finQueued && Seq.le(c.snd.nxt, c.finSeq);
    if (unsent <= 0 && !finDue) return;
    const usable = Math.min(c.snd.wnd, c.congestion.cwnd + c.recovery.inflation) - c.flightSize;
    const length = lengthToSend(c, unsent, usable, mss);
    const flags = flagsOf(c, unsent, length);
    if (length === 0 && (flags & Wire.FIN) === 0) return;
    sendSegment(c, flags, length, now);
  }
}

/**
 * Bytes to send in the next (super)segment; 0: wait.
 *
 * RFC 9293 §3.8.6.2.1 sends if (1) a full segment can go, (2) all that is queued can go and Nagle does not object,
 * (3) at least half of the largest window ever offered can go. Full segments go first, as many as fit one superpacket;
 * the rest of the text is judged on its own, in the next turn of the loop.
 */
function lengthToSend(c: Connection, unsent: number, usable: number, mss: number): number {
  const room = Math.min(unsent, usable);
  if (room <= 0) return 0;
  // On a loopback's MTU one full segment is as large as a superpacket may be.
  const superpacket = Math.max(mss, SUPERPACKET_MAX - (SUPERPACKET_MAX % mss));
  // Nagle (SHLD-7): a small segment waits for the ACK of what is in flight. Departs in Minshall's way, also Linux: it
  // waits only for an earlier *small* segment, so that the tail of a large write does not wait for a delayed ACK.
  const smallInFlight = Seq.gt(c.snd.sml, c.snd.una) && Seq.le(c.snd.sml, c.snd.nxt);
  const nagle = smallInFlight && !c.noDelay && !c.finQueued && Seq.le(c.snd.up, c.snd.nxt);
  if (room === unsent && !nagle) return Math.min(room, superpacket);
  if (room >= mss) return Math.min(room - (room % mss), superpacket);
  if (room < Math.min(unsent, c.snd.wnd - c.flightSize)) return 0;
  // SHLD-16: what was sent before goes again, as much as the window holds of it.
  if (Seq.lt(c.snd.nxt, c.snd.max)) return Math.min(room, Seq.diff(c.snd.max, c.snd.nxt));
  return !nagle && room >= c.snd.maxWnd >> 1 ? room : 0;
}

/** PSH on the segment that empties the queue (MUST-61), and the FIN, which has a number and so must fit the window. */
function flagsOf(c: Connection, unsent: number, length: number): number {
  if (length < unsent) return 0;
  const finFits = c.finQueued && Seq.le(c.snd.nxt, c.finSeq) && c.snd.wnd - c.flightSize > length;
  return (length > 0 ? Wire.PSH : 0) | (finFits ? Wire.FIN : 0);
}

function sendSegment(c: Connection, flags: number, length: number, now: number): void {
  const seq = c.snd.nxt;
  const next = Seq.add(seq, length + ((flags & Wire.FIN) !== 0 ? 1 : 0));
  const fresh = seq === c.snd.max;
  emit(c, flags, seq, length, now);
  c.snd.nxt = next;
  if (Seq.gt(next, c.snd.max)) c.snd.max = next;
  if (length % sendMss(c) !== 0) c.snd.sml = next;
  if (fresh) {
    c.congestion.onSent(length, c.flightSize, now);
    if (c.timedAt === NEVER) {
      c.timedAt = now;
      c.timedEnd = next;
    }
  } else {
    c.retransmits++;
    // Karn: an ACK that covers it would be ambiguous.
    if (c.timedAt !== NEVER && Seq.lt(seq, c.timedEnd)) c.timedAt = NEVER;
  }
  // RFC 6298 (5.1).
  c.timers.persistAt = NEVER;
  if (c.timers.retransmitAt === NEVER) c.timers.retransmitAt = now + c.rto.rtoMs;
  if (c.stuckSince === NEVER) c.stuckSince = now;
}

/** One segment from SND.UNA again, whatever the windows say: fast retransmit, and the partial ACK's. */
export function retransmitFirst(c: Connection, now: number): void {
  const text = Math.min(sendMss(c), c.sendQueue.tail - c.offsetOf(c.snd.una), Math.max(0, Seq.diff(c.snd.max, c.snd.una)));
  const end = Seq.add(c.snd.una, text);
  const fin = c.finQueued && end === c.finSeq && c.finSent;
  const flags = (fin ? Wire.FIN : 0) | (text > 0 && end === c.finSeq ? Wire.PSH : 0);
  emit(c, flags, c.snd.una, text, now);
  c.retransmits++;
  c.timedAt = NEVER;
  const next = Seq.add(end, fin ? 1 : 0);
  if (Seq.gt(next, c.snd.nxt)) c.snd.nxt = next;
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
  else {
    c.snd.nxt = c.snd.una;
    const length = Math.min(c.sendQueue.length, c.snd.wnd, sendMss(c));
    sendSegment(c, flagsOf(c, c.sendQueue.length, length), length, now);
  }
  if (c.userTimeoutMs > 0) heedUserTimeout(c);
}

/** MUST-26: only while nothing is owed. */
function armKeepAlive(c: Connection, now: number): void {
  if (!c.keepAlive) return;
  if (c.snd.una !== c.snd.max || c.sendQueue.length > 0) c.timers.keepAliveAt = NEVER;
  else if (c.timers.keepAliveAt === NEVER) c.timers.keepAliveAt = now + c.keepAliveIdleMs;
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
  if (c.snd.smss >= before) return;
  if (c.timers.retransmitAt !== NEVER) {
    c.snd.nxt = c.snd.una;
    c.timedAt = NEVER;
  }
}
