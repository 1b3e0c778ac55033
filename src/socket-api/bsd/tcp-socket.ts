// A stream socket behind a descriptor: the calls of POSIX as Linux answers them, over the RFC's user calls
// (tcp/connection.ts). POSIX.1-2024 §2.10; tcp(7).

import { type Address, ANY4, ANY6, isUnspecified, isV4, LOOPBACK4, LOOPBACK6 } from '../../address.js';
import { NetError } from '../../errors.js';
import type { Binding } from '../../tcp/bound-ports.js';
import { CLOSED, type Connection, type ConnectionOwner, TROUBLE } from '../../tcp/connection.js';
import { unsentBytes } from '../../tcp/info.js';
import type { Listener, ListenerOwner } from '../../tcp/listener.js';
import type { Tcp } from '../../tcp/tcp.js';
import {
  AF_UNSPEC, type Errno, FIONREAD, IP_PMTUDISC_DONT, MSG_ERRQUEUE, MSG_FASTOPEN, MSG_MORE, MSG_OOB, MSG_PEEK, MSG_TRUNC, MSG_WAITALL, POLLERR, POLLHUP,
  POLLIN, POLLOUT, POLLPRI, POLLRDHUP, POLLRDNORM, POLLWRNORM, SHUT_RD, SHUT_RDWR, SHUT_WR, SIOCATMARK, SIOCOUTQ, SIOCOUTQNSD, SO_ERROR, SOL_SOCKET,
  WOULD_BLOCK,
} from './constants.js';
import {
  type Attempt, fillName, type OptionValue, type Outcome, over, Refusal, resolve, type Socket, type SocketAddress, SocketCommon,
  type SocketName, type Transfer,
} from './socket.js';
import { getSocketOption, setSocketOption } from './socket-options.js';
import { getTcpOption, MTU_DISCOVER, setTcpOption, TcpSettingsOfSocket } from './tcp-options.js';

export class TcpSocket implements Socket, ConnectionOwner, ListenerOwner {
  connection: Connection | null = null;
  listener: Listener | null = null;
  /** What `connect` has come to: Linux's `socket->state`, apart from TCP's. */
  private phase: 'unconnected' | 'connecting' | 'connected' | 'disconnecting' = 'unconnected';
  private binding: Binding | null = null;
  /** Bound to an address, or to a port of the wildcard. */
  private localAddress: Address | null = null;
  /** The connection's end has been taken note of. */
  private isOver = false;
  readonly settings = new TcpSettingsOfSocket();

  constructor(readonly tcp: Tcp, readonly common: SocketCommon) {}

  /** An accepted one: it has its listener's options and name (Linux copies the socket). */
  private static accepted(parent: TcpSocket, connection: Connection): TcpSocket {
    const { tcp } = parent;
    const { domain, type, protocol, remembered, receiveTimeoutMs, sendTimeoutMs, receiveLowWater } = parent.common;
    const child = new TcpSocket(tcp, new SocketCommon(domain, type, protocol));
    Object.assign(child.common, { receiveTimeoutMs, sendTimeoutMs, receiveLowWater });
    for (const [name, value] of remembered) child.common.remembered.set(name, value);
    child.settings.copy(parent.settings);
    child.binding = { ...parent.binding!, isListening: false };
    tcp.bound.add(child.binding);
    child.localAddress = parent.localAddress;
    child.connection = connection;
    child.heedMtuDiscover();
    child.phase = 'connected';
    connection.owner = child;
    return child;
  }

  onTcpEvent(connection: Connection, events: number): void {
    if (connection !== this.connection) return;
    const { softError } = connection;
    // IP_RECVERR: what would be borne in silence is told. Also Linux.
    if ((events & TROUBLE) !== 0 && this.settings.recordErrors && softError !== null && softError !== 'ETIMEDOUT') {
      this.common.error = softError;
    }
    if ((events & CLOSED) !== 0) this.note();
    this.common.wake();
  }

  onTcpAccept(): void {
    this.common.wake();
  }

