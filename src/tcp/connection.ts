// One connection: the RFC's user calls, the parts it owns, and its deadlines. What a segment does to it is in
// arrival.ts, what it sends in sender.ts. RFC 9293 §3.3, §3.9.1, §3.10.

import type { Address } from '../address.js';
import { assert } from '../assert.js';
import { type ReceiveQueue, SendQueue } from '../byte-queue.js';
import type { Announcer } from '../environment.js';
import { type ErrorCode, NetError } from '../errors.js';
import type { Flow } from '../ip/flow.js';
import { NEVER } from '../time.js';
import { type Expirable, TimerEntry } from '../timer-wheel.js';
import { Assembler } from './assembler.js';
import { isShortPath, lentRest, sendLimit, shiftFor, tuneAcked, tuneTaken, type Tuning } from './buffers.js';
import { type CongestionControl, initialWindow } from './congestion/congestion-control.js';
import { type CongestionName, newController } from './congestion/controllers.js';
import { DeliveryRate } from './delivery.js';
import { Ecn, type EcnSetting, NO_ECN } from './ecn.js';
import { emitReset } from './emit.js';
import type { FastOpen } from './fast-open.js';
import type { Listener } from './listener.js';
import { expire } from './expire.js';
import { type MtuProbing, Plpmtud } from './plpmtud.js';
import type { Probe } from './probe.js';
import { mayAdvertise } from './receiver.js';
import { pipe, Recovery } from './recovery.js';
import { RtoEstimator } from './rto.js';
import { Scoreboard } from './scoreboard.js';
import * as Seq from './seq.js';
import type { Settings } from './settings.js';
import { enter, isSynchronized, type State } from './state.js';
import { Rcv, Snd, Timestamps } from './tcb.js';
import type { Tcp } from './tcp.js';
import type { TimeWaitEntry } from './time-wait.js';
import { Timers } from './timers.js';
import { UserTimeout, type UserTimeoutExchange } from './user-timeout.js';

/** What an owner is told, as bits; several may come at once. */
export const CONNECTED = 1;
/** Text waits in the receive queue. */
export const READABLE = 2;
/** The send queue has room again, after `write` took less than it was given. */
export const WRITABLE = 4;
/** The peer's FIN is next behind what waits in the receive queue: an orderly end, where ERROR is none. RFC 9293 MUST-12. */
export const END = 8;
/** Nothing more will happen; with ERROR, for the reason in `connection.error`. */
export const CLOSED = 16;
export const ERROR = 32;
/** Urgent data was announced, or its end moved. RFC 9293 MUST-32. */
export const URGENT = 64;
/** ICMP, or retransmissions beyond R1, speak of trouble (`connection.softError`). RFC 9293 SHLD-9, SHLD-25, MUST-47. */
export const TROUBLE = 128;

/** Half of all sequence numbers lie ahead: with all of it behind SND.UNA a FIN must still be told from one that was sent. */
const LOAN_MAX = 1 << 30;

export interface ConnectionOwner {
  /** Called when no segment is being processed; may make any call on the connection. */
  onTcpEvent(connection: Connection, events: number): void;
  /** Who has this and the next one can do without the connection while it is dormant: `tcp.dormant.wake(row)` is how to have it back. */
  onTcpDormant?(row: number): void;
  /** It is a connection again, by whatever woke it; the row is void. */
  onTcpAwake?(connection: Connection): void;
}

/** Nothing came or went for so long: the connection may become a row of `tcp.dormant`. */
const DORMANT_AFTER_MS = 2000;

