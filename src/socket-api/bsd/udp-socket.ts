// A datagram socket behind a descriptor, over an endpoint (udp/endpoint.ts). POSIX.1-2024 §2.10.6; udp(7), ip(7).

import { type Address, isV4 } from '../../address.js';
import type { Datagram } from '../../udp/datagram-queue.js';
import { type UdpEndpoint, type UdpError, type UdpOwner } from '../../udp/endpoint.js';
import type { Udp } from '../../udp/udp.js';
import * as C from './constants.js';
import type { Errno } from './constants.js';
import { getSocketOption, intOf, setSocketOption } from './socket-options.js';
import {
  type Attempt, fillName, type OptionValue, type Outcome, over, Refusal, resolve, type Socket, type SocketAddress, SocketCommon,
  type SocketName, type Transfer,
} from './socket.js';

/** What `recvmsg` with MSG_ERRQUEUE tells: Linux's `struct sock_extended_err`. */
export interface ExtendedError {
  readonly ee_errno: number;
  /** 2: ICMP, 3: ICMPv6. */
  readonly ee_origin: number;
  /** With EMSGSIZE, the MTU. */
  readonly ee_info: number;
  /** Who says so. */
  readonly offender: Address;
}

export class UdpSocket implements Socket, UdpOwner {
  /** Made anew when an option asks for another kind of endpoint, as long as it has no name. */
  private endpoint: UdpEndpoint;
  /** Looked at by MSG_PEEK, and still to be received. */
  private next: Datagram | null = null;
  /** What MSG_MORE has put together. */
  private readonly held: Uint8Array[] = [];
  private heldFor: SocketAddress | null = null;
  private recordErrors = false;

  constructor(private readonly udp: Udp, readonly common: SocketCommon) {
    this.endpoint = this.open();
  }

  private open(): UdpEndpoint {
    const { remembered, domain } = this.common;
    const isSet = (name: number | string): boolean => (remembered.get(name) ?? 0) !== 0;
    const endpoint = this.udp.open({
      family: domain === C.AF_INET ? 4 : 6, v6Only: isSet(V6ONLY), reuseAddress: isSet(C.SO_REUSEADDR),
      reusePort: isSet(C.SO_REUSEPORT),
    });
    endpoint.owner = this;
    endpoint.recordErrors = this.recordErrors;
    return endpoint;
  }

  onUdpEvent(): void {
    this.note();
    this.common.wake();
  }

  /** An ICMP error that waits is SO_ERROR's. */
  private note(): void {
    const { common, endpoint } = this;
    common.error ??= endpoint.takeError() ?? (this.recordErrors ? this.fatalRecorded() : null);
  }

  /** ip(7): with IP_RECVERR every error is told, of an unconnected socket too; the queue has the details. */
  private fatalRecorded(): Errno | null {
    const count = this.endpoint.errorsWaiting;
    if (count <= this.told) {
      this.told = count;
      return null;
    }
    this.told = count;
    return this.endpoint.lastError;
  }

  /** Recorded errors that SO_ERROR has told of. */
  private told = 0;

  // Names.

  bind(name: SocketAddress): Outcome {
    const where = resolve(name, this.common.domain);
    if (typeof where === 'string') return where;
    return this.endpoint.bind(where.address, where.port) ?? 0;
  }

  connect(name: SocketAddress): Attempt {
    if (name.family === C.AF_UNSPEC) {
      this.endpoint.disconnect();
      return over(0);
    }
    const where = resolve(name, this.common.domain);
    if (typeof where === 'string') return over(where);
    const refusal = this.endpoint.connect(where.address, where.port);
    return over(refusal ?? 0);
  }

  localName(into: SocketName): Errno | null {
    fillName(into, this.endpoint.localAddress, this.endpoint.localPort, this.common.domain);
    return null;
  }

  peerName(into: SocketName): Errno | null {
    const { remoteAddress, remotePort } = this.endpoint;
    if (remoteAddress === null) return 'ENOTCONN';
    fillName(into, remoteAddress, remotePort, this.common.domain);
    return null;
  }

