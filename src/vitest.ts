// `wallsocket/vitest`: vitest's `test` with a network for each test, and matchers for what it sent.

import { expect, test as base } from 'vitest';

import type { Duration } from './testing/duration.js';
import { failureReport, type FixtureOptions, networkFor, restOf, timersFor } from './testing/fixture.js';
import type { Network } from './testing/network.js';
import { surroundingsOf } from './testing/node/surroundings.js';
import { isWanted, parseSegments, segmentText, sentSegments, traceDifference } from './testing/segment-notation.js';

export type { FixtureOptions } from './testing/fixture.js';
export type { Network } from './testing/network.js';
export { expect } from 'vitest';

/**
 * `test('…', async ({ net }) => { … })`: a fresh network for each test. Its seed is WALLSOCKET_SEED, or a new one, which is
 * printed when the test fails, with the way to have it again and where capture and diagram are. A test that leaves sockets
 * open fails. `test.override('netOptions', { … })` changes the network of all tests that follow in its suite.
 */
export const test = base.extend<{ netOptions: FixtureOptions; net: Network }>({
  netOptions: [{}, { injected: false }],
  net: async ({ netOptions, task }, use) => {
    const around = surroundingsOf(task.name, `npx vitest run ${task.file.name} -t ${JSON.stringify(task.name)}`);
    const net = networkFor(netOptions, around);
    using _timers = timersFor(net, netOptions, around);
    try {
      await use(net);
      const hasFailed = task.result?.state === 'fail';
      if (hasFailed) {
        tell(net, around);
        return;
      }
      try {
        await restOf(net, netOptions);
      } catch (error) {
        tell(net, around);
        throw error;
      }
    } finally {
      net.close();
    }
  },
});

const tell = (net: Network, around: ReturnType<typeof surroundingsOf>): void => console.error(failureReport(net, around));

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
