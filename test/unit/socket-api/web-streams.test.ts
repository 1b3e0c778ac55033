// Stream sockets as streams of the web's: what WHATWG's Streams promise, and what RFC 9293 §3.9.1 says of each call behind it.

import { describe, expect, test } from 'vitest';

import { NetError } from '../../../src/errors.js';
import { TcpServer, TcpSocket } from '../../../src/socket-api/tcp.js';
import { connect, listen, type WebConnectOptions, type WebListenOptions, type WebTcpSocket } from '../../../src/web.js';
import { difference, failure, fate, joined, readAll, stream, TwoStacks } from '../../fixtures/two-stacks.js';

/** Windows and buffers of a few segments: back-pressure soon shows. */
const NARROW = { sendBuffer: 4096, receiveBuffer: 4096 };

const text = (words: string): Uint8Array => new TextEncoder().encode(words);
const words = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);

/** A connection from `a` to `b`, both ends of the web's kind. */
async function pair(
  world: TwoStacks, connecting: WebConnectOptions = {}, listening: Partial<WebListenOptions> = {}, hostname = '10.0.0.2',
): Promise<[WebTcpSocket, WebTcpSocket]> {
  const server = listen(world.b, { port: 0, ...listening });
  const { localPort } = await server.opened;
  const clients = server.readable.getReader();
  const client = connect(world.a, { hostname, port: localPort }, connecting);
  const { value } = await world.run(clients.read());
  await world.run(client.opened);
  void server.close();
  return [client, value!];
}

async function everything(readable: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const reader = readable.getReader();
  return readAll({ read: async () => (await reader.read()).value ?? null });
}

describe('connecting', () => {
  test.each([['10.0.0.2:80', '10.0.0.1', '10.0.0.2'], ['[fd00::2]:80', 'fd00::1', 'fd00::2']])(
    'to %s: both ends are told their names', async (address, here, there) => {
      const world = new TwoStacks();
      const server = listen(world.b, { port: 80 });
      const accepting = server.readable.getReader().read();
      const client = connect(world.a, address, { localPort: 4000 });
      expect(await world.run(client.opened)).toEqual({
        readable: client.readable, writable: client.writable,
        localAddress: here, localPort: 4000, remoteAddress: there, remotePort: 80,
      });
      const peer = (await world.run(accepting)).value!;
      expect(await peer.opened).toMatchObject({ localAddress: there, localPort: 80, remoteAddress: here, remotePort: 4000 });
      expect(client.info()).toMatchObject({ state: 'ESTABLISHED' });
    });

  test('where nobody listens: ECONNREFUSED is what every promise and both streams end in', async () => {
    const world = new TwoStacks();
    const client = connect(world.a, '10.0.0.2:81');
    const [reading, writing] = [failure(client.readable.getReader().read()), failure(client.writable.getWriter().write(text('x')))];
    const error = await world.run(failure(client.opened));
    expect(error).toBeInstanceOf(NetError);
    expect(error).toMatchObject({ code: 'ECONNREFUSED', syscall: 'connect', address: '10.0.0.2', port: 81 });
    for (const other of [failure(client.closed), reading, writing]) expect(await world.run(other)).toBe(error);
  });

  test('where no route leads, likewise, though there is no connection', async () => {
    const world = new TwoStacks();
    const client = connect(world.a, '192.0.2.1:80');
    for (const promise of [client.opened, client.closed, client.readable.getReader().read(), client.writable.getWriter().closed]) {
      expect(await failure(promise)).toMatchObject({ code: 'ENETUNREACH' });
    }
    expect(client.info()).toBeNull();
    expect(await failure(client.close())).toMatchObject({ code: 'ENETUNREACH' });
  });

  test('`close` gives it up: nobody is refused anything, but nothing was opened', async () => {
    const world = new TwoStacks();
    world.cut = true;
    const client = connect(world.a, '10.0.0.2:80');
    await world.settle();
    await world.run(client.close());
    expect(await failure(client.opened)).toMatchObject({ code: 'ECONNABORTED', syscall: 'connect' });
    expect(world.a.tcp.connections.size).toBe(0);
  });

  test('aborting the writable gives it up at once', async () => {
    const world = new TwoStacks();
    world.cut = true;
    const client = connect(world.a, '10.0.0.2:80');
    await world.settle();
    const before = world.now;
    void client.writable.abort('enough').catch(() => {});
    expect(await world.run(failure(client.closed))).toMatchObject({ code: 'ECONNABORTED' });
    expect(world.now).toBe(before);
    expect(world.a.tcp.connections.size).toBe(0);
  });

  test.each([
    ['10.0.0.2', 'ERR_INVALID_ARG_TYPE'], ['fd00::2:80', 'ERR_INVALID_ARG_TYPE'], ['example.org:80', 'ERR_INVALID_ARG_TYPE'],
    ['10.0.0.2:0', 'ERR_SOCKET_BAD_PORT'], ['10.0.0.2:65536', 'ERR_SOCKET_BAD_PORT'],
  ])('%s is an error of the caller\'s, thrown: %s', (address, code) => {
    expect(() => connect(new TwoStacks().a, address)).toThrow(expect.objectContaining({ code }));
  });

  test('TLS is not here, and not pretended', () => {
    const options = { secureTransport: 'on' } as unknown as WebConnectOptions;
    expect(() => connect(new TwoStacks().a, '10.0.0.2:80', options)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }));
  });
});

