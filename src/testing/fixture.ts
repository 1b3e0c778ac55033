// A network for each test, whatever runs the tests: a seed of its own, a look at what is left at the end, and, when it fails,
// what is needed to see why and to have it again.

import { invalidValue } from '../errors.js';
import type { Duration } from './duration.js';
import type { Fault } from './fault.js';
import { createNetwork, type Network, type NetworkOptions } from './network.js';
import { type Check, checkOf, replay, replayLine } from './replay.js';

export interface FixtureOptions extends NetworkOptions {
  /** What becomes of a test that leaves sockets open or frames under way. Default `error`. */
  readonly leaks?: 'error' | 'ignore';
  /** Time that passes at the end, so that what is closed can close. Default 5 min: TIME-WAIT is over. */
  readonly rest?: Duration;
  /**
   * Whose the timers, the date and the dice of the program under test are: `real`, or `virtual`, the network's, while the test
   * runs (`fakeTimers` of wallsocket/testing/node). Default `real`.
   */
  readonly program?: 'real' | 'virtual';
}

/** What a test runner's platform adds. */
export interface Surroundings {
  /** As somebody gave it: WALLSOCKET_SEED, a number or a line for `replay`. */
  readonly seed?: string | undefined;
  /** How a test is run again, with that in its place. */
  readonly again?: (seed: string) => string;
  /** Keeps something that a failure leaves; returns where. */
  readonly save?: (name: string, content: Uint8Array | string) => string;
  /** Has the program's timers go by the network. */
  readonly fakeTimers?: (net: Network) => Fault;
  /** Every test runs twice from one seed, and has to send the same frames. */
  readonly twice?: boolean;
}

/**
 * A test's body with a network of its own: hand the result to `node:test`, jest, or whatever calls functions.
 * @example test('reconnects', networkTest(async (net) => { … }))
 */
export function networkTest(
  body: (net: Network) => Promise<void> | void, options: FixtureOptions = {}, surroundings: Surroundings = {},
): () => Promise<void> {
  const run = async (first: Run | null): Promise<Run> => {
    const net = networkFor(first === null ? options : { ...options, seed: first.seed }, surroundings);
    using _timers = timersFor(net, options, surroundings);
    try {
      await body(net);
      await restOf(net, options);
      if (first !== null) checkSame(first, net);
      return runOf(net);
    } catch (error) {
      throw explained(error, net, surroundings);
    } finally {
      net.close();
    }
  };
  return async () => {
    const first = await run(null);
    if (surroundings.twice === true) await run(first);
  };
}

/** What a network sent in one run. */
export interface Run {
  readonly seed: number;
  readonly hash: string;
  /** The frames that are remembered, line by line. */
  readonly frames: readonly string[];
}

export const runOf = (net: Network): Run => ({ seed: net.seed, hash: net.traceHash, frames: net.trace.text().split('\n') });

/** @throws Error: another run of the same seed sent other frames, and which was the first. Time that is not ours may differ. */
export function checkSame(first: Run, net: Network): void {
  if (!net.isVirtual || first.hash === net.traceHash) return;
  const { hash, frames } = runOf(net);
  const at = first.frames.findIndex((line, i) => line !== frames[i]);
  const [was, is] = [first.frames, frames].map((all) => all[at < 0 ? first.frames.length : at] ?? 'nothing');
  throw new Error(`the same seed, ${net.seed}, sent other frames: trace hash ${first.hash}, then ${hash}\nfirst: ${was}\nthen:  ${is}`);
}

/** The seed that was asked for, or one that nobody had before. @throws Error: the one asked for is none */
export function networkFor(options: FixtureOptions, { seed: given }: Surroundings): Network {
  if (options.seed !== undefined) return createNetwork(options);
  return createNetwork({ ...options, ...(given === undefined ? { seed: freshSeed() } : seedOf(given)) });
}

/** Who fakes the program's timers, if that was asked for. @throws TypeError: nobody here can */
export function timersFor(net: Network, { program = 'real' }: FixtureOptions, { fakeTimers }: Surroundings): Fault | null {
  if (program === 'real') return null;
  if (fakeTimers === undefined) throw invalidValue('program', 'is real where no platform fakes its timers', program);
  return fakeTimers(net);
}

/** The end of a test: what was harmed is mended, what was closed closes. @throws Error: something is left */
export async function restOf(net: Network, { leaks = 'error', rest = 300_000, program }: FixtureOptions): Promise<void> {
  net.repair();
  if (net.isVirtual) await net.runUntilIdle({ ceiling: rest });
  else await net.settle();
  const left = net.leaks();
  // Those of a program go with it: Node's, too, need not be called off.
  if (program !== 'virtual' && net.planned > 0) left.push(`${net.planned} timers of after or sleep`);
  if (leaks === 'error' && left.length > 0) throw new Error(`left behind by the test: ${left.join('; ')}`);
}

/** `error`, with what helps behind its message. */
export function explained(error: unknown, net: Network, surroundings: Surroundings): unknown {
  const report = failureReport(net, surroundings, checkOf(error instanceof Error ? error.message : String(error)));
  if (!(error instanceof Error)) return new Error(`${String(error)}\n\n${report}`, { cause: error });
  error.message += `\n\n${report}`;
  return error;
}

/**
 * What a failure leaves: how to have it again, where the capture and the diagram are, the last frames, the sockets.
 * @param check  what fast-check said, if the failure is one of its
 */
export function failureReport(net: Network, { again, save }: Surroundings, check: Check | null = null): string {
  const seed = check === null ? String(net.seed) : replayLine(net.seed, check);
  const lines = [
    `seed ${net.seed}, ${net.log.count} frames until ${net.now} ms, trace hash ${net.traceHash}`,
    `again: ${again?.(seed) ?? `WALLSOCKET_SEED=${seed}`}`,
    `or in the test: replay('${replayLine(net.seed, check)}')`,
  ];
  if (save !== undefined) {
    lines.push(`capture: ${save('pcapng', net.trace.pcapng())}`, `diagram: ${save('mmd', net.trace.diagram())}`, `trace: ${save('txt', net.trace.text())}`);
  }
  lines.push('', 'last frames:', net.trace.text({ last: 12 }), '', net.trace.diagram({ last: 12 }), '', 'sockets:', net.trace.sockets());
  return lines.join('\n');
}

const freshSeed = (): number => crypto.getRandomValues(new Uint32Array(1))[0]!;

function seedOf(text: string): { readonly seed: number; readonly check?: Check } {
  if (/^v\d+:/.test(text)) return replay(text);
  const seed = Number(text);
  if (!Number.isInteger(seed)) throw new Error(`WALLSOCKET_SEED must be an integer, or a line for replay, not ${text}`);
  return { seed: seed >>> 0 };
}
