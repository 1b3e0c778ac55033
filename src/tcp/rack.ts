// Loss told by time: a segment is lost when one that was sent later has arrived and the reordering window has passed;
// and the tail of a flight, behind which nothing is sent, is probed. RFC 8985 (RACK-TLP). For connections with SACK.

import { NEVER } from '../time.js';
import type { Connection } from './connection.js';
import { type Delivery, isLater } from './delivery.js';
import { APP_LIMITED, LOST, RETRANSMITTED, SACKED } from './scoreboard.js';

/** RFC 8985 §6.2 step 4: DupThresh. */
const DUP_THRESH = 3;
/** RFC 8985 §6.2 step 4: recoveries without DSACK before the window falls back. */
const REO_WND_PERSIST = 16;
/** RFC 8985 §7.2, TLP.max_ack_delay: as Linux, the longest that a delayed ACK may take with it. */
const MAX_ACK_DELAY_MS = 200;
/**
 * No sooner: on a path of microseconds a poll that comes late is no loss. Two ticks of each end's timers, and one; Linux
 * adds two jiffies, 2 to 20 ms.
 */
const PTO_MIN_MS = 5;
/** No probe is out. */
const NONE = -1;

export class Rack {
  /** RACK.xmit_ts and RACK.end_seq: of what was delivered, the most recently sent; RACK.rtt. */
  sentAt = -NEVER;
  end = 0;
  rttMs = 0;
  /** RACK.fack, an offset. */
  fack = 0;
  reorderingSeen = false;
  /** Segments by which one was overtaken at most; DupThresh until it was more. Nothing is decided by it. RFC 4737 §4.2. */
  reordering = DUP_THRESH;
  reoWndMult = 1;
  private reoWndPersist = REO_WND_PERSIST;
  /** By how much what was overtaken came later than what had overtaken it, ms: the most, since the window last fell back. */
  private lateMs = 0;
  /** RACK.dsack_round, an offset. */
  private dsackRound = NONE;
  /** TLP.end_seq, an offset. */
  probeEnd = NONE;
  /** TLP.is_retrans */
  probeIsRetransmission = false;
  /** A round trip was measured since the last probe. */
  isMeasured = true;
  /** What `timers.rackAt` is for: a probe of the tail, or another look at what may be lost. §8: they share a timer. */
  isProbeNext = false;
  /** A retransmission was judged lost by the latest `detectLoss`. */
  lostRetransmission = false;

  /** With nothing in flight: what it learned of the path is what a new record assumes, and no probe awaits an answer. */
  get isAsNew(): boolean {
    return !this.reorderingSeen && this.reoWndMult === 1 && this.probeEnd === NONE && this.isMeasured;
  }

  /** RFC 8985 §6.2, steps 2 to 4. */
  onAck(c: Connection, d: Delivery, hasDsack: boolean, una: number, now: number): void {
    if (d.isReordered) {
      this.reorderingSeen = true;
      this.onLate(d.reorderedSentAt, now);
    }
    if (d.rackSentAt !== -NEVER) {
      // RACK.rtt is of the latest ACK, the other two of the most recently sent.
      this.rttMs = now - d.rackSentAt;
      if (isLater(d.rackSentAt, d.rackEnd, this.sentAt, this.end)) {
        this.sentAt = d.rackSentAt;
        this.end = d.rackEnd;
      }
    }
    this.fack = d.fack;
    if (d.overtakenBy > 0) this.reordering = Math.max(this.reordering, Math.ceil(d.overtakenBy / c.snd.smss));
    if (d.rttMs >= 0) this.isMeasured = true;
    if (this.dsackRound !== NONE && una >= this.dsackRound) this.dsackRound = NONE;
    if (hasDsack) this.widen(c, this.reoWndMult + 1);
  }

  /** RFC 8985 §6.2 step 4, §4-3, §3.3.2-3: once a round trip, for 16 recoveries. */
  private widen(c: Connection, mult: number): void {
    if (this.dsackRound !== NONE) return;
    this.dsackRound = c.offsetOf(c.snd.nxt);
    this.reoWndMult = mult;
    this.reoWndPersist = REO_WND_PERSIST;
  }

  /**
   * A recovery was needless. Where a timestamp tells when the original left that arrived so late, that is what would have
   * been needed: the RFC knows DSACK only, and one step for each.
   * @param echoedAt  ms; NEVER: no timestamps
   */
  onSpurious(echoedAt: number, now: number): void {
    this.reorderingSeen = true;
    if (echoedAt !== NEVER) this.onLate(echoedAt, now);
  }

  /** What was sent at `sentAt` came behind what was sent after it. */
  private onLate(sentAt: number, now: number): void {
    this.lateMs = Math.max(this.lateMs, now - sentAt - this.rttMs);
  }

  /** RFC 8985 §6.2 step 4: a recovery is over. */
  onRecovered(): void {
    this.reoWndPersist--;
    if (this.reoWndPersist > 0) return;
    this.reoWndMult = 1;
    this.lateMs = 0;
  }

