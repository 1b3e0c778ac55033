// Marks instead of losses, on the wire: classic ECN (RFC 3168 §6.1) as the SYNs agree on it, and the counters of RFC 9768.
// Flags: E is ECE, W is CWR.

import { describe, expect, test } from 'vitest';

import { ScriptHost, type Script, tcp } from '../../src/testing/script.js';
import { burst } from '../fixtures/established.js';

const [NOT_ECT, ECT_0, CE] = [0, 2, 3];

/** The codepoint of the packet that left last. */
const codepoint = (h: ScriptHost): number => h.lastPacket[1]! & 3;

/** RFC 1624: `added` more in a word of 16 bits; the sum at `b[at]` follows. */
function follow(b: Uint8Array, at: number, added: number): void {
  let sum = (~((b[at]! << 8) | b[at + 1]!) & 0xffff) + added;
  sum = ~(sum + (sum >>> 16)) & 0xffff;
  b[at] = sum >>> 8;
  b[at + 1] = sum & 0xff;
}

/** The packet around `header` comes under `mark`. */
function setMark(header: Uint8Array, mark: number): void {
  const ip = new Uint8Array(header.buffer);
  ip[1] = mark;
  follow(ip, 10, mark);
}

/** A segment arrives under `mark`. */
function arriveUnder(h: ScriptHost, mark: number, script: Script): void {
  h.mangled(script, (header) => setMark(header, mark));
}

/** A peer 20 ms away that asked for classic ECN and was granted it. */
function marked(): ScriptHost {
  const h = new ScriptHost().listen();
  h.play(tcp`
    +0    < SEW 0:0(0)          win 65535 <mss 1000>
    +0    > S.E 0:0(0) ack 1
    +20ms < .   1:1(0) ack 1    win 65535
  `);
  return h;
}

describe('the SYNs', () => {
  // RFC 3168 §6.1.1-7.
  test('who is asked for ECN grants it; the SYN+ACK itself is not ECN-capable', () => {
    const h = marked();
    expect(codepoint(h)).toBe(NOT_ECT);
    expect(h.connection!.ecn.mode).toBe('classic');
  });

  // RFC 3168 §6.1.1-1, -2.
  test('who is not asked does not say it', () => {
    const h = new ScriptHost().listen();
    h.play(tcp`
      +0    < S  0:0(0)           win 65535 <mss 1000>
      +0    > S. 0:0(0) ack 1
      +20ms < .  1:1(0) ack 1     win 65535
      +0    ${() => h.send(100)}
      +0    > P. 1:101(100) ack 1
    `);
    expect(codepoint(h)).toBe(NOT_ECT);
  });

  // RFC 3168 §6.1.1-5.
  test('who wants none grants none', () => {
    new ScriptHost().listen({ ecn: 'off' }).play(tcp`
      +0    < SEW 0:0(0)          win 65535 <mss 1000>
      +0    > S.  0:0(0) ack 1
    `);
  });

  // RFC 3168 §6.1.1.1-1.
  test('an active open asks when told to, a SYN that is repeated too, and then none any more: RFC 3168 §6.1.1.1', () => {
    const h = new ScriptHost().connect({ ecn: 'on' });
    h.play(tcp`
      +0    > SEW 0:0(0)
      +1s   > SEW 0:0(0)
      +2s   > S   0:0(0)
    `);
    expect(codepoint(h)).toBe(NOT_ECT);
  });

  test('an active open may be told to ask once only', () => {
    new ScriptHost({ stack: { tcp: { ecnSynRetries: 0 } } }).connect({ ecn: 'on' }).play(tcp`
      +0    > SEW 0:0(0)
      +1s   > S   0:0(0)
    `);
  });

  // RFC 9293 SHLD-8.
  test('an active open that was granted it marks its text', () => {
    const h = new ScriptHost().connect({ ecn: 'on' });
    h.play(tcp`
      +0    > SEW 0:0(0)
      +20ms < S.E 0:0(0)     ack 1 win 65535 <mss 1000>
      +0    > .   1:1(0)     ack 1
      +0    ${() => h.send(100)}
      +0    > P.  1:101(100) ack 1
    `);
    expect(codepoint(h)).toBe(ECT_0);
  });

  test('accurate ECN is asked for by all three flags, and the ACK tells how the answer came: RFC 9768 §3.1.1, §3.2.2.1', () => {
    const h = new ScriptHost().connect({ ecn: 'accurate' });
    h.play(tcp`
      +0    > SEWA 0:0(0)
      +20ms < S.W 0:0(0)     ack 1 win 65535 <mss 1000>
      +0    > .W  1:1(0)     ack 1
      +0    ${() => h.send(100)}
      +0    > [ect0] P.EA 1:101(100) ack 1
    `);
    // r.cep is 5: AE and ECE.
    expect(h.connection!.ecn.mode).toBe('accurate');
  });
});

