// Any bytes: a packet is delivered or dropped for a reason, nothing throws, and nothing outside the packet is
// read. RFC 791, RFC 8200; SEC-01, -02, -03, -90.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  extension, fragmentHeader, internetChecksum, IpBench, joined, pattern, v4, v6, watched,
} from '../fixtures/ip-bench.js';

/** Give `bytes` to a host; everything that must be so whatever they are. */
function survives(bytes: Uint8Array): void {
  const bench = new IpBench();
  bench.wire.sink = null;
  const { packet, outside } = watched(bytes);
  bench.receivePacket(packet);
  expect(outside()).toBe(0);
  const drops = Object.values(bench.dropped).reduce((sum, n) => sum + n, 0);
  const waiting = bench.ip.reassembly.size;
  expect(drops + bench.deliveries.length + waiting).toBe(1);
  for (const { payload, whole } of bench.deliveries) {
    expect(whole.length).toBeLessThanOrEqual(bytes.length);
    expect(payload.length).toBeLessThan(whole.length);
  }
  for (const report of bench.reports) {
    expect(report.detail).toBeGreaterThanOrEqual(0);
    expect(report.detail).toBeLessThan(bytes.length);
  }
  bench.ip.expire(60_000);
  expect(bench.pool.outstanding).toBe(0);
}

/** The header checksum as it should be, so that what is behind it is reached too. */
function resummed(bytes: Uint8Array): Uint8Array {
  const header = (bytes[0]! & 15) * 4;
  if (bytes[0]! >> 4 !== 4 || header < 20 || header > bytes.length) return bytes;
  bytes[10] = bytes[11] = 0;
  const checksum = internetChecksum(bytes.subarray(0, header));
  bytes[10] = checksum >> 8;
  bytes[11] = checksum & 255;
  return bytes;
}

const rarely = <T>(what: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: 6, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: what });
const byte = fc.integer({ min: 0, max: 255 });
const options4 = fc.oneof(
  fc.constantFrom([], [], [1, 7, 3, 4], [0x94, 4, 0, 0], [1, 1, 1, 0], [0x44, 8, 5, 0, 1, 2, 3, 4]),
  fc.array(
    fc.oneof(byte, fc.constantFrom(0, 1, 2, 3, 4, 7, 68, 131, 137)), { maxLength: 40 },
  ).map((list) => list.slice(0, list.length & ~3)),
);

const packet4 = fc.record({
  ihl: rarely(fc.integer({ min: 0, max: 15 })), options: options4, mf: fc.constantFrom(false, false, true),
  df: fc.boolean(), offset: rarely(fc.integer({ min: 0, max: 8191 })).map((n) => (n ?? 0) * 8),
  totalLength: rarely(fc.integer({ min: 0, max: 120 })),
  protocol: fc.constantFrom(1, 6, 17, 58, 99), length: fc.oneof(fc.nat(60), fc.constantFrom(8, 16, 24, 32)),
  padding: fc.integer({ min: 0, max: 30 }),
  dst: fc.constantFrom('10.0.0.2', '10.0.0.255', '224.0.0.1', '127.0.0.1'),
}).map(({ length, ihl, totalLength, ...fields }) => v4({
  ...fields, payload: pattern(length), ...(ihl !== undefined && { ihl }),
  ...(totalLength !== undefined && { totalLength }),
})).map(resummed);

