// The Internet checksum of any bytes anywhere, against RFC 1071 in bigint.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Address } from '../../src/address.js';
import { setU16, u16 } from '../../src/bytes.js';
import { adjust, finish, pseudoSum, sumBytes, sumLanes } from '../../src/checksum.js';

/** RFC 1071 §1: adjacent bytes paired to 16-bit integers, and their one's complement sum. */
function oracle(bytes: Uint8Array, initial = 0n): number {
  let sum = initial;
  for (let i = 0; i < bytes.length; i += 2) sum += BigInt(bytes[i]! * 256 + (bytes[i + 1] ?? 0));
  while (sum > 0xffffn) sum = (sum & 0xffffn) + (sum >> 16n);
  return Number(sum);
}

/** Bytes with both kinds of extremes, in a memory that begins elsewhere than its buffer. */
const memory = fc.tuple(fc.uint8Array({ maxLength: 300 }), fc.constantFrom(0, 0, 0xff)).map(([drawn, fill]) => {
  const whole = new ArrayBuffer(4 + 320);
  const bytes = new Uint8Array(whole, 4);
  bytes.fill(fill);
  bytes.set(drawn, 8);
  return { bytes, lanes: new Uint32Array(whole, 4) };
});
const initialSum = fc.oneof(
  fc.nat({ max: 0xffff }), fc.nat({ max: 0xffffffff }), fc.constantFrom(0, 0xffff, 0xffffffff),
);

test('a sum, by bytes or by lanes, is that of RFC 1071, from any offset to any other', () => {
  const range = fc.tuple(fc.nat({ max: 320 }), fc.nat({ max: 320 }));
  fc.assert(fc.property(memory, range, initialSum, ({ bytes, lanes }, [x, y], initial) => {
    const [at, end] = [Math.min(x, y), Math.max(x, y)];
    const expected = oracle(bytes.subarray(at, end), BigInt(initial));
    expect(sumBytes(bytes, at, end, initial)).toBe(expected);
    expect(sumLanes(bytes, lanes, at, end, initial)).toBe(expected);
  }), { numRuns: 1000 });
});

test('every alignment and every length up to three rounds of lanes gives the same by bytes and by lanes', () => {
  const whole = new ArrayBuffer(128);
  const bytes = new Uint8Array(whole).map((_, i) => (i * 157 + 91) & 0xff);
  const lanes = new Uint32Array(bytes.buffer);
  for (let at = 0; at < 9; at++) {
    for (let end = at; end <= 128; end++) {
      expect(sumLanes(bytes, lanes, at, end), `${at} .. ${end}`).toBe(oracle(bytes.subarray(at, end)));
    }
  }
});

test('sums of pieces of even length add up to the sum of the whole', () => {
  fc.assert(fc.property(memory, fc.nat({ max: 160 }), fc.nat({ max: 320 }), ({ bytes, lanes }, half, end) => {
    const cut = Math.min(half * 2, end);
    const first = sumLanes(bytes, lanes, 0, cut & ~1);
    expect(sumLanes(bytes, lanes, cut & ~1, end, first)).toBe(oracle(bytes.subarray(0, end)));
  }));
});

// RFC 8200 §8.1-1.
test('a pseudo-header’s sum is that of its bytes, in IPv4 and in IPv6', () => {
  const word = fc.integer();
  const v6 = fc.tuple(word, word, word, word).map((w) => new Address(...w));
  const v4 = word.map((w) => new Address(0, 0, 0xffff, w));
  const family = fc.oneof(fc.tuple(v4, v4), fc.tuple(v6, v6));
  const length16 = fc.integer({ min: 1, max: 65_535 });
  fc.assert(fc.property(family, fc.nat({ max: 255 }), length16, ([src, dst], protocol, length) => {
    const header = new DataView(new ArrayBuffer(40));
    const words = src.family === 4
      ? [src.w3, dst.w3, (protocol << 16) | length] // RFC 768: zero, protocol, length
      : [src.w0, src.w1, src.w2, src.w3, dst.w0, dst.w1, dst.w2, dst.w3, length, protocol]; // RFC 8200 §8.1
    for (const [i, w] of words.entries()) header.setInt32(i * 4, w);
    expect(pseudoSum(src, dst, protocol, length)).toBe(oracle(new Uint8Array(header.buffer, 0, words.length * 4)));
  }));
});

test('an adjusted checksum is the checksum of the adjusted header (RFC 1624)', () => {
  // A header is never all zeros: its version is not. There alone the two zeros could not be told apart.
  const header = fc.uint8Array({ minLength: 19, maxLength: 19 }).map((b) => Uint8Array.of(0x45, ...b));
  const extreme = fc.oneof(fc.nat({ max: 0xffff }), fc.constantFrom(0, 0xffff));
  fc.assert(fc.property(header, fc.integer({ min: 1, max: 9 }), extreme, (b, word, after) => {
    const checksum = finish(oracle(b));
    const before = u16(b, word * 2);
    setU16(b, word * 2, after);
    expect(adjust(checksum, before, after)).toBe(finish(oracle(b)));
  }));
});
