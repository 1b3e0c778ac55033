// Which connection a 4-tuple names, and what a peer who picks tuples can do about it.

import { describe, expect, test } from 'vitest';
import { Address, address, v4 } from '../../../src/address.js';
import { SeededRandom } from '../../../src/random.js';
import { ConnectionTable } from '../../../src/tcp/connection-table.js';

class Entry {
  nextInBucket: Entry | null = null;

  constructor(
    readonly localAddress: Address, readonly localPort: number,
    readonly remoteAddress: Address, readonly remotePort: number,
  ) {}
}

const a = address('10.0.0.1');
const b = address('10.0.0.2');
const table = (): ConnectionTable<Entry> => new ConnectionTable<Entry>(new SeededRandom(5));

/** The lengths of all chains that hold something. */
function chains(t: ConnectionTable<Entry>): number[] {
  const lengths: number[] = [];
  for (const head of t['buckets']) {
    let length = 0;
    for (let e = head; e !== null; e = e.nextInBucket) length++;
    if (length > 0) lengths.push(length);
  }
  return lengths;
}

describe('a connection', () => {
  test('is found by its 4-tuple and by no other', () => {
    const t = table();
    const entry = new Entry(a, 80, b, 5000);
    t.add(entry);
    expect(t.get(address('10.0.0.1'), 80, address('10.0.0.2'), 5000)).toBe(entry);
    expect(t.get(a, 81, b, 5000)).toBeNull();
    expect(t.get(a, 80, b, 5001)).toBeNull();
    expect(t.get(b, 80, b, 5000)).toBeNull();
    expect(t.get(a, 80, a, 5000)).toBeNull();
    expect(t.get(b, 5000, a, 80)).toBeNull();
  });

  // Chains hold strangers: of so many neighbours some have the same hash, and only the comparison tells them apart.
  test('is not found by a tuple that has the same hash', () => {
    const t = table();
    t.add(new Entry(a, 80, b, 5000));
    for (let i = 1; i <= 200; i++) {
      expect(t.get(a, 80 + i, b, 5000)).toBeNull();
      expect(t.get(a, 80, b, 5000 + i)).toBeNull();
      expect(t.get(v4(10, 1, 0, i), 80, b, 5000)).toBeNull();
      expect(t.get(a, 80, v4(10, 1, 0, i), 5000)).toBeNull();
    }
  });

  test('of IPv6 is one by all 128 bits of both addresses', () => {
    const t = table();
    const local = address('fd00:1:2:3:4:5:6:7');
    const remote = address('fd00:7:6:5:4:3:2:1');
    const entry = new Entry(local, 80, remote, 5000);
    t.add(entry);
    expect(t.get(local, 80, remote, 5000)).toBe(entry);
    for (const other of ['fd01:7:6:5:4:3:2:1', 'fd00:7:6:4:4:3:2:1', 'fd00:7:6:5:4:1:2:1', 'fd00:7:6:5:4:3:2:0']) {
      expect(t.get(local, 80, address(other), 5000)).toBeNull();
      expect(t.get(address(other), 80, remote, 5000)).toBeNull();
    }
  });

  test('with a link-local peer is one per link: RFC 4007 §6', () => {
    const t = table();
    const on1 = new Entry(address('fe80::1%1'), 80, address('fe80::2%1'), 5000);
    const on2 = new Entry(address('fe80::1%2'), 80, address('fe80::2%2'), 5000);
    t.add(on1);
    t.add(on2);
    expect(t.get(address('fe80::1%1'), 80, address('fe80::2%1'), 5000)).toBe(on1);
    expect(t.get(address('fe80::1%2'), 80, address('fe80::2%2'), 5000)).toBe(on2);
    expect(t.get(address('fe80::1%3'), 80, address('fe80::2%3'), 5000)).toBeNull();
  });

  test('is gone when it is deleted, and deleting it again changes nothing', () => {
    const t = table();
    const entry = new Entry(a, 80, b, 5000);
    t.add(entry);
    t.delete(entry);
    t.delete(entry);
    expect([t.size, t.get(a, 80, b, 5000), entry.nextInBucket]).toEqual([0, null, null]);
    t.add(entry);
    expect(t.get(a, 80, b, 5000)).toBe(entry);
    expect(() => t.add(entry)).toThrow('twice');
  });

  test('comes in the order in which it was added, whatever its hash: same seed, same run', () => {
    const t = table();
    const entries = Array.from({ length: 100 }, (_, i) => new Entry(a, 80, b, 1000 + ((i * 37) % 100)));
    for (const e of entries) t.add(e);
    for (const e of entries.filter((_, i) => i % 3 === 0)) t.delete(e);
    expect([...t]).toEqual(entries.filter((_, i) => i % 3 !== 0));
  });
});