/** What a connection may be told at any time. */
export interface ConnectionOptions {
  /** Send small segments at once: no Nagle. Default false. RFC 9293 MUST-17. */
  noDelay?: boolean;
  /** Default off. RFC 9293 MUST-24, MUST-25, MAY-5. */
  keepAlive?: boolean;
  /** Idle time before the first probe. Default 7,200,000 ms. RFC 9293 MUST-27, MUST-28. */
  keepAliveIdleMs?: number;
  /** Between probes. Default 75,000 ms, as BSD and Linux. */
  keepAliveIntervalMs?: number;
  /** Unanswered probes before ETIMEDOUT. Default 9, as Linux. */
  keepAliveProbes?: number;
  /** Unacknowledged text older than this ends the connection. Default 0: R2 decides. RFC 9293 MUST-21, RFC 5482. */
  userTimeoutMs?: number;
  /**
   * Tell the peer of our user timeout and hear of its own: `true`, or what to say and how far to go. Text that is not
   * acknowledged for so long ends the connection, as with `userTimeoutMs`. Default false. RFC 5482.
   */
  userTimeoutOption?: boolean | UserTimeoutExchange;
  /**
   * R2: repetitions of text before ETIMEDOUT, 0 .. 255. Default `TcpSettings.retries`, 15; an orphan has no more than
   * `orphanRetries`. RFC 9293 MUST-20, MUST-21.
   */
  retries?: number;
  /** Repetitions of the SYN, or of a listener's SYN+ACKs, 0 .. 255. Default `TcpSettings.synRetries`, 7, and `synAckRetries`, 5. RFC 9293 MUST-22. */
  synRetries?: number;
  /** How long an orphan waits for the peer's FIN, ms. Default `TcpSettings.finWait2Ms`, 60,000. Linux TCP_LINGER2. */
  finWait2Ms?: number;
  /**
   * Bytes that `write` accepts before the peer has acknowledged them. Default: 256 KiB that grow with what is in flight,
   * up to `TcpSettings.sendBufferMax`. A number fixes it, as SO_SNDBUF does.
   */
  sendBuffer?: number;
  /**
   * Bytes that may wait for the application: the largest window offered; 0 while nobody reads (RFC 9293 MAY-8). Default: 128 KiB that grow with what the
   * application takes in a round trip, up to `TcpSettings.receiveBufferMax`. A number fixes it, as SO_RCVBUF does.
   */
  receiveBuffer?: number;
  /** The largest segment to send or to be sent, bytes of payload, at least 216. Default: what the path takes. TCP_MAXSEG. */
  maxSegment?: number;
  /** What to do where ICMP does not tell the path's MTU. Default `black-hole`. RFC 4821. */
  mtuProbing?: MtuProbing;
  /** Hold a segment that is less than full until `corked` is false again, or for one RTO. Default false. As TCP_CORK. */
  corked?: boolean;
  /** Acknowledge everything at once: no delayed ACK. Default false. RFC 9293 SHLD-18. */
  quickAck?: boolean;
  /** Bytes: no larger window is offered. Default Infinity: what the receive buffer holds. As TCP_WINDOW_CLAMP. */
  windowClamp?: number;
  /** Congestion told by marks; heard until the connection is opened. Default `TcpSettings.ecn`. RFC 3168, RFC 9768. */
  ecn?: EcnSetting;
  /** Default 64. RFC 9293 MUST-49. */
  hopLimit?: number;
  /** DSCP and ECN bits; where ECN was agreed on, the latter are the stack's. Default 0. RFC 9293 MUST-48, SHLD-21, SHLD-22. */
  trafficClass?: number;
  /**
   * Congestion control: 'cubic' (RFC 9438), 'new-reno' (RFC 5681) or 'bbr' (version 3, draft-ietf-ccwg-bbr). Counts when
   * the connection comes to stand; later it changes nothing. Default 'cubic', as Linux. RFC 9293 MAY-18.
   */
  congestion?: CongestionName;
}

export class Connection implements Expirable, Announcer {
  state: State = 'CLOSED';
  owner: ConnectionOwner | null = null;
  /** Why it ended, if not by agreement. */
  error: NetError | null = null;
  /** The latest trouble that did not end it. */
  softError: ErrorCode | null = null;

  readonly snd = new Snd();
  readonly rcv = new Rcv();
  readonly ts = new Timestamps();
  readonly rto = new RtoEstimator();
  // What is under way has records of the connection's own, what is not shares those of all that are at rest (at-rest.ts).
  scoreboard: Scoreboard;
  recovery: Recovery;
  rate: DeliveryRate;
  receiveQueue: ReceiveQueue;
  readonly sendQueue: SendQueue;
  /** Out-of-order text; null while there is none. */
  assembler: Assembler | null = null;
  /** Null: no text came yet, or its size is fixed. */
  tuning: Tuning | null = null;
  /** Null: packets are as large as `Tcp.packetMax` says, and no timeout speaks against it. */
  plpmtud: Plpmtud | null = null;
  ecn: Ecn;
  settings: Settings;

  iss: Seq.Seq = Seq.seq(0);
  irs: Seq.Seq = Seq.seq(0);
  sackPermitted = false;
  /** Both SYNs had the window scale option. */
  windowScaling = false;

  /** RFC 5482; null: not enabled. */
  userTimeout: UserTimeout | null = null;
  sendBuffer: number;
  receiveBuffer: number;
  /** Part of `tcp.memory`, bytes. */
  memoryHeld = 0;

