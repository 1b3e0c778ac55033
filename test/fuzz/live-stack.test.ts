// Hostile bytes into a living stack: nothing is thrown, no table grows beyond its limit, and when the noise is over
// everything that it left behind goes away. SEC-01 … 15, 26 – 28, 35 – 38, 90, 96.

import { describe, expect, test } from 'vitest';

import type { Device, FrameSink } from '../../src/link/device.js';
import { NO_OFFLOAD } from '../../src/link/device.js';
import { createPipe } from '../../src/link/pipe.js';
import { type Packet, packetOf } from '../../src/packet.js';
import { SeededRandom } from '../../src/random.js';
import { serveAll } from '../../src/services/small-servers.js';
import { ping } from '../../src/socket-api/ping.js';
import { RawSocket } from '../../src/socket-api/raw.js';
import { TcpSocket } from '../../src/socket-api/tcp.js';
import { UdpSocket } from '../../src/socket-api/udp.js';
import { Stack } from '../../src/stack.js';
import { mend } from './harness/mend.js';

type Medium = 'ip' | 'ethernet';

/** Frames altogether, over both media and all seeds. */
const FRAMES = 200_000;
const SEEDS = [1, 2];

/** Records what passes to `to`. */
function recorded(device: Device, into: Uint8Array[]): Device {
  const { name, medium, mtu, linkAddress, offload } = device;
  return {
    name, medium, mtu, linkAddress, offload,
    attach: (sink: FrameSink) => device.attach({
      receive(packet: Packet) {
        into.push(packet.bytes.slice(packet.start, packet.end));
        sink.receive(packet);
      },
      batchEnd: () => sink.batchEnd(),
      lost: (error) => sink.lost(error),
    }),
    transmit: (packet) => device.transmit(packet),
    close: () => device.close(),
  };
}

const OURS = ['10.0.0.2/24', 'fd00::2/64'];
const PEERS = ['10.0.0.1/24', 'fd00::1/64'];

/** What a well-behaved peer sends us in a conversation of every kind: the seeds of the mutations. */
async function conversation(medium: Medium): Promise<Uint8Array[]> {
  const frames: Uint8Array[] = [];
  const [a, b] = createPipe({ medium, mtu: 1500 });
  const [us, peer] = [new Stack({ random: new SeededRandom(1) }), new Stack({ random: new SeededRandom(2) })];
  us.addInterface(recorded(a, frames), { addresses: OURS });
  peer.addInterface(b, { addresses: PEERS });
  const services = serveAll(us, () => 'today');
  let now = 0;
  let over = false;
  const talk = (async () => {
    for (const to of ['10.0.0.2', 'fd00::2']) {
      await ping(peer, to, { bytes: 100 });
      await ping(peer, to, { bytes: 5000 });
      const udp = UdpSocket.bind(peer, { family: to.includes(':') ? 6 : 4 });
      udp.connect({ address: to, port: 7 });
      for (const length of [0, 10, 3000]) {
        udp.send(new Uint8Array(length));
        await udp.receive();
      }
      udp.close();
      const tcp = await TcpSocket.connect(peer, { address: to, port: 7 });
      await tcp.write(new Uint8Array(8000).fill(1));
      for (let got = 0; got < 8000;) got += (await tcp.read())!.length;
      tcp.end();
      await tcp.read();
      await tcp.close();
      await TcpSocket.connect(peer, { address: to, port: 4 }).catch(() => {});
    }
    over = true;
  })();
  for (let i = 0; i < 20_000 && !over; i++) {
    us.poll(now);
    peer.poll(now);
    for (let k = 0; k < 10; k++) await Promise.resolve();
    const next = Math.min(us.nextTimeout(), peer.nextTimeout());
    if (next > now && next < Infinity) now = next;
  }
  await talk;
  services.close();
  return frames;
}

/** One frame of noise: random bytes, or a real frame that something happened to. Half of them keep valid checksums. */
function noise(random: SeededRandom, corpus: readonly Uint8Array[], medium: Medium): Uint8Array {
  if (random.below(10) === 0) return randomBytes(random, random.below(200));
  let frame = corpus[random.below(corpus.length)]!.slice();
  const at = medium === 'ethernet' ? 14 : 0;
  for (let changes = 1 + random.below(4); changes > 0; changes--) frame = mutate(random, frame, corpus);
  if (random.below(2) === 0) mend(frame, at);
  return frame;
}

function randomBytes(random: SeededRandom, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.below(256));
}

const INTERESTING = [0, 1, 2, 4, 5, 8, 0x0f, 0x10, 0x40, 0x7f, 0x80, 0xfe, 0xff];

