// How packets leave. RFC 791, RFC 1122 §3.2.1 and §3.3, RFC 8200 §4.5, RFC 6864, RFC 7739 (identification),
// RFC 1191, RFC 8201; SEC-14, -37, -99.

import { describe, expect, test } from 'vitest';
import { Flow } from '../../../src/ip/flow.js';
import { IcmpError } from '../../../src/ip/protocol.js';
import { completeChecksum } from '../../../src/checksum.js';
import { packetOf } from '../../../src/packet.js';
import { build, unfinish } from '../../fixtures/ip-packets.js';
import { internetChecksum, ip, IpBench, pattern, readV4, readV6, v4, v6 } from '../../fixtures/ip-bench.js';

const NOBODY = { 4: '0.0.0.0', 6: '::' } as const;
const OURS = { 4: '10.0.0.2', 6: 'fd00::2' } as const;
const PEER = { 4: '10.0.0.1', 6: 'fd00::1' } as const;
const BOTH = [4, 6] as const;

const full = (text: string): string => readV6(v6({ src: text })).src;

describe('a packet leaves', () => {
  // RFC 1122 §3.2.1.6-1, §3.2.1.7-3.
  test('with an IPv4 header that says what its flow says', () => {
    const bench = new IpBench();
    expect(bench.send(pattern(33), OURS[4], PEER[4], { hopLimit: 3, trafficClass: 0xba })).toBeNull();
    expect(bench.wire.take().map(readV4)).toMatchObject([{
      isValid: true, version: 4, ihl: 5, tos: 0xba, totalLength: 53, id: 0, df: true, mf: false, offset: 0,
      ttl: 3, protocol: 17,
      src: OURS[4], dst: PEER[4], payload: pattern(33),
    }]);
    expect(bench.pool.outstanding).toBe(0);
  });

  test('with an IPv6 header that says what its flow says', () => {
    const bench = new IpBench();
    expect(
      bench.send(pattern(33), OURS[6], PEER[6], { hopLimit: 3, trafficClass: 0xba, flowLabel: 0xabcde }),
    ).toBeNull();
    expect(bench.wire.take().map(readV6)).toMatchObject([{
      isValid: true, trafficClass: 0xba, flowLabel: 0xabcde, payloadLength: 33, nextHeader: 17, hopLimit: 3,
      src: full(OURS[6]), dst: full(PEER[6]), payload: pattern(33),
    }]);
    expect(bench.pool.outstanding).toBe(0);
  });

  // RFC 1122 §3.2.1.7-1.
  test.each(BOTH)('never with a time to live of zero: RFC 1122 §3.2.1.7 (IPv%i)', (family) => {
    const bench = new IpBench();
    expect(bench.send(pattern(8), OURS[family], PEER[family], { hopLimit: 0 })).toBe('EINVAL');
    expect([bench.wire.sent, bench.dropped, bench.pool.outstanding]).toEqual([[], { 'ip-hop-limit': 1 }, 0]);
  });

  test.each(BOTH)('marked with where its headers are (IPv%i)', (family) => {
    const bench = new IpBench();
    const packet = bench.packet(pattern(8));
    const transport = packet.start;
    packet.transport = transport;
    packet.hold();
    bench.ip.send(packet, new Flow(ip(OURS[family]), ip(PEER[family]), 17), 0);
    expect([packet.network, packet.transport]).toEqual([transport - (family === 4 ? 20 : 40), transport]);
  });

  test.each(BOTH)('as a superpacket whatever the MTU, up to what the length field can say (IPv%i)', (family) => {
    const bench = new IpBench();
    const most = family === 4 ? 65_515 : 65_535;
    const superpacket = (packet: { segmentSize: number; checksum: string }): void => {
      packet.segmentSize = 1400;
      packet.checksum = 'partial';
    };
    expect(
      bench.send(pattern(most), OURS[family], PEER[family], { protocol: 6 } as Partial<Flow>, 0, superpacket),
    ).toBeNull();
    expect(bench.wire.sent).toHaveLength(1);
    expect(bench.send(pattern(most + 1), OURS[family], PEER[family], {}, 0, superpacket)).toBe('EMSGSIZE');
    expect([bench.dropped, bench.pool.outstanding]).toEqual([{ 'ip-too-big': 1 }, 0]);
  });
});

