// Addresses that nobody had to think of: a subnet in each family for every link and switch, the next number in it for every
// host, and a link address that follows from a name, so that one more host shifts nobody else's.

import { Address, formatAddress, parsePrefix, type Prefix } from '../address.js';
import { invalidArgument } from '../errors.js';

/** An IPv4 and an IPv6 prefix; either may be missing. */
export type Subnet = readonly string[];

/** Of private addresses (RFC 1918) a /16 each, of unique local ones (RFC 4193) a /64. */
export function subnetOf(number: number): Subnet {
  if (number > 255) throw new Error('network: all 255 subnets are taken: name one, with `subnet`');
  return [`10.${number}.0.0/16`, `fd00:${number.toString(16)}::/64`];
}

/** The `number`-th host's addresses, from 1. */
export function addressesOn(subnet: Subnet, number: number): string[] {
  return subnet.map((text) => {
    const { address: a, prefixLength } = prefixOf(text);
    return `${formatAddress(new Address(a.w0, a.w1, a.w2, (a.w3 + number) | 0))}/${prefixLength}`;
  });
}

export function prefixOf(text: string): Prefix {
  const prefix = parsePrefix(text);
  if (prefix === null) throw invalidArgument('subnet', 'prefixes, like 192.0.2.0/24', text);
  return prefix;
}

/** Locally administered (IEEE 802), one station's. FNV-1a, twice. */
export function linkAddressOf(name: string): Uint8Array {
  let [low, high] = [0x811c_9dc5, 0x1234_5678];
  for (let i = 0; i < name.length; i++) {
    low = Math.imul(low ^ name.charCodeAt(i), 0x0100_0193);
    high = Math.imul(high ^ name.charCodeAt(i), 0x85eb_ca6b);
  }
  high ^= high >>> 15;
  return Uint8Array.of(2, high >>> 24, high >>> 16, low >>> 24, low >>> 16, low >>> 8 ^ low);
}
