// The laboratory's own speed: `npm run bench -- lab`. No peer, for nobody else does this; targets instead.

import { createNetwork, type Host, type NetworkLinkOptions } from '../../src/testing.js';
import { WRITABLE, CONNECTED } from '../../src/tcp/connection.js';

interface LabRow {
  readonly name: string;
  readonly unit: string;
  /** What it must reach; `lower`: stay below. */
  readonly target: number;
  readonly lower?: boolean;
  /** Default three, after one that warms. */
  readonly runs?: number;
  measure(this: void): Promise<number>;
}

export interface LabLine {
  readonly name: string;
  readonly unit: string;
  readonly value: number;
  readonly target: number;
  readonly reached: boolean;
}

const ROWS: readonly LabRow[] = [
  { name: 'lab-two-hosts', unit: 'ms to build', target: 5, lower: true, measure: buildTwo },
  { name: 'lab-tcp-packets', unit: 'packets/s', target: 100_000, measure: () => tcpPackets({ delayMs: 1 }, 200e6) },
  // Each packet leaves at a time of its own, and some are lost: no target, but worth knowing.
  { name: 'lab-tcp-line', unit: 'packets/s', target: 0, measure: () => tcpPackets({ bitsPerSecond: 1e9, queueBytes: 1e6, delayMs: 5 }, 60e6) },
  { name: 'lab-thousand-hosts', unit: 'packets/s', target: 50_000, measure: thousandHosts },
  { name: 'lab-dead-peer', unit: 'ms for ten minutes', target: 50, lower: true, measure: deadPeer },
];

export async function benchLab(options: { readonly json?: true; readonly only?: readonly string[] }): Promise<boolean> {
  const lines: LabLine[] = [];
  for (const row of ROWS) {
    if (options.only !== undefined && !options.only.includes(row.name)) continue;
    // The first runs warm it; the median of three counts.
    const runs = row.runs ?? 4;
    const values: number[] = [];
    for (let n = 0; n < runs; n++) values.push(await row.measure());
    const counted = values.slice(runs === 1 ? 0 : 1).toSorted((x, y) => x - y);
    const value = counted[counted.length >> 1]!;
    const reached = row.lower === true ? value <= row.target : value >= row.target;
    lines.push({ name: row.name, unit: row.unit, value, target: row.target, reached });
    if (options.json !== true) {
      const [figure, target] = [value, row.target].map((n) => n.toLocaleString('en-US', { maximumFractionDigits: 2 }));
      process.stdout.write(`${row.name.padEnd(20)} ${figure!.padStart(12)} ${row.unit} (${row.lower === true ? 'at most' : 'at least'} ${target}${reached ? '' : ': missed'})\n`);
    }
  }
  if (options.json === true) process.stdout.write(`${JSON.stringify(lines)}\n`);
  return lines.every(({ reached }) => reached);
}

async function timed(run: () => Promise<void> | void): Promise<number> {
  const from = performance.now();
  await run();
  return performance.now() - from;
}

async function buildTwo(): Promise<number> {
  return timed(() => {
    const net = createNetwork();
    const [a, b] = net.hosts(2);
    net.link(a, b);
  });
}

/** One connection that carries as much as it can; every frame counts, as the wire has it, and is digested. */
async function tcpPackets(link: NetworkLinkOptions, bytes: number): Promise<number> {
  const net = createNetwork({ seed: 1, keep: 0 });
  const [a, b] = net.hosts(2);
  net.link(a, b, link);
  flow(a, b, bytes);
  const ms = await timed(() => net.advance('5 s'));
  return net.log.count / ms * 1000;
}

/** All say something to the next: a hundred datagrams each, a packet being one that a host sent, over two cables. */
async function thousandHosts(): Promise<number> {
  const net = createNetwork({ seed: 1, keep: 0 });
  const middle = net.switch();
  const hosts = Array.from({ length: 1000 }, (_, n) => net.host(`h${n}`));
  for (const host of hosts) net.link(host, middle);
  const sockets = hosts.map((host) => host.udp({ port: 9 }));
  const text = new Uint8Array(64);
  // Neighbours are found first.
  sockets.forEach((socket, n) => socket.send(text, { address: hosts[(n + 1) % 1000]!.ip, port: 9 }));
  await net.advance('2 s');
  const before = net.log.count;
  const ms = await timed(async () => {
    for (let round = 0; round < 50; round++) {
      sockets.forEach((socket, n) => socket.send(text, { address: hosts[(n + 1) % 1000]!.ip, port: 9 }));
      await net.advance(10);
    }
  });
  // Each crosses two cables.
  return (net.log.count - before) / 2 / ms * 1000;
}

async function deadPeer(): Promise<number> {
  const net = createNetwork({ seed: 1 });
  const [a, b] = net.hosts(2);
  net.link(a, b);
  b.listen(7);
  const socket = await net.runUntil(a.connect(b, 7));
  b.crash({ silent: true });
  void socket.write(new Uint8Array(1000)).catch(() => {});
  return timed(() => net.advance('10 min'));
}

function flow(from: Host, to: Host, bytes: number): void {
  const piece = new Uint8Array(65_536);
  const listener = to.stack.tcp.listen({ port: 5001 });
  listener.owner = {
    onTcpAccept: () => {
      listener.accept()!.owner = { onTcpEvent: (c) => { while (c.read(65_536) !== null); } };
    },
  };
  let written = 0;
  const address = to.interfaces[0]!.addresses[0]!.address;
  from.stack.tcp.connect({ address, port: 5001 }).owner = {
    onTcpEvent: (c, events) => {
      if ((events & (CONNECTED | WRITABLE)) === 0) return;
      for (let taken = piece.length; taken === piece.length && written < bytes; written += taken) taken = c.write(piece);
    },
  };
}
