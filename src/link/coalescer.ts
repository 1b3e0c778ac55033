// TCP segments of one batch that follow each other, merged into superpackets on their way up (GRO): for devices that
// do not do it themselves. `segment` undoes it, byte for byte but for IPv4 ids.

import { i32, setU16, u16 } from '../bytes.js';
import { finish, sumBytes, sumLanes } from '../checksum.js';
import type { Packet } from '../packet.js';
import type { LinkCast, NetworkLayer, PortEnvironment } from './link-output.js';
import { pseudoHeaderSum } from './segmentation.js';

/** Flows merged at a time; the eldest gives way. As many as Linux keeps per bucket (MAX_GRO_SKBS). */
const FLOWS = 8;

/**
 * Stands before the network layer: what goes in comes out, at the latest at `flush`.
 *
 * Invariant: at most one packet per flow is kept, and nothing of its flow goes up before it: segments are never
 * reordered within a flow. Only segments whose checksums were verified are kept.
 */
export class Coalescer {
  /** The eldest first. Each has text, ACK alone of the flags, and room to grow by the specification. */
  private readonly kept: Packet[] = [];

  constructor(
    private readonly network: Pick<NetworkLayer, 'input'>,
    private readonly env: Pick<PortEnvironment, 'pool' | 'limits'>,
    name: string,
  ) {
    env.limits.add({
      name: `link.${name}.coalesced`, unit: 'packets', max: FLOWS,
      source: 'Linux MAX_GRO_SKBS', used: () => this.kept.length,
    });
  }

  input(packet: Packet, linkCast: LinkCast, now: number): void {
    const transport = tcpHeader(packet);
    if (transport === OTHER) {
      this.network.input(packet, linkCast, now);
      return;
    }
    if (transport === OBSCURE) {
      // Whose it is was not found out: it may be a kept packet's flow.
      this.flush(now);
      this.network.input(packet, linkCast, now);
      return;
    }
    packet.network = packet.start;
    packet.transport = transport;
    const mergeable = linkCast === 'unicast' && isMergeable(packet);
    const at = this.keptOf(packet);
    if (at >= 0 && mergeable && continues(this.kept[at]!, packet)) {
      this.append(at, packet, now);
      return;
    }
    if (at >= 0) this.deliver(at, now);
    if (mergeable && !isPushed(packet)) this.keep(packet, now);
    else this.network.input(packet, linkCast, now);
  }

  /** The batch ends. */
  flush(now: number): void {
    while (this.kept.length > 0) this.deliver(0, now);
  }

  /** The place of the kept packet of the same flow, or -1. */
  private keptOf(packet: Packet): number {
    for (let i = 0; i < this.kept.length; i++) if (isSameFlow(this.kept[i]!, packet)) return i;
    return -1;
  }

  private keep(packet: Packet, now: number): void {
    if (this.kept.length === FLOWS) this.deliver(0, now);
    this.kept.push(packet);
  }

  private append(at: number, packet: Packet, now: number): void {
    const text = packet.end - textStart(packet);
    const head = this.roomy(at, text);
    const size = segmentSizeOf(head);
    head.bytes.set(packet.bytes.subarray(textStart(packet), packet.end), head.end);
    head.end += text;
    head.segmentSize = size;
    const isLast = text < size || isPushed(packet);
    if (isPushed(packet)) head.bytes[head.transport + 13]! |= PSH;
    packet.release();
    if (isLast) this.deliver(at, now);
  }

  /** The kept packet, with room for `text` more bytes: moved, if need be, into a buffer of 64 KB. */
  private roomy(at: number, text: number): Packet {
    const head = this.kept[at]!;
    if (head.end + text <= head.bytes.length) return head;
    const large = this.env.pool.take(LENGTH_MAX);
    large.bytes.set(head.bytes.subarray(head.start, head.end), large.start);
    large.end = large.start + head.length;
    large.network = large.start;
    large.transport = large.start + head.transport - head.start;
    large.segmentSize = head.segmentSize;
    large.checksum = head.checksum;
    head.release();
    this.kept[at] = large;
    return large;
  }

  private deliver(at: number, now: number): void {
    const head = this.kept[at]!;
    this.kept.splice(at, 1);
    if (head.segmentSize > 0) adaptHeaders(head);
    this.network.input(head, 'unicast', now);
  }
}

/** Not TCP. */
const OTHER = -1;
/** Perhaps TCP, but a fragment, behind extension headers, or malformed. */
const OBSCURE = -2;

/** Largest total length of IPv4, and what we take from IPv6. */
const LENGTH_MAX = 65_535;

const PSH = 0x08;
const ACK = 0x10;

