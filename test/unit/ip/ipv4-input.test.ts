// What an IPv4 host takes from the wire. RFC 791, RFC 1122 §3.2.1 and §3.3, RFC 1812 §5.3.7; SEC-01, -02,
// -26, -27, -28.

import { describe, expect, test } from 'vitest';
import { fromHex } from '../../../src/bytes.js';
import type { LinkCast } from '../../../src/link/link-output.js';
import { FRAMES } from '../../fixtures/captured-frames.js';
import { ip, IpBench, pattern, v4, v6, watched } from '../../fixtures/ip-bench.js';

const OUR = '10.0.0.2';

/** The one reason for which `bytes` is dropped by a fresh host; null: it was delivered. */
function fate(
  bytes: Uint8Array, prepare: (bench: IpBench) => void = () => {}, linkCast: LinkCast = 'unicast',
): string | null {
  const bench = new IpBench();
  prepare(bench);
  bench.receive(bytes, 0, linkCast);
  expect(bench.pool.outstanding).toBe(0);
  const reasons = Object.keys(bench.dropped);
  expect(reasons.length + bench.deliveries.length).toBe(1);
  return reasons[0] ?? null;
}

describe('a datagram for us', () => {
  test('reaches its transport with the header told', () => {
    const bench = new IpBench();
    const payload = pattern(100);
    bench.receive(v4({ tos: 0xb9, ttl: 17, protocol: 6, payload }));
    expect(bench.take()).toMatchObject([{
      protocol: 6, family: 4, src: '10.0.0.1', dst: OUR, hopLimit: 17, trafficClass: 0xb9, cast: 'unicast',
      linkCast: 'unicast',
      fragmented: false, interface: 'wire', payload,
    }]);
    expect(bench.pool.outstanding).toBe(0);
  });

  // RFC 791 §3.1-2.
  test('ends where its total length says: the padding of a short frame is cut (RFC 894, SEC-01)', () => {
    const bench = new IpBench();
    const payload = pattern(3);
    bench.receive(v4({ payload, padding: 23 }));
    expect(bench.take()[0]!.payload).toEqual(payload);
  });

  // RFC 1122 §3.2.1.7-2.
  test('is taken with any time to live, even zero: RFC 1122 §3.2.1.7', () => {
    expect(fate(v4({ ttl: 1 }))).toBeNull();
    expect(fate(v4({ ttl: 0 }))).toBeNull();
  });

  test('may be a superpacket, which passes whole, its offload marks with it', () => {
    const bench = new IpBench();
    const packet = bench.packet(v4({ protocol: 6, payload: pattern(40_000) }));
    packet.segmentSize = 1448;
    packet.checksum = 'partial';
    bench.receivePacket(packet);
    expect(bench.take()).toMatchObject([{ segmentSize: 1448, checksum: 'partial', payload: pattern(40_000) }]);
  });

  // RFC 1122 §3.2.1.2-1.
  test('has its header checksum verified, whatever a device says of the payload: RFC 1122 §3.2.1.2', () => {
    for (const state of ['whole', 'partial', 'verified'] as const) {
      const bench = new IpBench();
      const packet = bench.packet(v4({ checksumOff: 1 }));
      packet.checksum = state;
      bench.receivePacket(packet);
      expect(bench.dropped).toEqual({ 'ip-bad-checksum': 1 });
    }
  });

  // RFC 1122 §3.2.1.1-1.
  test('by any other version is dropped silently: RFC 1122 §3.2.1.1', () => {
    expect(fate(v4({ version: 5 }))).toBe('ip-bad-version');
    expect(fate(new Uint8Array(0))).toBe('ip-truncated');
    expect(fate(v4({ totalLength: 21, payload: new Uint8Array(0) }))).toBe('ip-bad-total-length');
  });

  test('of Linux: an echo request', () => {
    const bench = new IpBench({ texts: ['10.9.0.2/24'] });
    bench.receive(fromHex(FRAMES.echoRequest.hex).slice(14));
    expect(bench.take()).toMatchObject([{ protocol: 1, src: '10.9.0.1', dst: '10.9.0.2', hopLimit: 64 }]);
  });
});

