// The kernel's sockets, called as C programs call them, over the loopback of a network namespace.

import { createRequire } from 'node:module';
import { execFileSync } from 'node:child_process';
import type * as Koffi from 'koffi';

import { parseAddress, write16, write4 } from '../../src/address.js';
import { ERRNO_NUMBER } from '../../src/bsd.js';
import { ALL_EVENTS, type Calls, play, TABLE } from '../fixtures/socket-table.js';
import { perform } from './scenario.js';

const koffi = createRequire(import.meta.url)('koffi') as typeof Koffi;
const libc = koffi.load(null);
const c = {
  socket: libc.func('int socket(int, int, int)'),
  bind: libc.func('int bind(int, const uint8_t *, int)'),
  connect: libc.func('int connect(int, const uint8_t *, int)'),
  listen: libc.func('int listen(int, int)'),
  accept4: libc.func('int accept4(int, void *, void *, int)'),
  recv: libc.func('intptr_t recv(int, uint8_t *, size_t, int)'),
  send: libc.func('intptr_t send(int, const uint8_t *, size_t, int)'),
  sendto: libc.func('intptr_t sendto(int, const uint8_t *, size_t, int, const uint8_t *, int)'),
  shutdown: libc.func('int shutdown(int, int)'),
  close: libc.func('int close(int)'),
  poll: libc.func('int poll(uint8_t *, int, int)'),
  setsockopt: libc.func('int setsockopt(int, int, int, const uint8_t *, int)'),
  getsockopt: libc.func('int getsockopt(int, int, int, uint8_t *, uint8_t *)'),
  getpeername: libc.func('int getpeername(int, uint8_t *, uint8_t *)'),
  ioctl: libc.func('int ioctl(int, unsigned long, uint8_t *)'),
};

const NAMES = new Map<number, string>(Object.entries(ERRNO_NUMBER).filter(([name]) => name !== 'ENOTSUP').map(([name, n]) => [n, name]));
const MSG_NOSIGNAL = 0x4000;

const said = (result: number): number | string => (result >= 0 ? result : NAMES.get(koffi.errno()) ?? `errno ${koffi.errno()}`);

const ints = (...values: number[]): Uint8Array => new Uint8Array(Int32Array.from(values).buffer);

function sockaddr(text: string, port: number): Uint8Array {
  const address = parseAddress(text)!;
  const four = address.family === 4;
  const bytes = new Uint8Array(four ? 16 : 28);
  bytes[0] = four ? 2 : 10;
  bytes[2] = port >> 8;
  bytes[3] = port & 255;
  if (four) write4(bytes, 4, address);
  else write16(bytes, 8, address);
  return bytes;
}

const sleepCell = new Int32Array(new SharedArrayBuffer(4));

const kernel: Calls = {
  socket: (domain, type) => said(c.socket(domain, type, 0)),
  bind: (fd, address, port) => said(withAddress(c.bind, fd, address, port)),
  connect: (fd, address, port) => said(withAddress(c.connect, fd, address, port)),
  listen: (fd, backlog) => said(c.listen(fd, backlog)),
  accept: (fd) => said(c.accept4(fd, null, null, 0o4000)),
  recv: (fd, bytes, flags) => said(Number(c.recv(fd, new Uint8Array(Math.max(1, bytes)), bytes, flags))),
  send: (fd, bytes, flags) => said(Number(c.send(fd, new Uint8Array(Math.max(1, bytes)), bytes, flags | MSG_NOSIGNAL))),
  sendto: (fd, bytes, address, port) => {
    const name = sockaddr(address, port);
    return said(Number(c.sendto(fd, new Uint8Array(Math.max(1, bytes)), bytes, MSG_NOSIGNAL, name, name.length)));
  },
  shutdown: (fd, how) => said(c.shutdown(fd, how)),
  close: (fd) => said(c.close(fd)),
  poll: (fd) => {
    const pollfd = new Uint8Array(8);
    const view = new DataView(pollfd.buffer);
    view.setInt32(0, fd, true);
    view.setUint16(4, ALL_EVENTS, true);
    const result = c.poll(pollfd, 1, 0);
    return result < 0 ? said(result) : view.getUint16(6, true);
  },
  set: (fd, level, name, value) => said(c.setsockopt(fd, level, name, ints(value), 4)),
  linger: (fd, on, seconds) => said(c.setsockopt(fd, 1, 13, ints(on, seconds), 8)),
  get: (fd, level, name) => {
    const value = new Uint8Array(4);
    const result = c.getsockopt(fd, level, name, value, ints(4));
    return result < 0 ? said(result) : new DataView(value.buffer).getInt32(0, true);
  },
  inq: (fd) => {
    const value = new Uint8Array(4);
    const result = c.ioctl(fd, 0x541b, value);
    return result < 0 ? said(result) : new DataView(value.buffer).getInt32(0, true);
  },
  peer: (fd) => said(c.getpeername(fd, new Uint8Array(28), ints(28))),
  settle: () => {
    Atomics.wait(sleepCell, 0, 0, 2);
  },
};

function withAddress(call: (...args: unknown[]) => unknown, fd: number, text: string, port: number): number {
  const name = sockaddr(text, port);
  return call(fd, name, name.length) as number;
}

perform({
  table: async () => {
    execFileSync('ip', ['link', 'set', 'lo', 'up']);
    return TABLE.map(([title, lines], index) => [title, play(kernel, lines, index)]);
  },
});
