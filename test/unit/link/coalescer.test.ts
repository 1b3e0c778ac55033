import { describe, expect, test } from 'vitest';
import { LimitRegistry } from '../../../src/limits.js';
import { Coalescer } from '../../../src/link/coalescer.js';
import type { LinkCast } from '../../../src/link/link-output.js';
import { type Packet, PacketPool } from '../../../src/packet.js';
import { ACK, build, ECE, FIN, type PacketFields, PSH, read, RST, SYN, unfinish, URG } from '../../fixtures/ip-packets.js';

/** A coalescer, and what came out of it. */
class Bench {
  readonly pool = new PacketPool();
  readonly limits = new LimitRegistry();
  readonly out: { readonly fields: PacketFields; segmentSize: number; checksum: Packet['checksum']; bytes: Uint8Array; at: number }[] = [];
  readonly coalescer = new Coalescer({ input: (packet, linkCast, now) => this.arrive(packet, linkCast, now) }, this, 'x');
  readonly casts: LinkCast[] = [];

  give(bytes: Uint8Array, linkCast: LinkCast = 'unicast'): this {
    this.coalescer.input(this.packetOf(bytes), linkCast, 1);
    return this;
  }

  packetOf(bytes: Uint8Array): Packet {
    const packet = this.pool.take(bytes.length);
    packet.bytes.set(bytes, packet.start);
    packet.end = packet.start + bytes.length;
    return packet;
  }

  segment(fields: Partial<PacketFields> & { length?: number }): this {
    return this.give(build({ payload: new Uint8Array(fields.length ?? 10).fill(fields.seq ?? 0), seq: 0, ...fields }));
  }

  flush(): this {
    this.coalescer.flush(2);
    return this;
  }

  /** Sequence number and length of what came out, so far. */
  get ranges(): [seq: number, length: number][] {
    return this.out.map(({ fields }) => [fields.seq, fields.payload.length]);
  }

  private arrive(packet: Packet, linkCast: LinkCast, now: number): void {
    const bytes = packet.bytes.slice(packet.start, packet.end);
    const { segmentSize, checksum } = packet;
    this.out.push({ get fields() { return read(bytes); }, segmentSize, checksum, bytes, at: now });
    this.casts.push(linkCast);
    packet.release();
  }
}

describe.each([4, 6] as const)('segments of IPv%i that follow each other', (family) => {
  test('go up as one superpacket at the end of the batch', () => {
    const bench = new Bench();
    for (const seq of [0, 10, 20]) bench.segment({ family, seq });
    expect(bench.out).toEqual([]);
    bench.flush();
    expect(bench.ranges).toEqual([[0, 30]]);
    expect(bench.out[0]).toMatchObject({ segmentSize: 10, checksum: 'partial', at: 2 });
    expect(bench.pool.outstanding).toBe(0);
  });

  test('become a superpacket as a transport would have built it: length, header checksum, sum of the pseudo-header', () => {
    const bench = new Bench().segment({ family, seq: 0 }).segment({ family, seq: 10 }).flush();
    const payload = new Uint8Array(20).fill(10, 10);
    expect(bench.out[0]!.bytes).toEqual(unfinish(build({ family, seq: 0, payload })).packet);
  });

  test('across the wrap of sequence numbers too', () => {
    const bench = new Bench().segment({ family, seq: 0xfffffffb }).segment({ family, seq: 5 }).flush();
    expect(bench.ranges).toEqual([[0xfffffffb, 20]]);
  });

  test('end with a smaller one, and with a pushed one, whose PSH the superpacket has', () => {
    const bench = new Bench().segment({ family, seq: 0 }).segment({ family, seq: 10, length: 4 });
    expect(bench.ranges).toEqual([[0, 14]]);
    bench.segment({ family, seq: 14 }).segment({ family, seq: 24, flags: ACK | PSH });
    expect(bench.ranges).toEqual([[0, 14], [14, 20]]);
    expect(bench.out.map(({ fields }) => fields.flags)).toEqual([ACK, ACK | PSH]);
  });

  test('stop short of 64 KB', () => {
    const bench = new Bench();
    for (let i = 0; i < 50; i++) bench.segment({ family, seq: i * 1400, length: 1400 });
    bench.flush();
    const [first, second] = bench.ranges;
    expect(first![1]).toBe(46 * 1400);
    expect(second).toEqual([46 * 1400, 4 * 1400]);
    expect(bench.pool.outstanding).toBe(0);
  });

  test.each<[string, Partial<PacketFields> & { length?: number }]>([
    ['a gap', { seq: 11 }],
    ['a repetition', { seq: 0 }],
    ['a larger segment', { length: 11 }],
    ['another acknowledgment', { ack: 8 }],
    ['another window', { window: 999 }],
    ['another timestamp', { options: Uint8Array.of(1, 1, 8, 10, 0, 0, 0, 2, 0, 0, 0, 1) }],
    ['no options', { options: new Uint8Array(0) }],
    ['another hop limit', { hopLimit: 63 }],
    ['a CE mark (RFC 3168 §5)', { trafficClass: 3 }],
    ['no text', { length: 0 }],
    ['FIN', { flags: ACK | FIN }],
    ['SYN', { flags: ACK | SYN }],
    ['RST', { flags: ACK | RST }],
    ['URG', { flags: ACK | URG }],
    ['ECE', { flags: ACK | ECE }],
    ['no ACK', { flags: 0 }],
    family === 4 ? ['another DF', { dontFragment: false }] : ['another flow label', { flowLabel: 1 }],
  ])('are not merged over %s, nor reordered', (_, second) => {
    const options = Uint8Array.of(1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 1);
    const bench = new Bench().segment({ family, options, seq: 0 }).segment({ family, options, seq: 10, ...second }).flush();
    expect(bench.ranges).toEqual([[0, 10], [second.seq ?? 10, second.length ?? 10]]);
    expect(bench.out.every(({ segmentSize }) => segmentSize === 0)).toBe(true);
    expect(bench.pool.outstanding).toBe(0);
  });

  test('of several flows are merged each with their own', () => {
    const bench = new Bench();
    for (const seq of [0, 10]) {
      for (const flow of [{ srcPort: 1 }, { srcPort: 2 }, { dstPort: 3 }, { from: 4 }, { to: 5 }]) {
        bench.segment({ family, seq, ...flow });
      }
    }
    bench.flush();
    expect(bench.ranges).toEqual(Array.from({ length: 5 }, () => [0, 20]));
  });

  test('are merged only if their checksum is right; a wrong one is left for TCP to count', () => {
    const wrong = build({ family, seq: 10, payload: new Uint8Array(10).fill(10) });
    wrong[wrong.length - 1]! ^= 1;
    const bench = new Bench().segment({ family, seq: 0 }).give(wrong).segment({ family, seq: 20 }).flush();
    expect(bench.ranges).toEqual([[0, 10], [10, 10], [20, 10]]);
    expect(bench.out.map(({ checksum }) => checksum)).toEqual(['verified', 'whole', 'verified']);
    expect(bench.out[1]!.bytes).toEqual(wrong);
  });

  test('a segment that nothing follows goes up as it came', () => {
    const bytes = build({ family, payload: Uint8Array.of(1, 2, 3) });
    expect(new Bench().give(bytes).flush().out[0]!.bytes).toEqual(bytes);
  });
});

