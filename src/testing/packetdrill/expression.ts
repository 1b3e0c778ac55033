// What stands in a system call: numbers, words, strings, flags joined by `|`, lists and C's structs.

import type { Expression, Field } from './ast.js';
import type { Scanner } from './lexer.js';

export function expression(s: Scanner): Expression {
  const terms = [term(s)];
  while (s.take(/\|(?!\|)/y) !== null) terms.push(term(s));
  return terms.length === 1 ? terms[0]! : { kind: 'or', terms };
}

function term(s: Scanner): Expression {
  if (s.take(/\.\.\./y) !== null) return { kind: 'ellipsis' };
  const number = s.take(/0x[\da-fA-F]+|-?\d+(?:\.\d+)?/y);
  if (number !== null) return { kind: 'number', value: Number(number[0]), hex: number[0].startsWith('0x') };
  if (s.take(/\[/y) !== null) return { kind: 'list', items: until(s, /\]/y, expression) };
  if (s.take(/\{/y) !== null) return { kind: 'struct', fields: until(s, /\}/y, field) };
  if (s.peek(/"/y) !== null) return string(s);
  const word = s.expect(/[A-Za-z_]\w*/y, 'a value')[0];
  return s.take(/\(/y) === null ? { kind: 'word', word } : { kind: 'call', name: word, args: until(s, /\)/y, expression) };
}

function until<T>(s: Scanner, close: RegExp, item: (s: Scanner) => T): T[] {
  const items: T[] = [];
  while (s.take(close) === null) {
    items.push(item(s));
    if (s.peek(close) === null) s.expect(/,/y, '","');
  }
  return items;
}

function field(s: Scanner): Field {
  const named = s.take(/([A-Za-z_]\w*)\s*(?=(?:\(\s*(?:\.\.\.|\d+)\s*\))?\s*=)/y);
  if (named === null) return { name: null, size: null, value: expression(s) };
  let size: Expression | null = null;
  if (s.take(/\(/y) !== null) {
    size = expression(s);
    s.expect(/\)/y, '")"');
  }
  s.expect(/=/y, '"="');
  return { name: named[1]!, size, value: expression(s) };
}

/** Strings that follow each other are one. */
function string(s: Scanner): Expression {
  let text = '';
  for (let m = s.take(STRING); m !== null; m = s.take(STRING)) text += m[1]!.replace(/\\(x[\da-fA-F]{2}|[^])/g, (_, c: string) => unescaped(c));
  return { kind: 'string', text, open: s.take(/\.\.\./y) !== null };
}

const STRING = /"((?:\\[^]|[^"\\])*)"/y;

const unescaped = (c: string): string =>
  c.startsWith('x') ? String.fromCharCode(Number.parseInt(c.slice(1), 16)) : ({ n: '\n', t: '\t', r: '\r', 0: '\0' })[c] ?? c;
