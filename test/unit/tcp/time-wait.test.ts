// TIME-WAIT as rows: what they keep, when they go, and which go first. RFC 9293 §3.6.1, RFC 6191.

import { describe, expect, test } from 'vitest';
import { Address, address, v4 } from '../../../src/address.js';
import { LimitRegistry } from '../../../src/limits.js';
import { SeededRandom } from '../../../src/random.js';
import { seq } from '../../../src/tcp/seq.js';
import { type TimeWaitEntry, TimeWaitTable } from '../../../src/tcp/time-wait.js';
import { NEVER } from '../../../src/time.js';

const a = address('10.0.0.1');
const b = address('10.0.0.2');
const TWO_MSL = 60_000;

const entry = (remotePort: number, more: Partial<TimeWaitEntry> = {}): TimeWaitEntry => ({
  localAddress: a, localPort: 80, remoteAddress: b, remotePort,
  sndNxt: seq(0x8000_0001), rcvNxt: seq(0xffff_ffff), windowField: 65_535,
  hasTimestamps: true, tsRecent: -5, tsOffset: -7,
  ...more,
});

function tableOf(capacity: number): TimeWaitTable {
  return new TimeWaitTable(new SeededRandom(4), new LimitRegistry(), capacity);
}

describe('a row', () => {
  test('keeps what an answer needs', () => {
    const t = tableOf(4);
    const row = t.add(entry(40_000), 1000.5);
    expect(t.find(a, 80, b, 40_000)).toBe(row);
    expect([t.sndNxt(row), t.rcvNxt(row), t.windowField(row)]).toEqual([seq(0x8000_0001), -1, 65_535]);
    expect([t.hasTimestamps(row), t.tsRecent(row), t.tsOffset(row)]).toEqual([true, -5, -7]);
    expect(t.expiresAt(row)).toBe(1000.5);
    expect([t.localAddress(row).toString(), t.localPort(row)]).toEqual(['10.0.0.1', 80]);
    expect([t.remoteAddress(row).toString(), t.remotePort(row)]).toEqual(['10.0.0.2', 40_000]);
    t.setTsRecent(row, 99);
    expect(t.tsRecent(row)).toBe(99);
    expect(t.hasTimestamps(t.add(entry(1, { hasTimestamps: false }), 1000.5))).toBe(false);
  });

  test('is found by its own tuple only, of either family', () => {
    const t = tableOf(4);
    const local = address('fe80::1%3');
    const remote = address('fe80::2%3');
    const row = t.add(entry(65_535, { localAddress: local, localPort: 65_535, remoteAddress: remote }), 1);
    expect(t.find(local, 65_535, remote, 65_535)).toBe(row);
    expect(t.find(local, 65_535, address('fe80::2%4'), 65_535)).toBe(-1);
    expect(t.find(remote, 65_535, local, 65_535)).toBe(-1);
    expect(t.find(local, 65_534, remote, 65_535)).toBe(-1);
    expect([t.remoteAddress(row).toString(), t.remotePort(row)]).toEqual(['fe80::2%3', 65_535]);
    expect([t.localAddress(row).toString(), t.localPort(row)]).toEqual(['fe80::1%3', 65_535]);
  });

  test('is not found by a tuple that has the same hash', () => {
    const t = tableOf(4);
    t.add(entry(40_000), 1);
    const six = address('fd00::2');
    t.add(entry(40_000, { localAddress: address('fd00::1'), remoteAddress: six }), 1);
    for (let i = 1; i <= 200; i++) {
      expect(t.find(a, 80 + i, b, 40_000)).toBe(-1);
      expect(t.find(a, 80, b, 40_000 + i)).toBe(-1);
      expect(t.find(v4(10, 1, 0, i), 80, b, 40_000)).toBe(-1);
      expect(t.find(a, 80, v4(10, 1, 0, i), 40_000)).toBe(-1);
      for (const [p, q, r, s] of [[i, 0, 0, 2], [six.w0, i, 0, 2], [six.w0, 0, i, 2], [six.w0, 0, 0, 2 + i]] as const) {
        expect(t.find(address('fd00::1'), 80, new Address(p, q, r, s), 40_000)).toBe(-1);
      }
    }
  });
});

describe('the table', () => {
  test('is empty at first, and waits for nothing', () => {
    const t = tableOf(4);
    expect([t.size, t.nextTimeout(), t.find(a, 80, b, 1), t.expire(1e9)]).toEqual([0, NEVER, -1, 0]);
    t.check();
  });

  test('lets each row go when 2MSL are over, not before', () => {
    const t = tableOf(10);
    for (let i = 0; i < 3; i++) t.add(entry(i + 1), i * 10 + TWO_MSL);
    expect(t.nextTimeout()).toBe(TWO_MSL);
    expect(t.expire(TWO_MSL - 0.001)).toBe(0);
    expect(t.expire(TWO_MSL)).toBe(1);
    expect(t.find(a, 80, b, 1)).toBe(-1);
    expect(t.nextTimeout()).toBe(TWO_MSL + 10);
    expect(t.expire(TWO_MSL + 1000)).toBe(2);
    expect([t.size, t.nextTimeout()]).toEqual([0, NEVER]);
    t.check();
  });

  test('waits anew when the FIN comes again: RFC 9293 §3.10.7.4, eighth', () => {
    const t = tableOf(10);
    const first = t.add(entry(1), 100);
    t.add(entry(2), 200);
    t.refresh(first, 300);
    t.check();
    expect(t.nextTimeout()).toBe(200);
    expect(t.expire(200)).toBe(1);
    expect(t.find(a, 80, b, 1)).toBe(first);
    expect(t.expire(300)).toBe(1);
  });

  test('replaces the row of a tuple that comes again', () => {
    const t = tableOf(10);
    t.add(entry(1), 100);
    t.add(entry(2), 150);
    const again = t.add(entry(1, { rcvNxt: seq(5) }), 200);
    expect([t.size, t.find(a, 80, b, 1), t.rcvNxt(again), t.nextTimeout()]).toEqual([2, again, 5, 150]);
    t.check();
  });

  test('gives up the oldest when it is full', () => {
    const t = tableOf(3);
    for (let i = 1; i <= 5; i++) t.add(entry(i), i);
    expect(t.size).toBe(3);
    expect([1, 2, 3, 4, 5].map((port) => t.find(a, 80, b, port) >= 0)).toEqual([false, false, true, true, true]);
    t.check();
    // One that is there already takes no one's place.
    t.add(entry(3), 9);
    expect([3, 4, 5].map((port) => t.find(a, 80, b, port) >= 0)).toEqual([true, true, true]);
  });

  test('makes its rows as they are needed, up to the capacity and no further', () => {
    const t = tableOf(100);
    expect(t['rows'].allocated).toBe(0);
    t.add(entry(1), 1);
    expect(t['rows'].allocated).toBe(16);
    for (let i = 2; i < 300; i++) t.add(entry(i), i);
    expect(t['rows'].allocated).toBe(100);
    expect(t.size).toBe(100);
    t.check();
  });

  test('is on the list of limits', () => {
    const limits = new LimitRegistry();
    const t = new TimeWaitTable(new SeededRandom(4), limits);
    t.add(entry(1), 1);
    const [limit] = limits.all();
    expect(limit).toMatchObject({ name: 'tcp.time-wait', unit: 'entries', max: 16_384 });
    expect(limit!.used()).toBe(1);
  });
});
