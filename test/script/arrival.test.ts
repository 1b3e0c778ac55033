// SEGMENT ARRIVES, state by state and check by check: what each state answers to what should not have come.
// RFC 9293 §3.10.7, RFC 5961; SEC-51, SEC-52, SEC-62, SEC-66.

import { describe, expect, test } from 'vitest';

import { ScriptHost, tcp } from '../../src/testing/script.js';
import type { State } from '../../src/tcp/state.js';
import { established } from '../fixtures/established.js';

describe('nobody is there (CLOSED, §3.10.7.1)', () => {
  const nobody = (family: 4 | 6 = 4): ScriptHost => new ScriptHost({ family, irs: 0, iss: 0 });

  test('a RST is not answered', () => {
    nobody().play(tcp`
      +0     < R  5:5(0) win 0
      +0     < R. 5:5(0) ack 5 win 0
    `);
  });

  test.each([4, 6] as const)('without ACK the RST has SEQ 0 and acknowledges SYN, text and FIN, over IPv%i', (family) => {
    const h = nobody(family);
    h.play(tcp`
      +0     < S  0:0(0) win 65535
      +0     > R. 0:0(0) ack 1 win 0 <>
      +0     < SF 10:110(100) win 65535
      +0     > R. 0:0(0) ack 112
      +0     < -  7:8(1) win 65535
      +0     > R. 0:0(0) ack 8
    `);
    expect(h.stack.counters.drops['tcp-no-socket']).toBe(3);
  });

  test('with ACK the RST has its number, and acknowledges nothing', () => {
    nobody().play(tcp`
      +0     < .  7:7(0) ack 900 win 65535
      +0     > R  900:900(0)
      +0     < FPU. 7:17(10) ack 901 win 65535
      +0     > R  901:901(0)
    `);
  });
});

describe('LISTEN (§3.10.7.2)', () => {
  // SEC-66: the null, the xmas and the FIN scan learn nothing.
  test('a RST is ignored, an ACK is reset, what has neither SYN nor ACK is nothing, SYN and FIN together neither', () => {
    const h = new ScriptHost({ irs: 0, iss: 0 }).listen().play(tcp`
      +0     < R  0:0(0) win 0
      +0     < .  0:0(0) ack 77 win 1000
      +0     > R  77:77(0)
      +0     < S. 0:0(0) ack 78 win 1000
      +0     > R  78:78(0)
      +0     < R. 0:0(0) ack 79 win 1000
      +0     < P  0:10(10) win 1000
      +0     < -  0:0(0) win 1000
      +0     < F  0:0(0) win 1000
      +0     < SF 0:0(0) win 1000
      +0     < SR 0:0(0) win 1000
      +0     < FPU 0:0(0) win 1000
    `);
    expect(h.stack.tcp.connections.size).toBe(0);
  });

  test('a SYN beside a FIN is a SYN when it is told so, and when it comes again, too', () => {
    new ScriptHost({ stack: { tcp: { dropSynFin: false } } }).listen().play(tcp`
      +0     < SF 0:0(0) win 1000 <mss 500>
      +0     > S. 0:0(0) ack 1
      +10ms  < SF 0:0(0) win 1000 <mss 500>
      +0     > S. 0:0(0) ack 1
    `);
  });
});

