// The web face: back-pressure, the ends of a connection, and what is told of them. WHATWG Streams; RFC 9293 §3.9.1.

import type { Mutant } from '../../tools/mutants/mutant.js';

const file = 'src/socket-api/web-streams.ts';
const test = 'test/unit/socket-api/web-streams.test.ts';
const datagrams = { file: 'src/socket-api/web-datagrams.ts', test: 'test/unit/socket-api/web-datagrams.test.ts' };

export const WEB: readonly Mutant[] = [
  {
    file, test, title: 'nobody reads',
    text: 'cancel: () => this.cancel(),\n    }, { highWaterMark: 0 });', replacement: 'cancel: () => this.cancel(),\n    }, { highWaterMark: 65_536 });',
  },
  {
    file, test, title: 'nobody reads',
    text: 'if (this.wanted && connection.readable > 0) {', replacement: 'if (connection.readable > 0) {',
  },
  { file, test, title: 'a write is done', text: 'if (at === length) {', replacement: 'if (at > 0) {' },
  { file, test, title: 'for a BYOB reader that waits', text: 'this.input.byobRequest?.respond(0);', replacement: '' },
  {
    file, test, title: 'half a stream is not the whole',
    text: "this.abort();\n      throw invalidArgument('chunk'", replacement: "throw invalidArgument('chunk'",
  },
  {
    file, test, title: 'ends our side alone',
    text: "if (this.allowHalfOpen || this.next !== 'nothing') return;", replacement: "if (this.next !== 'nothing') return;",
  },
  {
    file, test, title: "the peer's end is ours",
    text: "if (this.allowHalfOpen || this.next !== 'nothing') return;", replacement: 'return;',
  },
  { file, test, title: 'delivers what the writable was given', text: 'this.offered > this.taken || ', replacement: '' },
  { file, test, title: 'delivers what the writable was given', text: ' || this.writer !== null) return;', replacement: ') return;' },
  {
    file, test, title: 'even while a write waits',
    text: "(controller as Abortable).signal?.addEventListener('abort', () => this.abort(), { once: true });", replacement: '',
  },
  {
    file, test, title: 'even while a write waits',
    text: 'if (!this.readOver) this.failReadable(this.abortion);', replacement: '',
  },
  { file, test, title: 'throws away what comes', text: 'if (this.cancelled) discard(connection);', replacement: '' },
  { file, test, title: 'once our side has ended, refuses it', text: "if (this.cancelled || this.next === 'close')", replacement: "if (this.next === 'close')" },
  { file, test, title: 'an iterator that is left', text: 'if (this.ended) this.letGo();\n    else', replacement: '' },
  { file, test, title: '`close` gives it up', text: 'connection.owner = this;', replacement: '' },
  {
    file, test, title: 'what came before it is read before it',
    text: 'if (this.connection === null && error !== null) this.failReadable(error);', replacement: 'if (error !== null) this.failReadable(error);',
  },
  {
    file, test, title: 'a reset shows',
    text: 'else if (this.over && connection.error !== null) {', replacement: 'else if (this.wanted && connection.error !== null) {',
  },
  {
    file, test, title: "the peer's end shows",
    text: 'if (this.allowHalfOpen || this.wanted) this.peerEnded();', replacement: 'if (this.wanted) this.peerEnded();',
  },
  {
    file, test, title: 'told to who asks for more',
    text: 'if (this.allowHalfOpen || this.wanted) this.peerEnded();', replacement: 'this.peerEnded();',
  },
  {
    file, test, title: 'reset while it waited',
    text: "if (made.state === 'CLOSED' || made.state === 'TIME-WAIT') this.finish(made.error);\n    else if", replacement: 'if',
  },
  { file, test, title: 'accepts when it is asked', text: 'if (!this.wanted || this.over) return;', replacement: 'if (this.over) return;' },
  { file, test, title: 'until it is left', text: 'cancel: () => void this.close(),', replacement: 'cancel: () => {},' },
  { file, test, title: 'EADDRINUSE', text: 'if (error instanceof NetError) return error;', replacement: '' },
  { file, test, title: 'TLS is not here', text: "if (secureTransport !== 'off') throw", replacement: 'if (false) throw' },
  { ...datagrams, title: 'what arrives is thrown away', text: 'else void this.discard();', replacement: '' },
  { ...datagrams, title: 'what arrives is thrown away', text: 'this.writeOver = true;\n      if (this.readOver) this.finish(null);', replacement: 'this.writeOver = true;' },
  { ...datagrams, title: 'until it is cancelled', text: 'if (this.writeOver) this.finish(null);', replacement: 'if (false) this.finish(null);' },
  { ...datagrams, title: 'ends the socket', text: 'this.finish(error as Error);', replacement: '' },
  { ...datagrams, title: 'the port is free again', text: 'socket.close();\n      throw error;', replacement: 'throw error;' },
  { ...datagrams, title: 'is refused ends in ECONNREFUSED', text: 'this.socket?.close();', replacement: '' },
];
