// JavaScript, in a second: what `npm start` waits for. The types are built apart, by tsup.types.config.ts.

import { existsSync } from 'node:fs';
import { defineConfig } from 'tsup';

/** The package's doors, as in package.json's `exports`. */
export const LIBRARY = { index: 'src/index.ts', node: 'src/node.ts', layouts: 'src/layouts.ts', pcap: 'src/pcap.ts' };

/** Programs that the npm scripts run; they are not published. */
const TOOLS = { 'tools/start': 'tools/start.ts', 'tools/bench': 'tools/bench.ts' };

export default defineConfig({
  entry: { ...LIBRARY, ...Object.fromEntries(Object.entries(TOOLS).filter(([, path]) => existsSync(path))) },
  format: 'esm',
  target: 'node20',
  platform: 'neutral',
  splitting: true,
  sourcemap: true,
  // Nothing of anybody else's is copied into ours.
  skipNodeModulesBundle: true,
  external: [/^node:/],
});
