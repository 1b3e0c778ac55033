// What ICMP says of our segments, and how much of it is believed. RFC 9293 §3.9.2.2, RFC 5927, RFC 1191, RFC 8201.

import { describe, expect, test } from 'vitest';

import { ScriptHost, tcp } from '../../src/testing/script.js';
import { burst, established } from '../fixtures/established.js';

/** [what it is called, type, code, the code of the error that is told], of both families. */
const SOFT = {
  4: [
    ['net unreachable', 3, 0, 'ENETUNREACH'], ['host unreachable', 3, 1, 'EHOSTUNREACH'], ['source route failed', 3, 5, 'ENOTSUP'],
    ['prohibited', 3, 13, 'EHOSTUNREACH'], ['time exceeded', 11, 0, 'EHOSTUNREACH'], ['parameter problem', 12, 0, 'EPROTO'],
  ],
  6: [
    ['no route', 1, 0, 'ENETUNREACH'], ['prohibited', 1, 1, 'EACCES'], ['address unreachable', 1, 3, 'EHOSTUNREACH'],
    ['time exceeded', 3, 0, 'EHOSTUNREACH'], ['parameter problem', 4, 0, 'EPROTO'],
  ],
} as const;

const HARD = { 4: [['protocol unreachable', 3, 2], ['port unreachable', 3, 3]], 6: [['port unreachable', 1, 4]] } as const;

