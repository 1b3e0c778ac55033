// TCP Fast Open: text on the SYN, for those who have shown before that they hear what is sent to their address. RFC 7413.
// The server's cookie is a keyed hash of that address; the client keeps the cookies it was given, and remembers for a
// while where it had better not try. Off unless asked for, on both sides (SEC-67).

import type { Address } from '../address.js';
import { setU32 } from '../bytes.js';
import type { LimitRegistry } from '../limits.js';
import type { Random } from '../random.js';
import { SipHash } from '../siphash.js';

/** RFC 7413 §4.1.1: what a client must be prepared to keep. */
const COOKIE_LENGTH_MIN = 4;
const COOKIE_LENGTH_MAX = 16;
/** Bytes of a cookie of ours; even (RFC 7413 §4.1.1-1). */
const COOKIE_LENGTH = 8;
/** RFC 7413 §4.1.2: the key changes, so that a cookie of an address is worth nothing to its later owners. A cookie is good in its slot and the next. */
const SLOT_MS = 24 * 3_600_000;
/** RFC 7413 §5.1: as long as a spoofed request might have stayed, had its victim not reset it. */
export const RESET_HOLD_MS = 60_000;
/** RFC 7413 §4.1.3.1, §7.1: a server, or a path, that does not speak it is not asked again for so long. Linux: an hour. */
const AVOID_MS = 3_600_000;
const CACHE_ENTRIES = 256;

const KIND = 34;

/** Bytes of the option in a header, padded in front to four. */
export const fastOpenOptionLength = (cookie: Uint8Array): number => (2 + cookie.length + 3) & ~3;

/** A cookie, or with none the request for one. RFC 7413 §4.1.1. */
export function writeFastOpenOption(b: Uint8Array, at: number, cookie: Uint8Array): void {
  const start = at + fastOpenOptionLength(cookie) - 2 - cookie.length;
  b.fill(1, at, start);
  b[start] = KIND;
  b[start + 1] = 2 + cookie.length;
  b.set(cookie, start + 2);
}

/** The server's side. RFC 7413 §4.1.2. */
export class FastOpenCookies {
  private readonly f: SipHash;
  private readonly words = new Int32Array(5);

  /** The secret, 128 bits, is drawn here, once. */
  constructor(random: Random) {
    this.f = SipHash.random(random);
  }

  /** The cookie of a client's address now; new memory. */
  make(client: Address, now: number): Uint8Array {
    const cookie = new Uint8Array(COOKIE_LENGTH);
    this.hash(client, Math.floor(now / SLOT_MS));
    setU32(cookie, 0, this.f.hi);
    setU32(cookie, 4, this.f.lo);
    return cookie;
  }

  /** Is `b[at .. at + length)` the client's? `old`: yes, but it will soon be good no more. */
  check(client: Address, b: Uint8Array, at: number, length: number, now: number): 'good' | 'old' | 'bad' {
    if (length !== COOKIE_LENGTH) return 'bad';
    const slot = Math.floor(now / SLOT_MS);
    if (this.is(client, slot, b, at)) return 'good';
    return this.is(client, slot - 1, b, at) ? 'old' : 'bad';
  }

  private is(client: Address, slot: number, b: Uint8Array, at: number): boolean {
    this.hash(client, slot);
    const view = new DataView(b.buffer, b.byteOffset + at, COOKIE_LENGTH);
    return ((view.getUint32(0) ^ this.f.hi) | (view.getUint32(4) ^ this.f.lo)) === 0;
  }

  private hash(client: Address, slot: number): void {
    const w = this.words;
    w[0] = client.w0;
    w[1] = client.w1;
    w[2] = client.w2;
    w[3] = client.w3;
    w[4] = slot;
    this.f.hashWords(w, 5);
  }
}

/** What one connection's SYN, or SYN+ACK, says of fast open. */
export class FastOpen {
  /** Bytes of text that the SYN carried. */
  text = 0;

  /**
   * @param cookie  to be sent; empty: to be asked for
   * @param mss     what the server said the last time, bytes: no more text goes into the SYN
   */
  constructor(readonly cookie: Uint8Array, readonly mss: number) {}
}

interface Entry {
  readonly cookie: Uint8Array;
  readonly mss: number;
  /** No attempt before this time, ms. */
  readonly avoidUntil: number;
}

const NO_COOKIE = new Uint8Array(0);

/** The client's side: what servers have given, by address and port; the one that was used longest ago makes room. RFC 7413 §4.1.3-1. */
export class FastOpenCache {
  private readonly entries = new Map<string, Entry>();

  constructor(limits: LimitRegistry) {
    limits.add({
      name: 'tcp.fast-open-cookies', unit: 'entries', max: CACHE_ENTRIES, used: () => this.entries.size,
      source: 'ours; the one that was used longest ago goes',
    });
  }

  get size(): number {
    return this.entries.size;
  }

  /** What a SYN to `server` should say; null: nothing of fast open. RFC 7413 §4.2.1-1: with no cookie, the request for one. */
  attempt(server: Address, port: number, now: number): FastOpen | null {
    const key = keyOf(server, port);
    const entry = this.entries.get(key);
    if (entry === undefined) return new FastOpen(NO_COOKIE, 0);
    if (now < entry.avoidUntil) return null;
    this.put(key, entry);
    return new FastOpen(entry.cookie, entry.mss);
  }

  /** The server's SYN+ACK brought a cookie, `b[at .. at + length)`. Of an illegal length it is none (§4.1.1). */
  learn(server: Address, port: number, b: Uint8Array, at: number, length: number, mss: number): void {
    if (length < COOKIE_LENGTH_MIN || length > COOKIE_LENGTH_MAX || length % 2 !== 0) return;
    this.put(keyOf(server, port), { cookie: b.slice(at, at + length), mss, avoidUntil: 0 });
  }

  /** RFC 7413 §4.1.3.1-1: no cookie came, the text was not taken, or nothing came through before the option was left away. */
  avoid(server: Address, port: number, now: number): void {
    this.put(keyOf(server, port), { cookie: NO_COOKIE, mss: 0, avoidUntil: now + AVOID_MS });
  }

  private put(key: string, entry: Entry): void {
    this.entries.delete(key);
    if (this.entries.size >= CACHE_ENTRIES) for (const oldest of this.entries.keys()) {
      this.entries.delete(oldest);
      break;
    }
    this.entries.set(key, entry);
  }
}

/** RFC 7413 §4.1.3.1: a server may speak it on one port and not on another. */
const keyOf = (server: Address, port: number): string => `${server.toString()} ${port}`;
