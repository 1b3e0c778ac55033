// A network for each test: what wallsocket/vitest and withNetwork give, and what a failure leaves.

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, test as plain, vi } from 'vitest';

import { withNetwork } from '../../../src/testing/node/index.js';
import { type Network, parseSegments, sentSegments, traceDifference } from '../../../src/testing.js';
import { expect, test } from '../../../src/vitest.js';

const bytesOf = (words: string): Uint8Array => new TextEncoder().encode(words);

/** A word there, and nothing left behind. */
async function talk(net: Network): Promise<void> {
  const [a, b] = net.hosts(2);
  net.link(a, b);
  const server = b.listen(7);
  const socket = await net.runUntil(a.connect(b, 7));
  const peer = await net.runUntil(server.accept());
  await socket.write(bytesOf('hi'));
  socket.end();
  await net.runUntil(peer!.read());
  await net.runUntil(peer!.read());
  peer!.end();
  server.close();
  await net.runUntilIdle();
}

describe('the fixture', () => {
  test('is a network, and the matchers know what it sent', async ({ net }) => {
    await talk(net);
    expect(net).toHaveSent('b > S. 0:0(0) ack 1 win 65535 <mss 1460,...>');
    expect(net).not.toHaveSent('b > R');
    expect(net).toMatchTrace(`
      a > S 0:0(0)
      b > S. 0:0(0) ack 1
      a > . 1:1(0) ack 1
      a > FP. 1:3(2) ack 1     // what it wrote, and its end
      ...
      b > F. 1:1(0) ack 4
      a > . 4:4(0) ack 2
    `);
    expect(net).toBeQuiescent();
  });

  test('waits for what is to come', async ({ net }) => {
    let done = false;
    net.after('3 s', () => { done = true; });
    await expect(net).toConverge(() => done, { max: '4 s' });
    await expect(net).not.toConverge(() => false, { max: '1 s' });
  });
});

describe('the notation', () => {
  plain('says where what was sent parts from it', withNetwork('notation', async (net) => {
    await talk(net);
    const sent = sentSegments(net);
    const wrong = (lines: string): string | null => traceDifference(parseSegments(lines), sent);
    expect(wrong('a > S / b > S. / ...')).toBeNull();
    expect(wrong('a > S / b > S. 0:0(0) ack 2 / ...')).toMatch(/^wanted: b > S\. 0:0\(0\) ack 2\nbut ack 1: b > S\. 0:0\(0\) ack 1 win 65535 <mss 1460/);
    expect(wrong('a > S / a > S. / ...')).toContain('it is from b');
    expect(wrong('a > S')).toMatch(/^nothing more was wanted, but: b > S\./);
    expect(wrong('... / b > R')).toContain('nothing more was sent');
    expect(wrong('0.000 a > S / +.001 b > S. / .002 a > . / ...')).toBeNull();
    expect(wrong('a > S / +.001 b > S. / +.001 a > . / ...')).toBeNull();
    expect(wrong('0 a > S / 0.002 b > S. / ...')).toMatch(/^wanted: 0\.002 b > S\.\nbut it was sent at 0\.001000: b > S\./);
    expect(wrong('a > S / +.003 b > S. / ...')).toContain('it was sent at +0.001000');
    expect(() => parseSegments('a > S 0:5(4)')).toThrow('0:5 is not 4 long');
  }));
});

describe('a failure', () => {
  const directory = mkdtempSync(join(tmpdir(), 'wallsocket-'));
  beforeAll(() => {
    vi.stubEnv('WALLSOCKET_ARTEFACTS', directory);
    vi.stubEnv('WALLSOCKET_SEED', '4711');
  });
  afterAll(() => {
    vi.unstubAllEnvs();
    rmSync(directory, { recursive: true });
  });

  plain('tells the seed, and leaves a capture, a diagram and a trace', async () => {
    const failing = withNetwork('it fails', async (net) => {
      await talk(net);
      expect(1).toBe(2);
    });
    const error = await failing().then(() => null, (reason: Error) => reason);
    expect(error!.message).toMatch(/^expected 1 to be 2/);
    expect(error!.message).toMatch(/seed 4711, \d+ frames until [\d.]+ ms, trace hash [\da-f]{16}\nagain: WALLSOCKET_SEED=4711 /);
    expect(error!.message).toContain(`capture: ${join(directory, 'it-fails.pcapng')}`);
    expect(readFileSync(join(directory, 'it-fails.mmd'), 'utf8')).toMatch(/^sequenceDiagram\n/);
    expect(existsSync(join(directory, 'it-fails.pcapng'))).toBe(true);
    const again = await failing().then(() => null, (reason: Error) => reason);
    expect(again!.message).toBe(error!.message);
  });

  plain('is what leaves sockets open, or timers, unless that is meant', async () => {
    const body = (net: Network): void => void net.host('a').listen(7);
    await expect(withNetwork('leaks', body)()).rejects.toThrow('left behind by the test: TCP a:7 LISTEN');
    await withNetwork('leaks', body, { leaks: 'ignore' })();
    const waits = (net: Network): void => void net.after('1 h', () => {});
    await expect(withNetwork('waits', waits)()).rejects.toThrow('left behind by the test: 1 timers of after or sleep');
    await withNetwork('waits', waits, { program: 'virtual' })();
    // What a fault has planned goes with it.
    await withNetwork('schedules', (net) => {
      const [a, b] = net.hosts(2);
      net.link(a, b).schedule([{ at: 0 }, { at: '1 h', loss: 1 }], { every: '1 d' });
    })();
  });
});
