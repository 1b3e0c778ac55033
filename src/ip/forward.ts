// Other people's packets, passed on: what makes a host a router. RFC 1812 §4.2.2.9, §4.3.3 and §5; RFC 8200 §3 and §4.5;
// RFC 4443 §3; RFC 4291 §2.5.6. Off unless a stack is told.
//
// In RFC 1812's order (§5.2.1.1): is it ours to pass on, where does it go, how long may it live, how large may it be. What
// fails is answered by ICMP as far as ICMP may be sent. Fragments pass as they are. Not done: redirects (§5.2.7.2), source
// routes (refused, as a host does: RFC 7126 §4.3), the record route and timestamp options (passed untouched: RFC 7126
// §4.4), multicast and broadcasts into subnets (§5.3.5.2, RFC 2644).

import { type Address, copyOf, isLinkLocal } from '../address.js';
import { setU16, u16 } from '../bytes.js';
import { adjust, completeChecksum } from '../checksum.js';
import type { DropReason } from '../counters.js';
import { segment, type SegmentSink } from '../link/segmentation.js';
import type { Packet } from '../packet.js';
import { cutAgain4, fragmentPayload4 } from './fragmentation.js';
import type { Interface } from './interface.js';
import type { Ip } from './ip.js';
import type { Route } from './routes.js';
import * as Wire from './wire.js';

export class Forwarder implements SegmentSink {
  /** Packets that were passed on. */
  forwarded = 0;
  /** Where packets went lately, by the destination's last bits. Peers can overwrite it, and no more. */
  private readonly recent: Hop[] = [];
  /** The time, and the way, of the packet that is being cut. */
  private now = 0;
  private route: Route | null = null;

  constructor(private readonly ip: Ip) {}

  /**
   * Pass on the packet that `ip.header` tells of: one for somebody else alone, from a source that can be a host's, with
   * options that may stand.
   *
   * @returns  why not; null: it is on its way, and ownership has passed
   */
  forward(from: Interface, packet: Packet, now: number): DropReason | null {
    const { ip } = this;
    const h = ip.header;
    // RFC 1812 §5.3.4: what the link sent to many would come from every router on it.
    if (h.linkCast !== 'unicast' || from.kind === 'loopback') return 'ip-not-for-us';
    // RFC 4291 §2.5.6, RFC 3927 §7: these addresses mean something on their link only.
    if (isLinkLocal(h.src)) return 'ip-martian-source';
    if (isLinkLocal(h.dst)) return 'ip-martian-destination';
    const route = this.routeTo(h.dst);
    if (route === null || route.interface.kind === 'loopback') {
      // RFC 1812 §5.2.7.1: net unreachable, code 0. RFC 4443 §3.1: no route to destination, code 0.
      ip.errors?.report('net-unreachable', 0, 0, packet, h, now);
      return 'ip-no-route';
    }
    // RFC 2644 §2: a broadcast into a subnet is not made on behalf of others.
    if (route.onLink && route.interface.isBroadcast(h.dst)) return 'ip-martian-destination';
    // RFC 4443 §3.1: on a line between two, who is not the one is not the other either, and the packet would go to and fro.
    if (route.onLink && route.interface === from && from.device.medium === 'ip') {
      ip.errors?.report('host-unreachable', 0, 0, packet, h, now);
      return 'ip-no-route';
    }
    // RFC 1812 §5.3.1, RFC 8200 §3: what arrives with one hop left has none beyond us.
    if (h.hopLimit <= 1) {
      ip.errors?.report('hop-limit-exceeded', 0, 0, packet, h, now);
      return 'ip-hop-limit';
    }
    if (sizeOnTheWire(packet, h.family) <= route.interface.mtu) {
      this.send(packet, route, now);
      return null;
    }
    if (packet.segmentSize === 0) return this.cut(packet, route, now);
    // Joined on its way in, or by its sender's device: each of the packets that it stands for has a fate of its own.
    this.now = now;
    this.route = route;
    return segment(packet, ip.pool, this);
  }

  /** A piece of what was joined. */
  emit(piece: Packet): void {
    const h = this.ip.header;
    h.at = piece.network;
    const { route, now } = this;
    if (piece.length <= route!.interface.mtu) {
      this.send(piece, route!, now);
      return;
    }
    const refused = this.cut(piece, route!, now);
    if (refused !== null) this.ip.drop(piece, refused);
  }

  /** Too large for its next link. RFC 1812 §5.2.6; RFC 8200 §5: in IPv6 nobody cuts but the source. */
  private cut(packet: Packet, route: Route, now: number): DropReason | null {
    const { ip } = this;
    const { bytes: b, start: at } = packet;
    const { mtu } = route.interface;
    const h = ip.header;
    const step = h.family === 6 ? 0 : fragmentPayload4(mtu, Wire.headerLength4(b, at));
    if (step === 0 || (Wire.fragmentWord4(b, at) & Wire.DONT_FRAGMENT) !== 0) {
      // RFC 1191 §4, RFC 4443 §3.2: with the MTU of the next hop.
      ip.errors?.report('packet-too-big', 0, mtu, packet, h, now);
      return 'ip-too-big';
    }
    if (packet.checksum === 'partial') completeChecksum(packet);
    const payload = packet.length - Wire.headerLength4(b, at);
    for (let offset = 0; offset < payload; offset += step) {
      this.send(cutAgain4(packet, offset, step, ip.pool), route, now);
    }
    packet.release();
    return null;
  }

  private send(packet: Packet, route: Route, now: number): void {
    const { bytes: b, start: at } = packet;
    if (Wire.version(b, at) === 4) {
      // RFC 1812 §5.3.1 by one at least, and RFC 1624: the sum follows the word, so damage done elsewhere stays visible.
      const before = u16(b, at + 8);
      setU16(b, at + 8, before - 0x100);
      setU16(b, at + 10, adjust(Wire.checksum4(b, at), before, before - 0x100));
    } else {
      b[at + 7]!--;
    }
    this.forwarded++;
    route.interface.output.send(packet, route.nextHop, now);
  }

  /** Longest match (RFC 1812 §5.2.4.3), remembered until the table changes. */
  private routeTo(dst: Address): Route | null {
    const { routes } = this.ip;
    const slot = (dst.w3 ^ (dst.w1 << 3)) & (RECENT - 1);
    const known = this.recent[slot];
    if (known !== undefined && known.generation === routes.generation && known.dst.equals(dst)) return known.route;
    // A route on the link keeps the address, and this one is the header's.
    const lasting = copyOf(dst);
    const route = routes.lookup(lasting, 0);
    if (route !== null) this.recent[slot] = { dst: lasting, route, generation: routes.generation };
    return route;
  }
}

interface Hop {
  readonly dst: Address;
  readonly route: Route;
  /** Of the table that it was looked up in. */
  readonly generation: number;
}

/** Destinations remembered. Ours; a power of two. */
const RECENT = 256;

/** Bytes of the largest IP packet that it will be on its link: a superpacket is cut into segments there. */
function sizeOnTheWire(packet: Packet, family: 4 | 6): number {
  const { bytes: b, start: at } = packet;
  if (packet.segmentSize === 0) return packet.length;
  const isTcp = (family === 4 ? Wire.protocol4(b, at) : Wire.nextHeader6(b, at)) === 6;
  const transport = at + (family === 4 ? Wire.headerLength4(b, at) : 40);
  return transport - at + (isTcp ? (b[transport + 12]! >>> 4) * 4 : 8) + packet.segmentSize;
}
