// Knows nothing of us: mongodb's driver connects by `net.createConnection`, and has no hook. `mongodb.mjs HOST PORT`.

import { MongoClient } from 'mongodb';
import { equal } from './harness.mjs';

const [host, port] = process.argv.slice(2);
const client = new MongoClient(`mongodb://${host}:${port}/test?directConnection=true`, { serverSelectionTimeoutMS: 20_000 });
await client.connect();
const notes = client.db().collection('notes');
const body = 'wallsocket '.repeat(2000);
const inserted = await notes.insertMany(Array.from({ length: 100 }, (_, n) => ({ n, body: `${n} ${body}` })));
equal(inserted.insertedCount, 100, 'inserted');
let next = 0;
for await (const note of notes.find().batchSize(30)) {
  equal(note.n === next && note.body === `${next} ${body}`, true, `document ${next}`);
  next++;
}
equal(next, 100, 'found');
const pings = await Promise.all(Array.from({ length: 200 }, () => client.db().command({ ping: 1 })));
equal(pings.every(({ ok }) => ok === 1), true, 'pings');
const refused = await client.db().command({ nothing: 1 }).catch((error) => error);
equal(`${refused.code} ${refused.codeName}`, '59 CommandNotFound', 'error');
equal(await notes.drop(), true, 'drop');
await client.close();
console.log('2.2 MB of documents there and back by a cursor, 200 pings from a pool, an error');
