// What the kernel is asked about its interfaces, and to change, as bytes; and its answers. rtnetlink(7), netlink(7).
//
//    message     0 length (32)   4 type (16)   6 flags (16)   8 sequence number (32)   12 port (32)
//      about a link          16 family (8)   18 device type (16)   20 index (32)   24 flags (32)   28 which of them (32)
//      or about an address   16 family (8)   17 prefix length (8)  18 flags (8)    19 scope (8)    20 index (32)
//      or about a route      16 family (8)   17 prefix length (8)                  23 type (8)     24 flags (32)
//    attributes  0 length (16)   2 type (16)   4 value, padded to 4 bytes
//
// Not by ioctl, as of old: that has no way to say that an IPv6 address needs no duplicate address detection, and none
// at all to set a queue's length in a user namespace.

import { type Address, isV4, type Prefix, write16, write4 } from '../../address.js';
import { AF_INET, AF_INET6, type Linux, O_CLOEXEC, O_NONBLOCK, SOCK_RAW } from './linux.js';

const RTM_NEWLINK = 16;
const RTM_NEWADDR = 20;
const RTM_NEWROUTE = 24;
const RTM_GETROUTE = 26;

/** A request; to be acknowledged; to create something, and fail if it is there. */
const ASK = 0x001;
const CHANGE = 0x005;
const CREATE = 0x605;

const IFF_UP = 0x1;
const IFLA_MTU = 4;
const IFLA_TXQLEN = 13;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_F_NODAD = 0x02;
const RTA_DST = 1;
const RTN_LOCAL = 2;

/** Bring the link up. */
export function upRequest(index: number): Uint8Array {
  const request = message(RTM_NEWLINK, CHANGE, 32);
  setU32le(request, 20, index);
  setU32le(request, 24, IFF_UP);
  setU32le(request, 28, IFF_UP);
  return request;
}

export const mtuRequest = (index: number, mtu: number): Uint8Array => linkNumber(index, IFLA_MTU, mtu);

export const txQueueLengthRequest = (index: number, packets: number): Uint8Array =>
  linkNumber(index, IFLA_TXQLEN, packets);

function linkNumber(index: number, attribute: number, value: number): Uint8Array {
  const request = message(RTM_NEWLINK, CHANGE, 40);
  setU32le(request, 20, index);
  setAttribute(request, 32, 4, attribute);
  setU32le(request, 36, value);
  return request;
}

/** Give the link an address of its own. Nobody else can have it, so it need not be asked for (RFC 4862 §5.4). */
export function addressRequest(index: number, { address, prefixLength }: Prefix): Uint8Array {
  const v4 = isV4(address);
  const bytes = v4 ? 4 : 16;
  const request = message(RTM_NEWADDR, CREATE, 24 + 2 * (4 + bytes));
  request[16] = v4 ? AF_INET : AF_INET6;
  request[17] = prefixLength;
  request[18] = v4 ? 0 : IFA_F_NODAD;
  setU32le(request, 20, index);
  // The far end's address too, where the link has but two ends: the same, for the prefix says who is there.
  for (const [i, attribute] of [IFA_LOCAL, IFA_ADDRESS].entries()) {
    const at = 24 + i * (4 + bytes);
    setAttribute(request, at, bytes, attribute);
    (v4 ? write4 : write16)(request, at + 4, address);
  }
  return request;
}

/** Which way packets to `address` go. */
export function routeRequest(address: Address): Uint8Array {
  const v4 = isV4(address);
  const bytes = v4 ? 4 : 16;
  const request = message(RTM_GETROUTE, ASK, 28 + 4 + bytes);
  request[16] = v4 ? AF_INET : AF_INET6;
  request[17] = 8 * bytes;
  setAttribute(request, 28, bytes, RTA_DST);
  (v4 ? write4 : write16)(request, 32, address);
  return request;
}

/** Make a request for a change. @returns 0, or the errno of why not */
export function change(linux: Linux, request: Uint8Array): number {
  const answer = converse(linux, request);
  // NLMSG_ERROR: the errno negated, 0 for none.
  return typeof answer === 'number' ? answer : Math.abs(new DataView(answer.buffer).getInt32(16, true));
}

/** Does the kernel take packets to `address` for its own? */
export function isLocal(linux: Linux, address: Address): boolean {
  const answer = converse(linux, routeRequest(address));
  return typeof answer !== 'number' && answer[4] === RTM_NEWROUTE && answer[23] === RTN_LOCAL;
}

/** @returns the first message of the kernel's answer, or the errno of why there is none */
function converse(linux: Linux, request: Uint8Array): Uint8Array | number {
  const AF_NETLINK = 16;
  const fd = linux.socket(AF_NETLINK, SOCK_RAW | O_NONBLOCK | O_CLOEXEC, 0);
  if (fd < 0) return linux.errno();
  try {
    if (linux.send(fd, request, request.length) < 0) return linux.errno();
    // The kernel has answered when `write` returns.
    const answer = new Uint8Array(4096);
    return linux.receive(fd, answer, answer.length) < 0 ? linux.errno() : answer;
  } finally {
    linux.close(fd);
  }
}

function message(type: number, flags: number, length: number): Uint8Array {
  const request = new Uint8Array(length);
  setU32le(request, 0, length);
  setU16le(request, 4, type);
  setU16le(request, 6, flags);
  return request;
}

function setAttribute(b: Uint8Array, at: number, bytes: number, type: number): void {
  setU16le(b, at, 4 + bytes);
  setU16le(b, at + 2, type);
}

function setU16le(b: Uint8Array, at: number, value: number): void {
  b[at] = value;
  b[at + 1] = value >>> 8;
}

function setU32le(b: Uint8Array, at: number, value: number): void {
  setU16le(b, at, value);
  setU16le(b, at + 2, value >>> 16);
}
