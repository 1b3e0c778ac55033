import { describe, expect, test } from 'vitest';
import { isTcp, segment } from '../../../src/link/segmentation.js';
import { type Packet, packetOf, PacketPool } from '../../../src/packet.js';
import { ACK, build, CWR, DEFAULTS, ECE, FIN, type PacketFields, PSH, read, unfinish, URG } from '../../fixtures/ip-packets.js';

const text = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i * 7);

/** A superpacket whose checksum is `partial`, as a transport builds it. */
function superpacket(fields: Partial<PacketFields>, segmentSize: number): Packet {
  const { packet: bytes, start, field } = unfinish(build(fields));
  const packet = packetOf(bytes);
  packet.network = packet.start;
  packet.segmentSize = segmentSize;
  packet.checksum = 'partial';
  packet.checksumStart = packet.start + start;
  packet.checksumField = packet.start + field;
  return packet;
}

/** Cut it, read the pieces, and give everything back. */
function cut(packet: Packet): ReturnType<typeof read>[] {
  const pool = new PacketPool();
  const pieces: ReturnType<typeof read>[] = [];
  const refused = segment(packet, pool, {
    emit: (piece) => {
      pieces.push(read(piece.bytes.subarray(piece.network, piece.end)));
      piece.release();
    },
  });
  expect(refused).toBeNull();
  expect(pool.outstanding).toBe(0);
  return pieces;
}

describe.each([4, 6] as const)('a TCP superpacket of IPv%i', (family) => {
  test('becomes segments of the given size, the last one shorter, sequence numbers counting on across the wrap', () => {
    const pieces = cut(superpacket({ family, seq: 0xffffffff, payload: text(2500) }, 1000));
    expect(pieces.map((piece) => [piece.seq, piece.payload.length])).toEqual([[0xffffffff, 1000], [999, 1000], [1999, 500]]);
    expect(pieces.every((piece) => piece.isValid)).toBe(true);
    expect(pieces.flatMap((piece) => [...piece.payload])).toEqual([...text(2500)]);
  });

  test('repeats every other field and every option on each segment', () => {
    const options = Uint8Array.of(1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8);
    const fields = { family, options, payload: text(300), trafficClass: 0x2a, hopLimit: 3, window: 77, ack: 0x80000001 };
    for (const piece of cut(superpacket(fields, 100))) {
      const { isValid, ...seen } = piece;
      expect(isValid).toBe(true);
      expect(seen).toEqual({ ...DEFAULTS, ...fields, seq: seen.seq, id: seen.id, payload: seen.payload });
    }
  });

  test('has FIN and PSH on the last segment only, CWR on the first only (RFC 3168 §6.1.2), ECE on all', () => {
    const flags = ACK | PSH | FIN | CWR | ECE;
    const pieces = cut(superpacket({ family, flags, payload: text(30) }, 10));
    expect(pieces.map((piece) => piece.flags)).toEqual([ACK | CWR | ECE, ACK | ECE, ACK | PSH | FIN | ECE]);
    expect(cut(superpacket({ family, flags, payload: text(10) }, 10)).map((piece) => piece.flags)).toEqual([flags]);
  });

  test('keeps the urgent pointer where it points, and loses it behind that (RFC 9293 §3.8.5)', () => {
    const pointers = (urgent: number): unknown =>
      cut(superpacket({ family, flags: ACK | URG, urgent, payload: text(30) }, 10))
        .map((piece) => piece.flags & URG ? piece.urgent : null);
    expect(pointers(15)).toEqual([15, 5, null]);
    expect(pointers(10)).toEqual([10, null, null]);
  });

  test('without text stays one segment', () => {
    const [only, ...others] = cut(superpacket({ family, flags: ACK | FIN }, 1000));
    expect(others).toEqual([]);
    expect(only).toMatchObject({ flags: ACK | FIN, isValid: true });
  });

  test('with a checksum already complete comes out right as well', () => {
    const packet = packetOf(build({ family, payload: text(50) }));
    packet.network = packet.start;
    packet.segmentSize = 20;
    expect(cut(packet).map((piece) => piece.isValid)).toEqual([true, true, true]);
  });
});

