// Sequence numbers at the places where they wrap. RFC 9293 §3.4.

import { describe, expect, test } from 'vitest';
import { add, diff, ge, gt, le, lt, max, min, seq, within } from '../../../src/tcp/seq.js';

describe('sequence numbers', () => {
  const last = seq(0xffff_ffff);
  const first = seq(0);

  test('0 follows 2^32 - 1', () => {
    expect(add(last, 1)).toBe(first);
    expect(lt(last, first)).toBe(true);
    expect(gt(first, last)).toBe(true);
    expect(diff(first, last)).toBe(1);
    expect(max(last, first)).toBe(first);
    expect(min(last, first)).toBe(last);
  });

  test('2^31 follows 2^31 - 1, though int32 changes its sign there', () => {
    const before = seq(0x7fff_ffff);
    const behind = seq(0x8000_0000);
    expect(add(before, 1)).toBe(behind);
    expect(lt(before, behind)).toBe(true);
    expect(diff(behind, before)).toBe(1);
    expect(max(before, behind)).toBe(behind);
  });

  test('a number is at itself, not before or behind it', () => {
    for (const n of [first, last, seq(0x8000_0000)]) {
      expect([lt(n, n), le(n, n), gt(n, n), ge(n, n)]).toEqual([false, true, false, true]);
      expect(diff(n, n)).toBe(0);
    }
  });

  test('the largest window reaches over the wrap: RFC 7323 §2.3, 2^30 bytes', () => {
    const start = seq(0xffff_fff0);
    const size = 2 ** 30;
    expect(within(start, start, size)).toBe(true);
    expect(within(add(start, size - 1), start, size)).toBe(true);
    expect(within(add(start, size), start, size)).toBe(false);
    expect(within(add(start, -1), start, size)).toBe(false);
  });

  test('a window of nothing holds nothing', () => {
    expect(within(first, first, 0)).toBe(false);
  });
});
