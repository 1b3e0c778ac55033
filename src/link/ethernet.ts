// The port of a device that carries Ethernet frames (TAP): whom a frame is for, what is in it, and to which link-layer
// address a packet goes. RFC 894, RFC 2464 (encapsulation), RFC 1112 §6.4, RFC 2464 §7 (groups). ARP lives here; NDP,
// being ICMP, lives above and is asked through `solicitor`.

import { type Address, isLimitedBroadcast, isMulticast, isV4 } from '../address.js';
import { assert } from '../assert.js';
import { setU32 } from '../bytes.js';
import type { DropReason } from '../counters.js';
import type { Packet } from '../packet.js';
import { Arp, type ArpLink } from './arp.js';
import { Coalescer } from './coalescer.js';
import type { Device } from './device.js';
import { Egress } from './egress.js';
import type { LinkCast, NeighborSolicitor, NetworkLayer, Port, PortEnvironment } from './link-output.js';
import { NeighborCache, type NeighborOwner } from './neighbor-cache.js';
import * as Wire from './wire.js';

export interface EthernetPortOptions {
  /** Coalesce TCP segments of a batch on input, unless the device does. `flush` must follow each batch. Default false. */
  readonly coalesce?: boolean;
  /** Pad frames to the 60 bytes that IEEE 802.3 asks for: devices that are not real seldom want it. Default false. */
  readonly pad?: boolean;
}

export class EthernetPort implements Port, NeighborOwner, ArpLink {
  readonly linkAddress: Uint8Array;
  readonly neighbors: NeighborCache;
  readonly arp: Arp;
  /** Neighbor Discovery puts itself here. Without it, no IPv6 neighbour is found. */
  solicitor: NeighborSolicitor | null = null;

  private readonly egress: Egress;
  private readonly coalescer: Coalescer | null;
  private readonly group = new Uint8Array(6);

  constructor(
    device: Device,
    private readonly network: NetworkLayer,
    private readonly env: PortEnvironment,
    options: EthernetPortOptions = {},
  ) {
    assert(device.linkAddress !== null, `ethernet: ${device.name} has no link-layer address`);
    this.linkAddress = device.linkAddress;
    this.neighbors = new NeighborCache(this, env, device.name);
    this.arp = new Arp(this, this.neighbors, network, env);
    this.egress = new Egress(device, env, options.pad === true ? 60 : 0);
    const wanted = options.coalesce === true && !device.offload.tcpSegmentation;
    this.coalescer = wanted ? new Coalescer(network, env, device.name) : null;
  }

  input(frame: Packet, now: number): void {
    const { counters } = this.env;
    counters.rxPackets++;
    counters.rxBytes += frame.length;
    const refused = this.refusal(frame);
    if (refused !== null) {
      counters.drop(refused);
      frame.release();
      return;
    }
    const { bytes: b, start: at } = frame;
    const linkCast = linkCastOf(b, at);
    const type = Wire.etherType(b, at);
    frame.consume(14);
    if (type === ARP) {
      this.arp.input(frame, linkCast, now);
      frame.release();
    } else if (this.coalescer === null) {
      this.network.input(frame, linkCast, now);
    } else {
      this.coalescer.input(frame, linkCast, now);
    }
  }

  flush(now: number): void {
    this.coalescer?.flush(now);
  }

  send(packet: Packet, nextHop: Address, now: number): void {
    // It may have to wait for its neighbour.
    packet.gather();
    if (isMulticast(nextHop)) this.sendTo(isV4(nextHop) ? this.group4(nextHop) : this.group6(nextHop), packet);
    else if (isLimitedBroadcast(nextHop)) this.sendTo(BROADCAST, packet);
    else this.neighbors.send(packet, nextHop, now);
  }

  confirm(nextHop: Address, now: number): void {
    this.neighbors.confirm(nextHop, now);
  }

  nextTimeout(): number {
    return Math.min(this.neighbors.nextTimeout(), this.arp.claims.nextTimeout());
  }

  expire(now: number): void {
    this.neighbors.expire(now);
    this.arp.claims.expire(now);
  }

  sendTo(linkAddress: Uint8Array, packet: Packet): void {
    const type = packet.bytes[packet.start]! >>> 4 === 4 ? IPV4 : IPV6;
    this.sendFrame(linkAddress, type, packet);
  }

  sendArp(to: Uint8Array | null, packet: Packet): void {
    this.sendFrame(to ?? BROADCAST, ARP, packet);
  }

  solicit(target: Address, linkAddress: Uint8Array | null, now: number): void {
    if (isV4(target)) this.arp.request(target, linkAddress);
    else this.solicitor?.solicit(target, linkAddress, now);
  }

  unreachable(packet: Packet, now: number): void {
    this.env.counters.drop('neighbor-unreachable');
    this.network.unreachable(packet, now);
  }

  private sendFrame(to: Uint8Array, type: number, packet: Packet): void {
    packet.network = packet.start;
    Wire.setHeader(packet.bytes, packet.push(14), to, this.linkAddress, type);
    this.egress.send(packet);
  }

  /** Why the frame goes no further, or null. */
  private refusal(frame: Packet): DropReason | null {
    const { bytes: b, start: at, end } = frame;
    if (!Wire.isWellFormed(b, at, end)) return 'link-truncated';
    if (Wire.isAddress(b, Wire.source(at), this.linkAddress)) return 'link-own-source';
    if (Wire.isGroup(b, Wire.source(at))) return 'link-bad-source';
    if (!this.isForUs(b, at)) return 'link-not-for-us';
    const type = Wire.etherType(b, at);
    if (type === ARP) return null;
    if (type !== IPV4 && type !== IPV6) return 'link-unknown-type';
    if (end - at < 15) return 'link-truncated';
    // The network layer knows a packet's family by its first four bits: the frame must agree.
    return b[at + 14]! >>> 4 === (type === IPV4 ? 4 : 6) ? null : 'ip-bad-version';
  }

  /**
   * Ours, everybody's, or a group of IP's: 01:00:5e of IPv4, 33:33 of IPv6 (33:33:ff of its solicited-node groups).
   * Which groups we are in, the network layer knows exactly and asks again; many share a link-layer address anyway.
   */
  private isForUs(b: Uint8Array, at: number): boolean {
    if (!Wire.isGroup(b, at)) return Wire.isAddress(b, at, this.linkAddress);
    return (b[at] === 0x33 && b[at + 1] === 0x33)
      || (b[at] === 0x01 && b[at + 1] === 0x00 && b[at + 2] === 0x5e && b[at + 3]! < 0x80)
      || Wire.isBroadcast(b, at);
  }

  /** RFC 1112 §6.4: the low 23 bits. */
  private group4(address: Address): Uint8Array {
    const { group } = this;
    group[0] = 0x01;
    group[1] = 0x00;
    group[2] = 0x5e;
    group[3] = (address.w3 >>> 16) & 0x7f;
    group[4] = address.w3 >>> 8;
    group[5] = address.w3;
    return group;
  }

  /** RFC 2464 §7: the low 32 bits. */
  private group6(address: Address): Uint8Array {
    const { group } = this;
    group[0] = 0x33;
    group[1] = 0x33;
    setU32(group, 2, address.w3);
    return group;
  }
}

/** RFC 894, RFC 2464 §3, RFC 826. */
const IPV4 = 0x0800;
const ARP = 0x0806;
const IPV6 = 0x86dd;

const BROADCAST = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff);

function linkCastOf(b: Uint8Array, at: number): LinkCast {
  if (!Wire.isGroup(b, at)) return 'unicast';
  return Wire.isBroadcast(b, at) ? 'broadcast' : 'multicast';
}
