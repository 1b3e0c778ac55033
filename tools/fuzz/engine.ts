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
  /** By which `msMax` is counted. Default: time as it passes. */
  readonly clock?: () => number;
}

export interface Failure {
  readonly input: Uint8Array;
  readonly error: string;
}

export interface CampaignResult {
  readonly name: string;
  readonly executions: number;
  /** Blocks of code that this target has reached, and inputs that were the first to. */
  readonly blocks: number;
  readonly corpus: number;
  readonly failures: readonly Failure[];
}

/** So many runs are guided, and coverage is asked for after them: asking costs more than most runs do. */
const GUIDED_RUNS = 16;
/**
 * So many follow at full speed and mutate what those found; each time that they found nothing new, twice as many. Counted, not
 * timed: a seed is a run.
 */
const FREE_RUNS = 240;
const FREE_RUNS_MAX = 16_384;

const now = (): number => performance.now();

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

export function campaign({ name, target, seed, runsMax, msMax, seeds, coverage, onRun, failuresMax = 3, clock = now }: CampaignOptions): CampaignResult {
  const random = new SeededRandom(seed).fork(name);
  const corpus: Uint8Array[] = [];
  const failures = new Map<string, Failure>();
  const end = clock() + msMax;
  const first = [...seeds];
  // The target's own: what others have reached, says nothing of what this one does there.
  const seen = new Set<string>();
  let executions = 0;
  let batch: Uint8Array[] = [];
  let guidedFrom = 0;
  let free = FREE_RUNS;

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
  const harvest = (): boolean => {
    if (coverage === null) return false;
    const fresh = coverage.take(seen);
    for (const input of fresh.length > 0 ? batch : []) {
      onRun?.(input);
      errorOf(target, input);
      const own = coverage.take(seen);
      for (const block of own) seen.add(block);
      if (own.length > 0) corpus.push(input);
    }
    // What runs once and never again: first calls.
    for (const block of fresh) seen.add(block);
    batch = [];
    return fresh.length > 0;
  };

  while (executions < runsMax && clock() < end && failures.size < failuresMax) {
    const isNew = corpus.length === 0 || random.below(8) === 0;
    const input = first.shift() ?? (isNew ? randomInput(random, target.lengthMax)
      // What was found last leads furthest.
      : mutate(corpus[corpus.length - 1 - random.below(random.below(corpus.length) + 1)]!, corpus[random.below(corpus.length)]!, random, target.lengthMax));
    const isGuided = coverage !== null && executions >= guidedFrom;
    if (isGuided) coverage.start();
    run(input);
    if (!isGuided) continue;
    batch.push(input);
    if (batch.length < GUIDED_RUNS) continue;
    free = harvest() ? FREE_RUNS : Math.min(2 * free, FREE_RUNS_MAX);
    guidedFrom = executions + free;
    coverage.stop();
  }
  if (batch.length > 0) harvest();
  coverage?.stop();
  return { name, executions, blocks: seen.size, corpus: corpus.length, failures: [...failures.values()] };
}
