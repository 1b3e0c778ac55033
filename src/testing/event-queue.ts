// What happens when, in virtual time: a binary heap. Events of the same time happen in the order in which they were planned.

import { NEVER } from '../time.js';

export interface Happening<T> {
  /** Its time has come. */
  happen(what: T): void;
}

class Entry<T> {
  at = 0;
  order = 0;
  target: Happening<T> | null = null;
  what: T | null = null;
}

/** What was planned, until it has happened. */
export interface Ticket {
  readonly order: number;
}

/** Invariant: no entry is due before its parent. Entries are used again: planning allocates nothing once the heap has grown. */
export class EventQueue<T> {
  private readonly heap: Entry<T>[] = [];
  private readonly free: Entry<T>[] = [];
  private planned = 0;
  /** Of the heap, those that were called off. */
  private dead = 0;

  get size(): number {
    return this.heap.length - this.dead;
  }

  /** When the next event is due; NEVER: there is none. */
  nextTimeout(): number {
    return this.heap.length === 0 ? NEVER : this.heap[0]!.at;
  }

  /** Of the first event, if there is one. */
  get nextOrder(): number {
    return this.heap[0]!.order;
  }

  /** At `at`, `target` is given `what`. @returns a ticket, for `cancel` */
  plan(at: number, target: Happening<T>, what: T): Ticket {
    return this.planAs(this.planned++, at, target, what);
  }

  /** The so-manieth of those that somebody else counts. */
  planAs(order: number, at: number, target: Happening<T>, what: T): Ticket {
    const entry = this.free.pop() ?? new Entry<T>();
    entry.at = at;
    entry.order = order;
    entry.target = target;
    entry.what = what;
    this.up(entry, this.heap.length);
    return entry;
  }

  /** It does not happen. `order` is the ticket's as it was when it was planned: who has happened makes room for others. */
  cancel(ticket: Ticket, order: number): void {
    const entry = ticket as Entry<T>;
    if (entry.order !== order || entry.target === null) return;
    entry.target = null;
    entry.what = null;
    this.dead++;
    // Those in the middle wait until they come to the top, or are the most.
    if (2 * this.dead > this.heap.length) this.sweep();
    else this.dropDead();
  }

  /** The first event happens, if it is due. False: it is not, or there is none. */
  happen(now: number): boolean {
    const { heap } = this;
    if (heap.length === 0 || heap[0]!.at > now) return false;
    const first = this.take();
    const target = first.target!;
    const what = first.what!;
    first.target = null;
    first.what = null;
    this.free.push(first);
    if (this.dead > 0) this.dropDead();
    target.happen(what);
    return true;
  }

  /** Invariant: the first of all is alive. */
  private dropDead(): void {
    while (this.heap.length > 0 && this.heap[0]!.target === null) {
      this.free.push(this.take());
      this.dead--;
    }
  }

  private sweep(): void {
    const alive = this.heap.filter((entry) => entry.target !== null);
    this.heap.length = 0;
    this.dead = 0;
    for (const entry of alive) this.up(entry, this.heap.length);
  }

  private take(): Entry<T> {
    const { heap } = this;
    const first = heap[0]!;
    const last = heap.pop()!;
    if (last !== first) this.down(last);
    return first;
  }

  private up(entry: Entry<T>, from: number): void {
    const { heap } = this;
    let i = from;
    while (i > 0) {
      const parent = (i - 1) >>> 1;
      if (isBefore(heap[parent]!, entry)) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = entry;
  }

  /** `entry` goes in at the root, and down to where it belongs. */
  private down(entry: Entry<T>): void {
    const { heap } = this;
    const size = heap.length;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= size) break;
      if (child + 1 < size && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (isBefore(entry, heap[child]!)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = entry;
  }
}

const isBefore = (a: Entry<unknown>, b: Entry<unknown>): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);
