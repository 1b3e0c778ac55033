// Loss recovery: when a loss is believed, how much may leave while it is repaired, when it is over, and when it was no
// loss at all. RFC 5681 §3.2 and RFC 6582 (without SACK), RFC 6675 with RFC 8985 (with), RFC 9937 (PRR), RFC 5682
// (F-RTO), RFC 3522 and 4015 (Eifel), RFC 3708 (DSACK). What was lost is marked on the scoreboard; the sender sends it.

import { NEVER } from '../time.js';
import type { Connection } from './connection.js';
import { AckSample, isCwndLimited } from './congestion/congestion-control.js';
import { Delivery } from './delivery.js';
import { aceOf } from './ecn.js';
import { isProbeAlone } from './mtu-probe.js';
import { Rack } from './rack.js';
import { Resent } from './resent.js';
import { APP_LIMITED, LOST, RETRANSMITTED, SACKED } from './scoreboard.js';
import type { Segment } from './segment.js';
import * as Seq from './seq.js';

/** RFC 5681 §3.2. */
const DUP_THRESH = 3;
/** Nothing to undo. */
const NONE = -1;

/**
 * Open: nothing is known to be lost. Recovery: what ACKs told lost is repaired (RFC 6675). Loss: what the timer told
 * lost is (RFC 6298). CWR: the network asked for less (RFC 3168).
 */
export type Phase = 'open' | 'recovery' | 'loss' | 'cwr';

const delivery = new Delivery();
const sample = new AckSample();

export class Recovery {
  phase: Phase = 'open';
  /** RFC 6582's `recover`, RFC 6675's RecoveryPoint: the stream offset behind what had been sent when the phase began. */
  recoverEnd = -1;
  readonly rack = new Rack();
  /** Duplicate ACKs in a row. */
  dupAcks = 0;
  /** Without SACK: bytes that duplicate ACKs say have left the network. */
  dupAcked = 0;

  /** PRR: the window while a loss is repaired, bytes. */
  cwnd = 0;
  private prrDelivered = 0;
  private prrOut = 0;
  /** RecoverFS */
  private flightAtEntry = 0;

  /** The offset of SND.UNA when the window was cut; NONE: it was not, or there is no doubt left. */
  private undoFrom = NONE;
  /** Segments sent again since, less those that DSACKs report as needless; NONE: nothing was sent again. */
  private undoRetransmits = NONE;
  /** When the first of them left, ms. RFC 3522 §3.2: RetransmitTS. */
  private firstRetransmitAt = NEVER;
  /** RFC 5682: the timeout may have been spurious, and new text is to tell. */
  private frto = false;
  /** ... and leaves before what is marked lost goes again. */
  newTextFirst = false;
  /** Once: send one segment of what is lost though the window is full. RFC 5681 §3.2 (3), RFC 6298 (5.4). */
  force = false;
  /** DSACKs received, segments. */
  dsacks = 0;
  /** Null: nothing was sent again. */
  private resent: Resent | null = null;
  /** Packets come twice that were sent once, so that a DSACK proves nothing any more. RFC 3708 §3 (A.4). */
  private isDoubled = false;
  /** When a round trip was last sampled: one in each, for RTO. RFC 6298 §3. */
  sampledAt = -NEVER;

  /**
   * Would a new record do as well, with nothing in flight?
   * @param una  the offset of SND.UNA
   */
  isAsNew(una: number): boolean {
    return this.phase === 'open' && una > this.recoverEnd && this.undoFrom === NONE && this.dsacks === 0 && !this.isDoubled && this.rack.isAsNew;
  }

  /** The phase in which PRR, not cwnd, says how much. */
  get isReducing(): boolean {
    return this.phase === 'recovery' || this.phase === 'cwr';
  }

  /** New text left. */
  onSent(bytes: number): void {
    this.prrOut += bytes;
  }

  /** What lies behind `from` left again. */
  onResent(from: number, bytes: number, segments: number, now: number): void {
    this.prrOut += bytes;
    this.resent ??= new Resent();
    this.resent.add(from, from + bytes);
    if (this.firstRetransmitAt === NEVER) this.firstRetransmitAt = now;
    if (this.undoFrom !== NONE) this.undoRetransmits = Math.max(0, this.undoRetransmits) + segments;
  }

