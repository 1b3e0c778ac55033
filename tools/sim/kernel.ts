// `npm run sim -- kernel`: our TCP against the kernel's own over the same bad line, in real time. Three transfers run side by
// side, each over a line of its own with the same faults from the same seed: kernel to kernel, ours to the kernel, the kernel
// to ours. What matters is the ratio of the last two to the first: this machine's load is the same for all.

import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import type { Impairments } from '../../src/testing/impairment.js';
import { Child } from '../bench/child.js';
import type { Algorithm, Family } from './kernel-end.js';
import type { LineResult, LineSpec } from './kernel-line.js';

export interface KernelOptions {
  readonly bytes: number;
  /** Chance, each way. */
  readonly loss: number;
  /** One way, ms. */
  readonly delay: number;
  readonly rate: number;
  readonly seed: number;
  readonly rounds: number;
  readonly only?: string;
  readonly details: boolean;
  readonly pcap?: string;
}

/** By how much less than the kernel's a median of ours may be: what two runs of the kernel's differ by. */
const TOLERANCE = 0.05;
/** Of what the first version sends, which hears of no loss: the third keeps 15 % below the flight that it found too large (BBRHeadroom). */
const BBR_SHARE = 0.85;
const LATE_MS = 5;
const LATE_CHANCE = 0.02;
const TWICE_CHANCE = 0.01;

type Direction = 'out' | 'in';

interface Case {
  readonly direction: Direction;
  readonly family: Family;
  readonly algorithm: Algorithm;
}

interface Measured {
  readonly mbps: number;
  readonly result: LineResult;
}

const CASES: readonly Case[] = (['cubic', 'bbr'] as const).flatMap((algorithm) => (['v4', 'v6'] as const).flatMap((family) =>
  (['out', 'in'] as const).map((direction) => ({ direction, family, algorithm }))));

const titleOf = ({ direction, family, algorithm }: Case): string => `${direction} ${family} ${algorithm}`;

/** The whole program: 0 if every case passes. */
export async function runKernel(options: KernelOptions, print: (line: string) => void): Promise<number> {
  const only = new RegExp(options.only ?? '');
  const cases = CASES.filter((one) => only.test(titleOf(one)));
  const unshare = waysIn();
  if (unshare === null) {
    print('no network namespace with a TUN is to be had here: run as root, or where `unshare -Urn` works and /dev/net/tun is yours');
    return 1;
  }
  print(heading(options));
  print(HEAD);
  let passed = 0;
  // Of one algorithm and family, both directions have the same kernel to kernel beside them.
  for (const group of groupsOf(cases)) {
    const runs = await measure(group, options, unshare, print);
    for (const one of group) passed += report(one, runs, options, print) ? 1 : 0;
  }
  print(`\n${passed} passed, ${cases.length - passed} failed`);
  return passed === cases.length ? 0 : 1;
}

function groupsOf(cases: readonly Case[]): Case[][] {
  const groups = new Map<string, Case[]>();
  for (const one of cases) {
    const name = `${one.family} ${one.algorithm}`;
    groups.set(name, [...groups.get(name) ?? [], one]);
  }
  return [...groups.values()];
}

function heading({ bytes, loss, delay, rate, seed, rounds }: KernelOptions): string {
  const size = bytes >= 1e6 ? `${bytes / 1e6} MB` : `${bytes} bytes`;
  return `${size} a transfer, ${rate} Mb/s, a queue of two bandwidth-delay products, ${2 * delay} ms of round trip; each way ` +
    `${percent(loss)} lost, ${percent(LATE_CHANCE)} held back by ${LATE_MS} ms, ${percent(TWICE_CHANCE)} twice\n` +
    `seed ${seed}, median of ${rounds}; every packet is one of the wire: the line's devices have no offload\n` +
    // RFC 9438 is one; BBR is not: Linux has the first version, which hears of no loss, draft-ietf-ccwg-bbr's bounds itself from 2 % on.
    `passes: hashes equal, and at least ${1 - TOLERANCE} of the kernel's; of bbr, sent, ${BBR_SHARE}: it is version 3 here, and version 1 in Linux\n`;
}

