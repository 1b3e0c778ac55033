// Descriptors, calls that wait, and what options do on the wire: two stacks in virtual time. POSIX.1-2024 §2.10; tcp(7),
// socket(7). What errno says when is in table.test.ts.

import { describe, expect, test } from 'vitest';

import * as B from '../../../../src/bsd.js';
import { NEVER } from '../../../../src/time.js';
import { failure, stream, TwoStacks, type TwoStacksOptions } from '../../../fixtures/two-stacks.js';

const { BsdSockets, WOULD_BLOCK } = B;
const PORT = 80;
const SERVER = { address: '10.0.0.2', port: PORT };

/** A client on `a` and a server on `b`. */
class World extends TwoStacks {
  readonly client: B.BsdSockets;
  readonly server: B.BsdSockets;

  constructor(options: TwoStacksOptions = {}) {
    super(options);
    this.client = new BsdSockets(this.a);
    this.server = new BsdSockets(this.b);
  }

  listener(set: (fd: number) => void = () => {}): number {
    const fd = this.server.socket(B.AF_INET, B.SOCK_STREAM);
    set(fd);
    expect(this.server.bind(fd, { port: PORT })).toBe(0);
    expect(this.server.listen(fd, 5)).toBe(0);
    return fd;
  }

  /** A connection: the client's descriptor, the server's; both blocking. */
  async join(set: (fd: number) => void = () => {}, setListener: (fd: number) => void = () => {}): Promise<[number, number]> {
    const listener = this.listener(setListener);
    const fd = this.client.socket(B.AF_INET, B.SOCK_STREAM);
    set(fd);
    const accepting = this.server.acceptAsync(listener);
    expect(await this.run(this.client.connectAsync(fd, SERVER))).toBe(0);
    return [fd, await this.run(accepting)];
  }

  /** What the wire carried, while `run` and what follows from it at once. */
  async wire(run: () => void, ms = 0): Promise<string[]> {
    this.trace = [];
    run();
    await this.wait(ms);
    const lines = this.trace;
    this.trace = null;
    return lines;
  }
}

const option = (sys: B.BsdSockets, fd: number, level: number, name: number): unknown => {
  const cell: B.OptionCell = { value: 0 };
  expect(sys.getsockopt(fd, level, name, cell)).toBe(0);
  return cell.value;
};

const tcpInfoOf = (sys: B.BsdSockets, fd: number): B.LinuxTcpInfo => option(sys, fd, B.IPPROTO_TCP, B.TCP_INFO) as B.LinuxTcpInfo;

