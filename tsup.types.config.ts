// The declarations of what is published: slower than the JavaScript, and wanted only for a release and its checks.

import { defineConfig } from 'tsup';

import { LIBRARY } from './tsup.config.js';

export default defineConfig({
  entry: LIBRARY,
  format: 'esm',
  dts: {
    only: true,
    compilerOptions: {
      // tsup sets baseUrl, which TypeScript 6 calls deprecated.
      ignoreDeprecations: '6.0',
      incremental: false,
    },
  },
});
