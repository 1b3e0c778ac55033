// What a bad network does to a packet, in one direction: whether it arrives, when, how often, and in what condition. Pure:
// the clock is an argument, chance comes from a seed. For links between stacks and for forwarders between real ones.

import { adjust } from '../checksum.js';
import { setU16, u16 } from '../bytes.js';
import { invalidValue } from '../errors.js';
import type { SeededRandom } from '../random.js';
import { Bottleneck, type BottleneckOptions } from './bottleneck.js';

/** All chances are 0 .. 1, all times milliseconds of the clock that `offer` is given. What is not named does not happen. */
export interface Impairments extends Partial<BottleneckOptions> {
  /** One way. Default 0. */
  readonly delayMs?: number;
  /** Up to so much more, uniformly, for each packet anew. Default 0. */
  readonly jitterMs?: number;
  /** Whether jitter lets packets overtake each other, or makes those behind wait. Default false: it makes them wait. */
  readonly overtaking?: boolean;
  /** The chance that a packet is lost, whatever happened to others. Default 0. */
  readonly loss?: number;
  /** Losses that come in bursts. */
  readonly bursts?: Bursts;
  /** The chance that a packet arrives twice; the copy has a delay of its own. Default 0. */
  readonly duplicate?: number;
  readonly reorder?: Reorder;
  /** The chance that one bit of a packet is turned over. Default 0. */
  readonly corrupt?: number;
  /**
   * `detectable`: any bit, and no checksum is mended. `hidden`: a bit of the text of TCP or UDP, and the checksum made right
   * again, so that only the application can notice. Default `detectable`.
   */
  readonly corruption?: 'detectable' | 'hidden';
  /** The chance that a packet is marked as having met congestion, where its sender takes part (RFC 3168 §5). Default 0. */
  readonly mark?: number;
  /**
   * What the queue before the line does when it grows: lose what comes last, or, by how long packets stay in it, what comes
   * first (RFC 8289). The latter needs a rate, and knows `queuePackets` alone; `Link`s have it, not this class by itself.
   * Default `tail-drop`.
   */
  readonly queue?: 'tail-drop' | 'codel';
  /** Larger packets are lost, bytes of IP packet. Default: none is. */
  readonly pathMtu?: number;
  /** What the sender of too large a packet hears: nothing (RFC 2923 §2.1), or an ICMP error. Default `silence`. */
  readonly tooBig?: 'silence' | 'icmp';
  /** When nothing passes. */
  readonly blackouts?: readonly Blackout[];
}

/** Gilbert and Elliott's channel: a good state and a bad one, and a chance of loss in each. */
export interface Bursts {
  /** The chances of going over, per packet. */
  readonly toBad: number;
  readonly toGood: number;
  /** The chance of loss in the bad state. Default 1. */
  readonly lossInBad?: number;
  /** The chance of loss in the good state. Default 0. */
  readonly lossInGood?: number;
}

/** Packets that are held back while those behind them pass. */
export interface Reorder {
  /** How long they are held, beyond the delay, ms. */
  readonly lateMs: number;
  /** The chance that a packet is. Default 0. */
  readonly chance?: number;
  /** Every so-manieth packet is, from 1. Default: none by count. */
  readonly every?: number;
}

export interface Blackout {
  readonly fromMs: number;
  readonly forMs: number;
  /** It comes again, so long after it began. Default: once. */
  readonly everyMs?: number;
}

/** What became of a packet. `dropped` and `held`: by a rule, or somebody's hand. */
export type Fate = 'passed' | 'dark' | 'too-big' | 'lost' | 'queue-full' | 'dropped' | 'held';

export type Tally = Record<Fate | 'duplicated' | 'reordered' | 'corrupted' | 'marked', number>;

/**
 * Each kind of chance has its own stream of dice, so that turning one fault on does not move the others. No packet allocates.
 */
export class Impairment {
  /** When the packet that was offered last arrives, and then its copy: as many entries as `offer` said. */
  readonly arrivals = new Float64Array(2);
  /** What became of it. */
  fate: Fate = 'passed';
  /** One of its bits was turned over. */
  corrupted = false;
  /** Nothing passes while it is true: somebody pulled the cable. */
  unplugged = false;
  readonly tally: Tally = {
    passed: 0, dark: 0, 'too-big': 0, lost: 0, 'queue-full': 0, dropped: 0, held: 0, duplicated: 0, reordered: 0, corrupted: 0, marked: 0,
  };
  settings: Impairments;
  bottleneck: Bottleneck | null = null;
  private readonly lossDice: SeededRandom;
  private readonly burstDice: SeededRandom;
  private readonly delayDice: SeededRandom;
  private readonly copyDice: SeededRandom;
  private readonly orderDice: SeededRandom;
  private readonly bitDice: SeededRandom;
  private readonly markDice: SeededRandom;
  private isBad = false;
  private sinceLate = 0;
  // What the dice said of the packet at hand, and when it leaves the line.
  private isLost = false;
  private isDouble = false;
  private isMarked = false;
  /** Nothing is left to chance: no dice need be thrown. */
  private isFair = false;
  /** Of the settings, what every packet is asked about: beside the rest, where it is found at once. */
  private delayMs = 0;
  private overtaking = false;
  private pathMtu = Number.POSITIVE_INFINITY;
  private hasBlackouts = false;
  private jitter = 0;
  private copyJitter = 0;
  private lateMs = 0;
  private leaves = 0;
  private lastArrival = Number.NEGATIVE_INFINITY;

