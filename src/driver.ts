// Who drives a stack in real time. The one file of the core that knows the clock and sleeps: after anything happens
// exactly one poll is pending, and a long run of polls lets the platform's event loop turn in between.

import type { Stack } from './stack.js';
import { NEVER } from './time.js';

/** Polls follow one another by microtask for so long; then the event loop gets its turn, lest others starve (SEC-92). */
const TURN_MS = 5;
/** setTimeout takes no more (SEC-98). */
const SLEEP_MS_MAX = 2 ** 31 - 1;

export interface Driver {
  /** The stack stands still until somebody else drives it. */
  stop(): void;
  /** While it sleeps, the process lives: the default. As a Node timer's; of no effect elsewhere. */
  ref(): void;
  /** While it sleeps, the process may end: what waits is the stack's own affair, a row in TIME-WAIT for instance. */
  unref(): void;
}

/** What Node's timers have and a browser's have not. */
interface Refable {
  ref?(): void;
  unref?(): void;
}

/** Drive `stack` by the platform's monotonic clock, until `stop`. */
export function drive(stack: Stack): Driver {
  return new RealTime(stack);
}

class RealTime implements Driver {
  private stopped = false;
  private pending = false;
  /** When a poll last began a turn of the event loop. */
  private turnAt = performance.now();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private timerAt = NEVER;
  private isReferenced = true;

  constructor(private readonly stack: Stack) {
    stack.clock = () => performance.now();
    stack.onWake = this.schedule;
    this.schedule();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    // Perhaps somebody else drives it by now.
    if (this.stack.onWake === this.schedule) this.stack.onWake = null;
  }

  ref(): void {
    this.isReferenced = true;
    (this.timer as Refable | undefined)?.ref?.();
  }

  unref(): void {
    this.isReferenced = false;
    (this.timer as Refable | undefined)?.unref?.();
  }

  private readonly schedule = (): void => {
    if (this.pending || this.stopped) return;
    this.pending = true;
    if (performance.now() - this.turnAt < TURN_MS) queueMicrotask(this.run);
    else nextTurn(this.runTurn);
  };

  private readonly run = (): void => {
    if (this.stopped) return;
    this.pending = false;
    const now = performance.now();
    this.stack.poll(now);
    if (!this.pending) this.sleepUntil(this.stack.nextTimeout(), now);
  };

  private readonly runTurn = (): void => {
    this.turnAt = performance.now();
    this.run();
  };

  /** The timer only moves forwards: one that rings too early finds nothing due, and is set again. */
  private sleepUntil(at: number, now: number): void {
    if (at >= this.timerAt) return;
    clearTimeout(this.timer);
    this.timerAt = at;
    this.timer = setTimeout(this.ring, Math.min(SLEEP_MS_MAX, Math.max(0, Math.ceil(at - now))));
    if (!this.isReferenced) (this.timer as Refable).unref?.();
  }

  private readonly ring = (): void => {
    this.timerAt = NEVER;
    if (!this.pending) this.runTurn();
  };
}

/** The platform's time, for whoever drives more than one stack with it. */
export interface WallClock {
  /** ms, monotonic. */
  now(): number;
  /** Calls `run` once, so many ms later or a little more; the result calls it off. */
  after(ms: number, run: () => void): () => void;
}

const setReal = setTimeout;
const clearReal = clearTimeout;
const immediate = typeof setImmediate === 'function' ? setImmediate : null;
const performanceNow = performance.now.bind(performance);

/** As the platform had it when this was loaded, whatever a test puts in its place. */
export const realClock: WallClock = {
  now: performanceNow,
  after(ms, run) {
    const timer = setReal(run, Math.min(SLEEP_MS_MAX, Math.max(0, Math.ceil(ms))));
    return () => clearReal(timer);
  },
};

/** As the platform has it at each call: the fake timers of a test, while there are such. */
export const presentClock: WallClock = {
  now: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, Math.min(SLEEP_MS_MAX, Math.max(0, Math.ceil(ms))));
    return () => clearTimeout(timer);
  },
};

/** Whatever is ready to run has run: promises, and what the platform queues besides them (process.nextTick). Never a fake's. */
export function turnOfTheLoop(): Promise<void> {
  return new Promise((resolve) => {
    if (immediate !== null) immediate(resolve);
    else setReal(resolve, 0);
  });
}

/** After input and output had their turn: setImmediate where there is one, else the shortest sleep. */
function nextTurn(run: () => void): void {
  if (typeof setImmediate === 'function') setImmediate(run);
  else setTimeout(run, 0);
}
