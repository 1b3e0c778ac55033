// The routing table, source selection and the table of path MTUs against naive models. RFC 1122 §3.3.1, RFC
// 6724 §5, RFC 8201.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Address } from '../../src/address.js';
import { type AddressState, Interface } from '../../src/ip/interface.js';
import { PathMtuCache } from '../../src/ip/path-mtu.js';
import { RouteTable } from '../../src/ip/routes.js';
import { selectSource } from '../../src/ip/source-selection.js';
import { LimitRegistry } from '../../src/limits.js';
import { SeededRandom } from '../../src/random.js';
import { ip, Wire } from '../fixtures/ip-bench.js';

const OWNER = {
  arrive: () => {}, undeliverable: () => {}, addressAdded: () => {}, addressRemoved: () => {},
  changed: () => {},
};
const interfaces = [2, 3, 4].map((index) => new Interface(OWNER, index, `if${index}`, new Wire(`if${index}`)));

/** 128 bits as a number, and as a number of 32 or 128 digits: nothing of the code under test. */
const numberOf = (a: Address): bigint => [a.w0, a.w1, a.w2, a.w3].reduce(
  (n, w) => (n << 32n) | BigInt(w >>> 0), 0n,
);
const isMapped = (n: bigint): boolean => n >> 32n === 0xffffn;
const bitsOf = (n: bigint): string =>
  isMapped(n) ? (n & 0xffffffffn).toString(2).padStart(32, '0') : n.toString(2).padStart(128, '0');

// Few bits vary, so that prefixes meet.
const nearby = (bits: number): number => ((bits & 0xf0) << 20) | (bits & 0xf);
const addresses = fc.tuple(fc.constantFrom(4, 6), fc.nat(255), fc.nat(255)).map(([family, x, y]) =>
  family === 4
    ? new Address(0, 0, 0xffff, nearby(x) | ((y & 1) << 16))
    : new Address(nearby(x), nearby(y), 0, nearby(x ^ y)));
const lengths = (a: Address): fc.Arbitrary<number> => {
  const edges = a.family === 4 ? [0, 4, 5, 6, 7, 8, 15, 16, 28, 31, 32] : [0, 1, 4, 6, 36, 64, 100, 127, 128];
  return fc.oneof(fc.integer({ min: 0, max: a.family === 4 ? 32 : 128 }), fc.constantFrom(...edges));
};
const entries = addresses.chain((destination) => fc.record({
  destination: fc.constant(destination), prefixLength: lengths(destination), at: fc.nat(2), metric: fc.nat(2),
  gateway: fc.option(fc.nat(2)),
}));

interface Naive {
  prefix: string;
  family: number;
  key: string;
  metric: number;
  index: number;
  hop: string | null;
}

describe('the routing table', () => {
  test('answers as somebody does who looks at every route', () => {
    const change = fc.oneof(
      { weight: 3, arbitrary: fc.tuple(fc.constant('add' as const), entries) },
      { weight: 1, arbitrary: fc.tuple(fc.constant('remove' as const), entries) },
    );
    const question = fc.tuple(addresses, fc.constantFrom(0, 0, 2, 3, 9));
    const changesMade = fc.array(change, { maxLength: 25 });
    const questionsAsked = fc.array(question, { minLength: 10, maxLength: 30 });
    fc.assert(fc.property(changesMade, questionsAsked, (changes, questions) => {
      const routes = new RouteTable(new LimitRegistry());
      let naive: Naive[] = [];
      for (const [what, { destination, prefixLength, at, metric, gateway: n }] of changes) {
        const through = interfaces[at]!;
        const gateway = n === null ? null : destination.family === 4 ? ip(`10.9.9.${n}`) : ip(`fe80::${n}`);
        const prefix = bitsOf(numberOf(destination)).slice(0, prefixLength);
        const key = `${destination.family} ${prefix} ${at} ${n}`;
        naive = naive.filter((row) => row.key !== key);
        if (what === 'add') {
          naive.push({
            prefix, family: destination.family, key, metric, index: through.index,
            hop: gateway === null ? null : gateway.toString(),
          });
          routes.add({ destination, prefixLength, interface: through, gateway, metric });
        } else {
          routes.remove(destination, prefixLength, through, gateway);
        }
      }
      expect(routes.entries()).toHaveLength(naive.length);
      for (const [dst, zone] of questions) {
        const digits = bitsOf(numberOf(dst));
        let best = null as Naive | null;
        for (const row of naive) {
          if (row.family !== dst.family || !digits.startsWith(row.prefix)) continue;
          if (zone !== 0 && row.index !== zone) continue;
          const longer = row.prefix.length - (best?.prefix.length ?? -1);
          if (longer > 0 || (longer === 0 && row.metric < best!.metric)) best = row;
        }
        const found = routes.lookup(dst, zone);
        expect(found && [found.interface.index, found.nextHop.toString(), found.onLink])
          .toEqual(best && [best.index, best.hop ?? dst.toString(), best.hop === null]);
      }
    }), { numRuns: 400 });
  });
});

