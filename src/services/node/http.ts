// A small web server on the stack, by Node's own http: the stack's counters and connections live, and bytes to measure with.

import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { TcpDuplex } from '../../socket-api/node/duplex.js';
import { TcpServer } from '../../socket-api/tcp.js';
import type { Stack } from '../../stack.js';
import { PAGE } from './page.js';

export interface HttpService {
  close(): void;
}

/** `/` a page, `/status.json` what it shows, `/hello`, `/bytes/N` N bytes, `/upload` the SHA-256 of what is sent. */
export function serveHttp(stack: Stack, port = 80): HttpService {
  const http = createServer((request, response) => answer(stack, request, response));
  // What http does unasked is to destroy the connection over its own answer, which resets it.
  http.on('clientError', (_error, socket) => {
    if (socket.writable) socket.end(BAD_REQUEST, () => socket.destroy());
    else socket.destroy();
  });
  const server = TcpServer.listen(stack, { port, noDelay: true });
  const open = new Set<TcpDuplex>();
  void acceptAll(server, http, open);
  return {
    close() {
      server.close();
      for (const duplex of open) duplex.destroy();
    },
  };
}

const BAD_REQUEST = 'HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n';

/** http itself keeps a list only of what it has accepted itself. */
async function acceptAll(server: TcpServer, http: Server, open: Set<TcpDuplex>): Promise<void> {
  for await (const socket of server) {
    const duplex = new TcpDuplex(socket);
    open.add(duplex);
    duplex.once('close', () => open.delete(duplex));
    // Any Duplex will do: http has said so since its beginning.
    http.emit('connection', duplex);
  }
}

function answer(stack: Stack, request: IncomingMessage, response: ServerResponse): void {
  const url = request.url ?? '/';
  if (url === '/') {
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end(PAGE);
  } else if (url === '/hello') {
    const from = request.socket as unknown as TcpDuplex;
    response.setHeader('content-type', 'text/plain; charset=utf-8');
    response.end(`hello, ${from.remoteAddress} port ${from.remotePort}\n`);
  } else if (url === '/status.json') {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(statusOf(stack)));
  } else if (url.startsWith('/bytes/') && /^\d{1,15}$/.test(url.slice(7))) {
    void sendBytes(response, Number(url.slice(7)));
  } else if (url === '/upload') {
    const hash = createHash('sha256');
    request.on('data', (chunk: Buffer) => hash.update(chunk));
    request.on('end', () => response.end(`${hash.digest('hex')}\n`));
  } else {
    response.statusCode = 404;
    response.end('not here: try / /hello /bytes/1000000 /upload /status.json\n');
  }
}

/** Byte i is i modulo 251, a prime: what is lost, doubled or moved shows. */
export function patternBytes(from: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0, value = from % 251; i < length; i++) {
    bytes[i] = value;
    value = value === 250 ? 0 : value + 1;
  }
  return bytes;
}

/** 251 patterns long, so that each piece is the same piece. */
const PIECE = patternBytes(0, 251 * 1024);

async function sendBytes(response: ServerResponse, total: number): Promise<void> {
  response.setHeader('content-type', 'application/octet-stream');
  response.setHeader('content-length', total);
  for (let sent = 0; sent < total && !response.destroyed; sent += PIECE.length) {
    const piece = total - sent < PIECE.length ? PIECE.subarray(0, total - sent) : PIECE;
    if (!response.write(piece)) await new Promise<void>((resolve) => waitFor(response, resolve));
  }
  response.end();
}

function waitFor(response: ServerResponse, resolve: () => void): void {
  const done = (): void => {
    response.off('drain', done);
    response.off('close', done);
    resolve();
  };
  response.on('drain', done);
  response.on('close', done);
}

/** What the page shows. */
export interface Status {
  readonly interfaces: readonly { name: string; mtu: number; addresses: readonly string[] }[];
  readonly counters: { rxPackets: number; rxBytes: number; txPackets: number; txBytes: number };
  readonly drops: Readonly<Record<string, number>>;
  readonly limits: readonly { name: string; unit: string; used: number; max: number }[];
  readonly connections: readonly ConnectionRow[];
  readonly connectionCount: number;
}

interface ConnectionRow {
  readonly local: string;
  readonly remote: string;
  readonly state: string;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly rttMs: number;
  readonly cwnd: number;
  readonly retransmits: number;
}

/** A page is for people: the first hundred connections. */
const ROWS_MAX = 100;

export function statusOf(stack: Stack): Status {
  const { rxPackets, rxBytes, txPackets, txBytes } = stack.counters;
  const connections: ConnectionRow[] = [];
  for (const c of stack.tcp.connections) {
    if (connections.length === ROWS_MAX) break;
    connections.push({
      local: `${c.localAddress} ${c.localPort}`, remote: `${c.remoteAddress} ${c.remotePort}`, state: c.state,
      bytesIn: c.bytesReceived, bytesOut: c.bytesSent, rttMs: c.rto.srttMs, cwnd: c.congestion.cwnd, retransmits: c.retransmits,
    });
  }
  return {
    interfaces: stack.ip.interfaces.map((i) => ({
      name: i.name, mtu: i.mtu, addresses: i.addresses.map((a) => `${a.address}/${a.prefixLength}`),
    })),
    counters: { rxPackets, rxBytes, txPackets, txBytes },
    drops: stack.counters.dropped(),
    limits: stack.limits.all().map(({ name, unit, max, used }) => ({ name, unit, max, used: used() })),
    connections,
    connectionCount: stack.tcp.connectionCount,
  };
}
