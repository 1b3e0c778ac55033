// Where code and tests cite an RFC. The grammar, which docs/rfc/README.md explains to people:
//
//   RFC 9293 MUST-17, SHLD-7; MUST-24 … 29      requirements that the RFC numbers
//   RFC 6298 (5.2), (5.3); (5.4)–(5.7)           rules that the RFC numbers
//   RFC 7323 §5.3 R1; RFC 8985 §6.2 steps 2 to 4  rules that are numbered within a section
//   RFC 5961 §3.2-1, -3                          requirements that docs/rfc numbers within a section
//   RFC 9293 §3.10.7.3, §2–3                     a section
//
// An RFC once named holds for the rest of its comment, or of its line of code. Before one is named, it is the first RFC
// of the file's head; a bare MUST-17 always belongs to an RFC that numbers its requirements so.

import type { RequirementList } from './requirements.js';

export interface Citation {
  readonly rfc: number;
  /** A requirement's id, or null: the whole section. */
  readonly id: string | null;
  readonly section: string;
  readonly file: string;
  readonly line: number;
  /** In the comment that opens the file. */
  readonly isHead: boolean;
}

export interface Problem {
  readonly file: string;
  readonly line: number;
  readonly what: string;
}

type Lists = ReadonlyMap<number, RequirementList>;

const TOKEN = new RegExp([
  /RFCs? ?(?<rfc>\d{3,5})/,
  /(?<other>\bdraft-[\w-]+|\bIEEE [\d.]+)/,
  /\b(?<word>MUST|SHLD|MAY|REC)-(?<first>\d+)(?:\s*…\s*(?:\k<word>-)?(?<last>\d+))?/,
  /§(?<section>\d+(?:\.\d+)*)(?:(?<numbers>-\d+(?:, -\d+)*)|,? (?<mark>R\d\b|steps? \d+(?: (?:and|to) \d+)?))?(?:–(?<upTo>\d+(?:\.\d+)*))?/,
  /\((?<rule>\d\.\d)\)(?:–\((?<lastRule>\d\.\d)\))?/,
].map((each) => each.source).join('|'), 'g');

type Groups = Readonly<Record<string, string | undefined>>;

export function readCitations(file: string, text: string, lists: Lists): { citations: Citation[]; problems: Problem[] } {
  const reader = new Reader(file, lists);
  for (const block of blocksOf(text)) reader.read(block);
  return { citations: reader.citations, problems: reader.problems };
}

/** One comment, or one line of code. */
interface Block {
  readonly text: string;
  /** Line number of each line's first character in `text`. */
  readonly lines: readonly { readonly at: number; readonly line: number }[];
  readonly isHead: boolean;
}

const COMMENT = /^\s*(?:\/\/|\/\*\*?|\*(?!\/))\s?/;

function blocksOf(source: string): Block[] {
  const blocks: Block[] = [];
  let text = '';
  let lines: { at: number; line: number }[] = [];
  let isHead = true;
  const close = (): void => {
    if (lines.length > 0) blocks.push({ text, lines, isHead });
    text = '';
    lines = [];
  };
  source.split('\n').forEach((each, i) => {
    const isComment = COMMENT.test(each);
    if (!isComment || /^\s*\/\*/.test(each)) close();
    if (!isComment && each.trim() === '' && blocks.length === 0) return;
    if (!isComment || blocks.length > 0) isHead = false;
    lines.push({ at: text.length, line: i + 1 });
    text += `${each.replace(COMMENT, '')} `;
    if (!isComment) close();
  });
  close();
  return blocks;
}

class Reader {
  readonly citations: Citation[] = [];
  readonly problems: Problem[] = [];
  /** The first RFC of the head; null: it names none. */
  private home: number | null = null;
  /** The RFC that was named last in this block; null: something else was. */
  private rfc: number | null = null;
  private line = 0;
  private isHead = false;

  constructor(private readonly file: string, private readonly lists: Lists) {}

