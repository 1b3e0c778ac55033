// What a connection that has nothing under way shares with all others of its stack: an empty scoreboard, a recovery in
// which nothing is lost, a rate of nothing. It has records of its own from the first byte that it sends, and gives them
// back when it comes to rest. Ten thousand idle connections own none of them.

import { assert } from '../assert.js';
import { ReceiveQueue } from '../byte-queue.js';
import { DeliveryRate } from './delivery.js';
import { Recovery } from './recovery.js';
import type { RunMemory } from './run-memory.js';
import { Scoreboard } from './scoreboard.js';
import { Timers } from './timers.js';

/** Records kept for who needs one next; they come and go with every batch. */
const KEPT_MAX = 256;

/** One per stack. Nobody writes into the shared records. */
export class AtRest {
  readonly scoreboard: Scoreboard;
  readonly recovery = new Recovery();
  /** Nothing was ever sent. */
  readonly rate = new DeliveryRate();
  /** ... because the application had nothing to send. */
  readonly limitedRate = new DeliveryRate();
  readonly receiveQueue = new ReceiveQueue();
  private readonly freeTimers: Timers[] = [];
  private readonly freeQueues: ReceiveQueue[] = [];

  constructor(runs: RunMemory) {
    this.scoreboard = new Scoreboard(runs);
    this.limitedRate.onAppLimited(0);
  }

  takeTimers(): Timers {
    return this.freeTimers.pop() ?? new Timers();
  }

  /** None of them is armed. */
  putTimers(timers: Timers): void {
    if (this.freeTimers.length < KEPT_MAX) this.freeTimers.push(timers);
  }

  takeQueue(): ReceiveQueue {
    return this.freeQueues.pop() ?? new ReceiveQueue();
  }

  /** It is empty. */
  putQueue(queue: ReceiveQueue): void {
    if (this.freeQueues.length < KEPT_MAX) this.freeQueues.push(queue);
  }

  /** Asserts that nobody wrote. For tests. */
  check(): void {
    const { scoreboard, recovery, rate, limitedRate, receiveQueue } = this;
    scoreboard.check();
    receiveQueue.check();
    assert(scoreboard.isEmpty && receiveQueue.length === 0, 'tcp: nothing is under way at rest');
    assert(recovery.isAsNew(0) && recovery.sampledAt === -Infinity, 'tcp: nothing is repaired at rest');
    assert(rate.delivered + limitedRate.delivered + rate.latest + limitedRate.latest === 0, 'tcp: nothing is delivered at rest');
    assert(!rate.isAppLimited && limitedRate.isAppLimited, 'tcp: why nothing was sent is known at rest');
    assert(this.freeTimers.every((timers) => timers.isIdle), 'tcp: what is not armed is kept');
  }
}
