// A passive open and its two queues: the half open, and those that wait to be accepted.
// RFC 9293 §3.9.1.1, §3.10.7.2; RFC 4987.

import { describe, expect, test } from 'vitest';

import { address } from '../../src/address.js';
import { IpHeader } from '../../src/ip/header.js';
import { packetOf } from '../../src/packet.js';
import { OUR_PORT, PEER_PORT, ScriptHost, tcp } from '../../src/testing/script.js';
import * as Seq from '../../src/tcp/seq.js';
import { NEVER } from '../../src/time.js';
import { established } from '../fixtures/established.js';
import { TwoStacks } from '../fixtures/two-stacks.js';

/** Another client, `n`, opens as far as it can. */
function client(h: ScriptHost, n: number, how: 'half' | 'whole'): void {
  h.peerPort = PEER_PORT + n;
  h.play(tcp`
    +0     < S  0:0(0)         win 65535 <mss 1000>
    +0     > S. 0:0(0) ack 1
  `);
  if (how === 'whole') h.play(tcp`+0 < . 1:1(0) ack 1 win 65535`);
}

/** Nobody accepts. */
function lazy(options: Parameters<ScriptHost['listen']>[0] = {}, settings: ConstructorParameters<typeof ScriptHost>[0] = {}): ScriptHost {
  const h = new ScriptHost(settings).listen(options);
  h.listener!.owner = null;
  return h;
}

describe('accepting', () => {
  test('connections are handed out in the order in which they were established', () => {
    const h = lazy();
    client(h, 1, 'half');
    client(h, 2, 'whole');
    client(h, 3, 'whole');
    h.peerPort = PEER_PORT + 1;
    h.play(tcp`+0 < . 1:1(0) ack 1 win 65535`);
    const ports = [1, 2, 3, 4].map(() => h.listener!.accept()?.remotePort);
    expect(ports).toEqual([PEER_PORT + 2, PEER_PORT + 3, PEER_PORT + 1, undefined]);
  });

  test('the owner is told once for a batch of them', () => {
    const h = lazy();
    let told = 0;
    h.listener!.owner = { onTcpAccept: () => { told++; } };
    client(h, 1, 'half');
    client(h, 2, 'half');
    h.peerPort = PEER_PORT + 1;
    h.play(tcp`+0 <+ . 1:1(0) ack 1 win 65535
      +0 ${() => { h.peerPort = PEER_PORT + 2; }}
      +0 < . 1:1(0) ack 1 win 65535`);
    expect(told).toBe(1);
    expect(h.listener!.waitingCount).toBe(2);
  });

  test('text that arrives before is kept', () => {
    const h = lazy();
    client(h, 1, 'whole');
    h.play(tcp`
      +0     < P. 1:101(100)      ack 1 win 65535
      +40ms  > .  1:1(0)          ack 101
      +1s    ${() => { h.connection = h.listener!.accept(); }}
    `);
    expect(h.receive()).toBe(100);
  });

  test('one that has ended before is handed out all the same, and says why', () => {
    const h = lazy();
    client(h, 1, 'whole');
    h.play(tcp`+0 < R. 1:1(0) ack 1 win 0`);
    const c = h.listener!.accept()!;
    expect(c.state).toBe('CLOSED');
    expect(c.error?.code).toBe('ECONNRESET');
  });
});

