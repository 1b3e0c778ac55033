// UDP as it arrives: whose a datagram is, and what is no datagram. RFC 768, RFC 1122 §4.1, RFC 8200 §8.1.

import { describe, expect, test } from 'vitest';
import { address, BROADCAST4 } from '../../../src/address.js';
import type { Offload } from '../../../src/link/device.js';
import type { UdpEndpoint, UdpOptions } from '../../../src/udp/endpoint.js';
import { Host } from '../../fixtures/host.js';
import { ascii, someBytes, type UdpFields, udpPacket } from '../../fixtures/rfc-packets.js';

const TO_V4 = { src: '10.0.0.2', dst: '10.0.0.1', from: 4000, to: 53 };
const TO_V6 = { src: 'fd00::2', dst: 'fd00::1', from: 4000, to: 53 };
const USO: Offload = { checksum: true, tcpSegmentation: true, udpSegmentation: true };

function bound(host: Host, at: string, port: number, options: UdpOptions = {}): UdpEndpoint {
  const endpoint = host.udp.open(options);
  expect(endpoint.bind(address(at), port)).toBe(null);
  return endpoint;
}

/** What waits, as text. */
function received(endpoint: UdpEndpoint): string[] {
  const texts: string[] = [];
  for (let d = endpoint.receive(); d !== null; d = endpoint.receive()) texts.push(String.fromCharCode(...d.data));
  return texts;
}

const say = (text: string, fields: UdpFields): Uint8Array => udpPacket({ ...fields, payload: ascii(text) });

// RFC 1122 §3.2.1.6-2, §4.1.3.5-1.
describe('a datagram brings what its headers say of it (RFC 1122 §4.1.3.5, §4.1.4)', () => {
  test('over IPv4', () => {
    const host = new Host();
    const endpoint = bound(host, '0.0.0.0', 53);
    host.give(udpPacket({ ...TO_V4, payload: someBytes(3), hopLimit: 7, trafficClass: 0xb9 }));
    const datagram = endpoint.receive()!;
    expect(datagram).toMatchObject({
      data: someBytes(3), port: 4000, hopLimit: 7, trafficClass: 0xb9, interfaceIndex: host.wire.index,
    });
    expect(datagram.address.toString()).toBe('10.0.0.2');
    expect(datagram.localAddress.toString()).toBe('10.0.0.1');
    expect(endpoint.receive()).toBe(null);
    expect(host.pool.outstanding).toBe(0);
  });

  test('over IPv6, with the link of a link-local peer', () => {
    const host = new Host();
    const endpoint = bound(host, '::', 53);
    host.give(udpPacket({ ...TO_V6, src: 'fe80::2', dst: 'fe80::1', payload: someBytes(3), hopLimit: 255, trafficClass: 0x2e }));
    const datagram = endpoint.receive()!;
    expect(datagram).toMatchObject({ data: someBytes(3), port: 4000, hopLimit: 255, trafficClass: 0x2e });
    expect(datagram.address.toString()).toBe(`fe80::2%${host.wire.index}`);
  });

  test('an empty one is delivered too (RFC 8085)', () => {
    const host = new Host();
    const endpoint = bound(host, '::', 53);
    host.give(udpPacket(TO_V4), udpPacket(TO_V6));
    expect(received(endpoint)).toEqual(['', '']);
  });

  test('the longest come whole, in fragments', () => {
    const host = new Host();
    const endpoint = bound(host, '::', 53);
    const whole = udpPacket({ ...TO_V4, payload: someBytes(65_507) });
    for (let at = 20; at < whole.length; at += 1480) {
      const piece = whole.subarray(at, at + 1480);
      const more = at + 1480 < whole.length;
      host.give(fragmentOf(whole, piece, at - 20, more));
    }
    expect(Buffer.compare(endpoint.receive()!.data, someBytes(65_507))).toBe(0);
  });

  function fragmentOf(whole: Uint8Array, piece: Uint8Array, offset: number, more: boolean): Uint8Array {
    const header = whole.slice(0, 20);
    const view = new DataView(header.buffer);
    view.setUint16(2, 20 + piece.length);
    view.setUint16(4, 77);
    view.setUint16(6, (more ? 0x2000 : 0) + offset / 8);
    view.setUint16(10, 0);
    let sum = 0;
    for (let i = 0; i < 20; i += 2) sum += view.getUint16(i);
    view.setUint16(10, 0xffff - (sum % 0xffff));
    return Uint8Array.of(...header, ...piece);
  }
});

