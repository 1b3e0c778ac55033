// The Internet checksum on the examples of the RFCs, and on packets that Linux sent.

import { describe, expect, test } from 'vitest';
import { address } from '../../src/address.js';
import { fromHex, setU16, u16 } from '../../src/bytes.js';
import { adjust, completeChecksum, finish, fold, pseudoSum, sumBytes, sumLanes } from '../../src/checksum.js';
import { type Packet, PacketPool, packetOf } from '../../src/packet.js';

/**
 * Packets as Linux 6 wrote them to a TUN without offload; where the transport header and its checksum field
 * lie.
 */
const CAPTURED = {
  'UDP over IPv4, an odd number of bytes': {
    bytes: '45000027dac740004011dbfac0000201c0000202c001003500137a7077616c6c736f636b657421',
    src: '192.0.2.1', dst: '192.0.2.2', protocol: 17, transport: 20, field: 26,
  },
  'UDP over IPv6, an odd number of bytes': {
    bytes: '600944cc0013114020010db800000000000000000000000120010db8000000000000000000000002'
      + 'c00100350013a2ff77616c6c736f636b657421',
    src: '2001:db8::1', dst: '2001:db8::2', protocol: 17, transport: 40, field: 46,
  },
  'a SYN over IPv4': {
    bytes: '4500003cfa8d40004006bc2ac0000201c0000202'
      + 'bc4a005094a1852d00000000a002faf0d6a20000020405b40402080a96628599000000000103030a',
    src: '192.0.2.1', dst: '192.0.2.2', protocol: 6, transport: 20, field: 36,
  },
  'a router solicitation': {
    bytes: '6000000000083afffe80000000000000c9940cb0bce31c76ff0200000000000000000000000000028500cd9800000000',
    src: 'fe80::c994:cb0:bce3:1c76', dst: 'ff02::2', protocol: 58, transport: 40, field: 42,
  },
};

describe('the Internet checksum', () => {
  test('sums the example of RFC 1071 §3 to ddf2', () => {
    expect(sumBytes(fromHex('0001 f203 f4f5 f6f7'), 0, 8)).toBe(0xddf2);
  });

  test('of a captured IPv4 header is the one in its field, and a verifier gets all ones', () => {
    const header = fromHex(CAPTURED['a SYN over IPv4'].bytes).slice(0, 20);
    expect(sumBytes(header, 0, 20)).toBe(0xffff);
    header.fill(0, 10, 12);
    expect(finish(sumBytes(header, 0, 20))).toBe(0xbc2a);
  });

  test('pads an odd last byte with a zero behind it, and reads no further', () => {
    expect(sumBytes(fromHex('0102 03ff'), 0, 3)).toBe(0x0402);
  });

  test('of nothing is the initial sum', () => {
    expect(sumBytes(new Uint8Array(4), 2, 2, 0x1234)).toBe(0x1234);
    expect(finish(0)).toBe(0xffff);
  });

  test('is zero only of zeros: other sums that vanish give ffff', () => {
    expect(sumBytes(fromHex('0000 0000'), 0, 4)).toBe(0);
    expect(sumBytes(fromHex('1234 edcb'), 0, 4)).toBe(0xffff);
  });

  test('loses no carry of the longest packet, nor of the largest initial sum', () => {
    const packet = new PacketPool().take(65_535);
    packet.bytes.fill(0xff);
    for (const at of [0, 1, 2, 3]) {
      // Each word is ffff, the other zero; an odd last byte adds ff00.
      const end = at + 65_535;
      expect(sumBytes(packet.bytes, at, end, 0xffffffff)).toBe(0xff00);
      expect(sumLanes(packet.bytes, packet.lanes, at, end, 0xffffffff)).toBe(0xff00);
    }
    const memory = new ArrayBuffer(128 * 1024 + 4);
    const bytes = new Uint8Array(memory).fill(0xff);
    expect(sumLanes(bytes, new Uint32Array(memory), 1, 1 + 128 * 1024, 5)).toBe(5);
  });

  test('folds the largest sum to ffff', () => {
    expect(fold(0xffffffff)).toBe(0xffff);
    expect(fold(0x1ffff)).toBe(1);
    expect(fold(0xfffe0001)).toBe(0xffff);
  });
});

describe.each(Object.entries(CAPTURED))('%s, as captured', (_, { bytes, src, dst, protocol, transport, field }) => {
  const captured = fromHex(bytes);
  const sum = pseudoSum(address(src), address(dst), protocol, captured.length - transport);

  /** As a transport leaves it: the pseudo-header's sum in the field. Behind the end lies something older. */
  function partial(): Packet {
    const packet = packetOf(Uint8Array.of(...captured, 0x5a, 0x5a, 0x5a));
    packet.end -= 3;
    packet.checksum = 'partial';
    packet.checksumStart = packet.start + transport;
    packet.checksumField = packet.start + field;
    setU16(packet.bytes, packet.checksumField, sum);
    return packet;
  }

  test('verifies: with the pseudo-header it sums to all ones', () => {
    expect(sumBytes(captured, transport, captured.length, sum)).toBe(0xffff);
  });

  test('gets its checksum when a partial one is completed, and changes nowhere else', () => {
    const packet = partial();
    completeChecksum(packet);
    expect(packet.checksum).toBe('whole');
    expect(packet.bytes.slice(packet.start, packet.end)).toEqual(captured);
  });
});

describe('a checksum that comes to zero', () => {
  /** Sixty bytes behind the header, whose first word is chosen so that the whole sums to ffff. */
  function vanishing(field: number): Packet {
    const packet = packetOf(new Uint8Array(60).fill(0x5a));
    packet.checksumStart = packet.start;
    packet.checksumField = packet.start + field;
    setU16(packet.bytes, packet.start, 0);
    setU16(packet.bytes, packet.start, finish(sumBytes(packet.bytes, packet.start, packet.end)));
    completeChecksum(packet);
    return packet;
  }

  test('is sent as all ones by UDP, for whom zero means none (RFC 768)', () => {
    expect(u16(vanishing(6).bytes, vanishing(6).checksumField)).toBe(0xffff);
  });

  test('is sent as zero by TCP and ICMPv6', () => {
    expect(u16(vanishing(16).bytes, vanishing(16).checksumField)).toBe(0);
    expect(u16(vanishing(2).bytes, vanishing(2).checksumField)).toBe(0);
  });
});

describe('the pseudo-header of IPv6', () => {
  test('has 32 bits of length (RFC 8200 §8.1)', () => {
    const header = fromHex('20010db8000000001234567800000001 fe80ffff0000beef00000000cafe0002 00012345 0000003a');
    const sum = pseudoSum(address('2001:db8::1234:5678:0:1'), address('fe80:ffff:0:beef::cafe:2'), 58, 0x12345);
    expect(sum).toBe(sumBytes(header, 0, 40));
  });
});

describe('a checksum under which a word changed (RFC 1624)', () => {
  test('is the one of RFC 1624 §4: zero, and not ffff', () => {
    expect(adjust(0xdd2f, 0x5555, 0x3285)).toBe(0x0000);
  });

  test('of a header whose TTL was lowered is that of the new header', () => {
    const header = fromHex(CAPTURED['a SYN over IPv4'].bytes).slice(0, 20);
    const before = u16(header, 8);
    header[8]!--;
    const adjusted = adjust(0xbc2a, before, u16(header, 8));
    header.fill(0, 10, 12);
    expect(adjusted).toBe(finish(sumBytes(header, 0, 20)));
  });
});
