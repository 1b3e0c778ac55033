// F14: the same bytes twice are the same run: every frame, at the same time.

import { ensure } from '../harness/failure.js';
import { runConversation } from './conversation.js';
import { runWholeStack } from './whole-stack.js';

export function twice(data: Uint8Array): void {
  const rest = data.subarray(1);
  const run = (data[0] ?? 0) % 2 === 0 ? (): unknown => runWholeStack(rest) : (): unknown => runConversation(rest);
  const [once, again] = [run(), run()];
  ensure(once === again, () => `F14: ${String(once)}, and then ${String(again)}`);
}
