// Reassembly of fragments, both families. RFC 791 §3.2, RFC 815 (the idea of holes), RFC 1122 §3.3.2, RFC
// 8200 §4.5, RFC 5722 (overlaps), RFC 6864 §4.
//
// What a datagram has so far lies where it will be delivered from: one pooled packet, each fragment copied in
// once. A list of ranges, ordered, tells what is there. However small the pieces that arrive, they cost what
// they fill.
//
// The caller has checked each fragment by itself: not empty, a multiple of 8 unless the last, not beyond
// 65,535 bytes.

import { type Address, copyOf, isV4 } from '../address.js';
import { assert } from '../assert.js';
import type { Counters, DropReason } from '../counters.js';
import type { LimitRegistry } from '../limits.js';
import { HEADROOM, type Packet, type PacketPool } from '../packet.js';
import type { Random } from '../random.js';
import { SipHash } from '../siphash.js';
import { NEVER, SECOND } from '../time.js';
import type { Chain } from './extension.js';
import type { IpHeader } from './header.js';
import * as Wire from './wire.js';

/** How a fragment came. */
export type Arrival = Pick<IpHeader, 'interface' | 'cast' | 'linkCast'>;

/** Who hears of datagrams that never became whole. */
export interface ReassemblyOwner {
  /**
   * Its first fragment had come: `packet` is that fragment, from its IP header at `packet.start`. It is lent.
   */
  reassemblyTimeout(packet: Packet, arrival: Arrival, now: number): void;
}

export interface ReassemblyEnvironment {
  readonly pool: PacketPool;
  readonly counters: Counters;
  readonly limits: LimitRegistry;
  readonly random: Random;
}

export class Reassembly {
  private readonly table = new Map<number, Datagram>();
  /** In order of arrival, and so of deadlines. */
  private readonly queue4 = new Queue();
  private readonly queue6 = new Queue();
  private readonly hash: SipHash;
  private readonly words = new Int32Array(10);
  private readonly piece = new Piece();
  private bytes = 0;

  constructor(private readonly owner: ReassemblyOwner, private readonly env: ReassemblyEnvironment) {
    this.hash = SipHash.random(env.random);
    env.limits.add({
      name: 'ip.fragments.datagrams', unit: 'entries', max: DATAGRAMS_MAX,
      source: 'ours; 64 of them for one source', used: () => this.size,
    });
    env.limits.add({
      name: 'ip.fragments.bytes', unit: 'bytes', max: BYTES_MAX,
      source: 'Linux ipfrag_high_thresh; a quarter for one source', used: () => this.bytes,
    });
    env.limits.add({
      name: 'ip.fragments.perDatagram', unit: 'entries', max: FRAGMENTS_MAX,
      source: '65,535 bytes through an MTU of 576 (RFC 791 §3.2) are 119', used: () => this.mostFragments(),
    });
  }

  get size(): number {
    return this.queue4.size + this.queue6.size;
  }

  /**
   * Take a fragment, whose IP header is at `header.at`. Ownership passes.
   *
   * @returns  the datagram when it is whole, with `header` telling of it, `start` behind its IP header; or
   *           null
   */
  take4(packet: Packet, header: IpHeader, now: number): Packet | null {
    const { bytes: b } = packet;
    const { piece } = this;
    const word = Wire.fragmentWord4(b, header.at);
    const headLength = Wire.headerLength4(b, header.at);
    piece.bytes = b;
    piece.headAt = header.at;
    piece.at = header.at + headLength;
    piece.length = packet.end - piece.at;
    piece.offset = Wire.fragmentOffset4(word);
    piece.more = (word & Wire.MORE_FRAGMENTS) !== 0;
    piece.field = 0;
    const d = this.accept(header, Wire.identification4(b, header.at), Wire.protocol4(b, header.at), now);
    packet.release();
    if (d === null || !d.isWhole) return null;
    // RFC 791 §3.1: what is rebuilt is the header of the datagram before it was cut.
    const head = d.head;
    if (head.length + d.total > 65_535) return this.refuse(d, 'fragment-too-big');
    Wire.setTotalLength4(head, 0, head.length + d.total);
    Wire.setFragmentWord4(head, 0, 0);
    if (!combineEcn(d.ecn)) return this.refuse(d, 'fragment-malformed');
    if (d.ecn & 8) head[1]! |= CE;
    Wire.setChecksum4(head, 0);
    return this.complete(d, header, head.length);
  }

