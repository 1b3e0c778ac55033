// Closing a connection, in every order: the states of both closers, what is lost when nobody reads, and the wait
// afterwards. RFC 9293 §3.6, §3.10.4, §3.10.5, §3.10.7.4; RFC 1337; RFC 6191.

import { describe, expect, test } from 'vitest';

import { type ScriptHost, tcp } from '../../src/testing/script.js';
import { established } from '../fixtures/established.js';

describe('an orderly close', () => {
  // MUST-13.
  test.each([4, 6] as const)('we first: FIN-WAIT-1, FIN-WAIT-2, TIME-WAIT, and after 2MSL nothing, over IPv%i', (family) => {
    const h = established({ family }).play(tcp`
      +0     ${(c) => c.shutdown()}
      +0     > F. 1:1(0) ack 1
      +0     ${(c) => expect(c.state).toBe('FIN-WAIT-1')}
      +10ms  < .  1:1(0) ack 2 win 65535
      +0     ${(c) => expect(c.state).toBe('FIN-WAIT-2')}
      +10ms  < F. 1:1(0) ack 2 win 65535
      +0     > .  2:2(0) ack 2
      +0     ${(c) => expect(c.state).toBe('TIME-WAIT')}
    `);
    // MUST-12.
    expect(h.news()).toBe('end closed');
    expect(h.connection!.error).toBeNull();
    expect(h.stack.tcp.timeWait.size).toBe(1);
    h.play(tcp`+59999ms ${() => expect(h.stack.tcp.timeWait.size).toBe(1)}`);
    h.play(tcp`+1ms ${() => expect(h.stack.tcp.timeWait.size).toBe(0)}`);
    expect(h.stack.nextTimeout()).toBe(Infinity);
  });

  test.each([4, 6] as const)('the peer first: CLOSE-WAIT, LAST-ACK, CLOSED, over IPv%i', (family) => {
    const h = established({ family }).play(tcp`
      +0     < F. 1:1(0) ack 1 win 65535
      +0     > .  1:1(0) ack 2
      +0     ${(c) => expect(c.state).toBe('CLOSE-WAIT')}
      +5s    ${(c) => c.shutdown()}
      +0     > F. 1:1(0) ack 2
      +0     ${(c) => expect(c.state).toBe('LAST-ACK')}
      +10ms  < .  2:2(0) ack 2 win 65535
      +0     ${(c) => expect(c.state).toBe('CLOSED')}
    `);
    expect(h.news()).toBe('end closed');
    expect(h.connection!.error).toBeNull();
    expect(h.stack.tcp.connections.size).toBe(0);
    expect(h.stack.tcp.timeWait.size).toBe(0);
    expect(h.stack.nextTimeout()).toBe(Infinity);
  });

  test('both at once: CLOSING, then TIME-WAIT', () => {
    established().play(tcp`
      +0     ${(c) => c.shutdown()}
      +0     > F. 1:1(0) ack 1
      +10ms  < F. 1:1(0) ack 1 win 65535
      +0     > .  2:2(0) ack 2
      +0     ${(c) => expect(c.state).toBe('CLOSING')}
      +10ms  < .  2:2(0) ack 2 win 65535
      +0     ${(c) => expect(c.state).toBe('TIME-WAIT')}
    `);
  });

  test('both at once, heard at once: the peer\'s FIN is acknowledged before all is over', () => {
    established().play(tcp`
      +0     ${(c) => c.shutdown()}
      +0     > F. 1:1(0) ack 1
      +10ms  <+ F. 1:1(0) ack 1 win 65535
      +0     <  .  2:2(0) ack 2 win 65535
      +0     > .  2:2(0) ack 2
      +0     ${(c) => expect(c.state).toBe('TIME-WAIT')}
    `);
  });

  test('FIN and the ACK of ours in one segment: straight from FIN-WAIT-1 to TIME-WAIT', () => {
    established().play(tcp`
      +0     ${(c) => c.shutdown()}
      +0     > F. 1:1(0) ack 1
      +10ms  < F. 1:1(0) ack 2 win 65535
      +0     > .  2:2(0) ack 2
      +0     ${(c) => expect(c.state).toBe('TIME-WAIT')}
    `);
  });

  test('what was written goes before the FIN, and the FIN rides on the last of it', () => {
    const h = established({ win: 1000 });
    h.play(tcp`
      +0     ${(c) => (h.send(2500), c.shutdown())}
      +0     > .  1:1001(1000) ack 1
      +0     ${(c) => expect(c.state).toBe('FIN-WAIT-1')}
      +10ms  < .  1:1(0) ack 1001 win 65535
      +0     > .  1001:2001(1000) ack 1
      +0     > FP. 2001:2501(500) ack 1
      +10ms  < .  1:1(0) ack 2501 win 65535
      +0     ${(c) => expect(c.state).toBe('FIN-WAIT-1')}
      +10ms  < .  1:1(0) ack 2502 win 65535
      +0     ${(c) => expect(c.state).toBe('FIN-WAIT-2')}
    `);
  });

  test('a lost FIN is sent again after one RTO, and again after two', () => {
    established().play(tcp`
      +0     ${(c) => c.shutdown()}
      +0     > F. 1:1(0) ack 1
      +220ms > F. 1:1(0) ack 1
      +440ms > F. 1:1(0) ack 1
      +10ms  < .  1:1(0) ack 2 win 65535
    `);
  });

  test('text and FIN that were lost together go again together', () => {
    const h = established();
    h.play(tcp`
      +0     ${(c) => (h.send(100), c.shutdown())}
      +0     > FP. 1:101(100) ack 1
      +220ms > FP. 1:101(100) ack 1
    `);
  });
});

