import { createPipe, drive, Stack, TcpServer, TcpSocket } from 'wallsocket';

const [left, right] = createPipe();
const [server, client] = [new Stack(), new Stack()];
server.addInterface(left, { addresses: ['10.0.0.1/24', 'fd00::1/64'] });
client.addInterface(right, { addresses: ['10.0.0.2/24', 'fd00::2/64'] });
const drivers = [drive(server), drive(client)];   // in real time; a test calls poll(now) with a clock of its own

const listener = TcpServer.listen(server, { port: 7 });
const socket = await TcpSocket.connect(client, { address: 'fd00::1', port: 7 });
const peer = await listener.accept();
await socket.write(new TextEncoder().encode('hello'));
console.log(new TextDecoder().decode((await peer!.read())!));
for (const driver of drivers) driver.stop();
