// IPv4 with options, IPv6 with extension headers, fragments of both; and what they carry. RFC 791, 2113, 8200, 6275 (by number).

import fc from 'fast-check';

import { type Icmp, ICMP_MANNERS, icmpEcho, icmpError, icmpOther, ndp, writeIcmp } from './icmp.js';
import { TCP_MANNERS, type TcpSegment, tcpSegment, writeTcp } from './tcp.js';
import { UDP_MANNERS, type UdpDatagram, udpDatagram, writeUdp } from './udp.js';
import { byte, bytes, ipBytes, ipv4Text, ipv6Text, kindOf, long, offBy, word } from './values.js';
import { seal, Writer } from './writer.js';
import { sumBytes } from '../../checksum.js';

/** A protocol that nobody here speaks, or a piece of one that is: of a fragment. */
export interface OtherProtocol {
  readonly kind: 'protocol';
  readonly payload: Uint8Array;
  readonly protocol: number;
}

export type Content = TcpSegment | UdpDatagram | Icmp | OtherProtocol;

export type Ipv4Option =
  | { readonly kind: 'nop4' }
  | { readonly kind: 'router-alert'; readonly value: number }
  /** 7 record route, 131 loose, 137 strict source route: `pointer` counts from 4. */
  | { readonly kind: 'route'; readonly type: number; readonly pointer: number; readonly hops: readonly string[] }
  | { readonly kind: 'timestamp4'; readonly pointer: number; readonly flags: number; readonly stamps: readonly number[] }
  | { readonly kind: 'unknown4'; readonly type: number; readonly data: Uint8Array };

export interface Ipv4Packet {
  readonly kind: 'ipv4';
  readonly options: readonly Ipv4Option[];
  readonly content: Content;
  readonly source: string;
  readonly destination: string;
  readonly trafficClass: number;
  readonly identification: number;
  readonly dontFragment: boolean;
  readonly moreFragments: boolean;
  /** In units of eight bytes. */
  readonly fragmentOffset: number;
  readonly timeToLive: number;
  readonly checksumOff: number;
}

export type Ipv6Option =
  | { readonly kind: 'pad'; readonly length: number }
  | { readonly kind: 'router-alert6'; readonly value: number }
  | { readonly kind: 'jumbo'; readonly length: number }
  | { readonly kind: 'unknown6'; readonly type: number; readonly data: Uint8Array };

export type Extension =
  | { readonly kind: 'hop-by-hop'; readonly options: readonly Ipv6Option[] }
  | { readonly kind: 'destination-options'; readonly options: readonly Ipv6Option[] }
  | { readonly kind: 'routing'; readonly type: number; readonly segmentsLeft: number; readonly hops: readonly string[] }
  | { readonly kind: 'fragment'; readonly offset: number; readonly more: boolean; readonly identification: number };

export interface Ipv6Packet {
  readonly kind: 'ipv6';
  readonly extensions: readonly Extension[];
  readonly content: Content;
  readonly source: string;
  readonly destination: string;
  readonly trafficClass: number;
  readonly flowLabel: number;
  readonly hopLimit: number;
}

export type IpPacket = Ipv4Packet | Ipv6Packet;

export const IP_MANNERS = {
  ...TCP_MANNERS, ...UDP_MANNERS, ...ICMP_MANNERS,
  ipv4: { source: '10.0.0.1', destination: '10.0.0.2', timeToLive: 64 },
  ipv6: { source: 'fd00::1', destination: 'fd00::2', hopLimit: 64 },
  route: { pointer: 4 },
  timestamp4: { pointer: 5 },
  protocol: { protocol: 253 },
  unknown4: { type: 94 },
  unknown6: { type: 0x1e },
};

export interface PacketKnobs {
  /** Default both. */
  readonly family?: 4 | 6;
  /** What it carries. Default: anything. */
  readonly carries?: readonly ('tcp' | 'udp' | 'icmp' | 'other')[];
  /** Bytes of payload at most. Default 64. */
  readonly payloadMax?: number;
  /** The chance that each checksum is wrong. Default 0. */
  readonly invalidChecksum?: number;
  /** Options and extension headers. Default true. */
  readonly options?: boolean;
}

