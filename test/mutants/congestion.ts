// How much may be under way, and what loss does to it. RFC 5681, RFC 3465, RFC 9438, RFC 9406.

import type { Mutant } from '../../tools/mutants/mutant.js';

const reno = { file: 'src/tcp/congestion/new-reno.ts', test: 'test/unit/tcp/congestion/new-reno.test.ts' } as const;
const control = { file: 'src/tcp/congestion/congestion-control.ts', test: 'test/unit/tcp/congestion/new-reno.test.ts' } as const;
const cubic = { file: 'src/tcp/congestion/cubic.ts', test: 'test/unit/tcp/congestion/cubic.test.ts' } as const;
const hystart = { file: 'src/tcp/congestion/hystart.ts', test: 'test/unit/tcp/congestion/hystart.test.ts' } as const;
const bbr = { file: 'src/tcp/congestion/bbr.ts', test: 'test/unit/tcp/congestion/bbr.test.ts' } as const;
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
  { ...reno, text: 'inSegments(this.cwnd, this.segmentSize, bytes)', replacement: 'Math.max(this.cwnd, bytes)', title: 'as many segments' },
  { ...reno, file: 'src/tcp/congestion/cubic.ts', text: 'inSegments(course.cwnd, this.segmentSize, bytes)', replacement: 'course.cwnd', title: 'as many segments' },
  { ...control, text: 'smss < before ? ', replacement: 'true ? ', title: 'as many segments' },
  { ...control, text: 'control.cwnd < 2 * flight', replacement: 'control.cwnd <= 2 * flight', title: 'by more than half' },
  { ...control, text: 'export const L_AFTER_TIMEOUT = 1;', replacement: 'export const L_AFTER_TIMEOUT = 2;', title: 'before a timeout' },
  { ...reno, text: 'Math.floor(inFlight / 2)', replacement: 'Math.floor(this.cwnd / 2)', title: 'halves FlightSize' },
  {
    ...reno, title: 'to no less than two segments',
    text: 'Math.floor(inFlight / 2), 2 * this.smss)', replacement: 'Math.floor(inFlight / 2), this.smss)',
  },
  { ...reno, text: 'this.cwnd = this.smss;', replacement: 'this.cwnd = this.ssthresh;', title: 'a loss' },
  { ...reno, text: '!this.isTimedOut && inFlight > 0', replacement: 'inFlight > 0', title: 'seen by the timer again' },
  {
    ...reno, title: 'new-reno, by loss does not grow while recovery runs',
    text: '!sample.isRecovery && sample.isCwndLimited', replacement: 'sample.isCwndLimited', test: property,
  },
  {
    ...reno, title: 'something other than cwnd held the sender back',
    text: '!sample.isRecovery && sample.isCwndLimited', replacement: '!sample.isRecovery',
  },
  {
    ...reno, title: 'new-reno, by loss begins again with no more',
    text: 'this.cwnd = Math.min(this.cwnd, initialWindow(this.smss));', replacement: '', test: property,
  },
  { ...reno, text: 'left -= growth;', replacement: '', title: 'ends at ssthresh, and the rest counts' },
  { ...control, text: 'Math.min(10 * smss, Math.max(2 * smss, 14_600))', replacement: '10 * smss', title: 'the initial window' },
];

