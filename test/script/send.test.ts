// Text that leaves: how it is cut, what it waits for, and how a shut window is watched.
// RFC 9293 §3.7, §3.8.6, §3.9.1.2; RFC 5681 §3.1, §4.1; RFC 6928.

import { describe, expect, test } from 'vitest';

import { type ScriptHost, tcp } from '../../src/testing/script.js';
import { burst, established } from '../fixtures/established.js';

describe('segments', () => {
  // MUST-61, SHLD-28.
  test('are full, but for the last, which is pushed', () => {
    const h = established();
    h.play(tcp`
      +0     ${() => h.send(2500)}
      +0     > .  1:1001(1000)    ack 1 <>
      +0     > .  1001:2001(1000) ack 1 <>
      +0     > P. 2001:2501(500)  ack 1 <>
    `);
  });

  test('a text of whole segments is pushed with the last of them', () => {
    const h = established();
    h.play(tcp`
      +0     ${() => h.send(2000)}
      +0     > .  1:1001(1000)    ack 1
      +0     > P. 1001:2001(1000) ack 1
    `);
  });

  // MAY-16, SHLD-27: calls leave no trace in the segments.
  test('gather what several calls wrote', () => {
    const h = established();
    h.play(tcp`
      +0     ${() => { for (let i = 0; i < 15; i++) h.send(100); }}
      +0     > .  1:1001(1000)    ack 1
      +0     > P. 1001:1501(500)  ack 1
    `);
  });

  // MUST-48, MUST-49, SHLD-21, SHLD-22.
  test.each([4, 6] as const)('carry the hop limit and the DS field that the application chose, over IPv%i', (family) => {
    const h = established({ family });
    const [trafficClass, hopLimit] = family === 4 ? [1, 8] : [0, 7];
    const byteAt = (at: number): number => at === 0
      ? ((h.lastPacket[0]! & 15) << 4) | (h.lastPacket[1]! >> 4) : h.lastPacket[at]!;
    expect([byteAt(trafficClass), byteAt(hopLimit)]).toEqual([0, 64]);
    h.play(tcp`
      +0     ${(c) => c.configure({ trafficClass: 0xb8, hopLimit: 3 })}
      +0     ${() => h.send(10)}
      +0     > P. 1:11(10)        ack 1
    `);
    expect([byteAt(trafficClass), byteAt(hopLimit)]).toEqual([0xb8, 3]);
  });

  // MUST-45.
  test('carry the same addresses from the first to the last', () => {
    const h = established();
    expect(h.connection!.localAddress.toString()).toBe('192.0.2.1');
    h.play(tcp`
      +0     ${() => h.send(10)}
      +0     > P. 1:11(10)        ack 1
    `);
    expect([...h.lastPacket.subarray(12, 20)]).toEqual([192, 0, 2, 1, 192, 0, 2, 2]);
  });
});

describe('Nagle (SHLD-7)', () => {
  test('a small segment waits until an earlier small one is acknowledged; meanwhile more gathers', () => {
    const h = established();
    h.play(tcp`
      +0     ${() => h.send(100)}
      +0     > P. 1:101(100)      ack 1
      +1ms   ${() => h.send(100)}
      +1ms   ${() => h.send(200)}
      +18ms  < .  1:1(0)          ack 101 win 65535
      +0     > P. 101:401(300)    ack 1
    `);
  });

  // Minshall's way, also Linux: draft-minshall-nagle.
  test('the tail of a large write does not wait for the full segments before it', () => {
    const h = established();
    h.play(tcp`
      +0     ${() => h.send(1500)}
      +0     > .  1:1001(1000)    ack 1
      +0     > P. 1001:1501(500)  ack 1
      +1ms   ${() => h.send(1200)}
      +0     > .  1501:2501(1000) ack 1
      +1ms   < .  1:1(0)          ack 1001 win 65535
      +1ms   < .  1:1(0)          ack 1501 win 65535
      +0     > P. 2501:2701(200)  ack 1
    `);
  });

  // MUST-17.
  test('can be turned off, and what waited goes then', () => {
    const h = established();
    h.play(tcp`
      +0     ${() => h.send(100)}
      +0     > P. 1:101(100)      ack 1
      +1ms   ${() => h.send(50)}
      +1ms   ${(c) => c.configure({ noDelay: true })}
      +0     > P. 101:151(50)     ack 1
      +1ms   ${() => h.send(50)}
      +0     > P. 151:201(50)     ack 1
    `);
  });

  test('nothing more will come behind a FIN: it does not wait, and takes along what did', () => {
    const h = established();
    h.play(tcp`
      +0     ${() => h.send(100)}
      +0     > P. 1:101(100)      ack 1
      +1ms   ${() => h.send(50)}
      +1ms   ${(c) => c.shutdown()}
      +0     > FP. 101:151(50)    ack 1
    `);
  });

  test('a retransmission does not wait for itself', () => {
    const h = established();
    h.play(tcp`
      +0     ${() => h.send(100)}
      +0     > P. 1:101(100)      ack 1
      +220ms > P. 1:101(100)      ack 1
      +440ms > P. 1:101(100)      ack 1
    `);
  });

  test('a small segment of 2 GiB ago does not count', () => {
    const h = established();
    h.play(tcp`
      +0     ${() => h.send(100)}
      +0     > P. 1:101(100)      ack 1
      +20ms  < .  1:1(0)          ack 101 win 65535
      +0     ${() => h.send(1000)}
      +0     > P. 101:1101(1000)  ack 1
      +20ms  < .  1:1(0)          ack 1101 win 65535
    `);
    // As if only full segments had been sent since: what is remembered has come along with SND.UNA.
    expect(h.connection!.snd.sml).toBe(h.connection!.snd.una);
  });
});

