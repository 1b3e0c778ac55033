// CUBIC against RFC 9438's equations: in segments and seconds, as the RFC writes them, and in closed form.

import { describe, expect, test } from 'vitest';
import { AckSample } from '../../../../src/tcp/congestion/congestion-control.js';
import { Cubic } from '../../../../src/tcp/congestion/cubic.js';

const SMSS = 1000;
/** RFC 9438 §5.1, §4.6. */
const C = 0.4;
const BETA = 0.7;

const sampleOf = (more: Partial<AckSample>): AckSample => Object.assign(new AckSample(), { isCwndLimited: true }, more);

/** A sender that always fills its window; each segment is acknowledged on its own, evenly over the round trip. */
class Sender {
  now = 1000;
  constructor(readonly control: Cubic, readonly rttMs: number) {}

  get segments(): number {
    return this.control.cwnd / SMSS;
  }

  ack(bytes: number, more: Partial<AckSample> = {}): void {
    this.control.onAck(sampleOf({ bytesAcked: bytes, delivered: bytes, rttMs: this.rttMs, ...more }), this.now);
  }

  /** Until `untilMs`; `each` is called after every ACK. */
  run(untilMs: number, each?: () => void): void {
    while (this.now < untilMs) {
      this.now += this.rttMs * SMSS / this.control.cwnd;
      this.ack(SMSS);
      each?.();
    }
  }
}

/** §4.2 to §4.4, as written: segments, seconds, fractions. One segment acknowledged at a time. */
class Written {
  wEst: number;
  readonly k: number;
  constructor(public cwnd: number, readonly wMax: number, readonly cwndPrior: number, readonly rtt: number) {
    this.wEst = cwnd;
    this.k = Math.cbrt((wMax - cwnd) / C);
  }

  w(t: number): number {
    return C * (t - this.k) ** 3 + this.wMax;
  }

  ack(t: number): void {
    const alpha = this.wEst < this.cwndPrior ? 3 * (1 - BETA) / (1 + BETA) : 1;
    this.wEst += alpha / this.cwnd;
    if (this.w(t) < this.wEst) {
      this.cwnd = Math.max(this.cwnd, this.wEst);
      return;
    }
    const ahead = this.w(t + this.rtt);
    const target = ahead < this.cwnd ? this.cwnd : Math.min(ahead, 1.5 * this.cwnd);
    this.cwnd += (target - this.cwnd) / this.cwnd;
  }
}

/** Its window was `segments` when the loss came. */
function afterLoss(segments: number, rttMs: number): Sender {
  const control = new Cubic(SMSS, segments * SMSS);
  control.onLoss(SMSS, segments * SMSS);
  return new Sender(control, rttMs);
}

describe('a loss', () => {
  // RFC 9438 §4.6-1, -2.
  test('takes 0.7 of the flight, and leaves two segments at least: RFC 9438 §4.6', () => {
    const flights = [[100_000, 70_000], [9999, 6999], [3000, 2100], [2000, 2000], [500, 2000]] as const;
    for (const [inFlight, left] of flights) {
      const control = new Cubic(SMSS, 100_000);
      control.onLoss(1000, inFlight);
      expect([inFlight, control.cwnd, control.ssthresh]).toEqual([inFlight, left, left]);
    }
  });

  // RFC 9438 §4.6-4.
  test('that is only a mark may leave one segment, but ssthresh at two: RFC 9438 §4.6', () => {
    const control = new Cubic(SMSS, 10_000);
    control.onLoss(0, 1200);
    expect([control.cwnd, control.ssthresh]).toEqual([1000, 2000]);
  });

  // RFC 9438 §4.6-3.
  test('is measured by the flight as it left, not by what ten ACKs taken at once leave of it', () => {
    const control = new Cubic(SMSS, 100_000);
    control.onSent(100_000, 100_000, 0);
    control.onLoss(1000, 40_000);
    expect(control.cwnd).toBe(70_000);
    // And by no more than the window, which may have been larger when it left.
    control.onLoss(1000, 40_000);
    expect(control.cwnd).toBe(49_000);
  });

  test('does not open a window that a timeout has closed', () => {
    const control = new Cubic(SMSS, 100_000);
    control.onTimeout(100_000);
    control.onLoss(1000, 100_000);
    expect(control.cwnd).toBe(1000);
  });
});

