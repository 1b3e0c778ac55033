// How what is generated grows smaller when a test fails: whole frames go first, then options, then payload, and only then
// do fields turn to what a polite peer would say. So the first field that somebody reads in a report is one that matters.

import fc from 'fast-check';

/** What `smaller` makes of numbers, texts and truths that a polite peer would have said, by the `kind` of their record. */
export type Manners = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

type Path = readonly (string | number)[];
interface Place {
  readonly path: Path;
  readonly value: unknown;
  /** The record that it stands in. */
  readonly owner: Readonly<Record<string, unknown>>;
}

/** The order of stages: no stage has a turn while an earlier one has anything to offer that still fails. */
const STAGES = [isList, isBytes, isField];

/**
 * Everything that is one step smaller than `value`, a tree of plain records: first with frames missing (when it is a list of
 * them), then options (any list inside), then payload (any bytes), then fields.
 */
export function* smaller<T>(value: T, manners: Manners): Generator<T> {
  if (Array.isArray(value)) for (const less of shorter(value)) yield less as T;
  for (const isOfStage of STAGES) {
    for (const place of places(value, [], {})) {
      if (place.path.length === 0 || !isOfStage(place.value)) continue;
      // The frames themselves had their turn.
      if (Array.isArray(value) && place.path.length === 1) continue;
      for (const less of lesser(place, manners)) yield replaced(value, place.path, less) as T;
    }
  }
}

function isList(value: unknown): boolean {
  return Array.isArray(value);
}

function isBytes(value: unknown): boolean {
  return value instanceof Uint8Array;
}

function isField(value: unknown): boolean {
  return typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean';
}

function* places(value: unknown, path: Path, owner: Place['owner']): Generator<Place> {
  yield { path, value, owner };
  if (value instanceof Uint8Array) return;
  if (Array.isArray(value)) {
    for (const [i, each] of (value as readonly unknown[]).entries()) yield* places(each, [...path, i], owner);
  } else if (typeof value === 'object' && value !== null) {
    const record = value as Record<string, unknown>;
    for (const [key, each] of Object.entries(record)) if (key !== 'kind') yield* places(each, [...path, key], record);
  }
}

function* lesser({ path, value, owner }: Place, manners: Manners): Generator<unknown> {
  if (Array.isArray(value)) yield* shorter(value);
  else if (value instanceof Uint8Array) yield* shorterBytes(value);
  else {
    const polite = manners[String(owner['kind'])]?.[String(path[path.length - 1])];
    const target = polite ?? (typeof value === 'number' ? 0 : typeof value === 'boolean' ? false : value);
    if (target === value) return;
    yield target;
    if (typeof value !== 'number' || typeof target !== 'number') return;
    const middle = target + Math.trunc((value - target) / 2);
    if (middle !== target) yield middle;
    const next = value - Math.sign(value - target);
    if (next !== middle && next !== target) yield next;
  }
}

/** Nothing, one half or the other, all but one. */
function* shorter(list: readonly unknown[]): Generator<readonly unknown[]> {
  if (list.length === 0) return;
  yield [];
  for (let size = list.length >> 1; size > 0; size >>= 1) {
    for (let at = 0; at < list.length; at += size) yield [...list.slice(0, at), ...list.slice(at + size)];
  }
}

function* shorterBytes(bytes: Uint8Array): Generator<Uint8Array> {
  if (bytes.length === 0) return;
  yield new Uint8Array(0);
  if (bytes.length > 1) yield bytes.slice(0, bytes.length >> 1);
  if (bytes.length > 2) yield bytes.slice(0, bytes.length - 1);
  if (bytes.some((byte) => byte !== 0)) yield new Uint8Array(bytes.length);
}

function replaced(value: unknown, path: Path, by: unknown): unknown {
  if (path.length === 0) return by;
  const [key, ...rest] = path;
  if (Array.isArray(value)) return (value as readonly unknown[]).map((each, i) => (i === key ? replaced(each, rest, by) : each));
  const record = value as Record<string, unknown>;
  return { ...record, [key!]: replaced(record[key!], rest, by) };
}

/** What `base` generates, shrunk by `less` and by nothing else. */
class Shrinking<T> extends fc.Arbitrary<T> {
  constructor(private readonly base: fc.Arbitrary<T>, private readonly less: (value: T) => Iterable<T>) {
    super();
  }

  generate(random: fc.Random, bias: number | undefined): fc.Value<T> {
    return new fc.Value(this.base.generate(random, bias).value, undefined);
  }

  canShrinkWithoutContext(value: unknown): value is T {
    return true;
  }

  shrink(value: T): fc.Stream<fc.Value<T>> {
    const { less } = this;
    return fc.stream((function* () {
      for (const each of less(value)) yield new fc.Value(each, undefined);
    })());
  }
}

/** `base`, shrunk in the order of this file. */
export const inOrder = <T>(base: fc.Arbitrary<T>, manners: Manners, isSound: (value: T) => boolean = () => true): fc.Arbitrary<T> =>
  new Shrinking(base, function* (value) {
    for (const each of smaller(value, manners)) if (isSound(each)) yield each;
  });
