// Our TCP and the kernel's over the same bad line, each against the other and the kernel against itself: what
// `npm run sim -- kernel` measures with 100 MB, in small. So little text says nothing of shares, but it shows what stalls.

import { spawnSync } from 'node:child_process';
import { beforeEach, expect, test } from 'vitest';

import type { LineResult } from '../../tools/sim/kernel-line.js';
import { excuse, program } from './namespace.js';
import { needs } from './programs.js';

const BYTES = 2_000_000;
const reason = excuse() ?? needs('ip');

interface Transfer extends LineResult {
  readonly transfer: 'kernel' | 'out' | 'in';
  readonly family: 'v4' | 'v6';
  readonly mbps: number;
}

beforeEach(({ skip }) => skip(reason !== null, reason ?? ''));

test('2 MB each way, both families, whole under loss, reordering and duplication, and not at a crawl', async () => {
  const sim = await program(new URL('../../tools/sim.ts', import.meta.url));
  const words = ['kernel', '--bytes', String(BYTES), '--rounds', '1', '--only', 'cubic', '--details'];
  const { stdout, stderr } = spawnSync(process.execPath, [sim.path, ...words], { encoding: 'utf8', timeout: 100_000 });
  const transfers = stdout.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Transfer);
  expect(transfers.map(({ family, transfer }) => `${family} ${transfer}`), stderr + stdout).toEqual([
    'v4 kernel', 'v4 out', 'v4 in', 'v6 kernel', 'v6 out', 'v6 in',
  ]);
  for (const { received, sent, tallies, refused } of transfers) {
    expect(received).toMatchObject({ bytes: BYTES, hash: sent.hash });
    for (const { lost, reordered, duplicated } of tallies) expect(Math.min(lost, reordered, duplicated)).toBeGreaterThan(0);
    expect(refused).toBe(0);
  }
  for (const { family, transfer, mbps } of transfers) {
    const kernels = transfers.find((one) => one.family === family && one.transfer === 'kernel')!;
    expect(mbps / kernels.mbps, `${family} ${transfer}\n${stdout}`).toBeGreaterThan(0.4);
  }
}, 120_000);
