// The examples, and the README's: run, each is a program that a user could have written, and prints what is expected here.
// None needs a device, a privilege or a port of the machine.

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, describe, expect, test, vi } from 'vitest';

// Loaded before the clock of the first example runs.
import '../../src/bsd.js';
import '../../src/node.js';
import '../../src/pcap.js';
import '../../src/web.js';

const ROOT = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, ROOT), 'utf8');
const source = (path: string): string => fileURLToPath(new URL(`src/${path}`, ROOT));

const directory = mkdtempSync(join(tmpdir(), 'wallsocket-examples-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** A kernel that is a second stack, at the other end of a pipe. */
const STAND_IN = `
  export * from '${source('node.ts')}';
  import { createPipe, drive, Stack } from '${source('node.ts')}';
  export function openTun({ addresses }) {
    const [ours, theirs] = createPipe();
    const kernel = new Stack();
    kernel.addInterface(theirs, { addresses });
    const driver = drive(kernel);
    const { close } = ours;
    ours.close = () => { driver.stop(); close.call(ours); };
    return ours;
  }
`;
const withoutTun = join(directory, 'without-tun.ts');
writeFileSync(withoutTun, STAND_IN);

/** Where the package's names lead: what is tried is the source, not what was built of it some time ago. */
const DOORS: Readonly<Record<string, string>> = {
  'wallsocket': source('index.ts'), 'wallsocket/node': withoutTun, 'wallsocket/pcap': source('pcap.ts'),
  'wallsocket/web': source('web.ts'), 'wallsocket/bsd': source('bsd.ts'),
  'wallsocket/testing': source('testing.ts'), 'wallsocket/testing/node': source('testing/node/index.ts'), 'wallsocket/arbitraries': source('arbitraries.ts'),
  // Beside these programs there is no node_modules.
  'fast-check': fileURLToPath(import.meta.resolve('fast-check')),
};

let runs = 0;

/** What the program prints, line by line. */
async function run(program: string): Promise<string[]> {
  const path = join(directory, `program-${++runs}.ts`);
  writeFileSync(path, program.replaceAll(/ from '(wallsocket[^']*|fast-check)'/g, (_, name: string) => ` from '${DOORS[name]}'`));
  const printed: string[] = [];
  const log = vi.spyOn(console, 'log').mockImplementation((...words: unknown[]) => void printed.push(words.join(' ')));
  try {
    await import(pathToFileURL(path).href);
  } finally {
    log.mockRestore();
  }
  return printed;
}

const PRINTS: Readonly<Record<string, readonly string[]>> = {
  'capture.ts': ['in SYN', 'out SYN ACK', 'in ACK', 'in FIN ACK', 'out ACK', 'out FIN ACK', 'in ACK'],
  'echo.ts': ['hello'],
  'events.ts': [
    '0.000 #1 port 50966 to 9, ESTABLISHED',
    '0.000 #1 lost 1448, 1448 in all',
    '0.000 #1 recovery open -> recovery: cwnd 10136, ssthresh 10136',
    '0.000 #1 sent 8688:10136 (rack): cwnd 10136, in flight 1448',
    '0.000 #1 recovery recovery -> open: cwnd 10136, ssthresh 10136',
    '0.000 #1 ESTABLISHED -> FIN-WAIT-1',
  ],
  'flaky-mobile.ts': ['10 s: 10 MB', '20 s: 11 MB', '30 s: 18 MB', '40 s: 18 MB', '20000000 bytes, and less than five minutes'],
  'fuzz-protocol.ts': ['messages that are read wrongly, the least of them: [" "," "]', 'again: true', '1 test and the same: true'],
  'lossy.ts': ['300000 bytes, 0 of them wrong', 'and the wire had lost some frames'],
  'nat.ts': [
    'lazy comes from 10.2.0.1, busy comes from 10.2.0.1',
    'lazy hears news after 10 s',
    'busy hears news after 10 s',
    'busy hears news after 1 min',
  ],
  'ping.ts': [
    '56 bytes from 10.0.0.2, hop limit 64',
    '56 bytes from fd00::2, hop limit 64',
    '60000 bytes from fd00::2, hop limit 64',
    'ping ENETUNREACH 192.0.2.1',
  ],
  'raw.ts': [
    'the socket: who is there?',
    'the sniffer: 10.0.0.2 > 10.0.0.1, protocol 17: who is there?',
    'the sniffer: 10.0.0.2 > 10.0.0.1, protocol 253: ours alone',
  ],
  'reconnect.ts': [
    'still there? after 103 s',
    'asleep: 1 timer, next RTO in 26.848 s on a',
    'Error: read ETIMEDOUT',
    'hello again',
  ],
  'third-packet.ts': ['onetwothree', 'as it should be'],
  'virtual-time.ts': [
    'a ping to 10.0.0.2 takes 0 ms: a pipe has no length, and only waiting takes time here',
    'connect ETIMEDOUT 10.0.0.3:80 after 247 s',
  ],
  'watch.ts': [
    '0.040000 client > server length 0',
    '0.060000 client > server (dropped, the loss of packet 1) length 5',
    '0.300000 client > server length 5',
    ['sequenceDiagram', 'participant client as client', 'participant server as server', 'client->>server: 0.040 . 1:1(0) ack 1 win 256',
      'client--xserver: 0.060 P. 1:6(5) ack 1 win 256 (dropped, the loss of packet 1)', 'client->>server: 0.300 P. 1:6(5) ack 1 win 256'].join('\n  '),
    '5 frames in the capture, the fourth with the comment "client > server (dropped, the loss of packet 1)"',
    'ESTABLISHED',
  ],
  'web.ts': ['hello, 10.0.0.2:7', 'hello, [fd00::2]:7', 'connect ECONNREFUSED 10.0.0.2:7', '10.0.0.2: who is there?'],
};

describe('the examples', () => {
  const files = readdirSync(new URL('examples/', ROOT)).filter((name) => name.endsWith('.ts'));

  test('are all tried here', () => {
    expect(files.toSorted()).toEqual(Object.keys(PRINTS).toSorted());
  });

  test.each(files)('%s has at most sixty lines, and prints what it should', async (name) => {
    const program = read(`examples/${name}`);
    expect(program.trimEnd().split('\n').length).toBeLessThanOrEqual(60);
    expect(await run(program)).toEqual(PRINTS[name]);
  });
});

/** A document's programs; what is no program of today's is called `js` there. */
const blocksOf = (path: string): string[] => [...read(path).matchAll(/^```ts\n(.*?)^```$/gms)].map(([, block]) => block!);

describe("docs/faces.md's", () => {
  const blocks = blocksOf('docs/faces.md');

  test('are five: one for each face, and the drop-in modules', () => {
    expect(blocks.length).toBe(5);
  });

  test.each(blocks)('is a program of at most fifteen lines that says hello: %#', async (block) => {
    expect(block.trimEnd().split('\n').length).toBeLessThanOrEqual(15);
    expect(await run(block)).toEqual(['hello']);
  });
});

describe("the README's", () => {
  const blocks = blocksOf('README.md');

  test('are three', () => {
    expect(blocks.length).toBe(3);
  });

  test('first is examples/echo.ts', () => {
    expect(blocks[0]).toBe(read('examples/echo.ts'));
  });

  test('second shows every kind of socket at work, here with a stack in place of the kernel', async () => {
    expect(await run(blocks[1]!)).toEqual([
      'hello',
      '5 bytes from 10.0.0.2 to 10.0.0.2',
      '1400 bytes, hop limit 64 and 1428 with its headers',
    ]);
  });

  test('third has Node’s modules on a stack of its own', async () => {
    expect(await run(blocks[2]!)).toEqual(['hello']);
  });
});
