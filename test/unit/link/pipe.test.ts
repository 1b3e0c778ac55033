import { describe, expect, test } from 'vitest';
import type { NetError } from '../../../src/errors.js';
import type { Device, FrameSink } from '../../../src/link/device.js';
import { createPipe } from '../../../src/link/pipe.js';
import { type Packet, packetOf, PacketPool } from '../../../src/packet.js';

/** A sink that notes what it is told, in order. */
class Notes implements FrameSink {
  readonly lines: string[] = [];
  readonly packets: Packet[] = [];
  receive(packet: Packet): void {
    this.lines.push(`receive ${packet.length}`);
    this.packets.push(packet);
  }
  batchEnd(): void {
    this.lines.push('batch end');
  }
  lost(error: NetError): void {
    this.lines.push(`lost ${error.code}`);
  }
}

function attach(device: Device): Notes {
  const notes = new Notes();
  device.attach(notes);
  return notes;
}

const packet = (length: number): Packet => packetOf(new Uint8Array(length));

test('what one end transmits, the other receives at once, each packet a batch', () => {
  const [a, b] = createPipe();
  const [heardByA, heardByB] = [attach(a), attach(b)];
  const sent = packet(5);
  expect(a.transmit(sent)).toBe(true);
  expect(heardByB.lines).toEqual(['receive 5', 'batch end']);
  expect(heardByB.packets[0]).toBe(sent);
  expect(b.transmit(packet(6))).toBe(true);
  expect(heardByA.lines).toEqual(['receive 6', 'batch end']);
});

test('packets wait for an end that nobody has attached to, in order, as many as the queue holds', () => {
  const pool = new PacketPool();
  const [a, b] = createPipe({ queuePackets: 2 });
  attach(a);
  const results = [1, 2, 3].map((length) => {
    const waiting = pool.take(length);
    waiting.end += length;
    return a.transmit(waiting);
  });
  expect(results).toEqual([true, true, false]);
  expect(pool.outstanding).toBe(2);
  expect(attach(b).lines).toEqual(['receive 1', 'receive 2', 'batch end']);
});

describe('the MTU', () => {
  test('is of the IP packet: a frame may be 14 bytes longer', () => {
    const [ip] = createPipe({ mtu: 100 });
    const [ethernet] = createPipe({ mtu: 100, medium: 'ethernet' });
    expect([100, 101].map((length) => ip.transmit(packet(length)))).toEqual([true, false]);
    expect([114, 115].map((length) => ethernet.transmit(packet(length)))).toEqual([true, false]);
  });

  test('does not bind a superpacket, where the pipe takes such', () => {
    const [a] = createPipe({ mtu: 100, offload: { checksum: true, tcpSegmentation: true, udpSegmentation: false } });
    const large = packet(60_000);
    large.segmentSize = 60;
    expect(a.transmit(large)).toBe(true);
  });
});

test('a pipe without offload calls it our fault if a superpacket or an unfinished checksum gets to it', () => {
  const [a] = createPipe();
  expect(() => a.transmit(Object.assign(packet(5), { segmentSize: 1 }))).toThrow('pipe: a superpacket');
  expect(() => a.transmit(Object.assign(packet(5), { checksum: 'partial' as const }))).toThrow('pipe: a partial checksum');
});

test('a closed end moves no frame in either direction, and the other is told once', () => {
  const pool = new PacketPool();
  const [a, b] = createPipe();
  const [heardByA, heardByB] = [attach(a), attach(b)];
  a.close();
  a.close();
  expect([a.transmit(pool.take(1)), b.transmit(pool.take(1))]).toEqual([false, false]);
  b.close();
  expect(pool.outstanding).toBe(0);
  expect([heardByA.lines, heardByB.lines]).toEqual([[], ['lost ENODEV']]);
});

test('packets that waited for nobody are given back at the close', () => {
  const pool = new PacketPool();
  const [a, b] = createPipe();
  attach(a);
  a.transmit(pool.take(1));
  b.close();
  expect(pool.outstanding).toBe(0);
});

test('an Ethernet pipe has two link-layer addresses, an IP pipe none', () => {
  expect(createPipe({ medium: 'ethernet' }).map((end) => [...end.linkAddress!])).toEqual([[2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]]);
  expect(createPipe().map((end) => end.linkAddress)).toEqual([null, null]);
});
