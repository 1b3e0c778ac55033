// Ethernet and ARP headers in place. RFC 894, RFC 2464 (the ether types), RFC 826.
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +---------------------------------------------------------------+
//  0|                          destination                          |
//   +                               +-------------------------------+
//  4|                               |            source             |
//   +-------------------------------+                               +
//  8|                                                               |
//   +-------------------------------+-------------------------------+
// 12|          ether type           |  the packet, at 14
//   +-------------------------------+
//
// Checked once, trusted after: if `isWellFormed(b, at, end)`, no accessor leaves `[at, end)`.
// Accessors do not validate, setters do not mask beyond their width.

import { setU16, setU32, u16 } from '../bytes.js';

export const isWellFormed = (_b: Uint8Array, at: number, end: number): boolean => end - at >= 14;

/** Below 0x0600 it is a length: IEEE 802.3, with LLC behind it, which IP does not use (RFC 1122 §2.3.3). */
export const etherType = (b: Uint8Array, at: number): number => u16(b, at + 12);

/** Where the source address stands; the destination stands at `at`. */
export const source = (at: number): number => at + 6;

export function setHeader(b: Uint8Array, at: number, to: Uint8Array, from: Uint8Array, type: number): void {
  copyAddress(b, at, to);
  copyAddress(b, at + 6, from);
  setU16(b, at + 12, type);
}

/** Is the link-layer address at `at` a group's? The bit that goes first on the wire. The broadcast is one. */
export const isGroup = (b: Uint8Array, at: number): boolean => (b[at]! & 1) !== 0;

export const isBroadcast = (b: Uint8Array, at: number): boolean =>
  (b[at]! & b[at + 1]! & b[at + 2]! & b[at + 3]! & b[at + 4]! & b[at + 5]!) === 0xff;

/** Is the link-layer address at `at` this one? */
export const isAddress = (b: Uint8Array, at: number, address: Uint8Array): boolean =>
  b[at + 5] === address[5] && b[at + 4] === address[4] && b[at + 3] === address[3]
  && b[at + 2] === address[2] && b[at + 1] === address[1] && b[at] === address[0];

/** A single station, and not we: `address` is no group's, not zero, not `ours`. Whoever claims another lies. */
export const mayBeNeighbor = (address: Uint8Array, ours: Uint8Array): boolean =>
  !isGroup(address, 0) && !isAddress(address, 0, NOBODY) && !isAddress(address, 0, ours);

const NOBODY = new Uint8Array(6);

export function copyAddress(b: Uint8Array, at: number, address: Uint8Array): void {
  for (let i = 0; i < 6; i++) b[at + i] = address[i]!;
}

// ARP for IPv4 over Ethernet, RFC 826; the field names are its own.
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +-------------------------------+-------------------------------+
//  0|      hardware space: 1        |    protocol space: 0x0800     |
//   +---------------+---------------+-------------------------------+
//  4| hw. length: 6 | pr. length: 4 |            opcode             |
//   +---------------+---------------+-------------------------------+
//  8|              sha: sender's hardware address                   |
//   +                               +-------------------------------+
// 12|                               |   spa: sender's protocol      |
//   +-------------------------------+-------------------------------+
// 16|   address                     |   tha: target's hardware      |
//   +-------------------------------+                               +
// 20|   address                                                     |
//   +---------------------------------------------------------------+
// 24|              tpa: target's protocol address                   |
//   +---------------------------------------------------------------+

/** Long enough, and about IPv4 on Ethernet: a request or a reply. */
export const isWellFormedArp = (b: Uint8Array, at: number, end: number): boolean =>
  end - at >= 28 && u16(b, at) === 1 && u16(b, at + 2) === 0x0800 && b[at + 4] === 6 && b[at + 5] === 4
  && (opcode(b, at) === 1 || opcode(b, at) === 2);

/** 1: request, 2: reply. */
export const opcode = (b: Uint8Array, at: number): number => u16(b, at + 6);

/** Where the four addresses stand. */
export const sha = (at: number): number => at + 8;
export const spa = (at: number): number => at + 14;
export const tha = (at: number): number => at + 18;
export const tpa = (at: number): number => at + 24;

export function setArpHeader(b: Uint8Array, at: number, op: 1 | 2): void {
  setU32(b, at, 0x0001_0800);
  setU16(b, at + 4, 0x0604);
  setU16(b, at + 6, op);
}
