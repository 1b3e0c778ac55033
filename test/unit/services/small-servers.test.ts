// The small services of old, by their RFCs: echo (862), discard (863), chargen (864), daytime (867); and the two of ours.

import { describe, expect, test } from 'vitest';
import { serveAll, SERVICE_PORTS, type SmallServers } from '../../../src/services/small-servers.js';
import { RawSocket } from '../../../src/socket-api/raw.js';
import { TcpServer, TcpSocket } from '../../../src/socket-api/tcp.js';
import { UdpSocket } from '../../../src/socket-api/udp.js';
import { ascii, udpPacket } from '../../fixtures/rfc-packets.js';
import { difference, failure, fate, readAll, stream, TwoStacks } from '../../fixtures/two-stacks.js';

const DATE = 'Thursday, May 5, 1983 12:00:00-PDT';

interface Served {
  readonly world: TwoStacks;
  readonly services: SmallServers;
  readonly tcp: (port: number) => Promise<TcpSocket>;
  readonly udp: (port: number, from?: number) => UdpSocket;
}

function serving(to = '10.0.0.2', ports = SERVICE_PORTS): Served {
  const world = new TwoStacks();
  const services = serveAll(world.b, () => DATE, ports);
  return {
    world, services,
    tcp: (port) => world.run(TcpSocket.connect(world.a, { address: to, port })),
    udp: (port, from = 0) => {
      const socket = UdpSocket.bind(world.a, { port: from });
      socket.connect({ address: to, port });
      return socket;
    },
  };
}

const text = (bytes: Uint8Array): string => String.fromCharCode(...bytes);

/** `N` lines as RFC 864 has them: "On line N, put characters (0+N mod 95) through (71+N mod 95)." */
function chargen(lines: number): string {
  const PRINTING = ' !"#$%&\'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~';
  expect(PRINTING.length).toBe(95);
  let all = '';
  for (let n = 0; n < lines; n++) {
    for (let i = 0; i <= 71; i++) all += PRINTING[(i + n) % 95];
    all += '\r\n';
  }
  return all;
}

describe.each(['10.0.0.2', 'fd00::2'])('at %s', (to) => {
  test('echo over TCP: all comes back, and the end too', async () => {
    const { world, tcp } = serving(to);
    const socket = await tcp(7);
    void socket.write(stream(500_000));
    socket.end();
    expect(difference(await world.run(readAll(socket)), stream(500_000))).toBe('none');
    await world.run(socket.close());
  });

  test('echo over UDP: each datagram comes back, from where it was sent to', async () => {
    const { world, udp } = serving(to);
    const socket = udp(7);
    for (const size of [0, 1, 1472, 60_000]) {
      socket.send(stream(size));
      const { data, address, port } = (await world.run(socket.receive()))!;
      expect(difference(data, stream(size))).toBe('none');
      expect([`${address}`, port]).toEqual([to, 7]);
    }
  });

  test('discard over TCP: nothing comes back, and it ends when we do', async () => {
    const { world, tcp } = serving(to);
    const socket = await tcp(9);
    void socket.write(stream(500_000));
    const read = socket.read();
    await world.wait(1000);
    expect(socket.bytesWritten).toBe(500_000);
    socket.end();
    expect(await world.run(read)).toBe(null);
  });

  test('discard over UDP: nothing comes back', async () => {
    const { world, udp } = serving(to);
    const socket = udp(9);
    const heard = fate(socket.receive());
    for (let i = 0; i < 10; i++) socket.send(stream(i));
    await world.wait(1000);
    expect(heard()).toBe('pending');
  });

  test('daytime over TCP: the date, and then it ends by itself', async () => {
    const { world, tcp } = serving(to);
    const socket = await tcp(13);
    await socket.write(ascii('any data received is thrown away'));
    expect(text(await world.run(readAll(socket)))).toBe(`${DATE}\r\n`);
    await world.run(socket.close());
  });

  test('daytime over UDP: the date to whoever says anything', async () => {
    const { world, udp } = serving(to);
    const socket = udp(13);
    socket.send(stream(0));
    expect(text((await world.run(socket.receive()))!.data)).toBe(`${DATE}\r\n`);
  });

  test('chargen over UDP: 0 to 512 characters to each datagram, one for one', async () => {
    const { world, udp } = serving(to);
    const socket = udp(19);
    for (let i = 0; i < 3; i++) {
      socket.send(stream(1000));
      const { data } = (await world.run(socket.receive()))!;
      expect(data.length).toBeLessThanOrEqual(512);
      expect(chargen(8).startsWith(text(data))).toBe(true);
    }
    expect(socket.receiveNow()).toBe(null);
  });
});

