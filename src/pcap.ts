// wallsocket/pcap: captures. Bytes only; who wants a file writes them to one.

export { LINKTYPE_ETHERNET, LINKTYPE_RAW, PcapWriter, tap } from './link/pcap.js';
export type { Direction, PcapOptions } from './link/pcap.js';
export { readPcap } from './link/pcap-reader.js';
export type { CapturedPacket } from './link/pcap-reader.js';
