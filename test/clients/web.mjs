// http, https and http2 of Node's, undici, ws: each client by the hook that it has for a connection of somebody else's, each
// server as it is, handed connections by its event.

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import tls from 'node:tls';
import { Agent as UndiciAgent, fetch, request as undiciRequest } from 'undici';
import { WebSocket, WebSocketServer } from 'ws';
import { certificate } from './certificate.mjs';
import { equal } from './harness.mjs';

const MEGABYTE = 1_000_000;
const block = Buffer.alloc(64 * 1024, 'wallsocket ');

/** `size` bytes, as fast as the other end takes them. */
function* bytes(size) {
  for (let left = size; left > 0; left -= block.length) yield left < block.length ? block.subarray(0, left) : block;
}

const digest = (size) => {
  const hash = createHash('sha256');
  for (const part of bytes(size)) hash.update(part);
  return hash.digest('hex');
};

async function digestOf(stream) {
  const hash = createHash('sha256');
  for await (const part of stream) hash.update(part);
  return hash.digest('hex');
}

/** `/`: a greeting. `/bytes/N`. POST: the digest of what was sent. */
export async function site(request, response) {
  const size = /^\/bytes\/(\d+)$/.exec(request.url)?.[1];
  if (request.method === 'POST') {
    response.end(await digestOf(request));
  } else if (size === undefined) {
    response.end(`hello, ${request.headers['x-name']}`);
  } else {
    response.setHeader('content-length', size);
    await pipeline(Readable.from(bytes(Number(size))), response);
  }
}

const serve = (ends, server) => ends.serve((socket) => server.emit('connection', socket));

/** An agent of Node's whose connections are ours. */
function agentOf(kind, ends, options) {
  const agent = new kind.Agent({ keepAlive: true, ...options });
  const made = [];
  agent.createConnection = (target) => {
    const raw = ends.connect(target.port);
    made.push(raw);
    return kind === https ? tls.connect({ ...target, host: undefined, port: undefined, socket: raw, ca: certificate().cert, servername: 'localhost' }) : raw;
  };
  return Object.assign(agent, { made });
}

async function ask(kind, options, body) {
  const request = kind.request(options);
  request.end(body);
  const [response] = await once(request, 'response');
  equal(response.statusCode, 200, 'status');
  return response;
}

async function keepAlive(kind, ends, server) {
  const port = await serve(ends, server);
  const agent = agentOf(kind, ends, { maxSockets: 1 });
  for (let i = 0; i < 10; i++) {
    equal(await text(await ask(kind, { port, agent, path: '/', headers: { 'x-name': i } })), `hello, ${i}`, 'page');
  }
  const upload = Buffer.concat([...bytes(MEGABYTE)]);
  equal(await text(await ask(kind, { port, agent, method: 'POST', path: '/' }, upload)), digest(MEGABYTE), 'upload');
  equal(agent.made.length, 1, 'connections');
  agent.destroy();
  return '10 pages and 1 MB up, on one connection';
}

/** On eight connections that are kept, for a hundredth lost lets one send but half a megabyte a second. */
async function hundredMegabytes(kind, ends, server) {
  const port = await serve(ends, server);
  const agent = agentOf(kind, ends, { maxSockets: 8 });
  const size = 4 * MEGABYTE;
  const expected = digest(size);
  await Promise.all(Array.from({ length: 25 }, async () => {
    equal(await digestOf(await ask(kind, { port, agent, path: `/bytes/${size}` })), expected, 'digest');
  }));
  equal(agent.made.length, 8, 'connections');
  agent.destroy();
  return '100 MB down, 25 requests on 8 connections';
}

const plain = () => http.createServer(site);
const secure = () => https.createServer(certificate(), site);

async function http2Scenario(ends, server, options) {
  const port = await serve(ends, server);
  const session = http2.connect(`${options ? 'https' : 'http'}://localhost:${port}`, {
    createConnection: () => (options ? tls.connect({ ...options, socket: ends.connect(port), ALPNProtocols: ['h2'] }) : ends.connect(port)),
  });
  const size = MEGABYTE;
  const expected = digest(size);
  const get = async (path) => {
    const stream = session.request({ ':path': path });
    stream.end();
    const [headers] = await once(stream, 'response');
    equal(headers[':status'], 200, 'status');
    return stream;
  };
  await Promise.all(Array.from({ length: 4 }, async (_, i) => {
    equal(await digestOf(await get(`/bytes/${size}`)), expected, `stream ${i}`);
  }));
  const post = session.request({ ':path': '/', ':method': 'POST' });
  post.end(Buffer.concat([...bytes(MEGABYTE)]));
  equal(await text(post), digest(MEGABYTE), 'upload');
  session.close();
  await once(session, 'close');
  return '4 streams of 1 MB at once, 1 MB up';
}

async function undiciScenario(ends) {
  const port = await serve(ends, plain());
  const dispatcher = new UndiciAgent({
    connections: 2,
    connect(target, done) {
      const socket = ends.connect(port);
      socket.once('connect', () => done(null, socket)).once('error', done);
      return socket;
    },
  });
  const size = MEGABYTE;
  const [fetched, requested] = await Promise.all([
    fetch(`http://localhost:${port}/bytes/${size}`, { dispatcher }).then((response) => digestOf(response.body)),
    undiciRequest(`http://localhost:${port}/bytes/${size}`, { dispatcher }).then(({ body }) => digestOf(body)),
  ]);
  equal(fetched, digest(size), 'fetch');
  equal(requested, digest(size), 'request');
  const answer = await fetch(`http://localhost:${port}/`, { dispatcher, method: 'POST', body: Buffer.concat([...bytes(size)]) });
  equal(await answer.text(), digest(size), 'upload');
  await dispatcher.close();
  return 'fetch and request, 1 MB each, 1 MB up';
}

async function wsScenario(ends) {
  const server = http.createServer(site);
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary })));
  const port = await serve(ends, server);
  const socket = new WebSocket(`ws://localhost:${port}/`, { createConnection: () => ends.connect(port) });
  await once(socket, 'open');
  const sent = [...Array.from({ length: 50 }, (_, i) => `message ${i}`), Buffer.concat([...bytes(MEGABYTE)])];
  const heard = [];
  const all = new Promise((resolve, reject) => {
    socket.on('error', reject).on('message', (data, isBinary) => {
      heard.push(isBinary ? data : data.toString());
      if (heard.length === sent.length) resolve();
    });
  });
  for (const each of sent) socket.send(each);
  await all;
  sent.forEach((each, i) => equal(Buffer.from(heard[i]).equals(Buffer.from(each)), true, `message ${i}`));
  const ponged = once(socket, 'pong');
  socket.ping('there?');
  equal((await ponged)[0].toString(), 'there?', 'pong');
  socket.close(1000, 'done');
  const [code, reason] = await once(socket, 'close');
  equal(`${code} ${reason}`, '1000 done', 'close');
  return '50 texts and 1 MB echoed, ping, close';
}

export const web = {
  'http': (ends) => keepAlive(http, ends, plain()),
  'http, 100 MB': (ends) => hundredMegabytes(http, ends, plain()),
  'https': (ends) => keepAlive(https, ends, secure()),
  'https, 100 MB': (ends) => hundredMegabytes(https, ends, secure()),
  'http2, without TLS': (ends) => http2Scenario(ends, http2.createServer(site), null),
  'http2': (ends) => http2Scenario(ends, http2.createSecureServer(certificate(), site), { ca: certificate().cert, servername: 'localhost' }),
  'undici': undiciScenario,
  'ws': wsScenario,
};
