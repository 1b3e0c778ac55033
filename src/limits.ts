// Every table, queue and cap of a stack, in one list, so that a test can assert on all of them at once.

/** Something that a peer could make grow, and how far it may. */
export interface Limit {
  /** Layer first: `ip.fragments.datagrams`. */
  readonly name: string;
  readonly unit: 'entries' | 'bytes' | 'packets' | 'per second';
  readonly max: number;
  /** Why this number: an RFC section, or another stack's practice. */
  readonly source: string;
  /** How much of it is used now. */
  readonly used: () => number;
}

export class LimitRegistry {
  private readonly limits = new Map<string, Limit>();

  add(limit: Limit): void {
    this.limits.set(limit.name, limit);
  }

  all(): readonly Limit[] {
    return [...this.limits.values()];
  }
}
