// Each mutant against its test: killed when a test fails or never ends, a survivor when all pass. A list that does not fit
// the tree, and tests that are red without any mutant, prove nothing and are faults.

import { type ChildProcess, fork } from 'node:child_process';

import { flaw, type Mutant, nameOf, type Rooms } from './mutant.js';
import type { Outcome, Task } from './worker.js';

export interface ProveOptions {
  /** The tree. */
  readonly root: string;
  /** The program that runs tests: worker.ts, bundled. */
  readonly worker: string;
  readonly jobs: number;
  /** Tests that take longer than so many ms, and ten times as long as without the mutant, never end. Default 20,000. */
  readonly patienceMs?: number;
  readonly print: (line: string) => void;
}

export interface Verdict {
  readonly room: string;
  readonly mutant: Mutant;
  readonly fate: 'killed' | 'survived' | 'fault';
  /** The test that noticed, or what is wrong with the mutant. */
  readonly why: string;
}

const NEVER_ENDS = 'its tests never end';
/** A file's tests without a mutant: on a busy machine, with everything still to be compiled. */
const BASELINE_MS = 120_000;

/** Try them all, and say so line by line. */
export async function prove(rooms: Rooms, options: ProveOptions): Promise<Verdict[]> {
  const { root, jobs, print, patienceMs = 20_000 } = options;
  const all = Object.entries(rooms).flatMap(([room, mutants]) => mutants.map((mutant) => ({ room, mutant })));
  const runners = Array.from({ length: Math.max(1, Math.min(jobs, all.length)) }, () => new Runner(options.worker));
  const before = new Map<string, Outcome>();
  const verdicts: Verdict[] = [];
  try {
    const files = [...new Set(all.map(({ mutant }) => mutant.test))];
    await share(runners, files, async (runner, test) => {
      const outcome = await runner.run({ root, test, mutant: null }, BASELINE_MS);
      before.set(test, outcome ?? { ms: 0, passed: [], failed: [], errors: [NEVER_ENDS] });
    });
    await share(runners, all, async (runner, { room, mutant }) => {
      const outcome = before.get(mutant.test)!;
      const fault = flaw(mutant, root) ?? uselessness(mutant, outcome);
      const verdict = fault !== null ? { fate: 'fault' as const, why: fault }
        : judge(await runner.run({ root, test: mutant.test, mutant }, Math.max(patienceMs, 10 * outcome.ms)));
      verdicts.push({ room, mutant, ...verdict });
      if (verdict.fate === 'survived') print(`survived  ${room}  ${nameOf(mutant)}  (${mutant.test}${titled(mutant)})`);
      if (verdict.fate === 'fault') print(`fault     ${room}  ${nameOf(mutant)}: ${verdict.why}`);
    });
  } finally {
    for (const runner of runners) runner.stop();
  }
  print(summary(verdicts));
  return verdicts;
}

/** Why the test could not notice anything; null: it could. */
function uselessness(mutant: Mutant, { passed, failed, errors }: Outcome): string | null {
  if (failed.length + errors.length > 0) return `${mutant.test} is red without it: ${[...failed, ...errors][0]}`;
  if (!passed.some((title) => title.includes(mutant.title ?? ''))) return `${mutant.test} has no test${titled(mutant)}`;
  return null;
}

function judge(outcome: Outcome | null): Pick<Verdict, 'fate' | 'why'> {
  if (outcome === null) return { fate: 'killed', why: NEVER_ENDS };
  if (outcome.failed.length > 0) return { fate: 'killed', why: outcome.failed[0]! };
  // No test has failed and something is wrong: most likely it does not compile.
  if (outcome.errors.length > 0) return { fate: 'fault', why: outcome.errors[0]! };
  return { fate: 'survived', why: '' };
}

const titled = ({ title }: Mutant): string => (title === undefined ? '' : ` “${title}”`);

export function summary(verdicts: readonly Verdict[]): string {
  const count = (fate: Verdict['fate']): number => verdicts.filter((each) => each.fate === fate).length;
  const faults = count('fault');
  return `${count('killed')} killed, ${count('survived')} survived${faults > 0 ? `, ${faults} at fault` : ''}`;
}

/** Everyone takes the next of what is left, until nothing is. */
async function share<T>(
  runners: readonly Runner[], items: readonly T[], perform: (runner: Runner, item: T) => Promise<void>,
): Promise<void> {
  const left = items.values();
  await Promise.all(runners.map(async (runner) => {
    for (const item of left) await perform(runner, item);
  }));
}

/** One process of worker.ts; a new one when it had to be killed. */
class Runner {
  private child: ChildProcess | null = null;

  constructor(private readonly program: string) {}

  /** Null: it took too long, or took its process along. */
  run(task: Task, patienceMs: number): Promise<Outcome | null> {
    const child = (this.child ??= fork(this.program, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], serialization: 'advanced' }));
    return new Promise((resolve) => {
      const settle = (outcome: Outcome | null): void => {
        clearTimeout(timer);
        child.removeAllListeners();
        if (outcome === null) this.stop();
        resolve(outcome);
      };
      const timer = setTimeout(() => settle(null), patienceMs);
      child.once('message', (outcome) => settle(outcome as Outcome));
      child.once('exit', () => settle(null));
      child.send(task);
    });
  }

  stop(): void {
    this.child?.kill('SIGKILL');
    this.child = null;
  }
}
