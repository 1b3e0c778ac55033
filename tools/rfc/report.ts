// What `npm run rfc` prints: requirement, code, test, departure with its reason; and the totals.

import colors from 'picocolors';

import type { Problem } from './citations.js';
import { type Conformance, groupBy, type Place, type Row, type Totals, type Verdict } from './conformance.js';

const SIGN: Readonly<Record<Verdict, string>> = {
  'proven': '✓', 'departs': '≠', 'not applicable': '–', 'pending': '…', 'gap': '○', 'open': '✗',
};

export function printTable({ rfc, title, rows }: Conformance): void {
  console.log(colors.bold(`RFC ${rfc}: ${title}`));
  for (const row of rows) printRow(row);
  console.log('');
}

function printRow(row: Row): void {
  const head = `${SIGN[row.verdict]} ${row.id.padEnd(12)} ${row.level.padEnd(6)} ${row.text}`;
  console.log(row.verdict === 'open' ? colors.red(head) : head);
  const note = (word: string, text: string): void => console.log(colors.dim(`    ${word.padEnd(8)} ${text}`));
  if (row.code.length > 0) note(row.isCodeBySection ? 'code (§)' : 'code', placesOf(row.code));
  if (row.tests.length > 0) note('test', placesOf(row.tests));
  if (row.reason !== '') note(row.standing === 'not applicable' ? 'n/a' : row.standing, row.reason);
}

/** `src/tcp/arrival.ts:20,117 src/tcp/tcp.ts:9` */
function placesOf(places: readonly Place[]): string {
  return [...groupBy(places, ({ file }) => file)]
    .map(([file, all]) => `${file}:${[...new Set(all.map(({ line }) => line))].join(',')}`).join(' ');
}

/** `rfc9293: 66 of 69 MUST in code and test, 3 departures; 27 of 31 SHOULD, 2 gaps` */
export function totalsLine({ rfc, totals }: Conformance): string {
  const parts = (['MUST', 'SHOULD', 'MAY'] as const).filter((level) => totals[level].all > 0).map((level) => {
    const t = totals[level];
    return `${t.proven} of ${t.all} ${level}${level === 'MUST' ? ' in code and test' : ''}${restOf(t)}`;
  });
  return `rfc${rfc}: ${parts.join('; ')}`;
}

function restOf(t: Totals): string {
  const rest = [
    [t.departs, t.departs === 1 ? 'departure' : 'departures'], [t['not applicable'], 'not applicable'],
    [t.pending, 'pending'], [t.gap, t.gap === 1 ? 'gap' : 'gaps'], [t.open, 'open'],
  ] as const;
  return rest.filter(([count]) => count > 0).map(([count, word]) => `, ${count} ${word}`).join('');
}

export function printProblems(problems: readonly Problem[]): void {
  for (const { file, line, what } of problems) console.log(colors.red(`${file}${line > 0 ? `:${line}` : ''} ${what}`));
}
