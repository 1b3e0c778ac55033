// ICMP messages in place, of both families: they begin alike. RFC 792, RFC 4443 §2.1, RFC 1191 §4, RFC 4884 §4;
// Neighbor Discovery's by RFC 4861 §4.
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +---------------+---------------+-------------------------------+
//  0|     type      |     code      |           checksum            |
//   +---------------+---------------+-------------------------------+
//  4|          identifier           |        sequence number        |  echo
//   +---------------+---------------+-------------------------------+
//  4|    pointer    |    length     |              MTU              |  errors of IPv4
//   +---------------+---------------+-------------------------------+
//  4|   MTU, pointer, or length in the first byte and then zeros    |  errors of IPv6
//   +---------------------------------------------------------------+
//  8|               data, or the quoted packet                      |
//
// Checked once, trusted after: if `isWellFormed(b, at, end)`, no accessor leaves `[at, end)`.
// Accessors do not validate, setters do not mask beyond their width.

import { setU16, setU32, u16, u32 } from '../bytes.js';

/** Of every message that we know. */
export const HEADER_LENGTH = 8;

export const isWellFormed = (_b: Uint8Array, at: number, end: number): boolean => end - at >= 8;

export const type = (b: Uint8Array, at: number): number => b[at]!;
export const code = (b: Uint8Array, at: number): number => b[at + 1]!;
export const checksum = (b: Uint8Array, at: number): number => u16(b, at + 2);

export const identifier = (b: Uint8Array, at: number): number => u16(b, at + 4);
export const sequence = (b: Uint8Array, at: number): number => u16(b, at + 6);

/** RFC 1191 §4: the MTU of the next hop, 0 from a router that does not know RFC 1191. */
export const mtu4 = (b: Uint8Array, at: number): number => u16(b, at + 6);
/** RFC 4443 §3.2. */
export const mtu6 = (b: Uint8Array, at: number): number => u32(b, at + 4);
/** RFC 4884 §4.1, §5.1: bytes of the quoted packet, if extensions follow it; 0: the quote goes to the end. */
export const quoteLength4 = (b: Uint8Array, at: number): number => b[at + 5]! * 4;
export const quoteLength6 = (b: Uint8Array, at: number): number => b[at + 4]! * 8;

export const setType = (b: Uint8Array, at: number, value: number): void => {
  b[at] = value;
};
export const setChecksum = (b: Uint8Array, at: number, value: number): void => setU16(b, at + 2, value);

/**
 * The first eight bytes, with a checksum of 0 for now.
 *
 * @param typeAndCode  the 16 bits at offset 0
 * @param rest         the 32 bits at offset 4
 */
export function setHeader(b: Uint8Array, at: number, typeAndCode: number, rest: number): void {
  setU32(b, at, typeAndCode << 16);
  setU32(b, at + 4, rest);
}

/** RFC 792, and RFC 1256, RFC 950 for 9, 10, 17 and 18. */
export const V4 = {
  echoReply: 0, unreachable: 3, sourceQuench: 4, redirect: 5, echo: 8, routerAdvertisement: 9, routerSolicitation: 10,
  timeExceeded: 11, parameterProblem: 12, timestamp: 13, timestampReply: 14, information: 15, informationReply: 16,
  addressMask: 17, addressMaskReply: 18,
} as const;

/** RFC 4443, RFC 4861 §4, and RFC 2710, RFC 3810 for 130 to 132 and 143. */
export const V6 = {
  unreachable: 1, packetTooBig: 2, timeExceeded: 3, parameterProblem: 4, echo: 128, echoReply: 129, listenerQuery: 130,
  listenerReport: 131, listenerDone: 132, routerSolicitation: 133, routerAdvertisement: 134, neighborSolicitation: 135,
  neighborAdvertisement: 136, redirect: 137, listenerReport2: 143,
} as const;

// Neighbor Discovery: solicitation and advertisement. RFC 4861 §4.3, §4.4.
//
//   +---------------+---------------+-------------------------------+
//  0|  135 or 136   |       0       |           checksum            |
//   +-+-+-+-------------------------+-------------------------------+
//  4|R|S|O|                      reserved                           |
//   +-+-+-+---------------------------------------------------------+
//  8|                        target address                         |
//   |                                                               |
//   +---------------+---------------+-------------------------------+
// 24|     type      |    length     |            option             |
//   +---------------+---------------+-------------------------------+

export const ROUTER = 0x80;
export const SOLICITED = 0x40;
export const OVERRIDE = 0x20;

/** Without options. */
export const NEIGHBOR_LENGTH = 24;

export const flags = (b: Uint8Array, at: number): number => b[at + 4]!;
/** Where the target stands. */
export const target = (at: number): number => at + 8;

/** RFC 4861 §4.6.1: one unit of eight bytes, with an Ethernet address. */
export const SOURCE_LINK_ADDRESS = 1;
export const TARGET_LINK_ADDRESS = 2;

export const optionType = (b: Uint8Array, at: number): number => b[at]!;
/** Bytes. Legal from 8. */
export const optionLength = (b: Uint8Array, at: number): number => b[at + 1]! * 8;
