// What an application asks of UDP: names, peers, sending, and the errors that come back. RFC 768, RFC 1122 §4.1,
// RFC 8085, RFC 3493; where those say nothing, as Linux does it.

import { describe, expect, test } from 'vitest';
import { address, ANY4, ANY6, type Address } from '../../../src/address.js';
import type { Offload } from '../../../src/link/device.js';
import { Datagram } from '../../../src/udp/datagram-queue.js';
import { UDP_ERROR, UDP_READABLE, type UdpEndpoint, type UdpOptions } from '../../../src/udp/endpoint.js';
import { Host } from '../../fixtures/host.js';
import { ascii, icmpPacket, isValid, someBytes, udpPacket } from '../../fixtures/rfc-packets.js';

const USO: Offload = { checksum: true, tcpSegmentation: true, udpSegmentation: true };

const to = (where: string, port: number, from?: string): { address: Address; port: number; from?: Address } =>
  from === undefined ? { address: address(where), port } : { address: address(where), port, from: address(from) };

const send = (endpoint: UdpEndpoint, bytes: Uint8Array | string, where: ReturnType<typeof to> | null = null): string | null => {
  const b = typeof bytes === 'string' ? ascii(bytes) : bytes;
  return endpoint.send(b, 0, b.length, where);
};

function bound(host: Host, at: string, port: number, options: UdpOptions = {}): UdpEndpoint {
  const endpoint = host.udp.open(options);
  expect(endpoint.bind(address(at), port)).toBe(null);
  return endpoint;
}

describe('groups by source (RFC 3678 §4.1.1)', () => {
  const GROUP = address('232.1.1.1');
  const heard = (host: Host, endpoint: UdpEndpoint): string[] => {
    for (const src of ['10.0.0.2', '10.0.0.3', '10.0.0.4']) host.give(udpPacket({ src, dst: '232.1.1.1', from: 7, to: 53 }));
    const sources: string[] = [];
    for (let d = endpoint.receive(); d !== null; d = endpoint.receive()) sources.push(d.address.toString());
    return sources;
  };

  test('hears the chosen sources alone, until the last is left', () => {
    const host = new Host();
    const endpoint = bound(host, '0.0.0.0', 53);
    expect(endpoint.joinSource(GROUP, address('10.0.0.2'))).toBe(null);
    expect(endpoint.joinSource(GROUP, address('10.0.0.4'))).toBe(null);
    expect(heard(host, endpoint)).toEqual(['10.0.0.2', '10.0.0.4']);
    expect(endpoint.leaveSource(GROUP, address('10.0.0.2'))).toBe(null);
    expect(heard(host, endpoint)).toEqual(['10.0.0.4']);
    expect(endpoint.leaveSource(GROUP, address('10.0.0.4'))).toBe(null);
    expect(heard(host, endpoint)).toEqual([]);
    expect(host.wire.isMember(GROUP)).toBe(false);
  });

  test('what another has chosen is no concern of who has joined the whole group, nor of who is no member (as Linux)', () => {
    const host = new Host();
    const all = bound(host, '0.0.0.0', 53, { reuseAddress: true });
    const one = bound(host, '0.0.0.0', 53, { reuseAddress: true });
    const none = bound(host, '0.0.0.0', 53, { reuseAddress: true });
    all.joinGroup(GROUP);
    all.joinSource(address('232.1.1.2'), address('10.0.0.9'));
    one.joinSource(GROUP, address('10.0.0.3'));
    expect(heard(host, one)).toEqual(['10.0.0.3']);
    expect(heard(host, all)).toHaveLength(6);
    expect(none.waiting).toBe(6);
  });

  test('a membership of all becomes one of the source; leaving what was not chosen is refused (as Linux)', () => {
    const host = new Host();
    const endpoint = bound(host, '0.0.0.0', 53);
    expect(endpoint.leaveSource(GROUP, address('10.0.0.2'))).toBe('EINVAL');
    endpoint.joinGroup(GROUP);
    expect(endpoint.leaveSource(GROUP, address('10.0.0.2'))).toBe('EADDRNOTAVAIL');
    expect(endpoint.joinSource(GROUP, address('10.0.0.2'))).toBe(null);
    expect(endpoint.joinSource(GROUP, address('10.0.0.2'))).toBe('EADDRNOTAVAIL');
    expect(endpoint.joinSource(GROUP, address('fd00::2'))).toBe('EINVAL');
    expect(heard(host, endpoint)).toEqual(['10.0.0.2']);
    expect(endpoint.leaveGroup(GROUP)).toBe(null);
    expect(endpoint.joinGroup(GROUP)).toBe(null);
    expect(heard(host, endpoint)).toHaveLength(3);
  });

  test('ten sources at most (Linux igmp_max_msf)', () => {
    const endpoint = bound(new Host(), '0.0.0.0', 53);
    for (let i = 1; i <= 10; i++) expect(endpoint.joinSource(GROUP, address(`10.0.1.${i}`))).toBe(null);
    expect(endpoint.joinSource(GROUP, address('10.0.1.11'))).toBe('ENOBUFS');
  });
});

