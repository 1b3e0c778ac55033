// One stack with both of Node's modules, in a process that has several.

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { createStack } from '../../src/services/node/create-stack.js';
import { ConfigurationError, readConfiguration } from '../../src/socket-api/node/configuration.js';

test('its sockets hear each other, and nobody else’s', async () => {
  using left = createStack();
  using right = createStack();
  const server = left.net.createServer((socket) => socket.end('left'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const [data] = await once(left.net.connect(port, '127.0.0.1'), 'data') as [Buffer];
  expect(data.toString()).toBe('left');
  const [error] = await once(right.net.connect(port, '127.0.0.1'), 'error') as [NodeJS.ErrnoException];
  expect(error.code).toBe('ECONNREFUSED');
  const [speaker, hearer] = [left.dgram.createSocket('udp4'), left.dgram.createSocket('udp4')];
  hearer.bind(9999);
  await once(hearer, 'listening');
  speaker.send('x', 9999);
  await once(hearer, 'message');
  // The same number is free on the other.
  const other = right.dgram.createSocket('udp4');
  other.bind(9999);
  await once(other, 'listening');
  for (const each of [speaker, hearer, other, server]) each.close();
  expect([left.net === left.net, left.net !== right.net, left.dgram === left.dgram]).toEqual([true, true, true]);
});

test('a configuration in a line and in JSON say the same', () => {
  const line = readConfiguration('tap:ws1, addr=10.0.0.2/24, addr=fd00::2/64, gateway=10.0.0.1, kernel=10.0.0.1/24, mtu=1400, dns=10.0.0.1, dns=fd00::1, dns=[fd00::1]:54, dns=10.0.0.9:5353');
  expect(line).toEqual({
    device: {
      medium: 'ethernet', name: 'ws1', addresses: ['10.0.0.2/24', 'fd00::2/64'], gateways: ['10.0.0.1'], kernel: ['10.0.0.1/24'], mtu: 1400,
      nameservers: [{ address: '10.0.0.1', port: 53 }, { address: 'fd00::1', port: 53 }, { address: 'fd00::1', port: 54 }, { address: '10.0.0.9', port: 5353 }],
    },
  });
  const json = { device: 'tap:ws1', addr: ['10.0.0.2/24', 'fd00::2/64'], gateway: '10.0.0.1', kernel: ['10.0.0.1/24'], mtu: 1400, dns: ['10.0.0.1', 'fd00::1', '[fd00::1]:54', '10.0.0.9:5353'] };
  expect(readConfiguration(JSON.stringify(json))).toEqual(line);
  expect(readConfiguration('')).toEqual({ device: null });
  expect(() => createStack({ configuration: 'tun:x' })).toThrow(ConfigurationError);
});
