// The characters of a packetdrill script: blanks and comments skipped, conditional parts cut out, words taken by pattern.

import { ScriptSyntaxError } from './ast.js';

/** Lines between `#ifdef NAME`, `#else` and `#endif` that are not for us become empty; so do all other lines with `#`. */
export function preprocess(text: string, defined: ReadonlySet<string>): string {
  const conditions: boolean[] = [];
  return text.split('\n').map((line) => {
    const directive = /^\s*#\s*(ifdef|ifndef|else|endif)\b\s*(\w*)/.exec(line);
    if (directive !== null) {
      const [, word, name] = directive;
      if (word === 'endif') conditions.pop();
      else if (word === 'else') conditions.push(conditions.pop() === false);
      else conditions.push(defined.has(name!) === (word === 'ifdef'));
      return '';
    }
    return conditions.includes(false) || /^\s*#/.test(line) ? '' : line;
  }).join('\n');
}

const BLANK = /(?:\s+|\/\/[^\n]*|\/\*[^]*?\*\/)+/y;

/** A place in the text that moves on as patterns match. Patterns are sticky (`/…/y`). */
export class Scanner {
  private at = 0;

  constructor(private readonly file: string, private readonly text: string) {}

  get isDone(): boolean {
    this.skip();
    return this.at === this.text.length;
  }

  /** Of what stands here, counted from 1. */
  get line(): number {
    this.skip();
    let line = 1;
    for (let i = this.text.indexOf('\n'); i >= 0 && i < this.at; i = this.text.indexOf('\n', i + 1)) line++;
    return line;
  }

  /** What `pattern` matches here, and go behind it; null: it does not, and stay. */
  take(pattern: RegExp): RegExpExecArray | null {
    const match = this.peek(pattern);
    if (match !== null) this.at += match[0].length;
    return match;
  }

  peek(pattern: RegExp): RegExpExecArray | null {
    this.skip();
    pattern.lastIndex = this.at;
    return pattern.exec(this.text);
  }

  expect(pattern: RegExp, what: string): RegExpExecArray {
    return this.take(pattern) ?? this.fail(`${what} expected`);
  }

  fail(what: string): never {
    const rest = this.text.slice(this.at, this.at + 40).split('\n')[0];
    throw new ScriptSyntaxError(this.file, this.line, `${what} at "${rest}"`);
  }

  private skip(): void {
    BLANK.lastIndex = this.at;
    const blank = BLANK.exec(this.text);
    if (blank !== null) this.at += blank[0].length;
  }
}