describe('names', () => {
  test.each([
    ['0.0.0.0', '0.0.0.0'], ['::', '::'], ['::', '0.0.0.0'], ['0.0.0.0', '::'], ['10.0.0.1', '10.0.0.1'],
    ['10.0.0.1', '0.0.0.0'], ['::', '10.0.0.1'], ['fd00::1', '::'], ['fd00::1', 'fd00::1'],
  ])('%s and then %s with the same port: in use, unless both consent in the same manner (SEC-48)', (first, second) => {
    const consents: UdpOptions[] = [{}, { reuseAddress: true }, { reusePort: true }];
    for (const a of consents) {
      for (const b of consents) {
        const host = new Host();
        bound(host, first, 53, a);
        const agreed = a === b && a !== consents[0];
        expect(host.udp.open(b).bind(address(second), 53)).toBe(agreed ? null : 'EADDRINUSE');
      }
    }
  });

  test.each([
    ['10.0.0.1', '10.0.0.9'], ['10.0.0.1', 'fd00::1'], ['fd00::1', '0.0.0.0'],
  ])('%s and %s are two names', (first, second) => {
    const host = new Host({ addresses: ['10.0.0.1/24', '10.0.0.9/24', 'fd00::1/64'] });
    bound(host, first, 53);
    bound(host, second, 53);
  });

  test('a wildcard for IPv6 only leaves IPv4 to others', () => {
    const host = new Host();
    bound(host, '::', 53, { v6Only: true });
    bound(host, '0.0.0.0', 53);
    expect(host.udp.open().bind(ANY6, 53)).toBe('EADDRINUSE');
  });

  test('a consenting group takes in nobody who could be taken from by one who has not consented', () => {
    const host = new Host();
    bound(host, '10.0.0.1', 53, { reusePort: true });
    bound(host, 'fd00::1', 53);
    expect(host.udp.open({ reusePort: true }).bind(ANY6, 53)).toBe('EADDRINUSE');
    expect(host.udp.open({ reusePort: true }).bind(ANY4, 53)).toBe(null);
  });

  test('a name is free again when its endpoint closes', () => {
    const host = new Host();
    const endpoint = bound(host, '::', 53);
    endpoint.close();
    endpoint.close();
    bound(host, '::', 53);
  });

  test('a name that is refused leaves none behind', () => {
    const host = new Host();
    bound(host, '10.0.0.1', 53);
    const endpoint = host.udp.open();
    expect(endpoint.bind(address('10.0.0.1'), 53)).toBe('EADDRINUSE');
    expect([endpoint.localPort, endpoint.localAddress]).toEqual([0, ANY6]);
    expect(endpoint.bind(address('fd00::1'), 53)).toBe(null);
  });

  test('who has a name gets no other', () => {
    const host = new Host();
    expect(bound(host, '::', 53).bind(ANY6, 54)).toBe('EINVAL');
  });

  test('only addresses of ours, groups and broadcasts are names here', () => {
    const host = new Host();
    const bind = (at: string, options: UdpOptions = {}): string | null => host.udp.open(options).bind(address(at), 53);
    expect(bind('10.0.0.2')).toBe('EADDRNOTAVAIL');
    expect(bind('fd00::2')).toBe('EADDRNOTAVAIL');
    expect(bind('fd00::1', { family: 4 })).toBe('EAFNOSUPPORT');
    expect(bind('10.0.0.1', { v6Only: true })).toBe('EAFNOSUPPORT');
    for (const at of ['10.0.0.255', '255.255.255.255', '239.1.2.3', '127.0.0.1', '::1', 'ff02::fb']) expect([at, bind(at)]).toEqual([at, null]);
  });

  test('port 0 is any free port of the range; when none is left, that is an error', () => {
    const host = new Host({ udp: { ephemeralPorts: { first: 50_000, last: 50_009 } } });
    const ports = Array.from({ length: 10 }, () => bound(host, '::', 0).localPort);
    expect([...ports].sort()).toEqual(Array.from({ length: 10 }, (_, i) => 50_000 + i));
    expect(host.udp.open().bind(ANY6, 0)).toBe('EADDRINUSE');
    // Whoever sends without a name takes one, too.
    expect(send(host.udp.open(), 'x', to('10.0.0.2', 9))).toBe('EADDRINUSE');
  });

  test('there are only so many endpoints', () => {
    const host = new Host({ udp: { endpoints: 2 } });
    bound(host, '::', 1);
    bound(host, '::', 2);
    expect(host.udp.open().bind(ANY6, 3)).toBe('ENOBUFS');
  });
});

