// The ICMP errors that we write, and those that we must not write. RFC 792, RFC 1122 §3.2.2, RFC 1812 §4.3.2,
// RFC 4443 §2.4 and §3.

import { describe, expect, test } from 'vitest';
import { refill16, refill4 } from '../../../src/address.js';
import { ICMP_SETTINGS } from '../../../src/icmp/icmp.js';
import { IpHeader } from '../../../src/ip/header.js';
import type { IcmpError } from '../../../src/ip/protocol.js';
import { packetOf } from '../../../src/packet.js';
import { packetText } from '../../../src/testing/packet-text.js';
import { Host } from '../../fixtures/host.js';
import { icmpPacket, ipPacket, isV6, isValid, someBytes, udpPacket, type UdpFields } from '../../fixtures/rfc-packets.js';

const UDP4: UdpFields = { src: '10.0.0.2', dst: '10.0.0.1', from: 4000, to: 9 };
const UDP6: UdpFields = { src: 'fd00::2', dst: 'fd00::1', from: 4000, to: 9 };

interface Report {
  kind?: IcmpError['kind'];
  code?: number;
  detail?: number;
  cast?: IpHeader['cast'];
  linkCast?: IpHeader['linkCast'];
  /** Where it came in. Default: the wire. */
  loopback?: boolean;
}

/** IP reports a problem with `bytes`; what is said about it. */
function said(host: Host, bytes: Uint8Array, r: Report = {}): Uint8Array[] {
  const packet = packetOf(bytes);
  const header = new IpHeader();
  const v6 = bytes[0]! >> 4 === 6;
  header.family = v6 ? 6 : 4;
  header.at = packet.start;
  header.cast = r.cast ?? 'unicast';
  header.linkCast = r.linkCast ?? 'unicast';
  header.interface = r.loopback === true ? host.ip.loopback : host.wire;
  if (v6) {
    refill16(header.src, packet.bytes, packet.start + 8);
    refill16(header.dst, packet.bytes, packet.start + 24);
  } else {
    refill4(header.src, packet.bytes, packet.start + 12);
    refill4(header.dst, packet.bytes, packet.start + 16);
  }
  host.icmp.report(r.kind ?? 'port-unreachable', r.code ?? 0, r.detail ?? 0, packet, header, host.time);
  expect(packet.bytes.subarray(packet.start, packet.end)).toEqual(bytes);
  return host.sent();
}

const text = (packet: Uint8Array | undefined): string => (packet === undefined ? 'nothing' : packetText(packet, 0, packet.length, 'ip'));

