// BBR on a modelled path: the walk through its states, what each of them makes of the path, what losses change. The cases
// are those of draft-ietf-ccwg-bbr, appendix A, as far as they concern the controller.

import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../../../src/random.js';
import { Bbr, type BbrState } from '../../../../src/tcp/congestion/bbr.js';
import { AckSample } from '../../../../src/tcp/congestion/congestion-control.js';
import { Bottleneck, type Flow, type PathModel } from '../../../fixtures/bottleneck.js';

const SMSS = 1250;
/** 10 Mb/s: a segment per ms. */
const RATE = 1250;

interface Trip {
  readonly path: Bottleneck;
  readonly flow: Flow;
  readonly bbr: Bbr;
}

function trip(model: Partial<PathModel> = {}, seed = 1): Trip {
  const path = new Bottleneck({ rate: RATE, rttMs: 50, queue: 200 * SMSS, ...model }, new SeededRandom(seed));
  const bbr = new Bbr(SMSS, 10 * SMSS, new SeededRandom(seed + 1));
  return { path, flow: path.add(bbr), bbr };
}

/** Lives on until the state is `state`, ms by ms; fails after `limitMs`. */
function until({ path, bbr }: Trip, state: BbrState, limitMs = 20_000): void {
  const end = path.now + limitMs;
  while (bbr.state !== state) {
    if (path.now >= end) throw new Error(`${bbr.state} at ${path.now} ms, not ${state}`);
    path.run(path.now + 1);
  }
}

/** The states of the next `ms`, each once in a row. */
function states({ path, bbr }: Trip, ms: number, step = 1): BbrState[] {
  const seen: BbrState[] = [bbr.state];
  for (const end = path.now + ms; path.now < end; path.run(path.now + step)) if (seen.at(-1) !== bbr.state) seen.push(bbr.state);
  return seen;
}

describe('Startup', () => {
  test('paces at 2.77 initial windows per round trip, as soon as one was measured: §5.6.2', () => {
    const t = trip();
    t.path.run(52);
    // The first segment took 1 ms to send and 50 there and back.
    expect(t.bbr.pacingRate).toBeCloseTo(2.77 * 10 * SMSS / 51, 0);
  });

  test('ends at a plateau of bandwidth, with the path\'s own; then Drain empties the queue: §5.3.1.2, §5.3.2', () => {
    const t = trip();
    until(t, 'drain', 2000);
    expect(t.bbr.fullBwReached).toBe(true);
    expect(t.bbr.maxBw / RATE).toBeGreaterThan(0.98);
    expect(t.bbr.maxBw / RATE).toBeLessThan(1.02);
    expect(t.bbr.pacingRate / t.bbr.bw).toBeCloseTo(0.5 * 0.99);
    expect(t.flow.pipe).toBeGreaterThan(60 * SMSS);
    // Down is over at once: the queue is empty already.
    until(t, 'probe-bw-cruise', 500);
    expect(t.flow.pipe).toBeLessThanOrEqual(53 * SMSS);
    expect(t.bbr.minRttMs).toBeCloseTo(51);
  });

  test('ends after three rounds without a quarter more, not sooner; Drain after three at most', () => {
    const bbr = new Bbr(SMSS, 10 * SMSS, new SeededRandom(1));
    const sample = Object.assign(new AckSample(), { delivered: SMSS, bytesAcked: SMSS, rttMs: 50, inFlight: 100 * SMSS });
    let delivered = 0;
    const round = (rate: number, more: Partial<AckSample> = {}): BbrState => {
      Object.assign(sample, { priorDelivered: delivered, deliveryRate: rate, isAppLimited: false, ...more });
      sample.totalDelivered = delivered += SMSS;
      bbr.onAck(sample, delivered / 100);
      return bbr.state;
    };
    for (const rate of [100, 200, 400, 501, 600]) expect(round(rate)).toBe('startup');
    // 600 is less than 501 and a quarter; what the application held back counts for nothing.
    expect(round(501)).toBe('startup');
    for (let i = 0; i < 10; i++) expect(round(300, { isAppLimited: true })).toBe('startup');
    expect(round(520)).toBe('drain');
    // 100 segments stay in flight, four times the BDP: Drain is given up after three rounds. §5.3.2.
    for (let i = 0; i < 3; i++) expect(round(500)).toBe('drain');
    expect(round(500)).toBe('probe-bw-down');
  });

  /** Rounds in Startup whose first ACK brings `first`, and whose second one `second`. */
  const roundsOf = (first: number, second: (round: number) => number, more: Partial<AckSample> = {}): BbrState => {
    const bbr = new Bbr(SMSS, 10 * SMSS, new SeededRandom(1));
    const sample = Object.assign(new AckSample(), { delivered: SMSS, bytesAcked: SMSS, rttMs: 50, inFlight: 100 * SMSS, ...more });
    let delivered = 0;
    for (let round = 0; round < 8; round++) {
      const priorDelivered = delivered;
      for (const deliveryRate of [first, second(round)]) {
        sample.totalDelivered = delivered += SMSS;
        bbr.onAck(Object.assign(sample, { priorDelivered, deliveryRate }), delivered / 100);
      }
    }
    return bbr.state;
  };

  // The first ACK after a gap tells of the gap. Departs from §5.3.1.2, which looks at no other.
  test('goes on while any sample of a round is a quarter more', () => {
    expect(roundsOf(100, (round) => 200 * 1.3 ** round)).toBe('startup');
    expect(roundsOf(100, () => 200)).not.toBe('startup');
  });

  test('counts rounds, not ACKs', () => {
    const bbr = new Bbr(SMSS, 10 * SMSS, new SeededRandom(1));
    const sample = Object.assign(new AckSample(), { delivered: SMSS, bytesAcked: SMSS, rttMs: 50, inFlight: 100 * SMSS, deliveryRate: 100 });
    for (let i = 1; i <= 10; i++) bbr.onAck(Object.assign(sample, { totalDelivered: i * SMSS }), i);
    expect(bbr.state).toBe('startup');
  });

  test('counts no round in which the peer\'s window, full behind a hole, held us back', () => {
    expect(roundsOf(100, () => 100, { isHeldBack: true })).toBe('startup');
    expect(roundsOf(100, () => 100)).not.toBe('startup');
  });

  test('ends on heavy loss, too: §5.3.1.3', () => {
    // 10 of 100 are lost; the delivery rate still rises when that is seen.
    const t = trip({ queue: 8 * SMSS, rttMs: 200, rate: 20 * RATE });
    until(t, 'drain', 4000);
    expect(t.flow.losses).toBeGreaterThan(0);
    expect(t.bbr.inflightLongterm).toBeLessThan(Infinity);
  });

  test('goes on for ever while the application sets the pace, and nothing is lost', () => {
    const t = trip();
    for (let i = 0; i < 400; i++) {
      t.flow.wants = 5 * SMSS;
      t.path.run(t.path.now + 60);
      if (t.bbr.state !== 'probe-rtt') expect(t.bbr.state).toBe('startup');
    }
  });
});

