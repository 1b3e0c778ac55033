// A network in one process: what arrives is what was sent, when the link's line and delay say, from one seed.

import { describe, expect, test } from 'vitest';

import { address } from '../../../src/address.js';
import { SeededRandom } from '../../../src/random.js';
import { BulkFlow } from '../../../src/testing/bulk-flow.js';
import { EventQueue } from '../../../src/testing/event-queue.js';
import type { Fate } from '../../../src/testing/impairment.js';
import { type Host, Simulation, type SimulationLinkOptions } from '../../../src/testing/simulation.js';
import type { Packet } from '../../../src/packet.js';
import { EVERYTHING } from '../../fixtures/two-stacks.js';

interface Net {
  sim: Simulation;
  a: Host;
  b: Host;
  /** Length and fate of what was sent, by end. */
  sent: [string, number, Fate][];
}

function net(link: SimulationLinkOptions, seed = 1, others = 0): Net {
  const sim = new Simulation(seed);
  for (let n = 0; n < others; n++) sim.host(`other ${n}`);
  const [a, b] = [sim.host('a'), sim.host('b')];
  sim.link(a, b, link);
  const sent: Net['sent'] = [];
  sim.tap = (from, packet: Packet, fate) => sent.push([from.name, packet.length, fate]);
  return { sim, a, b, sent };
}

/** Whole transfers, both ends closed. */
function carry({ sim, a, b }: Net, bytes: number, family: 4 | 6 = 4): BulkFlow {
  const flow = new BulkFlow(sim, a, b, { bytes, address: family === 4 ? '10.0.1.2' : 'fd00:1::2' });
  expect(sim.run(() => flow.isOver, 3_600_000)).toBe('done');
  expect(flow.received).toBe(bytes);
  return flow;
}

describe('the order of events', () => {
  test('is that of time, and of planning at the same time: as a stable sort has it', () => {
    const dice = new SeededRandom(7);
    const queue = new EventQueue<number>();
    const happened: number[] = [];
    const target = { happen: (n: number) => void happened.push(n) };
    const times: number[] = [];
    let now = 0;
    for (let n = 0; n < 3000; n++) {
      times.push(now + dice.below(50));
      queue.plan(times[n]!, target, n);
      if (dice.below(3) > 0) continue;
      now += dice.below(3);
      while (queue.happen(now));
    }
    while (queue.happen(Number.MAX_VALUE));
    expect(happened).toEqual(times.map((_, n) => n).toSorted((x, y) => times[x]! - times[y]! || x - y));
    expect([queue.size, queue.nextTimeout()]).toEqual([0, Infinity]);
  });
});

