// The connection table against a Map with string keys, after any history.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Address } from '../../src/address.js';
import { SeededRandom } from '../../src/random.js';
import { ConnectionTable } from '../../src/tcp/connection-table.js';

interface Entry {
  readonly localAddress: Address;
  readonly localPort: number;
  readonly remoteAddress: Address;
  readonly remotePort: number;
  nextInBucket: Entry | null;
}

const word = fc.constantFrom(0, 1, -1, 0x10000, 0xffff);
// Few values, so that tuples meet and differ in one place only.
const anyAddress = fc.oneof(
  word.map((w) => new Address(0, 0, 0xffff, w)),
  fc.tuple(word, word, word, word).map(([p, q, r, s]) => new Address(p, q, r, s)),
);
const anyPort = fc.constantFrom(1, 2, 256, 65_535);
const tuple = fc.tuple(anyAddress, anyPort, anyAddress, anyPort);
type Tuple = [Address, number, Address, number];
const keyOf = ([l, lp, r, rp]: Tuple): string => [l.w0, l.w1, l.w2, l.w3, lp, r.w0, r.w1, r.w2, r.w3, rp].join();

const operation = fc.oneof(
  { weight: 3, arbitrary: fc.record({ add: tuple }) },
  { weight: 1, arbitrary: fc.record({ remove: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ look: tuple }) },
);

test('the table is a map from 4-tuples to connections, in order of arrival', () => {
  fc.assert(fc.property(fc.integer(), fc.array(operation, { maxLength: 200, size: 'max' }), (seed, list) => {
    const table = new ConnectionTable<Entry>(new SeededRandom(seed));
    const model = new Map<string, Entry>();
    for (const op of list) {
      if ('add' in op) {
        const [localAddress, localPort, remoteAddress, remotePort] = op.add;
        if (model.has(keyOf(op.add))) continue;
        const entry = { localAddress, localPort, remoteAddress, remotePort, nextInBucket: null };
        table.add(entry);
        model.set(keyOf(op.add), entry);
      } else if ('remove' in op) {
        const all = [...model];
        const chosen = all[op.remove % Math.max(1, all.length)];
        if (chosen === undefined) continue;
        table.delete(chosen[1]);
        model.delete(chosen[0]);
      } else {
        expect(table.get(...op.look)).toBe(model.get(keyOf(op.look)) ?? null);
      }
      expect(table.size).toBe(model.size);
    }
    const inTable = [...table];
    expect(inTable.length).toBe(model.size);
    let i = 0;
    for (const [key, entry] of model) {
      expect(inTable[i++]).toBe(entry);
      const found = table.get(entry.localAddress, entry.localPort, entry.remoteAddress, entry.remotePort);
      expect(found, key).toBe(entry);
    }
  }), { numRuns: 200 });
});