describe('sending', () => {
  test('over either family, from one dual-stack endpoint', () => {
    const host = new Host();
    const endpoint = bound(host, '::', 53);
    expect(send(endpoint, 'abc', to('10.0.0.2', 4000))).toBe(null);
    expect(send(endpoint, '', to('fd00::2', 4001))).toBe(null);
    expect(host.sent()).toEqual([
      udpPacket({ src: '10.0.0.1', dst: '10.0.0.2', from: 53, to: 4000, payload: ascii('abc'), dontFragment: true }),
      udpPacket({ src: 'fd00::1', dst: 'fd00::2', from: 53, to: 4001 }),
    ]);
    expect(host.pool.outstanding).toBe(0);
  });

  test('a computed checksum of 0 is sent as all ones (RFC 768)', () => {
    const host = new Host();
    const endpoint = bound(host, '::', 53);
    // Whatever two bytes are missing to a sum of all ones.
    for (const [where, plain] of [['10.0.0.2', 'IPv4'], ['fd00::2', 'IPv6']] as const) {
      send(endpoint, Uint8Array.of(0, 0), to(where, 4000));
      const [first] = host.sent();
      const at = plain === 'IPv4' ? 26 : 46;
      send(endpoint, first!.subarray(at, at + 2), to(where, 4000));
      const [second] = host.sent();
      expect([plain, second![at], second![at + 1]]).toEqual([plain, 0xff, 0xff]);
      expect(isValid(second!)).toBe(true);
    }
  });

  // RFC 1122 §4.1.3.4-2, -3.
  test('without checksum, if it is asked for (RFC 1122 §4.1.3.4)', () => {
    const host = new Host();
    const endpoint = bound(host, '::', 53, { zeroChecksum: true });
    send(endpoint, 'abc', to('10.0.0.2', 4000));
    send(endpoint, 'abc', to('fd00::2', 4000));
    const [v4, v6] = host.sent();
    expect([...v4!.subarray(26, 28), ...v6!.subarray(46, 48)]).toEqual([0, 0, 0, 0]);
  });

  // RFC 1122 §4.1.4-1.
  test('TTL and type of service are the endpoint’s (RFC 1122 §4.1.4)', () => {
    const host = new Host();
    const endpoint = bound(host, '::', 53);
    endpoint.hopLimit = 3;
    endpoint.trafficClass = 0x2e;
    send(endpoint, '', to('10.0.0.2', 4000));
    send(endpoint, '', to('fd00::2', 4000));
    expect(host.sent()).toEqual([
      udpPacket({
        src: '10.0.0.1', dst: '10.0.0.2', from: 53, to: 4000, hopLimit: 3, trafficClass: 0x2e, dontFragment: true,
      }),
      udpPacket({ src: 'fd00::1', dst: 'fd00::2', from: 53, to: 4000, hopLimit: 3, trafficClass: 0x2e }),
    ]);
  });

  // RFC 1122 §3.3.4.2-2, §4.1.3.5-2, §4.1.3.6-2.
  test('from the bound address; from another of ours, if a message asks for it; from none that is not ours', () => {
    const host = new Host({ addresses: ['10.0.0.1/24', '10.0.0.9/24', 'fd00::1/64'] });
    const endpoint = bound(host, '10.0.0.9', 53);
    send(endpoint, '', to('10.0.0.2', 4000));
    send(endpoint, '', to('10.0.0.2', 4000, '10.0.0.1'));
    send(endpoint, '', to('10.0.0.2', 4000));
    expect(host.said().map((line) => line.split(' ')[1])).toEqual(['10.0.0.9.53', '10.0.0.1.53', '10.0.0.9.53']);
    expect(send(endpoint, '', to('10.0.0.2', 4000, '10.0.0.2'))).toBe('EADDRNOTAVAIL');
    expect(send(endpoint, '', to('fd00::2', 4000))).toBe('ENETUNREACH');
    expect(host.sent()).toEqual([]);
  });

  test('who is bound to a group or a broadcast address does not send from it (RFC 1122 §4.1.3.6)', () => {
    const host = new Host();
    for (const name of ['224.1.1.1', '10.0.0.255', '255.255.255.255']) {
      send(bound(host, name, 53), '', to('10.0.0.2', 4000));
      expect(host.said()).toEqual(['IP 10.0.0.1.53 > 10.0.0.2.4000: UDP, length 0']);
    }
  });

  test('to more than one: only with permission', () => {
    const host = new Host();
    const endpoint = bound(host, '0.0.0.0', 53);
    for (const many of ['255.255.255.255', '10.0.0.255']) {
      endpoint.mayBroadcast = false;
      expect(send(endpoint, 'x', to(many, 9))).toBe('EACCES');
      expect(endpoint.connect(address(many), 9)).toBe('EACCES');
      expect(host.sent()).toEqual([]);
      endpoint.mayBroadcast = true;
      expect(send(endpoint, 'x', to(many, 9))).toBe(null);
      expect(host.said()).toEqual([`IP 10.0.0.1.53 > ${many}.9: UDP, length 1`]);
    }
  });

  test('a multicast has a hop limit of its own, 1, and comes back to members here (RFC 1112 §6.1)', () => {
    const host = new Host();
    const endpoint = bound(host, '0.0.0.0', 53);
    expect(endpoint.joinGroup(address('239.1.1.1'))).toBe(null);
    send(endpoint, 'a', to('239.1.1.1', 53));
    expect(host.rest().sent()[0]![8]).toBe(1);
    expect(endpoint.receive()?.data).toEqual(ascii('a'));
    endpoint.multicastHopLimit = 9;
    endpoint.multicastLoop = false;
    send(endpoint, 'b', to('239.1.1.1', 53));
    expect(host.rest().sent()[0]![8]).toBe(9);
    expect(endpoint.receive()).toBe(null);
  });

  test.each(['239.1.1.1', 'ff15::1'])('to the group %s with hop limit 0 it stays in the host (RFC 1112 §6.1)', (group) => {
    const host = new Host();
    const endpoint = bound(host, '::', 53);
    expect(endpoint.joinGroup(address(group))).toBe(null);
    endpoint.multicastHopLimit = 0;
    expect(send(endpoint, 'a', to(group, 53))).toBe(null);
    expect(host.rest().sent()).toEqual([]);
    expect(endpoint.receive()?.data).toEqual(ascii('a'));
  });

  test('a broadcast comes back whatever is said of multicasts (as Linux)', () => {
    const host = new Host();
    const endpoint = bound(host, '0.0.0.0', 53);
    endpoint.mayBroadcast = true;
    endpoint.multicastLoop = false;
    expect(send(endpoint, 'a', to('255.255.255.255', 53))).toBe(null);
    host.rest();
    expect(endpoint.receive()?.data).toEqual(ascii('a'));
  });

  test('to nobody in particular is to this host (as Linux)', () => {
    const host = new Host();
    const server = bound(host, '::', 53);
    const client = host.udp.open();
    send(client, '4', to('0.0.0.0', 53));
    send(client, '6', to('::', 53));
    host.rest();
    expect(server.receive()!.localAddress.toString()).toBe('127.0.0.1');
    expect(server.receive()!.localAddress.toString()).toBe('::1');
    expect(host.sent()).toEqual([]);
  });

  test('before there is an address, from none: DHCP', () => {
    const host = new Host({ addresses: [] });
    const endpoint = bound(host, '0.0.0.0', 68, { family: 4, through: host.wire });
    endpoint.mayBroadcast = true;
    endpoint.anonymous = true;
    expect(send(endpoint, 'discover', to('255.255.255.255', 67))).toBe(null);
    expect(host.said()).toEqual(['IP 0.0.0.0.68 > 255.255.255.255.67: UDP, length 8']);
  });

  test('what cannot go says so', () => {
    const host = new Host({ gateways: [] });
    const endpoint = host.udp.open();
    expect(send(endpoint, 'x')).toBe('EDESTADDRREQ');
    expect(send(endpoint, 'x', to('10.0.0.2', 0))).toBe('EINVAL');
    expect(send(endpoint, 'x', to('192.0.2.1', 9))).toBe('ENETUNREACH');
    expect(send(endpoint, new Uint8Array(65_508), to('10.0.0.2', 9))).toBe('EMSGSIZE');
    expect(send(endpoint, new Uint8Array(65_528), to('fd00::2', 9))).toBe('EMSGSIZE');
    expect(send(host.udp.open({ family: 4 }), 'x', to('fd00::2', 9))).toBe('EAFNOSUPPORT');
    expect(send(host.udp.open({ v6Only: true }), 'x', to('10.0.0.2', 9))).toBe('ENETUNREACH');
    endpoint.close();
    expect(send(endpoint, 'x', to('10.0.0.2', 9))).toBe('EBADF');
    expect(host.sent()).toEqual([]);
    expect(host.pool.outstanding).toBe(0);
  });

  test('the largest datagrams leave in fragments; with DF they are refused (RFC 8085 §3.2)', () => {
    for (const [where, size] of [['10.0.0.2', 65_507], ['fd00::2', 65_527]] as const) {
      const host = new Host();
      const endpoint = bound(host, '::', 53);
      expect(send(endpoint, someBytes(size), to(where, 9))).toBe(null);
      const packets = host.sent();
      expect(packets).toHaveLength(Math.ceil((size + 8) / (where === '10.0.0.2' ? 1480 : 1448)));
      expect(packets.every((packet) => packet.length <= 1500)).toBe(true);
      endpoint.dontFragment = true;
      expect(send(endpoint, someBytes(size), to(where, 9))).toBe('EMSGSIZE');
      expect(host.sent()).toEqual([]);
    }
  });

  test('what fits the path goes with DF, and what does not, in fragments without (as Linux)', () => {
    const host = new Host();
    const endpoint = bound(host, '::', 53);
    for (const dontFragment of [false, true]) {
      endpoint.dontFragment = dontFragment;
      const df = (size: number): (boolean | number)[] => {
        send(endpoint, new Uint8Array(size), to('10.0.0.2', 9));
        return host.sent().map((packet) => (packet[6]! & 0x40) !== 0);
      };
      expect([df(0), df(1472), df(1473)]).toEqual([[true], [true], dontFragment ? [] : [false, false]]);
    }
  });

  test('a link narrower than what every path carries is known, too', () => {
    const host = new Host({ mtu: 296, addresses: ['10.0.0.1/24'], gateways: [] });
    const endpoint = bound(host, '::', 53);
    send(endpoint, new Uint8Array(268), to('10.0.0.2', 9));
    send(endpoint, new Uint8Array(269), to('10.0.0.2', 9));
    expect(host.sent().map((packet) => packet.length)).toEqual([296, 292, 25]);
    endpoint.dontFragment = true;
    expect(send(endpoint, new Uint8Array(269), to('10.0.0.2', 9))).toBe('EMSGSIZE');
  });

  test('to oneself, of any size, over the loopback', () => {
    const host = new Host();
    const server = bound(host, '::', 53);
    const client = host.udp.open();
    for (const [where, size] of [['127.0.0.1', 65_507], ['::1', 65_527], ['10.0.0.1', 1], ['fd00::1', 40_000]] as const) {
      expect(send(client, someBytes(size), to(where, 53))).toBe(null);
      expect(host.rest().sent()).toEqual([]);
      expect(Buffer.compare(server.receive()!.data, someBytes(size))).toBe(0);
    }
    expect(host.pool.outstanding).toBe(0);
  });

  test('the route is asked for anew when routes change, not otherwise', () => {
    const host = new Host();
    const endpoint = bound(host, '::', 53);
    send(endpoint, '', to('10.0.0.2', 9));
    host.wire.addAddress(address('10.0.0.3'), 24);
    host.wire.removeAddress(address('10.0.0.1'));
    expect(send(endpoint, '', to('10.0.0.2', 9))).toBe(null);
    expect(host.said().map((line) => line.split(' ')[1])).toEqual(['10.0.0.1.53', '10.0.0.3.53']);
  });
});

