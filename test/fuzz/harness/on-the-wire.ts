// I7: whatever the stack sends is read again by somebody else, who knows the RFCs and nothing of src/: lengths, checksums, no
// longer than the link takes. I11: no error about an error, no reset for a reset.

import { ensure } from './failure.js';

export interface Seen {
  readonly family: 4 | 6;
  readonly protocol: number;
  /** Of the transport, in `bytes`; a fragment that is not the first has none. */
  readonly at: number;
  readonly isFragment: boolean;
  readonly bytes: Uint8Array;
}

/** RFC 1071, a word at a time. */
function sum(b: Uint8Array, at: number, end: number, initial = 0): number {
  let total = initial;
  for (let i = at; i < end; i += 2) total += b[i]! * 256 + (i + 1 < end ? b[i + 1]! : 0);
  while (total > 0xffff) total = (total % 0x1_0000) + Math.floor(total / 0x1_0000);
  return total;
}

/** Walk an IP packet of ours to its transport; it must be right in every length and sum. */
export function readOurs(b: Uint8Array, mtu: number): Seen {
  ensure(b.length <= mtu, () => `I7: sent ${b.length} bytes through an MTU of ${mtu}`);
  const version = b[0]! >> 4;
  ensure(version === 4 || version === 6, `I7: sent a packet of version ${version}`);
  const seen = version === 4 ? read4(b) : read6(b);
  if (!seen.isFragment) checkTransport(seen);
  return seen;
}

function read4(b: Uint8Array): Seen {
  const header = (b[0]! & 15) * 4;
  ensure(header >= 20 && header <= b.length, 'I7: IPv4 header length');
  ensure(b[2]! * 256 + b[3]! === b.length, 'I7: IPv4 total length');
  ensure(sum(b, 0, header) === 0xffff, 'I7: IPv4 header checksum');
  const isFragment = ((b[6]! & 0x3f) | b[7]!) !== 0;
  return { family: 4, protocol: b[9]!, at: header, isFragment, bytes: b };
}

function read6(b: Uint8Array): Seen {
  ensure(b.length >= 40 && b[4]! * 256 + b[5]! === b.length - 40, 'I7: IPv6 payload length');
  let protocol = b[6]!;
  let at = 40;
  let isFragment = false;
  while (protocol === 0 || protocol === 43 || protocol === 44 || protocol === 60) {
    if (protocol === 44) isFragment = true;
    const next = at + (protocol === 44 ? 8 : 8 * (b[at + 1]! + 1));
    ensure(next <= b.length, 'I7: IPv6 extension header');
    protocol = b[at]!;
    at = next;
  }
  return { family: 6, protocol, at, isFragment, bytes: b };
}

function checkTransport({ family, protocol, at, bytes: b }: Seen): void {
  const length = b.length - at;
  const addresses = family === 4 ? sum(b, 12, 20) : sum(b, 8, 40);
  const pseudo = protocol === 1 ? 0 : addresses + protocol + length;
  switch (protocol) {
    case 6: {
      ensure(length >= 20 && (b[at + 12]! >> 4) * 4 >= 20 && (b[at + 12]! >> 4) * 4 <= length, 'I7: TCP data offset');
      ensure(sum(b, at, b.length, pseudo) === 0xffff, 'I7: TCP checksum');
      checkOptions(b, at + 20, at + (b[at + 12]! >> 4) * 4);
      break;
    }
    case 17:
      ensure(length >= 8 && b[at + 4]! * 256 + b[at + 5]! === length, 'I7: UDP length');
      ensure((b[at + 6] === 0 && b[at + 7] === 0 && family === 4) || sum(b, at, b.length, pseudo) === 0xffff, 'I7: UDP checksum');
      break;
    case 1:
    case 58:
      ensure(length >= 8 && sum(b, at, b.length, pseudo) === 0xffff, 'I7: ICMP checksum');
      break;
  }
}

function checkOptions(b: Uint8Array, from: number, end: number): void {
  for (let at = from; at < end;) {
    if (b[at] === 0) return;
    if (b[at] === 1) {
      at++;
      continue;
    }
    const length = b[at + 1]!;
    ensure(at + 1 < end && length >= 2 && at + length <= end, 'I7: TCP options');
    at += length;
  }
}

