// Rows of numbers found by a connection's 4-tuple, for what must be remembered of a conversation that is not, or is no
// longer, a connection: half-open ones (syn-cache.ts, RFC 4987 §3.3) and those in TIME-WAIT (time-wait.ts). Rows lie in
// columns and are found by a keyed hash, so that whoever chooses the tuples cannot make the search long.

import { Address } from '../address.js';
import { assert } from '../assert.js';
import type { Random } from '../random.js';
import { TupleHash } from './tuple-hash.js';

export const NONE = -1;
const ROWS_MIN = 16;
/** As far as the hash's proof goes. */
const BITS_MAX = 17;

// The columns that every row has, before those of its table.
const LOCAL = 0;
const REMOTE = 4;
const ZONE = 8;
const PORTS = 9;
/** The next row of the bucket, or of the free ones. */
const IN_BUCKET = 10;
const OWN = 11;

/**
 * Invariants: a row in use is in one bucket, the others are in the list of the free. A row number is good until its
 * row is removed. Memory grows by doubling up to `capacity` rows, and stays.
 */
export class TupleRows {
  /** Rows in use. */
  size = 0;
  private readonly hash: TupleHash;
  private readonly stride: number;
  private words = new Int32Array(0);
  private times = new Float64Array(0);
  private buckets = new Int32Array(0);
  private inUse = new Uint8Array(0);
  private bits = 0;
  private free = NONE;

  /** @param columns, timeColumns  int32 and float64 columns of the table's own */
  constructor(random: Random, columns: number, private readonly timeColumns: number, readonly capacity: number) {
    assert(capacity >= 1, 'tuple-rows: room for one');
    this.hash = new TupleHash(random);
    this.stride = OWN + columns;
  }

  /** Rows that there is memory for. */
  get allocated(): number {
    return this.inUse.length;
  }

  get isFull(): boolean {
    return this.size === this.capacity;
  }

  /** The row of a tuple, or NONE. */
  find(local: Address, localPort: number, remote: Address, remotePort: number): number {
    if (this.size === 0) return NONE;
    const ports = (localPort << 16) | remotePort;
    let row = this.buckets[this.hash.of(local, localPort, remote, remotePort) >>> (32 - this.bits)]!;
    while (row !== NONE && !this.matches(row, local, remote, ports)) row = this.words[row * this.stride + IN_BUCKET]!;
    return row;
  }

  /** A new row; its other columns hold what an older one left. The tuple has none yet, and the table is not full. */
  add(local: Address, localPort: number, remote: Address, remotePort: number): number {
    assert(!this.isFull, 'tuple-rows: full');
    if (this.free === NONE) this.grow();
    const row = this.free;
    const w = this.words;
    const at = row * this.stride;
    this.free = w[at + IN_BUCKET]!;
    this.inUse[row] = 1;
    this.size++;
    w[at + LOCAL] = local.w0;
    w[at + LOCAL + 1] = local.w1;
    w[at + LOCAL + 2] = local.w2;
    w[at + LOCAL + 3] = local.w3;
    w[at + REMOTE] = remote.w0;
    w[at + REMOTE + 1] = remote.w1;
    w[at + REMOTE + 2] = remote.w2;
    w[at + REMOTE + 3] = remote.w3;
    w[at + ZONE] = remote.zone;
    w[at + PORTS] = (localPort << 16) | remotePort;
    this.link(row);
    return row;
  }

  remove(row: number): void {
    assert(this.inUse[row] === 1, 'tuple-rows: removed twice');
    this.unlink(row);
    this.inUse[row] = 0;
    this.words[row * this.stride + IN_BUCKET] = this.free;
    this.free = row;
    this.size--;
  }

  localAddress(row: number): Address {
    const at = row * this.stride + LOCAL;
    const w = this.words;
    // Both ends of a link-local conversation lie in one zone.
    return new Address(w[at]!, w[at + 1]!, w[at + 2]!, w[at + 3]!, w[at + ZONE]);
  }

  localPort(row: number): number {
    return this.words[row * this.stride + PORTS]! >>> 16;
  }

  remoteAddress(row: number): Address {
    const at = row * this.stride + REMOTE;
    const w = this.words;
    return new Address(w[at]!, w[at + 1]!, w[at + 2]!, w[at + 3]!, w[row * this.stride + ZONE]);
  }

  remotePort(row: number): number {
    return this.words[row * this.stride + PORTS]! & 0xffff;
  }

  /** A column of the table's own, int32. */
  get(row: number, column: number): number {
    return this.words[row * this.stride + OWN + column]!;
  }

  set(row: number, column: number, value: number): void {
    this.words[row * this.stride + OWN + column] = value;
  }

  /** A column of the table's own that holds a time, ms. */
  time(row: number, column: number): number {
    return this.times[row * this.timeColumns + column]!;
  }

  setTime(row: number, column: number, value: number): void {
    this.times[row * this.timeColumns + column] = value;
  }

  /** Asserts the invariants; for tests. */
  check(): void {
    let inBuckets = 0;
    for (const head of this.buckets) {
      for (let row = head; row !== NONE; row = this.words[row * this.stride + IN_BUCKET]!) {
        assert(this.inUse[row] === 1, 'tuple-rows: what is in a bucket is in use');
        inBuckets++;
      }
    }
    assert(inBuckets === this.size && this.size <= this.capacity, 'tuple-rows: each in one bucket');
    let free = 0;
    for (let row = this.free; row !== NONE; row = this.words[row * this.stride + IN_BUCKET]!) free++;
    assert(free + this.size === this.allocated, 'tuple-rows: in use or free');
  }

