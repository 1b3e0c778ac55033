// ICMP for any bytes: nothing throws, nothing leaks, nothing is answered that must not be; and echo returns what it was sent.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { address } from '../../src/address.js';
import { IcmpError } from '../../src/ip/protocol.js';
import { readQuote4, readQuote6 } from '../../src/icmp/quote.js';
import { Host } from '../fixtures/host.js';
import { addressBytes, icmpPacket, ipPacket, isV6, isValid, udpPacket } from '../fixtures/rfc-packets.js';

const byte = fc.nat({ max: 255 });
const pair = fc.constantFrom(['10.0.0.2', '10.0.0.1'] as const, ['fd00::2', 'fd00::1'] as const);
const PEER = [2, 0, 0, 0, 0, 2];
const US = [2, 0, 0, 0, 0, 1];

/** Somewhere in it, a few bytes are others; then it is cut off. */
const damaged = (bytes: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> =>
  fc.tuple(bytes, fc.array(fc.tuple(fc.nat({ max: 200 }), byte), { maxLength: 3 }), fc.option(fc.nat({ max: 200 }))).map(([b, changes, cut]) => {
    const changed = b.slice();
    for (const [at, value] of changes) if (at < b.length) changed[at] = value;
    return cut === null ? changed : changed.subarray(0, Math.min(cut, b.length));
  });

/** A packet that we may have sent, and that an error may quote. */
const quoted = fc.tuple(pair, fc.uint8Array({ maxLength: 40 }), fc.constantFrom(1, 6, 17, 58, 0, 43, 44, 60)).map(([[peer, us], payload, protocol]) =>
  (protocol === 17 ? udpPacket({ src: us, dst: peer, from: 53, to: 9, payload }) : ipPacket(protocol, payload, { src: us, dst: peer })));

test('echo returns what it was sent, whatever that is (RFC 1122 §3.2.2.6)', () => {
  fc.assert(fc.property(pair, byte, byte, fc.array(byte, { minLength: 4, maxLength: 4 }), fc.uint8Array({ maxLength: 1400 }), ([peer, us], code, trafficClass, rest, data) => {
    const host = new Host();
    const v6 = isV6(us);
    host.give(icmpPacket({ src: peer, dst: us, type: v6 ? 128 : 8, code, rest, data, trafficClass }));
    const [answer, ...others] = host.sent();
    const id = v6 ? {} : { id: answer![4]! * 256 + answer![5]! };
    const drawn = icmpPacket({ src: us, dst: peer, type: v6 ? 129 : 0, code, rest, data, trafficClass: trafficClass & 0xfc, ...id });
    expect(Buffer.compare(answer!, drawn)).toBe(0);
    expect(others).toEqual([]);
    expect(host.pool.outstanding).toBe(0);
  }));
});

describe('any message', () => {
  const message = fc.oneof(
    fc.tuple(pair, fc.uint8Array({ maxLength: 80 })).map(([[src, dst], bytes]) => ipPacket(isV6(dst) ? 58 : 1, bytes, { src, dst, hopLimit: 255 })),
    fc.tuple(pair, byte, byte, fc.array(byte, { minLength: 4, maxLength: 4 }), damaged(quoted)).map(([[src, dst], type, code, rest, data]) =>
      icmpPacket({ src, dst, type, code, rest, data, hopLimit: 255 })),
    // Errors and Neighbor Discovery, oftener than by chance.
    fc.tuple(pair, fc.constantFrom(1, 2, 3, 4, 11, 12), fc.nat({ max: 7 }), fc.array(byte, { minLength: 4, maxLength: 4 }), damaged(quoted))
      .map(([[src, dst], type, code, rest, data]) => icmpPacket({ src, dst, type, code, rest, data })),
    fc.tuple(fc.constantFrom('fd00::2', 'fe80::2', '::'), fc.constantFrom('fd00::1', 'ff02::1:ff00:1', 'ff02::1'), fc.integer({ min: 133, max: 137 }), fc.uint8Array({ maxLength: 40 }))
      .map(([src, dst, type, options]) => icmpPacket({
        src, dst, type, hopLimit: 255, data: Uint8Array.of(...addressBytes('fd00::1'), ...options),
      })),
  );

  test('is taken, or counted once; it never throws, leaks, or is answered by more than itself', () => {
    fc.assert(fc.property(damaged(message), fc.constantFrom('ip', 'ethernet'), (packet, medium) => {
      const host = new Host({ medium });
      const endpoint = host.udp.open({ recordErrors: true });
      endpoint.bind(address('::'), 53);
      host.icmp.openEcho();
      if (medium === 'ip') host.give(packet);
      else if (packet.length > 0) host.give(Uint8Array.of(...US, ...PEER, ...(packet[0]! >> 4 === 4 ? [8, 0] : [0x86, 0xdd]), ...packet));
      const drops = Object.values(host.counters.dropped()).reduce((sum, n) => sum + n, 0);
      expect(drops).toBeLessThanOrEqual(2);
      const sent = host.sent();
      expect(sent.length).toBeLessThanOrEqual(1);
      for (const answer of sent) {
        const bytes = medium === 'ip' ? answer : answer.subarray(14);
        if (medium === 'ip' || answer[12] === 0x86) expect(isValid(bytes)).toBe(true);
      }
      expect(host.pool.outstanding).toBeLessThanOrEqual(medium === 'ip' ? 0 : 1);
    }), { numRuns: 2000 });
  });

  test('sent to many, it is not answered, but for a solicitation (SEC-26, SEC-38)', () => {
    const many = fc.constantFrom(['10.0.0.2', '255.255.255.255'], ['10.0.0.2', '10.0.0.255'], ['10.0.0.2', '224.0.0.1'], ['fd00::2', 'ff02::1']);
    fc.assert(fc.property(many, byte, byte, damaged(quoted), fc.boolean(), ([src, dst], type, code, data, udp) => {
      const host = new Host();
      host.give(udp ? udpPacket({ src: src!, dst: dst!, from: 7, to: 7, payload: data }) : icmpPacket({ src: src!, dst: dst!, type, code, data }));
      expect(host.sent()).toEqual([]);
    }), { numRuns: 500 });
  });
});

describe('a quote', () => {
  const surrounded = damaged(fc.oneof(quoted, fc.uint8Array({ maxLength: 90 })));

  test('is read in its bounds only: what stands around it does not matter', () => {
    fc.assert(fc.property(surrounded, fc.nat({ max: 9 }), byte, byte, (quote, shift, before, after) => {
      const read = (fill: number[]): unknown => {
        const b = Uint8Array.of(...new Array<number>(shift).fill(fill[0]!), ...quote, ...new Array<number>(70).fill(fill[1]!));
        const verdicts = [readQuote4, (...a: Parameters<typeof readQuote4>) => readQuote6(a[0], a[1], a[2], 3, a[3])].map((readQuote) => {
          const error = new IcmpError();
          const verdict = readQuote(b, shift, shift + quote.length, error);
          if (verdict !== null) return verdict;
          // RFC 1122 §3.2.2: at least eight bytes of the transport, and nothing that is not of the quote.
          expect(error.end - error.at).toBeGreaterThanOrEqual(8);
          expect(error.at).toBeGreaterThanOrEqual(shift + 20);
          expect(error.end).toBeLessThanOrEqual(shift + quote.length);
          return [error.src.toString(), error.dst.toString(), error.protocol, error.at, error.end];
        });
        return verdicts;
      };
      expect(read([before, after])).toEqual(read([255 - before, 255 - after]));
    }), { numRuns: 2000 });
  });

  test('of a packet of ours is understood', () => {
    fc.assert(fc.property(pair, fc.uint8Array({ minLength: 8, maxLength: 60 }), fc.nat({ max: 70 }), byte, ([peer, us], payload, extra, protocol) => {
      fc.pre(![0, 43, 44, 59, 60].includes(protocol));
      const v6 = isV6(us);
      const header = v6 ? 40 : 20;
      const packet = ipPacket(protocol, payload, { src: us, dst: peer });
      const quote = packet.subarray(0, Math.min(packet.length, header + 8 + extra));
      const error = new IcmpError();
      expect(v6 ? readQuote6(quote, 0, quote.length, 3, error) : readQuote4(quote, 0, quote.length, error)).toBe(null);
      expect([error.src.toString(), error.dst.toString(), error.protocol, error.at, error.end]).toEqual([us, peer, protocol, header, quote.length]);
    }));
  });
});
