// A passive open: one connection for each client, any number at once. Half-open connections and accepted ones wait in
// two bounded queues. RFC 9293 §3.9.1.1, §3.10.7.2; RFC 4987.

import type { Address } from '../address.js';
import { copyOf, isMulticast, isUnspecified, isV4 } from '../address.js';
import type { Announcer } from '../environment.js';
import { Flow } from '../ip/flow.js';
import type { IpHeader } from '../ip/header.js';
import { learnSyn } from './arrival.js';
import type { Binding } from './bound-ports.js';
import { Connection, type ConnectionOptions } from './connection.js';
import { answerWithReset } from './emit.js';
import type { Segment } from './segment.js';
import type { Seq } from './seq.js';
import type { Tcp } from './tcp.js';
import * as Wire from './wire.js';

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
  /** A client is a connection only when it has said something; until so long after its SYN, ms. Default 0. As TCP_DEFER_ACCEPT. */
  readonly deferAcceptMs?: number;
  /** The name as it was bound before. Default: it is taken by listening. */
  readonly binding?: Binding;
}

export class Listener implements Announcer {
  owner: ListenerOwner | null = null;
  readonly address: Address;
  /** Connections that may wait to be accepted; `listen` may be called again. */
  backlog: number;
  readonly ipv6Only: boolean;
  /** Connections in SYN-RECEIVED. */
  private readonly halfOpen = new Set<Connection>();
  private readonly waiting: Connection[] = [];
  private announced = false;
  private closed = false;

  constructor(private readonly tcp: Tcp, readonly port: number, address: Address, private readonly options: ListenOptions) {
    this.address = address;
    // Also Linux: a backlog of nothing would be a door that is never opened.
    this.backlog = Math.max(1, options.backlog ?? 511);
    this.ipv6Only = options.ipv6Only ?? false;
  }

  /** Would a SYN to `local` come here? */
  hears(local: Address): boolean {
    if (!isUnspecified(this.address)) return this.address.equals(local);
    if (isV4(this.address)) return isV4(local);
    return !this.ipv6Only || !isV4(local);
  }

  get halfOpenCount(): number {
    return this.halfOpen.size;
  }

  get waitingCount(): number {
    return this.waiting.length;
  }

  /**
   * RFC 9293 §3.10.7.2, LISTEN.
   * @param before  SND.NXT of a connection in TIME-WAIT that makes room for this one; null: of none
   */
  arrive(seg: Segment, header: IpHeader, before: Seq | null, now: number): void {
    const { counters } = this.tcp.env;
    // First: a RST is nothing to a listener. SYN+FIN and worse is nobody's first word (SEC-66).
    if ((seg.flags & Wire.RST) !== 0) return counters.drop('tcp-no-socket');
    // Second: an ACK acknowledges nothing of ours.
    if ((seg.flags & Wire.ACK) !== 0) {
      counters.drop('tcp-no-socket');
      return answerWithReset(this.tcp, seg, header, now);
    }
    // Third: the SYN.
    if ((seg.flags & Wire.SYN) === 0 || (seg.flags & Wire.FIN) !== 0) return counters.drop('tcp-bad-flags');
    // MUST-57, MUST-63; IP has dropped what came to or from a group, this is for what it cannot know.
    if (header.cast !== 'unicast' || isMulticast(header.src)) return counters.drop('tcp-not-unicast');
    if (this.halfOpen.size >= this.tcp.options.halfOpen || this.waiting.length >= this.backlog) {
      return counters.drop('tcp-listen-overflow');
    }
    this.open(seg, header, before, now);
  }

  private open(seg: Segment, header: IpHeader, before: Seq | null, now: number): void {
    const flow = new Flow(copyOf(header.dst), copyOf(header.src), 6);
    const c = this.tcp.newConnection(flow, seg.dstPort, seg.srcPort, this, before, now);
    if (c === null) return;
    c.configure(this.options);
    c.state = 'SYN-RECEIVED';
    learnSyn(c, seg, now);
    c.lastArrivalAt = now;
    c.openedAt = now;
    c.synOwed = true;
    this.halfOpen.add(c);
    c.markReady();
    // Text on a SYN is not taken: the client sends it again, to a connection that stands.
  }

  /** The handshake is done: may the connection wait to be accepted? False: no room; it stays half-open. */
  admit(c: Connection): boolean {
    if (this.waiting.length >= this.backlog) return false;
    this.halfOpen.delete(c);
    c.listener = null;
    this.waiting.push(c);
    if (!this.announced) {
      this.announced = true;
      this.tcp.env.announceLater(this);
    }
    return true;
  }

  /** The client has answered, and has nothing to say yet: it may wait. */
  defers(c: Connection, seg: Segment, now: number): boolean {
    return seg.length === 0 && now < c.openedAt + (this.options.deferAcceptMs ?? 0);
  }

  /** A half-open connection came to nothing. */
  forget(c: Connection): void {
    this.halfOpen.delete(c);
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
    for (const c of this.halfOpen) c.abort();
    for (const c of this.waiting) c.abort();
    this.halfOpen.clear();
    this.waiting.length = 0;
  }
}