export const ipv4Option = (): fc.Arbitrary<Ipv4Option> => fc.oneof<fc.Arbitrary<Ipv4Option>[]>(
  fc.constant({ kind: 'nop4' }),
  kindOf('router-alert', { value: word() }),
  kindOf('route', { type: fc.constantFrom(7, 131, 137), pointer: fc.constantFrom(4, 8, 12), hops: fc.array(ipv4Text(), { maxLength: 3 }) }),
  kindOf('timestamp4', { pointer: fc.constantFrom(5, 9), flags: byte(), stamps: fc.array(long(), { maxLength: 3 }) }),
  kindOf('unknown4', { type: fc.constantFrom(30, 94, 158, 130, 136), data: fc.uint8Array({ maxLength: 8 }) }),
);

const length4 = (option: Ipv4Option): number => {
  switch (option.kind) {
    case 'nop4': return 1;
    case 'router-alert': return 4;
    case 'route': return 3 + 4 * option.hops.length;
    case 'timestamp4': return 4 + 4 * option.stamps.length;
    case 'unknown4': return 2 + option.data.length;
  }
};

const fitting4 = (options: readonly Ipv4Option[]): Ipv4Option[] => {
  let room = 40;
  return options.filter((option) => (length4(option) <= room ? ((room -= length4(option)), true) : false));
};

export const ipv6Option = (): fc.Arbitrary<Ipv6Option> => fc.oneof<fc.Arbitrary<Ipv6Option>[]>(
  kindOf('pad', { length: fc.integer({ min: 1, max: 6 }) }),
  kindOf('router-alert6', { value: word() }),
  kindOf('jumbo', { length: long() }),
  kindOf('unknown6', { type: fc.constantFrom(0x1e, 0x3e, 0x5e, 0x9e, 0xde), data: fc.uint8Array({ maxLength: 8 }) }),
);

/** In the order RFC 8200 §4.1 recommends; without Fragment, which `fragmentsOf` writes. */
export const extensions = (): fc.Arbitrary<Extension[]> => fc.oneof(
  { weight: 3, arbitrary: fc.constant<Extension[]>([]) },
  {
    weight: 1,
    arbitrary: fc.tuple(
      fc.option(kindOf('hop-by-hop', { options: fc.array(ipv6Option(), { maxLength: 3 }) })),
      fc.option(kindOf('routing', { type: fc.constantFrom(0, 2, 3, 4, 253), segmentsLeft: fc.constantFrom(0, 0, 1), hops: fc.array(ipv6Text(), { maxLength: 2 }) })),
      fc.option(kindOf('destination-options', { options: fc.array(ipv6Option(), { maxLength: 3 }) })),
    ).map((all) => all.filter((each) => each !== null) as Extension[]),
  },
);

/** @param quoting  an error quotes a packet, and that no error */
function content(family: 4 | 6, knobs: PacketKnobs, quoting: boolean): fc.Arbitrary<Content> {
  const carries = knobs.carries ?? ['tcp', 'udp', 'icmp', 'other'];
  const choices: fc.Arbitrary<Content>[] = [];
  if (carries.includes('tcp')) choices.push(tcpSegment(knobs));
  if (carries.includes('udp')) choices.push(udpDatagram(knobs));
  if (carries.includes('icmp')) {
    choices.push(icmpEcho(knobs), icmpOther(knobs));
    if (family === 6) choices.push(ndp(knobs));
    if (quoting) choices.push(icmpError(family, packet(family, { ...knobs, payloadMax: 20 }, false).map(encodePacket), knobs));
  }
  if (carries.includes('other')) {
    choices.push(kindOf('protocol', { payload: bytes(knobs.payloadMax ?? 64), protocol: fc.constantFrom(2, 47, 50, 51, 132, 253, 254) }));
  }
  return fc.oneof(...choices);
}

