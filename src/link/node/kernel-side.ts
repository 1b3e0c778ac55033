// The kernel's end of a device: its MTU, its queue towards us, its addresses, and that it is up. No program `ip` is
// needed. What is already as wanted is left alone, so that a device that root prepared needs no root.

import { readFileSync, writeFileSync } from 'node:fs';

import { type Address, formatAddress, isV4, parsePrefix, type Prefix, write16 } from '../../address.js';
import { hex } from '../../bytes.js';
import { NetError } from '../../errors.js';
import {
  flagsOf, IFF_UP, ipv4WordOf, numberOf, requestFor, SIOCGIFADDR, SIOCGIFFLAGS, SIOCGIFINDEX, SIOCGIFMTU, SIOCGIFNETMASK,
  SIOCGIFTXQLEN,
} from './ifreq.js';
import { AF_INET, codeOf, EACCES, EEXIST, EIO, EPERM, type Linux, O_CLOEXEC, SOCK_DGRAM } from './linux.js';
import { addressRequest, change, isLocal, mtuRequest, txQueueLengthRequest, upRequest } from './rtnetlink.js';

export interface KernelSide {
  /** Absent: as it is. */
  readonly mtu?: number | undefined;
  /** Packets that may wait for us. Absent: as it is. */
  readonly txQueueLength?: number | undefined;
  readonly addresses: readonly Prefix[];
}

/** What somebody without privilege may do. */
const PRIVILEGE = 'run as root, or under `unshare -Urn`, or let root prepare it: '
  + '`ip tuntap add dev tun0 mode tun user …`, then `ip addr add …` and `ip link set tun0 up`';

/** @throws NetError EINVAL */
export function prefixOf(text: string): Prefix {
  const prefix = parsePrefix(text);
  if (prefix !== null) return prefix;
  const hint = `'${text}' is not an address with a prefix length, as 10.0.0.1/24 or fd00::1/64`;
  throw new NetError('EINVAL', 'open', { hint });
}

/** Is there an interface of this name in our network namespace? */
export const exists = (linux: Linux, name: string): boolean =>
  withQueries(linux, name, (queries) => queries.ask(SIOCGIFINDEX) !== null);

/**
 * Make the interface `name` as wanted, and bring it up.
 *
 * @returns  its MTU
 * @throws   NetError of the first thing that cannot be had
 */
export function setUp(linux: Linux, name: string, wanted: KernelSide): number {
  return withQueries(linux, name, (queries) => {
    const { mtu, txQueueLength, addresses } = wanted;
    const index = queries.number(SIOCGIFINDEX);
    const make = (request: Uint8Array, doing: string): void => {
      const errno = change(linux, request);
      if (errno !== 0 && errno !== EEXIST) throw refusal(errno, 'rtnetlink', `cannot ${doing}`);
    };
    if (mtu !== undefined && mtu !== queries.number(SIOCGIFMTU)) {
      make(mtuRequest(index, mtu), `set the MTU of ${name} to ${mtu}; 68 to 65535 are possible`);
    }
    if (txQueueLength !== undefined && txQueueLength !== queries.number(SIOCGIFTXQLEN)) {
      make(txQueueLengthRequest(index, txQueueLength), `let ${txQueueLength} packets wait in ${name}`);
    }
    beQuiet(name, addresses.some(({ address }) => !isV4(address)));
    if ((queries.flags() & IFF_UP) === 0) make(upRequest(index), `bring ${name} up`);
    const given = queries.number(SIOCGIFMTU);
    for (const prefix of addresses) {
      if (queries.has(prefix)) continue;
      make(addressRequest(index, prefix), `give ${name} the address ${text(prefix)}${tooNarrow(prefix, given)}`);
      awaitLocal(linux, prefix.address);
    }
    return given;
  });
}

const text = ({ address, prefixLength }: Prefix): string => `${formatAddress(address)}/${prefixLength}`;

