// IPv4: what is taken from the wire, and how packets leave. RFC 791, RFC 1122 §3.2.1 and §3.3, RFC 1812
// §5.3.7 (martians), RFC 6864 (identification).

import { copyOf, refill4, write4 } from '../address.js';
import { completeChecksum } from '../checksum.js';
import type { DropReason } from '../counters.js';
import type { ErrorCode } from '../errors.js';
import type { LinkCast } from '../link/link-output.js';
import type { Packet } from '../packet.js';
import type { Random } from '../random.js';
import { leastTransportHeader } from './extension.js';
import { Flow } from './flow.js';
import { cut4, fragmentPayload4 } from './fragmentation.js';
import { Identification } from './identification.js';
import { type Interface, isBigSuperpacket } from './interface.js';
import type { Ip } from './ip.js';
import { FLOOR4 } from './path-mtu.js';
import type { Route } from './routes.js';
import * as Wire from './wire.js';

export class Ipv4 {
  private readonly identification: Identification;
  /** Where a bad option stands, from the header's first byte. */
  private pointer = 0;

  constructor(private readonly ip: Ip, random: Random) {
    this.identification = new Identification(random);
  }

  /** A packet from `from`. Ownership passes. */
  input(from: Interface, packet: Packet, linkCast: LinkCast, now: number): void {
    const { ip } = this;
    const refused = this.refusal(from, packet, linkCast, now);
    if (refused !== null) {
      if (refused === 'ip-not-for-us' && ip.forwarding && ip.header.cast === 'unicast') this.passOn(from, packet, now);
      else ip.drop(packet, refused);
      return;
    }
    const { bytes: b, start: at } = packet;
    if ((Wire.fragmentWord4(b, at) & Wire.IS_FRAGMENT) !== 0) {
      const whole = ip.reassembly.take4(packet, ip.header, now);
      if (whole !== null) ip.deliver(whole, now);
      return;
    }
    packet.consume(Wire.headerLength4(b, at));
    packet.transport = packet.start;
    ip.deliver(packet, now);
  }

  /** Somebody else's. RFC 1812 §5.2.2, §5.3.7: the header's other checks come first here, too. */
  private passOn(from: Interface, packet: Packet, now: number): void {
    const { ip } = this;
    const refused = this.sourceRefusal(from) ?? this.checkOptions(packet, now) ?? ip.forwarder.forward(from, packet, now);
    if (refused !== null) ip.drop(packet, refused);
  }

