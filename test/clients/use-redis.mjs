// What any client of Redis is asked here.

import { equal } from './harness.mjs';

/** `command` is the client's own way to call one. */
export async function useRedis(command) {
  const key = `wallsocket:${process.pid}`;
  const value = 'wallsocket '.repeat(50_000);
  equal(await command('PING'), 'PONG', 'ping');
  equal(await command('SET', key, value), 'OK', 'set');
  equal(await command('GET', key) === value, true, 'get');
  equal(await command('SET', key, '0'), 'OK', 'set');
  const counted = await Promise.all(Array.from({ length: 500 }, () => command('INCR', key)));
  equal(counted.join(), Array.from({ length: 500 }, (_, i) => i + 1).join(), 'counting');
  return 'a value of 550 KB, 500 commands in one go';
}
