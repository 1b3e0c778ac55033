// What ICMP's bytes are, of both families, for tools and tests. RFC 792, RFC 1191, RFC 4443, RFC 4861.

import { bits, blob, struct, u16be, u24be, u32be, u8 } from 'buffer-layout';

//   All messages begin so. RFC 792, RFC 4443 §2.1.
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +---------------+---------------+-------------------------------+
//   |     Type      |     Code      |           Checksum            |
//   +---------------+---------------+-------------------------------+

export interface IcmpHeaderBytes {
  type: number;
  code: number;
  checksum: number;
}

const begin = [u8('type'), u8('code'), u16be('checksum')] as const;

export const icmp = struct<IcmpHeaderBytes>(begin);

//   Echo and its reply: RFC 792 (types 8, 0), RFC 4443 §4 (128, 129).
//
//   +---------------+---------------+-------------------------------+
//   |     Type      |     Code      |           Checksum            |
//   +---------------+---------------+-------------------------------+
//   |          Identifier           |        Sequence Number        |
//   +-------------------------------+-------------------------------+
//   |  Data ...

export interface IcmpEcho extends IcmpHeaderBytes {
  identifier: number;
  sequenceNumber: number;
}

export const icmpEcho = struct<IcmpEcho>([...begin, u16be('identifier'), u16be('sequenceNumber')]);

//   Destination Unreachable of IPv4 (type 3); with code 4, RFC 1191 §4. The length is RFC 4884's, in words of 32
//   bits.
//
//   +---------------+---------------+-------------------------------+
//   |   Type = 3    |     Code      |           Checksum            |
//   +---------------+---------------+-------------------------------+
//   |    unused     |    Length     |         Next-Hop MTU          |
//   +---------------+---------------+-------------------------------+
//   |      Internet Header + 64 bits of Original Data Datagram      |

export interface IcmpUnreachable extends IcmpHeaderBytes {
  unused: number;
  length: number;
  nextHopMtu: number;
}

export const icmpUnreachable = struct<IcmpUnreachable>([
  ...begin, u8('unused'), u8('length'), u16be('nextHopMtu'),
]);

//   Parameter Problem of IPv4 (type 12). RFC 792, RFC 4884 §4.3.
//
//   +---------------+---------------+-------------------------------+
//   |   Type = 12   |     Code      |           Checksum            |
//   +---------------+---------------+-------------------------------+
//   |    Pointer    |    Length     |            unused             |
//   +---------------+---------------+-------------------------------+

export interface IcmpParameterProblem extends IcmpHeaderBytes {
  pointer: number;
  length: number;
  unused: number;
}

export const icmpParameterProblem = struct<IcmpParameterProblem>([
  ...begin, u8('pointer'), u8('length'), u16be('unused'),
]);

//   Redirect of IPv4 (type 5). RFC 792.
//
//   +---------------+---------------+-------------------------------+
//   |   Type = 5    |     Code      |           Checksum            |
//   +---------------+---------------+-------------------------------+
//   |                 Gateway Internet Address                      |
//   +---------------------------------------------------------------+

export interface IcmpRedirect extends IcmpHeaderBytes {
  gatewayInternetAddress: Buffer;
}

export const icmpRedirect = struct<IcmpRedirect>([...begin, blob(4, 'gatewayInternetAddress')]);

//   Errors of IPv6: RFC 4443 §3. The word is the MTU of Packet Too Big (type 2), the pointer of Parameter
//   Problem (type 4), and unused in Destination Unreachable (type 1) and Time Exceeded (type 3), but for the
//   first byte: RFC 4884's length, in words of 64 bits.
//
//   +---------------+---------------+-------------------------------+
//   |     Type      |     Code      |           Checksum            |
//   +---------------+---------------+-------------------------------+
//   |                   unused, MTU, or Pointer                     |
//   +---------------------------------------------------------------+
//   |                    As much of invoking packet                 |

export interface Icmpv6Unreachable extends IcmpHeaderBytes {
  length: number;
  unused: number;
}

