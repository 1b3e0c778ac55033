// Buffers that follow the path: what grows, by how much, what does not, and what all connections together may hold.
// RFC 9293 §3.8.6 (SHLD-14: the right edge stays); RFC 7323 §2.3; RFC 2018 §8.

import { describe, expect, test } from 'vitest';

import { type ScriptHost, tcp } from '../../src/testing/script.js';
import { burst, established, type EstablishedOptions } from '../fixtures/established.js';

const RTT = 100;
const KIB = 1024;

/** A segment arrives, whatever it draws. */
function arrive(h: ScriptHost, segment: string): void {
  h.mangled(tcp`+0 < ${segment}`, () => {});
  h['sent'].length = 0;
}

/** `count` segments of 1000 bytes from `from` on, which echo the TSval that we sent `RTT` ms ago; all are taken. */
function flight(h: ScriptHost, from: number, count: number, timestamps = true): void {
  const options = timestamps ? `<TS val ${h.now} ecr ${Math.max(0, h.now - RTT)}>` : '<>';
  for (let i = 0; i < count; i++) arrive(h, `. ${from + 1000 * i}:${from + 1000 * (i + 1)}(1000) ack 1 ${options}`);
  expect(h.connection!.bytesReceived).toBe(from + 1000 * count - 1);
}

const long = (options: EstablishedOptions = {}): ScriptHost =>
  established({ syn: 'mss 1000,sackOK,TS val 1 ecr 0,wscale 7', ack: 'TS val 1 ecr 0', ...options });

/** The window that the latest packet offers, bytes. */
function offered(h: ScriptHost): number {
  const field = (h.lastPacket[34]! << 8) | h.lastPacket[35]!;
  return field << h.connection!.rcv.shift;
}

/** Flights of `sizes` segments, a round trip apart, that the application takes at once. The right edge never moves left. */
function converse(h: ScriptHost, sizes: readonly number[], timestamps = true): void {
  const c = h.connection!;
  for (const size of sizes) {
    h.advanceTo(h.now + RTT);
    const edge = c.bytesReceived + c.rcvWnd;
    flight(h, c.bytesReceived + 1, size, timestamps);
    expect(c.bytesReceived + c.rcvWnd).toBeGreaterThanOrEqual(edge);
    h.receive();
  }
}

describe('the receive buffer', () => {
  test('begins with 128 KiB, and a SYN scales for the 16 MiB that it may become', () => {
    const h = long();
    expect(h.connection!.receiveBuffer).toBe(128 * KIB);
    // RFC 7323 §2.3: 65,535 << 8 is less than 16 MiB, and << 9 is not.
    expect(h.connection!.rcv.shift).toBe(9);
  });

  test.each([['timestamps', true], ['windows', false]])('follows what the application takes in a round trip, as told by %s', (_, ts) => {
    const h = ts ? long() : established({ syn: 'mss 1000,wscale 7' });
    // A slow start: each flight twice the last. The next must find room.
    for (const size of [10, 20, 40, 80]) {
      converse(h, [size], ts);
      expect(h.connection!.receiveBuffer).toBeGreaterThanOrEqual(2 * 1000 * size);
    }
    h.advanceTo(h.now + RTT);
    flight(h, h.connection!.bytesReceived + 1, 1, ts === true);
    expect(offered(h)).toBeGreaterThan(200_000);
  });

  test('stays as it is while the application takes no more than before', () => {
    const h = long();
    converse(h, Array.from({ length: 30 }, () => 9));
    expect(h.connection!.receiveBuffer).toBe(128 * KIB);
  });

  test('stays as it is when the application takes no more than before an idle time', () => {
    const h = long();
    converse(h, [20, 30, 40, 40]);
    const { receiveBuffer } = h.connection!;
    h.advanceTo(h.now + 60_000);
    converse(h, [40, 40, 40]);
    expect(h.connection!.receiveBuffer).toBe(receiveBuffer);
  });

  test('does not grow for one who does not read: the window shuts', () => {
    const h = long();
    for (let from = 1; from < 128_001; from += 32_000) {
      h.advanceTo(h.now + RTT);
      flight(h, from, 32);
    }
    expect(h.connection!.receiveBuffer).toBe(128 * KIB);
    expect(offered(h)).toBeLessThan(4000);
  });

  test('does not grow beyond its limit', () => {
    const h = long({ stack: { tcp: { receiveBufferMax: 150_000 } } });
    converse(h, [10, 20, 40, 80, 100, 120]);
    expect(h.connection!.receiveBuffer).toBe(150_000);
  });

  test('keeps the size that the application fixed, and scales for that', () => {
    const h = long({ listen: { receiveBuffer: 200_000 } });
    expect(h.connection!.rcv.shift).toBe(2);
    converse(h, [10, 20, 40, 80, 160]);
    expect(h.connection!.receiveBuffer).toBe(200_000);
  });

  test('takes as much out of order as it has become, though a gap was there before', () => {
    const h = long();
    const c = h.connection!;
    converse(h, [10, 20]);
    const gap = c.bytesReceived + 100_001;
    arrive(h, `. ${gap + 1000}:${gap + 2000}(1000) ack 1 <TS val ${h.now} ecr 0>`);
    converse(h, [40, 60]);
    for (let at = gap + 2000; at < gap + 202_000; at += 1000) arrive(h, `. ${at}:${at + 1000}(1000) ack 1 <TS val ${h.now} ecr 0>`);
    expect(c.assembler!.bytes).toBe(201_000);
  });
});

