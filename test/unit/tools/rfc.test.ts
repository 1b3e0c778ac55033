// `npm run rfc` on planted trees: what it reads, what it joins, and what it refuses.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';

import { readCitations } from '../../../tools/rfc/citations.js';
import { parseList } from '../../../tools/rfc/requirements.js';
import { totalsLine } from '../../../tools/rfc/report.js';
import { survey } from '../../../tools/rfc/survey.js';

const HEAD = '| id | level | § | what is required | standing |\n|---|---|---|---|---|\n';

const LISTS: Readonly<Record<string, string>> = {
  'docs/rfc/rfc9293.md': `# RFC 9293: TCP\n\nHeld to: MUST, SHOULD.\n\nSections: 3, 3.1, 3.2.\n\n${HEAD}` +
    '| MUST-1 | MUST | 3.1 | one | |\n| MUST-2 | MUST NOT | 3.1 | two | |\n| MUST-3 | MUST | 3.2 | three | departs: so |\n' +
    '| SHLD-1 | SHOULD | 3.2 | four | |\n| MAY-1 | MAY | 3.2 | five | |\n',
  'docs/rfc/rfc6298.md': `# RFC 6298: RTO\n\nHeld to: MUST.\n\nSections: 2, 5.\n\n${HEAD}` +
    '| (5.1) | MUST | 5 | a | |\n| (5.2) | MUST | 5 | b | |\n| (5.3) | MUST | 5 | c | |\n',
  'docs/rfc/rfc5961.md': `# RFC 5961: Blind\n\nHeld to: MUST.\n\nSections: 3, 3.1, 3.2, 4.2, 5.3.\n\n${HEAD}` +
    '| §3.2-1 | MUST | 3.2 | x | |\n| §3.2-2 | MUST | 3.2 | y | |\n| §4.2-1 | MUST | 4.2 | z | |\n' +
    '| §5.3 R1 | MUST | 5.3 | r | |\n| §5.3 step 2 | MUST | 5.3 | s | |\n| §5.3 step 3 | MUST | 5.3 | t | |\n',
};

const lists = new Map(Object.entries(LISTS).map(([path, text]) => parseList(path.slice(9), text)).map((list) => [list.rfc, list]));

/** What `text` cites, each as `RFC id` or `RFC §section`. */
const cited = (text: string, file = 'src/a.ts'): string[] =>
  readCitations(file, text, lists).citations.map(({ rfc, id, section }) => `${rfc} ${id ?? `§${section}`}`);
const refused = (text: string): string[] => readCitations('src/a.ts', text, lists).problems.map(({ what }) => what);

describe('a citation', () => {
  test.each([
    ['// RFC 9293 MUST-1, SHLD-1; MAY-1.', ['9293 MUST-1', '9293 SHLD-1', '9293 MAY-1']],
    ['// RFC 9293 MUST-1 … 3', ['9293 MUST-1', '9293 MUST-2', '9293 MUST-3']],
    ['// RFC 6298 (5.1), (5.3).', ['6298 (5.1)', '6298 (5.3)']],
    ['// RFC 6298 (5.1)–(5.3).', ['6298 (5.1)', '6298 (5.2)', '6298 (5.3)']],
    ['// RFC 5961 §3.2-1, -2, §4.2.', ['5961 §3.2-1', '5961 §3.2-2', '5961 §4.2']],
    ['// RFC 5961 §3.1–2', ['5961 §3.1', '5961 §3.2']],
    ['// RFC 5961 §5.3, R1 and §5.3 steps 2 to 3', ['5961 §5.3 R1', '5961 §5.3 step 2', '5961 §5.3 step 3']],
    ['// RFC 5961 §3.2 (3), §4.2 step 9', ['5961 §3.2', '5961 §4.2']],
    ["test('as RFC 9293 MUST-2 says', () => {", ['9293 MUST-2']],
    ['/**\n * RFC\n * 9293 MUST-1\n */', ['9293 MUST-1']],
    ['// RFC 1234 §9.9, draft-x-y §3.1, IEEE 802.3 §4.2', []],
    ['// RFC 9293. Text.\nlet a;\n// MUST-1, and RFC 5961 §4.2, MAY-1.', ['9293 MUST-1', '5961 §4.2', '9293 MAY-1']],
    ['// RFC 5961, RFC 9293.\nlet a; // §3.2-1\nlet b; // RFC 9293 §3.2\nlet c; // §3.1', ['5961 §3.2-1', '9293 §3.2', '5961 §3.1']],
  ])('%j', (text, ids) => {
    expect(cited(text)).toEqual(ids);
    expect(refused(text)).toEqual([]);
  });

  test.each([
    ['// RFC 9293 MUST-4', 'RFC 9293 MUST-4 is not in docs/rfc/rfc9293.md'],
    ['// RFC 5961 §3.2-3', 'RFC 5961 §3.2-3 is not in docs/rfc/rfc5961.md'],
    ['// RFC 6298 (5.9)', 'RFC 6298 (5.9) is not in docs/rfc/rfc6298.md'],
    ['// RFC 9293 §3.9', 'RFC 9293 has no §3.9'],
    ['// RFC 5961.\n// MUST-1', 'MUST-1 of which RFC? Neither here nor in the file\'s head is one named that numbers so'],
  ])('%j is refused', (text, what) => {
    expect(refused(text)).toEqual([what]);
  });

  test('knows its line, also in a comment of several', () => {
    const [one, two] = readCitations('src/a.ts', '\nlet a;\n// RFC 9293 MUST-1,\n// MUST-2\n', lists).citations;
    expect([one!.line, two!.line]).toEqual([3, 4]);
  });
});