export const icmpv6Unreachable = struct<Icmpv6Unreachable>([...begin, u8('length'), u24be('unused')]);

export interface Icmpv6PacketTooBig extends IcmpHeaderBytes {
  mtu: number;
}

export const icmpv6PacketTooBig = struct<Icmpv6PacketTooBig>([...begin, u32be('mtu')]);

export interface Icmpv6ParameterProblem extends IcmpHeaderBytes {
  pointer: number;
}

export const icmpv6ParameterProblem = struct<Icmpv6ParameterProblem>([...begin, u32be('pointer')]);

//   RFC 4861 §4.1.
//
//   +---------------+---------------+-------------------------------+
//   |  Type = 133   |     Code      |          Checksum             |
//   +---------------+---------------+-------------------------------+
//   |                            Reserved                           |
//   +---------------------------------------------------------------+
//   |   Options ...

export interface RouterSolicitation extends IcmpHeaderBytes {
  reserved: number;
}

export const routerSolicitation = struct<RouterSolicitation>([...begin, u32be('reserved')]);

//   RFC 4861 §4.2; the preference is RFC 4191 §2.2's.
//
//   +---------------+---------------+-------------------------------+
//   |  Type = 134   |     Code      |          Checksum             |
//   +---------------+-+-+-+---+-----+-------------------------------+
//   | Cur Hop Limit |M|O|H|Prf|Resvd|       Router Lifetime         |
//   +---------------+-+-+-+---+-----+-------------------------------+
//   |                         Reachable Time                        |
//   +---------------------------------------------------------------+
//   |                          Retrans Timer                        |
//   +---------------------------------------------------------------+
//   |   Options ...

export interface RouterAdvertisement extends IcmpHeaderBytes {
  curHopLimit: number;
  flags: { managed: boolean; other: boolean; homeAgent: boolean; preference: number; reserved: number };
  /** Seconds. */
  routerLifetime: number;
  /** Milliseconds, both. */
  reachableTime: number;
  retransTimer: number;
}

const advertisedRouter = bits(u8(), true, 'flags');
advertisedRouter.addBoolean('managed');
advertisedRouter.addBoolean('other');
advertisedRouter.addBoolean('homeAgent');
advertisedRouter.addField(2, 'preference');
advertisedRouter.addField(3, 'reserved');

export const routerAdvertisement = struct<RouterAdvertisement>([
  ...begin, u8('curHopLimit'), advertisedRouter, u16be('routerLifetime'),
  u32be('reachableTime'), u32be('retransTimer'),
]);

//   RFC 4861 §4.3.
//
//   +---------------+---------------+-------------------------------+
//   |  Type = 135   |     Code      |          Checksum             |
//   +---------------+---------------+-------------------------------+
//   |                           Reserved                            |
//   +---------------------------------------------------------------+
//   |                                                               |
//   +                       Target Address                          +
//   |                         (128 bits)                            |
//   +---------------------------------------------------------------+
//   |   Options ...

export interface NeighborSolicitation extends IcmpHeaderBytes {
  reserved: number;
  targetAddress: Buffer;
}

export const neighborSolicitation = struct<NeighborSolicitation>([
  ...begin, u32be('reserved'), blob(16, 'targetAddress'),
]);

//   RFC 4861 §4.4.
//
//   +---------------+---------------+-------------------------------+
//   |  Type = 136   |     Code      |          Checksum             |
//   +-+-+-+---------+---------------+-------------------------------+
//   |R|S|O|                     Reserved                            |
//   +-+-+-+---------------------------------------------------------+
//   |                                                               |
//   +                       Target Address                          +
//   |                         (128 bits)                            |
//   +---------------------------------------------------------------+
//   |   Options ...

export interface NeighborAdvertisement extends IcmpHeaderBytes {
  flags: { router: boolean; solicited: boolean; override: boolean; reserved: number };
  targetAddress: Buffer;
}

const advertisedNeighbor = bits(u32be(), true, 'flags');
advertisedNeighbor.addBoolean('router');
advertisedNeighbor.addBoolean('solicited');
advertisedNeighbor.addBoolean('override');
advertisedNeighbor.addField(29, 'reserved');