describe('SYN-SENT (§3.10.7.3)', () => {
  const opening = (): ScriptHost => new ScriptHost().connect().play(tcp`+0 > S 0:0(0)`);

  test('an ACK of what was not sent is reset, unless it is a RST itself; we go on asking', () => {
    const h = opening().play(tcp`
      +10ms  < S. 0:0(0) ack 2 win 1000
      +0     > R  2:2(0) <>
      +10ms  < S. 0:0(0) ack 0 win 1000
      +0     > R  0:0(0)
      +10ms  < .  0:0(0) ack 9 win 1000
      +0     > R  9:9(0)
      +10ms  < R. 0:0(0) ack 2 win 1000
      +10ms  < R. 0:0(0) ack 0 win 1000
    `);
    expect(h.connection!.state).toBe('SYN-SENT');
    h.play(tcp`
      +10ms  < S. 0:0(0) ack 1 win 1000
      +0     > .  1:1(0) ack 1
    `);
    expect(h.connection!.state).toBe('ESTABLISHED');
  });

  test('a RST that acknowledges our SYN refuses; one that does not is ignored', () => {
    const h = opening().play(tcp`+10ms < R 0:0(0) win 0`);
    expect(h.connection!.state).toBe('SYN-SENT');
    h.play(tcp`+10ms < R. 0:0(0) ack 1 win 0`);
    expect(h.connection!.error).toMatchObject({ code: 'ECONNREFUSED', syscall: 'connect', address: '192.0.2.2', port: 40_000 });
    expect(h.news()).toBe('closed error');
    expect(h.stack.tcp.connections.size).toBe(0);
  });

  test('what has no SYN is nothing, and a SYN beside a FIN neither', () => {
    const h = opening().play(tcp`
      +10ms  < .  0:0(0) ack 1 win 1000
      +10ms  < F. 0:0(0) ack 1 win 1000
      +10ms  < SF. 0:0(0) ack 1 win 1000
      +10ms  < SF 0:0(0) win 1000
      +10ms  < P  0:10(10) win 1000
    `);
    expect(h.connection!.state).toBe('SYN-SENT');
  });

  test('unless it is told to take a SYN beside a FIN for a SYN; the FIN comes again', () => {
    const h = new ScriptHost({ stack: { tcp: { dropSynFin: false } } }).connect().play(tcp`
      +0     > S  0:0(0)
      +10ms  < SF 0:0(0) win 1000 <mss 500>
      +0     > S. 0:0(0) ack 1
      +10ms  < F. 1:1(0) ack 1 win 1000
      +0     > .  1:1(0) ack 2
    `);
    expect(h.connection!.state).toBe('CLOSE-WAIT');
  });

  // MUST-11.
  test('opened actively, a RST in SYN-RECEIVED is a refusal', () => {
    const h = opening().play(tcp`
      +10ms  < S  0:0(0) win 1000 <mss 500>
      +0     > S. 0:0(0) ack 1
      +10ms  < R. 1:1(0) ack 1 win 0
    `);
    expect(h.connection!.error).toMatchObject({ code: 'ECONNREFUSED', syscall: 'connect' });
  });
});