describe('limits', () => {
  // SEC-53: as if the SYN was lost; the client will ask again.
  test('with the accept queue full a SYN is not heard', () => {
    const h = lazy({ backlog: 2 });
    client(h, 1, 'whole');
    client(h, 2, 'whole');
    h.peerPort = PEER_PORT + 3;
    h.play(tcp`+0 < S 0:0(0) win 65535 <mss 1000>`);
    expect(h.stack.counters.drops['tcp-listen-overflow']).toBe(1);
    h.listener!.accept();
    client(h, 3, 'whole');
  });

  // As if the ACK was lost: the SYN+ACK is repeated, and its answer finds room.
  test('with the accept queue full a handshake is not done', () => {
    const h = lazy({ backlog: 1 });
    client(h, 1, 'half');
    client(h, 2, 'whole');
    h.peerPort = PEER_PORT + 1;
    h.play(tcp`+10ms < . 1:1(0) ack 1 win 65535`);
    expect(h.stack.counters.drops['tcp-accept-overflow']).toBe(1);
    expect(h.listener!.halfOpenCount).toBe(1);
    h.listener!.accept();
    h.play(tcp`
      +990ms > S. 0:0(0) ack 1
      +10ms  < .  1:1(0) ack 1 win 65535
    `);
    expect(h.listener!.accept()?.state).toBe('ESTABLISHED');
  });

  // SEC-53, RFC 4987.
  test('no more than so many are half open, and one that ends makes room', () => {
    const h = lazy({}, { stack: { tcp: { halfOpen: 2, synCookies: 'never' } } });
    client(h, 1, 'half');
    client(h, 2, 'half');
    h.peerPort = PEER_PORT + 3;
    h.play(tcp`+0 < S 0:0(0) win 65535 <mss 1000>`);
    expect(h.listener!.halfOpenCount).toBe(2);
    expect(h.stack.limits.all().find((l) => l.name === 'tcp.half-open')!.used()).toBe(2);
    h.peerPort = PEER_PORT + 1;
    h.play(tcp`+0 < R 1:1(0) win 0`);
    client(h, 3, 'half');
    expect(h.stack.counters.dropped()).toEqual({ 'tcp-listen-overflow': 1 });
  });

  test('no more than so many connections exist: a SYN is not heard, and who is half open waits', () => {
    const h = lazy({}, { stack: { tcp: { connections: 1 } } });
    client(h, 1, 'half');
    client(h, 2, 'whole');
    h.peerPort = PEER_PORT + 3;
    h.play(tcp`+0 < S 0:0(0) win 65535 <mss 1000>`);
    h.peerPort = PEER_PORT + 1;
    h.play(tcp`+0 < . 1:1(0) ack 1 win 65535`);
    expect(h.stack.counters.dropped()).toEqual({ 'tcp-too-many-connections': 2 });
    expect(() => h.connect()).toThrow('ENOBUFS');
    expect(h.listener!.halfOpenCount).toBe(1);
    h.listener!.accept()!.end(null);
    h.play(tcp`
      +1s    > S. 0:0(0) ack 1
      +0     < .  1:1(0) ack 1 win 65535
    `);
    expect(h.listener!.accept()?.state).toBe('ESTABLISHED');
  });

  test('a backlog of nothing still lets one wait', () => {
    const h = lazy({ backlog: 0 });
    client(h, 1, 'whole');
    expect(h.listener!.waitingCount).toBe(1);
  });
});

describe('closing the listener', () => {
  test('resets who waits; who was accepted lives on', () => {
    const h = established();
    h.listener!.owner = null;
    client(h, 1, 'whole');
    h.listener!.close();
    h.play(tcp`
      +0     > R. 1:1(0) ack 1
    `);
    expect([...h.stack.tcp.connections].map((c) => c.remotePort)).toEqual([PEER_PORT]);
    h.peerPort = PEER_PORT;
    h.play(tcp`
      +0     < P. 1:101(100)      ack 1 win 65535
      +40ms  > .  1:1(0)          ack 101
    `);
  });

  test('leaves a port that answers with a RST', () => {
    const h = lazy();
    h.listener!.close();
    h.play(tcp`
      +0     < S  0:0(0)         win 65535
      +0     > R. ${2 ** 32 - 0xffff_fc00}:${2 ** 32 - 0xffff_fc00}(0) ack 1         // SEQ 0, in our numbers
    `);
  });

  test('frees the address for the next', () => {
    const h = lazy();
    expect(() => h.stack.tcp.listen({ port: OUR_PORT })).toThrow('EADDRINUSE');
    h.listener!.close();
    h.listener!.close();
    h.listen();
    client(h, 1, 'half');
  });
});

