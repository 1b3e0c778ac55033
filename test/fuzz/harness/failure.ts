// What a target throws when the stack is at fault.

export class Finding extends Error {
  override readonly name = 'Finding';
}

export function ensure(condition: boolean, what: string | (() => string)): asserts condition {
  if (!condition) throw new Finding(typeof what === 'string' ? what : what());
}

/** `actual` must be what the oracle says. Compared as JSON, with bigints as texts. */
export function same(actual: unknown, expected: unknown, what: string): void {
  const [a, b] = [text(actual), text(expected)];
  if (a !== b) throw new Finding(`${what}: ${a}, not ${b}`);
}

const text = (value: unknown): string => JSON.stringify(value, (_, each: unknown) => (typeof each === 'bigint' ? `${each}n` : each)) ?? 'undefined';
