// Captures, as a pcapng file's bytes (draft-ietf-opsawg-pcapng), and a device that records what passes through it.
// Little-endian, nanoseconds, the direction and a comment with each packet. No file is opened here: bytes only.
//
// A capture says what a wire would have carried. A `partial` checksum is finished in the copy that is written, so that
// no reader calls it wrong. A superpacket, though, is written whole: it is what the stack sent and received.

import { assert } from '../assert.js';
import { setU16 } from '../bytes.js';
import { finish, sumLanes } from '../checksum.js';
import type { NetError } from '../errors.js';
import type { Packet } from '../packet.js';
import { printable } from '../printable.js';
import type { Device, FrameSink, Offload } from './device.js';

export const LINKTYPE_ETHERNET = 1;
/** An IPv4 or IPv6 packet, told apart by its first four bits. */
export const LINKTYPE_RAW = 101;

/** As the capturing machine sees it. */
export type Direction = 'in' | 'out';

export interface PcapOptions {
  /** The wall clock at `now` = 0, ms since 1970. Default 0: times in the file count from 1970. */
  readonly epochMs?: number;
  /** Bytes kept of each packet; headers fit in 128. Default 0: all of it. */
  readonly snapLength?: number;
  /** What the section header says of the machine and of the program. Default: nothing, and `wallsocket`. */
  readonly hardware?: string;
  readonly application?: string;
}

export class PcapWriter {
  private readonly write: (bytes: Uint8Array) => void;
  private readonly epochMs: number;
  private readonly snapLength: number;
  private interfaces = 0;

  /** @param write  takes each block, whole and in order; the bytes are its own. The first comes at once. */
  constructor(write: (bytes: Uint8Array) => void, options: PcapOptions = {}) {
    this.write = write;
    this.epochMs = options.epochMs ?? 0;
    this.snapLength = options.snapLength ?? 0;
    const names = [option(SHB_USERAPPL, text(options.application ?? 'wallsocket'))];
    if (options.hardware !== undefined) names.unshift(option(SHB_HARDWARE, text(options.hardware)));
    write(sectionHeader(names));
  }

  /** Describe an interface. Returns its index in this file: 0, 1, … */
  addInterface(name: string, medium: Device['medium'], mtu: number): number {
    const block = newBlock(INTERFACE_DESCRIPTION, 8, [
      option(IF_NAME, text(name)),
      // The format has no field for an MTU; a reader shows the description.
      option(IF_DESCRIPTION, text(`${name}, MTU ${mtu}`)),
      option(IF_TSRESOL, Uint8Array.of(NANOSECONDS)),
    ]);
    block.setUint16(8, medium === 'ethernet' ? LINKTYPE_ETHERNET : LINKTYPE_RAW, true);
    block.setUint32(12, this.snapLength, true);
    this.write(bytesOf(block));
    return this.interfaces++;
  }

  /** Record `packet.start .. end`, a `partial` checksum finished. The packet is only read. */
  packet(interfaceIndex: number, packet: Packet, now: number, direction: Direction, comment?: string): void {
    const length = packet.end - packet.start;
    const checksum = packet.checksum === 'partial' ? finishedChecksum(packet) : 0;
    const block = this.enhancedPacket(interfaceIndex, packet.bytes, packet.start, packet.end, now, direction, comment);
    const field = packet.checksumField - packet.start;
    if (packet.checksum === 'partial' && field + 2 <= this.captured(length)) {
      setU16(bytesOf(block), PACKET_AT + field, checksum);
    }
    this.write(bytesOf(block));
  }

  /** Record `b[at .. end)` as it is. */
  frame(
    interfaceIndex: number, b: Uint8Array, at: number, end: number, now: number, direction: Direction, comment?: string,
  ): void {
    this.write(bytesOf(this.enhancedPacket(interfaceIndex, b, at, end, now, direction, comment)));
  }

  private enhancedPacket(
    index: number, b: Uint8Array, at: number, end: number, now: number, direction: Direction, comment?: string,
  ): DataView {
    assert(index >= 0 && index < this.interfaces, 'pcap: an interface that was not added');
    const options = [option(EPB_FLAGS, Uint8Array.of(direction === 'in' ? INBOUND : OUTBOUND, 0, 0, 0))];
    if (comment !== undefined) options.push(option(OPT_COMMENT, text(comment)));
    const captured = this.captured(end - at);
    const block = newBlock(ENHANCED_PACKET, PACKET_AT - BODY_AT + captured, options);
    const time = this.nanoseconds(now);
    block.setUint32(8, index, true);
    block.setUint32(12, Number(time >> 32n), true);
    block.setUint32(16, Number(time & 0xffff_ffffn), true);
    block.setUint32(20, captured, true);
    block.setUint32(24, end - at, true);
    bytesOf(block).set(b.subarray(at, at + captured), PACKET_AT);
    return block;
  }

  private captured(length: number): number {
    return this.snapLength > 0 ? Math.min(length, this.snapLength) : length;
  }

