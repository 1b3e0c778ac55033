// What a program takes from Node of time and chance, given by a network instead: timers ring by its clock, `Date` and
// `performance` read it, `Math.random` draws from its seed. Node's own modules in JavaScript see none of it, but the faces of
// this package go by the network anyway.

import { syncBuiltinESMExports } from 'node:module';
import timersModule from 'node:timers';
import timersPromises from 'node:timers/promises';
import { promisify } from 'node:util';

import { invalidValue } from '../../errors.js';
import { Fault } from '../fault.js';
import type { Network } from '../network.js';

export interface FakeTimersOptions {
  /** What `Date` says when the network's clock says 0. Default 2000-01-01, midnight, UTC. */
  readonly date?: Date | number;
}

type Callback = (...args: unknown[]) => void;

/** Node's own bounds: what is not within them is 1. */
const TIMEOUT_MAX_MS = 2 ** 31 - 1;
const delayOf = (ms: unknown): number => {
  const delay = Number(ms);
  return delay >= 1 && delay <= TIMEOUT_MAX_MS ? Math.trunc(delay) : 1;
};

/** One timer, as far as programs see Node's. */
class Timer {
  private cancel: (() => void) | null = null;
  private isReferenced = true;

  constructor(
    private readonly clock: Clock, readonly id: number, private readonly run: () => void, private readonly ms: number, private readonly repeats: boolean,
  ) {
    this.refresh();
  }

  refresh(): this {
    this.cancel?.();
    this.clock.timers.set(this.id, this);
    this.cancel = this.clock.network.after(this.ms, () => {
      if (this.repeats) this.refresh();
      else this.close();
      this.run();
    });
    return this;
  }

  close(): this {
    this.cancel?.();
    this.cancel = null;
    this.clock.timers.delete(this.id);
    return this;
  }

  ref(): this {
    this.isReferenced = true;
    return this;
  }

  unref(): this {
    this.isReferenced = false;
    return this;
  }

  hasRef(): boolean {
    return this.isReferenced;
  }

  [Symbol.toPrimitive](): number {
    return this.id;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

class Clock {
  readonly timers = new Map<number, Timer>();
  private made = 0;

  constructor(readonly network: Network) {}

  start(run: Callback, ms: number, repeats: boolean, args: readonly unknown[]): Timer {
    if (typeof run !== 'function') throw new TypeError(`The "callback" argument must be of type function. Received ${String(run)}`);
    // Timers that were before keep their numbers; those of Node's are far below.
    return new Timer(this, 2 ** 40 + ++this.made, () => run(...args), ms, repeats);
  }

  /** True: it was ours. */
  stop(timer: unknown): boolean {
    const found = timer instanceof Timer ? timer : this.timers.get(Number(timer));
    found?.close();
    return found !== undefined;
  }

  /** A promise that a timer keeps, and a signal breaks. */
  wait<T>(ms: number, value: T, signal?: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        timer.close();
        reject(new DOMException('The operation was aborted', { name: 'AbortError', cause: signal!.reason }));
      };
      const timer = this.start(() => {
        signal?.removeEventListener('abort', abort);
        resolve(value);
      }, ms, false, []);
      if (signal?.aborted === true) abort();
      else signal?.addEventListener('abort', abort, { once: true });
    });
  }
}

type Waiting = { readonly signal?: AbortSignal };

/** What stands in for `timers`, on the module and on the global object. */
function timerFunctions(clock: Clock): Record<string, unknown> {
  const real = { ...timersModule } as unknown as Record<string, (timer: unknown) => void>;
  const clearing = (name: string) => (timer: unknown): void => {
    if (!clock.stop(timer)) real[name]!(timer);
  };
  const setTimeout = (run: Callback, ms?: number, ...args: unknown[]): Timer => clock.start(run, delayOf(ms), false, args);
  const setImmediate = (run: Callback, ...args: unknown[]): Timer => clock.start(run, 0, false, args);
  Object.defineProperty(setTimeout, promisify.custom, { value: (ms?: number, value?: unknown) => clock.wait(delayOf(ms), value) });
  Object.defineProperty(setImmediate, promisify.custom, { value: (value?: unknown) => clock.wait(0, value) });
  return {
    setTimeout,
    setImmediate,
    setInterval: (run: Callback, ms?: number, ...args: unknown[]): Timer => clock.start(run, delayOf(ms), true, args),
    clearTimeout: clearing('clearTimeout'),
    clearInterval: clearing('clearInterval'),
    clearImmediate: clearing('clearImmediate'),
  };
}

