// What the kinds of sockets share behind a descriptor: what a call comes to, names, the progress of one transfer, and who
// waits. POSIX.1-2024 §2.10.

import { type Address, ANY4, ANY6, copyOf, isV4 } from '../../address.js';
import { addressOf, portOf } from '../arguments.js';
import { AF_INET, AF_INET6, AF_UNSPEC, type Errno, MSG_DONTWAIT } from './constants.js';

/** As in C from 0 on; `WOULD_BLOCK`; or what errno is to say. */
export type Outcome = number | Errno;

/** `struct sockaddr_in` and `sockaddr_in6`, given. */
export interface SocketAddress {
  /** Default: the address's. AF_UNSPEC, to `connect`, dissolves the association. */
  readonly family?: number;
  /** Text form or `Address`. Default: the unspecified address. */
  readonly address?: string | Address;
  /** 0 .. 65535. Default 0. */
  readonly port?: number;
}

/** The same, to be filled by a call. */
export class SocketName {
  family = AF_UNSPEC;
  address: Address = ANY4;
  port = 0;
}

/** A cell that `getsockopt` fills. */
export interface OptionCell {
  value: OptionValue;
}

/** `struct timeval`. All zero: for ever. */
export interface TimeValue {
  readonly tv_sec: number;
  readonly tv_usec: number;
}

export interface Linger {
  readonly l_onoff: number;
  /** Seconds. */
  readonly l_linger: number;
}

/** An int, a name (TCP_CONGESTION), or a structure. A boolean is an int. */
export type OptionValue = number | boolean | string | TimeValue | Linger | object;

/** Ancillary data. */
export interface ControlMessage {
  readonly level: number;
  readonly type: number;
  readonly value: unknown;
}

/** `struct msghdr`. */
export interface MessageHeader {
  /** To `sendmsg`, where to; `recvmsg` fills a `SocketName`. */
  name?: SocketAddress | SocketName | null;
  iov: readonly Uint8Array[];
  /** Filled by `recvmsg`. */
  control?: ControlMessage[];
  /** Filled by `recvmsg`: MSG_TRUNC, MSG_ERRQUEUE. */
  flags?: number;
}

/** How far one call of the read or the write kind has come: it may be tried again and again. */
export class Transfer {
  readonly length: number;
  /** Bytes moved so far. */
  done = 0;
  /** What `recvmsg` says in `msg_flags`. */
  messageFlags = 0;
  readonly control: ControlMessage[] = [];

  constructor(
    readonly iov: readonly Uint8Array[],
    readonly flags: number,
    /** A blocking descriptor, and no MSG_DONTWAIT. */
    readonly waits: boolean,
    /** Whose it was (filled), or whose it is to be. */
    readonly name: SocketName | SocketAddress | null = null,
    /** Bytes to read and throw away, where `iov` is empty. */
    discard = 0,
  ) {
    this.length = iov.reduce((sum, piece) => sum + piece.length, discard);
  }

  /** The piece of memory that byte `at` goes to, from there on; null: nowhere. */
  pieceAt(at: number): Uint8Array | null {
    let from = at;
    for (const piece of this.iov) {
      if (from < piece.length) return from === 0 ? piece : piece.subarray(from);
      from -= piece.length;
    }
    return null;
  }

  /** Copy `bytes` to the front; what does not fit is cut off. */
  fill(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const piece = this.pieceAt(at);
      if (piece === null) return;
      const copied = Math.min(piece.length, bytes.length - at);
      piece.set(bytes.subarray(at, at + copied));
      at += copied;
    }
  }

  /** All of it in one piece. */
  gather(): Uint8Array {
    if (this.iov.length === 1) return this.iov[0]!;
    const whole = new Uint8Array(this.length);
    let at = 0;
    for (const piece of this.iov) {
      whole.set(piece, at);
      at += piece.length;
    }
    return whole;
  }

  nameTo(address: Address, port: number, domain: number): void {
    if (this.name instanceof SocketName) fillName(this.name, address, port, domain);
  }
}

