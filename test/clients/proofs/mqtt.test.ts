// A client behind a NAT: an MQTT client pings its broker every five minutes, and the NAT forgets after two. What is published
// meanwhile goes nowhere, and nobody is told. With its next ping the client is a stranger: it is reset, and connects anew.

import { Aedes } from 'aedes';
import mqtt from 'mqtt';
import { expect, test } from 'vitest';
import { createNetwork, fakeTimers, netOf } from 'wallsocket/testing/node';

async function sixMinutes(seed: number) {
  const net = createNetwork({ seed });
  // The timers, dates and dice of both programs are the network's: MQTT draws the numbers of its messages.
  using _ = fakeTimers(net);
  const [phone, server, nat] = [net.host('phone'), net.host('server'), net.nat('nat', { tcpMs: 120_000, preservesPorts: false })];
  net.link(phone, nat.inside, { delay: '30 ms' });
  net.link(nat.outside, server, { delay: '10 ms' });

  const broker = await net.runUntil(Aedes.createBroker());
  const listener = netOf(server).createServer((socket) => broker.handle(socket)).listen(1883);
  const client = new mqtt.MqttClient(() => netOf(phone).connect(1883, server.ip) as never, {
    clientId: 'phone', clean: false, keepalive: 300, reconnectPeriod: 5000,
  });
  const log: string[] = [];
  const note = (what: string): void => void log.push(`${Math.round(net.now / 1000)} s: ${what}`);
  client.on('connect', () => note('connect')).on('close', () => note('close')).on('error', (error) => note(error.message));
  client.on('message', (_topic, payload) => note(String(payload)));
  const publish = (payload: string): void =>
    broker.publish({ cmd: 'publish', topic: 'news', payload, qos: 1, retain: false, dup: false }, () => {});

  await net.runUntil(client.subscribeAsync('news', { qos: 1 }));
  publish('first');
  await net.advance('4 min');
  publish('second');
  await net.advance('2 min');
  await net.runUntil(client.endAsync());
  listener.close();
  await net.runUntil(new Promise<void>((resolve) => broker.close(resolve)));
  return { net, log };
}

test('an MQTT client hears what it missed, when its NAT has forgotten it', async () => {
  const { net, log } = await sixMinutes(7);
  expect(log).toEqual(['0 s: connect', '0 s: first', '300 s: read ECONNRESET', '300 s: close', '305 s: connect', '306 s: second', '360 s: close']);
  // What the server repeated stopped at the NAT.
  const lost = net.trace.frames({ only: ({ port, view }) => port.to === 'nat' && port.from === 'server' && view.text.includes('second') });
  expect(lost.length).toBeGreaterThan(5);

  const again = await sixMinutes(7);
  expect(again.log).toEqual(log);
  expect(again.net.traceHash).toBe(net.traceHash);
});
