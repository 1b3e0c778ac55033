// TCP tests in the field's own notation, packetdrill's, in virtual time: what arrives, what must be sent, and when.
//
//   +0     < S  0:0(0)         win 65535 <mss 1000,sackOK>     arrives
//   +0     > S. 0:0(0) ack 1             <mss 1460,sackOK>     must be sent: exactly this, now, and nothing before it
//   +100ms ${(c) => c.write(…)}                                runs, at that time
//
// Sequence numbers are relative: each side's first is 0, its SYN. `win` and options that are not named are not compared.
// A segment that is not expected is a failure wherever it stands, the end included.

import { type Address, parseAddress } from '../address.js';
import { u16 } from '../bytes.js';
import { finish, pseudoSum, sumBytes } from '../checksum.js';
import type { Device, FrameSink } from '../link/device.js';
import { NO_OFFLOAD } from '../link/device.js';
import { type Packet, packetOf } from '../packet.js';
import { SeededRandom } from '../random.js';
import { Stack, type StackOptions } from '../stack.js';
import type { Connection } from '../tcp/connection.js';
import type { Listener } from '../tcp/listener.js';
import { parseSegment, Segment } from '../tcp/segment.js';

/** One segment, as a line says it. */
interface Said {
  flags: string;
  start: number;
  end: number;
  ack: number | null;
  win: number | null;
  urg: number | null;
  options: Map<string, string> | null;
}

type Step =
  | { readonly at: number; readonly kind: 'arrives' | 'sent'; readonly said: Said; readonly line: string }
  | { readonly at: number; readonly kind: 'runs'; readonly run: (c: Connection) => void; readonly line: string };

export type Script = readonly Step[];

const LINE = /^([+-][\d.]+(?:ms|s)?)\s+([<>])\s+([SFRPUEWA.-]+)\s+(\d+):(\d+)\((\d+)\)(?:\s+ack\s+(\d+))?(?:\s+win\s+(\d+))?(?:\s+urg\s+(\d+))?(?:\s+<([^>]*)>)?$/;

/** A script. `${f}` stands alone on its line, behind a time, and gets the connection. */
export function tcp(texts: TemplateStringsArray, ...runs: ((c: Connection) => void)[]): Script {
  const steps: Step[] = [];
  texts.forEach((text, i) => {
    const lines = text.split('\n').map((line) => line.replace(/\/\/.*$/, '').trim());
    lines.forEach((line, j) => {
      if (line === '') return;
      const time = /^([+-][\d.]+(?:ms|s)?)$/.exec(line);
      if (time !== null && j === lines.length - 1 && i < runs.length) {
        steps.push({ at: msOf(time[1]!), kind: 'runs', run: runs[i]!, line });
        return;
      }
      const m = LINE.exec(line);
      if (m === null) throw new SyntaxError(`script: cannot read "${line}"`);
      const [, dt, way, flags, start, end, length, ack, win, urg, options] = m;
      if (Number(end) - Number(start) !== Number(length)) throw new SyntaxError(`script: ${start}:${end} is not ${length} long`);
      steps.push({
        at: msOf(dt!), kind: way === '<' ? 'arrives' : 'sent', line,
        said: {
          flags: flags!, start: Number(start), end: Number(end), ack: ack === undefined ? null : Number(ack),
          win: win === undefined ? null : Number(win), urg: urg === undefined ? null : Number(urg),
          options: options === undefined ? null : optionsOf(options),
        },
      });
    });
  });
  return steps;
}

const msOf = (text: string): number => Number.parseFloat(text.slice(1)) * (text.endsWith('ms') ? 1 : 1000);

function optionsOf(text: string): Map<string, string> {
  const options = new Map<string, string>();
  for (const each of text.split(',').map((t) => t.trim()).filter((t) => t !== '' && t !== 'nop')) {
    const space = each.indexOf(' ');
    options.set(space < 0 ? each : each.slice(0, space), space < 0 ? '' : each.slice(space + 1));
  }
  return options;
}

export interface ScriptOptions {
  /** Default IPv4. */
  readonly family?: 4 | 6;
  /** The peer's first sequence number. Default: near the wrap, so that a missing wrap shows. */
  readonly irs?: number;
  readonly stack?: StackOptions;
  /** Default 1500. */
  readonly mtu?: number;
}

