// How many ICMP errors we write, in all and to each: token buckets. RFC 4443 §2.4 (f), RFC 1812 §4.3.2.8.
//
// A limit that can be watched is a side channel (SAD DNS, CVE-2020-25705): whoever spoofs a victim's address and then
// asks in its own name whether the common bucket is empty learns what we answered to the victim. Hence, as Linux does
// since: each peer's own bucket comes first, so that little of the common one can be spent in a single name; and
// what an answer costs is drawn, so that what is left tells nothing exact (SEC-39).

import { type Address, isV4 } from '../address.js';
import type { Random } from '../random.js';
import { SipHash } from '../siphash.js';
import { SECOND } from '../time.js';

export interface RateLimitSettings {
  /** Errors per second in all, and how many at once. Default 1000 and 50, as Linux icmp_msgs_per_sec and icmp_msgs_burst. */
  readonly perSecond: number;
  readonly burst: number;
  /** The same for one peer, or one IPv6 subnet of /64. Default 10 and 10, RFC 4443's example. */
  readonly perSecondToOne: number;
  readonly burstToOne: number;
}

/** Invariant: -0.5 <= each level <= its burst. Peers share `BUCKETS` buckets, which of them only we know: no table can fill. */
export class RateLimit {
  private readonly hash: SipHash;
  private readonly key = new Int32Array(2);
  /** Tokens of each bucket, as they were at its time. */
  private readonly levels: Float64Array;
  private readonly times = new Float64Array(BUCKETS);
  private level: number;
  private time = 0;

  constructor(private readonly random: Random, readonly settings: RateLimitSettings) {
    this.hash = SipHash.random(random);
    this.level = settings.burst;
    this.levels = new Float64Array(BUCKETS).fill(settings.burstToOne);
  }

  /** May an error be sent to `peer`? Then it is paid for. */
  pay(peer: Address, now: number): boolean {
    const { settings } = this;
    const bucket = this.bucketOf(peer);
    const own = refilled(this.levels[bucket]!, this.times[bucket]!, settings.perSecondToOne, settings.burstToOne, now);
    this.levels[bucket] = own;
    this.times[bucket] = now;
    if (own < 1) return false;
    // Nothing is taken from the common bucket for what the peer's own refuses, nor the other way about.
    this.level = refilled(this.level, this.time, settings.perSecond, settings.burst, now);
    this.time = now;
    if (this.level < 1) return false;
    this.levels[bucket] = own - this.price();
    this.level -= this.price();
    return true;
  }

  /** Tokens of the common bucket that are spent. */
  get used(): number {
    return this.settings.burst - this.level;
  }

  /** One token on average; drawn for what is sent, not for what asks, or whoever asks often enough gets it cheap. */
  private price(): number {
    return 0.5 + this.random.u32() / 0x1_0000_0000;
  }

  private bucketOf(peer: Address): number {
    const { key } = this;
    // Whoever has one IPv6 address has its whole subnet.
    key[0] = isV4(peer) ? peer.w3 : peer.w0;
    key[1] = isV4(peer) ? 0 : peer.w1;
    return this.hash.hashWords(key, 2) % BUCKETS;
  }
}

/** Full buckets stay full, whenever time began; a clock that goes back fills nothing. */
const refilled = (level: number, since: number, perSecond: number, burst: number, now: number): number =>
  Math.min(burst, level + (Math.max(0, now - since) * perSecond) / SECOND);

export const BUCKETS = 4096;
