// A network of stacks in one process, on one virtual clock and from one seed: time jumps to whatever happens next. The same
// seed gives the same run, packet for packet, and the same trace hash.

import { type Packet } from '../packet.js';
import { SeededRandom } from '../random.js';
import { Stack, type StackOptions } from '../stack.js';
import { NEVER } from '../time.js';
import { EventQueue, type Happening } from './event-queue.js';
import { FlightQueue } from './flight-queue.js';
import type { Fate } from './impairment.js';
import { Link, type LinkEnd, type LinkOptions, type LinkWorld } from './link.js';

/** Steps without time passing after which somebody is in a circle. */
const STEPS_AT_ONCE_MAX = 10_000;

export interface SimulationLinkOptions extends LinkOptions {
  /** Addresses of the two ends. Default: 10.0.N.1/24, fd00:N::1/64 and 10.0.N.2/24, fd00:N::2/64 for the Nth link, from 1. */
  readonly addresses?: readonly [readonly string[], readonly string[]];
}

/** Why a run ended. */
export type Ending = 'done' | 'asleep' | 'late';

export class Host {
  /** When its stack wants to be polled; in the past: at once. */
  due = Number.NEGATIVE_INFINITY;

  constructor(readonly name: string, readonly stack: Stack) {
    stack.onWake = () => {
      this.due = Number.NEGATIVE_INFINITY;
    };
  }

  poll(now: number): void {
    this.stack.poll(now);
    this.due = this.stack.nextTimeout();
  }
}

export class Simulation implements LinkWorld {
  /** Virtual time, ms. */
  now = 0;
  readonly hosts: Host[] = [];
  readonly links: Link[] = [];
  /** Packets that were sent, lost ones too. */
  packets = 0;
  /** Told of each packet that was sent, and what becomes of it. */
  tap: ((from: LinkEnd, packet: Packet, fate: Fate) => void) | null = null;
  private readonly random: SeededRandom;
  private readonly flights = new FlightQueue<Packet>();
  private readonly calls = new EventQueue<() => void>();
  private hash = 0x811c_9dc5;
  private stepsAtOnce = 0;
  private readonly thrown: unknown[] = [];

  constructor(readonly seed = 1) {
    this.random = new SeededRandom(seed);
  }

  /** A host, whose chance comes from the seed and its name. */
  host(name: string, options: StackOptions = {}): Host {
    const stack = new Stack({
      random: this.random.fork(`host ${name}`), now: this.now,
      onApplicationError: (error) => this.thrown.push(error),
      ...options,
    });
    stack.clock = () => this.now;
    const host = new Host(name, stack);
    this.hosts.push(host);
    return host;
  }

  /** A link between two hosts, with addresses. Its chance comes from the seed and its number. */
  link(a: Host, b: Host, options: SimulationLinkOptions = {}): Link {
    const number = this.links.length + 1;
    const link = new Link(`link${number}`, this, options, this.random.fork(`link ${number}`));
    this.links.push(link);
    const usual = [1, 2].map((end) => [`10.0.${number}.${end}/24`, `fd00:${number.toString(16)}::${end}/64`]);
    const [atA, atB] = options.addresses ?? usual;
    a.stack.addInterface(link.ends[0], { addresses: atA });
    b.stack.addInterface(link.ends[1], { addresses: atB });
    return link;
  }

  /** Call `run`, `ms` from now. */
  after(ms: number, run: () => void): void {
    this.calls.plan(this.now + ms, CALL, run);
  }

  /**
   * Let time pass until `isDone`, which is asked after every step.
   * @param maxMs  virtual time that may pass
   * @returns      `asleep`: nothing will ever happen any more; `late`: `maxMs` have passed
   */
  run(isDone: () => boolean, maxMs = NEVER): Ending {
    const until = this.now + maxMs;
    while (!isDone()) {
      const next = this.nextTimeout();
      if (next === NEVER) return 'asleep';
      if (next > until) {
        this.now = until;
        return 'late';
      }
      this.step();
    }
    return 'done';
  }

  /** Let `ms` pass; what happens at their very end, happens. */
  advance(ms: number): void {
    const until = this.now + ms;
    while (this.nextTimeout() <= until) this.step();
    this.now = until;
  }

  /** When something happens next. */
  nextTimeout(): number {
    let next = Math.min(this.flights.nextTimeout(), this.calls.nextTimeout());
    for (const host of this.hosts) if (host.due < next) next = host.due;
    return next === Number.NEGATIVE_INFINITY ? this.now : next;
  }

  /**
   * The next thing happens: packets arrive, calls are made, and whoever has something to do does it.
   * @throws what an application throws
   */
  step(): void {
    const next = this.nextTimeout();
    if (next === NEVER) return;
    this.stepsAtOnce = next > this.now ? 0 : this.stepsAtOnce + 1;
    if (this.stepsAtOnce > STEPS_AT_ONCE_MAX) throw new Error(`simulation: does not come to rest at ${this.now} ms`);
    if (next > this.now) this.now = next;
    while (this.flights.happen(this.now));
    let called = false;
    while (this.calls.happen(this.now)) called = true;
    for (const host of this.hosts) {
      // A call from outside may have moved a deadline without waking anybody.
      if (called) host.due = Math.min(host.due, host.stack.nextTimeout());
      if (host.due <= this.now) host.poll(this.now);
    }
    if (this.thrown.length > 0) throw this.thrown.shift();
  }

  /** Packets that are under way. */
  get inFlight(): number {
    return this.flights.size;
  }

  /** What was sent until now: when, by whom, which headers, and what became of it. The same seed gives the same. */
  get traceHash(): string {
    return (this.hash >>> 0).toString(16).padStart(8, '0');
  }

  // What links ask of the world.

  plan(at: number, target: Happening<Packet>, packet: Packet): void {
    this.flights.plan(at, target, packet);
  }

  onFrame(from: LinkEnd, packet: Packet, fate: Fate): void {
    this.packets++;
    this.digest(from, packet, fate);
    this.tap?.(from, packet, fate);
  }

  /** FNV-1a by words. The transport's checksum speaks for the text. */
  private digest(from: LinkEnd, packet: Packet, fate: Fate): void {
    const { bytes: b, start, end } = packet;
    scratchTime[0] = this.now;
    let h = this.hash;
    h = Math.imul(h ^ scratchWords[0]!, 0x0100_0193);
    h = Math.imul(h ^ scratchWords[1]!, 0x0100_0193);
    h = Math.imul(h ^ (end - start) ^ (fate.charCodeAt(0) << 20), 0x0100_0193);
    h = Math.imul(h ^ from.name.charCodeAt(from.name.length - 1) ^ (from.name.charCodeAt(from.name.length - 3) << 8), 0x0100_0193);
    const stop = Math.min(end, start + 80);
    for (let i = start; i < stop; i++) h = Math.imul(h ^ b[i]!, 0x0100_0193);
    this.hash = h;
  }
}

const scratchTime = new Float64Array(1);
const scratchWords = new Uint32Array(scratchTime.buffer);

const CALL: Happening<() => void> = { happen: (run) => run() };
