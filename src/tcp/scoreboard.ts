// What was sent and is not yet cumulatively acknowledged, in runs of neighbouring bytes that share a fate: the
// scoreboard of RFC 6675 §3 (blocks of RFC 2018), with the times of RFC 8985 §5.2 and the stamps of the delivery
// rate. Every byte is in flight, or SACKed, or lost; sending a lost one again puts it in flight. It knows bytes and
// times, and decides nothing.
//
// Bytes are named by their offset in the stream; our FIN counts as one byte behind the last. A superpacket is one
// run, until an acknowledgment covers a part of it. A search is a binary one; a split moves what lies behind it, and
// their number is bounded (CVE-2019-11477, -11478).

import { assert } from '../assert.js';
import { growthOf } from './run-memory.js';
import type { RunMemory } from './run-memory.js';

/** The peer holds it, though not all before it. */
export const SACKED = 1;
/** Judged lost, and not sent again since. */
export const LOST = 2;
/** Sent more than once. */
export const RETRANSMITTED = 4;
/** Sent while the application had no more to give. */
export const APP_LIMITED = 8;

/** More runs than this, and parts of a run are SACKed only with the rest of it, and new text waits. */
export const RUNS_MAX = 4096;

/** What the connection knew when a run left: delivery rate, draft-ietf-ccwg-bbr §4.1.1. */
export interface SendStamp {
  /** C.delivered, bytes. */
  readonly delivered: number;
  /** C.delivered_time and C.first_sent_time, ms. */
  readonly deliveredAt: number;
  readonly firstSentAt: number;
  /** C.lost, bytes. */
  readonly lost: number;
  readonly isAppLimited: boolean;
}

/** Who hears of each piece that is delivered for the first time. */
export interface DeliveryListener {
  /**
   * `bytes` that end at `end`, of run `i` of the board (its columns may still be read), were delivered: cumulatively, or
   * by a SACK block.
   */
  onDelivered(board: Scoreboard, i: number, end: number, bytes: number, cumulatively: boolean): void;
}

/**
 * Invariants: the runs cover `start .. end` without a gap; `inFlight + sacked + lost = end - start`, each the sum over
 * its runs; no memory while there is no run.
 */
export class Scoreboard {
  /** The stream offset of SND.UNA, while anything is on the board. */
  start = 0;
  /** Bytes neither SACKed nor lost: RFC 6675's pipe. */
  inFlight = 0;
  sacked = 0;
  lost = 0;
  /** Segments among the SACKed. RFC 8985: RACK.segs_sacked. */
  sackedSegments = 0;
  private columns: Float64Array = NO_RUNS;
  /** Indexes into `columns`, in runs. */
  private head = 0;
  private tail = 0;

  constructor(private readonly memory: RunMemory) {}

  /** Runs. */
  get count(): number {
    return this.tail - this.head;
  }

  get isEmpty(): boolean {
    return this.tail === this.head;
  }

  get isFull(): boolean {
    return this.count >= RUNS_MAX;
  }

  /** Behind the last byte that was sent. */
  get end(): number {
    return this.isEmpty ? this.start : this.endOf(this.count - 1);
  }

  // The columns of run `i`, 0 <= i < count.

  endOf(i: number): number {
    return this.columns[(this.head + i) * WIDTH]!;
  }

  startOf(i: number): number {
    return i === 0 ? this.start : this.endOf(i - 1);
  }

  /** When it was last sent, ms. */
  sentAt(i: number): number {
    return this.columns[(this.head + i) * WIDTH + SENT_AT]!;
  }

  flags(i: number): number {
    return this.columns[(this.head + i) * WIDTH + FLAGS]!;
  }

  /** As how many segments it was sent. */
  segments(i: number): number {
    return this.columns[(this.head + i) * WIDTH + SEGMENTS]!;
  }

  delivered(i: number): number {
    return this.columns[(this.head + i) * WIDTH + DELIVERED]!;
  }

  deliveredAt(i: number): number {
    return this.columns[(this.head + i) * WIDTH + DELIVERED_AT]!;
  }

  firstSentAt(i: number): number {
    return this.columns[(this.head + i) * WIDTH + FIRST_SENT_AT]!;
  }

  /** In flight just after it was sent, itself included, bytes. */
  txInFlight(i: number): number {
    return this.columns[(this.head + i) * WIDTH + TX_IN_FLIGHT]!;
  }

  lostThen(i: number): number {
    return this.columns[(this.head + i) * WIDTH + LOST_THEN]!;
  }

