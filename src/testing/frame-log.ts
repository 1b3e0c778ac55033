// What was sent on a network, remembered and digested: the last frames whole, and of all of them a hash. The same seed gives
// the same hash, frame for frame.

import type { Fate } from './impairment.js';
import { PacketView } from './packet-view.js';

/** Where a frame was put on a link: its name is digested, its number is an index. */
export interface LogPort {
  readonly link: string;
  readonly from: string;
  readonly to: string;
  readonly medium: 'ip' | 'ethernet';
  readonly mtu: number;
}

export interface LoggedFrame {
  /** The so-manieth of the network, from 1. */
  readonly number: number;
  /** Virtual time, ms. */
  readonly time: number;
  readonly port: LogPort;
  readonly fate: Fate;
  /** When it arrives; NaN: it does not, or nobody knows yet. */
  readonly arrival: number;
  /** What somebody has said of it. */
  readonly comment: string | null;
  readonly view: PacketView;
}

/** Bytes of each frame that are digested: the transport's checksum speaks for its text. */
const DIGESTED = 96;

export class FrameLog {
  /** Frames until now. */
  count = 0;
  readonly ports: LogPort[] = [];
  private readonly portHashes: number[] = [];
  private low = 0x811c_9dc5;
  private high = 0x1234_5678;
  /** A ring of the latest. */
  private readonly bytes: Uint8Array[] = [];
  private readonly lengths: Uint32Array;
  private readonly times: Float64Array;
  private readonly arrivals: Float64Array;
  private readonly portOf: Uint32Array;
  private readonly fates: Fate[] = [];
  private readonly comments: (string | null)[] = [];
  private readonly scratchTimes = new Float64Array(2);
  private readonly scratchWords = new Int32Array(this.scratchTimes.buffer);

  /** @param capacity  frames that are kept whole; 0: none */
  constructor(readonly capacity: number) {
    this.lengths = new Uint32Array(capacity);
    this.times = new Float64Array(capacity);
    this.arrivals = new Float64Array(capacity);
    this.portOf = new Uint32Array(capacity);
  }

  /** @returns its index, for `add` */
  addPort(port: LogPort): number {
    this.portHashes.push(hashOf(`${port.link} ${port.from} > ${port.to}`));
    return this.ports.push(port) - 1;
  }

  add(
    port: number, b: Uint8Array, at: number, end: number, time: number, fate: Fate, arrival: number, comment: string | null,
  ): void {
    this.digest(port, b, at, end, time, fate, arrival);
    if (this.capacity > 0) this.keep(port, b, at, end, time, fate, arrival, comment);
    this.count++;
  }

  /** FNV-1a by words, twice, with different primes. */
  private digest(port: number, b: Uint8Array, at: number, end: number, time: number, fate: Fate, arrival: number): void {
    const { scratchTimes, scratchWords: w } = this;
    scratchTimes[0] = time;
    scratchTimes[1] = arrival;
    let low = Math.imul(this.low ^ w[0]! ^ this.portHashes[port]!, PRIME);
    let high = Math.imul(this.high ^ w[1]!, OTHER_PRIME);
    low = Math.imul(low ^ w[2]!, PRIME);
    high = Math.imul(high ^ w[3]! ^ (end - at) ^ (fate.charCodeAt(0) << 20), OTHER_PRIME);
    const stop = Math.min(end, at + DIGESTED);
    let i = at;
    for (; i + 3 < stop; i += 4) {
      const word = b[i]! | (b[i + 1]! << 8) | (b[i + 2]! << 16) | (b[i + 3]! << 24);
      low = Math.imul(low ^ word, PRIME);
      high = Math.imul(high ^ (word >>> 15) ^ word, OTHER_PRIME);
    }
    for (; i < stop; i++) low = Math.imul(low ^ b[i]!, PRIME);
    this.low = low ^ (low >>> 13);
    this.high = high ^ (high >>> 16);
  }

  private keep(
    port: number, b: Uint8Array, at: number, end: number, time: number, fate: Fate, arrival: number, comment: string | null,
  ): void {
    const slot = this.count % this.capacity;
    const length = end - at;
    let memory = this.bytes[slot];
    if (memory === undefined || memory.length < length) {
      memory = new Uint8Array(Math.max(length, memory === undefined ? 128 : 1536));
      this.bytes[slot] = memory;
    }
    memory.set(b.subarray(at, end));
    this.lengths[slot] = length;
    this.times[slot] = time;
    this.arrivals[slot] = arrival;
    this.portOf[slot] = port;
    this.fates[slot] = fate;
    this.comments[slot] = comment;
  }

  /** 64 bits in hexadecimal digits. */
  get hash(): string {
    return [this.high, this.low].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
  }

  /** Frames that are remembered. */
  get size(): number {
    return Math.min(this.count, this.capacity);
  }

  /** The frames that are remembered, from the eldest on. Their bytes are copies. */
  * [Symbol.iterator](): IterableIterator<LoggedFrame> {
    for (let n = this.count - this.size; n < this.count; n++) yield this.frame(n);
  }

  /** Of the same times, newest first. */
  * backwards(): IterableIterator<LoggedFrame> {
    for (let n = this.count - 1; n >= this.count - this.size; n--) yield this.frame(n);
  }

  private frame(n: number): LoggedFrame {
    const slot = n % this.capacity;
    const port = this.ports[this.portOf[slot]!]!;
    const time = this.times[slot]!;
    return {
      number: n + 1, time, port, fate: this.fates[slot]!, arrival: this.arrivals[slot]!, comment: this.comments[slot]!,
      view: new PacketView(
        this.bytes[slot]!.slice(0, this.lengths[slot]), port.medium === 'ethernet' ? 14 : 0, port.from, port.to, n + 1, time),
    };
  }
}

const PRIME = 0x0100_0193;
const OTHER_PRIME = 0x85eb_ca6b;

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c_9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), PRIME);
  return hash;
}