describe('descriptors', () => {
  test('are the smallest numbers from 3 up that are free', () => {
    const { client: sys } = new World();
    const make = (): number => sys.socket(B.AF_INET, B.SOCK_DGRAM);
    expect([make(), make(), make()]).toEqual([3, 4, 5]);
    sys.close(4);
    sys.close(3);
    expect([make(), make(), make()]).toEqual([3, 4, 6]);
  });

  test('lead to one socket when duplicated, which closes with the last', async () => {
    const world = new World();
    const [fd, peer] = await world.join();
    const copy = world.client.dup(fd);
    expect(world.client.dup2(fd, 40)).toBe(40);
    expect([world.client.close(fd), world.client.close(copy)]).toEqual([0, 0]);
    await world.settle();
    expect(world.server.recv(peer, 1, B.MSG_DONTWAIT)).toBe(-1);
    expect(world.client.write(40, stream(3))).toBe(3);
    expect(world.client.close(40)).toBe(0);
    await world.settle();
    expect([world.server.read(peer, 9), world.server.read(peer, 9)]).toEqual([3, 0]);
  });

  test('0, 1 and 2 are no sockets, and others nothing', () => {
    const { client: sys } = new World();
    expect([sys.read(1, 1), sys.errno]).toEqual([-1, 'ENOTSOCK']);
    expect([sys.read(7, 1), sys.errno]).toEqual([-1, 'EBADF']);
    expect([sys.dup2(7, 8), sys.errno]).toEqual([-1, 'EBADF']);
  });

  test.each([
    ['EAFNOSUPPORT', 99, B.SOCK_STREAM, 0], ['EPROTONOSUPPORT', B.AF_INET, B.SOCK_STREAM, 17], ['ESOCKTNOSUPPORT', B.AF_INET, 5, 0],
    ['EPROTONOSUPPORT', B.AF_INET, B.SOCK_DGRAM, 6], ['EPROTONOSUPPORT', B.AF_INET, B.SOCK_RAW, 0], ['EINVAL', B.AF_INET, B.SOCK_STREAM, 300],
  ] as const)('socket fails with %s for domain %i, type %i, protocol %i, as Linux', (errno, domain, type, protocol) => {
    const { client: sys } = new World();
    expect([sys.socket(domain, type, protocol), sys.errno]).toEqual([-1, errno]);
  });

  test('O_NONBLOCK comes from socket, fcntl and ioctl, and accept does not hand it on', async () => {
    const world = new World();
    const { client: sys } = world;
    const fd = sys.socket(B.AF_INET, B.SOCK_STREAM | B.SOCK_NONBLOCK);
    expect(sys.fcntl(fd, B.F_GETFL)).toBe(B.O_RDWR | B.O_NONBLOCK);
    sys.fcntl(fd, B.F_SETFL, B.O_RDWR);
    expect(sys.fcntl(fd, B.F_GETFL)).toBe(B.O_RDWR);
    sys.ioctl(fd, B.FIONBIO, { value: 1 });
    expect(sys.fcntl(fd, B.F_GETFL)).toBe(B.O_RDWR | B.O_NONBLOCK);
    const listener = world.listener((l) => world.server.fcntl(l, B.F_SETFL, B.O_NONBLOCK));
    sys.connect(fd, SERVER);
    await world.settle();
    const accepted = world.server.accept(listener);
    expect(world.server.fcntl(accepted, B.F_GETFL)).toBe(B.O_RDWR);
  });

  test('have names: what the socket is bound to, and whom it is connected to', async () => {
    const world = new World();
    const [fd, peer] = await world.join();
    const [ours, theirs, again] = [new B.SocketName(), new B.SocketName(), new B.SocketName()];
    expect([world.client.getsockname(fd, ours), world.server.getpeername(peer, theirs), world.client.getpeername(fd, again)]).toEqual([0, 0, 0]);
    expect([`${ours.address}`, ours.family]).toEqual(['10.0.0.1', B.AF_INET]);
    expect([`${theirs.address}`, theirs.port]).toEqual([`${ours.address}`, ours.port]);
    expect([`${again.address}`, again.port]).toEqual(['10.0.0.2', PORT]);
  });
});

