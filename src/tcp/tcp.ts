// TCP: whom a segment belongs to, ports, and a RST for what belongs to nobody. RFC 9293 §3.10.7, RFC 6056, RFC 5927.

import { type Address, ANY6, cell, isLimitedBroadcast, isMulticast, isUnspecified, isV4 } from '../address.js';
import { SlabPool } from '../byte-queue.js';
import { fold, pseudoSum, sumLanes } from '../checksum.js';
import type { DropReason } from '../counters.js';
import type { Environment } from '../environment.js';
import { type ErrorCode, NetError } from '../errors.js';
import { EphemeralPorts } from '../ip/ephemeral-ports.js';
import { Flow } from '../ip/flow.js';
import type { IpHeader } from '../ip/header.js';
import type { Ip } from '../ip/ip.js';
import type { IcmpError, Protocol } from '../ip/protocol.js';
import type { Packet } from '../packet.js';
import { NEVER } from '../time.js';
import { type Expirable, TimerEntry } from '../timer-wheel.js';
import { arrive } from './arrival.js';
import { AtRest } from './at-rest.js';
import { type Binding, BoundPorts } from './bound-ports.js';
import { checkCongestion } from './congestion/controllers.js';
import { Memory } from './buffers.js';
import { Connection, type ConnectionOptions } from './connection.js';
import { ConnectionTable } from './connection-table.js';
import { DormantTable } from './dormant.js';
import type { EcnSetting } from './ecn.js';
import { answerWithReset, emitFromTimeWait } from './emit.js';
import { FastOpenCache, FastOpenCookies } from './fast-open.js';
import { HalfOpens } from './half-open.js';
import { IsnGenerator } from './isn.js';
import { Listener, type ListenOptions } from './listener.js';
import { TcpOptions, tsBefore } from './options.js';
import { EventRing, type TcpEvents } from './probe.js';
import { RunMemory } from './run-memory.js';
import { parseSegment, Segment } from './segment.js';
import { flush } from './sender.js';
import * as Seq from './seq.js';
import { SettingsBook } from './settings.js';
import { enter, isSynchronized } from './state.js';
import { SynCookies } from './syn-cookie.js';
import { TimeWaitTable } from './time-wait.js';
import * as Wire from './wire.js';

