// Opening a connection: who may begin, what the options agree on, and how a SYN that is lost comes again.
// RFC 9293 §3.5, §3.7.1, §3.8.3, §3.10.1, §3.10.7.2–3; RFC 7323; RFC 2018; RFC 6298 §5.

import { describe, expect, test } from 'vitest';

import { address } from '../../src/address.js';
import { PEER_PORT, ScriptHost, tcp } from '../../src/testing/script.js';

describe.each([4, 6] as const)('the handshake over IPv%i', (family) => {
  const mss = family === 4 ? 1460 : 1440;
  const defaultMss = family === 4 ? 536 : 1220;

  test('a passive open answers a SYN and is established by the ACK of its own', () => {
    const h = new ScriptHost({ family }).listen();
    h.play(tcp`
      +0     < S  0:0(0)         win 65535 <mss 1000>
      +0     > S. 0:0(0) ack 1             <mss ${mss}>       // MUST-14, MUST-67, SHLD-5: 1500 less the fixed headers
    `);
    expect(h.connection).toBe(null);
    h.play(tcp`+100ms < .  1:1(0) ack 1   win 4000`);
    expect(h.connection!.state).toBe('ESTABLISHED');
    expect(h.news()).toBe('connected');
  });

  // RFC 7323 §2.2-1, §3.2-1, -2, -4, §4.1-1, §5.4-1.
  test('an active open sends a SYN with all it has to offer, and acknowledges the answer', () => {
    const h = new ScriptHost({ family }).connect();
    expect(h.connection!.state).toBe('SYN-SENT');
    h.play(tcp`
      +0     > S  0:0(0) win 65535 <mss ${mss},sackOK,TS val 0 ecr 0,wscale 9>
      +30ms  < S. 0:0(0) ack 1 win 5000 <mss 1000,sackOK,TS val 77 ecr 0,wscale 3>
      +0     > .  1:1(0) ack 1 <TS val 30 ecr 77>
    `);
    expect(h.connection!.state).toBe('ESTABLISHED');
    expect(h.news()).toBe('connected');
  });

  // MUST-10.
  test('two SYNs that cross make one connection, when both have been acknowledged', () => {
    const h = new ScriptHost({ family }).connect();
    h.play(tcp`
      +0     > S  0:0(0)
      +10ms  < S  0:0(0)         win 65535 <mss 1000>
      +0     > S. 0:0(0) ack 1             <mss ${mss}>
    `);
    expect(h.connection!.state).toBe('SYN-RECEIVED');
    h.play(tcp`
      +10ms  < S. 0:0(0) ack 1   win 65535 <mss 1000>
      +0     > .  1:1(0) ack 1
    `);
    expect(h.connection!.state).toBe('ESTABLISHED');
    expect(h.news()).toBe('connected');
  });

  test('a SYN that comes again in one batch with the ACK of ours is owed nothing', () => {
    const h = new ScriptHost({ family }).connect();
    h.play(tcp`
      +0     > S  0:0(0)
      +10ms  < S  0:0(0)         win 65535 <mss 1000>
      +0     > S. 0:0(0) ack 1             <mss ${mss}>
      +10ms  <+ S 0:0(0)         win 65535 <mss 1000>
      +0     < .  1:1(0) ack 1   win 65535
      +5s    ${(c) => expect([c.state, c.timers.next()]).toEqual(['ESTABLISHED', Infinity])}
    `);
  });

  test('two SYNs that cross make one connection also when the peer answers with a bare ACK', () => {
    const h = new ScriptHost({ family }).connect();
    h.play(tcp`
      +0     > S  0:0(0)
      +10ms  < S  0:0(0)         win 65535 <mss 1000>
      +0     > S. 0:0(0) ack 1
      +10ms  < .  1:1(0) ack 1   win 65535
    `);
    expect(h.connection!.state).toBe('ESTABLISHED');
  });

  // MUST-15.
  test('without an MSS option the peer is sent the least that everybody takes', () => {
    const h = new ScriptHost({ family }).listen();
    h.play(tcp`
      +0     < S  0:0(0)         win 65535
      +0     > S. 0:0(0) ack 1
      +0     < .  1:1(0) ack 1   win 65535
      +0     ${() => h.send(2 * defaultMss)}
      +0     > .  1:${defaultMss + 1}(${defaultMss}) ack 1
      +0     > P. ${defaultMss + 1}:${2 * defaultMss + 1}(${defaultMss}) ack 1
    `);
  });

  // MUST-14, MUST-16.
  test('segments are as large as the peer said, or as the link carries, whichever is less', () => {
    const small = new ScriptHost({ family }).listen();
    small.play(tcp`
      +0     < S  0:0(0)         win 65535 <mss 700>
      +0     > S. 0:0(0) ack 1
      +0     < .  1:1(0) ack 1   win 65535
      +0     ${() => small.send(1000)}
      +0     > .  1:701(700) ack 1
      +0     > P. 701:1001(300) ack 1
    `);
    const large = new ScriptHost({ family }).listen();
    large.play(tcp`
      +0     < S  0:0(0)         win 65535 <mss 8960>
      +0     > S. 0:0(0) ack 1
      +0     < .  1:1(0) ack 1   win 65535
      +0     ${() => large.send(2000)}
      +0     > .  1:${mss + 1}(${mss}) ack 1
      +0     > P. ${mss + 1}:2001(${2000 - mss}) ack 1
    `);
  });

  // MUST-16: Eff.snd.MSS has the options taken off; MUST-67: what is announced has not.
  test('with timestamps a full segment is twelve bytes shorter', () => {
    const h = new ScriptHost({ family }).listen();
    h.play(tcp`
      +0     < S  0:0(0)         win 65535 <mss 1460,TS val 5 ecr 0>
      +0     > S. 0:0(0) ack 1             <mss ${mss},TS val 0 ecr 5>
      +0     < .  1:1(0) ack 1   win 65535 <TS val 6 ecr 0>
      +0     ${() => h.send(mss)}
      +0     > .  1:${mss - 11}(${mss - 12}) ack 1 <TS val 0 ecr 6>
      +0     > P. ${mss - 11}:${mss + 1}(12) ack 1 <TS val 0 ecr 6>
    `);
  });
});