describe('bytes', () => {
  test.each(['10.0.0.2', 'fd00::2'])('arrive, once, in order, through an echo at %s that is one pipe', async (hostname) => {
    const world = new TwoStacks();
    const [client, server] = await pair(world, NARROW, NARROW, hostname);
    const echo = server.readable.pipeTo(server.writable);
    const sent = stream(100_000);
    const writer = client.writable.getWriter();
    void writer.write(sent).then(() => writer.close());
    expect(difference(await world.run(everything(client.readable)), sent)).toBe('none');
    await world.run(Promise.all([echo, client.closed, server.closed]));
  });

  test('nobody reads: they wait in the receive buffer, and then with the peer', async () => {
    const world = new TwoStacks();
    const [client] = await pair(world, NARROW, NARROW);
    const writer = client.writable.getWriter();
    let taken = 0;
    for (let i = 0; i < 20; i++) void writer.write(new Uint8Array(1000)).then(() => taken++);
    await world.wait(10_000);
    // 4096 at each end: eight pieces, and part of a ninth.
    expect(taken).toBe(8);
    expect(writer.desiredSize).toBeLessThanOrEqual(0);
  });

  test('a write is done when all of it is in the send buffer', async () => {
    const world = new TwoStacks();
    const [client, server] = await pair(world, NARROW, NARROW);
    const writer = client.writable.getWriter();
    const writing = fate(writer.write(stream(20_000)));
    await world.wait(10_000);
    expect(writing()).toBe('pending');
    const reader = server.readable.getReader();
    let read = 0;
    while (read < 20_000) read += (await world.run(reader.read())).value!.length;
    expect(writing()).toBe('resolved');
  });

  test('go into the memory of a BYOB reader, as many as fit', async () => {
    const world = new TwoStacks();
    const [client, server] = await pair(world);
    const reader = server.readable.getReader({ mode: 'byob' });
    const first = reader.read(new Uint8Array(4));
    await world.run(client.writable.getWriter().write(text('wallsocket')));
    expect(words((await world.run(first)).value)).toBe('wall');
    const memory = new Uint8Array(16).fill(0x2e);
    expect(words((await world.run(reader.read(memory.subarray(2)))).value)).toBe('socket');
    expect(memory.length).toBe(0);
  });

  test('end for a BYOB reader that waits: its memory comes back', async () => {
    const world = new TwoStacks();
    const [client, server] = await pair(world);
    const reading = server.readable.getReader({ mode: 'byob' }).read(new Uint8Array(7));
    await world.run(client.writable.close());
    const { done, value } = await world.run(reading);
    expect([done, value!.length, value!.buffer.byteLength]).toEqual([true, 0, 7]);
  });

  test('may be given as any BufferSource', async () => {
    const world = new TwoStacks();
    const [client, server] = await pair(world);
    const writer = client.writable.getWriter();
    const memory = new Uint8Array(text('0123456789')).buffer;
    for (const chunk of [memory, new DataView(memory, 2, 3), new Uint8Array(memory, 9)]) void writer.write(chunk);
    void writer.close();
    expect(words(await world.run(everything(server.readable)))).toBe('01234567892349');
  });

  test('that are none end the writable, and reset the connection: half a stream is not the whole', async () => {
    const world = new TwoStacks();
    const [client, server] = await pair(world);
    const writing = client.writable.getWriter().write('text' as unknown as Uint8Array);
    expect(await world.run(failure(writing))).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
    expect(await world.run(failure(server.closed))).toMatchObject({ code: 'ECONNRESET' });
  });
});