  constructor(settings: Impairments, random: SeededRandom) {
    this.lossDice = random.fork('loss');
    this.burstDice = random.fork('bursts');
    this.delayDice = random.fork('delay');
    this.copyDice = random.fork('duplicate');
    this.orderDice = random.fork('reorder');
    this.bitDice = random.fork('corrupt');
    this.markDice = random.fork('mark');
    this.settings = settings;
    this.change(settings);
  }

  /** From now on these: the line's queue begins anew if its rate or its limits change, what is in flight arrives as it was told. */
  change(settings: Impairments): void {
    check(settings);
    const before = this.settings;
    this.settings = settings;
    const { loss, bursts, jitterMs, duplicate, reorder, corrupt, mark } = settings;
    this.isFair = [loss, bursts, jitterMs, duplicate, reorder, corrupt, mark].every((each) => each === undefined || each === 0);
    // What the dice said last is no longer true; where nothing is left to chance they throw nothing.
    if (this.isFair) this.cast();
    this.delayMs = settings.delayMs ?? 0;
    this.overtaking = settings.overtaking ?? false;
    this.pathMtu = settings.pathMtu ?? Number.POSITIVE_INFINITY;
    this.hasBlackouts = settings.blackouts !== undefined;
    const { bitsPerSecond, queueBytes, queuePackets, markBytes } = settings;
    const isSame = this.bottleneck !== null && settings.queue === before.queue && bitsPerSecond === before.bitsPerSecond && queueBytes === before.queueBytes &&
      queuePackets === before.queuePackets && markBytes === before.markBytes;
    if (isSame) return;
    this.bottleneck = bitsPerSecond === undefined || settings.queue === 'codel' ? null : new Bottleneck({
      bitsPerSecond,
      ...(queueBytes !== undefined && { queueBytes }), ...(queuePackets !== undefined && { queuePackets }),
      ...(markBytes !== undefined && { markBytes }),
    });
  }

  /** No packet that is offered is changed: none is damaged, none is marked. */
  get keepsWhole(): boolean {
    return this.isFair && this.settings.markBytes === undefined;
  }

  /**
   * A packet comes. It may be changed in place: a bit turned over, congestion marked.
   *
   * @param at   where its IP header begins in `b`
   * @returns    how many of `arrivals` say when it arrives: 0 when it is lost, 1, or 2 with a copy
   */
  offer(b: Uint8Array, at: number, end: number, now: number): number {
    if (!this.isFair) this.cast();
    this.fate = this.judge(b, at, end, now);
    this.tally[this.fate]++;
    return this.fate === 'passed' ? this.arrivalsOf(b, at, end) : 0;
  }

  /** Every packet draws of everything, also one that is lost: so what one die says depends on no other. */
  private cast(): void {
    const { loss, bursts, jitterMs = 0, duplicate, reorder, corrupt, mark } = this.settings;
    this.isLost = chance(this.lossDice, loss);
    if (bursts !== undefined && this.burst(bursts)) this.isLost = true;
    this.jitter = jitterMs > 0 ? this.delayDice.u32() / 0x1_0000_0000 * jitterMs : 0;
    this.isDouble = chance(this.copyDice, duplicate);
    this.copyJitter = this.isDouble && jitterMs > 0 ? this.copyDice.u32() / 0x1_0000_0000 * jitterMs : 0;
    this.lateMs = reorder !== undefined && this.isHeldBack(reorder) ? reorder.lateMs : 0;
    this.corrupted = chance(this.bitDice, corrupt);
    this.isMarked = chance(this.markDice, mark);
  }

  private burst(bursts: Bursts): boolean {
    if (chance(this.burstDice, this.isBad ? bursts.toGood : bursts.toBad)) this.isBad = !this.isBad;
    return chance(this.burstDice, this.isBad ? bursts.lossInBad ?? 1 : bursts.lossInGood);
  }

  private isHeldBack(reorder: Reorder): boolean {
    const byChance = chance(this.orderDice, reorder.chance);
    if (reorder.every === undefined || ++this.sinceLate < reorder.every) return byChance;
    this.sinceLate = 0;
    return true;
  }

  /** The ways not to arrive; who survives them leaves the line at `leaves`. */
  private judge(b: Uint8Array, at: number, end: number, now: number): Fate {
    if (this.unplugged || (this.hasBlackouts && this.isDark(now))) return 'dark';
    if (end - at > this.pathMtu) return 'too-big';
    if (this.isLost) return 'lost';
    this.leaves = now;
    const line = this.bottleneck;
    const isMarked = line?.wouldMark(now) === true || this.isMarked;
    if (line !== null) this.leaves = line.offer(end - at, now);
    if (Number.isNaN(this.leaves)) return 'queue-full';
    if (isMarked && markCongestion(b, at)) this.tally.marked++;
    return 'passed';
  }

