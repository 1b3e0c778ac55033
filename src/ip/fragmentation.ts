// Cutting a packet that is larger than its path: at the source, and IPv4's at routers too. RFC 791 §2.3 and §3.2, RFC 8200
// §4.5.

import type { Packet, PacketPool } from '../packet.js';
import * as Wire from './wire.js';

/** Payload bytes of each fragment but the last: a multiple of 8, by RFC 791 §3.1. 0: nothing fits. */
export const fragmentPayload4 = (mtu: number, header = 20): number => Math.max(0, mtu - header) & ~7;
export const fragmentPayload6 = (mtu: number): number => Math.max(0, mtu - 48) & ~7;

/**
 * The fragment that carries the payload from `offset` on, of an IPv4 packet without options, whose header is
 * complete and clear of DF.
 *
 * @param step  what `fragmentPayload4` gave
 */
export function cut4(packet: Packet, offset: number, step: number, pool: PacketPool): Packet {
  const at = packet.start;
  const length = Math.min(step, packet.end - at - 20 - offset);
  const fragment = pool.take(20 + length);
  const { bytes: b, start } = fragment;
  fragment.end = start + 20 + length;
  fragment.network = start;
  fragment.transport = start + 20;
  b.set(packet.bytes.subarray(at, at + 20), start);
  b.set(packet.bytes.subarray(at + 20 + offset, at + 20 + offset + length), start + 20);
  const last = at + 20 + offset + length === packet.end;
  Wire.setTotalLength4(b, start, 20 + length);
  Wire.setFragmentWord4(b, start, (last ? 0 : Wire.MORE_FRAGMENTS) | (offset >>> 3));
  Wire.setChecksum4(b, start);
  return fragment;
}

/**
 * The same at a router, of a packet that may have options and may be a fragment already. RFC 791 §3.2: offsets count on from
 * its own, and only the last piece of the last fragment has no more behind it.
 */
export function cutAgain4(packet: Packet, offset: number, step: number, pool: PacketPool): Packet {
  const { bytes: from, start: at } = packet;
  const header = Wire.headerLength4(from, at);
  const word = Wire.fragmentWord4(from, at);
  const length = Math.min(step, packet.end - at - header - offset);
  const fragment = pool.take(header + length);
  const { bytes: b, start } = fragment;
  b.set(from.subarray(at, at + header), start);
  const kept = offset === 0 ? header : keepCopied(b, start, header);
  b.set(from.subarray(at + header + offset, at + header + offset + length), start + kept);
  fragment.end = start + kept + length;
  fragment.network = start;
  fragment.transport = start + kept;
  const isLast = at + header + offset + length === packet.end;
  b[start] = 0x40 | (kept >>> 2);
  Wire.setTotalLength4(b, start, kept + length);
  Wire.setFragmentWord4(b, start, (isLast ? word & Wire.MORE_FRAGMENTS : Wire.MORE_FRAGMENTS) | ((word & 0x1fff) + (offset >>> 3)));
  Wire.setChecksum4(b, start);
  return fragment;
}

/** RFC 791 §3.1: of the options, those with the copied flag are in every fragment. The header's new length. */
function keepCopied(b: Uint8Array, start: number, header: number): number {
  let to = start + 20;
  for (let at = start + 20; at < start + header && b[at] !== END_OF_LIST;) {
    const length = b[at] === NO_OPERATION ? 1 : b[at + 1]!;
    if (b[at]! >= 0x80) {
      b.copyWithin(to, at, at + length);
      to += length;
    }
    at += length;
  }
  while (((to - start) & 3) !== 0) b[to++] = END_OF_LIST;
  return to - start;
}

/** RFC 791 §3.1. */
const END_OF_LIST = 0;
const NO_OPERATION = 1;

/** The same of an IPv6 packet without extension headers. */
export function cut6(
  packet: Packet, offset: number, step: number, identification: number, pool: PacketPool,
): Packet {
  const at = packet.start;
  const length = Math.min(step, packet.end - at - 40 - offset);
  const fragment = pool.take(48 + length);
  const { bytes: b, start } = fragment;
  fragment.end = start + 48 + length;
  fragment.network = start;
  fragment.transport = start + 48;
  b.set(packet.bytes.subarray(at, at + 40), start);
  b.set(packet.bytes.subarray(at + 40 + offset, at + 40 + offset + length), start + 48);
  const more = at + 40 + offset + length < packet.end ? 1 : 0;
  Wire.setFragmentHeader(b, start + 40, Wire.nextHeader6(b, start), offset | more, identification);
  b[start + 6] = Wire.FRAGMENT;
  Wire.setPayloadLength6(b, start, 8 + length);
  return fragment;
}
