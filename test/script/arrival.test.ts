// SEGMENT ARRIVES, row by row: what each state answers to what should not have come. RFC 9293 §3.10.7, RFC 5961.

import { describe, expect, test } from 'vitest';

import { ScriptHost, tcp } from '../../src/testing/script.js';

/** A passive open without options, established at 20 ms. */
const ESTABLISHED = tcp`
  +0    < S  0:0(0)       win 65535 <mss 1000>
  +0    > S. 0:0(0) ack 1           <mss 1460>
  +20ms < .  1:1(0) ack 1 win 65535
`;

const established = (): ScriptHost => new ScriptHost().listen().play(ESTABLISHED);

describe('nobody is there (CLOSED, §3.10.7.1)', () => {
  test('a RST is not answered', () => {
    new ScriptHost().play(tcp`+0 < R 5:5(0) win 0`);
  });

  test('without ACK the RST has SEQ 0 and acknowledges SYN, text and FIN', () => {
    const h = new ScriptHost({ irs: 0, iss: 0 });
    h.play(tcp`
      +0 < S 0:0(0) win 65535
      +0 > R. 0:0(0) ack 1
      +0 < SF 10:110(100) win 65535
      +0 > R. 0:0(0) ack 112
    `);
    expect(h.stack.counters.drops['tcp-no-socket']).toBe(2);
  });

  test('with ACK the RST has its number, and acknowledges nothing', () => {
    new ScriptHost({ irs: 0, iss: 0 }).play(tcp`
      +0 < . 7:7(0) ack 900 win 65535
      +0 > R 900:900(0)
    `);
  });
});

describe('LISTEN (§3.10.7.2)', () => {
  test('a RST is ignored, an ACK is reset, what has neither SYN nor ACK is nothing, SYN and FIN together neither', () => {
    new ScriptHost({ irs: 0, iss: 0 }).listen().play(tcp`
      +0 < R  0:0(0) win 0
      +0 < .  0:0(0) ack 77 win 1000
      +0 > R  77:77(0)
      +0 < P  0:10(10) win 1000
      +0 < -  0:0(0) win 1000
      +0 < SF 0:0(0) win 1000
      +0 < FPU 0:0(0) win 1000
    `);
  });
});

describe('SYN-SENT (§3.10.7.3)', () => {
  const opening = (): ScriptHost => new ScriptHost().connect().play(tcp`+0 > S 0:0(0) win 65535 <mss 1460,sackOK,TS val 0 ecr 0,wscale 7>`);

  test('an ACK of what was not sent is reset, unless it is a RST itself; we go on asking', () => {
    const h = opening().play(tcp`
      +10ms < S. 0:0(0) ack 9 win 1000
      +0    > R  9:9(0)
      +10ms < R. 0:0(0) ack 9 win 1000
      +10ms < S. 0:0(0) ack 0 win 1000
      +0    > R  0:0(0)
    `);
    expect(h.connection!.state).toBe('SYN-SENT');
    h.play(tcp`
      +10ms < S. 0:0(0) ack 1 win 1000
      +0    > .  1:1(0) ack 1
    `);
    expect(h.connection!.state).toBe('ESTABLISHED');
  });

  test('a RST that acknowledges our SYN refuses; one that does not is ignored', () => {
    const h = opening().play(tcp`+10ms < R 0:0(0) win 0`);
    expect(h.connection!.state).toBe('SYN-SENT');
    h.play(tcp`+10ms < R. 0:0(0) ack 1 win 0`);
    expect(h.connection!.error).toMatchObject({ code: 'ECONNREFUSED', syscall: 'connect', address: '192.0.2.2', port: 40_000 });
    expect(h.news()).toBe('closed error');
  });

  test('a FIN without SYN, and an ACK alone, are nothing', () => {
    const h = opening().play(tcp`
      +10ms < . 0:0(0) ack 1 win 1000
      +10ms < F. 0:0(0) ack 1 win 1000
    `);
    expect(h.connection!.state).toBe('SYN-SENT');
  });

  test('MUST-10: SYNs that cross open the connection, once', () => {
    const h = opening().play(tcp`
      +10ms < S  0:0(0) win 1000 <mss 500>
      +0    > S. 0:0(0) ack 1 <mss 1460>
      +10ms < .  1:1(0) ack 1 win 1000
    `);
    expect(h.connection!.state).toBe('ESTABLISHED');
    expect(h.news()).toBe('connected');
  });

  test('MUST-11: opened actively, a RST in SYN-RECEIVED is a refusal', () => {
    const h = opening().play(tcp`
      +10ms < S  0:0(0) win 1000 <mss 500>
      +0    > S. 0:0(0) ack 1
      +10ms < R. 1:1(0) ack 1 win 0
    `);
    expect(h.connection!.error).toMatchObject({ code: 'ECONNREFUSED' });
  });
});