  /** New text was sent: `from .. end`, as `segments` segments. RFC 8985 §6.1-1: with the time, a fraction of a ms (§4-2). */
  push(from: number, end: number, segments: number, now: number, stamp: SendStamp): void {
    if (this.isEmpty) this.start = from;
    assert(from === this.end && from < end, 'scoreboard: what is sent follows what was sent');
    this.inFlight += end - from;
    const last = this.tail - 1;
    const flags = stamp.isAppLimited ? APP_LIMITED : 0;
    // What leaves in one flush shares its fate so far.
    if (last >= this.head && this.sentAt(last - this.head) === now && this.flags(last - this.head) === flags) {
      this.columns[last * WIDTH] = end;
      this.columns[last * WIDTH + SEGMENTS]! += segments;
      this.columns[last * WIDTH + TX_IN_FLIGHT] = this.inFlight;
      return;
    }
    this.reserve();
    this.tail++;
    const i = this.count - 1;
    this.columns[(this.tail - 1) * WIDTH] = end;
    this.set(i, SEGMENTS, segments);
    this.stamp(i, now, flags, stamp);
  }

  /** The first `bytes` of the lost run `i` were sent again, as `segments` segments; a probe, too (RFC 8985 §6.1-1, §7.3-4). */
  resent(i: number, bytes: number, segments: number, now: number, stamp: SendStamp): void {
    assert((this.flags(i) & LOST) !== 0, 'scoreboard: what goes again was lost');
    const from = this.startOf(i);
    if (bytes < this.endOf(i) - from && !this.split(i, from + bytes)) bytes = this.endOf(i) - from;
    this.lost -= bytes;
    this.inFlight += bytes;
    this.set(i, SEGMENTS, segments);
    this.stamp(i, now, RETRANSMITTED | (stamp.isAppLimited ? APP_LIMITED : 0), stamp);
  }

  private stamp(i: number, now: number, flags: number, stamp: SendStamp): void {
    const at = (this.head + i) * WIDTH;
    const { columns } = this;
    columns[at + SENT_AT] = now;
    columns[at + FLAGS] = flags;
    columns[at + DELIVERED] = stamp.delivered;
    columns[at + DELIVERED_AT] = stamp.deliveredAt;
    columns[at + FIRST_SENT_AT] = stamp.firstSentAt;
    columns[at + TX_IN_FLIGHT] = this.inFlight;
    columns[at + LOST_THEN] = stamp.lost;
  }

  /** Everything before `offset` is acknowledged. @returns bytes delivered that were not SACKed before */
  acknowledge(offset: number, listener: DeliveryListener): number {
    let delivered = 0;
    while (!this.isEmpty && this.start < offset) {
      const end = this.endOf(0);
      const to = Math.min(end, offset);
      const bytes = to - this.start;
      if ((this.flags(0) & SACKED) === 0) {
        listener.onDelivered(this, 0, to, bytes, true);
        delivered += bytes;
      }
      const segments = to === end ? this.segments(0) : Math.min(this.share(0, bytes), this.segments(0) - 1);
      this.tally(0, -bytes, -segments);
      this.set(0, SEGMENTS, this.segments(0) - segments);
      this.start = to;
      if (to === end) this.head++;
    }
    if (this.isEmpty) this.clear();
    return delivered;
  }

  /** The peer holds `from .. to`. @returns bytes delivered by it that were not known to be */
  sack(from: number, to: number, listener: DeliveryListener): number {
    let delivered = 0;
    for (let i = this.find(from); i < this.count && this.startOf(i) < to; i++) {
      if ((this.flags(i) & SACKED) !== 0) continue;
      if (this.startOf(i) < from) {
        if (!this.split(i, from)) continue;
        i++;
      }
      if (this.endOf(i) > to && !this.split(i, to)) continue;
      const bytes = this.endOf(i) - this.startOf(i);
      listener.onDelivered(this, i, this.endOf(i), bytes, false);
      this.tally(i, -bytes, 0);
      this.set(i, FLAGS, (this.flags(i) & ~LOST) | SACKED);
      this.tally(i, bytes, this.segments(i));
      delivered += bytes;
    }
    return delivered;
  }

  /** Run `i`, in flight, is lost. @returns its bytes */
  markLost(i: number): number {
    assert((this.flags(i) & (SACKED | LOST)) === 0, 'scoreboard: only what is in flight gets lost');
    const bytes = this.endOf(i) - this.startOf(i);
    this.set(i, FLAGS, this.flags(i) | LOST);
    this.inFlight -= bytes;
    this.lost += bytes;
    return bytes;
  }

  /** The first `bytes` of the board, as far as they are in flight. @returns bytes that are lost now and were not before */
  markFirstLost(bytes: number): number {
    if (this.isEmpty || (this.flags(0) & (SACKED | LOST)) !== 0) return 0;
    if (this.start + bytes < this.endOf(0)) this.split(0, this.start + bytes);
    return this.markLost(0);
  }

  /** The last `bytes` of the board, as far as they are in flight. @returns their run; -1: they are not */
  markLastLost(bytes: number): number {
    const last = this.count - 1;
    if (last < 0 || (this.flags(last) & (SACKED | LOST)) !== 0) return -1;
    if (this.startOf(last) < this.end - bytes) this.split(last, this.end - bytes);
    this.markLost(this.count - 1);
    return this.count - 1;
  }

  /** All that is in flight. @returns its bytes */
  markAllLost(): number {
    const before = this.lost;
    for (let i = 0; i < this.count; i++) if ((this.flags(i) & (SACKED | LOST)) === 0) this.markLost(i);
    return this.lost - before;
  }

