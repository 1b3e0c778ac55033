// Datagram sockets, native face: promises and iteration over an endpoint. What the endpoint itself owes is told in
// test/unit/udp; here is what the face adds, and that both hold together through two stacks. RFC 768, RFC 8085.

import { describe, expect, test } from 'vitest';
import { address } from '../../../src/address.js';
import { NetError } from '../../../src/errors.js';
import { UdpSocket } from '../../../src/socket-api/udp.js';
import { Datagram } from '../../../src/udp/datagram-queue.js';
import {
  difference, EVERYTHING, failure, fate, poison, stream, turn, TwoStacks,
} from '../../fixtures/two-stacks.js';

/** `a` speaks, `b` hears on port 53. */
function pair(world: TwoStacks): [UdpSocket, UdpSocket] {
  return [UdpSocket.bind(world.a), UdpSocket.bind(world.b, { port: 53 })];
}

const TO_B = { address: '10.0.0.2', port: 53 };

/** What is thrown, or an error that nothing is. */
function thrown(run: () => unknown): Error & { code?: string } {
  try {
    run();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}

describe('names', () => {
  test('without any: every address, a free port', () => {
    const { a } = new TwoStacks();
    const [one, other] = [UdpSocket.bind(a), UdpSocket.bind(a)];
    expect(one.localAddress).toBe('::');
    expect(one.localPort).toBeGreaterThanOrEqual(49_152);
    expect(other.localPort).not.toBe(one.localPort);
  });

  test.each([
    [{ address: '10.0.0.1' }, '10.0.0.1'], [{ address: 'fd00::1' }, 'fd00::1'], [{ address: address('10.0.0.1') }, '10.0.0.1'],
    [{ family: 4 as const }, '0.0.0.0'], [{ address: '0.0.0.0' }, '0.0.0.0'],
  ])('%j binds to %s', (options, name) => {
    const { a } = new TwoStacks();
    expect(UdpSocket.bind(a, options).localAddress).toBe(name);
  });

  test('in use, as Node says it; free again after `close`', () => {
    const { a } = new TwoStacks();
    const first = UdpSocket.bind(a, { address: '10.0.0.1', port: 53 });
    const error = thrown(() => UdpSocket.bind(a, { address: '10.0.0.1', port: 53 }));
    expect(error).toBeInstanceOf(NetError);
    expect({ ...error, message: error.message }).toEqual({
      code: 'EADDRINUSE', errno: -98, syscall: 'bind', address: '10.0.0.1', port: 53, message: 'bind EADDRINUSE 10.0.0.1:53',
    });
    first.close();
    UdpSocket.bind(a, { address: '10.0.0.1', port: 53 });
  });

  test.each([
    ['somebody else\'s address', { address: '10.0.0.9' }, 'EADDRNOTAVAIL'],
    ['an IPv6 address for IPv4 only', { address: 'fd00::1', family: 4 as const }, 'EAFNOSUPPORT'],
    ['no address', { address: 'here' }, 'ERR_INVALID_ARG_TYPE'],
    ['no port', { port: 65_536 }, 'ERR_SOCKET_BAD_PORT'],
  ])('%s: %j is %s, and nothing is bound', (_what, options, code) => {
    const { a } = new TwoStacks();
    expect(thrown(() => UdpSocket.bind(a, options)).code).toBe(code);
    expect(a.udp.ports.size).toBe(0);
  });
});

describe('there and back', () => {
  test.each([
    ['10.0.0.2', '10.0.0.1'], ['fd00::2', 'fd00::1'],
  ])('to %s, and the answer goes to whoever asked', async (there, here) => {
    const world = new TwoStacks();
    const [asking, answering] = pair(world);
    const hearing = answering.receive();
    asking.send(stream(5), { address: there, port: 53 });
    const question = (await world.run(hearing))!;
    expect(question).toBeInstanceOf(Datagram);
    expect(question.data).toEqual(stream(5));
    expect([`${question.address}`, question.port, `${question.localAddress}`]).toEqual([here, asking.localPort, there]);
    expect(question.interfaceIndex).toBe(world.onB.index);
    // A datagram is where its answer goes.
    answering.send(stream(3, 5), question);
    const answer = (await world.run(asking.receive()))!;
    expect(answer.data).toEqual(stream(3, 5));
    expect([`${answer.address}`, answer.port]).toEqual([there, 53]);
  });

  test('datagrams keep their borders and their order; an empty one is one', async () => {
    const world = new TwoStacks();
    const [speaking, hearing] = pair(world);
    const sizes = [1, 0, 1400, 2, 0];
    sizes.forEach((size) => speaking.send(stream(size), TO_B));
    await world.settle();
    for (const size of sizes) expect((await hearing.receive())!.data).toEqual(stream(size));
    expect(hearing.receiveNow()).toBe(null);
  });

  test('65,507 bytes cross in fragments; 65,508 do not, and the error is Node\'s', async () => {
    const world = new TwoStacks();
    const [speaking, hearing] = pair(world);
    speaking.send(stream(65_507), TO_B);
    expect(difference((await world.run(hearing.receive()))!.data, stream(65_507))).toBe('none');
    const error = thrown(() => speaking.send(stream(65_508), TO_B));
    expect({ ...error, message: error.message }).toEqual({
      code: 'EMSGSIZE', errno: -90, syscall: 'send', address: '10.0.0.2', port: 53, message: 'send EMSGSIZE 10.0.0.2:53',
    });
  });

  test.each([
    ['nobody is named', undefined, 'EDESTADDRREQ'],
    ['no route leads there', { address: '192.0.2.1', port: 53 }, 'ENETUNREACH'],
    ['it is a broadcast, and that was not asked for', { address: '255.255.255.255', port: 53 }, 'EACCES'],
    ['port 0 is none', { address: '10.0.0.2', port: 0 }, 'ERR_SOCKET_BAD_PORT'],
    ['the address is none', { address: 'there', port: 53 }, 'ERR_INVALID_ARG_TYPE'],
  ])('when %s, `send` throws: %j, %s', (_why, to, code) => {
    const { a } = new TwoStacks();
    expect(thrown(() => UdpSocket.bind(a).send(stream(1), to)).code).toBe(code);
  });
});

describe('receiving', () => {
  test('waits; two at a time are one too many, also when a datagram has come meanwhile', async () => {
    const world = new TwoStacks();
    const [speaking, hearing] = pair(world);
    const first = hearing.receive();
    expect(await failure(hearing.receive())).toMatchObject({ code: 'EALREADY', syscall: 'recv' });
    let second = Promise.resolve<unknown>(null);
    hearing.endpoint.owner = {
      onUdpEvent: (endpoint, events) => {
        second = failure(hearing.receive());
        hearing.onUdpEvent(endpoint, events);
      },
    };
    speaking.send(stream(1), TO_B);
    expect((await world.run(first))!.data).toEqual(stream(1));
    expect(await second).toMatchObject({ code: 'EALREADY' });
  });

  test('the bytes are the caller\'s: they never change, and changing them changes nothing (SEC-91)', async () => {
    const world = new TwoStacks({ pipe: { offload: EVERYTHING } });
    poison(world.a);
    poison(world.b);
    const [speaking, hearing] = pair(world);
    const kept: Uint8Array[] = [];
    const memory = new Uint8Array(1000);
    for (let i = 0; i < 200; i++) {
      memory.set(stream(1000, i));
      speaking.send(memory, TO_B);
      // The datagram is on its way: its memory is ours again.
      memory.fill(0xee);
      const { data } = (await world.run(hearing.receive()))!;
      kept.push(data);
    }
    kept.forEach((data, i) => expect(difference(data, stream(1000, i))).toBe('none'));
    kept[0]!.fill(7);
    expect(difference(kept[1]!, stream(1000, 1))).toBe('none');
  });

  test('iteration goes on until somebody closes', async () => {
    const world = new TwoStacks();
    const [speaking, hearing] = pair(world);
    const sizes: number[] = [];
    const iterated = (async () => {
      for await (const { data } of hearing) {
        sizes.push(data.length);
        if (data.length === 3) hearing.close();
      }
    })();
    for (const size of [1, 2, 3, 4]) speaking.send(stream(size), TO_B);
    await world.run(iterated);
    // What waits when it is closed is lost.
    expect(sizes).toEqual([1, 2, 3]);
  });

  test('leaving an iteration closes; so does disposing', async () => {
    const world = new TwoStacks();
    const [speaking, hearing] = pair(world);
    const iterated = (async () => {
      for await (const { data } of hearing) if (data.length === 1) return;
    })();
    speaking.send(stream(1), TO_B);
    await world.run(iterated);
    expect(world.b.udp.ports.size).toBe(0);
    await speaking[Symbol.asyncDispose]();
    expect(world.a.udp.ports.size).toBe(0);
  });
});

describe('closing', () => {
  test('ends a receive that waits with null, and so every later one', async () => {
    const world = new TwoStacks();
    const [speaking, hearing] = pair(world);
    const waiting = hearing.receive();
    hearing.close();
    hearing.close();
    expect(await waiting).toBe(null);
    expect(await hearing.receive()).toBe(null);
    expect(hearing.receiveNow()).toBe(null);
    expect(thrown(() => hearing.send(stream(1), TO_B)).code).toBe('EBADF');
    expect(thrown(() => hearing.connect(TO_B)).code).toBe('EBADF');
    speaking.close();
  });
});

describe('connected', () => {
  test('it speaks to its peer and hears nobody else', async () => {
    const world = new TwoStacks();
    const [speaking, hearing] = pair(world);
    const other = UdpSocket.bind(world.a);
    hearing.connect({ address: '10.0.0.1', port: speaking.localPort });
    expect(hearing.localAddress).toBe('10.0.0.2');
    other.send(stream(9), TO_B);
    speaking.send(stream(1), TO_B);
    expect((await world.run(hearing.receive()))!.data).toEqual(stream(1));
    hearing.send(stream(2));
    expect((await world.run(speaking.receive()))!.data).toEqual(stream(2));
    expect(hearing.receiveNow()).toBe(null);

    hearing.disconnect();
    other.send(stream(9), TO_B);
    expect((await world.run(hearing.receive()))!.data).toEqual(stream(9));
    expect(thrown(() => hearing.send(stream(1))).code).toBe('EDESTADDRREQ');
    expect(thrown(() => hearing.disconnect()).code).toBe('ENOTCONN');
  });

  test('where nobody is: ECONNREFUSED to a receive that waits, or to the next call, once (RFC 1122 §4.1.3.3)', async () => {
    const world = new TwoStacks();
    const socket = UdpSocket.bind(world.a);
    socket.connect({ address: '10.0.0.2', port: 54 });
    const waiting = failure(socket.receive());
    socket.send(stream(1));
    const error = await world.run(waiting);
    expect({ ...error, message: error.message }).toEqual({
      code: 'ECONNREFUSED', errno: -111, syscall: 'recv', message: 'recv ECONNREFUSED',
    });

    socket.send(stream(1));
    await world.settle();
    expect(await failure(socket.receive())).toMatchObject({ code: 'ECONNREFUSED', syscall: 'recv' });
    socket.send(stream(1));
    await world.settle();
    expect(thrown(() => socket.send(stream(1)))).toMatchObject({
      code: 'ECONNREFUSED', syscall: 'send', address: '10.0.0.2', port: 54,
    });
    const after = fate(socket.receive());
    await world.wait(1000);
    expect(after()).toBe('pending');
  });

  test('a datagram that came before an error is received before it', async () => {
    const world = new TwoStacks();
    const [peer] = [UdpSocket.bind(world.b, { port: 54 })];
    const socket = UdpSocket.bind(world.a);
    socket.connect({ address: '10.0.0.2', port: 54 });
    peer.send(stream(3), { address: '10.0.0.1', port: socket.localPort });
    peer.close();
    socket.send(stream(1));
    await world.settle();
    expect((await socket.receive())!.data).toEqual(stream(3));
    expect(await failure(socket.receive())).toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('not connected, it hears no errors: they are about nobody (also Linux)', async () => {
    const world = new TwoStacks();
    const socket = UdpSocket.bind(world.a);
    const waiting = fate(socket.receive());
    socket.send(stream(1), { address: '10.0.0.2', port: 54 });
    await world.settle();
    expect(waiting()).toBe('pending');
  });

  test('a neighbour that does not answer is told of, when it is asked for', async () => {
    const world = new TwoStacks({ pipe: { medium: 'ethernet' } });
    const socket = UdpSocket.bind(world.a, { recordErrors: true });
    socket.send(stream(1), { address: '10.0.0.9', port: 7 });
    await world.wait(10_000);
    expect(socket.endpoint.receiveError()).toMatchObject({ code: 'EHOSTUNREACH', port: 7 });
  });
});

describe('superdatagrams', () => {
  test.each([
    ['the device cuts', EVERYTHING], ['we cut', undefined],
  ])('%s: many of one size, the last one shorter', async (_who, offload) => {
    const world = new TwoStacks({ pipe: offload === undefined ? {} : { offload } });
    const [speaking, hearing] = pair(world);
    speaking.sendSegments(stream(100_500), 1000, TO_B);
    await world.settle();
    for (let at = 0; at < 100_500; at += 1000) {
      const { data } = (await hearing.receive())!;
      expect(difference(data, stream(Math.min(1000, 100_500 - at), at))).toBe('none');
    }
    expect(hearing.receiveNow()).toBe(null);
    speaking.connect(TO_B);
    speaking.sendSegments(stream(15), 10);
    expect((await world.run(hearing.receive()))!.data.length).toBe(10);
    expect((await world.run(hearing.receive()))!.data.length).toBe(5);
  });

  test.each([0, -1, 1.5, Number.NaN, '1000'])('of %j bytes: a mistake, and nothing is sent', async (size) => {
    const world = new TwoStacks();
    const [speaking] = pair(world);
    world.trace = [];
    expect(thrown(() => speaking.sendSegments(stream(10), size as number, TO_B)).code).toBe('ERR_INVALID_ARG_TYPE');
    await turn();
    expect(world.trace).toEqual([]);
    expect(world.a.pool.outstanding).toBe(0);
  });

  test('larger than the path takes: EMSGSIZE', () => {
    const [speaking] = pair(new TwoStacks());
    expect(thrown(() => speaking.sendSegments(stream(3000), 1473, TO_B))).toMatchObject({ code: 'EMSGSIZE', syscall: 'send' });
  });
});

test('a thousand sockets, each hears its own', async () => {
  const world = new TwoStacks();
  const sockets = Array.from({ length: 1000 }, () => UdpSocket.bind(world.b));
  const speaking = UdpSocket.bind(world.a);
  const heard = Promise.all(sockets.map(async (socket) => (await socket.receive())!.data));
  sockets.forEach((socket, i) => speaking.send(Uint8Array.of(i >> 8, i), { address: '10.0.0.2', port: socket.localPort }));
  (await world.run(heard)).forEach((data, i) => expect([...data]).toEqual([i >> 8, i & 0xff]));
  for (const socket of sockets) socket.close();
  expect(world.b.udp.ports.size).toBe(0);
});
