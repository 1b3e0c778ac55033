// Timestamps: what an old one means, what a missing one means, and which are remembered. RFC 7323 §3–5.

import { describe, expect, test } from 'vitest';

import { Timestamps } from '../../src/tcp/tcb.js';
import { type ScriptHost, tcp } from '../../src/testing/script.js';
import { burst, established } from '../fixtures/established.js';

/** TS.Recent is 1,000. */
const stamped = (): ScriptHost => established({ syn: 'mss 1000,TS val 990 ecr 0', ack: 'TS val 1000 ecr 0' });

const recent = (h: ScriptHost): number => h.connection!.ts.recent;
const DAY = 24 * 3600;

describe('PAWS (RFC 7323 §5.3)', () => {
  // R1, SEC-58.
  // RFC 7323 §5.2-1, §5.3 R1.
  test('text with an older timestamp is acknowledged and dropped, wherever it stands', () => {
    const h = stamped();
    h.play(tcp`
      +0     < P. 1:101(100)      ack 1 win 65535 <TS val 999 ecr 0>
      +0     > .  1:1(0)          ack 1 <TS val 20 ecr 1000>
    `);
    expect(h.connection!.readable).toBe(0);
    expect(h.stack.counters.drops['tcp-paws']).toBe(1);
  });

  test('also a pure ACK: it acknowledges nothing', () => {
    const h = stamped();
    h.play(tcp`
      +0     ${() => h.send(100)}
      +0     > P. 1:101(100)      ack 1
      +20ms  < .  1:1(0)          ack 101 win 65535 <TS val 999 ecr 0>
      +0     > .  101:101(0)      ack 1
    `);
    expect(h.connection!.unacknowledged).toBe(100);
  });

  test('an equal timestamp is not old', () => {
    const h = stamped();
    h.play(tcp`
      +0     < P. 1:101(100)      ack 1 win 65535 <TS val 1000 ecr 0>
      +40ms  > .  1:1(0)          ack 101 <TS val 60 ecr 1000>
    `);
  });

  // RFC 7323 §5.2: s < t when 0 < t - s < 2^31.
  test.each([0, 2 ** 31])('timestamps go round, too, at %i', (turn) => {
    const [before, last, after] = [(turn - 6) >>> 0, (turn - 1) >>> 0, turn + 5];
    const h = established({ syn: `mss 1000,TS val ${before} ecr 0`, ack: `TS val ${before} ecr 0` });
    h.play(tcp`
      +0     < P. 1:101(100)      ack 1 win 65535 <TS val ${after} ecr 0>
      +40ms  > .  1:1(0)          ack 101 <TS val 60 ecr ${after}>
      +0     < P. 101:201(100)    ack 1 win 65535 <TS val ${last} ecr 0>
      +0     > .  1:1(0)          ack 101 <TS val 60 ecr ${after}>
    `);
  });

  // RFC 7323 §5.3: "RST segments are explicitly excluded", with or without the option.
  // RFC 7323 §5.2-4.
  test.each(['', '<TS val 1 ecr 0>'])('a RST is exempt: %s', (option) => {
    const h = stamped();
    h.play(tcp`+0 < R. 1:1(0) ack 1 win 0 ${option}`);
    expect(h.connection!.error?.code).toBe('ECONNRESET');
  });

  // RFC 7323 §5.5: the clock may have gone round in the meantime.
  test('after 24 days TS.Recent is not trusted any more', () => {
    const h = stamped();
    h.play(tcp`
      +${String(24 * DAY - 1)}s < P. 1:101(100) ack 1 win 65535 <TS val 900 ecr 0>
      +0     > .  1:1(0)          ack 1
      +1s    < P. 1:101(100)      ack 1 win 65535 <TS val 900 ecr 0>
      +40ms  > .  1:1(0)          ack 101 <TS val * ecr 900>
    `);
  });

  // RFC 7323 §5.3-2.
  test('text out of order is judged by it like any other', () => {
    const h = stamped();
    h.play(tcp`
      +0     < .  1001:2001(1000) ack 1 win 65535 <TS val 999 ecr 0>
      +0     > .  1:1(0)          ack 1
    `);
    expect(h.connection!.assembler).toBe(null);
  });
});