export const neighborAdvertisement = struct<NeighborAdvertisement>([
  ...begin, advertisedNeighbor, blob(16, 'targetAddress'),
]);

//   RFC 4861 §4.5.
//
//   +---------------+---------------+-------------------------------+
//   |  Type = 137   |     Code      |          Checksum             |
//   +---------------+---------------+-------------------------------+
//   |                           Reserved                            |
//   +---------------------------------------------------------------+
//   |                  Target Address (128 bits)                    |
//   +---------------------------------------------------------------+
//   |                Destination Address (128 bits)                 |
//   +---------------------------------------------------------------+
//   |   Options ...

export interface NdpRedirect extends IcmpHeaderBytes {
  reserved: number;
  targetAddress: Buffer;
  destinationAddress: Buffer;
}

export const ndpRedirect = struct<NdpRedirect>([
  ...begin, u32be('reserved'), blob(16, 'targetAddress'), blob(16, 'destinationAddress'),
]);

//   Options. RFC 4861 §4.6.
//
//   +---------------+---------------+-------------------------------+
//   |     Type      |    Length     |              ...              |
//   +---------------+---------------+-------------------------------+

export interface NdpOption {
  type: number;
  /** In units of 8 bytes, type and length included. 0 is illegal. */
  length: number;
}

export const ndpOption = struct<NdpOption>([u8('type'), u8('length')]);

//   RFC 4861 §4.6.1, over Ethernet (RFC 2464 §6): source (type 1), target (type 2).
//
//   +---------------+---------------+-------------------------------+
//   |     Type      |  Length = 1   |                               |
//   +---------------+---------------+                               +
//   |                      Link-Layer Address                       |
//   +---------------------------------------------------------------+

export interface NdpLinkLayerAddress extends NdpOption {
  linkLayerAddress: Buffer;
}

export const ndpLinkLayerAddress = struct<NdpLinkLayerAddress>([
  u8('type'), u8('length'), blob(6, 'linkLayerAddress'),
]);

//   RFC 4861 §4.6.2.
//
//   +---------------+---------------+---------------+-+-+-----------+
//   |   Type = 3    |  Length = 4   | Prefix Length |L|A| Reserved1 |
//   +---------------+---------------+---------------+-+-+-----------+
//   |                         Valid Lifetime                        |
//   +---------------------------------------------------------------+
//   |                       Preferred Lifetime                      |
//   +---------------------------------------------------------------+
//   |                           Reserved2                           |
//   +---------------------------------------------------------------+
//   |                                                               |
//   +                            Prefix                             +
//   |                         (128 bits)                            |
//   +---------------------------------------------------------------+

export interface NdpPrefixInformation extends NdpOption {
  prefixLength: number;
  flags: { onLink: boolean; autonomous: boolean; reserved1: number };
  /** Seconds, both; 0xffffffff: for ever. */
  validLifetime: number;
  preferredLifetime: number;
  reserved2: number;
  prefix: Buffer;
}

const prefixFlags = bits(u8(), true, 'flags');
prefixFlags.addBoolean('onLink');
prefixFlags.addBoolean('autonomous');
prefixFlags.addField(6, 'reserved1');

export const ndpPrefixInformation = struct<NdpPrefixInformation>([
  u8('type'), u8('length'), u8('prefixLength'), prefixFlags,
  u32be('validLifetime'), u32be('preferredLifetime'), u32be('reserved2'), blob(16, 'prefix'),
]);

//   RFC 4861 §4.6.4.
//
//   +---------------+---------------+-------------------------------+
//   |   Type = 5    |  Length = 1   |           Reserved            |
//   +---------------+---------------+-------------------------------+
//   |                              MTU                              |
//   +---------------------------------------------------------------+

export interface NdpMtu extends NdpOption {
  reserved: number;
  mtu: number;
}

export const ndpMtu = struct<NdpMtu>([u8('type'), u8('length'), u16be('reserved'), u32be('mtu')]);