  read(block: Block): void {
    this.rfc = this.home;
    this.isHead = block.isHead;
    for (const match of block.text.matchAll(TOKEN)) {
      this.line = block.lines.findLast(({ at }) => at <= match.index)!.line;
      this.token(match.groups!);
    }
  }

  private token(g: Groups): void {
    if (g.rfc !== undefined) {
      this.rfc = Number(g.rfc);
      if (this.isHead) this.home ??= this.rfc;
    } else if (g.other !== undefined) this.rfc = null;
    else if (g.word !== undefined) this.numbered(g.word, Number(g.first), Number(g.last ?? g.first));
    else if (g.section !== undefined) this.inSection(g.section, g);
    else if (g.rule !== undefined) this.rules(g.rule, g.lastRule ?? g.rule);
  }

  private numbered(word: string, first: number, last: number): void {
    const rfc = [this.rfc, this.home].find((each) => this.list(each)?.requirements.has('MUST-1') === true) ?? null;
    if (rfc === null) this.problem(`${word}-${first} of which RFC? Neither here nor in the file's head is one named that numbers so`);
    else for (let n = first; n <= last; n++) this.cite(rfc, `${word}-${n}`);
  }

  private inSection(section: string, g: Groups): void {
    const list = this.list(this.rfc);
    if (list === null) return;
    if (!list.sections.has(section)) this.problem(`RFC ${list.rfc} has no §${section}`);
    else if (g.numbers !== undefined) {
      for (const number of g.numbers.split(', ')) this.cite(list.rfc, `§${section}${number}`);
    } else if (g.mark !== undefined && list.requirements.has(`§${section} ${marksOf(g.mark)[0]}`)) {
      for (const mark of marksOf(g.mark)) this.cite(list.rfc, `§${section} ${mark}`);
    } else {
      for (const each of sectionsBetween(section, g.upTo)) {
        this.citations.push({ rfc: list.rfc, id: null, section: each, file: this.file, line: this.line, isHead: this.isHead });
      }
    }
  }

  private rules(first: string, last: string): void {
    const list = this.list(this.rfc);
    const ids = [...list?.requirements.keys() ?? []].filter((id) => id.startsWith('('));
    // In other RFCs a number in parentheses is a step or an equation, and no requirement's name.
    if (ids.length === 0) return;
    if (!ids.includes(`(${first})`)) this.cite(list!.rfc, `(${first})`);
    for (const id of ids) if (id >= `(${first})` && id <= `(${last})`) this.cite(list!.rfc, id);
  }

  private cite(rfc: number, id: string): void {
    const requirement = this.list(rfc)!.requirements.get(id);
    if (requirement === undefined) this.problem(`RFC ${rfc} ${id} is not in docs/rfc/rfc${rfc}.md`);
    else {
      const { section } = requirement;
      this.citations.push({ rfc, id, section, file: this.file, line: this.line, isHead: this.isHead });
    }
  }

  private problem(what: string): void {
    this.problems.push({ file: this.file, line: this.line, what });
  }

  private list(rfc: number | null): RequirementList | null {
    return rfc === null ? null : this.lists.get(rfc) ?? null;
  }
}

/** `steps 2 to 4`, `steps 4 and 5`, `R1`. */
function marksOf(mark: string): string[] {
  const [, first, word, last = first] = /^steps? (\d+)(?: (and|to) (\d+))?$/.exec(mark) ?? [];
  if (first === undefined) return [mark];
  if (word === 'and') return [`step ${first}`, `step ${last}`];
  return Array.from({ length: Number(last) - Number(first) + 1 }, (_, i) => `step ${Number(first) + i}`);
}

/** `3.10.7.3–4` and `2–3`: the last number counts up. */
function sectionsBetween(first: string, last: string | undefined): string[] {
  if (last === undefined) return [first];
  const prefix = first.slice(0, first.lastIndexOf('.') + 1);
  const from = Number(first.slice(prefix.length));
  const to = Number(last.slice(last.lastIndexOf('.') + 1));
  return Array.from({ length: Math.max(1, to - from + 1) }, (_, i) => `${prefix}${from + i}`);
}
