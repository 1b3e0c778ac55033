// That V8 forgets nothing while it is kept is a matter of measuring (`npm run bench -- http`). Here: that it is what a tick is.

import { executionAsyncResource } from 'node:async_hooks';
import { expect, test } from 'vitest';

import { keepTick } from '../../../../src/socket-api/node/tick-shape.js';

test('what is kept has the shape of what process.nextTick makes, and is made once', async () => {
  const tick = await new Promise<object>((resolve) => {
    process.nextTick(() => resolve(executionAsyncResource()));
  });
  const kept = keepTick();
  expect(Reflect.ownKeys(kept)).toEqual(Reflect.ownKeys(tick));
  expect(Reflect.ownKeys(tick)).toContain('callback');
  expect(keepTick()).toBe(kept);
});
