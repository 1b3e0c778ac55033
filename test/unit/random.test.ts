// Where chance comes from: what is drawn, what is kept, and what must never repeat or must always.

import { describe, expect, test } from 'vitest';
import { CryptoRandom, SeededRandom } from '../../src/random.js';

/** A source that gives these numbers, over and over. */
function scripted(values: readonly number[]): {
  fills: Uint32Array[]; getRandomValues(array: Uint32Array): void;
} {
  const fills: Uint32Array[] = [];
  return {
    fills,
    getRandomValues(array) {
      fills.push(array);
      for (let i = 0; i < array.length; i++) array[i] = values[i % values.length]!;
    },
  };
}

describe('the platform’s random numbers', () => {
  test('are given in order, each once, and fetched as they run out', () => {
    const source = scripted(Array.from({ length: 256 }, (_, i) => i * 1000));
    const random = new CryptoRandom(source);
    expect(source.fills).toHaveLength(0);
    const drawn = Array.from({ length: 256 }, () => random.u32());
    expect(drawn).toEqual(Array.from({ length: 256 }, (_, i) => i * 1000));
    expect(source.fills).toHaveLength(1);
    expect(random.u32()).toBe(0);
    expect(random.u32()).toBe(1000);
    expect(source.fills).toHaveLength(2);
  });

  test('are forgotten once given', () => {
    const source = scripted([0xdeadbeef]);
    const random = new CryptoRandom(source);
    for (let i = 0; i < 10; i++) random.u32();
    expect([...source.fills[0]!.subarray(0, 10)]).toEqual(new Array(10).fill(0));
    expect(source.fills[0]![10]).toBe(0xdeadbeef);
  });

  test('come from Web Crypto', () => {
    const random = new CryptoRandom(globalThis.crypto);
    expect(new Set(Array.from({ length: 1000 }, () => random.u32())).size).toBeGreaterThan(990);
  });
});

describe('a number below n', () => {
  const below = (n: number, ...values: number[]): number => new CryptoRandom(scripted(values)).below(n);

  test('is the remainder, unless that would favour the small: then it is drawn again', () => {
    expect(below(3, 0xfffffffe)).toBe(2);
    // 2^32 = 3 * 1431655765 + 1: the one number above the last whole three is thrown away.
    expect(below(3, 0xffffffff, 7)).toBe(1);
    // 2^32 = 2^31 + 1 + (2^31 - 1): nearly every second one is.
    expect(below(0x80000001, 0x80000000, 5)).toBe(0x80000000);
    expect(below(0x80000001, 0x80000001, 0xffffffff, 5)).toBe(5);
  });

  test('for a power of two wastes none, up to 2^32', () => {
    expect(below(2 ** 32, 0xffffffff, 5)).toBe(0xffffffff);
    expect(below(2 ** 31, 0xffffffff, 5)).toBe(0x7fffffff);
    expect(below(1, 0xffffffff, 5)).toBe(0);
  });
});

describe('a seeded run', () => {
  test('is today what it was yesterday', () => {
    const random = new SeededRandom(1);
    expect(Array.from({ length: 4 }, () => random.u32())).toMatchInlineSnapshot(`
      [
        792534090,
        3215351813,
        160231488,
        1151041103,
      ]
    `);
    expect(new SeededRandom(1).fork('link').u32()).toMatchInlineSnapshot(`2857311408`);
  });
});
