// The load generator on Node, for a machine without a C compiler: loadgen.c's modes, arguments and line of output.
// It is slower than what it measures more often than loadgen.c is; its figures are not to be compared with those.

import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

interface Load {
  readonly host: string;
  readonly port: number;
  readonly connections: number;
  readonly seconds: number;
  readonly warm: number;
  readonly size: number;
  readonly sources: readonly string[];
}

/** @param words  `address=10.0.0.2 port=5001 …`, as loadgen.c takes them */
export async function generateLoad(mode: string, words: readonly string[]): Promise<void> {
  const given = new Map(words.map((word) => word.split('=', 2) as [string, string]));
  const number = (name: string, otherwise: number): number => Number(given.get(name) ?? otherwise);
  const load: Load = {
    host: given.get('address') ?? '127.0.0.1', port: number('port', 0), connections: number('connections', 1),
    seconds: number('seconds', 2), warm: number('warm', 0.5), size: number('size', 64),
    sources: given.get('sources')?.split(',') ?? [],
  };
  const run = MODES[mode];
  if (run === undefined) throw new Error(`loadgen: what is ${mode}?`);
  process.stdout.write(`${JSON.stringify({ mode, ...(await run(load)) })}\n`);
  if (mode === 'idle') await once(process.stdin.resume(), 'end');
  process.exit(0);
}

interface Outcome {
  readonly seconds: number;
  readonly count: number;
  readonly perSecond: number;
  readonly errors: number;
  readonly cpu: number;
}

const MODES: Readonly<Record<string, (load: Load) => Promise<Outcome>>> = {
  tx: (load) => bulk(load, (socket) => {
    const bytes = new Uint8Array(load.size);
    const write = (): void => {
      while (socket.write(bytes)) { /* until it is full */ }
    };
    socket.on('drain', write);
    write();
    return () => socket.bytesWritten - socket.writableLength;
  }),
  rx: (load) => bulk(load, (socket) => {
    socket.resume();
    return () => socket.bytesRead;
  }),
  pp: pingPong,
  cps: connectClose,
  udp: flood,
  idle,
};

let errors = 0;

function dial({ host, port, sources }: Load, nth: number): net.Socket {
  const localAddress = sources[nth % sources.length];
  const socket = net.connect({ host, port, noDelay: true, ...(localAddress !== undefined && { localAddress }) });
  socket.on('error', () => errors++);
  return socket;
}

async function dialAll(load: Load): Promise<net.Socket[]> {
  const sockets: net.Socket[] = [];
  for (let i = 0; i < load.connections; i++) {
    const socket = dial(load, i);
    await once(socket, 'connect');
    sockets.push(socket);
  }
  return sockets;
}

/** What `count` grows by in the measured time, which a warm-up precedes. */
async function measure(load: Load, count: () => number): Promise<Outcome> {
  await sleep(load.warm * 1000);
  const [from, before, cpu] = [performance.now(), count(), process.cpuUsage()];
  await sleep(load.seconds * 1000);
  const seconds = (performance.now() - from) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const grown = count() - before;
  return { seconds, count: grown, perSecond: grown / seconds, errors, cpu: (user + system) / 1e6 / seconds };
}

async function bulk(load: Load, begin: (socket: net.Socket) => () => number): Promise<Outcome> {
  const sockets = await dialAll(load);
  const counts = sockets.map(begin);
  const outcome = await measure(load, () => counts.reduce((sum, count) => sum + count(), 0));
  for (const socket of sockets) socket.resetAndDestroy();
  return outcome;
}

async function pingPong(load: Load): Promise<Outcome> {
  const bytes = new Uint8Array(load.size);
  let trips = 0;
  const sockets = await dialAll(load);
  for (const socket of sockets) {
    let got = 0;
    socket.on('data', (piece) => {
      got += piece.length;
      if (got < load.size) return;
      got = 0;
      trips++;
      socket.write(bytes);
    });
    socket.write(bytes);
  }
  const outcome = await measure(load, () => trips);
  for (const socket of sockets) socket.resetAndDestroy();
  return outcome;
}

async function connectClose(load: Load): Promise<Outcome> {
  let done = 0;
  let dialled = 0;
  const next = (): void => {
    const socket = dial(load, dialled++);
    socket.on('connect', () => socket.end()).resume();
    socket.on('close', (hadError) => {
      if (!hadError) done++;
      next();
    });
  };
  for (let i = 0; i < load.connections; i++) next();
  return measure(load, () => done);
}

async function flood(load: Load): Promise<Outcome> {
  const socket = dgram.createSocket('udp4');
  await new Promise<void>((resolve) => socket.connect(load.port, load.host, resolve));
  const bytes = new Uint8Array(load.size);
  let flooding = false;
  const send = (): void => {
    // libuv queues what the kernel has no room for, without bound: a batch at a time, by the last one's completion.
    for (let i = 0; i < 63; i++) socket.send(bytes, () => {});
    socket.send(bytes, () => flooding && setImmediate(send));
  };
  flooding = true;
  send();
  await sleep(load.warm * 1000);
  flooding = false;
  const before = await ask(socket);
  flooding = true;
  send();
  const outcome = await measure({ ...load, warm: 0 }, () => 0);
  flooding = false;
  await sleep(100);
  const count = (await ask(socket)) - before;
  return { ...outcome, count, perSecond: count / outcome.seconds };
}

/** The server's count; asked again when the question or the answer is lost. */
async function ask(socket: dgram.Socket): Promise<number> {
  for (let tries = 0; tries < 20; tries++) {
    const answer = once(socket, 'message', { signal: AbortSignal.timeout(250) });
    socket.send('?');
    try {
      const [text] = (await answer) as [Buffer];
      return Number(text.toString());
    } catch { /* lost */ }
  }
  throw new Error('loadgen: the server does not tell its count');
}

async function idle(load: Load): Promise<Outcome> {
  const from = performance.now();
  for (const socket of await dialAll(load)) {
    socket.write('i');
    await once(socket, 'data');
  }
  const seconds = (performance.now() - from) / 1000;
  return { seconds, count: load.connections, perSecond: load.connections / seconds, errors, cpu: 0 };
}