  /** The same for IPv6; `chain` stands at the Fragment header, and behind it afterwards. */
  take6(packet: Packet, header: IpHeader, chain: Chain, now: number): Packet | null {
    const { bytes: b } = packet;
    const { piece } = this;
    piece.bytes = b;
    piece.headAt = header.at;
    piece.at = chain.at + 8;
    piece.length = packet.end - piece.at;
    piece.offset = Wire.fragmentOffset6(b, chain.at);
    piece.more = Wire.moreFragments6(b, chain.at);
    piece.field = chain.field - header.at;
    // RFC 8200 §4.5: fragments belong together by source, destination and identification; the next header may
    // differ.
    const d = this.accept(header, Wire.identification6(b, chain.at), 0, now);
    packet.release();
    if (d === null || !d.isWhole) return null;
    // RFC 8200 §4.5: the headers before the Fragment header, which itself goes, are those of the first
    // fragment.
    const { head } = d;
    const headLength = head.length - 8;
    if (headLength - 40 + d.total > 65_535) return this.refuse(d, 'fragment-too-big');
    const protocol = Wire.nextHeader(head, headLength);
    const { field } = d;
    head[field] = protocol;
    Wire.setPayloadLength6(head, 0, headLength - 40 + d.total);
    if (!combineEcn(d.ecn)) return this.refuse(d, 'fragment-malformed');
    if (d.ecn & 8) head[1]! |= CE << 4;
    const whole = this.complete(d, header, headLength);
    chain.passFragment(protocol, whole.start, header.at + field);
    return whole;
  }

  nextTimeout(): number {
    return Math.min(this.queue4.oldest?.deadline ?? NEVER, this.queue6.oldest?.deadline ?? NEVER);
  }

  expire(now: number): void {
    this.expireQueue(this.queue4, now);
    this.expireQueue(this.queue6, now);
  }

  /** Forget everything, silently. */
  clear(): void {
    for (const queue of [this.queue4, this.queue6]) while (queue.oldest !== null) this.remove(queue.oldest);
  }

  /**
   * The invariant: what the queues hold is what the table holds, ranges are ordered, apart, and account for
   * all bytes.
   */
  check(): void {
    let bytes = 0;
    let hashed = 0;
    for (let d of this.table.values()) {
      for (;;) {
        hashed++;
        if (d.next === null) break;
        d = d.next;
      }
    }
    assert(hashed === this.size, 'reassembly: table and queues differ');
    for (const queue of [this.queue4, this.queue6]) {
      for (let d = queue.oldest; d !== null; d = d.newer) {
        bytes += d.memory;
        let have = 0;
        for (let i = 0; i < d.starts.length; i++) {
          assert(i === 0 || d.ends[i - 1]! <= d.starts[i]!, 'reassembly: ranges overlap');
          have += d.ends[i]! - d.starts[i]!;
        }
        assert(have === d.have, 'reassembly: bytes miscounted');
        assert(d.starts.length <= FRAGMENTS_MAX, 'reassembly: too many fragments');
        assert(!d.isWhole, 'reassembly: a whole datagram is kept');
      }
    }
    assert(bytes === this.bytes, 'reassembly: memory miscounted');
    assert(this.size <= DATAGRAMS_MAX && bytes <= BYTES_MAX, 'reassembly: beyond its limits');
  }

  /** The piece goes to its datagram, which may be new. Null: it was dropped. */
  private accept(header: IpHeader, identification: number, protocol: number, now: number): Datagram | null {
    if (now >= this.nextTimeout()) this.expire(now);
    const key = this.keyOf(header, identification, protocol);
    const d = this.find(key, header, identification, protocol)
      ?? this.create(key, header, identification, protocol, now);
    const refused = this.insert(d, this.piece);
    if (refused === null) return d;
    this.env.counters.drop(refused);
    return null;
  }

