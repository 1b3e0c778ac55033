// Packetdrill's grammar, by recursive descent: script, events, packets.

import type {
  Echoed, Event, IcmpPacket, IpInfo, Option, PacketEvent, Ports, Script, Step, Syscall, TcpOption, TcpPacket, Time, UdpPacket,
} from './ast.js';
import { expression } from './expression.js';
import { preprocess, Scanner } from './lexer.js';

const NUMBER = /\d*\.\d+|\d+/y;

/**
 * @param file     for messages
 * @param defined  names that `#ifdef` finds; default `STANDARD`, for what is written for whoever does as the RFCs say
 * @throws ScriptSyntaxError
 */
export function parse(text: string, file = 'script', defined: ReadonlySet<string> = new Set(['STANDARD'])): Script {
  const s = new Scanner(file, preprocess(text, defined));
  const options: Option[] = [];
  for (let m = s.take(OPTION); m !== null; m = s.take(OPTION)) options.push({ name: m[1]!, value: m[2] ?? m[3] ?? '' });
  const steps: Step[] = [];
  while (!s.isDone) steps.push(step(s));
  return { file, options, steps };
}

const OPTION = /--(\w+)(?:=(?:"([^"]*)"|(\S+)))?/y;

function step(s: Scanner): Step {
  const { line } = s;
  // A shell line in front of everything, or behind it, has no time.
  const isBare = s.peek(/[`%]/y) !== null;
  const when = isBare ? IMMEDIATELY : time(s);
  return { line, time: when, event: event(s) };
}

const IMMEDIATELY: Time = { kind: 'relative', from: 0, to: null };

function time(s: Scanner): Time {
  if (s.take(/\*/y) !== null) return { kind: 'any', from: 0, to: null };
  const kind = s.take(/\+/y) === null ? 'absolute' : 'relative';
  const from = milliseconds(s);
  if (s.take(/~/y) === null) return { kind, from, to: null };
  s.take(/\+/y);
  return { kind, from, to: milliseconds(s) };
}

/** Microseconds are what packetdrill counts. */
const milliseconds = (s: Scanner): number => Math.round(Number(s.expect(NUMBER, 'a time')[0]) * 1e6) / 1e3;

function event(s: Scanner): Event {
  const way = s.take(/[<>]/y);
  if (way !== null) return packet(s, way[0] as '<' | '>');
  const command = s.take(/`((?:\\[^]|[^`\\])*)`/y);
  if (command !== null) return { kind: 'command', text: command[1]!.trim() };
  const code = s.take(/%\{([^]*?)\}%/y);
  if (code !== null) return { kind: 'code', text: dedent(code[1]!) };
  return syscall(s);
}

/** Python's lines as far to the left as they go. */
function dedent(text: string): string {
  const lines = text.split('\n').map((line) => line.trimEnd()).filter((line) => line.trim() !== '');
  const margin = Math.min(...lines.slice(1).map((line) => line.length - line.trimStart().length));
  return lines.map((line, i) => (i === 0 ? line.trimStart() : line.slice(margin))).join('\n');
}

function syscall(s: Scanner): Syscall {
  const end = s.take(/\.\.\./y) === null ? null : milliseconds(s);
  const name = s.expect(/[A-Za-z_]\w*/y, 'a packet, a system call or a command')[0];
  s.expect(/\(/y, '"("');
  const args = [];
  while (s.take(/\)/y) === null) {
    args.push(expression(s));
    if (s.peek(/\)/y) === null) s.expect(/,/y, '","');
  }
  s.expect(/=/y, '"="');
  const result = s.take(/\?/y) === null ? expression(s) : null;
  const errno = s.take(/E[A-Z0-9]+\b/y)?.[0] ?? null;
  // What strerror said, or the flags in words.
  s.take(/\([^)]*\)/y);
  return { kind: 'syscall', end, name, args, result, errno };
}

function packet(s: Scanner, way: '<' | '>'): PacketEvent {
  if (s.peek(/(?:ipv4|ipv6|gre|GREv0|mpls|encap|sctp)\b/y) !== null) s.fail('only plain TCP, UDP and ICMP are understood');
  // What an error speaks of may stand before it, as in older scripts.
  const early = s.peek(/\[\d+:\d+\(\d+\)\]\s*icmp\b/y) === null ? null : echoed(s);
  const ip = early === null ? ipInfo(s) : null;
  if (s.take(/icmp\b/y) !== null) return icmp(s, way, ip, early);
  if (s.take(/udp\b/y) !== null) return udp(s, way, ip);
  return tcp(s, way, ip);
}

function ipInfo(s: Scanner): IpInfo | null {
  if (s.take(/[[(]/y) === null) return null;
  let [ecn, tos, ttl, flowLabel]: [IpInfo['ecn'], number | null, number | null, number | null] = [null, null, null, null];
  do {
    const m = s.expect(/(noecn|ect01|ect0|ect1|ce)\b|(tos|ttl|hlim|flowlabel)\s+(0x[\da-fA-F]+|\d+)/y, 'an IP field');
    if (m[1] !== undefined) ecn = m[1] as IpInfo['ecn'];
    else if (m[2] === 'tos') tos = Number(m[3]);
    else if (m[2] === 'ttl' || m[2] === 'hlim') ttl = Number(m[3]);
    else flowLabel = Number(m[3]);
  } while (s.take(/,/y) !== null);
  s.expect(/[\])]/y, '"]"');
  return { ecn, tos, ttl, flowLabel };
}

function ports(s: Scanner): Ports | null {
  const m = s.take(/(\d+)\s*>\s*(\d+)/y);
  return m === null ? null : { src: Number(m[1]), dst: Number(m[2]) };
}

function tcp(s: Scanner, way: '<' | '>', ip: IpInfo | null): TcpPacket {
  const between = ports(s);
  const flags = s.expect(/-(?=\s)|(?:[FSRPUEWA]+\.?\d*|\.\d*)(?=\s)/y, 'TCP flags')[0].replace('-', '');
  const any = s.take(/\.\.\.\((\d+)\)/y);
  const { start, length } = any === null ? range(s) : { start: 0, length: Number(any[1]) };
  const origin = any !== null ? 'any' : s.take(/!/y) === null ? 'isn' : 'wire';
  return {
    kind: 'tcp', way, ip, ports: between, flags, start, origin, length,
    ack: field(s, /ack\s+(\d+)/y), win: field(s, /win\s+(\d+)/y), urg: field(s, /urg\s+(\d+)/y), options: tcpOptions(s),
  };
}

/** `1:1001(1000)`. */
function range(s: Scanner): { start: number; length: number } {
  const m = s.expect(/(\d+):(\d+)\((\d+)\)/y, 'sequence numbers');
  const [start, end, length] = [Number(m[1]), Number(m[2]), Number(m[3])];
  if ((end - start) >>> 0 !== length) s.fail(`${start}:${end} is not ${length} long`);
  return { start, length };
}

const field = (s: Scanner, pattern: RegExp): number | null => {
  const m = s.take(pattern);
  return m === null ? null : Number(m[1]);
};

function tcpOptions(s: Scanner): TcpOption[] | null {
  if (s.take(/</y) === null) return [];
  if (s.take(/\.\.\.\s*>/y) !== null) return null;
  const options: TcpOption[] = [];
  do options.push(tcpOption(s)); while (s.take(/,/y) !== null);
  s.expect(/>/y, '">"');
  return options;
}

function tcpOption(s: Scanner): TcpOption {
  const name = s.expect(/[A-Za-z]\w*/y, 'a TCP option')[0];
  switch (name) {
    case 'nop': case 'eol': case 'sackOK':
      return { name };
    case 'mss': case 'wscale':
      return { name, value: Number(s.expect(/\d+/y, 'a number')[0]) };
    case 'TS': {
      const m = s.expect(/val\s+(\d+)\s+ecr\s+(\d+)/y, 'val … ecr …');
      return { name, val: Number(m[1]), ecr: Number(m[2]) };
    }
    case 'sack': {
      const blocks: (readonly [number, number])[] = [];
      for (let m = s.take(/(\d+):(\d+)/y); m !== null; m = s.take(/(\d+):(\d+)/y)) blocks.push([Number(m[1]), Number(m[2])]);
      return { name, blocks };
    }
    case 'FO': case 'FOEXP': case 'md5':
      return { name, hex: s.take(/[\da-fA-F]+/y)?.[0] ?? '' };
    case 'ECN':
      return { name, counters: accEcnCounters(s) };
    default:
      return s.fail(`TCP option ${name} is not understood`);
  }
}

function accEcnCounters(s: Scanner): (readonly ['e0b' | 'e1b' | 'ceb', number])[] {
  const counters: (readonly ['e0b' | 'e1b' | 'ceb', number])[] = [];
  for (let m = s.take(/(e0b|e1b|ceb)\s+(\d+)/y); m !== null; m = s.take(/(e0b|e1b|ceb)\s+(\d+)/y)) {
    counters.push([m[1] as 'e0b', Number(m[2])]);
  }
  return counters;
}

function udp(s: Scanner, way: '<' | '>', ip: IpInfo | null): UdpPacket {
  const between = ports(s);
  return { kind: 'udp', way, ip, ports: between, length: Number(s.expect(/\((\d+)\)/y, 'a length')[1]) };
}

function icmp(s: Scanner, way: '<' | '>', ip: IpInfo | null, early: Echoed | null): IcmpPacket {
  const type = s.expect(/[a-z]\w*/y, 'a type of ICMP')[0];
  const code = s.take(/(?!mtu\b|id\b)[a-z]\w*/y)?.[0] ?? null;
  return {
    kind: 'icmp', way, ip, type, code,
    mtu: field(s, /mtu\s+(\d+)/y), id: field(s, /id\s+(\d+)/y), echoed: echoed(s) ?? early,
  };
}

function echoed(s: Scanner): Echoed | null {
  if (s.take(/\[/y) === null) return null;
  const other = s.take(/(udp|raw)\s*\((\d+)\)/y);
  const what: Echoed = other === null ? { protocol: 'tcp', ...range(s) } : { protocol: other[1] as 'udp', length: Number(other[2]) };
  s.expect(/\]/y, '"]"');
  return what;
}
