// What `connect` and `listen` are given, in any of their forms, as options and a callback.

/** Options as programs give them: anything may be missing, or wrong. */
export type Options = Record<string, unknown>;

export type Normalized = [Options, ((...args: unknown[]) => void) | null];

/** Marks what has been normalized already, which then is not a list of arguments. */
const NORMALIZED = Symbol('normalized');

/** `(options)`, `(port, host)`, `(path)`, and a callback last; what else there is does not count here. */
export function normalize(args: readonly unknown[]): Normalized {
  const [first, second] = args;
  let options: Options = {};
  if (typeof first === 'object' && first !== null) options = first as Options;
  else if (isPath(first)) options.path = first;
  else if (args.length > 0) {
    options.port = first;
    if (typeof second === 'string') options.host = second;
  }
  const last = args.at(-1);
  const normalized: Normalized = [options, typeof last === 'function' ? last as Normalized[1] : null];
  return Object.assign(normalized, { [NORMALIZED]: true });
}

export const isNormalized = (value: unknown): value is Normalized => Array.isArray(value) && NORMALIZED in value;

/** A text that is no number is the path of a local socket. */
export const isPath = (value: unknown): value is string => typeof value === 'string' && numberOf(value) === false;

/** A number that is not negative, or false. */
export function numberOf(value: unknown): number | false {
  const number = Number(value);
  return number >= 0 ? number : false;
}