describe('a call that would block', () => {
  test('has begun: a connect goes on, and is gone on with after each poll', async () => {
    const world = new World();
    world.listener();
    const fd = world.client.socket(B.AF_INET, B.SOCK_STREAM);
    expect(world.client.connect(fd, SERVER)).toBe(WOULD_BLOCK);
    const call = world.client.pending!;
    expect(call.poll()).toBe(WOULD_BLOCK);
    await world.settle();
    expect([call.poll(), call.result]).toEqual([0, 0]);
  });

  test('a write has taken what fits, and takes the rest as there is room, each byte once', async () => {
    const world = new World();
    const [fd, peer] = await world.join((s) => world.client.setsockopt(s, B.SOL_SOCKET, B.SO_SNDBUF, 10_000),
      (s) => world.server.setsockopt(s, B.SOL_SOCKET, B.SO_RCVBUF, 5000));
    const bytes = stream(50_000);
    const call = world.client.start('write', fd, bytes);
    expect(call.poll()).toBe(WOULD_BLOCK);
    const cell: B.OptionCell = { value: 0 };
    world.client.ioctl(fd, B.SIOCOUTQ, cell);
    expect(cell.value).toBe(10_000);
    const got = new Uint8Array(50_000);
    let at = 0;
    while (at < got.length) {
      await world.wait(1);
      call.poll();
      const read = world.server.recv(peer, got.subarray(at), B.MSG_DONTWAIT);
      if (read > 0) at += read;
    }
    await world.settle();
    expect(call.poll()).toBe(50_000);
    expect(got).toEqual(bytes);
  });

  test('a nonblocking write takes what fits, says how much, and then EAGAIN; poll tells of room for a third', async () => {
    const world = new World();
    const [fd, peer] = await world.join((s) => world.client.setsockopt(s, B.SOL_SOCKET, B.SO_SNDBUF, 9000),
      (s) => world.server.setsockopt(s, B.SOL_SOCKET, B.SO_RCVBUF, 3000));
    const { client: sys } = world;
    sys.fcntl(fd, B.F_SETFL, B.O_NONBLOCK);
    expect(sys.write(fd, stream(50_000))).toBe(9000);
    expect([sys.write(fd, stream(1)), sys.errno]).toEqual([-1, 'EAGAIN']);
    const each = { fd, events: B.POLLOUT, revents: 0 };
    await world.wait(2000);
    // 3000 bytes were taken by the peer's buffer, and 6000 wait.
    expect(sys.poll([each], 0)).toBe(1);
    sys.write(fd, stream(1));
    expect(sys.poll([each], 0)).toBe(0);
    const writable = sys.start('poll', [each], -1);
    expect(world.server.read(peer, 3000)).toBe(3000);
    await world.wait(500);
    expect([writable.poll(), each.revents]).toEqual([1, B.POLLOUT]);
  });

  test('with SO_RCVTIMEO gives up then, and not before', async () => {
    const world = new World();
    const [fd] = await world.join();
    world.client.setsockopt(fd, B.SOL_SOCKET, B.SO_RCVTIMEO, { tv_sec: 2, tv_usec: 500_000 });
    expect(option(world.client, fd, B.SOL_SOCKET, B.SO_RCVTIMEO)).toEqual({ tv_sec: 2, tv_usec: 500_000 });
    const call = world.client.start('read', fd, new Uint8Array(9));
    await world.wait(2499);
    expect(call.poll()).toBe(WOULD_BLOCK);
    expect(world.a.nextTimeout()).toBe(world.now + 1);
    await world.wait(1);
    expect([call.poll(), call.errno]).toEqual([-1, 'EAGAIN']);
  });

  test('that is over leaves no timer behind', async () => {
    const world = new World();
    const [fd, peer] = await world.join();
    world.server.setsockopt(peer, B.SOL_SOCKET, B.SO_RCVTIMEO, { tv_sec: 1000, tv_usec: 0 });
    const call = world.server.start('read', peer, 9);
    world.client.write(fd, stream(1));
    await world.wait(500);
    expect(call.poll()).toBe(1);
    expect(world.b.nextTimeout()).toBe(NEVER);
  });

  test('a write whose SO_SNDTIMEO is over says how much it has taken', async () => {
    const world = new World();
    const [fd] = await world.join((s) => world.client.setsockopt(s, B.SOL_SOCKET, B.SO_SNDBUF, 9000));
    world.cut = true;
    world.client.setsockopt(fd, B.SOL_SOCKET, B.SO_SNDTIMEO, { tv_sec: 1, tv_usec: 0 });
    const call = world.client.start('write', fd, stream(50_000));
    await world.wait(1000);
    expect(call.poll()).toBe(9000);
    const next = world.client.start('write', fd, stream(1));
    await world.wait(1000);
    expect([next.poll(), next.errno]).toEqual([-1, 'EAGAIN']);
  });

  test('a connect that takes longer than SO_SNDTIMEO is in progress', async () => {
    const world = new World();
    world.cut = true;
    const fd = world.client.socket(B.AF_INET, B.SOCK_STREAM);
    world.client.setsockopt(fd, B.SOL_SOCKET, B.SO_SNDTIMEO, { tv_sec: 1, tv_usec: 0 });
    const call = world.client.start('connect', fd, SERVER);
    await world.wait(1000);
    expect([call.poll(), call.errno]).toEqual([-1, 'EINPROGRESS']);
    world.client.fcntl(fd, B.F_SETFL, B.O_NONBLOCK);
    expect([world.client.connect(fd, SERVER), world.client.errno]).toEqual([-1, 'EALREADY']);
    expect([world.client.recv(fd, 1), world.client.errno]).toEqual([-1, 'EAGAIN']);
    expect([world.client.send(fd, stream(1)), world.client.errno]).toEqual([-1, 'EAGAIN']);
    expect([world.client.getpeername(fd, new B.SocketName()), world.client.errno]).toEqual([-1, 'ENOTCONN']);
    const each = { fd, events: B.POLLIN | B.POLLOUT, revents: 0 };
    expect(world.client.poll([each], 0)).toBe(0);
    expect(world.client.shutdown(fd, B.SHUT_RDWR)).toBe(0);
    expect(world.a.tcp.connections.size).toBe(0);
  });

  test('MSG_WAITALL waits for all of it, or for the end', async () => {
    const world = new World();
    const [fd, peer] = await world.join();
    const into = new Uint8Array(10);
    const call = world.server.start('recv', peer, into, B.MSG_WAITALL);
    world.client.write(fd, stream(4));
    await world.wait(100);
    expect(call.poll()).toBe(WOULD_BLOCK);
    world.client.write(fd, stream(6, 4));
    await world.settle();
    expect(call.poll()).toBe(10);
    expect(into).toEqual(stream(10));
    const last = world.server.start('recv', peer, into, B.MSG_WAITALL);
    world.client.write(fd, stream(3));
    world.client.shutdown(fd, B.SHUT_WR);
    await world.settle();
    expect(last.poll()).toBe(3);
  });

  test('a closed descriptor ends it with EBADF', async () => {
    const world = new World();
    const [fd] = await world.join();
    const call = world.client.start('read', fd, new Uint8Array(9));
    world.client.close(fd);
    expect([call.poll(), call.errno]).toEqual([-1, 'EBADF']);
  });

  test('close with SO_LINGER waits for the peer to have acknowledged everything, or for its time', async () => {
    const world = new World();
    const [fd] = await world.join();
    world.client.setsockopt(fd, B.SOL_SOCKET, B.SO_LINGER, { l_onoff: 1, l_linger: 5 });
    world.client.write(fd, stream(10));
    world.cut = true;
    const call = world.client.start('close', fd);
    await world.wait(150);
    expect(call.poll()).toBe(WOULD_BLOCK);
    world.cut = false;
    await world.wait(3000);
    expect(call.poll()).toBe(0);
    const [again] = await new World().join();
    expect(again).toBe(3);
  });

  test('close with SO_LINGER and nobody to answer is over when its time is', async () => {
    const world = new World();
    const [fd] = await world.join();
    world.client.setsockopt(fd, B.SOL_SOCKET, B.SO_LINGER, { l_onoff: 1, l_linger: 5 });
    world.cut = true;
    const closing = world.client.closeAsync(fd);
    const from = world.now;
    expect(await world.run(closing)).toBe(0);
    expect(world.now - from).toBe(5000);
  });
});