  /** Until the handshake is done: what our SYN, or SYN+ACK, says of fast open; else null. RFC 7413. */
  fastOpen: FastOpen | null = null;
  /** A SYN, or its answer, is to be sent. */
  synOwed = false;
  /** How often the timer repeated our SYN, or SYN+ACK. */
  synLosses = 0;
  /** The peer is owed an ACK, at the latest when `delayedAckAt` comes. RFC 9293 SHLD-18. */
  ackOwed = false;
  /** ... and it may not wait. */
  ackNow = false;
  /** The application has ended its side: a FIN stands behind the last byte of the send queue. */
  finQueued = false;
  /** The application has gone: nobody will read (close, not shutdown). */
  orphan = false;
  /** Say when there is room in the send queue. */
  private wantsSpace = false;
  /** `write` took less than it was given, and the rest has not come yet. */
  private refusedText = false;
  /** So much text was lent, bytes, and its owner does not know yet that it is done with; 0: none. */
  private lending = 0;

  /** When our SYN left; NEVER: more than once, so that its answer tells no round trip (Karn). */
  synSentAt = NEVER;
  /** Pacing: when the next packet may leave. */
  paceUntil = 0;
  /** Retransmissions of what stands at `snd.una`, since it last moved; zero-window and keep-alive probes likewise. */
  retries = 0;
  probes = 0;
  keepAlivesSent = 0;
  /** ms, rounded down: a whole number takes no memory of its own. */
  lastArrivalAt = 0;
  lastSentAt = 0;
  /** RFC 5961 §7, §10 and the ACK storm: a bucket for answers to what should not have come. */
  challengeWindowAt = 0;
  challenges = 0;
  pathMtuGeneration = -1;

  bytesReceived = 0;
  bytesSent = 0;
  /** Segments sent again, and their payload. */
  retransmits = 0;
  bytesRetransmitted = 0;
  /** How often the timer of RFC 6298 went off for text. */
  timeouts = 0;
  /** Recoveries and timeouts that turned out to be for nothing. */
  undos = 0;

  /** For tools; null: nobody looks. */
  probe: Probe | null = null;
  /** On the list of connections that have something to send. */
  isReady = false;
  nextInBucket: Connection | null = null;
  private pendingEvents = 0;
  /** Null: none of the deadlines is armed. */
  private armed: Timers | null = null;
  /** Null: the wheel knows nothing of the connection. */
  private entry: TimerEntry | null = null;
  /** Null: nothing was ever sent. */
  private controller: CongestionControl | null = null;

  constructor(
    readonly tcp: Tcp,
    readonly flow: Flow,
    readonly localPort: number,
    readonly remotePort: number,
    /** Whose fast open this is, until the handshake is done; else null. RFC 7413 §4.2.2. */
    public listener: Listener | null,
  ) {
    this.scoreboard = tcp.atRest.scoreboard;
    this.recovery = tcp.atRest.recovery;
    this.rate = tcp.atRest.rate;
    this.receiveQueue = tcp.atRest.receiveQueue;
    this.sendQueue = new SendQueue(tcp.slabs);
    this.ecn = new Ecn(tcp.options.ecn);
    this.settings = tcp.settings.defaults;
    this.sendBuffer = tcp.options.sendBuffer;
    this.receiveBuffer = tcp.options.receiveBuffer;
  }

  /** The same from the first segment to the last. RFC 9293 MUST-45. */
  get localAddress(): Address {
    return this.flow.src;
  }

  get remoteAddress(): Address {
    return this.flow.dst;
  }

  // The user calls, RFC 9293 §3.9.1.

  configure(options: ConnectionOptions): void {
    const before = this.settings;
    const settings = this.tcp.settings.derive(before, options);
    // "Counts when the connection comes to stand."
    if (settings.congestion !== before.congestion && isSynchronized(this.state)) this.begunCongestion();
    this.settings = settings;
    this.setUserTimeout(options);
    this.sendBuffer = options.sendBuffer ?? this.sendBuffer;
    this.receiveBuffer = options.receiveBuffer ?? this.receiveBuffer;
    if (this.state === 'CLOSED') {
      const most = settings.fixesReceiveBuffer ? 0 : this.tcp.options.receiveBufferMax;
      this.rcv.shift = shiftFor(Math.max(this.receiveBuffer, most));
      if (options.ecn !== undefined) this.ecn = new Ecn(options.ecn);
    }
    if (options.mtuProbing !== undefined) {
      this.plpmtud = options.mtuProbing === 'always' ? new Plpmtud('always', this.flow.dst.family, Infinity) : null;
    }
    if (options.mtuProbing !== undefined || options.maxSegment !== undefined) this.pathMtuGeneration = -1;
    this.flow.hopLimit = options.hopLimit ?? this.flow.hopLimit;
    this.flow.trafficClass = options.trafficClass ?? this.flow.trafficClass;
    if (settings.keepAlive !== before.keepAlive) {
      this.keepAlivesSent = 0;
      this.timers.keepAliveAt = NEVER;
    }
    // What waited for Nagle goes now; a keep-alive is armed at the next flush.
    this.markReady();
  }

