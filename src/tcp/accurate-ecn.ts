// Accurate ECN once it is agreed on: what a receiver counts of the codepoints that come, and tells in the header's three
// flags (ACE) and in the AccECN option; what a sender makes of the two. RFC 9768 §3.2. Pure, as ecn.ts is.
//
//   kind 172, 2 + 3n   AccECN0: EE0B ECEB EE1B       of 24 bits each, the low ones of byte counters; n of them, 0 .. 3
//   kind 174, 2 + 3n   AccECN1: EE1B ECEB EE0B

import { setU16 } from '../bytes.js';
import type { TcpOptions } from './options.js';

/** The two low bits of the traffic class. RFC 3168 §5. */
export const NOT_ECT = 0;
export const ECT_1 = 1;
export const ECT_0 = 2;
export const CE = 3;

/** RFC 9768 §3.2.1: no counter begins with what a middlebox that clears them would leave. */
const CEP_INITIAL = 5;
const EB_INITIAL = 1;
/** ACE counts modulo this: DIVACE. */
const DIVACE = 8;
const FIELD_MASK = 0xff_ffff;
/** A counter that seems to have gone on by more than this has gone back: of an ACK that was overtaken, or of somebody's making. */
const FIELD_AHEAD_MAX = 0x7f_ffff;

/** RFC 9768 §3.2.2.5.1: so many marks draw an ACK, where text waits for one, and where none does. */
const MARKS_PER_ACK = 2;
const MARKS_PER_BARE_ACK = 3;

/** RFC 9768 §3.2.2.1, tables 3 and 4: how a handshake says which codepoint it came with. */
export const HANDSHAKE_ACE = [0b010, 0b011, 0b100, 0b110] as const;

/** RFC 9768 §3.2.3: kinds of the option. */
export const ACC_ECN_0 = 172;
export const ACC_ECN_1 = 174;
/** With all three counters, bytes. */
export const ACC_ECN_LENGTH = 11;
/** Text that came again so often in a row says that our ACKs, which have the option, do not arrive. §3.2.3.2.2; as Linux. */
const UNHEARD_MAX = 2;

// Sets of counters.
const E0B = 1;
const CEB = 2;
const E1B = 4;

/** Bytes that an option takes with the NOPs behind it. `option` is its first two bytes: kind and length. */
export const paddedLength = (option: number): number => ((option & 0xff) + 3) & ~3;

/** The option that says the counters of `set` and, as it must, those between: the shorter of the two orders. §3.2.3, table 5. */
function optionFor(set: number): number {
  const [first, last] = (set & E1B) !== 0 && (set & E0B) === 0 ? [ACC_ECN_1, E0B] : [ACC_ECN_0, E1B];
  return (first << 8) | ((set & last) !== 0 ? ACC_ECN_LENGTH : (set & CEB) !== 0 ? 8 : 5);
}

/** The option that only asks whether options pass: as many counters as find room in `space` bytes, or none; 0: not even those. */
function testOption(space: number): number {
  for (let length = ACC_ECN_LENGTH; length >= 2; length -= 3) if (((length + 3) & ~3) <= space) return (ACC_ECN_1 << 8) | length;
  return 0;
}

/** The option of a SYN+ACK, in `space` bytes: the counters as they begin. §3.2.3.2.1. 0: no room. */
export const synAckOption = testOption;

export function writeSynAckOption(b: Uint8Array, at: number, option: number): void {
  write(b, at, option, EB_INITIAL, 0, EB_INITIAL);
}

function write(b: Uint8Array, at: number, option: number, first: number, second: number, third: number): void {
  const length = option & 0xff;
  setU16(b, at, option);
  if (length >= 5) setU24(b, at + 2, first);
  if (length >= 8) setU24(b, at + 5, second);
  if (length >= 11) setU24(b, at + 8, third);
  b.fill(1, at + length, at + paddedLength(option));
}

/** One for each connection that agreed on it. */
export class AccurateEcn {
  // Receiving: r.cep, r.e0b, r.ceb, r.e1b.
  private cep = CEP_INITIAL;
  private e0b = EB_INITIAL;
  private ceb = 0;
  private e1b = EB_INITIAL;
  /** Byte counters that ever moved, and those that moved since they were last told. */
  private moved = 0;
  private untold = 0;
  /** Marks since the last ACK; whether the last packet had one. */
  private marks = 0;
  private wasMarked = false;

  /** The codepoint of the peer's SYN+ACK while the ACK that says it is due; -1: none is. Table 3. */
  private handshakeCodepoint = -1;
  /** The first text that we send has the option, whatever has come. §3.2.3.2.1: a client's. */
  private asksWithText = false;
  /** ... and it is not acknowledged yet. */
  private isAsking = false;
  /** We send no more options. §3.2.3.2.2. */
  private isBlocked = false;
  private lastHadOption = false;
  private unheard = 0;

