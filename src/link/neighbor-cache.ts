// Who is where on the link: from IP address to link-layer address, and whether anybody is still there. One machine for
// both families. RFC 4861 §5.1 (the cache), §7.2 (resolution), §7.3 (unreachability detection); RFC 1122 §2.3.2 asks
// the same of ARP. Under attack: RFC 6583.

import { type Address, copyOf, isV4 } from '../address.js';
import { assert } from '../assert.js';
import type { Packet } from '../packet.js';
import { SipHash } from '../siphash.js';
import { HOUR, NEVER, SECOND } from '../time.js';
import type { NeighborSolicitor, PortEnvironment } from './link-output.js';
import * as Wire from './wire.js';

/** RFC 4861 §7.3.2, and PERMANENT: told by the operator, and nothing heard changes it. */
export type NeighborState = 'INCOMPLETE' | 'REACHABLE' | 'STALE' | 'DELAY' | 'PROBE' | 'PERMANENT';

/** What the cache asks of its port. */
export interface NeighborOwner extends NeighborSolicitor {
  readonly linkAddress: Uint8Array;
  /** Send `packet` to that neighbour. Ownership passes. */
  sendTo(linkAddress: Uint8Array, packet: Packet): void;
  /** Nobody answers for the next hop that `packet` waited for. Ownership passes. */
  unreachable(packet: Packet, now: number): void;
}

/** What an advertisement says of itself. RFC 4861 §4.4. */
export interface AdvertisementFlags {
  readonly solicited: boolean;
  readonly override: boolean;
  readonly router: boolean;
}

/** RFC 4861 §10. */
const MAX_MULTICAST_SOLICIT = 3;
const MAX_UNICAST_SOLICIT = 3;
const RETRANS_TIMER = 1 * SECOND;
const REACHABLE_TIME = 30 * SECOND;
const DELAY_FIRST_PROBE_TIME = 5 * SECOND;

/** As many as Linux's gc_thresh3. */
const ENTRIES = 1024;
/** RFC 6583 §7.2: what nobody has answered for yet must not crowd out what works. */
const INCOMPLETE_ENTRIES = 128;
/** RFC 4861 §7.2.2, RFC 1122 §2.3.2.2: at least one. */
const WAITING_PACKETS = 3;
/** RFC 6583 §7.2: new resolutions begun. A burst may be as large as one second's. */
const RESOLUTIONS_PER_SECOND = 128;

/** One entry. Nobody but the cache changes it. */
export class Neighbor {
  state: NeighborState = 'INCOMPLETE';
  /** Meaningless while INCOMPLETE. */
  readonly linkAddress = new Uint8Array(6);
  isRouter = false;
  /** When the timer of INCOMPLETE, DELAY or PROBE ends. */
  deadline = NEVER;
  /** When REACHABLE ends. Looked at when the entry is used: nothing happens at that moment itself. */
  reachableUntil = 0;
  /** Solicitations sent in this state. */
  solicits = 0;
  lastUsed = 0;
  /** While INCOMPLETE; the eldest first. */
  readonly waiting: Packet[] = [];
  /** Next with the same hash. */
  next: Neighbor | null = null;

  constructor(readonly address: Address) {}
}

/**
 * Invariant: at most ENTRIES entries but for PERMANENT ones, at most INCOMPLETE_ENTRIES of them INCOMPLETE; no deadline
 * of an entry lies before `earliest`; packets wait in INCOMPLETE entries only.
 */
export class NeighborCache {
  /** RFC 4861 §6.3.4: routers may say better. IPv6 only: a router advertisement has no say in ARP. */
  baseReachableMs = REACHABLE_TIME;
  retransMs = RETRANS_TIMER;

