// What SYNs agree on, by the RFCs' own tables, and what marks come to. RFC 3168 §6.1, RFC 9768 §3.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { ACC_ECN_LENGTH, aceOf, CE, Ecn, ECT_0, ECT_1, flagsOfAce, markedBytes, NOT_ECT } from '../../../src/tcp/ecn.js';

const ACK = 16;

/** "AE CWR ECE" as the tables write them, e.g. 011. */
const ace = (text: string): number => Number.parseInt(text, 2);
const flags = (text: string): number => flagsOfAce(ace(text));
const said = (bits: number): string => aceOf(bits).toString(2).padStart(3, '0');

describe('RFC 9768 table 2: what SYN and SYN+ACK agree on', () => {
  test.each([
    // setting of A and B, codepoint of the SYN; SYN, SYN+ACK, mode
    ['accurate', 'accurate', NOT_ECT, '111', '010', 'accurate'],
    ['accurate', 'accurate', ECT_1, '111', '011', 'accurate'],
    ['accurate', 'accurate', ECT_0, '111', '100', 'accurate'],
    ['accurate', 'accurate', CE, '111', '110', 'accurate'],
    ['accurate', 'on', NOT_ECT, '111', '001', 'classic'],
    ['accurate', 'passive', NOT_ECT, '111', '001', 'classic'],
    ['accurate', 'off', NOT_ECT, '111', '000', 'none'],
    ['on', 'accurate', NOT_ECT, '011', '001', 'classic'],
    ['on', 'on', NOT_ECT, '011', '001', 'classic'],
    ['on', 'passive', NOT_ECT, '011', '001', 'classic'],
    ['on', 'off', NOT_ECT, '011', '000', 'none'],
    ['passive', 'accurate', NOT_ECT, '000', '000', 'none'],
    ['off', 'on', NOT_ECT, '000', '000', 'none'],
  ] as const)('%s asks %s (codepoint %i): %s, %s: %s', (a, b, codepoint, syn, synAck, mode) => {
    const [client, server] = [new Ecn(a), new Ecn(b)];
    expect(said(client.synFlags(false))).toBe(syn);
    server.onSyn(flags(syn), codepoint);
    expect(said(server.synAckFlags)).toBe(synAck);
    client.onSynAck(flags(synAck), NOT_ECT);
    expect([client.mode, server.mode]).toEqual([mode, mode]);
  });

  // The same table's rows of others: "Nonce" and "Broken".
  test.each([['101', 'classic'], ['111', 'none']] as const)('an answer of %s to 111 means: %s', (answer, mode) => {
    const client = new Ecn('accurate');
    client.synFlags(false);
    client.onSynAck(flags(answer), NOT_ECT);
    expect(client.mode).toBe(mode);
  });

  // RFC 9768 §3.1.3.
  test.each(['001', '010', '100', '101', '110'])('a SYN of %s, whatever it may come to mean, is answered as 111 is', (syn) => {
    const server = new Ecn('accurate');
    server.onSyn(flags(syn), NOT_ECT);
    expect(server.mode).toBe('accurate');
  });

  // RFC 3168 §6.1.1: an ECN-setup SYN has both, an ECN-setup SYN-ACK has ECE and not CWR.
  test.each(['001', '010'])('a SYN of %s asks classic ECN for nothing', (syn) => {
    const server = new Ecn('on');
    server.onSyn(flags(syn), NOT_ECT);
    expect(server.mode).toBe('none');
  });

  // RFC 3168 §6.1.1-6.
  test.each(['000', '010', '011'])('an answer of %s to 011 grants nothing', (answer) => {
    const client = new Ecn('on');
    client.synFlags(false);
    client.onSynAck(flags(answer), NOT_ECT);
    expect(client.mode).toBe('none');
  });

  test.each(['on', 'accurate'] as const)('a SYN that is repeated asks for nothing, and is granted nothing (%s)', (setting) => {
    const client = new Ecn(setting);
    client.synFlags(false);
    expect(client.synFlags(true)).toBe(0);
    client.onSynAck(flags('010'), NOT_ECT);
    expect(client.mode).toBe('none');
  });
});

/** Both ends of a connection that agreed on it. */
function agreed(mode: 'on' | 'accurate', synAck = NOT_ECT): [Ecn, Ecn] {
  const [client, server] = [new Ecn(mode), new Ecn(mode)];
  server.onSyn(client.synFlags(false), NOT_ECT);
  client.onSynAck(server.synAckFlags, synAck);
  return [client, server];
}

test('new text alone is ECN-capable: RFC 3168 §6.1.4 to §6.1.6', () => {
  const [client] = agreed('on');
  expect(client.codepointToSend(true)).toBe(ECT_0);
  expect(client.codepointToSend(false)).toBe(NOT_ECT);
  expect(new Ecn('on').codepointToSend(true)).toBe(NOT_ECT);
});

