// ICMP errors that arrive: quotes are bytes from anybody (SEC-08), and what they say is believed only if it can be true.
// RFC 792, RFC 1122 §3.2.2, RFC 4443 §2.4 and §3, RFC 4884, RFC 5927. And the messages that are ignored.

import { describe, expect, test } from 'vitest';
import { IcmpError, type Protocol } from '../../../src/ip/protocol.js';
import { Host } from '../../fixtures/host.js';
import { icmpPacket, ipPacket, isV6, someBytes, udpPacket, type IcmpFields } from '../../fixtures/rfc-packets.js';

interface Heard {
  kind: IcmpError['kind'];
  code: string;
  mtu: number;
  from: string;
  src: string;
  dst: string;
  protocol: number;
  transport: number[];
}

/** A host with a protocol 253 (RFC 3692: for experiments) that notes what it is told. */
class Bench extends Host {
  readonly heard: Heard[] = [];

  constructor(isPlausible = true) {
    super();
    const note: Protocol = {
      number: 253,
      input: () => {},
      onError: (e) => {
        this.heard.push({
          kind: e.kind, code: e.code, mtu: e.mtu, from: e.from.toString(), src: e.src.toString(), dst: e.dst.toString(),
          protocol: e.protocol, transport: [...e.bytes.subarray(e.at, e.end)],
        });
        return isPlausible;
      },
    };
    this.ip.register(note);
  }
}

const TEXT = someBytes(20);
const SENT4 = ipPacket(253, TEXT, { src: '10.0.0.1', dst: '192.0.2.7' });
const SENT6 = ipPacket(253, TEXT, { src: 'fd00::1', dst: '2001:db8::7' });
const FROM4 = { src: '198.51.100.1', dst: '10.0.0.1' };
const FROM6 = { src: '2001:db8:1::1', dst: 'fd00::1' };

/** What is heard of this error about `quote`. */
function hear(fields: Partial<IcmpFields>, quote: Uint8Array, bench = new Bench()): Heard[] {
  const from = quote[0]! >> 4 === 4 ? FROM4 : FROM6;
  bench.give(icmpPacket({ ...from, type: from === FROM4 ? 3 : 1, ...fields, data: quote }));
  expect(bench.sent()).toEqual([]);
  expect(bench.pool.outstanding).toBe(0);
  return bench.heard;
}

/** Why nothing is heard of it. */
function refusal(fields: Partial<IcmpFields>, quote: Uint8Array): Record<string, number> {
  const bench = new Bench();
  expect(hear(fields, quote, bench)).toEqual([]);
  return bench.counters.dropped();
}