  private readonly table = new Map<number, Neighbor>();
  private readonly hash: SipHash;
  private readonly key = new Int32Array(4);
  /** Whom packets went to lately, by the address's last bits: most go there again, and need no hash. */
  private readonly recent: (Neighbor | null)[] = Array.from({ length: 64 }, () => null);
  private size = 0;
  private incomplete = 0;
  private permanent = 0;
  private waiting = 0;
  private earliest = NEVER;
  /** 0.5 .. 1.5, drawn anew now and then. RFC 4861 §6.3.2. */
  private spread = 1;
  private spreadUntil = -Infinity;
  /** Resolutions that may begin at once. */
  private allowance = RESOLUTIONS_PER_SECOND;
  private allowedAt = 0;

  constructor(
    private readonly owner: NeighborOwner,
    private readonly env: Pick<PortEnvironment, 'counters' | 'limits' | 'random'>,
    name: string,
  ) {
    this.hash = SipHash.random(env.random);
    const prefix = `link.${name}.neighbors`;
    env.limits.add({
      name: prefix, unit: 'entries', max: ENTRIES,
      source: 'Linux gc_thresh3', used: () => this.size - this.permanent,
    });
    env.limits.add({
      name: `${prefix}.incomplete`, unit: 'entries', max: INCOMPLETE_ENTRIES,
      source: 'RFC 6583 §7.2', used: () => this.incomplete,
    });
    env.limits.add({
      name: `${prefix}.waiting`, unit: 'packets', max: INCOMPLETE_ENTRIES * WAITING_PACKETS,
      source: 'RFC 4861 §7.2.2', used: () => this.waiting,
    });
    env.limits.add({
      name: `${prefix}.resolutions`, unit: 'per second', max: RESOLUTIONS_PER_SECOND,
      source: 'RFC 6583 §7.2', used: () => RESOLUTIONS_PER_SECOND - Math.floor(this.allowance),
    });
  }

  /** Send `packet` to the neighbour `nextHop`, now or when it has told its address. Ownership passes. */
  send(packet: Packet, nextHop: Address, now: number): void {
    const neighbor = this.find(nextHop);
    if (neighbor === null) {
      this.resolve(nextHop, packet, now);
      return;
    }
    neighbor.lastUsed = now;
    if (neighbor.state === 'INCOMPLETE') {
      this.park(neighbor, packet);
      return;
    }
    // RFC 4861 §7.3.3: the first packet to a stale neighbour starts the wait for a sign of life from above.
    if (isStale(neighbor, now)) {
      neighbor.state = 'DELAY';
      this.arm(neighbor, now + DELAY_FIRST_PROBE_TIME);
    }
    this.owner.sendTo(neighbor.linkAddress, packet);
  }

  /** The entry as it stands, or null. REACHABLE may have run out: see `reachableUntil`. */
  find(address: Address): Neighbor | null {
    const recent = this.recent[address.w3 & 63] ?? null;
    if (recent !== null && recent.address.equals(address)) return recent;
    let neighbor = this.table.get(this.hashOf(address)) ?? null;
    while (neighbor !== null && !neighbor.address.equals(address)) neighbor = neighbor.next;
    if (neighbor !== null) this.recent[address.w3 & 63] = neighbor;
    return neighbor;
  }

  /** Every entry, in no order that means anything. */
  * entries(): Iterable<Neighbor> {
    for (const first of this.table.values()) {
      for (let neighbor: Neighbor | null = first; neighbor !== null; neighbor = neighbor.next) yield neighbor;
    }
  }

  /** `address` is at `linkAddress`, it says unasked, and wants something of us. RFC 4861 §7.2.3, §6.2.6, §8.3. */
  heard(address: Address, linkAddress: Uint8Array, now: number): void {
    if (!Wire.mayBeNeighbor(linkAddress, this.owner.linkAddress)) return;
    const neighbor = this.find(address) ?? this.insert(address, now);
    if (neighbor === null || neighbor.state === 'PERMANENT') return;
    if (neighbor.state !== 'INCOMPLETE' && Wire.isAddress(neighbor.linkAddress, 0, linkAddress)) return;
    Wire.copyAddress(neighbor.linkAddress, 0, linkAddress);
    this.becomeStale(neighbor);
    this.sendWaiting(neighbor);
  }

