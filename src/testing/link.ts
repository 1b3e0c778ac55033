// A link between two stacks in one process: two devices, and in each direction what a bad network does to packets. Packets
// are what a wire would carry, cut to the MTU and summed, unless the devices are told to take superpackets.

import { assert } from '../assert.js';
import { type Device, type FrameSink, NO_OFFLOAD, type Offload } from '../link/device.js';
import { type Packet, PacketPool } from '../packet.js';
import type { SeededRandom } from '../random.js';
import { Codel, type CodelOwner } from './codel.js';
import type { Happening } from './event-queue.js';
import { type Fate, Impairment, type Impairments } from './impairment.js';
import { tooBigError } from './too-big.js';

/** Impairments hold for both directions, each with dice of its own. */
export interface LinkOptions extends Impairments {
  /** Of the devices: bytes of IP packet. Default 1500. */
  readonly mtu?: number;
  /** What the devices take from their stacks, and hand through. Default: nothing. */
  readonly offload?: Offload;
  /** The way back, from the second end to the first, where it is not as the way there. */
  readonly back?: Impairments;
  /** Default `ip`. */
  readonly medium?: 'ip' | 'ethernet';
  /** On `ethernet`. */
  readonly linkAddresses?: readonly [Uint8Array, Uint8Array];
}

/** Whose clock a link lives by. */
export interface LinkWorld {
  readonly now: number;
  /** `target` gets `packet` at `at`. */
  plan(at: number, target: Happening<Packet>, packet: Packet): void;
  /** Told of each packet that an end sends, before it travels, and what becomes of it. */
  onFrame(from: LinkEnd, packet: Packet, fate: Fate): void;
  /** Told of one that was on its way, and goes no further after all: CoDel drops at the head of its queue. */
  onLateDrop?(from: LinkEnd, packet: Packet): void;
}

export class Link {
  readonly ends: readonly [LinkEnd, LinkEnd];

  constructor(readonly name: string, world: LinkWorld, options: LinkOptions, random: SeededRandom) {
    const there = new Impairment(options, random.fork('there'));
    const back = new Impairment(options.back ?? options, random.fork('back'));
    const a = new LinkEnd(`${name}.0`, world, options, there, options.linkAddresses?.[0]);
    const b = new LinkEnd(`${name}.1`, world, options, back, options.linkAddresses?.[1]);
    a.twin = b;
    b.twin = a;
    this.ends = [a, b];
  }

  /** From now on these, in both directions, or others on the way back. */
  change(there: Impairments, back: Impairments = there): void {
    this.ends[0].change(there);
    this.ends[1].change(back);
  }

  /** Nothing passes until `plug`; what is under way arrives. */
  unplug(): void {
    for (const end of this.ends) end.impairment.unplugged = true;
  }

  plug(): void {
    for (const end of this.ends) end.impairment.unplugged = false;
  }
}

/** What stands between the network and the receiver and touches its packets. Ownership passes, both ways. */
export interface Middlebox {
  pass(packet: Packet, deliver: (packet: Packet) => void): void;
}

/** Who decides about packets before chance does: rules, and hands that hold them. */
export interface Gate {
  /** @returns true: it has taken the packet, and ownership with it */
  takes(packet: Packet, from: LinkEnd): boolean;
}

export class LinkEnd implements Device, Happening<Packet>, CodelOwner {
  readonly medium: 'ip' | 'ethernet';
  readonly linkAddress: Uint8Array | null;
  readonly mtu: number;
  readonly offload: Offload;
  /** Bytes of link header before the IP header. */
  readonly ipAt: number;
  /** The other end. */
  twin: LinkEnd | null = null;
  /** Touches what arrives here. */
  middlebox: Middlebox | null = null;
  /** Asked about what this end sends. */
  gate: Gate | null = null;
  /** Its machine is off: nothing leaves. */
  isMute = false;
  /** Asked about what arrives here: false, and it does not. */
  admits: ((packet: Packet) => boolean) | null = null;
  /** A mark for whoever counts and digests, of its own. */
  tag = 0;
  private codel: Codel | null = null;
  private readonly departure: Happening<Packet> = { happen: (packet) => this.departed(packet) };
  private sink: FrameSink | null = null;
  private readonly pool = new PacketPool();
  private readonly deliver = (packet: Packet): void => {
    if (this.sink === null) {
      packet.release();
      return;
    }
    this.sink.receive(packet);
    this.sink.batchEnd();
  };

  constructor(
    readonly name: string, private readonly world: LinkWorld, options: LinkOptions,
    /** What happens to the packets that this end sends. */
    readonly impairment: Impairment,
    linkAddress?: Uint8Array,
  ) {
    this.mtu = options.mtu ?? 1500;
    this.offload = options.offload ?? NO_OFFLOAD;
    this.medium = options.medium ?? 'ip';
    this.ipAt = this.medium === 'ethernet' ? 14 : 0;
    assert(this.medium === 'ip' || linkAddress !== undefined, 'link: Ethernet wants link addresses');
    this.linkAddress = this.medium === 'ip' ? null : linkAddress!;
    this.change(impairment.settings);
  }

  get now(): number {
    return this.world.now;
  }

  /** Packets that wait in a queue that CoDel watches. */
  get waiting(): number {
    return this.codel?.length ?? 0;
  }

  /** From now on these. */
  change(settings: Impairments): void {
    const { impairment } = this;
    const before = impairment.settings;
    impairment.change(settings);
    const { queue, bitsPerSecond, queuePackets } = settings;
    if (queue !== 'codel' || bitsPerSecond === undefined) {
      this.codel = null;
    } else if (this.codel === null || bitsPerSecond !== before.bitsPerSecond || queuePackets !== before.queuePackets) {
      this.codel = new Codel(this, { bitsPerSecond, ...(queuePackets !== undefined && { queuePackets }) }, this.ipAt);
    }
  }

