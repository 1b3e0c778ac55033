// Two witnesses for every format: the layout, in the RFC's terms, and the accessors, in the machine's. For any
// bytes and any values they must tell the same story; either may be wrong, but hardly both in the same way.

import { Buffer } from 'node:buffer';
import type { Structure } from 'buffer-layout';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cell, refill16, refill4 } from '../../src/address.js';
import { fromHex } from '../../src/bytes.js';
import * as IcmpWire from '../../src/icmp/wire.js';
import * as IpWire from '../../src/ip/wire.js';
import * as Layout from '../../src/layouts.js';
import * as LinkWire from '../../src/link/wire.js';
import { parseOptions, TcpOptions, writeOptions, writeSynOptions } from '../../src/tcp/options.js';
import { type Seq, seq } from '../../src/tcp/seq.js';
import * as TcpWire from '../../src/tcp/wire.js';
import * as UdpWire from '../../src/udp/wire.js';
import { FRAMES } from '../fixtures/captured-frames.js';

// What the layouts themselves must be: lengths and places counted in the RFCs' diagrams, by hand.

describe('a layout lies as its RFC draws it', () => {
  test.each<[keyof typeof Layout, number]>([
    ['ethernet', 14], ['vlanTag', 4], ['arp', 28], ['ipv4', 20], ['ipv4Pseudo', 12], ['ipv6', 40], ['ipv6Pseudo', 40],
    ['ipv6Extension', 2], ['ipv6Routing', 4], ['ipv6Fragment', 8], ['udp', 8], ['tcp', 20], ['tcpMss', 4],
    ['tcpWindowScale', 3], ['tcpSackPermitted', 2], ['tcpTimestamps', 10], ['tcpUserTimeout', 4], ['icmp', 4], ['icmpEcho', 8],
    ['icmpUnreachable', 8], ['icmpParameterProblem', 8], ['icmpRedirect', 8], ['icmpv6Unreachable', 8],
    ['icmpv6PacketTooBig', 8], ['icmpv6ParameterProblem', 8], ['routerSolicitation', 8], ['routerAdvertisement', 16],
    ['neighborSolicitation', 24], ['neighborAdvertisement', 24], ['ndpRedirect', 40], ['ndpOption', 2],
    ['ndpLinkLayerAddress', 8], ['ndpPrefixInformation', 32], ['ndpMtu', 8],
  ])('%s: %i bytes', (name, bytes) => {
    expect(Layout[name].span).toBe(bytes);
  });

  const places: [keyof typeof Layout, Record<string, number>][] = [
    ['ethernet', { destination: 0, source: 6, etherType: 12 }],
    ['arp', { hrd: 0, pro: 2, hln: 4, pln: 5, op: 6, sha: 8, spa: 14, tha: 18, tpa: 24 }],
    ['ipv4', {
      first: 0, trafficClass: 1, totalLength: 2, identification: 4, fragment: 6, timeToLive: 8, protocol: 9,
      headerChecksum: 10, sourceAddress: 12, destinationAddress: 16,
    }],
    ['ipv6', { first: 0, payloadLength: 4, nextHeader: 6, hopLimit: 7, sourceAddress: 8, destinationAddress: 24 }],
    ['ipv6Fragment', { nextHeader: 0, reserved: 1, fragment: 2, identification: 4 }],
    ['udp', { sourcePort: 0, destinationPort: 2, length: 4, checksum: 6 }],
    ['tcp', {
      sourcePort: 0, destinationPort: 2, sequenceNumber: 4, acknowledgmentNumber: 8, control: 12, window: 14,
      checksum: 16, urgentPointer: 18,
    }],
    ['icmpEcho', { type: 0, code: 1, checksum: 2, identifier: 4, sequenceNumber: 6 }],
    ['neighborAdvertisement', { type: 0, code: 1, checksum: 2, flags: 4, targetAddress: 8 }],
    ['ndpPrefixInformation', { prefixLength: 2, flags: 3, validLifetime: 4, preferredLifetime: 8, prefix: 16 }],
  ];
  test.each(places)('%s: every field in its place', (name, offsets) => {
    for (const [field, offset] of Object.entries(offsets)) {
      expect([field, Layout[name].offsetOf(field)]).toEqual([field, offset]);
    }
  });

  test('and reads what Linux sent as tcpdump reads it', () => {
    const decode = <T>(layout: Structure<T>, frame: { readonly hex: string }, at: number): T =>
      layout.decode(Buffer.from(fromHex(frame.hex)), at);
    expect(decode(Layout.ethernet, FRAMES.synAck, 0)).toEqual({
      destination: Buffer.from('020000000001', 'hex'), source: Buffer.from('020000000002', 'hex'), etherType: 0x0800,
    });
    expect(decode(Layout.ipv4, FRAMES.synAck, 14)).toMatchObject({
      first: { version: 4, ihl: 5 }, totalLength: 60, identification: 0, timeToLive: 64, protocol: 6,
      fragment: { reserved: false, dontFragment: true, moreFragments: false, fragmentOffset: 0 },
      sourceAddress: Buffer.of(10, 9, 0, 2), destinationAddress: Buffer.of(10, 9, 0, 1),
    });
    expect(decode(Layout.tcp, FRAMES.synAck, 34)).toMatchObject({
      sourcePort: 40_080, destinationPort: 39_224,
      sequenceNumber: 1_254_753_457, acknowledgmentNumber: 2_219_225_566,
      control: { dataOffset: 10, syn: true, ack: true, fin: false, rst: false, psh: false, urg: false },
      window: 65_160, urgentPointer: 0,
    });
    expect(decode(Layout.tcpTimestamps, FRAMES.synAck, 34 + 20 + 6)).toEqual({
      kind: 8, length: 10, tsVal: 935_882_802, tsEcr: 1_397_456_742,
    });
    expect(decode(Layout.arp, FRAMES.arpRequest, 14)).toMatchObject({
      hrd: 1, pro: 0x0800, op: 1, spa: Buffer.of(10, 9, 0, 1), tpa: Buffer.of(10, 9, 0, 2),
    });
    expect(decode(Layout.icmpEcho, FRAMES.echoRequest, 34)).toMatchObject({
      type: 8, code: 0, identifier: 8349, sequenceNumber: 1,
    });
    expect(decode(Layout.ipv6, FRAMES.neighborAdvertisement, 14)).toMatchObject({
      first: { version: 6, trafficClass: 0, flowLabel: 0 }, payloadLength: 32, nextHeader: 58, hopLimit: 255,
    });
    expect(decode(Layout.neighborAdvertisement, FRAMES.neighborAdvertisement, 54)).toMatchObject({
      type: 136, flags: { router: false, solicited: true, override: true, reserved: 0 },
    });
    expect(decode(Layout.udp, FRAMES.udp, 34)).toMatchObject({
      sourcePort: 42_726, destinationPort: 40_082, length: 13,
    });
  });
});

