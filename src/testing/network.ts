// Networks in one process: hosts, links, switches, routers and NATs on one clock and from one seed. Time is virtual and jumps
// to whatever happens next, or passes outside and is followed. The same seed gives the same frames, and the same hash of them.
// Whoever has dice has a stream of its own, by its name: one more host shifts nobody else's.

import { turnOfTheLoop } from '../driver.js';
import { invalidArgument, invalidValue } from '../errors.js';
import type { Packet } from '../packet.js';
import { SeededRandom } from '../random.js';
import { NEVER } from '../time.js';
import { addressesOn, linkAddressOf, type Subnet, subnetOf } from './addressing.js';
import { Sleep } from './diagnosis.js';
import { type Duration, msOf, spanText } from './duration.js';
import { EventQueue, type Happening } from './event-queue.js';
import { Fault } from './fault.js';
import { FlightQueue } from './flight-queue.js';
import { FrameLog } from './frame-log.js';
import type { Fate, Impairments } from './impairment.js';
import { Link, type LinkEnd, type LinkWorld } from './link.js';
import { NatHost, type NatOptions, NatSide } from './nat-host.js';
import { type NetworkClock, OutsideClock } from './network-clock.js';
import { NetworkLink } from './network-link.js';
import { Host, type HostOptions, PollHost, SwitchNode } from './network-node.js';
import { Partitions } from './partitions.js';
import { type Check, replayLine } from './replay.js';
import { installRoutes } from './routing.js';
import { Trace } from './trace.js';

export interface NetworkOptions {
  /** 32 bits. The same gives the same run. Default 1. */
  readonly seed?: number;
  /** Default `virtual`. */
  readonly clock?: NetworkClock;
  /**
   * Lets whatever is ready in the program run, promises first, and is awaited between two moments of the network. Default: a
   * turn of the platform's event loop. Whoever waits for real files or children inside a test gives them time here.
   */
  readonly settle?: () => Promise<void>;
  /** Frames that are kept whole, for traces. Default 10,000; 0: the hash alone. */
  readonly keep?: number;
  /** Of every link, where it does not say otherwise. Default: a delay of 1 ms. */
  readonly link?: Impairments;
  /** Of every host, where it does not say otherwise. */
  readonly stack?: HostOptions['stack'];
  /** `automatic`: every host knows the shortest way to every subnet. `manual`: its own alone. Default `automatic`. */
  readonly routes?: 'automatic' | 'manual';
  /** What `check` is to say. Default: the seed. */
  readonly check?: Check;
}

export interface NetworkLinkOptions extends Impairments {
  /** Instead of `delayMs`, as a span. */
  readonly delay?: Duration;
  readonly jitter?: Duration;
  /** Of the interfaces, bytes of IP packet. Default 1500. */
  readonly mtu?: number;
  /** The way back, where it is not as the way there. */
  readonly back?: Impairments;
  /** Default: the nodes' names, `a-b`. */
  readonly name?: string;
  /** Prefixes to take addresses from. Default: the next of our own. */
  readonly subnet?: Subnet;
  /** Addresses of the two ends, with prefix lengths, instead. */
  readonly addresses?: readonly [readonly string[], readonly string[]];
}

/** What a link can end at. */
export type Place = Host | SwitchNode | NatSide;

/** Moments without time passing after which somebody is in a circle. */
const MOMENTS_AT_ONCE_MAX = 100_000;
/** Of packets that arrive in one moment, after so many the hosts have a look: a thousand that all ask everybody are a million. */
const ARRIVALS_AT_ONCE = 8192;
/** Turns that a program may take after the last sign of it before nothing more is expected of it. */
const LAST_TURNS = 10;

/** @see NetworkOptions */
export const createNetwork = (options: NetworkOptions = {}): Network => new Network(options);

