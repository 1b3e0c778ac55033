// What the self-test tries, one line each: the stack serves and asks, the peer asks and serves.

import { createHash } from 'node:crypto';
import http from 'node:http';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { patternBytes } from '../../src/services/node/http.js';
import { ping } from '../../src/socket-api/ping.js';
import { RawSocket } from '../../src/socket-api/raw.js';
import { TcpSocket } from '../../src/socket-api/tcp.js';
import { UdpSocket } from '../../src/socket-api/udp.js';
import type { Stack } from '../../src/stack.js';
import { KERNEL, OURS } from './host.js';
import type { Peer } from './peers.js';

export interface Check {
  readonly title: string;
  /** What was seen, for the line; a rejection is a failure. */
  readonly run: () => Promise<string>;
}

/** Runs them in order and prints a line each; the exit code. */
export async function runChecks(every: readonly Check[], only = ''): Promise<number> {
  const all = every.filter(({ title }) => new RegExp(only).test(title));
  let failed = 0;
  for (const { title, run } of all) {
    const from = performance.now();
    try {
      const seen = await withTimeout(run(), 60_000, 'the check');
      console.log(`ok    ${title}: ${seen} (${(performance.now() - from).toFixed(0)} ms)`);
    } catch (error) {
      failed++;
      console.log(`FAIL  ${title}: ${(error as Error).message}`);
    }
  }
  console.log(`\n${all.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

async function withTimeout<T>(work: Promise<T>, ms: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} is not there after ${ms / 1000} s`)), ms);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

const MEGABYTES = 100;
const TRANSFER = MEGABYTES * 1_000_000;
const CONNECTIONS = 1000;
const DATAGRAMS = [1, 2, 100, 1400, 1472, 1473, 4000, 9000, 20_000, 60_000];
const PINGS = [56, 1400, 60_000];
/** Ports where nobody listens. */
const CLOSED_PORT = 4;

export function checks(peer: Peer, stack: Stack): Check[] {
  return [
    ...(['v4', 'v6'] as const).flatMap((family) => PINGS.map((bytes) => pingIn(peer, family, bytes))),
    ...(['v4', 'v6'] as const).map((family) => pingOut(stack, peer, family)),
    ...(['v4', 'v6'] as const).flatMap((family) => [download(peer, family), upload(peer, family)]),
    page(peer), echoOut(stack, peer), connections(peer),
    ...(['v4', 'v6'] as const).map((family) => udpEcho(peer, family)),
    refusedIn(peer), refusedOut(stack, peer), unreachableIn(peer), unreachableOut(stack, peer), rawHears(stack, peer), nothingLeft(stack),
  ];
}

type Family = keyof typeof OURS;

const pingIn = (peer: Peer, family: Family, bytes: number): Check => ({
  title: `ping ${family}, ${bytes} bytes, from the ${peer.label}`,
  async run() {
    await peer.ping(OURS[family], bytes);
    return 'echo is what was sent';
  },
});

const pingOut = (stack: Stack, peer: Peer, family: Family): Check => ({
  title: `ping ${family} to the ${peer.label}`,
  async run() {
    const replies = await Promise.all(PINGS.map((bytes) => ping(stack, KERNEL[family], { bytes, timeoutMs: 5000 })));
    return replies.map((reply) => `${reply.bytes} bytes in ${reply.rttMs.toFixed(2)} ms`).join(', ');
  },
});

const expected = (() => {
  let hash: string | null = null;
  return (): string => {
    if (hash !== null) return hash;
    const sum = createHash('sha256');
    for (let at = 0; at < TRANSFER; at += 1_000_000) sum.update(patternBytes(at, 1_000_000));
    return (hash = sum.digest('hex'));
  };
})();

const download = (peer: Peer, family: Family): Check => ({
  title: `HTTP ${family}, ${MEGABYTES} MB down`,
  async run() {
    const want = expected();
    const response = await request(peer, family, { path: `/bytes/${TRANSFER}` });
    const hash = createHash('sha256');
    const from = performance.now();
    for await (const chunk of response) hash.update(chunk as Buffer);
    same(hash.digest('hex'), want, 'hash');
    return `hash equal, ${gigabits(performance.now() - from)}`;
  },
});

const upload = (peer: Peer, family: Family): Check => ({
  title: `HTTP ${family}, ${MEGABYTES} MB up`,
  async run() {
    const want = expected();
    const from = performance.now();
    const response = await request(peer, family, { path: '/upload', method: 'POST' }, async (send) => {
      for (let at = 0; at < TRANSFER; at += 1_000_000) await send(patternBytes(at, 1_000_000));
    });
    same((await text(response)).trim(), want, 'hash');
    return `hash equal, ${gigabits(performance.now() - from)}`;
  },
});

const gigabits = (ms: number): string => `${((TRANSFER * 8) / ms / 1e6).toFixed(2)} Gb/s`;

/** A request over a connection of the peer's, whichever kind that is. */
async function request(
  peer: Peer, family: Family, options: http.RequestOptions,
  body?: (send: (bytes: Uint8Array) => Promise<void>) => Promise<void>,
): Promise<http.IncomingMessage> {
  const connection = await peer.connect(OURS[family], 80);
  const client = http.request({ ...options, host: 'wallsocket', createConnection: () => connection as never });
  const response = new Promise<http.IncomingMessage>((resolve, reject) => {
    client.on('response', resolve);
    client.on('error', reject);
  });
  await body?.(async (bytes) => {
    if (!client.write(bytes)) await new Promise((resolve) => client.once('drain', resolve));
  });
  client.end();
  return response;
}

