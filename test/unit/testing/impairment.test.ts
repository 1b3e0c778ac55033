// The bad network, fault by fault: what is promised of delay, order, loss, bursts, damage, the line's rate and its queue.

import { describe, expect, test } from 'vitest';

import { finish, pseudoSum, sumBytes } from '../../../src/checksum.js';
import { address } from '../../../src/address.js';
import { SeededRandom } from '../../../src/random.js';
import { Bottleneck } from '../../../src/testing/bottleneck.js';
import { Impairment, type Impairments } from '../../../src/testing/impairment.js';
import { tooBigError } from '../../../src/testing/too-big.js';

const impairment = (settings: Impairments, seed = 1): Impairment => new Impairment(settings, new SeededRandom(seed));

/** An IPv4 or IPv6 packet with a TCP or UDP header and `text` bytes; checksums right. */
function packet(text: number, { family = 4, protocol = 6, ecn = 0 } = {}): Uint8Array {
  const network = family === 4 ? 20 : 40;
  const header = protocol === 6 ? 20 : 8;
  const b = new Uint8Array(network + header + text);
  const [src, dst] = family === 4 ? [address('192.0.2.1'), address('192.0.2.2')] : [address('2001:db8::1'), address('2001:db8::2')];
  const view = new DataView(b.buffer);
  if (family === 4) {
    b.set([0x45, ecn, 0, 0, 0, 7, 0x40, 0, 64, protocol, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
    view.setUint16(2, b.length);
    view.setUint16(10, finish(sumBytes(b, 0, 20)));
  } else {
    view.setUint32(0, 0x6000_0000 | (ecn << 20));
    view.setUint16(4, b.length - 40);
    b.set([protocol, 64, 0x20, 1, 0x0d, 0xb8], 6);
    b[23] = 1;
    b.set([0x20, 1, 0x0d, 0xb8], 24);
    b[39] = 2;
  }
  for (let i = network + header; i < b.length; i++) b[i] = i * 37;
  if (protocol === 6) b[network + 12] = 0x50;
  else view.setUint16(network + 4, header + text);
  view.setUint16(network + (protocol === 6 ? 16 : 6), finish(sumBytes(b, network, b.length, pseudoSum(src, dst, protocol, b.length - network))));
  return b;
}

const isSummedRight = (b: Uint8Array, network: number, protocol: number): boolean => {
  const from = network === 20 ? 12 : 8;
  return sumBytes(b, network, b.length, sumBytes(b, from, network, protocol + b.length - network)) === 0xffff;
};

/** When each of `count` packets, `everyMs` apart, arrives; lost ones do not. */
function arrivals(i: Impairment, count: number, everyMs: number, length = 100): number[] {
  const b = packet(length - 40);
  const times: number[] = [];
  for (let n = 0; n < count; n++) {
    const copies = i.offer(b.slice(), 0, b.length, n * everyMs);
    for (let c = 0; c < copies; c++) times.push(i.arrivals[c]!);
  }
  return times;
}

const descents = (times: readonly number[]): number => times.filter((at, n) => n > 0 && at < times[n - 1]!).length;

describe('delay and order', () => {
  test('a packet arrives a delay after it was sent, and nothing else happens to it', () => {
    const i = impairment({ delayMs: 20 });
    expect(arrivals(i, 3, 5)).toEqual([20, 25, 30]);
    expect(i.tally).toMatchObject({ passed: 3, lost: 0, duplicated: 0, corrupted: 0 });
  });

  test('jitter lies between nothing and its most; packets wait for each other unless overtaking is allowed', () => {
    const [waiting, overtaking] = [{}, { overtaking: true }].map((more) => arrivals(impairment({ delayMs: 10, jitterMs: 40, ...more }), 2000, 1));
    expect(descents(waiting!)).toBe(0);
    expect(descents(overtaking!)).toBeGreaterThan(500);
    const travel = overtaking!.map((at, n) => at - n);
    expect(Math.min(...travel)).toBeGreaterThanOrEqual(10);
    expect(Math.min(...travel)).toBeLessThan(11);
    expect(Math.max(...travel)).toBeLessThanOrEqual(50);
    expect(Math.max(...travel)).toBeGreaterThan(49);
    expect(travel.reduce((sum, each) => sum + each) / 2000).toBeCloseTo(30, 0);
  });

  test('every so-manieth packet is held back, and those behind it pass without waiting for it', () => {
    expect(arrivals(impairment({ delayMs: 10, reorder: { every: 3, lateMs: 5 } }), 6, 1)).toEqual([10, 11, 17, 13, 14, 20]);
    const times = arrivals(impairment({ delayMs: 10, reorder: { chance: 0.25, lateMs: 5 } }), 4000, 1);
    const late = times.filter((at, n) => at - n === 15).length;
    expect(late).toBeGreaterThan(900);
    expect(late).toBeLessThan(1100);
  });

  test('a duplicate is a second arrival of the same packet', () => {
    const i = impairment({ delayMs: 3, duplicate: 1 });
    expect(arrivals(i, 2, 10)).toEqual([3, 3, 13, 13]);
    expect(i.tally.duplicated).toBe(2);
  });
});

describe('loss', () => {
  test('as many are lost as the chance says, independently: runs of losses are as long as chance makes them', () => {
    const i = impairment({ loss: 0.2 });
    const b = packet(60);
    const lost = Array.from({ length: 20_000 }, () => i.offer(b, 0, b.length, 0) === 0);
    expect(i.tally.lost / 20_000).toBeCloseTo(0.2, 2);
    const pairs = lost.filter((each, n) => each && lost[n + 1] === true).length;
    expect(pairs / i.tally.lost).toBeCloseTo(0.2, 1);
  });

  test('bursts: the channel is bad toBad / (toBad + toGood) of the time, and a burst lasts 1 / toGood packets', () => {
    const i = impairment({ bursts: { toBad: 0.01, toGood: 0.25 } });
    const b = packet(60);
    const lost = Array.from({ length: 100_000 }, () => i.offer(b, 0, b.length, 0) === 0);
    const bursts = lost.filter((each, n) => each && lost[n - 1] !== true).length;
    expect(i.tally.lost / 100_000).toBeCloseTo(0.01 / 0.26, 2);
    expect(i.tally.lost / bursts).toBeCloseTo(4, 0);
  });

  test('in the bad state only its share is lost, and in the good state its own', () => {
    const i = impairment({ bursts: { toBad: 0.5, toGood: 0.5, lossInBad: 0.6, lossInGood: 0.1 } });
    arrivals(i, 20_000, 0);
    expect(i.tally.lost / 20_000).toBeCloseTo(0.35, 1);
  });

  test('in a blackout nothing passes: once, again and again, or while the cable is out', () => {
    const i = impairment({ blackouts: [{ fromMs: 10, forMs: 5 }, { fromMs: 100, forMs: 2, everyMs: 20 }] });
    const passed = Array.from({ length: 150 }, (_, now) => i.offer(packet(0), 0, 40, now) === 1);
    const dark = passed.flatMap((each, now) => (each ? [] : [now]));
    expect(dark).toEqual([10, 11, 12, 13, 14, 100, 101, 120, 121, 140, 141]);
    i.unplugged = true;
    expect(i.offer(packet(0), 0, 40, 500)).toBe(0);
    expect(i.fate).toBe('dark');
  });

  test('a packet above the MTU is too big, one of the MTU passes', () => {
    const i = impairment({ pathMtu: 1400 });
    expect([1360, 1361].map((text) => i.offer(packet(text), 0, text + 40, 0))).toEqual([1, 0]);
    expect(i.fate).toBe('too-big');
  });
});

describe('damage', () => {
  const bitsChanged = (a: Uint8Array, b: Uint8Array): number =>
    a.reduce((sum, byte, n) => sum + (byte ^ b[n]!).toString(2).replaceAll('0', '').length, 0);

  test('exactly one bit is turned over, anywhere, between `at` and `end`', () => {
    const i = impairment({ corrupt: 1 });
    const places = new Set<number>();
    for (let n = 0; n < 3000; n++) {
      const whole = new Uint8Array(130);
      i.offer(whole, 10, 110, 0);
      expect(bitsChanged(whole, new Uint8Array(130))).toBe(1);
      places.add(whole.findIndex((byte) => byte !== 0));
    }
    expect([Math.min(...places), Math.max(...places), places.size]).toEqual([10, 109, 100]);
  });

  test.each([[4, 6], [4, 17], [6, 6], [6, 17]])('hidden: over IPv%i, protocol %i, the text differs in a bit and the checksum is right', (family, protocol) => {
    const network = family === 4 ? 20 : 40;
    const headers = network + (protocol === 6 ? 20 : 8);
    for (const text of [1, 2, 99, 100]) {
      const i = impairment({ corrupt: 1, corruption: 'hidden' }, text);
      for (let n = 0; n < 50; n++) {
        const before = packet(text, { family, protocol });
        expect(isSummedRight(before, network, protocol)).toBe(true);
        const after = before.slice();
        i.offer(after, 0, after.length, 0);
        expect(bitsChanged(before.subarray(headers), after.subarray(headers))).toBe(1);
        expect(isSummedRight(after, network, protocol)).toBe(true);
      }
    }
  });

  test('hidden damage leaves alone what has no text', () => {
    const i = impairment({ corrupt: 1, corruption: 'hidden' });
    const bare = packet(0);
    i.offer(bare, 0, bare.length, 0);
    expect(bare).toEqual(packet(0));
    expect(i.tally.corrupted).toBe(0);
  });
});

describe('the line', () => {
  test('packets leave it one after the other, at its rate; after a pause it is free at once', () => {
    // 1500 bytes at 12 Mb/s take a millisecond.
    const line = new Bottleneck({ bitsPerSecond: 12_000_000 });
    expect([line.offer(1500, 0), line.offer(1500, 0), line.offer(750, 0.25), line.offer(1500, 10)]).toEqual([1, 2, 2.5, 11]);
  });

  test('the queue holds its bytes, the packet under way among them, and what comes beyond is lost until something has left', () => {
    const line = new Bottleneck({ bitsPerSecond: 12_000_000, queueBytes: 3000 });
    expect([0, 0, 0, 0.99].map((now) => line.offer(1500, now))).toEqual([1, 2, Number.NaN, Number.NaN]);
    expect(line.offer(1500, 1)).toBe(3);
    expect(line.backlog).toBe(3000);
  });

  test('it holds its packets, however small; and an idle line takes any packet', () => {
    const line = new Bottleneck({ bitsPerSecond: 8000, queuePackets: 100 });
    const taken = (count: number, now: number): number[] =>
      Array.from({ length: count }, () => line.offer(1, now)).filter((at) => !Number.isNaN(at));
    expect(taken(50, 0)).toEqual(Array.from({ length: 50 }, (_, n) => n + 1));
    // Thirty have left: the hundred that fit lie across the ring's end when it grows.
    expect(taken(150, 30)).toEqual(Array.from({ length: 80 }, (_, n) => n + 51));
    expect([line.count, line.backlog]).toEqual([100, 100]);
    expect(taken(1, 129)).toEqual([131]);
    expect([line.count, line.backlog]).toEqual([2, 2]);
    expect(new Bottleneck({ bitsPerSecond: 8000, queueBytes: 10 }).offer(1500, 5)).toBe(1505);
  });

  test('over the long run it carries what its rate says, however much is offered, and keeps nothing of what left', () => {
    const i = impairment({ bitsPerSecond: 8_000_000, queueBytes: 20_000, delayMs: 5 });
    const times = arrivals(i, 20_000, 0.5, 1000);
    // 1000 bytes in 1 ms: half of what is offered.
    expect(times.length).toBeGreaterThanOrEqual(10_000);
    expect(times.length).toBeLessThanOrEqual(10_021);
    expect(i.tally['queue-full']).toBe(20_000 - times.length);
    expect(descents(times)).toBe(0);
    expect(i.bottleneck!.backlog).toBeLessThanOrEqual(20_000);
  });

  test.each([4, 6])('IPv%i: above the threshold, what may be marked is marked CE, its header still right; what may not passes unmarked', (family) => {
    const i = impairment({ bitsPerSecond: 8000, markBytes: 1000 });
    const network = family === 4 ? 20 : 40;
    const ecnOf = (b: Uint8Array): number => (family === 4 ? b[1]! & 3 : (b[1]! >>> 4) & 3);
    const sent = [2, 2, 2, 1, 0].map((ecn) => packet(460, { family, ecn }));
    for (const b of sent) expect(i.offer(b, 0, b.length, 0)).toBe(1);
    // 500 or 520 bytes each: the third finds 1,000 or 1,040 before it.
    expect(sent.map(ecnOf)).toEqual(family === 4 ? [2, 2, 2, 3, 0] : [2, 2, 3, 3, 0]);
    for (const b of sent) if (family === 4) expect(sumBytes(b, 0, network)).toBe(0xffff);
  });
});

describe('the dice', () => {
  test('the same seed gives the same run, another seed another', () => {
    const settings: Impairments = { delayMs: 5, jitterMs: 9, overtaking: true, loss: 0.1, duplicate: 0.1, corrupt: 0.1 };
    const [once, again, other] = [1, 1, 2].map((seed) => arrivals(impairment(settings, seed), 500, 1));
    expect(again).toEqual(once);
    expect(other).not.toEqual(once);
  });

  test('turning one fault on moves no other: the same packets are lost, and the others arrive when they did', () => {
    const lossOf = (more: Impairments): boolean[] => {
      const i = impairment({ loss: 0.1, ...more });
      return Array.from({ length: 500 }, () => i.offer(packet(60), 0, 100, 0) === 0);
    };
    const alone = lossOf({});
    expect(lossOf({ jitterMs: 50, duplicate: 0.3, corrupt: 0.5, reorder: { chance: 0.3, lateMs: 4 } })).toEqual(alone);
    const jitter = { delayMs: 1, jitterMs: 50, overtaking: true };
    const calm = arrivals(impairment(jitter), 500, 1);
    expect(arrivals(impairment({ ...jitter, loss: 0.1 }), 500, 1)).toEqual(calm.filter((_, n) => !alone[n]));
  });

  test('settings may change on the way; a chance outside 0 to 1 is refused', () => {
    const i = impairment({ delayMs: 5 });
    i.change({ delayMs: 7, loss: 1 });
    expect(arrivals(i, 10, 1)).toEqual([]);
    expect(() => i.change({ loss: 1.5 })).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }));
    expect(() => impairment({ delayMs: -1 })).toThrow(/delayMs/);
    expect(() => impairment({ bitsPerSecond: 0 })).toThrow(/bitsPerSecond/);
  });
});