describe('a list that cannot be read', () => {
  const row = (text: string): string => `# RFC 1: x\nHeld to: MUST.\nSections: 1.\n${HEAD}${text}\n`;
  test.each([
    ['no heading', 'Held to: MUST.\nSections: 1.'], ['another level', row('| A-1 | OUGHT | 1 | x | |')],
    ['a reason without a word', row('| A-1 | MUST | 1 | x | because |')], ['a word without a reason', row('| A-1 | MUST | 1 | x | departs: |')],
    ['four columns', row('| A-1 | MUST | 1 | x |')], ['a row twice', row('| A-1 | MUST | 1 | x | |\n| A-1 | MUST | 1 | x | |')],
  ])('says so: %s', (_what, text) => {
    expect(() => parseList('rfc1.md', text)).toThrow('docs/rfc/rfc1.md');
  });
});

describe('a tree', () => {
  let root = '';
  afterEach(() => rmSync(root, { recursive: true }));

  /** What is wrong with a tree in which all else is as it should be. */
  function faults(list: string, src: string, tests: string): { problems: string[]; totals: string } {
    root = mkdtempSync(join(tmpdir(), 'rfc-'));
    const files = { 'docs/rfc/rfc9293.md': LISTS['docs/rfc/rfc9293.md']! + list, 'src/a.ts': src, 'test/a.test.ts': tests };
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    const { conformance, problems } = survey(root);
    return { problems: problems.map(({ file, what }) => `${file}: ${what}`), totals: totalsLine(conformance[0]!) };
  }

  const ALL = 'let a; // RFC 9293 MUST-1, MUST-2, SHLD-1\n';

  test('in which all is done and shown, or departed from, is in order', () => {
    expect(faults('', ALL, ALL)).toEqual({
      problems: [], totals: 'rfc9293: 2 of 3 MUST in code and test, 1 departure; 1 of 1 SHOULD; 0 of 1 MAY, 1 open',
    });
  });

  test('with a MUST that has code and no test is not', () => {
    expect(faults('', ALL, 'let a; // RFC 9293 MUST-1, SHLD-1\n').problems).toEqual(['src/a.ts: RFC 9293 MUST-2 (two) has code and no test']);
  });

  test('nor with a SHOULD, where the list is held to it', () => {
    expect(faults('', ALL, 'let a; // RFC 9293 MUST-1, MUST-2\n').problems).toEqual(['src/a.ts: RFC 9293 SHLD-1 (four) has code and no test']);
  });

  test.each([
    ['nothing', '| MUST-4 | MUST | 3.1 | six | |\n', '', '', ['docs/rfc/rfc9293.md: RFC 9293 MUST-4 (six) has neither code nor test, and no reason']],
    ['a test alone', '| MUST-4 | MUST | 3.1 | six | |\n', '', '// RFC 9293 MUST-4', ['docs/rfc/rfc9293.md: RFC 9293 MUST-4 (six) has a test, and no code that cites it']],
    ['a gap', '| MUST-4 | MUST | 3.1 | six | gap: no time |\n', '', '', ['docs/rfc/rfc9293.md: RFC 9293 MUST-4 (six): a MUST is done, or departed from with a reason']],
    ['a departure', '| MUST-4 | MUST | 3.1 | six | departs: better so |\n', '', '', []],
    ['nothing, and it is not applicable', '| MUST-4 | MUST | 3.1 | six | not applicable: no such thing |\n', '', '', []],
    ['nothing yet', '| MUST-4 | MUST | 3.1 | six | pending: soon |\n', '', '', []],
    ['code that was pending', '| MUST-4 | MUST | 3.1 | six | pending: soon |\n', '// RFC 9293 MUST-4', '', ['src/a.ts: RFC 9293 MUST-4 (six) has code and no test']],
    ['a departure in code, not shown', '| MUST-4 | MUST | 3.1 | six | departs: better so |\n', '// RFC 9293 MUST-4', '', ['src/a.ts: RFC 9293 MUST-4 (six) has code and no test']],
    ['its section alone, though it has a number', '| MUST-4 | MUST | 3 | six | |\n', '// RFC 9293 §3', '// RFC 9293 §3', ['docs/rfc/rfc9293.md: RFC 9293 MUST-4 (six) has neither code nor test, and no reason']],
    ['its section, which has no other', '| §3-1 | MUST | 3 | six | |\n', '// RFC 9293 §3', '// RFC 9293 §3', []],
    ['its section, which has others', '| §3.1-1 | MUST | 3.1 | six | |\n', '// RFC 9293 §3.1', '// RFC 9293 §3.1', ['src/a.ts: RFC 9293 §3.1-1 (six) has code and no test']],
    ['the head of a test', '| MUST-4 | MUST | 3.1 | six | |\n', '// RFC 9293 MUST-4', 'HEAD', ['src/a.ts: RFC 9293 MUST-4 (six) has code and no test']],
  ])('with a MUST that has %s', (_what, list, src, tests, problems) => {
    const head = tests === 'HEAD' ? `// RFC 9293 MUST-4\n\n${ALL}` : `${ALL}${tests}\n`;
    expect(faults(list, `${ALL}${src}\n`, head).problems).toEqual(problems);
  });
});

test('our own tree: no citation names what is not there, and no MUST has code and no test', () => {
  const { problems } = survey(process.cwd());
  expect(problems.map(({ file, line, what }) => `${file}:${line} ${what}`)).toEqual([]);
});
