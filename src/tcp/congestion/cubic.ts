// CUBIC: the window follows a cubic curve of the time since the last reduction, flat around the window that was
// too large. RFC 9438 §4; slow start by HyStart++ (RFC 9406); after idling RFC 5681 §4.1.

import { type AckSample, type CongestionControl, FlightRecord, initialWindow, inSegments, L_AFTER_TIMEOUT } from './congestion-control.js';
import { HyStart } from './hystart.js';

/** RFC 9438 §5.1: segments per second cubed. */
const C = 0.4;
/** RFC 9438 §4.6. */
const BETA = 0.7;
/** RFC 9438 §4.3: with it, W_est has Reno's average window. */
const ALPHA = 3 * (1 - BETA) / (1 + BETA);
/** No congestion avoidance stage runs. */
const NONE = -Infinity;
const SECOND = 1000;

/** What a reduction changes, and an undo brings back. RFC 9438 §4.9.2. Windows in bytes, times in ms. */
class Course {
  cwnd = 0;
  /** RFC 5681 §3.1: "arbitrarily high". */
  ssthresh = Infinity;
  /** cwnd when ssthresh was set last. */
  cwndPrior = 0;
  /** W_max: the top of the curve; 0: none is known. */
  wMax = 0;
  /** K: from the epoch's begin to W_max, on the curve. */
  kMs = 0;
  /** t_epoch, later by every time in which the window was not used: §4.2, §5.8. */
  epochAt = NONE;
  /** W_est: where Reno would be. A fraction, as the sum of small steps. */
  wEst = 0;
  /** Growth that does not make a byte yet. */
  credit = 0;

  copy(from: Course): void {
    this.cwnd = from.cwnd;
    this.ssthresh = from.ssthresh;
    this.cwndPrior = from.cwndPrior;
    this.wMax = from.wMax;
    this.kMs = from.kMs;
    this.epochAt = from.epochAt;
    this.wEst = from.wEst;
    this.credit = from.credit;
  }
}

/** Growth that makes no whole byte yet waits. */
function grow(course: Course, bytes: number): void {
  course.credit += bytes;
  const whole = Math.floor(course.credit);
  course.cwnd += whole;
  course.credit -= whole;
}

/** Invariant: smss <= cwnd, whole bytes. */
export class Cubic implements CongestionControl {
  readonly name = 'cubic';
  readonly pacingRate = Infinity;
  readonly ownsRecovery = false;
  private segmentSize: number;
  private readonly course = new Course();
  /** Null: there is nothing to undo. */
  private undo: Course | null = null;
  private readonly flights = new FlightRecord();
  private readonly hystart = new HyStart();
  /** Smoothed round-trip time, RFC 6298 §2; -1: none was measured. */
  private srttMs = -1;
  /** When the last ACK came. */
  private ackedAt = 0;
  /** A timeout was the last thing that happened: nothing new was acknowledged since. */
  private isTimedOut = false;
  /** Bytes that were in flight at the timeout and are not acknowledged yet. RFC 3465 §2.3. */
  private timedOutLeft = 0;

  /**
   * @param smss  bytes of payload in a full segment
   * @param cwnd  bytes to begin with; RFC 6928 by default, one SMSS when more than one SYN was lost (its §2)
   */
  constructor(smss: number, cwnd = initialWindow(smss)) {
    this.segmentSize = smss;
    this.course.cwnd = cwnd;
  }

  get cwnd(): number {
    return this.course.cwnd;
  }

  get ssthresh(): number {
    return this.course.ssthresh;
  }

  get smss(): number {
    return this.segmentSize;
  }

  set smss(bytes: number) {
    const { course } = this;
    // The curve is as steep as segments are large, and its start stays where it was.
    course.kMs *= Math.cbrt(this.segmentSize / bytes);
    course.cwnd = inSegments(course.cwnd, this.segmentSize, bytes);
    this.segmentSize = bytes;
  }

  get flightMax(): number {
    return this.flights.max;
  }

  onSent(bytes: number, inFlight: number, now: number): void {
    this.flights.onSent(inFlight);
    // RFC 9438 §4.2: the time in which nothing was in flight is none of the curve's.
    if (inFlight <= bytes) this.shiftEpoch(now);
  }

  onAck(sample: AckSample, now: number): void {
    if (sample.delivered <= 0) return;
    this.flights.onAck(sample);
    if (sample.bytesAcked > 0) this.isTimedOut = false;
    if (sample.rttMs >= 0) this.srttMs = this.srttMs < 0 ? sample.rttMs : this.srttMs + (sample.rttMs - this.srttMs) / 8;
    if (!sample.isRecovery) {
      const left = this.cwnd < this.ssthresh ? this.slowStart(sample) : sample.delivered;
      if (left > 0) this.avoidCongestion(left, sample.isCwndLimited, now);
    }
    this.timedOutLeft = Math.max(0, this.timedOutLeft - sample.bytesAcked);
    this.ackedAt = now;
  }

  /** RFC 9438 §4.6: and what recovery does beyond that is PRR's. No bytes lost: a mark was echoed. */
  onLoss(bytesLost: number, inFlight: number): void {
    const { course } = this;
    this.remember();
    // §4.7, fast convergence: less than the last time, so someone else needs room.
    course.wMax = course.cwnd < course.wMax ? course.cwnd * (1 + BETA) / 2 : course.cwnd;
    const window = Math.floor(this.used(inFlight) * BETA);
    this.reduce(window);
    // A window that a timeout has closed does not open because of another loss.
    course.cwnd = Math.min(course.cwnd, Math.max(window, (bytesLost > 0 ? 2 : 1) * this.smss));
  }

