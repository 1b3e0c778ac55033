// The SYN queue: a half-open connection of a passive open is a row of numbers, some 110 bytes, and no connection before
// the client has shown that it can hear us. RFC 4987 §3.3 (SYN cache); RFC 9293 §3.10.7.2; RFC 6298 §5.
//
// Rows wait for their next SYN+ACK in one list for each number of repetitions: all in a list wait equally long, so each
// list is in order by itself, and adding, moving and finding the next one are O(1).

import type { Address } from '../address.js';
import { assert } from '../assert.js';
import type { Random } from '../random.js';
import { NEVER } from '../time.js';
import { RTO_INITIAL_MS, RTO_MAX_MS } from './rto.js';
import { type Seq, seq } from './seq.js';
import { mayAnswer, NONE, RowList, TupleRows } from './tuple-rows.js';

/** More than any sum of listeners' limits that makes sense; each listener has its own. */
const CAPACITY = 1 << 22;

/** What both SYNs have said: all that is needed to answer the client's, and to make a connection when its ACK comes. Reused. */
export class Handshake {
  iss: Seq = seq(0);
  irs: Seq = seq(0);
  /** The client's options: bytes, 0 when absent; 0 .. 14, -1 when absent. */
  mss = 0;
  windowScale = -1;
  sackPermitted = false;
  hasTimestamps = false;
  /** Classic ECN was asked for and will be granted. RFC 3168 §6.1.1. */
  ecn = false;
  /** Accurate ECN likewise: one more than the codepoint that the SYN came under; 0: not. RFC 9768 §3.1.2. */
  accurateEcn = 0;
  /** The window field of its SYN. */
  windowField = 0;
  /** TS.Recent, and what is added to our clock for TSval. int32. */
  tsRecent = 0;
  tsOffset = 0;
  /** It asked for a fast open cookie, or brought an old one. RFC 7413 §4.2.2. */
  wantsFastOpen = false;
  /** The SYN+ACK has left before. */
  isRepeated = false;
  /** One of the SYNs, or of our answers, said nothing of ECN. RFC 9768 §3.1.5. */
  isPlain = false;
}

/** Whose client a row is. */
export interface RowOwner {
  /** Rows that are its own; kept here. */
  halfOpenCount: number;
}

/** Invariants: each row is in exactly one list, and each list is in order. */
export class SynCache<O extends RowOwner> {
  private readonly rows: TupleRows;
  private readonly waits: readonly RowList[];
  /** By row. */
  private readonly owners: (O | null)[] = [];

  constructor(random: Random) {
    const rows = new TupleRows(random, COLUMNS, TIME_COLUMNS, CAPACITY);
    this.rows = rows;
    // The last list's wait is the longest there is.
    const length = Math.ceil(Math.log2(RTO_MAX_MS / RTO_INITIAL_MS)) + 1;
    this.waits = Array.from({ length }, () => new RowList(rows, PREVIOUS, NEXT));
  }

  get size(): number {
    return this.rows.size;
  }

  /** The row of a tuple, or -1. */
  find(local: Address, localPort: number, remote: Address, remotePort: number): number {
    return this.rows.find(local, localPort, remote, remotePort);
  }

  /** A row for a tuple that has none; its first SYN+ACK leaves now. */
  add(owner: O, local: Address, localPort: number, remote: Address, remotePort: number, h: Handshake, now: number): number {
    const { rows } = this;
    const row = rows.add(local, localPort, remote, remotePort);
    rows.set(row, ISS, h.iss);
    rows.set(row, IRS, h.irs);
    rows.set(row, MSS_AND_WINDOW, (h.mss << 16) | h.windowField);
    rows.set(row, FLAGS, (h.windowScale + 1) | (h.sackPermitted ? SACK : 0) | (h.hasTimestamps ? TIMESTAMPS : 0)
      | (h.accurateEcn * ACCURATE_ECN) | (h.ecn ? ECN : 0) | (h.wantsFastOpen ? FAST_OPEN : 0));
    rows.set(row, TS_RECENT, h.tsRecent);
    rows.set(row, TS_OFFSET, h.tsOffset);
    rows.set(row, REPEATS, 0);
    rows.setTime(row, SENT_AT, now);
    rows.setTime(row, ANSWERS_SINCE, -Infinity);
    this.owners[row] = owner;
    owner.halfOpenCount++;
    this.await(row, now);
    return row;
  }

  /** What the row remembers. */
  load(row: number, h: Handshake): void {
    const { rows } = this;
    const flags = rows.get(row, FLAGS);
    h.iss = seq(rows.get(row, ISS));
    h.irs = seq(rows.get(row, IRS));
    h.mss = rows.get(row, MSS_AND_WINDOW) >>> 16;
    h.windowField = rows.get(row, MSS_AND_WINDOW) & 0xffff;
    h.windowScale = (flags & SCALE) - 1;
    h.sackPermitted = (flags & SACK) !== 0;
    h.hasTimestamps = (flags & TIMESTAMPS) !== 0;
    h.ecn = (flags & ECN) !== 0;
    h.accurateEcn = (flags / ACCURATE_ECN) & 7;
    h.wantsFastOpen = (flags & FAST_OPEN) !== 0;
    h.tsRecent = rows.get(row, TS_RECENT);
    h.tsOffset = rows.get(row, TS_OFFSET);
    h.isRepeated = (flags & AMBIGUOUS) !== 0;
    h.isPlain = (flags & PLAIN) !== 0;
  }

