// HyStart++: leave the first slow start before it overshoots, when round trips grow longer. RFC 9406 §4.

import type { AckSample } from './congestion-control.js';

/** RFC 9406 §4.3, ms. */
const MIN_RTT_THRESH = 4;
const MAX_RTT_THRESH = 16;
const MIN_RTT_DIVISOR = 8;
const N_RTT_SAMPLE = 8;
const CSS_GROWTH_DIVISOR = 4;
const CSS_ROUNDS = 5;

/**
 * Sees every ACK of the first slow start, and says how much of it may become window.
 *
 * A round ends when what was in flight at its start was delivered: what RFC 9406 §4.2 reads off windowEnd.
 */
export class HyStart {
  private lastRoundMinRtt = Infinity;
  private currentRoundMinRtt = Infinity;
  private rttSampleCount = 0;
  /** Bytes still to be delivered in this round. */
  private left = 0;
  /** Infinity: not in Conservative Slow Start. */
  private cssBaselineMinRtt = Infinity;
  private cssRounds = 0;

  /** Conservative Slow Start runs. */
  get isConservative(): boolean {
    return this.cssBaselineMinRtt !== Infinity;
  }

  /** What was delivered counts for so much less. */
  get growthDivisor(): number {
    return this.isConservative ? CSS_GROWTH_DIVISOR : 1;
  }

  /** The rounds of Conservative Slow Start are over: set ssthresh to cwnd. */
  get isOver(): boolean {
    return this.cssRounds >= CSS_ROUNDS;
  }

  onAck(sample: AckSample): void {
    this.left -= sample.delivered;
    if (this.left <= 0) this.endRound(sample.inFlight);
    if (sample.rttMs < 0) return;
    this.currentRoundMinRtt = Math.min(this.currentRoundMinRtt, sample.rttMs);
    this.rttSampleCount++;
    if (this.rttSampleCount < N_RTT_SAMPLE) return;
    if (this.isConservative) {
      // The delay was jitter, not a queue: slow start goes on.
      if (this.currentRoundMinRtt < this.cssBaselineMinRtt) this.leaveConservative();
      return;
    }
    const { lastRoundMinRtt } = this;
    if (lastRoundMinRtt === Infinity) return;
    const threshold = Math.max(MIN_RTT_THRESH, Math.min(lastRoundMinRtt / MIN_RTT_DIVISOR, MAX_RTT_THRESH));
    if (this.currentRoundMinRtt >= lastRoundMinRtt + threshold) this.cssBaselineMinRtt = this.currentRoundMinRtt;
  }

  /** As at the start of a connection: what is known of the path is old, or slow start begins anew. */
  reset(): void {
    this.lastRoundMinRtt = Infinity;
    this.currentRoundMinRtt = Infinity;
    this.rttSampleCount = 0;
    this.left = 0;
    this.leaveConservative();
  }

  private leaveConservative(): void {
    this.cssBaselineMinRtt = Infinity;
    this.cssRounds = 0;
  }

  private endRound(inFlight: number): void {
    // The round in which the conservative phase began counts, though it is only part of one.
    if (this.isConservative) this.cssRounds++;
    this.lastRoundMinRtt = this.currentRoundMinRtt;
    this.currentRoundMinRtt = Infinity;
    this.rttSampleCount = 0;
    this.left = inFlight;
  }
}
