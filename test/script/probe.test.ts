// The events of a connection, as tools see them: each kind from a script in which it must happen.

import { describe, expect, test } from 'vitest';

import { eventJson, eventText } from '../../src/testing/event-text.js';
import { ScriptHost, tcp } from '../../src/testing/script.js';
import { EventRing, type TcpEvent, type TcpEvents } from '../../src/tcp/probe.js';
import { burst, established, type EstablishedOptions } from '../fixtures/established.js';

/** A connection that stands, and is looked at. */
function watched(options: EstablishedOptions = {}): [ScriptHost, TcpEvents] {
  const h = established(options);
  const ring = new EventRing(1000);
  ring.watch(h.connection!, h.now);
  return [h, ring];
}

const ofKind = <K extends TcpEvent['kind']>(events: readonly TcpEvent[], kind: K): Extract<TcpEvent, { kind: K }>[] =>
  events.filter((e): e is Extract<TcpEvent, { kind: K }> => e.kind === kind);

const SENT_AGAIN = (events: readonly TcpEvent[]): string[] =>
  ofKind(events, 'sent').filter(({ why }) => why !== 'new').map(({ why, offset, bytes }) => `${why} ${offset}+${bytes}`);

describe('a connection', () => {
  test('tells of what it sends and what is acknowledged, with its windows', () => {
    const [h, ring] = watched();
    h.play(tcp`
      +0    ${() => h.send(1500)}
      +0    > .  1:1001(1000)    ack 1
      +0    > P. 1001:1501(500)  ack 1
      +20ms < .  1:1(0)          ack 1501
    `);
    const events = ring.read();
    expect(events[0]).toMatchObject({ kind: 'open', at: 20, connection: 1, localPort: 80, remotePort: 40_000, state: 'ESTABLISHED' });
    expect(ofKind(events, 'sent')).toMatchObject([
      // One superpacket.
      { at: 20, offset: 0, bytes: 1500, segments: 2, why: 'new', cwnd: 10_000, inFlight: 1500 },
    ]);
    expect(ofKind(events, 'acked')).toMatchObject([
      { at: 40, offset: 1500, bytes: 1500, cwnd: h.connection!.congestion.cwnd, ssthresh: Infinity, srttMs: 20, inFlight: 0, pacingRate: Infinity },
    ]);
    // Read once.
    expect(ring.read()).toEqual([]);
  });

  test('tells of its states, step by step', () => {
    const h = new ScriptHost();
    const ring = h.stack.tcp.probe();
    h.listen().play(tcp`
      +0    < S   0:0(0)       win 65535 <mss 1000>
      +0    > S.  0:0(0) ack 1
      +20ms < F.  1:1(0) ack 1 win 65535
      +0    > .   1:1(0) ack 2
      +0    ${(c) => c.shutdown()}
      +0    > F.  1:1(0) ack 2
      +20ms < .   2:2(0) ack 2 win 65535
    `);
    expect(ofKind(ring.read(), 'state').map(({ from, to }) => `${from} ${to}`)).toEqual([
      'CLOSED SYN-RECEIVED', 'SYN-RECEIVED ESTABLISHED', 'ESTABLISHED CLOSE-WAIT', 'CLOSE-WAIT LAST-ACK', 'LAST-ACK CLOSED',
    ]);
  });

  test('tells of a loss that duplicates tell of, its repair, and the end of it', () => {
    const [h, ring] = watched();
    h.play(tcp`
      +0    ${() => h.send(5000)}
      ${burst(1, 4001)}
      +0    > P. 4001:5001(1000) ack 1
      +20ms < .  1:1(0) ack 1
      +0    < .  1:1(0) ack 1
      +0    < .  1:1(0) ack 1
      +0    > .  1:1001(1000) ack 1
      +20ms < .  1:1(0) ack 5001
    `);
    const events = ring.read();
    expect(SENT_AGAIN(events)).toEqual(['fast 0+1000']);
    expect(ofKind(events, 'lost')).toMatchObject([{ bytes: 1000, total: 1000 }]);
    expect(ofKind(events, 'recovery').map(({ from, to }) => `${from} ${to}`)).toEqual(['open recovery', 'recovery open']);
    // In the order of their causes.
    const kinds = events.map(({ kind }) => kind);
    expect(kinds.indexOf('lost')).toBeLessThan(kinds.indexOf('recovery'));
  });

  test('tells of RACK, of a probe of the tail, and of the timer', () => {
    const [h, ring] = watched({ syn: 'mss 1000,sackOK' });
    h.play(tcp`
      +0    ${() => h.send(3000)}
      ${burst(1, 2001)}
      +0    > P. 2001:3001(1000) ack 1
    `);
    h.advanceTo(h.now + 2000);
    const events = ring.read();
    expect(SENT_AGAIN(events).slice(0, 2)).toEqual(['tlp 2000+1000', 'rto 0+1000']);
    expect(ofKind(events, 'timeout').map(({ times }) => times)).toEqual(ofKind(events, 'timeout').map((_, i) => i + 1));
    expect(ofKind(events, 'recovery')[0]).toMatchObject({ from: 'open', to: 'loss' });
    const [other, its] = watched({ syn: 'mss 1000,sackOK' });
    other.play(tcp`
      +0    ${() => other.send(5000)}
      ${burst(1, 4001)}
      +0    > P. 4001:5001(1000) ack 1
      +20ms < .  1:1(0) ack 1 <sack 1001:4001>
      +0    > .  1:1001(1000) ack 1
    `);
    expect(SENT_AGAIN(its.read())).toEqual(['rack 0+1000']);
  });

  test('tells of a shut window, and why it does not send', () => {
    const [h, ring] = watched();
    h.play(tcp`
      +0    < . 1:1(0) ack 1 win 0
      +0    ${() => h.send(500)}
      +0    < . 1:1(0) ack 1 win 1000
      +0    > P. 1:501(500) ack 1
    `);
    const events = ring.read();
    expect(ofKind(events, 'window').map(({ bytes }) => bytes)).toEqual([0, 1000]);
    expect(ofKind(events, 'held').map(({ why }) => why)).toEqual(['app-limited', 'rwnd-limited', 'app-limited']);
  });
});

