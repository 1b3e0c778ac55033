// The device that gives back what it is given. RFC 1122 §3.2.1.3 (g) keeps its packets inside the host.

import type { Packet } from '../packet.js';
import type { Device, FrameSink, Offload } from './device.js';

export class Loopback implements Device {
  readonly medium = 'ip';
  readonly mtu = 65_535;
  readonly linkAddress = null;
  /** Nothing is cut and nothing summed: the bytes never leave. */
  readonly offload: Offload = { checksum: true, tcpSegmentation: true, udpSegmentation: true };
  private sink: FrameSink | null = null;

  constructor(readonly name = 'lo') {}

  attach(sink: FrameSink): void {
    this.sink = sink;
  }

  transmit(packet: Packet): boolean {
    if (this.sink === null) {
      packet.release();
      return false;
    }
    this.sink.receive(packet);
    this.sink.batchEnd();
    return true;
  }

  close(): void {
    this.sink = null;
  }
}