describe('what an error is', () => {
  test.each([
    ['net-unreachable', 0, 0, [3, 0, 0, 0, 0, 0]], ['host-unreachable', 0, 0, [3, 1, 0, 0, 0, 0]],
    ['protocol-unreachable', 2, 0, [3, 2, 0, 0, 0, 0]], ['port-unreachable', 3, 0, [3, 3, 0, 0, 0, 0]],
    ['packet-too-big', 0, 1300, [3, 4, 0, 0, 5, 20]], ['prohibited', 0, 0, [3, 13, 0, 0, 0, 0]],
    ['hop-limit-exceeded', 0, 0, [11, 0, 0, 0, 0, 0]], ['reassembly-timeout', 1, 0, [11, 1, 0, 0, 0, 0]],
    ['parameter-problem', 0, 22, [12, 0, 22, 0, 0, 0]], ['parameter-problem', 1, 0, [12, 1, 0, 0, 0, 0]],
  ] as const)('of IPv4: %s, code %d, detail %d (RFC 792, RFC 1191 §4)', (kind, code, detail, begins) => {
    const [error] = said(new Host(), udpPacket(UDP4), { kind, code, detail });
    expect([...error!.subarray(20, 22), ...error!.subarray(24, 28)]).toEqual(begins);
    expect(isValid(error!)).toBe(true);
  });

  test.each([
    ['net-unreachable', 0, 0, [1, 0, 0, 0, 0, 0]], ['host-unreachable', 0, 0, [1, 3, 0, 0, 0, 0]],
    ['protocol-unreachable', 1, 6, [4, 1, 0, 0, 0, 6]], ['port-unreachable', 4, 0, [1, 4, 0, 0, 0, 0]],
    ['packet-too-big', 0, 70_000, [2, 0, 0, 1, 0x11, 0x70]], ['prohibited', 0, 0, [1, 1, 0, 0, 0, 0]],
    ['hop-limit-exceeded', 0, 0, [3, 0, 0, 0, 0, 0]], ['reassembly-timeout', 1, 0, [3, 1, 0, 0, 0, 0]],
    ['parameter-problem', 2, 300, [4, 2, 0, 0, 1, 44]], ['parameter-problem', 0, 4, [4, 0, 0, 0, 0, 4]],
  ] as const)('of IPv6: %s, code %d, detail %d (RFC 4443 §3)', (kind, code, detail, begins) => {
    const [error] = said(new Host(), udpPacket(UDP6), { kind, code, detail });
    expect([...error!.subarray(40, 42), ...error!.subarray(44, 48)]).toEqual(begins);
    expect(isValid(error!)).toBe(true);
  });

  // RFC 1122 §3.2.2-2; RFC 4443 §2.4-3.
  test('it quotes the packet unchanged, as much of it as fits 576 or 1280 bytes (RFC 1812 §4.3.2.3, RFC 4443 §2.4 (c))', () => {
    for (const [fields, header, most] of [[UDP4, 20, 576], [UDP6, 40, 1280]] as const) {
      for (const size of [0, 5, 500, 519, 520, 521, 1183, 1184, 1185, 1400]) {
        const packet = udpPacket({ ...fields, payload: someBytes(size), trafficClass: 0xff, id: 0x1234 });
        const [error] = said(new Host(), packet);
        expect(error!.length).toBe(Math.min(most, header + 8 + packet.length));
        expect(Buffer.compare(error!.subarray(header + 8), packet.subarray(0, error!.length - header - 8))).toBe(0);
        expect(isValid(error!)).toBe(true);
      }
    }
  });

  test('but not the padding of the link behind it (SEC-04)', () => {
    for (const fields of [UDP4, UDP6]) {
      const packet = udpPacket(fields);
      const [error] = said(new Host(), Uint8Array.of(...packet, 1, 2, 3, 4));
      expect(error!.length).toBe(packet.length * 2);
    }
  });

  // RFC 1122 §3.2.2-4, §3.3.4.2-1; RFC 4443 §2.2-1.
  test('it comes from the address asked, if that is ours and one host’s; with TOS 0 and without DF (RFC 1122 §3.2.2)', () => {
    const host = new Host({ addresses: ['10.0.0.1/24', '10.0.0.9/24', 'fd00::1/64', 'fd00::9/64'] });
    const from = (fields: UdpFields, r: Report = {}): string => text(said(host, udpPacket(fields), r)[0]).split(' ')[1]!;
    expect(from({ ...UDP4, dst: '10.0.0.9' })).toBe('10.0.0.9');
    expect(from({ ...UDP6, dst: 'fd00::9' })).toBe('fd00::9');
    // A router speaks for itself.
    expect(from({ ...UDP4, dst: '192.0.2.1' }, { kind: 'hop-limit-exceeded' })).toBe('10.0.0.1');
    expect(from({ ...UDP6, dst: 'ff05::7' }, { kind: 'packet-too-big', cast: 'multicast' })).toBe('fd00::1');
    const [error] = said(host, udpPacket({ ...UDP4, trafficClass: 0xff, dontFragment: true }));
    expect([error![1], error![6]! & 0x40]).toEqual([0, 0]);
  });

  test('it is not sent where no route leads', () => {
    const host = new Host({ gateways: [] });
    expect(said(host, udpPacket({ ...UDP4, src: '192.0.2.1' }))).toEqual([]);
    expect(said(host, udpPacket({ ...UDP6, src: '2001:db8::1' }))).toEqual([]);
    expect(host.pool.outstanding).toBe(0);
  });
});

