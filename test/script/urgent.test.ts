// Urgent data, in line: the pointer leads behind its last byte. RFC 9293 §3.8.5, RFC 6093.

import { describe, expect, test } from 'vitest';

import { tcp } from '../../src/testing/script.js';
import { established } from '../fixtures/established.js';

describe('urgent data that arrives', () => {
  // MUST-30, MUST-32, MUST-62, SEC-57: it is text like any other, and an event.
  test('is announced and read in line', () => {
    const h = established();
    h.play(tcp`
      +0     < U. 1:101(100)      ack 1 win 65535 urg 50
      +40ms  > .  1:1(0)          ack 101
    `);
    expect(h.news()).toBe('readable urgent');
    expect(h.receive()).toBe(100);
  });

  // MUST-33.
  test('the application can learn how much of it is still to be read', () => {
    const h = established();
    h.play(tcp`
      +0     < U. 1:101(100)      ack 1 win 65535 urg 150
      +40ms  > .  1:1(0)          ack 101
    `);
    expect(h.connection!.urgentAhead).toBe(150);
    h.receive(60);
    expect(h.connection!.urgentAhead).toBe(90);
    h.play(tcp`
      +0     < P. 101:201(100)    ack 1 win 65535
      +40ms  > .  1:1(0)          ack 201
    `);
    h.receive();
    expect(h.connection!.urgentAhead).toBe(0);
  });

  // MUST-32: "or if its end moves".
  test('is announced again when its end moves, and only then', () => {
    const h = established();
    h.play(tcp`
      +0     < U. 1:101(100)      ack 1 win 65535 urg 1000
      +40ms  > .  1:1(0)          ack 101
      +0     ${() => expect(h.news()).toBe('readable urgent')}
      +0     < U. 101:201(100)    ack 1 win 65535 urg 900
      +40ms  > .  1:1(0)          ack 201
      +0     ${() => expect(h.news()).toBe('readable')}
      +0     < U. 201:301(100)    ack 1 win 65535 urg 900
      +40ms  > .  1:1(0)          ack 301
      +0     ${() => expect(h.news()).toBe('readable urgent')}
    `);
  });

  // MUST-31: of any length; the pointer may lead beyond the segment, and the window. SEC-57.
  test('may end far beyond the segment that announces it', () => {
    const h = established();
    h.play(tcp`
      +0     < U. 1:1(0)          ack 1 win 65535 urg 65535
    `);
    expect(h.news()).toBe('urgent');
    expect(h.connection!.urgentAhead).toBe(65_535);
  });

  // SEC-57.
  test.each(['1:101(100) ack 1 win 65535 urg 0', '1:101(100) ack 1 win 65535'])('that ends where it begins is none: %s', (rest) => {
    const h = established();
    h.play(tcp`
      +0     < U. ${rest}
      +40ms  > .  1:1(0)          ack 101
    `);
    expect(h.news()).toBe('readable');
    expect(h.connection!.urgentAhead).toBe(0);
    // Nor where it ends at the end of what came before.
    h.play(tcp`
      +0     < U. 101:201(100)    ack 1 win 65535 urg 0
      +40ms  > .  1:1(0)          ack 201
    `);
    expect(h.news()).toBe('readable');
  });

  test('a pointer without the bit says nothing', () => {
    const h = established();
    h.play(tcp`
      +0     < P. 1:101(100)      ack 1 win 65535 urg 50
      +40ms  > .  1:1(0)          ack 101
    `);
    expect(h.news()).toBe('readable');
  });

  test('after the peer\'s FIN there is none', () => {
    const h = established();
    h.play(tcp`
      +0     < F. 1:1(0)          ack 1 win 65535
      +0     > .  1:1(0)          ack 2
    `);
    h.news();
    h.play(tcp`+0 < U. 2:2(0) ack 1 win 65535 urg 100`);
    expect(h.news()).toBe('');
  });
});

describe('urgent data that we send', () => {
  const text = (from: number, length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (from + i) % 251);

  // MUST-30, MUST-62.
  test('is pointed at from every segment until its end, and from none behind it', () => {
    const h = established();
    h.play(tcp`
      +0     ${(c) => (c.writeUrgent(text(1, 1500)), h.send(1000))}
      +0     > U.  1:1001(1000)   ack 1 urg 1500
      +0     > U.  1001:2001(1000) ack 1 urg 500
      +0     > P.  2001:2501(500) ack 1
      +0     ${(c) => c.configure({ noDelay: true })}
      +0     ${() => h.send(100)}
      +0     > P.  2501:2601(100) ack 1
    `);
  });

  test('does not wait for Nagle', () => {
    const h = established();
    h.play(tcp`
      +0     ${() => h.send(10)}
      +0     > P. 1:11(10)        ack 1
      +0     ${(c) => c.writeUrgent(text(11, 1))}
      +0     > PU. 11:12(1)       ack 1 urg 1
    `);
  });

  // MUST-31: the field has 16 bits. Receivers take the furthest that was said.
  test('is pointed at as far as the field reaches', () => {
    const h = established();
    const first = [...Array(10).keys()].map((i) => `+0 > U. ${i * 1000 + 1}:${i * 1000 + 1001}(1000) ack 1 urg ${65_535 - i * 1000}`);
    h.play(tcp`
      +0     ${(c) => c.writeUrgent(text(1, 100_000))}
      ${first.join('\n')}
      +220ms > U. 1:1001(1000)    ack 1 urg 65535
      +20ms  < .  1:1(0)          ack 10001 win 65535
      +0     > U. 10001:11001(1000) ack 1 urg 65535
      +0     > U. 11001:12001(1000) ack 1 urg 64535
    `);
  });

  test('is pointed at again when it is sent again', () => {
    const h = established();
    h.play(tcp`
      +0     ${(c) => c.writeUrgent(text(1, 10))}
      +0     > PU. 1:11(10)       ack 1 urg 10
      +220ms > PU. 1:11(10)       ack 1 urg 10
      +20ms  < .  1:1(0)          ack 11 win 65535
      +0     ${() => h.send(10)}
      +0     > P. 11:21(10)       ack 1
    `);
  });

  // RFC 9293 §3.8.6: urgent data is told of even while the window is shut.
  test('is told of in the probes of a shut window', () => {
    established({ win: 0 }).play(tcp`
      +0     ${(c) => c.writeUrgent(text(1, 10))}
      +220ms > U. 0:0(0)          ack 1 urg 11
    `);
  });
});
