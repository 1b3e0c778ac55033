// One segment, or a superpacket of many, built and handed to IP: payload first, then the header pushed leftwards.
// RFC 9293 §3.1, §3.10.7; RFC 7323 §2–3; RFC 2018 §3.

import { copyOf } from '../address.js';
import { pseudoSum } from '../checksum.js';
import { Flow } from '../ip/flow.js';
import { SUPERPACKET_TEXT } from '../link/device.js';
import type { IpHeader } from '../ip/header.js';
import type { Packet } from '../packet.js';
import { type AccurateEcn, paddedLength, synAckOption, writeSynAckOption } from './accurate-ecn.js';
import type { Connection } from './connection.js';
import { fillSackBlocks } from './dsack.js';
import { type FastOpen, fastOpenOptionLength, writeFastOpenOption } from './fast-open.js';
import { OPTIONS_MAX, optionsLength, sackBlocksMax, synOptionsLength, writeOptions, writeSynOptions } from './options.js';
import { noteAckSent, offerWindow } from './receiver.js';
import type { Segment } from './segment.js';
import * as Seq from './seq.js';
import type { Tcp } from './tcp.js';
import { USER_TIMEOUT_LENGTH, writeUserTimeout } from './user-timeout.js';
import * as Wire from './wire.js';

const scratchStarts = new Int32Array(4);
const scratchEnds = new Int32Array(4);

/** Payload bytes of a full segment now: SACK blocks and counters come and go, and `snd.smss` has only the constant options taken off. */
export function sendMss(c: Connection): number {
  const blocks = sackBlockCount(c);
  if (c.ecn.accurate !== null) return c.snd.smss - accurateLength(c, c.ecn.accurate, blocks);
  return blocks === 0 ? c.snd.smss : c.snd.smss - 4 - 8 * blocks;
}

/** Bytes of options beside timestamps, where there may be counters among them. */
function accurateLength(c: Connection, accurate: AccurateEcn, blocks: number): number {
  const option = accurate.optionToSend(counterSpace(c, blocks), true);
  return paddedLength(option) + optionsLength(false, Math.min(blocks, blocksBeside(c, option)));
}

/** Bytes that counters may take: two SACK blocks come before them, further ones behind. RFC 9768 §3.2.3.3. */
const counterSpace = (c: Connection, blocks: number): number => OPTIONS_MAX - optionsLength(c.ts.on, Math.min(blocks, 2));

/** SACK blocks that find room beside counters. */
const blocksBeside = (c: Connection, option: number): number =>
  option === 0 ? sackBlocksMax(c.ts.on) : (OPTIONS_MAX - optionsLength(c.ts.on, 0) - paddedLength(option) - 4) >> 3;

function sackBlockCount(c: Connection): number {
  return c.sackPermitted && c.assembler !== null ? Math.min(sackBlocksMax(c.ts.on), c.assembler.rangeCount) : 0;
}

