// A packet from the peer to us, of either family, with nothing unusual in its header.

import type { IpPacket } from '../../../src/arbitraries.js';
import { OURS, PEERS } from './bench.js';

export const ipOf = (family: 4 | 6, content: IpPacket['content']): IpPacket => (family === 4
  ? {
    kind: 'ipv4', options: [], content, source: PEERS[4], destination: OURS[4], trafficClass: 0, identification: 1, dontFragment: true,
    moreFragments: false, fragmentOffset: 0, timeToLive: 64, checksumOff: 0,
  }
  : { kind: 'ipv6', extensions: [], content, source: PEERS[6], destination: OURS[6], trafficClass: 0, flowLabel: 0, hopLimit: 64 });
