// node:dgram's Socket: the states a program sees, what waits for a name, and the six ways to send. Over a handle
// (dgram-handle.ts), which does as libuv does. https://nodejs.org/api/dgram.html

import { AsyncResource } from 'node:async_hooks';
import type { RemoteInfo, SocketOptions, SocketType } from 'node:dgram';
import diagnostics from 'node:diagnostics_channel';
import dns from 'node:dns';
import { errorMonitor, EventEmitter } from 'node:events';
import { BlockList } from 'node:net';
import { promisify } from 'node:util';
import { type ErrorCode, invalidArgument } from '../../errors.js';
import {
  badBufferSize, badType, blocked, bufferSizeError, callError, checkNumber, checkString, checkUint32, missing, notBytes, notOurs,
  outOfBounds, peerPort, placeError, stateError,
} from './dgram-errors.js';
import { type AddressInfo, type HandleOwner, UdpHandle } from './dgram-handle.js';
import type { Host } from './host.js';

type Callback = (error: Error | null, bytes?: number) => void;
type Found = (error: Error | null, address: string) => void;
type Lookup = (hostname: string, family: number, callback: Found) => void;
type Listener = (message: Buffer, from: RemoteInfo) => void;

/** What @types/node does not know yet. */
interface Options extends SocketOptions {
  readonly reusePort?: boolean;
  readonly receiveBlockList?: BlockList;
  readonly sendBlockList?: BlockList;
}

/** What a socket knows of itself; null where Node has no handle any more. */
class State implements HandleOwner {
  handle: UdpHandle | null;
  readonly lookup: Lookup;
  readonly resource = new AsyncResource('UDPWRAP', { requireManualDestroy: true });
  bound: 'no' | 'soon' | 'yes' = 'no';
  connected: 'no' | 'soon' | 'yes' = 'no';
  /** What waits until it is bound. */
  queue: (() => void)[] | null = null;

  constructor(host: Host, readonly socket: DgramSocket, readonly type: SocketType, readonly options: Partial<Options>) {
    this.lookup = (options.lookup ?? host.lookup ?? dns.lookup) as Lookup;
    this.handle = new UdpHandle(host, type === 'udp4' ? 4 : 6, this);
  }

  /** Its listeners run where the socket was made: AsyncLocalStorage. */
  onDatagram(data: Buffer, from: AddressInfo): void {
    if (isBlocked(this.options.receiveBlockList, from.address)) return;
    this.resource.runInAsyncScope(this.tell, null, 'message', data, { ...from, size: data.length });
  }

  onFailure(code: ErrorCode): void {
    this.resource.runInAsyncScope(this.tell, null, 'error', callError(code, 'recvmsg'));
  }

  private readonly tell = (event: string, ...details: unknown[]): void => {
    this.socket.emit(event, ...details);
  };

  /** @throws Error ERR_SOCKET_DGRAM_NOT_RUNNING */
  get running(): UdpHandle {
    if (this.handle === null) throw stateError('ERR_SOCKET_DGRAM_NOT_RUNNING');
    return this.handle;
  }

  resolve(name: string | undefined, found: Found): void {
    const host = name || (this.type === 'udp4' ? '127.0.0.1' : '::1');
    const { lookup } = this;
    lookup(host, this.type === 'udp4' ? 4 : 6, (error, address) => {
      this.resource.runInAsyncScope(found, null, error, address);
    });
  }
}

export class DgramSocket extends EventEmitter {
  readonly type: SocketType;
  readonly #state: State;

  constructor(host: Host, kind: SocketType | SocketOptions, listener?: Listener) {
    super();
    const options: Partial<Options> = kind !== null && typeof kind === 'object' ? kind : {};
    const type = (kind !== null && typeof kind === 'object' ? kind.type : kind);
    if (options.recvBufferSize) checkUint32('options.recvBufferSize', options.recvBufferSize);
    if (options.sendBufferSize) checkUint32('options.sendBufferSize', options.sendBufferSize);
    if (options.lookup !== undefined && typeof options.lookup !== 'function') {
      throw invalidArgument('lookup', 'of type function', options.lookup);
    }
    if (type !== 'udp4' && type !== 'udp6') throw badType();
    checkBlockList('options.receiveBlockList', options.receiveBlockList);
    checkBlockList('options.sendBlockList', options.sendBlockList);
    this.type = type;
    this.#state = new State(host, this, type, options);
    if (typeof listener === 'function') this.on('message', listener);
    if (options.signal !== undefined) this.#heed(options.signal);
    if (OPENED.hasSubscribers) OPENED.publish({ socket: this });
  }

