// Passive opens that are not done: SYN+ACKs sent and repeated, and SEGMENT ARRIVES in SYN-RECEIVED for what is a row of
// the SYN cache. The connection is made when the client's ACK arrives, and that segment is its first.
// RFC 9293 §3.10.7.2, §3.10.7.4; RFC 5961 §3–5; RFC 7323 §5; RFC 4987.

import { type Address, copyOf } from '../address.js';
import { Flow } from '../ip/flow.js';
import type { IpHeader } from '../ip/header.js';
import type { Packet } from '../packet.js';
import { NEVER } from '../time.js';
import { type Expirable, TimerEntry } from '../timer-wheel.js';
import { paddedLength, synAckOption, writeSynAckOption } from './accurate-ecn.js';
import { arrive, learnSyn } from './arrival.js';
import type { Connection } from './connection.js';
import { answerTo, ECN_FLAGS, type EcnSetting, synAckFlags } from './ecn.js';
import { emitBare, send, userTimeoutRoom, writeHeader } from './emit.js';
import { fastOpenOptionLength, writeFastOpenOption } from './fast-open.js';
import type { Listener } from './listener.js';
import { OPTIONS_MAX, optionsLength, synOptionsLength, tsBefore, writeOptions, writeSynOptions } from './options.js';
import { isAcceptable, Segment } from './segment.js';
import * as Seq from './seq.js';
import { Handshake, SynCache } from './syn-cache.js';
import type { Tcp } from './tcp.js';
import { writeUserTimeout } from './user-timeout.js';
import * as Wire from './wire.js';

const scratchHandshake = new Handshake();
const scratchSyn = new Segment();
const NO_BLOCKS = new Int32Array(0);

/** What the SYN in `seg` offers, and the numbers of ours. `h.iss`, `h.tsOffset` are the caller's to choose. */
export function learnHandshake(h: Handshake, seg: Segment, ecn: EcnSetting): void {
  const { options } = seg;
  h.irs = seg.seq;
  h.mss = options.mss;
  h.windowScale = options.windowScale;
  h.sackPermitted = options.sackPermitted;
  h.hasTimestamps = options.hasTimestamps;
  const mode = answerTo(ecn, seg.ecnFlags);
  h.ecn = mode === 'classic';
  h.accurateEcn = mode === 'accurate' ? 1 + seg.codepoint : 0;
  h.windowField = seg.windowField;
  h.tsRecent = options.tsVal;
  h.wantsFastOpen = false;
  h.isRepeated = false;
  h.isPlain = false;
}

/** The SYN+ACK. An answer holds only what the SYN offered (RFC 7323 §1.3, RFC 2018 §2). */
export function emitSynAck(
  tcp: Tcp, listener: Listener, flow: Flow, localPort: number, remotePort: number, h: Handshake, tsVal: number, now: number,
): void {
  const options = tcp.synOptions;
  options.mss = tcp.offeredMss(flow, listener.options.maxSegment);
  options.windowScale = h.windowScale < 0 ? -1 : listener.shift;
  options.sackPermitted = h.sackPermitted;
  options.hasTimestamps = h.hasTimestamps;
  options.tsVal = tsVal;
  options.tsEcr = h.tsRecent;
  const fastOpen = h.wantsFastOpen ? tcp.fastOpenCookies.make(flow.dst, now) : null;
  const packet = tcp.env.pool.take(0);
  const optionsEnd = 20 + synOptionsLength(options);
  const fastOpenEnd = optionsEnd + (fastOpen === null ? 0 : fastOpenOptionLength(fastOpen));
  // RFC 9768 §3.2.3.2.2: a SYN+ACK that was lost goes again without the option, and then with no word of ECN at all.
  const counters = h.accurateEcn > 0 && !h.isRepeated ? synAckOption(20 + OPTIONS_MAX - fastOpenEnd) : 0;
  const countersEnd = fastOpenEnd + paddedLength(counters);
  const { userTimeout } = listener;
  const headerLength = countersEnd + userTimeoutRoom(userTimeout !== null, countersEnd);
  const at = packet.push(headerLength);
  writeSynOptions(packet.bytes, at + 20, options);
  if (fastOpen !== null) writeFastOpenOption(packet.bytes, at + optionsEnd, fastOpen);
  if (counters !== 0) writeSynAckOption(packet.bytes, at + fastOpenEnd, counters);
  if (headerLength > countersEnd) writeUserTimeout(packet.bytes, at + countersEnd, userTimeout!.advertisedMs);
  // RFC 7323 §2.2: the window of a SYN is never scaled.
  writeHeader(
    packet.bytes, at, localPort, remotePort, h.iss, Seq.add(h.irs, 1), Wire.SYN | Wire.ACK | ecnFlags(h), listener.synWindow, headerLength,
  );
  send(tcp, packet, flow, now);
}

