// The TIME-WAIT table against a sorted array of plain records, after any history.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { v4 } from '../../src/address.js';
import { LimitRegistry } from '../../src/limits.js';
import { SeededRandom } from '../../src/random.js';
import { seq } from '../../src/tcp/seq.js';
import { TimeWaitTable } from '../../src/tcp/time-wait.js';
import { NEVER } from '../../src/time.js';

interface Record {
  readonly port: number;
  readonly rcvNxt: number;
  expiresAt: number;
}

const local = v4(10, 0, 0, 1);
const remote = v4(10, 0, 0, 2);
const port = fc.integer({ min: 1, max: 60 });
// Mostly the same wait for all, as in a stack; sometimes another, which must not break the order.
const wait = fc.oneof(
  { weight: 5, arbitrary: fc.constant(100) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 200 }) },
);

const operation = fc.oneof(
  { weight: 6, arbitrary: fc.record({ add: port, wait, rcvNxt: fc.integer() }) },
  { weight: 2, arbitrary: fc.record({ refresh: port, wait }) },
  { weight: 1, arbitrary: fc.record({ remove: port }) },
  { weight: 2, arbitrary: fc.record({ sleep: fc.integer({ min: 0, max: 60 }) }) },
);

test('the table is a list of tuples by expiry, the oldest of which makes room', () => {
  fc.assert(fc.property(
    fc.integer(), fc.integer({ min: 1, max: 50 }), fc.array(operation, { maxLength: 150, size: 'max' }),
    (seed, capacity, list) => {
      const table = new TimeWaitTable(new SeededRandom(seed), new LimitRegistry(), capacity);
      let model: Record[] = [];
      let now = 0;
      /** Behind all that expire no later. */
      const put = (r: Record): void => {
        const at = model.findIndex((other) => other.expiresAt > r.expiresAt);
        model.splice(at < 0 ? model.length : at, 0, r);
      };
      const takeOut = (p: number): Record | undefined => {
        const found = model.find((r) => r.port === p);
        model = model.filter((r) => r !== found);
        return found;
      };
      for (const op of list) {
        if ('add' in op) {
          if (takeOut(op.add) === undefined && model.length === capacity) model.shift();
          put({ port: op.add, rcvNxt: op.rcvNxt, expiresAt: now + op.wait });
          table.add({
            localAddress: local, localPort: 80, remoteAddress: remote, remotePort: op.add, sndNxt: seq(1),
            rcvNxt: seq(op.rcvNxt), windowField: 0, hasTimestamps: false, tsRecent: 0, tsOffset: 0,
          }, now + op.wait);
        } else if ('refresh' in op) {
          const row = table.find(local, 80, remote, op.refresh);
          const record = takeOut(op.refresh);
          expect(row >= 0).toBe(record !== undefined);
          if (record === undefined) continue;
          put({ ...record, expiresAt: now + op.wait });
          table.refresh(row, now + op.wait);
        } else if ('remove' in op) {
          const row = table.find(local, 80, remote, op.remove);
          expect(row >= 0).toBe(takeOut(op.remove) !== undefined);
          if (row >= 0) table.remove(row);
        } else {
          now += op.sleep;
          const due = model.filter((r) => r.expiresAt <= now).length;
          model = model.filter((r) => r.expiresAt > now);
          expect(table.expire(now)).toBe(due);
        }
        table.check();
        expect(table.size).toBe(model.length);
        expect(table.nextTimeout()).toBe(model[0]?.expiresAt ?? NEVER);
      }
      for (const r of model) {
        const row = table.find(local, 80, remote, r.port);
        expect([table.rcvNxt(row), table.expiresAt(row)]).toEqual([r.rcvNxt, r.expiresAt]);
      }
    },
  ), { numRuns: 150 });
});
