// Who has which port, and whose a datagram is: the connected endpoint of its 4-tuple, else who is bound to its
// destination address, else who is bound to all addresses. RFC 768, RFC 1122 §4.1.3.5.

import { type Address, isUnspecified, isV4 } from '../address.js';
import { assert } from '../assert.js';
import type { Random } from '../random.js';

/** What the table needs of its entries. The address, the ports and the consent stay as they are while it is listed. */
export interface Binding<T> {
  /** An address of ours, or an unspecified one: of IPv4, or of IPv6, which stands for both families unless `v6Only`. */
  readonly localAddress: Address;
  readonly localPort: number;
  /** Null: it takes datagrams from everybody. */
  readonly remoteAddress: Address | null;
  readonly remotePort: number;
  readonly v6Only: boolean;
  readonly reuseAddress: boolean;
  readonly reusePort: boolean;
  /** Only what comes through the interface of this index; 0: through any. */
  readonly interfaceIndex: number;
  /** The table's alone. */
  nextInBucket: T | null;
}

export class PortTable<T extends Binding<T>> {
  private readonly ports = new Map<number, LocalPort<T>>();
  private readonly hash: RemoteHash;
  /** Listed bindings. */
  size = 0;

  constructor(random: Random) {
    this.hash = new RemoteHash(random);
  }

  /** All bindings, port by port. */
  * [Symbol.iterator](): IterableIterator<T> {
    for (const port of this.ports.values()) yield* port.all;
  }

  has(port: number): boolean {
    return this.ports.has(port);
  }

  /**
   * May `candidate` be listed? Two bindings that could take the same datagram stand in each other's way unless both have
   * consented, in the same manner (SEC-48). Everybody here is one process: there is no other owner to be robbed.
   */
  isFree(candidate: T): boolean {
    const port = this.ports.get(candidate.localPort);
    if (port === undefined) return true;
    // A group of thousands on one port is not searched through.
    if (candidate.reusePort && port.withoutReusePort === 0) return true;
    if (candidate.reuseAddress && port.withoutReuseAddress === 0) return true;
    for (const other of port.all) if (collide(candidate, other)) return false;
    return true;
  }

  add(entry: T): void {
    let port = this.ports.get(entry.localPort);
    if (port === undefined) {
      port = new LocalPort<T>();
      this.ports.set(entry.localPort, port);
    }
    port.all.add(entry);
    if (!entry.reuseAddress) port.withoutReuseAddress++;
    if (!entry.reusePort) port.withoutReusePort++;
    this.size++;
    if (entry.remoteAddress === null) insert(port.bound, entry);
    else this.connect(port, entry, this.hash.of(entry.remoteAddress, entry.remotePort));
  }

  /** No effect when it is not listed. */
  remove(entry: T): void {
    const port = this.ports.get(entry.localPort);
    if (port === undefined || !port.all.delete(entry)) return;
    if (!entry.reuseAddress) port.withoutReuseAddress--;
    if (!entry.reusePort) port.withoutReusePort--;
    this.size--;
    if (entry.remoteAddress === null) port.bound.splice(port.bound.indexOf(entry), 1);
    else this.disconnect(port, entry, this.hash.of(entry.remoteAddress, entry.remotePort));
    if (port.all.size === 0) this.ports.delete(entry.localPort);
  }

  /** Whose a unicast datagram is. Null: nobody's; `has(dstPort)` tells whether somebody else has the port. */
  find(dst: Address, dstPort: number, src: Address, srcPort: number, interfaceIndex: number): T | null {
    const port = this.ports.get(dstPort);
    if (port === undefined) return null;
    if (port.connected.size > 0) {
      let entry = port.connected.get(this.hash.of(src, srcPort)) ?? null;
      for (; entry !== null; entry = entry.nextInBucket) {
        if (isPeer(entry, src, srcPort) && covers(entry, dst) && admits(entry, interfaceIndex)) return entry;
      }
    }
    const { bound } = port;
    for (let i = 0; i < bound.length; i++) {
      const entry = bound[i]!;
      if (!covers(entry, dst) || !admits(entry, interfaceIndex)) continue;
      return entry.reusePort ? this.share(bound, i, dst, src, srcPort, interfaceIndex) : entry;
    }
    return null;
  }

  /** Everybody whose a multicast or broadcast datagram is: all that are bound to it, into `found`. */
  findAll(found: T[], dst: Address, dstPort: number, src: Address, srcPort: number, interfaceIndex: number): void {
    const port = this.ports.get(dstPort);
    if (port === undefined) return;
    for (const entry of port.all) {
      const isSender = entry.remoteAddress === null || isPeer(entry, src, srcPort);
      if (isSender && covers(entry, dst) && admits(entry, interfaceIndex)) found.push(entry);
    }
  }

  /**
   * Among those who share a port by consent, a peer always gets the same one, as long as nobody comes or goes.
   *
   * @param first  the first of them; the others stand behind it, and who else is as specific between them
   */
  private share(bound: T[], first: number, dst: Address, src: Address, srcPort: number, interfaceIndex: number): T {
    const specific = rank(bound[first]!);
    const isSharing = (e: T): boolean => e.reusePort && covers(e, dst) && admits(e, interfaceIndex);
    let count = 0;
    for (let i = first; i < bound.length && rank(bound[i]!) === specific; i++) if (isSharing(bound[i]!)) count++;
    let skip = ((this.hash.of(src, srcPort) * count) / BUCKETS) | 0;
    let chosen = first;
    for (; skip > 0; skip--) do chosen++; while (!isSharing(bound[chosen]!));
    return bound[chosen]!;
  }

  private connect(port: LocalPort<T>, entry: T, bucket: number): void {
    entry.nextInBucket = port.connected.get(bucket) ?? null;
    port.connected.set(bucket, entry);
  }