describe('half a close', () => {
  test('we still read when we have ended', () => {
    const h = established();
    h.play(tcp`
      +0     ${(c) => c.shutdown()}
      +0     > F. 1:1(0) ack 1
      +10ms  < .  1:1(0) ack 2 win 65535
      +10ms  < P. 1:301(300) ack 2 win 65535
      +40ms  > .  2:2(0) ack 301
      +0     ${() => expect(h.receive()).toBe(300)}
      +3600s < F. 301:301(0) ack 2 win 65535
      +0     > .  2:2(0) ack 302
    `);
    expect(() => h.connection!.write(new Uint8Array(1))).toThrow('EPIPE');
  });

  test('also before our FIN is acknowledged', () => {
    const h = established();
    h.play(tcp`
      +0     ${(c) => c.shutdown()}
      +0     > F. 1:1(0) ack 1
      +10ms  < P. 1:301(300) ack 1 win 65535
      +40ms  > .  2:2(0) ack 301
    `);
    expect(h.receive()).toBe(300);
  });

  test('we still write when the peer has ended, for as long as we like', () => {
    const h = established();
    h.play(tcp`
      +0     < F. 1:1(0) ack 1 win 65535
      +0     > .  1:1(0) ack 2
      +3600s ${() => h.send(100)}
      +0     > P. 1:101(100) ack 2
      +20ms  < .  2:2(0) ack 101 win 65535
      +3600s ${(c) => (h.send(100), c.shutdown())}
      +0     > FP. 101:201(100) ack 2
      +20ms  < .  2:2(0) ack 202 win 65535
      +0     ${(c) => expect(c.state).toBe('CLOSED')}
    `);
  });

  test('the peer\'s FIN, while text of ours still waits for its window: CLOSING, and the text goes on', () => {
    const h = established({ win: 1000 });
    h.play(tcp`
      +0     ${(c) => (h.send(1500), c.shutdown())}
      +0     > .  1:1001(1000) ack 1
      +10ms  < F. 1:1(0) ack 1 win 1000
      +0     > .  1001:1001(0) ack 2
      +0     ${(c) => expect(c.state).toBe('CLOSING')}
      +10ms  < .  2:2(0) ack 1001 win 1000
      +0     > FP. 1001:1501(500) ack 2
      +10ms  < .  2:2(0) ack 1502 win 1000
      +0     ${(c) => expect(c.state).toBe('TIME-WAIT')}
    `);
  });

  // SEC-56.
  test('a FIN out of order counts when the text before it has come', () => {
    const h = established().play(tcp`
      +0     < FP. 11:21(10) ack 1 win 65535
      +0     > .  1:1(0) ack 1
      +0     ${(c) => expect(c.state).toBe('ESTABLISHED')}
      +0     < P. 1:11(10) ack 1 win 65535
      +0     > .  1:1(0) ack 22
      +0     ${(c) => expect(c.state).toBe('CLOSE-WAIT')}
    `);
    expect(h.receive()).toBe(20);
  });

  test('text that claims to follow the peer\'s FIN is not taken', () => {
    const h = established().play(tcp`
      +0     < F. 1:1(0) ack 1 win 65535
      +0     > .  1:1(0) ack 2
      +10ms  < P. 2:12(10) ack 1 win 65535
    `);
    expect(h.receive()).toBe(0);
    expect(h.stack.counters.drops['tcp-after-close']).toBe(1);
  });
});

