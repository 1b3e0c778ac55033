// Bytes in place.

import { describe, expect, test } from 'vitest';
import { copy, equal, fromHex, hex, i32, setU16, setU32, u16, u32 } from '../../src/bytes.js';

describe('integers in network order', () => {
  const bytes = fromHex('00 fedcba98 7654 00');

  test('are read as DataView reads them', () => {
    const view = new DataView(bytes.buffer);
    for (let at = 0; at <= 4; at++) {
      const theirs = [view.getUint16(at), view.getInt32(at), view.getUint32(at)];
      expect([u16(bytes, at), i32(bytes, at), u32(bytes, at)]).toEqual(theirs);
    }
  });

  test('are written as DataView writes them, signed or not, and nowhere else', () => {
    for (const value of [0, 1, -1, 0x7fffffff, -0x80000000, 0xfedcba98, 0x1_0000_0001]) {
      const [ours, theirs] = [new Uint8Array(12).fill(7), new Uint8Array(12).fill(7)];
      setU16(ours, 1, value);
      setU32(ours, 5, value);
      const view = new DataView(theirs.buffer);
      view.setUint16(1, value);
      view.setUint32(5, value);
      expect(ours).toEqual(theirs);
    }
  });
});

describe('pieces of bytes', () => {
  test('are copied where they belong, short or long', () => {
    const from = Uint8Array.from({ length: 300 }, (_, i) => i + 1);
    for (const length of [0, 1, 23, 24, 25, 26, 200, 300]) {
      for (const at of [0, 300 - length]) {
        const into = new Uint8Array(310);
        copy(from, at, at + length, into, 5);
        const expected = new Uint8Array(310);
        for (let i = 0; i < length; i++) expected[5 + i] = from[at + i]!;
        expect(into).toEqual(expected);
      }
    }
  });

  test('are equal when all bytes are', () => {
    expect(equal(Uint8Array.of(1, 2), Uint8Array.of(1, 2))).toBe(true);
    expect(equal(Uint8Array.of(1, 2), Uint8Array.of(1, 3))).toBe(false);
    expect(equal(Uint8Array.of(1, 2), Uint8Array.of(1, 2, 3))).toBe(false);
    expect(equal(new Uint8Array(0), new Uint8Array(0))).toBe(true);
  });

  test('are written in hexadecimal, and read from it', () => {
    const bytes = Uint8Array.of(0, 1, 15, 16, 127, 128, 255);
    expect(hex(bytes)).toBe(Buffer.from(bytes).toString('hex'));
    expect(hex(bytes, 2, 4)).toBe('0f10');
    expect(fromHex(' 00 010f\n107F\t80ff ')).toEqual(bytes);
  });
});
