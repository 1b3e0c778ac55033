// Connections in TIME-WAIT, each a row of numbers and not a connection: what is needed to answer the peer's
// last words, and to know an old duplicate from a new SYN. RFC 9293 §3.3.2, §3.6.1, §3.10.7.4; RFC 6191.
//
// Rows lie in columns, are found by a keyed hash of the 4-tuple, and are linked in the order in which they
// expire. When the table is full the oldest goes: it has waited longest, and 2MSL is a precaution (RFC 1337),
// not a resource to be exhausted.

import { Address } from '../address.js';
import { assert } from '../assert.js';
import type { LimitRegistry } from '../limits.js';
import type { Random } from '../random.js';
import { NEVER } from '../time.js';
import { type Seq, seq } from './seq.js';
import { TupleHash } from './tuple-hash.js';

/** Rows by default; some 100 bytes each, and made as they are needed. */
export const TIME_WAIT_ROWS = 16_384;

/** What is left of a connection that enters TIME-WAIT. */
export interface TimeWaitEntry {
  readonly localAddress: Address;
  readonly localPort: number;
  readonly remoteAddress: Address;
  readonly remotePort: number;
  /** What an answer says: SEQ, ACK, and the window field as on the wire. */
  readonly sndNxt: Seq;
  readonly rcvNxt: Seq;
  readonly windowField: number;
  /** Timestamps: both SYNs had them; TS.Recent; what is added to our clock for TSval. int32. */
  readonly hasTimestamps: boolean;
  readonly tsRecent: number;
  readonly tsOffset: number;
}

/**
 * Invariants: rows in use are in one list, ordered by `expiresAt`, and each in one bucket; the others are in
 * the list of the free. A row number is good until its row is removed, expires or is the oldest of a full
 * table.
 */
export class TimeWaitTable {
  /** Rows in use. */
  size = 0;
  private readonly hash: TupleHash;
  private words = new Int32Array(0);
  private expiries = new Float64Array(0);
  private buckets = new Int32Array(0);
  private bits = 0;
  private first = NONE;
  private last = NONE;
  private free = NONE;

  constructor(random: Random, limits: LimitRegistry, readonly capacity = TIME_WAIT_ROWS) {
    assert(capacity >= 1, 'time-wait: room for one');
    this.hash = new TupleHash(random);
    limits.add({
      name: 'tcp.time-wait', unit: 'entries', max: capacity, source: 'Linux tcp_max_tw_buckets',
      used: () => this.size,
    });
  }

  /**
   * A row for `entry`, in place of an older one for the same tuple; when the table is full, in place of the
   * oldest.
   */
  add(entry: TimeWaitEntry, expiresAt: number): number {
    const known = this.find(entry.localAddress, entry.localPort, entry.remoteAddress, entry.remotePort);
    if (known !== NONE) this.remove(known);
    else if (this.size === this.capacity) this.remove(this.first);
    if (this.free === NONE) this.grow();
    const row = this.free;
    this.free = this.get(row, NEXT);
    this.size++;
    this.set(row, LOCAL, entry.localAddress.w0);
    this.set(row, LOCAL + 1, entry.localAddress.w1);
    this.set(row, LOCAL + 2, entry.localAddress.w2);
    this.set(row, LOCAL + 3, entry.localAddress.w3);
    this.set(row, REMOTE, entry.remoteAddress.w0);
    this.set(row, REMOTE + 1, entry.remoteAddress.w1);
    this.set(row, REMOTE + 2, entry.remoteAddress.w2);
    this.set(row, REMOTE + 3, entry.remoteAddress.w3);
    this.set(row, ZONE, entry.remoteAddress.zone);
    this.set(row, PORTS, (entry.localPort << 16) | entry.remotePort);
    this.set(row, SND_NXT, entry.sndNxt);
    this.set(row, RCV_NXT, entry.rcvNxt);
    this.set(row, WINDOW, entry.windowField);
    this.set(row, HAS_TIMESTAMPS, entry.hasTimestamps ? 1 : 0);
    this.set(row, TS_RECENT, entry.tsRecent);
    this.set(row, TS_OFFSET, entry.tsOffset);
    this.putInBucket(row);
    this.putInOrder(row, expiresAt);
    return row;
  }

