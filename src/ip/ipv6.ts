// IPv6: what is taken from the wire, and how packets leave. RFC 8200, RFC 4291 §2 (addresses that must not
// appear), RFC 4007 (zones), RFC 6946, RFC 7112.

import {
  type Address, copyOf, isLoopback, isMulticast, isUnspecified, isV4, refill16, write16,
} from '../address.js';
import { completeChecksum } from '../checksum.js';
import type { DropReason } from '../counters.js';
import type { ErrorCode } from '../errors.js';
import type { LinkCast } from '../link/link-output.js';
import type { Packet } from '../packet.js';
import type { Random } from '../random.js';
import { Chain, hasWholeChain } from './extension.js';
import { Flow } from './flow.js';
import { cut6, fragmentPayload6 } from './fragmentation.js';
import { Identification } from './identification.js';
import { type Interface, isBigSuperpacket } from './interface.js';
import type { Ip } from './ip.js';
import { FLOOR6 } from './path-mtu.js';
import type { Route } from './routes.js';
import * as Wire from './wire.js';

export class Ipv6 {
  /** The walk through the present packet's headers. */
  readonly chain = new Chain();
  private readonly identification: Identification;

  constructor(private readonly ip: Ip, random: Random) {
    this.identification = new Identification(random);
  }

  /** A packet from `from`. Ownership passes. */
  input(from: Interface, packet: Packet, linkCast: LinkCast, now: number): void {
    const { ip, chain } = this;
    const refused = this.refusal(from, packet, linkCast);
    if (refused !== null) {
      if (refused === 'ip-not-for-us' && ip.forwarding && ip.header.cast === 'unicast') this.passOn(from, packet, now);
      else ip.drop(packet, refused);
      return;
    }
    const { start: at } = packet;
    chain.begin(ip.header.protocol, at + 40, at + 6);
    const whole = this.climb(packet, now);
    if (whole === null) return;
    ip.header.protocol = chain.protocol;
    whole.consume(chain.at - whole.start);
    whole.transport = whole.start;
    ip.deliver(whole, now);
  }

  /** Somebody else's. RFC 8200 §4: routers need not look at hop-by-hop options, and at nothing behind them. */
  private passOn(from: Interface, packet: Packet, now: number): void {
    const refused = this.sourceRefusal(from) ?? this.ip.forwarder.forward(from, packet, now);
    if (refused !== null) this.ip.drop(packet, refused);
  }

  /**
   * RFC 8200 §4: the headers one after another, up to the transport's. Null: the packet is gone, or waits for
   * the rest.
   */
  private climb(given: Packet, now: number): Packet | null {
    const { ip, chain } = this;
    const h = ip.header;
    let packet = given;
    for (;;) {
      const refused = chain.walk(packet.bytes, packet.end)
        ?? (chain.protocol === Wire.FRAGMENT ? this.fragmentRefusal(packet) : null);
      if (refused !== null) {
        // RFC 8200 §4.2: 10 is answered always, 11 only if the packet was for us alone.
        if (chain.code >= 0 && !(chain.unlessMulticast && h.cast === 'multicast')) {
          ip.errors?.report('parameter-problem', chain.code, chain.pointer - h.at, packet, h, now);
        }
        ip.drop(packet, refused);
        return null;
      }
      if (chain.protocol !== Wire.FRAGMENT) return packet;
      const { bytes: b } = packet;
      if (Wire.fragmentOffset6(b, chain.at) === 0 && !Wire.moreFragments6(b, chain.at)) {
        // RFC 6946 §4, RFC 8200 §4.5: an atomic fragment is whole, whatever else bears its identification. It
        // still came with a Fragment header (RFC 6980 §5).
        h.fragmented = true;
        chain.passFragment(Wire.nextHeader(b, chain.at), chain.at + 8, chain.at);
        continue;
      }
      const whole = ip.reassembly.take6(packet, h, chain, now);
      if (whole === null) return null;
      packet = whole;
    }
  }

