// UDP datagrams. RFC 768.

import fc from 'fast-check';

import { bytes, kindOf, offBy, port } from './values.js';
import { Writer } from './writer.js';

export interface UdpDatagram {
  readonly kind: 'udp';
  readonly payload: Uint8Array;
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** Sent without a checksum: 0 in its place. RFC 6936 has rules for IPv6. */
  readonly isUnsummed: boolean;
  readonly checksumOff: number;
}

export const UDP_MANNERS = { udp: { sourcePort: 40_000, destinationPort: 7 } };

export interface UdpKnobs {
  /** Bytes of payload at most. Default 64. */
  readonly payloadMax?: number;
  readonly invalidChecksum?: number;
}

export const udpDatagram = ({ payloadMax = 64, invalidChecksum = 0 }: UdpKnobs = {}): fc.Arbitrary<UdpDatagram> => kindOf('udp', {
  payload: bytes(payloadMax), sourcePort: port(), destinationPort: port(),
  isUnsummed: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }), checksumOff: offBy(invalidChecksum),
});

/** With a checksum of zero, which stands at 6. */
export const writeUdp = (d: UdpDatagram): Uint8Array<ArrayBuffer> =>
  new Writer().u16(d.sourcePort).u16(d.destinationPort).u16(8 + d.payload.length).u16(0).put(d.payload).take();
