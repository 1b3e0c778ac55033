// Stream sockets as an application sees them: opening, reading, writing, the four ways of ending, and the server.
// RFC 9293 §3.9.1 gives the calls; errors have the shape that Node's own sockets give them.

import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { address } from '../../../src/address.js';
import { NetError } from '../../../src/errors.js';
import { TcpServer, TcpSocket } from '../../../src/socket-api/tcp.js';
import type { Connection } from '../../../src/tcp/connection.js';
import {
  difference, EVERYTHING, failure, fate, joined, poison, readAll, stream, turn, TwoStacks,
} from '../../fixtures/two-stacks.js';

/** Windows and buffers of a few segments: back-pressure soon shows. */
const NARROW = { sendBuffer: 4096, receiveBuffer: 4096 };

/** What an application can ask of an error, without its stack. */
const shape = (error: Error): Record<string, unknown> => ({ ...error, name: error.name, message: error.message });

/** The same error with our host's names in place of the other's. */
const renamed = (
  error: Record<string, unknown>, from: RegExp, names: { address: string; port: number },
): Record<string, unknown> => ({ ...error, ...names, message: String(error['message']).replace(from, `${names.address}:${names.port}`) });

describe('connecting', () => {
  test('leads to a connection that tells of itself', async () => {
    const [client] = await new TwoStacks().connect({ congestion: 'new-reno' });
    expect(client.info()).toMatchObject({ state: 'ESTABLISHED', congestionControl: 'new-reno', notSending: 'app-limited', sendMss: 1448 });
  });

  test('that is probed tells what happens, and takes no absurd capacity', async () => {
    const world = new TwoStacks();
    const [client, server] = await world.connect({ congestion: 'new-reno' });
    const events = client.probe();
    expect(() => client.probe(0)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }));
    client.write(new Uint8Array(10));
    await world.run(server.read());
    expect(events.read()).toContainEqual(expect.objectContaining({ kind: 'sent', offset: 0, bytes: 10, why: 'new' }));
  });

  test('with the user timeout option on both sides leads to the longer of the two: RFC 5482', async () => {
    const told = (advertiseMs: number): { userTimeoutOption: { advertiseMs: number } } => ({ userTimeoutOption: { advertiseMs } });
    const world = new TwoStacks();
    const [client, server] = await world.connect(told(150_000), told(200_000));
    client.write(new Uint8Array(10));
    await world.run(server.read());
    server.write(new Uint8Array(10));
    await world.run(client.read());
    expect([client.info().userTimeoutMs, client.info().peerUserTimeoutMs]).toEqual([200_000, 200_000]);
    expect([server.info().userTimeoutMs, server.info().peerUserTimeoutMs]).toEqual([200_000, 150_000]);
  });

  test.each([['10.0.0.2', '10.0.0.1', 'IPv4'], ['fd00::2', 'fd00::1', 'IPv6']])(
    'to %s: both ends know their names', async (there, here, family) => {
      const world = new TwoStacks();
      const [client, server] = await world.connect({ address: there, localPort: 4000 }, { port: 80 });
      const names = ({ localAddress, localPort, remoteAddress, remotePort, family }: TcpSocket): unknown =>
        ({ localAddress, localPort, remoteAddress, remotePort, family });
      expect(names(client)).toEqual({ localAddress: here, localPort: 4000, remoteAddress: there, remotePort: 80, family });
      expect(names(server)).toEqual({ localAddress: there, localPort: 80, remoteAddress: here, remotePort: 4000, family });
      expect([client.state, server.state]).toEqual(['ESTABLISHED', 'ESTABLISHED']);
    });

  test('an address may be an Address', async () => {
    const world = new TwoStacks();
    const [client] = await world.connect({ address: address('fd00::2'), localAddress: address('fd00::1') });
    expect(client.remoteAddress).toBe('fd00::2');
  });

  test('where nobody listens: refused, and the error is Node\'s', async () => {
    const nodes = await nodesRefusal();
    const world = new TwoStacks();
    const error = await world.run(failure(TcpSocket.connect(world.a, { address: '10.0.0.2', port: 81 })));
    expect(error).toBeInstanceOf(NetError);
    expect(shape(error)).toEqual(renamed(nodes, /127\.0\.0\.1:\d+/, { address: '10.0.0.2', port: 81 }));
    expect(world.a.tcp.connections.size).toBe(0);
  });

  test('to a host that says nothing: ETIMEDOUT, not before three minutes (RFC 9293 MUST-23)', async () => {
    const world = new TwoStacks();
    world.cut = true;
    const before = world.now;
    const error = await world.run(failure(TcpSocket.connect(world.a, { address: '10.0.0.2', port: 80 })));
    expect(error).toMatchObject({ code: 'ETIMEDOUT', errno: -110, syscall: 'connect', address: '10.0.0.2', port: 80 });
    expect(world.now - before).toBeGreaterThanOrEqual(180_000);
    expect(world.now - before).toBeLessThan(600_000);
    expect(world.a.tcp.connections.size).toBe(0);
  });

  test('a user timeout of its own ends the wait (RFC 5482)', async () => {
    const world = new TwoStacks();
    world.cut = true;
    const before = world.now;
    const connecting = TcpSocket.connect(world.a, { address: '10.0.0.2', port: 80, userTimeoutMs: 5000 });
    expect(await world.run(failure(connecting))).toMatchObject({ code: 'ETIMEDOUT' });
    expect(world.now - before).toBeGreaterThanOrEqual(5000);
    expect(world.now - before).toBeLessThan(16_000);
  });

  test('to a neighbour that is not there: EHOSTUNREACH, once the tries are spent (RFC 9293 SHLD-25)', async () => {
    const world = new TwoStacks({ pipe: { medium: 'ethernet' } });
    const error = await world.run(failure(TcpSocket.connect(world.a, { address: '10.0.0.77', port: 80 })));
    expect(error).toMatchObject({ code: 'EHOSTUNREACH', syscall: 'connect', address: '10.0.0.77', port: 80 });
  });

  test.each([
    ['no route leads there', { address: '192.0.2.1' }, 'ENETUNREACH'],
    ['a group is nobody to connect to (RFC 9293 MUST-46)', { address: '224.0.0.1' }, 'ENETUNREACH'],
    ['the broadcast address likewise', { address: '255.255.255.255' }, 'ENETUNREACH'],
    ['and the subnet\'s', { address: '10.0.0.255' }, 'ENETUNREACH'],
    ['the local address is somebody else\'s', { localAddress: '10.0.0.3' }, 'EADDRNOTAVAIL'],
    ['the local address is of the other family', { localAddress: 'fd00::1' }, 'EADDRNOTAVAIL'],
  ])('%s: %j is %s, at once', async (_why, options, code) => {
    const world = new TwoStacks();
    world.trace = [];
    const error = await failure(TcpSocket.connect(world.a, { address: '10.0.0.2', port: 80, ...options }));
    expect(error).toMatchObject({ code, syscall: 'connect' });
    await world.settle();
    expect(world.trace).toEqual([]);
  });

  test('the same four names twice: EADDRINUSE', async () => {
    const world = new TwoStacks();
    await world.connect({ localPort: 4000 }, { port: 80 });
    const again = TcpSocket.connect(world.a, { address: '10.0.0.2', port: 80, localPort: 4000 });
    expect(await failure(again)).toMatchObject({ code: 'EADDRINUSE' });
  });

  test.each([0, -1, 65_536, 1.5, Number.NaN, '80'])('port %j: rejected as Node rejects it', async (port) => {
    const world = new TwoStacks();
    const error = await failure(TcpSocket.connect(world.a, { address: '10.0.0.2', port: port as number }));
    expect(error).toBeInstanceOf(RangeError);
    expect(error.code).toBe('ERR_SOCKET_BAD_PORT');
  });

  test.each([-1, 65_536, 1.5, Number.NaN])('local port %j likewise', async (localPort) => {
    const world = new TwoStacks();
    const error = await failure(TcpSocket.connect(world.a, { address: '10.0.0.2', port: 80, localPort }));
    expect(error.code).toBe('ERR_SOCKET_BAD_PORT');
    expect(world.a.tcp.connections.size).toBe(0);
  });

  test.each(['', 'localhost', '10.0.0.256', 7, null])('address %j: rejected as Node rejects it', async (bad) => {
    const world = new TwoStacks();
    const error = await failure(TcpSocket.connect(world.a, { address: bad as string, port: 80 }));
    expect(error).toBeInstanceOf(TypeError);
    expect(error.code).toBe('ERR_INVALID_ARG_TYPE');
  });
});

