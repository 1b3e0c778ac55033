// The stub resolver in virtual time, against servers that misbehave. Messages are made by another's codec; what is to be believed
// is RFC 5452's, when to ask again resolv.conf(5)'s.

import type { Socket } from 'node:dgram';
import dns from 'node:dns';
import type { AddressInfo } from 'node:net';
import codec, { type DecodedPacket, type Packet } from 'dns-packet';
import { describe, expect, test } from 'vitest';

import { NodeStack } from '../../../../src/services/node/create-stack.js';
import { lookupOver } from '../../../../src/services/node/dns/lookup.js';
import type { AnyFunction } from '../../../../src/services/node/dns/outcome.js';
import { requireCodec, StubResolver } from '../../../../src/services/node/dns/stub-resolver.js';
import { createDgram } from '../../../../src/socket-api/node/dgram.js';
import { createNet } from '../../../../src/socket-api/node/net.js';
import type { Stack } from '../../../../src/stack.js';
import { TwoStacks } from '../../../fixtures/two-stacks.js';

const DRIVER = { stop(): void {}, ref(): void {}, unref(): void {} };

interface Asked {
  readonly question: DecodedPacket;
  readonly from: AddressInfo;
  /** Answer from the port that was asked. */
  reply(reply: Partial<Packet> & { rcode?: string }): void;
  send(bytes: Uint8Array, by?: Socket): void;
}

/** A server on `b`, whose every question is `answer`'s to answer. */
function server({ b }: TwoStacks, answer: (asked: Asked, count: number) => void, address = '10.0.0.2'): { questions: Asked[] } {
  const socket = createDgram({ stack: b, driver: DRIVER }).createSocket(address.includes(':') ? 'udp6' : 'udp4');
  const questions: Asked[] = [];
  socket.bind(53, address);
  socket.on('message', (data, from) => {
    const question = codec.decode(data);
    const send = (bytes: Uint8Array, by = socket): void => by.send(bytes, from.port, from.address);
    const asked: Asked = { question, from, send, reply: (reply) => send(encoded(question, reply)) };
    questions.push(asked);
    answer(asked, questions.length);
  });
  return { questions };
}

const RCODES: Record<string, number> = { FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 };

const encoded = (question: DecodedPacket, { rcode = '', ...reply }: Partial<Packet> & { rcode?: string }): Buffer =>
  codec.encode({ type: 'response', id: question.id, questions: question.questions, ...reply, flags: (reply.flags ?? 0) | (RCODES[rcode] ?? 0) });

const record = (name: string, data = '10.9.9.9'): Partial<Packet> => ({ answers: [{ type: 'A', name, data, ttl: 1 }] });

const hostOf = (stack: Stack) => {
  const host = { stack, driver: DRIVER };
  return { net: createNet(host), dgram: createDgram(host), after: (ms: number, run: () => void) => stack.after(ms, run) };
};

function resolver(world: TwoStacks, addresses: readonly string[] = ['10.0.0.2']): StubResolver {
  return new StubResolver(hostOf(world.a), addresses.map((address) => ({ address, port: 53 })));
}

/** The address that was found, or the code. */
const outcome = (world: TwoStacks, query: Promise<readonly object[]>): Promise<unknown> =>
  world.run(query.then(([first]) => (first as { data: unknown }).data, (error: { code: string }) => error.code));

const udpEndpoints = ({ a }: TwoStacks): number => a.limits.all().find(({ name }) => name === 'udp.endpoints')!.used();

