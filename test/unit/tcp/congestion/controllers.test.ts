// Which controller a connection gets.

import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../../../src/random.js';
import { CONGESTION_NAMES, newController } from '../../../../src/tcp/congestion/controllers.js';
import { ScriptHost, tcp } from '../../../../src/testing/script.js';
import type { ConnectionOptions } from '../../../../src/tcp/connection.js';

test.each(CONGESTION_NAMES)('%s is what its name says', (name) => {
  const control = newController(name, 1000, 3000, new SeededRandom(1));
  expect(control).toMatchObject({ name, smss: 1000, cwnd: 3000, ssthresh: Infinity });
  // PRR holds the window of those that have no model of the path.
  expect(control.ownsRecovery).toBe(name === 'bbr');
  expect(control.pacingRate < Infinity).toBe(name === 'bbr');
});

describe('a connection', () => {
  const named = (options: ConnectionOptions): string => {
    const h = new ScriptHost().listen(options);
    h.play(tcp`
      +0    < S  0:0(0)         win 65535 <mss 1000>
      +0    > S. 0:0(0) ack 1
      +20ms < .  1:1(0) ack 1   win 65535
    `);
    return h.connection!.congestion.name;
  };

  test('has CUBIC, unless another is asked for', () => {
    expect(named({})).toBe('cubic');
    for (const name of CONGESTION_NAMES) expect(named({ congestion: name })).toBe(name);
  });

  test('of an unknown one is refused in Node\'s words, and nothing is left of it', () => {
    const h = new ScriptHost();
    const congestion = 'vegas' as never;
    const refusal = expect.objectContaining({
      code: 'ERR_INVALID_ARG_VALUE',
      message: 'The property \'options.congestion\' must be one of: \'cubic\', \'new-reno\', \'bbr\'. Received \'vegas\'',
    }) as Error;
    expect(() => h.listen({ congestion })).toThrow(refusal);
    expect(() => h.stack.tcp.connect({ address: h.peers, port: 1, congestion })).toThrow(refusal);
    expect([...h.stack.tcp.connections]).toEqual([]);
  });
});
