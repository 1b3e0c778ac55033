// JavaScript, in a second: what `npm start` waits for. The types are built apart, by tsup.types.config.ts.

import { existsSync } from 'node:fs';
import { defineConfig, type Options } from 'tsup';

/** The package's doors, as in package.json's `exports`. */
export const LIBRARY = {
  index: 'src/index.ts', node: 'src/node.ts', net: 'src/net.ts', dgram: 'src/dgram.ts', register: 'src/register.ts', cli: 'src/cli.ts', bsd: 'src/bsd.ts',
  web: 'src/web.ts', layouts: 'src/layouts.ts', pcap: 'src/pcap.ts', testing: 'src/testing.ts', 'testing-node': 'src/testing/node/index.ts', vitest: 'src/vitest.ts',
  arbitraries: 'src/arbitraries.ts',
};

/** Programs that the npm scripts run. They are not published, so they share no chunk with what is. */
const TOOLS = ['start', 'bench', 'rfc', 'sim', 'script', 'mutants', 'mutants/worker', 'fuzz', 'fuzz/jazzer'].map((name) => `tools/${name}.ts`).filter((path) => existsSync(path));

const common: Options = {
  format: 'esm',
  target: 'node20',
  platform: 'neutral',
  splitting: true,
  sourcemap: true,
  // Nothing of anybody else's is copied into ours.
  skipNodeModulesBundle: true,
  external: [/^node:/],
};

export default defineConfig([
  { ...common, entry: LIBRARY, outDir: 'dist' },
  { ...common, entry: TOOLS, outDir: 'dist/tools' },
]);
