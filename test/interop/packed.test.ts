// What npm would publish, in a project that has nothing else but vitest: the fixture, what a failure leaves and how it is had
// again, a run that is not the same twice; and the same fixture without vitest, for node:test and for jest.

import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'tsup';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { readPcap } from '../../src/link/pcap-reader.js';
import { LIBRARY } from '../../tsup.config.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'wallsocket-packed-'));
const project = join(folder, 'project');
const withJest = join(folder, 'with-jest');
/** Which of these is not there, and why. */
const missing: Record<string, string | null> = {};

afterAll(() => rmSync(folder, { recursive: true, force: true }), 120_000);

/** What a program printed, both ways, and how it ended. */
function run(command: string, args: readonly string[], cwd: string, env: Record<string, string> = {}) {
  // Nothing of the runner that this runs in.
  const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(VITEST|WALLSOCKET|NODE_OPTIONS|NODE_V8|npm_|CI$|FORCE_COLOR)/.test(name)));
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, env: { ...clean, NO_COLOR: '1', ...env }, encoding: 'utf8', timeout: 300_000 });
  return { status: error === undefined ? status : error.message, text: stdout + stderr };
}

const vitest = (file: string, env: Record<string, string> = {}, ...args: string[]) =>
  run(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', file, ...args], project, env);

/** A project that has the tarball and one package more. */
function install(directory: string, tarball: string, other: string, files: Readonly<Record<string, string>>): void {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'package.json'), JSON.stringify({ name: 'throw-away', private: true, type: 'module' }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  const { status, text } = run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel', 'error', tarball, other], directory);
  missing[directory] = status === 0 ? null : `npm install ${other}: ${text}`;
  if (status !== 0 && process.env['CI']) throw new Error(`${missing[directory]}, and CI must not skip`);
}

const TESTS = {
  'passes.test.ts': `
    import { expect, test } from 'wallsocket/vitest';
    test('a word there and back', async ({ net }) => {
      const [a, b] = net.hosts(2);
      net.link(a, b, { loss: 0.02 });
      const server = b.listen(7);
      const socket = await net.runUntil(a.connect(b, 7));
      const peer = await net.runUntil(server.accept());
      await socket.write(new TextEncoder().encode('hi'));
      expect(new TextDecoder().decode(await net.runUntil(peer.read()))).toBe('hi');
      expect(net).toHaveSent('a > P. 1:3(2) ack 1');
      socket.abort();
      server.close();
    });`,
  'fails.test.ts': `
    import { expect, test } from 'wallsocket/vitest';
    test('a lost cable (not noticed)', async ({ net }) => {
      const [a, b] = net.hosts(2);
      const wire = net.link(a, b, { jitter: '5 ms' });
      const server = b.listen(7);
      const socket = await net.runUntil(a.connect(b, 7));
      wire.unplug();
      await socket.write(new Uint8Array(100));
      await net.advance('10 s');
      expect(net.leaks()).toEqual([]);
    });`,
  'differs.test.ts': `
    import { test } from 'wallsocket/vitest';
    let runs = 0;
    test('the program counts its runs', async ({ net }) => {
      const [a, b] = net.hosts(2);
      net.link(a, b);
      const socket = a.udp();
      socket.send(new Uint8Array(++runs), { address: b.ip, port: 9 });
      await net.advance('1 s');
      socket.close();
    });`,
  'with-node.mjs': `
    import assert from 'node:assert';
    import test from 'node:test';
    import { setTimeout as sleep } from 'node:timers/promises';
    import { withNetwork } from 'wallsocket/testing/node';
    test('an hour', withNetwork('an hour', async (net) => {
      const [a, b] = net.hosts(2);
      net.link(a, b);
      await net.runUntil(sleep(3_600_000), { max: '2 h' });
      assert.equal((await net.runUntil(a.ping(b))).rttMs, 2);
    }, { program: 'virtual' }));
    test('a failure', withNetwork('a failure', async (net) => {
      net.host().listen(7);
    }));`,
};

const JEST_TESTS = {
  'jest.config.json': JSON.stringify({ transform: {}, testMatch: ['**/*.test.mjs'], moduleFileExtensions: ['mjs', 'js', 'json', 'node'] }),
  'with-jest.test.mjs': `
    import { withNetwork } from 'wallsocket/testing/node';
    test('an hour', withNetwork('an hour', async (net) => {
      const [a, b] = net.hosts(2);
      net.link(a, b);
      await net.runUntil(new Promise((resolve) => setTimeout(resolve, 3_600_000)), { max: '2 h' });
      expect((await net.runUntil(a.ping(b))).rttMs).toBe(2);
    }, { program: 'virtual' }));
    test('a failure', withNetwork('a failure', async (net) => {
      net.host().listen(7);
    }));`,
};

beforeAll(async () => {
  const packed = join(folder, 'package');
  for (const each of ['package.json', 'README.md', 'CHANGELOG.md', 'LICENSE', 'docs']) cpSync(join(ROOT, each), join(packed, each), { recursive: true });
  await build({
    entry: Object.fromEntries(Object.entries(LIBRARY).map(([name, path]) => [name, join(ROOT, path)])), outDir: join(packed, 'dist'),
    config: false, silent: true, format: 'esm', target: 'node20', platform: 'neutral', splitting: true, skipNodeModulesBundle: true, external: [/^node:/],
  });
  const made = run('npm', ['pack', '--silent', '--pack-destination', folder], packed);
  const tarball = join(folder, made.text.trim().split('\n').at(-1)!);
  if (!existsSync(tarball)) throw new Error(`npm pack: ${made.text}`);

  const { version } = createRequire(import.meta.url)('vitest/package.json') as { version: string };
  install(project, tarball, `vitest@${version}`, TESTS);
  install(withJest, tarball, 'jest@30', JEST_TESTS);
}, 300_000);

const needs = (skip: (isSkipped: boolean, reason: string) => void, directory: string): void =>
  skip(missing[directory] !== null, missing[directory] ?? '');

describe('the packed tarball, beside vitest alone,', { timeout: 120_000 }, () => {
  test('gives a test its network', ({ skip }) => {
    needs(skip, project);
    const dependencies = (JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')) as { dependencies: object }).dependencies;
    expect(Object.keys(dependencies).toSorted()).toEqual(['vitest', 'wallsocket']);
    const { status, text } = vitest('passes.test.ts', { WALLSOCKET_TWICE: '1', WALLSOCKET_SEED: '1' });
    expect(text).toMatch(/Tests +1 passed/);
    expect(status).toBe(0);
  });

  test('leaves of a failure its seed, a diagram and a capture, and has it again', ({ skip }) => {
    needs(skip, project);
    const { status, text } = vitest('fails.test.ts');
    expect(status).toBe(1);
    const [, seed, hash] = /^seed (\d+), \d+ frames until [\d.]+ ms, trace hash ([\da-f]{16})$/m.exec(text) ?? [];
    const again = /^again: WALLSOCKET_SEED=(\d+) npx vitest run fails\.test\.ts -t (.*)$/m.exec(text);
    expect(again?.slice(1)).toEqual([seed, `'a lost cable \\(not noticed\\)'`]);
    expect(text).toContain(`or in the test: replay('v1:${seed}')`);
    expect(text).toMatch(/^sequenceDiagram\n {2}participant a as a\n/m);
    expect(text).toMatch(/^ {2}a--xb: \d\.\d{3} P\. 1:101\(100\) ack 1 win \d+ \(dropped, a-b is unplugged\)$/m);
    const capture = /^capture: (\S+\.pcapng)$/m.exec(text)?.[1];
    expect([...readPcap(readFileSync(join(project, capture!)))].at(-1)?.comment).toBe('a > b (dropped, a-b is unplugged)');
    // The line, pasted into a shell.
    const line = again![0].slice('again: '.length);
    expect(run('sh', ['-c', line], project).text).toContain(`trace hash ${hash}`);
  });

  test('notices a program that is not the same twice', ({ skip }) => {
    needs(skip, project);
    expect(vitest('differs.test.ts').status).toBe(0);
    const { status, text } = vitest('differs.test.ts', { WALLSOCKET_TWICE: '1' });
    expect(status).toBe(1);
    expect(text).toMatch(/the same seed, \d+, sent other frames: trace hash [\da-f]{16}, then [\da-f]{16}\nfirst: .*UDP, length 1\nthen: .*UDP, length 2/);
  });

  test('serves node:test, too', ({ skip }) => {
    needs(skip, project);
    const { status, text } = run(process.execPath, ['--test', '--test-reporter=tap', 'with-node.mjs'], project);
    expect(status).toBe(1);
    expect(text).toMatch(/^ok 1 - an hour$/m);
    expect(text).toMatch(/^not ok 2 - a failure$/m);
    expect(text).toContain('left behind by the test: TCP a:7 LISTEN');
    expect(text).toMatch(/again: WALLSOCKET_SEED=\d+ /);
  });
});

test('the packed tarball serves jest, too', ({ skip }) => {
  needs(skip, withJest);
  const { status, text } = run(process.execPath, ['node_modules/jest/bin/jest.js'], withJest, { NODE_OPTIONS: '--experimental-vm-modules' });
  expect(status).toBe(1);
  expect(text).toMatch(/Tests: +1 failed, 1 passed/);
  expect(text).toContain('left behind by the test: TCP a:7 LISTEN');
  expect(text).toMatch(/again: WALLSOCKET_SEED=\d+ /);
}, 120_000);