export class Network implements LinkWorld {
  /** Time, ms: as of the latest moment in which something happened. */
  now = 0;
  readonly seed: number;
  /** Hosts, routers and NATs. */
  readonly machines: Host[] = [];
  readonly switches: SwitchNode[] = [];
  readonly links: NetworkLink[] = [];
  readonly log: FrameLog;
  /** What was sent, in words, as a diagram, as a capture. */
  readonly trace: Trace;
  readonly stackOptions: HostOptions['stack'];
  /** For fast-check's `assert` and `commands`, so that one seed is all: `fc.assert(property, net.check)`. */
  readonly check: Check;
  private readonly random: SeededRandom;
  private readonly streams = new Map<string, SeededRandom>();
  private readonly outside: OutsideClock | null;
  private readonly settling: () => Promise<void>;
  private readonly flights = new FlightQueue<Packet>();
  private readonly calls = new EventQueue<() => void>();
  private readonly polls = new EventQueue<Host>();
  private readonly dueHosts: Host[] = [];
  private readonly pollHost = new PollHost(this.dueHosts);
  private readonly partitions = new Partitions();
  private readonly linkNames = new Set<string>();
  private readonly faults = new Set<Fault>();
  private readonly owners = new Map<LinkEnd, Host>();
  private readonly thrown: unknown[] = [];
  private readonly watchers = new Set<() => void>();
  /** What time stands still for. */
  private readonly outsideWork = new Set<PromiseLike<void>>();
  private readonly defaults: Impairments;
  private readonly routing: 'automatic' | 'manual';
  private subnets = 0;
  private remark: string | null = null;
  /** The program may have something to do. */
  private isTouched = true;
  private momentsAtOnce = 0;
  private isArriving = false;
  private alarm: (() => void) | null = null;
  private alarmAt = NEVER;
  private isClosed = false;

  constructor(options: NetworkOptions) {
    const { seed = 1, clock = 'virtual', keep = 10_000 } = options;
    if (!Number.isInteger(seed)) throw invalidArgument('seed', 'an integer', seed);
    this.seed = seed >>> 0;
    this.random = new SeededRandom(this.seed);
    this.check = options.check ?? { seed: this.seed };
    this.outside = clock === 'virtual' ? null : new OutsideClock(clock);
    this.settling = options.settle ?? turnOfTheLoop;
    this.log = new FrameLog(keep);
    this.trace = new Trace(this);
    this.stackOptions = options.stack ?? {};
    this.defaults = options.link ?? { delayMs: 1 };
    this.routing = options.routes ?? 'automatic';
  }

  // What there is.

  /** A host. Default name: the next letter, `a`, `b` … */
  host(name = this.freeName(), options: HostOptions = {}): Host {
    return this.add(new Host(this, this.checkName(name), options));
  }

  /** Several. */
  hosts<const N extends number>(count: N): Tuple<Host, N> {
    const made: Host[] = Array.from({ length: count }, () => this.host());
    return made as unknown as Tuple<Host, N>;
  }

  /** Who passes on what is for others. RFC 1812. */
  router(name = 'router', options: HostOptions = {}): Host {
    return this.add(new Host(this, this.checkName(name), options, true));
  }

  /** A router that lets many inside appear as one outside. Link `nat.inside` and `nat.outside`. RFC 4787, RFC 5382. */
  nat(name = 'nat', options: NatOptions & HostOptions = {}): NatHost {
    return this.add(new NatHost(this, this.checkName(name), options));
  }

  /** A switch, and the subnet of all that is linked to it. */
  switch(name = 'switch', options: { readonly subnet?: Subnet } = {}): SwitchNode {
    const made = new SwitchNode(this, this.checkName(name), options.subnet ?? subnetOf(++this.subnets));
    this.switches.push(made);
    return made;
  }

