// Text that arrives: what is taken of it, when it is acknowledged, and what window is offered for more.
// RFC 9293 §3.8.6, §3.10.7.4 (first, seventh); RFC 5681 §4.2; RFC 2018; RFC 7323 §2.

import { describe, expect, test } from 'vitest';

import { type ScriptHost, tcp } from '../../src/testing/script.js';
import { established } from '../fixtures/established.js';

const drops = (h: ScriptHost): object => h.stack.counters.dropped();

describe('when text is acknowledged', () => {
  // SHLD-18, MUST-40: less than 500 ms.
  // RFC 5681 §4.2-1, -3.
  test.each([4, 6] as const)('a lone segment is acknowledged after 40 ms, over IPv%i too', (family) => {
    established({ family }).play(tcp`
      +0     < P. 1:501(500)      ack 1 win 65535
      +40ms  > .  1:1(0)          ack 501
    `);
  });

  test('the 40 ms begin with the first text that waits, not with the last', () => {
    established().play(tcp`
      +0     < P. 1:101(100)      ack 1 win 65535
      +30ms  < P. 101:201(100)    ack 1 win 65535
      +10ms  > .  1:1(0)          ack 201
    `);
  });

  // SHLD-19.
  // RFC 5681 §4.2-2, -6.
  test('every second full segment is acknowledged at once', () => {
    established().play(tcp`
      +0     < .  1:1001(1000)    ack 1 win 65535
      +1ms   < .  1001:2001(1000) ack 1 win 65535
      +0     > .  1:1(0)          ack 2001
      +1ms   < .  2001:3001(1000) ack 1 win 65535
      +1ms   < .  3001:4001(1000) ack 1 win 65535
      +0     > .  1:1(0)          ack 4001
    `);
  });

  test('a full segment is one, however large it is', () => {
    established({ syn: 'mss 1400' }).play(tcp`
      +0     < .  1:1401(1400)    ack 1 win 65535
      +40ms  > .  1:1(0)          ack 1401
      +0     < .  1401:2801(1400) ack 1 win 65535
      +0     < .  2801:4201(1400) ack 1 win 65535
      +0     > .  1:1(0)          ack 4201
    `);
  });

  test('text of ours carries the ACK, and then none is owed', () => {
    const h = established();
    h.play(tcp`
      +0     < P. 1:101(100)      ack 1 win 65535
      +10ms  ${() => h.send(10)}
      +0     > P. 1:11(10)        ack 101
      +10ms  < .  101:101(0)      ack 11 win 65535
      +1s    ${() => {}}
    `);
  });

  // MUST-58, MUST-59.
  // RFC 5681 §4.2-6.
  test('a batch of segments is processed in full before one ACK goes out', () => {
    const h = established();
    h.play(tcp`
      +0     <+ .  1:1001(1000)    ack 1 win 65535
      +0     <+ .  1001:2001(1000) ack 1 win 65535
      +0     <+ P. 2001:2501(500)  ack 1 win 65535
      +0     <+ .  2501:3501(1000) ack 1 win 65535
      +0     <  .  3501:4501(1000) ack 1 win 65535
      +0     >  .  1:1(0)          ack 4501
    `);
    expect(h.receive()).toBe(4500);
  });

  test('the text of a batch and the FIN behind it are acknowledged once', () => {
    established().play(tcp`
      +0     <+ .  1:1001(1000)    ack 1 win 65535
      +0     <  F. 1001:1001(0)    ack 1 win 65535
      +0     >  .  1:1(0)          ack 1002
    `);
  });

  test('what comes out of order within a batch leaves no trace', () => {
    established().play(tcp`
      +0     <+ .  1001:2001(1000) ack 1 win 65535
      +0     <  .  1:1001(1000)    ack 1 win 65535
      +0     >  .  1:1(0)          ack 2001
    `);
  });
});