describe('SYN-RECEIVED', () => {
  const halfOpen = (): ScriptHost => new ScriptHost().listen().play(tcp`
    +0     < S  0:0(0) win 1000 <mss 1000>
    +0     > S. 0:0(0) ack 1
  `);

  // MUST-11.
  test('opened passively, a RST leads back to LISTEN, silently', () => {
    const h = halfOpen().play(tcp`+10ms < R 1:1(0) win 0`);
    expect(h.stack.tcp.connections.size).toBe(0);
    expect(h.listener!.halfOpenCount).toBe(0);
    expect(h.connection).toBeNull();
    h.play(tcp`
      +10ms  < S  0:0(0) win 1000 <mss 1000>
      +0     > S. 0:0(0) ack 1
    `);
  });

  test('a RST elsewhere in the window is challenged, one outside is nothing', () => {
    const h = halfOpen().play(tcp`
      +10ms  < R  2:2(0) win 0
      +0     > .  1:1(0) ack 1
      +10ms  < R  70000:70000(0) win 0
      +10ms  < R  0:0(0) win 0
    `);
    expect(h.listener!.halfOpenCount).toBe(1);
  });

  test('an ACK that does not acknowledge our SYN is reset, and changes nothing', () => {
    const h = halfOpen().play(tcp`
      +10ms  < .  1:1(0) ack 2 win 1000
      +0     > R  2:2(0)
      +10ms  < .  1:1(0) ack 0 win 1000
      +0     > R  0:0(0)
      +10ms  < .  1:1(0) ack 1 win 1000
    `);
    expect(h.connection!.state).toBe('ESTABLISHED');
  });

  test('what lies outside the window is told where we are', () => {
    halfOpen().play(tcp`
      +10ms  < .  70000:70010(10) ack 1 win 1000
      +0     > .  1:1(0) ack 1
      +10ms  < .  70000:70000(0) ack 1 win 1000
      +0     > .  1:1(0) ack 1
    `);
  });

  test('a segment without ACK is dropped', () => {
    const h = halfOpen().play(tcp`+10ms < P 1:11(10) win 1000`);
    expect(h.listener!.halfOpenCount).toBe(1);
  });

  // RFC 9293 §3.10.7.4, fourth: the client has begun anew.
  test('opened passively, a SYN in the window leads back to LISTEN', () => {
    const h = halfOpen().play(tcp`
      +10ms  < S  500:500(0) win 1000 <mss 1000>
      +10ms  < S  500:500(0) win 1000 <mss 1000>
      +0     > S. 0:0(0) ack 501
    `);
    expect(h.listener!.halfOpenCount).toBe(1);
  });

  test('opened actively, a SYN in the window is challenged', () => {
    new ScriptHost().connect().play(tcp`
      +0     > S  0:0(0)
      +10ms  < S  0:0(0) win 1000 <mss 500>
      +0     > S. 0:0(0) ack 1
      +10ms  < S  500:500(0) win 1000 <mss 500>
      +0     > .  1:1(0) ack 1
    `);
  });

  test('opened actively, the same SYN again draws the same answer, and only an ACK of our SYN establishes', () => {
    const h = new ScriptHost().connect().play(tcp`
      +0     > S  0:0(0)
      +10ms  < S  0:0(0) win 1000 <mss 500>
      +0     > S. 0:0(0) ack 1
      +10ms  < S  0:0(0) win 1000 <mss 500>
      +0     > S. 0:0(0) ack 1
      +10ms  < .  1:1(0) ack 0 win 1000
      +0     > R  0:0(0)
      +10ms  < .  1:1(0) ack 2 win 1000
      +0     > R  2:2(0)
    `);
    expect(h.connection!.state).toBe('SYN-RECEIVED');
    h.play(tcp`+10ms < . 1:1(0) ack 1 win 1000`);
    expect(h.connection!.state).toBe('ESTABLISHED');
  });

  test('the same SYN again draws the same answer', () => {
    halfOpen().play(tcp`
      +10ms  < S  0:0(0) win 1000 <mss 1000>
      +0     > S. 0:0(0) ack 1
    `);
  });

  test('a FIN on the ACK that establishes is taken', () => {
    const h = halfOpen().play(tcp`
      +10ms  < F. 1:1(0) ack 1 win 1000
      +0     > .  1:1(0) ack 2
    `);
    expect(h.connection!.state).toBe('CLOSE-WAIT');
  });
});