describe('options in the SYN', () => {
  // RFC 7323 §1.3, RFC 2018 §2: an answer holds only what was offered.
  // RFC 7323 §2.2-3, §2.3-1, §3.2-4.
  test.each([
    ['<mss 1000>', '<mss 1460>'],
    ['<mss 1000,sackOK>', '<mss 1460,sackOK>'],
    ['<mss 1000,wscale 2>', '<mss 1460,wscale 9>'],
    ['<mss 1000,TS val 9 ecr 0>', '<mss 1460,TS val 0 ecr 9>'],
    ['<mss 1000,sackOK,TS val 9 ecr 0,wscale 2>', '<mss 1460,sackOK,TS val 0 ecr 9,wscale 9>'],
    ['', '<mss 1460>'],
    // MUST-6: what has a length is skipped. MUST-64: nothing need be aligned. MUST-4: NOP and EOL.
    ['<raw c80601020304,mss 1000,raw 0101,sackOK>', '<mss 1460,sackOK>'],
    ['<raw 01080a0000000900000000>', '<mss 1460,TS val 0 ecr 9>'],
    ['<mss 1000,raw 00,sackOK>', '<mss 1460>'],
  ])('a SYN with %s is answered with %s', (offered, answered) => {
    new ScriptHost().listen().play(tcp`
      +0     < S  0:0(0)         win 65535 ${offered}
      +0     > S. 0:0(0) ack 1             ${answered}
    `);
  });

  // Also where both SYNs crossed, and ours had offered everything.
  test.each([
    ['<mss 1000>', '<mss 1460>'],
    ['<mss 1000,sackOK>', '<mss 1460,sackOK>'],
    ['<mss 1000,wscale 2>', '<mss 1460,wscale>'],
    ['<mss 1000,TS val 9 ecr 0>', '<mss 1460,TS val 10 ecr 9>'],
  ])('a SYN with %s that crosses ours is answered with %s', (offered, answered) => {
    new ScriptHost().connect().play(tcp`
      +0     > S  0:0(0)         <mss 1460,sackOK,TS,wscale>
      +10ms  < S  0:0(0)         win 65535 ${offered}
      +0     > S. 0:0(0) ack 1             ${answered}
    `);
  });

  // MUST-7, SEC: the list is condemned, and the segment with it.
  test.each(['c800', 'c801', 'c809', '0205000000'])('an option that says %s is survived: its SYN is dropped', (raw) => {
    const h = new ScriptHost().listen();
    h.play(tcp`+0 < S  0:0(0) win 65535 <raw ${raw}>`);
    expect(h.stack.counters.drops['tcp-bad-options']).toBe(1);
    h.play(tcp`
      +0     < S  0:0(0)         win 65535 <mss 1000>
      +0     > S. 0:0(0) ack 1
    `);
  });

  // RFC 7323 §2.2: the windows of SYNs are never scaled, all others are, in both directions.
  // RFC 7323 §2.2-5, §2.3-2, -3, -4, -5.
  test('the shift counts from the first segment that is no SYN', () => {
    const h = new ScriptHost().listen({ receiveBuffer: 1 << 20 });
    h.play(tcp`
      +0     < S  0:0(0)         win 1000 <mss 1000,wscale 2>
      +0     > S. 0:0(0) ack 1   win 65535 <mss 1460,wscale 5>   // 65,535 * 2^5 is the first to reach 1 MiB
    `);
    h.play(tcp`+0 < . 1:1(0) ack 1 win 500`);
    expect(h.connection!.snd.wnd).toBe(2000);
    h.play(tcp`
      +0     ${() => h.send(3000)}
      +0     > .  1:1001(1000) ack 1 win 32768               // the megabyte, in units of 32
      +0     > .  1001:2001(1000) ack 1
      +10ms  < .  1:1(0) ack 2001 win 500
      +0     > P. 2001:3001(1000) ack 1
    `);
  });

  // RFC 7323 §2.2-2, §2.3-3, §3.2-9.
  test('without the option in both SYNs nothing is scaled', () => {
    const h = new ScriptHost().connect();
    h.play(tcp`
      +0     > S  0:0(0) win 65535 <mss 1460,sackOK,TS,wscale 9>
      +10ms  < S. 0:0(0) ack 1 win 2000 <mss 1000>
      +0     > .  1:1(0) ack 1 win 65535 <>
      +0     < .  1:1(0) ack 1 win 3000
      +0     ${() => h.send(4000)}
      +0     > .  1:1001(1000) ack 1
      +0     > .  1001:2001(1000) ack 1
      +0     > .  2001:3001(1000) ack 1
    `);
  });

  // SEC-65, RFC 7323 §2.3.
  // RFC 7323 §2.3-6.
  test('a shift above 14 is taken as 14', () => {
    const h = new ScriptHost().listen();
    h.play(tcp`
      +0     < S  0:0(0)         win 65535 <mss 1000,wscale 200>
      +0     > S. 0:0(0) ack 1
      +0     < .  1:1(0) ack 1   win 65535
    `);
    // REC-1: a window of a gigabyte is one.
    expect(h.connection!.snd.wnd).toBe(65_535 * 2 ** 14);
  });

  // MUST-5, SEC-65: options may come anywhere; those that only a SYN may bring are not heard elsewhere.
  // RFC 7323 §2.2-4.
  test('window scale, MSS and SACK-permitted outside a SYN change nothing', () => {
    const h = new ScriptHost().listen();
    h.play(tcp`
      +0     < S  0:0(0)         win 65535 <mss 1000>
      +0     > S. 0:0(0) ack 1
      +0     < .  1:1(0) ack 1   win 1500 <wscale 9,mss 100,sackOK>
      +0     ${() => h.send(2000)}
      +0     > .  1:1001(1000) ack 1 <>
    `);
    // RFC 2018 §2: a hole is not told in blocks, either.
    h.play(tcp`
      +0     < P. 101:201(100) ack 1001 win 1500 <raw c8040000>
      +0     > P. 1001:2001(1000) ack 1 <>
    `);
  });

  // SEC-54, CVE-2019-11479.
  test('a tiny MSS does not make us send headers: 216 is the least', () => {
    const h = new ScriptHost().listen();
    h.play(tcp`
      +0     < S  0:0(0)         win 65535 <mss 8>
      +0     > S. 0:0(0) ack 1
      +0     < .  1:1(0) ack 1   win 65535
      +0     ${() => h.send(217)}
      +0     > .  1:217(216) ack 1
      +0     > P. 217:218(1) ack 1
    `);
  });

  // MUST-1: 40,000 does not act as negative.
  test('the window field is unsigned', () => {
    const h = new ScriptHost().listen();
    h.play(tcp`
      +0     < S  0:0(0)         win 40000 <mss 20000>
      +0     > S. 0:0(0) ack 1
      +0     < .  1:1(0) ack 1   win 40000
    `);
    expect(h.connection!.snd.wnd).toBe(40_000);
    h.play(tcp`
      +0     ${() => h.send(1460)}
      +0     > P. 1:1461(1460) ack 1
    `);
  });
});

