// Programs that open real devices run in a network namespace of their own, where nothing they do reaches this machine.
// A program performs `scenarios`; a test names one of them and gets what it observed, as JSON.

import { execFile, execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'tsup';

/** Why no TUN can be had here; null: it can. On CI that is a failure and not an excuse. */
export function excuse(): string | null {
  const reason = whyNot();
  if (reason !== null && process.env['CI']) throw new Error(`interop: ${reason}, and CI must not skip`);
  return reason;
}

function whyNot(): string | null {
  if (process.platform !== 'linux') return 'not Linux';
  try {
    execFileSync('unshare', [...unshareArguments(), 'true'], { stdio: 'ignore' });
  } catch {
    return 'unshare makes no network namespace';
  }
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK);
    return null;
  } catch {
    return '/dev/net/tun cannot be opened';
  }
}

export const unshareArguments = (): string[] => [process.getuid?.() === 0 ? '-n' : '-Urn'];

export interface Program {
  /** The bundle itself. */
  readonly path: string;
  /** Run a scenario in a fresh network namespace. Rejects with what it printed on stderr, and after 60 s. */
  run(scenario: string, ...args: string[]): Promise<unknown>;
}

/** Bundle the program at `source`, whose last act is to `perform` its scenarios. */
export async function program(source: URL): Promise<Program> {
  // Below the project, so that packages are found from there.
  const outDir = fileURLToPath(new URL('../../node_modules/.cache/interop', import.meta.url));
  const path = fileURLToPath(source);
  await build({
    entry: [path], outDir, config: false, silent: true, format: 'esm', target: 'node20', platform: 'node',
    skipNodeModulesBundle: true, splitting: false, sourcemap: 'inline', outExtension: () => ({ js: '.mjs' }),
  });
  const bundled = `${outDir}/${basename(path, '.ts')}.mjs`;
  return { path: bundled, run: (scenario, ...args) => run(bundled, [scenario, ...args]) };
}

function run(bundled: string, args: string[]): Promise<unknown> {
  const command = [...unshareArguments(), process.execPath, '--enable-source-maps', '--expose-gc', bundled, ...args];
  return new Promise((resolve, reject) => {
    execFile('unshare', command, { timeout: 60_000, killSignal: 'SIGKILL' }, (error, stdout, stderr) => {
      if (error !== null) reject(new Error(`${args.join(' ')}: ${error.killed === true ? 'killed after 60 s' : ''}\n${stderr}${stdout}`));
      else resolve(JSON.parse(stdout));
    });
  });
}
