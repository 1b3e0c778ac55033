// Script packets as bytes, and bytes as script packets: a second hand for every format, nothing of the stack's is used.
// RFC 791, 8200, 9293 §3.1, 768, 792, 4443. Numbers stay as they are; the runner translates.

import type { Address } from '../../address.js';
import { i32, setU16, setU32, u16, u32 } from '../../bytes.js';
import { finish, pseudoSum, sumBytes } from '../../checksum.js';
import type { Echoed, IcmpPacket, IpInfo, PacketEvent, TcpOption, TcpPacket, UdpPacket } from './ast.js';
import { icmpNames, icmpNumbers } from './icmp-names.js';

export interface Way {
  readonly family: 4 | 6;
  readonly from: Address;
  readonly to: Address;
  readonly fromPort: number;
  readonly toPort: number;
}

const ECN_BITS = { noecn: 0, ect1: 1, ect0: 2, ce: 3, ect01: 2 } as const;

export const FLAG_BITS: readonly (readonly [string, number])[] =
  [['F', 1], ['S', 2], ['R', 4], ['P', 8], ['.', 16], ['U', 32], ['E', 64], ['W', 128], ['A', 256]];

export const flagBits = (flags: string): number =>
  FLAG_BITS.reduce((bits, [letter, bit]) => bits | (flags.includes(letter) ? bit : 0), aceOf(flags) === null ? 0 : aceBits(aceOf(flags)!));

/** AccECN's counter behind the letters. RFC 9768 §3.1.1: AE, CWR and ECE are its bits. */
export const aceOf = (flags: string): number | null => {
  const digits = /\d+$/.exec(flags);
  return digits === null ? null : Number(digits[0]);
};

const aceBits = (ace: number): number => ((ace & 4) << 6) | ((ace & 2) << 6) | ((ace & 1) << 6);

/** @param text  the byte at an offset of the payload, counted from the packet's sequence number */
export function encodeTcp(p: TcpPacket, way: Way, text: (seq: number) => number): Uint8Array {
  const options = encodeOptions(p.options ?? []);
  const b = new Uint8Array(20 + options.length + p.length);
  setU16(b, 0, way.fromPort);
  setU16(b, 2, way.toPort);
  setU32(b, 4, p.start);
  setU32(b, 8, p.ack ?? 0);
  setU16(b, 12, (((20 + options.length) / 4) << 12) | flagBits(p.flags));
  setU16(b, 14, p.win ?? 0);
  setU16(b, 18, p.urg ?? 0);
  b.set(options, 20);
  // A SYN has the number before its text.
  const first = p.start + (p.flags.includes('S') ? 1 : 0);
  for (let i = 0; i < p.length; i++) b[20 + options.length + i] = text(first + i);
  setU16(b, 16, finish(sumBytes(b, 0, b.length, pseudoSum(way.from, way.to, 6, b.length))));
  return around(6, b, way, p.ip);
}

export function encodeUdp(p: UdpPacket, way: Way): Uint8Array {
  const b = new Uint8Array(8 + p.length);
  setU16(b, 0, way.fromPort);
  setU16(b, 2, way.toPort);
  setU16(b, 4, b.length);
  setU16(b, 6, finish(sumBytes(b, 0, b.length, pseudoSum(way.from, way.to, 17, b.length))) || 0xffff);
  return around(17, b, way, p.ip);
}

/** @param protocol  of the packet that it speaks of, where the script does not say it. Null: there is no such ICMP */
export function encodeIcmp(p: IcmpPacket, way: Way, protocol: 6 | 17): Uint8Array | null {
  const numbers = icmpNumbers(way.family, p.type, p.code);
  if (numbers === null) return null;
  const isEcho = p.type.startsWith('echo');
  const quoted = isEcho ? new Uint8Array(0) : quote(p.echoed, way, protocol);
  const b = new Uint8Array(8 + quoted.length);
  b[0] = numbers.type;
  b[1] = numbers.code;
  setU32(b, 4, isEcho ? (p.id ?? 0) << 16 : p.mtu ?? 0);
  b.set(quoted, 8);
  const sum = way.family === 4 ? 0 : pseudoSum(way.from, way.to, 58, b.length);
  setU16(b, 2, finish(sumBytes(b, 0, b.length, sum)));
  return around(way.family === 4 ? 1 : 58, b, way, p.ip);
}

