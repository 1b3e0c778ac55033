// Ephemeral ports by RFC 6056: every free port can be had, peers see sequences that tell them nothing of each other.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { address } from '../../src/address.js';
import { DYNAMIC_PORTS, EphemeralPorts } from '../../src/ip/ephemeral-ports.js';
import { SeededRandom } from '../../src/random.js';

const US = address('10.0.0.1');
const PEER = address('192.0.2.1');
const OTHER = address('192.0.2.2');
const anyone = (): boolean => true;
const range = fc.tuple(fc.integer({ min: 1, max: 65_000 }), fc.nat({ max: 60 })).map(([first, more]) => ({ first, last: first + more }));

test('a port is of the range and free; when none is free there is none', () => {
  const taken = fc.uint8Array({ maxLength: 80 });
  fc.assert(fc.property(range, taken, fc.boolean(), fc.nat(), (r, holes, knowsPeer, seed) => {
    const ports = new EphemeralPorts(new SeededRandom(seed), r);
    const free = new Set(Array.from({ length: ports.count }, (_, i) => r.first + i));
    for (const hole of holes) free.delete(r.first + (hole % 61));
    // Each is taken as soon as it is given: all of them are found, each once.
    const given: number[] = [];
    const pick = (): number => ports.pick(US, knowsPeer ? PEER : null, 80, (port) => free.has(port));
    for (let port = pick(); port !== 0; port = pick()) {
      expect(free.delete(port)).toBe(true);
      given.push(port);
    }
    expect(free.size).toBe(0);
    expect(new Set(given).size).toBe(given.length);
  }));
});

test('the default range is RFC 6335’s dynamic ports', () => {
  expect(DYNAMIC_PORTS).toEqual({ first: 49_152, last: 65_535 });
  expect(new EphemeralPorts(new SeededRandom(1)).count).toBe(16_384);
});

describe('statistics (SEC-46)', () => {
  /** Chi-square over 64 equal parts of the range; with 63 degrees of freedom, above 130 is one in a million. */
  function chiSquare(picked: number[]): number {
    const parts = new Array<number>(64).fill(0);
    for (const port of picked) parts[(port - 49_152) >> 8]!++;
    const expected = picked.length / 64;
    return parts.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
  }

  test('the first port to each of many peers is anywhere in the range', () => {
    const ports = new EphemeralPorts(new SeededRandom(2));
    const picked = Array.from({ length: 6400 }, (_, i) => ports.pick(US, address(`192.0.${i >> 8}.${i & 255}`), 80, anyone));
    expect(chiSquare(picked)).toBeLessThan(130);
  });

  test('so is the port to one peer, over many secrets', () => {
    const picked = Array.from({ length: 6400 }, (_, seed) => new EphemeralPorts(new SeededRandom(seed)).pick(US, PEER, 80, anyone));
    expect(chiSquare(picked)).toBeLessThan(130);
  });

  test('without a peer, each port is drawn anew', () => {
    const ports = new EphemeralPorts(new SeededRandom(3));
    const picked = Array.from({ length: 6400 }, () => ports.pick(US, null, 0, anyone));
    expect(chiSquare(picked)).toBeLessThan(130);
    // Differences of successive ports too: one does not foretell the next.
    const differences = picked.slice(1).map((port, i) => 49_152 + ((port - picked[i]! + 16_384) % 16_384));
    expect(chiSquare(differences)).toBeLessThan(130);
  });

  test('each of address, remote address and remote port moves the sequence', () => {
    const shifts = (change: (i: number) => [string, string, number]): number[] => Array.from({ length: 6400 }, (_, i) => {
      // Twice the same state: what differs is the hash alone.
      const [a, b] = [new EphemeralPorts(new SeededRandom(4)), new EphemeralPorts(new SeededRandom(4))];
      const [local, remote, port] = change(i + 1);
      const moved = a.pick(address(local), address(remote), port, anyone) - b.pick(US, PEER, 80, anyone);
      return 49_152 + ((moved + 16_384) % 16_384);
    });
    expect(chiSquare(shifts((i) => [`10.0.${i >> 8}.${i & 255}`, '192.0.2.1', 80]))).toBeLessThan(130);
    expect(chiSquare(shifts((i) => ['10.0.0.1', `2001:db8::${i.toString(16)}`, 80]))).toBeLessThan(130);
    expect(chiSquare(shifts((i) => ['10.0.0.1', '192.0.2.1', 100 + i]))).toBeLessThan(130);
  });

  test('how far apart the sequences of two peers are depends on the secret', () => {
    // Each a fresh state with the same secret: what differs is the hash alone.
    const apart = Array.from({ length: 6400 }, (_, seed) => {
      const [one, other] = [PEER, OTHER].map((peer) => new EphemeralPorts(new SeededRandom(seed)).pick(US, peer, 80, anyone));
      return 49_152 + ((one! - other! + 16_384) % 16_384);
    });
    expect(chiSquare(apart)).toBeLessThan(130);
  });

  test('a port comes back to the same peer only after thousands of others (RFC 6056 §3.3.3)', () => {
    const ports = new EphemeralPorts(new SeededRandom(5));
    const lastUse = new Map<number, number>();
    for (let i = 0; i < 30_000; i++) {
      const port = ports.pick(US, PEER, 80, anyone);
      expect(i - (lastUse.get(port) ?? -Infinity)).toBeGreaterThan(4000);
      lastUse.set(port, i);
    }
  });

  test('a peer cannot count what was opened to others (RFC 6056 §3.3.5)', () => {
    // Two connections to it, with 50 to another between them: how far apart its ports are varies from run to run.
    const gaps = new Set(Array.from({ length: 200 }, (_, seed) => {
      const ports = new EphemeralPorts(new SeededRandom(seed));
      const first = ports.pick(US, PEER, 80, anyone);
      for (let i = 0; i < 50; i++) ports.pick(US, OTHER, 80, anyone);
      return (ports.pick(US, PEER, 80, anyone) - first + 16_384) % 16_384;
    }));
    expect(gaps.size).toBeGreaterThan(20);
  });
});
