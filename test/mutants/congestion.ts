// How much may be under way, and what loss does to it. RFC 5681, RFC 3465.

import type { Mutant } from '../../tools/mutants/mutant.js';

const reno = { file: 'src/tcp/congestion/new-reno.ts', test: 'test/unit/tcp/congestion/new-reno.test.ts' } as const;
const control = { file: 'src/tcp/congestion/congestion-control.ts', test: 'test/unit/tcp/congestion/new-reno.test.ts' } as const;
const property = 'test/property/congestion.test.ts';

export const CONGESTION: readonly Mutant[] = [
  {
    ...reno, sec: 'SEC-63', title: 'whatever the number of ACKs',
    text: 'this.open(sample.delivered)', replacement: 'this.open(Math.max(sample.delivered, this.smss))',
  },
  {
    ...reno, sec: 'SEC-63', test: 'test/script/recovery.test.ts', title: 'many ACKs for one segment',
    text: 'this.open(sample.delivered)', replacement: 'this.open(2 * this.smss)',
  },
  { ...control, text: 'export const L_AFTER_TIMEOUT = 1;', replacement: 'export const L_AFTER_TIMEOUT = 2;', title: 'before a timeout' },
  { ...reno, text: 'Math.floor(inFlight / 2)', replacement: 'Math.floor(this.cwnd / 2)', title: 'halves FlightSize' },
  {
    ...reno, title: 'to no less than two segments',
    text: 'Math.floor(inFlight / 2), 2 * this.smss)', replacement: 'Math.floor(inFlight / 2), this.smss)',
  },
  { ...reno, text: 'this.cwnd = this.smss;', replacement: 'this.cwnd = this.ssthresh;', title: 'a loss' },
  { ...reno, text: '!this.isTimedOut && inFlight > 0', replacement: 'inFlight > 0', title: 'seen by the timer again' },
  {
    ...reno, title: 'new-reno does not grow while recovery runs',
    text: '!sample.isRecovery && sample.isCwndLimited', replacement: 'sample.isCwndLimited', test: property,
  },
  {
    ...reno, title: 'something other than cwnd held the sender back',
    text: '!sample.isRecovery && sample.isCwndLimited', replacement: '!sample.isRecovery',
  },
  {
    ...reno, title: 'new-reno begins again with no more',
    text: 'this.cwnd = Math.min(this.cwnd, initialWindow(this.smss));', replacement: '', test: property,
  },
  { ...reno, text: 'left -= growth;', replacement: '', title: 'ends at ssthresh, and the rest counts' },
  { ...control, text: 'Math.min(10 * smss, Math.max(2 * smss, 14_600))', replacement: '10 * smss', title: 'the initial window' },
  {
    ...control, title: 'in slow start: by half of it',
    text: 'control.cwnd < 2 * flight + control.smss', replacement: 'control.cwnd < flight + control.smss',
  },
];
