// The roof: what a poll does and how much of it, who is woken and when, devices that come and go, and the host that talks
// to itself. Two stacks in virtual time; frames by hand where a flood is wanted.

import { describe, expect, test } from 'vitest';
import type { Device, FrameSink } from '../../src/link/device.js';
import { NO_OFFLOAD } from '../../src/link/device.js';
import { createPipe } from '../../src/link/pipe.js';
import { NetError } from '../../src/errors.js';
import { SeededRandom } from '../../src/random.js';
import { serveAll } from '../../src/services/small-servers.js';
import { ping } from '../../src/socket-api/ping.js';
import { RawSocket } from '../../src/socket-api/raw.js';
import { TcpServer, TcpSocket } from '../../src/socket-api/tcp.js';
import { UdpSocket } from '../../src/socket-api/udp.js';
import { type InterfaceConfig, Stack, type StackOptions } from '../../src/stack.js';
import { NEVER } from '../../src/time.js';
import { icmpPacket, someBytes, udpPacket } from '../fixtures/rfc-packets.js';
import {
  difference, EVERYTHING, failure, fate, readAll, stream, turn, TwoStacks,
} from '../fixtures/two-stacks.js';

/** A stack with a device whose other end is the test. */
class Bench implements Device {
  readonly name = 'bench0';
  readonly medium = 'ip';
  readonly mtu = 1500;
  readonly linkAddress = null;
  readonly offload = NO_OFFLOAD;
  readonly stack: Stack;
  sent = 0;
  closed = 0;
  wakes = 0;
  sink: FrameSink | null = null;

  constructor(options: StackOptions = {}, config: InterfaceConfig = { addresses: ['10.0.0.2/24'] }) {
    this.stack = new Stack({ random: new SeededRandom(1), ...options });
    this.stack.addInterface(this, config);
    this.stack.poll(0);
    this.stack.onWake = () => this.wakes++;
  }

  attach(sink: FrameSink): void {
    this.sink = sink;
  }

  transmit(packet: Parameters<Device['transmit']>[0]): boolean {
    this.sent++;
    packet.release();
    return true;
  }

  close(): void {
    this.closed++;
  }

  /** `count` packets arrive. */
  give(count: number, bytes: Uint8Array): this {
    for (let i = 0; i < count; i++) {
      const packet = this.stack.pool.take(bytes.length);
      packet.bytes.set(bytes, packet.start);
      packet.end = packet.start + bytes.length;
      this.sink!.receive(packet);
    }
    this.sink!.batchEnd();
    return this;
  }
}

/** Echo questions, for an answer each. */
const QUESTION = icmpPacket({ src: '10.0.0.1', dst: '10.0.0.2', type: 8, data: someBytes(8) });

