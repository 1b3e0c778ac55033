// The calls of <sys/socket.h> on a stack: descriptors, errno, and 0 or more or -1, as POSIX names them and Linux answers.
// POSIX.1-2024 §2.10. What waits is in pending-call.ts, what each kind of socket does in tcp-socket.ts and its neighbours.

import { type ErrorCode, invalidArgument, NetError } from '../../errors.js';
import type { RawHost } from '../raw.js';
import type { TcpHost } from '../tcp.js';
import type { UdpHost } from '../udp.js';
import * as C from './constants.js';
import { type Errno, WOULD_BLOCK } from './constants.js';
import { PendingCall, type Waiting } from './pending-call.js';
import { intOf } from './socket-options.js';
import {
  type Attempt, type MessageHeader, type OptionCell, type OptionValue, type Outcome, Refusal, type Socket, type SocketAddress,
  SocketCommon, SocketName, Transfer,
} from './socket.js';
import { RawSocket } from './raw-socket.js';
import { TcpSocket } from './tcp-socket.js';
import { UdpSocket } from './udp-socket.js';

/** What this face needs of a stack; a `Stack` is one. */
export interface BsdHost extends TcpHost, UdpHost, RawHost, Waiting {}

/** `struct pollfd`. */
export interface PollFd {
  /** Below 0: passed over. */
  readonly fd: number;
  /** POLLIN | POLLOUT … */
  readonly events: number;
  /** Filled. */
  revents: number;
}

/** The calls that may wait, by name. */
export type WaitingCall =
  'accept' | 'connect' | 'read' | 'recv' | 'recvfrom' | 'recvmsg' | 'write' | 'send' | 'sendto' | 'sendmsg' | 'poll' | 'close';

/**
 * Sockets as C programs know them, over one stack.
 *
 * Every call returns at once: 0 or more for success, -1 with `errno`. On a descriptor without O_NONBLOCK a call that has to
 * wait returns WOULD_BLOCK (-2); what it has done so far is done (a connect has begun, a write has taken what fits), and
 * `pending` is the call itself, to be gone on with: `pending.poll()` after each poll of the stack. `start` gives that object
 * whatever comes; the `…Async` forms wait by themselves, reject with a `NetError`, and pay no attention to O_NONBLOCK.
 *
 * Where no memory is given to read into, a number says how many bytes to read and forget.
 */
export class BsdSockets {
  /** Why the last call that returned -1 failed. A call that succeeds leaves it. */
  errno: Errno | '' = '';
  /** The call that the latest WOULD_BLOCK stands for. */
  pending: PendingCall | null = null;
  private readonly descriptors: (Socket | null)[] = [];
  private alwaysWaits = false;

  constructor(readonly stack: BsdHost) {}

  // Descriptors.

  /** AF_INET or AF_INET6; SOCK_STREAM, SOCK_DGRAM or SOCK_RAW, with SOCK_NONBLOCK or-ed to it. @returns the descriptor */
  socket(domain: number, type: number, protocol = 0): number {
    const kind = type & 0xf;
    const known = domain === C.AF_INET || domain === C.AF_INET6;
    if (!known) return this.fail('EAFNOSUPPORT');
    const common = new SocketCommon(domain, kind, PROTOCOLS[kind] ?? protocol);
    const socket = this.make(common, protocol);
    if (typeof socket === 'string') return this.fail(socket);
    common.nonblocking = (type & C.SOCK_NONBLOCK) !== 0;
    return this.add(socket);
  }

  private make(common: SocketCommon, protocol: number): Socket | Errno {
    if (protocol < 0 || protocol > 255) return 'EINVAL';
    if (common.type === C.SOCK_RAW) return this.makeRaw(common, protocol);
    const wanted = PROTOCOLS[common.type];
    if (wanted === undefined) return 'ESOCKTNOSUPPORT';
    if (protocol !== 0 && protocol !== wanted) return 'EPROTONOSUPPORT';
    return common.type === C.SOCK_STREAM ? new TcpSocket(this.stack.tcp, common) : new UdpSocket(this.stack.udp, common);
  }

  private makeRaw(common: SocketCommon, protocol: number): Socket | Errno {
    if (protocol === 0) return 'EPROTONOSUPPORT';
    try {
      return new RawSocket(this.stack, common);
    } catch (error) {
      if (error instanceof NetError) return error.code;
      throw error;
    }
  }

  /** The smallest number from 3 on that is free. */
  private add(socket: Socket): number {
    let at = this.descriptors.indexOf(null);
    if (at < 0) at = this.descriptors.length;
    if (at >= DESCRIPTORS_MAX) return this.fail('EMFILE');
    this.descriptors[at] = socket;
    return at + FIRST;
  }