describe('chargen over TCP', () => {
  /** 200 lines: the ring of 95 has gone round twice. */
  const LENGTH = 200 * 74;

  async function begin(socket: TcpSocket): Promise<string> {
    let got = '';
    while (got.length < LENGTH) got += text((await socket.read(LENGTH - got.length))!);
    return got;
  }

  test('lines of 72 characters, each begun one further', async () => {
    const { world, tcp } = serving();
    const got = await world.run(begin(await tcp(19)));
    expect(got).toBe(chargen(200));
    expect(got.slice(0, 74)).toBe(' !"#$%&\'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefg\r\n');
  });

  test('what it is told meanwhile is thrown away, however much', async () => {
    const { world, tcp } = serving();
    const socket = await tcp(19);
    const wrote = fate(socket.write(new Uint8Array(20_000_000)));
    const got = begin(socket);
    expect(await world.run(got)).toBe(chargen(200));
    await world.wait(60_000);
    expect(wrote()).toBe('resolved');
  });

  test('"until the calling user terminates the connection": the careful close', async () => {
    const { world, tcp } = serving();
    const socket = await tcp(19);
    await world.run(begin(socket));
    socket.end();
    const rest = await world.run(readAll(socket));
    expect(chargen(2000).includes(text(rest.subarray(0, 1000)))).toBe(true);
    await world.run(socket.close());
    await world.sleep();
    expect(world.b.tcp.connections.size).toBe(0);
  });

  test('and the rude abort', async () => {
    const { world, tcp } = serving();
    const socket = await tcp(19);
    await world.run(begin(socket));
    socket.abort();
    await world.sleep();
    expect(world.b.tcp.connections.size).toBe(0);
    expect(world.b.pool.outstanding).toBe(0);
  });

  test('whoever does not read is not written to: it waits (flow control)', async () => {
    const { world, tcp } = serving();
    await tcp(19);
    await world.wait(10_000);
    const sent = world.b.counters.txBytes;
    await world.wait(10_000);
    expect(world.b.counters.txBytes - sent).toBeLessThan(1000);
  });
});

describe('sink and source', () => {
  test('the sink takes all over TCP', async () => {
    const { world, tcp } = serving();
    const socket = await tcp(5001);
    await world.run(socket.write(stream(6_000_000)));
    socket.end();
    expect(await world.run(socket.read())).toBe(null);
  });

  test('the sink counts datagrams, and says how many to whoever asks', async () => {
    const { world, services, udp } = serving();
    const socket = udp(5001);
    const ask = async (): Promise<string> => {
      socket.send(ascii('?'));
      return text((await world.run(socket.receive()))!.data);
    };
    expect(await ask()).toBe('0');
    for (let i = 0; i < 500; i++) socket.send(stream(i));
    expect(await ask()).toBe('500');
    // A question has one letter.
    socket.send(ascii('??'));
    socket.send(ascii('!'));
    socket.send(ascii(''));
    expect(await ask()).toBe('503');
    expect(services.sunk).toBe(503);
  });

  test('the source gives zeros until we go', async () => {
    const { world, tcp } = serving();
    const socket = await tcp(5002);
    let got = 0;
    await world.run((async () => {
      for await (const piece of socket) {
        expect(piece.every((byte) => byte === 0)).toBe(true);
        got += piece.length;
        if (got > 5_000_000) return;
      }
    })());
    await world.sleep();
    expect(world.b.tcp.connections.size).toBe(0);
  });
});

