// How much a connection may hold: buffers that follow the path, and what all connections together may hold.
// RFC 9293 §3.8.6; Fisk and Feng, "Dynamic Right-Sizing in TCP" (2001), which RFC 7323's long, fat paths ask for.
//
// A receive buffer that is smaller than the bandwidth-delay product holds the sender back; a larger one costs memory as
// soon as the application is slow. So it begins small and grows to twice what the application took in a round trip, and
// the send buffer to twice what was in flight. What the application fixes stays as it is.

import { NEVER } from '../time.js';
import type { Connection } from './connection.js';
import { WINDOW_SCALE_MAX } from './options.js';
import type { Segment } from './segment.js';

/**
 * Bytes a millisecond: faster is no path of ours, 32 Gb/s. What a send buffer holds beyond that times the round trip is no
 * bandwidth-delay product, but a queue in our own memory, and it drives everything else out of the processor's cache.
 */
const PATH_RATE_MAX = 4 << 20;
/** So many superpackets a queue may hold on the shortest path, lest they become smaller. */
const SUPERPACKETS = 2;
/** ... unless all connections together hold so many bytes: as much as a processor's cache has room for. */
const CROWD = 1 << 20;

/** Of what is lent, so much is copied in the end: what a path of 4 Gb/s holds, and a few packets' worth. */
const LENT_RATE = 512 << 10;
const LENT_REST_MIN = 65_536;

/** What a connection may still send or receive while memory is short: enough to go on. Linux offers 4 MSS. */
const TIGHT_SEGMENTS = 4;
const TIGHT_SEND_MAX = 16_384;

/** A slow start's first window: growth is judged against it. RFC 6928. */
const FIRST_SEGMENTS = 10;
/** Slack for segments that are less than full. Also Linux. */
const SLACK_SEGMENTS = 16;

/** An echo that tells of more is made up. */
const RTT_MS_MAX = 120_000;

/** What tuning remembers of a connection that receives. */
export class Tuning {
  /** The peer's round trip as a receiver sees it, ms; 0: not known. */
  rttMs = 0;
  /** Without timestamps: a window's worth of text arrives in a round trip, or more. Where it ends, and since when. */
  private windowEnd = 0;
  private windowAt = NEVER;
  private lastEcr = 0;
  /** What the application had taken when the round trip began, bytes of the stream; the most it took in one. */
  private takenBefore = 0;
  private takenAt = NEVER;
  private takenMost = 0;

  /** Nothing was learned that a new record would not soon learn again. */
  get isAsNew(): boolean {
    return this.takenMost === 0;
  }

  /** Text arrived in order: what does it say of the round trip? Never less than a tick of the timestamps. */
  onArrival(c: Connection, seg: Segment, now: number): void {
    if (c.ts.on) {
      // RFC 7323 §4.1: it echoes our latest; the first segment that does took a round trip, and the sender's leisure.
      if (seg.options.tsEcr === this.lastEcr || seg.payloadLength < c.rcv.rmss) return;
      this.lastEcr = seg.options.tsEcr;
      const rttMs = Math.max(1, (c.ts.val(now) - seg.options.tsEcr) | 0);
      if (rttMs < RTT_MS_MAX) this.rttMs = this.rttMs === 0 ? rttMs : this.rttMs + (rttMs - this.rttMs) / 8;
      return;
    }
    if (c.bytesReceived < this.windowEnd) return;
    if (this.windowAt !== NEVER) {
      const rttMs = Math.max(1, now - this.windowAt);
      this.rttMs = this.rttMs === 0 ? rttMs : Math.min(this.rttMs, rttMs);
    }
    this.windowAt = now;
    this.windowEnd = c.bytesReceived + c.rcvWnd;
  }

  /** The application took text: may there be more of it next time? */
  onTaken(c: Connection, now: number): void {
    const { receiveBufferMax } = c.tcp.options;
    if (c.receiveBuffer >= receiveBufferMax) return;
    const taken = c.bytesReceived - c.readable;
    if (this.takenAt !== NEVER) {
      if (now - this.takenAt < (this.rttMs > 0 ? this.rttMs : Math.max(1, c.rto.srttMs))) return;
      this.judge(c, taken - this.takenBefore, receiveBufferMax);
    }
    this.takenBefore = taken;
    this.takenAt = now;
  }