/** Offset of a complete TCP header, or OTHER, or OBSCURE. */
function tcpHeader(packet: Packet): number {
  const { bytes: b, start: ip, end } = packet;
  let transport = ip + 40;
  if (end - ip >= 20 && b[ip]! >>> 4 === 4) {
    if (b[ip + 9] !== 6) return OTHER;
    if ((u16(b, ip + 6) & 0x3fff) !== 0 || (b[ip]! & 15) < 5) return OBSCURE;
    transport = ip + (b[ip]! & 15) * 4;
  } else {
    if (end - ip < 40 || b[ip]! >>> 4 !== 6) return OBSCURE;
    if (b[ip + 6] !== 6) return b[ip + 6] === 17 || b[ip + 6] === 58 ? OTHER : OBSCURE;
  }
  return transport + 20 <= end ? transport : OBSCURE;
}

/** Text, ACK, perhaps PSH, and nothing else; headers without surprises; checksums right. Marks it `verified`. */
function isMergeable(packet: Packet): boolean {
  const { bytes: b, network: ip, transport: at } = packet;
  if (packet.segmentSize > 0 || (b[at + 13]! & ~PSH) !== ACK) return false;
  if ((b[at + 12]! >>> 4) < 5 || textStart(packet) >= packet.end) return false;
  if (b[ip]! >>> 4 === 4) {
    if (b[ip] !== 0x45 || u16(b, ip + 2) !== packet.length || sumBytes(b, ip, at) !== 0xffff) return false;
  } else if (u16(b, ip + 4) !== packet.length - 40) {
    return false;
  }
  if (packet.checksum !== 'whole') return true;
  if (sumLanes(b, packet.lanes, at, packet.end, pseudoHeaderSum(packet, 6)) !== 0xffff) return false;
  packet.checksum = 'verified';
  return true;
}

/** The same family, addresses and ports. */
function isSameFlow(head: Packet, packet: Packet): boolean {
  const a = head.bytes, b = packet.bytes;
  if (a[head.network]! >>> 4 !== b[packet.network]! >>> 4) return false;
  if (i32(a, head.transport) !== i32(b, packet.transport)) return false;
  return a[head.network]! >>> 4 === 4
    ? isEqual(a, head.network + 12, b, packet.network + 12, 8)
    : isEqual(a, head.network + 8, b, packet.network + 8, 32);
}

/** Is `packet`, of the same flow, the next segment, and alike in everything that a superpacket says only once? */
function continues(head: Packet, packet: Packet): boolean {
  const a = head.bytes, b = packet.bytes;
  const from = head.transport, at = packet.transport;
  const text = packet.end - textStart(packet);
  if (i32(b, at + 4) !== ((i32(a, from + 4) + head.end - textStart(head)) | 0)) return false;
  // All segments are of one size but the last, which may be smaller.
  if (text > segmentSizeOf(head) || head.length + text > LENGTH_MAX) return false;
  // Acknowledgment number, data offset; window; options, timestamps among them.
  if (i32(b, at + 8) !== i32(a, from + 8) || b[at + 12] !== a[from + 12] || u16(b, at + 14) !== u16(a, from + 14)) {
    return false;
  }
  if (!isEqual(a, from + 20, b, at + 20, textStart(packet) - at - 20)) return false;
  return isSameNetworkHeader(a, head.network, b, packet.network);
}

/** But for length, id and checksum. RFC 3168 §5: a CE mark must not vanish into an unmarked superpacket. */
function isSameNetworkHeader(a: Uint8Array, from: number, b: Uint8Array, at: number): boolean {
  if (b[at]! >>> 4 === 6) return i32(a, from) === i32(b, at) && a[from + 7] === b[at + 7];
  return a[from + 1] === b[at + 1] && u16(a, from + 6) === u16(b, at + 6) && a[from + 8] === b[at + 8];
}

/** The header of a superpacket counts the whole of it; its checksum is the pseudo-header's, ready to be cut again. */
function adaptHeaders(head: Packet): void {
  const { bytes: b, network: ip, transport: at } = head;
  if (b[ip]! >>> 4 === 4) {
    setU16(b, ip + 2, head.length);
    setU16(b, ip + 10, 0);
    setU16(b, ip + 10, finish(sumBytes(b, ip, at)));
  } else {
    setU16(b, ip + 4, head.length - 40);
  }
  setU16(b, at + 16, pseudoHeaderSum(head, 6));
  head.checksum = 'partial';
  head.checksumStart = at;
  head.checksumField = at + 16;
}

const textStart = (packet: Packet): number => packet.transport + (packet.bytes[packet.transport + 12]! >>> 4) * 4;

const segmentSizeOf = (head: Packet): number => head.segmentSize > 0 ? head.segmentSize : head.end - textStart(head);

const isPushed = (packet: Packet): boolean => (packet.bytes[packet.transport + 13]! & PSH) !== 0;

function isEqual(a: Uint8Array, from: number, b: Uint8Array, at: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (a[from + i] !== b[at + i]) return false;
  return true;
}
