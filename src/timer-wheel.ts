// Deadlines of everything that waits, in a hierarchical wheel: arming, moving and disarming cost the same
// whether ten or a hundred thousand wait. Varghese and Lauck, "Hashed and hierarchical timing wheels", 1987,
// scheme 7.
//
// Time is cut into ticks of 1 ms, and a tick's number into six digits of five bits. An entry lies on the
// level of the highest digit in which its tick differs from the present one, in the slot that this digit
// names. So all of a level come before all of the next, the lowest occupied slot of the lowest occupied level
// holds the earliest, and as time enters a slot of an upper level, its entries move down. Beyond six digits
// (12.4 days) they wait in a list of their own. Deadlines keep their fractions: a slot tells when to look,
// the entry's deadline tells whether to fire.

import { assert } from './assert.js';
import { NEVER } from './time.js';

export interface Expirable {
  /** The deadline has passed, and is no longer armed. May schedule and cancel anything. */
  expire(now: number): void;
}

/** A place in the wheel, made once with its owner: arming it allocates nothing. Of one wheel only. */
export class TimerEntry {
  /** ms; NEVER when not armed. Read only. */
  deadline = NEVER;
  /** The wheel's alone. A ring through the slot's head; of an idle entry, only itself. */
  prev: TimerEntry = this;
  next: TimerEntry = this;
  slot = IDLE;

  constructor(readonly owner: Expirable) {}
}

/**
 * Invariants: an armed entry with tick t lies in `slotOf(max(t, present))`; bit s of `occupied[l]` tells
 * whether slot s of level l has entries; `earliest[slot] <= deadline` of all that lie in it.
 */
export class TimerWheel {
  /** Armed entries. */
  size = 0;
  /** Rings of entries in the order of scheduling: the slots, level by level, then `BEYOND` and `DUE`. */
  private readonly heads = Array.from({ length: LISTS }, () => new TimerEntry(NOBODY));
  private readonly occupied = new Int32Array(LEVELS);
  /** The earliest deadline of each list; UNKNOWN after that one has left. */
  private readonly earliest = new Float64Array(LISTS).fill(NEVER);
  /** Tick 0, ms. */
  private readonly origin: number;
  /** The present tick is `epoch * HORIZON + tick`. It never goes back. */
  private epoch = 0;
  private tick = 0;
  private readonly scratchBatch: TimerEntry[] = [];

  constructor(now: number) {
    this.origin = Math.floor(now);
  }

  /** Arm `entry`, or move it. A deadline that has passed is due at the next `expire`; NEVER disarms. */
  schedule(entry: TimerEntry, deadline: number): void {
    assert(!Number.isNaN(deadline), 'timer-wheel: a deadline is a number');
    this.cancel(entry);
    if (deadline === NEVER) return;
    entry.deadline = deadline;
    this.size++;
    this.link(entry, this.slotOf(deadline));
  }

  cancel(entry: TimerEntry): void {
    if (entry.slot === IDLE) return;
    this.unlink(entry);
    entry.deadline = NEVER;
    this.size--;
  }

  /**
   * When to call `expire` next: never later than the earliest deadline, and NEVER when nothing is armed. It
   * is exactly the earliest if that lies on the lowest level, or if no earlier one was cancelled; else a call
   * may come in vain.
   */
  nextTimeout(): number {
    const slot = this.isEmpty(DUE) ? this.firstSlot() : DUE;
    if (slot === IDLE) return NEVER;
    if (slot < SLOTS || slot === DUE) return this.earliestOf(slot);
    return Math.max(this.earliest[slot]!, this.origin + this.startOf(slot));
  }

  /**
   * Fire what is due, in the order of the deadlines; equal ones in the order of scheduling. Each fires once,
   * however far time has jumped: what is scheduled from inside waits for the next call, even if it is due
   * already.
   */
  expire(now: number): void {
    assert(Number.isFinite(now), 'timer-wheel: now is a number');
    this.advance(now);
    const due = this.heads[DUE]!;
    while (due.next !== due) {
      const { owner } = due.next;
      this.cancel(due.next);
      owner.expire(now);
    }
  }

  /** Bring the present to `now`, and what is due by then into the list of the due. */
  private advance(now: number): void {
    const target = Math.max(Math.floor(now) - this.origin, this.present());
    for (;;) {
      const slot = this.firstSlot();
      if (slot === IDLE || this.startOf(slot) > target) break;
      if (slot < SLOTS) {
        this.enter(this.startOf(slot));
        if (!this.collect(slot, now)) break;
      } else {
        const start = slot === BEYOND ? Math.floor(this.earliestOf(slot)) - this.origin : this.startOf(slot);
        this.enter(Math.min(start, target));
        this.spread(slot);
      }
    }
    this.enter(target);
  }

  /** Make due what is due in a slot of one tick. @returns whether that was all */
  private collect(slot: number, now: number): boolean {
    const head = this.heads[slot]!;
    const batch = this.scratchBatch;
    for (let entry = head.next; entry !== head; entry = entry.next) {
      if (entry.deadline <= now) batch.push(entry);
    }
    // The sort is stable, and equal deadlines have shared every slot on their way: they keep the order of
    // scheduling.
    if (batch.length > 1) batch.sort(byDeadline);
    for (const entry of batch) this.move(entry, DUE);
    batch.length = 0;
    return this.isEmpty(slot);
  }

