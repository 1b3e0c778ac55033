// The header that Linux puts before each packet of a TUN opened with IFF_VNET_HDR, in place: what of the checksum and
// of the cutting into segments is still to be done. Virtual I/O Device (VIRTIO) 1.2 §5.1.6, <linux/virtio_net.h>.
// Little-endian.
//
//     0  flags          1 NEEDS_CSUM: the checksum is partial     2 DATA_VALID: somebody has verified it
//     1  gso type       0 none, 1 TCP over IPv4, 4 TCP over IPv6, 5 UDP; | 0x80: TCP with CWR
//     2  header length  of what precedes the payload; a hint, often 0 on input: never trusted
//     4  gso size       payload bytes of each segment
//     6  csum start     where summing begins  } from the first byte
//     8  csum offset    from there to the sum } behind this header
//    10  buffers        0 here; absent from the header of 10 bytes
//
// The sum that stands in the checksum field is the pseudo-header's, not inverted, in both directions.

import type { Packet } from '../../packet.js';

/** Bytes of the header. With 12 before an IP packet, with 10 before a frame, the IP header is on a 4-byte boundary. */
export const headerLength = (medium: 'ip' | 'ethernet'): 10 | 12 => (medium === 'ip' ? 12 : 10);

/** Tell `packet`, whose bytes are in place, what the header at `b[at]` says of it. Nonsense is not believed. */
export function readHeader(b: Uint8Array, at: number, packet: Packet): void {
  const flags = b[at]!;
  if ((flags & 1) !== 0) {
    const checksumStart = packet.start + le16(b, at + 6);
    const checksumField = checksumStart + le16(b, at + 8);
    if (checksumField + 2 > packet.end) return;
    packet.checksum = 'partial';
    packet.checksumStart = checksumStart;
    packet.checksumField = checksumField;
  } else if ((flags & 2) !== 0) {
    packet.checksum = 'verified';
  }
  const type = b[at + 1]! & 0x7f;
  if (type === 1 || type === 4 || type === 5) packet.segmentSize = le16(b, at + 4);
}

/** Write the header of `length` bytes that describes `packet`, an IP packet's from `packet.network` on, at its `b[at]`. */
export function writeHeader(packet: Packet, at: number, length: number): void {
  const b = packet.bytes;
  for (let i = at; i < at + length; i++) b[i] = 0;
  if (packet.checksum !== 'partial') return;
  const { start, checksumStart } = packet;
  b[at] = 1;
  setLe16(b, at + 6, checksumStart - start);
  setLe16(b, at + 8, packet.checksumField - checksumStart);
  if (packet.segmentSize === 0) return;
  const tcp = isTcp(packet);
  const payload = checksumStart + (tcp ? (b[checksumStart + 12]! >>> 4) * 4 : 8);
  // A superpacket of one segment is none, and some kernels would not notice.
  if (packet.end + packet.lent - payload <= packet.segmentSize) return;
  b[at + 1] = tcp ? tcpType(packet) : 5;
  setLe16(b, at + 2, payload - start);
  setLe16(b, at + 4, packet.segmentSize);
}

/** Of a partial checksum: TCP keeps its checksum at 16, UDP at 6. */
export const isTcp = (packet: Packet): boolean => packet.checksumField - packet.checksumStart === 16;

/** RFC 3168 §6.1.2: CWR goes out once. With the bit, the first segment alone carries it. */
function tcpType(packet: Packet): number {
  const b = packet.bytes;
  const congestionWindowReduced = (b[packet.checksumStart + 13]! & 0x80) !== 0;
  return (b[packet.network]! >>> 4 === 4 ? 1 : 4) | (congestionWindowReduced ? 0x80 : 0);
}

const le16 = (b: Uint8Array, at: number): number => b[at]! | (b[at + 1]! << 8);

function setLe16(b: Uint8Array, at: number, value: number): void {
  b[at] = value;
  b[at + 1] = value >>> 8;
}
