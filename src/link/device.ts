// What a device is: frames in, frames out, and what it can do for us on the way. It knows no protocol above its own.

import type { NetError } from '../errors.js';
import type { Packet } from '../packet.js';

export interface Offload {
  /** It takes packets with a `partial` checksum, and may give such. */
  readonly checksum: boolean;
  /** It takes TCP superpackets (`segmentSize` > 0), of both families. */
  readonly tcpSegmentation: boolean;
  /** It takes UDP superpackets. */
  readonly udpSegmentation: boolean;
}

export const NO_OFFLOAD: Offload = { checksum: false, tcpSegmentation: false, udpSegmentation: false };

/** Whom a device talks to: its port on the stack. */
export interface FrameSink {
  /** A frame (medium `ethernet`) or a packet (medium `ip`) in `packet.start .. end`. Ownership passes with it. */
  receive(packet: Packet): void;
  /** The batch ends: what was given may be processed now. */
  batchEnd(): void;
  /** The device is gone, for good. */
  lost(error: NetError): void;
}

/** Text of a superpacket of TCP that every device takes, or has cut: 65,535 bytes less IPv6's and the longest TCP header. */
export const SUPERPACKET_TEXT = 65_535 - 40 - 60;

export interface Device {
  readonly name: string;
  readonly medium: 'ip' | 'ethernet';
  /** Largest IP packet, bytes; a superpacket may be 65,535. */
  readonly mtu: number;
  /** Six bytes, on `ethernet`; null on `ip`. */
  readonly linkAddress: Uint8Array | null;
  readonly offload: Offload;
  /** It takes packets whose payload is lent. */
  readonly gathers?: true;
  /**
   * Text of the largest superpacket of TCP, bytes. More than the default only of a device that gathers, and that knows a
   * larger one by a total length of 0 in IPv4 and by the jumbo payload option in IPv6 (RFC 2675). Default `SUPERPACKET_TEXT`.
   */
  readonly superpacketText?: number;
  /** Frames go to `sink` from now on. Once. */
  attach(sink: FrameSink): void;
  /** Takes `packet` (ownership passes; the device releases it). False: it could not be sent, and is gone. */
  transmit(packet: Packet): boolean;
  /**
   * Sends a frame that others send, too: it is the caller's, stays as it is, and whoever wants it longer holds it. Of a device
   * that has no such, each sender hands over a copy.
   */
  transmitShared?(frame: Packet): void;
  /** No frame moves after it. Idempotent. */
  close(): void;
}