describe('whom a SYN is for', () => {
  // MUST-41, MUST-42.
  test('one can listen on the port of a connection in SYN-SENT, and does not disturb it', () => {
    const h = new ScriptHost().connect({ localPort: OUR_PORT });
    h.play(tcp`+0 > S 0:0(0)`);
    const c = h.connection!;
    h.listen();
    h.listener!.owner = null;
    h.play(tcp`
      +10ms  < S. 0:0(0) ack 1 win 65535
      +0     > .  1:1(0) ack 1
    `);
    expect(c.state).toBe('ESTABLISHED');
    client(h, 1, 'half');
  });

  test('the more specific listener hears it', () => {
    const h = lazy();
    const specific = h.stack.tcp.listen({ port: OUR_PORT, address: h.ours });
    client(h, 1, 'whole');
    expect([h.listener!.waitingCount, specific.waitingCount]).toEqual([0, 1]);
    specific.accept();
    specific.close();
    client(h, 2, 'whole');
    expect(h.listener!.waitingCount).toBe(1);
  });

  test('the more specific listener hears it, whichever came first: the address, then its family, then all', () => {
    const h = lazy();
    const specific = h.stack.tcp.listen({ port: OUR_PORT, address: h.ours });
    const family = h.stack.tcp.listen({ port: OUR_PORT, address: address('0.0.0.0') });
    const waiting = (): number[] => [specific, family, h.listener!].map((each) => each.waitingCount);
    client(h, 1, 'whole');
    expect(waiting()).toEqual([1, 0, 0]);
    specific.accept();
    specific.close();
    client(h, 2, 'whole');
    expect(waiting()).toEqual([0, 1, 0]);
  });

  test('the unspecified IPv6 address hears both families, unless it is told not to', () => {
    for (const family of [4, 6] as const) {
      const both = lazy({}, { family });
      client(both, 1, 'half');
      const one = lazy({ ipv6Only: true }, { family });
      if (family === 6) client(one, 1, 'half');
      else expect(() => client(one, 1, 'half')).toThrow('got  > R');
    }
    const v4 = lazy({ address: address('0.0.0.0') }, { family: 6 });
    expect(() => client(v4, 1, 'half')).toThrow('got  > R');
  });

  test('an address that is not ours cannot be listened on', () => {
    expect(() => lazy({ address: address('192.0.2.77') })).toThrow('EADDRNOTAVAIL');
  });

  test('port 0 means any that is free', () => {
    const h = new ScriptHost();
    const ports = [1, 2, 3].map(() => h.stack.tcp.listen({ port: 0 }).port);
    expect(new Set(ports).size).toBe(3);
    expect(Math.min(...ports)).toBeGreaterThan(1023);
  });

  // MUST-57, MUST-63: IP knows most of them, and drops them by itself.
  test.each([
    ['to a group', { cast: 'multicast' }, 'tcp-not-unicast'], ['to all', { cast: 'broadcast' }, 'tcp-not-unicast'],
    ['from a group', { cast: 'unicast', from: '224.0.0.9' }, 'tcp-not-unicast'],
  ] as const)('a SYN %s is nobody\'s', (_, what, reason) => {
    const h = lazy();
    const bytes = Uint8Array.from([0x9c, 0x40, 0, OUR_PORT, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 2, 255, 255, 0, 0, 0, 0]);
    const packet = packetOf(bytes);
    packet.checksum = 'verified';
    const header = Object.assign(new IpHeader(), { cast: what.cast, src: address('from' in what ? what.from : '192.0.2.2'), dst: h.ours });
    h.stack.tcp.input(packet, header, 0);
    expect(h.stack.counters.dropped()).toEqual({ [reason]: 1 });
    h.play(tcp`+1s ${() => {}}`);
  });

  // SEC-26, RFC 1122 §4.2.3.10: not even a RST.
  test.each(['multicast', 'broadcast'] as const)('a segment that was sent to a %s is not answered', (cast) => {
    const h = new ScriptHost();
    const bytes = Uint8Array.from([0x9c, 0x40, 0, OUR_PORT, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 16, 255, 255, 0, 0, 0, 0]);
    const packet = packetOf(bytes);
    packet.checksum = 'verified';
    h.stack.tcp.input(packet, Object.assign(new IpHeader(), { cast, src: h.peers, dst: h.ours }), 0);
    expect(h.stack.counters.dropped()).toEqual({ 'tcp-not-unicast': 1 });
    h.play(tcp`+1s ${() => {}}`);
  });
});

describe('ICMP errors about a SYN+ACK', () => {
  // RFC 5927 §5.2, RFC 9293 SHLD-26: what is not synchronized may be ended by a hard error, if it knows our number.
  test.each([4, 6] as const)('that are hard end a half-open connection, and only with its number, over IPv%i', (family) => {
    const [type, port, host] = family === 4 ? [3, 3, 1] : [1, 4, 0];
    const h = lazy({}, { family });
    client(h, 1, 'half');
    h.icmp(type, port, 1);
    expect(h.stack.counters.drops['icmp-implausible']).toBe(1);
    h.icmp(type, host, 0);
    expect(h.listener!.halfOpenCount).toBe(1);
    h.icmp(type, port, 0);
    expect(h.listener!.halfOpenCount).toBe(0);
    h.play(tcp`+70s ${() => {}}`);
  });
});

