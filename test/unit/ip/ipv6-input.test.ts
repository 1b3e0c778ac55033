// What an IPv6 host takes from the wire. RFC 8200, RFC 4291 §2; SEC-01, -03, -27, -28.

import { describe, expect, test } from 'vitest';
import { fromHex } from '../../../src/bytes.js';
import { FRAMES } from '../../fixtures/captured-frames.js';
import { extension, fragmentHeader, ip, IpBench, joined, noted, pattern, v6, watched } from '../../fixtures/ip-bench.js';

const HOP_BY_HOP = 0, ROUTING = 43, NONE = 59, OPTIONS = 60, UDP = 17;

function fate(bytes: Uint8Array, prepare: (bench: IpBench) => void = () => {}): string | null {
  const bench = new IpBench();
  prepare(bench);
  bench.receive(bytes);
  expect(bench.pool.outstanding).toBe(0);
  const reasons = Object.keys(bench.dropped);
  expect(reasons.length + bench.deliveries.length).toBe(1);
  return reasons[0] ?? null;
}

describe('a packet for us', () => {
  test('reaches its transport with the header told', () => {
    const bench = new IpBench();
    bench.receive(v6({ trafficClass: 0xb9, hopLimit: 255, nextHeader: 58, payload: pattern(100), padding: 9 }));
    expect(bench.take()).toMatchObject([{
      protocol: 58, family: 6, src: 'fd00::1', dst: 'fd00::2', hopLimit: 255, trafficClass: 0xb9,
      cast: 'unicast',
      fragmented: false, interface: 'wire', payload: pattern(100),
    }]);
    expect(bench.pool.outstanding).toBe(0);
  });

  // RFC 8200 §3-2.
  test('is taken with any hop limit: only who forwards looks at it (RFC 8200 §3)', () => {
    expect(fate(v6({ hopLimit: 0 }))).toBeNull();
  });

  test('may be a superpacket', () => {
    const bench = new IpBench();
    const packet = bench.packet(v6({ nextHeader: 6, payload: pattern(60_000) }));
    packet.segmentSize = 1428;
    bench.receivePacket(packet);
    expect(bench.take()).toMatchObject([{ segmentSize: 1428, payload: pattern(60_000) }]);
  });

  // RFC 8200 §3-1.
  test('that is cut off, or a jumbogram (RFC 2675), is dropped', () => {
    expect(fate(v6({ payloadLength: 9 }))).toBe('ip-bad-total-length');
    expect(fate(v6().slice(0, 39))).toBe('ip-truncated');
    expect(
      fate(v6({ payloadLength: 0, nextHeader: HOP_BY_HOP, payload: extension(UDP, [0xc2, 4, 0, 1, 0, 0]) })),
    ).toBe('ip6-bad-extension');
  });
});

describe('whom a packet is for (RFC 4291 §2.8)', () => {
  test.each([
    ['our address', 'fd00::2', 'unicast'],
    ['our link-local address', 'fe80::2', 'unicast'],
    ['all nodes', 'ff02::1', 'multicast'],
    ['the solicited-node group of our addresses (RFC 4291 §2.7.1)', 'ff02::1:ff00:2', 'multicast'],
  ])('%s: taken', (_what, dst, cast) => {
    const bench = new IpBench();
    bench.receive(v6({ dst }));
    expect(bench.take()).toMatchObject([{ cast }]);
  });

  test.each([
    ['a neighbour', 'fd00::3', 'ip-not-for-us'],
    ['another\'s solicited-node group', 'ff02::1:ff00:3', 'ip-not-for-us'],
    ['all routers', 'ff02::2', 'ip-not-for-us'],
    ['nobody (RFC 4291 §2.5.2)', '::', 'ip-martian-destination'],
    ['the loopback (RFC 4291 §2.5.3)', '::1', 'ip-martian-destination'],
    ['an IPv4 address in disguise, though it is ours', '::ffff:a00:2', 'ip-martian-destination'],
    ['a group of the reserved scope 0 (RFC 4291 §2.7)', 'ff00::1', 'ip-martian-destination'],
    ['a group that does not leave its node', 'ff01::1', 'ip-martian-destination'],
  ])('%s: dropped', (_what, dst, reason) => {
    expect(fate(v6({ dst }))).toBe(reason);
  });

  test('an address of another interface: taken, unless it is link-local (RFC 4007 §6)', () => {
    const other = (bench: IpBench): unknown => bench.attach('other', ['fd01::9/64', 'fe80::9/64']);
    expect(fate(v6({ dst: 'fd01::9' }), other)).toBeNull();
    expect(fate(v6({ dst: 'fe80::9' }), other)).toBe('ip-not-for-us');
  });

  test('an address still under duplicate address detection: not taken, but its group is (RFC 4862 §5.4.2)', () => {
    const tentative = (bench: IpBench): unknown => bench.wired.addAddress(
      ip('fd00::77:7777'), 64, { state: 'tentative' },
    );
    expect(fate(v6({ dst: 'fd00::77:7777' }), tentative)).toBe('ip-not-for-us');
    expect(fate(v6({ dst: 'ff02::1:ff77:7777' }), tentative)).toBeNull();
    // And who claims to have it is heard: that is how a duplicate is noticed (RFC 4862 §5.4.4).
    expect(fate(v6({ src: 'fd00::77:7777', dst: 'ff02::1' }), tentative)).toBeNull();
  });
});

