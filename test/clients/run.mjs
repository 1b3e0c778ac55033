// `npm run clients [-- REGEXP]`: real clients and real servers, which know nothing of us, both ends on our TCP over a bad line;
// then each against the kernel through a TUN. A line each, and a count.

import { fork, spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { databases, postgres } from './databases.mjs';
import { BAD_LINE, badLine } from './ends.mjs';
import { Tally } from './harness.mjs';
import { messages } from './messages.mjs';
import { web } from './web.mjs';

const [pattern = ''] = process.argv.slice(2);
const only = new RegExp(pattern);
const tally = new Tally();

const condition = `${BAD_LINE.loss * 100} % loss, ${BAD_LINE.delayMs} ms`;
const scenarios = Object.entries({ ...web, ...databases, ...messages }).filter(([title]) => only.test(title));
// It occupies the process for seconds when it begins: long enough for others' timers to ring.
if (scenarios.some(([title]) => title.includes('PGlite'))) await postgres();
// All at once, each on a line of its own: they do little but wait for it.
await Promise.all(scenarios.map(async ([title, scenario], i) => {
  const { ends, close } = badLine(i + 1);
  await tally.run(`${title} (${condition})`, ends, scenario);
  close();
}));

const reason = noTun();
if (reason === null) await onTun();
else tally.skip('all of it again through a TUN', reason);

console.log(`${tally}`);
process.exit(tally.failed > 0 ? 1 : 0);

function noTun() {
  if (process.platform !== 'linux') return 'not Linux';
  if (spawnSync('unshare', [...namespace(), 'true']).status !== 0) return 'unshare makes no network namespace';
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK);
    return null;
  } catch {
    return '/dev/net/tun cannot be opened';
  }
}

function namespace() {
  return [process.getuid() === 0 ? '-n' : '-Urn'];
}

async function onTun() {
  // What fork would give it, behind unshare.
  const child = fork(fileURLToPath(new URL('tun.mjs', import.meta.url)), [pattern], {
    execPath: 'unshare', execArgv: [...namespace(), process.execPath],
  });
  let counts = null;
  child.on('message', (message) => { counts = message; });
  const [code, signal] = await once(child, 'close');
  if (counts !== null) tally.add(counts);
  else tally.fail('through a TUN', `ended with ${code ?? signal}`);
}
