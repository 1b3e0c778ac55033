// Under node:dgram: what libuv's uv_udp_t is to Node, over an endpoint (udp/endpoint.ts). A call that cannot be done says
// so by a code, with Linux's choice of codes; what arrives is told one by one, each in a tick of its own.

import { type Address, isLoopback, isMulticast, isUnspecified, isV4, parseAddress } from '../../address.js';
import type { ErrorCode } from '../../errors.js';
import type { Interface } from '../../ip/interface.js';
import { NEVER } from '../../time.js';
import { Datagram } from '../../udp/datagram-queue.js';
import type { UdpEndpoint, UdpOptions, UdpOwner } from '../../udp/endpoint.js';
import type { Host } from './host.js';
import { Liveness } from './liveness.js';
import { keepTick } from './tick-shape.js';

keepTick();

/** As Node tells an address. */
export interface AddressInfo {
  address: string;
  family: 'IPv4' | 'IPv6';
  port: number;
}

export interface HandleOwner {
  onDatagram(data: Buffer, from: AddressInfo): void;
  /** An ICMP error of the connected peer. */
  onFailure(code: ErrorCode): void;
}

export type BindOptions = Pick<UdpOptions, 'reuseAddress' | 'reusePort' | 'v6Only'>;

export class UdpHandle implements UdpOwner {
  readonly liveness = new Liveness();
  /** None before it has a name. */
  private endpoint: UdpEndpoint | null = null;
  private isReceiving = false;
  private isDraining = false;
  private sendBytes = SEND_BUFFER_DEFAULT;
  private readonly arrived = new Datagram();
  /** Most datagrams go where the last one went, and come whence the last one came. */
  private lastText = '';
  private lastTarget: Address | null = null;
  private lastFrom: Address | null = null;
  private lastFromText = '';

  constructor(private readonly host: Host, private readonly family: 4 | 6, private readonly owner: HandleOwner) {}

  // Names.

  bind(where: string, port: number, options: BindOptions): ErrorCode | null {
    const address = this.parse(where);
    if (address === null || this.endpoint !== null) return 'EINVAL';
    return this.open(address, port, options);
  }

  /** libuv: a call that needs a socket makes one, under any name. */
  private named(): UdpEndpoint | ErrorCode {
    if (this.endpoint !== null) return this.endpoint;
    const any = this.parse(this.family === 4 ? '0.0.0.0' : '::')!;
    return this.open(any, 0, { reuseAddress: true }) ?? this.endpoint!;
  }

  private open(address: Address, port: number, options: BindOptions): ErrorCode | null {
    const endpoint = this.host.stack.udp.open({ ...options, family: this.family });
    const refusal = endpoint.bind(address, port);
    if (refusal !== null) return known(refusal);
    endpoint.owner = this;
    this.endpoint = endpoint;
    return null;
  }

  connect(where: string, port: number): ErrorCode | null {
    const address = this.parse(where);
    if (address === null) return 'EINVAL';
    const endpoint = this.named();
    return typeof endpoint === 'string' ? endpoint : known(endpoint.connect(address, port));
  }

  disconnect(): ErrorCode | null {
    return this.endpoint === null ? 'EBADF' : this.endpoint.disconnect();
  }

  localName(): AddressInfo | ErrorCode {
    const { endpoint } = this;
    return endpoint === null ? 'EBADF' : this.nameOf(endpoint.localAddress, endpoint.localPort);
  }

  remoteName(): AddressInfo | ErrorCode {
    const { endpoint } = this;
    if (endpoint === null) return 'EBADF';
    return endpoint.remoteAddress === null ? 'ENOTCONN' : this.nameOf(endpoint.remoteAddress, endpoint.remotePort);
  }

  close(): void {
    this.stopReceiving();
    this.endpoint?.close();
  }

  // Transfer.

  startReceiving(): void {
    this.isReceiving = true;
    this.liveness.open();
  }

  stopReceiving(): void {
    this.isReceiving = false;
    this.liveness.close();
  }