export const FIN = 1, SYN = 2, RST = 4, ACK = 16;

export interface SeenSegment {
  readonly flags: number;
  readonly seq: number;
  readonly ack: number;
  readonly window: number;
  readonly text: Uint8Array;
  readonly sourcePort: number;
  readonly destinationPort: number;
}

export function segmentOf({ bytes: b, at }: Seen): SeenSegment {
  const view = new DataView(b.buffer, b.byteOffset, b.length);
  return {
    sourcePort: view.getUint16(at), destinationPort: view.getUint16(at + 2), seq: view.getUint32(at + 4), ack: view.getUint32(at + 8),
    flags: b[at + 13]!, window: view.getUint16(at + 14), text: b.subarray(at + (b[at + 12]! >> 4) * 4),
  };
}

const ERRORS = { 1: new Set([3, 4, 5, 11, 12]), 58: new Set([1, 2, 3, 4]) };

export const isIcmpError = ({ protocol, at, bytes, isFragment }: Seen): boolean =>
  !isFragment && (protocol === 1 || protocol === 58) && ERRORS[protocol].has(bytes[at]!);

/** What arrived, as far as one can say; null: it is not even a packet. */
export function readTheirs(b: Uint8Array): Seen | null {
  try {
    return b.length === 0 ? null : b[0]! >> 4 === 4 ? read4(b) : b[0]! >> 4 === 6 ? read6(b) : null;
  } catch {
    return null;
  }
}

/** To a group or a whole net, or from what is no single host's address. RFC 1122 §3.2.2, RFC 4443 §2.4 (e.3 – e.6). */
function isOfMany({ family, bytes: b }: Seen): boolean {
  const [from, to] = family === 4 ? [b.subarray(12, 16), b.subarray(16, 20)] : [b.subarray(8, 24), b.subarray(24, 40)];
  const isGroup = (address: Uint8Array): boolean => (family === 4 ? address[0]! >= 224 : address[0] === 0xff);
  // The bench's net is a /24.
  const isNet = family === 4 && to[0] === 10 && to[1] === 0 && to[2] === 0 && to[3] === 255;
  return isGroup(to) || isNet || isGroup(from) || from.every((byte) => byte === 0);
}

/** I11: `answers`, all that left because of `cause`. RFC 9293 §3.5.2, RFC 1122 §3.2.2, RFC 4443 §2.4 (e). */
export function checkAnswers(cause: Uint8Array, answers: readonly Seen[]): void {
  const arrived = readTheirs(cause);
  if (arrived === null) return;
  const isReset = !arrived.isFragment && arrived.protocol === 6 && cause.length >= arrived.at + 20 && (cause[arrived.at + 13]! & RST) !== 0;
  const isError = isIcmpError(arrived);
  for (const answer of answers) {
    if (isReset && answer.protocol === 6 && !answer.isFragment) {
      const [theirs, ours] = [segmentOf(arrived), segmentOf(answer)];
      ensure((ours.flags & RST) === 0 || ours.destinationPort !== theirs.sourcePort || ours.sourcePort !== theirs.destinationPort,
        'I11: a reset in answer to a reset');
    }
    if (isIcmpError(answer)) {
      ensure(!isError, 'I11: an ICMP error about an ICMP error');
      // But for these two, of IPv6: packet too big, and an option that one is to be told of. RFC 4443 §2.4 (e.3).
      const mayTell = answer.protocol === 58 && (answer.bytes[answer.at] === 2 || (answer.bytes[answer.at] === 4 && answer.bytes[answer.at + 1] === 2));
      ensure(mayTell || !isOfMany(arrived), 'I11: an ICMP error to or about more than one host');
      const quote = answer.bytes.subarray(answer.at + 8);
      // A fragment that makes a datagram whole may draw an error about that datagram.
      const isLater = answer.family === 4 && quote.length >= 20 && (((quote[6]! & 0x1f) << 8) | quote[7]!) !== 0;
      ensure(!isLater, 'I11: an ICMP error about a fragment that is not the first');
    }
  }
}