describe('the curve', () => {
  test.each([
    [1000, 100], [200, 30], [60, 200], [20, 10], [2000, 250], [10, 300],
  ])('of %i segments and %i ms is the RFC\'s, ACK by ACK: RFC 9438 §4.2, §4.3', (segments, rttMs) => {
    const sender = afterLoss(segments, rttMs);
    const written = new Written(Math.floor(segments * BETA), segments, segments, rttMs / 1000);
    let begin = -1;
    let worst = 0;
    sender.run(20_000, () => {
      if (begin < 0) begin = sender.now;
      written.ack((sender.now - begin) / 1000);
      worst = Math.max(worst, Math.abs(sender.segments / written.cwnd - 1));
    });
    // Whole bytes cost no more than that.
    expect(worst).toBeLessThan(0.002);
    expect(sender.segments).toBeGreaterThan(0.95 * segments);
  });

  // RFC 9438 §4.4-1, §4.5-1, §5.1-1.
  test('reaches W_max after K, flat, and is as far beyond it after 2 K as it was below it at first: RFC 9438 (1), (2)', () => {
    const sender = afterLoss(2000, 200);
    // K is the cube root of (2000 - 1400) / 0.4 s.
    const k = 11.447;
    const begin = sender.now;
    sender.run(begin + k * 1000);
    expect(sender.segments / 2000).toBeCloseTo(1, 3);
    sender.run(begin + 2 * k * 1000);
    expect(sender.segments / 2600).toBeCloseTo(1, 2);
  });

  // RFC 9438 §4.3-1, -2, -3.
  test('where Reno would be faster, grows by 0.53 segments per round trip, and by one beyond the old window: RFC 9438 §4.3', () => {
    const sender = afterLoss(20, 10);
    const begin = sender.now;
    // Six segments at 9/17 each round trip: 11.3 of them; ten round trips make 5.3.
    sender.run(begin + 100);
    expect(sender.segments).toBeCloseTo(14 + 10 * 9 / 17, 0);
    sender.run(begin + 113);
    const beyond = sender.segments;
    expect(beyond).toBeCloseTo(20, 0);
    sender.run(begin + 213);
    expect(sender.segments).toBeCloseTo(beyond + 10, 0);
  });

  test('never aims beyond half as much again per round trip: RFC 9438 §4.2', () => {
    const sender = afterLoss(10, 100);
    sender.ack(SMSS);
    // Without an ACK for a minute, though the window was full: the curve is far ahead.
    sender.now += 60_000;
    const before = sender.segments;
    sender.run(sender.now + 100);
    expect(sender.segments / before).toBeLessThan(1.5 * 1.1);
    expect(sender.segments / before).toBeGreaterThan(1.4);
  });

  // RFC 9438 §4.7-1.
  test('has its top lower when the last one was not reached: fast convergence, RFC 9438 §4.7', () => {
    const sender = afterLoss(1000, 50);
    sender.control.onLoss(SMSS, 700_000);
    expect(sender.segments).toBeCloseTo(490);
    // W_max = 700 * 0.85 = 595; K is the cube root of 105 / 0.4 s.
    sender.run(sender.now + 6404);
    expect(sender.segments / 595).toBeCloseTo(1, 2);
  });

  test('has its top where the loss was, when that was beyond the last one', () => {
    const sender = afterLoss(100, 50);
    sender.run(sender.now + 12_000);
    const top = sender.segments;
    expect(top).toBeGreaterThan(150);
    sender.control.onLoss(SMSS, sender.control.cwnd);
    sender.run(sender.now + Math.cbrt(top * 0.3 / C) * 1000);
    expect(sender.segments / top).toBeCloseTo(1, 2);
  });

  test('begins anew when recovery ends, not while it runs', () => {
    const twin = afterLoss(500, 50);
    const sender = afterLoss(500, 50);
    for (let i = 0; i < 40; i++) {
      sender.now += 100;
      sender.ack(SMSS, { isRecovery: true });
      expect(sender.segments).toBe(350);
    }
    sender.control.onRecovered();
    const late = sender.now - twin.now;
    twin.run(8000);
    sender.run(8000 + late);
    expect(sender.control.cwnd).toBe(twin.control.cwnd);
  });

  test('keeps its start when segments become smaller: the path MTU', () => {
    const sender = afterLoss(1000, 50);
    sender.ack(SMSS);
    sender.control.smss = 500;
    // Twice as many segments to climb: K is the cube root of 600 / 0.4 s, for the same bytes.
    const k = Math.cbrt(600 / C);
    sender.run(sender.now + k * 500);
    expect(sender.control.cwnd / (1_000_000 - C * 500 * (k / 2) ** 3)).toBeCloseTo(1, 2);
  });
});

