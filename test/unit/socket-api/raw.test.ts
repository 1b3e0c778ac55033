// Raw sockets: what is delivered to this host, with its headers, beside the transport that gets it too. RFC 1122 §3.4;
// raw(7). Packets are spelled and judged by test/fixtures/rfc-packets.ts, which knows nothing of src/.

import { describe, expect, test } from 'vitest';
import { address } from '../../../src/address.js';
import { ping } from '../../../src/socket-api/ping.js';
import { RawSocket } from '../../../src/socket-api/raw.js';
import { UdpSocket } from '../../../src/socket-api/udp.js';
import { icmpPacket, ipPacket, isValid, someBytes, udpPacket } from '../../fixtures/rfc-packets.js';
import {
  difference, EVERYTHING, failure, fate, poison, readAll, stream, TwoStacks,
} from '../../fixtures/two-stacks.js';

/** An experimental protocol that no stack knows (RFC 3692). */
const NOBODYS = 253;

function thrown(run: () => unknown): Error & { code?: string } {
  try {
    run();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}

const u16 = (b: Uint8Array, at: number): number => b[at]! * 256 + b[at + 1]!;

/** All that waits. */
async function drain(socket: RawSocket): Promise<Uint8Array[]> {
  const packets: Uint8Array[] = [];
  while (socket['waiting'].length > 0) packets.push((await socket.receive())!.bytes);
  return packets;
}

describe('hearing', () => {
  test.each([
    [4, 1, '10.0.0.1', '10.0.0.2', 20], [6, 58, 'fd00::1', 'fd00::2', 40],
  ] as const)('over IPv%i: a ping\'s question, and ICMP answers it all the same', async (family, protocol, from, to, header) => {
    const world = new TwoStacks();
    const raw = RawSocket.open(world.b, { family, protocol });
    const hearing = raw.receive();
    expect(await world.run(ping(world.a, to, { bytes: 100 }))).toMatchObject({ bytes: 100 });
    const packet = (await hearing)!;
    expect([`${packet.address}`, `${packet.localAddress}`]).toEqual([from, to]);
    expect([packet.protocol, packet.payloadAt]).toEqual([protocol, header]);
    expect(packet.hopLimit).toBe(64);
    expect(packet.bytes.length).toBe(header + 8 + 100);
    expect(packet.bytes[header]).toBe(family === 4 ? 8 : 128);
    expect(isValid(packet.bytes)).toBe(true);
  });

  test.each([['ours is cut and summed on the wire', undefined], ['it is summed by nobody', EVERYTHING]])(
    'a datagram, which UDP gets too; where %s, the checksum in the copy is right', async (_where, offload) => {
      const world = new TwoStacks({ pipe: offload === undefined ? {} : { offload } });
      poison(world.b);
      for (const [family, from, to] of [[4, '10.0.0.1', '10.0.0.2'], [6, 'fd00::1', 'fd00::2']] as const) {
        const raw = RawSocket.open(world.b, { family, protocol: 17 });
        const udp = UdpSocket.bind(world.b, { family, port: 53 });
        const speaking = UdpSocket.bind(world.a, { family, port: 4000 });
        for (const size of [0, 1, 64, 1001]) {
          speaking.send(someBytes(size), { address: to, port: 53 });
          const packet = (await world.run(raw.receive()))!;
          const expected = udpPacket({ src: from, dst: to, from: 4000, to: 53, payload: someBytes(size) });
          expect(packet.bytes.subarray(packet.payloadAt)).toEqual(expected.subarray(packet.payloadAt));
          expect(isValid(packet.bytes)).toBe(true);
          expect((await udp.receive())!.data).toEqual(someBytes(size));
        }
        for (const socket of [raw, udp, speaking]) socket.close();
      }
    });

  test('a checksum that comes to zero is sent as all ones (RFC 768), in the copy too', async () => {
    const world = new TwoStacks({ pipe: { offload: EVERYTHING } });
    const raw = RawSocket.open(world.b, { protocol: 17 });
    const speaking = UdpSocket.bind(world.a, { family: 4, port: 4000 });
    const datagram = (payload: Uint8Array): Uint8Array =>
      udpPacket({ src: '10.0.0.1', dst: '10.0.0.2', from: 4000, to: 53, payload });
    // What the checksum is without it makes it zero.
    speaking.send(datagram(Uint8Array.of(0, 0)).slice(26, 28), { address: '10.0.0.2', port: 53 });
    const { bytes } = (await world.run(raw.receive()))!;
    expect([...bytes.subarray(26, 28)]).toEqual([0xff, 0xff]);
  });

  test('segments and superpackets of TCP: right checksums in the copy, and the stream arrives', async () => {
    const world = new TwoStacks({ pipe: { offload: EVERYTHING } });
    poison(world.b);
    const raw = RawSocket.open(world.b, { protocol: 6, receiveBytes: 1 << 24 });
    const [client, server] = await world.connect();
    void client.write(stream(500_000));
    client.end();
    expect(difference(await world.run(readAll(server)), stream(500_000))).toBe('none');
    const packets = await drain(raw);
    expect(Math.max(...packets.map((bytes) => bytes.length))).toBeGreaterThan(32_768);
    expect(packets.filter((bytes) => !isValid(bytes))).toEqual([]);
  });

  test('what we send to ourselves, too', async () => {
    const world = new TwoStacks();
    const raw = RawSocket.open(world.a, { protocol: 1 });
    await world.run(ping(world.a, '127.0.0.1', { bytes: 10 }));
    const [question, answer, ...more] = await drain(raw);
    expect([question![20], answer![20], more.length]).toEqual([8, 0, 0]);
    expect(isValid(question!) && isValid(answer!)).toBe(true);
  });

  test('only its protocol, and only its family', async () => {
    const world = new TwoStacks();
    const options = [{}, { protocol: 1 }, { protocol: 17 }, { family: 6 as const }, { family: 6 as const, protocol: 58 }];
    const sockets = options.map((each) => RawSocket.open(world.b, each));
    const udp = UdpSocket.bind(world.a);
    udp.send(someBytes(5), { address: '10.0.0.2', port: 9 });
    udp.send(someBytes(5), { address: 'fd00::2', port: 9 });
    await world.run(ping(world.a, '10.0.0.2'));
    await world.run(ping(world.a, 'fd00::2'));
    const heard = await Promise.all(sockets.map(async (socket) => (await drain(socket)).length));
    expect(heard).toEqual([2, 1, 1, 2, 1]);
  });

  test('a protocol that nobody else speaks, and then it is no error; without us it is (RFC 1122 §3.2.2.1)', async () => {
    const world = new TwoStacks();
    const errors = RawSocket.open(world.a, { protocol: 1 });
    const speaking = RawSocket.open(world.a, { protocol: NOBODYS });
    const hearing = RawSocket.open(world.b, { protocol: NOBODYS });
    speaking.send(someBytes(7), '10.0.0.2');
    const packet = (await world.run(hearing.receive()))!;
    expect(packet.bytes.subarray(packet.payloadAt)).toEqual(someBytes(7));
    await world.settle();
    expect(await drain(errors)).toEqual([]);
    hearing.close();
    speaking.send(someBytes(7), '10.0.0.2');
    await world.settle();
    expect((await drain(errors)).map((bytes) => [...bytes.subarray(20, 22)])).toEqual([[3, 2]]);
  });

  test('fragments come as the packet that they were', async () => {
    const world = new TwoStacks();
    const hearing = RawSocket.open(world.b, { protocol: NOBODYS });
    RawSocket.open(world.a, { protocol: NOBODYS }).send(someBytes(9000), '10.0.0.2');
    const packet = (await world.run(hearing.receive()))!;
    expect(difference(packet.bytes.subarray(packet.payloadAt), someBytes(9000))).toBe('none');
    expect(packet.bytes.length).toBe(20 + 9000);
  });

  test('each has a copy of its own: changing it changes nothing for others (SEC-91)', async () => {
    const world = new TwoStacks();
    poison(world.b);
    const [first, second] = [RawSocket.open(world.b, { protocol: 17 }), RawSocket.open(world.b, { protocol: 17 })];
    const udp = UdpSocket.bind(world.b, { port: 53 });
    const speaking = UdpSocket.bind(world.a);
    speaking.send(someBytes(100), { address: '10.0.0.2', port: 53 });
    (await world.run(first.receive()))!.bytes.fill(0);
    const kept = (await second.receive())!;
    for (let i = 0; i < 20; i++) speaking.send(new Uint8Array(100).fill(9), { address: '10.0.0.2', port: 53 });
    await world.settle();
    expect(kept.bytes.subarray(28)).toEqual(someBytes(100));
    expect(`${kept.address}`).toBe('10.0.0.1');
    expect((await udp.receive())!.data).toEqual(someBytes(100));
  });
});

describe('the queue', () => {
  test('holds so many bytes; what exceeds them is counted, and the transport gets it all the same', async () => {
    const world = new TwoStacks();
    const raw = RawSocket.open(world.b, { protocol: 17, receiveBytes: 400 });
    const udp = UdpSocket.bind(world.b, { port: 53 });
    const speaking = UdpSocket.bind(world.a);
    // 100 bytes each, headers and all.
    for (let i = 0; i < 7; i++) speaking.send(new Uint8Array(72).fill(i), { address: '10.0.0.2', port: 53 });
    await world.settle();
    expect(world.b.counters.drops['raw-receive-queue-full']).toBe(3);
    expect(udp.endpoint.waiting).toBe(7);
    for (const i of [0, 1]) expect((await raw.receive())!.bytes[28]).toBe(i);
    for (const i of [7, 8, 9]) speaking.send(new Uint8Array(72).fill(i), { address: '10.0.0.2', port: 53 });
    await world.settle();
    expect((await drain(raw)).map((bytes) => bytes[28])).toEqual([2, 3, 7, 8]);
    expect(world.b.counters.drops['raw-receive-queue-full']).toBe(4);
  });

  test('when it is empty it takes any packet: a small cap slows a reader down and does not starve it', async () => {
    const world = new TwoStacks();
    const raw = RawSocket.open(world.b, { protocol: 17, receiveBytes: 100 });
    const speaking = UdpSocket.bind(world.a);
    for (let i = 0; i < 3; i++) {
      speaking.send(someBytes(1000), { address: '10.0.0.2', port: 53 });
      await world.settle();
      expect((await raw.receive())!.bytes.length).toBe(1028);
    }
    expect(world.b.counters.drops['raw-receive-queue-full']).toBe(0);
  });

  test('whoever waits gets the next packet, whatever the cap', async () => {
    const world = new TwoStacks();
    const raw = RawSocket.open(world.b, { protocol: 17, receiveBytes: 0 });
    const waiting = raw.receive();
    UdpSocket.bind(world.a).send(someBytes(1), { address: '10.0.0.2', port: 53 });
    expect((await world.run(waiting))!.bytes.length).toBe(29);
  });
});

describe('sending', () => {
  test.each([
    [4, '10.0.0.1', '10.0.0.2'], [6, 'fd00::1', 'fd00::2'],
  ] as const)('over IPv%i a payload goes under a header of the stack\'s making', async (family, src, dst) => {
    const world = new TwoStacks();
    world.frames = [];
    const raw = RawSocket.open(world.a, { family, protocol: NOBODYS, hopLimit: 7 });
    const payload = someBytes(100);
    raw.send(payload, dst);
    payload.fill(0);
    raw.send(someBytes(0), address(dst));
    const [first, second] = world.frames;
    const header = family === 4 ? 20 : 40;
    expect(second!.length).toBe(header);
    // The identification is IP's to choose, and so is the rest of its word; the flow label likewise.
    const id = family === 4 ? u16(first!, 4) : 0;
    const dontFragment = family === 4 && (first![6]! & 0x40) !== 0;
    if (family === 6) first!.fill(0, 1, 4);
    expect(first).toEqual(ipPacket(NOBODYS, someBytes(100), { src, dst, hopLimit: 7, id, dontFragment }));
  });

  test('a packet of the caller\'s own: length and checksum of the header are filled in', async () => {
    const world = new TwoStacks();
    const hearing = UdpSocket.bind(world.b, { port: 53 });
    const raw = RawSocket.open(world.a, { protocol: 17 });
    const packet = udpPacket({ src: '10.0.0.1', dst: '10.0.0.2', from: 9, to: 53, payload: someBytes(30), hopLimit: 3 });
    packet.set([0, 0], 2);
    packet.set([0, 0], 10);
    world.frames = [];
    raw.sendPacket(packet);
    packet.fill(0);
    const datagram = (await world.run(hearing.receive()))!;
    expect([datagram.data.length, datagram.port, datagram.hopLimit]).toEqual([30, 9, 3]);
    expect(isValid(world.frames[0]!)).toBe(true);
  });

  test('a packet of IPv6 likewise', async () => {
    const world = new TwoStacks();
    const hearing = UdpSocket.bind(world.b, { port: 53 });
    RawSocket.open(world.a, { family: 6 }).sendPacket(
      udpPacket({ src: 'fd00::1', dst: 'fd00::2', from: 9, to: 53, payload: someBytes(30) }));
    expect((await world.run(hearing.receive()))!.data).toEqual(someBytes(30));
  });

  const own = (src: string, dst: string): Uint8Array => icmpPacket({ src, dst, type: 8 });

  test.each([
    ['no header', new Uint8Array(0), 'EINVAL'],
    ['half a header', own('10.0.0.1', '10.0.0.2').subarray(0, 19), 'EINVAL'],
    ['a header of the other family', ipPacket(NOBODYS, someBytes(1), { src: 'fd00::1', dst: 'fd00::2' }), 'EINVAL'],
    ['no version at all', new Uint8Array(40), 'EINVAL'],
    ['more than a packet holds', new Uint8Array(65_536).fill(0x45, 0, 1), 'EMSGSIZE'],
    ['more than the path takes', ipPacket(NOBODYS, someBytes(1481), { src: '10.0.0.1', dst: '10.0.0.2' }), 'EMSGSIZE'],
    ['a destination without a route', own('10.0.0.1', '192.0.2.1'), 'ENETUNREACH'],
    ['a source that is not ours (SEC-99)', own('10.0.0.7', '10.0.0.2'), 'EADDRNOTAVAIL'],
  ])('%s is refused', (_what, packet, code) => {
    const world = new TwoStacks();
    world.frames = [];
    const raw = RawSocket.open(world.a);
    expect(thrown(() => raw.sendPacket(packet))).toMatchObject({ code, syscall: 'send' });
    expect(world.frames).toEqual([]);
    expect(world.a.pool.outstanding).toBe(0);
  });

  test.each([
    ['to the other family', { protocol: NOBODYS }, 'fd00::2', 1, 'EAFNOSUPPORT'],
    ['to the other family', { protocol: NOBODYS, family: 6 as const }, '10.0.0.2', 1, 'EAFNOSUPPORT'],
    ['without a protocol', {}, '10.0.0.2', 1, 'EDESTADDRREQ'],
    ['more than a packet holds', { protocol: NOBODYS }, '10.0.0.2', 65_516, 'EMSGSIZE'],
    ['where no route leads', { protocol: NOBODYS }, '192.0.2.1', 1, 'ENETUNREACH'],
    ['nowhere', { protocol: NOBODYS }, 'there', 1, 'ERR_INVALID_ARG_TYPE'],
  ])('a payload %s is refused: %j to %s', (_what, options, to, size, code) => {
    const world = new TwoStacks();
    world.frames = [];
    const raw = RawSocket.open(world.a, options);
    expect(thrown(() => raw.send(someBytes(size), to)).code).toBe(code);
    expect(world.frames).toEqual([]);
    expect(world.a.pool.outstanding).toBe(0);
  });

  test('65,515 bytes, the most that IPv4 holds, cross in fragments', async () => {
    const world = new TwoStacks();
    const hearing = RawSocket.open(world.b, { protocol: NOBODYS });
    RawSocket.open(world.a, { protocol: NOBODYS }).send(stream(65_515), '10.0.0.2');
    expect(difference((await world.run(hearing.receive()))!.bytes.subarray(20), stream(65_515))).toBe('none');
  });
});

describe('a life', () => {
  test.each([-1, 256, 1.5, Number.NaN])('protocol %j is none', (protocol) => {
    expect(thrown(() => RawSocket.open(new TwoStacks().a, { protocol })).code).toBe('ERR_INVALID_ARG_TYPE');
  });

  test('two receives at a time are one too many', async () => {
    const raw = RawSocket.open(new TwoStacks().a);
    const waiting = raw.receive();
    expect(await failure(raw.receive())).toMatchObject({ code: 'EALREADY', syscall: 'recv' });
    raw.close();
    expect(await waiting).toBe(null);
  });

  test('closed, it hears and says nothing more', async () => {
    const world = new TwoStacks();
    const raw = RawSocket.open(world.b, { protocol: 1 });
    await world.run(ping(world.a, '10.0.0.2'));
    raw.close();
    raw.close();
    expect(await raw.receive()).toBe(null);
    await world.run(ping(world.a, '10.0.0.2'));
    expect(await raw.receive()).toBe(null);
    expect(thrown(() => raw.send(someBytes(1), '10.0.0.1')).code).toBe('EBADF');
    expect(thrown(() => raw.sendPacket(own4)).code).toBe('EBADF');
  });

  const own4 = icmpPacket({ src: '10.0.0.2', dst: '10.0.0.1', type: 8 });

  test('iteration ends with `close`, and leaving it closes', async () => {
    const world = new TwoStacks();
    const raw = RawSocket.open(world.b, { protocol: 1 });
    const iterated = fate((async () => {
      for await (const { bytes } of raw) if (bytes.length === 29) return;
    })());
    await world.run(ping(world.a, '10.0.0.2', { bytes: 0 }));
    expect(iterated()).toBe('pending');
    await world.run(ping(world.a, '10.0.0.2', { bytes: 1 }));
    expect(iterated()).toBe('resolved');
    expect(used(world.b, 'ip.raw')).toBe(0);

    const other = RawSocket.open(world.b);
    const over = (async () => {
      for await (const packet of other) expect(packet).toBeUndefined();
    })();
    await other[Symbol.asyncDispose]();
    await over;
    expect(used(world.b, 'ip.raw')).toBe(0);
  });

  test('their number has a limit (SEC-96)', () => {
    const { a } = new TwoStacks();
    const { max } = a.limits.all().find(({ name }) => name === 'ip.raw')!;
    const sockets = Array.from({ length: max }, () => RawSocket.open(a));
    expect(thrown(() => RawSocket.open(a))).toMatchObject({ code: 'ENOBUFS', syscall: 'socket' });
    sockets[7]!.close();
    RawSocket.open(a);
  });
});

const used = (stack: TwoStacks['a'], name: string): number =>
  stack.limits.all().find((limit) => limit.name === name)!.used();
