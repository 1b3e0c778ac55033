// TCP segments with their options; and segments aimed at a connection that lives. RFC 9293 §3.1, §3.2; RFC 7323, 2018, 7413.

import fc from 'fast-check';

import { bytes, byte, kindOf, long, offBy, port, word } from './values.js';
import { Writer } from './writer.js';

export type TcpOption =
  | { readonly kind: 'nop' }
  | { readonly kind: 'end' }
  | { readonly kind: 'mss'; readonly value: number }
  | { readonly kind: 'window-scale'; readonly shift: number }
  | { readonly kind: 'sack-permitted' }
  | { readonly kind: 'sack'; readonly blocks: readonly { readonly start: number; readonly end: number }[] }
  | { readonly kind: 'timestamps'; readonly value: number; readonly echo: number }
  | { readonly kind: 'fast-open'; readonly cookie: Uint8Array }
  | { readonly kind: 'unknown-option'; readonly code: number; readonly data: Uint8Array };

export interface TcpSegment {
  readonly kind: 'tcp';
  readonly options: readonly TcpOption[];
  readonly payload: Uint8Array;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly seq: number;
  readonly ack: number;
  /** FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128, AE 256. */
  readonly flags: number;
  readonly window: number;
  readonly urgent: number;
  /** The checksum is wrong by so much. */
  readonly checksumOff: number;
}

export const TCP_MANNERS = {
  tcp: { sourcePort: 40_000, destinationPort: 80, flags: 16, window: 65_535 },
  mss: { value: 1460 },
  'unknown-option': { code: 253 },
  aimed: { seqFrom: 'rcv.nxt', ackFrom: 'snd.nxt', flags: 16, window: 65_535 },
};

const FLAGS = [0x10, 0x10, 0x10, 0x18, 0x11, 0x02, 0x12, 0x04, 0x14, 0x30, 0x01, 0x00, 0xc2, 0x50];

export const tcpFlags = (): fc.Arbitrary<number> => fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...FLAGS) }, { weight: 1, arbitrary: fc.nat(0x1ff) });

export const tcpOption = (): fc.Arbitrary<TcpOption> => fc.oneof<fc.Arbitrary<TcpOption>[]>(
  fc.constant({ kind: 'nop' }),
  kindOf('mss', { value: word() }),
  kindOf('window-scale', { shift: fc.oneof(fc.nat(14), byte()) }),
  fc.constant({ kind: 'sack-permitted' }),
  kindOf('sack', { blocks: fc.array(fc.record({ start: long(), end: long() }), { minLength: 1, maxLength: 4 }) }),
  kindOf('timestamps', { value: long(), echo: long() }),
  kindOf('fast-open', { cookie: fc.constantFrom(0, 4, 8, 16).chain((length) => fc.uint8Array({ minLength: length, maxLength: length })) }),
  // Experiments, MD5, authentication, MPTCP; and kinds that nobody has given away.
  kindOf('unknown-option', { code: fc.constantFrom(5 + 1, 19, 28, 29, 30, 69, 172, 253, 254), data: fc.uint8Array({ maxLength: 16 }) }),
);

/** Those of `options` that find room, from the first on. RFC 9293 §3.1: forty bytes. */
export function fitting(options: readonly TcpOption[]): TcpOption[] {
  let room = 40;
  return options.filter((option) => {
    const length = optionLength(option);
    if (length > room) return false;
    room -= length;
    return true;
  });
}

/** Lists that fit, each kind where it stands; an end, if any, ends them. */
export const tcpOptions = (): fc.Arbitrary<TcpOption[]> => fc.oneof(
  { weight: 2, arbitrary: fc.constant<TcpOption[]>([]) },
  { weight: 3, arbitrary: fc.array(tcpOption(), { maxLength: 6 }).map(fitting) },
  { weight: 1, arbitrary: fc.array(tcpOption(), { maxLength: 4 }).map((list) => fitting([...list.slice(0, 2), { kind: 'end' }])) },
);

export interface TcpKnobs {
  /** Bytes of payload at most. Default 64. */
  readonly payloadMax?: number;
  /** The chance of a wrong checksum. Default 0. */
  readonly invalidChecksum?: number;
}

export const tcpSegment = ({ payloadMax = 64, invalidChecksum = 0 }: TcpKnobs = {}): fc.Arbitrary<TcpSegment> => kindOf('tcp', {
  options: tcpOptions(), payload: bytes(payloadMax), sourcePort: port(), destinationPort: port(), seq: long(), ack: long(),
  flags: tcpFlags(), window: word(), urgent: fc.oneof(fc.constant(0), word()), checksumOff: offBy(invalidChecksum),
});

function optionLength(option: TcpOption): number {
  switch (option.kind) {
    case 'nop': case 'end': return 1;
    case 'mss': return 4;
    case 'window-scale': return 3;
    case 'sack-permitted': return 2;
    case 'sack': return 2 + 8 * option.blocks.length;
    case 'timestamps': return 10;
    case 'fast-open': return 2 + option.cookie.length;
    case 'unknown-option': return 2 + option.data.length;
  }
}

