// RACK-TLP's windows and probes, by the clock: how long a hole is waited for, whose round trip counts, and what a probe
// carries. RFC 8985 §6.2, §7. The rest of it is in recovery.test.ts.

import { describe, expect, test } from 'vitest';

import { type ScriptHost, tcp } from '../../src/testing/script.js';
import { burst, established } from '../fixtures/established.js';

const sack = (): ScriptHost => established({ syn: 'mss 1000,sackOK' });

/** ms until something is sent again. */
function waitForRepeat(h: ScriptHost): number {
  const from = h.now;
  const before = h.connection!.retransmits;
  while (h.connection!.retransmits === before && h.now - from < 200) h.advanceTo(h.now + 1);
  h['sent'].length = 0;
  return h.now - from;
}

describe('the reordering window', () => {
  // RFC 8985 §6.2 step 4, §3.3.2-2, -3, -4, §4-3: a quarter of the least round trip, 20 ms, and one more for each round with a
  // DSACK; SRTT, 20 ms as well, is where it ends.
  test('grows by a quarter of the round trip for each needless repetition, up to the round trip', () => {
    const h = sack();
    const waited: number[] = [];
    for (let round = 0; round < 6; round++) {
      const at = 1 + 3000 * round;
      h.play(tcp`
        +0     ${() => h.send(3000)}
        ${burst(at, at + 2000)}
        +0     > P. ${at + 2000}:${at + 3000}(1000) ack 1
        +20ms  < .  1:1(0)        ack ${at} win 65535 <sack ${at + 1000}:${at + 2000}>
      `);
      waited.push(waitForRepeat(h));
      h.play(tcp`+1ms < . 1:1(0) ack ${at + 3000} win 65535 <sack ${at}:${at + 1000}>`, 'ignored');
      h.play(tcp`+1s ${() => {}}`);
    }
    expect(waited).toEqual([5, 10, 15, 20, 20, 20]);
  });

  // RFC 8985 §6.2 step 4 wants it to grow for needless repetitions; RFC 3708 §3 (A.4): this is none.
  test('does not grow because the network doubles packets', () => {
    const h = sack();
    const waited: number[] = [];
    for (let round = 0; round < 2; round++) {
      const at = 1 + 2000 * round;
      h.play(tcp`
        +0     ${() => h.send(2000)}
        ${burst(at, at + 1000)}
        +0     > P. ${at + 1000}:${at + 2000}(1000) ack 1
        +20ms  < .  1:1(0)        ack ${at} win 65535 <sack ${at + 1000}:${at + 2000}>
      `);
      waited.push(waitForRepeat(h));
      h.play(tcp`+20ms < . 1:1(0) ack ${at + 2000} win 65535 <sack ${at + 1000}:${at + 2000}>`, 'ignored');
      h.play(tcp`+1s ${() => {}}`);
    }
    expect(waited).toEqual([5, 5]);
  });

  // RFC 8985 §6.2 step 2: the ACK comes 1 ms after the repetition, and no round trip is so short. Taken for its answer, it
  // would condemn all that was sent before the repetition.
  test('is not measured from a repetition that an ACK of the original seems to answer', () => {
    const h = sack();
    h.play(tcp`
      +0     ${() => h.send(10_000)}
      ${burst(1, 9001)}
      +0     > P. 9001:10001(1000) ack 1
      +20ms  < .  1:1(0)          ack 1 win 65535 <sack 1001:4001>
      +0     > .  1:1001(1000)    ack 1
      +1ms   < .  1:1(0)          ack 4001 win 65535
    `);
    expect(h.connection!.scoreboard.lost).toBe(0);
    h.play(tcp`+1ms ${() => {}}`);
    expect(h.connection!.retransmits).toBe(1);
  });
});

describe('a timeout', () => {
  // RFC 8985 §6.3-1: a segment that left 10 ms before is not given up, where a round trip is 20.
  test('takes for lost the first segment, and what left more than a round trip and the reordering window ago', () => {
    const h = sack();
    h.play(tcp`
      +0     ${() => h.send(1000)}
      +0     > P. 1:1001(1000)    ack 1
      +20ms  < .  1:1(0)          ack 1001 win 65535
      +0     ${() => h.send(4000)}
      ${burst(1001, 4001)}
      +0     > P. 4001:5001(1000) ack 1
      +40ms  > P. 4001:5001(1000) ack 1
      +210ms ${() => h.send(1000)}
      +0     > P. 5001:6001(1000) ack 1
      +10ms  > .  1001:2001(1000) ack 1
    `);
    expect(h.connection!.scoreboard).toMatchObject({ lost: 3000, inFlight: 2000 });
  });
});