describe('a question', () => {
  test('that is lost is asked again, after five seconds, and once more is all', async () => {
    const world = new TwoStacks();
    const { questions } = server(world, ({ reply }, count) => { if (count === 2) reply(record('a.test')); });
    const begun = world.now;
    expect(await outcome(world, resolver(world).query('a.test', 'A'))).toBe('10.9.9.9');
    expect(Math.floor(world.now - begun)).toBe(5000);

    const silent = world.now;
    expect(await outcome(world, resolver(world).query('b.test', 'A'))).toBe('ETIMEOUT');
    expect([Math.floor(world.now - silent), questions.length]).toEqual([10_000, 4]);
  });

  test('goes to the next server when one is silent, refuses, fails, or is not there', async () => {
    const world = new TwoStacks({ configB: { addresses: ['10.0.0.2/24', '10.0.0.3/24', '10.0.0.4/24', '10.0.0.5/24', '10.0.0.6/24'] } });
    server(world, () => {}, '10.0.0.2');
    server(world, ({ reply }) => reply({ rcode: 'REFUSED' }), '10.0.0.3');
    server(world, ({ reply }) => reply({ rcode: 'SERVFAIL' }), '10.0.0.4');
    server(world, ({ reply }) => reply(record('a.test')), '10.0.0.6');
    const addresses = [2, 3, 4, 5, 6].map((n) => `10.0.0.${n}`);
    expect(await outcome(world, resolver(world, addresses).query('a.test', 'A'))).toBe('10.9.9.9');
    expect(await outcome(world, resolver(world, addresses.slice(0, 3)).query('a.test', 'A'))).toBe('ESERVFAIL');
    expect(await outcome(world, resolver(world, addresses.slice(3, 4)).query('a.test', 'A'))).toBe('ECONNREFUSED');
    expect(await outcome(world, resolver(world, []).query('a.test', 'A'))).toBe('ECONNREFUSED');
  });

  test('about a name that is not there, or has nothing of the kind, is asked once', async () => {
    const world = new TwoStacks();
    const { questions } = server(world, ({ question, reply }) => reply(question.questions![0]!.name === 'a.test' ? { rcode: 'NXDOMAIN' } : {}));
    expect(await outcome(world, resolver(world).query('a.test', 'A'))).toBe('ENOTFOUND');
    expect(await outcome(world, resolver(world).query('b.test', 'A'))).toBe('ENODATA');
    expect(questions.length).toBe(2);
  });

  test('goes on to the next server, too, where there is no way to one', async () => {
    const world = new TwoStacks();
    server(world, ({ reply }) => reply(record('a.test')));
    expect(await outcome(world, resolver(world, ['192.0.2.1', '10.0.0.2']).query('a.test', 'A'))).toBe('10.9.9.9');
    expect(await outcome(world, resolver(world, ['192.0.2.1']).query('a.test', 'A'))).toBe('ENETUNREACH');
    expect(udpEndpoints(world)).toBe(0);
  });

  test('is one of 64 at once: a thousand take turns, and each has its answer; those who wait can be called off', async () => {
    const world = new TwoStacks();
    let [now, most] = [0, 0];
    server(world, ({ question, reply }) => {
      now++;
      most = Math.max(most, now);
      world.b.after(20, () => {
        now--;
        reply(record(question.questions![0]!.name, '10.9.9.9'));
      });
    });
    const asking = resolver(world);
    const all = await world.run(Promise.all(Array.from({ length: 1000 }, (_, i) => asking.query(`n${i}.test`, 'A'))));
    expect([all.length, most]).toEqual([1000, 64]);
    const code = (name: string): Promise<unknown> => asking.query(name, 'A').catch((error: { code: string }) => error.code);
    const flying = Array.from({ length: 64 }, (_, i) => code(`n${i}.test`));
    await world.wait(1);
    const waiting = Array.from({ length: 36 }, (_, i) => code(`m${i}.test`));
    await world.wait(1);
    asking.cancel();
    expect(new Set(await world.run(Promise.all([...flying, ...waiting])))).toEqual(new Set(['ECANCELLED']));
    expect(await outcome(world, asking.query('after.test', 'A'))).toBe('10.9.9.9');
  });

  test('that is no name is not asked', async () => {
    const world = new TwoStacks();
    const { questions } = server(world, () => {});
    for (const name of ['a..test', `${'x'.repeat(64)}.test`, `${'x.'.repeat(127)}y`, 'a b.test', `${'x.'.repeat(125)}yyyy`, '€'.repeat(20)]) {
      expect(await outcome(world, resolver(world).query(name, 'A'))).toBe('EBADNAME');
    }
    expect(questions).toEqual([]);
  });

  test('has a number and a port that nobody guesses, and says that it may be answered in 1,232 bytes', async () => {
    const world = new TwoStacks();
    const { questions } = server(world, ({ reply }) => reply(record('a.test')));
    const asking = resolver(world);
    for (let i = 0; i < 20; i++) await outcome(world, asking.query('a.test', 'A'));
    expect(new Set(questions.map(({ from }) => from.port)).size).toBeGreaterThan(15);
    expect(new Set(questions.map(({ question }) => question.id)).size).toBeGreaterThan(15);
    expect(questions[0]!.question.additionals).toMatchObject([{ type: 'OPT', udpPayloadSize: 1232 }]);
    expect(questions[0]!.question.flag_rd).toBe(true);
  });

  test('by TCP leaves it out, too, where the server did not know it', async () => {
    const world = new TwoStacks();
    server(world, ({ question, reply }) => reply(question.additionals!.length > 0 ? { rcode: 'FORMERR' } : { flags: codec.TRUNCATED_RESPONSE }));
    createNet({ stack: world.b, driver: DRIVER }).createServer((socket) => socket.on('data', (data) => {
      const question = codec.decode(data.subarray(2));
      const message = encoded(question, question.additionals!.length > 0 ? { rcode: 'FORMERR' } : record('a.test'));
      socket.write(Buffer.concat([Buffer.of(0, message.length), message]));
    })).listen(53, '10.0.0.2');
    expect(await outcome(world, resolver(world).query('a.test', 'A'))).toBe('10.9.9.9');
  });

  test('is asked again without that, where the server does not know it', async () => {
    const world = new TwoStacks();
    server(world, ({ question, reply }) => reply(question.additionals!.length > 0 ? { rcode: 'FORMERR' } : record('a.test')));
    expect(await outcome(world, resolver(world).query('a.test', 'A'))).toBe('10.9.9.9');
  });

  test('asks nobody for the server’s address, whoever has replaced dns.lookup', async () => {
    const world = new TwoStacks();
    server(world, ({ reply }) => reply(record('a.test')));
    const { lookup } = dns;
    const asking = resolver(world);
    dns.lookup = (() => { throw new Error('asked'); }) as unknown as typeof lookup;
    try {
      expect(await outcome(world, asking.query('a.test', 'A'))).toBe('10.9.9.9');
    } finally {
      dns.lookup = lookup;
    }
  });

  test('can be called off, and leaves no socket behind', async () => {
    const world = new TwoStacks();
    server(world, () => {});
    const asking = resolver(world);
    const query = asking.query('a.test', 'A');
    await world.wait(100);
    expect(udpEndpoints(world)).toBe(1);
    asking.cancel();
    expect(await outcome(world, query)).toBe('ECANCELLED');
    await world.wait(1);
    expect([udpEndpoints(world), world.a.tcp.connections.size]).toEqual([0, 0]);
  });
});

