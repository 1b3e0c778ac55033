// Reassembly. RFC 791 §3.2, RFC 1122 §3.3.2, RFC 8200 §4.5, RFC 5722, RFC 6946, RFC 7112, RFC 1858, RFC 3168
// §5.3; SEC-10 to -13.

import { describe, expect, test } from 'vitest';
import {
  fragmentHeader, IpBench, extension, joined, pattern, readV4, readV6, v4, v6,
} from '../../fixtures/ip-bench.js';

const UDP = 17, TCP = 6, FRAGMENT = 44, OPTIONS = 60, HOP_BY_HOP = 0;

interface Cut {
  offset: number;
  end: number;
  more: boolean;
  id?: number;
  src?: string;
  tos?: number;
  protocol?: number;
}

/** One fragment of `whole`, in either family. */
function fragment(family: 4 | 6, whole: Uint8Array, cut: Cut): Uint8Array {
  const { offset, end, more, id = 7, src, tos = 0, protocol = UDP } = cut;
  const payload = whole.slice(offset, end);
  if (family === 4) return v4(
    { id, mf: more, offset, payload, tos, protocol, ...(src !== undefined && { src }) },
  );
  return v6({
    nextHeader: FRAGMENT, payload: joined(
      fragmentHeader(protocol, offset, more, id), payload,
    ), trafficClass: tos, ...(src !== undefined && { src }),
  });
}

const bench = (): IpBench & { give: (...cuts: Uint8Array[]) => void } => {
  const made = new IpBench();
  return Object.assign(made, {
    give: (...cuts: Uint8Array[]): void => {
      for (const cut of cuts) {
        made.receive(cut);
        made.ip.reassembly.check();
      }
    },
  });
};

const TIMEOUT = { 4: 30_000, 6: 60_000 } as const;

