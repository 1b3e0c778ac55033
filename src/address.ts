// IP addresses of both families as one thing: 128 bits in four int32 words, an IPv4 address in its mapped
// form ::ffff:a.b.c.d. One transport code path serves both. RFC 4291; text forms by RFC 5952 and RFC 4291
// §2.2.
//
// On the ground and not in ip/: ARP, the neighbour cache and the packet text, all below IP, speak of
// addresses too.

import { i32, setU32 } from './bytes.js';
import { invalidArgument, invalidValue } from './errors.js';

/**
 * Immutable to everyone but `refill4` and `refill16`, which exist for header records that are refilled per
 * packet.
 */
export class Address {
  constructor(
    readonly w0: number,
    readonly w1: number,
    readonly w2: number,
    readonly w3: number,
    /** The interface index that a link-local address belongs to; 0: none. */
    readonly zone = 0,
  ) {}

  get family(): 4 | 6 {
    return isV4(this) ? 4 : 6;
  }

  equals(other: Address): boolean {
    return this.w3 === other.w3 && this.w0 === other.w0 && this.w1 === other.w1 && this.w2 === other.w2;
  }

  toString(): string {
    return formatAddress(this);
  }
}

/** Is it an IPv4 address, kept in its mapped form? */
export const isV4 = (a: Address): boolean => a.w2 === 0xffff && a.w0 === 0 && a.w1 === 0;

/** A fresh cell for a record that is refilled. */
export const cell = (): Address => new Address(0, 0, 0, 0);

type Writable = { -readonly [K in 'w0' | 'w1' | 'w2' | 'w3' | 'zone']: number };

/** Refill `into` with the IPv4 address at `b[at .. at + 4)`. Only for cells that nobody stores. */
export function refill4(into: Address, b: Uint8Array, at: number): void {
  const w = into as Writable;
  w.w0 = 0;
  w.w1 = 0;
  w.w2 = 0xffff;
  w.w3 = i32(b, at);
  w.zone = 0;
}

/** Refill `into` with the IPv6 address at `b[at .. at + 16)`. Only for cells that nobody stores. */
export function refill16(into: Address, b: Uint8Array, at: number, zone = 0): void {
  const w = into as Writable;
  w.w0 = i32(b, at);
  w.w1 = i32(b, at + 4);
  w.w2 = i32(b, at + 8);
  w.w3 = i32(b, at + 12);
  w.zone = zone;
}

/** A copy that lasts. */
export const copyOf = (a: Address): Address => new Address(a.w0, a.w1, a.w2, a.w3, a.zone);

/** Write the four bytes of an IPv4 address. */
export const write4 = (b: Uint8Array, at: number, a: Address): void => setU32(b, at, a.w3);

/** Write the sixteen bytes of an IPv6 address. */
export function write16(b: Uint8Array, at: number, a: Address): void {
  setU32(b, at, a.w0);
  setU32(b, at + 4, a.w1);
  setU32(b, at + 8, a.w2);
  setU32(b, at + 12, a.w3);
}

/** An address, and how many of its family's bits name the network. */
export interface Prefix {
  readonly address: Address;
  /** 0 .. 32 for IPv4, 0 .. 128 for IPv6. */
  readonly prefixLength: number;
}

/** The IPv4 address a.b.c.d. */
export const v4 = (a: number, b: number, c: number, d: number): Address =>
  new Address(0, 0, 0xffff, (a << 24) | (b << 16) | (c << 8) | d);

export const ANY4 = v4(0, 0, 0, 0);
export const LOOPBACK4 = v4(127, 0, 0, 1);
export const BROADCAST4 = v4(255, 255, 255, 255);
export const ANY6 = new Address(0, 0, 0, 0);
export const LOOPBACK6 = new Address(0, 0, 0, 1);
/** ff02::1 and ff02::2. RFC 4291 §2.7.1. */
export const ALL_NODES = new Address(0xff020000 | 0, 0, 0, 1);
export const ALL_ROUTERS = new Address(0xff020000 | 0, 0, 0, 2);

/**
 * Read an address that a program or a person gave.
 *
 * @throws  TypeError ERR_INVALID_ARG_VALUE, as Node's, if it is none
 */
export function address(text: string): Address {
  if (typeof text !== 'string') throw invalidArgument('address', 'of type string', text);
  const parsed = parseAddress(text);
  if (parsed === null) throw invalidValue('address', 'must be an IP address', text);
  return parsed;
}

/**
 * The address that `text` writes, or null: dotted decimal without leading zeros, or any form of RFC 4291
 * §2.2, with a zone as a number behind `%` (RFC 4007 §11.2). Names of zones mean something to interfaces, and
 * nothing here.
 */
