// SipHash-2-4, a keyed hash: what a peer chooses (addresses, ports) must not let it choose where a table puts
// it, nor guess a sequence number. Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012; for ISNs
// see RFC 6528 §3.
//
// Each 64-bit variable of the paper is two int32 here, `v0h` and `v0l`: bigint would allocate.

import { assert } from './assert.js';
import type { Random } from './random.js';

/** One key. The result of the last hash stands in `hi` and `lo`, both as 0 .. 2^32 - 1. */
export class SipHash {
  hi = 0;
  lo = 0;

  /** The key as its four 32-bit words, from the least significant: `k0` and `k1` are the paper's k0. */
  constructor(
    private readonly k0: number,
    private readonly k1: number,
    private readonly k2: number,
    private readonly k3: number,
  ) {}

  static random(random: Random): SipHash {
    return new SipHash(random.u32(), random.u32(), random.u32(), random.u32());
  }

  /**
   * Hash the first `count` of `words`, each as four bytes, little-endian.
   *
   * @returns  the lower half, 0 .. 2^32 - 1; also in `lo`, with the upper half in `hi`
   */
  hashWords(words: Int32Array, count: number): number {
    return this.hash(words, count * 4);
  }

  /** Hash `b[at .. end)`, at most 256 bytes. For cookies and vectors; words are faster. */
  hashBytes(b: Uint8Array, at: number, end: number): number {
    assert(end - at <= 256, 'siphash: more bytes than it was made for');
    scratchWords.fill(0);
    for (let i = at; i < end; i++) scratchWords[(i - at) >> 2]! |= b[i]! << (((i - at) & 3) * 8);
    return this.hash(scratchWords, end - at);
  }

  /** @param length  bytes; what `words` has behind them, up to a whole word, is zero */
  private hash(words: Int32Array, length: number): number {
    const { k0, k1, k2, k3 } = this;
    let v0h = k1 ^ 0x736f6d65, v0l = k0 ^ 0x70736575;
    let v1h = k3 ^ 0x646f7261, v1l = k2 ^ 0x6e646f6d;
    let v2h = k1 ^ 0x6c796765, v2l = k0 ^ 0x6e657261;
    let v3h = k3 ^ 0x74656462, v3l = k2 ^ 0x79746573;

    // Blocks of 64 bits; then what is left of the message, with its length as the last byte; then the end.
    const whole = length >>> 3;
    const rest = length & 7;
    for (let block = 0; block <= whole + 1; block++) {
      let mh = 0, ml = 0;
      if (block < whole || (block === whole && rest > 0)) ml = words[2 * block]!;
      if (block < whole || (block === whole && rest > 4)) mh = words[2 * block + 1]!;
      if (block === whole) mh |= length << 24;
      const last = block > whole;
      if (last) v2l ^= 0xff;
      v3h ^= mh;
      v3l ^= ml;
      for (let round = last ? 4 : 2; round > 0; round--) {
        let l = (v0l + v1l) | 0;
        v0h = (v0h + v1h + carry(v0l, v1l, l)) | 0;
        v0l = l;
        l = (v2l + v3l) | 0;
        v2h = (v2h + v3h + carry(v2l, v3l, l)) | 0;
        v2l = l;
        // v1 <<< 13, v3 <<< 16, v0 <<< 32
        let h = (v1h << 13) | (v1l >>> 19);
        l = (v1l << 13) | (v1h >>> 19);
        v1h = h ^ v0h;
        v1l = l ^ v0l;
        h = (v3h << 16) | (v3l >>> 16);
        l = (v3l << 16) | (v3h >>> 16);
        v3h = h ^ v2h;
        v3l = l ^ v2l;
        h = v0l;
        v0l = v0h;
        v0h = h;

        l = (v2l + v1l) | 0;
        v2h = (v2h + v1h + carry(v2l, v1l, l)) | 0;
        v2l = l;
        l = (v0l + v3l) | 0;
        v0h = (v0h + v3h + carry(v0l, v3l, l)) | 0;
        v0l = l;
        // v1 <<< 17, v3 <<< 21, v2 <<< 32
        h = (v1h << 17) | (v1l >>> 15);
        l = (v1l << 17) | (v1h >>> 15);
        v1h = h ^ v2h;
        v1l = l ^ v2l;
        h = (v3h << 21) | (v3l >>> 11);
        l = (v3l << 21) | (v3h >>> 11);
        v3h = h ^ v0h;
        v3l = l ^ v0l;
        h = v2l;
        v2l = v2h;
        v2h = h;
      }
      v0h ^= mh;
      v0l ^= ml;
    }
    this.hi = (v0h ^ v1h ^ v2h ^ v3h) >>> 0;
    this.lo = (v0l ^ v1l ^ v2l ^ v3l) >>> 0;
    return this.lo;
  }
}

/** The carry out of a + b, whose lower 32 bits are `sum`. */
const carry = (a: number, b: number, sum: number): number => ((a & b) | ((a | b) & ~sum)) >>> 31;

const scratchWords = new Int32Array(64);