describe('whom a packet can be from (SEC-27)', () => {
  test.each([
    ['a group (RFC 4291 §2.7)', 'ff02::1', 'ip-martian-source'],
    ['nobody, to one (RFC 4291 §2.5.2)', '::', 'ip-martian-source'],
    ['the loopback', '::1', 'ip-martian-source'],
    ['an IPv4 address in disguise', '::ffff:a00:1', 'ip-martian-source'],
    ['ourselves', 'fd00::2', 'ip-own-source'],
    ['our link-local address', 'fe80::2', 'ip-own-source'],
  ])('%s: dropped', (_what, src, reason) => {
    expect(fate(v6({ src }))).toBe(reason);
  });

  test('nobody, to a group: duplicate address detection', () => {
    expect(fate(v6({ src: '::', dst: 'ff02::1' }))).toBeNull();
  });

  test('the link-local address that we have on another link is a stranger\'s here', () => {
    expect(fate(v6({ src: 'fe80::9' }), (bench) => bench.attach('other', ['fe80::9/64']))).toBeNull();
  });

  test('a link-local address is told with the zone it came from (RFC 4007 §6); others without', () => {
    const bench = new IpBench();
    const zones: number[] = [];
    const tap = {
      protocol: null, family: 6 as const,
      onPacket: (_p: unknown, h: Parameters<typeof noted>[1]) => zones.push(h.src.zone, h.dst.zone),
    };
    bench.ip.raw.add(tap);
    bench.receive(v6({ src: 'fe80::1', dst: 'ff02::1' }));
    bench.receive(v6());
    expect(zones).toEqual([bench.wired.index, bench.wired.index, 0, 0]);
  });
});