// RFC 1122 §3.2.1.3-1, §3.3.6-1.
describe('whom a datagram is for (RFC 1122 §3.2.1.3, §3.3.4.2)', () => {
  test.each([
    ['our address', OUR, 'unicast'],
    ['our subnet\'s broadcast', '10.0.0.255', 'broadcast'],
    ['the limited broadcast', '255.255.255.255', 'broadcast'],
    ['all hosts, without joining (RFC 1112 §7.2)', '224.0.0.1', 'multicast'],
  ])('%s: taken', (_what, dst, cast) => {
    const bench = new IpBench();
    bench.receive(v4({ dst }));
    expect(bench.take()).toMatchObject([{ dst, cast }]);
  });

  test.each([
    ['a neighbour\'s address', '10.0.0.3', 'ip-not-for-us'],
    ['our subnet\'s zero', '10.0.0.0', 'ip-not-for-us'],
    ['another subnet\'s broadcast', '10.0.1.255', 'ip-not-for-us'],
    ['a group that we did not join', '224.0.0.251', 'ip-not-for-us'],
    ['this network', '0.0.0.0', 'ip-martian-destination'],
    ['somebody on this network', '0.1.2.3', 'ip-martian-destination'],
    ['loopback, from outside (RFC 1122 §3.2.1.3 (g))', '127.0.0.1', 'ip-martian-destination'],
    ['anything in 127/8, from outside', '127.9.9.9', 'ip-martian-destination'],
    ['class E (RFC 1812 §5.3.7)', '240.0.0.1', 'ip-martian-destination'],
    ['class E at its end', '255.255.255.254', 'ip-martian-destination'],
  ])('%s: dropped', (_what, dst, reason) => {
    expect(fate(v4({ dst }))).toBe(reason);
  });

  test('a group that we joined, as long as somebody is in it', () => {
    const bench = new IpBench();
    const group = ip('239.1.2.3');
    bench.wired.joinGroup(group);
    bench.wired.joinGroup(group);
    bench.wired.leaveGroup(group);
    bench.receive(v4({ dst: '239.1.2.3' }));
    expect(bench.take()).toMatchObject([{ cast: 'multicast' }]);
    bench.wired.leaveGroup(group);
    bench.receive(v4({ dst: '239.1.2.3' }));
    expect(bench.dropped).toEqual({ 'ip-not-for-us': 1 });
  });

  test('a /31 and a /32 have no broadcast address (RFC 3021)', () => {
    for (const text of ['10.0.0.2/31', '10.0.0.2/32']) {
      const bench = new IpBench({ texts: [text] });
      bench.receive(v4({ dst: '10.0.0.3', src: '10.0.0.9' }));
      expect(bench.dropped).toEqual({ 'ip-not-for-us': 1 });
    }
  });

  test('an address of another interface of ours: taken, by the weak model', () => {
    const bench = new IpBench();
    bench.attach('other', ['192.0.2.9/24']);
    bench.receive(v4({ dst: '192.0.2.9' }));
    expect(bench.take()).toMatchObject([{ dst: '192.0.2.9', interface: 'wire' }]);
  });

  test('another interface\'s broadcast is not ours here', () => {
    expect(
      fate(v4({ dst: '192.0.2.255' }), (bench) => bench.attach('other', ['192.0.2.9/24'])),
    ).toBe('ip-not-for-us');
  });

  // RFC 1122 §3.3.6-2.
  test('a link broadcast with a single host\'s address in it is dropped: RFC 1122 §3.3.6', () => {
    expect(fate(v4(), undefined, 'broadcast')).toBe('ip-martian-destination');
    expect(fate(v4({ dst: '10.0.0.255' }), undefined, 'broadcast')).toBeNull();
  });

  test('an address that is gone is not ours any more, nor is one of an interface that is down', () => {
    expect(fate(v4(), (bench) => bench.wired.removeAddress(ip(OUR)))).toBe('ip-not-for-us');
    const bench = new IpBench();
    const [other] = bench.attach('other', ['192.0.2.9/24']);
    other.up = false;
    bench.receive(v4({ dst: '192.0.2.9' }));
    bench.ip.input(other, bench.packet(v4()), 0);
    expect(bench.dropped).toEqual({ 'ip-not-for-us': 2 });
  });
});

// RFC 1122 §3.2.1.3-2.
describe('whom a datagram can be from (RFC 1122 §3.2.1.3, SEC-27)', () => {
  test.each([
    ['this network', '0.0.0.0', 'ip-martian-source'],
    ['somebody on this network', '0.0.0.1', 'ip-martian-source'],
    ['loopback', '127.0.0.1', 'ip-martian-source'],
    ['a group', '224.0.0.1', 'ip-martian-source'],
    ['class E', '240.0.0.1', 'ip-martian-source'],
    ['the limited broadcast', '255.255.255.255', 'ip-martian-source'],
    ['our subnet\'s broadcast', '10.0.0.255', 'ip-martian-source'],
    ['ourselves (LAND)', OUR, 'ip-own-source'],
  ])('%s: dropped', (_what, src, reason) => {
    expect(fate(v4({ src }))).toBe(reason);
  });

  test('an address that another interface of ours has: dropped', () => {
    expect(
      fate(v4({ src: '192.0.2.9' }), (bench) => bench.attach('other', ['192.0.2.9/24'])),
    ).toBe('ip-own-source');
  });

  test('0.0.0.0 may ask everybody (DHCP, RFC 2131 §4.1; IGMP), but 0.0.0.1 may not', () => {
    expect(fate(v4({ src: '0.0.0.0', dst: '255.255.255.255' }))).toBeNull();
    expect(fate(v4({ src: '0.0.0.0', dst: '224.0.0.1' }))).toBeNull();
    expect(fate(v4({ src: '0.0.0.1', dst: '255.255.255.255' }))).toBe('ip-martian-source');
  });

  // RFC 1122 §4.1.3.6-1.
  test('none of it is answered', () => {
    const bench = new IpBench();
    for (const src of [
      '0.0.0.0', '127.0.0.1', '224.0.0.1', '255.255.255.255', OUR,
    ]) bench.receive(v4({ src, protocol: 99 }));
    expect(bench.reports).toEqual([]);
  });
});

