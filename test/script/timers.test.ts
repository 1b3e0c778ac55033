// Time: the retransmission timeout and its back-off, how long we try, what a user may set, keep-alives, and what becomes
// of connections that nobody holds. RFC 9293 §3.8.1, §3.8.3, §3.8.4; RFC 6298; RFC 5482.

import { describe, expect, test, vi } from 'vitest';

import { type ScriptHost, tcp } from '../../src/testing/script.js';
import { burst, established } from '../fixtures/established.js';

/** Let deadlines pass until the connection has ended; how long that took, ms. */
function outlive(h: ScriptHost): number {
  const from = h.now;
  while (h.connection!.state !== 'CLOSED') h.advanceTo(h.stack.nextTimeout());
  return h.now - from;
}

describe('the retransmission timeout', () => {
  // MUST-18, MUST-19; RFC 6298 (2.2): the handshake took 20 ms. (5.4), (5.5), (5.6).
  // RFC 6298 §5-1, (5.1), (5.2).
  test.each([4, 6] as const)('repeats what is lost after SRTT + max(200 ms, 4 RTTVAR), then after twice as long each time, over IPv%i', (family) => {
    const h = established({ family });
    h.play(tcp`
      +0     ${() => h.send(500)}
      +0     > P. 1:501(500)      ack 1
      +220ms > P. 1:501(500)      ack 1
      +440ms > P. 1:501(500)      ack 1
      +880ms > P. 1:501(500)      ack 1
      +1760ms > P. 1:501(500)     ack 1
      +10ms  < .  1:1(0)          ack 501 win 65535
      +600s  ${() => {}}
    `);
  });

  // RFC 6298 (2.3): SRTT = 7/8 20 + 1/8 100 = 30, RTTVAR = 3/4 10 + 1/4 80 = 27.5; 200 is more than 110.
  // RFC 6298 §3-2.
  test('follows the round trips that are measured', () => {
    const h = established();
    h.play(tcp`
      +0     ${() => h.send(500)}
      +0     > P. 1:501(500)      ack 1
      +100ms < .  1:1(0)          ack 501 win 65535
      +0     ${() => h.send(500)}
      +0     > P. 501:1001(500)   ack 1
      +230ms > P. 501:1001(500)   ack 1
    `);
    expect(h.connection!.rto.srttMs).toBeCloseTo(30);
    expect(h.connection!.rto.rttvarMs).toBeCloseTo(27.5);
  });

  // RFC 6298 (5.1), (5.3).
  // RFC 6298 §5-1.
  test('counts from the last ACK that acknowledged something', () => {
    const h = established();
    h.play(tcp`
      +0     ${() => h.send(2000)}
      +0     > .  1:1001(1000)    ack 1
      +0     > P. 1001:2001(1000) ack 1
      +20ms  < .  1:1(0)          ack 1001 win 65535
      +220ms > P. 1001:2001(1000) ack 1
    `);
  });

  // MUST-18, Karn: which of the two was acknowledged nobody can say; the back-off stays until a sample.
  // RFC 6298 §3-1.
  test('learns nothing from what was sent twice, and stays backed off until a segment is acknowledged that was not', () => {
    const h = established();
    h.play(tcp`
      +0     ${() => h.send(500)}
      +0     > P. 1:501(500)      ack 1
      +220ms > P. 1:501(500)      ack 1
      +10ms  < .  1:1(0)          ack 501 win 65535
    `);
    expect(h.connection!.rto.srttMs).toBeCloseTo(20);
    h.play(tcp`
      +0     ${() => h.send(500)}
      +0     > P. 501:1001(500)   ack 1
      +440ms > P. 501:1001(500)   ack 1
      +10ms  < .  1:1(0)          ack 1001 win 65535
      +0     ${() => h.send(500)}
      +0     > P. 1001:1501(500)  ack 1
      +20ms  < .  1:1(0)          ack 1501 win 65535
      +0     ${() => h.send(500)}
      +0     > P. 1501:2001(500)  ack 1
      +220ms > P. 1501:2001(500)  ack 1
    `);
  });

  // RFC 7323 §4: with timestamps the answer says which transmission it answers.
  // RFC 6298 §3-1.
  test('with timestamps does learn from it', () => {
    const h = established({ syn: 'mss 1000,TS val 1 ecr 0', ack: 'TS val 2 ecr 0' });
    h.play(tcp`
      +0     ${() => h.send(500)}
      +0     > P. 1:501(500)      ack 1 <TS val 20 ecr 2>
      +220ms > P. 1:501(500)      ack 1 <TS val 240 ecr 2>
      +60ms  < .  1:1(0)          ack 501 win 65535 <TS val 3 ecr 240>
    `);
    // 7/8 20 + 1/8 60.
    expect(h.connection!.rto.srttMs).toBeCloseTo(25);
  });

  // MUST-19, RFC 5681 §3.1 (4) and (5): ten segments were in flight; go back to the first, with one segment.
  // RFC 5681 §3.1-12, -14; RFC 6298 (5.4).
  test('closes the congestion window to one segment, and half of the flight is where slow start ends', () => {
    const h = established();
    h.play(tcp`
      +0     ${() => h.send(10_000)}
      ${burst(1, 9001)}
      +0     > P. 9001:10001(1000) ack 1
      +220ms > .  1:1001(1000)    ack 1
    `);
    expect(h.connection!.congestion).toMatchObject({ cwnd: 1000, ssthresh: 5000 });
    h.play(tcp`
      +20ms  < .  1:1(0)          ack 1001 win 65535
      +0     > .  1001:2001(1000) ack 1
      +0     > .  2001:3001(1000) ack 1
      +20ms  < .  1:1(0)          ack 10001 win 65535
      +1s    ${() => {}}
    `);
  });

  // RFC 5681 §3.1: "when a TCP sender detects segment loss ... and the given segment has already been retransmitted".
  // RFC 5681 §3.1-13.
  test('cuts ssthresh once for the repetitions of one segment', () => {
    const h = established({ listen: { mtuProbing: 'off' } });
    h.play(tcp`
      +0     ${() => h.send(10_000)}
      ${burst(1, 9001)}
      +0     > P. 9001:10001(1000) ack 1
      +220ms > .  1:1001(1000)    ack 1
      +440ms > .  1:1001(1000)    ack 1
      +880ms > .  1:1001(1000)    ack 1
    `);
    expect(h.connection!.congestion.ssthresh).toBe(5000);
  });
});