  /** The connection may have ended since the last call: what errno and poll say of that. */
  private note(): void {
    const c = this.connection;
    if (c === null || this.isOver || (c.state !== 'CLOSED' && c.state !== 'TIME-WAIT')) return;
    this.isOver = true;
    const code = c.error?.code ?? null;
    // Also Linux: a RST in CLOSE-WAIT says that nobody reads what we would still write.
    const isBrokenPipe = code === 'ECONNRESET' && c.peerHasEnded && !c.finQueued;
    if (code !== null) this.common.error = isBrokenPipe ? 'EPIPE' : code;
    this.common.readShut = true;
    this.common.writeShut = true;
  }

  /** RFC 9293 SHLD-25: what ICMP said and nothing has ended, once. Also Linux. */
  private takeSoftError(): Errno | null {
    const c = this.connection;
    const code = c?.softError ?? null;
    // R1 is reached (RFC 9293 SHLD-9): no errno of anybody's yet.
    if (c === null || code === 'ETIMEDOUT') return null;
    c.softError = null;
    return code;
  }

  // Names.

  bind(name: SocketAddress): Outcome {
    const { tcp, common } = this;
    if (name.family === AF_UNSPEC && name.address !== undefined) return 'EAFNOSUPPORT';
    const where = resolve(name, common.domain);
    if (typeof where === 'string') return where;
    const { address, port } = where;
    if (this.settings.ipv6Only && isV4(address)) return 'EINVAL';
    if (!isUnspecified(address) && !tcp.ip.isLocal(address)) return 'EADDRNOTAVAIL';
    if (this.binding !== null || this.connection !== null || this.listener !== null) return 'EINVAL';
    return this.take(address, port) ?? 0;
  }

  private take(address: Address, port: number): Errno | null {
    const bound = this.tcp.bind(address, port, this.settings.ipv6Only, this.settings.reuseAddress);
    if (typeof bound === 'string') return bound;
    this.binding = bound;
    this.localAddress = address;
    return null;
  }

  /** SO_REUSEADDR and IPV6_V6ONLY, as far as they concern the name. */
  setReuseAddress(reuse: boolean): void {
    this.settings.reuseAddress = reuse;
    if (this.binding !== null) this.binding.reuseAddress = reuse;
  }

  get isBound(): boolean {
    return this.binding !== null;
  }

  private get anyAddress(): Address {
    return isV4Domain(this.common.domain) ? ANY4 : ANY6;
  }

  localName(into: SocketName): Errno | null {
    const { connection: c, binding } = this;
    const address = c?.localAddress ?? binding?.address ?? this.anyAddress;
    fillName(into, address, c?.localPort ?? binding?.port ?? 0, this.common.domain);
    return null;
  }

  peerName(into: SocketName): Errno | null {
    const c = this.connection;
    this.note();
    if (c === null || this.isOver || c.state === 'SYN-SENT') return 'ENOTCONN';
    fillName(into, c.remoteAddress, c.remotePort, this.common.domain);
    return null;
  }

  // Opening.

  listen(backlog: number): Outcome {
    const { listener } = this;
    if (listener !== null) {
      listener.backlog = Math.max(1, backlog);
      return 0;
    }
    if (this.connection !== null) return 'EINVAL';
    const refusal = this.binding === null ? this.take(this.anyAddress, 0) : null;
    if (refusal !== null) return refusal;
    const binding = this.binding!;
    binding.isListening = true;
    this.settings.options.binding = binding;
    const { address, port, ipv6Only } = binding;
    try {
      this.listener = this.tcp.listen(Object.assign(this.settings.options, { address, port, ipv6Only, backlog }));
    } catch (error) {
      binding.isListening = false;
      return codeOf(error);
    }
    this.listener.owner = this;
    return 0;
  }

  accept(): Socket | Outcome {
    if (this.listener === null) return 'EINVAL';
    const connection = this.listener.accept();
    return connection === null ? WOULD_BLOCK : TcpSocket.accepted(this, connection);
  }

