// Any Node program, on our stack, unchanged: programs that import what Node has and know nothing of us are run by
// `wallsocket run` or by `--import wallsocket/register`, and the kernel is their neighbour.

import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'tsup';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { LIBRARY } from '../../tsup.config.js';
import { excuse, program, type Program } from './namespace.js';
import { needs, needsPackage } from './programs.js';

const reason = excuse();
// Below the project, so that koffi is found from there.
const dist = fileURLToPath(new URL('../../dist/', import.meta.url));
mkdirSync(dist, { recursive: true });
const folder = mkdtempSync(join(dist, 'interop-'));
// Not below ours, whose imports are our own.
const apps = mkdtempSync(join(tmpdir(), 'wallsocket-'));
// For who becomes nobody, too.
for (const each of [folder, apps]) chmodSync(each, 0o755);
const cli = join(folder, 'cli.js');
const register = join(folder, 'register.js');
let scene: Program;

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

function app(name: string, source: string): string {
  const path = join(apps, name);
  writeFileSync(path, source);
  return path;
}

beforeAll(async () => {
  const { cli, register, net, dgram } = LIBRARY;
  await build({
    entry: { cli, register, net, dgram }, outDir: folder, config: false, silent: true, format: 'esm', target: 'node20',
    platform: 'neutral', splitting: true, skipNodeModulesBundle: true, external: [/^node:/],
  });
  if (reason === null) scene = await program(new URL('./drop-in.program.ts', import.meta.url));
});
afterAll(() => { for (const each of [folder, apps]) rmSync(each, { recursive: true }); });

/** Whoever has no rights of his own needs those of all others, on each folder on the way. */
function isReachable(path: string): boolean {
  return (statSync(path).mode & 1) !== 0 && (path === dirname(path) || isReachable(dirname(path)));
}

const WEB = `
import { createServer } from 'node:http';
createServer((request, response) => response.end('hello ' + request.socket.remoteAddress)).listen(8080, () => console.log('listening'));
`;

