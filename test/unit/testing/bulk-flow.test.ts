// What goodput is measured with: that it carries what it says, and that wrong text does not count as carried.

import { describe, expect, test } from 'vitest';

import { BulkFlow } from '../../../src/testing/bulk-flow.js';
import { Simulation } from '../../../src/testing/simulation.js';

/** A flow over a link that is otherwise good. */
function flowOver(corruption: 'detectable' | 'hidden', corrupt: number): { sim: Simulation; flow: BulkFlow } {
  const sim = new Simulation(1);
  const [a, b] = [sim.host('a'), sim.host('b')];
  sim.link(a, b, { delayMs: 10, bitsPerSecond: 8_000_000, corrupt, corruption });
  return { sim, flow: new BulkFlow(sim, a, b, { bytes: 500_000, startMs: 100 }) };
}

describe('a bulk flow', () => {
  test('begins when it is told to, carries its bytes, and ends', () => {
    const { sim, flow } = flowOver('detectable', 0);
    sim.advance(99);
    expect([flow.sender, sim.packets]).toEqual([null, 0]);
    expect(sim.run(() => flow.isOver)).toBe('done');
    expect(flow.received).toBe(500_000);
    // At 8 Mb/s half a second, and what the headers and the round trips take.
    expect(flow.receivedAt).toBeGreaterThan(600);
    expect(flow.receivedAt).toBeLessThan(900);
  });

  test('what sums tell is repaired; what they do not, is an error and not goodput', () => {
    const seen = flowOver('detectable', 0.01);
    seen.sim.run(() => seen.flow.isOver);
    expect(seen.flow.received).toBe(500_000);
    const unseen = flowOver('hidden', 1);
    expect(() => unseen.sim.run(() => unseen.flow.isOver, 60_000)).toThrow(/wrong text/);
  });
});