  private insert(d: Datagram, piece: Piece): DropReason | null {
    if (d.condemned) return 'fragment-overlap';
    const { bytes: b, at, length, offset, more } = piece;
    const end = offset + length;
    const { starts, ends } = d;
    // The first range that does not begin before this one.
    let i = 0;
    for (let high = starts.length; i < high;) {
      const middle = (i + high) >>> 1;
      if (starts[middle]! < offset) i = middle + 1;
      else high = middle;
    }
    // RFC 8200 §4.5: an exact duplicate may be ignored, for networks make them. The same place with other
    // bytes is none.
    if (starts[i] === offset && ends[i] === end && (more ? d.total !== end : d.total === end)) {
      return this.isRepeated(d, piece) ? 'fragment-duplicate' : this.condemn(d, 'fragment-overlap');
    }
    // RFC 5722 §4, RFC 8200 §4.5: an overlap spoils the datagram, and silently. We do so in IPv4 too: no
    // packet that needs it comes from an honest sender, and each receiver that resolves it differently is a
    // way past a filter.
    const overlaps = (i > 0 && ends[i - 1]! > offset) || (i < starts.length && starts[i]! < end);
    const last = ends.length > 0 ? ends[ends.length - 1]! : 0;
    // Two ends, or bytes behind the end.
    const ended = d.total >= 0;
    const contradicts = more ? ended && end >= d.total : (ended && end !== d.total) || last > end;
    if (overlaps || contradicts) return this.condemn(d, 'fragment-overlap');
    if (starts.length === FRAGMENTS_MAX) return this.condemn(d, 'fragment-limit');

    if (offset === 0) {
      d.head = b.slice(piece.headAt, at);
      d.field = piece.field;
      this.charge(d, d.head.length);
    }
    d.ecn |= piece.ecn;
    const grown = this.reserve(d, end);
    d.packet!.bytes.set(b.subarray(at, at + length), HEADROOM + offset);
    starts.splice(i, 0, offset);
    ends.splice(i, 0, end);
    d.have += length;
    if (!more) d.total = end;
    if (grown) this.makeRoom(d);
    return null;
  }

  private isRepeated(d: Datagram, piece: Piece): boolean {
    const { bytes: b, at, length, offset } = piece;
    const have = d.packet!.bytes;
    for (let i = 0; i < length; i++) if (have[HEADROOM + offset + i] !== b[at + i]) return false;
    return true;
  }

  /**
   * Give up on it, but remember its name until its time is over: fragments still on their way must not begin
   * it anew.
   */
  private condemn(d: Datagram, reason: DropReason): DropReason {
    d.condemned = true;
    this.strip(d);
    return reason;
  }

  /** Room in its packet for `end` bytes of payload. True: it takes more memory than before. */
  private reserve(d: Datagram, end: number): boolean {
    const before = d.packet;
    if (before !== null && before.bytes.length - HEADROOM >= end) return false;
    const packet = this.env.pool.take(end);
    if (before !== null) {
      packet.bytes.set(before.bytes);
      this.charge(d, -before.bytes.length);
      before.release();
    }
    d.packet = packet;
    this.charge(d, packet.bytes.length);
    return true;
  }

  private charge(d: Datagram, bytes: number): void {
    d.memory += bytes;
    this.bytes += bytes;
  }

  /**
   * Back within the limits, at the cost of others, the source's own first: `d` itself is the newest of all.
   */
  private makeRoom(d: Datagram): void {
    const queue = d.queue;
    for (;;) {
      let count = 0;
      let bytes = 0;
      let oldest: Datagram | null = null;
      for (let other = queue.oldest; other !== null; other = other.newer) {
        if (!isSameSource(other.src, d.src)) continue;
        if (other !== d) oldest ??= other;
        count++;
        bytes += other.memory;
      }
      if (oldest === null || (count <= SOURCE_DATAGRAMS_MAX && bytes <= SOURCE_BYTES_MAX)) break;
      this.evict(oldest);
    }
    while (this.size > DATAGRAMS_MAX || this.bytes > BYTES_MAX) {
      const a = this.queue4.oldestBut(d);
      const b = this.queue6.oldestBut(d);
      const victim = a === null || (b !== null && b.since < a.since) ? b : a;
      if (victim === null) return;
      this.evict(victim);
    }
  }

  private evict(d: Datagram): void {
    this.env.counters.drop('fragment-limit');
    this.remove(d);
  }

