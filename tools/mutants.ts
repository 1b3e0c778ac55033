// Do the tests notice when the code is wrong? `npm run mutants [-- --only ROOM|FILE|SEC-51] [--jobs 2] [--list]`.

import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';

import { ROOMS } from '../test/mutants/rooms.js';
import { nameOf, type Rooms, select } from './mutants/mutant.js';
import { prove } from './mutants/prove.js';

interface Options {
  readonly only: string;
  readonly jobs: string;
  readonly list?: true;
  readonly verbose?: true;
}

const print = (line: string): void => void process.stdout.write(`${line}\n`);

/** Each row of docs/security.md that mutants bear, with them. */
function list(rooms: Rooms): void {
  const all = Object.values(rooms).flat();
  for (const row of [...new Set(all.flatMap(({ sec }) => sec ?? []))].toSorted()) {
    print(row);
    for (const mutant of all.filter(({ sec }) => sec === row)) print(`  ${nameOf(mutant)}  (${mutant.test})`);
  }
}

await new Command('mutants').description('small changes that make the code wrong: each must make a test fail')
  .option('--only <pattern>', 'a room, a file or a row of docs/security.md; * stands for any text', '*')
  .option('--jobs <n>', 'processes that run tests', String(Math.min(2, availableParallelism())))
  .option('--list', 'which mutants would break which row of docs/security.md')
  .option('--verbose', 'say of each which test noticed')
  .action(async ({ only, jobs, ...how }: Options) => {
    const rooms = select(ROOMS, only);
    if (how.list) return list(rooms);
    const verdicts = await prove(rooms, {
      root: process.cwd(),
      worker: fileURLToPath(new URL('mutants/worker.js', import.meta.url)),
      jobs: Number(jobs),
      print,
    });
    if (how.verbose) for (const { fate, mutant, why } of verdicts) print(`${fate}  ${nameOf(mutant)}  (${why})`);
    process.exitCode = verdicts.length > 0 && verdicts.every(({ fate }) => fate === 'killed') ? 0 : 1;
  })
  .parseAsync();
