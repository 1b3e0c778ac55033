// Loss that ACKs tell of: fast retransmit, fast recovery with partial ACKs, and what is no sign of loss.
// RFC 5681 §2, §3.2; RFC 6582.

import { describe, expect, test } from 'vitest';

import { type ScriptHost, tcp } from '../../src/testing/script.js';
import { burst, established } from '../fixtures/established.js';

/** Ten segments are in flight, ten more wait. */
const inFlight = (): ScriptHost => {
  const h = established();
  h.play(tcp`
    +0     ${() => h.send(20_000)}
    ${burst(1, 10_001)}
  `);
  return h;
};

/** ... and the first was lost: three ACKs have said so. */
const recovering = (): ScriptHost => {
  const h = inFlight();
  h.play(tcp`
    +20ms  < .  1:1(0)          ack 1 win 65535
    +0     < .  1:1(0)          ack 1 win 65535
    +0     < .  1:1(0)          ack 1 win 65535
    +0     > .  1:1001(1000)    ack 1
  `);
  return h;
};

describe('fast retransmit', () => {
  // RFC 5681 §3.2 (2). RFC 3042 (limited transmit) is not done: the first two draw nothing.
  test('two duplicate ACKs may be reordering; the third has the first segment sent again, at once', () => {
    const h = recovering();
    // RFC 5681 (4): half of the flight; §3.2 (3): three segments have left the network.
    expect(h.connection!.congestion).toMatchObject({ cwnd: 5000, ssthresh: 5000 });
    expect(h.connection!.recovery.inflation).toBe(3000);
  });

  test('happens once for one loss, however many duplicates follow', () => {
    recovering().play(tcp`
      +1ms   < .  1:1(0)          ack 1 win 65535
      +1ms   < .  1:1(0)          ack 1 win 65535
      +20ms  < .  1:1(0)          ack 10001 win 65535
      ${burst(10_001, 15_001)}
    `);
  });

  test('also when the three come in one batch', () => {
    inFlight().play(tcp`
      +20ms  <+ . 1:1(0)          ack 1 win 65535
      +0     <+ . 1:1(0)          ack 1 win 65535
      +0     <  . 1:1(0)          ack 1 win 65535
      +0     > .  1:1001(1000)    ack 1
    `);
  });

  test('a lost segment with the FIN goes again with the FIN', () => {
    const h = established();
    h.play(tcp`
      +0     ${() => h.send(500)}
      +0     > P. 1:501(500)      ack 1
      +0     ${(c) => c.shutdown()}
      +0     > F. 501:501(0)      ack 1
      +20ms  < .  1:1(0)          ack 501 win 65535
      +0     < .  1:1(0)          ack 501 win 65535
      +0     < .  1:1(0)          ack 501 win 65535
      +0     < .  1:1(0)          ack 501 win 65535
      +0     > F. 501:501(0)      ack 1
    `);
  });
});

describe('no duplicate ACKs (RFC 5681 §2)', () => {
  test('are ACKs that change the window', () => {
    inFlight().play(tcp`
      +20ms  < .  1:1(0)          ack 1 win 65534
      +0     < .  1:1(0)          ack 1 win 65533
      +0     < .  1:1(0)          ack 1 win 65532
      +0     < .  1:1(0)          ack 1 win 65531
    `);
  });

  test('are ACKs that bring text', () => {
    inFlight().play(tcp`
      +20ms  <+ P. 1:101(100)     ack 1 win 65535
      +0     <+ P. 101:201(100)   ack 1 win 65535
      +0     <+ P. 201:301(100)   ack 1 win 65535
      +0     <  P. 301:401(100)   ack 1 win 65535
      +40ms  > .  10001:10001(0)  ack 401
    `);
  });

  test('are ACKs while nothing is in flight', () => {
    const h = established();
    h.play(tcp`
      +20ms  < .  1:1(0)          ack 1 win 65535
      +0     < .  1:1(0)          ack 1 win 65535
      +0     < .  1:1(0)          ack 1 win 65535
      +0     ${() => h.send(500)}
      +0     > P. 1:501(500)      ack 1
    `);
    expect(h.connection!.recovery.dupAcks).toBe(0);
  });

  test('are ACKs of what was acknowledged before that', () => {
    inFlight().play(tcp`
      +20ms  < .  1:1(0)          ack 2001 win 65535
      ${burst(10_001, 14_001)}
      +0     < .  1:1(0)          ack 1001 win 65535
      +0     < .  1:1(0)          ack 1001 win 65535
      +0     < .  1:1(0)          ack 1001 win 65535
    `);
  });

  test('is a FIN', () => {
    inFlight().play(tcp`
      +20ms  < .  1:1(0)          ack 1 win 65535
      +0     < .  1:1(0)          ack 1 win 65535
      +0     < F. 1:1(0)          ack 1 win 65535
      +0     > .  10001:10001(0)  ack 2
    `);
  });
});