/** A way into each synchronized state, and where both sides stand there: SND.NXT, SND.UNA, RCV.NXT. */
const WAYS: readonly { state: State; to: (h: ScriptHost) => void; nxt: number; una: number; rcv: number }[] = [
  { state: 'ESTABLISHED', to: () => {}, nxt: 1, una: 1, rcv: 1 },
  {
    state: 'FIN-WAIT-1', nxt: 2, una: 1, rcv: 1,
    to: (h) => h.play(tcp`
      +0     ${(c) => c.shutdown()}
      +0     > F. 1:1(0) ack 1
    `),
  },
  {
    state: 'FIN-WAIT-2', nxt: 2, una: 2, rcv: 1,
    to: (h) => h.play(tcp`
      +0     ${(c) => c.shutdown()}
      +0     > F. 1:1(0) ack 1
      +10ms  < .  1:1(0) ack 2 win 65535
    `),
  },
  {
    state: 'CLOSE-WAIT', nxt: 1, una: 1, rcv: 2,
    to: (h) => h.play(tcp`
      +0     < F. 1:1(0) ack 1 win 65535
      +0     > .  1:1(0) ack 2
    `),
  },
  {
    state: 'CLOSING', nxt: 2, una: 1, rcv: 2,
    to: (h) => h.play(tcp`
      +0     ${(c) => c.shutdown()}
      +0     > F. 1:1(0) ack 1
      +10ms  < F. 1:1(0) ack 1 win 65535
      +0     > .  2:2(0) ack 2
    `),
  },
  {
    state: 'LAST-ACK', nxt: 2, una: 1, rcv: 2,
    to: (h) => h.play(tcp`
      +0     < F. 1:1(0) ack 1 win 65535
      +0     > .  1:1(0) ack 2
      +0     ${(c) => c.shutdown()}
      +0     > F. 1:1(0) ack 2
    `),
  },
];

describe.each(WAYS)('in $state', ({ state, to, nxt, una, rcv }) => {
  const there = (): ScriptHost => {
    const h = established();
    to(h);
    h.news();
    expect(h.connection!.state).toBe(state);
    return h;
  };
  const challenge = `+0 > . ${nxt}:${nxt}(0) ack ${rcv} <>`;

  // RFC 5961 §3.2, MUST-12: not an orderly end.
  // RFC 5961 §3.2-2.
  test('a RST at exactly RCV.NXT ends the connection, and the application is told', () => {
    const h = there().play(tcp`+10ms < R ${rcv}:${rcv}(0) win 0`);
    expect(h.connection!.error).toMatchObject({ code: 'ECONNRESET', syscall: 'read' });
    expect(h.news()).toBe('closed error');
    expect(h.stack.tcp.connections.size).toBe(0);
    expect(h.stack.nextTimeout()).toBe(Infinity);
  });

  // SHLD-2.
  test('a RST with text is a RST all the same', () => {
    const h = there().play(tcp`+10ms < R. ${rcv}:${rcv + 10}(10) ack ${una} win 0`);
    expect(h.connection!.error?.code).toBe('ECONNRESET');
    expect(h.connection!.readable).toBe(0);
  });

  // RFC 5961 §3.2-3.
  test('a RST elsewhere in the window is challenged', () => {
    const h = there().play(tcp`
      +10ms  < R  ${rcv + 1}:${rcv + 1}(0) win 0
      ${challenge}
      +10ms  < R. 65535:65535(0) ack ${una} win 0
      ${challenge}
    `);
    expect(h.connection!.state).toBe(state);
  });

  // RFC 5961 §3.2-1.
  test('a RST outside the window is nothing', () => {
    const h = there().play(tcp`
      +10ms  < R  ${rcv - 1}:${rcv - 1}(0) win 0
      +10ms  < R  65536:65536(0) win 0
      +10ms  < R  3000000000:3000000000(0) win 0
    `);
    expect(h.connection!.state).toBe(state);
  });

  // RFC 5961 §4.2: "irrespective of the sequence number".
  // RFC 5961 §4.2-1.
  test('a SYN is challenged, wherever it stands', () => {
    const h = there().play(tcp`
      +10ms  < S  ${rcv}:${rcv}(0) win 1000
      ${challenge}
      +10ms  < S  500:500(0) win 1000
      ${challenge}
      +10ms  < S  0:0(0) win 1000
      ${challenge}
      +10ms  < S  9000000:9000000(0) win 1000
      ${challenge}
      +10ms  < S. 0:0(0) ack 1 win 1000
      ${challenge}
    `);
    expect(h.connection!.state).toBe(state);
  });

  test('a segment without ACK is dropped', () => {
    const h = there().play(tcp`
      +10ms  < P  ${rcv}:${rcv + 10}(10) win 1000
      +10ms  < F  ${rcv}:${rcv}(0) win 1000
    `);
    expect(h.stack.counters.drops['tcp-no-ack']).toBe(2);
    expect(h.connection!.state).toBe(state);
  });

  // SEC-63.
  // RFC 5961 §5.2-1, -2.
  test('an ACK of what was never sent is told where we are, and its text is not taken', () => {
    const h = there().play(tcp`
      +10ms  < P. ${rcv}:${rcv + 10}(10) ack ${nxt + 1} win 1000
      ${challenge}
    `);
    expect(h.connection!.readable).toBe(0);
    expect(h.connection!.state).toBe(state);
  });

  // MAY-12, RFC 5961 §5.2: SND.UNA - MAX.SND.WND is the least.
  // RFC 5961 §5.2-1, -2.
  test('an ACK from further back than the largest window was is challenged, and its text is not taken', () => {
    const h = there();
    const least = una - 65_535;
    h.play(tcp`
      +10ms  < P. ${rcv}:${rcv + 10}(10) ack ${2 ** 32 + least - 1} win 1000
      ${challenge}
    `);
    expect(h.connection!.readable).toBe(0);
    expect(h.stack.counters.drops['tcp-old-ack']).toBe(1);
  });

  test('what lies outside the window is told where we are: text, FIN and bare ACK', () => {
    const h = there().play(tcp`
      +10ms  < P. 100001:100011(10) ack ${una} win 1000
      ${challenge}
      +10ms  < F. 100001:100001(0) ack ${una} win 1000
      ${challenge}
      +10ms  < .  100001:100001(0) ack ${una} win 1000
      ${challenge}
      +10ms  < .  ${rcv - 1}:${rcv - 1}(0) ack ${una} win 1000
      ${challenge}
    `);
    expect(h.connection!.state).toBe(state);
  });
});

