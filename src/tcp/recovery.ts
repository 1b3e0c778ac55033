// Loss seen by duplicate ACKs, and repaired: fast retransmit and NewReno's fast recovery. RFC 5681 §3.2, RFC 6582.
// It decides when; the congestion controller decides how much. SACK-based recovery will take this file's place.

import type { Connection } from './connection.js';
import { retransmitFirst } from './sender.js';
import * as Seq from './seq.js';

/** RFC 5681 §3.2. */
const DUP_THRESH = 3;

export class Recovery {
  dupAcks = 0;
  /** In fast recovery, until `recover` is acknowledged. */
  active = false;
  /** The highest sequence number sent when the loss was seen. RFC 6582 §3.2. */
  recover: Seq.Seq = Seq.seq(0);
  /** Bytes that duplicate ACKs say have left the network: the window's artificial part. RFC 5681 §3.2 (3), (4). */
  inflation = 0;
}

/** An ACK that repeats SND.UNA, without text, with the same window, while something is in flight. RFC 5681 §2. */
export function onDuplicateAck(c: Connection, now: number): void {
  const r = c.recovery;
  r.dupAcks++;
  if (r.active) {
    r.inflation += c.snd.smss;
    c.markReady();
    return;
  }
  if (r.dupAcks !== DUP_THRESH) return;
  // RFC 6582 §3.2 (2): not again for losses of the window that was already being repaired. What is acknowledged must
  // reach beyond `recover`: at it, the duplicates may be answers to what a timeout sent twice.
  if (Seq.le(c.snd.una, r.recover)) return;
  r.active = true;
  r.recover = c.snd.max;
  c.congestion.onLoss(c.snd.smss, c.flightSize, now);
  r.inflation = DUP_THRESH * c.snd.smss;
  retransmitFirst(c, now);
  // RFC 6298 (5.3) restarts on new ACKs; RFC 6582 restarts for the retransmission, too.
  c.timers.retransmitAt = now + c.rto.rtoMs;
  c.markReady();
}

/** An ACK moved SND.UNA by `acked` bytes. RFC 6582 §3.2 (3). */
export function onNewAck(c: Connection, acked: number, now: number): void {
  const r = c.recovery;
  r.dupAcks = 0;
  if (!r.active) {
    // RFC 6582 §4.2: what lies behind must not come to seem ahead, 2 GiB later.
    if (Seq.gt(c.snd.una, r.recover)) r.recover = Seq.add(c.snd.una, -1);
    return;
  }
  if (Seq.ge(c.snd.una, r.recover)) {
    r.active = false;
    r.inflation = 0;
    return;
  }
  // A partial ACK: the next hole begins at SND.UNA. Deflate by what was acknowledged, add back one segment.
  r.inflation = Math.max(0, r.inflation - acked + (acked >= c.snd.smss ? c.snd.smss : 0));
  retransmitFirst(c, now);
}

/** RFC 6582 §3.2 (4): a retransmission timeout ends fast recovery, and bars another one for the same window. */
export function onTimeout(c: Connection): void {
  const r = c.recovery;
  r.dupAcks = 0;
  r.active = false;
  r.inflation = 0;
  r.recover = c.snd.max;
}
