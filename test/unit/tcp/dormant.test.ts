// A connection that was idle for long is a row of numbers. The oracle is the connection as it was before: it comes back with
// every field as it left; and the peer, who must not notice, is a script.

import { describe, expect, test } from 'vitest';

import type { Connection } from '../../../src/tcp/connection.js';
import { type ScriptHost, tcp } from '../../../src/testing/script.js';
import { established, type EstablishedOptions } from '../../fixtures/established.js';

/** The host's owner can do without; where its connection is meanwhile, or -1. */
function letSleep(h: ScriptHost): { readonly row: number } {
  const place = { row: -1 };
  const { onTcpEvent } = h.connection!.owner!;
  h.connection!.owner = {
    onTcpEvent,
    onTcpDormant: (row) => { place.row = row; },
    onTcpAwake: (c) => {
      place.row = -1;
      h.connection = c;
    },
  };
  h.connection!.letSleep();
  return place;
}

/** Time goes by; what is sent meanwhile is not the question. */
function pass(h: ScriptHost, ms: number): void {
  h.play([], 'ignored');
  h.advanceTo(h.now + ms);
  h.play([], 'ignored');
}

const wake = (h: ScriptHost, { row }: { readonly row: number }): Connection => h.stack.tcp.dormant.wake(row);

/** We have said 2000 bytes and heard 1000, which were read. */
function exchanged(options: EstablishedOptions = {}): ScriptHost {
  const h = established(options);
  h.play(tcp`
    +0     ${() => h.send(2000)}
    +0     > .  1:1001(1000)    ack 1
    +0     > P. 1001:2001(1000) ack 1
    +20ms  < .  1:1001(1000)    ack 2001 win 30000
    +0     ${() => h.receive()}
    +40ms  > .  2001:2001(0)    ack 1001
  `);
  h.news();
  return h;
}

/** All that a connection knows, but for what is found again: the way to the network, the neighbours in its table, timers. */
function knowledge(c: Connection): Record<string, unknown> {
  const known: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(c)) if (typeof value !== 'object') known[name] = value;
  for (const part of ['snd', 'rcv', 'ts', 'rto', 'sendQueue', 'ecn'] as const) {
    for (const [name, value] of Object.entries(c[part])) if (typeof value !== 'object') known[`${part}.${name}`] = value as unknown;
  }
  const { hopLimit, trafficClass, dontFragment, flowLabel, protocol, src, dst } = c.flow;
  const shared = [c.scoreboard, c.recovery, c.rate, c.receiveQueue, c.settings, c.owner, c.listener, c.error];
  return { ...known, hopLimit, trafficClass, dontFragment, flowLabel, protocol, src: String(src), dst: String(dst), zone: dst.zone, shared };
}

