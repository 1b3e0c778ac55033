// The list of mutants fits the tree, every row of the TCP part of docs/security.md has one, and the tool that tries them
// tells those that are killed from those that survive.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'tsup';
import { beforeAll, describe, expect, test } from 'vitest';

import { flaw, type Mutant, nameOf, select } from '../../../tools/mutants/mutant.js';
import { prove, summary } from '../../../tools/mutants/prove.js';
import { ROOMS } from '../../mutants/rooms.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url)).replace(/\/$/, '');
const read = (path: string): string => readFileSync(`${ROOT}/${path}`, 'utf8');
const all = Object.values(ROOMS).flat();

describe('the list of mutants', () => {
  test('fits the tree: the text of each stands exactly once in its file', () => {
    const flaws = all.map((mutant) => [nameOf(mutant), flaw(mutant, ROOT)]).filter(([, why]) => why !== null);
    expect(flaws).toEqual([]);
  });

  test('names none twice', () => {
    const names = all.map((mutant) => `${nameOf(mutant)} ${mutant.title ?? ''}`);
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
  });

  test('has one at least for every class of attack on TCP, and its test is a witness of the row', () => {
    const text = read('docs/security.md');
    const rows = text.slice(text.indexOf('## TCP'), text.indexOf('## The runtime')).split('\n').filter((line) => line.startsWith('| SEC-'));
    const wanting = rows.filter((row) => {
      const [id] = /SEC-\d+/.exec(row)!;
      const mutants = all.filter(({ sec }) => sec === id);
      return mutants.length === 0 || mutants.some(({ test: file }) => !row.includes(`\`${file}\``));
    });
    expect(wanting).toEqual([]);
  });
});

describe('choosing', () => {
  test.each([
    ['seq', ['seq']], ['*-wait', ['time-wait']], ['src/tcp/isn.ts', ['isn']], ['SEC-50', ['isn']], ['no-such', []],
  ])('%s', (pattern, rooms) => {
    expect(Object.keys(select(ROOMS, pattern))).toEqual(rooms);
  });
});

describe('the tool', () => {
  const outDir = `${ROOT}/node_modules/.cache/mutants`;

  beforeAll(async () => {
    await build({
      entry: [`${ROOT}/tools/mutants/worker.ts`], outDir, config: false, silent: true, format: 'esm', target: 'node20', platform: 'node',
      skipNodeModulesBundle: true, splitting: false, outExtension: () => ({ js: '.mjs' }),
    });
  });

  test('tells what is killed, by a failure or by never ending, from what survives and from what cannot be tried', async () => {
    const planted: Mutant = {
      file: 'src/tcp/seq.ts', text: 'lt = (a: Seq, b: Seq): boolean => ', replacement: '', test: 'test/unit/tcp/seq.test.ts',
    };
    const comment = '// Sequence numbers: circular';
    const lines: string[] = [];
    const verdicts = await prove({
      room: [
        { ...planted, replacement: 'lt = (a: Seq, b: Seq): boolean => !' },
        { ...planted, text: comment, replacement: '// Circular' },
        { ...planted, replacement: 'lt = (a: Seq, b: Seq): boolean => { for (;;); } ; const un = (a: Seq, b: Seq) => ' },
        { ...planted, text: 'no such text' },
        { ...planted, text: 'Seq' },
        { ...planted, title: 'no such title' },
        { ...planted, replacement: 'lt = (' },
        { ...planted, text: comment, replacement: '// Circular', title: '2^31 follows' },
      ],
    }, { root: ROOT, worker: `${outDir}/worker.mjs`, jobs: 1, patienceMs: 3000, print: (line) => lines.push(line) });
    expect(verdicts.map(({ fate }) => fate)).toEqual(['killed', 'survived', 'killed', 'fault', 'fault', 'fault', 'fault', 'survived']);
    expect(lines.filter((line) => line.startsWith('survived'))).toEqual([
      'survived  room  src/tcp/seq.ts: // Sequence numbers: circular -> // Circular  (test/unit/tcp/seq.test.ts)',
      'survived  room  src/tcp/seq.ts: // Sequence numbers: circular -> // Circular  (test/unit/tcp/seq.test.ts “2^31 follows”)',
    ]);
    expect(lines.filter((line) => line.startsWith('fault')).map((line) => line.replace(/^.*: /, ''))).toEqual([
      'its text is gone', expect.stringMatching(/^its text stands there \d+ times$/),
      'test/unit/tcp/seq.test.ts has no test “no such title”', expect.any(String),
    ]);
    expect(lines.at(-1)).toBe('2 killed, 2 survived, 4 at fault');
    expect(summary(verdicts.filter(({ fate }) => fate === 'killed'))).toBe('2 killed, 0 survived');
  });
});