// Reading and writing, for any bytes.

/** `length` bytes somewhere in memory, with others around them. */
function somewhere(length: number): fc.Arbitrary<{ b: Buffer; at: number }> {
  return fc.tuple(fc.uint8Array({ minLength: length + 9, maxLength: length + 9 }), fc.integer({ min: 0, max: 9 }))
    .map(([bytes, at]) => ({ b: Buffer.from(bytes), at }));
}

interface Witness<T> {
  readonly layout: Structure<T>;
  /** What the accessors say of the header at `b[at]`, in the layout's terms; fields without an accessor are absent. */
  readonly read: (b: Uint8Array, at: number) => unknown;
  /** What writes a whole header. */
  readonly write?: (b: Uint8Array, at: number, value: T) => void;
  /** What `write` makes of fields that are not its caller's. */
  readonly fixed?: (value: T) => T;
  /** What writes one field, the others being left alone. */
  readonly setters?: { readonly [K in keyof T]?: (b: Uint8Array, at: number, value: T) => void };
}

/** All that can be said of one format: `subject` names it. */
function agree<T extends object>(subject: string, witness: Witness<T>): void {
  const { layout, read, write, fixed = (value: T) => value } = witness;
  const setters: NonNullable<typeof witness.setters> = witness.setters ?? {};
  const { span } = layout;
  const copyOf = (b: Buffer): Buffer => Buffer.from(b);
  /** Bytes outside the header, before and behind. */
  const around = (b: Buffer, at: number): Buffer => Buffer.concat([b.subarray(0, at), b.subarray(at + span)]);

  describe(subject, () => {
    test('the accessors read what the layout decodes', () => {
      fc.assert(fc.property(somewhere(span), ({ b, at }) => {
        expect(layout.decode(b, at)).toMatchObject(read(b, at) as object);
      }));
    });

    test('the accessors read what the layout encoded', () => {
      fc.assert(fc.property(somewhere(span), somewhere(span), (values, { b, at }) => {
        const value = layout.decode(values.b, values.at);
        layout.encode(value, b, at);
        expect(value).toMatchObject(read(b, at) as object);
      }));
    });

    if (write !== undefined) {
      test('the layout decodes what was written, and nothing around it was touched', () => {
        fc.assert(fc.property(somewhere(span), somewhere(span), (values, { b, at }) => {
          const value = fixed(layout.decode(values.b, values.at));
          const before = around(b, at);
          write(b, at, value);
          expect(layout.decode(b, at)).toEqual(value);
          expect(around(b, at)).toEqual(before);
        }));
      });
    }

    const fields = Object.keys(setters) as (keyof T & string)[];
    test.each(fields)('the setter of %s writes that field and no other', (field) => {
      fc.assert(fc.property(somewhere(span), somewhere(span), (values, { b, at }) => {
        const value = layout.decode(values.b, values.at);
        const expected = copyOf(b);
        layout.encode({ ...layout.decode(b, at), [field]: value[field] }, expected, at);
        setters[field]!(b, at, value);
        expect(b).toEqual(expected);
      }));
    });
  });
}

