// `net` in virtual time: what Node's own module cannot be asked, for its clock is real. Timeouts, attempts one after the
// other, keep-alives.

import type { AddressInfo, Server, Socket } from 'node:net';
import { describe, expect, test } from 'vitest';

import { createNet } from '../../../../src/socket-api/node/net.js';
import type { Stack } from '../../../../src/stack.js';
import type { Connection } from '../../../../src/tcp/connection.js';
import { EVERYTHING, TwoStacks } from '../../../fixtures/two-stacks.js';

type Net = typeof import('node:net');

const DRIVER = { stop(): void {}, ref(): void {}, unref(): void {} };
const netOf = (stack: Stack): Net => createNet({ stack, driver: DRIVER });

const event = (emitter: NodeJS.EventEmitter, name: string): Promise<unknown> =>
  new Promise((resolve) => emitter.once(name, resolve));

interface World {
  readonly world: TwoStacks;
  readonly a: Net;
  readonly b: Net;
}

function twoNets(options: ConstructorParameters<typeof TwoStacks>[0] = {}): World {
  const world = new TwoStacks({ pipe: { offload: EVERYTHING }, ...options });
  return { world, a: netOf(world.a), b: netOf(world.b) };
}

async function listening({ world, b }: World, onSocket?: (socket: Socket) => void, address = '10.0.0.2'): Promise<[Server, number]> {
  const server = b.createServer({ allowHalfOpen: true }, onSocket).listen(0, address);
  await world.run(event(server, 'listening'));
  return [server, (server.address() as AddressInfo).port];
}

async function pair(nets: World): Promise<[Socket, Socket]> {
  const [server, port] = await listening(nets);
  const accepted = event(server, 'connection');
  const client = nets.a.connect(port, '10.0.0.2');
  await nets.world.run(event(client, 'connect'));
  return [client, await nets.world.run(accepted) as Socket];
}

/** Whether it has been emitted yet. */
function heard(emitter: NodeJS.EventEmitter, name: string): () => number {
  let count = 0;
  emitter.on(name, () => count++);
  return () => count;
}

describe('socket.setTimeout', () => {
  test('rings when nothing has happened for so long, by the clock of the stack, and once', async () => {
    const nets = twoNets();
    const [client] = await pair(nets);
    const rung = heard(client, 'timeout');
    client.setTimeout(5000);
    await nets.world.wait(4999);
    expect(rung()).toBe(0);
    await nets.world.wait(1);
    expect(rung()).toBe(1);
    await nets.world.wait(60_000);
    expect([rung(), client.destroyed]).toEqual([1, false]);
  });

  test.each(['reading', 'writing'])('begins anew with %s, also after it has rung', async (way) => {
    const nets = twoNets();
    const [client, peer] = await pair(nets);
    const rung = heard(client, 'timeout');
    client.resume();
    peer.resume();
    client.setTimeout(5000);
    const use = (): unknown => (way === 'reading' ? peer : client).write('x');
    await nets.world.wait(3000);
    use();
    await nets.world.wait(4999);
    expect(rung()).toBe(0);
    await nets.world.wait(1);
    expect(rung()).toBe(1);
    await nets.world.wait(20_000);
    use();
    await nets.world.wait(4999);
    expect(rung()).toBe(1);
    await nets.world.wait(1);
    expect(rung()).toBe(2);
  });

  test('0 takes it back, and so does the callback with 0', async () => {
    const nets = twoNets();
    const [client] = await pair(nets);
    const rung = heard(client, 'timeout');
    const callback = (): void => { called++; };
    let called = 0;
    client.setTimeout(1000, callback);
    client.setTimeout(0, callback);
    await nets.world.wait(5000);
    expect([rung(), called, client.listenerCount('timeout')]).toEqual([0, 0, 1]);
  });

  test('also while it connects', async () => {
    const nets = twoNets();
    nets.world.cut = true;
    const client = nets.a.connect({ port: 9, host: '10.0.0.2', timeout: 700 });
    const rung = heard(client, 'timeout');
    await nets.world.wait(699);
    expect(rung()).toBe(0);
    await nets.world.wait(1);
    expect([rung(), client.connecting]).toEqual([1, true]);
    client.destroy();
  });

  test('not while a long write makes progress', async () => {
    const nets = twoNets();
    const [client, peer] = await pair(nets);
    const rung = heard(client, 'timeout');
    client.setTimeout(1000);
    client.write(Buffer.alloc(40 << 20));
    // So slowly that the write is not over, and nothing is told, for longer than the timeout.
    for (let i = 0; i < 3; i++) {
      await nets.world.wait(900);
      peer.read();
    }
    expect(rung()).toBe(0);
    await nets.world.wait(10_000);
    expect(rung()).toBe(1);
    client.destroy();
  });

  test('a destroyed socket has none', async () => {
    const nets = twoNets();
    const [client] = await pair(nets);
    const rung = heard(client, 'timeout');
    client.setTimeout(1000);
    client.destroy();
    client.setTimeout(10);
    await nets.world.wait(5000);
    expect(rung()).toBe(0);
  });

  test('what a listener throws is thrown, and the stack goes on', async () => {
    const errors: unknown[] = [];
    const nets = twoNets({ a: { onApplicationError: (error) => errors.push(error) } });
    const [client, peer] = await pair(nets);
    client.setTimeout(10, () => { throw new Error('mine'); });
    await nets.world.wait(10);
    expect(errors).toEqual([new Error('mine')]);
    client.write('still');
    expect(String(await nets.world.run(event(peer, 'data')))).toBe('still');
  });
});

