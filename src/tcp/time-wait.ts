// Connections in TIME-WAIT, each a row of numbers and not a connection: what is needed to answer the peer's
// last words, and to know an old duplicate from a new SYN. RFC 9293 §3.3.2, §3.6.1, §3.10.7.4; RFC 6191.
//
// Rows are linked in the order in which they expire. When the table is full the oldest goes: it has waited longest, and
// 2MSL is a precaution (RFC 1337), not a resource to be exhausted.

import type { Address } from '../address.js';
import { assert } from '../assert.js';
import type { LimitRegistry } from '../limits.js';
import type { Random } from '../random.js';
import { NEVER } from '../time.js';
import { type Seq, seq } from './seq.js';
import { mayAnswer, NONE, RowList, TupleRows } from './tuple-rows.js';

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
 * Invariant: rows in use are in one list, ordered by `expiresAt`. A row number is good until its row is removed, expires
 * or is the oldest of a full table.
 */
export class TimeWaitTable {
  private readonly rows: TupleRows;
  private readonly order: RowList;

  constructor(random: Random, limits: LimitRegistry, readonly capacity = TIME_WAIT_ROWS) {
    this.rows = new TupleRows(random, COLUMNS, TIME_COLUMNS, capacity);
    this.order = new RowList(this.rows, PREVIOUS, NEXT);
    limits.add({
      name: 'tcp.time-wait', unit: 'entries', max: capacity, source: 'Linux tcp_max_tw_buckets',
      used: () => this.size,
    });
  }

  /** Rows in use. */
  get size(): number {
    return this.rows.size;
  }

  /**
   * A row for `entry`, in place of an older one for the same tuple; when the table is full, in place of the
   * oldest.
   */
  add(entry: TimeWaitEntry, expiresAt: number): number {
    const { rows } = this;
    const { localAddress, localPort, remoteAddress, remotePort } = entry;
    const known = rows.find(localAddress, localPort, remoteAddress, remotePort);
    if (known !== NONE) this.remove(known);
    else if (rows.isFull) this.remove(this.order.first);
    const row = rows.add(localAddress, localPort, remoteAddress, remotePort);
    rows.set(row, SND_NXT, entry.sndNxt);
    rows.set(row, RCV_NXT, entry.rcvNxt);
    rows.set(row, WINDOW, entry.windowField);
    rows.set(row, HAS_TIMESTAMPS, entry.hasTimestamps ? 1 : 0);
    rows.set(row, TS_RECENT, entry.tsRecent);
    rows.set(row, TS_OFFSET, entry.tsOffset);
    rows.setTime(row, ANSWERS_SINCE, -Infinity);
    this.putInOrder(row, expiresAt);
    return row;
  }

  /** The row of a tuple, or -1. */
  find(local: Address, localPort: number, remote: Address, remotePort: number): number {
    return this.rows.find(local, localPort, remote, remotePort);
  }

  /** Is there a row with this port of ours? In time linear in their number. */
  hasLocalPort(port: number): boolean {
    for (let row = this.order.last; row !== NONE; row = this.order.before(row)) if (this.localPort(row) === port) return true;
    return false;
  }

  localAddress(row: number): Address {
    return this.rows.localAddress(row);
  }

  localPort(row: number): number {
    return this.rows.localPort(row);
  }

  remoteAddress(row: number): Address {
    return this.rows.remoteAddress(row);
  }

  remotePort(row: number): number {
    return this.rows.remotePort(row);
  }

  sndNxt(row: number): Seq {
    return seq(this.rows.get(row, SND_NXT));
  }

  rcvNxt(row: number): Seq {
    return seq(this.rows.get(row, RCV_NXT));
  }

  windowField(row: number): number {
    return this.rows.get(row, WINDOW);
  }

  hasTimestamps(row: number): boolean {
    return this.rows.get(row, HAS_TIMESTAMPS) === 1;
  }

  /** TS.Recent, int32. */
  tsRecent(row: number): number {
    return this.rows.get(row, TS_RECENT);
  }

  setTsRecent(row: number, value: number): void {
    this.rows.set(row, TS_RECENT, value);
  }

  /** What is added to our clock for TSval, int32. */
  tsOffset(row: number): number {
    return this.rows.get(row, TS_OFFSET);
  }

  /** May the row answer once more? Counts the answer. */
  mayAnswer(row: number, now: number): boolean {
    return mayAnswer(this.rows, row, ANSWERS, ANSWERS_SINCE, now);
  }

  expiresAt(row: number): number {
    return this.rows.time(row, EXPIRES);
  }

  /** The peer's FIN came again: 2MSL begins anew. RFC 9293 §3.10.7.4, eighth. */
  refresh(row: number, expiresAt: number): void {
    this.order.remove(row);
    this.putInOrder(row, expiresAt);
  }

  remove(row: number): void {
    this.order.remove(row);
    this.rows.remove(row);
  }

  /** Forget the rows that are due. Returns how many. */
  expire(now: number): number {
    let expired = 0;
    while (this.nextTimeout() <= now) {
      this.remove(this.order.first);
      expired++;
    }
    return expired;
  }

  nextTimeout(): number {
    return this.order.first === NONE ? NEVER : this.expiresAt(this.order.first);
  }

  /** Asserts the invariants; for tests. */
  check(): void {
    this.rows.check();
    assert(this.order.check(EXPIRES) === this.size, 'time-wait: all in order');
  }

  /** Behind the last that does not expire later: the last of all, as long as every row waits equally long. */
  private putInOrder(row: number, expiresAt: number): void {
    let before = this.order.last;
    while (before !== NONE && this.expiresAt(before) > expiresAt) before = this.order.before(before);
    this.rows.setTime(row, EXPIRES, expiresAt);
    this.order.insert(row, before);
  }
}

// The columns of a row beside its tuple; the links are row numbers.
const SND_NXT = 0;
const RCV_NXT = 1;
const WINDOW = 2;
const HAS_TIMESTAMPS = 3;
const TS_RECENT = 4;
const TS_OFFSET = 5;
const ANSWERS = 6;
const PREVIOUS = 7;
const NEXT = 8;
const COLUMNS = 9;
const EXPIRES = 0;
const ANSWERS_SINCE = 1;
const TIME_COLUMNS = 2;
