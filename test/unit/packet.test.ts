// What carries bytes: headroom, ownership, and the pool.

import { describe, expect, test } from 'vitest';
import { HEADROOM, packetOf, PacketPool } from '../../src/packet.js';

describe('a packet', () => {
  test('from the pool is empty, behind room for every header', () => {
    const packet = new PacketPool().take(1500);
    expect([packet.start, packet.end, packet.length]).toEqual([HEADROOM, HEADROOM, 0]);
    expect(packet.bytes.length).toBeGreaterThanOrEqual(HEADROOM + 1500);
    // virtio 12, Ethernet 14, IPv6 40, TCP 60
    expect(HEADROOM).toBeGreaterThanOrEqual(126);
  });

  test('gains headers on its left and loses them there', () => {
    const packet = packetOf(Uint8Array.of(1, 2, 3, 4));
    expect(packet.push(8)).toBe(HEADROOM - 8);
    expect(packet.length).toBe(12);
    packet.consume(8 + 3);
    expect([packet.length, packet.bytes[packet.start]]).toEqual([1, 4]);
    packet.consume(1);
    expect(packet.length).toBe(0);
  });

  test('has the headroom it has, and no more bytes to consume than it holds', () => {
    const packet = packetOf(Uint8Array.of(1));
    packet.push(HEADROOM);
    expect(() => packet.push(1)).toThrow('headroom');
    expect(() => packetOf(Uint8Array.of(1)).consume(2)).toThrow('past the end');
  });

  test('shows the same memory as bytes and as lanes', () => {
    const pool = new PacketPool();
    const outside = [5, 8].map((size) => packetOf(new Uint8Array(size)));
    for (const packet of [pool.take(1), pool.take(65_535), ...outside]) {
      expect(packet.lanes.buffer).toBe(packet.bytes.buffer);
      expect([packet.bytes.byteOffset, packet.lanes.byteOffset]).toEqual([0, 0]);
      expect(packet.lanes.byteLength).toBe(packet.bytes.byteLength);
    }
  });

  test('counts what it is lent, and is not lent it any more when it comes back from the pool', () => {
    const pool = new PacketPool();
    const packet = pool.take(9);
    const [first, second] = [Uint8Array.of(0, 1, 2, 3), Uint8Array.of(4, 5)];
    packet.lend(first, 1, 3);
    packet.lend(second, 0, 2);
    expect([packet.length, packet.end]).toEqual([5, HEADROOM]);
    packet.release();
    const again = pool.take(9);
    expect([again === packet, again.lent, again.length]).toEqual([true, 0, 0]);
    // From the middle, of the middle, to the end.
    again.lend(first, 1, 2);
    again.lend(first, 2, 1);
    again.lend(second, 1, 1);
    again.gather();
    expect([...again.bytes.subarray(again.start, again.end)]).toEqual([1, 2, 2, 5]);
    again.gather();
    expect(again.length).toBe(4);
  });

  test('of given bytes holds a copy', () => {
    const bytes = Uint8Array.of(1, 2, 3);
    const packet = packetOf(bytes);
    bytes.fill(0);
    expect([...packet.bytes.subarray(packet.start, packet.end)]).toEqual([1, 2, 3]);
    packet.release();
    expect(() => packet.release()).toThrow('released twice');
  });
});

describe('the pool', () => {
  test('gives a released packet again, as new', () => {
    const pool = new PacketPool();
    const first = pool.take(100);
    first.push(20);
    first.end += 50;
    first.segmentSize = 1460;
    first.checksum = 'partial';
    first.checksumStart = first.checksumField = first.network = first.transport = 99;
    first.release();
    const again = pool.take(100);
    expect(again).toBe(first);
    const { start, end, segmentSize, checksum, checksumStart, checksumField, network, transport } = again;
    expect({ start, end, segmentSize, checksum, checksumStart, checksumField, network, transport }).toEqual({
      start: HEADROOM, end: HEADROOM, segmentSize: 0, checksum: 'whole', checksumStart: 0, checksumField: 0,
      network: 0, transport: 0,
    });
  });

  test('has room for what was asked, at the border of its sizes and for a superpacket', () => {
    const pool = new PacketPool();
    for (const size of [0, 1, 2048 - HEADROOM, 2048 - HEADROOM + 1, 65_535, 65_536 + 64]) {
      expect(pool.take(size).bytes.length).toBeGreaterThanOrEqual(HEADROOM + size);
    }
    expect(pool.take(2048 - HEADROOM).bytes.length).toBe(2048);
    expect(() => pool.take(65_536 + 65)).toThrow('larger than 64 KB');
  });

  test('gets a packet back with the last release only', () => {
    const pool = new PacketPool();
    const packet = pool.take(1).hold();
    packet.release();
    expect(pool.outstanding).toBe(1);
    expect(pool.take(1)).not.toBe(packet);
    packet.release();
    expect(pool.take(1)).toBe(packet);
  });

  test('notices a packet released once too often', () => {
    const pool = new PacketPool();
    const packet = pool.take(1);
    packet.release();
    expect(() => packet.release()).toThrow('released twice');
    expect(pool.outstanding).toBe(0);
  });

  test('keeps so many free packets of each size, and no more', () => {
    const pool = new PacketPool(2);
    for (const size of [1, 65_535]) {
      const packets = Array.from({ length: 5 }, () => pool.take(size));
      for (const packet of packets) packet.release();
      const again = Array.from({ length: 5 }, () => pool.take(size));
      expect(again.filter((packet) => packets.includes(packet))).toHaveLength(2);
    }
  });
});