  /**
   * Join two places. Hosts get addresses in both families: between two of them on a subnet of their own, at a switch on the
   * switch's.
   */
  link(a: Place, b: Place, options: NetworkLinkOptions = {}): NetworkLink {
    const nodes = [a, b].map((place) => (place instanceof NatSide ? place.nat : place)) as [Host | SwitchNode, Host | SwitchNode];
    const switches = nodes.filter((node) => node instanceof SwitchNode);
    const name = this.freeLinkName(options.name ?? `${nodes[0].name}-${nodes[1].name}`);
    const subnet = switches[0]?.subnet ?? options.subnet ?? subnetOf(++this.subnets);
    const { delay, jitter } = options;
    const link = new Link(name, this, {
      ...this.defaults, ...options,
      ...(delay !== undefined && { delayMs: msOf('delay', delay) }),
      ...(jitter !== undefined && { jitterMs: msOf('jitter', jitter) }),
      ...(options.back !== undefined && { back: { ...this.defaults, ...options.back } }),
      ...(switches.length > 0 && { medium: 'ethernet' as const, linkAddresses: [linkAddressOf(`${name}.0`), linkAddressOf(`${name}.1`)] as const }),
    }, this.random.fork(`link ${name}`));
    const made = new NetworkLink(this, name, link, nodes, subnet);
    this.links.push(made);
    link.ends.forEach((end, side) => {
      end.tag = this.log.addPort({
        link: name, from: nodes[side]!.name, to: nodes[1 - side]!.name, medium: end.medium, mtu: end.mtu,
      });
    });
    nodes.forEach((node, side) => {
      const end = link.ends[side]!;
      if (node instanceof SwitchNode) {
        node.links.push(made);
        node.bridge.connect(end);
        return;
      }
      const place = side === 0 ? a : b;
      if (place instanceof NatSide) place.claim(made);
      this.owners.set(end, node);
      const number = switches.length > 0 ? ++switches[0]!.hostsOnIt : side + 1;
      node.attach(made, side as 0 | 1, options.addresses?.[side] ?? addressesOn(subnet, number));
    });
    this.routesChanged();
    return made;
  }

  /** The host of that name, or that has that address. */
  find(nameOrAddress: string): Host | null {
    return this.machines.find((host) => host.name === nameOrAddress || host.addresses.includes(nameOrAddress)) ?? null;
  }

  // Time.

  /** Let time pass; what happens at its very end, happens. */
  async advance(span: Duration): Promise<void> {
    const ms = msOf('span', span);
    if (this.outside !== null) {
      await this.outside.pass(ms);
      await this.settle();
      this.rethrow();
      return;
    }
    const until = this.now + ms;
    // The caller has done something, and what follows from it follows now.
    this.isTouched = true;
    for (;;) {
      await this.settleIfTouched();
      if (this.nextTimeout() > until) break;
      this.step();
    }
    this.now = until;
    await this.settle();
    this.rethrow();
  }

  /** A promise that time keeps: it resolves so much later. */
  sleep(span: Duration): Promise<void> {
    return new Promise((resolve) => this.after(span, resolve));
  }

  /** Call `run` so much later. The result calls it off. */
  after(span: Duration, run: () => void): () => void {
    const ticket = this.calls.plan(this.present() + msOf('span', span), CALL, run);
    const { order } = ticket;
    this.rearm();
    return () => this.calls.cancel(ticket, order);
  }

  /**
   * Time stands still until `work` is done, which takes time of the real world: a file, a child, WebAssembly. Of use in virtual
   * time, and in that of fake timers.
   */
  standStill<T>(work: PromiseLike<T>): PromiseLike<T> {
    const done = (): void => {
      this.outsideWork.delete(waiting);
      this.isTouched = true;
    };
    const waiting: PromiseLike<void> = work.then(done, done);
    this.outsideWork.add(waiting);
    return work;
  }

  /**
   * Let time pass until `isDone` says so, which is asked after every moment, or until the promise is settled, whose value is
   * returned.
   * @param options  max: time that may pass. Default 10 min
   * @throws Error with a diagnosis: it did not come to that in time, or nothing will ever happen any more
   */
  async runUntil<T>(isDone: (() => unknown) | PromiseLike<T>, options: { readonly max?: Duration } = {}): Promise<T> {
    const max = msOf('max', options.max ?? 600_000);
    const goal = typeof isDone === 'function' ? null : new Goal(isDone);
    const reached = goal === null ? isDone as () => unknown : (): boolean => goal.isSettled;
    if (this.outside !== null) await this.watch(reached, max);
    else await this.runVirtual(reached, max);
    this.rethrow();
    return goal?.value() as T;
  }

