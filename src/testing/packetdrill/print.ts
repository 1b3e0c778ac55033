// A tree as notation again: for messages, and so that what was read can be compared with what was written.

import type { Echoed, Event, Expression, IcmpPacket, IpInfo, Script, Step, Syscall, TcpOption, TcpPacket, Time } from './ast.js';

export function printScript(script: Script): string {
  const options = script.options.map(({ name, value }) => `--${name}${value === '' ? '' : `=${value}`}\n`);
  return options.join('') + script.steps.map((step) => `${printStep(step)}\n`).join('');
}

export const printStep = (step: Step): string => `${printTime(step.time, step.event)} ${printEvent(step.event)}`;

function printTime(time: Time, event: Event): string {
  if (time.kind === 'any') return '*';
  const sign = time.kind === 'relative' ? '+' : '';
  const range = time.to === null ? '' : `~${sign}${seconds(time.to)}`;
  const end = event.kind === 'syscall' && event.end !== null ? `...${seconds(event.end)}` : '';
  return `${sign}${seconds(time.from)}${range}${end}`;
}

const seconds = (ms: number): string => String(Math.round(ms * 1e3) / 1e6);

export function printEvent(event: Event): string {
  switch (event.kind) {
    case 'tcp': return printTcp(event);
    case 'udp': return `${head(event.way, event.ip)}udp ${ports(event.ports)}(${event.length})`;
    case 'icmp': return printIcmp(event);
    case 'syscall': return printSyscall(event);
    case 'command': return `\`${event.text}\``;
    case 'code': return `%{ ${event.text} }%`;
  }
}

function head(way: string, ip: IpInfo | null): string {
  if (ip === null) return `${way} `;
  const parts = [
    ip.ecn, ip.tos === null ? null : `tos 0x${ip.tos.toString(16)}`, ip.ttl === null ? null : `ttl ${ip.ttl}`,
    ip.flowLabel === null ? null : `flowlabel 0x${ip.flowLabel.toString(16)}`,
  ];
  return `${way} [${parts.filter((part) => part !== null).join(',')}] `;
}

const ports = (p: { src: number; dst: number } | null): string => (p === null ? '' : `${p.src} > ${p.dst} `);

export function printTcp(p: TcpPacket): string {
  const fields = [p.ack === null ? '' : ` ack ${p.ack}`, p.win === null ? '' : ` win ${p.win}`, p.urg === null ? '' : ` urg ${p.urg}`];
  return `${head(p.way, p.ip)}${ports(p.ports)}${p.flags || '-'} ${p.origin === 'any' ? `...(${p.length})` : range(p)}${p.origin === 'wire' ? '!' : ''}${fields.join('')}${printOptions(p.options)}`;
}

const range = ({ start, length }: { start: number; length: number }): string => `${start}:${(start + length) >>> 0}(${length})`;

export function printOptions(options: readonly TcpOption[] | null): string {
  if (options === null) return ' <...>';
  return options.length === 0 ? '' : ` <${options.map(printOption).join(',')}>`;
}

function printOption(o: TcpOption): string {
  switch (o.name) {
    case 'mss': case 'wscale': return `${o.name} ${o.value}`;
    case 'TS': return `TS val ${o.val} ecr ${o.ecr}`;
    case 'sack': return `sack ${o.blocks.map(([from, to]) => `${from}:${to}`).join(' ')}`;
    case 'FO': case 'FOEXP': case 'md5': return o.hex === '' ? o.name : `${o.name} ${o.hex}`;
    case 'ECN': return `ECN ${o.counters.map(([name, value]) => `${name} ${value}`).join(' ')}`;
    default: return o.name;
  }
}

function printIcmp(p: IcmpPacket): string {
  const words = [p.type, p.code ?? '', p.mtu === null ? '' : `mtu ${p.mtu}`, p.id === null ? '' : `id ${p.id}`, printEchoed(p.echoed)];
  return `${head(p.way, p.ip)}icmp ${words.filter((word) => word !== '').join(' ')}`;
}

function printEchoed(e: Echoed | null): string {
  if (e === null) return '';
  return e.protocol === 'tcp' ? `[${range(e)}]` : `[${e.protocol} (${e.length})]`;
}

function printSyscall(call: Syscall): string {
  const result = call.result === null ? '?' : printExpression(call.result);
  return `${call.name}(${call.args.map(printExpression).join(', ')}) = ${result}${call.errno === null ? '' : ` ${call.errno}`}`;
}

export function printExpression(e: Expression): string {
  switch (e.kind) {
    case 'ellipsis': return '...';
    case 'number': return e.hex ? `0x${e.value.toString(16)}` : String(e.value);
    case 'word': return e.word;
    case 'string': return `${quoted(e.text)}${e.open ? '...' : ''}`;
    case 'call': return `${e.name}(${e.args.map(printExpression).join(', ')})`;
    case 'or': return e.terms.map(printExpression).join(' | ');
    case 'list': return `[${e.items.map(printExpression).join(', ')}]`;
    case 'struct': return `{${e.fields.map(({ name, size, value }) =>
      `${name ?? ''}${size === null ? '' : `(${printExpression(size)})`}${name === null ? '' : '='}${printExpression(value)}`).join(', ')}}`;
  }
}

const quoted = (text: string): string =>
  `"${text.replace(/[^ -~]|["\\]/g, (c) => (c === '"' || c === '\\' ? `\\${c}` : `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`))}"`;
