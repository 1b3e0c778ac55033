// Stacks on a clock of one's own: nobody sleeps, and four minutes of retransmissions pass in a few milliseconds. The same
// seeds give the same run, frame for frame.

import { setImmediate } from 'node:timers/promises';
import { createPipe, NetError, NEVER, ping, SeededRandom, Stack, TcpSocket } from 'wallsocket';

const [left, right] = createPipe();
const stacks = [1, 2].map((seed) => new Stack({ random: new SeededRandom(seed), now: 0 }));
const [near, far] = stacks as [Stack, Stack];
near.addInterface(left, { addresses: ['10.0.0.1/24'] });
far.addInterface(right, { addresses: ['10.0.0.2/24'] });

let now = 0;

/** Let time pass until `what` is settled. */
async function until<T>(what: Promise<T>): Promise<T> {
  let settled = false;
  what.catch(() => {}).finally(() => { settled = true; });
  for (;;) {
    for (const stack of stacks) stack.poll(now);
    await setImmediate();   // applications hear the news by promises: their turn
    if (settled) return what;
    const next = Math.min(...stacks.map((stack) => stack.nextTimeout()));
    if (next === NEVER) throw new Error('nobody waits for anything any more');
    now = Math.max(now, next);
  }
}

const reply = await until(ping(near, '10.0.0.2'));
console.log(`a ping to ${reply.address} takes ${reply.rttMs} ms: a pipe has no length, and only waiting takes time here`);

// Nobody has this address: the SYN is repeated seven times, after 1, 2, 4 … seconds.
const error = await until(TcpSocket.connect(near, { address: '10.0.0.3', port: 80 }).catch((e: NetError) => e));
console.log(`${(error as NetError).message} after ${now / 1000} s`);
