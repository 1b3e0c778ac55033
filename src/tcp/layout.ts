// What TCP's bytes are, for tools and tests; ./wire.ts and ./options.ts read and write them. RFC 9293 §3.1,
// §3.2; RFC 7323 §2.2, §3.2; RFC 2018 §2, §3; RFC 9768 §3.2.3; RFC 5482 §3.

import { bits, greedy, seq, struct, u16be, u24be, u32be, u8 } from 'buffer-layout';

//   RFC 9293 §3.1.
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +-------------------------------+-------------------------------+
//   |          Source Port          |       Destination Port        |
//   +-------------------------------+-------------------------------+
//   |                        Sequence Number                        |
//   +---------------------------------------------------------------+
//   |                    Acknowledgment Number                      |
//   +-------+-------+-+-+-+-+-+-+-+-+-------------------------------+
//   | Data  |       |C|E|U|A|P|R|S|F|                               |
//   | Offset| Rsrvd |W|C|R|C|S|S|Y|I|            Window             |
//   |       |       |R|E|G|K|H|T|N|N|                               |
//   +-------+-------+-+-+-+-+-+-+-+-+-------------------------------+
//   |           Checksum            |         Urgent Pointer        |
//   +-------------------------------+-------------------------------+
//   |                           [Options]                           |
//   +---------------------------------------------------------------+

export interface TcpHeaderBytes {
  sourcePort: number;
  destinationPort: number;
  sequenceNumber: number;
  acknowledgmentNumber: number;
  control: {
    /** In 32-bit words, options included. */
    dataOffset: number;
    reserved: number;
    cwr: boolean;
    ece: boolean;
    urg: boolean;
    ack: boolean;
    psh: boolean;
    rst: boolean;
    syn: boolean;
    fin: boolean;
  };
  window: number;
  checksum: number;
  urgentPointer: number;
}

const control = bits(u16be(), true, 'control');
control.addField(4, 'dataOffset');
control.addField(4, 'reserved');
control.addBoolean('cwr');
control.addBoolean('ece');
control.addBoolean('urg');
control.addBoolean('ack');
control.addBoolean('psh');
control.addBoolean('rst');
control.addBoolean('syn');
control.addBoolean('fin');

/** Without options. */
export const tcp = struct<TcpHeaderBytes>([
  u16be('sourcePort'), u16be('destinationPort'), u32be('sequenceNumber'), u32be('acknowledgmentNumber'),
  control, u16be('window'), u16be('checksum'), u16be('urgentPointer'),
]);

export interface TcpOption {
  kind: number;
  /** Of the whole option, bytes. Kinds 0 and 1 have none. */
  length: number;
}

//   RFC 9293 §3.2.
//
//   +---------------+---------------+-------------------------------+
//   |    Kind=2     |   Length=4    |   Maximum Segment Size (MSS)  |
//   +---------------+---------------+-------------------------------+

export interface TcpMssOption extends TcpOption {
  maximumSegmentSize: number;
}

export const tcpMss = struct<TcpMssOption>([u8('kind'), u8('length'), u16be('maximumSegmentSize')]);

//   RFC 7323 §2.2.
//
//   +---------------+---------------+---------------+
//   |    Kind=3     |   Length=3    |   shift.cnt   |
//   +---------------+---------------+---------------+

export interface TcpWindowScaleOption extends TcpOption {
  shiftCount: number;
}

export const tcpWindowScale = struct<TcpWindowScaleOption>([u8('kind'), u8('length'), u8('shiftCount')]);

//   RFC 2018 §2.
//
//   +---------------+---------------+
//   |    Kind=4     |   Length=2    |
//   +---------------+---------------+

export const tcpSackPermitted = struct<TcpOption>([u8('kind'), u8('length')]);

//   RFC 2018 §3.
//
//                                   +---------------+---------------+
//                                   |    Kind=5     |    Length     |
//   +-------------------------------+---------------+---------------+
//   |                     Left Edge of 1st Block                    |
//   +---------------------------------------------------------------+
//   |                    Right Edge of 1st Block                    |
//   +---------------------------------------------------------------+
//   |                             . . .                             |

export interface TcpSackOption extends TcpOption {
  blocks: { leftEdge: number; rightEdge: number }[];
}

const block = struct<TcpSackOption['blocks'][number]>([u32be('leftEdge'), u32be('rightEdge')]);

/** It takes the rest of the bytes for blocks: give it the option alone. */
export const tcpSack = struct<TcpSackOption>([u8('kind'), u8('length'), seq(block, greedy(8), 'blocks')]);

//   RFC 7323 §3.2.
//
//   +---------------+---------------+-------------------------------+
//   |    Kind=8     |   Length=10   |       TS Value (TSval)        |
//   +---------------+---------------+-------------------------------+
//   |       TS Value (TSval)        |   TS Echo Reply (TSecr)       |
//   +-------------------------------+-------------------------------+
//   |    TS Echo Reply (TSecr)      |
//   +-------------------------------+

export interface TcpTimestampsOption extends TcpOption {
  tsVal: number;
  tsEcr: number;
}

export const tcpTimestamps = struct<TcpTimestampsOption>([
  u8('kind'), u8('length'), u32be('tsVal'), u32be('tsEcr'),
]);

//   RFC 9768 §3.2.3; kind 174 has the first and the last counter the other way round.
//
//   +---------------+---------------+-------------------------------+
//   |   Kind=172    |   Length=11   |          EE0B field           |
//   +---------------+---------------+-------------------------------+
//   | EE0B (cont'd) |                  ECEB field                   |
//   +---------------+-----------------------------------------------+
//   |                  EE1B field                   |
//   +-----------------------------------------------+

export interface TcpAccEcnOption extends TcpOption {
  /** The low 24 bits of three counters: of lengths 8, 5 and 2, fewer of them. */
  counters: number[];
}

/** It takes the rest of the bytes for counters: give it the option alone. */
export const tcpAccEcn = struct<TcpAccEcnOption>([u8('kind'), u8('length'), seq(u24be(), greedy(3), 'counters')]);

//   RFC 5482 §3.
//
//   +---------------+---------------+-+-----------------------------+
//   |    Kind=28    |   Length=4    |G|        User Timeout         |
//   +---------------+---------------+-+-----------------------------+

export interface TcpUserTimeoutOption extends TcpOption {
  userTimeout: {
    /** G: minutes, not seconds. */
    inMinutes: boolean;
    value: number;
  };
}

const userTimeout = bits(u16be(), true, 'userTimeout');
userTimeout.addBoolean('inMinutes');
userTimeout.addField(15, 'value');

export const tcpUserTimeout = struct<TcpUserTimeoutOption>([u8('kind'), u8('length'), userTimeout]);
