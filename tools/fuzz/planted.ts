// Would the fuzzer find what is wrong? Each mutant that is marked for a target is put into a copy of the sources, the copy is
// bundled, and the target has a minute to find it. The tree is not touched.

import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { ROOMS } from '../../test/mutants/rooms.js';
import { TARGETS } from '../../test/fuzz/targets/index.js';
import { flaw, type Mutant, nameOf } from '../mutants/mutant.js';
import { errorOf } from './engine.js';
import { parseReplay } from './replay.js';

export interface PlantedOptions {
  readonly root: string;
  /** A target's name; * stands for all. */
  readonly pattern: string;
  readonly seed: number;
  readonly seconds: number;
  /** Seconds of the processor's. */
  readonly isCpu: boolean;
  readonly print: (line: string) => void;
  /** The fuzzer's own program, for its folder. */
  readonly program: string;
}

/** All that bear a mark. */
export const marked = (pattern: string): (Mutant & { readonly fuzz: string })[] => Object.values(ROOMS).flat()
  .filter((mutant): mutant is Mutant & { readonly fuzz: string } => mutant.fuzz !== undefined && (pattern === '*' || mutant.fuzz === pattern));

/** A busy machine may take so many times as long, where processor time counts. */
const PATIENCE = 6;

export async function planted({ root, pattern, seed, seconds, isCpu, print, program }: PlantedOptions): Promise<number> {
  // Only here: whoever fuzzes need not wait for a bundler.
  const { build } = await import('tsup');
  // Beside the program, so that packages are found and nothing of the tree is touched.
  const copy = mkdtempSync(join(resolve(program, '..'), 'planted-'));
  const all = marked(pattern);
  const slow: number[] = [];
  let found = 0;
  try {
    for (const part of ['src', 'test', 'tools']) cpSync(join(root, part), join(copy, part), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
    for (const mutant of all) {
      const fault = flaw(mutant, root);
      if (fault !== null) throw new Error(`${nameOf(mutant)}: ${fault}`);
      const path = join(copy, mutant.file);
      const original = readFileSync(path, 'utf8');
      writeFileSync(path, original.replace(mutant.text, () => mutant.replacement));
      const outfile = join(copy, 'program/fuzz.js');
      await build({
        entry: [join(copy, 'tools/fuzz.ts')], outDir: join(copy, 'program'), config: false, silent: true, format: 'esm', target: 'node20', platform: 'node',
        skipNodeModulesBundle: true, splitting: false,
      });
      writeFileSync(path, original);
      const how = ['--target', mutant.fuzz, '--seed', String(seed), '--seconds', String(seconds), '--failures', '1', '--no-seeds', ...(isCpu ? ['--cpu'] : [])];
      const from = performance.now();
      const { status, stdout } = spawnSync(process.execPath, [outfile, ...how], {
        cwd: root, encoding: 'utf8', timeout: 1000 * seconds * PATIENCE + 30_000, killSignal: 'SIGKILL', maxBuffer: 1 << 26,
      });
      const wall = (performance.now() - from) / 1000;
      const took = isCpu ? Number(/([\d.]+) s of processor time/.exec(stdout)?.[1] ?? wall) : wall;
      const line = /^ {2}again: npm run fuzz -- --replay (.*)$/m.exec(stdout)?.[1];
      const isFound = status === 1 && line !== undefined;
      if (isFound) found++;
      if (isFound) slow.push(took);
      print(`${isFound ? 'found ' : 'missed'}  ${mutant.fuzz.padEnd(4)}${took.toFixed(1).padStart(6)} s  ${nameOf(mutant)}`);
      if (!isFound) continue;
      print(`        npm run fuzz -- --replay ${line}`);
      // What fails without a bug, too, has found another one.
      const other = errorOf(TARGETS[mutant.fuzz]!, parseReplay(line).input);
      if (other === null) continue;
      found--;
      print(`        and without it: ${other.split('\n')[0]}`);
    }
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
  print(`${found} of ${all.length} planted bugs found within ${seconds} s${isCpu ? ' of processor time' : ''}, the slowest after ${Math.max(0, ...slow).toFixed(1)} s; ${all.length - found} missed, seed ${seed}`);
  return found === all.length && found > 0 ? 0 : 1;
}
