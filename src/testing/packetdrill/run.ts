// A script played against a stack, in virtual time. Events happen in their order; a relative time counts from the moment
// when the event before was over.
//
// An expected packet that is longer than what was sent is compared with as many segments in sequence as make it up: others'
// scripts see superpackets (TSO), we see what is on the wire. Flags FIN and PSH are then those of the last. Where `neutral`
// is asked for, a segment may also be longer than expected, and its rest is expected next.

import { SocketName } from '../../socket-api/bsd/socket.js';
import { BsdSockets } from '../../socket-api/bsd/sockets.js';
import * as C from '../../socket-api/bsd/constants.js';
import { runAssertions, understands, UnknownCode } from './assertions.js';
import type { IcmpPacket, PacketEvent, Script, Step, Syscall, TcpPacket, Time, UdpPacket } from './ast.js';
import { prepare, type Prepared, UnknownCall, type World } from './calls.js';
import { icmpDifference, ipDifference, type Leniency, tcpDifference } from './compare.js';
import { ScriptedHost } from './host.js';
import { icmpNumbers } from './icmp-names.js';
import { encodeIcmp, encodeTcp, encodeUdp, type Live, type Way } from './packets.js';
import { printEvent, printStep } from './print.js';
import { type Settings, shellLine, type SocketCount } from './sysctl.js';
import { Tested } from './tested.js';
import { TCP_INFO_CONSTANTS, TCP_INFO_NAMES, tcpInfoVariables } from './tcp-info-names.js';

export interface RunOptions {
  /** A pure ACK that is not expected, a window update say, is passed over. Default false. */
  readonly extraAcks?: boolean;
  /** What stacks do differently without departing from an RFC is not compared (compare.ts). Default false. */
  readonly neutral?: boolean;
  /** What the script does not set itself. */
  readonly settings?: Settings;
}

export type Outcome =
  | { readonly kind: 'passed' }
  | { readonly kind: 'skipped'; readonly reason: string }
  | { readonly kind: 'failed'; readonly line: number; readonly want: string; readonly got: string };

/** Play it. What the interpreter does not understand is skipped, and never half played. */
export function run(script: Script, options: RunOptions = {}): Outcome {
  const player = new Player(script, options);
  const reason = player.reasonToSkip();
  if (reason !== null) return { kind: 'skipped', reason };
  try {
    player.play();
    return { kind: 'passed' };
  } catch (error) {
    if (!(error instanceof Departure)) throw error;
    return { kind: 'failed', line: error.line, want: error.want, got: error.got };
  }
}

/** The stack did something else. */
class Departure extends Error {
  constructor(readonly line: number, readonly want: string, readonly got: string) {
    super(`want ${want}, got ${got}`);
  }
}

/** A call that has not returned yet. */
interface Blocked {
  readonly step: Step;
  readonly call: Syscall;
  readonly prepared: Prepared;
  /** When it must return, ms. */
  readonly end: number;
  result: number;
  errno: string;
  /** When it did; null: it has not. */
  at: number | null;
}

/** RFC 9293 MUST-59. */
const DELAYED_ACK_MAX_MS = 500;

/** The longest that `*` waits for a packet, ms. */
const PATIENCE_MS = 3_600_000;

class Player implements World {
  private readonly host: ScriptedHost;
  private readonly sockets: BsdSockets;
  private readonly family: 4 | 6;
  readonly domain: number;
  readonly bindPort: number;
  readonly connectPort: number;
  readonly localAddress: string;
  readonly remoteAddress: string;
  readonly neutral: boolean;
  private readonly toleranceMs: number;
  private readonly leniency: Leniency;
  private tested: Tested | null = null;
  private blocked: Blocked | null = null;
  /** The last acknowledgment number that was expected, and seen. */
  private acked = 0;
  /** What a full segment to us holds. */
  private readonly mss: number;
  /** The ports of peers that come to a listener, one after the other. */
  private nextPeerPort = 40_001;
  private lastAt: number | null = null;
  /** The script's numbers for descriptors, and ours. */
  private readonly descriptors = new Map<number, number>();
  /** Per descriptor: what was written, and how much was read of what arrived for its connection. */
  private readonly written = new Map<number, Uint8Array>();
  private readonly readSoFar = new Map<number, number>();

