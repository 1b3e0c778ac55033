// A stack of the size of a test, so that a device can be tried without ours: headers of both families, an answer to
// the kernel's echo requests, and what arrives kept in a list.

import { type Address, address, isV4, write16, write4 } from '../../src/address.js';
import { setU16, setU32, u16 } from '../../src/bytes.js';
import { adjust, completeChecksum, finish, pseudoSum, sumBytes } from '../../src/checksum.js';
import type { NetError } from '../../src/errors.js';
import type { FrameSink } from '../../src/link/device.js';
import { type Packet, packetOf } from '../../src/packet.js';

export type Family = 4 | 6;

/** The kernel's end of the first device, and ours. */
export const KERNEL = { 4: '10.0.0.1', 6: 'fd00::1' } as const;
export const OURS = { 4: '10.0.0.2', 6: 'fd00::2' } as const;

/** Keeps what arrives until somebody wants it. */
export class Inbox implements FrameSink {
  readonly packets: Packet[] = [];
  batches = 0;
  readonly lostWith: NetError[] = [];
  /** Called for each packet first; true: it is dealt with. */
  answer: (packet: Packet) => boolean = () => false;
  /** Called at the end of each batch. */
  rest: () => void = () => {};
  private news: () => void = () => {};

  receive(packet: Packet): void {
    if (this.answer(packet)) packet.release();
    else this.packets.push(packet);
    this.news();
  }

  batchEnd(): void {
    this.batches++;
    this.rest();
  }

  lost(error: NetError): void {
    this.lostWith.push(error);
    this.news();
  }

  /** The next packet that is wanted, now or when it comes; others stay. */
  async next(isWanted: (packet: Packet) => boolean): Promise<Packet> {
    for (;;) {
      const found = this.packets.findIndex(isWanted);
      if (found >= 0) return this.packets.splice(found, 1)[0]!;
      await this.change();
    }
  }

  /** Something arrived, or the device is lost. */
  change(): Promise<void> {
    return new Promise((resolve) => {
      this.news = resolve;
    });
  }
}

/** Is it an IP packet of this family and protocol? */
export const carries = (family: Family, protocol: number) => (packet: Packet): boolean => {
  const b = packet.bytes;
  return b[packet.start]! >>> 4 === family && b[packet.start + (family === 4 ? 9 : 6)] === protocol;
};

export const ipHeaderLength = (family: Family): number => (family === 4 ? 20 : 40);

interface Transport {
  readonly from: string;
  readonly to: string;
  readonly protocol: 6 | 17;
  /** Header and payload; the checksum's field is filled in here. */
  readonly bytes: Uint8Array;
  /** Leave the checksum partial, and let the payload count as segments of this size. 0: one, and whole. */
  readonly segmentSize?: number;
}

/** An IP packet around a transport's. */
export function ipPacket({ from, to, protocol, bytes, segmentSize = 0 }: Transport): Packet {
  const src = address(from);
  const dst = address(to);
  const packet = packetOf(bytes);
  packet.transport = packet.start;
  packet.checksum = 'partial';
  packet.checksumStart = packet.start;
  packet.checksumField = packet.start + (protocol === 6 ? 16 : 6);
  setU16(packet.bytes, packet.checksumField, pseudoSum(src, dst, protocol, bytes.length));
  if (segmentSize === 0) completeChecksum(packet);
  packet.segmentSize = segmentSize;
  pushIpHeader(packet, src, dst, protocol);
  return packet;
}

function pushIpHeader(packet: Packet, src: Address, dst: Address, protocol: number): void {
  const length = packet.length;
  const b = packet.bytes;
  const at = packet.push(isV4(src) ? 20 : 40);
  packet.network = at;
  if (isV4(src)) {
    setU32(b, at, 0x4500_0000 | (length + 20));
    b[at + 8] = 64;
    b[at + 9] = protocol;
    write4(b, at + 12, src);
    write4(b, at + 16, dst);
    setU16(b, at + 10, finish(sumBytes(b, at, at + 20)));
  } else {
    setU32(b, at, 0x6000_0000);
    setU16(b, at + 4, length);
    b[at + 6] = protocol;
    b[at + 7] = 64;
    write16(b, at + 8, src);
    write16(b, at + 24, dst);
  }
}

export function udpDatagram(srcPort: number, dstPort: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(8 + payload.length);
  setU16(bytes, 0, srcPort);
  setU16(bytes, 2, dstPort);
  setU16(bytes, 4, bytes.length);
  bytes.set(payload, 8);
  return bytes;
}

interface TcpFields {
  readonly srcPort: number;
  readonly dstPort: number;
  readonly seq: number;
  readonly ack: number;
  readonly flags: number;
  /** Of a SYN. */
  readonly mss?: number;
}

export function tcpSegment({ srcPort, dstPort, seq, ack, flags, mss = 0 }: TcpFields, payload: Uint8Array): Uint8Array {
  const header = mss === 0 ? 20 : 24;
  const bytes = new Uint8Array(header + payload.length);
  setU16(bytes, 0, srcPort);
  setU16(bytes, 2, dstPort);
  setU32(bytes, 4, seq);
  setU32(bytes, 8, ack);
  bytes[12] = header << 2;
  bytes[13] = flags;
  setU16(bytes, 14, 65_535);
  if (mss > 0) setU32(bytes, 20, 0x0204_0000 | mss);
  bytes.set(payload, header);
  return bytes;
}

/** Bytes that tell whether one was lost or moved. */
export const pattern = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 7) ^ (i >>> 8));

/**
 * Turn an echo request round, or any fragment of one; null if it is none. Exchanging the addresses changes no sum, and
 * the reply's checksum follows from the type's change, so that no fragment needs the others.
 */
export function echoOf(packet: Packet): Packet | null {
  const b = packet.bytes.slice(packet.start, packet.end);
  const v4 = b[0]! >>> 4 === 4;
  const behindFragment = !v4 && b[6] === 44;
  if ((v4 ? b[9] : behindFragment ? b[40] : b[6]) !== (v4 ? 1 : 58)) return null;
  const [at, length] = v4 ? [12, 4] : [8, 16];
  const src = b.slice(at, at + length);
  b.copyWithin(at, at + length, at + 2 * length);
  b.set(src, at + length);
  const offset = v4 ? u16(b, 6) & 0x1fff : behindFragment ? u16(b, 42) >>> 3 : 0;
  if (offset === 0) {
    const icmp = v4 ? 20 : behindFragment ? 48 : 40;
    const type = b[icmp]!;
    if (type !== (v4 ? 8 : 128)) return null;
    b[icmp] = v4 ? 0 : 129;
    setU16(b, icmp + 2, adjust(u16(b, icmp + 2), type << 8, b[icmp]! << 8));
  }
  const echo = packetOf(b);
  echo.network = echo.start;
  return echo;
}