export const CUBIC: readonly Mutant[] = [
  { ...cubic, text: 'const BETA = 0.7;', replacement: 'const BETA = 0.8;', title: 'takes 0.7 of the flight' },
  { ...cubic, text: 'course.cwnd * (1 + BETA) / 2', replacement: 'course.cwnd', title: 'fast convergence' },
  {
    ...cubic, title: 'reaches W_max after K',
    text: 'course.kMs = Math.cbrt((course.wMax - course.cwnd) / this.smss / C) * SECOND;', replacement: 'course.kMs = 0;',
  },
  { ...cubic, text: '), 1.5 * course.cwnd)', replacement: '), 15 * course.cwnd)', title: 'never aims beyond half as much again' },
  { ...cubic, text: 'course.wEst < course.cwndPrior ? ALPHA : 1', replacement: 'ALPHA', title: 'where Reno would be faster' },
  {
    ...cubic, title: 'does not grow, and the curve waits for it',
    text: 'if (!isCwndLimited) return this.shiftEpoch(now);', replacement: 'if (!isCwndLimited) return;',
  },
  { ...cubic, text: 'if (inFlight <= bytes) this.shiftEpoch(now);', replacement: '', title: 'the time in which nothing was in flight' },
  { ...cubic, text: 'Math.max(inFlight, this.flights.max)', replacement: 'inFlight', title: 'measured by the flight as it left' },
  { ...cubic, text: 'course.copy(undo);', replacement: '', title: 'undo' },
  {
    ...cubic, title: 'closes to one segment',
    text: '// RFC 5681 §3.1: the loss window is one segment.\n    course.cwnd = this.smss;', replacement: '',
  },
  { ...hystart, text: 'this.rttSampleCount < N_RTT_SAMPLE', replacement: 'this.rttSampleCount < 1', title: 'not before eight samples' },
  {
    ...hystart, title: 'it is the smallest that counts',
    text: 'Math.min(this.currentRoundMinRtt, sample.rttMs)', replacement: 'sample.rttMs',
  },
  { ...hystart, text: 'if (this.isConservative) this.cssRounds++;', replacement: 'this.cssRounds++;' },
  {
    ...hystart, title: 'was a mistake',
    text: 'if (this.currentRoundMinRtt < this.cssBaselineMinRtt) this.leaveConservative();', replacement: '',
  },
];

export const BBR: readonly Mutant[] = [
  {
    ...bbr, title: 'of a round in which 3 of fifty',
    text: 'return Math.max(expected, Math.min(expected + LOSS_DEVIATIONS * Math.sqrt(expected * smss), inFlight * LOSS_MOST));',
    replacement: 'return expected;',
  },
  { ...bbr, text: ', inFlight * LOSS_MOST));', replacement: ', Infinity));', title: 'of a round in which 4 of fifty' },
  { ...bbr, text: 'expected + LOSS_DEVIATIONS * Math.sqrt(expected * smss)', replacement: 'Infinity', title: 'of large flights' },
  { ...bbr, text: 'this.isCongestionInRound || this.lostInRound >', replacement: 'this.lostInRound >', title: 'of a round with a mark' },
  { ...bbr, text: 'if (sample.ecnMarked > 0) this.isCongestionInRound = true;', replacement: '', title: 'of a round with a mark' },
  { ...bbr, text: 'if (sample.priorDelivered <= this.appLimitedUntil) return false;', replacement: '', title: 'after ProbeRTT' },
  { ...bbr, text: 'this.lostInRound = -this.smss;', replacement: '', title: 'of a round in which 3 of fifty' },
  {
    ...bbr, title: 'whose loss is one too many',
    text: 'lostSince - this.smss <= tolerableLoss(', replacement: 'lostSince <= tolerableLoss(',
  },
  { ...bbr, text: 'const inflightBefore = txInFlight - bytes;', replacement: 'const inflightBefore = 0;', title: 'whose loss is one too many' },
  {
    ...bbr, title: 'that its first loss set',
    text: 'if (!this.isInRecovery && !this.isSaved) this.', replacement: 'if (!this.isInRecovery) this.',
  },
  { ...bbr, text: 'if (!this.isRoundStart || (!', replacement: 'if ((!', title: 'counts rounds, not ACKs' },
  {
    ...bbr, title: 'any sample of a round is a quarter more',
    text: 'if (this.fullBwNow || sample.deliveryRate', replacement: 'if (this.fullBwNow || !this.isRoundStart || sample.deliveryRate',
  },
  { ...bbr, text: ' || (!this.fullBwReached && sample.isHeldBack)', replacement: '', title: 'full behind a hole, held us back' },
];
