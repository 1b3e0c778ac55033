// What a sender tells congestion control, and what it reads from it, in RFC 5681 §2's nouns. A controller
// knows no socket, no buffer and no clock. When a loss is a loss, and what to send again, is decided
// elsewhere: RFC 6582, 6675, 8985.

/** One class per algorithm; a call site sees at most four. All windows are whole bytes. */
export interface CongestionControl {
  readonly name: 'new-reno' | 'cubic' | 'bbr';
  /**
   * Congestion window, at least one SMSS. What recovery allows beyond it (inflation, limited transmit) is not
   * in it.
   */
  readonly cwnd: number;
  /** Slow start below it; Infinity at first. */
  readonly ssthresh: number;
  /** Bytes per millisecond; Infinity: do not pace. */
  readonly pacingRate: number;
  /** The largest flight, bytes, that left in this round trip or the last: how much of cwnd was used. */
  readonly flightMax: number;
  /** Bytes of payload in a full segment; the owner sets it when the path MTU changes. */
  smss: number;

  /** `bytes` of text were sent, new or again; `inFlight` includes them. */
  onSent(bytes: number, inFlight: number, now: number): void;
  /** An ACK acknowledged something new. */
  onAck(sample: AckSample, now: number): void;
  /**
   * A loss was detected by ACKs: once per window of data, at the entry into recovery.
   * @param inFlight  FlightSize before anything is sent again, and without what limited transmit added (RFC 3042)
   */
  onLoss(bytesLost: number, inFlight: number, now: number): void;
  /** The retransmission timer expired, each time that it does; `inFlight` is FlightSize before it did. */
  onTimeout(inFlight: number, now: number): void;
  /** The last `onLoss` or `onTimeout` was for nothing: nothing was lost. */
  onUndo(now: number): void;
  /** About to send, after more than an RTO in which nothing was sent. RFC 5681 §4.1. */
  onIdle(now: number): void;
}

/** What one ACK tells. One record per connection or stack, refilled; nobody stores it. */
export class AckSample {
  /** Newly acknowledged by this ACK: how far SND.UNA moved, bytes. */
  bytesAcked = 0;
  /** FlightSize before this ACK, and after it, bytes. */
  priorInFlight = 0;
  inFlight = 0;
  /** A round trip that this ACK measured, ms; -1: none. */
  rttMs = -1;
  /** Was cwnd what held the sender back, in the flight that is acknowledged here? `isCwndLimited` answers. */
  isCwndLimited = false;
  /** Did recovery run when this ACK came? Then nothing grows. */
  isRecovery = false;
}

/**
 * Was the window used? Else it must not grow: an unused cwnd says nothing about the path. RFC 7661 §1. Also
 * Linux: in slow start half of it suffices, since it doubles each round trip; later, all but what is too
 * small for a segment.
 *
 * It is the flight as it left that counts. A stack that takes ten ACKs at once and then sends sees the flight
 * shrink from ACK to ACK, though the window was full.
 * @param priorInFlight  FlightSize before the ACK, bytes
 */
export function isCwndLimited(control: CongestionControl, priorInFlight: number): boolean {
  const flight = Math.max(control.flightMax, priorInFlight);
  if (control.cwnd < control.ssthresh) return control.cwnd < 2 * flight + control.smss;
  return control.cwnd - flight < control.smss;
}

/**
 * The largest flight of this round trip and of the last. A round trip ends when what was in flight at its
 * start is acknowledged.
 */
export class FlightRecord {
  private thisRound = 0;
  private lastRound = 0;
  /** Bytes still to be acknowledged in this round. */
  private left = 0;

  get max(): number {
    return Math.max(this.thisRound, this.lastRound);
  }

  /** What went before says nothing any more. */
  clear(): void {
    this.thisRound = 0;
    this.lastRound = 0;
    this.left = 0;
  }

  onSent(inFlight: number): void {
    this.thisRound = Math.max(this.thisRound, inFlight);
  }

  onAck(sample: AckSample): void {
    this.left -= sample.bytesAcked;
    if (this.left > 0) return;
    this.lastRound = this.thisRound;
    this.thisRound = sample.inFlight;
    this.left = sample.inFlight;
  }
}

/** RFC 6928 §2: IW = min(10*MSS, max(2*MSS, 14600)). */
export const initialWindow = (smss: number): number => Math.min(10 * smss, Math.max(2 * smss, 14_600));
