// Echo, both ways: the answer to whoever asks, and endpoints for whoever asks here (ping). RFC 792, RFC 1122 §3.2.2.6,
// RFC 4443 §4.

import { type Address, ANY4, ANY6, copyOf, isV4 } from '../address.js';
import { copy } from '../bytes.js';
import { adjust, finish, pseudoSum, sumLanes } from '../checksum.js';
import type { DropReason } from '../counters.js';
import type { Announcer, Environment } from '../environment.js';
import type { ErrorCode } from '../errors.js';
import { Flow } from '../ip/flow.js';
import type { IpHeader } from '../ip/header.js';
import type { Ip } from '../ip/ip.js';
import type { IcmpError } from '../ip/protocol.js';
import type { Packet } from '../packet.js';
import * as Wire from './wire.js';

export interface EchoSettings {
  /** Default true. */
  readonly answer: boolean;
  /**
   * Also what was sent to a group or a broadcast address. Default false: one question would have as many answers as there are
   * hosts (SEC-38). RFC 1122 §3.2.2.6 leaves it to us; departs from RFC 4443 §4.2, which would answer multicasts.
   */
  readonly answerGroups: boolean;
  /** Default 1024. */
  readonly endpoints: number;
}

/** An answer. */
export interface EchoReply {
  readonly from: Address;
  readonly sequence: number;
  readonly payload: Uint8Array;
  /** TTL in IPv4, as it arrived. */
  readonly hopLimit: number;
  readonly trafficClass: number;
  /** When it arrived: `now`, ms. */
  readonly at: number;
}

/** An ICMP error about a question. */
export interface EchoError {
  readonly code: ErrorCode;
  readonly kind: IcmpError['kind'];
  /** With `packet-too-big`: bytes of IP packet that pass, as told. */
  readonly mtu: number;
  /** Who says so. */
  readonly reporter: Address;
  /** Whom the question was for. */
  readonly to: Address;
  readonly sequence: number;
  readonly at: number;
}

/** The family's difference. */
interface Family {
  readonly protocol: 1 | 58;
  readonly echo: number;
  readonly echoReply: number;
  readonly any: Address;
  /** Largest payload of a question, bytes. */
  readonly payloadMax: number;
}

const FAMILY4: Family = { protocol: 1, echo: Wire.V4.echo, echoReply: Wire.V4.echoReply, any: ANY4, payloadMax: 65_507 };
const FAMILY6: Family = { protocol: 58, echo: Wire.V6.echo, echoReply: Wire.V6.echoReply, any: ANY6, payloadMax: 65_527 };

/** Whoever asks here. It hears what comes when no packet is being processed. */
export class EchoEndpoint implements Announcer {
  onReply: ((reply: EchoReply) => void) | null = null;
  onError: ((error: EchoError) => void) | null = null;

  /** TTL in IPv4. */
  hopLimit = 64;
  /** DSCP and ECN, 8 bits. */
  trafficClass = 0;
  /** True: EMSGSIZE instead of fragments, and IPv4 routers must not fragment. */
  dontFragment = false;
  /** Ask groups and broadcast addresses too; else they are EACCES. */
  mayAskMany = false;
  /** From which address of ours. Null: as the route says. */
  from: Address | null = null;

  private readonly news: (EchoReply | EchoError)[] = [];
  private newsBytes = 0;
  private isClosed = false;
  private flow: Flow | null = null;
  private flowFrom: Address | null = null;

  constructor(
    private readonly echo: Echo,
    /** What tells the answers to our questions from those to others'. */
    readonly identifier: number,
  ) {}

  /**
   * Ask `to`. The payload is copied.
   *
   * @returns  EMSGSIZE (above 65,507 bytes, or 65,527 over IPv6), EACCES, EINVAL, or what IP says
   */
  send(to: Address, sequence: number, payload: Uint8Array, now: number): ErrorCode | null {
    if (this.isClosed) return 'EBADF';
    const family = isV4(to) ? FAMILY4 : FAMILY6;
    if (payload.length > family.payloadMax) return 'EMSGSIZE';
    if (this.from !== null && isV4(this.from) !== isV4(to)) return 'EINVAL';
    const flow = this.flowTo(to, family);
    const failure = this.echo.ip.route(flow);
    if (failure !== null) return failure;
    if (flow.route!.cast !== 'unicast' && !this.mayAskMany) return 'EACCES';
    // RFC 3542 §11.2: in IPv6, whoever sends is the only one who fragments, and IP does it unless we ask.
    const length = 40 + Wire.HEADER_LENGTH + payload.length;
    if (this.dontFragment && family === FAMILY6 && length > this.echo.ip.pathMtuOf(flow, now)) return 'EMSGSIZE';
    flow.hopLimit = this.hopLimit;
    flow.trafficClass = this.trafficClass;
    flow.dontFragment = this.dontFragment;
    return this.echo.ask(flow, family, (this.identifier << 16) | (sequence & 0xffff), payload, now);
  }

