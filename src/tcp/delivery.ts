// What one ACK delivered, gathered from the scoreboard while it is worked in: the round trip (RFC 6298 §3, Karn), the
// most recently sent of what arrived (RFC 8985 §6.2 step 2), signs of reordering (step 3) and of a false alarm (RFC 5682),
// and the sample of the delivery rate (draft-ietf-ccwg-bbr §4.1.2).

import { NEVER } from '../time.js';
import { APP_LIMITED, type DeliveryListener, RETRANSMITTED, type Scoreboard, type SendStamp } from './scoreboard.js';

/** Refilled for each ACK; nobody stores it. Times in ms, NEVER where nothing is known. */
export class Delivery implements DeliveryListener {
  /** When the first and the last of what was acknowledged cumulatively, and was sent only once, left. */
  firstAckedAt = NEVER;
  lastAckedAt = NEVER;
  /** The same for what was SACKed. */
  firstSackedAt = NEVER;
  lastSackedAt = NEVER;
  /** Something that had been sent again was acknowledged cumulatively: no round trip can be told (Karn). */
  isAmbiguous = false;
  /** Something that was sent only once, before `doubtEnd`, was delivered: the timer that repeated the rest was wrong. */
  isOriginal = false;
  /** Something was delivered behind what was delivered before, and was not sent again: the network reorders. */
  isReordered = false;
  /** By how many bytes, from its beginning, at most. */
  overtakenBy = 0;
  /** When the first of these to be sent was. */
  reorderedSentAt = NEVER;
  /** The most recently sent: when, its end, whether it had been sent before; RFC 8985 leaves out what is ambiguous. */
  rackSentAt = -NEVER;
  rackEnd = 0;
  rackIsRetransmission = false;
  /** Stamps of the most recently sent. */
  newestSentAt = -NEVER;
  newestEnd = 0;
  priorDelivered = 0;
  priorDeliveredAt = 0;
  firstSentAt = 0;
  txInFlight = 0;
  lostThen = 0;
  isAppLimited = false;
  /** As so many segments it was sent; of a part of a run, its share, rounded up. */
  segments = 0;
  /** RACK.fack: the highest offset that was ever delivered. In and out. */
  fack = 0;
  private now = 0;
  private doubtEnd = 0;
  private minRttMs = 0;
  private echoedAt = NEVER;

  /**
   * @param doubtEnd  offset: RFC 5682's `recover`
   * @param echoedAt  when the transmission that this ACK echoes was sent, ms; NEVER: no timestamps
   */
  begin(now: number, fack: number, doubtEnd: number, minRttMs: number, echoedAt: number): void {
    this.firstAckedAt = NEVER;
    this.lastAckedAt = NEVER;
    this.firstSackedAt = NEVER;
    this.lastSackedAt = NEVER;
    this.isAmbiguous = false;
    this.isOriginal = false;
    this.isReordered = false;
    this.overtakenBy = 0;
    this.reorderedSentAt = NEVER;
    this.rackSentAt = -NEVER;
    this.newestSentAt = -NEVER;
    this.segments = 0;
    this.fack = fack;
    this.now = now;
    this.doubtEnd = doubtEnd;
    this.minRttMs = minRttMs;
    this.echoedAt = echoedAt;
  }

  onDelivered(board: Scoreboard, i: number, end: number, bytes: number, cumulatively: boolean): void {
    this.segments += Math.ceil((board.segments(i) * bytes) / (board.endOf(i) - board.startOf(i)));
    const sentAt = board.sentAt(i);
    const isRetransmission = (board.flags(i) & RETRANSMITTED) !== 0;
    if (isRetransmission) {
      if (cumulatively) this.isAmbiguous = true;
    } else {
      this.time(sentAt, cumulatively);
      if (end <= this.doubtEnd) this.isOriginal = true;
      if (end < this.fack) {
        this.isReordered = true;
        this.overtakenBy = Math.max(this.overtakenBy, this.fack - end + bytes);
        this.reorderedSentAt = Math.min(this.reorderedSentAt, sentAt);
      }
    }
    if (end > this.fack) this.fack = end;
    if (isLater(sentAt, end, this.newestSentAt, this.newestEnd)) this.stamp(board, i, sentAt, end);
    // RFC 8985 §6.2 step 2: what may be the answer to an earlier transmission tells nothing about this one.
    if (isRetransmission && (Math.floor(sentAt) > this.echoedAt || this.now - sentAt < this.minRttMs)) return;
    if (isLater(sentAt, end, this.rackSentAt, this.rackEnd)) {
      this.rackSentAt = sentAt;
      this.rackEnd = end;
      this.rackIsRetransmission = isRetransmission;
    }
  }