export function parseAddress(text: string): Address | null {
  if (!text.includes(':')) return parse4(text, 0, text.length, 0, 0, 0xffff);
  const percent = text.indexOf('%');
  if (percent < 0) return parse6(text, text.length, 0);
  const zone = decimal(text, percent + 1, text.length, 0x7fffffff);
  const parsed = zone < 0 ? null : parse6(text, percent, zone);
  return parsed === null || isV4(parsed) ? null : parsed;
}

/** Read `10.0.0.2/24` or `fd00::2/64`; null if it is no such thing. Bits behind the prefix may be set. */
export function parsePrefix(text: string): Prefix | null {
  const slash = text.indexOf('/');
  if (slash < 0) return null;
  const parsed = parseAddress(text.slice(0, slash));
  if (parsed === null) return null;
  // Written as ::ffff:10.0.0.2/120, an IPv4 prefix counts the mapping's bits.
  const mapping = isV4(parsed) && text.includes(':') ? 96 : 0;
  const prefixLength = decimal(text, slash + 1, text.length, bitsOf(parsed) + mapping) - mapping;
  return prefixLength < 0 ? null : { address: parsed, prefixLength };
}

/** The one text form of an address: dotted decimal, or RFC 5952 §4; a zone behind `%`. */
export function formatAddress(a: Address): string {
  if (isV4(a)) return `${a.w3 >>> 24}.${(a.w3 >>> 16) & 0xff}.${(a.w3 >>> 8) & 0xff}.${a.w3 & 0xff}`;
  const groups = [a.w0, a.w1, a.w2, a.w3].flatMap((w) => [w >>> 16, w & 0xffff]);
  // RFC 5952 §4.2: the longest run of zeros is left out, the first of equals, but not a single one.
  let from = 0;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let zeros = 0;
    while (groups[i + zeros] === 0) zeros++;
    if (zeros > length) [from, length] = [i, zeros];
  }
  const text = (part: number[]): string => part.map((group) => group.toString(16)).join(':');
  const zone = a.zone === 0 ? '' : `%${a.zone}`;
  if (length === 1) return text(groups) + zone;
  return `${text(groups.slice(0, from))}::${text(groups.slice(from + length))}${zone}`;
}

/** How many bits an address of this family has. */
const bitsOf = (a: Address): number => (isV4(a) ? 32 : 128);

/** Is `a` of the network's family, and in the network? */
export const hasPrefix = (a: Address, network: Address, prefixLength: number): boolean =>
  commonPrefixLength(a, network) >= prefixLength && isV4(a) === isV4(network);

/** How many leading bits `a` and `b` share, of their family's; 0 if their families differ. RFC 6724 §2.2. */
export function commonPrefixLength(a: Address, b: Address): number {
  const v4 = isV4(a);
  if (v4 !== isV4(b)) return 0;
  if (v4) return Math.clz32(a.w3 ^ b.w3);
  if (a.w0 !== b.w0) return Math.clz32(a.w0 ^ b.w0);
  if (a.w1 !== b.w1) return 32 + Math.clz32(a.w1 ^ b.w1);
  if (a.w2 !== b.w2) return 64 + Math.clz32(a.w2 ^ b.w2);
  return 96 + Math.clz32(a.w3 ^ b.w3);
}

/** 0.0.0.0 or ::. */
export const isUnspecified = (a: Address): boolean =>
  a.w3 === 0 && a.w0 === 0 && a.w1 === 0 && (a.w2 === 0 || a.w2 === 0xffff);

/** 127/8 (RFC 1122 §3.2.1.3) or ::1. */
export const isLoopback = (a: Address): boolean => (isV4(a) ? a.w3 >>> 24 === 127 : a.equals(LOOPBACK6));

/** 224/4 (RFC 1112) or ff00::/8. */
export const isMulticast = (a: Address): boolean => (isV4(a) ? a.w3 >>> 28 === 0xe : a.w0 >>> 24 === 0xff);

/** 255.255.255.255. RFC 919 §7. */
export const isLimitedBroadcast = (a: Address): boolean => isV4(a) && a.w3 === -1;

/** 169.254/16 (RFC 3927) or fe80::/10. */
export const isLinkLocal = (a: Address): boolean =>
  isV4(a) ? a.w3 >>> 16 === 0xa9fe : a.w0 >>> 22 === 0x3fa;

/** fc00::/7. RFC 4193. */
export const isUniqueLocal = (a: Address): boolean => !isV4(a) && a.w0 >>> 25 === 0x7e;