  #heed(signal: AbortSignal): void {
    if (signal === null || typeof signal !== 'object' || !('aborted' in signal)) {
      throw invalidArgument('options.signal', 'an instance of AbortSignal', signal);
    }
    const close = (): void => {
      if (this.#state.handle !== null) this.close();
    };
    if (signal.aborted) {
      close();
      return;
    }
    signal.addEventListener('abort', close, { once: true });
    this.once('close', () => signal.removeEventListener('abort', close));
  }

  // Names.

  bind(...args: unknown[]): this {
    const state = this.#state;
    void state.running;
    if (state.bound !== 'no') throw stateError('ERR_SOCKET_ALREADY_BOUND');
    const [first, second] = args;
    const options = first !== null && typeof first === 'object' ? first as Record<string, unknown> : null;
    if (typeof options?.recvStart === 'function') throw notOurs('ERR_INVALID_HANDLE_TYPE');
    const fd = options?.fd;
    if (typeof fd === 'number' && (fd | 0) === fd && fd > 0) throw notOurs('ERR_INVALID_FD_TYPE');
    state.bound = 'soon';
    const callback = args.at(-1);
    if (typeof callback === 'function') this.#onceBound(callback as () => void);
    const port = options === null ? first : options.port;
    const address = options === null ? (typeof second === 'function' ? '' : second) : options.address;
    const where = address ? address as string : state.type === 'udp4' ? '0.0.0.0' : '::';
    state.resolve(where, (error, ip) => this.#bindTo(error, ip, port));
    return this;
  }

  #onceBound(callback: () => void): void {
    const forget = (): void => {
      this.removeListener('error', forget);
      this.removeListener('listening', bound);
    };
    const bound = (): void => {
      forget();
      callback.call(this);
    };
    this.on('error', forget);
    this.on('listening', bound);
  }

