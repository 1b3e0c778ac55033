// Identification of datagrams that may be fragmented: unlike for each destination, and not to be foretold.
// RFC 7739 §5.3 for IPv6, and the same for IPv4, where RFC 6864 §4 leaves the field without meaning for all
// others.

import type { Address } from '../address.js';
import type { Random } from '../random.js';
import { SipHash } from '../siphash.js';

export class Identification {
  private readonly hash: SipHash;
  /** RFC 7739 §5.3: counter[]. A shared one would tell any destination how much goes to the others. */
  private readonly counters = new Uint32Array(COUNTERS);
  private readonly words = new Int32Array(9);

  constructor(random: Random) {
    this.hash = SipHash.random(random);
    for (let i = 0; i < COUNTERS; i++) this.counters[i] = random.u32();
  }

  /**
   * 32 bits, unsigned; IPv4 takes the lower 16.
   *
   * @param protocol  RFC 6864 §4: IPv4's are unique by source, destination and protocol. 0 in IPv6: by the
   *                  pair alone
   * @param count     how many it is the first of: segments that are cut later count on from it
   */
  next(src: Address, dst: Address, protocol: number, count: number): number {
    const w = this.words;
    w[0] = src.w0;
    w[1] = src.w1;
    w[2] = src.w2;
    w[3] = src.w3;
    w[4] = dst.w0;
    w[5] = dst.w1;
    // RFC 7739 §5.3, G(): of an IPv6 destination the prefix alone chooses the counter, so that whoever owns a
    // subnet cannot look into many of them.
    w[6] = dst.w2 === 0xffff && dst.w0 === 0 && dst.w1 === 0 ? dst.w3 : 0;
    const row = this.hash.hashWords(w, 7) % COUNTERS;
    w[6] = dst.w2;
    w[7] = dst.w3;
    w[8] = protocol;
    const offset = this.hash.hashWords(w, 9);
    const counter = this.counters[row]!;
    this.counters[row] = counter + count;
    return (offset + counter) >>> 0;
  }
}

/**
 * RFC 7739 §5.3 speaks of 8K; each is a word of memory per stack, and stacks come in hundreds in a
 * laboratory.
 */
const COUNTERS = 1024;
