// All requirements, all citations of a tree, and what is wrong with them.

import { readdirSync, readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

import { type Citation, type Problem, readCitations } from './citations.js';
import { type Conformance, conformanceOf, faultsOf } from './conformance.js';
import { readLists } from './requirements.js';

/** What cites: the code, and the tests but those of the tools; nothing of others' that is installed among them. */
function sourcesIn(root: URL): string[] {
  const within = (folder: string): string[] =>
    readdirSync(new URL(`${folder}/`, root), { recursive: true, encoding: 'utf8' })
      .map((path) => `${folder}/${path.replaceAll('\\', '/')}`).filter((path) => path.endsWith('.ts'));
  return [...within('src'), ...within('test')].filter((path) => !path.startsWith('test/unit/tools/') && !path.includes('/node_modules/')).toSorted();
}

/** @throws SyntaxError for a requirement list that cannot be read */
export function survey(rootPath: string): { conformance: Conformance[]; problems: Problem[] } {
  const root = pathToFileURL(`${rootPath}/`);
  const lists = readLists(new URL('docs/rfc/', root));
  const byNumber = new Map(lists.map((list) => [list.rfc, list]));
  const citations: Citation[] = [];
  const problems: Problem[] = [];
  for (const file of sourcesIn(root)) {
    const read = readCitations(file, readFileSync(new URL(file, root), 'utf8'), byNumber);
    citations.push(...read.citations);
    problems.push(...read.problems);
  }
  const conformance = lists.map((list) => conformanceOf(list, citations));
  lists.forEach((list, i) => problems.push(...faultsOf(list, conformance[i]!)));
  return { conformance, problems };
}
