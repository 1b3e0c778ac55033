// What a router says of a packet that its next link cannot carry: destination unreachable, fragmentation needed (RFC 792,
// RFC 1191 §4), or packet too big (RFC 4443 §3.2). Written as it stands on the wire, IP header and all.

import { setU16 } from '../bytes.js';
import { finish, sumBytes } from '../checksum.js';
import * as Icmp from '../icmp/wire.js';
import * as Ip from '../ip/wire.js';

const ICMP = 1;
const ICMPV6 = 58;

/**
 * The error about `b[at .. end)`, to its sender and from its receiver's address, for want of one of the router's own.
 * @param mtu  what the next link carries, bytes
 * @returns    null: nobody is told, for the packet might have been cut, or it is an ICMP error itself (RFC 1122 §3.2.2)
 */
export function tooBigError(b: Uint8Array, at: number, end: number, mtu: number): Uint8Array | null {
  return Ip.version(b, at) === 4 ? error4(b, at, end, mtu) : error6(b, at, end, mtu);
}

function error4(b: Uint8Array, at: number, end: number, mtu: number): Uint8Array | null {
  const transport = at + Ip.headerLength4(b, at);
  const mayBeCut = (b[at + 6]! & 0x40) === 0;
  if (mayBeCut || (b[at + 9] === ICMP && Icmp.type(b, transport) !== Icmp.V4.echo && Icmp.type(b, transport) !== Icmp.V4.echoReply)) return null;
  // RFC 1812 §4.3.2.3: as much of it as fits 576 bytes.
  const quote = Math.min(end - at, 576 - 28);
  const error = new Uint8Array(28 + quote);
  error.set([0x45, 0xc0, 0, 0, 0, 0, 0, 0, 64, ICMP]);
  setU16(error, 2, error.length);
  error.set(b.subarray(at + 16, at + 20), 12);
  error.set(b.subarray(at + 12, at + 16), 16);
  Ip.setChecksum4(error, 0);
  Icmp.setHeader(error, 20, (Icmp.V4.unreachable << 8) | 4, mtu);
  error.set(b.subarray(at, at + quote), 28);
  Icmp.setChecksum(error, 20, finish(sumBytes(error, 20, error.length)));
  return error;
}

function error6(b: Uint8Array, at: number, end: number, mtu: number): Uint8Array | null {
  // RFC 4443 §2.4 (e): types below 128 are errors.
  if (b[at + 6] === ICMPV6 && Icmp.type(b, at + 40) < 128) return null;
  const quote = Math.min(end - at, 1280 - 48);
  const error = new Uint8Array(48 + quote);
  error.set([0x60, 0, 0, 0, 0, 0, ICMPV6, 64]);
  setU16(error, 4, 8 + quote);
  error.set(b.subarray(at + 24, at + 40), 8);
  error.set(b.subarray(at + 8, at + 24), 24);
  Icmp.setHeader(error, 40, Icmp.V6.packetTooBig << 8, mtu);
  error.set(b.subarray(at, at + quote), 48);
  const pseudo = sumBytes(error, 8, 40, ICMPV6 + 8 + quote);
  Icmp.setChecksum(error, 40, finish(sumBytes(error, 40, error.length, pseudo)));
  return error;
}
