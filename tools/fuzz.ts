// Inputs that nobody thought of. `npm run fuzz [-- --seconds 60] [--seed N] [--target F2,F5] [--runs N]`,
// `[--cpu]`, `-- --replay v1:F5:…`, `-- --planted [F5]`, `-- --corpus FOLDER`,
// `-- --differential`.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { Command } from 'commander';

import { TARGETS } from '../test/fuzz/targets/index.js';
import { Coverage } from './fuzz/coverage.js';
import { playCorpus } from './fuzz/corpus.js';
import { campaign, errorOf, type Failure } from './fuzz/engine.js';
import { Heartbeat } from './fuzz/heartbeat.js';
import { planted } from './fuzz/planted.js';
import { parseReplay, replayOf } from './fuzz/replay.js';
import { isInside, reenter } from './start/namespace.js';

interface Options {
  readonly seconds: string;
  readonly seed: string;
  readonly target: string;
  readonly runs?: string;
  readonly failures: string;
  readonly replay?: string;
  readonly planted?: string | true;
  readonly corpus?: string;
  readonly differential?: true;
  readonly cpu?: true;
  readonly coverage: boolean;
  readonly seeds: boolean;
}

/** What the thread that runs inputs is given. */
interface Job {
  readonly options: Options;
  readonly memory: SharedArrayBuffer;
}

const print = (line: string): void => (isMainThread ? void process.stdout.write(`${line}\n`) : parentPort!.postMessage(line));
const SEEDS = 'test/fuzz/seeds';

/** What was found before, by target: one replay line each, and # for what it was. */
function seedsOf(name: string): Uint8Array[] {
  if (!existsSync(SEEDS)) return [];
  return readdirSync(SEEDS).filter((file) => file.endsWith('.txt')).sort()
    .flatMap((file) => readFileSync(`${SEEDS}/${file}`, 'utf8').split('\n'))
    .filter((line) => line.startsWith(`v1:${name}:`)).map((line) => parseReplay(line).input);
}

function tell(name: string, { input, error }: Failure): void {
  print(`  ${error.replaceAll('\n', '\n  ')}`);
  print(`  again: npm run fuzz -- --replay ${replayOf({ target: name, input })}`);
}

function replay(line: string): number {
  const { target, input } = parseReplay(line);
  const found = TARGETS[target];
  if (found === undefined) throw new Error(`no target ${target}`);
  const error = errorOf(found, input);
  print(error === null ? `${target}: no failure` : `${target}: ${error}`);
  return error === null ? 0 : 1;
}

/** In a thread of its own, so that somebody is left to say which input never returned. */
function fuzz(options: Options): Promise<number> {
  const memory = new SharedArrayBuffer(Heartbeat.BYTES);
  const heart = new Heartbeat(memory);
  const worker = new Worker(new URL(import.meta.url), { workerData: { options, memory } satisfies Job });
  return new Promise((resolve, reject) => {
    const watch = setInterval(() => {
      const stuck = heart.stuck(processorTime());
      if (stuck === null) return;
      clearInterval(watch);
      const name = Object.keys(TARGETS)[stuck.target]!;
      tell(name, { input: stuck.input, error: `${name}: an input never returns` });
      print('1 failures');
      void worker.terminate().then(() => resolve(1));
    }, 1000);
    worker.on('message', (message: string | number) => {
      if (typeof message === 'string') return print(message);
      clearInterval(watch);
      resolve(message);
    });
    worker.on('error', (error) => {
      clearInterval(watch);
      reject(error);
    });
  });
}

/** F11, in a network namespace of its own: the kernel's stack is the one that it has there. */
async function besideLinux({ seed, seconds, failures, replay: line }: Options): Promise<number> {
  if (!isInside()) {
    const code = existsSync('/dev/net/tun') ? reenter(process.getuid?.() === 0 ? 'root' : 'user', process.argv.slice(2)) : null;
    if (code === null) print('F11: skipped: no network namespace with a TUN is to be had here (root, or `unshare -Urn` and /dev/net/tun)');
    return code ?? 0;
  }
  const { differential } = await import('./fuzz/differential/run.js');
  return differential({
    seed: Number(seed), seconds: Number(seconds), failuresMax: Number(failures), print, input: line === undefined ? null : parseReplay(line).input,
  });
}

/** ms of this process, all its threads together. */
function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function work({ options: { seconds, seed, target, runs, failures: failuresMax, coverage: isGuided, seeds, cpu }, memory }: Job): number {
  const heart = new Heartbeat(memory);
  const names = target === '' ? Object.keys(TARGETS) : target.split(',');
  const clock = cpu ? processorTime : (): number => performance.now();
  const coverage = isGuided ? new Coverage(new URL('.', import.meta.url).href) : null;
  let failures = 0;
  let executions = 0;
  for (const name of names) {
    const found = TARGETS[name];
    if (found === undefined) throw new Error(`no target ${name}: there are ${Object.keys(TARGETS).join(', ')}`);
    const result = campaign({
      name, target: found, seed: Number(seed), seeds: seeds ? seedsOf(name) : [], coverage, failuresMax: Number(failuresMax), clock,
      onRun: (input) => heart.beat(Object.keys(TARGETS).indexOf(name), input),
      runsMax: runs === undefined ? Infinity : Number(runs), msMax: runs === undefined ? 1000 * Number(seconds) / names.length : Infinity,
    });
    failures += result.failures.length;
    executions += result.executions;
    print(`${name.padEnd(4)}${found.title.padEnd(26)}${String(result.executions).padStart(8)} runs ${String(result.blocks).padStart(6)} blocks ${
      String(result.corpus).padStart(5)} kept ${String(result.failures.length).padStart(3)} failures`);
    for (const failure of result.failures) tell(name, failure);
  }
  coverage?.close();
  print(`${executions} executions${coverage === null ? '' : `, ${coverage.all.size} blocks`}, seed ${seed}, ${(processorTime() / 1000).toFixed(1)} s of processor time`);
  print(`${failures} failures`);
  return failures === 0 ? 0 : 1;
}

if (!isMainThread) parentPort!.postMessage(work(workerData as Job));
else await new Command('fuzz').description('inputs that nobody thought of, into everything that takes any')
  .option('--seconds <n>', 'time for all targets together', '60')
  .option('--seed <n>', 'where chance comes from', '1')
  .option('--target <names>', 'some targets only: F2,F5', '')
  .option('--runs <n>', 'runs of each target, instead of a time')
  .option('--failures <n>', 'different ones of a target, after which it is enough', '3')
  .option('--replay <line>', 'one run again')
  .option('--planted [pattern]', 'put in one known bug after the other: each must be found; of one target, with its name')
  .option('--corpus <folder>', 'play every capture in it (pcap, pcapng) into a stack')
  .option('--differential', 'F11: the same to the kernel\'s stack and to ours (Linux, root)')
  .option('--cpu', 'count the processor\'s time, not the clock\'s: for a machine that is busy with other things')
  .option('--no-coverage', 'without guidance')
  .option('--no-seeds', 'without what was found before')
  .action(async (options: Options) => {
    process.exitCode = options.differential || options.replay?.startsWith('v1:F11:') ? await besideLinux(options) : options.corpus !== undefined ? playCorpus(options.corpus, print) : options.replay !== undefined ? replay(options.replay)
      : options.planted !== undefined
        ? await planted({
          root: process.cwd(), pattern: options.planted === true ? '*' : options.planted, seed: Number(options.seed), seconds: Number(options.seconds), isCpu: options.cpu === true, print,
          program: fileURLToPath(import.meta.url),
        })
        : await fuzz(options);
  })
  .parseAsync();
