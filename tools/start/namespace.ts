// Running again in a network namespace of our own: nothing to clean up, and no address of the machine is touched.

import { spawnSync } from 'node:child_process';

const MARK = 'WALLSOCKET_INSIDE';

/** Are we in a namespace that `reenter` made? */
export const isInside = (): boolean => process.env[MARK] !== undefined;

/**
 * Run this program again, with `args`, under `unshare`.
 * @param kind  `root`: `unshare -n`; `user`: `unshare -Urn`, which needs no privilege where the system allows it
 * @returns     its exit code; null: such a namespace is not to be had here
 */
export function reenter(kind: 'root' | 'user', args: readonly string[]): number | null {
  const flags = kind === 'root' ? ['-n'] : ['-U', '-r', '-n'];
  if (spawnSync('unshare', [...flags, 'true'], { stdio: 'ignore' }).status !== 0) return null;
  if (kind === 'user' && !mayOpenTun(flags)) return null;
  const run = spawnSync('unshare', [...flags, process.execPath, ...process.execArgv, process.argv[1]!, ...args], {
    stdio: 'inherit', env: { ...process.env, [MARK]: kind },
  });
  return run.status ?? 1;
}

/** In a user namespace the device's file mode still counts. */
const mayOpenTun = (flags: readonly string[]): boolean =>
  spawnSync('unshare', [...flags, 'sh', '-c', 'exec 3<>/dev/net/tun'], { stdio: 'ignore' }).status === 0;
