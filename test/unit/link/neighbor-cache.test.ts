import { afterEach, describe, expect, test, vi } from 'vitest';
import { type Address, address, formatAddress } from '../../../src/address.js';
import { hex } from '../../../src/bytes.js';
import { Counters } from '../../../src/counters.js';
import { LimitRegistry } from '../../../src/limits.js';
import { NeighborCache, type NeighborState } from '../../../src/link/neighbor-cache.js';
import { type Packet, PacketPool } from '../../../src/packet.js';
import { type Random, SeededRandom } from '../../../src/random.js';
import { SipHash } from '../../../src/siphash.js';

const OURS = Uint8Array.of(2, 0, 0, 0, 0, 1);
const HERS = Uint8Array.of(2, 0, 0, 0, 0, 2);
const HIS = Uint8Array.of(2, 0, 0, 0, 0, 3);
const PEER = address('fd00::2');
const PEER4 = address('10.0.0.2');

const SOLICITED = { solicited: true, override: true, router: false };
const UNSOLICITED = { solicited: false, override: true, router: false };

/** A cache and its port; packets are told apart by their length. */
class Bench {
  readonly pool = new PacketPool();
  readonly counters = new Counters();
  readonly limits = new LimitRegistry();
  readonly linkAddress = OURS;
  /** What the cache asked its port to do since the last look. */
  private log: string[] = [];
  readonly cache: NeighborCache;
  now = 1000;

  /** REACHABLE lasts exactly REACHABLE_TIME: the middle of the range is drawn. */
  constructor(readonly random: Random = { u32: () => 0, below: (n) => n >> 1 }) {
    this.cache = new NeighborCache(this, this, 'x');
  }

  send(to: Address = PEER, length = 1): this {
    const packet = this.pool.take(length);
    packet.end += length;
    this.cache.send(packet, to, this.now);
    return this;
  }

  /** The cache's timers run until `ms` have passed. */
  wait(ms: number): this {
    const until = this.now + ms;
    while (this.cache.nextTimeout() <= until) {
      this.now = Math.max(this.now, this.cache.nextTimeout());
      this.cache.expire(this.now);
      this.cache.check();
    }
    this.now = until;
    return this;
  }

  heard(from: Address, linkAddress: Uint8Array): this {
    this.cache.heard(from, linkAddress, this.now);
    return this;
  }

  advertised(from: Address, linkAddress: Uint8Array | null, flags = SOLICITED): boolean {
    return this.cache.advertised(from, linkAddress, flags, this.now);
  }

  /** What happened since the last call; `@` gives the milliseconds since the beginning. */
  happened(): string[] {
    this.cache.check();
    const { log } = this;
    this.log = [];
    return log;
  }

  stateOf(of: Address = PEER): NeighborState | undefined {
    return this.cache.find(of)?.state;
  }

  limit(name: string): { max: number; used: () => number } {
    return this.limits.all().find((limit) => limit.name === `link.x.neighbors${name}`)!;
  }

  solicit(target: Address, linkAddress: Uint8Array | null, now: number): void {
    this.log.push(`@${now - 1000} ask ${linkAddress === null ? 'all' : hex(linkAddress)} for ${formatAddress(target)}`);
  }

  sendTo(linkAddress: Uint8Array, packet: Packet): void {
    this.log.push(`send ${packet.length} to ${hex(linkAddress)}`);
    packet.release();
  }

  unreachable(packet: Packet, now: number): void {
    this.log.push(`@${now - 1000} unreachable ${packet.length}`);
    packet.release();
  }
}