describe('ending', () => {
  test('closing the writable ends our side alone; the peer can answer', async () => {
    const world = new TwoStacks();
    const [client, server] = await pair(world);
    const writer = client.writable.getWriter();
    void writer.write(text('question'));
    await world.run(writer.close());
    expect(words(await world.run(everything(server.readable)))).toBe('question');
    await world.settle();
    expect([client.info()!.state, server.info()!.state]).toEqual(['FIN-WAIT-2', 'CLOSE-WAIT']);
    const answer = server.writable.getWriter();
    void answer.write(text('answer'));
    void answer.close();
    expect(words(await world.run(everything(client.readable)))).toBe('answer');
    await world.run(Promise.all([client.closed, server.closed]));
  });

  test('without half-open, the peer\'s end is ours', async () => {
    const world = new TwoStacks();
    const [client, server] = await pair(world, {}, { allowHalfOpen: false });
    void client.writable.close();
    await world.run(everything(server.readable));
    await world.run(Promise.all([client.closed, server.closed]));
    expect(await failure(server.writable.getWriter().write(text('too late')))).toMatchObject({ code: 'EPIPE' });
  });

  test('... behind what was written by then: an echo loses nothing', async () => {
    const world = new TwoStacks();
    const [client, server] = await pair(world, NARROW, { ...NARROW, allowHalfOpen: false });
    const echo = server.readable.pipeTo(server.writable);
    const sent = stream(50_000);
    const writer = client.writable.getWriter();
    void writer.write(sent).then(() => writer.close());
    expect(difference(await world.run(everything(client.readable)), sent)).toBe('none');
    await world.run(echo);
  });

  test('... also where each piece takes its time: the end is told to who asks for more', async () => {
    const world = new TwoStacks();
    const [client, server] = await pair(world, {}, { allowHalfOpen: false });
    const question = client.writable.getWriter();
    void question.write(text('ping'));
    void question.close();
    await world.settle();
    const [reader, answer] = [server.readable.getReader(), server.writable.getWriter()];
    expect(words((await world.run(reader.read())).value)).toBe('ping');
    await world.wait(1000);
    await world.run(answer.write(text('pong')));
    expect((await world.run(reader.read())).done).toBe(true);
    expect(words(await world.run(everything(client.readable)))).toBe('pong');
    await world.run(Promise.all([client.closed, server.closed]));
  });

  test('the peer\'s end shows though nobody reads', async () => {
    const world = new TwoStacks();
    const [client, server] = await pair(world);
    const { closed } = server.readable.getReader();
    void client.writable.close();
    await world.run(closed);
  });

  test.each([10, 1])('`close` delivers what the writable was given, here in writes: %i; and takes no more', async (writes) => {
    const world = new TwoStacks();
    const [client, server] = await pair(world, NARROW, NARROW);
    const writer = client.writable.getWriter();
    const each = 50_000 / writes;
    for (let i = 0; i < writes; i++) void writer.write(stream(each, i * each));
    await world.wait(1000);
    const closing = client.close();
    expect(difference(await world.run(everything(server.readable)), stream(50_000))).toBe('none');
    void server.writable.close();
    await world.run(closing);
    expect(await failure(writer.write(text('too late')))).toMatchObject({ code: 'EPIPE' });
  });

  test('`close` with text that nobody has read resets (RFC 2525 §2.17)', async () => {
    const world = new TwoStacks();
    const [client, server] = await pair(world);
    await world.run(client.writable.getWriter().write(text('unheard')));
    await world.settle();
    await world.run(server.close());
    expect(await world.run(failure(client.closed))).toMatchObject({ code: 'ECONNRESET', syscall: 'read' });
  });

  test('aborting the writable resets, even while a write waits', async () => {
    const world = new TwoStacks();
    const [client, server] = await pair(world, NARROW, NARROW);
    const writer = client.writable.getWriter();
    const writing = failure(writer.write(stream(50_000)));
    const reading = failure(client.readable.getReader().read());
    await world.wait(1000);
    world.trace = [];
    const aborting = writer.abort(new Error('changed my mind'));
    expect(await world.run(reading)).toMatchObject({ code: 'ECONNABORTED' });
    expect(await world.run(writing)).toMatchObject({ code: 'ECONNABORTED' });
    expect(await world.run(failure(client.closed))).toMatchObject({ code: 'ECONNABORTED' });
    await world.run(aborting);
    expect(await failure(writer.closed)).toMatchObject({ message: 'changed my mind' });
    expect(world.trace.filter((line) => /\bR/.test(line)).length).toBe(1);
    expect(await world.run(failure(server.closed))).toMatchObject({ code: 'ECONNRESET' });
  });

  test('a reset: what came before it is read before it', async () => {
    const world = new TwoStacks();
    const [client, server] = await pair(world);
    const writer = client.writable.getWriter();
    await world.run(writer.write(text('last words')));
    await world.settle();
    void writer.abort();
    expect(await world.run(failure(server.closed))).toMatchObject({ code: 'ECONNRESET', syscall: 'read' });
    const reader = server.readable.getReader();
    expect(words((await reader.read()).value)).toBe('last words');
    expect(await failure(reader.read())).toMatchObject({ code: 'ECONNRESET' });
    expect(await failure(server.writable.getWriter().write(text('x')))).toMatchObject({ code: 'ECONNRESET' });
  });

  test('a reset shows though nobody reads', async () => {
    const world = new TwoStacks();
    const [client, server] = await pair(world);
    const { closed } = server.readable.getReader();
    void client.writable.abort();
    expect(await world.run(failure(closed))).toMatchObject({ code: 'ECONNRESET' });
  });

  test('a readable that is cancelled lets our side go on, and throws away what comes', async () => {
    const world = new TwoStacks();
    const [client, server] = await pair(world, NARROW, NARROW);
    await world.run(client.readable.cancel());
    const writing = server.writable.getWriter();
    await world.run(writing.write(stream(50_000)));
    await world.run(client.writable.getWriter().write(text('still here')));
    expect(words((await world.run(server.readable.getReader().read())).value)).toBe('still here');
  });

  test('... and once our side has ended, refuses it', async () => {
    const world = new TwoStacks();
    const [client, server] = await pair(world);
    await world.run(client.readable.cancel());
    await world.run(client.writable.close());
    await world.settle();
    void server.writable.getWriter().write(text('anybody there?'));
    expect(await world.run(failure(server.closed))).toMatchObject({ code: 'ECONNRESET' });
    expect(world.a.tcp.connections.size).toBe(0);
  });

  test('in the other order likewise: an iterator that is left', async () => {
    const world = new TwoStacks();
    const [client, server] = await pair(world);
    await world.run(client.writable.close());
    const writer = server.writable.getWriter();
    await world.run(writer.write(text('one')));
    await world.run((async () => { for await (const piece of client.readable) { expect(words(piece)).toBe('one'); break; } })());
    void writer.write(text('two'));
    expect(await world.run(failure(server.closed))).toMatchObject({ code: 'ECONNRESET' });
  });
});