describe('chosen tuples', () => {
  // 2^17 tuples in 2^17 buckets: a random function's longest chain is 8 or 9, rarely 11.
  const LONGEST = 14;
  const N = 100_000;
  const floods: Record<string, (i: number) => Entry> = {
    'all ports of two addresses': (i) => new Entry(a, 80, v4(10, 9, 0, i >> 16), i & 0xffff),
    'an address range, one port': (i) => new Entry(a, 80, v4(10, i >> 16, i >> 8, i), 4000),
    'strides of a power of two': (i) => new Entry(a, 80, v4(i >> 9, i >> 1, 0, 0), (i & 1) << 15),
    'port and address moving against each other': (i) =>
      new Entry(a, 80, v4(10, 0, (0x10000 - (i & 0xffff)) >> 8, 0x10000 - (i & 0xffff)), i & 0xffff),
    'both ports': (i) => new Entry(a, i >> 8, b, i & 0xff),
    'one IPv6 prefix': (i) => new Entry(
      address('fd00::1'), 80, address(`fd00:0:0:${(i >> 8).toString(16)}::${(i & 0xff).toString(16)}`), 4000,
    ),
  };
  test.each(Object.keys(floods))('do not pile up: %s', (name) => {
    const t = table();
    for (let i = 0; i < N; i++) t.add(floods[name]!(i));
    const lengths = chains(t);
    expect(lengths.reduce((x, y) => x + y)).toBe(N);
    expect(Math.max(...lengths)).toBeLessThanOrEqual(LONGEST);
    // As many buckets are hit as a random function would hit: 2^17 * (1 - e^-0.763) = 69,960.
    expect(lengths.length).toBeGreaterThan(60_000);
    // All of them are found again.
    for (const i of [0, 1, N >> 1, N - 1]) {
      const { localAddress, localPort, remoteAddress, remotePort } = floods[name]!(i);
      expect(t.get(localAddress, localPort, remoteAddress, remotePort)).not.toBeNull();
    }
  });

  test('that pile up under one secret do not under another', () => {
    // A peer who somehow knew one stack's secret picks what falls into the fullest buckets ...
    const known = new ConnectionTable<Entry>(new SeededRandom(1));
    const dice = new SeededRandom(9);
    for (let i = 0; i < N; i++) {
      known.add(new Entry(a, 80, new Address(0, 0, 0xffff, dice.u32() | 0), dice.below(65_536)));
    }
    const picked: Entry[] = [];
    for (const head of known['buckets']) {
      const chain: Entry[] = [];
      for (let e = head; e !== null; e = e.nextInBucket) chain.push(e);
      if (chain.length >= 5) picked.push(...chain);
    }
    expect(picked.length).toBeGreaterThan(500);
    // ... and meets another.
    const other = new ConnectionTable<Entry>(new SeededRandom(2));
    for (const e of picked) other.add(new Entry(e.localAddress, e.localPort, e.remoteAddress, e.remotePort));
    expect(Math.max(...chains(other))).toBeLessThanOrEqual(10);
  });
});
