// A line that carries so many bits a second, and in front of it a queue that is watched by how long packets stay in it:
// controlled delay. RFC 8289 §4 and §5, whose names these are. Marks instead of dropping where the sender takes part
// (RFC 3168 §5). A queue of packets, unlike ./bottleneck.ts: what is dropped is known only at its head.

import { invalidValue } from '../errors.js';
import type { Packet } from '../packet.js';
import { markCongestion } from './impairment.js';

export interface CodelOptions {
  /** What the line carries, bits of IP packet per second; above 0. */
  readonly bitsPerSecond: number;
  /** How long a packet may stay in the queue for good, ms. Default 5 (RFC 8289 §4.4). */
  readonly targetMs?: number;
  /** How long it may stay longer, ms. Default 100 (§4.3). */
  readonly intervalMs?: number;
  /** Packets that may wait. Default 1,000. */
  readonly queuePackets?: number;
}

export interface CodelOwner {
  readonly now: number;
  /** The packet's last bit leaves the line at `at`; then `next` is to be called. */
  depart(packet: Packet, at: number): void;
  /** The head of the queue was dropped. Ownership passes. */
  onCodelDrop(packet: Packet): void;
}

/** RFC 8289 §4.4: below a full packet's worth nothing is too long. */
const MTU = 1500;

export class Codel {
  private readonly packets: Packet[] = [];
  private readonly arrivals: number[] = [];
  private bytes = 0;
  private isBusy = false;
  private readonly bytesPerMs: number;
  private readonly targetMs: number;
  private readonly intervalMs: number;
  private readonly queuePackets: number;
  // RFC 8289 §5.3.
  private firstAboveTime = 0;
  private dropNext = 0;
  private count = 0;
  private lastCount = 0;
  private dropping = false;
  private okToDrop = false;
  /** Marked and dropped until now. */
  readonly tally = { dropped: 0, marked: 0 };

  /** @param ipAt  bytes of link header before each packet's IP header */
  constructor(private readonly owner: CodelOwner, options: CodelOptions, private readonly ipAt = 0) {
    if (!(options.bitsPerSecond > 0)) throw invalidValue('bitsPerSecond', 'must be above 0', options.bitsPerSecond);
    this.bytesPerMs = options.bitsPerSecond / 8000;
    this.targetMs = options.targetMs ?? 5;
    this.intervalMs = options.intervalMs ?? 100;
    this.queuePackets = options.queuePackets ?? 1000;
  }

  /** Packets that wait. */
  get length(): number {
    return this.packets.length;
  }

  get hasRoom(): boolean {
    return this.packets.length < this.queuePackets;
  }

  /** Ownership passes if it is taken. False: the queue is full. */
  offer(packet: Packet): boolean {
    if (!this.hasRoom) return false;
    this.packets.push(packet);
    this.arrivals.push(this.owner.now);
    this.bytes += packet.length - this.ipAt;
    if (!this.isBusy) this.next();
    return true;
  }

  /** The line is free: who waits longest, if it may, is sent. §5.5, deque(). */
  next(): void {
    const { now } = this.owner;
    let packet = this.take(now);
    if (packet === null || (this.dropping && !this.okToDrop)) this.dropping = false;
    else if (this.dropping) packet = this.goOn(packet, now);
    else if (this.okToDrop) packet = this.begin(packet, now);
    this.isBusy = packet !== null;
    if (packet !== null) this.owner.depart(packet, now + (packet.length - this.ipAt) / this.bytesPerMs);
  }

  private goOn(packet: Packet, now: number): Packet | null {
    let head: Packet | null = packet;
    while (head !== null && this.dropping && now >= this.dropNext) {
      this.count++;
      if (this.mark(head)) {
        this.dropNext = this.controlLaw(this.dropNext);
        return head;
      }
      head = this.drop(head, now);
      if (head === null || !this.okToDrop) this.dropping = false;
      else this.dropNext = this.controlLaw(this.dropNext);
    }
    return head;
  }

  private begin(packet: Packet, now: number): Packet | null {
    const head = this.mark(packet) ? packet : this.drop(packet, now);
    this.dropping = true;
    // If it was dropping lately, it goes on about where it was.
    const delta = this.count - this.lastCount;
    this.count = delta > 1 && now - this.dropNext < 16 * this.intervalMs ? delta : 1;
    this.dropNext = this.controlLaw(now);
    this.lastCount = this.count;
    return head;
  }

  /** §5.5, dodeque(): the head, and whether it has stayed too long for too long. */
  private take(now: number): Packet | null {
    const packet = this.packets.shift() ?? null;
    this.okToDrop = false;
    if (packet === null) {
      this.firstAboveTime = 0;
      return null;
    }
    const sojourn = now - this.arrivals.shift()!;
    this.bytes -= packet.length - this.ipAt;
    if (sojourn < this.targetMs || this.bytes <= MTU) {
      this.firstAboveTime = 0;
    } else if (this.firstAboveTime === 0) {
      this.firstAboveTime = now + this.intervalMs;
    } else {
      this.okToDrop = now >= this.firstAboveTime;
    }
    return packet;
  }

  private mark(packet: Packet): boolean {
    if (!markCongestion(packet.bytes, packet.start + this.ipAt)) return false;
    this.tally.marked++;
    return true;
  }

  /** The next is looked at in its place. */
  private drop(packet: Packet, now: number): Packet | null {
    this.tally.dropped++;
    this.owner.onCodelDrop(packet);
    return this.take(now);
  }

  /** §5.4. */
  private controlLaw(t: number): number {
    return t + this.intervalMs / Math.sqrt(this.count);
  }
}
