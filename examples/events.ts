// What happens inside a connection: each event as a line, from a ring of numbers that is read whenever there is time. A link
// loses one segment of a transfer; RACK notices, and repairs it.

import { setImmediate } from 'node:timers/promises';
import { createPipe, NEVER, SeededRandom, Stack, TcpServer, TcpSocket } from 'wallsocket';
import { eventText } from 'wallsocket/testing';

const [left, right] = createPipe();
const [near, far] = [1, 2].map((seed) => new Stack({ random: new SeededRandom(seed), now: 0 })) as [Stack, Stack];
let [frames, now] = [0, 0];
const transmit = left.transmit.bind(left);
left.transmit = (packet) => {
  if (++frames !== 9) return transmit(packet);
  packet.release();
  return true;
};
near.addInterface(left, { addresses: ['10.0.0.1/24'] });
far.addInterface(right, { addresses: ['10.0.0.2/24'] });

/** Let time pass until `what` is settled. */
async function until<T>(what: Promise<T>): Promise<T> {
  let settled = false;
  what.catch(() => {}).finally(() => { settled = true; });
  for (;;) {
    for (const stack of [near, far]) stack.poll(now);
    await setImmediate();
    if (settled) return what;
    const next = Math.min(near.nextTimeout(), far.nextTimeout());
    if (next === NEVER) throw new Error('nobody waits for anything any more');
    now = Math.max(now, next);
  }
}

const listener = TcpServer.listen(far, { port: 9 });
const socket = await until(TcpSocket.connect(near, { address: '10.0.0.2', port: 9 }));
const events = socket.probe();
const peer = await until(listener.accept());
void socket.write(new Uint8Array(100_000)).then(() => socket.end());
const received = async (): Promise<void> => {
  while (await peer!.read() !== null);
};
await until(received());

// Of what is sent and acknowledged, here only what is sent again.
for (const event of events.read()) {
  if (event.kind !== 'acked' && event.kind !== 'held' && !(event.kind === 'sent' && event.why === 'new')) console.log(eventText(event));
}