describe('a close with something lost', () => {
  // SHLD-3, MUST-12, MAY-1.
  test('of text that nobody read is a reset, and not a FIN', () => {
    const h = established().play(tcp`
      +0     < P. 1:11(10) ack 1 win 65535
      +0     ${(c) => c.close()}
      +0     > R. 1:1(0) ack 11
    `);
    expect(h.stack.tcp.connections.size).toBe(0);
  });

  test('of text that was read is a FIN', () => {
    const h = established();
    h.play(tcp`
      +0     < P. 1:11(10) ack 1 win 65535
      +0     ${(c) => (h.receive(), c.close())}
      +0     > F. 1:1(0) ack 11
    `);
  });

  // SHLD-3.
  // The reset stands at SEG.ACK, where the peer's RCV.NXT is though our FIN was lost (RFC 5961 §3.2).
  test.each([
    ['FIN-WAIT-1', 1], ['FIN-WAIT-2', 2],
  ])('text that comes in %s, after a close, is answered with a reset', (_, ack) => {
    const h = established().play(tcp`
      +0     ${(c) => c.close()}
      +0     > F. 1:1(0) ack 1
      +10ms  < .  1:1(0) ack ${ack} win 65535
      +10ms  < P. 1:11(10) ack ${ack} win 65535
      +0     > R  ${ack}:${ack}(0)
      +10ms  < P. 1:11(10) ack ${ack} win 65535
      +0     > R  ${ack}:${ack}(0)
    `);
    expect(h.stack.tcp.connections.size).toBe(0);
    // The owner has gone: nobody is told.
    expect(h.news()).toBe('');
  });

  test('text that was sent before and comes again after a close is no reason for a reset', () => {
    const h = established();
    h.play(tcp`
      +0     < P. 1:11(10) ack 1 win 65535
      +40ms  > .  1:1(0) ack 11
      +0     ${(c) => (h.receive(), c.close())}
      +0     > F. 1:1(0) ack 11
      +10ms  < P. 1:11(10) ack 1 win 65535
      +0     > .  2:2(0) ack 11
    `);
  });

  test('after a close the peer\'s FIN is welcome', () => {
    established().play(tcp`
      +0     ${(c) => c.close()}
      +0     > F. 1:1(0) ack 1
      +10ms  < F. 1:1(0) ack 2 win 65535
      +0     > .  2:2(0) ack 2
      +0     ${(c) => expect(c.state).toBe('TIME-WAIT')}
    `);
  });
});

describe('an abort (§3.10.5)', () => {
  test('in ESTABLISHED is a reset, and what was unsent is forgotten', () => {
    const h = established({ win: 0 });
    h.play(tcp`
      +0     ${() => h.send(100)}
      +0     ${(c) => c.abort()}
      +0     > R. 1:1(0) ack 1
    `);
    expect(h.news()).toBe('closed');
    expect(h.stack.tcp.connections.size).toBe(0);
    expect(h.connection!.error).toBeNull();
    expect(h.stack.nextTimeout()).toBe(Infinity);
  });

  test('stands behind all that was sent: only there the peer believes it (RFC 5961 §3.2)', () => {
    const h = established();
    h.play(tcp`
      +0     ${() => h.send(2000)}
      +0     > .  1:1001(1000) ack 1
      +0     > P. 1001:2001(1000) ack 1
      +220ms > .  1:1001(1000) ack 1
      +0     ${(c) => c.abort()}
      +0     > R. 2001:2001(0) ack 1
    `);
  });

  test.each(['FIN-WAIT-1', 'FIN-WAIT-2', 'CLOSE-WAIT'])('in %s is a reset', (state) => {
    const h = established();
    if (state === 'CLOSE-WAIT') {
      h.play(tcp`
        +0     < F. 1:1(0) ack 1 win 65535
        +0     > .  1:1(0) ack 2
        +0     ${(c) => c.abort()}
        +0     > R. 1:1(0) ack 2
      `);
      return;
    }
    h.play(tcp`
      +0     ${(c) => c.shutdown()}
      +0     > F. 1:1(0) ack 1
      +10ms  < .  1:1(0) ack ${state === 'FIN-WAIT-1' ? 1 : 2} win 65535
      +0     ${(c) => expect(c.state).toBe(state)}
      +0     ${(c) => c.abort()}
      +0     > R. 2:2(0) ack 1
    `);
  });

  test('in CLOSING and LAST-ACK is no reset: both have ended, and have said so', () => {
    established().play(tcp`
      +0     ${(c) => c.shutdown()}
      +0     > F. 1:1(0) ack 1
      +10ms  < F. 1:1(0) ack 1 win 65535
      +0     > .  2:2(0) ack 2
      +0     ${(c) => (expect(c.state).toBe('CLOSING'), c.abort())}
      +1s    ${(c) => expect(c.state).toBe('CLOSED')}
    `);
    established().play(tcp`
      +0     < F. 1:1(0) ack 1 win 65535
      +0     > .  1:1(0) ack 2
      +0     ${(c) => c.shutdown()}
      +0     > F. 1:1(0) ack 2
      +0     ${(c) => (expect(c.state).toBe('LAST-ACK'), c.abort())}
      +1s    ${(c) => expect(c.state).toBe('CLOSED')}
    `);
  });

  // Our LAST-ACK begins with the call, before the FIN can leave.
  test('in LAST-ACK with text unsent is a reset', () => {
    const h = established({ win: 100 });
    h.play(tcp`
      +0     < F. 1:1(0) ack 1 win 0
      +0     > .  1:1(0) ack 2
      +0     ${(c) => (h.send(200), c.shutdown())}
      +0     ${(c) => (expect(c.state).toBe('LAST-ACK'), c.abort())}
      +0     > R. 1:1(0) ack 2
    `);
  });
});

