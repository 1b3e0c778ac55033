// The UDP header in place. RFC 768.
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +-------------------------------+-------------------------------+
//  0|          source port          |       destination port        |
//  4|            length             |           checksum            |
//   +-------------------------------+-------------------------------+
//  8|                            payload                            |
//
// Checked once, trusted after: if `isWellFormed(b, at, end)`, no accessor leaves `[at, end)`, nor does the datagram.
// Accessors do not validate, setters do not mask beyond their width.

import { setU16, u16 } from '../bytes.js';

export const HEADER_LENGTH = 8;

/** The most a datagram carries: RFC 768's length field, and the IPv4 total length, which counts an IPv4 header too. */
export const PAYLOAD_MAX_V4 = 65_507;
export const PAYLOAD_MAX_V6 = 65_527;

/** Is there a whole header in `b[at .. end)`, and does its length cover itself and lie inside? */
export const isWellFormed = (b: Uint8Array, at: number, end: number): boolean =>
  end - at >= 8 && length(b, at) >= 8 && length(b, at) <= end - at;

/** 0: no answer is wanted. */
export const srcPort = (b: Uint8Array, at: number): number => u16(b, at);
export const dstPort = (b: Uint8Array, at: number): number => u16(b, at + 2);
/** Header and payload, bytes. Legal from 8. */
export const length = (b: Uint8Array, at: number): number => u16(b, at + 4);
/** 0: there is none. */
export const checksum = (b: Uint8Array, at: number): number => u16(b, at + 6);

export function setHeader(b: Uint8Array, at: number, from: number, to: number, bytes: number, sum: number): void {
  setU16(b, at, from);
  setU16(b, at + 2, to);
  setU16(b, at + 4, bytes);
  setU16(b, at + 6, sum);
}