describe('superdatagrams', () => {
  test('a device that cuts gets one packet; one that does not gets the same datagrams cut', () => {
    for (const where of ['10.0.0.2', 'fd00::2']) {
      const payload = someBytes(10_500);
      const [able, unable] = [new Host({ offload: USO }), new Host()];
      for (const host of [able, unable]) {
        expect(bound(host, '::', 53).sendSegments(payload, 0, payload.length, 1000, to(where, 9))).toBe(null);
      }
      const header = where === 'fd00::2' ? 40 : 20;
      const whole = able.sentSegments();
      expect(whole.map((each) => [each.bytes.length, each.segmentSize])).toEqual([[header + 8 + 10_500, 1000]]);
      // RFC 768's length covers all of it; the sum is finished for each datagram, by whoever cuts.
      expect(whole[0]!.bytes.subarray(header + 4, header + 6)).toEqual(Uint8Array.of(10_508 >> 8, 10_508 & 255));
      const cut = unable.sent();
      expect(cut.map((packet) => packet.length - header - 8)).toEqual([...new Array<number>(10).fill(1000), 500]);
      expect(cut.every(isValid)).toBe(true);
      expect(Buffer.compare(Buffer.concat(cut.map((packet) => packet.subarray(header + 8))), payload)).toBe(0);
    }
  });

  test('at most 64 datagrams, and 64 KB, go in one', () => {
    const host = new Host({ offload: USO });
    const endpoint = bound(host, '::', 53);
    const sizes = (bytes: number, segment: number): number[] => {
      expect(endpoint.sendSegments(new Uint8Array(bytes), 0, bytes, segment, to('10.0.0.2', 9))).toBe(null);
      return host.sent().map((packet) => packet.length - 28);
    };
    expect(sizes(1000, 10)).toEqual([640, 360]);
    expect(sizes(100_000, 1400)).toEqual([46 * 1400, 100_000 - 46 * 1400]);
    expect(sizes(1280, 1400)).toEqual([1280]);
    expect(sizes(0, 1400)).toEqual([0]);
    // What remains is a datagram of its own, not a superdatagram of one.
    endpoint.sendSegments(new Uint8Array(650), 0, 650, 10, to('10.0.0.2', 9));
    expect(host.sentSegments().map((each) => each.segmentSize)).toEqual([10, 0]);
  });

  test('a single datagram must fit the path MTU', () => {
    const host = new Host({ offload: USO });
    const endpoint = bound(host, '::', 53);
    const refusal = (where: string, segment: number): string | null =>
      endpoint.sendSegments(new Uint8Array(5000), 0, 5000, segment, to(where, 9));
    expect([refusal('10.0.0.2', 1472), refusal('10.0.0.2', 1473)]).toEqual([null, 'EMSGSIZE']);
    expect([refusal('fd00::2', 1452), refusal('fd00::2', 1453)]).toEqual([null, 'EMSGSIZE']);
  });

  test('to oneself, it arrives as the datagrams it stands for', () => {
    const host = new Host();
    const server = bound(host, '::', 53);
    const client = host.udp.open();
    client.connect(address('::1'), 53);
    expect(client.sendSegments(ascii('aabbc'), 0, 5, 2)).toBe(null);
    host.rest();
    expect([server, server, server, server].map((each) => each.receive()?.data.length)).toEqual([2, 2, 1, undefined]);
  });
});

