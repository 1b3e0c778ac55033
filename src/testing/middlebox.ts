// What stands in the middle of real paths and touches TCP: it cuts segments in two and joins those that follow each other,
// makes windows smaller than their receiver offered (RFC 9293 SHLD-15), and takes options out of SYNs (RFC 6919 §3's kind).
// What is damaged it passes as it is: to sum it anew would hide the damage.

import { i32, setU16, setU32, u16 } from '../bytes.js';
import { finish, sumBytes } from '../checksum.js';
import { type Packet, PacketPool } from '../packet.js';
import type { Random } from '../random.js';
import { ACK, FIN, PSH, SYN } from '../tcp/wire.js';
import type { Middlebox } from './link.js';

/** Chances are 0 .. 1, for each segment anew; default 0. */
export interface TcpMiddleboxOptions {
  /** That a segment's text is cut in two. */
  readonly split?: number;
  /** That a segment waits for the next, and is joined with it if it is next in the stream, too. */
  readonly merge?: number;
  /** How long it waits, ms. Default 1. */
  readonly holdMs?: number;
  /** That the window field becomes a random part of what it was, none included. SYNs keep theirs. */
  readonly shrink?: number;
  /** Kinds of options that SYNs arrive without. */
  readonly strip?: readonly number[];
}

export class TcpMiddlebox implements Middlebox {
  readonly pool = new PacketPool();
  private held: Packet | null = null;
  private deliver: (packet: Packet) => void = release;

  /** @param after  calls a function so many ms later */
  constructor(
    private readonly options: TcpMiddleboxOptions, private readonly random: Random,
    private readonly after: (ms: number, run: () => void) => void,
  ) {}

  pass(packet: Packet, deliver: (packet: Packet) => void): void {
    this.deliver = deliver;
    const { options } = this;
    if (!isSoundTcp(packet)) {
      this.flush();
      deliver(packet);
      return;
    }
    this.mangle(packet);
    if (!isPlainText(packet)) {
      this.flush();
      deliver(packet);
      return;
    }
    if (this.held !== null && follows(this.held, packet)) {
      this.join(this.held, packet);
      return;
    }
    this.flush();
    if (textLength(packet) > 1 && this.chance(options.split)) this.cut(packet);
    else if (this.chance(options.merge)) this.hold(packet);
    else deliver(packet);
  }

  private chance(p = 0): boolean {
    return p > 0 && this.random.u32() < p * 0x1_0000_0000;
  }

  private mangle(packet: Packet): void {
    const b = packet.bytes;
    const at = transportOf(packet);
    if ((b[at + 13]! & SYN) !== 0) {
      for (const kind of this.options.strip ?? []) strip(b, at, kind);
    } else if (this.chance(this.options.shrink)) {
      setU16(b, at + 14, this.random.below(u16(b, at + 14) + 1));
    }
    sum(packet);
  }

  private hold(packet: Packet): void {
    this.held = packet;
    this.after(this.options.holdMs ?? 1, () => {
      if (this.held === packet) this.flush();
    });
  }

  private flush(): void {
    const { held } = this;
    this.held = null;
    if (held !== null) this.deliver(held);
  }

  /** Two in one: the first one's number, the second one's acknowledgement, window and flags. */
  private join(first: Packet, second: Packet): void {
    this.held = null;
    const text = textLength(first);
    const joined = this.pool.take(first.length + textLength(second));
    const headers = textOf(second) - second.start;
    joined.bytes.set(second.bytes.subarray(second.start, second.start + headers), joined.start);
    joined.bytes.set(first.bytes.subarray(textOf(first), first.end), joined.start + headers);
    joined.bytes.set(second.bytes.subarray(textOf(second), second.end), joined.start + headers + text);
    joined.end = joined.start + first.length + textLength(second);
    setU32(joined.bytes, transportOf(joined) + 4, i32(first.bytes, transportOf(first) + 4));
    first.release();
    second.release();
    setLength(joined);
    this.deliver(joined);
  }

