// Addresses: their text forms, and what the RFCs say about single ones.

import { describe, expect, test } from 'vitest';
import {
  Address, ALL_NODES, ALL_ROUTERS, ANY4, ANY6, address, BROADCAST4, cell, commonPrefixLength, copyOf,
  formatAddress, hasPrefix, isLimitedBroadcast, isLinkLocal, isLoopback, isMulticast, isUniqueLocal, isUnspecified,
  isV4, LOOPBACK4, LOOPBACK6, parseAddress, parsePrefix, refill16, refill4, scopeOf, solicitedNode, subnetBroadcast, v4, write16, write4,
} from '../../src/address.js';
import { fromHex, hex } from '../../src/bytes.js';

const words = (a: Address | null): number[] | null => a && [a.w0, a.w1, a.w2, a.w3, a.zone];

describe('the text form of an address', () => {
  test.each([
    // RFC 5952 §4.1: no leading zeros.
    ['2001:0db8::0001', '2001:db8::1'],
    // §4.2.1: as short as possible.
    ['2001:db8:0:0:0:0:2:1', '2001:db8::2:1'],
    ['2001:db8::0:1', '2001:db8::1'],
    // §4.2.2: not for one group alone.
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:db8::1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    // §4.2.3: the longest run, and the first of equals.
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    // §4.3: lower case.
    ['2001:DB8::ABCD:EF', '2001:db8::abcd:ef'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['::0.0.0.1', '::1'],
    ['1:0:0:0:0:0:0:0', '1::'],
    // RFC 4291 §2.2: dotted decimal in the last two groups.
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['1:2:3:4:5:6:7.8.9.10', '1:2:3:4:5:6:708:90a'],
    ['::1.2.3.4', '::102:304'],
    // An IPv4 address is the mapped one, and is written as one writes it.
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:201', '192.0.2.1'],
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    // RFC 4007 §11.2.
    ['fe80::1%7', 'fe80::1%7'],
    ['fe80:0::1%0', 'fe80::1'],
  ])('of %s is %s', (text, expected) => {
    expect(formatAddress(address(text))).toBe(expected);
    expect(`${address(text)}`).toBe(expected);
  });

  test.each([
    '', ' ', '1.2.3', '1.2.3.4.5', '1.2.3.256', '01.2.3.4', '1.2.3.04', '1..2.3', '.1.2.3', '1.2.3.',
    '1.2.3.4 ', ' 1.2.3.4',
    '0x1.2.3.4', '1.2.3.-4', '1.2.3.1e1', '1.2.3.4%1', '16909060', '1.2.3.4/8',
    ':', ':::', '1', '1:', ':1', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '1:2:3:4:5:6:7:8::', '::1:2:3:4:5:6:7:8',
    '1:2:3:4::5:6:7:8', '1::2::3', '1:::2', '12345::', '::g', '::1 ', '::-1', '[::1]',
    '1:2:3:4:5:6:7:', ':1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:1.2.3.4', '1:2:3:4:5:1.2.3.4', '::1.2.3', '::1.2.3.4.5', '::1.2.3.256', '::01.2.3.4',
    '1.2.3.4::', '::1.2.3.4:5',
    '::1%', '::1%%1', '::1%-1', '::1%01', '::1%eth0', '%1', '1%::1', '::1%2147483648',
    '::1%99999999999999', '::ffff:1.2.3.4%1', '::1%1.2.3',
  ])('%j is none', (text) => {
    expect(parseAddress(text)).toBeNull();
  });

  test('of a zone is kept apart from the address', () => {
    expect(words(parseAddress('fe80::1%2147483647'))).toEqual([0xfe800000 | 0, 0, 0, 1, 0x7fffffff]);
    expect(address('fe80::1%7').equals(address('fe80::1'))).toBe(true);
  });

  test('of any length is read in one pass', () => {
    for (const part of ['1', '1.', ':', '1:', '::', '0', '%', '::1%']) {
      expect(parseAddress(part.repeat(1_000_000))).toBeNull();
    }
  });

  test('that a caller got wrong is an error like Node’s', () => {
    expect(() => address('10.0.0.300')).toThrow(expect.objectContaining({
      name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE',
      message: "The argument 'address' must be an IP address. Received '10.0.0.300'",
    }));
    expect(() => address(undefined as unknown as string)).toThrow(expect.objectContaining({
      name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE',
    }));
  });
});

describe('a prefix', () => {
  test.each([
    ['10.0.0.2/24', '10.0.0.2', 24],
    ['10.0.0.2/0', '10.0.0.2', 0],
    ['10.0.0.2/32', '10.0.0.2', 32],
    ['fd00::2/64', 'fd00::2', 64],
    ['::/0', '::', 0],
    ['::1/128', '::1', 128],
    ['::ffff:10.0.0.2/120', '10.0.0.2', 24],
    ['fe80::1%3/64', 'fe80::1%3', 64],
  ])('%s is %s and %i', (text, expected, prefixLength) => {
    const prefix = parsePrefix(text);
    expect(prefix?.prefixLength).toBe(prefixLength);
    expect(prefix && formatAddress(prefix.address)).toBe(expected);
  });

  test.each([
    '10.0.0.2', '10.0.0.2/', '10.0.0.2/33', '10.0.0.2/-1', '10.0.0.2/08', '10.0.0.2/8/8',
    '10.0.0.2/8 ', ' 10.0.0.2/8', '10.0.0.2 /8', '/8', '10/8', '',
    '::1/129', '::ffff:10.0.0.2/95', '::ffff:10.0.0.2/129', '::1/64%1',
  ])('%j is none', (text) => {
    expect(parsePrefix(text)).toBeNull();
  });

  test('of one family holds no address of the other', () => {
    expect(hasPrefix(address('10.0.0.1'), ANY6, 0)).toBe(false);
    expect(hasPrefix(address('fd00::1'), ANY4, 0)).toBe(false);
    expect(hasPrefix(address('10.0.0.1'), ANY4, 0)).toBe(true);
    expect(commonPrefixLength(address('::fffe:0:1'), address('0.0.0.1'))).toBe(0);
  });

  test('has a broadcast address in IPv4, down to four addresses (RFC 3021)', () => {
    const broadcast = (text: string): string | undefined => {
      const prefix = parsePrefix(text)!;
      return subnetBroadcast(prefix.address, prefix.prefixLength)?.toString();
    };
    expect(broadcast('10.1.2.3/24')).toBe('10.1.2.255');
    expect(broadcast('10.1.2.3/12')).toBe('10.15.255.255');
    expect(broadcast('10.1.2.3/0')).toBe('255.255.255.255');
    expect(broadcast('10.1.2.1/30')).toBe('10.1.2.3');
    expect(broadcast('10.1.2.1/31')).toBeUndefined();
    expect(broadcast('10.1.2.1/32')).toBeUndefined();
    expect(broadcast('fd00::1/24')).toBeUndefined();
  });
});

describe('the kinds of addresses', () => {
  const KINDS = { isV4, isUnspecified, isLoopback, isMulticast, isLimitedBroadcast, isLinkLocal, isUniqueLocal };

  test.each<[text: string, kinds: (keyof typeof KINDS)[]]>([
    ['0.0.0.0', ['isV4', 'isUnspecified']],
    ['0.0.0.1', ['isV4']],
    ['126.255.255.255', ['isV4']],
    ['127.0.0.0', ['isV4', 'isLoopback']],
    ['127.255.255.255', ['isV4', 'isLoopback']],
    ['128.0.0.0', ['isV4']],
    ['169.253.255.255', ['isV4']],
    ['169.254.0.0', ['isV4', 'isLinkLocal']],
    ['169.254.255.255', ['isV4', 'isLinkLocal']],
    ['169.255.0.0', ['isV4']],
    ['223.255.255.255', ['isV4']],
    ['224.0.0.0', ['isV4', 'isMulticast']],
    ['239.255.255.255', ['isV4', 'isMulticast']],
    ['240.0.0.0', ['isV4']],
    ['255.255.255.254', ['isV4']],
    ['255.255.255.255', ['isV4', 'isLimitedBroadcast']],
    ['::', ['isUnspecified']],
    ['::1', ['isLoopback']],
    ['::2', []],
    ['::fffe:0:0', []],
    ['::7f00:1', []],
    ['1::', []],
    ['0:0:1::', []],
    ['0:0:1::1', []],
    ['fbff:ffff::', []],
    ['fc00::', ['isUniqueLocal']],
    ['fdff:ffff::', ['isUniqueLocal']],
    ['fe00::', []],
    ['fe7f:ffff::', []],
    ['fe80::', ['isLinkLocal']],
    ['febf:ffff::', ['isLinkLocal']],
    ['fec0::', []],
    ['feff:ffff::', []],
    ['ff00::', ['isMulticast']],
    ['ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', ['isMulticast']],
    ['ffff::ffff:ffff', ['isMulticast']],
  ])('%s: %j', (text, kinds) => {
    const a = address(text);
    expect(Object.entries(KINDS).filter(([, is]) => is(a)).map(([name]) => name)).toEqual(kinds);
    expect(a.family).toBe(kinds.includes('isV4') ? 4 : 6);
  });

  test.each([
    // RFC 6724 §3.1, §3.4
    ['::1', 2], ['fe80::1', 2], ['fec0::1', 5], ['feff::1', 5], ['fd00::1', 14], ['2001:db8::1', 14],
    // RFC 6724 §3.2
    ['127.0.0.1', 2], ['169.254.1.1', 2], ['10.0.0.1', 14], ['192.168.0.1', 14], ['100.64.0.1', 14],
    ['192.0.2.1', 14],
    // RFC 4291 §2.7
    ['ff01::1', 1], ['ff02::1', 2], ['ff05::2', 5], ['ff08::1', 8], ['ff0e::1', 14], ['ff35::1', 5],
    // RFC 2365
    ['224.0.0.1', 2], ['224.0.0.255', 2], ['224.0.1.0', 14], ['239.255.0.1', 3], ['239.192.0.1', 8],
    ['239.195.255.255', 8],
    ['239.196.0.0', 14], ['239.254.255.255', 14], ['238.255.255.255', 14],
  ])('the scope of %s is %i', (text, scope) => {
    expect(scopeOf(address(text))).toBe(scope);
  });

  test('the constants are what their names say', () => {
    expect([ANY4, LOOPBACK4, BROADCAST4, ANY6, LOOPBACK6, ALL_NODES, ALL_ROUTERS].map(String)).toEqual([
      '0.0.0.0', '127.0.0.1', '255.255.255.255', '::', '::1', 'ff02::1', 'ff02::2',
    ]);
    expect(v4(192, 0, 2, 255).toString()).toBe('192.0.2.255');
  });

  test('neighbors are asked for by the last 24 bits (the example of RFC 4291 §2.7.1)', () => {
    expect(solicitedNode(address('4037::01:800:200e:8c6c')).equals(address('ff02::1:ff0e:8c6c'))).toBe(true);
  });
});

describe('an address in bytes', () => {
  const bytes = fromHex('00 20010db8 fedcba98 00000000 89abcdef 00');

  test('of IPv6 is sixteen, and refills a cell', () => {
    const a = cell();
    refill16(a, bytes, 1, 3);
    expect(a.toString()).toBe('2001:db8:fedc:ba98::89ab:cdef%3');
    expect(a.equals(address('2001:db8:fedc:ba98::89ab:cdef'))).toBe(true);
    const written = new Uint8Array(18);
    write16(written, 1, a);
    expect(hex(written)).toBe(hex(bytes));
  });

  test('of IPv4 is four, and refills a cell that held another', () => {
    const a = cell();
    refill16(a, bytes, 1, 3);
    refill4(a, bytes, 13);
    expect(words(a)).toEqual(words(address('137.171.205.239')));
    const written = new Uint8Array(6);
    write4(written, 1, a);
    expect(hex(written)).toBe('0089abcdef00');
  });

  test('that was copied outlives the refilling of its cell', () => {
    const a = cell();
    refill16(a, bytes, 1, 3);
    const kept = copyOf(a);
    refill4(a, bytes, 13);
    expect(kept.toString()).toBe('2001:db8:fedc:ba98::89ab:cdef%3');
  });

  test('differs when any word differs', () => {
    const a = new Address(1, 2, 3, 4);
    expect(a.equals(new Address(1, 2, 3, 4))).toBe(true);
    const others = [
      new Address(0, 2, 3, 4), new Address(1, 0, 3, 4), new Address(1, 2, 0, 4), new Address(1, 2, 3, 0),
    ];
    expect(others.some((b) => a.equals(b))).toBe(false);
  });
});
