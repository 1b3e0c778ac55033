// What a network sent, held against packetdrill's notation: a line for each TCP segment, who sent it in front.
//
//   0.000 a > S 0:0(0) win 65535 <mss 1460,...>
//   0.020 b > S. 0:0(0) ack 1
//   +.25 a > P. 1:4(3) ack 1 (dropped)
//   ...
//
// Times are seconds of the network's, or, with a plus, since the segment before; they hold to the digits that are written.
// Numbers are relative to each side's first. What a line leaves out is not looked at, options behind `...` neither. A line of
// `...` stands for any segments, none included. `(dropped)`, `(lost)` and so on: it did not arrive, for that reason; without,
// it set out well.

import type { LoggedFrame } from './frame-log.js';
import type { Network } from './network.js';
import { RelativeNumbers } from './trace.js';

export interface WantedSegment {
  /** The line. */
  readonly line: string;
  /** Any segments. */
  readonly isGap: boolean;
  /** Seconds, as written. */
  readonly time: string | null;
  readonly from: string | null;
  readonly flags: string;
  readonly start: number | null;
  readonly length: number | null;
  readonly ack: number | null;
  readonly win: number | null;
  readonly options: readonly string[] | null;
  readonly fate: string | null;
}

/** A segment that was sent, in the same words. */
export interface SentSegment {
  readonly frame: LoggedFrame;
  readonly from: string;
  readonly flags: string;
  readonly start: number;
  readonly length: number;
  readonly ack: number | null;
  readonly win: number;
  readonly options: readonly string[];
  readonly fate: string;
}

const LINE = /^(?:(\+?(?:\d+\.?\d*|\.\d+))\s+)?(?:(\S+)\s+>\s+)?([FSRPUEW.]+)(?:\s+(\d+):(\d+)\((\d+)\))?(?:\s+ack\s+(\d+))?(?:\s+win\s+(\d+))?(?:\s+<([^>]*)>)?(?:\s+\(([\w -]+)\))?$/;

/**
 * @param text  lines, or what a slash parts
 * @throws SyntaxError with the line that cannot be read
 */
export function parseSegments(text: string): WantedSegment[] {
  const lines = text.split(/\n|\s\/\s/).map((line) => line.replace(/\/\/.*$/, '').trim()).filter((line) => line !== '');
  return lines.map((line) => {
    const nothing = { time: null, from: null, flags: '', start: null, length: null, ack: null, win: null, options: null, fate: null };
    if (line === '...') return { ...nothing, line, isGap: true };
    const m = LINE.exec(line);
    if (m === null) throw new SyntaxError(`segments: cannot read "${line}"`);
    const [, time, from, flags, start, end, length, ack, win, options, fate] = m;
    if (start !== undefined && Number(end) - Number(start) !== Number(length)) {
      throw new SyntaxError(`segments: ${start}:${end} is not ${length} long`);
    }
    const number = (digits: string | undefined): number | null => (digits === undefined ? null : Number(digits));
    return {
      line, isGap: false, time: time ?? null, from: from ?? null, flags: flags!, start: number(start), length: number(length), ack: number(ack), win: number(win),
      options: options === undefined ? null : options.split(',').map((each) => each.trim()).filter((each) => each !== ''),
      fate: fate ?? null,
    };
  });
}

/** The TCP segments of a network that are remembered, each as its host sent it: routers and switches repeat them. */
export function sentSegments(network: Network): SentSegment[] {
  const numbers = new RelativeNumbers();
  const ends = new Set(network.machines.filter((host) => !host.forwards).map((host) => host.name));
  const sent: SentSegment[] = [];
  for (const frame of network.log) {
    const { tcp } = frame.view;
    if (tcp === null || !ends.has(frame.port.from)) continue;
    const { seq, ack } = numbers.of(frame.view);
    sent.push({
      frame, from: frame.port.from, flags: tcp.flags, start: seq, length: tcp.payload.length, ack: tcp.isAck ? ack : null,
      win: tcp.window, options: optionsOf(tcp.options), fate: frame.fate,
    });
  }
  return sent;
}

/** Whether a segment is what a line wants, whenever it was sent. */
export const isWanted = (want: WantedSegment, got: SentSegment): boolean => difference(want, got) === null;

