// The eleven states and the figure, as a table. RFC 9293 §3.3.2.

import { assert } from '../assert.js';

export type State =
  | 'CLOSED' | 'LISTEN' | 'SYN-SENT' | 'SYN-RECEIVED' | 'ESTABLISHED' | 'FIN-WAIT-1' | 'FIN-WAIT-2'
  | 'CLOSE-WAIT' | 'CLOSING' | 'LAST-ACK' | 'TIME-WAIT';

/**
 * RFC 9293 figure 5 with notes 1 and 2. Any state may also go to CLOSED (RST, timeout, abort): `enter` knows
 * that.
 */
export const NEXT: Readonly<Record<State, readonly State[]>> = {
  'CLOSED': ['LISTEN', 'SYN-SENT'],
  'LISTEN': ['SYN-SENT', 'SYN-RECEIVED', 'CLOSED'],
  'SYN-SENT': ['SYN-RECEIVED', 'ESTABLISHED', 'CLOSED'],
  'SYN-RECEIVED': ['LISTEN', 'ESTABLISHED', 'FIN-WAIT-1'],
  'ESTABLISHED': ['FIN-WAIT-1', 'CLOSE-WAIT'],
  'FIN-WAIT-1': ['FIN-WAIT-2', 'CLOSING', 'TIME-WAIT'],
  'FIN-WAIT-2': ['TIME-WAIT'],
  'CLOSE-WAIT': ['LAST-ACK'],
  'CLOSING': ['TIME-WAIT'],
  'LAST-ACK': ['CLOSED'],
  'TIME-WAIT': ['CLOSED'],
};

/** Who changes states, and who looks on. */
interface Stateful {
  state: State;
  noteState?(next: State): void;
}

/** The one door between states. */
export function enter(c: Stateful, next: State): void {
  assert(next === 'CLOSED' || NEXT[c.state].includes(next), `tcp: ${c.state} -> ${next}`);
  c.state = next;
  c.noteState?.(next);
}

/** Have both sides agreed on the sequence numbers? RFC 9293 §3.5.1: ESTABLISHED and what comes after it. */
export const isSynchronized = (s: State): boolean =>
  s !== 'CLOSED' && s !== 'LISTEN' && s !== 'SYN-SENT' && s !== 'SYN-RECEIVED';

/** Is arriving text still for somebody? RFC 9293 §3.10.7.4, seventh. */
export const mayReceiveText = (s: State): boolean =>
  s === 'ESTABLISHED' || s === 'FIN-WAIT-1' || s === 'FIN-WAIT-2';

/**
 * May the user SEND more? RFC 9293 §3.10.2. (Text accepted earlier goes out in later states too, before our
 * FIN.)
 */
export const maySendText = (s: State): boolean => s === 'ESTABLISHED' || s === 'CLOSE-WAIT';

/** Is our FIN sent, or queued behind the last text? */
export const hasSentFin = (s: State): boolean =>
  s === 'FIN-WAIT-1' || s === 'FIN-WAIT-2' || s === 'CLOSING' || s === 'LAST-ACK' || s === 'TIME-WAIT';

/** Has the peer's FIN been taken in? */
export const hasReceivedFin = (s: State): boolean =>
  s === 'CLOSE-WAIT' || s === 'CLOSING' || s === 'LAST-ACK' || s === 'TIME-WAIT';
