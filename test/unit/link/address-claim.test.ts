import { describe, expect, test } from 'vitest';
import { type Address, address, ANY4 } from '../../../src/address.js';
import { hex } from '../../../src/bytes.js';
import { AddressClaims } from '../../../src/link/address-claim.js';
import { type Random, SeededRandom } from '../../../src/random.js';
import { arp, EthernetBench, PEER, US, EVERYBODY } from '../../fixtures/ethernet.js';

const WANTED = address('10.0.0.5');
const THEIRS = Uint8Array.of(2, 0, 0, 0, 0, 9);

class Bench {
  readonly said: string[] = [];
  readonly claims: AddressClaims;
  now = 0;

  /** The longest of every wait, unless another dice is given. */
  constructor(random: Random = { u32: () => 0, below: (n) => n - 1 }) {
    this.claims = new AddressClaims({
      probe: (a) => this.said.push(`@${this.now} probe ${a.toString()}`),
      announce: (a) => this.said.push(`@${this.now} announce ${a.toString()}`),
    }, random);
    this.claims.keeper = {
      claimed: (a, now) => this.said.push(`@${now} claimed ${a.toString()}`),
      conflict: (a, linkAddress, now) => this.said.push(`@${now} conflict ${a.toString()} with ${hex(linkAddress)}`),
    };
  }

  contest(sender: Address, target: Address): boolean {
    return this.claims.contest(sender, target, THEIRS, this.now);
  }

  wait(ms: number): this {
    const until = this.now + ms;
    while (this.claims.nextTimeout() <= until) {
      this.now = this.claims.nextTimeout();
      this.claims.expire(this.now);
    }
    this.now = until;
    return this;
  }
}

describe('a claim (RFC 5227 §2.1)', () => {
  test('probes three times, waits, claims, and announces twice', () => {
    const bench = new Bench();
    bench.claims.claim(WANTED, 0);
    expect(bench.wait(60_000).said).toEqual([
      '@1000 probe 10.0.0.5', '@3000 probe 10.0.0.5', '@5000 probe 10.0.0.5',
      '@7000 claimed 10.0.0.5', '@7000 announce 10.0.0.5', '@9000 announce 10.0.0.5',
    ]);
    expect(bench.claims.nextTimeout()).toBe(Infinity);
  });

  test('waits at random: 0 to 1 s before, 1 to 2 s between the probes, 2 s behind them', () => {
    for (let seed = 0; seed < 50; seed++) {
      const bench = new Bench(new SeededRandom(seed));
      bench.claims.claim(WANTED, 0);
      const [a, b, c, claimed] = bench.wait(60_000).said.map((line) => Number.parseInt(line.slice(1)));
      expect(a).toBeGreaterThanOrEqual(0);
      expect(a).toBeLessThanOrEqual(1000);
      for (const gap of [b! - a!, c! - b!]) {
        expect(gap).toBeGreaterThanOrEqual(1000);
        expect(gap).toBeLessThanOrEqual(2000);
      }
      expect(claimed! - c!).toBe(2000);
    }
  });

  test.each<[string, Address, Address]>([
    ['somebody uses the address', WANTED, address('10.0.0.9')],
    ['somebody probes for it at the same time', ANY4, WANTED],
  ])('fails when %s, until two seconds after the last probe', (_, sender, target) => {
    for (const ms of [0, 2000, 6999]) {
      const bench = new Bench();
      bench.claims.claim(WANTED, 0);
      bench.wait(ms).said.length = 0;
      expect(bench.contest(sender, target)).toBe(true);
      expect(bench.wait(60_000).said).toEqual([`@${ms} conflict 10.0.0.5 with 020000000009`]);
    }
  });

  test('does not fail over somebody who asks for the address, or uses or probes for another', () => {
    const bench = new Bench();
    bench.claims.claim(WANTED, 0);
    expect(bench.contest(address('10.0.0.9'), WANTED)).toBe(false);
    expect(bench.contest(address('10.0.0.9'), address('10.0.0.9'))).toBe(false);
    expect(bench.contest(ANY4, address('10.0.0.9'))).toBe(false);
    expect(bench.wait(10_000).said).toContain('@7000 claimed 10.0.0.5');
  });

  test('that is withdrawn is silent', () => {
    const bench = new Bench();
    bench.claims.claim(WANTED, 0);
    bench.claims.withdraw(WANTED);
    expect(bench.wait(60_000).said).toEqual([]);
  });

  test('is announced once, if its keeper announces what it was given', () => {
    const bench = new Bench();
    bench.claims.keeper = { claimed: (a, now) => bench.claims.announce(a, now), conflict: () => {} };
    bench.claims.claim(WANTED, 0);
    expect(bench.wait(60_000).said.slice(3)).toEqual(['@7000 announce 10.0.0.5', '@9000 announce 10.0.0.5']);
  });
});

test('an announcement is made at once and two seconds later (§2.3), and is not contested', () => {
  const bench = new Bench();
  bench.claims.announce(WANTED, 0);
  expect(bench.said).toEqual(['@0 announce 10.0.0.5']);
  expect(bench.contest(WANTED, WANTED)).toBe(false);
  expect(bench.wait(10_000).said).toEqual(['@0 announce 10.0.0.5', '@2000 announce 10.0.0.5']);
});

test('on the wire a probe comes from 0.0.0.0, an announcement from the address itself (§1.1)', () => {
  const bench = new EthernetBench();
  bench.port.arp.claims.claim(WANTED, 0);
  const said = bench.wait(20_000).said();
  expect([...new Set(said)]).toEqual([
    `${US} > ${EVERYBODY}: request ${US} 0.0.0.0 to 000000000000 10.0.0.5`,
    `${US} > ${EVERYBODY}: request ${US} 10.0.0.5 to 000000000000 10.0.0.5`,
  ]);
});

test('on the wire a reply to our probe ends the claim, and is counted as a conflict', () => {
  const bench = new EthernetBench();
  bench.port.arp.claims.claim(WANTED, 0);
  bench.wait(1000).sent();
  bench.give(arp({ op: 2, to: US, spa: '10.0.0.5', tpa: '0.0.0.0', sha: PEER }));
  expect(bench.counters.dropped()).toEqual({ 'arp-conflict': 1 });
  expect(bench.wait(20_000).said()).toEqual([]);
});
