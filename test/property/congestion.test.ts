// What every congestion controller owes, whatever its algorithm: one suite, run on each of them. RFC 5681 §3,
// RFC 7661. Then all of them on modelled paths: rate, delay, queue, loss, ACKs in bunches.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  AckSample, type CongestionControl, initialWindow, isCwndLimited,
} from '../../src/tcp/congestion/congestion-control.js';
import { CONGESTION_NAMES, type CongestionName, newController } from '../../src/tcp/congestion/controllers.js';
import { SeededRandom } from '../../src/random.js';
import { Bottleneck, type Flow, type PathModel } from '../fixtures/bottleneck.js';

const make = (name: CongestionName, smss: number, seed = 1): CongestionControl =>
  newController(name, smss, initialWindow(smss), new SeededRandom(seed));

/** What may happen to a controller; fractions are of cwnd or of the flight. */
type Happening =
  | { readonly send: number }
  | { readonly ack: number }
  | { readonly loss: number }
  | { readonly timeout: true }
  | { readonly undo: true }
  | { readonly recovered: true }
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
  { weight: 1, arbitrary: fc.constant({ recovered: true } as const) },
  { weight: 1, arbitrary: fc.constant({ idle: true } as const) },
  { weight: 1, arbitrary: fc.record({ smss: anySmss }) },
);

/** A sender reduced to what congestion control sees of it. */
class Sender {
  inFlight = 0;
  delivered = 0;
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
    this.sample.priorDelivered = this.delivered;
    this.delivered += acked;
    this.sample.totalDelivered = this.delivered;
    this.sample.deliveryRate = acked;
    this.sample.txInFlight = this.inFlight;
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
    else if ('recovered' in what) control.onRecovered(now);
    else if ('idle' in what) control.onIdle(now);
    else control.smss = what.smss;
    if ('timeout' in what) this.inFlight = 0;
  }
}

const someLife = fc.array(happening, { maxLength: 80 });

function lived(name: CongestionName, smss: number, life: readonly Happening[]): Sender {
  const sender = new Sender(make(name, smss));
  for (const what of life) sender.live(what);
  return sender;
}

describe.each(CONGESTION_NAMES)('%s', (name) => {
  test('begins with the initial window of RFC 6928, in slow start', () => {
    const windows = [[1460, 14_600], [536, 5360], [1220, 12_200], [8960, 17_920], [2000, 14_600]] as const;
    for (const [smss, bytes] of windows) {
      const control = make(name, smss);
      expect([smss, control.cwnd]).toEqual([smss, bytes]);
      expect(control.ssthresh).toBe(Infinity);
    }
  });

  // RFC 9293 MAY-18.
  test('whatever happens, cwnd is at least one segment, and whole bytes', () => {
    fc.assert(fc.property(anySmss, someLife, (smss, life) => {
      const sender = new Sender(make(name, smss));
      for (const what of life) {
        sender.live(what);
        const { cwnd, ssthresh, pacingRate, flightMax } = sender.control;
        expect(cwnd).toBeGreaterThanOrEqual(sender.control.smss);
        expect(Number.isSafeInteger(cwnd)).toBe(true);
        expect(ssthresh === Infinity || Number.isSafeInteger(ssthresh)).toBe(true);
        expect(pacingRate).toBeGreaterThan(0);
        expect(flightMax).toBeGreaterThanOrEqual(0);
      }
    }), { numRuns: 300 });
  });

  test('never grows on a loss, nor on a timeout', () => {
    fc.assert(fc.property(anySmss, someLife, fraction, fc.boolean(), (smss, life, lost, isTimeout) => {
      const sender = lived(name, smss, life);
      const { cwnd } = sender.control;
      sender.live(isTimeout ? { timeout: true } : { loss: lost });
      expect(sender.control.cwnd).toBeLessThanOrEqual(cwnd);
    }), { numRuns: 300 });
  });

  test('an ACK of nothing new changes nothing', () => {
    fc.assert(fc.property(anySmss, someLife, (smss, life) => {
      const sender = lived(name, smss, life);
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
      const sender = lived(name, smss, life);
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
      const sender = lived(name, smss, life);
      sender.live({ undo: true });
      const { cwnd, ssthresh } = sender.control;
      sender.live({ undo: true });
      expect([sender.control.cwnd, sender.control.ssthresh]).toEqual([cwnd, ssthresh]);
    }));
  });
});