describe('attempts, RFC 8305', () => {
  const lookup = (addresses: string[]) => (_: string, __: object, done: (error: null, found: object[]) => void): void =>
    process.nextTick(done, null, addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })));

  test('an address that does not answer has 250 ms, then the next is tried', async () => {
    const nets = twoNets();
    const [, port] = await listening(nets);
    const client = nets.a.connect({ port, host: 'x.test', lookup: lookup(['fd00::99', '10.0.0.2']) } as never);
    const seen: unknown[] = [];
    const begin = nets.world.now;
    for (const name of ['connectionAttempt', 'connectionAttemptTimeout', 'connectionAttemptFailed', 'connect']) {
      client.on(name, (address?: string) => seen.push([name, address, nets.world.now - begin]));
    }
    await nets.world.run(event(client, 'connect'));
    expect(seen).toEqual([
      ['connectionAttempt', 'fd00::99', 0], ['connectionAttemptTimeout', 'fd00::99', 250], ['connectionAttempt', '10.0.0.2', 250],
      ['connect', undefined, 250],
    ]);
    expect([client.autoSelectFamilyAttemptedAddresses, client.remoteAddress]).toEqual([[`fd00::99:${port}`, `10.0.0.2:${port}`], '10.0.0.2']);
    client.destroy();
  });

  test('families take turns, the first address first; none is tried twice', async () => {
    const nets = twoNets();
    nets.world.cut = true;
    const names = ['10.0.0.2', '10.0.0.3', '10.0.0.2', 'fd00::2', '10.0.0.4'];
    const client = nets.a.connect({ port: 7, host: 'x.test', lookup: lookup(names), autoSelectFamilyAttemptTimeout: 20 } as never);
    client.on('error', () => {});
    await nets.world.wait(100);
    expect(client.autoSelectFamilyAttemptedAddresses).toEqual(['10.0.0.2:7', 'fd00::2:7', '10.0.0.3:7', '10.0.0.4:7']);
    client.destroy();
  });

  test('a refusal does not wait: the next is tried at once', async () => {
    const nets = twoNets();
    const [, port] = await listening(nets, undefined, '10.0.0.2');
    const begin = nets.world.now;
    const client = nets.a.connect({ port, host: 'x.test', lookup: lookup(['fd00::2', '10.0.0.2']) } as never);
    await nets.world.run(event(client, 'connect'));
    expect(nets.world.now - begin).toBeLessThan(250);
    client.destroy();
    // The one that was refused has no time any more that could be up.
    const other = nets.a.connect({ port, host: 'x.test', lookup: lookup(['fd00::2', '10.0.0.99']) } as never);
    const late = heard(other, 'connectionAttemptTimeout');
    await nets.world.wait(1000);
    expect([late(), other.connecting]).toEqual([0, true]);
    other.destroy();
  });

  test('the last one has all the time there is', async () => {
    const nets = twoNets();
    nets.world.cut = true;
    const client = nets.a.connect({ port: 7, host: 'x.test', lookup: lookup(['10.0.0.2', '10.0.0.3']) } as never);
    const begin = nets.world.now;
    const error = await nets.world.run(event(client, 'error')) as AggregateError;
    expect(nets.world.now - begin).toBeGreaterThan(180_000);
    expect(error.errors.map((each: NodeJS.ErrnoException) => each.code)).toEqual(['ETIMEDOUT', expect.stringMatching(/^E/)]);
  });

  test('destroyed between two attempts, it makes no more', async () => {
    const nets = twoNets();
    nets.world.cut = true;
    const client = nets.a.connect({ port: 7, host: 'x.test', lookup: lookup(['10.0.0.2', 'fd00::2']) } as never);
    const attempts = heard(client, 'connectionAttempt');
    await nets.world.wait(100);
    client.destroy();
    await nets.world.wait(1000);
    expect(attempts()).toBe(1);
    expect(nets.world.a.tcp.connections.size).toBe(0);
  });
});

