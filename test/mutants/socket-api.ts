// The native face, and the calls behind it. RFC 9293 §3.9.1.

import type { Mutant } from '../../tools/mutants/mutant.js';

const file = 'src/socket-api/tcp.ts';
const connection = 'src/tcp/connection.ts';
const test = 'test/unit/socket-api/tcp.test.ts';
const close = 'test/script/close.test.ts';
const lend = 'test/script/lend.test.ts';
const faces = 'test/unit/socket-api/lending.test.ts';
const queue = 'test/property/byte-queue.test.ts';

export const SOCKET_API: readonly Mutant[] = [
  {
    file, test, title: 'what came before an error is delivered before it',
    text: 'if (connection.readable > 0) return Promise.resolve(this.taken(target, max));\n    if (connection.peerHasEnded)',
    replacement: 'if (connection.peerHasEnded)',
  },
  { file, test, text: 'if (this.reader !== null) return', replacement: 'if (false) return', title: 'one too many' },
  { file, test, text: "if (this.ending) throw new NetError('EPIPE', 'write');", replacement: '', title: 'after `end`: EPIPE' },
  {
    file, test, title: 'does not overtake one that waits',
    text: 'const taken = isFirst ? this.connection.lend(bytes) : 0;', replacement: 'const taken = this.connection.lend(bytes);',
  },
  {
    file, test, title: 'does not overtake one that waits',
    text: 'return this.writers === null ? this.connection.write(bytes) : 0;', replacement: 'return this.connection.write(bytes);',
  },
  {
    file, test, title: '`abort`: calls of ours that wait fail',
    text: "if (!this.isOver) this.abortion = new NetError('ECONNABORTED', 'read');", replacement: '',
  },
  { file, test, text: "signal?.removeEventListener('abort', abort);", replacement: '', title: 'nobody listens to the signal longer' },
  {
    file, test, title: '`close` ends those who wait with null',
    text: 'for (const acceptor of this.acceptors.splice(0)) acceptor.resolve(null);', replacement: '',
  },
];

