// Who drives a stack in real time: how often, how soon, how long it sleeps, and that it stops. The platform's timers and
// clock are the test's own here; the stack is one that counts, or a whole one.

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { drive, type Driver } from '../../src/driver.js';
import { createPipe } from '../../src/link/pipe.js';
import { SeededRandom } from '../../src/random.js';
import { ping } from '../../src/socket-api/ping.js';
import { RawSocket } from '../../src/socket-api/raw.js';
import { TcpServer, TcpSocket } from '../../src/socket-api/tcp.js';
import { UdpSocket } from '../../src/socket-api/udp.js';
import { Stack } from '../../src/stack.js';
import { NEVER } from '../../src/time.js';
import { icmpPacket } from '../fixtures/rfc-packets.js';

const FAKE = ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate', 'performance'] as const;

/** Microtasks are the platform's own: these have run. */
const rest = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

/** What a driver sees of a stack. */
class Scripted {
  onWake: (() => void) | null = null;
  clock: (() => number) | null = null;
  /** When it was polled. */
  readonly polls: number[] = [];
  next = NEVER;
  /** Something to do in the course of a poll. */
  inPoll: (() => void) | null = null;

  poll(now: number): void {
    this.polls.push(now);
    this.inPoll?.();
  }

  nextTimeout(): number {
    return this.next;
  }

  drive(): Driver {
    return drive(this as unknown as Stack);
  }
}

let start = 0;