describe('a connection that is dormant', () => {
  test.each<[string, EstablishedOptions]>([
    ['as they come', {}],
    ['with window scaling, SACK and timestamps', { syn: 'mss 1000,sackOK,TS val 1 ecr 0,wscale 7', ack: 'TS val 2 ecr 0' }],
    ['over IPv6', { family: 6 }],
    ['with settings of its own', { listen: { noDelay: true, sendBuffer: 50_000, receiveBuffer: 70_000, hopLimit: 9, trafficClass: 0x20 } }],
  ])('remembers all it knew: %s', (_, options) => {
    const h = established(options);
    const stamps = options.ack === undefined ? '' : 'TS val 3 ecr 4294967295';
    h.play(tcp`+0 ${() => h.send(2000)}`, 'ignored');
    pass(h, 20);
    h.play(tcp`+0 < . 1:1001(1000) ack 2001 win 300 <${stamps}>`, 'ignored');
    h.play(tcp`+0 < . 1001:1101(100) ack 2001 win 400 <${stamps}>`, 'ignored');
    h.receive();
    // What does not happen in so short a story.
    Object.assign(h.connection!, {
      retransmits: 7, bytesRetransmitted: 2 ** 40 + 1, timeouts: 3, undos: 2, challenges: 4, challengeWindowAt: 12_345_678_901, retries: 5, probes: 6,
    });
    Object.assign(h.connection!.rto, { samplesPerRtt: 3, backOffs: 2 });
    const place = letSleep(h);
    pass(h, 1900);
    const before = h.connection!;
    expect(place.row).toBe(-1);
    const known = knowledge(before);
    pass(h, 1000);
    expect(place.row).toBeGreaterThanOrEqual(0);
    const after = wake(h, place);
    expect(after).not.toBe(before);
    expect(knowledge(after)).toEqual(known);
  });

  test('is none of its stack’s objects, and counts as a connection', () => {
    const h = exchanged();
    const { tcp: here, limits } = h.stack;
    const place = letSleep(h);
    const used = (): number => limits.all().find(({ name }) => name === 'tcp.connections')!.used();
    expect([here.connections.size, here.dormant.size, used()]).toEqual([1, 0, 1]);
    h.advanceTo(5000);
    expect([here.connections.size, here.dormant.size, used(), h.stack.armed]).toEqual([0, 1, 1, 0]);
    expect(here.hasConnections(h.ourPort)).toBe(true);
    expect(here.bind(h.ours, h.ourPort, false, false)).toBe('EADDRINUSE');
    wake(h, place);
    expect([here.connections.size, here.dormant.size, used()]).toEqual([1, 0, 1]);
  });

  test('keeps its tuple, and to be asked for it wakes nobody', () => {
    const h = exchanged();
    const place = letSleep(h);
    pass(h, 10_000);
    h.listener!.close();
    const again = { address: h.peers, port: h.peerPort, localPort: h.ourPort };
    expect(() => h.stack.tcp.connect(again)).toThrow(expect.objectContaining({ code: 'EADDRINUSE' }));
    expect(place.row).toBeGreaterThanOrEqual(0);
  });

  test('goes on where it was, when the peer speaks', () => {
    const h = exchanged();
    const place = letSleep(h);
    h.play(tcp`
      +10s   < P. 1001:1501(500)  ack 2001 win 30000
      +40ms  > .  2001:2001(0)    ack 1501
      +0     ${() => expect([place.row, h.receive(), h.news()]).toEqual([-1, 500, 'readable'])}
      +0     ${() => h.send(700)}
      +0     > P. 2001:2701(700)  ack 1501
      +20ms  < .  1501:1501(0)    ack 2701 win 30000
    `);
    expect([h.connection!.bytesReceived, h.connection!.bytesSent]).toEqual([1500, 2700]);
  });

  test('goes on where it was, when its owner speaks: with a new window, for it was idle (RFC 5681 §4.1)', () => {
    const h = exchanged({ listen: { congestion: 'cubic' } });
    const place = letSleep(h);
    h.play(tcp`
      +10s   ${() => {
        wake(h, place);
        h.send(20_000);
      }}
      ${Array.from({ length: 10 }, (_, i) => `+0 > . ${i * 1000 + 2001}:${i * 1000 + 3001}(1000) ack 1001`).join('\n')}
      // The round trip is remembered, too: 220 ms, and not a second.
      +220ms > .  2001:3001(1000) ack 1001
    `);
  });

  test('sleeps again, and again', () => {
    const h = exchanged();
    const place = letSleep(h);
    for (const at of [1001, 1002, 1003]) {
      h.play(tcp`
        +10s  ${() => expect(place.row).toBeGreaterThanOrEqual(0)}
        +0    < .  ${at}:${at + 1}(1)  ack 2001 win 30000
        +0    ${() => h.receive()}
        +40ms > .  2001:2001(0)        ack ${at + 1}
        +1s   ${() => expect(place.row).toBe(-1)}
      `);
    }
    // Nor does it stay awake for who only asked.
    pass(h, 10_000);
    wake(h, place);
    expect(place.row).toBe(-1);
    pass(h, 10_000);
    expect(place.row).toBeGreaterThanOrEqual(0);
  });

  test('hears of its end: a RST, a FIN', () => {
    for (const [flags, news] of [['R.', 'closed error'], ['F.', 'end']] as const) {
      const h = exchanged();
      letSleep(h);
      h.play(tcp`+10s < ${flags} 1001:1001(0) ack 2001 win 30000`, 'ignored');
      expect(h.news()).toBe(news);
    }
  });

  test('takes a blind RST for what it is (RFC 5961 §3)', () => {
    const h = exchanged();
    letSleep(h);
    h.play(tcp`
      +10s < R  1101:1101(0) win 0
      +0   > .  2001:2001(0) ack 1001
    `);
    expect(h.news()).toBe('');
  });
});

describe('a connection stays awake', () => {
  test('while its owner needs it', () => {
    const h = exchanged();
    h.connection!.letSleep();
    pass(h, 60_000);
    expect(h.stack.tcp.dormant.size).toBe(0);
  });

  test.each<[string, (h: ScriptHost) => void]>([
    ['while text waits to be read', (h) => h.play(tcp`+0 < . 1001:1101(100) ack 2001 win 30000`, 'ignored')],
    ['while text is out of order', (h) => h.play(tcp`+0 < . 1101:1201(100) ack 2001 win 30000`, 'ignored')],
    ['while text is not acknowledged', (h) => h.play(tcp`+0 ${() => h.send(10)}`, 'ignored')],
    ['while the peer’s window is shut', (h) => {
      h.play(tcp`+0 < . 1001:1001(0) ack 2001 win 0`);
      h.play(tcp`+0 ${() => h.send(10)}`, 'ignored');
    }],
    ['with keep-alives', (h) => h.connection!.configure({ keepAlive: true })],
    ['when the peer has ended', (h) => h.play(tcp`+0 < F. 1001:1001(0) ack 2001 win 30000`, 'ignored')],
    ['when we have', (h) => h.play(tcp`+0 ${() => h.connection!.shutdown()}`, 'ignored')],
    ['while somebody looks at what happens to it', (h) => void h.stack.tcp.probe()],
    ['while its owner waits for room', (h) => h.connection!.awaitSpace()],
  ])('%s', (_, meanwhile) => {
    const h = exchanged();
    const place = letSleep(h);
    meanwhile(h);
    pass(h, 10_000);
    expect([place.row, h.stack.tcp.connections.size]).toEqual([-1, 1]);
  });

  test('while it is not idle: a second is not long', () => {
    const h = exchanged();
    const place = letSleep(h);
    for (let i = 0; i < 10; i++) {
      pass(h, 1000);
      expect(place.row).toBe(-1);
      h.play(tcp`+0 < . ${1001 + i}:${1002 + i}(1) ack 2001 win 30000`, 'ignored');
      h.receive();
    }
  });
});
