// What a router does with other people's packets. RFC 1812 §4.2.2.9, §4.3.3, §5.2 and §5.3; RFC 791 §3.2; RFC 8200 §3, §5;
// RFC 4443 §3.

import { describe, expect, test } from 'vitest';
import { ALL_ROUTERS } from '../../../src/address.js';
import type { Interface } from '../../../src/ip/interface.js';
import { Stack } from '../../../src/stack.js';
import { build, read } from '../../fixtures/ip-packets.js';
import { IpBench, type Report, pattern, readV4, v4, v6, Wire, ip } from '../../fixtures/ip-bench.js';

/** A router between 10.0.0/24, where packets come from, and 192.168.7/24, where they go; beyond it is a gateway to all. */
class Router extends IpBench {
  readonly far: Interface;
  readonly farWire: Wire;

  constructor(farMtu = 1500) {
    super();
    this.ip.forwarding = true;
    [this.far, this.farWire] = this.attach('far', ['192.168.7.1/24', 'fd07::1/64', 'fe80::7/64'], farMtu);
    this.ip.routes.add({ destination: ip('172.16.0.0'), prefixLength: 12, interface: this.far, gateway: ip('192.168.7.254') });
  }

  /** The packets that leave for there when these arrive here. */
  pass(...packets: Uint8Array[]): Uint8Array[] {
    for (const packet of packets) this.receive(packet);
    expect(this.pool.outstanding).toBe(0);
    return this.farWire.take();
  }

  /** Why it goes no further. */
  refusal(packet: Uint8Array, linkCast: 'unicast' | 'multicast' | 'broadcast' = 'unicast'): string {
    this.receive(packet, 0, linkCast);
    expect(this.pool.outstanding).toBe(0);
    expect([...this.farWire.take(), ...this.wire.take(), ...this.take()]).toEqual([]);
    const reasons = Object.keys(this.dropped);
    expect(reasons.length).toBe(1);
    return reasons[0]!;
  }

  get said(): Pick<Report, 'kind' | 'detail' | 'src'>[] {
    return this.reports.splice(0).map(({ kind, detail, src }) => ({ kind, detail, src }));
  }
}

const there = { src: '10.0.0.1', dst: '192.168.7.9' } as const;
const there6 = { src: 'fd00::1', dst: 'fd07::9' } as const;

