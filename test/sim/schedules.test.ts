// Some of the runs of `npm run sim -- schedules`, and that a run can be had again from its seed.

import { describe, expect, test } from 'vitest';

import { Conversation } from '../../src/testing/conversation.js';
import { failureOf, planOf, runSchedules } from '../../tools/sim/schedules.js';

describe('random conversations', () => {
  test('over networks that do everything short of a cut: streams equal, both sides closed, nothing left behind', () => {
    const lines: string[] = [];
    expect(runSchedules({ seed: 1, runs: 100, trace: false }, (line) => lines.push(line))).toBe(0);
    expect(lines).toEqual(['100 runs, 0 failed']);
  }, 120_000);

  test('the same seed is the same run, packet for packet; its neighbour is another', () => {
    const traceOf = (seed: number): string[] => {
      const conversation = new Conversation(planOf(seed));
      conversation.trace = [];
      return conversation.run().trace!;
    };
    for (const seed of [3, 4, 5]) expect(traceOf(seed)).toEqual(traceOf(seed));
    expect(traceOf(3)).not.toEqual(traceOf(4));
  });

  test('a run that fails says where both sides stood, and shows its packets when asked', () => {
    const judge = Conversation.prototype['judge'];
    const lines: string[] = [];
    try {
      Conversation.prototype['judge'] = function(this: Conversation) {
        throw new Error(this.report('wrong on purpose'));
      };
      const error = failureOf(1, (line) => lines.push(line));
      expect(error).toMatch(/wrong on purpose at [\d.]+ ms\n {2}\S+ written \d+\/\d+ read \d+/);
      expect(JSON.parse(lines[0]!)).toMatchObject({ seed: 1 });
      expect(lines[1]).toMatch(/> .*IP6? .* Flags \[S\]/);
    } finally {
      Conversation.prototype['judge'] = judge;
    }
  });
});
