// The table of what Linux answers to calls on sockets, asked of the kernel again: it is the oracle of the unit tests.

import { beforeAll, beforeEach, expect, test } from 'vitest';

import { TABLE } from '../fixtures/socket-table.js';
import { excuse, program, type Program } from './namespace.js';

const reason = excuse();
let kernel: Program;
let went: [string, string[]][];

beforeAll(async () => {
  if (reason !== null) return;
  kernel = await program(new URL('./bsd.program.ts', import.meta.url));
  went = await kernel.run('table') as [string, string[]][];
});

beforeEach(({ skip }) => skip(reason !== null, reason ?? ''));

test.each(TABLE.map(([title, lines], i) => [title, lines, i] as const))('the kernel says so: %s', (title, lines, i) => {
  expect(went[i]).toEqual([title, lines]);
});