  private time(sentAt: number, cumulatively: boolean): void {
    if (cumulatively) {
      if (this.firstAckedAt === NEVER) this.firstAckedAt = sentAt;
      this.lastAckedAt = sentAt;
    } else {
      if (this.firstSackedAt === NEVER) this.firstSackedAt = sentAt;
      this.lastSackedAt = sentAt;
    }
  }

  private stamp(board: Scoreboard, i: number, sentAt: number, end: number): void {
    this.newestSentAt = sentAt;
    this.newestEnd = end;
    this.priorDelivered = board.delivered(i);
    this.priorDeliveredAt = board.deliveredAt(i);
    this.firstSentAt = board.firstSentAt(i);
    this.txInFlight = board.txInFlight(i);
    this.lostThen = board.lostThen(i);
    this.isAppLimited = (board.flags(i) & APP_LIMITED) !== 0;
  }

  /** The round trip that RTO is computed of, ms: the slowest of the unambiguous; -1: none. */
  get rttMs(): number {
    if (this.firstAckedAt !== NEVER && !this.isAmbiguous) return this.now - this.firstAckedAt;
    return this.firstSackedAt === NEVER ? -1 : this.now - this.firstSackedAt;
  }

  /** The round trip that the path has now, ms: the latest; -1: none. */
  get latestRttMs(): number {
    if (this.lastAckedAt !== NEVER && !this.isAmbiguous) return this.now - this.lastAckedAt;
    return this.lastSackedAt === NEVER ? -1 : this.now - this.lastSackedAt;
  }
}

/** RFC 8985 §6.2: RACK_sent_after. */
export const isLater = (sentAt: number, end: number, thanSentAt: number, thanEnd: number): boolean =>
  sentAt > thanSentAt || (sentAt === thanSentAt && end > thanEnd);

/** How fast the path delivers: the counts of draft-ietf-ccwg-bbr §4.1.1. Bytes and ms. */
export class DeliveryRate implements SendStamp {
  /** C.delivered: bytes delivered, ever. */
  delivered = 0;
  deliveredAt = 0;
  firstSentAt = 0;
  /** C.lost: bytes judged lost, ever. */
  lost = 0;
  /** Of these, those that congestion control was told of: what a timer finds, the next ACK tells. */
  lostTold = 0;
  /** The latest sample, bytes per ms; 0: none yet. */
  latest = 0;
  latestIsAppLimited = false;
  /** C.app_limited: until so much is delivered, the rate is what the application gave; 0: it is not. */
  private appLimitedUntil = 0;
  /** Until so much is delivered, the flight had a gap that the peer's window made. */
  private heldBackUntil = -1;

  get isHeldBack(): boolean {
    return this.delivered <= this.heldBackUntil;
  }

  get isAppLimited(): boolean {
    return this.appLimitedUntil > 0;
  }

  /** About to send. With nothing in flight, the flight begins now. */
  onSend(inFlight: number, now: number): void {
    if (inFlight > 0) return;
    this.firstSentAt = now;
    this.deliveredAt = now;
  }

  /** Nothing more to send, though the window would allow it. */
  onAppLimited(inFlight: number): void {
    this.appLimitedUntil = Math.max(1, this.delivered + inFlight);
  }

  /** The peer's window is full of what waits behind a hole: cwnd and pace would let more go. */
  onHeldBack(inFlight: number): void {
    this.heldBackUntil = this.delivered + inFlight;
  }

  /** @returns the sample, bytes per ms; 0: this ACK gives none */
  onAck(bytes: number, d: Delivery, minRttMs: number, now: number): number {
    this.delivered += bytes;
    this.deliveredAt = now;
    if (this.appLimitedUntil > 0 && this.delivered > this.appLimitedUntil) this.appLimitedUntil = 0;
    if (d.newestSentAt === -NEVER) return 0;
    this.firstSentAt = d.newestSentAt;
    const interval = Math.max(d.newestSentAt - d.firstSentAt, now - d.priorDeliveredAt);
    // An interval shorter than a round trip says more of our own burst than of the path.
    if (interval <= 0 || interval < minRttMs) return 0;
    const rate = (this.delivered - d.priorDelivered) / interval;
    if (!d.isAppLimited || rate > this.latest) {
      this.latest = rate;
      this.latestIsAppLimited = d.isAppLimited;
    }
    return rate;
  }
}