  /** RFC 5482 §3: a user timeout that the application sets is not the peer's to change, unless it says so. */
  private setUserTimeout({ userTimeoutMs, userTimeoutOption }: ConnectionOptions): void {
    if (userTimeoutMs === undefined && userTimeoutOption === undefined) return;
    const before = this.userTimeout;
    const exchange = userTimeoutOption === true ? {} : userTimeoutOption ?? before?.exchange ?? false;
    this.userTimeout = exchange === false ? null : new UserTimeout(exchange, this.settings.userTimeoutMs, before?.remoteMs);
    if (isSynchronized(this.state)) this.adoptUserTimeout();
  }

  /** RFC 5482 §3.1, in the synchronized states. */
  adoptUserTimeout(): void {
    this.userTimeout?.adopt(this.rto.rtoMs);
  }

  /** USER_TIMEOUT, ms; 0: R2 decides. RFC 9293 MUST-21. */
  get userTimeoutMs(): number {
    return this.userTimeout === null ? this.settings.userTimeoutMs : this.userTimeout.ms;
  }

  /** Bytes that `write` would take now. */
  get sendSpace(): number {
    return Math.max(0, sendLimit(this) - this.sendQueue.length);
  }

  /** Text written and not yet acknowledged, bytes. */
  get unacknowledged(): number {
    return this.sendQueue.length;
  }

  /**
   * SEND. Copies as much of `b[at .. end)` as there is room for; what was taken will arrive, or the connection says why not.
   * There is no PUSH: text of several calls is gathered into the largest segments (RFC 9293 MAY-16, SHLD-27), and goes as
   * soon as windows and Nagle let it, however little it is (MUST-60).
   * @returns bytes taken; when fewer than given, WRITABLE follows. Before the connection stands, text waits for it.
   * @throws NetError EPIPE after `shutdown` or `close`, or the error that ended the connection
   */
  write(b: Uint8Array, at = 0, end = b.length): number {
    this.checkWritable();
    if (!this.checkLoan()) throw this.error!;
    this.sendQueue.keepLoan();
    const taken = Math.min(end - at, this.sendSpace);
    if (taken > 0) this.sendQueue.append(b, at, at + taken);
    this.refusedText = taken < end - at;
    if (this.refusedText) this.wantsSpace = true;
    if (taken > 0) this.markReady();
    return taken;
  }

  /**
   * SEND of `b[at .. end)` that need not be copied: what there is no room for, and much of it on a short path, leaves from
   * the caller's own memory. As `write`, but for this: of bytes that were not taken, nobody changes any until WRITABLE has
   * come and the same call, with the same arguments, has taken them.
   * @returns bytes that are done with: all, none, or, where the send buffer is fixed, as many as fit it
   * @throws NetError as `write`; EFAULT when the memory was taken away meanwhile
   */
  lend(b: Uint8Array, at = 0, end = b.length): number {
    if (this.lending === 0) return this.lendNext(b, at, end);
    if (this.sendQueue.isLent) {
      this.wantsSpace = true;
      return 0;
    }
    const done = this.lending;
    this.lending = 0;
    this.refusedText = false;
    return at + done < end ? done + this.lendNext(b, at + done, end) : done;
  }

  /** Bytes that are lent now, and not known to be done with. */
  get lent(): number {
    return this.sendQueue.isLent ? this.lending : 0;
  }

  private lendNext(b: Uint8Array, at: number, end: number): number {
    this.checkWritable();
    if (end > b.length) throw this.robbed();
    const isShort = this.peerTakesText && isShortPath(this);
    const least = isShort ? Math.min(lentRest(this), this.sendSpace) : this.sendSpace;
    if (end - at <= least || this.settings.fixesSendBuffer) return this.write(b, at, end);
    this.lending = Math.min(end - at, LOAN_MAX);
    this.sendQueue.borrow(b, at, at + this.lending);
    this.refusedText = isShort;
    this.wantsSpace = true;
    this.markReady();
    return 0;
  }

  /** @throws NetError why nothing can be written */
  private checkWritable(): void {
    if (this.error !== null) throw this.error;
    if (this.finQueued || this.state === 'CLOSED' || this.state === 'TIME-WAIT') throw new NetError('EPIPE', 'write');
  }

  /** Whether what was lent is still there. If not, the stream ends here. */
  checkLoan(): boolean {
    if (!this.sendQueue.isRobbed) return true;
    this.robbed();
    return false;
  }

  /** Text was taken away: nobody can send it, or send it again, nor what follows. */
  private robbed(): NetError {
    const error = new NetError('EFAULT', 'write', { hint: 'the memory was transferred, or made smaller, before the write was done' });
    this.reset(error);
    return error;
  }