describe('no two services talk to each other (SEC-49)', () => {
  test.each([7, 9, 13, 17, 19, 1, 5001, 5002])('a datagram from port %i is not answered', async (from) => {
    const { world, services, udp } = serving();
    const asked = [7, 13, 19, 5001].map((port) => {
      const socket = udp(port, from);
      socket.send(ascii('?'));
      socket.endpoint.disconnect();
      socket.close();
      return port;
    });
    world.trace = [];
    await world.wait(1000);
    expect(world.trace).toEqual([]);
    expect([asked.length, services.sunk]).toEqual([4, 0]);
  });

  test.each([20, 53, 1024, 60_000])('one from port %i is', async (from) => {
    const { world, udp } = serving();
    const socket = udp(7, from);
    socket.send(stream(5));
    expect((await world.run(socket.receive()))!.data).toEqual(stream(5));
  });

  test('wherever they are served: two hosts with services on ports of their own fall silent', async () => {
    const ports = { echo: 1007, discard: 1009, daytime: 1013, chargen: 1019, sink: 1501, source: 1502 };
    const { world } = serving('10.0.0.2', ports);
    serveAll(world.a, () => DATE, ports);
    world.trace = [];
    // As if the chargen of one had asked the echo of the other.
    RawSocket.open(world.a).sendPacket(
      udpPacket({ src: '10.0.0.1', dst: '10.0.0.2', from: 1019, to: 1007, payload: stream(9) }));
    await world.sleep();
    expect(world.trace.length).toBe(1);
  });
});

describe('a life', () => {
  test('many clients at once, each its own', async () => {
    const { world, tcp } = serving();
    const heard = await Promise.all(Array.from({ length: 50 }, async (_, i) => {
      const socket = await tcp(7);
      void socket.write(stream(1000, i));
      socket.end();
      return world.run(readAll(socket));
    }));
    heard.forEach((bytes, i) => expect(difference(bytes, stream(1000, i))).toBe('none'));
  });

  test('a client that resets is its own affair', async () => {
    const { world, tcp } = serving();
    for (const port of [7, 9, 13, 19, 5001, 5002]) {
      const socket = await tcp(port);
      await socket.write(stream(100));
      await world.settle();
      socket.abort();
    }
    await world.sleep();
    expect(world.b.tcp.connections.size).toBe(0);
    const socket = await tcp(7);
    await socket.write(stream(5));
    expect(await world.run(socket.read())).toEqual(stream(5));
  });

  test('closed, its ports are free and its datagrams unanswered', async () => {
    const { world, services, tcp, udp } = serving();
    services.close();
    services.close();
    expect(await failure(tcp(7))).toMatchObject({ code: 'ECONNREFUSED' });
    const socket = udp(7);
    socket.send(stream(1));
    expect(await world.run(failure(socket.receive()))).toMatchObject({ code: 'ECONNREFUSED' });
    serveAll(world.b, () => DATE).close();
  });

  test.each([
    ['TCP', 19], ['UDP', 19],
  ])('with a port of %s taken already: EADDRINUSE, and none is served', async (transport, port) => {
    const world = new TwoStacks();
    const taken = transport === 'TCP' ? TcpServer.listen(world.b, { port }) : UdpSocket.bind(world.b, { port });
    expect(() => serveAll(world.b, () => DATE)).toThrow('EADDRINUSE');
    const connecting = failure(TcpSocket.connect(world.a, { address: '10.0.0.2', port: 7 }));
    expect(await world.run(connecting)).toMatchObject({ code: 'ECONNREFUSED' });
    taken.close();
    expect(world.b.udp.ports.size).toBe(0);
    serveAll(world.b, () => DATE);
  });
});