describe('packet too big', () => {
  test('over IPv4 it is type 3 code 4 with the MTU and a quote, from the router to the sender (RFC 1191 §4)', () => {
    const b = packet(1400);
    const error = tooBigError(b, 0, b.length, 1300)!;
    const view = new DataView(error.buffer, error.byteOffset);
    expect([error[0], error[9], error[20], error[21]]).toEqual([0x45, 1, 3, 4]);
    expect([view.getUint16(2), view.getUint16(26)]).toEqual([error.length, 1300]);
    expect([sumBytes(error, 0, 20), sumBytes(error, 20, error.length)]).toEqual([0xffff, 0xffff]);
    expect([...error.subarray(16, 20)]).toEqual([192, 0, 2, 1]);
    expect(error.subarray(28)).toEqual(b.subarray(0, error.length - 28));
    // RFC 1812 §4.3.2.3: as much as fits 576 bytes.
    expect(error.length).toBe(576);
  });

  test('over IPv6 it is type 2 with the MTU, at most 1280 bytes (RFC 4443 §3.2)', () => {
    const b = packet(1400, { family: 6 });
    const error = tooBigError(b, 0, b.length, 1300)!;
    const view = new DataView(error.buffer, error.byteOffset);
    expect([error[6], error[40], error[41], view.getUint32(44), error.length]).toEqual([58, 2, 0, 1300, 1280]);
    expect(sumBytes(error, 40, error.length, sumBytes(error, 8, 40, 58 + error.length - 40))).toBe(0xffff);
    expect(error.subarray(24, 40)).toEqual(b.subarray(8, 24));
    expect(error.subarray(48)).toEqual(b.subarray(0, error.length - 48));
  });

  test('nobody is told of an IPv4 packet that might have been cut, nor of an ICMP error', () => {
    const b = packet(1400);
    b[6] = 0;
    expect(tooBigError(b, 0, b.length, 1300)).toBeNull();
    const about = tooBigError(packet(1400), 0, 1440, 1300)!;
    about[6] = 0x40;
    expect(tooBigError(about, 0, about.length, 500)).toBeNull();
  });
});
