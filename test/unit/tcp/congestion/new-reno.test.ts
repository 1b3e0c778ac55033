// NewReno's windows, number by number. RFC 5681 §3.1, §3.2; RFC 3465; RFC 6928.

import { describe, expect, test } from 'vitest';
import {
  AckSample, FlightRecord, initialWindow, isCwndLimited,
} from '../../../../src/tcp/congestion/congestion-control.js';
import { Cubic } from '../../../../src/tcp/congestion/cubic.js';
import { NewReno } from '../../../../src/tcp/congestion/new-reno.js';

const SMSS = 1000;

/** An ACK for `bytes` of a flight that filled the window. */
function ack(control: NewReno, bytes: number, more: Partial<AckSample> = {}): number {
  control.onAck(Object.assign(new AckSample(), { bytesAcked: bytes, delivered: bytes, isCwndLimited: true, ...more }));
  return control.cwnd;
}

describe('the initial window, RFC 6928 §2', () => {
  test.each([
    [536, 5360], [1220, 12_200], [1460, 14_600], [1461, 14_600], [4000, 14_600], [7300, 14_600], [8960, 17_920],
    [65_483, 130_966],
  ])('of segments of %i bytes is %i', (smss, bytes) => {
    expect(initialWindow(smss)).toBe(bytes);
    expect(new NewReno(smss).cwnd).toBe(bytes);
  });

  test('is one segment for whom the SYN was lost twice', () => {
    expect(new NewReno(SMSS, SMSS).cwnd).toBe(1000);
  });
});

describe('slow start', () => {
  // RFC 5681 §3.1-8, -9.
  test('grows by the bytes that an ACK delivers, whatever the number of ACKs: RFC 3465 §2.2', () => {
    const control = new NewReno(SMSS);
    expect(ack(control, 1)).toBe(10_001);
    expect(ack(control, 999)).toBe(11_000);
    expect(ack(control, 2000)).toBe(13_000);
    // A receiver that takes superpackets answers many segments at once, and is not punished for it.
    expect(ack(control, 13_000)).toBe(26_000);
  });

  test('grows by what was delivered selectively, too, and not again when that is acknowledged cumulatively', () => {
    const control = new NewReno(SMSS);
    expect(ack(control, 1000, { bytesAcked: 0 })).toBe(11_000);
    expect(ack(control, 1000, { bytesAcked: 2000 })).toBe(12_000);
    expect(ack(control, 0, { bytesAcked: 2000 })).toBe(12_000);
  });

  test('grows by at most one segment per ACK of what was in flight before a timeout: RFC 3465 §2.3', () => {
    const control = new NewReno(SMSS);
    control.onTimeout(10_000);
    expect(ack(control, 5000)).toBe(2000);
    expect(ack(control, 2000)).toBe(3000);
    expect(ack(control, 2999)).toBe(4000);
    // One byte of it is left.
    expect(ack(control, 2)).toBe(4002);
    expect(ack(control, 900)).toBe(4902);
    const again = new NewReno(SMSS);
    again.onTimeout(20_000);
    ack(again, 20_000);
    expect(ack(again, 5000)).toBe(7000);
  });

  test('ends at ssthresh, and the rest counts for congestion avoidance', () => {
    const control = new NewReno(SMSS);
    control.onTimeout(5000);
    expect(control.ssthresh).toBe(2500);
    expect(ack(control, 1000)).toBe(2000);
    // 500 to ssthresh; 500 are left over; 2000 more make 2500.
    expect(ack(control, 1000)).toBe(2500);
    expect(ack(control, 1999)).toBe(2500);
    expect(ack(control, 1)).toBe(3500);
  });

  test('has no limit any more when the timeout was for nothing', () => {
    const control = new NewReno(SMSS);
    control.onTimeout(8000);
    control.onUndo();
    expect(ack(control, 2000)).toBe(12_000);
  });
});

describe('congestion avoidance', () => {
  // RFC 5681 §3.1-10, -11.
  test('grows by one segment per window of acknowledged bytes: RFC 3465 §2.1', () => {
    const control = new NewReno(SMSS);
    control.onLoss(1000, 10_000);
    expect([control.cwnd, control.ssthresh]).toEqual([5000, 5000]);
    for (const bytes of [1000, 1000, 2000, 999]) expect(ack(control, bytes)).toBe(5000);
    expect(ack(control, 1)).toBe(6000);
    for (let i = 0; i < 5; i++) expect(ack(control, 1000)).toBe(6000);
    expect(ack(control, 1000)).toBe(7000);
  });

  test('keeps what an ACK brought beyond the window', () => {
    const control = new NewReno(SMSS);
    control.onLoss(1000, 10_000);
    expect(ack(control, 3000)).toBe(5000);
    expect(ack(control, 3000)).toBe(6000);
    // 1000 are left over; 5000 more make a window.
    expect(ack(control, 4999)).toBe(6000);
    expect(ack(control, 1)).toBe(7000);
  });

  test('forgets half a window of progress at the next loss', () => {
    const control = new NewReno(SMSS);
    control.onLoss(1000, 10_000);
    ack(control, 4999);
    control.onLoss(1000, 10_000);
    expect(ack(control, 4999)).toBe(5000);
    expect(ack(control, 1)).toBe(6000);
  });

  test('does not grow when something other than cwnd held the sender back', () => {
    const control = new NewReno(SMSS);
    expect(ack(control, 2000, { isCwndLimited: false })).toBe(10_000);
    control.onLoss(1000, 10_000);
    expect(ack(control, 50_000, { isCwndLimited: false })).toBe(5000);
  });
});

