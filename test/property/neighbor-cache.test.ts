// The neighbour cache against the table of RFC 4861 Appendix C, kept as a naive list of rows; and under any flood.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Address } from '../../src/address.js';
import { Counters } from '../../src/counters.js';
import { LimitRegistry } from '../../src/limits.js';
import { NeighborCache, type NeighborOwner } from '../../src/link/neighbor-cache.js';
import { type Packet, PacketPool } from '../../src/packet.js';
import { SeededRandom } from '../../src/random.js';

const peer = (n: number): Address => new Address(0xfd000000 | 0, 0, 0, n);
const station = (n: number): Uint8Array => Uint8Array.of(2, 0, 0, 0, 1, n);

/** One entry as the RFC tells it: times are whole milliseconds, the spread is 1. */
interface Row { state: string; station: number | null; until: number; asked: number; waiting: number[] }

/** The model: entries in an object, events as the RFC's table has them. What is done is written down. */
class Model {
  readonly rows: Record<number, Row> = {};
  readonly log: string[] = [];

  send(n: number, packet: number, now: number): void {
    const row = this.rows[n];
    if (row === undefined) {
      this.rows[n] = { state: 'INCOMPLETE', station: null, until: now + 1000, asked: 1, waiting: [packet] };
      this.log.push(`${now} ask all for ${n}`);
    } else if (row.state === 'INCOMPLETE') {
      row.waiting = [...row.waiting, packet].slice(-3);
    } else {
      if (row.state === 'STALE' || (row.state === 'REACHABLE' && now >= row.until)) {
        Object.assign(row, { state: 'DELAY', until: now + 5000 });
      }
      this.log.push(`send ${packet} to ${row.station}`);
    }
  }

  heard(n: number, from: number, _now: number): void {
    const row = this.rows[n] ??= { state: 'STALE', station: from, until: 0, asked: 0, waiting: [] };
    if (row.state !== 'INCOMPLETE' && row.station === from) return;
    this.learn(row, 'STALE', from, 0);
  }

  advertised(n: number, from: number | null, solicited: boolean, override: boolean, now: number): void {
    const row = this.rows[n];
    if (row === undefined || (row.state === 'INCOMPLETE' && from === null)) return;
    const differs = from !== null && from !== row.station;
    if (row.state !== 'INCOMPLETE' && differs && !override) {
      if (row.state === 'REACHABLE') row.state = 'STALE';
    } else if (solicited) {
      this.learn(row, 'REACHABLE', from ?? row.station!, now + 30_000);
    } else if (differs) {
      this.learn(row, 'STALE', from, 0);
    }
  }

  confirm(n: number, now: number): void {
    const row = this.rows[n];
    if (row !== undefined && row.state !== 'INCOMPLETE') Object.assign(row, { state: 'REACHABLE', until: now + 30_000 });
  }

  /** One millisecond after the other. */
  pass(from: number, to: number): void {
    for (let now = from; now <= to; now++) for (const n of Object.keys(this.rows).map(Number)) this.tick(n, now);
  }

  private tick(n: number, now: number): void {
    const row = this.rows[n]!;
    if (!['INCOMPLETE', 'DELAY', 'PROBE'].includes(row.state) || now < row.until) return;
    if (row.state === 'DELAY') Object.assign(row, { state: 'PROBE', asked: 0 });
    if (row.asked === 3) {
      delete this.rows[n];
      for (const packet of row.waiting) this.log.push(`${now} unreachable ${packet}`);
      return;
    }
    row.asked++;
    row.until = now + 1000;
    this.log.push(`${now} ask ${row.state === 'PROBE' ? row.station : 'all'} for ${n}`);
  }

  private learn(row: Row, state: string, from: number, until: number): void {
    const { waiting } = row;
    Object.assign(row, { state, station: from, until, waiting: [] });
    for (const packet of waiting) this.log.push(`send ${packet} to ${from}`);
  }
}

/** The cache, writing down the same. */
class Bench implements NeighborOwner {
  readonly linkAddress = Uint8Array.of(2, 0, 0, 0, 0, 1);
  readonly pool = new PacketPool();
  readonly counters = new Counters();
  readonly limits = new LimitRegistry();
  readonly random;
  readonly cache: NeighborCache;
  readonly log: string[] = [];

  constructor(seed: number | null) {
    this.random = seed === null ? { u32: () => 0, below: (n: number) => n >> 1 } : new SeededRandom(seed);
    this.cache = new NeighborCache(this, this, 'x');
  }

  send(n: number, id: number, now: number): void {
    const packet = this.pool.take(2);
    packet.end += 2;
    packet.bytes[packet.start] = id >> 8;
    packet.bytes[packet.start + 1] = id;
    this.cache.send(packet, peer(n), now);
  }

