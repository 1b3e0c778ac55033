// F11 inside a network namespace: the kernel that is there, and our stack, told the same. Run by differential.test.ts.

import { differential } from '../../tools/fuzz/differential/run.js';
import { perform } from './scenario.js';

await perform({
  beside: (runs) => {
    const lines: string[] = [];
    const code = differential({ seed: 1, seconds: 40, runsMax: Number(runs), input: null, failuresMax: 1, print: (line) => lines.push(line) });
    return Promise.resolve({ code, lines });
  },
});
