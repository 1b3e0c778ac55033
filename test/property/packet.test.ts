// Ownership of packets: whatever is taken, held and released, nobody shares memory with anybody.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Packet, PacketPool } from '../../src/packet.js';

const step = fc.record({
  do: fc.constantFrom('take', 'take', 'hold', 'release', 'release'),
  size: fc.oneof(fc.nat({ max: 3000 }), fc.constantFrom(1919, 1920, 1921, 65_600)),
  which: fc.nat(),
});

test('a packet belongs to its holders until the last of them has released it', () => {
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), fc.nat({ max: 4 }), (steps, freeMax) => {
    const pool = new PacketPool(freeMax);
    /** The holders' list: packet, how often held, and the mark written into all of it. */
    const held: { packet: Packet; count: number; mark: number }[] = [];
    for (const [i, s] of steps.entries()) {
      const chosen = held[s.which % Math.max(held.length, 1)];
      if (s.do === 'take') {
        const packet = pool.take(s.size);
        expect(held.some((h) => h.packet === packet || h.packet.bytes.buffer === packet.bytes.buffer)).toBe(false);
        expect(packet.bytes.length - packet.start).toBeGreaterThanOrEqual(s.size);
        packet.bytes.fill(i);
        held.push({ packet, count: 1, mark: i });
      } else if (chosen !== undefined) {
        if (s.do === 'hold') {
          expect(chosen.packet.hold()).toBe(chosen.packet);
          chosen.count++;
        } else {
          chosen.packet.release();
          if (--chosen.count === 0) held.splice(held.indexOf(chosen), 1);
        }
      }
      expect(pool.outstanding).toBe(held.length);
      for (const { packet, mark } of held) {
        expect([packet.bytes[0], packet.bytes[packet.start], packet.bytes.at(-1)]).toEqual([mark, mark, mark]);
      }
    }
  }));
});
