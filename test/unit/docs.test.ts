// What the documents say of the code, checked against the code: that each file is named and no other, that the limits are
// the limits, that the tests which are called witnesses exist.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

import { createPipe } from '../../src/link/pipe.js';
import { Stack } from '../../src/stack.js';

const ROOT = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, ROOT), 'utf8');
const exists = (path: string): boolean => existsSync(new URL(path, ROOT));

const sources = readdirSync(new URL('src/', ROOT), { recursive: true, encoding: 'utf8' })
  .map((path) => path.replaceAll('\\', '/')).filter((path) => path.endsWith('.ts'));

/** The rows of a table, cell by cell. */
const rowsOf = (text: string): string[][] =>
  text.split('\n').filter((line) => line.startsWith('| ')).map((line) => line.slice(2, -2).split(' | ').map((cell) => cell.trim()));

const unquoted = (cell: string): string => cell.replaceAll('`', '');

const architecture = read('docs/architecture.md');
const security = read('docs/security.md');

describe('docs/architecture.md', () => {
  const floors = architecture.slice(architecture.indexOf('### Every file'), architecture.indexOf('## The way of a packet'));
  const named = rowsOf(floors).map(([file]) => unquoted(file!)).filter((file) => file !== 'file');

  test('names every source file once, with its purpose', () => {
    expect(named.toSorted()).toEqual(sources.toSorted());
    expect(rowsOf(floors).filter((cells) => cells.length !== 2 || cells[1] === '')).toEqual([]);
  });

  test('names no function that the file beside it does not have', () => {
    const way = architecture.slice(architecture.indexOf('## The way of a packet'), architecture.indexOf('### Superpackets'));
    const missing: string[] = [];
    let file = '';
    for (const cells of rowsOf(way)) {
      for (const [, word] of (cells[1] ?? '').matchAll(/`([^`]+)`/g)) {
        if (word!.endsWith('.ts')) file = word!;
        else if (!new RegExp(`\\b${word!}\\b`).test(read(`src/${file}`))) missing.push(`${file} ${word!}`);
      }
    }
    expect(missing).toEqual([]);
  });

  test('lists the limits of a stack: name, unit, maximum and source', () => {
    const stack = new Stack();
    for (const medium of ['ethernet', 'ip'] as const) stack.addInterface(createPipe({ medium, names: ['NAME', 'other'] })[0]);
    const written = rowsOf(architecture.slice(architecture.indexOf('## Limits')))
      .filter(([name]) => name!.startsWith('`')).map(([name, ...rest]) => [unquoted(name!), ...rest]);
    const real = stack.limits.all().map(({ name, unit, max, source }) => [name, unit, max.toLocaleString('en-US'), source]);
    expect(written.toSorted()).toEqual(real.toSorted());
  });
});

describe('every document', () => {
  const documents = ['README.md', 'CHANGELOG.md', 'docs/architecture.md', 'docs/security.md', 'docs/conformance.md', 'docs/faces.md', 'docs/testing.md', 'docs/node-compat.md'];

  test.each(documents)('%s names no file that is not there', (document) => {
    const files = [...read(document).matchAll(/`([\w.][\w./-]*\.(?:ts|md|mjs|json|c))`/g)].map(([, file]) => file!);
    const places = (file: string): string[] => [file, `src/${file}`, `docs/${file}`];
    // `wire.ts`, `layout.ts` and the like stand for all files of that name.
    const isAnywhere = (file: string): boolean => sources.some((source) => source.endsWith(`/${file}`));
    expect(files.filter((file) => !places(file).some(exists) && !isAnywhere(file))).toEqual([]);
  });

  test.each(documents)('%s leads to no page that is not there', (document) => {
    const base = new URL(document, ROOT);
    const links = [...read(document).matchAll(/\]\(([^)]+)\)/g)].map(([, link]) => link!);
    const broken = links.filter((link) => {
      if (/^https?:/.test(link)) return false;
      const url = new URL(link, base);
      const path = url.href.replace(/#.*$/, '');
      if (!existsSync(new URL(path))) return true;
      const headings = [...readFileSync(new URL(path), 'utf8').matchAll(/^#+ (.+)$/gm)]
        .map(([, heading]) => `#${heading!.toLowerCase().replace(/[^\w -]/g, '').replaceAll(' ', '-')}`);
      return url.hash !== '' && !headings.includes(url.hash);
    });
    expect(broken).toEqual([]);
  });
});

describe('docs/security.md', () => {
  const rows = rowsOf(security).filter(([id]) => id!.startsWith('SEC-'));
  const witnesses = rows.flatMap(([id, , , tests]) =>
    [...tests!.matchAll(/`(test\/[\w/.-]+\.ts)`((?: “[^”]+”,?)*)/g)].map(([, file, titles]) => ({
      id: id!, file: file!, titles: [...titles!.matchAll(/“([^”]+)”/g)].map(([, title]) => title!),
    })));

  test('gives each class one row, in order', () => {
    const ids = rows.map(([id]) => id!);
    const number = (id: string): number => Number(id.slice(4));
    expect(ids).toEqual([...new Set(ids)].toSorted((a, b) => number(a) - number(b)));
    expect(rows.filter((cells) => cells.length !== 4)).toEqual([]);
  });

  test('gives each row a witness, or says that there is none', () => {
    const silent = rows.filter(([, , , tests]) => !/`test\/|no test yet|the linter/.test(tests!)).map(([id]) => id);
    expect(silent).toEqual([]);
  });

  test('calls only tests that are there, by titles that they have', () => {
    const missing = witnesses.flatMap(({ id, file, titles }) =>
      !exists(file) ? [`${id} ${file}`] : titles.filter((title) => !read(file).includes(title)).map((title) => `${id} ${file}: ${title}`));
    expect(missing).toEqual([]);
  });

  test('names every class that the code cites', () => {
    const cited = new Set(sources.flatMap((source) => [...read(`src/${source}`).matchAll(/SEC-\d\d/g)].map(([id]) => id)));
    expect([...cited].filter((id) => !security.includes(id)).toSorted()).toEqual([]);
  });
});
