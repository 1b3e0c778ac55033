// Neighbor Discovery for IPv6: where a neighbour is, and where we are. RFC 4861 §4.3, §4.4, §4.6, §7; RFC 6980. The
// states are in link/neighbor-cache.ts; here are the messages. Router discovery and redirects are checked, and ignored.

import {
  type Address, ALL_NODES, cell, copyOf, isMulticast, isUnspecified, isV4, refill16, solicitedNode, write16,
} from '../address.js';
import { finish, pseudoSum, sumBytes } from '../checksum.js';
import type { DropReason } from '../counters.js';
import type { Environment } from '../environment.js';
import { Flow } from '../ip/flow.js';
import type { IpHeader } from '../ip/header.js';
import type { Interface } from '../ip/interface.js';
import type { Ip } from '../ip/ip.js';
import { Route } from '../ip/routes.js';
import * as IpWire from '../ip/wire.js';
import type { NeighborSolicitor } from '../link/link-output.js';
import type { NeighborCache } from '../link/neighbor-cache.js';
import type { Packet } from '../packet.js';
import * as Wire from './wire.js';

/** What it needs of a port whose link has neighbours: link/ethernet.ts is one. */
export interface NdpPort {
  readonly linkAddress: Uint8Array;
  readonly neighbors: NeighborCache;
  solicitor: NeighborSolicitor | null;
}

export class Ndp {
  /** By interface index. As many as interfaces: no peer adds one. */
  private readonly links = new Map<number, NdpPort>();
  private readonly target = cell();
  /** Offsets of the link-layer addresses in the options of the message at hand; NONE: not there. */
  private sourceLink = NONE;
  private targetLink = NONE;
  private readonly scratchLink = new Uint8Array(6);
  private readonly scratchFlags = { solicited: false, override: false, router: false };

  constructor(private readonly ip: Ip, private readonly env: Environment) {}

  /** From now on it asks for neighbours on that interface, and answers for its addresses. */
  attach(on: Interface, port: NdpPort): void {
    this.links.set(on.index, port);
    port.solicitor = {
      solicit: (target, linkAddress, now) => this.solicit(on, port, target, linkAddress, now),
    };
  }

  detach(on: Interface): void {
    const port = this.links.get(on.index);
    if (port !== undefined) port.solicitor = null;
    this.links.delete(on.index);
  }

  /**
   * Tell everybody on the link that `address` of ours is here, perhaps anew. RFC 4861 §7.2.6: it may be said up to three
   * times, as it may be lost; this is once.
   */
  announce(on: Interface, address: Address, now: number): void {
    const port = this.links.get(on.index);
    if (port !== undefined) this.advertise(on, port, address, null, now);
  }

  // Messages in.

  /** A message of types 133 to 137, whole, its checksum right. */
  arrive(packet: Packet, header: IpHeader, now: number): DropReason | null {
    const { bytes: b, start: at, end } = packet;
    // SEC-20, RFC 4861 §7.1: a router would have taken one off, so it comes from this link.
    if (header.hopLimit !== 255) return 'ndp-bad-hop-limit';
    // RFC 6980 §5: these messages have no need of fragments, their forgers do.
    if (Wire.code(b, at) !== 0 || header.fragmented) return 'ndp-malformed';
    const type = Wire.type(b, at);
    if (type !== Wire.V6.neighborSolicitation && type !== Wire.V6.neighborAdvertisement) return 'icmp-ignored';
    const on = header.interface;
    const port = on === null ? undefined : this.links.get(on.index);
    if (on === null || port === undefined) return 'icmp-ignored';

    // RFC 4861 §7.1.1, §7.1.2.
    if (end - at < Wire.NEIGHBOR_LENGTH) return 'ndp-malformed';
    refill16(this.target, b, Wire.target(at));
    if (isMulticast(this.target) || isUnspecified(this.target)) return 'ndp-malformed';
    if (!this.readOptions(b, at + Wire.NEIGHBOR_LENGTH, end)) return 'ndp-malformed';
    return type === Wire.V6.neighborSolicitation
      ? this.arriveSolicitation(on, port, packet, header, now)
      : this.arriveAdvertisement(on, port, packet, header, now);
  }

  /** RFC 4861 §7.1.1, §7.2.3, §7.2.4. */
  private arriveSolicitation(on: Interface, port: NdpPort, packet: Packet, header: IpHeader, now: number): DropReason | null {
    const isProbe = isUnspecified(header.src);
    // RFC 4861 §7.1.1: a probe for duplicates (RFC 4862 §5.4.2) has no address yet, and asks everybody.
    if (isProbe && (!isSolicitedNode(header.dst) || this.sourceLink !== NONE)) return 'ndp-malformed';
    if (!on.ownsAddress(this.target)) return 'ndp-not-for-us';
    const target = copyOf(this.target);
    const asker = isProbe ? null : copyOf(header.src);
    // SEC-22: learned is only who asks for us. The cache refuses what is no neighbour's link-layer address.
    if (asker !== null && this.sourceLink !== NONE) {
      port.neighbors.heard(asker, this.linkAt(packet.bytes, this.sourceLink), now);
    }
    this.advertise(on, port, target, asker, now);
    return null;
  }