describe('the send buffer', () => {
  /** The application writes as much as it may, or `most`; a round trip later the peer acknowledges it, two segments at a time. */
  function pump(h: ScriptHost, rounds: number, most = Infinity, ms = RTT): void {
    const c = h.connection!;
    for (let i = 0; i < rounds; i++) {
      h.send(Math.min(most, c.sendSpace));
      h.advanceTo(h.now + ms);
      const end = c.sendQueue.head + c.flightSize;
      for (let ack = c.sendQueue.head; ack < end;) {
        ack = Math.min(ack + 2 * c.snd.smss, end);
        arrive(h, `. 1:1(0) ack ${ack + 1} win 65535 <TS val ${h.now} ecr ${h.now - ms}>`);
      }
    }
  }

  test('begins with 256 KiB and grows to twice what is in flight', () => {
    const h = long();
    expect(h.connection!.sendBuffer).toBe(256 * KIB);
    pump(h, 3);
    expect(h.connection!.sendBuffer).toBe(256 * KIB);
    pump(h, 4);
    const { sendBuffer, congestion } = h.connection!;
    expect(congestion.flightMax).toBeGreaterThan(256 * KIB);
    expect(sendBuffer).toBeGreaterThanOrEqual(2 * congestion.flightMax);
    expect(sendBuffer).toBeLessThan(3 * congestion.flightMax);
  });

  test('does not follow a window that is not used', () => {
    const h = long();
    Object.defineProperty(h.connection!.congestion, 'cwnd', { value: 1e7 });
    pump(h, 12, 10_000);
    expect(h.connection!.sendBuffer).toBe(256 * KIB);
  });

  test('keeps the size that the application fixed', () => {
    const h = long({ listen: { sendBuffer: 300_000 } });
    pump(h, 10);
    expect(h.connection!.sendBuffer).toBe(300_000);
  });

  test('does not grow beyond 32 Gb/s times the round trip: it would be a queue, and no bandwidth-delay product', () => {
    const h = long();
    h.connection!.rto.minRttMs = 0.05;
    pump(h, 12);
    expect(h.connection!.sendBuffer).toBe(256 * KIB);
    h.connection!.rto.minRttMs = 0.1;
    pump(h, 1);
    // In whole bytes.
    expect(h.connection!.sendBuffer).toBe(419_430);
    h.connection!.rto.minRttMs = RTT;
    pump(h, 4);
    expect(h.connection!.sendBuffer).toBeGreaterThan(512 * KIB);
  });

  test('does not grow beyond its limit', () => {
    const h = long({ stack: { tcp: { sendBufferMax: 400_000 } } });
    pump(h, 10);
    expect(h.connection!.sendBuffer).toBe(400_000);
  });
});

