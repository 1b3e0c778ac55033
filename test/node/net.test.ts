// `net` on our stack against Node's own: the same scenarios on both, compared in everything that a program can see.

import { AsyncLocalStorage } from 'node:async_hooks';
import { createHash } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import type { AddressInfo, Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { inherits } from 'node:util';
import { describe, expect, test } from 'vitest';

import { event, fields, type Net, note, ourNet, same, SOCKET_EVENTS, thrown } from './both.js';

const HOST = '127.0.0.1';

async function listening(net: Net, options: Parameters<Net['createServer']>[0] = {}, onSocket?: (socket: Socket) => void): Promise<[Server, number]> {
  const server = net.createServer(options!, onSocket);
  server.listen(0, HOST);
  await event(server, 'listening');
  return [server, (server.address() as AddressInfo).port];
}

/** A client and its peer. */
async function pair(net: Net, options: Parameters<Net['createServer']>[0] = {}, client: object = {}): Promise<{ server: Server; a: Socket; b: Socket }> {
  const [server, port] = await listening(net, options);
  const accepted = event(server, 'connection');
  const a = net.connect({ port, host: HOST, ...client });
  const [b] = await Promise.all([accepted as Promise<Socket>, event(a, 'connect')]);
  server.close();
  return { server, a, b };
}

const closed = (...sockets: Socket[]): Promise<unknown> => Promise.all(sockets.map((s) => (s.closed ? null : event(s, 'close'))));

/** A port of 127.0.0.1 where nobody listens. */
async function deadPort(net: Net): Promise<number> {
  const [server, port] = await listening(net);
  server.close();
  await event(server, 'close');
  return port;
}

const bytes = (n: number): Buffer => Buffer.from(Array.from({ length: n }, (_, i) => (i * 7 + (i >> 8)) & 0xff));
const hash = (b: Buffer): string => createHash('sha256').update(b).digest('hex');

const f = (): void => {};

describe('the surface', () => {
  /** What ours has beyond Node 20's. */
  const LATER = ['getTypeOfService', 'setTypeOfService'];
  const namesOf = (object: object): string[] =>
    Object.getOwnPropertyNames(object).filter((name) => !LATER.includes(name)).toSorted();

  /** Node 24.22 and 26: docs/node-compat.md says that we have it not. The others are what every module of Node's exports. */
  const NOT_THERE = ['BoundSocket', '_TransferredBoundSocket', 'default', 'module.exports'];
  const exportsOf = (net: Net): [string, unknown][] => Object.entries(net).filter(([name]) => !NOT_THERE.includes(name));

  same('exports', (net) => exportsOf(net).map(([name]) => name).toSorted());
  same('the types of exports', (net) => exportsOf(net).map(([name, value]) => `${name} ${typeof value}`).toSorted());
  same('Socket: names', (net) => namesOf(net.Socket.prototype).filter((name) => name !== '_handle'));
  same('Server: names', (net) => namesOf(net.Server.prototype).filter((name) => !['_setupWorker'].includes(name)));
  same('names and arities of the classes', (net) => [net.Socket.name, net.Socket.length, net.Server.name, net.Server.length]);
  same('ancestors', (net) => [
    Object.getPrototypeOf(net.Socket) === Duplex, Object.getPrototypeOf(net.Socket.prototype) === Duplex.prototype,
    (net as unknown as { Stream: unknown }).Stream === net.Socket, net.connect === net.createConnection,
  ]);
  same('which properties are enumerable', (net) => Object.keys(net.Socket.prototype)
    .filter((name) => !LATER.includes(name) && !['_handle', '_connecting', 'pending', 'readyState', 'bufferSize'].includes(name)).toSorted());

  same('without new, and by inheritance from before classes', (net) => {
    const bare = (net.Socket as unknown as () => Socket)();
    const server = (net.Server as unknown as () => Server)();
    function Old(this: object): void {
      (net.Socket as unknown as (this: object) => void).call(this);
    }
    inherits(Old, net.Socket);
    const old = new (Old as unknown as new () => Socket)();
    class New extends net.Socket {}
    const made = new New();
    return [bare instanceof net.Socket, server instanceof net.Server, old instanceof net.Socket, old.pending, made instanceof New,
      made.constructor.name, made.readyState, String(made)];
  });

  same('a fresh socket', (net) => {
    const s = new net.Socket();
    const { pending, connecting, destroyed, readyState, bytesRead, bytesWritten, timeout, allowHalfOpen, readable, writable } = s;
    const { localAddress, localPort, localFamily, remoteAddress, remotePort, remoteFamily, bufferSize } = s;
    return [{ pending, connecting, destroyed, readyState, bytesRead, bytesWritten, timeout, allowHalfOpen, readable, writable },
      { localAddress, localPort, localFamily, remoteAddress, remotePort, remoteFamily, bufferSize }, s.address(),
      s.readableHighWaterMark, s.writableHighWaterMark, s.listenerCount('end')];
  });

  same('a fresh server', (net) => {
    const s = net.createServer();
    return [s.listening, s.address(), s.maxConnections, (s as unknown as { allowHalfOpen: boolean }).allowHalfOpen];
  });

  same('a default of every module', (net) => [net.getDefaultAutoSelectFamily(), net.getDefaultAutoSelectFamilyAttemptTimeout()]);

  same('_normalizeArgs', (net) => {
    const normalize = (net as unknown as { _normalizeArgs(args: unknown[]): unknown[] })._normalizeArgs;
    return [[], [80], [80, 'host'], ['80'], ['/path'], ['/path', f], [{ port: 1 }, f], [80, 'host', f], [undefined], [null]].map((args) => [...normalize(args)]);
  });
});

describe('arguments', () => {
  const wrong: [string, (net: Net) => unknown][] = [
    ['connect()', (net) => net.connect(undefined as never)],
    ['connect({})', (net) => new net.Socket().connect({} as never)],
    ['a port too large', (net) => net.connect(65_536)],
    ['a port that is none', (net) => net.connect({ port: 'x y' } as never)],
    ['a negative port', (net) => net.connect({ port: -1 })],
    ['a port of null', (net) => net.connect({ port: null } as never)],
    ['a port of true', (net) => net.connect({ port: true } as never)],
    ['an empty port', (net) => net.connect({ port: '' } as never)],
    ['a local address', (net) => net.connect({ port: 1, localAddress: 'nowhere' })],
    ['a local port', (net) => net.connect({ port: 1, localPort: 'x' } as never)],
    ['a lookup', (net) => net.connect({ port: 1, host: 'x.invalid', lookup: 1 } as never)],
    ['autoSelectFamily', (net) => net.connect({ port: 1, autoSelectFamily: 1 } as never)],
    ['autoSelectFamilyAttemptTimeout', (net) => net.connect({ port: 1, autoSelectFamilyAttemptTimeout: 0 })],
    ['autoSelectFamilyAttemptTimeout, a text', (net) => net.connect({ port: 1, autoSelectFamilyAttemptTimeout: '1' } as never)],
    ['autoSelectFamilyAttemptTimeout, a fraction', (net) => net.connect({ port: 1, autoSelectFamilyAttemptTimeout: 1.5 })],
    ['objectMode', (net) => new net.Socket({ objectMode: true } as never)],
    ['readableObjectMode', (net) => new net.Socket({ readableObjectMode: true } as never)],
    ['keepAliveInitialDelay', (net) => new net.Socket({ keepAliveInitialDelay: '1' } as never)],
    ['keepAliveInitialDelay of a server', (net) => net.createServer({ keepAliveInitialDelay: 'a long text, cut after a while' } as never)],
    ['highWaterMark of a server', (net) => net.createServer({ highWaterMark: '1' } as never)],
    ['options of a server', (net) => net.createServer('x' as never)],
    ['options of a server, a number', (net) => net.createServer(1 as never)],
    ['signal', (net) => new net.Socket({ signal: 'x' } as never)],
    ['setTimeout', (net) => new net.Socket().setTimeout('1' as never)],
    ['setTimeout, negative', (net) => new net.Socket().setTimeout(-1)],
    ['setTimeout, endless', (net) => new net.Socket().setTimeout(Infinity)],
    ['setTimeout, a callback', (net) => new net.Socket().setTimeout(1, 'x' as never)],
    ['setDefaultAutoSelectFamily', (net) => net.setDefaultAutoSelectFamily('x' as never)],
    ['setDefaultAutoSelectFamilyAttemptTimeout', (net) => net.setDefaultAutoSelectFamilyAttemptTimeout(-10)],
    ['setDefaultAutoSelectFamilyAttemptTimeout, large', (net) => net.setDefaultAutoSelectFamilyAttemptTimeout(2 ** 40)],
    ['listen, a port too large', (net) => net.createServer().listen(65_536)],
    ['listen, a fraction', (net) => net.createServer().listen(1.5)],
    ['listen({})', (net) => net.createServer().listen({})],
    ['listen({ port: true })', (net) => net.createServer().listen({ port: true } as never)],
    ['listen, a signal', (net) => net.createServer().listen({ port: 0, signal: 'x' } as never)],
    ['write, a number', (net) => new net.Socket().write(1 as never)],
    ['write, null', (net) => new net.Socket().write(null as never)],
  ];
  for (const [what, run] of wrong) same(what, (net) => {
    const error = thrown(() => run(net));
    expect(error).not.toBe('nothing');
    return error;
  });
});

describe('errors of the network', () => {
  same('refused', async (net) => {
    const port = await deadPort(net);
    const socket = net.connect(port, HOST);
    return [fields(await event(socket, 'error'), { [port]: 'PORT' }), socket.destroyed, await event(socket, 'close')];
  });

  same('refused, from an address and a port of our choice', async (net) => {
    const [port, localPort] = [await deadPort(net), await deadPort(net)];
    const socket = net.connect({ port, host: HOST, localAddress: HOST, localPort });
    return fields(await event(socket, 'error'), { [port]: 'PORT', [localPort]: 'LOCAL' });
  });

  same('by all addresses of a name', async (net) => {
    const port = await deadPort(net);
    const lookup = (_: string, __: object, done: (e: null, a: object[]) => void): void =>
      done(null, [{ address: HOST, family: 4 }, { address: '127.0.0.2', family: 4 }]);
    const seen: unknown[] = [];
    const socket = net.connect({ port, host: 'x.test', lookup } as never);
    for (const name of ['connectionAttempt', 'connectionAttemptFailed'] as const) {
      socket.on(name, (address: string, p: number, family: number, error?: Error) =>
        seen.push([name, address, p === port, family, error && fields(error, { [port]: 'PORT' })]));
    }
    seen.push(fields(await event(socket, 'error'), { [port]: 'PORT' }));
    return [seen, socket.autoSelectFamilyAttemptedAddresses.map((text) => text.replace(`:${port}`, ''))];
  });

  same('an address in use', async (net) => {
    const [first, port] = await listening(net);
    const second = net.createServer().listen(port, HOST);
    const error = fields(await event(second, 'error'), { [port]: 'PORT' });
    first.close();
    return [error, second.listening];
  });

  same('a port in use, of every address, and of one', async (net) => {
    const first = net.createServer().listen(0);
    await event(first, 'listening');
    const { port } = first.address() as AddressInfo;
    const errors = [];
    for (const args of [[port], [port, HOST], [{ port, host: '::', ipv6Only: true }]]) {
      errors.push(fields(await event(net.createServer().listen(...args as [number]), 'error'), { [port]: 'PORT' }));
    }
    first.close();
    return errors;
  });

  same('a socket that is connected connects again without doing anything', async (net) => {
    const { a, b } = await pair(net);
    const { localPort } = a;
    a.connect(b.localPort!, HOST);
    const seen = [a.connecting, await event(a, 'connect'), a.localPort === localPort, a.readyState];
    const heard = event(b, 'data');
    a.end('still');
    seen.push(String(await heard));
    await closed(a, b);
    return seen;
  });

  same('an address that is not ours', async (net) => {
    const server = net.createServer().listen(0, '198.51.100.1');
    const socket = net.connect({ port: 9, host: HOST, localAddress: '198.51.100.1' });
    return (await Promise.all([event(server, 'error'), event(socket, 'error')])).map((error) => fields(error));
  });

  same('a lookup that fails, or answers nonsense', async (net) => {
    const answers: unknown[][] = [[new Error('no')], [null, 'nonsense', 4], [null, HOST, 5]];
    const all: unknown[][] = [[new Error('no')], [null, [{ address: 'nonsense', family: 4 }]], [null, [{ address: HOST, family: 7 }]]];
    const seen = [];
    for (const [family, list] of [[4, answers], [0, all]] as const) for (const answer of list) {
      const lookup = (_: string, __: object, done: (...a: unknown[]) => void): void => done(...answer);
      const socket = net.connect({ port: 9, host: 'x.test', family, lookup } as never);
      const looked: unknown[] = [];
      socket.on('lookup', (...args) => looked.push(args.map((a: unknown) => (a instanceof Error ? a.message : a))));
      seen.push([fields(await event(socket, 'error')), looked]);
    }
    return seen;
  });

  same('what a lookup is asked', async (net) => {
    const asked: unknown[] = [];
    for (const options of [{}, { family: 4 }, { family: 'IPv6' }, { hints: 2 }, { autoSelectFamily: false }, { localAddress: HOST }]) {
      const lookup = (host: string, query: object, done: (e: Error) => void): void => {
        asked.push([host, { ...query }]);
        done(new Error('enough'));
      };
      await event(net.connect({ port: 9, host: 'x.test', lookup, ...options } as never), 'error');
    }
    return asked;
  });

  same('a reset', async (net) => {
    const { a, b } = await pair(net);
    const seen: unknown[] = [];
    note(b, 'b', ['error', 'end', 'close'], seen);
    note(a, 'a', ['error', 'end', 'close'], seen);
    a.resetAndDestroy();
    await closed(a, b);
    return seen.toSorted((x, y) => String(x).localeCompare(String(y)));
  });

  same('writing to whom has reset, unread', async (net) => {
    const { a, b } = await pair(net, { pauseOnConnect: true });
    a.resetAndDestroy();
    await closed(a);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const done = new Promise((resolve) => b.write('x', resolve));
    return [fields(await event(b, 'error')), fields(await done), await event(b, 'close')];
  });

  same('a socket that was never connected, or is closed', async (net) => {
    const fresh = new net.Socket();
    const seen: unknown[] = [];
    fresh.on('error', (error) => seen.push(fields(error)));
    seen.push(fields(await new Promise((resolve) => fresh.write('x', resolve))));
    const port = await deadPort(net);
    const early = net.connect(port, HOST).on('error', () => {});
    const written = new Promise((resolve) => early.write('x', resolve));
    early.destroy();
    seen.push(fields(await written));
    const reset = new net.Socket();
    reset.resetAndDestroy();
    seen.push(fields(await event(reset, 'error')));
    return seen;
  });

  same('a server that listens already, or no longer', async (net) => {
    const [server, port] = await listening(net);
    const twice = thrown(() => server.listen(port + 1));
    server.close();
    await event(server, 'close');
    const error = await new Promise((resolve) => server.close(resolve));
    return [twice, fields(error)];
  });

  same('a refused client can try again', async (net) => {
    const port = await deadPort(net);
    const socket = net.connect(port, HOST);
    await event(socket, 'error');
    await event(socket, 'close');
    const [server, alive] = await listening(net, {}, (s) => s.end('hello'));
    socket.connect(alive, HOST);
    socket.setEncoding('utf8');
    const heard = await event(socket, 'data');
    server.close();
    await event(socket, 'close');
    return [heard, socket.destroyed];
  });
});

describe('a conversation', () => {
  same('a socket can be used again, for another peer', async (net) => {
    const [[first, one], [second, two]] = await Promise.all([1, 2].map(() => listening(net, {}, (s) => s.end('hello')))) as [[Server, number], [Server, number]];
    const a = net.connect(one, HOST).resume();
    await event(a, 'connect');
    const seen: unknown[] = [a.remotePort === one, a.readyState];
    await event(a, 'close');
    seen.push(a.readyState, a.destroyed);
    a.connect(two, HOST);
    await event(a, 'connect');
    seen.push(a.remotePort === two, a.destroyed, a.readyState, String(await event(a, 'data')));
    await event(a, 'close');
    first.close();
    second.close();
    return seen;
  });

  same('a local socket, by path', async (net) => {
    const path = join(mkdtempSync(join(tmpdir(), 'net-')), 'socket');
    const place = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null).replaceAll(path, 'PATH')) as unknown;
    const early = net.connect(path);
    const seen: unknown[] = [place(fields(await event(early, 'error')))];
    const server = net.createServer((b) => b.on('data', (piece) => b.end(`${String(piece)} ${String(b.remoteAddress)}`))).listen(path);
    await event(server, 'listening');
    seen.push(place(server.address()), server.listening);
    const taken = net.createServer().listen(path);
    seen.push(place(fields(await event(taken, 'error'))));
    const a = net.connect({ path });
    a.write('hello');
    note(a, 'a', ['connect', 'ready', 'data', 'end', 'finish', 'close'], seen);
    await event(a, 'close');
    seen.push(a.bytesRead, a.bytesWritten, a.remoteAddress);
    server.close();
    await event(server, 'close');
    return seen;
  });

  same('tells each end the same things in the same order', async (net) => {
    const [server, port] = await listening(net);
    const seen: Record<string, unknown[]> = { a: [], b: [] };
    server.on('connection', (b) => {
      note(b, 'b', SOCKET_EVENTS, seen.b!);
      b.on('end', () => seen.b!.push([b.readyState, b.writable, b.readable]));
      b.on('data', () => b.write('pong'));
    });
    const a = net.connect(port, HOST);
    note(a, 'a', SOCKET_EVENTS, seen.a!);
    seen.a!.push([a.connecting, a.pending, a.readyState]);
    a.on('connect', () => {
      seen.a!.push([a.connecting, a.pending, a.readyState]);
      a.write('ping');
    });
    a.on('data', () => a.end());
    await event(a, 'close');
    seen.a!.push([a.readyState, a.destroyed, a.bytesRead, a.bytesWritten, a.remoteAddress, a.localPort]);
    server.close();
    await event(server, 'close');
    return seen;
  });

  same('names', async (net) => {
    const { a, b, server } = await pair(net);
    const names = [a.remoteAddress, a.remoteFamily, a.localAddress, a.localFamily, b.remoteAddress, b.remoteFamily, b.localAddress, b.localFamily];
    const match = [a.localPort === b.remotePort, a.remotePort === b.localPort, (b as unknown as { server: unknown }).server === server];
    const address = { ...a.address() as AddressInfo };
    a.destroy();
    await closed(a, b);
    return [names, match, Object.keys(address), [a.remoteAddress, a.localAddress, a.address(), b.remoteAddress]];
  });

  same('a server for both families sees an IPv4 client in mapped form', async (net) => {
    const server = net.createServer().listen(0);
    await event(server, 'listening');
    const { address, family, port } = server.address() as AddressInfo;
    // Where the kernel has no IPv6, Node listens on IPv4 alone.
    if (family !== 'IPv6' && net !== ourNet) {
      server.close();
      return ['::', 'IPv6', '::ffff:127.0.0.1', 'IPv6', '::ffff:127.0.0.1'];
    }
    const a = net.connect(port, HOST);
    const b = await event(server, 'connection') as Socket;
    const seen = [address, family, b.remoteAddress, b.remoteFamily, b.localAddress];
    a.destroy();
    b.destroy();
    server.close();
    return seen;
  });

  same('half open', async (net) => {
    const { a, b } = await pair(net, { allowHalfOpen: true }, { allowHalfOpen: true });
    const seen: unknown[] = [];
    a.resume();
    b.end('all of it');
    await event(a, 'end');
    seen.push([a.readyState, a.writable, a.destroyed]);
    const heard = event(b.resume(), 'data');
    a.write('still here');
    seen.push(String(await heard));
    a.end();
    await closed(a, b);
    return seen;
  });

  same('writing after the peer has ended', async (net) => {
    const { a, b } = await pair(net);
    const seen: unknown[] = [];
    note(a, 'a', ['end', 'finish', 'error', 'close'], seen);
    a.resume();
    a.on('finish', () => a.write('x', (error) => seen.push(['written', fields(error)])));
    b.end();
    b.resume();
    await event(a, 'close');
    return seen;
  });

  same('ending twice, writing after the end', async (net) => {
    const { a, b } = await pair(net);
    b.resume();
    a.resume();
    a.end('x');
    a.end();
    const errors: unknown[] = [];
    a.on('error', (e) => errors.push(fields(e)));
    a.write('more', (e) => errors.push(fields(e)));
    await closed(a, b);
    return errors;
  });

  same('pauseOnConnect', async (net) => {
    const { a, b } = await pair(net, { pauseOnConnect: true });
    let heard = 0;
    b.on('data', () => heard++);
    a.write('x');
    await new Promise((resolve) => setTimeout(resolve, 30));
    const before = [heard, b.isPaused(), b.readableFlowing];
    b.resume();
    await event(b, 'data');
    a.destroy();
    await closed(a, b);
    return [before, heard];
  });

  same('cork, texts in several encodings, and what is counted', async (net) => {
    const { a, b } = await pair(net);
    a.cork();
    a.write('grüße', 'utf8');
    a.write('00ff', 'hex');
    a.write('Zm9v', 'base64');
    a.write('ü', 'latin1');
    a.write(Buffer.from('!'));
    const counted = [a.bytesWritten, a.bufferSize, a.writableLength];
    a.uncork();
    a.end('€', 'utf16le');
    const pieces: Buffer[] = [];
    for await (const piece of b) pieces.push(piece as Buffer);
    await closed(a);
    return [counted, Buffer.concat(pieces).toString('hex'), a.bytesWritten, b.bytesRead];
  });

  same('what is written before the connection stands', async (net) => {
    const [server, port] = await listening(net);
    const a = net.connect(port, HOST);
    const results = [a.write('one'), a.write('two'), a.bytesWritten, a.connecting];
    a.end('three');
    const b = await event(server, 'connection') as Socket;
    b.setEncoding('utf8');
    let text = '';
    for await (const piece of b) text += piece as string;
    server.close();
    await closed(a);
    return [results, text];
  });

  same('megabytes both ways at once, with back-pressure', async (net) => {
    const { a, b } = await pair(net);
    const [there, back] = [bytes(3_000_000), bytes(2_500_001)];
    // How much a kernel takes at once is its own affair.
    a.write(there.subarray(0, 2_000_000));
    b.write(back);
    a.end(there.subarray(2_000_000));
    b.end();
    // Not `for await`: at the end it destroys the socket, with what still waits to be written.
    const collect = async (s: Socket): Promise<string> => {
      const pieces: Buffer[] = [];
      s.on('data', (piece: Buffer) => pieces.push(piece));
      await event(s, 'end');
      return hash(Buffer.concat(pieces));
    };
    const [atA, atB] = await Promise.all([collect(a), collect(b)]);
    return [atA === hash(back), atB === hash(there), a.bytesRead, a.bytesWritten];
  });

  same('destroySoon lets what was written arrive', async (net) => {
    const { a, b } = await pair(net);
    a.write(bytes(500_000));
    a.destroySoon();
    let read = 0;
    for await (const piece of b) read += (piece as Buffer).length;
    await closed(a);
    return [read, a.destroyed];
  });

  same('destroying with text that nobody has read resets', async (net) => {
    const { a, b } = await pair(net, { pauseOnConnect: true });
    a.write('unread');
    await new Promise((resolve) => setTimeout(resolve, 30));
    b.destroy();
    const error = event(a.resume(), 'error');
    return [fields(await error), await event(a, 'close')];
  });

  same('destroying with an error', async (net) => {
    const { a, b } = await pair(net);
    b.resume();
    const seen: unknown[] = [];
    note(a, 'a', ['error', 'close', 'end', 'finish'], seen);
    note(b, 'b', ['error', 'close', 'end', 'finish'], seen);
    a.destroy(new Error('mine'));
    await closed(a, b);
    const of = (who: string): unknown[] => seen.filter((each) => (each as unknown[])[0] === who);
    return [...of('a'), ...of('b')];
  });
});