const slice = (b: Uint8Array, at: number, length: number): Buffer => Buffer.from(b.subarray(at, at + length));
const address4 = (bytes: Buffer) => {
  const a = cell();
  refill4(a, bytes, 0);
  return a;
};
const address16 = (bytes: Buffer) => {
  const a = cell();
  refill16(a, bytes, 0);
  return a;
};

agree('the Ethernet header', {
  layout: Layout.ethernet,
  read: (b, at) => ({
    destination: slice(b, at, 6), source: slice(b, LinkWire.source(at), 6), etherType: LinkWire.etherType(b, at),
  }),
  write: (b, at, v) => LinkWire.setHeader(b, at, v.destination, v.source, v.etherType),
});

agree('an ARP packet', {
  layout: Layout.arp,
  read: (b, at) => ({
    op: LinkWire.opcode(b, at), sha: slice(b, LinkWire.sha(at), 6), spa: slice(b, LinkWire.spa(at), 4),
    tha: slice(b, LinkWire.tha(at), 6), tpa: slice(b, LinkWire.tpa(at), 4),
  }),
});

test('an ARP packet begins as RFC 826 wants it over Ethernet', () => {
  const b = Buffer.alloc(28, 0xff);
  LinkWire.setArpHeader(b, 0, 2);
  expect(Layout.arp.decode(b)).toMatchObject({ hrd: 1, pro: 0x0800, hln: 6, pln: 4, op: 2 });
  expect(LinkWire.isWellFormedArp(b, 0, 28)).toBe(true);
});

/** DSCP and ECN as one byte, and the flags and the offset as one word. */
const trafficClassOf = (v: Layout.Ipv4HeaderBytes): number => (v.trafficClass.dscp << 2) | v.trafficClass.ecn;
const fragmentWordOf = ({ fragment: f }: Layout.Ipv4HeaderBytes): number =>
  (f.reserved ? 0x8000 : 0) | (f.dontFragment ? IpWire.DONT_FRAGMENT : 0)
  | (f.moreFragments ? IpWire.MORE_FRAGMENTS : 0) | f.fragmentOffset;

