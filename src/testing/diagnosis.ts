// What a network waits for, in words: which timers are armed, on whose account, and what nobody closed.

import { NEVER } from '../time.js';
import type { Connection } from '../tcp/connection.js';
import { spanText } from './duration.js';
import type { Network } from './network.js';
import type { Host } from './network-node.js';

/** Something that will ring. */
export interface ArmedTimer {
  readonly what: string;
  /** `a:49152`, or a host's name. */
  readonly where: string;
  /** ms of the network's time. */
  readonly at: number;
}

/**
 * Why a run ended. `quiet`: nothing will ever happen. `asleep`: nothing happens within the ceiling, but timers are armed
 * beyond it. `ceiling`: something was still happening.
 */
export type SleepReason = 'quiet' | 'asleep' | 'ceiling';

export class Sleep {
  /** Earliest first. */
  readonly timers: readonly ArmedTimer[];
  /** What nobody closed. */
  readonly leaks: string[];
  readonly now: number;
  readonly inFlight: number;

  constructor(network: Network, readonly reason: SleepReason) {
    this.now = network.now;
    this.inFlight = network.inFlight;
    this.timers = network.machines.flatMap(timersOf).toSorted((a, b) => a.at - b.at);
    this.leaks = network.machines.flatMap(socketsOf);
    if (this.inFlight > 0) this.leaks.push(`${this.inFlight} frames under way`);
  }

  /** `asleep: 3 timers, next RTO in 64 s on a:49152`. */
  toString(): string {
    const { timers, reason, inFlight } = this;
    const next = timers[0];
    const parts = [
      inFlight > 0 ? `${inFlight} frames under way` : '',
      next === undefined ? 'no timer' :
        `${timers.length} timer${timers.length === 1 ? '' : 's'}, next ${next.what} in ${spanText(Math.max(0, next.at - this.now))} on ${next.where}`,
    ];
    return `${reason}: ${parts.filter((part) => part !== '').join(', ')}`;
  }
}

/** Deadlines of a connection, by what its users call them. RFC 6298, RFC 9293 §3.8.6.1, RFC 8985 §8. */
const NAMES = {
  retransmitAt: 'RTO', persistAt: 'window probe', rackAt: 'RACK', paceAt: 'pacing', delayedAckAt: 'delayed ACK',
  keepAliveAt: 'keep-alive', deadAt: 'giving up',
} as const;

function timersOf(host: Host): ArmedTimer[] {
  if (host.isDown) return [];
  const { tcp, ip } = host.stack;
  const timers: ArmedTimer[] = [];
  for (const connection of tcp.connections) {
    for (const [key, what] of Object.entries(NAMES)) {
      const at = connection.timers[key as keyof typeof NAMES];
      if (at !== NEVER) timers.push({ what, where: `${host.name}:${connection.localPort}`, at });
    }
  }
  if (tcp.timeWait.size > 0) timers.push({ what: 'TIME-WAIT', where: host.name, at: tcp.timeWait.nextTimeout() });
  if (ip.nextTimeout() !== NEVER) timers.push({ what: 'neighbours, fragments or path MTUs', where: host.name, at: ip.nextTimeout() });
  // Whoever else has armed the wheel: calls of `after`, half-open connections, groups.
  if (timers.length === 0 && host.stack.armed > 0) timers.push({ what: 'timer', where: host.name, at: host.stack.nextTimeout() });
  return timers;
}

const name = (host: Host, c: Connection): string =>
  `${host.name}:${c.localPort} > ${c.remoteAddress}:${c.remotePort}`;

function socketsOf(host: Host): string[] {
  if (host.isDown) return [];
  const { tcp, udp } = host.stack;
  const open: string[] = [];
  tcp.dormant.wakeAll();
  for (const c of tcp.connections) {
    if (c.state !== 'CLOSED' && c.state !== 'TIME-WAIT') open.push(`TCP ${name(host, c)} ${c.state}`);
  }
  for (const listener of tcp.listening()) open.push(`TCP ${host.name}:${listener.port} LISTEN`);
  for (const endpoint of udp.ports) open.push(`UDP ${host.name}:${endpoint.localPort}`);
  return open;
}

/** The sockets of every host, as `ss` would list them. */
export function socketTable(network: Network): string {
  const rows: string[][] = [['host', 'socket', 'state', 'send-q', 'recv-q', 'waits for']];
  for (const host of network.machines) {
    const { tcp, udp } = host.stack;
    tcp.dormant.wakeAll();
    for (const c of tcp.connections) {
      const due = Object.entries(NAMES)
        .map(([key, what]) => ({ what, at: c.timers[key as keyof typeof NAMES] })).filter(({ at }) => at !== NEVER)
        .map(({ what, at }) => `${what} ${spanText(Math.max(0, at - network.now))}`);
      rows.push([
        host.name, `tcp ${c.localAddress}:${c.localPort} > ${c.remoteAddress}:${c.remotePort}`, c.state,
        String(c.unacknowledged), String(c.readable), due.join(', '),
      ]);
    }
    for (const listener of tcp.listening()) rows.push([host.name, `tcp ${listener.address}:${listener.port}`, 'LISTEN', '', '', '']);
    for (const endpoint of udp.ports) rows.push([host.name, `udp ${endpoint.localAddress}:${endpoint.localPort}`, '', '', '', '']);
    if (tcp.timeWait.size > 0) rows.push([host.name, `tcp, ${tcp.timeWait.size} of them`, 'TIME-WAIT', '', '', '']);
  }
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) => row.map((text, column) => text.padEnd(widths[column]!)).join('  ').trimEnd()).join('\n');
}
