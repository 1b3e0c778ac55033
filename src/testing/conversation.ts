// Two stacks that talk over a bad link in virtual time, each with an application that writes, reads and closes as a plan
// says. Everything that chance decides comes from the plan's seed: the same plan gives the same run.

import { address } from '../address.js';
import type { Offload } from '../link/device.js';
import { NO_OFFLOAD } from '../link/device.js';
import { SeededRandom } from '../random.js';
import type { Stack } from '../stack.js';
import type { Connection, ConnectionOptions } from '../tcp/connection.js';
import type { Listener } from '../tcp/listener.js';
import { seq } from '../tcp/seq.js';
import { NEVER } from '../time.js';
import type { Impairments } from './impairment.js';
import type { Link } from './link.js';
import { TcpMiddlebox, type TcpMiddleboxOptions } from './middlebox.js';
import { packetText } from './packet-text.js';
import { type Host, Simulation } from './simulation.js';

export interface Party {
  /** Sizes of what it writes, bytes. */
  readonly writes: readonly number[];
  /** Longest pause before a write, ms. */
  readonly writePause: number;
  /** Longest pause before a read, ms; longest read, bytes. */
  readonly readPause: number;
  readonly readMax: number;
  /** Ends its side when it has written all, or only when it has read all. */
  readonly endsFirst: boolean;
  readonly noDelay: boolean;
  readonly sendBuffer: number;
  readonly receiveBuffer: number;
  /** How far its first sequence number stands before the wrap. */
  readonly issBeforeWrap: number;
  /** More that the connection is told: its congestion controller, for one. */
  readonly options?: ConnectionOptions;
}

/** For a while, or for good, the path carries less than the devices think. */
export interface MtuDrop {
  readonly pathMtu: number;
  readonly tooBig: 'silence' | 'icmp';
  readonly fromMs: number;
  /** NEVER: for good. Silence for good is a black hole: only who probes the path (RFC 8899) survives it. */
  readonly forMs: number;
}

export interface Plan {
  readonly seed: number;
  readonly family: 4 | 6;
  readonly mtu: number;
  /** The devices take superpackets and partial checksums; middleboxes and MTU drops then have nothing to do. */
  readonly offload: boolean;
  /** Both open actively, at the same time. */
  readonly simultaneous: boolean;
  /** Of the link, both ways. */
  readonly link: Impairments;
  readonly middlebox?: TcpMiddleboxOptions;
  readonly mtuDrop?: MtuDrop;
  readonly client: Party;
  readonly server: Party;
}

const ADDRESSES = { 4: ['192.0.2.1', '192.0.2.2', '/24'], 6: ['2001:db8::1', '2001:db8::2', '/64'] } as const;
const PORTS = [50_000, 80];
const TSO: Offload = { checksum: true, tcpSegmentation: true, udpSegmentation: true };
const DAY = 24 * 3600 * 1000;
const STEPS_MAX = 300_000;
/** On a link that is bad enough everybody gives up some day; and the last ACK may be lost until TIME-WAIT is over. */
const PATIENT = { synRetries: 50, synAckRetries: 50, retries: 50, probeSilenceMs: DAY, timeWaitMs: DAY };

/** A speaker: its host, its connection, its application. */
class Speaker {
  readonly stack: Stack;
  connection: Connection | null = null;
  written = 0;
  read = 0;
  ended = false;
  wroteAll = false;
  private unwritten = new Uint8Array(0);
  private index = 0;
  private readPlanned = false;

  constructor(
    private readonly world: Conversation, host: Host, readonly which: 0 | 1, readonly party: Party, private readonly dice: SeededRandom,
  ) {
    this.stack = host.stack;
    this.stack.tcp['isn'].next = () => seq(-party.issBeforeWrap);
  }