describe('the forms that await', () => {
  test('carry a stream both ways, whatever O_NONBLOCK says', async () => {
    const world = new World();
    const [fd, peer] = await world.join((s) => world.client.fcntl(s, B.F_SETFL, B.O_NONBLOCK));
    const bytes = stream(3_000_000);
    const writing = world.client.writeAsync(fd, bytes).then(() => world.client.close(fd));
    const got = new Uint8Array(bytes.length + 1);
    const read = async (): Promise<number> => {
      let at = 0;
      for (let n = 1; n > 0; at += n) n = await world.server.readAsync(peer, got.subarray(at));
      return at;
    };
    expect(await world.run(read())).toBe(bytes.length);
    await world.run(writing);
    expect(got.subarray(0, -1).every((byte, i) => byte === bytes[i])).toBe(true);
  });

  test('reject with Node\'s errors', async () => {
    const world = new World();
    const fd = world.client.socket(B.AF_INET, B.SOCK_STREAM);
    expect(await world.run(failure(world.client.connectAsync(fd, SERVER)))).toMatchObject({ code: 'ECONNREFUSED', syscall: 'connect' });
    expect(await failure(world.client.readAsync(99, 1))).toMatchObject({ code: 'EBADF', syscall: 'read' });
  });

  test('poll resolves when one is ready, and after its time with 0', async () => {
    const world = new World();
    const [fd, peer] = await world.join();
    const fds = [{ fd: -1, events: B.POLLIN, revents: 9 }, { fd: peer, events: B.POLLIN, revents: 0 }];
    const from = world.now;
    expect(await world.run(world.server.pollAsync(fds, 250))).toBe(0);
    expect(world.now - from).toBe(250);
    const polling = world.server.pollAsync(fds, -1);
    world.client.write(fd, stream(1));
    expect(await world.run(polling)).toBe(1);
    expect(fds.map(({ revents }) => revents)).toEqual([0, B.POLLIN]);
  });
});