describe('accurate ECN, granted', () => {
  // RFC 9768 §3.1.2, table 2: the SYN+ACK says how the SYN came.
  test.each([['noecn', 'W'], ['ect1', 'EW'], ['ect0', 'A'], ['ce', 'WA']])('a SYN under %s is answered so', (mark, flags) => {
    const h = new ScriptHost().listen({ ecn: 'accurate' });
    h.play(tcp`
      +0    < [${mark}] SEWA 0:0(0) win 65535 <mss 1000>
      +0    > S.${flags} 0:0(0) ack 1
      +20ms < .W 1:1(0) ack 1 win 65535
      +0    ${() => h.send(100)}
      +0    > [ect0] P.EA 1:101(100) ack 1
    `);
    expect(h.connection!.ecn.mode).toBe('accurate');
  });
});

/** A peer 20 ms away that asked for accurate ECN and was granted it. */
function counted(options: { syn?: string; ack?: string } = {}): ScriptHost {
  const h = new ScriptHost().listen({ ecn: 'accurate', congestion: 'new-reno' });
  h.play(tcp`
    +0    < SEWA 0:0(0)       win 65535 <${options.syn ?? 'mss 1000'}>
    +0    > S.W  0:0(0) ack 1
    +20ms < .W   1:1(0) ack 1 win 65535 <${options.ack ?? 'ECN e1b 1 ceb 0 e0b 1'}>
  `);
  return h;
}

