// Token buckets for ICMP errors: what they let through, and how little they tell. RFC 4443 §2.4 (f); SEC-39, after SAD DNS
// (CVE-2020-25705).

import { describe, expect, test } from 'vitest';
import { address, type Address } from '../../../src/address.js';
import { BUCKETS, RateLimit, type RateLimitSettings } from '../../../src/icmp/rate-limit.js';
import { SeededRandom } from '../../../src/random.js';

const SETTINGS: RateLimitSettings = { perSecond: 1000, burst: 50, perSecondToOne: 10, burstToOne: 10 };
const VICTIM = address('192.0.2.53');
const peer = (i: number): Address => address(`10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`);

const limit = (seed: number, settings: Partial<RateLimitSettings> = {}): RateLimit =>
  new RateLimit(new SeededRandom(seed), { ...SETTINGS, ...settings });

/** How many of `n` errors to `to` go through at `now`. */
function paid(l: RateLimit, n: number, to: Address | ((i: number) => Address), now: number): number {
  let count = 0;
  for (let i = 0; i < n; i++) if (l.pay(typeof to === 'function' ? to(i) : to, now)) count++;
  return count;
}

test('in the long run a peer gets its rate, whatever it asks for', () => {
  const l = limit(1);
  let count = 0;
  for (let now = 0; now < 100_000; now += 5) count += paid(l, 2, VICTIM, now);
  // 1000 in 100 s, and the burst; each price has a standard deviation of 0.29.
  expect(Math.abs(count - 1010)).toBeLessThan(60);
});

test('in the long run all together get theirs', () => {
  const l = limit(2);
  let count = 0;
  for (let now = 0; now < 10_000; now++) count += paid(l, 5, (i) => peer(now * 5 + i), now);
  expect(Math.abs(count - 10_050)).toBeLessThan(200);
});

test('after a pause a burst is possible again, and no more than a burst', () => {
  const l = limit(3, { perSecondToOne: 1, burstToOne: 10 });
  paid(l, 100, VICTIM, 0);
  expect(paid(l, 100, VICTIM, 100)).toBe(0);
  const bursts = Array.from({ length: 50 }, (_, i) => paid(l, 100, VICTIM, 1_000_000 * (i + 1)));
  const mean = bursts.reduce((a, b) => a + b) / 50;
  expect(mean).toBeGreaterThan(9);
  expect(mean).toBeLessThan(11);
  expect(Math.max(...bursts)).toBeLessThan(20);
});

test('a clock that goes back earns nothing', () => {
  const l = limit(4);
  paid(l, 100, VICTIM, 10_000);
  for (let now = 10_000; now > 0; now -= 100) expect(paid(l, 1, VICTIM, now)).toBe(0);
});

test('an IPv6 subnet is one peer, whatever addresses it makes up', () => {
  const l = limit(5);
  const count = paid(l, 1000, (i) => address(`2001:db8::${(i + 1).toString(16)}`), 0);
  expect(count).toBeLessThan(16);
  expect(paid(l, 1, address('2001:db8:0:1::1'), 0)).toBe(1);
});

test('peers share buckets, but nobody outside knows which', () => {
  /** Who cannot be answered once the victim's bucket is empty. */
  const shared = (seed: number): string => {
    const l = limit(seed, { perSecond: 1e9, burst: 1e9, perSecondToOne: 0, burstToOne: 100 });
    paid(l, 1000, VICTIM, 0);
    return Array.from({ length: 4 * BUCKETS }, (_, i) => i).filter((i) => !l.pay(peer(i), 0)).join();
  };
  // Of four times as many peers as buckets, four on average; under another secret, others.
  const sets = Array.from({ length: 12 }, (_, seed) => shared(seed));
  expect(new Set(sets).size).toBe(12);
});

describe('as a side channel (SEC-39)', () => {
  test('what is spent in the victim’s name hardly touches the common bucket', () => {
    const l = limit(6);
    paid(l, 1000, VICTIM, 0);
    // Of 50 tokens, a peer can spend its own burst of 10 and no more: others still get the rest.
    expect(paid(l, 1000, (i) => peer(i), 0)).toBeGreaterThan(50 - 10 - 8);
  });

  test('how many answers are left after k questions varies, so that k cannot be read from it', () => {
    const left = (seed: number, k: number): number => {
      const l = limit(seed);
      paid(l, k, (i) => peer(i), 0);
      return paid(l, 100, (i) => peer(1000 + i), 0);
    };
    for (const k of [0, 10, 11]) {
      const outcomes = new Set(Array.from({ length: 100 }, (_, seed) => left(seed, k)));
      expect(outcomes.size).toBeGreaterThan(4);
    }
    // One question more or less: the outcomes overlap.
    const [ten, eleven] = [10, 11].map((k) => new Set(Array.from({ length: 100 }, (_, seed) => left(seed, k))));
    expect([...ten!].filter((n) => eleven!.has(n)).length).toBeGreaterThan(4);
  });
});