beforeEach(() => {
  vi.useFakeTimers({ toFake: [...FAKE] });
  start = performance.now();
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe('a wake', () => {
  test('leads to one poll, by microtask, at the time of the clock', async () => {
    const stack = new Scripted();
    stack.drive();
    expect(stack.polls).toEqual([]);
    await rest();
    expect(stack.polls).toEqual([start]);
    vi.advanceTimersByTime(3);
    stack.onWake!();
    stack.onWake!();
    stack.onWake!();
    expect(stack.polls.length).toBe(1);
    await rest();
    expect(stack.polls).toEqual([start, start + 3]);
    expect(vi.getTimerCount()).toBe(0);
    expect(stack.clock!()).toBe(start + 3);
  });

  test('from inside a poll leads to one more after it', async () => {
    const stack = new Scripted();
    stack.inPoll = () => {
      stack.inPoll = null;
      stack.onWake!();
      stack.onWake!();
    };
    stack.drive();
    await rest();
    expect(stack.polls.length).toBe(2);
  });

  test('after 5 ms of microtasks goes by the event loop, so that others have their turn (SEC-92)', async () => {
    let clock = start;
    vi.spyOn(performance, 'now').mockImplementation(() => clock);
    const stack = new Scripted();
    // A flood: each poll takes 1 ms and wants another.
    stack.inPoll = () => {
      clock++;
      stack.onWake!();
    };
    stack.drive();
    for (const polls of [5, 10, 15]) {
      await rest();
      expect(stack.polls.length).toBe(polls);
      expect(vi.getTimerCount()).toBe(1);
      let others = 0;
      setImmediate(() => others++);
      vi.advanceTimersByTime(0);
      // Ours and theirs.
      expect([others, stack.polls.length]).toEqual([1, polls + 1]);
    }
  });

  test('a turn of the event loop begins a new 5 ms', async () => {
    const stack = new Scripted();
    stack.drive();
    await rest();
    vi.advanceTimersByTime(100);
    stack.onWake!();
    await rest();
    expect(stack.polls.length).toBe(1);
    vi.advanceTimersByTime(0);
    expect(stack.polls).toEqual([start, start + 100]);
    vi.advanceTimersByTime(4);
    stack.onWake!();
    await rest();
    expect(stack.polls).toEqual([start, start + 100, start + 104]);
  });

  test('without setImmediate: by the shortest timer', async () => {
    vi.stubGlobal('setImmediate', undefined);
    const stack = new Scripted();
    stack.drive();
    await rest();
    vi.advanceTimersByTime(100);
    stack.onWake!();
    vi.advanceTimersByTime(1);
    expect(stack.polls.length).toBe(2);
  });
});

describe('sleep', () => {
  test('lasts until the deadline, rounded up: a poll before it would be in vain', async () => {
    const stack = new Scripted();
    stack.next = start + 10.2;
    stack.drive();
    await rest();
    stack.next = NEVER;
    vi.advanceTimersByTime(10);
    expect(stack.polls.length).toBe(1);
    vi.advanceTimersByTime(1);
    expect(stack.polls).toEqual([start, start + 11]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('nothing to wait for: no timer', async () => {
    const stack = new Scripted();
    stack.drive();
    await rest();
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a deadline that has passed is polled for at once', async () => {
    const stack = new Scripted();
    stack.next = start - 5;
    stack.drive();
    await rest();
    stack.next = NEVER;
    vi.advanceTimersByTime(1);
    expect(stack.polls.length).toBe(2);
  });

  test('the timer moves forwards only: an earlier deadline moves it, a later one lets it ring in vain', async () => {
    const stack = new Scripted();
    stack.next = start + 100;
    stack.drive();
    await rest();
    const setTimeouts = vi.spyOn(globalThis, 'setTimeout');
    vi.advanceTimersByTime(1);
    stack.next = start + 200;
    stack.onWake!();
    await rest();
    expect(setTimeouts).toHaveBeenCalledTimes(0);
    stack.next = start + 50;
    stack.onWake!();
    await rest();
    expect(setTimeouts).toHaveBeenCalledTimes(1);
    expect(vi.getTimerCount()).toBe(1);
    stack.next = start + 200;
    vi.advanceTimersByTime(49);
    expect(stack.polls.at(-1)).toBe(start + 50);
    // It rang: from now on it is set for what is next.
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(149);
    expect(stack.polls.length).toBe(4);
    vi.advanceTimersByTime(1);
    expect(stack.polls.length).toBe(5);
  });

  test('of more than 2^31 - 1 ms is cut: setTimeout would ring at once (SEC-98)', async () => {
    const stack = new Scripted();
    const MONTH = 30 * 24 * 3600 * 1000;
    stack.next = start + MONTH;
    const setTimeouts = vi.spyOn(globalThis, 'setTimeout');
    stack.drive();
    await rest();
    expect(setTimeouts.mock.calls.map(([, ms]) => ms)).toEqual([2 ** 31 - 1]);
    vi.advanceTimersByTime(2 ** 31 - 2);
    expect(stack.polls.length).toBe(1);
    vi.advanceTimersByTime(1);
    expect(stack.polls.length).toBe(2);
    expect(setTimeouts.mock.calls.map(([, ms]) => ms)).toEqual([2 ** 31 - 1, MONTH - (2 ** 31 - 1)]);
  });

  test('a ring while a poll is pending is no second poll', async () => {
    const turns: (() => void)[] = [];
    vi.stubGlobal('setImmediate', (run: () => void) => turns.push(run));
    const stack = new Scripted();
    stack.next = start + 10;
    stack.drive();
    await rest();
    vi.advanceTimersByTime(9);
    // More than 5 ms into the turn: by the event loop.
    stack.onWake!();
    stack.next = start + 20;
    vi.advanceTimersByTime(1);
    expect([stack.polls.length, turns.length]).toEqual([1, 1]);
    turns[0]!();
    expect(stack.polls.length).toBe(2);
    vi.advanceTimersByTime(10);
    expect(stack.polls.length).toBe(3);
  });
});

describe('stop', () => {
  test('stands still: no poll, no timer, and nobody is woken', async () => {
    const stack = new Scripted();
    stack.next = start + 10;
    const driver = stack.drive();
    await rest();
    stack.onWake!();
    driver.stop();
    expect(stack.onWake).toBe(null);
    await rest();
    vi.advanceTimersByTime(1000);
    expect(stack.polls.length).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('also with a turn of the event loop pending, and from inside a poll', async () => {
    const stack = new Scripted();
    const driver = stack.drive();
    await rest();
    vi.advanceTimersByTime(100);
    stack.onWake!();
    driver.stop();
    vi.advanceTimersByTime(100);
    expect(stack.polls.length).toBe(1);

    const other = new Scripted();
    other.next = start + 1000;
    const own = other.drive();
    other.inPoll = () => own.stop();
    await rest();
    vi.advanceTimersByTime(10_000);
    expect(other.polls.length).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('twice is once, and who drives it by then goes on', async () => {
    const stack = new Scripted();
    const first = stack.drive();
    await rest();
    first.stop();
    const second = stack.drive();
    await rest();
    first.stop();
    expect(stack.onWake).not.toBe(null);
    stack.onWake!();
    await rest();
    expect(stack.polls.length).toBe(3);
    second.stop();
    second.stop();
    expect(stack.onWake).toBe(null);
  });
});

describe('a whole stack', () => {
  /** Two of them, driven, on a cable. */
  function world(medium: 'ip' | 'ethernet' = 'ip'): { a: Stack; b: Stack; stop: () => void } {
    const [left, right] = createPipe({ medium });
    const [a, b] = [1, 2].map((seed) => new Stack({ random: new SeededRandom(seed), now: performance.now() })) as [Stack, Stack];
    const drivers = [drive(a), drive(b)];
    a.addInterface(left, { addresses: ['10.0.0.1/24', 'fd00::1/64'] });
    b.addInterface(right, { addresses: ['10.0.0.2/24', 'fd00::2/64'] });
    return { a, b, stop: () => drivers.forEach((driver) => driver.stop()) };
  }

  /** `ms` pass, in small steps: what is due in the meantime happens. */
  async function pass(ms: number): Promise<void> {
    for (let i = 0; i < ms; i += 10) {
      await vi.advanceTimersByTimeAsync(10);
      await rest();
    }
  }

  test('answers by microtasks alone: nobody sleeps for a ping', async () => {
    const { a, stop } = world();
    await rest();
    expect(await ping(a, '10.0.0.2')).toMatchObject({ rttMs: 0 });
    stop();
  });

  test('a conversation, from the handshake to the last timer', async () => {
    const { a, b, stop } = world();
    const server = TcpServer.listen(b, { port: 80 });
    const accepting = server.accept();
    const client = await TcpSocket.connect(a, { address: '10.0.0.2', port: 80 });
    const accepted = (await accepting)!;
    await client.write(Uint8Array.of(1, 2, 3));
    expect(await accepted.read()).toEqual(Uint8Array.of(1, 2, 3));
    const closed = Promise.all([client.close(), accepted.close()]);
    await pass(100);
    await closed;
    expect(a.tcp.timeWait.size).toBe(1);
    await vi.advanceTimersByTimeAsync(61_000);
    expect(a.tcp.timeWait.size).toBe(0);
    await vi.advanceTimersByTimeAsync(61_000);
    expect(vi.getTimerCount()).toBe(0);
    stop();
  });

  test('a deadline that a call between two polls begins is kept: an orphan in FIN-WAIT-2', async () => {
    const { a, b, stop } = world();
    const server = TcpServer.listen(b, { port: 80 });
    const client = await TcpSocket.connect(a, { address: '10.0.0.2', port: 80 });
    await server.accept();
    client.end();
    await pass(1000);
    expect(client.state).toBe('FIN-WAIT-2');
    expect(vi.getTimerCount()).toBe(0);
    let closed = false;
    void client.close().then(() => {
      closed = true;
    });
    await pass(59_000);
    expect(closed).toBe(false);
    await pass(2000);
    expect(closed).toBe(true);
    stop();
  });

  test.each(['a datagram', 'a superdatagram', 'a raw payload', 'a raw packet'])(
    'a deadline that a call between two polls begins is kept: %s to a neighbour that does not answer', async (what) => {
      const { a, stop } = world('ethernet');
      await pass(10_000);
      expect(vi.getTimerCount()).toBe(0);
      const udp = UdpSocket.bind(a, { family: 4 });
      const raw = RawSocket.open(a, { protocol: 1 });
      const to = { address: '10.0.0.9', port: 7 };
      if (what === 'a datagram') udp.send(new Uint8Array(3), to);
      else if (what === 'a superdatagram') udp.sendSegments(new Uint8Array(30), 10, to);
      else if (what === 'a raw payload') raw.send(new Uint8Array(8), '10.0.0.9');
      else raw.sendPacket(icmpPacket({ src: '10.0.0.1', dst: '10.0.0.9', type: 8 }));
      await pass(10_000);
      expect(a.counters.drops['neighbor-unreachable']).toBeGreaterThan(0);
      expect(a.pool.outstanding).toBe(0);
      expect(vi.getTimerCount()).toBe(0);
      stop();
    });

  test('an interface that comes while the stack is driven says what it has to say', async () => {
    const { a, stop } = world('ethernet');
    await pass(10_000);
    const [left] = createPipe({ medium: 'ethernet', names: ['late0', 'late1'] });
    const before = a.counters.txPackets;
    a.addInterface(left, { addresses: ['10.5.0.1/24'] });
    await pass(10_000);
    // RFC 5227 §3: twice.
    expect(a.counters.txPackets - before).toBe(2);
    stop();
  });
});
