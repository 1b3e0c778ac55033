// What every congestion controller owes, whatever its algorithm: one suite, run on each of them. RFC 5681 §3,
// RFC 7661.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  AckSample, type CongestionControl, initialWindow, isCwndLimited,
} from '../../src/tcp/congestion/congestion-control.js';
import { NewReno } from '../../src/tcp/congestion/new-reno.js';

const CONTROLLERS: Record<string, (smss: number) => CongestionControl> = {
  'new-reno': (smss) => new NewReno(smss),
};

/** What may happen to a controller; fractions are of cwnd or of the flight. */
type Happening =
  | { readonly send: number }
  | { readonly ack: number }
  | { readonly loss: number }
  | { readonly timeout: true }
  | { readonly undo: true }
  | { readonly idle: true }
  | { readonly smss: number };

const fraction = fc.double({ min: 0, max: 1, noNaN: true });
const anySmss = fc.integer({ min: 216, max: 65_483 });

const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ send: fraction }) },
  { weight: 12, arbitrary: fc.record({ ack: fraction }) },
  { weight: 1, arbitrary: fc.record({ loss: fraction }) },
  { weight: 1, arbitrary: fc.constant({ timeout: true } as const) },
  { weight: 1, arbitrary: fc.constant({ undo: true } as const) },
  { weight: 1, arbitrary: fc.constant({ idle: true } as const) },
  { weight: 1, arbitrary: fc.record({ smss: anySmss }) },
);

/** A sender reduced to what congestion control sees of it. */
class Sender {
  inFlight = 0;
  now = 0;
  readonly sample = new AckSample();
  isRecovery = false;

  constructor(readonly control: CongestionControl) {}

  /** Send `bytes`, as far as cwnd lets it. Returns what was sent. */
  send(bytes: number): number {
    const sent = Math.max(0, Math.min(bytes, this.control.cwnd - this.inFlight));
    if (sent > 0) {
      this.inFlight += sent;
      this.control.onSent(sent, this.inFlight, this.now);
    }
    return sent;
  }

  ack(bytes: number): void {
    const acked = Math.min(bytes, this.inFlight);
    if (acked === 0) return;
    this.sample.bytesAcked = acked;
    this.sample.delivered = acked;
    this.sample.priorInFlight = this.inFlight;
    this.sample.inFlight = this.inFlight - acked;
    this.sample.rttMs = 100;
    this.sample.isCwndLimited = isCwndLimited(this.control, this.inFlight);
    this.sample.isRecovery = this.isRecovery;
    this.inFlight -= acked;
    this.now += 1;
    this.control.onAck(this.sample, this.now);
  }

  /** One round trip: fill the window, then an ACK for every second segment. Bytes sent. */
  roundTrip(wants = Infinity): number {
    const sent = this.send(wants);
    const two = 2 * this.control.smss;
    while (this.inFlight > 0) this.ack(two);
    this.now += 100;
    return sent;
  }

  live(what: Happening): void {
    const { control, now } = this;
    if ('send' in what) this.send(Math.floor(what.send * control.cwnd));
    else if ('ack' in what) this.ack(Math.ceil(what.ack * this.inFlight));
    else if ('loss' in what) control.onLoss(Math.floor(what.loss * this.inFlight), this.inFlight, now);
    else if ('timeout' in what) control.onTimeout(this.inFlight, now);
    else if ('undo' in what) control.onUndo(now);
    else if ('idle' in what) control.onIdle(now);
    else control.smss = what.smss;
    if ('timeout' in what) this.inFlight = 0;
  }
}

const someLife = fc.array(happening, { maxLength: 80 });