describe('address resolution (RFC 4861 §7.2)', () => {
  test('asks everybody, and sends what waited, in order, when the answer comes', () => {
    const bench = new Bench().send(PEER, 1).send(PEER, 2);
    expect(bench.happened()).toEqual(['@0 ask all for fd00::2']);
    expect(bench.stateOf()).toBe('INCOMPLETE');
    bench.advertised(PEER, HERS);
    expect(bench.happened()).toEqual(['send 1 to 020000000002', 'send 2 to 020000000002']);
    bench.send(PEER, 3);
    expect(bench.happened()).toEqual(['send 3 to 020000000002']);
  });

  test('asks three times, a second apart, then gives each waiting packet back and forgets the neighbour (§7.2.2)', () => {
    const bench = new Bench().send(PEER, 1).send(PEER, 2).wait(2999);
    expect(bench.happened()).toEqual(['@0 ask all for fd00::2', '@1000 ask all for fd00::2', '@2000 ask all for fd00::2']);
    bench.wait(1);
    expect(bench.happened()).toEqual(['@3000 unreachable 1', '@3000 unreachable 2']);
    expect(bench.stateOf()).toBeUndefined();
    expect(bench.cache.nextTimeout()).toBe(Infinity);
  });

  // RFC 1122 §2.3.2.1-2.
  test('asks over ARP at most once a second, whatever a router says about IPv6 (RFC 1122 §2.3.2.1)', () => {
    const bench = new Bench();
    bench.cache.retransMs = 100;
    bench.send(PEER).send(PEER4).wait(1000);
    expect(bench.happened()).toEqual([
      '@0 ask all for fd00::2', '@0 ask all for 10.0.0.2', '@100 ask all for fd00::2', '@200 ask all for fd00::2',
      '@300 unreachable 1', '@1000 ask all for 10.0.0.2',
    ]);
  });

  // RFC 1122 §2.3.2.2-1.
  test('keeps few packets per neighbour; the new one takes the place of the eldest (§7.2.2)', () => {
    const bench = new Bench();
    for (const length of [1, 2, 3, 4, 5]) bench.send(PEER, length);
    bench.happened();
    expect(bench.counters.dropped()).toEqual({ 'neighbor-queue-full': 2 });
    expect(bench.pool.outstanding).toBe(3);
    bench.advertised(PEER, HERS);
    expect(bench.happened()).toEqual([3, 4, 5].map((length) => `send ${length} to 020000000002`));
  });

  test('a packet that comes back to the cache from an unreachable neighbour starts anew', () => {
    const bench = new Bench();
    let again = 2;
    bench.unreachable = (packet, now) => {
      if (again-- > 0) bench.cache.send(packet, PEER, now);
      else packet.release();
    };
    bench.send().wait(20_000);
    expect(bench.happened()).toHaveLength(9);
    expect(bench.pool.outstanding).toBe(0);
  });
});