describe('a SYN that gets no answer', () => {
  // RFC 6298 (2.1), (5.5); MUST-22, MUST-23: three minutes at least. Here 247 s.
  test('is repeated after 1 s, then twice as long each time, and given up after more than three minutes', () => {
    const h = new ScriptHost().connect();
    h.play(tcp`
      +0     > S  0:0(0)
      +1s    > S  0:0(0)
      +2s    > S  0:0(0)
      +4s    > S  0:0(0)
      +8s    > S  0:0(0)
      +16s   > S  0:0(0)
      +32s   > S  0:0(0)
      +64s   > S  0:0(0)
    `);
    expect(h.connection!.state).toBe('SYN-SENT');
    h.advanceTo(180_000);
    expect(h.connection!.state).toBe('SYN-SENT');
    h.play(tcp`+120s ${() => expect(h.connection!.state).toBe('CLOSED')}`);
    expect(h.connection!.error).toMatchObject({ code: 'ETIMEDOUT', syscall: 'connect', address: '192.0.2.2', port: PEER_PORT });
    expect(h.news()).toMatch(/trouble.*closed error$/);
  });

  // RFC 9293 §3.8.3, MUST-21: the user may set R2.
  test('is given up when the user says', () => {
    const h = new ScriptHost().connect({ userTimeoutMs: 5000 });
    h.play(tcp`
      +0     > S  0:0(0)
      +1s    > S  0:0(0)
      +2s    > S  0:0(0)
      +1999ms ${(c) => expect(c.state).toBe('SYN-SENT')}
      +1ms   ${(c) => expect(c.error?.code).toBe('ETIMEDOUT')}
    `);
  });

  // RFC 5681 §3.1-4; RFC 6928 §2: one lost SYN may be the timer's haste, and costs no window. RFC 6298 (5.7): RTO is 3 s all the same.
  test('once is answered at last: the connection stands, with the whole initial window, and RTO at 3 s', () => {
    const h = new ScriptHost().connect();
    h.play(tcp`
      +0     > S  0:0(0)
      +1s    > S  0:0(0)
      +10ms  < S. 0:0(0) ack 1 win 65535 <mss 1000>
      +0     > .  1:1(0) ack 1
      +0     ${() => h.send(3000)}
      +0     > .  1:1001(1000) ack 1
      +0     > .  1001:2001(1000) ack 1
      +0     > P. 2001:3001(1000) ack 1
    `);
    expect(h.connection!.timers.retransmitAt).toBe(1010 + 3000);
  });

  // RFC 5681 §3.1, RFC 6928 §2.
  test('twice leaves one segment to begin with', () => {
    const h = new ScriptHost().connect();
    h.play(tcp`
      +0     > S  0:0(0)
      +1s    > S  0:0(0)
      +2s    > S  0:0(0)
      +10ms  < S. 0:0(0) ack 1 win 65535 <mss 1000>
      +0     > .  1:1(0) ack 1
      +0     ${() => h.send(3000)}
      +0     > .  1:1001(1000) ack 1
      +3s    > .  1:1001(1000) ack 1
    `);
  });

  // RFC 5681 §4.1: the window after an idle time is the lesser of the initial one and the one before.
  test('twice leaves one segment to begin with, also after an idle time', () => {
    const h = new ScriptHost().connect();
    h.play(tcp`
      +0     > S  0:0(0)
      +1s    > S  0:0(0)
      +2s    > S  0:0(0)
      +10ms  < S. 0:0(0) ack 1 win 65535 <mss 1000>
      +0     > .  1:1(0) ack 1
      +1s    < P. 1:101(100) ack 1 win 65535
      +40ms  > .  1:1(0) ack 101
      +60s   ${() => h.send(3000)}
      +0     > .  1:1001(1000) ack 101
      +3s    > .  1:1001(1000) ack 101
    `);
  });

  // MUST-22: R2 for SYNs is the caller's to say.
  test('is given up after as many repetitions as the caller says', () => {
    const h = new ScriptHost().connect({ synRetries: 1 });
    h.play(tcp`
      +0     > S  0:0(0)
      +1s    > S  0:0(0)
      +2s    ${(c) => expect(c.error?.code).toBe('ETIMEDOUT')}
    `);
  });
});