describe('lengths that lie (SEC-45, RFC 768)', () => {
  test.each([
    ['shorter than a header', { udpLength: 7 }, 'udp-bad-length'],
    ['zero', { udpLength: 0 }, 'udp-bad-length'],
    ['longer than the packet', { udpLength: 12, payload: ascii('abc') }, 'udp-bad-length'],
  ] as const)('%s: dropped, unanswered', (_what, fields, reason) => {
    for (const to of [TO_V4, TO_V6]) {
      const host = new Host();
      const endpoint = bound(host, '::', 53);
      host.give(udpPacket({ ...to, ...fields }), udpPacket({ ...to, ...fields, to: 54 }));
      expect(host.counters.dropped()).toEqual({ [reason]: 2 });
      expect(received(endpoint)).toEqual([]);
      expect(host.sent()).toEqual([]);
    }
  });

  test('what lies behind the datagram is not delivered (RFC 768)', () => {
    const host = new Host();
    const endpoint = bound(host, '::', 53);
    host.give(
      udpPacket({ ...TO_V4, payload: ascii('abc'), trailer: ascii('junk') }),
      udpPacket({ ...TO_V6, payload: ascii('abc'), trailer: ascii('junk') }),
    );
    expect(received(endpoint)).toEqual(['abc', 'abc']);
  });
});

describe('checksums (SEC-45; RFC 768, RFC 1122 §4.1.3.4, RFC 8200 §8.1, RFC 6935)', () => {
  // RFC 1122 §4.1.3.4-1.
  test('a wrong one: dropped silently', () => {
    const host = new Host();
    const endpoint = bound(host, '::', 53);
    for (const to of [TO_V4, TO_V6]) {
      const good = say('abc', to);
      for (const at of [good.length - 1, good.length - 11]) {
        const bad = good.slice();
        bad[at]! ^= 0x10;
        host.give(bad);
      }
    }
    expect(host.counters.dropped()).toEqual({ 'udp-bad-checksum': 4 });
    expect(received(endpoint)).toEqual([]);
    expect(host.sent()).toEqual([]);
  });

  test('a wrong one for a port that nobody has: no error answers', () => {
    const host = new Host();
    host.give(udpPacket({ ...TO_V4, checksum: 0x1234 }));
    expect(host.counters.dropped()).toEqual({ 'udp-bad-checksum': 1 });
    expect(host.sent()).toEqual([]);
  });

  test('none, over IPv4: taken', () => {
    const host = new Host();
    const endpoint = bound(host, '::', 53);
    host.give(udpPacket({ ...TO_V4, payload: ascii('x'), checksum: 0 }));
    expect(received(endpoint)).toEqual(['x']);
  });

  // RFC 8200 §8.1-2.
  test('none, over IPv6: dropped, whether or not anybody is there', () => {
    const host = new Host();
    const endpoint = bound(host, '::', 53);
    host.give(udpPacket({ ...TO_V6, payload: ascii('x'), checksum: 0 }), udpPacket({ ...TO_V6, to: 54, checksum: 0 }));
    expect(received(endpoint)).toEqual([]);
    expect(host.counters.dropped()).toEqual({ 'udp-no-checksum': 2 });
    expect(host.sent()).toEqual([]);
  });

  test('none, over IPv6, for a tunnel that wants it so: taken (RFC 6936)', () => {
    const host = new Host();
    const endpoint = bound(host, '::', 53, { zeroChecksum: true });
    host.give(udpPacket({ ...TO_V6, payload: ascii('x'), checksum: 0 }));
    expect(received(endpoint)).toEqual(['x']);
    // And a wrong one is still wrong.
    host.give(udpPacket({ ...TO_V6, payload: ascii('x'), checksum: 0x1234 }));
    expect(received(endpoint)).toEqual([]);
  });

  test('what a device vouches for is not summed again, nor what never left a machine', () => {
    const host = new Host();
    const endpoint = bound(host, '::', 53);
    for (const checksum of ['verified', 'partial'] as const) {
      host.arrive(udpPacket({ ...TO_V6, payload: ascii(checksum), checksum: 0x1234 }), (packet) => {
        packet.checksum = checksum;
        packet.checksumStart = packet.start + 40;
        packet.checksumField = packet.start + 46;
      });
    }
    expect(received(endpoint)).toEqual(['verified', 'partial']);
  });
});

