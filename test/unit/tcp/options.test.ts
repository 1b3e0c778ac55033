// TCP options: what Linux sends, what a hostile peer sends, and what we send. RFC 9293 §3.2, RFC 7323, RFC 2018.

import { describe, expect, test } from 'vitest';
import { fromHex, hex } from '../../../src/bytes.js';
import {
  optionsLength, parseOptions, sackBlocksMax, type SynOptions, synOptionsLength, TcpOptions, tsBefore, writeOptions,
  writeSynOptions,
} from '../../../src/tcp/options.js';
import { FRAMES } from '../../fixtures/captured-frames.js';

/** What the options in `text`, hexadecimal, say; null when they are malformed. */
function read(text: string): TcpOptions | null {
  const bytes = fromHex(text);
  const options = new TcpOptions();
  // Used before: nothing of the last segment may remain.
  options.mss = 9;
  options.windowScale = 9;
  options.sackPermitted = options.hasTimestamps = options.hasFastOpen = true;
  options.sackCount = options.tsVal = options.tsEcr = 4;
  // Not at the start, and with memory behind it that must not be read.
  const memory = new Uint8Array(bytes.length + 40).fill(0xff);
  memory.set(bytes, 20);
  return parseOptions(memory, 20, 20 + bytes.length, options) ? options : null;
}

/** The same as a plain record, without the parts that say nothing. */
function said(text: string): Record<string, unknown> | null {
  const o = read(text);
  if (o === null) return null;
  return {
    ...(o.mss > 0 ? { mss: o.mss } : {}),
    ...(o.windowScale >= 0 ? { windowScale: o.windowScale } : {}),
    ...(o.sackPermitted ? { sackPermitted: true } : {}),
    ...(o.hasTimestamps ? { ts: [o.tsVal >>> 0, o.tsEcr >>> 0] } : {}),
    ...(o.sackCount > 0
      ? { sack: [...o.sackStart.subarray(0, o.sackCount)].map((s, i) => [s >>> 0, o.sackEnd[i]! >>> 0]) }
      : {}),
    ...(o.hasFastOpen ? { fastOpen: o.fastOpenLength } : {}),
  };
}

describe('options that Linux sent', () => {
  const at = 34 + 20;
  test('a SYN', () => {
    const b = fromHex(FRAMES.syn.hex);
    expect(said(hex(b, at))).toEqual({ mss: 1460, sackPermitted: true, ts: [2_976_427_226, 0], windowScale: 10 });
  });

  test('a segment of the connection: NOP NOP TS', () => {
    const b = fromHex(FRAMES.push.hex);
    expect(said(hex(b, at, at + 12))).toEqual({ ts: [1_397_456_742, 935_882_802] });
  });
});

describe('options that anybody may send', () => {
  test('none', () => {
    expect(said('')).toEqual({});
  });

  test('the end of the list ends it, whatever stands behind', () => {
    expect(said('00020405')).toEqual({});
    expect(said('01 02040200 00 0204ffff')).toEqual({ mss: 512 });
  });

  test('an unknown kind is skipped by its length: RFC 9293 MUST-6', () => {
    expect(said('fd06f989aabb 020405b4')).toEqual({ mss: 1460 });
    expect(said('9902 030307')).toEqual({ windowScale: 7 });
  });

  test('timestamps without the padding, and behind other options: RFC 7323 §3.2', () => {
    expect(said('080a 00000001 fffffffe')).toEqual({ ts: [1, 0xfffffffe] });
    expect(said('0402 080a 80000000 00000002')).toEqual({ sackPermitted: true, ts: [0x80000000, 2] });
  });

  test('SACK blocks behind aligned timestamps: RFC 2018 §3', () => {
    expect(said('0101080a0000000100000002 0101050a fffffff0 00000010')).toEqual({
      ts: [1, 2], sack: [[0xfffffff0, 0x10]],
    });
    expect(said('0101 0522 00000001 00000002 00000003 00000004 00000005 00000006 00000007 00000008')).toEqual({
      sack: [[1, 2], [3, 4], [5, 6], [7, 8]],
    });
  });

  test('a shift above 14 is taken as 14: RFC 7323 §2.3', () => {
    expect(said('03030e')).toEqual({ windowScale: 14 });
    expect(said('03030f')).toEqual({ windowScale: 14 });
    expect(said('0303ff')).toEqual({ windowScale: 14 });
    expect(said('030300')).toEqual({ windowScale: 0 });
  });

  test('a fast open cookie is noticed: RFC 7413 §4.1.1', () => {
    expect(said('2202')).toEqual({ fastOpen: 0 });
    const o = read('220a 0011223344556677')!;
    expect([o.hasFastOpen, o.fastOpenAt, o.fastOpenLength]).toEqual([true, 22, 8]);
  });

  // RFC 7413 §4.1.1-2.
  test.each(['2203aa', '2204aabb', '2207aabbccddee', `2214${'00'.repeat(18)}`])('a fast open cookie of a length that none has is none: %s', (bytes) => {
    expect(said(bytes)).toEqual({});
  });
});