export const CONNECTION: readonly Mutant[] = [
  {
    file: connection, test, fuzz: 'F12',
    text: 'if (this.pendingEvents === 0) this.tcp.env.announceLater(this);\n    this.pendingEvents |= events;',
    replacement: 'this.pendingEvents |= events;\n    this.announce();',
  },
  {
    file: connection, test: close, title: 'of text that nobody read is a reset',
    text: 'if (this.receiveQueue.length > 0) {\n      this.abort();\n      return;\n    }', replacement: '',
  },
  {
    file: connection, test: close, title: 'in CLOSING and LAST-ACK is no reset',
    text: "if (this.state !== 'SYN-SENT' && !isOver) emitReset(this);", replacement: "if (this.state !== 'SYN-SENT') emitReset(this);",
  },
  {
    file: connection, test: 'test/script/timers.test.ts', sec: 'SEC-60', title: 'in FIN-WAIT-2 since before their owner went',
    text: "if (this.state === 'FIN-WAIT-2') this.timers.deadAt", replacement: "if (this.state === 'CLOSED') this.timers.deadAt",
  },
  // What a connection at rest gives back must be what it would begin with.
  { file: connection, test: 'test/script/send.test.ts', text: 'controller.ssthresh === Infinity &&', replacement: 'true &&', title: 'no further than a loss' },
  {
    file: connection, test: 'test/script/handshake.test.ts', title: 'to begin with, also after an idle time',
    text: 'controller.cwnd >= initialWindow(this.snd.smss)', replacement: 'true',
  },
  {
    file: connection, test: 'test/script/rfc8985.test.ts', title: 'grows by a quarter of the round trip',
    text: 'if (this.recovery.isAsNew(this.offsetOf(this.snd.una))) this', replacement: 'this',
  },
  {
    file: connection, test: 'test/script/plpmtud.test.ts', title: 'the third timeout of full segments',
    text: 'this.plpmtud !== null && this.plpmtud.isAsNew', replacement: 'this.plpmtud !== null',
  },
  {
    file: connection, test: 'test/script/autotune.test.ts', title: 'no more than before an idle time',
    text: 'this.tuning !== null && this.tuning.isAsNew', replacement: 'this.tuning !== null',
  },
  { file: connection, test: 'test/script/autotune.test.ts', text: 'if (now > idleAt) {', replacement: 'if (true) {', title: 'follows what the application takes' },
  {
    file: connection, test: 'test/script/send.test.ts', title: 'takes what it has room for',
    text: 'const taken = Math.min(end - at, this.sendSpace);', replacement: 'const taken = end - at;',
  },
  {
    file: connection, test: 'test/script/send.test.ts', title: 'says when there is room again',
    text: 'if (!this.sendQueue.isLent) return sendLimit(this) >> 1;', replacement: 'if (!this.sendQueue.isLent) return 0;',
  },
  // Text that is lent: what is done with too early goes again as something else.
  { file: connection, test: lend, text: 'this.reset(error);', replacement: 'emitReset(this);\n    this.end(error);', title: 'before the connection stands' },
  { file: connection, test: lend, text: 'return this.peerTakesText ? lentRest(this) : sendLimit(this);', replacement: 'return lentRest(this);', title: 'takes no more' },
  { file: connection, test: lend, text: 'if (this.sendQueue.isLent) {', replacement: 'if (false) {', title: 'leaves from where it is' },
  { file: connection, test: lend, text: "      this.sendQueue.keepLoan();\n", replacement: '', title: 'leaves from where it is' },
  { file: connection, test: lend, text: 'this.sendQueue.keepLoan();\n    const taken', replacement: 'const taken', title: 'what is written copies it first' },
  { file: connection, test: lend, text: 'if (this.sendQueue.isLent && this.checkLoan()) {', replacement: 'if (false) {', title: 'close gives it back' },
  { file: connection, test: lend, text: 'if (this.sendQueue.length > 0) this.lending = 0;', replacement: '', title: 'none of its doing' },
  { file: connection, test: lend, text: 'if (!this.sendQueue.isRobbed) return true;', replacement: 'return true;', title: 'is copied ends the stream' },
  { file: connection, test: lend, text: ' || this.settings.fixesSendBuffer) return this.write', replacement: ') return this.write', title: 'size is fixed' },
  { file: connection, test: lend, text: 'this.peerTakesText && isShortPath(this)', replacement: 'isShortPath(this)', title: 'takes nothing already' },
  { file: connection, test: lend, text: 'Math.min(end - at, LOAN_MAX)', replacement: 'end - at', title: 'than there are numbers ahead' },
  { file: connection, test: faces, text: 'if (this.sendQueue.length > 0) this.lending = 0;', replacement: 'this.lending = 0;', title: 'and then resets' },
  { file: connection, test: faces, text: 'if (end > b.length) throw this.robbed();', replacement: '', title: 'taken away' },
  { file: 'src/tcp/arrival.ts', test: lend, text: '  else if (c.snd.wnd < windowBefore) c.spaceMade();\n', replacement: '', title: 'shrinks its window' },
  { file: 'src/tcp/buffers.ts', test: lend, text: '2 * c.snd.smss, ', replacement: '', title: 'put off acknowledging' },
  { file: 'src/tcp/sender.ts', test: lend, text: ' || !c.checkLoan()) return;', replacement: ') return;', title: 'is sent ends the stream' },
  { file: 'src/tcp/expire.ts', test: lend, text: '  if (!c.checkLoan()) return;\n', replacement: '', title: 'is sent again ends the stream' },
  { file: 'src/tcp/buffers.ts', test: lend, text: 'lentRest(c) < sendLimit(c) >> 1', replacement: 'false', title: 'is lent where the path is short' },
  { file: 'src/tcp/buffers.ts', test: lend, text: 'Math.floor(c.rto.minRttMs * LENT_RATE)', replacement: '0', title: 'is copied where the path is long' },
  { file: 'src/byte-queue.ts', test: queue, text: 'this.tail = Math.max(this.head, loan.from);', replacement: 'this.tail = loan.from;', title: 'a send queue reads as the stream' },
  { file: 'src/byte-queue.ts', test: queue, text: 'if (upTo === this.tail) this.loan = null;', replacement: '', title: 'a send queue reads as the stream' },
  { file: 'src/byte-queue.ts', test: queue, text: '(upTo >= ownEnd ||', replacement: '(upTo === this.tail ||', title: 'all but a loan' },
];