describe('poll', () => {
  test('tells of errors and of hanging up to who did not ask', async () => {
    const world = new World();
    const fd = world.client.socket(B.AF_INET, B.SOCK_STREAM | B.SOCK_NONBLOCK);
    const each = { fd, events: 0, revents: 0 };
    expect([world.client.poll([each], 0), each.revents]).toEqual([1, B.POLLHUP]);
    world.client.connect(fd, SERVER);
    await world.settle();
    expect([world.client.poll([each], 0), each.revents]).toEqual([1, B.POLLERR | B.POLLHUP]);
    expect([world.client.poll([{ ...each, fd: 77 }], 0)]).toEqual([1]);
  });

  test('wakes who waits for room, though nobody has written in vain', async () => {
    const world = new World();
    const [fd, peer] = await world.join((s) => world.client.setsockopt(s, B.SOL_SOCKET, B.SO_SNDBUF, 9000),
      (s) => world.server.setsockopt(s, B.SOL_SOCKET, B.SO_RCVBUF, 3000));
    expect(world.client.write(fd, stream(9000))).toBe(9000);
    const each = { fd, events: B.POLLOUT, revents: 0 };
    const polling = world.client.pollAsync([each], -1);
    await world.settle();
    expect(each.revents).toBe(0);
    const reading = world.server.recvAsync(peer, 9000, B.MSG_WAITALL);
    expect(await world.run(polling)).toBe(1);
    expect(await world.run(reading)).toBe(9000);
  });
});

describe('ports', () => {
  // RFC 6056 §3.2: not one that somebody has.
  test('a connect is given none that is bound', () => {
    const { client: sys, a } = new World();
    const holder = sys.socket(B.AF_INET, B.SOCK_STREAM);
    expect(sys.bind(holder, { port: 50_000 })).toBe(0);
    a.tcp['ports'].pick = (_local, _remote, _port, isFree) => [50_000, 50_001].find(isFree) ?? 0;
    const fd = sys.socket(B.AF_INET, B.SOCK_STREAM);
    sys.connect(fd, SERVER);
    const name = new B.SocketName();
    sys.getsockname(fd, name);
    expect(name.port).toBe(50_001);
    sys.connect(holder, SERVER);
    sys.getsockname(holder, name);
    expect(name.port).toBe(50_000);
  });
});

