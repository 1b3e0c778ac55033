// Programs that speak Node's net and dgram, on hosts of a network: over a bad line, and by its clock.

import { once } from 'node:events';
import http from 'node:http';
import type net from 'node:net';

import { describe, expect, test } from 'vitest';

import { createNetwork, dgramOf, netOf } from '../../../src/testing/node/index.js';

const line = () => {
  const network = createNetwork({ seed: 7 });
  const [client, server] = network.hosts(2);
  return { network, client, server, wire: network.link(client, server, { delay: '20 ms' }) };
};

/** Node's own http, served at `host`. */
function serve(host: Parameters<typeof netOf>[0], web: http.Server): void {
  netOf(host).createServer((socket) => void web.emit('connection', socket)).listen(80);
}

const agentOf = (host: Parameters<typeof netOf>[0], to: string): http.Agent => {
  const agent = new http.Agent({ keepAlive: true });
  (agent as unknown as { createConnection: () => net.Socket }).createConnection = () => netOf(host).connect(80, to);
  return agent;
};

async function get(agent: http.Agent): Promise<string> {
  const request = http.get({ agent, host: 'server', path: '/' });
  const [response] = await once(request, 'response') as [http.IncomingMessage];
  const pieces: Buffer[] = [];
  for await (const piece of response) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString();
}

describe('Node’s http', () => {
  test('works over a line that loses one packet in twenty', async () => {
    const { network, client, server, wire } = line();
    wire.loss(0.05);
    const page = 'wall'.repeat(50_000);
    serve(server, http.createServer((_request, response) => response.end(page)));
    expect(await network.runUntil(get(agentOf(client, server.ip)), { max: '1 h' })).toBe(page);
    expect(network.now).toBeGreaterThan(80);
  });

  test('ends an idle connection when keepAliveTimeout has passed on the network’s clock, and not before', async () => {
    const { network, client, server } = line();
    const web = http.createServer((_request, response) => response.end('hello'));
    web.keepAliveTimeout = 60_000;
    let ended = 0;
    web.on('connection', (socket: net.Socket) => socket.on('close', () => ended++));
    serve(server, web);
    expect(await network.runUntil(get(agentOf(client, server.ip)), { max: '1 min' })).toBe('hello');
    const began = Date.now();
    await network.advance(59_000);
    expect(ended).toBe(0);
    // Node adds a second of grace to what it is told.
    await network.advance(3_000);
    expect(ended).toBe(1);
    expect(Date.now() - began).toBeLessThan(20_000);
  });
});

test('a socket is told of a cut cable when its retransmissions are spent', async () => {
  const { network, client, server, wire } = line();
  netOf(server).createServer((socket) => socket.resume()).listen(7);
  const socket = netOf(client).connect(7, server.ip);
  await network.runUntil(once(socket, 'connect'), { max: '1 min' });
  wire.unplug();
  socket.write('is anybody there?');
  const [error] = await network.runUntil(once(socket, 'error'), { max: '1 h' }) as [NodeJS.ErrnoException];
  expect(error).toMatchObject({ code: 'ETIMEDOUT', syscall: 'read' });
  // RFC 9293 §3.8.3: R2 is at least 100 s.
  expect(network.now).toBeGreaterThan(100_000);
});

test('a datagram comes from the host that sent it, and the module is one for each host', async () => {
  const { network, client, server } = line();
  const receiver = dgramOf(server).createSocket('udp4').bind(9);
  const sender = dgramOf(client).createSocket('udp4');
  sender.send('hello', 9, server.ip);
  const [bytes, { address }] = await network.runUntil(once(receiver, 'message'), { max: '1 s' }) as [Buffer, { address: string }];
  expect([String(bytes), address]).toEqual(['hello', client.ip]);
  expect([netOf(client) === netOf(client), netOf(client) === netOf(server)]).toEqual([true, false]);
});
