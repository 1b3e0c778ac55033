// The deadlines of a connection and their minimum. The connection has the record while one of them is armed, and keeps one
// lazy entry in the stack's wheel.

import { NEVER } from '../time.js';

export class Timers {
  /** RFC 6298: something is in flight. */
  retransmitAt = NEVER;
  /** RFC 9293 §3.8.6.1: the window is shut, or too small to use, and text waits. Never together with `retransmitAt`. */
  persistAt = NEVER;
  /** RFC 8985 §8: the reordering window ends, or the tail is to be probed. */
  rackAt = NEVER;
  /** Pacing: the next packet may leave. */
  paceAt = NEVER;
  delayedAckAt = NEVER;
  keepAliveAt = NEVER;
  /** Give up at this time: SYN, user timeout, FIN-WAIT-2, an orphan's farewell. */
  deadAt = NEVER;
  /** No deadline: since when SND.UNA stands still although something is in flight or waits for a window; NEVER: nothing does. */
  stuckSince = NEVER;

  get isIdle(): boolean {
    return this.next() === NEVER && this.stuckSince === NEVER;
  }

  next(): number {
    return Math.min(
      this.retransmitAt, this.persistAt, this.rackAt, this.paceAt, this.delayedAckAt, this.keepAliveAt, this.deadAt,
    );
  }

  clear(): void {
    this.retransmitAt = NEVER;
    this.persistAt = NEVER;
    this.rackAt = NEVER;
    this.paceAt = NEVER;
    this.delayedAckAt = NEVER;
    this.keepAliveAt = NEVER;
    this.deadAt = NEVER;
    this.stuckSince = NEVER;
  }
}
