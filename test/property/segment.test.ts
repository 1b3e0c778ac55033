// Parsing TCP segments out of any bytes, against a reading of RFC 9293 §3.1 and §3.2 that takes its time; and
// acceptability, RFC 9293 §3.4, against the numbers of the window themselves.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseOptions, TcpOptions } from '../../src/tcp/options.js';
import { isAcceptable, parseSegment, Segment } from '../../src/tcp/segment.js';
import { seq } from '../../src/tcp/seq.js';

/** The options of a list as [kind, bytes of its value], or null where one is malformed. */
function listOf(bytes: readonly number[]): [number, number[]][] | null {
  const list: [number, number[]][] = [];
  const rest = [...bytes];
  for (;;) {
    const kind = rest.shift();
    if (kind === undefined || kind === 0) return list;
    if (kind === 1) continue;
    const length = rest.shift();
    if (length === undefined || length < 2 || rest.length < length - 2) return null;
    list.push([kind, rest.splice(0, length - 2)]);
  }
}

const big = (value: readonly number[]): number => value.reduce((sum, byte) => sum * 256 + byte, 0);

/** Lengths of the values of the kinds that have one: RFC 9293 §3.2, RFC 7323, RFC 2018 §2. */
const LENGTHS = new Map([[2, 2], [3, 1], [4, 0], [8, 8]]);

/** What the list says, the last of its kind winning; null: malformed. */
function naive(bytes: readonly number[]): Record<string, unknown> | null {
  const list = listOf(bytes);
  if (list === null) return null;
  const said = {
    mss: 0, windowScale: -1, sackPermitted: false, ts: null as number[] | null, sack: [] as number[][], fastOpen: -1,
  };
  for (const [kind, value] of list) {
    if (LENGTHS.has(kind) && value.length !== LENGTHS.get(kind)) return null;
    if (kind === 2) said.mss = big(value);
    if (kind === 3) said.windowScale = value[0]! > 14 ? 14 : value[0]!;
    if (kind === 4) said.sackPermitted = true;
    if (kind === 8) said.ts = [big(value.slice(0, 4)), big(value.slice(4))];
    // RFC 7413 §4.1.1: no cookie, or one of 4, 6 … 16 bytes.
    if (kind === 34 && [0, 4, 6, 8, 10, 12, 14, 16].includes(value.length)) said.fastOpen = value.length;
    if (kind !== 5) continue;
    if (value.length === 0 || value.length % 8 !== 0) return null;
    for (let at = 0; at < value.length; at += 8) {
      if (said.sack.length < 4) said.sack.push([big(value.slice(at, at + 4)), big(value.slice(at + 4, at + 8))]);
    }
  }
  return said;
}

const record = (o: TcpOptions): Record<string, unknown> => ({
  mss: o.mss, windowScale: o.windowScale, sackPermitted: o.sackPermitted,
  ts: o.hasTimestamps ? [o.tsVal >>> 0, o.tsEcr >>> 0] : null,
  sack: [...o.sackStart.subarray(0, o.sackCount)].map((start, i) => [start >>> 0, o.sackEnd[i]! >>> 0]),
  fastOpen: o.hasFastOpen ? o.fastOpenLength : -1,
});

/** Lists that are often nearly right: known kinds, their lengths give or take one, the aligned timestamps in front. */
const byte = fc.integer({ min: 0, max: 255 });
const bytes = (length: number): fc.Arbitrary<number[]> => fc.array(byte, { minLength: length, maxLength: length });
const option = fc.oneof(
  fc.constant([1]),
  fc.constant([1, 1]),
  bytes(2).map((v) => [2, 4, ...v]),
  bytes(1).map((v) => [3, 3, ...v]),
  fc.constant([4, 2]),
  bytes(8).map((v) => [8, 10, ...v]),
  fc.integer({ min: 1, max: 4 }).chain((n) => bytes(8 * n)).map((v) => [5, 2 + v.length, ...v]),
  fc.integer({ min: 0, max: 6 }).chain(bytes).map((v) => [34, 2 + v.length, ...v]),
  fc.tuple(fc.constantFrom(2, 3, 4, 5, 8, 34, 253), fc.integer({ min: 0, max: 11 }), fc.array(byte, { maxLength: 9 }))
    .map(([kind, length, v]) => [kind, length, ...v]),
  { weight: 1, arbitrary: fc.constant([0]) },
);
const aligned = bytes(8).map((v) => [1, 1, 8, 10, ...v]);
const list = fc.tuple(fc.option(aligned, { nil: [] as number[] }), fc.array(option, { maxLength: 6 }))
  .map(([front, rest]) => [...front, ...rest.flat()].slice(0, 40));
