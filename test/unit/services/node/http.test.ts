// The small web server, asked by Node's own http client over the stack, in memory and virtual time.

import { createHash } from 'node:crypto';
import { request, type IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { patternBytes, serveHttp, type Status } from '../../../../src/services/node/http.js';
import { TcpDuplex } from '../../../../src/socket-api/node/duplex.js';
import { TcpSocket } from '../../../../src/socket-api/tcp.js';
import { ascii } from '../../../fixtures/rfc-packets.js';
import { difference, failure, stream, TwoStacks } from '../../../fixtures/two-stacks.js';

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: Buffer;
}

async function dial(world: TwoStacks, port = 80): Promise<TcpSocket> {
  return world.run(TcpSocket.connect(world.a, { address: '10.0.0.2', port }));
}

async function ask(world: TwoStacks, path: string, body: Uint8Array | null = null): Promise<Answer> {
  const duplex = new TcpDuplex(await dial(world));
  const sent = request({
    path, method: body === null ? 'GET' : 'POST', headers: { connection: 'close' }, createConnection: () => duplex as never,
  });
  sent.end(body ?? undefined);
  return world.run((async () => {
    const response = await new Promise<IncomingMessage>((resolve, reject) => sent.on('response', resolve).on('error', reject));
    const pieces: Buffer[] = [];
    for await (const piece of response) pieces.push(piece as Buffer);
    return { status: response.statusCode!, type: response.headers['content-type'] ?? '', body: Buffer.concat(pieces) };
  })());
}

/** `n` modulo 251, byte by byte. */
const pattern = (from: number, length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (from + i) % 251);

describe('paths', () => {
  test('/ is a page', async () => {
    const world = new TwoStacks();
    serveHttp(world.b);
    const { status, type, body } = await ask(world, '/');
    expect([status, type]).toEqual([200, 'text/html; charset=utf-8']);
    expect(body.toString()).toMatch(/^<!doctype html>/i);
  });

  test('/hello knows who asks', async () => {
    const world = new TwoStacks();
    serveHttp(world.b, 8080);
    const duplex = new TcpDuplex(await dial(world, 8080));
    const port = duplex.localPort;
    const sent = request({ path: '/hello', createConnection: () => duplex as never }).end();
    const response = await world.run(new Promise<IncomingMessage>((resolve) => sent.on('response', resolve)));
    let text = '';
    for await (const piece of response) text += String(piece);
    expect(text).toBe(`hello, 10.0.0.1 port ${port}\n`);
  });

  test.each([0, 1, 250, 251, 252, 257_024, 257_025, 3_000_000])('/bytes/%i gives so many', async (length) => {
    const world = new TwoStacks();
    serveHttp(world.b);
    const { status, body } = await ask(world, `/bytes/${length}`);
    expect(status).toBe(200);
    expect(difference(body, pattern(0, length))).toBe('none');
  });

  test('/upload says what came', async () => {
    const world = new TwoStacks();
    serveHttp(world.b);
    const text = stream(700_000);
    const { body } = await ask(world, '/upload', text);
    expect(body.toString()).toBe(`${createHash('sha256').update(text).digest('hex')}\n`);
  });

  test('/status.json tells of interfaces, connections, limits and drops', async () => {
    const world = new TwoStacks();
    serveHttp(world.b);
    const status = JSON.parse((await ask(world, '/status.json')).body.toString()) as Status;
    expect(status.interfaces.map(({ name, addresses }) => [name, ...addresses])).toEqual([
      ['lo', '127.0.0.1/8', '::1/128'], ['pipe1', '10.0.0.2/24', 'fd00::2/64'],
    ]);
    expect(status.connectionCount).toBe(1);
    expect(status.connections[0]).toMatchObject({ local: '10.0.0.2 80', state: 'ESTABLISHED' });
    expect(status.counters.rxPackets).toBeGreaterThan(2);
    expect(status.limits.every(({ used, max }) => used <= max)).toBe(true);
    expect(status.drops).toEqual({});
  });

  test.each([
    '/nothing', '/bytes/', '/bytes/-1', '/bytes/1x', '/bytes/1234567890123456', '/hello/', '//',
  ])('%s is not here', async (path) => {
    const world = new TwoStacks();
    serveHttp(world.b);
    expect((await ask(world, path)).status).toBe(404);
  });
});

test('the pattern has a period of 251, from wherever', () => {
  for (const from of [0, 1, 250, 251, 1000]) expect(patternBytes(from, 600)).toEqual(pattern(from, 600));
});

test('a client that goes in the middle of a petabyte leaves nothing behind', async () => {
  const world = new TwoStacks();
  serveHttp(world.b);
  const socket = await dial(world);
  await socket.write(ascii('GET /bytes/999999999999999 HTTP/1.1\r\nhost: x\r\n\r\n'));
  await world.run(socket.read());
  socket.abort();
  await world.sleep();
  expect([world.b.tcp.connections.size, world.b.pool.outstanding]).toEqual([0, 0]);
});

test('what is no HTTP is refused and closed', async () => {
  const world = new TwoStacks();
  serveHttp(world.b);
  const socket = await dial(world);
  await socket.write(ascii('\0\x01\x02 nonsense\r\n\r\n'));
  const text = await world.run(socket.read());
  expect(String.fromCharCode(...text!)).toContain('400 Bad Request');
  expect(await world.run(socket.read())).toBe(null);
});

test('closed: nobody is let in, and connections that stayed open are closed', async () => {
  const world = new TwoStacks();
  const service = serveHttp(world.b);
  const socket = await dial(world);
  await socket.write(ascii('GET /hello HTTP/1.1\r\nhost: x\r\n\r\n'));
  await world.run(socket.read());
  service.close();
  expect(await world.run(socket.read())).toBe(null);
  expect(await failure(dial(world))).toMatchObject({ code: 'ECONNREFUSED' });
  void socket.close();
  await world.sleep();
  expect(world.b.tcp.connections.size).toBe(0);
});
