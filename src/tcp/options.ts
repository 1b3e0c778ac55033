// TCP options: read once into a reused record, written in place. RFC 9293 §3.2; RFC 7323 §2.2 and §3.2
// (window scale, timestamps); RFC 2018 §2 and §3 (SACK); RFC 7413 §4.1.1 (fast open: written in fast-open.ts).
//
//   kind 0            end of the list             kind 4, 2           SACK permitted          (SYN only)
//   kind 1            no operation                kind 5, 8n + 2      SACK: n pairs of edges
//   kind 2, 4         maximum segment size (SYN)  kind 8, 10          timestamps: TSval, TSecr
//   kind 3, 3         window scale (SYN)          kind 34, 2 .. 18    fast open cookie        (SYN only)
//   kind 28, 4        user timeout: written in user-timeout.ts (RFC 5482 §3.3)
//   kind 172 and 174  accurate ECN's counters: written in accurate-ecn.ts (RFC 9768 §3.2.3)
//
// An illegal length (0, 1, past the end, or not its kind's) condemns the whole list, and with it the segment.
// RFC 9293 MUST-7 wants us prepared for it and suggests a reset; a reset would let a blind attacker close
// connections, so the segment is dropped instead. What a sender could not spell, we do not guess.

import { assert } from '../assert.js';
import { i32, setU16, setU32, u16 } from '../bytes.js';
import { USER_TIMEOUT_LENGTH, userTimeoutMs } from './user-timeout.js';

const END = 0;
const NOP = 1;
const MSS = 2;
const WINDOW_SCALE = 3;
const SACK_PERMITTED = 4;
const SACK = 5;
const TIMESTAMPS = 8;
const USER_TIMEOUT = 28;
const FAST_OPEN = 34;
const ACC_ECN_0 = 172;
const ACC_ECN_1 = 174;

/** Four bytes of offset leave 40 for options. RFC 9293 §3.1. */
export const OPTIONS_MAX = 40;
/** Forty bytes hold four pairs of edges. RFC 2018 §3. */
export const SACK_BLOCKS_MAX = 4;
/** RFC 7323 §2.3: a larger shift is taken as 14. */
export const WINDOW_SCALE_MAX = 14;

/** What the options of one segment say. One record per `Segment`, refilled; nobody stores it. */
export class TcpOptions {
  /** Bytes, as told; 0: absent (or nonsense, which is the same to us). */
  mss = 0;
  /** 0 .. 14; -1: absent. */
  windowScale = -1;
  sackPermitted = false;
  hasTimestamps = false;
  /** int32, as sequence numbers: compared only by `tsBefore`. */
  tsVal = 0;
  tsEcr = 0;
  sackCount = 0;
  /**
   * The edges of block i < sackCount: `sackEnd` is the first number after the block. Sequence numbers,
   * unverified.
   */
  readonly sackStart = new Int32Array(SACK_BLOCKS_MAX);
  readonly sackEnd = new Int32Array(SACK_BLOCKS_MAX);
  /** A fast open cookie, or the request for one: length 0. RFC 7413. */
  hasFastOpen = false;
  fastOpenAt = 0;
  fastOpenLength = 0;
  /** RFC 5482, ms; 0: absent, or reserved. */
  userTimeoutMs = 0;
  /** Accurate ECN's counters, the low 24 bits of each; -1: the option does not hold it. RFC 9768 §3.2.3. */
  hasAccEcn = false;
  ee0b = -1;
  eceb = -1;
  ee1b = -1;

  clear(): void {
    this.mss = 0;
    this.windowScale = -1;
    this.sackPermitted = false;
    this.hasTimestamps = false;
    this.tsVal = 0;
    this.tsEcr = 0;
    this.sackCount = 0;
    this.hasFastOpen = false;
    this.fastOpenAt = 0;
    this.fastOpenLength = 0;
    this.userTimeoutMs = 0;
    this.hasAccEcn = false;
  }