describe('an answer', () => {
  test('is believed when number and question are ours, and it comes from where was asked', async () => {
    const world = new TwoStacks();
    const other = createDgram({ stack: world.b, driver: DRIVER }).createSocket('udp4').bind(54, '10.0.0.2');
    server(world, ({ question, reply, send }) => {
      const forged = record('a.test', '6.6.6.6');
      send(Buffer.from('not a message'));
      send(Buffer.alloc(0));
      reply({ ...forged, id: question.id! ^ 1 });
      reply({ ...forged, questions: [{ type: 'A', name: 'b.test' }] });
      reply({ ...forged, questions: [{ type: 'AAAA', name: 'a.test' }] });
      reply({ ...forged, questions: [] });
      reply({ ...forged, type: 'query' });
      send(encoded(question, forged), other);
      // RFC 5452 §9.1: names are compared without regard to case.
      reply({ ...record('A.test'), questions: [{ type: 'A', name: 'A.TEST' }] });
    });
    expect(await outcome(world, resolver(world).query('a.test', 'A'))).toBe('10.9.9.9');
  });

  test.each([[1], [3], [70_000]])('that is cut short is had by TCP, %i bytes before the others', async (size) => {
    const world = new TwoStacks();
    const answers = Array.from({ length: 600 }, (_, i) => ({ type: 'A' as const, name: 'a.test', data: `10.9.${i >> 8}.${i & 255}`, ttl: 1 }));
    server(world, ({ reply }) => reply({ flags: codec.TRUNCATED_RESPONSE }));
    createNet({ stack: world.b, driver: DRIVER }).createServer((socket) => {
      socket.on('data', (data) => {
        expect(data.readUInt16BE(0)).toBe(data.length - 2);
        const message = encoded(codec.decode(data.subarray(2)), { answers });
        const framed = Buffer.concat([Buffer.alloc(2), message]);
        framed.writeUInt16BE(message.length);
        socket.write(framed.subarray(0, size));
        world.b.after(10, () => socket.write(framed.subarray(size)));
      });
    }).listen(53, '10.0.0.2');
    const found = await world.run(resolver(world).query('a.test', 'A'));
    expect(found.map((each) => (each as { data: string }).data)).toEqual(answers.map(({ data }) => data));
    await world.wait(1);
    expect(udpEndpoints(world)).toBe(0);
  });

  test('that is cut short in the middle of a record is had by TCP, too', async () => {
    const world = new TwoStacks();
    server(world, ({ question, send }) => send(encoded(question, { ...record('a.test'), flags: codec.TRUNCATED_RESPONSE }).subarray(0, -3)));
    createNet({ stack: world.b, driver: DRIVER }).createServer((socket) => socket.on('data', (data) => {
      const message = encoded(codec.decode(data.subarray(2)), record('a.test'));
      socket.write(Buffer.concat([Buffer.of(0, message.length), message]));
    })).listen(53, '10.0.0.2');
    expect(await outcome(world, resolver(world).query('a.test', 'A'))).toBe('10.9.9.9');
  });

  test.each([0, 2, 3])('whose address has %i bytes is none', async (length) => {
    const world = new TwoStacks();
    server(world, ({ question, send }) => {
      const message = encoded(question, record('a.test'));
      message.writeUInt16BE(length, message.length - 6);
      send(message.subarray(0, message.length - 4 + length));
    });
    expect(await outcome(world, resolver(world).query('a.test', 'A'))).not.toMatch(/^10/);
  });

  test('that never comes by TCP, or is another’s, is none', async () => {
    const world = new TwoStacks();
    server(world, ({ reply }) => reply({ flags: codec.TRUNCATED_RESPONSE }));
    let how = 0;
    createNet({ stack: world.b, driver: DRIVER }).createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', (data) => {
        if (how === 1) socket.destroy();
        if (how !== 2) return;
        const asked = codec.decode(data.subarray(2));
        const message = encoded(asked, { ...record('a.test'), id: asked.id! ^ 1 });
        socket.write(Buffer.concat([Buffer.of(message.length >> 8, message.length & 255), message]));
      });
    }).listen(53, '10.0.0.2');
    for (const code of ['ETIMEOUT', 'ECONNRESET', 'EBADRESP']) {
      expect(await outcome(world, resolver(world).query('a.test', 'A'))).toBe(code);
      how++;
    }
  });
});