/** The SYN, or SYN+ACK. RFC 9293 §3.10.1, §3.10.7.2. */
export function emitSyn(c: Connection, now: number): void {
  const answering = c.state !== 'SYN-SENT';
  const options = c.tcp.synOptions;
  options.mss = c.tcp.offeredMss(c.flow, c.settings.maxSegment);
  // An answer holds only what the SYN offered (RFC 7323 §1.3, RFC 2018 §2).
  options.windowScale = answering && !c.windowScaling ? -1 : c.rcv.shift;
  options.sackPermitted = !answering || c.sackPermitted;
  options.hasTimestamps = !answering || c.ts.on;
  options.tsVal = c.ts.val(now);
  options.tsEcr = answering ? c.ts.recent : 0;
  c.tcp.curb(options);
  // RFC 7413 §4.2.2: text and option are on the first SYN only, for something on the way may not like them.
  const fastOpen = c.synLosses === 0 ? c.fastOpen : null;
  const optionsEnd = 20 + synOptionsLength(options);
  const fastOpenEnd = optionsEnd + (fastOpen === null ? 0 : fastOpenOptionLength(fastOpen.cookie));
  // RFC 9768 §3.2.3.2: the first answer only, as in half-open.ts.
  const counters = answering && c.ecn.accurate !== null && c.synLosses === 0 ? synAckOption(20 + OPTIONS_MAX - fastOpenEnd) : 0;
  const countersEnd = fastOpenEnd + paddedLength(counters);
  const headerLength = countersEnd + userTimeoutRoom(c.userTimeout !== null, countersEnd);
  const text = fastOpen === null || answering ? 0 : synText(c, fastOpen, headerLength - 20);
  const packet = c.tcp.env.pool.take(text);
  if (text > 0) {
    c.sendQueue.copyTo(c.sendQueue.head, text, packet.bytes, packet.end);
    packet.end += text;
  }
  const at = packet.push(headerLength);
  writeSynOptions(packet.bytes, at + 20, options);
  if (fastOpen !== null) writeFastOpenOption(packet.bytes, at + optionsEnd, fastOpen.cookie);
  if (counters !== 0) writeSynAckOption(packet.bytes, at + fastOpenEnd, counters);
  if (headerLength > countersEnd) writeUserTimeout(packet.bytes, at + countersEnd, c.userTimeout!.advertisedMs);
  // RFC 7323 §2.2: the window of a SYN is never scaled.
  const window = Math.min(c.receiveBuffer, c.settings.windowClamp, 0xffff);
  c.rcv.offeredInSyn = window;
  c.rcv.edge = Seq.add(c.rcv.nxt, window);
  const flags = answering ? Wire.SYN | Wire.ACK | c.ecn.synAckFlags : Wire.SYN | c.ecn.synFlags(c.synLosses > c.tcp.options.ecnSynRetries);
  writeHeader(
    packet.bytes, at, c.localPort, c.remotePort, c.iss, answering ? c.rcv.nxt : Seq.seq(0), flags, window, headerLength,
  );
  if (answering) noteAckSent(c);
  c.lastSentAt = Math.floor(now);
  send(c.tcp, packet, c.flow, now);
}

/** RFC 5482 §3: bytes of the option, where it is wanted and finds room behind `headerLength`. */
export const userTimeoutRoom = (isWanted: boolean, headerLength: number): number =>
  isWanted && headerLength + USER_TIMEOUT_LENGTH <= 20 + OPTIONS_MAX ? USER_TIMEOUT_LENGTH : 0;

/** Bytes of text that go with the SYN: what was written before it left, up to a segment as the server takes them. RFC 7413 §4.2.2. */
function synText(c: Connection, fastOpen: FastOpen, optionBytes: number): number {
  if (fastOpen.cookie.length === 0) return 0;
  const mss = Math.min(fastOpen.mss > 0 ? fastOpen.mss : 536, c.tcp.offeredMss(c.flow, c.settings.maxSegment));
  fastOpen.text = Math.min(c.sendQueue.length, mss - optionBytes);
  c.bytesSent += fastOpen.text;
  return fastOpen.text;
}

