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

const fixSum = (header: Uint8Array, added: number): void => follow(header, 16, added);

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
      +0    > SEW 0:0(0)
      +20ms < S.W 0:0(0)     ack 1 win 65535 <mss 1000>
      +0    > .W  1:1(0)     ack 1
      +0    ${() => h.send(100)}
      +0    > P.E 1:101(100) ack 1
    `);
    expect(h.connection!.ecn.mode).toBe('accurate');
    // r.cep is 5: AE and ECE. AE stands in the byte before.
    expect(h.lastPacket[32]! & 1).toBe(1);
    expect(codepoint(h)).toBe(ECT_0);
  });
});

describe('accurate ECN, granted', () => {
  // RFC 9768 §3.1.2, table 2: the SYN+ACK says how the SYN came. AE stands in the byte before.
  test.each([[NOT_ECT, '.W', 0], [1, '.EW', 0], [ECT_0, '.', 1], [CE, '.W', 1]])('a SYN under codepoint %i is answered so', (mark, flags, ae) => {
    const h = new ScriptHost().listen({ ecn: 'accurate' });
    h.mangled(tcp`+0 < SEW 0:0(0) win 65535 <mss 1000>`, (header) => {
      header[12]! |= 1;
      fixSum(header, 0x0100);
      setMark(header, mark);
    });
    h.play(tcp`+0 > S${flags} 0:0(0) ack 1`);
    expect(h.lastPacket[32]! & 1).toBe(ae);
    h.play(tcp`
      +20ms < .W 1:1(0) ack 1 win 65535
      +0    ${() => h.send(100)}
      +0    > P.E 1:101(100) ack 1
    `);
    expect(h.connection!.ecn.mode).toBe('accurate');
    expect(h.lastPacket[32]! & 1).toBe(1);
  });
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
