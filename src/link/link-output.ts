// Where the link floor and what stands on it meet: a port carries packets between one device and one interface.

import type { Address } from '../address.js';
import type { Counters } from '../counters.js';
import type { LimitRegistry } from '../limits.js';
import type { Packet, PacketPool } from '../packet.js';
import type { Random } from '../random.js';

/** How the link layer meant a packet: RFC 1122 §3.3.6 asks IP to compare it with the address. */
export type LinkCast = 'unicast' | 'multicast' | 'broadcast';

/** How IP sends through an interface, whatever its medium. */
export interface LinkOutput {
  /**
   * Send the IP packet `packet.start .. end`. Ownership passes.
   *
   * @param nextHop  a neighbour on this link, a multicast group, or 255.255.255.255 for any broadcast (a subnet's
   *                 own one too: prefixes are not known here). Without meaning on medium `ip`.
   */
  send(packet: Packet, nextHop: Address, now: number): void;
}

/** The two media alike: what the stack drives and IP sends through. */
export interface Port extends LinkOutput {
  /** A frame or packet from the device. Ownership passes. */
  input(packet: Packet, now: number): void;
  /** The batch of input ends: whatever was kept back to be coalesced goes up. */
  flush(now: number): void;
  /** A transport saw progress through this next hop: it is alive. RFC 4861 §7.3.1. */
  confirm(nextHop: Address, now: number): void;
  /** The earliest deadline, or NEVER. */
  nextTimeout(): number;
  expire(now: number): void;
}

/** What a port gives upward. Implemented by IP's interface. */
export interface NetworkLayer {
  /** An IP packet at `packet.start`. Ownership passes. */
  input(packet: Packet, linkCast: LinkCast, now: number): void;
  ownsAddress(address: Address): boolean;
  /** The source of an ARP request: ours on the target's subnet, or 0.0.0.0. */
  addressFor(target: Address): Address;
  /** The next hop of `packet` does not answer, or cannot be asked. Ownership passes. RFC 4861 §7.2.2. */
  unreachable(packet: Packet, now: number): void;
}

/** How a neighbour is asked for its link-layer address. ARP does it here; NDP, being ICMP, does it from above. */
export interface NeighborSolicitor {
  /** @param linkAddress  whom to ask alone, when the address is known and only doubted; null: everybody */
  solicit(target: Address, linkAddress: Uint8Array | null, now: number): void;
}

/** What a port needs of its stack. */
export interface PortEnvironment {
  readonly pool: PacketPool;
  readonly counters: Counters;
  readonly limits: LimitRegistry;
  readonly random: Random;
}