describe('text out of order', () => {
  // MAY-13, RFC 5681 §4.2; SHLD-31.
  // RFC 5681 §3.2-1, §4.2-4.
  test('draws a duplicate ACK at once, is kept, and counts when the gap is filled', () => {
    const h = established();
    h.play(tcp`
      +0     < .  1001:2001(1000) ack 1 win 65535
      +0     > .  1:1(0)          ack 1
      +0     < .  2001:3001(1000) ack 1 win 65535
      +0     > .  1:1(0)          ack 1
    `);
    expect(h.receive()).toBe(0);
    expect(h.news()).toBe('');
    h.play(tcp`
      +0     < .  1:1001(1000)    ack 1 win 65535
      +0     > .  1:1(0)          ack 3001
    `);
    expect(h.news()).toBe('readable');
    expect(h.receive()).toBe(3000);
  });

  // RFC 5681 §4.2.
  // RFC 5681 §3.2-2, §4.2-5.
  test('a segment that fills a gap in part is acknowledged at once', () => {
    established().play(tcp`
      +0     < .  2001:3001(1000) ack 1 win 65535
      +0     > .  1:1(0)          ack 1
      +0     < .  1:501(500)      ack 1 win 65535
      +0     > .  1:1(0)          ack 501
    `);
  });

  // SEC-55, CVE-2018-5390.
  test('as many ranges are kept as the limit says; the furthest goes first', () => {
    const h = established({ stack: { tcp: { outOfOrderRanges: 2 } } });
    h.play(tcp`
      +0     < .  101:201(100)    ack 1 win 65535
      +0     > .  1:1(0)          ack 1
      +0     < .  301:401(100)    ack 1 win 65535
      +0     > .  1:1(0)          ack 1
      +0     < .  501:601(100)    ack 1 win 65535
      +0     > .  1:1(0)          ack 1
      +0     < .  1:101(100)      ack 1 win 65535
      +0     > .  1:1(0)          ack 201
      +0     < .  201:301(100)    ack 1 win 65535
      +0     > .  1:1(0)          ack 401
    `);
    expect(drops(h)).toEqual({ 'tcp-out-of-order-limit': 1 });
  });
});

describe('text that is partly old, or beyond the window', () => {
  test('what is old of a segment is cut off, what is new is taken', () => {
    const h = established();
    h.play(tcp`
      +0     < .  1:1001(1000)    ack 1 win 65535
      +0     < .  501:1501(1000)  ack 1 win 65535
      +40ms  > .  1:1(0)          ack 1501
    `);
    expect(h.receive()).toBe(1500);
  });

  test('what is all old is acknowledged at once, lest an ACK was lost', () => {
    const h = established();
    h.play(tcp`
      +0     < .  1:1001(1000)    ack 1 win 65535
      +40ms  > .  1:1(0)          ack 1001
      +0     < .  1:1001(1000)    ack 1 win 65535
      +0     > .  1:1(0)          ack 1001
    `);
    expect(h.receive()).toBe(1000);
  });

  // SEC-56.
  test('what lies beyond the window is cut off', () => {
    const h = established({ listen: { receiveBuffer: 1000 } });
    h.play(tcp`
      +0     < .  1:1501(1500)    ack 1 win 65535
      +40ms  > .  1:1(0)          ack 1001 win 0
    `);
    expect(h.receive()).toBe(1000);
  });

  test('out of order, too, no more is kept than the window says', () => {
    const h = established({ syn: 'mss 1000,sackOK', listen: { receiveBuffer: 1000 } });
    h.play(tcp`
      +0     < .  501:1501(1000)  ack 1 win 65535
      +0     > .  1:1(0)          ack 1    win 1000 <sack 501:1001>
      +0     < .  1:501(500)      ack 1 win 65535
      +0     > .  1:1(0)          ack 1001 win 0
    `);
    expect(h.receive()).toBe(1000);
  });

  test.each(['1001:1101(100)', '65536:65546(10)', '3000000000:3000000100(100)'])('text at %s, outside a window of 1,000, is told where we are', (where) => {
    const h = established({ listen: { receiveBuffer: 1000 } });
    h.play(tcp`
      +0     < .  ${where}        ack 1 win 65535
      +0     > .  1:1(0)          ack 1 win 1000
    `);
    expect(drops(h)).toEqual({ 'tcp-unacceptable': 1 });
    expect(h.connection!.assembler).toBe(null);
  });

  // MAY-6: a keep-alive may carry one octet of garbage, or none.
  test('a keep-alive, with an old byte or without, is answered', () => {
    established().play(tcp`
      +0     < .  1:101(100)      ack 1 win 65535
      +40ms  > .  1:1(0)          ack 101
      +7200s < .  100:100(0)      ack 1 win 65535
      +0     > .  1:1(0)          ack 101
      +75s   < .  100:101(1)      ack 1 win 65535
      +0     > .  1:1(0)          ack 101
    `);
  });

  // MUST-3.
  test('a segment whose checksum is wrong is dropped without a word', () => {
    const h = established();
    h.mangled(tcp`+0 < P. 1:101(100) ack 1 win 65535`, (b) => { b[50]! ^= 1; });
    h.mangled(tcp`+0 < P. 1:101(100) ack 1 win 65535`, (b) => { b[16]! ^= 0x80; });
    h.play(tcp`+1s ${() => {}}`);
    expect(drops(h)).toEqual({ 'tcp-bad-checksum': 2 });
  });

  test('odd lengths have a checksum too', () => {
    const h = established();
    h.play(tcp`
      +0     < P. 1:8(7)          ack 1 win 65535
      +40ms  > .  1:1(0)          ack 8
      +0     ${() => h.send(7)}
      +0     > P. 1:8(7)          ack 8
    `);
  });
});