/** RFC 8200 §5: where less than 1280 bytes pass, there is no IPv6. */
const tooNarrow = ({ address }: Prefix, mtu: number): string =>
  isV4(address) || mtu >= 1280 ? '' : `; IPv6 needs an MTU of 1280, and ${mtu} it is`;

/**
 * An IPv6 address is the kernel's at once, but the route that makes it take packets to it is put in by a thread of its
 * own, some milliseconds later. Until then it would drop our first packets.
 */
function awaitLocal(linux: Linux, address: Address): void {
  const asleep = new Int32Array(new SharedArrayBuffer(4));
  for (let ms = 0; ms < LOCAL_MS_MAX && !isLocal(linux, address); ms++) Atomics.wait(asleep, 0, 0, 1);
}

/** Longer than was ever seen; whoever waits in vain can work all the same. */
const LOCAL_MS_MAX = 500;

/**
 * The kernel's link-local address too is usable soon, without duplicate address detection, and no router is solicited.
 * Where /proc cannot be written, as in many containers, it is slower and louder.
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

/** How things are with one interface: what anybody may ask. */
class Queries {
  constructor(private readonly linux: Linux, private readonly fd: number, private readonly name: string) {}

  /** Null: there is no answer. */
  ask(request: number): Uint8Array | null {
    const answer = requestFor(this.name);
    return this.linux.control(this.fd, request, answer) < 0 ? null : answer;
  }

  number(request: number): number {
    return numberOf(this.demand(request));
  }

  flags(): number {
    return flagsOf(this.demand(SIOCGIFFLAGS));
  }

  has(prefix: Prefix): boolean {
    return isV4(prefix.address) ? this.hasIpv4(prefix) : this.hasIpv6(prefix);
  }

  private demand(request: number): Uint8Array {
    const answer = this.ask(request);
    if (answer === null) throw refusal(this.linux.errno(), 'ioctl', `cannot ask about ${this.name}`);
    return answer;
  }

  /** Of several IPv4 addresses only the first is told of; giving another again does no harm, but wants privilege. */
  private hasIpv4({ address, prefixLength }: Prefix): boolean {
    const [first, netmask] = [this.ask(SIOCGIFADDR), this.ask(SIOCGIFNETMASK)];
    const mask = prefixLength === 0 ? 0 : -1 << (32 - prefixLength);
    return first !== null && netmask !== null && ipv4WordOf(first) === address.w3 && ipv4WordOf(netmask) === mask;
  }

  /** A line of the kernel's list: address, interface index, prefix length, scope and flags in hexadecimal; name. */
  private hasIpv6({ address, prefixLength }: Prefix): boolean {
    const bytes = new Uint8Array(16);
    write16(bytes, 0, address);
    return readOr('/proc/net/if_inet6', '').split('\n').some((line) => {
      const [digits, , length, , , owner] = line.trim().split(/ +/);
      return digits === hex(bytes) && Number.parseInt(length ?? '', 16) === prefixLength && owner === this.name;
    });
  }
}

function withQueries<T>(linux: Linux, name: string, use: (queries: Queries) => T): T {
  const fd = linux.socket(AF_INET, SOCK_DGRAM | O_CLOEXEC, 0);
  if (fd < 0) throw refusal(linux.errno(), 'socket', 'no socket to ask about interfaces');
  try {
    return use(new Queries(linux, fd, name));
  } finally {
    linux.close(fd);
  }
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return otherwise;
  }
}

/** Why the kernel would not, and what may be done about it. */
export function refusal(errno: number, syscall: string, what: string): NetError {
  const code = codeOf(errno);
  if (errno === EPERM || errno === EACCES) return new NetError(code, syscall, { hint: `${what}; ${PRIVILEGE}` });
  return new NetError(code, syscall, { hint: code === 'EIO' && errno !== EIO ? `${what} (errno ${errno})` : what });
}