  /** SEND with the URGENT flag: `b` is urgent to its last byte. RFC 9293 MUST-30, MUST-31; RFC 6093 advises against use. */
  writeUrgent(b: Uint8Array): number {
    const taken = this.write(b);
    this.snd.up = this.seqAt(this.sendQueue.tail);
    return taken;
  }

  /** Bytes of urgent text that the application has not read yet, here or still to come. RFC 9293 MUST-33. */
  get urgentAhead(): number {
    return Math.max(0, this.rcv.up - (this.bytesReceived - this.readable));
  }

  /** Text that waits for the application, bytes. */
  get readable(): number {
    return this.receiveQueue.length;
  }

  /** The peer has ended its side, and all it sent has been read. */
  get ended(): boolean {
    return this.receiveQueue.length === 0 && this.peerHasEnded;
  }

  /** RECEIVE: a piece of the text, which is the caller's from now on; null when there is none. */
  read(max?: number): Uint8Array | null {
    const piece = this.receiveQueue.shift(max);
    if (piece !== null) this.roomMade();
    return piece;
  }

  /** RECEIVE into the caller's memory: bytes copied, 0 when there are none. */
  readInto(target: Uint8Array, at = 0, end = target.length): number {
    const copied = this.receiveQueue.copyTo(target, at, end);
    if (copied > 0) this.roomMade();
    return copied;
  }

  /** What waits, into the caller's memory, and it stays: bytes copied. MSG_PEEK. */
  peekInto(target: Uint8Array, at = 0, end = target.length): number {
    return this.receiveQueue.peekTo(target, at, end);
  }

  /** Say WRITABLE when there is room in the send queue, though nobody has written. */
  awaitSpace(): void {
    this.wantsSpace = true;
  }

  /** Somebody read: the peer may have to hear of a larger window. */
  private roomMade(): void {
    this.tcp.memory.count(this);
    tuneTaken(this, this.tcp.env.now());
    const { atRest } = this.tcp;
    if (this.receiveQueue.length === 0 && this.receiveQueue !== atRest.receiveQueue) {
      atRest.putQueue(this.receiveQueue);
      this.receiveQueue = atRest.receiveQueue;
    }
    if (!mayAdvertise(this)) return;
    this.ackNow = true;
    this.markReady();
  }

  /** CLOSE of our side: a FIN follows what was written. We still read. RFC 9293 §3.10.4. */
  shutdown(): void {
    if (this.finQueued) return;
    switch (this.state) {
      case 'SYN-SENT':
        this.end(null);
        return;
      case 'SYN-RECEIVED':
        // "Queue for processing after entering ESTABLISHED state."
        this.finQueued = true;
        return;
      case 'ESTABLISHED':
        this.finQueued = true;
        enter(this, 'FIN-WAIT-1');
        break;
      case 'CLOSE-WAIT':
        this.finQueued = true;
        enter(this, 'LAST-ACK');
        break;
      default:
        return;
    }
    this.markReady();
  }

  /** CLOSE of both sides. Text nobody read, or that comes later, is answered with a RST. RFC 9293 MAY-1, SHLD-3. */
  close(): void {
    if (this.orphan) return;
    this.orphan = true;
    this.owner = null;
    // The memory is the application's again. What it has not heard to be done with, and never left, does not leave.
    if (this.sendQueue.isLent && this.checkLoan()) {
      this.sendQueue.keepLoan(Math.max(this.offsetOf(this.snd.nxt), this.sendQueue.head + sendLimit(this)));
    }
    if (this.receiveQueue.length > 0) {
      this.abort();
      return;
    }
    this.shutdown();
    if (this.state === 'FIN-WAIT-2') this.timers.deadAt = this.tcp.env.now() + this.settings.finWait2Ms;
    this.schedule();
  }

  /** ABORT: a RST to the peer, and all that waits is forgotten. RFC 9293 §3.10.5. */
  abort(): void {
    if (this.state !== 'CLOSED' && this.state !== 'TIME-WAIT') this.reset(null);
  }

  private reset(error: NetError | null): void {
    // Both have ended, and both have said so. Also Linux, for LAST-ACK begins before its FIN is sent.
    const isOver = (this.state === 'CLOSING' || this.state === 'LAST-ACK') && this.finSent;
    if (this.state !== 'SYN-SENT' && !isOver) emitReset(this);
    this.end(error);
  }

  // What the parts ask of each other.

  noteState(next: State): void {
    if (this.probe !== null) this.probe.onState(next, this.tcp.env.now());
  }

  /** The sequence number of the stream's byte at `offset`. */
  seqAt(offset: number): Seq.Seq {
    return Seq.add(Seq.add(this.iss, 1), offset | 0);
  }

  /** The stream offset of `n`, a sequence number at or right of SND.UNA. The SYN has none and counts as offset 0. */
  offsetOf(n: Seq.Seq): number {
    const head = this.sendQueue.head;
    return head + Math.max(0, Seq.diff(n, this.seqAt(head)));
  }

