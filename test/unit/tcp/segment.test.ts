// A segment parsed, and whether it is acceptable. RFC 9293 §3.1, §3.4.

import { describe, expect, test } from 'vitest';
import { fromHex } from '../../../src/bytes.js';
import { isAcceptable, parseSegment, Segment } from '../../../src/tcp/segment.js';
import { add, seq } from '../../../src/tcp/seq.js';
import * as Wire from '../../../src/tcp/wire.js';
import { FRAMES } from '../../fixtures/captured-frames.js';

const AT = 34;

describe('a segment', () => {
  const seg = new Segment();

  test('that Linux sent reads as tcpdump reads it', () => {
    const b = fromHex(FRAMES.push.hex);
    expect(parseSegment(b, AT, b.length, seg)).toBeNull();
    expect(seg).toMatchObject({
      srcPort: 39_224, dstPort: 40_080, seq: seq(2_219_225_566), ack: 1_254_753_458, flags: Wire.PSH | Wire.ACK,
      windowField: 63, urgentPointer: 0, at: AT, payloadStart: AT + 32, end: b.length, payloadLength: 5, length: 5,
    });
    expect(seg.options).toMatchObject({ hasTimestamps: true, tsVal: 1_397_456_742, tsEcr: 935_882_802 });
  });

  test('counts SYN and FIN in its length: RFC 9293 §3.4', () => {
    const b = fromHex(FRAMES.push.hex);
    const lengthWith = (flags: number): number => {
      Wire.setFlags(b, AT, flags);
      expect(parseSegment(b, AT, b.length, seg)).toBeNull();
      expect(seg.payloadLength).toBe(5);
      return seg.length;
    };
    expect(lengthWith(Wire.ACK)).toBe(5);
    expect(lengthWith(Wire.SYN)).toBe(6);
    expect(lengthWith(Wire.FIN | Wire.ACK)).toBe(6);
    expect(lengthWith(Wire.SYN | Wire.FIN)).toBe(7);
    expect(lengthWith(0xff & ~Wire.SYN & ~Wire.FIN)).toBe(5);
  });

  test('carries an urgent pointer', () => {
    const b = fromHex(FRAMES.urgent.hex);
    expect(parseSegment(b, AT, b.length, seg)).toBeNull();
    expect(seg).toMatchObject({ urgentPointer: 1, payloadLength: 1, flags: Wire.PSH | Wire.ACK | Wire.URG });
  });

  test('says only in a SYN what is said in SYNs: RFC 7323 §2.2, RFC 2018 §2', () => {
    const b = fromHex(FRAMES.syn.hex);
    expect(parseSegment(b, AT, b.length, seg)).toBeNull();
    expect(seg.options).toMatchObject({ mss: 1460, windowScale: 10, sackPermitted: true, hasTimestamps: true });
    Wire.setFlags(b, AT, Wire.ACK);
    expect(parseSegment(b, AT, b.length, seg)).toBeNull();
    expect(seg.options).toMatchObject({ mss: 0, windowScale: -1, sackPermitted: false, hasTimestamps: true });
  });

  test('that is cut short is dropped, wherever it is cut', () => {
    const b = fromHex(FRAMES.syn.hex);
    for (let end = AT; end < b.length; end++) {
      expect(parseSegment(b, AT, end, seg)).toBe(end - AT < 20 ? 'tcp-truncated' : 'tcp-bad-offset');
    }
  });

  test('with an impossible data offset is dropped', () => {
    const b = fromHex(FRAMES.push.hex);
    for (const headerLength of [0, 4, 16]) {
      Wire.setHeaderLength(b, AT, headerLength);
      expect(parseSegment(b, AT, b.length, seg)).toBe('tcp-bad-offset');
    }
    Wire.setHeaderLength(b, AT, 60);
    expect(parseSegment(b, AT, b.length, seg)).toBe('tcp-bad-offset');
  });

  test('with malformed options is dropped', () => {
    const b = fromHex(FRAMES.push.hex);
    b[AT + 20 + 3] = 0;
    expect(parseSegment(b, AT, b.length, seg)).toBe('tcp-bad-options');
  });

  test('does not take text for options', () => {
    const b = fromHex(FRAMES.push.hex);
    Wire.setHeaderLength(b, AT, 20);
    // What was the timestamps option is text now.
    expect(parseSegment(b, AT, b.length, seg)).toBeNull();
    expect(seg.options.hasTimestamps).toBe(false);
    expect(seg.payloadLength).toBe(17);
  });

  test('from or to port 0 is dropped', () => {
    const b = fromHex(FRAMES.push.hex);
    Wire.setSrcPort(b, AT, 0);
    expect(parseSegment(b, AT, b.length, seg)).toBe('tcp-bad-port');
    Wire.setSrcPort(b, AT, 1);
    Wire.setDstPort(b, AT, 0);
    expect(parseSegment(b, AT, b.length, seg)).toBe('tcp-bad-port');
  });
});

describe('acceptability, RFC 9293 table 6, across the wrap', () => {
  const nxt = seq(0xffff_fffc);
  const from = (offset: number, len: number, wnd: number): boolean => isAcceptable(add(nxt, offset), len, nxt, wnd);

  test('no text, no window: only RCV.NXT itself', () => {
    expect([-1, 0, 1].map((n) => from(n, 0, 0))).toEqual([false, true, false]);
  });

  test('no text: a number in the window', () => {
    expect([-1, 0, 9, 10].map((n) => from(n, 0, 10))).toEqual([false, true, true, false]);
  });

  test('text, no window: never', () => {
    expect([-1, 0, 1].map((n) => from(n, 1, 0))).toEqual([false, false, false]);
    expect(from(-1, 5, 0)).toBe(false);
  });

  test('text: its first or its last byte in the window', () => {
    // Wholly old; last byte in; first byte in; first byte just in; wholly beyond.
    expect([-5, -4, 0, 9, 10].map((n) => from(n, 5, 10))).toEqual([false, true, true, true, false]);
  });

  test('text that covers the whole window and more is not acceptable by the letter of the table', () => {
    expect(from(-1, 12, 10)).toBe(false);
    expect(from(-1, 11, 10)).toBe(true);
    expect(from(0, 12, 10)).toBe(true);
  });
});
