// Where this stack and Linux's are known to differ, each with the sentence of an RFC that lets both be right, or that Linux does not
// keep. Whatever is not on this list is a finding.

import { ACK, FIN, RST, type SegmentStep, type Step, SYN } from './steps.js';

export interface Departure {
  readonly name: string;
  readonly why: string;
  /** Both stand as they stood: what comes next may be compared, too. */
  readonly goesOn: boolean;
  covers(difference: { readonly steps: readonly Step[]; readonly theirs: readonly string[]; readonly ours: readonly string[]; readonly common: readonly string[] }): boolean;
}

/** The same acknowledged. */
const ackOf = (lines: readonly string[]): string | undefined => lines.find((line) => line.startsWith('ack '))?.split(' sack')[0];

/** ... and what is reported of what lies behind it, but for what is reported because it came twice. */
function blocksOf(lines: readonly string[]): string {
  const [ack, ...words] = (lines.find((line) => line.startsWith('ack ')) ?? '').replace('ack ', '').replace('sack ', '').split(' ');
  const blocks = words.map((word) => /^(-?\d+)-(-?\d+)$/.exec(word)!.slice(1).map(Number) as [number, number]);
  const isTwice = ([from, to]: [number, number], i: number): boolean => from < Number(ack) || blocks.some(([start, end], j) => j !== i && start <= from && to <= end);
  return blocks.filter((block, i) => !isTwice(block, i)).join(' ');
}

/** The segment that tells them apart, if it is one. */
const segmentOf = (steps: readonly Step[]): SegmentStep | null => (steps.at(-1)?.kind === 'segment' ? steps.at(-1) as SegmentStep : null);
const has = (segment: SegmentStep | null, flags: number, of = flags): boolean => segment !== null && (segment.flags & of) === flags;
const isOnlyAck = (lines: readonly string[]): boolean => lines.length === 1 && lines[0]!.startsWith('ack ');

const isReset = (lines: readonly string[]): boolean => lines.some((line) => line.startsWith('RST '));
const hadFin = (steps: readonly Step[]): boolean => steps.slice(0, -1).some((step) => step.kind === 'segment' && has(step, FIN));
const says = (steps: readonly Step[], text: string): boolean => {
  const step = steps.at(-1);
  return step?.kind === 'packet' && step.says.includes(text);
};

/** IGMP, tunnels, IPsec, UDP-Lite, PIM: what a kernel may have. */
const FOREIGN = new Set([2, 4, 41, 47, 50, 51, 103, 108, 136]);

/** By the header, and by what was meant. */
function protocolsOf(steps: readonly Step[]): number[] {
  const step = steps.at(-1);
  if (step?.kind !== 'packet') return [];
  const meant = /"protocol":(\d+)/.exec(step.says)?.[1];
  return [step.bytes[step.bytes[0]! >> 4 === 4 ? 9 : 6]!, Number(meant ?? 0)];
}

/** TCP's option of RFC 2385 or RFC 5925, by a look at all bytes where one may be. */
function isSigned(steps: readonly Step[]): boolean {
  const step = steps.at(-1);
  if (step?.kind !== 'packet') return false;
  return /"code":(19|29),/.test(step.says) || (protocolsOf(steps).includes(6) && step.bytes.some((byte, i) => i >= 40 && (byte === 19 || byte === 29) && step.bytes[i + 1]! >= 2));
}

const SYNCHRONIZED = /^(ESTABLISHED|FIN-WAIT|CLOSE-WAIT|CLOSING|LAST-ACK)/;

