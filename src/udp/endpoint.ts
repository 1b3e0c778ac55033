// One end of UDP: what an application binds, connects, sends by and receives from. RFC 768, RFC 1122 §4.1, RFC 8085.
//
// What a call cannot do, it says by an error code; news comes as bits, when no packet is being processed.

import { type Address, ANY4, ANY6, copyOf, isMulticast, isUnspecified, isV4, LOOPBACK4, LOOPBACK6 } from '../address.js';
import { assert } from '../assert.js';
import { copy } from '../bytes.js';
import { fold, pseudoSum } from '../checksum.js';
import type { Announcer } from '../environment.js';
import type { ErrorCode } from '../errors.js';
import { Flow } from '../ip/flow.js';
import type { IpHeader } from '../ip/header.js';
import type { Interface } from '../ip/interface.js';
import { FLOOR4 } from '../ip/path-mtu.js';
import type { IcmpError } from '../ip/protocol.js';
import { Datagram, DatagramQueue } from './datagram-queue.js';
import type { Binding } from './ports.js';
import type { Udp } from './udp.js';
import * as Wire from './wire.js';

/** Events. A datagram has come. */
export const UDP_READABLE = 1;
/** An ICMP error has come: `takeError` or `receiveError` tells. */
export const UDP_ERROR = 2;

export interface UdpOwner {
  /** @param events  the `UDP_…` bits of all that happened since the last time */
  onUdpEvent(endpoint: UdpEndpoint, events: number): void;
}

export interface UdpOptions {
  /** 4: IPv4 only. Default 6: both, unless `v6Only`. */
  readonly family?: 4 | 6;
  /** Default false: the unspecified IPv6 address stands for IPv4's too. RFC 3493 §5.3. */
  readonly v6Only?: boolean;
  /** Share an address and port with others that say the same; the one bound last gets the unicasts. Default false. */
  readonly reuseAddress?: boolean;
  /** Share an address and port with others that say the same; peers are spread over all of them. Default false. */
  readonly reusePort?: boolean;
  /** Send and receive through this interface alone: SO_BINDTODEVICE. Default: any. */
  readonly through?: Interface | null;
  /** Receive queue, bytes, 256 for each datagram's keep included. Default 212,992, as Linux's rmem_default. */
  readonly receiveBytes?: number;
  /**
   * RFC 6936's tunnels: send without checksum, and receive without over IPv6. Default false. (Received over IPv4, a
   * datagram without checksum is always good: RFC 1122 §4.1.3.4.)
   */
  readonly zeroChecksum?: boolean;
  /** Keep ICMP errors, of whatever kind and from any peer, for `receiveError`: IP_RECVERR. Default false. */
  readonly recordErrors?: boolean;
}

/** Where a datagram goes. A `Datagram` is one: its sender. */
export interface UdpDestination {
  readonly address: Address;
  /** 1 .. 65535. */
  readonly port: number;
  /** From which of our addresses, if not the bound one. RFC 1122 §4.1.3.5: the application may choose. */
  readonly from?: Address | null;
}

/** An ICMP error about a datagram of ours. */
export interface UdpError {
  readonly code: ErrorCode;
  readonly kind: IcmpError['kind'];
  /** With `packet-too-big`: bytes of IP packet that pass, as told. */
  readonly mtu: number;
  /** Who says so. */
  readonly reporter: Address;
  /** Where the datagram was going. */
  readonly address: Address;
  readonly port: number;
  /** As much of its payload as the error quotes. */
  readonly quoted: Uint8Array;
}

export class UdpEndpoint implements Binding<UdpEndpoint>, Announcer {
  owner: UdpOwner | null = null;

  /** As bound; connected, the address that the peer sees. */
  localAddress: Address;
  /** 0: not bound yet. */
  localPort = 0;
  remoteAddress: Address | null = null;
  remotePort = 0;
  readonly v6Only: boolean;
  readonly reuseAddress: boolean;
  readonly reusePort: boolean;
  readonly interfaceIndex: number;
  nextInBucket: UdpEndpoint | null = null;