describe('whose a datagram is (RFC 1122 §4.1.3.5, SEC-48)', () => {
  test('the peer’s own endpoint comes before the address’s, and that before the family’s, and that before everybody’s', () => {
    const host = new Host();
    const options = { reuseAddress: true };
    const all = bound(host, '::', 53, options);
    const all4 = bound(host, '0.0.0.0', 53, options);
    const one = bound(host, '10.0.0.1', 53, options);
    const connected = bound(host, '10.0.0.1', 53, options);
    expect(connected.connect(address('10.0.0.2'), 4000)).toBe(null);
    const order = [connected, one, all4, all];
    for (const [i, endpoint] of order.entries()) {
      host.give(say(String(i), TO_V4));
      expect(order.map(received)).toEqual(order.map((each) => (each === endpoint ? [String(i)] : [])));
      endpoint.close();
    }
    host.give(say('nobody', TO_V4));
    expect(host.counters.dropped()).toEqual({ 'udp-no-socket': 1 });
  });

  test('the order of binding does not matter', () => {
    const host = new Host();
    const one = bound(host, 'fd00::1', 53, { reusePort: true });
    const all = bound(host, '::', 53, { reusePort: true });
    host.give(say('a', TO_V6), say('b', { ...TO_V6, src: 'fe80::2', dst: 'fe80::1' }));
    expect([received(one), received(all)]).toEqual([['a'], ['b']]);
  });

  test('a dual-stack wildcard receives both families, one for IPv6 only does not (RFC 3493 §5.3)', () => {
    const host = new Host();
    const dual = bound(host, '::', 53);
    const only6 = bound(host, '::', 54, { v6Only: true });
    const only4 = bound(host, '0.0.0.0', 55);
    for (const port of [53, 54, 55]) host.give(say('4', { ...TO_V4, to: port }), say('6', { ...TO_V6, to: port }));
    expect([dual, only6, only4].map(received)).toEqual([['4', '6'], ['6'], ['4']]);
  });

  test('a connected endpoint hears its peer alone; others are told that nobody is there', () => {
    const host = new Host();
    const endpoint = bound(host, '::', 53);
    expect(endpoint.connect(address('10.0.0.2'), 4000)).toBe(null);
    host.give(say('peer', TO_V4), say('port', { ...TO_V4, from: 4001 }), say('host', { ...TO_V4, src: '10.0.0.3' }));
    expect(received(endpoint)).toEqual(['peer']);
    expect(host.counters.dropped()).toEqual({ 'udp-not-connected-peer': 2 });
    expect(host.said()).toHaveLength(2);
    expect(endpoint.disconnect()).toBe(null);
    host.give(say('port', { ...TO_V4, from: 4001 }));
    expect(received(endpoint)).toEqual(['port']);
  });

  test('a link-local peer is a peer on its link only (RFC 4007 §6)', () => {
    const host = new Host();
    const endpoint = host.udp.open();
    expect(endpoint.connect(address(`fe80::2%${host.wire.index}`), 4000)).toBe(null);
    host.give(say('here', { ...TO_V6, src: 'fe80::2', dst: 'fe80::1', to: endpoint.localPort }));
    expect(received(endpoint)).toEqual(['here']);
    expect(endpoint.localAddress.toString()).toBe(`fe80::1%${host.wire.index}`);
  });

  test('a link-local name without a link is good on each (RFC 4007 §6)', () => {
    const host = new Host();
    const endpoint = bound(host, 'fe80::1', 53);
    host.give(say('x', { ...TO_V6, src: 'fe80::2', dst: 'fe80::1' }));
    expect(received(endpoint)).toEqual(['x']);
    // And one of another link is another name.
    const elsewhere = bound(host, `fe80::1%${host.wire.index}`, 54);
    host.give(say('y', { ...TO_V6, src: 'fe80::2', dst: 'fe80::1', to: 54 }));
    expect(received(elsewhere)).toEqual(['y']);
    expect(host.udp.open().bind(address('fe80::1%7'), 55)).toBe('EADDRNOTAVAIL');
  });

  test('one interface’s endpoint takes nothing from another', () => {
    const host = new Host();
    const here = bound(host, '::', 53, { through: host.wire });
    const lo = bound(host, '::', 53, { through: host.ip.loopback });
    host.give(say('wire', TO_V4));
    expect([received(here), received(lo)]).toEqual([['wire'], []]);
    const self = host.udp.open();
    expect(self.send(ascii('self'), 0, 4, { address: address('10.0.0.1'), port: 53 })).toBe(null);
    host.rest();
    expect([received(here), received(lo)]).toEqual([[], ['self']]);
  });

  test('those who share a port by consent share the peers, each peer with the same one always', () => {
    const host = new Host();
    const group = Array.from({ length: 4 }, () => bound(host, '::', 53, { reusePort: true }));
    const count = new Map<UdpEndpoint, number>(group.map((each) => [each, 0]));
    for (let port = 1000; port < 1400; port++) {
      host.give(say('x', { ...TO_V4, from: port }), say('y', { ...TO_V4, from: port }));
      const got = group.map(received);
      expect(got.filter((texts) => texts.length > 0)).toEqual([['x', 'y']]);
      const chosen = group[got.findIndex((texts) => texts.length > 0)]!;
      count.set(chosen, count.get(chosen)! + 1);
    }
    // 100 each, with a standard deviation of 8.7: five of them.
    for (const n of count.values()) expect(Math.abs(n - 100)).toBeLessThan(44);
  });

  test('among those who only share the address, the one bound last gets it (as Linux)', () => {
    const host = new Host();
    const first = bound(host, '::', 53, { reuseAddress: true });
    const last = bound(host, '::', 53, { reuseAddress: true });
    host.give(say('x', TO_V4));
    expect([received(first), received(last)]).toEqual([[], ['x']]);
  });
});