describe('the option of accurate ECN: RFC 9768 §3.2.3', () => {
  test('is on the SYN+ACK, and on every ACK that counters moved before', () => {
    const h = new ScriptHost().listen({ ecn: 'accurate' });
    h.play(tcp`
      +0    < SEWA 0:0(0)       win 65535 <mss 1000>
      +0    > S.W  0:0(0) ack 1 <mss 1460,ECN e1b 1 ceb 0 e0b 1>
      +20ms < .W   1:1(0) ack 1 win 65535 <ECN e1b 1 ceb 0 e0b 1>
      +1ms  <+ [ect0] .EA 1:1001(1000)    ack 1
      +0    <  [ect0] .EA 1001:2001(1000) ack 1
      +0    > [noecn] .EA 1:1(0) ack 2001 <ECN e0b 2001>
      +1ms  <  [ce]   .EA 2001:3001(1000) ack 1
      +0    > .WA 1:1(0) ack 3001 <ECN e0b 2001 ceb 1000>
      +1ms  <  [ce]   .EA 3001:4001(1000) ack 1
      +40ms > .EWA 1:1(0) ack 4001 <ECN e0b 2001 ceb 2000>
      +1ms  <+ [ce]   .EA 4001:5001(1000) ack 1
      +0    <  [ect1] .EA 5001:6001(1000) ack 1
      +0    > . 1:1(0) ack 6001 <ECN e0b 2001 ceb 3000 e1b 1001>
      +0    ${() => h.send(100)}
      +0    > [ect0] P. 1:101(100) ack 6001 <>
    `);
  });

  test('is not on a SYN, but on the ACK of the SYN+ACK and on the first text, which goes behind it', () => {
    const h = new ScriptHost().connect({ ecn: 'accurate' });
    h.play(tcp`
      +0    > SEWA 0:0(0) <mss 1460,sackOK,TS,wscale>
      +0    ${() => h.send(1500)}
      +20ms < S.W 0:0(0)          ack 1 win 65535 <mss 1000,ECN e1b 1 ceb 0 e0b 1>
      +0    > .W  1:1(0)          ack 1 <ECN e1b 1 ceb 0 e0b 1>
      +0    > [ect0] .EA 1:989(988)      ack 1 <ECN e1b 1 ceb 0 e0b 1>
      +0    > [ect0] P.EA 989:1501(512)  ack 1 <>
    `);
  });

  test('a SYN+ACK that comes again is told how it came, again', () => {
    const h = new ScriptHost().connect({ ecn: 'accurate' });
    h.play(tcp`
      +0    > SEWA 0:0(0)
      +20ms < S.W 0:0(0) ack 1 win 65535 <mss 1000>
      +0    > .W  1:1(0) ack 1
      +1s   < [ce] S.W 0:0(0) ack 1 win 65535 <mss 1000>
      +0    > .WA 1:1(0) ack 1
      +0    ${() => h.send(100)}
      +0    > P.WA 1:101(100) ack 1
    `);
  });

  test('goes before a third SACK block, and behind two', () => {
    const h = counted({ syn: 'mss 1000,sackOK,TS val 1 ecr 0', ack: 'TS val 1 ecr 0' });
    h.play(tcp`
      +0    < [ect0] . 1001:2001(1000) ack 1 <TS val 2 ecr 0>
      +0    > .EA 1:1(0) ack 1 <TS,sack 1001:2001,ECN e0b 1001>
      +0    < [ect0] . 3001:4001(1000) ack 1 <TS val 2 ecr 0>
      +0    > .EA 1:1(0) ack 1 <TS,sack 3001:4001 1001:2001,ECN e0b 2001>
      +0    < [ect0] . 5001:6001(1000) ack 1 <TS val 2 ecr 0>
      +0    > .EA 1:1(0) ack 1 <TS,sack 5001:6001 3001:4001,ECN e0b 3001>
      +0    < [noecn] . 7001:8001(1000) ack 1 <TS val 2 ecr 0>
      +0    > .EA 1:1(0) ack 1 <TS,sack 7001:8001 5001:6001 3001:4001>
      +0    < [ce] . 9001:9101(100) ack 1 <TS val 2 ecr 0>
      +0    > .WA 1:1(0) ack 1 <TS,sack 9001:9101 7001:8001,ECN e0b 3001 ceb 100>
      +0    <+ [ect1] . 9101:9201(100) ack 1 <TS val 2 ecr 0>
      +0    <+ [ect0] . 9201:9301(100) ack 1 <TS val 2 ecr 0>
      +0    <  [ect0] . 9301:9401(100) ack 1 <TS val 2 ecr 0>
      +0    > .WA 1:1(0) ack 1 <TS,sack 9001:9401 7001:8001 5001:6001>
    `);
  });

  test('makes room for itself in text', () => {
    const h = counted();
    h.play(tcp`
      +0    < [ect0] . 1:101(100) ack 1
      +0    ${() => h.send(1500)}
      +0    > [ect0] .EA  1:993(992)     ack 101 <ECN e0b 101>
      +0    > [ect0] P.EA 993:1501(508) ack 101 <>
    `);
  });
});

