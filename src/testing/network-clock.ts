// Whose time a network lives by: its own, which jumps to whatever happens next; the platform's; or a test's fake timers,
// which are looked up each time, for they come and go.

import { presentClock, realClock, type WallClock } from '../driver.js';

/** Fake timers that can be moved: vitest's `vi`, jest's `jest`, or what sinon's `useFakeTimers` gave. */
export interface FakeTimers {
  advanceTimersByTimeAsync?(ms: number): Promise<unknown>;
  tickAsync?(ms: number): Promise<unknown>;
}

/**
 * `virtual`: time passes when `advance` or `run…` says so, and jumps. `real`: by itself. `follow`: as the timers of the
 * platform do, faked or not; `{ follow: vi }` also lets `advance` and `run…` move them.
 */
export type NetworkClock = 'virtual' | 'real' | 'follow' | { readonly follow: FakeTimers };

/** Time that passes by itself, as a network sees it. */
export class OutsideClock {
  private readonly wall: WallClock;
  private readonly timers: FakeTimers | null;
  private last: number;
  private time = 0;

  constructor(clock: Exclude<NetworkClock, 'virtual'>) {
    this.wall = clock === 'real' ? realClock : presentClock;
    this.timers = typeof clock === 'object' ? clock.follow : null;
    this.last = this.wall.now();
  }

  /** ms since the network was made. Timers that are put in place of others, and count from elsewhere, do not move it back. */
  now(): number {
    const reading = this.wall.now();
    this.time += Math.max(0, reading - this.last);
    this.last = reading;
    return this.time;
  }

  /** A timer has rung that was set for `time`: it is that late, even if nobody faked the clock beside the timers. */
  reached(time: number): void {
    this.time = Math.max(this.now(), time);
  }

  after(ms: number, run: () => void): () => void {
    return this.wall.after(ms, run);
  }

  /** Let `ms` pass: by moving the fake timers, where we may, else by waiting. */
  async pass(ms: number): Promise<void> {
    const { timers } = this;
    // They know whole milliseconds alone.
    const whole = Math.ceil(ms);
    if (timers?.advanceTimersByTimeAsync !== undefined) await timers.advanceTimersByTimeAsync(whole);
    else if (timers?.tickAsync !== undefined) await timers.tickAsync(whole);
    else await new Promise<void>((resolve) => void this.wall.after(ms, resolve));
  }

  /** Does time stand still until we move it? */
  get isOurs(): boolean {
    return this.timers !== null;
  }
}
