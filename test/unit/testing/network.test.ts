// Networks in a test: who reaches whom, how time passes, what goes wrong and is mended, and that a seed is a run.

import { afterEach, describe, expect, test, vi } from 'vitest';

import { readPcap } from '../../../src/link/pcap-reader.js';
import { createNetwork, type Host, type Network, type NetworkOptions } from '../../../src/testing.js';
import { difference, readAll, stream } from '../../fixtures/two-stacks.js';

const text = (bytes: Uint8Array | null): string => new TextDecoder().decode(bytes ?? undefined);
const bytesOf = (words: string): Uint8Array => new TextEncoder().encode(words);

/** Whoever connects hears what he says. */
function echo(host: Host, port = 7): void {
  const server = host.listen(port);
  void (async () => {
    for await (const socket of server) {
      void (async () => { for await (const bytes of socket) await socket.write(bytes); })().catch(() => {});
    }
  })();
}

function two(options: NetworkOptions = {}): { net: Network; a: Host; b: Host; wire: ReturnType<Network['link']> } {
  const net = createNetwork(options);
  const [a, b] = net.hosts(2);
  return { net, a, b, wire: net.link(a, b) };
}

/** `bytes` to the echo and back. */
async function exchange(net: Network, from: Host, to: Host | string, bytes: number, max = '1 h'): Promise<string> {
  const socket = await net.runUntil(from.connect(to, 7), { max });
  void socket.write(stream(bytes)).then(() => socket.end());
  const got = await net.runUntil(readAll(socket), { max });
  await socket.close();
  const fault = difference(got, stream(bytes));
  return fault === 'none' ? 'whole' : fault;
}

describe('hosts', () => {
  test('reach each other over a link, in both families, with names and addresses that nobody gave them', async () => {
    const { net, a, b } = two();
    expect([a.name, b.name, a.ip, a.ip6, b.ip, b.ip6]).toEqual(['a', 'b', '10.1.0.1', 'fd00:1::1', '10.1.0.2', 'fd00:1::2']);
    echo(b);
    await net.runUntil(a.connect(b, 7));
    // A round trip, and the program hears of it in that moment.
    expect(net.now).toBe(2);
    expect(await exchange(net, a, b, 100_000)).toBe('whole');
    expect(await exchange(net, a, b.ip6, 100_000)).toBe('whole');
  });

  test('at a switch are one subnet, and frames for one go to one', async () => {
    const net = createNetwork();
    const home = net.switch();
    const hosts = net.hosts(3);
    for (const host of hosts) net.link(host, home);
    const [a, b, c] = hosts;
    echo(b);
    expect(await exchange(net, a, b, 5000)).toBe('whole');
    const toC = net.trace.frames({ only: ({ port, view }) => port.to === c.name && view.tcp !== null });
    expect(toC).toEqual([]);
    // Nobody hears himself.
    const back = net.trace.frames({ only: ({ port, view }) => port.to === a.name && view.toString().endsWith(`tell ${a.ip}, length 28`) });
    expect(back).toEqual([]);
  });

  test('at a switch all hear what is for all, each a copy of his own', async () => {
    const net = createNetwork();
    const home = net.switch();
    const [a, ...others] = net.hosts(4);
    for (const host of [a, ...others]) net.link(host, home);
    const sockets = others.map((host) => host.udp({ port: 9 }));
    const sender = a.udp();
    sender.endpoint.mayBroadcast = true;
    sender.send(bytesOf('to all'), { address: '10.1.255.255', port: 9 });
    const heard = await net.runUntil(Promise.all(sockets.map((socket) => socket.receive())));
    expect(heard.map((each) => text(each!.data))).toEqual(['to all', 'to all', 'to all']);
    expect(others.map((host) => host.stack.counters.dropped())).toEqual([{}, {}, {}]);
  });

  test('behind routers are reached by the shortest way, and hear where it ends', async () => {
    const net = createNetwork();
    const [a, b] = net.hosts(2);
    const [r1, r2, far] = [net.router('r1'), net.router('r2'), net.router('far')];
    net.link(a, r1);
    // Three hops by way of `far`, two without.
    net.link(r1, far);
    net.link(far, r2);
    net.link(r1, r2);
    net.link(r2, b);
    expect(await net.runUntil(a.ping(b))).toMatchObject({ rttMs: 6, hopLimit: 62 });
    expect(await net.runUntil(a.ping(b.ip6))).toMatchObject({ rttMs: 6, hopLimit: 62 });
    await expect(net.runUntil(a.ping(b, { hopLimit: 1 }))).rejects.toMatchObject({ code: 'EHOSTUNREACH' });
    await expect(net.runUntil(a.ping('192.0.2.1'))).rejects.toMatchObject({ code: 'ENETUNREACH' });
  });

  test('learn the MTU of a link in the middle, and carry on: RFC 1191, RFC 8201', async () => {
    const net = createNetwork();
    const [a, b] = net.hosts(2);
    const [r1, r2] = [net.router('r1'), net.router('r2')];
    net.link(a, r1);
    net.link(r1, r2, { mtu: 1300 });
    net.link(r2, b);
    echo(b);
    expect(await exchange(net, a, b, 60_000)).toBe('whole');
    expect(await exchange(net, a, b.ip6, 60_000)).toBe('whole');
    // Larger than the link, and not to be refused: in pieces, cut on its way.
    expect(await net.runUntil(a.ping(b, { bytes: 4000 }))).toMatchObject({ bytes: 4000 });
  });
});

