// Text, both ways: segments, windows, acknowledgments, what is out of order, and what is sent again. RFC 9293 §3.7, §3.8;
// RFC 5681; RFC 6298; RFC 2018; RFC 7323.

import { describe, expect, test } from 'vitest';

import { ScriptHost, tcp } from '../../src/testing/script.js';

const ESTABLISHED = tcp`
  +0    < S  0:0(0)       win 65535 <mss 1000,sackOK>
  +0    > S. 0:0(0) ack 1
  +20ms < .  1:1(0) ack 1 win 65535
`;

const established = (options: { noDelay?: boolean; receiveBuffer?: number; sendBuffer?: number; userTimeoutMs?: number; keepAlive?: boolean } = {}): ScriptHost =>
  new ScriptHost().listen(options).play(ESTABLISHED);

/** Without SACK there is no tail loss probe: the timer alone speaks. */
const withoutSack = (): ScriptHost => new ScriptHost().listen().play(tcp`
  +0    < S  0:0(0)       win 65535 <mss 1000>
  +0    > S. 0:0(0) ack 1
  +20ms < .  1:1(0) ack 1 win 65535
`);

/** A script whose times were reckoned. */
const lines = (text: string): TemplateStringsArray => Object.assign([text], { raw: [text] });

describe('sending', () => {
  test('full segments first, PSH on the last (MUST-61, SHLD-28)', () => {
    const h = established();
    h.play(tcp`
      +0    ${() => h.send(2500)}
      +0    > .  1:1001(1000) ack 1
      +0    > .  1001:2001(1000) ack 1
      +0    > P. 2001:2501(500) ack 1
      +20ms < .  1:1(0) ack 2501 win 65535
    `);
    expect(h.connection!.unacknowledged).toBe(0);
  });

  test('SHLD-7: a small segment waits for the ACK of an earlier small one, and gathers (MAY-16)', () => {
    const h = established();
    h.play(tcp`
      +0    ${() => h.send(10)}
      +0    > P. 1:11(10) ack 1
      +1ms  ${() => h.send(20)}
      +1ms  ${() => h.send(30)}
      +10ms < .  1:1(0) ack 11 win 65535
      +0    > P. 11:61(50) ack 1
      +10ms < .  1:1(0) ack 61 win 65535
    `);
  });

  test('MUST-17: with noDelay nothing waits', () => {
    const h = established({ noDelay: true });
    h.play(tcp`
      +0    ${() => h.send(10)}
      +0    > P. 1:11(10) ack 1
      +1ms  ${() => h.send(20)}
      +0    > P. 11:31(20) ack 1
      +10ms < .  1:1(0) ack 31 win 65535
    `);
  });

  test('the window is the limit, and what it opens by is sent', () => {
    const h = established({ noDelay: true });
    h.play(tcp`
      +0    < .  1:1(0) ack 1 win 2000
      +0    ${() => h.send(5000)}
      +0    > .  1:1001(1000) ack 1
      +0    > .  1001:2001(1000) ack 1
      +10ms < .  1:1(0) ack 1001 win 2000
      +0    > .  2001:3001(1000) ack 1
      +10ms < .  1:1(0) ack 3001 win 2000
      +0    > .  3001:4001(1000) ack 1
      +0    > P. 4001:5001(1000) ack 1
      +10ms < .  1:1(0) ack 5001 win 2000
    `);
  });

  test('MUST-38: a window that opens by crumbs draws no crumbs', () => {
    const h = established();
    h.play(tcp`
      +0    < .  1:1(0) ack 1 win 1000
      +0    ${() => h.send(5000)}
      +0    > .  1:1001(1000) ack 1
      +10ms < .  1:1(0) ack 1001 win 100
      +10ms < .  1:1(0) ack 1001 win 400
      +10ms < .  1:1(0) ack 1001 win 1000
      +0    > .  1001:2001(1000) ack 1
      +10ms < .  1:1(0) ack 2001 win 65535
      +0    > .  2001:3001(1000) ack 1
      +0    > .  3001:4001(1000) ack 1
      +0    > P. 4001:5001(1000) ack 1
      +10ms < .  1:1(0) ack 5001 win 65535
    `);
  });

  test('MUST-36, SHLD-29, SHLD-30: a shut window is probed after one RTO and then ever more slowly', () => {
    const h = established();
    h.play(tcp`
      +0     < .  1:1(0) ack 1 win 0
      +0     ${() => h.send(100)}
      +220ms > .  0:0(0) ack 1
      +10ms  < .  1:1(0) ack 1 win 0
      +430ms > .  0:0(0) ack 1
      +10ms  < .  1:1(0) ack 1 win 0
      +870ms > .  0:0(0) ack 1
      +10ms  < .  1:1(0) ack 1 win 65535
      +0     > P. 1:101(100) ack 1
      +10ms  < .  1:1(0) ack 101 win 65535
    `);
  });

  test('MUST-37: as long as probes are answered it stays, for hours', () => {
    const h = established();
    h.play(tcp`+0 < . 1:1(0) ack 1 win 0
      +0 ${() => h.send(100)}`);
    const answered = (afterMs: number): unknown => h.play(tcp(lines(`+${afterMs}ms > . 0:0(0) ack 1
      +10ms < . 1:1(0) ack 1 win 0`)));
    for (let interval = 220; interval < 60_000; interval *= 2) answered(interval === 220 ? 220 : interval - 10);
    for (let minute = 0; minute < 200; minute++) answered(60_000 - 10);
    expect(h.now).toBeGreaterThan(3 * 3_600_000);
    expect(h.connection!.state).toBe('ESTABLISHED');
  });
});