describe('options on the wire', () => {
  // tcp(7): "Don't send out partial frames." The socket is corked for at most one RTO here.
  test('TCP_CORK holds what is less than a segment until it is pulled, or 200 ms', async () => {
    const world = new World();
    const [fd] = await world.join((s) => world.client.setsockopt(s, B.IPPROTO_TCP, B.TCP_NODELAY, 1));
    const { client: sys } = world;
    sys.setsockopt(fd, B.IPPROTO_TCP, B.TCP_CORK, 1);
    expect(await world.wire(() => sys.write(fd, stream(1000)))).toEqual([]);
    expect((await world.wire(() => sys.write(fd, stream(1000)))).filter((line) => line.startsWith('a>b')).length).toBe(1);
    const pulled = await world.wire(() => sys.setsockopt(fd, B.IPPROTO_TCP, B.TCP_CORK, 0));
    expect(pulled.filter((line) => line.startsWith('a>b')).length).toBe(1);
    await world.wait(1000);
    sys.setsockopt(fd, B.IPPROTO_TCP, B.TCP_CORK, 1);
    expect(await world.wire(() => sys.write(fd, stream(10)), 190)).toEqual([]);
    expect((await world.wire(() => {}, 50)).length).toBeGreaterThan(0);
  });

  test('MSG_MORE holds until a write without it', async () => {
    const world = new World();
    const [fd, peer] = await world.join();
    const { client: sys } = world;
    expect(await world.wire(() => sys.send(fd, stream(10), B.MSG_MORE))).toEqual([]);
    const lines = await world.wire(() => sys.send(fd, stream(5, 10)));
    expect(lines.filter((line) => line.startsWith('a>b')).length).toBe(1);
    const into = new Uint8Array(99);
    expect(world.server.read(peer, into)).toBe(15);
    expect(into.subarray(0, 15)).toEqual(stream(15));
  });

  test('TCP_MAXSEG bounds what is offered and what is sent', async () => {
    const world = new World();
    world.trace = [];
    const [fd] = await world.join((s) => world.client.setsockopt(s, B.IPPROTO_TCP, B.TCP_MAXSEG, 500));
    expect(world.trace.find((line) => line.includes('[S]'))).toContain('mss 500');
    world.frames = [];
    world.client.write(fd, stream(3000));
    await world.settle();
    // 20 of IP, 20 of TCP and 12 of timestamps stand before at most 488.
    expect(Math.max(...world.frames.map((frame) => frame.length))).toBe(540);
  });

  test('SO_LINGER of nothing resets', async () => {
    const world = new World();
    const [fd] = await world.join();
    world.client.setsockopt(fd, B.SOL_SOCKET, B.SO_LINGER, { l_onoff: 1, l_linger: 0 });
    const lines = await world.wire(() => expect(world.client.close(fd)).toBe(0));
    expect(lines.length).toBe(1);
    expect(lines[0]).toContain('[R.]');
  });

  test('TCP_QUICKACK acknowledges each segment at once', async () => {
    const world = new World();
    const [fd, peer] = await world.join();
    const say = (): Promise<string[]> => world.wire(() => world.client.write(fd, stream(1)));
    expect((await say()).filter((line) => line.startsWith('b>a')).length).toBe(0);
    await world.wait(100);
    world.server.setsockopt(peer, B.IPPROTO_TCP, B.TCP_QUICKACK, 1);
    expect((await say()).filter((line) => line.startsWith('b>a')).length).toBe(1);
  });

  test('TCP_SYNCNT bounds the repetitions of a SYN', async () => {
    const world = new World();
    world.cut = true;
    const fd = world.client.socket(B.AF_INET, B.SOCK_STREAM);
    world.client.setsockopt(fd, B.IPPROTO_TCP, B.TCP_SYNCNT, 2);
    world.trace = [];
    expect(await world.run(failure(world.client.connectAsync(fd, SERVER)))).toMatchObject({ code: 'ETIMEDOUT' });
    expect(world.trace.length).toBe(3);
  });

  test('TCP_LINGER2 bounds the wait for the peer\'s FIN', async () => {
    const world = new World();
    const [fd] = await world.join();
    world.client.setsockopt(fd, B.IPPROTO_TCP, B.TCP_LINGER2, 3);
    world.client.close(fd);
    await world.wait(2900);
    expect(world.a.tcp.connections.size).toBe(1);
    await world.wait(200);
    expect(world.a.tcp.connections.size).toBe(0);
  });

  test('TCP_WINDOW_CLAMP bounds the window that is offered', async () => {
    const world = new World();
    const [fd, peer] = await world.join(undefined, (s) => world.server.setsockopt(s, B.IPPROTO_TCP, B.TCP_WINDOW_CLAMP, 2000));
    world.client.write(fd, stream(10_000));
    await world.settle();
    const info = tcpInfoOf(world.server, peer);
    // A full segment went, and with what is left of the window that is the clamp.
    expect([info.tcpi_bytes_received, info.tcpi_bytes_received + info.tcpi_rcv_wnd]).toEqual([1448, 2000]);
    world.server.read(peer, 1448);
    await world.settle();
    // In units of 128 bytes, or as it was in the SYN (RFC 7323 §2.2).
    const { tcpi_rcv_wnd: window } = tcpInfoOf(world.server, peer);
    const cell: B.OptionCell = { value: 0 };
    world.server.ioctl(peer, B.SIOCINQ, cell);
    expect(window + Number(cell.value)).toBeLessThanOrEqual(2000);
  });

  // tcp(7): "a listener to be awakened only when data arrives".
  test('TCP_DEFER_ACCEPT accepts whoever says something, and after its time everybody', async () => {
    const world = new World();
    const listener = world.listener((s) => {
      world.server.fcntl(s, B.F_SETFL, B.O_NONBLOCK);
      world.server.setsockopt(s, B.IPPROTO_TCP, B.TCP_DEFER_ACCEPT, 3);
    });
    const fd = world.client.socket(B.AF_INET, B.SOCK_STREAM);
    expect(await world.run(world.client.connectAsync(fd, SERVER))).toBe(0);
    await world.wait(500);
    expect([world.server.accept(listener), world.server.errno]).toEqual([-1, 'EAGAIN']);
    expect(world.b.counters.drops['tcp-accept-deferred']).toBeGreaterThan(0);
    world.client.write(fd, stream(4));
    await world.wait(500);
    expect(world.server.accept(listener)).toBeGreaterThan(0);
    const mute = world.client.socket(B.AF_INET, B.SOCK_STREAM);
    expect(await world.run(world.client.connectAsync(mute, SERVER))).toBe(0);
    await world.wait(2900);
    expect(world.server.accept(listener)).toBe(-1);
    await world.wait(5000);
    expect(world.server.accept(listener)).toBeGreaterThan(0);
  });

  // RFC 7413 §4; tcp(7).
  test.each(['MSG_FASTOPEN', 'TCP_FASTOPEN_CONNECT'] as const)('%s: text goes with the SYN, once there is a cookie', async (how) => {
    const world = new World();
    const listener = world.listener((s) => world.server.setsockopt(s, B.IPPROTO_TCP, B.TCP_FASTOPEN, 5));
    const { client: sys } = world;
    const open = (): [number, number] => {
      const fd = sys.socket(B.AF_INET, B.SOCK_STREAM | B.SOCK_NONBLOCK);
      if (how === 'MSG_FASTOPEN') return [fd, sys.sendto(fd, stream(5), B.MSG_FASTOPEN, SERVER)];
      sys.setsockopt(fd, B.IPPROTO_TCP, B.TCP_FASTOPEN_CONNECT, 1);
      return [fd, sys.connect(fd, SERVER) < 0 ? -1 : sys.write(fd, stream(5))];
    };
    expect([open()[1], sys.errno]).toEqual([-1, 'EINPROGRESS']);
    await world.settle();
    expect(world.server.accept(listener)).toBeGreaterThan(0);
    const lines = await world.wire(() => expect(open()[1]).toBe(5));
    expect(lines[0]).toMatch(/\[S\].*length 5/);
    const peer = world.server.accept(listener);
    expect(world.server.read(peer, 9)).toBe(5);
    const [fd] = open();
    expect([sys.sendto(fd, stream(1), B.MSG_FASTOPEN, SERVER), sys.errno]).toEqual([-1, 'EALREADY']);
  });

  test('IP_TTL and IP_TOS, IPV6_UNICAST_HOPS and IPV6_TCLASS are those of what is sent', async () => {
    const world = new World();
    const udp = world.client.socket(B.AF_INET, B.SOCK_DGRAM);
    world.client.setsockopt(udp, B.IPPROTO_IP, B.IP_TTL, 7);
    world.client.setsockopt(udp, B.IPPROTO_IP, B.IP_TOS, 0xb8);
    const six = world.client.socket(B.AF_INET6, B.SOCK_DGRAM);
    world.client.setsockopt(six, B.IPPROTO_IPV6, B.IPV6_UNICAST_HOPS, 9);
    world.client.setsockopt(six, B.IPPROTO_IPV6, B.IPV6_TCLASS, 0x54);
    world.frames = [];
    world.client.sendto(udp, stream(1), 0, { address: '10.0.0.2', port: 9 });
    world.client.sendto(six, stream(1), 0, { address: 'fd00::2', port: 9 });
    const [four, sixth] = world.frames;
    expect([four![1], four![8]]).toEqual([0xb8, 7]);
    expect([((sixth![0]! & 15) << 4) | (sixth![1]! >> 4), sixth![7]]).toEqual([0x54, 9]);
  });

  test('TCP_CONGESTION chooses, by Linux\'s names', async () => {
    const world = new World();
    const [fd] = await world.join((s) => expect(world.client.setsockopt(s, B.IPPROTO_TCP, B.TCP_CONGESTION, 'reno')).toBe(0));
    expect(option(world.client, fd, B.IPPROTO_TCP, B.TCP_CONGESTION)).toBe('reno');
    expect([world.client.setsockopt(fd, B.IPPROTO_TCP, B.TCP_CONGESTION, 'vegas'), world.client.errno]).toEqual([-1, 'ENOENT']);
  });

  test('TCP_NOTSENT_LOWAT: writable only while less is unsent', async () => {
    const world = new World();
    const [fd] = await world.join((s) => world.client.setsockopt(s, B.IPPROTO_TCP, B.TCP_NOTSENT_LOWAT, 1000),
      (s) => world.server.setsockopt(s, B.SOL_SOCKET, B.SO_RCVBUF, 2000));
    const each = { fd, events: B.POLLOUT, revents: 0 };
    world.client.write(fd, stream(2999));
    await world.wait(2000);
    expect(world.client.poll([each], 0)).toBe(1);
    world.client.write(fd, stream(1));
    expect(world.client.poll([each], 0)).toBe(0);
  });
});

