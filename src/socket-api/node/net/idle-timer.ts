// How long a socket may be idle before 'timeout' is emitted, on the stack's clock: virtual time moves it.

import type { Announcer } from '../../../environment.js';
import { type Expirable, TimerEntry } from '../../../timer-wheel.js';
import type { HostStack } from '../host.js';

/** Activity is an assignment: the wheel's entry is moved when it rings too early, not with every byte. */
export class IdleTimer implements Expirable, Announcer {
  private readonly entry = new TimerEntry(this);
  private activeAt: number;
  private isArmed = true;

  constructor(private readonly stack: HostStack, private readonly ms: number, private readonly owner: { _onTimeout(): void }) {
    this.activeAt = stack.now();
    this.arm(this.activeAt + ms);
    // Whoever sleeps has to look again.
    stack.wake();
  }

  /** Something has happened. After it has rung, it begins anew. */
  refresh(): void {
    this.activeAt = this.stack.now();
    if (this.isArmed) return;
    this.isArmed = true;
    this.arm(this.activeAt + this.ms);
    this.stack.wake();
  }

  stop(): void {
    this.isArmed = false;
    this.stack.tcp.env.wheel.cancel(this.entry);
  }

  private arm(at: number): void {
    this.stack.tcp.env.wheel.schedule(this.entry, at);
  }

  expire(now: number): void {
    const dueAt = this.activeAt + this.ms;
    if (now < dueAt) {
      this.arm(dueAt);
      return;
    }
    this.isArmed = false;
    this.stack.tcp.env.announceLater(this);
  }

  announce(): void {
    // It may have been stopped, or there was activity, since it rang.
    if (!this.isArmed) this.owner._onTimeout();
  }
}
