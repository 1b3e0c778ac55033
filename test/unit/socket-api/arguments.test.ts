// What callers give, checked once. The oracle for ports is Node itself.

import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { Address, address } from '../../../src/address.js';
import { addressOf, lengthOf, portOf } from '../../../src/socket-api/arguments.js';

describe('an address', () => {
  test.each(['10.0.0.1', '::1', 'fe80::1%3', '::ffff:10.0.0.1'])('%s is one, in text form or as it is', (text) => {
    const parsed = addressOf('address', text);
    expect(parsed).toBeInstanceOf(Address);
    expect(parsed.equals(address(text))).toBe(true);
    expect(addressOf('address', parsed)).toBe(parsed);
  });

  test.each([
    ['10.0.0.01', `The "here" argument must be an IPv4 or IPv6 address. Received type string ('10.0.0.01')`],
    ['fe80::1%eth0', `The "here" argument must be an IPv4 or IPv6 address. Received type string ('fe80::1%eth0')`],
    ['', `The "here" argument must be an IPv4 or IPv6 address. Received type string ('')`],
    [undefined, 'The "here" argument must be an IPv4 or IPv6 address. Received undefined'],
    [{}, 'The "here" argument must be an IPv4 or IPv6 address. Received an instance of Object'],
  ])('%j is none', (value, message) => {
    expect(() => addressOf('here', value as string)).toThrow(expect.objectContaining({
      name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE', message,
    }));
  });
});

describe('a port', () => {
  test.each([1, 80, 65_535])('%i is one', (port) => {
    expect(portOf('port', port, 1)).toBe(port);
  });

  test('0 is one where it means "any"', () => {
    expect(portOf('port', 0, 0)).toBe(0);
    expect(() => portOf('port', 0, 1)).toThrow(RangeError);
  });

  test.each([-1, 65_536, 1.5, Number.NaN, Infinity])('%j is none, in Node\'s words', (port) => {
    const nodes = caught(() => connect({ port, host: '127.0.0.1' }).on('error', () => {}));
    const ours = caught(() => portOf('Port', port, 0));
    expect([ours.name, ours.code]).toEqual([nodes.name, nodes.code]);
    expect(ours.message).toBe(nodes.message);
  });
});

describe('a length', () => {
  test.each([1, 7, 2 ** 53 - 1, Infinity])('%j is one', (value) => {
    expect(lengthOf('max', value)).toBe(value);
  });

  test.each([0, -1, -Infinity, 1.5, 2 ** 53, Number.NaN, '7', null])('%j is none', (value) => {
    expect(() => lengthOf('max', value as number)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }));
  });
});

function caught(run: () => unknown): Error & { code?: string } {
  try {
    run();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}