describe('giving up connecting', () => {
  test('a signal that has fired: nothing is sent, and the reason is the signal\'s', async () => {
    const world = new TwoStacks();
    world.trace = [];
    const signal = AbortSignal.abort(new Error('no time'));
    expect(await failure(TcpSocket.connect(world.a, { address: '10.0.0.2', port: 80, signal }))).toBe(signal.reason);
    await world.settle();
    expect(world.trace).toEqual([]);
  });

  test('a signal that fires: the reason is the signal\'s, and nothing is left of the connection', async () => {
    const world = new TwoStacks();
    world.cut = true;
    const control = new AbortController();
    const connecting = failure(TcpSocket.connect(world.a, { address: '10.0.0.2', port: 80, signal: control.signal }));
    await world.wait(500);
    expect(world.a.tcp.connections.size).toBe(1);
    control.abort(new Error('no time'));
    expect(await world.run(connecting)).toBe(control.signal.reason);
    expect(world.a.tcp.connections.size).toBe(0);
    await world.sleep();
  });

  test('between the handshake and its news: given up all the same, and the peer is told by a reset', async () => {
    const world = new TwoStacks();
    const server = TcpServer.listen(world.b, { port: 80 });
    const control = new AbortController();
    const connecting = fate(TcpSocket.connect(world.a, { address: '10.0.0.2', port: 80, signal: control.signal }));
    // The news is out, but its reactions have not run.
    while (world.a.tcp.connections.size === 0 || [...world.a.tcp.connections][0]!.state !== 'ESTABLISHED') {
      world.a.poll(world.now);
      world.b.poll(world.now);
    }
    control.abort(new Error('too late'));
    await world.settle();
    expect(connecting()).toBe('too late');
    const accepted = await world.run(server.accept());
    expect(await world.run(failure(accepted!.read()))).toMatchObject({ code: 'ECONNRESET' });
  });

  test('once connected, the signal means nothing any more', async () => {
    const world = new TwoStacks();
    const control = new AbortController();
    const [client, server] = await world.connect({ signal: control.signal });
    control.abort();
    await world.settle();
    await client.write(stream(10));
    expect(await world.run(server.read())).toEqual(stream(10));
  });

  test('nobody listens to the signal longer than need be', async () => {
    const world = new TwoStacks();
    let listeners = 0;
    const signal = {
      aborted: false, reason: null,
      addEventListener: () => { listeners++; },
      removeEventListener: () => { listeners--; },
    };
    await world.connect({ signal });
    expect(listeners).toBe(0);
    await world.run(failure(TcpSocket.connect(world.a, { address: '10.0.0.2', port: 81, signal })));
    expect(listeners).toBe(0);
  });
});