  connect(): void {
    const there = address(ADDRESSES[this.world.plan.family][1 - this.which]!);
    const { party, which } = this;
    this.begin(this.stack.tcp.connect({ ...party, ...party.options, address: there, localPort: PORTS[which]!, port: PORTS[1 - which]! }));
  }

  listen(): Listener {
    const listener = this.stack.tcp.listen({ ...this.party, ...this.party.options, port: PORTS[this.which]! });
    listener.owner = { onTcpAccept: () => this.begin(listener.accept()!) };
    return listener;
  }

  /** The connection is ours: write, read, end. */
  private begin(connection: Connection): void {
    this.connection = connection;
    connection.owner = {
      onTcpEvent: () => {
        this.planRead();
        if (this.unwritten.length > 0) this.write();
        this.maybeEnd();
      },
    };
    this.planWrite(0);
    this.planRead();
  }

  private planWrite(index: number): void {
    const size = this.party.writes[index];
    if (size === undefined) {
      this.wroteAll = true;
      this.maybeEnd();
      return;
    }
    this.world.sim.after(this.dice.below(this.party.writePause + 1), () => {
      this.unwritten = new Uint8Array(size);
      for (let i = 0; i < size; i++) this.unwritten[i] = byteAt(this.which, this.written + i);
      this.index = index;
      this.write();
    });
  }

  private write(): void {
    const c = this.connection!;
    if (c.error !== null) return;
    const taken = c.write(this.unwritten);
    this.written += taken;
    this.unwritten = this.unwritten.subarray(taken);
    if (this.unwritten.length === 0) this.planWrite(this.index + 1);
  }

  private planRead(): void {
    if (this.readPlanned || this.ended) return;
    this.readPlanned = true;
    this.world.sim.after(this.dice.below(this.party.readPause + 1), () => {
      this.readPlanned = false;
      const c = this.connection!;
      const piece = c.read(1 + this.dice.below(this.party.readMax));
      if (piece !== null) {
        const from = this.read;
        const bad = piece.findIndex((byte, i) => byte !== byteAt(1 - this.which, from + i));
        if (bad >= 0) throw new Error(`byte ${from + bad} is wrong`);
        this.read += piece.length;
      }
      if (c.ended) {
        this.ended = true;
        this.maybeEnd();
      } else if (c.readable > 0) {
        this.planRead();
      }
    });
  }

  /** A close in SYN-SENT would be the end of it (RFC 9293 §3.10.4): wait for the connection. */
  private maybeEnd(): void {
    const c = this.connection!;
    if (this.wroteAll && (this.party.endsFirst || this.ended) && c.state !== 'SYN-SENT') c.shutdown();
  }

  get isDone(): boolean {
    const state = this.connection?.state;
    return this.ended && (state === 'CLOSED' || state === 'TIME-WAIT');
  }
}

export const total = (party: Party): number => party.writes.reduce((sum, size) => sum + size, 0);

/** The streams' bytes: different in both directions, and without a short period. */
const byteAt = (which: number, offset: number): number => (Math.imul(offset + 1 + which * 7919, 0x9e37_79b1) >>> 24);

export class Conversation {
  readonly sim: Simulation;
  readonly speakers: readonly [Speaker, Speaker];
  /** What was sent, as lines, when somebody wants to see it. */
  trace: string[] | null = null;
  private readonly link: Link;
  private readonly middleboxes: TcpMiddlebox[] = [];

  constructor(readonly plan: Plan) {
    const dice = new SeededRandom(plan.seed);
    this.sim = new Simulation(plan.seed);
    const [a, b] = ['client', 'server'].map((name) => this.sim.host(name, { tcp: PATIENT })) as [Host, Host];
    const [client, server, prefix] = ADDRESSES[plan.family];
    this.link = this.sim.link(a, b, {
      ...plan.link, mtu: plan.mtu, offload: plan.offload ? TSO : NO_OFFLOAD, addresses: [[client + prefix], [server + prefix]],
    });
    this.speakers = [new Speaker(this, a, 0, plan.client, dice.fork('client')), new Speaker(this, b, 1, plan.server, dice.fork('server'))];
    this.sim.tap = (from, packet, fate) => {
      if (this.trace === null) return;
      const arrow = from === this.link.ends[0] ? '>' : '<';
      const lost = fate === 'passed' ? '' : ` ${fate.toUpperCase()}`;
      this.trace.push(`${this.sim.now.toFixed(2)} ${arrow}${lost} ${packetText(packet.bytes, packet.start, packet.end, 'ip')}`);
    };
    if (!plan.offload) this.meddle(dice);
  }