describe('a server', () => {
  test('is a stream of clients, of both families, until it is left', async () => {
    const world = new TwoStacks();
    const server = listen(world.b, { port: 80 });
    const serving = (async () => {
      const seen: string[] = [];
      for await (const client of server.readable) {
        seen.push((await client.opened).remoteAddress);
        if (seen.length === 2) break;
      }
      return seen;
    })();
    for (const address of ['10.0.0.2:80', '[fd00::2]:80']) await world.run(connect(world.a, address).opened);
    expect(await world.run(serving)).toEqual(['10.0.0.1', 'fd00::1']);
    await server.closed;
    expect(await world.run(failure(connect(world.a, '10.0.0.2:80').opened))).toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('accepts when it is asked: others wait in the queue, which has a limit', async () => {
    const world = new TwoStacks();
    const server = listen(world.b, { port: 80, backlog: 2 });
    for (let i = 0; i < 4; i++) connect(world.a, '10.0.0.2:80');
    await world.wait(10_000);
    expect(world.b.tcp.connections.size).toBe(2);
    await world.run(server.readable.getReader().read());
  });

  test('`close` ends it; a client that was accepted lives on', async () => {
    const world = new TwoStacks();
    const server = listen(world.b, { port: 80 });
    const clients = server.readable.getReader();
    const client = connect(world.a, '10.0.0.2:80');
    const { value } = await world.run(clients.read());
    const next = clients.read();
    await server.close();
    expect(await next).toEqual({ done: true, value: undefined });
    void value!.writable.close();
    expect((await world.run(everything(client.readable))).length).toBe(0);
  });

  test('where the port is taken: EADDRINUSE', async () => {
    const world = new TwoStacks();
    listen(world.b, { port: 80 });
    const second = listen(world.b, { port: 80 });
    for (const promise of [second.opened, second.closed, second.readable.getReader().read()]) {
      expect(await failure(promise)).toMatchObject({ code: 'EADDRINUSE', syscall: 'listen' });
    }
  });

  test('hands over a client that was reset while it waited', async () => {
    const world = new TwoStacks();
    const server = listen(world.b, { port: 80 });
    const client = await world.run(TcpSocket.connect(world.a, { address: '10.0.0.2', port: 80 }));
    client.abort();
    await world.settle();
    const { value } = await world.run(server.readable.getReader().read());
    expect(await failure(value!.closed)).toMatchObject({ code: 'ECONNRESET' });
    expect(await failure(value!.readable.getReader().read())).toMatchObject({ code: 'ECONNRESET' });
  });

  test('of the native face speaks with a client of this one', async () => {
    const world = new TwoStacks();
    const server = TcpServer.listen(world.b, { port: 80 });
    const client = connect(world.a, '10.0.0.2:80');
    const peer = (await world.run(server.accept()))!;
    const writer = client.writable.getWriter();
    void writer.write(text('hello'));
    void writer.close();
    expect(words(joined([await world.run(readAll(peer))]))).toBe('hello');
    await using both = client;
    void both.readable.cancel();
    void peer.close();
    await world.run(client.closed);
  });
});