describe('a link', () => {
  test('an echo takes two delays and the time on the line, both ways', () => {
    const { sim, a } = net({ delayMs: 20, bitsPerSecond: 8_000_000 });
    const echo = a.stack.icmp.openEcho()!;
    let answeredAt = -1;
    echo.onReply = ({ at }) => {
      answeredAt = at;
    };
    echo.send(address('10.0.1.2'), 1, new Uint8Array(972), sim.now);
    sim.run(() => answeredAt >= 0, 1000);
    // 1000 bytes at 8 Mb/s: a millisecond.
    expect(answeredAt).toBe(42);
  });

  test.each([4, 6] as const)('over IPv%i a stream is cut into packets of the MTU, and carried at the rate of the line', (family) => {
    const world = net({ delayMs: 5, bitsPerSecond: 10_000_000, mtu: 1400 });
    carry(world, 1_000_000, family);
    expect(Math.max(...world.sent.map(([, length]) => length))).toBe(1400);
    expect(world.sim.now).toBeGreaterThan(800);
    expect(world.sim.now).toBeLessThan(1000);
  });

  test('with offload it carries superpackets, and loses what is damaged where no sum would tell', () => {
    const world = net({ delayMs: 5, offload: EVERYTHING, corrupt: 0.05 });
    carry(world, 3_000_000);
    expect(Math.max(...world.sent.map(([, length]) => length))).toBeGreaterThan(20_000);
  });

  test('what is damaged under a sum that is not on the wire yet does not arrive at all', () => {
    const world = net({ delayMs: 5, offload: EVERYTHING, corrupt: 1 });
    new BulkFlow(world.sim, world.a, world.b);
    world.sim.advance(500);
    expect([world.sent.length, world.b.stack.counters.rxPackets]).toEqual([1, 0]);
  });

  test('what is doubled arrives twice, and the copy is the same packet', () => {
    const { sim, a, b } = net({ delayMs: 5, jitterMs: 5, duplicate: 1 });
    const echo = a.stack.icmp.openEcho()!;
    const heard: number[] = [];
    echo.onReply = ({ payload }) => heard.push(...payload);
    echo.send(address('10.0.1.2'), 1, Uint8Array.of(7), sim.now);
    sim.advance(100);
    expect([b.stack.counters.rxPackets, heard]).toEqual([2, [7, 7, 7, 7]]);
  });

  test('lossy, jittering, doubling and damaging, it still carries every byte', () => {
    const world = net({ delayMs: 5, jitterMs: 3, overtaking: true, loss: 0.02, duplicate: 0.05, corrupt: 0.02, reorder: { every: 9, lateMs: 4 } });
    carry(world, 300_000);
    for (const { stack } of [world.a, world.b]) expect(stack.tcp.connections.size).toBe(0);
    world.sim.advance(1000);
    expect([world.a.stack.pool.outstanding, world.b.stack.pool.outstanding, world.sim.inFlight]).toEqual([0, 0, 0]);
  });

  test('beyond an MTU that a router names, TCP goes on with smaller packets; nothing above it passes', () => {
    const world = net({ delayMs: 5, pathMtu: 1280, tooBig: 'icmp' });
    carry(world, 100_000);
    const tooBig = world.sent.filter(([, , fate]) => fate === 'too-big');
    expect(tooBig.length).toBeGreaterThan(0);
    expect(tooBig.every(([, length]) => length > 1280)).toBe(true);
    expect(world.sim.now).toBeLessThan(1000);
  });

  test('each direction may have its own faults; unplugged, nothing passes until it is plugged in', () => {
    const world = net({ delayMs: 5, back: { delayMs: 50 } });
    const [link] = world.sim.links;
    link!.unplug();
    const flow = new BulkFlow(world.sim, world.a, world.b, { bytes: 1000 });
    world.sim.advance(500);
    expect(flow.sender!.state).toBe('SYN-SENT');
    link!.plug();
    world.sim.run(() => flow.received > 0, 10_000);
    // The SYN again after a second, its answer, the text: 5 + 50 + 5.
    expect(world.sim.now).toBe(1060);
  });
});

describe('a simulation', () => {
  const bad: SimulationLinkOptions = { delayMs: 10, jitterMs: 5, loss: 0.05, bitsPerSecond: 5_000_000 };

  const hashOf = (seed: number, link = bad, others = 0): string => {
    const world = net(link, seed, others);
    carry(world, 100_000);
    return world.sim.traceHash;
  };

  test('the same seed gives the same trace; another seed, or a link a little different, gives another', () => {
    expect(hashOf(1)).toBe(hashOf(1));
    expect(new Set([hashOf(1), hashOf(2), hashOf(1, { ...bad, delayMs: 10.001 })]).size).toBe(3);
  });

  test('a host more changes nothing for the others', () => {
    expect(hashOf(1, bad, 3)).toBe(hashOf(1));
  });

  test('it ends asleep when nothing will ever happen, late when the time is over, and time has then passed', () => {
    const { sim, a, b } = net({ delayMs: 10, bitsPerSecond: 1_000_000 });
    expect([sim.run(() => false), sim.now]).toEqual(['asleep', 0]);
    new BulkFlow(sim, a, b);
    expect([sim.run(() => false, 1500), sim.now]).toEqual(['late', 1500]);
  });

  test('a call at the very end of a stretch of time is made, one after it is not', () => {
    const sim = new Simulation();
    const made: number[] = [];
    for (const ms of [10, 11, 5]) sim.after(ms, () => made.push(sim.now));
    sim.advance(10);
    expect(made).toEqual([5, 10]);
    expect([sim.run(() => false, 1), made]).toEqual(['asleep', [5, 10, 11]]);
  });
});
