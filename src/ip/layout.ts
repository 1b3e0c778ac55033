// What IP's bytes are, for tools and tests; ./wire.ts reads and writes them. RFC 791 §3.1, RFC 8200 §3, §4
// and §8.1.

import { bits, blob, struct, u16be, u32be, u8 } from 'buffer-layout';

//   RFC 791 §3.1; the second byte as RFC 2474 and RFC 3168 divide it.
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +-------+-------+-----------+---+-------------------------------+
//   |Version|  IHL  |   DSCP    |ECN|         Total Length          |
//   +-------+-------+-----------+---+-+-+-+-------------------------+
//   |        Identification         |0|D|M|     Fragment Offset     |
//   +---------------+---------------+-+-+-+-------------------------+
//   | Time to Live  |   Protocol    |        Header Checksum        |
//   +---------------+---------------+-------------------------------+
//   |                        Source Address                         |
//   +---------------------------------------------------------------+
//   |                      Destination Address                      |
//   +---------------------------------------------------------------+
//   |                    Options                    |    Padding    |
//   +-----------------------------------------------+---------------+

export interface Ipv4HeaderBytes {
  first: { version: number; /** In 32-bit words, options included. */ ihl: number };
  trafficClass: { dscp: number; ecn: number };
  totalLength: number;
  identification: number;
  fragment: {
    reserved: boolean;
    dontFragment: boolean;
    moreFragments: boolean;
    /** In units of 8 bytes. */
    fragmentOffset: number;
  };
  timeToLive: number;
  protocol: number;
  headerChecksum: number;
  sourceAddress: Buffer;
  destinationAddress: Buffer;
}

const first = bits(u8(), true, 'first');
first.addField(4, 'version');
first.addField(4, 'ihl');

const trafficClass = bits(u8(), true, 'trafficClass');
trafficClass.addField(6, 'dscp');
trafficClass.addField(2, 'ecn');

const fragment = bits(u16be(), true, 'fragment');
fragment.addBoolean('reserved');
fragment.addBoolean('dontFragment');
fragment.addBoolean('moreFragments');
fragment.addField(13, 'fragmentOffset');

/** Without options. */
export const ipv4 = struct<Ipv4HeaderBytes>([
  first, trafficClass, u16be('totalLength'), u16be('identification'), fragment,
  u8('timeToLive'), u8('protocol'), u16be('headerChecksum'),
  blob(4, 'sourceAddress'), blob(4, 'destinationAddress'),
]);

//   What a transport's checksum covers besides itself. RFC 9293 §3.1, RFC 768.
//
//   +---------------------------------------------------------------+
//   |                        Source Address                         |
//   +---------------------------------------------------------------+
//   |                      Destination Address                      |
//   +---------------+---------------+-------------------------------+
//   |     zero      |   Protocol    |            Length             |
//   +---------------+---------------+-------------------------------+

export interface Ipv4PseudoHeader {
  sourceAddress: Buffer;
  destinationAddress: Buffer;
  zero: number;
  protocol: number;
  length: number;
}

export const ipv4Pseudo = struct<Ipv4PseudoHeader>([
  blob(4, 'sourceAddress'), blob(4, 'destinationAddress'), u8('zero'), u8('protocol'), u16be('length'),
]);

//   RFC 8200 §3.
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +-------+---------------+---------------------------------------+
//   |Version| Traffic Class |              Flow Label               |
//   +-------+---------------+-------+---------------+---------------+
//   |        Payload Length         |  Next Header  |   Hop Limit   |
//   +-------------------------------+---------------+---------------+
//   |                                                               |
//   +                                                               +
//   |                        Source Address                         |
//   +                          (128 bits)                           +
//   |                                                               |
//   +                                                               +
//   |                                                               |
//   +---------------------------------------------------------------+
//   |                                                               |
//   +                                                               +
//   |                      Destination Address                      |
//   +                          (128 bits)                           +
//   |                                                               |
//   +                                                               +
//   |                                                               |
//   +---------------------------------------------------------------+

