import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromHex, hex } from '../../../src/bytes.js';
import * as Wire from '../../../src/link/wire.js';
import { FRAMES } from '../../fixtures/captured-frames.js';

const REPLY = fromHex(FRAMES.arpReply.hex);
const anyMac = fc.uint8Array({ minLength: 6, maxLength: 6 });
const anyOffset = fc.integer({ min: 0, max: 5 });

describe('the Ethernet header (RFC 894)', () => {
  test('is read as tcpdump reads it', () => {
    expect(Wire.isWellFormed(REPLY, 0, REPLY.length)).toBe(true);
    expect(Wire.etherType(REPLY, 0)).toBe(0x0806);
    expect(Wire.isAddress(REPLY, 0, fromHex('020000000001'))).toBe(true);
    expect(Wire.isAddress(REPLY, Wire.source(0), fromHex('020000000002'))).toBe(true);
  });

  test('is destination, source, type, in that order, and nothing around it is touched', () => {
    fc.assert(fc.property(anyMac, anyMac, fc.integer({ min: 0, max: 0xffff }), anyOffset, (to, from, type, at) => {
      const b = new Uint8Array(30).fill(0xee);
      Wire.setHeader(b, at, to, from, type);
      const digits = `${hex(to)}${hex(from)}${type.toString(16).padStart(4, '0')}`;
      expect(hex(b)).toBe(`${'ee'.repeat(at)}${digits}${'ee'.repeat(16 - at)}`);
      expect(Wire.etherType(b, at)).toBe(type);
    }));
  });

  test('needs its 14 bytes', () => {
    expect([13, 14].map((length) => Wire.isWellFormed(REPLY, 5, 5 + length))).toEqual([false, true]);
  });
});

describe('a link-layer address', () => {
  test('equals another in all six bytes', () => {
    fc.assert(fc.property(anyMac, fc.integer({ min: 0, max: 5 }), fc.integer({ min: 1, max: 255 }), (mac, i, change) => {
      const other = Uint8Array.from(mac);
      other[i]! ^= change;
      expect([Wire.isAddress(mac, 0, Uint8Array.from(mac)), Wire.isAddress(mac, 0, other)]).toEqual([true, false]);
    }));
  });

  test('is a group’s by the lowest bit of its first byte, and everybody’s when all bits are one', () => {
    fc.assert(fc.property(fc.oneof(anyMac, fc.constant(new Uint8Array(6).fill(255))), fc.boolean(), fc.nat(47), (mac, flip, bit) => {
      if (flip) mac[bit >> 3]! ^= 1 << (bit & 7);
      expect(Wire.isGroup(mac, 0)).toBe(mac[0]! % 2 === 1);
      expect(Wire.isBroadcast(mac, 0)).toBe(hex(mac) === 'ffffffffffff');
    }));
  });
});

describe('the ARP packet (RFC 826)', () => {
  test('is read as tcpdump reads it: who is where, and for whom', () => {
    const at = 14;
    const six = (from: number): string => hex(REPLY, from, from + 6);
    const four = (from: number): string => [...REPLY.slice(from, from + 4)].join('.');
    expect(Wire.isWellFormedArp(REPLY, at, REPLY.length)).toBe(true);
    expect(Wire.opcode(REPLY, at)).toBe(2);
    expect([six(Wire.sha(at)), four(Wire.spa(at)), six(Wire.tha(at)), four(Wire.tpa(at))])
      .toEqual(['020000000002', '10.9.0.2', '020000000001', '10.9.0.1']);
  });

  test('begins as in every capture', () => {
    const b = new Uint8Array(8).fill(0xee);
    Wire.setArpHeader(b, 0, 1);
    expect(hex(b)).toBe(FRAMES.arpRequest.hex.slice(28, 44));
  });

  test('is well-formed for one hardware, one protocol, two opcodes, and 28 bytes: any other header is not', () => {
    fc.assert(fc.property(fc.nat(7), fc.integer({ min: 1, max: 255 }), (i, change) => {
      const b = Uint8Array.from(REPLY);
      b[14 + i]! ^= change;
      // 2 to 1 makes a request of the reply.
      expect(Wire.isWellFormedArp(b, 14, b.length)).toBe(i === 7 && change === 3);
    }));
    expect(Wire.isWellFormedArp(REPLY, 14, REPLY.length - 1)).toBe(false);
  });
});
