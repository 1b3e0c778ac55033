// The programs and packages that interop tests talk to: where one is missing, its tests are skipped, and say so; on CI they fail.

import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';

/** Why tests of `name` cannot run; null: they can. */
export function needs(name: string): string | null {
  const isThere = spawnSync('sh', ['-c', `command -v ${name}`], { stdio: 'ignore' }).status === 0;
  if (isThere) return null;
  if (process.env['CI']) throw new Error(`interop: no ${name}, and CI must not skip`);
  return `no program ${name}`;
}

/** The same for a package of Node's. */
export function needsPackage(name: string): string | null {
  try {
    createRequire(import.meta.url).resolve(name);
    return null;
  } catch {
    if (process.env['CI']) throw new Error(`interop: no package ${name}, and CI must not skip`);
    return `no package ${name}`;
  }
}