describe('how long we try', () => {
  // MUST-20, SHLD-9, SHLD-10: R1 is three.
  test('after three repetitions the application hears of trouble, and that it is over is no news', () => {
    const h = established();
    h.play(tcp`
      +0     ${() => h.send(500)}
      +0     > P. 1:501(500)      ack 1
      +220ms > P. 1:501(500)      ack 1
      +440ms > P. 1:501(500)      ack 1
      +880ms > P. 1:501(500)      ack 1
      +0     ${() => expect(h.news()).toBe('')}
      +1760ms > P. 1:501(500)     ack 1
    `);
    expect(h.news()).toBe('trouble');
    expect(h.connection!.softError).toBe('ETIMEDOUT');
    h.play(tcp`+10ms < . 1:1(0) ack 501 win 65535`);
    expect(h.connection!.softError).toBe(null);
    expect(h.news()).toBe('');
  });

  // MUST-20: at R1 IP is asked for another way, and not before.
  test('after three repetitions the route is in doubt', () => {
    const h = established();
    h.play(tcp`
      +0     ${() => h.send(500)}
      +0     > P. 1:501(500)      ack 1
    `);
    const lookUp = vi.spyOn(h.stack.ip.routes, 'lookup');
    h.play(tcp`
      +220ms > P. 1:501(500)      ack 1
      +440ms > P. 1:501(500)      ack 1
      +880ms > P. 1:501(500)      ack 1
      +0     ${() => expect(lookUp).not.toHaveBeenCalled()}
      +1760ms > P. 1:501(500)     ack 1
    `);
    expect(lookUp).toHaveBeenCalledOnce();
  });

  // MUST-20, SHLD-11: R2 is 15 repetitions, as Linux, and at least 100 s.
  test('after fifteen the connection is given up', () => {
    const h = established();
    h.play(tcp`
      +0     ${() => h.send(500)}
      +0     > P. 1:501(500)      ack 1
    `);
    expect(outlive(h)).toBeGreaterThan(100_000);
    expect(h.connection!.error).toMatchObject({ code: 'ETIMEDOUT', syscall: 'read' });
    expect(h.connection!.retransmits).toBe(15);
    expect(h.news()).toMatch(/closed error$/);
  });

  test('progress, be it one byte, begins the count anew', () => {
    const h = established();
    h.play(tcp`
      +0     ${() => h.send(500)}
      +0     > P. 1:501(500)      ack 1
      +220ms > P. 1:501(500)      ack 1
      +440ms > P. 1:501(500)      ack 1
    `);
    expect(h.connection!.retries).toBe(2);
    h.play(tcp`
      +10ms  < .  1:1(0)          ack 2 win 65535
      +880ms > P. 2:501(499)      ack 1
    `);
    expect(h.connection!.retries).toBe(1);
  });

  // MUST-21, RFC 5482.
  test.each([300, 5000, 2_000_000])('a user timeout of %i ms is R2, to the millisecond', (userTimeoutMs) => {
    const h = established({ listen: { userTimeoutMs } });
    h.play(tcp`
      +0     ${() => h.send(500)}
      +0     > P. 1:501(500)      ack 1
    `);
    expect(outlive(h)).toBeCloseTo(userTimeoutMs, 3);
    expect(h.connection!.error?.code).toBe('ETIMEDOUT');
  });

  test('a user timeout counts from the last progress', () => {
    const h = established({ listen: { userTimeoutMs: 300 } });
    h.play(tcp`
      +0     ${() => h.send(2000)}
      +0     > .  1:1001(1000)    ack 1
      +0     > P. 1001:2001(1000) ack 1
      +200ms < .  1:1(0)          ack 1001 win 65535
      // RFC 6298 (2.3): SRTT is 42.5 ms, RTTVAR 52.5 ms.
      +252.5ms > P. 1001:2001(1000) ack 1
      +47ms  ${(c) => expect(c.state).toBe('ESTABLISHED')}
      +1ms   ${(c) => expect(c.state).toBe('CLOSED')}
    `);
  });

  test('a user timeout does not touch a connection on which nothing waits', () => {
    const h = established({ listen: { userTimeoutMs: 300 } });
    h.play(tcp`
      +0     ${() => h.send(500)}
      +0     > P. 1:501(500)      ack 1
      +20ms  < .  1:1(0)          ack 501 win 65535
      +3600s ${(c) => expect(c.state).toBe('ESTABLISHED')}
    `);
  });
});