export interface Ipv6HeaderBytes {
  first: { version: number; trafficClass: number; flowLabel: number };
  /** Bytes behind this header, extension headers included. */
  payloadLength: number;
  nextHeader: number;
  hopLimit: number;
  sourceAddress: Buffer;
  destinationAddress: Buffer;
}

const firstOf6 = bits(u32be(), true, 'first');
firstOf6.addField(4, 'version');
firstOf6.addField(8, 'trafficClass');
firstOf6.addField(20, 'flowLabel');

export const ipv6 = struct<Ipv6HeaderBytes>([
  firstOf6, u16be('payloadLength'), u8('nextHeader'), u8('hopLimit'),
  blob(16, 'sourceAddress'), blob(16, 'destinationAddress'),
]);

//   RFC 8200 §8.1: the pseudo-header of transports over IPv6.
//
//   +---------------------------------------------------------------+
//   |                  Source Address (128 bits)                    |
//   +---------------------------------------------------------------+
//   |                Destination Address (128 bits)                 |
//   +---------------------------------------------------------------+
//   |                   Upper-Layer Packet Length                   |
//   +-----------------------------------------------+---------------+
//   |                     zero                      |  Next Header  |
//   +-----------------------------------------------+---------------+

export interface Ipv6PseudoHeader {
  sourceAddress: Buffer;
  destinationAddress: Buffer;
  upperLayerPacketLength: number;
  last: { zero: number; nextHeader: number };
}

const lastOfPseudo = bits(u32be(), true, 'last');
lastOfPseudo.addField(24, 'zero');
lastOfPseudo.addField(8, 'nextHeader');

export const ipv6Pseudo = struct<Ipv6PseudoHeader>([
  blob(16, 'sourceAddress'), blob(16, 'destinationAddress'), u32be('upperLayerPacketLength'), lastOfPseudo,
]);

//   RFC 8200 §4.3 and §4.6: Hop-by-Hop Options and Destination Options begin alike; so do all other extension
//   headers but Fragment (RFC 6564).
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +---------------+---------------+-------------------------------+
//   |  Next Header  |  Hdr Ext Len  |                               |
//   +---------------+---------------+                               +
//   |                            Options                            |

export interface Ipv6ExtensionHeader {
  nextHeader: number;
  /** In units of 8 bytes, the first 8 not counted. */
  hdrExtLen: number;
}

export const ipv6Extension = struct<Ipv6ExtensionHeader>([u8('nextHeader'), u8('hdrExtLen')]);

//   RFC 8200 §4.4.
//
//   +---------------+---------------+---------------+---------------+
//   |  Next Header  |  Hdr Ext Len  | Routing Type  | Segments Left |
//   +---------------+---------------+---------------+---------------+

export interface Ipv6RoutingHeader extends Ipv6ExtensionHeader {
  routingType: number;
  segmentsLeft: number;
}

export const ipv6Routing = struct<Ipv6RoutingHeader>([
  u8('nextHeader'), u8('hdrExtLen'), u8('routingType'), u8('segmentsLeft'),
]);

//   RFC 8200 §4.5.
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +---------------+---------------+-------------------------+---+-+
//   |  Next Header  |   Reserved    |     Fragment Offset     |Res|M|
//   +---------------+---------------+-------------------------+---+-+
//   |                        Identification                         |
//   +---------------------------------------------------------------+

export interface Ipv6FragmentHeader {
  nextHeader: number;
  reserved: number;
  fragment: { /** In units of 8 bytes. */ fragmentOffset: number; reserved: number; moreFragments: boolean };
  identification: number;
}

const fragmentOf6 = bits(u16be(), true, 'fragment');
fragmentOf6.addField(13, 'fragmentOffset');
fragmentOf6.addField(2, 'reserved');
fragmentOf6.addBoolean('moreFragments');

export const ipv6Fragment = struct<Ipv6FragmentHeader>([
  u8('nextHeader'), u8('reserved'), fragmentOf6, u32be('identification'),
]);