  /** RFC 9937 §6: on each ACK. */
  proportion(delivered: number, lost: number, isAdvance: boolean, inFlight: number, ssthresh: number, smss: number): void {
    this.prrDelivered += delivered;
    let count: number;
    if (inFlight > ssthresh) {
      count = Math.ceil((this.prrDelivered * ssthresh) / this.flightAtEntry) - this.prrOut;
    } else {
      count = Math.max(this.prrDelivered - this.prrOut, delivered);
      // SafeACK: it repaired something, and told of no new loss.
      if (isAdvance && lost === 0) count += smss;
      count = Math.min(ssthresh - inFlight, count);
    }
    // The fast retransmit itself.
    if (this.prrOut === 0) count = Math.max(count, smss);
    this.cwnd = inFlight + Math.max(0, count);
  }

  beginReduction(phase: Phase, recoverEnd: number, flight: number): void {
    this.phase = phase;
    this.recoverEnd = recoverEnd;
    this.prrDelivered = 0;
    this.prrOut = 0;
    this.flightAtEntry = Math.max(1, flight);
    this.newTextFirst = false;
    this.frto = false;
  }

  /** From here on it may turn out that nothing was lost. Once for each recovery: RFC 3522 §3.2-1, RFC 4015 §2-1, §3.1-1. */
  doubt(una: number): void {
    this.undoFrom = una;
    this.undoRetransmits = NONE;
    this.firstRetransmitAt = NEVER;
  }

  noDoubt(): void {
    this.undoFrom = NONE;
    this.undoRetransmits = NONE;
    this.firstRetransmitAt = NEVER;
    this.frto = false;
    this.newTextFirst = false;
  }

  beginFrto(): void {
    this.frto = true;
  }

  /**
   * The receiver got `segments` from `from` to `end` twice. RFC 3708 §3.
   * @returns whether that is because we sent them twice
   */
  onDsack(from: number, end: number, segments: number): boolean {
    this.dsacks += segments;
    // A record that was given back, and made anew since, knows nothing of it.
    if (this.resent === null) return false;
    if (this.resent.lacks(from, end)) {
      this.isDoubled = true;
      return false;
    }
    this.takeBack(from, segments);
    return true;
  }

  private takeBack(from: number, segments: number): void {
    if (this.undoFrom === NONE || this.undoRetransmits <= 0 || from < this.undoFrom) return;
    this.undoRetransmits = Math.max(0, this.undoRetransmits - segments);
  }

  /** RFC 4015, RFC 3708: every retransmission was needless, by DSACK or (RFC 3522 §3.2 step 5) by the timestamp echoed. RFC 9438 §4.9.2-1. */
  mayUndo(echoedAt: number): boolean {
    return this.undoFrom !== NONE && ((this.undoRetransmits === 0 && !this.isDoubled) || this.isDelayed(echoedAt));
  }

  /** The answer is to a transmission before the first retransmission. */
  isDelayed(echoedAt: number): boolean {
    return echoedAt !== NEVER && this.firstRetransmitAt !== NEVER && echoedAt < Math.floor(this.firstRetransmitAt);
  }

  /**
   * In the phase after a timeout. RFC 5682 §3.1 (with SACK) and §2.1; RFC 9438 §4.9.1-1.
   * @returns whether the timeout was spurious
   */
  frtoSays(c: Connection, d: Delivery, acked: number, isDuplicate: boolean, hasNewSack: boolean): boolean {
    if (!this.frto) return false;
    // Step 3.b: something that the timer did not send again has arrived.
    if (d.isOriginal && !(d.isAmbiguous && !c.sackPermitted)) return true;
    if (c.offsetOf(c.snd.nxt) > this.recoverEnd) {
      // Step 3.a: the new text drew a duplicate.
      if (hasNewSack || isDuplicate) this.frto = false;
    } else if (acked > 0) {
      // Step 2.b: send new text, if there is any that may go; else recover as usual.
      this.recoverEnd = c.offsetOf(c.snd.nxt);
      const hasText = c.sendQueue.tail > this.recoverEnd && Seq.diff(Seq.add(c.snd.una, c.snd.wnd), c.snd.nxt) > 0;
      this.frto = hasText;
      this.newTextFirst = hasText;
    }
    if (!this.frto) this.newTextFirst = false;
    return false;
  }
}

/** Bytes in the network, as far as we can tell. RFC 6675 §4: pipe. */
export function pipe(c: Connection): number {
  return Math.max(0, c.scoreboard.inFlight - c.recovery.dupAcked);
}

/**
 * What congestion allows to be in flight now, bytes: for what is lost, too (RFC 8985 §9.3-1). While a loss is repaired PRR says
 * (§9.3-2; RFC 5681 §4.3-2).
 */
