// A raw socket sees every packet that is delivered to its stack, with its IP header, and UDP gets it all the same; and it
// sends packets of a protocol that nobody registered.

import { createPipe, drive, RawSocket, Stack, UdpSocket } from 'wallsocket';

const [left, right] = createPipe();
const [host, guest] = [new Stack(), new Stack()];
host.addInterface(left, { addresses: ['10.0.0.1/24'] });
guest.addInterface(right, { addresses: ['10.0.0.2/24'] });
const drivers = [drive(host), drive(guest)];

const sniffer = RawSocket.open(host);   // all protocols of IPv4; `{ family: 6 }` hears IPv6
const server = UdpSocket.bind(host, { port: 53 });
const client = UdpSocket.bind(guest, { family: 4, port: 5353 });
client.send(new TextEncoder().encode('who is there?'), { address: '10.0.0.1', port: 53 });
console.log(`the socket: ${new TextDecoder().decode((await server.receive())!.data)}`);

// 253 is for experiments: RFC 3692.
RawSocket.open(guest, { protocol: 253 }).send(new TextEncoder().encode('ours alone'), '10.0.0.1');

for (let seen = 0; seen < 2; seen++) {
  const { bytes, payloadAt, protocol, address, localAddress } = (await sniffer.receive())!;
  const payload = bytes.subarray(protocol === 17 ? payloadAt + 8 : payloadAt);
  console.log(`the sniffer: ${address} > ${localAddress}, protocol ${protocol}: ${new TextDecoder().decode(payload)}`);
}
for (const driver of drivers) driver.stop();
