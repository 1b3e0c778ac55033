// A TUN or TAP device of Linux: packets between our stack and the kernel's. <linux/if_tun.h>,
// Documentation/networking/tuntap.rst.
//
// One system call per packet, made on the event loop's own thread, never blocking. Packets come with a virtio header,
// so that the kernel's TCP hands us superpackets of up to 64 KB with their checksums undone, and takes such from us.

import { release } from 'node:os';

import { assert } from '../../assert.js';
import { invalidValue, NetError } from '../../errors.js';
import { HEADROOM, type Packet, PacketPool } from '../../packet.js';
import { type Device, type FrameSink, NO_OFFLOAD, type Offload, SUPERPACKET_TEXT } from '../device.js';
import {
  IFF_MULTI_QUEUE, IFF_NO_PI, IFF_TAP, IFF_TUN, IFF_VNET_HDR, isPossibleName, nameOf, TUNSETIFF, TUNSETOFFLOAD,
  TUNSETVNETHDRSZ, withFlags,
} from './ifreq.js';
import { exists, prefixOf, refusal, setUp } from './kernel-side.js';
import { randomLinkAddress } from './link-address.js';
import {
  codeOf, EAGAIN, EINVAL, ENOBUFS, ENOMEM, type Linux, loadLinux, O_CLOEXEC, O_NONBLOCK, O_RDWR, type Watch,
} from './linux.js';
import { headerLength, isTcp, readHeader, writeHeader } from './virtio.js';

export interface TunOptions {
  /**
   * The interface's name. If it exists (made by `ip tuntap add`, or open with `multiQueue`) we attach to it, else it is
   * made, and vanishes when we close it. Default: the kernel chooses, `tun0` or `tap0` and on.
   */
  readonly name?: string;
  /** `ip`: a TUN. `ethernet`: a TAP. Default `ip`. */
  readonly medium?: 'ip' | 'ethernet';
  /** Largest IP packet, bytes. Default 1500; for a device that exists, what it has. */
  readonly mtu?: number;
  /** The kernel's addresses on its end, as `10.0.0.1/24` and `fd00::1/64`. Ours are the stack's business. Default none. */
  readonly addresses?: readonly string[];
  /** Packets that may wait in the kernel for us. Default 1000, as of most Ethernet devices; existing: what it has. */
  readonly txQueueLength?: number;
  /** Take and give superpackets and partial checksums, as far as the kernel can. Default true. */
  readonly offload?: boolean;
  /** Several openings of one name, each with packets of its own flows. Default false. */
  readonly multiQueue?: boolean;
  /** Our Ethernet address on a TAP; the kernel's end has another. Default: a random one, locally administered. */
  readonly linkAddress?: Uint8Array;
  /** Where packets come from. Default: a pool of the device's own. */
  readonly pool?: PacketPool;
}

export interface TunDevice extends Device {
  /** What the kernel did not take: its queue was full, it found no sense in it, or its end is not up. */
  readonly refused: Readonly<{ full: number; invalid: number; down: number }>;
  /** An attached device keeps the process alive (the default), or does not. */
  ref(): void;
  unref(): void;
}

/**
 * Open a TUN or TAP device, and bring the kernel's end up.
 *
 * @throws  NetError with what to do about it: not Linux, no koffi, no /dev/net/tun, no permission, name in use, …
 */
export function openTun(options: TunOptions = {}): TunDevice {
  const { name = '', medium = 'ip' } = options;
  if (!isPossibleName(name)) throw invalidValue('name', 'must be the name of an interface, of at most 15 bytes', name);
  if (options.linkAddress !== undefined) checkLinkAddress(options.linkAddress);
  const addresses = (options.addresses ?? []).map(prefixOf);
  const linux = loadLinux();
  const existed = name !== '' && exists(linux, name);
  const fd = linux.open('/dev/net/tun', O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) throw openRefusal(linux.errno());
  try {
    const given = takeInterface(linux, fd, name, medium, options.multiQueue ?? false);
    const offload = negotiate(linux, fd, medium, options.offload ?? true);
    const { mtu = existed ? undefined : 1500, txQueueLength = existed ? undefined : 1000 } = options;
    return new Tun(linux, fd, {
      name: given,
      medium,
      mtu: setUp(linux, given, { mtu, txQueueLength, addresses }),
      offload,
      linkAddress: medium === 'ip' ? null : (options.linkAddress ?? randomLinkAddress()),
      pool: options.pool ?? new PacketPool(256, unwritten),
    });
  } catch (error) {
    linux.close(fd);
    throw error;
  }
}