  owner(row: number): O {
    return this.owners[row]!;
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

  iss(row: number): Seq {
    return seq(this.rows.get(row, ISS));
  }

  /** When the first SYN+ACK left, ms. */
  sentAt(row: number): number {
    return this.rows.time(row, SENT_AT);
  }

  /** How often the timer has repeated the SYN+ACK. */
  repeats(row: number): number {
    return this.rows.get(row, REPEATS);
  }

  /** Was it sent more than once, for whatever reason? Then its answer measures nothing (RFC 6298 §3). */
  isAmbiguous(row: number): boolean {
    return (this.rows.get(row, FLAGS) & AMBIGUOUS) !== 0;
  }

  setAmbiguous(row: number): void {
    this.rows.set(row, FLAGS, this.rows.get(row, FLAGS) | AMBIGUOUS);
  }

  /** The client has acknowledged our SYN, and stays a row nevertheless. */
  isHeard(row: number): boolean {
    return (this.rows.get(row, FLAGS) & HEARD) !== 0;
  }

  setHeard(row: number): void {
    this.rows.set(row, FLAGS, this.rows.get(row, FLAGS) | HEARD);
  }

  /** The wait for its first text is over, and it has been told so by our SYN+ACK. */
  isHurried(row: number): boolean {
    return (this.rows.get(row, FLAGS) & HURRIED) !== 0;
  }

  setHurried(row: number): void {
    this.rows.set(row, FLAGS, this.rows.get(row, FLAGS) | HURRIED);
  }

  /** A SYN, or an answer to one, says nothing of ECN. */
  setPlain(row: number): void {
    this.rows.set(row, FLAGS, this.rows.get(row, FLAGS) | PLAIN);
  }

  /** May the row answer once more what is not the end of the handshake? Counts the answer. */
  mayAnswer(row: number, now: number): boolean {
    return mayAnswer(this.rows, row, ANSWERS, ANSWERS_SINCE, now);
  }

  /** The SYN+ACK's time has come again. RFC 6298 (5.5): the next one waits twice as long. */
  repeat(row: number, now: number): void {
    this.listOf(row).remove(row);
    this.rows.set(row, REPEATS, this.repeats(row) + 1);
    this.setAmbiguous(row);
    this.await(row, now);
  }

  remove(row: number): void {
    this.listOf(row).remove(row);
    this.owners[row]!.halfOpenCount--;
    this.owners[row] = null;
    this.rows.remove(row);
  }

  /** A row whose SYN+ACK is due again, or -1. */
  due(now: number): number {
    for (const { first } of this.waits) if (first !== NONE && this.rows.time(first, EXPIRES) <= now) return first;
    return NONE;
  }

  nextTimeout(): number {
    let next = NEVER;
    for (const { first } of this.waits) if (first !== NONE) next = Math.min(next, this.rows.time(first, EXPIRES));
    return next;
  }

  /** All rows of `owner`. */
  rowsOf(owner: O): number[] {
    const rows: number[] = [];
    for (let row = 0; rows.length < owner.halfOpenCount; row++) if (this.owners[row] === owner) rows.push(row);
    return rows;
  }

  /** Asserts the invariants; for tests. */
  check(): void {
    this.rows.check();
    const listed = this.waits.reduce((sum, list) => sum + list.check(EXPIRES), 0);
    assert(listed === this.size, 'syn-cache: each in one list');
    assert(this.owners.filter((owner) => owner !== null).length === this.size, 'syn-cache: each has an owner');
  }

  private listOf(row: number): RowList {
    return this.waits[Math.min(this.repeats(row), this.waits.length - 1)]!;
  }

  private await(row: number, now: number): void {
    const wait = Math.min(RTO_INITIAL_MS * 2 ** this.repeats(row), RTO_MAX_MS);
    this.rows.setTime(row, EXPIRES, now + wait);
    this.listOf(row).append(row);
  }
}

// The columns of a row beside its tuple; the links are row numbers.
const ISS = 0;
const IRS = 1;
const MSS_AND_WINDOW = 2;
const FLAGS = 3;
const TS_RECENT = 4;
const TS_OFFSET = 5;
const REPEATS = 6;
const ANSWERS = 7;
const PREVIOUS = 8;
const NEXT = 9;
const COLUMNS = 10;
const EXPIRES = 0;
const SENT_AT = 1;
const ANSWERS_SINCE = 2;
const TIME_COLUMNS = 3;

// FLAGS: the window scale and one in the lowest bits, then one bit each.
const SCALE = 15;
const SACK = 16;
const TIMESTAMPS = 32;
const ECN = 64;
const FAST_OPEN = 128;
const AMBIGUOUS = 256;
/** The lowest of three bits. */
const ACCURATE_ECN = 512;
const HEARD = 4096;
const HURRIED = 8192;
const PLAIN = 16_384;