describe('on a device', () => {
  beforeEach(({ skip }) => skip(reason !== null, reason ?? ''));

  test.each([['tun', []], ['tap', []], ['tun', ['env']]] as const)('an http server on a %s, started by %j', async (device, before) => {
    const { pages, ended } = await scene.run('web', cli, app('web.mjs', WEB), device, ...before) as { pages: string[]; ended: Ended };
    expect(pages).toEqual(['hello ::ffff:10.78.0.1', 'hello fd78::1']);
    expect([ended.code, ended.stderr]).toEqual([143, '']);
  });

  test.for(['express', 'fastify'])('an unmodified app on %s: curl gets its page, and the app knows who asked', async (name, { skip }) => {
    const missing = needs('curl') ?? needsPackage(name);
    skip(missing !== null, missing ?? '');
    const { pages, who, ended } = await scene.run('application', cli, fileURLToPath(new URL(`../fixtures/apps/${name}.mjs`, import.meta.url))) as {
      pages: string[]; who: string[]; ended: Ended;
    };
    expect(pages).toEqual(['hello, world', 'hello, world']);
    expect(who.map((each) => JSON.parse(each) as object)).toEqual(
      ['::ffff:10.78.0.1', 'fd78::1'].map((address) => ({ ip: address, remoteAddress: address })));
    expect([ended.code, ended.stderr]).toEqual([143, '']);
  });

  test('https by Node’s own tls, http2 by its own http2, written in CommonJS', async ({ skip }) => {
    skip(needs('openssl') !== null, needs('openssl') ?? '');
    const [key, cert] = [join(apps, 'key.pem'), join(apps, 'cert.pem')];
    execFileSync('openssl', [
      'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key, '-out', cert, '-days', '1',
      '-subj', '/CN=localhost',
    ], { stdio: 'ignore' });
    const source = app('secure.cjs', `
      const { readFileSync } = require('fs');
      const options = { key: readFileSync(${JSON.stringify(key)}), cert: readFileSync(${JSON.stringify(cert)}) };
      require('https').createServer(options, (request, response) => {
        response.end('secret ' + request.socket.remoteAddress + ' ' + request.socket.getProtocol());
      }).listen(8443, '10.78.0.2', () => {
        require('http2').createServer((request, response) => response.end('two ' + request.socket.remoteAddress))
          .listen(8080, '10.78.0.2', () => console.log('listening'));
      });`);
    const { page, page2, ended } = await scene.run('secure', register, source) as { page: string; page2: string; ended: Ended };
    expect([page, page2]).toEqual(['secret 10.78.0.1 TLSv1.3', 'two 10.78.0.1']);
    expect([ended.signal, ended.stderr]).toEqual(['SIGTERM', '']);
  });

  test('http, fetch and dgram as clients: the kernel sees the stack’s address, and the process ends by itself', async () => {
    const source = app('clients.mjs', `
      import http from 'http';
      import { createSocket } from 'dgram';
      const [kernel] = process.argv.slice(2);
      const server = createSocket('udp4', async () => {
        server.close();
        const page = await new Promise((resolve, reject) => {
          http.get('http://' + kernel + ':8081/', (response) => response.setEncoding('utf8').on('data', resolve)).on('error', reject);
        });
        const fetched = await (await fetch('http://' + kernel + ':8081/')).text();
        const client = createSocket('udp4', (data) => {
          console.log(JSON.stringify({ page, fetched, answer: String(data) }));
          client.close();
        });
        client.send('datagram', 8081, kernel);
      });
      server.bind(8080, () => console.log('ready'));`);
    const { ended } = await scene.run('clients', cli, source) as { ended: Ended };
    expect([ended.code, ended.stderr]).toEqual([0, '']);
    expect(JSON.parse(ended.stdout.split('\n')[1]!)).toEqual({
      page: 'seen from 10.78.0.2', fetched: 'seen from 10.78.0.2', answer: 'datagram from 10.78.0.2',
    });
  });

  test('a program that ends itself ends its connections', async () => {
    const source = app('farewell.mjs', `
      import net from 'net';
      import { createSocket } from 'dgram';
      createSocket('udp4', () => {
        const socket = net.connect(8081, process.argv[2], () => socket.write('last words', () => process.exit(3)));
      }).bind(8080, () => console.log('ready'));`);
    const { events, ended } = await scene.run('farewell', cli, source) as { events: string[]; ended: Ended };
    expect([events, ended.code, ended.stderr]).toEqual([['data last words', 'end'], 3, '']);
  });

  test('names, asked over the stack: what Node’s own resolver hears of the same server over the kernel', async ({ skip }) => {
    const missing = needs('dnsmasq') ?? needs('ip') ?? needsPackage('dns-packet');
    skip(missing !== null, missing ?? '');
    const { theirs, ours, from } = await scene.run('names', cli, fileURLToPath(new URL('../fixtures/apps/names.mjs', import.meta.url))) as {
      theirs: Ended; ours: Ended; from: string[];
    };
    expect([ours.code, ours.stderr, theirs.stderr]).toEqual([0, '', '']);
    const [heard, looked] = ours.stdout.split('\n').map((line) => (line === '' ? null : JSON.parse(line) as Record<string, unknown>));
    const real = JSON.parse(theirs.stdout.split('\n')[0]!) as Record<string, unknown>;
    expect(heard).toEqual(real);
    expect(real['resolveTxt large.wall.test']).toHaveProperty([0, 'length'], 30);
    // The system's resolver knows no such server: these are by the manual.
    expect(looked).toEqual({
      'both.wall.test {}': ['10.9.9.9', 4],
      'both.wall.test {"all":true,"order":"ipv6first"}': [[{ address: 'fd00::9', family: 6 }, { address: '10.9.9.9', family: 4 }]],
      'both.wall.test {"family":6}': ['fd00::9', 6],
      'four.wall.test {"family":6,"hints":8}': ['::ffff:10.9.9.8', 6],
      'nobody.wall.test {}': {
        errno: -3008, code: 'ENOTFOUND', syscall: 'getaddrinfo', hostname: 'nobody.wall.test', message: 'getaddrinfo ENOTFOUND nobody.wall.test',
      },
      promisified: { address: '10.9.9.9', family: 4 },
      'localhost {"family":4}': ['127.0.0.1', 4],
      '10.1.2.3 {}': ['10.1.2.3', 4],
    });
    // Not one question went by the kernel's sockets.
    expect(from).toEqual(['10.78.0.2']);
  });

  test('a group over a TAP, both ways', async () => {
    const source = app('group.cjs', `
      const socket = require('node:dgram').createSocket({ type: 'udp4', reuseAddr: true });
      socket.on('message', (data, from) => {
        console.log(String(data), from.address);
        socket.setMulticastLoopback(false);
        socket.send('from the stack', 7878, '239.78.0.1', () => socket.close());
      });
      socket.bind(7878, () => {
        socket.addMembership('239.78.0.1', '10.78.0.2');
        console.log('ready');
      });`);
    const { heard, from, ended } = await scene.run('group', cli, source) as { heard: string; from: string; ended: Ended };
    expect([heard, from]).toEqual(['from the stack', '10.78.0.2']);
    expect([ended.code, ended.stdout]).toEqual([0, 'ready\nfrom the kernel 10.78.0.1\n']);
  });

  test('a device that is lost, or taken, ends the program with a sentence', async ({ skip }) => {
    skip(needs('ip') !== null, needs('ip') ?? '');
    const answer = await scene.run('lost', cli, app('web.mjs', WEB)) as { second: Ended; lost: Ended };
    expect([answer.second.code, answer.second.stderr]).toEqual([
      69, 'wallsocket: ioctl EBUSY: ws0 is open in another program; close it there, or take another name\n',
    ]);
    expect(answer.lost.code).toBe(69);
    expect(answer.lost.stderr).toMatch(/^wallsocket: read ENODEV: ws0 was deleted \(errno \d+\)\n$/);
  });

  test('without permission it ends with a sentence, and nothing of the program has run', async ({ skip }) => {
    skip(process.getuid?.() !== 0, 'only root can become nobody');
    skip(!isReachable(folder), 'nobody may look into this copy of the project');
    const nobody = 'data:text/javascript,process.setgroups([]);process.setgid(65534);process.setuid(65534)';
    const { code, stdout, stderr } = await scene.run(
      'node', 'tun:ws0,addr=10.78.0.2/24', '--import', nobody, '--import', register, app('web.mjs', WEB)) as Ended;
    expect([code, stdout]).toEqual([77, '']);
    expect(stderr).toMatch(/^wallsocket: (open|ioctl) E(ACCES|PERM): cannot .*\n$/);
  });

  test('servers for names, and nothing that knows their messages: a sentence', async () => {
    const without = 'data:text/javascript,import M from "module";const f=M._resolveFilename;'
      + 'M._resolveFilename=function(name,...rest){if(name==="dns-packet")throw new Error("none");return f.call(this,name,...rest)}';
    const { code, stdout, stderr } = await scene.run(
      'node', 'tun:ws0,addr=10.78.0.2/24,dns=10.78.0.1', '--import', without, '--import', register, app('web.mjs', WEB)) as Ended;
    expect([code, stdout, stderr]).toEqual([
      69, '', 'wallsocket: lookup ENOSYS: names are asked for by the package dns-packet, which is not installed; run: npm install dns-packet\n',
    ]);
  });

  test('on the loopback there is no network but the program’s own, and no way around it', async () => {
    const source = app('alone.mjs', `
      import net, { connect } from 'node:net';
      import tls from 'node:tls';
      const code = (socket) => new Promise((resolve) => socket.once('error', (error) => resolve(error.code)));
      const refusal = (run) => { try { run(); } catch (error) { return error.code; } };
      const server = net.createServer((socket) => socket.end('x')).listen(0, '127.0.0.1', async () => {
        const { port } = server.address();
        const got = await new Promise((resolve) => connect(port, '127.0.0.1').on('data', (data) => resolve(String(data))));
        server.close();
        console.log(JSON.stringify([
          got, await code(connect(80, '192.0.2.1')), refusal(() => new tls.TLSSocket().connect(port, '127.0.0.1')),
          net.createServer === process.getBuiltinModule('net').createServer,
        ]));
      });`);
    const { code, stdout, stderr } = await scene.run('node', 'loopback', '--import', register, source) as Ended;
    expect([code, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toEqual(['x', 'ENETUNREACH', 'ENOTSUP', true]);
  });
});

describe('what makes no sense', () => {
  beforeEach(({ skip }) => skip(reason !== null, reason ?? ''));

  test.each<[string, number, string]>([
    ['tun:ws0', 78, 'The stack on tun:ws0 has no address; say addr=10.0.0.2/24 or the like.'],
    ['tun:ws0,addr=10.0.0.2', 78, 'addr=10.0.0.2 lacks its prefix length; it is written as 10.0.0.2/24 or fd00::2/64.'],
    ['tun:ws0,addr=here', 78, 'addr=here is no address with a prefix length; it is written as 10.0.0.2/24 or fd00::2/64.'],
    ['tun:ws0,addr=10.0.0.2/24,gateway=up', 78, 'gateway=up is no address.'],
    ['tun:ws0,addr=10.0.0.2/24,mtu=9', 78, 'mtu=9 is no number of bytes from 68 to 65535.'],
    ['tun:ws0,adr=10.0.0.2/24', 78, '\'adr\' is no option; there are addr, gateway, kernel, mtu, dns.'],
    ['tun:ws0,addr=10.0.0.2/24,dns=here', 78, 'dns=here is no address of a server, as 10.0.0.1 or [fd00::1]:5353.'],
    ['tun:ws0,addr', 78, '\'addr\' in \'tun:ws0,addr\' is no KEY=VALUE.'],
    ['tun:a/b=,addr=10.0.0.2/24', 78, '\'a/b=\' cannot be the name of an interface.'],
    ['eth0', 78, '\'eth0\' is no device; there are loopback, tun:NAME and tap:NAME.'],
    ['loopback,addr=10.0.0.2/24', 78, '\'addr\' says nothing about loopback, which is this host alone.'],
    ['{"device": 5}', 78, '\'device\' in the configuration must be a string.'],
    ['{"device": "tun:x", "addr": [{}]}', 78, '\'addr\' in the configuration must be a string, a number, or a list of them.'],
  ])('%s: one sentence, exit status %i', async (configuration, code, sentence) => {
    const run = await scene.run('node', configuration, '--import', register, app('web.mjs', WEB)) as Ended;
    expect([run.code, run.stderr, run.stdout]).toEqual([code, `wallsocket: ${sentence}\n`, '']);
  });

  test.each<[string[], number, RegExp]>([
    [['walk', '--', 'node', 'x'], 64, /^wallsocket: 'walk' is no command; there is run\./],
    [['run', '--foo', '--', 'node', 'x'], 64, /^wallsocket: Unknown option '--foo'\./],
    [['run'], 64, /^wallsocket: what is to be run\?/],
    [['run', '--tun', 'a', '--tap', 'b', '--', 'node', 'x'], 64, /^wallsocket: a program has one of --tun, --tap and --loopback, not 2\./],
    [['run', '--config', './nowhere.json', '--', 'node', 'x'], 78, /^wallsocket: The configuration \.\/nowhere\.json cannot be read: ENOENT/],
    [['run', '--', 'no-such-program'], 127, /^wallsocket: no-such-program cannot be started/],
    [['run', '--', 'node', '-e', 'process.exit(7)'], 7, /^$/],
  ])('%j ends with %i', async (args, code, sentence) => {
    const run = await scene.run('node', '', cli, ...args) as Ended;
    expect(run.code).toBe(code);
    expect(run.stderr).toMatch(sentence);
    expect(run.stderr.split('\n').length).toBeLessThanOrEqual(2);
  });
});