/** Memory that the kernel will write anyway, not zeroed first. */
const unwritten = (bytes: number): ArrayBuffer => Buffer.allocUnsafeSlow(bytes).buffer;

function checkLinkAddress(address: Uint8Array): void {
  const single = address.length === 6 && (address[0]! & 1) === 0;
  if (!single) throw invalidValue('linkAddress', 'must be six bytes, of a single station', address);
}

/** Exported for its test. */
export function openRefusal(errno: number): NetError {
  const code = codeOf(errno);
  switch (code) {
    case 'ENOENT':
    case 'ENODEV':
    case 'ENXIO': {
      const hint = 'no /dev/net/tun; load the module with `modprobe tun`, or give it to the container: '
        + '`docker run --device /dev/net/tun --cap-add NET_ADMIN`';
      return new NetError(code, 'open', { hint });
    }
    default:
      return refusal(errno, 'open', 'cannot open /dev/net/tun');
  }
}

/** TUNSETIFF: make the interface, or attach to it. @returns its name */
function takeInterface(linux: Linux, fd: number, name: string, medium: Device['medium'], multiQueue: boolean): string {
  const kind = medium === 'ip' ? IFF_TUN : IFF_TAP;
  const request = withFlags(name, kind | IFF_NO_PI | IFF_VNET_HDR | (multiQueue ? IFF_MULTI_QUEUE : 0));
  if (linux.control(fd, TUNSETIFF, request) < 0) throw attachRefusal(linux.errno(), name, medium);
  return nameOf(request);
}

/** Exported for its test. */
export function attachRefusal(errno: number, name: string, medium: Device['medium']): NetError {
  const code = codeOf(errno);
  const kind = medium === 'ip' ? 'TUN' : 'TAP';
  switch (code) {
    case 'EBUSY': {
      const hint = `${name} is open in another program; close it there, or take another name`;
      return new NetError(code, 'ioctl', { hint });
    }
    case 'EINVAL': {
      const hint = `${name} is no ${kind} device, or was made for one queue and is asked for several, or the reverse`;
      return new NetError(code, 'ioctl', { hint: `${hint}; take another name` });
    }
    default:
      return refusal(errno, 'ioctl', `cannot make or open the ${kind} device ${name}`.trimEnd());
  }
}

/** What may be left undone in packets of the kernel's. It takes from us what it gives. Best first. */
const OFFLOADS: readonly [bits: number, Offload][] = [
  // CSUM | TSO4 | TSO6 | USO4 | USO6; the last two since Linux 6.2
  [0x67, { checksum: true, tcpSegmentation: true, udpSegmentation: true }],
  [0x07, { checksum: true, tcpSegmentation: true, udpSegmentation: false }],
  [0x01, { checksum: true, tcpSegmentation: false, udpSegmentation: false }],
  [0x00, NO_OFFLOAD],
];

/** TUNSETVNETHDRSZ and TUNSETOFFLOAD. Exported for its test. @returns what was obtained */
export function negotiate(linux: Linux, fd: number, medium: Device['medium'], wanted: boolean): Offload {
  const size = Uint8Array.of(headerLength(medium), 0, 0, 0);
  if (linux.control(fd, TUNSETVNETHDRSZ, size) < 0) {
    throw refusal(linux.errno(), 'ioctl', 'cannot set the length of the virtio header');
  }
  for (const [bits, offload] of wanted ? OFFLOADS : OFFLOADS.slice(-1)) {
    if (linux.controlValue(fd, TUNSETOFFLOAD, bits) >= 0) return offload;
    const errno = linux.errno();
    if (errno !== EINVAL || bits === 0) throw refusal(errno, 'ioctl', 'cannot agree on offload');
  }
  return NO_OFFLOAD;
}

/**
 * So long after the latest packet we look for the next one in every turn of the event loop, instead of sleeping until
 * the kernel wakes us, which costs some 20 µs: five times the time of a round trip.
 */
const LINGER_MS = 0.2;

/** A header, and text in slabs of a send queue: six smaller than 64 KB at most, and five. */
const PIECES_MAX = 16;

/** Reads per turn of the event loop. Readiness is told again as long as there is more. */
const READS_MAX = 64;
/** A superpacket, and an Ethernet header with a VLAN tag before it. */
const FRAME_MAX = 65_535 + 18;
/** Larger packets are handed on in the buffer that they were read into; others are copied to where they pin only 2 KB. */
const COPY_MAX = 1900;
/** Below this a loop over lanes is quicker than a view and a copy. */
const LOOP_MAX = 192;