/** Limits and defaults of all connections. */
export interface TcpSettings {
  /** Connections in all states but TIME-WAIT. Default 262,144. */
  readonly connections: number;
  /** Half-open connections of one listener. Default 1,024; Linux tcp_max_syn_backlog is 128 … 4,096 by memory. */
  readonly halfOpen: number;
  /** SYN cookies (RFC 4987 §3.6): beyond `halfOpen`, instead of remembering anything, or not at all. Default 'when full', as Linux. */
  readonly synCookies: 'when full' | 'always' | 'never';
  /** Ranges of out-of-order text of one connection. Default 1,024. */
  readonly outOfOrderRanges: number;
  /** Marks instead of losses. Default `passive`: when the peer asks for it, as Linux tcp_ecn = 2. RFC 3168. */
  readonly ecn: EcnSetting;
  /**
   * So many SYNs that are repeated ask for ECN again, for one that is lost was lost to congestion more often than to someone
   * who minds the flags (RFC 9768 §3.1.4.1; RFC 3168 §6.1.1.1 leaves it free). Default 1, as FreeBSD's ecn.maxretries; Linux's
   * tcp_ecn_fallback is 0.
   */
  readonly ecnSynRetries: number;
  /**
   * A SYN with a FIN is nobody's honest word, and dropped (SEC-66). False: as RFC 9293 §3.10.7.2 has it, it is a SYN; the FIN
   * comes again. Default true, as Linux in LISTEN; FreeBSD's drop_synfin.
   */
  readonly dropSynFin: boolean;
  /** What a send buffer begins with, bytes. Default 256 KiB. */
  readonly sendBuffer: number;
  /** What it may grow to, bytes. Default 16 MiB, Linux tcp_wmem: 4 MiB; where a round trip is under 1 ms, 1 MiB. */
  readonly sendBufferMax: number;
  /** What a receive buffer begins with, bytes. Default 128 KiB, as Linux tcp_rmem. */
  readonly receiveBuffer: number;
  /** What it may grow to, bytes; the window scale of our SYN allows for it. Default 16 MiB, Linux tcp_rmem: 6 MiB. */
  readonly receiveBufferMax: number;
  /** What all connections hold, bytes, before buffers stop growing. Default 256 MiB; Linux tcp_mem goes by the host's memory. */
  readonly memory: number;
  /** Repetitions of a SYN before ETIMEDOUT. R2 (RFC 9293 MUST-22). Default 7: 247 s, for MUST-23 wants three minutes (Linux: 6, 127 s). */
  readonly synRetries: number;
  /** Repetitions of a SYN+ACK. Default 5, as Linux tcp_synack_retries. */
  readonly synAckRetries: number;
  /** R2: repetitions of text. Default 15, as Linux tcp_retries2: over 100 s (SHLD-11). */
  readonly retries: number;
  /** R2 once nobody holds the connection any more. Default 8, as Linux tcp_orphan_retries. */
  readonly orphanRetries: number;
  /** An orphan's wait for the peer's FIN, ms. Default 60,000, as Linux tcp_fin_timeout. */
  readonly finWait2Ms: number;
  /** 2MSL, ms (MUST-13). Default 60,000: MSL 30 s, as Linux and BSD; RFC 9293 §3.4.2 says MSL 2 min, "a matter of engineering". */
  readonly timeWaitMs: number;
  /** Rows of the TIME-WAIT table; the oldest makes room. Default 16,384. */
  readonly timeWaits: number;
  /** Zero-window probes unanswered for so long end the connection, ms. Default 600,000. */
  readonly probeSilenceMs: number;
  /** Unanswered keep-alive probes before ETIMEDOUT, where the connection says nothing else. Default 9, as Linux tcp_keepalive_probes. */
  readonly keepAliveProbes: number;
  /** Offer and take selective acknowledgments (RFC 2018). Default true. */
  readonly sack: boolean;
  /** Offer and take timestamps (RFC 7323 §3). Default true. */
  readonly timestamps: boolean;
  /** Offer and take window scaling (RFC 7323 §2). Default true. */
  readonly windowScaling: boolean;
}

export const TCP_SETTINGS: TcpSettings = {
  connections: 262_144,
  halfOpen: 1024,
  synCookies: 'when full',
  outOfOrderRanges: 1024,
  ecn: 'passive',
  ecnSynRetries: 1,
  dropSynFin: true,
  sendBuffer: 256 << 10,
  sendBufferMax: 16 << 20,
  receiveBuffer: 128 << 10,
  receiveBufferMax: 16 << 20,
  memory: 256 << 20,
  synRetries: 7,
  synAckRetries: 5,
  retries: 15,
  orphanRetries: 8,
  finWait2Ms: 60_000,
  timeWaitMs: 60_000,
  timeWaits: 16_384,
  probeSilenceMs: 600_000,
  keepAliveProbes: 9,
  sack: true,
  timestamps: true,
  windowScaling: true,
};

export interface ConnectOptions extends ConnectionOptions {
  readonly address: Address;
  /** 1 .. 65535. */
  readonly port: number;
  /** Default: chosen by IP. RFC 9293 MUST-43, MUST-44. */
  readonly localAddress?: Address;
  /** Default 0: an ephemeral one is chosen (RFC 6056). */
  readonly localPort?: number;
  /**
   * TCP Fast Open: what is written before the SYN leaves, with the next poll, goes with it, to a server that has given a
   * cookie before. The server may see that text twice: only for requests that do no harm when repeated. Default false. RFC 7413 §6.
   */
  readonly fastOpen?: boolean;
}

/** RFC 9293 §3.7.1 gives no floor; a peer that offers less than this wants us to send headers (CVE-2019-11479). As netstack3. */
const MSS_MIN = 216;

