// What a bad network does, between two devices of the operating system and in real time: the faults are those of the
// simulated links (src/testing/impairment.ts), from a seed, with dice of its own in each direction.

import type { Device, FrameSink } from '../../src/link/device.js';
import { type Packet, PacketPool } from '../../src/packet.js';
import { SeededRandom } from '../../src/random.js';
import { EventQueue, type Happening } from '../../src/testing/event-queue.js';
import { Impairment, type Impairments, type Tally } from '../../src/testing/impairment.js';

/** TCP alone travels: what kernels say of neighbours and groups unasked would draw of the dice, and differently each time. */
const TCP = 6;

export class FaultLink {
  private readonly queue = new EventQueue<Packet>();
  private readonly ways: readonly [Way, Way];
  private timer: NodeJS.Timeout | undefined;
  private timerAt = Number.POSITIVE_INFINITY;

  /** Both devices without offload: a packet is what a wire would carry. */
  constructor(left: Device, right: Device, settings: Impairments, seed: number) {
    const random = new SeededRandom(seed);
    this.ways = [
      new Way(this, right, new Impairment(settings, random.fork('there'))),
      new Way(this, left, new Impairment(settings, random.fork('back'))),
    ];
    left.attach(this.ways[0]);
    right.attach(this.ways[1]);
  }

  /** What became of the packets from left to right, and of those from right to left. */
  get tallies(): readonly [Tally, Tally] {
    return [this.ways[0].impairment.tally, this.ways[1].impairment.tally];
  }

  plan(at: number, way: Way, packet: Packet): void {
    this.queue.plan(at, way, packet);
  }

  /** What is due travels on; then the timer waits for the next. It counts in milliseconds: so much later may a packet be. */
  readonly turn = (): void => {
    while (this.queue.happen(performance.now())) { /* until nothing is due */ }
    const at = this.queue.nextTimeout();
    if (at >= this.timerAt) return;
    clearTimeout(this.timer);
    this.timerAt = at;
    this.timer = setTimeout(this.ring, at - performance.now());
  };

  private readonly ring = (): void => {
    this.timerAt = Number.POSITIVE_INFINITY;
    this.turn();
  };
}

/** One direction: takes from one device, gives to the other. */
class Way implements FrameSink, Happening<Packet> {
  private readonly pool = new PacketPool();

  constructor(private readonly link: FaultLink, private readonly to: Device, readonly impairment: Impairment) {}

  receive(packet: Packet): void {
    const { bytes, start, end } = packet;
    const protocol = bytes[start]! >>> 4 === 4 ? bytes[start + 9] : bytes[start + 6];
    const count = protocol === TCP ? this.impairment.offer(bytes, start, end, performance.now()) : 0;
    if (count === 2) this.link.plan(this.impairment.arrivals[1]!, this, this.copyOf(packet));
    if (count > 0) this.link.plan(this.impairment.arrivals[0]!, this, packet);
    else packet.release();
  }

  batchEnd(): void {
    this.link.turn();
  }

  lost(): void {
    // The namespace that it was in is gone, and the run is over.
  }

  happen(packet: Packet): void {
    this.to.transmit(packet);
  }

  private copyOf(packet: Packet): Packet {
    const copy = this.pool.take(packet.length);
    copy.bytes.set(packet.bytes.subarray(packet.start, packet.end), copy.start);
    copy.end = copy.start + packet.length;
    return copy;
  }
}
