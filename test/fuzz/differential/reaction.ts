// What a stack does, as lines that have nothing in them that it may choose freely: first numbers, timestamps, windows, identifications,
// how text is cut into segments, and when something is sent again.

import { readOurs, type Seen, segmentOf } from '../harness/on-the-wire.js';
import { ACK, FIN, RST, SYN } from './steps.js';

/** What must be known of a stack to read its reactions, and to speak to it. */
export class Reader {
  /** Its SYN's number; null: it has sent none. */
  iss: number | null = null;
  /** The latest TSval it sent. */
  stamp = 0;
  /** One past the last text that it has sent, less `iss`. */
  private sentTo = 1;
  private finSent = false;

  constructor(private readonly irs: number) {}

  /**
   * @param packets     all that left in a step
   * @param isStranger  an answer to what belongs to no stream of ours: its numbers are the question's
   */
  read(packets: readonly Uint8Array[], mtu: number, isStranger: boolean): string[] {
    const lines = new Set<string>();
    const segments: Seen[] = [];
    for (const bytes of packets) {
      const seen = readOrSay(bytes, mtu, lines);
      if (seen === null) continue;
      if (seen.isFragment) lines.add(`a fragment of protocol ${seen.protocol}`);
      else if (seen.protocol === 6) segments.push(seen);
      else if (seen.protocol === 17) lines.add(`UDP ${hex(bytes.subarray(seen.at))}`);
      else if (seen.protocol === 1 || seen.protocol === 58) lines.add(icmp(seen));
      else lines.add(`protocol ${seen.protocol}`);
    }
    this.readSegments(segments, lines, isStranger);
    return [...lines].sort();
  }

  private readSegments(segments: readonly Seen[], lines: Set<string>, isStranger: boolean): void {
    let acknowledged: number | null = null;
    const said: number[] = [];
    let blocks = '';
    for (const seen of segments) {
      const { flags, seq, ack, text } = segmentOf(seen);
      const options = optionsOf(seen);
      if (options.stamp !== null) this.stamp = options.stamp;
      const theirs = isStranger ? ack : (ack - this.irs) | 0;
      if ((flags & SYN) !== 0) {
        this.iss = seq;
        lines.add(`SYN${(flags & ACK) === 0 ? '' : `+ACK ${theirs}`}${options.kinds}`);
      } else if ((flags & RST) !== 0) {
        // Where no connection is, its number is one that we said: RFC 9293 §3.5.2.
        lines.add(`RST ${seq === 0 ? 0 : isStranger || this.iss === null ? seq : (seq - this.iss) | 0}${(flags & ACK) === 0 ? '' : ` ack ${theirs}`}`);
      } else {
        const from = (seq - (this.iss ?? 0)) | 0;
        const isAgain = (text.length > 0 || (flags & FIN) !== 0) && from + text.length <= this.sentTo && ((flags & FIN) === 0 || this.finSent);
        if (text.length > 0 && from + text.length > this.sentTo) {
          said.push(...text.subarray(Math.max(0, this.sentTo - from)));
          this.sentTo = from + text.length;
        }
        if ((flags & FIN) !== 0 && !this.finSent) {
          lines.add(`FIN ${from + text.length}`);
          this.finSent = true;
        }
        if (isAgain) continue;
        acknowledged = Math.max(acknowledged ?? -Infinity, theirs);
        blocks = options.blocks.map(([start, end]) => `${(start - this.irs) | 0}-${(end - this.irs) | 0}`).join(' ');
      }
    }
    if (said.length > 0) lines.add(`text ${hex(Uint8Array.from(said))}`);
    if (acknowledged !== null) lines.add(`ack ${acknowledged}${blocks === '' ? '' : ` sack ${blocks}`}`);
  }
}

function readOrSay(bytes: Uint8Array, mtu: number, lines: Set<string>): Seen | null {
  try {
    return readOurs(bytes, mtu);
  } catch (error) {
    lines.add(`${(error as Error).message}: ${hex(bytes)}`);
    return null;
  }
}

const hex = (bytes: Uint8Array): string => (bytes.length > 40 ? `${bytes.length} bytes of sum ${bytes.reduce((sum, byte, i) => (sum + byte * (i + 1)) % 65_521, 0)}` : Buffer.from(bytes).toString('hex'));

/** An error by its kind and where it points, not by how much it quotes; an answer whole. */
function icmp({ bytes: b, at, protocol, family }: Seen): string {
  const [type, code] = [b[at]!, b[at + 1]!];
  const isError = protocol === 1 ? [3, 4, 5, 11, 12].includes(type) : type < 128;
  const name = family === 4 ? 'ICMP' : 'ICMPv6';
  if (!isError) return `${name} ${type} ${code} ${hex(b.subarray(at + 4))}`;
  const word = protocol === 1 && type === 12 ? ` at ${b[at + 4]}` : protocol === 58 && type === 4 ? ` at ${b[at + 4]! * 0x100_0000 + b[at + 5]! * 0x1_0000 + b[at + 6]! * 256 + b[at + 7]!}` : '';
  return `${name} error ${type} ${code}${word}`;
}

function optionsOf({ bytes: b, at }: Seen): { kinds: string; stamp: number | null; blocks: [number, number][] } {
  const end = at + (b[at + 12]! >> 4) * 4;
  const view = new DataView(b.buffer, b.byteOffset, b.length);
  const kinds: string[] = [];
  let stamp: number | null = null;
  const blocks: [number, number][] = [];
  for (let i = at + 20; i < end && b[i] !== 0; i += b[i] === 1 ? 1 : b[i + 1]!) {
    const kind = b[i]!;
    if (kind === 2) kinds.push(`mss ${view.getUint16(i + 2)}`);
    if (kind === 3) kinds.push('scale');
    if (kind === 4) kinds.push('sack');
    if (kind === 8) kinds.push('stamps');
    if (kind === 8) stamp = view.getUint32(i + 2);
    if (kind === 5) for (let j = i + 2; j + 8 <= i + b[i + 1]!; j += 8) blocks.push([view.getUint32(j), view.getUint32(j + 4)]);
  }
  return { kinds: kinds.sort().map((kind) => ` ${kind}`).join(''), stamp, blocks };
}
