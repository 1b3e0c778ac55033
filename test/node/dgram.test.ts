// node:dgram, on our stack and as Node has it: the same assertions, twice. What Node does is the oracle, so that each of
// them has to hold for its own module over the kernel's loopback, too. https://nodejs.org/api/dgram.html

import { AsyncLocalStorage } from 'node:async_hooks';
import nodeDgram, { type RemoteInfo, type Socket, type SocketOptions, type SocketType } from 'node:dgram';
import { once } from 'node:events';
import { BlockList } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { createDgram } from '../../src/socket-api/node/dgram.js';
import { compose } from '../../src/socket-api/node/default-stack.js';
import { LOOPBACK } from '../../src/socket-api/node/configuration.js';

type Dgram = typeof nodeDgram;
type Shown = Record<string, unknown>;

const ourDgram = createDgram(compose(LOOPBACK));
const BOTH: [string, Dgram][] = [['ours', ourDgram], ['Node’s', nodeDgram]];

/** All that a program can branch on, and what it prints. */
function shown(error: unknown): Shown | null {
  if (!(error instanceof Error)) return null;
  return { ...error, name: error.name, message: error.message };
}

function thrown(run: () => unknown): Shown | null {
  try {
    run();
    return null;
  } catch (error) {
    return shown(error);
  }
}

