// IP headers in place, on packets that Linux sent and on packets spelled by hand. RFC 791 §3.1, RFC 8200 §3.

import { describe, expect, test } from 'vitest';
import { formatAddress } from '../../../src/address.js';
import { fromHex, hex } from '../../../src/bytes.js';
import * as Wire from '../../../src/ip/wire.js';
import { FRAMES } from '../../fixtures/captured-frames.js';
import { internetChecksum, ip, v4, v6 } from '../../fixtures/ip-bench.js';

/** Behind Ethernet. */
const AT = 14;
const EVERY_V4 = [
  FRAMES.echoRequest, FRAMES.synAck, FRAMES.push, FRAMES.urgent, FRAMES.reset, FRAMES.syn, FRAMES.udp,
  FRAMES.hostUnreachable,
].map((frame) => fromHex(frame.hex));
const EVERY_V6 = [
  FRAMES.neighborSolicitation, FRAMES.udp6, FRAMES.portUnreachable6, FRAMES.listenerReport,
].map((frame) => fromHex(frame.hex));

describe('the IPv4 header', () => {
  test('of a Linux packet has nothing wrong with it', () => {
    for (const b of EVERY_V4) expect(Wire.problem4(b, AT, b.length)).toBeNull();
  });

  test('reads as tcpdump reads it', () => {
    const b = fromHex(FRAMES.hostUnreachable.hex);
    expect(Wire.trafficClass4(b, AT)).toBe(0xc0);
    expect(Wire.totalLength4(b, AT)).toBe(112);
    expect(Wire.identification4(b, AT)).toBe(0xd8f8);
    expect(Wire.fragmentWord4(b, AT)).toBe(0);
    expect(Wire.ttl4(b, AT)).toBe(64);
    expect(Wire.protocol4(b, AT)).toBe(1);
    expect(Wire.headerLength4(b, AT)).toBe(20);
  });

  test('is written as Linux writes it, checksum and all', () => {
    for (const b of EVERY_V4) {
      const written = new Uint8Array(60).fill(0xa5);
      const src = ip(b.slice(AT + 12, AT + 16).join('.'));
      const dst = ip(b.slice(AT + 16, AT + 20).join('.'));
      Wire.setHeader4(
        written, 8, Wire.trafficClass4(b, AT), Wire.totalLength4(b, AT), Wire.identification4(b, AT),
        Wire.fragmentWord4(b, AT),
        (Wire.ttl4(b, AT) << 8) | Wire.protocol4(b, AT), src, dst,
      );
      expect(hex(written, 8, 28)).toBe(hex(b, AT, AT + 20));
      // Not a byte around it.
      expect(hex(written, 0, 8) + hex(written, 28)).toBe('a5'.repeat(40));
    }
  });

  test('has the checksum of RFC 1071 with every identification: one of them makes the sum carry twice', () => {
    const b = new Uint8Array(20);
    const [src, dst] = [ip('255.254.253.252'), ip('254.255.252.253')];
    for (let id = 0; id < 0x10000; id++) {
      Wire.setHeader4(b, 0, 0, 1500, id, 0x4000, 0x4006, src, dst);
      const words = 0x4500 + 1500 + id + 0x4000 + 0x4006 + 0xfffe + 0xfdfc + 0xfeff + 0xfcfd;
      if (((b[10]! << 8) | b[11]!) !== (0xffff - words % 0xffff) % 0xffff) expect.fail(`identification ${id}`);
    }
  });

  test('has the checksum of RFC 1071 whatever the fields, carries included', () => {
    for (const tos of [0, 0xff]) {
      for (const address of ['255.255.255.255', '0.0.0.0', '128.0.0.1']) {
        const b = new Uint8Array(20);
        Wire.setHeader4(b, 0, tos, 65_535, 65_535, 0x4000, 0xffff, ip(address), ip(address));
        const claimed = (b[10]! << 8) | b[11]!;
        b[10] = b[11] = 0;
        expect(claimed).toBe(internetChecksum(b));
      }
    }
  });

  // RFC 791 §3.1-1.
  test.each([
    ['cut off', v4({ payload: new Uint8Array(0) }).slice(0, 19), 'ip-truncated'],
    ['of version 5', v4({ version: 5 }), 'ip-bad-version'],
    ['of four words (RFC 791: the least is five)', v4({ ihl: 4 }), 'ip-bad-header-length'],
    ['longer than its packet says it is', v4({ ihl: 8 }), 'ip-bad-total-length'],
    ['with a total length of zero', v4({ totalLength: 0 }), 'ip-bad-total-length'],
    ['with a total length below its own', v4({ totalLength: 19 }), 'ip-bad-total-length'],
    ['with more total length than bytes', v4({ totalLength: 29 }), 'ip-bad-total-length'],
    ['with a checksum one too high (RFC 1122 §3.2.1.2)', v4({ checksumOff: 1 }), 'ip-bad-checksum'],
    [
      'with a wrong checksum over its options', v4({ options: [1, 1, 1, 0], checksumOff: 0x100 }),
      'ip-bad-checksum',
    ],
  ] as const)('%s is refused', (_what, b, reason) => {
    expect(Wire.problem4(b, 0, b.length)).toBe(reason);
  });

  test('may be padded behind (RFC 894), and as long as fifteen words', () => {
    const padded = v4({ padding: 30 });
    expect(Wire.problem4(padded, 0, padded.length)).toBeNull();
    const long = v4({ options: new Array<number>(40).fill(1) });
    expect(Wire.problem4(long, 0, long.length)).toBeNull();
    expect(Wire.headerLength4(long, 0)).toBe(60);
  });

  test('of a fragment: flags and offset', () => {
    const b = v4({ df: false, mf: true, offset: 65_528 });
    const word = Wire.fragmentWord4(b, 0);
    expect(word & Wire.IS_FRAGMENT).not.toBe(0);
    expect(word & Wire.MORE_FRAGMENTS).not.toBe(0);
    expect(Wire.fragmentOffset4(word)).toBe(65_528);
    expect(Wire.fragmentWord4(v4({ df: true }), 0) & Wire.IS_FRAGMENT).toBe(0);
    expect(Wire.fragmentWord4(v4({ offset: 8 }), 0) & Wire.IS_FRAGMENT).not.toBe(0);
  });
});