/** `length` bytes of the send queue from `seq`, under `flags` and ACK; more than a `full` segment becomes a superpacket. */
export function emit(c: Connection, flags: number, seq: Seq.Seq, length: number, now: number, full = sendMss(c)): void {
  const { accurate } = c.ecn;
  // Text does not report duplicates: each segment of a superpacket would. Nor how the SYN+ACK came (RFC 9768 §3.2.2.1), nor
  // the user timeout, for which it has no room.
  if (length > 0 && (c.rcv.dsackOwed || accurate?.owesHandshakeAck || c.userTimeout?.isOwed)) emitAck(c, now);
  // What a device cannot gather is gathered here; what exceeds a packet, no other device is given.
  const packet = c.tcp.env.pool.take(Math.min(length, SUPERPACKET_TEXT));
  if (length > 0) {
    const from = c.offsetOf(seq);
    if (length > full) {
      // A superpacket's text is copied by the device, if it can.
      c.sendQueue.lendTo(from, length, packet);
      packet.segmentSize = full;
    } else {
      c.sendQueue.copyTo(from, length, packet.bytes, packet.end);
      packet.end += length;
    }
  }
  const isNewText = length > 0 && seq === c.snd.nxt;
  const option = accurate === null ? 0 : counters(c, accurate, flags, length === 0, isNewText);
  const blocks = fillSackBlocks(c, scratchStarts, scratchEnds, blocksBeside(c, option));
  flags |= Wire.ACK | ecnFlags(c, flags, isNewText, length === 0 && blocks === 0);
  const optionsEnd = 20 + optionsLength(c.ts.on, blocks);
  const countersEnd = optionsEnd + paddedLength(option);
  const isOwed = c.userTimeout !== null && c.userTimeout.isOwed && length === 0 && (flags & Wire.RST) === 0;
  const headerLength = countersEnd + userTimeoutRoom(isOwed, countersEnd);
  const at = packet.push(headerLength);
  writeOptions(packet.bytes, at + 20, c.ts.val(now), c.ts.recent, c.ts.on, scratchStarts, scratchEnds, blocks);
  accurate?.writeOption(packet.bytes, at + optionsEnd, option, isNewText);
  if (headerLength > countersEnd) {
    writeUserTimeout(packet.bytes, at + countersEnd, c.userTimeout!.advertisedMs);
    c.userTimeout!.isOwed = false;
  }
  const window = offerWindow(c);
  c.rcv.edge = Seq.add(c.rcv.nxt, window);
  writeHeader(
    packet.bytes, at, c.localPort, c.remotePort, seq, c.rcv.nxt, flags, window >>> c.rcv.shift, headerLength,
  );
  // RFC 9293 §3.8.5, MUST-62: the pointer leads behind the last urgent byte, as long as that lies ahead.
  const urgent = Seq.diff(c.snd.up, seq);
  if (urgent > 0 && Seq.gt(c.snd.up, c.snd.una)) {
    Wire.setFlags(packet.bytes, at, flags | Wire.URG);
    Wire.setUrgent(packet.bytes, at, Math.min(urgent, 0xffff));
  }
  noteAckSent(c);
  if (length > 0) c.lastSentAt = Math.floor(now);
  c.bytesSent += length;
  send(c.tcp, packet, c.flow, now);
}

/**
 * The option with accurate ECN's counters; 0: none. What is sent again has none: it may be for having one that it was lost
 * (RFC 9768 §3.2.3.2.2). Nor has a RST.
 */
function counters(c: Connection, accurate: AccurateEcn, flags: number, isBare: boolean, isNewText: boolean): number {
  if ((flags & Wire.RST) !== 0 || !(isBare || isNewText)) return 0;
  return accurate.optionToSend(counterSpace(c, sackBlockCount(c) + (c.rcv.dsackOwed ? 1 : 0)), isNewText);
}

/** ECN's flags, and its codepoint, of a segment that leaves now; where the SYNs agreed on it. */
function ecnFlags(c: Connection, flags: number, isNewText: boolean, isBare: boolean): number {
  if (c.ecn.mode === 'none') return 0;
  c.flow.trafficClass = (c.flow.trafficClass & 0xfc) | c.ecn.codepointToSend(isNewText);
  return (flags & Wire.RST) !== 0 ? 0 : c.ecn.flagsToSend(isNewText, isBare);
}

/** An ACK and nothing else. */
export function emitAck(c: Connection, now: number): void {
  emit(c, 0, acceptableSeq(c), 0, now);
}

/**
 * A sequence number that the peer will find acceptable: SND.NXT, and not beyond a window that shrank. With an older one it
 * would not even look at the ACK. Also BSD and Linux.
 */