describe('TIME-WAIT', () => {
  /** We have closed first; both stand at 2. */
  const waiting = (syn = 'mss 1000', option = ''): ScriptHost => established({ syn, ack: option }).play(tcp`
    +0     ${(c) => c.shutdown()}
    +0     > F. 1:1(0) ack 1
    +10ms  < F. 1:1(0) ack 2 win 65535 <${option}>
    +0     > .  2:2(0) ack 2
  `);

  test('answers the FIN again, and 2MSL begin anew', () => {
    const h = waiting().play(tcp`
      +50s   < F. 1:1(0) ack 2 win 65535
      +0     > .  2:2(0) ack 2
      +59999ms ${() => {}}
    `);
    expect(h.stack.tcp.timeWait.size).toBe(1);
    h.play(tcp`+1ms ${() => expect(h.stack.tcp.timeWait.size).toBe(0)}`);
  });

  // SEC-60: else whoever guesses the ports could hold the row for ever.
  test('is not prolonged by a FIN that was never the peer\'s', () => {
    const h = waiting().play(tcp`
      +50s   < F. 500:500(0) ack 2 win 65535
      +0     > .  2:2(0) ack 2
      +10s   ${() => {}}
    `);
    expect(h.stack.tcp.timeWait.size).toBe(0);
  });

  // RFC 1337, SEC-61.
  test('is not ended by a RST', () => {
    const h = waiting().play(tcp`
      +1s    < R. 2:2(0) ack 2 win 0
      +1s    < R  2:2(0) win 0
    `);
    expect(h.stack.tcp.timeWait.size).toBe(1);
  });

  // SEC-62.
  test('tells text and an old SYN where we are, and a bare ACK nothing', () => {
    waiting().play(tcp`
      +1s    < P. 2:12(10) ack 2 win 65535
      +0     > .  2:2(0) ack 2
      +1s    < S  0:0(0) win 65535
      +0     > .  2:2(0) ack 2
      +1s    < .  2:2(0) ack 2 win 65535
    `);
  });

  // RFC 9293 §3.10.7.4: first, what is not acceptable is answered; fifth, "if the ACK bit is off, drop the segment".
  test('tells an ACK that is not in its place where we are, and a FIN without ACK nothing', () => {
    waiting().play(tcp`
      +1s    < .  500:500(0) ack 500 win 65535
      +0     > .  2:2(0) ack 2
      +1s    < .  1:1(0) ack 2 win 65535
      +0     > .  2:2(0) ack 2
      +1s    < F  2:2(0) win 65535
      +1s    < F  1:1(0) win 65535
      +0     > .  2:2(0) ack 2
    `);
  });

  // SEC-66: it is nobody's first word, here neither.
  test('does not give way to a SYN that is a FIN, too', () => {
    const h = waiting().play(tcp`
      +1s    < SF 3:3(0) win 65535 <mss 1000>
      +0     > .  2:2(0) ack 2
    `);
    expect(h.stack.tcp.timeWait.size).toBe(1);
  });

  test('speaks with timestamps where the connection did, and echoes the latest', () => {
    const h = waiting('mss 1000,TS val 100 ecr 0', 'TS val 110 ecr 0').play(tcp`
      +1s    < F. 1:1(0) ack 2 win 65535 <TS val 1100 ecr 0>
      +0     > .  2:2(0) ack 2 <TS val 1030 ecr 1100>
      +1s    < F. 1:1(0) ack 2 win 65535 <TS val 1099 ecr 0>
      +0     > .  2:2(0) ack 2 <TS val 2030 ecr 1100>
    `);
    expect(h.stack.tcp.timeWait.size).toBe(1);
  });

  // MAY-2 (1): the new ISS lies above all that the old connection used.
  test('gives way to a SYN with a higher sequence number, and our own is higher, too', () => {
    const h = waiting().play(tcp`
      +1s    < S  3:3(0) win 65535 <mss 1000>
      +0     > S. 65538:65538(0) ack 4
      +20ms  < .  4:4(0) ack 65539 win 65535
    `);
    expect(h.stack.tcp.timeWait.size).toBe(0);
    expect(h.listener!.accept()?.state).toBe('ESTABLISHED');
  });

  test('does not give way to the very last sequence number', () => {
    waiting().play(tcp`
      +1s    < S  2:2(0) win 65535 <mss 1000>
      +0     > .  2:2(0) ack 2
    `);
  });

  test('does not give way where nobody listens any more', () => {
    const h = waiting();
    h.listener!.close();
    h.play(tcp`
      +1s    < S  3:3(0) win 65535 <mss 1000>
      +0     > .  2:2(0) ack 2
    `);
  });

  // SHLD-4, RFC 6191 §2: TS.Recent is 110, RCV.NXT is 2.
  test.each([
    [1000, 111, true], [0, 111, true], [3, 110, true], [2, 110, false], [0, 110, false], [1000, 109, false],
  ])('with timestamps: a SYN at %i with TSval %i is a new one: %s', (start, tsVal, isNew) => {
    const h = waiting('mss 1000,TS val 100 ecr 0', 'TS val 110 ecr 0').play(tcp`
      +1s    < S  ${start}:${start}(0) win 65535 <mss 1000,TS val ${tsVal} ecr 0>
      ${isNew ? `+0 > S. 65538:65538(0) ack ${start + 1}` : '+0 > . 2:2(0) ack 2'}
    `);
    expect(h.stack.tcp.timeWait.size).toBe(isNew ? 0 : 1);
  });

  test('with timestamps: a SYN without is judged by its number', () => {
    waiting('mss 1000,TS val 100 ecr 0', 'TS val 110 ecr 0').play(tcp`
      +1s    < S  3:3(0) win 65535 <mss 1000>
      +0     > S. 65538:65538(0) ack 4
    `);
  });

  // MUST-13: our own open does not reuse what waits.
  test('keeps an active open from its tuple', () => {
    const h = waiting();
    // The listener would keep it, too.
    h.listener!.close();
    expect(() => h.connect({ port: 40_000, localPort: 80 })).toThrow('EADDRINUSE');
    h.play(tcp`+60s ${() => {}}`);
    h.connect({ port: 40_000, localPort: 80 }).play(tcp`+0 > S 0:0(0)`);
  });

  // SEC-60.
  test('is a precaution, not a resource: when the table is full the oldest goes', () => {
    const h = established({ stack: { tcp: { timeWaits: 2 } } });
    for (let i = 0; i < 3; i++) {
      if (i > 0) {
        h.peerPort++;
        h.connection = null;
        h.play(tcp`
          +0     < S  0:0(0) win 65535 <mss 1000>
          +0     > S. 0:0(0) ack 1
          +0     < .  1:1(0) ack 1 win 65535
        `);
      }
      h.play(tcp`
        +0     ${(c) => c.shutdown()}
        +0     > F. 1:1(0) ack 1
        +10ms  < F. 1:1(0) ack 2 win 65535
        +0     > .  2:2(0) ack 2
      `);
    }
    expect(h.stack.tcp.timeWait.size).toBe(2);
    h.peerPort -= 2;
    h.play(tcp`
      +0     < F. 1:1(0) ack 2 win 65535
      +0     > R  2:2(0)
    `);
  });

  test('what was received before is still there to be read', () => {
    const h = established();
    h.play(tcp`
      +0     ${(c) => c.shutdown()}
      +0     > F. 1:1(0) ack 1
      +10ms  < FP. 1:101(100) ack 2 win 65535
      +0     > .  2:2(0) ack 102
    `);
    expect(h.receive()).toBe(100);
    expect(h.connection!.ended).toBe(true);
    h.play(tcp`+1s ${() => {}}`);
  });
});
