// TCP tests in the field's own notation, packetdrill's, in virtual time: what arrives, what must be sent, and when.
//
//   +0     < S  0:0(0)         win 65535 <mss 1000,sackOK>     arrives
//   +0     > S. 0:0(0) ack 1             <mss 1460,sackOK>     must be sent: exactly this, now, and nothing before it
//   +0     <+ . 1:1(0) ack 1                                   arrives in one batch with what arrives next
//   +100ms ${(c) => c.write(…)}                                runs, at that time
//
// Numbers are relative: each side's first sequence number is 0, its SYN; our TSval counts the script's milliseconds.
// `win` and options are compared where they are named: `<>` says that there are none, `<TS>` leaves its values open. A
// segment that is not expected is a failure wherever it stands, the end included. Text tells its place: the byte with
// sequence number n is n modulo 251.

import { type Address, parseAddress } from '../address.js';
import { u16 } from '../bytes.js';
import { finish, pseudoSum, sumBytes } from '../checksum.js';
import type { Device, FrameSink } from '../link/device.js';
import { NO_OFFLOAD } from '../link/device.js';
import { type Packet, packetOf } from '../packet.js';
import { SeededRandom } from '../random.js';
import { Stack, type StackOptions } from '../stack.js';
import type { Connection } from '../tcp/connection.js';
import type { Listener, ListenOptions } from '../tcp/listener.js';
import { parseSegment, Segment } from '../tcp/segment.js';
import { diff, seq } from '../tcp/seq.js';
import type { ConnectOptions } from '../tcp/tcp.js';

/** ECN's codepoints in the IP header, by number. */
const CODEPOINTS = ['noecn', 'ect1', 'ect0', 'ce'];

/** One segment, as a line says it. */
interface Said {
  /** The codepoint that it comes under; null: none, and not looked at where it leaves. */
  codepoint: string | null;
  flags: string;
  start: number;
  end: number;
  ack: number | null;
  win: number | null;
  urg: number | null;
  options: Options | null;
}

/** Names and values, in their order. */
type Options = (readonly [string, string])[];

type Step =
  | { readonly at: number; readonly kind: 'arrives' | 'queued' | 'sent'; readonly said: Said; readonly line: string }
  | { readonly at: number; readonly kind: 'runs'; readonly run: (c: Connection) => void; readonly line: string };

export type Script = readonly Step[];

const LINE = /^([+-][\d.]+(?:ms|s)?)\s+(<\+?|>)\s+(?:\[(noecn|ect0|ect1|ce)\]\s+)?([SFRPUEWA.-]+)\s+(\d+):(\d+)\((\d+)\)(?:\s+ack\s+(\d+))?(?:\s+win\s+(\d+))?(?:\s+urg\s+(\d+))?(?:\s+<([^>]*)>)?$/;
const KIND = { '<': 'arrives', '<+': 'queued', '>': 'sent' } as const;

/** A script. `${f}` stands alone behind a time, and gets the connection; a number or a text goes into its line. */
export function tcp(texts: TemplateStringsArray, ...values: (number | string | ((c: Connection) => void))[]): Script {
  const runs: ((c: Connection) => void)[] = [];
  const text = texts.reduce((before, after, i) => {
    const value = values[i - 1]!;
    return before + (typeof value === 'function' ? `run ${runs.push(value) - 1}` : value) + after;
  });
  const lines = text.split('\n').map((line) => line.replace(/\/\/.*$/, '').trim());
  return lines.filter((line) => line !== '').map((line) => stepOf(line, runs));
}