describe('receiving', () => {
  test('a record may be refilled: its addresses change, the data already taken does not', () => {
    const host = new Host();
    const endpoint = bound(host, '::', 53);
    const record = new Datagram();
    expect(endpoint.receiveInto(record)).toBe(false);
    host.give(
      udpPacket({ src: '10.0.0.2', dst: '10.0.0.1', from: 1, to: 53, payload: ascii('a') }),
      udpPacket({ src: 'fd00::2', dst: 'fd00::1', from: 2, to: 53, payload: ascii('b') }),
    );
    expect(endpoint.receiveInto(record)).toBe(true);
    const first = record.data;
    expect([record.address.toString(), record.port]).toEqual(['10.0.0.2', 1]);
    // It is a destination, too.
    send(endpoint, 'reply', record as never);
    expect(endpoint.receiveInto(record)).toBe(true);
    expect([record.address.toString(), record.port]).toEqual(['fd00::2', 2]);
    expect(first).toEqual(ascii('a'));
    expect(host.said()).toEqual(['IP 10.0.0.1.53 > 10.0.0.2.1: UDP, length 5']);
    // The destination of before was a copy: sending there again goes there.
    send(endpoint, 'reply', to('10.0.0.2', 1));
    send(endpoint, 'reply', record as never);
    expect(host.said()).toEqual(['IP 10.0.0.1.53 > 10.0.0.2.1: UDP, length 5', 'IP6 fd00::1.53 > fd00::2.2: UDP, length 5']);
  });

  test('the owner hears once, at rest, of all that came', () => {
    const host = new Host();
    const endpoint = bound(host, '::', 53);
    const heard: number[] = [];
    endpoint.owner = { onUdpEvent: (_endpoint, events) => heard.push(events) };
    const packet = udpPacket({ src: '10.0.0.2', dst: '10.0.0.1', from: 1, to: 53 });
    host.arrive(packet);
    host.arrive(packet);
    expect(heard).toEqual([]);
    host.rest();
    expect(heard).toEqual([UDP_READABLE]);
    host.give(packet);
    expect(heard).toEqual([UDP_READABLE, UDP_READABLE]);
    host.arrive(packet);
    endpoint.close();
    host.rest();
    expect(heard).toEqual([UDP_READABLE, UDP_READABLE]);
  });

  test('a queue may be as small as 2,304 bytes, and then takes a large datagram if it is empty (as Linux)', () => {
    const host = new Host();
    const endpoint = bound(host, '::', 53, { receiveBytes: 1 });
    expect(endpoint.receiveBytes).toBe(2304);
    const large = udpPacket({ src: '10.0.0.2', dst: '10.0.0.1', from: 1, to: 53, payload: someBytes(9000) });
    host.give(large, large);
    expect(endpoint.waiting).toBe(1);
    endpoint.setReceiveBytes(Infinity);
    expect(endpoint.receiveBytes).toBe(1 << 24);
  });
});

