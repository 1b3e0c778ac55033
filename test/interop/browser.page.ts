// What is run in a browser and in Node alike: the core, and nothing that only one of them has.

import { createPipe, type Device, drive, type FrameSink, type Packet, Stack } from '../../src/index.js';
import type { LinkEnd } from '../../src/testing/link.js';
import { BulkFlow } from '../../src/testing/bulk-flow.js';
import { Simulation } from '../../src/testing/simulation.js';
import { createNetwork } from '../../src/testing.js';
import { connect, listen } from '../../src/web.js';

/** What one transfer in virtual time came to. */
export interface Run {
  readonly received: number;
  readonly packets: number;
  readonly lost: number;
  /** ms of virtual time. */
  readonly tookMs: number;
  /** FNV-1a, 32 bits, of every frame: who sent it, when, and all its bytes. */
  readonly trace: string;
}

/** What one transfer in real time came to. */
export interface Echo {
  readonly remoteAddress: string;
  readonly received: number;
  readonly wrong: number;
  readonly lost: number;
}

export interface Report {
  readonly runs: Run[];
  /** Of a network with hosts, a switch, a router, a NAT and faults: how many frames, until when, and their hash. */
  readonly network: string;
  readonly echoes: Echo[];
}

export async function report(): Promise<Report> {
  const echoes: Echo[] = [];
  for (const address of ['10.0.0.1', 'fd00::1']) echoes.push(await echo(address));
  return { runs: ['10.0.1.2', 'fd00:1::2'].map(transfer), network: await network(), echoes };
}

/** A bit of everything that throws dice or keeps time. */
async function network(): Promise<string> {
  const net = createNetwork({ seed: 4711 });
  const [home, nat, router, server] = [net.switch('home'), net.nat('nat', { kind: 'symmetric', preservesPorts: false }), net.router('router'), net.host('server')];
  const phones = [net.host('one'), net.host('two')];
  for (const phone of phones) net.link(phone, home);
  net.link(nat.inside, home, { delay: '2 ms' });
  net.link(nat.outside, router, { delay: '10 ms', jitter: '3 ms', loss: 0.05, reorder: { lateMs: 7, chance: 0.05 } });
  const last = net.link(router, server, { bitsPerSecond: 2e6, queue: 'codel', mtu: 1300 });
  last.schedule([{ at: 0 }, { at: '300 ms', loss: 1 }, { at: '900 ms', duplicate: 0.1 }], { every: '2 s' });
  const listener = server.listen(7);
  void (async () => {
    for await (const socket of listener) void (async () => { for await (const bytes of socket) await socket.write(bytes); })().catch(() => {});
  })();
  await net.runUntil(Promise.all(phones.map(async (phone) => {
    const socket = await phone.connect(server, 7);
    void socket.write(new Uint8Array(100_000).fill(7)).then(() => socket.end());
    for await (const bytes of socket) if (bytes[0] !== 7) throw new Error('wrong');
  })), { max: '1 h' });
  return `${net.log.count} frames until ${net.now} ms, trace hash ${net.traceHash}`;
}

/** 500,000 bytes over a bad line, from one seed. */
function transfer(address: string): Run {
  const sim = new Simulation(7);
  const [left, right] = [sim.host('left'), sim.host('right')];
  const link = sim.link(left, right, { delayMs: 10, jitterMs: 2, loss: 0.02, duplicate: 0.01, bitsPerSecond: 20e6, queueBytes: 60_000 });
  const trace = new Fnv();
  sim.tap = (from: LinkEnd, packet: Packet) => {
    trace.number(from === link.ends[0] ? 0 : 1);
    trace.number(sim.now);
    for (let at = packet.start; at < packet.end; at++) trace.byte(packet.bytes[at]!);
  };
  const flow = new BulkFlow(sim, left, right, { address, bytes: 500_000 });
  sim.run(() => flow.isOver, 60_000);
  const lost = link.ends.reduce((sum, end) => sum + end.impairment.tally.lost, 0);
  return { received: flow.received, packets: sim.packets, lost, tookMs: sim.now, trace: trace.text };
}

/** 200,000 bytes there and back, by the platform's own clock and timers, as the platform's own streams. */
async function echo(address: string): Promise<Echo> {
  const [left, right] = createPipe();
  const lossy = new Lossy(right);
  const [server, client] = [new Stack(), new Stack()];
  server.addInterface(left, { addresses: ['10.0.0.1/24', 'fd00::1/64'] });
  client.addInterface(lossy, { addresses: ['10.0.0.2/24', 'fd00::2/64'] });
  const drivers = [drive(server), drive(client)];

  const clients = listen(server, { port: 7 }).readable.getReader();
  void clients.read().then(({ value }) => value!.readable.pipeTo(value!.writable));
  const socket = connect(client, { hostname: address, port: 7 });
  const { remoteAddress } = await socket.opened;
  const writer = socket.writable.getWriter();
  void writer.write(Uint8Array.from({ length: 200_000 }, (_, i) => i % 251)).then(() => writer.close());

  let [received, wrong] = [0, 0];
  const reader = socket.readable.getReader();
  for (let piece = (await reader.read()).value; piece !== undefined; piece = (await reader.read()).value) {
    for (const byte of piece) if (byte !== received++ % 251) wrong++;
  }
  await socket.closed;
  for (const driver of drivers) driver.stop();
  return { remoteAddress, received, wrong, lost: lossy.lost };
}

/** Loses every fiftieth frame that it is to send. */
class Lossy implements Device {
  lost = 0;
  private sent = 0;
  readonly name = 'lossy';
  readonly medium: Device['medium'];
  readonly mtu: number;
  readonly linkAddress: Uint8Array | null;
  readonly offload: Device['offload'];

  constructor(private readonly device: Device) {
    ({ medium: this.medium, mtu: this.mtu, linkAddress: this.linkAddress, offload: this.offload } = device);
  }

  attach(sink: FrameSink): void {
    this.device.attach(sink);
  }

  transmit(packet: Packet): boolean {
    if (++this.sent % 50 > 0) return this.device.transmit(packet);
    this.lost++;
    packet.release();
    return true;
  }

  close(): void {
    this.device.close();
  }
}

/** FNV-1a, 32 bits. */
class Fnv {
  private hash = 0x811c_9dc5;
  private readonly float = new Float64Array(1);
  private readonly bytes = new Uint8Array(this.float.buffer);

  byte(value: number): void {
    this.hash = Math.imul(this.hash ^ value, 0x0100_0193);
  }

  number(value: number): void {
    this.float[0] = value;
    for (const byte of this.bytes) this.byte(byte);
  }

  get text(): string {
    return (this.hash >>> 0).toString(16).padStart(8, '0');
  }
}