describe('a NAT', () => {
  /** Two insiders, two servers outside, of which each says where it was asked from. */
  function natted(kind: 'full-cone' | 'restricted-cone' | 'port-restricted' | 'symmetric', more = {}) {
    const net = createNetwork({ seed: 5 });
    const [a, b] = net.hosts(2);
    const [s, t] = [net.host('s'), net.host('t')];
    const [home, world] = [net.switch('home'), net.switch('world')];
    const nat = net.nat('nat', { kind, ...more });
    for (const host of [a, b]) net.link(host, home);
    net.link(nat.inside, home);
    net.link(nat.outside, world);
    for (const host of [s, t]) net.link(host, world);
    return { net, a, b, s, t, nat };
  }

  const KINDS = ['full-cone', 'restricted-cone', 'port-restricted', 'symmetric'] as const;

  test.each(KINDS)('%s lets insiders out as one, and answers in; whole streams, both at once', async (kind) => {
    const { net, a, b, s, nat } = natted(kind);
    echo(s);
    const [one, other] = [exchange(net, a, s, 50_000), exchange(net, b, s, 50_000)];
    expect(await Promise.all([one, other])).toEqual(['whole', 'whole']);
    expect(net.trace.frames({ only: ({ port, view }) => port.to === 's' && view.tcp !== null }).every(({ view }) => view.src === nat.external))
      .toBe(true);
    expect(await net.runUntil(a.ping(s))).toMatchObject({ hopLimit: 63 });
    // The same port inside cannot be the same outside.
    const twins = await net.runUntil(Promise.all([a, b].map((host) => host.connect(s, 7, { localPort: 4000 }))));
    expect(twins).toHaveLength(2);
    // Over IPv6 nothing is translated, and there is a way in.
    expect(await net.runUntil(s.ping(a.ip6))).toMatchObject({ hopLimit: 63 });
  });

  /** RFC 3489 §5: who may send to the port that was opened towards s:1000. */
  test.each([
    ['full-cone', ['s:1000', 's:1001', 't:1000'], true],
    ['restricted-cone', ['s:1000', 's:1001'], true],
    ['port-restricted', ['s:1000'], true],
    ['symmetric', ['s:1000'], false],
  ] as const)('%s: who may answer, and whether two destinations see the same port', async (kind, allowed, isSame) => {
    const { net, a, s, t, nat } = natted(kind);
    const inside = a.udp({ port: 5000 });
    const sockets = { 's:1000': s.udp({ port: 1000 }), 's:1001': s.udp({ port: 1001 }), 't:1000': t.udp({ port: 1000 }) };
    inside.send(bytesOf('who am I?'), { address: s.ip, port: 1000 });
    const first = await net.runUntil(sockets['s:1000'].receive());
    expect(String(first!.address)).toBe(nat.external);
    const heard: string[] = [];
    void (async () => { for await (const { data } of inside) heard.push(text(data)); })();
    for (const [name, socket] of Object.entries(sockets)) socket.send(bytesOf(name), { address: nat.external, port: first!.port });
    await net.advance('1 s');
    expect(heard).toEqual(allowed);
    inside.send(bytesOf('and now?'), { address: t.ip, port: 1000 });
    const second = await net.runUntil(sockets['t:1000'].receive());
    expect(second!.port === first!.port).toBe(isSame);
  });

  test('forgets a mapping that nobody uses from inside, RFC 4787 REQ-5 and -6, and a server keeps it by no means', async () => {
    const { net, a, s, nat } = natted('full-cone', { udpMs: 30_000 });
    const [inside, outside] = [a.udp({ port: 5000 }), s.udp({ port: 1000 })];
    inside.send(bytesOf('1'), { address: s.ip, port: 1000 });
    const { port } = (await net.runUntil(outside.receive()))!;
    let heard = 0;
    void (async () => { for await (const datagram of inside) heard += Math.sign(datagram.data.length); })();
    for (let n = 0; n < 4; n++) {
      await net.advance('10 s');
      outside.send(bytesOf('still there?'), { address: nat.external, port });
    }
    await net.advance('1 s');
    expect(heard).toBe(2);
  });

  test('carries errors about what it translated, with what they quote: RFC 5508 §4', async () => {
    const { net, a, s } = natted('port-restricted');
    const inside = a.udp({ port: 5000 });
    await expect(net.runUntil(a.ping(s, { hopLimit: 1 }))).rejects.toMatchObject({ code: 'EHOSTUNREACH' });
    inside.send(bytesOf('?'), { address: s.ip, port: 9 });
    await net.advance('1 s');
    const errors = net.trace.frames({ only: ({ port, view }) => port.to === 'a' && view.icmp?.type === 3 });
    expect(errors.map(({ view }) => view.toString()).join()).toContain(`udp port 9`);
    expect(errors[0]!.view.toString()).toContain(`IP ${a.ip}.5000 > ${s.ip}.9`);
  });

  test('passes on what a router beyond says of an insider\'s packet, and the insider believes it', async () => {
    const net = createNetwork();
    const [a, s] = net.hosts(2);
    const [nat, beyond] = [net.nat(), net.router('beyond')];
    net.link(a, nat.inside);
    net.link(nat.outside, beyond);
    net.link(beyond, s);
    expect(await net.runUntil(a.ping(s))).toMatchObject({ hopLimit: 62 });
    await expect(net.runUntil(a.ping(s, { hopLimit: 2 }))).rejects.toMatchObject({ code: 'EHOSTUNREACH' });
    const refusal = net.runUntil(a.connect(s, 80));
    await expect(refusal).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    // A quoted segment has a checksum of its own, which changes with the address: so does the sum around it.
    void a.connect(s, 80, { hopLimit: 2 }).catch(() => {});
    await net.advance(100);
    expect(net.trace.frames({ only: ({ port, view }) => port.to === 'a' && view.icmp?.type === 11 })).toHaveLength(2);
    expect(a.stack.counters.dropped()).toEqual({});
  });

  test('lets insiders reach each other by its address outside: RFC 4787 REQ-9', async () => {
    const { net, a, b, s, nat } = natted('full-cone');
    const [one, other] = [a.udp({ port: 5000 }), b.udp({ port: 6000 })];
    const server = s.udp({ port: 1000 });
    one.send(bytesOf('here'), { address: s.ip, port: 1000 });
    const { port } = (await net.runUntil(server.receive()))!;
    other.send(bytesOf('from inside'), { address: nat.external, port });
    const got = await net.runUntil(one.receive());
    expect([text(got!.data), String(got!.address)]).toEqual(['from inside', nat.external]);
  });

  test('says nothing to who comes unasked: RFC 5382 REQ-4', async () => {
    const { net, s, nat } = natted('full-cone');
    const refusal = s.connect(nat.external, 80).catch((error: Error & { code: string }) => error.code);
    expect(await net.runUntil(refusal)).toBe('ETIMEDOUT');
  });
});

