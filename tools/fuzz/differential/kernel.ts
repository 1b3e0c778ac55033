// The kernel as a subject: a TUN that we read and write, and sockets that a step works, all by system calls that never block. In a
// network namespace of its own, with limits and caches that would tell one run of another switched off.

import { createRequire } from 'node:module';
import { execFileSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';

import { parsePrefix, parseAddress, write16, write4 } from '../../../src/address.js';
import { IFF_NO_PI, IFF_TUN, nameOf, TUNSETIFF, withFlags } from '../../../src/link/node/ifreq.js';
import { setUp } from '../../../src/link/node/kernel-side.js';
import { AF_INET, AF_INET6, codeOf, type Linux, loadLinux, O_CLOEXEC, O_NONBLOCK, O_RDWR, requireKoffi, SOCK_DGRAM } from '../../../src/link/node/linux.js';
import { BOUND, HOST, LISTENING, MTU, PREFIX, type Subject } from '../../../test/fuzz/differential/subject.js';

const SOCK_STREAM = 1, NONBLOCK = 0o4000;
const SOL_SOCKET = 1, SO_REUSEADDR = 2, SO_OOBINLINE = 10, SO_LINGER = 13, IPPROTO_TCP = 6, TCP_NODELAY = 1, TCP_INFO = 11, IPPROTO_IPV6 = 41, IPV6_V6ONLY = 26;
const MSG_DONTWAIT = 0x40, MSG_NOSIGNAL = 0x4000, SHUT_WR = 1;

/** By the kernel's numbers; of those that are not here, no connection has one. */
const STATES = ['', 'ESTABLISHED', 'SYN-SENT', 'SYN-RECEIVED', 'FIN-WAIT-1', 'FIN-WAIT-2', 'CLOSED', 'CLOSED', 'CLOSE-WAIT', 'LAST-ACK', 'LISTEN', 'CLOSING'];

interface Calls {
  bind(fd: number, address: Uint8Array, bytes: number): number;
  listen(fd: number, backlog: number): number;
  accept(fd: number, address: null, bytes: null, flags: number): number;
  recv(fd: number, into: Uint8Array, bytes: number, flags: number): number;
  send(fd: number, from: Uint8Array, bytes: number, flags: number): number;
  shutdown(fd: number, how: number): number;
  set(fd: number, level: number, name: number, value: Uint8Array, bytes: number): number;
  get(fd: number, level: number, name: number, into: Uint8Array, bytes: Uint8Array): number;
  pin(pid: number, bytes: number, mask: Uint8Array): number;
}

function loadCalls(): Calls {
  const c = requireKoffi(createRequire(import.meta.url)).load(null);
  return {
    bind: c.func('bind', 'int', ['int', 'void *', 'uint32_t']),
    listen: c.func('listen', 'int', ['int', 'int']),
    accept: c.func('accept4', 'int', ['int', 'void *', 'void *', 'int']),
    recv: c.func('recv', 'intptr_t', ['int', 'void *', 'size_t', 'int']),
    send: c.func('send', 'intptr_t', ['int', 'void *', 'size_t', 'int']),
    shutdown: c.func('shutdown', 'int', ['int', 'int']),
    set: c.func('setsockopt', 'int', ['int', 'int', 'int', 'void *', 'uint32_t']),
    get: c.func('getsockopt', 'int', ['int', 'int', 'int', 'void *', 'void *']),
    pin: c.func('sched_setaffinity', 'int', ['int', 'size_t', 'void *']),
  };
}

/** What a namespace has of its own; where a kernel has it not, it stays. */
const SETTINGS: readonly (readonly [path: string, value: string])[] = [
  // Limits by time: one run would tell of those before it.
  ['ipv4/icmp_ratelimit', '0'], ['ipv4/icmp_msgs_per_sec', '1000000'], ['ipv4/icmp_msgs_burst', '1000000'], ['ipv6/icmp/ratelimit', '0'],
  ['ipv4/tcp_invalid_ratelimit', '0'], ['ipv4/tcp_challenge_ack_limit', '1000000000'],
  // What it learns, and would remember.
  ['ipv4/tcp_no_metrics_save', '1'], ['ipv4/tcp_syncookies', '0'], ['ipv4/tcp_max_syn_backlog', '65536'], ['core/somaxconn', '65535'], ['ipv4/tcp_synack_retries', '1'],
  ['ipv4/tcp_congestion_control', 'cubic'], ['ipv4/tcp_ecn', '0'],
  ['ipv4/conf/all/accept_redirects', '0'], ['ipv4/conf/all/rp_filter', '0'], ['ipv4/conf/all/log_martians', '0'],
];
const OF_THE_DEVICE: readonly (readonly [path: string, value: string])[] = [
  ['ipv4/conf/NAME/accept_redirects', '0'], ['ipv4/conf/NAME/rp_filter', '0'], ['ipv6/conf/NAME/accept_ra', '0'], ['ipv6/conf/NAME/accept_redirects', '0'],
  ['ipv6/conf/NAME/router_solicitations', '0'], ['ipv6/conf/NAME/accept_dad', '0'],
];

function configure(settings: typeof SETTINGS, name = ''): void {
  for (const [path, value] of settings) {
    try {
      writeFileSync(`/proc/sys/net/${path.replace('NAME', name)}`, value);
    } catch {
      // An older kernel's.
    }
  }
}

/** Whose echo says that all before it has been dealt with. */
const SENTINEL = '10.255.255.254';
const PATIENCE_MS = 2000;

export class Kernel implements Subject {
  private readonly linux: Linux = loadLinux();
  private readonly calls = loadCalls();
  private readonly tun: number;
  private readonly listeners: readonly number[];
  private readonly bound: readonly number[];
  private connection = -1;
  private readonly memory = new Uint8Array(1 << 17);
  private packets: Uint8Array[] = [];
  private echoes = 0;
  /** Packets to others are of runs that are over. */
  private peer = '';

  constructor() {
    const { linux } = this;
    // What arrives is dealt with by the processor that brings it: in order.
    this.calls.pin(0, 8, Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0));
    configure(SETTINGS);
    this.tun = linux.open('/dev/net/tun', O_RDWR | O_NONBLOCK | O_CLOEXEC);
    const request = withFlags('', IFF_TUN | IFF_NO_PI);
    if (this.tun < 0 || linux.control(this.tun, TUNSETIFF, request) < 0) throw new Error(`no TUN: ${codeOf(linux.errno())}`);
    const name = nameOf(request);
    configure(OF_THE_DEVICE, name);
    setUp(linux, name, { mtu: MTU, txQueueLength: 1000, addresses: ([4, 6] as const).map((family) => parsePrefix(`${HOST[family]}/${PREFIX[family]}`)!) });
    configure(OF_THE_DEVICE, name);
    // No ACK waits: none of ours does.
    execFileSync('ip', ['route', 'replace', `10.0.0.0/${PREFIX[4]}`, 'dev', name, 'proto', 'kernel', 'scope', 'link', 'src', HOST[4], 'quickack', '1']);
    execFileSync('ip', ['-6', 'route', 'replace', `fd00::/${PREFIX[6]}`, 'dev', name, 'metric', '256', 'quickack', '1']);
    this.listeners = ([4, 6] as const).map((family) => this.open(family, SOCK_STREAM, LISTENING));
    for (const fd of this.listeners) if (this.calls.listen(fd, 4096) < 0) throw new Error(`listen: ${codeOf(linux.errno())}`);
    this.bound = ([4, 6] as const).map((family) => this.open(family, SOCK_DGRAM, BOUND));
  }

  private open(family: 4 | 6, type: number, port: number): number {
    const fd = this.linux.socket(family === 4 ? AF_INET : AF_INET6, type | NONBLOCK, 0);
    const address = new Uint8Array(family === 4 ? 16 : 28);
    address.set([family === 4 ? AF_INET : AF_INET6, 0, port >> 8, port & 255]);
    if (family === 4) write4(address, 4, parseAddress(HOST[4])!);
    else write16(address, 8, parseAddress(HOST[6])!);
    const on = Uint8Array.of(1, 0, 0, 0);
    this.calls.set(fd, SOL_SOCKET, SO_REUSEADDR, on, 4);
    if (family === 6) this.calls.set(fd, IPPROTO_IPV6, IPV6_V6ONLY, on, 4);
    if (type === SOCK_STREAM) {
      this.calls.set(fd, SOL_SOCKET, SO_OOBINLINE, on, 4);
      this.calls.set(fd, IPPROTO_TCP, TCP_NODELAY, on, 4);
    }
    if (this.calls.bind(fd, address, address.length) < 0) throw new Error(`bind: ${codeOf(this.linux.errno())}`);
    return fd;
  }

  /** Only what is for this address is heard of: `10.0.3.4`, `fd00::1:3:4`. */
  meet(peer: string): void {
    this.peer = parseAddress(peer)!.toString();
  }

  hear(packet: Uint8Array): void {
    this.linux.send(this.tun, packet, packet.length);
    this.settle();
  }

  /** An echo that comes back says that everything before it has been answered. */
  private settle(): void {
    const number = ++this.echoes & 0xffff;
    const echo = echoRequest(number);
    this.linux.send(this.tun, echo, echo.length);
    for (const until = performance.now() + PATIENCE_MS; ;) {
      const bytes = this.linux.receive(this.tun, this.memory, this.memory.length);
      if (bytes <= 0) {
        if (performance.now() > until) throw new Error('the kernel does not answer an echo');
        continue;
      }
      const packet = this.memory.slice(0, bytes);
      if (isEcho(packet, number)) return;
      if (this.destinationOf(packet) === this.peer) this.packets.push(packet);
    }
  }

  private destinationOf(packet: Uint8Array): string {
    const at = packet[0]! >> 4 === 4 ? 16 : 24;
    const b = packet.subarray(at, at + (at === 16 ? 4 : 16));
    const text = at === 16 ? b.join('.') : Array.from({ length: 8 }, (_, i) => (b[2 * i]! * 256 + b[2 * i + 1]!).toString(16)).join(':');
    return parseAddress(text)!.toString();
  }

  take(): Uint8Array[] {
    const { packets } = this;
    this.packets = [];
    return packets;
  }

  accept(): boolean {
    if (this.connection >= 0) return false;
    for (const fd of this.listeners) {
      this.connection = this.calls.accept(fd, null, null, NONBLOCK);
      if (this.connection >= 0) return true;
    }
    return false;
  }

  read(max: number): Uint8Array | string {
    if (this.connection < 0) return 'nothing';
    const got = this.calls.recv(this.connection, this.memory, Math.min(max, this.memory.length), MSG_DONTWAIT);
    const code = got < 0 ? codeOf(this.linux.errno()) : '';
    const bytes = got > 0 ? this.memory.slice(0, got) : null;
    this.settle();
    return bytes ?? (got === 0 ? 'end' : code === 'EAGAIN' ? 'nothing' : code);
  }

  write(bytes: Uint8Array): number | string {
    if (this.connection < 0) return 0;
    const took = this.calls.send(this.connection, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL);
    const code = took < 0 ? codeOf(this.linux.errno()) : '';
    this.settle();
    return took < 0 ? code : took;
  }

  shutdown(): void {
    if (this.connection < 0) return;
    this.calls.shutdown(this.connection, SHUT_WR);
    this.settle();
  }

  state(): string {
    if (this.connection < 0) return 'CLOSED';
    const length = Uint8Array.of(4, 0, 0, 0);
    this.calls.get(this.connection, IPPROTO_TCP, TCP_INFO, this.memory, length);
    return STATES[this.memory[0]!] ?? 'CLOSED';
  }

  datagrams(): Uint8Array[] {
    const all: Uint8Array[] = [];
    for (const fd of this.bound) {
      for (let got = this.calls.recv(fd, this.memory, this.memory.length, MSG_DONTWAIT); got >= 0; got = this.calls.recv(fd, this.memory, this.memory.length, MSG_DONTWAIT)) {
        all.push(this.memory.slice(0, got));
      }
    }
    return all;
  }

  end(): void {
    do {
      // With a linger of 0 it is reset.
      if (this.connection >= 0) {
        this.calls.set(this.connection, SOL_SOCKET, SO_LINGER, Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0), 8);
        this.linux.close(this.connection);
      }
      this.connection = -1;
    } while (this.accept());
    this.settle();
    this.packets = [];
    this.datagrams();
    for (const family of ['ipv4', 'ipv6']) {
      if (readdirSync(`/proc/sys/net/${family}/route`).includes('flush')) writeFileSync(`/proc/sys/net/${family}/route/flush`, '1');
    }
  }
}

const IDENTIFIER = 0xfffe;

function echoRequest(number: number): Uint8Array {
  const b = Uint8Array.of(
    0x45, 0, 0, 28, 0, 0, 0x40, 0, 64, 1, 0, 0, ...SENTINEL.split('.').map(Number), ...HOST[4].split('.').map(Number), 8, 0, 0, 0, IDENTIFIER >> 8, IDENTIFIER & 255, number >> 8, number & 255,
  );
  const sum = (from: number, end: number): number => {
    let total = 0;
    for (let i = from; i < end; i += 2) total += b[i]! * 256 + b[i + 1]!;
    while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
    return ~total & 0xffff;
  };
  const [header, message] = [sum(0, 20), sum(20, 28)];
  b.set([header >> 8, header & 255], 10);
  b.set([message >> 8, message & 255], 22);
  return b;
}

const isEcho = (b: Uint8Array, number: number): boolean => b[0] === 0x45 && b[9] === 1 && b[20] === 0 && b[24]! * 256 + b[25]! === IDENTIFIER && b[26]! * 256 + b[27]! === number;