  #bindTo(error: Error | null, ip: string, port: unknown): void {
    const state = this.#state;
    const { handle, options } = state;
    // Closed in the mean time.
    if (handle === null) return;
    // As a number, as C++ sees it, and as the wire has it: Node checks no more.
    const number = typeof port === 'function' ? 0 : (Number(port) >>> 0) & 0xffff;
    const refusal = error === null || error === undefined
      ? handle.bind(ip, number, {
        reuseAddress: Boolean(options.reuseAddr), reusePort: Boolean(options.reusePort), v6Only: Boolean(options.ipv6Only),
      })
      : null;
    if (error || refusal !== null) {
      state.bound = 'no';
      this.emit('error', error ?? placeError(refusal!, 'bind', ip, port));
      return;
    }
    handle.startReceiving();
    state.bound = 'yes';
    if (options.recvBufferSize) this.#bufferSize(options.recvBufferSize, 'receive');
    if (options.sendBufferSize) this.#bufferSize(options.sendBufferSize, 'send');
    this.emit('listening');
  }

  /** Run it once there is a name; an error before that, and it is never run. */
  #whenBound(run: () => void): void {
    const state = this.#state;
    if (state.queue === null) {
      state.queue = [];
      const failed = (): void => {
        this.removeListener('listening', bound);
        state.queue = null;
      };
      const bound = (): void => {
        this.removeListener(errorMonitor, failed);
        const waiting = state.queue ?? [];
        state.queue = null;
        for (const each of waiting) each();
      };
      this.once(errorMonitor, failed);
      this.once('listening', bound);
    }
    state.queue.push(run);
  }

  connect(port: unknown, address?: unknown, callback?: unknown): void {
    const state = this.#state;
    const to = peerPort(port);
    const then = (typeof address === 'function' ? address : callback) as Callback | undefined;
    const where = typeof address === 'function' || address === undefined ? '' : address;
    checkString('address', where);
    if (state.connected !== 'no') throw stateError('ERR_SOCKET_DGRAM_IS_CONNECTED');
    state.connected = 'soon';
    if (state.bound === 'no') this.bind({ port: 0, exclusive: true });
    const go = (): void => {
      if (then) this.once('connect', then as () => void);
      state.resolve(where, (error, ip) => this.#connectTo(error, ip, where, to, then));
    };
    if (state.bound === 'yes') go();
    else this.#whenBound(go);
  }

  #connectTo(error: Error | null, ip: string, where: string, port: number, then: Callback | undefined): void {
    const state = this.#state;
    if (state.handle === null) return;
    const failure = error ?? this.#refusalTo(ip, where, port);
    if (failure !== null) {
      state.connected = 'no';
      process.nextTick(() => {
        if (then) {
          this.removeListener('connect', then as () => void);
          then(failure);
        } else {
          this.emit('error', failure);
        }
      });
      return;
    }
    state.connected = 'yes';
    process.nextTick(() => this.emit('connect'));
  }

  #refusalTo(ip: string, where: string, port: number): Error | null {
    const { handle, options } = this.#state;
    if (isBlocked(options.sendBlockList, ip)) return blocked(ip);
    const code = handle!.connect(ip, port);
    return code === null ? null : placeError(code, 'connect', where, port);
  }

  disconnect(): void {
    const state = this.#state;
    if (state.connected !== 'yes') throw stateError('ERR_SOCKET_DGRAM_NOT_CONNECTED');
    demand(state.running.disconnect(), 'connect');
    state.connected = 'no';
  }

  address(): AddressInfo {
    return told(this.#state.running.localName(), 'getsockname');
  }

  remoteAddress(): AddressInfo {
    const { running, connected } = this.#state;
    if (connected !== 'yes') throw stateError('ERR_SOCKET_DGRAM_NOT_CONNECTED');
    return told(running.remoteName(), 'getpeername');
  }

  // Sending.

  sendto(buffer: unknown, offset: unknown, length: unknown, port: unknown, address: unknown, callback?: unknown): void {
    checkNumber('offset', offset);
    checkNumber('length', length);
    checkNumber('port', port);
    checkString('address', address);
    this.send(buffer, offset, length, port, address, callback);
  }

  /**
   * (msg, port[, address][, callback]) · (msg, offset, length, port[, address][, callback]) and, connected,
   * (msg[, callback]) · (msg, offset, length[, callback]). `msg` may be a list, but for those with an offset.
   */
  send(message: unknown, ...rest: unknown[]): void {
    const state = this.#state;
    const { connected } = state;
    const call = connected === 'yes' ? readConnected(message, rest) : readUnconnected(message, rest);
    let { callback, address } = call;
    const list = listOf(call.message);
    const port = connected === 'yes' ? 0 : peerPort(call.port);
    if (typeof callback !== 'function') callback = undefined;
    if (typeof address === 'function') {
      callback = address;
      address = undefined;
    } else if (address !== undefined && address !== null) {
      checkString('address', address);
    }
    void state.running;
    if (state.bound === 'no') this.bind({ port: 0, exclusive: true });
    const then = callback as Callback | undefined;
    if (state.bound !== 'yes') {
      this.#whenBound(() => this.send(list, port, address, then));
    } else if (connected === 'yes') {
      this.#sendTo(null, null, list, undefined, 0, then);
    } else {
      state.resolve(address as string | undefined, (error, ip) => this.#sendTo(error, ip, list, address, port, then));
    }
  }

  #sendTo(
    error: Error | null, ip: string | null, list: Uint8Array[], address: unknown, port: number, then: Callback | undefined,
  ): void {
    const { handle, options } = this.#state;
    const failure = error || (ip !== null && isBlocked(options.sendBlockList, ip) ? blocked(ip) : null);
    if (failure) {
      if (then) process.nextTick(then, failure);
      else process.nextTick(() => this.emit('error', failure));
      return;
    }
    if (handle === null) return;
    const bytes = list.length === 1 ? list[0]! : Buffer.concat(list);
    const code = handle.send(bytes, ip, port);
    if (!then) return;
    if (code === null) process.nextTick(then, null, bytes.length);
    else process.nextTick(then, placeError(code, 'send', address, port === 0 ? undefined : port));
  }

  // Its end.

  close(callback?: unknown): this {
    const state = this.#state;
    if (typeof callback === 'function') this.on('close', callback as () => void);
    if (state.queue !== null) {
      state.queue.push(() => this.close());
      return this;
    }
    state.running.close();
    state.handle = null;
    process.nextTick(() => {
      state.resource.emitDestroy();
      state.resource.runInAsyncScope(() => this.emit('close'));
    });
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state.handle !== null) await promisify((done: () => void) => this.close(done))();
  }

  ref(): this {
    this.#state.handle?.liveness.ref();
    return this;
  }

  unref(): this {
    this.#state.handle?.liveness.unref();
    return this;
  }

  // Options.

  setBroadcast(flag: unknown): void {
    demand(this.#state.handle!.setBroadcast(Boolean(flag)), 'setBroadcast');
  }

  setTTL(ttl: unknown): number {
    checkNumber('ttl', ttl);
    demand(this.#state.handle!.setTTL(ttl), 'setTTL');
    return ttl;
  }

  setMulticastTTL(ttl: unknown): number {
    checkNumber('ttl', ttl);
    demand(this.#state.handle!.setMulticastTTL(ttl), 'setMulticastTTL');
    return ttl;
  }

  setMulticastLoopback(flag: unknown): unknown {
    demand(this.#state.handle!.setMulticastLoopback(Boolean(flag)), 'setMulticastLoopback');
    return flag;
  }

  setMulticastInterface(where: unknown): void {
    const { running } = this.#state;
    checkString('interfaceAddress', where);
    demand(running.setMulticastInterface(where), 'setMulticastInterface');
  }

  addMembership(group: unknown, on?: string): void {
    const { running } = this.#state;
    if (!group) throw missing('multicastAddress');
    demand(running.join(String(group), on), 'addMembership');
  }

  dropMembership(group: unknown, on?: string): void {
    const { running } = this.#state;
    if (!group) throw missing('multicastAddress');
    demand(running.leave(String(group), on), 'dropMembership');
  }

  addSourceSpecificMembership(source: unknown, group: unknown, on?: string): void {
    const { running } = this.#state;
    checkString('sourceAddress', source);
    checkString('groupAddress', group);
    demand(running.joinSource(source, group, on), 'addSourceSpecificMembership');
  }

  dropSourceSpecificMembership(source: unknown, group: unknown, on?: string): void {
    const { running } = this.#state;
    checkString('sourceAddress', source);
    checkString('groupAddress', group);
    demand(running.leaveSource(source, group, on), 'dropSourceSpecificMembership');
  }

  setRecvBufferSize(size: unknown): void {
    this.#bufferSize(size, 'receive');
  }

  setSendBufferSize(size: unknown): void {
    this.#bufferSize(size, 'send');
  }

  getRecvBufferSize(): number {
    return this.#bufferSize(0, 'receive');
  }

  getSendBufferSize(): number {
    return this.#bufferSize(0, 'send');
  }

  #bufferSize(size: unknown, which: 'receive' | 'send'): number {
    if (typeof size !== 'number' || size >>> 0 !== size) throw badBufferSize();
    const bytes = this.#state.handle!.bufferSize(size, which);
    if (typeof bytes === 'string') throw bufferSizeError(bytes, which === 'receive' ? 'uv_recv_buffer_size' : 'uv_send_buffer_size');
    return bytes;
  }

  getSendQueueSize(): number {
    return this.#state.handle!.getSendQueueSize();
  }

  getSendQueueCount(): number {
    return this.#state.handle!.getSendQueueCount();
  }
}

const OPENED = diagnostics.channel('udp.socket');

interface Call {
  readonly message: unknown;
  readonly port: unknown;
  readonly address: unknown;
  readonly callback: unknown;
}

function readUnconnected(message: unknown, [a, b, c, d, e]: unknown[]): Call {
  // Four numbers or two? Node looks at what would be the port, or the address behind it.
  if (d || (c && typeof c !== 'function')) return { message: slice(message, a, b), port: c, address: d, callback: e };
  return { message, port: a, address: b, callback: c };
}

function readConnected(message: unknown, [a, b, c, d, e]: unknown[]): Call {
  const hasOffset = typeof b === 'number';
  const callback = hasOffset ? (typeof c === 'function' ? c : e) : a;
  if ((c && typeof c !== 'function') || (!hasOffset && c) || d) throw stateError('ERR_SOCKET_DGRAM_IS_CONNECTED');
  return { message: hasOffset ? slice(message, a, b) : message, port: undefined, address: undefined, callback };
}

function slice(message: unknown, offset: unknown, length: unknown): Buffer {
  const bytes = bytesOf(message);
  if (bytes === null) throw notBytes('buffer', message);
  const from = Number(offset) >>> 0;
  const count = Number(length) >>> 0;
  if (from > bytes.length) throw outOfBounds('offset');
  if (from + count > bytes.length) throw outOfBounds('length');
  return bytes.subarray(from, from + count);
}

function listOf(message: unknown): Uint8Array[] {
  if (!Array.isArray(message)) {
    const bytes = bytesOf(message);
    if (bytes === null) throw notBytes('buffer', message);
    return [bytes];
  }
  const list = message.map(bytesOf);
  if (list.includes(null)) throw notBytes('buffer list arguments', message);
  return list as Buffer[];
}

function bytesOf(message: unknown): Buffer | null {
  if (typeof message === 'string') return Buffer.from(message);
  if (!ArrayBuffer.isView(message)) return null;
  return Buffer.from(message.buffer as ArrayBuffer, message.byteOffset, message.byteLength);
}

function checkBlockList(name: string, list: unknown): void {
  if (list !== undefined && !(list instanceof BlockList)) throw invalidArgument(name, 'an instance of net.BlockList', list);
}

const isBlocked = (list: BlockList | undefined, address: string): boolean =>
  list !== undefined && list.check(address, address.includes(':') ? 'ipv6' : 'ipv4');

function demand(code: ErrorCode | null, syscall: string): void {
  if (code !== null) throw callError(code, syscall);
}

function told(name: AddressInfo | ErrorCode, syscall: string): AddressInfo {
  if (typeof name === 'string') throw callError(name, syscall);
  return name;
}
