// The circle of sequence numbers, RFC 9293 §3.4, against the same arithmetic in bigint.

import fc from 'fast-check';
import { describe, test } from 'vitest';
import * as Seq from '../../src/tcp/seq.js';

const CIRCLE = 1n << 32n;

/** The position on the circle, 0 .. 2^32 - 1. */
const position = (n: number): bigint => BigInt.asUintN(32, BigInt(n));

/** How far `a` is ahead of `b`, going the shorter way; -2^31 when both ways are equally long. */
function distance(a: number, b: number): bigint {
  const ahead = (position(a) - position(b) + CIRCLE) % CIRCLE;
  return ahead >= CIRCLE / 2n ? ahead - CIRCLE : ahead;
}

// Ends of int32, of uint32, and zero: where a sign or a carry is lost.
const corner = fc.constantFrom(0, 1, -1, 0x7fffffff, 0x7ffffffe, -0x80000000, -0x7fffffff, 0x3fffffff, -0x40000000);
const anySeq = fc.oneof(corner, fc.integer()).map(Seq.seq);
const anyStep = fc.oneof(corner, fc.integer(), fc.integer({ min: -3, max: 3 }));
/** Two numbers, most of them near each other or near the far side of the circle. */
const pair = fc.oneof(
  fc.tuple(anySeq, anySeq),
  fc.tuple(anySeq, anyStep).map(([a, step]): [Seq.Seq, Seq.Seq] => [a, Seq.seq(Number(BigInt(a) + BigInt(step)))]),
);

function check<T extends unknown[]>(
  arbitraries: { [K in keyof T]: fc.Arbitrary<T[K]> }, holds: (...drawn: T) => boolean,
): void {
  fc.assert(fc.property(fc.tuple(...arbitraries) as fc.Arbitrary<T>, (drawn) => holds(...drawn)), { numRuns: 1000 });
}

describe('sequence numbers', () => {
  test('any integer has its place on the circle', () => {
    check([fc.maxSafeInteger()], (n) =>
      position(Seq.seq(n)) === position(n) && Object.is(Seq.seq(n), Seq.seq(n) | 0));
  });

  test('diff is the signed distance', () => {
    check([pair], ([a, b]) => BigInt(Seq.diff(a, b)) === distance(a, b));
  });

  test('lt, le, gt and ge are the sign of the distance', () => {
    check([pair], ([a, b]) =>
      Seq.lt(a, b) === distance(a, b) < 0n && Seq.le(a, b) === distance(a, b) <= 0n
      && Seq.gt(a, b) === distance(a, b) > 0n && Seq.ge(a, b) === distance(a, b) >= 0n);
  });

  test('add goes round the circle, both ways', () => {
    check([anySeq, fc.oneof(anyStep, fc.integer({ min: -(2 ** 40), max: 2 ** 40 }))], (a, n) =>
      position(Seq.add(a, n)) === ((position(a) + BigInt(n)) % CIRCLE + CIRCLE) % CIRCLE
      && Seq.add(a, n) === (Seq.add(a, n) | 0));
  });

  test('max and min are the one ahead and the one behind', () => {
    check([pair], ([a, b]) => {
      if (distance(a, b) === -CIRCLE / 2n) return true;
      return Seq.max(a, b) === (distance(a, b) < 0n ? b : a) && Seq.min(a, b) === (distance(a, b) < 0n ? a : b);
    });
  });

  test('within holds for exactly `size` numbers, from the start on', () => {
    // `n` is drawn near the edges: two independent 32-bit numbers would never meet there.
    const size = fc.oneof(
      fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 0x7fffffff }), fc.constant(2 ** 32),
    );
    const nearEdge = size.chain((s) => fc.tuple(
      fc.constant(s),
      fc.oneof(fc.integer({ min: -2, max: 2 }), fc.integer({ min: -2, max: 2 }).map((d) => s + d), fc.integer()),
    ));
    check([anySeq, nearEdge], (start, [s, offset]) => {
      const n = Seq.seq(Number(BigInt(start) + BigInt(offset)));
      return Seq.within(n, start, s) === position(offset) < BigInt(s);
    });
  });
});
