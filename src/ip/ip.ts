// The door of the IP floor: packets in from interfaces, out from transports, of both families. RFC 1122 §3,
// RFC 8200.
//
// In: `input` gives a frame to the interface's port, which calls `Interface.input`, which comes back here
// (`arrive`), goes to its family, and from there, whole and for us, to `deliver`. Nothing here calls itself
// again: what we send to ourselves goes out through the loopback's device, and lies in the stack's queue
// until its turn.
//
// Out: `route` decides once per flow, `send` pushes a header per packet.

import {
  type Address, ALL_ROUTERS, ANY4, ANY6, cell, isLinkLocal, isLoopback, isMulticast, isUnspecified, isV4, LOOPBACK4, LOOPBACK6,
  refill16, refill4,
} from '../address.js';
import { assert } from '../assert.js';
import type { Counters, DropReason } from '../counters.js';
import type { ErrorCode } from '../errors.js';
import type { LimitRegistry } from '../limits.js';
import type { Device } from '../link/device.js';
import { EthernetPort } from '../link/ethernet.js';
import { IpPort } from '../link/ip-port.js';
import type { LinkCast } from '../link/link-output.js';
import { Loopback } from '../link/loopback.js';
import type { Packet, PacketPool } from '../packet.js';
import type { Random } from '../random.js';
import { NEVER } from '../time.js';
import { type Flow } from './flow.js';
import { Forwarder } from './forward.js';
import { type Arrival, Reassembly, type ReassemblyOwner } from './fragments.js';
import { IpHeader } from './header.js';
import {
  ADDRESSES_MAX, GROUPS_MAX, Interface, type InterfaceAddress, type InterfaceOwner,
} from './interface.js';
import { Ipv4 } from './ipv4.js';
import { Ipv6 } from './ipv6.js';
import { FLOOR6, PathMtuCache } from './path-mtu.js';
import { type ErrorReporter, IcmpError, type Protocol } from './protocol.js';
import { RawTable } from './raw.js';
import { Route, RouteTable } from './routes.js';
import { selectSource } from './source-selection.js';
import * as Wire from './wire.js';

export interface IpEnvironment {
  readonly pool: PacketPool;
  readonly counters: Counters;
  readonly limits: LimitRegistry;
  readonly random: Random;
  readonly now: number;
}

export interface InterfaceOptions {
  /** Default: the device's. */
  readonly name?: string;
  readonly addresses?: readonly { readonly address: Address; readonly prefixLength: number }[];
  /** Default routes, the first of a family before the others. */
  readonly gateways?: readonly Address[];
  /** Bytes of IP packet. Default, and at most: the device's. */
  readonly mtu?: number;
  /**
   * Join TCP segments of a batch on input, unless the device does. `port.flush` must then follow each batch.
   * Default false.
   */
  readonly coalesce?: boolean;
}

export class Ip implements InterfaceOwner, ReassemblyOwner {
  /** In order of index; the loopback is the first. */
  readonly interfaces: Interface[] = [];
  readonly routes: RouteTable;
  readonly raw: RawTable;
  readonly pathMtu: PathMtuCache;
  readonly reassembly: Reassembly;
  /** The packet that is being delivered. One record: nobody stores it. */
  readonly header = new IpHeader();
  /** Index 1, `lo`. Whoever attaches devices to the stack's queue attaches `loopback.device` too. */
  readonly loopback: Interface;
  /** Who sends ICMP errors for us. ICMP puts itself here. */
  errors: ErrorReporter | null = null;
  /** May `sendWithHeader` send from addresses that are not ours? Default false (SEC-99). */
  maySpoof = false;
  /** Passes on what is for others, while `forwarding`. */
  readonly forwarder = new Forwarder(this);
  /** For the families: cells that do not survive a call. */
  readonly scratch = { src: cell(), dst: cell() };

  private readonly protocols: (Protocol | null)[] = new Array<null>(256).fill(null);
  private readonly v4: Ipv4;
  private readonly v6: Ipv6;
  private lastIndex = 0;
  private isRouter = false;
  /**
   * Packets of ours whose next hop did not answer: their senders hear of it when no packet is being
   * processed.
   */
  private undelivered: Packet[] = [];
  private undeliveredFrom: Interface[] = [];
  private undeliveredSince = NEVER;
  /** The records for what happens apart from input, perhaps in the middle of it, or of each other. */
  private readonly quote = new IpHeader();
  private readonly stranded = new IpHeader();
  private readonly failure = new IcmpError();