describe('options that do not pass: RFC 9768 §3.2.3.2.2', () => {
  test('a SYN+ACK goes again without the option, and then with no word of ECN; then nothing is marked', () => {
    const h = new ScriptHost().listen({ ecn: 'accurate' });
    h.play(tcp`
      +0    < SEWA 0:0(0)       win 65535 <mss 1000>
      +0    > S.W  0:0(0) ack 1 <mss 1460,ECN>
      +1s   > S.W  0:0(0) ack 1 <mss 1460>
      +2s   > S.   0:0(0) ack 1 <mss 1460>
      +20ms < .W   1:1(0) ack 1 win 65535
      +0    ${() => h.send(100)}
      +0    > [noecn] P.EA 1:101(100) ack 1
    `);
  });

  test('nor is the option on the answer to a SYN that comes again; a plain one forbids marks: RFC 9768 §3.1.5', () => {
    const h = new ScriptHost().listen({ ecn: 'accurate' });
    h.play(tcp`
      +0     < [ect0] SEWA 0:0(0) win 65535 <mss 1000>
      +0     > S.A  0:0(0) ack 1  <mss 1460,ECN>
      +500ms < S    0:0(0)        win 65535 <mss 1000>
      +0     > S.A  0:0(0) ack 1  <mss 1460>
      +20ms  < .W   1:1(0) ack 1  win 65535
      +0    ${() => h.send(100)}
      +0     > [noecn] P.EA 1:101(100) ack 1
    `);
  });

  test('the first text goes again without it, and no more options are sent', () => {
    const h = new ScriptHost().connect({ ecn: 'accurate' });
    h.play(tcp`
      +0     > SEWA 0:0(0)
      +20ms  < S.W 0:0(0)     ack 1 win 65535 <mss 1000>
      +0     > .W  1:1(0)     ack 1 <ECN>
      +0     ${() => h.send(100)}
      +0     > [ect0] P.EA 1:101(100)  ack 1 <ECN>
      +220ms > [noecn] P.EA 1:101(100) ack 1 <>
      +20ms  < [ect0] .EA 1:1001(1000) ack 101
      +0     < [ect0] .EA 1001:2001(1000) ack 101
      +0     > .EA 101:101(0) ack 2001 <>
    `);
  });

  test('nor is it on any other text that goes again, though counters have moved', () => {
    const h = counted();
    h.play(tcp`
      +0     ${() => h.send(100)}
      +0     > [ect0] P.EA 1:101(100)  ack 1
      +200ms < [ect0] P.EA 1:101(100)  ack 1
      +20ms  > [noecn] P.EA 1:101(100) ack 101 <>
      +10ms  < .EA 101:101(0) ack 101
      +0     ${() => h.send(100)}
      +0     > [ect0] P.EA 101:201(100) ack 101 <ECN e0b 101>
    `);
  });

  test('a peer that sends the same text again and again does not get our ACKs', () => {
    const h = counted();
    h.play(tcp`
      +0     < [ect0] P.EA 1:1001(1000) ack 1
      +40ms  > .EA 1:1(0) ack 1001 <ECN e0b 1001>
      +200ms < [ect0] P.EA 1:1001(1000) ack 1
      +0     > .EA 1:1(0) ack 1001
      +0     <+ [ect0] P.EA 1001:2001(1000) ack 1
      +0     <  [ect0] P.EA 2001:3001(1000) ack 1
      +0     > .EA 1:1(0) ack 3001 <ECN e0b 3001>
      +200ms < [ect0] P.EA 2001:3001(1000) ack 1
      +0     > .EA 1:1(0) ack 3001
      +0     <+ [ect0] P.EA 3001:4001(1000) ack 1
      +0     <  [ect0] P.EA 4001:5001(1000) ack 1
      +0     > .EA 1:1(0) ack 5001 <ECN e0b 5001>
    `);
  });
});