function writeOption(w: Writer, option: TcpOption): void {
  switch (option.kind) {
    case 'nop': w.u8(1); break;
    case 'end': w.u8(0); break;
    case 'mss': w.u8(2).u8(4).u16(option.value); break;
    case 'window-scale': w.u8(3).u8(3).u8(option.shift); break;
    case 'sack-permitted': w.u8(4).u8(2); break;
    case 'sack':
      w.u8(5).u8(2 + 8 * option.blocks.length);
      for (const { start, end } of option.blocks) w.u32(start).u32(end);
      break;
    case 'timestamps': w.u8(8).u8(10).u32(option.value).u32(option.echo); break;
    case 'fast-open': w.u8(34).u8(2 + option.cookie.length).put(option.cookie); break;
    case 'unknown-option': w.u8(option.code).u8(2 + option.data.length).put(option.data); break;
  }
}

/** The segment with a checksum of zero, which stands at 16. */
export function writeTcp(s: TcpSegment): Uint8Array<ArrayBuffer> {
  const options = new Writer();
  for (const option of s.options) writeOption(options, option);
  const list = options.pad(4).take();
  const w = new Writer().u16(s.sourcePort).u16(s.destinationPort).u32(s.seq).u32(s.ack);
  w.u8(((20 + list.length) << 2) | (s.flags >>> 8)).u8(s.flags).u16(s.window).u16(0).u16(s.urgent);
  return w.put(list).put(s.payload).take();
}

// Relative to a connection that lives: chosen beforehand, resolved when it is sent.

/** What `aim` must know; a `Connection` is one. Sequence numbers in any 32-bit form. */
export interface Target {
  readonly snd: { readonly una: number; readonly nxt: number };
  readonly rcv: { readonly nxt: number; readonly edge: number };
  readonly ts: { readonly on: boolean; readonly recent: number };
}

/** A segment as seen from the receiver's variables: `seq` is that of its edge and a bit more, `ack` likewise. */
export interface AimedSegment {
  readonly kind: 'aimed';
  readonly options: readonly TcpOption[];
  readonly payload: Uint8Array;
  readonly seqFrom: 'rcv.nxt' | 'rcv.edge' | 'anywhere';
  readonly seqDelta: number;
  readonly ackFrom: 'snd.nxt' | 'snd.una' | 'anywhere';
  readonly ackDelta: number;
  readonly flags: number;
  readonly window: number;
  readonly urgent: number;
  /** Added to TS.Recent, where timestamps are on; null: none are sent. */
  readonly tsDelta: number | null;
  readonly checksumOff: number;
}

/** At the mark, a byte or a segment beside it, or half a circle away. */
export const delta = (): fc.Arbitrary<number> => fc.oneof(
  { weight: 6, arbitrary: fc.constant(0) },
  { weight: 4, arbitrary: fc.integer({ min: -3, max: 3 }) },
  { weight: 3, arbitrary: fc.integer({ min: -3000, max: 3000 }) },
  { weight: 1, arbitrary: fc.constantFrom(-0x8000_0000, 0x7fff_ffff, 0x4000_0000, -0x4000_0000, 65_535, -65_535) },
);

export const aimedSegment = ({ payloadMax = 200, invalidChecksum = 0 }: TcpKnobs = {}): fc.Arbitrary<AimedSegment> => kindOf('aimed', {
  options: fc.oneof({ weight: 4, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fc.array(tcpOption(), { maxLength: 3 }).map(fitting) }),
  payload: bytes(payloadMax),
  seqFrom: fc.constantFrom('rcv.nxt' as const, 'rcv.nxt' as const, 'rcv.nxt' as const, 'rcv.edge' as const, 'anywhere' as const), seqDelta: delta(),
  ackFrom: fc.constantFrom('snd.nxt' as const, 'snd.nxt' as const, 'snd.una' as const, 'anywhere' as const), ackDelta: delta(),
  flags: tcpFlags(), window: word(), urgent: fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: word() }),
  tsDelta: fc.oneof({ weight: 6, arbitrary: fc.constantFrom(0, 1, 1) }, { weight: 1, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: delta() }),
  checksumOff: offBy(invalidChecksum),
});

/** The segment as it is to be sent now. */
export function aim(aimed: AimedSegment, target: Target, sourcePort: number, destinationPort: number): TcpSegment {
  const { snd, rcv, ts } = target;
  const seq = { 'rcv.nxt': rcv.nxt, 'rcv.edge': rcv.edge, anywhere: 0 }[aimed.seqFrom];
  const ack = { 'snd.nxt': snd.nxt, 'snd.una': snd.una, anywhere: 0 }[aimed.ackFrom];
  const stamp: TcpOption[] = ts.on && aimed.tsDelta !== null ? [{ kind: 'timestamps', value: (ts.recent + aimed.tsDelta) >>> 0, echo: 0 }] : [];
  return {
    kind: 'tcp', options: fitting([...stamp, ...aimed.options]), payload: aimed.payload, sourcePort, destinationPort,
    seq: (seq + aimed.seqDelta) >>> 0, ack: (ack + aimed.ackDelta) >>> 0, flags: aimed.flags, window: aimed.window, urgent: aimed.urgent,
    checksumOff: aimed.checksumOff,
  };
}
