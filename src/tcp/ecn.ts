// Congestion told by marks instead of losses: what the SYNs agree on, what a receiver echoes, what a sender makes of the
// echo. RFC 3168 §6.1 (classic: one bit per round trip); RFC 9768 §3.1 (accurate: counters of what was marked, which are in
// accurate-ecn.ts). Pure: codepoints of the IP header and flags of the TCP header come in, flags and verdicts go out. RFC 9293
// SHLD-8.

import { AccurateEcn, CE, ECT_0, HANDSHAKE_ACE, NOT_ECT } from './accurate-ecn.js';
import type { TcpOptions } from './options.js';
import { ACK, AE, CWR, ECE } from './wire.js';

/**
 * `passive`: classic ECN when the peer asks for it, as Linux tcp_ecn = 2. `on`: asked for, too. `accurate`: AccECN is asked
 * for and granted, and classic ECN where the peer has no more.
 */
export type EcnSetting = 'off' | 'passive' | 'on' | 'accurate';
/** What both SYNs agreed on. */
export type EcnMode = 'none' | 'classic' | 'accurate';

/** The three header flags of ECN, which RFC 9768 calls ACE. */
export const ECN_FLAGS = AE | CWR | ECE;

/** ACE as a number, and as flags. RFC 9768 §3.2.2, figure 2: AE is its first bit. */
export const aceOf = (flags: number): number => (flags & ECN_FLAGS) >> 6;
export const flagsOfAce = (ace: number): number => (ace & 7) << 6;

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
  /** What only an accurate one needs. */
  accurate: AccurateEcn | null = null;
  /** What our SYN said; one that is repeated twice says nothing (RFC 3168 §6.1.1.1). */
  private asked = 0;
  /** The codepoint of the peer's SYN. */
  private synCodepoint = NOT_ECT;

  // Classic.
  /** Marks came, and the peer has not said CWR yet. */
  private echoes = false;
  /** We cut our window, and the peer is to hear of it. */
  private cwrOwed = false;

  constructor(private readonly setting: EcnSetting) {}

  /** Our text may be sent as ECN-capable. */
  get isCapable(): boolean {
    return this.accurate === null ? this.mode === 'classic' : this.accurate.isCapable;
  }

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
  onSynAck(flags: number, codepoint: number, options: TcpOptions): void {
    const said = flags & ECN_FLAGS;
    this.agree('none');
    if (this.asked === 0) return;
    if (this.asked === (CWR | ECE)) {
      if ((said & (CWR | ECE)) === ECE) this.agree('classic');
    } else if (said === ECE || said === (AE | ECE)) this.agree('classic');
    // All three: whoever reflects what it gets understands nothing of it.
    else if (said !== 0 && said !== ECN_FLAGS) {
      this.agree('accurate');
      this.accurate!.onSynAck(aceOf(flags), codepoint, options);
    }
  }

  private agree(mode: EcnMode): void {
    this.mode = mode;
    this.accurate = mode === 'accurate' ? new AccurateEcn() : null;
  }

  // Receiving.

  /**
   * `segments` segments with `bytes` of text came under one codepoint and one set of flags.
   * @param isOwed  text waits for an ACK, this one or what came before
   * @returns whether an ACK is due at once
   */
  onArrival(flags: number, codepoint: number, bytes: number, segments: number, isOwed: boolean): boolean {
    if (this.accurate !== null) return this.accurate.onArrival(codepoint, bytes, segments, isOwed);
    return this.mode === 'classic' && this.arriveClassic(flags, codepoint, bytes);
  }

  /** RFC 3168 §6.1.3: ECE from the first mark on, until CWR; a mark on that very packet begins anew. */
  private arriveClassic(flags: number, codepoint: number, bytes: number): boolean {
    if ((flags & CWR) !== 0 && bytes > 0) this.echoes = false;
    if (codepoint !== CE) return false;
    const isNews = !this.echoes;
    this.echoes = true;
    return isNews;
  }

  /**
   * ECN's flags of a segment that is neither a SYN nor a RST and leaves now.
   * @param isNewText  it has text for the first time
   * @param isBare     it has neither text nor SACK blocks
   */
  flagsToSend(isNewText: boolean, isBare: boolean): number {
    if (this.accurate !== null) return flagsOfAce(this.accurate.aceToSend(isBare));
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
    return isNewText && this.isCapable ? ECT_0 : NOT_ECT;
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
}

/** Of every connection that stands and has agreed on nothing: then nothing is remembered either. */
export const NO_ECN = new Ecn('off');