function stepOf(line: string, runs: readonly ((c: Connection) => void)[]): Step {
  const call = /^([+-][\d.]+(?:ms|s)?)\s+run (\d+)$/.exec(line);
  if (call !== null) return { at: msOf(call[1]!), kind: 'runs', run: runs[Number(call[2])]!, line };
  const m = LINE.exec(line);
  if (m === null) throw new SyntaxError(`script: cannot read "${line}"`);
  const [, dt, way, codepoint, flags, start, end, length, ack, win, urg, options] = m;
  if (Number(end) - Number(start) !== Number(length)) throw new SyntaxError(`script: ${start}:${end} is not ${length} long`);
  return {
    at: msOf(dt!), kind: KIND[way as keyof typeof KIND], line,
    said: {
      codepoint: codepoint ?? null, flags: flags!, start: Number(start), end: Number(end), ack: ack === undefined ? null : Number(ack),
      win: win === undefined ? null : Number(win), urg: urg === undefined ? null : Number(urg),
      options: options === undefined ? null : optionsOf(options),
    },
  };
}

const msOf = (text: string): number => Number.parseFloat(text.slice(1)) * (text.endsWith('ms') ? 1 : 1000);

function optionsOf(text: string): Options {
  return text.split(',').map((each) => each.trim()).filter((each) => each !== '').map((each) => {
    const [name, ...values] = each.split(' ');
    return [name!, values.join(' ')];
  });
}

export interface ScriptOptions {
  /** Default IPv4. */
  readonly family?: 4 | 6;
  /** Both first sequence numbers stand near the wrap unless named, so that a missing wrap shows. */
  readonly iss?: number;
  readonly irs?: number;
  readonly stack?: StackOptions;
  /** Default 1500. */
  readonly mtu?: number;
}

/** Ports of the script: ours and the peer's. */
export const OUR_PORT = 80;
export const PEER_PORT = 40_000;

const EVENTS = ['connected', 'readable', 'writable', 'end', 'closed', 'error', 'urgent', 'trouble'];

/** A stack whose only peer is a script. */
export class ScriptHost implements Device {
  readonly name = 'script';
  readonly medium = 'ip';
  readonly mtu: number;
  readonly linkAddress = null;
  readonly offload = NO_OFFLOAD;
  readonly stack: Stack;
  readonly ours: Address;
  readonly peers: Address;
  now = 0;
  /** The peer's port for what follows: a script may speak for several peers, one after the other. */
  peerPort = PEER_PORT;
  ourPort = OUR_PORT;
  /** The connection under test: the one a script's code gets. */
  connection: Connection | null = null;
  listener: Listener | null = null;
  /** The last packet that left, from its IP header on. */
  lastPacket = new Uint8Array(0);
  /** What its owner was told, in order. */
  private heard: string[] = [];
  private readonly sent: { readonly at: number; readonly to: number; readonly said: Said }[] = [];
  private sink: FrameSink | null = null;
  private batch: Uint8Array[] = [];
  private readonly family: 4 | 6;
  private readonly iss: number;
  private readonly irs: number;
  /** What our first TSval said, less the time. */
  private tsOffset: number | null = null;

  constructor(options: ScriptOptions = {}) {
    this.family = options.family ?? 4;
    this.mtu = options.mtu ?? 1500;
    this.iss = options.iss ?? 0xffff_fc00;
    this.irs = options.irs ?? 0xffff_ff00;
    this.stack = new Stack({ random: new SeededRandom(1), ...options.stack });
    this.stack.clock = () => this.now;
    this.stack.tcp['isn'].next = () => seq(this.iss);
    const [ours, peers] = this.family === 4 ? ['192.0.2.1', '192.0.2.2'] : ['2001:db8::1', '2001:db8::2'];
    this.ours = parseAddress(ours)!;
    this.peers = parseAddress(peers)!;
    this.stack.addInterface(this, { addresses: [this.family === 4 ? '192.0.2.1/24' : '2001:db8::1/64'] });
  }

  attach(sink: FrameSink): void {
    this.sink = sink;
  }

  close(): void {
    this.sink = null;
  }

  transmit(packet: Packet): boolean {
    this.lastPacket = packet.bytes.slice(packet.start, packet.end);
    this.read(packet);
    packet.release();
    return true;
  }

  /** Be the passive side; the connection is the first that is accepted. */
  listen(options: Partial<ListenOptions> = {}): this {
    this.listener = this.stack.tcp.listen({ port: OUR_PORT, ...options });
    this.listener.owner = {
      onTcpAccept: (listener) => {
        if (this.connection === null) this.hold(listener.accept());
      },
    };
    return this;
  }