describe('receiving', () => {
  test('SHLD-18, MUST-40: one small segment is acknowledged after 40 ms', () => {
    const h = established();
    h.play(tcp`
      +0    < P. 1:101(100) ack 1 win 65535
      +40ms > .  1:1(0) ack 101
    `);
    expect(h.receive()).toBe(100);
  });

  test('SHLD-19: every second full segment is acknowledged at once', () => {
    established().play(tcp`
      +0    < .  1:1001(1000) ack 1 win 65535
      +1ms  < .  1001:2001(1000) ack 1 win 65535
      +0    > .  1:1(0) ack 2001
      +1ms  < .  2001:3001(1000) ack 1 win 65535
      +40ms > .  1:1(0) ack 3001
    `);
  });

  test('the ACK rides on text that goes the other way', () => {
    const h = established();
    h.play(tcp`
      +0    < P. 1:101(100) ack 1 win 65535
      +5ms  ${() => h.send(7)}
      +0    > P. 1:8(7) ack 101
      +10ms < .  101:101(0) ack 8 win 65535
    `);
  });

  test('SHLD-31: out of order is kept, told by SACK, and taken when the gap is filled (RFC 2018 §4)', () => {
    const h = established();
    h.play(tcp`
      +0    < .  1001:2001(1000) ack 1 win 65535
      +0    > .  1:1(0) ack 1 <sack 1001:2001>
      +1ms  < .  3001:4001(1000) ack 1 win 65535
      +0    > .  1:1(0) ack 1 <sack 3001:4001 1001:2001>
      +1ms  < .  1:1001(1000) ack 1 win 65535
      +0    > .  1:1(0) ack 2001 <sack 3001:4001>
      +1ms  < .  2001:3001(1000) ack 1 win 65535
      +0    > .  1:1(0) ack 4001 <>
    `);
    expect(h.receive()).toBe(4000);
  });

  test('what is partly old is taken from where it is new (SEC-56)', () => {
    const h = established();
    h.play(tcp`
      +0    < .  1:501(500) ack 1 win 65535
      +0    < .  201:1201(1000) ack 1 win 65535
      +0    > .  1:1(0) ack 1201 <sack 201:501>
      +1ms  < .  1:501(500) ack 1 win 65535
      +0    > .  1:1(0) ack 1201
    `);
    expect(h.receive()).toBe(1200);
  });

  test('MUST-66, SHLD-14, MAY-8: a full buffer shuts the window; ACKs count all the same, text does not, and reading opens it', () => {
    const h = established({ receiveBuffer: 4000 });
    h.play(tcp`
      +0    < .  1:2001(2000) ack 1 win 65535
      +0    < .  2001:4001(2000) ack 1 win 65535
      +0    > .  1:1(0) ack 4001 win 0
      +0    ${() => h.send(10)}
      +0    > P. 1:11(10) ack 4001 win 0
      +10ms < .  4001:4002(1) ack 11 win 65535
      +0    > .  11:11(0) ack 4001 win 0
      +0    ${() => expect(h.connection!.unacknowledged).toBe(0)}
      +0    ${() => expect(h.receive(100)).toBe(100)}
      +1s   ${() => expect(h.receive()).toBe(3900)}
      +0    > .  11:11(0) ack 4001 win 4000
    `);
  });
});

