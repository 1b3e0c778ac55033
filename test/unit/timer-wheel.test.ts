// The wheel of deadlines: what it promises to those who wait.

import { describe, expect, test } from 'vitest';
import { NEVER } from '../../src/time.js';
import { TimerEntry, TimerWheel } from '../../src/timer-wheel.js';

const DAY = 86_400_000;

/** A wheel that notes who fired and when; an owner may do more than note. */
function noting(origin = 0): {
  wheel: TimerWheel; log: string[]; entry: (name: string, then?: (now: number) => void) => TimerEntry;
} {
  const log: string[] = [];
  const entry = (name: string, then?: (now: number) => void): TimerEntry => new TimerEntry({
    expire(now) {
      log.push(`${name}@${now}`);
      then?.(now);
    },
  });
  return { wheel: new TimerWheel(origin), log, entry };
}

describe('a deadline', () => {
  test('fires at its fraction of a millisecond, not before', () => {
    const { wheel, log, entry } = noting();
    wheel.schedule(entry('a'), 40.625);
    expect(wheel.nextTimeout()).toBe(40.625);
    wheel.expire(40.5);
    expect(log).toEqual([]);
    wheel.expire(40.625);
    expect(log).toEqual(['a@40.625']);
    expect(wheel.nextTimeout()).toBe(NEVER);
  });

  test('can be moved to earlier and to later, and counts once', () => {
    const { wheel, log, entry } = noting();
    const a = entry('a');
    wheel.schedule(a, 10_000);
    wheel.schedule(a, 5);
    expect([wheel.size, a.deadline]).toEqual([1, 5]);
    wheel.schedule(a, 20);
    wheel.expire(19);
    expect(log).toEqual([]);
    wheel.expire(10_000);
    expect(log).toEqual(['a@10000']);
    expect([wheel.size, a.deadline]).toEqual([0, NEVER]);
    wheel.check();
  });

  test('that was cancelled never fires, and cancelling twice does nothing', () => {
    const { wheel, log, entry } = noting();
    const a = entry('a');
    wheel.schedule(a, 7);
    wheel.cancel(a);
    wheel.cancel(a);
    expect([wheel.size, a.deadline, wheel.nextTimeout()]).toEqual([0, NEVER, NEVER]);
    wheel.expire(DAY);
    expect(log).toEqual([]);
  });

  test('near at hand is told exactly, even after an earlier one was cancelled', () => {
    const { wheel, entry } = noting();
    wheel.expire(1000.5);
    const a = entry('a');
    wheel.schedule(a, 1003);
    wheel.schedule(entry('b'), 1004.625);
    wheel.schedule(entry('c'), 1004.25);
    wheel.cancel(a);
    expect(wheel.nextTimeout()).toBe(1004.25);
  });

  test('of NEVER disarms', () => {
    const { wheel, entry } = noting();
    const a = entry('a');
    wheel.schedule(a, 7);
    wheel.schedule(a, NEVER);
    expect([wheel.size, wheel.nextTimeout()]).toEqual([0, NEVER]);
  });

  test('in the past is due at the next call', () => {
    const { wheel, log, entry } = noting(1000);
    wheel.expire(1500.5);
    wheel.schedule(entry('a'), 3);
    expect(wheel.nextTimeout()).toBe(3);
    wheel.expire(1500.5);
    expect(log).toEqual(['a@1500.5']);
  });

  test('that is no number is a mistake of ours', () => {
    const { wheel, entry } = noting();
    expect(() => wheel.schedule(entry('a'), NaN)).toThrow('timer-wheel');
    expect(() => wheel.expire(NaN)).toThrow('timer-wheel');
    expect(() => wheel.expire(NEVER)).toThrow('timer-wheel');
  });

  test('farther off than the wheel reaches waits, and fires when it should', () => {
    const { wheel, log, entry } = noting(0.25);
    wheel.schedule(entry('year'), 365 * DAY + 0.5);
    wheel.schedule(entry('month'), 30 * DAY);
    expect(wheel.nextTimeout()).toBe(30 * DAY);
    wheel.expire(30 * DAY - 1);
    expect(log).toEqual([]);
    wheel.expire(30 * DAY);
    expect(wheel.nextTimeout()).toBeGreaterThan(30 * DAY);
    wheel.expire(365 * DAY);
    expect(log).toEqual([`month@${30 * DAY}`]);
    expect(wheel.nextTimeout()).toBe(365 * DAY + 0.5);
    wheel.expire(365 * DAY + 0.5);
    expect(log).toHaveLength(2);
    wheel.schedule(entry('end of time'), Number.MAX_VALUE);
    wheel.expire(1e12);
    expect(log).toHaveLength(2);
    expect(wheel.nextTimeout()).toBeLessThanOrEqual(Number.MAX_VALUE);
    wheel.check();
  });
});

