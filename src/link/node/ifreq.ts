// What Linux is asked about an interface by ioctl: `struct ifreq` as bytes. netdevice(7), <linux/if_tun.h>.
//
//     0  name, 16 bytes, zero-terminated
//    16  flags (16 bits) | index or MTU (32 bits) | address: family (16), port (16), IPv4 address (32)

import { i32 } from '../../bytes.js';

export const SIOCGIFFLAGS = 0x8913;
export const SIOCGIFADDR = 0x8915;
export const SIOCGIFNETMASK = 0x891b;
export const SIOCGIFMTU = 0x8921;
export const SIOCGIFINDEX = 0x8933;
export const SIOCGIFTXQLEN = 0x8942;

export const TUNSETIFF = 0x400454ca;
export const TUNSETOFFLOAD = 0x400454d0;
export const TUNSETVNETHDRSZ = 0x400454d8;

/** The flag of SIOCGIFFLAGS. */
export const IFF_UP = 0x1;

/** The flags of TUNSETIFF. */
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

export function withFlags(name: string, flags: number): Uint8Array {
  const request = requestFor(name);
  request[16] = flags;
  request[17] = flags >>> 8;
  return request;
}

/** What an answer says. */
export const flagsOf = (answer: Uint8Array): number => answer[16]! | (answer[17]! << 8);
export const numberOf = (answer: Uint8Array): number => flagsOf(answer) | (answer[18]! << 16) | (answer[19]! << 24);
export const ipv4WordOf = (answer: Uint8Array): number => i32(answer, 20);

/** The name that the kernel put into a request. */
export function nameOf(answer: Uint8Array): string {
  let name = '';
  for (let i = 0; i < NAME_BYTES && answer[i] !== 0; i++) name += String.fromCharCode(answer[i]!);
  return name;
}

/** `dev_valid_name` in Linux, and ASCII; the empty name lets the kernel choose. `tun%d` asks it to number. */
export const isPossibleName = (name: string): boolean =>
  name.length < NAME_BYTES && name !== '.' && name !== '..' && /^[!-~]*$/.test(name) && !/[/:]/.test(name);