describe('the identification (RFC 6864 §4, RFC 7739, SEC-14)', () => {
  const ids = (bench: IpBench, dst: string, count: number): number[] => {
    for (let i = 0; i < count; i++) bench.send(pattern(8), OURS[4], dst, { dontFragment: false });
    return bench.wire.take().map((b) => readV4(b).id);
  };

  test('of what must not be fragmented is zero; of the rest it counts on for each destination', () => {
    const bench = new IpBench();
    const [first, ...rest] = ids(bench, PEER[4], 5);
    expect(rest).toEqual([1, 2, 3, 4].map((n) => (first! + n) & 0xffff));
    // What goes elsewhere does not show here.
    ids(bench, '10.0.0.77', 100);
    expect(ids(bench, PEER[4], 1)).toEqual([(first! + 5) & 0xffff]);
  });

  test('begins elsewhere for each destination, source, protocol and stack', () => {
    const starts = new Set<number>();
    for (let seed = 0; seed < 20; seed++) {
      const bench = new IpBench({ seed });
      for (let host = 10; host < 20; host++) starts.add(ids(bench, `10.0.0.${host}`, 1)[0]!);
    }
    // 200 draws of 65,536: a collision or two.
    expect(starts.size).toBeGreaterThan(190);
  });

  test('from one destination tells nothing of the next: differences of neighbours look like chance', () => {
    const bench = new IpBench({ seed: 5 });
    const firsts = Array.from({ length: 200 }, (_, i) => ids(bench, `10.0.0.${10 + i}`, 1)[0] ?? -1);
    expect(firsts).not.toContain(-1);
    const gaps = firsts.slice(1).map((id, i) => (id - firsts[i]!) & 0xffff);
    expect(new Set(gaps).size).toBeGreaterThan(190);
    // Spread over the whole range: each quarter holds 50 of 200, more or less.
    for (let quarter = 0; quarter < 4; quarter++) {
      const share = firsts.filter((id) => id >> 14 === quarter).length;
      expect(share).toBeGreaterThan(25);
      expect(share).toBeLessThan(80);
    }
  });

  test('to the hosts of one IPv6 subnet comes from one counter, and still begins elsewhere for each', () => {
    const bench = new IpBench();
    const id6 = (host: number): number => {
      bench.send(pattern(2000), OURS[6], `fd00::1:${host.toString(16)}`);
      const [first] = bench.wire.take();
      return new DataView(first!.buffer, first!.byteOffset).getUint32(44);
    };
    const ids6 = Array.from({ length: 100 }, (_, i) => id6(i + 1));
    const steps = ids6.slice(1).map((id, i) => Math.abs(id - ids6[i]!));
    expect(Math.min(...steps)).toBeGreaterThan(1000);
    // 100 went to its neighbours meanwhile.
    expect((id6(1) - ids6[0]!) >>> 0).toBe(100);
  });

  test('leaves room for the segments of a superpacket that may be fragmented', () => {
    const bench = new IpBench();
    const [before] = ids(bench, PEER[4], 1);
    bench.send(pattern(4001), OURS[4], PEER[4], { dontFragment: false }, 0, (packet) => {
      packet.segmentSize = 1000;
      packet.checksum = 'partial';
    });
    expect(readV4(bench.wire.take()[0]!).id).toBe((before! + 1) & 0xffff);
    expect(ids(bench, PEER[4], 1)).toEqual([(before! + 6) & 0xffff]);
  });
});