describe('a SYN+ACK that gets no answer', () => {
  // SEC-53.
  test('is repeated five times, then forgotten without a word', () => {
    const h = new ScriptHost().listen();
    h.play(tcp`
      +0     < S  0:0(0)         win 65535 <mss 1000>
      +0     > S. 0:0(0) ack 1
      +1s    > S. 0:0(0) ack 1
      +2s    > S. 0:0(0) ack 1
      +4s    > S. 0:0(0) ack 1
      +8s    > S. 0:0(0) ack 1
      +16s   > S. 0:0(0) ack 1
      +32s   ${() => {}}
    `);
    expect(h.stack.tcp.connections.size).toBe(0);
    expect(h.listener!.halfOpenCount).toBe(0);
  });

  test('is repeated as often as the listener says', () => {
    const h = new ScriptHost().listen({ synRetries: 1 });
    h.play(tcp`
      +0     < S  0:0(0)         win 65535 <mss 1000>
      +0     > S. 0:0(0) ack 1
      +1s    > S. 0:0(0) ack 1
      +2s    ${() => expect(h.listener!.halfOpenCount).toBe(0)}
    `);
  });

  // RFC 6928 §2, on the server's side.
  test.each([[1, 3], [2, 1]])('%i time(s) by the timer, and then one, leaves %i segments to begin with', (repeats, segments) => {
    const h = new ScriptHost().listen();
    h.play(tcp`
      +0     < S  0:0(0)         win 65535 <mss 1000>
      +0     > S. 0:0(0) ack 1
      +1s    > S. 0:0(0) ack 1
    `);
    if (repeats === 2) h.play(tcp`+2s > S. 0:0(0) ack 1`);
    h.play(tcp`+10ms < . 1:1(0) ack 1 win 65535`);
    expect(Math.min(3, Math.floor(h.connection!.congestion.cwnd / 1000))).toBe(segments);
  });

  // SEC-53: else a SYN every half second would keep a half-open connection for ever.
  test('is repeated at once for a SYN that comes again, and the timer is not put off by that', () => {
    const h = new ScriptHost().listen();
    h.play(tcp`
      +0     < S  0:0(0)         win 65535 <mss 1000>
      +0     > S. 0:0(0) ack 1
      +600ms < S  0:0(0)         win 65535 <mss 1000>
      +0     > S. 0:0(0) ack 1
      +400ms > S. 0:0(0) ack 1
      +2s    > S. 0:0(0) ack 1
      +4s    > S. 0:0(0) ack 1
      +8s    > S. 0:0(0) ack 1
      +15s   < S  0:0(0)         win 65535 <mss 1000>
      +0     > S. 0:0(0) ack 1
      +1s    > S. 0:0(0) ack 1
      +32s   ${() => expect(h.listener!.halfOpenCount).toBe(0)}
    `);
  });

  // RFC 6298 §3: which of the two was answered cannot be known.
  test('and was repeated gives no round-trip time', () => {
    const h = new ScriptHost().listen();
    h.play(tcp`
      +0     < S  0:0(0)         win 65535 <mss 1000>
      +0     > S. 0:0(0) ack 1
      +600ms < S  0:0(0)         win 65535 <mss 1000>
      +0     > S. 0:0(0) ack 1
      +10ms  < .  1:1(0) ack 1   win 65535
    `);
    expect(h.connection!.rto.minRttMs).toBe(Infinity);
  });
});

