// What is known of the paths' MTUs: one row per destination, forgotten after ten minutes. RFC 1191 §6.3, RFC
// 8201 §5.2.
//
// Whether a report is believed is the transports' word (RFC 5927 §7); how low it may go is ours.

import { type Address, copyOf, isV4 } from '../address.js';
import { assert } from '../assert.js';
import type { LimitRegistry } from '../limits.js';
import type { Random } from '../random.js';
import { SipHash } from '../siphash.js';
import { MINUTE, NEVER } from '../time.js';

export class PathMtuCache {
  /** Counts changes, so that a transport may ask whether anything is new. */
  generation = 0;
  private readonly table = new Map<number, Row>();
  /** In order of deadlines: every change puts a row behind all others. */
  private oldest: Row | null = null;
  private newest: Row | null = null;
  private rows = 0;
  private readonly hash: SipHash;
  private readonly words = new Int32Array(5);

  constructor(env: { readonly limits: LimitRegistry; readonly random: Random }) {
    this.hash = SipHash.random(env.random);
    env.limits.add({
      name: 'ip.pathMtu', unit: 'entries', max: ROWS_MAX, source: 'ours; the oldest goes', used: () => this.rows,
    });
  }

  get size(): number {
    return this.rows;
  }

  /** Bytes of IP packet; Infinity: nothing is known. */
  get(dst: Address, now: number): number {
    if (this.rows === 0) return Infinity;
    const row = this.find(this.keyOf(dst), dst);
    return row === null || now >= row.deadline ? Infinity : row.mtu;
  }

  /**
   * What a report comes to: never above `current`, never below the floor.
   *
   * @param told     the next hop's MTU as told; 0: an old router did not say
   * @param current  what packets to `dst` may have now
   * @returns        `current` if the report says nothing new
   */
  judge(dst: Address, told: number, current: number): number {
    if (!isV4(dst)) {
      // RFC 8201 §4: below 1280 it is discarded, and so it is when it would raise.
      return told < FLOOR6 || told >= current ? current : told;
    }
    // RFC 1191 §5, §7.1: an old router says 0; the next plateau below is the guess.
    if (told === 0) {
      const guess = PLATEAUS.find((plateau) => plateau < current) ?? FLOOR4;
      return Math.min(current, Math.max(FLOOR4, guess));
    }
    // RFC 1191 §3: below 68 it is a lie.
    if (told < 68) return current;
    return Math.min(current, Math.max(FLOOR4, told));
  }

  /** Packets to `dst` are at most `mtu` bytes, for the next ten minutes. */
  set(dst: Address, mtu: number, now: number): void {
    const key = this.keyOf(dst);
    let row = this.find(key, dst);
    if (row === null) {
      if (this.rows === ROWS_MAX) this.remove(this.oldest!);
      row = new Row(key, copyOf(dst));
      row.next = this.table.get(key) ?? null;
      this.table.set(key, row);
      this.rows++;
    } else {
      this.unlink(row);
    }
    row.mtu = mtu;
    // RFC 8201 §5.3, RFC 1191 §6.3: no attempt to go up within five minutes; ten are recommended.
    row.deadline = now + AGE_MS;
    this.append(row);
    this.generation++;
  }

  clear(): void {
    while (this.oldest !== null) this.remove(this.oldest);
  }

  nextTimeout(): number {
    return this.oldest?.deadline ?? NEVER;
  }

  expire(now: number): void {
    while (this.oldest !== null && now >= this.oldest.deadline) this.remove(this.oldest);
  }

  check(): void {
    let count = 0;
    for (let row = this.oldest; row !== null; row = row.newer) {
      count++;
      assert(row.newer === null || row.deadline <= row.newer.deadline, 'path MTU: out of order');
      assert(this.find(row.key, row.dst) === row, 'path MTU: a row is lost');
    }
    assert(count === this.rows && count <= ROWS_MAX, 'path MTU: rows miscounted');
  }

  private find(key: number, dst: Address): Row | null {
    let row = this.table.get(key) ?? null;
    while (row !== null && !(row.dst.equals(dst) && row.dst.zone === dst.zone)) row = row.next;
    return row;
  }

  private keyOf(dst: Address): number {
    const w = this.words;
    w[0] = dst.w0;
    w[1] = dst.w1;
    w[2] = dst.w2;
    w[3] = dst.w3;
    w[4] = dst.zone;
    return this.hash.hashWords(w, 5);
  }

  private remove(row: Row): void {
    this.unlink(row);
    this.rows--;
    this.generation++;
    const first = this.table.get(row.key)!;
    if (first !== row) {
      let before = first;
      while (before.next !== row) before = before.next!;
      before.next = row.next;
    } else if (row.next === null) {
      this.table.delete(row.key);
    } else {
      this.table.set(row.key, row.next);
    }
  }

  private append(row: Row): void {
    row.older = this.newest;
    row.newer = null;
    if (this.newest === null) this.oldest = row;
    else this.newest.newer = row;
    this.newest = row;
  }

  private unlink(row: Row): void {
    if (row.older === null) this.oldest = row.newer;
    else row.older.newer = row.newer;
    if (row.newer === null) this.newest = row.older;
    else row.newer.older = row.older;
  }
}

/**
 * Also Linux: net.ipv4.route.min_pmtu. RFC 791's 68 would let one forged message multiply our packets
 * (SEC-37).
 */
export const FLOOR4 = 552;
/** RFC 8200 §5. */
export const FLOOR6 = 1280;

/** RFC 1191 §7.1, table 7-1. */
const PLATEAUS = [65_535, 32_000, 17_914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68];

const AGE_MS = 10 * MINUTE;
const ROWS_MAX = 1024;

class Row {
  mtu = 0;
  deadline = NEVER;
  next: Row | null = null;
  older: Row | null = null;
  newer: Row | null = null;

  constructor(readonly key: number, readonly dst: Address) {}
}
