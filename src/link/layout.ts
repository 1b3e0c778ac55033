// What link-layer bytes are, for tools and tests; ./wire.ts reads and writes them. RFC 894, IEEE 802.1Q, RFC
// 826.

import { bits, blob, struct, u16be, u8 } from 'buffer-layout';

//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +---------------------------------------------------------------+
//   |                          destination                          |
//   +                               +-------------------------------+
//   |                               |            source             |
//   +-------------------------------+                               +
//   |                                                               |
//   +-------------------------------+-------------------------------+
//   |          ether type           |
//   +-------------------------------+

export interface EthernetHeader {
  destination: Buffer;
  source: Buffer;
  /** 0x0800 IPv4, 0x0806 ARP, 0x86dd IPv6, 0x8100: a VLAN tag follows; below 0x0600 a length. */
  etherType: number;
}

export const ethernet = struct<EthernetHeader>([
  blob(6, 'destination'), blob(6, 'source'), u16be('etherType'),
]);

//   IEEE 802.1Q, behind ether type 0x8100:
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +-----+-+-----------------------+-------------------------------+
//   | PCP |D|          VID          |          ether type           |
//   +-----+-+-----------------------+-------------------------------+

export interface VlanTag {
  control: { priority: number; dropEligible: boolean; vlan: number };
  etherType: number;
}

const vlanControl = bits(u16be(), true, 'control');
vlanControl.addField(3, 'priority');
vlanControl.addBoolean('dropEligible');
vlanControl.addField(12, 'vlan');

export const vlanTag = struct<VlanTag>([vlanControl, u16be('etherType')]);

//   RFC 826, for IPv4 over Ethernet; the field names are its own.
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +-------------------------------+-------------------------------+
//   |            ar$hrd             |            ar$pro             |
//   +---------------+---------------+-------------------------------+
//   |    ar$hln     |    ar$pln     |            ar$op              |
//   +---------------+---------------+-------------------------------+
//   |                            ar$sha                             |
//   +                               +-------------------------------+
//   |                               |            ar$spa             |
//   +-------------------------------+-------------------------------+
//   |            ar$spa             |            ar$tha             |
//   +-------------------------------+                               +
//   |                                                               |
//   +---------------------------------------------------------------+
//   |                            ar$tpa                             |
//   +---------------------------------------------------------------+

export interface ArpPacket {
  /** 1: Ethernet. */
  hrd: number;
  /** 0x0800: IPv4. */
  pro: number;
  hln: number;
  pln: number;
  /** 1: request, 2: reply. */
  op: number;
  sha: Buffer;
  spa: Buffer;
  tha: Buffer;
  tpa: Buffer;
}

export const arp = struct<ArpPacket>([
  u16be('hrd'), u16be('pro'), u8('hln'), u8('pln'), u16be('op'),
  blob(6, 'sha'), blob(4, 'spa'), blob(6, 'tha'), blob(4, 'tpa'),
]);