  /**
   * An advertisement, or an ARP packet that counts as one. It never creates an entry. RFC 4861 §7.2.5.
   *
   * @param linkAddress  null: the advertisement does not say
   * @returns            whether a router has become a host: §7.3.3 then takes it from the default routers
   */
  advertised(address: Address, linkAddress: Uint8Array | null, flags: AdvertisementFlags, now: number): boolean {
    const neighbor = this.find(address);
    if (neighbor === null || neighbor.state === 'PERMANENT') return false;
    if (linkAddress !== null && !Wire.mayBeNeighbor(linkAddress, this.owner.linkAddress)) return false;
    const wasRouter = neighbor.isRouter;

    if (neighbor.state === 'INCOMPLETE') {
      if (linkAddress === null) return false;
      Wire.copyAddress(neighbor.linkAddress, 0, linkAddress);
      neighbor.isRouter = flags.router;
      if (flags.solicited) this.becomeReachable(neighbor, now);
      else this.becomeStale(neighbor);
      this.sendWaiting(neighbor);
      return wasRouter && !flags.router;
    }

    const isNew = linkAddress !== null && !Wire.isAddress(neighbor.linkAddress, 0, linkAddress);
    // RFC 4861 §7.2.5, I: it contradicts us and does not insist.
    if (isNew && !flags.override) {
      if (neighbor.state === 'REACHABLE') this.becomeStale(neighbor);
      return false;
    }
    // RFC 4861 §7.2.5, II.
    if (isNew) Wire.copyAddress(neighbor.linkAddress, 0, linkAddress);
    if (flags.solicited) this.becomeReachable(neighbor, now);
    else if (isNew) this.becomeStale(neighbor);
    neighbor.isRouter = flags.router;
    return wasRouter && !flags.router;
  }

  /** A transport has made progress through `address`. RFC 4861 §7.3.1. */
  confirm(address: Address, now: number): void {
    const neighbor = this.find(address);
    if (neighbor === null || neighbor.state === 'INCOMPLETE' || neighbor.state === 'PERMANENT') return;
    this.becomeReachable(neighbor, now);
  }

  /** Have we asked and not been answered? */
  isAsking(address: Address): boolean {
    const state = this.find(address)?.state;
    return state === 'INCOMPLETE' || state === 'PROBE';
  }

  /** The operator knows better than the wire: no packet changes this entry, and none takes its place. */
  setPermanent(address: Address, linkAddress: Uint8Array): void {
    const neighbor = this.find(address) ?? this.link(new Neighbor(copyOf(address)));
    Wire.copyAddress(neighbor.linkAddress, 0, linkAddress);
    if (neighbor.state !== 'PERMANENT') this.permanent++;
    this.leave(neighbor);
    neighbor.state = 'PERMANENT';
    this.sendWaiting(neighbor);
  }

  /** Forget a neighbour; what waits for it is unreachable. */
  remove(address: Address, now: number): void {
    const neighbor = this.find(address);
    if (neighbor !== null) this.fail(neighbor, now);
  }

  /** Not later than the earliest deadline; NEVER when nothing waits. */
  nextTimeout(): number {
    return this.earliest;
  }

  expire(now: number): void {
    if (now < this.earliest) return;
    // In two steps: what a failure sets off may come back to us and change the table.
    const due: Neighbor[] = [];
    this.earliest = NEVER;
    for (const neighbor of this.entries()) {
      if (neighbor.deadline <= now) due.push(neighbor);
      else this.earliest = Math.min(this.earliest, neighbor.deadline);
    }
    for (const neighbor of due) if (neighbor.deadline <= now) this.expireOne(neighbor, now);
  }