/** What is wrong with it, in words; null: nothing. */
export function difference(want: WantedSegment, got: SentSegment): string | null {
  if (want.from !== null && want.from !== got.from) return `it is from ${got.from}`;
  if (want.flags !== got.flags) return `flags ${got.flags}`;
  if (want.start !== null && want.start !== got.start) return `it begins at ${got.start}`;
  if (want.length !== null && want.length !== got.length) return `it has ${got.length} bytes`;
  if (want.ack !== null && want.ack !== got.ack) return `ack ${got.ack}`;
  if (want.win !== null && want.win !== got.win) return `win ${got.win}`;
  if ((want.fate ?? 'passed') !== got.fate) return got.fate === 'passed' ? 'it set out' : `it was ${got.fate}`;
  return want.options === null ? null : optionsDifference(want.options, got.options);
}

function optionsDifference(want: readonly string[], got: readonly string[]): string | null {
  const isOpen = want.at(-1) === '...';
  const named = isOpen ? want.slice(0, -1) : want;
  const seen = got.filter((option) => option !== 'nop');
  const isMet = named.every((option, i) => seen[i] === option || seen[i]?.split(' ')[0] === option);
  return isMet && (isOpen || seen.length === named.length) ? null : `options <${seen.join(',')}>`;
}

/**
 * Hold everything that was sent against the lines, from the first on.
 * @returns null: so it was; else where they part
 */
export function traceDifference(wanted: readonly WantedSegment[], sent: readonly SentSegment[]): string | null {
  let at = 0;
  for (let i = 0; i < wanted.length; i++) {
    const want = wanted[i]!;
    if (want.isGap) {
      const next = wanted[i + 1];
      if (next === undefined) return null;
      while (at < sent.length && !isWanted(next, sent[at]!)) at++;
      continue;
    }
    const got = sent[at++];
    if (got === undefined) return `wanted: ${want.line}\nbut nothing more was sent`;
    const wrong = difference(want, got) ?? timeDifference(want, got, sent[at - 2]);
    if (wrong !== null) return `wanted: ${want.line}\nbut ${wrong}: ${segmentText(got)}`;
  }
  const more = sent[at];
  return more === undefined ? null : `nothing more was wanted, but: ${segmentText(more)}`;
}

function timeDifference({ time }: WantedSegment, { frame }: SentSegment, before: SentSegment | undefined): string | null {
  if (time === null) return null;
  const got = (frame.time - (time.startsWith('+') ? before?.frame.time ?? 0 : 0)) / 1000;
  const digits = time.split('.')[1]?.length ?? 0;
  return Math.abs(got - Number(time)) <= 0.5 * 10 ** -digits ? null : `it was sent at ${time.startsWith('+') ? '+' : ''}${got.toFixed(6)}`;
}

/** A segment as a line. */
export function segmentText({ from, flags, start, length, ack, win, options, fate }: SentSegment): string {
  const words = [`${from} > ${flags} ${start}:${start + length}(${length})`];
  if (ack !== null) words.push(`ack ${ack}`);
  words.push(`win ${win}`);
  if (options.length > 0) words.push(`<${options.filter((option) => option !== 'nop').join(',')}>`);
  if (fate !== 'passed') words.push(`(${fate})`);
  return words.join(' ');
}

/** RFC 9293 §3.1, RFC 7323, RFC 2018; others by their number. */
function optionsOf(b: Uint8Array): string[] {
  const options: string[] = [];
  const word = (at: number): number => ((b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!) >>> 0;
  for (let at = 0; at < b.length && b[at] !== 0;) {
    if (b[at] === 1) {
      options.push('nop');
      at++;
      continue;
    }
    const length = Math.max(2, b[at + 1] ?? 2);
    const kind = b[at]!;
    if (kind === 2 && length === 4) options.push(`mss ${(b[at + 2]! << 8) | b[at + 3]!}`);
    else if (kind === 3 && length === 3) options.push(`wscale ${b[at + 2]}`);
    else if (kind === 4) options.push('sackOK');
    else if (kind === 5) options.push('sack');
    else if (kind === 8 && length === 10) options.push(`TS val ${word(at + 2)} ecr ${word(at + 6)}`);
    else options.push(`option-${kind}`);
    at += length;
  }
  return options;
}
