// Ping: one question, and what may come of it. RFC 792, RFC 1122 §3.2.2.6, RFC 4443 §4.

import { describe, expect, test } from 'vitest';
import { address } from '../../../src/address.js';
import { ping, type PingOptions } from '../../../src/socket-api/ping.js';
import { RawSocket } from '../../../src/socket-api/raw.js';
import { icmpPacket, ipPacket } from '../../fixtures/rfc-packets.js';
import { failure, fate, TwoStacks } from '../../fixtures/two-stacks.js';

/** Identifiers in use: none may be left behind. */
const asking = ({ a }: TwoStacks): number => a.limits.all().find(({ name }) => name === 'icmp.echo-endpoints')!.used();

describe('an answer', () => {
  test.each(['10.0.0.2', 'fd00::2', '127.0.0.1', '::1', '10.0.0.1', 'fd00::1'])('comes from %s', async (to) => {
    const world = new TwoStacks();
    expect(await world.run(ping(world.a, to))).toEqual({ address: to, rttMs: 0, bytes: 56, hopLimit: 64 });
    expect(await world.run(ping(world.a, address(to), { bytes: 3 }))).toMatchObject({ address: to, bytes: 3 });
    expect(asking(world)).toBe(0);
  });

  test.each([
    ['10.0.0.2', 0], ['10.0.0.2', 1], ['10.0.0.2', 1472], ['10.0.0.2', 1473], ['10.0.0.2', 65_507],
    ['fd00::2', 0], ['fd00::2', 1], ['fd00::2', 1452], ['fd00::2', 1453], ['fd00::2', 65_527],
  ])('from %s, of %i bytes', async (to, bytes) => {
    const world = new TwoStacks();
    expect(await world.run(ping(world.a, to, { bytes }))).toMatchObject({ bytes });
    await world.sleep();
    expect([world.a.pool.outstanding, world.b.pool.outstanding]).toEqual([0, 0]);
  });

  test('takes as long as it takes, and has the hop limit that was left', async () => {
    const world = new TwoStacks();
    const pinging = ping(world.a, '10.0.0.2');
    world.now += 7.5;
    expect(await world.run(pinging)).toMatchObject({ rttMs: 7.5, hopLimit: 64 });
  });

  test('the question has the hop limit and the sequence number that were asked for', async () => {
    const world = new TwoStacks();
    world.frames = [];
    await world.run(ping(world.a, '10.0.0.2', { hopLimit: 3, sequence: 0xabcd }));
    expect(world.frames[0]![8]).toBe(3);
    expect([...world.frames[0]!.subarray(26, 28)]).toEqual([0xab, 0xcd]);
  });

  test('to each of many at once its own', async () => {
    const world = new TwoStacks();
    const asked = Array.from({ length: 200 }, (_, bytes) => ping(world.a, '10.0.0.2', { bytes }));
    const replies = await world.run(Promise.all(asked));
    expect(replies.map(({ bytes }) => bytes)).toEqual(replies.map((_, i) => i));
    expect(asking(world)).toBe(0);
  });
});

describe('no answer', () => {
  test.each([
    [undefined, 1000], [250, 250], [0, 0],
  ])('with a timeout of %j ms: ETIMEDOUT after %i ms', async (timeoutMs, after) => {
    const world = new TwoStacks();
    world.cut = true;
    const before = world.now;
    const error = await world.run(failure(ping(world.a, '10.0.0.2', timeoutMs === undefined ? {} : { timeoutMs })));
    expect({ ...error, message: error.message }).toEqual({
      code: 'ETIMEDOUT', errno: -110, syscall: 'ping', address: '10.0.0.2', message: 'ping ETIMEDOUT 10.0.0.2',
    });
    expect(world.now - before).toBe(after);
    expect(asking(world)).toBe(0);
  });

  test('too late an answer is nobody\'s', async () => {
    const world = new TwoStacks();
    const pinging = failure(ping(world.a, '10.0.0.2', { timeoutMs: 100 }));
    world.now += 200;
    expect(await world.run(pinging)).toMatchObject({ code: 'ETIMEDOUT' });
    await world.settle();
    expect(world.a.counters.drops['icmp-no-socket']).toBe(1);
  });

  test('without a timeout it waits for ever', async () => {
    const world = new TwoStacks();
    world.cut = true;
    const pinging = fate(ping(world.a, '10.0.0.2', { timeoutMs: Infinity }));
    await world.sleep();
    expect(pinging()).toBe('pending');
  });
});

