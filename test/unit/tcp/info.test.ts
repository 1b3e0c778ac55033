// What a connection tells of itself: TCP_INFO in plain names, and the reasons why it is not sending. RFC 9293 §3.9.1.7.

import { describe, expect, test } from 'vitest';

import { type NotSending, tcpInfo, type TcpInfo } from '../../../src/tcp/info.js';
import { ScriptHost, tcp } from '../../../src/testing/script.js';
import { burst, established } from '../../fixtures/established.js';

const infoOf = (h: ScriptHost): TcpInfo => tcpInfo(h.connection!, h.now);
const reason = (h: ScriptHost): NotSending | null => infoOf(h).notSending;

describe('why nothing is sent', () => {
  test('before the handshake is done, and when it is over', () => {
    const h = new ScriptHost().connect();
    expect(reason(h)).toBe('opening');
    h.connection!.abort();
    expect(reason(h)).toBe('closed');
  });

  test('all that was written has been sent', () => {
    const h = established();
    expect(reason(h)).toBe('app-limited');
    h.send(500);
    // The next poll sends it.
    expect(reason(h)).toBeNull();
    h.play(tcp`+0 > P. 1:501(500) ack 1`);
    expect(reason(h)).toBe('app-limited');
  });

  test('the peer\'s window', () => {
    const h = established({ win: 2000 });
    h.send(3000);
    h.play(tcp`+0 > . 1:1001(1000) ack 1
               +0 > . 1001:2001(1000) ack 1`);
    expect(reason(h)).toBe('rwnd-limited');
    expect(infoOf(h)).toMatchObject({ flightSize: 2000, unsent: 1000, sendWindow: 2000 });
  });

  test('the congestion window', () => {
    const h = established();
    h.send(20_000);
    h.play(tcp`${burst(1, 10_001)}`);
    expect(reason(h)).toBe('cwnd-limited');
    expect(infoOf(h)).toMatchObject({ cwnd: 10_000, ssthresh: Infinity, segments: { inFlight: 10, sacked: 0, lost: 0, retransmitted: 0 } });
  });

  test('Nagle, and a cork', () => {
    const h = established();
    h.play(tcp`+0 ${() => h.send(100)}
               +0 > P. 1:101(100) ack 1`);
    h.send(100);
    expect(reason(h)).toBe('nagle');
    h.connection!.configure({ corked: true });
    expect(reason(h)).toBe('corked');
    h.connection!.configure({ corked: false, noDelay: true });
    expect(reason(h)).toBeNull();
  });
});

describe('what it counts', () => {
  test('time, in ms: the round trip of the handshake is 20, so RTTVAR is half of it (RFC 6298)', () => {
    const h = established();
    expect(infoOf(h)).toMatchObject({ srttMs: 20, rttvarMs: 10, minRttMs: 20, rtoMs: 220 });
    h.play(tcp`+0 < . 1:1(0) ack 1 win 65535`);
    h.advanceTo(h.now + 70);
    expect(infoOf(h).sinceReceivedMs).toBe(70);
  });

  test('what SACK says has arrived, what is lost, and what was sent again', () => {
    const h = established({ syn: 'mss 1000,sackOK' });
    h.play(tcp`
      +0    ${() => h.send(6000)}
      ${burst(1, 5001)}
      +0    > P. 5001:6001(1000) ack 1
      +20ms < .  1:1(0) ack 1 win 65535 <sack 1001:2001>
      +0    < .  1:1(0) ack 1 win 65535 <sack 1001:3001>
    `);
    expect(infoOf(h)).toMatchObject({ flightSize: 6000, sacked: 2000, bytesRetransmitted: 0, segments: { inFlight: 6, sacked: 2 } });
    h.play(tcp`
      +0    < .  1:1(0) ack 1 win 65535 <sack 1001:4001>
      +0    > .  1:1001(1000) ack 1
    `);
    expect(infoOf(h)).toMatchObject({
      recovery: 'recovery', sacked: 3000, lost: 0, bytesSent: 7000, bytesRetransmitted: 1000, retransmits: 1,
      segments: { inFlight: 6, sacked: 3, lost: 0, retransmitted: 1 },
    });
    h.play(tcp`+20ms < . 1:1(0) ack 6001 win 65535`);
    expect(infoOf(h)).toMatchObject({ recovery: 'open', bytesAcked: 6000, flightSize: 0, sacked: 0, segments: { inFlight: 0, retransmitted: 0 } });
  });

  test('what was sent again is under way until SACK says that it has arrived', () => {
    const h = established({ syn: 'mss 1000,sackOK' });
    h.play(tcp`
      +0    ${() => h.send(6000)}
      ${burst(1, 5001)}
      +0    > P. 5001:6001(1000) ack 1
      +20ms < .  1:1(0) ack 1 win 65535 <sack 1001:2001 3001:6001>
      +0    > .  1:1001(1000) ack 1
      +0    > .  2001:3001(1000) ack 1
    `);
    expect(infoOf(h).segments).toEqual({ inFlight: 6, sacked: 4, lost: 0, retransmitted: 2 });
    // RFC 8985 §6.2 step 5: what was sent before what has arrived is lost again.
    h.play(tcp`
      +20ms < .  1:1(0) ack 1 win 65535 <sack 1001:6001>
      +0    > .  1:1001(1000) ack 1
    `);
    expect(infoOf(h)).toMatchObject({ sacked: 5000, segments: { inFlight: 6, sacked: 5, lost: 0, retransmitted: 1 } });
  });

  test('what came, and what waits for the application', () => {
    const h = established();
    h.play(tcp`+0 < . 1:1001(1000) ack 1 win 65535`);
    expect(infoOf(h)).toMatchObject({ bytesReceived: 1000, readable: 1000, state: 'ESTABLISHED' });
    h.receive();
    expect(infoOf(h)).toMatchObject({ bytesReceived: 1000, readable: 0 });
  });
});
