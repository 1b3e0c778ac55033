// One run of the bench: each row measured on both sides in turn, so that what disturbs the machine disturbs both.

import { LoadGenerator } from './loadgen.js';
import { Namespaces } from './namespaces.js';
import { compare, type Line, machine, median, table } from './report.js';
import { type Bench, type Effort, FULL, type Measured, QUICK, type Row, ROWS } from './rows.js';
import { congestionControl, ourYard, peerYard, type Yard } from './yard.js';

export interface BenchOptions {
  readonly json?: boolean;
  readonly quick?: boolean;
  /** Measure the peer alone. */
  readonly peerOnly?: boolean;
  /** Names of rows. Default: all. */
  readonly only?: readonly string[];
}

/** @returns  whether every figure was had */
export async function bench(options: BenchOptions): Promise<boolean> {
  wantsRoot();
  const unknown = options.only?.filter((name) => !ROWS.some((row) => row.name === name)) ?? [];
  if (unknown.length > 0) throw new Error(`no row ${unknown.join(', ')}; there are ${ROWS.map((r) => r.name).join(', ')}`);
  const rows = ROWS.filter(({ name }) => options.only?.includes(name) ?? true);
  const effort = options.quick ? QUICK : FULL;
  const namespaces = new Namespaces();
  const generator = LoadGenerator.prepare();
  const theirs = peerYard(namespaces);
  const ours = options.peerOnly ? null : ourYard(namespaces);
  const lines: Line[] = [];
  const notes: string[] = [];
  const busy = new Map<string, string>();
  for (const row of rows) {
    progress(`${row.name} …`);
    lines.push(await measure(row, { ours, theirs, generator, effort, notes, busy }));
  }
  progress('');
  const each = `medians of ${effort.runs} × ${effort.seconds} s, sides in turn`;
  const setting = machine(generator.description, congestionControl(), each);
  // A program reads the array alone; where it was measured is said beside it.
  if (options.json) process.stderr.write(`${setting}\n`);
  else process.stdout.write(`${setting}\n\n`);
  process.stdout.write(`${options.json ? JSON.stringify(lines, null, 2) : table(lines, busy, 'generator')}\n`);
  for (const note of notes) process.stderr.write(`${note}\n`);
  return lines.every((line) => line.theirs !== null && (options.peerOnly || line.ours !== null));
}

export function wantsRoot(): void {
  if (process.platform === 'linux' && process.getuid?.() === 0) return;
  throw new Error('the bench makes network namespaces: run it as root, on Linux');
}

interface Setting {
  readonly ours: Yard | null;
  readonly theirs: Yard;
  readonly generator: LoadGenerator;
  readonly effort: Effort;
  /** For people, behind the table. */
  readonly notes: string[];
  /** The generator's share of a core, by row. */
  readonly busy: Map<string, string>;
}

async function measure(row: Row, { ours, theirs, generator, effort, notes, busy }: Setting): Promise<Line> {
  const sides = [
    { name: 'wallsocket', yard: ours, results: [] as Measured[], bench: null as Bench | null },
    { name: row.peer, yard: theirs, results: [] as Measured[], bench: null as Bench | null },
  ];
  const failed = new Set<string>();
  const attempt = async (side: typeof sides[number], action: () => Promise<void>): Promise<void> => {
    if (side.yard === null || failed.has(side.name)) return;
    try {
      await action();
    } catch (error) {
      failed.add(side.name);
      notes.push(`${row.name}: ${side.name} failed: ${(error as Error).message}`);
    }
  };
  for (const side of sides) {
    await attempt(side, async () => void (side.bench = await row.prepare(side.yard!, generator, effort)));
  }
  for (let run = 0; run < effort.runs; run++) {
    for (const side of sides) await attempt(side, async () => void side.results.push(await side.bench!.run()));
  }
  for (const side of sides) {
    await side.bench?.end();
    const errors = side.results.reduce((sum, result) => sum + (result.errors ?? 0), 0);
    if (errors > 0) notes.push(`${row.name}: ${errors} errors with ${side.name}`);
  }
  busy.set(row.name, sides.map((side) => share(side.results)).filter((text) => text !== '').join(' / '));
  const values = sides.map((side) =>
    side.yard === null || failed.has(side.name) ? null : median(side.results.map((result) => result.value)));
  return { name: row.name, unit: row.unit, peer: row.peer, ...compare(values[0]!, values[1]!, row.lowerIsBetter ?? false) };
}

/** Per cent: near 100, the generator was too slow. Nothing where none was at work. */
function share(results: readonly Measured[]): string {
  const shares = results.flatMap((result) => result.generatorCpu ?? []);
  return shares.length === 0 ? '' : `${Math.round(median(shares) * 100)} %`;
}

/** Where somebody is watching. */
export function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}
