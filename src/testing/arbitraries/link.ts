// Ethernet and ARP. RFC 894, IEEE 802.1Q, RFC 826.

import fc from 'fast-check';

import { bytes, byte, ipv4Text, word } from './values.js';
import { macBytes, Writer } from './writer.js';

export interface VlanTag {
  readonly kind: 'vlan';
  /** PCP, 0 .. 7. */
  readonly priority: number;
  readonly dropEligible: boolean;
  /** 0 .. 4095. */
  readonly id: number;
  /** 0x8100, or 0x88a8 of a provider. */
  readonly etherType: number;
}

export interface EthernetHeader {
  /** `02:00:00:00:00:01`. */
  readonly destination: string;
  readonly source: string;
  readonly tags: readonly VlanTag[];
}

export interface Arp {
  readonly kind: 'arp';
  /** 1 request, 2 reply. */
  readonly operation: number;
  readonly senderMac: string;
  readonly senderIp: string;
  readonly targetMac: string;
  readonly targetIp: string;
}

/** A frame of a type that nobody knows. */
export interface OtherFrame {
  readonly kind: 'ethertype';
  /** Above 1500, or it would be a length. */
  readonly etherType: number;
  readonly payload: Uint8Array;
}

export const LINK_MANNERS = {
  vlan: { etherType: 0x8100 },
  arp: { operation: 1 },
  ethertype: { etherType: 0x88b5 },
};

/** Unicast by preference, of the kind that is not assigned by anybody; and groups. */
export const mac = (): fc.Arbitrary<string> => fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('02:00:00:00:00:01', '02:00:00:00:00:02', '02:00:00:00:00:03') },
  { weight: 1, arbitrary: fc.constantFrom('ff:ff:ff:ff:ff:ff', '33:33:00:00:00:01', '01:00:5e:00:00:01', '00:00:00:00:00:00') },
  { weight: 1, arbitrary: fc.array(byte(), { minLength: 6, maxLength: 6 }).map((all) => all.map((n) => n.toString(16).padStart(2, '0')).join(':')) },
);

export const vlanTag = (): fc.Arbitrary<VlanTag> => fc.record({
  kind: fc.constant('vlan' as const), priority: fc.nat(7), dropEligible: fc.boolean(), id: fc.nat(4095), etherType: fc.constantFrom(0x8100, 0x88a8),
});

export const ethernetHeader = (): fc.Arbitrary<EthernetHeader> => fc.record({
  destination: mac(), source: mac(),
  tags: fc.oneof({ weight: 5, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fc.array(vlanTag(), { maxLength: 2 }) }),
});

export const arp = (): fc.Arbitrary<Arp> => fc.record({
  kind: fc.constant('arp' as const), operation: fc.oneof({ weight: 5, arbitrary: fc.constantFrom(1, 2) }, { weight: 1, arbitrary: word() }),
  senderMac: mac(), senderIp: ipv4Text(), targetMac: mac(), targetIp: ipv4Text(),
});

export const otherFrame = (): fc.Arbitrary<OtherFrame> =>
  fc.record({ kind: fc.constant('ethertype' as const), etherType: fc.integer({ min: 0x0900, max: 0x7fff }).filter((type) => !KNOWN.has(type)), payload: bytes(64) });

const KNOWN = new Set([0x0800, 0x0806]);

export function writeEthernet(w: Writer, { destination, source, tags }: EthernetHeader, etherType: number): Writer {
  w.put(macBytes(destination)).put(macBytes(source));
  for (const { etherType: type, priority, dropEligible, id } of tags) w.u16(type).u16((priority << 13) | (dropEligible ? 0x1000 : 0) | id);
  return w.u16(etherType);
}

export function writeArp(w: Writer, a: Arp): Writer {
  w.u16(1).u16(0x0800).u8(6).u8(4).u16(a.operation);
  w.put(macBytes(a.senderMac)).put(ipv4Bytes(a.senderIp));
  return w.put(macBytes(a.targetMac)).put(ipv4Bytes(a.targetIp));
}

const ipv4Bytes = (text: string): number[] => text.split('.').map(Number);
