// Fuzz your protocol: messages with their length in front, over whatever line fast-check thinks of. This reader has a bug: it
// takes each piece for a message. What is found is shrunk, and one line has it again.

import fc from 'fast-check';
import { linkPlan } from 'wallsocket/arbitraries';
import { createNetwork, replay } from 'wallsocket/testing';
import { withNetwork } from 'wallsocket/testing/node';

/** A message becomes bytes; and bytes become messages, wrongly, where TCP cuts or joins them. */
const encode = (words: string): Uint8Array => Uint8Array.of(words.length, ...new TextEncoder().encode(words));
const decode = (piece: Uint8Array): string => new TextDecoder().decode(piece.subarray(1));

const property = fc.asyncProperty(fc.array(fc.string({ minLength: 1, maxLength: 20 }), { minLength: 1 }), linkPlan(), async (messages, plan) => {
  using net = createNetwork({ seed: 1 });
  const [a, b] = net.hosts(2);
  net.link(a, b, plan);
  const server = b.listen(7);
  const got: string[] = [];
  const reading = (async () => {
    for await (const piece of (await server.accept())!) got.push(decode(piece));
  })();
  const socket = await net.runUntil(a.connect(b, 7), { max: '1 h' });
  for (const message of messages) void socket.write(encode(message));
  socket.end();
  await net.runUntil(reading, { max: '1 d' });
  if (got.join() !== messages.join()) throw new Error(`${messages.length} messages were read as ${got.length}`);
});

/** As a test of yours would have it: one seed is enough for both, the network and fast-check. */
const failureOf = (options: { readonly seed: number }): Promise<string> =>
  withNetwork('messages', (net) => fc.assert(property, net.check), options)().then(() => 'none', (error: Error) => error.message);

const report = await failureOf({ seed: 4711 });
console.log('messages that are read wrongly, the least of them:', /Counterexample: \[(\[.*?\])/.exec(report)![1]);
const [, line] = /replay\('(.*)'\)/.exec(report)!;
console.log('again:', /^v1:4711,4711,[\d:]+$/.test(line!));
const again = await failureOf(replay(line!));
console.log(/failed after (\d+) tests/.exec(again)![1], 'test and the same:', /Counterexample: .*/.exec(again)![0] === /Counterexample: .*/.exec(report)![0]);
