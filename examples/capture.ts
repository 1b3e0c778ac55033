// A capture in memory: the device is wrapped, whoever holds the stack notices nothing. Written to a file, these bytes open in
// Wireshark; here they are read back.

import { createPipe, drive, Stack, TcpServer, TcpSocket } from 'wallsocket';
import { PcapWriter, readPcap, tap } from 'wallsocket/pcap';

const blocks: Uint8Array[] = [];
const writer = new PcapWriter((block) => blocks.push(block), { epochMs: performance.timeOrigin });

const [left, right] = createPipe();
const [server, client] = [new Stack(), new Stack()];
server.addInterface(tap(left, writer, () => performance.now()), { addresses: ['10.0.0.1/24'] });
client.addInterface(right, { addresses: ['10.0.0.2/24'] });
const drivers = [drive(server), drive(client)];

const listener = TcpServer.listen(server, { port: 80 });
const socket = await TcpSocket.connect(client, { address: '10.0.0.1', port: 80 });
const peer = await listener.accept();
socket.end();
await peer!.read();   // null: the client has ended its side
peer!.end();
await Promise.all([socket.close(), peer!.close()]);
for (const driver of drivers) driver.stop();

for (const { bytes, direction } of readPcap(Buffer.concat(blocks))) {
  const flags = bytes[20 + 13]!;   // behind an IPv4 header without options
  const names = ['FIN', 'SYN', 'RST', 'PSH', 'ACK'].filter((_, bit) => (flags >> bit) & 1);
  console.log(`${direction} ${names.join(' ')}`);
}
