import { describe, expect, test } from 'vitest';
import { address } from '../../../src/address.js';
import { Counters } from '../../../src/counters.js';
import { LimitRegistry } from '../../../src/limits.js';
import { NO_OFFLOAD, type Device, type Offload } from '../../../src/link/device.js';
import { IpPort, type IpPortOptions } from '../../../src/link/ip-port.js';
import type { NetworkLayer } from '../../../src/link/link-output.js';
import { type Packet, PacketPool } from '../../../src/packet.js';
import { SeededRandom } from '../../../src/random.js';
import { NEVER } from '../../../src/time.js';
import { build, type PacketFields, read, unfinish } from '../../fixtures/ip-packets.js';

const ALL: Offload = { checksum: true, tcpSegmentation: true, udpSegmentation: true };

/** A port, its device, and what went out and up. */
class Bench {
  readonly pool = new PacketPool();
  readonly counters = new Counters();
  readonly limits = new LimitRegistry();
  readonly random = new SeededRandom(1);
  readonly sent: { bytes: Uint8Array; segmentSize: number; checksum: Packet['checksum'] }[] = [];
  readonly up: { bytes: Uint8Array; linkCast: string; now: number }[] = [];
  readonly port: IpPort;

  constructor(readonly offload: Offload = NO_OFFLOAD, options: IpPortOptions = {}, readonly takes = true, gathers = false) {
    const device: Device = {
      name: 'tun0', medium: 'ip', mtu: 1000, linkAddress: null, offload, ...(gathers && { gathers }),
      attach: () => {}, close: () => {}, transmit: (packet) => this.transmit(packet),
    };
    const network: NetworkLayer = {
      input: (packet, linkCast, now) => {
        this.up.push({ bytes: packet.bytes.slice(packet.start, packet.end), linkCast, now });
        packet.release();
      },
      ownsAddress: () => true, addressFor: (target) => target, unreachable: (packet) => packet.release(),
    };
    this.port = new IpPort(device, network, this, options);
  }

  send(fields: Partial<PacketFields>, change: Partial<Packet> = {}): void {
    this.port.send(Object.assign(this.take(build(fields)), change), address('10.0.0.9'), 1);
  }

  /** With the pseudo-header's sum in the checksum field. */
  sendPartial(fields: Partial<PacketFields>, segmentSize = 0): void {
    const { packet: bytes, start, field } = unfinish(build(fields));
    const packet = this.take(bytes);
    packet.segmentSize = segmentSize;
    packet.checksum = 'partial';
    packet.checksumStart = packet.start + start;
    packet.checksumField = packet.start + field;
    this.port.send(packet, address('10.0.0.9'), 1);
  }

  take(bytes: Uint8Array): Packet {
    const packet = this.pool.take(bytes.length);
    packet.bytes.set(bytes, packet.start);
    packet.end = packet.start + bytes.length;
    return packet;
  }

  private transmit(packet: Packet): boolean {
    const { segmentSize, checksum } = packet;
    if (this.takes) this.sent.push({ bytes: packet.bytes.slice(packet.start, packet.end), segmentSize, checksum });
    packet.release();
    return this.takes;
  }
}

test('a packet from the device goes up as it is, meant for us alone, and is counted', () => {
  const bench = new Bench();
  bench.port.input(bench.take(build({})), 7);
  expect(bench.up).toEqual([{ bytes: build({}), linkCast: 'unicast', now: 7 }]);
  expect(bench.counters).toMatchObject({ rxPackets: 1, rxBytes: 40 });
});

test('a packet goes out as it is, whatever the next hop, and is counted', () => {
  const bench = new Bench();
  bench.send({});
  expect(bench.sent).toEqual([{ bytes: build({}), segmentSize: 0, checksum: 'whole' }]);
  expect(bench.counters).toMatchObject({ txPackets: 1, txBytes: 40 });
  expect(bench.port.nextTimeout()).toBe(NEVER);
});