describe('reading', () => {
  test('what was written comes out, once, in order, and then null for ever', async () => {
    const world = new TwoStacks();
    const [client, server] = await world.connect();
    const text = stream(100_000);
    void client.write(text);
    client.end();
    expect(difference(await world.run(readAll(server)), text)).toBe('none');
    expect(server.bytesRead).toBe(100_000);
    expect(client.bytesWritten).toBe(100_000);
    expect([await server.read(), await server.read()]).toEqual([null, null]);
  });

  test('a read before there is anything waits; two at a time are one too many', async () => {
    const world = new TwoStacks();
    const [client, server] = await world.connect();
    const reading = server.read();
    expect(await failure(server.read())).toMatchObject({ code: 'EALREADY', errno: -114, syscall: 'read' });
    expect(await failure(server.readInto(new Uint8Array(1)))).toMatchObject({ code: 'EALREADY' });
    await client.write(stream(3));
    expect(await world.run(reading)).toEqual(stream(3));
  });

  test('a second read is one too many also when text has come and the first has not been told', async () => {
    const world = new TwoStacks();
    const [client, server] = await world.connect();
    const reading = server.read();
    await client.write(stream(3));
    let second = Promise.resolve<unknown>(null);
    const connection = [...world.b.tcp.connections][0]!;
    const told = connection.owner!;
    connection.owner = {
      onTcpEvent: (c, events) => {
        second = failure(server.read());
        told.onTcpEvent(c, events);
      },
    };
    expect(await world.run(reading)).toEqual(stream(3));
    expect(await second).toMatchObject({ code: 'EALREADY' });
  });

  test('`max` cuts; what is left comes next', async () => {
    const world = new TwoStacks();
    const [client, server] = await world.connect();
    await client.write(stream(10));
    await world.settle();
    expect(await server.read(4)).toEqual(stream(4));
    expect(server.bytesRead).toBe(4);
    expect(server.readNow(1)).toEqual(stream(1, 4));
    expect(await server.read()).toEqual(stream(5, 5));
    expect(server.readNow()).toBe(null);
  });

  test.each([0, -1, 1.5, Number.NaN, '1'])('at most %j bytes is no read: null would mean the end', async (max) => {
    const world = new TwoStacks();
    const [client, server] = await world.connect();
    await client.write(stream(10));
    await world.settle();
    const error = await failure(server.read(max as number));
    expect(error).toBeInstanceOf(TypeError);
    expect(error.code).toBe('ERR_INVALID_ARG_TYPE');
    expect(() => server.readNow(max as number)).toThrow(TypeError);
    expect(await server.read()).toEqual(stream(10));
  });

  test('into memory of the caller\'s: as much as fits, and 0 at the end', async () => {
    const world = new TwoStacks();
    const [client, server] = await world.connect();
    const memory = new Uint8Array(6);
    const reading = server.readInto(memory);
    await client.write(stream(10));
    client.end();
    expect(await world.run(reading)).toBe(6);
    expect(memory).toEqual(stream(6));
    expect(await server.readInto(memory)).toBe(4);
    expect(memory).toEqual(joined([stream(4, 6), stream(2, 4)]));
    expect(await world.run(server.readInto(memory))).toBe(0);
    expect((await failure(server.readInto(new Uint8Array(0)))).code).toBe('ERR_INVALID_ARG_TYPE');
  });

  test('what came before an error is delivered before it; then the error, again and again', async () => {
    const world = new TwoStacks();
    const [client, server] = await world.connect();
    await client.write(stream(10));
    await world.settle();
    client.abort();
    await world.settle();
    expect(await server.read(4)).toEqual(stream(4));
    expect(await server.read()).toEqual(stream(6, 4));
    for (let i = 0; i < 2; i++) {
      const error = await failure(server.read());
      expect(shape(error)).toEqual(await nodesReset());
    }
    expect(server.readNow()).toBe(null);
  });

  test('iteration ends with the stream, and then our side ends too', async () => {
    const world = new TwoStacks();
    const [client, server] = await world.connect();
    const pieces: Uint8Array[] = [];
    const iterated = (async () => {
      for await (const piece of server) pieces.push(piece);
    })();
    await client.write(stream(5000));
    client.end();
    await world.run(iterated);
    expect(joined(pieces)).toEqual(stream(5000));
    expect(await world.run(client.read())).toBe(null);
    await world.sleep();
    expect([client.state, server.state]).toEqual(['TIME-WAIT', 'CLOSED']);
  });

  test('leaving an iteration early closes', async () => {
    const world = new TwoStacks();
    const [client, server] = await world.connect();
    const iterated = (async () => {
      for await (const piece of server) if (piece.length > 0) break;
    })();
    await client.write(stream(10));
    await world.run(iterated);
    expect(await world.run(client.read())).toBe(null);
    await client.write(stream(10));
    await world.settle();
    // RFC 9293 SHLD-3: text that nobody will read is answered with a RST.
    expect(await failure(client.write(stream(1)))).toMatchObject({ code: 'ECONNRESET' });
  });

  test('an iteration that the peer resets throws what happened', async () => {
    const world = new TwoStacks();
    const [client, server] = await world.connect();
    const iterated = failure((async () => {
      for await (const piece of server) expect(piece.length).toBe(5);
    })());
    await client.write(stream(5));
    await world.settle();
    client.abort();
    expect(await world.run(iterated)).toMatchObject({ code: 'ECONNRESET' });
  });
});

