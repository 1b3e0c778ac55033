// `npm run bench -- http`: web applications that know nothing of us, under `wallsocket run` on a TUN, beside the same on the
// kernel over a veth pair. wrk, on the kernel's sockets, loads both in turn. Then what idle net.Sockets cost.
//
// A processor of a virtual machine may be half as quick as the next one, for seconds, because of what its neighbours do; and
// V8 compiles one process otherwise than the next. So both sides are loaded in short turns from the same processor, which
// leaves them the others; the processor changes, each few turns are of new processes, and the ratio is the median of those
// of neighbouring turns.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import type { Child } from './child.js';
import { fileOfRepository, LoadGenerator, type Place } from './loadgen.js';
import { Namespaces } from './namespaces.js';
import { compare, figure, type Line, machine, median, table } from './report.js';
import { progress, wantsRoot } from './run.js';
import { APP_PORT, congestionControl, ourYard, peerYard, type Yard } from './yard.js';

export interface HttpBenchOptions {
  readonly json?: boolean;
  readonly quick?: boolean;
  /** Names of rows. Default: all. */
  readonly only?: readonly string[];
}

/** A line of the array that `--json` prints, with what is told beside its figure: of latencies, ms; of memory, bytes. */
interface HttpLine extends Line {
  readonly beside: readonly { readonly name: string; readonly ours: number; readonly theirs: number }[];
}

interface Row {
  readonly name: string;
  readonly unit: string;
  readonly lowerIsBetter?: boolean;
  /** Its program, below test/fixtures/apps, and what Node is told besides. */
  readonly app: string;
  readonly flags?: readonly string[];
  /** Seconds of load before anything counts: code that stays is warm after this. */
  readonly warmUp: number;
  /** Turns that one process is measured for. Default: as of the effort. */
  readonly turns?: number;
  /** One turn: the figure, and what is to be told beside it. */
  measure(app: Child, place: Place, turn: Turn): Promise<readonly [value: number, beside: Record<string, number>]>;
}

interface Turn {
  readonly seconds: number;
  /** Where the load comes from. */
  readonly processor: number;
}

interface Effort {
  /** Processes of each side, one after the other. */
  readonly processes: number;
  /** Of each, seconds. */
  readonly turns: number;
  readonly seconds: number;
}

const FULL: Effort = { processes: 3, turns: 6, seconds: 1 };
const QUICK: Effort = { processes: 1, turns: 1, seconds: 1 };
const CONNECTIONS = 64;
/** Neighbouring turns from the same processor. */
const TURNS_OF_PROCESSOR = 2;

const ROWS: readonly Row[] = [
  ...['plain', 'express', 'fastify'].map((app): Row => ({ name: `http-${app}`, unit: 'requests/s', app: `${app}.mjs`, warmUp: 2, measure: load })),
  // It counts what is not there yet.
  { name: 'net-socket-heap', unit: 'bytes of heap', lowerIsBetter: true, app: 'idle.mjs', flags: ['--expose-gc'], warmUp: 0, turns: 1, measure: holdIdle },
];

/** @returns  whether every figure was had */
export async function benchHttp(options: HttpBenchOptions): Promise<boolean> {
  wantsRoot();
  const version = versionOfWrk();
  const unknown = options.only?.filter((name) => !ROWS.some((row) => row.name === name)) ?? [];
  if (unknown.length > 0) throw new Error(`no row ${unknown.join(', ')}; there are ${ROWS.map((r) => r.name).join(', ')}`);
  const namespaces = new Namespaces();
  const yards = [ourYard(namespaces), peerYard(namespaces)] as const;
  const effort = options.quick ? QUICK : FULL;
  const [lines, notes]: [HttpLine[], string[]] = [[], []];
  for (const row of ROWS) {
    if (!(options.only?.includes(row.name) ?? true)) continue;
    progress(`${row.name} …`);
    lines.push(await measure(row, yards, effort, notes));
  }
  progress('');
  const each = `medians of ${effort.processes} processes × ${effort.turns} × ${effort.seconds} s, sides in turn, ${CONNECTIONS} connections`;
  const setting = machine(`${version}, one thread`, congestionControl(), each);
  // A program reads the array alone; where it was measured is said beside it.
  if (options.json) process.stderr.write(`${setting}\n`);
  else process.stdout.write(`${setting}\n\n`);
  const beside = new Map(lines.map(({ name, beside }) => [name, beside.map(textOf).join('; ')]));
  process.stdout.write(`${options.json ? JSON.stringify(lines, null, 2) : table(lines, beside, 'beside: ours, theirs')}\n`);
  for (const note of notes) process.stderr.write(`${note}\n`);
  return lines.every(({ ratio }) => ratio !== null);
}

const textOf = ({ name, ours, theirs }: HttpLine['beside'][number]): string => `${name} ${figure(ours)}, ${figure(theirs)}`;

type Figures = readonly [value: number, beside: Record<string, number>];
/** Of both sides, ours first, in neighbouring turns. */
type Pair = readonly [ours: Figures, theirs: Figures];

