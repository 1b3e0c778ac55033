// The load generator, made ready: compiled from C where there is a compiler, else the one on Node.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { Child } from './child.js';
import { self } from './self.js';

export interface Load {
  readonly mode: 'tx' | 'rx' | 'pp' | 'cps' | 'udp' | 'idle';
  readonly port: number;
  readonly connections?: number;
  /** Bytes: of a send or receive call, of a message. */
  readonly size?: number;
}

export interface Outcome {
  readonly mode: Load['mode'];
  readonly seconds: number;
  readonly count: number;
  readonly perSecond: number;
  readonly errors: number;
  /** The generator's share of one core. Near 1, it is what was measured. */
  readonly cpu: number;
}

/** Where clients run, whom they talk to, and which addresses they have. */
export interface Place {
  readonly inside: readonly string[];
  readonly server: string;
  readonly sources: readonly string[];
}

export class LoadGenerator {
  private constructor(
    private readonly command: readonly string[],
    /** What it is, for the report. */
    readonly description: string,
  ) {}

  static prepare(): LoadGenerator {
    const source = findSource();
    const compiler = source === null ? null : firstLine(['gcc', '--version']);
    if (source === null || compiler === null) return new LoadGenerator(self('loadgen'), 'Node (no gcc here)');
    const folder = mkdtempSync(join(tmpdir(), 'wallsocket-bench-'));
    process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
    const program = join(folder, 'loadgen');
    execFileSync('gcc', ['-O2', '-o', program, source], { stdio: ['ignore', 'ignore', 'inherit'] });
    return new LoadGenerator([program], `C, ${compiler}`);
  }

  /** Run a load to its end. */
  async run(place: Place, load: Load, seconds: number, warm: number): Promise<Outcome> {
    const child = this.start(place, load, [`seconds=${seconds}`, `warm=${warm}`]);
    try {
      return JSON.parse(await child.line()) as Outcome;
    } finally {
      await child.end();
    }
  }

  /** Open idle connections, which live until `release`. */
  async hold(place: Place, load: Load): Promise<{ release(): Promise<void> }> {
    const child = this.start(place, load, []);
    const { errors } = JSON.parse(await child.line()) as Outcome;
    if (errors > 0) throw new Error(`${errors} connections failed`);
    return { release: () => child.end() };
  }

  private start(place: Place, load: Load, words: readonly string[]): Child {
    const { mode, ...rest } = load;
    const given = { address: place.server, ...rest, sources: place.sources.join(',') };
    const all = [...Object.entries(given).map(([name, value]) => `${name}=${value}`), ...words];
    return new Child([...place.inside, ...this.command, mode, ...all]);
  }
}

const findSource = (): string | null => find('tools', 'bench', 'loadgen.c');

/** The program is built into some folder below the repository's. */
function find(...names: readonly string[]): string | null {
  for (let folder = dirname(process.argv[1]!); ; folder = dirname(folder)) {
    const path = join(folder, ...names);
    if (existsSync(path)) return path;
    if (folder === dirname(folder)) return null;
  }
}

/** @throws Error, where the program is run without its repository */
export function fileOfRepository(...names: readonly string[]): string {
  const path = find(...names);
  if (path === null) throw new Error(`no ${names.join('/')} above ${process.argv[1]!}`);
  return path;
}

function firstLine(command: readonly string[]): string | null {
  try {
    const text = execFileSync(command[0]!, command.slice(1), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return text.split('\n')[0]!;
  } catch {
    return null;
  }
}