describe('writing', () => {
  test('a write has happened when all of it is accepted, and not before', async () => {
    const world = new TwoStacks();
    const [client, server] = await world.connect(NARROW, NARROW);
    // The peer takes 4096 into its buffer, ours holds as much again.
    const wrote = fate(client.write(stream(16_384)));
    await world.wait(10_000);
    expect(wrote()).toBe('pending');
    let read = 0;
    while (wrote() === 'pending') {
      const piece = await world.run(server.read());
      expect(piece).toEqual(stream(piece!.length, read));
      read += piece!.length;
      await world.settle();
    }
    expect(wrote()).toBe('resolved');
    expect(read).toBeGreaterThanOrEqual(16_384 - 8192);
  });

  test('unawaited writes keep their order, small behind large, empty ones too', async () => {
    const world = new TwoStacks();
    const [client, server] = await world.connect(NARROW, NARROW);
    const order: number[] = [];
    const sizes = [10_000, 0, 1, 5000, 3, 4096, 0, 7];
    let at = 0;
    sizes.forEach((size, i) => {
      void client.write(stream(size, at)).then(() => order.push(i));
      at += size;
    });
    client.end();
    expect(difference(await world.run(readAll(server)), stream(at))).toBe('none');
    expect(order).toEqual(sizes.map((_, i) => i));
  });

  test('a later write does not overtake one that waits, though there is room', async () => {
    const world = new TwoStacks();
    const [client, server] = await world.connect({ sendBuffer: 1000 }, { receiveBuffer: 300 });
    const sent = [client.write(stream(2300))];
    // The peer takes 300: less than half of the buffer is free, so nobody is told.
    await world.wait(100);
    sent.push(client.write(stream(10, 2300)));
    expect(client.writeNow(stream(10))).toBe(0);
    client.end();
    expect(difference(await world.run(readAll(server)), stream(2310))).toBe('none');
    await Promise.all(sent);
  });

  test('the memory is the caller\'s again when the write has happened (SEC-91)', async () => {
    const world = new TwoStacks();
    const [client, server] = await world.connect(NARROW, NARROW);
    const memory = new Uint8Array(7000);
    const reading = readAll(server);
    await world.run((async () => {
      for (let at = 0; at < 70_000; at += memory.length) {
        memory.set(stream(memory.length, at));
        await client.write(memory);
        memory.fill(0xee);
      }
      client.end();
    })());
    expect(difference(await world.run(reading), stream(70_000))).toBe('none');
  });

  test('without waiting: as much as there is room for, and nothing past a write that waits', async () => {
    const world = new TwoStacks();
    const [client, server] = await world.connect({ sendBuffer: 1000 });
    expect(client.writeNow(stream(1500))).toBe(1000);
    expect(client.writeNow(stream(500, 1000))).toBe(0);
    expect(await world.run(server.read())).toEqual(stream(1000));
    // Until the delayed acknowledgment there is no room.
    expect(client.writeNow(stream(400, 1000))).toBe(0);
    await world.wait(100);
    expect(client.writeNow(stream(400, 1000))).toBe(400);
    const wrote = client.write(stream(2000, 1400));
    expect(client.writeNow(stream(1))).toBe(0);
    await world.run(wrote);
    expect(client.writeNow(stream(1, 3400))).toBe(1);
    client.end();
    expect(difference(await world.run(readAll(server)), stream(2401, 1000))).toBe('none');
  });

  test('after `end`: EPIPE, as Node says it', async () => {
    const world = new TwoStacks();
    const [client] = await world.connect();
    client.end();
    const error = await failure(client.write(stream(1)));
    expect(shape(error)).toEqual({ name: 'Error', message: 'write EPIPE', code: 'EPIPE', errno: -32, syscall: 'write' });
    expect(() => client.writeNow(stream(1))).toThrow('write EPIPE');
  });

  test('after `end`: EPIPE also while earlier writes wait, and those arrive', async () => {
    const errors: unknown[] = [];
    const world = new TwoStacks({ a: { onApplicationError: (error) => errors.push(error) } });
    const [client, server] = await world.connect(NARROW, NARROW);
    void client.write(stream(20_000));
    client.end();
    for (const size of [1, 0]) expect(await failure(client.write(stream(size)))).toMatchObject({ code: 'EPIPE' });
    expect(() => client.writeNow(stream(1))).toThrow('write EPIPE');
    expect(difference(await world.run(readAll(server)), stream(20_000))).toBe('none');
    expect(errors).toEqual([]);
  });

  test('after `close`, while earlier writes wait: likewise', async () => {
    const errors: unknown[] = [];
    const world = new TwoStacks({ a: { onApplicationError: (error) => errors.push(error) } });
    const [client, server] = await world.connect(NARROW, NARROW);
    void client.write(stream(20_000));
    const closed = client.close();
    const late = failure(client.write(stream(1)));
    const reading = readAll(server).finally(() => void server.close());
    expect(difference(await world.run(reading), stream(20_000))).toBe('none');
    expect(await late).toMatchObject({ code: 'EPIPE' });
    await world.run(closed);
    expect(errors).toEqual([]);
  });

  test('when the peer resets, every write that waits learns it, and nothing is thrown into the stack', async () => {
    const errors: unknown[] = [];
    const world = new TwoStacks({ a: { onApplicationError: (error) => errors.push(error) } });
    const [client, server] = await world.connect(NARROW, NARROW);
    const fates = [20_000, 0, 1].map((size) => fate(client.write(stream(size))));
    await world.wait(100);
    server.abort();
    await world.settle();
    expect(fates.map((text) => text())).toEqual(['ECONNRESET', 'ECONNRESET', 'ECONNRESET']);
    expect(await failure(client.write(stream(1)))).toMatchObject({ code: 'ECONNRESET' });
    expect(errors).toEqual([]);
  });

  test('room and a reset in the same news: the writes that waited fail', async () => {
    const errors: unknown[] = [];
    const world = new TwoStacks({ a: { onApplicationError: (error) => errors.push(error) } });
    const [client, server] = await world.connect(NARROW, NARROW);
    const wrote = fate(client.write(stream(12_000)));
    await world.wait(100);
    // The peer reads, which opens the window; takes what waited, which makes room; and resets: all in one batch of ours.
    const seen: number[] = [];
    spyEvents(world.a.tcp.connections, seen);
    while (server.readNow() !== null);
    world.b.poll(world.now);
    world.a.poll(world.now);
    world.b.poll(world.now);
    while (server.readNow() !== null);
    world.b.poll(world.now);
    server.abort();
    await world.settle();
    expect(seen.some((events) => (events & 4) !== 0 && (events & 48) === 48)).toBe(true);
    expect(wrote()).toBe('ECONNRESET');
    expect(errors).toEqual([]);
  });

  test('whatever the sizes, the awaiting and the way of reading, the stream is the same', async () => {
    const piece = fc.record({ size: fc.integer({ min: 0, max: 9000 }), awaited: fc.boolean() });
    const way = fc.record({ how: fc.constantFrom('read', 'into', 'now'), max: fc.integer({ min: 1, max: 9000 }) });
    const reads = fc.array(way, { minLength: 1, maxLength: 20 });
    const buffer = fc.integer({ min: 1500, max: 20_000 });
    await fc.assert(fc.asyncProperty(fc.array(piece, { maxLength: 20 }), reads, buffer, buffer, fc.boolean(), async (
      pieces, ways, sendBuffer, receiveBuffer, offload,
    ) => {
      const world = new TwoStacks({ pipe: offload ? { offload: EVERYTHING } : {} });
      poison(world.a);
      poison(world.b);
      const [client, server] = await world.connect({ sendBuffer, receiveBuffer }, { sendBuffer, receiveBuffer });
      const writing = (async () => {
        let at = 0;
        for (const { size, awaited } of pieces) {
          const wrote = client.write(stream(size, at));
          if (awaited) await wrote;
          at += size;
        }
        client.end();
        return at;
      })();
      const reading = (async () => {
        const got: Uint8Array[] = [];
        for (let i = 0; ; i++) {
          const { how, max } = ways[i % ways.length]!;
          const now = how === 'now' ? server.readNow(max) : null;
          if (now !== null) {
            got.push(now);
          } else if (how === 'into') {
            const memory = new Uint8Array(max);
            const length = await server.readInto(memory);
            if (length === 0) return joined(got);
            got.push(memory.subarray(0, length));
          } else {
            const read = await server.read(max);
            if (read === null) return joined(got);
            got.push(read);
          }
        }
      })();
      const [written, read] = await world.run(Promise.all([writing, reading]));
      expect(difference(read, stream(written))).toBe('none');
    }), { numRuns: 40 });
  });
});

