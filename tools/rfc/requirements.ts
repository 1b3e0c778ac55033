// The requirement lists of docs/rfc: one Markdown file per RFC, one table row per requirement. Written for people, read
// by `npm run rfc`; docs/rfc/README.md says how.

import { readdirSync, readFileSync } from 'node:fs';

export type Level = 'MUST' | 'SHOULD' | 'MAY';

/** Why a requirement stands as it does. `done` says nothing: citations say it. */
export type Standing = 'done' | 'departs' | 'not applicable' | 'pending' | 'gap';

export interface Requirement {
  readonly rfc: number;
  /** As citations spell it: `MUST-17`, `(5.2)`, `§3.2-1`, `§5.3 R1`, `§6.2 step 4`. */
  readonly id: string;
  /** MUST NOT counts as MUST, SHOULD NOT as SHOULD. */
  readonly level: Level;
  readonly section: string;
  readonly text: string;
  readonly standing: Standing;
  /** Of every standing but `done`. */
  readonly reason: string;
}

export interface RequirementList {
  readonly rfc: number;
  readonly title: string;
  /** Levels that fail when code or test is missing. */
  readonly heldTo: readonly Level[];
  /** Every section that the RFC has, so that a slip of the pen in a citation shows. */
  readonly sections: ReadonlySet<string>;
  readonly requirements: ReadonlyMap<string, Requirement>;
}

const LEVEL: Readonly<Record<string, Level>> = {
  'MUST': 'MUST', 'MUST NOT': 'MUST', 'SHOULD': 'SHOULD', 'SHOULD NOT': 'SHOULD', 'MAY': 'MAY',
};

/** @throws SyntaxError naming the file, for a list that cannot be read */
export function readLists(directory: URL): RequirementList[] {
  const names = readdirSync(directory).filter((name) => /^rfc\d+\.md$/.test(name));
  return names.map((name) => parseList(name, readFileSync(new URL(name, directory), 'utf8')))
    .toSorted((a, b) => a.rfc - b.rfc);
}

export function parseList(name: string, text: string): RequirementList {
  const [, rfc, title] = /^# RFC (\d+): (.+)$/m.exec(text) ?? fail(name, 'no heading "# RFC 9293: title"');
  const [, heldTo] = /^Held to: (.+)\.$/m.exec(text) ?? fail(name, 'no line "Held to: MUST."');
  const [, sections] = /^Sections: (.+)\.$/m.exec(text) ?? fail(name, 'no line "Sections: 1, 1.1."');
  const requirements = new Map<string, Requirement>();
  for (const line of text.split('\n').filter((each) => each.startsWith('| ') && !each.startsWith('| id '))) {
    const requirement = parseRow(name, Number(rfc), line);
    if (requirements.has(requirement.id)) fail(name, `${requirement.id} stands twice`);
    requirements.set(requirement.id, requirement);
  }
  return {
    rfc: Number(rfc), title: title!, heldTo: heldTo!.split(', ').map((level) => LEVEL[level] ?? fail(name, `level ${level}`)),
    sections: new Set(sections!.split(', ')), requirements,
  };
}

function parseRow(name: string, rfc: number, line: string): Requirement {
  const [before, id, level, section, text, note, after, ...rest] = line.split('|').map((cell) => cell.trim());
  if (text === '' || before !== '' || after !== '' || rest.length > 0) fail(name, `five columns, not: ${line}`);
  const known = LEVEL[level!] ?? fail(name, `${id}: level ${level}`);
  if (note === undefined || note === '') return { rfc, id: id!, level: known, section: section!, text: text!, standing: 'done', reason: '' };
  const [, standing, reason] = /^(departs|not applicable|pending|gap): (.+)$/.exec(note) ?? fail(name, `${id}: "${note}"`);
  return { rfc, id: id!, level: known, section: section!, text: text!, standing: standing as Standing, reason: reason! };
}

function fail(name: string, what: string): never {
  throw new SyntaxError(`docs/rfc/${name}: ${what}`);
}