  /** TTL in IPv4. RFC 1122 §4.1.4. */
  hopLimit = 64;
  /** Of multicasts. RFC 1112 §6.1. */
  multicastHopLimit = 1;
  /** DSCP and ECN, 8 bits. */
  trafficClass = 0;
  /** True: what exceeds the path MTU is refused with EMSGSIZE. False: it goes in fragments. RFC 8085 §3.2. */
  dontFragment = false;
  /** Without it, sending to a broadcast address is EACCES: SO_BROADCAST. */
  mayBroadcast = false;
  /** Our own multicasts come back to us, where we are members: IP_MULTICAST_LOOP. */
  multicastLoop = true;
  /** Send from 0.0.0.0 or :: itself, while there is no address yet: DHCP. */
  anonymous = false;

  /** See `UdpOptions`. */
  recordErrors: boolean;

  private readonly family: 4 | 6;
  private readonly through: Interface | null;
  private readonly zeroChecksum: boolean;
  private readonly queue: DatagramQueue;
  private readonly errors: UdpError[] = [];
  private pendingEvents = 0;
  private pendingError: ErrorCode | null = null;
  private isClosed = false;
  /** As bound; `localAddress` is more when connected. */
  private boundAddress: Address;
  private multicastInterface: Interface | null = null;
  private readonly memberships: Membership[] = [];
  /** Any of them hears chosen sources alone. */
  private isChoosy = false;
  /** To the connected peer; and to whomever `send` named last, from whichever address it named. */
  private peerFlow: Flow | null = null;
  private readonly otherFlow = new Flow(ANY6, ANY6, 17);
  private otherFrom: Address = ANY6;

  constructor(private readonly udp: Udp, options: UdpOptions) {
    this.family = options.family ?? 6;
    this.v6Only = this.family === 6 && options.v6Only === true;
    this.reuseAddress = options.reuseAddress === true;
    this.reusePort = options.reusePort === true;
    this.through = options.through ?? null;
    this.interfaceIndex = this.through === null ? 0 : this.through.index;
    this.zeroChecksum = options.zeroChecksum === true;
    this.recordErrors = options.recordErrors === true;
    this.localAddress = this.family === 4 ? ANY4 : ANY6;
    this.boundAddress = this.localAddress;
    this.queue = new DatagramQueue(0);
    this.setReceiveBytes(options.receiveBytes ?? udp.settings.receiveBytes);
  }

  // Names.

  /**
   * Take a name; `port` 0: any free one. A multicast group or a broadcast address is a name too: only what was sent there.
   *
   * @returns  EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT; EINVAL when it has one; ENOBUFS at the limit of endpoints
   */
  bind(address: Address, port: number): ErrorCode | null {
    if (this.isClosed) return 'EBADF';
    if (this.localPort !== 0) return 'EINVAL';
    if (!this.speaks(address)) return 'EAFNOSUPPORT';
    if (!isUnspecified(address) && !this.udp.isBindable(address)) return 'EADDRNOTAVAIL';
    return this.take(copyOf(address), port === 0 ? this.udp.ephemeralPort(address, null, 0) : port);
  }

  /**
   * From now on only `address` and `port` are sent to by default and received from, and their ICMP errors heard. Connecting
   * again is to another peer.
   */
  connect(address: Address, port: number): ErrorCode | null {
    if (this.isClosed) return 'EBADF';
    if (port === 0) return 'EINVAL';
    const flow = new Flow(ANY6, ANY6, 17);
    const failure = this.aim(flow, this.boundAddress, address) ?? this.routed(flow);
    if (failure !== null) return failure;
    const { udp } = this;
    if (this.localPort === 0) {
      const refusal = this.take(this.boundAddress, udp.ephemeralPort(flow.src, flow.dst, port));
      if (refusal !== null) return refusal;
    }
    udp.ports.remove(this);
    this.localAddress = flow.src;
    this.remoteAddress = flow.dst;
    this.remotePort = port;
    this.peerFlow = flow;
    this.pendingError = null;
    udp.ports.add(this);
    return null;
  }

  /** Everybody's again. It keeps its port, and what it has received. */
  disconnect(): ErrorCode | null {
    if (this.remoteAddress === null) return 'ENOTCONN';
    const { ports } = this.udp;
    ports.remove(this);
    this.localAddress = this.boundAddress;
    this.remoteAddress = null;
    this.remotePort = 0;
    this.peerFlow = null;
    ports.add(this);
    return null;
  }