describe('bytes that were handed out never change again (SEC-91)', () => {
  test.each([
    ['ordinary segments', {}],
    ['superpackets, whose memory is given away with them', { offload: EVERYTHING }],
    ['superpackets on Ethernet', { offload: EVERYTHING, medium: 'ethernet' as const }],
  ])('%s', async (_what, pipe) => {
    const world = new TwoStacks({ pipe });
    poison(world.a);
    poison(world.b);
    const [client, server] = await world.connect();
    const total = 3_000_000;
    const kept: Uint8Array[] = [];
    let largest = 0;
    const reading = (async () => {
      for await (const piece of server) {
        kept.push(piece);
        largest = Math.max(largest, piece.length);
      }
    })();
    await world.run((async () => {
      for (let at = 0; at < total; at += 100_000) await client.write(stream(100_000, at));
      client.end();
    })());
    await world.run(reading);
    // More traffic over the same memory, and then look.
    const [again, peer] = await world.connect();
    void again.write(new Uint8Array(1_000_000).fill(0x55));
    again.end();
    await world.run(readAll(peer));
    expect(difference(joined(kept), stream(total))).toBe('none');
    if ('offload' in pipe) expect(largest).toBeGreaterThanOrEqual(32_768);
  });

  test('what the application writes into its bytes does not come back as text', async () => {
    const world = new TwoStacks({ pipe: { offload: EVERYTHING } });
    const [client, server] = await world.connect();
    void client.write(stream(300_000));
    client.end();
    const got: Uint8Array[] = [];
    await world.run((async () => {
      for (let piece = await server.read(1000); piece !== null; piece = await server.read(1000)) {
        got.push(piece.slice());
        piece.fill(0xaa);
      }
    })());
    expect(difference(joined(got), stream(300_000))).toBe('none');
  });

  test('a piece may be transferred: its memory holds nobody else\'s text', async () => {
    const world = new TwoStacks({ pipe: { offload: EVERYTHING } });
    const [client, server] = await world.connect();
    void client.write(stream(300_000));
    client.end();
    const got: Uint8Array[] = [];
    await world.run((async () => {
      for (let piece = await server.read(40_000); piece !== null; piece = await server.read(40_000)) {
        got.push(structuredClone(piece, { transfer: [piece.buffer as ArrayBuffer] }));
      }
    })());
    expect(difference(joined(got), stream(300_000))).toBe('none');
  });
});

