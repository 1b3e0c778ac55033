// A small part of what `npm run sim -- tcp` measures, held still: when TCP gets better or worse, the table in the snapshot
// says so. The claims are asserted.

import { describe, expect, test } from 'vitest';

import { badLine, blackout, CONTROLLERS, firstShare, goodputReordered } from '../../tools/sim/scenarios.js';
import { measureTable, table } from '../../tools/sim/tcp.js';

const SEED = 9293;

describe('TCP on a bad network', () => {
  test('goodput as a share of the link, by loss, round trip and controller', async () => {
    const cells = measureTable(SEED, 6000, [0, 0.01, 0.1], [10, 100]);
    await expect(`${table(cells)}\n`).toMatchFileSnapshot('goodput.txt');
    for (const { share } of cells) expect(share).toBeGreaterThan(0);
    // 1448 of 1500 bytes are text.
    for (const { share } of cells) expect(share).toBeLessThanOrEqual(1448 / 1500);
  }, 120_000);

  test('reordering without loss: the share of the link after slow start', async () => {
    const lines = [0, 10, 50, 200].map((ms) => `${ms} ms`.padStart(8) + `${(100 * goodputReordered(SEED, 'cubic', ms, 5000)).toFixed(1)} %`.padStart(9));
    await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot('reordering.txt');
  });

  test.each(CONTROLLERS)('two equal flows of %s share within 60:40', (congestion) => {
    const share = firstShare(SEED, congestion, 60_000, 50, 30_000);
    expect(share).toBeLessThanOrEqual(0.6);
    expect(share).toBeGreaterThanOrEqual(0.4);
  });

  // The line of `npm run sim -- kernel`. Losses by chance, packets overtaken and doubled are no congestion.
  test('bbr has most of a line that loses, reorders and doubles', () => {
    expect(badLine(SEED, 'bbr', 10_000)).toBeGreaterThan(0.75);
  });

  test.each(CONTROLLERS)('after a minute of blackout %s resumes within one step of the back-off (RFC 6298 (5.5))', (congestion) => {
    const { stepMs, growth, afterMs, share } = blackout(SEED, congestion, 50);
    expect(stepMs).toBeGreaterThan(8000);
    expect(growth).toBeLessThanOrEqual(2.05);
    expect(afterMs).toBeLessThanOrEqual(2 * stepMs + 100);
    expect(share).toBeGreaterThan(0.5);
  });
});
