// The device's edge, outward: what the device cannot do for a packet is done here, and then it goes. Both ports end
// in it.

import { completeChecksum } from '../checksum.js';
import type { Packet } from '../packet.js';
import type { Device } from './device.js';
import type { PortEnvironment } from './link-output.js';
import { isTcp, segment, type SegmentSink } from './segmentation.js';

export class Egress implements SegmentSink {
  constructor(
    private readonly device: Device,
    private readonly env: PortEnvironment,
    /** Frames are padded to this many bytes. 0: the device does it, or its medium has no minimum. */
    private readonly minFrame = 0,
  ) {}

  /** Send a frame whose network header is at `frame.network`. Ownership passes. */
  send(frame: Packet): void {
    const isWhole = frame.segmentSize === 0 || this.takesWhole(frame);
    if (frame.lent > 0 && !this.isGatheredBelow(frame, isWhole)) frame.gather();
    if (isWhole) {
      this.emit(frame);
      return;
    }
    const refused = segment(frame, this.env.pool, this);
    if (refused !== null) this.env.counters.drop(refused);
  }

  /** Send what needs no cutting. */
  emit(frame: Packet): void {
    const { device, env } = this;
    // A superpacket's segments were sized by whoever built it.
    if (frame.segmentSize === 0 && frame.end + frame.lent - frame.network > device.mtu) {
      env.counters.drop('device-too-big');
      frame.release();
      return;
    }
    // RFC 9293 MUST-2, and UDP's likewise: what nobody behind us sums, is summed here.
    if (frame.checksum === 'partial' && !device.offload.checksum) completeChecksum(frame);
    // What we verified says nothing about what will arrive elsewhere.
    if (frame.checksum === 'verified') frame.checksum = 'whole';
    const sent = frame.length < this.minFrame ? this.padded(frame) : frame;
    const bytes = sent.length;
    if (device.transmit(sent)) {
      env.counters.txPackets++;
      env.counters.txBytes += bytes;
    } else {
      env.counters.drop('device-refused');
    }
  }

  /** Who cuts or sums looks at the payload: only what the device does itself may be left to it. */
  private isGatheredBelow(frame: Packet, isWhole: boolean): boolean {
    const { gathers, offload } = this.device;
    return gathers === true && isWhole && (frame.checksum !== 'partial' || offload.checksum);
  }

  private takesWhole(frame: Packet): boolean {
    // A device that cuts also sums, and starts from the pseudo-header's sum: it needs `partial`.
    if (frame.checksum !== 'partial') return false;
    const { offload } = this.device;
    return isTcp(frame) ? offload.tcpSegmentation : offload.udpSegmentation;
  }

  /** The frame, with zeros behind it: a pooled buffer holds other people's bytes there. RFC 894, RFC 1042. */
  private padded(frame: Packet): Packet {
    let roomy = frame;
    if (frame.start + this.minFrame > frame.bytes.length) {
      roomy = this.env.pool.take(this.minFrame);
      roomy.bytes.set(frame.bytes.subarray(frame.start, frame.end), roomy.start);
      roomy.end = roomy.start + frame.length;
      frame.release();
    }
    const end = roomy.start + this.minFrame;
    roomy.bytes.fill(0, roomy.end, end);
    roomy.end = end;
    return roomy;
  }
}