// RFC 5681's family: the window is all they have, and it grows by ACKs alone.
describe.each(['new-reno', 'cubic'] as const)('%s, by loss', (name) => {
  // RFC 5681 §3.1-6.
  test('doubles per round trip in slow start, and no faster: RFC 3465 §2.3', () => {
    const sender = new Sender(make(name, 1000));
    for (let i = 0; i < 6; i++) {
      const before = sender.control.cwnd;
      sender.roundTrip();
      expect(sender.control.cwnd).toBe(2 * before);
    }
  });

  // RFC 5681 §3.1-14.
  test('falls to one segment on a timeout: RFC 5681 §3.1', () => {
    fc.assert(fc.property(anySmss, someLife, (smss, life) => {
      const sender = lived(name, smss, life);
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
      const sender = lived(name, smss, life);
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
        const sender = new Sender(make(name, smss));
        const { cwnd } = sender.control;
        const wants = Math.min(Math.floor(cwnd * used), Math.floor((cwnd - smss) / 2));
        for (let i = 0; i < rounds; i++) sender.roundTrip(wants);
        expect(sender.control.cwnd).toBe(cwnd);
      }));
  });

  test('begins again with no more than the initial window after idling: RFC 5681 §4.1', () => {
    fc.assert(fc.property(anySmss, someLife, (smss, life) => {
      const sender = lived(name, smss, life);
      const { cwnd, ssthresh } = sender.control;
      sender.live({ idle: true });
      expect(sender.control.cwnd).toBe(Math.min(cwnd, initialWindow(sender.control.smss)));
      expect(sender.control.ssthresh).toBe(ssthresh);
    }));
  });

  test('recovers from any life: a path without loss is used more and more', () => {
    fc.assert(fc.property(anySmss, someLife, (smss, life) => {
      const sender = lived(name, smss, life);
      while (sender.inFlight > 0) sender.ack(Infinity);
      const { cwnd } = sender.control;
      for (let i = 0; i < 12; i++) sender.roundTrip();
      expect(sender.control.cwnd).toBeGreaterThan(cwnd);
    }));
  });

  test('has ssthresh at two segments or more, and nowhere beyond the flight, after any loss', () => {
    fc.assert(fc.property(anySmss, someLife, fraction, (smss, life, lost) => {
      const sender = lived(name, smss, life);
      const flight = Math.max(sender.inFlight, sender.control.flightMax);
      sender.live({ loss: lost });
      const { ssthresh, smss: segment } = sender.control;
      expect(ssthresh).toBeGreaterThanOrEqual(2 * segment);
      expect(ssthresh).toBeLessThanOrEqual(Math.max(2 * segment, 0.7 * flight));
    }));
  });
});

const SMSS = 1460;
/** 1.6 to 40 Mb/s; queues of one to three bandwidth-delay products. */
const cleanPath: fc.Arbitrary<PathModel> = fc.record({
  rate: fc.integer({ min: 200, max: 5000 }), rttMs: fc.integer({ min: 10, max: 150 }), bdps: fc.double({ min: 1, max: 3, noNaN: true }),
  slots: fc.constantFrom(0, 0, 2, 5),
}).map(({ rate, rttMs, bdps, slots }) => ({
  rate, rttMs, queue: Math.max(20 * SMSS, Math.ceil(bdps * rate * rttMs)), ackSlotMs: slots,
}));

function flowOn(path: Bottleneck, name: CongestionName, seed: number, startMs = 0): Flow {
  return path.add(make(name, SMSS, seed), startMs);
}

/** What may happen to a path, and to the application, for so many ms. */
const spell = fc.record({
  ms: fc.integer({ min: 20, max: 1500 }),
  what: fc.constantFrom('lossy', 'clean', 'silent', 'drop by drop', 'dark', 'slow', 'longer', 'undo'),
  loss: fc.double({ min: 0.001, max: 0.3, noNaN: true }),
});

function checked(flow: Flow): void {
  const { cwnd, ssthresh, pacingRate, smss } = flow.control;
  expect(Number.isSafeInteger(cwnd)).toBe(true);
  expect(cwnd).toBeGreaterThanOrEqual(smss);
  expect(ssthresh).toBeGreaterThanOrEqual(2 * smss);
  expect(pacingRate).toBeGreaterThan(0);
}

