// `npm run node-versions [-- PATH…]`: test/node, which holds ours against Node's own modules, by each version of Node that
// package.json beside this names. A line each; what failed is told below it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const vitest = fileURLToPath(new URL('../../../node_modules/vitest/vitest.mjs', import.meta.url));
const { devDependencies } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'));
const paths = process.argv.length > 2 ? process.argv.slice(2) : ['test/node'];

for (const [name, version] of Object.entries(devDependencies)) {
  const node = fileURLToPath(new URL(`node_modules/${name}/bin/node`, import.meta.url));
  const { code, text } = await run(node, [vitest, 'run', '--project', 'stack', ...paths]);
  // As tools/plain-summary.ts prints it, last.
  const summary = text.trimEnd().split('\n').at(-1);
  const isFine = code === 0 && /^\d+ passed, 0 failed, 0 skipped$/.test(summary);
  console.log(`Node ${version.split('@').at(-1)}: ${summary}`);
  if (isFine) continue;
  console.log(text);
  process.exitCode = 1;
}

async function run(command, args) {
  const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NO_COLOR: '1' } });
  let text = '';
  child.stdout.on('data', (piece) => (text += piece));
  child.stderr.on('data', (piece) => (text += piece));
  const [code] = await once(child, 'close');
  return { code, text };
}
