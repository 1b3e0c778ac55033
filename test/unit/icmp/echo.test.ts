// Echo: the answer to whoever asks, and what whoever asks here hears. RFC 792, RFC 1122 §3.2.2.6, RFC 4443 §4.

import { describe, expect, test } from 'vitest';
import { address } from '../../../src/address.js';
import type { EchoEndpoint, EchoError, EchoReply } from '../../../src/icmp/echo.js';
import { ICMP_SETTINGS } from '../../../src/icmp/icmp.js';
import { ascii, icmpPacket, ipPacket, isValid, someBytes } from '../../fixtures/rfc-packets.js';
import { Host } from '../../fixtures/host.js';

const V4 = { src: '10.0.0.2', dst: '10.0.0.1', type: 8 };
const V6 = { src: 'fd00::2', dst: 'fd00::1', type: 128 };
const same = (a: Uint8Array, b: Uint8Array): void => expect(Buffer.compare(a, b)).toBe(0);

/** An answer as it must look: identification aside, which IPv4 chooses. */
function answerTo(f: typeof V4, rest: number[], data: Uint8Array, sent: Uint8Array): Uint8Array {
  const v6 = f.type === 128;
  return icmpPacket({
    src: f.dst, dst: f.src, type: v6 ? 129 : 0, rest, data, ...(v6 ? {} : { id: sent[4]! * 256 + sent[5]! }),
  });
}

