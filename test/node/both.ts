// One scenario, played on Node's own module and on ours, must look the same from outside: the oracle is Node.

import realNet from 'node:net';
import { expect, test } from 'vitest';

import { drive } from '../../src/driver.js';
import { createNet } from '../../src/socket-api/node/net.js';
import { Stack } from '../../src/stack.js';

export type Net = typeof realNet;

const stack = new Stack();
const driver = drive(stack);
driver.unref();

/** Node's module on a stack that knows nobody but itself. */
export const ourNet: Net = createNet({ stack, driver });

/** What `observe` saw on one and on the other is equal; and it saw something. */
export function same(title: string, observe: (net: Net) => unknown): void {
  test(title, async () => {
    const [theirs, ours] = [await observe(realNet), await observe(ourNet)];
    expect(ours).toEqual(theirs);
    expect(theirs).not.toEqual(Array.isArray(theirs) ? [] : undefined);
  });
}

/** An event, as a promise; 'error' does not reject. */
export const event = (emitter: NodeJS.EventEmitter, name: string): Promise<unknown> =>
  new Promise((resolve) => emitter.once(name, resolve));

/** Everything of an error that a program can act on, in order; ports that were chosen for us have names. */
export function fields(error: unknown, ports: Record<number, string> = {}): unknown {
  const named = (text: string): string => Object.entries(ports).reduce((t, [port, name]) => t.replaceAll(`:${port}`, `:${name}`), text);
  const e = error as Error & Record<string, unknown>;
  if (!(e instanceof Error)) return e;
  const own = Object.entries(e).filter(([key]) => !['stack', 'errors'].includes(key))
    .map(([key, value]) => [key, typeof value === 'number' && value in ports ? ports[value] : value]);
  return {
    type: e.constructor.name, name: e.name, message: named(e.message), text: named(String(e)),
    firstLine: firstLine(named(e.stack!.split('\n')[0]!)), own,
    ...(e instanceof AggregateError && { errors: e.errors.map((each) => fields(each, ports)) }),
  };
}

/** A test runner that rewrites stacks makes Node's errors lose the code there: then only `text` and `code` are compared. */
const firstLine = (line: string): string => (STACKS_HAVE_CODES ? line : '');

const STACKS_HAVE_CODES = ((): boolean => {
  try {
    realNet.createServer('x' as never);
  } catch (error) {
    return (error as Error).stack!.split('\n')[0]!.includes('[');
  }
  throw new Error('Node takes anything for options');
})();

/** What `run` throws. */
export function thrown(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return fields(error);
  }
  return 'nothing';
}

/** The events of an emitter, as they come. */
export function note(emitter: NodeJS.EventEmitter, who: string, names: readonly string[], into: unknown[]): void {
  for (const name of names) emitter.on(name, (...args) => into.push([who, name, ...args.map(shown)]));
}

const shown = (value: unknown): unknown => (value instanceof Error ? fields(value) : value instanceof Uint8Array ? String(value as Buffer) : value);

export const SOCKET_EVENTS = ['connect', 'ready', 'data', 'end', 'finish', 'error', 'close', 'timeout', 'lookup'] as const;