describe('the chain of headers (RFC 8200 §4)', () => {
  // RFC 8200 §4-1.
  test('is passed, whatever stands in it, in any order and number up to eight', () => {
    const bench = new IpBench();
    const payload = joined(
      extension(OPTIONS, [5, 2, 0, 0]), extension(ROUTING, [0x1e, 1, 9]), Uint8Array.of(
        OPTIONS, 1, 9, 0, ...new Array<number>(12).fill(7),
      ),
      extension(OPTIONS, []), extension(UDP, [0x3f, 0]), pattern(16),
    );
    bench.receive(v6({ nextHeader: HOP_BY_HOP, payload }));
    expect(bench.take()).toMatchObject([{ protocol: UDP, payload: pattern(16) }]);
  });

  test('of Linux: a listener report behind a router alert (RFC 2711)', () => {
    const bench = new IpBench({ texts: ['fd00:9::2/64'] });
    bench.wired.joinGroup(ip('ff02::16'));
    const packet = fromHex(FRAMES.listenerReport.hex).slice(14);
    bench.receive(packet);
    expect(bench.take()).toMatchObject([{ protocol: 58, payload: packet.slice(48), whole: packet }]);
  });

  // RFC 8200 §4.7-1.
  test('ends without a word at no next header: RFC 8200 §4.7', () => {
    const bench = new IpBench();
    bench.receive(v6({ nextHeader: NONE }));
    bench.receive(v6({ nextHeader: OPTIONS, payload: extension(NONE, []) }));
    expect(bench.dropped).toEqual({ 'ip6-no-next-header': 2 });
    expect(bench.reports).toEqual([]);
  });

  test.each([
    ['the header is cut off before its length', Uint8Array.of(UDP)],
    ['the header is shorter than eight bytes', Uint8Array.of(UDP, 0, 1, 4, 0, 0, 0)],
    ['its length passes the packet\'s end (SEC-03)', Uint8Array.of(UDP, 1, 1, 4, 0, 0, 0, 0)],
    ['its length passes the packet\'s end, and an option goes with it', Uint8Array.of(UDP, 1, 0x1e, 12, 0, 0, 0, 0)],
    ['its length is the longest, 2048 bytes', Uint8Array.of(UDP, 255, 1, 4, 0, 0, 0, 0)],
    ['an option passes the header\'s end', Uint8Array.of(UDP, 0, 5, 5, 0, 0, 0, 0)],
    ['an option has no room for its length', Uint8Array.of(UDP, 0, 1, 3, 0, 0, 0, 5)],
    ['PadN passes the header\'s end', Uint8Array.of(UDP, 0, 1, 5, 0, 0, 0, 0)],
    ['padding is not zero (RFC 4942 §2.1.9.5)', Uint8Array.of(UDP, 0, 1, 4, 0, 0, 1, 0)],
    [
      'eight Pad1 stand in a row (RFC 8504 §5.3)',
      Uint8Array.of(UDP, 1, 5, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0),
    ],
    ['PadN is eight bytes long', Uint8Array.of(UDP, 1, 1, 6, 0, 0, 0, 0, 0, 0, 1, 4, 0, 0, 0, 0)],
  ])('%s: dropped silently', (_what, header) => {
    for (const nextHeader of [HOP_BY_HOP, OPTIONS]) {
      const bench = new IpBench();
      bench.receive(v6({ nextHeader, payload: header }));
      expect(bench.dropped).toEqual({ 'ip6-bad-extension': 1 });
      expect(bench.reports).toEqual([]);
    }
  });

  test('seven bytes of padding are the most that alignment asks for', () => {
    expect(
      fate(
        v6({
          nextHeader: OPTIONS,
          payload: joined(Uint8Array.of(UDP, 1, 5, 3, 0, 0, 0, 1, 5, 0, 0, 0, 0, 0, 5, 0), pattern(8)),
        }),
      ),
    ).toBeNull();
  });

  // RFC 8200 §4.2-2.
  test('may have padding between all of its options: what counts is what stands in a row', () => {
    const options = [1, 3, 0, 0, 0, 5, 2, 0, 0, 1, 3, 0, 0, 0];
    expect(fate(v6({ nextHeader: OPTIONS, payload: joined(extension(UDP, options), pattern(8)) }))).toBeNull();
  });

  test('is not read beyond the packet, though an option without its length is the last byte', () => {
    const bench = new IpBench();
    const { packet, outside } = watched(v6({ nextHeader: OPTIONS, payload: Uint8Array.of(UDP, 0, 1, 3, 0, 0, 0, 5) }));
    bench.receivePacket(packet);
    expect([outside(), bench.dropped]).toEqual([0, { 'ip6-bad-extension': 1 }]);
  });

  test('of nine headers is too long, of eight it is not (SEC-03)', () => {
    const chain = (n: number): Uint8Array => joined(
      ...Array.from({ length: n - 1 }, () => extension(OPTIONS, [])), extension(UDP, []), pattern(8),
    );
    expect(fate(v6({ nextHeader: OPTIONS, payload: chain(8) }))).toBeNull();
    expect(fate(v6({ nextHeader: OPTIONS, payload: chain(9) }))).toBe('ip6-too-many-extensions');
  });

  test('of more than 2048 bytes is too long', () => {
    // Six options of 255 bytes and one of 246: with types and lengths, 2048 bytes exactly in the longest
    // header.
    const big = (next: number): Uint8Array => extension(
      next,
      [
        ...Array.from({ length: 7 }, () => [0x1e, 255, ...new Array<number>(255).fill(9)]).flat(), 0x1e, 245,
        ...new Array<number>(245).fill(9),
      ],
    );
    expect(big(UDP)).toHaveLength(2048);
    expect(fate(v6({ nextHeader: OPTIONS, payload: joined(big(UDP), pattern(8)) }))).toBeNull();
    expect(
      fate(v6({ nextHeader: OPTIONS, payload: joined(big(OPTIONS), extension(UDP, []), pattern(8)) })),
    ).toBe('ip6-too-many-extensions');
  });

  test('nine options in one header are too many, eight are not: RFC 8504 §5.3', () => {
    const options = (n: number): Uint8Array => extension(UDP, new Array<number[]>(n).fill([0x1e, 0]).flat());
    expect(fate(v6({ nextHeader: OPTIONS, payload: joined(options(8), pattern(8)) }))).toBeNull();
    expect(
      fate(v6({ nextHeader: OPTIONS, payload: joined(options(9), pattern(8)) })),
    ).toBe('ip6-too-many-extensions');
  });
});