describe.each([4, 6] as const)('reassembly, IPv%i', (family) => {
  const whole = pattern(100);
  const cut = (offset: number, end: number, more: boolean, change: Partial<Cut> = {}): Uint8Array =>
    fragment(family, whole, { offset, end, more, ...change });

  // RFC 1122 §3.3.2-1.
  test.each([
    ['in order', [0, 1, 2]], ['backwards', [2, 1, 0]], ['the end first', [2, 0, 1]],
    ['the middle last', [0, 2, 1]],
  ])('fragments that arrive %s become the datagram', (_what, order) => {
    const b = bench();
    const cuts = [cut(0, 40, true), cut(40, 80, true), cut(80, 100, false)];
    b.give(...order.map((i) => cuts[i]!));
    expect(b.take()).toMatchObject(
      [{ protocol: UDP, payload: whole, fragmented: true, cast: 'unicast', checksum: 'whole' }],
    );
    expect(b.dropped).toEqual({});
    expect([b.ip.reassembly.size, b.pool.outstanding]).toEqual([0, 0]);
  });

  test('the datagram has a header as if it had never been cut', () => {
    const b = bench();
    b.give(cut(0, 40, true), cut(40, 100, false));
    const [delivery] = b.take();
    if (family === 4) expect(readV4(delivery!.whole)).toMatchObject(
      { isValid: true, totalLength: 120, mf: false, offset: 0, payload: whole, src: '10.0.0.1' },
    );
    else expect(readV6(delivery!.whole)).toMatchObject(
      { isValid: true, payloadLength: 100, nextHeader: UDP, payload: whole },
    );
  });

  test('what the datagram says of hops and class is the first fragment\'s word', () => {
    const b = bench();
    const first = family === 4
      ? v4({ mf: true, payload: whole.slice(0, 40), ttl: 11, tos: 0x40 })
      : v6({
        nextHeader: FRAGMENT, hopLimit: 11, trafficClass: 0x40,
        payload: joined(fragmentHeader(UDP, 0, true, 7), whole.slice(0, 40)),
      });
    b.give(first, cut(40, 100, false));
    expect(b.take()).toMatchObject([{ hopLimit: 11, trafficClass: 0x40 }]);
  });

  // RFC 791 §3.2-1.
  test('datagrams with another identification, source or (IPv4) protocol do not mix', () => {
    const b = bench();
    b.give(
      cut(0, 40, true), cut(40, 100, false, { id: 8 }),
      cut(40, 100, false, { src: family === 4 ? '10.0.0.9' : 'fd00::9' }),
    );
    expect(b.ip.reassembly.size).toBe(3);
    b.give(cut(40, 100, false, { protocol: 99 }));
    // RFC 791 §2.3 has the protocol in the key; RFC 8200 §4.5 has not: there the first fragment's counts.
    expect(b.take()).toHaveLength(family === 4 ? 0 : 1);
  });

  // RFC 8200 §4.5-5.
  test('an exact duplicate does no harm; the same place with other bytes spoils all', () => {
    const b = bench();
    b.give(cut(0, 40, true), cut(0, 40, true), cut(40, 100, false));
    expect(b.take()).toHaveLength(1);
    expect(b.dropped).toEqual({ 'fragment-duplicate': 1 });

    const c = bench();
    c.give(
      cut(0, 40, true), fragment(family, pattern(100, 2), { offset: 0, end: 40, more: true }),
      cut(40, 100, false),
    );
    expect(c.take()).toEqual([]);
    expect(c.dropped).toEqual({ 'fragment-overlap': 2 });
  });

  test.each([
    ['from behind (teardrop)', [[0, 40, true], [32, 64, true], [64, 100, false]]],
    ['from before', [[40, 80, true], [32, 48, true], [80, 100, false], [0, 40, true]]],
    ['inside', [[0, 80, true], [8, 16, true], [80, 100, false]]],
    ['around', [[8, 16, true], [0, 80, true], [80, 100, false]]],
    ['by its last eight bytes', [[0, 40, true], [40, 80, true], [72, 100, false]]],
    ['with bytes behind the end', [[48, 64, false], [64, 80, true], [0, 48, true]]],
    ['with two ends', [[40, 80, false], [80, 100, false], [0, 40, true]]],
    ['with an end before other bytes', [[40, 80, true], [24, 40, false], [0, 24, true]]],
    ['with an end that is none any more', [[40, 80, false], [40, 80, true], [0, 40, true]]],
  ] as [string, [number, number, boolean][]][])('an overlap %s discards all of the datagram, silently: RFC 5722 §4', (_what, cuts) => {
    const b = bench();
    b.give(...cuts.map(([offset, end, more]) => cut(offset, end, more)));
    b.give(cut(0, 40, true), cut(40, 80, true), cut(80, 100, false));
    expect(b.take()).toEqual([]);
    expect(Object.keys(b.dropped)).toEqual(['fragment-overlap']);
    expect(b.reports).toEqual([]);
    // Only its name is kept.
    expect(b.pool.outstanding).toBe(0);
    expect(b.limits.all().find((limit) => limit.name === 'ip.fragments.bytes')!.used()).toBe(0);
    b.ip.expire(TIMEOUT[family]);
    expect(b.reports).toEqual([]);
    expect(b.ip.reassembly.size).toBe(0);
  });

  // RFC 1122 §3.3.2-3; RFC 8200 §4.5-2.
  test('what is not whole in time is dropped, and its source told: RFC 1122 §3.3.2, RFC 8200 §4.5', () => {
    const b = bench();
    const first = cut(0, 40, true);
    b.receive(cut(48, 80, true), 1000);
    b.receive(first, 1500);
    const deadline = 1000 + TIMEOUT[family];
    expect(b.ip.nextTimeout()).toBe(deadline);
    b.ip.expire(deadline - 0.5);
    expect(b.dropped).toEqual({});
    b.ip.expire(deadline);
    expect(b.dropped).toEqual({ 'fragment-timeout': 1 });
    // The first fragment is quoted as it came.
    expect(b.reports).toMatchObject([{ kind: 'reassembly-timeout', code: 1, quoted: first, cast: 'unicast' }]);
    expect([b.ip.reassembly.size, b.pool.outstanding, b.ip.nextTimeout()]).toEqual([0, 0, Infinity]);
  });

  test('without the first fragment nobody is told', () => {
    const b = bench();
    b.give(cut(40, 80, true));
    b.ip.expire(TIMEOUT[family]);
    expect(b.dropped).toEqual({ 'fragment-timeout': 1 });
    expect(b.reports).toEqual([]);
  });

  test('a fragment that comes too late finds nothing, though nobody looked at the clock in between', () => {
    const b = bench();
    b.receive(cut(0, 40, true), 0);
    b.receive(cut(40, 100, false), TIMEOUT[family]);
    expect(b.take()).toEqual([]);
    expect(b.dropped).toEqual({ 'fragment-timeout': 1 });
  });

  // RFC 791 §3.2-2, -3; RFC 8200 §5-1.
  test('the largest datagram fits, one byte more is the ping of death (SEC-07, SEC-12)', () => {
    const most = family === 4 ? 65_515 : 65_535;
    const big = pattern(most + 8);
    const at = 65_000;
    const b = bench();
    b.give(
      ...Array.from(
        { length: 13 }, (_, i) => fragment(family, big, { offset: i * 5000, end: (i + 1) * 5000, more: true }),
      ),
    );
    b.give(fragment(family, big, { offset: at, end: most, more: false }));
    expect(b.take()).toMatchObject([{ payload: big.slice(0, most) }]);
    b.give(fragment(family, big, { offset: at, end: most + 1, more: false }));
    expect(b.dropped).toEqual({ 'fragment-too-big': 1 });
    expect(b.pool.outstanding).toBe(0);
  });

  // RFC 791 §3.1-3.
  test('an empty fragment, and one not of eights that is not the last, are malformed', () => {
    const b = bench();
    b.give(cut(8, 8, true), cut(40, 40, false), cut(0, 44, true), cut(40, 100, false));
    expect(b.dropped).toEqual({ 'fragment-malformed': 3 });
    expect(b.ip.reassembly.size).toBe(1);
  });

  test('a superpacket is no fragment', () => {
    const b = bench();
    const packet = b.packet(cut(0, 40, true));
    packet.segmentSize = 8;
    b.receivePacket(packet);
    expect(b.dropped).toEqual({ 'fragment-malformed': 1 });
  });

  test.each([[TCP, 16, 24], [UDP, 0, 8], [132, 8, 16], [family === 4 ? 1 : 58, 0, 8], [99, 0, 8]])(
    'a first fragment of protocol %i hides the header in %i bytes, and not in %i: RFC 1858, RFC 7112',
    (protocol, few, enough) => {
      const b = bench();
      if (few > 0) {
        b.give(cut(0, few, true, { protocol }));
        expect(b.dropped).toEqual({ 'fragment-tiny-first': 1 });
      }
      b.give(cut(0, enough, true, { protocol, id: 8 }));
      expect(b.ip.reassembly.size).toBe(1);
    });

  // RFC 3168 §5.3-1.
  test('congestion experienced by any fragment is the datagram\'s: RFC 3168 §5.3', () => {
    const b = bench();
    b.give(cut(0, 40, true, { tos: 2 }), cut(40, 100, false, { tos: 3 }));
    expect(b.take()).toMatchObject([{ trafficClass: 3 }]);
    // But not when another fragment's sender knows no ECN: that is a lie.
    b.give(cut(0, 40, true, { tos: 0 }), cut(40, 100, false, { tos: 3 }));
    expect(b.take()).toEqual([]);
    expect(b.dropped).toEqual({ 'fragment-malformed': 1 });
    expect(b.pool.outstanding).toBe(0);
  });
});