  /** What was judged lost and not sent again is in flight, as it always was: the judgment was wrong. */
  forgetLosses(): void {
    if (this.lost === 0) return;
    for (let i = 0; i < this.count; i++) this.set(i, FLAGS, this.flags(i) & ~LOST);
    this.inFlight += this.lost;
    this.lost = 0;
  }

  /** The peer has thrown away what it had SACKed (RFC 2018 §8): all of it is in flight again. */
  forgetSacks(): void {
    for (let i = 0; i < this.count; i++) this.set(i, FLAGS, this.flags(i) & ~SACKED);
    this.inFlight += this.sacked;
    this.sacked = 0;
    this.sackedSegments = 0;
  }

  /** The first lost run at or behind `i`; -1: none. */
  nextLost(i = 0): number {
    if (this.lost === 0) return -1;
    for (; i < this.count; i++) if ((this.flags(i) & LOST) !== 0) return i;
    return -1;
  }

  /** Segments with all the bits of `flags`. For a snapshot. */
  countSegments(flags: number): number {
    let segments = 0;
    for (let i = 0; i < this.count; i++) if ((this.flags(i) & flags) === flags) segments += this.segments(i);
    return segments;
  }

  clear(): void {
    if (this.columns !== NO_RUNS) this.memory.put(this.columns);
    this.columns = NO_RUNS;
    this.head = 0;
    this.tail = 0;
    this.inFlight = 0;
    this.sacked = 0;
    this.lost = 0;
    this.sackedSegments = 0;
  }

  /** The run that holds the byte at `offset`, the first one if that lies before the board, `count` if behind. */
  private find(offset: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.endOf(middle) <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Run `i` becomes two, of which the second begins at `at`. @returns false: there are too many already */
  private split(i: number, at: number): boolean {
    if (this.isFull) return false;
    this.reserve();
    const from = (this.head + i) * WIDTH;
    const segments = this.share(i, at - this.startOf(i));
    this.columns.copyWithin(from + WIDTH, from, this.tail * WIDTH);
    this.tail++;
    this.columns[from] = at;
    this.set(i + 1, SEGMENTS, Math.max(1, this.segments(i) - segments));
    this.set(i, SEGMENTS, segments);
    return true;
  }

  /** As how many segments the first `bytes` of run `i` count; one byte is one segment's too. */
  private share(i: number, bytes: number): number {
    const whole = this.endOf(i) - this.startOf(i);
    return Math.max(1, Math.round((this.segments(i) * bytes) / whole));
  }

  /** Add to the sums that run `i` belongs to. */
  private tally(i: number, bytes: number, segments: number): void {
    const flags = this.flags(i);
    if ((flags & SACKED) !== 0) {
      this.sacked += bytes;
      this.sackedSegments += segments;
    } else if ((flags & LOST) !== 0) this.lost += bytes;
    else this.inFlight += bytes;
  }

  private set(i: number, column: number, value: number): void {
    this.columns[(this.head + i) * WIDTH + column] = value;
  }

  /** Room for one more run. */
  private reserve(): void {
    if ((this.tail + 1) * WIDTH <= this.columns.length) return;
    const { count, columns } = this;
    // Half of it is behind us: move, do not grow.
    if (this.head * 2 < this.tail || this.tail === 0) {
      this.columns = this.memory.take(growthOf(columns.length));
      this.columns.set(columns.subarray(this.head * WIDTH, this.tail * WIDTH));
      if (columns !== NO_RUNS) this.memory.put(columns);
    } else columns.copyWithin(0, this.head * WIDTH, this.tail * WIDTH);
    this.head = 0;
    this.tail = count;
  }

  check(): void {
    const sums = [0, 0, 0, 0];
    for (let i = 0; i < this.count; i++) {
      const bytes = this.endOf(i) - this.startOf(i);
      const flags = this.flags(i);
      assert(bytes > 0 && this.segments(i) > 0, 'scoreboard: no empty run');
      assert((flags & (SACKED | LOST)) !== (SACKED | LOST), 'scoreboard: SACKed or lost, not both');
      sums[(flags & SACKED) !== 0 ? 1 : (flags & LOST) !== 0 ? 2 : 0]! += bytes;
      if ((flags & SACKED) !== 0) sums[3]! += this.segments(i);
    }
    const counted = [this.inFlight, this.sacked, this.lost, this.sackedSegments];
    assert(sums.every((sum, i) => sum === counted[i]), 'scoreboard: the sums are the sums of the runs');
    assert(!this.isEmpty || this.columns === NO_RUNS, 'scoreboard: an empty board owns no memory');
  }
}

const NO_RUNS = new Float64Array(0);

// Columns; the first is the end.
const SENT_AT = 1;
const FLAGS = 2;
const SEGMENTS = 3;
const DELIVERED = 4;
const DELIVERED_AT = 5;
const FIRST_SENT_AT = 6;
const TX_IN_FLIGHT = 7;
const LOST_THEN = 8;
const WIDTH = 9;
