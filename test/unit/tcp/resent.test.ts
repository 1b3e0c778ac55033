// The memory of what was sent again: RFC 3708 §3 asks it of each DSACK.

import { expect, test } from 'vitest';

import { Resent } from '../../../src/tcp/resent.js';

test('what was sent again in pieces is held as one, in whatever order', () => {
  const resent = new Resent();
  resent.add(3000, 4000);
  resent.add(1000, 2000);
  resent.add(2000, 3000);
  expect(resent.holds(1000, 4000)).toBe(true);
  expect(resent.holds(1500, 1600)).toBe(true);
  expect(resent.lacks(1000, 4000)).toBe(false);
});

test.each([[0, 1000], [900, 1100], [1900, 2100], [2000, 3000]])('%i to %i was sent once, at least in part', (from, end) => {
  const resent = new Resent();
  resent.add(1000, 2000);
  expect(resent.holds(from, end)).toBe(false);
  expect(resent.lacks(from, end)).toBe(true);
});

test('of what lies before what is forgotten nothing is certain', () => {
  const resent = new Resent();
  for (let i = 0; i < 65; i++) resent.add(2000 * i, 2000 * i + 1000);
  // The first of them is forgotten.
  expect(resent.holds(0, 1000)).toBe(false);
  expect(resent.lacks(0, 1000)).toBe(false);
  expect(resent.lacks(1000, 2000)).toBe(true);
  expect(resent.holds(2000, 3000)).toBe(true);
});