// RFC 1122 §3.2.2.1-2, §3.2.2.4-1, §3.2.2.5-2; RFC 4443 §3.1-2, §3.3-1, §3.4-2.
describe('each error has a kind, and a code for sockets (RFC 1122 §3.2.2.1, RFC 4443 §3; codes as Linux)', () => {
  test.each([
    [3, 0, 'net-unreachable', 'ENETUNREACH'], [3, 1, 'host-unreachable', 'EHOSTUNREACH'],
    [3, 2, 'protocol-unreachable', 'ENOPROTOOPT'], [3, 3, 'port-unreachable', 'ECONNREFUSED'],
    [3, 5, 'host-unreachable', 'ENOTSUP'], [3, 6, 'net-unreachable', 'ENETUNREACH'], [3, 7, 'host-unreachable', 'EHOSTUNREACH'],
    [3, 8, 'host-unreachable', 'EHOSTUNREACH'], [3, 9, 'prohibited', 'ENETUNREACH'], [3, 10, 'prohibited', 'EHOSTUNREACH'],
    [3, 11, 'net-unreachable', 'ENETUNREACH'], [3, 12, 'host-unreachable', 'EHOSTUNREACH'],
    [3, 13, 'prohibited', 'EHOSTUNREACH'], [3, 14, 'prohibited', 'EHOSTUNREACH'], [3, 15, 'prohibited', 'EHOSTUNREACH'],
    [11, 0, 'hop-limit-exceeded', 'EHOSTUNREACH'], [11, 1, 'reassembly-timeout', 'EHOSTUNREACH'],
    [12, 0, 'parameter-problem', 'EPROTO'], [12, 1, 'parameter-problem', 'EPROTO'],
  ] as const)('IPv4: type %d, code %d', (type, code, kind, error) => {
    expect(hear({ type, code }, SENT4)).toEqual([{
      kind, code: error, mtu: 0, from: '198.51.100.1', src: '10.0.0.1', dst: '192.0.2.7', protocol: 253, transport: [...TEXT],
    }]);
  });

  test.each([
    [1, 0, 'net-unreachable', 'ENETUNREACH'], [1, 1, 'prohibited', 'EACCES'], [1, 2, 'host-unreachable', 'EHOSTUNREACH'],
    [1, 3, 'host-unreachable', 'EHOSTUNREACH'], [1, 4, 'port-unreachable', 'ECONNREFUSED'], [1, 5, 'prohibited', 'EACCES'],
    [1, 6, 'prohibited', 'EACCES'], [1, 99, 'host-unreachable', 'EPROTO'],
    [3, 0, 'hop-limit-exceeded', 'EHOSTUNREACH'], [3, 1, 'reassembly-timeout', 'EHOSTUNREACH'],
    [4, 0, 'parameter-problem', 'EPROTO'], [4, 1, 'parameter-problem', 'EPROTO'], [4, 2, 'parameter-problem', 'EPROTO'],
    // RFC 4443 §2.4 (a): of a type that nobody knows, passed up all the same.
    [100, 0, 'host-unreachable', 'EPROTO'], [127, 3, 'host-unreachable', 'EPROTO'],
  ] as const)('IPv6: type %d, code %d', (type, code, kind, error) => {
    expect(hear({ type, code }, SENT6)).toEqual([{
      kind, code: error, mtu: 0, from: '2001:db8:1::1', src: 'fd00::1', dst: '2001:db8::7', protocol: 253, transport: [...TEXT],
    }]);
  });

  test('in IPv4 codes that nobody knows are dropped (RFC 1122 §3.2.2)', () => {
    expect(refusal({ type: 3, code: 16 }, SENT4)).toEqual({ 'icmp-unknown-type': 1 });
    expect(refusal({ type: 11, code: 2 }, SENT4)).toEqual({ 'icmp-unknown-type': 1 });
  });
});

describe('packet too big (RFC 1191, RFC 8201, SEC-37)', () => {
  const large4 = ipPacket(253, someBytes(1400), { src: '10.0.0.1', dst: '192.0.2.7', dontFragment: true });
  const large6 = ipPacket(253, someBytes(1400), { src: 'fd00::1', dst: '2001:db8::7' });
  const mtu = (n: number): number[] => [n >>> 24, (n >> 16) & 255, (n >> 8) & 255, n & 255];

  // RFC 4443 §3.2-1.
  test('tells the MTU', () => {
    expect(hear({ type: 3, code: 4, rest: mtu(1300) }, large4.subarray(0, 28))).toMatchObject([
      { kind: 'packet-too-big', code: 'EMSGSIZE', mtu: 1300 },
    ]);
    expect(hear({ type: 2, rest: mtu(1300) }, large6.subarray(0, 1232))).toMatchObject([
      { kind: 'packet-too-big', code: 'EMSGSIZE', mtu: 1300 },
    ]);
  });

  test('an MTU that no link has, or that the packet would have fitted, is not believed', () => {
    const implausible = { 'icmp-implausible': 1 };
    expect(refusal({ type: 3, code: 4, rest: mtu(67) }, large4)).toEqual(implausible);
    expect(hear({ type: 3, code: 4, rest: mtu(68) }, large4).length).toBe(1);
    expect(refusal({ type: 3, code: 4, rest: mtu(1420) }, large4)).toEqual(implausible);
    expect(hear({ type: 3, code: 4, rest: mtu(1419) }, large4).length).toBe(1);
    expect(refusal({ type: 2, rest: mtu(1279) }, large6)).toEqual(implausible);
    expect(hear({ type: 2, rest: mtu(1280) }, large6).length).toBe(1);
    expect(refusal({ type: 2, rest: mtu(1440) }, large6)).toEqual(implausible);
    expect(hear({ type: 2, rest: mtu(1439) }, large6).length).toBe(1);
    expect(refusal({ type: 2, rest: mtu(0xffffffff) }, large6)).toEqual(implausible);
  });

  test('old routers do not tell it: the next smaller one that is usual is taken (RFC 1191 §7.1)', () => {
    const bench = new Bench();
    hear({ type: 3, code: 4 }, large4, bench);
    hear({ type: 3, code: 4 }, large4, bench);
    expect(bench.heard.map((each) => [each.kind, each.mtu])).toEqual([['packet-too-big', 1492], ['packet-too-big', 1006]]);
  });
});