  /** RFC 4861 §7.1.2, §7.2.5. */
  private arriveAdvertisement(on: Interface, port: NdpPort, packet: Packet, header: IpHeader, now: number): DropReason | null {
    const { bytes: b, start: at } = packet;
    const flags = Wire.flags(b, at);
    // RFC 4861 §7.1.2: what is said to everybody answers nobody.
    if (header.cast !== 'unicast' && (flags & Wire.SOLICITED) !== 0) return 'ndp-malformed';
    // SEC-22: nobody else tells us where our own address is. RFC 4862 §5.4.4.
    if (on.ownsAddress(this.target)) return 'ndp-conflict';
    // RFC 4861 §7.2.5: "there is no need to create an entry if none exists".
    if (port.neighbors.find(this.target) === null) return 'ndp-not-for-us';
    const said = this.scratchFlags;
    said.solicited = (flags & Wire.SOLICITED) !== 0;
    said.override = (flags & Wire.OVERRIDE) !== 0;
    said.router = (flags & Wire.ROUTER) !== 0;
    const linkAddress = this.targetLink === NONE ? null : this.linkAt(b, this.targetLink);
    port.neighbors.advertised(this.target, linkAddress, said, now);
    return null;
  }

  /** Note where the link-layer addresses are; the first of a kind counts. False: an option is malformed. RFC 4861 §4.6. */
  private readOptions(b: Uint8Array, from: number, end: number): boolean {
    this.sourceLink = NONE;
    this.targetLink = NONE;
    for (let at = from; at < end;) {
      // SEC-02: an option has a length, which is not 0, and is whole.
      if (end - at < 8) return false;
      const length = Wire.optionLength(b, at);
      if (length === 0 || length > end - at) return false;
      const type = Wire.optionType(b, at);
      // Of Ethernet: six bytes behind type and length. RFC 2464 §6. Longer ones mean nothing to us.
      if (length === 8 && type === Wire.SOURCE_LINK_ADDRESS && this.sourceLink === NONE) this.sourceLink = at + 2;
      if (length === 8 && type === Wire.TARGET_LINK_ADDRESS && this.targetLink === NONE) this.targetLink = at + 2;
      at += length;
    }
    return true;
  }

  private linkAt(b: Uint8Array, at: number): Uint8Array {
    for (let i = 0; i < 6; i++) this.scratchLink[i] = b[at + i]!;
    return this.scratchLink;
  }

  // Messages out.

  /**
   * Ask who has `target`: its solicited-node group, or itself alone when it is known and doubted. RFC 4861 §7.2.2, §7.3.3.
   */
  private solicit(on: Interface, port: NdpPort, target: Address, linkAddress: Uint8Array | null, now: number): void {
    const src = this.sourceFor(on, port, target);
    // From :: it would be a probe for duplicates, which says something else.
    if (src === null) return;
    const dst = linkAddress === null ? solicitedNode(target) : copyOf(target);
    const packet = this.message(Wire.V6.neighborSolicitation, 0, target, Wire.SOURCE_LINK_ADDRESS, port.linkAddress);
    this.send(packet, on, src, dst, now);
  }

  /**
   * RFC 4861 §7.2.2: "if the source address of the packet prompting the solicitation is the same as one of the addresses
   * assigned to the outgoing interface, that address SHOULD be placed in the IP Source Address".
   */
  private sourceFor(on: Interface, port: NdpPort, target: Address): Address | null {
    const waiting = port.neighbors.find(target)?.waiting[0];
    if (waiting !== undefined && waiting.length >= 40) {
      const src = cell();
      refill16(src, waiting.bytes, IpWire.source6(waiting.start));
      if (on.ownsAddress(src)) return src;
    }
    const ours = on.addressFor(target);
    return isUnspecified(ours) || isV4(ours) ? null : ours;
  }

  /** Say that `target` is here. @param asker  null: somebody without an address, so it is said to all. RFC 4861 §7.2.4. */
  private advertise(on: Interface, port: NdpPort, target: Address, asker: Address | null, now: number): void {
    const router = this.ip.forwarding ? Wire.ROUTER : 0;
    const flags = router | (asker === null ? Wire.OVERRIDE : Wire.SOLICITED | Wire.OVERRIDE);
    const packet = this.message(Wire.V6.neighborAdvertisement, flags, target, Wire.TARGET_LINK_ADDRESS, port.linkAddress);
    this.send(packet, on, target, asker ?? ALL_NODES, now);
  }

  /** A solicitation or advertisement with one option, its checksum yet to be written. */
  private message(type: number, flags: number, target: Address, option: number, linkAddress: Uint8Array): Packet {
    const packet = this.env.pool.take(Wire.NEIGHBOR_LENGTH + 8);
    const { bytes: b, start: at } = packet;
    packet.end = at + Wire.NEIGHBOR_LENGTH + 8;
    packet.transport = at;
    Wire.setHeader(b, at, type << 8, flags << 24);
    write16(b, Wire.target(at), target);
    b[at + Wire.NEIGHBOR_LENGTH] = option;
    b[at + Wire.NEIGHBOR_LENGTH + 1] = 1;
    for (let i = 0; i < 6; i++) b[at + Wire.NEIGHBOR_LENGTH + 2 + i] = linkAddress[i]!;
    return packet;
  }

  /** On this link and on no other, whatever the routes say. */
  private send(packet: Packet, on: Interface, src: Address, dst: Address, now: number): void {
    const { bytes: b, start, end } = packet;
    Wire.setChecksum(b, start, finish(sumBytes(b, start, end, pseudoSum(src, dst, 58, end - start))));
    const flow = new Flow(src, dst, 58);
    // RFC 4861 §7.1.
    flow.hopLimit = 255;
    flow.through = on;
    flow.route = new Route(on, dst, true, isMulticast(dst) ? 'multicast' : 'unicast');
    flow.routeGeneration = this.ip.routes.generation;
    flow.routedTo = dst;
    this.ip.send(packet, flow, now);
  }
}

/** ff02::1:ff00:0/104. RFC 4291 §2.7.1. */
const isSolicitedNode = (a: Address): boolean =>
  a.w0 === (0xff020000 | 0) && a.w1 === 0 && a.w2 === 1 && a.w3 >>> 24 === 0xff;

const NONE = -1;
