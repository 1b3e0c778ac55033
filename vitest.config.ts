import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = (path: string): string => fileURLToPath(new URL(`src/${path}`, import.meta.url));
const hasClients = existsSync(new URL('test/clients/node_modules', import.meta.url));

export default defineConfig({
  test: {
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 30_000,
    setupFiles: ['test/fixtures/seed.ts', 'test/fixtures/twice.ts'],
    reporters: ['default', './tools/plain-summary.ts'],
    coverage: { provider: 'v8', include: ['src/**/*.ts'], reporter: ['text-summary', 'html'] },
    projects: [
      {
        extends: true,
        test: { name: 'stack', include: ['test/**/*.test.ts'], exclude: ['**/node_modules/**', 'test/interop/**', 'test/clients/**'] },
      },
      {
        // Real clients and servers on the hosts of a network, by the clock for one of them. The packages are of test/clients.
        extends: true,
        resolve: { alias: { 'wallsocket/testing/node': source('testing/node/index.ts'), 'wallsocket/vitest': source('vitest.ts') } },
        test: {
          name: 'proofs',
          include: [hasClients ? 'test/clients/proofs/*.test.ts' : 'test/clients/not-installed.test.ts'],
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
      {
        // Real devices and real programs, in real time: one after the other, when the processor is free.
        extends: true,
        test: {
          name: 'interop',
          include: ['test/interop/**/*.test.ts'],
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