describe('a poll', () => {
  test('takes 64 frames and no more, and says that there are more (SEC-92)', () => {
    const bench = new Bench().give(200, QUESTION);
    expect([bench.wakes, bench.sent]).toEqual([1, 0]);
    for (const sent of [64, 128, 192, 200]) {
      expect(bench.stack.nextTimeout()).toBe(sent === 64 ? 0 : 7);
      bench.stack.poll(7);
      expect(bench.sent).toBe(sent);
      expect(bench.wakes).toBe(sent === 200 ? 4 : 1 + sent / 64);
    }
    expect(bench.stack.nextTimeout()).toBe(NEVER);
    bench.stack.poll(8);
    expect(bench.wakes).toBe(4);
    expect(bench.stack.pool.outstanding).toBe(0);
  });

  test('what exceeds the receive queue is dropped, counted, and given back', () => {
    const bench = new Bench({ receiveQueue: 100 }).give(200, QUESTION);
    const limit = bench.stack.limits.all().find(({ name }) => name === 'stack.receive-queue')!;
    // The next power of two.
    expect([limit.max, limit.used()]).toEqual([128, 128]);
    expect(bench.stack.counters.drops['rx-queue-full']).toBe(72);
    expect(bench.stack.pool.outstanding).toBe(128);
    for (let i = 0; i < 2; i++) bench.stack.poll(0);
    expect([bench.sent, bench.stack.pool.outstanding, limit.used()]).toEqual([128, 0, 0]);
    // And round the ring again.
    for (let i = 0; i < 10; i++) {
      bench.give(50, QUESTION).stack.poll(0);
    }
    expect(bench.sent).toBe(628);
    expect(bench.stack.counters.drops['rx-queue-full']).toBe(72);
  });

  test('whoever drives is woken once until it polls, however much happens', () => {
    const bench = new Bench();
    for (let i = 0; i < 5; i++) bench.give(1, QUESTION);
    bench.stack.after(5, () => {});
    bench.stack.wake();
    expect(bench.wakes).toBe(1);
    bench.stack.poll(0);
    expect(bench.wakes).toBe(1);
    bench.give(1, QUESTION);
    expect(bench.wakes).toBe(2);
  });

  test('whoever calls is not woken from inside, but once when it is done if something is left', async () => {
    const bench = new Bench();
    const udp = UdpSocket.bind(bench.stack, { port: 9 });
    udp.endpoint.owner = { onUdpEvent: () => bench.stack.after(0, () => {}) };
    bench.give(1, udpPacket({ src: '10.0.0.1', dst: '10.0.0.2', from: 1, to: 9 }));
    expect(bench.wakes).toBe(1);
    bench.stack.poll(5);
    // The alarm is a deadline, for which whoever drives asks.
    expect(bench.wakes).toBe(1);
    expect(bench.stack.nextTimeout()).toBe(5);
  });

  test('deadlines come first, then frames, then what is sent, then the news: each time', () => {
    const order: string[] = [];
    const bench = new Bench();
    const udp = UdpSocket.bind(bench.stack, { port: 9 });
    const raw = RawSocket.open(bench.stack, { protocol: 17 });
    raw.onPacket = () => order.push('frame');
    udp.endpoint.owner = { onUdpEvent: () => order.push('news') };
    bench.stack.after(3, () => order.push('deadline'));
    for (const now of [3, 4]) {
      bench.give(1, udpPacket({ src: '10.0.0.1', dst: '10.0.0.2', from: 1, to: 9 })).stack.poll(now);
    }
    expect(order).toEqual(['deadline', 'frame', 'news', 'frame', 'news']);
  });

  test('news of news waits for the next poll: two stacks in one cannot hold each other up for ever', () => {
    const bench = new Bench();
    let news = 0;
    const udp = UdpSocket.bind(bench.stack, { port: 9 });
    const { endpoint } = udp;
    endpoint.owner = {
      onUdpEvent: () => {
        news++;
        while (endpoint.receive() !== null);
        // To ourselves: news again, a poll later.
        endpoint.send(someBytes(1), 0, 1, { address: endpoint.localAddress, port: 9 });
      },
    };
    endpoint.send(someBytes(1), 0, 1, { address: endpoint.localAddress, port: 9 });
    for (let i = 1; i <= 5; i++) {
      bench.stack.poll(i);
      expect(news).toBe(i);
    }
  });
});

describe('time', () => {
  test('nothing to do: NEVER; something at once: the latest poll; else the earliest deadline', () => {
    const bench = new Bench();
    const { stack } = bench;
    expect(stack.nextTimeout()).toBe(NEVER);
    stack.poll(100);
    stack.after(50, () => {});
    const calledOff = stack.after(20, () => {});
    expect(stack.nextTimeout()).toBe(120);
    calledOff();
    expect(stack.nextTimeout()).toBeLessThanOrEqual(150);
    bench.give(1, QUESTION);
    expect(stack.nextTimeout()).toBe(100);
    stack.poll(150);
    expect(stack.nextTimeout()).toBe(NEVER);
  });

  test('is that of the latest poll, or what the clock says between polls', () => {
    const { stack } = new Bench({ now: 0 });
    stack.poll(10);
    expect(stack.now()).toBe(10);
    let clock = 12;
    stack.clock = () => clock;
    expect(stack.now()).toBe(12);
    clock = 13;
    const seen: number[] = [];
    stack.after(0, () => seen.push(stack.now()));
    stack.poll(20);
    // Inside a poll there is one time.
    expect(seen).toEqual([20]);
    expect(stack.now()).toBe(13);
  });

  test('an alarm rings once, at its time, unless it is called off', () => {
    const { stack } = new Bench();
    const rung: string[] = [];
    stack.after(10, () => rung.push('a'));
    stack.after(5, () => rung.push('b'))();
    stack.poll(9.9);
    expect(rung).toEqual([]);
    stack.poll(10);
    stack.poll(20);
    expect(rung).toEqual(['a']);
  });

  test('a jump of ten years rings each once; a step back rings none (SEC-98)', () => {
    const { stack } = new Bench();
    let rung = 0;
    for (const ms of [1, 1000, 1e6, 1e9, 1e11]) stack.after(ms, () => rung++);
    stack.poll(10 * 365 * 24 * 3600 * 1000);
    expect(rung).toBe(5);
    stack.poll(1);
    stack.after(1e9, () => rung++);
    stack.poll(10 * 365 * 24 * 3600 * 1000);
    expect(rung).toBe(5 + 1);
  });

  test('conversations survive a night\'s sleep of the machine (SEC-98)', async () => {
    const world = new TwoStacks();
    const [client, server] = await world.connect();
    await client.write(stream(10));
    world.now += 12 * 3600 * 1000;
    await server.write(stream(5));
    expect(await world.run(server.read())).toEqual(stream(10));
    expect(await world.run(client.read())).toEqual(stream(5));
  });
});

