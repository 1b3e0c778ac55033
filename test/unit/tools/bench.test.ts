import { describe, expect, test } from 'vitest';
import { compare, median, table } from '../../../tools/bench/report.js';

describe('the bench', () => {
  test('a ratio above one is better than the peer, whether more is better or less', () => {
    expect(compare(30, 10, false)).toEqual({ ours: 30, theirs: 10, ratio: 3 });
    expect(compare(500, 1000, true)).toEqual({ ours: 500, theirs: 1000, ratio: 2 });
    expect(compare(null, 1000, false).ratio).toBe(null);
    expect(compare(500, null, true).ratio).toBe(null);
  });

  test('the median is the middle one by value, or between the two in the middle', () => {
    expect(median([10, 9, 100])).toBe(10);
    expect(median([4, 1, 100, 2])).toBe(3);
  });

  test('the table shows three digits that mean something, a dash for what was not measured, and aligned columns', () => {
    const lines = [
      { name: 'bulk-in-1', unit: 'Gb/s', peer: 'node:net', ours: 12.3456, theirs: 7.0912, ratio: 1.741 },
      { name: 'udp-64', unit: 'packets/s', peer: 'node:dgram', ours: null, theirs: 123_456.7, ratio: null },
    ];
    expect(table(lines, new Map([['bulk-in-1', '40 % / 20 %']]), 'generator')).toBe([
      '           unit       wallsocket     peer              ratio    generator',
      'bulk-in-1  Gb/s             12.3     7.09  node:net     1.74  40 % / 20 %',
      'udp-64     packets/s           -  123,457  node:dgram      -',
    ].join('\n'));
  });
});