/** Kernel to kernel, and the directions of `group`, side by side, as often as there are rounds. */
async function measure(
  group: readonly Case[], options: KernelOptions, unshare: readonly string[], print: (line: string) => void,
): Promise<Map<string, Measured[]>> {
  const { family, algorithm } = group[0]!;
  const roles = ['kernel', ...group.map(({ direction }) => direction)];
  const runs = new Map<string, Measured[]>(roles.map((role) => [role, []]));
  for (let round = 0; round < options.rounds; round++) {
    const seed = options.seed + round;
    const results = await Promise.all(roles.map((role) => transfer({
      sender: role === 'out' ? 'ours' : 'kernel', receiver: role === 'in' ? 'ours' : 'kernel',
      family, algorithm, bytes: options.bytes, impairments: impairmentsOf(options), seed,
      pcap: pcapOf(options, `${role}-${family}-${algorithm}-${seed}`),
    }, unshare)));
    for (const [i, result] of results.entries()) {
      const mbps = result.received.bytes * 8 / result.received.ms / 1000;
      runs.get(roles[i]!)!.push({ mbps, result });
      if (options.details) print(JSON.stringify({ transfer: roles[i], family, algorithm, seed, mbps, ...result }));
    }
  }
  return runs;
}

function pcapOf({ pcap }: KernelOptions, name: string): string {
  if (pcap === undefined) return '';
  mkdirSync(pcap, { recursive: true });
  return join(pcap, `${name}.pcapng`);
}

function impairmentsOf({ loss, delay, rate }: KernelOptions): Impairments {
  const bitsPerSecond = rate * 1e6;
  return {
    bitsPerSecond, queueBytes: Math.max(30_000, 2 * 2 * delay * bitsPerSecond / 8000), delayMs: delay, loss,
    duplicate: TWICE_CHANCE, reorder: { chance: LATE_CHANCE, lateMs: LATE_MS },
  };
}

async function transfer(spec: LineSpec, unshare: readonly string[]): Promise<LineResult> {
  const line = new Child([...unshare, process.execPath, process.argv[1]!, 'kernel-line', JSON.stringify(spec)]);
  for (;;) {
    const told = JSON.parse(await line.line()) as LineResult | { progress: number };
    if ('sent' in told) {
      await line.end();
      return told;
    }
  }
}

const HEAD = `${'direction'.padEnd(18)}${'family'.padEnd(8)}${'controller'.padEnd(12)}${'ours Mb/s'.padStart(10)}${'kernel Mb/s'.padStart(13)}` +
  `${'ratio'.padStart(8)}${'again'.padStart(9)}${'kernel'.padStart(9)}${'timeouts'.padStart(10)}${'kernel'.padStart(8)}  hash`;

/** A row of the table. @returns whether it passes */
function report(one: Case, runs: Map<string, Measured[]>, { bytes }: KernelOptions, print: (line: string) => void): boolean {
  const [ours, kernels] = [runs.get(one.direction)!, runs.get('kernel')!];
  const isWhole = [...ours, ...kernels].every(({ result }) => result.received.bytes === bytes && result.received.hash === result.sent.hash);
  const [mine, theirs] = [median(ours.map(({ mbps }) => mbps)), median(kernels.map(({ mbps }) => mbps))];
  const ratio = mine / theirs;
  const ok = isWhole && ratio >= (one.algorithm === 'bbr' && one.direction === 'out' ? BBR_SHARE : 1 - TOLERANCE);
  const sum = (all: Measured[], count: 'retransmits' | 'timeouts'): string =>
    String(Math.round(all.reduce((total, { result }) => total + result.sent[count], 0) / all.length));
  print(`${(one.direction === 'out' ? 'ours to kernel' : 'kernel to ours').padEnd(18)}${one.family.padEnd(8)}${one.algorithm.padEnd(12)}` +
    `${mine.toFixed(2).padStart(10)}${theirs.toFixed(2).padStart(13)}${ratio.toFixed(2).padStart(8)}` +
    `${sum(ours, 'retransmits').padStart(9)}${sum(kernels, 'retransmits').padStart(9)}` +
    `${sum(ours, 'timeouts').padStart(10)}${sum(kernels, 'timeouts').padStart(8)}  ${isWhole ? 'equal' : 'DIFFERS'}${ok ? '' : '   failed'}`);
  return ok;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

const percent = (part: number): string => `${Number((part * 100).toFixed(2))} %`;

/** The words that, put before a command, run it in a network namespace of its own; null: there is none to be had. */
function waysIn(): string[] | null {
  const flags = process.getuid?.() === 0 ? '-n' : '-Urn';
  const isThere = spawnSync('unshare', [flags, 'sh', '-c', 'exec 3<>/dev/net/tun'], { stdio: 'ignore' }).status === 0;
  return isThere ? ['unshare', flags] : null;
}
