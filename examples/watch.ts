// Watch a connection: what it sent as lines, as a diagram for a document, as a capture for Wireshark, and who waits for what.

import { readPcap } from 'wallsocket/pcap';
import { createNetwork } from 'wallsocket/testing';

const net = createNetwork({ seed: 1 });
const [client, server] = [net.host('client'), net.host('server')];
const wire = net.link(client, server, { delay: '20 ms' });
const listener = server.listen(80);

const socket = await net.runUntil(client.connect(server, 80));
const peer = await net.runUntil(listener.accept());
wire.loss({ nth: 1 }, { from: client });
await socket.write(new TextEncoder().encode('GET /'));
await net.runUntil(peer!.read());

// The last of it, as tcpdump would say it, with its fate in parentheses.
for (const line of net.trace.text({ last: 3 }).split('\n')) console.log(line.replace(/: IP .*/, ''), /length \d+/.exec(line)![0]);
console.log(net.trace.diagram({ last: 3 }));
const frames = [...readPcap(net.trace.pcapng())];
console.log(`${frames.length} frames in the capture, the fourth with the comment "${frames[3]!.comment}"`);
console.log(net.trace.sockets().split('\n').map((row) => row.split(/ {2,}/)).filter(([host]) => host === 'client').map((row) => row[2]).join());