describe('lookup', () => {
  const asked = (world: TwoStacks, families: (4 | 6)[], name: string, options: object): Promise<unknown> => {
    const lookup = lookupOver({ resolver: resolver(world), families: new Set(families) }, dns.lookup as AnyFunction);
    return world.run(new Promise((resolve) => {
      lookup(name, options, (error: NodeJS.ErrnoException | null, ...found: unknown[]) => resolve(error === null ? found : [error.code, error.errno]));
    }));
  };
  const zone = (world: TwoStacks, six: 'has' | 'has none' | 'fails'): { questions: Asked[] } => server(world, ({ question, reply }) => {
    const [{ type, name }] = question.questions as [{ type: string; name: string }];
    if (name !== 'a.test') reply({ rcode: name === 'broken.test' ? 'SERVFAIL' : 'NXDOMAIN' });
    else if (type === 'A') reply(record(name));
    else if (six === 'has') reply({ answers: [{ type: 'AAAA', name, data: 'fd00::9', ttl: 1 }] });
    else reply(six === 'fails' ? { rcode: 'SERVFAIL' } : {});
  });

  test('asks for both families at once; who is reachable by one comes first', async () => {
    const world = new TwoStacks();
    const { questions } = zone(world, 'has');
    const [four, six] = [{ address: '10.9.9.9', family: 4 }, { address: 'fd00::9', family: 6 }];
    expect(await asked(world, [4], 'a.test', { all: true })).toEqual([[four, six]]);
    expect(await asked(world, [4, 6], 'a.test', { all: true, verbatim: true })).toEqual([[six, four]]);
    expect(await asked(world, [4, 6], 'a.test', { all: true, order: 'ipv4first' })).toEqual([[four, six]]);
    expect(await asked(world, [4, 6], 'a.test', { family: 'IPv4' })).toEqual(['10.9.9.9', 4]);
    expect(questions.map(({ question }) => question.questions![0]!.type).join(' ')).toBe('A AAAA A AAAA A AAAA A');
  });

  test('with ADDRCONFIG asks for what the stack has addresses of; with V4MAPPED finds IPv4 by another name', async () => {
    const world = new TwoStacks();
    const { questions } = zone(world, 'has none');
    const { ADDRCONFIG, V4MAPPED } = dns;
    expect(await asked(world, [4], 'a.test', { hints: ADDRCONFIG })).toEqual(['10.9.9.9', 4]);
    expect(questions.length).toBe(1);
    expect(await asked(world, [4, 6], 'a.test', { family: 6, hints: V4MAPPED })).toEqual(['::ffff:10.9.9.9', 6]);
    expect(await asked(world, [4, 6], 'a.test', { family: 6 })).toEqual(['ENOTFOUND', -3008]);
  });

  test('tells who is unknown from nobody who knows; and does with what one family has', async () => {
    const world = new TwoStacks();
    zone(world, 'fails');
    expect(await asked(world, [4, 6], 'a.test', {})).toEqual(['10.9.9.9', 4]);
    expect(await asked(world, [4, 6], 'nobody.test', {})).toEqual(['ENOTFOUND', -3008]);
    expect(await asked(world, [4, 6], 'broken.test', {})).toEqual(['EAI_AGAIN', -3001]);
  });

  test('takes null for nothing said, what makes no sense as Node does, and numbers for addresses', async () => {
    const world = new TwoStacks();
    const { questions } = zone(world, 'has');
    const nothing = { family: null, hints: null, all: null, verbatim: null };
    expect(await asked(world, [4, 6], 'a.test', nothing)).toEqual(['fd00::9', 6]);
    expect(questions.length).toBe(2);
    const lookup = lookupOver({ resolver: resolver(world), families: new Set([4]) }, dns.lookup as AnyFunction);
    for (const odd of [[5], ['a.test'], ['a.test', { family: 9 }, () => {}], ['a.test', { hints: 3000 }, () => {}]]) {
      expect(() => lookup(...odd)).toThrow(expect.objectContaining({ code: expect.stringMatching(/^ERR_INVALID_ARG/) as string }));
    }
    expect(await asked(world, [4], '127.1', {})).toEqual(['127.0.0.1', 4]);
    expect(questions.length).toBe(2);
  });

  test('knows localhost by itself', async () => {
    const world = new TwoStacks();
    const { questions } = zone(world, 'has');
    expect(await asked(world, [4], 'LocalHost.', { all: true })).toEqual([[{ address: '127.0.0.1', family: 4 }, { address: '::1', family: 6 }]]);
    expect(await asked(world, [4], 'here.localhost', { family: 6, hints: dns.ADDRCONFIG })).toEqual(['::1', 6]);
    expect(questions).toEqual([]);
  });
});

