// A device of one's own: it wraps another and loses one frame in a hundred, as a seed decides. Nobody above is told; TCP
// notices and repairs.

import {
  createPipe, type Device, drive, type FrameSink, type Packet, SeededRandom, Stack, TcpServer, TcpSocket,
} from 'wallsocket';

class Lossy implements Device {
  lost = 0;
  private readonly device: Device;
  private readonly random = new SeededRandom(1);

  constructor(device: Device) {
    this.device = device;
  }

  get name() { return this.device.name; }
  get medium() { return this.device.medium; }
  get mtu() { return this.device.mtu; }
  get linkAddress() { return this.device.linkAddress; }
  get offload() { return this.device.offload; }

  attach(sink: FrameSink): void {
    this.device.attach(sink);
  }

  transmit(packet: Packet): boolean {
    if (this.random.below(100) > 0) return this.device.transmit(packet);
    this.lost++;
    packet.release();   // it is ours now, and goes back to its pool
    return true;        // a wire does not say what it loses
  }

  close(): void {
    this.device.close();
  }
}

const [left, right] = createPipe();
const lossy = new Lossy(right);
const [server, client] = [new Stack(), new Stack()];
server.addInterface(left, { addresses: ['10.0.0.1/24'] });
client.addInterface(lossy, { addresses: ['10.0.0.2/24'] });
const drivers = [drive(server), drive(client)];

const listener = TcpServer.listen(server, { port: 9 });
const socket = await TcpSocket.connect(client, { address: '10.0.0.1', port: 9 });
const peer = await listener.accept();
void socket.write(Uint8Array.from({ length: 300_000 }, (_, i) => i % 251)).then(() => socket.end());

let [at, damaged] = [0, 0];
for await (const piece of peer!) for (const byte of piece) if (byte !== at++ % 251) damaged++;
console.log(`${at} bytes, ${damaged} of them wrong`);
console.log(lossy.lost > 0 ? 'and the wire had lost some frames' : 'the wire lost nothing');
for (const driver of drivers) driver.stop();
