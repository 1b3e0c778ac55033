// Calls, errno and poll, as Linux has them: the table of test/fixtures/socket-table.ts, which the kernel is asked too.
// POSIX.1-2024 §2.10; tcp(7), udp(7), socket(7).

import { expect, test } from 'vitest';

import * as B from '../../../../src/bsd.js';
import { SeededRandom } from '../../../../src/random.js';
import { Stack } from '../../../../src/stack.js';
import { ALL_EVENTS, type Calls, play, TABLE } from '../../../fixtures/socket-table.js';

/** One stack that talks to itself. */
class Ours implements Calls {
  private now = 1000;
  private readonly stack = new Stack({ random: new SeededRandom(1), now: 1000 });
  private readonly sys = new B.BsdSockets(this.stack);

  constructor() {
    this.stack.clock = () => this.now;
  }

  private say(result: number): number | string {
    return result === -1 ? this.sys.errno : result;
  }

  socket(domain: number, type: number): number | string {
    return this.say(this.sys.socket(domain, type));
  }

  bind(fd: number, address: string, port: number): number | string {
    return this.say(this.sys.bind(fd, { address, port }));
  }

  connect(fd: number, address: string, port: number): number | string {
    return this.say(this.sys.connect(fd, { address, port }));
  }

  listen(fd: number, backlog: number): number | string {
    return this.say(this.sys.listen(fd, backlog));
  }

  accept(fd: number): number | string {
    return this.say(this.sys.accept(fd, null, B.SOCK_NONBLOCK));
  }

  recv(fd: number, bytes: number, flags: number): number | string {
    return this.say(this.sys.recv(fd, new Uint8Array(bytes), flags));
  }

  send(fd: number, bytes: number, flags: number): number | string {
    return this.say(this.sys.send(fd, new Uint8Array(bytes), flags));
  }

  sendto(fd: number, bytes: number, address: string, port: number): number | string {
    return this.say(this.sys.sendto(fd, new Uint8Array(bytes), 0, { address, port }));
  }

  shutdown(fd: number, how: number): number | string {
    return this.say(this.sys.shutdown(fd, how));
  }

  close(fd: number): number | string {
    return this.say(this.sys.close(fd));
  }

  poll(fd: number): number | string {
    const each = { fd, events: ALL_EVENTS, revents: 0 };
    return this.sys.poll([each], 0) < 0 ? this.sys.errno : each.revents;
  }

  set(fd: number, level: number, name: number, value: number): number | string {
    return this.say(this.sys.setsockopt(fd, level, name, value));
  }

  linger(fd: number, on: number, seconds: number): number | string {
    return this.say(this.sys.setsockopt(fd, B.SOL_SOCKET, B.SO_LINGER, { l_onoff: on, l_linger: seconds }));
  }

  get(fd: number, level: number, name: number): number | string {
    const cell: B.OptionCell = { value: 0 };
    return this.sys.getsockopt(fd, level, name, cell) < 0 ? this.sys.errno : Number(cell.value);
  }

  inq(fd: number): number | string {
    const cell: B.OptionCell = { value: 0 };
    return this.sys.ioctl(fd, B.SIOCINQ, cell) < 0 ? this.sys.errno : Number(cell.value);
  }

  peer(fd: number): number | string {
    return this.say(this.sys.getpeername(fd, new B.SocketName()));
  }

  settle(): void {
    do this.stack.poll(this.now); while (this.stack.nextTimeout() <= this.now);
  }
}

test.each(TABLE.map(([title, lines], i) => [title, lines, i] as const))('%s', (_title, lines, i) => {
  expect(play(new Ours(), lines, i)).toEqual(lines);
});
