// What a name is: RFC 1035 §2.3, RFC 5891 where it is not ASCII, and the names of addresses.

import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';

/** RFC 1035 §2.3.4: labels of 1 to 63 bytes, 253 in all; none: the root. Characters as c-ares takes them. */
export function isName(name: string): boolean {
  const rest = name.replace(/\.$/, '');
  return rest === '' || (/^[\w\-./*]+$/.test(rest) && rest.length <= 253 && rest.split('.').every((label) => label.length > 0 && label.length <= 63));
}

/** Names that differ in case alone are the same (RFC 1035 §2.3.3), and so are those with and without the root's dot. */
export const unrooted = (name: string): string => name.toLowerCase().replace(/\.$/, '');

/** RFC 5891, label by label. What is ASCII stays as it is: a URL's host may be a number, or end before a slash, and a name does not. */
export const inAscii = (name: string): string => name.split('.').map((label) => (IS_PLAIN.test(label) ? label : domainToASCII(label) || label)).join('.');

const IS_PLAIN = /^[\0-\x7f]*$|[/?#\\:%@]/;

/** The address that it is: `127.1` and `2130706433` are some, too, to getaddrinfo(3). Null: it is a name. */
export function literalOf(name: string): string | null {
  if (isIP(name) !== 0) return name;
  const literal = /^[\dxa-f.]+$/i.test(name) ? domainToASCII(name) : '';
  return isIP(literal) === 4 ? literal : null;
}

/** Of an address, the name whose PTR is asked for. RFC 1035 §3.5, RFC 3596 §2.5. */
export function reverseName(bytes: Uint8Array): string {
  if (bytes.length === 4) return `${[...bytes].reverse().join('.')}.in-addr.arpa`;
  const nibbles = [...bytes].flatMap((byte) => [byte >> 4, byte & 15]);
  return `${nibbles.reverse().map((nibble) => nibble.toString(16)).join('.')}.ip6.arpa`;
}
