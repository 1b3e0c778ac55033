// A process that runs one test file at a time, each time with another mutant: one vitest that stays, so that a mutant
// costs what its tests cost. The tree is not touched: the changed text exists in the module server's memory only.

import { resolve } from 'node:path';
import { createVitest, type TestModule, type Vitest } from 'vitest/node';

import { escape, type Mutant } from './mutant.js';

/** Run `test`, with `mutant` in place or, with null, as the code is. */
export interface Task {
  readonly root: string;
  readonly test: string;
  readonly mutant: Mutant | null;
}

export interface Outcome {
  readonly ms: number;
  /** Full titles, those of the groups joined by spaces. */
  readonly passed: readonly string[];
  readonly failed: readonly string[];
  /** What kept the tests from running, or belongs to none of them. */
  readonly errors: readonly string[];
}

let vitest: Vitest | null = null;
let present: { readonly path: string; readonly mutant: Mutant } | null = null;

async function start(root: string): Promise<Vitest> {
  const seed = {
    name: 'mutant',
    enforce: 'pre' as const,
    transform(code: string, id: string): string | undefined {
      if (present === null || id.split('?')[0] !== present.path) return undefined;
      const { text, replacement } = present.mutant;
      return code.replace(text, () => replacement);
    },
  };
  return createVitest('test', {
    root, config: false, watch: false, reporters: [{}], silent: true, bail: 1, testTimeout: 30_000,
    include: ['test/**/*.test.ts'], setupFiles: ['test/fixtures/seed.ts'],
    // Threads die with this process, whatever they are in the middle of.
    pool: 'threads', maxWorkers: 1,
  }, { plugins: [seed], logLevel: 'silent' });
}

async function perform({ root, test, mutant }: Task): Promise<Outcome> {
  vitest ??= await start(root);
  const path = mutant === null ? '' : resolve(root, mutant.file);
  present = mutant === null ? null : { path, mutant };
  if (mutant !== null) vitest.invalidateFile(path);
  if (mutant?.title === undefined) vitest.resetGlobalTestNamePattern();
  else vitest.setGlobalTestNamePattern(new RegExp(escape(mutant.title)));
  const from = performance.now();
  const moduleId = resolve(root, test);
  const { testModules, unhandledErrors } = await vitest.runTestSpecifications([vitest.projects[0]!.createSpecification(moduleId)]);
  const ms = performance.now() - from;
  present = null;
  if (mutant !== null) vitest.invalidateFile(path);
  const module = testModules.find((each) => each.moduleId === moduleId);
  const errors = [...(module?.errors() ?? []), ...unhandledErrors].map((error) => String((error as Error).message ?? error));
  return { ms, passed: titles(module, 'passed'), failed: titles(module, 'failed'), errors };
}

const titles = (module: TestModule | undefined, state: 'passed' | 'failed'): string[] =>
  [...(module?.children.allTests(state) ?? [])].map((each) => each.fullName.replaceAll(' > ', ' '));

process.on('message', (task: Task) => {
  perform(task).then((outcome) => process.send!(outcome), (error: unknown) => {
    process.send!({ ms: 0, passed: [], failed: [], errors: [String(error)] } satisfies Outcome);
  });
});
// Whoever wanted to know is gone.
process.on('disconnect', () => process.exit());