describe('settings', () => {
  const set = ({ settings }: Connection): unknown[] => [settings.noDelay, settings.keepAlive, settings.keepAliveIdleMs];

  test('keepAliveInitialDelay: so long, then a probe a second, ten of them', async () => {
    const nets = twoNets();
    const [client] = await pair(nets);
    client.setKeepAlive(true, 30_000);
    client.resume();
    await nets.world.settle();
    nets.world.cut = true;
    const begin = nets.world.now;
    const error = await nets.world.run(event(client, 'error')) as NodeJS.ErrnoException;
    expect(error.code).toBe('ETIMEDOUT');
    expect(Math.round((nets.world.now - begin) / 1000)).toBe(40);
  });

  test('a server sets what it was told for each of its clients', async () => {
    const nets = twoNets();
    const server = nets.b.createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 5000 }).listen(0, '10.0.0.2');
    await nets.world.run(event(server, 'listening'));
    const client = nets.a.connect((server.address() as AddressInfo).port, '10.0.0.2');
    await nets.world.run(event(server, 'connection'));
    const [connection] = [...nets.world.b.tcp.connections];
    expect(set(connection!)).toEqual([true, true, 5000]);
    client.destroy();
  });

  test('noDelay and keepAlive said before connecting hold for the connection', async () => {
    const nets = twoNets();
    const [, port] = await listening(nets);
    const client = new nets.a.Socket({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 7000 } as never);
    client.connect(port, '10.0.0.2');
    await nets.world.run(event(client, 'connect'));
    const [connection] = [...nets.world.a.tcp.connections];
    expect(set(connection!)).toEqual([true, true, 7000]);
    client.setNoDelay(false);
    client.setKeepAlive(false);
    expect(set(connection!).slice(0, 2)).toEqual([false, false]);
    client.destroy();
  });

  test('the type of service is on every packet', async () => {
    const nets = twoNets();
    const [client, peer] = await pair(nets);
    (client as unknown as { setTypeOfService(tos: number): void }).setTypeOfService(0x20);
    nets.world.frames = [];
    client.write('x');
    await nets.world.run(event(peer, 'data'));
    expect(nets.world.frames[0]![1]).toBe(0x20);
  });
});

describe('back-pressure', () => {
  test('what was corked is more than there is room for: all of it goes, in its order', async () => {
    const nets = twoNets();
    const [client, peer] = await pair(nets);
    client.cork();
    for (const each of ['a', 'b', 'c']) client.write(each.repeat(1_000_000));
    client.uncork();
    client.end();
    const pieces: Buffer[] = [];
    peer.on('data', (piece: Buffer) => pieces.push(piece));
    await nets.world.run(event(peer, 'end'));
    const text = Buffer.concat(pieces).toString();
    expect([text.length, text.replaceAll(/(.)\1+/g, '$1'), client.bytesWritten]).toEqual([3_000_000, 'abc', 3_000_000]);
  });

  test('what is gathered in several encodings: each byte once, at the end of the room too, and its memory is free when it says so', async () => {
    const nets = twoNets();
    const [client, peer] = await pair(nets);
    const [other] = await pair(nets);
    const [expected, arrived]: [Buffer[], Buffer[]] = [[], []];
    peer.on('data', (piece: Buffer) => arrived.push(piece));
    const encodings = ['utf8', 'latin1', 'hex', 'utf16le'] as const;
    let round = 0;
    const gather = (): boolean => {
      round++;
      // Once in a while more than the 16 KB that are encoded in one place, and nothing else.
      const isLong = round % 40 === 0;
      const texts = isLong ? ['€'.repeat(6000)] : ['€'.repeat((round * 37) % 900), 'ü'.repeat(round % 50), '00ff'.repeat(round % 3), '!'];
      const bytes = Buffer.alloc(isLong ? 0 : (round * 53) % 700, round);
      expected.push(...texts.map((text, i) => Buffer.from(text, encodings[i])), Buffer.from(bytes));
      let isDone = false;
      client.cork();
      texts.forEach((text, i) => client.write(text, encodings[i]));
      client.write(bytes, () => {
        isDone = true;
        bytes.fill(0xee);
      });
      client.uncork();
      // It is told in a tick.
      return client.writableLength === 0 || isDone;
    };
    // Until there is room for a part only, whichever it is, again and again.
    for (let fill = 0; fill < 20; fill++) {
      peer.pause();
      for (let begun = round; gather(); ) expect(round - begun).toBeLessThan(2000);
      // The place is used by others meanwhile.
      other.cork();
      for (const text of ['another', 'connection'.repeat(500)]) other.write(text);
      other.uncork();
      peer.resume();
      await nets.world.wait(1000);
      expect(client.writableLength).toBe(0);
    }
    client.end();
    await nets.world.run(event(peer, 'end'));
    const all = Buffer.concat(expected);
    expect(Buffer.concat(arrived).equals(all)).toBe(true);
    expect([client.bytesWritten, all.length > 20 << 18]).toEqual([all.length, true]);
  });

  test.each([1, 64, 65, 3000])('a piece of %i bytes has memory of its own, from the first byte on', async (length) => {
    const nets = twoNets();
    const [client, peer] = await pair(nets);
    const arrived = event(peer, 'data');
    peer.resume();
    client.write(Buffer.alloc(length, 7));
    const piece = await nets.world.run(arrived) as Buffer;
    expect([piece.byteOffset, piece.buffer.byteLength, piece.equals(Buffer.alloc(length, 7))]).toEqual([0, length, true]);
  });

  test('a server that does not read stops the client, whose callbacks wait', async () => {
    const nets = twoNets();
    const [client, peer] = await pair(nets);
    let written = 0;
    const piece = Buffer.alloc(1 << 20);
    for (let i = 0; i < 64; i++) client.write(piece, () => { written++; });
    await nets.world.wait(10_000);
    const before = written;
    expect(before).toBeLessThan(48);
    expect(peer.bytesRead).toBeLessThan(1 << 20);
    peer.resume();
    client.end();
    await nets.world.run(event(peer, 'end'));
    expect([written, peer.bytesRead]).toEqual([64, 64 << 20]);
  });
});