  /** To the deadlines one by one, as a stack is driven. */
  pass(to: number): void {
    while (this.cache.nextTimeout() <= to) this.cache.expire(this.cache.nextTimeout());
  }

  solicit(target: Address, linkAddress: Uint8Array | null, now: number): void {
    this.log.push(`${now} ask ${linkAddress === null ? 'all' : linkAddress[5]} for ${target.w3}`);
  }

  sendTo(linkAddress: Uint8Array, packet: Packet): void {
    this.log.push(`send ${this.idOf(packet)} to ${linkAddress[5]}`);
  }

  unreachable(packet: Packet, now: number): void {
    this.log.push(`${now} unreachable ${this.idOf(packet)}`);
  }

  private idOf(packet: Packet): number {
    const id = (packet.bytes[packet.start]! << 8) | packet.bytes[packet.start + 1]!;
    packet.release();
    return id;
  }
}

const anyPeer = fc.integer({ min: 1, max: 3 });
const anyStation = fc.integer({ min: 1, max: 3 });
const anyEvent = fc.oneof(
  fc.record({ kind: fc.constant('send' as const), peer: anyPeer }),
  fc.record({ kind: fc.constant('heard' as const), peer: anyPeer, station: anyStation }),
  fc.record({
    kind: fc.constant('advertised' as const), peer: anyPeer, station: fc.option(anyStation),
    solicited: fc.boolean(), override: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('confirm' as const), peer: anyPeer }),
  fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(1, 999, 1000, 1001, 4999, 5000, 29_999, 30_000) }),
);

test('whatever happens, in whatever order, each entry is where the table of Appendix C has it', () => {
  fc.assert(fc.property(fc.array(anyEvent, { maxLength: 40 }), (events) => {
    const bench = new Bench(null);
    const model = new Model();
    let now = 0;
    events.forEach((event, id) => {
      if (event.kind === 'send') {
        bench.send(event.peer, id, now);
        model.send(event.peer, id, now);
      } else if (event.kind === 'heard') {
        bench.cache.heard(peer(event.peer), station(event.station), now);
        model.heard(event.peer, event.station, now);
      } else if (event.kind === 'advertised') {
        const { solicited, override } = event;
        const linkAddress = event.station === null ? null : station(event.station);
        bench.cache.advertised(peer(event.peer), linkAddress, { solicited, override, router: false }, now);
        model.advertised(event.peer, event.station, solicited, override, now);
      } else if (event.kind === 'confirm') {
        bench.cache.confirm(peer(event.peer), now);
        model.confirm(event.peer, now);
      } else {
        bench.pass(now + event.ms);
        model.pass(now, now + event.ms);
        now += event.ms;
      }
      bench.cache.check();
      const states = [...bench.cache.entries()].map(({ address, state }) => [address.w3, state]);
      expect(new Map(states as [number, string][])).toEqual(new Map(Object.entries(model.rows).map(([n, { state }]) => [+n, state])));
    });
    // Of several deadlines in one millisecond either may come first.
    expect([...bench.log].sort()).toEqual([...model.log].sort());
  }), { numRuns: 150 });
});

test('no flood goes beyond a limit, loses a packet uncounted, or costs a reachable neighbour its entry', () => {
  const anyFlood = fc.array(fc.record({
    count: fc.integer({ min: 1, max: 400 }),
    from: fc.integer({ min: 0, max: 2000 }),
    kind: fc.constantFrom('send', 'heard', 'answered'),
    wait: fc.constantFrom(0, 1, 500, 3000),
  }), { maxLength: 12 });
  fc.assert(fc.property(anyFlood, fc.integer(), (floods, seed) => {
    const bench = new Bench(seed);
    let now = 0;
    let sent = 0;
    const friends = [9001, 9002, 9003];
    for (const friend of friends) bench.cache.heard(peer(friend), station(7), now);
    for (const { count, from, kind, wait } of floods) {
      for (let n = from; n < from + count; n++) {
        for (const friend of friends) bench.cache.confirm(peer(friend), now);
        if (kind !== 'heard') {
          bench.send(n, 0, now);
          sent++;
        }
        if (kind === 'heard') bench.cache.heard(peer(n), station(8), now);
        if (kind === 'answered') {
          bench.cache.advertised(peer(n), station(8), { solicited: true, override: true, router: false }, now);
        }
      }
      bench.cache.check();
      for (const { name, max, used } of bench.limits.all()) expect(used(), name).toBeLessThanOrEqual(max);
      for (const friend of friends) expect(bench.cache.find(peer(friend))?.state).toBe('REACHABLE');
      now += wait;
      bench.pass(now);
    }
    const gone = bench.log.filter((line) => line.startsWith('send') || line.includes('unreachable')).length;
    const dropped = Object.values(bench.counters.dropped()).reduce((a, b) => a + b, 0);
    expect(gone + dropped + bench.pool.outstanding).toBe(sent);
  }), { numRuns: 15 });
});
