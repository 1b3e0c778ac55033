// IP addresses of both families as one thing: 128 bits in four int32 words, an IPv4 address in its mapped form
// ::ffff:a.b.c.d. One transport code path serves both. RFC 4291; text forms by RFC 5952 and RFC 4291 §2.2.
//
// On the ground and not in ip/: ARP, the neighbour cache and the packet text, all below IP, speak of addresses too.

import { i32, setU32 } from './bytes.js';

/** Immutable to everyone but `refill4` and `refill16`, which exist for header records that are refilled per packet. */
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
    return format(this);
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

declare function format(a: Address): string;