export class Tcp implements Protocol, Expirable {
  readonly number = 6;
  readonly slabs = new SlabPool();
  readonly runs = new RunMemory();
  readonly atRest = new AtRest(this.runs);
  readonly settings: SettingsBook;
  readonly connections: ConnectionTable<Connection>;
  /** Those that are idle, and whose owners do without them. */
  readonly dormant: DormantTable;
  readonly memory: Memory;
  readonly timeWait: TimeWaitTable;
  readonly halfOpens: HalfOpens;
  readonly cookies: SynCookies;
  readonly fastOpenCookies: FastOpenCookies;
  readonly fastOpenCache: FastOpenCache;
  /** Connections that may have something to send when the batch ends. */
  readonly ready: Connection[] = [];
  /** For tools: where all connections from now on write what happens to them; null: nobody looks. */
  private events: EventRing | null = null;
  /** Filled anew for each SYN. */
  readonly synOptions = new TcpOptions();
  /** Names that are taken, by sockets that have been bound. */
  readonly bound = new BoundPorts();
  private readonly listeners = new Map<number, Listener[]>();
  private readonly isn: IsnGenerator;
  private readonly ports: EphemeralPorts;
  private readonly segment = new Segment();
  private readonly timer = new TimerEntry(this);

  constructor(readonly ip: Ip, readonly env: Environment, readonly options: TcpSettings = TCP_SETTINGS) {
    this.connections = new ConnectionTable(env.random);
    this.dormant = new DormantTable(this, env.random, options.connections);
    this.memory = new Memory(options.memory);
    this.settings = new SettingsBook(options);
    this.timeWait = new TimeWaitTable(env.random, env.limits, options.timeWaits);
    this.isn = new IsnGenerator(env.random);
    this.ports = new EphemeralPorts(env.random);
    this.halfOpens = new HalfOpens(this);
    this.cookies = new SynCookies(env.random);
    this.fastOpenCookies = new FastOpenCookies(env.random);
    this.fastOpenCache = new FastOpenCache(env.limits);
    env.limits.add({
      name: 'tcp.connections', unit: 'entries', max: options.connections, used: () => this.connectionCount,
      source: 'our choice: 1 GB of idle connections',
    });
    env.limits.add({
      name: 'tcp.memory', unit: 'bytes', max: options.memory, source: 'our choice; Linux tcp_mem', used: () => this.memory.used,
    });
    env.limits.add({
      name: 'tcp.half-open', unit: 'entries', max: options.halfOpen, source: 'RFC 4987; Linux tcp_max_syn_backlog',
      used: () => Math.max(0, ...[...this.listeners.values()].flat().map((l) => l.halfOpenCount)),
    });
    env.limits.add({
      name: 'tcp.out-of-order-ranges', unit: 'entries', max: options.outOfOrderRanges, source: 'CVE-2018-5390',
      used: () => {
        let most = 0;
        for (const c of this.connections) most = Math.max(most, c.assembler?.rangeCount ?? 0);
        return most;
      },
    });
  }

  /** Who listens, port by port. */
  listening(): Listener[] {
    return [...this.listeners.values()].flat();
  }

  // Segments in.

  input(packet: Packet, header: IpHeader, now: number): void {
    const seg = this.segment;
    const reason = this.receive(packet, header, seg);
    if (reason !== null) {
      this.env.counters.drop(reason);
      return;
    }
    seg.codepoint = header.trafficClass & 3;
    const c = this.find(header.dst, seg.dstPort, header.src, seg.srcPort);
    if (c !== null) {
      arrive(c, seg, packet, now);
      return;
    }
    const halfOpen = this.halfOpens.find(header, seg);
    if (halfOpen >= 0) {
      this.halfOpens.arrive(halfOpen, seg, packet, now);
      return;
    }
    const row = this.timeWait.find(header.dst, seg.dstPort, header.src, seg.srcPort);
    if (row >= 0 && !this.arriveInTimeWait(row, seg, header, now)) return;
    const listener = this.listenerFor(header.dst, seg.dstPort);
    if (listener !== null) {
      listener.arrive(seg, packet, header, row, now);
      return;
    }
    this.env.counters.drop('tcp-no-socket');
    answerWithReset(this, seg, header, now);
  }