  constructor(private readonly env: IpEnvironment) {
    const { limits, random } = env;
    this.routes = new RouteTable(limits);
    this.raw = new RawTable(limits);
    this.pathMtu = new PathMtuCache(env);
    this.reassembly = new Reassembly(this, env);
    this.v4 = new Ipv4(this, random);
    this.v6 = new Ipv6(this, random);
    limits.add({
      name: 'ip.addresses', unit: 'entries', max: ADDRESSES_MAX, source: 'ours, for each interface',
      used: () => Math.max(...this.interfaces.map((each) => each.addresses.length)),
    });
    limits.add({
      name: 'ip.groups', unit: 'entries', max: GROUPS_MAX, source: 'ours, for each interface',
      used: () => Math.max(...this.interfaces.map((each) => each.groups().length)),
    });
    limits.add({
      name: 'ip.undelivered', unit: 'packets', max: UNDELIVERED_MAX, source: 'ours',
      used: () => this.undelivered.length,
    });
    this.loopback = this.add(new Loopback(), 'lo', 'loopback', {
      addresses: [{ address: LOOPBACK4, prefixLength: 8 }, { address: LOOPBACK6, prefixLength: 128 }],
    });
  }

  /** Is this a router: are packets for others passed on? Default false (RFC 1122 §3.3.1.2: a host must be told). */
  get forwarding(): boolean {
    return this.isRouter;
  }

  set forwarding(value: boolean) {
    if (value === this.isRouter) return;
    this.isRouter = value;
    for (const each of this.interfaces) this.joinRouters(each);
  }

  get pool(): PacketPool {
    return this.env.pool;
  }

  /** `protocol` gets what arrives under its number. ICMP registers twice, once for each family's number. */
  register(protocol: Protocol): void {
    assert(this.protocols[protocol.number] === null, `ip: protocol ${protocol.number} registered twice`);
    this.protocols[protocol.number] = protocol;
  }

  /**
   * Make an interface of a device. The caller gives the device its sink: what it receives comes to `input`
   * from a queue.
   */
  attach(device: Device, options: InterfaceOptions = {}): Interface {
    return this.add(device, options.name ?? device.name, 'ordinary', options);
  }

  /** It is gone, with its addresses and routes. Its device is the caller's. */
  detach(which: Interface): void {
    const at = this.interfaces.indexOf(which);
    if (at < 0) return;
    which.up = false;
    this.interfaces.splice(at, 1);
    this.routes.removeThrough(which);
    this.routes.changed();
  }

  // In.

  /** A frame or packet that a device received. Ownership passes. */
  input(from: Interface, packet: Packet, now: number): void {
    if (from.up) from.port.input(packet, now);
    else this.drop(packet, 'ip-not-for-us');
  }

  arrive(from: Interface, packet: Packet, linkCast: LinkCast, now: number): void {
    if (packet.length === 0) {
      this.drop(packet, 'ip-truncated');
      return;
    }
    const version = Wire.version(packet.bytes, packet.start);
    if (version === 4) this.v4.input(from, packet, linkCast, now);
    else if (version === 6) this.v6.input(from, packet, linkCast, now);
    else this.drop(packet, 'ip-bad-version');
  }

  /** A whole packet for us, `header` telling of it, from its transport's header on. Ownership passes. */
  deliver(packet: Packet, now: number): void {
    const { header } = this;
    const taken = this.raw.offer(packet, header, now);
    const protocol = this.protocolOf(header.protocol, header.family);
    if (protocol !== null) protocol.input(packet, header, now);
    else if (!taken) this.unknownProtocol(packet, now);
    packet.release();
  }

  private unknownProtocol(packet: Packet, now: number): void {
    const { header } = this;
    this.env.counters.drop('ip-unknown-protocol');
    // RFC 1122 §3.2.2.1: protocol unreachable, code 2. RFC 8200 §4: parameter problem 1, pointing at the
    // field.
    if (header.family === 4) this.errors?.report('protocol-unreachable', 2, 0, packet, header, now);
    else this.errors?.report('parameter-problem', 1, this.v6.chain.field - header.at, packet, header, now);
  }

