// A connection as Node's Duplex: what Node's own modules make of it. The partner is the native face, or Node's http and tls
// at both ends, all in memory and virtual time.

import { createServer, request, type IncomingMessage, type Server } from 'node:http';
import { PassThrough, Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { connect as connectTls, TLSSocket } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { TcpDuplex } from '../../../../src/socket-api/node/duplex.js';
import { TcpServer, TcpSocket } from '../../../../src/socket-api/tcp.js';
import { difference, failure, fate, readAll, stream, TwoStacks } from '../../../fixtures/two-stacks.js';

const NARROW = { sendBuffer: 4096, receiveBuffer: 4096 };

/** A duplex at `a`, the native face at `b`. */
async function pair(world: TwoStacks, options = {}): Promise<[TcpDuplex, TcpSocket]> {
  const [client, server] = await world.connect(options, options);
  return [new TcpDuplex(client), server];
}

/** An event, as a promise: with `error` it does not reject. */
const event = (emitter: NodeJS.EventEmitter, name: string): Promise<unknown> =>
  new Promise((resolve) => emitter.once(name, resolve));

async function collect(readable: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of readable) pieces.push(piece);
  return Buffer.concat(pieces);
}

describe('a stream', () => {
  test('both ways, with both ends', async () => {
    const world = new TwoStacks();
    const [duplex, peer] = await pair(world);
    duplex.write(stream(100_000));
    duplex.end(stream(5, 100_000));
    expect(difference(await world.run(readAll(peer)), stream(100_005))).toBe('none');
    void peer.write(stream(70_000));
    peer.end();
    const closed = event(duplex, 'close');
    const heard = await world.run(collect(duplex));
    expect(difference(heard, stream(70_000))).toBe('none');
    await closed;
    expect(duplex.destroyed).toBe(true);
    await world.sleep();
    expect([world.a.tcp.connections.size, world.b.tcp.connections.size]).toEqual([0, 0]);
  });

  test('tells its names', async () => {
    const world = new TwoStacks();
    const [duplex, peer] = await pair(world);
    const { localAddress, localPort, remoteAddress, remotePort } = duplex;
    expect({ localAddress, localPort, remoteAddress, remotePort }).toEqual({
      localAddress: '10.0.0.1', localPort: peer.remotePort, remoteAddress: '10.0.0.2', remotePort: peer.localPort,
    });
  });

  test('texts and corked pieces keep their order', async () => {
    const world = new TwoStacks();
    const [duplex, peer] = await pair(world, NARROW);
    duplex.cork();
    for (let at = 0; at < 30_000; at += 3000) duplex.write(stream(3000, at));
    duplex.uncork();
    duplex.write('grüße', 'utf8');
    duplex.end('!');
    const heard = await world.run(readAll(peer));
    expect(difference(heard.subarray(0, 30_000), stream(30_000))).toBe('none');
    expect(Buffer.from(heard.subarray(30_000)).toString()).toBe('grüße!');
  });

  test('our end leaves the other side open', async () => {
    const world = new TwoStacks();
    const [duplex, peer] = await pair(world);
    duplex.end();
    expect(await world.run(peer.read())).toBe(null);
    await world.wait(10_000);
    await peer.write(stream(5));
    const heard = event(duplex, 'data');
    expect(await world.run(heard)).toEqual(Buffer.from(stream(5)));
    expect(duplex.destroyed).toBe(false);
  });

  test('and so does theirs', async () => {
    const world = new TwoStacks();
    const [duplex, peer] = await pair(world);
    peer.end();
    duplex.resume();
    await world.run(event(duplex, 'end'));
    await world.wait(10_000);
    duplex.end(stream(5));
    expect(await world.run(peer.read())).toEqual(stream(5));
  });
});

