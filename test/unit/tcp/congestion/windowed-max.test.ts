// The filter against what it says: the largest value of the present slot and of the last one that had any.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { WindowedMax } from '../../../../src/tcp/congestion/windowed-max.js';

test('is the maximum of two slots, and an empty slot costs none that is known', () => {
  const step = fc.oneof(fc.integer({ min: 1, max: 50 }), fc.constant('advance' as const));
  fc.assert(fc.property(fc.array(step), (steps) => {
    const max = new WindowedMax();
    const slots: number[][] = [[]];
    for (const each of steps) {
      if (each === 'advance') {
        max.advance();
        if (slots.at(-1)!.length > 0) slots.push([]);
      } else {
        max.add(each);
        slots.at(-1)!.push(each);
      }
      expect(max.value).toBe(Math.max(0, ...slots.slice(-2).flat()));
    }
  }));
});
