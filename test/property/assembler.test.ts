// Out-of-order text, against a naive map of bytes: after every operation the same bytes, ranges and SACK blocks.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Assembler } from '../../src/tcp/assembler.js';
import { seq } from '../../src/tcp/seq.js';

/** What `Assembler` promises, done slowly: a byte per entry. */
class ByteMap {
  readonly bytes = new Map<number, number>();
  /** When the range that each byte lies in was last heard of. */
  private readonly heard = new Map<number, number>();
  private clock = 0;

  constructor(private readonly bytesMax: number, private readonly rangesMax: number) {}

  /** [start, end) of each maximal run. */
  ranges(): [number, number][] {
    const runs: [number, number][] = [];
    for (const offset of [...this.bytes.keys()].sort((x, y) => x - y)) {
      const last = runs.at(-1);
      if (last !== undefined && last[1] === offset) last[1]++;
      else runs.push([offset, offset + 1]);
    }
    return runs;
  }

  insert(offset: number, text: Uint8Array): boolean {
    if (text.length === 0) return true;
    for (const [i, byte] of text.entries()) {
      if (!this.bytes.has(offset + i)) this.bytes.set(offset + i, byte);
    }
    this.clock++;
    const [start, end] = this.ranges().find(([s, e]) => s <= offset && offset < e)!;
    for (let o = start; o < end; o++) this.heard.set(o, this.clock);
    // Whatever lies furthest ahead goes first: whole ranges, then bytes.
    const runs = this.ranges();
    if (runs.length > this.rangesMax) this.forgetFrom(runs[this.rangesMax]![0]);
    const offsets = [...this.bytes.keys()].sort((x, y) => x - y);
    if (offsets.length > this.bytesMax) this.forgetFrom(offsets[this.bytesMax]!);
    return [...text.keys()].every((i) => this.bytes.has(offset + i));
  }

  take(next: number): number[] {
    const text: number[] = [];
    for (let offset = next; this.bytes.has(offset); offset++) text.push(this.bytes.get(offset)!);
    // Old text goes with it; what lies ahead of a gap stays.
    const end = next + text.length;
    for (const offset of [...this.bytes.keys()]) if (offset < end) this.bytes.delete(offset);
    return text;
  }

  /** RFC 2018 §4: by when a segment of the block was last heard, latest first. */
  blocks(max: number): [number, number][] {
    return this.ranges().sort(([x], [y]) => this.heard.get(y)! - this.heard.get(x)!).slice(0, max);
  }

  private forgetFrom(offset: number): void {
    for (const o of [...this.bytes.keys()]) if (o >= offset) this.bytes.delete(o);
  }
}

type Operation =
  | { readonly insert: number; readonly length: number }
  | { readonly advance: number };

/** Offsets lie near RCV.NXT; lengths make small chunks join, fill, and exceed what is joined (2048). */
function operations(span: number, lengthMax: number): fc.Arbitrary<Operation[]> {
  const insert = fc.record({
    insert: fc.integer({ min: 0, max: span }),
    length: fc.oneof(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: lengthMax })),
  });
  const advance = fc.record({ advance: fc.integer({ min: 0, max: span >> 1 }) });
  return fc.array(fc.oneof({ weight: 6, arbitrary: insert }, { weight: 1, arbitrary: advance }), { maxLength: 60 });
}

/** RCV.NXT's sequence number, chosen so that blocks lie across the wrap. */
const NXT = seq(0xffff_ffc0);

function agree(assembler: Assembler, model: ByteMap, next: number): void {
  assembler.check();
  expect(assembler.bytes).toBe(model.bytes.size);
  expect(assembler.rangeCount).toBe(model.ranges().length);
  for (const max of [1, 3, 4]) {
    const starts = new Int32Array(4);
    const ends = new Int32Array(4);
    const count = assembler.sackBlocks(starts, ends, max, next, NXT);
    const blocks = model.blocks(max).map((run) => run.map((offset) => (NXT + (offset - next)) | 0));
    expect([...starts.subarray(0, count)].map((s, i) => [s, ends[i]])).toEqual(blocks);
  }
}

function run(list: readonly Operation[], bytesMax: number, rangesMax: number): void {
  const assembler = new Assembler(bytesMax, rangesMax);
  const model = new ByteMap(bytesMax, rangesMax);
  // Beyond int32: offsets are plain numbers.
  let next = 2 ** 33;
  let value = 0;
  for (const operation of list) {
    if ('insert' in operation) {
      // Every byte that is sent is another, also for the same place: the first must win.
      const text = Uint8Array.from({ length: operation.length }, () => (value = (value * 5 + 1) & 0xff));
      const memory = new Uint8Array(text.length + 2);
      memory.set(text, 1);
      const offset = next + operation.insert;
      expect(assembler.insert(offset, memory, 1, 1 + text.length)).toBe(model.insert(offset, text));
      // It was a copy.
      memory.fill(0xee);
    } else {
      next += operation.advance;
      const taken: number[] = [];
      for (let piece = assembler.take(next); piece !== null; piece = assembler.take(next)) {
        taken.push(...piece);
        next += piece.length;
        // It is ours now.
        piece.fill(0xdd);
      }
      expect(taken).toEqual(model.take(next - taken.length));
    }
    agree(assembler, model, next);
  }
  const rest: number[] = [];
  for (const [start] of model.ranges()) {
    for (let at = start, piece = assembler.take(at); piece !== null; piece = assembler.take(at)) {
      rest.push(...piece);
      at += piece.length;
    }
  }
  expect(rest).toEqual([...model.bytes].sort(([x], [y]) => x - y).map(([, byte]) => byte));
  agree(assembler, new ByteMap(bytesMax, rangesMax), next);
}

describe('the assembler', () => {
  test('holds what a map of bytes holds', () => {
    fc.assert(fc.property(operations(60, 20), (list) => run(list, 1e9, 1e9)), { numRuns: 200 });
  });

  test('also where chunks are too large to be joined', () => {
    fc.assert(fc.property(operations(9000, 3000), (list) => run(list.slice(0, 20), 1e9, 1e9)), { numRuns: 60 });
  });

  test('also at its limits, where the furthest goes first', () => {
    fc.assert(fc.property(
      operations(60, 20), fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 5 }),
      (list, bytesMax, rangesMax) => run(list, bytesMax, rangesMax),
    ), { numRuns: 300 });
  });

  test('also at its limits with large chunks', () => {
    fc.assert(fc.property(
      operations(9000, 3000), fc.integer({ min: 1000, max: 6000 }), fc.integer({ min: 1, max: 4 }),
      (list, bytesMax, rangesMax) => run(list.slice(0, 20), bytesMax, rangesMax),
    ), { numRuns: 100 });
  });
});