describe('text and the handshake', () => {
  test('what is written before the connection stands goes with the first ACK', () => {
    const h = new ScriptHost().connect();
    h.send(100);
    h.play(tcp`
      +0     > S  0:0(0)
      +10ms  < S. 0:0(0) ack 1 win 65535 <mss 1000>
      +0     > P. 1:101(100) ack 1
    `);
  });

  // RFC 9293 §3.10.7.2: kept or not, it is not acknowledged before it is taken; then it comes again.
  test('text on a SYN is not taken, and not acknowledged', () => {
    const h = new ScriptHost().listen();
    h.play(tcp`
      +0     < S  0:100(100)     win 65535 <mss 1000>
      +0     > S. 0:0(0) ack 1
      +10ms  < P. 1:101(100) ack 1 win 65535
      +40ms  > .  1:1(0) ack 101
    `);
    expect(h.receive()).toBe(100);
  });

  // RFC 9293 §3.10.7.3: what stands beside the SYN+ACK is dealt with at once.
  test('text on the SYN+ACK is taken, as far as the window goes', () => {
    const h = new ScriptHost().connect({ receiveBuffer: 80 });
    h.play(tcp`
      +0     > S  0:0(0)
      +10ms  < S. 0:100(100) ack 1 win 65535 <mss 1000>
      +0     > .  1:1(0) ack 81
    `);
    expect(h.connection!.state).toBe('ESTABLISHED');
    expect(h.receive()).toBe(80);
  });

  test('text on the ACK that establishes is taken', () => {
    const h = new ScriptHost().listen();
    h.play(tcp`
      +0     < S  0:0(0)         win 65535 <mss 1000>
      +0     > S. 0:0(0) ack 1
      +10ms  < P. 1:101(100) ack 1 win 65535
      +0     ${() => expect(h.receive()).toBe(100)}
      +0     ${() => h.send(10)}
      +0     > P. 1:11(10) ack 101
    `);
    expect(h.news()).toBe('connected readable');
  });

  test('a close before the connection stands ends it without a word', () => {
    const h = new ScriptHost().connect();
    h.play(tcp`
      +0     > S  0:0(0)
      +10ms  ${(c) => c.shutdown()}
      +10ms  < S. 0:0(0) ack 1 win 65535 <mss 1000>
      +0     > R  1:1(0)
    `);
    expect(h.news()).toBe('closed');
  });

  // RFC 9293 §3.10.4: "queue for processing after entering ESTABLISHED state".
  test('a close in SYN-RECEIVED waits for ESTABLISHED', () => {
    const h = new ScriptHost().connect();
    h.play(tcp`
      +0     > S  0:0(0)
      +10ms  < S  0:0(0)         win 65535 <mss 1000>
      +0     > S. 0:0(0) ack 1
      +0     ${(c) => c.shutdown()}
      +10ms  < .  1:1(0) ack 1   win 65535
      +0     > F. 1:1(0) ack 1
    `);
    expect(h.connection!.state).toBe('FIN-WAIT-1');
  });
});

describe('initial sequence numbers', () => {
  // MUST-8, SHLD-1: a clock of 4 µs and a keyed hash of the 4-tuple. What isn.ts computes, its own tests say.
  test('the same tuple gets a number that has grown with the clock, another one gets an unrelated one', () => {
    const h = new ScriptHost();
    const issAt = (localPort: number): number => {
      const c = h.stack.tcp.connect({ address: h.peers, port: PEER_PORT, localPort });
      c.abort();
      return c.iss >>> 0;
    };
    delete (h.stack.tcp['isn'] as { next?: unknown }).next;
    const first = issAt(1111);
    const other = issAt(1112);
    h.now += 1000;
    expect((issAt(1111) - first) >>> 0).toBe(250_000);
    expect(Math.abs(other - first)).toBeGreaterThan(1_000_000);
  });
});

describe('addresses', () => {
  // MUST-46.
  test.each(['255.255.255.255', '224.0.0.1', '192.0.2.255', 'ff02::1'])('an open to %s is refused', (text) => {
    const h = new ScriptHost({ family: text.includes(':') ? 6 : 4 });
    expect(() => h.stack.tcp.connect({ address: address(text), port: 80 })).toThrow('ENETUNREACH');
  });
});
