// What Node adds to a test's network: the seed from the environment, files for what a failure leaves.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Surroundings } from '../fixture.js';
import { fakeTimers } from './fake-timers.js';

/**
 * @param title  of the test; files are named by it
 * @param again  how the test is run again, but for the seed
 */
export function surroundingsOf(title: string, again: string): Surroundings {
  // Set to nothing, nothing is written.
  const directory = process.env['WALLSOCKET_ARTEFACTS'] ?? '.wallsocket';
  return {
    seed: process.env['WALLSOCKET_SEED'],
    fakeTimers: (net) => fakeTimers(net),
    twice: isTwice(),
    again: (seed) => `WALLSOCKET_SEED=${seed} ${again}`,
    ...(directory !== '' && {
      save: (name, content) => {
        mkdirSync(directory, { recursive: true });
        const path = join(directory, `${title.replaceAll(/[^\w-]+/g, '-').slice(0, 100)}.${name}`);
        writeFileSync(path, content);
        return path;
      },
    }),
  };
}

/** WALLSOCKET_TWICE asks for each test to be run twice, from one seed. */
export const isTwice = (): boolean => !['', '0', undefined].includes(process.env['WALLSOCKET_TWICE']);

/** `text` as one word of a POSIX shell. */
export const quoted = (text: string): string => (/^[\w./:=,@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);
