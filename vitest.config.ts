import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 30_000,
    setupFiles: ['test/fixtures/seed.ts'],
    reporters: ['default', './tools/plain-summary.ts'],
    coverage: { provider: 'v8', include: ['src/**/*.ts'], reporter: ['text-summary', 'html'] },
    projects: [
      {
        extends: true,
        test: { name: 'stack', include: ['test/**/*.test.ts'], exclude: ['**/node_modules/**', 'test/interop/**', 'test/clients/**'] },
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