export function window(c: Connection): number {
  return c.recovery.isReducing && !c.congestion.ownsRecovery ? c.recovery.cwnd : c.congestion.cwnd;
}

/**
 * An ACK that is not older than SND.UNA, which has moved by `acked` already.
 * @param isDuplicate  as RFC 5681 §2 says
 */
export function onAck(c: Connection, seg: Segment, acked: number, isDuplicate: boolean, now: number): void {
  const { scoreboard: b, rto } = c;
  // A probe's answer may come when nothing is in flight any more.
  if (b.isEmpty && c.recovery.phase === 'open' && seg.options.sackCount === 0 && c.recovery.rack.probeEnd < 0) return;
  const r = c.ownRecovery();
  // RFC 4015 §3.4-1: the network tells of congestion, so what was cut stays cut, needless or not.
  if (c.ecn.echoesMark(seg.flags)) r.noDoubt();
  const priorInFlight = pipe(c);
  const unsacked = b.inFlight + b.lost - r.dupAcked;
  const wasReducing = r.isReducing;
  const una = c.offsetOf(c.snd.una);
  const echoedAt = echoTime(c, seg, now);
  delivery.begin(now, r.rack.fack, r.recoverEnd, rto.minRttMs, echoedAt);
  const cumulative = b.isEmpty ? 0 : b.acknowledge(una, delivery);
  const hasDsack = c.sackPermitted && seg.options.sackCount > 0 && takeDsack(c, seg);
  // RFC 5681 §3.2-6: with SACK, what brings no news of it lets nothing go.
  const selective = c.sackPermitted && !b.isEmpty ? takeSacks(c, seg) : 0;
  let delivered = cumulative + selective;
  measure(c, seg, acked, echoedAt, now);
  if (c.sackPermitted) r.rack.onAck(c, delivery, hasDsack, una, now);
  else delivered = countDuplicates(c, acked, isDuplicate, delivered);
  r.dupAcks = isDuplicate ? r.dupAcks + 1 : acked > 0 ? 0 : r.dupAcks;

  const lostBefore = c.rate.lost;
  if (r.rack.probeAnswered(una, hasDsack, isDuplicate && seg.options.sackCount === 0)) {
    // What the probe repaired was a loss like any other (RFC 8985 §7.4.2); nothing is left to repair.
    c.congestion.onLoss(c.snd.smss, priorInFlight, now);
  }
  advance(c, acked, isDuplicate, selective > 0, echoedAt, unsacked, now);
  const lost = c.rate.lost - lostBefore;

  if (delivered > 0) {
    sample.bytesAcked = acked;
    sample.delivered = delivered;
    sample.lost = c.rate.lost - c.rate.lostTold;
    c.rate.lostTold = c.rate.lost;
    sample.priorInFlight = priorInFlight;
    sample.inFlight = pipe(c);
    sample.rttMs = delivery.latestRttMs;
    sample.isCwndLimited = isCwndLimited(c.congestion, priorInFlight);
    // RFC 5681 §3.2 (6): the ACK that ends recovery leaves cwnd at ssthresh. Nor does a duplicate open it (§3.2 (1)),
    // unless the network is known to reorder. Also Linux.
    sample.isRecovery = wasReducing || r.isReducing || (acked === 0 && !r.rack.reorderingSeen);
    sample.deliveryRate = c.rate.onAck(delivered, delivery, rto.minRttMs, now);
    sample.isAppLimited = delivery.isAppLimited;
    sample.isHeldBack = c.rate.isHeldBack;
    sample.totalDelivered = c.rate.delivered;
    sample.priorDelivered = delivery.priorDelivered;
    sample.txInFlight = delivery.txInFlight;
    sample.lostSince = c.rate.lost - delivery.lostThen;
    sample.ecnMarked = c.ecn.mode === 'none' ? 0 : marked(c, seg, delivered);
    c.congestion.onAck(sample, now);
  }
  if (r.isReducing && !c.congestion.ownsRecovery) {
    r.proportion(delivered, lost, acked > 0, pipe(c), c.congestion.ssthresh, c.snd.smss);
  }
}