describe('what a quote must be', () => {
  test('at least the header and eight bytes (RFC 1122 §3.2.2); and no more of it is told than there is', () => {
    expect(hear({}, SENT4.subarray(0, 28))[0]!.transport).toEqual([...TEXT.subarray(0, 8)]);
    expect(hear({}, SENT6.subarray(0, 48))[0]!.transport).toEqual([...TEXT.subarray(0, 8)]);
    for (let length = 0; length < 28; length++) expect(refusal({}, Uint8Array.of(0x45, ...SENT4.subarray(1, length)))).toEqual({ 'icmp-bad-quote': 1 });
    for (let length = 1; length < 48; length++) expect(refusal({}, SENT6.subarray(0, length))).toEqual({ 'icmp-bad-quote': 1 });
    // What follows the packet is not of it: RFC 1812 lets a router pad.
    expect(hear({}, Uint8Array.of(...SENT4, 1, 2, 3))[0]!.transport).toEqual([...TEXT]);
    expect(hear({}, Uint8Array.of(...SENT6, 1, 2, 3))[0]!.transport).toEqual([...TEXT]);
  });

  const change = (quote: Uint8Array, at: number, ...bytes: number[]): Uint8Array => {
    const changed = quote.slice();
    changed.set(bytes, at);
    return changed;
  };

  test.each([
    ['another version', change(SENT4, 0, 0x65)], ['a header of less than 20 bytes', change(SENT4, 0, 0x44)],
    ['a header longer than the quote', change(SENT4, 0, 0x4f)], ['a total length of 0', change(SENT4, 2, 0, 0)],
    ['a total length without the eight bytes', change(SENT4, 2, 0, 27)], ['a fragment behind the first', change(SENT4, 6, 0, 1)],
    ['a fragment at the end', change(SENT4, 6, 0x1f, 0xff)],
  ])('of IPv4, not with %s', (_what, quote) => {
    const bench = new Bench();
    bench.give(icmpPacket({ ...FROM4, type: 3, data: quote }));
    expect([bench.heard, bench.counters.dropped()]).toEqual([[], { 'icmp-bad-quote': 1 }]);
  });

  // RFC 1122 §3.2.2-3.
  test('of IPv4, with options, and of a first fragment: the transport is found', () => {
    const quote = ipPacket(253, TEXT, { src: '10.0.0.1', dst: '192.0.2.7', options: new Uint8Array(40).fill(1) });
    expect(hear({}, quote)[0]!.transport).toEqual([...TEXT]);
    expect(hear({}, change(SENT4, 6, 0x20, 0))[0]!.transport).toEqual([...TEXT]);
  });

  const six = (extensions: [number, Uint8Array][], more: object = {}): Uint8Array =>
    ipPacket(253, TEXT, { src: 'fd00::1', dst: '2001:db8::7', extensions, ...more });
  /** Options of so many times eight bytes: one for experiments, which says that whoever does not know it may skip it. */
  const padding = (units: number): Uint8Array => Uint8Array.of(0, units - 1, 0x1e, 8 * units - 4, ...new Uint8Array(8 * units - 4));

  test.each([
    ['another version', change(SENT6, 0, 0x45)], ['a payload length without the eight bytes', change(SENT6, 4, 0, 7)],
    ['a header chain that is cut off', six([[60, padding(3)]]).subarray(0, 60)],
    ['a header that is longer than the quote', change(six([[60, padding(1)]]), 41, 200)],
    ['nine headers', six(Array.from({ length: 9 }, () => [60, padding(1)] as [number, Uint8Array]))],
    ['no next header', change(SENT6, 6, 59)],
    ['a fragment behind the first', six([], { offset: 8, more: true })],
    ['two fragment headers', six([[44, new Uint8Array(8)]], { offset: 0, more: true })],
  ])('of IPv6, not with %s', (_what, quote) => {
    const bench = new Bench();
    bench.give(icmpPacket({ ...FROM6, type: 1, data: quote }));
    expect([bench.heard, bench.counters.dropped()]).toEqual([[], { 'icmp-bad-quote': 1 }]);
  });

  // RFC 4443 §2.4-1.
  test('of IPv6, behind other headers, and of a first fragment: the transport is found', () => {
    for (const quote of [six([[0, padding(1)], [60, padding(2)]]), six([], { offset: 0, more: true }), six([[60, padding(1)]], { offset: 0, more: true })]) {
      expect(hear({}, quote)).toMatchObject([{ protocol: 253, transport: [...TEXT] }]);
    }
  });

  test('extensions behind it are not of it (RFC 4884 §4)', () => {
    const padded4 = new Uint8Array(128 + 12);
    padded4.set(ipPacket(253, someBytes(300), { src: '10.0.0.1', dst: '192.0.2.7' }).subarray(0, 128));
    expect(hear({ rest: [0, 32, 0, 0] }, padded4)[0]!.transport.length).toBe(108);
    expect(hear({ type: 11, rest: [0, 32, 0, 0] }, padded4)[0]!.transport.length).toBe(108);
    const padded6 = new Uint8Array(128 + 12);
    padded6.set(ipPacket(253, someBytes(300), { src: 'fd00::1', dst: '2001:db8::7' }).subarray(0, 128));
    expect(hear({ rest: [16, 0, 0, 0] }, padded6)[0]!.transport.length).toBe(88);
    // A length that lies: behind the message, or not even a header.
    expect(hear({ rest: [0, 255, 0, 0] }, padded4)[0]!.transport.length).toBe(120);
    expect(refusal({ rest: [0, 6, 0, 0] }, padded4)).toEqual({ 'icmp-bad-quote': 1 });
    // Elsewhere these four bytes are a pointer (RFC 4884 §4.4).
    expect(hear({ type: 4, rest: [1, 0, 0, 40] }, padded6)[0]!.transport.length).toBe(100);
  });
});

