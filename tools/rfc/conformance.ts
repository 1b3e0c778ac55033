// Requirements joined with the citations that speak of them, and the judgment: what has code and no test, what has neither.

import type { Citation, Problem } from './citations.js';
import type { Level, Requirement, RequirementList } from './requirements.js';

export interface Place {
  readonly file: string;
  readonly line: number;
}

/** How a requirement stands by its citations and by what docs/rfc says of it. */
export type Verdict = 'proven' | 'departs' | 'not applicable' | 'pending' | 'gap' | 'open';

export interface Row extends Requirement {
  readonly code: readonly Place[];
  /** The code cites no requirement, only its section. */
  readonly isCodeBySection: boolean;
  readonly tests: readonly Place[];
  readonly verdict: Verdict;
}

export interface Conformance {
  readonly rfc: number;
  readonly title: string;
  readonly rows: readonly Row[];
  readonly totals: Readonly<Record<Level, Totals>>;
}

export type Totals = Readonly<Record<Verdict | 'all', number>>;

const isTest = ({ file }: Citation): boolean => file.startsWith('test/');

export function conformanceOf(list: RequirementList, citations: readonly Citation[]): Conformance {
  const mine = citations.filter(({ rfc }) => rfc === list.rfc);
  const inSection = groupBy([...list.requirements.values()], ({ section }) => section);
  const rows = [...list.requirements.values()].map((requirement) => {
    const exact = mine.filter(({ id }) => id === requirement.id);
    const bySection = mine.filter(({ id, section }) => id === null && section === requirement.section);
    // Where the RFC itself numbers them, whoever means one can name it.
    const isNumbered = !requirement.id.startsWith('§');
    // A test proves a requirement that it names; a section, where that is the only one. Its file's head proves nothing.
    const alone = inSection.get(requirement.section)!.length === 1;
    const tests = [...exact, ...(alone && !isNumbered ? bySection : [])].filter((each) => isTest(each) && !each.isHead);
    const exactCode = exact.filter((each) => !isTest(each));
    const code = exactCode.length > 0 || isNumbered ? exactCode : bySection.filter((each) => !isTest(each));
    const verdict = judge(requirement, code.length > 0, tests.length > 0, exactCode.length > 0);
    return {
      ...requirement, code: code.map(placeOf), isCodeBySection: exactCode.length === 0 && code.length > 0,
      tests: tests.map(placeOf), verdict,
    };
  });
  const totals = { MUST: totalsOf(rows, 'MUST'), SHOULD: totalsOf(rows, 'SHOULD'), MAY: totalsOf(rows, 'MAY') };
  return { rfc: list.rfc, title: list.title, rows, totals };
}

const placeOf = ({ file, line }: Citation): Place => ({ file, line });

function judge({ standing }: Requirement, hasCode: boolean, hasTest: boolean, isNamed: boolean): Verdict {
  if (standing === 'pending') {
    if (hasCode && hasTest) return 'proven';
    // What was put off has to be shown as soon as the code says that it is there; its section says less.
    return isNamed ? 'open' : 'pending';
  }
  if (standing === 'done') return hasCode && hasTest ? 'proven' : 'open';
  return standing;
}

function totalsOf(rows: readonly Row[], level: Level): Totals {
  const totals = { all: 0, proven: 0, departs: 0, 'not applicable': 0, pending: 0, gap: 0, open: 0 };
  for (const row of rows.filter((each) => each.level === level)) {
    totals.all++;
    totals[row.verdict]++;
  }
  return totals;
}

/** What must not be: it fails CI. */
export function faultsOf(list: RequirementList, { rows }: Conformance): Problem[] {
  const faults: Problem[] = [];
  for (const row of rows.filter(({ level }) => list.heldTo.includes(level))) {
    const say = (what: string): void => {
      faults.push({ file: row.code[0]?.file ?? `docs/rfc/rfc${row.rfc}.md`, line: row.code[0]?.line ?? 0, what });
    };
    const name = `RFC ${row.rfc} ${row.id} (${row.text})`;
    if (row.verdict === 'gap' && row.level === 'MUST') say(`${name}: a MUST is done, or departed from with a reason`);
    // Only what is done, and named in the code as done, can lack its test; a section's citation says too little of a departure.
    const hasOwnCode = row.code.length > 0 && !row.isCodeBySection;
    if (row.verdict === 'departs' && row.level === 'MUST' && hasOwnCode && row.tests.length === 0) say(`${name} has code and no test`);
    if (row.verdict !== 'open') continue;
    if (row.code.length > 0) say(`${name} has code and no test`);
    else if (row.tests.length > 0) say(`${name} has a test, and no code that cites it`);
    else say(`${name} has neither code nor test, and no reason`);
  }
  return faults;
}

/** Map.groupBy, which Node 20 does not have. */
export function groupBy<K, T>(all: readonly T[], keyOf: (each: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const each of all) {
    const group = groups.get(keyOf(each));
    if (group === undefined) groups.set(keyOf(each), [each]);
    else group.push(each);
  }
  return groups;
}
