// What the process is kept alive by: handles that are at work and referenced, as with libuv. In a file of its own, for
// the process is one.

import { syncBuiltinESMExports } from 'node:module';
import type { AddressInfo, Socket } from 'node:net';
import nodeTimers from 'node:timers';
import { describe, expect, test } from 'vitest';

import { createNet } from '../../../../src/socket-api/node/net.js';
import { EVERYTHING, TwoStacks } from '../../../fixtures/two-stacks.js';

const DRIVER = { stop(): void {}, ref(): void {}, unref(): void {} };

const event = (emitter: NodeJS.EventEmitter, name: string): Promise<unknown> =>
  new Promise((resolve) => emitter.once(name, resolve));

/** Intervals that nobody has cleared, of 24 days: the test runner has timers, too, which come and go. */
const anchors = new Set<unknown>();
const { setInterval: set, clearInterval: clear } = nodeTimers;
nodeTimers.setInterval = ((run: () => void, ms: number) => {
  const timer = set(run, ms);
  if (ms === 2 ** 31 - 1) anchors.add(timer);
  return timer;
}) as typeof set;
nodeTimers.clearInterval = (timer) => {
  anchors.delete(timer);
  clear(timer);
};
syncBuiltinESMExports();

describe('what the process is kept alive by', () => {
  const timers = (): number => [...anchors].filter((timer) => (timer as NodeJS.Timeout).hasRef()).length;

  test('listeners, and connections that are read or written; not what is unreferenced or paused', async () => {
    const world = new TwoStacks({ pipe: { offload: EVERYTHING } });
    const [a, b] = [world.a, world.b].map((stack) => createNet({ stack, driver: DRIVER }));
    await world.settle();
    const none = timers();
    const server = b!.createServer().listen(0, '10.0.0.2');
    await world.run(event(server, 'listening'));
    const { port } = server.address() as AddressInfo;
    expect(timers()).toBe(none + 1);
    server.unref();
    expect(timers()).toBe(none);
    server.ref();
    expect(timers()).toBe(none + 1);
    server.unref();
    const accepted = event(server, 'connection');
    const client = a!.connect(port, '10.0.0.2');
    await world.run(event(client, 'connect'));
    const peer = await world.run(accepted) as Socket;
    expect(timers()).toBe(none + 1);
    client.unref();
    expect(timers()).toBe(none + 1);
    peer.unref();
    expect(timers()).toBe(none);
    client.ref();
    expect(timers()).toBe(none + 1);
    client.destroy();
    peer.destroy();
    await world.settle();
    expect(timers()).toBe(none);
    server.close();
  });

  test('a client that is accepted paused holds nothing until it is read', async () => {
    const world = new TwoStacks({ pipe: { offload: EVERYTHING } });
    const [a, b] = [world.a, world.b].map((stack) => createNet({ stack, driver: DRIVER }));
    await world.settle();
    const none = timers();
    const server = b!.createServer({ pauseOnConnect: true }).listen(0, '10.0.0.2');
    await world.run(event(server, 'listening'));
    server.unref();
    const accepted = event(server, 'connection');
    const client = a!.connect((server.address() as AddressInfo).port, '10.0.0.2').unref();
    const peer = await world.run(accepted) as Socket;
    expect(timers()).toBe(none);
    peer.resume();
    await world.settle();
    expect(timers()).toBe(none + 1);
    client.destroy();
    await world.run(event(peer, 'close'));
    expect(timers()).toBe(none);
    server.close();
  });

  test('a handle that is closed holds nothing, however often it was referenced', async () => {
    const world = new TwoStacks();
    await world.settle();
    const none = timers();
    const server = createNet({ stack: world.a, driver: DRIVER }).createServer().listen(0, '10.0.0.1');
    await world.run(event(server, 'listening'));
    server.ref();
    server.ref();
    server.close();
    expect(timers()).toBe(none);
  });
});
