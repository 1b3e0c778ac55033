// Simulations: TCP on bad networks, in virtual time and from a seed. `npm run sim -- tcp`, `npm run sim -- schedules`.

import { Command, InvalidArgumentError } from 'commander';

import { runSchedules, type SchedulesOptions } from './sim/schedules.js';
import { runTcp } from './sim/tcp.js';

const program = new Command('sim').description('wallsocket on networks that lose, delay, reorder and damage, in virtual time');

const integer = (text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value)) throw new InvalidArgumentError('An integer.');
  return value;
};

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

program.command('tcp')
  .description('goodput by loss, round trip and controller; reordering, fairness, blackouts')
  .option('--seed <n>', 'the same seed gives the same output', integer, 1)
  .option('--quick', 'short runs: for a look, not for a figure', false)
  .action((options: { seed: number; quick: boolean }) => {
    process.exitCode = runTcp(options, print);
  });

program.command('schedules')
  .description('random conversations over networks that do everything short of a cut')
  .option('--seed <n>', 'of the first run; each run has the next one', integer, 1)
  .option('--runs <n>', 'how many', integer, 10_000)
  .option('--trace', 'print the packets of each run that fails', false)
  .action((options: SchedulesOptions) => {
    process.exitCode = runSchedules(options, print);
  });

program.parse();