test('a wrong IPv4 header checksum is not hidden in a superpacket', () => {
  const wrong = build({ seq: 10, payload: new Uint8Array(10) });
  wrong[10]! ^= 1;
  const bench = new Bench().segment({ seq: 0 }).give(wrong).flush();
  expect(bench.ranges).toEqual([[0, 10], [10, 10]]);
});

test('padding behind a short packet is not text', () => {
  const padded = new Uint8Array(46);
  padded.set(build({ seq: 10, payload: Uint8Array.of(1) }));
  for (const checksum of ['whole', 'partial'] as const) {
    const bench = new Bench().segment({ seq: 0 });
    bench.coalescer.input(Object.assign(bench.packetOf(padded), { checksum }), 'unicast', 1);
    expect(bench.flush().out.map(({ segmentSize }) => segmentSize)).toEqual([0, 0]);
  }
});

test('another protocol goes up at once, before what is kept', () => {
  const bench = new Bench().segment({ seq: 0 }).segment({ seq: 9, protocol: 17 }).segment({ seq: 9, protocol: 17, family: 6 });
  expect(bench.out.map(({ fields }) => fields.protocol)).toEqual([17, 17]);
});

test.each<[string, Partial<PacketFields>, (bytes: Uint8Array) => void]>([
  ['a fragment', {}, (b) => { b[7] = 5; }],
  ['a first fragment', {}, (b) => { b[6] = 0x20; }],
  ['TCP behind extension headers', { family: 6, extension: 8 }, () => {}],
  ['IPv4 with a bad header length', {}, (b) => { b[0] = 0x41; }],
  ['an unknown version', { family: 6 }, (b) => { b[0] = 0x75; }],
])('%s may belong to any flow: all that is kept goes up before it', (_, fields, change) => {
  const bytes = build({ payload: new Uint8Array(10), ...fields });
  change(bytes);
  const bench = new Bench().segment({ seq: 0 }).segment({ seq: 0, srcPort: 9 }).give(bytes);
  expect(bench.out.map((packet) => packet.bytes.length)).toEqual([50, 50, bytes.length]);
  expect(bench.out[2]!.bytes).toEqual(bytes);
});

test('truncated packets go up as they came', () => {
  for (const family of [4, 6] as const) {
    const whole = build({ family });
    for (let length = 0; length < whole.length; length++) {
      const bench = new Bench();
      bench.coalescer.input(bench.packetOf(whole.slice(0, length)), 'unicast', 1);
      expect(bench.casts).toEqual(['unicast']);
    }
  }
});

test('a packet to a group or to everybody is not touched, and stays what it is', () => {
  const bench = new Bench();
  bench.give(build({ payload: Uint8Array.of(1) }), 'broadcast').give(build({ payload: Uint8Array.of(1) }), 'multicast');
  expect(bench.casts).toEqual(['broadcast', 'multicast']);
});

test('a superpacket that the device made goes up at once', () => {
  const bench = new Bench();
  const packet = bench.packetOf(build({ payload: new Uint8Array(30) }));
  packet.segmentSize = 10;
  bench.coalescer.input(packet, 'unicast', 1);
  expect(bench.out).toHaveLength(1);
});

test('no more flows are kept than the limit says: the eldest gives way', () => {
  const bench = new Bench();
  const [limit] = bench.limits.all();
  for (let i = 0; i < limit!.max; i++) bench.segment({ srcPort: i + 1 });
  expect(limit!.used()).toBe(limit!.max);
  expect(bench.out).toEqual([]);
  bench.segment({ srcPort: 1000 });
  expect(bench.out.map(({ fields }) => fields.srcPort)).toEqual([1]);
  expect(limit!.used()).toBe(limit!.max);
});