describe('multicasts and broadcasts (RFC 1122 §4.1.3.5, SEC-26)', () => {
  test('each who is bound to it gets a copy of its own', () => {
    const host = new Host();
    const group = address('224.1.1.1');
    const wildcards = [bound(host, '::', 53, { reuseAddress: true }), bound(host, '0.0.0.0', 53, { reuseAddress: true })];
    const named = bound(host, '224.1.1.1', 53, { reuseAddress: true });
    const unicast = bound(host, '10.0.0.1', 53, { reuseAddress: true });
    expect(named.joinGroup(group)).toBe(null);
    host.give(say('all', { ...TO_V4, dst: '224.1.1.1' }));
    const copies = [...wildcards, named].map((each) => each.receive()!);
    expect(copies.map((each) => String.fromCharCode(...each.data))).toEqual(['all', 'all', 'all']);
    expect(new Set(copies.map((each) => each.data.buffer)).size).toBe(3);
    expect(copies.map((each) => each.localAddress.toString())).toEqual(['224.1.1.1', '224.1.1.1', '224.1.1.1']);
    expect(received(unicast)).toEqual([]);
    // The last member leaves: IP takes no more of it.
    named.close();
    host.give(say('more', { ...TO_V4, dst: '224.1.1.1' }));
    expect(wildcards.flatMap(received)).toEqual([]);
    expect(host.counters.dropped()).toEqual({ 'ip-not-for-us': 1 });
  });

  test('nobody is told that nobody is there', () => {
    const host = new Host();
    host.wire.joinGroup(address('ff05::7'));
    host.give(
      udpPacket({ ...TO_V4, dst: '255.255.255.255' }), udpPacket({ ...TO_V4, dst: '10.0.0.255' }),
      udpPacket({ ...TO_V4, dst: '224.0.0.1' }), udpPacket({ ...TO_V6, dst: 'ff05::7' }),
    );
    expect(host.counters.dropped()).toEqual({ 'udp-no-socket': 4 });
    expect(host.sent()).toEqual([]);
  });

  test('a broadcast reaches who is bound to the broadcast address, or to all', () => {
    const host = new Host();
    const all = bound(host, '0.0.0.0', 67);
    host.give(say('a', { ...TO_V4, dst: '255.255.255.255', to: 67 }));
    expect(received(all)).toEqual(['a']);
    all.close();
    const named = host.udp.open({ family: 4 });
    expect(named.bind(BROADCAST4, 67)).toBe(null);
    host.give(say('b', { ...TO_V4, dst: '255.255.255.255', to: 67 }), say('c', { ...TO_V4, to: 67 }));
    expect(received(named)).toEqual(['b']);
  });

  test('without checksum over IPv6 it is for those who said that they take it', () => {
    const host = new Host();
    const strict = bound(host, '::', 53, { reuseAddress: true });
    const lax = bound(host, '::', 53, { reuseAddress: true, zeroChecksum: true });
    expect(strict.joinGroup(address('ff05::7'))).toBe(null);
    host.give(udpPacket({ ...TO_V6, dst: 'ff05::7', payload: ascii('x'), checksum: 0 }));
    expect([received(strict), received(lax)]).toEqual([[], ['x']]);
    lax.close();
    host.give(udpPacket({ ...TO_V6, dst: 'ff05::7', payload: ascii('x'), checksum: 0 }));
    expect(host.counters.dropped()).toEqual({ 'udp-no-checksum': 1 });
  });
});

