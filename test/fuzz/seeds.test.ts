// What the fuzzer has found is not found again: each line of test/fuzz/seeds is a run that once failed, or that leads far. And
// each target takes some random bytes, so that none is dead.

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

import { SeededRandom } from '../../src/random.js';
import { errorOf } from '../../tools/fuzz/engine.js';
import { randomInput } from '../../tools/fuzz/mutate.js';
import { parseReplay } from '../../tools/fuzz/replay.js';
import { TARGETS } from './targets/index.js';

const FOLDER = new URL('seeds/', import.meta.url);
const found = readdirSync(FOLDER).filter((file) => file.endsWith('.txt')).sort()
  .flatMap((file) => readFileSync(new URL(file, FOLDER), 'utf8').split('\n').filter((line) => line.startsWith('v1:')));

describe('what was found once', () => {
  test.each(found)('%s', (line) => {
    const { target, input } = parseReplay(line);
    expect(errorOf(TARGETS[target]!, input)).toBeNull();
  });
});

describe('each target takes', () => {
  test.each(Object.entries(TARGETS))('%s nothing at all, and what chance gives it', (name, target) => {
    const random = new SeededRandom(1).fork(name);
    expect(errorOf(target, new Uint8Array(0))).toBeNull();
    for (let i = 0; i < 5; i++) expect(errorOf(target, randomInput(random, target.lengthMax))).toBeNull();
  });
});
