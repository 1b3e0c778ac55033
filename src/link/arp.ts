// From IPv4 addresses to Ethernet's: what we ask, what we answer, and what we believe. RFC 826; RFC 1122 §2.3.2.
// What is believed is kept by the neighbour cache, which also decides when to ask.

import { type Address, ANY4, cell, isLoopback, isUnspecified, refill4, write4 } from '../address.js';
import type { Packet } from '../packet.js';
import { AddressClaims, type ClaimVoice } from './address-claim.js';
import type { LinkCast, NetworkLayer, PortEnvironment } from './link-output.js';
import type { NeighborCache } from './neighbor-cache.js';
import * as Wire from './wire.js';

/** What ARP asks of its port. */
export interface ArpLink {
  readonly linkAddress: Uint8Array;
  /** Send an ARP packet; null: to everybody. Ownership passes. */
  sendArp(to: Uint8Array | null, packet: Packet): void;
}

const REQUEST = 1;
const REPLY = 2;

/** An answer to our question, and what was said unasked. RFC 826 knows no override flag: what came last is true. */
const ANSWER = { solicited: true, override: true, router: false } as const;
const NOTICE = { solicited: false, override: true, router: false } as const;

export class Arp implements ClaimVoice {
  readonly claims: AddressClaims;
  /** The packet at hand. */
  private readonly sender = cell();
  private readonly target = cell();
  private readonly senderLink = new Uint8Array(6);

  constructor(
    private readonly link: ArpLink,
    private readonly neighbors: NeighborCache,
    private readonly network: Pick<NetworkLayer, 'ownsAddress' | 'addressFor'>,
    private readonly env: Pick<PortEnvironment, 'pool' | 'counters' | 'random'>,
  ) {
    this.claims = new AddressClaims(this, env.random);
  }

  /** "Packet Reception" of RFC 826, in its order. The packet is only lent. */
  input(packet: Packet, linkCast: LinkCast, now: number): void {
    const { counters } = this.env;
    const { bytes: b, start: at } = packet;
    // "Do I have the hardware type? Do I speak the protocol?"
    if (!Wire.isWellFormedArp(b, at, packet.end)) {
      counters.drop('arp-malformed');
      return;
    }
    const { sender, target, senderLink } = this;
    refill4(sender, b, Wire.spa(at));
    refill4(target, b, Wire.tpa(at));
    for (let i = 0; i < 6; i++) senderLink[i] = b[Wire.sha(at) + i]!;
    if (!Wire.mayBeNeighbor(senderLink, this.link.linkAddress) || !mayBeHost(sender)) {
      counters.drop('arp-bad-sender');
      return;
    }
    if (this.claims.contest(sender, target, senderLink, now)) {
      counters.drop('arp-conflict');
      return;
    }
    // RFC 5227 §2.4: the sender's address is ours, and the sender is not.
    if (this.network.ownsAddress(sender)) {
      counters.drop('arp-conflict');
      this.claims.defend(sender, senderLink, now);
      return;
    }
    const isRequest = Wire.opcode(b, at) === REQUEST;
    const isForUs = this.network.ownsAddress(target);
    const isKnown = this.neighbors.find(sender) !== null;
    // "If the pair <protocol type, sender protocol address> is already in my translation table, update …"
    if (isKnown) {
      const isAnswer = !isRequest && isForUs && linkCast === 'unicast' && this.neighbors.isAsking(sender);
      this.neighbors.advertised(sender, senderLink, isAnswer ? ANSWER : NOTICE, now);
    }
    // "Am I the target protocol address?"
    if (!isForUs) {
      if (!isKnown) counters.drop('arp-not-for-us');
      return;
    }
    // Departs from RFC 826: a reply that nobody asked for creates no entry. Also Linux: it is how caches are poisoned.
    if (!isRequest) return;
    // RFC 5227 §2.1.1: a probe, from 0.0.0.0, is answered and teaches nothing.
    if (!isKnown && !isUnspecified(sender)) this.neighbors.heard(sender, senderLink, now);
    this.link.sendArp(senderLink, this.compose(REPLY, target, senderLink, sender));
  }

  /** @param linkAddress  RFC 1122 §2.3.2.1 (2), unicast poll: ask the neighbour itself; null: everybody */
  request(target: Address, linkAddress: Uint8Array | null): void {
    this.link.sendArp(linkAddress, this.compose(REQUEST, this.network.addressFor(target), null, target));
  }

  /** RFC 5227 §1.1: a request for `address` from nobody, so that no cache learns what may not come true. */
  probe(address: Address): void {
    this.link.sendArp(null, this.compose(REQUEST, ANY4, null, address));
  }

  /** RFC 5227 §1.1, §3: a request, not a reply, for `address` from itself. */
  announce(address: Address): void {
    this.link.sendArp(null, this.compose(REQUEST, address, null, address));
  }

  private compose(op: 1 | 2, sender: Address, targetLink: Uint8Array | null, target: Address): Packet {
    const packet = this.env.pool.take(28);
    const { bytes: b, start: at } = packet;
    packet.end = at + 28;
    Wire.setArpHeader(b, at, op);
    Wire.copyAddress(b, Wire.sha(at), this.link.linkAddress);
    write4(b, Wire.spa(at), sender);
    // RFC 826 leaves it open, RFC 5227 §1.1 sets it to zero; a pooled buffer holds something else there.
    Wire.copyAddress(b, Wire.tha(at), targetLink ?? NOBODY);
    write4(b, Wire.tpa(at), target);
    return packet;
  }
}

/** No group, no broadcast, no loopback, no "this network": RFC 1122 §3.2.1.3. 0.0.0.0 is a probe's. */
function mayBeHost(address: Address): boolean {
  const first = address.w3 >>> 24;
  return isUnspecified(address) || (first !== 0 && first < 224 && !isLoopback(address));
}

const NOBODY = new Uint8Array(6);