  /** Whole milliseconds and the rest apart: a double of ms since 1970 is a quarter of a microsecond coarse. */
  private nanoseconds(now: number): bigint {
    const whole = Math.floor(this.epochMs) + Math.floor(now);
    const rest = this.epochMs - Math.floor(this.epochMs) + (now - Math.floor(now));
    const time = BigInt(whole) * 1_000_000n + BigInt(Math.round(rest * 1e6));
    return time > 0n ? time : 0n;
  }
}

/** `device`, with everything that passes recorded on an interface of its name. `clock` says `now`. */
export function tap(device: Device, writer: PcapWriter, clock: () => number): Device {
  return new Tap(device, writer, clock);
}

class Tap implements Device, FrameSink {
  private sink: FrameSink | null = null;
  private readonly index: number;

  constructor(
    private readonly device: Device,
    private readonly writer: PcapWriter,
    private readonly clock: () => number,
  ) {
    this.index = writer.addInterface(device.name, device.medium, device.mtu);
  }

  get name(): string {
    return this.device.name;
  }

  get medium(): Device['medium'] {
    return this.device.medium;
  }

  get mtu(): number {
    return this.device.mtu;
  }

  get linkAddress(): Uint8Array | null {
    return this.device.linkAddress;
  }

  get offload(): Offload {
    return this.device.offload;
  }

  attach(sink: FrameSink): void {
    this.sink = sink;
    this.device.attach(this);
  }

  /** Recorded before it is tried: afterwards the packet is no longer ours to read. */
  transmit(packet: Packet): boolean {
    this.writer.packet(this.index, packet, this.clock(), 'out');
    return this.device.transmit(packet);
  }

  close(): void {
    this.device.close();
  }

  receive(packet: Packet): void {
    this.writer.packet(this.index, packet, this.clock(), 'in');
    this.sink!.receive(packet);
  }

  batchEnd(): void {
    this.sink!.batchEnd();
  }

  lost(error: NetError): void {
    this.sink!.lost(error);
  }
}

/** The checksum that a device would put in. RFC 768: a UDP checksum of zero is sent as all ones. */
function finishedChecksum(packet: Packet): number {
  const checksum = finish(sumLanes(packet.bytes, packet.lanes, packet.checksumStart, packet.end));
  const isUdp = packet.checksumField - packet.checksumStart === 6;
  return checksum === 0 && isUdp ? 0xffff : checksum;
}

/** draft-ietf-opsawg-pcapng §4.1. The byte-order magic comes first, then the version 1.0 and a length not told, -1. */
function sectionHeader(options: readonly Option[]): Uint8Array {
  const block = newBlock(SECTION_HEADER, 16, options);
  block.setUint32(8, 0x1a2b3c4d, true);
  block.setUint16(12, 1, true);
  block.setInt32(16, -1, true);
  block.setInt32(20, -1, true);
  return bytesOf(block);
}

/** A block with its type, both its lengths and its options; the `bodyLength` bytes from `BODY_AT` are still zero. */
function newBlock(type: number, bodyLength: number, options: readonly Option[]): DataView {
  const optionsAt = BODY_AT + padded(bodyLength);
  // The list of options ends with opt_endofopt, four bytes of zero.
  const length = options.reduce((sum, o) => sum + 4 + padded(o.value.length), optionsAt) + 4 + 4;
  const block = new DataView(new ArrayBuffer(length));
  block.setUint32(0, type, true);
  block.setUint32(4, length, true);
  let at = optionsAt;
  for (const { code, value } of options) {
    block.setUint16(at, code, true);
    block.setUint16(at + 2, value.length, true);
    bytesOf(block).set(value, at + 4);
    at += 4 + padded(value.length);
  }
  block.setUint32(length - 4, length, true);
  return block;
}

interface Option {
  readonly code: number;
  readonly value: Uint8Array;
}

const option = (code: number, value: Uint8Array): Option => ({ code, value });

/** UTF-8 without control characters, cut to what an option's 16-bit length can say. */
function text(value: string): Uint8Array {
  const whole = new TextEncoder().encode(printable(value));
  if (whole.length <= 0xffff) return whole;
  const room = new Uint8Array(0xffff);
  return room.subarray(0, new TextEncoder().encodeInto(printable(value), room).written);
}

const bytesOf = (block: DataView): Uint8Array => new Uint8Array(block.buffer);
const padded = (length: number): number => (length + 3) & ~3;

/** Offsets in a block: its body; and in an Enhanced Packet Block the packet, behind its index, time and lengths. */
const BODY_AT = 8;
const PACKET_AT = 28;

/** Block types, §4.1 to §4.3. */
const SECTION_HEADER = 0x0a0d0d0a;
const INTERFACE_DESCRIPTION = 1;
const ENHANCED_PACKET = 6;

/** Option codes, §3.5 and those of each block. */
const OPT_COMMENT = 1;
const SHB_HARDWARE = 2;
const SHB_USERAPPL = 4;
const IF_NAME = 2;
const IF_DESCRIPTION = 3;
const IF_TSRESOL = 9;
const EPB_FLAGS = 2;

/** if_tsresol: units of 10^-9 s. */
const NANOSECONDS = 9;
/** epb_flags, the two lowest bits. */
const INBOUND = 1;
const OUTBOUND = 2;