describe('time', () => {
  afterEach(() => void vi.useRealTimers());

  test('passes as far as it is told, and what happens at the end happens', async () => {
    const { net } = two();
    const rung: number[] = [];
    for (const ms of [5, 10, 10.5]) net.after(ms, () => rung.push(net.now));
    await net.advance(10);
    expect([net.now, rung]).toEqual([10, [5, 10]]);
    await net.advance('0.5ms');
    expect(rung).toEqual([5, 10, 10.5]);
  });

  test('does not pass before what was done at its beginning has followed: ticks and promises are not late', async () => {
    const { net } = two();
    const rung: number[] = [];
    const wait = (): void => void Promise.resolve().then(() => process.nextTick(() => net.after(5, () => rung.push(net.now))));
    await net.advance(0);
    for (const pass of [() => net.advance(100), () => net.runUntil(() => net.now >= 200), () => net.runUntilIdle()]) {
      wait();
      net.after(100, () => {});
      await pass();
    }
    expect(rung).toEqual([5, 105, 205]);
  });

  test('ten minutes of a dead peer are over at once: R2 has passed, and the diagnosis said what for', async () => {
    const { net, a, b } = two();
    echo(b);
    const socket = await net.runUntil(a.connect(b, 7));
    b.crash({ silent: true });
    const failing = socket.write(bytesOf('hello?')).then(() => socket.read());
    await net.advance('64 s');
    expect(String(await net.runUntilIdle({ ceiling: 1 }))).toMatch(/^asleep: \d timers?, next RTO in [\d.]+ s on a:\d+$/);
    await expect(net.runUntil(failing, { max: '30 min' })).rejects.toMatchObject({ code: 'ETIMEDOUT' });
    expect(net.now).toBeGreaterThan(600_000);
  });

  test('that will not bring it says so', async () => {
    const { net, a } = two();
    await expect(net.runUntil(() => false)).rejects.toThrow('it will never be so. quiet: no timer');
    void a.connect('10.1.0.99', 7).catch(() => {});
    await expect(net.runUntil(() => false, { max: 2000 })).rejects.toThrow(/not within 2 s\. asleep: \d timers?, next /);
  });

  test('rests when nothing is left, and says what nobody closed', async () => {
    const { net, a, b } = two();
    const server = b.listen(7);
    const socket = await net.runUntil(a.connect(b, 7));
    const peer = await net.runUntil(server.accept());
    expect(net.leaks()).toEqual([
      expect.stringMatching(/^TCP a:\d+ > 10.1.0.2:7 ESTABLISHED$/), expect.stringMatching(/^TCP b:7 > 10.1.0.1:\d+ ESTABLISHED$/),
      'TCP b:7 LISTEN',
    ]);
    void socket.close();
    void peer!.close();
    server.close();
    expect((await net.runUntilIdle()).reason).toBe('quiet');
    expect(net.leaks()).toEqual([]);
  });

  test('follows fake timers, whoever moves them', async () => {
    vi.useFakeTimers();
    const { net, a, b } = two({ clock: 'follow' });
    echo(b);
    let got = '';
    void a.connect(b, 7).then(async (socket) => {
      await socket.write(bytesOf('hi'));
      got = text(await socket.read());
    });
    await vi.advanceTimersByTimeAsync(2);
    expect(got).toBe('');
    await vi.advanceTimersByTimeAsync(10);
    expect([got, net.present()]).toEqual(['hi', 12]);
    let failure = '';
    a.connect('10.1.0.99', 7).catch((error: { code: string }) => { failure = error.code; });
    await vi.advanceTimersByTimeAsync(246_000);
    expect(failure).toBe('');
    await vi.advanceTimersByTimeAsync(2000);
    expect(failure).toBe('ETIMEDOUT');
    net.close();
  });

  test('moves fake timers itself, where it may', async () => {
    vi.useFakeTimers();
    const { net, a, b } = two({ clock: { follow: vi } });
    echo(b);
    let rang = 0;
    setInterval(() => rang++, 1000);
    expect(text(await net.runUntil(a.connect(b, 7).then(async (socket) => {
      await socket.write(bytesOf('hi'));
      return socket.read();
    })))).toBe('hi');
    await net.advance('1 min');
    expect(rang).toBe(60);
    net.close();
  });

  test('may be real', async () => {
    const { net, a, b } = two({ clock: 'real' });
    echo(b);
    expect(await net.runUntil(a.ping(b))).toMatchObject({ bytes: 56 });
    expect(net.now).toBeGreaterThanOrEqual(2);
    net.close();
  });
});