  constructor(private readonly script: Script, private readonly options: RunOptions) {
    const option = (name: string): string | undefined => script.options.findLast((each) => each.name === name)?.value;
    const number = (name: string, otherwise: number): number => Number(option(name) ?? otherwise);
    const version = option('ip_version') ?? 'ipv4';
    this.family = version === 'ipv6' ? 6 : 4;
    this.domain = version === 'ipv4' ? C.AF_INET : C.AF_INET6;
    this.bindPort = number('bind_port', 8080);
    this.connectPort = number('connect_port', 8080);
    this.toleranceMs = number('tolerance_usecs', 4000) / 1000;
    this.neutral = options.neutral === true;
    const tick = number('tcp_ts_tick_usecs', 0);
    this.leniency = {
      neutral: this.neutral, tick: tick === 0 ? null : { micros: tick, toleranceMs: this.toleranceMs },
    };
    const [local, remote] = [option('local_ip'), option('remote_ip')];
    this.mss = number('mtu', 1500) - (this.family === 4 ? 40 : 60);
    this.host = new ScriptedHost({
      family: this.family, mtu: number('mtu', 1500), settings: { ...options.settings, ...this.initialSettings() },
      ...(local !== undefined && { localAddress: local }), ...(remote !== undefined && { remoteAddress: remote }),
    });
    this.localAddress = this.host.local.toString();
    this.remoteAddress = this.host.remote.toString();
    this.sockets = new BsdSockets(this.host.stack);
    this.host.onProgress = () => this.goOn();
  }

  /** What shell lines in front of the first call set. */
  private initialSettings(): Settings {
    const first = this.script.steps.findIndex(({ event }) => event.kind === 'syscall');
    const settings: Settings = {};
    for (const { event } of this.script.steps.slice(0, first)) {
      if (event.kind === 'command') Object.assign(settings, shellLine(event.text).settings);
    }
    return settings;
  }

  reasonToSkip(): string | null {
    for (const { event, line } of this.script.steps) {
      try {
        if (event.kind === 'command') {
          const { skip } = shellLine(event.text);
          if (skip !== null) return skip;
        } else if (event.kind === 'code') understands(event.text, TCP_INFO_NAMES);
        else if (event.kind === 'syscall') prepare(event, this.sockets, this);
        else if (event.kind === 'icmp' && icmpNumbers(this.family, event.type, event.code) === null) {
          return `line ${line}: ICMP ${event.type} ${event.code ?? ''}`;
        }
      } catch (error) {
        if (error instanceof UnknownCall || error instanceof UnknownCode) return `line ${line}: ${error.message}`;
        throw error;
      }
    }
    return null;
  }

  play(): void {
    for (const step of this.script.steps) this.step(step);
    this.awaitBlocked();
    if (this.options.extraAcks !== true && !this.neutral) this.expectSilence();
  }

  private expectSilence(): void {
    const { steps } = this.script;
    const live = this.host.sent.find((each) => this.tested?.owns(each) === true && each.at <= this.host.now);
    if (live !== undefined) throw new Departure(steps.at(-1)?.line ?? 1, 'nothing more', this.textOf(live, 'isn'));
  }

  // Time.

  private step(step: Step): void {
    const { event, time } = step;
    const from = time.kind === 'relative' ? this.host.now + time.from : time.from;
    const to = time.kind === 'any' ? this.host.now + PATIENCE_MS
      : time.to === null ? from : time.kind === 'relative' ? this.host.now + time.to : time.to;
    const window = { from: time.kind === 'any' ? this.host.now : from, to, tolerance: this.tolerance(time, from) };
    if (event.kind !== 'syscall' && event.kind !== 'command' && event.kind !== 'code' && event.way === '>') {
      this.expect(step, event, window);
    } else {
      // A call waits its turn behind one that blocks, whatever that takes.
      if (time.kind !== 'any') this.host.advanceTo(Math.max(this.host.now, from));
      this.act(step, window.from);
    }
    this.lastAt = time.kind === 'any' ? this.host.now : from;
  }

