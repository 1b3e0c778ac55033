// Superpackets cut into what a wire carries: TCP segments or UDP datagrams of `segmentSize` payload bytes, each with
// the superpacket's headers adapted to it. Both families; nothing is kept from one packet to the next.

import { assert } from '../assert.js';
import { i32, setU16, setU32, u16 } from '../bytes.js';
import { completeChecksum, finish, sumBytes } from '../checksum.js';
import type { DropReason } from '../counters.js';
import type { Packet, PacketPool } from '../packet.js';

/** Where the pieces go, one at a time. */
export interface SegmentSink {
  /** Ownership passes. */
  emit(segment: Packet): void;
}

/**
 * Cut `packet`, whose network header is at `packet.network`; what stands before that (a link header) is repeated too.
 * Every piece leaves with complete checksums. Ownership passes; the superpacket is released.
 *
 * @returns why nothing was emitted: a forwarded superpacket may carry what we do not know how to cut
 */
export function segment(packet: Packet, pool: PacketPool, to: SegmentSink): DropReason | null {
  assert(packet.segmentSize > 0, 'segmentation: not a superpacket');
  const payload = locatePayload(packet);
  if (payload === NOWHERE) {
    packet.release();
    return 'device-cannot-segment';
  }
  let at = payload;
  do {
    to.emit(piece(packet, pool, payload, at));
    at += packet.segmentSize;
  } while (at < packet.end);
  packet.release();
  return null;
}

/** Is TCP what the IP packet at `packet.network` carries, unfragmented? */
export function isTcp(packet: Packet): boolean {
  const naming = namingField(packet.bytes, packet.network, packet.end);
  return naming !== NOWHERE && packet.bytes[naming] === 6;
}

const NOWHERE = -1;

/** Offset of the first payload byte, NOWHERE if it cannot be told; `packet.transport` is set on the way. */
function locatePayload(packet: Packet): number {
  const { bytes: b, network: ip, end } = packet;
  const naming = namingField(b, ip, end);
  if (naming === NOWHERE) return NOWHERE;
  const transport = headerBehind(b, ip, naming);
  packet.transport = transport;
  const protocol = b[naming]!;
  if (protocol === 17) return transport + 8 <= end ? transport + 8 : NOWHERE;
  if (protocol !== 6 || transport + 20 > end) return NOWHERE;
  const payload = transport + (b[transport + 12]! >>> 4) * 4;
  return payload >= transport + 20 && payload <= end ? payload : NOWHERE;
}

/**
 * Offset of the byte that names the transport: IPv4's protocol, or the last next-header field of IPv6. NOWHERE for a
 * truncated header and for a fragment, whose payload is no transport's.
 */
function namingField(b: Uint8Array, ip: number, end: number): number {
  if (b[ip]! >>> 4 === 4) {
    const whole = end - ip >= 20 && (u16(b, ip + 6) & 0x3fff) === 0 && (b[ip]! & 15) >= 5;
    return whole ? ip + 9 : NOWHERE;
  }
  if (end - ip < 40) return NOWHERE;
  let naming = ip + 6;
  // RFC 8200 §4.1: hop-by-hop options, routing, destination options. Each is at least 8 bytes: the walk ends.
  while (b[naming] === 0 || b[naming] === 43 || b[naming] === 60) {
    const next = headerBehind(b, ip, naming);
    if (next + 8 > end) return NOWHERE;
    naming = next;
  }
  return naming;
}

/** Offset of the header that the byte at `naming` names. RFC 8200 §4: in units of 8 bytes, the first not counted. */
function headerBehind(b: Uint8Array, ip: number, naming: number): number {
  if (b[ip]! >>> 4 === 4) return ip + (b[ip]! & 15) * 4;
  return naming === ip + 6 ? ip + 40 : naming + 8 * (b[naming + 1]! + 1);
}

/** The segment whose payload begins at `at`. */
function piece(packet: Packet, pool: PacketPool, payload: number, at: number): Packet {
  const end = Math.min(at + packet.segmentSize, packet.end);
  const headers = payload - packet.start;
  const cut = pool.take(headers + end - at);
  cut.bytes.set(packet.bytes.subarray(packet.start, payload), cut.start);
  cut.bytes.set(packet.bytes.subarray(at, end), cut.start + headers);
  cut.end = cut.start + headers + end - at;
  cut.network = cut.start + packet.network - packet.start;
  cut.transport = cut.start + packet.transport - packet.start;

  adaptNetwork(cut, (at - payload) / packet.segmentSize);
  // A header of 8 bytes is UDP's; TCP's has 20 or more.
  if (payload - packet.transport === 8) adaptUdp(cut);
  else adaptTcp(cut, at - payload, end === packet.end);
  return cut;
}

function adaptNetwork(cut: Packet, index: number): void {
  const { bytes: b, network: ip } = cut;
  if (b[ip]! >>> 4 === 6) {
    setU16(b, ip + 4, cut.end - ip - 40);
    return;
  }
  setU16(b, ip + 2, cut.end - ip);
  // RFC 6864 §4.3: unique where fragments are possible. The sender set aside as many as there are segments.
  setU16(b, ip + 4, (u16(b, ip + 4) + index) & 0xffff);
  setU16(b, ip + 10, 0);
  setU16(b, ip + 10, finish(sumBytes(b, ip, ip + (b[ip]! & 15) * 4)));
}

function adaptTcp(cut: Packet, offset: number, isLast: boolean): void {
  const { bytes: b, transport: at } = cut;
  setU32(b, at + 4, (i32(b, at + 4) + offset) | 0);
  let flags = b[at + 13]!;
  // FIN and PSH speak of the end of the text.
  if (!isLast) flags &= ~(FIN | PSH);
  if (offset > 0) {
    // RFC 3168 §6.1.2: CWR goes on one packet, the first.
    flags &= ~CWR;
    // RFC 9293 §3.8.5: the urgent pointer counts from the segment's own sequence number.
    const urgent = u16(b, at + 18) - offset;
    if (urgent <= 0) flags &= ~URG;
    setU16(b, at + 18, Math.max(0, urgent));
  }
  b[at + 13] = flags;
  sum(cut, 6, at + 16);
}

function adaptUdp(cut: Packet): void {
  setU16(cut.bytes, cut.transport + 4, cut.end - cut.transport);
  sum(cut, 17, cut.transport + 6);
}

/** Sums anew, from the addresses in the header. With a routing header under way (RFC 8200 §8.1) that would be wrong. */
function sum(cut: Packet, protocol: number, field: number): void {
  setU16(cut.bytes, field, pseudoHeaderSum(cut, protocol));
  cut.checksum = 'partial';
  cut.checksumStart = cut.transport;
  cut.checksumField = field;
  completeChecksum(cut);
}

/** RFC 9293 §3.1, RFC 8200 §8.1: addresses, protocol, transport length; read where they stand. */
export function pseudoHeaderSum(packet: Packet, protocol: number): number {
  const { bytes: b, network: ip } = packet;
  const rest = protocol + packet.end - packet.transport;
  return b[ip]! >>> 4 === 4 ? sumBytes(b, ip + 12, ip + 20, rest) : sumBytes(b, ip + 8, ip + 40, rest);
}

const FIN = 0x01;
const PSH = 0x08;
const URG = 0x20;
const CWR = 0x80;
