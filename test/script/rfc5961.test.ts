// The whole dialogue that RFC 5961 §4.2 has in mind: a peer that has restarted asks anew, and the old connection goes.

import { expect, test } from 'vitest';

import { tcp } from '../../src/testing/script.js';
import { established } from '../fixtures/established.js';

// RFC 5961 §4.2-2: the RST has the number that our challenge acknowledged, which is RCV.NXT and nothing else.
test('a peer that has restarted: its SYN is challenged, its RST ends the old connection, its next SYN begins a new one', () => {
  const h = established();
  h.play(tcp`
    +0     < P. 1:101(100)      ack 1 win 65535
    +40ms  > .  1:1(0)          ack 101
    +5s    < S  7000:7000(0)    win 65535 <mss 1000>
    +0     > .  1:1(0)          ack 101 <>
    +10ms  < R  101:101(0)      win 0
  `);
  expect(h.connection!.error?.code).toBe('ECONNRESET');
  expect(h.connection!.state).toBe('CLOSED');
  h.play(tcp`
    +1s    < S  7000:7000(0)    win 65535 <mss 1000>
    +0     > S. 0:0(0) ack 7001            <mss 1460>
  `);
});