  attach(sink: FrameSink): void {
    assert(this.sink === null, 'link: attached twice');
    this.sink = sink;
  }

  /** Who is attached lets go; somebody else may be attached then. */
  close(): void {
    this.sink = null;
  }

  transmit(packet: Packet): boolean {
    const { gate } = this;
    if (this.isMute) packet.release();
    else if (gate === null || !gate.takes(packet, this)) this.launch(packet);
    return true;
  }

  /** Where nothing can happen to a frame but that it is late or lost, all that send it send the same one, copied on arrival. */
  transmitShared(frame: Packet): void {
    if (this.isMute) return;
    if (this.gate === null && this.codel === null && this.impairment.keepsWhole) this.launch(frame.hold());
    else this.transmit(this.copyOf(frame));
  }

  /** It sets out, whatever the gate says. Ownership passes. */
  launch(packet: Packet, lateMs = 0): void {
    const { impairment, world } = this;
    const { now } = world;
    const count = impairment.offer(packet.bytes, packet.start + this.ipAt, packet.end, now);
    if (this.codel !== null && count > 0) {
      this.queue(packet, count, lateMs);
      return;
    }
    world.onFrame(this, packet, impairment.fate);
    if (count === 0 || this.isRuined(packet)) {
      if (impairment.fate === 'too-big' && impairment.settings.tooBig === 'icmp') this.complain(packet);
      packet.release();
      return;
    }
    if (count === 2) world.plan(impairment.arrivals[1]! + lateMs, this.twin!, this.copyOf(packet));
    world.plan(impairment.arrivals[0]! + lateMs, this.twin!, packet);
  }

  /** A copy of it sets out too, with a fate of its own. */
  launchCopy(packet: Packet): void {
    this.launch(this.copyOf(packet));
  }

  /** A packet has come through. */
  happen(packet: Packet): void {
    if (this.admits !== null && !this.admits(packet)) packet.release();
    else if (this.middlebox === null) this.deliver(this.ownOf(packet));
    else this.middlebox.pass(this.ownOf(packet), this.deliver);
  }

  /** One that is ours alone. */
  private ownOf(packet: Packet): Packet {
    if (!packet.isShared) return packet;
    const copy = this.copyOf(packet);
    packet.release();
    return copy;
  }

  /** Into the queue that CoDel watches: how late it leaves is not known yet, but what the path adds is. */
  private queue(packet: Packet, count: number, lateMs: number): void {
    const { impairment, world } = this;
    const { arrivals } = impairment;
    const isWhole = !this.isRuined(packet);
    const copy = count === 2 && isWhole ? this.copyOf(packet) : null;
    const copyMs = arrivals[1]! - world.now + lateMs;
    // Told before it is offered: an idle line takes it at once.
    const isTaken = isWhole && this.codel!.hasRoom;
    world.onFrame(this, packet, isTaken ? 'passed' : 'queue-full');
    if (!isTaken || !this.enqueue(packet, arrivals[0]! - world.now + lateMs)) packet.release();
    if (copy !== null && !this.enqueue(copy, copyMs)) copy.release();
  }

  /** What the path adds to each packet that waits in a queue, ms, and which queue that is. */
  private readonly queued = new Map<Packet, { readonly pathMs: number; readonly codel: Codel }>();

  /** False: the queue is full. Ownership passes if it is not. */
  private enqueue(packet: Packet, pathMs: number): boolean {
    const codel = this.codel!;
    this.queued.set(packet, { pathMs, codel });
    if (codel.offer(packet)) return true;
    this.queued.delete(packet);
    return false;
  }

  depart(packet: Packet, at: number): void {
    this.world.plan(at, this.departure, packet);
  }

  onCodelDrop(packet: Packet): void {
    this.world.onLateDrop?.(this, packet);
    this.queued.delete(packet);
    packet.release();
  }

  /** Its last bit has left the line. */
  private departed(packet: Packet): void {
    const { pathMs, codel } = this.queued.get(packet)!;
    this.queued.delete(packet);
    this.world.plan(this.world.now + pathMs, this.twin!, packet);
    codel.next();
  }

  /** Where sums are not on the wire yet, damage would pass unseen: the wire's receiver would have dropped it. */
  private isRuined(packet: Packet): boolean {
    return this.impairment.corrupted && packet.checksum !== 'whole';
  }

  /** A router at the other end of the delay says that it is too big. */
  private complain(packet: Packet): void {
    const { pathMtu, delayMs = 0 } = this.impairment.settings;
    const { bytes: b, start, end } = packet;
    const error = tooBigError(b, start + this.ipAt, end, pathMtu!);
    if (error === null) return;
    const answer = this.pool.take(this.ipAt + error.length);
    const { bytes, start: to } = answer;
    if (this.ipAt > 0) {
      bytes.set(b.subarray(start + 6, start + 12), to);
      bytes.set(b.subarray(start, start + 6), to + 6);
      bytes.set(b.subarray(start + 12, start + 14), to + 12);
    }
    bytes.set(error, to + this.ipAt);
    answer.end = to + this.ipAt + error.length;
    this.world.plan(this.world.now + 2 * delayMs, this, answer);
  }

  private copyOf(packet: Packet): Packet {
    const copy = this.pool.take(packet.length);
    copy.bytes.set(packet.bytes.subarray(packet.start, packet.end), copy.start);
    copy.end = copy.start + packet.length;
    copy.segmentSize = packet.segmentSize;
    copy.checksum = packet.checksum;
    copy.checksumStart = packet.checksumStart - packet.start + copy.start;
    copy.checksumField = packet.checksumField - packet.start + copy.start;
    return copy;
  }
}
