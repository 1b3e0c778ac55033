// A passive open under a flood: small rows up to a limit, then cookies, and who is honest gets through.
// RFC 4987 §3; SEC-53.

import { describe, expect, test } from 'vitest';

import { parseAddress } from '../../src/address.js';
import { i32 } from '../../src/bytes.js';
import { PEER_PORT, ScriptHost, tcp } from '../../src/testing/script.js';
import { NEVER } from '../../src/time.js';

type Cookies = 'when full' | 'always' | 'never';

/** Nobody accepts before the test does. */
function server(halfOpen: number, synCookies: Cookies, family: 4 | 6 = 4): ScriptHost {
  const h = new ScriptHost({ family, stack: { tcp: { halfOpen, synCookies } } }).listen();
  h.listener!.owner = null;
  return h;
}

/** From now on our first sequence number is the last SYN+ACK's. */
function adopt(h: ScriptHost): void {
  const at = h.peers.family === 4 ? 20 : 40;
  Object.assign(h, { iss: i32(h.lastPacket, at + 4) >>> 0 });
  h['sent'].length = 0;
}

/** A SYN whose answer has a number that nobody foretells. */
function syn(h: ScriptHost, options: string): void {
  const [step] = tcp`+0 < S 0:0(0) win 65535 <${options}>`;
  if (step!.kind !== 'arrives') return;
  h['arrive'](h['segment'](step!.said), true);
  h['settle']();
  adopt(h);
}

describe('SYN cookies', () => {
  test.each([4, 6] as const)('make a connection of the ACK alone, over IPv%i', (family) => {
    const h = server(1, 'always', family);
    syn(h, 'mss 1300');
    expect(h.listener!.halfOpenCount + h.stack.tcp.connections.size).toBe(0);
    expect(h.stack.nextTimeout()).toBe(NEVER);
    h.play(tcp`+5s < . 1:1(0) ack 1 win 4000`);
    const c = h.connection = h.listener!.accept()!;
    expect([c.state, c.snd.wnd, c.snd.smss, c.sackPermitted, c.windowScaling, c.ts.on]).toEqual(['ESTABLISHED', 4000, 1300, false, false, false]);
    expect(h.stack.counters).toMatchObject({ synCookiesSent: 1, synCookiesAccepted: 1, synCookiesFailed: 0 });
    h.play(tcp`
      +0     ${() => h.send(1400)}
      +0     > .  1:1301(1300) ack 1
      +0     > P. 1301:1401(100) ack 1
    `);
  });

  // RFC 7323 §1.3, RFC 2018 §2: without timestamps there is nowhere to remember the other options, so they are not answered.
  test('are answered without what cannot be remembered', () => {
    const h = server(1, 'always');
    const at = 20;
    syn(h, 'mss 1460,sackOK,wscale 7');
    expect(h.lastPacket.length).toBe(at + 20 + 4);
  });

  test('carry window scale and SACK in the timestamp; no round trip is read from it', () => {
    const h = server(1, 'always');
    h.advanceTo(50);
    syn(h, 'mss 1460,sackOK,TS val 9 ecr 0,wscale 3');
    const stamp = i32(h.lastPacket, 20 + 20 + 8);
    h.play(tcp`+300ms < . 1:1(0) ack 1 win 1000 <raw 0101080a00000014${(stamp >>> 0).toString(16).padStart(8, '0')}>`);
    const c = h.listener!.accept()!;
    expect([c.state, c.snd.shift, c.windowScaling, c.sackPermitted, c.ts.on, c.ts.recent]).toEqual(['ESTABLISHED', 3, true, true, true, 20]);
    expect(c.rto.minRttMs).toBe(Infinity);
    // What we say next is not older than what we said.
    expect((c.ts.val(h.now) - stamp) | 0).toBeGreaterThanOrEqual(0);
    expect((c.ts.val(h.now) - stamp) | 0).toBeLessThan(300 + 64 + 1);
  });

  test('text and FIN on the ACK are the connection\'s', () => {
    const h = server(1, 'always');
    syn(h, 'mss 1300');
    h.play(tcp`
      +10ms  < FP. 1:101(100) ack 1 win 4000
      +0     > .   1:1(0) ack 102
    `);
    h.connection = h.listener!.accept()!;
    expect(h.connection.state).toBe('CLOSE-WAIT');
    expect(h.receive()).toBe(100);
  });

  test('that are wrong are answered with a RST, as any ACK to a listener, and counted', () => {
    const h = server(1, 'always');
    syn(h, 'mss 1300');
    h.play(tcp`
      +10ms  < .  1:1(0) ack 77777 win 4000
      +0     > R  77777:77777(0)
      +10ms  < .  2:2(0) ack 1 win 4000
      +0     > R  1:1(0)
    `);
    expect(h.stack.counters).toMatchObject({ synCookiesAccepted: 0, synCookiesFailed: 2 });
    expect(h.stack.tcp.connections.size).toBe(0);
  });

  test('are not looked for when none was sent in the last two slots', () => {
    const h = server(10, 'when full');
    h.play(tcp`
      +10ms  < .  1:1(0) ack 77 win 4000
      +0     > R  77:77(0)
    `);
    expect(h.stack.counters.synCookiesFailed).toBe(0);
    const late = server(1, 'always');
    syn(late, 'mss 1300');
    late.play(tcp`
      +128s  < .  1:1(0) ack 1 win 4000
      +0     > R  1:1(0)
    `);
    expect(late.stack.counters).toMatchObject({ synCookiesFailed: 0, synCookiesAccepted: 0 });
  });

  test('are not sent where the accept queue is full, nor taken', () => {
    const h = new ScriptHost({ stack: { tcp: { synCookies: 'always' } } }).listen({ backlog: 1 });
    h.listener!.owner = null;
    syn(h, 'mss 1300');
    const first = h['iss'];
    h.peerPort++;
    syn(h, 'mss 1300');
    h.play(tcp`+0 < . 1:1(0) ack 1 win 4000`);
    Object.assign(h, { iss: first });
    h.peerPort--;
    h.play(tcp`
      +0 < . 1:1(0) ack 1 win 4000
      +0 < S 0:0(0) win 4000
    `);
    expect(h.stack.counters.dropped()).toEqual({ 'tcp-accept-overflow': 1, 'tcp-listen-overflow': 1 });
    h.listener!.accept();
    h.play(tcp`+0 < P. 1:2(1) ack 1 win 4000`);
    expect(h.listener!.accept()?.state).toBe('ESTABLISHED');
  });

  test('never, when told so: beyond the limit SYNs are dropped', () => {
    const h = server(1, 'never').play(tcp`
      +0     < S  0:0(0) win 65535
      +0     > S. 0:0(0) ack 1
    `);
    h.peerPort++;
    h.play(tcp`+0 < S 0:0(0) win 65535`);
    expect(h.stack.counters.dropped()).toEqual({ 'tcp-listen-overflow': 1 });
    expect(h.stack.counters.synCookiesSent).toBe(0);
  });

  // RFC 6191, RFC 9293 MAY-2: the new number must lie beyond the old connection's, and a cookie's cannot be chosen.
  test('are not sent in place of a connection in TIME-WAIT, which stays until its SYN finds room', () => {
    const h = new ScriptHost({ stack: { tcp: { halfOpen: 1 } } }).listen();
    h.play(tcp`
      +0     < S  0:0(0)         win 65535
      +0     > S. 0:0(0) ack 1
      +0     < .  1:1(0) ack 1   win 65535
      +0     ${(c) => c.shutdown()}
      +0     > F. 1:1(0) ack 1
      +0     < F. 1:1(0) ack 2   win 65535
      +0     > .  2:2(0) ack 2
    `);
    h.peerPort++;
    h.play(tcp`
      +0     < S  0:0(0)         win 65535
      +0     > S. 0:0(0) ack 1
    `);
    h.peerPort--;
    h.play(tcp`+0 < S 1000:1000(0) win 65535`);
    expect(h.stack.counters.drops['tcp-listen-overflow']).toBe(1);
    expect([h.stack.tcp.timeWait.size, h.stack.counters.synCookiesSent]).toEqual([1, 0]);
    h.peerPort++;
    h.play(tcp`+0 < R 1:1(0) win 0`);
    h.peerPort--;
    h.play(tcp`
      +0     < S  1000:1000(0)   win 65535
      +0     > S. 65538:65538(0) ack 1001
    `);
    expect(h.stack.tcp.timeWait.size).toBe(0);
  });
});

