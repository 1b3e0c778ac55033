// What is under way, in the order of its arrival. Most packets take as long as those before them: they stand in line, and
// nothing is sorted. A few lines, for as many lengths of ways; who fits behind nobody goes into a heap. Packets that arrive at
// the same time arrive in the order in which they set out.

import { NEVER } from '../time.js';
import { EventQueue, type Happening } from './event-queue.js';

const LANES = 4;

/** Invariant: in each lane nobody arrives before who stands in front of him. */
class Lane<T> {
  at = new Float64Array(16);
  order = new Float64Array(16);
  targets: (Happening<T> | null)[] = new Array<Happening<T> | null>(16).fill(null);
  what: (T | null)[] = new Array<T | null>(16).fill(null);
  head = 0;
  count = 0;
  /** When the last of them arrives. */
  lastAt = Number.NEGATIVE_INFINITY;

  /** When the first does. */
  get firstAt(): number {
    return this.count === 0 ? NEVER : this.at[this.head]!;
  }

  push(at: number, order: number, target: Happening<T>, what: T): void {
    if (this.count === this.at.length) this.grow();
    const slot = (this.head + this.count++) & (this.at.length - 1);
    this.at[slot] = at;
    this.order[slot] = order;
    this.targets[slot] = target;
    this.what[slot] = what;
    this.lastAt = at;
  }

  happen(): void {
    const slot = this.head;
    const target = this.targets[slot]!;
    const what = this.what[slot]!;
    this.targets[slot] = null;
    this.what[slot] = null;
    this.head = (slot + 1) & (this.at.length - 1);
    if (--this.count === 0) this.lastAt = Number.NEGATIVE_INFINITY;
    target.happen(what);
  }

  private grow(): void {
    const before = this.at.length;
    const [at, order] = [new Float64Array(2 * before), new Float64Array(2 * before)];
    const targets = new Array<Happening<T> | null>(2 * before).fill(null);
    const what = new Array<T | null>(2 * before).fill(null);
    for (let i = 0; i < before; i++) {
      const slot = (this.head + i) & (before - 1);
      at[i] = this.at[slot]!;
      order[i] = this.order[slot]!;
      targets[i] = this.targets[slot]!;
      what[i] = this.what[slot]!;
    }
    Object.assign(this, { at, order, targets, what, head: 0 });
  }
}

export class FlightQueue<T> {
  private readonly lanes = Array.from({ length: LANES }, () => new Lane<T>());
  private readonly others = new EventQueue<T>();
  private planned = 0;

  get size(): number {
    return this.lanes.reduce((sum, { count }) => sum + count, this.others.size);
  }

  /** When the next arrives; NEVER: none does. */
  nextTimeout(): number {
    const { lanes } = this;
    let earliest = this.others.nextTimeout();
    for (let i = 0; i < LANES; i++) earliest = Math.min(earliest, lanes[i]!.firstAt);
    return earliest;
  }

  /** At `at`, `target` is given `what`. */
  plan(at: number, target: Happening<T>, what: T): void {
    const { lanes } = this;
    // The line whose last is the least before him: the others stay free for who comes sooner.
    let best: Lane<T> | null = null;
    for (let i = 0; i < LANES; i++) {
      const lane = lanes[i]!;
      if (lane.lastAt <= at && (best === null || lane.lastAt > best.lastAt)) best = lane;
    }
    const order = this.planned++;
    if (best === null) this.others.planAs(order, at, target, what);
    else best.push(at, order, target, what);
  }

  /** The first arrives, if it is due. False: it is not, or there is none. */
  happen(now: number): boolean {
    const { lanes, others } = this;
    let first: Lane<T> | null = null;
    let at = NEVER;
    let order = 0;
    for (let i = 0; i < LANES; i++) {
      const lane = lanes[i]!;
      const { firstAt } = lane;
      if (firstAt > at || firstAt === NEVER || (firstAt === at && lane.order[lane.head]! > order)) continue;
      first = lane;
      at = firstAt;
      order = lane.order[lane.head]!;
    }
    const isOther = others.nextTimeout() < at || (others.nextTimeout() === at && at !== NEVER && others.nextOrder < order);
    if (isOther) return others.happen(now);
    if (first === null || at > now) return false;
    first.happen();
    return true;
  }
}
