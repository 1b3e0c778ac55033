// Bytes that wait, in the order of their stream. Two queues, for two lives: what the application wrote waits
// until the peer has acknowledged it and may be read many times; what arrived waits until the application
// takes it, once. Both hold memory only while they hold bytes: ten thousand idle connections own none.

import { assert } from './assert.js';
import { copy } from './bytes.js';
import type { Packet } from './packet.js';

/**
 * Memory for send queues, in six sizes from 2 KB to 64 KB. What is free beyond the cap goes to the collector.
 */
export class SlabPool {
  /** Bytes kept free. */
  free = 0;
  private readonly slabs: Uint8Array[][] = [[], [], [], [], [], []];
  private readonly lists: Uint8Array[][] = [];

  /** @param freeMax  bytes */
  constructor(private readonly freeMax = 8 << 20) {}

  /** A slab of at least `size` bytes, or of 64 KB if that is not enough. Its bytes are anybody's. */
  take(size: number): Uint8Array {
    const exponent = sizeClass(size);
    const slab = this.slabs[exponent]!.pop();
    if (slab === undefined) return new Uint8Array(2048 << exponent);
    this.free -= slab.length;
    return slab;
  }

  put(slab: Uint8Array): void {
    if (this.free + slab.length > this.freeMax) return;
    this.free += slab.length;
    this.slabs[sizeClass(slab.length)]!.push(slab);
  }

  /** A list to keep slabs in. */
  takeList(): Uint8Array[] {
    return this.lists.pop() ?? [];
  }

  /** It is empty. */
  putList(list: Uint8Array[]): void {
    if (this.lists.length < LISTS_MAX) this.lists.push(list);
  }
}

/** Of a queue that is empty. Nobody writes into it. */
const NO_SLABS: Uint8Array[] = [];
/** Lists kept for who writes next. */
const LISTS_MAX = 256;

/** 0 for up to 2 KB, and one more for each doubling, up to 5. */
const sizeClass = (size: number): number => Math.min(Math.max(21 - Math.clz32(size - 1), 0), 5);

const LARGE = 65_536;

interface Loan {
  readonly bytes: Uint8Array;
  /** The offset of `bytes[0]`, and of the first that is part of the queue. */
  readonly base: number;
  readonly from: number;
}

/**
 * Written by the application, read (again) by the sender, released by acknowledgments. Offsets count the
 * stream's bytes from its beginning, as plain numbers.
 *
 * Text may also be lent: then its last bytes stay in the application's memory, and are read there, until they are released
 * or copied after all.
 *
 * Invariants: base <= head <= tail, and what is not lent ends before base + memory; the first slab holds `head` and the
 * last the last byte that is not lent; no slab when all is released or lent; no slab is smaller than the one before it, so
 * that behind the first of 64 KB division finds the slab.
 */
export class SendQueue {
  /** The first byte not yet released. */
  head = 0;
  /** Behind the last byte written. */
  tail = 0;
  /** Bytes of memory owned. */
  memory = 0;
  /** The offset of the first slab's first byte. */
  private base = 0;
  private slabs = NO_SLABS;
  /** The last bytes may still lie where the application has them; null: all are ours. */
  private loan: Loan | null = null;

  constructor(private readonly pool: SlabPool) {}

  get length(): number {
    return this.tail - this.head;
  }

  /** The stream goes on from `offset`; nothing was ever written here. */
  begin(offset: number): void {
    assert(this.tail === 0, 'send-queue: begun once');
    this.head = offset;
    this.tail = offset;
    this.base = offset;
  }

  /** Copy `b[at .. end)` behind the tail. */
  append(b: Uint8Array, at: number, end: number): void {
    assert(this.loan === null, 'send-queue: appended to a loan');
    for (let i = at; i < end;) {
      if (this.tail === this.base + this.memory) this.grow(end - i);
      const slab = this.slabs.at(-1)!;
      const room = this.base + this.memory - this.tail;
      const bytes = Math.min(room, end - i);
      copy(b, i, i + bytes, slab, slab.length - room);
      this.tail += bytes;
      i += bytes;
    }
  }

  /** `b[at .. end)` follows the tail and stays where it is: nobody changes it until `isLent` is false again. */
  borrow(b: Uint8Array, at: number, end: number): void {
    assert(this.loan === null, 'send-queue: a second loan');
    this.loan = { bytes: b, base: this.tail - at, from: this.tail };
    this.tail += end - at;
  }

  get isLent(): boolean {
    return this.loan !== null;
  }

  /** The application took the memory away while it was lent: transferred it, or made it smaller. */
  get isRobbed(): boolean {
    return this.loan !== null && this.loan.bytes.length < this.tail - this.loan.base;
  }

  /** Copy what is left of the loan, up to `upTo` at most, where the queue then ends: the memory is the application's again. */
  keepLoan(upTo = this.tail): void {
    const { loan } = this;
    if (loan === null) return;
    const end = Math.min(upTo, this.tail);
    this.loan = null;
    this.tail = Math.max(this.head, loan.from);
    this.append(loan.bytes, this.tail - loan.base, end - loan.base);
  }