describe('no error is sent about (RFC 1122 §3.2.2, RFC 4443 §2.4 (e))', () => {
  const silent = (bytes: Uint8Array, r: Report = {}): void => {
    const host = new Host();
    expect(said(host, bytes, r).map(text)).toEqual([]);
    // Nor do we say it to ourselves.
    expect(host.rest().counters.dropped()).toEqual({});
  };
  const answered = (bytes: Uint8Array, r: Report = {}): void => expect(said(new Host(), bytes, r).length).toBe(1);

  // RFC 1122 §3.2.2-6; RFC 4443 §2.4-4.
  test('what was sent to many, by IP or by the link', () => {
    for (const packet of [udpPacket(UDP4), udpPacket(UDP6)]) {
      answered(packet);
      silent(packet, { cast: 'multicast' });
      silent(packet, { cast: 'broadcast' });
      silent(packet, { linkCast: 'multicast' });
      silent(packet, { linkCast: 'broadcast' });
    }
  });

  test('but in IPv6 what is too big, and an option that wants to be understood, are told of multicasts too (e.3)', () => {
    const option = (type: number): Uint8Array => udpPacket({
      ...UDP6, dst: 'ff05::7', extensions: [[60, Uint8Array.of(0, 0, type, 4, 0, 0, 0, 0)]],
    });
    for (const many of [{ cast: 'multicast' }, { linkCast: 'multicast' }, { linkCast: 'broadcast' }] as const) {
      answered(udpPacket(UDP6), { kind: 'packet-too-big', detail: 1280, ...many });
      answered(option(0x80), { kind: 'parameter-problem', code: 2, detail: 42, ...many });
      // The option says 11: not if it was for many. And the code must be that of options.
      silent(option(0xc0), { kind: 'parameter-problem', code: 2, detail: 42, ...many });
      silent(option(0x80), { kind: 'parameter-problem', code: 1, detail: 42, ...many });
      silent(option(0x80), { kind: 'parameter-problem', code: 2, detail: 4000, ...many });
      silent(udpPacket(UDP4), { kind: 'packet-too-big', detail: 576, ...many });
    }
  });

  // RFC 1122 §3.2.2-7.
  test('fragments behind the first', () => {
    const fragment = (offset: number): Uint8Array => ipPacket(17, someBytes(16), { ...UDP4, offset, more: true });
    answered(fragment(0));
    silent(fragment(8));
    silent(fragment(8184));
    silent(fragment(65_528));
  });

  // RFC 1122 §3.2.2-5; RFC 4443 §2.4-4.
  test('ICMP errors, and what may be one', () => {
    for (let type = 0; type < 256; type++) {
      const isQuery4 = [0, 8, 13, 14, 15, 16, 17, 18].includes(type);
      const isInformation6 = type >= 128 && type !== 137;
      const v4 = said(new Host(), icmpPacket({ src: '10.0.0.2', dst: '10.0.0.1', type }), { kind: 'parameter-problem' });
      const v6 = said(new Host(), icmpPacket({ src: 'fd00::2', dst: 'fd00::1', type }), { kind: 'parameter-problem' });
      expect([type, v4.length, v6.length]).toEqual([type, isQuery4 ? 1 : 0, isInformation6 ? 1 : 0]);
    }
    // Where the type should be, there is nothing, or it is in another fragment.
    silent(ipPacket(1, new Uint8Array(0), UDP4));
    silent(ipPacket(58, new Uint8Array(0), UDP6));
    silent(ipPacket(58, someBytes(8), { ...UDP6, offset: 8, more: false }));
  });

  test('ICMPv6 errors behind other headers', () => {
    const hopByHop = [0, Uint8Array.of(0, 0, 1, 4, 0, 0, 0, 0)] as const;
    const options = [60, Uint8Array.of(0, 1, 1, 12, ...new Uint8Array(12))] as const;
    for (const extensions of [[hopByHop], [hopByHop, options], [options]]) {
      const message = (type: number): Uint8Array => Uint8Array.of(type, 0, 0, 0, 0, 0, 0, 0);
      for (const offset of [{}, { offset: 0, more: true }]) {
        silent(ipPacket(58, message(1), { ...UDP6, extensions, ...offset }), { kind: 'parameter-problem' });
        silent(ipPacket(58, message(137), { ...UDP6, extensions, ...offset }), { kind: 'parameter-problem' });
        answered(ipPacket(58, message(128), { ...UDP6, extensions, ...offset }), { kind: 'parameter-problem' });
      }
    }
    // A chain that is cut off carries nothing that is known to be an error.
    const cut = ipPacket(58, new Uint8Array(0), { ...UDP6, extensions: [options] });
    answered(cut.subarray(0, 44), { kind: 'parameter-problem' });
  });

  // RFC 1122 §3.2.2-8; RFC 4443 §2.4-4.
  test.each([
    '0.0.0.0', '0.1.2.3', '127.0.0.1', '224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255', '10.0.0.255',
    '::', '::1', 'ff02::1',
  ])('what comes from %s, which is no single host', (src) => {
    silent(udpPacket({ ...(isV6(src) ? UDP6 : UDP4), src }));
  });

  test('what is no packet', () => {
    silent(udpPacket(UDP4).subarray(0, 19));
    silent(udpPacket(UDP6).subarray(0, 39));
  });
});