describe('ProbeBW', () => {
  test('goes round: down, cruise, refill, up: §5.3.3', () => {
    const t = trip();
    until(t, 'probe-bw-cruise', 3000);
    const walk = states(t, 4000).slice(0, 5);
    expect(walk).toEqual(['probe-bw-cruise', 'probe-bw-refill', 'probe-bw-up', 'probe-bw-down', 'probe-bw-cruise']);
  });

  test.each<[BbrState, number, number]>([
    ['probe-bw-down', 0.9, 2], ['probe-bw-cruise', 1, 2], ['probe-bw-refill', 1, 2], ['probe-bw-up', 1.25, 2.25],
  ])('%s paces at %d of the bandwidth less 1 %%, with %d BDP at most: §5.6.1', (state, pacing, window) => {
    const t = trip();
    until(t, state, 8000);
    t.path.run(t.path.now + 3);
    expect(t.bbr.state).toBe(state);
    expect(t.bbr.pacingRate / t.bbr.bw).toBeCloseTo(pacing * 0.99);
    expect(t.bbr.cwnd).toBeLessThanOrEqual(window * t.bbr.bw * t.bbr.minRttMs + 20 * SMSS);
    expect(t.bbr.cwnd).toBeGreaterThan(0.9 * window * t.bbr.bw * t.bbr.minRttMs);
  });

  test('probes after 2 to 3 s, or after as many round trips as Reno would need, and by chance: §5.3.3.8', () => {
    const waits = (rttMs: number, rate: number, seed: number): number => {
      const t = trip({ rttMs, rate, queue: 2 * rttMs * rate }, seed);
      until(t, 'probe-bw-cruise', 4000);
      const begin = t.path.now;
      until(t, 'probe-bw-refill', 4000);
      return t.path.now - begin;
    };
    // 100 segments in flight, more than 63 round trips of 100 ms: the clock decides.
    const byClock = [1, 2, 3, 4, 5, 6].map((seed) => waits(100, RATE, seed));
    expect(Math.max(...byClock)).toBeLessThan(3100);
    expect(Math.min(...byClock)).toBeGreaterThan(1700);
    expect(new Set(byClock).size).toBeGreaterThan(3);
    // 20 segments in flight: 20 round trips of 20 ms, or one less.
    const byRounds = waits(20, RATE, 1);
    expect(byRounds).toBeGreaterThan(15 * 20);
    expect(byRounds).toBeLessThan(24 * 20);
  });

  test('finds ten times the bandwidth within few cycles', () => {
    const t = trip();
    until(t, 'probe-bw-cruise', 3000);
    t.path.model.rate = 10 * RATE;
    t.path.model.queue *= 10;
    t.path.run(t.path.now + 15_000);
    expect(t.path.share(t.flow, t.path.now + 2000)).toBeGreaterThan(0.85);
  });

  test('raises the limit of the flight when the path takes more, by steps that double: §5.3.3.5', () => {
    const t = trip({ queue: 10 * SMSS });
    t.path.run(20_000);
    const { inflightLongterm } = t.bbr;
    expect(inflightLongterm).toBeLessThan(70 * SMSS);
    // 400 segments in flight now, and not one round trip for each.
    Object.assign(t.path.model, { rate: 8 * RATE, queue: 100 * SMSS });
    t.path.run(30_000);
    expect(t.bbr.inflightLongterm).toBeGreaterThan(350 * SMSS);
    expect(t.path.share(t.flow, 33_000)).toBeGreaterThan(0.85);
  });

  test('forgets a bandwidth that is gone, after two cycles: §5.5.6', () => {
    const t = trip({ rate: 4 * RATE });
    until(t, 'probe-bw-cruise', 3000);
    t.path.model.rate = RATE;
    t.path.run(t.path.now + 12_000);
    expect(t.bbr.maxBw / RATE).toBeLessThan(1.1);
    expect(t.path.share(t.flow, t.path.now + 3000)).toBeGreaterThan(0.85);
  });

  test('takes what is lost while it probes for the limit of the flight: §5.5.10.2', () => {
    const t = trip({ queue: 10 * SMSS });
    t.path.run(20_000);
    const bdp = 51;
    expect(t.bbr.inflightLongterm / SMSS).toBeGreaterThan(0.7 * bdp);
    // No more than fits, by a little.
    expect(t.bbr.inflightLongterm / SMSS).toBeLessThan(1.15 * (bdp + 10));
    const before = t.flow.lost;
    t.path.run(40_000);
    // Less than 2 % over the long run.
    expect((t.flow.lost - before) / (20_000 * RATE)).toBeLessThan(0.02);
  });

  // What RACK finds lost may have left a round trip and more ago; the flight of what was delivered latest says little of it.
  test('the limit is the flight in which the packet left whose loss is one too many: §5.5.10.2', () => {
    const probing = (): Bbr => {
      const t = trip();
      until(t, 'probe-bw-up', 8000);
      return t.bbr;
    };
    const bbr = probing();
    // 5 % of eighty are four, and the loss itself.
    bbr.onPacketLost(SMSS, 5 * SMSS, 80 * SMSS, false, 1e5);
    expect([bbr.state, bbr.inflightLongterm]).toEqual(['probe-bw-up', Infinity]);
    bbr.onPacketLost(SMSS, 6 * SMSS, 80 * SMSS, false, 1e5);
    expect(bbr.state).toBe('probe-bw-down');
    expect(bbr.inflightLongterm / SMSS).toBeGreaterThanOrEqual(79);
    expect(bbr.inflightLongterm / SMSS).toBeLessThanOrEqual(80);
    // Once for each probe.
    bbr.onPacketLost(SMSS, 40 * SMSS, 60 * SMSS, false, 1e5);
    expect(bbr.inflightLongterm / SMSS).toBeGreaterThanOrEqual(79);
    // What the application held back is no limit of the path's.
    const idle = probing();
    idle.onPacketLost(SMSS, 6 * SMSS, 80 * SMSS, true, 1e5);
    expect([idle.state, idle.inflightLongterm]).toEqual(['probe-bw-down', Infinity]);
  });

  test('after loss looks whether the old limit holds first, and goes on from there at once if it does: §5.3.3.6', () => {
    const t = trip({ queue: 10 * SMSS });
    until(t, 'probe-bw-up', 20_000);
    const { lost } = t.flow;
    // The probe that goes too far sets the limit.
    while (t.bbr.state === 'probe-bw-up') t.path.run(t.path.now + 1);
    expect(t.flow.lost).toBeGreaterThan(lost);
    t.path.model.queue = 200 * SMSS;
    const walk = states(t, 9000, 0.25);
    const first = walk.indexOf('probe-bw-up');
    expect(walk.slice(first, first + 4)).toEqual(['probe-bw-up', 'probe-bw-down', 'probe-bw-refill', 'probe-bw-up']);
  });

  // §2.8: 2 % is tolerable. A tenth of the time goes to ProbeRTT, and to what is lost.
  test.each([0.001, 0.01])('does not take what chance loses, %f of all, for congestion', (loss) => {
    const t = trip({ loss, rttMs: 100 }, 3);
    t.path.run(3000);
    expect(t.path.share(t.flow, 60_000)).toBeGreaterThan(0.88);
  });
});