  /** Its name is free again, what it has received is lost, and its owner hears no more. Idempotent. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.udp.ports.remove(this);
    for (const { group, on } of this.memberships.splice(0)) on.leaveGroup(group);
    this.queue.clear();
    this.errors.length = 0;
    this.owner = null;
  }

  // Groups. RFC 1112 §7.1; RFC 3493 §5.2.

  /** Receive what is sent to `group`. `on` null: where IP would send to it. */
  joinGroup(group: Address, on: Interface | null = null): ErrorCode | null {
    if (this.isClosed) return 'EBADF';
    if (!isMulticast(group) || !this.speaks(group)) return 'EINVAL';
    const through = on ?? this.udp.ip.interfaceFor(group);
    if (through === null) return 'ENODEV';
    if (this.membership(group, through) >= 0) return 'EADDRINUSE';
    if (this.memberships.length >= this.udp.settings.memberships || !through.joinGroup(group)) return 'ENOBUFS';
    this.memberships.push({ group: copyOf(group), on: through, sources: null });
    return null;
  }

  /** From all sources of it, however it was joined. */
  leaveGroup(group: Address, on: Interface | null = null): ErrorCode | null {
    const at = this.membership(group, on);
    if (at < 0) return 'EADDRNOTAVAIL';
    for (const left of this.memberships.splice(at, 1)) left.on.leaveGroup(left.group);
    this.isChoosy = this.memberships.some(({ sources }) => sources !== null);
    return null;
  }

  /**
   * Of what is sent to `group`, receive what `source` sends: RFC 3678 §4.1.1, join. A membership of all sources becomes one
   * of this one, as Linux has it.
   *
   * @returns  as `joinGroup`; EADDRNOTAVAIL: the source is heard already
   */
  joinSource(group: Address, source: Address, on: Interface | null = null): ErrorCode | null {
    if (isV4(group) !== isV4(source)) return 'EINVAL';
    const refusal = this.joinGroup(group, on);
    if (refusal !== null && refusal !== 'EADDRINUSE') return refusal;
    const membership = this.memberships[this.membership(group, on ?? this.udp.ip.interfaceFor(group))]!;
    const sources = membership.sources ?? [];
    if (sources.some((each) => each.equals(source))) return 'EADDRNOTAVAIL';
    if (sources.length >= SOURCES_MAX) return 'ENOBUFS';
    membership.sources = [...sources, copyOf(source)];
    this.isChoosy = true;
    return null;
  }

  /**
   * RFC 3678 §4.1.1, leave. With its last source the group is left.
   *
   * @returns  EINVAL: no member; EADDRNOTAVAIL: this source is not one that was chosen
   */
  leaveSource(group: Address, source: Address, on: Interface | null = null): ErrorCode | null {
    const membership = this.memberships[this.membership(group, on)];
    if (membership === undefined) return 'EINVAL';
    const left = membership.sources?.filter((each) => !each.equals(source)) ?? null;
    if (left === null || left.length === membership.sources?.length) return 'EADDRNOTAVAIL';
    if (left.length === 0) return this.leaveGroup(group, membership.on);
    membership.sources = left;
    return null;
  }

  /**
   * Of what is sent to many, who has chosen sources hears those alone. Who is no member of the group hears all that reaches
   * the host: Linux's IP_MULTICAST_ALL.
   */
  hears(header: IpHeader): boolean {
    if (!this.isChoosy || header.cast !== 'multicast') return true;
    const chosen = this.memberships[this.membership(header.dst, header.interface)]?.sources ?? null;
    if (chosen === null) return true;
    for (let i = 0; i < chosen.length; i++) if (chosen[i]!.equals(header.src)) return true;
    return false;
  }

  private membership(group: Address, on: Interface | null): number {
    return this.memberships.findIndex((m) => m.group.equals(group) && (on === null || m.on === on));
  }

  /** Where multicasts leave. Null: where the route says. */
  setMulticastInterface(through: Interface | null): void {
    this.multicastInterface = through;
    this.otherFlow.routeGeneration = -1;
  }

  // Sending.

