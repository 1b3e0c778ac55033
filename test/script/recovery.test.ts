// Loss that ACKs tell of, and what is no sign of loss: fast retransmit, fast recovery, limited transmit, PRR, the scoreboard,
// RACK and the tail loss probe, spurious recoveries undone. RFC 5681 §2, §3.2; RFC 3042; RFC 6582; RFC 6675; RFC 8985;
// RFC 9937; RFC 5682; RFC 3522 with RFC 4015; RFC 3708.

import { describe, expect, test } from 'vitest';

import { type ScriptHost, tcp } from '../../src/testing/script.js';
import { burst, established } from '../fixtures/established.js';

const RENO = { congestion: 'new-reno' } as const;

/** Ten segments are in flight, ten more wait. `options` are those of the peer's SYN and of its ACK. */
const inFlight = (syn = 'mss 1000', ack = ''): ScriptHost => {
  const h = established({ syn, ack, listen: RENO });
  const size = syn.includes('TS') ? 988 : 1000;
  h.play(tcp`
    +0     ${() => h.send(20_000)}
    ${burst(1, 1 + 10 * size, size)}
  `);
  return h;
};

/** ... and the first was lost: three ACKs have said so. */
const recovering = (): ScriptHost => {
  const h = inFlight();
  h.play(tcp`
    +20ms  < .  1:1(0)          ack 1 win 65535
    +0     > .  10001:11001(1000) ack 1
    +0     < .  1:1(0)          ack 1 win 65535
    +0     > .  11001:12001(1000) ack 1
    +0     < .  1:1(0)          ack 1 win 65535
    +0     > .  1:1001(1000)    ack 1
  `);
  return h;
};

const SACK = 'mss 1000,sackOK';

/** What leaves meanwhile is not the question. */
const pass = (h: ScriptHost, ms: number): void => {
  h.advanceTo(h.now + ms);
  h['sent'].length = 0;
};