describe('a packet for somebody else', () => {
  test('is dropped by a host: RFC 1122 §3.2.1.3, and routing is off unless asked for (§3.3.1.2)', () => {
    const router = new Router();
    router.ip.forwarding = false;
    expect(router.refusal(v4(there))).toBe('ip-not-for-us');
    const another = new Router();
    another.ip.forwarding = false;
    expect(another.refusal(v6(there6))).toBe('ip-not-for-us');
    expect(new Stack().ip.forwarding).toBe(false);
    expect(new Stack({ forwarding: true }).ip.forwarding).toBe(true);
  });

  test('goes on as it came, with one hop less and a sum that is right: RFC 1812 §5.3.1, RFC 1624', () => {
    const router = new Router();
    const payload = pattern(99);
    // The time to live from 256's neighbours to the least that passes, so that a carry shows.
    for (const ttl of [255, 64, 2]) {
      const sent = v4({ ...there, ttl, tos: 0xb9, df: true, id: 0xfe01, payload });
      const [passed] = router.pass(sent);
      expect(passed).toEqual(v4({ ...there, ttl: ttl - 1, tos: 0xb9, df: true, id: 0xfe01, payload }));
    }
    expect(router.said).toEqual([]);
    expect(router.ip.forwarder.forwarded).toBe(3);
  });

  test('of IPv6 likewise: RFC 8200 §3', () => {
    const router = new Router();
    const fields = { ...there6, trafficClass: 0xb9, flowLabel: 0xf_edcb, payload: pattern(99) };
    expect(router.pass(v6({ ...fields, hopLimit: 2 }))).toEqual([v6({ ...fields, hopLimit: 1 })]);
  });

  test('goes to the gateway of the longest prefix, and to nobody twice', () => {
    const router = new Router();
    const other = router.attach('other', ['172.16.5.1/24'])[1];
    expect(router.pass(v4({ ...there, dst: '172.17.0.9' }))).toHaveLength(1);
    expect(router.pass(v4({ ...there, dst: '172.16.5.9' }))).toEqual([]);
    expect(other.take()).toHaveLength(1);
  });

  test('follows the table when it changes', () => {
    const router = new Router();
    expect(router.pass(v4({ ...there, dst: '172.16.5.9' }))).toHaveLength(1);
    const other = router.attach('other', ['172.16.5.1/24'])[1];
    expect(router.pass(v4({ ...there, dst: '172.16.5.9' }))).toEqual([]);
    expect(other.take()).toHaveLength(1);
  });

  test('may be a fragment: it is not put together here', () => {
    const router = new Router();
    const fragment = { ...there, offset: 1480, mf: true, ttl: 9, payload: pattern(64) };
    expect(router.pass(v4(fragment))).toEqual([v4({ ...fragment, ttl: 8 })]);
  });

  test('is passed on with options that a host would take, unread: RFC 7126', () => {
    const router = new Router();
    // Router alert (RFC 2113), and a record route.
    const options = [0x94, 4, 0, 0, 7, 7, 4, 0, 0, 0, 0, 0];
    const [passed] = router.pass(v4({ ...there, options }));
    expect(readV4(passed!)).toMatchObject({ isValid: true, ttl: 63 });
    expect([...readV4(passed!).options]).toEqual(options);
  });

  test('for our own address is ours, whichever interface has it', () => {
    const router = new Router();
    router.receive(v4({ ...there, dst: '192.168.7.1' }));
    expect(router.take()).toHaveLength(1);
    expect(router.farWire.take()).toEqual([]);
  });

  test.each([
    ['TCP', 6, 'IPv4', 4], ['UDP', 17, 'IPv4', 4], ['TCP', 6, 'IPv6', 6], ['UDP', 17, 'IPv6', 6],
  ] as const)('that stands for many of %s (%i) over %s goes on whole where each of them fits', (_, protocol, __, family) => {
    for (const [mtu, reaches] of [[1500, true], [1499, false]] as const) {
      const router = new Router(mtu);
      const headers = (family === 4 ? 20 : 40) + (protocol === 6 ? 20 : 8);
      const sent = build({ family, protocol, from: 1, to: 9, payload: pattern(3 * (1500 - headers)), dontFragment: true });
      // As it is where a frame's header was taken off.
      const packet = router.packet(Uint8Array.of(...new Uint8Array(14), ...sent));
      packet.consume(14);
      packet.segmentSize = 1500 - headers;
      packet.checksum = 'partial';
      const by = family === 4 ? ip('10.0.0.9') : ip('fd00::9');
      router.ip.routes.add({ destination: by, prefixLength: family === 4 ? 32 : 128, interface: router.far, gateway: null });
      router.receivePacket(packet);
      expect(router.pool.outstanding).toBe(0);
      expect(router.farWire.sent.map(({ segmentSize }) => segmentSize)).toEqual(reaches ? [1500 - headers] : []);
      // RFC 1191 §4: each of the three that were on the wire gets its answer.
      const quoted = router.reports.map((report) => report.quoted);
      expect(quoted.map((each) => [each.length, each[0]! >> 4])).toEqual(reaches ? [] : new Array(3).fill([1500, family]));
      if (reaches) expect(read(router.farWire.take()[0]!).hopLimit).toBe(63);
    }
  });
});

describe('a packet that is at its end', () => {
  test.each([1, 0])('has %i hops left: time exceeded, code 0, about the packet as it came. RFC 1812 §5.3.1', (ttl) => {
    const router = new Router();
    const sent = v4({ ...there, ttl });
    expect(router.refusal(sent)).toBe('ip-hop-limit');
    expect(router.reports).toMatchObject([{ kind: 'hop-limit-exceeded', code: 0, quoted: sent, src: '10.0.0.1' }]);
  });

  test('likewise in IPv6: RFC 4443 §3.3', () => {
    const router = new Router();
    expect(router.refusal(v6({ ...there6, hopLimit: 1 }))).toBe('ip-hop-limit');
    expect(router.said).toEqual([{ kind: 'hop-limit-exceeded', detail: 0, src: 'fd00::1' }]);
  });

  test('has nowhere to go: net unreachable. RFC 1812 §5.2.7.1, RFC 4443 §3.1', () => {
    const router = new Router();
    expect(router.refusal(v4({ ...there, dst: '203.0.113.1' }))).toBe('ip-no-route');
    expect(router.said).toEqual([{ kind: 'net-unreachable', detail: 0, src: '10.0.0.1' }]);
    const another = new Router();
    expect(another.refusal(v6({ ...there6, dst: '2001:db8::1' }))).toBe('ip-no-route');
    expect(another.said).toEqual([{ kind: 'net-unreachable', detail: 0, src: 'fd00::1' }]);
  });

  test('would go back on a line between two: RFC 4443 §3.1, code 3', () => {
    const router = new Router();
    expect(router.refusal(v6({ src: 'fd00::1', dst: 'fd00::77' }))).toBe('ip-no-route');
    expect(router.said).toEqual([{ kind: 'host-unreachable', detail: 0, src: 'fd00::1' }]);
  });
});