  /** Be the active side. */
  connect(options: Partial<ConnectOptions> = {}): this {
    this.hold(this.stack.tcp.connect({ address: this.peers, port: PEER_PORT, ...options }));
    this.ourPort = this.connection!.localPort;
    return this;
  }

  private hold(connection: Connection | null): void {
    this.connection = connection;
    if (connection === null) return;
    connection.owner = {
      onTcpEvent: (_, events) => this.heard.push(...EVENTS.filter((_, bit) => (events & (1 << bit)) !== 0)),
    };
  }

  /** What the connection's owner was told since the last time. */
  news(): string {
    const news = this.heard.join(' ');
    this.heard = [];
    return news;
  }

  /** Write `bytes` of text, each telling its place. @returns how many were taken */
  send(bytes: number): number {
    const from = this.connection!.sendQueue.tail + 1;
    return this.connection!.write(placed(from, bytes));
  }

  /** Read what there is, at most `max` bytes. @returns how many; throws when one is not in its place */
  receive(max = Infinity): number {
    const c = this.connection!;
    let total = 0;
    while (total < max) {
      const from = c.bytesReceived - c.readable + 1;
      const piece = c.read(max - total);
      if (piece === null) break;
      verify(piece, from, 'we read');
      total += piece.length;
    }
    return total;
  }

  /**
   * Play a script; throws where the stack departs from it.
   * @param rest  'ignored': what is sent behind the last line is not the question
   */
  play(script: Script, rest: 'none' | 'ignored' = 'none'): this {
    for (const step of script) {
      this.advanceTo(this.now + step.at);
      if (step.kind === 'sent') {
        this.expect(step.said, step.line);
        continue;
      }
      this.expectSilence(`before "${step.line}"`);
      if (step.kind === 'runs') step.run(this.connection!);
      else this.arrive(this.segment(step.said), step.kind === 'arrives');
      if (step.kind !== 'queued') this.settle();
    }
    if (rest === 'ignored') this.sent.length = 0;
    else this.expectSilence('at the end');
    return this;
  }

  /** One segment arrives with some of its bytes changed, checksum and all: `change` is given the TCP header. */
  mangled(script: Script, change: (header: Uint8Array) => void): void {
    const [step] = script;
    if (step === undefined || step.kind === 'runs') throw new SyntaxError('script: one segment that arrives');
    const packet = this.segment(step.said);
    change(packet.subarray(this.headerLength));
    this.arrive(packet, true);
    this.settle();
  }

  /** An ICMP error arrives about our segment with sequence number `start`; `rest` is the second word, the MTU. */
  icmp(type: number, code: number, start: number, rest = 0): void {
    // As large as the link takes: a smaller packet would not have been too big for anybody.
    const quote = this.around(6, new Uint8Array(8), this.ours, this.peers, this.mtu);
    const view = new DataView(quote.buffer);
    view.setUint16(this.headerLength, this.ourPort);
    view.setUint16(this.headerLength + 2, this.peerPort);
    view.setUint32(this.headerLength + 4, this.iss + start);
    const message = Uint8Array.from([type, code, 0, 0, rest >>> 24, rest >>> 16, rest >>> 8, rest, ...quote]);
    const sum = this.family === 4 ? 0 : pseudoSum(this.peers, this.ours, 58, message.length);
    new DataView(message.buffer).setUint16(2, finish(sumBytes(message, 0, message.length, sum)));
    this.arrive(this.around(this.family === 4 ? 1 : 58, message, this.peers, this.ours), true);
    this.settle();
  }

  /** Let time pass until `at`; what is sent on the way is expected next. */
  advanceTo(at: number): void {
    for (;;) {
      const next = this.stack.nextTimeout();
      if (next > at) break;
      this.now = Math.max(this.now, next);
      this.settle();
    }
    this.now = at;
  }

