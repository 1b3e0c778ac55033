// Would the fuzzer find what is wrong? Each mutant that is marked for a target is put into a copy of the sources, the copy is
// bundled, and the target has a minute to find it. The tree is not touched.

import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { ROOMS } from '../../test/mutants/rooms.js';
import { flaw, type Mutant, nameOf } from '../mutants/mutant.js';

export interface PlantedOptions {
  readonly root: string;
  /** A target's name; * stands for all. */
  readonly pattern: string;
  readonly seed: number;
  readonly seconds: number;
  readonly print: (line: string) => void;
  /** The fuzzer's own program, for its folder. */
  readonly program: string;
}

/** All that bear a mark. */
export const marked = (pattern: string): (Mutant & { readonly fuzz: string })[] => Object.values(ROOMS).flat()
  .filter((mutant): mutant is Mutant & { readonly fuzz: string } => mutant.fuzz !== undefined && (pattern === '*' || mutant.fuzz === pattern));

export async function planted({ root, pattern, seed, seconds, print, program }: PlantedOptions): Promise<number> {
  // Only here: whoever fuzzes need not wait for a bundler.
  const { build } = await import('tsup');
  // Beside the program, so that packages are found and nothing of the tree is touched.
  const copy = mkdtempSync(join(resolve(program, '..'), 'planted-'));
  let found = 0;
  let missed = 0;
  try {
    for (const part of ['src', 'test', 'tools']) cpSync(join(root, part), join(copy, part), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
    for (const mutant of marked(pattern)) {
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
      const from = performance.now();
      const { status, signal, stdout } = spawnSync(process.execPath, [outfile, '--target', mutant.fuzz, '--seed', String(seed), '--seconds', String(seconds), '--failures', '1', '--no-seeds'], {
        cwd: root, encoding: 'utf8', timeout: 1000 * seconds + 30_000, killSignal: 'SIGKILL', maxBuffer: 1 << 26,
      });
      const took = ((performance.now() - from) / 1000).toFixed(1);
      const line = /^ {2}again: (.*)$/m.exec(stdout)?.[1];
      // A target that never returns has found something, too; which input it was, the clock cannot tell.
      const isFound = (status === 1 && line !== undefined) || signal !== null;
      if (isFound) found++;
      else missed++;
      print(`${isFound ? 'found ' : 'missed'}  ${mutant.fuzz.padEnd(4)}${took.padStart(6)} s  ${nameOf(mutant)}`);
      if (isFound) print(`        ${line ?? 'never returned'}`);
    }
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
  print(`${found} found, ${missed} missed`);
  return missed === 0 && found > 0 ? 0 : 1;
}