describe('an application that throws (SEC-90)', () => {
  test('is told of it, and the stack goes on', async () => {
    const errors: unknown[] = [];
    const world = new TwoStacks({ b: { onApplicationError: (error) => errors.push(error) } });
    const oops = new Error('oops');
    const sockets = [1, 2, 3].map((port) => UdpSocket.bind(world.b, { port }));
    sockets[1]!.endpoint.owner = {
      onUdpEvent: () => {
        throw oops;
      },
    };
    const heard = [0, 2].map((i) => fate(sockets[i]!.receive()));
    const speaking = UdpSocket.bind(world.a);
    for (const port of [1, 2, 3]) speaking.send(stream(1), { address: '10.0.0.2', port });
    await world.settle();
    expect(heard.map((text) => text())).toEqual(['resolved', 'resolved']);
    expect(errors).toEqual([oops]);
  });

  test('in an alarm, in TCP\'s news, in a server\'s, and when a device is lost', async () => {
    const errors: unknown[] = [];
    const fail = (what: string) => (): never => {
      throw what;
    };
    const world = new TwoStacks({
      b: { onApplicationError: (error) => errors.push(error) },
      configB: { addresses: ['10.0.0.2/24'], onLost: fail('lost') },
    });
    world.b.after(1, fail('alarm'));
    const listener = world.b.tcp.listen({ port: 80 });
    listener.owner = { onTcpAccept: fail('accept') };
    const client = await world.run(TcpSocket.connect(world.a, { address: '10.0.0.2', port: 80 }));
    await world.settle();
    const connection = listener.accept()!;
    connection.owner = { onTcpEvent: fail('event') };
    await client.write(stream(10));
    await world.wait(10);
    expect(errors).toEqual(['accept', 'event', 'alarm']);
    // The connection is what it was.
    expect(connection.state).toBe('ESTABLISHED');
    connection.check();
    connection.owner = null;
    connection.write(connection.read()!);
    expect(await world.run(client.read())).toEqual(stream(10));
    world.a.removeInterface(world.onA);
    expect(errors.at(-1)).toBe('lost');
    await world.settle();
  });

  test('without anybody to tell, the platform is: an uncaught exception, later, and not in the poll', async () => {
    const { stack } = new Bench();
    const caught = new Promise((resolve) => {
      const others = process.listeners('uncaughtException');
      process.removeAllListeners('uncaughtException');
      process.once('uncaughtException', (error) => {
        for (const other of others) process.on('uncaughtException', other);
        resolve(error);
      });
    });
    const oops = new Error('oops');
    stack.after(1, () => {
      throw oops;
    });
    stack.poll(1);
    expect(await caught).toBe(oops);
  });
});