// RFC 1122 §3.2.2.6-1; RFC 4443 §4.2-1.
describe('a question is answered with its own data, from the address that was asked (RFC 1122 §3.2.2.6)', () => {
  test.each([0, 1, 2, 3, 56, 1399, 1400])('%d bytes', (size) => {
    for (const f of [V4, V6]) {
      const host = new Host();
      const data = someBytes(size);
      host.give(icmpPacket({ ...f, rest: [0x12, 0x34, 0xff, 0xff], data }));
      const [answer, ...more] = host.sent();
      expect(more).toEqual([]);
      same(answer!, answerTo(f, [0x12, 0x34, 0xff, 0xff], data, answer!));
      expect(host.pool.outstanding).toBe(0);
      expect(host.counters.dropped()).toEqual({});
    }
  });

  test('whatever its checksum was, also when the sum runs over', () => {
    const host = new Host();
    for (let i = 0; i < 0x10000; i += 251) host.give(icmpPacket({ ...V4, rest: [i >> 8, i & 255, 0, 0] }), icmpPacket({ ...V6, rest: [i >> 8, i & 255, 0, 0] }));
    // Those that make the field 0x0000, 0xffff, and their neighbours.
    for (const word of [0xf7fe, 0xf7ff, 0xf800, 0xf7fd, 0xffff, 0]) {
      host.give(icmpPacket({ ...V4, rest: [word >> 8, word & 255, 0, 0] }));
    }
    const answers = host.sent();
    expect(answers.length).toBe(262 * 2 + 6);
    expect(answers.every(isValid)).toBe(true);
  });

  // RFC 1624 §3 and RFC 1071 §1: the two zeros of ones' complement. Big numbers do not tell them apart; who verifies by adding does.
  test.each([0, 1, 56])('an answer of nothing but zeros, %d bytes of data, has the checksum 0xffff', (size) => {
    const host = new Host();
    host.give(icmpPacket({ ...V4, rest: [0, 0, 0, 0], data: new Uint8Array(size) }));
    expect([...host.sent()[0]!.subarray(20)]).toEqual([0, 0, 0xff, 0xff, 0, 0, 0, 0, ...new Uint8Array(size)]);
  });

  test('the largest there is, in fragments both ways (SEC-07)', () => {
    for (const f of [V4, V6]) {
      const host = new Host();
      const data = someBytes(f === V4 ? 65_507 : 65_527);
      const whole = icmpPacket({ ...f, rest: [1, 2, 3, 4], data });
      const header = f === V4 ? 20 : 40;
      const message = whole.subarray(header);
      for (let at = 0; at < message.length; at += 1400) {
        const piece = message.subarray(at, at + 1400);
        const fields = { src: f.src, dst: f.dst, offset: at, more: at + 1400 < message.length, id: 7 };
        host.give(ipPacket(f === V4 ? 1 : 58, piece, fields));
      }
      expect(host.counters.dropped()).toEqual({});
      const pieces = host.sent();
      expect(pieces.length).toBeGreaterThan(40);
      const answer = Buffer.concat(pieces.map((piece) => piece.subarray(f === V4 ? 20 : 48)));
      same(answer, answerTo(f, [1, 2, 3, 4], data, pieces[0]!).subarray(header));
      expect(host.pool.outstanding).toBe(0);
    }
  });

  // RFC 1122 §3.2.2.6-2; RFC 4443 §4.2-1, §2.2-1.
  test('each of our addresses answers for itself, and with the type of service of the question (RFC 1122 §3.2.1.6)', () => {
    const host = new Host({ addresses: ['10.0.0.1/24', '10.0.0.9/24', 'fd00::1/64', 'fd00::9/64', 'fe80::1/64'] });
    host.give(
      icmpPacket({ ...V4, dst: '10.0.0.9', trafficClass: 0xb9, hopLimit: 3 }), icmpPacket({ ...V6, dst: 'fd00::9', trafficClass: 0xb9 }),
      icmpPacket({ ...V6, src: 'fe80::2', dst: 'fe80::1' }),
    );
    const answers = host.sent();
    // DSCP is mirrored, ECN is not.
    expect([answers[0]![1], answers[0]![8]]).toEqual([0xb8, 64]);
    expect((answers[1]![0]! & 15) * 16 + (answers[1]![1]! >> 4)).toBe(0xb8);
    expect(answers.map((packet) => isValid(packet))).toEqual([true, true, true]);
    host.give(icmpPacket({ ...V4, dst: '10.0.0.9' }), icmpPacket({ ...V6, src: 'fe80::2', dst: 'fe80::1' }));
    expect(host.said()).toEqual([
      'IP 10.0.0.9 > 10.0.0.2: ICMP echo reply, id 0, seq 0, length 8',
      'IP6 fe80::1 > fe80::2: ICMP6, echo reply, id 0, seq 0, length 8',
    ]);
  });

  test('one peer that asks our addresses in turn hears each of them', () => {
    const host = new Host({ addresses: ['10.0.0.1/24', '10.0.0.9/24', 'fd00::1/64', 'fd00::9/64'] });
    for (const dst of ['10.0.0.1', '10.0.0.9', '10.0.0.1']) host.give(icmpPacket({ ...V4, dst }));
    for (const dst of ['fd00::1', 'fd00::9', 'fd00::1']) host.give(icmpPacket({ ...V6, dst }));
    expect(host.said().map((line) => line.split(' ')[1])).toEqual([
      '10.0.0.1', '10.0.0.9', '10.0.0.1', 'fd00::1', 'fd00::9', 'fd00::1',
    ]);
  });

  test('a question whose sum a device vouches for is answered with a right one', () => {
    const host = new Host();
    for (const f of [V4, V6]) {
      host.arrive(icmpPacket({ ...f, data: someBytes(9) }), (packet) => { packet.checksum = 'verified'; });
    }
    // A partial one holds the sum of the pseudo-header: RFC 792 has none.
    host.arrive(icmpPacket({ ...V4, data: someBytes(9), checksum: 0 }), (packet) => {
      packet.checksum = 'partial';
      packet.checksumStart = packet.start + 20;
      packet.checksumField = packet.start + 22;
    });
    const answers = host.sent();
    expect(answers.map(isValid)).toEqual([true, true, true]);
  });

  // RFC 4443 §2.3-1.
  test('a wrong checksum, or less than a header, gets no answer', () => {
    const host = new Host();
    for (const f of [V4, V6]) {
      const bad = icmpPacket({ ...f, data: someBytes(9) });
      bad[bad.length - 1]! ^= 1;
      host.give(bad, ipPacket(f === V4 ? 1 : 58, someBytes(7), f));
    }
    expect(host.counters.dropped()).toEqual({ 'icmp-bad-checksum': 2, 'icmp-truncated': 2 });
    expect(host.sent()).toEqual([]);
  });

  test('a switched-off one says nothing', () => {
    const host = new Host({ icmp: { ...ICMP_SETTINGS, echo: { ...ICMP_SETTINGS.echo, answer: false } } });
    host.give(icmpPacket(V4), icmpPacket(V6));
    expect(host.sent()).toEqual([]);
    expect(host.counters.dropped()).toEqual({ 'icmp-ignored': 2 });
  });
});

