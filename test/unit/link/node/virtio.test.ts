// The virtio header of a TUN. VIRTIO 1.2 §5.1.6; the oracle reads and writes it by DataView, field by field.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { fromHex } from '../../../../src/bytes.js';
import { headerLength, readHeader, writeHeader } from '../../../../src/link/node/virtio.js';
import { type Packet, packetOf } from '../../../../src/packet.js';

interface Header {
  flags: number;
  gsoType: number;
  headerLength: number;
  gsoSize: number;
  csumStart: number;
  csumOffset: number;
}

function encode(header: Header): Uint8Array {
  const view = new DataView(new ArrayBuffer(12));
  view.setUint8(0, header.flags);
  view.setUint8(1, header.gsoType);
  const { headerLength, gsoSize, csumStart, csumOffset } = header;
  [headerLength, gsoSize, csumStart, csumOffset].forEach((field, i) => view.setUint16(2 + 2 * i, field, true));
  return new Uint8Array(view.buffer);
}

function decode(b: Uint8Array, at: number): Header {
  const view = new DataView(b.buffer, b.byteOffset + at);
  const [headerLength, gsoSize, csumStart, csumOffset] = [2, 4, 6, 8].map((offset) => view.getUint16(offset, true));
  return {
    flags: view.getUint8(0), gsoType: view.getUint8(1),
    headerLength: headerLength!, gsoSize: gsoSize!, csumStart: csumStart!, csumOffset: csumOffset!,
  };
}

/** A packet of `length` bytes, as a header says it is. */
function received(header: Uint8Array, length: number): Packet {
  const packet = packetOf(new Uint8Array(length));
  readHeader(header, 0, packet);
  return packet;
}

describe('what the kernel says of a packet', () => {
  test('a small datagram and a SYN have partial checksums (as captured from Linux 6.18)', () => {
    const udp = received(fromHex('01000000 00001400 06000000'), 33);
    expect(udp).toMatchObject({ checksum: 'partial', checksumStart: udp.start + 20, checksumField: udp.start + 26, segmentSize: 0 });
    const syn = received(fromHex('01000000 00001400 10000000'), 60);
    expect(syn).toMatchObject({ checksum: 'partial', checksumStart: syn.start + 20, checksumField: syn.start + 36, segmentSize: 0 });
  });

  test.each([['TCP over IPv4', 1], ['TCP over IPv6', 4], ['UDP', 5], ['TCP over IPv4 with CWR', 0x81]])('%s comes in superpackets', (_, gsoType) => {
    const header = encode({ flags: 1, gsoType, headerLength: 0, gsoSize: 1448, csumStart: 20, csumOffset: 16 });
    expect(received(header, 30_000).segmentSize).toBe(1448);
  });

  test.each([['none', 0], ['UDP fragmentation, which we never ask for', 3]])('segmentation %s makes no superpacket', (_, gsoType) => {
    const header = encode({ flags: 1, gsoType, headerLength: 0, gsoSize: 1448, csumStart: 20, csumOffset: 6 });
    expect(received(header, 30_000).segmentSize).toBe(0);
  });

  test('a checksum that somebody verified need not be verified again', () => {
    const header = encode({ flags: 2, gsoType: 0, headerLength: 0, gsoSize: 0, csumStart: 0, csumOffset: 0 });
    expect(received(header, 60).checksum).toBe('verified');
  });

  test('no header makes the stack sum outside of the packet', () => {
    // Near the packet's end, where one byte decides.
    const near = fc.integer({ min: 22, max: 100 }).chain((length) =>
      fc.tuple(fc.constant(length), fc.integer({ min: length - 20, max: length + 4 }), fc.integer({ min: 0, max: 18 })));
    fc.assert(fc.property(near, ([length, csumStart, csumOffset]) => {
      const packet = received(encode({ flags: 1, gsoType: 0, headerLength: 9999, gsoSize: 0, csumStart, csumOffset }), length);
      const inside = csumStart + csumOffset + 2 <= length;
      expect(packet.checksum).toBe(inside ? 'partial' : 'whole');
      if (inside) expect(packet.checksumField).toBe(packet.start + csumStart + csumOffset);
    }));
    fc.assert(fc.property(fc.uint8Array({ minLength: 12, maxLength: 12 }), fc.nat(200), (bytes, length) => {
      const packet = received(bytes, length);
      expect(packet.checksum !== 'partial' || packet.checksumField + 2 <= packet.end).toBe(true);
    }));
  });
});

interface Sent {
  version: 4 | 6;
  protocol: 6 | 17;
  payload: number;
  segmentSize?: number;
  tcpFlags?: number;
  tcpOptions?: number;
  /** Bytes of a link header before the IP header. */
  link?: number;
  checksum?: Packet['checksum'];
}

/** A packet as IP would hand it down, with garbage where the virtio header goes; and that header's length. */
function sent({ version, protocol, payload, segmentSize = 0, tcpFlags = 0x10, tcpOptions = 0, link = 0, checksum = 'partial' }: Sent): Packet {
  const ip = version === 4 ? 20 : 40;
  const transport = protocol === 6 ? 20 + tcpOptions : 8;
  const packet = packetOf(new Uint8Array(link + ip + transport + payload));
  packet.bytes.fill(0xee, 0, packet.start);
  packet.network = packet.start + link;
  packet.bytes[packet.network] = version << 4;
  packet.checksum = checksum;
  packet.checksumStart = packet.network + ip;
  packet.checksumField = packet.checksumStart + (protocol === 6 ? 16 : 6);
  if (protocol === 6) {
    packet.bytes[packet.checksumStart + 12] = (transport / 4) << 4;
    packet.bytes[packet.checksumStart + 13] = tcpFlags;
  }
  packet.segmentSize = segmentSize;
  return packet;
}

