// TCP over a network that loses, doubles, damages, overtakes and meddles, between applications that read when they like: whatever
// happens short of a cut, every byte arrives once and in order, both sides close, and nothing is left behind.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { Conversation, type Party, type Plan, total } from '../../src/testing/conversation.js';
import type { Impairments } from '../../src/testing/impairment.js';
import type { TcpMiddleboxOptions } from '../../src/testing/middlebox.js';
import { NEVER } from '../../src/time.js';

const sometimes = <T>(usual: T, other: fc.Arbitrary<T>): fc.Arbitrary<T> => fc.oneof(fc.constant(usual), other);

const link: fc.Arbitrary<Impairments> = fc.record({
  delayMs: fc.constantFrom(0, 0.1, 1, 10, 50, 300),
  jitterMs: sometimes(0, fc.constantFrom(0.5, 5, 30, 400)),
  overtaking: fc.boolean(),
  loss: sometimes(0, fc.constantFrom(0.01, 0.05, 0.15, 0.3)),
  duplicate: sometimes(0, fc.constantFrom(0.05, 0.3)),
  corrupt: sometimes(0, fc.constantFrom(0.02, 0.1)),
  dark: sometimes(0, fc.constantFrom(200, 3000)),
}).map(({ dark, ...faults }) => (dark === 0 ? faults : {
  ...faults, loss: Math.min(faults.loss, 0.05), blackouts: [{ fromMs: 0, forMs: dark, everyMs: 4 * dark + 977 }],
}));

const middlebox: fc.Arbitrary<TcpMiddleboxOptions> = fc.record({
  split: fc.constantFrom(0, 0.1, 0.5),
  merge: fc.constantFrom(0, 0.2, 0.7),
  strip: fc.subarray([3, 4, 8]),
  shrink: fc.constantFrom(0, 0, 0.1, 0.4),
});

const mtuDrop = fc.record({
  tooBig: fc.constantFrom('icmp' as const, 'silence' as const), fromMs: fc.constantFrom(0, 5, 100, 1000), forMs: fc.constantFrom(100, 5000, NEVER),
}).map((drop) => ({ ...drop, forMs: drop.tooBig === 'icmp' ? drop.forMs : Math.min(drop.forMs, 5000) }));

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
  simultaneous: sometimes(false, fc.boolean()),
  link,
  middlebox: sometimes(undefined, middlebox),
  mtuDrop: sometimes(undefined, mtuDrop),
  client: party(client!),
  server: party(server!),
}).map(({ middlebox: between, mtuDrop: drop, ...p }) => ({
  ...p,
  ...(between !== undefined && { middlebox: between }),
  ...(drop !== undefined && { mtuDrop: { ...drop, pathMtu: p.family === 4 ? 1000 : 1280 } }),
  client: fitting(p.client, p.server), server: fitting(p.server, p.client),
})));

/** A small buffer makes many small steps of a large text: so many that a run stays short. */
function fitting(from: Party, to: Party): Party {
  const most = 30 * Math.min(from.sendBuffer, to.receiveBuffer, to.readMax);
  return { ...from, writes: from.writes.map((bytes) => Math.min(bytes, most)) };
}

describe('a stream', () => {
  test('whatever the network does short of a cut, every byte arrives once and in order, and nothing is left behind', () => {
    fc.assert(fc.property(plan, (p) => {
      new Conversation(p).run();
    }), { numRuns: 150 });
  });

  test('over a good link to a reader with room, every byte is sent once, and few segments are without text', () => {
    fc.assert(fc.property(plan, ({ client, server, middlebox: _between, mtuDrop: _drop, ...p }) => {
      const [a, b] = [client, server].map((each) => ({ ...each, receiveBuffer: 4 << 20 }));
      const world = new Conversation({ ...p, link: { delayMs: p.link.delayMs ?? 0 }, client: a!, server: b! }).run();
      let segments = 0;
      for (const each of world.speakers) {
        const c = each.connection!;
        expect(c.bytesSent).toBe(total(each.party));
        expect(c.retransmits).toBe(0);
        // A write may end in a small segment, and so may each filling of the send buffer.
        for (const bytes of each.party.writes) segments += 2 + Math.ceil(bytes / 1200) + Math.ceil(2 * bytes / each.party.sendBuffer);
      }
      // Two SYNs and their ACKs, two FINs and theirs; then an ACK for each segment at most.
      expect(world.frames).toBeLessThanOrEqual(8 + 2 * segments);
    }), { numRuns: 100 });
  });

  test('the same plan gives the same run, frame for frame', () => {
    fc.assert(fc.property(plan, (p) => {
      const [once, again] = [new Conversation(p), new Conversation(p)];
      for (const world of [once, again]) {
        world.trace = [];
        world.run();
      }
      expect(again.trace).toEqual(once.trace);
    }), { numRuns: 20 });
  });
});
