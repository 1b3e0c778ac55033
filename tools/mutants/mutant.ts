// A mutant: one small change that makes the code wrong, and the test that must notice.

import { readFileSync } from 'node:fs';

export interface Mutant {
  /** The row of docs/security.md that this would break. */
  readonly sec?: `SEC-${number}`;
  /** The fuzzer's target that must find it by itself: `npm run fuzz -- --planted`. */
  readonly fuzz?: `F${number}`;
  /** Paths from the root of the tree. */
  readonly file: string;
  /** Stands exactly once in `file`. */
  readonly text: string;
  readonly replacement: string;
  readonly test: string;
  /** Part of the test's full title, those of its groups included; without it, any test of the file may notice. */
  readonly title?: string;
}

/** Mutants by the room of the code that they are in. */
export type Rooms = Readonly<Record<string, readonly Mutant[]>>;

/** One line that tells it from all others. */
export const nameOf = ({ file, text, replacement }: Mutant): string =>
  `${file}: ${oneLine(text)} -> ${oneLine(replacement) || 'nothing'}`;

const oneLine = (text: string): string => text.trim().replaceAll(/\s+/g, ' ');

/** Why it cannot be tried on the tree at `root`; null: it can. */
export function flaw(mutant: Mutant, root: string): string | null {
  const { file, text, replacement } = mutant;
  if (text === replacement) return 'changes nothing';
  let code: string;
  try {
    code = readFileSync(`${root}/${file}`, 'utf8');
  } catch {
    return 'there is no such file';
  }
  const times = code.split(text).length - 1;
  if (times !== 1) return times === 0 ? 'its text is gone' : `its text stands there ${times} times`;
  return null;
}

/** Only the rooms whose name, or the mutants whose file or row, matches: `*` stands for any text. */
export function select(rooms: Rooms, pattern: string): Rooms {
  const expression = new RegExp(`^${pattern.split('*').map((part) => escape(part)).join('.*')}$`);
  const isMeant = ({ file, sec }: Mutant): boolean => expression.test(file) || expression.test(sec ?? '');
  const chosen = Object.entries(rooms).map(([room, mutants]) =>
    [room, expression.test(room) ? mutants : mutants.filter(isMeant)] as const);
  return Object.fromEntries(chosen.filter(([, mutants]) => mutants.length > 0));
}

/** As an expression that matches `text` and nothing else. */
export const escape = (text: string): string => text.replaceAll(/[$()*+.?[\\\]^{|}]/g, '\\$&');