  connect(name: SocketAddress): Attempt {
    const { common } = this;
    if (name.family === AF_UNSPEC) return over(this.disconnect());
    const where = resolve(name, common.domain);
    if (typeof where === 'string') return over(where);
    if (this.listener !== null || this.phase === 'connected') return over('EISCONN');
    if (this.phase === 'disconnecting') return over('EINVAL');
    if (this.phase === 'connecting') return { run: () => this.connected(), otherwise: 'EALREADY' };
    const refusal = this.open(where.address, where.port, this.settings.fastOpenConnect);
    if (refusal !== null) return over(refusal);
    this.phase = 'connecting';
    // tcp(7), TCP_FASTOPEN_CONNECT: the first write goes with the SYN.
    if (takesTextInSyn(this.connection!)) return over(0);
    return { run: () => this.connected(), otherwise: 'EINPROGRESS' };
  }

  private open(to: Address, port: number, fastOpen: boolean): Errno | null {
    // Also Linux: nobody is this host itself.
    const address = isUnspecified(to) ? (isV4(to) ? LOOPBACK4 : LOOPBACK6) : to;
    if (this.settings.ipv6Only && isV4(address)) return 'ENETUNREACH';
    const { binding, localAddress } = this;
    if (port === 0) return 'ECONNREFUSED';
    try {
      this.connection = this.tcp.connect({
        ...this.settings.options, address, port, fastOpen,
        ...(binding !== null && { localPort: binding.port }),
        ...(localAddress !== null && !isUnspecified(localAddress) && { localAddress }),
      });
    } catch (error) {
      return codeOf(error);
    }
    this.connection.owner = this;
    this.isOver = false;
    this.heedMtuDiscover();
    return null;
  }

  /** Has it come to something? A failure is told once, and leaves a socket as good as new. */
  private connected(): Outcome {
    const c = this.connection;
    if (c === null) return 'ECONNABORTED';
    this.note();
    if (this.isOver) {
      const error = this.common.takeError() ?? 'ECONNABORTED';
      this.forget();
      return error;
    }
    if (c.state === 'SYN-SENT' || c.state === 'SYN-RECEIVED') return WOULD_BLOCK;
    this.phase = 'connected';
    return 0;
  }

  /** connect to AF_UNSPEC: a reset, and a socket as good as new. */
  private disconnect(): Outcome {
    this.stopListening();
    this.connection?.abort();
    this.forget();
    return 0;
  }

  private forget(): void {
    if (this.connection !== null) this.connection.owner = null;
    this.connection = null;
    this.phase = 'unconnected';
    this.isOver = false;
    this.common.readShut = false;
    this.common.writeShut = false;
  }

  private stopListening(): void {
    this.listener?.close();
    this.listener = null;
    if (this.binding !== null) this.binding.isListening = false;
  }

  /** IP_MTU_DISCOVER. */
  heedMtuDiscover(): void {
    const mode = this.common.remembered.get(MTU_DISCOVER);
    if (mode !== undefined && this.connection !== null) this.connection.flow.dontFragment = mode !== IP_PMTUDISC_DONT;
  }

  // Transfer.

  receive(t: Transfer): Outcome {
    if (this.listener !== null) return 'ENOTCONN';
    if ((t.flags & MSG_ERRQUEUE) !== 0) return 'EAGAIN';
    // Urgent text stands in line (RFC 6093 §6): none is kept apart.
    if ((t.flags & MSG_OOB) !== 0) return 'EINVAL';
    const c = this.connection;
    this.note();
    if (c !== null) this.takeText(c, t);
    const { common } = this;
    const wanted = (t.flags & MSG_WAITALL) !== 0 && t.waits ? t.length : Math.min(common.receiveLowWater, t.length);
    if (t.done > 0 && t.done >= wanted) return t.done;
    if (t.length === 0 && (c?.readable ?? 0) > 0) return 0;
    const isDone = (c?.peerHasEnded ?? false) || common.error !== null || common.readShut;
    if (t.done > 0) return isDone || !t.waits ? t.done : WOULD_BLOCK;
    if (c?.peerHasEnded === true) return 0;
    if (common.error !== null) return common.takeError()!;
    if (common.readShut) return 0;
    return c === null ? 'ENOTCONN' : WOULD_BLOCK;
  }