describe('what a sender makes of the counters', () => {
  /** Ten segments are in flight; eight are acknowledged at once. @returns by how much the window shrank, or grew (below 0) */
  function acked(h: ScriptHost, flags: string, options: string): number {
    h.play(tcp`
      +0     ${() => h.send(10_000)}
      ${burst(1, 9001).replaceAll('> .', '> [ect0] .EA')}
      +0     > [ect0] P.EA 9001:10001(1000) ack 1
    `);
    const before = h.connection!.congestion.cwnd;
    h.play(tcp`+20ms < ${flags} 1:1(0) ack 8001 <${options}>`);
    return before - h.connection!.congestion.cwnd;
  }

  test('without the option an ACK of eight segments may hide eight marks: the safe case, RFC 9768 §3.2.2.5.2', () => {
    const h = counted({ ack: '' });
    expect(acked(h, '.EA', '')).toBeGreaterThan(0);
    expect(h.connection!.ecn.accurate!.markedPackets).toBe(8);
  });

  test('with the option it does not', () => {
    const h = counted();
    expect(acked(h, '.EA', 'ECN e0b 8001')).toBeLessThan(0);
    expect(h.connection!.ecn.accurate!.markedPackets).toBe(0);
  });

  test('a mark cuts the window, and text goes on being marked', () => {
    const h = counted();
    expect(acked(h, '.WA', 'ECN e0b 7001 ceb 1000')).toBeGreaterThan(0);
    expect(h.connection!.ecn.accurate!.markedBytes).toBe(1000);
    h.play(tcp`
      +20ms < .WA 1:1(0) ack 10001 <ECN e0b 9001 ceb 1000>
      +0    ${() => h.send(100)}
      +0    > [ect0] P.EA 10001:10101(100) ack 1
    `);
  });

  test('options that somebody strips or clears leave ACE to be read, safely', () => {
    const cleared = counted({ ack: 'ECN e1b 0 ceb 0 e0b 0' });
    expect(acked(cleared, '.EA', 'ECN e0b 0 ceb 0 e1b 0')).toBeGreaterThan(0);
    const stripped = counted({ ack: '' });
    expect(acked(stripped, '.WA', '')).toBeGreaterThan(0);
    expect(stripped.connection!.ecn.accurate!.hasOptions).toBe(false);
  });

  test('a client whose SYN+ACK had none hears of it later: RFC 9768 §3.2.3.2.3', () => {
    const h = new ScriptHost().connect({ ecn: 'accurate' });
    h.play(tcp`
      +0    > SEWA 0:0(0)
      +20ms < S.W 0:0(0)     ack 1 win 65535 <mss 1000>
      +0    > .W  1:1(0)     ack 1
      +0    ${(c) => expect(c.ecn.accurate!.hasOptions).toBe(false)}
      +0    ${() => h.send(100)}
      +0    > P.EA 1:101(100) ack 1
      +20ms < .EA 1:1(0) ack 101 <ECN e0b 101>
    `);
    expect(h.connection!.ecn.accurate!.hasOptions).toBe(true);
  });

  test('an ACK of ACE 000 after the handshake: nothing is marked any more', () => {
    const h = new ScriptHost().listen({ ecn: 'accurate' });
    h.play(tcp`
      +0    < SEWA 0:0(0)       win 65535 <mss 1000>
      +0    > S.W  0:0(0) ack 1
      +20ms < .    1:1(0) ack 1 win 65535
      +0    ${() => h.send(100)}
      +0    > [noecn] P.EA 1:101(100) ack 1
    `);
  });

  test('marked bytes without a marked packet: nothing is marked any more, RFC 9768 §3.2.3.2.5', () => {
    const h = counted();
    h.play(tcp`
      +0    ${() => h.send(100)}
      +0    > [ect0] P.EA 1:101(100) ack 1
      +20ms < .EA 1:1(0) ack 101 <ECN e0b 1 ceb 100>
      +0    ${() => h.send(100)}
      +0    > [noecn] P.EA 101:201(100) ack 1
    `);
  });

  test('an ACK that brings nothing forward says nothing', () => {
    const h = counted();
    h.play(tcp`
      +0    ${() => h.send(2000)}
      +0    > [ect0] .EA  1:1001(1000)    ack 1
      +0    > [ect0] P.EA 1001:2001(1000) ack 1
      +20ms < .WA 1:1(0) ack 1001 <ECN e0b 1 ceb 1000>
      +0    < .EA 1:1(0) ack 1001 <ECN e0b 1 ceb 500>
      +0    < .WA 1:1(0) ack 2001 <ECN e0b 1001 ceb 1000>
    `);
    expect(h.connection!.ecn.accurate!.markedPackets).toBe(1);
    expect(h.connection!.ecn.accurate!.markedBytes).toBe(1000);
  });
});