const page = (peer: Peer): Check => ({
  title: 'the page and its figures',
  async run() {
    const html = await text(await request(peer, 'v4', { path: '/' }));
    if (!html.includes('<title>wallsocket</title>')) throw new Error('not the page');
    const status = JSON.parse(await text(await request(peer, 'v6', { path: '/status.json' }))) as { connectionCount: number };
    if (status.connectionCount < 1) throw new Error('does not count its own connection');
    return `${html.length} bytes, and it counts its own connection`;
  },
});

const echoOut = (stack: Stack, peer: Peer): Check => ({
  title: `TCP client to the ${peer.label}, 10 MB echoed`,
  async run() {
    const server = await peer.echoServer(KERNEL.v6);
    const socket = await TcpSocket.connect(stack, { address: KERNEL.v6, port: server.port });
    const total = 10_000_000;
    const sent = patternBytes(0, total);
    const received = new Uint8Array(total);
    const writing = socket.write(sent).then(() => socket.end());
    let at = 0;
    for (let piece = await socket.read(); piece !== null; piece = await socket.read()) {
      received.set(piece, at);
      at += piece.length;
    }
    await writing;
    await socket.close();
    server.close();
    same(createHash('sha256').update(received).digest('hex'), createHash('sha256').update(sent).digest('hex'), 'hash');
    return 'hash equal, both sides closed';
  },
});

const connections = (peer: Peer): Check => ({
  title: `${CONNECTIONS} connections at once`,
  async run() {
    const open = await Promise.all(Array.from({ length: CONNECTIONS }, () => peer.connect(OURS.v4, 7)));
    const answers = await Promise.all(open.map(async (socket, i) => {
      const message = `connection ${i} says so`;
      socket.write(message);
      return (await readExactly(socket, message.length)) === message;
    }));
    for (const socket of open) socket.destroy();
    const good = answers.filter(Boolean).length;
    if (good !== CONNECTIONS) throw new Error(`${good} of ${CONNECTIONS} echoed their own words`);
    return 'each echoed its own words';
  },
});

async function readExactly(socket: Duplex, length: number): Promise<string> {
  let heard = '';
  await new Promise<void>((resolve, reject) => {
    socket.on('data', (chunk: Buffer) => {
      heard += chunk.toString('latin1');
      if (heard.length >= length) resolve();
    });
    socket.on('error', reject);
    socket.on('end', () => reject(new Error('ended too early')));
  });
  return heard;
}

const udpEcho = (peer: Peer, family: Family): Check => ({
  title: `UDP ${family} echo of ${DATAGRAMS[0]} … ${DATAGRAMS.at(-1)} bytes`,
  async run() {
    const datagrams = await peer.datagrams(OURS[family], 7);
    try {
      for (const length of DATAGRAMS) {
        const sent = patternBytes(length, length);
        const answer = datagrams.receive();
        datagrams.send(sent);
        const echo = await withTimeout(answer, 5000, `the echo of ${length} bytes`);
        if (Buffer.compare(echo, sent) !== 0) throw new Error(`${length} bytes came back changed`);
      }
    } finally {
      datagrams.close();
    }
    return `${DATAGRAMS.length} sizes equal`;
  },
});

const refusedIn = (peer: Peer): Check => ({
  title: 'a closed port refuses',
  run: () => failsWith('ECONNREFUSED', () => peer.connect(OURS.v4, CLOSED_PORT)),
});

const refusedOut = (stack: Stack, peer: Peer): Check => ({
  title: `a closed port of the ${peer.label}'s refuses us`,
  run: () => failsWith('ECONNREFUSED', () => TcpSocket.connect(stack, { address: KERNEL.v6, port: CLOSED_PORT })),
});

const unreachableIn = (peer: Peer): Check => ({
  title: 'a closed UDP port is unreachable',
  run: () => failsWith('ECONNREFUSED', async () => {
    const datagrams = await peer.datagrams(OURS.v6, CLOSED_PORT);
    const answer = datagrams.receive();
    datagrams.send(Uint8Array.of(1));
    await answer.finally(() => datagrams.close());
  }),
});

const unreachableOut = (stack: Stack, peer: Peer): Check => ({
  title: `a closed UDP port of the ${peer.label}'s is unreachable for us`,
  run: () => failsWith('ECONNREFUSED', async () => {
    const socket = UdpSocket.bind(stack, { family: 4 });
    socket.connect({ address: KERNEL.v4, port: CLOSED_PORT });
    socket.send(Uint8Array.of(1));
    await socket.receive().finally(() => socket.close());
  }),
});

async function failsWith(code: string, run: () => Promise<unknown>): Promise<string> {
  try {
    await run();
  } catch (error) {
    if ((error as { code?: string }).code === code) return (error as Error).message;
    throw error;
  }
  throw new Error(`no ${code}`);
}

const rawHears = (stack: Stack, peer: Peer): Check => ({
  title: 'a raw socket hears what ICMP hears',
  async run() {
    const socket = RawSocket.open(stack, { protocol: 1 });
    const heard = socket.receive();
    await peer.ping(OURS.v4, 100);
    const packet = await heard;
    socket.close();
    if (packet === null || packet.bytes[packet.payloadAt] !== 8) throw new Error('heard no echo request');
    return `${packet.bytes.length} bytes with their IP header, and the echo was answered all the same`;
  },
});

const nothingLeft = (stack: Stack): Check => ({
  title: 'nothing is left over',
  async run() {
    for (let i = 0; i < 50 && stack.tcp.connections.size > 0; i++) await new Promise((resolve) => setTimeout(resolve, 20));
    same(stack.tcp.connections.size, 0, 'connections');
    same(stack.pool.outstanding, 0, 'packets');
    return 'no connection, no packet';
  },
});

function same<T>(got: T, want: T, what: string): void {
  if (got !== want) throw new Error(`${what} is ${String(got)}, not ${String(want)}`);
}
