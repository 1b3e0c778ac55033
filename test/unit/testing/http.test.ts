// Node's http on the hosts of a network: what it times by itself goes by the network's clock, virtual or of fake timers.

import { once } from 'node:events';
import type http from 'node:http';
import type net from 'node:net';

import { afterEach, describe, expect, test, vi } from 'vitest';

import { createNetwork, httpOf, netOf, type NetworkOptions } from '../../../src/testing/node/index.js';

afterEach(() => void vi.useRealTimers());

/** Two hosts without a delay between them, a server that says hello on port 80. */
function line(options: NetworkOptions = {}, settings: http.ServerOptions = {}) {
  const network = createNetwork({ seed: 7, link: { delayMs: 0 }, ...options });
  const [client, server] = network.hosts(2);
  network.link(client, server);
  const web = httpOf(server).createServer(settings, (request, response) => {
    request.resume().on('end', () => response.end('hello'));
  }).listen(80);
  return { network, client, server, web };
}

async function text(response: http.IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of response) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString();
}

/** A connection that says `bytes`, and what it heard, and when it was over. */
function speak(from: ReturnType<typeof line>['client'], to: string, bytes: string) {
  const heard = { text: '', closedAt: Number.NaN };
  const socket = netOf(from).connect(80, to);
  socket.setEncoding('latin1').on('data', (piece: string) => { heard.text += piece; }).on('error', () => {});
  socket.on('close', () => { heard.closedAt = from.network.now; });
  if (bytes !== '') socket.write(bytes);
  return { socket, heard };
}

const HALF = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345';

describe('Node’s http', () => {
  test('is served and asked for, by URL and by options, with a date of the network’s', async () => {
    const { network, client, server, web } = line();
    const face = httpOf(client);
    const ask = async (request: http.ClientRequest): Promise<[string, string | undefined]> => {
      const [response] = await once(request, 'response') as [http.IncomingMessage];
      return [await text(response), response.headers.date];
    };
    await network.advance('90 min');
    const date = 'Thu, 01 Jan 1970 01:30:00 GMT';
    const url = `http://${server.ip}/`;
    expect(await network.runUntil(ask(face.get(url)))).toEqual(['hello', date]);
    expect(await network.runUntil(ask(face.get(new URL(url), { headers: { a: 'b' } })))).toEqual(['hello', date]);
    expect(await network.runUntil(ask(face.get({ host: server.ip, path: '/' })))).toEqual(['hello', date]);
    expect([web.listening, (web.address() as net.AddressInfo).port]).toEqual([true, 80]);
    const closed = once(web, 'close');
    web.close();
    await network.runUntil(closed);
    expect(web.listening).toBe(false);
    await network.runUntilIdle();
    expect(network.leaks()).toEqual([]);
  });

  test('ends an idle connection when keepAliveTimeout has passed', async () => {
    const { network, client, server, web } = line();
    web.keepAliveTimeout = 60_000;
    const { heard } = speak(client, server.ip, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await network.advance(0);
    expect(heard.text).toContain('hello');
    // A grace of Node's own, of a second, of which later versions tell.
    const grace = (web as { readonly keepAliveTimeoutBuffer?: number }).keepAliveTimeoutBuffer ?? 1000;
    await network.advance(60_000 + grace - 1);
    expect(heard.closedAt).toBeNaN();
    await network.advance(1);
    expect(heard.closedAt).toBe(60_000 + grace);
  });

  test.each([
    // Looks at 30 s, 60 s, 90 s …: the first at which it has lasted for so long.
    ['requestTimeout, a body that does not end', HALF, 70_000, {}, 90_000],
    ['headersTimeout, headers that do not end', 'GET / HTTP/1.1\r\nHos', 0, { headersTimeout: 45_000 }, 60_000],
    ['headersTimeout, nobody who says a word', '', 0, { headersTimeout: 20_000 }, 30_000],
    ['requestTimeout, and looks that are closer together', HALF, 45_000, { connectionsCheckingInterval: 7_000 }, 49_000],
  ] as const)('answers 408 when it is time: %s', async (_, bytes, requestTimeout, more, at) => {
    const { network, client, server } = line({}, { requestTimeout: requestTimeout || 300_000, ...more });
    const { heard } = speak(client, server.ip, bytes);
    await network.advance(at - 1);
    expect(heard).toEqual({ text: '', closedAt: Number.NaN });
    await network.advance(1);
    expect(heard.text).toMatch(/^HTTP\/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n$/);
    expect(heard.closedAt).toBe(at);
  });

  test('counts from the beginning of each request, a pipelined one too, and lets those be that are whole', async () => {
    const { network, client, server, web } = line({}, { requestTimeout: 60_000, keepAliveTimeout: 200_000 });
    let asked = 0;
    web.on('request', () => asked++);
    const whole = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
    const [late, pipelined] = [speak(client, server.ip, whole), speak(client, server.ip, whole)];
    await network.advance(100_000);
    expect([asked, late.heard.closedAt, pipelined.heard.closedAt]).toEqual([2, Number.NaN, Number.NaN]);
    late.socket.write(HALF);
    pipelined.socket.write(whole + HALF);
    await network.advance(79_000);
    expect([asked, late.heard.closedAt, pipelined.heard.closedAt]).toEqual([5, Number.NaN, Number.NaN]);
    await network.advance(1000);
    for (const { heard } of [late, pipelined]) {
      expect(heard.closedAt).toBe(180_000);
      expect(heard.text.endsWith('Connection: close\r\n\r\n')).toBe(true);
    }
  });

  test('tells `clientError`, if somebody listens, and leaves the rest to him', async () => {
    const { network, client, server, web } = line({}, { requestTimeout: 10_000, headersTimeout: 10_000 });
    const told: string[] = [];
    web.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      told.push(error.code!);
      socket.end('late');
    });
    const { heard } = speak(client, server.ip, HALF);
    await network.advance(30_000);
    expect([told[0], heard.text]).toEqual(['ERR_HTTP_REQUEST_TIMEOUT', 'late']);
  });

  test('goes by fake timers where the network follows them', async () => {
    vi.useFakeTimers();
    const { network, client, server, web } = line({ clock: 'follow' }, { requestTimeout: 70_000 });
    web.keepAliveTimeout = 20_000;
    const slow = speak(client, server.ip, HALF);
    const idle = speak(client, server.ip, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await vi.advanceTimersByTimeAsync(19_000);
    expect([idle.heard.closedAt, idle.heard.text.includes('hello')]).toEqual([Number.NaN, true]);
    await vi.advanceTimersByTimeAsync(3000);
    expect(idle.heard.closedAt).toBeGreaterThan(20_000);
    await vi.advanceTimersByTimeAsync(67_000);
    expect(slow.heard.closedAt).toBeNaN();
    await vi.advanceTimersByTimeAsync(2000);
    expect(slow.heard.text).toContain('408 Request Timeout');
    network.close();
  });
});