/** The first bytes of our packet that an error speaks of, going the other way. */
function quote(echoed: Echoed | null, way: Way, protocol: 6 | 17): Uint8Array {
  const number = echoed === null ? protocol : { tcp: 6, udp: 17, raw: 255 }[echoed.protocol];
  const b = new Uint8Array(number === 6 ? 20 : 8);
  setU16(b, 0, way.toPort);
  setU16(b, 2, way.fromPort);
  const length = echoed?.length ?? 0;
  if (number === 6) {
    setU32(b, 4, echoed?.protocol === 'tcp' ? echoed.start : 0);
    setU16(b, 12, 0x5010);
  } else {
    setU16(b, 4, 8 + length);
  }
  return around(number, b, { ...way, from: way.to, to: way.from }, null, b.length + length);
}

/** The IP packet with `payload`, or with the first bytes of one that is `total` long. */
function around(protocol: number, payload: Uint8Array, way: Way, ip: IpInfo | null, total = payload.length): Uint8Array {
  const header = way.family === 4 ? 20 : 40;
  const b = new Uint8Array(header + payload.length);
  const tos = ip?.tos ?? ECN_BITS[ip?.ecn ?? 'noecn'];
  const ttl = ip?.ttl ?? 255;
  if (way.family === 4) {
    setU16(b, 0, 0x4500 | tos);
    setU16(b, 2, header + total);
    setU16(b, 6, 0x4000);
    setU16(b, 8, (ttl << 8) | protocol);
    setU32(b, 12, way.from.w3);
    setU32(b, 16, way.to.w3);
    setU16(b, 10, finish(sumBytes(b, 0, 20)));
  } else {
    setU32(b, 0, 0x6000_0000 | (tos << 20) | (ip?.flowLabel ?? 0));
    setU16(b, 4, total);
    setU16(b, 6, (protocol << 8) | ttl);
    [way.from, way.to].forEach((a, i) => [a.w0, a.w1, a.w2, a.w3].forEach((w, j) => setU32(b, 8 + 16 * i + 4 * j, w)));
  }
  b.set(payload, header);
  return b;
}

function encodeOptions(options: readonly TcpOption[]): Uint8Array {
  const bytes = options.flatMap(encodeOption);
  while (bytes.length % 4 !== 0) bytes.push(0);
  return Uint8Array.from(bytes);
}

const quad = (n: number): number[] => [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255];
const pairs = (hex: string): number[] => (hex.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16));

function encodeOption(o: TcpOption): number[] {
  switch (o.name) {
    case 'eol': return [0];
    case 'nop': return [1];
    case 'mss': return [2, 4, o.value >> 8, o.value & 255];
    case 'wscale': return [3, 3, o.value];
    case 'sackOK': return [4, 2];
    case 'sack': return [5, 2 + 8 * o.blocks.length, ...o.blocks.flatMap(([from, to]) => [...quad(from), ...quad(to)])];
    case 'TS': return [8, 10, ...quad(o.val), ...quad(o.ecr)];
    case 'md5': return [19, 18, ...pairs(o.hex.padEnd(32, '0'))];
    case 'FO': return [34, 2 + o.hex.length / 2, ...pairs(o.hex)];
    // RFC 6994: the experiment's number.
    case 'FOEXP': return [254, 4 + o.hex.length / 2, 0xf9, 0x89, ...pairs(o.hex)];
    case 'ECN': {
      // RFC 9768 §3.2.3: kind 172 has ECT(0) first, 174 ECT(1).
      const kind = o.counters[0]?.[0] === 'e0b' ? 172 : 174;
      return [kind, 2 + 3 * o.counters.length, ...o.counters.flatMap(([, value]) => quad(value).slice(1))];
    }
  }
}

/** A packet that was sent. */
export interface Live {
  readonly at: number;
  readonly event: PacketEvent;
  readonly ports: { readonly src: number; readonly dst: number };
  readonly tos: number;
  readonly ttl: number;
  readonly flowLabel: number;
  readonly payload: Uint8Array;
}