describe('a loss', () => {
  // RFC 5681 §3.1-7, -12.
  test('halves FlightSize, to no less than two segments: RFC 5681 (4)', () => {
    const flights = [[10_000, 5000], [9001, 4500], [4000, 2000], [3999, 2000], [0, 2000]] as const;
    for (const [inFlight, half] of flights) {
      const control = new NewReno(SMSS);
      control.onLoss(1000, inFlight);
      expect([inFlight, control.cwnd, control.ssthresh]).toEqual([inFlight, half, half]);
    }
  });

  // RFC 5681 §3.1-13.
  test('seen by the timer again leaves ssthresh as it is: RFC 5681 §3.1', () => {
    const control = new NewReno(SMSS);
    control.onTimeout(20_000);
    expect([control.cwnd, control.ssthresh]).toEqual([1000, 10_000]);
    control.onTimeout(1000);
    control.onTimeout(1000);
    expect([control.cwnd, control.ssthresh]).toEqual([1000, 10_000]);
    // Another one, after new data was acknowledged, does not.
    ack(control, 1000);
    control.onTimeout(8000);
    expect([control.cwnd, control.ssthresh]).toEqual([1000, 4000]);
  });

  test('is the same one to the timer, though something was delivered selectively since', () => {
    const control = new NewReno(SMSS);
    control.onTimeout(20_000);
    ack(control, 1000, { bytesAcked: 0 });
    control.onTimeout(0);
    expect(control.ssthresh).toBe(10_000);
    ack(control, 1000);
    // A repetition in the caller's eyes: nothing is in flight that was not sent again before.
    control.onTimeout(0);
    expect([control.cwnd, control.ssthresh]).toEqual([1000, 10_000]);
  });

  test('does not open a window that a timeout has closed', () => {
    const control = new NewReno(SMSS);
    control.onTimeout(20_000);
    control.onLoss(1000, 20_000);
    expect(control.cwnd).toBe(1000);
  });
});

describe('undo', () => {
  test('restores both windows, once', () => {
    const control = new NewReno(SMSS);
    control.onTimeout(10_000);
    control.onTimeout(1000);
    control.onUndo();
    expect([control.cwnd, control.ssthresh]).toEqual([10_000, Infinity]);
    control.onLoss(1000, 10_000);
    control.onUndo();
    ack(control, 1000);
    control.onUndo();
    expect(control.cwnd).toBe(11_000);
  });

  test('brings nothing back twice, nor what was known before idling', () => {
    const control = new NewReno(SMSS, 30_000);
    control.onTimeout(30_000);
    control.onUndo();
    expect(control.cwnd).toBe(30_000);
    control.onTimeout(30_000);
    control.onUndo();
    control.smss = 500;
    control.onIdle();
    expect(control.cwnd).toBe(5000);
    control.onUndo();
    expect(control.cwnd).toBe(5000);
    control.onLoss(500, 4000);
    control.onIdle();
    control.onUndo();
    expect(control.cwnd).toBe(2000);
  });

  test('takes nothing back that was gained since', () => {
    const control = new NewReno(SMSS);
    control.onLoss(1000, 19_000);
    expect(control.cwnd).toBe(9500);
    for (let i = 0; i < 20; i++) ack(control, 9000);
    const grown = control.cwnd;
    expect(grown).toBeGreaterThan(10_000);
    control.onUndo();
    expect(control.cwnd).toBe(grown);
  });
});

// RFC 5681 §3.1-5.
test.each([new NewReno(SMSS), new Cubic(SMSS)])('a smaller path MTU leaves as many segments, a larger one as many bytes, at least a segment ($name)', (control) => {
  control.smss = 500;
  expect(control.cwnd).toBe(5000);
  control.smss = 800;
  expect(control.cwnd).toBe(5000);
  control.smss = 500;
  expect(control.cwnd).toBe(3125);
  control.onTimeout(0);
  expect(control.cwnd).toBe(500);
  control.smss = 1400;
  expect(control.cwnd).toBe(1400);
});

describe('whether cwnd was used', () => {
  const control = new NewReno(SMSS);
  test('in slow start: by more than half of it', () => {
    expect(isCwndLimited(control, 5000)).toBe(false);
    expect(isCwndLimited(control, 5001)).toBe(true);
  });

  test('later: by all but less than a segment', () => {
    control.onLoss(1000, 20_000);
    expect(control.cwnd).toBe(10_000);
    expect(isCwndLimited(control, 9000)).toBe(false);
    expect(isCwndLimited(control, 9001)).toBe(true);
  });

  test('is seen in the flight that left, not in what ten ACKs taken at once leave of it', () => {
    const busy = new NewReno(SMSS);
    busy.onLoss(1000, 20_000);
    for (let sent = 1000; sent <= 10_000; sent += 1000) busy.onSent(1000, sent);
    for (let left = 9000; left >= 0; left -= 1000) {
      const sample = Object.assign(new AckSample(), {
        bytesAcked: 1000, delivered: 1000, priorInFlight: left + 1000, inFlight: left, isCwndLimited: isCwndLimited(busy, left + 1000),
      });
      expect(sample.isCwndLimited).toBe(true);
      busy.onAck(sample);
    }
    expect(busy.cwnd).toBe(11_000);
  });
});

test('the largest flight is forgotten after two round trips, or when nothing was sent for long', () => {
  const flights = new FlightRecord();
  const sample = Object.assign(new AckSample(), { bytesAcked: 500, delivered: 500, inFlight: 0 });
  flights.onSent(8000);
  flights.onAck(sample);
  flights.onSent(500);
  expect(flights.max).toBe(8000);
  flights.onAck(sample);
  flights.onSent(500);
  expect(flights.max).toBe(500);
  flights.clear();
  expect(flights.max).toBe(0);
});
