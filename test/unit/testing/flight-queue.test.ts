// What is under way arrives in the order of its time, and at the same time in the order in which it set out: against a sort.

import fc from 'fast-check';
import { expect, test } from 'vitest';

import { EventQueue } from '../../../src/testing/event-queue.js';
import { FlightQueue } from '../../../src/testing/flight-queue.js';

/** Plan all, letting what is due happen between any two; then let the rest happen. */
function run(queue: FlightQueue<number> | EventQueue<number>, delays: readonly { readonly in: number; readonly pass: number }[]): number[][] {
  const happened: number[][] = [];
  let now = 0;
  const target = { happen: (what: number): void => void happened.push([now, what]) };
  delays.forEach(({ in: delay, pass }, i) => {
    queue.plan(now + delay, target, i);
    for (const until = now + pass; queue.nextTimeout() <= until;) {
      now = queue.nextTimeout();
      expect(queue.happen(now)).toBe(true);
    }
    now += Math.max(0, pass - (now % 1));
    expect(queue.happen(now - 1e6)).toBe(false);
  });
  while (queue.size > 0) {
    now = Math.max(now, queue.nextTimeout());
    queue.happen(now);
  }
  expect(queue.nextTimeout()).toBe(Infinity);
  return happened;
}

test('a queue of flights is a queue of events, whatever ways there are', () => {
  const delay = fc.constantFrom(0, 1, 1, 1, 5, 20, 100, 100.5, 3000);
  fc.assert(fc.property(fc.array(fc.record({ in: delay, pass: fc.constantFrom(0, 0, 0, 0, 1, 7, 150) }), { maxLength: 300 }), (delays) => {
    expect(run(new FlightQueue(), delays)).toEqual(run(new EventQueue(), delays));
  }));
});

test('a thousand that set out at once and take as long arrive in their order, and those of shorter ways before them', () => {
  const queue = new FlightQueue<number>();
  const happened: number[] = [];
  const target = { happen: (what: number): void => void happened.push(what) };
  for (let i = 0; i < 1000; i++) queue.plan(100, target, i);
  for (let i = 0; i < 10; i++) queue.plan(10 - i, target, i === 0 ? 0 : -i);
  expect([queue.size, queue.nextTimeout()]).toEqual([1010, 1]);
  while (queue.happen(100));
  expect(happened).toEqual([-9, -8, -7, -6, -5, -4, -3, -2, -1, 0, ...Array.from({ length: 1000 }, (_, i) => i)]);
});

test('who fits in no line arrives after whom he set out behind, at the same time', () => {
  const queue = new FlightQueue<string>();
  const happened: string[] = [];
  const target = { happen: (what: string): void => void happened.push(what) };
  for (const at of [100, 90, 80, 70, 110, 95, 85, 75]) queue.plan(at, target, `${at}`);
  queue.plan(70, target, '70, in no line');
  queue.plan(60, target, '60, in no line');
  while (queue.happen(1000));
  expect(happened).toEqual(['60, in no line', '70', '70, in no line', '75', '80', '85', '90', '95', '100', '110']);
});