describe('interfaces', () => {
  test.each([
    ['an address without a prefix length', { addresses: ['10.0.0.2'] }],
    ['no address', { addresses: ['here/24'] }],
    ['too long a prefix', { addresses: ['10.0.0.2/33'] }],
    ['a wrong one behind a right one', { addresses: ['10.0.0.2/24', 'fd00::2'] }],
    ['a gateway that is none', { addresses: ['10.0.0.2/24'], gateway: 'there' }],
    ['a gateway with a prefix length', { addresses: ['10.0.0.2/24'], gateway: ['10.0.0.1/24'] }],
    ['an MTU below IPv4\'s least', { mtu: 67 }],
    ['an MTU that is no number', { mtu: Number.NaN }],
  ])('%s: %j is refused, and nothing is attached', (_what, config) => {
    const stack = new Stack({ random: new SeededRandom(1) });
    const [device] = createPipe();
    let error: unknown = null;
    try {
      stack.addInterface(device, config);
    } catch (caught) {
      error = caught;
    }
    expect(error).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
    expect(stack.ip.interfaces.map(({ name }) => name)).toEqual(['lo']);
    stack.addInterface(device, { addresses: ['10.0.0.2/24'] });
  });

  test('has the name and the MTU that it is given, or else the device\'s', () => {
    const stack = new Stack({ random: new SeededRandom(1) });
    const [a, b] = createPipe({ mtu: 1400, names: ['tun0', 'tun1'] });
    const plain = stack.addInterface(a);
    const own = stack.addInterface(b, { name: 'wan', mtu: 1300 });
    expect([plain.name, plain.mtu, own.name, own.mtu]).toEqual(['tun0', 1400, 'wan', 1300]);
  });

  test('beyond the subnets everything goes to the gateway, of either family', async () => {
    const far = ['10.0.0.2/24', 'fd00::2/64', '192.0.2.1/32', '2001:db8::1/128'];
    for (const gateway of [['10.0.0.2', 'fd00::2'], '10.0.0.2']) {
      const world = new TwoStacks({
        configA: { addresses: ['10.0.0.1/24', 'fd00::1/64'], gateway }, configB: { addresses: far },
      });
      expect(await world.run(ping(world.a, '192.0.2.1'))).toMatchObject({ address: '192.0.2.1' });
      const beyond = ping(world.a, '2001:db8::1');
      if (Array.isArray(gateway)) expect(await world.run(beyond)).toMatchObject({ address: '2001:db8::1' });
      else expect(await failure(beyond)).toMatchObject({ code: 'ENETUNREACH' });
    }
  });

  test('each subnet by its own, and an answer comes from the address that was asked', async () => {
    const world = new TwoStacks();
    const c = world.adopt(new Stack({ random: new SeededRandom(3), now: world.now }));
    const [left, right] = createPipe({ names: ['second', 'third'] });
    world.a.addInterface(left, { addresses: ['10.9.0.1/24'] });
    c.addInterface(right, { addresses: ['10.9.0.2/24'], gateway: '10.9.0.1' });
    expect(await world.run(ping(world.a, '10.0.0.2'))).toMatchObject({ address: '10.0.0.2' });
    expect(await world.run(ping(world.a, '10.9.0.2'))).toMatchObject({ address: '10.9.0.2' });
    const server = UdpSocket.bind(world.a, { port: 7 });
    const client = UdpSocket.bind(c);
    client.send(stream(1), { address: '10.0.0.1', port: 7 });
    const question = (await world.run(server.receive()))!;
    server.send(stream(2), { address: question.address, port: question.port, from: question.localAddress });
    expect(`${(await world.run(client.receive()))!.address}`).toBe('10.0.0.1');
    // The stack is a host and forwards nothing.
    expect(await world.run(failure(ping(c, '10.0.0.2')))).toMatchObject({ code: 'ETIMEDOUT' });
  });

  test('an Ethernet interface has told its neighbours its addresses before anybody asks, twice (RFC 5227 §3)', async () => {
    const world = new TwoStacks({ pipe: { medium: 'ethernet' } });
    world.trace = [];
    await world.sleep();
    expect(world.trace.filter((line) => line.includes('ARP')).length).toBe(2);
    expect(world.now).toBe(3000);
  });

  test('and whoever drives is told that there is something to come', () => {
    const stack = new Stack({ random: new SeededRandom(1) });
    stack.poll(0);
    let wakes = 0;
    stack.onWake = () => wakes++;
    stack.addInterface(createPipe({ medium: 'ethernet' })[0], { addresses: ['10.0.0.2/24'] });
    expect(wakes).toBe(1);
    expect(stack.nextTimeout()).toBe(2000);
  });

  test('taken away: its device is closed, its routes are gone, what it had received is dropped', async () => {
    const bench = new Bench();
    bench.give(10, QUESTION);
    const which = bench.stack.ip.interfaces[1]!;
    bench.stack.removeInterface(which);
    expect(bench.closed).toBe(1);
    bench.stack.poll(1);
    expect([bench.sent, bench.stack.pool.outstanding]).toEqual([0, 0]);
    expect(bench.stack.ip.interfaces.map(({ name }) => name)).toEqual(['lo']);
    expect(await failure(ping(bench.stack, '10.0.0.1'))).toMatchObject({ code: 'ENETUNREACH' });
    const connecting = TcpSocket.connect(bench.stack, { address: '10.0.0.1', port: 80 });
    expect(await failure(connecting)).toMatchObject({ code: 'ENETUNREACH' });
    bench.stack.removeInterface(which);
  });

  test('taken away: connections through it time out, as if a cable was cut', async () => {
    const world = new TwoStacks();
    const [client] = await world.connect({ userTimeoutMs: 10_000 });
    await client.write(stream(10));
    world.a.removeInterface(world.onA);
    expect(await world.run(failure(client.read()))).toMatchObject({ code: 'ETIMEDOUT' });
    await world.sleep();
    expect(world.a.pool.outstanding).toBe(0);
  });

  test.each(['ip', 'ethernet'] as const)('lost, on %s: whoever added it is told, and it is gone', async (medium) => {
    const lost: NetError[] = [];
    const world = new TwoStacks({
      pipe: { medium }, configB: { addresses: ['10.0.0.2/24', 'fd00::2/64'], onLost: (error) => lost.push(error) },
    });
    await world.run(ping(world.b, '10.0.0.1'));
    await world.run(ping(world.b, 'fd00::1'));
    world.a.removeInterface(world.onA);
    expect(lost.map(({ code }) => code)).toEqual(['ENODEV']);
    expect(world.b.ip.interfaces.map(({ name }) => name)).toEqual(['lo']);
    for (const to of ['10.0.0.1', 'fd00::1']) expect(await failure(ping(world.b, to))).toMatchObject({ code: 'ENETUNREACH' });
    await world.sleep();
  });

  test('lost without anybody to tell', async () => {
    const world = new TwoStacks();
    world.a.removeInterface(world.onA);
    await world.sleep();
    expect(world.b.ip.interfaces.length).toBe(1);
  });
});

