// The small services of old, good for trying a stack out: echo (RFC 862), discard (RFC 863), daytime (RFC 867), chargen
// (RFC 864), over TCP and UDP; and for throughput tools a sink and an endless source. None runs unless somebody calls.

import { TcpServer, type TcpHost, type TcpSocket } from '../socket-api/tcp.js';
import { type UdpHost, UdpSocket } from '../socket-api/udp.js';
import type { Datagram } from '../udp/datagram-queue.js';

export interface ServicePorts {
  readonly echo: number;
  readonly discard: number;
  readonly daytime: number;
  readonly chargen: number;
  /** Takes all and counts it; also where iperf 2 sends. A UDP datagram of `?` is answered with the count. */
  readonly sink: number;
  /** Gives zeros without end (TCP). */
  readonly source: number;
}

/** The assigned ports, and iperf 2's. */
export const SERVICE_PORTS: ServicePorts = { echo: 7, discard: 9, daytime: 13, chargen: 19, sink: 5001, source: 5002 };

export interface SmallServers {
  /** Datagrams that the UDP sink has taken. */
  readonly sunk: number;
  close(): void;
}

/**
 * Serve all of them.
 * @param wallClock  the date as daytime gives it: the core knows no calendar
 * @throws NetError EADDRINUSE … for one of the ports; then none is served
 */
export function serveAll(
  host: TcpHost & UdpHost, wallClock: () => string, ports: ServicePorts = SERVICE_PORTS,
): SmallServers {
  const open: { close(): void }[] = [];
  const close = (): void => {
    for (const each of open.splice(0)) each.close();
  };
  const listen = (port: number, converse: (socket: TcpSocket) => Promise<void>): void => {
    open.push(serve(host, port, converse));
  };
  // SEC-49: an answer to a service like these would be answered, for ever.
  const isService = (port: number): boolean => Object.values(ports).includes(port) || port < 20;
  let sunk = 0;
  const answer = (port: number, respond: (datagram: Datagram) => Uint8Array | null): void => {
    const socket = UdpSocket.bind(host, { port });
    open.push(socket);
    void respondToAll(socket, (datagram) => (isService(datagram.port) ? null : respond(datagram)));
  };
  try {
    listen(ports.echo, echo);
    listen(ports.discard, discard);
    listen(ports.sink, discard);
    listen(ports.daytime, (socket) => say(socket, `${wallClock()}\r\n`));
    listen(ports.chargen, generate);
    listen(ports.source, pour);
    answer(ports.echo, (datagram) => datagram.data);
    answer(ports.discard, () => null);
    answer(ports.daytime, () => ascii(`${wallClock()}\r\n`));
    answer(ports.chargen, () => LINES.subarray(0, 512));
    answer(ports.sink, (datagram) => {
      if (datagram.data.length === 1 && datagram.data[0] === 0x3f) return ascii(String(sunk));
      sunk++;
      return null;
    });
  } catch (error) {
    close();
    throw error;
  }
  return {
    get sunk() {
      return sunk;
    },
    close,
  };
}

function serve(host: TcpHost, port: number, converse: (socket: TcpSocket) => Promise<void>): TcpServer {
  const server = TcpServer.listen(host, { port, noDelay: true });
  void (async () => {
    for await (const socket of server) {
      const close = (): void => void socket.close();
      // A client that resets us is the client's affair.
      converse(socket).then(close, close);
    }
  })();
  return server;
}

/** RFC 862: whatever comes goes back. */
async function echo(socket: TcpSocket): Promise<void> {
  for (let piece = await socket.read(); piece !== null; piece = await socket.read()) await socket.write(piece);
}

/** RFC 863. */
async function discard(socket: TcpSocket): Promise<void> {
  while ((await socket.read()) !== null);
}

async function say(socket: TcpSocket, text: string): Promise<void> {
  await socket.write(ascii(text));
  socket.end();
  await discard(socket);
}

/** RFC 864: lines of 72 of the 95 printing characters, each line begun one further. */
const generate = (socket: TcpSocket): Promise<void> => repeat(socket, LINES);

const pour = (socket: TcpSocket): Promise<void> => repeat(socket, ZEROS);

/** RFC 864: until the client ends the connection or aborts it; "any data received is thrown away". */
async function repeat(socket: TcpSocket, bytes: Uint8Array): Promise<void> {
  let over = false;
  const end = (): void => {
    over = true;
  };
  void discard(socket).then(end, end);
  while (!over) await socket.write(bytes);
}

async function respondToAll(socket: UdpSocket, respond: (datagram: Datagram) => Uint8Array | null): Promise<void> {
  for (;;) {
    const datagram = await socket.receive();
    if (datagram === null) return;
    for (let next: Datagram | null = datagram; next !== null; next = socket.receiveNow()) {
      const response = respond(next);
      if (response === null) continue;
      // From the address that was asked (RFC 1122 §4.1.3.5). What cannot be sent is lost, as datagrams are.
      socket.endpoint.send(response, 0, response.length, { address: next.address, port: next.port, from: next.localAddress });
    }
  }
}

const ascii = (text: string): Uint8Array => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

const ZEROS = new Uint8Array(262_144);

const LINES = ascii(
  Array.from({ length: 95 }, (_, line) =>
    Array.from({ length: 72 }, (_, i) => String.fromCharCode(32 + ((line + i) % 95))).join('') + '\r\n').join(''),
);
