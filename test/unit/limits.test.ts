// The list of all limits.

import { expect, test } from 'vitest';
import { type Limit, LimitRegistry } from '../../src/limits.js';

const limit = (name: string, max: number): Limit => ({ name, unit: 'entries', max, source: 'a test', used: () => 0 });

test('every limit that was registered is in the list, in the order of registration', () => {
  const registry = new LimitRegistry();
  expect(registry.all()).toEqual([]);
  const limits = [limit('tcp.connections', 10), limit('ip.fragments', 5)];
  for (const l of limits) registry.add(l);
  expect(registry.all()).toEqual(limits);
});

test('a limit registered again under its name replaces the first', () => {
  const registry = new LimitRegistry();
  registry.add(limit('tcp.connections', 10));
  registry.add(limit('tcp.connections', 20));
  expect(registry.all().map((l) => l.max)).toEqual([20]);
});

test('how much of a limit is used is asked when it is read', () => {
  const registry = new LimitRegistry();
  const table: number[] = [];
  registry.add({ ...limit('tcp.connections', 10), used: () => table.length });
  const [only] = registry.all();
  table.push(1, 2, 3);
  expect(only!.used()).toBe(3);
});

test('a list that was read does not change when more is registered', () => {
  const registry = new LimitRegistry();
  const before = registry.all();
  registry.add(limit('tcp.connections', 10));
  expect(before).toHaveLength(0);
});
