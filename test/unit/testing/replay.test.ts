// A failure in one line: of a network, and of what fast-check drew.

import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { withNetwork } from '../../../src/testing/node/index.js';
import { createNetwork, type Network, replay, replayLine } from '../../../src/testing.js';

beforeEach(() => void vi.stubEnv('WALLSOCKET_ARTEFACTS', ''));
afterEach(() => void vi.unstubAllEnvs());

/** Why it failed; null: it did not. */
const failureOf = (run: () => Promise<void>): Promise<string | null> => run().then(() => null, (error: Error) => error.message);

describe('a line', () => {
  test('is read as it was written', () => {
    expect(replayLine(4711)).toBe('v1:4711');
    expect(replay('v1:4711')).toEqual({ seed: 4711, check: { seed: 4711 } });
    const check = { seed: -52, path: '0:3:1', endOnFailure: true, replayPath: 'AAB/:C=' };
    expect(replayLine(4711, check)).toBe('v1:4711,-52,0:3:1,AAB/:C=');
    expect(replay('v1:4711,-52,0:3:1,AAB/:C=')).toEqual({ seed: 4711, check });
    expect(createNetwork(replay('v1:4711'))).toMatchObject({ seed: 4711, replay: expect.stringMatching(/^replay\('v1:4711'\) \/\/ 0 frames, trace hash [\da-f]{16}$/) });
    expect(createNetwork({ seed: 7 }).check).toEqual({ seed: 7 });
  });

  test.each(['', '4711', 'v2:4711', 'v1:', 'v1:x', 'v1:1,y'])('that is none is refused: %s', (line) => {
    expect(() => replay(line)).toThrow(`replay: cannot read "${line}"`);
  });
});

describe('what fast-check drew', () => {
  let runs: number[] = [];
  /** Fails for every number above a thousand, on a network that sends a datagram for it. */
  const body = async (net: Network): Promise<void> => {
    await fc.assert(fc.asyncProperty(fc.nat(100_000), async (n) => {
      runs.push(n);
      using inner = createNetwork({ seed: net.seed });
      const [a, b] = inner.hosts(2);
      inner.link(a, b);
      a.udp().send(new Uint8Array(8), { address: b.ip, port: n % 1000 + 1 });
      await inner.advance(10);
      expect(n).toBeLessThanOrEqual(1000);
    }), net.check);
  };
  beforeEach(() => { runs = []; });

  test('follows from the network’s seed, and is had again by one line: the smallest case at once, and nothing else', async () => {
    vi.stubEnv('WALLSOCKET_SEED', '12');
    // The environment is read when the test is made.
    const failing = (): Promise<void> => withNetwork('draws', body)();
    const message = await failureOf(failing);
    const drawn = runs.splice(0);
    const smallest = Number(/Counterexample: \[(\d+)\]/.exec(message!)![1]);
    expect([smallest > 1000, drawn.length > 1]).toEqual([true, true]);
    const [, line] = /^or in the test: replay\('(v1:12,12,[\d:]+)'\)$/m.exec(message!)!;
    expect(message).toContain(`again: WALLSOCKET_SEED=${line} `);

    vi.stubEnv('WALLSOCKET_SEED', line);
    expect(await failureOf(failing)).toContain(`Counterexample: [${smallest}]`);
    expect(runs.splice(0)).toEqual([smallest]);
    vi.stubEnv('WALLSOCKET_SEED', '12');
    await failureOf(failing);
    expect(runs.splice(0)).toEqual(drawn);

    // Or pasted into the test, as its options.
    await failureOf(withNetwork('draws', body, replay(line!)));
    expect(runs).toEqual([smallest]);
  });

  test('as commands has a path of its own, which the line holds', async () => {
    class Add implements fc.Command<{ sum: number }, { sum: number }> {
      constructor(readonly n: number) {}
      check = (): boolean => true;
      run(model: { sum: number }, real: { sum: number }): void {
        model.sum += this.n;
        real.sum += this.n;
        if (real.sum > 50) throw new Error('too much');
      }
      toString = (): string => `+${this.n}`;
    }
    let tried = 0;
    const commands = (): Promise<void> => withNetwork('commands', (net) => fc.assert(fc.property(
      fc.commands([fc.nat(40).map((n) => new Add(n))], net.check), (cmds) => {
        tried++;
        fc.modelRun(() => ({ model: { sum: 0 }, real: { sum: 0 } }), cmds);
      }), net.check))();
    vi.stubEnv('WALLSOCKET_SEED', '5');
    const message = await failureOf(commands);
    const [, line] = /replay\('(v1:5,5,[\d:]+,[^']+)'\)/.exec(message!)!;
    const [, smallest] = /Counterexample: \[(.*?)\/\*/.exec(message!)!;
    expect(tried).toBeGreaterThan(1);
    tried = 0;
    vi.stubEnv('WALLSOCKET_SEED', line);
    expect(await failureOf(commands)).toContain(`Counterexample: [${smallest}`);
    expect(tried).toBe(1);
  });

  test('a seed that is none is said to be none', async () => {
    vi.stubEnv('WALLSOCKET_SEED', 'abc');
    expect(await failureOf(withNetwork('seed', () => {}))).toBe('WALLSOCKET_SEED must be an integer, or a line for replay, not abc');
  });
});

describe('a test that runs twice', () => {
  beforeEach(() => {
    vi.stubEnv('WALLSOCKET_TWICE', '1');
    vi.stubEnv('WALLSOCKET_SEED', undefined as unknown as string);
  });
  const say = async (net: Network, bytes: number): Promise<void> => {
    const [a, b] = net.hosts(2);
    net.link(a, b, { jitter: '5 ms' });
    const socket = a.udp();
    socket.send(new Uint8Array(bytes), { address: b.ip, port: 9 });
    await net.advance('1 s');
    socket.close();
  };

  test('has one seed for both, and fails when other frames are sent', async () => {
    const seeds: number[] = [];
    await withNetwork('same', (net) => {
      seeds.push(net.seed);
      return say(net, 5);
    })();
    expect([seeds.length, seeds[0] === seeds[1]]).toEqual([2, true]);
    let runs = 0;
    const message = await failureOf(withNetwork('other', (net) => say(net, ++runs)));
    expect(message).toMatch(/^the same seed, \d+, sent other frames: trace hash \w{16}, then \w{16}\nfirst: .*length 1\nthen: .*length 2\n/);
  });

  test('is told what one run sent more than the other', async () => {
    let runs = 0;
    const message = await failureOf(withNetwork('more', async (net) => {
      await say(net, 5);
      const host = net.machines[0]!;
      const socket = host.udp();
      if (++runs === 2) socket.send(new Uint8Array(7), { address: '10.1.0.2', port: 9 });
      await net.advance('1 s');
      socket.close();
    }));
    expect(message).toMatch(/\nfirst: nothing\nthen: .*length 7\n/);
  });
});