function said(packet: Packet, length = 12): Header {
  const at = packet.start - length;
  writeHeader(packet, at, length);
  expect(packet.bytes[at - 1]).toBe(0xee);
  if (length === 12) expect(packet.bytes.subarray(at + 10, at + 12)).toEqual(Uint8Array.of(0, 0));
  return decode(packet.bytes, at);
}

describe('what we say of a packet', () => {
  test('a header has 12 bytes before a packet and 10 before a frame, so that IP lies on a 4-byte boundary', () => {
    expect(headerLength('ip') % 4).toBe(0);
    expect((headerLength('ethernet') + 14) % 4).toBe(0);
  });

  test.each(['whole', 'verified'] as const)('nothing, when the checksum is %s', (checksum) => {
    const header = said(sent({ version: 4, protocol: 17, payload: 100, checksum }));
    expect(header).toEqual({ flags: 0, gsoType: 0, headerLength: 0, gsoSize: 0, csumStart: 0, csumOffset: 0 });
  });

  test('where summing begins and where the sum goes, when it is partial', () => {
    expect(said(sent({ version: 6, protocol: 6, payload: 100 })))
      .toEqual({ flags: 1, gsoType: 0, headerLength: 0, gsoSize: 0, csumStart: 40, csumOffset: 16 });
    expect(said(sent({ version: 4, protocol: 17, payload: 100, link: 14 }), 10))
      .toEqual({ flags: 1, gsoType: 0, headerLength: 0, gsoSize: 0, csumStart: 34, csumOffset: 6 });
  });

  test('how a superpacket is to be cut', () => {
    expect(said(sent({ version: 4, protocol: 6, payload: 5000, segmentSize: 1448, tcpOptions: 12 })))
      .toEqual({ flags: 1, gsoType: 1, headerLength: 52, gsoSize: 1448, csumStart: 20, csumOffset: 16 });
    expect(said(sent({ version: 6, protocol: 6, payload: 5000, segmentSize: 1428 })))
      .toEqual({ flags: 1, gsoType: 4, headerLength: 60, gsoSize: 1428, csumStart: 40, csumOffset: 16 });
    expect(said(sent({ version: 4, protocol: 17, payload: 5000, segmentSize: 1200 })))
      .toEqual({ flags: 1, gsoType: 5, headerLength: 28, gsoSize: 1200, csumStart: 20, csumOffset: 6 });
    expect(said(sent({ version: 6, protocol: 6, payload: 5000, segmentSize: 1428, link: 14 }), 10))
      .toMatchObject({ gsoType: 4, headerLength: 74, csumStart: 54 });
  });

  // RFC 3168 §6.1.2: the sender says CWR once.
  test('CWR is for the first segment alone', () => {
    expect(said(sent({ version: 4, protocol: 6, payload: 5000, segmentSize: 1000, tcpFlags: 0x90 })).gsoType).toBe(0x81);
    expect(said(sent({ version: 6, protocol: 6, payload: 5000, segmentSize: 1000, tcpFlags: 0x90 })).gsoType).toBe(0x84);
    expect(said(sent({ version: 4, protocol: 6, payload: 500, tcpFlags: 0x90 })).gsoType).toBe(0);
  });

  test.each([[1000, 0, 0], [1001, 5, 1000]])('a superpacket of %i bytes in segments of 1000 has gso type %i', (payload, gsoType, gsoSize) => {
    expect(said(sent({ version: 4, protocol: 17, payload, segmentSize: 1000 }))).toMatchObject({ gsoType, gsoSize, flags: 1 });
  });

  test('a superpacket is as long as it is with what it is lent', () => {
    const packet = sent({ version: 4, protocol: 6, payload: 1000, segmentSize: 1000 });
    packet.lend(new Uint8Array(500), 0, 500);
    expect(said(packet)).toMatchObject({ gsoType: 1, gsoSize: 1000 });
  });

  test('what we say is what we would hear', () => {
    const any = fc.record({
      version: fc.constantFrom(4 as const, 6 as const), protocol: fc.constantFrom(6 as const, 17 as const),
      payload: fc.integer({ min: 2001, max: 60_000 }), segmentSize: fc.integer({ min: 0, max: 2000 }),
      tcpFlags: fc.nat(255), tcpOptions: fc.nat(10).map((words) => words * 4),
    });
    fc.assert(fc.property(any, (fields) => {
      const packet = sent(fields);
      writeHeader(packet, packet.start - 12, 12);
      const heard = packetOf(packet.bytes.subarray(packet.start, packet.end));
      readHeader(packet.bytes, packet.start - 12, heard);
      const { start, checksum, checksumStart, checksumField, segmentSize } = packet;
      expect(heard).toMatchObject({ start, checksum, checksumStart, checksumField, segmentSize });
    }));
  });
});
