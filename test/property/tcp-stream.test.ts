// TCP over a cable that loses, doubles, damages and overtakes, between applications that read when they like: whatever
// happens short of a cut, every byte arrives once and in order, both sides close, and nothing is left behind.

import fc from 'fast-check';
import { describe, test } from 'vitest';

import { type Cable, Conversation, type Party, type Plan } from '../fixtures/conversation.js';

const sometimes = <T>(usual: T, other: fc.Arbitrary<T>): fc.Arbitrary<T> => fc.oneof(fc.constant(usual), other);

const cable: fc.Arbitrary<Cable> = fc.record({
  delay: fc.constantFrom(0, 0.1, 1, 10, 50, 300),
  jitter: sometimes(0, fc.constantFrom(0.5, 5, 30, 400)),
  loss: sometimes(0, fc.constantFrom(0.01, 0.05, 0.15, 0.3)),
  duplicate: sometimes(0, fc.constantFrom(0.05, 0.3)),
  corrupt: sometimes(0, fc.constantFrom(0.02, 0.1)),
  blackout: sometimes(0, fc.constantFrom(200, 3000)),
}).map((c) => (c.blackout > 0 ? { ...c, loss: Math.min(c.loss, 0.05) } : c));

const size = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 1500 }), fc.integer({ min: 1, max: 40_000 }));

const party = (endsFirst: boolean): fc.Arbitrary<Party> => fc.record({
  writes: fc.array(size, { maxLength: 8 }),
  writePause: fc.constantFrom(0, 0, 10, 300),
  readPause: fc.constantFrom(0, 0, 20, 200, 2000),
  readMax: fc.constantFrom(100_000, 100_000, 5000, 700),
  endsFirst: fc.constant(endsFirst),
  noDelay: fc.boolean(),
  sendBuffer: fc.constantFrom(100, 3000, 30_000, 1 << 20),
  receiveBuffer: fc.constantFrom(300, 2000, 20_000, 100_000, 4 << 20),
  issBeforeWrap: fc.oneof(fc.constantFrom(0, 1, 2), fc.integer({ min: 1, max: 50_000 }), fc.constant(0x8000_0000)),
});

// Somebody has to end first; both may.
export const plan: fc.Arbitrary<Plan> = fc.constantFrom([true, true], [true, false], [false, true]).chain(([client, server]) => fc.record({
  seed: fc.integer(),
  family: fc.constantFrom(4 as const, 6 as const),
  mtu: fc.constantFrom(1500, 1280, 9000),
  offload: fc.boolean(),
  cable,
  client: party(client!),
  server: party(server!),
}).map((p) => ({ ...p, client: fitting(p.client, p.server), server: fitting(p.server, p.client) })));

/** A small buffer makes many small steps of a large text: so many that a run stays short. */
function fitting(from: Party, to: Party): Party {
  const most = 30 * Math.min(from.sendBuffer, to.receiveBuffer, to.readMax);
  return { ...from, writes: from.writes.map((bytes) => Math.min(bytes, most)) };
}

describe('a stream', () => {
  test('whatever the cable does short of a cut, every byte arrives once and in order, and nothing is left behind', () => {
    fc.assert(fc.property(plan, (p) => {
      new Conversation(p).run();
    }), { numRuns: 100 });
  });
});