  /** RFC 7323 §2.2, RFC 2018 §2, RFC 9293 §3.7.1: these are said in SYNs, and elsewhere not heard. */
  clearSynOnly(): void {
    this.mss = 0;
    this.windowScale = -1;
    this.sackPermitted = false;
    this.hasFastOpen = false;
  }
}

/** Timestamps are circular too. RFC 7323 §5.2: s < t when 0 < t - s < 2^31. */
export const tsBefore = (a: number, b: number): boolean => ((a - b) | 0) < 0;

/**
 * Read the options in `b[at .. end)`. False: malformed, and `into` holds nothing of worth.
 * Unknown kinds are skipped by their length (RFC 9293 MUST-6); what follows kind 0 is not looked at. Options are read in any
 * segment (MUST-5) and at any byte (MUST-64); those that all must know are END, NOP and MSS (MUST-4).
 */
export function parseOptions(b: Uint8Array, at: number, end: number, into: TcpOptions): boolean {
  into.clear();
  // RFC 7323 appendix A: the layout of nearly every segment. NOP NOP TIMESTAMPS 10 is 0x0101080a.
  if (end - at >= 12 && i32(b, at) === 0x0101080a) {
    into.hasTimestamps = true;
    into.tsVal = i32(b, at + 4);
    into.tsEcr = i32(b, at + 8);
    at += 12;
  }
  // Each turn advances: by one for NOP, by at least two otherwise.
  while (at < end) {
    const kind = b[at]!;
    if (kind === END) return true;
    if (kind === NOP) {
      at++;
      continue;
    }
    if (at + 1 >= end) return false;
    const length = b[at + 1]!;
    if (length < 2 || length > end - at) return false;
    if (!parseOption(b, at, kind, length, into)) return false;
    at += length;
  }
  return true;
}

/** One option that lies wholly in the list. False: its length is not its kind's. */
function parseOption(b: Uint8Array, at: number, kind: number, length: number, into: TcpOptions): boolean {
  switch (kind) {
    case MSS:
      if (length !== 4) return false;
      into.mss = u16(b, at + 2);
      return true;
    case WINDOW_SCALE:
      if (length !== 3) return false;
      // RFC 7323 §2.3: larger than 14 "MUST use 14 instead of the specified value".
      into.windowScale = Math.min(b[at + 2]!, WINDOW_SCALE_MAX);
      return true;
    case SACK_PERMITTED:
      if (length !== 2) return false;
      into.sackPermitted = true;
      return true;
    case SACK:
      return parseSack(b, at, length, into);
    case TIMESTAMPS:
      if (length !== 10) return false;
      into.hasTimestamps = true;
      into.tsVal = i32(b, at + 2);
      into.tsEcr = i32(b, at + 6);
      return true;
    case FAST_OPEN:
      // RFC 7413 §4.1.1-2: a cookie has 4 to 16 bytes, an even number, or none.
      if ((length & 1) !== 0 || (length > 2 && length < 6) || length > 18) return true;
      into.hasFastOpen = true;
      into.fastOpenAt = at + 2;
      into.fastOpenLength = length - 2;
      return true;
    case USER_TIMEOUT:
      // Advice: whoever cannot spell it gave none. RFC 5482 §4.1.
      if (length === USER_TIMEOUT_LENGTH) into.userTimeoutMs = userTimeoutMs(u16(b, at + 2));
      return true;
    case ACC_ECN_0:
    case ACC_ECN_1: {
      // Any length is good: of what is no multiple of three, and of more than three counters, the rest is padding (RFC 9768 §3.2.3).
      const first = counterAt(b, at + 2, length - 2);
      const third = counterAt(b, at + 8, length - 8);
      into.hasAccEcn = true;
      into.ee0b = kind === ACC_ECN_0 ? first : third;
      into.eceb = counterAt(b, at + 5, length - 5);
      into.ee1b = kind === ACC_ECN_0 ? third : first;
      return true;
    }
    default:
      return true;
  }
}