describe('small writes', () => {
  test('of one turn leave as full segments', () => {
    const h = established();
    h.play(tcp`
      +0   ${() => {
        for (let i = 0; i < 70; i++) h.send(50);
      }}
      ${burst(1, 3001)}
      +0   > P. 3001:3501(500) ack 1
    `);
  });

  test('of one turn leave as full segments without Nagle, too', () => {
    const h = established({ listen: { noDelay: true } });
    h.play(tcp`
      +0   ${() => {
        for (let i = 0; i < 70; i++) h.send(50);
      }}
      ${burst(1, 3001)}
      +0   > P. 3001:3501(500) ack 1
      +0   ${() => h.send(10)}
      +0   > P. 3501:3511(10)  ack 1
    `);
  });
});

describe('the last of a long text, less than a superpacket', () => {
  /** Nothing is in flight, and 320,000 bytes may be: four superpackets of 65,000, and some. */
  function pouring(sendBuffer = 300_000): ScriptHost {
    const h = established({ listen: { sendBuffer }, syn: 'mss 1000,wscale 7', win: 4000 });
    const c = h.connection!;
    while (c.congestion.cwnd < 320_000 || c.sendQueue.length > 0) {
      if (c.congestion.cwnd < 340_000) h.send(300_000);
      h.advanceTo(h.now + 1);
      arrive(h, `. 1:1(0) ack ${c.snd.nxt - c.iss} win 4000`);
    }
    h.news();
    return h;
  }
  const unsent = (h: ScriptHost): number => h.connection!.sendQueue.length - h.connection!.flightSize;

  const acknowledge = (h: ScriptHost, bytes: number): void => {
    arrive(h, `. 1:1(0) ack ${h.connection!.snd.una - h.connection!.iss + bytes} win 4000`);
  };

  test('goes at once when that is all that there is', () => {
    const h = pouring();
    expect(h.send(280_000)).toBe(280_000);
    h.advanceTo(h.now + 1);
    expect(unsent(h)).toBe(0);
  });

  test('waits while the application has said that it has more, and until it was told that there is room again', () => {
    const h = pouring();
    expect(h.send(340_000)).toBe(300_000);
    h.advanceTo(h.now + 1);
    expect(unsent(h)).toBe(40_000);
    acknowledge(h, 140_000);
    expect([h.news(), unsent(h)]).toEqual(['', 40_000]);
    acknowledge(h, 10_000);
    expect([h.news(), unsent(h)]).toEqual(['writable', 0]);
  });

  // RFC 5682 §2.1 step 2 b: until new text has gone, what is lost waits.
  test('does not wait when it is to tell whether a timeout was needless', () => {
    const h = pouring(261_500);
    const c = h.connection!;
    expect([h.send(261_500), h.send(1)]).toEqual([261_500, 0]);
    h.advanceTo(h.now + 1);
    expect(unsent(h)).toBe(1500);
    while (c.recovery.phase !== 'loss') h.advanceTo(h.stack.nextTimeout());
    acknowledge(h, 1000);
    h.advanceTo(h.now + 1);
    expect(unsent(h)).toBe(0);
  });

  test('does not wait when nothing that is in flight would make room, nor before the end of the text', () => {
    const h = pouring();
    h.send(300_000);
    h.advanceTo(h.now + 1);
    expect(h.send(1)).toBe(0);
    acknowledge(h, 300_000);
    expect(h.send(340_000)).toBe(300_000);
    h.connection!.shutdown();
    h.advanceTo(h.now + 1);
    expect(unsent(h)).toBeLessThanOrEqual(0);
  });
});