describe('SACK', () => {
  const sack = (): ScriptHost => established({ syn: 'mss 1000,sackOK' });

  // RFC 2018 §4: the block that holds what came last goes first, then the most recent others.
  test('blocks tell what is here beyond the hole, the latest first', () => {
    sack().play(tcp`
      +0     < .  1001:1101(100)  ack 1 win 65535
      +0     > .  1:1(0)          ack 1 <sack 1001:1101>
      +0     < .  2001:2101(100)  ack 1 win 65535
      +0     > .  1:1(0)          ack 1 <sack 2001:2101 1001:1101>
      +0     < .  3001:3101(100)  ack 1 win 65535
      +0     > .  1:1(0)          ack 1 <sack 3001:3101 2001:2101 1001:1101>
      +0     < .  1101:1201(100)  ack 1 win 65535
      +0     > .  1:1(0)          ack 1 <sack 1001:1201 3001:3101 2001:2101>
      +0     < .  1:1001(1000)    ack 1 win 65535
      +0     > .  1:1(0)          ack 1201 <sack 3001:3101 2001:2101>
      +0     < .  1201:3001(1800) ack 1 win 65535
      +0     > .  1:1(0)          ack 3101 <sack 2001:2101>
    `);
  });

  // RFC 2018 §3: forty bytes of options hold four blocks, or three beside timestamps.
  test.each([
    ['mss 1000,sackOK', '', 'sack 901:911 701:711 501:511 301:311'],
    ['mss 1000,sackOK,TS val 1 ecr 0', 'TS val 1 ecr 0', 'TS,sack 901:911 701:711 501:511'],
  ])('after a SYN with <%s> there is room for so many blocks', (syn, ack, blocks) => {
    const h = established({ syn, ack });
    for (const at of [101, 301, 501, 701]) {
      h.play(tcp`
        +0     < .  ${at}:${at + 10}(10)  ack 1 win 65535 <${ack}>
        +0     > .  1:1(0)          ack 1
      `);
    }
    h.play(tcp`
      +0     < .  901:911(10)     ack 1 win 65535 <${ack}>
      +0     > .  1:1(0)          ack 1 <${blocks}>
    `);
  });

  test('is not spoken to a peer that did not offer it', () => {
    established().play(tcp`
      +0     < .  1001:2001(1000) ack 1 win 65535
      +0     > .  1:1(0)          ack 1 <>
    `);
  });

  // MUST-16: the options of a segment come off its text.
  test('blocks make full segments shorter', () => {
    const h = sack();
    h.play(tcp`
      +0     < .  1001:1101(100)  ack 1 win 65535
      +0     > .  1:1(0)          ack 1 <sack 1001:1101>
      +0     ${() => h.send(1000)}
      +0     > .  1:989(988)      ack 1 <sack 1001:1101>
      +0     > P. 989:1001(12)    ack 1 <sack 1001:1101>
    `);
  });
});

