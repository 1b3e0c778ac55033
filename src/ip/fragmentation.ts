// Cutting a packet that is larger than its path: only ever our own packets, at the source. RFC 791 §2.3, RFC
// 8200 §4.5.

import type { Packet, PacketPool } from '../packet.js';
import * as Wire from './wire.js';

/** Payload bytes of each fragment but the last: a multiple of 8, by RFC 791 §3.1. 0: nothing fits. */
export const fragmentPayload4 = (mtu: number): number => Math.max(0, mtu - 20) & ~7;
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