describe('nobody there (RFC 1122 §4.1.3.1, RFC 4443 §3.1)', () => {
  // RFC 1122 §4.1.3.1-1; RFC 4443 §3.1-1.
  test('the sender is told, with its datagram quoted, from the address that it asked', () => {
    const host = new Host({ addresses: ['10.0.0.1/24', '10.0.0.9/24', 'fd00::1/64', 'fd00::9/64'] });
    host.give(say('abc', { ...TO_V4, dst: '10.0.0.9' }), say('abc', { ...TO_V6, dst: 'fd00::9' }));
    expect(host.said()).toEqual([
      'IP 10.0.0.9 > 10.0.0.2: ICMP 10.0.0.9 udp port 53 unreachable, length 39 [IP 10.0.0.2.4000 > 10.0.0.9.53: UDP, length 3]',
      'IP6 fd00::9 > fd00::2: ICMP6, destination unreachable, unreachable port, fd00::9 udp port 53, length 59 '
        + '[IP6 fd00::2.4000 > fd00::9.53: UDP, length 3]',
    ]);
  });

  test('source port 0 wants no answer, and gets none (SEC-49); it is delivered as any other (RFC 768)', () => {
    const host = new Host();
    const endpoint = bound(host, '::', 53);
    host.give(say('x', { ...TO_V4, from: 0, to: 54 }), say('y', { ...TO_V4, from: 0 }));
    expect(host.sent()).toEqual([]);
    expect(host.counters.dropped()).toEqual({ 'udp-no-socket': 1 });
    const datagram = endpoint.receive()!;
    expect(datagram.port).toBe(0);
    // And nothing can be sent there.
    expect(endpoint.send(ascii('z'), 0, 1, datagram)).toBe('EINVAL');
  });

  test('destination port 0 is nobody’s', () => {
    const host = new Host();
    host.give(say('x', { ...TO_V4, to: 0 }), say('x', { ...TO_V6, to: 0 }));
    expect(host.counters.dropped()).toEqual({ 'udp-bad-port': 2 });
    expect(host.sent()).toEqual([]);
  });
});

