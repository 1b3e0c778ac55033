// Closing a connection, in every order. RFC 9293 §3.6, §3.10.4, §3.10.7.4; RFC 1337; RFC 6191.

import { expect, test } from 'vitest';

import { ScriptHost, tcp } from '../../src/testing/script.js';

const ESTABLISHED = tcp`
  +0    < S  0:0(0)       win 65535 <mss 1000>
  +0    > S. 0:0(0) ack 1
  +20ms < .  1:1(0) ack 1 win 65535
`;

const established = (): ScriptHost => new ScriptHost().listen().play(ESTABLISHED);

test('we close first: FIN-WAIT-1, FIN-WAIT-2, TIME-WAIT, and after 2MSL nothing (MUST-13)', () => {
  const h = established().play(tcp`
    +0    ${(c) => c.shutdown()}
    +0    > F. 1:1(0) ack 1
    +0    ${(c) => expect(c.state).toBe('FIN-WAIT-1')}
    +10ms < .  1:1(0) ack 2 win 65535
    +0    ${(c) => expect(c.state).toBe('FIN-WAIT-2')}
    +10ms < F. 1:1(0) ack 2 win 65535
    +0    > .  2:2(0) ack 2
    +0    ${(c) => expect(c.state).toBe('TIME-WAIT')}
  `);
  expect(h.news()).toBe('connected end closed');
  expect(h.connection!.error).toBeNull();
  expect(h.stack.tcp.timeWait.size).toBe(1);
  h.advanceTo(h.now + 59_999);
  expect(h.stack.tcp.timeWait.size).toBe(1);
  h.advanceTo(h.now + 2);
  expect(h.stack.tcp.timeWait.size).toBe(0);
  expect(h.stack.nextTimeout()).toBe(Infinity);
});

test('the peer closes first: CLOSE-WAIT, LAST-ACK, CLOSED', () => {
  const h = established().play(tcp`
    +0    < F. 1:1(0) ack 1 win 65535
    +0    > .  1:1(0) ack 2
    +0    ${(c) => expect(c.state).toBe('CLOSE-WAIT')}
    +5s   ${(c) => c.shutdown()}
    +0    > F. 1:1(0) ack 2
    +0    ${(c) => expect(c.state).toBe('LAST-ACK')}
    +10ms < .  2:2(0) ack 2 win 65535
    +0    ${(c) => expect(c.state).toBe('CLOSED')}
  `);
  expect(h.stack.tcp.connections.size).toBe(0);
  expect(h.stack.tcp.timeWait.size).toBe(0);
});

test('both close at once: CLOSING, then TIME-WAIT', () => {
  established().play(tcp`
    +0    ${(c) => c.shutdown()}
    +0    > F. 1:1(0) ack 1
    +10ms < F. 1:1(0) ack 1 win 65535
    +0    > .  2:2(0) ack 2
    +0    ${(c) => expect(c.state).toBe('CLOSING')}
    +10ms < .  2:2(0) ack 2 win 65535
    +0    ${(c) => expect(c.state).toBe('TIME-WAIT')}
  `);
});

test('FIN and the ACK of ours in one segment: straight from FIN-WAIT-1 to TIME-WAIT', () => {
  established().play(tcp`
    +0    ${(c) => c.shutdown()}
    +0    > F. 1:1(0) ack 1
    +10ms < F. 1:1(0) ack 2 win 65535
    +0    > .  2:2(0) ack 2
    +0    ${(c) => expect(c.state).toBe('TIME-WAIT')}
  `);
});

test('half closed, we still read; the FIN rides on the last text we had', () => {
  const h = established();
  h.play(tcp`
    +0    ${() => h.send(100)}
    +0    > P. 1:101(100) ack 1
    +0    ${(c) => (h.send(50), c.shutdown())}
    +0    > FP. 101:151(50) ack 1
    +10ms < .  1:1(0) ack 152 win 65535
    +10ms < P. 1:301(300) ack 152 win 65535
    +40ms > .  152:152(0) ack 301
    +0    ${() => expect(h.receive()).toBe(300)}
    +0    < F. 301:301(0) ack 152 win 65535
    +0    > .  152:152(0) ack 302
  `);
  expect(() => h.connection!.write(new Uint8Array(1))).toThrow(/EPIPE/);
});

test('MUST-12, SHLD-3: close with text that nobody read is a reset, and not a FIN', () => {
  established().play(tcp`
    +0    < P. 1:11(10) ack 1 win 65535
    +0    ${(c) => c.close()}
    +0    > R. 1:1(0) ack 11
  `);
});

