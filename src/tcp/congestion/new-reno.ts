// Slow start, congestion avoidance, and the two answers to loss. RFC 5681 §3.1, §3.2, §4.1; RFC 3465 (growth
// counted in bytes, not in ACKs); RFC 6928 (initial window).

import { type AckSample, type CongestionControl, FlightRecord, initialWindow, inSegments, L_AFTER_TIMEOUT } from './congestion-control.js';

/** Invariant: smss <= cwnd, whole bytes. */
export class NewReno implements CongestionControl {
  readonly name = 'new-reno';
  readonly pacingRate = Infinity;
  readonly ownsRecovery = false;
  cwnd: number;
  /** RFC 5681 §3.1: "arbitrarily high". */
  ssthresh = Infinity;
  private segmentSize: number;
  private readonly flights = new FlightRecord();
  /** RFC 3465 §2.1: bytes acknowledged in congestion avoidance, not yet turned into window. */
  private bytesAcked = 0;
  /** A timeout was the last thing that happened: nothing new was acknowledged since. */
  private isTimedOut = false;
  /** Bytes that were in flight at the timeout and are not acknowledged yet. */
  private timedOutLeft = 0;
  /** What `onUndo` restores; 0: nothing to undo. */
  private priorCwnd = 0;
  private priorSsthresh = 0;

  /**
   * @param smss  bytes of payload in a full segment
   * @param cwnd  bytes to begin with; RFC 6928 by default, one SMSS when more than one SYN was lost (its §2)
   */
  constructor(smss: number, cwnd = initialWindow(smss)) {
    this.segmentSize = smss;
    this.cwnd = cwnd;
  }

  get smss(): number {
    return this.segmentSize;
  }

  set smss(bytes: number) {
    this.cwnd = inSegments(this.cwnd, this.segmentSize, bytes);
    this.segmentSize = bytes;
  }

  get flightMax(): number {
    return this.flights.max;
  }

  onSent(_bytes: number, inFlight: number): void {
    this.flights.onSent(inFlight);
  }

  onAck(sample: AckSample): void {
    if (sample.delivered <= 0) return;
    this.flights.onAck(sample);
    if (sample.bytesAcked > 0) this.isTimedOut = false;
    if (!sample.isRecovery && sample.isCwndLimited) this.open(sample.delivered);
    this.timedOutLeft = Math.max(0, this.timedOutLeft - sample.bytesAcked);
  }

  /** RFC 5681 §3.2, steps 2 and 6. The inflation of steps 3 and 4 is recovery's, and leaves no trace here. */
  onLoss(_bytesLost: number, inFlight: number): void {
    this.remember();
    this.reduce(inFlight);
    // A window that a timeout has closed does not open because of another loss.
    this.cwnd = Math.min(this.cwnd, this.ssthresh);
  }

  onPacketLost(): void {}

  onRecovered(): void {
    // PRR leaves at ssthresh, where `onLoss` put cwnd.
  }

  onTimeout(inFlight: number): void {
    // RFC 5681 §3.1: a segment that the timer has sent again before leaves ssthresh as it is.
    if (!this.isTimedOut && inFlight > 0) {
      this.remember();
      this.reduce(inFlight);
      this.timedOutLeft = inFlight;
    }
    this.isTimedOut = true;
    // RFC 5681 §3.1: the loss window is one segment.
    this.cwnd = this.smss;
    this.bytesAcked = 0;
  }

  onUndo(): void {
    if (this.priorCwnd === 0) return;
    this.cwnd = Math.max(this.cwnd, this.priorCwnd);
    this.ssthresh = Math.max(this.ssthresh, this.priorSsthresh);
    this.priorCwnd = 0;
    this.isTimedOut = false;
    this.timedOutLeft = 0;
  }

  /** RFC 5681 §4.1: RW = min(IW, cwnd). */
  onIdle(): void {
    this.cwnd = Math.min(this.cwnd, initialWindow(this.smss));
    this.bytesAcked = 0;
    this.flights.clear();
    // What was known of the path before is old: nothing of it is to come back.
    this.priorCwnd = 0;
  }

  private open(delivered: number): void {
    let left = delivered;
    if (this.cwnd < this.ssthresh) {
      // RFC 5681 (2), counted in bytes: RFC 3465 §2.2. What ssthresh leaves over counts below.
      const most = this.timedOutLeft > 0 ? L_AFTER_TIMEOUT * this.smss : Infinity;
      const growth = Math.min(left, most, this.ssthresh - this.cwnd);
      this.cwnd += growth;
      if (this.cwnd < this.ssthresh) return;
      left -= growth;
    }
    // RFC 3465 §2.1: one segment per cwnd of acknowledged bytes.
    this.bytesAcked += left;
    if (this.bytesAcked >= this.cwnd) {
      this.bytesAcked -= this.cwnd;
      this.cwnd += this.smss;
    }
  }

  private remember(): void {
    this.priorCwnd = this.cwnd;
    this.priorSsthresh = this.ssthresh;
  }

  /** RFC 5681 (4): ssthresh = max (FlightSize / 2, 2*SMSS). */
  private reduce(inFlight: number): void {
    this.ssthresh = Math.max(Math.floor(inFlight / 2), 2 * this.smss);
    this.bytesAcked = 0;
  }
}
