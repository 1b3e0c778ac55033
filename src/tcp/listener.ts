// A passive open: one connection for each client, any number at once. Clients that have not been heard a second time are
// rows (half-open.ts), or, when those are all taken, cookies (syn-cookie.ts); connections wait to be accepted in a bounded
// queue. RFC 9293 §3.9.1.1, §3.10.7.2; RFC 4987.

import type { Address } from '../address.js';
import { copyOf, isMulticast, isUnspecified, isV4 } from '../address.js';
import type { Announcer } from '../environment.js';
import { Flow } from '../ip/flow.js';
import type { IpHeader } from '../ip/header.js';
import type { Packet } from '../packet.js';
import { arrive } from './arrival.js';
import type { Binding } from './bound-ports.js';
import { Connection, type ConnectionOptions } from './connection.js';
import { answerWithReset } from './emit.js';
import { FastOpen, RESET_HOLD_MS } from './fast-open.js';
import { connectionOf, emitSynAck, learnHandshake } from './half-open.js';
import { acceptText } from './receiver.js';
import type { Segment } from './segment.js';
import * as Seq from './seq.js';
import { Handshake, type RowOwner } from './syn-cache.js';
import { COOKIE_MS, recallOptions, timestampOf } from './syn-cookie.js';
import type { Tcp } from './tcp.js';
import type { UserTimeout } from './user-timeout.js';
import * as Wire from './wire.js';

const scratchHandshake = new Handshake();

export interface ListenerOwner {
  /** Connections wait in `accept()`. Called when no segment is being processed. */
  onTcpAccept(listener: Listener): void;
}

export interface ListenOptions extends ConnectionOptions {
  /** Default: the unspecified IPv6 address, which hears both families. */
  readonly address?: Address;
  /** 1 .. 65535; 0: a free one is chosen. */
  readonly port: number;
  /** Connections that may wait to be accepted. Default 511, as Node. */
  readonly backlog?: number;
  /** With the unspecified IPv6 address: do not hear IPv4. Default false. */
  readonly ipv6Only?: boolean;
  /**
   * TCP Fast Open: text on the SYN of a client with a valid cookie is delivered at once. `queue`: such connections whose
   * handshake is not done, 1 .. 65,535; beyond it they are opened as others are. An application must bear to see a request
   * twice (RFC 7413 §6). Default: off (§2-1, §4.2-1).
   */
  readonly fastOpen?: { readonly queue: number };
  /** A client is a connection only when it has said something; until so long after its SYN, ms. Default 0. As TCP_DEFER_ACCEPT. */
  readonly deferAcceptMs?: number;
  /** The name as it was bound before. Default: it is taken by listening. */
  readonly binding?: Binding;
}

export class Listener implements Announcer, RowOwner {
  owner: ListenerOwner | null = null;
  readonly address: Address;
  /** Connections that may wait to be accepted; `listen` may be called again. */
  backlog: number;
  readonly ipv6Only: boolean;
  /** Clients in SYN-RECEIVED; the SYN cache counts them. */
  halfOpenCount = 0;
  /** What each of its connections offers in the SYN: window (bytes) and shift. */
  readonly synWindow: number;
  readonly shift: number;
  /** How often a SYN+ACK is repeated. */
  readonly synAckRetries: number;
  private readonly model: Connection;
  private readonly waiting: Connection[] = [];
  /** Of ours, the address of the latest client. */
  private local: Address;
  private announced = false;
  private closed = false;
  /** When a cookie was sent last. */
  private cookieAt = -Infinity;
  /** Fast opens whose handshake is not done: PendingFastOpenRequests of RFC 7413 §4.2.2, §4.2-2. */
  private fastOpens = 0;
  /** Until when those that were reset still count, in order. At most `fastOpen.queue`, with the others. */
  private readonly resets: number[] = [];

  constructor(private readonly tcp: Tcp, readonly port: number, address: Address, readonly options: ListenOptions) {
    this.address = address;
    this.local = address;
    // Also Linux: a backlog of nothing would be a door that is never opened.
    this.backlog = Math.max(1, options.backlog ?? 511);
    this.ipv6Only = options.ipv6Only ?? false;
    this.synAckRetries = options.synRetries ?? tcp.options.synAckRetries;
    // What a connection would offer is asked of one that will never be.
    this.model = new Connection(tcp, new Flow(address, address, 6), port, 0, null);
    this.model.configure(options);
    this.synWindow = Math.min(this.model.receiveBuffer, this.model.settings.windowClamp, 0xffff);
    this.shift = this.model.rcv.shift;
  }

  /** Would a SYN to `local` come here? */
  hears(local: Address): boolean {
    if (!isUnspecified(this.address)) return this.address.equals(local);
    if (isV4(this.address)) return isV4(local);
    return !this.ipv6Only || !isV4(local);
  }

  /** What a SYN+ACK says of the user timeout; null: nothing. RFC 5482. */
  get userTimeout(): UserTimeout | null {
    return this.model.userTimeout;
  }

