// IPv6 extension headers: the walk from the fixed header to the transport's. RFC 8200 §4; limits by RFC 8504
// §5.3.
//
// Every header is longer than nothing, must lie inside the packet, and is read once, here. Nothing is
// written.

import type { DropReason } from '../counters.js';
import * as Wire from './wire.js';

/** Where a walk stands. One record, refilled for each packet. */
export class Chain {
  /** What is at `at`: in the end the transport, or a Fragment header, or something unknown. */
  protocol = 0;
  at = 0;
  /** Offset of the field that named it. */
  field = 0;
  /** A Fragment header was passed. */
  fragmented = false;
  /** With a drop that RFC 8200 wants answered: the code of the parameter problem; else -1. */
  code = -1;
  /** Offset in the buffer that the answer points to. */
  pointer = 0;
  /** An option that says 11: no answer if the packet was for a group (RFC 8200 §4.2). */
  unlessMulticast = false;
  private headers = 0;
  private bytes = 0;
  private first = true;

  begin(protocol: number, at: number, field: number): void {
    this.protocol = protocol;
    this.at = at;
    this.field = field;
    this.fragmented = false;
    this.code = -1;
    this.pointer = 0;
    this.unlessMulticast = false;
    this.headers = 0;
    this.bytes = 0;
    this.first = true;
  }

  /**
   * Walk on until a transport, a Fragment header, or whatever we do not know. Null, or why the packet is
   * dropped.
   */
  walk(b: Uint8Array, end: number): DropReason | null {
    for (;;) {
      const { protocol } = this;
      // RFC 8200 §4.1: hop-by-hop only right behind the fixed header; elsewhere it counts as unrecognised.
      if (protocol === Wire.HOP_BY_HOP && !this.first) {
        return this.answer(1, this.field, 'ip6-misplaced-hop-by-hop');
      }
      // RFC 8200 §4.7.
      if (protocol === Wire.NO_NEXT_HEADER) return 'ip6-no-next-header';
      if (protocol === Wire.FRAGMENT) {
        if (this.fragmented) return 'fragment-nested';
        if (end - this.at < 8) return 'ip6-bad-extension';
        return ++this.headers > HEADERS_MAX ? 'ip6-too-many-extensions' : null;
      }
      if (!isWalked(protocol)) return null;
      const verdict = this.step(b, end);
      if (verdict !== null) return verdict;
    }
  }

  /** Pass the Fragment header that the walk stands at: what follows is whole, at `at` of some buffer. */
  passFragment(protocol: number, at: number, field: number): void {
    this.protocol = protocol;
    this.at = at;
    this.field = field;
    this.fragmented = true;
    this.first = false;
  }

  /** One header of options or routing. */
  private step(b: Uint8Array, end: number): DropReason | null {
    const { protocol, at } = this;
    if (end - at < 8) return 'ip6-bad-extension';
    const length = Wire.extensionLength(b, at);
    if (length > end - at) return 'ip6-bad-extension';
    this.bytes += length;
    if (++this.headers > HEADERS_MAX || this.bytes > BYTES_MAX) return 'ip6-too-many-extensions';
    const verdict = protocol === Wire.ROUTING ? this.routing(b) : this.options(b, at + 2, at + length);
    if (verdict !== null) return verdict;
    this.protocol = Wire.nextHeader(b, at);
    this.field = at;
    this.at = at + length;
    this.first = false;
    return null;
  }

  private routing(b: Uint8Array): DropReason | null {
    // RFC 8200 §4.4: no type is known here, so with no segments left it is passed, else answered. RFC 5095
    // §3: type 0 is a type like any other.
    return Wire.segmentsLeft(b, this.at) === 0 ? null : this.answer(0, this.at + 2, 'ip6-routing-header');
  }

  /** The options in `b[at .. end)`. RFC 8200 §4.2. */
  private options(b: Uint8Array, from: number, end: number): DropReason | null {
    let count = 0;
    let padding = 0;
    for (let at = from; at < end;) {
      const type = b[at]!;
      if (type === PAD1) {
        at++;
        // Alignment asks for at most seven bytes. RFC 8504 §5.3.
        if (++padding > PADDING_MAX) return 'ip6-bad-extension';
        continue;
      }
      if (end - at < 2) return 'ip6-bad-extension';
      const next = at + 2 + b[at + 1]!;
      if (next > end) return 'ip6-bad-extension';
      if (type === PADN) {
        padding += next - at;
        if (padding > PADDING_MAX) return 'ip6-bad-extension';
        // RFC 4942 §2.1.9.5: padding that is not zero is a covert channel.
        for (let i = at + 2; i < next; i++) if (b[i] !== 0) return 'ip6-bad-extension';
      } else {
        padding = 0;
        if (++count > OPTIONS_MAX) return 'ip6-too-many-extensions';
        const verdict = type === ROUTER_ALERT ? null : this.unknownOption(type, at);
        if (verdict !== null) return verdict;
      }
      at = next;
    }
    return null;
  }

  /** RFC 8200 §4.2: the two highest bits say what becomes of a packet with an option that nobody knows. */
  private unknownOption(type: number, at: number): DropReason | null {
    switch (type >>> 6) {
      case 0: return null;
      case 1: return 'ip6-unknown-option';
      case 2: return this.answer(2, at, 'ip6-unknown-option');
      default:
        this.unlessMulticast = true;
        return this.answer(2, at, 'ip6-unknown-option');
    }
  }

  private answer(code: number, pointer: number, reason: DropReason): DropReason {
    this.code = code;
    this.pointer = pointer;
    return reason;
  }
}

/**
 * Does the packet whose header `protocol` is at `at` hold all headers up to and with the transport's? RFC
 * 7112 §5 asks it of a first fragment. Only lengths are read: the headers' turn comes when the packet is
 * whole.
 */
export function hasWholeChain(b: Uint8Array, start: number, end: number, first: number): boolean {
  let at = start;
  let protocol = first;
  for (let headers = 0; isWalked(protocol) || protocol === Wire.FRAGMENT; headers++) {
    if (headers > HEADERS_MAX || end - at < 8) return false;
    const length = protocol === Wire.FRAGMENT ? 8 : Wire.extensionLength(b, at);
    if (length > end - at) return false;
    protocol = Wire.nextHeader(b, at);
    at += length;
  }
  return end - at >= leastTransportHeader(protocol);
}

/**
 * Bytes that a first fragment must show of its transport's header: RFC 7112 §3; RFC 1858 §3 and RFC 3128 for
 * IPv4.
 */
export function leastTransportHeader(protocol: number): number {
  switch (protocol) {
    case 1: case 17: case 58: return 8;
    case 6: return 20;
    case 132: return 12;
    default: return 0;
  }
}

/** The headers that are walked. AH and ESP we do not speak; to us they are transports nobody registered. */
const isWalked = (protocol: number): boolean =>
  protocol === Wire.HOP_BY_HOP || protocol === Wire.ROUTING || protocol === Wire.DESTINATION_OPTIONS;

/** RFC 8200 §4.1 has an order with seven headers in it; nobody sends all. */
const HEADERS_MAX = 8;
/** All of them together; the longest single one is as long. */
const BYTES_MAX = 2048;
/**
 * RFC 8504 §5.3: options in one header that are not padding. Also Linux: max_dst_opts_number,
 * max_hbh_opts_number.
 */
const OPTIONS_MAX = 8;
/** RFC 8504 §5.3, in a row. Also Linux. */
const PADDING_MAX = 7;

const PAD1 = 0;
const PADN = 1;
/** RFC 2711. It is for routers; to know it is to pass it. */
const ROUTER_ALERT = 5;