  private create(
    key: number, header: IpHeader, identification: number, protocol: number, now: number,
  ): Datagram {
    const v4 = isV4(header.src);
    const queue = v4 ? this.queue4 : this.queue6;
    const deadline = now + (v4 ? TIMEOUT4_MS : TIMEOUT6_MS);
    const d = new Datagram(key, queue, header, identification, protocol, now, deadline);
    d.next = this.table.get(key) ?? null;
    this.table.set(key, d);
    queue.append(d);
    return d;
  }

  private find(key: number, header: IpHeader, identification: number, protocol: number): Datagram | null {
    let d = this.table.get(key) ?? null;
    while (d !== null && !d.is(header, identification, protocol)) d = d.next;
    return d;
  }

  /** Keyed: whoever sends fragments does not choose where they land. */
  private keyOf({ src, dst }: IpHeader, identification: number, protocol: number): number {
    const w = this.words;
    w[0] = src.w0;
    w[1] = src.w1;
    w[2] = src.w2;
    w[3] = src.w3;
    w[4] = dst.w0;
    w[5] = dst.w1;
    w[6] = dst.w2;
    w[7] = dst.w3;
    w[8] = identification;
    w[9] = protocol;
    return this.hash.hashWords(w, 10);
  }

  /** Its packet without the datagram: `headLength` bytes of its head, then all. `header` tells of it. */
  private complete(d: Datagram, header: IpHeader, headLength: number): Packet {
    const packet = this.withHead(d, headLength, d.total);
    // What others said about the fragments holds for none of the whole.
    packet.checksum = 'whole';
    header.at = packet.start;
    header.fragmented = true;
    packet.network = packet.start;
    const b = packet.bytes;
    if (header.family === 4) {
      header.hopLimit = Wire.ttl4(b, header.at);
      header.trafficClass = Wire.trafficClass4(b, header.at);
    } else {
      header.hopLimit = Wire.hopLimit6(b, header.at);
      header.trafficClass = Wire.trafficClass6(b, header.at);
    }
    packet.consume(headLength);
    packet.transport = packet.start;
    this.remove(d);
    return packet;
  }

  /** The first `payload` bytes of `d` behind the first `headLength` of its head, held once more. */
  private withHead(d: Datagram, headLength: number, payload: number): Packet {
    let packet = d.packet!;
    if (headLength <= HEADROOM) {
      packet.hold();
      packet.start = HEADROOM - headLength;
      packet.end = HEADROOM + payload;
    } else {
      // Extension headers longer than the headroom: nobody's traffic, but lawful.
      packet = this.env.pool.take(headLength + payload);
      packet.end = packet.start + headLength + payload;
      packet.bytes.set(d.packet!.bytes.subarray(HEADROOM, HEADROOM + payload), packet.start + headLength);
    }
    packet.bytes.set(d.head.subarray(0, headLength), packet.start);
    return packet;
  }

  private refuse(d: Datagram, reason: DropReason): null {
    this.env.counters.drop(reason);
    this.remove(d);
    return null;
  }

  private expireQueue(queue: Queue, now: number): void {
    for (let d = queue.oldest; d !== null && now >= d.deadline; d = queue.oldest) {
      if (!d.condemned) {
        this.env.counters.drop('fragment-timeout');
        // RFC 1122 §3.3.2, RFC 8200 §4.5: only if the first fragment is there to be quoted.
        if (d.starts[0] === 0) {
          const first = this.withHead(d, d.head.length, d.ends[0]!);
          this.owner.reassemblyTimeout(first, d, now);
          first.release();
        }
      }
      this.remove(d);
    }
  }

  private strip(d: Datagram): void {
    d.packet?.release();
    d.packet = null;
    d.starts.length = 0;
    d.ends.length = 0;
    d.have = 0;
    this.charge(d, -d.memory);
  }

  private remove(d: Datagram): void {
    this.strip(d);
    d.queue.remove(d);
    const first = this.table.get(d.key)!;
    if (first !== d) {
      let before = first;
      while (before.next !== d) before = before.next!;
      before.next = d.next;
    } else if (d.next === null) {
      this.table.delete(d.key);
    } else {
      this.table.set(d.key, d.next);
    }
  }