describe('reassembly, IPv4', () => {
  test('keeps the first fragment\'s options', () => {
    const b = bench();
    const payload = pattern(16);
    b.give(
      v4({ offset: 8, payload: payload.slice(8) }),
      v4({ mf: true, options: [7, 3, 4, 0], payload: payload.slice(0, 8) }),
    );
    const [delivery] = b.take();
    expect(readV4(delivery!.whole)).toMatchObject({ isValid: true, ihl: 6, payload });
  });

  test('reaches the broadcast and groups', () => {
    const b = bench();
    b.give(v4({ dst: '10.0.0.255', mf: true }), v4({ dst: '10.0.0.255', offset: 8 }));
    expect(b.take()).toMatchObject([{ cast: 'broadcast', fragmented: true }]);
  });
});

describe('reassembly, IPv6', () => {
  const UNKNOWN = 0x3e;
  const udp = pattern(64);

  test('keeps the first fragment\'s headers in front, and reads on behind: RFC 8200 §4.5', () => {
    const b = bench();
    const inside = joined(extension(UDP, [UNKNOWN, 0]), udp);
    b.give(
      v6({ nextHeader: FRAGMENT, payload: joined(fragmentHeader(UDP, 48, false, 9), inside.slice(48)) }),
      v6({
        nextHeader: HOP_BY_HOP,
        payload: joined(
          extension(FRAGMENT, [5, 2, 0, 0]), fragmentHeader(OPTIONS, 0, true, 9), inside.slice(0, 48),
        ),
      }),
    );
    expect(b.take()).toMatchObject([{
      protocol: UDP, payload: udp,
      whole: v6({ nextHeader: HOP_BY_HOP, payload: joined(extension(OPTIONS, [5, 2, 0, 0]), inside) }),
    }]);
  });

  test('of headers that are longer than the headroom', () => {
    const long = (next: number): Uint8Array => extension(
      next, [UNKNOWN, 200, ...new Array<number>(200).fill(1)],
    );
    const b = bench();
    const first = v6({
      nextHeader: HOP_BY_HOP,
      payload: joined(long(FRAGMENT), fragmentHeader(UDP, 0, true, 9), udp.slice(0, 32)),
    });
    b.give(
      first, v6({ nextHeader: FRAGMENT, payload: joined(fragmentHeader(UDP, 32, false, 9), udp.slice(32)) }),
    );
    expect(b.take()).toMatchObject(
      [{ payload: udp, whole: v6({ nextHeader: HOP_BY_HOP, payload: joined(long(UDP), udp) }) }],
    );
    b.give(first);
    b.ip.expire(60_000);
    expect(b.reports).toMatchObject([{ quoted: first }]);
    expect(b.pool.outstanding).toBe(0);
  });

  // RFC 8200 §4.5-3, -4.
  test('answers a length not of eights, and one too large, pointing at each: RFC 8200 §4.5', () => {
    const b = bench();
    b.give(
      v6({ nextHeader: FRAGMENT, payload: joined(fragmentHeader(UDP, 0, true, 9), udp.slice(0, 9)) }),
      v6({
        nextHeader: OPTIONS,
        payload: joined(extension(FRAGMENT, []), fragmentHeader(UDP, 65_528, false, 9), udp.slice(0, 8)),
      }),
    );
    expect(b.dropped).toEqual({ 'fragment-malformed': 1, 'fragment-too-big': 1 });
    expect(b.reports).toMatchObject([
      { kind: 'parameter-problem', code: 0, detail: 4 }, { kind: 'parameter-problem', code: 0, detail: 50 },
    ]);
  });

  test('counts what stands before the Fragment header: the largest that still can be told', () => {
    // Payload length 65,535 = 8 bytes of options, and up to 65,527 of the rest.
    const last = (bytes: number): Uint8Array => v6({
      nextHeader: OPTIONS, payload: joined(
        extension(FRAGMENT, []), fragmentHeader(UDP, 65_520, false, 9), udp.slice(0, bytes),
      ),
    });
    const b = bench();
    b.give(last(8));
    expect([b.dropped, b.ip.reassembly.size]).toEqual([{ 'fragment-too-big': 1 }, 0]);
    b.give(last(7));
    expect(b.ip.reassembly.size).toBe(1);
  });

  test('discards what is too large only with the first fragment\'s headers before it (SEC-12)', () => {
    const big = pattern(65_535);
    const b = bench();
    for (let at = 5000; at < 65_000; at += 5000) b.give(
      fragment(6, big, { offset: at, end: at + 5000, more: true }),
    );
    b.give(fragment(6, big, { offset: 65_000, end: 65_535, more: false }));
    b.give(
      v6({
        nextHeader: OPTIONS,
        payload: joined(extension(FRAGMENT, []), fragmentHeader(UDP, 0, true, 7), big.slice(0, 5000)),
      }),
    );
    expect([b.take(), b.dropped, b.pool.outstanding]).toEqual([[], { 'fragment-too-big': 1 }, 0]);
  });

  test('answers a first fragment without all headers with code 3 and pointer 0: RFC 7112 §5', () => {
    const b = bench();
    const options = joined(extension(TCP, [UNKNOWN, 20, ...new Array<number>(20).fill(0)]), pattern(20));
    const first = (bytes: number): Uint8Array =>
      v6({
        nextHeader: FRAGMENT,
        payload: joined(fragmentHeader(OPTIONS, 0, true, 9), joined(options, pattern(20)).slice(0, bytes)),
      });
    for (const bytes of [8, 24, 40]) b.give(first(bytes));
    expect(b.dropped).toEqual({ 'fragment-tiny-first': 3 });
    expect(
      b.reports.map(({ kind, code, detail }) => [kind, code, detail]),
    ).toEqual(new Array(3).fill(['parameter-problem', 3, 0]));
    b.give(first(48));
    expect(b.ip.reassembly.size).toBe(1);
  });

  test('sees in a first fragment where the chain ends between two headers, and where it is endless', () => {
    const starting = (payload: Uint8Array): Uint8Array =>
      v6({ nextHeader: FRAGMENT, payload: joined(fragmentHeader(OPTIONS, 0, true, 9), payload) });
    const b = bench();
    b.give(starting(extension(OPTIONS, [])));
    b.give(starting(joined(...Array.from({ length: 12 }, () => extension(OPTIONS, [])), extension(UDP, []), udp)));
    expect(b.dropped).toEqual({ 'fragment-tiny-first': 2 });
  });

  // RFC 8200 §4.5-6.
  test('takes an atomic fragment by itself, and leaves the others of its name alone: RFC 6946 §4', () => {
    const b = bench();
    b.give(fragment(6, udp, { offset: 0, end: 32, more: true }));
    b.give(fragment(6, pattern(24, 5), { offset: 0, end: 24, more: false }));
    expect(b.take()).toMatchObject([{ payload: pattern(24, 5), fragmented: true, protocol: UDP }]);
    b.give(fragment(6, udp, { offset: 32, end: 64, more: false }));
    expect(b.take()).toMatchObject([{ payload: udp }]);
    expect(b.dropped).toEqual({});
  });

  test('refuses a Fragment header behind another (SEC-13)', () => {
    const nested = joined(fragmentHeader(UDP, 0, false, 2), udp);
    const b = bench();
    b.give(v6({ nextHeader: FRAGMENT, payload: joined(fragmentHeader(FRAGMENT, 0, false, 1), nested) }));
    expect(b.dropped).toEqual({ 'fragment-nested': 1 });
    b.give(
      fragment(6, nested, { offset: 0, end: 40, more: true, protocol: FRAGMENT }),
      fragment(6, nested, { offset: 40, end: 72, more: false }),
    );
    expect(b.dropped).toEqual({ 'fragment-nested': 2 });
    expect([b.take(), b.pool.outstanding]).toEqual([[], 0]);
  });

  test('refuses a Fragment header that is cut off', () => {
    const b = bench();
    b.give(v6({ nextHeader: FRAGMENT, payload: fragmentHeader(UDP, 0, true, 1).slice(0, 7) }));
    expect(b.dropped).toEqual({ 'ip6-bad-extension': 1 });
  });

  test('points into the whole packet when something behind the Fragment header is wrong', () => {
    const inside = joined(extension(UDP, [0xbe, 0]), udp);
    const b = bench();
    b.give(
      fragment(6, inside, { offset: 0, end: 40, more: true, protocol: OPTIONS }),
      fragment(6, inside, { offset: 40, end: 72, more: false, protocol: OPTIONS }),
    );
    expect(b.reports).toMatchObject(
      [{ code: 2, detail: 42, quoted: v6({ nextHeader: OPTIONS, payload: inside }) }],
    );
    expect(b.pool.outstanding).toBe(0);
  });
});

