// What each deadline of a connection means. RFC 9293 §3.8.1, §3.8.3, §3.8.4, §3.8.6.1; RFC 6298 §5; RFC 5482.

import { NEVER } from '../time.js';
import type { Connection } from './connection.js';
import { emitAck } from './emit.js';
import { Plpmtud } from './plpmtud.js';
import * as Recovery from './recovery.js';
import { adoptPathMtu, flush, keepAliveIdle, sendKeepAlive, sendLossProbe, sendProbe } from './sender.js';
import { isSynchronized } from './state.js';

/** From the first timeout of a full segment on, sizes are watched. */
const watchSizes = (c: Connection, now: number): Plpmtud =>
  (c.plpmtud ??= new Plpmtud(c.settings.mtuProbing, c.flow.dst.family, c.tcp.packetMax(c, now)));

/** Text that a packet of the base size (RFC 8899 §5.1.2: 1,200 bytes) holds beside the longest headers. */
const BASE_TEXT = 1200 - 40 - 60;

export function expire(c: Connection, now: number): void {
  if (!c.checkLoan()) return;
  if (now >= c.timers.deadAt) return giveUp(c);
  if (now >= c.timers.delayedAckAt) {
    c.timers.delayedAckAt = NEVER;
    emitAck(c, now);
  }
  // RFC 8985 §8: one of them; after a probe or another look the retransmission timer begins anew, or not.
  if (now >= c.timers.rackAt) lookAgain(c, now);
  if (now >= c.timers.retransmitAt) retransmit(c, now);
  if (now >= c.timers.paceAt) flush(c, now);
  if (now >= c.timers.persistAt) persist(c, now);
  if (now >= c.timers.keepAliveAt) keepAlive(c, now);
}

/** An orphan's FIN-WAIT-2, as Linux's tcp_fin_timeout: the peer may never close. Nobody is left to be told. */
function giveUp(c: Connection): void {
  c.end(null);
}

/** RFC 8985 §6.2 step 5, the reordering window is over; §7.3, the tail is silent. */
function lookAgain(c: Connection, now: number): void {
  c.timers.rackAt = NEVER;
  if (c.recovery.rack.isProbeNext) sendLossProbe(c, now);
  else Recovery.onReorderTimeout(c, now);
  flush(c, now);
}

/** RFC 6298 (5.4)–(5.7). */
function retransmit(c: Connection, now: number): void {
  if (!persevere(c, now)) return;
  c.retries++;
  c.rto.backOff();
  c.timers.retransmitAt = NEVER;
  if (c.probe !== null) c.probe.onTimeout(c, now);
  if (!isSynchronized(c.state)) {
    c.synOwed = true;
    c.synLosses++;
    flush(c, now);
    return;
  }
  if (c.snd.wnd === 0 && c.sendQueue.length > 0) {
    // The window was shut over what is in flight: probe it open (MUST-35); nothing is blamed on the network (SHLD-17).
    Recovery.resendAll(c);
    sendProbe(c, now);
    return;
  }
  // A full segment that is never acknowledged may be too large for the path, though nobody says so (RFC 4821 §7.7).
  // RFC 4821 §7.7: also one that is less than full may be too large.
  if (c.flightSize >= Math.min(c.snd.smss, BASE_TEXT) && watchSizes(c, now).onTimeout(now)) c.tcp.setSmss(c, now);
  c.timeouts++;
  Recovery.onTimeout(c, c.retries === 1, now);
  adoptPathMtu(c, now);
  flush(c, now);
}

/**
 * RFC 9293 §3.8.3: between R1 and R2 the application hears of trouble, at R2 the connection ends. A user timeout, when
 * set, is R2 (RFC 5482).
 * @returns whether to go on
 */
function persevere(c: Connection, now: number): boolean {
  const spent = c.userTimeoutMs > 0 ? now >= c.stuckSince + c.userTimeoutMs : c.retries >= retriesMax(c);
  if (spent) {
    c.fail(c.softError ?? 'ETIMEDOUT');
    return false;
  }
  // MUST-20, SHLD-10: R1 is three retransmissions. The path may be the reason.
  if (c.retries >= 3) {
    c.flow.routeGeneration = -1;
    c.trouble(c.softError ?? 'ETIMEDOUT');
  }
  return true;
}

function retriesMax(c: Connection): number {
  if (!isSynchronized(c.state)) return c.settings.synRetries;
  return c.orphan ? Math.min(c.tcp.options.orphanRetries, c.settings.retries) : c.settings.retries;
}

/**
 * MUST-37: as long as probes are answered the connection stays. Unanswered ones end it like retransmissions; so does a
 * user timeout, answered or not, for a window held shut is how memory is held hostage (RFC 5482, "Sockstress").
 */
function persist(c: Connection, now: number): void {
  c.timers.persistAt = NEVER;
  const silent = c.probes > 0 && now - Math.max(c.lastArrivalAt, c.stuckSince) > c.tcp.options.probeSilenceMs;
  if (c.orphan && c.probes >= c.tcp.options.orphanRetries) {
    // Nobody holds it any more, and a peer that keeps its window shut must not hold it either.
    c.abort();
    return;
  }
  if (silent || (c.userTimeoutMs > 0 && now >= c.stuckSince + c.userTimeoutMs)) {
    c.fail('ETIMEDOUT');
    return;
  }
  sendProbe(c, now);
}

function keepAlive(c: Connection, now: number): void {
  c.timers.keepAliveAt = NEVER;
  const idleFor = now - c.lastArrivalAt;
  if (c.keepAlivesSent === 0 && idleFor < keepAliveIdle(c)) {
    c.timers.keepAliveAt = now + keepAliveIdle(c) - idleFor;
    return;
  }
  // MUST-29: one unanswered probe does not kill.
  if (c.keepAlivesSent >= c.settings.keepAliveProbes) {
    c.fail('ETIMEDOUT');
    return;
  }
  c.keepAlivesSent++;
  sendKeepAlive(c, now);
  c.timers.keepAliveAt = now + c.settings.keepAliveIntervalMs;
}
