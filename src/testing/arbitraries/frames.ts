// What comes down a wire: frames and packets, alone and in rows, shrunk in order (shrinking.ts).

import fc from 'fast-check';

import { anyPacket, encodePacket, fragmentsOf, IP_MANNERS, type IpPacket, type PacketKnobs } from './ip.js';
import { type Arp, arp, type EthernetHeader, ethernetHeader, LINK_MANNERS, type OtherFrame, otherFrame, writeArp, writeEthernet } from './link.js';
import { inOrder, type Manners } from './shrinking.js';
import { type AimedSegment, aimedSegment, type TcpKnobs, type TcpSegment, tcpSegment } from './tcp.js';
import { type UdpDatagram, udpDatagram, type UdpKnobs } from './udp.js';
import { Writer } from './writer.js';

/** What a polite peer says, of every kind. */
export const MANNERS: Manners = { ...IP_MANNERS, ...LINK_MANNERS, frame: { destination: '02:00:00:00:00:02', source: '02:00:00:00:00:01' } };

/** Shrinking must not make what no sender could mean: an option that says nothing at all. RFC 2018 §3, RFC 7413 §4.1.1. */
function isSound(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(isSound);
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return true;
  const { kind, blocks, cookie } = value as { kind?: string; blocks?: readonly unknown[]; cookie?: Uint8Array };
  if (kind === 'sack' && blocks!.length === 0) return false;
  if (kind === 'fast-open' && (cookie!.length % 2 !== 0 || cookie!.length === 2)) return false;
  return Object.values(value).every(isSound);
}

const orderly = <T>(base: fc.Arbitrary<T>): fc.Arbitrary<T> => inOrder(base, MANNERS, isSound);

export interface EthernetFrame extends EthernetHeader {
  readonly kind: 'frame';
  readonly content: IpPacket | Arp | OtherFrame;
}

/** An IP packet of either family, checksums right: `encodePacket` writes it. */
export const ipPacket = (knobs: PacketKnobs = {}): fc.Arbitrary<IpPacket> => orderly(anyPacket(knobs));

const anyFrame = (knobs: PacketKnobs): fc.Arbitrary<EthernetFrame> => fc.tuple(ethernetHeader(), fc.oneof(
  { weight: 8, arbitrary: anyPacket(knobs) },
  { weight: 2, arbitrary: arp() },
  { weight: 1, arbitrary: otherFrame() },
)).map(([header, content]) => ({ kind: 'frame', ...header, content }));

/** An Ethernet frame with IP, ARP or something else in it: `encodeFrame` writes it. */
export const frame = (knobs: PacketKnobs = {}): fc.Arbitrary<EthernetFrame> => orderly(anyFrame(knobs));

export interface RowKnobs extends PacketKnobs {
  /** How many at most. Default 10. */
  readonly maxLength?: number;
}

/** Frames, one after the other. Shrinking drops whole ones first. */
export const frames = ({ maxLength = 10, ...knobs }: RowKnobs = {}): fc.Arbitrary<EthernetFrame[]> =>
  orderly(fc.array(anyFrame(knobs), { maxLength }));

export const ipPackets = ({ maxLength = 10, ...knobs }: RowKnobs = {}): fc.Arbitrary<IpPacket[]> =>
  orderly(fc.array(anyPacket(knobs), { maxLength }));

/** The fragments of one datagram, in any order, some twice or missing. */
export const fragments = (knobs: PacketKnobs = {}): fc.Arbitrary<IpPacket[]> => orderly(
  fc.tuple(anyPacket({ payloadMax: 2000, carries: ['udp', 'icmp', 'tcp'], ...knobs }), fc.integer({ min: 1, max: 100 }))
    .chain(([whole, units]) => {
      const pieces = fragmentsOf(whole, units * 8);
      return fc.tuple(fc.shuffledSubarray(pieces, { minLength: Math.max(1, pieces.length - 1) }), fc.subarray(pieces, { maxLength: Math.min(2, pieces.length) }));
    })
    .map(([most, again]) => [...most, ...again]),
);

/** A segment by itself. */
export const segment = (knobs: TcpKnobs = {}): fc.Arbitrary<TcpSegment> => orderly(tcpSegment(knobs));

export const datagram = (knobs: UdpKnobs = {}): fc.Arbitrary<UdpDatagram> => orderly(udpDatagram(knobs));

/** Segments for a connection that lives: `aim` each when its time comes. */
export const segmentsNear = ({ maxLength = 20, ...knobs }: TcpKnobs & { readonly maxLength?: number } = {}): fc.Arbitrary<AimedSegment[]> =>
  orderly(fc.array(aimedSegment(knobs), { maxLength }));

export function encodeFrame(f: EthernetFrame): Uint8Array<ArrayBuffer> {
  const { content } = f;
  const w = new Writer();
  if (content.kind === 'arp') return writeArp(writeEthernet(w, f, 0x0806), content).take();
  if (content.kind === 'ethertype') return writeEthernet(w, f, content.etherType).put(content.payload).take();
  return writeEthernet(w, f, content.kind === 'ipv4' ? 0x0800 : 0x86dd).put(encodePacket(content)).take();
}