// Departs from §6.2 step 4 and §3.3.2-4's SHOULD: what was seen to come late is waited for, and the bound is the RTO.
describe('what comes later than the reordering window', () => {
  /** The first of three goes again, needlessly: the original is acknowledged `lateMs` after what overtook it. */
  const late = (lateMs: number): ScriptHost => {
    const h = established({ syn: 'mss 1012,sackOK,TS val 100 ecr 0', ack: 'TS val 120 ecr 0' });
    h.play(tcp`
      +0     ${() => h.send(3000)}
      ${burst(1, 2001)}
      +0     > P. 2001:3001(1000) ack 1
      +20ms  < .  1:1(0)          ack 1 win 65535 <TS val 140 ecr 20,sack 1001:3001>
      +5ms   > .  1:1001(1000)    ack 1
      +${lateMs - 5}ms < . 1:1(0)  ack 3001 win 65535 <TS val 150 ecr 20>
    `);
    expect(h.connection!.undos).toBe(1);
    return h;
  };

  let sent = 3001;
  let tsVal = 1000;
  /** Two more, of which the first is lost. @returns ms from the SACK of the other until it goes again */
  const waited = (h: ScriptHost): number => {
    const at = sent;
    sent += 2000;
    tsVal += 1000;
    h.play(tcp`
      +0     ${() => h.send(2000)}
      +0     > .  ${at}:${at + 1000}(1000) ack 1
      +0     > P. ${at + 1000}:${at + 2000}(1000) ack 1
      +20ms  < .  1:1(0)          ack ${at} win 65535 <TS val ${tsVal} ecr 0,sack ${at + 1000}:${at + 2000}>
    `);
    return waitForRepeat(h);
  };
  const repaired = (h: ScriptHost): void => {
    h.play(tcp`+20ms < . 1:1(0) ack ${sent} win 65535 <TS val ${tsVal} ecr ${Math.floor(h.now)}>`);
    h.play(tcp`+1s ${() => {}}`);
  };

  test.each([15, 30, 60])('by %i ms is waited for the next time', (lateMs) => {
    sent = 3001;
    expect(waited(late(lateMs))).toBe(lateMs);
  });

  // Without timestamps, and without a needless repetition: 4 ms, where a quarter of the least round trip is 5, and then 1.
  test('was seen to come late, and is waited for when the round trip is shorter', () => {
    const h = sack();
    h.play(tcp`
      +0     ${() => h.send(3000)}
      ${burst(1, 2001)}
      +0     > P. 2001:3001(1000) ack 1
      +20ms  < .  1:1(0)          ack 1 win 65535 <sack 1001:3001>
      +4ms   < .  1:1(0)          ack 3001 win 65535
      +0     ${() => h.send(1000)}
      +0     > P. 3001:4001(1000) ack 1
      +4ms   < .  1:1(0)          ack 4001 win 65535
      +0     ${() => h.send(3000)}
      ${burst(4001, 6001)}
      +0     > P. 6001:7001(1000) ack 1
      +4ms   < .  1:1(0)          ack 4001 win 65535 <sack 5001:7001>
    `);
    expect(h.connection!.rto.minRttMs).toBe(4);
    expect(waitForRepeat(h)).toBe(4);
  });

  // §6.2 step 4: as with DSACKs.
  test('is waited for no more, after sixteen recoveries', () => {
    sent = 3001;
    const h = late(40);
    const all: number[] = [];
    for (let n = 0; n < 18; n++) {
      all.push(waited(h));
      repaired(h);
    }
    expect(all).toEqual([...Array<number>(16).fill(40), 5, 5]);
  });

  // A loss is found within an RTO all the same: by RACK, just before the timer would.
  test('is waited for no longer than an RTO from when it was sent', () => {
    sent = 3001;
    const h = late(210);
    while (h.connection!.rto.rtoMs > 225) {
      h.play(tcp`+0 ${() => h.send(1000)}`, 'ignored');
      sent += 1000;
      tsVal += 1000;
      h.play(tcp`+20ms < . 1:1(0) ack ${sent} win 65535 <TS val ${tsVal} ecr ${Math.floor(h.now)}>`);
    }
    const { rtoMs } = h.connection!.rto;
    expect(waited(h)).toBe(Math.ceil(rtoMs - 20));
    expect(h.connection!.recovery.phase).toBe('recovery');
  });
});

describe('the tail loss probe', () => {
  // RFC 8985 §7.3-4: its SACK is no older than it is. So all that left with the first flight is lost, and at once.
  test('is a transmission like any other', () => {
    const h = sack();
    h.play(tcp`
      +0     ${() => h.send(4000)}
      ${burst(1, 3001)}
      +0     > P. 3001:4001(1000) ack 1
      +40ms  > P. 3001:4001(1000) ack 1
      +20ms  < .  1:1(0)          ack 1 win 65535 <sack 3001:4001>
      +0     > .  1:1001(1000)    ack 1
    `);
  });

  // RFC 8985 §7.2-1, -2, §7.3-1, -2, -5: the window of congestion is full, and is not asked; after it comes the timeout.
  test('is new text where there is some, goes once, and has the retransmission timer begin anew', () => {
    const h = sack();
    h.play(tcp`
      +0     ${() => h.send(20_000)}
      ${burst(1, 10_001)}
      +40ms  > .  10001:11001(1000) ack 1
      +220ms > .  1:1001(1000)    ack 1
    `);
  });
});