describe('ending', () => {
  test('`end` ends one side: the other goes on', async () => {
    const world = new TwoStacks();
    const [client, server] = await world.connect();
    client.end();
    client.end();
    expect(await world.run(server.read())).toBe(null);
    await world.settle();
    expect([client.state, server.state]).toEqual(['FIN-WAIT-2', 'CLOSE-WAIT']);
    // Not an orphan: a half-closed connection may stay so for ever.
    await world.wait(3_600_000);
    await server.write(stream(100));
    expect(await world.run(client.read())).toEqual(stream(100));
    server.end();
    expect(await world.run(client.read())).toBe(null);
    await world.sleep();
    expect(server.state).toBe('CLOSED');
  });

  test('`close` behind unawaited writes delivers them all', async () => {
    const world = new TwoStacks();
    const [client, server] = await world.connect(NARROW, NARROW);
    for (let at = 0; at < 100_000; at += 10_000) void client.write(stream(10_000, at));
    const closed = client.close();
    const reading = readAll(server).finally(() => void server.close());
    expect(difference(await world.run(reading), stream(100_000))).toBe('none');
    await world.run(closed);
    expect(client.state).toBe('TIME-WAIT');
  });

  test('`close` resolves when the connection is over, and the same for everybody who asks', async () => {
    const world = new TwoStacks();
    const [client, server] = await world.connect();
    const first = client.close();
    expect(client.close()).toBe(first);
    const closed = fate(first);
    await world.wait(1000);
    expect(closed()).toBe('pending');
    void server.close();
    await world.settle();
    expect(closed()).toBe('resolved');
    expect(client.close()).toBe(first);
    await world.run(server.close());
  });

  test('`close` resolves also if the peer never ends: an orphan waits a minute (tcp_fin_timeout)', async () => {
    const world = new TwoStacks();
    const [client, server] = await world.connect();
    client.end();
    await world.settle();
    expect(client.state).toBe('FIN-WAIT-2');
    const closed = fate(client.close());
    await world.wait(59_000);
    expect(closed()).toBe('pending');
    await world.wait(2000);
    expect(closed()).toBe('resolved');
    expect(server.state).toBe('CLOSE-WAIT');
  });

  test('`close` ends a read that waits', async () => {
    const world = new TwoStacks();
    const [client, server] = await world.connect();
    const reading = client.read();
    const into = server.readInto(new Uint8Array(5));
    void client.close();
    void server.close();
    expect(await world.run(reading)).toBe(null);
    expect(await world.run(into)).toBe(0);
    expect(await client.read()).toBe(null);
  });

  test('`close` of what has ended already resolves', async () => {
    const world = new TwoStacks();
    const [client, server] = await world.connect();
    server.abort();
    await world.settle();
    expect(fate(client.close())()).toBe('pending');
    await turn();
    expect(client.state).toBe('CLOSED');
    await client.close();
    await server.close();
  });

  test('`close` over unread text resets the peer: it must not believe that all was read (RFC 2525 §2.17)', async () => {
    const world = new TwoStacks();
    const [client, server] = await world.connect();
    await client.write(stream(10));
    await world.settle();
    await world.run(server.close());
    expect(await world.run(failure(client.read()))).toMatchObject({ code: 'ECONNRESET' });
  });

  test('`abort` resets: the peer hears ECONNRESET, as Node says it', async () => {
    const world = new TwoStacks();
    const [client, server] = await world.connect();
    const reading = failure(server.read());
    client.abort();
    expect(shape(await world.run(reading))).toEqual(await nodesReset());
    expect([client.state, server.state]).toEqual(['CLOSED', 'CLOSED']);
    expect([world.a.tcp.connections.size, world.b.tcp.connections.size]).toEqual([0, 0]);
  });

  test('`abort`: calls of ours that wait fail: it is not the peer\'s end (RFC 9293 §3.10.5)', async () => {
    const world = new TwoStacks();
    const [client] = await world.connect(NARROW, NARROW);
    const reading = failure(client.read());
    const wrote = [20_000, 5].map((size) => failure(client.write(stream(size))));
    client.abort();
    client.abort();
    expect(await world.run(reading)).toMatchObject({ code: 'ECONNABORTED', syscall: 'read' });
    for (const each of wrote) expect(await world.run(each)).toMatchObject({ code: 'ECONNABORTED' });
    expect(await failure(client.read())).toMatchObject({ code: 'ECONNABORTED' });
    await failure(client.write(stream(1)));
    await client.close();
  });

  test('`abort` after the end changes nothing', async () => {
    const world = new TwoStacks();
    const [client, server] = await world.connect();
    server.end();
    client.end();
    await world.sleep();
    client.abort();
    server.abort();
    expect(await client.read()).toBe(null);
    expect(await server.read()).toBe(null);
  });

  test('a socket is disposed of by closing it', async () => {
    const world = new TwoStacks();
    const [client, server] = await world.connect();
    const disposed = client[Symbol.asyncDispose]();
    expect(disposed).toBe(client.close());
    expect(await world.run(server.read())).toBe(null);
    await world.run(server[Symbol.asyncDispose]());
    await world.run(disposed);
  });

  test('when the cable is cut, a write learns it: ETIMEDOUT', async () => {
    const world = new TwoStacks();
    const [client, server] = await world.connect({ userTimeoutMs: 30_000 });
    world.cut = true;
    await client.write(stream(10));
    expect(await world.run(failure(client.read()))).toMatchObject({ code: 'ETIMEDOUT', syscall: 'read' });
    // The other end cannot know: only a keep-alive finds out (RFC 9293 MUST-25).
    server.configure({ keepAlive: true, keepAliveIdleMs: 60_000, keepAliveIntervalMs: 1000, keepAliveProbes: 3 });
    expect(await world.run(failure(server.read()))).toMatchObject({ code: 'ETIMEDOUT' });
  });

  test('nothing is left behind', async () => {
    const world = new TwoStacks({ pipe: { offload: EVERYTHING } });
    for (let i = 0; i < 3; i++) {
      const [client, server] = await world.connect();
      void client.write(stream(200_000));
      void client.close();
      await world.run(readAll(server));
      void server.close();
    }
    await world.sleep();
    for (const { pool, tcp, limits } of world.stacks) {
      expect(pool.outstanding).toBe(0);
      expect([tcp.connections.size, tcp.timeWait.size]).toEqual([0, 0]);
      expect(limits.all().filter(({ name, used }) => name.startsWith('tcp.') && used() > 0)).toEqual([]);
    }
  });
});