describe('a window that is not used', () => {
  // RFC 9438 §4.2-1.
  test('does not grow, and the curve waits for it: RFC 9438 §5.8', () => {
    const twin = afterLoss(500, 50);
    const sender = afterLoss(500, 50);
    twin.run(3000);
    sender.run(3000);
    const { cwnd } = sender.control;
    for (let i = 0; i < 100; i++) {
      sender.now += 100;
      sender.ack(SMSS, { isCwndLimited: false });
    }
    expect(sender.control.cwnd).toBe(cwnd);
    const late = sender.now - twin.now;
    twin.run(6000);
    sender.run(6000 + late);
    expect(sender.control.cwnd / twin.control.cwnd).toBeCloseTo(1, 3);
  });

  test('does not grow for the time in which nothing was in flight: RFC 9438 §4.2', () => {
    const twin = afterLoss(500, 50);
    const sender = afterLoss(500, 50);
    twin.run(3000);
    sender.run(3000);
    sender.now += 20_000;
    sender.control.onSent(10 * SMSS, 10 * SMSS, sender.now);
    twin.run(6000);
    sender.run(26_000);
    expect(sender.control.cwnd / twin.control.cwnd).toBeCloseTo(1, 3);
  });

  test('begins again with the initial window after idling, and the old ssthresh: RFC 5681 §4.1', () => {
    const sender = afterLoss(500, 50);
    sender.control.onIdle();
    expect([sender.control.cwnd, sender.control.ssthresh]).toEqual([10_000, 350_000]);
    for (let i = 0; i < 34; i++) sender.ack(10_000);
    expect(sender.control.cwnd).toBe(350_000);
  });
});

describe('a timeout', () => {
  test('closes to one segment, with ssthresh at 0.7 of the flight: RFC 9438 §4.8', () => {
    const control = new Cubic(SMSS, 100_000);
    control.onTimeout(100_000);
    expect([control.cwnd, control.ssthresh]).toEqual([1000, 70_000]);
    control.onTimeout(0);
    expect([control.cwnd, control.ssthresh]).toEqual([1000, 70_000]);
  });

  // RFC 9438 §4.8-1, §4.10-1.
  test('is followed by slow start, by one segment per ACK of the old flight; then by the curve from its middle: K = 0', () => {
    const control = new Cubic(SMSS, 100_000);
    control.onTimeout(100_000);
    const sender = new Sender(control, 300);
    sender.ack(50_000);
    expect(sender.segments).toBe(2);
    sender.ack(49_000);
    sender.ack(1000);
    expect(sender.segments).toBe(4);
    // What was sent since may count in full.
    sender.ack(66_000);
    expect(sender.segments).toBe(70);
    sender.run(sender.now + 8000);
    // 70 + 0.4 * 8³, and Reno would have 14 more only.
    expect(sender.segments / (70 + C * 8 ** 3)).toBeCloseTo(1, 1);
  });
});