describe('fragmentation at the source', () => {
  // RFC 791 §2.3-1.
  test('IPv4: RFC 791 §2.3', () => {
    const bench = new IpBench();
    const payload = pattern(4000);
    expect(bench.send(payload, OURS[4], PEER[4], { dontFragment: false, trafficClass: 4 })).toBeNull();
    const fragments = bench.wire.take().map(readV4);
    expect(fragments.map((f) => [f.offset, f.payload.length, f.mf])).toEqual(
      [[0, 1480, true], [1480, 1480, true], [2960, 1040, false]],
    );
    for (const f of fragments) expect(f).toMatchObject(
      { isValid: true, df: false, id: fragments[0]!.id, tos: 4, ttl: 64, src: OURS[4], dst: PEER[4] },
    );
    expect(Uint8Array.from(fragments.flatMap((f) => [...f.payload]))).toEqual(payload);
    expect(bench.pool.outstanding).toBe(0);
  });

  // RFC 8200 §4.5-1.
  test('IPv6: RFC 8200 §4.5, whether or not the flow minds', () => {
    const bench = new IpBench();
    const payload = pattern(4000);
    expect(bench.send(payload, OURS[6], PEER[6], { flowLabel: 7, trafficClass: 4 })).toBeNull();
    const packets = bench.wire.take().map(readV6);
    const fragments = packets.map(({ payload: p }) => ({
      next: p[0], reserved: p[1], offset: ((p[2]! << 8) | p[3]!) & 0xfff8, low: p[3]! & 7,
      id: p.slice(4, 8).join('.'), data: p.slice(8),
    }));
    expect(fragments.map((f) => [f.next, f.reserved, f.offset, f.low, f.data.length])).toEqual([
      [17, 0, 0, 1, 1448], [17, 0, 1448, 1, 1448], [17, 0, 2896, 0, 1104],
    ]);
    expect(new Set(fragments.map((f) => f.id)).size).toBe(1);
    for (const p of packets) expect(p).toMatchObject(
      { isValid: true, nextHeader: 44, flowLabel: 7, trafficClass: 4, hopLimit: 64 },
    );
    expect(Uint8Array.from(fragments.flatMap((f) => [...f.data]))).toEqual(payload);
    expect(bench.pool.outstanding).toBe(0);
    bench.send(payload, OURS[6], PEER[6]);
    expect(readV6(bench.wire.take()[0]!).payload.slice(4, 8).join('.')).not.toBe(fragments[0]!.id);
  });

  test.each(BOTH)('happens one byte above the MTU and not at it (IPv%i)', (family) => {
    const bench = new IpBench();
    const most = family === 4 ? 1480 : 1460;
    bench.send(pattern(most), OURS[family], PEER[family], { dontFragment: false });
    expect(bench.wire.take()).toHaveLength(1);
    bench.send(pattern(most + 1), OURS[family], PEER[family], { dontFragment: false });
    expect(bench.wire.take()).toHaveLength(2);
  });

  // RFC 791 §3.1-4.
  test('is refused to IPv4 that must not be fragmented: EMSGSIZE', () => {
    const bench = new IpBench();
    expect(bench.send(pattern(1480), OURS[4], PEER[4])).toBeNull();
    expect(bench.send(pattern(1481), OURS[4], PEER[4])).toBe('EMSGSIZE');
    expect([bench.dropped, bench.pool.outstanding]).toEqual([{ 'ip-too-big': 1 }, 0]);
  });

  test.each(BOTH)('finishes a checksum that was left to a device: no device sums fragments (IPv%i)', (family) => {
    const bench = new IpBench({ texts: ['10.0.0.1/24', 'fd00::1/64'] });
    const built = build({ family, protocol: 17, payload: pattern(3000) });
    const { packet: unfinished, start, field } = unfinish(built);
    const [src, dst] = family === 4 ? ['10.0.0.1', '10.0.0.2'] as const : ['fd00::1', 'fd00::2'] as const;
    bench.send(unfinished.slice(start), src, dst, { dontFragment: false }, 0, (packet) => {
      packet.checksum = 'partial';
      packet.checksumStart = packet.start;
      packet.checksumField = packet.start + field - start;
    });
    const head = family === 4 ? 20 : 48;
    expect(Uint8Array.from(bench.wire.take().flatMap((b) => [...b.slice(head)]))).toEqual(built.slice(start));
  });

  test('is refused where not even eight bytes fit', () => {
    const bench = new IpBench({ deviceMtu: 27 });
    expect(bench.send(pattern(100), OURS[4], PEER[4], { dontFragment: false })).toBe('EMSGSIZE');
    expect(bench.pool.outstanding).toBe(0);
  });
});

