// Text into the window, when to acknowledge it, and how much more to offer. RFC 9293 §3.8.6, §3.10.7.4 (seventh);
// RFC 5681 §4.2; RFC 2018 §3.

import type { Packet } from '../packet.js';
import { NEVER } from '../time.js';
import { receiveRoom, tuneArrival } from './buffers.js';
import { type Connection, END, READABLE } from './connection.js';
import { noteKeptText, noteOldText } from './dsack.js';
import type { Segment } from './segment.js';
import * as Seq from './seq.js';

/** RFC 9293 MUST-40 allows 500 ms; this is Linux's least, and what RFC 5681's peers' timers are tuned to. */
const DELAYED_ACK_MS = 40;

/** Text that fills at least half of a superpacket's memory is handed over with it: a copy of 64 KB is what costs most. */
const DETACH_MIN = 32_768;

/** The window to offer now, bytes: what room there is, and never less than was offered (SHLD-14). */
export function offerWindow(c: Connection): number {
  const { shift } = c.rcv;
  const room = receiveRoom(c);
  const offered = c.rcvWnd;
  // Rounded down to what the scaled field can say.
  if (room - offered >= windowStep(c)) return Math.max(offered, (room >> shift) << shift);
  // What was offered stays so, though the field would round it down (RFC 7323 §2.4): up, if there is room.
  const rounded = -(-offered >> shift) << shift;
  return rounded <= room ? rounded : offered;
}

/** The edge moves by steps worth telling: RFC 9293 §3.8.6.2.2 (MUST-39), Fr × RCV.BUFF with Fr = 1/2, or a segment. */
function windowStep(c: Connection): number {
  return Math.min(c.receiveBuffer >> 1, c.rcv.rmss);
}

/**
 * Has reading made room that the peer should hear of without being asked? A quarter of the buffer, so that a reader does
 * not draw an ACK per piece; or any step when the window was nearly shut.
 */
export function mayAdvertise(c: Connection): boolean {
  const gain = receiveRoom(c) - c.rcvWnd;
  if (gain < windowStep(c)) return false;
  return gain >= c.receiveBuffer >> 2 || c.rcvWnd < 2 * c.rcv.rmss;
}

/** The seventh check of segment arrival: take what fits, in order or not. Trims both ends to the window. */
export function acceptText(c: Connection, seg: Segment, packet: Packet, now: number): void {
  const skip = Math.max(0, Seq.diff(c.rcv.nxt, seg.seq));
  const at = seg.payloadStart + skip;
  const ahead = Seq.diff(seg.seq, c.rcv.nxt) + skip;
  // Nothing stands behind the peer's FIN.
  const edge = c.rcv.finSeen ? Seq.min(c.rcv.edge, c.rcv.finAt) : c.rcv.edge;
  const room = Seq.diff(edge, c.rcv.nxt) - ahead;
  const length = Math.min(seg.end - at, room);
  if (skip > 0) noteOldText(c, seg, now);
  else if (length > 0) noteKeptText(c, c.bytesReceived + ahead, c.bytesReceived + ahead + length, now);
  if (length < seg.payloadLength) {
    // Part of it was old or beyond the window: the peer should hear where we are.
    c.ackOwed = true;
    if (length <= 0) {
      c.tcp.env.counters.drop(room <= 0 ? 'tcp-window-closed' : 'tcp-duplicate');
      c.ackNow = true;
      return;
    }
  }
  if (ahead > 0) {
    // RFC 5681 §4.2, RFC 9293 MAY-13: out of order draws an ACK at once. SHLD-31: it is kept.
    c.ackNow = true;
    c.ts.onReordered(c.bytesReceived);
    if (c.tcp.memory.isTight) {
      // RFC 2018 §8: what was only SACKed may be forgotten. It goes before anything that was acknowledged could be missed.
      c.tcp.env.counters.drop('tcp-memory');
      c.assembler = null;
    } else if (!c.assemble().insert(c.bytesReceived + ahead, packet.bytes, at, at + length)) {
      c.tcp.env.counters.drop('tcp-out-of-order-limit');
    }
    return;
  }
  const whole = length >= DETACH_MIN ? packet.detach(at, at + length) : null;
  const queue = c.ownReceiveQueue();
  if (whole !== null) queue.appendOwned(whole);
  else queue.append(packet.bytes, at, at + length);
  advance(c, length);
  tuneArrival(c, seg, now);
  if (c.assembler !== null) drainAssembler(c);
  c.ackOwed = true;
  // A superpacket stands for segments of `segmentSize`: that is what the peer's full segment is.
  const segment = packet.segmentSize > 0 ? packet.segmentSize : length;
  if (segment > c.rcv.rmss) c.rcv.rmss = Math.min(segment, c.tcp.rmssMax);
  if (c.timers.delayedAckAt === NEVER) c.timers.delayedAckAt = now + DELAYED_ACK_MS;
  c.tell(READABLE);
}

function advance(c: Connection, length: number): void {
  c.rcv.nxt = Seq.add(c.rcv.nxt, length);
  c.bytesReceived += length;
}

/** The gap is filled: what waited behind it is text now. */
function drainAssembler(c: Connection): void {
  // RFC 5681 §4.2: a segment that fills a gap, even in part, draws an ACK at once.
  c.ackNow = true;
  const assembler = c.assembler!;
  for (let piece = assembler.take(c.bytesReceived); piece !== null; piece = assembler.take(c.bytesReceived)) {
    c.receiveQueue.appendOwned(piece);
    advance(c, piece.length);
  }
  if (assembler.rangeCount === 0) c.assembler = null;
}

/** Is an ACK due at the end of this batch? RFC 5681 §4.2, RFC 9293 SHLD-19: at the latest for every second full segment. */
export function ackIsDue(c: Connection): boolean {
  if (c.ackNow) return true;
  return c.ackOwed && (c.settings.quickAck || Seq.diff(c.rcv.nxt, c.rcv.lastAckSent) >= 2 * c.rcv.rmss);
}

/** Whatever left just now carried RCV.NXT. */
export function noteAckSent(c: Connection): void {
  c.rcv.lastAckSent = c.rcv.nxt;
  c.ackOwed = false;
  c.ackNow = false;
  c.timers.delayedAckAt = NEVER;
}

/** RFC 9293 §3.10.7.4, eighth: the FIN counts once all before it is here. True: it was consumed just now. */
export function consumeFin(c: Connection): boolean {
  if (!c.rcv.finSeen || c.rcv.nxt !== c.rcv.finAt) return false;
  c.rcv.nxt = Seq.add(c.rcv.nxt, 1);
  // The window shrank by the FIN's own number; the edge stays.
  c.rcv.edge = Seq.max(c.rcv.edge, c.rcv.nxt);
  c.assembler = null;
  c.ackNow = true;
  c.tell(END);
  return true;
}
