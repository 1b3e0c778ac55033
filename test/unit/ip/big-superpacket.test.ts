// Superpackets whose length no field can say: a total length of 0 in IPv4, as Linux has it between a host and itself, and
// the jumbo payload option in IPv6. RFC 2675 §2, §3.

import { describe, expect, test } from 'vitest';

import { parseAddress } from '../../../src/address.js';
import { Flow } from '../../../src/ip/flow.js';
import { type Device, SUPERPACKET_TEXT } from '../../../src/link/device.js';
import { takesBig } from '../../../src/link/node/tun.js';
import { Stack } from '../../../src/stack.js';
import { internetChecksum } from '../../fixtures/ip-bench.js';

const TEXT = 100_000;

/** A stack with a device that gathers, or does not; and what left. */
function bench(device: Partial<Device>): { stack: Stack; sent: { bytes: Uint8Array; lent: number }[] } {
  const sent: { bytes: Uint8Array; lent: number }[] = [];
  const stack = new Stack();
  stack.addInterface({
    name: 'big0', medium: 'ip', mtu: 1500, linkAddress: null,
    offload: { checksum: true, tcpSegmentation: true, udpSegmentation: true },
    attach: () => {}, close: () => {},
    transmit: (packet) => {
      sent.push({ bytes: packet.bytes.slice(packet.start, packet.end), lent: packet.lent });
      packet.release();
      return true;
    },
    ...device,
  }, { addresses: ['10.0.0.2/24', 'fd00::2/64'] });
  return { stack, sent };
}

/** A TCP header of 20 bytes and `text` bytes lent in two pieces. */
function send(stack: Stack, family: 4 | 6, text: number): string | null {
  const [src, dst] = family === 4 ? ['10.0.0.2', '10.0.0.1'] : ['fd00::2', 'fd00::1'];
  const packet = stack.pool.take(20);
  packet.end += 20;
  packet.lend(new Uint8Array(60_000), 0, 60_000);
  packet.lend(new Uint8Array(200_000), 0, text - 60_000);
  packet.segmentSize = 1000;
  packet.checksum = 'partial';
  packet.checksumStart = packet.start;
  packet.checksumField = packet.start + 16;
  return stack.ip.send(packet, new Flow(parseAddress(src!)!, parseAddress(dst!)!, 6), 0);
}

describe('a superpacket of more than 65,535 bytes', () => {
  test('has a total length of 0 in IPv4, and its checksum says so', () => {
    const { stack, sent } = bench({ gathers: true, superpacketText: 131_072 });
    expect(send(stack, 4, TEXT)).toBe(null);
    const { bytes, lent } = sent[0]!;
    expect([bytes.length, lent]).toEqual([40, TEXT]);
    expect([...bytes.subarray(0, 10)]).toEqual([0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 6]);
    expect(internetChecksum(bytes.subarray(0, 20))).toBe(0);
  });

  test('has a payload length of 0 in IPv6, and a hop-by-hop option that says it', () => {
    const { stack, sent } = bench({ gathers: true, superpacketText: 131_072 });
    expect(send(stack, 6, TEXT)).toBe(null);
    const { bytes } = sent[0]!;
    expect(bytes.length).toBe(40 + 8 + 20);
    expect([...bytes.subarray(4, 8)]).toEqual([0, 0, 0, 64]);
    // Next header TCP, no further 8 bytes; option 0xc2 of 4 bytes: the jumbo payload length, hop-by-hop header included.
    expect([...bytes.subarray(40, 48)]).toEqual([6, 0, 0xc2, 4, 0, (TEXT + 28) >> 16, ((TEXT + 28) >> 8) & 0xff, (TEXT + 28) & 0xff]);
  });

  test.each([4, 6] as const)('goes to no device that does not know such, and to none larger than that takes (IPv%i)', (family) => {
    for (const device of [{}, { gathers: true as const }, { superpacketText: 131_072 }, { gathers: true as const, superpacketText: TEXT - 1 }]) {
      const { stack, sent } = bench(device);
      expect(send(stack, family, TEXT)).toBe('EMSGSIZE');
      expect([sent, stack.counters.dropped(), stack.pool.outstanding]).toEqual([[], { 'ip-too-big': 1 }, 0]);
    }
  });

  test('is for devices that gather: others are given what every device is', () => {
    const interfaceOf = (device: Partial<Device>): number => bench(device).stack.ip.interfaces.at(-1)!.superpacketText;
    expect(interfaceOf({ gathers: true, superpacketText: 131_072 })).toBe(131_072);
    expect([interfaceOf({}), interfaceOf({ superpacketText: 131_072 })]).toEqual([SUPERPACKET_TEXT, SUPERPACKET_TEXT]);
    // With the longest headers it is as long as a length field can say.
    expect(SUPERPACKET_TEXT + 60 + 40).toBe(65_535);
  });

  test.each([['5.15.0', false], ['6.2.16-generic', false], ['6.3.0', true], ['6.18.44-x', true], ['7.0.1', true], ['', false]])(
    'is taken by Linux since 6.3, in both families: %s', (kernel, takes) => {
      expect(takesBig(kernel)).toBe(takes);
    },
  );
});