  private flowTo(to: Address, family: Family): Flow {
    const { flow, from } = this;
    const generation = this.echo.ip.routes.generation;
    const isKnown = flow !== null && flow.routeGeneration === generation && flow.dst.equals(to) && flow.dst.zone === to.zone
      && this.flowFrom === from;
    if (isKnown) return flow;
    this.flow = new Flow(from ?? family.any, copyOf(to), family.protocol);
    this.flowFrom = from;
    return this.flow;
  }

  /** Its identifier is free again; what it has not told yet, it does not tell. Idempotent. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.onReply = null;
    this.onError = null;
    this.echo.forget(this);
  }

  /** @returns false: too much waits to be told already */
  tell(news: EchoReply | EchoError): boolean {
    const bytes = 'payload' in news ? news.payload.length : 0;
    if (this.news.length >= NEWS_MAX || this.newsBytes + bytes > NEWS_BYTES_MAX) return false;
    this.news.push(news);
    this.newsBytes += bytes;
    if (this.news.length === 1) this.echo.env.announceLater(this);
    return true;
  }

  get waiting(): number {
    return this.news.length;
  }

  announce(): void {
    this.newsBytes = 0;
    for (const news of this.news.splice(0)) {
      if ('payload' in news) this.onReply?.(news);
      else this.onError?.(news);
    }
  }
}

/** Both families' echo. */
export class Echo {
  private readonly endpoints = new Map<number, EchoEndpoint>();
  private readonly flow4 = new Flow(ANY4, ANY4, 1);
  private readonly flow6 = new Flow(ANY6, ANY6, 58);

  constructor(readonly ip: Ip, readonly env: Environment, private readonly settings: EchoSettings) {
    env.limits.add({
      name: 'icmp.echo-endpoints', unit: 'entries', max: settings.endpoints, source: 'our choice',
      used: () => this.endpoints.size,
    });
    env.limits.add({
      name: 'icmp.echo-endpoint.news', unit: 'packets', max: NEWS_MAX, source: 'our choice',
      used: () => [...this.endpoints.values()].reduce((most, endpoint) => Math.max(most, endpoint.waiting), 0),
    });
  }

  /** A new endpoint, its identifier drawn. Null: there are too many. */
  open(): EchoEndpoint | null {
    if (this.endpoints.size >= Math.min(this.settings.endpoints, 0x1_0000)) return null;
    let identifier = this.env.random.below(0x1_0000);
    while (this.endpoints.has(identifier)) identifier = (identifier + 1) & 0xffff;
    const endpoint = new EchoEndpoint(this, identifier);
    this.endpoints.set(identifier, endpoint);
    return endpoint;
  }

  forget(endpoint: EchoEndpoint): void {
    this.endpoints.delete(endpoint.identifier);
  }

  ask(flow: Flow, family: Family, identifierAndSequence: number, payload: Uint8Array, now: number): ErrorCode | null {
    const packet = this.env.pool.take(Wire.HEADER_LENGTH + payload.length);
    const { bytes, start } = packet;
    copy(payload, 0, payload.length, bytes, start + Wire.HEADER_LENGTH);
    packet.end = start + Wire.HEADER_LENGTH + payload.length;
    packet.transport = start;
    Wire.setHeader(bytes, start, family.echo << 8, identifierAndSequence);
    this.sum(packet, flow);
    return this.ip.send(packet, flow, now);
  }

