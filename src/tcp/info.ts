// What a connection knows of itself, as numbers at one moment: TCP_INFO in plain names. RFC 9293 §3.9.1.7 (STATUS); RFC 4898
// for the nouns.

import type { Connection } from './connection.js';
import type { EcnMode } from './ecn.js';
import { sendMss } from './emit.js';
import { type Phase, pipe, window } from './recovery.js';
import { LOST, RETRANSMITTED, SACKED } from './scoreboard.js';
import * as Seq from './seq.js';
import { isSynchronized, type State } from './state.js';

/**
 * Why nothing is being sent at this moment. `app-limited`: all that was written has been sent. `rwnd-limited`: the peer's
 * window is shut or too small. `cwnd-limited`: congestion control holds it back. `paced`: it holds it back for a moment.
 * `nagle`: a small segment waits for the ACK of another. `corked`: it waits for more. `opening`, `closed`: there is no connection to send by, yet or any more.
 */
export type NotSending = typeof NOT_SENDING[number];

export const NOT_SENDING = ['app-limited', 'rwnd-limited', 'cwnd-limited', 'paced', 'nagle', 'corked', 'opening', 'closed'] as const;

export interface TcpInfo {
  /** RFC 9293 §3.3.2. */
  readonly state: State;
  /** Null: the next poll sends something. */
  readonly notSending: NotSending | null;
  readonly congestionControl: string;
  /** What loss recovery is doing. RFC 5681 §3.2, RFC 9937. */
  readonly recovery: Phase;

  /** ms. RFC 6298. */
  readonly rtoMs: number;
  /** ms; 0: not measured yet. RFC 6298. */
  readonly srttMs: number;
  readonly rttvarMs: number;
  /** The shortest of the last five minutes, ms; Infinity: not measured yet. */
  readonly minRttMs: number;
  /** Timeouts of what is first in flight, without an answer. */
  readonly backOffs: number;
  /** Zero-window and keep-alive probes without an answer. */
  readonly probes: number;

  /** Bytes. RFC 5681. */
  readonly cwnd: number;
  /** Bytes; Infinity: not known yet. RFC 5681. */
  readonly ssthresh: number;
  /** Bytes per second; Infinity: not paced. */
  readonly pacingRate: number;
  /** The latest sample, bytes per second; 0: none yet, or none since the connection came to rest. draft-ietf-ccwg-bbr §4.1. */
  readonly deliveryRate: number;
  /** The application, not the path, gave that rate. */
  readonly deliveryRateIsAppLimited: boolean;

  /** Payload of a full segment, bytes: what we send, what comes, and what we have said that we take. RFC 9293 §3.7.1. */
  readonly sendMss: number;
  readonly receiveMss: number;
  readonly offeredMss: number;
  /** Bytes of IP packet. RFC 1191, RFC 8201. */
  readonly pathMtu: number;

  /** Bytes sent and not acknowledged. RFC 5681 FlightSize. */
  readonly flightSize: number;
  /** Of these: what SACK says has arrived, and what is judged lost and was not sent again yet. Bytes. RFC 6675. */
  readonly sacked: number;
  readonly lost: number;
  /** The same in segments; `retransmitted`: sent again and still under way. */
  readonly segments: { readonly inFlight: number; readonly sacked: number; readonly lost: number; readonly retransmitted: number };
  /** Bytes written and not yet sent. */
  readonly unsent: number;
  /** What the peer offers, and what we offer, bytes. RFC 9293 §3.3.1. */
  readonly sendWindow: number;
  readonly receiveWindow: number;
  /** Text that waits for the application, bytes. */
  readonly readable: number;

  /** Payload bytes that left, retransmissions included; of these, retransmissions; acknowledged, as long as the connection stands. */
  readonly bytesSent: number;
  readonly bytesRetransmitted: number;
  readonly bytesAcked: number;
  /** Payload bytes taken in order. */
  readonly bytesReceived: number;
  /**
   * Segments that were sent again, in all; how often the timer of RFC 6298 went off for text; segments that DSACKs call needless;
   * recoveries that were for nothing. RFC 2883, 4015.
   */
  readonly retransmits: number;
  readonly timeouts: number;
  readonly dsacks: number;
  readonly undos: number;
  /** Segments by which one was overtaken on its way, at most; 3 until it was more. RFC 4737 §4.2. */
  readonly reordering: number;
  /** Ranges of out-of-order text that wait for what lies before them. */
  readonly outOfOrderRanges: number;

  /** What both ends agreed on. RFC 7323, RFC 2018. */
  readonly timestamps: boolean;
  readonly sack: boolean;
  readonly windowScaling: boolean;
  /** RFC 3168, RFC 9768; with accurate ECN: what of ours came marked, packets and bytes, and whether its options arrive. */
  readonly ecn: EcnMode;
  readonly markedPackets: number;
  readonly markedBytes: number;
  readonly hasEcnOptions: boolean;
  /** ms, 0: R2 decides; and what the peer said of its own, 0: nothing. RFC 9293 MUST-21, RFC 5482. */
  readonly userTimeoutMs: number;
  readonly peerUserTimeoutMs: number;
  /** 0 .. 14. */
  readonly sendShift: number;
  readonly receiveShift: number;

