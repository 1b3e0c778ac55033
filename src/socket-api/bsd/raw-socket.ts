// A raw socket behind a descriptor, over the native one (socket-api/raw.ts). RFC 1122 §3.4; RFC 3542 §3; raw(7).

import { type Address, ANY4, ANY6, isUnspecified } from '../../address.js';
import { setU16 } from '../../bytes.js';
import { finish, pseudoSum, sumBytes } from '../../checksum.js';
import { NetError } from '../../errors.js';
import { Flow } from '../../ip/flow.js';
import { type RawHost, type RawPacket, RawSocket as NativeRawSocket } from '../raw.js';
import * as C from './constants.js';
import { type Errno, WOULD_BLOCK } from './constants.js';
import { getSocketOption, intOf, setSocketOption } from './socket-options.js';
import {
  type Attempt, fillName, type OptionValue, type Outcome, over, Refusal, resolve, type Socket, type SocketAddress, type SocketCommon,
  type SocketName, type Transfer,
} from './socket.js';

export class RawSocket implements Socket {
  private readonly native: NativeRawSocket;
  private localAddress: Address;
  private remoteAddress: Address | null = null;
  /** Looked at by MSG_PEEK, or found to be for us, and still to be received. */
  private next: RawPacket | null = null;
  /** IP_HDRINCL. */
  private hasHeader: boolean;

  /** @throws NetError ENOBUFS */
  constructor(private readonly host: RawHost, readonly common: SocketCommon) {
    const family = common.domain === C.AF_INET ? 4 : 6;
    this.native = NativeRawSocket.open(host, { family, protocol: common.protocol });
    this.native.onReadable = () => common.wake();
    this.localAddress = family === 4 ? ANY4 : ANY6;
    // raw(7): such a socket only sends, and its own headers.
    this.hasHeader = common.protocol === C.IPPROTO_RAW;
  }

  bind(name: SocketAddress): Outcome {
    const where = resolve(name, this.common.domain);
    if (typeof where === 'string') return where;
    if (!isUnspecified(where.address) && !this.host.ip.isLocal(where.address)) return 'EADDRNOTAVAIL';
    this.localAddress = where.address;
    return 0;
  }

  connect(name: SocketAddress): Attempt {
    if (name.family === C.AF_UNSPEC) {
      this.remoteAddress = null;
      return over(0);
    }
    const where = resolve(name, this.common.domain);
    if (typeof where === 'string') return over(where);
    this.remoteAddress = where.address;
    return over(0);
  }

  listen(): Outcome {
    return 'EOPNOTSUPP';
  }

  accept(): Outcome {
    return 'EOPNOTSUPP';
  }

  /** The next packet to the bound address, from the connected one. */
  private head(): RawPacket | null {
    const isOurs = (p: RawPacket): boolean => (isUnspecified(this.localAddress) || p.localAddress.equals(this.localAddress))
      && (this.remoteAddress === null || p.address.equals(this.remoteAddress));
    while (this.next === null || !isOurs(this.next)) {
      this.next = this.native.receiveNow();
      if (this.next === null) return null;
    }
    return this.next;
  }

  /** IPv4 with its header, IPv6 without: RFC 3542 §3. */
  private shown(packet: RawPacket): Uint8Array {
    return this.common.domain === C.AF_INET ? packet.bytes : packet.bytes.subarray(packet.payloadAt);
  }

  receive(t: Transfer): Outcome {
    if ((t.flags & C.MSG_OOB) !== 0) return 'EOPNOTSUPP';
    if ((t.flags & C.MSG_ERRQUEUE) !== 0) return 'EAGAIN';
    const packet = this.head();
    if (packet === null) return this.common.readShut && t.waits ? 0 : WOULD_BLOCK;
    if ((t.flags & C.MSG_PEEK) === 0) this.next = null;
    const bytes = this.shown(packet);
    t.fill(bytes);
    t.nameTo(packet.address, 0, this.common.domain);
    if (bytes.length > t.length) t.messageFlags |= C.MSG_TRUNC;
    return (t.flags & C.MSG_TRUNC) !== 0 ? bytes.length : Math.min(bytes.length, t.length);
  }