describe('the window', () => {
  // MUST-38.
  // RFC 5681 §2-2.
  test('is filled with full segments; a remainder that is small beside it stays unused', () => {
    const h = established({ win: 2400 });
    h.play(tcp`
      +0     ${() => h.send(5000)}
      +0     > .  1:1001(1000)    ack 1
      +0     > .  1001:2001(1000) ack 1
      +20ms  < .  1:1(0)          ack 2001 win 2400
      +0     > .  2001:3001(1000) ack 1
      +0     > .  3001:4001(1000) ack 1
      +20ms  < .  1:1(0)          ack 4001 win 2400
      +0     > P. 4001:5001(1000) ack 1
    `);
  });

  // MUST-38: tiny updates do not draw tiny segments.
  test('that opens in crumbs draws none, until there is room for a segment', () => {
    const h = established({ win: 2000 });
    h.play(tcp`
      +0     ${() => h.send(6000)}
      +0     > .  1:1001(1000)    ack 1
      +0     > .  1001:2001(1000) ack 1
      +20ms  < .  1:1(0)          ack 2001 win 100
      +20ms  < .  1:1(0)          ack 2001 win 300
      +20ms  < .  1:1(0)          ack 2001 win 999
      +20ms  < .  1:1(0)          ack 2001 win 1000
      +0     > .  2001:3001(1000) ack 1
    `);
  });

  // RFC 9293 §3.8.6.2.1 (3), Fs = 1/2: the SYN's window counts among the largest.
  test('that never holds a full segment is used when half of the largest is open', () => {
    const h = established({ syn: 'mss 1460', win: 600 });
    h.connection!.snd.maxWnd = 600;
    h.play(tcp`
      +0     ${() => h.send(2000)}
      +0     > .  1:601(600)      ack 1
      +20ms  < .  1:1(0)          ack 601 win 299
      +20ms  < .  1:1(0)          ack 601 win 300
      +0     > .  601:901(300)    ack 1
    `);
  });

  // RFC 9293 §3.8.6.2.1 (4): the override timeout.
  test('that stays small is used after one timeout all the same, and again after each', () => {
    const h = established({ win: 100 });
    h.play(tcp`
      +0     ${() => h.send(1000)}
      +220ms > .  1:101(100)      ack 1
      +20ms  < .  1:1(0)          ack 101 win 100
      +220ms > .  101:201(100)    ack 1
      +220ms > .  101:201(100)    ack 1                // it is text like any other: RFC 6298 (5.4)
    `);
  });

  // An update does not put the override off: else a peer that speaks often would starve us.
  test('that stays small is used after one timeout although the peer keeps talking', () => {
    const h = established({ win: 100 });
    h.play(tcp`
      +0     ${() => h.send(1000)}
      +100ms < .  1:1001(1000)    ack 1 win 100
      +10ms  < .  1001:2001(1000) ack 1 win 100
      +0     > .  1:1(0)          ack 2001
      +90ms  < .  2001:3001(1000) ack 1 win 100
      +10ms  < .  3001:4001(1000) ack 1 win 100
      +0     > .  1:1(0)          ack 4001
      +10ms  > .  1:101(100)      ack 4001
    `);
  });

  test('of a segment that is older than the last one heard is not believed (SND.WL1, SND.WL2)', () => {
    const h = established({ win: 5000 });
    h.play(tcp`
      +0     < P. 1:101(100)      ack 1 win 4000
      +40ms  > .  1:1(0)          ack 101
      +0     < .  101:101(0)      ack 1 win 3000
    `);
    expect(h.connection!.snd.wnd).toBe(3000);
    h.play(tcp`
      +0     ${() => h.send(100)}
      +0     > P. 1:101(100)      ack 101
      +20ms  < .  101:101(0)      ack 101 win 2000
      +0     < .  101:101(0)      ack 1 win 60000        // SEG.ACK < SND.WL2
    `);
    expect(h.connection!.snd.wnd).toBe(2000);
    // Some of its text is new, and its window is not: SEG.SEQ < SND.WL1.
    h.play(tcp`
      +0     < P. 51:151(100)     ack 101 win 60000
      +40ms  > .  101:101(0)      ack 151
    `);
    expect(h.connection!.snd.wnd).toBe(2000);
  });
});

