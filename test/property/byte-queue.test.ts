// Queues of bytes against the stream itself: the byte at each offset is known, so a model needs two offsets
// only.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ReceiveQueue, SendQueue, SlabPool } from '../../src/byte-queue.js';
import { PacketPool } from '../../src/packet.js';

/** The byte at an offset of stream `seed`. Neighbours differ, and so do offsets a slab or a chunk apart. */
const byteAt = (seed: number, offset: number): number => Math.imul(offset + seed * 7919, 0x9e3779b1) >>> 21 & 0xff;

function stream(seed: number, from: number, to: number): Uint8Array {
  const bytes = new Uint8Array(to - from);
  for (let i = 0; i < bytes.length; i++) bytes[i] = byteAt(seed, from + i);
  return bytes;
}

/** Equal, told as the first offset that is not: comparing long arrays by `toEqual` is slow. */
function expectStream(bytes: Uint8Array, seed: number, from: number): void {
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] !== byteAt(seed, from + i)) expect.fail(`stream ${seed}: wrong byte at ${from + i}`);
  }
}

const POISON = 0xee;
const packets = new PacketPool();

/** Small, a segment's, and around the sizes of slabs. */
const size = fc.oneof(
  { weight: 3, arbitrary: fc.nat({ max: 100 }) },
  { weight: 2, arbitrary: fc.nat({ max: 3000 }) },
  fc.tuple(fc.constantFrom(64, 2048, 65_536, 131_072), fc.integer({ min: -2, max: 2 })).map(([n, by]) => n + by),
);
/** A part of what there is; often all, or nothing. */
const share = fc.oneof(fc.nat({ max: 1000 }).map((n) => n / 1000), fc.constantFrom(0, 1));

test('a send queue reads as the stream that was written, and keeps its slabs to itself', () => {
  const step = fc.record({
    do: fc.constantFrom('append', 'append', 'append', 'borrow', 'borrow', 'keep', 'cut', 'copyTo', 'copyTo', 'release', 'release', 'clear'),
    queue: fc.nat({ max: 1 }), size, from: share, part: share,
  });
  // Long ones of small pieces too, for slabs of all sizes in one queue.
  const small = step.map((s) => ({ ...s, size: s.size % 3000, do: s.do === 'release' ? 'copyTo' as const : s.do }));
  const run = fc.oneof(fc.array(step, { maxLength: 40 }), fc.array(small, { minLength: 20, maxLength: 60 }));
  fc.assert(fc.property(run, (steps) => {
    const pool = new SlabPool();
    // Two queues, so that each lives on slabs that the other gave back.
    const queues = [0, 1].map((seed) => ({ seed, queue: new SendQueue(pool), head: 0, tail: 0, lent: null as { bytes: Uint8Array; from: number } | null }));
    let owned = 0;
    for (const s of steps) {
      const model = queues[s.queue]!;
      const { queue, seed } = model;
      const inside = model.head + Math.floor(s.from * (model.tail - model.head));
      if (s.do === 'append') {
        if (model.lent !== null) continue;
        const source = new Uint8Array(s.size + 2);
        source.set(stream(seed, model.tail, model.tail + s.size), 1);
        queue.append(source, 1, 1 + s.size);
        source.fill(POISON);
        model.tail += s.size;
      } else if (s.do === 'borrow') {
        if (model.lent !== null || s.size === 0) continue;
        const source = new Uint8Array(s.size + 2).fill(POISON);
        source.set(stream(seed, model.tail, model.tail + s.size), 1);
        queue.borrow(source, 1, 1 + s.size);
        model.lent = { bytes: source, from: model.tail };
        model.tail += s.size;
      } else if (s.do === 'keep' || s.do === 'cut') {
        if (model.lent === null) continue;
        if (s.do === 'cut') model.tail = Math.max(inside, model.lent.from);
        queue.keepLoan(model.tail);
        model.lent.bytes.fill(POISON);
        model.lent = null;
      } else if (s.do === 'copyTo') {
        const length = Math.floor(s.part * (model.tail - inside));
        const target = new Uint8Array(length + 2).fill(POISON);
        queue.copyTo(inside, length, target, 1);
        expectStream(target.subarray(1, 1 + length), seed, inside);
        expect([target[0], target[length + 1]]).toEqual([POISON, POISON]);
        if (length > 0 && length <= 65_535) expectLent(queue, inside, length, seed);
      } else {
        model.head = s.do === 'clear' ? model.tail : inside;
        if (s.do === 'clear') queue.clear();
        else queue.release(inside);
        if (model.head === model.tail && model.lent !== null) {
          model.lent.bytes.fill(POISON);
          model.lent = null;
        }
      }
      queue.check();
      expect(queue.isLent).toBe(model.lent !== null);
      expect([queue.head, queue.tail, queue.length]).toEqual([model.head, model.tail, model.tail - model.head]);
      expect(queue.memory === 0).toBe(model.head >= (model.lent?.from ?? model.tail));
      expect(queue.memory).toBeLessThanOrEqual(queue.length + 2 * 65_535);
      // No slab is lost, and none is in two places.
      const total = pool.free + queues[0]!.queue.memory + queues[1]!.queue.memory;
      expect(total).toBeGreaterThanOrEqual(owned);
      owned = total;
      poison(pool);
      for (const other of queues) readAll(other.queue, other.seed);
    }
  }), { numRuns: 100 });

  /** A packet that was lent text gathers the same. */
  function expectLent(queue: SendQueue, from: number, length: number, seed: number): void {
    const packet = packets.take(length);
    packet.bytes[packet.end++] = POISON;
    queue.lendTo(from, length, packet);
    expect(packet.length).toBe(length + 1);
    packet.gather();
    expect([packet.length, packet.lent, packet.bytes[packet.start]]).toEqual([length + 1, 0, POISON]);
    expectStream(packet.bytes.subarray(packet.start + 1, packet.end), seed, from);
    packet.release();
  }

  function readAll(queue: SendQueue, seed: number): void {
    const all = new Uint8Array(queue.length);
    queue.copyTo(queue.head, all.length, all, 0);
    expectStream(all, seed, queue.head);
  }
});