const anyList = fc.oneof({ weight: 3, arbitrary: list }, { weight: 1, arbitrary: fc.array(byte, { maxLength: 40 }) });

describe('TCP options', () => {
  test('of any bytes are what a patient reader finds, and never what stands around them', () => {
    const o = new TcpOptions();
    fc.assert(fc.property(anyList, fc.integer({ min: 0, max: 5 }), byte, (bytesOfList, at, other) => {
      // The surroundings are chosen at random: were they read, the result would depend on them.
      const memory = new Uint8Array(at + bytesOfList.length + 40).fill(other);
      memory.set(bytesOfList, at);
      const isGood = parseOptions(memory, at, at + bytesOfList.length, o);
      expect(isGood ? record(o) : null).toEqual(naive(bytesOfList));
    }), { numRuns: 3000 });
  });
});

describe('a segment', () => {
  test('of any bytes is parsed or dropped with a reason, and lies within them', () => {
    const seg = new Segment();
    const words = fc.integer({ min: 3, max: 15 });
    const header = fc.tuple(bytes(12), words, bytes(7), anyList, fc.array(byte, { maxLength: 30 }))
      .map(([front, offset, back, options, text]) => [...front, offset << 4, ...back, ...options, ...text]);
    fc.assert(fc.property(fc.oneof(header, fc.array(byte, { maxLength: 70 })), (all) => {
      const at = 3;
      const memory = Uint8Array.of(9, 9, 9, ...all, 9, 9, 9);
      const end = at + all.length;
      const reason = parseSegment(memory, at, end, seg);
      const headerLength = (all[12]! >> 4) * 4;
      if (all.length < 20) expect(reason).toBe('tcp-truncated');
      else if (headerLength < 20 || headerLength > all.length) expect(reason).toBe('tcp-bad-offset');
      else if (big(all.slice(0, 2)) === 0 || big(all.slice(2, 4)) === 0) expect(reason).toBe('tcp-bad-port');
      else if (naive(all.slice(20, headerLength)) === null) expect(reason).toBe('tcp-bad-options');
      else {
        const flags = all[13]!;
        const said = naive(all.slice(20, headerLength));
        const synOnly = { mss: 0, windowScale: -1, sackPermitted: false, fastOpen: -1 };
        expect(reason).toBeNull();
        expect({ ...seg, options: record(seg.options) }).toEqual({
          srcPort: big(all.slice(0, 2)), dstPort: big(all.slice(2, 4)),
          seq: big(all.slice(4, 8)) | 0, ack: big(all.slice(8, 12)) | 0, flags,
          // AE, CWR, ECE (RFC 9768); the IP header's codepoint is not the segment's.
          ecnFlags: (big(all.slice(12, 14)) & 0x1c0), codepoint: 0,
          windowField: big(all.slice(14, 16)), urgentPointer: big(all.slice(18, 20)),
          at, payloadStart: at + headerLength, end, options: (flags & 2) === 0 ? { ...said, ...synOnly } : said,
        });
        expect(seg.length).toBe(all.length - headerLength + (flags & 1) + ((flags >> 1) & 1));
      }
    }), { numRuns: 2000 });
  });
});

describe('acceptability', () => {
  test('is that the first or the last number of the segment is one of the window\'s: RFC 9293 table 6', () => {
    const near = fc.integer({ min: -12, max: 12 });
    const corner = fc.constantFrom(0, -5, 0x7fff_fffa, 0x7fff_ffff, -0x8000_0000, 12_345);
    const small = fc.integer({ min: 0, max: 10 });
    fc.assert(fc.property(corner, near, small, small, (nxt, offset, len, wnd) => {
      const u32 = (n: number): number => Number(BigInt.asUintN(32, BigInt(n)));
      const window = new Set(Array.from({ length: wnd }, (_, i) => u32(nxt + i)));
      const first = u32(nxt + offset);
      const last = u32(nxt + offset + len - 1);
      let expected: boolean;
      if (len === 0 && wnd === 0) expected = first === u32(nxt);
      else if (len === 0) expected = window.has(first);
      else expected = window.has(first) || window.has(last);
      expect(isAcceptable(seq(nxt + offset), len, seq(nxt), wnd)).toBe(expected);
    }), { numRuns: 3000 });
  });
});