function promiseFunctions(clock: Clock): Record<string, unknown> {
  const wait = (ms?: number, value?: unknown, { signal }: Waiting = {}): Promise<unknown> => clock.wait(delayOf(ms), value, signal);
  const immediate = (value?: unknown, { signal }: Waiting = {}): Promise<unknown> => clock.wait(0, value, signal);
  return {
    setTimeout: wait,
    setImmediate: immediate,
    async* setInterval(ms?: number, value?: unknown, options: Waiting = {}): AsyncIterableIterator<unknown> {
      for (;;) yield wait(ms, value, options);
    },
    scheduler: { wait: (ms: number, options?: Waiting) => wait(ms, undefined, options), yield: () => immediate() },
  };
}

function dateOf(now: () => number): typeof Date {
  const real = Date;
  return new Proxy(real, {
    construct: (target, args, newTarget) => Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget) as object,
    apply: () => new real(now()).toString(),
    get: (target, key) => (key === 'now' ? () => Math.floor(now()) : Reflect.get(target, key) as unknown),
  });
}

/**
 * From now on until it is undone, what the program takes of time and chance is the network's: `setTimeout`, `setInterval`,
 * `setImmediate` and what clears them, on the global object and in `node:timers`, `node:timers/promises`, `AbortSignal.timeout`,
 * `Date`, `performance.now`, `process.hrtime`, `Math.random`. Timers that are still armed at the end never ring.
 * @throws TypeError ERR_INVALID_ARG_VALUE: the network's time is not virtual
 * @example using timers = fakeTimers(net)
 */
export function fakeTimers(network: Network, { date = Date.UTC(2000, 0) }: FakeTimersOptions = {}): Fault {
  if (!network.isVirtual) throw invalidValue('network', 'must have a virtual clock', network.seed);
  const clock = new Clock(network);
  const epoch = Number(date);
  const now = (): number => network.present();
  const functions = timerFunctions(clock);
  const hrtime = (before: readonly [number, number] = [0, 0]): [number, number] => {
    const ns = BigInt(Math.round(now() * 1e6)) - BigInt(before[0]) * 1_000_000_000n - BigInt(before[1]);
    return [Number(ns / 1_000_000_000n), Number(ns % 1_000_000_000n)];
  };
  const timeout = (ms: number): AbortSignal => {
    const controller = new AbortController();
    clock.start(() => controller.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError')), delayOf(ms), false, []);
    return controller.signal;
  };
  const undo = [
    put(globalThis, { ...functions, Date: dateOf(() => epoch + now()) }),
    put(timersModule, functions),
    put(timersPromises, promiseFunctions(clock)),
    put(performance, { now }),
    put(process, { hrtime: Object.assign(hrtime, { bigint: () => BigInt(Math.round(now() * 1e6)) }) }),
    put(AbortSignal, { timeout }),
    put(Math, { random: network.chance }),
  ];
  syncBuiltinESMExports();
  return new Fault('timers are the network’s', () => {
    for (const each of undo.reverse()) each();
    syncBuiltinESMExports();
    for (const timer of [...clock.timers.values()]) timer.close();
  });
}

/** Puts these in place of what `target` has under their names. @returns what puts it back */
function put(target: object, values: Record<string, unknown>): () => void {
  const before = Object.keys(values).map((name) => [name, Object.getOwnPropertyDescriptor(target, name)] as const);
  for (const [name, value] of Object.entries(values)) Object.defineProperty(target, name, { value, writable: true, configurable: true, enumerable: true });
  return () => {
    for (const [name, descriptor] of before) {
      if (descriptor === undefined) Reflect.deleteProperty(target, name);
      else Object.defineProperty(target, name, descriptor);
    }
  };
}
