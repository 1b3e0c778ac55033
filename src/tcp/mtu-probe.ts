// Where the search for the path's MTU meets the connection: when text may leave in a segment larger than the others, and
// what its fate means. RFC 4821 §7.4 to §7.6; the search itself is plpmtud.ts.

import type { Connection } from './connection.js';

/** Segments behind the probe that tell whether it was lost: else only the timer would. RFC 4821 §7.4; as DupThresh. */
const FOLLOWERS = 3;

/** Bytes of text in a probe that may leave now; 0: none. It wants SACK, and a path on which nothing else is amiss. */
export function probeLength(c: Connection, unsent: number, usable: number, now: number): number {
  const { plpmtud, scoreboard, recovery } = c;
  if (plpmtud === null || !plpmtud.isSearching || !c.sackPermitted || c.assembler !== null) return 0;
  if (recovery.phase !== 'open' || scoreboard.lost > 0 || scoreboard.sacked > 0) return 0;
  const length = plpmtud.nextProbeSize(now) - plpmtud.size + c.snd.smss;
  return length > c.snd.smss && Math.min(unsent, usable) >= length + FOLLOWERS * c.snd.smss ? length : 0;
}

/** `length` bytes leave at the stream's end as a probe. */
export function noteProbe(c: Connection, length: number): void {
  const start = c.offsetOf(c.snd.nxt);
  const plpmtud = c.plpmtud!;
  plpmtud.onProbeSent(plpmtud.size + length - c.snd.smss, start, start + length);
}

/** An ACK came: does it cover the probe? Then segments may be as large. */
export function heedProbe(c: Connection, now: number): void {
  const { plpmtud } = c;
  if (plpmtud === null || plpmtud.probeSize === 0 || c.offsetOf(c.snd.una) < plpmtud.probeEnd) return;
  plpmtud.onAcked(now);
  c.tcp.setSmss(c, now);
}

/**
 * `lost` bytes were judged lost just now. RFC 4821 §7.5: the loss of the probe alone says nothing of congestion.
 * @returns whether that is all they are: it goes again, in segments of the usual size, and the window stays
 */
export function isProbeAlone(c: Connection, lost: number, now: number): boolean {
  const { plpmtud, scoreboard } = c;
  if (lost === 0 || plpmtud === null || plpmtud.probeSize === 0) return false;
  const isAlone = lost === plpmtud.probeEnd - plpmtud.probeStart && scoreboard.lost === lost &&
    scoreboard.startOf(scoreboard.nextLost()) === plpmtud.probeStart;
  if (isAlone) plpmtud.onLost(now);
  else plpmtud.onInconclusive();
  return isAlone;
}