/** Bytes that came marked, of what this ACK delivers or of what came before. RFC 3168 §6.1.3 does not say how many. */
function marked(c: Connection, seg: Segment, delivered: number): number {
  const { accurate } = c.ecn;
  if (accurate === null) return c.ecn.echoesMark(seg.flags) ? delivered : 0;
  // What brings nothing forward may have been overtaken (RFC 9768 §3.2.2.2): the next one tells the same, and more.
  if (delivery.segments === 0) return 0;
  return accurate.onFeedback(aceOf(seg.ecnFlags), seg.options, delivery.segments, delivered, c.snd.smss);
}

/** When what this ACK echoes was sent, on our clock, ms, rounded down; NEVER: it does not say. RFC 7323 §4. */
function echoTime(c: Connection, seg: Segment, now: number): number {
  if (!c.ts.on || !seg.options.hasTimestamps || seg.options.tsEcr === 0) return NEVER;
  const age = (c.ts.val(now) - seg.options.tsEcr) | 0;
  return age >= 0 ? Math.floor(now) - age : NEVER;
}

/** The round trip, for RTO once in each (RFC 6298 §3, RFC 7323 §4.2-1), for the minimum always. */
function measure(c: Connection, seg: Segment, acked: number, echoedAt: number, now: number): void {
  let rttMs = delivery.rttMs;
  // Where Karn forbids it, a timestamp says which transmission was acknowledged (RFC 7323 §4.1).
  if (rttMs < 0 && acked > 0 && echoedAt !== NEVER) rttMs = Math.floor(now) - echoedAt;
  if (rttMs < 0) return;
  const latest = delivery.latestRttMs;
  c.rto.observe(latest >= 0 ? latest : rttMs, now);
  if (now - rttMs < c.recovery.sampledAt) return;
  c.recovery.sampledAt = now;
  c.rto.sample(rttMs, now);
}

/** RFC 2883 §4: is the first block one of what had been delivered before? Then it is none of the scoreboard's. */
function takeDsack(c: Connection, seg: Segment): boolean {
  const { sackStart, sackEnd, sackCount } = seg.options;
  const from = Seq.seq(sackStart[0]!);
  const to = Seq.seq(sackEnd[0]!);
  if (Seq.ge(from, to)) return false;
  const isBelow = Seq.le(to, seg.ack);
  const isWithin = sackCount > 1 && Seq.ge(from, Seq.seq(sackStart[1]!)) && Seq.le(to, Seq.seq(sackEnd[1]!));
  if (!isBelow && !isWithin) return false;
  const segments = Math.max(1, Math.round(Seq.diff(to, from) / c.snd.smss));
  // What lies further back than a window is a fable (SEC-63).
  if (Seq.lt(from, Seq.add(c.snd.una, -c.snd.maxWnd))) return false;
  const from0 = c.offsetOf(c.snd.una) - Seq.diff(c.snd.una, from);
  return c.recovery.onDsack(from0, from0 + Seq.diff(to, from), segments);
}

/** The SACK blocks, from left to right, as far as they speak of what is in flight. @returns bytes that are new */
function takeSacks(c: Connection, seg: Segment): number {
  const { sackStart, sackEnd, sackCount } = seg.options;
  let delivered = 0;
  let after = c.snd.una;
  // At most four: a selection sort in place is the shortest.
  for (let turn = 0; turn < sackCount; turn++) {
    let least = -1;
    for (let i = 0; i < sackCount; i++) {
      const from = Seq.seq(sackStart[i]!);
      if (Seq.lt(from, after) || Seq.ge(from, Seq.seq(sackEnd[i]!)) || Seq.gt(Seq.seq(sackEnd[i]!), c.snd.nxt)) continue;
      const ahead = least < 0 ? 1 : Seq.diff(Seq.seq(sackStart[least]!), from);
      // A DSACK's block may begin with that which holds it (RFC 2883 §4).
      if (ahead > 0 || (ahead === 0 && Seq.gt(Seq.seq(sackEnd[i]!), Seq.seq(sackEnd[least]!)))) least = i;
    }
    if (least < 0) return delivered;
    const from = c.offsetOf(Seq.seq(sackStart[least]!));
    const to = c.offsetOf(Seq.seq(sackEnd[least]!));
    delivered += c.scoreboard.sack(from, to, delivery);
    after = Seq.seq(sackEnd[least]!);
  }
  return delivered;
}