  /** Also 12.5 % of the time since the event before, as google's packetdrill; where strictness is ours, not. */
  private tolerance(time: Time, from: number): number {
    if (!this.neutral || this.lastAt === null || time.kind === 'any') return this.toleranceMs;
    return Math.max(this.toleranceMs, 0.125 * (from - this.lastAt));
  }

  private act(step: Step, from: number): void {
    const { event } = step;
    if (event.kind === 'syscall') this.call(step, event, from);
    else if (event.kind === 'command') this.shell(step, event.text);
    else if (event.kind === 'code') this.assert(step, event.text);
    else this.arrive(event);
  }

  private shell(step: Step, text: string): void {
    const { settings, condition } = shellLine(text);
    Object.assign(this.host.stack.tcp.options, settings);
    if (condition === null) return;
    const count = this.socketsIn(condition.state);
    if (!String(count).includes(condition.count)) throw new Departure(step.line, text, `${count} in ${condition.state}`);
  }

  private socketsIn(state: SocketCount['state']): number {
    const { tcp } = this.host.stack;
    const { fd } = this.tested ?? { fd: null };
    const isTestedIn = fd !== null && tcpInfoVariables(this.sockets, fd).get('tcpi_state') === TCP_INFO_CONSTANTS.get(`TCPI_${state.replace('RCVD', 'RECEIVED')}`);
    // What is no connection any more, or not yet, is a row of a table.
    const rows = state === 'SYN_RCVD' ? tcp.halfOpens.size : state === 'TIME_WAIT' ? tcp.timeWait.size : 0;
    return Math.max(rows, isTestedIn ? 1 : 0);
  }

  private assert(step: Step, text: string): void {
    const fd = this.tested?.fd ?? null;
    const failed = this.failedAssertion(text, fd === null ? TCP_INFO_CONSTANTS : tcpInfoVariables(this.sockets, fd));
    if (failed !== null) throw new Departure(step.line, failed.replace(/: [^:]*$/, ''), /: ([^:]*)$/.exec(failed)![1]!);
  }

  private failedAssertion(text: string, variables: ReadonlyMap<string, number>): string | null {
    try {
      return runAssertions(text, variables);
    } catch (error) {
      if (error instanceof UnknownCode) return `${text.split('\n')[0]}: tcp_info does not tell it`;
      throw error;
    }
  }

  // Calls.

  private call(step: Step, call: Syscall, from: number): void {
    this.awaitBlocked();
    const prepared = prepare(call, this.sockets, this);
    const { writes } = prepared;
    const before = writes === undefined ? NOTHING : this.written.get(writes.fd) ?? NOTHING;
    if (writes !== undefined) this.written.set(writes.fd, Uint8Array.from([...before, ...writes.text]));
    const result = prepared.make();
    const { pending } = this.sockets;
    this.host.settle();
    if (result === C.WOULD_BLOCK) {
      const base = step.time.kind === 'relative' ? from - step.time.from : 0;
      const end = call.end === null ? from : base + call.end;
      const blocked: Blocked = { step, call, prepared, end, result, errno: '', at: null };
      this.blocked = blocked;
      this.resume = () => {
        blocked.result = pending!.poll();
        blocked.errno = pending!.errno;
        return blocked.result !== C.WOULD_BLOCK;
      };
      this.noteConnecting(call);
      this.goOn();
      if (call.end === null) this.awaitBlocked();
      return;
    }
    if (writes !== undefined) this.written.set(writes.fd, this.written.get(writes.fd)!.slice(0, before.length + Math.max(0, result)));
    this.compare(step, call, prepared, result, this.sockets.errno);
  }

  private resume: () => boolean = () => true;

  /** What waits is tried again. */
  private goOn(): void {
    const { blocked } = this;
    if (blocked === null || blocked.at !== null || !this.resume()) return;
    blocked.at = this.host.now;
  }