  get waitingCount(): number {
    return this.waiting.length;
  }

  /** May one more connection wait to be accepted? */
  get hasRoom(): boolean {
    return this.waiting.length < this.backlog;
  }

  /** The way to a client, under the options of its connection to be. Both addresses must last. */
  flowTo(local: Address, remote: Address): Flow {
    // Mostly it is the address that the last one came to: its object does for both.
    if (!local.equals(this.local) || local.zone !== this.local.zone) this.local = local;
    const flow = new Flow(this.local, remote, 6);
    flow.hopLimit = this.model.flow.hopLimit;
    flow.trafficClass = this.model.flow.trafficClass;
    return flow;
  }

  /**
   * RFC 9293 §3.10.7.2, LISTEN.
   * @param timeWaitRow  the row of a connection in TIME-WAIT that would make room for this one; -1: there is none
   */
  arrive(seg: Segment, packet: Packet, header: IpHeader, timeWaitRow: number, now: number): void {
    const { counters } = this.tcp.env;
    // First: a RST is nothing to a listener.
    if ((seg.flags & Wire.RST) !== 0) return counters.drop('tcp-no-socket');
    // Second: an ACK acknowledges nothing of ours, unless a cookie.
    if ((seg.flags & Wire.ACK) !== 0) {
      if (this.arriveWithCookie(seg, packet, header, now)) return;
      counters.drop('tcp-no-socket');
      return answerWithReset(this.tcp, seg, header, now);
    }
    // Third: the SYN.
    if ((seg.flags & Wire.SYN) === 0 || this.tcp.isBadSyn(seg)) return counters.drop('tcp-bad-flags');
    // MUST-57, MUST-63; IP has dropped what came to or from a group, this is for what it cannot know.
    if (header.cast !== 'unicast' || isMulticast(header.src)) return counters.drop('tcp-not-unicast');
    // As if the SYN was lost; also Linux: a cookie would only bring an ACK for which there is no room.
    if (!this.hasRoom) return counters.drop('tcp-listen-overflow');
    if (this.tcp.isFull) return counters.drop('tcp-too-many-connections');
    if (timeWaitRow < 0 && this.openFast(seg, packet, header, now)) return;
    this.open(seg, packet, header, timeWaitRow, now);
  }

  /** RFC 7413 §4.2.2, "Server: Receiving SYN": the text is the application's before the handshake is done. */
  private openFast(seg: Segment, packet: Packet, header: IpHeader, now: number): boolean {
    const { tcp } = this;
    const { hasFastOpen, fastOpenAt, fastOpenLength } = seg.options;
    if (!hasFastOpen || seg.payloadLength === 0 || this.fastOpenPending(now) >= (this.options.fastOpen?.queue ?? 0)) return false;
    const verdict = tcp.fastOpenCookies.check(header.src, packet.bytes, fastOpenAt, fastOpenLength, now);
    if (verdict === 'bad') return false;
    const h = scratchHandshake;
    learnHandshake(h, seg, this.options.ecn ?? tcp.options.ecn);
    h.iss = tcp.issFor(header.dst, seg.dstPort, header.src, seg.srcPort, -1, now);
    h.tsOffset = tcp.env.random.u32() | 0;
    const flow = this.flowTo(copyOf(header.dst), copyOf(header.src));
    const c = connectionOf(tcp, this, flow, seg.dstPort, seg.srcPort, h, now);
    if (c === null) return true;
    c.listener = this;
    c.settings = tcp.settings.derive(c.settings, { synRetries: this.synAckRetries });
    c.beginCongestion();
    if (verdict === 'old') c.fastOpen = new FastOpen(tcp.fastOpenCookies.make(header.src, now), 0);
    c.synOwed = true;
    this.fastOpens++;
    this.enqueue(c);
    // The SYN is dealt with; what is left of the segment is its text.
    seg.flags &= ~Wire.SYN;
    seg.seq = c.rcv.nxt;
    acceptText(c, seg, packet, now);
    c.markReady();
    return true;
  }

  private fastOpenPending(now: number): number {
    while (this.resets.length > 0 && this.resets[0]! <= now) this.resets.shift();
    return this.fastOpens + this.resets.length;
  }