  /** Packets that were sent, lost ones too. */
  get frames(): number {
    return this.sim.packets;
  }

  private meddle(dice: SeededRandom): void {
    const { middlebox, mtuDrop, link } = this.plan;
    if (middlebox !== undefined) {
      for (const end of this.link.ends) {
        end.middlebox = new TcpMiddlebox(middlebox, dice.fork(end.name), (ms, run) => this.sim.after(ms, run));
        this.middleboxes.push(end.middlebox as TcpMiddlebox);
      }
    }
    if (mtuDrop === undefined) return;
    const { pathMtu, tooBig, fromMs, forMs } = mtuDrop;
    this.sim.after(fromMs, () => this.link.change({ ...link, pathMtu, tooBig }));
    if (forMs !== NEVER) this.sim.after(fromMs + forMs, () => this.link.change(link));
  }

  /**
   * Talk until both have said and heard everything and the last timer has fired.
   * @throws Error when a byte is wrong or missing, a side does not close, or something is left behind
   */
  run(): this {
    const [client, server] = this.speakers;
    const listener = this.plan.simultaneous ? null : server.listen();
    client.connect();
    if (listener === null) server.connect();
    for (let steps = 0; this.sim.nextTimeout() !== NEVER; steps++) {
      this.sim.step();
      // After every step: something is armed, or nothing is owed.
      for (const each of this.speakers) each.connection?.check();
      if (steps > STEPS_MAX || this.sim.now > 10 * DAY) throw new Error(this.report('does not end'));
    }
    for (const each of this.speakers) this.judge(each);
    if (listener !== null && listener.halfOpenCount + listener.waitingCount > 0) throw new Error(this.report('the listener holds something'));
    if (this.middleboxes.some((each) => each.pool.outstanding > 0)) throw new Error(this.report('a packet of a middlebox is lost'));
    return this;
  }

  private judge({ connection: c, stack, isDone, read, which }: Speaker): void {
    if (c === null || !isDone || c.error !== null) throw new Error(this.report('asleep, and not done'));
    if (read !== total(this.speakers[1 - which]!.party)) throw new Error(this.report('not all was read'));
    const left = {
      connections: stack.tcp.connections.size, timeWaits: stack.tcp.timeWait.size, timers: stack['wheel'].size,
      packets: stack.pool.outstanding, unread: c.readable, unsent: c.unacknowledged,
    };
    if (Object.values(left).some((n) => n > 0)) throw new Error(this.report(`left behind: ${JSON.stringify(left)}`));
  }

  /** What was wrong, and how both sides stand. */
  report(what: string): string {
    const lines = this.speakers.map((s) => {
      const c = s.connection;
      if (c === null) return '  no connection';
      const { snd, rcv, timers } = c;
      return `  ${c.state}${c.error === null ? '' : ` ${c.error.code}`} written ${s.written}/${total(s.party)} read ${s.read} ` +
        `readable ${c.readable} una ${snd.una} nxt ${snd.nxt} wnd ${snd.wnd} smss ${snd.smss} cwnd ${c.congestion.cwnd} ` +
        `rcv.nxt ${rcv.nxt} edge ${rcv.edge} timers ${JSON.stringify(timers)}`;
    });
    return `conversation: ${what} at ${this.sim.now} ms\n${lines.join('\n')}`;
  }
}