  /** Put each entry of a list where it belongs at present. */
  private spread(slot: number): void {
    const head = this.heads[slot]!;
    for (let entry = head.next; entry !== head;) {
      const { next } = entry;
      const to = this.slotOf(entry.deadline);
      if (to !== slot) this.move(entry, to);
      entry = next;
    }
    // Those that stay have no part in the leaving of the earliest: BEYOND is spread once in each epoch.
    this.earliestOf(slot);
  }

  private present(): number {
    return this.epoch * HORIZON + this.tick;
  }

  private enter(present: number): void {
    this.epoch = Math.floor(present / HORIZON);
    this.tick = present - this.epoch * HORIZON;
  }

  private slotOf(deadline: number): number {
    const ahead = Math.floor(deadline) - this.origin - this.epoch * HORIZON;
    if (ahead >= HORIZON) return BEYOND;
    // What has passed lies in the present slot.
    const tick = Math.max(ahead, this.tick);
    const highestBit = 31 - Math.clz32((tick ^ this.tick) | 1);
    const level = Math.trunc(highestBit / 5);
    return level * SLOTS + ((tick >>> (level * 5)) & (SLOTS - 1));
  }

  /** The first tick of a slot, or of the next epoch. */
  private startOf(slot: number): number {
    if (slot === BEYOND) return (this.epoch + 1) * HORIZON;
    const shift = (slot >> 5) * 5;
    const above = (this.tick >>> (shift + 5)) << (shift + 5);
    return this.epoch * HORIZON + (above | ((slot & (SLOTS - 1)) << shift));
  }

  /** The slot that holds the earliest, or BEYOND; IDLE when all are empty. */
  private firstSlot(): number {
    for (let level = 0; level < LEVELS; level++) {
      const bits = this.occupied[level]!;
      if (bits !== 0) return level * SLOTS + 31 - Math.clz32(bits & -bits);
    }
    return this.isEmpty(BEYOND) ? IDLE : BEYOND;
  }

  private earliestOf(slot: number): number {
    if (this.earliest[slot] === UNKNOWN) {
      const head = this.heads[slot]!;
      let earliest = NEVER;
      for (let entry = head.next; entry !== head; entry = entry.next) {
        earliest = Math.min(earliest, entry.deadline);
      }
      this.earliest[slot] = earliest;
    }
    return this.earliest[slot]!;
  }

  private isEmpty(slot: number): boolean {
    const head = this.heads[slot]!;
    return head.next === head;
  }

  private link(entry: TimerEntry, slot: number): void {
    const head = this.heads[slot]!;
    entry.slot = slot;
    entry.prev = head.prev;
    entry.next = head;
    head.prev.next = entry;
    head.prev = entry;
    if (entry.deadline < this.earliest[slot]!) this.earliest[slot] = entry.deadline;
    if (slot < BEYOND) this.occupied[slot >> 5]! |= 1 << (slot & 31);
  }

  private unlink(entry: TimerEntry): void {
    const { prev, next, slot } = entry;
    prev.next = next;
    next.prev = prev;
    entry.prev = entry;
    entry.next = entry;
    entry.slot = IDLE;
    if (prev !== next) {
      if (entry.deadline === this.earliest[slot]) this.earliest[slot] = UNKNOWN;
      return;
    }
    this.earliest[slot] = NEVER;
    if (slot < BEYOND) this.occupied[slot >> 5]! &= ~(1 << (slot & 31));
  }

  private move(entry: TimerEntry, slot: number): void {
    this.unlink(entry);
    this.link(entry, slot);
  }

  /** Asserts the invariants. For tests. */
  check(): void {
    let size = 0;
    for (const [slot, head] of this.heads.entries()) {
      for (let entry = head.next; entry !== head; entry = entry.next) {
        assert(entry.next.prev === entry && entry.prev.next === entry, 'timer-wheel: a ring is whole');
        assert(entry.slot === slot, 'timer-wheel: an entry knows its slot');
        assert(slot === DUE || slot === this.slotOf(entry.deadline), 'timer-wheel: an entry is in its slot');
        assert(entry.deadline < NEVER, 'timer-wheel: what is armed has a deadline');
        assert(this.earliest[slot]! <= entry.deadline, 'timer-wheel: earliest is a lower bound');
        size++;
      }
      const marked = slot < BEYOND && (this.occupied[slot >> 5]! & (1 << (slot & 31))) !== 0;
      assert(slot >= BEYOND || marked !== this.isEmpty(slot), 'timer-wheel: a bit for each slot in use');
      assert(!this.isEmpty(slot) || this.earliest[slot] === NEVER, 'timer-wheel: no early empty slot');
    }
    assert(size === this.size, 'timer-wheel: size counts the armed');
    assert(this.scratchBatch.length === 0, 'timer-wheel: the batch is forgotten');
  }
}

const byDeadline = (a: TimerEntry, b: TimerEntry): number => a.deadline - b.deadline;

const NOBODY: Expirable = { expire: () => undefined };

const LEVELS = 6;
const SLOTS = 32;
const HORIZON = 2 ** 30;
/** Lists behind the slots: of those too far ahead for any, and of those that fire now. */
const BEYOND = LEVELS * SLOTS;
const DUE = BEYOND + 1;
const LISTS = BEYOND + 2;
const IDLE = -1;
const UNKNOWN = -Infinity;
