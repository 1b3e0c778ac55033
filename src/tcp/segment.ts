// A segment as the state machine sees it: the header parsed once into a reused record, the text left where it
// lies. RFC 9293 §3.1, §3.4.

import { u16 } from '../bytes.js';
import type { DropReason } from '../counters.js';
import { parseOptions, TcpOptions } from './options.js';
import * as Seq from './seq.js';
import * as Wire from './wire.js';

/** One per stack, refilled for each segment; nobody stores it. `at + 20 <= payloadStart <= end`. */
export class Segment {
  srcPort = 0;
  dstPort = 0;
  /** SEG.SEQ */
  seq: Seq.Seq = Seq.seq(0);
  /** SEG.ACK; says something only with ACK in `flags`. */
  ack: Seq.Seq = Seq.seq(0);
  flags = 0;
  /** AE, CWR and ECE; and the codepoint of the IP header, which `parseSegment` does not know. */
  ecnFlags = 0;
  codepoint = 0;
  /** The window field as on the wire, unscaled: SEG.WND before Snd.Wind.Shift. */
  windowField = 0;
  urgentPointer = 0;
  /** Where the header begins, where the text begins, and where it ends, in the packet's buffer. */
  at = 0;
  payloadStart = 0;
  end = 0;
  readonly options = new TcpOptions();

  /** Bytes of text. */
  get payloadLength(): number {
    return this.end - this.payloadStart;
  }

  /** SEG.LEN: the text, counting SYN and FIN. RFC 9293 §3.4. */
  get length(): number {
    return this.end - this.payloadStart + ((this.flags & Wire.SYN) >> 1) + (this.flags & Wire.FIN);
  }
}

/**
 * Read the segment at `b[at .. end)` into `seg`. Null, or why it must be dropped; then `seg` holds nothing of
 * worth.
 */
export function parseSegment(b: Uint8Array, at: number, end: number, seg: Segment): DropReason | null {
  if (end - at < 20) return 'tcp-truncated';
  const headerLength = Wire.headerLength(b, at);
  if (headerLength < 20 || headerLength > end - at) return 'tcp-bad-offset';
  seg.srcPort = u16(b, at);
  seg.dstPort = u16(b, at + 2);
  // RFC 6335 §6: port 0 is reserved. Nothing of ours has it, and an answer to it would go nowhere.
  if (seg.srcPort === 0 || seg.dstPort === 0) return 'tcp-bad-port';
  seg.seq = Wire.seq(b, at);
  seg.ack = Wire.ack(b, at);
  seg.flags = Wire.flags(b, at);
  seg.ecnFlags = Wire.ecnFlags(b, at);
  seg.windowField = Wire.window(b, at);
  seg.urgentPointer = Wire.urgent(b, at);
  seg.at = at;
  seg.payloadStart = at + headerLength;
  seg.end = end;
  if (!parseOptions(b, at + 20, at + headerLength, seg.options)) return 'tcp-bad-options';
  if ((seg.flags & Wire.SYN) === 0) seg.options.clearSynOnly();
  return null;
}

/** RFC 9293 §3.4, table 6: the four segment acceptability tests. */
export function isAcceptable(seq: Seq.Seq, len: number, nxt: Seq.Seq, wnd: number): boolean {
  if (len === 0 && wnd === 0) return seq === nxt;
  if (len === 0) return Seq.within(seq, nxt, wnd);
  if (wnd === 0) return false;
  return Seq.within(seq, nxt, wnd) || Seq.within(Seq.add(seq, len - 1), nxt, wnd);
}