// RFC 1122 §3.2.1.8-1.
describe('options (RFC 1122 §3.2.1.8, SEC-02)', () => {
  test.each([
    ['none but padding', [0, 0xff, 0xff, 0xff]],
    ['no operation, up to the end', [1, 1, 1, 1]],
    ['an unknown one', [0x9e, 4, 1, 2]],
    ['an unknown one that ends with the header', [1, 0x9e, 3, 1]],
    ['record route (RFC 791), passed', [7, 7, 4, 0, 0, 0, 0, 0]],
  ])('%s: the packet is taken, its payload in place', (_what, options) => {
    const bench = new IpBench();
    bench.receive(v4({ options, payload: pattern(16) }));
    expect(bench.take()).toMatchObject([{ payload: pattern(16) }]);
    expect(bench.reports).toEqual([]);
  });

  // RFC 1122 §3.2.2.5-1.
  test.each([
    ['of length zero', [0x44, 0, 0, 0], 20],
    ['of length one', [1, 7, 1, 1], 21],
    ['past the header\'s end', [1, 1, 7, 3], 22],
    ['cut before its length', [1, 1, 1, 7], 23],
  ])('one %s: dropped, and its place told: RFC 1122 §3.2.2.5', (_what, options, pointer) => {
    const bench = new IpBench();
    const bytes = v4({ options });
    bench.receive(bytes);
    expect(bench.dropped).toEqual({ 'ip-bad-options': 1 });
    expect(bench.reports).toMatchObject(
      [{ kind: 'parameter-problem', code: 0, detail: pointer, quoted: bytes }],
    );
  });

  test('a source route, loose or strict, is refused without a word (RFC 7126 §4.3, SEC-28)', () => {
    const bench = new IpBench();
    for (const type of [131, 137]) bench.receive(v4({ options: [1, type, 7, 4, 10, 0, 0, 9] }));
    expect(bench.dropped).toEqual({ 'ip-source-route': 2 });
    expect(bench.reports).toEqual([]);
  });

  test('bad ones in a later fragment are not answered: RFC 1122 §3.2.2', () => {
    const bench = new IpBench();
    bench.receive(v4({ options: [0x44, 0, 0, 0], offset: 8 }));
    expect(bench.dropped).toEqual({ 'ip-bad-options': 1 });
    expect(bench.reports).toEqual([]);
  });
});

// RFC 791 §3.1-5.
test('options are not read beyond the header, even where the packet ends with it', () => {
  const bench = new IpBench();
  const { packet, outside } = watched(v4({ options: [1, 1, 1, 7], payload: new Uint8Array(0) }));
  bench.receivePacket(packet);
  expect([outside(), bench.dropped]).toEqual([0, { 'ip-bad-options': 1 }]);
});

describe('a protocol that nobody registered', () => {
  test('is answered with protocol unreachable: RFC 1122 §3.2.2.1', () => {
    const bench = new IpBench();
    const bytes = v4({ protocol: 99 });
    bench.receive(bytes);
    expect(bench.dropped).toEqual({ 'ip-unknown-protocol': 1 });
    expect(bench.reports).toMatchObject(
      [{ kind: 'protocol-unreachable', code: 2, detail: 0, quoted: bytes, src: '10.0.0.1' }],
    );
    expect(bench.pool.outstanding).toBe(0);
  });

  test('tunnels are such (SEC-28): nothing is unwrapped', () => {
    const bench = new IpBench();
    bench.receive(v4({ protocol: 4, payload: v4() }));
    bench.receive(v4({ protocol: 41, payload: v6() }));
    expect(bench.dropped).toEqual({ 'ip-unknown-protocol': 2 });
  });

  test('and so is ICMPv6 in IPv4', () => {
    expect(fate(v4({ protocol: 58 }))).toBe('ip-unknown-protocol');
  });
});

describe('the loopback interface', () => {
  test('has 127/8 and ::1, index 1 and the name lo', () => {
    const { ip: floor } = new IpBench();
    expect(floor.interfaces[0]).toBe(floor.loopback);
    expect([floor.loopback.index, floor.loopback.name]).toEqual([1, 'lo']);
    expect(
      floor.loopback.addresses.map((row) => `${row.address.toString()}/${row.prefixLength}`),
    ).toEqual(['127.0.0.1/8', '::1/128']);
    expect(floor.isLocal(ip('127.255.255.255'))).toBe(true);
    expect(floor.isLocal(ip('126.255.255.255'))).toBe(false);
  });

  test('takes what would be martian anywhere else', () => {
    const bench = new IpBench();
    bench.receive(v4({ src: '127.0.0.1', dst: '127.0.0.1' }), 0, 'unicast', bench.ip.loopback);
    bench.receive(v4({ src: OUR, dst: OUR }), 0, 'unicast', bench.ip.loopback);
    expect(bench.take()).toMatchObject([{ dst: '127.0.0.1', interface: 'lo' }, { dst: OUR, interface: 'lo' }]);
  });
});