describe('the memory of all connections', () => {
  /** As much as may be held is held: 60 KB that nobody reads. */
  function tight(): ScriptHost {
    const h = long({ stack: { tcp: { memory: 50_000 } } });
    flight(h, 1, 60);
    expect(h.stack.tcp.memory.used).toBe(60_000);
    return h;
  }

  test('is counted: text that waits to be read, to be acknowledged, or for a gap to be filled', () => {
    const h = long();
    const { memory } = h.stack.tcp;
    const limit = h.stack.limits.all().find(({ name }) => name === 'tcp.memory')!;
    flight(h, 1, 3);
    expect(memory.used).toBe(3000);
    arrive(h, '. 4001:5001(1000) ack 1 <TS val 21 ecr 0>');
    expect(limit.used()).toBe(4000);
    h.receive();
    expect(memory.used).toBe(1000);
    h.send(500);
    h.stack.poll(h.now);
    expect(memory.used).toBe(1000 + h.connection!.sendQueue.memory);
    expect(h.connection!.sendQueue.memory).toBeGreaterThanOrEqual(500);
    arrive(h, '. 3001:3001(0) ack 501 <TS val 22 ecr 0>');
    expect(memory.used).toBe(1000);
  });

  test('is free when a connection has ended, though its text was never read', () => {
    const h = tight();
    arrive(h, 'R. 60001:60001(0) ack 1');
    expect(h.connection!.state).toBe('CLOSED');
    expect(h.stack.tcp.memory.used).toBe(0);
    // What is left is still the application's.
    expect(h.receive()).toBe(60_000);
    expect(h.stack.tcp.memory.used).toBe(0);
  });

  // SEC-55.
  test('when it is short, text out of order goes first', () => {
    const h = long({ stack: { tcp: { memory: 50_000 } } });
    arrive(h, '. 60001:61001(1000) ack 1 <TS val 1 ecr 0>');
    flight(h, 1, 59);
    expect(h.connection!.assembler!.bytes).toBe(1000);
    h.play(tcp`
      +0   < . 61001:62001(1000) ack 1 <TS val 21 ecr 0>
      +0   > . 1:1(0)            ack 59001 <TS>
    `);
    expect(h.stack.counters.dropped()).toMatchObject({ 'tcp-memory': 1 });
    expect(h.stack.tcp.memory.used).toBe(59_000);
  });

  // SEC-59, SHLD-14.
  test('when it is short, what was offered stays offered, and is taken; no more than four segments are offered anew', () => {
    const h = tight();
    const c = h.connection!;
    const edge = c.bytesReceived + c.rcvWnd;
    flight(h, 60_001, 40);
    expect(c.bytesReceived + c.rcvWnd).toBeGreaterThanOrEqual(edge);
    const rest = Math.floor(c.rcvWnd / 1000);
    flight(h, 100_001, rest);
    // A unit of the scaled field is its rounding.
    expect(c.bytesReceived + c.rcvWnd).toBeLessThan(edge + 512);
    // The application takes half; all connections together still hold too much.
    h.receive(64_000);
    h.stack.poll(h.now);
    expect(c.rcvWnd).toBeLessThanOrEqual(4 * c.rcv.rmss);
    expect(c.rcvWnd).toBeGreaterThan(3 * c.rcv.rmss);
  });

  test('when it is short, nothing grows, and no more than 16 KiB wait to be sent', () => {
    const h = long();
    h.stack.tcp.memory.used = 1e9;
    for (let i = 0; i < 4; i++) {
      converse(h, [10, 20]);
      expect(h.connection!.receiveBuffer).toBe(128 * KIB);
    }
    expect(h.send(100_000)).toBe(16_384);
    h.news();
    h.advanceTo(h.now + RTT);
    const at = h.connection!.bytesReceived + 1;
    arrive(h, `. ${at}:${at}(0) ack 1977 win 65535 <TS val ${h.now} ecr ${h.now - RTT}>`);
    expect(h.news()).toBe('');
    arrive(h, `. ${at}:${at}(0) ack 9881 win 65535 <TS val ${h.now} ecr ${h.now - RTT}>`);
    expect(h.news()).toBe('writable');
    expect(h.connection!.sendBuffer).toBe(256 * KIB);
  });
});