  private settle(): void {
    for (let i = 0; i < 1000; i++) {
      this.stack.poll(this.now);
      this.connection?.check();
      if (this.stack.nextTimeout() > this.now) return;
    }
    throw new Error(`script: the stack does not come to rest at ${this.now} ms`);
  }

  private expect(want: Said, line: string): void {
    const got = this.sent.shift();
    const found = got === undefined ? 'nothing'
      : `> ${textOf(got.said)}${got.to === this.peerPort ? '' : ` to port ${got.to}`}${this.isNow(got.at) ? '' : ` at ${got.at} ms`}`;
    if (got === undefined || !this.isNow(got.at) || got.to !== this.peerPort || !agrees(want, got.said)) {
      throw new Error(`script: at ${this.now} ms\n  want ${line}\n  got  ${found}`);
    }
  }

  private isNow(at: number): boolean {
    return Math.abs(at - this.now) <= 0.5;
  }

  private expectSilence(where: string): void {
    const got = this.sent.shift();
    if (got !== undefined) throw new Error(`script: ${where}, at ${got.at} ms\n  want nothing\n  got  > ${textOf(got.said)}`);
  }

  private get headerLength(): number {
    return this.family === 4 ? 20 : 40;
  }

  /** A segment that we sent, noted in the script's numbers. */
  private read(packet: Packet): void {
    const b = packet.bytes;
    const protocol = this.family === 4 ? b[packet.start + 9] : b[packet.start + 6];
    if (protocol !== 6) return;
    const at = packet.start + this.headerLength;
    const sum = pseudoSum(this.ours, this.peers, 6, packet.end - at);
    if (finish(sumBytes(b, at, packet.end, sum)) !== 0) throw new Error('script: we sent a bad checksum');
    const seg = new Segment();
    const bad = parseSegment(b, at, packet.end, seg);
    if (bad !== null) throw new Error(`script: we sent a segment that is ${bad}`);
    const bits = u16(b, at + 12) & 0x1ff;
    const start = diff(seg.seq, seq(this.iss)) >>> 0;
    const o = seg.options;
    const options: Options = [];
    if (o.mss > 0) options.push(['mss', String(o.mss)]);
    if (o.sackPermitted) options.push(['sackOK', '']);
    if (o.hasTimestamps) {
      this.tsOffset ??= o.tsVal - Math.floor(this.now);
      options.push(['TS', `val ${(o.tsVal - this.tsOffset) >>> 0} ecr ${o.tsEcr >>> 0}`]);
    }
    if (o.windowScale >= 0) options.push(['wscale', String(o.windowScale)]);
    if (o.sackCount > 0) {
      const blocks = [...Array(o.sackCount).keys()].map((i) => `${(o.sackStart[i]! - this.irs) >>> 0}:${(o.sackEnd[i]! - this.irs) >>> 0}`);
      options.push(['sack', blocks.join(' ')]);
    }
    if (o.userTimeoutMs > 0) options.push(['uto', String(o.userTimeoutMs / 1000)]);
    const counters = countersOf(b, at + 20, seg.payloadStart);
    if (counters !== null) options.push(['ECN', counters]);
    verify(b.subarray(seg.payloadStart, seg.end), start + numberOfSyn(bits), 'we sent');
    this.sent.push({
      at: this.now, to: seg.dstPort,
      said: {
        codepoint: this.codepointOf(b, packet.start), flags: flagsText(bits), start, end: start + seg.payloadLength,
        ack: (bits & 16) !== 0 ? diff(seg.ack, seq(this.irs)) >>> 0 : null,
        win: u16(b, at + 14), urg: (bits & 32) !== 0 ? seg.urgentPointer : null, options,
      },
    });
  }