describe('ProbeRTT', () => {
  test('comes after five seconds without a shorter round trip, with half a BDP for 200 ms; then cruising: §5.3.4', () => {
    const t = trip();
    until(t, 'probe-rtt', 9000);
    const begin = t.path.now;
    expect(begin).toBeGreaterThan(5000);
    t.path.run(begin + 80);
    expect(t.bbr.cwnd).toBeLessThanOrEqual(0.5 * t.bbr.bw * t.bbr.minRttMs + SMSS);
    until(t, 'probe-bw-cruise', 500);
    expect(t.path.now - begin).toBeGreaterThan(200);
    expect(t.bbr.cwnd).toBeGreaterThan(50 * SMSS);
  });

  test('learns of a longer path, within two of them', () => {
    const t = trip();
    t.path.run(3000);
    t.path.model.rttMs = 90;
    t.path.run(25_000);
    expect(t.bbr.minRttMs).toBeCloseTo(91, 0);
    expect(t.path.share(t.flow, 28_000)).toBeGreaterThan(0.9);
  });

  test('is left out by who was silent: §5.4.1', () => {
    const t = trip();
    until(t, 'probe-bw-cruise', 3000);
    t.flow.wants = 0;
    t.path.run(t.path.now + 6000);
    t.flow.wants = Infinity;
    expect(states(t, 1000)).not.toContain('probe-rtt');
  });

  test('during Startup leads back to Startup: §5.3.4.4', () => {
    const t = trip();
    t.flow.wants = 3 * SMSS;
    for (let i = 0; i < 600 && t.bbr.state === 'startup'; i++) {
      t.flow.wants = SMSS;
      t.path.run(t.path.now + 20);
    }
    expect(t.bbr.state).toBe('probe-rtt');
    for (let i = 0; i < 100 && t.bbr.state === 'probe-rtt'; i++) {
      t.flow.wants = SMSS;
      t.path.run(t.path.now + 20);
    }
    expect(t.bbr.state).toBe('startup');
  });
});