describe('the window we offer', () => {
  // SHLD-14: the right edge, ACK plus window, stays where it was.
  // RFC 7323 §2.4-2.
  test('shrinks by what waits for the application, and so its right edge stays', () => {
    established({ listen: { receiveBuffer: 5000 } }).play(tcp`
      +0     < .  1:1001(1000)    ack 1 win 65535
      +0     < .  1001:2001(1000) ack 1 win 65535
      +0     > .  1:1(0)          ack 2001 win 3000
      +0     < .  2001:3001(1000) ack 1 win 65535
      +0     < .  3001:4001(1000) ack 1 win 65535
      +0     > .  1:1(0)          ack 4001 win 1000
      +0     < .  4001:5001(1000) ack 1 win 65535
      +40ms  > .  1:1(0)          ack 5001 win 0
    `);
  });

  // SHLD-14, MUST-39.
  test('does not shrink when the application makes its buffer smaller, and does not grow in crumbs', () => {
    const h = established({ listen: { receiveBuffer: 5000 } });
    h.play(tcp`
      +0     ${(c) => c.configure({ receiveBuffer: 1000 })}
      +0     < .  1:1001(1000)    ack 1 win 65535
      +0     < .  1001:2001(1000) ack 1 win 65535
      +0     > .  1:1(0)          ack 2001 win 3000
      +0     ${() => expect(h.receive()).toBe(2000)}
      +0     < .  2001:3001(1000) ack 1 win 65535
      +0     < .  3001:4001(1000) ack 1 win 65535
      +0     > .  1:1(0)          ack 4001 win 1000
    `);
    expect(h.receive()).toBe(2000);
  });

  // MUST-39: room for a tenth of a segment more is not worth telling, in what leaves anyway neither.
  test('does not grow by crumbs when an ACK is due', () => {
    const h = established({ listen: { receiveBuffer: 5000 } });
    h.play(tcp`
      +0     < .  1:1001(1000)    ack 1 win 65535
      +0     < .  1001:2001(1000) ack 1 win 65535
      +0     > .  1:1(0)          ack 2001 win 3000
      +0     ${() => h.receive(100)}
      +0     < .  2001:3001(1000) ack 1 win 65535
      +0     < .  3001:4001(1000) ack 1 win 65535
      +0     > .  1:1(0)          ack 4001 win 1000
    `);
  });

  // MUST-39: min(MSS, half the buffer).
  test('opens again in steps of a segment', () => {
    const h = established({ listen: { receiveBuffer: 4000 } });
    h.play(tcp`
      +0     < .  1:1001(1000)    ack 1 win 65535
      +0     < .  1001:2001(1000) ack 1 win 65535
      +0     > .  1:1(0)          ack 2001 win 2000
      +0     < .  2001:3001(1000) ack 1 win 65535
      +0     < .  3001:4001(1000) ack 1 win 65535
      +0     > .  1:1(0)          ack 4001 win 0
      +1s    ${() => h.receive(999)}
      +1s    ${() => h.receive(1)}
      +0     > .  1:1(0)          ack 4001 win 1000
      +1s    ${() => h.receive(999)}
      +1s    ${() => h.receive(1)}
      +0     > .  1:1(0)          ack 4001 win 2000
    `);
  });

  test('opens again in steps of half the buffer, when that is less than a segment', () => {
    const h = established({ listen: { receiveBuffer: 400 } });
    h.play(tcp`
      +0     < P. 1:401(400)      ack 1 win 65535
      +40ms  > .  1:1(0)          ack 401 win 0
      +1s    ${() => h.receive(199)}
      +1s    ${() => h.receive(1)}
      +0     > .  1:1(0)          ack 401 win 200
    `);
  });

  test('is not told anew for every read while there is plenty of it: a quarter of the buffer first', () => {
    const h = established({ listen: { receiveBuffer: 40_000 } });
    for (let i = 0; i < 20; i += 2) {
      h.play(tcp`
        +0   < .  ${i * 1000 + 1}:${i * 1000 + 1001}(1000)    ack 1 win 65535
        +0   < .  ${i * 1000 + 1001}:${i * 1000 + 2001}(1000) ack 1 win 65535
        +0   > .  1:1(0)         ack ${i * 1000 + 2001}
      `);
    }
    h.play(tcp`
      +0     ${() => h.receive(9999)}
      +0     ${() => h.receive(1)}
      +0     > .  1:1(0)          ack 20001 win 30000
    `);
  });

  test('a handshake that is done draws no update: nobody has read anything', () => {
    // 4 MiB of buffer, of which the SYN could name 64 KiB.
    established({ syn: 'mss 1000,wscale 0' }).play(tcp`
      +1s    < .  1:1(0) ack 1 win 65535
      +1s    ${() => {}}
    `);
  });

  // RFC 7323 §2.4: rounding is no shrinking, and what was offered once is taken.
  // RFC 7323 §2.4-3.
  test('scaled, it is rounded up as long as there is room', () => {
    const h = established({ syn: 'mss 1000,wscale 0', listen: { receiveBuffer: 1 << 20 } });
    h.play(tcp`
      +0     < P. 1:1001(1000)    ack 1 win 65535
      +0     ${() => h.receive()}
      +0     > .  1:1(0)          ack 1001 win 32768
      +0     < P. 1001:1008(7)    ack 1 win 65535
      +0     ${() => h.receive()}
      +40ms  > .  1:1(0)          ack 1008 win 32768
    `);
  });
});