/** @returns null for what is neither TCP, UDP nor ICMP */
export function decode(packet: Uint8Array, at: number): Live | null {
  const family = packet[0]! >>> 4 === 4 ? 4 : 6;
  const header = family === 4 ? (packet[0]! & 15) * 4 : 40;
  const protocol = family === 4 ? packet[9]! : packet[6]!;
  const b = packet.subarray(header);
  const common = family === 4
    ? { at, tos: packet[1]!, ttl: packet[8]!, flowLabel: 0 }
    : { at, tos: (u16(packet, 0) >>> 4) & 255, ttl: packet[7]!, flowLabel: u32(packet, 0) & 0xfffff };
  const ports = { src: u16(b, 0), dst: u16(b, 2) };
  if (protocol === 6) return { ...common, ports, event: decodeTcp(b), payload: b.subarray((b[12]! >>> 4) * 4) };
  if (protocol === 17) {
    return { ...common, ports, event: { kind: 'udp', way: '>', ip: null, ports: null, length: b.length - 8 }, payload: b.subarray(8) };
  }
  if (protocol !== 1 && protocol !== 58) return null;
  return { ...common, ports: { src: 0, dst: 0 }, event: decodeIcmp(family, b), payload: b.subarray(8) };
}

function decodeIcmp(family: 4 | 6, b: Uint8Array): IcmpPacket {
  const { type, code } = icmpNames(family, b[0]!, b[1]!);
  const hasMtu = type === 'packet_too_big' || code === 'frag_needed';
  return {
    kind: 'icmp', way: '>', ip: null, type, code, mtu: hasMtu ? u32(b, 4) : null,
    id: type.startsWith('echo') ? u16(b, 4) : null, echoed: null,
  };
}

function decodeTcp(b: Uint8Array): TcpPacket {
  const bits = u16(b, 12) & 0x1ff;
  const header = (b[12]! >>> 4) * 4;
  return {
    kind: 'tcp', way: '>', ip: null, ports: null, origin: 'isn',
    flags: FLAG_BITS.map(([letter, bit]) => ((bits & bit) === 0 ? '' : letter)).sort((x, y) => ORDER.indexOf(x) - ORDER.indexOf(y)).join(''),
    start: u32(b, 4), length: b.length - header, ack: (bits & 16) === 0 ? null : u32(b, 8),
    win: u16(b, 14), urg: (bits & 32) === 0 ? null : u16(b, 18), options: decodeOptions(b, header),
  };
}

/** As scripts write them. */
const ORDER = 'FSRPUEWA.';

function decodeOptions(b: Uint8Array, end: number): TcpOption[] {
  const options: TcpOption[] = [];
  for (let at = 20; at < end;) {
    const kind = b[at]!;
    const length = kind < 2 ? 1 : Math.max(2, b[at + 1]!);
    options.push(decodeOption(b, at, kind, length));
    at += length;
  }
  return options;
}

const hexOf = (b: Uint8Array): string => [...b].map((byte) => byte.toString(16).padStart(2, '0')).join('');

function decodeOption(b: Uint8Array, at: number, kind: number, length: number): TcpOption {
  switch (kind) {
    case 0: return { name: 'eol' };
    case 1: return { name: 'nop' };
    case 2: return { name: 'mss', value: u16(b, at + 2) };
    case 3: return { name: 'wscale', value: b[at + 2]! };
    case 4: return { name: 'sackOK' };
    case 5: {
      const blocks = Array.from({ length: (length - 2) / 8 }, (_, i) => [u32(b, at + 2 + 8 * i), u32(b, at + 6 + 8 * i)] as const);
      return { name: 'sack', blocks };
    }
    case 8: return { name: 'TS', val: i32(b, at + 2) >>> 0, ecr: i32(b, at + 6) >>> 0 };
    case 19: return { name: 'md5', hex: hexOf(b.subarray(at + 2, at + length)) };
    case 34: return { name: 'FO', hex: hexOf(b.subarray(at + 2, at + length)) };
    case 254: return { name: 'FOEXP', hex: hexOf(b.subarray(at + 4, at + length)) };
    case 172: case 174: {
      const names = kind === 172 ? ['e0b', 'ceb', 'e1b'] as const : ['e1b', 'ceb', 'e0b'] as const;
      const count = (length - 2) / 3;
      return { name: 'ECN', counters: names.slice(0, count).map((name, i) => [name, u32(b, at + 1 + 3 * i) & 0xffffff] as const) };
    }
    default: return { name: 'FOEXP', hex: hexOf(b.subarray(at, at + length)) };
  }
}
