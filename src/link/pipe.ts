// Two devices back to back: what one transmits, the other receives, at once and in order.

import { assert } from '../assert.js';
import { NetError } from '../errors.js';
import type { Packet } from '../packet.js';
import { type Device, type FrameSink, NO_OFFLOAD, type Offload } from './device.js';

export interface PipeOptions {
  /** Largest IP packet, bytes. Default 1500. */
  readonly mtu?: number;
  /** Default `ip`. */
  readonly medium?: 'ip' | 'ethernet';
  /** What both ends take from their stacks, and hand through. Default: nothing. */
  readonly offload?: Offload;
  /** Packets kept for an end that nobody has attached to yet; further ones are refused. Default 64. */
  readonly queuePackets?: number;
  /** On `ethernet`. Default 02:00:00:00:00:01 and :02, locally administered. */
  readonly linkAddresses?: readonly [Uint8Array, Uint8Array];
  /** Default `pipe0` and `pipe1`. */
  readonly names?: readonly [string, string];
}

export function createPipe(options: PipeOptions = {}): [Device, Device] {
  const a = new PipeEnd(0, options);
  const b = new PipeEnd(1, options);
  a.twin = b;
  b.twin = a;
  return [a, b];
}

/** Delivery is a call of the twin's sink, which only enqueues: a stack is never entered from another one's poll. */
class PipeEnd implements Device {
  readonly name: string;
  readonly medium: 'ip' | 'ethernet';
  readonly mtu: number;
  readonly linkAddress: Uint8Array | null;
  readonly offload: Offload;
  twin: PipeEnd | null = null;
  private sink: FrameSink | null = null;
  private readonly early: Packet[] = [];
  private readonly earlyMax: number;

  constructor(side: 0 | 1, options: PipeOptions) {
    this.name = options.names?.[side] ?? `pipe${side}`;
    this.medium = options.medium ?? 'ip';
    this.mtu = options.mtu ?? 1500;
    this.offload = options.offload ?? NO_OFFLOAD;
    const linkAddress = options.linkAddresses?.[side] ?? Uint8Array.of(2, 0, 0, 0, 0, side + 1);
    this.linkAddress = this.medium === 'ethernet' ? linkAddress : null;
    this.earlyMax = options.queuePackets ?? 64;
  }

  attach(sink: FrameSink): void {
    assert(this.sink === null, 'pipe: attached twice');
    this.sink = sink;
    if (this.early.length === 0) return;
    for (const packet of this.early) sink.receive(packet);
    this.early.length = 0;
    sink.batchEnd();
  }

  transmit(packet: Packet): boolean {
    const { twin, offload } = this;
    assert(packet.checksum !== 'partial' || offload.checksum, 'pipe: a partial checksum it was not offered');
    assert(packet.segmentSize === 0 || offload.tcpSegmentation || offload.udpSegmentation, 'pipe: a superpacket');
    if (twin === null || packet.length > this.frameMax(packet) || !twin.deliver(packet)) {
      packet.release();
      return false;
    }
    return true;
  }

  /** The twin is told: for it the device is gone. */
  close(): void {
    const { twin } = this;
    this.hangUp();
    if (twin === null) return;
    const { sink } = twin;
    twin.hangUp();
    sink?.lost(new NetError('ENODEV', 'read', { hint: `the other end of ${twin.name} is closed` }));
  }

  private frameMax(packet: Packet): number {
    if (packet.segmentSize > 0) return 65_535 + 14;
    return this.medium === 'ethernet' ? this.mtu + 14 : this.mtu;
  }

  /** False: no room. */
  private deliver(packet: Packet): boolean {
    if (this.sink !== null) {
      this.sink.receive(packet);
      this.sink.batchEnd();
      return true;
    }
    if (this.early.length >= this.earlyMax) return false;
    this.early.push(packet);
    return true;
  }

  private hangUp(): void {
    this.twin = null;
    this.sink = null;
    for (const packet of this.early) packet.release();
    this.early.length = 0;
  }
}