  /** Push the header, and send. `flow.route` is `route`. Ownership passes. */
  send(packet: Packet, flow: Flow, route: Route, now: number): ErrorCode | null {
    const { ip } = this;
    const { interface: through } = route;
    // RFC 8200 §3: what the payload length can say. It says 0 where the jumbo payload option says it: RFC 2675 §2.
    const isBig = packet.length > 65_535;
    if (isBig && !isBigSuperpacket(packet, through)) return ip.refuse(packet, 'ip-too-big', 'EMSGSIZE');
    if (isBig) Wire.setJumboPayload(packet.bytes, packet.push(8), packet.length, flow.protocol);
    const payload = packet.length;
    const staysHere = flow.hopLimit === 0;
    if (staysHere && route.cast !== 'multicast') return ip.refuse(packet, 'ip-hop-limit', 'EINVAL');
    const total = payload + 40;
    const fits = packet.segmentSize > 0
      || (total <= through.mtu && (total <= FLOOR6 || total <= ip.pathMtu.get(flow.dst, now)));
    const at = packet.push(40);
    packet.network = at;
    Wire.setHeader6(
      packet.bytes, at, flow.trafficClass, flow.flowLabel, isBig ? 0 : payload,
      ((isBig ? Wire.HOP_BY_HOP : flow.protocol) << 8) | flow.hopLimit,
      flow.src, flow.dst,
    );
    if (flow.loop && route.cast !== 'unicast') ip.loopBack(packet, route, now);
    // RFC 1112 §6.1: a time to live of zero keeps a group's packets inside the host.
    if (staysHere && through.kind !== 'loopback') {
      packet.release();
      return null;
    }
    if (fits) {
      through.output.send(packet, route.nextHop, now);
      return null;
    }
    return this.sendFragments(packet, flow, route, now);
  }

  /** RFC 8200 §4.5: only the source fragments. */
  private sendFragments(packet: Packet, flow: Flow, route: Route, now: number): ErrorCode | null {
    const { ip } = this;
    const step = fragmentPayload6(Math.min(route.interface.mtu, ip.pathMtu.get(flow.dst, now)));
    if (step === 0) return ip.refuse(packet, 'ip-too-big', 'EMSGSIZE');
    if (packet.checksum === 'partial') completeChecksum(packet);
    const identification = this.identification.next(flow.src, flow.dst, 0, 1);
    const payload = packet.length - 40;
    for (let offset = 0; offset < payload; offset += step) {
      route.interface.output.send(cut6(packet, offset, step, identification, ip.pool), route.nextHop, now);
    }
    packet.release();
    return null;
  }

  /**
   * Send a packet that has its header already: IPV6_HDRINCL. The payload length is filled in, and the source
   * if it is ::.
   */
  sendWithHeader(packet: Packet, through: Interface | null, now: number): ErrorCode | null {
    const { ip } = this;
    const { bytes: b, start: at } = packet;
    if (packet.length < 40) return ip.refuse(packet, 'ip-bad-header-length', 'EINVAL');
    if (packet.length > 65_575) return ip.refuse(packet, 'ip-too-big', 'EMSGSIZE');
    if (Wire.hopLimit6(b, at) === 0) return ip.refuse(packet, 'ip-hop-limit', 'EINVAL');
    const { scratch } = ip;
    refill16(scratch.src, b, Wire.source6(at));
    refill16(scratch.dst, b, Wire.destination6(at));
    // On the wire nobody writes IPv4 addresses like this.
    if (isV4(scratch.src) || isV4(scratch.dst)) return ip.refuse(packet, 'ip-martian-destination', 'EINVAL');
    const flow = new Flow(copyOf(scratch.src), copyOf(scratch.dst), Wire.nextHeader6(b, at));
    flow.through = through;
    const failure = ip.routeRaw(flow);
    if (failure !== null) return ip.refuse(packet, 'ip-no-route', failure);
    const route = flow.route!;
    if (packet.length > route.interface.mtu) return ip.refuse(packet, 'ip-too-big', 'EMSGSIZE');
    write16(b, Wire.source6(at), flow.src);
    Wire.setPayloadLength6(b, at, packet.length - 40);
    packet.network = at;
    packet.transport = at + 40;
    route.interface.output.send(packet, route.nextHop, now);
    return null;
  }

  /**
   * Why the packet goes no further; or null, and `ip.header` tells of it, and `packet` ends where it says.
   */
  private refusal(from: Interface, packet: Packet, linkCast: LinkCast): DropReason | null {
    const { ip } = this;
    const { bytes: b, start: at } = packet;
    const malformed = Wire.problem6(b, at, packet.end);
    if (malformed !== null) return malformed;
    packet.end = at + 40 + Wire.payloadLength6(b, at);
    packet.network = at;
    const h = ip.header;
    h.family = 6;
    this.refill(h.src, b, Wire.source6(at), from);
    this.refill(h.dst, b, Wire.destination6(at), from);
    h.protocol = Wire.nextHeader6(b, at);
    h.hopLimit = Wire.hopLimit6(b, at);
    h.trafficClass = Wire.trafficClass6(b, at);
    h.linkCast = linkCast;
    h.fragmented = false;
    h.at = at;
    h.interface = from;
    return this.destinationRefusal(b, from) ?? this.sourceRefusal(from);
  }