test('what the device refuses is counted as such, and not as sent', () => {
  const bench = new Bench(ALL, {}, false);
  bench.send({});
  expect(bench.counters.dropped()).toEqual({ 'device-refused': 1 });
  expect(bench.counters).toMatchObject({ txPackets: 0, txBytes: 0 });
  expect(bench.pool.outstanding).toBe(0);
});

describe('a packet whose payload is lent', () => {
  const whole = build({ payload: Uint8Array.of(1, 2, 3, 4, 5) });
  const lent = (bench: Bench): void => {
    const packet = bench.take(whole.subarray(0, -3));
    packet.lend(whole, whole.length - 3, 3);
    bench.port.send(packet, address('10.0.0.9'), 1);
  };

  test('is gathered for a device that does not gather', () => {
    const bench = new Bench();
    lent(bench);
    expect(bench.sent[0]!.bytes).toEqual(whole);
    expect(bench.counters).toMatchObject({ txPackets: 1, txBytes: whole.length });
  });

  test('is left to one that does, and counted whole', () => {
    const bench = new Bench(NO_OFFLOAD, {}, true, true);
    lent(bench);
    expect(bench.sent[0]!.bytes).toEqual(whole.subarray(0, -3));
    expect(bench.counters).toMatchObject({ txPackets: 1, txBytes: whole.length });
  });

  describe('is gathered for one that does', () => {
    const payload = Uint8Array.from({ length: 1800 }, (_, i) => i % 251);
    const sendLent = (bench: Bench, text: Uint8Array, segmentSize: number): void => {
      const { packet: bytes, start, field } = unfinish(build({ payload: text }));
      const packet = bench.take(bytes.subarray(0, -text.length));
      packet.lend(text, 0, text.length);
      Object.assign(packet, { segmentSize, checksum: 'partial', checksumStart: packet.start + start, checksumField: packet.start + field });
      bench.port.send(packet, address('10.0.0.9'), 1);
    };

    test('but does not cut, and cut', () => {
      const bench = new Bench(NO_OFFLOAD, {}, true, true);
      sendLent(bench, payload, 900);
      expect(bench.sent.map(({ bytes }) => read(bytes).isValid)).toEqual([true, true]);
      expect(bench.sent.flatMap(({ bytes }) => [...bytes.subarray(40)])).toEqual([...payload]);
      expect(bench.pool.outstanding).toBe(0);
    });

    test('but does not cut, though it sums, and cut', () => {
      const bench = new Bench({ ...NO_OFFLOAD, checksum: true }, {}, true, true);
      sendLent(bench, payload, 900);
      expect(bench.sent.flatMap(({ bytes }) => [...bytes.subarray(40)])).toEqual([...payload]);
    });

    test('but does not sum, and summed', () => {
      const bench = new Bench(NO_OFFLOAD, {}, true, true);
      sendLent(bench, payload.subarray(0, 500), 0);
      expect(bench.sent.map(({ bytes }) => [bytes.length, read(bytes).isValid])).toEqual([[540, true]]);
    });
  });

  test('is as long as all of it', () => {
    const bench = new Bench(ALL, {}, true, true);
    const packet = bench.take(build({ payload: new Uint8Array(960) }));
    packet.lend(whole, 0, 1);
    bench.port.send(packet, address('10.0.0.9'), 1);
    expect(bench.counters.dropped()).toEqual({ 'device-too-big': 1 });
  });
});

test('a packet of the MTU goes out, a larger one does not', () => {
  const bench = new Bench(ALL);
  bench.send({ payload: new Uint8Array(960) });
  bench.send({ payload: new Uint8Array(961) });
  expect(bench.sent).toHaveLength(1);
  expect(bench.counters.dropped()).toEqual({ 'device-too-big': 1 });
  expect(bench.pool.outstanding).toBe(0);
});

