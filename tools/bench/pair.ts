// Both ends of one connection in one process: what moving bytes costs without any other process to help.

import net from 'node:net';
import { once } from 'node:events';

import { createPipe, drive, Stack, TcpServer, TcpSocket } from '../../src/index.js';

const CHUNK = new Uint8Array(65_536);
const PORT = 5001;

/** Gigabits per second over `bytes`, behind a warm-up of an eighth as many on the same connection. */
export async function pairBulk(side: 'ours' | 'theirs', bytes: number): Promise<number> {
  const meter = new Meter(bytes);
  await (side === 'ours' ? ourPair(meter) : nodePair(meter));
  return meter.gigabitsPerSecond();
}

/** Counts what arrives, and takes the time of it. */
class Meter {
  private received = 0;
  private from = 0;
  private until = 0;
  readonly total: number;
  private readonly warm: number;

  constructor(private readonly bytes: number) {
    this.warm = bytes / 8;
    this.total = bytes + this.warm;
  }

  take(bytes: number): void {
    this.received += bytes;
    if (this.from === 0 && this.received >= this.warm) this.from = performance.now();
    if (this.received >= this.total) this.until = performance.now();
  }

  gigabitsPerSecond(): number {
    return (this.bytes * 8) / 1e6 / (this.until - this.from);
  }
}

/** As the kernel's loopback does: superpackets of up to 64 KB, and checksums left out. */
async function ourPair(meter: Meter): Promise<void> {
  const offload = { checksum: true, tcpSegmentation: true, udpSegmentation: true };
  const ends = createPipe({ offload });
  const [a, b] = [new Stack(), new Stack()];
  a.addInterface(ends[0], { addresses: ['10.0.0.1/24'] });
  b.addInterface(ends[1], { addresses: ['10.0.0.2/24'] });
  const drivers = [drive(a), drive(b)];
  const server = TcpServer.listen(b, { port: PORT });
  const reading = (async () => {
    const socket = await server.accept();
    for await (const piece of socket!) meter.take(piece.length);
  })();
  const client = await TcpSocket.connect(a, { address: '10.0.0.2', port: PORT });
  for (let sent = 0; sent < meter.total; sent += CHUNK.length) await client.write(CHUNK);
  client.end();
  await reading;
  for (const driver of drivers) driver.stop();
}

async function nodePair(meter: Meter): Promise<void> {
  const server = net.createServer((socket) => socket.on('data', (piece) => meter.take(piece.length)));
  await once(server.listen(PORT, '127.0.0.1'), 'listening');
  const client = net.connect({ host: '127.0.0.1', port: PORT });
  let sent = 0;
  const write = (): void => {
    while (sent < meter.total) {
      sent += CHUNK.length;
      if (!client.write(CHUNK)) return;
    }
    client.end();
  };
  client.on('drain', write).on('connect', write);
  // The server ends its side when we have ended ours, and then all was read.
  await once(client.resume(), 'close');
  server.close();
}