  /** One call after the other: what blocks is waited for, until it is late. */
  private awaitBlocked(): void {
    const { blocked } = this;
    if (blocked === null) return;
    const limit = blocked.end + this.toleranceMs;
    while (blocked.at === null && this.host.wait(limit));
    this.blocked = null;
    const want = printStep(blocked.step);
    if (blocked.at === null) throw new Departure(blocked.step.line, want, `it still waits at ${inSeconds(this.host.now)}`);
    if (Math.abs(blocked.at - blocked.end) > this.toleranceMs) {
      throw new Departure(blocked.step.line, want, `it returned ${blocked.result} at ${inSeconds(blocked.at)}`);
    }
    this.compare(blocked.step, blocked.call, blocked.prepared, blocked.result, blocked.errno);
  }

  private compare(step: Step, call: Syscall, prepared: Prepared, result: number, errno: string): void {
    const wanted = call.result === null ? null : call.result.kind === 'number' ? call.result.value : null;
    const isDescriptor = (call.name === 'socket' || call.name === 'accept') && result >= 0 && (wanted ?? 0) >= 0;
    if (isDescriptor) this.descriptors.set(wanted ?? result, result);
    const isWanted = wanted === null || isDescriptor || (wanted === result && (call.errno === null || sameErrno(call.errno, errno)));
    if (!isWanted) throw new Departure(step.line, printStep(step), result === -1 ? `-1 ${errno}` : String(result));
    const differs = prepared.check(result);
    if (differs !== null) throw new Departure(step.line, printStep(step), differs);
    this.note(call, result);
  }

  /** What a call says of the socket that packets are about. */
  private note(call: Syscall, result: number): void {
    const fd = call.name === 'socket' ? result : this.fd(firstNumber(call));
    if (call.name === 'socket' && result >= 0) {
      const name = call.args[1];
      this.tested = new Tested(name?.kind === 'word' && name.word === 'SOCK_DGRAM' ? 17 : 6);
      this.tested.fd = fd;
    } else if (call.name === 'listen' && result === 0) {
      this.tested = new Tested(6);
    } else if (call.name === 'accept' && result >= 0 && this.tested !== null) this.tested.fd = result;
    else if (call.name === 'bind' && this.tested?.protocol === 17) this.tested.localPort = this.nameOf(fd);
    else if (call.name === 'connect') this.noteConnecting(call);
  }

  private noteConnecting(call: Syscall): void {
    const { tested } = this;
    if (call.name !== 'connect' || tested === null || tested.isOpen) return;
    tested.isOpen = true;
    tested.fd = this.fd(firstNumber(call));
    tested.localPort = this.nameOf(tested.fd);
  }

  private nameOf(fd: number): number | null {
    const name = new SocketName();
    return this.sockets.getsockname(fd, name) === 0 && name.port !== 0 ? name.port : null;
  }

  // Text: the byte with sequence number n is n modulo 251, and so is the byte of a stream at n.

  fd(inScript: number): number {
    return this.descriptors.get(inScript) ?? inScript;
  }

  text(fd: number, length: number): Uint8Array {
    const before = this.written.get(fd) ?? NOTHING;
    return Uint8Array.from({ length }, (_, i) => (before.length + i) % 251);
  }

  verify(fd: number, bytes: Uint8Array, isPeek: boolean): void {
    if (fd !== this.tested?.fd || this.tested.protocol === 17) return;
    const from = this.readSoFar.get(fd) ?? 0;
    const bad = bytes.findIndex((byte, i) => byte !== (this.tested!.irs + 1 + from + i) % 251);
    if (bad >= 0) throw new Departure(0, 'the text that arrived', `another byte at ${from + bad}`);
    if (!isPeek) this.readSoFar.set(fd, from + bytes.length);
  }

  // Packets in.

  private arrive(event: PacketEvent): void {
    const tested = this.testedFor(event);
    const way = this.way(tested, event);
    if (event.kind === 'tcp') {
      if (event.flags.includes('S')) tested.irs = event.start;
      this.host.receive(encodeTcp(tested.toLive(event), way, (n) => (n >>> 0) % 251));
    } else if (event.kind === 'udp') {
      this.host.receive(encodeUdp(event, way));
    } else {
      this.host.receive(encodeIcmp(this.liveIcmp(event, tested), way, tested.protocol)!);
    }
  }