test('marks on bare packets are told at the third: RFC 9768 §3.2.2.5.1', () => {
  counted().play(tcp`
    +0 < [ce] .EA 1:1(0) ack 1 win 60000
    +0 < [ce] .EA 1:1(0) ack 1 win 59000
    +0 < [ce] .EA 1:1(0) ack 1 win 58000
    +0 > . 1:1(0) ack 1
  `);
});

describe('what is sent', () => {
  // RFC 3168 §5.2-1, §6.1.4-1, §6.1.5-1.
  test('new text is ECN-capable; a bare ACK and what goes again are not', () => {
    const h = marked();
    h.play(tcp`
      +0     ${() => h.send(100)}
      +0     > P. 1:101(100) ack 1
      +0     ${() => expect(codepoint(h)).toBe(ECT_0)}
      +220ms > P. 1:101(100) ack 1
    `);
    expect(codepoint(h)).toBe(NOT_ECT);
    h.play(tcp`
      +10ms  < .  1:1(0)     ack 101
      +0     < .  1:501(500) ack 101
      +40ms  > .  101:101(0) ack 501
    `);
    expect(codepoint(h)).toBe(NOT_ECT);
  });

  // RFC 3168 §6.1.6-1.
  test('a window probe is not ECN-capable, and says no CWR', () => {
    const h = marked();
    h.play(tcp`
      +0     ${() => h.send(100)}
      +0     > P. 1:101(100) ack 1
      +20ms  < .E 1:1(0)     ack 101 win 0
      +0     ${() => h.send(100)}
      +220ms > .  100:100(0) ack 1
    `);
    expect(codepoint(h)).toBe(NOT_ECT);
    h.play(tcp`
      +20ms  < .  1:1(0)     ack 101 win 1000
      +0     > P.W 101:201(100) ack 1
    `);
    expect(codepoint(h)).toBe(ECT_0);
  });

  test('DSCP stays what the application set', () => {
    const h = new ScriptHost().listen({ trafficClass: 0xb8 });
    h.play(tcp`
      +0    < SEW 0:0(0)          win 65535 <mss 1000>
      +0    > S.E 0:0(0) ack 1
      +20ms < .   1:1(0) ack 1    win 65535
      +0    ${() => h.send(100)}
      +0    > P.  1:101(100) ack 1
    `);
    expect(h.lastPacket[1]).toBe(0xb8 | ECT_0);
  });
});

// RFC 3168 §6.1.1-4.
test('a mark is echoed at once and until CWR comes: RFC 3168 §6.1.3', () => {
  const h = marked();
  arriveUnder(h, CE, tcp`+0 < . 1:1001(1000) ack 1`);
  h.play(tcp`
    +0     > .E 1:1(0)          ack 1001
    +1ms   <+ . 1001:2001(1000) ack 1
    +0     <  . 2001:3001(1000) ack 1
    +0     > .E 1:1(0)          ack 3001
    +1ms   <+ .W 3001:4001(1000) ack 1
    +0     <  . 4001:5001(1000) ack 1
    +0     > .  1:1(0)          ack 5001
  `);
});