/** @returns `name`, in the shape of the socket's family: what is IPv4 stays so behind an AF_INET6 socket (RFC 3493 §3.7). */
export function fillName(name: SocketName, address: Address, port: number, domain: number): SocketName {
  name.family = domain;
  name.address = copyOf(address);
  name.port = port;
  return name;
}

/** An address that a call was given, for a socket of `domain`; EAFNOSUPPORT: of no use to it. */
export function resolve(name: SocketAddress, domain: number): { address: Address; port: number } | Errno {
  const address = name.address === undefined ? (domain === AF_INET ? ANY4 : ANY6) : addressOf('address', name.address);
  const port = portOf('port', name.port ?? 0, 0);
  const family = name.family ?? (isV4(address) ? AF_INET : AF_INET6);
  if (family !== AF_INET && family !== AF_INET6) return 'EAFNOSUPPORT';
  if (domain === AF_INET && !isV4(address)) return 'EAFNOSUPPORT';
  return { address, port };
}

/** What every kind of socket knows beside its protocol. */
export class SocketCommon {
  /** Descriptors that lead here. */
  references = 1;
  nonblocking = false;
  /** SO_RCVTIMEO and SO_SNDTIMEO, ms; Infinity: for ever. */
  receiveTimeoutMs = Infinity;
  sendTimeoutMs = Infinity;
  receiveLowWater = 1;
  /** SO_ERROR. */
  error: Errno | null = null;
  readShut = false;
  writeShut = false;
  isClosed = false;
  /** Options that only remember. */
  readonly remembered = new Map<string | number, number>();
  private readonly waiters = new Set<() => void>();

  constructor(readonly domain: number, readonly type: number, readonly protocol: number) {}

  /** The pending error, once. */
  takeError(): Errno | null {
    const { error } = this;
    this.error = null;
    return error;
  }

  waitsWith(flags: number): boolean {
    return !this.nonblocking && (flags & MSG_DONTWAIT) === 0;
  }

  addWaiter(wake: () => void): void {
    this.waiters.add(wake);
  }

  removeWaiter(wake: () => void): void {
    this.waiters.delete(wake);
  }

  /** Something happened: whoever waits tries again. */
  wake(): void {
    for (const wake of [...this.waiters]) wake();
  }
}

/** One kind of socket: the calls, as attempts. An attempt that comes to WOULD_BLOCK may be made again. */
export interface Socket {
  readonly common: SocketCommon;
  bind(name: SocketAddress): Outcome;
  /** Begin; the result goes on with it. */
  connect(name: SocketAddress): Attempt;
  listen(backlog: number): Outcome;
  /** The connection that waits longest. */
  accept(): Socket | Outcome;
  receive(transfer: Transfer): Outcome;
  send(transfer: Transfer): Outcome;
  shutdown(how: number): Outcome;
  /** The last descriptor is gone; the result goes on with a close that lingers. */
  close(): Attempt;
  /** The POLL… bits that are true now. */
  readiness(): number;
  ioctl(request: number): Outcome;
  getOption(level: number, name: number): OptionValue | Refusal;
  setOption(level: number, name: number, value: OptionValue): Errno | null;
  localName(into: SocketName): Errno | null;
  peerName(into: SocketName): Errno | null;
}

/** What an option comes to that cannot be told. */
export class Refusal {
  constructor(readonly errno: Errno) {}
}

export interface Attempt {
  readonly run: () => Outcome;
  /** What a nonblocking call says instead of waiting, and one whose time is up. Default EAGAIN. */
  readonly otherwise: Outcome;
  /** Waits whatever O_NONBLOCK says, for at most so long, ms. */
  readonly lingersMs?: number;
}

/** An attempt that is over. */
export const over = (outcome: Outcome): Attempt => ({ run: () => outcome, otherwise: outcome });
