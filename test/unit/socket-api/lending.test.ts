// Text that is lent, on every face that lends: a write is done when the stack no longer needs its memory, and if it fails,
// the text, or some of it, may not have arrived. RFC 9293 §3.9.1.2.

import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';

import { createNet } from '../../../src/socket-api/node/net.js';
import { TcpServer, TcpSocket } from '../../../src/socket-api/tcp.js';
import { connect as connectWeb } from '../../../src/web.js';
import { difference, failure, fate, readAll, stream, turn, TwoStacks } from '../../fixtures/two-stacks.js';

/** Far more than a queue holds on a path that takes no time. */
const LARGE = 1_000_000;
/** Of 45 full segments each: the last of a write is no tail that waits for what comes next. */
const TWO_SUPERPACKETS = 2 * 45 * 1448;

interface End {
  /** Writes one behind the other, together; settles with the last. */
  write(...pieces: Uint8Array[]): Promise<unknown>;
}

type Face = (world: TwoStacks, port: number, sendBuffer?: number) => Promise<End>;

const native: Face = async (world, port, sendBuffer) => {
  const socket = await world.run(TcpSocket.connect(world.a, { address: '10.0.0.2', port, congestion: 'new-reno', ...(sendBuffer !== undefined && { sendBuffer }) }));
  return { write: (...pieces) => Promise.all(pieces.map((piece) => socket.write(piece))) };
};

const web: Face = async (world, port, sendBuffer) => {
  const socket = connectWeb(world.a, { hostname: '10.0.0.2', port }, { congestion: 'new-reno', ...(sendBuffer !== undefined && { sendBuffer }) });
  socket.closed.catch(() => {});
  await world.run(socket.opened);
  const writer = socket.writable.getWriter();
  writer.closed.catch(() => {});
  return { write: (...pieces) => Promise.all(pieces.map((piece) => writer.write(piece))) };
};

const node: Face = async (world, port) => {
  const net = createNet({ stack: world.a, driver: { stop(): void {}, ref(): void {}, unref(): void {} } });
  const socket: Socket = net.connect(port, '10.0.0.2');
  socket.on('error', () => {});
  await world.run(new Promise((resolve) => socket.once('connect', resolve)));
  return {
    write: (...pieces) => new Promise<void>((resolve, reject) => {
      socket.cork();
      pieces.forEach((piece, i) => socket.write(piece, (error) => {
        if (error) reject(error);
        else if (i === pieces.length - 1) resolve();
      }));
      socket.uncork();
    }),
  };
};

const FACES: [string, Face][] = [['native', native], ['web', web], ['node', node]];

async function pair(face: Face, sendBuffer?: number): Promise<{ world: TwoStacks; ours: End; peer: TcpSocket }> {
  const world = new TwoStacks();
  const server = TcpServer.listen(world.b, { port: 80, quickAck: true });
  const ours = await face(world, 80, sendBuffer);
  const peer = (await world.run(server.accept()))!;
  server.close();
  return { world, ours, peer };
}

/** Let time stand, and the peer read, until it has `bytes`; its acknowledgment of the last is still on its way. */
function readUntil(world: TwoStacks, peer: TcpSocket, bytes: number): void {
  for (let i = 0; peer.bytesRead < bytes && i < 10_000; i++) {
    world.a.poll(world.now);
    world.b.poll(world.now);
    while (peer.bytesRead < bytes && peer.readNow(bytes - peer.bytesRead) !== null);
  }
}

const takeAway = (memory: Uint8Array): void => {
  structuredClone(memory, { transfer: [memory.buffer as ArrayBuffer] });
};

// Node's own face calls back without an error when the socket has been destroyed, as Node does.
describe.each(FACES.slice(0, 2))('%s', (_, face) => {
  test('a write that the peer acknowledges, and then resets, was done', async () => {
    const { world, ours, peer } = await pair(face);
    // All that comes next is sent, and acknowledged, in one batch: both windows are large.
    await world.run(ours.write(stream(1)));
    await world.run(peer.read());
    await world.settle();
    for (const connection of world.a.tcp.connections) Object.assign(connection.congestion, { cwnd: LARGE });
    const wrote = fate(ours.write(stream(TWO_SUPERPACKETS)));
    await turn();
    world.a.poll(world.now);
    for (let polls = 0; polls < 3; polls++) world.b.poll(world.now);
    while (peer.readNow() !== null);
    expect([wrote(), peer.bytesRead]).toEqual(['pending', 1 + TWO_SUPERPACKETS]);
    peer.abort();
    await world.settle();
    expect(wrote()).toBe('resolved');
  });

  test('a write of which it has not acknowledged all was not', async () => {
    const { world, ours, peer } = await pair(face);
    const wrote = fate(ours.write(stream(LARGE)));
    readUntil(world, peer, 50_000);
    peer.abort();
    await world.settle();
    expect(wrote()).toBe('ECONNRESET');
  });
});

// What a writable of the web keeps waiting is its own affair.
describe.each([FACES[0]!, FACES[2]!])('%s', (_, face) => {
  test('memory that is taken away while it waits for its turn ends the stream: nothing is left out of it', async () => {
    const { world, ours, peer } = await pair(face);
    const [first, second, third] = [stream(LARGE), stream(100_000, LARGE), stream(10, LARGE + 100_000)];
    const wrote = fate(ours.write(first, second, third));
    await world.wait(1);
    takeAway(second);
    const reading = failure(readAll(peer));
    expect(await world.run(reading)).toMatchObject({ code: 'ECONNRESET' });
    await world.settle();
    expect(wrote()).toBe('EFAULT');
  });
});

describe.each(FACES.slice(0, 2))('%s, where the send buffer is fixed', (_, face) => {
  test('memory that is taken away when some of it has been copied ends the stream', async () => {
    const { world, ours, peer } = await pair(face, 4000);
    const memory = stream(300_000);
    const wrote = fate(ours.write(memory));
    await world.wait(1);
    takeAway(memory);
    expect(await world.run(failure(readAll(peer)))).toMatchObject({ code: 'ECONNRESET' });
    await world.settle();
    expect(wrote()).toBe('EFAULT');
  });
});

test('two who write all they have before they read do not wait for each other, if there is room for it', async () => {
  const world = new TwoStacks();
  const [client, server] = await world.connect();
  // What the other's receive buffer holds, and then what our send buffer does.
  for (const socket of [client, server]) await world.run(socket.write(stream(131_072)));
  await world.wait(1000);
  const both = [client, server].map(async (socket) => {
    await socket.write(stream(200_000, 131_072));
    socket.end();
    return readAll(socket);
  });
  for (const text of await world.run(Promise.all(both))) expect(difference(text, stream(331_072))).toBe('none');
});
