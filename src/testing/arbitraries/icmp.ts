// ICMP of both families, with Neighbor Discovery and its options. RFC 792, 1191, 4443, 4861 §4.

import fc from 'fast-check';

import { byte, bytes, ipBytes, ipv6Text, kindOf, long, offBy, word } from './values.js';
import { mac } from './link.js';
import { macBytes, Writer } from './writer.js';

export interface IcmpEcho {
  readonly kind: 'echo';
  readonly payload: Uint8Array;
  readonly isReply: boolean;
  readonly identifier: number;
  readonly sequence: number;
  readonly checksumOff: number;
}

/** An error, which quotes a packet: as bytes, for it may be cut off anywhere. */
export interface IcmpError {
  readonly kind: 'icmp-error';
  readonly payload: Uint8Array;
  readonly type: number;
  readonly code: number;
  /** The second word: an MTU, a pointer, nothing. */
  readonly rest: number;
  readonly checksumOff: number;
}

/** Whatever else has a type and a code. */
export interface IcmpOther {
  readonly kind: 'icmp-other';
  readonly payload: Uint8Array;
  readonly type: number;
  readonly code: number;
  readonly rest: number;
  readonly checksumOff: number;
}

export type NdpOption =
  | { readonly kind: 'link-address'; readonly isTarget: boolean; readonly mac: string }
  | { readonly kind: 'prefix'; readonly prefixLength: number; readonly flags: number; readonly valid: number; readonly preferred: number; readonly prefix: string }
  | { readonly kind: 'mtu'; readonly mtu: number }
  | { readonly kind: 'nonce'; readonly data: Uint8Array }
  | { readonly kind: 'unknown-ndp'; readonly type: number; readonly units: number };

/** RFC 4861 §4.1 – §4.5. */
export interface Ndp {
  readonly kind: 'ndp';
  readonly options: readonly NdpOption[];
  /** 133 router solicitation, 134 its answer, 135 neighbor solicitation, 136 its answer, 137 redirect. */
  readonly type: number;
  /** The second word: flags of 136; hop limit, flags and lifetime of 134. */
  readonly rest: number;
  /** Of 135, 136 and 137. */
  readonly target: string;
  /** Of 137. */
  readonly destination: string;
  /** Of 134, ms. */
  readonly reachable: number;
  readonly retransmit: number;
  readonly checksumOff: number;
}

export type Icmp = IcmpEcho | IcmpError | IcmpOther | Ndp;

export const ICMP_MANNERS = {
  'icmp-error': { type: 3 },
  ndp: { type: 135, target: 'fd00::2', destination: 'fd00::2' },
  'link-address': { mac: '02:00:00:00:00:01' },
  mtu: { mtu: 1500 },
  'unknown-ndp': { type: 253, units: 1 },
};

export interface IcmpKnobs {
  readonly payloadMax?: number;
  readonly invalidChecksum?: number;
}

export const icmpEcho = ({ payloadMax = 64, invalidChecksum = 0 }: IcmpKnobs = {}): fc.Arbitrary<IcmpEcho> => kindOf('echo', {
  payload: bytes(payloadMax), isReply: fc.boolean(), identifier: word(), sequence: word(), checksumOff: offBy(invalidChecksum),
});

/** @param quote  bytes of packets to be quoted, whole or cut */
export const icmpError = (family: 4 | 6, quote: fc.Arbitrary<Uint8Array>, { invalidChecksum = 0 }: IcmpKnobs = {}): fc.Arbitrary<IcmpError> =>
  kindOf('icmp-error', {
    payload: fc.oneof({ weight: 4, arbitrary: quote }, { weight: 1, arbitrary: fc.tuple(quote, fc.nat(60)).map(([whole, length]) => whole.slice(0, length)) }),
    type: family === 4 ? fc.constantFrom(3, 4, 5, 11, 12) : fc.constantFrom(1, 2, 3, 4),
    code: fc.nat(15), rest: fc.oneof(fc.constantFrom(0, 68, 576, 1280, 1400, 1500), long()), checksumOff: offBy(invalidChecksum),
  });

export const icmpOther = ({ payloadMax = 64, invalidChecksum = 0 }: IcmpKnobs = {}): fc.Arbitrary<IcmpOther> => kindOf('icmp-other', {
  payload: bytes(payloadMax), type: byte(), code: byte(), rest: long(), checksumOff: offBy(invalidChecksum),
});

export const ndpOption = (): fc.Arbitrary<NdpOption> => fc.oneof<fc.Arbitrary<NdpOption>[]>(
  kindOf('link-address', { isTarget: fc.boolean(), mac: mac() }),
  kindOf('prefix', { prefixLength: fc.nat(128), flags: fc.constantFrom(0, 0x40, 0x80, 0xc0), valid: long(), preferred: long(), prefix: ipv6Text() }),
  kindOf('mtu', { mtu: fc.oneof(fc.constantFrom(1280, 1500), long()) }),
  kindOf('nonce', { data: fc.uint8Array({ minLength: 6, maxLength: 6 }) }),
  kindOf('unknown-ndp', { type: fc.integer({ min: 15, max: 255 }), units: fc.integer({ min: 1, max: 4 }) }),
);

export const ndp = ({ invalidChecksum = 0 }: IcmpKnobs = {}): fc.Arbitrary<Ndp> => kindOf('ndp', {
  options: fc.array(ndpOption(), { maxLength: 3 }), type: fc.constantFrom(133, 134, 135, 135, 136, 136, 137),
  rest: fc.oneof(fc.constantFrom(0, 0x2000_0000, 0x4000_0000, 0x6000_0000, 0xe000_0000), long()),
  target: ipv6Text(), destination: ipv6Text(), reachable: long(), retransmit: long(), checksumOff: offBy(invalidChecksum),
});

/** With a checksum of zero, which stands at 2. */
export function writeIcmp(m: Icmp, family: 4 | 6): Uint8Array<ArrayBuffer> {
  const w = new Writer();
  switch (m.kind) {
    case 'echo':
      w.u8(family === 4 ? (m.isReply ? 0 : 8) : (m.isReply ? 129 : 128)).u8(0).u16(0).u16(m.identifier).u16(m.sequence);
      break;
    case 'ndp': {
      w.u8(m.type).u8(0).u16(0).u32(m.rest);
      if (m.type === 134) w.u32(m.reachable).u32(m.retransmit);
      if (m.type >= 135) w.put(ipBytes(m.target));
      if (m.type === 137) w.put(ipBytes(m.destination));
      for (const option of m.options) writeNdpOption(w, option);
      return w.take();
    }
    default:
      w.u8(m.type).u8(m.code).u16(0).u32(m.rest);
  }
  return w.put(m.payload).take();
}

function writeNdpOption(w: Writer, option: NdpOption): void {
  switch (option.kind) {
    case 'link-address': w.u8(option.isTarget ? 2 : 1).u8(1).put(macBytes(option.mac)); break;
    case 'prefix':
      w.u8(3).u8(4).u8(option.prefixLength).u8(option.flags).u32(option.valid).u32(option.preferred).u32(0).put(ipBytes(option.prefix));
      break;
    case 'mtu': w.u8(5).u8(1).u16(0).u32(option.mtu); break;
    // A shorter one, as shrinking makes, is filled up: options count in eights.
    case 'nonce': w.u8(14).u8(1).put(option.data).zeros(6 - option.data.length); break;
    case 'unknown-ndp': w.u8(option.type).u8(option.units || 1).zeros((option.units || 1) * 8 - 2); break;
  }
}