describe.each([4, 6] as const)('ICMP of IPv%i', (family) => {
  // MUST-56, MUST-47, SHLD-25.
  test.each([...SOFT[family]])('"%s" is made known and ends nothing', (_, type, code, told) => {
    const h = established({ family });
    h.play(tcp`
      +0     ${() => h.send(100)}
      +0     > P. 1:101(100)      ack 1
      +10ms  ${() => h.icmp(type, code, 1)}
    `);
    expect(h.news()).toBe('trouble');
    expect(h.connection!.softError).toBe(told);
    h.play(tcp`+10ms < . 1:1(0) ack 101 win 65535`);
    expect(h.connection!.state).toBe('ESTABLISHED');
    expect(h.connection!.softError).toBe(null);
  });

  // SHLD-26: hard errors abort. RFC 5927 §5.2: not what is synchronized; SEC-51, else they would be blind resets.
  test.each([...HARD[family]])('"%s" refuses a connection in SYN-SENT', (_, type, code) => {
    const h = new ScriptHost({ family }).connect();
    h.play(tcp`
      +0     > S  0:0(0)
      +10ms  ${() => h.icmp(type, code, 0)}
    `);
    expect(h.connection!.error).toMatchObject({ code: 'ECONNREFUSED', syscall: 'connect' });
    expect(h.news()).toBe('closed error');
  });

  test('a filter\'s refusal ends a connection in SYN-SENT (RFC 1812 §5.2.7.1, RFC 4443 §3.1)', () => {
    const h = new ScriptHost({ family }).connect();
    const [type, code] = family === 4 ? [3, 13] : [1, 1];
    h.play(tcp`
      +0     > S  0:0(0)
      +10ms  ${() => h.icmp(type, code, 1)}
      +10ms  ${() => expect(h.news()).toBe('')}
      +10ms  ${() => h.icmp(type, code, 0)}
    `);
    expect(h.connection!.error).toMatchObject({ code: family === 4 ? 'EHOSTUNREACH' : 'EACCES', syscall: 'connect' });
  });

  test.each([...HARD[family]])('"%s" is a soft error to a connection that stands', (_, type, code) => {
    const h = established({ family });
    h.play(tcp`
      +0     ${() => h.send(100)}
      +0     > P. 1:101(100)      ack 1
      +10ms  ${() => h.icmp(type, code, 1)}
    `);
    expect(h.connection!.state).toBe('ESTABLISHED');
    expect(h.news()).toBe('trouble');
  });

  test('a soft error in SYN-SENT is why, when nobody ever answers', () => {
    const h = new ScriptHost({ family, stack: { tcp: { synRetries: 1 } } }).connect();
    h.play(tcp`
      +0     > S  0:0(0)
      +10ms  ${() => (family === 4 ? h.icmp(3, 1, 0) : h.icmp(1, 3, 0))}
    `);
    expect(h.connection!.state).toBe('SYN-SENT');
    h.play(tcp`
      +990ms > S  0:0(0)
      +2s    ${() => {}}
    `);
    expect(h.connection!.error).toMatchObject({ code: 'EHOSTUNREACH', syscall: 'connect' });
  });

  // MUST-54; RFC 5927 §4: SND.UNA =< SEG.SEQ < SND.NXT.
  test.each([[0, false], [1, true], [100, true], [101, false], [500_000, false]])('that quotes number %i, with 1 .. 100 in flight, is believed: %s', (seq, believed) => {
    const h = established({ family });
    h.play(tcp`
      +0     ${() => h.send(100)}
      +0     > P. 1:101(100)      ack 1
      +10ms  ${() => (family === 4 ? h.icmp(3, 1, seq) : h.icmp(1, 3, seq))}
    `);
    expect(h.news()).toBe(believed ? 'trouble' : '');
    expect(h.stack.counters.drops['icmp-implausible']).toBe(believed ? 0 : 1);
  });

  test('that quotes a connection we do not have is nobody\'s', () => {
    const h = established({ family });
    h.play(tcp`
      +0     ${() => h.send(100)}
      +0     > P. 1:101(100)      ack 1
      +0     ${() => { h.peerPort++; }}
      +10ms  ${() => (family === 4 ? h.icmp(3, 1, 1) : h.icmp(1, 3, 1))}
    `);
    expect(h.news()).toBe('');
  });

  describe('"packet too big"', () => {
    const mss = family === 4 ? 1460 : 1440;
    const tooBig = (h: ScriptHost, start: number, mtu: number): void => (family === 4 ? h.icmp(3, 4, start, mtu) : h.icmp(2, 0, start, mtu));

    // RFC 1191 §6.4, RFC 8201 §5.4; MUST-16.
    // RFC 7323 §5.7-1.
    test('makes segments smaller, and what is in flight goes again at once', () => {
      const h = established({ family, syn: 'mss 1460' });
      const small = 1280 - (family === 4 ? 40 : 60);
      h.play(tcp`
        +0     ${() => h.send(2 * mss)}
        +0     > .  1:${mss + 1}(${mss}) ack 1
        +0     > P. ${mss + 1}:${2 * mss + 1}(${mss}) ack 1
        +10ms  ${() => tooBig(h, 1, 1280)}
        ${burst(1, 2 * small + 1, small)}
        +0     > P. ${2 * small + 1}:${2 * mss + 1}(${2 * (mss - small)}) ack 1
      `);
      // RFC 5681 §3.1-5: as many segments as before. It is no sign of congestion.
      expect(h.connection!.congestion.cwnd).toBe(Math.floor((Math.min(10 * mss, 14_600) * small) / mss));
      expect(h.connection!.congestion.ssthresh).toBe(Infinity);
      expect(h.news()).toBe('');
    });

    test('the smaller size stays, also for connections to come', () => {
      const h = established({ family, syn: 'mss 1460' });
      const small = 1280 - (family === 4 ? 40 : 60);
      h.play(tcp`
        +0     ${() => h.send(mss)}
        +0     > P. 1:${mss + 1}(${mss}) ack 1
        +10ms  ${() => tooBig(h, 1, 1280)}
        +0     > .  1:${small + 1}(${small}) ack 1
        +0     > P. ${small + 1}:${mss + 1}(${mss - small}) ack 1
        +0     ${() => { h.peerPort++; h.connection = null; }}
        +0     < S  0:0(0)         win 65535 <mss 1460>
        +0     > S. 0:0(0) ack 1             <mss ${mss}>        // MUST-67: what we can receive is another matter
        +20ms  < .  1:1(0) ack 1   win 65535
        +0     ${() => h.send(mss)}
        +0     > .  1:${small + 1}(${small}) ack 1
        +0     > P. ${small + 1}:${mss + 1}(${mss - small}) ack 1
      `);
    });

    // SEC-37, RFC 5927 §7.2.
    test('about what is not in flight is not believed', () => {
      const h = established({ family, syn: 'mss 1460' });
      h.play(tcp`
        +0     ${() => h.send(mss)}
        +0     > P. 1:${mss + 1}(${mss}) ack 1
        +10ms  ${() => tooBig(h, 0, 1280)}
        +10ms  ${() => tooBig(h, mss + 1, 1280)}
        +10ms  < .  1:1(0) ack ${mss + 1} win 65535
        +0     ${() => h.send(mss)}
        +0     > P. ${mss + 1}:${2 * mss + 1}(${mss}) ack 1
      `);
    });

    test('that is no news draws nothing', () => {
      const h = established({ family, syn: 'mss 1000' });
      h.play(tcp`
        +0     ${() => h.send(1000)}
        +0     > P. 1:1001(1000)    ack 1
        +10ms  ${() => tooBig(h, 1, 1400)}
        +10ms  ${() => tooBig(h, 1, 1500)}
        +10ms  ${() => tooBig(h, 1, 9000)}
      `);
    });
  });
});

// MUST-55, RFC 6633.
test('a source quench is ignored', () => {
  const h = established();
  h.play(tcp`
    +0     ${() => h.send(100)}
    +0     > P. 1:101(100)      ack 1
    +10ms  ${() => h.icmp(4, 0, 1)}
    +10ms  < .  1:1(0)          ack 101 win 65535
  `);
  expect(h.news()).toBe('');
  expect(h.connection!.congestion.cwnd).toBeGreaterThanOrEqual(10_000);
});