// Departs from §5.3, R1: §5.3 itself says that what a retransmission has overtaken is discarded for nothing.
describe('where text came out of order', () => {
  /** A is there, B was lost, C is late, D arrives, and B again. The RFC's own example. */
  const overtaken = (): ScriptHost => {
    const h = stamped();
    h.play(tcp`
      +0     < .  1:101(100)      ack 1 win 65535 <TS val 1010 ecr 0>
      +0     < .  301:401(100)    ack 1 win 65535 <TS val 1013 ecr 0>
      +0     > .  1:1(0)          ack 101 <TS val 20 ecr 1010>
      +0     < .  101:201(100)    ack 1 win 65535 <TS val 1050 ecr 0>
      +0     > .  1:1(0)          ack 201 <TS val 20 ecr 1050>
    `);
    return h;
  };

  test('what a retransmission has overtaken is taken, and TS.Recent does not go back', () => {
    const h = overtaken();
    h.play(tcp`
      +0     < .  201:301(100)    ack 1 win 65535 <TS val 1012 ecr 0>
      +0     > .  1:1(0)          ack 401 <TS val 20 ecr 1050>
    `);
    expect(h.stack.counters.drops['tcp-paws']).toBe(0);
  });

  test('it may come as soon as TS.Recent was then, and no sooner', () => {
    const h = overtaken();
    h.play(tcp`
      +0     < .  201:301(100)    ack 1 win 65535 <TS val 1009 ecr 0>
      +0     > .  1:1(0)          ack 201
      +0     < .  201:301(100)    ack 1 win 65535 <TS val 1010 ecr 0>
      +0     > .  1:1(0)          ack 401
    `);
    expect(h.stack.counters.drops['tcp-paws']).toBe(1);
  });

  test('what it acknowledges, and its window, are old', () => {
    const h = overtaken();
    h.play(tcp`
      +0     ${() => h.send(100)}
      +0     > P. 1:101(100)      ack 201
      +0     < .  201:301(100)    ack 101 win 1 <TS val 1012 ecr 0>
      +0     > .  101:101(0)      ack 401
    `);
    expect(h.connection!.unacknowledged).toBe(100);
    expect(h.connection!.snd.wnd).toBe(65_535);
  });

  // A number comes again after 2^32 bytes.
  test('a GiB of text later it is forgotten', () => {
    const ts = new Timestamps();
    ts.recent = 1000;
    ts.onReordered(50);
    ts.recent = 2000;
    expect([999, 1000].map((tsVal) => ts.isLate(tsVal, 50))).toEqual([false, true]);
    ts.onReordered(2 ** 30);
    expect(ts.isLate(1000, 2 ** 30 + 49)).toBe(true);
    expect(ts.isLate(1000, 2 ** 30 + 50)).toBe(false);
    ts.onReordered(2 ** 30 + 50);
    expect([1999, 2000].map((tsVal) => ts.isLate(tsVal, 2 ** 30 + 50))).toEqual([false, true]);
  });
});

describe('an ACK that was overtaken', () => {
  /** Of five segments the first was acknowledged. */
  const ofFive = (): ScriptHost => {
    const h = established({ syn: 'mss 1000,sackOK,TS val 990 ecr 0', ack: 'TS val 1000 ecr 0' });
    h.play(tcp`
      +0     ${() => h.send(4940)}
      ${burst(1, 3953, 988)}
      +0     > P. 3953:4941(988)  ack 1
      +20ms  < .  1:1(0)          ack 989 win 65535 <TS val 1020 ecr 20>
    `);
    return h;
  };

  // RFC 2018 §3: a SACK block is true for ever.
  test('tells of SACK blocks, and of nothing else, and is not answered', () => {
    const h = ofFive();
    h.play(tcp`
      +0     < .  1:1(0)          ack 989 win 1000 <TS val 1019 ecr 20,sack 1977:2965>
      +0     < .  1:1(0)          ack 1 win 1000 <TS val 1018 ecr 20,sack 3953:4941>
      +1ms   ${() => {}}
    `);
    expect(h.connection!.scoreboard).toMatchObject({ start: 988, sacked: 1976 });
    expect(h.connection!.snd.wnd).toBe(65_535);
    expect(h.connection!.ts.recent).toBe(1020);
    expect(h.stack.counters.drops['tcp-paws']).toBe(0);
  });

  test('is none when it acknowledges more than its successor', () => {
    const h = ofFive();
    h.play(tcp`
      +0     < .  1:1(0)          ack 1977 win 65535 <TS val 1019 ecr 20>
      +0     > .  4941:4941(0)    ack 1
    `);
    expect(h.connection!.scoreboard.start).toBe(988);
    expect(h.stack.counters.drops['tcp-paws']).toBe(1);
  });

  test('is one no longer than a timeout', () => {
    const h = ofFive();
    const { rtoMs } = h.connection!.rto;
    h.play(tcp`
      +0     < .  1:1(0)          ack 989 win 65535 <TS val ${1020 - rtoMs} ecr 0,sack 1977:2965>
      +0     < .  1:1(0)          ack 989 win 65535 <TS val ${1020 - rtoMs - 1} ecr 0,sack 3953:4941>
      +0     > .  4941:4941(0)    ack 1
    `);
    expect(h.connection!.scoreboard.sacked).toBe(988);
  });
});

describe('a segment without a timestamp', () => {
  // RFC 7323 §3.2, SEC-58: dropped, and no RST.
  // RFC 7323 §3.2-7, -8.
  test('is dropped without a word, once both SYNs had one', () => {
    const h = stamped();
    h.play(tcp`
      +0     < P. 1:101(100)      ack 1 win 65535
      +1s    ${() => {}}
    `);
    expect(h.stack.counters.drops['tcp-missing-timestamp']).toBe(1);
    expect(h.connection!.readable).toBe(0);
  });

  // RFC 5961 §4: a peer that has restarted says so with a SYN, and must be answered.
  test('that is a SYN is challenged', () => {
    stamped().play(tcp`
      +0     < S  1:1(0)          win 65535 <mss 1000>
      +0     > .  1:1(0)          ack 1
    `);
  });

  // RFC 7323 §3.2-9.
  test('is welcome where one SYN had none; and one with a timestamp too', () => {
    const h = established();
    h.play(tcp`
      +0     < P. 1:101(100)      ack 1 win 65535 <TS val 5 ecr 0>
      +40ms  > .  1:1(0)          ack 101 <>
    `);
  });
});