describe('loss', () => {
  test('RFC 6298 (5.4)–(5.6): a lost segment goes again after one RTO, then after two', () => {
    const h = withoutSack();
    h.play(tcp`
      +0     ${() => h.send(500)}
      +0     > P. 1:501(500) ack 1
      +220ms > P. 1:501(500) ack 1
      +440ms > P. 1:501(500) ack 1
      +10ms  < .  1:1(0) ack 501 win 65535
    `);
  });

  test('ACKs that change the window are no duplicates', () => {
    const h = established();
    h.play(tcp`
      +0     ${() => h.send(1000)}
      +0     > P. 1:1001(1000) ack 1
      +20ms  < .  1:1(0) ack 1 win 60000
      +0     < .  1:1(0) ack 1 win 59000
      +0     < .  1:1(0) ack 1 win 58000
      +0     < .  1:1(0) ack 1 win 57000
      +20ms  < .  1:1(0) ack 1001 win 65535
    `);
  });

  test('R2: fifteen repetitions, then ETIMEDOUT; at R1 the application has heard of trouble (MUST-20, SHLD-9, SHLD-11)', () => {
    const h = withoutSack();
    h.play(tcp`+0 ${() => h.send(1)}
      +0 > P. 1:2(1) ack 1`);
    h.news();
    const from = h.now;
    while (h.connection!.state !== 'CLOSED') h.advanceTo(h.stack.nextTimeout());
    expect(h.connection!.error).toMatchObject({ code: 'ETIMEDOUT', syscall: 'read' });
    expect(h.connection!.retransmits).toBe(15);
    expect(h.now - from).toBeGreaterThan(100_000);
    expect(h.news()).toMatch(/^trouble .*closed error$/);
  });

  test('MUST-21: a user timeout is R2', () => {
    const h = established({ userTimeoutMs: 5000 });
    h.play(tcp`+0 ${() => h.send(1)}
      +0 > P. 1:2(1) ack 1`);
    const from = h.now;
    while (h.connection!.state !== 'CLOSED') h.advanceTo(h.stack.nextTimeout());
    expect(h.now - from).toBeCloseTo(5000, 0);
  });

  test('MUST-23: a SYN is repeated for at least three minutes', () => {
    const h = new ScriptHost().connect();
    while (h.connection!.state !== 'CLOSED') h.advanceTo(h.stack.nextTimeout());
    expect(h.connection!.error).toMatchObject({ code: 'ETIMEDOUT', syscall: 'connect', address: '192.0.2.2' });
    expect(h.now).toBeGreaterThanOrEqual(180_000);
  });
});

describe('keep-alive (MUST-24 … 29, SHLD-12)', () => {
  test('is off by default', () => {
    const h = established();
    h.advanceTo(10_000_000);
    expect(h.stack.nextTimeout()).toBe(Infinity);
  });

  test('probes after two hours of silence with an old number and no text, and again each 75 s; an answer suffices', () => {
    const h = established({ keepAlive: true });
    h.play(tcp`
      +7200s > .  0:0(0) ack 1
      +75s   > .  0:0(0) ack 1
      +1s    < .  1:1(0) ack 1 win 65535
      +7200s > .  0:0(0) ack 1
      +1s    < .  1:1(0) ack 1 win 65535
    `);
    expect(h.connection!.state).toBe('ESTABLISHED');
  });

  test('ends the connection when nine stay unanswered', () => {
    const h = established({ keepAlive: true });
    while (h.connection!.state !== 'CLOSED') h.advanceTo(h.stack.nextTimeout());
    expect(h.connection!.error).toMatchObject({ code: 'ETIMEDOUT' });
    expect(h.now).toBeCloseTo(20 + 7_200_000 + 9 * 75_000, -2);
  });
});