describe.each([4, 6] as const)('a UDP superpacket of IPv%i', (family) => {
  test('becomes datagrams, each with its own length and checksum', () => {
    const pieces = cut(superpacket({ family, protocol: 17, payload: text(25) }, 10));
    expect(pieces.map((piece) => [...piece.payload])).toEqual(
      [[...text(25).slice(0, 10)], [...text(25).slice(10, 20)], [...text(25).slice(20)]]);
    expect(pieces.every((piece) => piece.isValid)).toBe(true);
  });

  test('never sends a checksum of zero, which would say that there is none (RFC 768)', () => {
    // What the checksum would be with a source port of zero is the source port that makes the sum all ones.
    const fields = { family, protocol: 17 as const, payload: Uint8Array.of(0, 0) };
    const zeroing = new DataView(build({ ...fields, srcPort: 0 }).buffer).getUint16(family === 4 ? 26 : 46);
    const sums: number[] = [];
    segment(superpacket({ ...fields, srcPort: zeroing }, 2), new PacketPool(), {
      emit: ({ bytes, end }) => { sums.push((bytes[end - 4]! << 8) | bytes[end - 3]!); },
    });
    expect(sums).toEqual([0xffff]);
  });
});

test('IPv4 ids count on, modulo 2^16 (RFC 6864 §4.3)', () => {
  expect(cut(superpacket({ id: 0xfffe, payload: text(40) }, 10)).map((piece) => piece.id)).toEqual([0xfffe, 0xffff, 0, 1]);
});

test('IPv6 extension headers are repeated on each segment', () => {
  const pieces = cut(superpacket({ family: 6, extension: 16, payload: text(25) }, 10));
  expect(pieces.map((piece) => [piece.extension, piece.isValid])).toEqual([[16, true], [16, true], [16, true]]);
});

test('a link header in front of the packet is repeated on each segment', () => {
  const packet = superpacket({ payload: text(25) }, 10);
  packet.bytes.set(text(14), packet.push(14));
  const headers: number[][] = [];
  segment(packet, new PacketPool(), {
    emit: (piece) => { headers.push([...piece.bytes.subarray(piece.start, piece.network)]); },
  });
  expect(headers).toEqual([[...text(14)], [...text(14)], [...text(14)]]);
});

describe('what cannot be cut is refused, and given back', () => {
  const refusing = (change: (bytes: Uint8Array) => void, fields: Partial<PacketFields> = {}, end = 0): unknown => {
    const pool = new PacketPool();
    const bytes = build({ payload: text(50), ...fields });
    change(bytes);
    const packet = pool.take(bytes.length);
    packet.bytes.set(bytes, packet.start);
    packet.end = packet.start + (end || bytes.length);
    packet.network = packet.start;
    packet.segmentSize = 10;
    const refused = segment(packet, pool, { emit: (piece) => piece.release() });
    expect(pool.outstanding).toBe(0);
    return refused;
  };

  test.each<[string, (bytes: Uint8Array) => void, Partial<PacketFields>?, number?]>([
    ['another protocol', (b) => { b[9] = 1; }],
    ['the first fragment', (b) => { b[6] = 0x20; }],
    ['a later fragment', (b) => { b[7] = 5; }],
    ['an IPv4 header of 16 bytes', (b) => { b[0] = 0x44; }],
    ['a TCP header of 16 bytes', (b) => { b[32] = 0x40; }],
    ['a TCP header longer than the packet', (b) => { b[32] = 0xf0; }, { payload: text(30) }],
    ['a packet that ends in its TCP header', () => {}, {}, 39],
    ['a packet that ends in its IPv4 header', () => {}, {}, 19],
    ['a packet that ends in its IPv6 header', () => {}, { family: 6 }, 39],
    ['a packet that ends in its UDP header', () => {}, { protocol: 17 }, 27],
    ['an extension header that ends behind the packet', (b) => { b[41] = 255; }, { family: 6, extension: 8 }],
    ['an endless chain of extension headers', (b) => { b.fill(60, 40); b.fill(0, 41, 42); }, { family: 6, extension: 8 }],
  ])('%s', (_, change, fields, end) => {
    expect(refusing(change, fields, end)).toBe('device-cannot-segment');
  });
});

test('a superpacket is known for TCP behind IPv6 extension headers too', () => {
  expect(isTcp(superpacket({ family: 6, extension: 8 }, 1))).toBe(true);
  expect(isTcp(superpacket({ family: 6, extension: 8, protocol: 17 }, 1))).toBe(false);
  expect(isTcp(superpacket({ family: 4 }, 1))).toBe(true);
  expect(isTcp(superpacket({ family: 4, protocol: 17 }, 1))).toBe(false);
  const truncated = superpacket({ family: 6, extension: 8 }, 1);
  truncated.end = truncated.start + 47;
  expect(isTcp(truncated)).toBe(false);
});
