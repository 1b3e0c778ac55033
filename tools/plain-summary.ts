// The last line of a test run, for programs: `N passed, N failed, N skipped`, alone on its line and without color.

import type { Reporter, SerializedError, TestModule } from 'vitest/node';

export default class PlainSummary implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const count = { passed: 0, failed: 0, skipped: 0, pending: 0 };
    for (const module of modules) {
      let failures = 0;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        count[state]++;
        if (state === 'failed') failures++;
      }
      // A file that does not load, or whose hooks throw, has failed without any test of its own having done so.
      if (failures === 0 && module.state() === 'failed') count.failed++;
    }
    // An error that nobody caught belongs to no test. A test that never ran was not passed.
    const failed = count.failed + count.pending + unhandled.length;
    process.stdout.write(`\n${count.passed} passed, ${failed} failed, ${count.skipped} skipped\n`);
  }
}