// RFC 7323 §2.4-1.
describe('a window that shrinks', () => {
  /** Four segments are in flight; the window shrinks to `win` bytes behind the first. */
  const shrunk = (win: number): ScriptHost => {
    const h = established({ win: 4000 });
    h.play(tcp`
      +0     ${() => h.send(6000)}
      +0     > .  1:1001(1000)    ack 1
      +0     > .  1001:2001(1000) ack 1
      +0     > .  2001:3001(1000) ack 1
      +0     > .  3001:4001(1000) ack 1
      +20ms  < .  1:1(0)          ack 1001 win ${win}
    `);
    return h;
  };

  // SHLD-15, MUST-34: the usable window is below zero.
  // RFC 7323 §2.4-4.
  test('lets nothing new go', () => {
    const h = shrunk(1000);
    h.play(tcp`+200ms ${() => {}}`);
    expect(h.connection!.flightSize).toBe(3000);
  });

  // SHLD-16.
  test('what is old and still inside goes again after a timeout', () => {
    shrunk(1000).play(tcp`
      +220ms > .  1001:2001(1000) ack 1
      +20ms  < .  1:1(0)          ack 4001 win 4000        // the peer had taken the rest all the same
      +0     > .  4001:5001(1000) ack 1
      +0     > P. 5001:6001(1000) ack 1
    `);
  });

  test('of which less than a segment is left: that much goes again', () => {
    shrunk(300).play(tcp`
      +220ms > .  1001:1301(300)  ack 1
      +20ms  < .  1:1(0)          ack 1301 win 3000
      +0     > .  1301:2301(1000) ack 1                // slow start after the timeout
    `);
  });

  // MUST-35, SHLD-17: what lies beyond the edge times nothing out.
  // RFC 7323 §2.4-5.
  test('to nothing is probed, and the connection does not time out', () => {
    const h = shrunk(0);
    h.play(tcp`
      +220ms > .  1000:1000(0)    ack 1
      +20ms  < .  1:1(0)          ack 1001 win 0
    `);
    for (let i = 0; i < 100; i++) {
      h.advanceTo(h.stack.nextTimeout());
      h.play(tcp`
        +0     > .  1000:1000(0)  ack 1
        +1s    < .  1:1(0)        ack 1001 win 0
      `);
    }
    expect(h.now).toBeGreaterThan(3_600_000);
    h.play(tcp`
      +0     < .  1:1(0)          ack 1001 win 4000
      ${burst(1001, 5001)}
    `);
  });
});