describe('a host talks to itself', () => {
  const OWN = ['127.0.0.1', '127.9.8.7', '::1', '10.0.0.1', 'fd00::1'];

  test.each(OWN)('over TCP, at %s, and nothing leaves', async (to) => {
    const world = new TwoStacks();
    world.trace = [];
    const server = TcpServer.listen(world.a, { port: 80 });
    const client = await world.run(TcpSocket.connect(world.a, { address: to, port: 80 }));
    const accepted = (await world.run(server.accept()))!;
    expect([client.remoteAddress, accepted.localAddress]).toEqual([to, to]);
    expect(client.localAddress).toBe(to.startsWith('127.') ? '127.0.0.1' : to);
    void client.write(stream(300_000));
    client.end();
    expect(difference(await world.run(readAll(accepted)), stream(300_000))).toBe('none');
    await world.run(Promise.all([client.close(), accepted.close()]));
    expect(await world.run(failure(TcpSocket.connect(world.a, { address: to, port: 81 })))).toMatchObject({
      code: 'ECONNREFUSED', address: to, port: 81,
    });
    await world.sleep();
    expect(world.trace).toEqual([]);
    expect([world.a.pool.outstanding, world.a.tcp.connections.size]).toEqual([0, 0]);
  });

  test.each(OWN)('over UDP, at %s', async (to) => {
    const world = new TwoStacks();
    world.trace = [];
    const hearing = UdpSocket.bind(world.a, { port: 53 });
    const speaking = UdpSocket.bind(world.a);
    speaking.send(stream(60_000), { address: to, port: 53 });
    const question = (await world.run(hearing.receive()))!;
    expect(difference(question.data, stream(60_000))).toBe('none');
    hearing.send(stream(3), question);
    expect((await world.run(speaking.receive()))!.data).toEqual(stream(3));
    speaking.connect({ address: to, port: 54 });
    speaking.send(stream(1));
    expect(await world.run(failure(speaking.receive()))).toMatchObject({ code: 'ECONNREFUSED' });
    expect(world.trace).toEqual([]);
  });

  test('a stack without any interface does, too', async () => {
    const world = new TwoStacks();
    const alone = world.adopt(new Stack({ random: new SeededRandom(4), now: world.now }));
    expect(await world.run(ping(alone, '127.0.0.1'))).toMatchObject({ address: '127.0.0.1' });
    expect(await world.run(ping(alone, '::1'))).toMatchObject({ address: '::1' });
    expect(await failure(ping(alone, '10.0.0.1'))).toMatchObject({ code: 'ENETUNREACH' });
  });

  test('and does not starve others: 64 packets of its own a poll, like everybody\'s (SEC-92)', () => {
    const { stack } = new Bench();
    const udp = UdpSocket.bind(stack, { port: 9, receiveBytes: 1 << 20 });
    for (let i = 0; i < 100; i++) udp.send(stream(1), { address: '127.0.0.1', port: 9 });
    stack.poll(1);
    expect(udp.endpoint.waiting).toBe(64);
    stack.poll(2);
    expect(udp.endpoint.waiting).toBe(100);
  });
});