/** RFC 1071 in the plainest way: the sum of the words, the carries added, the complement. */
function internetChecksum(b: Buffer): number {
  let sum = 0;
  for (let i = 0; i < b.length; i += 2) sum += b.readUInt16BE(i);
  while (sum > 0xffff) sum = Math.floor(sum / 0x10000) + (sum % 0x10000);
  return 0xffff - sum;
}

agree('the IPv4 header', {
  layout: Layout.ipv4,
  read: (b, at) => {
    const word = IpWire.fragmentWord4(b, at);
    const trafficClass = IpWire.trafficClass4(b, at);
    return {
      first: { version: IpWire.version(b, at), ihl: IpWire.headerLength4(b, at) / 4 },
      trafficClass: { dscp: trafficClass >> 2, ecn: trafficClass & 3 },
      totalLength: IpWire.totalLength4(b, at), identification: IpWire.identification4(b, at),
      fragment: {
        dontFragment: (word & IpWire.DONT_FRAGMENT) !== 0, moreFragments: (word & IpWire.MORE_FRAGMENTS) !== 0,
        fragmentOffset: IpWire.fragmentOffset4(word) / 8,
      },
      timeToLive: IpWire.ttl4(b, at), protocol: IpWire.protocol4(b, at), headerChecksum: IpWire.checksum4(b, at),
      sourceAddress: slice(b, IpWire.source4(at), 4), destinationAddress: slice(b, IpWire.destination4(at), 4),
    };
  },
  write: (b, at, v) => IpWire.setHeader4(
    b, at, trafficClassOf(v), v.totalLength, v.identification, fragmentWordOf(v), (v.timeToLive << 8) | v.protocol,
    address4(v.sourceAddress), address4(v.destinationAddress),
  ),
  fixed: (v) => {
    const value = { ...v, first: { version: 4, ihl: 5 }, headerChecksum: 0 };
    const header = Buffer.alloc(20);
    Layout.ipv4.encode(value, header);
    return { ...value, headerChecksum: internetChecksum(header) };
  },
  setters: {
    totalLength: (b, at, v) => IpWire.setTotalLength4(b, at, v.totalLength),
    identification: (b, at, v) => IpWire.setIdentification4(b, at, v.identification),
    fragment: (b, at, v) => IpWire.setFragmentWord4(b, at, fragmentWordOf(v)),
  },
});

agree('the IPv6 header', {
  layout: Layout.ipv6,
  read: (b, at) => ({
    first: {
      version: IpWire.version(b, at), trafficClass: IpWire.trafficClass6(b, at), flowLabel: IpWire.flowLabel6(b, at),
    },
    payloadLength: IpWire.payloadLength6(b, at), nextHeader: IpWire.nextHeader6(b, at),
    hopLimit: IpWire.hopLimit6(b, at),
    sourceAddress: slice(b, IpWire.source6(at), 16), destinationAddress: slice(b, IpWire.destination6(at), 16),
  }),
  write: (b, at, v) => IpWire.setHeader6(
    b, at, v.first.trafficClass, v.first.flowLabel, v.payloadLength, (v.nextHeader << 8) | v.hopLimit,
    address16(v.sourceAddress), address16(v.destinationAddress),
  ),
  fixed: (v) => ({ ...v, first: { ...v.first, version: 6 } }),
  setters: { payloadLength: (b, at, v) => IpWire.setPayloadLength6(b, at, v.payloadLength) },
});

agree('an IPv6 extension header', {
  layout: Layout.ipv6Extension,
  read: (b, at) => ({ nextHeader: IpWire.nextHeader(b, at), hdrExtLen: IpWire.extensionLength(b, at) / 8 - 1 }),
});

agree('an IPv6 routing header', {
  layout: Layout.ipv6Routing,
  read: (b, at) => ({ nextHeader: IpWire.nextHeader(b, at), segmentsLeft: IpWire.segmentsLeft(b, at) }),
});

