// The retransmission timeout, from measured round trips. RFC 6298; RFC 9293 MUST-18. Karn's rule (RFC 6298 §3) is the caller's: no
// sample of a segment that was sent twice, unless timestamps tell which of the two was answered.
//
// Departs from RFC 6298 (2.4), a SHOULD, which rounds an RTO up to 1 s: as in Linux and BSD, the floor is
// 200 ms, for a second is an age on today's paths, while 200 ms still outlast any usual delayed ACK. And as in
// Linux it is a floor under the variance term, not under the sum: an RTO is never less than 200 ms *above*
// SRTT. A flat floor would let the RTO of a long and steady path fall to SRTT itself, and then every delayed
// ACK would look like a loss.

/** RFC 6298 (2.1): before any sample. */
export const RTO_INITIAL_MS = 1000;
/** The least that RTO exceeds SRTT by; see above. Linux TCP_RTO_MIN. */
export const RTO_MIN_MS = 200;
/** RFC 6298 (2.5): a ceiling of at least 60 s. Linux TCP_RTO_MAX. */
export const RTO_MAX_MS = 120_000;
/** RFC 6298 (5.7): what data transmission begins with, when the SYN was lost. */
export const RTO_AFTER_SYN_LOSS_MS = 3000;
/** How long a minimum round trip is believed: routes change. Linux tcp_min_rtt_wlen. */
export const MIN_RTT_WINDOW_MS = 300_000;

/** `RTO_MIN_MS <= rtoMs <= RTO_MAX_MS`; `srttMs`, `rttvarMs` are 0 until the first sample. */
export class RtoEstimator {
  rtoMs = RTO_INITIAL_MS;
  srttMs = 0;
  rttvarMs = 0;
  /** The shortest round trip of the last five minutes; Infinity before the first sample. */
  minRttMs = Infinity;
  /**
   * How many samples a round trip gives, for one who takes a sample of every ACK: ceiling(FlightSize / (2
   * SMSS)). Default 1. RFC 7323 §4.2 and appendix G: else the many of one window would drown what earlier
   * windows taught.
   */
  samplesPerRtt = 1;
  /** How often the timer went off since RTO was last computed. */
  backOffs = 0;
  /** ms, rounded down. */
  private minRttAt = 0;
  private isMeasured = false;
  /** What RTO is while nothing was measured. */
  private guessMs = RTO_INITIAL_MS;

  /**
   * A round trip was measured. A negative or absurd one (a timestamp echo that the peer made up) is ignored.
   */
  sample(rttMs: number, now: number): void {
    if (!(rttMs >= 0 && rttMs <= RTO_MAX_MS)) return;
    this.observe(rttMs, now);
    if (this.isMeasured) {
      // RFC 6298 (2.3): RTTVAR first, from the SRTT before the update; beta 1/4, alpha 1/8.
      this.rttvarMs += (Math.abs(this.srttMs - rttMs) - this.rttvarMs) / (4 * this.samplesPerRtt);
      this.srttMs += (rttMs - this.srttMs) / (8 * this.samplesPerRtt);
    } else {
      // RFC 6298 (2.2)
      this.srttMs = rttMs;
      this.rttvarMs = rttMs / 2;
      this.isMeasured = true;
    }
    this.compute();
  }

  /** A round trip that counts for the minimum only: RFC 8985 §6.2 step 1 wants all of them. */
  observe(rttMs: number, now: number): void {
    if (!(rttMs >= 0) || (rttMs > this.minRttMs && now - this.minRttAt <= MIN_RTT_WINDOW_MS)) return;
    this.minRttMs = rttMs;
    this.minRttAt = Math.floor(now);
  }

  /** The timer expired. RFC 6298 (5.5), RFC 9293 MUST-19: double, up to the ceiling. */
  backOff(): void {
    this.rtoMs = Math.min(this.rtoMs * 2, RTO_MAX_MS);
    this.backOffs++;
  }

  /**
   * The timer is known to have gone off for nothing (RFC 4015, RFC 5682), or the path to have been away (RFC
   * 6069): back to what was measured. Not for every ACK: by Karn's rule (RFC 6298 §5, end) the back-off stays
   * until a sample, or a path slower than its RTO would never give one.
   */
  resetBackOff(): void {
    if (this.backOffs > 0) this.compute();
  }

  /**
   * The handshake is done, and its SYN had to be sent again. RFC 6298 (5.7): data begins with 3 s. Also
   * Linux: unless the handshake gave a sample (timestamps told which SYN was answered); then the path is
   * known, and not slow.
   */
  synWasLost(): void {
    if (this.isMeasured) return;
    this.guessMs = RTO_AFTER_SYN_LOSS_MS;
    this.compute();
  }

  /** RFC 6298 (2.2), (2.3): K = 4; §4-1: the least variance is RTO_MIN_MS, far more than the clock's granularity. */
  private compute(): void {
    this.backOffs = 0;
    this.rtoMs = this.isMeasured
      ? Math.min(this.srttMs + Math.max(RTO_MIN_MS, 4 * this.rttvarMs), RTO_MAX_MS)
      : this.guessMs;
  }
}