describe('messages', () => {
  test('gather and scatter over several pieces of memory', async () => {
    const world = new World();
    const [fd, peer] = await world.join();
    expect(world.client.sendmsg(fd, { iov: [stream(3), new Uint8Array(0), stream(4, 3)] })).toBe(7);
    await world.settle();
    const iov = [new Uint8Array(2), new Uint8Array(9)];
    const message: B.MessageHeader = { iov };
    expect(world.server.recvmsg(peer, message)).toBe(7);
    expect([...iov[0]!, ...iov[1]!.subarray(0, 5)]).toEqual([...stream(7)]);
    expect(message.flags).toBe(0);
  });

  test('tell whose a datagram is, and that it was cut off', async () => {
    const world = new World();
    const [from, to] = [world.client.socket(B.AF_INET, B.SOCK_DGRAM), world.server.socket(B.AF_INET6, B.SOCK_DGRAM)];
    world.client.bind(from, { port: 5000 });
    world.server.bind(to, { port: 9 });
    world.client.sendto(from, stream(10), 0, { address: '10.0.0.2', port: 9 });
    await world.settle();
    const name = new B.SocketName();
    const message: B.MessageHeader = { iov: [new Uint8Array(4)], name };
    expect(world.server.recvmsg(to, message)).toBe(4);
    expect([`${name.address}`, name.port, name.family, message.flags]).toEqual(['10.0.0.1', 5000, B.AF_INET6, B.MSG_TRUNC]);
  });

  // ip(7), IP_RECVERR.
  test('of the error queue say who refused what', async () => {
    const world = new World();
    const fd = world.client.socket(B.AF_INET, B.SOCK_DGRAM);
    world.client.setsockopt(fd, B.IPPROTO_IP, B.IP_RECVERR, 1);
    world.client.sendto(fd, stream(6), 0, { address: '10.0.0.2', port: 9 });
    await world.settle();
    const name = new B.SocketName();
    const message: B.MessageHeader = { iov: [new Uint8Array(9)], name };
    expect(world.client.recvmsg(fd, message, B.MSG_ERRQUEUE)).toBe(6);
    expect([`${name.address}`, name.port, message.flags]).toEqual(['10.0.0.2', 9, B.MSG_ERRQUEUE]);
    expect(message.iov[0]!.subarray(0, 6)).toEqual(stream(6));
    const { level, type, value } = message.control![0]!;
    expect([level, type]).toEqual([B.IPPROTO_IP, B.IP_RECVERR]);
    expect(value).toMatchObject({ ee_errno: B.ERRNO_NUMBER.ECONNREFUSED, ee_origin: 2 });
    expect(`${(value as B.ExtendedError).offender}`).toBe('10.0.0.2');
  });

  // RFC 6093 §6: urgent text stands in line.
  test('MSG_OOB: the last byte is urgent, poll says so, and SIOCATMARK when it is next', async () => {
    const world = new World();
    const [fd, peer] = await world.join();
    expect(world.client.send(fd, stream(4), B.MSG_OOB)).toBe(4);
    await world.settle();
    const each = { fd: peer, events: B.POLLPRI | B.POLLIN, revents: 0 };
    const mark = (): unknown => {
      const cell: B.OptionCell = { value: 0 };
      world.server.ioctl(peer, B.SIOCATMARK, cell);
      return cell.value;
    };
    expect([world.server.poll([each], 0), each.revents, mark()]).toEqual([1, B.POLLPRI | B.POLLIN, 0]);
    world.server.read(peer, 3);
    expect(mark()).toBe(1);
    world.server.read(peer, 1);
    expect([world.server.poll([each], 0), mark()]).toEqual([0, 0]);
  });
});