// RFC 3168 §6.1.5-2.
test('a mark on text beyond the window, or old, is none', () => {
  const h = marked();
  arriveUnder(h, CE, tcp`+0 < . 900001:901001(1000) ack 1`);
  h.play(tcp`
    +0     > .  1:1(0)          ack 1
    +0     < .  1:1001(1000)    ack 1
    +40ms  > .  1:1(0)          ack 1001
  `);
  arriveUnder(h, CE, tcp`+0 < . 1:1001(1000) ack 1`);
  h.play(tcp`
    +0     > .  1:1(0)          ack 1001
  `);
});

describe('an echo: RFC 3168 §6.1.2', () => {
  // RFC 3168 §6.1.1-3.
  test('halves the window once in a round trip, and the first new text says CWR', () => {
    const h = marked();
    h.play(tcp`
      +0     ${() => h.send(30_000)}
      ${burst(1, 10_001)}
    `);
    const before = h.connection!.congestion.cwnd;
    h.mangled(tcp`+20ms < .E 1:1(0) ack 1001`, () => {});
    h.mangled(tcp`+0    < .E 1:1(0) ack 2001`, () => {});
    const { cwnd, ssthresh } = h.connection!.congestion;
    // The first ACK halves (CUBIC: 0.7) what was in flight; the second does not again.
    expect(cwnd).toBeLessThan(0.85 * before);
    expect(ssthresh).toBeGreaterThanOrEqual(0.4 * before);
    const flags = h['sent'].splice(0).map(({ said }) => said.flags);
    for (let ack = 3001; ack <= 10_001; ack += 1000) {
      h.mangled(tcp`+0 < ${ack < 10_000 ? '.E' : '.'} 1:1(0) ack ${ack}`, () => {});
      flags.push(...h['sent'].splice(0).map(({ said }) => said.flags));
    }
    expect(flags.filter((text) => text.includes('W'))).toHaveLength(1);
    expect(flags[0]).toContain('W');
  });

  // RFC 3168 §6.1.1-2.
  // RFC 4015 §3.4-1: a repetition that a DSACK proves needless is no reason to take back what a mark asks for.
  test.each([['', 0], ['E', 1]])('keeps a window cut though it was for a needless repetition: ACK with flags .%s', (flag, isCut) => {
    const h = new ScriptHost().listen();
    h.play(tcp`
      +0    < SEW 0:0(0)          win 65535 <mss 1000,sackOK>
      +0    > S.E 0:0(0) ack 1
      +20ms < .   1:1(0) ack 1    win 65535
    `);
    h.play(tcp`
      +0    ${() => h.send(5000)}
      ${burst(1, 4001)}
      +0    > P. 4001:5001(1000)  ack 1
      +20ms < .  1:1(0)           ack 1 win 65535 <sack 1001:4001>
      +0    > .  1:1001(1000)     ack 1
      +20ms < .${flag} 1:1(0)     ack 5001 win 65535 <sack 1:1001>
    `, 'ignored');
    expect(h.connection!.undos).toBe(1 - isCut);
    expect(h.connection!.congestion.ssthresh < Infinity).toBe(isCut === 1);
  });

  test('with the last ACK there is does not stop what is written next', () => {
    const h = marked();
    h.play(tcp`
      +0    ${() => h.send(100)}
      +0    > P.  1:101(100)   ack 1
      +20ms < .E  1:1(0)       ack 101
      +0    ${() => h.send(100)}
      +0    > P.W 101:201(100) ack 1
    `);
  });

  test('without ECN agreed on is nothing', () => {
    const h = new ScriptHost().listen();
    h.play(tcp`
      +0    < S  0:0(0)           win 65535 <mss 1000>
      +0    > S. 0:0(0) ack 1
      +20ms < .  1:1(0) ack 1     win 65535
      +0    ${() => h.send(10_000)}
      ${burst(1, 9001)}
      +0    > P. 9001:10001(1000) ack 1
    `);
    const before = h.connection!.congestion.cwnd;
    h.mangled(tcp`+20ms < .E 1:1(0) ack 1001`, () => {});
    expect(h.connection!.congestion.cwnd).toBeGreaterThanOrEqual(before);
  });
});