describe('at window zero', () => {
  /** A buffer of 1,000 bytes, full. */
  const full = (): ScriptHost => {
    const h = established({ listen: { receiveBuffer: 1000 } });
    h.play(tcp`
      +0     < .  1:1001(1000)    ack 1 win 65535
      +40ms  > .  1:1(0)          ack 1001 win 0
    `);
    h.news();
    return h;
  };

  // RFC 9293 §3.8.6.1; SEC-59: nothing is kept of it.
  test('a probe is answered with what we expect next and the window, and not taken', () => {
    const h = full();
    h.play(tcp`
      +1s    < P. 1001:1002(1)    ack 1 win 65535
      +0     > .  1:1(0)          ack 1001 win 0
      +1s    < .  1000:1000(0)    ack 1 win 65535
      +0     > .  1:1(0)          ack 1001 win 0
    `);
    expect(h.receive()).toBe(1000);
  });

  // MUST-66.
  test('a RST resets', () => {
    const h = full();
    h.play(tcp`+0 < R. 1001:1001(0) ack 1 win 0`);
    expect(h.connection!.error?.code).toBe('ECONNRESET');
  });

  // MUST-66.
  test('the ACK of a segment counts, its text does not', () => {
    const h = full();
    h.play(tcp`
      +0     ${() => h.send(100)}
      +0     > P. 1:101(100)      ack 1001 win 0
      +10ms  < P. 1001:1101(100)  ack 101 win 65535
      +0     > .  101:101(0)      ack 1001 win 0
    `);
    expect(h.connection!.unacknowledged).toBe(0);
  });

  // MUST-66.
  test('urgent data is announced', () => {
    const h = full();
    h.play(tcp`
      +0     < U. 1001:1011(10)   ack 1 win 65535 urg 10
      +0     > .  1:1(0)          ack 1001 win 0
    `);
    expect(h.news()).toBe('urgent');
    expect(h.connection!.urgentAhead).toBe(1010);
  });

  test('a FIN that follows no more text is taken: it needs no room', () => {
    const h = full();
    h.play(tcp`
      +0     < F. 1001:1001(0)    ack 1 win 65535
      +0     > .  1:1(0)          ack 1002 win 0
    `);
    expect(h.connection!.state).toBe('CLOSE-WAIT');
    expect(h.receive()).toBe(1000);
    expect(h.connection!.ended).toBe(true);
  });

  test('a FIN behind text for which there is no room is not', () => {
    const h = full();
    h.play(tcp`
      +0     < F. 1001:1011(10)   ack 1 win 65535
      +0     > .  1:1(0)          ack 1001 win 0
    `);
    expect(h.connection!.state).toBe('ESTABLISHED');
  });
});

