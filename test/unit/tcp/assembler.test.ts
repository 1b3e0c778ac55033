// Out-of-order text in the situations that RFC 2018 and hostile peers name.

import { describe, expect, test } from 'vitest';
import { Assembler } from '../../../src/tcp/assembler.js';
import { seq } from '../../../src/tcp/seq.js';

const SEGMENT = 500;
const text = new Uint8Array(SEGMENT).fill(7);

/** Insert the segment that begins at `offset`. */
const arrive = (a: Assembler, offset: number): boolean => a.insert(offset, text, 0, SEGMENT);

/** The blocks as [left edge, right edge], RCV.NXT being byte `next`, and byte n having sequence number n. */
function blocks(a: Assembler, next: number, max = 3): number[][] {
  const starts = new Int32Array(4);
  const ends = new Int32Array(4);
  const count = a.sackBlocks(starts, ends, max, next, seq(next));
  return [...starts.subarray(0, count)].map((start, i) => [start, ends[i]!]);
}

/** How much text can be had from `next` on. */
function drain(a: Assembler, next: number): number {
  let length = 0;
  for (let piece = a.take(next); piece !== null; piece = a.take(next + length)) length += piece.length;
  return length;
}

describe('SACK blocks, RFC 2018 §4 and its examples', () => {
  test('case 2: the first of eight segments is lost, and one block grows', () => {
    const a = new Assembler(1e6, 100);
    for (const offset of [5500, 6000, 6500, 7000, 7500, 8000, 8500]) {
      arrive(a, offset);
      expect(blocks(a, 5000)).toEqual([[5500, offset + 500]]);
    }
    arrive(a, 5000);
    expect(drain(a, 5000)).toBe(4000);
    expect(blocks(a, 9000)).toEqual([]);
  });

  test('case 3: every other segment is lost, and the latest block comes first', () => {
    const a = new Assembler(1e6, 100);
    arrive(a, 6000);
    expect(blocks(a, 5500)).toEqual([[6000, 6500]]);
    arrive(a, 7000);
    expect(blocks(a, 5500)).toEqual([[7000, 7500], [6000, 6500]]);
    arrive(a, 8000);
    expect(blocks(a, 5500)).toEqual([[8000, 8500], [7000, 7500], [6000, 6500]]);
    // The fourth comes, and joins two blocks.
    arrive(a, 6500);
    expect(blocks(a, 5500)).toEqual([[6000, 7500], [8000, 8500]]);
    // The second comes.
    arrive(a, 5500);
    expect(drain(a, 5500)).toBe(2000);
    expect(blocks(a, 7500)).toEqual([[8000, 8500]]);
  });

  test('a segment heard again makes its block the first', () => {
    const a = new Assembler(1e6, 100);
    arrive(a, 1000);
    arrive(a, 2000);
    arrive(a, 3000);
    arrive(a, 1000);
    expect(blocks(a, 0)).toEqual([[1000, 1500], [3000, 3500], [2000, 2500]]);
    expect(blocks(a, 0, 2)).toEqual([[1000, 1500], [3000, 3500]]);
    expect(blocks(a, 0, 1)).toEqual([[1000, 1500]]);
  });
});

describe('an assembler', () => {
  test('that is empty owns nothing but itself', () => {
    const a = new Assembler(1e6, 100);
    expect(a['store']).toBeNull();
    arrive(a, 100);
    expect(a['store']).not.toBeNull();
    drain(a, 100);
    expect(a['store']).toBeNull();
    arrive(a, 100);
    a.clear();
    expect([a['store'], a.bytes, a.rangeCount]).toEqual([null, 0, 0]);
    expect(a.take(100)).toBeNull();
    a.check();
  });

  test('hands over from the byte that is asked for, and forgets the ones before', () => {
    const a = new Assembler(1e6, 100);
    a.insert(10, Uint8Array.of(1, 2, 3, 4), 0, 4);
    expect(a.take(9)).toBeNull();
    expect(a.take(12)).toEqual(Uint8Array.of(3, 4));
    expect(a.bytes).toBe(0);
    a.insert(20, Uint8Array.of(1, 2), 0, 2);
    a.insert(30, Uint8Array.of(5, 6), 0, 2);
    expect(a.take(22)).toBeNull();
    expect(a.bytes).toBe(2);
    expect(a.take(30)).toEqual(Uint8Array.of(5, 6));
  });

  test('keeps the first of two versions of a byte', () => {
    const a = new Assembler(1e6, 100);
    a.insert(2, Uint8Array.of(1, 1), 0, 2);
    a.insert(0, Uint8Array.of(2, 2, 2, 2, 2, 2), 0, 6);
    expect([...a.take(0)!]).toEqual([2, 2, 1, 1, 2, 2]);
  });

  test('refuses nothing when given nothing', () => {
    const a = new Assembler(0, 0);
    expect(a.insert(5, text, 3, 3)).toBe(true);
    expect(a.insert(5, text, 3, 4)).toBe(false);
    a.check();
  });
});

