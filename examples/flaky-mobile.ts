// Simulate a flaky mobile link: ten good seconds, a tunnel, an edge of the cell where losses come in bursts, and all over again.
// A phone sends 20 MB; every ten seconds we look how far it has come.

import { createNetwork } from 'wallsocket/testing';

const net = createNetwork({ seed: 1 });
const [phone, server] = [net.host('phone'), net.host('server')];
const radio = net.link(phone, server);
radio.schedule([
  { at: 0, delayMs: 60, jitterMs: 10, bitsPerSecond: 10e6, queue: 'codel' },
  { at: '10 s', loss: 1 },
  { at: '15 s', delayMs: 200, jitterMs: 50, bitsPerSecond: 1e6, queue: 'codel', bursts: { toBad: 0.01, toGood: 0.3 } },
], { every: '20 s' });

let arrived = 0;
void (async () => {
  for await (const socket of server.listen(80)) for await (const bytes of socket) arrived += bytes.length;
})();

const socket = await net.runUntil(phone.connect(server, 80));
const sent = socket.write(new Uint8Array(20e6)).then(() => socket.end());
for (let seconds = 10; arrived < 20e6; seconds += 10) {
  await net.advance('10 s');
  if (seconds <= 40) console.log(`${seconds} s: ${(arrived / 1e6).toFixed(0)} MB`);
}
await net.runUntil(sent);
console.log(`${arrived} bytes, and ${net.now < 300_000 ? 'less' : 'more'} than five minutes`);