  send(t: Transfer): Outcome {
    const { common } = this;
    if ((t.flags & C.MSG_OOB) !== 0) return 'EOPNOTSUPP';
    if (common.writeShut) return 'EPIPE';
    const where = t.name === null ? null : resolve(t.name, common.domain);
    if (typeof where === 'string') return where;
    const to = where?.address ?? this.remoteAddress;
    if (to === null) return 'EDESTADDRREQ';
    try {
      if (this.hasHeader) this.native.sendPacket(t.gather());
      else this.native.send(this.summed(t.gather(), to), to, isUnspecified(this.localAddress) ? undefined : this.localAddress);
    } catch (error) {
      if (error instanceof NetError) return error.code;
      throw error;
    }
    return t.length;
  }

  /** RFC 3542 §3.1: of ICMPv6 the checksum is the stack's business. */
  private summed(payload: Uint8Array, to: Address): Uint8Array {
    if (this.common.domain !== C.AF_INET6 || this.common.protocol !== C.IPPROTO_ICMPV6 || payload.length < 4) return payload;
    const flow = new Flow(this.localAddress, to, C.IPPROTO_ICMPV6);
    if (this.host.ip.route(flow) !== null) return payload;
    const copy = payload.slice();
    setU16(copy, 2, 0);
    setU16(copy, 2, finish(sumBytes(copy, 0, copy.length, pseudoSum(flow.src, to, C.IPPROTO_ICMPV6, copy.length))));
    return copy;
  }

  shutdown(how: number): Outcome {
    if (how !== C.SHUT_RD && how !== C.SHUT_WR && how !== C.SHUT_RDWR) return 'EINVAL';
    if (this.remoteAddress === null) return 'ENOTCONN';
    if (how !== C.SHUT_WR) this.common.readShut = true;
    if (how !== C.SHUT_RD) this.common.writeShut = true;
    this.common.wake();
    return 0;
  }

  close(): Attempt {
    this.native.close();
    return over(0);
  }

  readiness(): number {
    return C.POLLOUT | C.POLLWRNORM | C.POLLWRBAND | (this.head() === null ? 0 : C.POLLIN | C.POLLRDNORM);
  }

  ioctl(request: number): Outcome {
    if (request === C.SIOCOUTQ) return 0;
    if (request !== C.FIONREAD) return 'ENOPROTOOPT';
    const packet = this.head();
    return packet === null ? 0 : this.shown(packet).length;
  }

  getOption(level: number, name: number): OptionValue | Refusal {
    if (level === C.IPPROTO_IP && name === C.IP_HDRINCL) return this.hasHeader ? 1 : 0;
    if (isHopLimit(level, name)) return this.native.hopLimit;
    return getSocketOption(this.common, level, name) ?? new Refusal('ENOPROTOOPT');
  }

  setOption(level: number, name: number, value: OptionValue): Errno | null {
    const number = intOf(value);
    if (level === C.IPPROTO_IP && name === C.IP_HDRINCL && this.common.domain === C.AF_INET) {
      this.hasHeader = number !== 0;
      return null;
    }
    if (isHopLimit(level, name)) {
      if (number !== -1 && (number < 1 || number > 255)) return 'EINVAL';
      this.native.hopLimit = number === -1 ? 64 : number;
      return null;
    }
    return setSocketOption(this.common, level, name, value);
  }

  localName(into: SocketName): null {
    fillName(into, this.localAddress, 0, this.common.domain);
    return null;
  }

  peerName(into: SocketName): Errno | null {
    if (this.remoteAddress === null) return 'ENOTCONN';
    fillName(into, this.remoteAddress, 0, this.common.domain);
    return null;
  }
}

const isHopLimit = (level: number, name: number): boolean =>
  (level === C.IPPROTO_IP && name === C.IP_TTL) || (level === C.IPPROTO_IPV6 && name === C.IPV6_UNICAST_HOPS);