test('what ProbeRTT itself held back is no plateau: §5.3.4.3', () => {
  const bbr = new Bbr(SMSS, 10 * SMSS, new SeededRandom(1));
  const sample = Object.assign(new AckSample(), { delivered: SMSS, bytesAcked: SMSS, rttMs: 50, inFlight: 2 * SMSS });
  let delivered = 0;
  const round = (rate: number, now: number): BbrState => {
    Object.assign(sample, { priorDelivered: delivered, deliveryRate: rate });
    sample.totalDelivered = delivered += SMSS;
    bbr.onAck(sample, now);
    return bbr.state;
  };
  let rate = 10;
  for (let now = 0; now <= 5000; now += 1000) expect(round(rate *= 1.3, now)).toBe('startup');
  expect(round(rate, 5100)).toBe('probe-rtt');
  expect(round(1, 5200)).toBe('probe-rtt');
  expect(round(1, 5400)).toBe('startup');
  // These left while two segments at most were allowed, or stood in flight then.
  for (const now of [5401, 5402, 5403]) expect(round(1, now)).toBe('startup');
  // With the one before ProbeRTT, the second and the third without growth.
  expect(round(1, 5404)).toBe('startup');
  expect(round(1, 5405)).not.toBe('startup');
});

describe('the window', () => {
  test('is four segments at least, where the BDP is less than one: §5.6.4.3', () => {
    const t = trip({ rate: 20, rttMs: 20, queue: 20 * SMSS });
    t.path.run(30_000);
    expect(t.bbr.cwnd).toBeGreaterThanOrEqual(4 * SMSS);
    expect(t.path.share(t.flow, 60_000)).toBeGreaterThan(0.9);
  });

  test('holds what ACKs in bunches need beyond two BDP: §5.5.9', () => {
    const t = trip({ rttMs: 20, ackSlotMs: 60 });
    t.path.run(4000);
    expect(t.path.share(t.flow, 10_000)).toBeGreaterThan(0.85);
  });

  test('stays when the application pauses, and the pace is that of the path: §5.4', () => {
    const t = trip();
    until(t, 'probe-bw-up', 8000);
    t.flow.wants = 0;
    t.path.run(t.path.now + 1500);
    const { cwnd } = t.bbr;
    expect(t.bbr.state).toBe('probe-bw-up');
    t.flow.wants = Infinity;
    t.path.run(t.path.now + 1);
    expect(t.bbr.cwnd).toBe(cwnd);
    expect(t.bbr.pacingRate / t.bbr.bw).toBeCloseTo(0.99);
  });
});