  private receive(packet: Packet, header: IpHeader, seg: Segment): DropReason | null {
    // RFC 1122 §4.2.3.10, SEC-26: TCP speaks to one.
    if (header.cast !== 'unicast') return 'tcp-not-unicast';
    const reason = parseSegment(packet.bytes, packet.start, packet.end, seg);
    if (reason !== null) return reason;
    if ((seg.flags & Wire.SYN) !== 0) this.curb(seg.options);
    if (packet.checksum !== 'whole') return null;
    // MUST-3.
    const pseudo = pseudoSum(header.src, header.dst, 6, packet.end - packet.start);
    return fold(sumLanes(packet.bytes, packet.lanes, packet.start, packet.end, pseudo)) === 0xffff ? null : 'tcp-bad-checksum';
  }

  /** What the settings forbid is neither said in a SYN of ours nor heard in one of the peer's. */
  curb(options: TcpOptions): void {
    const { sack, timestamps, windowScaling } = this.options;
    if (!sack) options.sackPermitted = false;
    if (!timestamps) options.hasTimestamps = false;
    if (!windowScaling) options.windowScale = -1;
  }

  private listenerFor(local: Address, port: number): Listener | null {
    const here = this.listeners.get(port);
    if (here === undefined) return null;
    let general: Listener | null = null;
    for (const l of here) {
      if (!l.hears(local)) continue;
      if (!isUnspecified(l.address)) return l;
      // The wildcard of the address's own family is the more specific one.
      if (general === null || isV4(l.address) === isV4(local)) general = l;
    }
    return general;
  }

  /**
   * RFC 9293 §3.10.7.4 for TIME-WAIT, with RFC 1337 (a RST does not end it) and RFC 6191 (a SYN that is plainly newer may).
   * @returns whether the segment is to be treated as for a new connection
   */
  private arriveInTimeWait(row: number, seg: Segment, header: IpHeader, now: number): boolean {
    const t = this.timeWait;
    if ((seg.flags & Wire.RST) !== 0) {
      this.env.counters.drop('tcp-time-wait');
      return false;
    }
    if ((seg.flags & (Wire.SYN | Wire.ACK | Wire.FIN)) === Wire.SYN) {
      // RFC 6191 §2, RFC 9293 SHLD-4: newer by timestamp, or without one by sequence number (MAY-2).
      const both = t.hasTimestamps(row) && seg.options.hasTimestamps;
      const isNewer = both
        ? ((seg.options.tsVal - t.tsRecent(row)) | 0) > 0 || (seg.options.tsVal === t.tsRecent(row) && Seq.gt(seg.seq, t.rcvNxt(row)))
        : Seq.gt(seg.seq, t.rcvNxt(row));
      // The row goes when the listener takes the SYN.
      if (isNewer && this.listenerFor(header.dst, seg.dstPort) !== null) return true;
    }
    this.env.counters.drop('tcp-time-wait');
    // §3.10.7.4, fifth: what is not older, and acknowledges nothing, is not looked at.
    if ((seg.flags & (Wire.SYN | Wire.ACK)) === 0 && Seq.ge(seg.seq, t.rcvNxt(row))) return false;
    // The FIN again: our ACK was lost; 2MSL begin anew. Any other FIN is nobody's.
    if ((seg.flags & Wire.FIN) !== 0 && Seq.add(seg.seq, seg.length) === t.rcvNxt(row)) {
      t.refresh(row, now + this.options.timeWaitMs);
      if (seg.options.hasTimestamps && !tsBefore(seg.options.tsVal, t.tsRecent(row))) t.setTsRecent(row, seg.options.tsVal);
    }
    // Whatever else comes is told where we are. A bare ACK in its place is not: it may be the answer to one of ours. Also Linux.
    if (seg.length === 0 && seg.seq === t.rcvNxt(row)) return false;
    if (t.mayAnswer(row, now)) emitFromTimeWait(this, row, now);
    else this.env.counters.drop('tcp-rate-limited');
    return false;
  }