  private judge(c: Connection, taken: number, max: number): void {
    const before = Math.max(this.takenMost, FIRST_SEGMENTS * c.rcv.rmss);
    if (taken <= before || c.tcp.memory.isTight) return;
    this.takenMost = taken;
    // Twice, lest the window be what limits it; and more in a slow start, whose next flight is twice this one: also Linux.
    const twice = 2 * taken + SLACK_SEGMENTS * c.rcv.rmss;
    const wanted = Math.floor(twice * (1 + (2 * (taken - before)) / before));
    if (wanted > c.receiveBuffer) c.receiveBuffer = Math.min(wanted, max);
    if (c.assembler !== null) c.assembler.bytesMax = c.receiveBuffer;
  }
}

/** Text arrived in order. */
export function tuneArrival(c: Connection, seg: Segment, now: number): void {
  if (!c.settings.fixesReceiveBuffer) (c.tuning ??= new Tuning()).onArrival(c, seg, now);
}

/** The application took text. */
export function tuneTaken(c: Connection, now: number): void {
  if (!c.settings.fixesReceiveBuffer) (c.tuning ??= new Tuning()).onTaken(c, now);
}

/** SND.UNA moved. What was in flight is what counts: a window that grew unused would only fill the processor's cache. */
export function tuneAcked(c: Connection): void {
  if (c.settings.fixesSendBuffer || c.tcp.memory.isTight) return;
  const { sendBuffer, sendBufferMax } = c.tcp.options;
  const isCrowded = c.tcp.memory.used > CROWD;
  const least = isCrowded ? sendBuffer : Math.max(sendBuffer, SUPERPACKETS * (c.flow.route?.interface.superpacketText ?? 0));
  const max = Math.min(sendBufferMax, Math.max(least, Math.floor(c.rto.minRttMs * PATH_RATE_MAX)));
  // BBR's startup grows by more than twice in a round trip. Also Linux.
  const wanted = (c.congestion.name === 'bbr' ? 3 : 2) * c.congestion.flightMax + SLACK_SEGMENTS * c.snd.smss;
  if (wanted > c.sendBuffer && c.sendBuffer < max) c.sendBuffer = Math.min(wanted, max);
}

/** What all connections hold: text that is not acknowledged, not read, or out of order. One per stack. */
export class Memory {
  used = 0;

  /** @param max  bytes */
  constructor(readonly max: number) {}

  /** No buffer grows, windows are small, and text out of order is not kept. */
  get isTight(): boolean {
    return this.used > this.max;
  }

  /** Count `c` as it is now; when it is done, the application's leftovers are the application's. */
  count(c: Connection): void {
    const isDone = c.state === 'CLOSED' || c.state === 'TIME-WAIT';
    const held = isDone ? 0 : c.sendQueue.memory + c.receiveQueue.length + (c.assembler?.bytes ?? 0);
    this.used += held - c.memoryHeld;
    c.memoryHeld = held;
  }
}

/** Bytes that may be on their way to us, or wait: at most what the scaled field can say, and the application allows. */
export function receiveRoom(c: Connection): number {
  const room = Math.min(c.receiveBuffer - c.receiveQueue.length, 0xffff << c.rcv.shift, c.settings.windowClamp);
  return c.tcp.memory.isTight ? Math.min(room, TIGHT_SEGMENTS * c.rcv.rmss) : room;
}

/** Bytes that the send queue may hold: whole ones, whatever was asked for. */
export function sendLimit(c: Connection): number {
  return Math.floor(c.tcp.memory.isTight ? Math.min(c.sendBuffer, TIGHT_SEND_MAX) : c.sendBuffer);
}

/**
 * Text that an application lends is its own again when only so many bytes of it are not acknowledged: these are copied, so
 * that it can write what comes next while they are on their way.
 */
export function lentRest(c: Connection): number {
  // The peer may put off acknowledging less than two segments (RFC 9293 SHLD-19).
  return Math.min(sendLimit(c) >> 1, Math.max(LENT_REST_MIN, 2 * c.snd.smss, Math.floor(c.rto.minRttMs * LENT_RATE)));
}

/** On so short a path waiting for acknowledgments takes less time than copying, even where there is room for a copy. */
export const isShortPath = (c: Connection): boolean => lentRest(c) < sendLimit(c) >> 1;

/** RFC 7323 §2.3: the shift that lets the window field say as much as the buffer may ever hold. */
export function shiftFor(bytes: number): number {
  let shift = 0;
  while (shift < WINDOW_SCALE_MAX && 0xffff << shift < bytes) shift++;
  return shift;
}