  onPacketLost(): void {}

  onRecovered(): void {
    // PRR leaves at ssthresh, where `onLoss` put cwnd. The next ACK begins the epoch.
  }

  /** RFC 9438 §4.8. */
  onTimeout(inFlight: number): void {
    // RFC 5681 §3.1: a segment that the timer has sent again before leaves ssthresh as it is.
    if (!this.isTimedOut && inFlight > 0) {
      this.remember();
      this.reduce(Math.floor(this.used(inFlight) * BETA));
      this.timedOutLeft = inFlight;
    }
    this.isTimedOut = true;
    const { course } = this;
    // K = 0 and W_max = cwnd, when congestion avoidance begins.
    course.wMax = 0;
    course.epochAt = NONE;
    // RFC 5681 §3.1: the loss window is one segment.
    course.cwnd = this.smss;
  }

  /** RFC 9438 §4.9.2; after a needless timeout likewise (§4.9.1-2; RFC 4015 §3.2). */
  onUndo(): void {
    const { course, undo } = this;
    if (undo === null) return;
    this.undo = null;
    this.isTimedOut = false;
    this.timedOutLeft = 0;
    // What was gained since stays, and goes on as it is.
    if (course.cwnd > undo.cwnd) return;
    course.copy(undo);
    course.cwnd = Math.max(course.cwnd, this.smss);
    this.hystart.reset();
  }

  /** RFC 5681 §4.1: RW = min(IW, cwnd). */
  onIdle(): void {
    this.course.cwnd = Math.min(this.cwnd, initialWindow(this.smss));
    this.flights.clear();
    this.hystart.reset();
    // What was known of the path before is old: nothing of it is to come back.
    this.undo = null;
  }

  /** §4.10. Returns what ssthresh leaves over for congestion avoidance, bytes. */
  private slowStart(sample: AckSample): number {
    const { course } = this;
    if (course.ssthresh === Infinity) {
      this.firstSlowStart(sample);
      return 0;
    }
    if (!sample.isCwndLimited) return 0;
    const most = this.timedOutLeft > 0 ? L_AFTER_TIMEOUT * this.smss : Infinity;
    const growth = Math.min(sample.delivered, most, course.ssthresh - course.cwnd);
    course.cwnd += growth;
    return course.cwnd < course.ssthresh ? 0 : sample.delivered - growth;
  }

  /** HyStart++, RFC 9406 §4.2: it may find the end without a loss. */
  private firstSlowStart(sample: AckSample): void {
    const { course, hystart } = this;
    if (sample.isCwndLimited) grow(course, sample.delivered / hystart.growthDivisor);
    hystart.onAck(sample);
    if (!hystart.isOver) return;
    course.ssthresh = course.cwnd;
    course.cwndPrior = course.cwnd;
  }

  /** RFC 9438 §4.2, §4.3, §4.4, §4.5. */
  private avoidCongestion(bytes: number, isCwndLimited: boolean, now: number): void {
    const { course, smss } = this;
    if (course.epochAt === NONE) this.beginEpoch(now);
    // §5.8: while the window is not used, it does not grow, and the curve waits.
    if (!isCwndLimited) return this.shiftEpoch(now);
    const acked = Math.min(bytes, course.cwnd);
    // (4), until Reno would be where the last reduction was: then as Reno.
    course.wEst += (course.wEst < course.cwndPrior ? ALPHA : 1) * smss * acked / course.cwnd;
    const t = now - course.epochAt;
    if (this.curve(t) < course.wEst) {
      course.cwnd = Math.max(course.cwnd, Math.floor(course.wEst));
      return;
    }
    const target = Math.min(Math.max(this.curve(t + Math.max(0, this.srttMs)), course.cwnd), 1.5 * course.cwnd);
    grow(course, (target - course.cwnd) * acked / course.cwnd);
  }

  /** (1): W_cubic(t), bytes. */
  private curve(tMs: number): number {
    const { course } = this;
    return C * this.smss * ((tMs - course.kMs) / SECOND) ** 3 + course.wMax;
  }

  private beginEpoch(now: number): void {
    const { course } = this;
    course.epochAt = now;
    this.ackedAt = now;
    course.wEst = course.cwnd;
    course.credit = 0;
    if (course.cwnd < course.wMax) {
      // (2)
      course.kMs = Math.cbrt((course.wMax - course.cwnd) / this.smss / C) * SECOND;
      return;
    }
    // §4.8 and §4.10: after a timeout, or a slow start without loss.
    course.kMs = 0;
    course.wMax = course.cwnd;
  }

  /** The time since the last ACK, or send, does not count. */
  private shiftEpoch(now: number): void {
    if (this.course.epochAt !== NONE) this.course.epochAt += Math.max(0, now - this.ackedAt);
    this.ackedAt = now;
  }

  /**
   * How much of the window was used. §4.6 wants flight_size, lest an unused cwnd be halved only; but in a stack that takes
   * ten ACKs at once, what they acknowledged is missing from it though the window was full. So: the flight as it left.
   */
  private used(inFlight: number): number {
    return Math.min(this.cwnd, Math.max(inFlight, this.flights.max));
  }

  private remember(): void {
    this.undo ??= new Course();
    this.undo.copy(this.course);
  }

  private reduce(window: number): void {
    const { course } = this;
    course.cwndPrior = course.cwnd;
    course.ssthresh = Math.max(window, 2 * this.smss);
    course.epochAt = NONE;
    course.credit = 0;
  }
}
