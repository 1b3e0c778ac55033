// The protocol: datagrams in, to whom they belong; ICMP errors in; ports. RFC 768, RFC 1122 §4.1, RFC 8200 §8.1.

import { type Address, isLimitedBroadcast, isMulticast } from '../address.js';
import { fold, pseudoSum, sumLanes } from '../checksum.js';
import type { DropReason } from '../counters.js';
import type { Environment } from '../environment.js';
import { DYNAMIC_PORTS, EphemeralPorts, type PortRange } from '../ip/ephemeral-ports.js';
import type { IpHeader } from '../ip/header.js';
import type { Ip } from '../ip/ip.js';
import type { IcmpError, Protocol } from '../ip/protocol.js';
import type { Packet } from '../packet.js';
import { OVERHEAD } from './datagram-queue.js';
import { ERRORS_MAX, UdpEndpoint, type UdpOptions } from './endpoint.js';
import { PortTable } from './ports.js';
import * as Wire from './wire.js';

/** Limits and defaults of all endpoints. */
export interface UdpSettings {
  /** Endpoints with a name. Default 65,536. */
  readonly endpoints: number;
  /** What an endpoint's receive queue holds, bytes. Default 212,992, as Linux's rmem_default. */
  readonly receiveBytes: number;
  /** How far an endpoint may raise that, bytes. Default 16 MiB. */
  readonly receiveBytesMax: number;
  /** Groups that an endpoint may join. Default 20, as Linux's igmp_max_memberships. */
  readonly memberships: number;
  /** Default 49,152 .. 65,535. */
  readonly ephemeralPorts: PortRange;
}

export const UDP_SETTINGS: UdpSettings = {
  endpoints: 65_536,
  receiveBytes: 212_992,
  receiveBytesMax: 1 << 24,
  memberships: 20,
  ephemeralPorts: DYNAMIC_PORTS,
};

export class Udp implements Protocol {
  readonly number = 17;
  readonly ports: PortTable<UdpEndpoint>;
  private readonly ephemeral: EphemeralPorts;
  private readonly scratchFound: UdpEndpoint[] = [];

  constructor(readonly ip: Ip, readonly env: Environment, readonly settings: UdpSettings = UDP_SETTINGS) {
    this.ports = new PortTable(env.random);
    this.ephemeral = new EphemeralPorts(env.random, settings.ephemeralPorts);
    this.registerLimits();
  }

  /** An endpoint without a name. It costs nothing until it is bound, connected, or sends. */
  open(options: UdpOptions = {}): UdpEndpoint {
    return new UdpEndpoint(this, options);
  }

  // Datagrams in.

  input(packet: Packet, header: IpHeader, now: number): void {
    const reason = this.arrive(packet, header, now);
    if (reason !== null) this.env.counters.drop(reason);
  }

  private arrive(packet: Packet, header: IpHeader, now: number): DropReason | null {
    const { bytes: b, start: at, end } = packet;
    if (end - at < Wire.HEADER_LENGTH) return 'udp-truncated';
    // SEC-45. What IP carries behind the datagram is nobody's.
    if (!Wire.isWellFormed(b, at, end)) return 'udp-bad-length';
    const length = Wire.length(b, at);
    const isUnsummed = packet.checksum === 'whole' && Wire.checksum(b, at) === 0;
    // RFC 1122 §4.1.3.4. A `partial` one never left this machine, and a `verified` one was looked at below.
    if (packet.checksum === 'whole' && !isUnsummed) {
      const sum = sumLanes(b, packet.lanes, at, at + length, pseudoSum(header.src, header.dst, 17, length));
      if (fold(sum) !== 0xffff) return 'udp-bad-checksum';
    }
    if (Wire.dstPort(b, at) === 0) return 'udp-bad-port';
    return header.cast === 'unicast'
      ? this.deliverToOne(packet, header, isUnsummed, now)
      : this.deliverToAll(packet, header, isUnsummed);
  }

