// Who talks to the stack in the self-test: the kernel, by Node's own sockets, or another stack in memory.

import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import { ping } from '../../src/socket-api/ping.js';
import { TcpServer, TcpSocket } from '../../src/socket-api/tcp.js';
import { UdpSocket } from '../../src/socket-api/udp.js';
import { TcpDuplex } from '../../src/socket-api/node/duplex.js';
import type { Stack } from '../../src/stack.js';
import { kernelPing } from '../kernel-ping.js';

/** A UDP socket connected to one port. */
export interface Datagrams {
  send(bytes: Uint8Array): void;
  /** Rejects with the ICMP error, if one comes. */
  receive(): Promise<Uint8Array>;
  close(): void;
}

export interface Peer {
  readonly label: string;
  ping(address: string, bytes: number): Promise<void>;
  connect(address: string, port: number): Promise<Duplex>;
  datagrams(address: string, port: number): Promise<Datagrams>;
  /** A TCP echo server of the peer's, on a port of its own. */
  echoServer(address: string): Promise<{ port: number; close(): void }>;
}

export class KernelPeer implements Peer {
  readonly label = 'kernel';

  async ping(address: string, bytes: number): Promise<void> {
    await kernelPing(address, { bytes, timeoutMs: 5000 });
  }

  async connect(address: string, port: number): Promise<Duplex> {
    const socket = net.connect({ host: address, port, noDelay: true });
    await once(socket, 'connect');
    return socket;
  }

  async datagrams(address: string, port: number): Promise<Datagrams> {
    const socket = dgram.createSocket({ type: address.includes(':') ? 'udp6' : 'udp4', recvBufferSize: 1 << 20 });
    await new Promise<void>((resolve) => {
      socket.connect(port, address, resolve);
    });
    return {
      send: (bytes) => socket.send(bytes),
      receive: async () => {
        const [bytes] = (await once(socket, 'message')) as [Uint8Array];
        return bytes;
      },
      close: () => socket.close(),
    };
  }

  async echoServer(address: string): Promise<{ port: number; close(): void }> {
    const server = net.createServer((socket) => {
      socket.on('error', () => socket.destroy());
      socket.pipe(socket);
    });
    server.listen(0, address);
    await once(server, 'listening');
    return { port: (server.address() as net.AddressInfo).port, close: () => server.close() };
  }
}

export class MemoryPeer implements Peer {
  readonly label = 'second stack';

  constructor(private readonly stack: Stack) {}

  async ping(address: string, bytes: number): Promise<void> {
    await ping(this.stack, address, { bytes, timeoutMs: 5000 });
  }

  async connect(address: string, port: number): Promise<Duplex> {
    return new TcpDuplex(await TcpSocket.connect(this.stack, { address, port, noDelay: true }));
  }

  datagrams(address: string, port: number): Promise<Datagrams> {
    const socket = UdpSocket.bind(this.stack, { family: address.includes(':') ? 6 : 4 });
    socket.connect({ address, port });
    return Promise.resolve({
      send: (bytes) => socket.send(bytes),
      receive: async () => (await socket.receive())!.data,
      close: () => socket.close(),
    });
  }

  echoServer(address: string): Promise<{ port: number; close(): void }> {
    const server = TcpServer.listen(this.stack, { address, port: 0 });
    void (async () => {
      for await (const socket of server) {
        const duplex = new TcpDuplex(socket);
        duplex.on('error', () => duplex.destroy());
        duplex.pipe(duplex);
      }
    })();
    return Promise.resolve({ port: server.port, close: () => server.close() });
  }
}