// RFC 4861 Appendix C, row by row. Null: no such entry.
describe('the reachability state machine (RFC 4861 Appendix C)', () => {
  type Event = (bench: Bench) => void;
  const advertisement = (solicited: boolean, override: boolean, linkAddress: Uint8Array | null): Event => (bench) => {
    bench.advertised(PEER, linkAddress, { solicited, override, router: false });
  };

  const inState: Record<NeighborState, () => Bench> = {
    INCOMPLETE: () => new Bench().send(),
    REACHABLE: () => {
      const bench = new Bench().send();
      bench.advertised(PEER, HERS);
      return bench;
    },
    STALE: () => new Bench().heard(PEER, HERS),
    DELAY: () => inState.STALE().send(),
    PROBE: () => inState.DELAY().wait(5000),
    PERMANENT: () => {
      const bench = new Bench();
      bench.cache.setPermanent(PEER, HERS);
      return bench;
    },
  };

  const KNOWN: NeighborState[] = ['REACHABLE', 'STALE', 'DELAY', 'PROBE'];
  const ALL: NeighborState[] = ['INCOMPLETE', ...KNOWN];
  const rows: [from: NeighborState[], event: string, act: Event, to: NeighborState | 'unchanged', at: Uint8Array][] = [
    [['INCOMPLETE'], 'NA S=0 O=0', advertisement(false, false, HERS), 'STALE', HERS],
    [['INCOMPLETE'], 'NA S=0 O=1', advertisement(false, true, HERS), 'STALE', HERS],
    [['INCOMPLETE'], 'NA S=1 O=0', advertisement(true, false, HERS), 'REACHABLE', HERS],
    [['INCOMPLETE'], 'NA S=1 O=1', advertisement(true, true, HERS), 'REACHABLE', HERS],
    [['INCOMPLETE'], 'NA S=1 O=1, no address', advertisement(true, true, null), 'unchanged', new Uint8Array(6)],
    [KNOWN, 'NA S=1 O=0, same address', advertisement(true, false, HERS), 'REACHABLE', HERS],
    [KNOWN, 'NA S=1 O=0, no address', advertisement(true, false, null), 'REACHABLE', HERS],
    [KNOWN, 'NA S=0 O=1, no address', advertisement(false, true, null), 'unchanged', HERS],
    [['REACHABLE'], 'NA S=1 O=0, another address', advertisement(true, false, HIS), 'STALE', HERS],
    [['REACHABLE'], 'NA S=0 O=0, another address', advertisement(false, false, HIS), 'STALE', HERS],
    [['STALE', 'DELAY', 'PROBE'], 'NA S=1 O=0, another address', advertisement(true, false, HIS), 'unchanged', HERS],
    [KNOWN, 'NA S=1 O=1, another address', advertisement(true, true, HIS), 'REACHABLE', HIS],
    [KNOWN, 'NA S=0 O=0, same address', advertisement(false, false, HERS), 'unchanged', HERS],
    [KNOWN, 'NA S=0 O=1, same address', advertisement(false, true, HERS), 'unchanged', HERS],
    [KNOWN, 'NA S=0 O=1, another address', advertisement(false, true, HIS), 'STALE', HIS],
    [KNOWN, 'confirmation from above', (bench) => bench.cache.confirm(PEER, bench.now), 'REACHABLE', HERS],
    [['INCOMPLETE'], 'confirmation from above', (bench) => bench.cache.confirm(PEER, bench.now), 'unchanged', new Uint8Array(6)],
    [['INCOMPLETE'], 'NS, RS, RA or redirect', (bench) => bench.heard(PEER, HIS), 'STALE', HIS],
    [KNOWN, 'NS, RS, RA or redirect, another address', (bench) => bench.heard(PEER, HIS), 'STALE', HIS],
    [KNOWN, 'NS, RS, RA or redirect, same address', (bench) => bench.heard(PEER, HERS), 'unchanged', HERS],
    [['STALE'], 'a packet to send', (bench) => bench.send(), 'DELAY', HERS],
    [['DELAY'], 'the delay passes', (bench) => bench.wait(5000), 'PROBE', HERS],
    [['DELAY'], 'most of the delay passes', (bench) => bench.wait(4999), 'unchanged', HERS],
    [['PROBE'], 'two intervals without an answer', (bench) => bench.wait(2999), 'unchanged', HERS],
    // What the operator said stands (SEC-22).
    [['PERMANENT'], 'NA S=1 O=1, another address', advertisement(true, true, HIS), 'unchanged', HERS],
    [['PERMANENT'], 'NS, RS, RA or redirect, another address', (bench) => bench.heard(PEER, HIS), 'unchanged', HERS],
    [['PERMANENT'], 'confirmation, packets, time', (bench) => {
      bench.cache.confirm(PEER, bench.now);
      bench.send().wait(1e9);
    }, 'unchanged', HERS],
    // SEC-22: a group, nobody, or we: nobody else can be there.
    ...[Uint8Array.of(3, 0, 0, 0, 0, 2), new Uint8Array(6).fill(0xff), new Uint8Array(6), OURS].flatMap((mac) => [
      [ALL, `NA S=1 O=1 with ${hex(mac)}`, advertisement(true, true, mac), 'unchanged', null],
      [ALL, `NS with ${hex(mac)}`, (bench: Bench) => bench.heard(PEER, mac), 'unchanged', null],
    ] as unknown as typeof rows),
  ];

  test.each(rows.flatMap(([from, ...rest]) => from.map((state) => [state, ...rest] as const)))(
    '%s: %s', (from, _, act, to, linkAddress) => {
      const bench = inState[from]();
      expect(bench.stateOf()).toBe(from);
      const before = Uint8Array.from(bench.cache.find(PEER)!.linkAddress);
      act(bench);
      bench.happened();
      expect(bench.stateOf()).toBe(to === 'unchanged' ? from : to);
      expect(bench.cache.find(PEER)!.linkAddress).toEqual(linkAddress ?? before);
    });

  test('no entry: NS, RS, RA and redirects create one, STALE; advertisements and confirmations do not', () => {
    const bench = new Bench();
    bench.advertised(PEER, HERS);
    bench.cache.confirm(PEER, bench.now);
    expect(bench.stateOf()).toBeUndefined();
    expect(bench.heard(PEER, HERS).stateOf()).toBe('STALE');
  });

  // RFC 1122 §2.3.2.1-1.
  test('PROBE asks the neighbour itself, three times, a second apart; then the entry goes (§7.3.3)', () => {
    const bench = inState.DELAY();
    bench.happened();
    bench.wait(7999);
    const asked = [5000, 6000, 7000].map((at) => `@${at} ask 020000000002 for fd00::2`);
    expect(bench.happened()).toEqual(asked);
    expect(bench.stateOf()).toBe('PROBE');
    bench.send();
    expect(bench.happened()).toEqual(['send 1 to 020000000002']);
    bench.wait(1);
    expect([bench.happened(), bench.stateOf()]).toEqual([[], undefined]);
  });

  test('REACHABLE is believed for its time, then the next packet starts the delay', () => {
    const bench = inState.REACHABLE().wait(29_999).send();
    expect(bench.stateOf()).toBe('REACHABLE');
    bench.wait(1).send();
    expect(bench.stateOf()).toBe('DELAY');
  });

  test('each sign of life prolongs REACHABLE', () => {
    const bench = inState.REACHABLE().wait(29_000);
    bench.cache.confirm(PEER, bench.now);
    expect(bench.wait(29_000).send().stateOf()).toBe('REACHABLE');
  });

  test('in REACHABLE nothing is to be done, and nobody is woken', () => {
    expect(inState.REACHABLE().wait(10_000).cache.nextTimeout()).toBe(Infinity);
  });
});

