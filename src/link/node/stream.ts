// Anything that carries packets whole, as a device: a Duplex that gives one packet per chunk (the object of the package
// tuntap2, a WebSocket's stream), or a MessagePort. No offload; a copy and an allocation for each packet.

import { assert } from '../../assert.js';
import { setU16, u16 } from '../../bytes.js';
import { ERRNO, type ErrorCode, invalidValue, NetError } from '../../errors.js';
import { type Packet, PacketPool } from '../../packet.js';
import { type Device, type FrameSink, NO_OFFLOAD } from '../device.js';
import { randomLinkAddress } from './link-address.js';

export interface StreamOptions {
  /** Default: what the stream calls itself, else `stream0`. */
  readonly name?: string;
  /** Default: `ethernet` if the stream says `isTap`, else `ip`. */
  readonly medium?: 'ip' | 'ethernet';
  /** Largest IP packet, bytes. Default: the stream's own, else 1500. */
  readonly mtu?: number;
  /** Each chunk begins with 4 bytes, flags and ether type, as of a TUN opened without IFF_NO_PI. Default false. */
  readonly packetInformation?: boolean;
  /** Packets that may wait to be written; further ones are refused. Default 1000, as of most Ethernet devices. */
  readonly txQueueLength?: number;
  /** Our Ethernet address, six bytes. Default: a random one, locally administered; never the far end's `mac`. */
  readonly linkAddress?: Uint8Array;
  /** Where packets come from. Default: a pool of the device's own. */
  readonly pool?: PacketPool;
}

/** What is asked of a stream: Node's Duplex, or anything shaped like it. A chunk is a packet, in both directions. */
export interface PacketStream {
  on(event: 'data', listener: (chunk: unknown) => void): unknown;
  on(event: 'end' | 'close', listener: () => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  write(chunk: Uint8Array, encoding: undefined, done: (error?: Error | null) => void): unknown;
  destroy(): unknown;
  readonly name?: string;
  readonly mtu?: number;
  readonly isTap?: boolean;
}

/** What is asked of a port: a MessagePort of any platform, or what has its face. A message is a packet. */
export interface PacketPort {
  addEventListener(type: 'message' | 'messageerror' | 'close', listener: (event: object) => void): void;
  postMessage(message: Uint8Array): void;
  /** Needed by a port that waits until it is told to begin. */
  start?(): void;
  close(): void;
}

/** A stream's end is the device's. The stream is read from `attach` on, and destroyed by `close`. */
export function streamDevice(stream: PacketStream, options: StreamOptions = {}): StreamDevice {
  const name = options.name ?? stream.name ?? 'stream0';
  const medium = options.medium ?? (stream.isTap === true ? 'ethernet' : 'ip');
  const mtu = options.mtu ?? stream.mtu ?? 1500;
  return new ChannelDevice({ ...options, name, medium, mtu }, {
    send: (bytes, done) => void stream.write(bytes, undefined, done),
    listen(to) {
      stream.on('data', (chunk) => to.arrive(chunk));
      stream.on('end', () => to.lose(new NetError('ENETDOWN', 'read', { hint: 'the stream ended' })));
      stream.on('close', () => to.lose(new NetError('ENETDOWN', 'read', { hint: 'the stream was closed' })));
      stream.on('error', (error) => to.lose(netError(error)));
    },
    close: () => void stream.destroy(),
  });
}

/** As `streamDevice`. A port knows no queue: what is posted is gone. */
export function portDevice(port: PacketPort, options: StreamOptions = {}): StreamDevice {
  const { name = 'port0', medium = 'ip', mtu = 1500 } = options;
  return new ChannelDevice({ ...options, name, medium, mtu }, {
    send(bytes, done) {
      port.postMessage(bytes);
      done();
    },
    listen(to) {
      port.addEventListener('message', (event) => to.arrive('data' in event ? event.data : null));
      port.addEventListener('close', () => to.lose(new NetError('ENETDOWN', 'read', { hint: 'the port was closed' })));
      port.addEventListener('messageerror', () => to.arrive(null));
      port.start?.();
    },
    close: () => port.close(),
  });
}

export interface StreamDevice extends Device {
  /** Chunks that were no packet: not bytes, empty, too long, or cut short on their way. */
  readonly malformed: number;
}

/** The two kinds of packet carriers alike. */
interface Channel {
  /** The bytes are the channel's from now on. */
  send(bytes: Uint8Array, done: () => void): void;
  listen(to: ChannelListener): void;
  close(): void;
}

interface ChannelListener {
  arrive(chunk: unknown): void;
  lose(error: NetError): void;
}

type Settled = StreamOptions & { name: string; medium: 'ip' | 'ethernet'; mtu: number };

/** Bytes before a packet with packet information: 16 bits of flags (1: cut short), and the ether type. */
const INFORMATION = 4;
/** An Ethernet header with a VLAN tag. */
const LINK_HEADER_MAX = 18;

class ChannelDevice implements StreamDevice, ChannelListener {
  readonly name: string;
  readonly medium: 'ip' | 'ethernet';
  readonly mtu: number;
  readonly linkAddress: Uint8Array | null;
  readonly offload = NO_OFFLOAD;
  malformed = 0;
  private readonly information: number;
  private readonly queueMax: number;
  private readonly pool: PacketPool;
  private queued = 0;
  private sink: FrameSink | null = null;
  private open = true;

