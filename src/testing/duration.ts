// Spans of time as people write them: 20, '20ms', '1.5 s', '10 min', '2h'.

import { invalidValue } from '../errors.js';

/** Milliseconds, or a text: a number and `us`, `ms`, `s`, `m`, `min`, `h` or `d`. */
export type Duration = number | string;

const UNITS: Readonly<Record<string, number>> = {
  us: 0.001, ms: 1, s: 1000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000,
};

/** @throws TypeError ERR_INVALID_ARG_VALUE: it is none, or negative */
export function msOf(name: string, span: Duration): number {
  if (typeof span === 'number') {
    if (!(span >= 0)) throw invalidValue(name, 'must be a span of time', span);
    return span;
  }
  const found = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/.exec(span.trim());
  const unit = found === null ? undefined : UNITS[found[2] === '' ? 'ms' : found[2]!];
  if (unit === undefined) throw invalidValue(name, "must be a span of time, like '20ms' or '10 min'", span);
  return Number(found![1]) * unit;
}

/** The span in the largest unit that leaves no long fraction: `64 s`, `1.5 ms`, `10 min`. */
export function spanText(ms: number): string {
  if (!Number.isFinite(ms)) return 'ever';
  if (ms >= 7_200_000) return `${round(ms / 3_600_000)} h`;
  if (ms >= 120_000) return `${round(ms / 60_000)} min`;
  return ms >= 1000 ? `${round(ms / 1000)} s` : `${round(ms)} ms`;
}

const round = (value: number): number => Math.round(value * 1000) / 1000;
