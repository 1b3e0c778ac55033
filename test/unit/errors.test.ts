// Errors beside those that Node itself makes.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, BlockList, connect, createServer } from 'node:net';
import { getSystemErrorName } from 'node:util';
import { describe, expect, test } from 'vitest';
import { badPort, ERRNO, invalidArgument, invalidValue, NetError } from '../../src/errors.js';

/** All that a program could look at. */
function face(error: unknown): Record<string, unknown> {
  const { name, message } = error as Error;
  return { ...(error as object), name, message };
}

function thrownBy(f: () => unknown): unknown {
  try {
    f();
  } catch (error) {
    return error;
  }
  return expect.fail('nothing was thrown');
}

describe('an error of the network', () => {
  test('has the number that libuv gives its code', () => {
    for (const [code, errno] of Object.entries(ERRNO)) expect(getSystemErrorName(errno)).toBe(code);
  });

  test('is Node’s, when a connection is refused', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    const theirs = await new Promise((resolve) => {
      connect({ host: '127.0.0.1', port }).on('error', resolve);
    });
    const ours = new NetError('ECONNREFUSED', 'connect', { address: '127.0.0.1', port });
    expect(face(ours)).toEqual(face(theirs));
  });

  test('is Node’s, when an address is in use', async () => {
    const first = createSocket('udp4').bind(0, '127.0.0.1');
    await once(first, 'listening');
    const { port } = first.address();
    const second = createSocket('udp4');
    const failed = once(second.unref(), 'error');
    second.bind(port, '127.0.0.1');
    const [theirs] = await failed;
    first.close();
    expect(face(new NetError('EADDRINUSE', 'bind', { address: '127.0.0.1', port }))).toEqual(face(theirs));

    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const taken = (server.address() as AddressInfo).port;
    const listening = await new Promise((resolve) => {
      createServer().on('error', resolve).listen(taken, '127.0.0.1');
    });
    server.close();
    const detail = { address: '127.0.0.1', port: taken, hint: 'address already in use' };
    expect(face(new NetError('EADDRINUSE', 'listen', detail))).toEqual(face(listening));
  });

  test('has no field that says nothing', () => {
    expect(Object.keys(new NetError('ECONNRESET', 'read'))).toEqual(['code', 'errno', 'syscall']);
    expect(new NetError('ECONNRESET', 'read').message).toBe('read ECONNRESET');
    expect(new NetError('EMSGSIZE', 'send', { address: '10.0.0.2' }).message).toBe('send EMSGSIZE 10.0.0.2');
  });
});

describe('an error of the caller', () => {
  const values = [
    undefined, null, 5, -0, NaN, 5n, 10n ** 40n, true, Symbol('x'), function named() { /* nothing */ }, [], {},
    new Date(), new Uint8Array(1),
  ];

  test.each(values.map((value) => [String(value), value]))('about the type of %s reads like Node’s', (_, value) => {
    const theirs = thrownBy(() => new BlockList().addAddress(value as string));
    expect(face(invalidArgument('address', 'of type string', value))).toEqual(face(theirs));
  });

  test('about an option’s type calls it a property', () => {
    const theirs = thrownBy(() => connect({ port: null as unknown as number }));
    expect(face(invalidArgument('options.port', 'one of type number or string', null))).toEqual(face(theirs));
  });

  test('about an object of no class shows none of its content', () => {
    expect(invalidArgument('x', 'of type string', Object.create(null)).message).toContain('Received an object');
  });

  const ports = ['x', 'it’s', "it's", `'"`, 'a'.repeat(28), 'a'.repeat(29), `'${'a'.repeat(50)}`, 70_000, -1, 1.5];

  test.each(ports)('about port %j reads like Node’s', (port) => {
    const theirs = thrownBy(() => connect({ port: port as number }));
    expect(face(badPort('Port', port))).toEqual(face(theirs));
  });

  test('about a value reads like Node’s', async () => {
    const { lookup } = await import('node:dns');
    const theirs = thrownBy(() => lookup('x', { family: 5 }, () => undefined));
    expect(face(invalidValue('options.family', 'must be one of: 0, 4, 6', 5))).toEqual(face(theirs));
    expect(invalidValue('address', 'must be an IP address', 'x').message).toBe(
      "The argument 'address' must be an IP address. Received 'x'");
    const long = invalidValue('address', 'must be an IP address', '1'.repeat(10_000));
    expect(long.message).toHaveLength(55 + 128 + 3);
  });
});
