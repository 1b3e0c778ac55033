// What carries bytes, in both directions: one buffer with headroom. Input consumes headers rightwards, output pushes
// them leftwards. A packet may be a superpacket: up to 64 KB whose payload counts as many segments of `segmentSize`.

import { assert } from './assert.js';
import { copy } from './bytes.js';

/** Room for every header that may be pushed before a payload: virtio 12, Ethernet 14, IPv6 40, TCP 60; rounded up. */
export const HEADROOM = 128;

/** Payload space of the pool's two sizes, bytes behind the headroom. */
const SMALL = 2048 - HEADROOM;
const LARGE = 65_536 + 64;

/**
 * `whole`: the transport checksum field holds what the sender computed; on input it must be verified.
 * `partial`: the field holds the un-inverted sum of the pseudo-header; whoever puts the packet on a real wire finishes
 * it from `checksumStart`. On input it counts as valid: the bytes never left this machine.
 * `verified`: somebody below has verified it.
 */
export type ChecksumState = 'whole' | 'partial' | 'verified';

/**
 * Invariant: 0 <= start <= end <= bytes.length; while `held` > 0 it is not in the pool.
 *
 * On its way out, what follows `end` may still lie where the sender keeps it: lent, in pieces, so that a device
 * that gathers its frames copies it once. A loan is good until the call that handed the packet on returns; who keeps the
 * packet longer, or looks at its payload, calls `gather` first.
 */
export class Packet {
  start = HEADROOM;
  end = HEADROOM;
  /** Payload bytes in each segment of a superpacket; 0: an ordinary packet. */
  segmentSize = 0;
  checksum: ChecksumState = 'whole';
  /** With `partial`: where summing begins, and where in the buffer the sum goes. Both are offsets into `bytes`. */
  checksumStart = 0;
  checksumField = 0;
  /** Offset of the network header; `ip` sets it on input and on output. */
  network = 0;
  /** Offset of the transport header; `ip` sets it on input, the transport on output. */
  transport = 0;
  /** Bytes that are lent, behind `end`; and where they lie. */
  lent = 0;
  /** Where they lie: piece `i` is `lenders[i]`, from `lentFrom[i]` on, `lentBytes[i]` of them. */
  readonly lenders: Uint8Array[] = [];
  readonly lentFrom: number[] = [];
  readonly lentBytes: number[] = [];
  private held = 0;
  private detached = false;

  constructor(
    readonly bytes: Uint8Array,
    /** The same memory as `bytes`, in 32-bit lanes (host order), for checksums. */
    readonly lanes: Uint32Array,
    private readonly pool: PacketPool | null,
  ) {}

  /** Of all of it, what is lent included. */
  get length(): number {
    return this.end - this.start + this.lent;
  }

  /** Lend it `from[at .. at + length)`, to follow `end`, or what was lent before. */
  lend(from: Uint8Array, at: number, length: number): void {
    this.lenders.push(from);
    this.lentFrom.push(at);
    this.lentBytes.push(length);
    this.lent += length;
  }

  /** Take what was lent into our own memory. There must be room for it behind `end`. */
  gather(): void {
    if (this.lent === 0) return;
    for (let i = 0; i < this.lenders.length; i++) {
      const at = this.lentFrom[i]!;
      const bytes = this.lentBytes[i]!;
      copy(this.lenders[i]!, at, at + bytes, this.bytes, this.end);
      this.end += bytes;
    }
    this.forgetLoan();
  }

  private forgetLoan(): void {
    this.lent = 0;
    this.lenders.length = 0;
    this.lentFrom.length = 0;
    this.lentBytes.length = 0;
  }

  /** Move the start left over room for a header; returns the new start. */
  push(bytes: number): number {
    this.start -= bytes;
    assert(this.start >= 0, 'packet: headroom spent');
    return this.start;
  }

  /** Move the start right, over a header that was read. */
  consume(bytes: number): void {
    this.start += bytes;
    assert(this.start <= this.end, 'packet: consumed past the end');
  }

  /** Keep it although whoever gave it will release it. Each `hold` wants a `release`. */
  hold(): this {
    this.held++;
    return this;
  }

  /** Somebody else holds it, too: it is not ours to change. */
  get isShared(): boolean {
    return this.held > 1;
  }

  /** Done with it. The last release gives it back to its pool; its bytes may be overwritten at once. */
  release(): void {
    assert(this.held > 0, 'packet: released twice');
    if (--this.held > 0) return;
    if (this.lent > 0) this.forgetLoan();
    this.pool?.put(this, this.detached);
  }

  /**
   * Give the memory away, so that a large payload need not be copied: whoever takes it keeps it, and the pool makes
   * another. Null: somebody else holds the packet too.
   * @returns  the bytes `[at, end)`; the rest of their memory is nobody's any more
   */
  detach(at: number, end: number): Uint8Array | null {
    if (this.held !== 1) return null;
    this.detached = true;
    return this.bytes.subarray(at, end);
  }

  /** As new: empty, behind the headroom. */
  reset(): void {
    this.start = HEADROOM;
    this.end = HEADROOM;
    this.segmentSize = 0;
    this.checksum = 'whole';
    this.checksumStart = 0;
    this.checksumField = 0;
    this.network = 0;
    this.transport = 0;
    this.held = 1;
    this.detached = false;
  }
}

/** Free packets in two sizes. It grows on demand; what is free beyond `freeMax` of a size goes to the collector. */
export class PacketPool {
  private readonly small: Packet[] = [];
  private readonly large: Packet[] = [];
  /** Packets handed out and not yet released. */
  outstanding = 0;

  /**
   * @param freeMax   packets of each size that are kept
   * @param allocate  memory of so many bytes; need not be zero, for no byte is sent that was not written
   */
  constructor(
    private readonly freeMax = 256,
    private readonly allocate: (bytes: number) => ArrayBuffer = (bytes) => new ArrayBuffer(bytes),
  ) {}

  /** An empty packet, held once, with `HEADROOM` and room for at least `size` bytes behind it. */
  take(size: number): Packet {
    assert(size <= LARGE, 'packet: larger than 64 KB');
    const packet = (size <= SMALL ? this.small : this.large).pop() ?? this.make(size <= SMALL ? SMALL : LARGE);
    packet.reset();
    this.outstanding++;
    return packet;
  }

  private make(size: number): Packet {
    const memory = this.allocate(HEADROOM + size);
    return new Packet(new Uint8Array(memory), new Uint32Array(memory), this);
  }

  put(packet: Packet, detached: boolean): void {
    this.outstanding--;
    if (detached) return;
    const free = packet.bytes.length === SMALL + HEADROOM ? this.small : this.large;
    if (free.length < this.freeMax) free.push(packet);
  }
}

/** A packet outside any pool, for tools and tests: `bytes` behind the headroom. */
export function packetOf(bytes: Uint8Array): Packet {
  const memory = new ArrayBuffer((HEADROOM + bytes.length + 3) & ~3);
  const packet = new Packet(new Uint8Array(memory), new Uint32Array(memory), null);
  packet.reset();
  packet.bytes.set(bytes, HEADROOM);
  packet.end = HEADROOM + bytes.length;
  return packet;
}