  private matches(row: number, local: Address, remote: Address, ports: number): boolean {
    const w = this.words;
    const at = row * this.stride;
    const zone = w[at + ZONE]!;
    return w[at + PORTS] === ports
      && w[at + REMOTE + 3] === remote.w3 && w[at + REMOTE + 2] === remote.w2
      && w[at + REMOTE + 1] === remote.w1 && w[at + REMOTE] === remote.w0
      && w[at + LOCAL + 3] === local.w3 && w[at + LOCAL + 2] === local.w2
      && w[at + LOCAL + 1] === local.w1 && w[at + LOCAL] === local.w0
      && (zone === remote.zone || zone === 0 || remote.zone === 0);
  }

  private bucketOf(row: number): number {
    const hash = this.hash.of(
      this.localAddress(row), this.localPort(row), this.remoteAddress(row), this.remotePort(row),
    );
    return hash >>> (32 - this.bits);
  }

  private link(row: number): void {
    const bucket = this.bucketOf(row);
    this.words[row * this.stride + IN_BUCKET] = this.buckets[bucket]!;
    this.buckets[bucket] = row;
  }

  private unlink(row: number): void {
    const { words, stride } = this;
    const bucket = this.bucketOf(row);
    const behind = words[row * stride + IN_BUCKET]!;
    if (this.buckets[bucket] === row) {
      this.buckets[bucket] = behind;
      return;
    }
    let before = this.buckets[bucket]!;
    while (words[before * stride + IN_BUCKET] !== row) before = words[before * stride + IN_BUCKET]!;
    words[before * stride + IN_BUCKET] = behind;
  }

  private grow(): void {
    const old = this.allocated;
    const rows = Math.min(this.capacity, Math.max(ROWS_MIN, 2 * old));
    const { words, times, inUse } = this;
    this.words = new Int32Array(rows * this.stride);
    this.words.set(words);
    this.times = new Float64Array(rows * this.timeColumns);
    this.times.set(times);
    this.inUse = new Uint8Array(rows);
    this.inUse.set(inUse);
    for (let row = rows - 1; row >= old; row--) {
      this.words[row * this.stride + IN_BUCKET] = this.free;
      this.free = row;
    }
    this.bits = Math.max(1, Math.min(BITS_MAX, 32 - Math.clz32(rows - 1)));
    this.buckets = new Int32Array(1 << this.bits).fill(NONE);
    // It grows only when no row is free: all the old ones are in use.
    for (let row = 0; row < old; row++) this.link(row);
  }
}

/** RFC 5961 §7 asks for a limit, Linux's is two: per row and second, as a connection's challenge ACKs. */
const ANSWERS_MAX = 10;

/**
 * May the row answer once more what should not have come? Counts the answer. Two ends that find each other's segments
 * unacceptable must not talk for ever (SEC-62).
 * @param answers, since  the columns that count: int32, and time (-Infinity at first)
 */
export function mayAnswer(rows: TupleRows, row: number, answers: number, since: number, now: number): boolean {
  if (now - rows.time(row, since) >= 1000) {
    rows.setTime(row, since, now);
    rows.set(row, answers, 0);
  }
  const count = rows.get(row, answers);
  if (count >= ANSWERS_MAX) return false;
  rows.set(row, answers, count + 1);
  return true;
}

/** Rows of one table in an order of their own, linked through two of its columns. */
export class RowList {
  first = NONE;
  last = NONE;

  constructor(private readonly rows: TupleRows, private readonly previous: number, private readonly next: number) {}

  /** The row before, or NONE. */
  before(row: number): number {
    return this.rows.get(row, this.previous);
  }

  append(row: number): void {
    this.insert(row, this.last);
  }

  /** Behind `before`; NONE: first of all. */
  insert(row: number, before: number): void {
    const { rows, previous, next } = this;
    const behind = before === NONE ? this.first : rows.get(before, next);
    rows.set(row, previous, before);
    rows.set(row, next, behind);
    if (before === NONE) this.first = row;
    else rows.set(before, next, row);
    if (behind === NONE) this.last = row;
    else rows.set(behind, previous, row);
  }

  remove(row: number): void {
    const { rows, previous, next } = this;
    const before = rows.get(row, previous);
    const behind = rows.get(row, next);
    if (before === NONE) this.first = behind;
    else rows.set(before, next, behind);
    if (behind === NONE) this.last = before;
    else rows.set(behind, previous, before);
  }

  /** Asserts that the links agree and that `column` does not fall; for tests. @returns how many rows */
  check(column: number): number {
    let count = 0;
    let before = NONE;
    for (let row = this.first; row !== NONE; row = this.rows.get(row, this.next)) {
      assert(this.rows.get(row, this.previous) === before, 'tuple-rows: linked both ways');
      const inOrder = before === NONE || this.rows.time(before, column) <= this.rows.time(row, column);
      assert(inOrder, 'tuple-rows: in order');
      before = row;
      count++;
    }
    assert(before === this.last, 'tuple-rows: last is last');
    return count;
  }
}
