// Test a reconnect: the cable is pulled for a minute, then the peer dies without a word. TCP mends the one by itself and gives
// up on the other; the client notices and connects anew. Sixteen virtual minutes, in some milliseconds.

import { createNetwork, type Host } from 'wallsocket/testing';

const net = createNetwork({ seed: 1 });
const [client, server] = net.hosts(2);
const wire = net.link(client, server);

async function echo(host: Host): Promise<void> {
  for await (const socket of host.listen(7)) for await (const bytes of socket) await socket.write(bytes);
}
const text = (bytes: Uint8Array | null): string => new TextDecoder().decode(bytes!);
void echo(server);

const socket = await net.runUntil(client.connect(server, 7));
const cut = wire.unplug();
await socket.write(new TextEncoder().encode('still there?'));
await net.advance('1 min');
cut.undo();
console.log(text(await net.runUntil(socket.read())), 'after', Math.floor(net.now / 1000), 's');

const crash = server.crash({ silent: true });
await socket.write(new TextEncoder().encode('and now?'));
await net.advance('5 min');
console.log(net.diagnosis().replace(/:\d+$/, ''));
const failure = await net.runUntil(socket.read().catch((error: Error) => error), { max: '30 min' });
console.log(String(failure));

crash.undo();
void echo(server);
const again = await net.runUntil(client.connect(server, 7));
await again.write(new TextEncoder().encode('hello again'));
console.log(text(await net.runUntil(again.read())));
