// What was sent again, for as long as somebody may say that it came twice: the "longer history of retransmissions" of RFC
// 3708 §3. It tells a needless retransmission from a packet that the network doubled.

/** Ranges that are kept, the latest. */
const KEPT = 64;

export class Resent {
  /** From and end, by turns, stream offsets. */
  private readonly ranges = new Float64Array(2 * KEPT);
  private count = 0;
  /** Of what lies behind it nothing is forgotten. */
  private forgottenEnd = 0;

  add(from: number, end: number): void {
    const at = 2 * (this.count++ % KEPT);
    this.forgottenEnd = Math.max(this.forgottenEnd, this.ranges[at + 1]!);
    this.ranges[at] = from;
    this.ranges[at + 1] = end;
  }

  /** Was all of it sent again, as far as is remembered? */
  holds(from: number, end: number): boolean {
    for (let i = 0; i < 2 * KEPT && from < end; i += 2) {
      if (this.ranges[i]! > from || this.ranges[i + 1]! <= from) continue;
      from = this.ranges[i + 1]!;
      // What follows may have left before.
      i = -2;
    }
    return from >= end;
  }

  /** Something of it was sent once, for certain. RFC 3708 §3 (A.4). */
  lacks(from: number, end: number): boolean {
    return from >= this.forgottenEnd && !this.holds(from, end);
  }
}
