// The two networks that are compared. Each has clients in a namespace of the kernel's, and one server. The peer's server
// has a namespace too, and a veth pair between them; ours has a TUN, whose kernel end is where the clients are.

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { Child } from './child.js';
import type { Place } from './loadgen.js';
import type { Namespaces } from './namespaces.js';
import { self } from './self.js';

export interface Yard {
  readonly place: Place;
  /** Start a server, with nothing of an earlier one left in it. */
  serve(): Promise<Child>;
  /** The command that measures `pairBulk` of this side. */
  pair(bytes: number): Child;
  /** Start a program of Node's, unchanged, which listens on `PORT` of `HOST` and says so in a line. */
  run(words: readonly string[]): Promise<Child>;
}

/** Where programs that know nothing of the bench listen. */
export const APP_PORT = 8080;

const CLIENT = '10.91.0.1';
const SERVER = '10.91.0.2';
/** Further addresses of the client, so that neither ports nor TIME-WAIT are scarce. */
const SOURCES = Array.from({ length: 8 }, (_, i) => `10.91.0.${i + 10}`);
const DEVICE = 'bench0';
/** Files that a server may have open: ten thousand connections and more. */
const FILES = 65_536;

export function peerYard(namespaces: Namespaces): Yard {
  const clients = namespaces.add('clients');
  const server = namespaces.add('server');
  namespaces.ip(clients, `link add ${DEVICE} txqueuelen 1000 type veth peer name ${DEVICE} txqueuelen 1000 netns ${server}`);
  namespaces.ip(server, `addr add ${SERVER}/24 dev ${DEVICE}`);
  namespaces.ip(server, `link set ${DEVICE} up`);
  namespaces.ip(clients, `link set ${DEVICE} up`);
  giveAddresses(namespaces, clients);
  for (const name of [clients, server]) settle(namespaces, name);
  useCubic(namespaces, server, SERVER);
  const inside = withFiles(namespaces.inside(server));
  return {
    place: { inside: namespaces.inside(clients), server: SERVER, sources: SOURCES },
    serve: () => start([...inside, ...self('peer-server', SERVER)]),
    pair: (bytes) => new Child([...inside, ...self('pair', 'theirs', String(bytes))]),
    run: (words) => start([...inside, ...ENVIRONMENT, process.execPath, ...words]),
  };
}

export function ourYard(namespaces: Namespaces): Yard {
  const clients = namespaces.add('ours');
  settle(namespaces, clients);
  const inside = namespaces.inside(clients);
  return {
    place: { inside, server: SERVER, sources: SOURCES },
    serve: async () => {
      const child = await start([...inside, ...self('our-server', DEVICE, `${CLIENT}/24`, `${SERVER}/24`)]);
      // The TUN came with the server, and goes with it.
      giveAddresses(namespaces, clients);
      return child;
    },
    pair: (bytes) => new Child([...inside, ...self('pair', 'ours', String(bytes))]),
    run: async (words) => {
      const options = ['--tun', DEVICE, '--kernel', `${CLIENT}/24`, '--addr', `${SERVER}/24`];
      const command = [process.execPath, commandLine(), 'run', ...options, '--', 'node', ...words];
      const child = await start([...withFiles(inside), ...ENVIRONMENT, ...command]);
      giveAddresses(namespaces, clients);
      return child;
    },
  };
}

const ENVIRONMENT = ['env', `PORT=${APP_PORT}`, `HOST=${SERVER}`, 'NODE_ENV=production'];

/** The program `wallsocket`, which was built beside us. */
const commandLine = (): string => join(dirname(process.argv[1]!), '..', 'cli.js');

async function start(command: readonly string[]): Promise<Child> {
  const child = new Child(command);
  await child.line();
  return child;
}

function withFiles(inside: readonly string[]): string[] {
  return [...inside, 'sh', '-c', `ulimit -n ${FILES} 2>/dev/null; exec "$0" "$@"`];
}

/** The clients' addresses on `DEVICE`, and how they send from there. */
function giveAddresses(namespaces: Namespaces, name: string): void {
  for (const address of [CLIENT, ...SOURCES]) namespaces.ip(name, `addr replace ${address}/24 dev ${DEVICE}`);
  useCubic(namespaces, name, CLIENT);
}

/** What a client that opens many connections from few addresses needs, and no memory of earlier runs. */
function settle(namespaces: Namespaces, name: string): void {
  namespaces.set(name, 'ipv4/ip_local_port_range', '1024 65535');
  namespaces.set(name, 'ipv4/tcp_tw_reuse', '1');
  namespaces.set(name, 'ipv4/tcp_no_metrics_save', '1');
}

/**
 * Where the machine's default is BBR, its pacing would be measured too, and ours has none of it to its peer. A route may
 * ask for an algorithm that a namespace may not choose for itself.
 */
function useCubic(namespaces: Namespaces, name: string, address: string): void {
  if (!hasCubic()) return;
  namespaces.ip(name, `route replace 10.91.0.0/24 dev ${DEVICE} proto kernel scope link src ${address} congctl cubic`);
  for (const prefix of ['127.0.0.0/8', '127.0.0.1']) {
    namespaces.ip(name, `route replace local ${prefix} dev lo table local proto kernel scope host src 127.0.0.1 congctl cubic`);
  }
}

export function congestionControl(): string {
  return hasCubic() ? 'cubic' : sysctl('tcp_congestion_control');
}

const hasCubic = (): boolean => sysctl('tcp_available_congestion_control').split(' ').includes('cubic');

const sysctl = (name: string): string => readFileSync(`/proc/sys/net/ipv4/${name}`, 'utf8').trim();