function acceptableSeq(c: Connection): Seq.Seq {
  const edge = Seq.add(c.snd.una, c.snd.wnd);
  // Less than one unit of the field is its rounding, and no shrinking.
  return Seq.diff(c.snd.nxt, edge) >= 1 << c.snd.shift ? edge : c.snd.nxt;
}

/** The RST of an abort, where the peer expects it. RFC 9293 §3.10.5; with timestamps, RFC 7323 §3.2. */
export function emitReset(c: Connection): void {
  c.assembler = null;
  c.rcv.dsackOwed = false;
  emit(c, Wire.RST, acceptableSeq(c), 0, c.tcp.env.now());
}

/** The RST for a segment that belongs to nobody. RFC 9293 §3.10.7.1. */
export function answerWithReset(tcp: Tcp, seg: Segment, header: IpHeader, now: number): void {
  if ((seg.flags & Wire.RST) !== 0) return;
  const flow = new Flow(copyOf(header.dst), copyOf(header.src), 6);
  if ((seg.flags & Wire.ACK) !== 0) {
    emitBare(tcp, flow, seg.dstPort, seg.srcPort, Wire.RST, seg.ack, Seq.seq(0), now);
  } else {
    emitBare(tcp, flow, seg.dstPort, seg.srcPort, Wire.RST | Wire.ACK, Seq.seq(0), Seq.add(seg.seq, seg.length), now);
  }
}

/** An ACK from a connection that is only a row any more: RFC 9293 §3.10.7.4, TIME-WAIT. */
export function emitFromTimeWait(tcp: Tcp, row: number, now: number): void {
  const t = tcp.timeWait;
  const packet = tcp.env.pool.take(0);
  const headerLength = 20 + optionsLength(t.hasTimestamps(row), 0);
  const at = packet.push(headerLength);
  const tsVal = (Math.floor(now) + t.tsOffset(row)) >>> 0;
  writeOptions(packet.bytes, at + 20, tsVal, t.tsRecent(row), t.hasTimestamps(row), scratchStarts, scratchEnds, 0);
  writeHeader(
    packet.bytes, at, t.localPort(row), t.remotePort(row), t.sndNxt(row), t.rcvNxt(row), Wire.ACK, t.windowField(row),
    headerLength,
  );
  send(tcp, packet, new Flow(t.localAddress(row), t.remoteAddress(row), 6), now);
}

/** A header and nothing else. */
export function emitBare(
  tcp: Tcp, flow: Flow, srcPort: number, dstPort: number, flags: number, seq: Seq.Seq, ack: Seq.Seq, now: number,
): void {
  const packet = tcp.env.pool.take(0);
  const at = packet.push(20);
  writeHeader(packet.bytes, at, srcPort, dstPort, seq, ack, flags, 0, 20);
  send(tcp, packet, flow, now);
}

/** The fixed twenty bytes but the checksum; every field is written, for the memory held another packet. */
export function writeHeader(
  b: Uint8Array, at: number, srcPort: number, dstPort: number, seq: Seq.Seq, ack: Seq.Seq,
  flags: number, windowField: number, headerLength: number,
): void {
  Wire.setSrcPort(b, at, srcPort);
  Wire.setDstPort(b, at, dstPort);
  Wire.setSeq(b, at, seq);
  Wire.setAck(b, at, ack);
  Wire.setHeaderLength(b, at, headerLength);
  Wire.setFlags(b, at, flags);
  Wire.setWindow(b, at, windowField);
  Wire.setUrgent(b, at, 0);
}

/** The checksum is left to whoever knows whether a wire comes next: the field holds the pseudo-header's sum. */
export function send(tcp: Tcp, packet: Packet, flow: Flow, now: number): void {
  const at = packet.start;
  packet.transport = at;
  packet.checksum = 'partial';
  packet.checksumStart = at;
  packet.checksumField = at + 16;
  Wire.setChecksum(packet.bytes, at, pseudoSum(flow.src, flow.dst, 6, packet.length));
  // A failure here is a loss like any other: the retransmission timer is armed.
  tcp.ip.send(packet, flow, now);
}
