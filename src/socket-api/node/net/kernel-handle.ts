// Local sockets (paths) and descriptors are the kernel's affair, and no stack's: they go through Node's own module, behind
// the same handle that a connection of ours has, so that a program finds all of `net` in one place.

import { createServer, type Server as RealServer, Socket as RealSocket } from 'node:net';

import { errnoOf } from './errors.js';
import {
  type Done, type Name, onClient, onEnd, onFailure, onText, type Outcome, type ServerHandle, type ServerOwner, type StreamHandle,
  type StreamOwner, WAITS,
} from './handle.js';

const codeOf = (error: Error): string => (error as NodeJS.ErrnoException).code ?? 'EIO';

/** A socket of Node's as a handle of ours. */
export class KernelHandle implements StreamHandle {
  owner: StreamOwner | null = null;
  reading = false;
  bytesWritten = 0;
  userBuffer: Uint8Array | null = null;
  private failure: string | null = null;
  private connecting: Done | null = null;
  private isClosed = false;
  private isEnded = false;
  private pendingWrites = 0;
  private written: Done | null = null;

  constructor(private readonly socket: RealSocket) {
    socket.pause();
    socket.on('data', (piece: Buffer) => this.take(piece));
    socket.on('end', () => this.end());
    socket.on('error', (error) => this.fail(codeOf(error)));
    socket.on('connect', () => this.connected(null));
  }

  /** What a descriptor is, Node knows. @throws ERR_INVALID_FD_TYPE, and errors of the system */
  static ofDescriptor(options: object): KernelHandle {
    return new KernelHandle(new RealSocket({ ...options, allowHalfOpen: true }));
  }

  static forPath(): KernelHandle {
    return new KernelHandle(new RealSocket({ allowHalfOpen: true }));
  }

  connect(path: string, done: Done): void {
    this.connecting = done;
    this.socket.connect({ path });
  }

  private connected(outcome: Outcome): void {
    const { connecting } = this;
    this.connecting = null;
    connecting?.(outcome);
  }

  readStart(): number {
    if (this.isClosed) return 0;
    if (this.isEnded) process.nextTick(() => this.end());
    else if (this.failure !== null) process.nextTick(() => this.tellFailure());
    else this.socket.resume();
    return 0;
  }

  readStop(): number {
    this.socket.pause();
    return 0;
  }

  private take(piece: Buffer): void {
    const { owner, userBuffer } = this;
    if (userBuffer === null) {
      owner?.[onText](piece);
      return;
    }
    const bytes = Math.min(piece.length, userBuffer.length);
    userBuffer.set(piece.subarray(0, bytes));
    if (bytes < piece.length) {
      this.socket.pause();
      this.socket.unshift(piece.subarray(bytes));
    }
    owner?.[onText](bytes);
    if (this.reading) this.socket.resume();
  }

  private end(): void {
    if (this.isClosed) return;
    this.isEnded = true;
    if (this.reading) this.owner?.[onEnd]();
  }

  private fail(code: string): void {
    if (this.connecting !== null) {
      this.connected(code);
      return;
    }
    this.failure = code;
    this.tellFailure();
  }

  private tellFailure(): void {
    if (this.reading && !this.isClosed && this.failure !== null) this.owner?.[onFailure](this.failure);
  }

  get bytesRead(): number {
    return this.socket.bytesRead;
  }

  write(chunk: Uint8Array): typeof WAITS {
    return this.writev([chunk]);
  }

  writev(chunks: readonly Uint8Array[]): typeof WAITS {
    this.pendingWrites = chunks.length;
    for (const chunk of chunks) {
      this.bytesWritten += chunk.length;
      this.socket.write(chunk, (error) => this.wrote(error ?? null));
    }
    return WAITS;
  }

  whenWritten(done: Done): void {
    this.written = done;
  }

  private wrote(error: Error | null): void {
    this.pendingWrites--;
    if (this.pendingWrites > 0 && error === null) return;
    const { written } = this;
    this.written = null;
    written?.(error === null ? null : codeOf(error));
  }

  get writeQueueSize(): number {
    return this.socket.writableLength;
  }

  shutdown(): void {
    this.socket.end();
  }

  setNoDelay(enable: boolean): number {
    this.socket.setNoDelay(enable);
    return 0;
  }

  setKeepAlive(enable: boolean, seconds: number): number {
    this.socket.setKeepAlive(enable, seconds * 1000);
    return 0;
  }

  setTypeOfService(): number {
    return errnoOf('ENOTSUP');
  }

  getsockname(into: Name): number {
    return Object.keys(Object.assign(into, this.socket.address())).length > 0 ? 0 : errnoOf('ENOTCONN');
  }

  getpeername(into: Name): number {
    const { remoteAddress: address, remoteFamily: family, remotePort: port } = this.socket;
    if (address === undefined) return errnoOf('ENOTCONN');
    Object.assign(into, { address, family, port });
    return 0;
  }

  close(closed?: () => void): void {
    if (this.isClosed) return;
    this.isClosed = true;
    if (closed !== undefined) this.socket.once('close', closed);
    this.socket.destroy();
  }

  ref(): void {
    this.socket.ref();
  }

  unref(): void {
    this.socket.unref();
  }
}

/** A server of Node's as a handle of ours. It is told where to listen, and says later what came of it. */
export class KernelServerHandle implements ServerHandle {
  owner: ServerOwner | null = null;
  private readonly server: RealServer;

  constructor(options: object, tell: (error: Error | null) => void) {
    this.server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
    this.server.on('connection', (socket) => this.owner?.[onClient](new KernelHandle(socket)));
    this.server.on('error', tell);
    this.server.once('listening', () => tell(null));
    this.server.listen(options);
  }

  getsockname(into: Name): number {
    const name = this.server.address();
    if (name !== null && typeof name === 'object') Object.assign(into, name);
    return 0;
  }

  close(): void {
    this.server.close();
  }

  ref(): void {
    this.server.ref();
  }

  unref(): void {
    this.server.unref();
  }
}