// RFC 1122 §3.2.2.6-3.
describe('what is sent to many (SEC-38)', () => {
  const questions = [
    icmpPacket({ ...V4, dst: '255.255.255.255' }), icmpPacket({ ...V4, dst: '10.0.0.255' }),
    icmpPacket({ ...V4, dst: '224.0.0.1' }), icmpPacket({ ...V6, dst: 'ff02::1' }),
  ];

  test('is not answered', () => {
    const host = new Host();
    host.give(...questions);
    expect(host.counters.dropped()).toEqual({ 'icmp-ignored': 4 });
    expect(host.sent()).toEqual([]);
  });

  test('nor is what the link sent to many, whomever IP names', () => {
    const host = new Host({ medium: 'ethernet' });
    const frame = (to: number[], type: number[], packet: Uint8Array): Uint8Array => Uint8Array.of(...to, 2, 0, 0, 0, 0, 2, ...type, ...packet);
    host.give(frame([0x01, 0x00, 0x5e, 0, 0, 1], [8, 0], icmpPacket(V4)), frame([0x33, 0x33, 0, 0, 0, 1], [0x86, 0xdd], icmpPacket(V6)));
    expect(host.sent()).toEqual([]);
    expect(host.counters.dropped()).toEqual({ 'icmp-ignored': 2 });
  });

  test('unless that was asked for: then from an address of ours (RFC 4443 §4.2)', () => {
    const host = new Host({ icmp: { ...ICMP_SETTINGS, echo: { ...ICMP_SETTINGS.echo, answerGroups: true } } });
    host.give(...questions);
    const answers = host.sent();
    expect(answers.map(isValid)).toEqual([true, true, true, true]);
    host.give(...questions);
    expect(host.said()).toEqual([
      ...new Array<string>(3).fill('IP 10.0.0.1 > 10.0.0.2: ICMP echo reply, id 0, seq 0, length 8'),
      'IP6 fd00::1 > fd00::2: ICMP6, echo reply, id 0, seq 0, length 8',
    ]);
    // To nobody there is no way.
    host.give(icmpPacket({ ...V6, src: '::', dst: 'ff02::1' }), icmpPacket({ ...V4, src: '0.0.0.0', dst: '255.255.255.255' }));
    expect(host.sent()).toEqual([]);
    expect(host.counters.dropped()).toEqual({ 'ip-no-route': 2 });
  });
});