  private isDark(now: number): boolean {
    for (const { fromMs, forMs, everyMs } of this.settings.blackouts!) {
      const since = everyMs === undefined ? now - fromMs : (now - fromMs) % everyMs;
      if (now >= fromMs && since < forMs) return true;
    }
    return false;
  }

  private arrivalsOf(b: Uint8Array, at: number, end: number): number {
    const { arrivals, tally } = this;
    if (this.corrupted) this.corrupted = this.damage(b, at, end);
    if (this.corrupted) tally.corrupted++;
    if (this.lateMs > 0) tally.reordered++;
    arrivals[0] = this.travel(this.jitter, this.lateMs);
    if (!this.isDouble) return 1;
    tally.duplicated++;
    arrivals[1] = this.travel(this.copyJitter, 0);
    return 2;
  }

  private travel(jitter: number, lateMs: number): number {
    const arrival = this.leaves + this.delayMs + jitter + lateMs;
    if (this.overtaking || lateMs > 0) return arrival;
    this.lastArrival = Math.max(this.lastArrival, arrival);
    return this.lastArrival;
  }

  private damage(b: Uint8Array, at: number, end: number): boolean {
    const bit = this.bitDice.u32();
    if (this.settings.corruption === 'hidden') return damageUnseen(b, at, end, bit);
    b[at + (bit >>> 3) % (end - at)]! ^= 1 << (bit & 7);
    return true;
  }
}

function check(settings: Impairments): void {
  const { loss, duplicate, corrupt, mark, bursts, reorder } = settings;
  const chances = {
    loss, duplicate, corrupt, mark, 'bursts.toBad': bursts?.toBad, 'bursts.toGood': bursts?.toGood,
    'bursts.lossInBad': bursts?.lossInBad, 'bursts.lossInGood': bursts?.lossInGood, 'reorder.chance': reorder?.chance,
  };
  for (const [name, value] of Object.entries(chances)) {
    if (value !== undefined && !(value >= 0 && value <= 1)) throw invalidValue(name, 'must be a chance, 0 to 1', value);
  }
  const times = { delayMs: settings.delayMs, jitterMs: settings.jitterMs, 'reorder.lateMs': reorder?.lateMs };
  for (const [name, value] of Object.entries(times)) {
    if (value !== undefined && !(value >= 0)) throw invalidValue(name, 'must be milliseconds, 0 or more', value);
  }
}

const chance = (dice: SeededRandom, p: number | undefined): boolean => p !== undefined && p > 0 && dice.u32() < p * 0x1_0000_0000;

/** RFC 3168 §5: CE in place of ECT; a packet whose sender does not take part stays as it is. */
export function markCongestion(b: Uint8Array, at: number): boolean {
  if (b[at]! >>> 4 === 4) {
    const before = u16(b, at);
    if ((before & 3) === 0) return false;
    setU16(b, at, before | 3);
    setU16(b, at + 10, adjust(u16(b, at + 10), before, before | 3));
    return true;
  }
  if (b[at]! >>> 4 !== 6) return false;
  // The ECN field of IPv6 is in bits 10 and 11: the traffic class lies across the first two bytes.
  if ((b[at + 1]! & 0x30) === 0) return false;
  b[at + 1]! |= 0x30;
  return true;
}

/** Turns over a bit of the text and mends the checksum (RFC 1624). False: there is no text, or it is not TCP's or UDP's. */
export function damageUnseen(b: Uint8Array, at: number, end: number, bit: number): boolean {
  const isV4 = b[at]! >>> 4 === 4;
  if (!isV4 && b[at]! >>> 4 !== 6) return false;
  // A fragment's text begins with no header.
  if (isV4 && (u16(b, at + 6) & 0x3fff) !== 0) return false;
  const protocol = b[at + (isV4 ? 9 : 6)]!;
  if (protocol !== 6 && protocol !== 17) return false;
  const transport = at + (isV4 ? (b[at]! & 15) * 4 : 40);
  const text = transport + (protocol === 6 ? (b[transport + 12]! >>> 4) * 4 : 8);
  if (text >= end) return false;
  const field = transport + (protocol === 6 ? 16 : 6);
  if (protocol === 17 && u16(b, field) === 0) return false;
  const hit = text + (bit >>> 3) % (end - text);
  const before = wordAt(b, hit, transport, end);
  b[hit]! ^= 1 << (bit & 7);
  const checksum = adjust(u16(b, field), before, wordAt(b, hit, transport, end));
  // RFC 768: zero would say that there is none.
  setU16(b, field, checksum === 0 && protocol === 17 ? 0xffff : checksum);
  return true;
}

/** The 16-bit word, counted from `from`, that the byte at `hit` lies in; a last odd byte is padded with a zero. */
function wordAt(b: Uint8Array, hit: number, from: number, end: number): number {
  const word = hit - ((hit - from) & 1);
  return (b[word]! << 8) | (word + 1 < end ? b[word + 1]! : 0);
}