export const DEPARTURES: readonly Departure[] = [
  {
    name: 'contradicts a FIN', goesOn: false,
    why: 'RFC 9293 §3.10.7.4, seventh and eighth: nothing follows a FIN, "Ignore the segment text"; ours believes the first that it hears of, in order or not, Linux the first in order, and resets for text behind it',
    covers: ({ steps }) => {
      const [last, ends] = [segmentOf(steps), steps.flatMap((step) => (step.kind === 'segment' && has(step, FIN) ? [step.at + step.length] : []))];
      return last !== null && ends.length > 0 && (new Set(ends).size > 1 || last.at + last.length > ends[0]!);
    },
  },
  {
    name: 'old ACK', goesOn: false,
    why: 'RFC 5961 §5.2 takes what acknowledges no less than SND.UNA - MAX.SND.WND; Linux no less than what it ever was acknowledged of',
    covers: ({ steps, theirs, ours }) => has(segmentOf(steps), ACK) && (segmentOf(steps)!.ack ?? 0) <= 0 && theirs.some((line) => line.startsWith('ack ')),
  },
  {
    name: 'ends at RCV.NXT', goesOn: false,
    why: 'RFC 9293 §3.4: a segment with text is acceptable if some of it is in the window; Linux heeds the ACK of one that ends where the window begins',
    covers: ({ steps, theirs, ours, common }) => {
      const segment = segmentOf(steps);
      const end = segment === null ? 0 : segment.at + segment.length + (segment.flags & FIN ? 1 : 0) + (segment.flags & SYN ? 1 : 0);
      return segment !== null && end > segment.at && [...theirs, ...ours, ...common].some((line) => line.split(' sack')[0] === `ack ${end}`);
    },
  },
  {
    name: 'an illegal option length', goesOn: false,
    why: 'RFC 9293 MUST-7 is to be prepared for it, and suggests a reset; ours drops the segment, lest a guess end a connection, Linux reads on without the rest',
    covers: ({ steps, ours }) => ours.length === 0 && (says(steps, '"kind":"tcp"') || says(steps, '"protocol":6,')) && says(steps, ' byte '),
  },
  {
    name: 'RST below a FIN', goesOn: false,
    why: 'RFC 5961 §3.2: a RST resets if it stands exactly at RCV.NXT; Linux, too, at one less, when a FIN was received, as some send it (tcp_reset_check)',
    covers: ({ steps, theirs, ours }) => has(segmentOf(steps), RST) && hadFin(steps) && theirs.includes('CLOSED') && !ours.includes('CLOSED'),
  },
  {
    name: 'RST behind SACKed text', goesOn: false,
    why: 'RFC 5961 §3.2: a RST resets if it stands exactly at RCV.NXT; Linux, too, at the end of what it has reported as SACKed',
    covers: ({ steps, theirs, ours }) => has(segmentOf(steps), RST) && theirs.includes('CLOSED') && ours.some((line) => line.startsWith('ack ') && `${line} `.includes(`-${segmentOf(steps)!.at} `)),
  },
  {
    name: 'inside IPv4 options', goesOn: false,
    why: 'RFC 1122 §3.2.1.8 has routes and timestamps obeyed, RFC 7126 §4 dropped or ignored; ours looks at no more than their lengths, Linux finds fault with what is in them (RFC 1122 §3.2.2.5)',
    covers: ({ steps, theirs }) => theirs.every((line) => line.startsWith('ICMP error 12 0')) && says(steps, '"options":[{'),
  },
  {
    name: 'a FIN behind a FIN', goesOn: true,
    why: 'RFC 9293 §3.10.7.4, eighth: a FIN is acknowledged, and CLOSE-WAIT remains; Linux is silent',
    covers: ({ steps, theirs, ours }) => has(segmentOf(steps), FIN) && hadFin(steps) && theirs.length === 0 && isOnlyAck(ours),
  },
  {
    name: 'SACK of a FIN', goesOn: true,
    why: 'RFC 2018 §3 reports blocks of data; Linux reports a FIN out of order, too',
    covers: ({ steps, theirs, ours }) => steps.some((step) => step.kind === 'segment' && has(step, FIN)) && ackOf(theirs) === ackOf(ours) && theirs.length === 1 && ours.length === 1,
  },
  {
    name: 'half open: ACK first', goesOn: false,
    why: 'RFC 9293 §3.10.7.4 looks at the sequence number first, and then at the ACK; Linux resets for a wrong ACK before it looks',
    covers: ({ steps, theirs, ours, common }) => (has(segmentOf(steps), ACK) || says(steps, '"kind":"tcp"')) && isReset(theirs) && (ours.length === 0 || isOnlyAck(ours)) && (common.length === 0 || common.includes('CLOSED')),
  },
  {
    name: 'half open: SYN', goesOn: false,
    why: 'RFC 9293 §3.10.7.4, fourth: in SYN-RECEIVED after a passive open, a SYN in the window returns it to LISTEN; Linux resets',
    covers: ({ steps, theirs, ours, common }) => has(segmentOf(steps), SYN) && (isReset(theirs) || isOnlyAck(theirs)) && (ours.length === 0 || isOnlyAck(ours)) && (common.length === 0 || common.includes('CLOSED')),
  },
  {
    name: 'SYN with FIN', goesOn: false,
    why: 'RFC 9293 §3.10.7 knows no such segment; ours drops it wherever it comes, Linux in LISTEN alone',
    covers: ({ steps, ours }) => has(segmentOf(steps), SYN | FIN) && ours.length === 0,
  },
  {
    name: 'a shut window', goesOn: false,
    why: 'RFC 9293 §3.10.7.4, fifth: SND.WND is of the segment with the highest number, Linux believes an older one that acknowledges more; §3.10.4: a FIN follows when all before it is sent, Linux waits for a window',
    covers: ({ steps, theirs, ours }) => [...theirs, ...ours].some((line) => /^(text|FIN|FIN-WAIT-2|CLOSED)/.test(line)) && steps.some((step) => step.kind === 'segment' && step.window === 0),
  },
  {
    name: 'protocols that Linux has', goesOn: true,
    why: 'RFC 1122 §3.2.2.1, RFC 8200 §4: a protocol that is not there is told of; IGMP, tunnels and IPsec are not here, and Linux has them and nobody to give them to',
    covers: ({ theirs, ours, steps }) => theirs.length === 0 && ours.length === 1 && /^ICMP(v6 error 4 1| error 3 2)/.test(ours[0]!) && protocolsOf(steps).some((protocol) => FOREIGN.has(protocol)),
  },
  {
    name: 'which fault first', goesOn: true,
    why: 'RFC 8200 §4 does not say which of two faults is told of',
    covers: ({ theirs, ours }) => theirs.length === 1 && ours.length === 1 && theirs[0]!.startsWith('ICMPv6 error 4 ') && ours[0]!.startsWith('ICMPv6 error 4 '),
  },
  {
    name: 'half open: RST', goesOn: false,
    why: 'RFC 5961 §3.2: a RST resets if it stands exactly at RCV.NXT; Linux gives up a half-open connection for one anywhere in the window',
    covers: ({ steps, ours, common }) => (ours.includes('accepted') || ![...ours, ...common].some((line) => SYNCHRONIZED.test(line))) && steps.some((step) => step.kind === 'segment' && has(step, RST)),
  },
  {
    name: 'half open: which echo', goesOn: false,
    why: 'RFC 7323 §3.2: TSecr repeats a TSval that was sent; Linux takes that of its SYN+ACKs alone, not of what it answered since',
    covers: ({ steps, theirs, ours }) => ours.includes('accepted') && isOnlyAck(theirs) && segmentOf(steps)?.stamp !== null,
  },
  {
    name: 'half open: without ACK', goesOn: true,
    why: 'RFC 9293 §3.10.7.4, fifth: "if the ACK bit is off, drop the segment"; Linux answers while half open',
    covers: ({ steps, theirs, ours }) => has(segmentOf(steps), 0, ACK | SYN | RST) && ours.length === 0 && isOnlyAck(theirs),
  },
  {
    name: 'half open: SYN+ACK', goesOn: false,
    why: 'RFC 9293 §3.5, figure 8: in SYN-RECEIVED a SYN+ACK that repeats the SYN opens the connection; Linux takes it for the SYN alone, or opens halfway, after a passive open',
    covers: ({ steps }) => steps.some((step) => step.kind === 'segment' && has(step, SYN | ACK) && step.at === 0),
  },
  {
    name: 'a fragment twice, with other bytes', goesOn: false,
    why: 'RFC 8200 §4.5, RFC 5722: what overlaps spoils the datagram, but for an exact duplicate; Linux takes one of the same place for such, whatever is in it',
    covers: ({ steps, ours }) => ours.length === 0 && steps.some((step) => step.kind === 'packet' && / byte \d+ is/.test(step.says)),
  },
  {
    name: 'about a redirect', goesOn: true,
    why: 'RFC 4443 §2.4 (e.2): no error about a redirect; Linux sends it',
    covers: ({ theirs, ours, steps }) => ours.length === 0 && theirs.every((line) => line.startsWith('ICMPv6 error ')) && says(steps, '"type":137,'),
  },
  {
    name: 'a piece of ICMPv6', goesOn: true,
    why: 'RFC 4443 §2.4 (e.1): no error about an error; of a later fragment ours cannot tell what it is a piece of, and is silent',
    covers: ({ theirs, ours, steps }) => ours.length === 0 && theirs.every((line) => line.startsWith('ICMPv6 error ')) && says(steps, '"kind":"fragment"') && says(steps, '"protocol":58'),
  },
  {
    name: 'signatures', goesOn: false,
    why: 'RFC 2385 §2 and RFC 5925 §7.3 have a segment with a signature that nobody agreed on dropped; ours does not know them, and passes over the option (RFC 9293 MUST-6)',
    covers: ({ steps, theirs }) => theirs.length === 0 && isSigned(steps),
  },
  {
    name: 'an echo of nothing but zeros', goesOn: true,
    why: 'RFC 1624 §3: the checksum is 0xffff; Linux sends 0',
    covers: ({ theirs, ours }) => theirs.length === 1 && theirs[0]!.startsWith('I7: ICMP checksum') && ours.length === 1 && /^ICMP(v6)? (0|129) 0 0*$/.test(ours[0]!),
  },
  {
    name: 'ICMP timestamps', goesOn: true,
    why: 'RFC 1122 §3.2.2.8: a host MAY answer a timestamp request; Linux does',
    covers: ({ theirs, ours }) => ours.length === 0 && theirs.length === 1 && theirs[0]!.startsWith('ICMP 14 '),
  },
  {
    name: 'neighbours on a TUN', goesOn: true,
    why: 'RFC 4861 §7.2.4: a solicitation is answered; where the link has no addresses, ours knows no neighbours, and Linux answers all the same',
    covers: ({ theirs, ours, steps }) => ours.length === 0 && theirs.every((line) => line.startsWith('ICMPv6 136 ')) && says(steps, '"kind":"ndp"'),
  },
  {
    name: 'routing headers of a kind', goesOn: false,
    why: 'RFC 8200 §4.4: an unknown routing type is passed over, and told of if segments are left; Linux knows 2, 3 and 4, and drops them where they are not enabled',
    covers: ({ theirs, steps }) => theirs.length === 0 && says(steps, '"kind":"routing"'),
  },
  {
    name: 'jumbo payload', goesOn: true,
    why: 'RFC 8200 §4.2: an unknown option whose type says so is told of; Linux knows RFC 2675\'s, and finds its length wrong',
    covers: ({ theirs, ours, steps }) => says(steps, '"kind":"jumbo"') && theirs.every((line) => line.startsWith('ICMPv6 error 4 0')) && ours.every((line) => line.startsWith('ICMPv6 error 4 2')),
  },
  {
    name: 'without ACK', goesOn: true,
    why: 'RFC 9293 §3.10.7.4 looks at the sequence number first, and answers what is out of the window; Linux drops a segment without ACK, SYN and RST before it',
    covers: ({ steps, theirs, ours }) => has(segmentOf(steps), 0, ACK | SYN | RST) && theirs.length === 0 && isOnlyAck(ours),
  },
  {
    name: 'duplicate SACK', goesOn: true,
    why: 'RFC 2883 §4 reports text that came twice in the next ACK; Linux does not where the segment is dropped before',
    covers: ({ theirs, ours }) => theirs.length === 1 && ours.length === 1 && ackOf(theirs) !== undefined && ackOf(theirs) === ackOf(ours) && blocksOf(theirs) === blocksOf(ours),
  },
];
