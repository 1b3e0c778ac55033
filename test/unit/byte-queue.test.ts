// Bytes that wait: whose memory they lie in, and when it is given up.

import { describe, expect, test } from 'vitest';
import { ReceiveQueue, SendQueue, SlabPool } from '../../src/byte-queue.js';

const KB = 1024;

function sent(queue: SendQueue, offset: number, length: number): number[] {
  const target = new Uint8Array(length);
  queue.copyTo(offset, length, target, 0);
  return [...target];
}

describe('a send queue', () => {
  test('keeps what was written until it is acknowledged, and reads it as often as need be', () => {
    const queue = new SendQueue(new SlabPool());
    queue.append(Uint8Array.of(9, 1, 2, 3, 9), 1, 4);
    queue.append(Uint8Array.of(4, 5), 0, 2);
    expect([queue.head, queue.tail, queue.length]).toEqual([0, 5, 5]);
    expect(sent(queue, 1, 3)).toEqual([2, 3, 4]);
    queue.release(2);
    expect([queue.head, queue.tail, queue.length]).toEqual([2, 5, 3]);
    expect(sent(queue, 2, 3)).toEqual([3, 4, 5]);
    expect(sent(queue, 2, 3)).toEqual([3, 4, 5]);
  });

  test('writes where it is told, and nowhere else', () => {
    const queue = new SendQueue(new SlabPool());
    queue.append(Uint8Array.of(1, 2, 3), 0, 3);
    const target = new Uint8Array(5).fill(7);
    queue.copyTo(1, 1, target, 2);
    expect([...target]).toEqual([7, 7, 2, 7, 7]);
  });

  test('owns nothing while it is idle: before, after the last acknowledgment, and when cleared', () => {
    const pool = new SlabPool();
    const queue = new SendQueue(pool);
    expect([queue.memory, pool.free]).toEqual([0, 0]);
    queue.append(new Uint8Array(10), 0, 10);
    queue.release(10);
    expect([queue.memory, pool.free]).toEqual([0, 2 * KB]);
    queue.append(new Uint8Array(200 * KB), 0, 200 * KB);
    queue.release(50 * KB);
    queue.clear();
    expect([queue.memory, queue.length, queue.head]).toEqual([0, 0, 200 * KB + 10]);
    queue.check();
  });

  test('takes as much memory again as it has, from 2 KB to 64 KB at a time', () => {
    const queue = new SendQueue(new SlabPool());
    const sizes = new Set<number>();
    for (let i = 0; i < 300; i++) {
      queue.append(new Uint8Array(KB), 0, KB);
      sizes.add(queue.memory / KB);
    }
    expect([...sizes]).toEqual([2, 4, 8, 16, 32, 64, 128, 192, 256, 320]);
    const bulk = new SendQueue(new SlabPool());
    bulk.append(new Uint8Array(9 * KB), 0, 9 * KB);
    expect(bulk.memory).toBe(16 * KB);
    bulk.append(new Uint8Array(100 * KB), 0, 100 * KB);
    expect(bulk.memory).toBe(16 * KB + 128 * KB);
  });

  test('finds every byte among slabs of all sizes', () => {
    const queue = new SendQueue(new SlabPool());
    for (let i = 0; i < 300; i++) queue.append(new Uint8Array(KB).fill(i), 0, KB);
    for (let i = 1; i < 300; i++) expect(sent(queue, i * KB - 1, 2)).toEqual([(i - 1) & 0xff, i & 0xff]);
    queue.release(7 * KB);
    for (let i = 8; i < 300; i++) expect(sent(queue, i * KB - 1, 2)).toEqual([(i - 1) & 0xff, i & 0xff]);
  });

  test('gives back each slab as soon as all of it is acknowledged', () => {
    const pool = new SlabPool();
    const queue = new SendQueue(pool);
    queue.append(new Uint8Array(2 * KB), 0, 2 * KB);
    queue.append(new Uint8Array(70 * KB), 0, 70 * KB);
    queue.release(2 * KB - 1);
    expect(pool.free).toBe(0);
    queue.release(2 * KB);
    expect([pool.free, queue.memory]).toEqual([2 * KB, 128 * KB]);
  });

  test('takes slabs that others gave back', () => {
    const pool = new SlabPool();
    const [a, b] = [new SendQueue(pool), new SendQueue(pool)];
    a.append(new Uint8Array(100), 0, 100);
    a.clear();
    b.append(new Uint8Array(100), 0, 100);
    expect([pool.free, b.memory]).toEqual([0, 2 * KB]);
  });

  test('of nothing written stays empty', () => {
    const queue = new SendQueue(new SlabPool());
    queue.append(new Uint8Array(4), 2, 2);
    expect([queue.length, queue.memory]).toEqual([0, 0]);
    expect(sent(queue, 0, 0)).toEqual([]);
  });

  test('asked for what it does not hold is a mistake of ours', () => {
    const queue = new SendQueue(new SlabPool());
    queue.append(new Uint8Array(10), 0, 10);
    queue.release(3);
    const target = new Uint8Array(10);
    expect(() => queue.copyTo(2, 1, target, 0)).toThrow('send-queue');
    expect(() => queue.copyTo(9, 2, target, 0)).toThrow('send-queue');
    expect(() => queue.release(11)).toThrow('send-queue');
    expect(() => queue.release(2)).toThrow('send-queue');
  });
});