  /** A segment from the peer, built by its own hand: nothing of the stack's emission is used. */
  private segment(said: Said): Uint8Array {
    const options = optionBytes(said.options ?? [], this.iss, this.tsOffset ?? 0);
    const b = new Uint8Array(20 + options.length + said.end - said.start);
    const view = new DataView(b.buffer);
    view.setUint16(0, this.peerPort);
    view.setUint16(2, this.ourPort);
    view.setUint32(4, this.irs + said.start);
    if (said.ack !== null) view.setUint32(8, this.iss + said.ack);
    view.setUint16(12, (((20 + options.length) / 4) << 12) | flagBits(said.flags));
    view.setUint16(14, said.win ?? 65_535);
    view.setUint16(18, said.urg ?? 0);
    b.set(options, 20);
    b.set(placed(said.start + numberOfSyn(flagBits(said.flags)), said.end - said.start), 20 + options.length);
    view.setUint16(16, finish(sumBytes(b, 0, b.length, pseudoSum(this.peers, this.ours, 6, b.length))));
    const packet = this.around(6, b, this.peers, this.ours);
    if (said.codepoint !== null) this.mark(packet, CODEPOINTS.indexOf(said.codepoint));
    return packet;
  }

  private codepointOf(b: Uint8Array, at: number): string {
    return CODEPOINTS[this.family === 4 ? b[at + 1]! & 3 : (b[at + 1]! >> 4) & 3]!;
  }

  private mark(packet: Uint8Array, codepoint: number): void {
    if (this.family === 6) packet[1]! |= codepoint << 4;
    else {
      packet[1]! |= codepoint;
      const view = new DataView(packet.buffer);
      view.setUint16(10, 0);
      view.setUint16(10, finish(sumBytes(packet, 0, 20)));
    }
  }

  /** The IP packet that carries `payload`, or the beginning of it. */
  private around(protocol: number, payload: Uint8Array, from: Address, to: Address, total = this.headerLength + payload.length): Uint8Array {
    const b = new Uint8Array(this.headerLength + payload.length);
    const view = new DataView(b.buffer);
    if (this.family === 4) {
      view.setUint16(0, 0x4500);
      view.setUint16(2, total);
      view.setUint16(6, 0x4000);
      view.setUint16(8, 0x4000 | protocol);
      view.setInt32(12, from.w3);
      view.setInt32(16, to.w3);
      view.setUint16(10, finish(sumBytes(b, 0, 20)));
    } else {
      view.setUint32(0, 0x6000_0000);
      view.setUint16(4, total - 40);
      view.setUint16(6, (protocol << 8) | 64);
      [from, to].forEach((a, i) => [a.w0, a.w1, a.w2, a.w3].forEach((w, j) => view.setInt32(8 + 16 * i + 4 * j, w)));
    }
    b.set(payload, this.headerLength);
    return b;
  }

  private arrive(packet: Uint8Array, isLast: boolean): void {
    this.batch.push(packet);
    if (!isLast) return;
    for (const each of this.batch) this.sink!.receive(packetOf(each));
    this.batch = [];
    this.sink!.batchEnd();
  }
}

/** `length` bytes of text that tell their place: sequence number `from` and on. */
function placed(from: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (from + i) % 251);
}

function verify(text: Uint8Array, from: number, who: string): void {
  const bad = text.findIndex((byte, i) => byte !== (from + i) % 251);
  if (bad >= 0) throw new Error(`script: ${who} a wrong byte at ${from + bad}: ${text[bad]}`);
}

const LETTERS: readonly [string, number][] = [
  ['F', 1], ['S', 2], ['R', 4], ['P', 8], ['.', 16], ['U', 32], ['E', 64], ['W', 128], ['A', 256],
];

const flagBits = (text: string): number => LETTERS.reduce((bits, [letter, bit]) => bits | (text.includes(letter) ? bit : 0), 0);

/** Text on a SYN begins one behind the segment: the SYN has a number. */
const numberOfSyn = (bits: number): number => (bits >> 1) & 1;

const flagsText = (bits: number): string => LETTERS.map(([letter, bit]) => ((bits & bit) !== 0 ? letter : '')).join('') || '-';

