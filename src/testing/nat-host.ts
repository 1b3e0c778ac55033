// A NAT as a machine: a router whose interface outside rewrites what passes, both ways. The router does the rest: hop limits,
// MTUs, neighbours. What is sent to the address outside from inside comes back in (RFC 4787 REQ-9).

import { parseAddress } from '../address.js';
import { i32, u16 } from '../bytes.js';
import type { Device, FrameSink } from '../link/device.js';
import type { Packet } from '../packet.js';
import { Nat, type NatSettings } from './nat.js';
import type { Network } from './network.js';
import type { NetworkLink } from './network-link.js';
import { type Attachment, Host, type HostOptions } from './network-node.js';

export interface NatOptions extends Partial<NatSettings> {
  /** Does what insiders send to the address outside come back in? Default true. RFC 4787 §6. */
  readonly hairpins?: boolean;
}

/** What a link is put to: `net.link(host, nat.inside)`. */
export class NatSide {
  constructor(readonly nat: NatHost, readonly isOutside: boolean) {}

  /** The network's. */
  claim(link: NetworkLink): void {
    if (this.isOutside) this.nat.claimOutside(link);
  }
}

export class NatHost extends Host {
  readonly inside = new NatSide(this, false);
  readonly outside = new NatSide(this, true);
  readonly table: Nat;
  private outsideLink: NetworkLink | null = null;
  private readonly hairpins: boolean;

  constructor(network: Network, name: string, options: NatOptions & HostOptions) {
    super(network, name, options, true);
    this.hairpins = options.hairpins ?? true;
    this.table = new Nat(options, network.dice(`nat ${name}`), (protocol, port) => this.uses(protocol, port));
  }

  isOutside(link: NetworkLink): boolean {
    return link === this.outsideLink;
  }

  claimOutside(link: NetworkLink): void {
    if (this.outsideLink !== null) throw new Error(`${this.name} has an outside already`);
    this.outsideLink = link;
  }

  /** The first IPv4 address outside, which all inside share: text. */
  get external(): string {
    const outer = this.attachments.find(({ link }) => this.isOutside(link));
    const text = outer?.addresses.find((each) => parseAddress(each.replace(/\/.*/, ''))!.family === 4);
    if (text === undefined) throw new Error(`${this.name} has no IPv4 address outside yet: link something to ${this.name}.outside`);
    return text.replace(/\/.*/, '');
  }

  private get externalWord(): number {
    return parseAddress(this.external)!.w3;
  }

  protected override device({ link, side }: Attachment): Device {
    const end = link.link.ends[side];
    return this.isOutside(link) ? new Meddler(end, this.outward, this.inward) : new Meddler(end, pass, this.hairpin);
  }

  private readonly outward = (packet: Packet, at: number): boolean => {
    const { bytes: b, end } = packet;
    const external = this.externalWord;
    // What the NAT says for itself it says as it is.
    if (i32(b, at + 12) === external) return true;
    return this.table.outward(b, at, end, external, this.network.now) === 'translated';
  };

  private readonly inward = (packet: Packet, at: number): boolean => {
    const { bytes: b, end } = packet;
    if (i32(b, at + 16) !== this.externalWord) return true;
    const outcome = this.table.inward(b, at, end, this.network.now);
    // RFC 5382 REQ-4: who is not expected hears nothing, unless the NAT itself has something to say.
    return outcome === 'translated' || (outcome === 'unmapped' && this.isForItself(b, at));
  };

  /** From inside, for the address outside, and for somebody inside. */
  private readonly hairpin = (packet: Packet, at: number): boolean => {
    const { bytes: b, end } = packet;
    if (!this.hairpins || this.outsideLink === null || i32(b, at + 16) !== this.externalWord) return true;
    const transport = at + (b[at]! & 15) * 4;
    const protocol = b[at + 9]!;
    if ((protocol !== 6 && protocol !== 17) || this.table.find(protocol, u16(b, transport + 2)) === null) return true;
    if (b[at + 8]! <= 1) return false;
    const { now } = this.network;
    if (this.table.outward(b, at, end, this.externalWord, now) !== 'translated') return false;
    if (this.table.inward(b, at, end, now) !== 'translated') return false;
    b[at + 8]!--;
    const back = this.stack.pool.take(end - at);
    back.bytes.set(b.subarray(at, end), back.start);
    back.end = back.start + end - at;
    this.stack.ip.sendWithHeader(back, now);
    this.stack.wake();
    return false;
  };

  private isForItself(b: Uint8Array, at: number): boolean {
    const transport = at + (b[at]! & 15) * 4;
    const protocol = b[at + 9]!;
    return (protocol !== 6 && protocol !== 17) || this.uses(protocol, u16(b, transport + 2));
  }

  private uses(protocol: number, port: number): boolean {
    const { tcp, udp } = this.stack;
    if (protocol === 17) return udp.ports.has(port);
    if (protocol !== 6) return false;
    return tcp.listening().some((listener) => listener.port === port) || tcp.hasConnections(port);
  }
}

const pass = (): boolean => true;

/** A device whose IPv4 packets somebody changes, or refuses, on their way. */
class Meddler implements Device, FrameSink {
  readonly name: string;
  readonly medium: 'ip' | 'ethernet';
  readonly mtu: number;
  readonly linkAddress: Uint8Array | null;
  readonly offload: Device['offload'];
  private sink: FrameSink | null = null;
  private readonly ipAt: number;

  constructor(
    private readonly inner: Device,
    private readonly out: (packet: Packet, at: number) => boolean,
    private readonly inn: (packet: Packet, at: number) => boolean,
  ) {
    this.name = inner.name;
    this.medium = inner.medium;
    this.mtu = inner.mtu;
    this.linkAddress = inner.linkAddress;
    this.offload = inner.offload;
    this.ipAt = inner.medium === 'ethernet' ? 14 : 0;
  }

  attach(sink: FrameSink): void {
    this.sink = sink;
    this.inner.attach(this);
  }

  transmit(packet: Packet): boolean {
    if (!this.isIpv4(packet) || this.out(packet, packet.start + this.ipAt)) return this.inner.transmit(packet);
    packet.release();
    return true;
  }

  receive(packet: Packet): void {
    if (!this.isIpv4(packet) || this.inn(packet, packet.start + this.ipAt)) this.sink?.receive(packet);
    else packet.release();
  }

  batchEnd(): void {
    this.sink?.batchEnd();
  }

  lost(error: Parameters<FrameSink['lost']>[0]): void {
    this.sink?.lost(error);
  }

  close(): void {
    this.inner.close();
  }

  private isIpv4(packet: Packet): boolean {
    const at = packet.start + this.ipAt;
    const { bytes: b } = packet;
    return packet.end - at >= 20 && (this.ipAt === 0 || u16(b, at - 2) === 0x0800) && b[at]! >>> 4 === 4 && (b[at]! & 15) >= 5;
  }
}