describe('where a packet goes', () => {
  test.each(BOTH)('nowhere without a route: ENETUNREACH (IPv%i)', (family) => {
    const bench = new IpBench();
    const far = { 4: '198.51.100.1', 6: '2001:db8::1' }[family];
    expect(bench.send(pattern(8), NOBODY[family], far)).toBe('ENETUNREACH');
    expect(bench.send(pattern(8), NOBODY[family], NOBODY[family])).toBe('ENETUNREACH');
    expect([bench.dropped, bench.pool.outstanding]).toEqual([{ 'ip-no-route': 2 }, 0]);
    bench.ip.routes.addDefault(ip(PEER[family]), bench.wired);
    expect(bench.send(pattern(8), NOBODY[family], far)).toBeNull();
  });

  // RFC 1122 §3.2.1.3-3.
  test('only from an address of ours: RFC 1122 §3.2.1.3', () => {
    const bench = new IpBench();
    expect(bench.send(pattern(8), '10.0.0.3', PEER[4])).toBe('EADDRNOTAVAIL');
    expect(bench.send(pattern(8), '10.0.0.255', PEER[4])).toBe('EADDRNOTAVAIL');
    expect(bench.send(pattern(8), 'fd00::3', PEER[6])).toBe('EADDRNOTAVAIL');
    expect(bench.send(pattern(8), OURS[6], PEER[4])).toBe('EADDRNOTAVAIL');
    expect([bench.dropped, bench.wire.sent]).toEqual([{ 'ip-no-source': 4 }, []]);
  });

  // RFC 1122 §3.2.1.3-4.
  test('not out of the host if it is loopback\'s, to or from: RFC 1122 §3.2.1.3 (g)', () => {
    const bench = new IpBench();
    bench.ip.routes.addDefault(ip(PEER[4]), bench.wired);
    expect(bench.send(pattern(8), '127.0.0.1', PEER[4])).toBe('ENETUNREACH');
    expect(bench.send(pattern(8), '::1', PEER[6])).toBe('ENETUNREACH');
    expect(bench.wire.sent).toEqual([]);
  });

  test('again by what is decided, until a route changes', () => {
    const bench = new IpBench();
    const flow = new Flow(ip(NOBODY[4]), ip('10.0.0.9'), 17);
    expect(bench.ip.route(flow)).toBeNull();
    const { route } = flow;
    expect(bench.ip.route(flow)).toBeNull();
    expect(flow.route).toBe(route);
    const [other] = bench.attach('other', ['192.0.2.9/24']);
    bench.ip.routes.add({ destination: ip('10.0.0.9'), prefixLength: 32, interface: other, gateway: null });
    expect(bench.ip.route(flow)).toBeNull();
    expect(flow.route!.interface).toBe(other);
    // The source stays what it was: a connection's address does not change under it.
    expect(flow.src.toString()).toBe(OURS[4]);
    other.up = false;
    expect(bench.ip.route(flow)).toBeNull();
    expect(flow.route!.interface).toBe(bench.wired);
  });

  test('by another route once its flow aims elsewhere, told or not', () => {
    const bench = new IpBench();
    const [other] = bench.attach('other', ['192.0.2.9/24']);
    const flow = new Flow(ip(NOBODY[4]), ip(PEER[4]), 17);
    bench.ip.route(flow);
    flow.aim(ip(NOBODY[4]), ip('192.0.2.1'));
    expect(
      [bench.ip.route(flow), flow.route!.interface, flow.src.toString()],
    ).toEqual([null, other, '192.0.2.9']);
    flow.dst = ip(PEER[4]);
    expect([bench.ip.route(flow), flow.route!.interface]).toEqual([null, bench.wired]);
  });

  test('through the interface that its flow, its zone or its source names', () => {
    const bench = new IpBench();
    const [other] = bench.attach('other', ['192.0.2.9/24', 'fe80::9/64']);
    const to = (dst: string, change: Partial<Flow> = {}, src = '::'): string | null => {
      const flow = Object.assign(new Flow(ip(src), ip(dst), 17), change);
      return bench.ip.route(flow) ?? flow.route!.interface.name;
    };
    expect(to('fe80::1')).toBe('wire');
    expect(to(`fe80::1%${other.index}`)).toBe('other');
    expect(to('fe80::1%77')).toBe('ENETUNREACH');
    expect(to('fe80::1', { through: other })).toBe('other');
    expect(to('fe80::1', {}, `fe80::9%${other.index}`)).toBe('other');
    expect(to('ff02::1', {}, `fe80::9%${other.index}`)).toBe('other');
    expect(to('ff02::1', { through: other })).toBe('other');
    expect(to('10.0.0.1', { through: other }, '0.0.0.0')).toBe('ENETUNREACH');
    expect(to('255.255.255.255', { through: other }, '0.0.0.0')).toBe('other');
    // No address with that prefix is needed: the link-local prefix is on every link. RFC 4861 §5.1.
    const [bare] = bench.attach('bare', ['fd09::1/64']);
    expect(to(`fe80::1%${bare.index}`)).toBe('bare');
  });

  test('to many, as its address says: the route tells how', () => {
    const bench = new IpBench();
    const routeTo = (dst: string): unknown => {
      const flow = new Flow(ip(dst.includes(':') ? '::' : '0.0.0.0'), ip(dst), 17);
      expect(bench.ip.route(flow)).toBeNull();
      const { cast, nextHop, onLink } = flow.route!;
      return [cast, nextHop.toString(), onLink, flow.src.toString()];
    };
    expect(routeTo('255.255.255.255')).toEqual(['broadcast', '255.255.255.255', true, '10.0.0.2']);
    // What the link needs to know of a subnet's broadcast is that it is one.
    expect(routeTo('10.0.0.255')).toEqual(['broadcast', '255.255.255.255', true, '10.0.0.2']);
    expect(routeTo('224.0.0.251')).toEqual(['multicast', '224.0.0.251', true, '10.0.0.2']);
    expect(routeTo('ff02::fb')).toEqual(['multicast', 'ff02::fb', true, `fe80::2%${bench.wired.index}`]);
    expect(routeTo('ff0e::fb')).toEqual(['multicast', 'ff0e::fb', true, 'fd00::2']);
    expect(routeTo('10.0.0.9')).toEqual(['unicast', '10.0.0.9', true, '10.0.0.2']);
  });

  test('from nobody, if it may: before there is an address, and when a flow is anonymous', () => {
    const bench = new IpBench({ texts: [] });
    expect(bench.send(pattern(8), NOBODY[4], '255.255.255.255')).toBeNull();
    expect(bench.send(pattern(8), NOBODY[6], 'ff02::2')).toBeNull();
    expect(bench.send(pattern(8), NOBODY[6], 'fe80::1', { through: bench.wired })).toBe('EADDRNOTAVAIL');
    const [a, b] = bench.wire.take();
    expect([readV4(a!).src, readV6(b!).src]).toEqual(['0.0.0.0', full('::')]);
    const other = new IpBench();
    other.send(pattern(8), NOBODY[4], '255.255.255.255', { anonymous: true });
    other.send(pattern(8), NOBODY[6], 'ff02::1:ff00:2', { anonymous: true });
    const [c, d] = other.wire.take();
    expect([readV4(c!).src, readV6(d!).src]).toEqual(['0.0.0.0', full('::')]);
  });

  test('with a borrowed address through an interface that has none', () => {
    const bench = new IpBench();
    const [line] = bench.attach('line', []);
    bench.ip.routes.add({ destination: ip('198.51.100.0'), prefixLength: 24, interface: line, gateway: null });
    const flow = new Flow(ip(NOBODY[4]), ip('198.51.100.1'), 17);
    expect([bench.ip.route(flow), flow.src.toString()]).toEqual([null, OURS[4]]);
  });

  test('in a multicast without a route, where an address of its family is', () => {
    const bench = new IpBench({ texts: ['fd00::2/64'] });
    const [other] = bench.attach('other', ['192.0.2.9/24']);
    expect(bench.ip.interfaceFor(ip('239.1.1.1'))).toBe(other);
    expect(bench.ip.interfaceFor(ip('ff0e::1'))).toBe(bench.wired);
    bench.ip.routes.addDefault(ip('10.0.0.1'), bench.wired);
    expect(bench.ip.interfaceFor(ip('239.1.1.1'))).toBe(bench.wired);
    expect(bench.ip.interfaceFor(ip(`ff02::1%${other.index}`))).toBe(other);
  });
});