  /** The row of a tuple, or -1. */
  find(local: Address, localPort: number, remote: Address, remotePort: number): number {
    if (this.size === 0) return NONE;
    const ports = (localPort << 16) | remotePort;
    let row = this.buckets[this.hash.of(local, localPort, remote, remotePort) >>> (32 - this.bits)]!;
    while (row !== NONE && !this.matches(row, local, remote, ports)) row = this.get(row, IN_BUCKET);
    return row;
  }

  /** Is there a row with this port of ours? In time linear in their number. */
  hasLocalPort(port: number): boolean {
    for (let row = this.first; row !== NONE; row = this.get(row, NEXT)) if (this.localPort(row) === port) return true;
    return false;
  }

  localAddress(row: number): Address {
    const at = row * STRIDE + LOCAL;
    const w = this.words;
    // Both ends of a link-local conversation lie in one zone.
    return new Address(w[at]!, w[at + 1]!, w[at + 2]!, w[at + 3]!, this.get(row, ZONE));
  }

  localPort(row: number): number {
    return this.get(row, PORTS) >>> 16;
  }

  remoteAddress(row: number): Address {
    const at = row * STRIDE + REMOTE;
    const w = this.words;
    return new Address(w[at]!, w[at + 1]!, w[at + 2]!, w[at + 3]!, this.get(row, ZONE));
  }

  remotePort(row: number): number {
    return this.get(row, PORTS) & 0xffff;
  }

  sndNxt(row: number): Seq {
    return seq(this.get(row, SND_NXT));
  }

  rcvNxt(row: number): Seq {
    return seq(this.get(row, RCV_NXT));
  }

  windowField(row: number): number {
    return this.get(row, WINDOW);
  }

  hasTimestamps(row: number): boolean {
    return this.get(row, HAS_TIMESTAMPS) === 1;
  }

  /** TS.Recent, int32. */
  tsRecent(row: number): number {
    return this.get(row, TS_RECENT);
  }

  setTsRecent(row: number, value: number): void {
    this.set(row, TS_RECENT, value);
  }

  /** What is added to our clock for TSval, int32. */
  tsOffset(row: number): number {
    return this.get(row, TS_OFFSET);
  }

  expiresAt(row: number): number {
    return this.expiries[row]!;
  }

  /** The peer's FIN came again: 2MSL begins anew. RFC 9293 §3.10.7.4, eighth. */
  refresh(row: number, expiresAt: number): void {
    this.takeFromOrder(row);
    this.putInOrder(row, expiresAt);
  }

  remove(row: number): void {
    this.takeFromOrder(row);
    this.takeFromBucket(row);
    this.set(row, NEXT, this.free);
    this.free = row;
    this.size--;
  }

  /** Forget the rows that are due. Returns how many. */
  expire(now: number): number {
    let expired = 0;
    while (this.first !== NONE && this.expiries[this.first]! <= now) {
      this.remove(this.first);
      expired++;
    }
    return expired;
  }

  nextTimeout(): number {
    return this.first === NONE ? NEVER : this.expiries[this.first]!;
  }

  /** Asserts the invariants; for tests. */
  check(): void {
    let count = 0;
    let before = NONE;
    for (let row = this.first; row !== NONE; row = this.get(row, NEXT)) {
      assert(this.get(row, PREVIOUS) === before, 'time-wait: linked both ways');
      const isLater = before === NONE || this.expiries[before]! <= this.expiries[row]!;
      assert(isLater, 'time-wait: ordered by expiry');
      before = row;
      count++;
    }
    assert(before === this.last, 'time-wait: last is last');
    assert(count === this.size && count <= this.capacity, 'time-wait: size');
    let inBuckets = 0;
    for (const head of this.buckets) {
      for (let row = head; row !== NONE; row = this.get(row, IN_BUCKET)) inBuckets++;
    }
    assert(inBuckets === count, 'time-wait: each in one bucket');
    let free = 0;
    for (let row = this.free; row !== NONE; row = this.get(row, NEXT)) free++;
    assert(free + count === this.expiries.length, 'time-wait: in use or free');
  }

