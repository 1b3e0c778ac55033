// More of `net`'s manners, on our stack against Node's own: the order of events, the state in which each finds a socket, what
// calls at the wrong time do.

import type { AddressInfo, Server, Socket } from 'node:net';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe } from 'vitest';

import { event, fields, type Net, note, same, SOCKET_EVENTS, thrown } from './both.js';

const HOST = '127.0.0.1';

async function listening(net: Net, options: object = {}, onSocket?: (socket: Socket) => void): Promise<[Server, number]> {
  const server = net.createServer(options, onSocket).listen(0, HOST);
  await event(server, 'listening');
  return [server, (server.address() as AddressInfo).port];
}

/** A client and its peer; nobody listens any more. */
async function pair(net: Net, options: object = {}, client: object = {}): Promise<[Socket, Socket, number]> {
  const [server, port] = await listening(net, options);
  const accepted = event(server, 'connection');
  const a = net.connect({ port, host: HOST, ...client });
  const [b] = await Promise.all([accepted as Promise<Socket>, event(a, 'connect')]);
  server.close();
  return [a, b, port];
}

/** 'close' has been emitted, which is later than `closed` says. */
async function closed(...sockets: Socket[]): Promise<void> {
  await Promise.all(sockets.map((s) => (s.closed ? null : event(s, 'close'))));
  await sleep(20);
}

/** What a socket says of itself. */
const stateOf = (s: Socket): unknown => [
  s.readyState, s.pending, s.connecting, s.destroyed, s.closed, s.readable, s.writable, s.readableEnded, s.readableFlowing, s.writableEnded,
  s.writableFinished, s.readableAborted, s.writableLength, s.bytesRead, s.bytesWritten, s.errored === null, s.allowHalfOpen,
];

/** The state at each event. */
function watch(socket: Socket, who: string, into: unknown[]): void {
  for (const name of SOCKET_EVENTS) socket.on(name, () => into.push([who, name, stateOf(socket)]));
}

/** The errors of callbacks, in their order. */
const told = (name: string, into: unknown[]) => (error?: Error | null) => void into.push([name, error ? fields(error) : 'fine']);

describe('the state of a socket', () => {
  same('before, at and after each event, the client ending first', async (net) => {
    const seen: unknown[] = [];
    const [server, port] = await listening(net);
    server.on('connection', (b: Socket) => watch(b, 'server', seen));
    const a = net.connect(port, HOST);
    seen.push(stateOf(a));
    watch(a, 'client', seen);
    await event(a, 'connect');
    a.end('text');
    seen.push(stateOf(a));
    await closed(a);
    server.close();
    await event(server, 'close');
    return seen.filter((each) => (each as unknown[])[0] === 'client').concat(seen.filter((each) => (each as unknown[])[0] === 'server'));
  });

  same('half open, each ending in its turn', async (net) => {
    const seen: unknown[] = [];
    const [a, b] = await pair(net, { allowHalfOpen: true }, { allowHalfOpen: true });
    watch(a, 'a', seen);
    watch(b, 'b', seen);
    a.end('one');
    await event(b, 'end');
    await sleep(20);
    seen.push(stateOf(a), stateOf(b));
    b.end('two');
    await closed(a, b);
    // What the one does and what the other are not in one order.
    return ['a', 'b'].map((who) => seen.filter((each) => (each as unknown[])[0] === who));
  });

  same('destroyed in the middle of things', async (net) => {
    const seen: unknown[] = [];
    const [a, b] = await pair(net);
    watch(a, 'a', seen);
    b.resume();
    a.write('x', told('write', seen));
    a.destroy();
    seen.push(stateOf(a), a.destroy() === a, a.address(), a.remoteAddress, a.localPort === undefined);
    await closed(a, b);
    return seen;
  });

  same('destroyed before it is connected', async (net) => {
    const seen: unknown[] = [];
    const [server, port] = await listening(net);
    const a = net.connect(port, HOST);
    watch(a, 'a', seen);
    a.write('x', told('write', seen));
    a.end('y', () => seen.push('ended'));
    a.destroy();
    seen.push(stateOf(a));
    await closed(a);
    server.close();
    return seen;
  });

  same('destroyed with an error before it is connected', async (net) => {
    const seen: unknown[] = [];
    const [server, port] = await listening(net);
    const a = net.connect(port, HOST);
    note(a, 'a', SOCKET_EVENTS, seen);
    a.write('x', told('write', seen));
    a.destroy(new Error('no more'));
    await closed(a);
    server.close();
    return seen;
  });

  same('destroyed in its own events', async (net) => {
    const seen: unknown[] = [];
    for (const name of ['connect', 'ready', 'data', 'end', 'finish']) {
      const [server, port] = await listening(net, {}, (socket) => {
        socket.on('error', () => {});
        socket.end('hello');
      });
      const a = net.connect(port, HOST);
      note(a, name, SOCKET_EVENTS, seen);
      a.on(name, () => a.destroy());
      await closed(a);
      server.close();
      await event(server, 'close');
    }
    return seen;
  });
});