describe('a pool of slabs', () => {
  test('gives the next size, and 64 KB at most', () => {
    const pool = new SlabPool();
    const sizes = [1, 2 * KB, 2 * KB + 1, 32 * KB, 32 * KB + 1, 64 * KB, 64 * KB + 1, 10 ** 6];
    expect(sizes.map((size) => pool.take(size).length / KB)).toEqual([2, 2, 4, 32, 64, 64, 64, 64]);
  });

  test('keeps no more free than it may, and gives again what it kept', () => {
    const pool = new SlabPool(70 * KB);
    const slabs = [64, 4, 4, 2].map((kb) => pool.take(kb * KB));
    for (const slab of slabs) pool.put(slab);
    expect(pool.free).toBe(70 * KB);
    expect(pool.take(3 * KB)).toBe(slabs[1]);
    expect(pool.free).toBe(66 * KB);
  });
});

describe('a receive queue', () => {
  test('hands over what arrived, in order, and then has nothing', () => {
    const queue = new ReceiveQueue();
    expect(queue.shift()).toBeNull();
    queue.append(Uint8Array.of(9, 1, 2, 9), 1, 3);
    expect([...queue.shift()!]).toEqual([1, 2]);
    expect([queue.length, queue.shift()]).toEqual([0, null]);
  });

  test('hands over exactly the memory it took, while the application keeps up', () => {
    const queue = new ReceiveQueue();
    for (const size of [1, 1460, 70_000]) {
      queue.append(new Uint8Array(size), 0, size);
      expect(queue.memory).toBe(size);
      expect(queue.shift()!.buffer.byteLength).toBe(size);
      expect(queue.memory).toBe(0);
    }
  });

  test('takes twice the memory it needs at most, and few pieces, when many small segments wait', () => {
    const queue = new ReceiveQueue();
    let pieces = 0;
    for (let i = 0; i < 10_000; i++) {
      queue.append(Uint8Array.of(i), 0, 1);
      expect(queue.memory).toBeLessThanOrEqual(2 * queue.length);
    }
    for (let i = 0, piece = queue.shift(); piece !== null; piece = queue.shift(), pieces++) {
      for (const byte of piece) if (byte !== (i++ & 0xff)) expect.fail(`byte ${i}`);
    }
    expect(pieces).toBeLessThan(20);
  });

  test('grows by 64 KB at most', () => {
    const queue = new ReceiveQueue();
    queue.append(new Uint8Array(1_000_000), 0, 1_000_000);
    queue.append(new Uint8Array(1), 0, 1);
    expect(queue.memory).toBe(1_000_000 + 64 * KB);
  });

  test('takes a chunk that it is given without a copy, between others', () => {
    const queue = new ReceiveQueue();
    const given = Uint8Array.of(4, 5);
    queue.append(Uint8Array.of(1, 2), 0, 2);
    queue.append(Uint8Array.of(3), 0, 1); // leaves room for one more
    queue.appendOwned(given);
    queue.appendOwned(new Uint8Array(0));
    queue.append(Uint8Array.of(6), 0, 1);
    queue.check();
    expect([...queue.shift()!]).toEqual([1, 2]);
    expect([...queue.shift()!]).toEqual([3]);
    expect(queue.shift()).toBe(given);
    expect([...queue.shift()!]).toEqual([6]);
  });

  test('never writes into a chunk that it was given, nor into what lies around it', () => {
    const around = Uint8Array.of(7, 1, 2, 7);
    const queue = new ReceiveQueue();
    queue.appendOwned(around.subarray(1, 3));
    queue.append(Uint8Array.of(3), 0, 1);
    expect([...around]).toEqual([7, 1, 2, 7]);
  });

  test('hands over at most so many bytes, in memory of their own', () => {
    const queue = new ReceiveQueue();
    queue.append(Uint8Array.of(1, 2, 3, 4), 0, 4);
    const first = queue.shift(3)!;
    structuredClone(first, { transfer: [first.buffer as ArrayBuffer] });
    expect([...queue.shift(3)!]).toEqual([4]);
    queue.append(Uint8Array.of(5), 0, 1);
    expect([queue.shift(0), queue.length]).toEqual([null, 1]);
  });

  test('copies a part of a Buffer too, whose slices are views', () => {
    const queue = new ReceiveQueue();
    queue.appendOwned(Buffer.from([1, 2, 3]));
    queue.shift(1)!.fill(9);
    expect([...queue.shift()!]).toEqual([2, 3]);
    queue.appendOwned(Buffer.from([1, 2, 3]));
    expect(queue.shift(1)!.buffer.byteLength).toBe(1);
  });

  test('moves bytes into the reader’s memory: what there is, or what fits', () => {
    const queue = new ReceiveQueue();
    queue.append(Uint8Array.of(1, 2, 3), 0, 3);
    queue.append(Uint8Array.of(4, 5), 0, 2);
    const target = new Uint8Array(6).fill(7);
    expect(queue.copyTo(target, 1, 5)).toBe(4);
    expect([...target]).toEqual([7, 1, 2, 3, 4, 7]);
    expect(queue.copyTo(target, 0, 6)).toBe(1);
    expect(target[0]).toBe(5);
    expect(queue.copyTo(target, 0, 6)).toBe(0);
    expect(queue.memory).toBe(0);
  });

  test('that was cleared owns nothing', () => {
    const queue = new ReceiveQueue();
    queue.append(new Uint8Array(10), 0, 10);
    queue.shift(3);
    queue.clear();
    queue.check();
    expect([queue.length, queue.memory, queue.shift()]).toEqual([0, 0, null]);
  });
});
