// The stack: the floors put together. The only file that knows all protocols. It does no I/O and reads no clock:
// devices give frames to a bounded queue, `poll(now)` does the work, `nextTimeout()` says when to come back.

import { type Address, parseAddress, parsePrefix } from './address.js';
import { Counters } from './counters.js';
import type { Announcer, Environment } from './environment.js';
import { invalidArgument, type NetError } from './errors.js';
import { Icmp } from './icmp/icmp.js';
import type { Interface } from './ip/interface.js';
import { Ip } from './ip/ip.js';
import { LimitRegistry } from './limits.js';
import type { Device } from './link/device.js';
import { EthernetPort } from './link/ethernet.js';
import { type Packet, PacketPool } from './packet.js';
import { CryptoRandom, type Random } from './random.js';
import { Tcp, TCP_SETTINGS, type TcpSettings } from './tcp/tcp.js';
import { TimerEntry, TimerWheel } from './timer-wheel.js';
import { Udp } from './udp/udp.js';

/** Frames that one poll takes before it lets others go on. DESIGN: bounded work per turn (SEC-92). */
const BATCH_FRAMES = 64;
/** RFC 791 §3.2: what every module forwards whole. */
const MTU_MIN = 68;

export interface StackOptions {
  /** Where chance comes from. Default: the platform's cryptographic source. A seeded one makes runs repeat, and secrets guessable. */
  readonly random?: Random;
  /** The time of day zero: ms, monotonic, any origin. Default 0. */
  readonly now?: number;
  readonly tcp?: Partial<TcpSettings>;
  /** Be a router: pass on what is for others (RFC 1812 §5). `stack.ip.forwarding` changes it. Default false. */
  readonly forwarding?: boolean;
  /** Frames that may wait for a poll. Default 4,096. */
  readonly receiveQueue?: number;
  /** Told of what an application's callback throws. Default: thrown in a microtask, for the platform to report. */
  readonly onApplicationError?: (error: unknown) => void;
}

export interface InterfaceConfig {
  /** Default: the device's. */
  readonly name?: string;
  /** `10.0.0.2/24`, `fd00::2/64`. An IPv6 link-local address is not made up: name it. */
  readonly addresses?: readonly string[];
  /** Default routes: an address of each family at most. */
  readonly gateway?: string | readonly string[];
  /** Bytes of IP packet. Default: the device's. */
  readonly mtu?: number;
  /** Are neighbours told of our addresses? Default true. RFC 5227 §3, RFC 4861 §7.2.6. */
  readonly announce?: boolean;
  /** Told when the device is gone. */
  readonly onLost?: (error: NetError) => void;
}

export class Stack {
  readonly counters = new Counters();
  readonly limits = new LimitRegistry();
  readonly pool = new PacketPool();
  readonly ip: Ip;
  readonly icmp: Icmp;
  readonly udp: Udp;
  readonly tcp: Tcp;
  /** Somebody must call `poll` soon. Set by who drives. */
  onWake: (() => void) | null = null;
  /** The time between polls, for a user's calls; null: that of the latest poll. Set by who drives. */
  clock: (() => number) | null = null;

  /** Pieces of news that applications were told. */
  announcements = 0;

  private readonly wheel: TimerWheel;
  /** A ring that grows up to its limit, and begins anew when it is empty: what is in use stays in the cache. */
  private readonly received = { packets: [null] as (Packet | null)[], from: [null] as (Interface | null)[], head: 0, count: 0 };
  private readonly receivedMax: number;
  private readonly announcers: Announcer[] = [];
  private readonly onApplicationError: (error: unknown) => void;
  private polledAt: number;
  private polling = false;
  private woken = false;