/** Ports of the script: ours and the peer's. */
export const OUR_PORT = 80;
export const PEER_PORT = 40_000;

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
  /** The connection under test: the one a script's code gets. */
  connection: Connection | null = null;
  listener: Listener | null = null;
  private readonly sent: { readonly at: number; readonly text: string; readonly said: Said }[] = [];
  private sink: FrameSink | null = null;
  private readonly family: 4 | 6;
  private readonly irs: number;
  private iss: number | null = null;
  private ourPort = OUR_PORT;
  private peerPort = PEER_PORT;

  constructor(options: ScriptOptions = {}) {
    this.family = options.family ?? 4;
    this.mtu = options.mtu ?? 1500;
    this.irs = options.irs ?? 0xffff_ff00;
    this.stack = new Stack({ random: new SeededRandom(1), ...options.stack });
    const [ours, peers] = this.family === 4 ? ['192.0.2.1', '192.0.2.2'] : ['2001:db8::1', '2001:db8::2'];
    this.ours = parseAddress(ours!)!;
    this.peers = parseAddress(peers!)!;
    this.stack.addInterface(this, { addresses: [this.family === 4 ? '192.0.2.1/24' : '2001:db8::1/64'] });
  }

  attach(sink: FrameSink): void {
    this.sink = sink;
  }

  close(): void {
    this.sink = null;
  }

  transmit(packet: Packet): boolean {
    const said = this.read(packet);
    if (said !== null) this.sent.push({ at: this.now, text: textOf(said), said });
    packet.release();
    return true;
  }

  /** Be the passive side; the connection is the first that is accepted. */
  listen(options: { backlog?: number; port?: number } = {}): this {
    this.listener = this.stack.tcp.listen({ port: OUR_PORT, ...options });
    this.listener.owner = {
      onTcpAccept: (listener) => {
        this.connection ??= listener.accept();
      },
    };
    return this;
  }

  /** Be the active side. */
  connect(): this {
    this.connection = this.stack.tcp.connect({ address: this.peers, port: PEER_PORT });
    this.ourPort = this.connection.localPort;
    return this;
  }

  /** Play a script; throws where the stack departs from it. */
  play(script: Script): this {
    for (const step of script) {
      this.advanceTo(this.now + step.at);
      if (step.kind === 'sent') {
        this.expect(step.said, step.line);
        continue;
      }
      this.expectSilence(`before "${step.line}"`);
      if (step.kind === 'runs') step.run(this.connection!);
      else this.inject(step.said);
      this.settle();
    }
    this.expectSilence('at the end');
    return this;
  }

  /** Let `ms` pass; what is sent in that time is expected next. */
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
    for (let i = 0; i < 100; i++) {
      this.stack.poll(this.now);
      if (this.stack.nextTimeout() > this.now) return;
    }
    throw new Error(`script: the stack does not come to rest at ${this.now} ms`);
  }

  private expect(want: Said, line: string): void {
    const got = this.sent.shift();
    if (got === undefined) throw new Error(`script: at ${this.now} ms\n  want ${line}\n  got  nothing`);
    if (Math.abs(got.at - this.now) > 0.5) {
      throw new Error(`script: at ${this.now} ms\n  want ${line}\n  got  > ${got.text} at ${got.at} ms`);
    }
    if (!agrees(want, got.said)) throw new Error(`script: at ${this.now} ms\n  want ${line}\n  got  > ${got.text}`);
  }

  private expectSilence(where: string): void {
    const got = this.sent.shift();
    if (got !== undefined) throw new Error(`script: ${where}, at ${got.at} ms\n  want nothing\n  got  > ${got.text}`);
  }

  /** A segment that we sent, in the script's numbers; null: not TCP. */
  private read(packet: Packet): Said | null {
    const b = packet.bytes;
    const header = this.family === 4 ? 20 : 40;
    const protocol = this.family === 4 ? b[packet.start + 9] : b[packet.start + 6];
    if (protocol !== 6) return null;
    const at = packet.start + header;
    const sum = pseudoSum(this.ours, this.peers, 6, packet.end - at);
    if (finish(sumBytes(b, at, packet.end, sum)) !== 0) throw new Error('script: we sent a bad checksum');
    const seg = new Segment();
    const bad = parseSegment(b, at, packet.end, seg);
    if (bad !== null) throw new Error(`script: we sent a segment that is ${bad}`);
    if (seg.srcPort !== this.ourPort || seg.dstPort !== this.peerPort) return null;
    const bits = b[at + 13]!;
    if ((bits & 2) !== 0) this.iss = seg.seq;
    const base = this.iss ?? seg.seq;
    const start = (seg.seq - base) >>> 0;
    const o = seg.options;
    const options = new Map<string, string>();
    if (o.mss > 0) options.set('mss', String(o.mss));
    if (o.sackPermitted) options.set('sackOK', '');
    if (o.windowScale >= 0) options.set('wscale', String(o.windowScale));
    if (o.hasTimestamps) options.set('TS', `val ${o.tsVal >>> 0} ecr ${o.tsEcr >>> 0}`);
    if (o.sackCount > 0) {
      const blocks = [...Array(o.sackCount).keys()].map((i) => `${(o.sackStart[i]! - this.irs) >>> 0}:${(o.sackEnd[i]! - this.irs) >>> 0}`);
      options.set('sack', blocks.join(' '));
    }
    return {
      flags: flagsText(bits), start, end: start + seg.payloadLength,
      ack: (bits & 16) !== 0 ? (seg.ack - this.irs) >>> 0 : null,
      win: u16(b, at + 14), urg: (bits & 32) !== 0 ? seg.urgentPointer : null, options,
    };
  }

  /** A segment from the peer, built by its own hand: nothing of the stack's emission is used. */
  private inject(said: Said): void {
    const options = optionBytes(said.options ?? new Map(), this.iss ?? 0);
    const payload = said.end - said.start;
    const tcpLength = 20 + options.length + payload;
    const ip = this.family === 4 ? 20 : 40;
    const b = new Uint8Array(ip + tcpLength);
    const view = new DataView(b.buffer);
    if (this.family === 4) {
      view.setUint16(0, 0x4500);
      view.setUint16(2, b.length);
      view.setUint16(6, 0x4000);
      view.setUint16(8, 0x4006);
      view.setInt32(12, this.peers.w3);
      view.setInt32(16, this.ours.w3);
      view.setUint16(10, finish(sumBytes(b, 0, 20)));
    } else {
      view.setUint32(0, 0x6000_0000);
      view.setUint16(4, tcpLength);
      view.setUint16(6, 0x0640);
      [this.peers, this.ours].forEach((a, i) => [a.w0, a.w1, a.w2, a.w3].forEach((w, j) => view.setInt32(8 + 16 * i + 4 * j, w)));
    }
    view.setUint16(ip, this.peerPort);
    view.setUint16(ip + 2, this.ourPort);
    view.setUint32(ip + 4, this.irs + said.start);
    if (said.ack !== null) view.setUint32(ip + 8, (this.iss ?? 0) + said.ack);
    view.setUint16(ip + 12, (((20 + options.length) / 4) << 12) | flagBits(said.flags));
    view.setUint16(ip + 14, said.win ?? 65_535);
    view.setUint16(ip + 18, said.urg ?? 0);
    b.set(options, ip + 20);
    // Text that tells its place in the stream: byte n is n, modulo 251.
    for (let i = 0; i < payload; i++) b[b.length - payload + i] = (said.start + i) % 251;
    view.setUint16(ip + 16, finish(sumBytes(b, ip, b.length, pseudoSum(this.peers, this.ours, 6, tcpLength))));
    this.sink!.receive(packetOf(b));
    this.sink!.batchEnd();
  }
}