/** Four times what a length field can say: measured, half of it costs a third more of the server. Linux sends itself 512 KB. */
const BIG_TEXT = 1 << 18;

/** Superpackets whose length does not fit its field: IPv6 since 5.19, IPv4 since 6.3. Exported for its test. */
export function takesBig(kernel: string): boolean {
  const [major = 0, minor = 0] = kernel.split('.').map(Number);
  return major > 6 || (major === 6 && minor >= 3);
}

interface TunParts {
  readonly name: string;
  readonly medium: 'ip' | 'ethernet';
  readonly mtu: number;
  readonly offload: Offload;
  readonly linkAddress: Uint8Array | null;
  readonly pool: PacketPool;
}

class Tun implements TunDevice {
  readonly name: string;
  readonly medium: 'ip' | 'ethernet';
  readonly mtu: number;
  readonly offload: Offload;
  readonly linkAddress: Uint8Array | null;
  readonly refused = { full: 0, invalid: 0, down: 0 };
  readonly gathers = true;
  readonly superpacketText: number;
  private readonly pool: PacketPool;
  private readonly headerLength: number;
  /** Where a packet's first byte goes: behind the headroom, so that the IP header lies on a 4-byte boundary. */
  private readonly start: number;
  private readonly addresses = new WeakMap<Uint8Array, number>();
  /** `struct iovec[]`: address and length, 64 bits each. */
  private readonly iovecs = new Uint32Array(4 * PIECES_MAX);
  private readonly iovecsAt: number;
  /** What is read into; null when closed. */
  private landing: Packet | null;
  private landingAt = 0;
  private sink: FrameSink | null = null;
  private watch: Watch | null = null;
  /** When a packet last came; and whether the next turn looks for another. */
  private arrivedAt = 0;
  private lingering = false;

  constructor(private readonly linux: Linux, private readonly fd: number, parts: TunParts) {
    this.name = parts.name;
    this.medium = parts.medium;
    this.mtu = parts.mtu;
    this.offload = parts.offload;
    this.linkAddress = parts.linkAddress;
    this.pool = parts.pool;
    this.superpacketText = parts.offload.tcpSegmentation && parts.medium === 'ip' && takesBig(release()) ? BIG_TEXT : SUPERPACKET_TEXT;
    this.headerLength = headerLength(parts.medium);
    this.start = HEADROOM + (parts.medium === 'ip' ? 0 : 2);
    this.landing = this.prepareLanding();
    this.iovecsAt = linux.addressOf(new Uint8Array(this.iovecs.buffer));
  }

  attach(sink: FrameSink): void {
    assert(this.sink === null, 'tun: attached twice');
    if (this.landing === null) return;
    this.sink = sink;
    this.watch = this.linux.watch(this.fd, (status) => this.arrive(sink, status));
  }

  transmit(packet: Packet): boolean {
    if (this.landing === null) {
      packet.release();
      return false;
    }
    assert(packet.checksum !== 'partial' || this.offload.checksum, 'tun: a partial checksum, and nobody to finish it');
    assert(packet.segmentSize === 0 || this.takesWhole(packet), 'tun: a superpacket, and nobody to cut it');
    const at = packet.start - this.headerLength;
    assert(at >= 0, 'tun: no room for the virtio header');
    writeHeader(packet, at, this.headerLength);
    const sent = packet.lent === 0
      ? this.linux.write(this.fd, this.addressOf(packet) + at, packet.end - at)
      : this.writePieces(packet, at);
    const errno = sent < 0 ? this.linux.errno() : 0;
    packet.release();
    if (sent < 0) this.countRefusal(errno);
    return sent >= 0;
  }

  /** A packet from `at` on, with what it was lent. */
  private writePieces(packet: Packet, at: number): number {
    const { iovecs } = this;
    const { lenders } = packet;
    assert(lenders.length < PIECES_MAX, 'tun: a packet in more pieces than a send queue has');
    setIovec(iovecs, 0, this.addressOf(packet) + at, packet.end - at);
    for (let i = 0; i < lenders.length; i++) {
      setIovec(iovecs, i + 1, this.addressOfBytes(lenders[i]!) + packet.lentFrom[i]!, packet.lentBytes[i]!);
    }
    return this.linux.writev(this.fd, this.iovecsAt, lenders.length + 1);
  }

  ref(): void {
    this.watch?.ref();
  }

