// May we have this IPv4 address, and is it still ours? Probing, announcing, defending. RFC 5227.

import { type Address, copyOf, isUnspecified } from '../address.js';
import type { Random } from '../random.js';
import { NEVER, SECOND } from '../time.js';

/** Who gave us our addresses, and is told what becomes of them. */
export interface AddressKeeper {
  /** Nobody objected to the claim: the address may be used. */
  claimed(address: Address, now: number): void;
  /** `linkAddress` has, or wants, the address. A claim for it has failed; an address in use stays in use. */
  conflict(address: Address, linkAddress: Uint8Array, now: number): void;
}

/** How a claim is heard on the link. */
export interface ClaimVoice {
  probe(address: Address): void;
  announce(address: Address): void;
}

/** RFC 5227 §1.1. */
const PROBE_WAIT = 1 * SECOND;
const PROBE_NUM = 3;
const PROBE_MIN = 1 * SECOND;
const PROBE_MAX = 2 * SECOND;
const ANNOUNCE_WAIT = 2 * SECOND;
const ANNOUNCE_NUM = 2;
const ANNOUNCE_INTERVAL = 2 * SECOND;
const DEFEND_INTERVAL = 10 * SECOND;

interface Claim {
  readonly address: Address;
  phase: 'probing' | 'announcing';
  /** Probes, or announcements. */
  sent: number;
  deadline: number;
}

/** The claims of one port. Only we add to them; no peer can. */
export class AddressClaims {
  keeper: AddressKeeper | null = null;
  private readonly claims: Claim[] = [];
  /** When an address of ours was last defended. */
  private readonly defended = new Map<number, number>();

  constructor(
    private readonly voice: ClaimVoice,
    private readonly random: Random,
  ) {}

  /** Ask the link whether anybody has `address`; some seven seconds later the keeper knows. RFC 5227 §2.1. */
  claim(address: Address, now: number): void {
    this.begin(address, 'probing', now + this.random.below(PROBE_WAIT + 1));
  }

  /** Tell the link that `address` is ours, so that stale caches mend. The first is sent at once. RFC 5227 §2.3. */
  announce(address: Address, now: number): void {
    this.begin(address, 'announcing', now);
    this.expire(now);
  }

  /** The address is not ours any more, or not wanted. */
  withdraw(address: Address): void {
    this.end(address);
    this.defended.delete(address.w3);
  }

  /** An ARP packet of somebody else's. True: it contests a claim, which has therefore failed. */
  contest(sender: Address, target: Address, linkAddress: Uint8Array, now: number): boolean {
    // RFC 5227 §2.1.1: an answer or any other use of the address; or a probe for it, sent from 0.0.0.0.
    const contested = isUnspecified(sender) ? target : sender;
    const claim = this.claims.find((c) => c.phase === 'probing' && c.address.equals(contested));
    if (claim === undefined) return false;
    this.end(claim.address);
    this.keeper?.conflict(claim.address, linkAddress, now);
    return true;
  }

  /** Somebody uses an address of ours. RFC 5227 §2.4 (c): we keep it, and say so, but not to every packet. */
  defend(address: Address, linkAddress: Uint8Array, now: number): void {
    const last = this.defended.get(address.w3) ?? -Infinity;
    if (now < last + DEFEND_INTERVAL) return;
    this.defended.set(address.w3, now);
    this.voice.announce(address);
    this.keeper?.conflict(copyOf(address), linkAddress, now);
  }

  /** The earliest deadline, or NEVER. */
  nextTimeout(): number {
    return this.claims.reduce((earliest, claim) => Math.min(earliest, claim.deadline), NEVER);
  }

  expire(now: number): void {
    // In two steps: a keeper may add and withdraw.
    const due = this.claims.filter((claim) => claim.deadline <= now);
    for (const claim of due) if (this.claims.includes(claim)) this.expireOne(claim, now);
  }

  private expireOne(claim: Claim, now: number): void {
    if (claim.phase === 'probing' && claim.sent === PROBE_NUM) {
      claim.phase = 'announcing';
      claim.sent = 0;
      this.keeper?.claimed(claim.address, now);
      // The keeper may have announced it already, by adding the address.
      if (!this.claims.includes(claim)) return;
    }
    claim.sent++;
    if (claim.phase === 'probing') {
      this.voice.probe(claim.address);
      const gap = PROBE_MIN + this.random.below(PROBE_MAX - PROBE_MIN + 1);
      claim.deadline = now + (claim.sent < PROBE_NUM ? gap : ANNOUNCE_WAIT);
      return;
    }
    this.voice.announce(claim.address);
    claim.deadline = now + ANNOUNCE_INTERVAL;
    if (claim.sent === ANNOUNCE_NUM) this.end(claim.address);
  }

  private begin(address: Address, phase: Claim['phase'], deadline: number): void {
    this.end(address);
    this.claims.push({ address: copyOf(address), phase, sent: 0, deadline });
  }

  private end(address: Address): void {
    const at = this.claims.findIndex((claim) => claim.address.equals(address));
    if (at >= 0) this.claims.splice(at, 1);
  }
}
