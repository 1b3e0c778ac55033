// IPv4 and IPv6 headers in place, and IPv6's extension headers. RFC 791 §3.1, RFC 8200 §3 and §4.
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +-------+-------+---------------+-------------------------------+
//  0|   4   |  IHL  |    DSCP, ECN  |         total length          |
//  4|        identification         |0|D|M|     fragment offset     |
//  8| time to live  |   protocol    |        header checksum        |
// 12|                            source                             |
// 16|                          destination                          |
// 20|                      options, up to 40 bytes                  |
//   +---------------------------------------------------------------+
//
// Checked once, trusted after: if `problem4(b, at, end)` is null, no accessor of IPv4 leaves `[at, end)`;
// likewise `problem6` and IPv6. Accessors do not validate, setters do not mask beyond their width.

import { type Address, write16, write4 } from '../address.js';
import { i32, setU16, setU32, u16 } from '../bytes.js';
import type { DropReason } from '../counters.js';

/** 4 or 6 in what we take. `b[at]` must exist. */
export const version = (b: Uint8Array, at: number): number => b[at]! >>> 4;

/**
 * Why `b[at .. end)` cannot begin with an IPv4 header, or null. `end` may lie behind the packet: link
 * padding.
 */
export function problem4(b: Uint8Array, at: number, end: number): DropReason | null {
  if (end - at < 20) return 'ip-truncated';
  // RFC 1122 §3.2.1.1: a version other than 4 is dropped silently.
  if (version(b, at) !== 4) return 'ip-bad-version';
  const header = headerLength4(b, at);
  if (header < 20) return 'ip-bad-header-length';
  const total = totalLength4(b, at);
  // RFC 791 §3.1. Each comparison comes before the subtraction that trusts it.
  if (total < header || total > end - at) return 'ip-bad-total-length';
  // RFC 1122 §3.2.1.2: a bad checksum is dropped silently. No offload covers it, and it is ten additions.
  return headerSum(b, at, header) === 0xffff ? null : 'ip-bad-checksum';
}

/** The folded sum over an IPv4 header; 0xffff of a good one. */
export function headerSum(b: Uint8Array, at: number, length: number): number {
  let sum = 0;
  for (let i = at; i < at + length; i += 2) sum += (b[i]! << 8) | b[i + 1]!;
  sum = (sum >>> 16) + (sum & 0xffff);
  return (sum >>> 16) + (sum & 0xffff);
}

/** Bytes, options included. */
export const headerLength4 = (b: Uint8Array, at: number): number => (b[at]! & 0x0f) * 4;
export const trafficClass4 = (b: Uint8Array, at: number): number => b[at + 1]!;
export const totalLength4 = (b: Uint8Array, at: number): number => u16(b, at + 2);
export const identification4 = (b: Uint8Array, at: number): number => u16(b, at + 4);
/** The word with both flags and the offset; `& IS_FRAGMENT` tells whether it is one. */
export const fragmentWord4 = (b: Uint8Array, at: number): number => u16(b, at + 6);
export const ttl4 = (b: Uint8Array, at: number): number => b[at + 8]!;
export const protocol4 = (b: Uint8Array, at: number): number => b[at + 9]!;
export const checksum4 = (b: Uint8Array, at: number): number => u16(b, at + 10);
export const source4 = (at: number): number => at + 12;
export const destination4 = (at: number): number => at + 16;

export const DONT_FRAGMENT = 0x4000;
export const MORE_FRAGMENTS = 0x2000;
/** Any of M and the offset. */
export const IS_FRAGMENT = 0x3fff;
/** Bytes of the fragment's offset. */
export const fragmentOffset4 = (word: number): number => (word & 0x1fff) << 3;

export const setTotalLength4 = (b: Uint8Array, at: number, value: number): void => setU16(b, at + 2, value);
export const setIdentification4 = (b: Uint8Array, at: number, value: number): void => setU16(b, at + 4, value);
export const setFragmentWord4 = (b: Uint8Array, at: number, value: number): void => setU16(b, at + 6, value);

/** Compute the checksum of the header at `at`, whose other fields are all set. */
export function setChecksum4(b: Uint8Array, at: number): void {
  setU16(b, at + 10, 0);
  setU16(b, at + 10, ~headerSum(b, at, headerLength4(b, at)) & 0xffff);
}

/**
 * Write an IPv4 header without options.
 *
 * @param hopLimitAndProtocol  the 16 bits at offset 8
 */
export function setHeader4(
  b: Uint8Array, at: number, trafficClass: number, totalLength: number, identification: number, fragmentWord: number,
  hopLimitAndProtocol: number, src: Address, dst: Address,
): void {
  const s = src.w3;
  const d = dst.w3;
  // The checksum from the fields: nothing is read back. RFC 1071 §1.
  let sum = 0x4500 + trafficClass + totalLength + identification + fragmentWord + hopLimitAndProtocol
    + (s >>> 16) + (s & 0xffff) + (d >>> 16) + (d & 0xffff);
  sum = (sum >>> 16) + (sum & 0xffff);
  sum = (sum >>> 16) + (sum & 0xffff);
  b[at] = 0x45;
  b[at + 1] = trafficClass;
  setU16(b, at + 2, totalLength);
  setU16(b, at + 4, identification);
  setU16(b, at + 6, fragmentWord);
  setU16(b, at + 8, hopLimitAndProtocol);
  setU16(b, at + 10, ~sum & 0xffff);
  write4(b, at + 12, src);
  write4(b, at + 16, dst);
}

