// What UDP's bytes are, for tools and tests; ./wire.ts reads and writes them. RFC 768.

import { struct, u16be } from 'buffer-layout';

//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +-------------------------------+-------------------------------+
//   |          Source Port          |       Destination Port        |
//   +-------------------------------+-------------------------------+
//   |            Length             |           Checksum            |
//   +-------------------------------+-------------------------------+

export interface UdpHeaderBytes {
  sourcePort: number;
  destinationPort: number;
  /** Header and payload, bytes. */
  length: number;
  /** 0: none was computed. */
  checksum: number;
}

export const udp = struct<UdpHeaderBytes>([
  u16be('sourcePort'), u16be('destinationPort'), u16be('length'), u16be('checksum'),
]);