describe('a shut window', () => {
  const shut = (): ScriptHost => {
    const h = established({ win: 0 });
    h.play(tcp`+0 ${() => h.send(1500)}`);
    return h;
  };

  // MUST-36, SHLD-29, SHLD-30.
  test('is probed after one RTO, then after twice as long each time, up to a minute', () => {
    shut().play(tcp`
      +220ms > .  0:0(0)          ack 1
      +20ms  < .  1:1(0)          ack 1 win 0
      +420ms > .  0:0(0)          ack 1
      +880ms > .  0:0(0)          ack 1
      +1760ms > . 0:0(0)          ack 1
      +3520ms > . 0:0(0)          ack 1
      +7040ms > . 0:0(0)          ack 1
      +14080ms > . 0:0(0)         ack 1
      +28160ms > . 0:0(0)         ack 1
      +56320ms > . 0:0(0)         ack 1
      +60s   > .  0:0(0)          ack 1
      +60s   > .  0:0(0)          ack 1
    `);
  });

  test('that opens is used at once', () => {
    shut().play(tcp`
      +220ms > .  0:0(0)          ack 1
      +20ms  < .  1:1(0)          ack 1 win 0
      +100ms < .  1:1(0)          ack 1 win 3000
      +0     > .  1:1001(1000)    ack 1
      +0     > P. 1001:1501(500)  ack 1
    `);
  });

  test('whose opening was not heard is heard of by the next probe', () => {
    shut().play(tcp`
      +220ms > .  0:0(0)          ack 1
      +20ms  < .  1:1(0)          ack 1 win 3000
      +0     > .  1:1001(1000)    ack 1
      +0     > P. 1001:1501(500)  ack 1
    `);
  });

  // RFC 2018 §8: what the peer SACKed it may throw away, and here it says nothing of what it has.
  test('over text that is SACKed from its first byte on, when it opens, draws all of it again', () => {
    const h = established({ syn: 'mss 1000,sackOK' });
    h.play(tcp`
      +0     ${() => h.send(2000)}
      +0     > .  1:1001(1000)    ack 1
      +0     > P. 1001:2001(1000) ack 1
      +20ms  < .  1:1(0)          ack 1 win 0 <sack 1:2001>
      +200ms > .  0:0(0)          ack 1
      +20ms  < .  1:1(0)          ack 1 win 1500
      +0     > .  1:1001(1000)    ack 1
      +0     > .  1001:1501(500)  ack 1
    `);
  });

  // MUST-37.
  test('keeps nobody from staying, as long as probes are answered', () => {
    const h = shut();
    for (let i = 0; i < 1000; i++) {
      h.advanceTo(h.stack.nextTimeout());
      h.play(tcp`
        +0     > .  0:0(0)        ack 1
        +20ms  < .  1:1(0)        ack 1 win 0
      `);
    }
    expect(h.now).toBeGreaterThan(15 * 3_600_000);
    expect(h.connection!.state).toBe('ESTABLISHED');
  });

  test('of a peer that has fallen silent ends the connection after ten minutes', () => {
    const h = shut();
    const from = h.now;
    while (h.connection!.state !== 'CLOSED') h.advanceTo(h.stack.nextTimeout());
    expect(h.connection!.error).toMatchObject({ code: 'ETIMEDOUT', syscall: 'read' });
    expect(h.now - from).toBeGreaterThan(600_000);
    expect(h.now - from).toBeLessThan(670_000);
  });

  // The silence counts from when there was something to hear.
  test('after hours in which nothing was sent is not taken for silence', () => {
    const h = established({ win: 0 });
    h.play(tcp`
      +3600s ${() => h.send(10)}
      +220ms > .  0:0(0)          ack 1
      +440ms > .  0:0(0)          ack 1
    `);
    expect(h.connection!.state).toBe('ESTABLISHED');
  });

  // SEC-59, RFC 5482: how memory is held hostage.
  test('answered or not, is left when the user\'s time is over', () => {
    const h = established({ win: 0, listen: { userTimeoutMs: 1000 } });
    h.play(tcp`
      +0     ${() => h.send(100)}
      +220ms > .  0:0(0)          ack 1
      +20ms  < .  1:1(0)          ack 1 win 0
      +420ms > .  0:0(0)          ack 1
      +20ms  < .  1:1(0)          ack 1 win 0
      +319ms ${(c) => expect(c.state).toBe('ESTABLISHED')}
      +21ms  ${(c) => expect(c.error?.code).toBe('ETIMEDOUT')}
    `);
  });

  // SEC-59, SEC-60.
  test('holds nobody who has closed: eight probes, and a reset', () => {
    const h = shut();
    h.play(tcp`+0 ${(c) => c.close()}`);
    for (let i = 0; i < 8; i++) {
      h.advanceTo(h.stack.nextTimeout());
      h.play(tcp`
        +0     > .  0:0(0)        ack 1
        +20ms  < .  1:1(0)        ack 1 win 0
      `);
    }
    h.advanceTo(h.stack.nextTimeout());
    h.play(tcp`+0 > R. 1:1(0) ack 1`);
    expect(h.stack.tcp.connections.size).toBe(0);
  });

  // A FIN has a number, and waits for room as a byte does.
  test('keeps the FIN back, too, and is probed for it', () => {
    const h = established({ win: 100 });
    h.play(tcp`
      +0     ${() => h.send(100)}
      +0     > P. 1:101(100)      ack 1
      +0     ${(c) => c.shutdown()}
      +20ms  < .  1:1(0)          ack 101 win 0
      +220ms > .  100:100(0)      ack 1
      +20ms  < .  1:1(0)          ack 101 win 1
      +0     > F. 101:101(0)      ack 1
    `);
  });

  // Text of the peer is acknowledged where the peer can hear it: not beyond its window.
  test('does not keep us from acknowledging', () => {
    shut().play(tcp`
      +0     < .  1:1001(1000)    ack 1 win 0
      +10ms  < .  1001:2001(1000) ack 1 win 0
      +0     > .  1:1(0)          ack 2001
      +210ms > .  0:0(0)          ack 2001
    `);
  });
});

