// A call that waits: it is tried again whenever something may have happened. POSIX.1-2024 §2.10.7 (timeouts).

import { type Errno, WOULD_BLOCK } from './constants.js';
import type { Attempt, Outcome, SocketCommon } from './socket.js';

/** What waiting needs: the time, and to be called at a time. A `Stack` has both. */
export interface Waiting {
  now(): number;
  after(ms: number, run: () => void): () => void;
}

/**
 * A call under way on a blocking descriptor. What it has done so far is done; each `poll` goes on with it.
 *
 * `poll` it after every `stack.poll`: a timeout of the socket's has its place in `stack.nextTimeout`.
 */
export class PendingCall {
  /** What the call returned: 0 or more, -1 with `errno`, WOULD_BLOCK while it waits. */
  result: number = WOULD_BLOCK;
  /** The reason of -1. */
  errno: Errno | '' = '';
  private readonly deadline: number;
  private cancelAlarm: (() => void) | null = null;
  private wake: (() => void) | null = null;

  constructor(
    private readonly host: Waiting, private readonly attempt: Attempt, private readonly sockets: readonly SocketCommon[],
    timeoutMs: number,
  ) {
    this.deadline = host.now() + timeoutMs;
    // The alarm wakes whoever sleeps until then; `poll` looks at the clock.
    if (timeoutMs < Infinity) this.cancelAlarm = host.after(timeoutMs, () => this.wake?.());
  }

  /** A call that is over. */
  static settled(host: Waiting, result: number, errno: Errno | ''): PendingCall {
    const call = new PendingCall(host, { run: () => WOULD_BLOCK, otherwise: 0 }, [], Infinity);
    call.result = result;
    call.errno = errno;
    return call;
  }

  /** Go on. @returns as `result` */
  poll(): number {
    if (this.result !== WOULD_BLOCK) return this.result;
    let outcome: Outcome = this.sockets.some((socket) => socket.isClosed) ? 'EBADF' : this.attempt.run();
    if (outcome === WOULD_BLOCK && this.host.now() >= this.deadline) outcome = this.attempt.otherwise;
    if (outcome === WOULD_BLOCK) return WOULD_BLOCK;
    this.settle(outcome);
    return this.result;
  }

  private settle(outcome: Outcome): void {
    this.cancelAlarm?.();
    this.cancelAlarm = null;
    if (typeof outcome === 'number') this.result = outcome;
    else {
      this.result = -1;
      this.errno = outcome;
    }
  }

  /** Resolves with the call when it is over. For one who does not poll. */
  finished(): Promise<this> {
    return new Promise((resolve) => {
      const attend = (): void => {
        if (this.poll() === WOULD_BLOCK) return;
        for (const socket of this.sockets) socket.removeWaiter(attend);
        this.wake = null;
        resolve(this);
      };
      this.wake = attend;
      for (const socket of this.sockets) socket.addWaiter(attend);
      attend();
    });
  }
}