describe('a packet that is too large for its next link', () => {
  test('and must not be cut: its sender is told what fits. RFC 1812 §4.3.3.3, RFC 1191 §4', () => {
    const router = new Router(700);
    expect(router.refusal(v4({ ...there, df: true, payload: pattern(681) }))).toBe('ip-too-big');
    expect(router.said).toEqual([{ kind: 'packet-too-big', detail: 700, src: '10.0.0.1' }]);
    expect(new Router(700).pass(v4({ ...there, df: true, payload: pattern(680) }))).toHaveLength(1);
  });

  test('of IPv6 is never cut: RFC 8200 §5', () => {
    const router = new Router(1280);
    expect(router.refusal(v6({ ...there6, payload: pattern(1241) }))).toBe('ip-too-big');
    expect(router.said).toEqual([{ kind: 'packet-too-big', detail: 1280, src: 'fd00::1' }]);
    expect(new Router(1280).pass(v6({ ...there6, payload: pattern(1240) }))).toHaveLength(1);
  });

  test('and may be cut, is: RFC 791 §3.2', () => {
    const router = new Router(700);
    const payload = pattern(1500);
    const pieces = router.pass(v4({ ...there, ttl: 9, id: 77, tos: 4, payload })).map(readV4);
    expect(pieces.every((piece) => piece.isValid && piece.ttl === 8 && piece.id === 77 && piece.tos === 4)).toBe(true);
    expect(pieces.map(({ offset, mf, totalLength }) => ({ offset, mf, totalLength }))).toEqual([
      { offset: 0, mf: true, totalLength: 700 }, { offset: 680, mf: true, totalLength: 700 },
      { offset: 1360, mf: false, totalLength: 160 },
    ]);
    expect(pieces.flatMap((piece) => [...piece.payload])).toEqual([...payload]);
    expect(router.said).toEqual([]);
  });

  test('and is a fragment: offsets count on from its own, and only the last of the last ends', () => {
    const middle = new Router(700).pass(v4({ ...there, offset: 2960, mf: true, payload: pattern(800) })).map(readV4);
    expect(middle.map(({ offset, mf }) => [offset, mf])).toEqual([[2960, true], [3640, true]]);
    const last = new Router(700).pass(v4({ ...there, offset: 2960, mf: false, payload: pattern(800) })).map(readV4);
    expect(last.map(({ offset, mf }) => [offset, mf])).toEqual([[2960, true], [3640, false]]);
  });

  test('and has options: the first piece has all, the others those with the copied flag. RFC 791 §3.1', () => {
    // A no-operation, a record route (not copied), a stream identifier (copied), the end.
    const options = [1, 7, 7, 4, 0, 0, 0, 0, 0x88, 4, 0xab, 0xcd, 0, 0, 0, 0];
    const pieces = new Router(700).pass(v4({ ...there, options, payload: pattern(1300) })).map(readV4);
    expect(pieces.map(({ isValid, offset }) => [isValid, offset])).toEqual([[true, 0], [true, 664]]);
    expect(pieces.map((piece) => [...piece.options])).toEqual([options, [0x88, 4, 0xab, 0xcd]]);
    expect(pieces.flatMap((piece) => [...piece.payload])).toEqual([...pattern(1300)]);
  });

  test('and its sender wanted the sum finished on the way: it is, before it is cut', () => {
    const router = new Router(700);
    router.ip.routes.add({ destination: ip('10.0.0.9'), prefixLength: 32, interface: router.far, gateway: null });
    const sent = build({ protocol: 17, from: 1, to: 9, payload: pattern(1000), dontFragment: false });
    const packet = router.packet(sent);
    const field = packet.start + 26;
    // What a partial checksum's field holds: the sum of the pseudo-header.
    const words = [0x0a00, 1, 0x0a00, 9, 17, 1008];
    const sum = words.reduce((a, b) => a + b) % 0xffff;
    packet.bytes.set([sum >> 8, sum & 0xff], field);
    Object.assign(packet, { checksum: 'partial', checksumStart: packet.start + 20, checksumField: field });
    router.receivePacket(packet);
    const pieces = router.farWire.take().map(readV4);
    expect(pieces.flatMap((piece) => [...piece.payload])).toEqual([...sent.subarray(20)]);
  });
});