describe('what is remembered (RFC 7323 §4.3)', () => {
  // (2): SEG.TSval >= TS.Recent and SEG.SEQ <= Last.ACK.sent.
  // RFC 7323 §4.3-1, §5.3 R3.
  test('is the timestamp of the first segment that an ACK covers: the echo counts the wait, too', () => {
    const h = stamped();
    h.play(tcp`
      +0     < .  1:1001(1000)    ack 1 win 65535 <TS val 1010 ecr 0>
      +5ms   < .  1001:2001(1000) ack 1 win 65535 <TS val 1015 ecr 0>
      +0     > .  1:1(0)          ack 2001 <TS val 25 ecr 1010>
      +0     < .  2001:2501(500)  ack 1 win 65535 <TS val 1020 ecr 0>
      +40ms  > .  1:1(0)          ack 2501 <TS val 65 ecr 1020>
    `);
  });

  // RFC 7323 §4.3, (B): the segment that advanced the window counts.
  // RFC 7323 §4.3-2, -3, §5.3-2.
  test('is not that of a segment out of order', () => {
    const h = stamped();
    h.play(tcp`
      +0     < .  1001:2001(1000) ack 1 win 65535 <TS val 1010 ecr 0>
      +0     > .  1:1(0)          ack 1 <TS val 20 ecr 1000>
    `);
    expect(recent(h)).toBe(1000);
    // (C): the segment that fills the gap.
    h.play(tcp`
      +0     < .  1:1001(1000)    ack 1 win 65535 <TS val 1030 ecr 0>
      +0     > .  1:1(0)          ack 2001 <TS val 20 ecr 1030>
    `);
  });

  // SEC-58, CVE-2005-0356: else one forged segment would make all that follow look old.
  // RFC 7323 §5.2-1, §5.3 R2.
  test('is not that of a segment outside the window', () => {
    const h = stamped();
    h.play(tcp`
      +0     < P. 900000000:900000100(100) ack 1 win 65535 <TS val 2000000000 ecr 0>
      +0     > .  1:1(0)          ack 1 <TS val 20 ecr 1000>
    `);
    expect(recent(h)).toBe(1000);
  });

  test('is not that of a segment whose ACK is of what was never sent', () => {
    const h = stamped();
    h.play(tcp`
      +0     < P. 1:101(100)      ack 999 win 65535 <TS val 2000000000 ecr 0>
      +0     > .  1:1(0)          ack 1 <TS val 20 ecr 1000>
    `);
    expect(recent(h)).toBe(1000);
  });
});

describe('what we say', () => {
  // RFC 7323 §3.2: every segment but a RST must have it, and a RST should.
  // RFC 7323 §3.2-2, -5, -6, §5.2-3.
  test('every segment after the SYNs has a timestamp, also the RST', () => {
    const h = stamped();
    h.play(tcp`
      +0     ${() => h.send(10)}
      +0     > P. 1:11(10)        ack 1 <TS val 20 ecr 1000>
      +10ms  ${(c) => c.abort()}
      +0     > R. 11:11(0)        ack 1 <TS val 30 ecr 1000>
    `);
  });

  // SEC-70, RFC 7323 §5.4.
  // RFC 7323 §5.4-2.
  test('our clock is shifted at random for each connection', () => {
    const h = stamped();
    h.peerPort++;
    h.play(tcp`
      +0     < S  0:0(0)         win 65535 <mss 1000,TS val 990 ecr 0>
      +0     > S. 0:0(0) ack 1
      +0     < .  1:1(0) ack 1   win 65535 <TS val 990 ecr 0>
    `);
    const passive = h.listener!.accept()!;
    const [one, other] = [1, 2].map((port) => h.stack.tcp.connect({ address: h.peers, port }));
    const offsets = [0, one!.ts.offset, other!.ts.offset, h.connection!.ts.offset, passive.ts.offset];
    for (const [i, a] of offsets.entries()) {
      for (const b of offsets.slice(i + 1)) expect(Math.abs((a - b) | 0)).toBeGreaterThan(1_000_000);
    }
  });

  // RFC 7323 §4.1: an echo of nothing, or of what we never said, measures nothing.
  test('an echo from the future, or of nothing, gives no round-trip time', () => {
    const h = stamped();
    h.play(tcp`
      +0     ${() => h.send(100)}
      +0     > P. 1:101(100)      ack 1
      +220ms > P. 1:101(100)      ack 1
      +20ms  < .  1:1(0)          ack 51 win 65535 <TS val 1001 ecr 100000>
      +0     < .  1:1(0)          ack 101 win 65535 <TS val 1001 ecr 0>
    `);
    expect(h.connection!.rto.srttMs).toBe(20);
  });
});
