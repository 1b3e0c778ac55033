// Congestion told by marks instead of losses: what the SYNs agree on, what a receiver echoes, what a sender makes of the
// echo. RFC 3168 §6.1 (classic: one bit per round trip); RFC 9768 (accurate: counters of what was marked). Pure: codepoints
// of the IP header and flags of the TCP header come in, flags and verdicts go out. RFC 9293 SHLD-8.

import { i32, setU16 } from '../bytes.js';
import { ACK, AE, CWR, ECE } from './wire.js';

/**
 * `passive`: classic ECN when the peer asks for it, as Linux tcp_ecn = 2. `on`: asked for, too. `accurate`: AccECN is asked
 * for and granted, and classic ECN where the peer has no more.
 */
export type EcnSetting = 'off' | 'passive' | 'on' | 'accurate';
/** What both SYNs agreed on. */
export type EcnMode = 'none' | 'classic' | 'accurate';

/** The two low bits of the traffic class. RFC 3168 §5. */
export const NOT_ECT = 0;
export const ECT_1 = 1;
export const ECT_0 = 2;
export const CE = 3;

/** The three header flags of ECN, which RFC 9768 calls ACE. */
export const ECN_FLAGS = AE | CWR | ECE;

/** RFC 9768 §3.2.1: no counter begins with what a middlebox that clears them would leave. */
const CEP_INITIAL = 5;
const EB_INITIAL = 1;
/** ACE counts modulo this: DIVACE. */
const DIVACE = 8;
/** RFC 9768 §3.2.2.5.1: so many marks draw an ACK; 6 is the most that it allows. */
const MARKS_PER_ACK = 6;

/** RFC 9768 §3.2.3: kinds of the option, and its length with all three counters. */
export const ACC_ECN_0 = 172;
export const ACC_ECN_1 = 174;
export const ACC_ECN_LENGTH = 11;

/** ACE as a number, and as flags. RFC 9768 §3.2.2, figure 2: AE is its first bit. */
export const aceOf = (flags: number): number => (flags & ECN_FLAGS) >> 6;
export const flagsOfAce = (ace: number): number => (ace & 7) << 6;

/** RFC 9768 §3.2.2.1, table 3: how a handshake says which codepoint it came with. */
const HANDSHAKE_ACE = [0b010, 0b011, 0b100, 0b110] as const;

/** What a passive open makes of the flags of a SYN. */
export function answerTo(setting: EcnSetting, flags: number): EcnMode {
  const said = flags & ECN_FLAGS;
  if (setting === 'off' || said === 0) return 'none';
  // RFC 9768 §3.1.2: what is neither nothing nor classic asks for accurate, whatever it may come to mean (§3.1.3).
  if (setting === 'accurate' && said !== (CWR | ECE)) return 'accurate';
  // RFC 3168 §6.1.1: both flags; the third was reserved then.
  return (said & CWR) !== 0 && (said & ECE) !== 0 ? 'classic' : 'none';
}

/** ECN's flags of a SYN+ACK whose SYN came under `codepoint`. */
export function synAckFlags(mode: EcnMode, codepoint: number): number {
  if (mode === 'accurate') return flagsOfAce(HANDSHAKE_ACE[codepoint]!);
  return mode === 'classic' ? ECE : 0;
}

/** One per connection. */
export class Ecn {
  mode: EcnMode = 'none';
  /** Our text may be sent as ECN-capable. */
  isCapable = false;
  /** What our SYN said; one that is repeated twice says nothing (RFC 3168 §6.1.1.1). */
  private asked = 0;
  /** The codepoint of the peer's SYN, or of its SYN+ACK. */
  private synCodepoint = NOT_ECT;
  /** The next segment answers the peer's SYN+ACK. */
  private isHandshake = false;

  // Classic.
  /** Marks came, and the peer has not said CWR yet. */
  private echoes = false;
  /** We cut our window, and the peer is to hear of it. */
  private cwrOwed = false;

  // Accurate, receiving: r.cep, r.e0b, r.ceb, r.e1b.
  private cep = CEP_INITIAL;
  private e0b = EB_INITIAL;
  private ceb = 0;
  private e1b = EB_INITIAL;
  /** Marks since the last ACK; whether the last packet had one. */
  private marks = 0;
  private wasMarked = false;
  /** Accurate, sending: s.cep. */
  private sentCep = CEP_INITIAL;

  constructor(private readonly setting: EcnSetting) {}

  // The SYNs. RFC 3168 §6.1.1; RFC 9768 §3.1.

  /**
   * ECN's flags of our SYN.
   * @param isRepeated  so often that the flags may be what keeps it from arriving
   */
  synFlags(isRepeated: boolean): number {
    this.asked = 0;
    if (!isRepeated && this.setting === 'accurate') this.asked = ECN_FLAGS;
    else if (!isRepeated && this.setting === 'on') this.asked = CWR | ECE;
    return this.asked;
  }

  /** A SYN came to a passive open. */
  onSyn(flags: number, codepoint: number): void {
    this.synCodepoint = codepoint;
    this.agree(answerTo(this.setting, flags));
  }

  /** ECN's flags of our SYN+ACK. */
  get synAckFlags(): number {
    return synAckFlags(this.mode, this.synCodepoint);
  }

  /** The answer to our SYN came. RFC 9768 table 2. */
  onSynAck(flags: number, codepoint: number): void {
    const said = flags & ECN_FLAGS;
    this.synCodepoint = codepoint;
    this.agree('none');
    if (this.asked === 0) return;
    if (this.asked === (CWR | ECE)) {
      if ((said & (CWR | ECE)) === ECE) this.agree('classic');
    } else if (said === ECE || said === (AE | ECE)) this.agree('classic');
    // All three: whoever reflects what it gets understands nothing of it.
    else if (said !== 0 && said !== ECN_FLAGS) {
      this.agree('accurate');
      this.isHandshake = true;
      if (codepoint === CE) this.cep++;
    }
  }

