// An interface as IP sees it: a device's port, with the addresses, groups and MTU that IP gives it. RFC 1122
// §3.3.4, RFC 4291 §2.8. Packets come up from the port through `input`, and go down through `output`, which
// is the port.

import {
  Address, ANY4, ANY6, copyOf, hasPrefix, isLimitedBroadcast, isLinkLocal, isMulticast, isV4, SCOPE, scopeOf,
  solicitedNode, subnetBroadcast,
} from '../address.js';
import { assert } from '../assert.js';
import { type Device, SUPERPACKET_TEXT } from '../link/device.js';
import type { LinkCast, LinkOutput, NetworkLayer, Port } from '../link/link-output.js';
import type { Packet } from '../packet.js';

/**
 * `tentative`: RFC 4862 §2, neither received on nor sent from. `deprecated`: received on, not chosen for new
 * flows.
 */
export type AddressState = 'tentative' | 'preferred' | 'deprecated';

export interface InterfaceAddress {
  /** A link-local one of IPv6 has this interface as its zone. */
  readonly address: Address;
  readonly prefixLength: number;
  readonly state: AddressState;
  /** Made to be thrown away: RFC 8981. */
  readonly temporary: boolean;
  /**
   * All that share the prefix are neighbours. False for an autoconfigured one: routers say that apart (RFC
   * 5942 §4).
   */
  readonly onLink: boolean;
}

/** Default: preferred, not temporary, on link. */
export type AddressOptions = Partial<Pick<InterfaceAddress, 'state' | 'temporary' | 'onLink'>>;

/** What an interface asks of the floor that it belongs to. */
export interface InterfaceOwner {
  arrive(from: Interface, packet: Packet, linkCast: LinkCast, now: number): void;
  undeliverable(from: Interface, packet: Packet, now: number): void;
  addressAdded(to: Interface, row: InterfaceAddress): void;
  addressRemoved(from: Interface, row: InterfaceAddress): void;
  /** Something else changed that routes depend on. */
  changed(which: Interface): void;
}

/** Who wants to know of groups: IGMP and MLD report them. RFC 3376, RFC 3810. */
export interface GroupObserver {
  joined(group: Address, on: Interface): void;
  left(group: Address, on: Interface): void;
}

export class Interface implements NetworkLayer {
  /** Replaced, never changed in place. */
  addresses: readonly InterfaceAddress[] = [];
  /** A bit for each address, by its last four: most that are not ours are told so without a look at any. */
  private ownBits = 0;
  /** The largest IP packet, bytes. A router may lower it (RFC 4861 §6.3.4), down to 1280 for IPv6. */
  mtu: number;
  /** Text of the largest superpacket of TCP, bytes. */
  readonly superpacketText: number;
  groupObserver: GroupObserver | null = null;
  private portOrNull: Port | null = null;
  private isUp = true;
  /** Subnet broadcasts of IPv4, as their words. */
  private broadcasts: readonly number[] = [];
  private memberships: readonly Membership[] = [];

  constructor(
    private readonly owner: InterfaceOwner,
    /** From 1; 1 is the loopback. It is also the zone of link-local addresses here. */
    readonly index: number,
    readonly name: string,
    readonly device: Device,
    readonly kind: 'loopback' | 'ordinary' = 'ordinary',
  ) {
    this.mtu = device.mtu;
    this.superpacketText = (device.gathers === true ? device.superpacketText : undefined) ?? SUPERPACKET_TEXT;
  }

  get port(): Port {
    assert(this.portOrNull !== null, `interface ${this.name}: has no port yet`);
    return this.portOrNull;
  }

  /** Once, by whoever made it: the port needs the interface, and the interface the port. */
  set port(port: Port) {
    this.portOrNull = port;
  }

  get output(): LinkOutput {
    return this.port;
  }

  /** Down: nothing is routed through it, and what arrives is dropped. */
  get up(): boolean {
    return this.isUp;
  }

  set up(value: boolean) {
    if (value === this.isUp) return;
    this.isUp = value;
    this.owner.changed(this);
  }

  /**
   * Be reachable under `address`, and its subnet with it.
   *
   * @returns  false: the table is full. The same address again changes its prefix and state.
   */
  addAddress(address: Address, prefixLength: number, options: AddressOptions = {}): boolean {
    const { state = 'preferred', temporary = false, onLink = true } = options;
    const known = this.addresses.find((row) => row.address.equals(address));
    if (known === undefined && this.addresses.length === ADDRESSES_MAX) return false;
    const row: InterfaceAddress = { address: this.zoned(address), prefixLength, state, temporary, onLink };
    if (known !== undefined) this.owner.addressRemoved(this, known);
    // In its old place, if it has one: source selection prefers the older of equals.
    const rows = known === undefined
      ? [...this.addresses, row]
      : this.addresses.map((each) => (each === known ? row : each));
    this.setAddresses(rows);
    // RFC 4861 §7.2.1: one joins the solicited-node group of each address, before it is ours (RFC 4862
    // §5.4.2).
    if (known === undefined && !isV4(address)) this.joinGroup(solicitedNode(address));
    this.owner.addressAdded(this, row);
    return true;
  }