describe('a ring', () => {
  test('keeps the latest, and counts what it lost', () => {
    const ring = new EventRing(3);
    for (let i = 1; i <= 5; i++) ring.put(i, 1, 8, i);
    expect(ring.read().map(({ at }) => at)).toEqual([3, 4, 5]);
    expect(ring.dropped).toBe(2);
    ring.put(6, 1, 8, 0);
    expect(ring.read()).toEqual([{ at: 6, connection: 1, kind: 'window', bytes: 0 }]);
  });

  test('numbers connections, those that are and those to come', () => {
    const h = established();
    const ring = h.stack.tcp.probe();
    h.peerPort = 40_001;
    h.play(tcp`
      +0    < S  0:0(0)       win 65535 <mss 1000>
      +0    > S. 0:0(0) ack 1
      +20ms < .  1:1(0) ack 1 win 65535
    `);
    expect(ofKind(ring.read(), 'open').map(({ connection, remotePort }) => [connection, remotePort])).toEqual([[1, 40_000], [2, 40_001]]);
  });
});

test('an event is a line of text, and of JSON', () => {
  const [h, ring] = watched();
  h.play(tcp`
    +0    ${() => h.send(500)}
    +0    > P. 1:501(500) ack 1
    +20ms < .  1:1(0)     ack 501
  `);
  const events = ring.read();
  expect(events.map(eventText)).toEqual([
    '20.000 #1 port 80 to 40000, ESTABLISHED',
    '20.000 #1 sent 0:500: cwnd 10000, in flight 500',
    '20.000 #1 held: app-limited',
    expect.stringMatching(/^40\.000 #1 acked 500 \(\+500\): cwnd \d+, ssthresh -, srtt 20\.0, in flight 0$/),
  ]);
  expect(JSON.parse(eventJson(events[1]!))).toEqual(events[1]);
  expect(JSON.parse(eventJson(events[3]!))).toMatchObject({ kind: 'acked', ssthresh: null });
});
