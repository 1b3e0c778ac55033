// `wallsocket/arbitraries`: packets of every floor, and networks, for fast-check, which is an optional peer. What is generated
// is a description, a tree of plain records that a report can print; `encodeFrame` and `encodePacket` make the bytes.
//
// Checksums are right unless `invalidChecksum` asks for others. When a test fails, whole frames go first, then options, then
// payload, then fields.

export {
  datagram, encodeFrame, type EthernetFrame, fragments, frame, frames, ipPacket, ipPackets, MANNERS, type RowKnobs, segment, segmentsNear,
} from './testing/arbitraries/frames.js';
export { type Arp, arp, ethernetHeader, type EthernetHeader, type OtherFrame, type VlanTag } from './testing/arbitraries/link.js';
export {
  type Content, encodePacket, type Extension, fragmentsOf, type Ipv4Option, type Ipv4Packet, type Ipv6Option, type Ipv6Packet, type IpPacket,
  type OtherProtocol, type PacketKnobs,
} from './testing/arbitraries/ip.js';
export {
  type Icmp, type IcmpEcho, icmpEcho, type IcmpError, icmpError, type IcmpOther, icmpOther, type Ndp, ndp, type NdpOption, ndpOption,
} from './testing/arbitraries/icmp.js';
export {
  aim, type AimedSegment, aimedSegment, type Target, type TcpKnobs, type TcpOption, tcpOption, tcpOptions, type TcpSegment,
} from './testing/arbitraries/tcp.js';
export type { UdpDatagram, UdpKnobs } from './testing/arbitraries/udp.js';
export { build, follow, type Happening, type LinkKnobs, linkPlan, schedule, type Topology, topology } from './testing/arbitraries/plans.js';
export { inOrder, type Manners, smaller } from './testing/arbitraries/shrinking.js';