// SEC-53: bounded memory, no connection for nobody, and service for those who answer.
test('a hundred thousand SYNs of clients who never answer cost so many rows and no more, and an honest one gets through', () => {
  const limit = 256;
  const h = server(limit, 'when full');
  const honest = h.peers;
  const [step] = tcp`+0 < S 0:0(0) win 65535 <mss 1460,sackOK,TS val 1 ecr 0,wscale 7>`;
  if (step!.kind !== 'arrives') throw new Error('a SYN');
  let most = 0;
  for (let i = 0; i < 100_000; i++) {
    Object.assign(h, { peers: parseAddress(`192.0.2.${3 + (i % 250)}`)! });
    h.peerPort = 1024 + Math.floor(i / 250);
    h['arrive'](h['segment'](step!.said), true);
    h.stack.poll(h.now);
    h['sent'].length = 0;
    most = Math.max(most, h.listener!.halfOpenCount);
    if (i % 1000 === 0) h.now += 1;
  }
  const { tcp: t, counters } = h.stack;
  expect(most).toBe(limit);
  expect([t.halfOpens.size, t.connections.size, counters.synCookiesSent]).toEqual([limit, 0, 100_000 - limit]);
  expect(t.halfOpens['cache']['rows'].allocated).toBe(limit);
  expect(counters.dropped()).toEqual({});
  t.halfOpens.check();

  Object.assign(h, { peers: honest });
  h.peerPort = PEER_PORT;
  syn(h, 'mss 1000');
  h.play(tcp`
    +20ms  < P. 1:101(100) ack 1 win 65535
    +40ms  > .  1:1(0) ack 101
  `);
  h.connection = h.listener!.accept()!;
  expect(h.receive()).toBe(100);
  expect(counters.synCookiesAccepted).toBe(1);

  // Who never answers is forgotten after 63 s, and nothing is armed any more.
  h.connection.abort();
  h.connection = null;
  h.transmit = (packet) => {
    packet.release();
    return true;
  };
  h.advanceTo(h.now + 64_000);
  expect([t.halfOpens.size, h.listener!.halfOpenCount, h.stack.nextTimeout()]).toEqual([0, 0, NEVER]);
}, 60_000);