  constructor(options: StackOptions = {}) {
    const random = options.random ?? new CryptoRandom(crypto);
    const size = 1 << Math.ceil(Math.log2(options.receiveQueue ?? 4096));
    this.receivedMax = size;
    this.polledAt = options.now ?? 0;
    this.wheel = new TimerWheel(this.polledAt);
    this.onApplicationError = options.onApplicationError ?? ((error) => queueMicrotask(() => { throw error; }));
    const env: Environment = {
      pool: this.pool, counters: this.counters, limits: this.limits, random, wheel: this.wheel,
      now: () => this.now(),
      announceLater: (announcer) => this.announceLater(announcer),
      wake: () => this.wake(),
    };
    this.limits.add({
      name: 'stack.receive-queue', unit: 'packets', max: size, used: () => this.received.count, source: 'Linux netdev_max_backlog: 1,000',
    });
    this.ip = new Ip({ pool: this.pool, counters: this.counters, limits: this.limits, random, now: this.polledAt });
    this.ip.forwarding = options.forwarding ?? false;
    this.icmp = new Icmp(this.ip, env);
    this.ip.errors = this.icmp;
    this.udp = new Udp(this.ip, env);
    this.tcp = new Tcp(this.ip, env, { ...TCP_SETTINGS, ...options.tcp });
    this.ip.register(this.icmp.v4);
    this.ip.register(this.icmp.v6);
    this.ip.register(this.udp);
    this.ip.register(this.tcp);
    this.listenTo(this.ip.loopback, null);
  }

  /** Bring a device up, with addresses and default routes. */
  addInterface(device: Device, config: InterfaceConfig = {}): Interface {
    const addresses = (config.addresses ?? []).map((text) => {
      const prefix = parsePrefix(text);
      if (prefix === null) throw invalidArgument('addresses', 'a list of addresses with prefix lengths', text);
      return prefix;
    });
    const gateways = [config.gateway ?? []].flat().map((text) => addressArgument('gateway', text));
    const { mtu } = config;
    if (mtu !== undefined && !(Number.isInteger(mtu) && mtu >= MTU_MIN)) {
      throw invalidArgument('mtu', `an integer of at least ${MTU_MIN}`, mtu);
    }
    const added = this.ip.attach(device, {
      ...(config.name !== undefined && { name: config.name }), ...(mtu !== undefined && { mtu }),
      addresses, gateways, coalesce: true,
    });
    this.listenTo(added, config.onLost ?? null);
    if (added.port instanceof EthernetPort) this.introduce(added, added.port, config.announce ?? true);
    // What it has to say may not have been said once and for all: whoever sleeps has to look again.
    this.wake();
    return added;
  }

  /** Neighbours are asked for from now on, and hear of our addresses. RFC 5227 §3, RFC 4861 §7.2.6. */
  private introduce(added: Interface, port: EthernetPort, announce: boolean): void {
    const now = this.now();
    this.icmp.ndp.attach(added, port);
    if (!announce) return;
    for (const { address } of added.addresses) {
      if (address.family === 4) port.arp.claims.announce(address, now);
      else this.icmp.ndp.announce(added, address, now);
    }
  }

  /** Take an interface down and close its device. Connections through it time out, as if a cable was cut. */
  removeInterface(which: Interface): void {
    this.icmp.ndp.detach(which);
    this.ip.detach(which);
    which.device.close();
  }

  private listenTo(from: Interface, onLost: ((error: NetError) => void) | null): void {
    from.device.attach({
      receive: (packet) => this.receive(from, packet),
      batchEnd: () => this.wake(),
      lost: (error) => {
        this.icmp.ndp.detach(from);
        this.ip.detach(from);
        this.tellApplication(() => onLost?.(error));
      },
    });
  }

  private receive(from: Interface, packet: Packet): void {
    const { received } = this;
    if (received.count === received.packets.length && !this.grow()) {
      this.counters.drop('rx-queue-full');
      packet.release();
      return;
    }
    const slot = (received.head + received.count) & (received.packets.length - 1);
    received.packets[slot] = packet;
    received.from[slot] = from;
    received.count++;
  }

