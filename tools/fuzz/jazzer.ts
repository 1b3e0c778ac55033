// The same targets for another engine: `WALLSOCKET_TARGET=F5 npx jazzer dist/tools/fuzz/jazzer --sync` (@jazzer.js/core, where its
// prebuilt runs: glibc 2.38). It gives bytes, and takes what is thrown for a finding.

import { TARGETS } from '../../test/fuzz/targets/index.js';

const name = process.env['WALLSOCKET_TARGET'] ?? 'F4';
const target = TARGETS[name];
if (target === undefined) throw new Error(`WALLSOCKET_TARGET: no target ${name}: there are ${Object.keys(TARGETS).join(', ')}`);
const { run, lengthMax } = target;

/** What a target takes, and no more: a longer input is the same run. */
export function fuzz(data: Uint8Array): void {
  run(Uint8Array.from(data.subarray(0, lengthMax)));
}
