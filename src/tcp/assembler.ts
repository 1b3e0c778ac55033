// Text that came out of order, until the gap before it is filled: what to keep of it, and what SACK says
// about it. RFC 9293 §3.10.7.4 (SHLD-31), RFC 2018 §4.
//
// It counts in offsets of the stream, plain numbers that never wrap. A byte that arrives twice keeps its
// first value. Two limits, bytes and ranges, bound what a peer can make us keep and search; beyond either,
// what lies furthest ahead goes first, for it would be of use last. RFC 2018 §8 lets a receiver renege so;
// the sender keeps what it has SACKed.

import { assert } from '../assert.js';
import { add, type Seq } from './seq.js';

/**
 * Chunks that abut and together hold no more than this become one: bytes that come singly must not cost an
 * object each. Full segments are above it and are copied once.
 */
const MERGE_MAX = 2048;

/** The stream's bytes `[start, end)`, at `bytes[from ..]`; what is free around them is room to grow into. */
class Chunk {
  constructor(
    public start: number,
    public end: number,
    public bytes: Uint8Array,
    public from: number,
  ) {}
}

/**
 * Never empty; made for the first segment out of order, and gone with the last. All arrays are sorted by
 * offset.
 */
class Store {
  readonly chunks: Chunk[] = [];
  /**
   * Ranges: the maximal runs of abutting chunks, `[starts[i], ends[i])`, and when each was last reported to
   * us.
   */
  readonly starts: number[] = [];
  readonly ends: number[] = [];
  readonly heard: number[] = [];
}

/**
 * Invariants: chunks are not empty and do not overlap; any two that abut hold more than MERGE_MAX bytes
 * together; `starts[i] < ends[i] < starts[i + 1]`; `bytes` is the sum of all, at most `bytesMax`; at most
 * `rangesMax` ranges.
 */
export class Assembler {
  /** Bytes kept. */
  bytes = 0;
  /** What `findKept` found: `[keptStart, keptEnd)`. */
  keptStart = 0;
  keptEnd = 0;
  private store: Store | null = null;
  private clock = 0;

  constructor(
    /** Bytes to keep at most; it may grow. */
    public bytesMax: number,
    readonly rangesMax: number,
  ) {}

  get rangeCount(): number {
    return this.store === null ? 0 : this.store.starts.length;
  }

  /**
   * Copy `b[at .. end)`, the stream's bytes from `offset`, as far as they are not here yet.
   * @returns false when a limit refused some of them
   */
  insert(offset: number, b: Uint8Array, at: number, end: number): boolean {
    if (at >= end) return true;
    const stop = offset + (end - at);
    const store = this.store ?? new Store();
    const last = store.ends.length - 1;
    // What would be dropped again as the furthest is not taken in the first place.
    if (last >= 0 && offset > store.ends[last]! && (this.bytes >= this.bytesMax || last + 1 >= this.rangesMax)) {
      return false;
    }
    this.store = store;
    this.fill(store, offset, b, at, stop);
    noteRange(store, offset, stop, ++this.clock);
    this.enforceLimits(store);
    return this.store !== null && store.ends[store.ends.length - 1]! >= stop;
  }

  /** Is some of the stream's bytes `[offset, stop)` here already? Then `keptStart` and `keptEnd` say where that begins and ends first. */
  findKept(offset: number, stop: number): boolean {
    if (this.store === null) return false;
    const { starts, ends } = this.store;
    const i = firstAbove(ends, offset);
    if (i === ends.length || starts[i]! >= stop) return false;
    this.keptStart = Math.max(offset, starts[i]!);
    this.keptEnd = Math.min(stop, ends[i]!);
    return true;
  }

  /**
   * Hand over the chunk that holds `next`, without the bytes before it, or null if that byte is missing.
   * Bytes before `next` are forgotten. The caller owns the result; it calls again, with `next` moved behind
   * it, to get the rest.
   */
  take(next: number): Uint8Array | null {
    while (this.store !== null && this.store.chunks[0]!.start <= next) {
      const chunk = this.removeFirst(this.store);
      if (chunk.end > next) {
        const from = chunk.from + (next - chunk.start);
        return chunk.bytes.subarray(from, from + (chunk.end - next));
      }
    }
    return null;
  }