describe('bad news', () => {
  test.each([
    ['there is no route', '192.0.2.1', {}, 'ENETUNREACH'],
    ['the neighbour does not answer', '10.0.0.9', { timeoutMs: 60_000 }, 'EHOSTUNREACH'],
    ['nor does it over IPv6', 'fd00::9', { timeoutMs: 60_000 }, 'EHOSTUNREACH'],
    ['it is more than IPv4 holds', '10.0.0.2', { bytes: 65_508 }, 'EMSGSIZE'],
    ['it is more than IPv6 holds', 'fd00::2', { bytes: 65_528 }, 'EMSGSIZE'],
    ['it is out of all proportion', 'fd00::2', { bytes: 2 ** 52 }, 'EMSGSIZE'],
    ['one does not ask everybody (SEC-38)', '255.255.255.255', {}, 'EACCES'],
  ])('%s (%s, %j): %s', async (_why, to, options: PingOptions, code) => {
    const world = new TwoStacks({ pipe: { medium: 'ethernet' } });
    const error = await world.run(failure(ping(world.a, to, options)));
    expect(error).toMatchObject({ code, syscall: 'ping', address: to });
    expect(asking(world)).toBe(0);
    await world.sleep();
  });

  /** A question that `b` does not hear, and what `b` says instead. */
  async function answered(answer: (question: Uint8Array) => Uint8Array): Promise<() => string> {
    const world = new TwoStacks();
    world.frames = [];
    world.cut = true;
    const pinging = fate(ping(world.a, '10.0.0.2', { sequence: 5, bytes: 8 }));
    await world.settle();
    const question = world.frames[0]!;
    world.cut = false;
    RawSocket.open(world.b).sendPacket(answer(question));
    await world.settle();
    if (pinging() !== 'pending') expect(asking(world)).toBe(0);
    return pinging;
  }

  const TO_A = { src: '10.0.0.2', dst: '10.0.0.1' };

  test.each([
    ['host unreachable', 3, 1, 'EHOSTUNREACH'], ['net unreachable', 3, 0, 'ENETUNREACH'],
    ['time exceeded', 11, 0, 'EHOSTUNREACH'], ['protocol unreachable', 3, 2, 'ENOPROTOOPT'],
  ])('ICMP says %s: so do we', async (_what, type, code, expected) => {
    expect((await answered((question) => icmpPacket({ ...TO_A, type, code, data: question })))()).toBe(expected);
  });

  test('an echo that is not what was sent: EPROTO', async () => {
    const echo = (change: (data: Uint8Array) => Uint8Array) => (question: Uint8Array): Uint8Array =>
      icmpPacket({ ...TO_A, type: 0, rest: [...question.subarray(24, 28)], data: change(question.slice(28)) });
    expect((await answered(echo((data) => data)))()).toBe('resolved');
    expect((await answered(echo((data) => data.fill(0, 7))))()).toBe('EPROTO');
    expect((await answered(echo((data) => data.subarray(0, 7))))()).toBe('EPROTO');
    expect((await answered(echo((data) => Uint8Array.of(...data, 0))))()).toBe('EPROTO');
  });

  test('an echo of another sequence number, or of another identifier, is not ours', async () => {
    const echo = (rest: (own: number[]) => number[]) => (question: Uint8Array): Uint8Array =>
      icmpPacket({ ...TO_A, type: 0, rest: rest([...question.subarray(24, 28)]), data: question.slice(28) });
    expect((await answered(echo(([i, j]) => [i!, j!, 0, 6])))()).toBe('pending');
    expect((await answered(echo(([i, j, k, l]) => [i!, j! ^ 1, k!, l!])))()).toBe('pending');
  });

  test('a packet that is no answer at all is none', async () => {
    expect((await answered(() => ipPacket(253, Uint8Array.of(1, 2, 3), TO_A)))()).toBe('pending');
  });
});

describe('arguments', () => {
  test.each([
    { bytes: -1 }, { bytes: 1.5 }, { bytes: Number.NaN }, { bytes: Infinity }, { sequence: -1 }, { sequence: 65_536 },
    { hopLimit: 0 }, { hopLimit: 256 }, { timeoutMs: -1 }, { timeoutMs: Number.NaN },
  ])('%j: rejected, and no identifier is lost', async (options) => {
    const world = new TwoStacks();
    expect((await failure(ping(world.a, '10.0.0.2', options))).code).toBe('ERR_INVALID_ARG_TYPE');
    expect(asking(world)).toBe(0);
  });

  test('an address that is none: rejected, not thrown', async () => {
    const { a } = new TwoStacks();
    expect((await failure(ping(a, 'there'))).code).toBe('ERR_INVALID_ARG_TYPE');
  });

  test('more questions than identifiers: ENOBUFS (SEC-96)', async () => {
    const world = new TwoStacks();
    world.cut = true;
    const { max } = world.a.limits.all().find(({ name }) => name === 'icmp.echo-endpoints')!;
    const fates = Array.from({ length: max }, () => fate(ping(world.a, '10.0.0.2', { bytes: 0 })));
    expect(await failure(ping(world.a, '10.0.0.2'))).toMatchObject({ code: 'ENOBUFS', syscall: 'ping' });
    await world.wait(1000);
    expect(new Set(fates.map((text) => text()))).toEqual(new Set(['ETIMEDOUT']));
    expect(asking(world)).toBe(0);
  });
});
