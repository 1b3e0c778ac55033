// Does a packet that was sent agree with the one that the script wants? As packetdrill compares: flags, sequence numbers and
// length exactly, the window and options where they are said, IP's fields where they are said.

import type { IcmpPacket, TcpOption, TcpPacket } from './ast.js';
import { flagBits, type Live } from './packets.js';

export interface Leniency {
  /**
   * What stacks do differently without departing from any RFC is not compared: windows other than zero, the order and padding of a SYN's options
   * and its window scale, PSH.
   */
  readonly neutral: boolean;
  /** µs of a tick of the timestamp clock, and the tolerance in ms; null: TSval is not compared. */
  readonly tick: { readonly micros: number; readonly toleranceMs: number } | null;
}

const PSH = 8;
const SYN = 2;

/** What differs, or null. Both in the script's numbers. */
export function tcpDifference(want: TcpPacket, got: TcpPacket, how: Leniency): string | null {
  const ignored = how.neutral ? PSH : 0;
  if (((flagBits(want.flags) ^ flagBits(got.flags)) & ~ignored) !== 0) return 'flags';
  if (want.origin !== 'any' && want.start !== got.start) return 'sequence number';
  if (want.length !== got.length) return 'length';
  if ((want.ack ?? 0) !== (got.ack ?? 0)) return 'acknowledgment number';
  if (want.win !== null && want.win !== got.win && !(how.neutral && want.win > 0 && got.win! > 0)) return 'window';
  if ((want.urg ?? 0) !== (got.urg ?? 0)) return 'urgent pointer';
  if (want.options === null) return null;
  const isSyn = (flagBits(got.flags) & SYN) !== 0;
  const [wanted, there] = how.neutral ? [plain(want.options, isSyn), plain(got.options!, isSyn)] : [want.options, got.options!];
  if (wanted.length !== there.length) return 'options';
  return wanted.every((option, i) => optionAgrees(option, there[i]!, how)) ? null : 'options';
}

/** Without padding; a SYN's in one order, and its scale, which follows from a buffer's size, as one of any. */
function plain(options: readonly TcpOption[], isSyn: boolean): readonly TcpOption[] {
  const said = options.filter(({ name }) => name !== 'nop' && name !== 'eol');
  if (!isSyn) return said;
  return said.map((o): TcpOption => (o.name === 'wscale' ? { name: 'wscale', value: 0 } : o))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function optionAgrees(want: TcpOption, got: TcpOption, how: Leniency): boolean {
  if (want.name === 'TS' && got.name === 'TS') {
    if (want.ecr !== got.ecr) return false;
    const off = Math.abs((want.val - got.val) | 0) * (how.tick?.micros ?? 0) / 1000;
    return how.tick === null || off <= how.tick.toleranceMs;
  }
  return JSON.stringify(want) === JSON.stringify(got);
}

export function icmpDifference(want: IcmpPacket, got: IcmpPacket): string | null {
  if (want.type !== got.type) return 'type';
  if ((want.code ?? null) !== null && want.code !== got.code) return 'code';
  if (want.id !== null && want.id !== got.id) return 'id';
  return want.mtu !== null && want.mtu !== got.mtu ? 'MTU' : null;
}

const ECN = ['noecn', 'ect1', 'ect0', 'ce'] as const;

export function ipDifference(want: TcpPacket | { readonly ip: TcpPacket['ip'] }, live: Live): string | null {
  const { ip } = want;
  if (ip === null) return null;
  const ecn = ECN[live.tos & 3]!;
  if (ip.ecn !== null && ip.ecn !== ecn && !(ip.ecn === 'ect01' && ecn.startsWith('ect'))) return `ECN: ${ecn}`;
  if (ip.tos !== null && ip.tos !== live.tos) return `tos: 0x${live.tos.toString(16)}`;
  if (ip.ttl !== null && ip.ttl !== live.ttl) return `ttl: ${live.ttl}`;
  return ip.flowLabel !== null && ip.flowLabel !== live.flowLabel ? `flowlabel: 0x${live.flowLabel.toString(16)}` : null;
}