  // Sending: s.cep, s.e0b, s.ceb, s.e1b.
  private sentCep = CEP_INITIAL;
  private sentE0b = EB_INITIAL;
  private sentCeb = 0;
  private sentE1b = EB_INITIAL;
  /** Since an option last told of s.ceb: what s.cep went on by, the bytes that were taken for it, and segments delivered. */
  private cepSince = 0;
  private bytesSince = 0;
  private segmentsSince = 0;
  /** No feedback came yet, but the handshake's. */
  private isFirst = true;
  /** What the peer, or the path, tells cannot be: we do not listen, §3.2.2.1 note 1, §3.2.2.4; or not to options, §3.2.3.2.4. */
  private isDeaf = false;
  private ignoresOptions = false;

  /** Our text may be sent as ECN-capable. */
  isCapable = true;
  /** The peer's options arrive. §3.2.3.2.3: where they do not, ACE is read at its safest, and so it is on any ACK without one. */
  hasOptions = false;
  /** Bytes and packets of ours that came marked, as far as we know; for a snapshot. */
  markedBytes = 0;
  markedPackets = 0;
  /** Something that came marked was told of since this was last taken. */
  private isNews = false;

  // The handshake.

  /** A client: the SYN+ACK came. §3.2.2.2, §3.2.2.3: our SYN was not ECN-capable; if the answer says that it came so, somebody changed it. */
  onSynAck(ace: number, codepoint: number, options: TcpOptions): void {
    this.handshakeCodepoint = codepoint;
    this.asksWithText = true;
    if (codepoint === CE) this.cep++;
    if (ace !== HANDSHAKE_ACE[NOT_ECT]) this.isCapable = false;
    this.meetOption(options);
  }

  /** The SYN+ACK again: its ACK, too, says how it came. §3.2.2.1. Its mark does not count a second time. */
  onSynAckAgain(codepoint: number): void {
    this.handshakeCodepoint = codepoint;
    if (codepoint === CE && this.cep === CEP_INITIAL) this.cep++;
  }

  /** A server: the ACK of our SYN+ACK came, bare and without SACK blocks. Table 4: it says which codepoint that came with. */
  onHandshakeAck(ace: number, options: TcpOptions): void {
    this.isFirst = false;
    this.meetOption(options);
    if (ace === 0) {
      // Note 1: neither marked text nor an answer to marks; what we count we go on telling.
      this.isCapable = false;
      this.isDeaf = true;
    } else if (ace === HANDSHAKE_ACE[CE]) this.sentCep = CEP_INITIAL + 1;
    // §3.2.2.3: it left without being ECN-capable. Codes that mean nothing yet mean no harm (note 2).
    if (ace === HANDSHAKE_ACE[ECT_1] || ace === HANDSHAKE_ACE[ECT_0] || ace === HANDSHAKE_ACE[CE]) this.isCapable = false;
  }

  /** A server whose first segment from the client is not such an ACK. */
  onFirstOption(options: TcpOptions): void {
    this.isFirst = false;
    this.meetOption(options);
  }

  /** §3.2.3.2.4: counters that begin with zero were cleared by somebody. */
  private meetOption(options: TcpOptions): void {
    if (!options.hasAccEcn) return;
    this.hasOptions = true;
    if (options.ee0b === 0 || options.ee1b === 0) this.ignoresOptions = true;
  }

  // Receiving.

  /**
   * §3.2: packets of all kinds are counted, of text the bytes. §3.2.2.5.1: when to tell.
   * @param isOwed  text waits for an ACK
   * @returns whether an ACK is due at once
   */
  onArrival(codepoint: number, bytes: number, segments: number, isOwed: boolean): boolean {
    const isMarked = codepoint === CE;
    const isChange = isMarked && !this.wasMarked;
    this.wasMarked = isMarked;
    if (isMarked) {
      this.cep += segments;
      this.marks += segments;
    }
    if (bytes > 0) this.count(codepoint, bytes);
    return (bytes > 0 && isChange) || this.marks >= (isOwed ? MARKS_PER_ACK : MARKS_PER_BARE_ACK);
  }

  private count(codepoint: number, bytes: number): void {
    this.unheard = 0;
    if (codepoint === ECT_0) this.e0b += bytes;
    else if (codepoint === ECT_1) this.e1b += bytes;
    else if (codepoint === CE) this.ceb += bytes;
    else return;
    const counter = codepoint === CE ? CEB : codepoint === ECT_0 ? E0B : E1B;
    this.moved |= counter;
    this.untold |= counter;
  }

  /** Text came that was acknowledged before. §3.2.3.2.2: if that goes on, our ACKs are lost for what they bear. */
  onOldText(): void {
    if (this.lastHadOption && ++this.unheard >= UNHEARD_MAX) this.isBlocked = true;
  }

  /** Must a bare ACK go before any text, to say how the SYN+ACK came? §3.2.2.1. */
  get owesHandshakeAck(): boolean {
    return this.handshakeCodepoint >= 0;
  }

  /** ACE of a segment that leaves now. @param isBare  it has neither text nor SACK blocks */
  aceToSend(isBare: boolean): number {
    this.marks = 0;
    if (!isBare || this.handshakeCodepoint < 0) return this.cep & (DIVACE - 1);
    const ace = HANDSHAKE_ACE[this.handshakeCodepoint]!;
    this.handshakeCodepoint = -1;
    return ace;
  }