describe('the IPv6 header', () => {
  test('of a Linux packet has nothing wrong with it, and is written as Linux writes it', () => {
    for (const b of EVERY_V6) {
      expect(Wire.problem6(b, AT, b.length)).toBeNull();
      const groups = (at: number): string => hex(b, at, at + 16).match(/..../g)!.join(':');
      const written = new Uint8Array(60).fill(0xa5);
      Wire.setHeader6(
        written, 8, Wire.trafficClass6(b, AT), Wire.flowLabel6(b, AT), Wire.payloadLength6(b, AT),
        (Wire.nextHeader6(b, AT) << 8) | Wire.hopLimit6(b, AT), ip(groups(AT + 8)), ip(groups(AT + 24)),
      );
      expect(hex(written, 8, 48)).toBe(hex(b, AT, AT + 40));
      expect(hex(written, 0, 8) + hex(written, 48)).toBe('a5'.repeat(20));
    }
  });

  test('reads as tcpdump reads it', () => {
    const b = fromHex(FRAMES.udp6.hex);
    expect(Wire.flowLabel6(b, AT)).toBe(0xe000c);
    expect(Wire.payloadLength6(b, AT)).toBe(13);
    expect(Wire.nextHeader6(b, AT)).toBe(17);
    expect(Wire.hopLimit6(b, AT)).toBe(64);
    expect(
      formatAddress(ip(hex(b, Wire.source6(AT), Wire.source6(AT) + 16).match(/..../g)!.join(':'))),
    ).toBe('fd00:9::1');
  });

  test('keeps traffic class and flow label apart', () => {
    const b = v6({ trafficClass: 0xa5, flowLabel: 0xfffff });
    expect(Wire.trafficClass6(b, 0)).toBe(0xa5);
    expect(Wire.flowLabel6(b, 0)).toBe(0xfffff);
    const written = new Uint8Array(40);
    Wire.setHeader6(written, 0, 0xff, 0, 8, 0x1140, ip('fd00::1'), ip('fd00::2'));
    expect(hex(written)).toBe(hex(v6({ trafficClass: 0xff, payload: new Uint8Array(8) }).subarray(0, 40)));
  });

  test.each([
    ['cut off', v6().slice(0, 39), 'ip-truncated'],
    ['of version 4', v6({ version: 4 }), 'ip-bad-version'],
    ['with more payload length than bytes (RFC 8200 §3)', v6({ payloadLength: 9 }), 'ip-bad-total-length'],
  ] as const)('%s is refused', (_what, b, reason) => {
    expect(Wire.problem6(b, 0, b.length)).toBe(reason);
  });
});
