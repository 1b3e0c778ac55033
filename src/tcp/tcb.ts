// The variables of a connection, under the RFC's names; no behaviour. RFC 9293 §3.3.1, RFC 7323.

import { type Seq, seq } from './seq.js';

/** Invariant: una <= nxt, in sequence order. */
export class Snd {
  una: Seq = seq(0);
  /** It never goes back: what is to be sent again is marked on the scoreboard. */
  nxt: Seq = seq(0);
  /** What the peer offers, bytes, scaled. */
  wnd = 0;
  /** The largest it ever offered. RFC 9293 §3.8.6.2.1, RFC 5961 §5.2. */
  maxWnd = 0;
  wl1: Seq = seq(0);
  wl2: Seq = seq(0);
  /** One past the urgent data (MUST-62); at or below `una` when there is none. */
  up: Seq = seq(0);
  /** The end of the last segment sent that was less than full, for Nagle. */
  sml: Seq = seq(0);
  /** Snd.Wind.Shift, 0 .. 14. */
  shift = 0;
  /** What the peer's MSS option said, or the default. */
  mss = 536;
  /** Payload bytes of a full segment: eff.snd.MSS, with the options of every segment taken off. RFC 9293 §3.7.1. */
  smss = 536;
}

/** Invariant: nxt <= edge, in sequence order. */
export class Rcv {
  nxt: Seq = seq(0);
  /** The right edge that was offered: RCV.NXT + RCV.WND. It never moves left (SHLD-14). */
  edge: Seq = seq(0);
  /** The window that our SYN offered, bytes. */
  offeredInSyn = 0;
  /** Last.ACK.sent. RFC 7323 §4.3. */
  lastAckSent: Seq = seq(0);
  /** RCV.UP, as an offset of the stream: one past the urgent data. */
  up = 0;
  /** Rcv.Wind.Shift, 0 .. 14. */
  shift = 0;
  /** Largest payload seen or offered: two of these draw an ACK. RFC 5681 §4.2 (RMSS). */
  rmss = 536;
  /** Where the peer's FIN stands, once seen; it may be out of order. */
  finAt: Seq = seq(0);
  finSeen = false;
  /** Text that came twice, `[dsackStart, dsackEnd)`, while the peer is owed word of it. RFC 2883. */
  dsackStart: Seq = seq(0);
  dsackEnd: Seq = seq(0);
  dsackOwed = false;
}

/** What stands for TS.Recent while text is out of order is no older than so many bytes of text. */
const LATE_BYTES = 2 ** 30;

/** RFC 7323 §3. */
export class Timestamps {
  /** Both SYNs had the option. */
  on = false;
  /** TS.Recent, as an int32, and when it was taken (ms, rounded down). */
  recent = 0;
  recentAt = 0;
  /** Added to the clock, at random per connection, so that it tells nothing about the host; an int32. RFC 7323 §5.4. */
  offset = 0;
  /** TS.Recent when text first came out of order, and up to which stream offset that is remembered. */
  private floor = 0;
  private floorUntil = 0;

  /** Less than TS.Recent. RFC 7323 §5.2. */
  isBefore(tsVal: number): boolean {
    return ((tsVal - this.recent) | 0) < 0;
  }

  /** Text came out of order, behind `offset`. */
  onReordered(offset: number): void {
    if (offset < this.floorUntil) return;
    this.floor = this.recent;
    this.floorUntil = offset + LATE_BYTES;
  }

  /**
   * Less than TS.Recent, but only late, and no old duplicate.
   *
   * Departs from RFC 7323 §5.3, R1, which discards what a retransmission has overtaken, and says so; where the network
   * reorders, that is much. A number wraps after 2^32 bytes: what was sent after text that stands less than 2^30 bytes
   * before RCV.NXT, through a window of less than 2^30, is none of an earlier turn, whatever TS.Recent is.
   */
  isLate(tsVal: number, offset: number): boolean {
    return offset < this.floorUntil && ((tsVal - this.floor) | 0) >= 0;
  }

  note(tsVal: number, now: number): void {
    this.recent = tsVal | 0;
    this.recentAt = Math.floor(now);
  }

  /** TSval now: ticks of 1 ms. RFC 7323 §4.1-1. */
  val(now: number): number {
    return (Math.floor(now) + this.offset) >>> 0;
  }
}
