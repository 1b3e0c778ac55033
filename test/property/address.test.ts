// Text forms and prefixes of all addresses. Witnesses: Node's own parser, the URL standard's writer, and
// bigint.

import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  Address, address, commonPrefixLength, formatAddress, hasPrefix, isV4, parseAddress, parsePrefix, subnetBroadcast,
} from '../../src/address.js';

/** Groups with runs of zeros, as addresses have them. */
const group = fc.oneof(fc.constant(0), fc.nat({ max: 15 }), fc.nat({ max: 0xffff }));
const groups = fc.array(group, { minLength: 8, maxLength: 8 });
const fromGroups = (g: readonly number[]): Address =>
  new Address((g[0]! << 16) | g[1]!, (g[2]! << 16) | g[3]!, (g[4]! << 16) | g[5]!, (g[6]! << 16) | g[7]!);
const v6 = groups.map(fromGroups).filter((a) => !isV4(a));
const v4 = fc.integer().map((w) => new Address(0, 0, 0xffff, w));

/**
 * One of the many ways to write eight groups: case, leading zeros, `::` for any run of zeros, the end as
 * IPv4.
 */
const written = fc.tuple(groups, fc.array(fc.nat(), { minLength: 10, maxLength: 10 })).map(([g, chance]) => {
  const texts = g.map((x, i) => {
    const digits = x.toString(16).padStart(1 + (chance[i]! % 4), '0');
    return chance[i]! % 2 === 0 ? digits : digits.toUpperCase();
  });
  if (chance[8]! % 3 === 0) texts.splice(6, 2, [g[6]! >> 8, g[6]! & 0xff, g[7]! >> 8, g[7]! & 0xff].join('.'));
  const hexadecimal = texts.filter((text) => !text.includes('.')).length;
  const start = chance[9]! % 8;
  let stop = start;
  while (stop < hexadecimal && g[stop] === 0) stop++;
  const text = stop === start
    ? texts.join(':')
    : `${texts.slice(0, start).join(':')}::${texts.slice(stop).join(':')}`;
  return { text, address: fromGroups(g) };
});

describe('an address’s text', () => {
  test('is read as what was written, in any of its forms', () => {
    fc.assert(fc.property(written, ({ text, address: expected }) => {
      const parsed = parseAddress(text);
      expect(parsed?.equals(expected), text).toBe(true);
    }), { numRuns: 1000 });
  });

  test('is one when Node says so, however it was spoilt', () => {
    const alphabet = fc.constantFrom(...'0123456789abcfF:.g -', '::', '255', '256', '0');
    const edit = fc.tuple(fc.nat({ max: 40 }), fc.nat({ max: 2 }), fc.oneof(fc.constant(''), alphabet));
    const dotted = v4.map(formatAddress);
    const spoilt = fc.tuple(fc.oneof(written.map((w) => w.text), dotted), fc.array(edit, { maxLength: 3 }))
      .map(([text, edits]) => edits.reduce((t, [at, cut, put]) => t.slice(0, at) + put + t.slice(at + cut), text));
    fc.assert(fc.property(spoilt, (text) => {
      expect(parseAddress(text) !== null, text).toBe(isIP(text) !== 0);
    }), { numRuns: 3000 });
  });

  test('is nothing, and no error, when it is any text at all', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
      expect(parseAddress(text) !== null).toBe(isIP(text) !== 0 && !text.includes('%'));
      parsePrefix(text);
    }));
  });

  test('is written as the URL standard writes it', () => {
    fc.assert(fc.property(v6, (a) => {
      const plain = [a.w0, a.w1, a.w2, a.w3].flatMap((w) => [w >>> 16, w & 0xffff]).map((g) => g.toString(16));
      expect(formatAddress(a)).toBe(new URL(`http://[${plain.join(':')}]/`).hostname.slice(1, -1));
    }), { numRuns: 1000 });
    fc.assert(fc.property(v4, (a) => {
      expect(formatAddress(a)).toBe(new URL(`http://${a.w3 >>> 0}/`).hostname);
    }));
  });

  test('comes back as the same words and zone', () => {
    fc.assert(fc.property(v6, fc.nat({ max: 0x7fffffff }), ({ w0, w1, w2, w3 }, zone) => {
      const a = new Address(w0, w1, w2, w3, zone);
      expect(address(formatAddress(a))).toEqual(a);
    }));
  });
});

describe('prefixes', () => {
  const bits = (a: Address): bigint =>
    (isV4(a) ? [a.w3] : [a.w0, a.w1, a.w2, a.w3]).reduce((sum, w) => (sum << 32n) | BigInt(w >>> 0), 0n);
  const width = (a: Address): number => (isV4(a) ? 32 : 128);

  /** Two addresses that share a beginning, for independent ones hardly ever do. */
  const pair = fc.oneof(fc.tuple(v4, v4), fc.tuple(v6, v6)).chain(([a, b]) =>
    fc.nat({ max: width(a) }).map((shared): [Address, Address] => {
      const mask = (i: number): number => {
        const here = Math.min(Math.max(shared - (isV4(a) ? 0 : 32 * i), 0), 32);
        return here === 0 ? 0 : -1 << (32 - here);
      };
      const mix = (x: number, y: number, m: number): number => (x & m) | (y & ~m);
      if (isV4(a)) return [a, new Address(0, 0, 0xffff, mix(a.w3, b.w3, mask(0)))];
      const [w0, w1] = [mix(a.w0, b.w0, mask(0)), mix(a.w1, b.w1, mask(1))];
      return [a, new Address(w0, w1, mix(a.w2, b.w2, mask(2)), mix(a.w3, b.w3, mask(3)))];
    })).filter(([a, b]) => isV4(a) === isV4(b));

  test('two addresses share the bits in front of the first that differs, and lie in the prefixes up to there', () => {
    fc.assert(fc.property(pair, ([a, b]) => {
      let shared = 0;
      const front = (x: Address, n: number): bigint => bits(x) >> BigInt(width(x) - n);
      while (shared < width(a) && front(a, shared + 1) === front(b, shared + 1)) shared++;
      expect(commonPrefixLength(a, b)).toBe(shared);
      for (let n = 0; n <= width(a); n++) expect(hasPrefix(a, b, n), `/${n}`).toBe(n <= shared);
    }), { numRuns: 300 });
  });

  test('a subnet’s broadcast address is in it, and all ones behind it', () => {
    fc.assert(fc.property(v4, fc.nat({ max: 30 }), (a, n) => {
      const broadcast = subnetBroadcast(a, n)!;
      expect(bits(broadcast)).toBe(bits(a) | ((1n << BigInt(32 - n)) - 1n));
      expect(isV4(broadcast)).toBe(true);
    }));
  });

  test('written with its length comes back', () => {
    const prefix = fc.oneof(v4, v6).chain((a) => fc.tuple(fc.constant(a), fc.nat({ max: width(a) })));
    fc.assert(fc.property(prefix, ([a, prefixLength]) => {
      expect(parsePrefix(`${formatAddress(a)}/${prefixLength}`)).toEqual({ address: a, prefixLength });
    }));
  });
});