describe('a partial checksum', () => {
  test.each([4, 6] as const)('of IPv%i is finished for a device that does not do it', (family) => {
    for (const protocol of [6, 17] as const) {
      const bench = new Bench({ ...ALL, checksum: false });
      bench.sendPartial({ family, protocol, payload: Uint8Array.of(1, 2, 3) });
      expect(bench.sent[0]!.checksum).toBe('whole');
      expect(read(bench.sent[0]!.bytes).isValid).toBe(true);
    }
  });

  test('is left to a device that does it', () => {
    const bench = new Bench({ ...NO_OFFLOAD, checksum: true });
    bench.sendPartial({ payload: Uint8Array.of(1) });
    expect(bench.sent).toEqual([{ bytes: unfinish(build({ payload: Uint8Array.of(1) })).packet, segmentSize: 0, checksum: 'partial' }]);
  });
});

test('that we verified a forwarded packet is not told to whom it goes', () => {
  const bench = new Bench(ALL);
  bench.send({}, { checksum: 'verified' });
  expect(bench.sent[0]!.checksum).toBe('whole');
});

describe('a superpacket', () => {
  const payload = new Uint8Array(1800);
  const tcpOnly = { ...NO_OFFLOAD, checksum: true, tcpSegmentation: true };
  const udpOnly = { ...NO_OFFLOAD, checksum: true, udpSegmentation: true };

  test.each<[string, Offload, 6 | 17, number]>([
    ['TCP, whole to a device that cuts TCP', tcpOnly, 6, 1],
    ['UDP, in pieces to a device that cuts TCP', tcpOnly, 17, 2],
    ['TCP, in pieces to a device that cuts UDP', udpOnly, 6, 2],
    ['UDP, whole to a device that cuts UDP', udpOnly, 17, 1],
    ['TCP, in pieces to a device that cuts nothing', NO_OFFLOAD, 6, 2],
  ])('goes out: %s', (_, offload, protocol, packets) => {
    for (const family of [4, 6] as const) {
      const bench = new Bench(offload);
      bench.sendPartial({ family, protocol, payload }, 900);
      expect(bench.sent.map(({ segmentSize }) => segmentSize)).toEqual(packets === 1 ? [900] : [0, 0]);
      if (packets > 1) expect(bench.sent.every(({ bytes }) => read(bytes).isValid)).toBe(true);
      expect(bench.counters.txPackets).toBe(packets);
      expect(bench.pool.outstanding).toBe(0);
    }
  });

  test('whose checksum is complete is cut even so: a device that cuts starts from the pseudo-header', () => {
    const bench = new Bench(ALL);
    bench.send({ payload }, { segmentSize: 900 });
    expect(bench.sent.map(({ bytes }) => read(bytes).isValid)).toEqual([true, true]);
  });

  test('whose segments exceed the MTU is not sent', () => {
    const bench = new Bench();
    bench.sendPartial({ payload }, 961);
    expect(bench.counters.dropped()).toEqual({ 'device-too-big': 1 });
    expect(bench.sent.map(({ bytes }) => bytes.length)).toEqual([40 + 1800 - 961]);
  });

  test('that cannot be cut is dropped with its reason', () => {
    const bench = new Bench();
    const packet = bench.take(build({ payload }));
    packet.segmentSize = 900;
    packet.bytes[packet.start + 9] = 132;
    bench.port.send(packet, address('10.0.0.9'), 1);
    expect(bench.counters.dropped()).toEqual({ 'device-cannot-segment': 1 });
    expect(bench.pool.outstanding).toBe(0);
  });
});

describe('input is coalesced', () => {
  const batch = (bench: Bench): number => {
    for (const seq of [0, 5]) bench.port.input(bench.take(build({ seq, payload: new Uint8Array(5) })), 1);
    bench.port.flush(2);
    return bench.up.length;
  };

  test('if it is wanted and the device does not do it, until the batch ends', () => {
    expect(batch(new Bench(NO_OFFLOAD, { coalesce: true }))).toBe(1);
    expect(batch(new Bench(ALL, { coalesce: true }))).toBe(2);
    expect(batch(new Bench())).toBe(2);
  });
});
