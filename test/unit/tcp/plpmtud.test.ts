// The search for a path's MTU, against paths that are known. RFC 4821 §7, RFC 8899 §5.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { type MtuProbing, Plpmtud } from '../../../src/tcp/plpmtud.js';

const MINUTE = 60_000;

/** Full segments time out `times` in a row. @returns whether any made the packets smaller */
function timeOut(p: Plpmtud, times: number, now = 0): boolean {
  let smaller = false;
  for (let i = 0; i < times; i++) smaller = p.onTimeout(now) || smaller;
  return smaller;
}

/** Probes go down a path that takes `mtu` bytes, until there are none to send. @returns their sizes */
function search(p: Plpmtud, mtu: number, now = 0): number[] {
  const sizes: number[] = [];
  for (let size = p.nextProbeSize(now); size > 0; size = p.nextProbeSize(now)) {
    expect(size).toBeGreaterThan(p.size);
    p.onProbeSent(size);
    sizes.push(size);
    // One at a time.
    expect(p.nextProbeSize(now)).toBe(0);
    if (size <= mtu) p.onAcked(now);
    else p.onLost(now);
    expect(sizes.length).toBeLessThan(100);
  }
  return sizes;
}

describe('the search', () => {
  test('finds what the path takes, never more, and less by fewer than eight bytes', () => {
    fc.assert(fc.property(fc.integer({ min: 1280, max: 9000 }), fc.integer({ min: 0, max: 9000 }), fc.constantFrom(4, 6), (max, less, family) => {
      const mtu = Math.max(1280, max - less);
      const p = new Plpmtud('always', family as 4 | 6, max);
      const sizes = search(p, mtu);
      expect(p.size).toBeLessThanOrEqual(mtu);
      expect(p.size).toBeGreaterThan(mtu - 8);
      // Three of each size that is too large, by halves.
      expect(sizes.length).toBeLessThanOrEqual(3 * (2 + Math.ceil(Math.log2(9000))));
    }), { numRuns: 300 });
  });

  test('tries the largest first, and that mostly ends it', () => {
    const p = new Plpmtud('always', 4, 1500);
    expect(p.size).toBe(1200);
    expect(search(p, 1500)).toEqual([1500]);
    expect(p.size).toBe(1500);
  });

  // RFC 8899 §5.1.2, MAX_PROBES.
  test('gives a size up when three probes of it were lost', () => {
    const p = new Plpmtud('always', 4, 1500);
    for (let i = 0; i < 3; i++) {
      expect(p.nextProbeSize(0)).toBe(1500);
      p.onProbeSent(1500);
      p.onLost(0);
    }
    expect(p.nextProbeSize(0)).toBe(1350);
  });

  // RFC 4821 §7.6.4.
  test('learns nothing from a probe that was lost with others', () => {
    const p = new Plpmtud('always', 4, 1500);
    for (let i = 0; i < 10; i++) {
      p.onProbeSent(p.nextProbeSize(0));
      p.onInconclusive();
    }
    expect(p.nextProbeSize(0)).toBe(1500);
  });

  // RFC 8899 §5.1.1, PMTU_RAISE_TIMER.
  test('begins again ten minutes after it was over, for paths change', () => {
    const p = new Plpmtud('always', 4, 1500);
    search(p, 1400);
    expect(p.size).toBeGreaterThan(1392);
    expect(p.nextProbeSize(10 * MINUTE - 1)).toBe(0);
    expect(search(p, 1500, 10 * MINUTE)).toEqual([1500]);
    expect(p.size).toBe(1500);
    // There is nothing to win any more.
    expect(p.nextProbeSize(60 * MINUTE)).toBe(0);
  });
});

describe('a black hole', () => {
  test.each([[4, 1200], [6, 1280]] as const)('is three timeouts of a full segment in a row: over IPv%i down to %i', (family, base) => {
    const p = new Plpmtud('black-hole', family, 1500);
    expect(p.size).toBe(1500);
    expect(p.nextProbeSize(0)).toBe(0);
    expect(timeOut(p, 2)).toBe(false);
    expect(p.size).toBe(1500);
    expect(timeOut(p, 1)).toBe(true);
    expect(p.size).toBe(base);
  });

  test('is none when something is acknowledged in between', () => {
    const p = new Plpmtud('black-hole', 4, 1500);
    for (let i = 0; i < 10; i++) {
      expect(timeOut(p, 2)).toBe(false);
      p.onProgress();
    }
    expect(p.size).toBe(1500);
  });

  test('is searched for its edge, from below', () => {
    const p = new Plpmtud('black-hole', 4, 1500);
    timeOut(p, 3);
    search(p, 1422);
    expect(p.size).toBeLessThanOrEqual(1422);
    expect(p.size).toBeGreaterThan(1422 - 8);
  });

  test('that was a mere blackout costs one probe', () => {
    const p = new Plpmtud('black-hole', 4, 1500);
    timeOut(p, 3);
    expect(search(p, 1500)).toEqual([1500]);
  });

  test.each([[4, [1200, 600, 552]], [6, [1280]]] as const)('over IPv%i leads by halves to the least, and no lower', (family, steps) => {
    const p = new Plpmtud('black-hole', family, 9000);
    const sizes: number[] = [];
    expect(timeOut(p, 3)).toBe(true);
    sizes.push(p.size);
    // At the base and below it takes twice as many: mostly it is a blackout.
    expect(timeOut(p, 5)).toBe(false);
    p.onProgress();
    while (timeOut(p, 6)) sizes.push(p.size);
    expect(sizes).toEqual(steps);
    expect(timeOut(p, 30)).toBe(false);
  });

  test('forgets a probe: the timer speaks of all that is in flight', () => {
    const p = new Plpmtud('always', 4, 1500);
    p.onProbeSent(1500);
    p.onTimeout(0);
    expect(p.probeSize).toBe(0);
  });

  test('on a path that was small already changes nothing', () => {
    const p = new Plpmtud('black-hole', 6, 1280);
    expect(timeOut(p, 9)).toBe(false);
    expect(p.size).toBe(1280);
  });

  test('does not exist for who asked for none', () => {
    const p = new Plpmtud('off', 4, 1500);
    expect(timeOut(p, 30)).toBe(false);
    expect(p.size).toBe(1500);
    expect(p.nextProbeSize(0)).toBe(0);
  });
});

describe('what the link, ICMP or the peer allow', () => {
  test.each(['off', 'black-hole', 'always'] as MtuProbing[])('is never exceeded (%s)', (mode) => {
    const p = new Plpmtud(mode, 4, 1500);
    search(p, 1500);
    p.limit(1100);
    expect(p.size).toBe(1100);
    expect(search(p, 9000)).toEqual([]);
    p.limit(1500);
    search(p, 1500);
    expect(p.size).toBe(1500);
  });

  test('ends a probe that is too large now', () => {
    const p = new Plpmtud('always', 4, 9000);
    p.onProbeSent(p.nextProbeSize(0));
    p.limit(1500);
    expect(p.probeSize).toBe(0);
    expect(p.nextProbeSize(0)).toBe(1500);
  });

  test('said again is no news: a search that is over stays over', () => {
    const p = new Plpmtud('always', 4, 1500);
    search(p, 1300);
    p.limit(1500);
    expect(p.nextProbeSize(1)).toBe(0);
  });
});