describe('a connection that was idle for long', () => {
  /** Dormant ones of both stacks. */
  const dormant = ({ world }: World): number => world.a.tcp.dormant.size + world.b.tcp.dormant.size;

  test('is no object of TCP’s any more, and its sockets do not know it', async () => {
    const nets = twoNets();
    const [client, peer] = await pair(nets);
    const [got, back] = [[] as string[], [] as string[]];
    peer.on('data', (data) => got.push(String(data)));
    client.on('data', (data) => back.push(String(data)));
    client.write('one');
    await nets.world.wait(100);
    const { localPort, remotePort } = client;
    for (const word of ['two', 'three']) {
      await nets.world.wait(10_000);
      expect(dormant(nets)).toBe(2);
      client.write(word);
      await nets.world.wait(100);
      peer.write(word);
      await nets.world.wait(100);
      expect(dormant(nets)).toBe(0);
    }
    expect([got, back]).toEqual([['one', 'two', 'three'], ['two', 'three']]);
    expect([client.bytesWritten, client.bytesRead, client.localPort, client.remotePort]).toEqual([11, 8, localPort, remotePort]);
    await nets.world.wait(10_000);
    client.end();
    peer.end();
    const closed = [heard(client, 'close'), heard(peer, 'close')];
    await nets.world.wait(100);
    expect([...closed.map((count) => count()), dormant(nets)]).toEqual([1, 1, 0]);
  });

  test('is there to be destroyed, reset, paused and asked for names', async () => {
    const nets = twoNets();
    for (const end of ['destroy', 'resetAndDestroy'] as const) {
      const [client, peer] = await pair(nets);
      const errors: unknown[] = [];
      peer.on('error', (error: NodeJS.ErrnoException) => errors.push(error.code)).resume();
      await nets.world.wait(10_000);
      expect(dormant(nets)).toBe(2);
      expect([client.remoteAddress, client.address()]).toEqual(['10.0.0.2', { address: '10.0.0.1', family: 'IPv4', port: client.localPort }]);
      client[end]();
      await nets.world.wait(100);
      expect(errors).toEqual(end === 'destroy' ? [] : ['ECONNRESET']);
      peer.destroy();
      await nets.world.wait(100);
      expect(dormant(nets)).toBe(0);
    }
  });

  test('rings its idle timer', async () => {
    const nets = twoNets();
    const [client] = await pair(nets);
    const rung = heard(client, 'timeout');
    client.setTimeout(30_000);
    await nets.world.wait(29_000);
    expect([dormant(nets), rung()]).toEqual([2, 0]);
    await nets.world.wait(1001);
    expect([dormant(nets), rung()]).toEqual([2, 1]);
  });
});
