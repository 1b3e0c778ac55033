// Seeded chance: the generator against its definition in bigint, and the laws that simulations rely on.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../src/random.js';

const seed = fc.integer();

const drawn = (random: SeededRandom, count: number): number[] => Array.from({ length: count }, () => random.u32());

/**
 * sfc32 of PractRand, its state from splitmix32 (murmur's finisher over the golden ratio's multiples), in
 * bigint.
 */
function* sfc32(seed: number): Generator<number> {
  const u32 = (x: bigint): bigint => BigInt.asUintN(32, x);
  let s = u32(BigInt(seed));
  const split = (): bigint => {
    s = u32(s + 0x9e3779b9n);
    let z = u32((s ^ (s >> 16n)) * 0x85ebca6bn);
    z = u32((z ^ (z >> 13n)) * 0xc2b2ae35n);
    return z ^ (z >> 16n);
  };
  let [a, b, c] = [split(), split(), split()];
  for (let counter = 1n; ; counter++) {
    const sum = u32(a + b + counter);
    a = b ^ (b >> 9n);
    b = u32(c + (c << 3n));
    c = u32(u32((c << 21n) | (c >> 11n)) + sum);
    // The first twelve mix the state.
    if (counter > 12n) yield Number(sum);
  }
}

describe('a seeded generator', () => {
  test('is sfc32', () => {
    fc.assert(fc.property(seed, (s) => {
      const expected = sfc32(s);
      expect(drawn(new SeededRandom(s), 20)).toEqual(Array.from({ length: 20 }, () => expected.next().value));
    }));
  });

  test('gives the same run for the same seed, and another for another', () => {
    fc.assert(fc.property(seed, seed, (a, b) => {
      expect(drawn(new SeededRandom(a), 8)).toEqual(drawn(new SeededRandom(a), 8));
      fc.pre(a !== b);
      expect(drawn(new SeededRandom(a), 8)).not.toEqual(drawn(new SeededRandom(b), 8));
    }));
  });

  test('below n stays below n, and is as often each', () => {
    fc.assert(fc.property(seed, fc.integer({ min: 2, max: 20 }), (s, n) => {
      const random = new SeededRandom(s);
      const draws = 200 * n;
      const counts = new Array<number>(n).fill(0);
      for (let i = 0; i < draws; i++) counts[random.below(n)]!++;
      expect(counts).toHaveLength(n);
      // Chi squared with n - 1 degrees of freedom has a mean of n - 1 and a variance of 2 (n - 1); eight
      // sigma and a bit.
      const chiSquared = counts.reduce((sum, count) => sum + (count - 200) ** 2 / 200, 0);
      expect(chiSquared).toBeLessThan(n - 1 + 8 * Math.sqrt(2 * (n - 1)) + 20);
    }));
    fc.assert(fc.property(seed, fc.integer({ min: 1, max: 2 ** 32 }), (s, n) => {
      const value = new SeededRandom(s).below(n);
      expect(Number.isInteger(value) && value >= 0 && value < n).toBe(true);
    }));
  });
});

describe('a fork', () => {
  const label = fc.string({ maxLength: 12 });

  test('is the same however much was drawn before, from its parent or from other forks', () => {
    fc.assert(fc.property(seed, label, label, fc.nat({ max: 20 }), (s, name, other, count) => {
      const busy = new SeededRandom(s);
      drawn(busy, count);
      drawn(busy.fork(other), count);
      expect(drawn(busy.fork(name), 8)).toEqual(drawn(new SeededRandom(s).fork(name), 8));
    }));
  });

  test('takes nothing from its parent', () => {
    fc.assert(fc.property(seed, label, (s, name) => {
      const forked = new SeededRandom(s);
      drawn(forked.fork(name), 5);
      expect(drawn(forked, 8)).toEqual(drawn(new SeededRandom(s), 8));
    }));
  });

  test('shares no number with its parent, nor with a fork of another name', () => {
    fc.assert(fc.property(seed, label, label, (s, a, b) => {
      fc.pre(a !== b);
      const parent = new SeededRandom(s);
      const streams = [parent, parent.fork(a), parent.fork(b)].map((random) => drawn(random, 10));
      // Of 30 numbers of 32 bits, two meet by chance once in ten million.
      expect(new Set(streams.flat()).size).toBe(30);
    }));
  });

  test('of a neighbouring seed with a neighbouring name is another', () => {
    const streams = new Set<number>();
    for (let s = 0; s < 32; s++) {
      for (const name of '@ABCDEFGHIJKLMNOPQRSTUVWXYZ') streams.add(new SeededRandom(s).fork(name).u32());
    }
    expect(streams.size).toBe(32 * 27);
  });
});
