// What a program takes of time and chance, given by a network; and time that stands still for the real world.

import timers from 'node:timers';
import { setInterval as everySo, setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

import { describe, expect, test } from 'vitest';

import { createNetwork, fakeTimers, withNetwork } from '../../../src/testing/node/index.js';

/** Before anybody puts something in their place. */
const real = { setTimeout, setInterval, setImmediate, clearTimeout, Date, random: Math.random, hrtime: process.hrtime };

describe('fake timers', () => {
  test('ring by the network’s clock, one after the other, each with what follows from it', async () => {
    const network = createNetwork();
    using faked = fakeTimers(network);
    const told: string[] = [];
    const say = (what: string): void => void told.push(`${network.now} ${what}`);
    setTimeout((a: string, b: string) => say(a + b), 10, 'x', 'y');
    setTimeout(() => {
      say('first');
      void Promise.resolve().then(() => say('its promise'));
      setImmediate(() => say('its immediate'));
    }, 5);
    setTimeout(() => say('second'), 5);
    const repeated = setInterval(() => say('again'), 4);
    setTimeout(() => clearInterval(repeated), 9);
    clearTimeout(setTimeout(() => say('never'), 3));
    const moved = setTimeout(() => say('moved'), 8);
    setTimeout(() => void moved.refresh(), 6);
    await network.advance(100);
    expect(told).toEqual(['4 again', '5 first', '5 its promise', '5 second', '5 its immediate', '8 again', '10 xy', '14 moved']);
    expect(faked.isUndone).toBe(false);
  });

  test('are as Node’s: what they are called with, what they return', async () => {
    const network = createNetwork();
    using _ = fakeTimers(network);
    const rung: number[] = [];
    for (const ms of [0, -1, Number.NaN, 2 ** 31, 1.9]) setTimeout(() => rung.push(network.now), ms);
    const timer = setTimeout(() => rung.push(-1), 2);
    expect([timer.hasRef(), timer.unref().hasRef(), timer.ref().hasRef()]).toEqual([true, false, true]);
    clearTimeout(Number(timer));
    expect(() => setTimeout('text' as unknown as () => void)).toThrow(TypeError);
    await network.advance(10);
    expect(rung).toEqual([1, 1, 1, 1, 1]);
    // One that was armed before is Node's, and can be called off.
    const before = real.setTimeout(() => rung.push(-2), 0);
    clearTimeout(before);
  });

  test('are those of the modules, of promises, of signals, too', async () => {
    const network = createNetwork();
    using _ = fakeTimers(network);
    const told: unknown[] = [];
    const tell = (what: Promise<unknown>): void => void what.then((value) => told.push([network.now, value]), (error: Error) => told.push([network.now, error.name]));
    tell(sleep(7, 'slept'));
    tell(promisify(setTimeout)(3, 'promisified'));
    tell(sleep(1000, null, { signal: AbortSignal.timeout(5) }));
    timers.setTimeout(() => told.push([network.now, 'module']), 2);
    tell((async () => {
      for await (const value of everySo(4, 'tick')) if (network.now >= 8) return value;
      return null;
    })());
    await network.advance(20);
    expect(told).toEqual([[2, 'module'], [3, 'promisified'], [5, 'AbortError'], [7, 'slept'], [8, 'tick']]);
  });

  test('come with the date, the clocks and the dice, and go with them', async () => {
    const draw = async (): Promise<unknown[]> => {
      const network = createNetwork({ seed: 3 });
      using _ = fakeTimers(network, { date: Date.UTC(2024, 1, 29) });
      await network.advance('90.5 s');
      const date = new Date();
      expect(date instanceof Date).toBe(true);
      expect(new Date(0).getTime()).toBe(0);
      expect(Date.UTC(2024, 0)).toBe(real.Date.UTC(2024, 0));
      return [date.toISOString(), Date.now(), performance.now(), process.hrtime(), process.hrtime.bigint(), Math.random(), Math.random()];
    };
    const [one, other] = [await draw(), await draw()];
    expect(one).toEqual(other);
    expect(one.slice(0, 5)).toEqual(['2024-02-29T00:01:30.500Z', Date.UTC(2024, 1, 29) + 90_500, 90_500, [90, 500_000_000], 90_500_000_000n]);
    expect(one[5]).not.toBe(one[6]);
    expect({ setTimeout, setInterval, setImmediate, clearTimeout, Date, random: Math.random, hrtime: process.hrtime }).toEqual(real);
    await expect(sleep(1, 'real')).resolves.toBe('real');
  });

  test('are what a fixture has its program have, if it says so', async () => {
    let slept = 0;
    await withNetwork('timers', async (net) => {
      await net.runUntil(sleep(3_600_000), { max: '2 h' });
      slept = net.now;
    }, { program: 'virtual' })();
    expect(slept).toBe(3_600_000);
    expect(setTimeout).toBe(real.setTimeout);
  });

  test('want a clock that is ours', () => {
    expect(() => fakeTimers(createNetwork({ clock: 'real' }))).toThrow('must have a virtual clock');
  });
});

describe('time stands still', () => {
  test('for work of the real world, and what follows from that is not late', async () => {
    const network = createNetwork();
    const told: string[] = [];
    network.after(10, () => {
      void network.standStill(new Promise((resolve) => void real.setTimeout(resolve, 20))).then(() => {
        real.setImmediate(() => network.after(5, () => told.push(`done ${network.now}`)));
      });
    });
    network.after(12, () => told.push(`other ${network.now}`));
    await network.advance(1000);
    expect(told).toEqual(['other 12', 'done 15']);
  });

  test('for work that fails, too, and does not hide that', async () => {
    const network = createNetwork();
    const failed = network.standStill(Promise.reject(new Error('broken'))).then(() => null, (error: Error) => error.message);
    await network.advance(1);
    expect(await failed).toBe('broken');
  });
});

test('what is called off is not waited for: a network rests', async () => {
  const network = createNetwork();
  const cancels = Array.from({ length: 100 }, (_, n) => network.after(1000 + n, () => {}));
  for (const cancel of [...cancels.slice(1), ...cancels.slice(1)]) cancel();
  expect([network.planned, network.nextTimeout()]).toEqual([1, 1000]);
  await network.runUntilIdle();
  expect(network.now).toBe(1000);
  // Its place has been given to another: it is not called off by mistake.
  let rang = 0;
  for (let n = 0; n < 100; n++) network.after(1, () => rang++);
  for (const cancel of cancels) cancel();
  await network.advance(1);
  expect(rang).toBe(100);
});