describe('recovery', () => {
  const inCruise = (): Trip => {
    const t = trip();
    until(t, 'probe-bw-cruise', 3000);
    return t;
  };
  const lossy = (bbr: Bbr, pipe: number, now: number, more: Partial<AckSample> = {}): void => {
    bbr.onAck(Object.assign(new AckSample(), {
      delivered: SMSS, bytesAcked: SMSS, inFlight: pipe, isRecovery: true, totalDelivered: 1e9, priorDelivered: 1e9 - 40 * SMSS,
      deliveryRate: RATE, rttMs: 55, txInFlight: 50 * SMSS, ...more,
    }), now);
  };

  test('leaves the window to the model: what was lost makes room for what goes again, §5.6.4.4', () => {
    const { bbr, path } = inCruise();
    const { cwnd } = bbr;
    bbr.onLoss(SMSS, 50 * SMSS, path.now);
    // Of packets that were sent before the loss: the model waits for the end of the round.
    for (let i = 0; i < 3; i++) {
      lossy(bbr, 30 * SMSS, path.now, { lost: SMSS, lostSince: SMSS, priorDelivered: 0 });
      expect(bbr.cwnd).toBeGreaterThanOrEqual(cwnd);
    }
  });

  test('by the timer ends with the window that was there before, as far as the model agrees: §5.6.4.4', () => {
    const { bbr, path } = inCruise();
    const { cwnd } = bbr;
    bbr.onTimeout(50 * SMSS, path.now);
    lossy(bbr, 10 * SMSS, path.now, { priorDelivered: 0 });
    expect(bbr.cwnd).toBeLessThan(cwnd / 2);
    bbr.onRecovered(path.now);
    expect(bbr.cwnd).toBe(cwnd);
  });

  test('of a round with loss, when not probing, brings bandwidth and flight down to 0.7 or to what is delivered: §5.5.10.3', () => {
    const { bbr, path } = inCruise();
    const { bw } = bbr;
    lossyRound(bbr, path.now, { lost: 4 * SMSS });
    expect(bbr.bw).toBeLessThan(0.9 * bw);
    expect(bbr.bw).toBeGreaterThanOrEqual(0.7 * bw);
  });

  /** A loss of a flight of fifty segments, and the end of its round trip, in which a fifth of the bandwidth was delivered. */
  const lossyRound = (bbr: Bbr, now: number, more: Partial<AckSample>): void => {
    bbr.onLoss(SMSS, 50 * SMSS, now);
    lossy(bbr, 40 * SMSS, now, { deliveryRate: 0.2 * RATE, priorDelivered: 1e9 - SMSS, ...more });
    lossy(bbr, 40 * SMSS, now, { deliveryRate: 0.2 * RATE, priorDelivered: 1e9 + SMSS, totalDelivered: 1e9 + 2 * SMSS });
  };

  // The loss that begins the round is none of its chance. 2 % of fifty segments and two deviations are three, 5 % are two and a half.
  test.each([[3, false], [4, true]])('of a round in which %i of fifty segments were lost: is it congestion? %s', (segments, is) => {
    const { bbr, path } = inCruise();
    const { bw } = bbr;
    lossyRound(bbr, path.now, { lost: segments * SMSS });
    expect(bbr.bw < 0.9 * bw).toBe(is);
  });

  test('of large flights: 2 % and two deviations, which come to less than 5 %', () => {
    const seen = [29, 30].map((segments) => {
      const { bbr, path } = inCruise();
      const { bw } = bbr;
      bbr.onLoss(SMSS, 1000 * SMSS, path.now);
      lossy(bbr, 900 * SMSS, path.now, {
        deliveryRate: 0.2 * RATE, priorDelivered: 1e9 - SMSS, txInFlight: 1000 * SMSS, lost: segments * SMSS,
      });
      lossy(bbr, 900 * SMSS, path.now, {
        deliveryRate: 0.2 * RATE, priorDelivered: 1e9 + SMSS, totalDelivered: 1e9 + 2 * SMSS, txInFlight: 1000 * SMSS,
      });
      return bbr.bw < 0.9 * bw;
    });
    expect(seen).toEqual([false, true]);
  });

  test('of a round with a mark is congestion, whatever was lost', () => {
    const { bbr, path } = inCruise();
    const { bw } = bbr;
    lossyRound(bbr, path.now, { ecnMarked: SMSS });
    expect(bbr.bw).toBeLessThan(0.9 * bw);
  });

  test('after ProbeRTT, of what was sent in it, takes nothing away: it says how little we sent', () => {
    const t = trip();
    until(t, 'probe-rtt', 9000);
    until(t, 'probe-bw-cruise', 500);
    const { bbr, path } = t;
    const { bw } = bbr;
    const { delivered } = t.flow;
    // More than a tenth of what was under way then is lost.
    const sent = { totalDelivered: delivered + SMSS, priorDelivered: delivered - 20 * SMSS, txInFlight: 25 * SMSS, deliveryRate: 0.5 * RATE };
    bbr.onLoss(SMSS, 25 * SMSS, path.now);
    lossy(bbr, 20 * SMSS, path.now, { ...sent, lost: 3 * SMSS });
    lossy(bbr, 20 * SMSS, path.now, { ...sent, totalDelivered: delivered + 2 * SMSS, priorDelivered: delivered + 1 });
    expect(bbr.bw).toBeGreaterThanOrEqual(bw);
  });

  test('by the timer begins with one segment, and undo brings the window back: §5.5.11', () => {
    const { bbr, path } = inCruise();
    const { cwnd } = bbr;
    bbr.onTimeout(50 * SMSS, path.now);
    bbr.onTimeout(0, path.now + 300);
    expect(bbr.cwnd).toBe(SMSS);
    bbr.onUndo(path.now + 400);
    expect(bbr.cwnd).toBe(cwnd);
  });

  test('that was for nothing gives Startup back: §5.5.11.2', () => {
    const t = trip({ queue: 8 * SMSS, rttMs: 200, rate: 20 * RATE });
    // Before the next recovery begins.
    while (t.bbr.state === 'startup') t.path.run(t.path.now + 0.02);
    expect(t.bbr.state).toBe('drain');
    t.bbr.onUndo(t.path.now);
    expect(t.bbr.state).toBe('startup');
    expect(t.bbr.fullBwReached).toBe(false);
    expect(t.bbr.inflightLongterm).toBe(Infinity);
  });

  test('that was for nothing gives the probe back: a refill, §5.5.11.2', () => {
    const t = trip({ queue: 30 * SMSS });
    until(t, 'probe-bw-up', 8000);
    while (t.bbr.state === 'probe-bw-up') t.path.run(t.path.now + 0.1);
    expect(t.bbr.inflightLongterm).toBeLessThan(Infinity);
    t.bbr.onUndo(t.path.now);
    expect(t.bbr.state).toBe('probe-bw-refill');
    t.bbr.onUndo(t.path.now);
    expect(t.bbr.state).toBe('probe-bw-refill');
  });

  // The limit falls before the recovery begins, by the packet that begins it.
  test.each(['onLoss', 'onTimeout'] as const)('that was for nothing gives the limit of the flight back that its first loss set: §5.5.11.1 (%s)', (begins) => {
    const t = trip();
    until(t, 'probe-bw-up', 8000);
    const { bbr, path } = t;
    bbr.onPacketLost(6 * SMSS, 6 * SMSS, 80 * SMSS, false, path.now);
    if (begins === 'onLoss') bbr.onLoss(6 * SMSS, 80 * SMSS, path.now);
    else bbr.onTimeout(80 * SMSS, path.now);
    expect([bbr.state, bbr.inflightLongterm < Infinity]).toEqual(['probe-bw-down', true]);
    bbr.onUndo(path.now);
    expect([bbr.state, bbr.inflightLongterm]).toEqual(['probe-bw-refill', Infinity]);
  });
});