  /** RFC 9293 §3.9.2.2, MUST-54, RFC 5927: believed only with a sequence number in flight; aborts only what is not yet synchronized. */
  onError(error: IcmpError, _now: number): boolean {
    const { bytes, at, end } = error;
    if (end - at < 8) return false;
    const c = this.find(error.src, Wire.srcPort(bytes, at), error.dst, Wire.dstPort(bytes, at));
    const seq = Wire.seq(bytes, at);
    if (c === null) return this.onHalfOpenError(error, seq);
    if (Seq.lt(seq, c.snd.una) || Seq.ge(seq, c.snd.nxt)) {
      this.env.counters.drop('icmp-implausible');
      return false;
    }
    switch (error.kind) {
      case 'packet-too-big':
        c.markReady();
        return true;
      case 'port-unreachable':
      case 'protocol-unreachable':
        // SHLD-26, but RFC 5927 §5.2: a hard error is a soft one once the connection is synchronized.
        if (!isSynchronized(c.state)) c.fail('ECONNREFUSED', 'connect');
        else c.trouble(error.code);
        return true;
      case 'prohibited':
        // RFC 1812 §5.2.7.1, RFC 4443 §3.1: a filter said no, and RFC 9293 counts it with neither kind. Also Linux and FreeBSD.
        if (!isSynchronized(c.state)) c.fail(error.code, 'connect');
        else c.trouble(error.code);
        return true;
      default:
        // MUST-56, SHLD-25.
        c.trouble(error.code);
        return true;
    }
  }

  private onHalfOpenError(error: IcmpError, seq: Seq.Seq): boolean {
    const { bytes, at, kind } = error;
    const row = this.halfOpens.findTuple(error.src, Wire.srcPort(bytes, at), error.dst, Wire.dstPort(bytes, at));
    return row >= 0 && this.halfOpens.onError(row, seq, kind === 'port-unreachable' || kind === 'protocol-unreachable');
  }

  // The egress of a batch.

  flush(now: number): void {
    // What a flush makes ready (through the loopback) waits for the next batch.
    const count = this.ready.length;
    for (let i = 0; i < count; i++) {
      const c = this.ready[i]!;
      c.isReady = false;
      flush(c, now);
      this.memory.count(c);
    }
    this.ready.copyWithin(0, count);
    this.ready.length -= count;
  }

  // The user's calls.

  /**
   * OPEN, active. The connection is in SYN-SENT; its owner hears CONNECTED or CLOSED | ERROR.
   * @throws NetError EADDRNOTAVAIL, EADDRINUSE, ENETUNREACH, EHOSTUNREACH, ENOBUFS
   */
  connect(options: ConnectOptions): Connection {
    if (options.congestion !== undefined) checkCongestion(options.congestion);
    const where = { address: options.address.toString(), port: options.port };
    // RFC 9293 MUST-46.
    if (isMulticast(options.address) || isLimitedBroadcast(options.address)) throw new NetError('ENETUNREACH', 'connect', where);
    const unspecified = cell();
    const src = options.localAddress ?? unspecified;
    const flow = new Flow(src, options.address, 6);
    const failure = this.ip.route(flow);
    if (failure !== null) throw new NetError(failure, 'connect', where);
    if (flow.route!.cast !== 'unicast') throw new NetError('ENETUNREACH', 'connect', where);
    const isFree = (port: number): boolean => this.isFree(flow.src, port, flow.dst, options.port);
    let localPort = options.localPort ?? 0;
    const isUnbound = (port: number): boolean => !this.bound.has(port) && isFree(port);
    if (localPort === 0) localPort = this.ports.pick(flow.src, flow.dst, options.port, isUnbound);
    else if (!isFree(localPort)) throw new NetError('EADDRINUSE', 'connect', where);
    if (localPort === 0) throw new NetError('EADDRNOTAVAIL', 'connect', where);
    const c = this.newConnection(
      flow, localPort, options.port, this.issFor(flow.src, localPort, flow.dst, options.port, -1, this.env.now()),
    );
    if (c === null) throw new NetError('ENOBUFS', 'connect', where);
    c.configure(options);
    if (options.fastOpen === true) c.fastOpen = this.fastOpenCache.attempt(flow.dst, options.port, this.env.now());
    enter(c, 'SYN-SENT');
    c.synOwed = true;
    c.markReady();
    return c;
  }

  private isFree(local: Address, localPort: number, remote: Address, remotePort: number): boolean {
    return this.connections.get(local, localPort, remote, remotePort) === null && !this.dormant.has(local, localPort, remote, remotePort) &&
      this.timeWait.find(local, localPort, remote, remotePort) < 0 && this.listenerFor(local, localPort) === null;
  }