describe('an endpoint that asks', () => {
  function open(host: Host): { ping: EchoEndpoint; replies: EchoReply[]; errors: EchoError[] } {
    const ping = host.icmp.openEcho()!;
    const [replies, errors]: [EchoReply[], EchoError[]] = [[], []];
    ping.onReply = (reply) => replies.push(reply);
    ping.onError = (error) => errors.push(error);
    return { ping, replies, errors };
  }
  const idOf = (ping: EchoEndpoint): number[] => [ping.identifier >> 8, ping.identifier & 255];

  test('asks as RFC 792 and RFC 4443 draw it', () => {
    const host = new Host();
    const { ping } = open(host);
    ping.hopLimit = 9;
    ping.trafficClass = 4;
    ping.dontFragment = true;
    expect(ping.send(address('10.0.0.2'), 258, ascii('hello'), host.time)).toBe(null);
    expect(ping.send(address('fd00::2'), 65_535, ascii('hello'), host.time)).toBe(null);
    const fields = { data: ascii('hello'), hopLimit: 9, trafficClass: 4 };
    expect(host.sent()).toEqual([
      icmpPacket({ src: '10.0.0.1', dst: '10.0.0.2', type: 8, rest: [...idOf(ping), 1, 2], ...fields, dontFragment: true }),
      icmpPacket({ src: 'fd00::1', dst: 'fd00::2', type: 128, rest: [...idOf(ping), 255, 255], ...fields }),
    ]);
  });

  // RFC 1122 §3.2.2.6-4; RFC 4443 §4.2-3.
  test('hears answers to its own questions, when the machine is at rest', () => {
    const host = new Host();
    const { ping, replies } = open(host);
    const other = open(host);
    host.time = 2000;
    for (const [src, dst, type] of [['10.0.0.2', '10.0.0.1', 0], ['fd00::2', 'fd00::1', 129]] as const) {
      host.arrive(icmpPacket({ src, dst, type, rest: [...idOf(ping), 0, 7], data: ascii('data'), hopLimit: 55, trafficClass: 3 }));
      expect(replies).toEqual([]);
      host.rest();
      const reply = replies.pop()!;
      expect(reply).toMatchObject({ sequence: 7, payload: ascii('data'), hopLimit: 55, trafficClass: 3, at: 2000 });
      expect(reply.from.toString()).toBe(src);
    }
    expect(other.replies).toEqual([]);
  });

  test('answers that nobody waits for are counted', () => {
    const host = new Host();
    const { ping, replies } = open(host);
    ping.close();
    ping.close();
    host.give(icmpPacket({ src: '10.0.0.2', dst: '10.0.0.1', type: 0, rest: [...idOf(ping), 0, 1] }));
    expect(replies).toEqual([]);
    expect(host.counters.dropped()).toEqual({ 'icmp-no-socket': 1 });
    expect(ping.send(address('10.0.0.2'), 1, ascii(''), host.time)).toBe('EBADF');
  });

  test('pings itself', () => {
    const host = new Host();
    const { ping, replies } = open(host);
    for (const where of ['127.0.0.1', '::1', '10.0.0.1', 'fd00::1', `fe80::1%${host.wire.index}`]) {
      const data = someBytes(65_500);
      expect(ping.send(address(where), 1, data, host.time)).toBe(null);
      host.rest();
      expect(replies.length).toBe(1);
      expect(replies[0]!.from.toString()).toBe(where);
      same(replies.pop()!.payload, data);
    }
    expect(host.sent()).toEqual([]);
    expect(host.pool.outstanding).toBe(0);
  });

  test('hears what routers say about its questions', () => {
    const host = new Host();
    const { ping, errors } = open(host);
    const cases = [
      ['192.0.2.1', 11, 0, 'hop-limit-exceeded', 'EHOSTUNREACH'], ['192.0.2.1', 3, 1, 'host-unreachable', 'EHOSTUNREACH'],
      ['2001:db8::1', 3, 0, 'hop-limit-exceeded', 'EHOSTUNREACH'], ['2001:db8::1', 1, 1, 'prohibited', 'EACCES'],
    ] as const;
    for (const [where, type, code, kind, error] of cases) {
      const v6 = where.includes(':');
      ping.send(address(where), 77, someBytes(40), host.time);
      const [question] = host.sent();
      const router = v6 ? 'fd00::fe' : '10.0.0.254';
      host.give(icmpPacket({ src: router, dst: v6 ? 'fd00::1' : '10.0.0.1', type, code, data: question! }));
      const heard = errors.pop()!;
      expect(heard).toMatchObject({ kind, code: error, sequence: 77, at: host.time, mtu: 0 });
      expect([heard.reporter.toString(), heard.to.toString()]).toEqual([router, where]);
    }
    expect(host.counters.dropped()).toEqual({});
  });

  test('hears nothing about what others are said to have asked, or about answers', () => {
    const host = new Host();
    const { ping, errors } = open(host);
    ping.send(address('192.0.2.1'), 77, someBytes(40), host.time);
    const [question] = host.sent();
    for (const [at, value] of [[24, question![24]! ^ 1], [20, 0]] as const) {
      const forged = question!.slice();
      forged[at] = value;
      host.give(icmpPacket({ src: '10.0.0.254', dst: '10.0.0.1', type: 11, data: forged }));
    }
    expect(errors).toEqual([]);
    expect(host.counters.dropped()).toEqual({ 'icmp-no-socket': 2 });
  });

  test('a neighbour that does not answer is an error too', () => {
    const host = new Host({ medium: 'ethernet' });
    const { ping, errors } = open(host);
    for (const where of ['10.0.0.2', 'fd00::2']) {
      ping.send(address(where), 5, ascii(''), host.time);
      host.wait(10_000);
      expect(errors.map((error) => [error.code, error.sequence, error.to.toString()])).toEqual([['EHOSTUNREACH', 5, where]]);
      errors.length = 0;
    }
  });

  test('asks one at a time, unless it may ask many', () => {
    const host = new Host();
    const { ping } = open(host);
    for (const many of ['255.255.255.255', '10.0.0.255', '224.0.0.1', 'ff02::1']) {
      ping.mayAskMany = false;
      expect(ping.send(address(many), 1, ascii(''), host.time)).toBe('EACCES');
      expect(host.sent()).toEqual([]);
      ping.mayAskMany = true;
      expect(ping.send(address(many), 1, ascii(''), host.time)).toBe(null);
      expect(host.sent().length).toBe(1);
    }
  });

  test('from the address that it chooses, of the right family', () => {
    const host = new Host({ addresses: ['10.0.0.1/24', '10.0.0.9/24', 'fd00::1/64'] });
    const { ping } = open(host);
    const ask = (where: string): string | null => ping.send(address(where), 1, ascii(''), host.time);
    ask('10.0.0.2');
    ping.from = address('10.0.0.9');
    ask('10.0.0.2');
    expect(ask('fd00::2')).toBe('EINVAL');
    ping.from = null;
    ask('10.0.0.2');
    expect(host.said().map((line) => line.split(' ')[1])).toEqual(['10.0.0.1', '10.0.0.9', '10.0.0.1']);
  });

  test('too much is refused', () => {
    const host = new Host();
    const { ping } = open(host);
    const ask = (where: string, bytes: number): string | null => ping.send(address(where), 1, new Uint8Array(bytes), host.time);
    expect([ask('10.0.0.2', 65_508), ask('fd00::2', 65_528)]).toEqual(['EMSGSIZE', 'EMSGSIZE']);
    expect([ask('10.0.0.2', 65_507), ask('fd00::2', 65_527)]).toEqual([null, null]);
    ping.dontFragment = true;
    expect([ask('10.0.0.2', 1472), ask('10.0.0.2', 1473)]).toEqual([null, 'EMSGSIZE']);
    expect([ask('fd00::2', 1452), ask('fd00::2', 1453)]).toEqual([null, 'EMSGSIZE']);
  });

  test('identifiers are unforeseen, and each endpoint’s own; there are only so many endpoints', () => {
    const host = new Host();
    const pings = Array.from({ length: 1024 }, () => host.icmp.openEcho()!);
    expect(host.icmp.openEcho()).toBe(null);
    const identifiers = pings.map((ping) => ping.identifier);
    expect(new Set(identifiers).size).toBe(1024);
    // Drawn, not counted: neighbours are far apart, on average by a third of the range.
    const steps = identifiers.slice(1).map((id, i) => Math.abs(id - identifiers[i]!));
    const mean = steps.reduce((a, b) => a + b) / steps.length;
    expect(Math.abs(mean - 65_536 / 3)).toBeLessThan(3000);
    pings[5]!.close();
    expect(host.icmp.openEcho()).not.toBe(null);
    expect(host.limits.all().find((limit) => limit.name === 'icmp.echo-endpoints')).toMatchObject({ max: 1024 });
  });

  test('only so much waits to be told', () => {
    const host = new Host();
    const { ping, replies } = open(host);
    const reply = (bytes: number): Uint8Array =>
      icmpPacket({ src: '10.0.0.2', dst: '10.0.0.1', type: 0, rest: [...idOf(ping), 0, 1], data: new Uint8Array(bytes) });
    const small = reply(0);
    for (let i = 0; i < 100; i++) host.arrive(small);
    host.rest();
    expect(replies.length).toBe(64);
    expect(host.counters.dropped()).toEqual({ 'icmp-receive-queue-full': 36 });
    replies.length = 0;
    const large = reply(30_000);
    for (let i = 0; i < 20; i++) host.arrive(large);
    host.rest();
    expect(replies.length).toBe(8);
    host.give(large);
    expect(replies.length).toBe(9);
  });
});
