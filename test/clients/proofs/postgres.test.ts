// Test a reconnect: a pool of pg's loses its cable in the middle of a query, for a quarter of an hour, and recovers.

import { setTimeout as sleep } from 'node:timers/promises';
import { PGlite } from '@electric-sql/pglite';
import { PGLiteSocketHandler } from '@electric-sql/pglite-socket';
import pg from 'pg';
import { beforeAll, expect, test } from 'vitest';
import { createNetwork, fakeTimers, netOf } from 'wallsocket/testing/node';

let db: PGlite;
beforeAll(async () => void await (db = await PGlite.create()).query('select 1'), 120_000);

/** The program under test: it asks until it is answered. */
async function ask(pool: pg.Pool, sql: string): Promise<{ rows: unknown[]; failures: string[] }> {
  for (const failures: string[] = []; ; await sleep(20_000)) {
    try {
      return { rows: (await pool.query(sql)).rows, failures };
    } catch (error) {
      failures.push((error as Error).message);
    }
  }
}

async function outage(seed: number) {
  const net = createNetwork({ seed });
  using _ = fakeTimers(net);
  const [app, server] = net.hosts(2);
  const wire = net.link(app, server, { delay: '20 ms', jitter: '5 ms' });
  // Postgres takes time of the real world: the network's stands still meanwhile.
  const enqueue = (_: unknown, message: Uint8Array, onRawData: (data: Uint8Array) => void) =>
    net.standStill(db.runExclusive(() => db.execProtocolRawStream(message, { onRawData })));
  const queryQueue = { enqueue, getQueueLength: () => 0, clearQueueForHandler() {}, async clearTransactionIfNeeded() {} };
  netOf(server).createServer((socket) => void new PGLiteSocketHandler({ queryQueue } as never).attach(socket)).listen(5432);
  const pool = new pg.Pool({
    host: server.ip, user: 'postgres', database: 'postgres', stream: () => new (netOf(app).Socket)(),
    connectionTimeoutMillis: 10_000, query_timeout: 60_000,
  });
  const answer = ask(pool, 'select n from generate_series(1, 5000) n');
  // Some rows have come, others are under way.
  await net.runUntil(() => (net.trace.frames({ last: 1 })[0]?.view.payload.length ?? 0) > 1000);
  const cut = wire.unplug();
  await net.advance('15 min');
  cut.undo();
  const result = await net.runUntil(answer);
  await net.runUntil(pool.end());
  return { ...result, hash: net.traceHash };
}

test('a pool is answered after a quarter of an hour without a cable: in less than a second, and twice the same', async () => {
  await outage(2);
  const began = performance.now();
  const one = await outage(1);
  expect(performance.now() - began).toBeLessThan(1000);
  expect(one.rows).toEqual(Array.from({ length: 5000 }, (_, i) => ({ n: i + 1 })));
  expect(one.failures[0]).toBe('Query read timeout');
  expect(new Set(one.failures.slice(1))).toEqual(new Set(['Connection terminated due to connection timeout']));
  expect(await outage(1)).toEqual(one);
});