  /**
   * Send the datagram `b[at .. end)`, to the connected peer or `to` another; the bytes are copied. What exceeds the path
   * MTU goes in fragments. An endpoint without a name takes one.
   *
   * @returns  EDESTADDRREQ, EMSGSIZE (above 65,507 bytes, or 65,527 over IPv6), EACCES, ENETUNREACH, EHOSTUNREACH; or, once,
   *           the ICMP error that waits
   */
  send(b: Uint8Array, at: number, end: number, to: UdpDestination | null = null): ErrorCode | null {
    if (to === null) return this.ready() ?? this.emit(this.peerFlow!, this.remotePort, b, at, end, 0);
    return this.readyFor(to) ?? this.emit(this.otherFlow, to.port, b, at, end, 0);
  }

  /**
   * Send `b[at .. end)` as datagrams of `segmentSize` bytes each, the last one shorter: in one packet that is cut as late
   * as possible, or in as few as its limits permit.
   *
   * @returns  as `send`; EMSGSIZE also when a single datagram exceeds the path MTU. What came before an error is sent.
   */
  sendSegments(b: Uint8Array, at: number, end: number, segmentSize: number, to: UdpDestination | null = null): ErrorCode | null {
    assert(segmentSize > 0, 'udp: a segment has bytes');
    const failure = to === null ? this.ready() : this.readyFor(to);
    if (failure !== null) return failure;
    const flow = to === null ? this.peerFlow! : this.otherFlow;
    const port = to === null ? this.remotePort : to.port;
    const headers = Wire.HEADER_LENGTH + (isV4(flow.dst) ? 20 : 40);
    if (headers + segmentSize > this.udp.ip.pathMtuOf(flow, this.udp.env.now())) return 'EMSGSIZE';
    const most = Math.min(SEGMENTS_MAX, Math.floor(payloadMax(flow) / segmentSize)) * segmentSize;
    for (let from = at; ;) {
      const until = Math.min(from + most, end);
      const refusal = this.emit(flow, port, b, from, until, until - from > segmentSize ? segmentSize : 0);
      from = until;
      if (refusal !== null || from >= end) return refusal;
    }
  }

  /** May it send to its peer? */
  private ready(): ErrorCode | null {
    if (this.isClosed) return 'EBADF';
    if (this.pendingError !== null) return this.takeError();
    if (this.peerFlow === null) return 'EDESTADDRREQ';
    return this.routed(this.peerFlow);
  }

  /** May it send to `to`? Then `otherFlow` leads there. */
  private readyFor(to: UdpDestination): ErrorCode | null {
    if (this.isClosed) return 'EBADF';
    if (this.pendingError !== null) return this.takeError();
    // RFC 768: port 0 stands for none.
    if (to.port === 0) return 'EINVAL';
    if (this.localPort === 0) {
      const refusal = this.take(this.boundAddress, this.udp.ephemeralPort(this.boundAddress, null, 0));
      if (refusal !== null) return refusal;
    }
    const flow = this.otherFlow;
    const from = to.from ?? this.localAddress;
    // Most datagrams go where the last one went.
    const isKnown = flow.routeGeneration === this.udp.ip.routes.generation && isSame(flow.dst, to.address)
      && isSame(this.otherFrom, from);
    if (!isKnown) {
      const failure = this.aim(flow, from, to.address);
      if (failure !== null) return failure;
      this.otherFrom = from === this.localAddress ? from : copyOf(from);
    }
    return this.routed(flow);
  }

  /** Make `flow` one from `src`, which may be unspecified, to `dst`. */
  private aim(flow: Flow, src: Address, dst: Address): ErrorCode | null {
    if (!this.speaks(dst)) return isV4(dst) ? 'ENETUNREACH' : 'EAFNOSUPPORT';
    // A group or a broadcast address that it is bound to names no sender. RFC 1122 §4.1.3.6.
    const anySrc = isUnspecified(src) || this.udp.isGroup(src);
    if (!anySrc && isV4(src) !== isV4(dst)) return 'ENETUNREACH';
    const isGroup = isMulticast(dst);
    flow.through = this.through ?? (isGroup ? this.multicastInterface : null);
    // Also Linux: nobody is this host itself.
    const target = isUnspecified(dst) ? (isV4(dst) ? LOOPBACK4 : LOOPBACK6) : copyOf(dst);
    flow.aim(anySrc ? (isV4(dst) ? ANY4 : ANY6) : copyOf(src), target);
    return null;
  }