describe('a server', () => {
  test('accepts in the order of the handshakes, whoever waited for whom', async () => {
    const world = new TwoStacks();
    const server = TcpServer.listen(world.b, { port: 80 });
    const early = [server.accept(), server.accept()];
    const clients: TcpSocket[] = [];
    for (let i = 0; i < 4; i++) {
      clients.push(await world.run(TcpSocket.connect(world.a, { address: '10.0.0.2', port: 80 })));
    }
    const accepted = await world.run(Promise.all([...early, server.accept(), server.accept()]));
    expect(accepted.map((socket) => socket!.remotePort)).toEqual(clients.map((socket) => socket.localPort));
    const late = fate(server.accept());
    await world.settle();
    expect(late()).toBe('pending');
  });

  test('an acceptor that waits is served before one that comes later', async () => {
    const world = new TwoStacks();
    const server = TcpServer.listen(world.b, { port: 80 });
    const order: string[] = [];
    void server.accept().then(() => order.push('first'));
    void server.accept().then(() => order.push('second'));
    const clients = [1, 2].map(() => TcpSocket.connect(world.a, { address: '10.0.0.2', port: 80 }));
    await world.run(Promise.all(clients));
    await world.settle();
    expect(order).toEqual(['first', 'second']);
  });

  test('`close` ends those who wait with null, resets those who were not accepted, and spares those who were', async () => {
    const world = new TwoStacks();
    const server = TcpServer.listen(world.b, { port: 80 });
    const spared = await world.run(TcpSocket.connect(world.a, { address: '10.0.0.2', port: 80 }));
    const accepted = await world.run(server.accept());
    const waiting = await world.run(TcpSocket.connect(world.a, { address: '10.0.0.2', port: 80 }));
    server.close();
    server.close();
    expect(await world.run(failure(waiting.read()))).toMatchObject({ code: 'ECONNRESET' });
    expect(await server.accept()).toBe(null);
    await spared.write(stream(10));
    expect(await world.run(accepted!.read())).toEqual(stream(10));
    expect(await world.run(failure(TcpSocket.connect(world.a, { address: '10.0.0.2', port: 80 }))))
      .toMatchObject({ code: 'ECONNREFUSED' });

    const idle = TcpServer.listen(world.b, { port: 81 });
    const acceptors = Promise.all([idle.accept(), idle.accept()]);
    idle.close();
    expect(await acceptors).toEqual([null, null]);
  });

  test('iteration accepts until `close`; disposing closes', async () => {
    const world = new TwoStacks();
    const server = TcpServer.listen(world.b, { port: 80 });
    const ports: number[] = [];
    const iterated = (async () => {
      for await (const socket of server) ports.push(socket.remotePort);
    })();
    const connecting = [1, 2, 3].map(() => TcpSocket.connect(world.a, { address: '10.0.0.2', port: 80 }));
    const clients = await world.run(Promise.all(connecting));
    await world.settle();
    await server[Symbol.asyncDispose]();
    await world.run(iterated);
    expect(ports).toEqual(clients.map((socket) => socket.localPort));
  });

  test('a client that is gone before it is accepted is accepted all the same, and says so', async () => {
    const world = new TwoStacks();
    const server = TcpServer.listen(world.b, { port: 80 });
    const client = await world.run(TcpSocket.connect(world.a, { address: '10.0.0.2', port: 80 }));
    await client.write(stream(10));
    await world.settle();
    client.abort();
    await world.settle();
    const accepted = await world.run(server.accept());
    expect(accepted!.state).toBe('CLOSED');
    expect(await accepted!.read()).toEqual(stream(10));
    expect(await failure(accepted!.read())).toMatchObject({ code: 'ECONNRESET' });
    await accepted!.close();
  });

  test('port 0: a free port, not the same twice', async () => {
    const world = new TwoStacks();
    const servers = Array.from({ length: 50 }, () => TcpServer.listen(world.b, { port: 0 }));
    const ports = servers.map((server) => server.port);
    expect(new Set(ports).size).toBe(50);
    expect(ports.every((port) => port >= 49_152 && port <= 65_535)).toBe(true);
    const client = await world.run(TcpSocket.connect(world.a, { address: '10.0.0.2', port: ports[7]! }));
    expect(client.remotePort).toBe(ports[7]);
  });

  test.each([['127.0.0.1', '10.0.0.2'], ['::', '::']])('a port in use (%s): the error is Node\'s', async (nodes, ours) => {
    const expected = await nodesInUse(nodes);
    const world = new TwoStacks();
    const server = TcpServer.listen(world.b, { port: 80, address: ours });
    let error: unknown = null;
    try {
      TcpServer.listen(world.b, { port: 80, address: ours });
    } catch (caught) {
      error = caught;
    }
    expect(shape(error as Error)).toEqual(renamed(expected, /(127\.0\.0\.1|::):\d+/, { address: ours, port: 80 }));
    server.close();
    TcpServer.listen(world.b, { port: 80, address: ours });
  });

  test.each([[-1], [65_536], [1.5], ['80']])('listening on port %j: the caller\'s mistake', (port) => {
    const world = new TwoStacks();
    expect(() => TcpServer.listen(world.b, { port: port as number })).toThrow(RangeError);
  });

  test('an address that is not ours: EADDRNOTAVAIL; a text that is none: a mistake', () => {
    const { b } = new TwoStacks();
    expect(() => TcpServer.listen(b, { port: 80, address: '10.0.0.9' })).toThrow('listen EADDRNOTAVAIL 10.0.0.9:80');
    expect(() => TcpServer.listen(b, { port: 80, address: 'here' })).toThrow(TypeError);
  });

  test('the one on the address hears before the one on all addresses', async () => {
    const world = new TwoStacks({ configB: { addresses: ['10.0.0.2/24', '10.0.0.3/24', 'fd00::2/64'] } });
    const servers = {
      all: TcpServer.listen(world.b, { port: 80 }),
      one: TcpServer.listen(world.b, { port: 80, address: '10.0.0.3' }),
    };
    const heard: string[] = [];
    for (const [name, server] of Object.entries(servers)) void server.accept().then(() => heard.push(name));
    await world.run(TcpSocket.connect(world.a, { address: '10.0.0.3', port: 80 }));
    await world.run(TcpSocket.connect(world.a, { address: '10.0.0.2', port: 80 }));
    await world.settle();
    expect(heard).toEqual(['one', 'all']);
    expect([servers.all.address, servers.one.address]).toEqual(['::', '10.0.0.3']);
  });

  test.each([
    ['every address', true, true, {}],
    ['IPv6 only', false, true, { ipv6Only: true }],
    ['IPv4\'s wildcard', true, false, { address: '0.0.0.0' }],
    ['one IPv6 address', false, true, { address: 'fd00::2' }],
  ])('on %s: hears IPv4 %s, IPv6 %s', async (_what, hears4, hears6, options) => {
    const world = new TwoStacks();
    TcpServer.listen(world.b, { port: 80, ...options });
    for (const [to, hears] of [['10.0.0.2', hears4], ['fd00::2', hears6]] as const) {
      const connecting = fate(TcpSocket.connect(world.a, { address: to, port: 80 }));
      await world.settle();
      expect(connecting()).toBe(hears ? 'resolved' : 'ECONNREFUSED');
    }
  });

  test('what the server is told of connections, its connections have', async () => {
    const world = new TwoStacks();
    const server = TcpServer.listen(world.b, { port: 80, sendBuffer: 1000 });
    await world.run(TcpSocket.connect(world.a, { address: '10.0.0.2', port: 80 }));
    const accepted = await world.run(server.accept());
    expect(accepted!.writeNow(stream(2000))).toBe(1000);
  });

  test('a backlog of two holds two; the third gets in when one is accepted', async () => {
    const world = new TwoStacks();
    const server = TcpServer.listen(world.b, { port: 80, backlog: 2 });
    const clients = [1, 2, 3].map(() => fate(TcpSocket.connect(world.a, { address: '10.0.0.2', port: 80 })));
    await world.wait(500);
    const waiting = await world.run(server.accept());
    expect(waiting).not.toBe(null);
    await world.wait(10_000);
    expect(clients.map((text) => text())).toEqual(['resolved', 'resolved', 'resolved']);
  });
});