describe('keep-alive', () => {
  // MUST-25.
  test('is off unless asked for', () => {
    const h = established();
    h.play(tcp`+100000s ${(c) => expect(c.state).toBe('ESTABLISHED')}`);
    expect(h.stack.nextTimeout()).toBe(Infinity);
  });

  // MUST-24, MUST-28, MAY-5, SHLD-12.
  test('probes after two hours of silence, with an old number and no text', () => {
    const h = established({ listen: { keepAlive: true } });
    h.play(tcp`
      +7200s > .  0:0(0)          ack 1
      +20ms  < .  1:1(0)          ack 1 win 65535
      +7200s > .  0:0(0)          ack 1
    `);
  });

  // MUST-29; as Linux: nine, 75 s apart.
  test('gives up after nine probes without an answer, not after one', () => {
    const h = established({ listen: { keepAlive: true } });
    h.play(tcp`
      +7200s > .  0:0(0)          ack 1
      +75s   > .  0:0(0)          ack 1
      +75s   > .  0:0(0)          ack 1
      +75s   > .  0:0(0)          ack 1
      +75s   > .  0:0(0)          ack 1
      +75s   > .  0:0(0)          ack 1
      +75s   > .  0:0(0)          ack 1
      +75s   > .  0:0(0)          ack 1
      +75s   > .  0:0(0)          ack 1
      +74s   ${(c) => expect(c.state).toBe('ESTABLISHED')}
      +1s    ${(c) => expect(c.error?.code).toBe('ETIMEDOUT')}
    `);
  });

  // MUST-27.
  test('asks when, how often and how many times the application says', () => {
    const h = established({ listen: { keepAlive: true, keepAliveIdleMs: 10_000, keepAliveIntervalMs: 1000, keepAliveProbes: 2 } });
    h.play(tcp`
      +10s   > .  0:0(0)          ack 1
      +1s    > .  0:0(0)          ack 1
      +1s    ${(c) => expect(c.error?.code).toBe('ETIMEDOUT')}
    `);
  });

  // MUST-26: whatever arrives counts, and begins the idle time anew.
  test('is put off by whatever the peer says', () => {
    const h = established({ listen: { keepAlive: true, keepAliveIdleMs: 10_000 } });
    h.play(tcp`
      +6s    < P. 1:101(100)      ack 1 win 65535
      +40ms  > .  1:1(0)          ack 101
      +9960ms > . 0:0(0)          ack 101
      +20ms  < .  101:101(0)      ack 1 win 65535
      +9980ms ${() => {}}
      +20ms  > .  0:0(0)          ack 101
    `);
  });

  // MUST-26.
  test('keeps quiet while something is outstanding: the retransmissions ask', () => {
    const h = established({ listen: { keepAlive: true, keepAliveIdleMs: 100 } });
    h.play(tcp`
      +0     ${() => h.send(500)}
      +0     > P. 1:501(500)      ack 1
      +220ms > P. 1:501(500)      ack 1
      +440ms > P. 1:501(500)      ack 1
      +10ms  < .  1:1(0)          ack 501 win 65535
      +100ms > .  500:500(0)      ack 1
    `);
  });

  test('can be turned off while it waits', () => {
    established({ listen: { keepAlive: true } }).play(tcp`
      +7200s > .  0:0(0)          ack 1
      +0     ${(c) => c.configure({ keepAlive: false })}
      +100000s ${(c) => expect(c.state).toBe('ESTABLISHED')}
    `);
  });
});

