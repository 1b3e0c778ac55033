// The kernel's end of a device: its MTU, its queue towards us, its addresses, and that it is up. By ioctl alone: no
// program `ip` is needed. What is already as wanted is left alone, so that a device that root prepared needs no root.

import { readFileSync, writeFileSync } from 'node:fs';

import { Address, formatAddress, isV4, parsePrefix, type Prefix, write16 } from '../../address.js';
import { hex } from '../../bytes.js';
import { NetError } from '../../errors.js';
import {
  addressWordOf, flagsOf, IFF_RUNNING, IFF_UP, ipv6Request, numberOf, requestFor, SIOCGIFADDR, SIOCGIFFLAGS,
  SIOCGIFINDEX, SIOCGIFMTU, SIOCGIFNETMASK, SIOCSIFADDR, SIOCSIFFLAGS, SIOCSIFMTU, SIOCSIFNETMASK, SIOCSIFTXQLEN,
  withAddress, withFlags, withNumber,
} from './ifreq.js';
import { AF_INET, AF_INET6, codeOf, EACCES, EIO, EPERM, type Linux, O_CLOEXEC, SOCK_DGRAM } from './linux.js';

export interface KernelSide {
  /** Absent: as it is. */
  readonly mtu?: number | undefined;
  /** Packets that may wait for us. Absent: as it is. */
  readonly txQueueLength?: number | undefined;
  /** The same, if it may be had: in a user namespace (`unshare -U`) Linux lets nobody set it. */
  readonly txQueueLengthWish?: number | undefined;
  readonly addresses: readonly Prefix[];
}

/** What an unprivileged caller may do. */
export const PRIVILEGE = 'run as root, or under `unshare -Urn`, or let root prepare it: '
  + '`ip tuntap add dev tun0 mode tun user …`, then `ip addr add …` and `ip link set tun0 up`';

/** @throws NetError EINVAL */
export function prefixOf(text: string): Prefix {
  const prefix = parsePrefix(text);
  if (prefix !== null) return prefix;
  throw new NetError('EINVAL', 'open', { hint: `'${text}' is not an address with a prefix length, as 10.0.0.1/24 or fd00::1/64` });
}

/** Is there an interface of this name in our network namespace? */
export function exists(linux: Linux, name: string): boolean {
  return withSocket(linux, AF_INET, (fd) => linux.control(fd, SIOCGIFINDEX, requestFor(name)) >= 0);
}

/**
 * Make the interface `name` as wanted, and bring it up.
 *
 * @returns  its MTU
 * @throws   NetError of the first thing that cannot be had
 */
export function setUp(linux: Linux, name: string, wanted: KernelSide): number {
  const v4 = wanted.addresses.filter((prefix) => isV4(prefix.address));
  const v6 = wanted.addresses.filter((prefix) => !isV4(prefix.address));
  const mtu = withSocket(linux, AF_INET, (fd) => {
    const inet = new Requests(linux, fd);
    const { mtu, txQueueLength, txQueueLengthWish } = wanted;
    if (mtu !== undefined && mtu !== inet.number(SIOCGIFMTU, name)) {
      inet.make(SIOCSIFMTU, withNumber(name, mtu), `set the MTU of ${name} to ${mtu}; 68 to 65535 are possible`);
    }
    if (txQueueLength !== undefined) {
      inet.make(SIOCSIFTXQLEN, withNumber(name, txQueueLength), `let ${txQueueLength} packets wait in ${name}`);
    }
    if (txQueueLengthWish !== undefined) linux.control(fd, SIOCSIFTXQLEN, withNumber(name, txQueueLengthWish));
    beQuiet(name, v6.length > 0);
    v4.forEach((prefix, i) => addIpv4(inet, name, prefix, i));
    const flags = flagsOf(inet.make(SIOCGIFFLAGS, requestFor(name), `ask for ${name}`));
    if ((flags & IFF_UP) === 0) {
      inet.make(SIOCSIFFLAGS, withFlags(name, flags | IFF_UP | IFF_RUNNING), `bring ${name} up`);
    }
    return inet.number(SIOCGIFMTU, name);
  });
  if (v6.length > 0) addIpv6(linux, name, v6, mtu);
  return mtu;
}