agree('an IPv6 fragment header', {
  layout: Layout.ipv6Fragment,
  read: (b, at) => ({
    nextHeader: IpWire.nextHeader(b, at),
    fragment: { fragmentOffset: IpWire.fragmentOffset6(b, at) / 8, moreFragments: IpWire.moreFragments6(b, at) },
    identification: IpWire.identification6(b, at) >>> 0,
  }),
  write: (b, at, v) => IpWire.setFragmentHeader(
    b, at, v.nextHeader, (v.fragment.fragmentOffset * 8) | (v.fragment.moreFragments ? 1 : 0), v.identification | 0,
  ),
  // RFC 8200 §4.5: both reserved fields are zero in what we send.
  fixed: (v) => ({ ...v, reserved: 0, fragment: { ...v.fragment, reserved: 0 } }),
});

agree('the UDP header', {
  layout: Layout.udp,
  read: (b, at) => ({
    sourcePort: UdpWire.srcPort(b, at), destinationPort: UdpWire.dstPort(b, at), length: UdpWire.length(b, at),
    checksum: UdpWire.checksum(b, at),
  }),
  write: (b, at, v) => UdpWire.setHeader(b, at, v.sourcePort, v.destinationPort, v.length, v.checksum),
});

type Control = Layout.TcpHeaderBytes['control'];
const FLAGS = {
  fin: TcpWire.FIN, syn: TcpWire.SYN, rst: TcpWire.RST, psh: TcpWire.PSH, ack: TcpWire.ACK, urg: TcpWire.URG,
  ece: TcpWire.ECE, cwr: TcpWire.CWR,
} as const;
const names = Object.keys(FLAGS) as (keyof typeof FLAGS)[];
const flagsOf = (control: Control): number =>
  names.reduce((flags, name) => flags | (control[name] ? FLAGS[name] : 0), 0);

agree('the TCP header', {
  layout: Layout.tcp,
  read: (b, at) => {
    const flags = TcpWire.flags(b, at);
    const control: Partial<Control> = { dataOffset: TcpWire.headerLength(b, at) / 4 };
    for (const name of names) control[name] = (flags & FLAGS[name]) !== 0;
    return {
      sourcePort: TcpWire.srcPort(b, at), destinationPort: TcpWire.dstPort(b, at),
      sequenceNumber: TcpWire.seq(b, at) >>> 0, acknowledgmentNumber: TcpWire.ack(b, at) >>> 0, control,
      window: TcpWire.window(b, at), checksum: TcpWire.checksum(b, at), urgentPointer: TcpWire.urgent(b, at),
    };
  },
  write: (b, at, v) => {
    TcpWire.setSrcPort(b, at, v.sourcePort);
    TcpWire.setDstPort(b, at, v.destinationPort);
    TcpWire.setSeq(b, at, seq(v.sequenceNumber));
    TcpWire.setAck(b, at, seq(v.acknowledgmentNumber));
    TcpWire.setHeaderLength(b, at, v.control.dataOffset * 4);
    TcpWire.setFlags(b, at, flagsOf(v.control));
    TcpWire.setWindow(b, at, v.window);
    TcpWire.setChecksum(b, at, v.checksum);
    TcpWire.setUrgent(b, at, v.urgentPointer);
  },
  // RFC 9293 §3.1: zero in generated segments.
  fixed: (v) => ({ ...v, control: { ...v.control, reserved: 0 } }),
  setters: {
    sourcePort: (b, at, v) => TcpWire.setSrcPort(b, at, v.sourcePort),
    destinationPort: (b, at, v) => TcpWire.setDstPort(b, at, v.destinationPort),
    sequenceNumber: (b, at, v) => TcpWire.setSeq(b, at, seq(v.sequenceNumber)),
    acknowledgmentNumber: (b, at, v) => TcpWire.setAck(b, at, seq(v.acknowledgmentNumber)),
    window: (b, at, v) => TcpWire.setWindow(b, at, v.window),
    checksum: (b, at, v) => TcpWire.setChecksum(b, at, v.checksum),
    urgentPointer: (b, at, v) => TcpWire.setUrgent(b, at, v.urgentPointer),
  },
});