describe('fast recovery', () => {
  // RFC 5681 §3.2 (4), (5): cwnd 5,000 and 3,000 are 8,000; the flight is 10,000.
  test('each further duplicate lets one segment in, once half of the flight has left', () => {
    recovering().play(tcp`
      +1ms   < .  1:1(0)          ack 1 win 65535
      +1ms   < .  1:1(0)          ack 1 win 65535
      +1ms   < .  1:1(0)          ack 1 win 65535
      +0     > .  10001:11001(1000) ack 1
      +1ms   < .  1:1(0)          ack 1 win 65535
      +0     > .  11001:12001(1000) ack 1
    `);
  });

  // RFC 5681 §3.2 (6), RFC 6582 §3.2 (3): deflated.
  test('ends when all that was sent before it is acknowledged, with half of the window', () => {
    const h = recovering();
    h.play(tcp`
      +20ms  < .  1:1(0)          ack 10001 win 65535
      ${burst(10_001, 15_001)}
    `);
    expect(h.connection!.congestion.cwnd).toBe(5000);
    expect(h.connection!.recovery).toMatchObject({ active: false, inflation: 0 });
  });

  // RFC 6582 §3.2 (3): a partial ACK.
  test('an ACK of a part has the next hole filled at once, and goes on', () => {
    const h = recovering();
    h.play(tcp`
      +20ms  < .  1:1(0)          ack 4001 win 65535
      +0     > .  4001:5001(1000) ack 1
      +20ms  < .  1:1(0)          ack 7001 win 65535
      +0     > .  7001:8001(1000) ack 1
      +0     > .  10001:11001(1000) ack 1
      +0     > .  11001:12001(1000) ack 1
    `);
    expect(h.connection!.recovery.active).toBe(true);
    h.play(tcp`
      +20ms  < .  1:1(0)          ack 10001 win 65535
      ${burst(12_001, 15_001)}
    `);
    expect(h.connection!.recovery.active).toBe(false);
    expect(h.connection!.retransmits).toBe(3);
  });

  test('duplicates after a partial ACK do not begin it again', () => {
    recovering().play(tcp`
      +20ms  < .  1:1(0)          ack 4001 win 65535
      +0     > .  4001:5001(1000) ack 1
      +1ms   < .  1:1(0)          ack 4001 win 65535
      +1ms   < .  1:1(0)          ack 4001 win 65535
      +0     > .  10001:11001(1000) ack 1
      +1ms   < .  1:1(0)          ack 4001 win 65535
      +0     > .  11001:12001(1000) ack 1
      +1ms   < .  1:1(0)          ack 4001 win 65535
      +0     > .  12001:13001(1000) ack 1
    `);
  });

  // RFC 6582 §3.2 (2): the ACK must cover more than `recover`.
  test('is not entered again for duplicates at the very point where it ended', () => {
    const h = recovering();
    h.play(tcp`
      +20ms  < .  1:1(0)          ack 10001 win 65535
      ${burst(10_001, 15_001)}
      +20ms  < .  1:1(0)          ack 10001 win 65535
      +0     < .  1:1(0)          ack 10001 win 65535
      +0     < .  1:1(0)          ack 10001 win 65535
    `);
    expect(h.connection!.recovery.active).toBe(false);
  });

  test('is entered again for a loss beyond it', () => {
    recovering().play(tcp`
      +20ms  < .  1:1(0)          ack 10001 win 65535
      ${burst(10_001, 15_001)}
      +20ms  < .  1:1(0)          ack 11001 win 65535
      +0     > .  15001:16001(1000) ack 1
      +20ms  < .  1:1(0)          ack 11001 win 65535
      +0     < .  1:1(0)          ack 11001 win 65535
      +0     < .  1:1(0)          ack 11001 win 65535
      +0     > .  11001:12001(1000) ack 1
    `);
  });

  // RFC 6582 §4.2.
  test('what it remembers of 2 GiB ago does not bar it', () => {
    const h = inFlight();
    h.play(tcp`
      +20ms  < .  1:1(0)          ack 1001 win 65535
      +0     > .  10001:11001(1000) ack 1
      +0     > .  11001:12001(1000) ack 1
    `);
    expect(h.connection!.snd.una - h.connection!.recovery.recover | 0).toBe(1);
  });
});

describe('a timeout', () => {
  // RFC 5681 §3.1; RFC 6582 §3.2 (4).
  test('ends fast recovery and goes back to the first segment; what the peer has, its ACK skips', () => {
    const h = recovering();
    h.play(tcp`
      +220ms > .  1:1001(1000)    ack 1
    `);
    expect(h.connection!.recovery).toMatchObject({ active: false, inflation: 0 });
    h.play(tcp`
      +20ms  < .  1:1(0)          ack 9001 win 65535
      +0     > .  9001:10001(1000) ack 1
      +0     > .  10001:11001(1000) ack 1
    `);
  });

  // RFC 6582 §3.2 (4), §4.1: they may be answers to what was sent twice.
  test('bars fast retransmit for what was in flight before it', () => {
    const h = inFlight();
    h.play(tcp`
      +220ms > .  1:1001(1000)    ack 1
      +20ms  < .  1:1(0)          ack 3001 win 65535
      +0     > .  3001:4001(1000) ack 1
      +0     > .  4001:5001(1000) ack 1
      +20ms  < .  1:1(0)          ack 3001 win 65535
      +0     < .  1:1(0)          ack 3001 win 65535
      +0     < .  1:1(0)          ack 3001 win 65535
      +0     < .  1:1(0)          ack 3001 win 65535
    `);
    expect(h.connection!.recovery.active).toBe(false);
  });
});

describe('ACKs that lie (SEC-63)', () => {
  // RFC 3465 §2.3, L = 2: a hundred ACKs of ten bytes are worth what one of a thousand is.
  test('many ACKs for one segment do not open the window further than one', () => {
    const h = inFlight();
    h['sent'].length = 0;
    for (let i = 1; i <= 100; i++) {
      try {
        h.play(tcp`+0 < . 1:1(0) ack ${1 + i * 10} win 65535`);
      } catch {
        // What it lets go is not the question here.
      }
    }
    expect(h.connection!.congestion.cwnd).toBe(11_000);
  });

  test('an ACK of what was never sent opens nothing', () => {
    const h = inFlight();
    h.play(tcp`
      +20ms  < .  1:1(0)          ack 10002 win 65535
      +0     > .  10001:10001(0)  ack 1
    `);
    expect(h.connection!.flightSize).toBe(10_000);
    expect(h.connection!.congestion.cwnd).toBe(10_000);
  });
});