describe('what we send ourselves', () => {
  test.each([
    ['127.0.0.1', '127.0.0.1'], ['127.8.8.8', '127.0.0.1'], ['10.0.0.2', '10.0.0.2'], ['::1', '::1'],
    ['fd00::2', 'fd00::2'],
  ])('to %s goes through the loopback, from %s, and arrives in its turn', (dst, src) => {
    const bench = new IpBench();
    expect(bench.send(pattern(5000), dst.includes(':') ? '::' : '0.0.0.0', dst)).toBeNull();
    // Not before the queue is read.
    expect(bench.deliveries).toEqual([]);
    expect(bench.pump()).toBe(1);
    expect(bench.take()).toMatchObject([{ src, dst, interface: 'lo', payload: pattern(5000) }]);
    expect([bench.wire.sent, bench.dropped, bench.pool.outstanding]).toEqual([[], {}, 0]);
  });

  test('keeps its superpackets and its partial checksums', () => {
    const bench = new IpBench();
    bench.send(pattern(60_000), '::', '::1', {}, 0, (packet) => {
      packet.segmentSize = 1400;
      packet.checksum = 'partial';
    });
    bench.pump();
    expect(bench.take()).toMatchObject([{ segmentSize: 1400, checksum: 'partial' }]);
  });

  test('under a link-local address arrives in the zone of the interface that has it', () => {
    const bench = new IpBench();
    const zone = bench.wired.index;
    bench.send(pattern(8), '::', `fe80::2%${zone}`);
    bench.pump();
    expect(bench.take()).toMatchObject([{ src: `fe80::2%${zone}`, dst: `fe80::2%${zone}` }]);
  });

  test('is cut like everything else where it is too large even for the loopback', () => {
    const bench = new IpBench();
    expect(bench.send(pattern(65_535), '::', '::1')).toBeNull();
    expect(bench.pump()).toBe(2);
    expect(bench.take()).toMatchObject([{ payload: pattern(65_535), fragmented: true }]);
  });

  test('and many: a copy comes back if we are of them and the flow wants it (RFC 1112 §6.1)', () => {
    for (const dst of ['224.0.0.1', '10.0.0.255', '255.255.255.255', 'ff02::1']) {
      const bench = new IpBench();
      const src = dst.includes(':') ? '::' : '0.0.0.0';
      bench.send(pattern(8), src, dst);
      expect(bench.pump()).toBe(0);
      bench.send(pattern(8), src, dst, { loop: true });
      expect(bench.pump()).toBe(1);
      expect(bench.wire.take()).toHaveLength(2);
      const zone = dst === 'ff02::1' ? `%${bench.wired.index}` : '';
      expect(bench.take()).toMatchObject([
        {
          dst: dst + zone, cast: dst.includes('255') ? 'broadcast' : 'multicast', interface: 'wire',
          payload: pattern(8),
        },
      ]);
      expect([bench.dropped, bench.pool.outstanding]).toEqual([{}, 0]);
    }
  });

  test('but not if nobody of us is in the group', () => {
    const bench = new IpBench();
    bench.send(pattern(8), NOBODY[4], '239.1.1.1', { loop: true });
    bench.pump();
    expect([bench.deliveries, bench.dropped]).toEqual([[], { 'ip-not-for-us': 1 }]);
  });

  test('the copy can be summed by itself', () => {
    const bench = new IpBench({ texts: ['10.0.0.1/24'] });
    const built = build({ protocol: 17, to: 255, payload: pattern(31) });
    const { packet: unfinished, start, field } = unfinish(built);
    let copy: ReturnType<IpBench['packet']> | undefined;
    bench.ip.loopback.device.attach(
      { receive: (packet) => { copy = packet; }, batchEnd: () => {}, lost: () => {} },
    );
    bench.send(unfinished.slice(start), '10.0.0.1', '10.0.0.255', { loop: true }, 0, (packet) => {
      packet.checksum = 'partial';
      packet.checksumStart = packet.start;
      packet.checksumField = packet.start + field - start;
    });
    expect(copy!.checksumStart).toBe(copy!.transport);
    expect(copy!.checksumField).toBe(copy!.transport + field - start);
    completeChecksum(copy!);
    expect(copy!.bytes.slice(copy!.transport, copy!.end)).toEqual(built.slice(start));
  });
});

