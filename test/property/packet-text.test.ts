import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromHex } from '../../src/bytes.js';
import { packetText } from '../../src/testing/packet-text.js';
import { FRAMES } from '../fixtures/captured-frames.js';

const medium = fc.constantFrom('ip' as const, 'ethernet' as const);
const captured = fc.constantFrom(...Object.values(FRAMES).map(({ hex }) => fromHex(hex)));

/** A captured frame cut anywhere, some of its bytes replaced; or any bytes. As IP it loses its Ethernet header. */
const anyPacket = fc.oneof(
  fc.tuple(medium, fc.uint8Array({ maxLength: 120 })),
  // Version, header length or extension header first, so that chance gets past the door.
  fc.tuple(medium, fc.uint8Array({ minLength: 40, maxLength: 120 }), fc.constantFrom(0x45, 0x46, 0x4f, 0x60),
    fc.constantFrom(0, 1, 6, 17, 43, 44, 51, 58, 60, 132, 135)).map(([m, bytes, first, next]) => {
    bytes.set(first === 0x60 ? [first, 0, 0, 0, 0, 80, next] : [first, 0, 0, 80, 0, 0, 0, 0, 64, next]);
    return [m, bytes] as const;
  }),
  fc.tuple(medium, captured, fc.nat(200), fc.array(fc.tuple(fc.nat(120), fc.nat(255)), { maxLength: 4 }))
    .map(([m, frame, cut, changes]) => {
      const bytes = frame.slice(m === 'ip' ? 14 : 0);
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
      return [m, bytes.slice(0, Math.min(bytes.length, cut))] as const;
    }),
);

describe('the text of a packet', () => {
  test('is one printable line without a number that is none, whatever the bytes', () => {
    fc.assert(fc.property(anyPacket, ([m, bytes]) => {
      const line = packetText(bytes, 0, bytes.length, m);
      expect(line).toMatch(/^[ -~]+$/);
      expect(line).not.toMatch(/NaN|undefined|null|-\d+ bytes|length -/);
      expect(line.length).toBeLessThan(1000);
    }), { numRuns: 5000 });
  });

  test('depends on the bytes of the packet and on none beside it', () => {
    const around = fc.tuple(fc.uint8Array({ maxLength: 20 }), fc.uint8Array({ maxLength: 90 }));
    fc.assert(fc.property(anyPacket, around, ([m, bytes], [before, after]) => {
      const memory = Uint8Array.of(...before, ...bytes, ...after);
      const end = before.length + bytes.length;
      expect(packetText(memory, before.length, end, m)).toBe(packetText(bytes, 0, bytes.length, m));
    }), { numRuns: 3000 });
  });
});