/** The 24 bits at `b[at ..]`, of which `left` bytes belong to the option; -1: not all of them. */
const counterAt = (b: Uint8Array, at: number, left: number): number => (left < 3 ? -1 : (b[at]! << 16) | u16(b, at + 1));

function parseSack(b: Uint8Array, at: number, length: number, into: TcpOptions): boolean {
  if (length < 10 || (length & 7) !== 2) return false;
  for (let edge = at + 2; edge < at + length && into.sackCount < SACK_BLOCKS_MAX; edge += 8) {
    into.sackStart[into.sackCount] = i32(b, edge);
    into.sackEnd[into.sackCount] = i32(b, edge + 4);
    into.sackCount++;
  }
  return true;
}

/** What a SYN offers; a `TcpOptions` is one. */
export interface SynOptions {
  /** 0: not said. */
  readonly mss: number;
  /** -1: not said. */
  readonly windowScale: number;
  readonly sackPermitted: boolean;
  readonly hasTimestamps: boolean;
  readonly tsVal: number;
  readonly tsEcr: number;
}

/** Bytes that `writeSynOptions` will write: a multiple of four. */
export const synOptionsLength = (o: SynOptions): number =>
  (o.mss > 0 ? 4 : 0) + (o.hasTimestamps ? 12 : o.sackPermitted ? 4 : 0) + (o.windowScale >= 0 ? 4 : 0);

/**
 * The options of a SYN, each with its length (RFC 9293 MUST-68) and padded in front to four bytes, in Linux's order and
 * layout: END is never written, and so nothing behind it (MUST-69). Returns their length.
 */
export function writeSynOptions(b: Uint8Array, at: number, o: SynOptions): number {
  const start = at;
  if (o.mss > 0) {
    setU16(b, at, (MSS << 8) | 4);
    setU16(b, at + 2, o.mss);
    at += 4;
  }
  if (o.hasTimestamps) {
    // SACK permitted takes the place of the two NOPs.
    setU32(b, at, o.sackPermitted ? 0x0402080a : 0x0101080a);
    setU32(b, at + 4, o.tsVal);
    setU32(b, at + 8, o.tsEcr);
    at += 12;
  } else if (o.sackPermitted) {
    setU32(b, at, 0x01010402);
    at += 4;
  }
  if (o.windowScale >= 0) {
    setU32(b, at, 0x01030300 | o.windowScale);
    at += 4;
  }
  return at - start;
}

/** How many SACK blocks find room. RFC 2018 §3: four, or three beside timestamps. */
export const sackBlocksMax = (hasTimestamps: boolean): number => (hasTimestamps ? 3 : 4);

/** Bytes that `writeOptions` will write: a multiple of four. */
export const optionsLength = (hasTimestamps: boolean, sackCount: number): number =>
  (hasTimestamps ? 12 : 0) + (sackCount > 0 ? 4 + 8 * sackCount : 0);

/**
 * The options of any segment but a SYN, each padded in front: NOP NOP TS, NOP NOP SACK; no MSS (RFC 9293 MUST-65).
 * Returns their length.
 * @param sackCount  at most `sackBlocksMax(hasTimestamps)`
 */
export function writeOptions(
  b: Uint8Array, at: number, tsVal: number, tsEcr: number, hasTimestamps: boolean,
  sackStart: Int32Array, sackEnd: Int32Array, sackCount: number,
): number {
  const start = at;
  if (hasTimestamps) {
    setU32(b, at, 0x0101080a);
    setU32(b, at + 4, tsVal);
    setU32(b, at + 8, tsEcr);
    at += 12;
  }
  if (sackCount > 0) {
    assert(sackCount <= sackBlocksMax(hasTimestamps), 'tcp: more SACK blocks than the header has room for');
    setU32(b, at, 0x01010500 | (2 + 8 * sackCount));
    at += 4;
    for (let i = 0; i < sackCount; i++, at += 8) {
      setU32(b, at, sackStart[i]!);
      setU32(b, at + 4, sackEnd[i]!);
    }
  }
  return at - start;
}
