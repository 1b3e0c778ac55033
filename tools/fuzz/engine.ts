// One target, many inputs: what reaches a block that nothing reached before is kept and mutated further. Everything comes from
// the seed; the time only decides how many runs there are.

import { SeededRandom } from '../../src/random.js';
import type { FuzzTarget } from '../../test/fuzz/targets/index.js';
import type { Coverage } from './coverage.js';
import { mutate, randomInput, shrink } from './mutate.js';

export interface CampaignOptions {
  readonly name: string;
  readonly target: FuzzTarget;
  readonly seed: number;
  /** Whichever comes first ends it. */
  readonly runsMax: number;
  readonly msMax: number;
  /** Where to begin: found before. */
  readonly seeds: readonly Uint8Array[];
  /** Null: without guidance. */
  readonly coverage: Coverage | null;
  /** Told of each input before it runs: who watches the clock can say which one never returned. */
  readonly onRun?: (input: Uint8Array) => void;
  /** Different failures after which it is enough. Default 3. */
  readonly failuresMax?: number;
}

export interface Failure {
  readonly input: Uint8Array;
  readonly error: string;
}

export interface CampaignResult {
  readonly name: string;
  readonly executions: number;
  /** Blocks of code that this target was the first to reach, and inputs kept for that. */
  readonly blocks: number;
  readonly corpus: number;
  readonly failures: readonly Failure[];
}

/** Coverage is asked for after so many runs: asking costs more than most runs do. */
const SAMPLE_RUNS = 16;
/** So many runs of so many are guided; the rest, at full speed, mutate what those found. Counted, not timed: a seed is a run. */
const GUIDED_RUNS = 16;
const CYCLE_RUNS = 256;

/** What is wrong with a run; null: nothing. */
export function errorOf(target: FuzzTarget, input: Uint8Array): string | null {
  try {
    target.run(input);
    return null;
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}\n${placeOf(error)}` : String(error);
  }
}

const placeOf = (error: Error): string => (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line)).slice(0, 3).join('\n');

/** One failure is the same as another when the message is, but for numbers. */
export const kindOf = (error: string): string => error.split('\n')[0]!.replaceAll(/-?\d[\d.]*/g, 'n').slice(0, 100);

export function campaign({ name, target, seed, runsMax, msMax, seeds, coverage, onRun, failuresMax = 3 }: CampaignOptions): CampaignResult {
  const random = new SeededRandom(seed).fork(name);
  const corpus: Uint8Array[] = [];
  const failures = new Map<string, Failure>();
  const end = performance.now() + msMax;
  const first = [...seeds];
  let executions = 0;
  let blocks = 0;
  let batch: Uint8Array[] = [];

  const run = (input: Uint8Array): void => {
    executions++;
    onRun?.(input);
    const error = errorOf(target, input);
    if (error === null) return;
    const kind = kindOf(error);
    if (failures.has(kind)) return;
    const least = shrink(input, (less) => {
      onRun?.(less);
      const again = errorOf(target, less);
      return again !== null && kindOf(again) === kind;
    });
    failures.set(kind, { input: least, error: errorOf(target, least) ?? error });
  };

  /** What the batch reached for the first time; then which of it did, one by one. */
  const harvest = (): void => {
    if (coverage === null) return;
    const fresh = coverage.take();
    for (const input of fresh.length > 0 ? batch : []) {
      onRun?.(input);
      errorOf(target, input);
      const own = coverage.take();
      for (const block of own) coverage.seen.add(block);
      if (own.length > 0) corpus.push(input);
      blocks += own.length;
    }
    // What runs once and never again: first calls.
    for (const block of fresh) coverage.seen.add(block);
    batch = [];
  };

  while (executions < runsMax && performance.now() < end && failures.size < failuresMax) {
    const isNew = corpus.length === 0 || random.below(8) === 0;
    const input = first.shift() ?? (isNew ? randomInput(random, target.lengthMax)
      // What was found last leads furthest.
      : mutate(corpus[corpus.length - 1 - random.below(random.below(corpus.length) + 1)]!, corpus[random.below(corpus.length)]!, random, target.lengthMax));
    const isGuided = coverage !== null && executions % CYCLE_RUNS < GUIDED_RUNS;
    if (isGuided) coverage.start();
    run(input);
    if (!isGuided) continue;
    batch.push(input);
    if (executions % CYCLE_RUNS >= GUIDED_RUNS) {
      harvest();
      coverage.stop();
    } else if (batch.length >= SAMPLE_RUNS) harvest();
  }
  if (batch.length > 0) harvest();
  coverage?.stop();
  return { name, executions, blocks, corpus: corpus.length, failures: [...failures.values()] };
}
