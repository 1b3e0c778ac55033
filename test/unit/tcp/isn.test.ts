// Initial sequence numbers: nobody outside can guess the next, and the peer of an old connection sees them grow.
// RFC 6528 §3, RFC 9293 §3.4.1.

import { describe, expect, test } from 'vitest';
import { address, copyOf } from '../../../src/address.js';
import { SeededRandom } from '../../../src/random.js';
import { IsnGenerator } from '../../../src/tcp/isn.js';
import { diff, type Seq } from '../../../src/tcp/seq.js';

const a = address('10.0.0.1');
const b = address('10.0.0.2');
const c6 = address('fd00::1');
const d6 = address('fd00::2');

describe('initial sequence numbers', () => {
  const isn = new IsnGenerator(new SeededRandom(1));

  test('of one 4-tuple advance by one every four microseconds: RFC 9293 §3.4.1', () => {
    const start = isn.next(a, 80, b, 5000, 1000);
    expect(diff(isn.next(a, 80, b, 5000, 1000.0039), start)).toBe(0);
    expect(diff(isn.next(a, 80, b, 5000, 1000.004), start)).toBe(1);
    expect(diff(isn.next(a, 80, b, 5000, 1001), start)).toBe(250);
    expect(diff(isn.next(a, 80, b, 5000, 61_000), start)).toBe(15_000_000);
  });

  test('come round after 4.77 hours, and stay int32 for years', () => {
    const round = 2 ** 32 / 250;
    const start = isn.next(a, 80, b, 5000, 0);
    expect(diff(isn.next(a, 80, b, 5000, round), start)).toBe(0);
    const later = isn.next(a, 80, b, 5000, 1e12);
    expect(later).toBe(later | 0);
  });

  test('of another tuple tell nothing: each part of the tuple changes the hash', () => {
    const seen = new Set([
      isn.next(a, 80, b, 5000, 0), isn.next(a, 81, b, 5000, 0), isn.next(a, 80, b, 5001, 0),
      isn.next(address('10.0.0.3'), 80, b, 5000, 0), isn.next(a, 80, address('10.0.0.3'), 5000, 0),
      isn.next(b, 80, a, 5000, 0), isn.next(a, 5000, b, 80, 0),
      isn.next(c6, 80, d6, 5000, 0), isn.next(d6, 80, c6, 5000, 0),
    ]);
    expect(seen.size).toBe(9);
    // Each of the four words of an address counts.
    const words = new Set<Seq>();
    for (const text of ['::2', '1::2', '0:0:1::2', '::1:0:2', '::3']) {
      words.add(isn.next(c6, 80, address(text), 1, 0));
      words.add(isn.next(address(text), 80, c6, 1, 0));
    }
    expect(words.size).toBe(10);
  });

  test('of neighbouring ports spread over the whole circle', () => {
    // Counts in 16 sectors of 4096 draws: 256 each, give or take six standard deviations of 15.5.
    const sectors = new Array<number>(16).fill(0);
    for (let port = 1024; port < 1024 + 4096; port++) sectors[isn.next(a, 80, b, port, 0) >>> 28]!++;
    for (const count of sectors) expect(Math.abs(count - 256)).toBeLessThan(93);
    // And no step between neighbours repeats often: a counter in disguise would.
    const steps = new Set<number>();
    for (let port = 1024; port < 2048; port++) {
      steps.add(diff(isn.next(a, 80, b, port + 1, 0), isn.next(a, 80, b, port, 0)));
    }
    expect(steps.size).toBeGreaterThan(1020);
  });

  test('depend on the secret, and on nothing else', () => {
    const same = new IsnGenerator(new SeededRandom(1));
    const other = new IsnGenerator(new SeededRandom(2));
    expect(same.next(copyOf(a), 80, copyOf(b), 5000, 7)).toBe(isn.next(a, 80, b, 5000, 7));
    expect(other.next(a, 80, b, 5000, 7)).not.toBe(isn.next(a, 80, b, 5000, 7));
  });

  // RFC 9293 MUST-9.
  test('take a secret of 128 bits: RFC 6528 §3', () => {
    const random = new SeededRandom(3);
    let drawn = 0;
    const watched = { u32: () => (drawn++, random.u32()), below: (n: number) => random.below(n) };
    const g = new IsnGenerator(watched);
    expect(drawn).toBe(4);
    g.next(a, 1, b, 2, 3);
    expect(drawn).toBe(4);
  });
});
