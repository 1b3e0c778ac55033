// Scenarios, one line each: `ok` or `FAILED`, what was done, how long it took, what the line did to it.

import { setTimeout as sleep } from 'node:timers/promises';

const PATIENCE_MS = 180_000;

/** What is thrown where a program is missing. */
export class Skip extends Error {}

export function equal(actual, expected, what) {
  if (actual !== expected) throw new Error(`${what}: ${JSON.stringify(actual)} and not ${JSON.stringify(expected)}`);
}

export class Tally {
  passed = 0;
  failed = 0;
  skipped = 0;

  /** `scenario` resolves to a few words on what it did. */
  async run(title, ends, scenario) {
    const before = ends?.tally?.();
    const began = performance.now();
    const seconds = () => `${((performance.now() - began) / 1000).toFixed(1)} s`;
    const patience = new AbortController();
    try {
      const late = sleep(PATIENCE_MS, null, { signal: patience.signal }).then(() => { throw new Error(`nothing for ${PATIENCE_MS / 1000} s`); });
      late.catch(() => {});
      const did = await Promise.race([scenario(ends), late]);
      const after = ends?.tally?.();
      // Whoever found a way around the line has proved nothing.
      if (after && after.packets === before.packets) throw new Error('no packet went over the line');
      const line = after ? `, ${after.packets - before.packets} packets, ${after.lost - before.lost} lost` : '';
      this.passed++;
      console.log(`ok      ${title}: ${did} (${seconds()}${line})`);
    } catch (error) {
      if (error instanceof Skip) this.skip(title, error.message);
      else this.fail(`${title} (${seconds()})`, error.stack ?? error);
    } finally {
      patience.abort();
      ends?.cut();
    }
  }

  skip(title, reason) {
    this.skipped++;
    console.log(`skipped ${title}: ${reason}`);
  }

  fail(title, reason) {
    this.failed++;
    console.log(`FAILED  ${title}: ${reason}`);
  }

  add({ passed, failed, skipped }) {
    this.passed += passed;
    this.failed += failed;
    this.skipped += skipped;
  }

  toString() {
    return `${this.passed} passed, ${this.failed} failed${this.skipped > 0 ? `, ${this.skipped} skipped` : ''}`;
  }
}
