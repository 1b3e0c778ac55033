// Datagrams that wait for the application: each a piece of memory that will be the application's, with what the headers
// said about it in a table of numbers beside it. RFC 1122 §4.1.3.5, RFC 8085 §5.

import { type Address, cell, refill16, write16 } from '../address.js';
import { assert } from '../assert.js';
import { setU16, setU32, u16, u32 } from '../bytes.js';
import type { IpHeader } from '../ip/header.js';

/** A datagram as the application receives it. One may be refilled, over and over; then its addresses are refilled too. */
export class Datagram {
  /** The payload. Nobody else keeps or touches it. */
  data: Uint8Array = NOTHING;
  /** Whose it is, and who wants an answer, if the port is not 0. */
  readonly address: Address = cell();
  port = 0;
  /** To which address it was sent: ours, a group's, or a broadcast. RFC 1122 §4.1.3.5. */
  readonly localAddress: Address = cell();
  /** TTL in IPv4, as it arrived. */
  hopLimit = 0;
  /** DSCP and ECN, 8 bits. */
  trafficClass = 0;
  /** Where it came in: `Interface.index`. */
  interfaceIndex = 0;
}

/**
 * A ring. Invariant: `bytes` is the sum, over what waits, of payload length and `OVERHEAD`; and `bytes <= max`, unless a
 * single datagram, larger than that, waits alone.
 */
export class DatagramQueue {
  /** Datagrams that wait. */
  length = 0;
  /** What they cost. */
  bytes = 0;
  private payloads: Uint8Array[] = [];
  /** `RECORD` bytes for each slot of `payloads`. */
  private records = NOTHING;
  private head = 0;

  /** @param max  bytes, `OVERHEAD` included */
  constructor(public max: number) {}

  /**
   * Append a copy of the payload `b[at .. end)`.
   *
   * @returns false: it is full, and the datagram is for the caller to count (SEC-47)
   */
  push(b: Uint8Array, at: number, end: number, port: number, header: IpHeader): boolean {
    const cost = end - at + OVERHEAD;
    // Also Linux: an empty queue takes any datagram, so that a small cap slows an application down and does not starve it.
    if (this.length > 0 && this.bytes + cost > this.max) return false;
    if (this.length === this.payloads.length) this.grow();
    const slot = (this.head + this.length) & (this.payloads.length - 1);
    this.payloads[slot] = b.slice(at, end);
    const r = this.records;
    const record = slot * RECORD;
    write16(r, record, header.src);
    write16(r, record + 16, header.dst);
    setU16(r, record + 32, header.src.zone);
    setU16(r, record + 34, header.dst.zone);
    setU32(r, record + 36, header.interface === null ? 0 : header.interface.index);
    setU16(r, record + 40, port);
    r[record + 42] = header.hopLimit;
    r[record + 43] = header.trafficClass;
    this.length++;
    this.bytes += cost;
    return true;
  }

  /** The oldest, into `into`. @returns false: none waits, and `into` is as it was */
  shift(into: Datagram): boolean {
    if (this.length === 0) return false;
    const r = this.records;
    const record = this.head * RECORD;
    into.data = this.payloads[this.head]!;
    refill16(into.address, r, record, u16(r, record + 32));
    refill16(into.localAddress, r, record + 16, u16(r, record + 34));
    into.interfaceIndex = u32(r, record + 36);
    into.port = u16(r, record + 40);
    into.hopLimit = r[record + 42]!;
    into.trafficClass = r[record + 43]!;
    this.payloads[this.head] = NOTHING;
    this.head = (this.head + 1) & (this.payloads.length - 1);
    this.length--;
    this.bytes -= into.data.length + OVERHEAD;
    // Whoever has had a burst does not pay for it ever after.
    if (this.length === 0 && this.payloads.length > SLOTS_KEPT) this.clear();
    return true;
  }

  /** The length of the oldest's payload, bytes; -1: none waits. */
  firstLength(): number {
    return this.length === 0 ? -1 : this.payloads[this.head]!.length;
  }

  clear(): void {
    this.length = 0;
    this.bytes = 0;
    this.payloads = [];
    this.records = NOTHING;
    this.head = 0;
  }

  private grow(): void {
    const before = this.payloads.length;
    const slots = before === 0 ? SLOTS_MIN : before * 2;
    const payloads = new Array<Uint8Array>(slots).fill(NOTHING);
    const records = new Uint8Array(slots * RECORD);
    // The ring is full: what stands before the head is the younger part.
    for (let i = 0; i < before; i++) payloads[i] = this.payloads[(this.head + i) & (before - 1)]!;
    records.set(this.records.subarray(this.head * RECORD));
    records.set(this.records.subarray(0, this.head * RECORD), (before - this.head) * RECORD);
    this.payloads = payloads;
    this.records = records;
    this.head = 0;
  }

  /** For tests: what it says of itself is true. */
  check(): void {
    const slots = this.payloads.length;
    assert((slots & (slots - 1)) === 0 && this.records.length === slots * RECORD, 'datagram-queue: a power of two of slots');
    assert(this.length <= slots && this.head < Math.max(slots, 1), 'datagram-queue: all that wait have a slot');
    let bytes = 0;
    for (let i = 0; i < slots; i++) {
      const payload = this.payloads[(this.head + i) & (slots - 1)]!;
      if (i < this.length) bytes += payload.length + OVERHEAD;
      else assert(payload === NOTHING, 'datagram-queue: what was handed over is forgotten');
    }
    assert(bytes === this.bytes, 'datagram-queue: bytes is a sum');
    assert(this.length <= 1 || bytes <= this.max, 'datagram-queue: within its limit');
  }
}

const NOTHING = new Uint8Array(0);

/** What a datagram costs beside its payload, so that empty ones fill a queue too: V8's array and buffer, and the record. */
export const OVERHEAD = 256;

const SLOTS_MIN = 8;
/** An empty queue keeps no more. */
const SLOTS_KEPT = 64;

/** 0 address, 16 local address, 32 their zones, 36 interface index, 40 port, 42 hop limit, 43 traffic class. */
const RECORD = 44;
