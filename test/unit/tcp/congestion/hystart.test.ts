// HyStart++, round by round. RFC 9406 §4.2, with the numbers of §4.3.

import { describe, expect, test } from 'vitest';
import { AckSample } from '../../../../src/tcp/congestion/congestion-control.js';
import { HyStart } from '../../../../src/tcp/congestion/hystart.js';

/** A round of `count` ACKs, each of one byte, with these round trips; the last one is repeated. */
function round(hystart: HyStart, rtts: readonly number[], count = Math.max(8, rtts.length)): void {
  const sample = new AckSample();
  for (let i = 0; i < count; i++) {
    sample.delivered = 1;
    sample.inFlight = count;
    sample.rttMs = rtts[Math.min(i, rtts.length - 1)]!;
    hystart.onAck(sample);
  }
}

describe('slow start becomes conservative', () => {
  // RttThresh = max(4, min(lastRoundMinRTT / 8, 16)).
  test.each([
    [10, 13.9, false], [10, 14, true], [32, 36, true], [64, 71.9, false], [64, 72, true],
    [128, 143.9, false], [128, 144, true], [300, 315.9, false], [300, 316, true],
  ])('when the smallest of %d ms becomes %d: %s', (before, after, isConservative) => {
    const hystart = new HyStart();
    round(hystart, [before]);
    round(hystart, [after]);
    expect(hystart.isConservative).toBe(isConservative);
    expect(hystart.growthDivisor).toBe(isConservative ? 4 : 1);
  });

  test('not before eight samples', () => {
    const hystart = new HyStart();
    round(hystart, [100], 20);
    round(hystart, [200], 7);
    expect(hystart.isConservative).toBe(false);
    const late = new HyStart();
    round(late, [100], 20);
    const sample = Object.assign(new AckSample(), { delivered: 1, inFlight: 20, rttMs: 200 });
    for (let i = 0; i < 7; i++) late.onAck(sample);
    expect(late.isConservative).toBe(false);
    late.onAck(sample);
    expect(late.isConservative).toBe(true);
  });

  test.each([
    [[101, 200, 200, 200, 200, 200, 200, 200]], [[200, 200, 200, 200, 200, 200, 200, 101]],
  ])('not for long round trips beside a short one, %j: it is the smallest that counts', (samples) => {
    const hystart = new HyStart();
    round(hystart, [100]);
    round(hystart, samples);
    expect(hystart.isConservative).toBe(false);
  });

  test('not for ACKs that measured nothing', () => {
    const hystart = new HyStart();
    round(hystart, [100]);
    round(hystart, [200, 200, 200, 200, 200, 200, 200, -1], 30);
    expect(hystart.isConservative).toBe(false);
  });

  test('not by what grows slowly: each round is compared with the one before', () => {
    const hystart = new HyStart();
    for (let rttMs = 100; rttMs < 200; rttMs += 10) {
      round(hystart, [rttMs]);
      expect(hystart.isConservative).toBe(false);
    }
  });

  test('by round trips of a whole round, however it is split into ACKs', () => {
    const hystart = new HyStart();
    round(hystart, [100]);
    const sample = Object.assign(new AckSample(), { delivered: 4, inFlight: 1000, rttMs: 200 });
    // Two ACKs end the round of eight bytes; the third begins another.
    for (let i = 0; i < 10; i++) hystart.onAck(sample);
    expect(hystart.isConservative).toBe(true);
  });
});

describe('conservative slow start', () => {
  function conservative(): HyStart {
    const hystart = new HyStart();
    round(hystart, [100]);
    round(hystart, [150]);
    expect(hystart.isConservative).toBe(true);
    return hystart;
  }

  test('is over after five rounds, of which the one that it began in counts', () => {
    const hystart = conservative();
    for (let i = 0; i < 4; i++) {
      round(hystart, [150]);
      expect(hystart.isOver).toBe(false);
    }
    round(hystart, [150], 1);
    expect(hystart.isOver).toBe(true);
  });

  test('was a mistake when round trips become shorter again: back to slow start, and the rounds count anew', () => {
    const hystart = conservative();
    round(hystart, [150]);
    round(hystart, [149]);
    expect(hystart.isConservative).toBe(false);
    expect(hystart.growthDivisor).toBe(1);
    round(hystart, [170]);
    expect(hystart.isConservative).toBe(true);
    for (let i = 0; i < 4; i++) round(hystart, [170]);
    expect(hystart.isOver).toBe(false);
  });

  test('is not ended by seven samples', () => {
    const hystart = conservative();
    round(hystart, [100], 7);
    expect(hystart.isConservative).toBe(true);
  });

  test('is forgotten with the path', () => {
    const hystart = conservative();
    hystart.reset();
    expect(hystart.isConservative).toBe(false);
    round(hystart, [300]);
    expect(hystart.isConservative).toBe(false);
  });
});
