// Requests about network interfaces, against structures laid out by hand from netdevice(7).

import { describe, expect, test } from 'vitest';

import { fromHex, hex } from '../../../../src/bytes.js';
import {
  flagsOf, ipv4WordOf, isPossibleName, nameOf, numberOf, requestFor, withFlags,
} from '../../../../src/link/node/ifreq.js';

const NAME = '74756e30000000000000000000000000'; // tun0

describe('struct ifreq', () => {
  test('has the name in the first 16 bytes and zeros behind it', () => {
    expect(hex(requestFor('tun0'))).toBe(NAME + '00'.repeat(24));
    expect(nameOf(requestFor('tun0'))).toBe('tun0');
    expect(nameOf(requestFor('fifteen-letters'))).toBe('fifteen-letters');
    expect(nameOf(requestFor('fifteen-letters')).length).toBe(15);
  });

  test('has flags of 16 bits and numbers of 32, in the order of the machine', () => {
    expect(hex(withFlags('tun0', 0x5001))).toBe(NAME + '0150' + '00'.repeat(22));
    expect(flagsOf(fromHex(NAME + '41901234'))).toBe(0x9041);
    expect(numberOf(fromHex(NAME + 'dc050100'))).toBe(0x105dc);
  });

  test('has an IPv4 address behind family and port', () => {
    expect(ipv4WordOf(fromHex(NAME + '02000000' + '0a000001'))).toBe(0x0a000001);
  });
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