describe('options', () => {
  same('onread: memory of the caller', async (net) => {
    const [server, port] = await listening(net, {}, (b) => b.end(bytes(10_000)));
    const buffer = Buffer.alloc(4096);
    const pieces: Buffer[] = [];
    const a = net.connect({ port, host: HOST, onread: { buffer, callback: (n, into) => {
      pieces.push(Buffer.from(into.subarray(0, n)));
      return into === buffer;
    } } });
    const data = { count: 0 };
    a.on('data', () => data.count++);
    await event(a, 'close');
    server.close();
    return [hash(Buffer.concat(pieces)) === hash(bytes(10_000)), data.count, pieces.every((p) => p.length <= 4096), a.bytesRead];
  });

  same('onread: a new buffer each time, and false stops', async (net) => {
    const [server, port] = await listening(net, {}, (b) => b.on('error', () => {}).end(bytes(6000)));
    const seen: unknown[] = [];
    let made = 0;
    let total = 0;
    const a = net.connect({ port, host: HOST, onread: { buffer: () => Buffer.alloc(1000 + made++), callback: (n) => {
      total += n;
      seen.push(n);
      return total < 2000;
    } } });
    await event(a, 'connect');
    await new Promise((resolve) => setTimeout(resolve, 50));
    const stopped = total;
    a.resume();
    await new Promise((resolve) => setTimeout(resolve, 50));
    a.destroy();
    await closed(a);
    server.close();
    return [stopped, total > stopped];
  });

  same('a signal', async (net) => {
    const [server, port] = await listening(net);
    const controller = new AbortController();
    const a = net.connect({ port, host: HOST, signal: controller.signal } as never);
    const seen: unknown[] = [];
    a.on('error', (e) => seen.push(e.name, (e as NodeJS.ErrnoException).code));
    await event(a, 'connect');
    controller.abort();
    await event(a, 'close');
    const early = net.connect({ port, host: HOST, signal: AbortSignal.abort() } as never);
    seen.push((await event(early, 'error') as Error).name);
    server.close();
    return seen;
  });

  same('a signal for a server', async (net) => {
    const controller = new AbortController();
    const server = net.createServer().listen({ port: 0, host: HOST, signal: controller.signal });
    await event(server, 'listening');
    controller.abort();
    await event(server, 'close');
    return [server.listening];
  });

  same('maxConnections and drop', async (net) => {
    const [server, port] = await listening(net);
    server.maxConnections = 1;
    const dropped = event(server, 'drop') as Promise<Record<string, unknown>>;
    const first = net.connect(port, HOST);
    await event(server, 'connection');
    const second = net.connect(port, HOST).on('error', () => {});
    const data = await dropped;
    const keys = Object.keys(data).toSorted();
    await event(second, 'close');
    const count = await new Promise((resolve) => server.getConnections((_, n) => resolve(n)));
    first.destroy();
    server.close();
    await event(server, 'close');
    return [keys, data.localAddress, data.remoteFamily, data.localPort === port, count];
  });

  same('timeout: an event, and nothing else', async (net) => {
    const { a, b } = await pair(net);
    const seen: unknown[] = [a.timeout, a.setTimeout(30) === a, a.timeout];
    await event(a, 'timeout');
    seen.push(a.destroyed, a.readyState);
    a.setTimeout(0);
    seen.push(a.timeout);
    let late = 0;
    a.on('timeout', () => late++);
    await new Promise((resolve) => setTimeout(resolve, 60));
    a.destroy();
    await closed(a, b);
    return [seen, late];
  });

  same('noDelay and keepAlive can be set at any time', async (net) => {
    const early = new net.Socket({ noDelay: true, keepAlive: true, keepAliveInitialDelay: -5 } as never);
    const { a, b } = await pair(net, { noDelay: true, keepAlive: true, keepAliveInitialDelay: 1000 });
    const chained = [early.setNoDelay() === early, a.setNoDelay(false) === a, a.setKeepAlive(true, 1000) === a, b.setKeepAlive() === b, a.ref() === a, a.unref() === a];
    a.destroy();
    await closed(a, b);
    return chained;
  });

  same('a block list keeps servers closed to some', async (net) => {
    const blockList = new net.BlockList();
    blockList.addAddress(HOST);
    // Node 22.13 and later have the option; so has ours everywhere.
    const knows = net === ourNet || Number(process.versions.node.split('.')[0]) >= 22;
    if (!knows) return ['IP(127.0.0.1) is blocked by net.BlockList', 'ERR_IP_BLOCKED'];
    const error = await event(net.connect({ port: 9, host: HOST, blockList } as never), 'error') as NodeJS.ErrnoException;
    return [error.message, error.code];
  });
});

