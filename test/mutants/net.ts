// `net`: handles, attempts, timeouts, and what Node's manners ask for beyond the connection's own.

import type { Mutant } from '../../tools/mutants/mutant.js';

const folder = 'src/socket-api/node/net';
const [handle, socket, server, connect, idle, lookup] =
  ['handle', 'socket', 'server', 'connect', 'idle-timer', 'lookup'].map((name) => `${folder}/${name}.ts`) as [string, string, string, string, string, string];
/** In virtual time, against Node's own, and the process around it. */
const virtual = 'test/unit/socket-api/node/net.test.ts';
const both = 'test/node/net.test.ts';
const version = `${folder}/version.ts`;
const manners = 'test/node/net-manners.test.ts';
const alive = 'test/unit/socket-api/node/net-liveness.test.ts';

export const NET: readonly Mutant[] = [
  { file: handle, test: virtual, title: 'whose callbacks wait', text: 'writing.at = 0;', replacement: '' },
  { file: handle, test: both, title: 'back-pressure', text: 'if (at === length) return null;', replacement: 'if (at >= 0) return null;' },
  { file: handle, test: virtual, title: 'gathered in several', text: 'desk.subarray(taken, bytes)', replacement: 'desk.subarray(0, bytes)' },
  { file: handle, test: virtual, title: 'gathered in several', text: 'Buffer.from(desk.subarray(taken, bytes))', replacement: 'desk.subarray(taken, bytes)' },
  { file: handle, test: virtual, title: 'memory of its own', text: 'Buffer.allocUnsafeSlow(c.readable)', replacement: 'Buffer.allocUnsafe(c.readable)' },
  { file: `${folder}/gather.ts`, test: virtual, title: 'gathered in several', text: 'const UNIT_MAX = 3;', replacement: 'const UNIT_MAX = 2;' },
  { file: handle, test: virtual, title: 'corked', text: 'this.writing!.chunks.push(chunk);', replacement: '' },
  {
    file: handle, test: both, title: 'what throws in one handler', text: 'if (told && this.isReading && this.hasNews) this.tellSoon();',
    replacement: '',
  },
  { file: handle, test: both, title: 'writing to whom has reset, unread', text: 'if (!told && this.isReading && ', replacement: 'if (!told && ' },
  { file: handle, test: both, title: 'a server for both families', text: 'this.isV6 && isV4(address)', replacement: 'false' },
  { file: handle, test: both, title: 'an address in use', text: 'parsed, port, ipv6Only, true', replacement: 'parsed, 0, ipv6Only, true' },
  { file: handle, test: both, title: 'listening twice in turn', text: 'this.stack.tcp.bound.remove(this.binding);', replacement: '{}' },
  { file: handle, test: both, title: 'not that of whoever made the stack move', text: 'this.runInAsyncScope(TcpHandle.hear, null, this, c, events);', replacement: 'TcpHandle.hear(this, c, events);' },
  { file: handle, test: virtual, title: 'keepAliveInitialDelay: so long', text: 'keepAliveIdleMs: seconds * 1000', replacement: 'keepAliveIdleMs: seconds' },
  { file: handle, test: alive, title: 'not what is unreferenced', text: 'const wanted = this.isReferenced && this.isActive;', replacement: 'const wanted = this.isActive;' },
  { file: handle, test: alive, title: 'accepted paused', text: '(this.isReading && !this.isOver));', replacement: 'this.connection !== null);' },
  { file: handle, test: alive, title: 'a handle that is closed', text: 'return !this.isClosed &&\n      (this.listener', replacement: 'return (this.listener' },
  { file: socket, test: both, title: 'never connected, or is closed', text: "if (handle === null) {\n      done(nodeError('ERR_SOCKET_CLOSED'));", replacement: "if (handle === null) {\n      done();" },
  { file: socket, test: both, title: 'writing after the peer has ended', text: 'if (!this.allowHalfOpen) this.write =', replacement: 'if (this.allowHalfOpen) this.write =' },
  { file: socket, test: both, title: 'pauseOnConnect', text: 'if (options.pauseOnCreate) {', replacement: 'if (false) {' },
  { file: socket, test: both, title: 'onread: memory of the caller', text: 'socket[userCallback]!(bytes,', replacement: 'socket[userCallback]!(bytes + 1,' },
  { file: socket, test: both, title: 'a socket can be used again', text: "if (this.destroyed) {\n      this._handle = null;\n      this._peername = undefined;", replacement: "if (this.destroyed) {\n      this._handle = null;" },
  { file: socket, test: both, title: 'what is counted', text: 'for (const each of buffered) bytes +=', replacement: 'for (const each of []) bytes +=' },
  { file: socket, test: virtual, title: 'not while a long write makes progress', text: 'if (before > 0 && before !== pending', replacement: 'if (before < 0 && before !== pending' },
  { file: socket, test: virtual, title: 'said before connecting', text: 'if (this[noDelay]) handle.setNoDelay?.(true);', replacement: '' },
  { file: idle, test: virtual, title: 'begins anew', text: 'if (now < dueAt) {', replacement: 'if (false) {' },
  { file: idle, test: virtual, title: 'after it has rung', text: 'if (this.isArmed) return;', replacement: 'return;' },
  { file: idle, test: virtual, title: '0 takes it back', text: 'this.stack.tcp.env.wheel.cancel(this.entry);', replacement: '' },
  { file: connect, test: virtual, title: 'a refusal does not wait', text: 'this.stopTimer?.();', replacement: '' },
  { file: connect, test: virtual, title: 'families take turns', text: '!candidates.some((c) => c.address === each.address)', replacement: 'true' },
  { file: connect, test: virtual, title: 'families take turns', text: 'if (i < second.length) turns.push(second[i]!);\n  }', replacement: '}\n  turns.push(...second);' },
  { file: connect, test: both, title: 'from an address and a port of our choice', text: 'if (!from.address || !from.port)', replacement: 'if (true)' },
  { file: connect, test: both, title: 'what a lookup is asked', text: 'query.hints = dns.ADDRCONFIG', replacement: 'query.hints = 0' },
  { file: server, test: both, title: 'maxConnections and drop', text: 'this._connections >= maxConnections!', replacement: 'this._connections > maxConnections!' },
  { file: server, test: both, title: 'close waits for clients', text: 'if (this._handle === null && this._connections === 0)', replacement: 'if (this._handle === null)' },
  { file: server, test: virtual, title: 'for each of its clients', text: 'socket[settled](this);', replacement: '' },
  { file: version, test: manners, title: 'arguments that make no sense', text: 'CHECKS_HOST = major >= 22', replacement: 'CHECKS_HOST = major < 22' },
  { file: version, test: manners, title: 'what waits when', text: 'TELLS_OF_CANCELED_WRITES = major >= 22', replacement: 'TELLS_OF_CANCELED_WRITES = major < 22' },
  { file: lookup, test: manners, title: 'arguments that make no sense', text: ' && (Number(options.hints ?? 0) & ~HINTS) === 0', replacement: '' },
  { file: socket, test: manners, title: 'with few methods', text: 'if (!this._handle.setNoDelay) return this;', replacement: '' },
  { file: socket, test: manners, title: 'with few methods', text: 'if (!this._handle?.getsockname) return {};', replacement: 'if (this._handle === null) return {};' },
  { file: socket, test: manners, title: 'aborted already', text: "socket.emit('close');", replacement: "socket.emit('close', false);" },
  { file: handle, test: virtual, title: 'rings its idle timer', text: 'connection.letSleep();', replacement: '' },
  { file: handle, test: virtual, title: 'rings its idle timer', text: 'const { writing } = this;\n    if (writing === null) return 0;', replacement: 'const { writing } = this;\n    if (writing === null) return this.connection!.unacknowledged;' },
  { file: lookup, test: both, title: 'localhost', text: "{ address: '::1', family: 6 }", replacement: "{ address: '::2', family: 6 }" },
];
