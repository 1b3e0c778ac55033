// The Internet checksum. RFC 1071, RFC 1624; pseudo-headers by RFC 9293 §3.1, RFC 768 and RFC 8200 §8.1.
//
// A sum here is not yet inverted, and its words are in network order: sums of pieces add up, provided that
// every piece but the last has an even number of bytes. A verifier sums over the checksum field too and gets
// 0xffff.

import { type Address } from './address.js';
import { setU16 } from './bytes.js';
import type { Packet } from './packet.js';

/**
 * The sum of the words of `b[at .. end)`, an odd last byte padded with a zero, and of `initial`; 16 bits. For
 * headers.
 */
export function sumBytes(b: Uint8Array, at: number, end: number, initial = 0): number {
  let sum = fold(initial);
  let i = at;
  for (; i + 1 < end; i += 2) sum = (sum + ((b[i]! << 8) | b[i + 1]!)) | 0;
  if (i < end) sum = (sum + (b[i]! << 8)) | 0;
  return fold(sum);
}

/**
 * The same by 32-bit lanes, four times as fast from some fifty bytes on: for payloads.
 *
 * @param lanes  the memory of `b`, from the same first byte, whose offset in its buffer is a multiple of four
 * @param at     any offset, aligned or not
 * @param end    at most 128 KB behind `at`: up to there nothing below overflows
 */
export function sumLanes(b: Uint8Array, lanes: Uint32Array, at: number, end: number, initial = 0): number {
  const first = (at + 3) >>> 2;
  const last = end >>> 2;
  if (last - first < 8) return sumBytes(b, at, end, initial);

  // RFC 1071 §2 (B): the sum may be taken in either byte order if the result is swapped. So here a word is
  // what the host says it is, and begins at an even offset, whatever `at`; one swap at the end mends both.
  let upper = 0;
  let lower = 0;
  let i = first;
  for (const stop = last - 7; i < stop; i += 8) {
    const l0 = lanes[i]!, l1 = lanes[i + 1]!, l2 = lanes[i + 2]!, l3 = lanes[i + 3]!;
    const l4 = lanes[i + 4]!, l5 = lanes[i + 5]!, l6 = lanes[i + 6]!, l7 = lanes[i + 7]!;
    upper = (upper + (l0 >>> 16) + (l1 >>> 16) + (l2 >>> 16) + (l3 >>> 16)
      + (l4 >>> 16) + (l5 >>> 16) + (l6 >>> 16) + (l7 >>> 16)) | 0;
    lower = (lower + (l0 & 0xffff) + (l1 & 0xffff) + (l2 & 0xffff) + (l3 & 0xffff)
      + (l4 & 0xffff) + (l5 & 0xffff) + (l6 & 0xffff) + (l7 & 0xffff)) | 0;
  }
  for (; i < last; i++) {
    upper = (upper + (lanes[i]! >>> 16)) | 0;
    lower = (lower + (lanes[i]! & 0xffff)) | 0;
  }
  let sum = fold(upper) + fold(lower);

  for (let j = at; j < first * 4; j++) sum += inHostWord(b[j]!, j);
  for (let j = last * 4; j < end; j++) sum += inHostWord(b[j]!, j);
  sum = fold(sum);
  if (LITTLE_ENDIAN !== ((at & 1) === 1)) sum = ((sum & 0xff) << 8) | (sum >>> 8);
  return fold(sum + fold(initial));
}

/** What the byte at offset `at` adds to the host's word that it lies in. */
const inHostWord = (byte: number, at: number): number =>
  ((at & 1) === 0) === LITTLE_ENDIAN ? byte : byte << 8;

const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/**
 * The pseudo-header's sum, of either family; 16 bits.
 *
 * @param length  bytes of transport header and payload
 */
export function pseudoSum(src: Address, dst: Address, protocol: number, length: number): number {
  // An IPv4 address is kept as ::ffff:a.b.c.d, and 0xffff is one of the two zeros of one's complement: the
  // prefix adds nothing, and one formula serves both families.
  return fold(wordsOf(src.w0) + wordsOf(src.w1) + wordsOf(src.w2) + wordsOf(src.w3)
    + wordsOf(dst.w0) + wordsOf(dst.w1) + wordsOf(dst.w2) + wordsOf(dst.w3) + protocol + wordsOf(length));
}

const wordsOf = (w: number): number => (w >>> 16) + (w & 0xffff);

/**
 * Bring the carries of a sum below 2^32 back in, until 16 bits are left. RFC 1071 §2 (A). Zero only of zero.
 */
export function fold(sum: number): number {
  const once = (sum >>> 16) + (sum & 0xffff);
  return (once >>> 16) + (once & 0xffff);
}

/** The checksum that belongs into the field. */
export const finish = (sum: number): number => ~fold(sum) & 0xffff;

/**
 * The checksum after one aligned 16-bit word under it changed from `before` to `after`. RFC 1624 §3, equation
 * 3.
 */
export const adjust = (checksum: number, before: number, after: number): number =>
  finish((~checksum & 0xffff) + (~before & 0xffff) + after);

/**
 * Finish a `partial` checksum in place: the field holds the pseudo-header's sum, and becomes the checksum.
 */
export function completeChecksum(packet: Packet): void {
  const checksum = finish(sumLanes(packet.bytes, packet.lanes, packet.checksumStart, packet.end));
  // RFC 768: a computed zero is sent as all ones, for zero means that there is none. UDP alone has its
  // checksum there.
  const udp = packet.checksumField - packet.checksumStart === 6;
  setU16(packet.bytes, packet.checksumField, checksum === 0 && udp ? 0xffff : checksum);
  packet.checksum = 'whole';
}