  /** FIN and PSH speak of the end of the text: the second piece has them. */
  private cut(packet: Packet): void {
    const length = 1 + this.random.below(textLength(packet) - 1);
    const headers = textOf(packet) - packet.start;
    const first = this.pool.take(headers + length);
    first.bytes.set(packet.bytes.subarray(packet.start, packet.start + headers + length), first.start);
    first.end = first.start + headers + length;
    first.bytes[transportOf(first) + 13]! &= ~(FIN | PSH);
    setLength(first);
    const seq = transportOf(packet) + 4;
    setU32(packet.bytes, seq, (i32(packet.bytes, seq) + length) | 0);
    packet.bytes.copyWithin(textOf(packet), textOf(packet) + length, packet.end);
    packet.end -= length;
    setLength(packet);
    this.deliver(first);
    this.deliver(packet);
  }
}

const release = (packet: Packet): void => packet.release();

const isV4 = (packet: Packet): boolean => packet.bytes[packet.start]! >>> 4 === 4;
/** IP headers are as our stacks write them: without options or extensions. */
const transportOf = (packet: Packet): number => packet.start + (isV4(packet) ? 20 : 40);
const textOf = (packet: Packet): number => transportOf(packet) + (packet.bytes[transportOf(packet) + 12]! >>> 4) * 4;
const textLength = (packet: Packet): number => packet.end - textOf(packet);

/** A whole TCP segment in one packet, with sums that are right. */
function isSoundTcp(packet: Packet): boolean {
  const { bytes: b, start: at, end } = packet;
  if (packet.segmentSize > 0 || packet.checksum !== 'whole') return false;
  if (isV4(packet)) {
    const isWhole = b[at] === 0x45 && u16(b, at + 2) === end - at && (u16(b, at + 6) & 0x3fff) === 0 && b[at + 9] === 6;
    if (!isWhole || sumBytes(b, at, at + 20) !== 0xffff) return false;
  } else if (b[at]! >>> 4 !== 6 || b[at + 6] !== 6 || u16(b, at + 4) !== end - at - 40) {
    return false;
  }
  return end - transportOf(packet) >= 20 && textLength(packet) >= 0 && textOf(packet) - transportOf(packet) >= 20 && sumOf(packet) === 0xffff;
}

/** Nothing but text, ACK, PSH and FIN. */
function isPlainText(packet: Packet): boolean {
  const flags = packet.bytes[transportOf(packet) + 13]!;
  return textLength(packet) > 0 && (flags & ~(ACK | PSH | FIN)) === 0;
}

/** Of the same connection, next in the stream, with the same options. */
function follows(first: Packet, second: Packet): boolean {
  const [a, b] = [transportOf(first), transportOf(second)];
  const isNext = i32(second.bytes, b + 4) === ((i32(first.bytes, a + 4) + textLength(first)) | 0);
  if (!isNext || (first.bytes[a + 13]! & FIN) !== 0 || textOf(first) - a !== textOf(second) - b) return false;
  if (first.length + textLength(second) > 65_000 || i32(first.bytes, a) !== i32(second.bytes, b)) return false;
  for (let i = 20; i < textOf(first) - a; i++) if (first.bytes[a + i] !== second.bytes[b + i]) return false;
  return true;
}

/** RFC 9293 §3.2: the option's bytes become NOPs, and everything else stays where it is. */
function strip(b: Uint8Array, at: number, kind: number): void {
  const end = at + (b[at + 12]! >>> 4) * 4;
  for (let i = at + 20; i < end && b[i] !== 0;) {
    const length = b[i] === 1 ? 1 : Math.max(2, b[i + 1]!);
    if (b[i] === kind) b.fill(1, i, Math.min(end, i + length));
    i += length;
  }
}

function setLength(packet: Packet): void {
  const { bytes: b, start: at, end } = packet;
  if (isV4(packet)) {
    setU16(b, at + 2, end - at);
    setU16(b, at + 10, 0);
    setU16(b, at + 10, finish(sumBytes(b, at, at + 20)));
  } else {
    setU16(b, at + 4, end - at - 40);
  }
  sum(packet);
}

function sum(packet: Packet): void {
  const field = transportOf(packet) + 16;
  setU16(packet.bytes, field, 0);
  setU16(packet.bytes, field, finish(sumOf(packet)));
}

function sumOf(packet: Packet): number {
  const { bytes: b, start, end } = packet;
  const at = transportOf(packet);
  return sumBytes(b, at, end, sumBytes(b, isV4(packet) ? start + 12 : start + 8, at, 6 + end - at));
}