  /** Since text last left, and since anything that counted last came, ms. */
  readonly sinceSentMs: number;
  readonly sinceReceivedMs: number;
}

/** Bytes written and not yet sent. */
export function unsentBytes(c: Connection): number {
  return c.sendQueue.tail - Math.min(c.sendQueue.tail, c.offsetOf(c.snd.nxt));
}

/** A snapshot; `now` in ms, as given to `poll`. */
export function tcpInfo(c: Connection, now: number): TcpInfo {
  const { snd, rcv, rto, congestion, scoreboard, recovery } = c;
  return {
    state: c.state, notSending: whyNotSending(c, now), congestionControl: congestion.name, recovery: recovery.phase,
    rtoMs: rto.rtoMs, srttMs: rto.srttMs, rttvarMs: rto.rttvarMs, minRttMs: rto.minRttMs,
    backOffs: c.retries, probes: c.probes + c.keepAlivesSent,
    cwnd: congestion.cwnd, ssthresh: congestion.ssthresh, pacingRate: congestion.pacingRate * 1000,
    deliveryRate: c.rate.latest * 1000, deliveryRateIsAppLimited: c.rate.latestIsAppLimited,
    sendMss: snd.smss, receiveMss: rcv.rmss, offeredMss: c.tcp.offeredMss(c.flow, c.settings.maxSegment), pathMtu: c.tcp.ip.pathMtuOf(c.flow, now),
    flightSize: c.flightSize, sacked: scoreboard.sacked, lost: scoreboard.lost, segments: segmentsOf(c),
    unsent: unsentBytes(c), sendWindow: snd.wnd, receiveWindow: c.rcvWnd, readable: c.readable,
    bytesSent: c.bytesSent, bytesRetransmitted: c.bytesRetransmitted, bytesAcked: c.sendQueue.head, bytesReceived: c.bytesReceived,
    retransmits: c.retransmits, timeouts: c.timeouts, dsacks: recovery.dsacks, undos: c.undos, reordering: recovery.rack.reordering,
    outOfOrderRanges: c.assembler?.rangeCount ?? 0,
    ecn: c.ecn.mode, markedPackets: c.ecn.accurate?.markedPackets ?? 0, markedBytes: c.ecn.accurate?.markedBytes ?? 0,
    hasEcnOptions: c.ecn.accurate?.hasOptions ?? false,
    userTimeoutMs: c.userTimeoutMs, peerUserTimeoutMs: c.userTimeout?.remoteMs ?? 0,
    timestamps: c.ts.on, sack: c.sackPermitted, windowScaling: c.windowScaling,
    sendShift: snd.shift, receiveShift: rcv.shift,
    sinceSentMs: Math.max(0, now - c.lastSentAt), sinceReceivedMs: Math.max(0, now - c.lastArrivalAt),
  };
}

function segmentsOf(c: Connection): TcpInfo['segments'] {
  const { scoreboard: b } = c;
  const again = b.countSegments(RETRANSMITTED) - b.countSegments(RETRANSMITTED | SACKED) - b.countSegments(RETRANSMITTED | LOST);
  // A SYN is on no board.
  const inFlight = b.isEmpty && c.flightSize > 0 ? 1 : b.countSegments(0);
  return { inFlight, sacked: b.countSegments(SACKED), lost: b.countSegments(LOST), retransmitted: again };
}

/** The questions that the sender asks (tcp/sender.ts), in its order. */
export function whyNotSending(c: Connection, now: number): NotSending | null {
  if (c.state === 'CLOSED' || c.state === 'TIME-WAIT') return 'closed';
  if (!isSynchronized(c.state)) return 'opening';
  const unsent = unsentBytes(c);
  const finDue = c.finQueued && Seq.le(c.snd.nxt, c.finSeq);
  const { lost } = c.scoreboard;
  if (unsent === 0 && lost === 0) return finDue ? null : 'app-limited';
  if (c.congestion.pacingRate !== Infinity && c.paceUntil > now) return 'paced';
  const mss = sendMss(c);
  const wanted = Math.min(lost > 0 ? lost : unsent, mss);
  if (lost === 0 && c.snd.wnd - c.flightSize < wanted) return 'rwnd-limited';
  if (window(c) - pipe(c) < wanted) return 'cwnd-limited';
  if (lost > 0 || unsent >= mss || c.finQueued) return null;
  if (c.settings.corked) return 'corked';
  const smallInFlight = Seq.gt(c.snd.sml, c.snd.una) && Seq.le(c.snd.sml, c.snd.nxt);
  return smallInFlight && !c.settings.noDelay ? 'nagle' : null;
}
