// What SYNs agree on, by the RFCs' own tables, and what marks come to. RFC 3168 §6.1, RFC 9768 §3.

import { describe, expect, test } from 'vitest';

import { CE, ECT_0, ECT_1, NOT_ECT } from '../../../src/tcp/accurate-ecn.js';
import { aceOf, Ecn, flagsOfAce } from '../../../src/tcp/ecn.js';
import { TcpOptions } from '../../../src/tcp/options.js';

const ACK = 16;
const NO_OPTIONS = new TcpOptions();

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
    client.onSynAck(flags(synAck), NOT_ECT, NO_OPTIONS);
    expect([client.mode, server.mode]).toEqual([mode, mode]);
  });

  // The same table's rows of others: "Nonce" and "Broken".
  test.each([['101', 'classic'], ['111', 'none']] as const)('an answer of %s to 111 means: %s', (answer, mode) => {
    const client = new Ecn('accurate');
    client.synFlags(false);
    client.onSynAck(flags(answer), NOT_ECT, NO_OPTIONS);
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
    client.onSynAck(flags(answer), NOT_ECT, NO_OPTIONS);
    expect(client.mode).toBe('none');
  });

  test.each(['on', 'accurate'] as const)('a SYN that is repeated asks for nothing, and is granted nothing (%s)', (setting) => {
    const client = new Ecn(setting);
    client.synFlags(false);
    expect(client.synFlags(true)).toBe(0);
    client.onSynAck(flags('010'), NOT_ECT, NO_OPTIONS);
    expect(client.mode).toBe('none');
  });
});

/** Both ends of a connection that agreed on it. */
function agreed(): [Ecn, Ecn] {
  const [client, server] = [new Ecn('on'), new Ecn('on')];
  server.onSyn(client.synFlags(false), NOT_ECT);
  client.onSynAck(server.synAckFlags, NOT_ECT, NO_OPTIONS);
  return [client, server];
}

test('new text alone is ECN-capable: RFC 3168 §6.1.4 to §6.1.6', () => {
  const [client] = agreed();
  expect(client.codepointToSend(true)).toBe(ECT_0);
  expect(client.codepointToSend(false)).toBe(NOT_ECT);
  expect(new Ecn('on').codepointToSend(true)).toBe(NOT_ECT);
});

describe('classic: RFC 3168 §6.1.2, §6.1.3', () => {
  test('a mark is echoed by all ACKs until CWR comes, and told at once', () => {
    const [a] = agreed();
    expect(a.flagsToSend(false, false)).toBe(0);
    expect(a.onArrival(ACK, CE, 1000, 1, true)).toBe(true);
    for (let i = 0; i < 3; i++) expect(said(a.flagsToSend(false, false))).toBe('001');
    expect(a.onArrival(ACK, ECT_0, 1000, 1, true)).toBe(false);
    expect(said(a.flagsToSend(true, false))).toBe('001');
    a.onArrival(ACK | flags('010'), ECT_0, 1000, 1, true);
    expect(a.flagsToSend(false, false)).toBe(0);
  });

  test('a mark on the packet that has CWR begins anew', () => {
    const [a] = agreed();
    a.onArrival(ACK, CE, 1000, 1, true);
    expect(a.onArrival(ACK | flags('010'), CE, 1000, 1, true)).toBe(true);
    expect(said(a.flagsToSend(false, false))).toBe('001');
  });

  test('who has cut its window says so once, on the first new text', () => {
    const [a] = agreed();
    expect(a.echoesMark(ACK | flags('001'))).toBe(true);
    a.onReduced();
    expect(a.flagsToSend(false, false)).toBe(0);
    expect(said(a.flagsToSend(true, false))).toBe('010');
    expect(a.flagsToSend(true, false)).toBe(0);
  });

  test('where the SYNs did not agree, nothing is heard and nothing said', () => {
    const a = new Ecn('passive');
    expect(a.onArrival(ACK, CE, 1000, 1, true)).toBe(false);
    a.onReduced();
    expect(a.flagsToSend(true, false)).toBe(0);
    expect(a.echoesMark(ACK | flags('001'))).toBe(false);
  });
});
