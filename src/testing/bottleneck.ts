// A line that carries so many bits a second, and a drop-tail queue in front of it: where congestion happens. It may mark
// instead of dropping (RFC 3168 §5), by the length of the queue, as RFC 8257 §3.1 does.

import { invalidValue } from '../errors.js';

export interface BottleneckOptions {
  /** What the line carries, bits of IP packet per second; above 0. */
  readonly bitsPerSecond: number;
  /** Bytes that may wait or be under way on the line. Default: no limit when `queuePackets` is given or not needed. */
  readonly queueBytes?: number;
  /** Packets that may. Default: no limit if `queueBytes` is given, else 1,000, as Linux netem's. */
  readonly queuePackets?: number;
  /** Packets that find more than so many bytes before them are marked, if they may be. Default: none is. */
  readonly markBytes?: number;
}

/** Invariant: `backlog` is the sum of the lengths in the ring; departures in the ring never decrease. */
export class Bottleneck {
  /** Bytes that wait or are under way, as of the latest `offer`. */
  backlog = 0;
  /** Packets that do. */
  count = 0;
  private head = 0;
  private departures = new Float64Array(64);
  private lengths = new Uint32Array(64);
  private lastDeparture = Number.NEGATIVE_INFINITY;
  private readonly bytesPerMs: number;
  private readonly queueBytes: number;
  private readonly queuePackets: number;
  private readonly markBytes: number;

  constructor(options: BottleneckOptions) {
    if (!(options.bitsPerSecond > 0)) throw invalidValue('bitsPerSecond', 'must be above 0', options.bitsPerSecond);
    this.bytesPerMs = options.bitsPerSecond / 8000;
    this.queueBytes = options.queueBytes ?? Number.POSITIVE_INFINITY;
    this.queuePackets = options.queuePackets ?? (options.queueBytes === undefined ? 1000 : Number.POSITIVE_INFINITY);
    this.markBytes = options.markBytes ?? Number.POSITIVE_INFINITY;
  }

  /**
   * A packet comes to the line. One that finds nobody before it is always taken, however small the queue.
   * @returns  when its last bit has left; NaN: the queue is full, the packet is lost
   */
  offer(length: number, now: number): number {
    this.drain(now);
    if (this.count > 0 && (this.count >= this.queuePackets || this.backlog + length > this.queueBytes)) return Number.NaN;
    if (this.count === this.departures.length) this.grow();
    const at = Math.max(now, this.lastDeparture) + length / this.bytesPerMs;
    const slot = (this.head + this.count) & (this.departures.length - 1);
    this.departures[slot] = at;
    this.lengths[slot] = length;
    this.count++;
    this.backlog += length;
    this.lastDeparture = at;
    return at;
  }

  /** Whether a packet that comes now would be marked: asked before it is offered. */
  wouldMark(now: number): boolean {
    this.drain(now);
    return this.backlog > this.markBytes;
  }

  /** What has left by now is behind us. */
  private drain(now: number): void {
    const mask = this.departures.length - 1;
    while (this.count > 0 && this.departures[this.head]! <= now) {
      this.backlog -= this.lengths[this.head]!;
      this.head = (this.head + 1) & mask;
      this.count--;
    }
  }

  private grow(): void {
    const size = this.departures.length;
    const departures = new Float64Array(2 * size);
    const lengths = new Uint32Array(2 * size);
    for (let i = 0; i < this.count; i++) {
      const from = (this.head + i) & (size - 1);
      departures[i] = this.departures[from]!;
      lengths[i] = this.lengths[from]!;
    }
    this.departures = departures;
    this.lengths = lengths;
    this.head = 0;
  }
}
