// Requests about network interfaces, against structures laid out by hand from netdevice(7) and ipv6(7).

import { describe, expect, test } from 'vitest';

import { address } from '../../../../src/address.js';
import { fromHex, hex } from '../../../../src/bytes.js';
import {
  addressWordOf, flagsOf, ipv6Request, isPossibleName, nameOf, numberOf, requestFor, withAddress, withFlags, withNumber,
} from '../../../../src/link/node/ifreq.js';

const NAME = '74756e30000000000000000000000000'; // tun0

describe('struct ifreq', () => {
  test('has the name in the first 16 bytes and zeros behind it', () => {
    expect(hex(requestFor('tun0'))).toBe(NAME + '00'.repeat(24));
    expect(nameOf(requestFor('tun0'))).toBe('tun0');
    expect(nameOf(requestFor('fifteen-letters'))).toBe('fifteen-letters');
    expect(nameOf(requestFor('fifteen-letters')).length).toBe(15);
  });

  test('has flags of 16 bits and numbers of 32, both in the order of the machine', () => {
    expect(hex(withFlags('tun0', 0x5001))).toBe(NAME + '0150' + '00'.repeat(22));
    expect(flagsOf(withFlags('tun0', 0x9041))).toBe(0x9041);
    expect(hex(withNumber('tun0', 1500))).toBe(NAME + 'dc050000' + '00'.repeat(20));
    expect(numberOf(withNumber('tun0', 0x01020304))).toBe(0x01020304);
  });

  test('has an IPv4 address as a sockaddr_in', () => {
    const request = withAddress('tun0', address('10.0.0.1'));
    expect(hex(request)).toBe(NAME + '02000000' + '0a000001' + '00'.repeat(16));
    expect(addressWordOf(request)).toBe(0x0a000001);
  });
});

test('struct in6_ifreq has the address, its prefix length, and the index of the interface', () => {
  expect(ipv6Request(address('fd00::1'), 64, 258)).toEqual(fromHex('fd000000000000000000000000000001 40000000 02010000'));
});

// dev_valid_name() in net/core/dev.c, and what a request can carry.
describe('the name of an interface', () => {
  test.each(['', 'tun0', 'tun%d', 'fifteen-letters', 'a.b', '...'])("may be '%s'", (name) => {
    expect(isPossibleName(name)).toBe(true);
  });
  test.each(['sixteen--letters', '.', '..', 'a/b', 'a b', 'a\tb', 'tun0:1', 'été', 'a\0b'])("may not be '%s'", (name) => {
    expect(isPossibleName(name)).toBe(false);
  });
});