  /**
   * RACK_update_reo_wnd, ms. RFC 8985 §3.3.2-1, -2, -4. Departs from §6.2 step 4, which ends at SRTT and learns from DSACKs, hence from needless
   * recoveries: what was seen to come late is waited for, as long as a loss is found within an RTO all the same.
   */
  private reoWnd(c: Connection): number {
    if (!this.reorderingSeen) {
      const { phase } = c.recovery;
      if (phase === 'recovery' || phase === 'loss' || c.scoreboard.sackedSegments >= DUP_THRESH) return 0;
    }
    const wnd = Math.min((this.reoWndMult * c.rto.minRttMs) / 4, c.rto.srttMs);
    return Math.max(wnd, Math.min(this.lateMs, c.rto.rtoMs - this.rttMs));
  }

  /**
   * RACK_detect_loss_and_arm_timer, §6.2 step 5.
   * @returns bytes that are lost now and were not before
   */
  detectLoss(c: Connection, now: number): number {
    const { scoreboard: b } = c;
    this.lostRetransmission = false;
    let lost = 0;
    let wakeAt = NEVER;
    if (this.sentAt !== -NEVER) {
      const allowed = this.rttMs + this.reoWnd(c);
      for (let i = 0; i < b.count; i++) {
        const flags = b.flags(i);
        if ((flags & (SACKED | LOST)) !== 0) continue;
        if (!isLater(this.sentAt, this.end, b.sentAt(i), b.endOf(i))) continue;
        const lostAt = b.sentAt(i) + allowed;
        if (lostAt > now) {
          wakeAt = Math.min(wakeAt, lostAt);
          continue;
        }
        lost += lose(c, i, lost, now);
        if ((flags & RETRANSMITTED) !== 0) this.lostRetransmission = true;
      }
    }
    this.isProbeNext = false;
    c.timers.rackAt = wakeAt;
    return lost;
  }

  /** RFC 8985 §6.3-1: the timer went off. The first is lost, and what was sent a round trip and the window ago. @returns bytes */
  onTimeout(c: Connection, now: number): number {
    const { scoreboard: b } = c;
    let lost = 0;
    for (let i = 0; i < b.count; i++) {
      if ((b.flags(i) & (SACKED | LOST)) !== 0) continue;
      if (i === 0 || b.sentAt(i) + this.rttMs + this.reoWnd(c) <= now) lost += lose(c, i, lost, now);
    }
    c.timers.rackAt = NEVER;
    return lost;
  }

  // The tail loss probe, §7.

  /** TLP_calc_PTO: arm, or not (§7.2). */
  scheduleProbe(c: Connection, now: number): void {
    const { scoreboard: b, rto, timers } = c;
    const isAllowed = c.sackPermitted && (c.recovery.phase === 'open' || c.recovery.phase === 'cwr') && !b.isEmpty &&
      b.sacked === 0 && b.lost === 0 && this.probeEnd === NONE;
    if (!isAllowed) {
      if (this.isProbeNext) timers.rackAt = NEVER;
      return;
    }
    if (timers.rackAt !== NEVER && !this.isProbeNext) return;
    this.isProbeNext = true;
    let pto = 1000;
    if (rto.srttMs > 0) {
      pto = Math.max(2 * rto.srttMs, PTO_MIN_MS);
      // Less than two full segments: the ACK may be delayed (RFC 5681 §4.2). The RFC says "one segment".
      if (b.inFlight < 2 * c.snd.smss) pto += MAX_ACK_DELAY_MS;
    }
    timers.rackAt = Math.min(now + pto, timers.retransmitAt);
  }

  /** §7.3: may one be sent now? */
  get mayProbe(): boolean {
    return this.probeEnd === NONE && this.isMeasured;
  }

  probed(c: Connection, isRetransmission: boolean): void {
    this.probeEnd = c.offsetOf(c.snd.nxt);
    this.probeIsRetransmission = isRetransmission;
    this.isMeasured = false;
    // §7.3: what runs now is the RTO, not the PTO that sending the probe has armed.
    if (this.isProbeNext) c.timers.rackAt = NEVER;
  }

  /**
   * TLP_process_ack, §7.4.2.
   * @param isBareDuplicate  it repeats SND.UNA, and tells nothing more
   * @returns whether the probe has repaired a loss that nothing else tells of
   */
  probeAnswered(una: number, hasDsack: boolean, isBareDuplicate: boolean): boolean {
    if (this.probeEnd === NONE || una < this.probeEnd) return false;
    if (!this.probeIsRetransmission || hasDsack) {
      this.probeEnd = NONE;
      return false;
    }
    // At it: the original and the probe may both have arrived; the next ACK tells.
    if (una === this.probeEnd) {
      if (isBareDuplicate) this.probeEnd = NONE;
      return false;
    }
    this.probeEnd = NONE;
    return true;
  }

  /** Recovery takes over: what the probe would tell, it knows. */
  forgetProbe(c: Connection): void {
    this.probeEnd = NONE;
    if (this.isProbeNext) c.timers.rackAt = NEVER;
  }
}

/** Run `i` is lost. @param before  bytes that were found lost just now, and are not in C.lost yet @returns its bytes */
function lose(c: Connection, i: number, before: number, now: number): number {
  const { scoreboard: b } = c;
  const bytes = b.markLost(i);
  // RFC 4821 §7.5: a probe of the path's MTU says nothing of congestion.
  if (c.plpmtud !== null && c.plpmtud.probeSize > 0 && b.startOf(i) === c.plpmtud.probeStart) return bytes;
  const lostSince = c.rate.lost + before + bytes - b.lostThen(i);
  c.congestion.onPacketLost(bytes, lostSince, b.txInFlight(i), (b.flags(i) & APP_LIMITED) !== 0, now);
  return bytes;
}
