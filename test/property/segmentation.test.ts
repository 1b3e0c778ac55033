// What `segment` cuts, a naive reader puts together again; what the coalescer merges is the same stream, in the same order.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LimitRegistry } from '../../src/limits.js';
import { Coalescer } from '../../src/link/coalescer.js';
import { segment } from '../../src/link/segmentation.js';
import { type Packet, PacketPool } from '../../src/packet.js';
import { ACK, build, FIN, type PacketFields, PSH, read, unfinish } from '../fixtures/ip-packets.js';

const anyFamily = fc.constantFrom<4 | 6>(4, 6);
const anySuperpacket = fc.record({
  family: anyFamily,
  protocol: fc.constantFrom<6 | 17>(6, 17),
  extension: fc.constantFrom(0, 0, 8, 24),
  seq: fc.oneof(fc.integer({ min: 0, max: 0xffffffff }), fc.integer({ min: 0xffffff00, max: 0xffffffff })),
  flags: fc.constantFrom(ACK, ACK | PSH, ACK | PSH | FIN),
  options: fc.integer({ min: 0, max: 10 }).chain((n) => fc.uint8Array({ minLength: 4 * n, maxLength: 4 * n })),
  payload: fc.uint8Array({ maxLength: 400 }),
  id: fc.integer({ min: 0, max: 0xffff }),
});

function superpacket(pool: PacketPool, fields: Partial<PacketFields>, segmentSize: number, headroom: number): Packet {
  const { packet: bytes, start, field } = unfinish(build(fields));
  const packet = pool.take(bytes.length + headroom);
  packet.start += headroom;
  packet.bytes.set(bytes, packet.start);
  packet.end = packet.start + bytes.length;
  packet.network = packet.start;
  packet.segmentSize = segmentSize;
  packet.checksum = 'partial';
  packet.checksumStart = packet.start + start;
  packet.checksumField = packet.start + field;
  return packet;
}

/** The pieces, in order, as they would stand on the wire. */
function cut(fields: Partial<PacketFields>, segmentSize: number, headroom = 0): Uint8Array[] {
  const pool = new PacketPool();
  const pieces: Uint8Array[] = [];
  segment(superpacket(pool, fields, segmentSize, headroom), pool, {
    emit: (piece) => {
      pieces.push(piece.bytes.slice(piece.start, piece.end));
      piece.release();
    },
  });
  expect(pool.outstanding).toBe(0);
  return pieces;
}

function coalesce(packets: readonly Uint8Array[], flushEvery = Infinity): { bytes: Uint8Array; segmentSize: number }[] {
  const pool = new PacketPool();
  const out: { bytes: Uint8Array; segmentSize: number }[] = [];
  const network = {
    input: (packet: Packet): void => {
      out.push({ bytes: packet.bytes.slice(packet.start, packet.end), segmentSize: packet.segmentSize });
      packet.release();
    },
  };
  const coalescer = new Coalescer(network, { pool, limits: new LimitRegistry() }, 'x');
  packets.forEach((bytes, i) => {
    const packet = pool.take(bytes.length);
    packet.bytes.set(bytes, packet.start);
    packet.end = packet.start + bytes.length;
    coalescer.input(packet, 'unicast', 0);
    if (i % flushEvery === flushEvery - 1) coalescer.flush(0);
  });
  coalescer.flush(0);
  expect(pool.outstanding).toBe(0);
  return out;
}

describe('a superpacket, cut', () => {
  test('is put together again by who reads the segments one by one, all of them valid', () => {
    fc.assert(fc.property(anySuperpacket, fc.integer({ min: 1, max: 120 }), fc.integer({ min: 0, max: 5 }), (fields, size, headroom) => {
      const segments = cut(fields, size, headroom).map(read);
      let next = BigInt(fields.seq);
      segments.forEach((piece, i) => {
        const isLast = i === segments.length - 1;
        expect(piece.isValid).toBe(true);
        expect(isLast || piece.payload.length === size).toBe(true);
        if (fields.family === 4) expect(piece.id).toBe((fields.id + i) % 65536);
        if (fields.protocol !== 6) return;
        expect(BigInt(piece.seq)).toBe(BigInt.asUintN(32, next));
        expect(piece.flags).toBe(isLast ? fields.flags : ACK);
        expect(piece.options).toEqual(fields.options);
        next += BigInt(piece.payload.length);
      });
      expect(segments.length).toBe(Math.max(1, Math.ceil(fields.payload.length / size)));
      expect(segments.flatMap((piece) => [...piece.payload])).toEqual([...fields.payload]);
    }));
  });

  test('then coalesced, is the superpacket again, byte for byte', () => {
    fc.assert(fc.property(anySuperpacket, fc.integer({ min: 1, max: 120 }), (some, size) => {
      const fields = { ...some, protocol: 6 as const, extension: 0, flags: some.flags & ~FIN };
      fc.pre(fields.payload.length > size);
      const out = coalesce(cut(fields, size));
      expect(out).toEqual([{ bytes: unfinish(build(fields)).packet, segmentSize: size }]);
    }));
  });
});