describe('SYN-RECEIVED', () => {
  const halfOpen = (): ScriptHost => new ScriptHost().listen().play(tcp`
    +0 < S  0:0(0) win 1000 <mss 1000>
    +0 > S. 0:0(0) ack 1
  `);

  test('MUST-11: opened passively, a RST leads back to LISTEN, silently', () => {
    const h = halfOpen().play(tcp`+10ms < R 1:1(0) win 0`);
    expect(h.stack.tcp.connections.size).toBe(0);
    expect(h.listener!.halfOpenCount).toBe(0);
    expect(h.connection).toBeNull();
  });

  test('an ACK that does not acknowledge our SYN is reset', () => {
    halfOpen().play(tcp`
      +10ms < . 1:1(0) ack 500 win 1000
      +0    > R 500:500(0)
    `);
  });

  test('the same SYN again draws the same answer', () => {
    halfOpen().play(tcp`
      +10ms < S  0:0(0) win 1000 <mss 1000>
      +0    > S. 0:0(0) ack 1
    `);
  });
});

describe('RFC 5961 §3.2: a RST', () => {
  test('at exactly RCV.NXT resets', () => {
    const h = established().play(tcp`+10ms < R 1:1(0) win 0`);
    expect(h.connection!.error).toMatchObject({ code: 'ECONNRESET', syscall: 'read' });
    expect(h.stack.tcp.connections.size).toBe(0);
  });

  test('elsewhere in the window is challenged', () => {
    const h = established().play(tcp`
      +10ms < R 2:2(0) win 0
      +0    > . 1:1(0) ack 1
      +10ms < R 60000:60000(0) win 0
      +0    > . 1:1(0) ack 1
    `);
    expect(h.connection!.state).toBe('ESTABLISHED');
  });

  test('outside the window is ignored', () => {
    const h = established().play(tcp`+10ms < R 8000000:8000000(0) win 0`);
    expect(h.connection!.state).toBe('ESTABLISHED');
  });

  test('with text is a RST all the same (SHLD-2)', () => {
    const h = established().play(tcp`+10ms < R. 1:11(10) ack 1 win 0`);
    expect(h.connection!.error).toMatchObject({ code: 'ECONNRESET' });
  });
});

test.each(['1:1(0)', '500:500(0)', '9000000:9000000(0)'])('RFC 5961 §4.2: a SYN at %s of an established connection is challenged', (range) => {
  const h = established();
  const text = `+10ms < S ${range} win 1000
    +0 > . 1:1(0) ack 1`;
  h.play(tcp(Object.assign([text], { raw: [text] })));
  expect(h.connection!.state).toBe('ESTABLISHED');
});

test('RFC 5961 §7: challenges are limited, ten a second for each connection', () => {
  const h = established();
  for (let i = 0; i < 10; i++) h.play(tcp`+1ms < R 2:2(0) win 0
    +0 > . 1:1(0) ack 1`);
  h.play(tcp`+1ms < R 2:2(0) win 0`);
  expect(h.stack.counters.drops['tcp-rate-limited']).toBe(1);
  h.play(tcp`+1s < R 2:2(0) win 0
    +0 > . 1:1(0) ack 1`);
});

describe('the ACK field (fifth)', () => {
  test('a segment without it is dropped', () => {
    const h = established().play(tcp`+10ms < P 1:11(10) win 1000`);
    expect(h.stack.counters.drops['tcp-no-ack']).toBe(1);
    expect(h.connection!.readable).toBe(0);
  });

  test('of what was never sent: told where we are, its text not taken (SEC-63)', () => {
    const h = established().play(tcp`
      +10ms < P. 1:11(10) ack 500 win 1000
      +0    > .  1:1(0) ack 1
    `);
    expect(h.connection!.readable).toBe(0);
  });

  test('MAY-12: from further back than the largest window was: challenged, its text not taken', () => {
    const h = established().play(tcp`
      +10ms < P. 1:11(10) ack 4294000000 win 1000
      +0    > .  1:1(0) ack 1
    `);
    expect(h.connection!.readable).toBe(0);
    expect(h.stack.counters.drops['tcp-old-ack']).toBe(1);
  });
});

test('text outside the window is answered with where we are, and not taken', () => {
  const h = established().play(tcp`
    +10ms < P. 9000001:9000011(10) ack 1 win 1000
    +0    > .  1:1(0) ack 1
  `);
  expect(h.connection!.readable).toBe(0);
});
