// Which connection a segment belongs to: by 4-tuple, in some ten nanoseconds, whatever tuples a peer picks.

import { assert } from '../assert.js';
import type { Address } from '../address.js';
import type { Random } from '../random.js';
import { TupleHash } from './tuple-hash.js';

/** What the table needs of its entries; `nextInBucket` is the table's. */
export interface TableEntry<T> {
  readonly localAddress: Address;
  readonly localPort: number;
  readonly remoteAddress: Address;
  readonly remotePort: number;
  nextInBucket: T | null;
}

const BITS_MIN = 4;
/** As far as the hash's proof goes. Beyond 131,072 connections the chains grow, slowly. */
const BITS_MAX = 17;

/** Chained; the chains run through the entries, so that adding one allocates nothing. */
export class ConnectionTable<T extends TableEntry<T>> {
  private readonly hash: TupleHash;
  private readonly entries = new Set<T>();
  private bits = BITS_MIN;
  private buckets: (T | null)[] = new Array<T | null>(1 << BITS_MIN).fill(null);

  constructor(random: Random) {
    this.hash = new TupleHash(random);
  }

  get size(): number {
    return this.entries.size;
  }

  /** In order of `add`. */
  [Symbol.iterator](): IterableIterator<T> {
    return this.entries.values();
  }

  get(local: Address, localPort: number, remote: Address, remotePort: number): T | null {
    const index = this.hash.of(local, localPort, remote, remotePort) >>> (32 - this.bits);
    let entry = this.buckets[index] ?? null;
    while (entry !== null && !matches(entry, local, localPort, remote, remotePort)) {
      entry = entry.nextInBucket;
    }
    return entry;
  }

  add(entry: T): void {
    assert(!this.entries.has(entry), 'tcp: connection added twice');
    this.entries.add(entry);
    if (this.entries.size > this.buckets.length && this.bits < BITS_MAX) this.grow();
    else this.link(entry);
  }

  /** No effect when it is not in the table. */
  delete(entry: T): void {
    if (!this.entries.delete(entry)) return;
    const index = this.indexOf(entry);
    let previous: T | null = null;
    let here = this.buckets[index] ?? null;
    while (here !== entry) {
      assert(here !== null, 'tcp: the tuple of a connection changed while it was in the table');
      previous = here;
      here = here.nextInBucket;
    }
    if (previous === null) this.buckets[index] = entry.nextInBucket;
    else previous.nextInBucket = entry.nextInBucket;
    entry.nextInBucket = null;
  }

  private indexOf(entry: T): number {
    const { localAddress, localPort, remoteAddress, remotePort } = entry;
    return this.hash.of(localAddress, localPort, remoteAddress, remotePort) >>> (32 - this.bits);
  }

  private link(entry: T): void {
    const index = this.indexOf(entry);
    entry.nextInBucket = this.buckets[index] ?? null;
    this.buckets[index] = entry;
  }

  private grow(): void {
    this.bits++;
    this.buckets = new Array<T | null>(1 << this.bits).fill(null);
    for (const entry of this.entries) this.link(entry);
  }
}

function matches<T>(
  e: TableEntry<T>, local: Address, localPort: number, remote: Address, remotePort: number,
): boolean {
  return e.remotePort === remotePort && e.localPort === localPort
    && e.remoteAddress.equals(remote) && e.localAddress.equals(local)
    && sameZone(e.remoteAddress, remote);
}

/** One link-local address may be two peers, on two links. Zone 0 is "not said", and fits any. RFC 4007 §6. */
const sameZone = (a: Address, b: Address): boolean => a.zone === b.zone || a.zone === 0 || b.zone === 0;