  /** ICMP is of one family under each of its numbers. */
  private protocolOf(number: number, family: 4 | 6): Protocol | null {
    if ((number === 1 && family === 6) || (number === 58 && family === 4)) return null;
    return this.protocols[number]!;
  }

  // Out.

  /**
   * Decide where the packets of `flow` go, and from which address if it does not say. Cheap when it is
   * decided.
   *
   * @returns  null, or why they cannot go: ENETUNREACH, EADDRNOTAVAIL
   */
  route(flow: Flow): ErrorCode | null {
    if (flow.routeGeneration === this.routes.generation && flow.routedTo === flow.dst) return null;
    flow.routeGeneration = -1;
    const route = this.routeTo(flow);
    if (route === null) return 'ENETUNREACH';
    const src = this.sourceFor(flow, route);
    if (src === null) return 'EADDRNOTAVAIL';
    flow.src = src;
    flow.route = route;
    flow.routedTo = flow.dst;
    flow.routeGeneration = this.routes.generation;
    return null;
  }

  /** The same for a packet whose sender wrote its header: with `maySpoof`, its source is its own affair. */
  routeRaw(flow: Flow): ErrorCode | null {
    if (!this.maySpoof || isUnspecified(flow.src)) return this.route(flow);
    flow.route = this.routeTo(flow);
    return flow.route === null ? 'ENETUNREACH' : null;
  }

  /**
   * Push the IP header and send. `packet.start` is the transport's header. Ownership passes, whatever comes
   * of it.
   *
   * @returns  null, or why not: what `route` says, EMSGSIZE, EINVAL
   */
  send(packet: Packet, flow: Flow, now: number): ErrorCode | null {
    const failure = this.route(flow);
    if (failure === 'EADDRNOTAVAIL') return this.refuse(packet, 'ip-no-source', failure);
    if (failure !== null) return this.refuse(packet, 'ip-no-route', failure);
    const route = flow.route!;
    return isV4(flow.dst) ? this.v4.send(packet, flow, route, now) : this.v6.send(packet, flow, route, now);
  }

  /**
   * Send a packet that has its IP header at `packet.start`. Ownership passes.
   *
   * @param through  the only interface that it may leave by; null: any
   */
  sendWithHeader(packet: Packet, now: number, through: Interface | null = null): ErrorCode | null {
    const version = packet.length === 0 ? 0 : Wire.version(packet.bytes, packet.start);
    if (version === 4) return this.v4.sendWithHeader(packet, through, now);
    if (version === 6) return this.v6.sendWithHeader(packet, through, now);
    return this.refuse(packet, 'ip-bad-version', 'EINVAL');
  }

  /** Bytes of the largest IP packet that reaches the flow's destination whole, as far as we know. */
  pathMtuOf(flow: Flow, now: number): number {
    if (this.route(flow) !== null) return isV4(flow.dst) ? 576 : FLOOR6;
    return Math.min(flow.route!.interface.mtu, this.pathMtu.get(flow.dst, now));
  }

  /**
   * Where a group's packets leave and its members listen, if nobody says otherwise. Null: there is no
   * interface for it.
   */
  interfaceFor(group: Address): Interface | null {
    return this.multicastInterface(group, group.zone);
  }

  /** A copy of what leaves for many comes back to us, if we are among them. RFC 1112 §6.1. */
  loopBack(packet: Packet, route: Route, now: number): void {
    if (route.interface === this.loopback) return;
    const copy = this.pool.take(packet.length);
    const shift = copy.start - packet.start;
    copy.bytes.set(packet.bytes.subarray(packet.start, packet.end), copy.start);
    copy.end = copy.start + packet.length;
    copy.segmentSize = packet.segmentSize;
    copy.checksum = packet.checksum;
    copy.checksumStart = packet.checksumStart + shift;
    copy.checksumField = packet.checksumField + shift;
    copy.network = packet.network + shift;
    copy.transport = packet.transport + shift;
    this.loopback.output.send(copy, route.nextHop, now);
  }