async function measure(row: Row, yards: readonly [Yard, Yard], effort: Effort, notes: string[]): Promise<HttpLine> {
  const pairs: Pair[] = [];
  try {
    for (let i = 0; i < effort.processes; i++) pairs.push(...await measureProcesses(row, yards, effort, i));
  } catch (error) {
    notes.push(`${row.name}: ${(error as Error).message}`);
  }
  const isDone = pairs.length === effort.processes * (row.turns ?? effort.turns);
  const of = (side: 0 | 1): Figures[] => pairs.map((pair) => pair[side]);
  const value = (side: 0 | 1): number | null => (isDone ? median(of(side).map(([value]) => value)) : null);
  const besides = (side: 0 | 1, name: string): number => median(of(side).map(([, beside]) => beside[name]!));
  const { lowerIsBetter = false } = row;
  return {
    name: row.name, unit: row.unit, peer: 'node:net', ours: value(0), theirs: value(1),
    ratio: isDone ? median(pairs.map(([[ours], [theirs]]) => compare(ours, theirs, lowerIsBetter).ratio!)) : null,
    beside: isDone ? Object.keys(of(0)[0]![1]).map((name) => ({ name, ours: besides(0, name), theirs: besides(1, name) })) : [],
  };
}

/** Both sides are up at once, and measured in turn, so that what disturbs the machine disturbs both. */
async function measureProcesses(row: Row, yards: readonly [Yard, Yard], effort: Effort, which: number): Promise<Pair[]> {
  const [apps, pairs]: [Child[], Pair[]] = [[], []];
  const processors = processorsOfOurs();
  try {
    for (const yard of yards) apps.push(await yard.run([...row.flags ?? [], fileOfRepository('test', 'fixtures', 'apps', row.app)]));
    const measureOn = (side: 0 | 1, turn: Turn): Promise<Figures> => row.measure(apps[side]!, yards[side].place, turn);
    if (row.warmUp > 0) for (const side of [0, 1] as const) await measureOn(side, { seconds: row.warmUp, processor: processors[0]! });
    for (let turn = 0; turn < (row.turns ?? effort.turns); turn++) {
      const how = { seconds: effort.seconds, processor: processors[(Math.floor(turn / TURNS_OF_PROCESSOR) + which) % processors.length]! };
      const found: Figures[] = [];
      // Neither is always the first.
      for (const side of (turn + which) % 2 === 0 ? [0, 1] as const : [1, 0] as const) found[side] = await measureOn(side, how);
      pairs.push([found[0]!, found[1]!]);
    }
  } finally {
    for (const app of apps) await app.stop();
  }
  return pairs;
}

/** Those that we may run on; `0-1,4` in proc(5). */
function processorsOfOurs(): number[] {
  const [, list = '0'] = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return list.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

interface Found {
  readonly seconds: number;
  readonly requests: number;
  readonly errors: number;
  readonly p99Ms: number;
}

/** wrk, for so long. A failed request is a failed run. */
function load(_: Child, place: Place, { seconds, processor }: Turn): Promise<Figures> {
  const [command, ...words] = [
    ...place.inside, 'taskset', '--cpu-list', String(processor), 'wrk', '--threads', '1', '--connections', String(CONNECTIONS), '--duration', `${seconds}s`,
    '--script', fileOfRepository('tools', 'bench', 'wrk.lua'), `http://${place.server}:${APP_PORT}/`,
  ];
  const text = execFileSync(command!, words, { encoding: 'utf8', timeout: (seconds + 30) * 1000 });
  const found = JSON.parse(text.split('\n').find((line) => line.startsWith('{'))!) as Found;
  if (found.errors > 0) throw new Error(`${found.errors} requests failed`);
  return Promise.resolve([found.requests / found.seconds, { 'p99 ms': found.p99Ms }]);
}

/** Connections that are open before counting: what the first ones cost once is not what each costs. */
const FIRST = 1000;
const COUNTED = 10_000;
/** After so long they are idle, whoever's they are. */
const IDLE_MS = 4000;

let generator: LoadGenerator | null = null;

/** Connections over which a byte has come and gone, and nothing since; the server's side of them. */
async function holdIdle(app: Child, place: Place): Promise<Figures> {
  generator ??= LoadGenerator.prepare();
  const idle = (connections: number) => generator!.hold(place, { mode: 'idle', port: APP_PORT, connections });
  const memory = async (): Promise<NodeJS.MemoryUsage> => {
    await setTimeout(IDLE_MS);
    return JSON.parse(await app.ask('memory')) as NodeJS.MemoryUsage;
  };
  const first = await idle(FIRST);
  const before = await memory();
  const counted = await idle(COUNTED);
  const after = await memory();
  await Promise.all([first.release(), counted.release()]);
  const each = (what: keyof NodeJS.MemoryUsage): number => (after[what] - before[what]) / COUNTED;
  return [each('heapUsed'), { external: each('external'), resident: each('rss') }];
}

function versionOfWrk(): string {
  try {
    // It tells its version with the help that goes with a wrong command line.
    return execFileSync('sh', ['-c', 'wrk --version 2>&1 || true'], { encoding: 'utf8' }).match(/wrk \S+/)![0];
  } catch {
    throw new Error('this bench loads the applications with wrk, which is not here: apt-get install wrk');
  }
}
