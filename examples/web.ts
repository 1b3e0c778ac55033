// Sockets as the web's streams: an echo server is a pipe, a client is two more, and datagrams are messages.

import { createPipe, drive, Stack } from 'wallsocket';
import { connect, listen, openUdp } from 'wallsocket/web';

const [left, right] = createPipe();
const [near, far] = [new Stack(), new Stack()];
near.addInterface(left, { addresses: ['10.0.0.1/24', 'fd00::1/64'] });
far.addInterface(right, { addresses: ['10.0.0.2/24', 'fd00::2/64'] });
const drivers = [drive(near), drive(far)];

// A server is a stream of sockets. This one serves two clients and is left, which closes it.
const server = listen(far, { port: 7 });
const serving = (async () => {
  let clients = 0;
  for await (const client of server.readable) {
    void client.readable.pipeTo(client.writable);   // back-pressure from the client's window to its own send buffer
    if (++clients === 2) break;
  }
})();

for (const address of ['10.0.0.2:7', '[fd00::2]:7']) {
  const socket = connect(near, address);
  const writer = socket.writable.getWriter();
  void writer.write(new TextEncoder().encode(`hello, ${address}`));
  void writer.close();   // our side ends; we still read
  let text = '';
  for await (const bytes of socket.readable) text += new TextDecoder().decode(bytes);
  await socket.closed;
  console.log(text);
}
await serving;

const refused = connect(near, '10.0.0.2:7');
await refused.opened.catch((error: Error) => console.log(error.message));

const [asking, answering] = [openUdp(near, { remote: { address: '10.0.0.2', port: 53 } }), openUdp(far, { port: 53 })];
void answering.readable.pipeTo(answering.writable);   // a message comes with its sender's address, and so goes back to it
await asking.writable.getWriter().write({ data: new TextEncoder().encode('who is there?') });
const { value } = await asking.readable.getReader().read();
console.log(`${value!.remoteAddress}: ${new TextDecoder().decode(value!.data)}`);
for (const driver of drivers) driver.stop();