  private find(fd: number): Socket | null {
    return this.descriptors[fd - FIRST] ?? null;
  }

  /** @returns the new descriptor, of the same socket */
  dup(fd: number): number {
    const socket = this.find(fd);
    if (socket === null) return this.fail('EBADF');
    const copy = this.add(socket);
    if (copy >= 0) socket.common.references++;
    return copy;
  }

  /** `fd` under the number `newFd`, which is closed if it was one. */
  dup2(fd: number, newFd: number): number {
    const socket = this.find(fd);
    const at = newFd - FIRST;
    if (socket === null || at < 0 || at >= DESCRIPTORS_MAX) return this.fail('EBADF');
    if (fd === newFd) return fd;
    if (this.find(newFd) !== null) this.close(newFd);
    while (this.descriptors.length < at) this.descriptors.push(null);
    this.descriptors[at] = socket;
    socket.common.references++;
    return newFd;
  }

  /** Waits only as SO_LINGER says, and then whatever O_NONBLOCK says. The number is free at once. */
  close(fd: number): number {
    const socket = this.find(fd);
    if (socket === null) return this.fail('EBADF');
    this.descriptors[fd - FIRST] = null;
    const { common } = socket;
    if (--common.references > 0) return 0;
    const attempt = socket.close();
    common.isClosed = true;
    common.wake();
    return this.begin(attempt, [], true, attempt.lingersMs ?? 0);
  }

  // What a call comes to.

  private fail(errno: Errno): number {
    this.errno = errno;
    return -1;
  }

  private settle(outcome: Outcome): number {
    return typeof outcome === 'number' ? outcome : this.fail(outcome);
  }

  /** Try; what would wait says so, or fails, or becomes `pending`. */
  private begin(attempt: Attempt, sockets: readonly SocketCommon[], waits: boolean, timeoutMs: number): number {
    const outcome = attempt.run();
    if (outcome !== WOULD_BLOCK) return this.settle(outcome);
    if (!waits && !this.alwaysWaits) return this.settle(attempt.otherwise);
    this.pending = new PendingCall(this.stack, attempt, sockets, timeoutMs);
    return WOULD_BLOCK;
  }

  /** The call `name(...args)`, as an object that goes on with it: over, or waiting. */
  start<K extends WaitingCall>(name: K, ...args: Parameters<BsdSockets[K]>): PendingCall {
    const call = this[name] as (...args: Parameters<BsdSockets[K]>) => number;
    const result = call.apply(this, args);
    return result === WOULD_BLOCK ? this.pending! : PendingCall.settled(this.stack, result, result === -1 ? this.errno : '');
  }

  // Names.

  bind(fd: number, address: SocketAddress): number {
    return this.on(fd, (socket) => socket.bind(address));
  }

  /** A second call fails with EADDRINUSE where somebody else listens; on a listening socket it changes the backlog. */
  listen(fd: number, backlog: number): number {
    return this.on(fd, (socket) => socket.listen(backlog));
  }

  getsockname(fd: number, into: SocketName): number {
    return this.on(fd, (socket) => socket.localName(into) ?? 0);
  }

  getpeername(fd: number, into: SocketName): number {
    return this.on(fd, (socket) => socket.peerName(into) ?? 0);
  }

  private on(fd: number, call: (socket: Socket) => Outcome): number {
    const socket = this.find(fd);
    return socket === null ? this.fail(badDescriptor(fd)) : this.settle(call(socket));
  }

  // Opening and closing.

  /** @returns the new descriptor: blocking, whatever the listener's is (`flags`: SOCK_NONBLOCK, as accept4). */
  accept(fd: number, peer: SocketName | null = null, flags = 0): number {
    const socket = this.find(fd);
    if (socket === null) return this.fail(badDescriptor(fd));
    const { common } = socket;
    const run = (): Outcome => {
      const accepted = socket.accept();
      if (typeof accepted !== 'object') return accepted;
      accepted.common.nonblocking = (flags & C.SOCK_NONBLOCK) !== 0;
      if (peer !== null) accepted.peerName(peer);
      const number = this.add(accepted);
      if (number < 0) accepted.close();
      return number < 0 ? 'EMFILE' : number;
    };
    return this.begin({ run, otherwise: 'EAGAIN' }, [common], !common.nonblocking, common.receiveTimeoutMs);
  }

  /** EINPROGRESS, EALREADY, 0 once, EISCONN: as Linux. */
  connect(fd: number, address: SocketAddress): number {
    const socket = this.find(fd);
    if (socket === null) return this.fail(badDescriptor(fd));
    const { common } = socket;
    return this.begin(socket.connect(address), [common], !common.nonblocking, common.sendTimeoutMs);
  }

