// A failure in one line, to have it again: `replay('v1:4711')`, or `replay('v1:4711,-52,0:3,AAB:C')` where fast-check drew what
// failed. It needs its seed, the path to the smallest case, and for commands a path of theirs: with less it is another case.

/** What fast-check's `assert` is told, and `commands`. */
export interface Check {
  readonly seed: number;
  readonly path?: string;
  readonly endOnFailure?: boolean;
  readonly replayPath?: string;
}

export interface Replay {
  /** The network's. */
  readonly seed: number;
  /** For `fc.assert(property, net.check)`; and for `fc.commands(…, net.check)`. */
  readonly check: Check;
}

const VERSION = 'v1:';

/**
 * What a failure printed, as options: of a network, of a fixture.
 * @throws SyntaxError: it is no such line
 * @example test.override('netOptions', replay('v1:4711,-52,0:3'))
 */
export function replay(line: string): Replay {
  const [network, drawn, path, replayPath] = line.startsWith(VERSION) ? line.slice(VERSION.length).split(',') : [];
  const seed = numberOf(network, line);
  if (drawn === undefined) return { seed, check: { seed } };
  const check = { seed: numberOf(drawn, line), ...(path && { path, endOnFailure: true }), ...(replayPath && { replayPath }) };
  return { seed, check };
}

/** The line, for `replay`. */
export function replayLine(seed: number, check: Check | null = null): string {
  const parts = check === null ? [seed] : [seed, check.seed, check.path ?? '', check.replayPath ?? ''];
  return VERSION + parts.join(',').replace(/,+$/, '');
}

/** What fast-check says in a failure that it must be told to have it again; null: it was not fast-check. */
export function checkOf(message: string): Check | null {
  const found = /\{ seed: (-?\d+), path: "([\d:]*)", endOnFailure: true \}/.exec(message);
  if (found === null) return null;
  const replayPath = /replayPath="([^"]*)"/.exec(message)?.[1];
  return { seed: Number(found[1]), path: found[2]!, endOnFailure: true, ...(replayPath !== undefined && { replayPath }) };
}

function numberOf(text: string | undefined, line: string): number {
  if (text === undefined || !/^-?\d+$/.test(text)) throw new SyntaxError(`replay: cannot read "${line}"`);
  return Number(text);
}