describe('servers', () => {
  same('close waits for clients', async (net) => {
    const [server, port] = await listening(net);
    const a = net.connect(port, HOST);
    const b = await event(server, 'connection') as Socket;
    const order: string[] = [];
    server.close((error) => order.push(`closed ${String(error)}`));
    server.on('close', () => order.push('close'));
    order.push(String(server.listening), String(server.address()));
    await new Promise((resolve) => setTimeout(resolve, 20));
    order.push('client ends');
    a.end();
    b.end();
    await Promise.all([closed(b), event(server, 'close')]);
    return order;
  });

  same('asyncDispose', async (net) => {
    const [server] = await listening(net);
    await (server as unknown as AsyncDisposable)[Symbol.asyncDispose]();
    await (server as unknown as AsyncDisposable)[Symbol.asyncDispose]();
    return [server.listening];
  });

  same('captureRejections destroys the client', async (net) => {
    EventEmitter.captureRejections = true;
    const server = net.createServer();
    EventEmitter.captureRejections = false;
    const seen: string[] = [];
    server.on('connection', async (s: Socket) => {
      s.on('error', (e) => seen.push(e.message));
      throw new Error('kaboom');
    });
    server.listen(0, HOST);
    await event(server, 'listening');
    const a = net.connect((server.address() as AddressInfo).port, HOST);
    await event(a.resume(), 'close');
    server.close();
    return seen;
  });

  same('listening twice in turn', async (net) => {
    const server = net.createServer();
    const ports: boolean[] = [];
    let port = 0;
    for (let i = 0; i < 2; i++) {
      server.listen(port, HOST);
      await event(server, 'listening');
      ({ port } = server.address() as AddressInfo);
      ports.push(port > 0);
      server.close();
      await event(server, 'close');
    }
    return ports;
  });

  same('localhost', async (net) => {
    const server = net.createServer((s) => s.end('hi')).listen(0, 'localhost');
    await event(server, 'listening');
    const a = net.connect((server.address() as AddressInfo).port);
    const [data] = await once(a, 'data') as [Buffer];
    server.close();
    a.destroy();
    await closed(a);
    return [String(data)];
  });
});