describe('undo', () => {
  // RFC 9438 §4.9.2-2, -3, §4.9.1-2.
  test.each(['loss', 'timeout'])('of a %s goes on as if nothing had been: RFC 9438 §4.9', (what) => {
    const twin = afterLoss(500, 50);
    const sender = afterLoss(500, 50);
    twin.run(4000);
    sender.run(4000);
    if (what === 'loss') sender.control.onLoss(SMSS, sender.control.cwnd);
    else {
      sender.control.onTimeout(sender.control.cwnd);
      sender.control.onTimeout(0);
    }
    expect(sender.control.cwnd).toBeLessThan(0.8 * twin.control.cwnd);
    sender.control.onUndo();
    expect([sender.control.cwnd, sender.control.ssthresh]).toEqual([twin.control.cwnd, twin.control.ssthresh]);
    twin.run(12_000);
    sender.run(12_000);
    expect(sender.control.cwnd).toBe(twin.control.cwnd);
  });

  // RFC 9438 §4.9.2-4.
  test('leaves alone what has grown beyond it since: RFC 9438 §4.9.2', () => {
    const sender = afterLoss(20, 10);
    sender.run(4000);
    const { cwnd, ssthresh } = sender.control;
    expect(cwnd).toBeGreaterThan(20_000);
    sender.control.onUndo();
    expect([sender.control.cwnd, sender.control.ssthresh]).toEqual([cwnd, ssthresh]);
  });

  test('happens once, and not for what was before idling', () => {
    const control = new Cubic(SMSS, 100_000);
    control.onLoss(SMSS, 100_000);
    control.onUndo();
    control.onIdle();
    control.onUndo();
    expect(control.cwnd).toBe(10_000);
    control.onLoss(SMSS, 10_000);
    control.onIdle();
    control.onUndo();
    expect(control.cwnd).toBe(7000);
  });
});

describe('the first slow start', () => {
  /** Rounds of `segments` ACKs whose round trips are `rttMs`; returns the window at the end of each. */
  function rounds(control: Cubic, segments: number, rtts: readonly number[]): number[] {
    return rtts.map((rttMs) => {
      for (let i = 0; i < segments; i++) {
        control.onAck(sampleOf({ bytesAcked: SMSS, delivered: SMSS, rttMs, inFlight: segments * SMSS }), 0);
      }
      return control.cwnd / SMSS;
    });
  }

  test('grows by all that is delivered', () => {
    expect(rounds(new Cubic(SMSS, 10_000), 10, [100, 100, 100])).toEqual([20, 30, 40]);
  });

  // RFC 9438 §4.10-2.
  test('grows by a quarter of it when round trips have grown by an eighth, and ends five rounds later: RFC 9406 §4.2', () => {
    const control = new Cubic(SMSS, 16_000);
    // Eight samples make the decision; eight more ACKs count a quarter.
    expect(rounds(control, 16, [100, 113, 113, 113, 113])).toEqual([32, 42, 46, 50, 54]);
    expect(control.ssthresh).toBe(Infinity);
    expect(rounds(control, 16, [113])).toEqual([58]);
    expect(control.ssthresh).toBe(Infinity);
    const { cwnd: window } = control;
    rounds(control, 16, [113]);
    expect(control.ssthresh).toBe(58_250);
    // Congestion avoidance: less than a segment for sixteen.
    expect(control.cwnd - window).toBeLessThan(SMSS);
  });

  test('is the only one that HyStart++ ends: RFC 9406 §4.3', () => {
    const control = new Cubic(SMSS, 100_000);
    control.onTimeout(100_000);
    rounds(control, 10, [100]);
    expect(rounds(control, 10, [100, 150, 200, 250])).toEqual([21, 31, 41, 51]);
  });
});
