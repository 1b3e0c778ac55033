// Datagram sockets as streams of messages. RFC 768, RFC 1122 §4.1.

import { describe, expect, test } from 'vitest';

import { openUdp, type UdpMessageOut } from '../../../src/web.js';
import { failure, fate, TwoStacks } from '../../fixtures/two-stacks.js';

const text = (words: string): Uint8Array => new TextEncoder().encode(words);
const words = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);

describe('messages', () => {
  test.each([['10.0.0.1', '10.0.0.2'], ['fd00::1', 'fd00::2']])('from %s to %s and back', async (here, there) => {
    const world = new TwoStacks();
    const [client, server] = [openUdp(world.a, { port: 4000 }), openUdp(world.b, { port: 53 })];
    expect(await server.opened).toMatchObject({ localPort: 53 });
    await client.writable.getWriter().write({ data: text('who?'), remoteAddress: there, remotePort: 53 });
    const asked = (await world.run(server.readable.getReader().read())).value!;
    expect({ ...asked, data: words(asked.data) }).toEqual({ data: 'who?', remoteAddress: here, remotePort: 4000 });
    await server.writable.getWriter().write({ ...asked, data: text('me') });
    const answered = (await world.run(client.readable.getReader().read())).value!;
    expect({ ...answered, data: words(answered.data) }).toEqual({ data: 'me', remoteAddress: there, remotePort: 53 });
  });

  test('wait in the receive queue, one by one, until they are asked for', async () => {
    const world = new TwoStacks();
    const [client, server] = [openUdp(world.a, { remote: { address: '10.0.0.2', port: 53 } }), openUdp(world.b, { port: 53 })];
    const writer = client.writable.getWriter();
    for (const word of ['one', 'two', 'three']) await writer.write({ data: text(word) });
    await world.settle();
    const heard: string[] = [];
    await world.run((async () => {
      for await (const { data } of server.readable) {
        heard.push(words(data));
        if (heard.length === 3) break;
      }
    })());
    expect(heard).toEqual(['one', 'two', 'three']);
  });
});

describe('trouble', () => {
  test('a port that is taken: EADDRINUSE', async () => {
    const world = new TwoStacks();
    openUdp(world.a, { port: 53 });
    const second = openUdp(world.a, { port: 53 });
    for (const promise of [second.opened, second.closed, second.readable.getReader().read(), second.writable.getWriter().closed]) {
      expect(await failure(promise)).toMatchObject({ code: 'EADDRINUSE' });
    }
  });

  test('nowhere to connect to: ENETUNREACH, and the port is free again', async () => {
    const world = new TwoStacks();
    const remote = { address: '192.0.2.1', port: 53 };
    expect(await failure(openUdp(world.a, { port: 53, family: 4, remote }).opened)).toMatchObject({ code: 'ENETUNREACH' });
    await openUdp(world.a, { port: 53, family: 4 }).opened;
  });

  test('a connected socket that is refused ends in ECONNREFUSED', async () => {
    const world = new TwoStacks();
    const client = openUdp(world.a, { remote: { address: '10.0.0.2', port: 53 } });
    const reading = client.readable.getReader().read();
    await client.writable.getWriter().write({ data: text('anybody?') });
    expect(await world.run(failure(reading))).toMatchObject({ code: 'ECONNREFUSED' });
    expect(await failure(client.closed)).toMatchObject({ code: 'ECONNREFUSED' });
    expect(world.a.limits.all().find(({ name }) => name === 'udp.endpoints')!.used()).toBe(0);
  });

  test.each<[string, UdpMessageOut]>([
    ['EMSGSIZE', { data: new Uint8Array(70_000), remoteAddress: '10.0.0.2', remotePort: 53 }],
    ['ENETUNREACH', { data: text('x'), remoteAddress: '192.0.2.1', remotePort: 53 }],
    ['EDESTADDRREQ', { data: text('x') }],
    ['ERR_INVALID_ARG_TYPE', { data: text('x'), remotePort: 53 }],
    ['ERR_SOCKET_BAD_PORT', { data: text('x'), remoteAddress: '10.0.0.2', remotePort: 0 }],
    ['ERR_INVALID_ARG_TYPE', { data: 'x' as unknown as Uint8Array, remoteAddress: '10.0.0.2', remotePort: 53 }],
  ])('%s: a message that cannot be sent ends the socket', async (code, message) => {
    const world = new TwoStacks();
    const client = openUdp(world.a, { family: 4 });
    expect(await failure(client.writable.getWriter().write(message))).toMatchObject({ code });
    expect(await failure(client.closed)).toMatchObject({ code });
  });
});

describe('ending', () => {
  test('cancelled, it goes on sending, and what arrives is thrown away; closed as well, it is over', async () => {
    const world = new TwoStacks();
    const [a, b] = [openUdp(world.a, { port: 53 }), openUdp(world.b, { port: 53, remote: { address: '10.0.0.1', port: 53 } })];
    await a.readable.cancel();
    const over = fate(a.closed);
    await b.writable.getWriter().write({ data: text('unheard') });
    await world.settle();
    const queued = world.a.limits.all().filter(({ name }) => name === 'udp.endpoint.receive-queue').map(({ used }) => used());
    expect(queued).toEqual([0]);
    const writer = a.writable.getWriter();
    await writer.write({ data: text('heard'), remoteAddress: '10.0.0.2', remotePort: 53 });
    expect(words((await world.run(b.readable.getReader().read())).value?.data)).toBe('heard');
    expect(over()).toBe('pending');
    await writer.close();
    await a.closed;
    await openUdp(world.a, { port: 53 }).opened;
  });

  test('closed, it goes on receiving until it is cancelled', async () => {
    const world = new TwoStacks();
    const [a, b] = [openUdp(world.a, { port: 53 }), openUdp(world.b, { remote: { address: '10.0.0.1', port: 53 } })];
    await a.writable.close();
    await b.writable.getWriter().write({ data: text('heard') });
    const reader = a.readable.getReader();
    expect(words((await world.run(reader.read())).value?.data)).toBe('heard');
    await reader.cancel();
    await a.closed;
    await openUdp(world.a, { port: 53 }).opened;
  });

  test('`close`: a read that waits is told of the end, and the port is free', async () => {
    const world = new TwoStacks();
    const socket = openUdp(world.a, { port: 53 });
    const reading = socket.readable.getReader().read();
    await world.settle();
    await socket.close();
    expect(await reading).toEqual({ done: true, value: undefined });
    expect(await failure(socket.writable.getWriter().write({ data: text('x') }))).toMatchObject({ code: 'EPIPE' });
    await openUdp(world.a, { port: 53 }).opened;
  });
});
