// The whole stack against the Linux kernel and the programs people use: they cannot tell it from another host.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { patternBytes } from '../../src/services/node/http.js';
import { excuse, program, type Program } from './namespace.js';
import { needs } from './programs.js';

const reason = excuse();
const folder = mkdtempSync(join(tmpdir(), 'wallsocket-'));
let stack: Program;

interface Answer {
  readonly ran: readonly { readonly code: number; readonly stdout: string; readonly stderr: string }[];
  readonly drops: Readonly<Record<string, number>>;
}

beforeAll(async () => {
  if (reason === null) stack = await program(new URL('./stack.program.ts', import.meta.url));
});

beforeEach(({ skip }) => skip(reason !== null, reason ?? ''));
afterAll(() => rmSync(folder, { recursive: true }));

const onTun = (...commands: string[]): Promise<Answer> => stack.run('commands', 'ip', '', ...commands) as Promise<Answer>;

const hashOf = (length: number): string => createHash('sha256').update(patternBytes(0, length)).digest('hex');

describe.each([
  ['10.77.0.2', 'a TUN', 'ip'], ['fd77::2', 'a TUN', 'ip'], ['10.77.0.2', 'a TAP', 'ethernet'], ['fd77::2', 'a TAP', 'ethernet'],
])('%s on %s', (address, _, medium) => {
  const url = `http://${address.includes(':') ? `[${address}]` : address}`;
  const commands = async (...all: string[]): Promise<Answer> => stack.run('commands', medium, '', ...all) as Promise<Answer>;

  test('answers ping, of 56, 1400 and 60,000 bytes, none lost', async ({ skip }) => {
    skip(needs('ping') !== null, needs('ping') ?? '');
    const { ran } = await commands(...[56, 1400, 60_000].map((size) => `ping -n -c 4 -i 0.1 -W 2 -s ${size} ${address}`));
    for (const { stdout } of ran) expect(stdout).toContain('4 received, 0% packet loss');
  });

  test('gives curl its page, its megabytes, and takes them back', async ({ skip }) => {
    skip(needs('curl') !== null, needs('curl') ?? '');
    const { ran } = await commands(
      `curl -gsS -m 10 ${url}/hello`,
      `curl -gsS -m 10 ${url}/bytes/20000000 | sha256sum`,
      `curl -gsS -m 10 ${url}/bytes/20000000 | curl -gsS -m 10 --data-binary @- ${url}/upload`,
      `curl -gsS -m 10 -o /dev/null -w '%{http_code}' ${url}/nowhere`,
    );
    expect(ran[0]!.stdout).toMatch(new RegExp(`^hello, ${address === 'fd77::2' ? 'fd77::1' : '10\\.77\\.0\\.1'} port \\d+\\n$`));
    expect(ran[1]!.stdout).toContain(hashOf(20_000_000));
    expect(ran[2]!.stdout.trim()).toBe(hashOf(20_000_000));
    expect(ran[3]!.stdout).toBe('404');
  });

  test('echoes to nc over TCP and UDP, tells the day, and refuses where nobody listens', async ({ skip }) => {
    skip(needs('nc') !== null, needs('nc') ?? '');
    const { ran } = await commands(
      `echo over tcp | nc -N -w 5 ${address} 7`,
      `echo over udp | nc -u -W 1 -w 5 ${address} 7`,
      `nc -d -w 5 ${address} 13`,
      `nc -zv -w 5 ${address} 4`,
    );
    expect(ran[0]!.stdout).toBe('over tcp\n');
    expect(ran[1]!.stdout).toBe('over udp\n');
    expect(ran[2]!.stdout).toMatch(/^\w{3}, \d\d \w{3} \d{4} [\d:]+ GMT\r\n$/);
    expect(ran[3]).toMatchObject({ code: 1, stderr: expect.stringContaining('Connection refused') as string });
  });
});

test('nmap sees an open port, a closed one, and one behind a filter, each as what it is', async ({ skip }) => {
  skip(needs('nmap') !== null, needs('nmap') ?? '');
  const { ran } = await onTun(
    'nmap -n -Pn -sS -oG - --max-retries 1 -p 7,80,4,8081 10.77.0.2',
    'nmap -n -Pn -sT -oG - --max-retries 1 -p 7,4,8081 10.77.0.2',
    'nmap -6 -n -Pn -sS -oG - --max-retries 1 -p 80,4 fd77::2',
    'nmap -n -Pn -sU -oG - --max-retries 1 -p 4 10.77.0.2',
  );
  const [syn, connect, six, udp] = ran.map(({ stdout }) => stdout);
  expect(syn).toMatch(/7\/open\/tcp/);
  expect(syn).toMatch(/80\/open\/tcp/);
  expect(syn).toMatch(/4\/closed\/tcp/);
  expect(syn).toMatch(/8081\/filtered\/tcp/);
  expect(connect).toMatch(/7\/open\/tcp/);
  expect(connect).toMatch(/4\/closed\/tcp/);
  expect(connect).toMatch(/8081\/filtered\/tcp/);
  expect(six).toMatch(/80\/open\/tcp/);
  expect(six).toMatch(/4\/closed\/tcp/);
  expect(udp).toMatch(/4\/closed\/udp/);
});

test('tshark reads our capture without a malformed packet and without a wrong checksum', async ({ skip }) => {
  skip(needs('tshark') !== null, needs('tshark') ?? '');
  skip(needs('curl') !== null, needs('curl') ?? '');
  const file = join(folder, 'capture.pcapng');
  await stack.run('commands', 'ip', file,
    'curl -gsS -m 10 -o /dev/null http://10.77.0.2/bytes/2000000', 'curl -gsS -m 10 -o /dev/null http://[fd77::2]/hello',
    'ping -n -c 2 -i 0.1 -s 5000 10.77.0.2', 'ping -n -c 2 -i 0.1 -s 5000 fd77::2', 'echo over udp | nc -u -W 1 -w 5 10.77.0.2 7',
    'nc -z -w 1 10.77.0.2 4',
  );
  const checks = ['ip', 'tcp', 'udp'].flatMap((protocol) => ['-o', `${protocol}.check_checksum:TRUE`]);
  const read = (filter: string): string =>
    execFileSync('tshark', ['-n', '-r', file, ...checks, '-Y', filter], { encoding: 'utf8', timeout: 25_000, stdio: ['ignore', 'pipe', 'ignore'] });
  expect(read('tcp.port == 80').split('\n').length).toBeGreaterThan(20);
  expect(read('icmp.type == 0').trim().split('\n')).toHaveLength(2);
  expect(read('_ws.malformed')).toBe('');
  expect(read('ip.checksum.status == 0 || tcp.checksum.status == 0 || udp.checksum.status == 0')).toBe('');
});

test('the main job tests itself: all passed', async () => {
  const start = await program(new URL('../../tools/start.ts', import.meta.url));
  const printed = execFileSync(process.execPath, [start.path, '--self-test'], { encoding: 'utf8', timeout: 100_000 });
  expect(printed).toMatch(/\n\d+ passed, 0 failed\n$/);
  expect(printed).toContain('from the kernel');
}, 120_000);
