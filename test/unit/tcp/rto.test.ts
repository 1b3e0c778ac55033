// The retransmission timeout in the situations that RFC 6298 names.

import { describe, expect, test } from 'vitest';
import { RtoEstimator } from '../../../src/tcp/rto.js';

describe('RTO', () => {
  test('is 1 s before anything was measured: RFC 6298 (2.1)', () => {
    const rto = new RtoEstimator();
    expect(rto.rtoMs).toBe(1000);
    expect(rto.minRttMs).toBe(Infinity);
  });

  test('of the first sample R is R + 4 * R/2: RFC 6298 (2.2)', () => {
    const rto = new RtoEstimator();
    rto.sample(300, 0);
    expect([rto.srttMs, rto.rttvarMs, rto.rtoMs]).toEqual([300, 150, 900]);
  });

  test('follows the second sample by 1/8 and 1/4, variance first: RFC 6298 (2.3)', () => {
    const rto = new RtoEstimator();
    rto.sample(400, 0);
    rto.sample(800, 1000);
    // RTTVAR = 3/4 * 200 + 1/4 * |400 - 800|; SRTT = 7/8 * 400 + 1/8 * 800.
    expect([rto.srttMs, rto.rttvarMs, rto.rtoMs]).toEqual([450, 250, 1450]);
  });

  // RFC 6298 (2.4), §4-1.
  test('stays 200 ms above a long and steady round trip, as Linux does', () => {
    const rto = new RtoEstimator();
    for (let i = 0; i < 100; i++) rto.sample(500, i * 500);
    expect(rto.srttMs).toBe(500);
    expect(rto.rtoMs).toBe(700);
    const near = new RtoEstimator();
    near.sample(0, 0);
    expect(near.rtoMs).toBe(200);
  });

  test('doubles with each expiry, up to 120 s: RFC 6298 (5.5), (2.5)', () => {
    const rto = new RtoEstimator();
    const seen: number[] = [];
    for (let i = 0; i < 9; i++) {
      rto.backOff();
      seen.push(rto.rtoMs);
    }
    expect(seen).toEqual([2000, 4000, 8000, 16_000, 32_000, 64_000, 120_000, 120_000, 120_000]);
    expect(rto.backOffs).toBe(9);
  });

  test('keeps its back-off until a new sample: RFC 6298 §5, end', () => {
    const rto = new RtoEstimator();
    rto.sample(100, 0);
    rto.backOff();
    expect(rto.rtoMs).toBe(600);
    rto.sample(100, 2000);
    // RTTVAR = 3/4 * 50.
    expect(rto.rtoMs).toBe(100 + 200);
    expect(rto.backOffs).toBe(0);
  });

  test('falls back to what was measured when the path is known to live', () => {
    const rto = new RtoEstimator();
    rto.sample(100, 0);
    rto.backOff();
    rto.backOff();
    rto.resetBackOff();
    expect([rto.rtoMs, rto.backOffs]).toEqual([300, 0]);
    const unmeasured = new RtoEstimator();
    unmeasured.backOff();
    unmeasured.resetBackOff();
    expect(unmeasured.rtoMs).toBe(1000);
  });

  test('is 3 s when the SYN was lost and nothing was measured: RFC 6298 (5.7)', () => {
    const rto = new RtoEstimator();
    rto.backOff();
    rto.synWasLost();
    expect([rto.rtoMs, rto.backOffs]).toEqual([3000, 0]);
    rto.sample(50, 0);
    expect(rto.rtoMs).toBe(250);
  });

  test('is what the handshake measured, if it did, though the SYN was lost: as Linux', () => {
    const rto = new RtoEstimator();
    rto.sample(50, 0);
    rto.synWasLost();
    expect(rto.rtoMs).toBe(250);
  });

  test('after 3 s without a sample, an expiry and good news, is 3 s again', () => {
    const rto = new RtoEstimator();
    rto.synWasLost();
    rto.backOff();
    expect(rto.rtoMs).toBe(6000);
    rto.resetBackOff();
    expect(rto.rtoMs).toBe(3000);
  });

  test('never exceeds its ceiling, whatever is measured', () => {
    const rto = new RtoEstimator();
    rto.sample(119_000, 0);
    expect(rto.rtoMs).toBe(120_000);
  });

  test('ignores what cannot be a round trip', () => {
    const rto = new RtoEstimator();
    rto.sample(100, 0);
    for (const nonsense of [-1, NaN, Infinity, 2 ** 31]) rto.sample(nonsense, 0);
    expect([rto.srttMs, rto.rtoMs, rto.minRttMs]).toEqual([100, 300, 100]);
  });

  // RFC 7323 §4.2-1.
  test('of many samples per round trip remembers as long as of one: RFC 7323 appendix G', () => {
    const rto = new RtoEstimator();
    rto.sample(100, 0);
    rto.samplesPerRtt = 10;
    rto.sample(180, 1);
    expect(rto.srttMs).toBe(101);
    expect(rto.rttvarMs).toBeCloseTo(50 + (80 - 50) / 40, 9);
  });
});

describe('the shortest round trip', () => {
  // RFC 8985 §6.2 step 1.
  test('is the least of the last five minutes', () => {
    const rto = new RtoEstimator();
    rto.sample(50, 0);
    rto.sample(80, 1000);
    expect(rto.minRttMs).toBe(50);
    rto.sample(30, 2000);
    expect(rto.minRttMs).toBe(30);
    rto.sample(70, 302_000);
    expect(rto.minRttMs).toBe(30);
    rto.sample(70, 302_001);
    expect(rto.minRttMs).toBe(70);
  });

  test('stays fresh while it is met again', () => {
    const rto = new RtoEstimator();
    rto.sample(30, 0);
    rto.sample(30, 200_000);
    rto.sample(70, 400_000);
    expect(rto.minRttMs).toBe(30);
  });
});