describe('what goes wrong', () => {
  test('a cable is pulled and put back: TCP recovers', async () => {
    const { net, a, b, wire } = two();
    echo(b);
    const socket = await net.runUntil(a.connect(b, 7));
    {
      using cut = wire.unplug();
      expect(cut.what).toBe('a-b is unplugged on a-b');
      void socket.write(bytesOf('hello'));
      await net.advance('30 s');
      expect(net.trace.frames({ last: 1 })[0]!.fate).toBe('dropped');
    }
    expect(text(await net.runUntil(socket.read()))).toBe('hello');
    expect(net.now).toBeLessThan(70_000);
  });

  test('exactly the third packet with text is lost, and comes again', async () => {
    const { net, a, b, wire } = two();
    echo(b);
    const socket = await net.runUntil(a.connect(b, 7, { noDelay: true }));
    wire.loss({ nth: 3, of: (packet) => packet.payload.length > 0 }, { from: a });
    const lost = (): string[] => net.trace.frames({ only: ({ fate }) => fate === 'dropped' }).map(({ view }) => view.text);
    for (const word of ['one', 'two', 'three', 'four']) {
      void socket.write(bytesOf(word));
      await net.advance(5);
    }
    await net.advance('1 s');
    expect(lost()).toEqual(['three']);
    let back = '';
    while (back.length < 15) back += text(await net.runUntil(socket.read()));
    expect(back).toBe('onetwothreefour');
  });

  test('what is held waits in order, and goes on afterwards', async () => {
    const { net, a, b, wire } = two();
    const [left, right] = [a.udp(), b.udp({ port: 9 })];
    const hold = wire.hold();
    for (const word of ['one', 'two']) left.send(bytesOf(word), { address: b.ip, port: 9 });
    await net.advance(100);
    expect([net.inFlight, wire.held]).toEqual([2, 2]);
    hold.undo();
    hold.undo();
    const got = [await net.runUntil(right.receive()), await net.runUntil(right.receive())];
    expect(got.map((each) => text(each!.data))).toEqual(['one', 'two']);
  });

  test('rules see what passes, and the first that says something decides', async () => {
    const { net, a, b, wire } = two();
    const [left, right] = [a.udp({ port: 5 }), b.udp({ port: 9 })];
    const seen: string[] = [];
    const rules = [
      wire.rule((packet) => { seen.push(`${packet.from}>${packet.to} ${packet.number} ${packet.src}:${packet.udp?.srcPort} ${packet.text}`); return 'pass'; }),
      wire.rule((packet) => (packet.text === 'twice' ? 'duplicate' : packet.text === 'late' ? { delay: '50ms' } : 'pass')),
      wire.rule((packet) => (packet.text === 'bad' ? 'corrupt' : packet.text === 'forged' ? 'corrupt-unseen' : undefined)),
    ];
    // The other way, and so nobody's here.
    rules.push(wire.rule(() => 'drop', { from: b }));
    const got: string[] = [];
    void (async () => { for await (const { data } of right) got.push(text(data)); })();
    for (const word of ['late', 'twice', 'bad', 'forged', 'plain']) left.send(bytesOf(word), { address: b.ip, port: 9 });
    await net.advance('1 s');
    expect(seen[0]).toBe('a>b 1 10.1.0.1:5 late');
    const forged = got.find((word) => !['late', 'twice', 'plain'].includes(word));
    expect(got).toEqual(['twice', 'twice', forged, 'plain', 'late']);
    expect(forged).not.toBe('bad');
    expect(forged!.length).toBe(6);
    for (const rule of rules) rule.undo();
    expect(wire.link.ends.map((end) => end.gate)).toEqual([null, null]);
  });

  test('faults lie on top of each other: the latest counts, and what is mended leaves the others', async () => {
    const { net, a, b, wire } = two();
    const rtt = async (): Promise<number> => (await net.runUntil(a.ping(b))).rttMs;
    const [slow, slower] = [wire.delay('10ms'), wire.delay('100ms', { from: a })];
    expect(await rtt()).toBe(110);
    slow.undo();
    expect(await rtt()).toBe(101);
    slower.undo();
    expect(await rtt()).toBe(2);
    wire.impair({ loss: 1 });
    net.repair();
    expect(await rtt()).toBe(2);
  });

  test.each([
    ['loss', (wire) => wire.loss(0.1)],
    ['bursts', (wire) => wire.loss({ toBad: 0.02, toGood: 0.3 })],
    ['jitter that lets packets overtake', (wire) => wire.jitter('20ms', { overtaking: true })],
    ['duplicates', (wire) => wire.duplicate(0.2)],
    ['reordering', (wire) => wire.reorder({ late: '10ms', chance: 0.1 })],
    ['damage', (wire) => wire.corrupt(0.05)],
    ['marks', (wire) => wire.mark(0.2)],
    ['a slow line', (wire) => wire.rate(5e6, { queuePackets: 20 })],
    ['a slow line with CoDel', (wire) => wire.rate(5e6, { queue: 'codel' })],
    ['a black hole', (wire) => wire.mtu(1300)],
    ['a schedule', (wire) => wire.schedule([{ at: 0 }, { at: '50ms', loss: 1 }, { at: '300ms' }], { every: '500ms' })],
  ] as [string, (wire: ReturnType<Network['link']>) => unknown][])('TCP survives %s, twice the same', async (_, harm) => {
    const run = async (): Promise<string> => {
      const { net, a, b, wire } = two({ seed: 11 });
      harm(wire);
      echo(b);
      expect(await exchange(net, a, b, 200_000)).toBe('whole');
      return net.replay;
    };
    expect(await run()).toBe(await run());
  });

  test('CoDel holds down a queue that drop-tail lets grow: RFC 8289', async () => {
    const rtts: number[] = [];
    for (const queue of ['tail-drop', 'codel'] as const) {
      const { net, a, b, wire } = two();
      wire.delay('10ms');
      wire.rate(10e6, { queue, queuePackets: 1000 });
      const server = b.listen(9);
      void (async () => { for await (const socket of server) await readAll(socket).catch(() => {}); })();
      const socket = await net.runUntil(a.connect(b, 9));
      const flow = (async () => { for (;;) await socket.write(new Uint8Array(65_536)); })().catch(() => {});
      void flow;
      await net.advance('10 s');
      rtts.push((await net.runUntil(a.ping(b, { timeoutMs: 5000 }))).rttMs);
      net.close();
    }
    expect(rtts[0]).toBeGreaterThan(150);
    expect(rtts[1]).toBeLessThan(60);
  });

  test('a partition parts those who are named, one way if so, and nobody else', async () => {
    const net = createNetwork();
    const hosts = net.hosts(3);
    const [a, b, c] = hosts;
    const home = net.switch();
    for (const host of hosts) net.link(host, home);
    const hears = async (from: Host, to: Host): Promise<boolean> => net.runUntil(from.ping(to)).then(() => true, () => false);
    {
      using parted = net.partition(a, [b]);
      expect(parted.isUndone).toBe(false);
      expect([await hears(a, b), await hears(b, a), await hears(a, c), await hears(b, c)]).toEqual([false, false, true, true]);
    }
    expect(await hears(a, b)).toBe(true);
    // The question arrives; the answer does not.
    net.partition(b, a, { oneWay: true });
    const socket = b.udp({ port: 9 });
    a.udp().send(bytesOf('there'), { address: b.ip, port: 9 });
    expect(text((await net.runUntil(socket.receive()))!.data)).toBe('there');
    expect(await hears(a, b)).toBe(false);
  });

  test('a crash is told by resets, or by nobody; and who starts anew remembers nothing', async () => {
    for (const silent of [false, true]) {
      const { net, a, b } = two();
      echo(b);
      const socket = await net.runUntil(a.connect(b, 7));
      // The ACK of the handshake arrives: before that there is no connection to reset.
      await net.advance(5);
      const crash = b.crash({ silent });
      const end = socket.read().then(() => 'read', (error: { code: string }) => error.code);
      await net.advance('1 min');
      const told = await Promise.race([end, Promise.resolve('nothing')]);
      expect(told).toBe(silent ? 'nothing' : 'ECONNRESET');
      crash.undo();
      // RFC 9293 §3.5.1: a half-open connection is found out when its side speaks.
      if (silent) await socket.write(bytesOf('?'));
      expect(await net.runUntil(end)).toBe('ECONNRESET');
      echo(b);
      expect(await exchange(net, a, b, 1000)).toBe('whole');
    }
  });

  test('a machine that stands still goes on where it was', async () => {
    const { net, a, b } = two();
    echo(b);
    const socket = await net.runUntil(a.connect(b, 7));
    const freeze = b.freeze();
    let rang = false;
    b.stack.after(1000, () => { rang = true; });
    void socket.write(bytesOf('hello'));
    await net.advance('5 s');
    expect(rang).toBe(false);
    freeze.undo();
    expect(text(await net.runUntil(socket.read()))).toBe('hello');
  });

  test('what an application throws comes out of the call that let time pass', async () => {
    const { net } = two();
    net.after(5, () => { throw new Error('mine'); });
    await expect(net.advance(10)).rejects.toThrow('mine');
  });
});