  /**
   * Let time pass until nothing happens any more: nothing is under way, nobody has anything to say, and no timer rings within
   * the ceiling. Time stops at the last thing that happened.
   * @param options  ceiling: time that may pass. Default 10 min
   */
  async runUntilIdle(options: { readonly ceiling?: Duration } = {}): Promise<Sleep> {
    const until = this.present() + msOf('ceiling', options.ceiling ?? 600_000);
    this.isTouched = true;
    for (;;) {
      await this.settleIfTouched();
      const next = this.nextTimeout();
      if (next > until) {
        if (!await this.isAsleep(until)) continue;
        this.rethrow();
        return new Sleep(this, this.inFlight > 0 ? 'ceiling' : next === NEVER ? 'quiet' : 'asleep');
      }
      if (this.outside === null) this.step();
      else await this.outside.pass(Math.max(1, next - this.present()));
    }
  }

  private async runVirtual(isDone: () => unknown, max: number): Promise<void> {
    const until = this.now + max;
    this.isTouched = true;
    for (;;) {
      await this.settleIfTouched();
      if (isDone()) return;
      if (this.nextTimeout() > until) {
        if (!await this.isAsleep(until)) continue;
        if (isDone()) return;
        const never = this.nextTimeout() === NEVER;
        if (!never) this.now = until;
        this.rethrow();
        throw new Error(`runUntil: ${never ? 'it will never be so' : `not within ${spanText(max)}`}. ${new Sleep(this, never ? 'quiet' : 'asleep').toString()}`);
      }
      this.step();
    }
  }

  /** The program may need a few turns more than the last that it was given. */
  private async isAsleep(until: number): Promise<boolean> {
    for (let turns = 0; turns < LAST_TURNS; turns++) {
      await this.settle();
      if (this.nextTimeout() <= until) return false;
    }
    return true;
  }

  /** In time that is not ours: look after every moment. */
  private async watch(isDone: () => unknown, max: number): Promise<void> {
    const until = this.present() + max;
    for (;;) {
      await this.settle();
      if (isDone()) return;
      const now = this.present();
      if (now >= until) throw new Error(`runUntil: not within ${spanText(max)}. ${new Sleep(this, 'asleep').toString()}`);
      const next = Math.min(until, Math.max(now + 1, this.nextTimeout()));
      if (this.outside!.isOurs) await this.outside!.pass(next - now);
      else await this.nextMoment(next - now);
    }
  }

