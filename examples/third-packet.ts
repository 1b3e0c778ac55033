// Prove your retry logic: exactly the third packet with text is lost, and what was sent is held against packetdrill's notation.

import { createNetwork, parseSegments, sentSegments, traceDifference } from 'wallsocket/testing';

const net = createNetwork({ seed: 1 });
const [a, b] = net.hosts(2);
const wire = net.link(a, b);
const server = b.listen(7);
const socket = await net.runUntil(a.connect(b, 7, { noDelay: true }));
const peer = await net.runUntil(server.accept());

wire.loss({ nth: 3, of: (packet) => packet.payload.length > 0 }, { from: a });
for (const word of ['one', 'two', 'three']) {
  await socket.write(new TextEncoder().encode(word));
  await net.advance(5);
}
let heard = '';
while (heard.length < 11) heard += new TextDecoder().decode((await net.runUntil(peer!.read()))!);
console.log(heard);

const difference = traceDifference(parseSegments(`
  a > S 0:0(0) win 65535 <mss 1460,...>
  b > S. 0:0(0) ack 1
  a > . 1:1(0) ack 1
  a > P. 1:4(3) ack 1
  a > P. 4:7(3) ack 1
  a > P. 7:12(5) ack 1 (dropped)
  b > . 1:1(0) ack 7
  a > P. 7:12(5) ack 1            // the tail is probed: RFC 8985 §7
  ...
`), sentSegments(net));
console.log(difference ?? 'as it should be');