describe('a half-open client', () => {
  test('that speaks with timestamps is judged by them (PAWS), and must go on with them', () => {
    const h = lazy();
    h.play(tcp`
      +0     < S  0:0(0)         win 65535 <mss 1000,TS val 100 ecr 0>
      +0     > S. 0:0(0) ack 1             <mss 1460,TS val 0 ecr 100>
      +10ms  < .  1:1(0) ack 1   win 65535
      +10ms  < .  1:1(0) ack 1   win 65535 <TS val 99 ecr 0>
      +0     > .  1:1(0) ack 1 <TS val 20 ecr 100>
    `);
    expect(h.stack.counters.dropped()).toEqual({ 'tcp-missing-timestamp': 1, 'tcp-paws': 1 });
    expect([h.listener!.halfOpenCount, h.stack.tcp.connections.size]).toEqual([1, 0]);
    h.play(tcp`+0 < . 1:1(0) ack 1 win 65535 <TS val 100 ecr 20>`);
    expect(h.listener!.accept()?.rto.minRttMs).toBe(20);
  });

  // SEC-53: no connection is made for who guesses.
  test('that acknowledges what we did not send stays half-open', () => {
    const h = lazy();
    client(h, 1, 'half');
    h.play(tcp`
      +10ms  < .  1:1(0) ack 2 win 1000
      +0     > R  2:2(0)
    `);
    expect([h.listener!.halfOpenCount, h.listener!.waitingCount, h.stack.tcp.connections.size]).toEqual([1, 0, 0]);
  });

  // SEC-66.
  test('is not disturbed by a SYN with FIN, nor by text on the SYN that comes again', () => {
    const h = lazy().play(tcp`
      +0     < S  0:0(0)         win 65535 <mss 1000>
      +0     > S. 0:0(0) ack 1
      +10ms  < SF 0:0(0)         win 65535 <mss 1000>
      +10ms  < SF 7:7(0)         win 65535 <mss 1000>
      +10ms  < S  0:100(100)     win 65535 <mss 1000>
      +0     > S. 0:0(0) ack 1
    `);
    expect(h.stack.counters.dropped()).toEqual({ 'tcp-bad-flags': 2, 'tcp-duplicate': 1 });
    expect(h.listener!.halfOpenCount).toBe(1);
  });

  // SEC-62.
  test('is answered ten times a second, whatever comes', () => {
    const h = lazy();
    client(h, 1, 'half');
    const what = ['< S 0:0(0) win 65535', '< R 9:9(0) win 0', '< . 100001:100001(0) ack 1 win 0', '< P. 100001:100011(10) ack 1 win 0'];
    const answers = ['> S. 0:0(0) ack 1', '> . 1:1(0) ack 1'];
    for (let i = 0; i < 10; i++) h.play(tcp`+0 ${what[i % 4]!}\n+0 ${answers[Math.min(i % 4, 1)]!}`);
    for (let i = 0; i < 100; i++) h.play(tcp`+0 ${what[i % 4]!}`);
    expect(h.stack.counters.drops['tcp-rate-limited']).toBe(100);
  });

  // RFC 9293 §3.10.4, of a listener's half-open clients; the ports are free at once.
  test('is forgotten with its listener, and its ACK belongs to nobody', () => {
    const h = lazy();
    h.play(tcp`
      +0     < S  0:0(0)         win 65535 <mss 1000,TS val 100 ecr 0>
      +0     > S. 0:0(0) ack 1
      +5ms   ${() => h.listener!.close()}
    `);
    expect(h.stack.nextTimeout()).toBe(NEVER);
    h.play(tcp`
      +5ms   < .  1:1(0) ack 1 win 65535 <TS val 110 ecr 0>
      +0     > R  1:1(0)
    `);
  });

  // It believes in a connection, and may have nothing to say before it hears of us.
  test('is reset by the close of its listener when its ACK has come, and had to wait for its text', () => {
    const h = lazy({ deferAcceptMs: 5000 });
    h.play(tcp`
      +0     < S  0:0(0)         win 65535 <mss 1000,TS val 100 ecr 0>
      +0     > S. 0:0(0) ack 1
      +5ms   < .  1:1(0) ack 1 win 65535 <TS val 105 ecr 0>
      +5ms   ${() => h.listener!.close()}
      +0     > R. 1:1(0) ack 1 <TS val 10 ecr 100>
    `);
    expect(h.stack.nextTimeout()).toBe(NEVER);
  });

  test('who stays mute is asked once more when the wait for its text is over, and given up when it does not answer', () => {
    const h = lazy({ deferAcceptMs: 1500 }, { stack: { tcp: { synAckRetries: 1 } } });
    client(h, 1, 'whole');
    h.play(tcp`
      +2999ms ${() => {}}
      +1ms    > S. 0:0(0) ack 1
      +3999ms ${() => expect(h.listener!.halfOpenCount).toBe(1)}
      +1ms    ${() => expect(h.listener!.halfOpenCount).toBe(0)}
    `);
  });

  test('is reset by the close of its listener when its ACK has come, and had to wait for room', () => {
    const h = lazy({ backlog: 1 });
    client(h, 1, 'half');
    client(h, 2, 'whole');
    h.peerPort = PEER_PORT + 1;
    h.play(tcp`
      +0     < .  1:1(0) ack 1 win 65535
      +0     ${() => { h.peerPort = PEER_PORT + 2; }}
      +0     < R. 1:1(0) ack 1 win 0
      +0     ${() => { h.peerPort = PEER_PORT + 1; }}
      +0     ${() => h.listener!.close()}
      +0     > R. 1:1(0) ack 1
    `);
    expect(h.stack.nextTimeout()).toBe(NEVER);
  });
});

