// A link between two stacks in one process: two devices, and in each direction what a bad network does to packets. Packets
// are what a wire would carry, cut to the MTU and summed, unless the devices are told to take superpackets.

import { assert } from '../assert.js';
import { type Device, type FrameSink, NO_OFFLOAD, type Offload } from '../link/device.js';
import { type Packet, PacketPool } from '../packet.js';
import type { SeededRandom } from '../random.js';
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
}

/** Whose clock a link lives by. */
export interface LinkWorld {
  readonly now: number;
  /** `target` gets `packet` at `at`. */
  plan(at: number, target: Happening<Packet>, packet: Packet): void;
  /** Told of each packet that an end sends, before it travels, and what becomes of it. */
  onFrame(from: LinkEnd, packet: Packet, fate: Fate): void;
}

export class Link {
  readonly ends: readonly [LinkEnd, LinkEnd];

  constructor(readonly name: string, world: LinkWorld, options: LinkOptions, random: SeededRandom) {
    const there = new Impairment(options, random.fork('there'));
    const back = new Impairment(options.back ?? options, random.fork('back'));
    const a = new LinkEnd(`${name}.0`, world, options, there);
    const b = new LinkEnd(`${name}.1`, world, options, back);
    a.twin = b;
    b.twin = a;
    this.ends = [a, b];
  }

  /** From now on these, in both directions, or others on the way back. */
  change(there: Impairments, back: Impairments = there): void {
    this.ends[0].impairment.change(there);
    this.ends[1].impairment.change(back);
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

export class LinkEnd implements Device, Happening<Packet> {
  readonly medium = 'ip';
  readonly linkAddress = null;
  readonly mtu: number;
  readonly offload: Offload;
  /** The other end. */
  twin: LinkEnd | null = null;
  /** Touches what arrives here. */
  middlebox: Middlebox | null = null;
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
  ) {
    this.mtu = options.mtu ?? 1500;
    this.offload = options.offload ?? NO_OFFLOAD;
  }

  attach(sink: FrameSink): void {
    assert(this.sink === null, 'link: attached twice');
    this.sink = sink;
  }

  close(): void {
    this.sink = null;
  }

  transmit(packet: Packet): boolean {
    const { impairment, world } = this;
    const { now } = world;
    const count = impairment.offer(packet.bytes, packet.start, packet.end, now);
    world.onFrame(this, packet, impairment.fate);
    // Where sums are not on the wire yet, damage would pass unseen: the wire's receiver would have dropped it.
    const isRuined = impairment.corrupted && packet.checksum !== 'whole';
    if (count === 0 || isRuined) {
      if (impairment.fate === 'too-big' && impairment.settings.tooBig === 'icmp') this.complain(packet);
      packet.release();
      return true;
    }
    if (count === 2) world.plan(impairment.arrivals[1]!, this.twin!, this.copyOf(packet));
    world.plan(impairment.arrivals[0]!, this.twin!, packet);
    return true;
  }

  /** A packet has come through. */
  happen(packet: Packet): void {
    if (this.middlebox === null) this.deliver(packet);
    else this.middlebox.pass(packet, this.deliver);
  }

  /** A router at the other end of the delay says that it is too big. */
  private complain(packet: Packet): void {
    const { pathMtu, delayMs = 0 } = this.impairment.settings;
    const error = tooBigError(packet.bytes, packet.start, packet.end, pathMtu!);
    if (error === null) return;
    const answer = this.pool.take(error.length);
    answer.bytes.set(error, answer.start);
    answer.end = answer.start + error.length;
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