function packet(family: 4 | 6, knobs: PacketKnobs, quoting: boolean): fc.Arbitrary<IpPacket> {
  const withOptions = knobs.options ?? true;
  if (family === 4) {
    return kindOf('ipv4', {
      options: withOptions ? fc.oneof({ weight: 4, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fc.array(ipv4Option(), { maxLength: 4 }).map(fitting4) })
        : fc.constant([]),
      content: content(4, knobs, quoting), source: ipv4Text(), destination: ipv4Text(), trafficClass: fc.oneof(fc.constant(0), byte()),
      identification: word(), dontFragment: fc.boolean(), moreFragments: fc.constant(false), fragmentOffset: fc.constant(0),
      timeToLive: fc.constantFrom(64, 64, 64, 255, 1, 0), checksumOff: offBy(knobs.invalidChecksum ?? 0),
    });
  }
  return kindOf('ipv6', {
    extensions: withOptions ? extensions() : fc.constant([]), content: content(6, knobs, quoting), source: ipv6Text(), destination: ipv6Text(),
    trafficClass: fc.oneof(fc.constant(0), byte()), flowLabel: fc.oneof(fc.constant(0), fc.nat(0xf_ffff)), hopLimit: fc.constantFrom(64, 64, 255, 255, 1, 0),
  });
}

/** Not yet shrunk in order: `frames.ts` does that for what it hands out. */
export const anyPacket = (knobs: PacketKnobs = {}): fc.Arbitrary<IpPacket> =>
  knobs.family === undefined ? fc.oneof(packet(4, knobs, true), packet(6, knobs, true)) : packet(knobs.family, knobs, true);

// From descriptions to bytes.

const PROTOCOLS = { tcp: 6, udp: 17 } as const;
const NEXT = { 'hop-by-hop': 0, routing: 43, fragment: 44, 'destination-options': 60 } as const;

export function protocolOf(c: Content, family: 4 | 6): number {
  if (c.kind === 'tcp' || c.kind === 'udp') return PROTOCOLS[c.kind];
  return c.kind === 'protocol' ? c.protocol : family === 4 ? 1 : 58;
}

/** What follows the IP headers, its checksum right, or off by what the description says. */
export function encodeContent(c: Content, family: 4 | 6, source: string, destination: string): Uint8Array<ArrayBuffer> {
  if (c.kind === 'protocol') return Uint8Array.from(c.payload);
  const isIcmp = c.kind !== 'tcp' && c.kind !== 'udp';
  const b = c.kind === 'tcp' ? writeTcp(c) : c.kind === 'udp' ? writeUdp(c) : writeIcmp(c, family);
  if (c.kind === 'udp' && c.isUnsummed) return b;
  // RFC 9293 §3.1, RFC 8200 §8.1: the pseudo-header. ICMP of IPv4 has none (RFC 792).
  const addresses = [...ipBytes(source), ...ipBytes(destination)];
  const pseudo = isIcmp && family === 4 ? 0
    : sumBytes(new Writer().put(addresses).u32(b.length).u32(protocolOf(c, family)).take(), 0, addresses.length + 8);
  const field = c.kind === 'tcp' ? 16 : c.kind === 'udp' ? 6 : 2;
  seal(b, 0, b.length, field, pseudo, c.checksumOff);
  // RFC 768: a sum of zero goes as all ones.
  if (c.kind === 'udp' && b[6] === 0 && b[7] === 0) b.fill(0xff, 6, 8);
  return b;
}

export function encodePacket(p: IpPacket): Uint8Array<ArrayBuffer> {
  return p.kind === 'ipv4' ? encode4(p) : encode6(p);
}

function encode4(p: Ipv4Packet): Uint8Array<ArrayBuffer> {
  const list = new Writer();
  for (const option of p.options) {
    switch (option.kind) {
      case 'nop4': list.u8(1); break;
      case 'router-alert': list.u8(148).u8(4).u16(option.value); break;
      case 'route': list.u8(option.type).u8(3 + 4 * option.hops.length).u8(option.pointer); for (const hop of option.hops) list.put(ipBytes(hop)); break;
      case 'timestamp4': list.u8(68).u8(4 + 4 * option.stamps.length).u8(option.pointer).u8(option.flags); for (const each of option.stamps) list.u32(each); break;
      case 'unknown4': list.u8(option.type).u8(2 + option.data.length).put(option.data); break;
    }
  }
  const options = list.pad(4).take();
  const body = encodeContent(p.content, 4, p.source, p.destination);
  const header = 20 + options.length;
  const w = new Writer().u8(0x40 | (header >> 2)).u8(p.trafficClass).u16(header + body.length).u16(p.identification);
  w.u16((p.dontFragment ? 0x4000 : 0) | (p.moreFragments ? 0x2000 : 0) | p.fragmentOffset);
  w.u8(p.timeToLive).u8(protocolOf(p.content, 4)).u16(0).put(ipBytes(p.source)).put(ipBytes(p.destination)).put(options).put(body);
  const b = w.take();
  seal(b, 0, header, 10, 0, p.checksumOff);
  return b;
}

