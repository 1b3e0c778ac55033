// Text that leaves from the application's own memory: whatever is awaited, lost, overtaken or ended, the peer reads what was
// written, though the application writes over its memory as soon as it was told that it may.

import fc from 'fast-check';
import { expect, test } from 'vitest';

import { createNetwork } from '../../src/testing.js';
import { TcpServer, TcpSocket } from '../../src/socket-api/tcp.js';

/** The byte at an offset of the stream: neighbours differ, and so do offsets a segment or a slab apart. */
const byteAt = (offset: number): number => Math.imul(offset + 1, 0x9e3779b1) >>> 23 & 0xff;
const POISON = 0xee;

const write = fc.record({
  size: fc.oneof(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 60_000, max: 600_000 })),
  awaited: fc.boolean(),
});
const plan = fc.record({
  writes: fc.array(write, { minLength: 1, maxLength: 5 }),
  delay: fc.constantFrom('0ms', '0.025ms', '10ms'),
  loss: fc.constantFrom(0, 0.01, 0.03),
  jumbo: fc.boolean(),
  fixed: fc.option(fc.integer({ min: 3000, max: 100_000 })),
  /** The reader rests so often between two reads. */
  lazy: fc.nat({ max: 3 }),
  how: fc.constantFrom('end', 'close'),
  seed: fc.nat(),
});

test('what is written arrives, whatever happens to the memory once the write is done', async () => {
  await fc.assert(fc.asyncProperty(plan, async ({ writes, delay, loss, jumbo, fixed, lazy, how, seed }) => {
    using net = createNetwork({ seed });
    const [a, b] = [net.host('a'), net.host('b')];
    net.link(a, b, { delay, loss, mtu: jumbo ? 65_535 : 1500 });
    const options = fixed === null ? {} : { sendBuffer: fixed };
    const server = TcpServer.listen(b.stack, { port: 9 });
    const accepted = server.accept();
    const client = await net.runUntil(TcpSocket.connect(a.stack, { address: String(b.addresses[0]), port: 9, ...options }));
    const peer = (await net.runUntil(accepted))!;
    let total = 0;
    const writing = (async () => {
      const done: Promise<void>[] = [];
      for (const { size, awaited } of writes) {
        const from = total;
        const memory = Uint8Array.from({ length: size }, (_, i) => byteAt(from + i));
        total += size;
        const wrote = client.write(memory).then(() => void memory.fill(POISON));
        done.push(wrote);
        if (awaited) await wrote;
      }
      if (how === 'end') client.end();
      else void client.close();
      await Promise.all(done);
    })();
    const reading = (async () => {
      let at = 0;
      for (let piece = await peer.read(); piece !== null; piece = await peer.read()) {
        const bad = piece.findIndex((byte, i) => byte !== byteAt(at + i));
        if (bad >= 0) expect.fail(`a wrong byte at ${at + bad}: ${piece[bad]}`);
        at += piece.length;
        if (at % 4 < lazy) await net.sleep('30ms');
      }
      return at;
    })();
    const [, read] = await net.runUntil(Promise.all([writing, reading]), { max: '10min' });
    expect(read).toBe(total);
  }), { numRuns: 60 });
}, 60_000);
