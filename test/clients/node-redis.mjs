// Knows nothing of us: node-redis connects by `net.createConnection`, and has no hook. `node-redis.mjs HOST PORT`.

import { createClient } from 'redis';
import { useRedis } from './use-redis.mjs';

const [host, port] = process.argv.slice(2);
// RESP 2, which servers of all ages speak.
const client = createClient({ socket: { host, port: Number(port), reconnectStrategy: false }, RESP: 2, disableClientInfo: true });
await client.connect();
console.log(await useRedis((...words) => client.sendCommand(words)));
await client.close();
