// Simulations: TCP on bad networks, in virtual time and from a seed. `npm run sim -- tcp`, `npm run sim -- schedules`.

import { Command, InvalidArgumentError } from 'commander';

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

program.parse();
