// What comes out: a table for people, an array for programs.

import { readFileSync } from 'node:fs';
import os from 'node:os';

/** A row of the array that `--json` prints. Null: not measured. */
export interface Line {
  readonly name: string;
  readonly unit: string;
  readonly peer: string;
  readonly ours: number | null;
  readonly theirs: number | null;
  /** Above 1, ours is better; whether a higher or a lower figure is. */
  readonly ratio: number | null;
}

export function machine(generator: string, congestionControl: string, effort: string): string {
  const cpus = os.cpus();
  return [
    `${cpus[0]?.model.trim() ?? 'unknown processor'}, ${cpus.length} cores, ${Math.round(os.totalmem() / 2 ** 30)} GB`,
    `Node ${process.version}, ${os.type()} ${os.release()}${virtual()}, kernel TCP with ${congestionControl}`,
    `generator: ${generator}`,
    effort,
  ].join('\n');
}

const virtual = (): string => (/\bhypervisor\b/.test(readCpuInfo()) ? ' in a virtual machine' : '');

function readCpuInfo(): string {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8');
  } catch {
    return '';
  }
}

/** @param beside  a last column: what is to be said of a row, by its name */
export function table(lines: readonly Line[], beside: ReadonlyMap<string, string>, title: string): string {
  const cells = [
    ['', 'unit', 'wallsocket', 'peer', '', 'ratio', title],
    ...lines.map((l) => [
      l.name, l.unit, figure(l.ours), figure(l.theirs), l.peer, figure(l.ratio), beside.get(l.name) ?? '',
    ]),
  ];
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  const isNumber = [false, false, true, true, false, true, true];
  return cells.map((row) => row
    .map((cell, column) => (isNumber[column] ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
    .join('  ').trimEnd()).join('\n');
}

/** Three digits that mean something. */
export function figure(value: number | null): string {
  if (value === null) return '-';
  return value >= 100 ? Math.round(value).toLocaleString('en-US') : value.toPrecision(3);
}

export function compare(
  ours: number | null, theirs: number | null, lowerIsBetter: boolean,
): Pick<Line, 'ours' | 'theirs' | 'ratio'> {
  const ratio = ours === null || theirs === null ? null : lowerIsBetter ? theirs / ours : ours / theirs;
  return { ours, theirs, ratio };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
