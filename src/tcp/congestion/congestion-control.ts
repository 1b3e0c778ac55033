// What a sender tells congestion control, and what it reads from it, in RFC 5681 §2's nouns. A controller
// knows no socket, no buffer and no clock. When a loss is a loss, and what to send again, is decided
// elsewhere: RFC 6582, 6675, 8985.

/** One class per algorithm; a call site sees at most four. All windows are whole bytes. */
export interface CongestionControl {
  readonly name: 'new-reno' | 'cubic' | 'bbr';
  /** Congestion window, at least one SMSS. What recovery allows beyond it (PRR, limited transmit) is not in it. */
  readonly cwnd: number;
  /** Slow start below it; Infinity at first. */
  readonly ssthresh: number;
  /** Bytes per millisecond; Infinity: do not pace. */
  readonly pacingRate: number;
  /** The largest flight, bytes, that left in this round trip or the last: how much of cwnd was used. */
  readonly flightMax: number;
  /** True: cwnd is right at all times (BBR). False: PRR (RFC 9937) holds the window while a loss is repaired. */
  readonly ownsRecovery: boolean;
  /** Bytes of payload in a full segment; the owner sets it when the path MTU changes. */
  smss: number;

  /** `bytes` of text were sent, new or again; `inFlight` (pipe, RFC 6675 §2) includes them. */
  onSent(bytes: number, inFlight: number, now: number): void;
  /** An ACK delivered something new, cumulatively or selectively. */
  onAck(sample: AckSample, now: number): void;
  /**
   * A packet is judged lost.
   * @param bytes  of it
   * @param lostSince  judged lost since it was sent, itself included, bytes
   * @param txInFlight  in flight just after it was sent, bytes
   */
  onPacketLost(bytes: number, lostSince: number, txInFlight: number, isAppLimited: boolean, now: number): void;
  /**
   * A loss was detected by ACKs, or a mark was echoed (RFC 3168): once per window of data, at the entry into
   * recovery.
   * @param inFlight  FlightSize before anything is sent again, and without what limited transmit added (RFC 3042)
   */
  onLoss(bytesLost: number, inFlight: number, now: number): void;
  /** Recovery ended: everything of that window was acknowledged. */
  onRecovered(now: number): void;
  /**
   * The retransmission timer expired, each time that it does; `inFlight` is FlightSize before it did, 0 when it
   * expires again for the same segment.
   */
  onTimeout(inFlight: number, now: number): void;
  /** The last `onLoss` or `onTimeout` was for nothing: nothing was lost. */
  onUndo(now: number): void;
  /** About to send, after more than an RTO in which nothing was sent. RFC 5681 §4.1. */
  onIdle(now: number): void;
}

/** What one ACK tells. One record per connection or stack, refilled; nobody stores it. All amounts in bytes. */
export class AckSample {
  /** Newly acknowledged cumulatively: how far SND.UNA moved. */
  bytesAcked = 0;
  /** Newly delivered by this ACK, cumulatively or selectively; each byte once. */
  delivered = 0;
  /** Newly judged lost by this ACK, or by a timer since the last one. */
  lost = 0;
  /** Pipe before this ACK, and after it. */
  priorInFlight = 0;
  inFlight = 0;
  /** A round trip that this ACK measured, ms; -1: none. */
  rttMs = -1;
  /** Was cwnd what held the sender back, in the flight that is acknowledged here? `isCwndLimited` answers. */
  isCwndLimited = false;
  /** Fast recovery, or the answer to a mark, runs: nothing grows. Not so in the slow start that follows a timeout. */
  isRecovery = false;

  // The delivery rate sample, draft-ietf-ccwg-bbr §4.1. "That packet" is the newest one that this ACK delivered.

  /** Bytes per ms; 0: this ACK gave none. */
  deliveryRate = 0;
  /** The sample was taken while the application, not the network, set the pace. */
  isAppLimited = false;
  /** ... or the peer's window, full of what waits behind a hole. */
  isHeldBack = false;
  /** C.delivered after this ACK; only grows. */
  totalDelivered = 0;
  /** C.delivered when that packet was sent. */
  priorDelivered = 0;
  /** In flight just after that packet was sent. */
  txInFlight = 0;
  /** Judged lost since that packet was sent. */
  lostSince = 0;
  /** Reported CE-marked by this ACK (AccECN), or all that an ACK with ECE delivered. */
  ecnMarked = 0;
}

/**
 * Was the window used? Else it must not grow: an unused cwnd says nothing about the path. RFC 7661 §1. Also
 * Linux: in slow start more than half of it suffices, since it doubles each round trip; later, all but what is too
 * small for a segment.
 *
 * It is the flight as it left that counts. A stack that takes ten ACKs at once and then sends sees the flight
 * shrink from ACK to ACK, though the window was full.
 * @param priorInFlight  pipe before the ACK, bytes
 */
export function isCwndLimited(control: CongestionControl, priorInFlight: number): boolean {
  const flight = Math.max(control.flightMax, priorInFlight);
  if (control.cwnd < control.ssthresh) return control.cwnd < 2 * flight;
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
    this.left -= sample.delivered;
    if (this.left > 0) return;
    this.lastRound = this.thisRound;
    this.thisRound = sample.inFlight;
    this.left = sample.inFlight;
  }
}

/** RFC 6928 §2: IW = min(10*MSS, max(2*MSS, 14600)). */
export const initialWindow = (smss: number): number => Math.min(10 * smss, Math.max(2 * smss, 14_600));

/**
 * cwnd when the path's MTU has changed. RFC 5681 §3.1-5: in proportion where segments are smaller now, lest as many bytes in
 * more of them be a burst; at least one of them.
 */
export const inSegments = (cwnd: number, before: number, smss: number): number =>
  Math.max(smss < before ? Math.floor((cwnd * smss) / before) : cwnd, smss);

/**
 * RFC 3465 §2.3: segments by which one ACK may open the window in the slow start that follows a timeout, as long as
 * what was in flight before the timeout is being acknowledged: one ACK may then cover much that had arrived long ago.
 *
 * Otherwise slow start grows by all that was delivered. RFC 3465 (experimental) has L = 2 there, RFC 9406 §4.3 8, and none
 * for who paces; a limit per ACK punishes receivers who answer a whole superpacket with one ACK. Like Linux, we have
 * none: an ACK never opens more than it took out of the network, and it is bytes that count, not ACKs.
 */
export const L_AFTER_TIMEOUT = 1;