const LETTERS: readonly [string, number][] = [['F', 1], ['S', 2], ['R', 4], ['P', 8], ['.', 16], ['U', 32], ['E', 64], ['W', 128]];

const flagBits = (text: string): number => LETTERS.reduce((bits, [letter, bit]) => bits | (text.includes(letter) ? bit : 0), 0);

const flagsText = (bits: number): string => LETTERS.map(([letter, bit]) => ((bits & bit) !== 0 ? letter : '')).join('') || '-';

function textOf(s: Said): string {
  const options = [...(s.options ?? [])].map(([name, value]) => (value === '' ? name : `${name} ${value}`)).join(',');
  return `${s.flags} ${s.start}:${s.end}(${s.end - s.start})${s.ack === null ? '' : ` ack ${s.ack}`} win ${s.win}` +
    `${s.urg === null ? '' : ` urg ${s.urg}`}${options === '' ? '' : ` <${options}>`}`;
}

function agrees(want: Said, got: Said): boolean {
  if (flagBits(want.flags) !== flagBits(got.flags) || want.start !== got.start || want.end !== got.end) return false;
  if (want.ack !== got.ack || (want.urg ?? 0) !== (got.urg ?? 0)) return false;
  if (want.win !== null && want.win !== got.win) return false;
  if (want.options === null) return true;
  for (const [name, value] of want.options) {
    const is = got.options?.get(name);
    if (is === undefined || (value !== is && value !== '' && !value.includes('*'))) return false;
  }
  // An empty list says: none.
  return want.options.size > 0 || (got.options?.size ?? 0) === 0;
}

/** The options of an arriving segment; `sack a:b` is in our numbers. `raw 0102…` is taken as it stands. */
function optionBytes(options: Map<string, string>, iss: number): Uint8Array {
  const bytes: number[] = [];
  const u32 = (n: number): number[] => [(n >>> 24) & 255, (n >>> 16) & 255, (n >>> 8) & 255, n & 255];
  for (const [name, value] of options) {
    if (name === 'mss') bytes.push(2, 4, Number(value) >> 8, Number(value) & 255);
    else if (name === 'sackOK') bytes.push(4, 2);
    else if (name === 'wscale') bytes.push(3, 3, Number(value));
    else if (name === 'TS') {
      const [, val, ecr] = /val (\d+) ecr (\d+)/.exec(value)!;
      bytes.push(8, 10, ...u32(Number(val)), ...u32(Number(ecr)));
    } else if (name === 'sack') {
      const blocks = value.split(' ').map((block) => block.split(':').map((n) => iss + Number(n)));
      bytes.push(5, 2 + 8 * blocks.length, ...blocks.flatMap(([from, to]) => [...u32(from!), ...u32(to!)]));
    } else if (name === 'raw') for (const pair of value.match(/../g) ?? []) bytes.push(Number.parseInt(pair, 16));
    else throw new SyntaxError(`script: no option ${name}`);
  }
  while (bytes.length % 4 !== 0) bytes.push(1);
  return Uint8Array.from(bytes);
}
