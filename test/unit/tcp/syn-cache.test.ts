// The SYN queue as a table: found by tuple, in the order of what is due, small. RFC 4987 §3.3, RFC 6298 §5; SEC-53.

import { describe, expect, test } from 'vitest';

import { address } from '../../../src/address.js';
import { SeededRandom } from '../../../src/random.js';
import { seq } from '../../../src/tcp/seq.js';
import { Handshake, SynCache } from '../../../src/tcp/syn-cache.js';

const US = address('192.0.2.1');
const THEM = address('192.0.2.2');

const owner = (): { halfOpenCount: number } => ({ halfOpenCount: 0 });

const cacheOf = (): SynCache<{ halfOpenCount: number }> => new SynCache(new SeededRandom(1));

describe('a row', () => {
  test('remembers all that the client\'s SYN said', () => {
    const cache = cacheOf();
    const told = [
      { mss: 65_535, windowField: 65_535, windowScale: 14, sackPermitted: true, hasTimestamps: true, ecn: true, wantsFastOpen: true },
      { mss: 0, windowField: 0, windowScale: -1, sackPermitted: false, hasTimestamps: false, ecn: false, accurateEcn: 4, wantsFastOpen: false },
      { mss: 536, windowField: 1, windowScale: 0, sackPermitted: true, hasTimestamps: false, ecn: true, accurateEcn: 0, wantsFastOpen: false },
      { mss: 1460, windowField: 40_000, windowScale: 7, sackPermitted: false, hasTimestamps: true, ecn: false, accurateEcn: 1, wantsFastOpen: true },
    ].map((said, i) => Object.assign(new Handshake(), {
      ...said, iss: seq(-i), irs: seq(0x7fff_ffff + i), tsRecent: -5 - i, tsOffset: 0x8000_0000 | i,
    }));
    const rows = told.map((h, i) => cache.add(owner(), US, 80, THEM, i + 1, h, 0));
    const recalled = rows.map((row) => {
      const h = new Handshake();
      cache.load(row, h);
      return h;
    });
    expect(recalled).toEqual(told);
  });

  // The issue of SEC-53: a flood must not be paid for with connections.
  test('is at most 150 bytes', () => {
    const rows = cacheOf()['rows'];
    const bucketAndUseAndOwner = 2 * 4 + 1 + 8;
    expect(rows['stride'] * 4 + rows['timeColumns'] * 8 + bucketAndUseAndOwner).toBeLessThanOrEqual(150);
  });

  // RFC 6298 (5.5), (2.5): twice as long each time, up to the ceiling.
  test('is due after 1, 2, 4, 8, 16, 32, 64 and then every 120 seconds', () => {
    const cache = cacheOf();
    const row = cache.add(owner(), US, 80, THEM, 1, new Handshake(), 500);
    const waits: number[] = [];
    for (let now = 500; waits.length < 10;) {
      const next = cache.nextTimeout();
      waits.push((next - now) / 1000);
      now = next;
      expect(cache.due(now - 1)).toBe(-1);
      expect(cache.due(now)).toBe(row);
      cache.repeat(row, now);
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 120, 120, 120]);
    expect(cache.repeats(row)).toBe(10);
  });

  test('knows whether its answer measures anything', () => {
    const cache = cacheOf();
    const row = cache.add(owner(), US, 80, THEM, 1, new Handshake(), 0);
    expect(cache.isAmbiguous(row)).toBe(false);
    cache.repeat(row, 1000);
    expect(cache.isAmbiguous(row)).toBe(true);
    cache.remove(row);
    // The next to use the row inherits nothing.
    expect(cache.add(owner(), US, 80, THEM, 1, new Handshake(), 0)).toBe(row);
    expect([cache.isAmbiguous(row), cache.repeats(row)]).toEqual([false, 0]);
  });

  test('answers ten times a second, and ten times in the next', () => {
    const cache = cacheOf();
    const row = cache.add(owner(), US, 80, THEM, 1, new Handshake(), 0);
    const count = (now: number): number => Array.from({ length: 50 }, () => cache.mayAnswer(row, now)).filter(Boolean).length;
    expect([count(5), count(1004), count(1005)]).toEqual([10, 0, 10]);
  });
});

/** What the cache must be the same as: a list. */
interface Naive {
  readonly port: number;
  readonly owner: { halfOpenCount: number };
  repeats: number;
  dueAt: number;
}

test('the cache is a list of tuples with a back-off each, whatever happens in whatever order', () => {
  const dice = new SeededRandom(9);
  const cache = cacheOf();
  const owners = [owner(), owner(), owner()];
  const model = new Map<number, Naive>();
  let now = 0;
  for (let step = 0; step < 5000; step++) {
    now += dice.below(300);
    const port = 1 + dice.below(200);
    const row = cache.find(US, 80, THEM, port);
    expect(row >= 0).toBe(model.has(port));
    if (row < 0) {
      const o = owners[dice.below(3)]!;
      cache.add(o, US, 80, THEM, port, new Handshake(), now);
      model.set(port, { port, owner: o, repeats: 0, dueAt: now + 1000 });
    } else if (dice.below(3) === 0) {
      cache.remove(row);
      model.delete(port);
    }
    for (let due = cache.due(now); due >= 0; due = cache.due(now)) {
      const m = model.get(cache.remotePort(due))!;
      expect(m.dueAt).toBeLessThanOrEqual(now);
      cache.repeat(due, now);
      m.repeats++;
      m.dueAt = now + Math.min(1000 * 2 ** m.repeats, 120_000);
    }
    expect(cache.nextTimeout()).toBe(Math.min(Infinity, ...[...model.values()].map((m) => m.dueAt)));
    if (step % 50 === 0) cache.check();
  }
  expect(cache.size).toBe(model.size);
  for (const o of owners) {
    const ports = cache.rowsOf(o).map((row) => cache.remotePort(row)).toSorted((a, b) => a - b);
    expect(ports).toEqual([...model.values()].filter((m) => m.owner === o).map((m) => m.port).toSorted((a, b) => a - b));
    expect(o.halfOpenCount).toBe(ports.length);
  }
  expect(model.size).toBeGreaterThan(50);
});