  /** For tests: the invariant. */
  check(): void {
    let size = 0, incomplete = 0, permanent = 0, waiting = 0;
    for (const neighbor of this.entries()) {
      size++;
      if (neighbor.state === 'INCOMPLETE') incomplete++;
      if (neighbor.state === 'PERMANENT') permanent++;
      waiting += neighbor.waiting.length;
      assert(neighbor.waiting.length <= WAITING_PACKETS, 'neighbors: too many packets wait for one');
      assert(neighbor.state === 'INCOMPLETE' || neighbor.waiting.length === 0, 'neighbors: one waits for no reason');
      assert(this.earliest <= neighbor.deadline, 'neighbors: a deadline was missed');
      const isTimed = neighbor.state === 'INCOMPLETE' || neighbor.state === 'DELAY' || neighbor.state === 'PROBE';
      assert(isTimed === (neighbor.deadline !== NEVER), 'neighbors: a timer runs exactly in the states that have one');
    }
    assert(size === this.size && incomplete === this.incomplete && waiting === this.waiting, 'neighbors: counts');
    assert(permanent === this.permanent && size - permanent <= ENTRIES, 'neighbors: too many entries');
    assert(incomplete <= INCOMPLETE_ENTRIES, 'neighbors: too many unresolved');
  }

  /** RFC 4861 §7.2.2. */
  private resolve(address: Address, packet: Packet, now: number): void {
    const isAllowed = this.mayResolve(now);
    if (isAllowed && this.incomplete >= INCOMPLETE_ENTRIES) this.evict('INCOMPLETE', now);
    const neighbor = isAllowed ? this.insert(address, now) : null;
    if (neighbor === null) {
      this.env.counters.drop('neighbor-table-full');
      packet.release();
      return;
    }
    // Parked first: a solicitation is best sent from the source of the packet that asks for it, and may look for it.
    this.park(neighbor, packet);
    this.solicit(neighbor, now);
  }

  /** RFC 6583 §7.2: a scan of our subnet makes us ask; not as fast as it scans. */
  private mayResolve(now: number): boolean {
    const earned = Math.max(0, now - this.allowedAt) * (RESOLUTIONS_PER_SECOND / SECOND);
    this.allowance = Math.min(RESOLUTIONS_PER_SECOND, this.allowance + earned);
    this.allowedAt = now;
    if (this.allowance < 1) return false;
    this.allowance--;
    return true;
  }

  /** RFC 4861 §7.2.2: "the new arrival SHOULD replace the oldest entry". */
  private park(neighbor: Neighbor, packet: Packet): void {
    if (neighbor.waiting.length === WAITING_PACKETS) {
      this.env.counters.drop('neighbor-queue-full');
      neighbor.waiting.shift()!.release();
      this.waiting--;
    }
    neighbor.waiting.push(packet);
    this.waiting++;
  }

  private sendWaiting(neighbor: Neighbor): void {
    for (const packet of this.takeWaiting(neighbor)) this.owner.sendTo(neighbor.linkAddress, packet);
  }

  private takeWaiting(neighbor: Neighbor): Packet[] {
    this.waiting -= neighbor.waiting.length;
    return neighbor.waiting.splice(0);
  }

  private expireOne(neighbor: Neighbor, now: number): void {
    if (neighbor.state === 'DELAY') {
      neighbor.state = 'PROBE';
      neighbor.solicits = 0;
    }
    const solicitsMax = neighbor.state === 'PROBE' ? MAX_UNICAST_SOLICIT : MAX_MULTICAST_SOLICIT;
    if (neighbor.solicits < solicitsMax) this.solicit(neighbor, now);
    else this.fail(neighbor, now);
  }

  /** Ask everybody while INCOMPLETE, the neighbour itself in PROBE. RFC 1122 §2.3.2.1: ARP at most once a second. */
  private solicit(neighbor: Neighbor, now: number): void {
    neighbor.solicits++;
    this.arm(neighbor, now + (isV4(neighbor.address) ? RETRANS_TIMER : this.retransMs));
    this.owner.solicit(neighbor.address, neighbor.state === 'PROBE' ? neighbor.linkAddress : null, now);
  }

  /** RFC 4861 §7.3.3: the entry goes, so that the next packet asks everybody, and another router may be tried. */
  private fail(neighbor: Neighbor, now: number): void {
    this.unlink(neighbor);
    for (const packet of this.takeWaiting(neighbor)) this.owner.unreachable(packet, now);
  }

