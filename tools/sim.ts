// Simulations: TCP on bad networks, from a seed. In virtual time: `npm run sim -- tcp`, `npm run sim -- schedules`. In real
// time, against the kernel's own: `npm run sim -- kernel`.

import { Command, InvalidArgumentError } from 'commander';

import { type KernelOptions, runKernel } from './sim/kernel.js';
import { type EndSpec, serveEnd } from './sim/kernel-end.js';
import { type LineSpec, runLine } from './sim/kernel-line.js';
import { runSchedules, type SchedulesOptions } from './sim/schedules.js';
import { runTcp } from './sim/tcp.js';

const program = new Command('sim').description('wallsocket on networks that lose, delay, reorder and damage');

const integer = (text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value)) throw new InvalidArgumentError('An integer.');
  return value;
};

const positive = (text: string): number => {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('A number above 0.');
  return value;
};

const chance = (text: string): number => {
  const value = Number(text);
  if (text === '' || !(value >= 0 && value <= 1)) throw new InvalidArgumentError('A chance, 0 to 1.');
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

program.command('kernel')
  .description('goodput against the kernel\'s own over a line that loses, reorders and duplicates (Linux, root)')
  .option('--bytes <n>', 'of each transfer', positive, 100_000_000)
  .option('--loss <chance>', 'each way', chance, 0.02)
  .option('--delay <ms>', 'one way', positive, 10)
  .option('--rate <Mb/s>', 'of the line', positive, 50)
  .option('--seed <n>', 'of the first round; each round has the next one', integer, 1)
  .option('--rounds <n>', 'of which the median counts', integer, 3)
  .option('--only <regexp>', 'cases whose title matches, as `out v4 cubic` and `in v6 bbr`')
  .option('--details', 'print what each transfer saw and counted', false)
  .option('--pcap <folder>', 'what the senders\' ends of the lines see, as pcapng')
  .action(async (options: KernelOptions) => {
    process.exitCode = await runKernel(options, print);
  });

// What `kernel` runs in namespaces of their own.
program.command('kernel-line <spec>', { hidden: true }).action((spec: string) => runLine(JSON.parse(spec) as LineSpec));
program.command('kernel-end <spec>', { hidden: true }).action((spec: string) => serveEnd(JSON.parse(spec) as EndSpec));

await program.parseAsync();