function encode6(p: Ipv6Packet): Uint8Array<ArrayBuffer> {
  const protocol = protocolOf(p.content, 6);
  const behind = new Writer();
  for (const [i, extension] of p.extensions.entries()) {
    const following = p.extensions[i + 1];
    behind.put(encodeExtension(extension, following === undefined ? protocol : NEXT[following.kind]));
  }
  behind.put(encodeContent(p.content, 6, p.source, p.destination));
  const first = p.extensions[0];
  const w = new Writer().u32(0x6000_0000 | (p.trafficClass << 20) | p.flowLabel).u16(behind.length);
  w.u8(first === undefined ? protocol : NEXT[first.kind]).u8(p.hopLimit).put(ipBytes(p.source)).put(ipBytes(p.destination));
  return w.put(behind.take()).take();
}

function encodeExtension(extension: Extension, next: number): Uint8Array {
  const w = new Writer().u8(next);
  if (extension.kind === 'fragment') {
    return w.u8(0).u16((extension.offset << 3) | (extension.more ? 1 : 0)).u32(extension.identification).take();
  }
  const rest = new Writer();
  if (extension.kind === 'routing') {
    rest.u8(extension.type).u8(extension.segmentsLeft).u32(0);
    for (const hop of extension.hops) rest.put(ipBytes(hop));
  } else {
    for (const option of extension.options) {
      switch (option.kind) {
        case 'pad': if (option.length <= 1) rest.u8(0); else rest.u8(1).u8(option.length - 2).zeros(option.length - 2); break;
        case 'router-alert6': rest.u8(5).u8(2).u16(option.value); break;
        case 'jumbo': rest.u8(0xc2).u8(4).u32(option.length); break;
        case 'unknown6': rest.u8(option.type).u8(option.data.length).put(option.data); break;
      }
    }
    const padding = (8 - ((2 + rest.length) & 7)) & 7;
    if (padding === 1) rest.u8(0);
    else if (padding > 1) rest.u8(1).u8(padding - 2).zeros(padding - 2);
    if (rest.length === 0) rest.u8(1).u8(4).zeros(4);
  }
  return w.u8((2 + rest.length) / 8 - 1).put(rest.take()).take();
}

/**
 * `whole` as fragments of `size` bytes each, a multiple of eight; the last one is what is left. RFC 791 §2.3, RFC 8200 §4.5.
 * The fragments of IPv6 repeat the extension headers up to routing; those behind it are part of what is cut.
 */
export function fragmentsOf(whole: IpPacket, size: number): IpPacket[] {
  const family = whole.kind === 'ipv4' ? 4 : 6;
  const body = encodeContent(whole.content, family, whole.source, whole.destination);
  const protocol = protocolOf(whole.content, family);
  const pieces: IpPacket[] = [];
  for (let at = 0; at === 0 || at < body.length; at += size) {
    const piece: Content = { kind: 'protocol', protocol, payload: body.slice(at, at + size) };
    const more = at + size < body.length;
    pieces.push(whole.kind === 'ipv4'
      ? { ...whole, content: piece, dontFragment: false, moreFragments: more, fragmentOffset: at >> 3 }
      : {
        ...whole, content: piece,
        extensions: [
          ...whole.extensions.filter(({ kind }) => kind === 'hop-by-hop' || kind === 'routing'),
          { kind: 'fragment', offset: at >> 3, more, identification: whole.flowLabel + 1 },
        ],
      });
  }
  return pieces;
}