  /**
   * The ranges as SACK blocks. RFC 2018 §4: the block that holds the segment heard last comes first; then the
   * others, by when they were last heard of.
   * @param max   as many as the header has room for
   * @param next  the stream offset that the sequence number `nxt` (RCV.NXT) stands for; all ranges are above
   * @param from  how many are there already
   * @returns     how many there are in `starts` and `ends` now: the smaller of `max` and `from + rangeCount`
   */
  sackBlocks(starts: Int32Array, ends: Int32Array, max: number, next: number, nxt: Seq, from = 0): number {
    const store = this.store;
    if (store === null) return from;
    const count = Math.min(max, from + store.heard.length);
    let before = Infinity;
    for (let i = from; i < count; i++) {
      let best = -1;
      for (let r = 0; r < store.heard.length; r++) {
        if (store.heard[r]! < before && (best < 0 || store.heard[r]! > store.heard[best]!)) best = r;
      }
      before = store.heard[best]!;
      starts[i] = add(nxt, store.starts[best]! - next);
      ends[i] = add(nxt, store.ends[best]! - next);
    }
    return count;
  }

  clear(): void {
    this.store = null;
    this.bytes = 0;
  }

  /** Copy what is missing of `[offset, stop)`, gap by gap. */
  private fill(store: Store, offset: number, b: Uint8Array, at: number, stop: number): void {
    let i = firstEndingAfter(store.chunks, offset);
    let next = offset;
    while (next < stop) {
      const chunk = store.chunks[i];
      if (chunk !== undefined && chunk.start <= next) {
        next = chunk.end;
        i++;
        continue;
      }
      const gapEnd = chunk === undefined ? stop : Math.min(stop, chunk.start);
      const from = at + (next - offset);
      this.bytes += gapEnd - next;
      // The next turn steps over the chunk that holds it now.
      i = place(store.chunks, i, next, b, from, from + (gapEnd - next));
    }
  }

  private enforceLimits(store: Store): void {
    const { chunks, starts, ends, heard } = store;
    while (starts.length > this.rangesMax) {
      const start = starts.pop()!;
      ends.pop();
      heard.pop();
      while (chunks.length > 0 && chunks[chunks.length - 1]!.start >= start) this.removeLast(chunks);
    }
    while (this.bytes > this.bytesMax) {
      const excess = this.bytes - this.bytesMax;
      const chunk = chunks[chunks.length - 1]!;
      if (chunk.end - chunk.start > excess) {
        chunk.end -= excess;
        this.bytes -= excess;
        join(chunks, chunks.length - 2);
      } else {
        this.removeLast(chunks);
      }
    }
    this.trimRanges(store);
  }

  /** The ranges end where the chunks do. */
  private trimRanges(store: Store): void {
    const { chunks, starts, ends, heard } = store;
    if (chunks.length === 0) {
      this.clear();
      return;
    }
    const end = chunks[chunks.length - 1]!.end;
    while (starts[starts.length - 1]! >= end) {
      starts.pop();
      ends.pop();
      heard.pop();
    }
    ends[ends.length - 1] = Math.min(ends[ends.length - 1]!, end);
  }

  private removeLast(chunks: Chunk[]): void {
    const chunk = chunks.pop()!;
    this.bytes -= chunk.end - chunk.start;
  }

  private removeFirst(store: Store): Chunk {
    const chunk = store.chunks.shift()!;
    this.bytes -= chunk.end - chunk.start;
    if (chunk.end < store.ends[0]!) {
      store.starts[0] = chunk.end;
    } else {
      store.starts.shift();
      store.ends.shift();
      store.heard.shift();
    }
    if (store.chunks.length === 0) this.clear();
    return chunk;
  }

  /** Asserts the invariants; for tests. */
  check(): void {
    let bytes = 0;
    let ranges = 0;
    const { chunks, starts, ends, heard } = this.store ?? new Store();
    assert(this.store === null || chunks.length > 0, 'assembler: an empty one owns nothing');
    for (const [i, chunk] of chunks.entries()) {
      const length = chunk.end - chunk.start;
      assert(length > 0, 'assembler: no empty chunk');
      const isInside = chunk.from >= 0 && chunk.from + length <= chunk.bytes.length;
      assert(isInside, 'assembler: chunk within its memory');
      bytes += length;
      const before = chunks[i - 1];
      assert(before === undefined || before.end <= chunk.start, 'assembler: chunks sorted, disjoint');
      if (before === undefined || before.end < chunk.start) {
        assert(starts[ranges] === chunk.start, 'assembler: a range begins where a run of chunks does');
        ranges++;
      } else {
        assert(chunk.end - before.start > MERGE_MAX, 'assembler: small chunks that abut are one');
      }
      assert(ends[ranges - 1]! >= chunk.end, 'assembler: a range holds its chunks');
      if (chunks[i + 1] === undefined || chunks[i + 1]!.start > chunk.end) {
        assert(ends[ranges - 1] === chunk.end, 'assembler: a range ends where a run of chunks does');
      }
    }
    const isCounted = starts.length === ranges && ends.length === ranges && heard.length === ranges;
    assert(isCounted, 'assembler: rangeCount');
    assert(bytes === this.bytes && bytes <= this.bytesMax, 'assembler: bytes');
    assert(ranges <= this.rangesMax, 'assembler: ranges');
  }
}