test('TCP sequence numbers are read as int32', () => {
  fc.assert(fc.property(somewhere(20), ({ b, at }) => {
    const [s, a]: Seq[] = [TcpWire.seq(b, at), TcpWire.ack(b, at)];
    expect([s, a]).toEqual([s! | 0, a! | 0]);
  }));
});

test('setting the TCP flags leaves the reserved bits, AE among them, as they were', () => {
  fc.assert(fc.property(somewhere(20), fc.integer({ min: 0, max: 255 }), ({ b, at }, flags) => {
    const before = Layout.tcp.decode(b, at);
    TcpWire.setFlags(b, at, flags);
    const { control, ...others } = Layout.tcp.decode(b, at);
    expect({ ...others, control: { ...control, ...flagRecord(flags) } }).toEqual({
      ...before, control: { ...before.control, ...flagRecord(flags) },
    });
    expect(flagsOf(control)).toBe(flags);
  }));
});
const flagRecord = (flags: number): Partial<Control> =>
  Object.fromEntries(names.map((name) => [name, (flags & FLAGS[name]) !== 0]));

agree('an ICMP echo', {
  layout: Layout.icmpEcho,
  read: (b, at) => ({
    type: IcmpWire.type(b, at), code: IcmpWire.code(b, at), checksum: IcmpWire.checksum(b, at),
    identifier: IcmpWire.identifier(b, at), sequenceNumber: IcmpWire.sequence(b, at),
  }),
  write: (b, at, v) => {
    IcmpWire.setHeader(b, at, (v.type << 8) | v.code, (v.identifier << 16) | v.sequenceNumber);
  },
  fixed: (v) => ({ ...v, checksum: 0 }),
  setters: {
    type: (b, at, v) => IcmpWire.setType(b, at, v.type),
    checksum: (b, at, v) => IcmpWire.setChecksum(b, at, v.checksum),
  },
});

agree('an IPv4 destination unreachable', {
  layout: Layout.icmpUnreachable,
  read: (b, at) => ({ length: IcmpWire.quoteLength4(b, at) / 4, nextHopMtu: IcmpWire.mtu4(b, at) }),
});

agree('an IPv6 destination unreachable', {
  layout: Layout.icmpv6Unreachable,
  read: (b, at) => ({ length: IcmpWire.quoteLength6(b, at) / 8 }),
});

agree('an IPv6 packet too big', {
  layout: Layout.icmpv6PacketTooBig,
  read: (b, at) => ({ mtu: IcmpWire.mtu6(b, at) }),
});

agree('a neighbor advertisement', {
  layout: Layout.neighborAdvertisement,
  read: (b, at) => {
    const flags = IcmpWire.flags(b, at);
    return {
      flags: {
        router: (flags & IcmpWire.ROUTER) !== 0, solicited: (flags & IcmpWire.SOLICITED) !== 0,
        override: (flags & IcmpWire.OVERRIDE) !== 0,
      },
      targetAddress: slice(b, IcmpWire.target(at), 16),
    };
  },
});

agree('a neighbor discovery option', {
  layout: Layout.ndpOption,
  read: (b, at) => ({ type: IcmpWire.optionType(b, at), length: IcmpWire.optionLength(b, at) / 8 }),
});

// TCP options.

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const edges = fc.array(fc.record({ leftEdge: u32, rightEdge: u32 }), { minLength: 1, maxLength: 4 });

function encoded<T>(layout: Structure<T>, value: T, length: number): Buffer {
  const b = Buffer.alloc(length);
  expect(layout.encode(value, b)).toBe(length);
  return b;
}