  private deliverToOne(packet: Packet, header: IpHeader, isUnsummed: boolean, now: number): DropReason | null {
    const { bytes: b, start: at } = packet;
    const srcPort = Wire.srcPort(b, at);
    const dstPort = Wire.dstPort(b, at);
    const from = header.interface === null ? 0 : header.interface.index;
    const endpoint = this.ports.find(header.dst, dstPort, header.src, srcPort, from);
    if (endpoint === null) {
      if (isUnsummed && header.family === 6) return 'udp-no-checksum';
      // RFC 1122 §4.1.3.1, RFC 4443 §3.1. RFC 768: from port 0 nobody waits for an answer (SEC-49).
      if (srcPort !== 0) {
        this.ip.errors?.report('port-unreachable', header.family === 4 ? 3 : 4, 0, packet, header, now);
      }
      return this.ports.has(dstPort) ? 'udp-not-connected-peer' : 'udp-no-socket';
    }
    if (isUnsummed && !endpoint.takesZeroChecksum(header)) return 'udp-no-checksum';
    endpoint.deliver(b, at + Wire.HEADER_LENGTH, at + Wire.length(b, at), packet.segmentSize, srcPort, header);
    return null;
  }

  /** RFC 1122 §3.3.7, §4.1.3.5: each of those who are bound to a group gets a copy of its own. No error answers (SEC-26). */
  private deliverToAll(packet: Packet, header: IpHeader, isUnsummed: boolean): DropReason | null {
    const { bytes: b, start: at } = packet;
    const srcPort = Wire.srcPort(b, at);
    const from = header.interface === null ? 0 : header.interface.index;
    const found = this.scratchFound;
    this.ports.findAll(found, header.dst, Wire.dstPort(b, at), header.src, srcPort, from);
    let delivered = 0;
    let refused = 0;
    for (const endpoint of found) {
      if (!endpoint.hears(header)) continue;
      if (isUnsummed && !endpoint.takesZeroChecksum(header)) {
        refused++;
        continue;
      }
      endpoint.deliver(b, at + Wire.HEADER_LENGTH, at + Wire.length(b, at), packet.segmentSize, srcPort, header);
      delivered++;
    }
    found.length = 0;
    if (delivered > 0) return null;
    return refused > 0 ? 'udp-no-checksum' : 'udp-no-socket';
  }

  // ICMP errors in.

  /** RFC 1122 §4.1.3.3. The quote is plausible if an answer to what it quotes would have found an endpoint. */
  onError(error: IcmpError, _now: number): boolean {
    const { bytes: b, at, end } = error;
    if (end - at < Wire.HEADER_LENGTH) return false;
    const dstPort = Wire.dstPort(b, at);
    const endpoint = this.ports.find(error.src, Wire.srcPort(b, at), error.dst, dstPort, 0);
    if (endpoint === null) return false;
    endpoint.hear(error, dstPort);
    return true;
  }

  // What endpoints ask.

  /** A port that nobody has; 0: none is left. RFC 6056 §3.2: by whomever it is used, for datagrams have no connections. */
  ephemeralPort(local: Address, remote: Address | null, remotePort: number): number {
    return this.ephemeral.pick(local, remote, remotePort, (port) => !this.ports.has(port));
  }

  /** May datagrams for `address` reach us? */
  isBindable(address: Address): boolean {
    return this.ip.isLocal(address) || this.isGroup(address);
  }

  /** An address of many: of a multicast group, or a broadcast's. It never is a source. RFC 1122 §4.1.3.6. */
  isGroup(address: Address): boolean {
    return isMulticast(address) || isLimitedBroadcast(address)
      || this.ip.interfaces.some((each) => each.isBroadcast(address));
  }

  private registerLimits(): void {
    const { limits } = this.env;
    limits.add({
      name: 'udp.endpoints', unit: 'entries', max: this.settings.endpoints, source: 'our choice: as many as ports',
      used: () => this.ports.size,
    });
    limits.add({
      // A single datagram may exceed its endpoint's limit, and waits alone then.
      name: 'udp.endpoint.receive-queue', unit: 'bytes', source: 'Linux rmem_max',
      max: Math.max(this.settings.receiveBytesMax, Wire.PAYLOAD_MAX_V6 + OVERHEAD),
      used: () => this.most((endpoint) => endpoint.receiveBytesUsed),
    });
    limits.add({
      name: 'udp.endpoint.errors', unit: 'entries', max: ERRORS_MAX, source: 'our choice',
      used: () => this.most((endpoint) => endpoint.errorsWaiting),
    });
  }

  private most(measure: (endpoint: UdpEndpoint) => number): number {
    let most = 0;
    for (const endpoint of this.ports) most = Math.max(most, measure(endpoint));
    return most;
  }
}