  /** Send `bytes` to `where`; null: to the peer. */
  send(bytes: Uint8Array, where: string | null, port: number): ErrorCode | null {
    const endpoint = this.named();
    if (typeof endpoint === 'string') return endpoint;
    const address = where === null ? null : this.target(where);
    if (where !== null && address === null) return 'EINVAL';
    const refusal = endpoint.send(bytes, 0, bytes.length, address === null ? null : { address, port });
    // IP may wait for a neighbour since just now, and whoever sleeps does not know.
    if (this.host.stack.ip.nextTimeout() !== NEVER) this.host.stack.wake();
    return known(refusal);
  }

  onUdpEvent(): void {
    if (this.isDraining || !this.isReceiving) return;
    this.isDraining = true;
    process.nextTick(this.drain);
  }

  /**
   * One at a time, from a tick: what a listener has put off, ticks before promises, is done before the next one comes, as
   * it is between two callbacks of libuv's.
   */
  private readonly drain = (): void => {
    this.isDraining = false;
    if (!this.isReceiving) return;
    try {
      this.tellOne(this.endpoint!);
    } finally {
      if (this.isReceiving && this.endpoint!.waiting > 0) {
        this.isDraining = true;
        process.nextTick(queueMicrotask, this.drainNext);
      }
    }
  };

  private readonly drainNext = (): void => {
    process.nextTick(this.drain);
  };

  private tellOne(endpoint: UdpEndpoint): void {
    const failure = endpoint.takeError();
    if (failure !== null) {
      this.owner.onFailure(failure);
      return;
    }
    const { arrived } = this;
    if (!endpoint.receiveInto(arrived)) return;
    const { data } = arrived;
    const bytes = Buffer.from(data.buffer as ArrayBuffer, data.byteOffset, data.length);
    this.owner.onDatagram(bytes, this.senderOf(arrived));
  }

  private senderOf({ address, port }: Datagram): AddressInfo {
    const { lastFrom } = this;
    if (lastFrom === null || !lastFrom.equals(address) || lastFrom.zone !== address.zone) {
      this.lastFromText = this.textOf(address);
      this.lastFrom = parseAddress(address.toString());
    }
    return { address: this.lastFromText, family: this.family === 4 ? 'IPv4' : 'IPv6', port };
  }

  // Options. Without a socket there is nothing to set. (The names are libuv's: Node tells them when there is no handle.)

  setBroadcast(on: boolean): ErrorCode | null {
    if (this.endpoint === null) return 'EBADF';
    this.endpoint.mayBroadcast = on;
    return null;
  }

  setTTL(hops: number): ErrorCode | null {
    if (this.endpoint === null) return 'EBADF';
    if (!(hops >= 1 && hops <= 255)) return 'EINVAL';
    this.endpoint.hopLimit = Math.trunc(hops);
    return null;
  }

  setMulticastTTL(hops: number): ErrorCode | null {
    if (this.endpoint === null) return 'EBADF';
    if (!(hops >= 0 && hops <= 255)) return 'EINVAL';
    this.endpoint.multicastHopLimit = Math.trunc(hops);
    return null;
  }

  setMulticastLoopback(on: boolean): ErrorCode | null {
    if (this.endpoint === null) return 'EBADF';
    this.endpoint.multicastLoop = on;
    return null;
  }

  setMulticastInterface(where: string): ErrorCode | null {
    const named = this.parseAny(where);
    if (named === null) return 'EINVAL';
    if (this.endpoint === null) return 'EBADF';
    const v4 = isV4(named) && !where.includes(':');
    if (this.family === 4 && !v4) return 'ENOPROTOOPT';
    const through = this.interfaceOf(named);
    if (through === 'none' && v4) return 'EADDRNOTAVAIL';
    // libuv: a zone that there is not is none at all.
    this.endpoint.setMulticastInterface(through === 'none' ? null : through);
    return null;
  }

  /** @returns  bytes, as Linux tells them: twice what was asked for, its bookkeeping counted in */
  bufferSize(size: number, which: 'receive' | 'send'): number | 'EBADF' | 'EINVAL' {
    const { endpoint } = this;
    if (endpoint === null) return 'EBADF';
    if (size > 0x7fff_ffff) return 'EINVAL';
    if (which === 'receive') {
      if (size > 0) endpoint.setReceiveBytes(2 * size);
      return endpoint.receiveBytes;
    }
    // A datagram leaves in the call that sends it: there is no buffer to bound.
    if (size > 0) this.sendBytes = Math.max(SEND_BUFFER_MIN, 2 * Math.min(size, SEND_BUFFER_DEFAULT));
    return this.sendBytes;
  }

