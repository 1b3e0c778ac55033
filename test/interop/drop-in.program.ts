// Programs that know nothing of us, on our stack; the kernel, at the other end of their TUN or TAP, seen from a network
// namespace. Run by drop-in.test.ts.

import { execFileSync, spawn, type SpawnOptions } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { perform } from './scenario.js';

/** How a run ended, and what it said. */
interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

class Run {
  readonly ended: Promise<Ended>;
  private readonly child;
  private stdout = '';
  private stderr = '';
  private heard: () => void = () => {};

  constructor(args: readonly string[], options: SpawnOptions = {}) {
    this.child = spawn(process.execPath, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    this.child.stdout!.on('data', (data: Buffer) => { this.stdout += data.toString(); this.heard(); });
    this.child.stderr!.on('data', (data: Buffer) => { this.stderr += data.toString(); });
    this.ended = once(this.child, 'close').then(([code, signal]) => {
      this.heard();
      return { code: code as number | null, signal: signal as string | null, stdout: this.stdout, stderr: this.stderr };
    });
  }

  /** Until it prints `line`, or ends. */
  async says(line: string): Promise<void> {
    let isOver = false;
    void this.ended.then(() => { isOver = true; });
    while (!this.stdout.includes(line)) {
      if (isOver) throw new Error(`it ended before it said '${line}': ${this.stdout}${this.stderr}`);
      await new Promise<void>((resolve) => { this.heard = resolve; });
    }
  }

  stop(): Promise<Ended> {
    this.child.kill('SIGTERM');
    return this.ended;
  }
}

const KERNEL = ['--kernel', '10.78.0.1/24', '--kernel', 'fd78::1/64'];
const OURS = ['--addr', '10.78.0.2/24', '--addr', 'fd78::2/64'];

const shell = (command: string): string => execFileSync('sh', ['-c', command], { encoding: 'utf8', timeout: 20_000 });

/** A web server with `wallsocket run` before it; what curl, whose sockets are the kernel's, gets of it. */
async function web(cli: string, app: string, device: string, ...before: string[]): Promise<unknown> {
  const server = new Run([cli, 'run', `--${device}`, 'ws0', ...KERNEL, ...OURS, '--', ...before, 'node', app]);
  await server.says('listening');
  const pages = ['http://10.78.0.2:8080/', 'http://[fd78::2]:8080/'].map((url) => shell(`curl -gsS -m 10 ${url}`));
  return { pages, ended: await server.stop() };
}

/** An application as it is, told by its environment where to listen: on all addresses, IPv4's too. */
async function application(cli: string, app: string): Promise<unknown> {
  const env = { ...process.env, PORT: '8080', HOST: '::' };
  const server = new Run([cli, 'run', '--tun', 'ws0', ...KERNEL, ...OURS, '--', 'node', app], { env });
  await server.says('listening');
  const get = (path: string): string[] => ['10.78.0.2', '[fd78::2]'].map((host) => shell(`curl -gsS -m 10 http://${host}:8080${path}`));
  return { pages: get('/'), who: get('/who'), ended: await server.stop() };
}

/** The same by the environment alone, and a secure one. */
async function secure(register: string, app: string): Promise<unknown> {
  const env = { ...process.env, WALLSOCKET: 'tun:ws0,addr=10.78.0.2/24,kernel=10.78.0.1/24' };
  const server = new Run(['--import', register, app], { env });
  await server.says('listening');
  const page = shell('curl -ksS -m 10 https://10.78.0.2:8443/');
  const page2 = shell('curl -ksS -m 10 --http2-prior-knowledge http://10.78.0.2:8080/ || true');
  return { page, page2, ended: await server.stop() };
}

/** Its clients: http, fetch and dgram go to the kernel's servers, and come from the stack's address. */
async function clients(cli: string, app: string): Promise<unknown> {
  const run = new Run([cli, 'run', '--tun', 'ws0', ...KERNEL, ...OURS, '--', 'node', app, '10.78.0.1']);
  await run.says('ready');
  const web = createServer((request, response) => response.end(`seen from ${request.socket.remoteAddress}`));
  web.listen(8081, '10.78.0.1');
  await once(web, 'listening');
  const udp = createSocket('udp4', (data, from) => udp.send(`${data.toString()} from ${from.address}`, from.port, from.address));
  udp.bind(8081, '10.78.0.1');
  await once(udp, 'listening');
  const trigger = createSocket('udp4');
  trigger.send('go', 8080, '10.78.0.2');
  const ended = await run.ended;
  for (const each of [web, udp, trigger]) each.close();
  return { ended };
}

/** What the kernel's end of a connection sees when the program ends itself. */
async function farewell(cli: string, app: string): Promise<unknown> {
  const run = new Run([cli, 'run', '--tun', 'ws0', ...KERNEL, ...OURS, '--', 'node', app, '10.78.0.1']);
  await run.says('ready');
  const events: string[] = [];
  const server = createTcpServer((socket) => {
    for (const event of ['data', 'end', 'error']) socket.on(event, (detail: unknown) => events.push(`${event} ${String(detail ?? '')}`.trim()));
    socket.on('close', () => server.close());
  });
  server.listen(8081, '10.78.0.1');
  await once(server, 'listening');
  const trigger = createSocket('udp4');
  trigger.send('go', 8080, '10.78.0.2', () => trigger.close());
  await once(server, 'close');
  return { events, ended: await run.ended };
}

/** Of a zone that dnsmasq knows by heart. */
const ZONE = [
  '--local=/wall.test/', '--host-record=both.wall.test,10.9.9.9,fd00::9', '--host-record=four.wall.test,10.9.9.8', '--cname=alias.wall.test,both.wall.test',
  '--mx-host=wall.test,mail.wall.test,10', '--txt-record=wall.test,one,two', '--srv-host=_socket._tcp.wall.test,both.wall.test,99,1,2',
  '--caa-record=wall.test,0,issue,ca.test', '--naptr-record=wall.test,1,2,U,SIP,!a!b!',
  '--dns-rr=wall.test,52,03:01:01:aabbccdd',
  // More than any datagram takes.
  ...Array.from({ length: 30 }, (_, i) => `--txt-record=large.wall.test,${i}-${'x'.repeat(100)}`),
];

/** What an application hears of names: over the kernel's sockets, by Node's own resolver, and over ours. */
async function names(cli: string, app: string): Promise<unknown> {
  // What goes to an address of the kernel's own goes by its loopback.
  shell('ip link set lo up && ip tuntap add ws0 mode tun && ip addr add 10.78.0.1/24 dev ws0 && ip link set ws0 up');
  const server = spawn('dnsmasq', [
    '--keep-in-foreground', '--no-resolv', '--no-hosts', '--conf-file=/dev/null', '--pid-file=', '--user=root', '--bind-interfaces', '--listen-address=10.78.0.1',
    '--log-queries=extra', '--log-facility=-', ...ZONE,
  ], { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  server.stderr.on('data', (data: Buffer) => { log += data.toString(); });
  try {
    while (!log.includes('started')) await Promise.race([once(server.stderr, 'data'), once(server, 'close').then(() => { throw new Error(log); })]);
    const theirs = await new Run([app, '10.78.0.1']).ended;
    const before = log.length;
    const ours = await new Run([cli, 'run', '--tun', 'ws0', '--addr', '10.78.0.2/24', '--dns', '10.78.0.1', '--', 'node', app]).ended;
    const from = new Set([...log.slice(before).matchAll(/ ([\d.]+)\/\d+ query/g)].map(([, address]) => address));
    return { theirs, ours, from: [...from] };
  } finally {
    server.kill();
    shell('ip link del ws0 && ip link set lo down');
  }
}

/** A group over a TAP, both ways. */
async function group(cli: string, app: string): Promise<unknown> {
  const run = new Run([cli, 'run', '--tap', 'ws0', ...KERNEL, ...OURS, '--', 'node', app]);
  await run.says('ready');
  const member = createSocket({ type: 'udp4', reuseAddr: true });
  member.bind(7878);
  await once(member, 'listening');
  member.addMembership('239.78.0.1', '10.78.0.1');
  member.setMulticastInterface('10.78.0.1');
  member.setMulticastLoopback(false);
  const heard = once(member, 'message') as Promise<[Buffer, AddressInfo]>;
  member.send('from the kernel', 7878, '239.78.0.1');
  const [data, from] = await heard;
  const ended = await run.ended;
  member.close();
  return { heard: data.toString(), from: from.address, ended };
}

/** The device vanishes under a program that is running. */
async function lost(cli: string, app: string): Promise<unknown> {
  const server = new Run([cli, 'run', '--tun', 'ws0', ...OURS, '--', 'node', app]);
  await server.says('listening');
  const second = await new Run([cli, 'run', '--tun', 'ws0', ...OURS, '--', 'node', app]).ended;
  shell('ip link del ws0');
  return { second, lost: await server.ended };
}

/** Any command line, with its own environment. */
function node(configuration: string, ...args: string[]): Promise<Ended> {
  return new Run(args, { env: { ...process.env, ...(configuration !== '' && { WALLSOCKET: configuration }) } }).ended;
}

await perform({ web, application, secure, clients, farewell, names, group, lost, node });