  /** Behind the last byte that is not lent. */
  private get ownEnd(): number {
    return this.loan === null ? this.tail : this.loan.from;
  }

  /** Copy `length` bytes from `offset` on into `target` at `at`; the queue keeps them. */
  copyTo(offset: number, length: number, target: Uint8Array, at: number): void {
    assert(this.head <= offset && offset + length <= this.tail, 'send-queue: read outside head .. tail');
    const own = Math.max(0, Math.min(length, this.ownEnd - offset));
    if (own > 0) this.copyOwn(offset, own, target, at);
    if (own === length) return;
    const { bytes, base } = this.loan!;
    copy(bytes, offset + own - base, offset + length - base, target, at + own);
  }

  private copyOwn(offset: number, length: number, target: Uint8Array, at: number): void {
    let index = 0;
    let from = offset - this.base;
    for (const end = at + length; at < end;) {
      const slab = this.slabs[index]!;
      if (from >= slab.length) {
        // At most five are smaller than 64 KB.
        const skipped = slab.length < LARGE ? 1 : Math.floor(from / LARGE);
        index += skipped;
        from -= skipped * slab.length;
        continue;
      }
      const bytes = Math.min(slab.length - from, end - at);
      copy(slab, from, from + bytes, target, at);
      from += bytes;
      at += bytes;
    }
  }

  /** Lend `length` bytes from `offset` on to `packet`; the queue keeps them. */
  lendTo(offset: number, length: number, packet: Packet): void {
    assert(this.head <= offset && offset + length <= this.tail, 'send-queue: read outside head .. tail');
    const own = Math.max(0, Math.min(length, this.ownEnd - offset));
    if (own > 0) this.lendOwn(offset, own, packet);
    if (own < length) packet.lend(this.loan!.bytes, offset + own - this.loan!.base, length - own);
  }

  private lendOwn(offset: number, length: number, packet: Packet): void {
    const { slabs } = this;
    let index = 0;
    let from = offset - this.base;
    for (let slab = slabs[0]!; from >= slab.length; slab = slabs[index]!) {
      // At most five are smaller than 64 KB.
      const skipped = slab.length < LARGE ? 1 : Math.floor(from / LARGE);
      index += skipped;
      from -= skipped * slab.length;
    }
    for (let rest = length; rest > 0; index++, from = 0) {
      const slab = slabs[index]!;
      const bytes = Math.min(slab.length - from, rest);
      packet.lend(slab, from, bytes);
      rest -= bytes;
    }
  }

  /** Forget what lies before `upTo`; the pool gets back every slab that is done with. */
  release(upTo: number): void {
    assert(this.head <= upTo && upTo <= this.tail, 'send-queue: released outside head .. tail');
    this.head = upTo;
    const { ownEnd } = this;
    while (this.slabs.length > 0 && (upTo >= ownEnd || this.base + this.slabs[0]!.length <= upTo)) {
      const slab = this.slabs.shift()!;
      this.base += slab.length;
      this.memory -= slab.length;
      this.pool.put(slab);
    }
    if (upTo === this.tail) this.loan = null;
    if (upTo < ownEnd) return;
    this.base = upTo;
    if (this.slabs !== NO_SLABS) this.pool.putList(this.slabs);
    this.slabs = NO_SLABS;
  }

  /** Forget everything, as when a connection is aborted. The offsets go on. */
  clear(): void {
    this.release(this.tail);
  }

  /** One more slab, for `bytes` and for what may follow: as much again as there is. */
  private grow(bytes: number): void {
    const slab = this.pool.take(Math.max(bytes, this.memory));
    if (this.slabs === NO_SLABS) this.slabs = this.pool.takeList();
    this.slabs.push(slab);
    this.memory += slab.length;
  }

  /** Asserts the invariants. For tests. */
  check(): void {
    const first = this.slabs[0]?.length ?? 0;
    const last = this.slabs.at(-1)?.length ?? 0;
    assert(this.base <= this.head && this.head <= this.tail, 'send-queue: base <= head <= tail');
    const { ownEnd } = this;
    const { loan } = this;
    assert(loan === null || (loan.from < this.tail && this.head < this.tail), 'send-queue: a loan holds bytes');
    assert(loan === null || loan.base <= loan.from, 'send-queue: a loan begins in its memory');
    assert(Math.max(this.head, ownEnd) <= this.base + this.memory, 'send-queue: all of it is in memory');
    assert((this.memory === 0) === (this.head >= ownEnd), 'send-queue: memory only while it holds bytes');
    assert(this.memory === 0 || this.head < this.base + first, 'send-queue: head in the first slab');
    assert(this.memory === 0 || ownEnd > this.base + this.memory - last, 'send-queue: what is not lent ends in the last');
    const owned = this.slabs.reduce((sum, slab) => sum + slab.length, 0);
    assert(this.memory === owned, 'send-queue: memory is what it owns');
    const grows = this.slabs.every((slab, i) => slab.length >= (this.slabs[i - 1]?.length ?? 0));
    assert(grows, 'send-queue: slabs grow');
  }
}