describe('what is believed (RFC 5927)', () => {
  test('only what quotes a packet from the address that the error was sent to', () => {
    expect(refusal({}, ipPacket(253, TEXT, { src: '10.0.0.3', dst: '192.0.2.7' }))).toEqual({ 'icmp-implausible': 1 });
    expect(refusal({}, ipPacket(253, TEXT, { src: 'fe80::1', dst: '2001:db8::7' }))).toEqual({ 'icmp-implausible': 1 });
  });

  test('only what was sent to us alone (SEC-26)', () => {
    expect(refusal({ dst: '10.0.0.255' }, ipPacket(253, TEXT, { src: '10.0.0.255', dst: '192.0.2.7' }))).toEqual({ 'icmp-ignored': 1 });
    expect(refusal({ dst: 'ff02::1' }, ipPacket(253, TEXT, { src: 'ff02::1', dst: '2001:db8::7' }))).toEqual({ 'icmp-ignored': 1 });
  });

  test('a protocol that nobody has registered is nobody’s, and nothing happens (CVE-2026-23398)', () => {
    for (const protocol of [0, 6, 41, 50, 132, 254, 255]) {
      expect(refusal({}, ipPacket(protocol, TEXT, { src: '10.0.0.1', dst: '192.0.2.7' }))).toEqual({ 'icmp-no-socket': 1 });
    }
    for (const protocol of [6, 41, 50, 132, 254, 255]) {
      expect(refusal({}, ipPacket(protocol, TEXT, { src: 'fd00::1', dst: '2001:db8::7' }))).toEqual({ 'icmp-no-socket': 1 });
    }
    // ICMP of the other family.
    expect(refusal({}, ipPacket(58, TEXT, { src: '10.0.0.1', dst: '192.0.2.7' }))).toEqual({ 'icmp-no-socket': 1 });
    expect(refusal({}, ipPacket(1, TEXT, { src: 'fd00::1', dst: '2001:db8::7' }))).toEqual({ 'icmp-no-socket': 1 });
  });

  test('what the transport does not recognise is counted', () => {
    const bench = new Bench(false);
    bench.give(icmpPacket({ ...FROM4, type: 3, data: SENT4 }));
    expect(bench.counters.dropped()).toEqual({ 'icmp-no-socket': 1 });
  });

  test('link-local addresses in it are of the link that it came by', () => {
    const quote = ipPacket(253, TEXT, { src: 'fe80::1', dst: 'fe80::9' });
    const [heard] = hear({ src: 'fe80::fe', dst: 'fe80::1' }, quote);
    expect([heard!.src, heard!.dst, heard!.from]).toEqual(['fe80::1%2', 'fe80::9%2', 'fe80::fe%2']);
    const [other] = hear({}, ipPacket(253, TEXT, { src: 'fd00::1', dst: 'fe80::9' }));
    expect(other!.dst).toBe('fe80::9%2');
  });
});

