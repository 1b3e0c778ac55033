// What a server of the bench is, whoever's sockets it uses: a process with these services, which speaks with the bench
// over its standard input and output.

import { createInterface } from 'node:readline';
import { setImmediate } from 'node:timers/promises';

/** TCP; the sink and echo over UDP too. The UDP sink answers a datagram of `?` with the number that it took. */
export const PORTS = { echo: 7, discard: 9, sink: 5001, source: 5002 } as const;

/**
 * Say that the services are up, and serve the bench until its end of the line closes: `memory` is answered with the
 * bytes that live objects hold, buffers outside the heap included.
 */
export async function serveBench(): Promise<never> {
  process.stdout.write('ready\n');
  for await (const line of createInterface(process.stdin)) {
    if (line === 'memory') process.stdout.write(`${await liveBytes()}\n`);
  }
  process.exit(0);
}

async function liveBytes(): Promise<number> {
  if (globalThis.gc === undefined) throw new Error('run node with --expose-gc');
  // A buffer's memory is given back after the collection that found its object dead.
  for (let i = 0; i < 3; i++) {
    globalThis.gc();
    await setImmediate();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
