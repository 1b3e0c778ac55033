// `npm run bench -- http`: web applications that know nothing of us, under `wallsocket run` on a TUN, beside the same on the
// kernel over a veth pair. wrk, on the kernel's sockets, loads both in turn. Then what idle net.Sockets cost.

import { execFileSync } from 'node:child_process';
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
  /** It counts what is not there yet: each run has a process of its own. */
  readonly isFresh?: boolean;
  /** One run: the figure, and what is to be told beside it. */
  measure(app: Child, place: Place, effort: Effort): Promise<readonly [value: number, beside: Record<string, number>]>;
}

interface Effort {
  readonly runs: number;
  readonly seconds: number;
}

const FULL: Effort = { runs: 5, seconds: 3 };
const QUICK: Effort = { runs: 1, seconds: 1 };
const CONNECTIONS = 64;

const ROWS: readonly Row[] = [
  ...['plain', 'express', 'fastify'].map((app): Row => ({ name: `http-${app}`, unit: 'requests/s', app: `${app}.mjs`, measure: load })),
  { name: 'net-socket-heap', unit: 'bytes of heap', lowerIsBetter: true, app: 'idle.mjs', flags: ['--expose-gc'], isFresh: true, measure: holdIdle },
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
  const each = `medians of ${effort.runs} × ${effort.seconds} s, sides in turn, ${CONNECTIONS} connections`;
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

/** Both sides are up at once, and measured in turn, so that what disturbs the machine disturbs both. */
async function measure(row: Row, yards: readonly [Yard, Yard], effort: Effort, notes: string[]): Promise<HttpLine> {
  const values: [number[], number[]] = [[], []];
  const besides: [Record<string, number>[], Record<string, number>[]] = [[], []];
  const apps: (Child | null)[] = [null, null];
  const measureOnce = async (side: 0 | 1, how: Effort): Promise<readonly [number, Record<string, number>]> => {
    const yard = yards[side];
    apps[side] ??= await yard.run([...row.flags ?? [], fileOfRepository('test', 'fixtures', 'apps', row.app)]);
    const found = await row.measure(apps[side], yard.place, how);
    if (row.isFresh === true) {
      await apps[side].stop();
      apps[side] = null;
    }
    return found;
  };
  try {
    // Code that stays is warm after this.
    if (row.isFresh !== true) for (const side of [0, 1] as const) await measureOnce(side, QUICK);
    for (let run = 0; run < effort.runs; run++) {
      for (const side of [0, 1] as const) {
        const [value, beside] = await measureOnce(side, effort);
        values[side].push(value);
        besides[side].push(beside);
      }
    }
  } catch (error) {
    notes.push(`${row.name}: ${(error as Error).message}`);
  } finally {
    for (const app of apps) await app?.stop();
  }
  const medianOf = (side: 0 | 1, name: string): number => median(besides[side].map((beside) => beside[name]!));
  const isDone = values[1].length === effort.runs;
  return {
    name: row.name, unit: row.unit, peer: 'node:net',
    ...compare(isDone ? median(values[0]) : null, isDone ? median(values[1]) : null, row.lowerIsBetter ?? false),
    beside: isDone ? Object.keys(besides[0][0]!).map((name) => ({ name, ours: medianOf(0, name), theirs: medianOf(1, name) })) : [],
  };
}

interface Found {
  readonly seconds: number;
  readonly requests: number;
  readonly errors: number;
  readonly p99Ms: number;
}

/** wrk, for so long. A failed request is a failed run. */
function load(_: Child, place: Place, { seconds }: Effort): Promise<readonly [number, Record<string, number>]> {
  const [command, ...words] = [
    ...place.inside, 'wrk', '--threads', '1', '--connections', String(CONNECTIONS), '--duration', `${seconds}s`,
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
async function holdIdle(app: Child, place: Place): Promise<readonly [number, Record<string, number>]> {
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