  private get(row: number, column: number): number {
    return this.words[row * STRIDE + column]!;
  }

  private set(row: number, column: number, value: number): void {
    this.words[row * STRIDE + column] = value;
  }

  private matches(row: number, local: Address, remote: Address, ports: number): boolean {
    const w = this.words;
    const at = row * STRIDE;
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

  private putInBucket(row: number): void {
    const bucket = this.bucketOf(row);
    this.set(row, IN_BUCKET, this.buckets[bucket]!);
    this.buckets[bucket] = row;
  }

  private takeFromBucket(row: number): void {
    const bucket = this.bucketOf(row);
    const behind = this.get(row, IN_BUCKET);
    if (this.buckets[bucket] === row) {
      this.buckets[bucket] = behind;
      return;
    }
    let before = this.buckets[bucket]!;
    while (this.get(before, IN_BUCKET) !== row) before = this.get(before, IN_BUCKET);
    this.set(before, IN_BUCKET, behind);
  }

  /** Behind the last that does not expire later: the last of all, as long as every row waits equally long. */
  private putInOrder(row: number, expiresAt: number): void {
    let before = this.last;
    while (before !== NONE && this.expiries[before]! > expiresAt) before = this.get(before, PREVIOUS);
    const behind = before === NONE ? this.first : this.get(before, NEXT);
    this.expiries[row] = expiresAt;
    this.set(row, PREVIOUS, before);
    this.set(row, NEXT, behind);
    if (before === NONE) this.first = row;
    else this.set(before, NEXT, row);
    if (behind === NONE) this.last = row;
    else this.set(behind, PREVIOUS, row);
  }

  private takeFromOrder(row: number): void {
    const before = this.get(row, PREVIOUS);
    const behind = this.get(row, NEXT);
    if (before === NONE) this.first = behind;
    else this.set(before, NEXT, behind);
    if (behind === NONE) this.last = before;
    else this.set(behind, PREVIOUS, before);
  }

  /** Twice the rows, and as many buckets at least; the old rows keep their numbers. */
  private grow(): void {
    const old = this.expiries.length;
    const rows = Math.min(this.capacity, Math.max(ROWS_MIN, 2 * old));
    const words = new Int32Array(rows * STRIDE);
    words.set(this.words);
    this.words = words;
    const expiries = new Float64Array(rows);
    expiries.set(this.expiries);
    this.expiries = expiries;
    for (let row = rows - 1; row >= old; row--) {
      this.set(row, NEXT, this.free);
      this.free = row;
    }
    this.bits = Math.max(1, Math.min(BITS_MAX, 32 - Math.clz32(rows - 1)));
    this.buckets = new Int32Array(1 << this.bits).fill(NONE);
    for (let row = this.first; row !== NONE; row = this.get(row, NEXT)) this.putInBucket(row);
  }
}

const NONE = -1;
const ROWS_MIN = 16;
/** As far as the hash's proof goes. */
const BITS_MAX = 17;

// The columns of a row; the links are row numbers.
const LOCAL = 0;
const REMOTE = 4;
const ZONE = 8;
const PORTS = 9;
const SND_NXT = 10;
const RCV_NXT = 11;
const WINDOW = 12;
const HAS_TIMESTAMPS = 13;
const TS_RECENT = 14;
const TS_OFFSET = 15;
const IN_BUCKET = 16;
const PREVIOUS = 17;
const NEXT = 18;
const STRIDE = 19;