  /** Where our FIN stands, or would. */
  get finSeq(): Seq.Seq {
    return this.seqAt(this.sendQueue.tail);
  }

  get finSent(): boolean {
    return this.finQueued && Seq.gt(this.snd.nxt, this.finSeq);
  }

  get finAcked(): boolean {
    return this.finQueued && Seq.gt(this.snd.una, this.finSeq);
  }

  /** Text, or our FIN, is not acknowledged: somebody must see to it. */
  get owesText(): boolean {
    return this.sendQueue.length > 0 || (this.finQueued && !this.finAcked);
  }

  get peerHasEnded(): boolean {
    return this.rcv.finSeen && Seq.gt(this.rcv.nxt, this.rcv.finAt);
  }

  /** FlightSize: bytes sent and not cumulatively acknowledged. RFC 5681. */
  get flightSize(): number {
    return Seq.diff(this.snd.nxt, this.snd.una);
  }

  /** RCV.WND as the peer knows it: bytes, up to 2^30. RFC 9293 REC-1. */
  get rcvWnd(): number {
    return Seq.diff(this.rcv.edge, this.rcv.nxt);
  }

  /** The deadlines, in order to arm one: `schedule` gives the record back when none is. */
  get timers(): Timers {
    return (this.armed ??= this.tcp.atRest.takeTimers());
  }

  /** Since when SND.UNA stands still although something is in flight or waits for a window; NEVER: nothing does. */
  get stuckSince(): number {
    return this.armed === null ? NEVER : this.armed.stuckSince;
  }

  set stuckSince(at: number) {
    if (at !== NEVER || this.armed !== null) this.timers.stuckSince = at;
  }

  /** Something was sent, or was about to be. */
  get hasCongestion(): boolean {
    return this.controller !== null;
  }

  /** Until the connection stands, any will do. */
  get congestion(): CongestionControl {
    return this.controller ?? this.begunCongestion();
  }

  private begunCongestion(cwnd = initialWindow(this.snd.smss)): CongestionControl {
    return (this.controller ??= newController(this.settings.congestion, this.snd.smss, cwnd, this.tcp.env.random));
  }

  /** The connection comes to stand; the controller is made when something is to be sent. */
  beginCongestion(): void {
    this.controller = null;
    // RFC 5681 §3.1: a lost SYN leaves one segment to begin with; RFC 6928 §2: more than one, for one may be our timer's haste.
    if (this.synLosses > 1) this.begunCongestion(this.snd.smss);
  }

  /** `snd.smss` has changed. */
  fitCongestion(): void {
    if (this.controller !== null) this.controller.smss = this.snd.smss;
  }

  /** Nothing more to send, though the window would allow it. */
  onAppLimited(): void {
    const { rate, limitedRate } = this.tcp.atRest;
    if (this.rate === rate) this.rate = limitedRate;
    else if (this.rate !== limitedRate) this.rate.onAppLimited(pipe(this));
  }

  /** Something is about to leave, and nothing is in flight: it has records of its own from now on. */
  takeOff(): void {
    const { atRest, runs } = this.tcp;
    if (this.scoreboard === atRest.scoreboard) this.scoreboard = new Scoreboard(runs);
    this.ownRecovery();
    if (this.rate !== atRest.rate && this.rate !== atRest.limitedRate) return;
    const { isAppLimited } = this.rate;
    this.rate = new DeliveryRate();
    if (isAppLimited) this.rate.onAppLimited(0);
  }

  /** What is known of losses, to be written: a DSACK may come when nothing is in flight any more. */
  ownRecovery(): Recovery {
    if (this.recovery === this.tcp.atRest.recovery) this.recovery = new Recovery();
    return this.recovery;
  }

  /** A deadline has passed: what is not under way any more, and is as new, is given back. */
  private comeToRest(now: number): void {
    if (this.scoreboard.isEmpty && this.sendQueue.length === 0) {
      const { atRest } = this.tcp;
      this.scoreboard = atRest.scoreboard;
      if (this.recovery.isAsNew(this.offsetOf(this.snd.una))) this.recovery = atRest.recovery;
      if (this.plpmtud !== null && this.plpmtud.isAsNew) this.plpmtud = null;
      if (this.tuning !== null || this.controller !== null) this.forgetPath(now);
    }
    if (this.sleep(now)) return;
    if (this.entry !== null && this.entry.deadline === NEVER) this.entry = null;
  }

  /** Said by an owner that can do without: when it was idle for long, the connection is to be a row of `tcp.dormant`. */
  letSleep(): void {
    this.lookAgainAt(this.tcp.env.now() + DORMANT_AFTER_MS);
  }