describe('a packet with a header of its sender\'s (IP_HDRINCL)', () => {
  const raw = (
    bench: IpBench, bytes: Uint8Array,
  ): ReturnType<IpBench['ip']['sendWithHeader']> => bench.ip.sendWithHeader(bench.packet(bytes), 0);

  test('IPv4: total length and checksum are filled in, source and identification if zero: raw(7)', () => {
    const bench = new IpBench();
    expect(
      raw(
        bench,
        v4({
          src: '0.0.0.0', dst: PEER[4], id: 0, totalLength: 3, checksumOff: 5, ttl: 9, tos: 3, protocol: 200,
          options: [1, 1, 1, 0],
        }),
      ),
    ).toBeNull();
    expect(raw(bench, v4({ src: OURS[4], dst: PEER[4], id: 0x1234, df: true }))).toBeNull();
    const [a, b] = bench.wire.take().map(readV4);
    expect(a).toMatchObject(
      { isValid: true, src: OURS[4], dst: PEER[4], ttl: 9, tos: 3, protocol: 200, ihl: 6, payload: pattern(8) },
    );
    expect(a!.id).not.toBe(0);
    expect(b).toMatchObject({ isValid: true, id: 0x1234, df: true });
  });

  test('IPv6: the payload length is filled in, and the source if it is ::', () => {
    const bench = new IpBench();
    expect(
      raw(bench, v6({ src: '::', dst: PEER[6], payloadLength: 1, nextHeader: 200, hopLimit: 9, flowLabel: 5 })),
    ).toBeNull();
    expect(bench.wire.take().map(readV6)).toMatchObject(
      [{ isValid: true, src: full(OURS[6]), nextHeader: 200, hopLimit: 9, flowLabel: 5, payload: pattern(8) }],
    );
  });

  test.each([
    ['nothing', new Uint8Array(0)], [
      'another version', v4({ version: 7 }),
    ], ['a cut header', v4().slice(0, 19)], ['a header of four words', v4({ ihl: 4 })],
    ['a header longer than the packet', v4({ ihl: 15 })], [
      'no time to live', v4({ src: OURS[4], dst: PEER[4], ttl: 0 }),
    ], ['a cut IPv6 header', v6().slice(0, 39)],
    [
      'no hop limit', v6({ src: OURS[6], dst: PEER[6], hopLimit: 0 }),
    ], ['IPv4 in disguise', v6({ dst: '::ffff:a00:1' })],
  ])('%s is EINVAL', (_what, bytes) => {
    const bench = new IpBench();
    expect(raw(bench, bytes)).toBe('EINVAL');
    expect([bench.wire.sent, bench.pool.outstanding]).toEqual([[], 0]);
  });

  test('is not fragmented: EMSGSIZE', () => {
    const bench = new IpBench();
    expect(raw(bench, v4({ src: OURS[4], dst: PEER[4], payload: pattern(1481) }))).toBe('EMSGSIZE');
    expect(raw(bench, v6({ src: OURS[6], dst: PEER[6], payload: pattern(1461) }))).toBe('EMSGSIZE');
  });

  test('comes from us alone, unless the stack may spoof (SEC-99)', () => {
    const bench = new IpBench();
    const forged = v4({ src: '198.51.100.7', dst: PEER[4] });
    expect(raw(bench, forged)).toBe('EADDRNOTAVAIL');
    bench.ip.maySpoof = true;
    expect(raw(bench, forged)).toBeNull();
    expect(raw(bench, v4({ src: '198.51.100.7', dst: '198.51.100.8' }))).toBe('ENETUNREACH');
    expect(bench.wire.take().map(readV4)).toMatchObject([{ src: '198.51.100.7', isValid: true }]);
  });

  test('to ourselves arrives through the loopback', () => {
    const bench = new IpBench();
    expect(raw(bench, v4({ src: '0.0.0.0', dst: '127.0.0.1' }))).toBeNull();
    bench.pump();
    expect(bench.take()).toMatchObject([{ src: '127.0.0.1' }]);
  });
});

