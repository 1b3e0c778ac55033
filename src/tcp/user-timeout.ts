// How long each end waits for what it sent, as it tells the other: the user timeout option. RFC 5482. Only where the
// application asks for it; advice, and neither negotiated nor sent reliably.

import { setU16 } from '../bytes.js';

/** RFC 5482 §3: what an application may say of it. */
export interface UserTimeoutExchange {
  /** ADV_UTO: what the peer is told, ms, 1,000 … 32,767 minutes. Default `userTimeoutMs`, or five minutes (RFC 793 §3.8). */
  readonly advertiseMs?: number;
  /** CHANGEABLE: may the peer's word change our user timeout? Default true, unless `userTimeoutMs` is set. */
  readonly changeable?: boolean;
  /** L_LIMIT, ms. Default 100,000. RFC 5482 §3.1. */
  readonly minMs?: number;
  /** U_LIMIT, ms: no longer does a peer make us wait. Default 3,600,000. RFC 5482 §6. */
  readonly maxMs?: number;
}

const USER_TIMEOUT = 28;
export const USER_TIMEOUT_LENGTH = 4;
const GRANULARITY = 0x8000;
const FIELD_MAX = 0x7fff;
/** RFC 793 §3.8: "The present global default is five minutes." */
const DEFAULT_MS = 300_000;
const L_LIMIT_MS = 100_000;
const U_LIMIT_MS = 3_600_000;

/** The 16 bits that say `ms`: seconds as far as they reach, then minutes; rounded up, and never the reserved 0 (§3.4). */
export function userTimeoutField(ms: number): number {
  const seconds = Math.max(1, Math.ceil(ms / 1000));
  return seconds <= FIELD_MAX ? seconds : GRANULARITY | Math.min(FIELD_MAX, Math.ceil(ms / 60_000));
}

/** What 16 bits say, ms; 0: nothing, for the value is reserved. */
export const userTimeoutMs = (field: number): number => (field & FIELD_MAX) * ((field & GRANULARITY) !== 0 ? 60_000 : 1000);

export function writeUserTimeout(b: Uint8Array, at: number, ms: number): void {
  setU16(b, at, (USER_TIMEOUT << 8) | USER_TIMEOUT_LENGTH);
  setU16(b, at + 2, userTimeoutField(ms));
}

/** One for a connection whose application enabled it. */
export class UserTimeout {
  /** ADV_UTO, ms. */
  readonly advertisedMs: number;
  /** The next bare segment tells it: the first one, and the first after it was changed. §3. */
  isOwed = true;
  /** USER_TIMEOUT, ms; 0: R2 decides. */
  ms: number;
  private readonly isChangeable: boolean;
  private readonly minMs: number;
  private readonly maxMs: number;

  /**
   * @param ownMs     the user timeout that the application set, ms; 0: it set none
   * @param remoteMs  REMOTE_UTO, ms; 0: the peer has not said any
   */
  constructor(readonly exchange: UserTimeoutExchange, readonly ownMs: number, public remoteMs = 0) {
    this.ms = ownMs;
    this.advertisedMs = exchange.advertiseMs ?? (ownMs > 0 ? ownMs : DEFAULT_MS);
    this.isChangeable = exchange.changeable ?? ownMs === 0;
    this.minMs = exchange.minMs ?? L_LIMIT_MS;
    this.maxMs = exchange.maxMs ?? U_LIMIT_MS;
  }

  /** §3.1: USER_TIMEOUT = min(U_LIMIT, max(ADV_UTO, REMOTE_UTO, L_LIMIT)), where L_LIMIT is above RTO. */
  adopt(rtoMs: number): void {
    if (!this.isChangeable) return;
    this.ms = Math.max(Math.min(this.maxMs, Math.max(this.advertisedMs, this.remoteMs, this.minMs)), Math.ceil(rtoMs) + 1);
  }
}