describe('back-pressure', () => {
  test('a peer that does not read stops whoever writes, and `drain` says when to go on', async () => {
    const world = new TwoStacks();
    const [duplex, peer] = await pair(world, NARROW);
    let written = 0;
    while (duplex.write(stream(10_000, written))) written += 10_000;
    written += 10_000;
    expect(written).toBeLessThanOrEqual(270_000);
    const drained = fate(event(duplex, 'drain'));
    await world.wait(60_000);
    expect(drained()).toBe('pending');
    let read = 0;
    while (drained() === 'pending') {
      const piece = (await world.run(peer.read()))!;
      expect(difference(piece, stream(piece.length, read))).toBe('none');
      read += piece.length;
      await world.settle();
    }
    duplex.end();
    expect(difference(await world.run(readAll(peer)), stream(written - read, read))).toBe('none');
  });

  test('whoever does not read stops the peer: no more waits here than the buffers hold', async () => {
    const world = new TwoStacks();
    const [duplex, peer] = await pair(world, NARROW);
    duplex.on('readable', () => {});
    const wrote = fate(peer.write(stream(1_000_000)));
    await world.wait(60_000);
    expect(wrote()).toBe('pending');
    expect(duplex.readableLength).toBeLessThanOrEqual(262_144 + 4096);
    peer.end();
    duplex.removeAllListeners('readable');
    expect(difference(await world.run(collect(duplex)), stream(1_000_000))).toBe('none');
    expect(wrote()).toBe('resolved');
  });

  test('a pipeline through the peer: in, there, back, out', async () => {
    const world = new TwoStacks();
    const [duplex, peer] = await pair(world, NARROW);
    const echo = new TcpDuplex(peer);
    const pieces: Buffer[] = [];
    const into = new Writable({
      highWaterMark: 1000,
      write(chunk: Buffer, _encoding, done) {
        pieces.push(chunk);
        setImmediate(done);
      },
    });
    const from = Readable.from((function* () {
      for (let at = 0; at < 300_000; at += 5000) yield stream(5000, at);
    })());
    await world.run(Promise.all([pipeline(echo, new PassThrough(), echo), pipeline(from, duplex, into)]));
    expect(difference(Buffer.concat(pieces), stream(300_000))).toBe('none');
  });

  test('a pipeline that fails resets the connection: half a stream is not the whole', async () => {
    const world = new TwoStacks();
    const [duplex, peer] = await pair(world);
    const reading = failure(readAll(peer));
    const broken = new Readable({
      read() {
        this.push(stream(1000));
        this.destroy(new Error('the disk is gone'));
      },
    });
    expect((await world.run(failure(pipeline(broken, duplex)))).message).toBe('the disk is gone');
    expect(await world.run(reading)).toMatchObject({ code: 'ECONNRESET' });
  });
});

describe('destroying', () => {
  test('with an error: the peer is reset, and the error is told here', async () => {
    const world = new TwoStacks();
    const [duplex, peer] = await pair(world);
    duplex.resume();
    const reading = failure(peer.read());
    const told = event(duplex, 'error');
    const oops = new Error('oops');
    duplex.destroy(oops);
    expect(await world.run(reading)).toMatchObject({ code: 'ECONNRESET' });
    expect(await told).toBe(oops);
    await world.sleep();
    expect([world.a.tcp.connections.size, world.b.tcp.connections.size]).toEqual([0, 0]);
  });

  test('while text waits to be written: the peer is reset, for it has not heard all', async () => {
    const world = new TwoStacks();
    const [duplex, peer] = await pair(world, NARROW);
    duplex.write(stream(50_000));
    await world.settle();
    const reading = failure(readAll(peer));
    const closed = event(duplex, 'close');
    duplex.destroy();
    expect(await world.run(reading)).toMatchObject({ code: 'ECONNRESET' });
    await closed;
  });

  test('when all was accepted: the peer hears it all, and the end', async () => {
    const world = new TwoStacks();
    const [duplex, peer] = await pair(world);
    duplex.resume();
    await world.run(new Promise((resolve) => duplex.write(stream(5000), resolve)));
    duplex.destroy();
    expect(difference(await world.run(readAll(peer)), stream(5000))).toBe('none');
    void peer.close();
    await world.sleep();
    expect([world.a.tcp.connections.size, world.b.tcp.connections.size]).toEqual([0, 0]);
  });

  test('by the peer: ECONNRESET, and then it is closed', async () => {
    const world = new TwoStacks();
    const [duplex, peer] = await pair(world);
    duplex.resume();
    const told = event(duplex, 'error');
    const closed = event(duplex, 'close');
    await world.settle();
    peer.abort();
    expect(await world.run(told)).toMatchObject({ code: 'ECONNRESET', syscall: 'read' });
    await closed;
    expect(duplex.destroyed).toBe(true);
  });

  test('by the peer, while we write: the write learns it', async () => {
    const world = new TwoStacks();
    const [duplex, peer] = await pair(world, NARROW);
    const told = event(duplex, 'error');
    const wrote = new Promise((resolve) => duplex.write(stream(50_000), resolve));
    await world.settle();
    peer.abort();
    expect(await world.run(wrote)).toMatchObject({ code: 'ECONNRESET' });
    expect(await told).toMatchObject({ code: 'ECONNRESET' });
  });

  test('the socket below, by somebody else: an error, and not the end of the stream', async () => {
    const world = new TwoStacks();
    const [duplex] = await pair(world);
    let ended = false;
    duplex.on('end', () => {
      ended = true;
    });
    duplex.resume();
    const told = event(duplex, 'error');
    await world.settle();
    duplex.socket.abort();
    expect(await world.run(told)).toMatchObject({ code: 'ECONNABORTED' });
    expect(ended).toBe(false);
  });
});

