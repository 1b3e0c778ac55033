// Where a connection's 4-tuple goes in a table: a keyed hash of nine words, in a few nanoseconds.

import { type Address, isV4 } from '../address.js';
import type { Random } from '../random.js';

/**
 * Vector multiply-shift (Dietzfelbinger 1996): the tuple is cut into 16-bit halves, each is multiplied by a
 * secret random int32, and of the sum modulo 2^32 the *top* bits are the answer. Any two tuples of one family,
 * however they were chosen, meet in one of 2^bits buckets with probability 2^-bits over the choice of the
 * secret, as long as bits <= 17. That is a proof and not a hope, which is why it is this and not a seeded mixer: whoever does
 * not know the secret cannot pick tuples that pile up. (It gives no secrecy: nothing that a peer can see may
 * be computed from it.)
 */
export class TupleHash {
  private readonly k = new Int32Array(19);

  constructor(random: Random) {
    for (let i = 0; i < this.k.length; i++) this.k[i] = random.u32();
  }

  /** int32; take the top bits: `hash >>> (32 - bits)`. */
  of(local: Address, localPort: number, remote: Address, remotePort: number): number {
    const k = this.k;
    const sum =
      (k[18]! +
        Math.imul(k[0]!, localPort) +
        Math.imul(k[1]!, remotePort) +
        Math.imul(k[2]!, local.w3 & 0xffff) +
        Math.imul(k[3]!, local.w3 >>> 16) +
        Math.imul(k[4]!, remote.w3 & 0xffff) +
        Math.imul(k[5]!, remote.w3 >>> 16)) | 0;
    // The other words of an IPv4 address are the same for all.
    return isV4(remote) ? sum : (sum + this.rest(local, remote)) | 0;
  }

  private rest(local: Address, remote: Address): number {
    const k = this.k;
    return (
      (Math.imul(k[6]!, local.w0 & 0xffff) +
        Math.imul(k[7]!, local.w0 >>> 16) +
        Math.imul(k[8]!, local.w1 & 0xffff) +
        Math.imul(k[9]!, local.w1 >>> 16) +
        Math.imul(k[10]!, local.w2 & 0xffff) +
        Math.imul(k[11]!, local.w2 >>> 16) +
        Math.imul(k[12]!, remote.w0 & 0xffff) +
        Math.imul(k[13]!, remote.w0 >>> 16) +
        Math.imul(k[14]!, remote.w1 & 0xffff) +
        Math.imul(k[15]!, remote.w1 >>> 16) +
        Math.imul(k[16]!, remote.w2 & 0xffff) +
        Math.imul(k[17]!, remote.w2 >>> 16)) | 0
    );
  }
}
