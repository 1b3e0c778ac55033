// Linux's system calls, as few as a device needs, by way of koffi. Nothing is loaded before somebody opens a device.
//
// A packet's memory is given by address, as a number: koffi would find it in a typed array too, but only at the array's
// first byte, and a view for each packet costs more than that. Who gives an address keeps what it points into alive,
// by using it afterwards. Everything here is little-endian, as is every platform that koffi is built for.

import { createRequire } from 'node:module';
import type * as Koffi from 'koffi';

import { ERRNO, type ErrorCode, NetError } from '../../errors.js';

/** Negative results mean what `errno` then says. A call never blocks if its descriptor does not. */
export interface Linux {
  open(path: string, flags: number): number;
  close(fd: number): number;
  read(fd: number, address: number, bytes: number): number;
  write(fd: number, address: number, bytes: number): number;
  /** @param address  of `pieces` iovecs */
  writev(fd: number, address: number, pieces: number): number;
  /** `read` and `write` for whoever has time. */
  receive(fd: number, into: Uint8Array, bytes: number): number;
  send(fd: number, from: Uint8Array, bytes: number): number;
  /** An ioctl whose argument is a structure. */
  control(fd: number, request: number, argument: Uint8Array): number;
  /** An ioctl whose argument is a number. */
  controlValue(fd: number, request: number, argument: number): number;
  socket(domain: number, type: number, protocol: number): number;
  connect(fd: number, address: Uint8Array, bytes: number): number;
  /** Why the last call failed: Linux's number, positive. To be asked at once. */
  errno(): number;
  /** Where the bytes lie. It stays true as long as they live: memory of an ArrayBuffer does not move. */
  addressOf(bytes: Uint8Array): number;
  /** Tell when `fd` can be read, again and again as long as it can. */
  watch(fd: number, onReadable: ReadinessListener): Watch;
}

/** @param status  negative: no more readiness will be told; -9 when the device behind the descriptor is gone */
export type ReadinessListener = (status: number) => void;

/** It keeps the process alive, unless `unref`. After `close` every call does nothing. */
export interface Watch {
  ref(): void;
  unref(): void;
  /** To be called before the descriptor is closed. */
  close(): void;
}

export const O_RDWR = 0o2;
export const O_NONBLOCK = 0o4000;
export const O_CLOEXEC = 0o2000000;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;

export const EPERM = 1;
export const EIO = 5;
export const EAGAIN = 11;
export const ENOMEM = 12;
export const EACCES = 13;
export const EEXIST = 17;
export const EINVAL = 22;
export const ENOBUFS = 105;

/** @throws  NetError, if this is not Linux or koffi is not there; its message says what to do */
export function loadLinux(): Linux {
  if (process.platform !== 'linux') {
    const hint = `TUN devices are opened on Linux only, and this is ${process.platform}`;
    throw new NetError('ENOTSUP', 'open', { hint });
  }
  const koffi = requireKoffi(createRequire(import.meta.url));
  // The process itself: whichever C library node is linked with.
  const c = koffi.load(null);
  return {
    open: c.func('open', 'int', ['str', 'int']),
    close: c.func('close', 'int', ['int']),
    read: c.func('read', 'intptr_t', ['int', 'uintptr_t', 'size_t']),
    write: c.func('write', 'intptr_t', ['int', 'uintptr_t', 'size_t']),
    writev: c.func('writev', 'intptr_t', ['int', 'uintptr_t', 'int']),
    receive: c.func('read', 'intptr_t', ['int', 'void *', 'size_t']),
    send: c.func('write', 'intptr_t', ['int', 'void *', 'size_t']),
    // Declared without the ellipsis: a variadic declaration would be parsed anew for each call.
    control: c.func('ioctl', 'int', ['int', 'ulong', 'void *']),
    controlValue: c.func('ioctl', 'int', ['int', 'ulong', 'ulong']),
    socket: c.func('socket', 'int', ['int', 'int', 'int']),
    connect: c.func('connect', 'int', ['int', 'void *', 'uint32_t']),
    errno: () => koffi.errno(),
    addressOf: (bytes) => Number(koffi.address(bytes)),
    watch: (fd, onReadable) => new PollWatch(koffi, fd, onReadable),
  };
}

/** The code of an errno; EIO for one that has no name here. */
export function codeOf(errno: number): ErrorCode {
  for (const [code, number] of Object.entries(ERRNO)) if (number === -errno) return code as ErrorCode;
  return 'EIO';
}

/** Exported for its test. @throws NetError ENOSYS, with what to do */
export function requireKoffi(require: (name: string) => unknown): typeof Koffi {
  try {
    return require('koffi') as typeof Koffi;
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND';
    const hint = missing
      ? 'the package koffi is not installed; run: npm install koffi'
      : `the package koffi does not load here: ${error instanceof Error ? error.message : String(error)}`;
    throw new NetError('ENOSYS', 'open', { hint });
  }
}

/**
 * libuv's poll handle, from koffi. The garbage collector closes one that nobody refers to, without a word; here native
 * code holds the callback, the callback holds `this`, and `this` the handle, until `close`.
 */
class PollWatch implements Watch {
  /** Null when closed: a closed handle's other methods crash. */
  private handle: Koffi.node.PollHandle | null;

  constructor(koffi: typeof Koffi, fd: number, private readonly onReadable: ReadinessListener) {
    // koffi's types tell of (events) only; what comes is (status, events).
    this.handle = koffi.node.poll(fd, { readable: true }, (status: unknown) => this.tell(Number(status)));
  }

  ref(): void {
    this.handle?.ref();
  }

  unref(): void {
    this.handle?.unref();
  }

  close(): void {
    this.handle?.close();
    this.handle = null;
  }

  private tell(status: number): void {
    if (this.handle === null) return;
    try {
      this.onReadable(status);
    } catch (error) {
      // What a callback from native code throws would surface in some later, innocent call.
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}