  private liveIcmp(event: IcmpPacket, tested: Tested): IcmpPacket {
    const { echoed } = event;
    if (echoed !== null && echoed.protocol !== 'tcp') return event;
    const quoted = echoed ?? { protocol: 'tcp' as const, start: 0, length: 0 };
    return tested.protocol === 6 ? { ...event, echoed: { ...quoted, start: tested.liveSequence(quoted.start) } } : event;
  }

  private testedFor(event: PacketEvent): Tested {
    if (event.kind !== 'icmp' && (this.tested === null || (this.tested.protocol === 6 && !this.tested.isOpen))) {
      const fresh = new Tested(event.kind === 'udp' ? 17 : 6);
      fresh.isOpen = true;
      fresh.localPort = event.ports?.dst ?? this.bindPort;
      fresh.remotePort = event.ports?.src ?? this.nextPeerPort++;
      this.tested = fresh;
    }
    return (this.tested ??= new Tested(6));
  }

  private way(tested: Tested, event: PacketEvent): Way {
    const ports = event.kind === 'icmp' ? null : event.ports;
    return {
      family: this.family, from: this.host.remote, to: this.host.local,
      fromPort: ports?.src ?? tested.remotePort ?? this.connectPort, toPort: ports?.dst ?? tested.localPort ?? this.bindPort,
    };
  }

  // Packets out.

  private expect(step: Step, want: PacketEvent, when: Window): void {
    const live = this.next(this.mayBeDelayed(want) ? { ...when, to: when.to + DELAYED_ACK_MAX_MS } : when);
    const fail = (got: string): never => {
      throw new Departure(step.line, printStep(step), got);
    };
    if (live === null) return fail(`nothing until ${inSeconds(this.host.now)}`);
    // To a ping the machine answers, not the socket.
    if (want.kind !== 'icmp' && live.event.kind === 'icmp' && live.event.type === 'echo_reply') return this.expect(step, want, when);
    const differs = this.differenceOf(want, live, when);
    if (differs !== null && this.options.extraAcks === true && isPureAck(live)) return this.expect(step, want, when);
    const at = ` at ${inSeconds(live.at)}`;
    if (differs !== null) fail(`${this.textOf(live, want.kind === 'tcp' ? want.origin : 'isn')}${at}: ${differs}`);
    const late = Math.max(when.from - live.at, live.at - when.to) - when.tolerance;
    if (this.mayBeDelayed(want)) return this.passed(want, live);
    // A rounding of the clock's fractions is no lateness.
    if (late > 1e-6) fail(`it${at}, not ${inSeconds(when.from)}${when.to > when.from ? ` to ${inSeconds(when.to)}` : ''}`);
    this.passed(want, live);
  }

  private passed(want: PacketEvent, live: Live): void {
    this.host.now = Math.max(this.host.now, live.at);
    if (want.kind === 'tcp' && want.ack !== null) this.acked = want.ack;
  }

  /**
   * RFC 9293 §3.8.6.3: when less than two full segments are acknowledged, and none out of order, the ACK may be delayed by
   * up to 500 ms, and how long is each stack's own choice. A FIN's too.
   */
  private mayBeDelayed(want: PacketEvent): want is TcpPacket {
    if (!this.neutral || want.kind !== 'tcp' || want.flags !== '.' || want.length > 0 || want.ack === null) return false;
    const news = want.ack - this.acked;
    return news > 0 && news < 2 * this.mss && (want.options ?? []).every(({ name }) => name !== 'sack');
  }

  /** The next packet of the socket under test; null: there is none in time. */
  private next(when: Window): Live | null {
    for (;;) {
      const live = this.host.sent.shift();
      if (live !== undefined && this.tested?.owns(live) === true) return live;
      if (live === undefined && !this.host.wait(when.to + when.tolerance) && this.host.sent.length === 0) return null;
    }
  }