describe('connections that nobody holds (SEC-60)', () => {
  test('in FIN-WAIT-1 are given up after eight repetitions', () => {
    const h = established();
    h.play(tcp`
      +0     ${(c) => c.close()}
      +0     > F. 1:1(0)          ack 1
    `);
    expect(outlive(h)).toBeGreaterThan(100_000);
    expect(h.connection!.retransmits).toBe(8);
    expect(h.stack.tcp.connections.size).toBe(0);
  });

  test('in FIN-WAIT-2 are given up after a minute', () => {
    const h = established();
    h.play(tcp`
      +0     ${(c) => c.close()}
      +0     > F. 1:1(0)          ack 1
      +20ms  < .  1:1(0)          ack 2 win 65535
      +59999ms ${(c) => expect(c.state).toBe('FIN-WAIT-2')}
      +1ms   ${(c) => expect(c.state).toBe('CLOSED')}
    `);
    expect(h.stack.tcp.connections.size).toBe(0);
    expect(h.stack.nextTimeout()).toBe(Infinity);
  });

  test('in FIN-WAIT-2 since before their owner went wait a minute from then', () => {
    established().play(tcp`
      +0     ${(c) => c.shutdown()}
      +0     > F. 1:1(0)          ack 1
      +20ms  < .  1:1(0)          ack 2 win 65535
      +3600s ${(c) => c.close()}
      +59999ms ${(c) => expect(c.state).toBe('FIN-WAIT-2')}
      +1ms   ${(c) => expect(c.state).toBe('CLOSED')}
    `);
  });

  test('a side that only ended may listen in FIN-WAIT-2 for as long as it likes', () => {
    const h = established();
    h.play(tcp`
      +0     ${(c) => c.shutdown()}
      +0     > F. 1:1(0)          ack 1
      +20ms  < .  1:1(0)          ack 2 win 65535
      +36000s < P. 1:101(100)     ack 2 win 65535
      +40ms  > .  2:2(0)          ack 101
    `);
    expect(h.receive()).toBe(100);
  });
});