describe('the coalescer', () => {
  /** Packets of few flows, so that they meet: mostly the next in their flow, now and then anything else. */
  const anyStep = fc.record({
    flow: fc.integer({ min: 1, max: 3 }),
    family: anyFamily,
    length: fc.constantFrom(0, 5, 10, 10, 10, 10),
    skip: fc.constantFrom(0, 0, 0, 0, 0, 1, -5),
    flags: fc.constantFrom(ACK, ACK, ACK, ACK, ACK, ACK | PSH, ACK | FIN),
    ack: fc.constantFrom(1, 1, 1, 1, 2),
    kind: fc.constantFrom('right', 'right', 'right', 'right', 'right', 'right', 'corrupt', 'fragment', 'extended', 'udp'),
  });
  type Step = typeof anyStep extends fc.Arbitrary<infer T> ? T : never;

  function packetsOf(steps: readonly Step[]): Uint8Array[] {
    const next = new Map<string, number>();
    return steps.map((step, id) => {
      const { flow, family, length, skip, flags, ack, kind } = step;
      const seq = ((next.get(`${family}/${flow}`) ?? 0xffffffc0) + skip) >>> 0;
      next.set(`${family}/${flow}`, seq + length);
      const payload = new Uint8Array(length).fill(id);
      const extension = kind === 'extended' ? 8 : 0;
      const bytes = build({ family, srcPort: flow, id, seq, flags, ack, payload, extension, protocol: kind === 'udp' ? 17 : 6 });
      if (kind === 'corrupt') bytes[bytes.length - 1]! ^= 0x55;
      if (kind === 'fragment' && family === 4) bytes[7] = 1;
      return bytes;
    });
  }

  /** What a flow has seen, as its endpoint would: flags, numbers and text, superpackets told as the segments they count as. */
  function history(out: { bytes: Uint8Array; segmentSize: number }[]): Map<string, string[]> {
    const told = new Map<string, string[]>();
    for (const { bytes, segmentSize } of out) {
      const { family, srcPort, protocol, seq, ack, flags, payload, isValid } = read(bytes);
      const lines = told.get(`${family}/${protocol}/${srcPort}`) ?? [];
      told.set(`${family}/${protocol}/${srcPort}`, lines);
      const size = segmentSize || Math.max(1, payload.length);
      for (let at = 0; at === 0 || at < payload.length; at += size) {
        const isLast = at + size >= payload.length;
        const own = isLast ? flags : flags & ~(PSH | FIN);
        const right = segmentSize > 0 || isValid;
        lines.push(`${(seq + at) >>> 0} ${ack} ${own} ${right} ${[...payload.slice(at, at + size)]}`);
      }
    }
    return told;
  }

  test('delivers each flow the same segments in the same order, whatever comes between', () => {
    fc.assert(fc.property(fc.array(anyStep, { maxLength: 40 }), fc.constantFrom(3, 10, Infinity), (steps, flushEvery) => {
      const packets = packetsOf(steps);
      const out = coalesce(packets, flushEvery);
      expect(history(out)).toEqual(history(packets.map((bytes) => ({ bytes, segmentSize: 0 }))));
    }), { numRuns: 300 });
  });

  test('takes any bytes', () => {
    fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 80 })), (garbage) => {
      const packets = garbage.map((bytes, i) => Uint8Array.of(i % 2 === 0 ? 0x45 : 0x60, ...bytes));
      expect(coalesce(packets).map(({ bytes }) => bytes.length).sort()).toEqual(packets.map((bytes) => bytes.length).sort());
    }));
  });
});