  private open(seg: Segment, packet: Packet, header: IpHeader, timeWaitRow: number, now: number): void {
    const { tcp } = this;
    const isFull = this.halfOpenCount >= tcp.options.halfOpen;
    const { synCookies } = tcp.options;
    if (timeWaitRow < 0 && (synCookies === 'always' || (isFull && synCookies === 'when full'))) {
      return this.sendCookie(seg, header, now);
    }
    // A cookie's number cannot be chosen beyond that of the connection in TIME-WAIT. Also Linux.
    if (isFull) return tcp.env.counters.drop('tcp-listen-overflow');
    const h = scratchHandshake;
    learnHandshake(h, seg, this.options.ecn ?? tcp.options.ecn);
    h.iss = tcp.issFor(header.dst, seg.dstPort, header.src, seg.srcPort, timeWaitRow, now);
    h.tsOffset = tcp.env.random.u32() | 0;
    // RFC 7413 §4.2.2: who asks for a cookie, or brings one that is good no more, is given one.
    const { hasFastOpen, fastOpenAt, fastOpenLength } = seg.options;
    h.wantsFastOpen = this.options.fastOpen !== undefined && hasFastOpen &&
      tcp.fastOpenCookies.check(header.src, packet.bytes, fastOpenAt, fastOpenLength, now) !== 'good';
    if (timeWaitRow >= 0) tcp.timeWait.remove(timeWaitRow);
    // Text on a SYN is not taken: the client sends it again, to a connection that stands.
    tcp.halfOpens.open(this, seg, header, h, now);
  }

  /** RFC 4987 §3.6: the SYN is answered, and forgotten. */
  private sendCookie(seg: Segment, header: IpHeader, now: number): void {
    const { tcp } = this;
    const h = scratchHandshake;
    const ecn = this.options.ecn ?? tcp.options.ecn;
    // A cookie has one bit for it.
    learnHandshake(h, seg, ecn === 'accurate' ? 'on' : ecn);
    const mss = h.mss > 0 ? h.mss : header.family === 4 ? 536 : 1220;
    h.iss = tcp.cookies.make(header.dst, seg.dstPort, header.src, seg.srcPort, h.irs, mss, now);
    h.tsOffset = tcp.cookies.tsOffset(header.dst, seg.dstPort, header.src, seg.srcPort);
    if (!h.hasTimestamps) {
      // There is nothing to remember them in.
      h.windowScale = -1;
      h.sackPermitted = false;
      h.ecn = false;
    }
    this.cookieAt = now;
    tcp.env.counters.synCookiesSent++;
    const flow = this.flowTo(copyOf(header.dst), copyOf(header.src));
    emitSynAck(tcp, this, flow, seg.dstPort, seg.srcPort, h, timestampOf(h, now), now);
  }

  /** An ACK for nobody: the third segment of a handshake that nobody remembers? @returns whether it was dealt with */
  private arriveWithCookie(seg: Segment, packet: Packet, header: IpHeader, now: number): boolean {
    const { tcp } = this;
    if (now - this.cookieAt >= COOKIE_MS || (seg.flags & Wire.SYN) !== 0) return false;
    const h = scratchHandshake;
    h.iss = Seq.add(seg.ack, -1);
    h.irs = Seq.add(seg.seq, -1);
    h.mss = tcp.cookies.check(header.dst, seg.dstPort, header.src, seg.srcPort, h.irs, h.iss, now);
    if (h.mss === 0) {
      tcp.env.counters.synCookiesFailed++;
      return false;
    }
    if (!this.hasRoom) {
      tcp.env.counters.drop('tcp-accept-overflow');
      return true;
    }
    h.hasTimestamps = seg.options.hasTimestamps;
    h.windowScale = -1;
    h.sackPermitted = false;
    h.ecn = false;
    h.accurateEcn = 0;
    h.isPlain = false;
    if (h.hasTimestamps) recallOptions(h, seg.options.tsEcr);
    h.windowField = seg.windowField;
    h.tsRecent = seg.options.tsVal;
    h.tsOffset = tcp.cookies.tsOffset(header.dst, seg.dstPort, header.src, seg.srcPort);
    const flow = this.flowTo(copyOf(header.dst), copyOf(header.src));
    const c = connectionOf(tcp, this, flow, seg.dstPort, seg.srcPort, h, now);
    if (c === null) return true;
    tcp.env.counters.synCookiesAccepted++;
    // What it echoes was no time.
    seg.options.tsEcr = 0;
    this.enqueue(c);
    arrive(c, seg, packet, now);
    return true;
  }

  /** The connection waits to be accepted. */
  enqueue(c: Connection): void {
    this.waiting.push(c);
    if (this.announced) return;
    this.announced = true;
    this.tcp.env.announceLater(this);
  }

  /** The handshake of a fast open is over: done, or come to nothing. */
  handshakeOver(c: Connection): void {
    c.listener = null;
    c.fastOpen = null;
    this.fastOpens--;
    // RFC 7413 §5.1: else the victims whose addresses are borrowed would, with their RSTs, keep making room for more.
    if (c.error?.code === 'ECONNRESET') this.resets.push(this.tcp.env.now() + RESET_HOLD_MS);
  }

  announce(): void {
    this.announced = false;
    this.owner?.onTcpAccept(this);
  }

  /** The connection that waits longest, or null. It may have ended already: then its state says so. */
  accept(): Connection | null {
    return this.waiting.shift() ?? null;
  }

  /** No more clients. Those that nobody accepted are reset; accepted ones live on. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.tcp.stopListening(this);
    this.tcp.halfOpens.reset(this, this.tcp.env.now());
    for (const c of this.waiting) c.abort();
    this.waiting.length = 0;
  }
}