  /** False: it has its limit. It is full, so that all of it is in use. */
  private grow(): boolean {
    const { received } = this;
    const { packets, from, head } = received;
    if (packets.length === this.receivedMax) return false;
    received.packets = [...packets.slice(head), ...packets.slice(0, head), ...packets.map(() => null)];
    received.from = [...from.slice(head), ...from.slice(0, head), ...from.map(() => null)];
    received.head = 0;
    return true;
  }

  /** Do what is due: deadlines, then a batch of frames, then what both gave us to send, then the news for applications. */
  poll(now: number): void {
    this.polledAt = now;
    this.polling = true;
    this.woken = false;
    try {
      this.wheel.expire(now);
      this.ip.expire(now);
      this.takeBatch(now);
      this.tcp.flush(now);
      this.announce();
    } finally {
      this.polling = false;
    }
    if (this.isBusy) this.wake();
  }

  private takeBatch(now: number): void {
    const { received } = this;
    const frames = Math.min(received.count, BATCH_FRAMES);
    for (let i = 0; i < frames; i++) {
      const slot = received.head;
      const packet = received.packets[slot]!;
      const from = received.from[slot]!;
      received.packets[slot] = null;
      // It may have grown: what comes in may come back by the loopback at once.
      received.head = (slot + 1) & (received.packets.length - 1);
      received.count--;
      this.ip.input(from, packet, now);
    }
    if (received.count === 0) received.head = 0;
    if (frames > 0) for (const each of this.ip.interfaces) each.port.flush(now);
  }

  /** Applications hear at once what they were to hear at the next poll: for a stack that will not be polled again. */
  settle(): void {
    this.announce();
  }

  /** Deadlines that are armed: TCP's, TIME-WAIT's, callers of `after`. */
  get armed(): number {
    return this.wheel.size;
  }

  private announce(): void {
    // What the news leads to (a write, a close) waits for the next poll; news of news waits with it.
    const count = this.announcers.length;
    this.announcements += count;
    for (let i = 0; i < count; i++) {
      try {
        this.announcers[i]!.announce();
      } catch (error) {
        this.onApplicationError(error);
      }
    }
    this.announcers.copyWithin(0, count);
    this.announcers.length -= count;
  }

  /** What it throws is its own affair, and not of whoever happens to call us (SEC-90). */
  private tellApplication(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.onApplicationError(error);
    }
  }

  private announceLater(announcer: Announcer): void {
    this.announcers.push(announcer);
    this.wake();
  }

  /** `poll` is to be called soon: some call has begun what it must go on with. */
  wake(): void {
    if (this.polling || this.woken) return;
    this.woken = true;
    this.onWake?.();
  }

  private get isBusy(): boolean {
    return this.received.count > 0 || this.tcp.ready.length > 0 || this.announcers.length > 0;
  }

  /** When to poll next, if nothing arrives until then: the time of the latest poll for "at once", NEVER for no need. */
  nextTimeout(): number {
    if (this.isBusy) return this.polledAt;
    return Math.min(this.wheel.nextTimeout(), this.ip.nextTimeout());
  }

  /** Call `run` once, `ms` from now on the stack's clock; the result calls it off. */
  after(ms: number, run: () => void): () => void {
    const alarm = new Alarm(() => this.tellApplication(run));
    this.wheel.schedule(alarm.entry, this.now() + ms);
    this.wake();
    return () => this.wheel.cancel(alarm.entry);
  }

  /** Now, as a user's call between two polls has to see it. */
  now(): number {
    return this.polling || this.clock === null ? this.polledAt : this.clock();
  }
}

/** A callback at a time; the wheel's entry and its owner in one. */
class Alarm {
  readonly entry = new TimerEntry(this);

  constructor(private readonly run: () => void) {}

  expire(): void {
    this.run();
  }
}

/** An address in text form, from a caller. */
export function addressArgument(name: string, text: string): Address {
  const address = parseAddress(text);
  if (address === null) throw invalidArgument(name, 'an IPv4 or IPv6 address', text);
  return address;
}