test('three thousand sockets, each with its own peer', async () => {
  const world = new TwoStacks();
  const COUNT = 3000;
  const server = TcpServer.listen(world.b, { port: 80, backlog: COUNT });
  void (async () => {
    for await (const socket of server) {
      void (async () => {
        // Back goes what came and whose it was: the client can tell whether it was taken for another.
        const heard = await readAll(socket);
        await socket.write(Uint8Array.of(...heard, socket.remotePort >> 8, socket.remotePort & 0xff));
        await socket.close();
      })();
    }
  })();
  const answers = await world.run(Promise.all(Array.from({ length: COUNT }, async (_, i) => {
    const client = await TcpSocket.connect(world.a, { address: i % 2 === 0 ? '10.0.0.2' : 'fd00::2', port: 80 });
    await client.write(Uint8Array.of(i >> 8, i & 0xff));
    client.end();
    const heard = await readAll(client);
    await client.close();
    return { i, port: client.localPort, heard: [...heard] };
  })));
  for (const { i, port, heard } of answers) expect(heard).toEqual([i >> 8, i & 0xff, port >> 8, port & 0xff]);
  expect(new Set(answers.filter(({ i }) => i % 2 === 0).map(({ port }) => port)).size).toBe(COUNT / 2);
  await world.sleep();
  for (const { pool, tcp } of world.stacks) expect([tcp.connections.size, pool.outstanding]).toEqual([0, 0]);
}, 120_000);

function spyEvents(connections: Iterable<Connection>, seen: number[]): void {
  for (const connection of connections) {
    const { owner } = connection;
    connection.owner = {
      onTcpEvent: (c, events) => {
        seen.push(events);
        owner!.onTcpEvent(c, events);
      },
    };
  }
}

// What Node itself says, over the kernel's loopback.

async function listening(host: string): Promise<[Server, number]> {
  const server = createServer();
  server.listen(0, host);
  await once(server, 'listening');
  return [server, (server.address() as { port: number }).port];
}

async function nodesRefusal(): Promise<Record<string, unknown>> {
  const [server, port] = await listening('127.0.0.1');
  server.close();
  await once(server, 'close');
  const [error] = (await once(connect(port, '127.0.0.1'), 'error')) as [Error];
  return shape(error);
}

async function nodesInUse(host: string): Promise<Record<string, unknown>> {
  const [server, port] = await listening(host);
  const second = createServer();
  second.listen(port, host);
  const [error] = (await once(second, 'error')) as [Error];
  server.close();
  return shape(error);
}

async function nodesReset(): Promise<Record<string, unknown>> {
  const [server, port] = await listening('127.0.0.1');
  server.on('connection', (socket) => socket.once('data', () => socket.resetAndDestroy()));
  const client = connect(port, '127.0.0.1', () => client.write('?'));
  const [error] = (await once(client, 'error')) as [Error];
  server.close();
  return shape(error);
}