describe('raw sockets', () => {
  test('of IPv4 show the packet with its header, of IPv6 without; an ICMPv6 checksum is the stack\'s business', async () => {
    const world = new World();
    const echo = (type: number): Uint8Array => Uint8Array.from([type, 0, 0, 0, 1, 2, 0, 3, 9, 9]);
    const six = world.client.socket(B.AF_INET6, B.SOCK_RAW, B.IPPROTO_ICMPV6);
    expect(world.client.sendto(six, echo(128), 0, { address: 'fd00::2' })).toBe(10);
    const receiving = world.client.readAsync(six, new Uint8Array(99));
    expect(await world.run(receiving)).toBe(10);
    const four = world.server.socket(B.AF_INET, B.SOCK_RAW, B.IPPROTO_UDP);
    const name = new B.SocketName();
    const got = world.server.recvfromAsync(four, 99, 0, name);
    const udp = world.client.socket(B.AF_INET, B.SOCK_DGRAM);
    world.client.sendto(udp, stream(5), 0, { address: '10.0.0.2', port: 9 });
    expect(await world.run(got)).toBe(20 + 8 + 5);
    expect(`${name.address}`).toBe('10.0.0.1');
    expect([world.server.recv(four, 9, B.MSG_DONTWAIT), world.server.errno]).toEqual([-1, 'EAGAIN']);
  });
});
