// The TCP header in place, on segments that Linux sent. RFC 9293 §3.1.

import { describe, expect, test } from 'vitest';
import { fromHex, hex } from '../../../src/bytes.js';
import * as Wire from '../../../src/tcp/wire.js';
import { type CapturedFrame, FRAMES } from '../../fixtures/captured-frames.js';

/** Behind Ethernet and an IPv4 header without options. */
const AT = 34;
const bytesOf = (frame: CapturedFrame): Uint8Array => fromHex(frame.hex);

describe('the TCP header', () => {
  test('of a SYN+ACK reads as tcpdump reads it', () => {
    const b = bytesOf(FRAMES.synAck);
    expect(Wire.isWellFormed(b, AT, b.length)).toBe(true);
    expect(Wire.srcPort(b, AT)).toBe(40_080);
    expect(Wire.dstPort(b, AT)).toBe(39_224);
    expect(Wire.seq(b, AT)).toBe(1_254_753_457);
    expect(Wire.ack(b, AT)).toBe(2_219_225_566 - 2 ** 32);
    expect(Wire.headerLength(b, AT)).toBe(40);
    expect(Wire.flags(b, AT)).toBe(Wire.SYN | Wire.ACK);
    expect(Wire.window(b, AT)).toBe(65_160);
    expect(Wire.checksum(b, AT)).toBe(0x1443);
    expect(Wire.urgent(b, AT)).toBe(0);
  });

  test('of an urgent segment has URG and its pointer', () => {
    const b = bytesOf(FRAMES.urgent);
    expect(Wire.flags(b, AT)).toBe(Wire.PSH | Wire.ACK | Wire.URG);
    expect(Wire.urgent(b, AT)).toBe(1);
  });

  test('is written as it was read, byte for byte', () => {
    for (const frame of [FRAMES.syn, FRAMES.synAck, FRAMES.push, FRAMES.urgent, FRAMES.reset]) {
      const b = bytesOf(frame);
      const written = new Uint8Array(24).fill(0xa5);
      Wire.setSrcPort(written, 2, Wire.srcPort(b, AT));
      Wire.setDstPort(written, 2, Wire.dstPort(b, AT));
      Wire.setSeq(written, 2, Wire.seq(b, AT));
      Wire.setAck(written, 2, Wire.ack(b, AT));
      Wire.setHeaderLength(written, 2, Wire.headerLength(b, AT));
      Wire.setFlags(written, 2, Wire.flags(b, AT));
      Wire.setWindow(written, 2, Wire.window(b, AT));
      Wire.setChecksum(written, 2, Wire.checksum(b, AT));
      Wire.setUrgent(written, 2, Wire.urgent(b, AT));
      expect(hex(written)).toBe(`a5a5${hex(b, AT, AT + 20)}a5a5`);
    }
  });

  test('generated in used memory has its reserved bits zero: RFC 9293 §3.1', () => {
    const used = new Uint8Array(20).fill(0xff);
    Wire.setHeaderLength(used, 0, 20);
    expect(used[12]).toBe(0x50);
  });

  test('that is short, or says so of itself, is not well formed', () => {
    const b = bytesOf(FRAMES.reset);
    expect(Wire.isWellFormed(b, AT, AT + 20)).toBe(true);
    expect(Wire.isWellFormed(b, AT, AT + 19)).toBe(false);
    Wire.setHeaderLength(b, AT, 16);
    expect(Wire.isWellFormed(b, AT, AT + 20)).toBe(false);
    Wire.setHeaderLength(b, AT, 24);
    expect(Wire.isWellFormed(b, AT, AT + 20)).toBe(false);
  });
});