/**
 * Text in order, until the application takes it.
 *
 * Invariants: all chunks are full but the last, which is filled up to `filled`; of the first, `taken` bytes
 * are gone; length = sum of the chunks' fillings - taken; no chunk when length = 0.
 */
export class ReceiveQueue {
  length = 0;
  private readonly chunks: Uint8Array[] = [];
  private taken = 0;
  private filled = 0;

  /** Copy `b[at .. end)` behind the last byte. */
  append(b: Uint8Array, at: number, end: number): void {
    const last = this.chunks.at(-1);
    const room = last === undefined ? 0 : last.length - this.filled;
    const abutting = Math.min(room, end - at);
    if (abutting > 0) {
      copy(b, at, at + abutting, last!, this.filled);
      this.filled += abutting;
    }
    const rest = end - at - abutting;
    if (rest > 0) {
      // Exact while the application keeps up, as it mostly does; doubling what waits while it does not.
      const chunk = new Uint8Array(Math.max(rest, Math.min(this.length, LARGE)));
      copy(b, at + abutting, end, chunk, 0);
      this.chunks.push(chunk);
      this.filled = rest;
    }
    this.length += end - at;
  }

  /** Take `chunk` as it is, without a copy: it is the queue's from now on. */
  appendOwned(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    const last = this.chunks.length - 1;
    if (last >= 0) this.chunks[last] = this.chunks[last]!.subarray(0, this.filled);
    this.chunks.push(chunk);
    this.filled = chunk.length;
    this.length += chunk.length;
  }

  /**
   * Hand over the next bytes, at most `max`; null when there are none. The queue never touches them again,
   * nor does it keep anything else in their memory: the application may transfer it to another thread.
   */
  shift(max = Infinity): Uint8Array | null {
    if (this.length === 0 || max <= 0) return null;
    const chunk = this.chunks[0]!;
    const end = this.firstEnd();
    const length = Math.min(end - this.taken, max);
    // Part of a chunk is copied, for the rest of it stays ours.
    let bytes = chunk;
    if (this.taken + length < end) {
      bytes = new Uint8Array(length);
      copy(chunk, this.taken, this.taken + length, bytes, 0);
    } else if (length < chunk.length) {
      bytes = chunk.subarray(this.taken, end);
    }
    this.drop(length);
    return bytes;
  }

  /** Move bytes into `target[at .. end)`. @returns how many: as many as there are, or fit */
  copyTo(target: Uint8Array, at: number, end: number): number {
    const wanted = Math.min(this.length, end - at);
    for (let moved = 0; moved < wanted;) {
      const chunk = this.chunks[0]!;
      const bytes = Math.min(this.firstEnd() - this.taken, wanted - moved);
      copy(chunk, this.taken, this.taken + bytes, target, at + moved);
      this.drop(bytes);
      moved += bytes;
    }
    return wanted;
  }

  /** The same, and they stay. */
  peekTo(target: Uint8Array, at: number, end: number): number {
    const wanted = Math.min(this.length, end - at);
    let from = this.taken;
    for (let i = 0, moved = 0; moved < wanted; i++, from = 0) {
      const chunk = this.chunks[i]!;
      const filled = i === this.chunks.length - 1 ? this.filled : chunk.length;
      const bytes = Math.min(filled - from, wanted - moved);
      copy(chunk, from, from + bytes, target, at + moved);
      moved += bytes;
    }
    return wanted;
  }

  clear(): void {
    this.chunks.length = 0;
    this.taken = 0;
    this.filled = 0;
    this.length = 0;
  }

  /** Up to where the first chunk is filled. */
  private firstEnd(): number {
    return this.chunks.length === 1 ? this.filled : this.chunks[0]!.length;
  }

  /** The first chunk loses `bytes` at its front; once it has no more, it is dropped. */
  private drop(bytes: number): void {
    this.taken += bytes;
    this.length -= bytes;
    if (this.length === 0) return this.clear();
    if (this.taken < this.chunks[0]!.length) return;
    this.chunks.shift();
    this.taken = 0;
  }

  /** Bytes of memory owned. */
  get memory(): number {
    return this.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  }

  /** Asserts the invariants. For tests. */
  check(): void {
    const spare = this.chunks.length === 0 ? 0 : this.chunks.at(-1)!.length - this.filled;
    assert(this.length === this.memory - spare - this.taken, 'receive-queue: length counts what waits');
    assert((this.length === 0) === (this.chunks.length === 0), 'receive-queue: no memory without bytes');
    assert(this.length > 0 || (this.taken === 0 && this.filled === 0), 'receive-queue: as new when empty');
    assert(this.length === 0 || this.taken < this.chunks[0]!.length, 'receive-queue: the first is not spent');
    assert(this.length === 0 || (this.filled > 0 && spare >= 0), 'receive-queue: the last has something');
  }
}
