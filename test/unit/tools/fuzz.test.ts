// The fuzzer's own tools: chance comes from the seed alone, a failure is found, made small, and had again from its line.

import { describe, expect, test, vi } from 'vitest';

import { SeededRandom } from '../../../src/random.js';
import { campaign, errorOf } from '../../../tools/fuzz/engine.js';
import { Heartbeat } from '../../../tools/fuzz/heartbeat.js';
import { mutate, shrink } from '../../../tools/fuzz/mutate.js';
import { marked } from '../../../tools/fuzz/planted.js';
import { parseReplay, replayOf } from '../../../tools/fuzz/replay.js';
import { TARGETS } from '../../fuzz/targets/index.js';

/** Fails on a 7 anywhere before a 9. */
const picky = { title: '', lengthMax: 60, run: (data: Uint8Array): void => {
  const at = data.indexOf(7);
  if (at >= 0 && data.indexOf(9, at) > 0) throw new Error(`at ${at}`);
} };

describe('a campaign', () => {
  const run = (seed: number) => campaign({ name: 'F0', target: picky, seed, seeds: [], coverage: null, runsMax: 3000, msMax: Infinity });

  test('finds, and leaves the least that still fails', () => {
    const { failures } = run(1);
    expect(failures.map(({ input }) => [...input])).toEqual([[7, 9]]);
    expect(failures[0]!.error).toContain('at 0');
  });

  test('is the same run from the same seed, and another from another', () => {
    const told = (seed: number): number[][] => {
      const all: number[][] = [];
      const target = { ...picky, run: (data: Uint8Array) => void all.push([...data]) };
      campaign({ name: 'F0', target, seed, seeds: [], coverage: null, runsMax: 50, msMax: Infinity });
      return all;
    };
    expect(told(1)).toEqual(told(1));
    expect(told(2)).not.toEqual(told(1));
  });

  test('begins with what was found before', () => {
    const { executions, failures } = campaign({
      name: 'F0', target: picky, seed: 1, seeds: [Uint8Array.of(7, 9)], coverage: null, runsMax: 1, msMax: Infinity,
    });
    expect([executions, failures.length]).toEqual([1, 1]);
  });
});

describe('mutations', () => {
  test('stay within the length', () => {
    const random = new SeededRandom(1);
    for (let i = 0; i < 500; i++) {
      const bytes = mutate(new Uint8Array(random.below(40)), new Uint8Array(random.below(40)).fill(1), random, 40);
      expect(bytes.length).toBeLessThanOrEqual(40);
    }
  });

  test('shrinking stops after its tries', () => {
    let tries = 0;
    shrink(new Uint8Array(1000).fill(1), () => {
      tries++;
      return false;
    }, 50);
    expect(tries).toBe(50);
  });
});

describe('a replay line', () => {
  test('holds all that the run needs', () => {
    const replay = { target: 'F12', input: Uint8Array.of(0, 255, 62, 63) };
    expect(replayOf(replay)).toBe('v1:F12:AP8-Pw');
    expect(parseReplay('v1:F12:AP8-Pw')).toEqual(replay);
  });

  test.each(['', 'v2:F1:AA', 'v1:F1', 'v1:x:AA', 'v1:F1:A!'])('%j is none', (line) => {
    expect(() => parseReplay(line)).toThrow('not a replay line');
  });
});

test('an input that never returns is named by who watches', () => {
  const memory = new SharedArrayBuffer(Heartbeat.BYTES);
  const [worker, watcher] = [new Heartbeat(memory), new Heartbeat(memory)];
  expect(watcher.stuck(0)).toBeNull();
  worker.beat(3, Uint8Array.of(1, 2));
  expect(watcher.stuck(1000)).toBeNull();
  expect(watcher.stuck(10_000)).toBeNull();
  expect(watcher.stuck(16_000)).toEqual({ target: 3, input: Uint8Array.of(1, 2) });
  worker.beat(3, Uint8Array.of(1));
  expect(watcher.stuck(16_001)).toBeNull();
});

describe('planted bugs', () => {
  test('are twenty at least, each for a target that exists, and most targets have one', () => {
    const all = marked('*');
    expect(all.length).toBeGreaterThanOrEqual(20);
    for (const { fuzz } of all) expect(Object.keys(TARGETS)).toContain(fuzz);
    expect(new Set(all.map(({ fuzz }) => fuzz)).size).toBeGreaterThanOrEqual(10);
  });
});

describe('the entry for another engine', () => {
  const entry = async (target: string): Promise<(data: Buffer) => void> => {
    vi.stubEnv('WALLSOCKET_TARGET', target);
    vi.resetModules();
    try {
      return (await import('../../../tools/fuzz/jazzer.js')).fuzz;
    } finally {
      vi.unstubAllEnvs();
    }
  };

  test.each(Object.keys(TARGETS))('takes bytes for %s, and is silent where nothing is wrong', async (target) => {
    const fuzz = await entry(target);
    expect(fuzz(Buffer.alloc(0))).toBeUndefined();
    expect(fuzz(Buffer.from([3, 1, 4, 1, 5, 9, 2, 6]))).toBeUndefined();
    expect(fuzz(Buffer.alloc(4096))).toBeUndefined();
  });

  test('says which targets there are', async () => {
    await expect(entry('F99')).rejects.toThrow('no target F99: there are F1, F2');
  });
});

test('an error tells its message and its place', () => {
  expect(errorOf(picky, Uint8Array.of(7, 9))).toMatch(/^Error: at 0\n\s+at /);
  expect(errorOf(picky, Uint8Array.of(9, 7))).toBeNull();
});
