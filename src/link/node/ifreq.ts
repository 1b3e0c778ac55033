// What Linux is asked about a network interface: `struct ifreq` and its kin as bytes. netdevice(7), <linux/if.h>,
// <linux/if_tun.h>, <linux/ipv6.h>.
//
//    struct ifreq                               struct in6_ifreq
//    0  name, 16 bytes, zero-terminated         0  address, 16 bytes
//   16  flags (16 bits) | index, MTU, queue     16  prefix length, 32 bits
//       length (32) | sockaddr_in (16 bytes)    20  interface index, 32 bits

import { type Address, write16, write4 } from '../../address.js';
import { i32 } from '../../bytes.js';

export const SIOCGIFFLAGS = 0x8913;
export const SIOCSIFFLAGS = 0x8914;
export const SIOCGIFADDR = 0x8915;
export const SIOCSIFADDR = 0x8916;
export const SIOCGIFNETMASK = 0x891b;
export const SIOCSIFNETMASK = 0x891c;
export const SIOCGIFMTU = 0x8921;
export const SIOCSIFMTU = 0x8922;
export const SIOCGIFINDEX = 0x8933;
export const SIOCSIFTXQLEN = 0x8943;

export const TUNSETIFF = 0x400454ca;
export const TUNSETOFFLOAD = 0x400454d0;
export const TUNSETVNETHDRSZ = 0x400454d8;

/** SIOCxIFFLAGS. */
export const IFF_UP = 0x1;
export const IFF_RUNNING = 0x40;

/** TUNSETIFF: the same name, other flags. */
export const IFF_TUN = 0x0001;
export const IFF_TAP = 0x0002;
export const IFF_MULTI_QUEUE = 0x0100;
export const IFF_NO_PI = 0x1000;
export const IFF_VNET_HDR = 0x4000;

/** Of `struct ifreq` on 64 bits; on 32 bits it is shorter, and the rest is not looked at. */
const IFREQ_BYTES = 40;
const NAME_BYTES = 16;

/** A request about the interface `name`, which must be a possible name; all else is zero. */
export function requestFor(name: string): Uint8Array {
  const request = new Uint8Array(IFREQ_BYTES);
  for (let i = 0; i < name.length; i++) request[i] = name.charCodeAt(i);
  return request;
}

/** `dev_valid_name` in Linux, and ASCII; the empty name lets the kernel choose. `tun%d` asks it to number. */
export const isPossibleName = (name: string): boolean =>
  name.length < NAME_BYTES && name !== '.' && name !== '..' && /^[!-~]*$/.test(name) && !/[/:]/.test(name);

export function withFlags(name: string, flags: number): Uint8Array {
  const request = requestFor(name);
  request[16] = flags;
  request[17] = flags >>> 8;
  return request;
}

export const flagsOf = (request: Uint8Array): number => request[16]! | (request[17]! << 8);

export function withNumber(name: string, value: number): Uint8Array {
  const request = requestFor(name);
  setNumber(request, 16, value);
  return request;
}

export const numberOf = (request: Uint8Array): number =>
  request[16]! | (request[17]! << 8) | (request[18]! << 16) | (request[19]! << 24);

/** An IPv4 address in a `sockaddr_in` without a port. */
export function withAddress(name: string, address: Address): Uint8Array {
  const request = requestFor(name);
  request[16] = 2; // AF_INET
  write4(request, 20, address);
  return request;
}

/** The word of the IPv4 address in a request; 0 where there is none. */
export const addressWordOf = (request: Uint8Array): number => i32(request, 20);

/** The address and its prefix for the interface of this index. */
export function ipv6Request(address: Address, prefixLength: number, index: number): Uint8Array {
  const request = new Uint8Array(24);
  write16(request, 0, address);
  setNumber(request, 16, prefixLength);
  setNumber(request, 20, index);
  return request;
}

/** The name that the kernel put into a request. */
export function nameOf(request: Uint8Array): string {
  let name = '';
  for (let i = 0; i < NAME_BYTES && request[i] !== 0; i++) name += String.fromCharCode(request[i]!);
  return name;
}

function setNumber(b: Uint8Array, at: number, value: number): void {
  b[at] = value;
  b[at + 1] = value >>> 8;
  b[at + 2] = value >>> 16;
  b[at + 3] = value >>> 24;
}
