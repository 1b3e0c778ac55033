// The path's MTU found without ICMP: a larger segment is tried now and then, and segments become small when full ones
// are never acknowledged. RFC 4821 §7; RFC 8899 §5, whose names these are. Pure: the sender asks for a size and tells
// what became of it; a probe is a segment of real text, and its loss alone says nothing of congestion (RFC 4821 §7.5).

/**
 * `black-hole`: the link's MTU, or what ICMP says of the path, is believed until full segments are lost again and again;
 * only then is searched. `always`: begins small and searches at once. As Linux tcp_mtu_probing 0, 1, 2.
 */
export type MtuProbing = 'off' | 'black-hole' | 'always';

/** BASE_PLPMTU, bytes of IP packet: RFC 8899 §5.1.2 says 1200, and what every IPv6 link takes is more. */
const BASE4 = 1200;
const BASE6 = 1280;
/** MIN_PLPMTU: where ICMP's reports stop, too (SEC-37). RFC 8200 §5. */
const MIN4 = 552;
const MIN6 = 1280;
/** MAX_PROBES: this many of one size are lost before the size is. RFC 8899 §5.1.2. */
const MAX_PROBES = 3;
/** PMTU_RAISE_TIMER: a search that is over begins again after it. RFC 8899 §5.1.1. */
const RAISE_MS = 600_000;
/** The search is over when no more than this can be won. Linux tcp_probe_threshold. */
const THRESHOLD = 8;
/** Timeouts of a full segment, one after the other, that make a black hole. Linux tcp_retries1. */
const BLACK_HOLE_TIMEOUTS = 3;

/** Invariant: low <= high <= max; a probe under way is larger than low and at most high. All are bytes of IP packet. */
export class Plpmtud {
  /** PLPMTU is searched for; else it is `max`. */
  isSearching: boolean;
  /** The size of the probe under way; 0: there is none. */
  probeSize = 0;
  /** Its text, as offsets of the stream. */
  probeStart = 0;
  probeEnd = 0;
  /** The largest size that is known to pass, and the largest that may. */
  private low: number;
  private high: number;
  /** What the link, ICMP and the peer allow. */
  private max: number;
  private lost = 0;
  private timeouts = 0;
  private searchAt = 0;

  constructor(readonly mode: MtuProbing, private readonly family: 4 | 6, max: number) {
    this.isSearching = mode === 'always';
    this.max = max;
    this.high = max;
    this.low = Math.min(max, this.base);
  }

  /** Nothing was found, and nothing is suspected: the size is `max`. */
  get isAsNew(): boolean {
    return !this.isSearching && this.timeouts === 0;
  }

  /** PLPMTU: how large packets may be now. */
  get size(): number {
    return this.isSearching ? this.low : this.max;
  }

  private get base(): number {
    return this.family === 4 ? BASE4 : BASE6;
  }

  /** The link's MTU, ICMP's report, or the peer's MSS with headers: the smallest of them is `max` now. */
  limit(max: number): void {
    if (max === this.max) return;
    const grew = max > this.max;
    this.max = max;
    // RFC 8899 §5.2: what a report excludes is not probed; what it allows anew is.
    this.high = grew ? max : Math.min(this.high, max);
    this.low = Math.min(this.low, max);
    if (this.probeSize > this.high) this.probeSize = 0;
    this.lost = 0;
    this.searchAt = 0;
  }

  /** The size of a probe that may be sent now, larger than `size`; 0: none. The largest first: mostly nothing is in its way. */
  nextProbeSize(now: number): number {
    if (!this.isSearching || this.probeSize > 0 || now < this.searchAt) return 0;
    if (this.isFound) {
      // The time to look again has come: paths change. RFC 8899 §5.3.2.
      if (this.max - this.low < THRESHOLD) return 0;
      this.high = this.max;
    }
    return this.high === this.max ? this.high : (this.low + this.high + 1) >>> 1;
  }

  private get isFound(): boolean {
    return this.high - this.low < THRESHOLD;
  }

  onProbeSent(size: number, start = 0, end = 0): void {
    this.probeSize = size;
    this.probeStart = start;
    this.probeEnd = end;
  }

  /** The probe was acknowledged, cumulatively or selectively: packets may be as large. RFC 4821 §7.6.1. */
  onAcked(now: number): void {
    this.low = Math.max(this.low, this.probeSize);
    this.settle(now);
  }

  /** The probe was lost, and nothing else was. RFC 4821 §7.6.2. */
  onLost(now: number): void {
    this.lost++;
    if (this.lost < MAX_PROBES) {
      this.probeSize = 0;
      return;
    }
    this.high = Math.max(this.low, this.probeSize - 1);
    this.settle(now);
  }

  /** The probe was lost with others: congestion may have done it. RFC 4821 §7.6.3, §7.6.4. */
  onInconclusive(): void {
    this.probeSize = 0;
  }

  private settle(now: number): void {
    this.probeSize = 0;
    this.lost = 0;
    this.searchAt = this.isFound ? now + RAISE_MS : 0;
  }

  /** Something was acknowledged: full segments pass, or nothing full is under way. */
  onProgress(): void {
    this.timeouts = 0;
  }

  /**
   * The retransmission timer went off over a full segment. RFC 4821 §7.7, RFC 8899 §4.3.
   * @returns whether `size` is smaller now: the sender cuts what it sends again anew
   */
  onTimeout(now: number): boolean {
    this.probeSize = 0;
    const before = this.size;
    // RFC 8899 §5.1.2: what is no larger than the base passes nearly everywhere; a blackout is likelier.
    const most = before > this.base ? BLACK_HOLE_TIMEOUTS : 2 * BLACK_HOLE_TIMEOUTS;
    if (this.mode === 'off' || ++this.timeouts < most) return false;
    this.timeouts = 0;
    const least = this.family === 4 ? MIN4 : MIN6;
    // First to the base; where even that is too large, by halves.
    const next = before > this.base ? this.base : Math.max(least, before >>> 1);
    if (next >= before) return false;
    this.isSearching = true;
    this.low = next;
    this.lost = 0;
    // Before anything passes again, no size is worth a probe.
    this.searchAt = now;
    return true;
  }
}