  /**
   * OPEN, passive. It touches no connection that exists (RFC 9293 MUST-41), nor do connections of the port bar it (MUST-42).
   * @throws NetError EADDRINUSE, EADDRNOTAVAIL
   */
  listen(options: ListenOptions): Listener {
    if (options.congestion !== undefined) checkCongestion(options.congestion);
    const address = options.address ?? ANY6;
    const where = { address: address.toString(), port: options.port };
    if (!isUnspecified(address) && !this.ip.isLocal(address)) throw new NetError('EADDRNOTAVAIL', 'listen', where);
    let port = options.port;
    if (port === 0) {
      port = this.ports.pick(address, null, 0, (p) => !this.listeners.has(p) && !this.bound.has(p));
      if (port === 0) throw new NetError('EADDRINUSE', 'listen', where);
    }
    const here = this.listeners.get(port) ?? [];
    const name = options.binding ?? {
      address, port, ipv6Only: options.ipv6Only === true, reuseAddress: false, isListening: true,
    };
    if (!this.bound.isFree(name) || here.some((l) => l.address.equals(address))) {
      throw new NetError('EADDRINUSE', 'listen', { ...where, hint: 'address already in use' });
    }
    const listener = new Listener(this, port, address, options);
    here.push(listener);
    this.listeners.set(port, here);
    return listener;
  }

  /** What happens to all connections from now on, the latest `capacity` events of it (80 bytes each). For tools. */
  probe(capacity = 65_536): TcpEvents {
    const ring = new EventRing(capacity);
    for (const c of this.connections) ring.watch(c, this.env.now());
    this.events = ring;
    return ring;
  }

  /** Is `port` that of a connection, or of one in TIME-WAIT? In time linear in their number: bind asks, not a segment. */
  hasConnections(port: number): boolean {
    for (const c of this.connections) if (c.localPort === port) return true;
    return this.timeWait.hasLocalPort(port) || this.dormant.hasLocalPort(port);
  }

  /**
   * Take a name for a socket that may listen or connect later; it is `bound.remove`d when that is closed.
   * @param port  0: any free one
   * @returns     EADDRNOTAVAIL, EADDRINUSE
   */
  bind(address: Address, port: number, ipv6Only: boolean, reuseAddress: boolean): Binding | ErrorCode {
    if (!isUnspecified(address) && !this.ip.isLocal(address)) return 'EADDRNOTAVAIL';
    const isFree = (p: number): boolean => !this.bound.has(p) && !this.listeners.has(p) && !this.hasConnections(p);
    const chosen = port === 0 ? this.ports.pick(address, null, 0, isFree) : port;
    if (chosen === 0) return 'EADDRINUSE';
    const binding = { address, port: chosen, ipv6Only, reuseAddress, isListening: false };
    if (!this.bound.isFree(binding) || this.listeners.has(chosen) && this.isHeard(binding)) return 'EADDRINUSE';
    // Also Linux: what is left of old connections keeps a name from who does not consent to share it.
    if (!reuseAddress && this.hasConnections(chosen)) return 'EADDRINUSE';
    this.bound.add(binding);
    return binding;
  }

  /** Does somebody listen where `binding` would? */
  private isHeard(binding: Binding): boolean {
    return this.listeners.get(binding.port)!.some((l) => l.address.equals(binding.address)
      || (isUnspecified(binding.address) && (isV4(l.address) === isV4(binding.address) || !binding.ipv6Only))
      || (isUnspecified(l.address) && l.hears(binding.address)));
  }

  stopListening(listener: Listener): void {
    const rest = (this.listeners.get(listener.port) ?? []).filter((l) => l !== listener);
    if (rest.length > 0) this.listeners.set(listener.port, rest);
    else this.listeners.delete(listener.port);
  }

  // What connections ask.

  /** A SYN beside a FIN is nobody's honest word (SEC-66), unless the setting is RFC 9293's. */
  isBadSyn(seg: Segment): boolean {
    return this.options.dropSynFin && (seg.flags & Wire.FIN) !== 0;
  }

  /** No more connections may be made. */
  get isFull(): boolean {
    return this.connectionCount >= this.options.connections;
  }

  /** Connections in all states but TIME-WAIT, dormant ones too. */
  get connectionCount(): number {
    return this.connections.size + this.dormant.size;
  }

