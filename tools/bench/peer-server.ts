// The peer: the bench's services on Node's own node:net and node:dgram, which is to say on the kernel's stack.

import dgram from 'node:dgram';
import net from 'node:net';

import { PORTS, serveBench } from './service.js';

const CHUNK = new Uint8Array(65_536);

export async function servePeer(address: string): Promise<void> {
  await Promise.all([
    listen(address, PORTS.sink, count),
    listen(address, PORTS.source, pour),
    listen(address, PORTS.echo, echo),
    listen(address, PORTS.discard, count),
    bind(address, PORTS.sink, sink()),
    bind(address, PORTS.echo, (socket, bytes, from) => socket.send(bytes, from.port, from.address)),
  ]);
  await serveBench();
}

function listen(host: string, port: number, serve: (socket: net.Socket) => void): Promise<void> {
  const server = net.createServer({ noDelay: true }, (socket) => {
    // The generator leaves with a reset.
    socket.on('error', () => {});
    serve(socket);
  });
  return new Promise((resolve) => server.listen({ host, port, backlog: 4096 }, resolve));
}

/** Takes all; ends when the client does, which is net's default. */
function count(socket: net.Socket): void {
  let bytes = 0;
  socket.on('data', (piece) => (bytes += piece.length));
}

function pour(socket: net.Socket): void {
  const write = (): void => {
    while (socket.write(CHUNK)) { /* until it is full */ }
  };
  socket.on('drain', write);
  write();
}

function echo(socket: net.Socket): void {
  socket.on('data', (piece) => {
    if (!socket.write(piece)) socket.pause();
  });
  socket.on('drain', () => socket.resume());
}

type Receive = (socket: dgram.Socket, bytes: Buffer, from: dgram.RemoteInfo) => void;

function bind(address: string, port: number, receive: Receive): Promise<void> {
  // As much as the kernel gives to anybody who asks (net.core.rmem_max).
  const socket = dgram.createSocket({ type: 'udp4', recvBufferSize: 4 << 20 });
  socket.on('message', (bytes, from) => receive(socket, bytes, from));
  return new Promise((resolve) => socket.bind({ address, port }, resolve));
}

function sink(): Receive {
  let datagrams = 0;
  return (socket, bytes, from) => {
    if (bytes.length === 1 && bytes[0] === 0x3f) socket.send(String(datagrams), from.port, from.address);
    else datagrams++;
  };
}