test('loopback addresses are a single host on the loopback', () => {
  const host = new Host();
  for (const [src, dst] of [['127.0.0.1', '127.0.0.1'], ['::1', '::1']] as const) {
    said(host, udpPacket({ ...UDP4, src, dst }), { loopback: true });
  }
  // They went the loopback's way; nobody asked.
  host.rest();
  expect(host.counters.dropped()).toEqual({ 'icmp-no-socket': 2 });
});

describe('IP asks for them', () => {
  const report = (bytes: Uint8Array): string[] => new Host().give(bytes).said();

  // RFC 1122 §3.2.2.1-1; RFC 4443 §3.4-1.
  test('when nobody has the protocol (RFC 1122 §3.2.2.1, RFC 8200 §4)', () => {
    expect(report(ipPacket(99, someBytes(8), UDP4))[0]).toContain('ICMP 10.0.0.1 protocol 99 unreachable');
    const [error] = new Host().give(ipPacket(99, someBytes(8), UDP6)).sent();
    // Parameter problem, unrecognized next header, at offset 6.
    expect([...error!.subarray(40, 42), ...error!.subarray(44, 48)]).toEqual([4, 1, 0, 0, 0, 6]);
  });

  test('about an option of IPv6 that nobody knows, to a group too (RFC 8200 §4.2)', () => {
    const packet = (type: number, dst: string): Uint8Array => udpPacket({
      ...UDP6, dst, extensions: [[60, Uint8Array.of(0, 0, type, 4, 0, 0, 0, 0)]],
    });
    const answers = (type: number, dst: string): number => new Host().give(packet(type, dst)).sent().length;
    expect([0x9e, 0xde].map((type) => answers(type, 'fd00::1'))).toEqual([1, 1]);
    expect([0x9e, 0xde].map((type) => answers(type, 'ff02::1'))).toEqual([1, 0]);
  });

  test('when fragments never come together (RFC 792, RFC 4443 §3.3)', () => {
    for (const fields of [UDP4, UDP6]) {
      const host = new Host();
      const bytes = udpPacket({ ...fields, payload: someBytes(32) });
      const v6 = isV6(fields.src);
      host.give(ipPacket(17, bytes.subarray(v6 ? 40 : 20), { ...fields, offset: 0, more: true, id: 5 }));
      expect(host.wait(120_000).said()).toEqual([
        expect.stringContaining(v6 ? 'time exceeded (reassembly)' : 'ip reassembly time exceeded') as string,
      ]);
    }
  });
});

// RFC 4443 §2.4-5.
describe('the rate (RFC 4443 §2.4 (f), SEC-38, SEC-39)', () => {
  test('a flood from one peer gets few answers, and others get theirs', () => {
    const host = new Host();
    const packet = udpPacket(UDP4);
    for (let i = 0; i < 1000; i++) host.give(packet);
    const first = host.sent().length;
    // A burst of 10 at prices of 0.5 to 1.5.
    expect(first).toBeGreaterThan(6);
    expect(first).toBeLessThan(15);
    expect(host.counters.dropped()).toEqual({ 'udp-no-socket': 1000, 'icmp-rate-limited': 1000 - first });
    host.give(udpPacket({ ...UDP4, src: '10.0.0.3' }));
    expect(host.sent().length).toBe(1);
  });

  test('a flood from everywhere gets no more than all together may get', () => {
    const host = new Host();
    let sent = 0;
    for (let ms = 0; ms < 1000; ms++) {
      host.time++;
      for (let i = 0; i < 5; i++) {
        host.give(udpPacket({ ...UDP4, src: `10.${i}.${ms >> 8}.${ms & 255}` }));
        sent += host.sent().length;
      }
    }
    expect(sent).toBeGreaterThan(900);
    expect(sent).toBeLessThan(1150);
    const limit = host.limits.all().find((each) => each.name === 'icmp.errors')!;
    expect(limit.max).toBe(ICMP_SETTINGS.errors.perSecond);
    expect(limit.used()).toBeGreaterThan(0);
  });

  test('echoes are not errors, and our own sockets are not floods', () => {
    const host = new Host();
    const question = icmpPacket({ src: '10.0.0.2', dst: '10.0.0.1', type: 8 });
    for (let i = 0; i < 1000; i++) host.give(question);
    expect(host.sent().length).toBe(1000);
  });
});