describe('the congestion window', () => {
  // RFC 6928 §2; RFC 5681 §3.1: slow start grows by what is acknowledged.
  // RFC 5681 §2-2, §3.1-1, -2, -3, -11.
  test('begins at ten segments, and doubles with each round trip', () => {
    const h = established();
    h.play(tcp`
      +0     ${() => h.send(50_000)}
      ${burst(1, 10_001)}
      +20ms  < .  1:1(0)          ack 2001 win 65535
      ${burst(10_001, 14_001)}
      +0     < .  1:1(0)          ack 4001 win 65535
      ${burst(14_001, 18_001)}
    `);
  });

  // RFC 5681 §4.1.
  test('is no evidence any more after an idle time: back to ten segments', () => {
    const h = established();
    h.play(tcp`
      +0     ${() => h.send(20_000)}
      ${burst(1, 10_001)}
      +20ms  < .  1:1(0)          ack 2001 win 65535
      ${burst(10_001, 14_001)}
      +0     < .  1:1(0)          ack 4001 win 65535
      ${burst(14_001, 18_001)}
      +0     < .  1:1(0)          ack 6001 win 65535
      +0     > .  18001:19001(1000) ack 1
      +0     > P. 19001:20001(1000) ack 1
      +20ms  < .  1:1(0)          ack 20001 win 65535
    `);
    expect(h.connection!.congestion.cwnd).toBeGreaterThan(10_000);
    h.play(tcp`
      +10s   < P. 1:101(100)      ack 20001 win 65535      // an ACK of ours is no text
      +40ms  > .  20001:20001(0)  ack 101
      +0     ${() => h.send(20_000)}
      ${burst(20_001, 30_001).replaceAll('ack 1', 'ack 101')}
    `);
  });

  // RFC 5681 §4.1: slow start begins anew, and ends where a loss has shown that it must.
  test('opens after an idle time no further than a loss before it allows', () => {
    const h = established();
    h.play(tcp`
      +0     ${() => h.send(30_000)}
      ${burst(1, 10_001)}
      +20ms  < .  1:1(0)          ack 5001 win 65535
      ${burst(10_001, 20_001)}
      +0     < .  1:1(0)          ack 10001 win 65535
      ${burst(20_001, 29_001)}
      +0     > P. 29001:30001(1000) ack 1
      +20ms  < .  1:1(0)          ack 10001 win 65535
      +0     < .  1:1(0)          ack 10001 win 65535
      +0     < .  1:1(0)          ack 10001 win 65535
      +0     > .  10001:11001(1000) ack 1
      +20ms  < .  1:1(0)          ack 30001 win 65535
    `);
    expect(h.connection!.congestion).toMatchObject({ cwnd: 10_000, ssthresh: 10_000 });
    h.play(tcp`
      +10s   ${() => h.send(30_000)}
      ${burst(30_001, 40_001)}
      +20ms  < .  1:1(0)          ack 40001 win 65535
      ${burst(40_001, 51_001)}
    `);
    expect(h.connection!.congestion).toMatchObject({ cwnd: 11_000, ssthresh: 10_000 });
  });

  // RFC 5681 §4.1: whether the last *reception* is recent says nothing, or a request would always come just before the text.
  test('is no evidence any more when only the peer was talking for longer than an RTO', () => {
    const h = established();
    h.play(tcp`
      +0     ${() => h.send(14_000)}
      ${burst(1, 10_001)}
      +20ms  < .  1:1(0)          ack 5001 win 65535
      +0     > .  10001:11001(1000) ack 1
      +0     > .  11001:12001(1000) ack 1
      +0     > .  12001:13001(1000) ack 1
      +0     > P. 13001:14001(1000) ack 1
      +0     < .  1:1(0)          ack 10001 win 65535
      +20ms  < .  1:1(0)          ack 14001 win 65535
    `);
    const { congestion, rto } = h.connection!;
    const before = congestion.cwnd;
    expect([before > 10_000, rto.rtoMs > 200 && rto.rtoMs < 300]).toEqual([true, true]);
    h.play(tcp`
      +150ms < P. 1:101(100)      ack 14001 win 65535
      +40ms  > .  14001:14001(0)  ack 101
      +110ms < P. 101:201(100)    ack 14001 win 65535
      +40ms  > .  14001:14001(0)  ack 201
      +110ms < P. 201:301(100)    ack 14001 win 65535
      +0     ${() => h.send(20_000)}
      ${burst(14_001, 24_001).replaceAll('ack 1', 'ack 301')}
    `);
  });
});