  private takeText(c: Connection, t: Transfer): void {
    const peeks = (t.flags & MSG_PEEK) !== 0;
    // tcp(7): with MSG_TRUNC the bytes are thrown away.
    if ((t.flags & MSG_TRUNC) !== 0 || t.iov.length === 0) {
      if (peeks) t.done = Math.min(c.readable, t.length);
      else while (t.done < t.length && c.readable > 0) t.done += c.read(t.length - t.done)!.length;
    } else if (peeks) {
      const whole = new Uint8Array(Math.min(c.readable, t.length));
      t.done = c.peekInto(whole);
      t.fill(whole);
    } else {
      while (t.done < t.length) {
        const copied = c.readInto(t.pieceAt(t.done)!);
        if (copied === 0) break;
        t.done += copied;
      }
    }
  }

  send(t: Transfer): Outcome {
    this.note();
    if ((t.flags & MSG_FASTOPEN) !== 0) {
      const refusal = this.openFast(t);
      if (refusal !== null) return refusal;
    }
    return this.sendText(t);
  }

  /** tcp(7), MSG_FASTOPEN: connect and send in one call; without a cookie, connect. RFC 7413 §4.2.2. */
  private openFast(t: Transfer): Errno | null {
    const { phase } = this;
    if (phase === 'connecting') return t.waits ? null : 'EALREADY';
    if (phase !== 'unconnected' || this.listener !== null) return 'EISCONN';
    if (t.name === null) return 'EINVAL';
    const where = resolve(t.name, this.common.domain);
    if (typeof where === 'string') return where;
    const refusal = this.open(where.address, where.port, true);
    if (refusal !== null) return refusal;
    this.phase = 'connecting';
    return takesTextInSyn(this.connection!) || t.waits ? null : 'EINPROGRESS';
  }

  private sendText(t: Transfer): Outcome {
    const { common, connection: c } = this;
    if (t.done === 0 && common.error !== null) return common.takeError()!;
    if (c === null || common.writeShut || common.error !== null) return t.done > 0 ? t.done : 'EPIPE';
    if ((c.state === 'SYN-SENT' && !takesTextInSyn(c)) || c.state === 'SYN-RECEIVED') return WOULD_BLOCK;
    try {
      this.put(c, t);
    } catch (error) {
      return t.done > 0 ? t.done : codeOf(error);
    }
    if (t.done === t.length) return t.done;
    return t.done > 0 && !t.waits ? t.done : WOULD_BLOCK;
  }

  private put(c: Connection, t: Transfer): void {
    const more = (t.flags & MSG_MORE) !== 0;
    while (t.done < t.length) {
      const piece = t.pieceAt(t.done)!;
      const isLast = t.done + piece.length === t.length;
      const urgent = isLast && (t.flags & MSG_OOB) !== 0 && c.sendSpace >= piece.length;
      const taken = urgent ? c.writeUrgent(piece) : c.write(piece);
      t.done += taken;
      if (taken < piece.length) break;
    }
    // Text that was held for more goes with the first call that promises none. TCP_CORK holds on.
    const corked = more || this.settings.corked;
    if (c.settings.corked !== corked) c.configure({ corked });
  }

  // Closing.

  shutdown(how: number): Outcome {
    const { common } = this;
    if (how !== SHUT_RD && how !== SHUT_WR && how !== SHUT_RDWR) return 'EINVAL';
    if (this.listener !== null) {
      if (how !== SHUT_WR) this.stopListening();
      common.wake();
      return 0;
    }
    const c = this.connection;
    this.note();
    if (how !== SHUT_WR) common.readShut = true;
    if (how !== SHUT_RD) common.writeShut = true;
    if (this.phase === 'connecting') this.phase = this.isOver ? 'disconnecting' : 'connected';
    if (c === null || this.isOver) return 'ENOTCONN';
    if (c.state === 'SYN-SENT') {
      // Also Linux: there is nothing to end yet; the attempt is given up.
      this.disconnect();
      common.error = 'ECONNRESET';
    } else if (how !== SHUT_RD) {
      c.shutdown();
    }
    common.wake();
    return 0;
  }