  /** RFC 4007 §6: a link-local address is of the zone that the packet came from. */
  private refill(into: Address, b: Uint8Array, at: number, from: Interface): void {
    const first = (b[at]! << 8) | b[at + 1]!;
    const linkLocal = (first & 0xffc0) === 0xfe80;
    // ff01::/16, ff02::/16, and those with flags.
    const zoned = linkLocal || ((first & 0xff00) === 0xff00 && (first & 0xf) <= 2);
    // Our own come back through the loopback, from one interface to itself.
    const inside = linkLocal && from.kind === 'loopback';
    refill16(into, b, at, zoned && !inside ? from.index : 0);
    if (inside) refill16(into, b, at, this.ip.ownerOf(into)?.index ?? 0);
  }

  /** Whom is it for? Sets `header.cast`. */
  private destinationRefusal(b: Uint8Array, from: Interface): DropReason | null {
    const { ip } = this;
    const h = ip.header;
    const { dst } = h;
    const outside = from.kind !== 'loopback';
    h.cast = 'unicast';
    if (isMulticast(dst)) {
      h.cast = 'multicast';
      const scope = (dst.w0 >>> 16) & 0xf;
      // RFC 4291 §2.7: scope 0 is dropped silently, and scope 1 does not leave a node.
      if (scope === 0 || (scope === 1 && outside)) return 'ip-martian-destination';
      const on = ip.arrivedOn(from, h.src);
      h.interface = on;
      if (on !== from && dst.zone !== 0) refill16(dst, b, Wire.destination6(h.at), on.index);
      return on.isMember(dst) ? null : 'ip-not-for-us';
    }
    // RFC 4291 §2.5.2, §2.5.3. A mapped IPv4 address is a way of writing in programs (RFC 4291 §2.5.5.2), not
    // of sending: to all above it would be an IPv4 peer.
    if (isV4(dst) || isUnspecified(dst) || (outside && isLoopback(dst))) return 'ip-martian-destination';
    // Here a router forwards.
    return from.ownsAddress(dst) || ip.isLocal(dst) ? null : 'ip-not-for-us';
  }

  /** A source that can be no node's, or is ours, is dropped silently (SEC-27). */
  private sourceRefusal(from: Interface): DropReason | null {
    const { ip } = this;
    const h = ip.header;
    const { src } = h;
    // RFC 4291 §2.7.
    if (isMulticast(src) || isV4(src)) return 'ip-martian-source';
    // RFC 4291 §2.5.2: a node that does not know its address yet says so, to groups alone (NDP, MLD).
    if (isUnspecified(src)) return h.cast === 'multicast' ? null : 'ip-martian-source';
    if (from.kind === 'loopback') return null;
    if (isLoopback(src)) return 'ip-martian-source';
    return ip.isLocal(src) ? 'ip-own-source' : null;
  }

  /** What can be said against one fragment alone: the walk stands at its header. RFC 8200 §4.5. */
  private fragmentRefusal(packet: Packet): DropReason | null {
    const { chain } = this;
    const h = this.ip.header;
    const { bytes: b } = packet;
    const { at } = chain;
    const offset = Wire.fragmentOffset6(b, at);
    const more = Wire.moreFragments6(b, at);
    const payload = packet.end - at - 8;
    if (offset === 0 && !more) return null;
    if (payload === 0 || packet.segmentSize > 0) return 'fragment-malformed';
    if (more && payload % 8 !== 0) return answer(chain, 0, h.at + 4, 'fragment-malformed');
    // The payload length of the whole: what stands before the Fragment header, and up to the end of this
    // fragment.
    if (at - h.at - 40 + offset + payload > 65_535) return answer(chain, 0, at + 2, 'fragment-too-big');
    // RFC 7112 §5.
    if (offset === 0 && !hasWholeChain(b, at + 8, packet.end, Wire.nextHeader(b, at))) {
      return answer(chain, 3, h.at, 'fragment-tiny-first');
    }
    return null;
  }
}

function answer(chain: Chain, code: number, pointer: number, reason: DropReason): DropReason {
  chain.code = code;
  chain.pointer = pointer;
  return reason;
}
