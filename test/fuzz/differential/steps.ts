// What is done to both: segments by where they stand in the streams, packets of any kind, and calls. One plan means the same to
// every stack, whatever first numbers and timestamps it chooses.

import { encodePacket, fragmentsOf, type IpPacket, ipPacket, type TcpOption } from '../../../src/arbitraries.js';
import type { Choices } from '../harness/choices.js';
import { mend } from '../harness/mend.js';
import { BOUND, HOST, LISTENING } from './subject.js';

export const FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, URG = 32;

export interface SegmentStep {
  readonly kind: 'segment';
  readonly flags: number;
  /** Its first number less the peer's SYN's. */
  readonly at: number;
  /** What it acknowledges, less our SYN's number; null: 0. */
  readonly ack: number | null;
  readonly length: number;
  readonly window: number;
  readonly urgent: number;
  readonly options: readonly TcpOption[];
  /** TSval less the first; null: no timestamps. */
  readonly stamp: number | null;
}

export type Step = SegmentStep
  | { readonly kind: 'packet'; readonly bytes: Uint8Array; readonly says: string }
  | { readonly kind: 'read'; readonly max: number }
  | { readonly kind: 'write'; readonly length: number }
  | { readonly kind: 'shutdown' };

export interface Plan {
  readonly family: 4 | 6;
  readonly irs: number;
  readonly steps: readonly Step[];
}

export const STEPS_MAX = 14;

export function planOf(choices: Choices, peer: (family: 4 | 6) => string): Plan {
  const family = choices.of(4, 6);
  const irs = choices.of(0xffff_fff0, 0x7fff_fff0, 1000, 0xffff_f000);
  return { family, irs, steps: choices.of(live, live, live, loose, loose, cut)(choices, family, peer(family)) };
}

const GREETINGS: readonly (readonly TcpOption[])[] = [
  [], [{ kind: 'mss', value: 1460 }], [{ kind: 'mss', value: 536 }, { kind: 'sack-permitted' }],
  [{ kind: 'mss', value: 1460 }, { kind: 'sack-permitted' }, { kind: 'window-scale', shift: 7 }],
];

/** A conversation, and somebody who disturbs it. */
function live(choices: Choices): Step[] {
  const steps: Step[] = [];
  const hasStamps = choices.oneIn(2);
  const options = choices.of(...GREETINGS);
  /** One past the last of what the peer has said in order, and of what we have written. */
  let said = 1;
  let written = 0;
  let writes = 0;
  let stamp = 0;
  const segment = (flags: number, more: Partial<SegmentStep> = {}): SegmentStep => ({
    kind: 'segment', flags, at: said, ack: 1 + written, length: 0, window: 65_535, urgent: 0, options: [], stamp: hasStamps ? stamp++ : null, ...more,
  });
  steps.push(segment(SYN, { at: 0, ack: null, options }));
  if (!choices.oneIn(8)) steps.push(segment(ACK));
  while (steps.length < STEPS_MAX && !choices.isOver) {
    switch (choices.below(9)) {
      case 0: {
        const length = choices.of(1, 10, 536, 1000);
        steps.push(segment(choices.of(ACK, ACK | PSH), { length }));
        said += length;
        break;
      }
      case 1: {
        // One counts its congestion window in segments, the other in bytes: no more than both allow.
        if (++writes > 3) break;
        const length = choices.of(1, 100, 1400);
        steps.push({ kind: 'write', length });
        written += length;
        break;
      }
      case 2: steps.push({ kind: 'read', max: choices.of(1, 100_000) }); break;
      case 3: steps.push(choices.oneIn(3) ? { kind: 'shutdown' } : segment(ACK)); break;
      case 4: {
        const flags = choices.of(ACK | FIN, ACK | FIN, ACK | RST, RST, SYN, SYN | ACK);
        steps.push(segment(flags));
        if ((flags & FIN) !== 0) said++;
        break;
      }
      default: steps.push(disturbance(choices, segment, said, written));
    }
  }
  return steps;
}

