// Controlled delay by RFC 8289: what stays longer than the target for an interval is dropped at the head, ever sooner, and
// marked instead where its sender takes part.

import { describe, expect, test } from 'vitest';

import { invalidValue } from '../../../src/errors.js';
import { type Packet, packetOf } from '../../../src/packet.js';
import { Codel, type CodelOptions } from '../../../src/testing/codel.js';

/** 1000 bytes a millisecond; a packet of 1000 each millisecond keeps the line busy, two let the queue grow. */
class Line {
  now = 0;
  readonly left: { at: number; waited: number }[] = [];
  readonly dropped: number[] = [];
  readonly codel: Codel;
  private readonly offeredAt = new Map<Packet, number>();
  private departsAt = Infinity;
  private leaving: Packet | null = null;

  constructor(options: Partial<CodelOptions> = {}) {
    this.codel = new Codel(this, { bitsPerSecond: 8e6, ...options });
  }

  offer(ecn = 0): boolean {
    const bytes = new Uint8Array(1000);
    bytes.set([0x45, ecn]);
    const packet = packetOf(bytes);
    this.offeredAt.set(packet, this.now);
    return this.codel.offer(packet);
  }

  depart(packet: Packet, at: number): void {
    this.leaving = packet;
    this.departsAt = at;
  }

  onCodelDrop(): void {
    this.dropped.push(this.now);
  }

  /** Time passes; each millisecond so many come. */
  run(ms: number, perMs: number, ecn = 0): void {
    for (const until = this.now + ms; this.now < until;) {
      for (let i = 0; i < perMs; i++) this.offer(ecn);
      this.now++;
      while (this.departsAt <= this.now) {
        this.left.push({ at: this.now, waited: this.now - this.offeredAt.get(this.leaving!)! });
        this.departsAt = Infinity;
        this.codel.next();
      }
    }
  }
}

describe('CoDel', () => {
  test('lets a line be that keeps up, and a burst that is gone within an interval', () => {
    const line = new Line();
    line.run(1000, 1);
    expect([line.dropped, line.left.length]).toEqual([[], 1000]);
    // 50 ms of queue, and then nothing more: §4.3, good queue.
    for (let i = 0; i < 50; i++) line.offer();
    line.run(100, 0);
    expect(line.dropped).toEqual([]);
  });

  test('drops when the target has been passed for an interval, and then by the control law: 100/sqrt(n) apart', () => {
    const line = new Line();
    line.run(700, 2);
    const [first] = line.dropped;
    // The sojourn is 5 ms after some 10 ms of two for one; an interval later the first goes.
    expect(first).toBeGreaterThan(100);
    expect(first).toBeLessThan(115);
    const apart = line.dropped.slice(1, 6).map((at, i) => at - line.dropped[i]!);
    apart.forEach((ms, i) => expect(Math.abs(ms - 100 / Math.sqrt(i + 1))).toBeLessThanOrEqual(1.5));
  });

  test('marks in place of dropping who says that he listens: RFC 3168 §5', () => {
    const line = new Line();
    line.run(400, 2, 2);
    expect([line.dropped, line.codel.tally.dropped]).toEqual([[], 0]);
    expect(line.codel.tally.marked).toBeGreaterThan(3);
  });

  test('ceases when the queue is short again, and begins where it was if that was lately: §5.5', () => {
    const line = new Line();
    line.run(700, 2);
    const before = line.dropped.length;
    for (let i = 0; i < 2000 && line.codel.length > 0; i++) line.run(1, 0);
    const emptied = line.dropped.length;
    line.run(300, 1);
    expect(line.dropped.length).toBe(emptied);
    expect(emptied).toBeGreaterThanOrEqual(before);
  });

  test('has an end to its queue, and wants a line that carries something', () => {
    const line = new Line({ queuePackets: 3 });
    expect([1, 2, 3, 4, 5].map(() => line.offer())).toEqual([true, true, true, true, false]);
    expect(line.codel.hasRoom).toBe(false);
    expect(() => new Line({ bitsPerSecond: 0 })).toThrow(invalidValue('bitsPerSecond', 'must be above 0', 0).message);
  });

  test('takes a target and an interval of somebody’s own', () => {
    const line = new Line({ targetMs: 50, intervalMs: 300 });
    line.run(395, 2);
    expect(line.dropped).toEqual([]);
    line.run(60, 2);
    expect(line.dropped.length).toBeGreaterThan(0);
  });
});