  /** The connection of a tuple; a dormant one wakes. */
  private find(local: Address, localPort: number, remote: Address, remotePort: number): Connection | null {
    return this.connections.get(local, localPort, remote, remotePort) ?? this.dormant.wakeFor(local, localPort, remote, remotePort);
  }

  /**
   * RFC 6528: the first sequence number of a connection.
   * @param timeWaitRow  the row in TIME-WAIT whose place it takes; -1: of none
   */
  issFor(local: Address, localPort: number, remote: Address, remotePort: number, timeWaitRow: number, now: number): Seq.Seq {
    const iss = this.isn.next(local, localPort, remote, remotePort, now);
    if (timeWaitRow < 0) return iss;
    // RFC 9293 MAY-2 (1), RFC 6191 §2: larger than any that the old connection used, by a window. Also Linux.
    const least = Seq.add(this.timeWait.sndNxt(timeWaitRow), 0x1_0000);
    return Seq.lt(iss, least) ? least : iss;
  }

  /** A connection in the table, in CLOSED; null: the table is full. */
  newConnection(flow: Flow, localPort: number, remotePort: number, iss: Seq.Seq): Connection | null {
    if (this.isFull) {
      this.env.counters.drop('tcp-too-many-connections');
      return null;
    }
    const c = new Connection(this, flow, localPort, remotePort, null);
    c.iss = iss;
    c.snd.una = c.iss;
    c.snd.nxt = Seq.add(c.iss, 1);
    c.snd.up = c.iss;
    c.snd.sml = c.iss;
    c.ts.offset = this.env.random.u32() | 0;
    this.events?.watch(c, this.env.now());
    this.connections.add(c);
    return c;
  }

  /** What we can receive, less the fixed headers (MUST-67); every SYN says it (MUST-14, SHLD-5), also where it is the default (MAY-3). */
  offeredMss(flow: Flow, maxSegment = Infinity): number {
    if (this.ip.route(flow) !== null) return flow.dst.family === 4 ? 536 : 1220;
    return Math.min(flow.route!.interface.mtu - headersOf(flow), Math.max(maxSegment, MSS_MIN));
  }

  /** Eff.snd.MSS, MUST-16: the peer's, or the path's (RFC 7323 §5.7), whichever is smaller, less the options of every segment. */
  setSmss(c: Connection, now: number): void {
    const headers = headersOf(c.flow);
    const { plpmtud } = c;
    const max = this.packetMax(c, now);
    plpmtud?.limit(max);
    const options = c.ts.on ? 12 : 0;
    c.snd.smss = Math.max(MSS_MIN, (plpmtud === null ? max : plpmtud.size) - headers) - options;
    c.pathMtuGeneration = this.ip.pathMtu.generation;
    c.fitCongestion();
  }

  /** What the link, ICMP and the peer allow, bytes of IP packet. */
  packetMax(c: Connection, now: number): number {
    const most = Math.min(Math.max(c.snd.mss, MSS_MIN), c.settings.maxSegment) + headersOf(c.flow);
    return Math.min(this.ip.pathMtuOf(c.flow, now), most);
  }

  /** Largest payload of a segment from the peer. */
  readonly rmssMax = 65_535;

  remember(c: Connection, now: number): void {
    this.timeWait.add(c.farewell(), now + this.options.timeWaitMs);
    this.scheduleTimeWait();
  }

  forget(c: Connection): void {
    this.connections.delete(c);
    if (c.listener !== null) c.listener.handshakeOver(c);
    else if (c.fastOpen !== null && c.error?.code === 'ETIMEDOUT') this.fastOpenCache.avoid(c.flow.dst, c.remotePort, this.env.now());
  }

  private scheduleTimeWait(): void {
    const next = this.timeWait.nextTimeout();
    if (next !== NEVER && this.timer.deadline === NEVER) this.env.wheel.schedule(this.timer, next);
  }

  expire(now: number): void {
    this.timeWait.expire(now);
    this.scheduleTimeWait();
  }
}

/** IP's and TCP's fixed headers, bytes. RFC 6691. */
const headersOf = (flow: Flow): number => (isV4(flow.dst) ? 40 : 60);