describe('classic: RFC 3168 §6.1.2, §6.1.3', () => {
  test('a mark is echoed by all ACKs until CWR comes, and told at once', () => {
    const [a] = agreed('on');
    expect(a.flagsToSend(false)).toBe(0);
    expect(a.onArrival(ACK, CE, 1000, 1)).toBe(true);
    for (let i = 0; i < 3; i++) expect(said(a.flagsToSend(false))).toBe('001');
    expect(a.onArrival(ACK, ECT_0, 1000, 1)).toBe(false);
    expect(said(a.flagsToSend(true))).toBe('001');
    a.onArrival(ACK | flags('010'), ECT_0, 1000, 1);
    expect(a.flagsToSend(false)).toBe(0);
  });

  test('a mark on the packet that has CWR begins anew', () => {
    const [a] = agreed('on');
    a.onArrival(ACK, CE, 1000, 1);
    expect(a.onArrival(ACK | flags('010'), CE, 1000, 1)).toBe(true);
    expect(said(a.flagsToSend(false))).toBe('001');
  });

  test('who has cut its window says so once, on the first new text', () => {
    const [a] = agreed('on');
    expect(a.echoesMark(ACK | flags('001'))).toBe(true);
    a.onReduced();
    expect(a.flagsToSend(false)).toBe(0);
    expect(said(a.flagsToSend(true))).toBe('010');
    expect(a.flagsToSend(true)).toBe(0);
  });

  test('where the SYNs did not agree, nothing is heard and nothing said', () => {
    const a = new Ecn('passive');
    expect(a.onArrival(ACK, CE, 1000, 1)).toBe(false);
    a.onReduced();
    expect(a.flagsToSend(true)).toBe(0);
    expect(a.echoesMark(ACK | flags('001'))).toBe(false);
  });
});

describe('accurate: RFC 9768 §3.2', () => {
  test.each([[NOT_ECT, '010'], [ECT_1, '011'], [ECT_0, '100'], [CE, '110']])('table 3: the ACK of a SYN+ACK under %i is %s, and then it counts', (codepoint, first) => {
    const [client] = agreed('accurate', codepoint);
    expect(said(client.flagsToSend(false))).toBe(first);
    // r.cep begins with 5; a mark on the SYN+ACK is one.
    expect(said(client.flagsToSend(false))).toBe(codepoint === CE ? '110' : '101');
  });

  // Table 4.
  test.each([['010', 0], ['011', 0], ['100', 0], ['110', 1], ['000', 0], ['101', 0]])('an ACK of %s tells of %i marks on the SYN+ACK', (answer, marks) => {
    const [, server] = agreed('accurate');
    server.onHandshakeAck(flags(answer));
    expect(server.onAce(flagsOfAce(5 + marks), 1)).toBe(0);
    expect(server.isCapable).toBe(answer !== '000');
  });

  test('every marked packet counts, text or not, and ACE is the low three bits', () => {
    const [a] = agreed('accurate');
    a.flagsToSend(false);
    for (let marks = 1; marks < 20; marks++) {
      a.onArrival(ACK, CE, marks % 2 === 0 ? 0 : 1000, 1);
      expect(aceOf(a.flagsToSend(false))).toBe((5 + marks) % 8);
    }
  });

  test('an ACK is due at the first mark after none, and at the sixth since the last ACK', () => {
    const [a] = agreed('accurate');
    const arrivals = (codepoint: number, count: number): boolean[] => Array.from({ length: count }, () => a.onArrival(ACK, codepoint, 1000, 1));
    expect(arrivals(ECT_0, 3)).toEqual([false, false, false]);
    expect(arrivals(CE, 6)).toEqual([true, false, false, false, false, true]);
    a.flagsToSend(false);
    expect(arrivals(CE, 6)).toEqual([false, false, false, false, false, true]);
  });

  test('what ACE tells is what was marked, however ACKs are thinned, as long as they are told apart by the safe rule', () => {
    fc.assert(fc.property(fc.array(fc.record({ segments: fc.integer({ min: 0, max: 30 }), marked: fc.nat(30) }), { maxLength: 50 }), (acks) => {
      const [receiver, sender] = agreed('accurate');
      receiver.flagsToSend(false);
      for (const { segments, marked } of acks) {
        const marks = Math.min(segments, marked);
        if (marks > 0) receiver.onArrival(ACK, CE, 1000, marks);
        const heard = sender.onAce(receiver.flagsToSend(false), segments);
        // RFC 9768 §3.2.2.5.2: never fewer than there were; the same modulo 8; no more than there were packets.
        expect(heard).toBeGreaterThanOrEqual(marks);
        expect((heard - marks) % 8).toBe(0);
        expect(heard).toBeLessThanOrEqual(Math.max(segments, marks));
        if (segments < 8) expect(heard).toBe(marks);
      }
    }));
  });

  test('the option says the three counters: kind 172, EE0B, ECEB, EE1B of 24 bits', () => {
    const [a] = agreed('accurate');
    a.onArrival(ACK, ECT_0, 0x12_3455, 1);
    a.onArrival(ACK, CE, 0x1_65_4321, 1);
    a.onArrival(ACK, ECT_1, 0x10, 1);
    const b = new Uint8Array(ACC_ECN_LENGTH + 2);
    a.writeOption(b, 1);
    expect([...b]).toEqual([0, 172, 11, 0x12, 0x34, 0x56, 0x65, 0x43, 0x21, 0, 0, 0x11, 0]);
    expect(markedBytes(b, 1, 11)).toBe(0x65_4321);
    expect(markedBytes(b, 1, 8)).toBe(0x65_4321);
    expect(markedBytes(b, 1, 5)).toBe(-1);
  });
});