const ecnFlags = (h: Handshake): number =>
  h.accurateEcn > 0 ? synAckFlags('accurate', h.accurateEcn - 1) : synAckFlags(h.ecn ? 'classic' : 'none', 0);

/** A connection in SYN-RECEIVED, as if it had sent the SYN+ACK itself; null: there are too many. */
export function connectionOf(
  tcp: Tcp, listener: Listener, flow: Flow, localPort: number, remotePort: number, h: Handshake, now: number,
): Connection | null {
  const c = tcp.newConnection(flow, localPort, remotePort, h.iss);
  if (c === null) return null;
  c.configure(listener.options);
  c.state = 'SYN-RECEIVED';
  c.noteState(c.state);
  c.ts.offset = h.tsOffset;
  learnSyn(c, synOf(h), now);
  // RFC 9768 §3.1.5: who may have understood that there is no ECN is sent no marked text.
  if (c.ecn.accurate !== null && h.isPlain) c.ecn.accurate.isCapable = false;
  c.rcv.offeredInSyn = listener.synWindow;
  c.rcv.edge = Seq.add(c.rcv.nxt, listener.synWindow);
  c.lastArrivalAt = Math.floor(now);
  c.lastSentAt = c.lastArrivalAt;
  return c;
}

/** The client's SYN, as far as it was remembered. */
function synOf(h: Handshake): Segment {
  const seg = scratchSyn;
  seg.flags = Wire.SYN;
  seg.ecnFlags = h.accurateEcn > 0 ? ECN_FLAGS : h.ecn ? Wire.CWR | Wire.ECE : 0;
  seg.codepoint = Math.max(0, h.accurateEcn - 1);
  seg.seq = h.irs;
  seg.ack = Seq.seq(0);
  seg.windowField = h.windowField;
  seg.options.mss = h.mss;
  seg.options.windowScale = h.windowScale;
  seg.options.sackPermitted = h.sackPermitted;
  seg.options.hasTimestamps = h.hasTimestamps;
  seg.options.tsVal = h.tsRecent;
  return seg;
}

/** One per stack: all its listeners' clients that have not been heard a second time. */
export class HalfOpens implements Expirable {
  private readonly cache: SynCache<Listener>;
  private readonly timer = new TimerEntry(this);

  constructor(private readonly tcp: Tcp) {
    this.cache = new SynCache(tcp.env.random);
  }

  get size(): number {
    return this.cache.size;
  }

  /** The row of who sent `seg`, or -1. */
  find(header: IpHeader, seg: Segment): number {
    return this.cache.find(header.dst, seg.dstPort, header.src, seg.srcPort);
  }

  /** The row of a tuple, or -1. */
  findTuple(local: Address, localPort: number, remote: Address, remotePort: number): number {
    return this.cache.find(local, localPort, remote, remotePort);
  }

  /** RFC 9293 §3.10.7.2, third: the SYN is answered, and its sender is remembered until it answers. */
  open(listener: Listener, seg: Segment, header: IpHeader, h: Handshake, now: number): void {
    const local = copyOf(header.dst);
    const remote = copyOf(header.src);
    const row = this.cache.add(listener, local, seg.dstPort, remote, seg.srcPort, h, now);
    this.sendSynAck(row, now);
    this.schedule();
  }

  /** RFC 9293 §3.10.7.4 in SYN-RECEIVED, in its order; the checks are those of arrival.ts, for what is a row. */
  arrive(row: number, seg: Segment, packet: Packet, now: number): void {
    const h = scratchHandshake;
    this.cache.load(row, h);
    if (this.isRepeatedSyn(row, seg, h, now)) return;
    if (!this.checkSequence(row, seg, h, now)) return;
    const { counters } = this.tcp.env;
    if ((seg.flags & Wire.RST) !== 0) return this.checkReset(row, seg, h, now);
    if ((seg.flags & Wire.SYN) !== 0 && seg.seq !== h.irs) {
      // Fourth: back to LISTEN; the client's next SYN begins anew.
      counters.drop('tcp-challenged');
      return this.remove(row);
    }
    if ((seg.flags & Wire.ACK) === 0) return counters.drop('tcp-no-ack');
    if (seg.ack !== Seq.add(h.iss, 1)) {
      counters.drop('tcp-bad-ack');
      const flow = this.flowOf(row);
      return emitBare(this.tcp, flow, this.cache.localPort(row), this.cache.remotePort(row), Wire.RST, seg.ack, Seq.seq(0), now);
    }
    this.complete(row, seg, packet, h, now);
  }