describe('the process around it', () => {
  same('asynchronous context goes with the socket', async (net) => {
    const storage = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    const [server, port] = await listening(net);
    server.on('connection', (b) => b.end('x'));
    await storage.run('client', async () => {
      const a = net.connect(port, HOST);
      a.on('connect', () => seen.push(['connect', storage.getStore()]));
      a.on('data', () => seen.push(['data', storage.getStore()]));
      await new Promise<void>((resolve) => a.on('close', () => {
        seen.push(['close', storage.getStore()]);
        resolve();
      }));
    });
    server.close();
    return seen;
  });

  same('and is not that of whoever made the stack move', async (net) => {
    const storage = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    const [server, port] = await storage.run('server', () => listening(net));
    server.on('connection', (b) => seen.push(['connection', storage.getStore()]) && b.on('data', () => b.end('x')));
    const clients = ['one', 'two'].map((name) => storage.run(name, () => net.connect(port, HOST)));
    await Promise.all(clients.map((a) => event(a, 'connect')));
    for (const a of clients) a.on('data', () => seen.push(['data', storage.getStore()]));
    const all = Promise.all(clients.map((a) => event(a, 'close')));
    storage.run('somebody', () => {
      for (const a of clients) a.write('x');
    });
    await all;
    server.close();
    return seen.map(String).toSorted();
  });

  test('what throws in one handler does not keep others from their events', async () => {
    const [server, port] = await listening(ourNet);
    server.on('connection', (b) => b.end('x'));
    const errors: unknown[] = [];
    const listeners = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', (error) => errors.push(error.message));
    const a = ourNet.connect(port, HOST);
    const heard: string[] = [];
    a.on('data', (piece) => {
      heard.push(String(piece));
      throw new Error('mine');
    });
    a.on('end', () => heard.push('end'));
    await event(a, 'close');
    process.removeAllListeners('uncaughtException');
    for (const listener of listeners) process.on('uncaughtException', listener);
    server.close();
    expect([errors, heard]).toEqual([['mine'], ['x', 'end']]);
  });
});