test('a send queue gives up its own memory when all but a loan is released', () => {
  const pool = new SlabPool();
  const queue = new SendQueue(pool);
  queue.append(stream(0, 0, 100), 0, 100);
  queue.borrow(stream(0, 100, 3000), 0, 2900);
  queue.release(150);
  queue.check();
  expect([queue.memory, pool.free]).toEqual([0, 2048]);
});

/** What is free may be overwritten. */
function poison(pool: SlabPool): void {
  const slabs = new Set<Uint8Array>();
  for (let size = 2048; size <= 65_536; size *= 2) {
    for (let free = -1; free !== pool.free;) {
      free = pool.free;
      const slab = pool.take(size);
      expect(slabs.has(slab)).toBe(false);
      if (pool.free < free) slabs.add(slab.fill(POISON));
    }
  }
  expect(pool.free).toBe(0);
  for (const slab of slabs) pool.put(slab);
}

test('a receive queue gives the stream that arrived, and never touches again what it gave', () => {
  const step = fc.record({
    do: fc.constantFrom('append', 'append', 'append', 'append', 'own', 'shift', 'shift', 'shiftMax', 'copyTo', 'peekTo', 'peekTo', 'clear'),
    size, keep: fc.boolean(),
  });
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const queue = new ReceiveQueue();
    const given: { bytes: Uint8Array; mark: number }[] = [];
    let head = 0;
    let tail = 0;
    for (const s of steps) {
      if (s.do === 'append') {
        const source = new Uint8Array(s.size + 2);
        source.set(stream(1, tail, tail + s.size), 1);
        queue.append(source, 1, 1 + s.size);
        source.fill(POISON);
        tail += s.size;
      } else if (s.do === 'own') {
        queue.appendOwned(stream(1, tail, tail + s.size));
        tail += s.size;
      } else if (s.do === 'clear') {
        queue.clear();
        head = tail;
      } else if (s.do === 'copyTo' || s.do === 'peekTo') {
        const target = new Uint8Array(s.size + 2).fill(POISON);
        const moved = queue[s.do](target, 1, 1 + s.size);
        expect(moved).toBe(Math.min(s.size, tail - head));
        expectStream(target.subarray(1, 1 + moved), 1, head);
        expect(target.subarray(1 + moved).every((b) => b === POISON) && target[0] === POISON).toBe(true);
        if (s.do === 'copyTo') head += moved;
      } else {
        const bytes = s.do === 'shift' ? queue.shift() : queue.shift(s.size);
        expect(bytes === null).toBe(head === tail || (s.do === 'shiftMax' && s.size === 0));
        if (bytes !== null) {
          expect(bytes.length).toBeGreaterThan(0);
          if (s.do === 'shiftMax') expect(bytes.length).toBeLessThanOrEqual(s.size);
          expectStream(bytes, 1, head);
          head += bytes.length;
          // The application writes into it, or gives its memory to another thread.
          if (s.keep) given.push({ bytes: bytes.fill(given.length), mark: given.length & 0xff });
          else structuredClone(bytes, { transfer: [bytes.buffer as ArrayBuffer] });
        }
      }
      queue.check();
      expect(queue.length).toBe(tail - head);
      if (head === tail) expect(queue.memory).toBe(0);
    }
    for (const { bytes, mark } of given) if (!bytes.every((b) => b === mark)) expect.fail('wrote into what it gave');
    const rest = new Uint8Array(tail - head);
    expect(queue.copyTo(rest, 0, rest.length)).toBe(rest.length);
    expectStream(rest, 1, head);
  }), { numRuns: 300 });
});