describe('TCP options', () => {
  test('are read as their layouts encode them, one by one', () => {
    const o = new TcpOptions();
    const read = (b: Buffer): TcpOptions => {
      expect(parseOptions(b, 0, b.length, o)).toBe(true);
      return o;
    };
    fc.assert(fc.property(
      fc.integer({ min: 1, max: 65_535 }), fc.integer({ min: 0, max: 14 }), u32, u32, edges,
      (mss, shift, tsVal, tsEcr, blocks) => {
        const mssOption = { kind: 2, length: 4, maximumSegmentSize: mss };
        expect(read(encoded(Layout.tcpMss, mssOption, 4)).mss).toBe(mss);
        const scaleOption = { kind: 3, length: 3, shiftCount: shift };
        expect(read(encoded(Layout.tcpWindowScale, scaleOption, 3)).windowScale).toBe(shift);
        expect(read(encoded(Layout.tcpSackPermitted, { kind: 4, length: 2 }, 2)).sackPermitted).toBe(true);
        expect(read(encoded(Layout.tcpTimestamps, { kind: 8, length: 10, tsVal, tsEcr }, 10))).toMatchObject({
          hasTimestamps: true, tsVal: tsVal | 0, tsEcr: tsEcr | 0,
        });
        const length = 2 + 8 * blocks.length;
        const { sackCount, sackStart, sackEnd } = read(encoded(Layout.tcpSack, { kind: 5, length, blocks }, length));
        expect(sackCount).toBe(blocks.length);
        for (const [i, { leftEdge, rightEdge }] of blocks.entries()) {
          expect([sackStart[i], sackEnd[i]]).toEqual([leftEdge | 0, rightEdge | 0]);
        }
      },
    ));
  });

  test("accurate ECN's counters are read as their layout encodes them, in both orders", () => {
    const o = new TcpOptions();
    fc.assert(fc.property(fc.constantFrom(172, 174), fc.array(fc.nat(0xff_ffff), { maxLength: 3 }), (kind, counters) => {
      const length = 2 + 3 * counters.length;
      const b = Buffer.alloc(length);
      Layout.tcpAccEcn.encode({ kind, length, counters }, b);
      expect(parseOptions(b, 0, length, o)).toBe(true);
      const read = kind === 172 ? [o.ee0b, o.eceb, o.ee1b] : [o.ee1b, o.eceb, o.ee0b];
      expect(read).toEqual([0, 1, 2].map((i) => counters[i] ?? -1));
      expect(Layout.tcpAccEcn.decode(b, 0)).toEqual({ kind, length, counters });
    }));
  });

  test('that we write are decoded by their layouts, behind the padding', () => {
    fc.assert(fc.property(
      fc.integer({ min: 1, max: 65_535 }), fc.integer({ min: 0, max: 14 }), u32, u32, edges,
      (mss, windowScale, tsVal, tsEcr, blocks) => {
        const b = Buffer.alloc(40, 0xee);
        const syn = {
          mss, windowScale, sackPermitted: true, hasTimestamps: true, tsVal: tsVal | 0, tsEcr: tsEcr | 0,
        };
        expect(writeSynOptions(b, 0, syn)).toBe(20);
        expect(Layout.tcpMss.decode(b, 0)).toEqual({ kind: 2, length: 4, maximumSegmentSize: mss });
        expect(Layout.tcpSackPermitted.decode(b, 4)).toEqual({ kind: 4, length: 2 });
        expect(Layout.tcpTimestamps.decode(b, 6)).toEqual({ kind: 8, length: 10, tsVal, tsEcr });
        expect(Layout.tcpWindowScale.decode(b, 17)).toEqual({ kind: 3, length: 3, shiftCount: windowScale });

        const starts = Int32Array.from(blocks, ({ leftEdge }) => leftEdge | 0);
        const ends = Int32Array.from(blocks, ({ rightEdge }) => rightEdge | 0);
        const length = writeOptions(b, 0, 0, 0, false, starts, ends, blocks.length);
        expect(length).toBe(4 + 8 * blocks.length);
        expect(b.readUInt16BE(0)).toBe(0x0101);
        expect(Layout.tcpSack.decode(b.subarray(0, length), 2)).toEqual({ kind: 5, length: length - 2, blocks });

        expect(writeOptions(b, 0, tsVal | 0, tsEcr | 0, true, starts, ends, 0)).toBe(12);
        expect(Layout.tcpTimestamps.decode(b, 2)).toEqual({ kind: 8, length: 10, tsVal, tsEcr });
      },
    ));
  });
});