describe('the path MTU (RFC 1191, RFC 8201, SEC-37)', () => {
  const tooBig = (
    family: 4 | 6, mtu: number,
    change: Partial<{ src: string; dst: string; protocol: number; bytes: Uint8Array }> = {},
  ): IcmpError =>
    Object.assign(new IcmpError(), {
      kind: 'packet-too-big', code: 'EMSGSIZE', mtu, protocol: 17, bytes: new Uint8Array(8), at: 0, end: 8,
      from: ip(PEER[family]), ...change,
      src: ip(change.src ?? OURS[family]), dst: ip(change.dst ?? PEER[family]),
    });
  const mtuOf = (bench: IpBench, family: 4 | 6, now = 0): number => bench.ip.pathMtuOf(
    new Flow(ip(NOBODY[family]), ip(PEER[family]), 17), now,
  );

  // RFC 1122 §3.3.3-1.
  test.each(BOTH)('is the interface\'s until a router says less, and packets heed it (IPv%i)', (family) => {
    const bench = new IpBench();
    expect(mtuOf(bench, family)).toBe(1500);
    const { generation } = bench.ip.pathMtu;
    const error = tooBig(family, 1400);
    expect(bench.ip.deliverError(error, 0)).toBe(true);
    expect(mtuOf(bench, family)).toBe(1400);
    expect(bench.ip.pathMtu.generation).not.toBe(generation);
    expect(bench.notes[17]!.errors).toMatchObject([{ kind: 'packet-too-big', mtu: 1400, dst: PEER[family] }]);
    bench.send(pattern(1400), OURS[family], PEER[family], { dontFragment: false });
    const sent = bench.wire.take();
    expect(sent.length).toBe(2);
    for (const each of sent) expect(each.length).toBeLessThanOrEqual(1400);
    if (family === 4) expect(bench.send(pattern(1381), OURS[4], PEER[4])).toBe('EMSGSIZE');
    bench.send(pattern(1400 - (family === 4 ? 20 : 40)), OURS[family], PEER[family]);
    expect(bench.wire.take()).toHaveLength(1);
  });

  test.each(BOTH)('is not believed unless a transport recognises its packet: RFC 5927 (IPv%i)', (family) => {
    const bench = new IpBench();
    bench.notes[17]!.isPlausible = false;
    expect(bench.ip.deliverError(tooBig(family, 1400), 0)).toBe(false);
    expect(bench.notes[17]!.errors).toHaveLength(1);
    expect(mtuOf(bench, family)).toBe(1500);
  });

  test.each(BOTH)('is nobody\'s business if the packet was not ours, or of no protocol of ours (IPv%i)', (family) => {
    const bench = new IpBench();
    expect(bench.ip.deliverError(tooBig(family, 1400, { src: PEER[family] }), 0)).toBe(false);
    expect(bench.ip.deliverError(tooBig(family, 1400, { protocol: 99 }), 0)).toBe(false);
    expect(
      bench.ip.deliverError(tooBig(family, 1400, { dst: family === 4 ? '224.0.0.1' : 'ff02::1' }), 0),
    ).toBe(false);
    expect(mtuOf(bench, family)).toBe(1500);
    expect(bench.ip.pathMtu.size).toBe(0);
  });

  test('never rises by a report', () => {
    const bench = new IpBench();
    for (const family of BOTH) {
      bench.ip.deliverError(tooBig(family, 1400), 0);
      const error = tooBig(family, 1450);
      bench.ip.deliverError(error, 0);
      expect([mtuOf(bench, family), error.mtu]).toEqual([1400, 1400]);
      expect(bench.ip.deliverError(tooBig(family, 9000), 0)).toBe(true);
      expect(mtuOf(bench, family)).toBe(1400);
    }
  });

  test('has a floor: 552 in IPv4; 1280 in IPv6, where less is not believed: RFC 8201 §4', () => {
    const bench = new IpBench();
    bench.ip.deliverError(tooBig(4, 67), 0);
    expect(mtuOf(bench, 4)).toBe(1500);
    bench.ip.deliverError(tooBig(4, 68), 0);
    expect(mtuOf(bench, 4)).toBe(552);
    bench.ip.deliverError(tooBig(6, 1279), 0);
    expect(mtuOf(bench, 6)).toBe(1500);
    bench.ip.deliverError(tooBig(6, 1280), 0);
    expect(mtuOf(bench, 6)).toBe(1280);
  });

  test('of an old router that says 0 is the next plateau: RFC 1191 §7.1', () => {
    const bench = new IpBench();
    const seen = [];
    for (let i = 0; i < 5; i++) {
      bench.ip.deliverError(tooBig(4, 0), 0);
      seen.push(mtuOf(bench, 4));
    }
    expect(seen).toEqual([1492, 1006, 552, 552, 552]);
    // IPv6 has no such routers.
    bench.ip.deliverError(tooBig(6, 0), 0);
    expect(mtuOf(bench, 6)).toBe(1500);
  });

  test('is forgotten ten minutes after the last report that lowered it: RFC 1191 §6.3', () => {
    const bench = new IpBench();
    bench.ip.deliverError(tooBig(4, 1400), 0);
    bench.ip.deliverError(tooBig(4, 1400), 200_000);
    bench.ip.deliverError(tooBig(4, 1300), 300_000);
    expect(bench.ip.nextTimeout()).toBe(900_000);
    expect(mtuOf(bench, 4, 899_999)).toBe(1300);
    expect(mtuOf(bench, 4, 900_000)).toBe(1500);
    const { generation } = bench.ip.pathMtu;
    bench.ip.expire(900_000);
    expect(bench.ip.pathMtu.generation).not.toBe(generation);
    expect([bench.ip.pathMtu.size, bench.ip.nextTimeout()]).toEqual([0, Infinity]);
  });

  test('without a route is what every host must take', () => {
    const bench = new IpBench({ texts: [] });
    expect([mtuOf(bench, 4), mtuOf(bench, 6)]).toEqual([576, 1280]);
  });

  test('other errors go to the transport as they are', () => {
    const bench = new IpBench();
    expect(bench.ip.deliverError(Object.assign(tooBig(4, 0), { kind: 'port-unreachable' }), 0)).toBe(true);
    expect(bench.notes[17]!.errors).toMatchObject([{ kind: 'port-unreachable', src: OURS[4], dst: PEER[4] }]);
  });
});