/** Without SACK, a duplicate says that one segment has arrived, and nobody knows which. RFC 5681 §3.2 (4). */
function countDuplicates(c: Connection, acked: number, isDuplicate: boolean, delivered: number): number {
  const { recovery: r, scoreboard: b } = c;
  if (isDuplicate) {
    const bytes = Math.min(c.snd.smss, Math.max(0, b.inFlight - r.dupAcked));
    r.dupAcked += bytes;
    return bytes;
  }
  if (acked > 0 && r.dupAcked > 0) {
    // One of what is acknowledged filled the hole; the others were counted when their duplicates came.
    const counted = Math.min(r.dupAcked, Math.max(0, acked - c.snd.smss));
    r.dupAcked = r.phase === 'recovery' ? Math.min(r.dupAcked - counted, b.inFlight) : 0;
    return Math.max(0, delivered - counted);
  }
  return delivered;
}

/** From phase to phase. RFC 6675 §5. */
function advance(
  c: Connection, acked: number, isDuplicate: boolean, hasNewSack: boolean, echoedAt: number, unsacked: number, now: number,
): void {
  const { recovery: r } = c;
  const una = c.offsetOf(c.snd.una);
  const isOver = r.phase !== 'open' && una >= r.recoverEnd;
  switch (r.phase) {
    case 'cwr':
      if (una > r.recoverEnd) leave(c, now);
      break;
    case 'recovery':
      if (isOver) {
        if (r.mayUndo(echoedAt)) undo(c, echoedAt, now);
        else leave(c, now);
      } else if (r.mayUndo(NEVER) || (acked > 0 && r.isDelayed(echoedAt) && c.scoreboard.countSegments(RETRANSMITTED) === 0)) {
        undo(c, echoedAt, now);
      }
      break;
    case 'loss':
      if (r.frtoSays(c, delivery, acked, isDuplicate, hasNewSack) || (acked > 0 && r.mayUndo(echoedAt))) {
        c.rto.resetBackOff();
        undo(c, NEVER, now);
      } else if (isOver) leave(c, now);
      break;
    case 'open':
      // The last DSACK may come when all is repaired.
      if (r.mayUndo(NEVER)) undo(c, NEVER, now);
  }
  const lost = judge(c, acked, now);
  if (isProbeAlone(c, lost, now)) return;
  c.rate.lost += lost;
  const isLostAgain = r.phase === 'loss' && r.rack.lostRetransmission;
  if (lost > 0 && (r.phase === 'open' || r.phase === 'cwr' || isLostAgain)) enterRecovery(c, lost, unsacked, now);
}

/** What is lost, by now? With SACK RACK alone says (RFC 8985 §4-1, §9.2-1). @returns bytes */
function judge(c: Connection, acked: number, now: number): number {
  const { recovery: r, scoreboard: b } = c;
  if (c.sackPermitted) return b.isEmpty ? 0 : r.rack.detectLoss(c, now);
  if (r.phase === 'recovery') {
    // RFC 6582 §3.2 (3): a partial ACK; the next hole begins at SND.UNA, and is filled at once.
    if (acked === 0) return 0;
    r.force = true;
    return loseFirst(c, now);
  }
  // RFC 6582 §3.2 (2): not again for losses of a window that was repaired already. What is acknowledged must reach beyond
  // `recover`: at it, the duplicates may be answers to what was sent twice.
  if (r.phase === 'loss' || r.dupAcks < DUP_THRESH || c.offsetOf(c.snd.una) <= r.recoverEnd) return 0;
  return loseFirst(c, now);
}

/**
 * The first segment is lost. Without SACK a round trip tells of one loss, however many there are: congestion control hears
 * that all of the flight may be lost (draft-ietf-ccwg-bbr §5.5.10.2). @returns bytes
 */
function loseFirst(c: Connection, now: number): number {
  const { scoreboard: b } = c;
  const bytes = b.markFirstLost(c.snd.smss);
  if (bytes > 0) c.congestion.onPacketLost(bytes, b.txInFlight(0), b.txInFlight(0), (b.flags(0) & APP_LIMITED) !== 0, now);
  return bytes;
}

/** RFC 5681 §4.3-1, and once for each window (§4.3-4). */
function enterRecovery(c: Connection, lost: number, unsacked: number, now: number): void {
  const { recovery: r } = c;
  // RFC 5681 §3.2 (2): what limited transmit added does not count.
  const flight = Math.min(c.flightSize, Math.max(c.congestion.cwnd, pipe(c) + lost));
  if (r.phase === 'open') r.doubt(c.offsetOf(c.snd.una));
  c.congestion.onLoss(lost, flight, now);
  c.ecn.onReduced();
  r.beginReduction('recovery', c.offsetOf(c.snd.nxt), unsacked);
  r.force = true;
  r.rack.forgetProbe(c);
}

