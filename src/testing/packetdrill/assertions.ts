// The lines of Python in a script, as far as scripts go: assertions over numbers, with `and`, `or`, `not`, comparisons,
// arithmetic, abs, min, max. What a failing assertion would print is not looked at.

/** What the names in the code stand for. */
export type Variables = ReadonlyMap<string, number>;

export class UnknownCode extends Error {}

/**
 * Run them.
 * @returns the assertion that fails, with the values of its names; null: none
 * @throws UnknownCode for what is not understood
 */
export function runAssertions(code: string, variables: Variables): string | null {
  const known = new Map(variables);
  for (const statement of statements(code)) {
    const assignment = /^([A-Za-z_]\w*)\s*=(?!=)\s*([^]+)$/.exec(statement);
    if (/^(import|print|pass)\b/.test(statement)) continue;
    if (assignment !== null) {
      known.set(assignment[1]!, new Evaluator(assignment[2]!, known).whole());
      continue;
    }
    if (!/^assert\b/.test(statement)) throw new UnknownCode(`Python: ${statement}`);
    const failed = check(statement, known);
    if (failed !== null) return failed;
  }
  return null;
}

/** Is it all understood? */
export function understands(code: string, names: ReadonlySet<string>): void {
  runAssertions(code, new Map([...names].map((name) => [name, Number.NaN])));
}

function check(statement: string, known: Variables): string | null {
  const evaluator = new Evaluator(statement.slice('assert'.length), known);
  const value = evaluator.first();
  // NaN: a name without a value, when only the form is looked at.
  if (value !== 0) return null;
  const values = [...evaluator.used].filter((name) => /^[a-z]/.test(name)).map((name) => `${name} = ${known.get(name)}`);
  return `${statement.replace(/\s+/g, ' ')}: ${values.join(', ')}`;
}

/** A bracket that is open, a comma or an operator at the end, and a backslash go on in the next line. */
function statements(code: string): string[] {
  const out: string[] = [];
  let open = '';
  for (const raw of code.split('\n')) {
    const line = raw.replace(/\s#.*$|^#.*$/, '').trim();
    if (line === '') continue;
    open += `${open === '' ? '' : ' '}${line.replace(/\\$/, '')}`;
    const depth = (open.match(/[([]/g) ?? []).length - (open.match(/[)\]]/g) ?? []).length;
    if (depth > 0 || line.endsWith('\\') || /(,|\band|\bor)$/.test(line)) continue;
    out.push(...open.split(';').map((each) => each.trim()).filter((each) => each !== ''));
    open = '';
  }
  return open === '' ? out : [...out, open];
}

const TOKEN = /\s*(0x[\da-fA-F]+|\d+\.?\d*(?:e\d+)?|[A-Za-z_]\w*|\*\*|\/\/|<<|>>|[=!<>]=|[-+*/%<>()&|^,]|"[^"]*"|'[^']*')/y;

const truth = (value: boolean): number => (value ? 1 : 0);

/** Precedence climbing over the tokens of one expression. */
class Evaluator {
  readonly used = new Set<string>();
  private readonly tokens: string[] = [];
  private at = 0;

  constructor(private readonly text: string, private readonly known: Variables) {
    TOKEN.lastIndex = 0;
    let from = 0;
    for (let m = TOKEN.exec(text); m !== null; m = TOKEN.exec(text)) {
      this.tokens.push(m[1]!);
      from = TOKEN.lastIndex;
    }
    if (text.slice(from).trim() !== '') this.unknown();
  }

  /** The expression in front of a comma, or all. */
  first(): number {
    const value = this.or();
    if (this.at < this.tokens.length && this.tokens[this.at] !== ',') this.unknown();
    return value;
  }

  whole(): number {
    const value = this.or();
    if (this.at < this.tokens.length) this.unknown();
    return value;
  }

  private unknown(): never {
    throw new UnknownCode(`Python: ${this.text.trim()}`);
  }

  private take(...tokens: string[]): string | null {
    const token = this.tokens[this.at];
    if (token === undefined || !tokens.includes(token)) return null;
    this.at++;
    return token;
  }

  private or(): number {
    let value = this.and();
    while (this.take('or') !== null) value = truth([value, this.and()].some((each) => each !== 0));
    return value;
  }

  private and(): number {
    let value = this.not();
    while (this.take('and') !== null) value = truth([value, this.not()].every((each) => each !== 0));
    return value;
  }

  private not(): number {
    return this.take('not') === null ? this.comparison() : truth(this.not() === 0);
  }

  /** a < b < c is a < b and b < c. */
  private comparison(): number {
    let left = this.binary(0);
    let [result, compared] = [true, false];
    for (let op = this.take(...COMPARISONS.keys()); op !== null; op = this.take(...COMPARISONS.keys())) {
      const right = this.binary(0);
      result &&= Number.isNaN(left) || Number.isNaN(right) || COMPARISONS.get(op)!(left, right);
      left = right;
      compared = true;
    }
    return compared ? truth(result) : left;
  }

  private binary(level: number): number {
    const operators = OPERATORS[level];
    if (operators === undefined) return this.unary();
    let left = this.binary(level + 1);
    for (let op = this.take(...operators.keys()); op !== null; op = this.take(...operators.keys())) {
      left = operators.get(op)!(left, this.binary(level + 1));
    }
    return left;
  }

  private unary(): number {
    if (this.take('-') !== null) return -this.unary();
    if (this.take('(') !== null) {
      const value = this.or();
      if (this.take(')') === null) this.unknown();
      return value;
    }
    const token = this.tokens[this.at++] ?? this.unknown();
    if (/^\d/.test(token)) return Number(token);
    if (!/^\w/.test(token)) this.unknown();
    if (this.take('(') !== null) return this.call(token);
    this.used.add(token);
    return this.known.get(token) ?? this.unknown();
  }

  private call(name: string): number {
    const args = [this.or()];
    while (this.take(',') !== null) args.push(this.or());
    if (this.take(')') === null) this.unknown();
    return (FUNCTIONS.get(name) ?? this.unknown())(...args);
  }
}

const COMPARISONS = new Map<string, (a: number, b: number) => boolean>([
  ['==', (a, b) => a === b], ['!=', (a, b) => a !== b], ['<', (a, b) => a < b], ['<=', (a, b) => a <= b],
  ['>', (a, b) => a > b], ['>=', (a, b) => a >= b],
]);

/** From the loosest to the tightest. */
const OPERATORS: readonly ReadonlyMap<string, (a: number, b: number) => number>[] = [
  new Map([['|', (a, b) => a | b], ['^', (a, b) => a ^ b]]),
  new Map([['&', (a, b) => a & b]]),
  new Map([['<<', (a, b) => a * 2 ** b], ['>>', (a, b) => Math.floor(a / 2 ** b)]]),
  new Map([['+', (a, b) => a + b], ['-', (a, b) => a - b]]),
  new Map([['*', (a, b) => a * b], ['/', (a, b) => a / b], ['//', (a, b) => Math.floor(a / b)], ['%', (a, b) => a % b]]),
  new Map([['**', (a, b) => a ** b]]),
];

const FUNCTIONS = new Map<string, (...args: number[]) => number>([
  ['abs', Math.abs], ['min', Math.min], ['max', Math.max], ['int', Math.trunc], ['round', Math.round],
]);
