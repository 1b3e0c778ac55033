// What keeps the process alive. A kernel's socket does it by being in libuv's loop; ours are in no loop, so that one
// timer, which never rings, stands there for all of them.

// Taken from where a test's fake timers do not reach.
import { clearInterval, setInterval } from 'node:timers';

/** Longest sleep that setTimeout takes: 24 days. */
const LONG_MS = 2 ** 31 - 1;

let holders = 0;
let anchor: ReturnType<typeof setInterval> | null = null;

/** One more reason to live. */
export function hold(): void {
  if (++holders === 1) anchor = setInterval(nothing, LONG_MS);
}

/** One less. */
export function release(): void {
  if (--holders > 0 || anchor === null) return;
  clearInterval(anchor);
  anchor = null;
}

/** One open handle: it holds the process while it is open and referenced, as libuv's do. */
export class Liveness {
  private isOpen = false;
  private isReferenced = true;
  private isHolding = false;

  /** From now on it counts. */
  open(): void {
    this.isOpen = true;
    this.settle();
  }

  /** It counts no more. Idempotent. */
  close(): void {
    this.isOpen = false;
    this.settle();
  }

  ref(): void {
    this.isReferenced = true;
    this.settle();
  }

  unref(): void {
    this.isReferenced = false;
    this.settle();
  }

  get hasRef(): boolean {
    return this.isReferenced;
  }

  private settle(): void {
    const wanted = this.isOpen && this.isReferenced;
    if (wanted === this.isHolding) return;
    this.isHolding = wanted;
    if (wanted) hold();
    else release();
  }
}

function nothing(): void {}