describe('a packet whose next hop does not answer', () => {
  test.each(BOTH)('is told to its transport, but not in the middle of something else (IPv%i)', (family) => {
    const bench = new IpBench();
    bench.send(pattern(100), OURS[family], PEER[family]);
    bench.wired.unreachable(bench.packet(bench.wire.take()[0]!), 500);
    expect(bench.notes[17]!.errors).toEqual([]);
    expect(bench.ip.nextTimeout()).toBe(500);
    bench.ip.expire(500);
    expect(bench.notes[17]!.errors).toMatchObject(
      [{ kind: 'host-unreachable', src: OURS[family], dst: PEER[family], bytes: pattern(100) }],
    );
    expect([bench.ip.nextTimeout(), bench.pool.outstanding]).toEqual([Infinity, 0]);
  });

  test.each(BOTH)('is told once if it was cut: by its first fragment (IPv%i)', (family) => {
    const bench = new IpBench();
    bench.send(pattern(4000), OURS[family], PEER[family], { dontFragment: false });
    for (const each of bench.wire.take()) bench.wired.unreachable(bench.packet(each), 0);
    bench.ip.expire(0);
    expect(bench.notes[17]!.errors).toHaveLength(1);
    expect(bench.notes[17]!.errors[0]!.bytes.slice(0, 100)).toEqual(pattern(4000).slice(0, 100));
    expect(bench.pool.outstanding).toBe(0);
  });

  test('waits with at most 63 others', () => {
    const bench = new IpBench();
    for (let i = 0; i < 70; i++) bench.wired.unreachable(bench.packet(v4({ src: OURS[4], dst: PEER[4] })), 0);
    expect(bench.limits.all().find((limit) => limit.name === 'ip.undelivered')).toMatchObject({ max: 64 });
    expect(bench.pool.outstanding).toBe(64);
    bench.ip.expire(0);
    expect([bench.notes[17]!.errors.length, bench.pool.outstanding]).toEqual([64, 0]);
  });

  // RFC 1122 §3.3.1.4-1.
  test('makes its gateway give way to another: RFC 1122 §3.3.1.4', () => {
    const bench = new IpBench({ gateways: [ip('10.0.0.100'), ip('10.0.0.200')] });
    const hop = (): string => {
      const flow = new Flow(ip(NOBODY[4]), ip('198.51.100.1'), 17);
      bench.ip.route(flow);
      return flow.route!.nextHop.toString();
    };
    const fail = (now: number): void => {
      for (const port of [1, 2, 3]) bench.wired.unreachable(
        bench.packet(v4({ src: OURS[4], dst: '198.51.100.1', payload: pattern(8 + port) })), now,
      );
    };
    expect(hop()).toBe('10.0.0.100');
    // Three packets waited for it; they do not blame its successor.
    fail(1);
    expect(hop()).toBe('10.0.0.200');
    fail(2);
    expect(hop()).toBe('10.0.0.100');
    // A neighbour that does not answer says nothing of gateways.
    bench.wired.unreachable(bench.packet(v4({ src: OURS[4], dst: '10.0.0.9' })), 3);
    expect(hop()).toBe('10.0.0.100');
  });
});

test('the floor\'s tables are all in the registry of limits, with what they hold', () => {
  const bench = new IpBench();
  expect(bench.limits.all().map((limit) => [limit.name, limit.max, limit.used()])).toEqual(expect.arrayContaining([
    ['ip.routes', 1024, 5], ['ip.raw', 256, 0], ['ip.pathMtu', 1024, 0], ['ip.fragments.datagrams', 256, 0], [
      'ip.fragments.bytes', 4_194_304, 0,
    ],
    [
      'ip.fragments.perDatagram', 128, 0,
    ], ['ip.addresses', 64, 3], ['ip.groups', 256, 1], ['ip.undelivered', 64, 0],
  ]));
});

test('a packet outside any pool is sent like one of the pool', () => {
  const bench = new IpBench();
  const packet = packetOf(v4({ src: OURS[4], dst: PEER[4] }));
  expect(bench.ip.sendWithHeader(packet, 0)).toBeNull();
  expect(internetChecksum(bench.wire.take()[0]!.subarray(0, 20))).toBe(0);
});