describe('those that are due', () => {
  test('fire in the order of their deadlines, equal ones in that of scheduling', () => {
    const { wheel, log, entry } = noting();
    wheel.schedule(entry('far'), 5000);
    wheel.schedule(entry('first of equals'), 100.25);
    wheel.schedule(entry('same tick, later'), 100.75);
    wheel.schedule(entry('near'), 1);
    // By now 100.25 is on the lowest level, and the second of equals comes there directly.
    wheel.expire(98);
    wheel.schedule(entry('second of equals'), 100.25);
    wheel.schedule(entry('same tick, earlier'), 100.125);
    wheel.expire(6000);
    expect(log.map((line) => line.split('@')[0])).toEqual([
      'near', 'same tick, earlier', 'first of equals', 'second of equals', 'same tick, later', 'far',
    ]);
  });

  test('fire in the order of their fractions, when there are but two in a tick', () => {
    const { wheel, log, entry } = noting();
    wheel.schedule(entry('b'), 7.75);
    wheel.schedule(entry('a'), 7.25);
    wheel.expire(8);
    expect(log).toEqual(['a@8', 'b@8']);
  });

  test('fire once each after days of sleep, though they arm themselves again at once', () => {
    const { wheel, log, entry } = noting();
    const beat: TimerEntry = entry('beat', () => wheel.schedule(beat, beatAt += 100));
    let beatAt = 100;
    wheel.schedule(beat, beatAt);
    wheel.expire(3 * DAY);
    expect(log).toEqual([`beat@${3 * DAY}`]);
    expect(wheel.nextTimeout()).toBe(200);
    wheel.expire(3 * DAY);
    expect(log).toHaveLength(2);
  });

  test('may disarm, move and arm others, due ones included', () => {
    const { wheel, log, entry } = noting();
    const [cancelled, postponed, pulled] = [entry('cancelled'), entry('postponed'), entry('pulled')];
    wheel.schedule(entry('first', () => {
      wheel.cancel(cancelled);
      wheel.schedule(postponed, 50);
      wheel.schedule(pulled, 1);
      wheel.check();
    }), 10);
    wheel.schedule(cancelled, 11);
    wheel.schedule(postponed, 12);
    wheel.schedule(pulled, 1000);
    wheel.schedule(entry('last'), 13);
    wheel.expire(20);
    expect(log).toEqual(['first@20', 'last@20']);
    expect(wheel.nextTimeout()).toBe(1);
    wheel.expire(20);
    wheel.expire(50);
    expect(log.slice(2)).toEqual(['pulled@20', 'postponed@50']);
  });

  test('may ask for the next timeout', () => {
    const { wheel, entry } = noting();
    const seen: number[] = [];
    wheel.schedule(entry('a', () => seen.push(wheel.nextTimeout())), 10);
    wheel.schedule(entry('b', () => seen.push(wheel.nextTimeout())), 12);
    wheel.schedule(entry('c'), 15);
    wheel.expire(14);
    expect(seen).toEqual([12, 15]);
  });

  test('stay due when one of them throws', () => {
    const { wheel, log, entry } = noting();
    wheel.schedule(entry('a'), 1);
    wheel.schedule(entry('broken', () => {
      throw new Error('broken');
    }), 2);
    const c = entry('c');
    wheel.schedule(entry('b'), 3);
    wheel.schedule(c, 4);
    expect(() => wheel.expire(10)).toThrow('broken');
    wheel.check();
    expect([wheel.size, wheel.nextTimeout()]).toEqual([2, 3]);
    wheel.cancel(c);
    wheel.expire(10);
    expect(log.map((line) => line.split('@')[0])).toEqual(['a', 'broken', 'b']);
  });
});

describe('time', () => {
  test('that goes backwards fires nothing early, and forgets nothing', () => {
    const { wheel, log, entry } = noting(5000);
    wheel.schedule(entry('a'), 5100);
    wheel.expire(5050);
    wheel.expire(4000);
    wheel.schedule(entry('b'), 4500);
    wheel.expire(4400);
    expect(log).toEqual([]);
    wheel.expire(4500);
    wheel.expire(5099.9);
    expect(log).toEqual(['b@4500']);
    wheel.expire(5100);
    expect(log).toEqual(['b@4500', 'a@5100']);
  });

  test('may have any origin', () => {
    for (const origin of [-1e6 - 0.5, 0, 1.75e12 + 0.125, 2 ** 40]) {
      const { wheel, log, entry } = noting(origin);
      wheel.schedule(entry('a'), origin + 200.5);
      wheel.schedule(entry('b'), origin + 20 * DAY);
      expect(wheel.nextTimeout()).toBe(origin + 200.5);
      wheel.expire(origin + 200.5);
      expect(log).toHaveLength(1);
      wheel.expire(origin + 20 * DAY);
      expect(log).toHaveLength(2);
    }
  });
});

test('a hundred thousand wait without being asked again and again', () => {
  const { wheel, log, entry } = noting();
  for (let i = 0; i < 100_000; i++) wheel.schedule(entry('x'), 7_200_000 + (i * 7919) % 100_000);
  let polls = 0;
  for (; wheel.size > 0; polls++) wheel.expire(wheel.nextTimeout());
  expect(log).toHaveLength(100_000);
  expect(polls).toBeLessThan(100_000 + 10);
  wheel.check();
});