describe('superpackets', () => {
  test('a received one is delivered as the datagrams it stands for', () => {
    const host = new Host({ offload: USO });
    const endpoint = bound(host, '::', 53);
    for (const to of [TO_V4, TO_V6]) {
      host.arrive(say('aaabbbc', to), (packet) => {
        packet.segmentSize = 3;
        packet.checksum = 'partial';
      });
      host.arrive(say('dddeee', to), (packet) => {
        packet.segmentSize = 3;
        packet.checksum = 'partial';
      });
    }
    host.rest();
    expect(received(endpoint)).toEqual(['aaa', 'bbb', 'c', 'ddd', 'eee', 'aaa', 'bbb', 'c', 'ddd', 'eee']);
  });

  test('and as much of it as fits', () => {
    const host = new Host({ offload: USO });
    const endpoint = bound(host, '::', 53, { receiveBytes: 2304 });
    host.arrive(udpPacket({ ...TO_V4, payload: someBytes(3000) }), (packet) => {
      packet.segmentSize = 600;
      packet.checksum = 'partial';
    });
    // 2304 hold two of 600 + 256, and not three.
    expect(endpoint.waiting).toBe(2);
    expect(host.counters.dropped()).toEqual({ 'udp-receive-queue-full': 3 });
  });
});

describe('a flood (SEC-47)', () => {
  test('fills one endpoint’s queue up to its cap, drops the newest, and leaves the others alone', () => {
    const host = new Host();
    const flooded = bound(host, '::', 53);
    const other = bound(host, '::', 54);
    const packets = Array.from({ length: 8 }, (_, i) => udpPacket({ ...TO_V4, payload: someBytes(1000, i) }));
    for (let i = 0; i < 300; i++) host.arrive(packets[i % 8]!);
    // (1000 + 256) * 169 = 212,264 <= 212,992.
    expect(flooded.waiting).toBe(169);
    expect(flooded.receiveBytesUsed).toBe(212_264);
    expect(host.counters.dropped()).toEqual({ 'udp-receive-queue-full': 131 });
    host.give(say('still here', { ...TO_V4, to: 54 }));
    expect(received(other)).toEqual(['still here']);
    for (let i = 0; i < 169; i++) expect(flooded.receive()!.data).toEqual(someBytes(1000, i % 8));
    expect(flooded.receiveBytesUsed).toBe(0);
  });

  test('of empty datagrams has an end too', () => {
    const host = new Host();
    const endpoint = bound(host, '::', 53);
    const packet = udpPacket(TO_V4);
    for (let i = 0; i < 1000; i++) host.arrive(packet);
    expect(endpoint.waiting).toBe(212_992 / 256);
  });

  test('every limit is registered, and held', () => {
    const host = new Host();
    bound(host, '::', 53);
    const packet = udpPacket({ ...TO_V4, payload: someBytes(1000) });
    for (let i = 0; i < 300; i++) host.arrive(packet);
    const limits = host.limits.all().filter((limit) => limit.name.startsWith('udp.'));
    expect(limits.map((limit) => limit.name)).toEqual(['udp.endpoints', 'udp.endpoint.receive-queue', 'udp.endpoint.errors']);
    for (const limit of limits) expect(limit.used()).toBeLessThanOrEqual(limit.max);
    expect(limits.map((limit) => limit.used())).toEqual([1, 212_264, 0]);
  });
});
