// A port takes any frame: it goes up, is an ARP packet, or is dropped with a reason; nothing leaks, nothing throws.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fromHex } from '../../src/bytes.js';
import { arp, EthernetBench, EVERYBODY, frame, PEER, US } from '../fixtures/ethernet.js';
import { build } from '../fixtures/ip-packets.js';

const anyIp = fc.integer({ min: 0, max: 5 }).map((n) => `10.0.0.${n}`);
const anyMac = fc.constantFrom(US, PEER, EVERYBODY, '020000000003', '000000000000', '333300000001');

/** Mostly nearly right: what is far from right is soon dropped. */
const anyFrame = fc.tuple(
  fc.oneof(
    fc.uint8Array({ maxLength: 80 }),
    fc.record({ to: anyMac, from: anyMac, sha: anyMac, spa: anyIp, tpa: anyIp, op: fc.integer({ min: 0, max: 3 }) }).map(arp),
    fc.record({ op: fc.constantFrom(1, 2), spa: anyIp, tpa: anyIp }).map(arp),
    fc.tuple(anyMac, fc.constantFrom('0800', '86dd'), fc.constantFrom<4 | 6>(4, 6))
      .map(([to, type, family]) => frame(to, PEER, type, build({ family }))),
  ),
  fc.option(fc.tuple(fc.nat(60), fc.nat(255)), { freq: 2 }),
  fc.option(fc.nat(80), { freq: 5 }),
).map(([bytes, change, cut]) => {
  const made = bytes.slice(0, cut ?? bytes.length);
  if (change !== null && change[0] < made.length) made[change[0]] = change[1];
  return made;
});

test('any frames, in any order, with packets to send between them', () => {
  const anyStep = fc.oneof(
    { weight: 6, arbitrary: anyFrame },
    { weight: 1, arbitrary: anyIp },
    { weight: 1, arbitrary: fc.constantFrom(1, 500, 1000, 6000) },
  );
  fc.assert(fc.property(fc.array(anyStep, { maxLength: 40 }), fc.boolean(), fc.boolean(), (steps, coalesce, pad) => {
    const bench = new EthernetBench({ coalesce, pad });
    let frames = 0;
    for (const step of steps) {
      const before = Object.values(bench.counters.dropped()).reduce((a, b) => a + b, 0) + bench.up.length;
      if (typeof step === 'string') {
        bench.send(build({}), step);
      } else if (typeof step === 'number') {
        bench.wait(step);
      } else {
        bench.give(step);
        bench.port.flush(bench.now);
        frames++;
        const after = Object.values(bench.counters.dropped()).reduce((a, b) => a + b, 0) + bench.up.length;
        const isArp = step[12] === 8 && step[13] === 6;
        // The rest is ARP that was understood.
        if (!isArp) expect(after - before).toBe(1);
      }
      bench.port.neighbors.check();
      for (const sent of bench.sent()) {
        // Ours, to no address that no station can have; and no byte of a used buffer behind it (SEC-04, SEC-70).
        expect([...sent.slice(6, 12)]).toEqual([...fromHex(US)]);
        expect([...sent.slice(0, 6)]).not.toEqual([0, 0, 0, 0, 0, 0]);
        const length = sent[12] === 8 && sent[13] === 6 ? 42 : 54;
        expect([...sent.slice(length)]).toEqual(pad ? Array.from({ length: 60 - length }, () => 0) : []);
      }
      // SEC-22: nobody but single stations, and not we, are neighbours; our own address is never one.
      for (const { state, linkAddress, address } of bench.port.neighbors.entries()) {
        expect(bench.own).not.toContain(state === 'INCOMPLETE' ? '' : address.toString());
        if (state === 'INCOMPLETE') continue;
        expect(linkAddress[0]! & 1).toBe(0);
        expect([fromHex(US), new Uint8Array(6)]).not.toContainEqual(linkAddress);
      }
    }
    expect(bench.counters.rxPackets).toBe(frames);
    bench.wait(60_000);
    expect(bench.pool.outstanding).toBe(0);
  }), { numRuns: 300 });
});