  private routed(flow: Flow): ErrorCode | null {
    flow.anonymous = this.anonymous;
    const failure = this.udp.ip.route(flow);
    if (failure !== null) return failure;
    return flow.route!.cast === 'broadcast' && !this.mayBroadcast ? 'EACCES' : null;
  }

  private emit(flow: Flow, port: number, b: Uint8Array, at: number, end: number, segmentSize: number): ErrorCode | null {
    const { env, ip } = this.udp;
    const length = Wire.HEADER_LENGTH + end - at;
    if (end - at > payloadMax(flow)) return 'EMSGSIZE';
    // Also Linux: what fits the path goes with DF, so that a path that has become narrower says so (RFC 8085 §3.2). And an
    // atomic datagram needs no identification of its own (RFC 6864 §4.1).
    const now = env.now();
    const fits = segmentSize > 0 || this.fits(flow, (isV4(flow.dst) ? 20 : 40) + length, now);
    // In IPv6, whoever sends is the only one who fragments, and IP does it unless we ask: RFC 3542 §11.2.
    if (this.dontFragment && !fits) return 'EMSGSIZE';
    flow.hopLimit = flow.route!.cast === 'multicast' ? this.multicastHopLimit : this.hopLimit;
    flow.trafficClass = this.trafficClass;
    flow.dontFragment = fits;
    // Also Linux: IP_MULTICAST_LOOP is not about broadcasts.
    flow.loop = this.multicastLoop || flow.route!.cast === 'broadcast';

    const packet = env.pool.take(length);
    const { bytes, start } = packet;
    copy(b, at, end, bytes, start + Wire.HEADER_LENGTH);
    packet.end = start + length;
    packet.transport = start;
    packet.segmentSize = segmentSize;
    if (this.zeroChecksum && segmentSize === 0) {
      Wire.setHeader(bytes, start, this.localPort, port, length, 0);
    } else {
      // The device's edge finishes it, or never has to.
      Wire.setHeader(bytes, start, this.localPort, port, length, fold(pseudoSum(flow.src, flow.dst, 17, length)));
      packet.checksum = 'partial';
      packet.checksumStart = start;
      packet.checksumField = start + 6;
    }
    return ip.send(packet, flow, now);
  }

  /** Does a packet of so many bytes reach the destination whole, as far as we know? */
  private fits(flow: Flow, total: number, now: number): boolean {
    // What every path carries is not looked up.
    return total <= flow.route!.interface.mtu && (total <= FLOOR4 || total <= this.udp.ip.pathMtuOf(flow, now));
  }

  // Receiving.

  /** The oldest datagram that waits, or null. */
  receive(): Datagram | null {
    const datagram = new Datagram();
    return this.queue.shift(datagram) ? datagram : null;
  }

  /** The same into a record that is refilled: of `into`, only `data` is the caller's to keep. False: none waits. */
  receiveInto(into: Datagram): boolean {
    return this.queue.shift(into);
  }

  /** Of the connected peer's path, bytes of IP packet; null: not connected. */
  get pathMtu(): number | null {
    return this.peerFlow === null ? null : this.udp.ip.pathMtuOf(this.peerFlow, this.udp.env.now());
  }

  /** Datagrams that wait. */
  get waiting(): number {
    return this.queue.length;
  }

  /** The payload of the oldest, bytes; -1: none waits. */
  get firstLength(): number {
    return this.queue.firstLength();
  }

  /** What they cost, bytes. */
  get receiveBytesUsed(): number {
    return this.queue.bytes;
  }

  /** How much may wait, bytes; between 2,304 (Linux's least) and the setting. */
  get receiveBytes(): number {
    return this.queue.max;
  }

  setReceiveBytes(bytes: number): void {
    this.queue.max = Math.min(Math.max(bytes, RECEIVE_BYTES_MIN), this.udp.settings.receiveBytesMax);
  }

  /** The ICMP error that waits, once. Sending tells it too, and then does not send. RFC 1122 §4.1.3.3. */
  takeError(): ErrorCode | null {
    const error = this.pendingError;
    this.pendingError = null;
    return error;
  }

  /** The oldest error of `recordErrors` that waits, or null. */
  receiveError(): UdpError | null {
    return this.errors.shift() ?? null;
  }

