// Reassembly against a map of bytes, and what is cut against what becomes of it. RFC 791 §3.2, RFC 8200 §4.5,
// RFC 5722.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fragmentHeader, IpBench, joined, pattern, readV4, v4, v6 } from '../fixtures/ip-bench.js';
import { type Piece, ReassemblyModel } from '../fixtures/reassembly-model.js';

const asPacket = (family: 4 | 6, { id, offset, more, bytes }: Piece): Uint8Array =>
  family === 4
    ? v4({ id, offset, mf: more, payload: bytes })
    : v6({ nextHeader: 44, payload: joined(fragmentHeader(17, offset, more, id), bytes) });

/** Honest cuts of one datagram. */
const cuts = (id: number): fc.Arbitrary<Piece[]> =>
  fc.tuple(fc.integer({ min: 9, max: 100 }), fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 6 }))
    .map(([length, at]) => {
      const whole = pattern(length, id);
      const inner = at.map((n) => n * 8).filter((n) => n < length);
      const edges = [...new Set([0, ...inner, length])].sort((x, y) => x - y);
      return edges.slice(1)
        .map((end, i) => ({ id, offset: edges[i]!, more: end < length, bytes: whole.slice(edges[i], end) }))
        .filter((piece) => piece.offset > 0 || piece.more);
    });

/** What nobody honest sends: any eights anywhere, with these bytes or others. */
const anything: fc.Arbitrary<Piece> = fc.record({
  id: fc.constantFrom(1, 2), offset: fc.integer({ min: 0, max: 12 }).map((n) => n * 8), more: fc.boolean(),
  bytes: fc.tuple(fc.integer({ min: 1, max: 4 }), fc.constantFrom(1, 2)).map(([n, seed]) => pattern(n * 8, seed)),
}).filter((piece) => piece.offset > 0 || piece.more);

/** Two datagrams, shuffled together, with repetitions and perhaps a few lies. */
const arrivals: fc.Arbitrary<Piece[]> = fc.tuple(
  cuts(1), cuts(2), fc.array(anything, { maxLength: 3 }), fc.boolean(),
)
  .chain(([a, b, lies, repeated]) => {
    const all = [...a, ...b, ...lies, ...(repeated ? a.slice(0, 2) : [])];
    return fc.shuffledSubarray(all, { minLength: Math.max(0, all.length - 1), maxLength: all.length });
  });

describe.each([4, 6] as const)('reassembly, IPv%i', (family) => {
  test('does what a map of bytes does, whatever arrives in whatever order', () => {
    fc.assert(fc.property(arrivals, (pieces) => {
      const bench = new IpBench();
      const models = new Map<number, ReassemblyModel>();
      for (const piece of pieces) {
        const model = models.get(piece.id) ?? new ReassemblyModel();
        models.set(piece.id, model);
        const expected = model.arrive(piece);
        if (expected !== null) models.delete(piece.id);
        bench.receive(asPacket(family, piece));
        bench.ip.reassembly.check();
        expect(bench.take().map((each) => [...each.payload])).toEqual(expected === null ? [] : [expected]);
      }
      bench.ip.expire(60_000);
      expect([bench.ip.reassembly.size, bench.pool.outstanding]).toEqual([0, 0]);
    }), { numRuns: 300 });
  });

  test('whatever is sent arrives, through whatever MTU, however its fragments are shuffled', () => {
    const cases = fc.record({
      length: fc.oneof(fc.integer({ min: 8, max: 3000 }), fc.integer({ min: 8, max: 65_507 })),
      deviceMtu: fc.integer({ min: family === 4 ? 548 : 1280, max: 9000 }),
      how: fc.constantFrom('as sent', 'turned round', 'odd ones first'),
      trafficClass: fc.integer({ min: 0, max: 255 }),
      hopLimit: fc.integer({ min: 1, max: 255 }),
    });
    fc.assert(fc.property(cases, ({ length, deviceMtu, how, trafficClass, hopLimit }) => {
      const sender = new IpBench({ deviceMtu, texts: ['10.0.0.1/24', 'fd00::1/64'] });
      const receiver = new IpBench({ texts: ['10.0.0.2/24', 'fd00::2/64'] });
      const payload = pattern(length);
      const [src, dst] = family === 4 ? ['0.0.0.0', '10.0.0.2'] as const : ['::', 'fd00::2'] as const;
      expect(sender.send(payload, src, dst, { dontFragment: false, trafficClass, hopLimit })).toBeNull();
      const sent = sender.wire.take();
      const overhead = family === 4 ? 20 : 48;
      const fits = length + (family === 4 ? 20 : 40) <= deviceMtu;
      expect(sent.length).toBe(fits ? 1 : Math.ceil(length / ((deviceMtu - overhead) & ~7)));
      for (const each of sent) {
        expect(each.length).toBeLessThanOrEqual(deviceMtu);
        if (family === 4) expect(readV4(each).isValid).toBe(true);
      }
      const shuffled = how === 'as sent' ? sent : how === 'turned round' ? sent.toReversed()
        : [...sent.filter((_, i) => i % 2 === 1), ...sent.filter((_, i) => i % 2 === 0)];
      for (const each of shuffled) receiver.receive(each);
      const [arrived, ...more] = receiver.take();
      expect(more).toEqual([]);
      expect(Buffer.compare(arrived!.payload, payload)).toBe(0);
      expect(arrived).toMatchObject({ trafficClass, hopLimit, protocol: 17, fragmented: !fits });
      expect([sender.pool.outstanding, receiver.pool.outstanding]).toEqual([0, 0]);
    }), { numRuns: 60 });
  });
});

test('no flood of fragments leads beyond the limits, and time empties everything', () => {
  const flood = fc.array(fc.record({
    host: fc.integer({ min: 0, max: 400 }), id: fc.integer({ min: 0, max: 90 }),
    offset: fc.integer({ min: 0, max: 8190 }).map((n) => n * 8),
  }), { minLength: 200, maxLength: 600 });
  fc.assert(fc.property(flood, fc.constantFrom(4 as const, 6 as const), (fragments, family) => {
    const bench = new IpBench();
    for (const { host, id, offset } of fragments) {
      const payload = pattern(8);
      const src4 = `10.${host % 3}.${host >> 8}.${host & 127}`;
      const src6 = `fd00:0:0:${host % 5}::${(host + 9).toString(16)}`;
      bench.receive(family === 4
        ? v4({ src: src4, id, offset, mf: true, payload })
        : v6({ src: src6, nextHeader: 44, payload: joined(fragmentHeader(17, offset, true, id), payload) }));
      bench.ip.reassembly.check();
    }
    for (const limit of bench.limits.all()) expect(limit.used()).toBeLessThanOrEqual(limit.max);
    bench.ip.expire(60_000);
    expect([bench.ip.reassembly.size, bench.pool.outstanding]).toEqual([0, 0]);
    const own = bench.limits.all().filter((limit) => limit.name.startsWith('ip.fragments'));
    expect(own.map((limit) => limit.used())).toEqual([0, 0, 0]);
  }), { numRuns: 15 });
});
