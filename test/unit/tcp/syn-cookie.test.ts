// SYN cookies: what a sequence number remembers, for how long, and who can make one. RFC 4987 §3.6; SEC-53.

import { describe, expect, test } from 'vitest';

import { address } from '../../../src/address.js';
import { SeededRandom } from '../../../src/random.js';
import { add, seq } from '../../../src/tcp/seq.js';
import { Handshake } from '../../../src/tcp/syn-cache.js';
import { recallOptions, SynCookies, timestampOf } from '../../../src/tcp/syn-cookie.js';

const US = address('192.0.2.1');
const THEM = address('192.0.2.2');
const IRS = seq(0xffff_fff0);

/** A slot begins at 64 s, and another at 128 s. */
const SLOT = 64_000;

const make = (c: SynCookies, mss: number, now: number): ReturnType<SynCookies['make']> => c.make(US, 80, THEM, 40_000, IRS, mss, now);
const check = (c: SynCookies, cookie: ReturnType<typeof make>, now: number): number => c.check(US, 80, THEM, 40_000, IRS, cookie, now);

describe('a cookie', () => {
  test.each([
    [1460, 1460], [1459, 1440], [65_535, 8960], [8960, 8960], [8959, 1460], [1400, 1400], [1220, 1220], [700, 536], [536, 536],
    [535, 216], [100, 216],
  ])('of an MSS of %i remembers %i: never more than was offered, but for the least that is believed', (offered, remembered) => {
    const c = new SynCookies(new SeededRandom(1));
    expect(check(c, make(c, offered, 1000), 1500)).toBe(remembered);
  });

  test('is good in its slot of 64 s and in the next, and then no more', () => {
    const c = new SynCookies(new SeededRandom(2));
    for (const madeAt of [0, SLOT - 1, 7 * SLOT, 300 * SLOT + 5]) {
      const cookie = make(c, 1460, madeAt);
      const end = (Math.floor(madeAt / SLOT) + 2) * SLOT;
      expect(check(c, cookie, madeAt)).toBe(1460);
      expect(check(c, cookie, end - 1)).toBe(1460);
      expect(check(c, cookie, end)).toBe(0);
      // Eight bits of the slot are in the clear: the hash knows the others.
      expect(check(c, cookie, madeAt + 256 * SLOT)).toBe(0);
      expect(check(c, cookie, madeAt + 257 * SLOT)).toBe(0);
    }
  });

  test('is no good for another tuple, another first number, or another secret', () => {
    const c = new SynCookies(new SeededRandom(3));
    const cookie = make(c, 1460, 0);
    const other = address('192.0.2.3');
    expect([
      c.check(other, 80, THEM, 40_000, IRS, cookie, 0), c.check(US, 81, THEM, 40_000, IRS, cookie, 0),
      c.check(US, 80, other, 40_000, IRS, cookie, 0), c.check(US, 80, THEM, 40_001, IRS, cookie, 0),
      c.check(US, 80, THEM, 40_000, add(IRS, 1), cookie, 0), check(new SynCookies(new SeededRandom(4)), cookie, 0),
    ]).toEqual([0, 0, 0, 0, 0, 0]);
  });

  // 16 of 2^24 numbers are good at a time: of 2^18 guesses a quarter of one hits.
  test('is not guessed', () => {
    const c = new SynCookies(new SeededRandom(5));
    const dice = new SeededRandom(6);
    let hits = 0;
    for (let i = 0; i < 1 << 18; i++) if (check(c, seq(dice.u32()), 10 * SLOT) > 0) hits++;
    expect(hits).toBeLessThanOrEqual(4);
  });

  test('of one client tells nothing of another\'s, nor of the next slot\'s', () => {
    const c = new SynCookies(new SeededRandom(7));
    const gaps = new Set<number>();
    for (let port = 1; port <= 100; port++) gaps.add((c.make(US, 80, THEM, port + 1, IRS, 1460, 0) - c.make(US, 80, THEM, port, IRS, 1460, 0)) | 0);
    expect(gaps.size).toBe(100);
    const steps = new Set<number>();
    for (let slot = 0; slot < 100; slot++) steps.add((make(c, 1460, (slot + 1) * SLOT) - make(c, 1460, slot * SLOT)) & 0xffffff);
    expect(steps.size).toBe(100);
  });
});

describe('the timestamp of its SYN+ACK', () => {
  test('remembers the other options, and is never ahead of the clock nor 64 ms behind', () => {
    for (const windowScale of [-1, 0, 7, 14]) {
      for (const flags of [0, 1, 2, 3]) {
        for (const now of [0, 1, 31, 32, 63, 64, 12_345.6]) {
          const h = Object.assign(new Handshake(), {
            windowScale, sackPermitted: (flags & 1) !== 0, ecn: (flags & 2) !== 0, hasTimestamps: true, tsOffset: -10,
          });
          const stamp = timestampOf(h, now);
          const behind = (Math.floor(now) - 10 - stamp) | 0;
          expect(behind).toBeGreaterThanOrEqual(0);
          expect(behind).toBeLessThan(64);
          const recalled = new Handshake();
          recallOptions(recalled, stamp | 0);
          expect([recalled.windowScale, recalled.sackPermitted, recalled.ecn]).toEqual([windowScale, h.sackPermitted, h.ecn]);
        }
      }
    }
  });

  test('has an offset that is the tuple\'s own, and always the same', () => {
    const c = new SynCookies(new SeededRandom(8));
    const first = c.tsOffset(US, 80, THEM, 40_000);
    c.tsOffset(US, 80, THEM, 40_001);
    expect(c.tsOffset(US, 80, THEM, 40_000)).toBe(first);
    expect(c.tsOffset(US, 80, THEM, 40_001)).not.toBe(first);
  });
});
