// The TCP header in place. RFC 9293 §3.1.
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +-------------------------------+-------------------------------+
//  0|          source port          |       destination port        |
//  4|                        sequence number                        |
//  8|                     acknowledgment number                     |
// 12| offs. | rsrvd |C E U A P R S F|            window             |
// 16|           checksum            |        urgent pointer         |
//   +-------------------------------+-------------------------------+
// 20|                            options                            |
//
// Checked once, trusted after: if `isWellFormed(b, at, end)`, no accessor leaves `[at, end)`. Accessors do
// not validate; setters do not mask beyond their width.

import { setU16, setU32, u16 } from '../bytes.js';
import type { Seq } from './seq.js';

export const FIN = 1;
export const SYN = 2;
export const RST = 4;
export const PSH = 8;
export const ACK = 16;
export const URG = 32;
export const ECE = 64;
export const CWR = 128;
/** The bit to the left, in the byte before: accurate ECN, RFC 9768. */
export const AE = 256;

/** Without options. */
export const HEADER_LENGTH = 20;

/** Does a whole header, options included, lie in `b[at .. end)`? */
export const isWellFormed = (b: Uint8Array, at: number, end: number): boolean =>
  end - at >= 20 && headerLength(b, at) >= 20 && headerLength(b, at) <= end - at;

export const srcPort = (b: Uint8Array, at: number): number => u16(b, at);
export const dstPort = (b: Uint8Array, at: number): number => u16(b, at + 2);
export const seq = (b: Uint8Array, at: number): Seq =>
  ((b[at + 4]! << 24) | (b[at + 5]! << 16) | (b[at + 6]! << 8) | b[at + 7]!) as Seq;
export const ack = (b: Uint8Array, at: number): Seq =>
  ((b[at + 8]! << 24) | (b[at + 9]! << 16) | (b[at + 10]! << 8) | b[at + 11]!) as Seq;
/** Header with options, bytes: 0 .. 60, a multiple of four. Legal from 20. */
export const headerLength = (b: Uint8Array, at: number): number => (b[at + 12]! >> 2) & 0x3c;
/** FIN .. CWR, eight bits. */
export const flags = (b: Uint8Array, at: number): number => b[at + 13]!;
/** AE, CWR and ECE. */
export const ecnFlags = (b: Uint8Array, at: number): number => ((b[at + 12]! & 1) << 8) | (b[at + 13]! & (CWR | ECE));
/** As on the wire, unscaled, and unsigned: RFC 9293 MUST-1. */
export const window = (b: Uint8Array, at: number): number => u16(b, at + 14);
export const checksum = (b: Uint8Array, at: number): number => u16(b, at + 16);
export const urgent = (b: Uint8Array, at: number): number => u16(b, at + 18);

export const setSrcPort = (b: Uint8Array, at: number, value: number): void => setU16(b, at, value);
export const setDstPort = (b: Uint8Array, at: number, value: number): void => setU16(b, at + 2, value);
export const setSeq = (b: Uint8Array, at: number, value: Seq): void => setU32(b, at + 4, value);
export const setAck = (b: Uint8Array, at: number, value: Seq): void => setU32(b, at + 8, value);
/**
 * Bytes, a multiple of four. It also clears the reserved bits, as it begins a header in a buffer that was
 * used before. RFC 9293 §3.1: "must be zero in generated segments".
 */
export function setHeaderLength(b: Uint8Array, at: number, value: number): void {
  b[at + 12] = value << 2;
}
/** Nine bits, AE among them: the header's length must have been set before. */
export function setFlags(b: Uint8Array, at: number, value: number): void {
  b[at + 13] = value;
  if ((value & AE) !== 0) b[at + 12]! |= 1;
}
export const setWindow = (b: Uint8Array, at: number, value: number): void => setU16(b, at + 14, value);
export const setChecksum = (b: Uint8Array, at: number, value: number): void => setU16(b, at + 16, value);
export const setUrgent = (b: Uint8Array, at: number, value: number): void => setU16(b, at + 18, value);