describe('the peer\'s FIN', () => {
  // SEC-56.
  test('beyond the window is not believed', () => {
    const h = established({ listen: { receiveBuffer: 1000 } });
    h.play(tcp`
      +0     < F. 501:1501(1000)  ack 1 win 65535
      +0     > .  1:1(0)          ack 1 win 1000
      +0     < .  1:501(500)      ack 1 win 65535
      +0     > .  1:1(0)          ack 1001 win 0
    `);
    expect(h.connection!.state).toBe('ESTABLISHED');
    // Nor later, when the window reaches so far.
    h.play(tcp`
      +0     ${() => h.receive()}
      +0     > .  1:1(0)          ack 1001 win 1000
      +0     < .  1001:1501(500)  ack 1 win 65535
      +40ms  > .  1:1(0)          ack 1501
    `);
    expect(h.connection!.state).toBe('ESTABLISHED');
  });

  test('is the end: what claims to follow it is not taken', () => {
    const h = established({ syn: 'mss 1000,sackOK' });
    h.play(tcp`
      +0     < F. 101:201(100)    ack 1 win 65535
      +0     > .  1:1(0)          ack 1 <sack 101:201>
      +0     < .  151:301(150)    ack 1 win 65535
      +0     > .  1:1(0)          ack 1 <sack 151:201 101:201>
      +0     < .  201:301(100)    ack 1 win 65535
      +0     > .  1:1(0)          ack 1 <sack 101:201>
      +0     < F. 101:151(50)     ack 1 win 65535        // another end
      +0     > .  1:1(0)          ack 1 <sack 101:151 101:201>
      +0     < .  1:101(100)      ack 1 win 65535
      +0     > .  1:1(0)          ack 202
    `);
    expect(h.receive()).toBe(200);
    expect(h.connection!.ended).toBe(true);
    expect(h.news()).toBe('readable end');
  });

  test('again is acknowledged again', () => {
    established().play(tcp`
      +0     < F. 1:1(0)          ack 1 win 65535
      +0     > .  1:1(0)          ack 2
      +1s    < F. 1:1(0)          ack 1 win 65535
      +0     > .  1:1(0)          ack 2
    `);
  });

  test('that comes early, and again, is acknowledged each time', () => {
    established().play(tcp`
      +0     < F. 101:101(0)      ack 1 win 65535
      +0     > .  1:1(0)          ack 1
      +1s    < F. 101:101(0)      ack 1 win 65535
      +0     > .  1:1(0)          ack 1
      +0     < .  1:101(100)      ack 1 win 65535
      +0     > .  1:1(0)          ack 102
    `);
  });

  test('ends the stream once all text has been read, not before', () => {
    const h = established();
    h.play(tcp`
      +0     < FP. 1:101(100)     ack 1 win 65535
      +0     > .  1:1(0)          ack 102
    `);
    expect(h.connection!.ended).toBe(false);
    expect(h.receive()).toBe(100);
    expect(h.connection!.ended).toBe(true);
  });
});