  listen(): Outcome {
    return 'EOPNOTSUPP';
  }

  accept(): Outcome {
    return 'EOPNOTSUPP';
  }

  // Transfer.

  receive(t: Transfer): Outcome {
    if ((t.flags & C.MSG_OOB) !== 0) return 'EOPNOTSUPP';
    if ((t.flags & C.MSG_ERRQUEUE) !== 0) return this.receiveError(t);
    const { common } = this;
    this.note();
    const error = common.takeError();
    if (error !== null) return error;
    const datagram = this.next ?? this.endpoint.receive();
    if (datagram === null) return common.readShut && t.waits ? 0 : WOULD_BLOCK;
    this.next = (t.flags & C.MSG_PEEK) !== 0 ? datagram : null;
    const { data } = datagram;
    t.fill(data);
    t.nameTo(datagram.address, datagram.port, common.domain);
    if (data.length > t.length) t.messageFlags |= C.MSG_TRUNC;
    return (t.flags & C.MSG_TRUNC) !== 0 ? data.length : Math.min(data.length, t.length);
  }

  private receiveError(t: Transfer): Outcome {
    const error = this.endpoint.receiveError();
    // Linux does not wait for an error.
    if (error === null) return 'EAGAIN';
    t.messageFlags |= C.MSG_ERRQUEUE;
    t.nameTo(error.address, error.port, this.common.domain);
    t.control.push(controlOf(error));
    t.fill(error.quoted);
    if (error.quoted.length > t.length) t.messageFlags |= C.MSG_TRUNC;
    return Math.min(error.quoted.length, t.length);
  }

  send(t: Transfer): Outcome {
    if ((t.flags & C.MSG_OOB) !== 0) return 'EOPNOTSUPP';
    const { common, endpoint } = this;
    this.note();
    const error = common.takeError();
    if (error !== null) return error;
    if (common.writeShut) return 'EPIPE';
    const to = (t.name) ?? this.heldFor;
    if (to === null && endpoint.remoteAddress === null) return 'EDESTADDRREQ';
    const where = to === null ? null : resolve(to, common.domain);
    if (typeof where === 'string') return where;
    if ((t.flags & C.MSG_MORE) !== 0 || (common.remembered.get(UDP_CORKED) ?? 0) !== 0) {
      this.held.push(t.gather().slice());
      this.heldFor = to;
      return t.length;
    }
    const bytes = this.release(t.gather());
    return endpoint.send(bytes, 0, bytes.length, where) ?? t.length;
  }

  /** What was held, and `last` behind it. */
  private release(last: Uint8Array): Uint8Array {
    if (this.held.length === 0) return last;
    const pieces = [...this.held.splice(0), last];
    this.heldFor = null;
    const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
    let at = 0;
    for (const piece of pieces) {
      whole.set(piece, at);
      at += piece.length;
    }
    return whole;
  }

  shutdown(how: number): Outcome {
    const { common } = this;
    if (how !== C.SHUT_RD && how !== C.SHUT_WR && how !== C.SHUT_RDWR) return 'EINVAL';
    if (this.endpoint.remoteAddress === null) return 'ENOTCONN';
    if (how !== C.SHUT_WR) common.readShut = true;
    if (how !== C.SHUT_RD) common.writeShut = true;
    common.wake();
    return 0;
  }

  close(): Attempt {
    this.endpoint.close();
    return over(0);
  }

  readiness(): number {
    const { common, endpoint } = this;
    this.note();
    let bits = C.POLLOUT | C.POLLWRNORM | C.POLLWRBAND;
    if (common.error !== null || endpoint.errorsWaiting > 0) bits |= C.POLLERR;
    if (common.readShut) bits |= C.POLLIN | C.POLLRDNORM | C.POLLRDHUP;
    if (common.readShut && common.writeShut) bits |= C.POLLHUP;
    if (this.next !== null || endpoint.waiting > 0) bits |= C.POLLIN | C.POLLRDNORM;
    return bits;
  }