  private routeTo(flow: Flow): Route | null {
    const { dst } = flow;
    if (isUnspecified(dst)) return null;
    if (this.isLocal(dst)) return new Route(this.loopback, dst, true);
    // RFC 1122 §3.2.1.3 (g), RFC 4291 §2.5.3: loopback addresses, to or from, do not leave the host.
    if (isLoopback(dst) || (isLoopback(flow.src) && !isMulticast(dst))) return null;
    const zone = flow.through !== null ? flow.through.index : this.zoneOf(flow);
    if (isMulticast(dst)) {
      const through = this.multicastInterface(dst, zone !== 0 ? zone : this.ownerOf(flow.src)?.index ?? 0);
      return through === null ? null : new Route(through, dst, true, 'multicast');
    }
    const broadcasting = this.broadcastInterface(dst, zone);
    if (broadcasting !== null) return Route.broadcast(broadcasting);
    const found = this.routes.lookup(dst, zone);
    if (found !== null || zone === 0 || isV4(dst) || !isLinkLocal(dst)) return found;
    // RFC 4861 §5.1: the link-local prefix is on every link.
    const through = this.byIndex(zone);
    return through === null ? null : new Route(through, dst, true);
  }

  /** The zone that the flow's addresses name; 0: neither does. */
  private zoneOf({ src, dst }: Flow): number {
    return dst.zone !== 0 ? dst.zone : !isV4(src) && isLinkLocal(src) ? src.zone : 0;
  }

  private multicastInterface(group: Address, zone: number): Interface | null {
    if (zone !== 0) return this.byIndex(zone);
    const routed = this.routes.lookup(group, 0);
    if (routed !== null) return routed.interface;
    const v4 = isV4(group);
    const ordinary = this.interfaces.filter((each) => each.kind === 'ordinary' && each.up);
    const speaks = (each: Interface): boolean => each.addresses.some((row) => isV4(row.address) === v4);
    // A host that is on no link still is a group of one.
    return ordinary.find(speaks) ?? ordinary[0] ?? (this.loopback.up ? this.loopback : null);
  }

  private broadcastInterface(dst: Address, zone: number): Interface | null {
    if (!isV4(dst)) return null;
    if (dst.w3 === -1) return this.multicastInterface(dst, zone);
    for (const each of this.interfaces) {
      if (each.up && (zone === 0 || zone === each.index) && each.isBroadcast(dst)) return each;
    }
    return null;
  }

  /** The flow's source, or the one chosen for it; null: it is not ours, or there is none to choose. */
  private sourceFor(flow: Flow, route: Route): Address | null {
    const { src, dst } = flow;
    if (!isUnspecified(src)) {
      // RFC 1122 §3.2.1.3: what we send comes from one of our addresses.
      return isV4(src) === isV4(dst) && this.isLocal(src) ? src : null;
    }
    const any = isV4(dst) ? ANY4 : ANY6;
    if (flow.anonymous) return any;
    const { interface: through } = route;
    if (through === this.loopback && route.cast === 'unicast') {
      // RFC 6724 §5, rule 1. In 127/8 as Linux has it.
      return isV4(dst) && isLoopback(dst) ? LOOPBACK4 : dst;
    }
    // RFC 6724 §4: the candidates are the addresses of the interface that will send.
    const chosen = selectSource(through.addresses, dst, route.nextHop);
    if (chosen !== null) return chosen;
    // To groups a node may speak before it has an address: DHCP, IGMP, MLD.
    if (route.cast !== 'unicast') return any;
    // An interface without addresses borrows. RFC 1812 §2.2.7 knows that for lines between two routers.
    for (const each of this.interfaces) {
      if (each === this.loopback || !each.up || isLinkLocal(dst)) continue;
      const offered = each.addresses.filter((row) => !isLinkLocal(row.address));
      const borrowed = selectSource(offered, dst, route.nextHop);
      if (borrowed !== null) return borrowed;
    }
    return null;
  }

  // What ICMP and the links tell.

  /**
   * An ICMP error that quotes a packet of ours goes to the transport that sent it. A smaller path MTU is
   * believed if the transport recognises the quote. `error.mtu` is replaced by what it comes to.
   *
   * @returns  whether a transport found it plausible. RFC 5927.
   */
  deliverError(error: IcmpError, now: number): boolean {
    const { src, dst } = error;
    const family = isV4(dst) ? 4 : 6;
    const protocol = this.protocolOf(error.protocol, family);
    if (protocol === null || !this.isLocal(src) || isMulticast(dst)) return false;
    if (error.kind !== 'packet-too-big') return protocol.onError(error, now);
    const through = this.routes.lookup(dst, dst.zone)?.interface ?? null;
    const current = Math.min(through === null ? 65_535 : through.mtu, this.pathMtu.get(dst, now));
    const mtu = this.pathMtu.judge(dst, error.mtu, current);
    error.mtu = mtu;
    if (!protocol.onError(error, now)) return false;
    if (mtu < current) this.pathMtu.set(dst, mtu, now);
    return true;
  }

