// What TCP makes of bad networks: one function per question, each a simulation of its own from a seed. No clock but the
// virtual one, so that the same question has the same answer.

import { BulkFlow, type BulkFlowOptions } from '../../src/testing/bulk-flow.js';
import type { Impairments } from '../../src/testing/impairment.js';
import { type Host, Simulation } from '../../src/testing/simulation.js';

export const CONTROLLERS = ['cubic', 'bbr', 'new-reno'] as const;
export type Controller = typeof CONTROLLERS[number];

const using = (congestion: Controller): BulkFlowOptions => ({ congestion });

export const BITS_PER_SECOND = 10_000_000;
const BYTES_PER_MS = BITS_PER_SECOND / 8000;

/** Two hosts on a link of 10 Mb/s whose queue holds one bandwidth-delay product, at least ten packets; faults are the same both ways. */
export function bottleneck(seed: number, rttMs: number, faults: Impairments = {}): { sim: Simulation; a: Host; b: Host } {
  const sim = new Simulation(seed);
  const [a, b] = [sim.host('a'), sim.host('b')];
  // Jitter of both ways lengthens the mean round trip by its most.
  const queueBytes = Math.max(15_000, BYTES_PER_MS * (rttMs + (faults.jitterMs ?? 0)));
  const line = { bitsPerSecond: BITS_PER_SECOND, queueBytes, delayMs: rttMs / 2 };
  sim.link(a, b, { ...line, ...faults });
  return { sim, a, b };
}

const share = (bytes: number, ms: number): number => bytes / (BYTES_PER_MS * ms);

/** Of the link, by text that the application has read, from the SYN on. */
export function goodput(seed: number, congestion: Controller, loss: number, rttMs: number, ms: number): number {
  const { sim, a, b } = bottleneck(seed, rttMs, { loss });
  const flow = new BulkFlow(sim, a, b, using(congestion));
  sim.advance(ms);
  return share(flow.received, ms);
}

/** The share of the link that one flow has after its slow start, when packets overtake each other by up to `jitterMs`. */
export function goodputReordered(seed: number, congestion: Controller, jitterMs: number, ms: number): number {
  const { sim, a, b } = bottleneck(seed, 50, { jitterMs, overtaking: true });
  const flow = new BulkFlow(sim, a, b, using(congestion));
  sim.advance(ms / 4);
  const before = flow.received;
  sim.advance(ms);
  return share(flow.received - before, ms);
}

/**
 * Of two equal flows over one queue, the second begun a second later: the part of the link's load that the first one has, over
 * `ms` after `settleMs`. Packets come up to the time of one packet late: without any chance, which of two flows finds the queue full
 * is decided once and for ever (phase effects: Floyd, Jacobson 1992).
 */
export function firstShare(seed: number, congestion: Controller, ms: number, rttMs = 50, settleMs = 70_000): number {
  const { sim, a, b } = bottleneck(seed, rttMs, { jitterMs: 1500 / BYTES_PER_MS });
  const flows = [0, 1].map((n) => new BulkFlow(sim, a, b, { port: 5001 + n, startMs: 1000 * n, ...{ congestion } }));
  sim.advance(settleMs);
  const before = flows.map((flow) => flow.received);
  sim.advance(ms);
  const carried = flows.map((flow, n) => flow.received - before[n]!);
  return carried[0]! / (carried[0]! + carried[1]!);
}

/** The share of the link of `npm run sim -- kernel` that one flow has: 50 Mb/s, 2 % lost each way, 2 % late, 1 % doubled. */
export function badLine(seed: number, congestion: Controller, ms: number): number {
  const sim = new Simulation(seed);
  const [a, b] = [sim.host('a'), sim.host('b')];
  const bitsPerSecond = 50_000_000;
  sim.link(a, b, {
    bitsPerSecond, queueBytes: 250_000, delayMs: 10, loss: 0.02, duplicate: 0.01, reorder: { chance: 0.02, lateMs: 5 },
  });
  const flow = new BulkFlow(sim, a, b, using(congestion));
  sim.advance(ms);
  return flow.received * 8000 / ms / bitsPerSecond;
}

export interface Resumption {
  /** Between the last two packets that the sender tried in the dark, ms. */
  readonly stepMs: number;
  /** The most by which one such step was longer than the one before it. */
  readonly growth: number;
  /** From the end of the dark to the first text that arrives, ms. */
  readonly afterMs: number;
  /** Share of the link in the ten seconds from then on. */
  readonly share: number;
}

/** The cable is out for a minute, ten seconds after the start. RFC 6298 §5: tries in the dark are ever further apart. */
export function blackout(seed: number, congestion: Controller, rttMs: number): Resumption {
  const [fromMs, forMs] = [10_000, 60_000];
  const { sim, a, b } = bottleneck(seed, rttMs, { blackouts: [{ fromMs, forMs }] });
  const flow = new BulkFlow(sim, a, b, using(congestion));
  const tries: number[] = [];
  sim.tap = (from, _packet, fate) => {
    // A burst is one try.
    if (fate === 'dark' && from.name.endsWith('.0') && sim.now - (tries.at(-1) ?? -1) > 1) tries.push(sim.now);
  };
  sim.advance(fromMs + forMs);
  sim.tap = null;
  const [resumedFrom, darkUntil] = [flow.received, sim.now];
  sim.run(() => flow.received > resumedFrom, 600_000);
  const afterMs = sim.now - darkUntil;
  sim.advance(10_000);
  // The first tries are what was under way when the dark began: the timer's own are at least 200 ms apart.
  const steps = tries.slice(1).map((at, n) => at - tries[n]!).filter((ms) => ms >= 200);
  const growth = Math.max(...steps.slice(1).map((ms, n) => ms / steps[n]!));
  return { stepMs: steps.at(-1) ?? Number.NaN, growth, afterMs, share: share(flow.received - resumedFrom, 10_000) };
}

/** An hour on the link, with a little of everything; how many packets that were, and what they were. */
export function hour(seed: number, congestion: Controller, ms = 3_600_000): { packets: number; traceHash: string } {
  const { sim, a, b } = bottleneck(seed, 50, { loss: 0.0005, jitterMs: 1 });
  new BulkFlow(sim, a, b, using(congestion));
  sim.advance(ms);
  return { packets: sim.packets, traceHash: sim.traceHash };
}