function mutate(random: SeededRandom, frame: Uint8Array<ArrayBuffer>, corpus: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  if (frame.length === 0) return frame;
  // Headers are where the decisions are.
  const at = random.below(random.below(3) === 0 ? frame.length : Math.min(80, frame.length));
  switch (random.below(8)) {
    case 0:
    case 1:
      frame[at]! ^= 1 << random.below(8);
      return frame;
    case 2:
    case 3:
      frame[at] = INTERESTING[random.below(INTERESTING.length)]!;
      return frame;
    case 4:
      frame[at] = random.below(256);
      return frame;
    case 5:
      return frame.slice(0, at);
    case 6: {
      const more = randomBytes(random, random.below(64));
      const longer = new Uint8Array(frame.length + more.length);
      longer.set(frame);
      longer.set(more, frame.length);
      return longer;
    }
    default: {
      const other = corpus[random.below(corpus.length)]!;
      const length = Math.min(random.below(40), other.length, frame.length - at);
      frame.set(other.subarray(0, length), at);
      return frame;
    }
  }
}

/** A device that a test feeds, and that counts what it is given to send. */
class Feed implements Device {
  readonly name = 'feed';
  readonly mtu = 1500;
  readonly offload = NO_OFFLOAD;
  sent = 0;
  sentBytes = 0;
  private sink: FrameSink | null = null;

  constructor(readonly medium: Medium, readonly linkAddress: Uint8Array | null) {}

  attach(sink: FrameSink): void {
    this.sink = sink;
  }

  feed(bytes: Uint8Array): void {
    this.sink!.receive(packetOf(bytes));
  }

  transmit(packet: Packet): boolean {
    this.sent++;
    this.sentBytes += packet.length;
    packet.release();
    return true;
  }

  close(): void {}
}

describe.each(['ip', 'ethernet'] as const)('on medium %s', (medium) => {
  test.each(SEEDS)(`${FRAMES / 2 / SEEDS.length} frames of noise: no throw, no growth, and quiet afterwards (seed %i)`, async (seed) => {
    const corpus = await conversation(medium);
    expect(corpus.length).toBeGreaterThan(40);
    const linkAddress = medium === 'ethernet' ? Uint8Array.of(2, 0, 0, 0, 0, 1) : null;
    const device = new Feed(medium, linkAddress);
    const errors: unknown[] = [];
    const stack = new Stack({ random: new SeededRandom(seed), onApplicationError: (error) => errors.push(error) });
    const idle = stack.limits.all().map((limit) => limit.used());
    stack.addInterface(device, { addresses: OURS });
    const services = serveAll(stack, () => 'today');
    const raw = RawSocket.open(stack);
    const random = new SeededRandom(seed);
    let now = 0;
    let fedBytes = 0;
    const frames = FRAMES / 2 / SEEDS.length;
    for (let i = 0; i < frames; i++) {
      const frame = noise(random, corpus, medium);
      fedBytes += frame.length;
      device.feed(frame);
      if (i % 16 < 15) continue;
      now += random.below(20);
      stack.poll(now);
      if (i % 160 === 159) for (let k = 0; k < 4; k++) await Promise.resolve();
      if (i % 1600 === 1599) for (const { name, max, used } of stack.limits.all()) expect(used(), name).toBeLessThanOrEqual(max);
    }
    // Much of it reached the transports, or this proved little.
    expect(stack.tcp.connections.size + stack.counters.drops['tcp-no-socket'] + stack.counters.drops['tcp-bad-checksum']).toBeGreaterThan(100);
    // I8: noise is not amplified.
    expect(device.sentBytes).toBeLessThan(3 * fedBytes);
    services.close();
    raw.close();
    for (let i = 0; i < 200_000; i++) {
      for (let k = 0; k < 4; k++) await Promise.resolve();
      const next = stack.nextTimeout();
      if (next === Infinity) break;
      now = Math.max(now, next);
      stack.poll(now);
    }
    expect(errors).toEqual([]);
    expect(stack.tcp.connections.size).toBe(0);
    expect(stack.tcp.timeWait.size).toBe(0);
    expect(stack.pool.outstanding).toBe(0);
    for (const [i, limit] of stack.limits.all().entries()) {
      const isTable = /connections|half-open|out-of-order|fragments|endpoints|receive-queue|raw/.test(limit.name);
      if (isTable && i < idle.length) expect(limit.used(), limit.name).toBeLessThanOrEqual(idle[i]!);
    }
  }, 120_000);
});