  /**
   * The option of a segment that leaves now, as its first two bytes; 0: none. §3.2.3.3: whenever a byte counter has moved that
   * was not told of, with all counters that ever moved, if there is room, and else with those that must be told, or not at all.
   * @param space  bytes
   */
  optionToSend(space: number, isText: boolean): number {
    if (this.isBlocked) return 0;
    if (this.untold === 0) return this.handshakeCodepoint >= 0 || (isText && this.asksWithText) ? testOption(space) : 0;
    const wanted = optionFor(this.moved);
    if (paddedLength(wanted) <= space) return wanted;
    const needed = optionFor(this.untold);
    return paddedLength(needed) <= space ? needed : 0;
  }

  /** @param option  what `optionToSend` gave; 0: the segment has none */
  writeOption(b: Uint8Array, at: number, option: number, isText: boolean): void {
    this.lastHadOption = option !== 0;
    if (option === 0) return;
    if (isText && this.asksWithText) {
      this.asksWithText = false;
      this.isAsking = true;
    }
    this.untold = 0;
    if (option >> 8 === ACC_ECN_0) write(b, at, option, this.e0b, this.ceb, this.e1b);
    else write(b, at, option, this.e1b, this.ceb, this.e0b);
  }

  /** The timer repeats what we sent. §3.2.3.2.2: if that was the first text, then for having an option it may have been lost. */
  onTimeout(): void {
    if (this.isAsking) this.isBlocked = true;
  }

  // Sending.

  /**
   * An ACK that delivers something says what came marked of what we sent. §3.2.2.5.2, §3.2.3.1, §3.2.3.2.5; appendix A.2.
   * @param segments   at least as many as it newly acknowledges, cumulatively or selectively
   * @param delivered  their bytes, payload
   * @param smss       bytes of a full segment
   * @returns          bytes that came marked
   */
  onFeedback(ace: number, options: TcpOptions, segments: number, delivered: number, smss: number): number {
    this.isAsking = false;
    if (this.isFirst) {
      this.isFirst = false;
      if (ace === 0) {
        // §3.2.2.4: it began with something else, so it was cleared.
        this.isCapable = false;
        this.isDeaf = true;
      }
    }
    if (this.isDeaf) return 0;
    const delta = (ace - this.sentCep) & (DIVACE - 1);
    const ceb = options.hasAccEcn && !this.ignoresOptions ? this.takeOption(options) : -1;
    if (ceb < 0) return this.believeAce(delta, segments, delivered, smss);
    // Bytes without packets, where ACE cannot have wrapped: somebody changes the one or the other.
    const isMangled = ceb > 0 && this.cepSince + delta === 0 && this.segmentsSince + segments < DIVACE;
    if (isMangled) this.isCapable = false;
    // So many packets there were at least; ACE says how many, modulo eight.
    const short = Math.max(0, Math.ceil(ceb / smss) - this.cepSince - delta);
    const packets = isMangled ? 0 : delta + DIVACE * Math.ceil(short / DIVACE);
    const bytes = Math.max(0, ceb - this.bytesSince);
    this.cepSince = 0;
    this.bytesSince = 0;
    this.segmentsSince = 0;
    this.note(packets, bytes);
    return bytes;
  }

  /** Without an option: where the counter may have wrapped, it has. */
  private believeAce(delta: number, segments: number, delivered: number, smss: number): number {
    const packets = segments < DIVACE ? delta : segments - ((segments - delta) & (DIVACE - 1));
    this.cepSince += packets;
    this.segmentsSince += segments;
    const bytes = Math.min(packets * smss, delivered);
    this.bytesSince += bytes;
    this.note(packets, bytes);
    return bytes;
  }

  private note(packets: number, bytes: number): void {
    this.sentCep += packets;
    this.markedPackets += packets;
    this.markedBytes += bytes;
    if (packets > 0 || bytes > 0) this.isNews = true;
  }

  /** s.e0b, s.ceb and s.e1b follow. @returns bytes that s.ceb went on by; -1: the option is not to be believed */
  private takeOption(options: TcpOptions): number {
    this.hasOptions = true;
    const { ee0b, eceb, ee1b } = options;
    const e0b = ee0b < 0 ? 0 : (ee0b - this.sentE0b) & FIELD_MASK;
    const ceb = eceb < 0 ? 0 : (eceb - this.sentCeb) & FIELD_MASK;
    const e1b = ee1b < 0 ? 0 : (ee1b - this.sentE1b) & FIELD_MASK;
    if (e0b > FIELD_AHEAD_MAX || ceb > FIELD_AHEAD_MAX || e1b > FIELD_AHEAD_MAX) return -1;
    this.sentE0b += e0b;
    this.sentCeb += ceb;
    this.sentE1b += e1b;
    return ceb;
  }

  /** Has the peer told of marks since this was last asked? */
  takeNews(): boolean {
    const isNews = this.isNews;
    this.isNews = false;
    return isNews;
  }
}

function setU24(b: Uint8Array, at: number, value: number): void {
  b[at] = value >>> 16;
  setU16(b, at + 1, value & 0xffff);
}
