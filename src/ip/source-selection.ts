// Which of our addresses a packet is sent from, when its sender left that to us. RFC 6724 §5; the same rules
// for IPv4, whose addresses have scopes and labels there too (§3.2, §2.1).

import { type Address, commonPrefixLength, hasPrefix, isV4, scopeOf } from '../address.js';
import type { InterfaceAddress } from './interface.js';

/**
 * The best of `candidates` for packets to `dst`, or null if none is of its family and in use.
 *
 * @param nextHop  where they go first
 */
export function selectSource(candidates: readonly InterfaceAddress[], dst: Address, nextHop: Address): Address | null {
  let best: InterfaceAddress | null = null;
  for (const candidate of candidates) {
    // RFC 4862 §2: a tentative address is not ours yet.
    if (candidate.state === 'tentative' || isV4(candidate.address) !== isV4(dst)) continue;
    if (best === null || prefers(candidate, best, dst, nextHop)) best = candidate;
  }
  return best === null ? null : best.address;
}

/** Is `a` better than `b`? RFC 6724 §5, rule by rule; a tie is no: the older address stays. */
function prefers(a: InterfaceAddress, b: InterfaceAddress, dst: Address, nextHop: Address): boolean {
  // Rule 1: prefer same address.
  if (a.address.equals(dst) !== b.address.equals(dst)) return a.address.equals(dst);
  // Rule 2: prefer appropriate scope: the narrower one, unless it is too narrow for the destination.
  const scopeA = scopeOf(a.address);
  const scopeB = scopeOf(b.address);
  if (scopeA < scopeB) return scopeA >= scopeOf(dst);
  if (scopeB < scopeA) return scopeB < scopeOf(dst);
  // Rule 3: avoid deprecated addresses.
  if (a.state !== b.state) return b.state === 'deprecated';
  // Rule 4, home addresses: there are none here. Rule 5, outgoing interface: all candidates are of one. Rule
  // 5.5, as far as we know it: an address of the subnet that the next hop is in, and that it can therefore
  // answer.
  const nearA = hasPrefix(nextHop, a.address, a.prefixLength);
  const nearB = hasPrefix(nextHop, b.address, b.prefixLength);
  if (nearA !== nearB) return nearA;
  // Rule 6: prefer matching label.
  const label = labelOf(dst);
  const labelA = labelOf(a.address) === label;
  const labelB = labelOf(b.address) === label;
  if (labelA !== labelB) return labelA;
  // Rule 7: prefer temporary addresses.
  if (a.temporary !== b.temporary) return a.temporary;
  // Rule 8: use longest matching prefix. §2.2: no more of it counts than the source's own prefix.
  return matching(a, dst) > matching(b, dst);
}

const matching = (a: InterfaceAddress, dst: Address): number =>
  Math.min(commonPrefixLength(a.address, dst), a.prefixLength);

/** RFC 6724 §2.1: the default table's labels, by longest prefix. */
function labelOf(a: Address): number {
  if (isV4(a)) return 4;
  const { w0 } = a;
  if (w0 === 0 && a.w1 === 0 && a.w2 === 0) return a.w3 === 1 ? 0 : 3;
  // 2002::/16, 2001::/32, fc00::/7, fec0::/10, 3ffe::/16.
  if (w0 >>> 16 === 0x2002) return 2;
  if (w0 === 0x2001_0000) return 5;
  if (w0 >>> 25 === 0x7e) return 13;
  if (w0 >>> 22 === 0x3fb) return 11;
  if (w0 >>> 16 === 0x3ffe) return 12;
  return 1;
}
