// Raw taps: who is shown what is delivered to us, after reassembly and before the transports. RFC 1122 §3.4;
// as BSD and Linux do, the packet goes on to its transport all the same.

import type { LimitRegistry } from '../limits.js';
import type { Packet } from '../packet.js';
import type { IpHeader } from './header.js';

export interface RawTap {
  /** Null: all. */
  readonly protocol: number | null;
  readonly family: 4 | 6;
  /**
   * The packet is lent: the bytes from `header.at` to `packet.end` are good during the call; `packet.start`
   * is behind all headers of IP. Copy what must last: the transport goes on with the same packet. With
   * `packet.checksum` `partial` the transport's checksum is not in place.
   */
  onPacket(packet: Packet, header: IpHeader, now: number): void;
}

export class RawTable {
  private taps: readonly RawTap[] = [];

  constructor(limits: LimitRegistry) {
    limits.add({ name: 'ip.raw', unit: 'entries', max: TAPS_MAX, source: 'ours', used: () => this.taps.length });
  }

  /** False: the table is full. The same tap twice is one. */
  add(tap: RawTap): boolean {
    if (this.taps.includes(tap)) return true;
    if (this.taps.length === TAPS_MAX) return false;
    this.taps = [...this.taps, tap];
    return true;
  }

  remove(tap: RawTap): void {
    this.taps = this.taps.filter((other) => other !== tap);
  }

  /** @returns whether anybody took it: then a protocol that nobody registered is no error */
  offer(packet: Packet, header: IpHeader, now: number): boolean {
    // A tap that adds or removes taps replaces the list: this packet is shown to those that were there when
    // it came.
    const { taps } = this;
    let taken = false;
    for (let i = 0; i < taps.length; i++) {
      const tap = taps[i]!;
      if (tap.family !== header.family || (tap.protocol !== null && tap.protocol !== header.protocol)) continue;
      tap.onPacket(packet, header, now);
      taken = true;
    }
    return taken;
  }
}

const TAPS_MAX = 256;