  /** The ACK of our SYN+ACK came. RFC 9768 §3.2.2.1, table 4: it says which codepoint that came with. */
  onHandshakeAck(flags: number): void {
    if (this.mode !== 'accurate') return;
    const ace = aceOf(flags);
    // Somebody on the way clears the flags: what we mark would never be told.
    if (ace === 0) this.isCapable = false;
    if (ace === HANDSHAKE_ACE[CE]) this.sentCep = CEP_INITIAL + 1;
  }

  private agree(mode: EcnMode): void {
    this.mode = mode;
    this.isCapable = mode !== 'none';
  }

  // Receiving.

  /**
   * `segments` segments with `bytes` of text came under one codepoint and one set of flags.
   * @returns whether an ACK is due at once
   */
  onArrival(flags: number, codepoint: number, bytes: number, segments: number): boolean {
    if (this.mode === 'classic') return this.arriveClassic(flags, codepoint, bytes);
    return this.mode === 'accurate' && this.arriveAccurate(codepoint, bytes, segments);
  }

  /** RFC 3168 §6.1.3: ECE from the first mark on, until CWR; a mark on that very packet begins anew. */
  private arriveClassic(flags: number, codepoint: number, bytes: number): boolean {
    if ((flags & CWR) !== 0 && bytes > 0) this.echoes = false;
    if (codepoint !== CE) return false;
    const isNews = !this.echoes;
    this.echoes = true;
    return isNews;
  }

  /** RFC 9768 §3.2.2: packets of all kinds are counted, of text the bytes. §3.2.2.5.1: when to tell. */
  private arriveAccurate(codepoint: number, bytes: number, segments: number): boolean {
    const isMarked = codepoint === CE;
    const changed = isMarked !== this.wasMarked;
    this.wasMarked = isMarked;
    if (codepoint === ECT_0) this.e0b += bytes;
    else if (codepoint === ECT_1) this.e1b += bytes;
    else if (isMarked) {
      this.ceb += bytes;
      this.cep += segments;
      this.marks += segments;
    }
    return bytes > 0 && ((changed && isMarked) || this.marks >= MARKS_PER_ACK);
  }

  /** ECN's flags of a segment that is neither a SYN nor a RST and leaves now. @param isNewText it has text for the first time */
  flagsToSend(isNewText: boolean): number {
    if (this.mode === 'accurate') {
      this.marks = 0;
      const ace = this.isHandshake ? HANDSHAKE_ACE[this.synCodepoint]! : this.cep;
      this.isHandshake = false;
      return flagsOfAce(ace);
    }
    if (this.mode === 'none') return 0;
    let flags = this.echoes ? ECE : 0;
    // RFC 3168 §6.1.2: on the first new text after the window was cut.
    if (this.cwrOwed && isNewText) {
      this.cwrOwed = false;
      flags |= CWR;
    }
    return flags;
  }

  /** The codepoint to send under. RFC 3168 §5.2-1, §6.1.4-1, §6.1.5-1, §6.1.6-1: new text only; no bare ACK, nothing again, no probe. */
  codepointToSend(isNewText: boolean): number {
    return this.isCapable && isNewText ? ECT_0 : NOT_ECT;
  }

  /** RFC 9768 §3.2.3: the option with all counters, the one first that changes mostly: ECT(0). Eleven bytes. */
  writeOption(b: Uint8Array, at: number): void {
    setU16(b, at, (ACC_ECN_0 << 8) | ACC_ECN_LENGTH);
    setU24(b, at + 2, this.e0b);
    setU24(b, at + 5, this.ceb);
    setU24(b, at + 8, this.e1b);
  }

  // Sending.

  /** Classic: does the peer echo a mark? RFC 3168 §6.1.2; a SYN's ECE means something else. */
  echoesMark(flags: number): boolean {
    return this.mode === 'classic' && (flags & (ACK | ECE)) === (ACK | ECE);
  }

  /** The window was cut, because of marks or of a loss: the peer hears of it. RFC 3168 §6.1.2. */
  onReduced(): void {
    if (this.mode === 'classic') this.cwrOwed = true;
  }

  /**
   * Accurate: how many packets of ours the peer saw marked since the last ACK, at the least that is safe: where the counter
   * may have wrapped, it has. RFC 9768 §3.2.2.5.2, appendix A.2.
   * @param segments  packets that this ACK newly acknowledges, cumulatively or selectively
   */
  onAce(flags: number, segments: number): number {
    if (this.mode !== 'accurate') return 0;
    const delta = (aceOf(flags) - this.sentCep) & (DIVACE - 1);
    const safer = segments < DIVACE ? delta : segments - ((segments - delta) & (DIVACE - 1));
    this.sentCep += safer;
    return safer;
  }
}

/** Of every connection that stands and has agreed on nothing: then nothing is remembered either. */
export const NO_ECN = new Ecn('off');

/**
 * The marked bytes that an AccECN option at `b[at ..]` tells of, modulo 2^24; -1: it has no such counter. RFC 9768 §3.2.3:
 * three counters of 24 bits, in the kind's order, of which the last may be missing.
 */
export function markedBytes(b: Uint8Array, at: number, length: number): number {
  // In both orders ECEB is the second.
  return length >= 8 ? i32(b, at + 4) & 0xff_ffff : -1;
}

function setU24(b: Uint8Array, at: number, value: number): void {
  b[at] = value >>> 16;
  setU16(b, at + 1, value & 0xffff);
}
