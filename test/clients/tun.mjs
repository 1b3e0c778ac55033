// The kernel at the other end of a TUN: first Node's servers and clients on its sockets, then programs of its own. Started by
// run.mjs in a network namespace of its own; the counts go to it as a message.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { certificate } from './certificate.mjs';
import { databases, postgres, redisScenario } from './databases.mjs';
import { onTun, OURS } from './ends.mjs';
import { equal, Skip, Tally } from './harness.mjs';
import { messages } from './messages.mjs';
import { mongoServer } from './mongo-wire.mjs';
import { redisServer } from './resp.mjs';
import { site, web } from './web.mjs';

const run = promisify(execFile);
const { tally, only } = { tally: new Tally(), only: new RegExp(process.argv[2] ?? '') };
const tun = onTun();
await postgres();

/** What a program of the system prints. */
async function program(name, ...args) {
  try {
    return (await run(name, args, { timeout: 60_000, maxBuffer: 2 ** 24 })).stdout;
  } catch (error) {
    if (error.code === 'ENOENT') throw new Skip(`${name} is missing`);
    throw error;
  }
}

/** Redis itself, on the kernel's sockets, for as long as `use` takes. */
async function withRedis(use) {
  const port = 6379;
  const server = spawn('redis-server', ['--bind', '0.0.0.0', '--port', `${port}`, '--save', '', '--protected-mode', 'no'], { stdio: ['ignore', 'pipe', 'ignore'] });
  server.on('error', () => {});
  if (server.pid === undefined) throw new Skip('redis-server is missing');
  const ended = once(server, 'close');
  try {
    const ready = new Promise((resolve) => {
      server.stdout.on('data', (lines) => { if (String(lines).includes('Ready to accept')) resolve(true); });
    });
    equal(await Promise.race([ready, ended.then(() => false)]), true, 'redis-server is ready');
    return await use(port);
  } finally {
    server.kill();
    // Another may want its port.
    await ended;
  }
}

const curl = (create, scheme, ...options) => async (ends) => {
  const server = create();
  const port = await ends.serve((socket) => server.emit('connection', socket));
  const args = ['-sS', '--fail', '--noproxy', '*', ...options];
  equal(await program('curl', ...args, '-H', 'x-name: curl', `${scheme}://${OURS}:${port}/`), 'hello, curl', 'page');
  const statistics = await program('curl', ...args, '-o', '/dev/null', '-w', '%{size_download} %{http_version}', `${scheme}://${OURS}:${port}/bytes/20000000`);
  return `a page and ${statistics.replace(' ', ' bytes, HTTP/')}`;
};

/** A program of Node's that knows nothing of us, on a stack and a TUN of its own. */
async function registered(script, port) {
  const kernel = '10.80.0.1';
  const { stdout } = await run(process.execPath, [
    '--import', new URL('../../dist/register.js', import.meta.url).href, fileURLToPath(new URL(script, import.meta.url)), kernel, `${port}`,
  ], { env: { ...process.env, WALLSOCKET: `tun:ws1,addr=10.80.0.2/24,kernel=${kernel}/24` }, timeout: 60_000 });
  return stdout.trim();
}

const programs = {
  'curl → http': curl(() => http.createServer(site), 'http'),
  'curl → https': curl(() => https.createServer(certificate(), site), 'https', '-k'),
  'curl → http2': curl(() => http2.createSecureServer(certificate(), site), 'https', '-k', '--http2'),
  'curl → http2, without TLS': curl(() => http2.createServer(site), 'http', '--http2-prior-knowledge'),
  'psql → PGlite': async (ends) => {
    const port = await ends.serve(await postgres());
    const address = `host=${OURS} port=${port} user=postgres dbname=postgres sslmode=disable`;
    equal(await program('psql', address, '-AtXc', 'select sum(n), repeat(\'x\', 10) from generate_series(1, 1000) n'), '500500|xxxxxxxxxx\n', 'sum');
    return 'a query';
  },
};

const kernelPrograms = {
  'ioredis → redis-server': (ends) => withRedis((port) => redisScenario(ends, port)),
  'node-redis by register → redis-server': () => withRedis((port) => registered('node-redis.mjs', port)),
  'node-redis by register': async (ends) => registered('node-redis.mjs', await ends.serve(redisServer(), '0.0.0.0')),
  'mongodb by register': async (ends) => registered('mongodb.mjs', await ends.serve(mongoServer(), '0.0.0.0')),
};

async function all(suffix, scenarios, ends) {
  for (const [title, scenario] of Object.entries(scenarios)) {
    if (only.test(title)) await tally.run(`${title} (${suffix})`, ends(), scenario);
  }
}

const shared = { ...web, ...databases, ...messages };
await all('TUN: our client, the kernel’s server', shared, tun.kernels);
await all('TUN: the kernel’s client, our server', shared, tun.ours);
await all('TUN: the kernel’s client, our server', programs, tun.ours);
await all('TUN: our client, the kernel’s server', kernelPrograms, tun.kernels);
const { passed, failed, skipped } = tally;
process.send({ passed, failed, skipped });
process.disconnect();
tun.close();
process.exit(0);