  ioctl(request: number): Outcome {
    switch (request) {
      case C.FIONREAD:
        return this.next?.data.length ?? Math.max(0, this.endpoint.firstLength);
      case C.SIOCOUTQ:
        return 0;
      default:
        return 'ENOPROTOOPT';
    }
  }

  // Options.

  getOption(level: number, name: number): OptionValue | Refusal {
    this.note();
    const { endpoint, common } = this;
    if (level === C.IPPROTO_TCP) return new Refusal('EOPNOTSUPP');
    if (level === C.SOL_SOCKET && name === C.SO_RCVBUF) return endpoint.receiveBytes;
    if (level === C.SOL_SOCKET && name === C.SO_SNDBUF) return common.remembered.get(SEND_BUFFER) ?? SEND_BUFFER_DEFAULT;
    if (level === C.SOL_SOCKET && name === C.SO_REUSEADDR) return common.remembered.get(name) ?? 0;
    const number = this.networkOption(level, name);
    return number ?? getSocketOption(common, level, name) ?? new Refusal('ENOPROTOOPT');
  }

  private networkOption(level: number, name: number): number | Refusal | null {
    const { endpoint } = this;
    if (level === C.IPPROTO_IPV6 && this.common.domain !== C.AF_INET6) return null;
    switch (keyOf(level, name)) {
      case 'hops':
        return endpoint.hopLimit;
      case 'class':
        return endpoint.trafficClass;
      case 'multicast-hops':
        return endpoint.multicastHopLimit;
      case 'multicast-loop':
        return endpoint.multicastLoop ? 1 : 0;
      case 'mtu-discover':
        return endpoint.dontFragment ? C.IP_PMTUDISC_DO : C.IP_PMTUDISC_DONT;
      case 'record-errors':
        return this.recordErrors ? 1 : 0;
      case 'mtu':
        return endpoint.pathMtu ?? new Refusal('ENOTCONN');
      case 'v6only':
        return this.common.remembered.get(V6ONLY) ?? 0;
      default:
        return null;
    }
  }

  setOption(level: number, name: number, value: OptionValue): Errno | null {
    const number = intOf(value);
    if (level === C.SOL_SOCKET) return this.setSocketLevel(name, number, value);
    if (level === C.IPPROTO_UDP && name === C.UDP_CORK) return this.setCork(number !== 0);
    if (level === C.IPPROTO_IPV6 && this.common.domain !== C.AF_INET6) return 'ENOPROTOOPT';
    return this.setNetworkLevel(keyOf(level, name), level, number);
  }

  private setSocketLevel(name: number, number: number, value: OptionValue): Errno | null {
    const { common, endpoint } = this;
    switch (name) {
      case C.SO_RCVBUF:
        // Twice, as Linux: the queue's limit counts its own bookkeeping.
        endpoint.setReceiveBytes(2 * (number >>> 0));
        return null;
      case C.SO_SNDBUF:
        // A datagram leaves in the call that sends it: there is no buffer to bound.
        common.remembered.set(SEND_BUFFER, Math.max(4608, 2 * Math.min(number >>> 0, SEND_BUFFER_MAX)));
        return null;
      case C.SO_BROADCAST:
        endpoint.mayBroadcast = number !== 0;
        break;
      case C.SO_REUSEADDR:
        common.remembered.set(name, number === 0 ? 0 : 1);
        return this.reopen();
      case C.SO_REUSEPORT:
        common.remembered.set(name, number === 0 ? 0 : 1);
        return this.reopen();
      default:
    }
    return setSocketOption(common, C.SOL_SOCKET, name, value);
  }