test('the reachable time is drawn between half and one and a half of 30 s (§6.3.2)', () => {
  const times = Array.from({ length: 200 }, (_, seed) => {
    const bench = new Bench(new SeededRandom(seed)).heard(PEER, HERS);
    bench.cache.confirm(PEER, bench.now);
    return bench.cache.find(PEER)!.reachableUntil - bench.now;
  });
  expect(Math.min(...times)).toBeGreaterThanOrEqual(15_000);
  expect(Math.min(...times)).toBeLessThan(16_000);
  expect(Math.max(...times)).toBeLessThanOrEqual(45_000);
  expect(Math.max(...times)).toBeGreaterThan(44_000);
});

test('a router may set the reachable time of IPv6 neighbours, not of IPv4 ones', () => {
  const bench = new Bench().heard(PEER, HERS).heard(PEER4, HIS);
  bench.cache.baseReachableMs = 500;
  for (const peer of [PEER, PEER4]) bench.cache.confirm(peer, bench.now);
  bench.wait(500).send(PEER).send(PEER4);
  expect([bench.stateOf(PEER), bench.stateOf(PEER4)]).toEqual(['DELAY', 'REACHABLE']);
});

test('a router that says it is none any more is told of, once (§7.2.5)', () => {
  const bench = new Bench().send();
  const says = (router: boolean): boolean => bench.advertised(PEER, HERS, { ...SOLICITED, router });
  expect([says(true), says(true), says(false), says(false)]).toEqual([false, false, true, false]);
});

test('a permanent entry sends what waited, and can be removed', () => {
  const bench = new Bench().send(PEER, 4);
  bench.cache.setPermanent(PEER, HERS);
  expect(bench.happened()).toEqual(['@0 ask all for fd00::2', 'send 4 to 020000000002']);
  bench.cache.remove(PEER, bench.now);
  expect([bench.happened(), bench.stateOf()]).toEqual([[], undefined]);
});

test('a removed neighbour gives back what waited for it, and its timer wakes nobody to anything', () => {
  const bench = new Bench().send(PEER, 4);
  bench.happened();
  bench.cache.remove(PEER, bench.now);
  expect(bench.happened()).toEqual(['@0 unreachable 4']);
  expect(bench.wait(10_000).happened()).toEqual([]);
});

test('"are we asking?" is true while INCOMPLETE and in PROBE', () => {
  const bench = new Bench();
  const asking: boolean[] = [bench.cache.isAsking(PEER)];
  asking.push(bench.send().cache.isAsking(PEER));
  bench.advertised(PEER, HERS, UNSOLICITED);
  asking.push(bench.cache.isAsking(PEER), bench.send().cache.isAsking(PEER), bench.wait(5000).cache.isAsking(PEER));
  expect(asking).toEqual([false, true, false, false, true]);
});

