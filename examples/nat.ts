// Simulate a home: two machines behind a NAT that forgets what is quiet for half a minute. The server's push does not arrive
// any more; a client that says something now and then keeps its mapping.

import { createNetwork } from 'wallsocket/testing';

const net = createNetwork({ seed: 1 });
const [lazy, busy] = [net.host('lazy'), net.host('busy')];
const server = net.host('server');
const home = net.switch('home');
const nat = net.nat('nat', { kind: 'port-restricted', udpMs: 30_000 });
for (const host of [lazy, busy]) net.link(host, home);
net.link(nat.inside, home);
net.link(nat.outside, server);

const push = server.udp({ port: 9000 });
for (const host of [lazy, busy]) {
  const socket = host.udp({ port: 5000 });
  const hello = (): void => void socket.send(new TextEncoder().encode(host.name), { address: server.ip, port: 9000 });
  hello();
  if (host === busy) for (let s = 20; s <= 120; s += 20) net.after(`${s} s`, hello);
  void (async () => {
    for await (const { data } of socket) console.log(`${host.name} hears ${new TextDecoder().decode(data)}`);
  })();
}

const clients = [await net.runUntil(push.receive()), await net.runUntil(push.receive())];
console.log(clients.map((each) => `${new TextDecoder().decode(each!.data)} comes from ${each!.address}`).join(', '));
for (const span of ['10 s', '1 min']) {
  await net.advance(span);
  for (const { address, port } of clients.map((each) => each!)) push.send(new TextEncoder().encode(`news after ${span}`), { address, port });
  await net.advance(100);
}