describe('connecting', () => {
  test('chooses the address and a port by the peer, and gives the wildcard back', () => {
    const host = new Host();
    const endpoint = host.udp.open();
    expect(endpoint.connect(address('10.0.0.2'), 9)).toBe(null);
    expect(endpoint.localAddress.toString()).toBe('10.0.0.1');
    expect(endpoint.localPort).toBeGreaterThanOrEqual(49_152);
    send(endpoint, 'x');
    expect(host.said()).toEqual([`IP 10.0.0.1.${endpoint.localPort} > 10.0.0.2.9: UDP, length 1`]);
    expect(endpoint.disconnect()).toBe(null);
    expect(endpoint.disconnect()).toBe('ENOTCONN');
    expect(endpoint.localAddress).toBe(ANY6);
    expect(send(endpoint, 'x')).toBe('EDESTADDRREQ');
  });

  test('again is to another peer; what is not possible changes nothing', () => {
    const host = new Host({ gateways: [] });
    const endpoint = host.udp.open();
    endpoint.connect(address('10.0.0.2'), 9);
    const port = endpoint.localPort;
    expect(endpoint.connect(address('192.0.2.1'), 9)).toBe('ENETUNREACH');
    expect(endpoint.connect(address('10.0.0.3'), 0)).toBe('EINVAL');
    expect(send(endpoint, 'x')).toBe(null);
    expect(endpoint.connect(address('fd00::2'), 10)).toBe(null);
    expect(send(endpoint, 'x')).toBe(null);
    expect(host.said()).toEqual([
      `IP 10.0.0.1.${port} > 10.0.0.2.9: UDP, length 1`, `IP6 fd00::1.${port} > fd00::2.10: UDP, length 1`,
    ]);
    host.udp.ports.check();
    endpoint.close();
    host.udp.ports.check();
    expect(host.udp.ports.size).toBe(0);
  });

  test('it may still send to others', () => {
    const host = new Host();
    const endpoint = host.udp.open();
    endpoint.connect(address('10.0.0.2'), 9);
    send(endpoint, 'x', to('10.0.0.3', 7));
    send(endpoint, 'x');
    expect(host.said().map((line) => line.split(' ')[3])).toEqual(['10.0.0.3.7:', '10.0.0.2.9:']);
  });
});