describe('the limits of reassembly (SEC-11)', () => {
  const used = (b: IpBench, name: string): [number, number] => {
    const limit = b.limits.all().find((each) => each.name === `ip.fragments.${name}`)!;
    return [limit.used(), limit.max];
  };
  const data = pattern(64_000);
  const start = (src: string, id: number, bytes = 8, offset = 8): Uint8Array =>
    fragment(4, data, { offset, end: offset + bytes, more: true, src, id });

  test('one source has 64 datagrams; its oldest goes, and nobody else\'s', () => {
    const b = bench();
    b.give(start('10.0.0.9', 1));
    for (let id = 0; id < 100; id++) b.give(start('10.0.0.1', id));
    expect(used(b, 'datagrams')[0]).toBe(65);
    expect(b.dropped).toEqual({ 'fragment-limit': 36 });
    // The innocent finds his: it is completed.
    b.give(
      fragment(4, data, { offset: 0, end: 8, more: true, src: '10.0.0.9', id: 1 }),
      fragment(4, data, { offset: 16, end: 20, more: false, src: '10.0.0.9', id: 1 }),
    );
    expect(b.take()).toHaveLength(1);
    // The newest of the flood is there, the oldest is gone.
    const rest = (id: number): Uint8Array[] => [
      fragment(4, data, { offset: 0, end: 8, more: true, src: '10.0.0.1', id }), fragment(
        4, data, { offset: 16, end: 20, more: false, src: '10.0.0.1', id },
      ),
    ];
    b.give(...rest(99));
    expect(b.take()).toHaveLength(1);
    b.give(...rest(0));
    expect(b.take()).toHaveLength(0);
  });

  test('in IPv6 a source is a /64: addresses in it cost nothing', () => {
    const b = bench();
    for (let host = 0; host < 100; host++) {
      b.give(
        fragment(6, data, { offset: 8, end: 16, more: true, src: `fd00:0:0:7::${(host + 1).toString(16)}` }),
      );
    }
    expect(used(b, 'datagrams')[0]).toBe(64);
  });

  test('all sources have 256 datagrams; the oldest goes', () => {
    const b = bench();
    for (let host = 0; host < 300; host++) b.give(start(`10.1.${host >> 8}.${host & 0xff}`, 1));
    expect(used(b, 'datagrams')).toEqual([256, 256]);
    expect(b.dropped).toEqual({ 'fragment-limit': 44 });
  });

  test('the oldest of all goes, of whichever family', () => {
    for (const families of [[4, 6], [6, 4]] as const) {
      const b = bench();
      for (let i = 0; i < 258; i++) {
        const src = families[i >> 7 & 1] === 4 ? `10.1.${i >> 8}.${i & 0xff}` : `fd00:0:0:${(i + 9).toString(16)}::1`;
        b.receive(fragment(families[i >> 7 & 1]!, data, { offset: 8, end: 16, more: true, src }), i);
      }
      // 128 of the one, 128 of the other, and two of the first again, at the cost of its two oldest.
      const [first, second] = families.map((family) => (family === 4 ? 30_000 : 60_000));
      expect(b.ip.nextTimeout()).toBe(Math.min(2 + first!, 128 + second!));
      expect(b.dropped).toEqual({ 'fragment-limit': 2 });
    }
  });

  test('all have 4 MB, one source a quarter, counted by what is really occupied', () => {
    const b = bench();
    for (let id = 0; id < 40; id++) b.give(start('10.0.0.1', id, 8, 60_000));
    const [mine] = used(b, 'bytes');
    expect(mine).toBeLessThanOrEqual(1 << 20);
    expect(mine).toBeGreaterThan((1 << 20) - 70_000);
    for (let host = 0; host < 100; host++) b.give(start(`10.1.0.${host}`, 1, 8, 60_000));
    const [all, max] = used(b, 'bytes');
    expect(max).toBe(4 << 20);
    expect(all).toBeLessThanOrEqual(max);
    expect(all).toBeGreaterThan(max - 70_000);
  });

  test('a datagram has at most 128 fragments: more, and it is given up', () => {
    const b = bench();
    for (let i = 0; i < 128; i++) b.give(start('10.0.0.1', 1, 8, 16 * i + 8));
    expect([used(b, 'perDatagram'), b.dropped]).toEqual([[128, 128], {}]);
    b.give(start('10.0.0.1', 1, 8, 4000));
    expect(b.dropped).toEqual({ 'fragment-limit': 1 });
    expect([used(b, 'bytes')[0], b.pool.outstanding]).toEqual([0, 0]);
  });

  test('a datagram that grows keeps what it has', () => {
    const b = bench();
    b.give(
      fragment(4, data, { offset: 0, end: 1600, more: true }),
      fragment(4, data, { offset: 3200, end: 4000, more: false }),
    );
    b.give(fragment(4, data, { offset: 1600, end: 3200, more: true }));
    expect(b.take()).toMatchObject([{ payload: data.slice(0, 4000) }]);
  });

  test('clear forgets all', () => {
    const b = bench();
    b.give(start('10.0.0.1', 1), fragment(6, data, { offset: 8, end: 16, more: true }));
    b.ip.reassembly.clear();
    b.ip.reassembly.check();
    expect([b.ip.reassembly.size, b.pool.outstanding, b.dropped]).toEqual([0, 0, {}]);
  });
});