  private nextMoment(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        cancel();
        this.watchers.delete(done);
        resolve();
      };
      const cancel = this.outside!.after(ms, done);
      this.watchers.add(done);
    });
  }

  /** Whatever is ready in the program runs. */
  async settle(): Promise<void> {
    let hasWaited: boolean;
    do {
      this.isTouched = false;
      await this.settling();
      hasWaited = this.outsideWork.size > 0;
      for (const work of this.outsideWork) await work;
      // What has been waited for has consequences, and they are due now.
    } while (hasWaited);
    this.rethrow();
  }

  private settleIfTouched(): Promise<void> | void {
    if (this.isTouched || this.outsideWork.size > 0) return this.settle();
  }

  /** When something happens next: ms, NEVER for nothing. */
  nextTimeout(): number {
    return Math.max(this.now, Math.min(this.flights.nextTimeout(), this.calls.nextTimeout(), this.polls.nextTimeout()));
  }

  /** The next moment: packets arrive, calls are made, and whoever has something to do does it. */
  private step(): void {
    const next = this.nextTimeout();
    if (next === NEVER) return;
    this.momentsAtOnce = next > this.now ? 0 : this.momentsAtOnce + 1;
    if (this.momentsAtOnce > MOMENTS_AT_ONCE_MAX) {
      throw new Error(`network: does not come to rest at ${this.now} ms: somebody is in a circle. Links have no delay?`);
    }
    this.now = next;
    this.moment();
  }

  private moment(): void {
    const { now } = this;
    let arrived = 0;
    this.isArriving = true;
    try {
      while (this.flights.happen(now)) {
        if (++arrived % ARRIVALS_AT_ONCE !== 0) continue;
        this.pollDue();
        this.isArriving = true;
      }
    } finally {
      // What a rule throws is its own affair.
      this.isArriving = false;
    }
    // One, and whoever waits for it has his turn before the next, as with the timers of a platform.
    if (this.calls.happen(now)) this.isTouched = true;
    this.pollDue();
  }

  private pollDue(): void {
    const { now, dueHosts } = this;
    this.isArriving = false;
    while (this.polls.happen(now));
    for (let i = 0; i < dueHosts.length; i++) {
      dueHosts[i]!.planned = NEVER;
      this.poll(dueHosts[i]!);
    }
    dueHosts.length = 0;
  }

  private poll(host: Host): void {
    const { now } = this;
    if (host.isDown) return;
    if (host.due > now) {
      this.planPoll(host, host.due);
      return;
    }
    const { stack } = host;
    const before = stack.announcements;
    host.due = NEVER;
    stack.poll(now);
    if (stack.announcements !== before) this.isTouched = true;
    this.planPoll(host, Math.min(host.due, stack.nextTimeout()));
  }

  private planPoll(host: Host, at: number): void {
    host.due = at;
    if (at >= host.planned || at === NEVER) return;
    host.planned = at;
    // Whom a packet wakes is polled when all that arrive now have arrived: he need not be sorted in first.
    if (this.isArriving && at <= this.now) this.dueHosts.push(host);
    else this.polls.plan(at, this.pollHost, host);
  }

  // What hosts and links ask.

  /** A host's stack wants to be polled. */
  wake(host: Host): void {
    this.planPoll(host, this.present());
    this.rearm();
  }

  /** Now, for a call from outside. */
  present(): number {
    if (this.outside !== null) this.now = Math.max(this.now, this.outside.now());
    return this.now;
  }

  plan(at: number, target: Happening<Packet>, packet: Packet): void {
    this.flights.plan(at, target, packet);
    this.rearm();
  }

  onFrame(from: LinkEnd, packet: Packet, fate: Fate): void {
    const { bytes, start, end } = packet;
    const arrival = fate === 'passed' ? from.impairment.arrivals[0]! : Number.NaN;
    this.log.add(from.tag, bytes, start, end, this.now, fate, arrival, this.remark);
  }

  onLateDrop(from: LinkEnd, packet: Packet): void {
    this.log.add(from.tag, packet.bytes, packet.start, packet.end, this.now, 'queue-full', Number.NaN, 'dropped at the head of its queue');
  }

  /** What is to be said of the next frames. */
  comment(text: string | null): void {
    this.remark = text;
  }

  /** Whether a packet that has come to a host is let in. */
  admits(host: Host, at: LinkEnd, packet: Packet): boolean {
    return this.partitions.isEmpty || !this.partitions.parts(host, packet, at.ipAt);
  }

  /**
   * A number, 0 .. 1, from the seed: in place of `Math.random`, where a program under test throws dice of its own.
   * @example vi.spyOn(Math, 'random').mockImplementation(net.chance)
   */
  readonly chance = (): number => this.diceOf('the program').u32() / 2 ** 32;

  /** Dice of that name's own: always those from their beginning. */
  dice(name: string): SeededRandom {
    return this.random.fork(name);
  }

  /** Dice of that name's own, which go on. */
  diceOf(name: string): SeededRandom {
    let stream = this.streams.get(name);
    if (stream === undefined) this.streams.set(name, stream = this.random.fork(`rules ${name}`));
    return stream;
  }

  onError(error: unknown): void {
    this.thrown.push(error);
    this.isTouched = true;
  }

  routesChanged(): void {
    if (this.routing === 'automatic' && this.machines.some((host) => host.forwards)) installRoutes(this);
  }

  // Faults.

  /** Make something go wrong; `begin` says how to mend it. */
  fault(what: string, begin: () => () => void): Fault {
    const fault = new Fault(what, begin(), (over) => this.faults.delete(over));
    this.faults.add(fault);
    return fault;
  }

  /** Nothing that one of `a` sends to one of `b` arrives, nor back, on whatever way. Neighbours still know of each other. */
  partition(a: Host | readonly Host[], b: Host | readonly Host[], options: { readonly oneWay?: boolean } = {}): Fault {
    const these: readonly Host[] = a instanceof Host ? [a] : a;
    const those: readonly Host[] = b instanceof Host ? [b] : b;
    return this.fault(`${these.join(', ')} and ${those.join(', ')} are parted`, () => {
      const ways = [this.partitions.add(these, those)];
      if (options.oneWay !== true) ways.push(this.partitions.add(those, these));
      return () => ways.forEach((mend) => mend());
    });
  }

  /** Everything that went wrong is mended, the latest first. */
  repair(): void {
    for (const fault of [...this.faults].reverse()) fault.undo();
  }

  // What is left.

  /** Packets that are under way, held ones included. */
  get inFlight(): number {
    return this.flights.size + this.links.reduce((sum, link) => sum + link.held + link.link.ends[0].waiting + link.link.ends[1].waiting, 0);
  }

  /** Calls that were asked for. */
  get planned(): number {
    return this.calls.size;
  }

  /** Of all frames until now. */
  get traceHash(): string {
    return this.log.hash;
  }

  /** One line to have this run again, and to see whether it is the same. */
  get replay(): string {
    return `replay('${replayLine(this.seed)}') // ${this.log.count} frames, trace hash ${this.traceHash}`;
  }

  /** What nobody closed: sockets, and packets that are under way. Empty: nothing. */
  leaks(): string[] {
    return new Sleep(this, 'quiet').leaks;
  }

  /** What is waited for, in words. */
  diagnosis(): string {
    return new Sleep(this, this.nextTimeout() === NEVER ? 'quiet' : 'asleep').toString();
  }

  /** Does its time pass only when it is told? */
  get isVirtual(): boolean {
    return this.outside === null;
  }

  /** Every host stops; what is under way is forgotten. */
  close(): void {
    this.isClosed = true;
    this.alarm?.();
    this.alarm = null;
    for (const host of this.machines) host.isDown = true;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  // In time that is not ours.

  private rearm(): void {
    if (this.outside === null || this.isClosed) return;
    const next = this.nextTimeout();
    if (next >= this.alarmAt) return;
    this.alarm?.();
    this.alarmAt = next;
    this.alarm = this.outside.after(next - this.present(), () => this.ring());
  }

  private ring(): void {
    const due = this.alarmAt;
    this.alarm = null;
    this.alarmAt = NEVER;
    if (this.isClosed) return;
    this.outside!.reached(due);
    const until = this.present();
    for (let next = this.nextTimeout(); next <= until; next = this.nextTimeout()) {
      this.step();
    }
    for (const watcher of [...this.watchers]) watcher();
    this.rearm();
  }

  private rethrow(): void {
    if (this.thrown.length > 0) throw this.thrown.shift();
  }

  private add<T extends Host>(host: T): T {
    this.machines.push(host);
    return host;
  }

  private freeName(): string {
    for (let n = 0; ; n++) {
      const name = n < 26 ? String.fromCharCode(97 + n) : `h${n}`;
      if (this.find(name) === null) return name;
    }
  }

  private checkName(name: string): string {
    if (this.machines.some((host) => host.name === name) || this.switches.some((each) => each.name === name)) {
      throw invalidValue('name', 'is taken', name);
    }
    return name;
  }

  private freeLinkName(name: string): string {
    for (let n = 1; ; n++) {
      const free = n === 1 ? name : `${name}#${n}`;
      if (this.linkNames.has(free)) continue;
      this.linkNames.add(free);
      return free;
    }
  }
}

/** As many as were asked for, so that each has a name without a question mark. */
type Tuple<T, N extends number, R extends T[] = []> = number extends N ? T[] : R['length'] extends N ? R : Tuple<T, N, [...R, T]>;

const CALL: Happening<() => void> = { happen: (run) => run() };

/** A promise that is waited for, and whether it has been settled. */
class Goal<T> {
  isSettled = false;

  constructor(private readonly promise: PromiseLike<T>) {
    const mark = (): void => {
      this.isSettled = true;
    };
    promise.then(mark, mark);
  }

  value(): PromiseLike<T> {
    return this.promise;
  }
}