describe('calls at the wrong time', () => {
  same('writing to whom is destroyed', async (net) => {
    const seen: unknown[] = [];
    const [a, b] = await pair(net);
    note(a, 'a', ['error', 'close', 'finish'], seen);
    a.destroy();
    seen.push(a.write('late', told('write', seen)));
    a.end('later', () => seen.push('ended'));
    await closed(a, b);
    await sleep(10);
    return seen;
  });

  same('what waits when a socket is destroyed', async (net) => {
    const seen: unknown[] = [];
    const [a, b] = await pair(net);
    b.pause();
    note(a, 'a', ['error', 'close', 'drain'], seen);
    while (a.write(Buffer.alloc(1 << 20))) { /* until it is full */ }
    a.write(Buffer.alloc(1 << 22), told('first', seen));
    a.write('x', told('second', seen));
    a.destroy();
    await closed(a);
    b.destroy();
    await closed(b);
    return seen;
  });

  same('connecting while it connects', async (net) => {
    const seen: unknown[] = [];
    const [server, port] = await listening(net);
    const a = net.connect(port, HOST);
    note(a, 'a', ['connect', 'error', 'close'], seen);
    a.connect(port, HOST, () => seen.push('second'));
    await sleep(100);
    a.destroy();
    await closed(a);
    server.close();
    return JSON.stringify(seen).replaceAll(String(port), 'port').replaceAll(/Local \(127\.0\.0\.1:\d+\)/g, 'Local (…)');
  });

  same('arguments that make no sense', async (net) => {
    const [a, s] = [new net.Socket(), net.createServer()];
    for (const each of [a, s]) each.on('error', () => {});
    const any = (value: unknown): never => value as never;
    const all = [
      () => a.connect(any({})), () => a.connect(any({ port: 'x' })), () => a.connect(65_536), () => a.connect(any({ port: -1 })),
      () => a.connect(any({ port: 1, host: 5 })), () => a.connect(any({ port: 1, host: 5, localAddress: 'here' })), () => a.connect(1, 'a\0b'), () => a.connect(any({ port: 1, localAddress: 'here' })),
      () => a.connect(any({ port: 1, localPort: 'x' })), () => a.connect(any({ port: 1, lookup: 5 })), () => a.connect(any({ port: {} })),
      () => a.connect(any({ path: 5 })),
      () => a.connect(any({ port: 1, autoSelectFamily: 'x' })), () => a.connect(any({ port: 1, autoSelectFamilyAttemptTimeout: 'x' })),
      () => a.connect(any({ port: 1, hints: 1 << 30, host: 'localhost' })), () => a.connect(any(undefined)), () => a.connect(any(null)),
      () => a.setTimeout(any('x')), () => a.setTimeout(-1), () => a.setTimeout(any(1), any(5)), () => a.write(any(5)), () => a.write(any(null)),
      () => a.setEncoding(any('no')), () => s.listen(any({})), () => s.listen(65_536), () => s.listen(any({ port: -1 })),
      () => s.listen(any(true)), () => s.listen(any({ fd: -1 })), () => s.listen(any({ port: 1, signal: 5 })), () => net.createServer(any('x')),
      () => net.createServer(any({ highWaterMark: 'x' })), () => net.createServer(any({ keepAliveInitialDelay: 'x' })),
      () => new net.Socket({ signal: any(5) }), () => new net.Socket(any({ keepAliveInitialDelay: 'x' })), () => new net.Socket({ fd: 999 }),
      () => new net.Socket(any({ fd: -1 })), () => new net.Socket(any({ objectMode: true })), () => new net.Socket(any({ readableObjectMode: 1 })),
      () => net.setDefaultAutoSelectFamily(any(1)), () => net.setDefaultAutoSelectFamilyAttemptTimeout(any('x')),
      () => s.getConnections(any(5)), () => new net.Socket().on('error', () => {}).resetAndDestroy(),
    ].map(thrown);
    a.destroy();
    s.close();
    await sleep(20);
    return all;
  });

  same('before there is a connection', (net) => {
    const a = new net.Socket().on('error', () => {});
    const seen = [
      a.ref() === a, a.unref() === a, a.setNoDelay() === a, a.setKeepAlive(true, 1000) === a, a.setTimeout(1000) === a, a.timeout, a.pause() === a,
      a.resume() === a, a.address(), a.remoteAddress, a.bytesRead, a.bytesWritten, a.bufferSize, a.end() === a, a.setEncoding('utf8') === a,
    ];
    a.destroy();
    return seen;
  });

  same('of a server', async (net) => {
    const seen: unknown[] = [];
    const s = net.createServer();
    note(s, 'server', ['listening', 'close', 'error'], seen);
    seen.push(s.address(), s.listening, s.ref() === s, s.unref() === s, s.maxConnections);
    s.close(told('close', seen));
    await sleep(10);
    s.listen(0, HOST, () => seen.push('called'));
    seen.push(thrown(() => s.listen(0)), s.listening);
    await event(s, 'listening');
    s.getConnections((error, count) => seen.push([error, count]));
    s.close(told('close', seen));
    s.close(told('again', seen));
    seen.push(s.listening, s.address());
    await sleep(20);
    s.listen(0, HOST);
    s.close();
    await sleep(20);
    return seen;
  });

  same('handles of somebody else’s, with few methods', (net) => {
    const seen: unknown[] = [];
    const method = (name: string) => (...args: unknown[]) => {
      seen.push([name, ...args.filter((each) => typeof each !== 'function')]);
      return 0;
    };
    const full = { readStart: method('readStart'), readStop: method('readStop'), setNoDelay: method('setNoDelay'), setKeepAlive: method('setKeepAlive'), ref: method('ref'), unref: method('unref') };
    for (const handle of [full, { readStart: method('readStart'), setNoDelay: null }]) {
      const a = new net.Socket({ handle } as never);
      seen.push([a.setNoDelay() === a, a.setNoDelay(true) === a, a.setNoDelay(false) === a, a.setKeepAlive(true, 1500) === a, a.setKeepAlive(true, 1500) === a]);
      // What is an object to later versions of Node is true to earlier ones.
      seen.push([a.setKeepAlive({ enable: false } as never) === a, a.setKeepAlive({ enable: true, initialDelay: 3000, interval: 2000, count: 4 } as never) === a]);
      seen.push([a.ref() === a, a.unref() === a, a.address(), a.remoteAddress]);
    }
    return seen;
  });
});