  /** Push the header, and send. `flow.route` is `route`. Ownership passes. */
  send(packet: Packet, flow: Flow, route: Route, now: number): ErrorCode | null {
    const { ip } = this;
    const { interface: through } = route;
    const total = packet.length + 20;
    const isBig = total > 65_535;
    if (isBig && !isBigSuperpacket(packet, through)) return ip.refuse(packet, 'ip-too-big', 'EMSGSIZE');
    // RFC 1122 §3.2.1.7: nobody sends a time to live of zero; a multicast that has it is not sent.
    const staysHere = flow.hopLimit === 0;
    if (staysHere && route.cast !== 'multicast') return ip.refuse(packet, 'ip-hop-limit', 'EINVAL');
    const fits = packet.segmentSize > 0
      || (total <= through.mtu && (total <= FLOOR4 || total <= ip.pathMtu.get(flow.dst, now)));
    if (!fits && flow.dontFragment) return ip.refuse(packet, 'ip-too-big', 'EMSGSIZE');

    // RFC 6864 §4.1: an atomic datagram's identification means nothing; 0 tells nobody how much we send
    // (SEC-14). One that may be fragmented, here or on its way, is unlike all others that could still be
    // under way.
    const segments = packet.segmentSize > 0 ? Math.ceil(packet.length / packet.segmentSize) : 1;
    const identification = flow.dontFragment
      ? 0
      : this.identification.next(flow.src, flow.dst, flow.protocol, segments) & 0xffff;
    const at = packet.push(20);
    packet.network = at;
    Wire.setHeader4(
      packet.bytes, at, flow.trafficClass, isBig ? 0 : total, identification, flow.dontFragment ? Wire.DONT_FRAGMENT : 0,
      (flow.hopLimit << 8) | flow.protocol, flow.src, flow.dst,
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
    return this.sendFragments(packet, route, Math.min(through.mtu, ip.pathMtu.get(flow.dst, now)), now);
  }

  /** RFC 1122 §3.3.3: local fragmentation. */
  private sendFragments(packet: Packet, route: Route, mtu: number, now: number): ErrorCode | null {
    const step = fragmentPayload4(mtu);
    if (step === 0) return this.ip.refuse(packet, 'ip-too-big', 'EMSGSIZE');
    if (packet.checksum === 'partial') completeChecksum(packet);
    const payload = packet.length - 20;
    for (let offset = 0; offset < payload; offset += step) {
      route.interface.output.send(cut4(packet, offset, step, this.ip.pool), route.nextHop, now);
    }
    packet.release();
    return null;
  }

  /**
   * Send a packet that has its header already: IP_HDRINCL. As Linux does it (raw(7)): total length and
   * checksum are filled in always, source and identification if they are zero; nothing is fragmented.
   */
  sendWithHeader(packet: Packet, through: Interface | null, now: number): ErrorCode | null {
    const { ip } = this;
    const { bytes: b, start: at } = packet;
    const header = packet.length >= 20 ? Wire.headerLength4(b, at) : 0;
    if (header < 20 || header > packet.length) return ip.refuse(packet, 'ip-bad-header-length', 'EINVAL');
    if (packet.length > 65_535) return ip.refuse(packet, 'ip-too-big', 'EMSGSIZE');
    if (Wire.ttl4(b, at) === 0) return ip.refuse(packet, 'ip-hop-limit', 'EINVAL');
    const { scratch } = ip;
    refill4(scratch.src, b, Wire.source4(at));
    refill4(scratch.dst, b, Wire.destination4(at));
    const flow = new Flow(copyOf(scratch.src), copyOf(scratch.dst), Wire.protocol4(b, at));
    flow.through = through;
    const failure = ip.routeRaw(flow);
    if (failure !== null) return ip.refuse(packet, 'ip-no-route', failure);
    const route = flow.route!;
    if (packet.length > route.interface.mtu) return ip.refuse(packet, 'ip-too-big', 'EMSGSIZE');
    write4(b, Wire.source4(at), flow.src);
    Wire.setTotalLength4(b, at, packet.length);
    if (Wire.identification4(b, at) === 0) {
      Wire.setIdentification4(b, at, this.identification.next(flow.src, flow.dst, flow.protocol, 1) & 0xffff);
    }
    Wire.setChecksum4(b, at);
    packet.network = at;
    packet.transport = at + header;
    route.interface.output.send(packet, route.nextHop, now);
    return null;
  }

  /**
   * Why the packet goes no further; or null, and `ip.header` tells of it, and `packet` ends where it says.
   */
  private refusal(from: Interface, packet: Packet, linkCast: LinkCast, now: number): DropReason | null {
    const { ip } = this;
    const { bytes: b, start: at } = packet;
    const malformed = Wire.problem4(b, at, packet.end);
    if (malformed !== null) return malformed;
    // RFC 894: what a minimum frame is padded with is no part of the packet.
    packet.end = at + Wire.totalLength4(b, at);
    packet.network = at;
    const h = ip.header;
    h.family = 4;
    refill4(h.src, b, Wire.source4(at));
    refill4(h.dst, b, Wire.destination4(at));
    h.protocol = Wire.protocol4(b, at);
    h.hopLimit = Wire.ttl4(b, at);
    h.trafficClass = Wire.trafficClass4(b, at);
    h.linkCast = linkCast;
    h.fragmented = false;
    h.at = at;
    h.interface = from;

    // RFC 1122 §3.2.1.7: a host does not look at the time to live of what is for it.
    const refused = this.destinationRefusal(from) ?? this.sourceRefusal(from) ?? this.checkOptions(packet, now);
    if (refused !== null) return refused;
    const word = Wire.fragmentWord4(b, at);
    return (word & Wire.IS_FRAGMENT) === 0 ? null : this.fragmentRefusal(packet, word);
  }

  /** RFC 1122 §3.2.1.3, §3.3.4.2: whom is it for? Sets `header.cast`. */
  private destinationRefusal(from: Interface): DropReason | null {
    const { ip } = this;
    const h = ip.header;
    const d = h.dst.w3;
    const outside = from.kind !== 'loopback';
    h.cast = 'unicast';
    if (d >>> 28 === 0xe) {
      h.cast = 'multicast';
      h.interface = ip.arrivedOn(from, h.src);
      return h.interface.isMember(h.dst) ? null : 'ip-not-for-us';
    }
    if (d === -1) {
      h.cast = 'broadcast';
      h.interface = ip.arrivedOn(from, h.src);
      return null;
    }
    // RFC 1122 §3.2.1.3 (a), (g), RFC 1812 §5.3.7: this network; loopback from outside; class E.
    if (d >>> 24 === 0 || (outside && d >>> 24 === 127) || d >>> 28 === 0xf) return 'ip-martian-destination';
    // The weak model of RFC 1122 §3.3.4.2: an address of ours is good on any interface.
    if (from.ownsAddress(h.dst) || ip.isLocal(h.dst)) {
      // RFC 1122 §3.3.6: what the link broadcast must say so in its address.
      return h.linkCast === 'broadcast' ? 'ip-martian-destination' : null;
    }
    const on = outside ? from : ip.arrivedOn(from, h.src);
    if (on.isBroadcast(h.dst)) {
      h.cast = 'broadcast';
      h.interface = on;
      return null;
    }
    // Here a router forwards.
    return 'ip-not-for-us';
  }

  /** RFC 1122 §3.2.1.3: a source that can be no host's, or is ours, is dropped silently (SEC-27). */
  private sourceRefusal(from: Interface): DropReason | null {
    const { ip } = this;
    const h = ip.header;
    const s = h.src.w3;
    // 0.0.0.0 is how a host speaks that does not know its address yet (DHCP, IGMP), and never to one alone.
    if (s >>> 24 === 0) return s === 0 && h.cast !== 'unicast' ? null : 'ip-martian-source';
    if (s >>> 28 >= 0xe) return 'ip-martian-source';
    if (from.kind === 'loopback') return null;
    if (s >>> 24 === 127 || from.isBroadcast(h.src)) return 'ip-martian-source';
    return ip.isLocal(h.src) ? 'ip-own-source' : null;
  }

  /** The options' refusal, and who sent them hears of it. */
  private checkOptions(packet: Packet, now: number): DropReason | null {
    const { bytes: b, start: at } = packet;
    if (b[at] === 0x45) return null;
    const bad = this.optionsRefusal(b, at, at + Wire.headerLength4(b, at));
    // RFC 1122 §3.2.2.5; no error answers a fragment but the first (§3.2.2). A source route is refused silently: RFC 7126
    // §4.3.
    const isFirst = Wire.fragmentOffset4(Wire.fragmentWord4(b, at)) === 0;
    if (isFirst && bad === 'ip-bad-options') {
      this.ip.errors?.report('parameter-problem', 0, this.pointer, packet, this.ip.header, now);
    }
    return bad;
  }

  /** RFC 1122 §3.2.1.8: those we do not know are passed; none is obeyed. TCP never hears of them (RFC 9293 MUST-50). */
  private optionsRefusal(b: Uint8Array, header: number, end: number): DropReason | null {
    for (let at = header + 20; at < end;) {
      const type = b[at]!;
      if (type === END_OF_LIST) return null;
      if (type === NO_OPERATION) {
        at++;
        continue;
      }
      const length = at + 1 < end ? b[at + 1]! : 0;
      if (length < 2 || length > end - at) {
        this.pointer = at - header;
        return 'ip-bad-options';
      }
      if (type === LOOSE_SOURCE_ROUTE || type === STRICT_SOURCE_ROUTE) return 'ip-source-route';
      at += length;
    }
    return null;
  }

  /** What can be said against one fragment alone. */
  private fragmentRefusal(packet: Packet, word: number): DropReason | null {
    const header = Wire.headerLength4(packet.bytes, packet.start);
    const payload = packet.length - header;
    const more = (word & Wire.MORE_FRAGMENTS) !== 0;
    const offset = Wire.fragmentOffset4(word);
    // RFC 791 §3.1: all but the last are multiples of 8 bytes.
    if (payload === 0 || (more && payload % 8 !== 0) || packet.segmentSize > 0) return 'fragment-malformed';
    // The ping of death: the total length could not say it.
    if (header + offset + payload > 65_535) return 'fragment-too-big';
    // RFC 1858 §3, RFC 3128: a transport's header is not cut.
    const least = leastTransportHeader(this.ip.header.protocol);
    return offset === 0 && payload < least ? 'fragment-tiny-first' : null;
  }
}

/** RFC 791 §3.1. */
const END_OF_LIST = 0;
const NO_OPERATION = 1;
const LOOSE_SOURCE_ROUTE = 131;
const STRICT_SOURCE_ROUTE = 137;