  private becomeReachable(neighbor: Neighbor, now: number): void {
    this.leave(neighbor);
    neighbor.state = 'REACHABLE';
    const base = isV4(neighbor.address) ? REACHABLE_TIME : this.baseReachableMs;
    neighbor.reachableUntil = now + base * this.spreadAt(now);
  }

  private becomeStale(neighbor: Neighbor): void {
    this.leave(neighbor);
    neighbor.state = 'STALE';
  }

  /** The timer of the state that ends is of no use any more. */
  private leave(neighbor: Neighbor): void {
    if (neighbor.state === 'INCOMPLETE') this.incomplete--;
    neighbor.deadline = NEVER;
    neighbor.solicits = 0;
  }

  /** RFC 4861 §6.3.4: drawn anew "at least every few hours". So neighbours do not probe in step. */
  private spreadAt(now: number): number {
    if (now >= this.spreadUntil) {
      this.spread = 0.5 + this.env.random.below(1001) / 1000;
      this.spreadUntil = now + 2 * HOUR;
    }
    return this.spread;
  }

  private arm(neighbor: Neighbor, deadline: number): void {
    neighbor.deadline = deadline;
    this.earliest = Math.min(this.earliest, deadline);
  }

  /** A new entry, INCOMPLETE, for which another may have to give way; null: there is none that may. */
  private insert(address: Address, now: number): Neighbor | null {
    if (this.size - this.permanent >= ENTRIES && !this.evict('STALE', now)) return null;
    const neighbor = new Neighbor(copyOf(address));
    neighbor.lastUsed = now;
    return this.link(neighbor);
  }

  /** Drop the entry in `state` that was used least recently. RFC 6583 §7.1: what is REACHABLE stays. */
  private evict(state: 'INCOMPLETE' | 'STALE', now: number): boolean {
    let victim: Neighbor | null = null;
    for (const neighbor of this.entries()) {
      const matches = state === 'STALE' ? isStale(neighbor, now) : neighbor.state === state;
      if (matches && (victim === null || neighbor.lastUsed < victim.lastUsed)) victim = neighbor;
    }
    if (victim === null) return false;
    this.unlink(victim);
    for (const packet of this.takeWaiting(victim)) {
      // Not `unreachable`: nobody knows that it is, and a scan shall not make us write letters.
      this.env.counters.drop('neighbor-table-full');
      packet.release();
    }
    return true;
  }

  private link(neighbor: Neighbor): Neighbor {
    const hash = this.hashOf(neighbor.address);
    neighbor.next = this.table.get(hash) ?? null;
    this.table.set(hash, neighbor);
    this.size++;
    this.incomplete++;
    return neighbor;
  }

  private unlink(neighbor: Neighbor): void {
    const hash = this.hashOf(neighbor.address);
    const first = this.table.get(hash);
    assert(first !== undefined, 'neighbors: an entry without its chain');
    if (first !== neighbor) {
      let before: Neighbor = first;
      while (before.next !== neighbor) before = before.next!;
      before.next = neighbor.next;
    } else if (neighbor.next !== null) {
      this.table.set(hash, neighbor.next);
    } else {
      this.table.delete(hash);
    }
    neighbor.next = null;
    if (neighbor.state === 'PERMANENT') this.permanent--;
    this.leave(neighbor);
    this.size--;
    const slot = neighbor.address.w3 & 63;
    if (this.recent[slot] === neighbor) this.recent[slot] = null;
  }

  private hashOf(address: Address): number {
    const { key } = this;
    key[0] = address.w0;
    key[1] = address.w1;
    key[2] = address.w2;
    key[3] = address.w3;
    return this.hash.hashWords(key, 4);
  }
}

function isStale(neighbor: Neighbor, now: number): boolean {
  return neighbor.state === 'STALE' || (neighbor.state === 'REACHABLE' && now >= neighbor.reachableUntil);
}
