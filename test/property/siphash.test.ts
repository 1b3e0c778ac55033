// SipHash-2-4 for any key and any message, against the paper written in bigint.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SipHash } from '../../src/siphash.js';

const word = fc.nat({ max: 0xffffffff });
const key = fc.tuple(word, word, word, word);

/** Aumasson and Bernstein 2012, §2.2 to §2.4. */
function siphash24(k0: bigint, k1: bigint, message: Uint8Array): bigint {
  const u64 = (x: bigint): bigint => BigInt.asUintN(64, x);
  const rotate = (x: bigint, by: bigint): bigint => u64((x << by) | (x >> (64n - by)));
  let [v0, v1, v2, v3] = [
    k0 ^ 0x736f6d6570736575n, k1 ^ 0x646f72616e646f6dn, k0 ^ 0x6c7967656e657261n, k1 ^ 0x7465646279746573n,
  ];
  const round = (): void => {
    v0 = u64(v0 + v1);
    v1 = rotate(v1, 13n) ^ v0;
    v0 = rotate(v0, 32n);
    v2 = u64(v2 + v3);
    v3 = rotate(v3, 16n) ^ v2;
    v0 = u64(v0 + v3);
    v3 = rotate(v3, 21n) ^ v0;
    v2 = u64(v2 + v1);
    v1 = rotate(v1, 17n) ^ v2;
    v2 = rotate(v2, 32n);
  };
  const padded = new Uint8Array((message.length & ~7) + 8);
  padded.set(message);
  padded[padded.length - 1] = message.length;
  const view = new DataView(padded.buffer);
  for (let at = 0; at < padded.length; at += 8) {
    const m = view.getBigUint64(at, true);
    v3 ^= m;
    round();
    round();
    v0 ^= m;
  }
  v2 ^= 0xffn;
  for (let i = 0; i < 4; i++) round();
  return v0 ^ v1 ^ v2 ^ v3;
}

const expected = ([a, b, c, d]: [number, number, number, number], message: Uint8Array): bigint =>
  siphash24((BigInt(b) << 32n) | BigInt(a), (BigInt(d) << 32n) | BigInt(c), message);

const result = (siphash: SipHash): bigint => (BigInt(siphash.hi) << 32n) | BigInt(siphash.lo);

test('a hash of words is the paper’s', () => {
  fc.assert(fc.property(key, fc.int32Array({ maxLength: 40 }), (k, words) => {
    const siphash = new SipHash(...k);
    siphash.hashWords(words, words.length);
    expect(result(siphash)).toBe(expected(k, new Uint8Array(words.buffer, words.byteOffset, words.byteLength)));
  }));
});

test('a hash of bytes is the paper’s, whatever was hashed before', () => {
  const bytes = fc.uint8Array({ maxLength: 256 });
  fc.assert(fc.property(key, bytes, bytes, (k, before, message) => {
    const siphash = new SipHash(...k);
    siphash.hashBytes(before, 0, before.length);
    siphash.hashBytes(message, 0, message.length);
    expect(result(siphash)).toBe(expected(k, message));
  }));
});
