// What RFC 7323 asks for and no other script shows: a shift of zero, the edge that was really offered, and timestamps that
// must not be believed. One test for each requirement of docs/rfc/rfc7323.md.

import { describe, expect, test } from 'vitest';

import { ScriptHost, tcp } from '../../src/testing/script.js';
import { established } from '../fixtures/established.js';

/** TS.Recent is 1,000; SRTT is 20 ms. */
const stamped = (): ScriptHost => established({ syn: 'mss 1000,TS val 990 ecr 0', ack: 'TS val 1000 ecr 0' });

describe('window scale', () => {
  // RFC 7323 §2.2-1: the option says that the peer may scale, too.
  test('is offered with a shift of zero by who needs none', () => {
    const h = new ScriptHost().listen({ receiveBuffer: 60_000 });
    h.play(tcp`
      +0     < S  0:0(0)         win 65535 <mss 1000,wscale 3>
      +0     > S. 0:0(0) ack 1   win 60000 <mss 1460,wscale 0>
      +0     < .  1:1(0) ack 1   win 500
    `);
    expect(h.connection!.snd.wnd).toBe(4000);
  });

  // RFC 7323 §2.4-2, -3: 1 MiB less 10 bytes, in units of 32, are 32,767 units behind number 11. When 90 bytes more wait,
  // 32,764 units and 6 bytes are left of that, and no room to say 32,765: the field says less than what stands.
  test('rounds the field, and not the edge: what was offered once is taken', () => {
    const edge = 11 + 32_767 * 32;
    const h = new ScriptHost().listen({ receiveBuffer: 2 ** 20 });
    h.play(tcp`
      +0     < S  0:0(0)         win 65535 <mss 1000,wscale 0,sackOK>
      +0     > S. 0:0(0) ack 1             <mss 1460,sackOK,wscale 5>
      +0     < .  1:1(0) ack 1   win 65535
      +0     < P. 1:11(10) ack 1 win 65535
      +40ms  > .  1:1(0) ack 11  win 32767
      +0     < P. 11:101(90) ack 1 win 65535
      +40ms  > .  1:1(0) ack 101 win 32764
      +0     < P. ${edge - 10}:${edge}(10) ack 1 win 65535
      +0     > .  1:1(0) ack 101 <sack ${edge - 10}:${edge}>
      +0     < P. ${edge}:${edge + 10}(10) ack 1 win 65535
      +0     > .  1:1(0) ack 101 <sack ${edge - 10}:${edge}>
    `);
  });
});

describe('timestamps', () => {
  // RFC 7323 §3.2-3: 600 ms would be a round trip of half a second.
  test('the echo on a SYN without ACK is not looked at', () => {
    const h = new ScriptHost().connect();
    h.play(tcp`
      +0     > S  0:0(0) <mss 1460,sackOK,TS val 0 ecr 0,wscale *>
      +700ms < S  0:0(0)         win 65535 <mss 1000,TS val 5 ecr 100>
      +0     > S. 0:0(0) ack 1             <mss 1460,TS val 700 ecr 5>
    `);
    expect(h.connection!.rto.minRttMs).toBe(Infinity);
  });

  // RFC 7323 §4.1-2.
  test('an echo is no sample where nothing new is acknowledged', () => {
    const h = stamped();
    h.play(tcp`
      +0     ${() => h.send(100)}
      +0     > P. 1:101(100)      ack 1 <TS val 20 ecr 1000>
      +100ms < .  1:1(0)          ack 1 win 65535 <TS val 1001 ecr 20>
    `);
    expect(h.connection!.rto.srttMs).toBe(20);
  });

  // RFC 7323 §5.3-1: by its number it would be outside the window.
  test('an older one is what a segment is dropped for, wherever it stands', () => {
    const h = stamped();
    h.play(tcp`
      +0     < P. 900000000:900000100(100) ack 1 win 65535 <TS val 999 ecr 0>
      +0     > .  1:1(0)          ack 1
    `);
    expect(h.stack.counters.drops).toMatchObject({ 'tcp-paws': 1, 'tcp-unacceptable': 0 });
  });

  // RFC 7323 §5.2-4: neither an old one nor one from the future.
  test('of a RST that is challenged are not remembered', () => {
    const h = stamped();
    h.play(tcp`
      +0     < R. 100:100(0)      ack 1 win 0 <TS val 2000000 ecr 0>
      +0     > .  1:1(0)          ack 1 <TS val 20 ecr 1000>
      +0     < P. 1:101(100)      ack 1 win 65535 <TS val 1001 ecr 0>
      +40ms  > .  1:1(0)          ack 101 <TS val 60 ecr 1001>
    `);
  });
});