// IPv6:
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +-------+---------------+---------------------------------------+
//  0|   6   | traffic class |              flow label               |
//  4|        payload length         |  next header  |   hop limit   |
//  8|                                                               |
// 12|                            source                             |
// 16|                                                               |
// 20|                                                               |
// 24|                                                               |
// 28|                          destination                          |
// 32|                                                               |
// 36|                                                               |
//   +---------------------------------------------------------------+

/**
 * Why `b[at .. end)` cannot begin with an IPv6 header, or null. `end` may lie behind the packet: link
 * padding.
 */
export function problem6(b: Uint8Array, at: number, end: number): DropReason | null {
  if (end - at < 40) return 'ip-truncated';
  // RFC 8200 §3.
  if (version(b, at) !== 6) return 'ip-bad-version';
  // A jumbogram (RFC 2675) says 0, and so has nothing behind its header here.
  return payloadLength6(b, at) <= end - at - 40 ? null : 'ip-bad-total-length';
}

export const trafficClass6 = (b: Uint8Array, at: number): number => ((b[at]! & 0x0f) << 4) | (b[at + 1]! >>> 4);
export const flowLabel6 = (b: Uint8Array, at: number): number => i32(b, at) & 0xf_ffff;
/** Bytes behind the fixed header. */
export const payloadLength6 = (b: Uint8Array, at: number): number => u16(b, at + 4);
export const nextHeader6 = (b: Uint8Array, at: number): number => b[at + 6]!;
export const hopLimit6 = (b: Uint8Array, at: number): number => b[at + 7]!;
export const source6 = (at: number): number => at + 8;
export const destination6 = (at: number): number => at + 24;

export const setPayloadLength6 = (b: Uint8Array, at: number, value: number): void => setU16(b, at + 4, value);

/**
 * Write an IPv6 header.
 *
 * @param nextHeaderAndHopLimit  the 16 bits at offset 6
 */
export function setHeader6(
  b: Uint8Array, at: number, trafficClass: number, flowLabel: number, payloadLength: number,
  nextHeaderAndHopLimit: number, src: Address, dst: Address,
): void {
  setU32(b, at, 0x6000_0000 | (trafficClass << 20) | flowLabel);
  setU16(b, at + 4, payloadLength);
  setU16(b, at + 6, nextHeaderAndHopLimit);
  write16(b, at + 8, src);
  write16(b, at + 24, dst);
}

// Extension headers. All but Fragment: next header, then the length in 8 bytes, the first 8 not counted.
//
//   +---------------+---------------+-------------------------------+
//  0|  next header  |   hdr. len.   |  options: type, length, value |   hop-by-hop, destination options
//   +---------------+---------------+-------------------------------+
//   +---------------+---------------+---------------+---------------+
//  0|  next header  |   hdr. len.   |  routing type | segments left |   routing
//   +---------------+---------------+---------------+---------------+
//   +---------------+---------------+-------------------------+---+-+
//  0|  next header  |   reserved    |     fragment offset     |res|M|   fragment
//  4|                        identification                         |
//   +---------------------------------------------------------------+

export const HOP_BY_HOP = 0;

/** A Hop-by-Hop Options header of 8 bytes with the jumbo payload option and no other. RFC 2675 §2. */
export function setJumboPayload(b: Uint8Array, at: number, payloadLength: number, nextHeader: number): void {
  b[at] = nextHeader;
  b[at + 1] = 0;
  setU16(b, at + 2, 0xc204);
  setU32(b, at + 4, payloadLength);
}

export const ROUTING = 43;
export const FRAGMENT = 44;
export const NO_NEXT_HEADER = 59;
export const DESTINATION_OPTIONS = 60;

/** Of every extension header. */
export const nextHeader = (b: Uint8Array, at: number): number => b[at]!;
/** Bytes, 8 .. 2048, of every extension header but Fragment. */
export const extensionLength = (b: Uint8Array, at: number): number => (b[at + 1]! + 1) * 8;
export const segmentsLeft = (b: Uint8Array, at: number): number => b[at + 3]!;
/** Bytes. */
export const fragmentOffset6 = (b: Uint8Array, at: number): number => u16(b, at + 2) & 0xfff8;
export const moreFragments6 = (b: Uint8Array, at: number): boolean => (b[at + 3]! & 1) !== 0;
/** int32. */
export const identification6 = (b: Uint8Array, at: number): number => i32(b, at + 4);

export function setFragmentHeader(
  b: Uint8Array, at: number, next: number, offsetAndMore: number, identification: number,
): void {
  b[at] = next;
  b[at + 1] = 0;
  setU16(b, at + 2, offsetAndMore);
  setU32(b, at + 4, identification);
}
