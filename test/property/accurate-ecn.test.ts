// Accurate ECN's counters against a model that never wraps: whatever comes, whatever room there is, whichever ACKs are lost.
// RFC 9768 §3.2; oracle: §3.2.1's beginnings and sums of BigInt.

import fc from 'fast-check';
import { expect, test } from 'vitest';

import { AccurateEcn, CE, ECT_0, ECT_1, NOT_ECT } from '../../src/tcp/accurate-ecn.js';
import { parseOptions, TcpOptions } from '../../src/tcp/options.js';

const SMSS = 1000;
const MASK = 0xff_ffffn;

/** Packets that come together under one codepoint, and the ACK that they draw: the room that its options have, and its fate. */
const arrivals = fc.record({
  codepoint: fc.constantFrom(NOT_ECT, ECT_1, ECT_0, CE),
  segments: fc.integer({ min: 1, max: 65 }),
  /** Of each. */
  bytes: fc.oneof(fc.constant(SMSS), fc.integer({ min: 0, max: SMSS })),
  ack: fc.oneof({ weight: 3, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
  room: fc.constantFrom(28, 28, 12, 8, 0),
  isLost: fc.boolean(),
});

class Model {
  cep = 5n;
  readonly counters: Record<'e0b' | 'ceb' | 'e1b', bigint> = { e0b: 1n, ceb: 0n, e1b: 1n };
  /** Moved since an option was sent. */
  readonly untold = new Set<'e0b' | 'ceb' | 'e1b'>();

  arrive(codepoint: number, segments: number, bytes: number): void {
    if (codepoint === CE) this.cep += BigInt(segments);
    if (codepoint === NOT_ECT || bytes === 0) return;
    const name = codepoint === CE ? 'ceb' : codepoint === ECT_0 ? 'e0b' : 'e1b';
    this.counters[name] += BigInt(segments * bytes);
    this.untold.add(name);
  }
}

test.each([0, 0xff_0000, 0x1_00ff_0000])('are told and read as they are; they stood at %i before', (head) => {
  fc.assert(fc.property(fc.array(arrivals, { minLength: 1, maxLength: 60 }), (story) => {
    const [receiver, sender, model, options] = [new AccurateEcn(), new AccurateEcn(), new Model(), new TcpOptions()];
    sender.onHandshakeAck(0b010, options);
    const b = new Uint8Array(40);
    /** The ACK's bytes, as they would come. */
    const ack = (room: number): TcpOptions => {
      const option = receiver.optionToSend(room, false);
      receiver.writeOption(b, 0, option, false);
      expect(parseOptions(b, 0, option === 0 ? 0 : ((option & 255) + 3) & ~3, options)).toBe(true);
      return options;
    };
    // What happened before is told, in steps that a counter of 24 bits bears.
    for (let left = head; left > 0; left -= 0x40_0000) {
      for (const codepoint of [ECT_0, ECT_1, CE]) {
        receiver.onArrival(codepoint, Math.min(left, 0x40_0000), 1, true);
        model.arrive(codepoint, 1, Math.min(left, 0x40_0000));
      }
      sender.onFeedback(receiver.aceToSend(true), ack(28), 3, 3 * SMSS, 0x40_0000);
      model.untold.clear();
    }
    expect(BigInt(sender.markedBytes)).toBe(model.counters.ceb);
    let pending = 0;
    for (const { codepoint, segments, bytes, ack: draws, room, isLost } of story) {
      const isDue = receiver.onArrival(codepoint, segments * bytes, segments, bytes > 0);
      model.arrive(codepoint, segments, bytes);
      pending += segments;
      if (!draws && !isDue) continue;
      const ace = receiver.aceToSend(true);
      expect(BigInt(ace)).toBe(model.cep & 7n);
      const said = ack(room);
      const fields = { e0b: said.ee0b, ceb: said.eceb, e1b: said.ee1b };
      if (said.hasAccEcn) {
        for (const name of ['e0b', 'ceb', 'e1b'] as const) {
          if (fields[name] >= 0) expect(BigInt(fields[name])).toBe(model.counters[name] & MASK);
          else expect(model.untold.has(name)).toBe(false);
        }
        model.untold.clear();
      } else if (room === 28) expect(model.untold.size).toBe(0);
      if (isLost) continue;
      sender.onFeedback(ace, said, pending, pending * SMSS, SMSS);
      pending = 0;
      // With its counter told, as many bytes as there were; always at least as many packets as the bytes need, modulo eight.
      if (said.hasAccEcn && said.eceb >= 0) expect(BigInt(sender.markedBytes)).toBeGreaterThanOrEqual(model.counters.ceb);
      expect((BigInt(sender.markedPackets) - (model.cep - 5n)) & 7n).toBe(0n);
      expect(sender.isCapable).toBe(true);
    }
  }), { numRuns: head > 2 ** 32 ? 5 : 100 });
});

test('full segments, and options on all ACKs: packets and bytes are exactly those that came marked, however ACKs are lost', () => {
  fc.assert(fc.property(fc.array(fc.record({ segments: fc.integer({ min: 1, max: 65 }), marked: fc.boolean(), isLost: fc.boolean() }), { maxLength: 80 }), (story) => {
    const [receiver, sender, options] = [new AccurateEcn(), new AccurateEcn(), new TcpOptions()];
    sender.onHandshakeAck(0b010, options);
    const b = new Uint8Array(40);
    let [marks, pending] = [0, 0];
    for (const { segments, marked, isLost } of story) {
      receiver.onArrival(marked ? CE : ECT_0, segments * SMSS, segments, true);
      if (marked) marks += segments;
      pending += segments;
      const option = receiver.optionToSend(28, false);
      receiver.writeOption(b, 0, option, false);
      parseOptions(b, 0, ((option & 255) + 3) & ~3, options);
      const ace = receiver.aceToSend(true);
      if (isLost) continue;
      sender.onFeedback(ace, options, pending, pending * SMSS, SMSS);
      pending = 0;
      expect([sender.markedPackets, sender.markedBytes]).toEqual([marks, marks * SMSS]);
    }
  }));
});