describe('ACKs', () => {
  test('at the least number that is believed change nothing', () => {
    const h = established();
    h.play(tcp`
      +10ms  < P. 1:11(10) ack ${2 ** 32 + 1 - 65_535} win 1000
      +40ms  > .  1:1(0) ack 11
    `);
    expect(h.receive()).toBe(10);
    expect(h.connection!.snd.wnd).toBe(65_535);
  });
});

describe('challenges (SEC-52, SEC-62)', () => {
  // RFC 5961 §7; per connection: what one peer draws says nothing about another (CVE-2016-5696).
  // RFC 5961 §7-1.
  test('are limited to ten a second for each connection', () => {
    const h = established();
    for (let i = 0; i < 10; i++) {
      h.play(tcp`
        +1ms   < R  2:2(0) win 0
        +0     > .  1:1(0) ack 1
      `);
    }
    h.play(tcp`
      +1ms   < R  2:2(0) win 0
      +1ms   < S  2:2(0) win 0
      +1ms   < .  1:1(0) ack 999 win 0
      +1ms   < .  0:0(0) ack 1 win 0
    `);
    expect(h.stack.counters.drops['tcp-rate-limited']).toBe(4);
    h.peerPort++;
    h.play(tcp`
      +0     < S  0:0(0) win 65535
      +0     > S. 0:0(0) ack 1
      +0     < .  1:1(0) ack 1 win 65535
      +0     < R  2:2(0) win 0
      +0     > .  1:1(0) ack 1
    `);
    h.peerPort--;
    h.play(tcp`
      +1s    < R  2:2(0) win 0
      +0     > .  1:1(0) ack 1
    `);
  });

  // Two stacks that each find the other's ACK unacceptable would answer each other for ever.
  // RFC 5961 §10-1.
  test('do not keep a storm of ACKs alive', () => {
    const h = established();
    const storm = (times: number, answer: string): void => {
      for (let i = 0; i < times; i++) {
        h.play(tcp`
          +0     < .  100001:100001(0) ack 1 win 1000
          ${answer}
        `);
      }
    };
    storm(10, '+0 > . 1:1(0) ack 1');
    storm(1000, '');
  });
});