describe('ICMP errors (RFC 1122 §4.1.3.3)', () => {
  /** What a router or the peer says about the last packet sent. */
  const about = (host: Host, type: number, code: number, rest: number[] = [0, 0, 0, 0]): Uint8Array => {
    const packet = host.sent().at(-1)!;
    const v6 = packet[0]! >> 4 === 6;
    return icmpPacket({
      src: v6 ? 'fd00::fe' : '10.0.0.254', dst: v6 ? 'fd00::1' : '10.0.0.1', type, code, rest, data: packet.subarray(0, 500),
    });
  };

  test.each([
    ['port unreachable', '10.0.0.2', 3, 3, 'ECONNREFUSED'],
    ['protocol unreachable', '10.0.0.2', 3, 2, 'ENOPROTOOPT'],
    ['prohibited', '10.0.0.2', 3, 13, 'EHOSTUNREACH'],
    ['parameter problem', '10.0.0.2', 12, 0, 'EPROTO'],
    ['port unreachable', 'fd00::2', 1, 4, 'ECONNREFUSED'],
    ['prohibited', 'fd00::2', 1, 1, 'EACCES'],
    ['unrecognized next header', 'fd00::2', 4, 1, 'EPROTO'],
  ] as const)('%s at %s is told to the connected endpoint, once', (_what, where, type, code, expected) => {
    const host = new Host();
    const endpoint = host.udp.open();
    const heard: number[] = [];
    endpoint.owner = { onUdpEvent: (_endpoint, events) => heard.push(events) };
    endpoint.connect(address(where), 9);
    send(endpoint, 'x');
    host.give(about(host, type, code));
    expect(heard).toEqual([UDP_ERROR]);
    expect(send(endpoint, 'x')).toBe(expected);
    expect(host.sent()).toEqual([]);
    expect(send(endpoint, 'x')).toBe(null);
    host.give(about(host, type, code));
    expect([endpoint.takeError(), endpoint.takeError()]).toEqual([expected, null]);
    expect(host.counters.dropped()).toEqual({});
  });

  test.each([
    ['host unreachable', '10.0.0.2', 3, 1], ['net unreachable', '10.0.0.2', 3, 0], ['time exceeded', '10.0.0.2', 11, 0],
    ['no route', 'fd00::2', 1, 0], ['address unreachable', 'fd00::2', 1, 3], ['hop limit exceeded', 'fd00::2', 3, 0],
  ] as const)('%s is a hint, and no error of the endpoint (as Linux)', (_what, where, type, code) => {
    const host = new Host();
    const endpoint = host.udp.open();
    endpoint.connect(address(where), 9);
    send(endpoint, 'x');
    host.give(about(host, type, code));
    expect(endpoint.takeError()).toBe(null);
  });

  // RFC 1122 §4.1.3.3-1.
  test('an unconnected endpoint is not told, unless it records errors: then of each, with who and whither', () => {
    const host = new Host();
    const plain = bound(host, '::', 53);
    send(plain, 'x', to('10.0.0.2', 9));
    host.give(about(host, 3, 3));
    expect([plain.takeError(), plain.receiveError()]).toEqual([null, null]);
    const recording = bound(host, '::', 54, { recordErrors: true });
    const heard: number[] = [];
    recording.owner = { onUdpEvent: (_endpoint, events) => heard.push(events) };
    send(recording, 'x', to('10.0.0.2', 9));
    host.give(about(host, 3, 1));
    send(recording, 'x', to('fd00::3', 10));
    host.give(about(host, 3, 0));
    expect(heard).toEqual([UDP_ERROR, UDP_ERROR]);
    const [first, second] = [recording.receiveError()!, recording.receiveError()!];
    expect([first.code, first.kind, first.reporter.toString(), first.address.toString(), first.port])
      .toEqual(['EHOSTUNREACH', 'host-unreachable', '10.0.0.254', '10.0.0.2', 9]);
    expect([second.kind, second.address.toString(), second.port]).toEqual(['hop-limit-exceeded', 'fd00::3', 10]);
    expect(recording.receiveError()).toBe(null);
    expect(recording.takeError()).toBe(null);
  });

  test('only so many errors wait', () => {
    const host = new Host();
    const endpoint = bound(host, '::', 54, { recordErrors: true });
    send(endpoint, 'x', to('10.0.0.2', 9));
    const error = about(host, 3, 3);
    for (let i = 0; i < 20; i++) host.arrive(error);
    host.rest();
    expect(endpoint.errorsWaiting).toBe(16);
    expect(host.counters.dropped()).toEqual({ 'udp-receive-queue-full': 4 });
  });

  test('an error about another peer, another port, or nobody is not believed (RFC 5927)', () => {
    const host = new Host();
    const endpoint = host.udp.open();
    endpoint.connect(address('10.0.0.2'), 9);
    send(endpoint, 'x');
    const [ours] = host.sent();
    for (const at of [19, 21, 23]) {
      const forged = ours!.slice();
      forged[at]!++;
      host.give(icmpPacket({ src: '10.0.0.254', dst: '10.0.0.1', type: 3, code: 3, data: forged }));
    }
    expect(endpoint.takeError()).toBe(null);
    expect(host.counters.dropped()).toEqual({ 'icmp-no-socket': 3 });
  });

  test('packet too big: fragments from then on; EMSGSIZE for those who forbid them (RFC 8085 §3.2, RFC 8201)', () => {
    for (const [where, type, code, rest] of [
      ['10.0.0.2', 3, 4, [0, 0, 1300 >> 8, 1300 & 255]], ['fd00::2', 2, 0, [0, 0, 1300 >> 8, 1300 & 255]],
    ] as const) {
      const host = new Host();
      const endpoint = host.udp.open();
      endpoint.connect(address(where), 9);
      endpoint.dontFragment = true;
      const large = someBytes(1400);
      expect(send(endpoint, large)).toBe(null);
      host.give(about(host, type, code, [...rest]));
      expect(endpoint.takeError()).toBe('EMSGSIZE');
      expect(send(endpoint, large)).toBe('EMSGSIZE');
      endpoint.dontFragment = false;
      expect(send(endpoint, large)).toBe(null);
      const fragments = host.sent();
      expect(fragments.length).toBe(2);
      for (const fragment of fragments) expect(fragment.length).toBeLessThanOrEqual(1300);
    }
  });

  test('our own host refuses like any other', () => {
    const host = new Host();
    for (const where of ['127.0.0.1', '::1', '10.0.0.1', 'fd00::1', `fe80::1%${host.wire.index}`]) {
      const endpoint = host.udp.open();
      endpoint.connect(address(where), 9);
      for (let i = 0; i < 100; i++) {
        expect(send(endpoint, 'x')).toBe(null);
        expect([where, host.rest() && endpoint.takeError()]).toEqual([where, 'ECONNREFUSED']);
      }
    }
    expect(host.sent()).toEqual([]);
  });
});