test('SHLD-3: text that comes after close is answered with a reset', () => {
  const h = established().play(tcp`
    +0    ${(c) => c.close()}
    +0    > F. 1:1(0) ack 1
    +10ms < .  1:1(0) ack 2 win 65535
    +10ms < P. 1:11(10) ack 2 win 65535
    +0    > R. 2:2(0) ack 1
  `);
  expect(h.stack.tcp.connections.size).toBe(0);
});

test('an orphan waits a minute in FIN-WAIT-2, and no longer (SEC-60)', () => {
  const h = established().play(tcp`
    +0    ${(c) => c.close()}
    +0    > F. 1:1(0) ack 1
    +10ms < .  1:1(0) ack 2 win 65535
    +59.9s ${(c) => expect(c.state).toBe('FIN-WAIT-2')}
    +200ms ${(c) => expect(c.state).toBe('CLOSED')}
  `);
  expect(h.stack.tcp.connections.size).toBe(0);
});

test('who only ended its side may wait in FIN-WAIT-2 as long as it likes', () => {
  established().play(tcp`
    +0    ${(c) => c.shutdown()}
    +0    > F. 1:1(0) ack 1
    +10ms < .  1:1(0) ack 2 win 65535
    +3600s ${(c) => expect(c.state).toBe('FIN-WAIT-2')}
  `);
});

test('a FIN out of order counts when the text before it has come (SEC-56)', () => {
  const h = established().play(tcp`
    +0    < FP. 11:21(10) ack 1 win 65535
    +0    > .  1:1(0) ack 1
    +0    ${(c) => expect(c.state).toBe('ESTABLISHED')}
    +0    < P. 1:11(10) ack 1 win 65535
    +0    > .  1:1(0) ack 22
    +0    ${(c) => expect(c.state).toBe('CLOSE-WAIT')}
  `);
  expect(h.receive()).toBe(20);
});

test('a lost FIN is sent again after one RTO, and again after two', () => {
  established().play(tcp`
    +0    ${(c) => c.shutdown()}
    +0    > F. 1:1(0) ack 1
    +220ms > F. 1:1(0) ack 1
    +440ms > F. 1:1(0) ack 1
    +10ms < .  1:1(0) ack 2 win 65535
  `);
});

test('TIME-WAIT: the FIN again is answered, and 2MSL begin anew; a RST does nothing (RFC 1337)', () => {
  const h = established().play(tcp`
    +0    ${(c) => c.shutdown()}
    +0    > F. 1:1(0) ack 1
    +10ms < F. 1:1(0) ack 2 win 65535
    +0    > .  2:2(0) ack 2
    +50s  < F. 1:1(0) ack 2 win 65535
    +0    > .  2:2(0) ack 2
    +1s   < R. 2:2(0) ack 2 win 0
    +1s   < .  2:2(0) ack 2 win 0
  `);
  h.advanceTo(h.now + 57_000);
  expect(h.stack.tcp.timeWait.size).toBe(1);
  h.advanceTo(h.now + 2_000);
  expect(h.stack.tcp.timeWait.size).toBe(0);
});

test('MAY-2: a SYN with a higher number reopens from TIME-WAIT; an old one is told where we are', () => {
  const h = established().play(tcp`
    +0    ${(c) => c.shutdown()}
    +0    > F. 1:1(0) ack 1
    +10ms < F. 1:1(0) ack 2 win 65535
    +0    > .  2:2(0) ack 2
    +1s   < S  0:0(0) win 65535
    +0    > .  2:2(0) ack 2
  `);
  expect(h.stack.tcp.timeWait.size).toBe(1);
  expect(() => h.play(tcp`+1s < S 1000:1000(0) win 65535`)).toThrow(/got {2}> S\. \d+:\d+\(0\) ack 1001/);
  expect(h.stack.tcp.timeWait.size).toBe(0);
  expect([...h.stack.tcp.connections].map((c) => c.state)).toEqual(['SYN-RECEIVED']);
});

test('abort: a reset to the peer, and what was unsent is forgotten', () => {
  const h = established();
  h.play(tcp`
    +0 ${(c) => (h.send(10), c.abort())}
    +0 > R. 1:1(0) ack 1
  `);
  expect(h.stack.tcp.connections.size).toBe(0);
  expect(h.connection!.error).toBeNull();
});