describe('fast retransmit', () => {
  // RFC 3042 §2; RFC 5681 §3.2 (1), (2).
  // RFC 5681 §3.2-3, -4, -5, -7, -8, -9, §4.3-1.
  test('two duplicate ACKs let new segments out; the third has the first sent again, at once', () => {
    const h = recovering();
    // RFC 5681 (4): half of the flight, without what limited transmit added.
    expect(h.connection!.congestion).toMatchObject({ cwnd: 5000, ssthresh: 5000 });
    expect(h.connection!.recovery.phase).toBe('recovery');
  });

  test('happens once for one loss, however many duplicates follow', () => {
    const h = recovering();
    h.play(tcp`
      +1ms   < .  1:1(0)          ack 1 win 65535
      +1ms   < .  1:1(0)          ack 1 win 65535
      +20ms  < .  1:1(0)          ack 12001 win 65535
      ${burst(12_001, 17_001)}
    `);
    expect(h.connection!.retransmits).toBe(1);
  });

  test('also when the three come in one batch', () => {
    inFlight().play(tcp`
      +20ms  <+ . 1:1(0)          ack 1 win 65535
      +0     <+ . 1:1(0)          ack 1 win 65535
      +0     <  . 1:1(0)          ack 1 win 65535
      +0     > .  1:1001(1000)    ack 1
    `);
  });

  // RFC 6675 §5-2.
  test('two duplicates before an ACK of something new and two behind it make no three', () => {
    const h = inFlight();
    for (const ack of [1, 1, 1001, 1001, 1001]) h.play(tcp`+1ms < . 1:1(0) ack ${ack} win 65535`, 'ignored');
    expect(h.connection!.retransmits).toBe(0);
    h.play(tcp`+0 < . 1:1(0) ack 1001 win 65535`, 'ignored');
    expect(h.connection!.retransmits).toBe(1);
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

// RFC 5681 §2-1.
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
      +0     > .  10001:11001(1000) ack 1
      +0     < .  1:1(0)          ack 1 win 65535
      +0     > .  11001:12001(1000) ack 1
      +0     < F. 1:1(0)          ack 1 win 65535
      +0     > .  12001:12001(0)  ack 2
    `);
  });
});

describe('fast recovery', () => {
  // RFC 9937 §6: the flight is 10,000, ssthresh 5,000: one segment leaves for each two that arrived.
  // RFC 5681 §3.2-11, §4.3-2; RFC 8985 §9.3-2.
  test('while it shrinks to half, every second duplicate lets one segment out', () => {
    recovering().play(tcp`
      +1ms   < .  1:1(0)          ack 1 win 65535
      +1ms   < .  1:1(0)          ack 1 win 65535
      +1ms   < .  1:1(0)          ack 1 win 65535
      +0     > .  12001:13001(1000) ack 1
      +1ms   < .  1:1(0)          ack 1 win 65535
      +1ms   < .  1:1(0)          ack 1 win 65535
      // Half is reached: from here on one for each.
      +1ms   < .  1:1(0)          ack 1 win 65535
      +0     > .  13001:14001(1000) ack 1
      +1ms   < .  1:1(0)          ack 1 win 65535
      +0     > .  14001:15001(1000) ack 1
    `);
  });

  // RFC 5681 §3.2 (6), RFC 6582 §3.2 (3).
  // RFC 5681 §3.2-12, §4.3-3.
  test('ends when all that was sent before it is acknowledged, with half of the window', () => {
    const h = recovering();
    h.play(tcp`
      +20ms  < .  1:1(0)          ack 12001 win 65535
      ${burst(12_001, 17_001)}
    `);
    expect(h.connection!.congestion.cwnd).toBe(5000);
    expect(h.connection!.recovery.phase).toBe('open');
  });

  // RFC 6582 §3.2 (3): a partial ACK.
  test('an ACK of a part has the next hole filled at once, and goes on', () => {
    const h = recovering();
    h.play(tcp`
      +20ms  < .  1:1(0)          ack 4001 win 65535
      +0     > .  4001:5001(1000) ack 1
      +20ms  < .  1:1(0)          ack 7001 win 65535
      +0     > .  7001:8001(1000) ack 1
    `);
    expect(h.connection!.recovery.phase).toBe('recovery');
    expect(h.connection!.retransmits).toBe(3);
  });

  // RFC 6582 §3.2 (2): the ACK must cover more than `recover`.
  test('is not entered again for duplicates at the very point where it ended', () => {
    const h = recovering();
    h.play(tcp`
      +20ms  < .  1:1(0)          ack 12001 win 65535
      ${burst(12_001, 17_001)}
      +20ms  < .  1:1(0)          ack 12001 win 65535
      +0     > .  17001:18001(1000) ack 1
      +0     < .  1:1(0)          ack 12001 win 65535
      +0     > .  18001:19001(1000) ack 1
      +0     < .  1:1(0)          ack 12001 win 65535
      +0     > P. 19001:20001(1000) ack 1
    `);
    expect(h.connection!.recovery.phase).toBe('open');
  });

  // RFC 5681 §4.3-4.
  test('is entered again for a loss beyond it', () => {
    recovering().play(tcp`
      +20ms  < .  1:1(0)          ack 12001 win 65535
      ${burst(12_001, 17_001)}
      +20ms  < .  1:1(0)          ack 13001 win 65535
      +0     > .  17001:18001(1000) ack 1
      +20ms  <+ . 1:1(0)          ack 13001 win 65535
      +0     <+ . 1:1(0)          ack 13001 win 65535
      +0     < .  1:1(0)          ack 13001 win 65535
      +0     > .  13001:14001(1000) ack 1
    `);
  });
});

describe('with SACK', () => {
  // RFC 8985 §6.2 steps 4 and 5: three segments SACKed, no reordering seen.
  // RFC 8985 §3.3.2-1; RFC 6675 §5-4.
  test('a segment is lost when three behind it have arrived', () => {
    const h = inFlight(SACK);
    h.play(tcp`
      +20ms  < .  1:1(0)          ack 1 win 65535 <sack 1001:2001>
      +0     > .  10001:11001(1000) ack 1
      +0     < .  1:1(0)          ack 1 win 65535 <sack 1001:3001>
      +0     > .  11001:12001(1000) ack 1
      +0     < .  1:1(0)          ack 1 win 65535 <sack 1001:4001>
      +0     > .  1:1001(1000)    ack 1
    `);
    expect(h.connection!.congestion).toMatchObject({ cwnd: 5000, ssthresh: 5000 });
  });

  // RFC 5681 §3.2-6: limited transmit is for who has heard that something arrived.
  test('a duplicate ACK without news in it lets nothing go', () => {
    const h = inFlight(SACK);
    h.play(tcp`
      +20ms  < .  1:1(0)          ack 1 win 65535
      +0     < .  1:1(0)          ack 1 win 65535
      +0     < .  1:1(0)          ack 1 win 65535
      +0     < .  1:1(0)          ack 1 win 65535 <sack 1001:2001>
      +0     > .  10001:11001(1000) ack 1
      +0     < .  1:1(0)          ack 1 win 65535 <sack 1001:2001>
    `);
    expect(h.connection!.recovery.phase).toBe('open');
  });

  // RFC 6675 §4-3.
  // RFC 8985 §9.3-1, §9.3-2: three of ten have arrived, and so three may leave.
  test('what is lost goes again as far as congestion control lets it', () => {
    const h = inFlight(SACK);
    h.play(tcp`
      +20ms  < .  1:1(0)          ack 1 win 65535 <sack 7001:10001>
      +0     > .  1:1001(1000)    ack 1
      +0     > .  1001:2001(1000) ack 1
      +0     > .  2001:3001(1000) ack 1
    `);
    expect(h.connection!.scoreboard).toMatchObject({ lost: 4000, sacked: 3000, inFlight: 3000 });
  });

  // RFC 8985 §6.2 step 5: with fewer, when a quarter of the round trip has passed.
  // RFC 8985 §3.3.2-2, §4-2, §6.2-1.
  test('or when one has, and the reordering window is over', () => {
    inFlight(SACK).play(tcp`
      +20ms  < .  1:1(0)          ack 1 win 65535 <sack 1001:2001>
      +0     > .  10001:11001(1000) ack 1
      +5ms   > .  1:1001(1000)    ack 1
    `);
  });

  test('what the reordering timer finds lost is told to congestion control with the next ACK, once', () => {
    const h = inFlight(SACK);
    const told: number[] = [];
    const { congestion } = h.connection!;
    const onAck = congestion.onAck.bind(congestion);
    congestion.onAck = (sample, now) => {
      told.push(sample.lost);
      onAck(sample, now);
    };
    h.play(tcp`
      +20ms  < .  1:1(0)          ack 1 win 65535 <sack 1001:2001>
      +0     > .  10001:11001(1000) ack 1
      +5ms   > .  1:1001(1000)    ack 1
      +1ms   < .  1:1(0)          ack 1 win 65535 <sack 1001:3001>
      +0     < .  1:1(0)          ack 1 win 65535 <sack 1001:4001>
    `, 'ignored');
    expect(told).toEqual([0, 1000, 0]);
  });

  // RFC 6675 §4-1, -4, -5, -10, §5-1, -5, -8, -10, -11.
  // RFC 8985 §4-1.
  test('all holes are filled, and nothing else is sent again', () => {
    const h = inFlight(SACK);
    h.play(tcp`
      +20ms  < .  1:1(0)          ack 1 win 65535 <sack 9001:10001 6001:8001 1001:5001>
      +0     > .  1:1001(1000)    ack 1
      +0     > .  5001:6001(1000) ack 1
      +0     > .  8001:9001(1000) ack 1
      // RFC 9937 §6: seven have arrived, none is in flight: up to ssthresh.
      +0     > .  10001:11001(1000) ack 1
      +0     > .  11001:12001(1000) ack 1
      +20ms  < .  1:1(0)          ack 5001 win 65535 <sack 9001:10001 6001:8001>
    `, 'ignored');
    expect(h.connection!.retransmits).toBe(3);
    expect(h.connection!.scoreboard).toMatchObject({ start: 5000, sacked: 3000, lost: 0 });
  });

  // RFC 8985 §6.2 step 5: a lost retransmission is found without a timeout, when something sent after it has arrived.
  // RFC 8985 §6.1-1.
  test('a retransmission that is lost, too, goes again', () => {
    const h = inFlight(SACK);
    h.play(tcp`
      +20ms  < .  1:1(0)          ack 1 win 65535 <sack 1001:4001>
      +0     > .  1:1001(1000)    ack 1
      +1ms   < .  1:1(0)          ack 1 win 65535 <sack 1001:6001>
      +1ms   < .  1:1(0)          ack 1 win 65535 <sack 1001:10001>
    `, 'ignored');
    h.play(tcp`
      +20ms  < .  1:1(0)          ack 1 win 65535 <sack 1001:11001>
      +0     > .  1:1001(1000)    ack 1
    `, 'ignored');
  });

  // RFC 6675 §5-6, §5-7.
  test('recovery ends with the ACK of all that had been sent when it began, and what lies above stays known', () => {
    const h = inFlight(SACK);
    h.play(tcp`
      +20ms  < .  1:1(0)          ack 1 win 65535 <sack 1001:10001>
      +0     > .  1:1001(1000)    ack 1
      +0     > .  10001:11001(1000) ack 1
      +0     > .  11001:12001(1000) ack 1
    `, 'ignored');
    h.play(tcp`+20ms < . 1:1(0) ack 10000 win 65535 <sack 11001:12001>`, 'ignored');
    expect(h.connection!.recovery.phase).toBe('recovery');
    h.play(tcp`+0 < . 1:1(0) ack 10001 win 65535 <sack 11001:12001>`, 'ignored');
    expect(h.connection!.recovery.phase).toBe('open');
    expect(h.connection!.scoreboard.sacked).toBe(1000);
  });

  test('SACK blocks beyond what was sent, backwards, or of what is acknowledged say nothing', () => {
    const h = inFlight(SACK);
    h.play(tcp`
      +20ms  < .  1:1(0)          ack 2001 win 65535
      ${burst(10_001, 14_001)}
      +1ms   < .  1:1(0)          ack 2001 win 65535 <sack 13001:15001 9001:4001 1:1001>
    `);
    expect(h.connection!.scoreboard).toMatchObject({ sacked: 0, lost: 0, inFlight: 12_000 });
  });
});

describe('the tail loss probe (RFC 8985 §7)', () => {
  // RFC 8985 §7.2-1, -2, §7.3-3.
  test('the last segment goes again after two round trips, and its SACK tells of all that was lost before it', () => {
    const h = established({ syn: SACK, listen: RENO });
    h.play(tcp`
      +0     ${() => h.send(5000)}
      ${burst(1, 4001)}
      +0     > P. 4001:5001(1000) ack 1
      +40ms  > P. 4001:5001(1000) ack 1
      +20ms  < .  1:1(0)          ack 1 win 65535 <sack 4001:5001>
    `, 'ignored');
    expect(h.connection!.recovery.phase).not.toBe('loss');
  });

  // RFC 8985 §7.4.2-1, -2.
  test('what it repaired alone was a loss, and halves the window', () => {
    const h = established({ syn: SACK, listen: RENO });
    h.play(tcp`
      +0     ${() => h.send(5000)}
      ${burst(1, 4001)}
      +0     > P. 4001:5001(1000) ack 1
      +20ms  < .  1:1(0)          ack 4001 win 65535
      +220ms > P. 4001:5001(1000) ack 1
      +0     ${() => h.send(1000)}
      +0     > P. 5001:6001(1000) ack 1
      +20ms  < .  1:1(0)          ack 6001 win 65535
    `);
    expect(h.connection!.congestion.ssthresh).toBeLessThan(Infinity);
  });

  test('a DSACK says that it was needless, and nothing was lost', () => {
    const h = established({ syn: SACK, listen: RENO });
    h.play(tcp`
      +0     ${() => h.send(5000)}
      ${burst(1, 4001)}
      +0     > P. 4001:5001(1000) ack 1
      +20ms  < .  1:1(0)          ack 4001 win 65535
      +220ms > P. 4001:5001(1000) ack 1
      +1ms   < .  1:1(0)          ack 5001 win 65535
      +20ms  < .  1:1(0)          ack 5001 win 65535 <sack 4001:5001>
    `);
    h.play(tcp`
      +0     ${() => h.send(1000)}
      +0     > P. 5001:6001(1000) ack 1
      +20ms  < .  1:1(0)          ack 6001 win 65535
    `);
    expect(h.connection!.congestion.ssthresh).toBe(Infinity);
  });

  // RFC 8985 §7.4.2, step 2: "the ACK is a duplicate ACK without any SACK information". Nothing is in flight then.
  test('so does a second ACK of all, from a peer that knows no DSACK', () => {
    const h = established({ syn: SACK, listen: RENO });
    h.play(tcp`
      +0     ${() => h.send(5000)}
      ${burst(1, 4001)}
      +0     > P. 4001:5001(1000) ack 1
      +20ms  < .  1:1(0)          ack 4001 win 65535
      +220ms > P. 4001:5001(1000) ack 1
      +1ms   < .  1:1(0)          ack 5001 win 65535
      +20ms  < .  1:1(0)          ack 5001 win 65535
    `);
    h.play(tcp`
      +0     ${() => h.send(1000)}
      +0     > P. 5001:6001(1000) ack 1
      +20ms  < .  1:1(0)          ack 6001 win 65535
    `);
    expect(h.connection!.congestion.ssthresh).toBe(Infinity);
  });

  // A DSACK long after: nobody has a recovery any more that it could be noted in, but all have one together.
  test('a DSACK for a connection that is at rest is nobody else\'s', () => {
    const h = established({ syn: SACK, listen: RENO });
    h.play(tcp`
      +0     ${() => h.send(1000)}
      +0     > P. 1:1001(1000)    ack 1
      +220ms > P. 1:1001(1000)    ack 1
      +20ms  < .  1:1(0)          ack 1001 win 65535
      +0     ${() => h.send(1000)}
      +0     > P. 1001:2001(1000) ack 1
      +20ms  < .  1:1(0)          ack 2001 win 65535
      +0     ${() => h.send(1000)}
      +0     > P. 2001:3001(1000) ack 1
      +20ms  < .  1:1(0)          ack 3001 win 65535
      +5s    < .  1:1(0)          ack 3001 win 65535 <sack 1:1001>
    `);
    h.connection!.check();
  });
});

describe('what was no loss', () => {
  const TS = 'mss 1000,sackOK,TS val 100 ecr 0';

  // RFC 9438 §4.9.2-1.
  // RFC 3522 §3.2, RFC 4015 §3: the first ACK echoes the original.
  test('a fast retransmit that the timestamp proves needless is undone: both windows are as before', () => {
    const h = inFlight(TS, 'TS val 120 ecr 0');
    h.play(tcp`
      +20ms  < .  1:1(0)          ack 1 win 65535 <TS val 140 ecr 20,sack 989:3953>
      +0     > .  1:989(988)      ack 1
      +1ms   < .  1:1(0)          ack 3953 win 65535 <TS val 141 ecr 20>
    `, 'ignored');
    expect(h.connection!.recovery.phase).toBe('open');
    expect(h.connection!.congestion.ssthresh).toBe(Infinity);
    expect(h.connection!.congestion.cwnd).toBeGreaterThanOrEqual(9880);
    expect(h.connection!.undos).toBe(1);
  });

  // RFC 3522 §3.2-1, RFC 4015 §2-1, §3.1-1: RetransmitTS is that of the first repetition, and stays it.
  test('a timeout is undone when the first transmission is echoed, and not when the first repetition is, whatever went after it', () => {
    for (const [ecr, undos] of [[20, 1], [240, 0]] as const) {
      const h = established({ syn: 'mss 1000,TS val 100 ecr 0', ack: 'TS val 120 ecr 0', listen: { ...RENO, mtuProbing: 'off' } });
      h.play(tcp`
        +0     ${() => h.send(988)}
        +0     > P. 1:989(988)    ack 1
        +220ms > P. 1:989(988)    ack 1
        +440ms > P. 1:989(988)    ack 1
        +10ms  < .  1:1(0)        ack 989 win 65535 <TS val 800 ecr ${ecr}>
      `);
      expect(h.connection!.retransmits).toBe(2);
      expect(h.connection!.undos).toBe(undos);
    }
  });

  // RFC 3708: without timestamps, when DSACK has told of each.
  test('or that a DSACK proves needless', () => {
    const h = inFlight(SACK);
    h.play(tcp`
      +20ms  < .  1:1(0)          ack 1 win 65535 <sack 1001:4001>
      +0     > .  1:1001(1000)    ack 1
      +20ms  < .  1:1(0)          ack 10001 win 65535 <sack 1:1001>
    `, 'ignored');
    expect(h.connection!.recovery.phase).toBe('open');
    expect(h.connection!.congestion.ssthresh).toBe(Infinity);
  });

  // RFC 3708 §3 (A.4): a DSACK of what was sent once is the network's doing, and so may be all that follow.
  test('but not by a DSACK after the network has doubled a packet', () => {
    const h = inFlight(SACK);
    h.play(tcp`
      +20ms  < .  1:1(0)          ack 1 win 65535 <sack 1001:4001>
      +0     > .  1:1001(1000)    ack 1
      +1ms   < .  1:1(0)          ack 1 win 65535 <sack 2001:3001 1001:4001>
      +19ms  < .  1:1(0)          ack 10001 win 65535 <sack 1:1001>
    `, 'ignored');
    expect(h.connection!.undos).toBe(0);
    expect(h.connection!.congestion.ssthresh).toBe(5000);
    expect(h.connection!.recovery.dsacks).toBe(2);
  });

  // The ACK with the DSACK has no successor that repeats it: it counts though another has overtaken it.
  test('or that a DSACK proves needless, in an ACK that was overtaken', () => {
    const h = inFlight(TS, 'TS val 120 ecr 0');
    h.play(tcp`
      +20ms  < .  1:1(0)          ack 1 win 65535 <TS val 140 ecr 20,sack 989:3953>
      +0     > .  1:989(988)      ack 1
      +20ms  < .  1:1(0)          ack 9881 win 65535 <TS val 162 ecr 40>
    `, 'ignored');
    expect(h.connection!.congestion.ssthresh).toBe(4940);
    h.play(tcp`
      +1ms   < .  1:1(0)          ack 9881 win 65535 <TS val 161 ecr 40,sack 1:989>
    `, 'ignored');
    expect(h.connection!.congestion.ssthresh).toBe(Infinity);
  });

  // RFC 8985 §6.2 steps 3 and 4: once reordering was seen, three SACKed segments are no proof.
  // RFC 8985 §9.2-1.
  test('after reordering was seen, a gap waits for the reordering window', () => {
    const h = inFlight(SACK);
    h.play(tcp`
      +20ms  < .  1:1(0)          ack 1 win 65535 <sack 1001:2001>
      +0     > .  10001:11001(1000) ack 1
      +1ms   < .  1:1(0)          ack 2001 win 65535
    `, 'ignored');
    expect(h.connection!.recovery.rack.reorderingSeen).toBe(true);
    h.play(tcp`
      +1ms   < .  1:1(0)          ack 2001 win 65535 <sack 3001:7001>
    `, 'ignored');
    expect(h.connection!.recovery.phase).toBe('open');
  });
});

describe('a timeout', () => {
  // RFC 5681 §3.1; RFC 6582 §3.2 (4).
  test('ends fast recovery and goes back to the first segment; what the peer has, its ACK skips', () => {
    const h = recovering();
    h.play(tcp`
      +220ms > .  1:1001(1000)    ack 1
    `);
    expect(h.connection!.recovery.phase).toBe('loss');
    expect(h.connection!.congestion.cwnd).toBe(1000);
    h.play(tcp`
      +20ms  < .  1:1(0)          ack 9001 win 65535
      +0     > .  9001:10001(1000) ack 1
      +0     > .  10001:11001(1000) ack 1
    `);
  });

  // RFC 6675 §5.1-4, -5; §5.1-3, -7, -8: what SACKs tell afterwards begins no other recovery, and is not sent again.
  // RFC 5682 §2.1-3, §3.1-3: nor does new text go first.
  test('with SACK ends recovery, too, up to what had been sent', () => {
    const h = inFlight(SACK);
    h.play(tcp`
      +20ms  < .  1:1(0)          ack 1 win 65535 <sack 1001:4001>
      +0     > .  1:1001(1000)    ack 1
    `, 'ignored');
    const { ssthresh } = h.connection!.congestion;
    pass(h, 221);
    const { recovery, snd } = h.connection!;
    expect(recovery.phase).toBe('loss');
    expect(recovery.recoverEnd).toBe(h.connection!.offsetOf(snd.nxt));
    const cut = h.connection!.congestion.ssthresh;
    expect(cut).toBeLessThanOrEqual(ssthresh);
    h.play(tcp`+20ms < . 1:1(0) ack 1 win 65535 <sack 6001:10001 1001:4001>`, 'ignored');
    expect(recovery.phase).toBe('loss');
    expect(h.connection!.congestion.ssthresh).toBe(cut);
    h.play(tcp`+1ms < . 1:1(0) ack 4001 win 65535 <sack 6001:10001>`, 'ignored');
    expect(h.connection!.scoreboard).toMatchObject({ start: 4000, sacked: 4000 });
    expect(recovery.newTextFirst).toBe(false);
  });

  // RFC 5682 §2.1-2, §3.1-4: step 1 anew.
  test.each(['mss 1000', SACK])('and another one ask new text, too (%s)', (syn) => {
    const h = inFlight(syn);
    pass(h, 1000);
    expect([h.connection!.timeouts, h.connection!.recovery.phase]).toEqual([2, 'loss']);
    const sent = h.connection!.offsetOf(h.connection!.snd.nxt);
    h.play(tcp`+20ms < . 1:1(0) ack 1001 win 65535`, 'ignored');
    expect(h.connection!.offsetOf(h.connection!.snd.nxt)).toBe(sent + 2000);
    h.play(tcp`+1ms < . 1:1(0) ack 2001 win 65535`, 'ignored');
    expect(h.connection!.recovery.phase).toBe('open');
    expect(h.connection!.undos).toBe(1);
  });

  // RFC 5682 §3.1-1, -2: a duplicate before the first ACK of something new decides nothing; a block of what was sent once does.
  test('with SACK is known to be needless by a block of what was sent once', () => {
    const h = inFlight(SACK);
    pass(h, 400);
    const sent = h.connection!.offsetOf(h.connection!.snd.nxt);
    h.play(tcp`+10ms < . 1:1(0) ack 1 win 65535`, 'ignored');
    h.play(tcp`+10ms < . 1:1(0) ack 1001 win 65535`, 'ignored');
    expect(h.connection!.offsetOf(h.connection!.snd.nxt)).toBe(sent + 2000);
    expect([h.connection!.timeouts, h.connection!.recovery.phase]).toEqual([1, 'loss']);
    h.play(tcp`+1ms < . 1:1(0) ack 1001 win 65535 <sack 3001:4001>`, 'ignored');
    expect(h.connection!.recovery.phase).toBe('open');
    expect(h.connection!.congestion.ssthresh).toBe(Infinity);
  });

  // RFC 5682 §2.1-1: new text after the first ACK tells; here it draws a duplicate, so the loss was real.
  test('sends new text first, to learn whether it was needless', () => {
    const h = inFlight();
    h.play(tcp`
      +220ms > .  1:1001(1000)    ack 1
      +20ms  < .  1:1(0)          ack 1001 win 65535
      +0     > .  10001:11001(1000) ack 1
      +0     > .  11001:12001(1000) ack 1
      +20ms  < .  1:1(0)          ack 1001 win 65535
    `, 'ignored');
    expect(h.connection!.recovery.phase).toBe('loss');
    expect(h.connection!.congestion.ssthresh).toBe(5000);
  });

  // RFC 5682 §2.1-1, step 3 b; RFC 4015; RFC 9438 §4.9.1-1.
  test('that was needless is undone when text that was sent once is acknowledged', () => {
    const h = inFlight();
    h.play(tcp`
      +220ms > .  1:1001(1000)    ack 1
      +20ms  < .  1:1(0)          ack 1001 win 65535
      +0     > .  10001:11001(1000) ack 1
      +0     > .  11001:12001(1000) ack 1
      +1ms   < .  1:1(0)          ack 2001 win 65535
    `, 'ignored');
    expect(h.connection!.recovery.phase).toBe('open');
    expect(h.connection!.congestion.ssthresh).toBe(Infinity);
    expect(h.connection!.congestion.cwnd).toBeGreaterThanOrEqual(10_000);
  });

  // RFC 2018 §8; RFC 6675 §4-2: it is still there to be sent.
  test('that finds the first byte SACKed believes no SACK any more', () => {
    const h = inFlight(SACK);
    h.play(tcp`
      +20ms  < .  1:1(0)          ack 1 win 65535 <sack 1001:3001>
      +0     > .  10001:11001(1000) ack 1
      +0     > .  11001:12001(1000) ack 1
      +1ms   < .  1:1(0)          ack 1001 win 65535 <sack 2001:3001>
    `, 'ignored');
    expect(h.connection!.scoreboard.sacked).toBeGreaterThan(0);
    h.advanceTo(h.now + 2000);
    h['sent'].length = 0;
    expect(h.connection!.scoreboard.sacked).toBe(0);
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

  // RFC 3708 §3 counts DSACKs against what was sent again: here one segment, and three are reported.
  test('a DSACK of more than was sent again undoes nothing', () => {
    const h = inFlight(SACK);
    h.play(tcp`
      +20ms  < .  1:1(0)          ack 1001 win 65535 <sack 2001:6001>
      +0     > .  1001:2001(1000) ack 1
      +1ms   < .  1:1(0)          ack 1001 win 65535 <sack 3001:6001 2001:6001>
    `, 'ignored');
    expect(h.connection!.retransmits).toBe(1);
    expect(h.connection!.recovery.phase).toBe('recovery');
    expect(h.connection!.undos).toBe(0);
  });

  test('nor does a DSACK of more than that, though it begins where that did', () => {
    const h = inFlight(SACK);
    h.play(tcp`
      +20ms  < .  1:1(0)          ack 1 win 65535 <sack 1001:6001>
      +0     > .  1:1001(1000)    ack 1
      +1ms   < .  1:1(0)          ack 6001 win 65535 <sack 1:3001>
    `, 'ignored');
    expect(h.connection!.retransmits).toBe(1);
    expect(h.connection!.undos).toBe(0);
  });

  // RFC 2883 §4.1 (4): the block that holds the duplicate comes second, and may begin where that does.
  test('a first block that begins where the second does hides nothing of it', () => {
    const h = inFlight(SACK);
    h.play(tcp`
      +20ms  < .  1:1(0)          ack 1 win 65535 <sack 2001:3001 2001:4001>
      +0     > .  10001:11001(1000) ack 1
      +0     > .  11001:12001(1000) ack 1
    `, 'ignored');
    expect(h.connection!.scoreboard.sacked).toBe(2000);
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

describe('the delivery rate', () => {
  // Nothing more may leave, though the flight shrinks: what is measured now says nothing of the path.
  test('knows when the peer\'s window, full behind a hole, holds back what cwnd and pace would let go', () => {
    const h = established({ syn: SACK, listen: RENO });
    h.play(tcp`
      +0     ${() => h.send(10_000)}
      ${burst(1, 9001)}
      +0     > P. 9001:10001(1000) ack 1
      +20ms  < .  1:1(0)          ack 1 win 10000 <sack 1001:6001>
      +0     > .  1:1001(1000)    ack 1
    `, 'ignored');
    expect(h.connection!.rate.isHeldBack).toBe(false);
    h.play(tcp`
      +0     ${() => h.send(5000)}
      +1ms   < .  1:1(0)          ack 1 win 10000 <sack 1001:7001>
    `, 'ignored');
    expect(h.connection!.rate.isHeldBack).toBe(true);
    h.play(tcp`+20ms < . 1:1(0) ack 10001 win 65535`, 'ignored');
    h.play(tcp`+20ms < . 1:1(0) ack 12001 win 65535`, 'ignored');
    expect(h.connection!.rate.isHeldBack).toBe(false);
  });
});