  /**
   * Answer the question in `packet`, by the same packet: only the type changes. RFC 1122 §3.2.2.6: "data received in an ICMP
   * Echo Request MUST be entirely included", and the source is the address that was asked.
   */
  answer(packet: Packet, header: IpHeader, now: number): DropReason | null {
    const isForMany = header.cast !== 'unicast' || header.linkCast !== 'unicast';
    if (!this.settings.answer || (isForMany && !this.settings.answerGroups)) return 'icmp-ignored';
    const family = header.family === 4 ? FAMILY4 : FAMILY6;
    const flow = this.aimed(header.family === 4 ? this.flow4 : this.flow6, header, family);
    if (this.ip.route(flow) !== null) return 'ip-no-route';

    const { bytes: b, start } = packet.hold();
    packet.transport = start;
    const before = (Wire.type(b, start) << 8) | Wire.code(b, start);
    Wire.setType(b, start, family.echoReply);
    if (!flow.src.equals(header.dst) && header.family === 6) {
      // From another address than the one asked: the pseudo-header is another too.
      this.sum(packet, flow);
    } else if (packet.checksum !== 'partial') {
      // The pseudo-header has its addresses exchanged, and the same sum.
      const after = (family.echoReply << 8) | Wire.code(b, start);
      const sum = adjust(Wire.checksum(b, start), before, after);
      Wire.setChecksum(b, start, sum);
      packet.checksum = 'whole';
      // RFC 1624 §3: of a message that is nothing but zeros the sum is +0, and its checksum 0xffff; a sum that was adjusted is never +0.
      if (sum === 0) this.sum(packet, flow);
    }
    this.ip.send(packet, flow, now);
    return null;
  }

  /** Back to whom asked, from whom was asked. Most questions come where the last one came from. */
  private aimed(flow: Flow, header: IpHeader, family: Family): Flow {
    const isOfOne = header.cast === 'unicast';
    const isKnown = isOfOne && flow.routeGeneration === this.ip.routes.generation && flow.src.equals(header.dst)
      && flow.dst.equals(header.src) && flow.dst.zone === header.src.zone;
    if (!isKnown) flow.aim(isOfOne ? copyOf(header.dst) : family.any, copyOf(header.src));
    flow.dontFragment = false;
    // RFC 1122 §3.2.1.6: an answer has the type of service of the question. Its ECN bits are about the question's way.
    flow.trafficClass = header.trafficClass & 0xfc;
    return flow;
  }

  private sum(packet: Packet, flow: Flow): void {
    const { bytes, lanes, start, end } = packet;
    Wire.setChecksum(bytes, start, 0);
    const pseudo = flow.protocol === 58 ? pseudoSum(flow.src, flow.dst, 58, end - start) : 0;
    Wire.setChecksum(bytes, start, finish(sumLanes(bytes, lanes, start, end, pseudo)));
    packet.checksum = 'whole';
  }

  /** An answer, to whoever asked. */
  deliver(packet: Packet, header: IpHeader, now: number): DropReason | null {
    const { bytes: b, start, end } = packet;
    const endpoint = this.endpoints.get(Wire.identifier(b, start));
    if (endpoint === undefined) return 'icmp-no-socket';
    const told = endpoint.tell({
      from: copyOf(header.src),
      sequence: Wire.sequence(b, start),
      payload: b.slice(start + Wire.HEADER_LENGTH, end),
      hopLimit: header.hopLimit,
      trafficClass: header.trafficClass,
      at: now,
    });
    return told ? null : 'icmp-receive-queue-full';
  }

  /** An error about a question of ours. @returns whether there is who asked it */
  hear(error: IcmpError, now: number): boolean {
    const { bytes: b, at, end } = error;
    if (!Wire.isWellFormed(b, at, end)) return false;
    if (Wire.type(b, at) !== (isV4(error.dst) ? FAMILY4 : FAMILY6).echo) return false;
    const endpoint = this.endpoints.get(Wire.identifier(b, at));
    if (endpoint === undefined) return false;
    const { code, kind, mtu } = error;
    const told = endpoint.tell({
      code, kind, mtu, reporter: copyOf(error.from), to: copyOf(error.dst), sequence: Wire.sequence(b, at), at: now,
    });
    if (!told) this.env.counters.drop('icmp-receive-queue-full');
    return true;
  }
}

/** What waits to be told to one endpoint, from one rest of the machine to the next. Our choice. */
const NEWS_MAX = 64;
const NEWS_BYTES_MAX = 262_144;