test('a stack with servers of its own: net and dgram find by name', async () => {
  const world = new TwoStacks();
  server(world, ({ question, reply }) => reply(question.questions![0]!.type === 'A' ? record('b.test', '10.0.0.2') : {}));
  const device = { medium: 'ip' as const, name: '', addresses: ['10.0.0.1/24'], gateways: [], kernel: [], mtu: null, nameservers: [{ address: '10.0.0.2', port: 53 }] };
  const stack = new NodeStack({ stack: world.a, driver: DRIVER, close() {} } as never, device);
  const theirs = createNet({ stack: world.b, driver: DRIVER }).createServer((socket) => socket.end('found')).listen(7, '10.0.0.2');
  const heard = new Promise((resolve) => { stack.net.connect(7, 'b.test').on('data', (data) => resolve(String(data))); });
  expect(await world.run(heard)).toBe('found');
  theirs.close();

  const ear = createDgram({ stack: world.b, driver: DRIVER }).createSocket('udp4').bind(7, '10.0.0.2');
  const message = new Promise((resolve) => { ear.on('message', (data) => resolve(String(data))); });
  stack.dgram.createSocket('udp4').send('by name', 7, 'b.test');
  expect(await world.run(message)).toBe('by name');
});

test('without the codec it says what to do', () => {
  expect(() => requireCodec(() => { throw new Error('nowhere'); })).toThrow(expect.objectContaining({
    code: 'ENOSYS', message: 'lookup ENOSYS: names are asked for by the package dns-packet, which is not installed; run: npm install dns-packet',
  }));
});