describe('limits (SEC-96)', () => {
  test.each([
    'ip', 'ethernet',
  ] as const)('after all sorts of traffic on %s none is exceeded, and each says whence it is', async (medium) => {
    const world = new TwoStacks({ pipe: { medium, offload: EVERYTHING } });
    const services = serveAll(world.b, () => 'today');
    const raw = RawSocket.open(world.b);
    const seen = new Map<string, number>();
    const look = (): void => {
      for (const stack of world.stacks) {
        for (const { name, max, used } of stack.limits.all()) {
          const value = used();
          expect({ name, isWithin: value >= 0 && value <= max }).toEqual({ name, isWithin: true });
          seen.set(name, Math.max(seen.get(name) ?? 0, value));
        }
      }
    };
    for (const stack of world.stacks) {
      const poll = stack.poll.bind(stack);
      stack.poll = (now) => {
        look();
        poll(now);
      };
    }
    await world.run((async () => {
      for (const to of ['10.0.0.2', 'fd00::2']) {
        await ping(world.a, to);
        await ping(world.a, to, { bytes: 9000 });
        const socket = await TcpSocket.connect(world.a, { address: to, port: 7 });
        void socket.write(stream(100_000));
        socket.end();
        expect((await readAll(socket)).length).toBe(100_000);
        await socket.close();
        const udp = UdpSocket.bind(world.a);
        for (let i = 0; i < 300; i++) udp.send(stream(1000), { address: to, port: 7 });
        await udp.receive();
        udp.close();
      }
    })());
    const all = world.b.limits.all();
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
    for (const { name, max, source, unit } of all) {
      expect(name).toMatch(/^[a-z]+(\.[\w-]+)+$/);
      expect(max).toBeGreaterThan(0);
      expect(Number.isSafeInteger(max)).toBe(true);
      expect(source.length).toBeGreaterThan(3);
      expect(['entries', 'bytes', 'packets', 'per second']).toContain(unit);
    }
    // The meters move.
    for (const name of ['stack.receive-queue', 'tcp.connections', 'udp.endpoints', 'udp.endpoint.receive-queue', 'ip.raw']) {
      expect({ name, moved: seen.get(name)! > 0 }).toEqual({ name, moved: true });
    }
    raw.close();
    services.close();
  });

  test('every table that a peer can fill is on the list', () => {
    const { a } = new TwoStacks({ pipe: { medium: 'ethernet' } });
    const names = a.limits.all().map(({ name }) => name);
    for (const layer of ['stack', 'link', 'ip', 'icmp', 'udp', 'tcp']) {
      expect({ layer, isListed: names.some((name) => name.startsWith(`${layer}.`)) }).toEqual({ layer, isListed: true });
    }
    expect(names).toEqual(expect.arrayContaining([
      'ip.fragments.datagrams', 'ip.fragments.bytes', 'ip.pathMtu', 'ip.raw', 'tcp.connections', 'tcp.half-open', 'tcp.time-wait',
      'tcp.out-of-order-ranges', 'udp.endpoint.receive-queue', 'icmp.errors', 'link.pipe0.neighbors',
    ]));
  });
});

test('the default chance is the platform\'s: two stacks do not agree on anything', async () => {
  const ports = await Promise.all([1, 2, 3].map(async () => {
    const stack = new Stack();
    const sockets = Array.from({ length: 4 }, () => UdpSocket.bind(stack).localPort);
    await turn();
    return sockets.join();
  }));
  expect(new Set(ports).size).toBe(3);
});