describe('what comes when', () => {
  same('callbacks of writes, of end, and events', async (net) => {
    const seen: unknown[] = [];
    const [a, b] = await pair(net);
    note(a, 'a', ['finish', 'end', 'close', 'drain'], seen);
    b.resume();
    a.write('one', told('one', seen));
    a.write('', told('empty', seen));
    a.write('two', told('two', seen));
    a.end('three', () => seen.push('ended'));
    await closed(a, b);
    return seen;
  });

  same('a peer that resets while we write', async (net) => {
    const seen: unknown[] = [];
    const [a, b] = await pair(net);
    note(a, 'a', ['error', 'close', 'end', 'finish'], seen);
    a.pause();
    b.resetAndDestroy();
    await event(b, 'close');
    await sleep(20);
    a.write('late', told('write', seen));
    await closed(a);
    seen.push(a.errored === null, a.destroyed);
    return seen;
  });

  same('a peer that resets while we read', async (net) => {
    const seen: unknown[] = [];
    const [a, b] = await pair(net);
    note(a, 'a', ['error', 'close', 'end', 'finish', 'data'], seen);
    b.write('first');
    await event(a, 'data');
    b.resetAndDestroy();
    await closed(a);
    return seen;
  });

  same('the last text and the end, together', async (net) => {
    const seen: unknown[] = [];
    const [a, b] = await pair(net);
    note(a, 'a', ['data', 'end', 'close', 'finish'], seen);
    a.pause();
    b.end('all of it');
    await sleep(30);
    seen.push(a.readableLength, a.readableEnded);
    a.resume();
    await closed(a, b);
    return seen;
  });

  same('an end that nobody reads', async (net) => {
    const seen: unknown[] = [];
    const [a, b] = await pair(net);
    note(a, 'a', ['end', 'close', 'finish', 'readable'], seen);
    b.end();
    await sleep(50);
    seen.push(a.readableEnded, a.destroyed);
    a.read();
    await closed(a, b);
    return seen;
  });

  same('an iterator that goes to the end, and one that leaves', async (net) => {
    const seen: unknown[] = [];
    const [a, b] = await pair(net);
    b.end('text');
    for await (const data of a) seen.push(String(data));
    seen.push(a.destroyed);
    const [c, d] = await pair(net);
    d.on('error', () => {});
    note(c, 'c', ['end', 'close', 'error'], seen);
    d.write('text');
    for await (const data of c) {
      seen.push(String(data));
      break;
    }
    await closed(c, d);
    return seen;
  });

  same('pipes', async (net) => {
    const [a, b] = await pair(net, { allowHalfOpen: true });
    const upper = new Transform({ transform: (chunk, _, done) => done(null, String(chunk).toUpperCase()) });
    const piping = pipeline(b, upper, b);
    a.end('shout');
    const seen: string[] = [];
    for await (const data of a) seen.push(String(data));
    await piping;
    await closed(a, b);
    return seen;
  });

  same('text in an encoding, put back, and read by size', async (net) => {
    const [a, b] = await pair(net);
    a.setEncoding('utf8');
    b.write(Buffer.from([0xe2, 0x82]));
    await sleep(20);
    b.end(Buffer.concat([Buffer.from([0xac]), Buffer.from('12345')]));
    const seen: unknown[] = [];
    await event(a, 'readable');
    await sleep(20);
    seen.push(a.read(2));
    a.unshift('abc');
    seen.push(a.read(4), a.read());
    await closed(a);
    return seen;
  });

  same('a timeout, counted anew by what is written and read', async (net) => {
    const seen: unknown[] = [];
    const [a, b] = await pair(net);
    const began = performance.now();
    b.resume();
    a.setTimeout(200, () => seen.push(['rung', Math.round((performance.now() - began) / 100)]));
    setTimeout(() => a.write('x'), 100);
    setTimeout(() => b.write('x'), 200);
    a.resume();
    await event(a, 'timeout');
    seen.push(a.timeout, a.destroyed, a.setTimeout(0) === a, a.timeout);
    a.destroy();
    await closed(a, b);
    return seen;
  });

  same('listeners that a socket has of its own', async (net) => {
    const [a, b] = await pair(net);
    const seen = [a, b].map((s) => s.eventNames().map((name) => [String(name), s.listenerCount(name)]));
    a.destroy();
    await closed(a, b);
    return seen;
  });

  same('a signal that is aborted already, before and after', async (net) => {
    const seen: unknown[] = [];
    const [server, port] = await listening(net);
    const early = net.connect({ port, host: HOST, signal: AbortSignal.abort() } as never);
    note(early, 'early', ['error', 'close', 'connect'], seen);
    await closed(early);
    const control = new AbortController();
    const late = net.connect({ port, host: HOST, signal: control.signal } as never);
    note(late, 'late', ['error', 'close', 'connect'], seen);
    await event(late, 'connect');
    control.abort(new Error('why'));
    await closed(late);
    server.close();
    return seen;
  });

  same('a server that is closed with a client in its queue', async (net) => {
    const seen: unknown[] = [];
    const [server, port] = await listening(net);
    server.on('connection', (socket: Socket) => {
      seen.push('connection');
      server.close(() => seen.push('closed'));
      socket.end('bye');
    });
    const a = net.connect(port, HOST);
    note(a, 'a', ['data', 'end', 'close', 'error'], seen);
    await closed(a);
    await sleep(20);
    return seen;
  });
});