  /**
   * A packet of ours whose next hop does not answer. Ownership passes. Told to its sender later, from
   * `expire`.
   */
  undeliverable(from: Interface, packet: Packet, now: number): void {
    // RFC 1122 §3.3.1.4: a gateway that does not answer is not asked again while there is another.
    this.readOwn(packet, from, this.stranded);
    this.routes.fail(this.stranded.dst, from.index, now);
    if (this.undelivered.length === UNDELIVERED_MAX) {
      packet.release();
      return;
    }
    this.undelivered.push(packet);
    this.undeliveredFrom.push(from);
    this.undeliveredSince = Math.min(this.undeliveredSince, now);
  }

  /** RFC 1122 §3.3.1.4, RFC 4861 §7.2.2: as an ICMP error would, had a router sent it. */
  private tellUndelivered(now: number): void {
    const packets = this.undelivered;
    const from = this.undeliveredFrom;
    this.undelivered = [];
    this.undeliveredFrom = [];
    this.undeliveredSince = NEVER;
    const { failure, quote } = this;
    packets.forEach((packet, i) => {
      const hasTransport = this.readOwn(packet, from[i]!, quote);
      if (!this.isLocal(quote.src)) {
        this.reportUndelivered(packet, now);
      } else if (hasTransport) {
        failure.kind = 'host-unreachable';
        failure.code = 'EHOSTUNREACH';
        failure.mtu = 0;
        failure.protocol = quote.protocol;
        failure.bytes = packet.bytes;
        failure.at = packet.transport;
        failure.end = packet.end;
        refillFrom(failure.src, quote.src);
        refillFrom(failure.dst, quote.dst);
        refillFrom(failure.from, quote.src);
        this.protocolOf(quote.protocol, quote.family)?.onError(failure, now);
      }
      packet.release();
    });
  }

  /** A router's next hop does not answer: RFC 1812 §4.3.3.1 says so to the source by code 1, RFC 4443 §3.1 by code 3. */
  private reportUndelivered(packet: Packet, now: number): void {
    const { quote } = this;
    quote.cast = 'unicast';
    quote.linkCast = 'unicast';
    quote.fragmented = false;
    this.errors?.report('host-unreachable', 0, 0, packet, quote, now);
  }

  /** Read a packet's own headers into `h`, and `packet.transport`. False: its transport's is not in it. */
  private readOwn(packet: Packet, from: Interface, h: IpHeader): boolean {
    const { bytes: b, start: at, end } = packet;
    h.at = at;
    h.interface = from;
    if (Wire.version(b, at) === 4) {
      h.family = 4;
      refill4(h.src, b, Wire.source4(at));
      refill4(h.dst, b, Wire.destination4(at));
      h.protocol = Wire.protocol4(b, at);
      packet.transport = at + Wire.headerLength4(b, at);
      return Wire.fragmentOffset4(Wire.fragmentWord4(b, at)) === 0 && packet.transport + 8 <= end;
    }
    h.family = 6;
    refill16(h.src, b, Wire.source6(at));
    refill16(h.dst, b, Wire.destination6(at));
    if (isLinkLocal(h.dst)) refill16(h.dst, b, Wire.destination6(at), from.index);
    if (isLinkLocal(h.src)) refill16(h.src, b, Wire.source6(at), from.index);
    h.protocol = Wire.nextHeader6(b, at);
    packet.transport = at + 40;
    if (h.protocol === Wire.FRAGMENT) {
      h.protocol = Wire.nextHeader(b, at + 40);
      packet.transport = at + 48;
      if (Wire.fragmentOffset6(b, at + 40) !== 0) return false;
    }
    return packet.transport + 8 <= end;
  }

  reassemblyTimeout(packet: Packet, arrival: Arrival, now: number): void {
    const { quote, errors } = this;
    if (errors === null || arrival.interface === null || !this.readOwn(packet, arrival.interface, quote)) return;
    quote.cast = arrival.cast;
    quote.linkCast = arrival.linkCast;
    quote.fragmented = true;
    packet.network = packet.start;
    // RFC 792 (time exceeded), RFC 4443 §3.3: code 1 in both families.
    errors.report('reassembly-timeout', 1, 0, packet, quote, now);
  }