describe('the send queue', () => {
  test('takes what it has room for, and says when there is room again', () => {
    const h = established({ listen: { sendBuffer: 3000 } });
    h.play(tcp`
      +0     ${() => expect(h.send(5000)).toBe(3000)}
      +0     > .  1:1001(1000)    ack 1
      +0     > .  1001:2001(1000) ack 1
      +0     > P. 2001:3001(1000) ack 1
      +0     ${() => expect(h.send(1)).toBe(0)}
      +20ms  < .  1:1(0)          ack 1001 win 65535
      +0     ${() => expect(h.news()).toBe('')}
      +0     < .  1:1(0)          ack 2001 win 65535
      +0     ${() => expect(h.news()).toBe('writable')}
      +0     ${() => expect(h.send(5000)).toBe(2000)}
      +0     > .  3001:4001(1000) ack 1
      +0     > P. 4001:5001(1000) ack 1
    `);
  });

  test('takes whole bytes, and sends whole ones, whatever it was told', () => {
    const h = established({ listen: { sendBuffer: 1200.5, maxSegment: 800.5 } });
    h.play(tcp`
      +0     ${() => expect(h.send(5000)).toBe(1200)}
      +0     > .  1:801(800)      ack 1
      +0     > P. 801:1201(400)   ack 1
    `);
  });

  test('refuses what is written after the end', () => {
    const h = established();
    h.play(tcp`
      +0     ${(c) => c.shutdown()}
      +0     > F. 1:1(0)          ack 1
      +0     ${() => expect(() => h.send(1)).toThrow('EPIPE')}
    `);
  });
});

describe('pacing', () => {
  // At 1000 bytes a millisecond, two segments at a time: after the pause as much as a quarter of the round trip takes, 2 ms at
  // least and 10 ms at most; else a timer of milliseconds would cost a tenth of the rate and more.
  test.each([[4, 4], [20, 6], [100, 12]])('catches up what it was late, %i ms away: %i segments', (rttMs, segments) => {
    const h = established({ syn: 'mss 1000', listen: { congestion: 'bbr' } });
    h.play(tcp`
      +0     ${() => h.send(2000)}
      +0     > .  1:1001(1000)    ack 1
      +0     > P. 1001:2001(1000) ack 1
      +20ms  < .  1:1(0)          ack 2001 win 0
    `);
    const c = h.connection!;
    c.rto.minRttMs = rttMs;
    Object.assign(c.congestion, { pacingRate: 1000, cwnd: 50_000 });
    h.play(tcp`+0 ${() => h.send(50_000)}`);
    h.play(tcp`+50ms < . 1:1(0) ack 2001 win 65535`, 'ignored');
    expect(c.offsetOf(c.snd.nxt) - 2000).toBe(segments * 1000);
  });
});