describe('source selection', () => {
  const kinds = fc.constantFrom(
    'fe80::1', 'fe80::2', 'fd00::1', 'fd00:0:0:1::1', 'fd77::1', '2001:db8:1::1', '2001:db8:1::2',
    '2001:db8:2::1', '2002:1::1', '2001::1', 'fec0::1',
    '10.0.0.1', '10.0.0.2', '10.1.0.1', '169.254.1.1', '192.168.0.1',
  );
  const candidates = fc.uniqueArray(fc.record({
    text: kinds, prefixLength: fc.constantFrom(8, 16, 24, 32), temporary: fc.boolean(),
    state: fc.constantFrom<AddressState>('preferred', 'preferred', 'deprecated', 'tentative'),
  }), { maxLength: 6, selector: (each) => each.text });

  const scope = (text: string): number => {
    if (text.startsWith('ff')) return Number.parseInt(text[3]!, 16);
    return /^(fe8|169\.254)/.test(text) ? 2 : text.startsWith('fec') ? 5 : 14;
  };
  const LABELS: [RegExp, number][] = [[/\./, 4], [/^2002:/, 2], [/^2001::/, 5], [/^f[cd]/, 13], [/^fec/, 11], [/^/, 1]];
  const label = (text: string): number => LABELS.find(([form]) => form.test(text))![1];
  const shared = (a: string, b: string): number => {
    const [x, y] = [bitsOf(numberOf(ip(a))), bitsOf(numberOf(ip(b)))];
    let n = 0;
    while (n < x.length && x.length === y.length && x[n] === y[n]) n++;
    return n;
  };

  test('is what remains when one rule after the other strikes out the worse: RFC 6724 §5', () => {
    const destinations = fc.oneof(
      kinds, fc.constantFrom('ff02::1', 'ff05::1', 'ff0e::1', '2001:4860::1', '198.51.100.1'),
    );
    fc.assert(fc.property(candidates, destinations, kinds, (given, dst, nextHop) => {
      const on = new Interface(OWNER, 2, 'if2', new Wire('if2'));
      for (const { text, ...options } of given) on.addAddress(ip(text), options.prefixLength, options);
      let left = given.filter((c) => c.state !== 'tentative' && c.text.includes('.') === dst.includes('.'));
      const keep = (value: (c: (typeof given)[number]) => number): void => {
        const best = Math.max(...left.map(value));
        left = left.filter((c) => value(c) === best);
      };
      keep((c) => Number(c.text === dst));
      // The smallest scope that is large enough, else the largest.
      keep((c) => scope(c.text) >= scope(dst) ? 100 - scope(c.text) : scope(c.text) - 100);
      keep((c) => Number(c.state === 'preferred'));
      const near = (text: string): number => text.includes('.') === nextHop.includes('.') ? shared(text, nextHop) : -1;
      keep((c) => Number(near(c.text) >= c.prefixLength));
      keep((c) => Number(label(c.text) === label(dst)));
      keep((c) => Number(c.temporary));
      keep((c) => Math.min(shared(c.text, dst), c.prefixLength));
      const chosen = selectSource(on.addresses, ip(dst), ip(nextHop));
      expect(chosen?.toString().split('%')[0] ?? null).toBe(
        left[0] === undefined ? null : ip(left[0].text).toString(),
      );
    }), { numRuns: 2000 });
  });
});

describe('the table of path MTUs', () => {
  test('is a map whose entries are forgotten ten minutes after they were set', () => {
    const steps = fc.array(fc.record({
      host: fc.nat(8), mtu: fc.integer({ min: 552, max: 1500 }), expire: fc.boolean(),
      wait: fc.oneof(fc.nat(1000), fc.nat(400_000)),
    }), { maxLength: 40 });
    fc.assert(fc.property(steps, (list) => {
      const cache = new PathMtuCache({ limits: new LimitRegistry(), random: new SeededRandom(3) });
      const naive = new Map<number, { mtu: number; until: number }>();
      const address = (host: number): Address => (host % 2 === 0 ? ip(`10.0.0.${host}`) : ip(`fd00::${host}`));
      let now = 0;
      for (const { host, mtu, wait, expire } of list) {
        now += wait;
        if (expire) cache.expire(now);
        else {
          cache.set(address(host), mtu, now);
          naive.set(host, { mtu, until: now + 600_000 });
        }
        cache.check();
        for (let each = 0; each <= 8; each++) {
          const row = naive.get(each);
          expect(cache.get(address(each), now)).toBe(
            row === undefined || now >= row.until ? Infinity : row.mtu,
          );
        }
        const ahead = [...naive.values()].map((row) => row.until).filter((until) => until > now);
        if (expire) expect(cache.nextTimeout()).toBe(Math.min(Infinity, ...ahead));
      }
    }), { numRuns: 300 });
  });

  test('never judges above what is, nor below the floor unless it was there', () => {
    const cache = new PathMtuCache({ limits: new LimitRegistry(), random: new SeededRandom(3) });
    const mtus = fc.integer({ min: 300, max: 65_535 });
    fc.assert(fc.property(fc.boolean(), fc.nat(70_000), mtus, (isV4, told, current) => {
      const judged = cache.judge(isV4 ? ip('10.0.0.1') : ip('fd00::1'), told, current);
      expect(judged).toBeLessThanOrEqual(current);
      if (judged < current) expect(judged).toBeGreaterThanOrEqual(isV4 ? 552 : 1280);
      if (told >= current) expect(judged).toBe(current);
      if (!isV4 && told >= 1280 && told < current) expect(judged).toBe(told);
      if (isV4 && told >= 552 && told < current) expect(judged).toBe(told);
      if (isV4 && told === 0 && current > 552) expect(judged).toBeLessThan(current);
    }), { numRuns: 1000 });
  });
});