  /** The client's SYN came again: our answer was lost, or is still on its way. Text on it changes nothing. */
  private isRepeatedSyn(row: number, seg: Segment, h: Handshake, now: number): boolean {
    if ((seg.flags & (Wire.SYN | Wire.ACK | Wire.RST)) !== Wire.SYN) return false;
    const { counters } = this.tcp.env;
    if (this.tcp.isBadSyn(seg)) {
      counters.drop('tcp-bad-flags');
      return true;
    }
    if (seg.seq !== h.irs) return false;
    if (!this.cache.mayAnswer(row, now)) counters.drop('tcp-rate-limited');
    else {
      counters.drop('tcp-duplicate');
      this.cache.setAmbiguous(row);
      if (seg.ecnFlags === 0) this.cache.setPlain(row);
      // Karn's; and the timer is not put off, or a row would be for ever.
      this.sendSynAck(row, now);
    }
    return true;
  }

  /** First: the sequence number, with PAWS before it (RFC 7323 §5.3). */
  private checkSequence(row: number, seg: Segment, h: Handshake, now: number): boolean {
    const { counters } = this.tcp.env;
    const reset = (seg.flags & Wire.RST) !== 0;
    if (h.hasTimestamps && !reset) {
      if (!seg.options.hasTimestamps) {
        if ((seg.flags & Wire.SYN) === 0) {
          counters.drop('tcp-missing-timestamp');
          return false;
        }
      } else if (tsBefore(seg.options.tsVal, h.tsRecent)) {
        counters.drop('tcp-paws');
        this.challenge(row, h, now);
        return false;
      }
    }
    const nxt = Seq.add(h.irs, 1);
    if (isAcceptable(seg.seq, seg.length, nxt, this.cache.owner(row).synWindow)) return true;
    // A superpacket that begins before the window and ends beyond it, as in arrival.ts.
    if (Seq.lt(seg.seq, nxt) && Seq.gt(Seq.add(seg.seq, seg.length), nxt)) return true;
    // The other half of a simultaneous open: their SYN again, with our SYN acknowledged.
    if ((seg.flags & Wire.SYN) !== 0 && seg.seq === h.irs && !reset) return true;
    counters.drop('tcp-unacceptable');
    if (!reset) this.challenge(row, h, now);
    return false;
  }

  /** Second: RFC 5961 §3.2; MUST-11: a passive open returns to LISTEN, which never left. */
  private checkReset(row: number, seg: Segment, h: Handshake, now: number): void {
    if (seg.seq === Seq.add(h.irs, 1)) return this.remove(row);
    this.tcp.env.counters.drop('tcp-challenged');
    this.challenge(row, h, now);
  }

  /** Fifth: our SYN is acknowledged. What follows (text, FIN) is for the connection. */
  private complete(row: number, seg: Segment, packet: Packet, h: Handshake, now: number): void {
    const { cache, tcp } = this;
    const listener = cache.owner(row);
    if (!listener.hasRoom) {
      // The accept queue is full: as if the ACK was lost. Our SYN+ACK will be repeated.
      cache.setHeard(row);
      tcp.env.counters.drop('tcp-accept-overflow');
      return;
    }
    if (seg.length === 0 && now < this.deferredUntil(row)) {
      // The client has answered, and has nothing to say yet: it may wait. Also Linux, TCP_DEFER_ACCEPT.
      cache.setHeard(row);
      tcp.env.counters.drop('tcp-accept-deferred');
      return;
    }
    const localPort = cache.localPort(row);
    const remotePort = cache.remotePort(row);
    const c = connectionOf(tcp, listener, this.flowOf(row), localPort, remotePort, h, now);
    if (c === null) return;
    c.lastSentAt = Math.floor(cache.sentAt(row));
    c.synSentAt = cache.isAmbiguous(row) ? NEVER : cache.sentAt(row);
    c.synLosses = cache.isHeard(row) ? 0 : cache.repeats(row);
    this.remove(row);
    listener.enqueue(c);
    arrive(c, seg, packet, now);
  }

  private deferredUntil(row: number): number {
    return this.cache.sentAt(row) + (this.cache.owner(row).options.deferAcceptMs ?? 0);
  }

