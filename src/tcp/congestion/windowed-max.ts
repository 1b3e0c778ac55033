// The largest of the values of the last ticks, in constant space: Kathleen Nichols' estimator, as draft-ietf-ccwg-bbr
// §5.5.5 names it. Ticks are whatever the caller counts (round trips, probing cycles).

/** Keeps the best three, each newer than the one before it; the first is the maximum. */
export class WindowedMax {
  private readonly values = [0, 0, 0];
  private readonly ticks = [0, 0, 0];

  get value(): number {
    return this.values[0]!;
  }

  /** Counts `value` at `tick`, and forgets what is `length` ticks older or more. Returns the maximum. */
  update(value: number, tick: number, length: number): number {
    const { values, ticks } = this;
    // A new maximum; or even the newest of the three is too old.
    if (value >= values[0]! || tick - ticks[2]! >= length) return this.reset(value, tick);
    if (value >= values[1]!) {
      this.put(1, value, tick);
      this.put(2, value, tick);
    } else if (value >= values[2]!) this.put(2, value, tick);
    return this.expire(value, tick, length);
  }

  reset(value: number, tick: number): number {
    for (let i = 0; i < 3; i++) this.put(i, value, tick);
    return value;
  }

  /** The maximum has left the window: the second best follows it. The others are kept apart in time, by parts of the window. */
  private expire(value: number, tick: number, length: number): number {
    const { values, ticks } = this;
    if (tick - ticks[0]! >= length) {
      this.put(0, values[1]!, ticks[1]!);
      this.put(1, values[2]!, ticks[2]!);
      this.put(2, value, tick);
      if (tick - ticks[0]! >= length) {
        this.put(0, values[1]!, ticks[1]!);
        this.put(1, value, tick);
      }
    } else if (ticks[1] === ticks[0] && tick - ticks[0]! >= length / 4) {
      this.put(1, value, tick);
      this.put(2, value, tick);
    } else if (ticks[2] === ticks[1] && tick - ticks[1]! >= length / 2) this.put(2, value, tick);
    return values[0]!;
  }

  private put(at: number, value: number, tick: number): void {
    this.values[at] = value;
    this.ticks[at] = tick;
  }
}