  /** @returns whether the connection is one no more */
  private sleep(now: number): boolean {
    if (this.owner?.onTcpDormant === undefined) return false;
    const dueAt = Math.max(this.lastSentAt, this.lastArrivalAt) + DORMANT_AFTER_MS;
    if (now >= dueAt && this.mayBeDormant) {
      if (this.entry !== null) this.tcp.env.wheel.cancel(this.entry);
      this.tcp.dormant.add(this);
      return true;
    }
    // What keeps it from that has a timer, or will have one when it is over.
    if (now < dueAt) this.lookAgainAt(dueAt);
    return false;
  }

  private lookAgainAt(at: number): void {
    this.entry ??= new TimerEntry(this);
    if (at < this.entry.deadline) this.tcp.env.wheel.schedule(this.entry, at);
  }

  /** It stands, nothing is under way or waits for anybody, and what there is, is what dormant.ts keeps. */
  get mayBeDormant(): boolean {
    const { atRest } = this.tcp;
    const { flow } = this;
    return this.state === 'ESTABLISHED' && this.error === null && this.softError === null &&
      !this.finQueued && !this.rcv.finSeen && !this.rcv.dsackOwed && !this.ackOwed && !this.ackNow && !this.synOwed &&
      this.scoreboard === atRest.scoreboard && this.recovery === atRest.recovery && this.receiveQueue === atRest.receiveQueue &&
      (this.rate === atRest.rate || this.rate === atRest.limitedRate) && this.sendQueue.length === 0 && this.flightSize === 0 &&
      this.assembler === null && this.tuning === null && this.plpmtud === null && this.controller === null &&
      this.ecn === NO_ECN && this.userTimeout === null && this.fastOpen === null && this.listener === null && this.probe === null &&
      this.armed === null && !this.isReady && this.pendingEvents === 0 && this.memoryHeld === 0 && !this.wantsSpace && !this.refusedText && this.lending === 0 &&
      flow.through === null && !flow.anonymous && !flow.loop && flow.src.zone === 0 && flow.dst.zone === 0;
  }

  /**
   * When nothing came or went for an RTO, now or then: what was learned of the path, where a new record would do as well.
   * RFC 5681 §4.1: the window is then no larger than what it began with.
   */
  private forgetPath(now: number): void {
    const idleAt = Math.max(this.lastSentAt, this.lastArrivalAt) + this.rto.rtoMs;
    if (now > idleAt) {
      if (this.tuning !== null && this.tuning.isAsNew) this.tuning = null;
      if (!this.isWindowAsNew) return;
      this.controller = null;
      this.rate = this.tcp.atRest.limitedRate;
    } else if (this.entry !== null && this.entry.deadline === NEVER) {
      this.tcp.env.wheel.schedule(this.entry, idleAt + 1);
    }
  }

  /** No loss has shown that the window may be too large, nor has a timeout closed it. */
  private get isWindowAsNew(): boolean {
    const { controller } = this;
    return controller !== null && controller.name !== 'bbr' && controller.ssthresh === Infinity &&
      controller.cwnd >= initialWindow(this.snd.smss);
  }

  /** To append to. `roomMade` gives it back when all is read. */
  ownReceiveQueue(): ReceiveQueue {
    const { atRest } = this.tcp;
    if (this.receiveQueue === atRest.receiveQueue) this.receiveQueue = atRest.takeQueue();
    return this.receiveQueue;
  }

  assemble(): Assembler {
    return (this.assembler ??= new Assembler(this.receiveBuffer, this.tcp.options.outOfOrderRanges));
  }

  /** Something may have to be sent: look at it when this batch ends. */
  markReady(): void {
    if (this.isReady || this.state === 'CLOSED') return;
    this.isReady = true;
    this.tcp.ready.push(this);
    this.tcp.env.wake();
  }

  /** News for the owner, told when the machine is at rest. */
  tell(events: number): void {
    if (this.pendingEvents === 0) this.tcp.env.announceLater(this);
    this.pendingEvents |= events;
  }

  announce(): void {
    const events = this.pendingEvents;
    this.pendingEvents = 0;
    this.owner?.onTcpEvent(this, events);
    // What waited for more goes with it, or alone.
    if ((events & WRITABLE) !== 0 && this.sendQueue.length > this.flightSize) this.markReady();
  }

  /** The application has more to write than there was room for, and waits for room or is about to be told of it. */
  get moreIsComing(): boolean {
    return this.refusedText && (this.wantsSpace || (this.pendingEvents & WRITABLE) !== 0);
  }

