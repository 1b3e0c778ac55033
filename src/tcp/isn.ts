// Initial sequence numbers: a clock plus a keyed hash of the 4-tuple. RFC 9293 §3.4.1, RFC 6528 §3.

import type { Address } from '../address.js';
import type { Random } from '../random.js';
import { SipHash } from '../siphash.js';
import { type Seq, seq } from './seq.js';

/** RFC 9293 MUST-8, §3.4.1: the clock advances "roughly every 4 microseconds". */
const TICKS_PER_MS = 250;

export class IsnGenerator {
  private readonly f: SipHash;
  private readonly tuple = new Int32Array(9);

  /** The secret, 128 bits, is drawn here, once, and told to nobody. RFC 9293 MUST-9. */
  constructor(random: Random) {
    this.f = SipHash.random(random);
  }

  /** RFC 9293 SHLD-1, RFC 6528 §3: ISN = M + F(localip, localport, remoteip, remoteport, secretkey). */
  next(local: Address, localPort: number, remote: Address, remotePort: number, now: number): Seq {
    const t = this.tuple;
    t[0] = local.w0;
    t[1] = local.w1;
    t[2] = local.w2;
    t[3] = local.w3;
    t[4] = remote.w0;
    t[5] = remote.w1;
    t[6] = remote.w2;
    t[7] = remote.w3;
    t[8] = (localPort << 16) | remotePort;
    return seq(Math.floor(now * TICKS_PER_MS) + this.f.hashWords(t, 9));
  }
}