describe('Node\'s http over it, at both ends', () => {
  /** A server at `b` that serves `handle`. */
  function serve(world: TwoStacks, handle: Parameters<typeof createServer>[1]): { http: Server; connections: TcpDuplex[] } {
    const http = createServer(handle as never);
    const connections: TcpDuplex[] = [];
    void (async () => {
      for await (const socket of TcpServer.listen(world.b, { port: 80 })) {
        const duplex = new TcpDuplex(socket);
        connections.push(duplex);
        http.emit('connection', duplex);
      }
    })();
    return { http, connections };
  }

  async function dial(world: TwoStacks): Promise<TcpDuplex> {
    return new TcpDuplex(await world.run(TcpSocket.connect(world.a, { address: '10.0.0.2', port: 80 })));
  }

  /** One request on a connection of its own, or on `duplex`. */
  async function ask(
    world: TwoStacks, path: string, body: Uint8Array | null = null, headers = {},
  ): Promise<[IncomingMessage, Buffer]> {
    const duplex = await dial(world);
    const sent = request({ path, method: body === null ? 'GET' : 'POST', headers, createConnection: () => duplex as never });
    sent.end(body ?? undefined);
    const response = await world.run(new Promise<IncomingMessage>((resolve, reject) => {
      sent.on('response', resolve).on('error', reject);
    }));
    return [response, await world.run(collect(response))];
  }

  test('a small answer, a large one, and one in chunks', async () => {
    const world = new TwoStacks();
    serve(world, (incoming, response) => {
      if (incoming.url === '/large') response.end(stream(1_000_000));
      else if (incoming.url === '/chunks') {
        for (let at = 0; at < 50_000; at += 1000) response.write(stream(1000, at));
        response.end();
      } else response.end(`from ${incoming.socket.remoteAddress}`);
    });
    const [small, text] = await ask(world, '/');
    expect([small.statusCode, text.toString()]).toEqual([200, 'from 10.0.0.1']);
    const [large, bytes] = await ask(world, '/large');
    expect(large.headers['content-length']).toBe('1000000');
    expect(difference(bytes, stream(1_000_000))).toBe('none');
    const [chunked, pieces] = await ask(world, '/chunks');
    expect(chunked.headers['transfer-encoding']).toBe('chunked');
    expect(difference(pieces, stream(50_000))).toBe('none');
  });

  test('what is posted arrives', async () => {
    const world = new TwoStacks();
    serve(world, (incoming, response) => {
      void collect(incoming).then((body) => response.end(body));
    });
    const [, body] = await ask(world, '/', stream(700_000));
    expect(difference(body, stream(700_000))).toBe('none');
  });

  test('`connection: close` closes, and nothing is left', async () => {
    const world = new TwoStacks();
    serve(world, (_incoming, response) => response.end('bye'));
    const [, body] = await ask(world, '/', null, { connection: 'close' });
    expect(body.toString()).toBe('bye');
    await world.sleep();
    expect([world.a.tcp.connections.size, world.b.tcp.connections.size]).toEqual([0, 0]);
  });

  test('many requests at once on many connections', async () => {
    const world = new TwoStacks();
    serve(world, (incoming, response) => response.end(incoming.url));
    const answers = await Promise.all(Array.from({ length: 40 }, async (_, i) => (await ask(world, `/${i}`))[1].toString()));
    expect(answers).toEqual(answers.map((_, i) => `/${i}`));
  });

  test('one connection, request behind request', async () => {
    const world = new TwoStacks();
    const { connections } = serve(world, (incoming, response) => response.end(`<${incoming.url}>`));
    const duplex = await dial(world);
    duplex.write('GET /1 HTTP/1.1\r\nhost: x\r\n\r\nGET /2 HTTP/1.1\r\nhost: x\r\n\r\n');
    duplex.write('GET /3 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    const text = (await world.run(collect(duplex))).toString();
    expect(text.match(/<\/\d>/g)).toEqual(['</1>', '</2>', '</3>']);
    expect(connections.length).toBe(1);
  });

  test('a client that goes in the middle of an answer: the server hears of it, and nothing is left', async () => {
    const world = new TwoStacks();
    const closed: boolean[] = [];
    serve(world, (_incoming, response) => {
      response.on('close', () => closed.push(response.writableFinished));
      response.write(stream(50_000_000));
    });
    const duplex = await dial(world);
    const sent = request({ path: '/', createConnection: () => duplex as never });
    sent.on('error', () => {});
    sent.end();
    const response = await world.run(new Promise<IncomingMessage>((resolve) => sent.on('response', resolve)));
    await world.run(event(response, 'data'));
    sent.destroy();
    await world.sleep();
    expect(closed).toEqual([false]);
    expect([world.a.tcp.connections.size, world.b.tcp.connections.size]).toEqual([0, 0]);
  });
});

test('Node\'s tls over it, at both ends', async () => {
  const world = new TwoStacks();
  const [client, server] = await world.connect();
  // A shared secret spares us the certificate. RFC 4279.
  const psk = Buffer.from(stream(32));
  const shared = { ciphers: 'PSK', minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } as const;
  const secureServer = new TLSSocket(new TcpDuplex(server), { ...shared, isServer: true, pskCallback: () => psk } as never);
  const secureClient = connectTls({
    ...shared, socket: new TcpDuplex(client), pskCallback: () => ({ psk, identity: 'us' }), checkServerIdentity: () => undefined,
  });
  void pipeline(secureServer, new PassThrough(), secureServer).catch(() => {});
  secureClient.end(stream(200_000));
  expect(difference(await world.run(collect(secureClient)), stream(200_000))).toBe('none');
  expect(secureClient.getProtocol() ?? 'TLSv1.2').toBe('TLSv1.2');
});
