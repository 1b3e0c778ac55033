// Text that came twice, told to its sender once: the first SACK block of the next bare ACK. RFC 2883 §4.
//
// It goes on a segment without text only: a superpacket's options are those of each of its segments, and a duplicate
// that is reported many times looks like many (rule 2).

import type { Connection } from './connection.js';
import { emitAck } from './emit.js';
import type { Segment } from './segment.js';
import * as Seq from './seq.js';

/** What of the segment's text lies below RCV.NXT was here before. */
export function noteOldText(c: Connection, seg: Segment, now: number): void {
  noteDuplicate(c, seg.seq, Seq.min(Seq.add(seg.seq, seg.payloadLength), c.rcv.nxt), now);
}

/** What waits out of order and came again with the stream's bytes `[offset, stop)`: of several pieces, the first (§4.2). */
export function noteKeptText(c: Connection, offset: number, stop: number, now: number): void {
  const { assembler } = c;
  if (assembler === null || !assembler.findKept(offset, stop)) return;
  const { keptStart, keptEnd } = assembler;
  noteDuplicate(c, Seq.add(c.rcv.nxt, keptStart - c.bytesReceived), Seq.add(c.rcv.nxt, keptEnd - c.bytesReceived), now);
}

function noteDuplicate(c: Connection, start: Seq.Seq, end: Seq.Seq, now: number): void {
  const { rcv } = c;
  if (!c.sackPermitted || Seq.ge(start, end)) return;
  if (rcv.dsackOwed && Seq.le(start, rcv.dsackEnd) && Seq.ge(end, rcv.dsackStart)) {
    // Segments that follow each other are one sequence, as they would be in a superpacket. Also Linux.
    rcv.dsackStart = Seq.min(rcv.dsackStart, start);
    rcv.dsackEnd = Seq.max(rcv.dsackEnd, end);
  } else {
    // A batch brought two: each has an ACK of its own, or the sender would miss one.
    if (rcv.dsackOwed) emitAck(c, now);
    rcv.dsackStart = start;
    rcv.dsackEnd = end;
    rcv.dsackOwed = true;
  }
  c.ackNow = true;
}

/** The SACK blocks of the segment that leaves now, at most `max`, written to `starts` and `ends`. @returns how many */
export function fillSackBlocks(c: Connection, starts: Int32Array, ends: Int32Array, max: number): number {
  if (!c.sackPermitted) return 0;
  let count = 0;
  if (c.rcv.dsackOwed) {
    starts[0] = c.rcv.dsackStart;
    ends[0] = c.rcv.dsackEnd;
    c.rcv.dsackOwed = false;
    count = 1;
  }
  // Rule 4: the block that holds the duplicate follows, for it was heard of last.
  if (c.assembler !== null) {
    count = c.assembler.sackBlocks(starts, ends, max, c.bytesReceived, c.rcv.nxt, count);
  }
  return count;
}