  // Addresses.

  /** Is it one of our addresses, on any interface? */
  isLocal(a: Address): boolean {
    // All of 127/8 is this host: RFC 1122 §3.2.1.3 (g).
    if (isV4(a) && a.w3 >>> 24 === 127) return true;
    return this.ownerOf(a) !== null;
  }

  /** The interface that has the address; a link-local one with a zone, only that zone's. */
  ownerOf(a: Address): Interface | null {
    const { interfaces } = this;
    for (let i = 0; i < interfaces.length; i++) {
      const each = interfaces[i]!;
      if (!each.ownsAddress(a)) continue;
      if (each.up && (a.zone === 0 || a.zone === each.index || isV4(a) || !isLinkLocal(a))) return each;
    }
    return null;
  }

  /** Where a packet of many came in: what we sent ourselves came, so to say, back from where it left. */
  arrivedOn(from: Interface, src: Address): Interface {
    return from.kind === 'loopback' ? this.ownerOf(src) ?? from : from;
  }

  addressAdded(to: Interface, { address, prefixLength, onLink }: InterfaceAddress): void {
    if (onLink) this.routes.add({ destination: address, prefixLength, interface: to, gateway: null });
    this.routes.changed();
  }

  addressRemoved(from: Interface, row: InterfaceAddress): void {
    this.routes.remove(row.address, row.prefixLength, from, null);
    // Another address may have brought the same route.
    for (const other of from.addresses) {
      if (other !== row && other.onLink) {
        const { address, prefixLength } = other;
        this.routes.add({ destination: address, prefixLength, interface: from, gateway: null });
      }
    }
    this.routes.changed();
  }

  changed(_which: Interface): void {
    this.routes.changed();
  }

  // Time.

  nextTimeout(): number {
    let earliest = Math.min(this.undeliveredSince, this.reassembly.nextTimeout(), this.pathMtu.nextTimeout());
    for (const each of this.interfaces) earliest = Math.min(earliest, each.port.nextTimeout());
    return earliest;
  }

  expire(now: number): void {
    this.reassembly.expire(now);
    this.pathMtu.expire(now);
    for (const each of this.interfaces) each.port.expire(now);
    if (this.undelivered.length > 0) this.tellUndelivered(now);
  }

  // For the families.

  drop(packet: Packet, reason: DropReason): void {
    this.env.counters.drop(reason);
    packet.release();
  }

  /** A drop that its sender is told of. */
  refuse(packet: Packet, reason: DropReason, code: ErrorCode): ErrorCode {
    this.drop(packet, reason);
    return code;
  }

  /** RFC 4291 §2.8: a router is in ff02::2 on every interface. */
  private joinRouters(on: Interface): void {
    if (this.isRouter) on.joinGroup(ALL_ROUTERS);
    else on.leaveGroup(ALL_ROUTERS);
  }

  private byIndex(index: number): Interface | null {
    return this.interfaces.find((each) => each.index === index && each.up) ?? null;
  }

  private add(device: Device, name: string, kind: Interface['kind'], options: InterfaceOptions): Interface {
    const { env } = this;
    const added = new Interface(this, ++this.lastIndex, name, device, kind);
    const coalesce = options.coalesce === true;
    added.mtu = Math.floor(Math.min(options.mtu ?? device.mtu, device.mtu));
    added.port = device.medium === 'ip'
      ? new IpPort(device, added, env, { coalesce })
      : new EthernetPort(device, added, env, { coalesce });
    this.interfaces.push(added);
    if (this.isRouter) this.joinRouters(added);
    for (const { address, prefixLength } of options.addresses ?? []) added.addAddress(address, prefixLength);
    for (const gateway of options.gateways ?? []) this.routes.addDefault(gateway, added);
    this.routes.changed();
    return added;
  }
}

/** Packets that wait to be told of. */
const UNDELIVERED_MAX = 64;

/** `into` becomes a copy of another cell. */
function refillFrom(into: Address, from: Address): void {
  Object.assign(into, { w0: from.w0, w1: from.w1, w2: from.w2, w3: from.w3, zone: from.zone });
}