  constructor(options: Settled, private readonly channel: Channel) {
    this.name = options.name;
    this.medium = options.medium;
    this.mtu = options.mtu;
    const { linkAddress = randomLinkAddress() } = options;
    if (linkAddress.length !== 6) throw invalidValue('linkAddress', 'must be six bytes', linkAddress);
    this.linkAddress = options.medium === 'ethernet' ? linkAddress : null;
    this.information = options.packetInformation === true ? INFORMATION : 0;
    this.queueMax = options.txQueueLength ?? 1000;
    this.pool = options.pool ?? new PacketPool();
  }

  attach(sink: FrameSink): void {
    assert(this.sink === null, 'stream: attached twice');
    this.sink = sink;
    this.channel.listen(this);
  }

  transmit(packet: Packet): boolean {
    const fits = this.open && this.queued < this.queueMax;
    if (fits) {
      this.queued++;
      this.channel.send(this.chunkOf(packet), this.sent);
    }
    packet.release();
    return fits;
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    this.channel.close();
  }

  arrive(chunk: unknown): void {
    if (!this.open || this.sink === null) return;
    const bytes = bytesOf(chunk);
    const at = this.information;
    const length = bytes.length - at;
    // Flags other than zero: the kernel cut the packet short.
    const cut = at > 0 && (bytes[0] !== 0 || bytes[1] !== 0);
    if (length <= 0 || length > 65_535 + LINK_HEADER_MAX || cut) {
      this.malformed++;
      return;
    }
    // Behind an Ethernet header of 14 bytes the IP header is to lie on a 4-byte boundary.
    const shift = this.medium === 'ethernet' ? 2 : 0;
    const packet = this.pool.take(shift + length);
    packet.start += shift;
    packet.end = packet.start + length;
    packet.bytes.set(at === 0 ? bytes : bytes.subarray(at), packet.start);
    this.sink.receive(packet);
    this.sink.batchEnd();
  }

  lose(error: NetError): void {
    if (!this.open) return;
    this.close();
    this.sink?.lost(error);
  }

  /** A copy: the stream keeps its chunk until it is written, and the packet returns to its pool. */
  private chunkOf(packet: Packet): Uint8Array {
    const { bytes, start, end } = packet;
    if (this.information === 0) return bytes.slice(start, end);
    const chunk = new Uint8Array(INFORMATION + end - start);
    setU16(chunk, 2, this.etherType(packet));
    chunk.set(bytes.subarray(start, end), INFORMATION);
    return chunk;
  }

  private etherType({ bytes, start }: Packet): number {
    if (this.medium === 'ethernet') return u16(bytes, start + 12);
    return bytes[start]! >>> 4 === 4 ? 0x0800 : 0x86dd;
  }

  private readonly sent = (): void => {
    this.queued--;
  };
}

function bytesOf(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  return chunk instanceof ArrayBuffer ? new Uint8Array(chunk) : NOTHING;
}

const NOTHING = new Uint8Array(0);

function netError(error: Error & { code?: unknown }): NetError {
  const code = typeof error.code === 'string' && Object.hasOwn(ERRNO, error.code) ? (error.code as ErrorCode) : 'EIO';
  return new NetError(code, 'read', { hint: error.message });
}