  /** Room was made in the send queue. */
  spaceMade(): void {
    if (this.hasCongestion) tuneAcked(this);
    // Half empty first: an application woken for every segment would write in crumbs.
    if (this.wantsSpace && this.sendQueue.length <= this.refillBelow) {
      // A segment is being processed: it ends with the batch.
      if (this.sendQueue.isRobbed) return this.markReady();
      this.sendQueue.keepLoan();
      this.wantsSpace = false;
      this.tell(WRITABLE);
    }
  }

  /** With so much in the send queue the application is asked for more. */
  private get refillBelow(): number {
    if (!this.sendQueue.isLent) return sendLimit(this) >> 1;
    return this.peerTakesText ? lentRest(this) : sendLimit(this);
  }

  /** A peer that takes nothing more may itself wait for what we do next: all that there is room for is copied. */
  private get peerTakesText(): boolean {
    return this.snd.wnd >= this.snd.smss;
  }

  trouble(code: ErrorCode): void {
    this.softError = code;
    this.tell(TROUBLE);
  }

  /** Into CLOSED with an error that the application is told. */
  fail(code: ErrorCode, syscall = 'read'): void {
    const active = this.state === 'SYN-SENT' || (this.state === 'SYN-RECEIVED' && this.listener === null);
    const where = { address: this.remoteAddress.toString(), port: this.remotePort };
    this.end(active ? new NetError(code, 'connect', where) : new NetError(code, syscall));
  }

  /** Into CLOSED. Whoever waits is told; all tables forget it. */
  end(error: NetError | null): void {
    if (this.state === 'CLOSED') return;
    this.error = error;
    enter(this, 'CLOSED');
    this.release();
    this.tell(error === null ? CLOSED : CLOSED | ERROR);
  }

  /** Into TIME-WAIT: a row in a table keeps the peer's last words from doing harm; the connection is done. */
  timeWait(now: number): void {
    enter(this, 'TIME-WAIT');
    this.tcp.remember(this, now);
    this.release();
    this.tell(CLOSED);
  }

  /** What is left to answer with. */
  farewell(): TimeWaitEntry {
    const { localAddress, localPort, remoteAddress, remotePort, snd, rcv, ts } = this;
    return {
      localAddress, localPort, remoteAddress, remotePort, sndNxt: snd.nxt, rcvNxt: rcv.nxt,
      windowField: Math.min(0xffff, this.rcvWnd >>> rcv.shift),
      hasTimestamps: ts.on, tsRecent: ts.recent, tsOffset: ts.offset,
    };
  }

  private release(): void {
    this.armed = null;
    if (this.entry !== null) this.tcp.env.wheel.cancel(this.entry);
    this.entry = null;
    // Lent or copied, the peer may never have it.
    if (this.sendQueue.length > 0) this.lending = 0;
    this.sendQueue.clear();
    this.scoreboard.clear();
    this.assembler = null;
    this.tcp.memory.count(this);
    this.tcp.forget(this);
  }

  /** The wheel's one entry is lazy: it is moved only when a deadline comes before it. */
  schedule(): void {
    const { armed } = this;
    if (armed === null) return;
    if (armed.isIdle) {
      this.armed = null;
      this.tcp.atRest.putTimers(armed);
      return;
    }
    const next = armed.next();
    if (next === NEVER) return;
    this.entry ??= new TimerEntry(this);
    if (next < this.entry.deadline) this.tcp.env.wheel.schedule(this.entry, next);
  }

  expire(now: number): void {
    expire(this, now);
    if (this.state === 'CLOSED' || this.state === 'TIME-WAIT') return;
    this.schedule();
    this.comeToRest(now);
  }

  check(): void {
    assert(Seq.le(this.snd.una, this.snd.nxt), 'tcp: una <= nxt');
    assert(Seq.le(this.rcv.nxt, this.rcv.edge), 'tcp: rcv.nxt <= rcv.edge');
    const { retransmitAt, persistAt } = this.armed ?? new Timers();
    assert(retransmitAt === NEVER || persistAt === NEVER, 'tcp: retransmit or persist, not both');
    const isTended = retransmitAt !== NEVER || persistAt !== NEVER || this.isReady;
    assert(isTended || !isSynchronized(this.state) || this.state === 'TIME-WAIT' || !this.owesText, 'tcp: what waits has a timer');
    this.sendQueue.check();
    this.scoreboard.check();
    const isOnBoard = this.scoreboard.isEmpty || (this.scoreboard.start === this.offsetOf(this.snd.una) &&
      this.scoreboard.end === this.offsetOf(this.snd.nxt));
    assert(isOnBoard || !isSynchronized(this.state), 'tcp: the scoreboard covers una .. nxt');
    assert(this.scoreboard.isEmpty === (this.flightSize === 0) || !isSynchronized(this.state), 'tcp: what is in flight is on the board');
    this.receiveQueue.check();
    this.assembler?.check();
    this.tcp.atRest.check();
  }
}