  removeAddress(address: Address): void {
    const row = this.addresses.find((each) => each.address.equals(address));
    if (row === undefined) return;
    this.setAddresses(this.addresses.filter((each) => each !== row));
    if (!isV4(address)) this.leaveGroup(solicitedNode(address));
    this.owner.addressRemoved(this, row);
  }

  /** Change only the state: duplicate address detection ends, a preferred lifetime does. */
  setAddressState(address: Address, state: AddressState): void {
    const row = this.addresses.find((each) => each.address.equals(address));
    if (row !== undefined && row.state !== state) {
      this.addAddress(address, row.prefixLength, { state, temporary: row.temporary, onLink: row.onLink });
    }
  }

  /** Groups are counted: as many leaves as joins. False: the table is full. */
  joinGroup(group: Address): boolean {
    const known = this.memberships.find((each) => each.group.equals(group));
    if (known !== undefined) {
      known.count++;
      return true;
    }
    if (this.memberships.length === GROUPS_MAX) return false;
    const joined = this.zoned(group);
    this.memberships = [...this.memberships, { group: joined, count: 1 }];
    this.groupObserver?.joined(joined, this);
    return true;
  }

  leaveGroup(group: Address): void {
    const known = this.memberships.find((each) => each.group.equals(group));
    if (known === undefined || --known.count > 0) return;
    this.memberships = this.memberships.filter((each) => each !== known);
    this.groupObserver?.left(known.group, this);
  }

  /**
   * Joined, or one of those that every host is in: 224.0.0.1 (RFC 1112 §7.2), ff01::1 and ff02::1 (RFC 4291
   * §2.8).
   */
  isMember(group: Address): boolean {
    const { w0, w1, w2, w3 } = group;
    if (isV4(group)) {
      if (w3 === (0xe000_0001 | 0)) return true;
    } else if (w3 === 1 && w1 === 0 && w2 === 0 && (w0 === (0xff01_0000 | 0) || w0 === (0xff02_0000 | 0))) {
      return true;
    }
    const { memberships } = this;
    for (let i = 0; i < memberships.length; i++) if (memberships[i]!.group.equals(group)) return true;
    return false;
  }

  /** The groups joined, solicited-node ones among them; not the ones that every host is in. */
  groups(): Address[] {
    return this.memberships.map((each) => each.group);
  }

  /** 255.255.255.255, or all ones in the host part of a subnet of ours. */
  isBroadcast(a: Address): boolean {
    if (!isV4(a)) return false;
    return isLimitedBroadcast(a) || this.broadcasts.includes(a.w3);
  }

  /** Ours, on this interface, and past duplicate address detection. */
  ownsAddress(a: Address): boolean {
    const { addresses } = this;
    if ((this.ownBits & (1 << (a.w3 & 15))) === 0) return false;
    for (let i = 0; i < addresses.length; i++) {
      const row = addresses[i]!;
      if (row.address.equals(a) && row.state !== 'tentative') return true;
    }
    return false;
  }

  /**
   * Who asks for the link-layer address of `target`: ours on its subnet; else, for a gateway outside all of
   * our subnets, the first of its family; else nobody, 0.0.0.0 or ::.
   */
  addressFor(target: Address): Address {
    let other: Address | null = null;
    for (const row of this.addresses) {
      if (row.state === 'tentative' || isV4(row.address) !== isV4(target)) continue;
      if (hasPrefix(target, row.address, row.prefixLength)) return row.address;
      other ??= row.address;
    }
    return other ?? (isV4(target) ? ANY4 : ANY6);
  }

  input(packet: Packet, linkCast: LinkCast, now: number): void {
    this.owner.arrive(this, packet, linkCast, now);
  }

  unreachable(packet: Packet, now: number): void {
    this.owner.undeliverable(this, packet, now);
  }

  private setAddresses(rows: readonly InterfaceAddress[]): void {
    this.addresses = rows;
    this.ownBits = rows.reduce((bits, { address }) => bits | (1 << (address.w3 & 15)), 0);
    // The loopback's network has no broadcast: all of 127/8 is ours.
    this.broadcasts = this.kind === 'loopback' ? [] : rows.flatMap((row) => {
      const broadcast = subnetBroadcast(row.address, row.prefixLength);
      return broadcast === null ? [] : [broadcast.w3];
    });
  }

  /** A copy of `a` that lasts, with this interface as its zone where zones matter. RFC 4007 §5. */
  private zoned(a: Address): Address {
    const narrow = isLinkLocal(a) || (isMulticast(a) && scopeOf(a) <= SCOPE.linkLocal);
    return narrow && !isV4(a) ? new Address(a.w0, a.w1, a.w2, a.w3, this.index) : copyOf(a);
  }
}

interface Membership {
  readonly group: Address;
  count: number;
}

/**
 * Of each interface. RFC 4862 leaves it open; an on-link router could announce any number of prefixes
 * (SEC-23).
 */
export const ADDRESSES_MAX = 64;
/** Of each interface. Also Linux: net.ipv4.igmp_max_memberships is 20 per socket. */
export const GROUPS_MAX = 256;

/** Larger than a length field can say, and such that `through` takes it: nobody else will see it uncut. */
export const isBigSuperpacket = (packet: Packet, through: Interface): boolean =>
  packet.segmentSize > 0 && packet.lent > 0 && packet.lent <= through.superpacketText;