  private disconnect(port: LocalPort<T>, entry: T, bucket: number): void {
    let previous: T | null = null;
    for (let e = port.connected.get(bucket)!; e !== entry; e = e.nextInBucket!) previous = e;
    if (previous !== null) previous.nextInBucket = entry.nextInBucket;
    else if (entry.nextInBucket !== null) port.connected.set(bucket, entry.nextInBucket);
    else port.connected.delete(bucket);
    entry.nextInBucket = null;
  }

  /** For tests: what it says of itself is true. */
  check(): void {
    let size = 0;
    for (const [number, port] of this.ports) {
      let listed = port.bound.length;
      for (let chain of port.connected.values() as Iterable<T | null>) {
        for (; chain !== null; chain = chain.nextInBucket) listed++;
      }
      const all = [...port.all];
      assert(listed === all.length && listed > 0, `udp: port ${number} lists each of its bindings once`);
      assert(all.every((e) => e.localPort === number), `udp: what port ${number} lists is its own`);
      assert(port.withoutReusePort === all.filter((e) => !e.reusePort).length, 'udp: withoutReusePort is a count');
      assert(port.withoutReuseAddress === all.filter((e) => !e.reuseAddress).length, 'udp: withoutReuseAddress is a count');
      for (let i = 1; i < port.bound.length; i++) {
        assert(rank(port.bound[i - 1]!) >= rank(port.bound[i]!), 'udp: the more specific stands first');
      }
      size += listed;
    }
    assert(size === this.size, 'udp: size counts the bindings');
  }
}

class LocalPort<T> {
  /** In the order of `add`. */
  readonly all = new Set<T>();
  /** Those without a peer, the more specific first, and among equals the youngest. */
  readonly bound: T[] = [];
  /** Those with a peer: chains of equal hashes. */
  readonly connected = new Map<number, T>();
  withoutReuseAddress = 0;
  withoutReusePort = 0;
}

/** Linux: a datagram for which two are equally good goes to the one bound last. */
function insert<T extends Binding<T>>(bound: T[], entry: T): void {
  let i = 0;
  while (i < bound.length && rank(bound[i]!) > rank(entry)) i++;
  bound.splice(i, 0, entry);
}

/** How specific: an address beats all of a family, which beats all of both; and one interface beats any (SEC-48). */
function rank<T>(entry: Binding<T>): number {
  const { localAddress } = entry;
  const family = isV4(localAddress) || entry.v6Only ? 2 : 0;
  return (isUnspecified(localAddress) ? family : 4) + (entry.interfaceIndex === 0 ? 0 : 1);
}

/** Does a datagram for `dst` concern it? */
function covers<T>(entry: Binding<T>, dst: Address): boolean {
  const { localAddress } = entry;
  if (!isUnspecified(localAddress)) return localAddress.equals(dst) && isSameZone(localAddress, dst);
  return isV4(localAddress) ? isV4(dst) : !entry.v6Only || !isV4(dst);
}

/** @param interfaceIndex  0: nobody knows, and any will do */
const admits = <T>(entry: Binding<T>, interfaceIndex: number): boolean =>
  entry.interfaceIndex === 0 || interfaceIndex === 0 || entry.interfaceIndex === interfaceIndex;

function isPeer<T>(entry: Binding<T>, src: Address, srcPort: number): boolean {
  const { remoteAddress } = entry;
  return entry.remotePort === srcPort && remoteAddress !== null && remoteAddress.equals(src) && isSameZone(remoteAddress, src);
}

/** One link-local address may be two nodes, on two links. Zone 0 is "not said", and fits any. RFC 4007 §6. */
const isSameZone = (a: Address, b: Address): boolean => a.zone === b.zone || a.zone === 0 || b.zone === 0;

/** Could both take the same datagram, and has one of them not consented to that? */
function collide<T>(a: Binding<T>, b: Binding<T>): boolean {
  if (a.reusePort && b.reusePort) return false;
  if (a.reuseAddress && b.reuseAddress) return false;
  if (a.interfaceIndex !== 0 && b.interfaceIndex !== 0 && a.interfaceIndex !== b.interfaceIndex) return false;
  return covers(a, b.localAddress) || covers(b, a.localAddress);
}

/** Hashes are 0 .. BUCKETS - 1: as far as the proof below goes. */
const BITS = 17;
const BUCKETS = 1 << BITS;

/**
 * Where a peer goes in a table, however the peers choose their addresses and ports (SEC-93): vector multiply-shift
 * (Dietzfelbinger 1996). Of 16-bit pieces, each multiplied by a secret random int32, the sum's top 17 bits are the same for
 * two different peers with probability 2^-17, whoever they are.
 */
class RemoteHash {
  private readonly k = new Int32Array(10);

  constructor(random: Random) {
    for (let i = 0; i < this.k.length; i++) this.k[i] = random.u32();
  }

  of(remote: Address, port: number): number {
    const k = this.k;
    let sum = k[0]! + Math.imul(k[1]!, port) + Math.imul(k[2]!, remote.w3 & 0xffff) + Math.imul(k[3]!, remote.w3 >>> 16);
    // The other words of an IPv4 address are the same for all.
    if (!isV4(remote)) {
      sum += Math.imul(k[4]!, remote.w2 & 0xffff) + Math.imul(k[5]!, remote.w2 >>> 16)
        + Math.imul(k[6]!, remote.w1 & 0xffff) + Math.imul(k[7]!, remote.w1 >>> 16)
        + Math.imul(k[8]!, remote.w0 & 0xffff) + Math.imul(k[9]!, remote.w0 >>> 16);
    }
    return (sum | 0) >>> (32 - BITS);
  }
}
