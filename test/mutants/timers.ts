// What the deadlines mean: retransmission, R1 and R2, the user timeout, probes, keep-alive, orphans. RFC 9293 §3.8.

import type { Mutant } from '../../tools/mutants/mutant.js';

const file = 'src/tcp/expire.ts';
const timers = 'test/script/timers.test.ts';
const send = 'test/script/send.test.ts';
const handshake = 'test/script/handshake.test.ts';

export const EXPIRE: readonly Mutant[] = [
  { file, test: timers, text: 'c.rto.backOff();', replacement: '', title: 'then after twice as long each time' },
  {
    file, test: timers, title: 'after fifteen the connection is given up',
    text: 'c.retries >= retriesMax(c)', replacement: 'c.retries > retriesMax(c)',
  },
  {
    file, test: timers, title: 'is R2, to the millisecond',
    text: 'c.userTimeoutMs > 0 ? now >= c.stuckSince', replacement: 'c.userTimeoutMs > 0 ? now > 1000 + c.stuckSince',
  },
  {
    file, test: timers, title: 'after three repetitions the application hears',
    text: 'if (c.retries >= 3) {', replacement: 'if (c.retries >= 4) {',
  },
  {
    file, test: timers, sec: 'SEC-60', title: 'in FIN-WAIT-1 are given up after eight',
    text: 'return c.orphan ? Math.min(c.tcp.options.orphanRetries, c.settings.retries) : c.settings.retries;', replacement: 'return c.settings.retries;',
  },
  { file, test: handshake, text: 'c.synLosses++;', replacement: '', title: 'twice leaves one segment to begin with' },
];

export const PERSIST: readonly Mutant[] = [
  {
    file, test: send, sec: 'SEC-59', title: 'ends the connection after ten minutes',
    text: '> c.tcp.options.probeSilenceMs', replacement: '> Infinity',
  },
  {
    file, test: send, sec: 'SEC-59', title: 'is left when the user\'s time is over',
    text: 'if (silent || (c.userTimeoutMs > 0 && now >= c.stuckSince + c.userTimeoutMs)) {', replacement: 'if (silent) {',
  },
  {
    file, test: send, sec: 'SEC-59', title: 'holds nobody who has closed',
    text: 'c.probes >= c.tcp.options.orphanRetries', replacement: 'false',
  },
  { file, test: send, text: 'Math.max(c.lastArrivalAt, c.stuckSince)', replacement: 'c.lastArrivalAt', title: 'is not taken for silence' },
];

export const KEEP_ALIVE: readonly Mutant[] = [
  {
    file, test: timers, title: 'is put off by whatever the peer says',
    text: 'c.keepAlivesSent === 0 && idleFor < keepAliveIdle(c)', replacement: 'false',
  },
  {
    file, test: timers, title: 'gives up after nine probes without an answer, not after one',
    text: 'if (c.keepAlivesSent >= c.settings.keepAliveProbes) {', replacement: 'if (c.keepAlivesSent >= 1) {',
  },
  {
    file, test: timers, title: 'gives up after nine probes',
    text: 'c.timers.keepAliveAt = now + c.settings.keepAliveIntervalMs;', replacement: 'c.timers.keepAliveAt = now + c.settings.keepAliveIdleMs;',
  },
];