  close(): Attempt {
    const c = this.connection;
    this.stopListening();
    if (this.binding !== null) this.tcp.bound.remove(this.binding);
    if (c === null || c.state === 'CLOSED' || c.state === 'TIME-WAIT') return over(0);
    const { lingerMs } = this.settings;
    // socket(7): a linger time of nothing, and the peer gets a RST.
    if (lingerMs === 0) {
      c.owner = null;
      c.abort();
      return over(0);
    }
    c.close();
    c.tcp.env.wake();
    if (lingerMs === null) return over(0);
    c.owner = this;
    return { run: () => farewell(c), otherwise: 0, lingersMs: lingerMs };
  }

  // What is true now.

  readiness(): number {
    const { common, listener, connection: c } = this;
    if (listener !== null) return listener.waitingCount > 0 ? POLLIN | POLLRDNORM : 0;
    this.note();
    let bits = common.error !== null ? POLLERR : 0;
    const ended = common.readShut || (c?.peerHasEnded ?? false);
    if (c === null || this.isOver || (ended && common.writeShut)) bits |= POLLHUP;
    if (ended) bits |= POLLIN | POLLRDNORM | POLLRDHUP;
    if (c === null) return bits | POLLOUT | POLLWRNORM;
    if (c.state === 'SYN-SENT') return bits;
    if (c.readable >= common.receiveLowWater) bits |= POLLIN | POLLRDNORM;
    if (common.writeShut || this.hasSpace(c)) bits |= POLLOUT | POLLWRNORM;
    else c.awaitSpace();
    return c.urgentAhead > 0 ? bits | POLLPRI : bits;
  }

  /** Also Linux: a third of the buffer must be free, and no more unsent than TCP_NOTSENT_LOWAT says. */
  private hasSpace(c: Connection): boolean {
    return 2 * c.sendSpace >= c.unacknowledged && unsentBytes(c) < this.settings.notSentLowWater;
  }

  ioctl(request: number): Outcome {
    if (this.listener !== null) return 'EINVAL';
    const c = this.connection;
    switch (request) {
      case FIONREAD:
        return c?.readable ?? 0;
      case SIOCOUTQ:
        return c === null || c.state === 'SYN-SENT' ? 0 : c.unacknowledged;
      case SIOCOUTQNSD:
        return c === null || c.state === 'SYN-SENT' ? 0 : unsentBytes(c);
      case SIOCATMARK:
        return c !== null && c.rcv.up > 0 && c.urgentAhead === 1 ? 1 : 0;
      default:
        return 'ENOPROTOOPT';
    }
  }

  getOption(level: number, name: number): OptionValue | Refusal {
    this.note();
    if (level === SOL_SOCKET && name === SO_ERROR) this.common.error ??= this.takeSoftError();
    return getTcpOption(this, level, name) ?? getSocketOption(this.common, level, name) ?? new Refusal('ENOPROTOOPT');
  }

  setOption(level: number, name: number, value: OptionValue): Errno | null {
    const refusal = setTcpOption(this, level, name, value);
    return refusal === 'ENOPROTOOPT' ? setSocketOption(this.common, level, name, value) : refusal;
  }
}

/** Its SYN has not left, and there is a cookie for it. */
const takesTextInSyn = (c: Connection): boolean => c.state === 'SYN-SENT' && c.synOwed && (c.fastOpen?.cookie.length ?? 0) > 0;

/** Nothing of ours is under way any more: the peer has acknowledged our FIN, or there is no peer. */
function farewell(c: Connection): Outcome {
  if (c.state !== 'FIN-WAIT-1' && c.state !== 'CLOSING' && c.state !== 'LAST-ACK') return 0;
  // The acknowledgment of our FIN makes room, too.
  c.awaitSpace();
  return WOULD_BLOCK;
}

const isV4Domain = (domain: number): boolean => domain === 2;

function codeOf(error: unknown): Errno {
  if (error instanceof NetError) return error.code;
  throw error;
}