  /** The youngest of them, which stays. */
  get lastError(): ErrorCode | null {
    return this.errors.at(-1)?.code ?? null;
  }

  get errorsWaiting(): number {
    return this.errors.length;
  }

  /** Of the same family, or of both? */
  private speaks(address: Address): boolean {
    return isV4(address) ? !this.v6Only : this.family === 6;
  }

  private take(address: Address, port: number): ErrorCode | null {
    const { udp } = this;
    if (udp.ports.size >= udp.settings.endpoints) return 'ENOBUFS';
    const before = this.localAddress;
    this.localAddress = address;
    this.localPort = port;
    if (port === 0 || !udp.ports.isFree(this)) {
      this.localAddress = before;
      this.localPort = 0;
      return 'EADDRINUSE';
    }
    this.boundAddress = address;
    udp.ports.add(this);
    return null;
  }

  // What the protocol tells.

  /** The payload `b[at .. end)`, or a superpacket's payloads of `segmentSize` bytes each, for us. */
  deliver(b: Uint8Array, at: number, end: number, segmentSize: number, port: number, header: IpHeader): void {
    const size = segmentSize === 0 ? end - at : segmentSize;
    let from = at;
    do {
      const until = Math.min(from + size, end);
      if (!this.queue.push(b, from, until, port, header)) this.udp.env.counters.drop('udp-receive-queue-full');
      from = until;
    } while (from < end);
    this.raise(UDP_READABLE);
  }

  /** RFC 8200 §8.1, RFC 6935 §5: none is no checksum to trust, unless the application has said so. */
  takesZeroChecksum(header: IpHeader): boolean {
    return header.family === 4 || this.zeroChecksum;
  }

  /** An ICMP error about a datagram of ours, to `port` of `error.dst`. */
  hear(error: IcmpError, port: number): void {
    const isOfPeer = this.remoteAddress !== null && this.isFatal(error);
    if (isOfPeer) this.pendingError = error.code;
    if (this.recordErrors) this.record(error, port);
    if (isOfPeer || this.recordErrors) this.raise(UDP_ERROR);
  }

  private record(error: IcmpError, port: number): void {
    if (this.errors.length >= ERRORS_MAX) {
      this.udp.env.counters.drop('udp-receive-queue-full');
      return;
    }
    const { code, kind, mtu } = error;
    const quoted = error.bytes.slice(error.at + Wire.HEADER_LENGTH, error.end);
    this.errors.push({ code, kind, mtu, reporter: copyOf(error.from), address: copyOf(error.dst), port, quoted });
  }

  /**
   * Also Linux: an unreachable net or host may be reachable by the next datagram, and is no error of the socket. (RFC 1122
   * §4.1.3.3 wants all to be passed on: `recordErrors` does.)
   */
  private isFatal(error: IcmpError): boolean {
    switch (error.kind) {
      case 'port-unreachable':
      case 'protocol-unreachable':
      case 'prohibited':
      case 'parameter-problem':
        return true;
      case 'packet-too-big':
        return this.dontFragment;
      default:
        return false;
    }
  }

  private raise(event: number): void {
    if (this.pendingEvents === 0) this.udp.env.announceLater(this);
    this.pendingEvents |= event;
  }

  announce(): void {
    const events = this.pendingEvents;
    this.pendingEvents = 0;
    this.owner?.onUdpEvent(this, events);
  }
}

interface Membership {
  readonly group: Address;
  readonly on: Interface;
  /** Who is heard; null: everybody. Replaced, never changed in place. */
  sources: readonly Address[] | null;
}

/** Of each membership. Linux's igmp_max_msf. */
const SOURCES_MAX = 10;

const payloadMax = (flow: Flow): number => (isV4(flow.dst) ? Wire.PAYLOAD_MAX_V4 : Wire.PAYLOAD_MAX_V6);

const isSame = (a: Address, b: Address): boolean => a === b || (a.equals(b) && a.zone === b.zone);

/** Linux's UDP_MAX_SEGMENTS: a kernel that takes our superpackets cuts no more from one. */
const SEGMENTS_MAX = 64;

/** Linux's SOCK_MIN_RCVBUF. */
const RECEIVE_BYTES_MIN = 2304;

/** Errors that wait for one application. Our choice. */
export const ERRORS_MAX = 16;
