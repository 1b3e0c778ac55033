// The packet that an ICMP error quotes, read as what it is: bytes from anybody. RFC 792, RFC 1122 §3.2.2, RFC 4443 §2.4,
// RFC 4884 §5. Its headers get the checks that a packet's own get (SEC-08), but it may be cut off behind them.

import { type Address, isLinkLocal, refill16, refill4, write16 } from '../address.js';
import type { DropReason } from '../counters.js';
import { Chain } from '../ip/extension.js';
import type { IpHeader } from '../ip/header.js';
import type { Ip } from '../ip/ip.js';
import type { IcmpError } from '../ip/protocol.js';
import * as IpWire from '../ip/wire.js';

/** RFC 1122 §3.2.2: at least so much of the transport header is quoted: TCP's and UDP's ports, TCP's sequence number. */
const TRANSPORT_MIN = 8;

/**
 * Fill in what the IPv4 packet quoted in `b[at .. end)` says: addresses, protocol, and where its transport header is.
 *
 * @returns  why it cannot be told, or null
 */
export function readQuote4(b: Uint8Array, at: number, end: number, error: IcmpError): DropReason | null {
  if (end - at < 20 || IpWire.version(b, at) !== 4) return 'icmp-bad-quote';
  const header = IpWire.headerLength4(b, at);
  const total = IpWire.totalLength4(b, at);
  if (header < 20 || total < header + TRANSPORT_MIN || end - at < header + TRANSPORT_MIN) return 'icmp-bad-quote';
  // A later fragment has no transport header to be recognised by.
  if (IpWire.fragmentOffset4(IpWire.fragmentWord4(b, at)) !== 0) return 'icmp-bad-quote';
  refill4(error.src, b, IpWire.source4(at));
  refill4(error.dst, b, IpWire.destination4(at));
  error.protocol = IpWire.protocol4(b, at);
  error.bytes = b;
  error.at = at + header;
  error.end = Math.min(end, at + total);
  return null;
}

/**
 * The same of an IPv6 packet.
 *
 * @param zone  of its link-local addresses: where the error came in
 */
export function readQuote6(b: Uint8Array, at: number, end: number, zone: number, error: IcmpError): DropReason | null {
  if (end - at < 40 || IpWire.version(b, at) !== 6) return 'icmp-bad-quote';
  const stop = Math.min(end, at + 40 + IpWire.payloadLength6(b, at));
  const chain = scratchChain;
  chain.begin(IpWire.nextHeader6(b, at), at + 40, at + 6);
  if (chain.walk(b, stop) !== null) return 'icmp-bad-quote';
  if (chain.protocol === IpWire.FRAGMENT) {
    // As above; and we send what is behind a fragment header without further ones.
    if (IpWire.fragmentOffset6(b, chain.at) !== 0) return 'icmp-bad-quote';
    chain.passFragment(IpWire.nextHeader(b, chain.at), chain.at + 8, chain.at);
    if (chain.walk(b, stop) !== null) return 'icmp-bad-quote';
  }
  if (stop - chain.at < TRANSPORT_MIN) return 'icmp-bad-quote';
  refillScoped(error.src, b, IpWire.source6(at), zone);
  refillScoped(error.dst, b, IpWire.destination6(at), zone);
  error.protocol = chain.protocol;
  error.bytes = b;
  error.at = chain.at;
  error.end = stop;
  return null;
}

/**
 * Pass a quoted error up to its transport, if it can be true.
 *
 * @param quoted  bytes of the quoted packet, by its own account: it may have been cut off
 */
export function deliverQuoted(ip: Ip, error: IcmpError, quoted: number, header: IpHeader, now: number): DropReason | null {
  // RFC 792, RFC 4443 §2.2: an error goes to the source of what it quotes, and what we sent has our address.
  if (!error.src.equals(header.dst)) return 'icmp-implausible';
  // What passes is not too big.
  if (error.kind === 'packet-too-big' && error.mtu >= quoted) return 'icmp-implausible';
  refillFrom(error.from, header.src);
  return ip.deliverError(error, now) ? null : 'icmp-no-socket';
}

/** RFC 4007 §6: a link-local address means something on its link only. */
function refillScoped(into: Address, b: Uint8Array, at: number, zone: number): void {
  refill16(into, b, at);
  if (isLinkLocal(into)) refill16(into, b, at, zone);
}

function refillFrom(into: Address, a: Address): void {
  write16(scratchBytes, 0, a);
  refill16(into, scratchBytes, 0, a.zone);
}

const scratchChain = new Chain();
const scratchBytes = new Uint8Array(16);
