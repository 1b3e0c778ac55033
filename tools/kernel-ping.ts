// An ICMP echo from the kernel's own stack, where there is no program `ping`: through a raw socket (root), else through
// a datagram socket of ICMP (icmp(7), where net.ipv4.ping_group_range allows it). RFC 792, RFC 4443 §4.

import { type Address, address as parse, formatAddress, isV4, write16, write4 } from '../src/address.js';
import { equal, setU16, setU32, u16 } from '../src/bytes.js';
import { finish, sumBytes } from '../src/checksum.js';
import { NetError } from '../src/errors.js';
import {
  AF_INET, AF_INET6, codeOf, EAGAIN, type Linux, loadLinux, O_CLOEXEC, O_NONBLOCK, SOCK_DGRAM, SOCK_RAW,
} from '../src/link/node/linux.js';

export interface KernelPingOptions {
  /** Payload, 0 .. 65,507. Default 56, as ping's. */
  readonly bytes?: number;
  /** Default 1000. */
  readonly timeoutMs?: number;
}

/**
 * Send one echo request and wait for its echo.
 *
 * @param address  IPv4 or IPv6; a link-local one with its interface's index, `fe80::1%2`
 * @returns        the round trip in ms
 * @throws         NetError: ETIMEDOUT; EPROTO, when what came back is not what went out; EPERM, no socket to be had; or
 *                 what an ICMP error says
 */
export async function kernelPing(address: string, options: KernelPingOptions = {}): Promise<number> {
  const target = parse(address);
  const { bytes = 56, timeoutMs = 1000 } = options;
  const linux = loadLinux();
  const { fd, raw } = openSocket(linux, target);
  const request = echoRequest(target, bytes);
  const from = performance.now();
  try {
    const to = socketAddress(target);
    if (linux.connect(fd, to, to.length) < 0) throw failure(linux, 'connect', target);
    if (linux.send(fd, request, request.length) < 0) throw failure(linux, 'write', target);
    const echo = await reply(linux, fd, { request, target, raw, timeoutMs });
    if (!equal(echo.subarray(8), request.subarray(8))) {
      throw new NetError('EPROTO', 'read', { address: formatAddress(target), hint: 'the echo is not what was sent' });
    }
    return performance.now() - from;
  } finally {
    linux.close(fd);
  }
}

function openSocket(linux: Linux, target: Address): { fd: number; raw: boolean } {
  const [family, protocol] = isV4(target) ? [AF_INET, 1] : [AF_INET6, 58];
  for (const raw of [true, false]) {
    const fd = linux.socket(family, (raw ? SOCK_RAW : SOCK_DGRAM) | O_NONBLOCK | O_CLOEXEC, protocol);
    if (fd >= 0) return { fd, raw };
  }
  throw failure(linux, 'socket', target);
}

/** Type, code, checksum, identifier, sequence number; then bytes that tell whether one was lost or moved. */
function echoRequest(target: Address, bytes: number): Uint8Array {
  const request = new Uint8Array(8 + bytes);
  request[0] = isV4(target) ? 8 : 128;
  setU16(request, 4, process.pid);
  setU16(request, 6, 1);
  for (let i = 0; i < bytes; i++) request[8 + i] = (i * 7) ^ (i >>> 8);
  // ICMPv6's covers addresses, so the kernel computes it. RFC 3542 §3.1.
  if (isV4(target)) setU16(request, 2, finish(sumBytes(request, 0, request.length)));
  return request;
}

/** sockaddr_in or sockaddr_in6, without a port. */
function socketAddress(target: Address): Uint8Array {
  const bytes = new Uint8Array(isV4(target) ? 16 : 28);
  bytes[0] = isV4(target) ? AF_INET : AF_INET6;
  if (isV4(target)) {
    write4(bytes, 4, target);
  } else {
    write16(bytes, 8, target);
    // The scope is in the machine's own order, which is little-endian.
    setU32(bytes, 24, target.zone);
    bytes.subarray(24).reverse();
  }
  return bytes;
}

interface Waiting {
  readonly request: Uint8Array;
  readonly target: Address;
  readonly raw: boolean;
  readonly timeoutMs: number;
}

/** The ICMP message that answers the request. A raw socket also sees everybody else's. */
function reply(linux: Linux, fd: number, { request, target, raw, timeoutMs }: Waiting): Promise<Uint8Array> {
  const type = isV4(target) ? 0 : 129;
  const inbox = new Uint8Array(65_536);
  const isOurs = (b: Uint8Array): boolean =>
    b.length >= 8 && b[0] === type && u16(b, 6) === 1 && (!raw || u16(b, 4) === u16(request, 4));
  return new Promise((resolve, reject) => {
    const late = new NetError('ETIMEDOUT', 'read', { address: formatAddress(target) });
    const timer = setTimeout(() => settle(() => reject(late)), timeoutMs);
    const watch = linux.watch(fd, () => {
      for (;;) {
        const length = linux.receive(fd, inbox, inbox.length);
        if (length < 0) {
          if (linux.errno() === EAGAIN) return;
          const error = failure(linux, 'read', target);
          return settle(() => reject(error));
        }
        // A raw IPv4 socket gives the IP header too.
        const message = inbox.subarray(raw && isV4(target) ? (inbox[0]! & 0xf) * 4 : 0, length);
        if (isOurs(message)) return settle(() => resolve(message));
      }
    });
    function settle(how: () => void): void {
      clearTimeout(timer);
      watch.close();
      how();
    }
  });
}

function failure(linux: Linux, syscall: string, target: Address): NetError {
  return new NetError(codeOf(linux.errno()), syscall, { address: formatAddress(target) });
}