  /** SHUT_RD, SHUT_WR or SHUT_RDWR. */
  shutdown(fd: number, how: number): number {
    return this.on(fd, (socket) => socket.shutdown(how));
  }

  // Transfer.

  read(fd: number, into: Uint8Array | number): number {
    if (lengthOf(into) === 0 && this.find(fd) !== null) return 0;
    return this.recvfrom(fd, into);
  }

  recv(fd: number, into: Uint8Array | number, flags = 0): number {
    return this.recvfrom(fd, into, flags);
  }

  /** @param from  filled: whose it is */
  recvfrom(fd: number, into: Uint8Array | number, flags = 0, from: SocketName | null = null): number {
    const socket = this.find(fd);
    if (socket === null) return this.fail(badDescriptor(fd));
    const iov = typeof into === 'number' ? [] : [into];
    const transfer = new Transfer(iov, flags, this.waits(socket, flags), from, typeof into === 'number' ? into : 0);
    return this.receive(socket, transfer, () => {});
  }

  /** Fills `message`'s memory, `name`, `control` and `flags`. */
  recvmsg(fd: number, message: MessageHeader, flags = 0): number {
    const socket = this.find(fd);
    if (socket === null) return this.fail(badDescriptor(fd));
    const name = message.name instanceof SocketName ? message.name : null;
    const transfer = new Transfer(message.iov, flags, this.waits(socket, flags), name);
    return this.receive(socket, transfer, () => {
      message.flags = transfer.messageFlags;
      message.control = transfer.control;
    });
  }

  private receive(socket: Socket, transfer: Transfer, done: () => void): number {
    const attempt = transferring(transfer, () => {
      const outcome = socket.receive(transfer);
      if (typeof outcome === 'number' && outcome >= 0) done();
      return outcome;
    });
    return this.begin(attempt, [socket.common], transfer.waits, socket.common.receiveTimeoutMs);
  }

  write(fd: number, bytes: Uint8Array): number {
    return this.sendto(fd, bytes);
  }

  send(fd: number, bytes: Uint8Array, flags = 0): number {
    return this.sendto(fd, bytes, flags);
  }

  /** @param to  ignored by stream sockets, as Linux does. There are no signals: MSG_NOSIGNAL changes nothing. */
  sendto(fd: number, bytes: Uint8Array, flags = 0, to: SocketAddress | null = null): number {
    return this.sendmsg(fd, { iov: [bytes], name: to }, flags);
  }

  sendmsg(fd: number, message: MessageHeader, flags = 0): number {
    const socket = this.find(fd);
    if (socket === null) return this.fail(badDescriptor(fd));
    for (const piece of message.iov) lengthOf(piece);
    const transfer = new Transfer(message.iov, flags, this.waits(socket, flags), message.name ?? null);
    const attempt = transferring(transfer, () => socket.send(transfer));
    return this.begin(attempt, [socket.common], transfer.waits, socket.common.sendTimeoutMs);
  }

  private waits(socket: Socket, flags: number): boolean {
    return (flags & C.MSG_DONTWAIT) === 0 && (this.alwaysWaits || !socket.common.nonblocking);
  }

  // What is true now, and what is set.

  /** @param timeoutMs  below 0: for ever. @returns how many have `revents` */
  poll(fds: readonly PollFd[], timeoutMs: number): number {
    const run = (): Outcome => {
      let count = 0;
      for (const each of fds) {
        each.revents = this.readinessOf(each);
        if (each.revents !== 0) count++;
      }
      return count === 0 ? WOULD_BLOCK : count;
    };
    const sockets = fds.flatMap(({ fd }) => this.find(fd)?.common ?? []);
    return this.begin({ run, otherwise: 0 }, sockets, timeoutMs !== 0, timeoutMs < 0 ? Infinity : timeoutMs);
  }

  private readinessOf({ fd, events }: PollFd): number {
    if (fd < 0) return 0;
    const socket = this.find(fd);
    if (socket === null) return C.POLLNVAL;
    return socket.readiness() & (events | C.POLLERR | C.POLLHUP);
  }

  /** F_GETFL, F_SETFL with O_NONBLOCK. */
  fcntl(fd: number, command: number, value = 0): number {
    return this.on(fd, ({ common }) => {
      if (command === C.F_GETFL) return C.O_RDWR | (common.nonblocking ? C.O_NONBLOCK : 0);
      if (command !== C.F_SETFL) return 'EINVAL';
      common.nonblocking = (value & C.O_NONBLOCK) !== 0;
      return 0;
    });
  }