  unref(): void {
    this.watch?.unref();
  }

  close(): void {
    if (this.landing === null) return;
    this.landing.release();
    this.landing = null;
    this.watch?.close();
    this.watch = null;
    this.linux.close(this.fd);
  }

  /** A turn of reading, until there is nothing more or others must have their turn too. */
  private arrive(sink: FrameSink, status: number): void {
    let errno = status < 0 ? -status : 0;
    let reads = 0;
    for (; errno === 0 && reads < READS_MAX && this.landing !== null; reads++) {
      errno = this.readOne(sink, this.landing);
    }
    // Deleted: 77 (EBADFD) by read, 9 (EBADF) by libuv. Whatever else it is does not pass by itself.
    if (errno !== 0 && errno !== EAGAIN) {
      sink.batchEnd();
      this.lose(sink, errno);
      return;
    }
    if (reads > 1) sink.batchEnd();
    this.linger(sink, reads > 1);
  }

  private linger(sink: FrameSink, busy: boolean): void {
    const now = performance.now();
    if (busy) this.arrivedAt = now;
    if (this.lingering || now - this.arrivedAt > LINGER_MS) return;
    this.lingering = true;
    setImmediate(this.look, sink);
  }

  private readonly look = (sink: FrameSink): void => {
    this.lingering = false;
    if (this.landing !== null) this.arrive(sink, 0);
  };

  /** @returns 0, or why there was nothing to read */
  private readOne(sink: FrameSink, landing: Packet): number {
    const header = this.start - this.headerLength;
    const bytes = this.linux.read(this.fd, this.landingAt + header, this.headerLength + FRAME_MAX);
    if (bytes < 0) return this.linux.errno();
    const end = header + bytes;
    if (end <= this.start) return 0;
    const packet = end - this.start <= COPY_MAX ? this.copyOf(landing, end) : this.handOver(landing, end);
    readHeader(landing.bytes, header, packet);
    sink.receive(packet);
    return 0;
  }

  /** What landed, in a packet of its size. */
  private copyOf(landing: Packet, end: number): Packet {
    const { start } = this;
    const packet = this.pool.take(end - HEADROOM);
    packet.start = start;
    packet.end = end;
    if (end - start > LOOP_MAX) {
      packet.bytes.set(landing.bytes.subarray(start, end), start);
    } else {
      // From the headroom's end on, which is a lane's; a few bytes more than needed do no harm.
      const to = packet.lanes;
      const from = landing.lanes;
      for (let i = HEADROOM >> 2; i << 2 < end; i++) to[i] = from[i]!;
    }
    return packet;
  }

  /** The landing packet itself; the next one lands in another. */
  private handOver(landing: Packet, end: number): Packet {
    landing.start = this.start;
    landing.end = end;
    this.landing = this.prepareLanding();
    return landing;
  }

  private prepareLanding(): Packet {
    const packet = this.pool.take(FRAME_MAX);
    this.landingAt = this.addressOf(packet);
    return packet;
  }

  private addressOf(packet: Packet): number {
    return this.addressOfBytes(packet.bytes);
  }

  /** Asking koffi costs five times as much as remembering. */
  private addressOfBytes(bytes: Uint8Array): number {
    let address = this.addresses.get(bytes);
    if (address === undefined) {
      address = this.linux.addressOf(bytes);
      this.addresses.set(bytes, address);
    }
    return address;
  }

  private takesWhole(packet: Packet): boolean {
    if (packet.checksum !== 'partial') return false;
    return isTcp(packet) ? this.offload.tcpSegmentation : this.offload.udpSegmentation;
  }

  /** That the interface was deleted is told by the watch, at rest, and not in the middle of sending. */
  private countRefusal(errno: number): void {
    if (errno === EINVAL) this.refused.invalid++;
    else if (errno === EAGAIN || errno === ENOBUFS || errno === ENOMEM) this.refused.full++;
    else this.refused.down++;
  }

  private lose(sink: FrameSink, errno: number): void {
    if (this.landing === null) return;
    this.close();
    sink.lost(new NetError('ENODEV', 'read', { hint: `${this.name} was deleted (errno ${errno})` }));
  }
}

/** Addresses of user space have 48 bits, so that a number holds them exactly. */
function setIovec(iovecs: Uint32Array, index: number, address: number, bytes: number): void {
  const at = 4 * index;
  iovecs[at] = address >>> 0;
  iovecs[at + 1] = Math.floor(address / 2 ** 32);
  iovecs[at + 2] = bytes;
}
