// pg against PGlite, which is Postgres in WebAssembly; mysql2 against its own server; ioredis.

import { once } from 'node:events';
import { PGlite } from '@electric-sql/pglite';
import { PGLiteSocketHandler } from '@electric-sql/pglite-socket';
import { Redis } from 'ioredis';
import mysql from 'mysql2';
import pg from 'pg';
import { equal } from './harness.mjs';
import { redisServer } from './resp.mjs';
import { useRedis } from './use-redis.mjs';

let database = null;

/** One for all: each takes seconds to begin. Its clients take turns. */
export async function postgres() {
  database ??= PGlite.create();
  const db = await database;
  const queryQueue = {
    enqueue: (handler, message, onData) => db.runExclusive(() => db.execProtocolRawStream(message, { onRawData: onData })),
    getQueueLength: () => 0,
    clearQueueForHandler() {},
    async clearTransactionIfNeeded() {},
  };
  return (socket) => new PGLiteSocketHandler({ queryQueue, closeOnDetach: true }).attach(socket);
}

async function pgScenario(ends) {
  const port = await ends.serve(await postgres());
  const client = new pg.Client({ host: ends.address, port, user: 'postgres', database: 'postgres', stream: () => ends.socket() });
  await client.connect();
  equal((await client.query('select 40 + 2 as answer')).rows[0].answer, 42, 'answer');
  await client.query('create temporary table notes (id int primary key, body text)');
  const body = 'wallsocket '.repeat(20_000);
  for (let id = 0; id < 5; id++) await client.query('insert into notes values ($1, $2)', [id, `${id} ${body}`]);
  const { rows } = await client.query('select id, body from notes order by id');
  equal(rows.length, 5, 'rows');
  rows.forEach((row, i) => equal(row.body === `${i} ${body}`, true, `row ${i}`));
  const refused = await client.query('select nothing from nowhere').catch((error) => error);
  equal(refused.code, '42P01', 'error');
  await client.query('drop table notes');
  await client.end();
  return 'simple and extended queries, 1.1 MB there and back, an error';
}

async function mysqlScenario(ends) {
  const server = mysql.createServer();
  const columns = ['id', 'body'].map((name) => ({
    catalog: 'def', schema: 'test', table: 'notes', orgTable: 'notes', name, orgName: name, characterSet: 33, columnLength: 384,
    columnType: 253, flags: 0, decimals: 0,
  }));
  const text = 'wallsocket '.repeat(2000);
  server.on('connection', (connection) => {
    connection.serverHandshake({
      protocolVersion: 10, serverVersion: '8.0.0', connectionId: 1, statusFlags: 2, characterSet: 8, capabilityFlags: 0xffffff ^ 0x0800,
      // Its server leaves to us where a command's packets begin to count.
      authCallback(who, done) {
        done(null);
        connection.sequenceId = 0;
      },
    });
    connection.on('error', () => {});
    connection.on('query', (sql) => {
      const count = /^select (\d+) notes$/.exec(sql)?.[1];
      if (count === undefined) connection.writeError({ code: 1064, message: `no query: ${sql.length}` });
      else connection.writeTextResult(Array.from({ length: Number(count) }, (_, id) => ({ id: `${id}`, body: text })), columns);
      connection.sequenceId = 0;
    });
    connection.on('ping', () => connection.writeOk());
  });
  const port = await ends.serve((socket) => server._handleConnection(socket));
  const client = mysql.createConnection({ user: 'root', stream: () => ends.connect(port) });
  const query = (sql) => new Promise((resolve, reject) => client.query(sql, (error, rows) => (error ? reject(error) : resolve(rows))));
  for (const count of [1, 50, 3]) {
    const rows = await query(`select ${count} notes`);
    equal(rows.length, count, 'rows');
    rows.forEach((row, i) => equal(row.id === `${i}` && row.body === text, true, `row ${i}`));
  }
  const refused = await query('x'.repeat(500_000)).catch((error) => error);
  equal(`${refused.errno} ${refused.sqlMessage}`, '1064 no query: 500000', 'error');
  client.end();
  await once(client, 'end');
  return '54 rows of 22 KB, a query of 500 KB, an error';
}

export async function redisScenario(ends, port) {
  class Connector {
    constructor() { this.connecting = false; }
    check() { return true; }
    async connect() {
      this.connecting = true;
      return this.stream = ends.connect(port);
    }
    disconnect() {
      this.connecting = false;
      this.stream?.end();
    }
  }
  const client = new Redis({ Connector, lazyConnect: true, retryStrategy: () => null });
  await client.connect();
  const did = await useRedis((...words) => client.call(...words));
  const ended = once(client, 'end');
  await client.quit();
  await ended;
  return did;
}

export const databases = {
  'pg ↔ PGlite': pgScenario,
  'mysql2 ↔ mysql2 server': mysqlScenario,
  'ioredis': async (ends) => redisScenario(ends, await ends.serve(redisServer())),
};