  /** An ICMP error about our SYN+ACK. RFC 5927 §5.2: a hard one ends what is not synchronized, if it knows our number. */
  onError(row: number, seq: Seq.Seq, isHard: boolean): boolean {
    if (seq !== this.cache.iss(row)) {
      this.tcp.env.counters.drop('icmp-implausible');
      return false;
    }
    if (isHard) this.remove(row);
    return true;
  }

  /**
   * The listener closes. Clients whose ACK we have heard believe in a connection and are reset (RFC 9293 §3.10.5, SYN-RECEIVED).
   * The others are forgotten (§3.10.4, LISTEN): an ACK that comes is reset from CLOSED, and who is nobody, as in a flood of
   * SYNs, is not bothered. Also Linux and FreeBSD.
   */
  reset(listener: Listener, now: number): void {
    const h = scratchHandshake;
    for (const row of this.cache.rowsOf(listener)) {
      this.cache.load(row, h);
      if (this.cache.isHeard(row)) this.emit(row, h, Wire.RST | Wire.ACK, now);
      this.remove(row);
    }
  }

  expire(now: number): void {
    for (let row = this.cache.due(now); row >= 0; row = this.cache.due(now)) this.repeat(row, now);
    this.schedule();
  }

  private repeat(row: number, now: number): void {
    const listener = this.cache.owner(row);
    const { userTimeoutMs = 0 } = listener.options;
    const isSpent = userTimeoutMs > 0 && now >= this.cache.sentAt(row) + userTimeoutMs;
    const { cache } = this;
    const isWaitedFor = (listener.options.deferAcceptMs ?? 0) > 0 && cache.isHeard(row) && !cache.isHurried(row);
    // A client that never answers is nobody's loss.
    if (isSpent || (!isWaitedFor && cache.repeats(row) >= listener.synAckRetries)) return this.remove(row);
    cache.repeat(row, now);
    if (isWaitedFor) {
      // Nothing was lost. When the wait is over it is asked to answer once more, and is accepted then. Also Linux.
      if (now < this.deferredUntil(row)) return;
      cache.setHurried(row);
    }
    this.sendSynAck(row, now);
  }

  private sendSynAck(row: number, now: number): void {
    const { cache, tcp } = this;
    const h = scratchHandshake;
    cache.load(row, h);
    // RFC 7413 §4.2.2: a SYN+ACK that was lost goes again without the option.
    if (cache.repeats(row) > 0) h.wantsFastOpen = false;
    h.isRepeated = cache.isAmbiguous(row);
    if (h.accurateEcn > 0 && cache.repeats(row) > 1) {
      cache.setPlain(row);
      h.accurateEcn = 0;
    }
    const tsVal = (Math.floor(now) + h.tsOffset) >>> 0;
    emitSynAck(tcp, cache.owner(row), this.flowOf(row), cache.localPort(row), cache.remotePort(row), h, tsVal, now);
  }

  /** Where we are, for who seems not to know: RFC 5961 §3.2, §4.2, with the limit of §7. */
  private challenge(row: number, h: Handshake, now: number): void {
    if (this.cache.mayAnswer(row, now)) this.emit(row, h, Wire.ACK, now);
    else this.tcp.env.counters.drop('tcp-rate-limited');
  }

  private emit(row: number, h: Handshake, flags: number, now: number): void {
    const { cache, tcp } = this;
    const listener = cache.owner(row);
    const packet = tcp.env.pool.take(0);
    const headerLength = 20 + optionsLength(h.hasTimestamps, 0);
    const at = packet.push(headerLength);
    const tsVal = (Math.floor(now) + h.tsOffset) >>> 0;
    writeOptions(packet.bytes, at + 20, tsVal, h.tsRecent, h.hasTimestamps, NO_BLOCKS, NO_BLOCKS, 0);
    const window = h.windowScale < 0 ? listener.synWindow : listener.synWindow >>> listener.shift;
    writeHeader(
      packet.bytes, at, cache.localPort(row), cache.remotePort(row), Seq.add(h.iss, 1), Seq.add(h.irs, 1), flags, window,
      headerLength,
    );
    send(tcp, packet, this.flowOf(row), now);
  }

  private flowOf(row: number): Flow {
    const { cache } = this;
    return cache.owner(row).flowTo(cache.localAddress(row), cache.remoteAddress(row));
  }

  private remove(row: number): void {
    this.cache.remove(row);
    // The timer is lazy, but nothing waits for nobody.
    if (this.cache.size === 0) this.tcp.env.wheel.cancel(this.timer);
  }

  private schedule(): void {
    const next = this.cache.nextTimeout();
    if (next < this.timer.deadline) this.tcp.env.wheel.schedule(this.timer, next);
  }

  check(): void {
    this.cache.check();
  }
}
