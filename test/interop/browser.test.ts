// The core in a real browser: the same program, in headless Chromium and in Node. It is named by no platform's type, it runs
// on the browser's clock, timers and streams, and from one seed it sends the same frames at the same times, bit for bit.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'tsup';
import { beforeEach, expect, test } from 'vitest';

import type { Report } from './browser.page.js';
import { needs } from './programs.js';

const reason = needs('chromium');

beforeEach(({ skip }) => skip(reason !== null, reason ?? ''));

/** It speaks with nobody but the page's server: no updates, no first steps, no profile of anybody's. */
const FLAGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage',
];

const PAGE = `<!doctype html><title>wallsocket</title><script type="module">
  import { report } from '/program.js';
  const answer = await report().catch((error) => ({ error: String(error?.stack ?? error) }));
  await fetch('/report', { method: 'POST', body: JSON.stringify({ userAgent: navigator.userAgent, ...answer }) });
</script>`;

/** The page's program, and all it imports, in one module that no platform is promised to. */
async function bundle(): Promise<string> {
  const outDir = fileURLToPath(new URL('../../node_modules/.cache/browser', import.meta.url));
  const entry = [fileURLToPath(new URL('browser.page.ts', import.meta.url))];
  await build({ entry, outDir, config: false, silent: true, format: 'esm', target: 'es2022', platform: 'neutral', splitting: false });
  return readFileSync(`${outDir}/browser.page.js`, 'utf8');
}

interface BrowserReport extends Report {
  readonly userAgent: string;
  readonly error?: string;
}

/** Serve the page on the loopback, show it to a browser, and wait for what it reports. */
async function inBrowser(program: string): Promise<BrowserReport> {
  const profile = mkdtempSync(join(tmpdir(), 'wallsocket-browser-'));
  let browser: ChildProcess | null = null;
  let deadline: NodeJS.Timeout | undefined;
  const server = createServer();
  try {
    const reported = new Promise<BrowserReport>((resolve, reject) => {
      deadline = setTimeout(() => reject(new Error('chromium reported nothing within 45 s')), 45_000);
      server.on('request', (request, response) => {
        if (request.method === 'POST') {
          let body = '';
          request.setEncoding('utf8').on('data', (piece: string) => body += piece).on('end', () => {
            response.end();
            resolve(JSON.parse(body) as BrowserReport);
          });
          return;
        }
        const isProgram = request.url === '/program.js';
        response.setHeader('content-type', isProgram ? 'text/javascript' : 'text/html');
        response.end(isProgram ? program : PAGE);
      });
      server.listen(0, '127.0.0.1', () => {
        const { port } = server.address() as AddressInfo;
        let complaints = '';
        browser = spawn('chromium', [...FLAGS, `--user-data-dir=${profile}`, `http://127.0.0.1:${port}/`], {
          detached: true, stdio: ['ignore', 'ignore', 'pipe'],
        });
        browser.stderr!.setEncoding('utf8').on('data', (piece: string) => complaints += piece);
        browser.on('error', reject);
        browser.on('exit', (code) => reject(new Error(`chromium ended with ${code}, and reported nothing\n${complaints}`)));
      });
    });
    return await reported;
  } finally {
    clearTimeout(deadline);
    await end(browser);
    server.closeAllConnections();
    server.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** It and all that it started: they are a process group of their own. */
async function end(browser: ChildProcess | null): Promise<void> {
  if (browser?.pid === undefined || browser.exitCode !== null) return;
  const ended = new Promise((resolve) => browser.once('exit', resolve));
  process.kill(-browser.pid, 'SIGKILL');
  await ended;
}

test('the core runs in Chromium as it does in Node: bytes equal, both families, and the same frames from the same seed', async () => {
  const program = await bundle();
  const page = await import(`data:text/javascript;base64,${Buffer.from(program).toString('base64')}`) as { report(): Promise<Report> };
  const [here, there] = [await page.report(), await inBrowser(program)];
  expect(there.error).toBeUndefined();
  expect(there.userAgent).toMatch(/Chrome\/\d+/);

  for (const { runs, echoes } of [here, there]) {
    expect(echoes).toMatchObject([{ remoteAddress: '10.0.0.1' }, { remoteAddress: 'fd00::1' }]);
    for (const { received, wrong, lost } of echoes) {
      expect({ received, wrong }).toEqual({ received: 200_000, wrong: 0 });
      expect(lost).toBeGreaterThan(0);
    }
    for (const { received, lost } of runs) {
      expect(received).toBe(500_000);
      expect(lost).toBeGreaterThan(0);
    }
  }
  expect(there.runs).toEqual(here.runs);
  expect(here.network).toMatch(/^\d{3,} frames until [\d.]+ ms, trace hash [\da-f]{16}$/);
  expect(there.network).toBe(here.network);
  expect((await page.report()).network).toBe(here.network);
  // Two runs that differ: the trace tells them apart.
  expect(new Set(here.runs.map(({ trace }) => trace)).size).toBe(2);
}, 60_000);
