// Opening a connection. RFC 9293 §3.5, §3.10.1, §3.10.7.2–3.

import { describe, expect, test } from 'vitest';

import { ScriptHost, tcp } from '../../src/testing/script.js';

describe.each([4, 6] as const)('the handshake over IPv%i', (family) => {
  test('a passive open answers a SYN and is established by the ACK of its own', () => {
    const h = new ScriptHost({ family }).listen();
    h.play(tcp`
      +0     < S  0:0(0)         win 65535 <mss 1000,sackOK>
      +0     > S. 0:0(0) ack 1             <mss ${family === 4 ? 1460 : 1440},sackOK>
      +100ms < .  1:1(0) ack 1   win 4000
    `);
    expect(h.connection!.state).toBe('ESTABLISHED');
    expect(h.news()).toBe('connected');
  });
});