/** Index of the first of the sorted numbers that is larger than `n`; their count when there is none. */
function firstAbove(sorted: readonly number[], n: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! > n) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Index of the first chunk with `end > offset`; the count when there is none. */
function firstEndingAfter(chunks: readonly Chunk[], offset: number): number {
  let low = 0;
  let high = chunks.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (chunks[middle]!.end > offset) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * Put `b[at .. end)`, the stream's bytes from `start`, between chunks `i - 1` and `i`: into the room of one
 * that abuts, as a part of one that is small, or as a chunk of its own.
 * @returns  the index of the chunk that holds it now
 */
function place(chunks: Chunk[], i: number, start: number, b: Uint8Array, at: number, end: number): number {
  const left = chunks[i - 1];
  if (left !== undefined && left.end === start && append(left, b, at, end)) {
    join(chunks, i - 1);
    return i - 1;
  }
  const stop = start + (end - at);
  const right = chunks[i];
  if (right !== undefined && right.start === stop && prepend(right, b, at, end)) return i;
  const chunk = new Chunk(start, stop, b.slice(at, end), 0);
  if (i === chunks.length) chunks.push(chunk);
  else chunks.splice(i, 0, chunk);
  return i;
}

/** False: too much for a small chunk. */
function append(chunk: Chunk, b: Uint8Array, at: number, end: number): boolean {
  const used = chunk.end - chunk.start;
  const total = used + (end - at);
  if (total > MERGE_MAX) return false;
  if (chunk.from + total > chunk.bytes.length) {
    const bytes = new Uint8Array(Math.min(2 * total, MERGE_MAX));
    copy(chunk.bytes, chunk.from, chunk.from + used, bytes, 0);
    chunk.bytes = bytes;
    chunk.from = 0;
  }
  copy(b, at, end, chunk.bytes, chunk.from + used);
  chunk.end += end - at;
  return true;
}

/** Likewise, leftwards: segments may come in reverse, too. */
function prepend(chunk: Chunk, b: Uint8Array, at: number, end: number): boolean {
  const used = chunk.end - chunk.start;
  const total = used + (end - at);
  if (total > MERGE_MAX) return false;
  if (chunk.from < end - at) {
    const bytes = new Uint8Array(Math.min(2 * total, MERGE_MAX));
    copy(chunk.bytes, chunk.from, chunk.from + used, bytes, bytes.length - used);
    chunk.bytes = bytes;
    chunk.from = bytes.length - used;
  }
  chunk.from -= end - at;
  copy(b, at, end, chunk.bytes, chunk.from);
  chunk.start -= end - at;
  return true;
}

/** Chunks `i` and `i + 1` become one, if they abut and are small. */
function join(chunks: Chunk[], i: number): void {
  const left = chunks[i];
  const right = chunks[i + 1];
  if (left === undefined || right === undefined || left.end !== right.start) return;
  const stop = right.from + (right.end - right.start);
  if (append(left, right.bytes, right.from, stop)) chunks.splice(i + 1, 1);
}

const copy = (b: Uint8Array, at: number, end: number, target: Uint8Array, to: number): void =>
  target.set(b.subarray(at, end), to);

/** `[offset, stop)` was heard: all ranges that it meets or touches become one, heard now. */
function noteRange(store: Store, offset: number, stop: number, clock: number): void {
  const { starts, ends, heard } = store;
  const first = firstAbove(ends, offset - 1);
  let behind = first;
  while (behind < starts.length && starts[behind]! <= stop) behind++;
  const start = behind > first ? Math.min(offset, starts[first]!) : offset;
  const end = behind > first ? Math.max(stop, ends[behind - 1]!) : stop;
  if (behind === first + 1) {
    starts[first] = start;
    ends[first] = end;
    heard[first] = clock;
    return;
  }
  starts.splice(first, behind - first, start);
  ends.splice(first, behind - first, end);
  heard.splice(first, behind - first, clock);
}