describe.each(CONGESTION_NAMES)('%s on a modelled path', (name) => {
  test('uses a clean one to 85 % at least, once slow start is over', () => {
    fc.assert(fc.property(cleanPath, fc.nat(), (model, seed) => {
      const path = new Bottleneck(model, new SeededRandom(seed));
      const flow = flowOn(path, name, seed);
      path.run(6000);
      expect(path.share(flow, 26_000)).toBeGreaterThan(0.85);
      expect(flow.timeouts).toBe(0);
    }), { numRuns: 8 });
  }, 60_000);

  test('shares it with its like, within 60:40, though one was there before', () => {
    fc.assert(fc.property(fc.integer({ min: 20, max: 40 }), fc.double({ min: 1, max: 2, noNaN: true }), fc.nat(), (rttMs, bdps, seed) => {
      const path = new Bottleneck({ rate: 2500, rttMs, queue: bdps * rttMs * 2500 }, new SeededRandom(seed));
      const flows = [flowOn(path, name, seed + 1), flowOn(path, name, seed + 2, 1000)];
      path.run(20_000);
      const before = flows.map((flow) => flow.delivered);
      path.run(60_000);
      const [one, other] = flows.map((flow, i) => flow.delivered - before[i]!);
      expect(one! / (one! + other!)).toBeGreaterThan(0.4);
      expect(one! / (one! + other!)).toBeLessThan(0.6);
    }), { numRuns: 5 });
  }, 60_000);

  test('survives whatever path and application do, and is back when they are', () => {
    fc.assert(fc.property(cleanPath, fc.array(spell, { minLength: 1, maxLength: 12 }), fc.nat(), (clean, spells, seed) => {
      const path = new Bottleneck({ ...clean }, new SeededRandom(seed));
      const flow = flowOn(path, name, seed);
      for (const { ms, what, loss } of spells) {
        Object.assign(path.model, clean, { loss: what === 'lossy' ? loss : what === 'dark' ? 1 : 0 });
        if (what === 'slow') path.model.rate = clean.rate / 10;
        if (what === 'longer') path.model.rttMs = clean.rttMs * 3;
        if (what === 'undo') flow.control.onUndo(path.now);
        flow.wants = what === 'silent' ? 0 : Infinity;
        for (const end = path.now + ms; path.now < end;) {
          if (what === 'drop by drop') flow.wants = SMSS;
          path.run(Math.min(end, path.now + 10));
          checked(flow);
        }
      }
      Object.assign(path.model, clean, { loss: 0 });
      flow.wants = Infinity;
      // What a backed-off timer may wait, then slow start and a quarter of a minute of avoidance.
      path.run(path.now + 40_000);
      const { delivered } = flow;
      path.run(path.now + 2000);
      checked(flow);
      expect((flow.delivered - delivered) / (2000 * clean.rate)).toBeGreaterThan(0.25);
    }), { numRuns: 12 });
  }, 60_000);

  test('does not grow for an application that sends less than the path takes', () => {
    const path = new Bottleneck({ rate: 2500, rttMs: 50, queue: 250_000 }, new SeededRandom(1));
    const flow = flowOn(path, name, 1);
    let largest = 0;
    for (let i = 0; i < 400; i++) {
      flow.wants = 4 * SMSS;
      path.run(path.now + 60);
      largest = Math.max(largest, flow.control.cwnd);
    }
    // BBR's window goes by what it learns of the path: a few segments.
    expect(largest).toBeLessThanOrEqual(name === 'bbr' ? 3 * initialWindow(SMSS) : initialWindow(SMSS));
  });
});

test('the same seed gives the same course: BBR\'s chance is an argument', () => {
  const course = (seed: number): string => {
    const path = new Bottleneck({ rate: 2500, rttMs: 40, queue: 60_000, loss: 0.002 }, new SeededRandom(5));
    const flow = flowOn(path, 'bbr', seed);
    let text = '';
    for (let i = 0; i < 100; i++) {
      path.run(path.now + 100);
      text += `${flow.control.cwnd} `;
    }
    return text;
  };
  expect(course(1)).toBe(course(1));
  expect(course(1)).not.toBe(course(2));
});
