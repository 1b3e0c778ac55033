// `wallsocket/vitest`: vitest's `test` with a network for each test, and matchers for what it sent.

import { beforeAll, expect, type RunnerTestSuite, test as base } from 'vitest';

import type { Duration } from './testing/duration.js';
import { checkSame, failureReport, type FixtureOptions, networkFor, restOf, type Run, runOf, timersFor } from './testing/fixture.js';
import type { Network } from './testing/network.js';
import { isTwice, quoted, surroundingsOf } from './testing/node/surroundings.js';
import { checkOf } from './testing/replay.js';
import { isWanted, parseSegments, segmentText, sentSegments, traceDifference } from './testing/segment-notation.js';

export type { FixtureOptions } from './testing/fixture.js';
export type { Network } from './testing/network.js';
export { replay } from './testing/replay.js';
export { expect } from 'vitest';

/**
 * `test('…', async ({ net }) => { … })`: a fresh network for each test. Its seed is WALLSOCKET_SEED, or a new one, which is
 * printed when the test fails, with the way to have it again and where capture and diagram are. A test that leaves sockets
 * open fails, and so does one that is repeated (vitest's `repeats`, or WALLSOCKET_TWICE for all) and sends other frames from the
 * same seed. `test.override('netOptions', { … })` changes the network of all tests that follow in its suite.
 */
export const test = base.extend<{ netOptions: FixtureOptions; net: Network }>({
  netOptions: [{}, { injected: false }],
  net: async ({ netOptions, task }, use) => {
    const around = surroundingsOf(task.name, `npx vitest run ${quoted(task.file.name)} -t ${quoted(escaped(task.name))}`);
    const first = firstRuns.get(task.id);
    const net = networkFor(first === undefined ? netOptions : { ...netOptions, seed: first.seed }, around);
    using _timers = timersFor(net, netOptions, around);
    try {
      await use(net);
      const hasFailed = task.result?.state === 'fail';
      if (hasFailed) {
        tell(net, around, task.result?.errors?.[0]?.message);
        return;
      }
      try {
        await restOf(net, netOptions);
        if (first !== undefined) checkSame(first, net);
      } catch (error) {
        tell(net, around);
        throw error;
      }
      if ((task.repeats ?? 0) > 0) firstRuns.set(task.id, runOf(net));
    } finally {
      net.close();
    }
  },
});

/** Of tests that are repeated. */
const firstRuns = new Map<string, Run>();

/** For `-t`, which takes a regular expression. */
const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');

// vitest reads the pattern, and wants one, whatever it has of it.
// eslint-disable-next-line no-empty-pattern
if (isTwice()) beforeAll(({}, suite) => repeatAll(suite));

/** Every test of the file, or of the suite, once more. */
function repeatAll(suite: Pick<RunnerTestSuite, 'tasks'>): void {
  for (const task of suite.tasks) {
    if (task.type === 'suite') repeatAll(task);
    else task.repeats = Math.max(1, task.repeats ?? 0);
  }
}

const tell = (net: Network, around: ReturnType<typeof surroundingsOf>, message = ''): void =>
  console.error(failureReport(net, around, checkOf(message)));

interface Verdict {
  readonly pass: boolean;
  readonly message: () => string;
}

const all = (net: Network): string => sentSegments(net).map((sent) => `${(sent.frame.time / 1000).toFixed(3)} ${segmentText(sent)}`).join('\n');

expect.extend({
  toHaveSent(net: Network, line: string): Verdict {
    const [want] = parseSegments(line);
    const pass = want !== undefined && sentSegments(net).some((got) => isWanted(want, got));
    return { pass, message: () => `${pass ? 'it was' : 'it was not'} sent: ${line}\nsent was:\n${all(net)}` };
  },
  toMatchTrace(net: Network, lines: string): Verdict {
    const wrong = traceDifference(parseSegments(lines), sentSegments(net));
    return { pass: wrong === null, message: () => `${wrong ?? 'it is just that'}\nsent was:\n${all(net)}` };
  },
  async toConverge(net: Network, isDone: () => unknown, options: { readonly max?: Duration } = {}): Promise<Verdict> {
    try {
      await net.runUntil(isDone, options);
      return { pass: true, message: () => `it came to that at ${net.now} ms` };
    } catch (error) {
      return { pass: false, message: () => (error as Error).message };
    }
  },
  toBeQuiescent(net: Network): Verdict {
    const left = net.leaks();
    const pass = left.length === 0 && net.nextTimeout() === Number.POSITIVE_INFINITY;
    return { pass, message: () => (pass ? 'nothing is left' : `left: ${[...left, net.diagnosis()].join('; ')}`) };
  },
});

/** What the matchers are to TypeScript. */
export interface NetworkMatchers<R = unknown> {
  /** Some TCP segment of it is as the line says, in packetdrill's notation: `a > S. 0:0(0) ack 1 <mss 1460,...>`. */
  toHaveSent(line: string): R;
  /** Its TCP segments are these, in this order; a line of `...` stands for any. */
  toMatchTrace(lines: string): R;
  /** Time passes until `isDone`, `max` at most. */
  toConverge(isDone: () => unknown, options?: { readonly max?: Duration }): Promise<R>;
  /** Nothing is open, under way, or will ever happen. */
  toBeQuiescent(): R;
}

declare module 'vitest' {
  // vitest's own words, which a declaration that is merged with it must repeat.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any, @typescript-eslint/no-empty-object-type
  interface Matchers<T = any> extends NetworkMatchers<T> {}
}