function textOf(s: Said): string {
  const options = [...(s.options ?? [])].map(([name, value]) => (value === '' ? name : `${name} ${value}`)).join(',');
  const mark = s.codepoint === null || s.codepoint === 'noecn' ? '' : `[${s.codepoint}] `;
  return `${mark}${s.flags} ${s.start}:${s.end}(${s.end - s.start})${s.ack === null ? '' : ` ack ${s.ack}`} win ${s.win}` +
    `${s.urg === null ? '' : ` urg ${s.urg}`}${options === '' ? '' : ` <${options}>`}`;
}

function agrees(want: Said, got: Said): boolean {
  if (want.codepoint !== null && want.codepoint !== got.codepoint) return false;
  if (flagBits(want.flags) !== flagBits(got.flags) || want.start !== got.start || want.end !== got.end) return false;
  if (want.ack !== got.ack || (want.urg ?? 0) !== (got.urg ?? 0)) return false;
  if (want.win !== null && want.win !== got.win) return false;
  const [wanted, there] = [want.options, got.options ?? []];
  return wanted === null || wanted.length === there.length && wanted.every(([name, value], i) =>
    there[i]![0] === name && (value === '' || matches(value, there[i]![1])));
}

/** `*` stands for any number. */
function matches(pattern: string, value: string): boolean {
  const [wanted, there] = [pattern.split(' '), value.split(' ')];
  return wanted.length === there.length && wanted.every((word, i) => word === '*' || word === there[i]);
}

/** Accurate ECN's counters, as packetdrill writes them; null: there is no such option. Read by its own hand. RFC 9768 §3.2.3. */
function countersOf(b: Uint8Array, at: number, end: number): string | null {
  while (at < end && b[at] !== 0) {
    const [kind, length] = [b[at]!, b[at] === 1 ? 1 : b[at + 1]!];
    if (kind === 172 || kind === 174) {
      const names = kind === 172 ? ['e0b', 'ceb', 'e1b'] : ['e1b', 'ceb', 'e0b'];
      const fields = names.slice(0, (length - 2) / 3);
      return fields.map((name, i) => `${name} ${(b[at + 2 + 3 * i]! << 16) | u16(b, at + 3 + 3 * i)}`).join(' ');
    }
    at += length;
  }
  return null;
}

/** The options of an arriving segment; `sack a:b` is in our numbers. `raw 0102…` is taken as it stands. */
function optionBytes(options: Options, iss: number, tsOffset: number): Uint8Array {
  const bytes: number[] = [];
  const u32 = (n: number): number[] => [(n >>> 24) & 255, (n >>> 16) & 255, (n >>> 8) & 255, n & 255];
  for (const [name, value] of options) {
    if (name === 'mss') bytes.push(2, 4, Number(value) >> 8, Number(value) & 255);
    else if (name === 'sackOK') bytes.push(4, 2);
    else if (name === 'wscale') bytes.push(3, 3, Number(value));
    else if (name === 'TS') {
      const [, val, ecr] = /val (\d+) ecr (\d+)/.exec(value)!;
      bytes.push(8, 10, ...u32(Number(val)), ...u32(Number(ecr) === 0 ? 0 : Number(ecr) + tsOffset));
    } else if (name === 'sack') {
      const blocks = value.split(' ').map((block) => block.split(':').map((n) => iss + Number(n)));
      bytes.push(5, 2 + 8 * blocks.length, ...blocks.flatMap(([from, to]) => [...u32(from!), ...u32(to!)]));
    } else if (name === 'uto') bytes.push(28, 4, Number(value) >> 8, Number(value) & 255);
    else if (name === 'ECN') {
      const counters = [...value.matchAll(/(e0b|ceb|e1b) (\d+)/g)];
      bytes.push(counters[0]?.[1] === 'e0b' ? 172 : 174, 2 + 3 * counters.length, ...counters.flatMap(([, , n]) => u32(Number(n)).slice(1)));
    } else if (name === 'raw') for (const pair of value.match(/../g) ?? []) bytes.push(Number.parseInt(pair, 16));
    else throw new SyntaxError(`script: no option ${name}`);
  }
  while (bytes.length % 4 !== 0) bytes.push(1);
  return Uint8Array.from(bytes);
}
