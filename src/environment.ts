// What the stack gives every protocol, once: memory, chance, time's wheel, and the two lists that work waits on.

import type { Counters } from './counters.js';
import type { LimitRegistry } from './limits.js';
import type { PacketPool } from './packet.js';
import type { Random } from './random.js';
import type { TimerWheel } from './timer-wheel.js';

/** Something with news for the application. Its news is told when no packet is being processed. */
export interface Announcer {
  /** Tell the owner what happened since the last time. */
  announce(): void;
}

export interface Environment {
  readonly pool: PacketPool;
  readonly counters: Counters;
  readonly limits: LimitRegistry;
  readonly random: Random;
  readonly wheel: TimerWheel;
  /** The time for what happens between polls: a user's call. Whatever `poll` leads to is given `now` instead. */
  now(): number;
  /** `announcer.announce()` will be called once, when the machine is at rest. The caller avoids doubles by its own mark. */
  announceLater(announcer: Announcer): void;
  /** Work waits: somebody must call `poll` soon. */
  wake(): void;
}