describe('what no router passes on', () => {
  test.each([
    ['a link-local source (RFC 3927 §7)', { src: '169.254.1.1' }, 'ip-martian-source'],
    ['a link-local destination (RFC 3927 §7)', { dst: '169.254.1.1' }, 'ip-martian-destination'],
    ['loopback (RFC 1812 §5.3.7)', { src: '127.0.0.1' }, 'ip-martian-source'],
    ['to loopback', { dst: '127.0.0.9' }, 'ip-martian-destination'],
    ['this network', { src: '0.0.0.0' }, 'ip-martian-source'],
    ['class E', { src: '240.0.0.1' }, 'ip-martian-source'],
    ['to class E', { dst: '240.0.0.1' }, 'ip-martian-destination'],
    ['a group as its source', { src: '224.0.0.9' }, 'ip-martian-source'],
    ['the broadcast of where it came from', { src: '10.0.0.255' }, 'ip-martian-source'],
    ['our own address as its source (SEC-27)', { src: '192.168.7.1' }, 'ip-own-source'],
    ['a group', { dst: '224.0.1.1' }, 'ip-not-for-us'],
    ['a broadcast into a subnet (RFC 2644)', { dst: '192.168.7.255' }, 'ip-martian-destination'],
    ['a source route (RFC 7126 §4.3)', { options: [131, 7, 4, 192, 168, 7, 9, 0] }, 'ip-source-route'],
  ] as const)('%s', (_, fields, reason) => {
    const router = new Router();
    expect(router.refusal(v4({ ...there, ...fields }))).toBe(reason);
    expect(router.said).toEqual([]);
  });

  test.each([
    ['a link-local source (RFC 4291 §2.5.6)', { src: 'fe80::1' }, 'ip-martian-source'],
    ['a link-local destination', { dst: 'fe80::1' }, 'ip-martian-destination'],
    ['loopback (§2.5.3)', { src: '::1' }, 'ip-martian-source'],
    ['to loopback', { dst: '::1' }, 'ip-martian-destination'],
    ['no address (§2.5.2)', { src: '::' }, 'ip-martian-source'],
    ['a group as its source', { src: 'ff05::1' }, 'ip-martian-source'],
    ['a group', { dst: 'ff05::99' }, 'ip-not-for-us'],
    ['our own address as its source', { src: 'fd07::1' }, 'ip-own-source'],
  ] as const)('of IPv6: %s', (_, fields, reason) => {
    const router = new Router();
    expect(router.refusal(v6({ ...there6, ...fields }))).toBe(reason);
    expect(router.said).toEqual([]);
  });

  test.each(['broadcast', 'multicast'] as const)('what came as a %s of the link: RFC 1812 §5.3.4', (linkCast) => {
    expect(new Router().refusal(v4(there), linkCast)).toBe('ip-not-for-us');
  });

  test('bad options, and their sender hears of it', () => {
    const router = new Router();
    expect(router.refusal(v4({ ...there, options: [7, 40, 4, 0] }))).toBe('ip-bad-options');
    expect(router.said).toEqual([{ kind: 'parameter-problem', detail: 20, src: '10.0.0.1' }]);
  });
});

test('a router is in the routers\' group on each of its interfaces while it is one: RFC 4291 §2.8', () => {
  const router = new Router();
  const isIn = (): boolean[] => [router.wired, router.far].map((each) => each.isMember(ALL_ROUTERS));
  expect(isIn()).toEqual([true, true]);
  router.ip.forwarding = false;
  expect(isIn()).toEqual([false, false]);
});

test('a neighbour that does not answer is reported to who sent the packet: RFC 1812 §4.3.3.1, RFC 4443 §3.1', () => {
  const bench = new IpBench();
  bench.ip.forwarding = true;
  const [, lan] = bench.attach('lan', ['192.168.7.1/24'], 1500, {}, 'ethernet');
  const sent = v4({ ...there, ttl: 9 });
  bench.receive(sent);
  for (let now = 0; now <= 5000; now += 500) bench.ip.expire(now);
  expect(lan.take().length).toBeGreaterThan(0);
  expect(bench.reports).toMatchObject([{ kind: 'host-unreachable', src: '10.0.0.1', cast: 'unicast' }]);
  expect(bench.reports[0]!.quoted).toEqual(v4({ ...there, ttl: 8 }));
  expect(bench.pool.outstanding).toBe(0);
});