/** The values of a multicast address's scope field. RFC 4291 §2.7, RFC 7346 §2. */
export const SCOPE = {
  interfaceLocal: 1, linkLocal: 2, realmLocal: 3, adminLocal: 4, siteLocal: 5, organizationLocal: 8,
  global: 14,
} as const;

/**
 * How far an address reaches: one of `SCOPE`, or what a multicast address says. RFC 6724 §3.1, §3.2, §3.4.
 */
export function scopeOf(a: Address): number {
  if (isMulticast(a)) return isV4(a) ? multicastScope4(a.w3) : (a.w0 >>> 16) & 0xf;
  if (isLinkLocal(a) || isLoopback(a)) return SCOPE.linkLocal;
  // fec0::/10, deprecated but not forgotten. RFC 3879.
  if (!isV4(a) && a.w0 >>> 22 === 0x3fb) return SCOPE.siteLocal;
  // Private and unique local addresses too: RFC 6724 §3.2 and its table of policies.
  return SCOPE.global;
}

/** RFC 2365 §6 and §8; 224.0.0/24 by RFC 5771 §4. */
function multicastScope4(w: number): number {
  if (w >>> 8 === 0xe00000) return SCOPE.linkLocal;
  if (w >>> 16 === 0xefff) return SCOPE.realmLocal;
  if (w >>> 18 === 0x3bf0) return SCOPE.organizationLocal;
  return SCOPE.global;
}

/** Where neighbors are asked for `a`: ff02::1:ff, and its last 24 bits. RFC 4291 §2.7.1. */
export const solicitedNode = (a: Address): Address => new Address(0xff020000 | 0, 0, 1, 0xff000000 | a.w3);

/**
 * The address of all hosts of `a`'s subnet; null in IPv6, and where RFC 3021 leaves no room for one (/31,
 * /32).
 */
export function subnetBroadcast(a: Address, prefixLength: number): Address | null {
  if (!isV4(a) || prefixLength > 30) return null;
  return new Address(0, 0, 0xffff, a.w3 | (-1 >>> prefixLength));
}

/** `text[at .. end)` as dotted decimal, behind the 96 bits given. */
function parse4(text: string, at: number, end: number, w0: number, w1: number, w2: number): Address | null {
  let w3 = 0;
  let from = at;
  for (let part = 0; part < 4; part++) {
    const dot = part < 3 ? text.indexOf('.', from) : end;
    if (dot < 0 || dot > end) return null;
    const octet = decimal(text, from, dot, 255);
    if (octet < 0) return null;
    w3 = (w3 << 8) | octet;
    from = dot + 1;
  }
  return new Address(w0, w1, w2, w3);
}

/** `text[at .. end)` as a number 0 .. max without leading zeros, or -1. */
function decimal(text: string, at: number, end: number, max: number): number {
  if (at >= end || (text[at] === '0' && end - at > 1)) return -1;
  let value = 0;
  for (let i = at; i < end; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value <= max ? value : -1;
}

/**
 * `text[0 .. end)` as groups of hexadecimal digits; one `::` may stand for zeros, dotted decimal for the last
 * two.
 */
function parse6(text: string, end: number, zone: number): Address | null {
  const groups = [0, 0, 0, 0, 0, 0, 0, 0];
  let count = 0;
  /** How many groups stand before the `::`. */
  let gap = -1;
  let at = 0;
  if (text.startsWith('::')) {
    gap = 0;
    at = 2;
  }
  while (at < end) {
    let stop = at;
    let group = 0;
    for (; stop < end && stop - at < 4; stop++) {
      const digit = hexDigit(text.charCodeAt(stop));
      if (digit < 0) break;
      group = group * 16 + digit;
    }
    if (text[stop] === '.') {
      const last = parse4(text, at, end, 0, 0, 0);
      if (last === null || count > 6) return null;
      groups[count++] = last.w3 >>> 16;
      groups[count++] = last.w3 & 0xffff;
      break;
    }
    if (stop === at || count === 8) return null;
    groups[count++] = group;
    if (stop === end) break;
    if (text[stop] !== ':') return null;
    at = stop + 1;
    if (at < end && text[at] === ':') {
      if (gap >= 0) return null;
      gap = count;
      at++;
    } else if (at === end) {
      return null;
    }
  }
  // A `::` stands for one group of zeros at least.
  if (gap < 0 ? count !== 8 : count === 8) return null;
  if (gap >= 0) groups.splice(gap, 0, ...new Array<number>(8 - count).fill(0));
  const word = (i: number): number => (groups[i]! << 16) | groups[i + 1]!;
  return new Address(word(0), word(2), word(4), word(6), zone);
}

/** The value of a hexadecimal digit's character code, or -1. */
function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const letter = code | 0x20;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}