  /** A datagram leaves in the call that sends it: none waits. */
  getSendQueueSize(): number {
    return 0;
  }

  getSendQueueCount(): number {
    return 0;
  }

  // Groups.

  join(group: string, on: string | undefined): ErrorCode | null {
    return this.member(group, on, (endpoint, address, through) => endpoint.joinGroup(address, through));
  }

  leave(group: string, on: string | undefined): ErrorCode | null {
    return this.member(group, on, (endpoint, address, through) => endpoint.leaveGroup(address, through));
  }

  joinSource(source: string, group: string, on: string | undefined): ErrorCode | null {
    const from = this.parseAny(source);
    if (from === null) return 'EINVAL';
    return this.member(group, on, (endpoint, address, through) => endpoint.joinSource(address, from, through));
  }

  leaveSource(source: string, group: string, on: string | undefined): ErrorCode | null {
    const from = this.parseAny(source);
    if (from === null) return 'EINVAL';
    return this.member(group, on, (endpoint, address, through) => endpoint.leaveSource(address, from, through));
  }

  private member(
    group: string, on: string | undefined,
    act: (endpoint: UdpEndpoint, group: Address, through: Interface | null) => ErrorCode | null,
  ): ErrorCode | null {
    const address = this.parseAny(group);
    const named = on === undefined || on === null ? null : this.parseAny(String(on));
    if (address === null || (on && named === null)) return 'EINVAL';
    const endpoint = this.named();
    if (typeof endpoint === 'string') return endpoint;
    if (!isMulticast(address)) return 'EINVAL';
    const through = named === null ? null : this.interfaceOf(named);
    if (through === 'none' || (this.family === 4 && !isV4(address))) return 'ENODEV';
    return act(endpoint, address, through);
  }

  /** Whose address it is, or whose zone; null for "any", and 'none' for nobody's. */
  private interfaceOf(named: Address): Interface | null | 'none' {
    const { ip } = this.host.stack;
    if (named.zone !== 0) return ip.interfaces.find((each) => each.index === named.zone) ?? 'none';
    if (isUnspecified(named)) return null;
    return isLoopback(named) ? ip.loopback : ip.ownerOf(named) ?? 'none';
  }

  // Text.

  /** An address of the socket's family. */
  private parse(text: string): Address | null {
    return text.includes(':') === (this.family === 6) ? this.parseAny(text) : null;
  }

  private parseAny(text: string): Address | null {
    const percent = text.indexOf('%');
    if (percent < 0) return parseAddress(text);
    const name = text.slice(percent + 1);
    const zone = this.host.stack.ip.interfaces.find((each) => each.name === name || String(each.index) === name);
    // Nobody's zone stays one: whoever looks for it finds nothing.
    return parseAddress(`${text.slice(0, percent)}%${zone === undefined ? NO_ZONE : zone.index}`);
  }

  private target(text: string): Address | null {
    if (text !== this.lastText) {
      this.lastTarget = this.parse(text);
      this.lastText = text;
    }
    return this.lastTarget;
  }

  private nameOf(address: Address, port: number): AddressInfo {
    return { address: this.textOf(address), family: this.family === 4 ? 'IPv4' : 'IPv6', port };
  }

  /** RFC 4291 §2.5.5.2: to a socket of IPv6, IPv4 addresses are mapped ones. A zone goes by its interface's name. */
  private textOf(address: Address): string {
    if (isV4(address)) return this.family === 4 ? address.toString() : `::ffff:${address.toString()}`;
    if (address.zone === 0) return address.toString();
    const [plain] = address.toString().split('%');
    const on = this.host.stack.ip.interfaces.find((each) => each.index === address.zone);
    return `${plain}%${on === undefined ? address.zone : on.name}`;
  }
}

/** Linux says the one where we say the other. */
const known = (code: ErrorCode | null): ErrorCode | null => (code === 'EAFNOSUPPORT' ? 'EINVAL' : code);

/** An interface that there never is. */
const NO_ZONE = 0x7fff_ffff;

/** Linux's wmem_default, and SOCK_MIN_SNDBUF. */
const SEND_BUFFER_DEFAULT = 212_992;
const SEND_BUFFER_MIN = 4608;