describe('an illegal length condemns the list: RFC 9293 MUST-7', () => {
  test.each([
    ['length 0', '0200'], ['length 1', '0201'],
    ['an unknown kind with length 0', 'fd00'], ['an unknown kind with length 1', 'fd01'],
    ['length 0 behind padding', '0101 0800'],
    ['no length at all', '02'], ['no length at all, unknown kind', '01 fd'],
    ['a length past the end', '020405'], ['an unknown kind past the end', 'fd05aabb'],
    ['a length of 255', 'fdff'],
    ['an MSS of three bytes', '020305'], ['an MSS of five', '02050001aa'],
    ['a window scale of two bytes', '0302'], ['a window scale of four', '030401 02'],
    ['SACK permitted of three', '040300'],
    ['timestamps of nine', '0809 0000000100 0000'], ['timestamps of twelve', '080c 00000001 00000002 0000'],
    ['SACK without a block', '0502'], ['SACK of half a block', '0506 00000001'],
    ['SACK of a block and a half', '050e 00000001 00000002 00000003'],
    ['aligned timestamps with junk behind', '0101080a0000000100000002 0200'],
  ])('%s', (_, text) => {
    expect(said(text)).toBeNull();
  });

  test('a kind without a length at the very end of memory', () => {
    expect(parseOptions(Uint8Array.of(1, 1, 1, 253), 0, 4, new TcpOptions())).toBe(false);
  });
});

describe('options that we send', () => {
  const b = new Uint8Array(64);
  const syn = (o: Partial<SynOptions>): string => {
    const options = { mss: 0, windowScale: -1, sackPermitted: false, hasTimestamps: false, tsVal: 0, tsEcr: 0, ...o };
    const length = writeSynOptions(b.fill(0xee), 4, options);
    expect(length).toBe(synOptionsLength(options));
    expect([b[3], b[4 + length]]).toEqual([0xee, 0xee]);
    return hex(b, 4, 4 + length);
  };

  test('in a SYN lie as Linux lays them', () => {
    const captured = hex(fromHex(FRAMES.syn.hex), 54);
    expect(syn({
      mss: 1460, windowScale: 10, sackPermitted: true, hasTimestamps: true, tsVal: 2_976_427_226 | 0,
    })).toBe(captured);
  });

  test('in a SYN are there when asked for, and padded in front to four bytes', () => {
    expect(syn({})).toBe('');
    expect(syn({ mss: 536 })).toBe('02040218');
    expect(syn({ windowScale: 0 })).toBe('01030300');
    expect(syn({ windowScale: 14 })).toBe('0103030e');
    expect(syn({ sackPermitted: true })).toBe('01010402');
    expect(syn({ hasTimestamps: true, tsVal: -1, tsEcr: 5 })).toBe('0101080affffffff00000005');
    expect(syn({ mss: 1220, sackPermitted: true, windowScale: 3 })).toBe('020404c4' + '01010402' + '01030303');
  });

  const other = (hasTimestamps: boolean, blocks: [number, number][]): string => {
    const starts = Int32Array.from(blocks, ([s]) => s);
    const ends = Int32Array.from(blocks, ([, e]) => e);
    const length = writeOptions(b.fill(0xee), 4, 7, -2, hasTimestamps, starts, ends, blocks.length);
    expect(length).toBe(optionsLength(hasTimestamps, blocks.length));
    expect([b[3], b[4 + length]]).toEqual([0xee, 0xee]);
    return hex(b, 4, 4 + length);
  };

  test('in other segments are NOP NOP TS and NOP NOP SACK: RFC 7323 appendix A', () => {
    expect(other(false, [])).toBe('');
    expect(other(true, [])).toBe('0101080a00000007fffffffe');
    expect(other(false, [[-16, 16]])).toBe('0101050afffffff000000010');
    expect(other(true, [[1, 2], [3, 4], [5, 6]])).toBe(
      '0101080a00000007fffffffe' + '0101051a' + '000000010000000200000003000000040000000500000006',
    );
  });

  test('never exceed forty bytes: four SACK blocks, three beside timestamps', () => {
    expect([sackBlocksMax(false), sackBlocksMax(true)]).toEqual([4, 3]);
    expect(optionsLength(false, 4)).toBe(36);
    expect(optionsLength(true, 3)).toBe(40);
    expect(() => other(true, [[1, 2], [3, 4], [5, 6], [7, 8]])).toThrow('SACK');
  });
});

test('timestamps are ordered on the circle: RFC 7323 §5.2', () => {
  expect(tsBefore(1, 2)).toBe(true);
  expect(tsBefore(2, 2)).toBe(false);
  expect(tsBefore(-1, 0)).toBe(true);
  expect(tsBefore(0x7fffffff, -0x80000000)).toBe(true);
  expect(tsBefore(-0x80000000, 0x7fffffff)).toBe(false);
});