describe('TIME-WAIT and FIN-WAIT-2 under pressure', () => {
  // SEC-62, RFC 5961 §7.
  test('TIME-WAIT answers ten times a second, whatever comes', () => {
    const h = established().play(tcp`
      +0     ${(c) => c.shutdown()}
      +0     > F. 1:1(0) ack 1
      +0     < F. 1:1(0) ack 2   win 65535
      +0     > .  2:2(0) ack 2
    `);
    for (let i = 0; i < 10; i++) h.play(tcp`+1ms < P. 1:11(10) ack 2 win 65535\n+0 > . 2:2(0) ack 2`);
    for (let i = 0; i < 100; i++) h.play(tcp`+1ms < F. 1:1(0) ack 2 win 65535`);
    expect(h.stack.counters.drops['tcp-rate-limited']).toBe(100);
    h.play(tcp`
      +1s    < F. 1:1(0) ack 2 win 65535
      +0     > .  2:2(0) ack 2
    `);
  });

  // SEC-60: each connection may say for itself.
  test('an orphan in FIN-WAIT-2 waits for the peer\'s FIN no longer than it was told', () => {
    const h = established({ listen: { finWait2Ms: 5000 } }).play(tcp`
      +0     ${(c) => c.close()}
      +0     > F. 1:1(0) ack 1
      +10ms  < .  1:1(0) ack 2   win 65535
      +4999ms ${(c) => expect(c.state).toBe('FIN-WAIT-2')}
      +1ms   ${(c) => expect(c.state).toBe('CLOSED')}
    `);
    expect(h.stack.tcp.connections.size).toBe(0);
  });

  test('and one that is left in FIN-WAIT-2 waits as long from then', () => {
    established({ listen: { finWait2Ms: 5000 } }).play(tcp`
      +0     ${(c) => c.shutdown()}
      +0     > F. 1:1(0) ack 1
      +10ms  < .  1:1(0) ack 2   win 65535
      +60s   ${(c) => c.close()}
      +4999ms ${(c) => expect(c.state).toBe('FIN-WAIT-2')}
      +1ms   ${(c) => expect(c.state).toBe('CLOSED')}
    `);
  });

  // MUST-20, MUST-21: R2 is the connection's.
  test('text is repeated as often as its connection was told', () => {
    const h = established({ listen: { retries: 1 } });
    h.send(10);
    h.play(tcp`
      +0     > P. 1:11(10) ack 1
      +220ms > P. 1:11(10) ack 1
      +1s    ${(c) => expect(c.error?.code).toBe('ETIMEDOUT')}
    `);
  });
});

// SEC-62: an attacker between them has told each a number that the other never sent; from then on each finds what the
// other says unacceptable, and says so.
test('two stacks that disagree fall silent: no storm of ACKs', async () => {
  const world = new TwoStacks();
  const [a, b] = await world.connect();
  const [ours, theirs] = [a, b].map((socket) => socket['connection']);
  for (const c of [ours!, theirs!]) {
    c.rcv.nxt = Seq.add(c.rcv.nxt, 1_000_000_000);
    c.rcv.edge = Seq.add(c.rcv.edge, 1_000_000_000);
  }
  world.trace = [];
  ours!.ackNow = true;
  ours!.markReady();
  await world.wait(999);
  // One to begin with, and ten from each side at most.
  expect(world.trace.length).toBeGreaterThan(2);
  expect(world.trace.length).toBeLessThanOrEqual(21);
  await world.wait(10_000);
  expect(world.trace.length).toBeLessThanOrEqual(21);
});