/** RFC 3168 §6.1.2: the network asks for less. Once in each window of data. */
export function onEcnEcho(c: Connection, now: number): void {
  const { recovery: r } = c;
  if (r.phase !== 'open') return;
  const inFlight = pipe(c);
  c.congestion.onLoss(0, inFlight, now);
  r.noDoubt();
  r.beginReduction('cwr', c.offsetOf(c.snd.nxt), inFlight);
  // One segment may go at least: where the echo came with the last ACK there was, nothing else would draw another.
  r.proportion(0, 0, false, inFlight, c.congestion.ssthresh, c.snd.smss);
}

/** Everything of that window is acknowledged, and cwnd is ssthresh. RFC 5681 §4.3-3. */
function leave(c: Connection, now: number): void {
  const { recovery: r } = c;
  r.phase = 'open';
  r.newTextFirst = false;
  r.dupAcked = 0;
  r.rack.onRecovered();
  c.congestion.onRecovered(now);
}

/** RFC 4015 §3.2, RFC 3708: it was no loss. What is marked lost is on its way, as it always was. */
function undo(c: Connection, echoedAt: number, now: number): void {
  const { recovery: r } = c;
  if (r.phase === 'recovery') r.rack.onSpurious(echoedAt, now);
  c.congestion.onUndo(now);
  c.scoreboard.forgetLosses();
  c.undos++;
  r.noDoubt();
  r.phase = 'open';
  r.newTextFirst = false;
  r.force = false;
  r.dupAcked = 0;
}

/** The reordering window of RFC 8985 §6.2 is over: another look. */
export function onReorderTimeout(c: Connection, now: number): void {
  const { recovery: r, scoreboard: b } = c;
  const unsacked = b.inFlight + b.lost;
  const lost = r.rack.detectLoss(c, now);
  if (lost === 0 || isProbeAlone(c, lost, now)) return;
  c.rate.lost += lost;
  if (r.phase === 'open' || r.phase === 'cwr' || (r.phase === 'loss' && r.rack.lostRetransmission)) enterRecovery(c, lost, unsacked, now);
  if (r.isReducing && !c.congestion.ownsRecovery) r.proportion(0, lost, false, pipe(c), c.congestion.ssthresh, c.snd.smss);
}

/** RFC 6298 (5.4) to (5.6), seen from congestion control. The first time that the timer goes off, or again. */
export function onTimeout(c: Connection, isFirst: boolean, now: number): void {
  const { recovery: r, scoreboard: b } = c;
  const flight = c.flightSize;
  const wasOpen = r.phase === 'open' || r.phase === 'cwr';
  // RFC 2018 §8: the peer may throw away what it SACKed; if what stands at SND.UNA is SACKed, it has.
  if (!b.isEmpty && (b.flags(0) & SACKED) !== 0) b.forgetSacks();
  c.rate.lost += c.sackPermitted && isFirst ? r.rack.onTimeout(c, now) : b.markAllLost();
  c.rate.lostTold = c.rate.lost;
  c.timers.rackAt = NEVER;
  if (isFirst && (r.phase !== 'recovery' || c.offsetOf(c.snd.una) > r.recoverEnd)) r.doubt(c.offsetOf(c.snd.una));
  // RFC 5681 §3.1 (4): the first timeout of a window cuts ssthresh; its repetitions do not.
  c.congestion.onTimeout(isFirst ? flight : 0, now);
  c.ecn.onReduced();
  c.ecn.accurate?.onTimeout();
  r.beginReduction('loss', c.offsetOf(c.snd.nxt), flight);
  if (wasOpen || !isFirst) r.beginFrto();
  r.dupAcks = 0;
  r.dupAcked = 0;
  r.force = true;
  r.rack.forgetProbe(c);
}

/** The peer's window, or the path's MTU, made what is in flight useless: it goes again, and congestion is not blamed. */
export function resendAll(c: Connection): void {
  const { scoreboard: b } = c;
  c.plpmtud?.onInconclusive();
  // RFC 2018 §8, as in a timeout: then the first byte is lost, too, and there is something to send.
  if (!b.isEmpty && (b.flags(0) & SACKED) !== 0) b.forgetSacks();
  b.markAllLost();
  c.recovery.dupAcked = 0;
  c.recovery.rack.forgetProbe(c);
}

/** What a snapshot tells. */
export function lostSegments(c: Connection): number {
  return c.scoreboard.countSegments(LOST);
}
