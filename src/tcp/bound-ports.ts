// Names that sockets have taken without listening or connecting yet: POSIX's bind, which RFC 9293's OPEN does not know apart
// from itself. POSIX.1-2024 bind(); SO_REUSEADDR as Linux.

import { type Address, isUnspecified, isV4 } from '../address.js';

/** Who has a name. The consent may change while it is listed. */
export interface Binding {
  /** An unspecified IPv6 address stands for both families unless `ipv6Only`. */
  readonly address: Address;
  /** 1 .. 65535. */
  readonly port: number;
  readonly ipv6Only: boolean;
  /** SO_REUSEADDR: others that say the same may have the name too, as long as nobody listens on it. */
  reuseAddress: boolean;
  /** Listens: then nobody else may have the name. */
  isListening: boolean;
}

export class BoundPorts {
  private readonly ports = new Map<number, Set<Binding>>();

  has(port: number): boolean {
    return this.ports.has(port);
  }

  add(binding: Binding): void {
    const here = this.ports.get(binding.port);
    if (here === undefined) this.ports.set(binding.port, new Set([binding]));
    else here.add(binding);
  }

  /** No effect when it is not listed. */
  remove(binding: Binding): void {
    const here = this.ports.get(binding.port);
    if (here === undefined || !here.delete(binding)) return;
    if (here.size === 0) this.ports.delete(binding.port);
  }

  /** May `candidate` be listed, or, listed already, begin to listen? */
  isFree(candidate: Binding): boolean {
    for (const other of this.ports.get(candidate.port) ?? []) {
      if (other === candidate || !overlap(candidate, other)) continue;
      const shared = candidate.reuseAddress && other.reuseAddress && !other.isListening;
      if (!shared) return false;
    }
    return true;
  }
}

/** Could a segment be for both? */
function overlap(a: Binding, b: Binding): boolean {
  if (isUnspecified(a.address)) return coversFamily(a, b);
  if (isUnspecified(b.address)) return coversFamily(b, a);
  return a.address.equals(b.address);
}

/** Does the wildcard `general` hear what `other` hears? */
function coversFamily(general: Binding, other: Binding): boolean {
  const hearsBoth = (b: Binding): boolean => !isV4(b.address) && isUnspecified(b.address) && !b.ipv6Only;
  return isV4(general.address) === isV4(other.address) || hearsBoth(general) || hearsBoth(other);
}
