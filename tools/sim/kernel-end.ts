// One end of the line: a process in a network namespace of its own, whose host is the kernel or a stack of ours. Both run
// the same program of traffic on Node's streams, and are asked for it in lines, as tools/bench/child.ts speaks them.
//
// The kernel's end has the line's device and the address. In ours the kernel is a router and nothing more: it has the line's
// device too, so that the way through the fault link is the same, and behind it a TUN of the stack's, which has the address.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

import { drive, openTun, Stack, TcpDuplex, TcpServer, TcpSocket } from '../../src/node.js';
import { SeededRandom } from '../../src/random.js';

export type Family = 'v4' | 'v6';
export type Algorithm = 'cubic' | 'bbr';

export interface EndSpec {
  readonly host: 'kernel' | 'ours';
  /** Which of the two ends of the line. */
  readonly index: 0 | 1;
  readonly family: Family;
  /** Who sends is congestion-controlled by it. */
  readonly algorithm: Algorithm;
  readonly bytes: number;
}

/** What the receiver has seen. */
export interface Received {
  readonly bytes: number;
  readonly hash: string;
  /** From the connection's beginning, as its server sees it, to the last byte. */
  readonly ms: number;
}

/** What the sender has sent, and how often it had to. */
export interface Sent {
  readonly hash: string;
  readonly retransmits: number;
  readonly timeouts: number;
  /** Everything else that the host counts, for whoever wants to know why. */
  readonly details: Readonly<Record<string, unknown>>;
}

const NETWORK = { v4: '10.66.0', v6: 'fd66:' };
const PREFIX = { v4: 24, v6: 64 };
const PORT = 5001;
/** So often the receiver says that it goes on. */
const PROGRESS_MS = 5000;

const addressOf = (family: Family, index: number): string => `${NETWORK[family]}${family === 'v4' ? '.' : ':'}${index + 1}`;
const networkOf = (family: Family): string => (family === 'v4' ? `${NETWORK.v4}.0/24` : `${NETWORK.v6}:/64`);

/** Serve the line until its end closes. */
export async function serveEnd(spec: EndSpec): Promise<never> {
  let host: Host | null = null;
  say({ pid: process.pid });
  for await (const line of createInterface(process.stdin)) {
    const [word, device] = line.split(' ');
    if (word === 'join') {
      host = spec.host === 'kernel' ? new KernelHost(spec, device!) : new OurHost(spec, device!);
      say({});
    } else if (word === 'receive') {
      await receive(host!, spec);
    } else if (word === 'send') {
      say(await send(host!, spec));
    }
  }
  process.exit(0);
}

const say = (what: unknown): boolean => process.stdout.write(`${JSON.stringify(what)}\n`);

/** A connection of either host. */
type Stream = Socket | TcpDuplex;

interface Host {
  /** Resolves once somebody may connect; `serve` gets the one connection. */
  listen(serve: (stream: Stream) => void): Promise<void>;
  connect(): Promise<Stream>;
  /** What the host counted for a sender whose text has been acknowledged. */
  counts(stream: Stream): Omit<Sent, 'hash'>;
}

async function receive(host: Host, { bytes: wanted }: EndSpec): Promise<void> {
  await host.listen((stream) => {
    const began = performance.now();
    const hash = createHash('sha256');
    let [bytes, ms, toldAt] = [0, 0, began];
    stream.on('error', () => stream.destroy());
    stream.on('data', (piece: Buffer) => {
      hash.update(piece);
      bytes += piece.length;
      const now = performance.now();
      if (bytes >= wanted && ms === 0) ms = now - began;
      if (now - toldAt < PROGRESS_MS) return;
      toldAt = now;
      say({ bytes });
    });
    stream.on('end', () => {
      stream.end();
      say({ bytes, hash: hash.digest('hex'), ms } satisfies Received);
    });
  });
  say({});
}

async function send(host: Host, { bytes }: EndSpec): Promise<Sent> {
  const hash = createHash('sha256');
  const stream = await host.connect();
  stream.on('error', () => stream.destroy());
  stream.resume();
  const over = once(stream, 'end');
  for (const piece of text(bytes)) {
    hash.update(piece);
    if (!stream.write(piece)) await once(stream, 'drain');
  }
  stream.end();
  // The receiver ends when all is there: then nothing of ours is in flight but the last ACKs.
  await over;
  return { hash: hash.digest('hex'), ...host.counts(stream) };
}