describe('a header that we do not know', () => {
  // RFC 8200 §4-2; RFC 4443 §3.4-1.
  test('is answered with parameter problem 1, pointing at the field that names it: RFC 8200 §4', () => {
    const bench = new IpBench();
    const first = v6({ nextHeader: 99 });
    const second = v6({ nextHeader: OPTIONS, payload: joined(extension(99, []), pattern(8)) });
    bench.receive(first);
    bench.receive(second);
    expect(bench.dropped).toEqual({ 'ip-unknown-protocol': 2 });
    expect(bench.reports).toMatchObject([
      { kind: 'parameter-problem', code: 1, detail: 6, quoted: first }, {
        kind: 'parameter-problem', code: 1, detail: 40, quoted: second,
      },
    ]);
  });

  // RFC 8200 §4.1-1.
  test('hop-by-hop options anywhere but in front are such: RFC 8200 §4.1', () => {
    const bench = new IpBench();
    bench.receive(
      v6({ nextHeader: OPTIONS, payload: joined(extension(HOP_BY_HOP, []), extension(UDP, []), pattern(8)) }),
    );
    bench.receive(
      v6(
        { nextHeader: HOP_BY_HOP, payload: joined(extension(HOP_BY_HOP, []), extension(UDP, []), pattern(8)) },
      ),
    );
    bench.receive(
      v6({
        nextHeader: 44,
        payload: joined(fragmentHeader(HOP_BY_HOP, 0, false, 1), extension(UDP, []), pattern(8)),
      }),
    );
    expect(bench.dropped).toEqual({ 'ip6-misplaced-hop-by-hop': 3 });
    expect(bench.reports.map(({ code, detail }) => [code, detail])).toEqual([[1, 40], [1, 40], [1, 40]]);
  });

  test('ICMPv4, tunnels and IPsec are such: nothing is unwrapped (SEC-28)', () => {
    for (const nextHeader of [1, 4, 41, 50, 51]) expect(fate(v6({ nextHeader }))).toBe('ip-unknown-protocol');
  });
});

// RFC 8200 §4.2-1.
describe('an option that we do not know (RFC 8200 §4.2)', () => {
  const withOption = (type: number, dst: string, header = OPTIONS): Uint8Array =>
    v6({ dst, nextHeader: header, payload: joined(extension(UDP, [5, 2, 0, 0, type, 1, 7]), pattern(8)) });

  test('00: is skipped', () => {
    expect(fate(withOption(0x3e, 'fd00::2'))).toBeNull();
    expect(fate(withOption(0x3e, 'fd00::2', HOP_BY_HOP))).toBeNull();
  });

  test.each([
    ['01: the packet is dropped silently', 0x7e, []],
    [
      '10: dropped and answered with parameter problem 2, though it was for a group', 0xbe,
      ['fd00::2', 'ff02::1'],
    ],
    ['11: dropped and answered, but not if it was for a group', 0xfe, ['fd00::2']],
  ])('%s', (_what, type, answered) => {
    for (const header of [HOP_BY_HOP, OPTIONS]) {
      for (const dst of ['fd00::2', 'ff02::1']) {
        const bench = new IpBench();
        const packet = withOption(type, dst, header);
        bench.receive(packet);
        expect(bench.dropped).toEqual({ 'ip6-unknown-option': 1 });
        // The option's type: 40 + 2 + 4.
        const report = { kind: 'parameter-problem', code: 2, detail: 46, quoted: packet };
        expect(bench.reports).toMatchObject(answered.includes(dst) ? [report] : []);
      }
    }
  });

  test('a jumbo payload (RFC 2675) is one, for whoever does not speak it', () => {
    const bench = new IpBench();
    bench.receive(
      v6({ nextHeader: HOP_BY_HOP, payload: joined(extension(UDP, [0xc2, 4, 0, 1, 0, 0]), pattern(8)) }),
    );
    expect(bench.reports).toMatchObject([{ code: 2, detail: 42 }]);
  });
});

// RFC 8200 §4.4-1.
describe('a routing header (RFC 8200 §4.4, RFC 5095, SEC-28)', () => {
  const routing = (type: number, left: number): Uint8Array =>
    v6({
      nextHeader: ROUTING,
      payload: joined(Uint8Array.of(UDP, 2, type, left, 0, 0, 0, 0), new Uint8Array(16), pattern(8)),
    });

  test.each([0, 2, 4, 253])('of type %i with segments left: dropped, and answered at its type', (type) => {
    const bench = new IpBench();
    const packet = routing(type, 1);
    bench.receive(packet);
    expect(bench.dropped).toEqual({ 'ip6-routing-header': 1 });
    expect(bench.reports).toMatchObject([{ kind: 'parameter-problem', code: 0, detail: 42, quoted: packet }]);
    expect(bench.wire.sent).toEqual([]);
  });

  test.each([0, 2, 4, 253])('of type %i with none left: ignored', (type) => {
    expect(fate(routing(type, 0))).toBeNull();
  });
});