  private differenceOf(want: PacketEvent, live: Live, when: Window): string | null {
    const ip = ipDifference(want, live);
    if (want.kind !== live.event.kind) return live.event.kind;
    if (live.event.kind === 'icmp') return icmpDifference(want as IcmpPacket, live.event) ?? ip;
    const { ports } = want as UdpPacket;
    if (ports !== null && (ports.src !== live.ports.src || ports.dst !== live.ports.dst)) return `ports ${live.ports.src} > ${live.ports.dst}`;
    if (live.event.kind === 'udp') return (want as UdpPacket).length === live.event.length ? ip : 'length';
    return this.tcpDifferenceOf(want as TcpPacket, live, when) ?? ip;
  }

  private tcpDifferenceOf(want: TcpPacket, first: Live, when: Window): string | null {
    const tested = this.tested!;
    if (want.flags.includes('S')) tested.learn(want, first);
    const live = first.event as TcpPacket;
    tested.noteTimestamp(want, live);
    const wrong = this.wrongText(first);
    if (wrong !== null) return wrong;
    const whole = this.assemble(want, live, when);
    return tcpDifference(want, tested.toScript(whole, want.origin), this.leniency);
  }

  /** Segments in sequence become one as long as is wanted, or the rest of a longer one is put back. */
  private assemble(want: TcpPacket, live: TcpPacket, when: Window): TcpPacket {
    let whole = live;
    while (whole.length > 0 && whole.length < want.length) {
      const more = this.host.sent.find((each) => this.tested!.owns(each)) ?? this.waitForMore(when);
      const event = more?.event;
      if (event?.kind !== 'tcp' || event.length === 0 || event.start !== ((whole.start + whole.length) >>> 0)) return whole;
      this.host.sent.splice(this.host.sent.indexOf(more!), 1);
      const flags = whole.flags.replace(/[FP]/g, '');
      whole = { ...whole, length: whole.length + event.length, flags: `${event.flags.replace(/[^FP]/g, '')}${flags}` };
    }
    return whole.length > want.length && want.length > 0 && this.neutral ? this.split(want, whole) : whole;
  }

  private waitForMore(when: Window): Live | null {
    const more = this.next(when);
    if (more !== null) this.host.sent.unshift(more);
    return more;
  }

  private split(want: TcpPacket, whole: TcpPacket): TcpPacket {
    const rest = { ...whole, start: (whole.start + want.length) >>> 0, length: whole.length - want.length };
    this.host.sent.unshift({
      at: this.host.now, event: rest, ports: { src: this.tested!.localPort!, dst: this.tested!.remotePort! },
      tos: 0, ttl: 0, flowLabel: 0, payload: new Uint8Array(0),
    });
    return { ...whole, length: want.length, flags: whole.flags.replace('F', '') };
  }

  /** What we sent must be what was written, in its place. */
  private wrongText(live: Live): string | null {
    const { start } = live.event as TcpPacket;
    const text = this.tested!.fd === null ? undefined : this.written.get(this.tested!.fd);
    const from = this.tested!.sentOffset(start);
    if (text === undefined || from === null) return null;
    const bad = live.payload.findIndex((byte, i) => text[from + i] !== byte);
    return bad < 0 || live.event.kind !== 'tcp' ? null : `text: another byte at ${from + bad}`;
  }

  private textOf(live: Live, origin: TcpPacket['origin']): string {
    return printEvent(live.event.kind === 'tcp' ? this.tested!.toScript(live.event, origin) : live.event);
  }
}

interface Window {
  readonly from: number;
  readonly to: number;
  readonly tolerance: number;
}

const NOTHING = new Uint8Array(0);

const inSeconds = (ms: number): string => `${Math.round(ms * 1000) / 1e6} s`;

const isPureAck = (live: Live): boolean => live.event.kind === 'tcp' && live.event.length === 0 && live.event.flags === '.';

/** The same number under two names. */
const sameErrno = (a: string, b: string): boolean => a === b || (a === 'EWOULDBLOCK' && b === 'EAGAIN');

const firstNumber = (call: Syscall): number => (call.args[0]?.kind === 'number' ? call.args[0].value : -1);
