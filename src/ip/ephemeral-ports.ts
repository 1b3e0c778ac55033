// Which port a socket gets that asked for none: hard to guess from outside, and slow to come back. RFC 6056.

import type { Address } from '../address.js';
import type { Random } from '../random.js';
import { SipHash } from '../siphash.js';

/** Both ends belong to it. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** RFC 6335 §6: the dynamic ports. Linux takes 32,768 .. 60,999 (ip_local_port_range). */
export const DYNAMIC_PORTS: PortRange = { first: 49_152, last: 65_535 };

/** One for each transport, so that what one of them opens tells nothing about the other. */
export class EphemeralPorts {
  /** RFC 6056 §3.3.3: next_ephemeral. It begins anywhere. */
  private next: number;
  private readonly f: SipHash;
  private readonly words = new Int32Array(9);

  /** The secret, 128 bits, is drawn here, once; it is nobody else's (SEC-46). */
  constructor(
    private readonly random: Random,
    private readonly range: PortRange = DYNAMIC_PORTS,
  ) {
    this.f = SipHash.random(random);
    this.next = random.below(this.count);
  }

  /** Ports in the range. */
  get count(): number {
    return this.range.last - this.range.first + 1;
  }

  /**
   * A port that `isFree`; every port of the range is tried before giving up.
   *
   * @param remote  the peer; null when it is not known yet (a socket bound to port 0): then the port is random
   * @returns       0: all are taken
   */
  pick(local: Address, remote: Address | null, remotePort: number, isFree: (port: number) => boolean): number {
    const { count } = this;
    // RFC 6056 §3.3.3, algorithm 3: each peer sees a sequence of its own, shifted by what only we can compute, so that
    // a port comes back to the same peer as late as possible. Without a peer that shift would be the same for
    // everybody, and one port would foretell the next: algorithm 1 (§3.3.1) instead.
    const start = remote === null ? this.random.below(count) : this.offset(local, remote, remotePort) + this.next;
    for (let i = 0; i < count; i++) {
      const port = this.range.first + ((start + i) % count);
      if (!isFree(port)) continue;
      // Departs from RFC 6056 §3.3.3, which adds one for each port tried: steps of unforeseeable width (§3.3.5) keep a
      // peer from counting, between two connections that it sees, those that it does not.
      if (remote !== null) this.next = (this.next + i + 1 + this.random.below(STEP_MAX)) % count;
      return port;
    }
    return 0;
  }

  /** RFC 6056 §3.3.3: F(local_IP, remote_IP, remote_port, secret_key), modulo the range. */
  private offset(local: Address, remote: Address, remotePort: number): number {
    const w = this.words;
    w[0] = local.w0;
    w[1] = local.w1;
    w[2] = local.w2;
    w[3] = local.w3;
    w[4] = remote.w0;
    w[5] = remote.w1;
    w[6] = remote.w2;
    w[7] = remote.w3;
    w[8] = remotePort;
    return this.f.hashWords(w, 9) % this.count;
  }
}

/** Wide enough to hide single connections, narrow enough that a peer sees thousands of ports before one comes back. */
const STEP_MAX = 4;