  private setNetworkLevel(key: string, level: number, number: number): Errno | null {
    const { endpoint } = this;
    const least = level === C.IPPROTO_IP ? 1 : 0;
    switch (key) {
      case 'hops':
        if (number !== -1 && (number < least || number > 255)) return 'EINVAL';
        endpoint.hopLimit = number === -1 ? 64 : number;
        return null;
      case 'class':
        if (level === C.IPPROTO_IPV6 && (number < -1 || number > 255)) return 'EINVAL';
        endpoint.trafficClass = number === -1 ? 0 : number & 0xff;
        return null;
      case 'multicast-hops':
        if (number < -1 || number > 255) return 'EINVAL';
        endpoint.multicastHopLimit = number === -1 ? 1 : number;
        return null;
      case 'multicast-loop':
        endpoint.multicastLoop = number !== 0;
        return null;
      case 'mtu-discover':
        if (number < 0 || number > 5) return 'EINVAL';
        endpoint.dontFragment = number === C.IP_PMTUDISC_DO || number === C.IP_PMTUDISC_PROBE;
        return null;
      case 'record-errors':
        this.recordErrors = number !== 0;
        endpoint.recordErrors = this.recordErrors;
        return null;
      case 'v6only':
        if (endpoint.localPort !== 0) return 'EINVAL';
        this.common.remembered.set(V6ONLY, number === 0 ? 0 : 1);
        return this.reopen();
      default:
        return 'ENOPROTOOPT';
    }
  }

  private setCork(on: boolean): null {
    this.common.remembered.set(UDP_CORKED, on ? 1 : 0);
    if (!on && this.held.length > 0) {
      const to = this.heldFor === null ? null : resolve(this.heldFor, this.common.domain);
      const bytes = this.release(new Uint8Array(0));
      if (typeof to !== 'string') this.endpoint.send(bytes, 0, bytes.length, to);
    }
    return null;
  }

  /** These are an endpoint's from birth: without a name, it is born again. With one, the option holds for no bind of its own. */
  private reopen(): null {
    const old = this.endpoint;
    if (old.localPort !== 0) return null;
    const endpoint = this.open();
    const { hopLimit, multicastHopLimit, trafficClass, dontFragment, mayBroadcast, multicastLoop } = old;
    Object.assign(endpoint, { hopLimit, multicastHopLimit, trafficClass, dontFragment, mayBroadcast, multicastLoop });
    endpoint.setReceiveBytes(old.receiveBytes);
    this.endpoint = endpoint;
    old.close();
    return null;
  }
}

const { WOULD_BLOCK } = C;
const V6ONLY = 'v6only';
const SEND_BUFFER = 'send-buffer';
const UDP_CORKED = 'udp-corked';
/** Linux's wmem_default and wmem_max. */
const SEND_BUFFER_DEFAULT = 212_992;
const SEND_BUFFER_MAX = 212_992;

/** One name for what both families call differently. */
function keyOf(level: number, name: number): string {
  return (level === C.IPPROTO_IP ? IP_KEYS[name] : level === C.IPPROTO_IPV6 ? IPV6_KEYS[name] : undefined) ?? '';
}

const IP_KEYS: Record<number, string> = {
  [C.IP_TTL]: 'hops', [C.IP_TOS]: 'class', [C.IP_MULTICAST_TTL]: 'multicast-hops', [C.IP_MULTICAST_LOOP]: 'multicast-loop',
  [C.IP_MTU_DISCOVER]: 'mtu-discover', [C.IP_RECVERR]: 'record-errors', [C.IP_MTU]: 'mtu',
};
const IPV6_KEYS: Record<number, string> = {
  [C.IPV6_UNICAST_HOPS]: 'hops', [C.IPV6_TCLASS]: 'class', [C.IPV6_MULTICAST_HOPS]: 'multicast-hops',
  [C.IPV6_MULTICAST_LOOP]: 'multicast-loop', [C.IPV6_MTU_DISCOVER]: 'mtu-discover', [C.IPV6_RECVERR]: 'record-errors',
  [C.IPV6_V6ONLY]: 'v6only', [C.IPV6_MTU]: 'mtu',
};

function controlOf(error: UdpError): { level: number; type: number; value: ExtendedError } {
  const v4 = isV4(error.address);
  return {
    level: v4 ? C.IPPROTO_IP : C.IPPROTO_IPV6, type: v4 ? C.IP_RECVERR : C.IPV6_RECVERR,
    value: { ee_errno: C.ERRNO_NUMBER[error.code], ee_origin: v4 ? 2 : 3, ee_info: error.mtu, offender: error.reporter },
  };
}

