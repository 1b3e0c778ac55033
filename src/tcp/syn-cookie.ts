// SYN cookies: when the SYN queue is full, what must be remembered of a handshake goes into our sequence number, and
// comes back with the client's ACK; nothing at all is kept. RFC 4987 §3.6; the layout is Linux's, with IRS under the hash.
//
//   ISN = H(tuple) + IRS + (slot << 24) + ((H'(tuple, IRS, slot) + index of the MSS) & 0xffffff)      all modulo 2^32
//   the low six bits of TSval: E S WWWW    ECN, SACK permitted, window scale (15: none)
//
// A slot is 64 s; a cookie is good in its slot and in the next. Whoever guesses one needs some 2^20 segments a try.

import type { Address } from '../address.js';
import type { Random } from '../random.js';
import { SipHash } from '../siphash.js';
import { add, diff, type Seq } from './seq.js';
import type { Handshake } from './syn-cache.js';

const SLOT_MS = 64_000;
/** How old a cookie's slot may be. */
const SLOTS_MAX = 1;
/** For so long after the last cookie was sent may one still come back. */
export const COOKIE_MS = (SLOTS_MAX + 1) * SLOT_MS;

/** What clients usually say, in both families; the next smaller one is taken. The first is the least that is believed. */
const MSS_TABLE: readonly number[] = [216, 536, 1220, 1300, 1400, 1440, 1460, 8960];

const OPTION_BITS = 6;
const OPTION_MASK = (1 << OPTION_BITS) - 1;
const NO_SCALE = 15;

export class SynCookies {
  private readonly fixed: SipHash;
  private readonly timed: SipHash;
  private readonly offsets: SipHash;
  private readonly words = new Int32Array(11);

  /** The secrets, 128 bits each, are drawn here, once. */
  constructor(random: Random) {
    this.fixed = SipHash.random(random);
    this.timed = SipHash.random(random);
    this.offsets = SipHash.random(random);
  }

  /** The sequence number of a SYN+ACK that remembers `mss`, bytes, of a SYN with number `irs`. */
  make(local: Address, localPort: number, remote: Address, remotePort: number, irs: Seq, mss: number, now: number): Seq {
    this.aim(local, localPort, remote, remotePort);
    const slot = Math.floor(now / SLOT_MS);
    let index = MSS_TABLE.length - 1;
    while (index > 0 && MSS_TABLE[index]! > mss) index--;
    return add(add(this.base(irs), slot << 24), (this.hashOf(irs, slot) + index) & 0xffffff);
  }

  /** The MSS that `cookie` remembers, bytes; 0: it is none of ours, or too old. */
  check(local: Address, localPort: number, remote: Address, remotePort: number, irs: Seq, cookie: Seq, now: number): number {
    this.aim(local, localPort, remote, remotePort);
    const slot = Math.floor(now / SLOT_MS);
    const rest = diff(cookie, this.base(irs));
    const age = (slot - (rest >>> 24)) & 0xff;
    if (age > SLOTS_MAX) return 0;
    return MSS_TABLE[(rest - this.hashOf(irs, slot - age)) & 0xffffff] ?? 0;
  }

  /** What is added to our clock for TSval: as unforeseeable as a random one (RFC 7323 §5.4), and found again. int32. */
  tsOffset(local: Address, localPort: number, remote: Address, remotePort: number): number {
    this.aim(local, localPort, remote, remotePort);
    return this.offsets.hashWords(this.words, 9) | 0;
  }

  private aim(local: Address, localPort: number, remote: Address, remotePort: number): void {
    const w = this.words;
    w[0] = local.w0;
    w[1] = local.w1;
    w[2] = local.w2;
    w[3] = local.w3;
    w[4] = remote.w0;
    w[5] = remote.w1;
    w[6] = remote.w2;
    w[7] = remote.w3;
    w[8] = (localPort << 16) | remotePort;
  }

  private base(irs: Seq): Seq {
    return add(irs, this.fixed.hashWords(this.words, 9) | 0);
  }

  private hashOf(irs: Seq, slot: number): number {
    this.words[9] = slot;
    this.words[10] = irs;
    return this.timed.hashWords(this.words, 11);
  }
}

/** TSval of a SYN+ACK that remembers the client's options: our clock, set back by less than 64 ms. */
export function timestampOf(h: Handshake, now: number): number {
  const clock = (Math.floor(now) + h.tsOffset) | 0;
  const bits = (h.windowScale < 0 ? NO_SCALE : h.windowScale) | (h.sackPermitted ? 16 : 0) | (h.ecn ? 32 : 0);
  const stamp = (clock & ~OPTION_MASK) | bits;
  // Never ahead of the clock: what follows must not be older.
  return (((stamp - clock) | 0) > 0 ? stamp - OPTION_MASK - 1 : stamp) >>> 0;
}

/** The options that an echoed TSval, TSecr, remembers. */
export function recallOptions(h: Handshake, tsEcr: number): void {
  const bits = tsEcr & OPTION_MASK;
  h.windowScale = (bits & 15) === NO_SCALE ? -1 : bits & 15;
  h.sackPermitted = (bits & 16) !== 0;
  h.ecn = (bits & 32) !== 0;
}