describe('what a peer can make it cost: CVE-2018-5390, SegmentSmack', () => {
  const BYTES = 20_000;
  /** Twice what two chunks that abut must exceed, and one for each range. */
  const chunksMax = (a: Assembler): number => (2 * a.bytes) / 2048 + a.rangeCount + 1;

  const orders: Record<string, (i: number) => number> = {
    'in order': (i) => i,
    'in reverse': (i) => BYTES - 1 - i,
    'even bytes, then odd ones': (i) => (i < BYTES / 2 ? 2 * i : 2 * (i - BYTES / 2) + 1),
    'odd bytes in reverse, then even ones': (i) =>
      (i < BYTES / 2 ? BYTES - 1 - 2 * i : 2 * (i - BYTES / 2)),
    'from the middle outwards': (i) => BYTES / 2 + (i % 2 === 0 ? i / 2 : -(i + 1) / 2),
  };
  test.each(Object.keys(orders))('bytes that come singly, %s, become few objects', (name) => {
    const a = new Assembler(BYTES, BYTES);
    for (let i = 0; i < BYTES; i++) a.insert(1 + orders[name]!(i), text, 0, 1);
    a.check();
    expect([a.bytes, a.rangeCount]).toEqual([BYTES, 1]);
    expect(a['store']!.chunks.length).toBeLessThanOrEqual(chunksMax(a));
    // Nor is much of their memory unused.
    let memory = 0;
    for (const chunk of a['store']!.chunks) memory += chunk.bytes.length;
    expect(memory).toBeLessThanOrEqual(2 * BYTES);
    expect(drain(a, 1)).toBe(BYTES);
  });

  test('full segments are copied once: one chunk each, without spare memory', () => {
    const a = new Assembler(1e6, 100);
    const full = new Uint8Array(1460);
    for (let i = 1; i <= 100; i++) a.insert(i * 1460, full, 0, 1460);
    expect(a['store']!.chunks.map((c) => c.bytes.length)).toEqual(new Array(100).fill(1460));
  });

  test('beyond its limit of ranges the furthest is dropped, never the nearest', () => {
    const a = new Assembler(1e6, 3);
    for (const offset of [4000, 6000, 8000]) expect(arrive(a, offset)).toBe(true);
    expect(arrive(a, 9000)).toBe(false);
    expect(blocks(a, 0)).toEqual([[8000, 8500], [6000, 6500], [4000, 4500]]);
    expect(arrive(a, 2000)).toBe(true);
    expect(blocks(a, 0)).toEqual([[2000, 2500], [6000, 6500], [4000, 4500]]);
    // What extends a range takes no new one.
    expect(arrive(a, 6500)).toBe(true);
    expect(a.rangeCount).toBe(3);
    a.check();
  });

  test('beyond its limit of bytes likewise, to the byte', () => {
    const a = new Assembler(1200, 100);
    expect(arrive(a, 2000)).toBe(true);
    expect(arrive(a, 4000)).toBe(true);
    expect(arrive(a, 4500)).toBe(false);
    expect(blocks(a, 0)).toEqual([[4000, 4700], [2000, 2500]]);
    expect(arrive(a, 5000)).toBe(false);
    expect(arrive(a, 1000)).toBe(true);
    expect(blocks(a, 0)).toEqual([[1000, 1500], [4000, 4200], [2000, 2500]]);
    expect(a.bytes).toBe(1200);
    a.check();
  });
});