/** A second IPv4 address belongs to an alias, `tun0:1`: that is how these old requests tell them apart. */
function addIpv4(inet: Requests, name: string, { address, prefixLength }: Prefix, nth: number): void {
  const label = nth === 0 ? name : `${name}:${nth}`;
  const doing = `give ${name} the address ${formatAddress(address)}/${prefixLength}`;
  if (label.length > 15) throw new NetError('EINVAL', 'ioctl', { hint: `cannot ${doing}: its name is too long for a second one` });
  const netmask = new Address(0, 0, 0xffff, prefixLength === 0 ? 0 : -1 << (32 - prefixLength));
  if (inet.address(SIOCGIFADDR, label) === address.w3 && inet.address(SIOCGIFNETMASK, label) === netmask.w3) return;
  inet.make(SIOCSIFADDR, withAddress(label, address), doing);
  inet.make(SIOCSIFNETMASK, withAddress(label, netmask), doing);
}

function addIpv6(linux: Linux, name: string, prefixes: readonly Prefix[], mtu: number): void {
  const missing = prefixes.filter((prefix) => !hasIpv6(name, prefix));
  if (missing.length === 0) return;
  withSocket(linux, AF_INET6, (fd) => {
    const inet6 = new Requests(linux, fd);
    const index = inet6.number(SIOCGIFINDEX, name);
    for (const { address, prefixLength } of missing) {
      // RFC 8200 §5: where less than 1280 bytes pass, there is no IPv6.
      const why = mtu < 1280 ? `; IPv6 needs an MTU of 1280, and ${mtu} it is` : '';
      const doing = `give ${name} the address ${formatAddress(address)}/${prefixLength}${why}`;
      inet6.make(SIOCSIFADDR, ipv6Request(address, prefixLength, index), doing);
    }
  });
}

/** A line of the kernel's list: address, interface index, prefix length, scope and flags in hexadecimal; name. */
function hasIpv6(name: string, { address, prefixLength }: Prefix): boolean {
  const bytes = new Uint8Array(16);
  write16(bytes, 0, address);
  return readOr('/proc/net/if_inet6', '').split('\n').some((line) => {
    const [text, , length, , , owner] = line.trim().split(/ +/);
    return text === hex(bytes) && Number.parseInt(length ?? '', 16) === prefixLength && owner === name;
  });
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return otherwise;
  }
}

/**
 * An address of the kernel's is usable at once, since nobody else is there to have it (no duplicate address detection),
 * and no router is solicited. Where /proc cannot be written, as in many containers, it is slower and louder.
 */
function beQuiet(name: string, ipv6Wanted: boolean): void {
  const settings: [string, string][] = [['accept_dad', '0'], ['dad_transmits', '0'], ['router_solicitations', '0']];
  if (ipv6Wanted) settings.push(['disable_ipv6', '0']);
  for (const [setting, value] of settings) {
    try {
      writeFileSync(`/proc/sys/net/ipv6/conf/${name}/${setting}`, value);
    } catch {
      // A comfort. If IPv6 is not to be had at all, giving the address will say so.
    }
  }
}

/** Requests on one socket; what is refused is thrown, and says what was being done. */
class Requests {
  constructor(private readonly linux: Linux, private readonly fd: number) {}

  make(code: number, request: Uint8Array, doing: string): Uint8Array {
    if (this.linux.control(this.fd, code, request) < 0) throw refusal(this.linux.errno(), 'ioctl', `cannot ${doing}`);
    return request;
  }

  /** 0: none, or nothing of that name. */
  address(code: number, name: string): number {
    const request = requestFor(name);
    return this.linux.control(this.fd, code, request) < 0 ? 0 : addressWordOf(request);
  }

  number(code: number, name: string): number {
    return numberOf(this.make(code, requestFor(name), `ask for ${name}`));
  }
}

export function refusal(errno: number, syscall: string, what: string): NetError {
  const code = codeOf(errno);
  if (errno === EPERM || errno === EACCES) return new NetError(code, syscall, { hint: `${what}; ${PRIVILEGE}` });
  return new NetError(code, syscall, { hint: code === 'EIO' && errno !== EIO ? `${what} (errno ${errno})` : what });
}

function withSocket<T>(linux: Linux, family: number, use: (fd: number) => T): T {
  const fd = linux.socket(family, SOCK_DGRAM | O_CLOEXEC, 0);
  if (fd < 0) throw refusal(linux.errno(), 'socket', `this kernel has no IPv${family === AF_INET ? 4 : 6}`);
  try {
    return use(fd);
  } finally {
    linux.close(fd);
  }
}