describe('a seed', () => {
  const run = async (seed: number, others = 0): Promise<Network> => {
    const net = createNetwork({ seed });
    for (let n = 0; n < others; n++) net.link(net.host(`other${n}`), net.host(`another${n}`));
    const [a, b] = [net.host('left'), net.host('right')];
    const wire = net.link(a, b, { subnet: ['192.0.2.0/24', '2001:db8::/64'] });
    wire.loss(0.1);
    wire.jitter('5ms');
    echo(b);
    await exchange(net, a, b, 100_000);
    return net;
  };

  test('is a run, frame for frame', async () => {
    const [one, same, other] = [await run(1), await run(1), await run(2)];
    expect(one.replay).toBe(same.replay);
    expect(one.trace.text()).toBe(same.trace.text());
    expect(one.traceHash).not.toBe(other.traceHash);
  });

  test('gives each its own dice: more hosts do not move the others', async () => {
    const [alone, among] = [await run(1), await run(1, 5)];
    const ofOurs = (net: Network): string => net.trace.text({ only: ({ port }) => port.link === 'left-right' });
    expect(ofOurs(among)).toBe(ofOurs(alone));
  });
});

describe('a trace', () => {
  test('can be read, drawn and captured', async () => {
    const { net, a, b, wire } = two();
    echo(b);
    wire.rule(function noFin(packet) { return packet.tcp?.fin ? 'drop' : 'pass'; });
    const socket = await net.runUntil(a.connect(b, 7));
    await socket.write(bytesOf('hi'));
    await net.runUntil(socket.read());
    socket.end();
    await net.advance(5);
    expect(net.trace.text({ last: 1 })).toMatch(/^0\.\d{6} a > b \(dropped, noFin\): IP 10\.1\.0\.1\.\d+ > 10\.1\.0\.2\.7: Flags \[F\.\]/);
    const diagram = net.trace.diagram().split('\n');
    expect(diagram.slice(0, 4)).toEqual([
      'sequenceDiagram', '  participant a as a', '  participant b as b', '  a->>b: 0.000 S 0:0(0) win 65535',
    ]);
    expect(diagram.at(-1)).toMatch(/^ {2}a--xb: 0\.\d{3} F\. 3:3\(0\) ack 3 win \d+ \(dropped, noFin\)$/);
    const captured = [...readPcap(net.trace.pcapng())];
    expect(captured.length).toBe(net.log.count);
    expect(captured.at(-1)).toMatchObject({ interfaceName: 'a-b', direction: 'out', comment: 'a > b (dropped, noFin)' });
    expect(captured[1]!.timeNs).toBe(1_000_000n);
    expect(net.trace.sockets()).toContain('FIN-WAIT-1');
  });
});