describe('neighbors whose hashes are the same', () => {
  afterEach(() => { vi.restoreAllMocks(); });

  test.each([0, 1, 2])('are told apart, and the others stay when number %i goes', (gone) => {
    vi.spyOn(SipHash.prototype, 'hashWords').mockReturnValue(5);
    const peers = [1, 2, 3].map((n) => address(`fd00::${n}`));
    const bench = new Bench();
    peers.forEach((peer, i) => bench.heard(peer, Uint8Array.of(2, 0, 0, 0, 1, i)));
    bench.cache.remove(peers[gone]!, bench.now);
    bench.cache.check();
    expect(peers.map((peer) => bench.cache.find(peer)?.linkAddress[5])).toEqual([0, 1, 2].map((i) => i === gone ? undefined : i));
  });
});

describe('under a scan (RFC 6583, SEC-21)', () => {
  const nth = (n: number): Address => address(`fd00::1:${n.toString(16)}`);
  const fillReachable = (bench: Bench, count: number): void => {
    for (let i = 0; i < count; i++) {
      bench.heard(address(`fd00::2:${i.toString(16)}`), HERS);
      bench.cache.confirm(address(`fd00::2:${i.toString(16)}`), bench.now);
    }
  };

  test('unresolved entries are few: the one that was used least recently gives way, and its packets are dropped', () => {
    const bench = new Bench();
    const { max } = bench.limit('.incomplete');
    for (let i = 0; i < max; i++) bench.wait(10).send(nth(i));
    bench.wait(10).send(nth(0)).send(nth(max));
    bench.cache.check();
    expect(bench.limit('.incomplete').used()).toBe(max);
    expect([nth(0), nth(1), nth(2)].map((a) => bench.stateOf(a))).toEqual(['INCOMPLETE', undefined, 'INCOMPLETE']);
    expect(bench.counters.dropped()).toEqual({ 'neighbor-table-full': 1 });
    expect(bench.limit('.waiting').used()).toBe(bench.pool.outstanding);
  });

  test('resolutions begin at a bounded rate; what is over it is dropped and counted', () => {
    const bench = new Bench();
    const { max } = bench.limit('.resolutions');
    for (let i = 0; i < max + 5; i++) bench.send(nth(i));
    expect(bench.happened()).toHaveLength(max);
    expect(bench.counters.dropped()).toEqual({ 'neighbor-table-full': 5 });
    bench.wait(2000).happened();
    for (let i = 0; i < max + 5; i++) bench.send(nth(1000 + i));
    expect(bench.happened()).toHaveLength(max);
    expect(bench.limit('.resolutions').used()).toBe(max);
  });

  test('a reachable neighbour is never evicted, however many others are asked for or introduce themselves', () => {
    const bench = new Bench();
    const { max } = bench.limit('');
    fillReachable(bench, max);
    expect(bench.limit('').used()).toBe(max);
    for (let i = 0; i < 300; i++) bench.send(nth(i)).heard(nth(1000 + i), HIS);
    bench.cache.check();
    expect([...bench.cache.entries()].every(({ state }) => state === 'REACHABLE')).toBe(true);
    expect(bench.counters.dropped()).toEqual({ 'neighbor-table-full': 300 });
    expect(bench.pool.outstanding).toBe(0);
  });

  test('the stale one that was used least recently gives way to a new one', () => {
    const bench = new Bench();
    const { max } = bench.limit('');
    fillReachable(bench, max - 2);
    bench.heard(nth(1), HIS).wait(1).heard(nth(2), HIS).wait(1).heard(nth(3), HIS);
    expect([1, 2, 3].map((n) => bench.stateOf(nth(n)))).toEqual([undefined, 'STALE', 'STALE']);
    bench.wait(30_000).heard(nth(4), HIS);
    expect(bench.stateOf(address('fd00::2:0'))).toBeUndefined();
    expect(bench.limit('').used()).toBe(max);
  });

  test('permanent entries are beyond the count', () => {
    const bench = new Bench();
    fillReachable(bench, bench.limit('').max);
    bench.cache.setPermanent(PEER, HIS);
    bench.cache.check();
    expect(bench.stateOf()).toBe('PERMANENT');
  });
});