  /** SIOCINQ (FIONREAD), SIOCOUTQ, SIOCOUTQNSD, SIOCATMARK: into `cell`. FIONBIO: from it. */
  ioctl(fd: number, request: number, cell: OptionCell): number {
    return this.on(fd, (socket) => {
      if (request === C.FIONBIO) {
        socket.common.nonblocking = intOf(cell.value) !== 0;
        return 0;
      }
      const outcome = socket.ioctl(request);
      if (typeof outcome === 'string') return outcome;
      cell.value = outcome;
      return 0;
    });
  }

  /** Into `cell.value`: an int; for SO_LINGER, SO_RCVTIMEO, SO_SNDTIMEO and TCP_INFO the structure; TCP_CONGESTION, a name. */
  getsockopt(fd: number, level: number, name: number, cell: OptionCell): number {
    return this.on(fd, (socket) => {
      const value = socket.getOption(level, name);
      if (value instanceof Refusal) return value.errno;
      cell.value = value;
      return 0;
    });
  }

  setsockopt(fd: number, level: number, name: number, value: OptionValue): number {
    return this.on(fd, (socket) => socket.setOption(level, name, value) ?? 0);
  }

  // The same for applications that await.

  acceptAsync(...args: Parameters<BsdSockets['accept']>): Promise<number> {
    return this.finish('accept', args);
  }

  connectAsync(...args: Parameters<BsdSockets['connect']>): Promise<number> {
    return this.finish('connect', args);
  }

  readAsync(...args: Parameters<BsdSockets['read']>): Promise<number> {
    return this.finish('read', args);
  }

  recvAsync(...args: Parameters<BsdSockets['recv']>): Promise<number> {
    return this.finish('recv', args);
  }

  recvfromAsync(...args: Parameters<BsdSockets['recvfrom']>): Promise<number> {
    return this.finish('recvfrom', args);
  }

  recvmsgAsync(...args: Parameters<BsdSockets['recvmsg']>): Promise<number> {
    return this.finish('recvmsg', args);
  }

  writeAsync(...args: Parameters<BsdSockets['write']>): Promise<number> {
    return this.finish('write', args);
  }

  sendAsync(...args: Parameters<BsdSockets['send']>): Promise<number> {
    return this.finish('send', args);
  }

  sendtoAsync(...args: Parameters<BsdSockets['sendto']>): Promise<number> {
    return this.finish('sendto', args);
  }

  sendmsgAsync(...args: Parameters<BsdSockets['sendmsg']>): Promise<number> {
    return this.finish('sendmsg', args);
  }

  pollAsync(...args: Parameters<BsdSockets['poll']>): Promise<number> {
    return this.finish('poll', args);
  }

  closeAsync(...args: Parameters<BsdSockets['close']>): Promise<number> {
    return this.finish('close', args);
  }

  private async finish<K extends WaitingCall>(name: K, args: Parameters<BsdSockets[K]>): Promise<number> {
    this.alwaysWaits = name !== 'poll';
    let call: PendingCall;
    try {
      call = this.start(name, ...args);
    } finally {
      this.alwaysWaits = false;
    }
    await call.finished();
    if (call.result >= 0) return call.result;
    throw new NetError(codeOf(call.errno as Errno), name);
  }
}

/** 0, 1 and 2 are what programs take them for. */
const FIRST = 3;
/** 0, 1 and 2 are open in every program, and no sockets. */
const badDescriptor = (fd: number): Errno => (fd >= 0 && fd < FIRST ? 'ENOTSOCK' : 'EBADF');

/** Linux's RLIMIT_NOFILE, as far as it may usually be raised. */
const DESCRIPTORS_MAX = 1_048_576;

const PROTOCOLS: Record<number, number> = { [C.SOCK_STREAM]: C.IPPROTO_TCP, [C.SOCK_DGRAM]: C.IPPROTO_UDP };

/** When its time is up, what was moved counts. */
const transferring = (transfer: Transfer, run: () => Outcome): Attempt => ({
  run,
  get otherwise() {
    return transfer.done > 0 ? transfer.done : 'EAGAIN';
  },
});

function lengthOf(bytes: unknown): number {
  if (typeof bytes === 'number') return bytes;
  if (!(bytes instanceof Uint8Array)) throw invalidArgument('bytes', 'an instance of Uint8Array', bytes);
  return bytes.length;
}

/** Node has no names for these: a connect that took too long, and what is the same number. */
function codeOf(errno: Errno): ErrorCode {
  if (errno === 'EINPROGRESS') return 'ETIMEDOUT';
  return errno === 'EOPNOTSUPP' ? 'ENOTSUP' : errno as ErrorCode;
}