describe.each(BOTH)('%s', (_whose, dgram) => {
  const open: Socket[] = [];
  const make = (what: SocketType | SocketOptions): Socket => {
    const socket = dgram.createSocket(what as SocketOptions);
    open.push(socket);
    return socket;
  };
  /** A socket with a name; what it cannot be bound to is an error. */
  const bound = async (address = '127.0.0.1', type: 'udp4' | 'udp6' = 'udp4'): Promise<Socket> => {
    const socket = make(type);
    socket.bind(0, address);
    await once(socket, 'listening');
    return socket;
  };
  const message = async (socket: Socket): Promise<[string, RemoteInfo]> => {
    const [data, from] = await once(socket, 'message') as [Buffer, RemoteInfo];
    return [data.toString(), from];
  };
  afterEach(() => {
    for (const socket of open.splice(0)) {
      try {
        socket.close();
      } catch { /* The test did. */ }
    }
  });

  describe('errors, field by field', () => {
    const calls: [string, (s: Socket) => unknown][] = [
      ['address', (s) => s.address()], ['remoteAddress', (s) => s.remoteAddress()], ['disconnect', (s) => s.disconnect()],
      ['setTTL', (s) => s.setTTL(1)], ['setTTL of no number', (s) => s.setTTL('x' as never)],
      ['setMulticastTTL', (s) => s.setMulticastTTL(1)], ['setBroadcast', (s) => s.setBroadcast(true)],
      ['setMulticastLoopback', (s) => s.setMulticastLoopback(true)],
      ['setMulticastInterface', (s) => s.setMulticastInterface('127.0.0.1')],
      ['getRecvBufferSize', (s) => s.getRecvBufferSize()], ['setSendBufferSize', (s) => s.setSendBufferSize(5)],
      ['setRecvBufferSize(-1)', (s) => s.setRecvBufferSize(-1)],
      ['addMembership of nothing', (s) => s.addMembership(undefined as never)],
      ['addMembership of no address', (s) => s.addMembership('256.256.256.256')],
      ['addMembership of no group', (s) => s.addMembership('10.0.0.1')],
      ['addMembership on no address', (s) => s.addMembership('224.0.0.114', 'x')],
      ['addMembership on nobody’s', (s) => s.addMembership('224.0.0.114', '9.9.9.9')],
      ['dropMembership of none', (s) => s.dropMembership('224.0.0.114', '127.0.0.1')],
      ['a source of no string', (s) => s.addSourceSpecificMembership(1 as never, '232.1.1.1')],
      ['a source of no group', (s) => s.addSourceSpecificMembership('10.0.0.1', '10.0.0.1')],
      ['a source that is none', (s) => s.addSourceSpecificMembership('x', '232.1.1.1')],
      ['to leave a source of no group', (s) => s.dropSourceSpecificMembership('10.0.0.1', '232.1.1.1', '127.0.0.1')],
      ['connect to port 0', (s) => s.connect(0)], ['connect beyond ports', (s) => s.connect(99_999, 'x')],
      ['connect to a number', (s) => s.connect(9, 5 as never)],
      ['send to nobody', (s) => s.send('x')], ['send to port 0', (s) => s.send('x', 0)],
      ['send a number', (s) => s.send(5 as never, 9, '127.0.0.1')], ['send a list of numbers', (s) => s.send([5] as never, 9)],
      ['send beyond the end', (s) => s.send('abc', 2, 5, 9)], ['send from beyond the end', (s) => s.send('abc', 9, 5, 9)],
      ['send to a number', (s) => s.send('abc', 9, 5 as never)],
      ['sendto of too little', (s) => (s as unknown as { sendto(b: string): void }).sendto('a')],
      ['bind twice', (s) => s.bind().bind()],
      ['closed twice', (s) => s.close().close()], ['send when closed', (s) => s.close().send('a', 9)],
      ['bind when closed', (s) => s.close().bind()], ['setTTL when closed', (s) => s.close().setTTL(9)],
      ['getRecvBufferSize when closed', (s) => s.close().getRecvBufferSize()],
    ];

    test.each(calls)('%s', (_call, act) => {
      for (const type of ['udp4', 'udp6'] as const) {
        const here = make(type);
        // The oracle is Node: on itself this says nothing, but that the call is one that throws.
        const there = nodeDgram.createSocket({ type });
        const got = thrown(() => act(here));
        const expected = thrown(() => act(there));
        try { there.close(); } catch { /* closed */ }
        expect(expected).not.toBe(null);
        expect(got).toEqual(expected);
      }
    });

    test.each<[string, unknown]>([
      ['no type', 'x'], ['null', null], ['another object', { type: 'udp5' }], ['no lookup', { type: 'udp4', lookup: 1 }],
      ['no signal', { type: 'udp4', signal: 1 }], ['a negative size', { type: 'udp4', recvBufferSize: -1 }],
      ['a size of no number', { type: 'udp4', sendBufferSize: 'x' }], ['half a byte', { type: 'udp4', sendBufferSize: 0.5 }],
    ])('createSocket with %s', (_what, options) => {
      const expected = thrown(() => nodeDgram.createSocket(options as never));
      expect(expected).not.toBe(null);
      expect(thrown(() => dgram.createSocket(options as never))).toEqual(expected);
    });

    test('a name that is taken, of the other family, nobody’s', async () => {
      const first = await bound();
      const { port } = first.address();
      const errorOf = async (...args: [number, string]): Promise<Shown | null> => {
        const socket = make('udp4');
        socket.bind(...args);
        return shown((await once(socket, 'error'))[0]);
      };
      expect(await errorOf(port, '127.0.0.1')).toEqual({
        errno: -98, code: 'EADDRINUSE', syscall: 'bind', address: '127.0.0.1', port, name: 'Error',
        message: `bind EADDRINUSE 127.0.0.1:${port}`,
      });
      expect(await errorOf(0, '::1')).toEqual({
        errno: -22, code: 'EINVAL', syscall: 'bind', address: '::1', name: 'Error', message: 'bind EINVAL ::1',
      });
      expect(await errorOf(0, '192.0.2.1')).toMatchObject({ code: 'EADDRNOTAVAIL', message: 'bind EADDRNOTAVAIL 192.0.2.1' });
    });

    test('what cannot be sent is told to the callback, with where it was to go', async () => {
      const socket = await bound();
      const sent = (data: Buffer | string, to: string): Promise<Shown | null> =>
        new Promise((resolve) => { socket.send(data, 9, to, (error) => resolve(shown(error))); });
      expect(await sent('x', '::1')).toEqual({
        errno: -22, code: 'EINVAL', syscall: 'send', address: '::1', port: 9, name: 'Error', message: 'send EINVAL ::1:9',
      });
      expect(await sent(Buffer.alloc(70_000), '127.0.0.1')).toMatchObject({ code: 'EMSGSIZE', message: 'send EMSGSIZE 127.0.0.1:9' });
    });

    test('a broadcast without setBroadcast is refused', async () => {
      const socket = await bound('0.0.0.0');
      const code = await new Promise((resolve) => {
        socket.send('x', 9, '255.255.255.255', (error) => resolve((error as NodeJS.ErrnoException | null)?.code));
      });
      // A kernel without any network has no way there, which it says first.
      expect(['EACCES', 'ENETUNREACH']).toContain(code);
      if (dgram === ourDgram) expect(code).toBe('EACCES');
    });
  });

  describe('sending', () => {
    const overloads: [string, string, (s: Socket, port: number, done: () => void) => void][] = [
      ['(msg, port, address, callback)', 'abcdef', (s, port, done) => s.send('abcdef', port, '127.0.0.1', done)],
      ['(msg, port, callback)', 'abcdef', (s, port, done) => s.send('abcdef', port, done)],
      ['(msg, offset, length, port, address, callback)', 'cde', (s, port, done) => s.send('abcdef', 2, 3, port, '127.0.0.1', done)],
      ['(msg, offset, length, port, callback)', 'cde', (s, port, done) => s.send('abcdef', 2, 3, port, done)],
      ['(list, port, address, callback)', 'abcdef', (s, port, done) => s.send(['ab', Buffer.from('cdef')], port, '127.0.0.1', done)],
      ['(empty list, port, callback)', '', (s, port, done) => s.send([], port, done)],
      ['(DataView, port, callback)', 'bc', (s, port, done) => s.send(new DataView(Uint8Array.from([97, 98, 99, 100]).buffer, 1, 2), port, done)],
      ['sendto', 'bc', (s, port, done) => (s as never as { sendto: (...a: unknown[]) => void }).sendto('abcd', 1, 2, port, '127.0.0.1', done)],
    ];
    test.each(overloads)('%s', async (_form, expected, send) => {
      const server = await bound();
      const client = make('udp4');
      const arrived = message(server);
      const told = new Promise<unknown[]>((resolve) => { send(client, server.address().port, (...args: unknown[]) => resolve(args)); });
      const [text, from] = await arrived;
      expect(text).toBe(expected);
      expect(from).toEqual({ address: '127.0.0.1', family: 'IPv4', port: client.address().port, size: expected.length });
      expect(await told).toEqual([null, expected.length]);
    });

    test.each<[string, string, (s: Socket, done: () => void) => void]>([
      ['(msg, callback)', 'abc', (s, done) => s.send('abc', done)],
      ['(msg, offset, length, callback)', 'b', (s, done) => s.send('abc', 1, 1, done)],
      ['(list, callback)', 'abc', (s, done) => s.send(['a', 'bc'], done)],
    ])('connected, %s', async (_form, expected, send) => {
      const server = await bound();
      const client = make('udp4');
      client.connect(server.address().port);
      await once(client, 'connect');
      expect(client.remoteAddress()).toEqual({ address: '127.0.0.1', family: 'IPv4', port: server.address().port });
      const arrived = message(server);
      const told = new Promise<unknown[]>((resolve) => { send(client, (...args: unknown[]) => resolve(args)); });
      expect((await arrived)[0]).toBe(expected);
      expect(await told).toEqual([null, expected.length]);
      expect(thrown(() => client.send('abc', 0, 1, server.address().port))?.code).toBe('ERR_SOCKET_DGRAM_IS_CONNECTED');
      expect(thrown(() => client.connect(9))?.code).toBe('ERR_SOCKET_DGRAM_IS_CONNECTED');
      client.disconnect();
      expect(thrown(() => client.remoteAddress())?.code).toBe('ERR_SOCKET_DGRAM_NOT_CONNECTED');
    });

    test('what is sent before there is a name waits for it, in order', async () => {
      const server = await bound();
      const client = make('udp4');
      const got: string[] = [];
      const all = new Promise<void>((resolve) => {
        server.on('message', (data) => { if (got.push(data.toString()) === 3) resolve(); });
      });
      for (const each of ['1', '2', '3']) client.send(each, server.address().port);
      await all;
      expect(got).toEqual(['1', '2', '3']);
    });

    test('the end waits for a name, too', async () => {
      const client = make('udp4');
      const events: string[] = [];
      for (const event of ['listening', 'close']) client.on(event, () => events.push(event));
      client.send('x', 9);
      client.close();
      await once(client, 'close');
      expect(events).toEqual(['listening', 'close']);
    });

    test('IPv4 reaches a socket of both families under a mapped address', async () => {
      const server = await bound('::', 'udp6');
      const client = make('udp4');
      const arrived = message(server);
      client.send('x', server.address().port);
      expect((await arrived)[1]).toMatchObject({ address: '::ffff:127.0.0.1', family: 'IPv6' });
      const other = make('udp6');
      const again = message(server);
      other.send('y', server.address().port);
      expect((await again)[1]).toMatchObject({ address: '::1', family: 'IPv6', port: other.address().port });
    });

    test('a connected peer that is not there is an error event', async () => {
      const gone = await bound();
      const { port } = gone.address();
      gone.close();
      const client = make('udp4');
      client.connect(port);
      await once(client, 'connect');
      client.send('x');
      expect(shown((await once(client, 'error'))[0])).toEqual({
        errno: -111, code: 'ECONNREFUSED', syscall: 'recvmsg', name: 'Error', message: 'recvmsg ECONNREFUSED',
      });
    });
  });

  describe('receiving', () => {
    test('what a listener puts off, as a tick or as a promise, is done before the next datagram', async () => {
      const server = await bound();
      const order: string[] = [];
      server.on('message', (data) => {
        order.push(data.toString());
        process.nextTick(() => order.push('tick'));
        void Promise.resolve().then(() => order.push('promise'));
      });
      const client = make('udp4');
      client.bind(0);
      await once(client, 'listening');
      client.send('1', server.address().port);
      client.send('2', server.address().port);
      while (!order.includes('2')) await once(server, 'message');
      await new Promise(setImmediate);
      expect(order).toEqual(['1', 'tick', 'promise', '2', 'tick', 'promise']);
    });

    test('listeners run where the socket was made (AsyncLocalStorage)', async () => {
      const server = await bound();
      const place = new AsyncLocalStorage<string>();
      const client = place.run('here', () => make('udp4'));
      const seen = new Promise((resolve) => { client.on('message', () => resolve(place.getStore())); });
      client.bind(0);
      await once(client, 'listening');
      server.send('x', client.address().port);
      expect(await seen).toBe('here');
    });

    test('a receive buffer is told as Linux does, and what does not fit is lost', async () => {
      const server = await bound();
      server.setRecvBufferSize(5000);
      expect(server.getRecvBufferSize()).toBe(10_000);
      server.setSendBufferSize(10);
      expect(server.getSendBufferSize()).toBe(4608);
    });
  });

  describe('groups', () => {
    const GROUP = '239.255.7.7';

    test('a member hears its own host’s datagrams; not when looping is off, nor after it has left', async () => {
      const member = await bound('0.0.0.0');
      const { port } = member.address();
      const got: string[] = [];
      member.on('message', (data) => got.push(data.toString()));
      member.addMembership(GROUP, '127.0.0.1');
      expect(thrown(() => member.addMembership(GROUP, '127.0.0.1'))).toMatchObject({ code: 'EADDRINUSE', syscall: 'addMembership' });
      const speaker = await bound();
      speaker.setMulticastInterface('127.0.0.1');
      const say = async (text: string, to = GROUP): Promise<void> => {
        await new Promise((resolve) => { speaker.send(text, port, to, resolve); });
      };
      await say('heard');
      // The loopback is an interface too: a kernel delivers what leaves there, looped or not. What stays is the fence.
      await say('fence', '127.0.0.1');
      while (!got.includes('fence')) await once(member, 'message');
      expect(got).toEqual(['heard', 'fence']);
      member.dropMembership(GROUP, '127.0.0.1');
      expect(thrown(() => member.dropMembership(GROUP, '127.0.0.1'))).toMatchObject({ code: 'EADDRNOTAVAIL' });
      await say('unheard');
      await say('fence 2', '127.0.0.1');
      while (!got.includes('fence 2')) await once(member, 'message');
      expect(got).toEqual(['heard', 'fence', 'fence 2']);
    });

    test('of a group, chosen sources (RFC 3678)', async () => {
      const member = await bound('0.0.0.0');
      const { port } = member.address();
      const got: string[] = [];
      member.on('message', (data) => got.push(data.toString()));
      member.addSourceSpecificMembership('127.0.0.2', '232.7.7.7', '127.0.0.1');
      for (const from of ['127.0.0.1', '127.0.0.2']) {
        const speaker = await bound(from);
        speaker.setMulticastInterface('127.0.0.1');
        await new Promise((resolve) => { speaker.send(from, port, '232.7.7.7', resolve); });
        await new Promise((resolve) => { speaker.send('fence', port, '127.0.0.1', resolve); });
      }
      while (got.filter((each) => each === 'fence').length < 2) await once(member, 'message');
      expect(got.filter((each) => each !== 'fence')).toEqual(['127.0.0.2']);
      member.dropSourceSpecificMembership('127.0.0.2', '232.7.7.7', '127.0.0.1');
      expect(thrown(() => member.dropSourceSpecificMembership('127.0.0.2', '232.7.7.7', '127.0.0.1'))).toMatchObject({ code: 'EINVAL' });
    });
  });

  describe('names and ends', () => {
    test.each<[string, (s: Socket, done: () => void) => void]>([
      ['bind(callback)', (s, done) => s.bind(done)], ['bind(0, callback)', (s, done) => s.bind(0, done)],
      ['bind(0, address, callback)', (s, done) => s.bind(0, '127.0.0.1', done)],
      ['bind({}, callback)', (s, done) => s.bind({}, done)],
      ['bind({ port, address }, callback)', (s, done) => s.bind({ port: 0, address: '127.0.0.1', exclusive: true }, done)],
    ])('%s', async (_form, bind) => {
      const socket = make('udp4');
      await new Promise<void>((resolve) => { bind(socket, resolve); });
      expect(socket.address().port).toBeGreaterThan(0);
      // Its listeners were its own affair, and are gone.
      expect([socket.listenerCount('listening'), socket.listenerCount('error')]).toEqual([0, 0]);
    });

    test('two of one name, if both say so', async () => {
      const first = make({ type: 'udp4', reuseAddr: true });
      first.bind(0);
      await once(first, 'listening');
      const second = make({ type: 'udp4', reuseAddr: true });
      second.bind(first.address().port);
      await once(second, 'listening');
      expect(second.address()).toEqual(first.address());
    });

    test('a name of IPv6 alone leaves IPv4 to others', async () => {
      const six = make({ type: 'udp6', ipv6Only: true });
      six.bind(0);
      await once(six, 'listening');
      const four = make('udp4');
      four.bind(six.address().port);
      await once(four, 'listening');
      expect(four.address()).toMatchObject({ address: '0.0.0.0', family: 'IPv4' });
    });

    test('a signal closes it, once, and it hears nothing of later ones', async () => {
      const controller = new AbortController();
      const socket = make({ type: 'udp4', signal: controller.signal });
      const closed = once(socket, 'close');
      controller.abort();
      await closed;
      const late = make({ type: 'udp4', signal: AbortSignal.abort() });
      await once(late, 'close');
    });

    test('disposed of, it is closed; twice is once', async () => {
      const socket = await bound();
      let closes = 0;
      socket.on('close', () => closes++);
      await (socket as unknown as AsyncDisposable)[Symbol.asyncDispose]();
      await (socket as unknown as AsyncDisposable)[Symbol.asyncDispose]();
      expect(closes).toBe(1);
    });

    test('a lookup of one’s own is asked for names, with the family', async () => {
      const asked: unknown[] = [];
      const lookup = (name: string, family: number, found: (e: Error | null, address: string, family: number) => void): void => {
        asked.push([name, family]);
        found(null, '127.0.0.1', 4);
      };
      const server = await bound();
      const client = make({ type: 'udp4', lookup: lookup as never });
      const arrived = message(server);
      client.send('x', server.address().port, 'somewhere.test');
      expect((await arrived)[0]).toBe('x');
      expect(asked).toEqual([['0.0.0.0', 4], ['somewhere.test', 4]]);
    });
  });
});

describe('what Node 20 does not have yet', () => {
  test('lists of whom not to hear and whom not to speak to', async () => {
    const list = new BlockList();
    list.addAddress('127.0.0.1');
    const server = ourDgram.createSocket({ type: 'udp4', receiveBlockList: list } as never);
    const client = ourDgram.createSocket({ type: 'udp4', sendBlockList: list } as never);
    const free = ourDgram.createSocket('udp4');
    try {
      const got: string[] = [];
      server.on('message', (data) => got.push(data.toString()));
      server.bind(0);
      await once(server, 'listening');
      const { port } = server.address();
      const error = await new Promise((resolve) => { client.send('x', port, resolve); });
      expect(shown(error)).toEqual({
        code: 'ERR_IP_BLOCKED', name: 'Error', message: 'IP(127.0.0.1) is blocked by net.BlockList',
      });
      free.bind(0, '127.0.0.2');
      await once(free, 'listening');
      free.send('heard', port, '127.0.0.1');
      await once(server, 'message');
      expect(got).toEqual(['heard']);
    } finally {
      for (const each of [server, client, free]) each.close();
    }
  });
});
