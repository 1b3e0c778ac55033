// The kernel's stack and ours do the same, but for what test/fuzz/differential/departures.ts allows. More of it: `npm run fuzz --
// --differential`.

import { beforeAll, beforeEach, expect, test } from 'vitest';

import { excuse, program, type Program } from './namespace.js';
import { needs } from './programs.js';

const reason = excuse() ?? needs('ip');
let differential: Program;

beforeAll(async () => {
  if (reason === null) differential = await program(new URL('./differential.program.ts', import.meta.url));
});

beforeEach(({ skip }) => skip(reason !== null, reason ?? ''));

test('a thousand runs beside Linux show no difference that nobody has said why of', async () => {
  const { code, lines } = await differential.run('beside', '1000') as { code: number; lines: readonly string[] };
  expect(lines.at(-1), lines.join('\n')).toBe('0 failures');
  expect(lines.at(-2)).toMatch(/^F11 beside Linux: \d{3,} runs, /);
  expect(code).toBe(0);
}, 60_000);