describe('messages that are ignored (SEC-08, SEC-36, SEC-40)', () => {
  // RFC 1122 §3.2.2.7-1, §3.2.2.9-1.
  test.each([
    [4, 'source quench (RFC 6633)'], [5, 'redirect'], [9, 'router advertisement'], [10, 'router solicitation'],
    [13, 'timestamp'], [14, 'timestamp reply'], [15, 'information'], [16, 'information reply'],
    [17, 'address mask'], [18, 'address mask reply'],
  ])('IPv4: type %d, %s', (type, _name) => {
    expect(refusal({ type }, SENT4)).toEqual({ 'icmp-ignored': 1 });
  });

  test.each([130, 131, 132, 143])('IPv6: type %d, of multicast listeners', (type) => {
    expect(refusal({ type }, SENT6)).toEqual({ 'icmp-ignored': 1 });
  });

  // RFC 1122 §3.2.2-1; RFC 4443 §2.4-2.
  test('types that nobody knows are dropped silently (RFC 1122 §3.2.2, RFC 4443 §2.4 (b))', () => {
    for (const type of [1, 2, 6, 7, 19, 30, 40, 42, 253, 255]) expect(refusal({ type }, SENT4)).toEqual({ 'icmp-unknown-type': 1 });
    for (const type of [138, 139, 144, 160, 200, 255]) expect(refusal({ type }, SENT6)).toEqual({ 'icmp-unknown-type': 1 });
  });
});

test('an ICMP error about an ICMP error, or about anything, is never answered', () => {
  const host = new Host();
  for (const quote of [SENT4, SENT6]) {
    const from = isV6('fd00::1') && quote === SENT6 ? FROM6 : FROM4;
    for (let type = 0; type < 256; type++) {
      if ((quote === SENT4 && type === 8) || (quote === SENT6 && type === 128)) continue;
      host.give(icmpPacket({ ...from, type, data: quote }));
    }
  }
  host.give(udpPacket({ src: '10.0.0.2', dst: '10.0.0.255', from: 7, to: 7 }));
  expect(host.said()).toEqual([]);
});
