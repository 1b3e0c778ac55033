import { expect, test } from 'vitest';
import { Loopback } from '../../../src/link/loopback.js';
import { PacketPool } from '../../../src/packet.js';

test('a loopback gives back the very packet, superpacket and partial checksum as they are', () => {
  const lo = new Loopback();
  const told: unknown[] = [];
  lo.attach({ receive: (packet) => told.push(packet), batchEnd: () => told.push('batch end'), lost: () => told.push('lost') });
  const packet = new PacketPool().take(60_000);
  packet.end += 60_000;
  packet.segmentSize = 1460;
  packet.checksum = 'partial';
  expect(lo.transmit(packet)).toBe(true);
  expect(told).toEqual([packet, 'batch end']);
  expect([packet.segmentSize, packet.checksum]).toEqual([1460, 'partial']);
});

test('a loopback that nobody is attached to, or that is closed, takes nothing and keeps nothing', () => {
  const pool = new PacketPool();
  const lo = new Loopback();
  expect(lo.transmit(pool.take(1))).toBe(false);
  lo.attach({ receive: (packet) => packet.release(), batchEnd: () => {}, lost: () => {} });
  lo.close();
  lo.close();
  expect(lo.transmit(pool.take(1))).toBe(false);
  expect(pool.outstanding).toBe(0);
});