/** Bytes that repeat nowhere: what is lost, doubled or moved shows. */
function* text(bytes: number): Generator<Uint8Array> {
  const random = new SeededRandom(bytes);
  for (let left = bytes; left > 0; left -= 65_536) {
    const words = new Uint32Array(16_384);
    for (let i = 0; i < words.length; i++) words[i] = random.u32();
    yield new Uint8Array(words.buffer, 0, Math.min(left, 65_536));
  }
}

class KernelHost implements Host {
  constructor(private readonly spec: EndSpec, device: string) {
    const { family, index, algorithm } = spec;
    const own = addressOf(family, index);
    ip(family, `addr add ${own}/${PREFIX[family]} dev ${device}${family === 'v6' ? ' nodad' : ''}`);
    ip(family, `link set ${device} up`);
    // A route may ask for an algorithm that a namespace may not choose for itself. This one takes the place of the kernel's.
    const place = family === 'v4' ? `scope link src ${own}` : 'metric 256';
    ip(family, `route replace ${networkOf(family)} dev ${device} proto kernel ${place} congctl ${algorithm}`);
  }

  listen(serve: (stream: Stream) => void): Promise<void> {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      server.close();
      serve(socket);
    });
    return new Promise((resolve) => server.listen(PORT, addressOf(this.spec.family, this.spec.index), resolve));
  }

  async connect(): Promise<Stream> {
    const socket = connect({ host: addressOf(this.spec.family, 1 - this.spec.index), port: PORT, allowHalfOpen: true });
    await once(socket, 'connect');
    return socket;
  }

  counts(): Omit<Sent, 'hash'> {
    const all = { ...kernelCounters('snmp'), ...kernelCounters('netstat') };
    const details = Object.fromEntries(Object.entries(all).filter(([name, count]) => name.startsWith('Tcp') && count > 0));
    return { retransmits: all['Tcp.RetransSegs'] ?? 0, timeouts: all['TcpExt.TCPTimeouts'] ?? 0, details };
  }
}

/** Pairs of lines: names, and numbers under them. The namespace's own, and so this one connection's. */
function kernelCounters(file: string): Record<string, number> {
  const counters: Record<string, number> = {};
  const lines = readFileSync(`/proc/net/${file}`, 'utf8').trim().split('\n').map((line) => line.split(' '));
  for (let i = 0; i + 1 < lines.length; i += 2) {
    const [names, numbers] = [lines[i]!, lines[i + 1]!];
    for (let j = 1; j < names.length; j++) counters[`${names[0]!.slice(0, -1)}.${names[j]!}`] = Number(numbers[j]);
  }
  return counters;
}

class OurHost implements Host {
  private readonly stack = new Stack();

  constructor(private readonly spec: EndSpec, device: string) {
    const { family, index } = spec;
    const own = addressOf(family, index);
    const tun = openTun({ name: 'stack', addresses: [family === 'v4' ? '10.66.1.1/24' : 'fd66:1::1/64'] });
    for (const path of ['ipv4/ip_forward', 'ipv6/conf/all/forwarding']) writeFileSync(`/proc/sys/net/${path}`, '1');
    ip(family, `link set ${device} up`);
    ip(family, `route replace ${networkOf(family)} dev ${device}`);
    ip(family, `route replace ${own}/${family === 'v4' ? 32 : 128} dev ${tun.name}`);
    this.stack.addInterface(tun, { addresses: [`${own}/${PREFIX[family]}`] });
    drive(this.stack);
  }

  listen(serve: (stream: Stream) => void): Promise<void> {
    const server = TcpServer.listen(this.stack, { port: PORT });
    void server.accept().then((socket) => serve(new TcpDuplex(socket!)));
    return Promise.resolve();
  }

  async connect(): Promise<Stream> {
    const { family, index, algorithm } = this.spec;
    const address = addressOf(family, 1 - index);
    return new TcpDuplex(await TcpSocket.connect(this.stack, { address, port: PORT, congestion: algorithm }));
  }

  counts(stream: Stream): Omit<Sent, 'hash'> {
    const info = (stream as TcpDuplex).socket.info();
    return { retransmits: info.retransmits, timeouts: info.timeouts, details: { ...info } };
  }
}

function ip(family: Family, words: string): void {
  execFileSync('ip', [family === 'v4' ? '-4' : '-6', ...words.split(' ')], { stdio: ['ignore', 'ignore', 'pipe'] });
}
