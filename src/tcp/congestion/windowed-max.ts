// The largest of recent values, in constant space: two slots, of which the older one is forgotten when the newer one is
// full. draft-ietf-ccwg-bbr §5.5.6 needs no more for bandwidth; Linux does likewise for aggregation.

export class WindowedMax {
  private older = 0;
  private newer = 0;

  get value(): number {
    return Math.max(this.older, this.newer);
  }

  add(value: number): void {
    this.newer = Math.max(this.newer, value);
  }

  /** A new slot begins; unless the present one has nothing, for then the older one is the latest that is known. */
  advance(): void {
    if (this.newer === 0) return;
    this.older = this.newer;
    this.newer = 0;
  }
}