const FLAGS = [ACK, ACK, ACK, ACK | PSH, ACK | FIN, RST, ACK | RST, SYN, ACK | SYN, 0, FIN, PSH, ACK | URG, SYN | FIN, SYN | RST, ACK | SYN | FIN, 63] as const;

/** A window is no larger than what is far beyond it, and no smaller than what is near: how large is a stack's own affair. */
function disturbance(choices: Choices, segment: (flags: number, more: Partial<SegmentStep>) => SegmentStep, said: number, written: number): SegmentStep {
  const length = choices.of(0, 0, 1, 100, 1000);
  return segment(choices.of(...FLAGS), {
    at: said + choices.of(0, 0, 0, 1, -1, -length, 100, 500, -said, 20_000, 0x200_0000, 0x4000_0000, -0x4000_0000, 0x7fff_ffff),
    ack: choices.of(1 + written, 1 + written, 1 + written, written, 2 + written, 1, 0, 100_000 + written, -70_000, 0x4000_0000, -0x4000_0000),
    length, window: choices.of(65_535, 65_535, 0), urgent: choices.of(0, 0, 1, 50), options: [],
  });
}

const packets = ipPacket({ payloadMax: 100 });

/** Packets that belong to nothing. */
function loose(choices: Choices, family: 4 | 6, peer: string): Step[] {
  const steps: Step[] = [];
  while (steps.length < STEPS_MAX && !choices.isOver) steps.push(packetStep(choices, choices.draw(packets), family, peer));
  return steps;
}

const wholes = { 4: ipPacket({ family: 4, payloadMax: 400, carries: ['udp', 'icmp', 'tcp'] }), 6: ipPacket({ family: 6, payloadMax: 400, carries: ['udp', 'icmp', 'tcp'] }) };

/** Datagrams in pieces, in any order, some twice, some never. */
function cut(choices: Choices, family: 4 | 6, peer: string): Step[] {
  const steps: Step[] = [];
  while (steps.length < STEPS_MAX && !choices.isOver) {
    const pieces = fragmentsOf(choices.draw(wholes[family]), 8 * (1 + choices.below(30)));
    for (let left = pieces.length + choices.below(3); left > 0; left--) steps.push(packetStep(choices, pieces[choices.below(pieces.length)]!, family, peer));
  }
  return steps.slice(0, STEPS_MAX);
}

function packetStep(choices: Choices, drawn: IpPacket, family: 4 | 6, peer: string): Step {
  const content = drawn.content.kind === 'tcp' || drawn.content.kind === 'udp'
    ? { ...drawn.content, sourcePort: 40_000, destinationPort: choices.of(LISTENING, BOUND, 81) } : drawn.content;
  // Of the other family: as one of this, with no options.
  const base: IpPacket = (drawn.kind === 'ipv4') === (family === 4) ? drawn : family === 4
    ? { kind: 'ipv4', options: [], content, source: '', destination: '', trafficClass: 0, identification: 7, dontFragment: false, moreFragments: false, fragmentOffset: 0, timeToLive: 64, checksumOff: 0 }
    : { kind: 'ipv6', extensions: [], content, source: '', destination: '', trafficClass: 0, flowLabel: 0, hopLimit: 64 };
  const packet = { ...base, content, source: peer, destination: HOST[family] } as IpPacket;
  const bytes = encodePacket(packet);
  const damage: string[] = [];
  if (choices.oneIn(4)) {
    const at = choices.below(Math.min(bytes.length, family === 4 ? 60 : 90));
    // Whose it is and whom it is for stays.
    const isAddress = family === 4 ? at >= 12 && at < 20 : at >= 8 && at < 40;
    if (!isAddress) {
      bytes[at] = choices.u8();
      damage.push(`byte ${at} is ${bytes[at]}`);
      if (!choices.oneIn(3)) mend(bytes, 0);
    }
  }
  return { kind: 'packet', bytes, says: `${JSON.stringify(packet, (_, value: unknown) => (value instanceof Uint8Array ? `${value.length} bytes` : value))} ${damage.join()}` };
}
