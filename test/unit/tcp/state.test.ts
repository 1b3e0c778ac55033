// The eleven states: RFC 9293 figure 5, laid out as a grid to be compared with the figure by eye.

import { describe, expect, test } from 'vitest';
import {
  enter, hasReceivedFin, hasSentFin, isSynchronized, mayReceiveText, maySendText, NEXT, type State,
} from '../../../src/tcp/state.js';

const STATES: readonly State[] = [
  'CLOSED', 'LISTEN', 'SYN-SENT', 'SYN-RECEIVED', 'ESTABLISHED', 'FIN-WAIT-1', 'FIN-WAIT-2', 'CLOSE-WAIT', 'CLOSING',
  'LAST-ACK', 'TIME-WAIT',
];

// Typed from the figure, arrow by arrow, not from the code. Rows lead to columns. Note 1: SYN-RECEIVED to LISTEN.
// Note 2, which the figure omits: FIN-WAIT-1 to TIME-WAIT.
const FIGURE_5 = `
                CLOSED  LISTEN  SYN-S  SYN-R  ESTAB  FIN-1  FIN-2  CL-WT  CLSNG  LSTAK  TM-WT
  CLOSED           .       x      x      .      .      .      .      .      .      .      .
  LISTEN           x       .      x      x      .      .      .      .      .      .      .
  SYN-SENT         x       .      .      x      x      .      .      .      .      .      .
  SYN-RECEIVED     .       x      .      .      x      x      .      .      .      .      .
  ESTABLISHED      .       .      .      .      .      x      .      x      .      .      .
  FIN-WAIT-1       .       .      .      .      .      .      x      .      x      .      x
  FIN-WAIT-2       .       .      .      .      .      .      .      .      .      .      x
  CLOSE-WAIT       .       .      .      .      .      .      .      .      .      x      .
  CLOSING          .       .      .      .      .      .      .      .      .      .      x
  LAST-ACK         x       .      .      .      .      .      .      .      .      .      .
  TIME-WAIT        x       .      .      .      .      .      .      .      .      .      .
`.trim().split('\n').slice(1).map((row) => row.trim().split(/\s+/));

test('the table is the figure: RFC 9293 figure 5', () => {
  const grid = STATES.map((from) => [from, ...STATES.map((to) => (NEXT[from].includes(to) ? 'x' : '.'))]);
  expect(grid.map((row) => row.join(' '))).toEqual(FIGURE_5.map((row) => row.join(' ')));
});

test('every arrow may be gone, and any state may fall to CLOSED; nothing else', () => {
  for (const [i, from] of STATES.entries()) {
    for (const [j, to] of STATES.entries()) {
      const c = { state: from };
      if (to === 'CLOSED' || FIGURE_5[i]![j + 1] === 'x') {
        enter(c, to);
        expect(c.state).toBe(to);
      } else {
        expect(() => enter(c, to), `${from} -> ${to}`).toThrow(`${from} -> ${to}`);
        expect(c.state).toBe(from);
      }
    }
  }
});

describe('what a state says', () => {
  const those = (holds: (s: State) => boolean): State[] => STATES.filter(holds);

  test('synchronized are ESTABLISHED and all that comes after it: RFC 9293 §3.5.1', () => {
    expect(those(isSynchronized)).toEqual([
      'ESTABLISHED', 'FIN-WAIT-1', 'FIN-WAIT-2', 'CLOSE-WAIT', 'CLOSING', 'LAST-ACK', 'TIME-WAIT',
    ]);
  });

  test('text is taken until the peer\'s FIN: RFC 9293 §3.10.7.4, seventh', () => {
    expect(those(mayReceiveText)).toEqual(['ESTABLISHED', 'FIN-WAIT-1', 'FIN-WAIT-2']);
  });

  test('SEND is allowed until our CLOSE: RFC 9293 §3.10.2', () => {
    expect(those(maySendText)).toEqual(['ESTABLISHED', 'CLOSE-WAIT']);
  });

  test('our FIN is out, or about to be, where the figure has passed "snd FIN"', () => {
    expect(those(hasSentFin)).toEqual(['FIN-WAIT-1', 'FIN-WAIT-2', 'CLOSING', 'LAST-ACK', 'TIME-WAIT']);
  });

  test('the peer\'s FIN is in, where the figure has passed "rcv FIN"', () => {
    expect(those(hasReceivedFin)).toEqual(['CLOSE-WAIT', 'CLOSING', 'LAST-ACK', 'TIME-WAIT']);
  });
});