/** What options or routing say, right or nearly. */
const content = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom([], [5, 2, 0, 0], [0x3e, 1, 7], [2, 0, 9, 9]) },
  { weight: 1, arbitrary: fc.array(fc.oneof(byte, fc.constantFrom(0, 0, 1, 1, 2, 5)), { maxLength: 30 }) },
);
type Header = { type: number; content: readonly number[] } | { type: number; offset: number; more: boolean };
const extension6: fc.Arbitrary<Header> = fc.oneof(
  fc.tuple(fc.constantFrom(0, 43, 60, 60, 60), content).map(([type, said]) => ({ type, content: said })),
  fc.tuple(fc.integer({ min: 0, max: 8191 }), fc.boolean()).map(
    ([n, more]) => ({ type: 44, offset: n * 8, more }),
  ),
  fc.constant({ type: 44, offset: 0, more: false }),
);
const extensions: fc.Arbitrary<Header[]> = fc.oneof<fc.MaybeWeightedArbitrary<Header[]>[]>(
  { weight: 4, arbitrary: fc.array(extension6, { maxLength: 4 }) },
  {
    weight: 1,
    arbitrary: fc.array(fc.constant({ type: 60, content: [5, 2, 0, 0] }), { minLength: 7, maxLength: 10 }),
  },
);

const packet6 = fc.record({
  chain: extensions, last: fc.constantFrom(6, 17, 58, 59, 99, 0), length: fc.oneof(
    fc.nat(40), fc.constantFrom(0, 8, 16),
  ),
  cut: rarely(fc.integer({ min: 0, max: 200 })), padding: fc.integer({ min: 0, max: 30 }),
  dst: fc.constantFrom('fd00::2', 'ff02::1', 'ff02::1:ff00:2'),
}).map(({ chain, last, length, cut, padding, dst }) => {
  const types = [...chain.map((each) => each.type), last];
  const headers = chain.map(
    (each, i) => 'offset' in each ? fragmentHeader(
      types[i + 1]!, each.offset, each.more, 1,
    ) : extension(types[i + 1]!, each.content),
  );
  const payload = joined(...headers, pattern(length)).slice(0, cut);
  return v6({ nextHeader: types[0]!, payload, padding, dst });
});

const mutated = (packets: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> =>
  fc.tuple(packets, fc.array(fc.tuple(fc.nat(), byte), { maxLength: 4 }), rarely(fc.nat()))
    .map(([packet, changes, cut]) => {
      const copy = packet.slice(0, cut === undefined ? undefined : 1 + cut % packet.length);
      for (const [at, value] of changes) copy[at % copy.length] = value;
      return resummed(copy);
    });

describe('the door of IP', () => {
  const runs = { numRuns: 1500 };

  test('survives any bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), survives), runs);
    const some = fc.uint8Array({ minLength: 1, maxLength: 200 });
    fc.assert(fc.property(some, fc.constantFrom(0x45, 0x46, 0x4f, 0x60), (bytes, first) => {
      bytes[0] = first;
      survives(resummed(bytes));
    }), runs);
  });

  test('survives IPv4 packets that are nearly right', () => {
    fc.assert(fc.property(mutated(packet4), survives), runs);
  });

  test('survives IPv6 packets and chains of headers that are nearly right', () => {
    fc.assert(fc.property(packet6, survives), runs);
    fc.assert(fc.property(mutated(packet6), survives), runs);
  });

  test('delivers some of them, cuts others short for nearly every reason that it knows', () => {
    const bench = new IpBench();
    for (const [seed, packets] of [mutated(packet4), mutated(packet6), packet6].entries()) {
      for (const bytes of fc.sample(packets, { numRuns: 3000, seed: seed + 1 })) bench.receive(bytes);
    }
    expect(bench.deliveries.length).toBeGreaterThan(500);
    expect(Object.keys(bench.dropped)).toEqual(expect.arrayContaining([
      'ip-truncated', 'ip-bad-version', 'ip-bad-header-length', 'ip-bad-total-length', 'ip-bad-options',
      'ip-source-route', 'ip-martian-destination', 'ip-not-for-us', 'ip-unknown-protocol',
      'ip6-bad-extension', 'ip6-too-many-extensions', 'ip6-unknown-option', 'ip6-routing-header',
      'ip6-no-next-header', 'ip6-misplaced-hop-by-hop',
      'fragment-malformed', 'fragment-overlap', 'fragment-tiny-first', 'fragment-nested',
    ]));
  });
});