  private mostFragments(): number {
    let most = 0;
    for (const queue of [this.queue4, this.queue6]) {
      for (let d = queue.oldest; d !== null; d = d.newer) most = Math.max(most, d.starts.length);
    }
    return most;
  }
}

/**
 * RFC 1122 §3.3.2 wants 60 to 120 s. Departs from it: fragments that are late by seconds are lost. Also
 * Linux: ipfrag_time.
 */
const TIMEOUT4_MS = 30 * SECOND;
/** RFC 8200 §4.5. */
const TIMEOUT6_MS = 60 * SECOND;

const DATAGRAMS_MAX = 256;
const BYTES_MAX = 4 * 1024 * 1024;
const FRAGMENTS_MAX = 128;
const SOURCE_DATAGRAMS_MAX = 64;
const SOURCE_BYTES_MAX = 1024 * 1024;

/** Fairness is among hosts; in IPv6 whoever has one address of a subnet has as many as he likes. */
const isSameSource = (a: Address, b: Address): boolean =>
  isV4(a) ? a.w3 === b.w3 : a.w0 === b.w0 && a.w1 === b.w1;

/** ECN's codepoint. RFC 3168 §5. */
const CE = 3;

/**
 * RFC 3168 §5.3: CE in one fragment and not-ECT in another cannot be told in one header. Bit n: codepoint n
 * was seen.
 */
const combineEcn = (seen: number): boolean => (seen & 9) !== 9;

/** One fragment. One record, refilled. */
class Piece {
  bytes: Uint8Array = new Uint8Array(0);
  headAt = 0;
  /** The payload, and its place in the datagram. */
  at = 0;
  length = 0;
  offset = 0;
  more = false;
  /** IPv6: where, from the IP header, the next header field stands that says Fragment. */
  field = 0;

  /** A bit for the ECN codepoint. */
  get ecn(): number {
    const { bytes: b, headAt } = this;
    const trafficClass = Wire.version(b, headAt) === 4 ? Wire.trafficClass4(b, headAt) : Wire.trafficClass6(b, headAt);
    return 1 << (trafficClass & 3);
  }
}

class Datagram {
  next: Datagram | null = null;
  older: Datagram | null = null;
  newer: Datagram | null = null;
  readonly src: Address;
  readonly dst: Address;
  readonly interface: IpHeader['interface'];
  readonly cast: IpHeader['cast'];
  readonly linkCast: IpHeader['linkCast'];
  /** The payload, from `HEADROOM`. */
  packet: Packet | null = null;
  /** The first fragment's headers, as they came. */
  head: Uint8Array = new Uint8Array(0);
  field = 0;
  /** Ranges of payload: `starts[i] < ends[i] <= starts[i + 1]`. */
  readonly starts: number[] = [];
  readonly ends: number[] = [];
  have = 0;
  /** Where the last fragment ends; -1: it has not come. */
  total = -1;
  ecn = 0;
  memory = 0;
  condemned = false;

  constructor(
    readonly key: number,
    readonly queue: Queue,
    header: IpHeader,
    readonly identification: number,
    readonly protocol: number,
    readonly since: number,
    readonly deadline: number,
  ) {
    this.src = copyOf(header.src);
    this.dst = copyOf(header.dst);
    this.interface = header.interface;
    this.cast = header.cast;
    this.linkCast = header.linkCast;
  }

  get isWhole(): boolean {
    return this.have === this.total;
  }

  is(header: IpHeader, identification: number, protocol: number): boolean {
    return this.identification === identification && this.protocol === protocol
      && this.src.equals(header.src) && this.dst.equals(header.dst)
      && this.src.zone === header.src.zone && this.dst.zone === header.dst.zone;
  }
}

class Queue {
  oldest: Datagram | null = null;
  private newest: Datagram | null = null;
  size = 0;

  append(d: Datagram): void {
    d.older = this.newest;
    if (this.newest === null) this.oldest = d;
    else this.newest.newer = d;
    this.newest = d;
    this.size++;
  }

  remove(d: Datagram): void {
    if (d.older === null) this.oldest = d.newer;
    else d.older.newer = d.newer;
    if (d.newer === null) this.newest = d.older;
    else d.newer.older = d.older;
    this.size--;
  }

  oldestBut(d: Datagram): Datagram | null {
    return this.oldest === d ? d.newer : this.oldest;
  }
}