function conforms(make: (smss: number) => CongestionControl): void {
  const lived = (smss: number, life: readonly Happening[]): Sender => {
    const sender = new Sender(make(smss));
    for (const what of life) sender.live(what);
    return sender;
  };

  // RFC 5681 §3.1-6.
  test('begins with the initial window of RFC 6928, in slow start', () => {
    const windows = [[1460, 14_600], [536, 5360], [1220, 12_200], [8960, 17_920], [2000, 14_600]] as const;
    for (const [smss, bytes] of windows) {
      const control = make(smss);
      expect([smss, control.cwnd]).toEqual([smss, bytes]);
      expect(control.ssthresh).toBe(Infinity);
    }
  });

  test('whatever happens, cwnd is at least one segment, and whole bytes', () => {
    fc.assert(fc.property(anySmss, someLife, (smss, life) => {
      const sender = new Sender(make(smss));
      for (const what of life) {
        sender.live(what);
        const { cwnd, ssthresh, pacingRate } = sender.control;
        expect(cwnd).toBeGreaterThanOrEqual(sender.control.smss);
        expect(Number.isSafeInteger(cwnd)).toBe(true);
        expect(ssthresh === Infinity || Number.isSafeInteger(ssthresh)).toBe(true);
        expect(pacingRate).toBeGreaterThan(0);
      }
    }), { numRuns: 300 });
  });

  test('doubles per round trip in slow start, and no faster: RFC 3465 §2.3', () => {
    const sender = new Sender(make(1000));
    for (let i = 0; i < 6; i++) {
      const before = sender.control.cwnd;
      sender.roundTrip();
      expect(sender.control.cwnd).toBe(2 * before);
    }
  });

  test('never grows on a loss, nor on a timeout', () => {
    fc.assert(fc.property(anySmss, someLife, fraction, fc.boolean(), (smss, life, lost, isTimeout) => {
      const sender = lived(smss, life);
      const { cwnd } = sender.control;
      sender.live(isTimeout ? { timeout: true } : { loss: lost });
      expect(sender.control.cwnd).toBeLessThanOrEqual(cwnd);
    }), { numRuns: 300 });
  });

  // RFC 5681 §3.1-14.
  test('falls to one segment on a timeout: RFC 5681 §3.1', () => {
    fc.assert(fc.property(anySmss, someLife, (smss, life) => {
      const sender = lived(smss, life);
      // So that it is not the repeated timeout of one segment.
      sender.send(Infinity);
      sender.ack(1);
      sender.live({ timeout: true });
      expect(sender.control.cwnd).toBe(sender.control.smss);
      expect(sender.control.ssthresh).toBeGreaterThanOrEqual(2 * sender.control.smss);
    }));
  });

  test('does not grow while recovery runs', () => {
    fc.assert(fc.property(anySmss, someLife, fc.array(fraction, { maxLength: 20 }), (smss, life, acks) => {
      const sender = lived(smss, life);
      sender.send(Infinity);
      sender.live({ loss: 0.1 });
      const { cwnd } = sender.control;
      sender.isRecovery = true;
      for (const ack of acks) {
        sender.live({ ack });
        expect(sender.control.cwnd).toBe(cwnd);
        sender.send(Infinity);
      }
    }));
  });

  test('does not grow for an application that uses less than half of it: RFC 7661', () => {
    fc.assert(fc.property(anySmss, fc.integer({ min: 1, max: 30 }), fc.double({ min: 0.05, max: 0.4, noNaN: true }),
      (smss, rounds, used) => {
        const sender = new Sender(make(smss));
        const { cwnd } = sender.control;
        const wants = Math.min(Math.floor(cwnd * used), Math.floor((cwnd - smss) / 2));
        for (let i = 0; i < rounds; i++) sender.roundTrip(wants);
        expect(sender.control.cwnd).toBe(cwnd);
      }));
  });

  test('an ACK of nothing new changes nothing', () => {
    fc.assert(fc.property(anySmss, someLife, (smss, life) => {
      const sender = lived(smss, life);
      const { cwnd, ssthresh } = sender.control;
      const sample = new AckSample();
      sample.isCwndLimited = true;
      sample.priorInFlight = sample.inFlight = cwnd;
      for (let i = 0; i < 5; i++) sender.control.onAck(sample, sender.now);
      expect([sender.control.cwnd, sender.control.ssthresh]).toEqual([cwnd, ssthresh]);
    }));
  });

  test('undo gives back what a needless reduction took', () => {
    fc.assert(fc.property(anySmss, someLife, fc.boolean(), (smss, life, isTimeout) => {
      const sender = lived(smss, life);
      // Whatever was reduced before, new data was acknowledged since.
      sender.send(Infinity);
      sender.ack(1);
      const { cwnd, ssthresh } = sender.control;
      sender.live(isTimeout ? { timeout: true } : { loss: 0.1 });
      // A second expiry belongs to the same mistake.
      if (isTimeout) sender.live({ timeout: true });
      sender.live({ undo: true });
      expect(sender.control.cwnd).toBe(cwnd);
      expect(sender.control.ssthresh).toBeGreaterThanOrEqual(ssthresh);
    }));
  });

  test('undo without a reduction gives nothing', () => {
    fc.assert(fc.property(anySmss, someLife, (smss, life) => {
      const sender = lived(smss, life);
      sender.live({ undo: true });
      const { cwnd, ssthresh } = sender.control;
      sender.live({ undo: true });
      expect([sender.control.cwnd, sender.control.ssthresh]).toEqual([cwnd, ssthresh]);
    }));
  });

  test('begins again with no more than the initial window after idling: RFC 5681 §4.1', () => {
    fc.assert(fc.property(anySmss, someLife, (smss, life) => {
      const sender = lived(smss, life);
      const { cwnd, ssthresh } = sender.control;
      sender.live({ idle: true });
      expect(sender.control.cwnd).toBe(Math.min(cwnd, initialWindow(sender.control.smss)));
      expect(sender.control.ssthresh).toBe(ssthresh);
    }));
  });

  test('recovers from any life: a path without loss is used more and more', () => {
    fc.assert(fc.property(anySmss, someLife, (smss, life) => {
      const sender = lived(smss, life);
      while (sender.inFlight > 0) sender.ack(Infinity);
      const { cwnd } = sender.control;
      for (let i = 0; i < 12; i++) sender.roundTrip();
      expect(sender.control.cwnd).toBeGreaterThan(cwnd);
    }));
  });
}

describe.each(Object.keys(CONTROLLERS))('%s', (name) => conforms(CONTROLLERS[name]!));
