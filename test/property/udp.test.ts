// UDP for any bytes, any names and any traffic: the parser is total, the port table does what a list would, and so does
// the receive queue.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Address, address, isUnspecified, isV4 } from '../../src/address.js';
import { IpHeader } from '../../src/ip/header.js';
import { SeededRandom } from '../../src/random.js';
import { Datagram, DatagramQueue, OVERHEAD } from '../../src/udp/datagram-queue.js';
import { type Binding, PortTable } from '../../src/udp/ports.js';
import { Host } from '../fixtures/host.js';
import { ipPacket, isValid, isV6, udpPacket } from '../fixtures/rfc-packets.js';

const port = fc.integer({ min: 1, max: 65_535 });
const payload = fc.uint8Array({ maxLength: 300 });
const pair = fc.constantFrom(['10.0.0.2', '10.0.0.1'] as const, ['fd00::2', 'fd00::1'] as const);
const byte = fc.nat({ max: 255 });

describe('on the wire', () => {
  test('what is sent is what RFC 768 draws', () => {
    fc.assert(fc.property(pair, port, port, payload, byte, fc.integer({ min: 1, max: 255 }), ([peer, us], from, to, data, trafficClass, hopLimit) => {
      const host = new Host();
      const endpoint = host.udp.open();
      endpoint.dontFragment = true;
      endpoint.trafficClass = trafficClass;
      endpoint.hopLimit = hopLimit;
      expect(endpoint.bind(address(us), from)).toBe(null);
      const around = Uint8Array.of(1, 2, 3, ...data, 4);
      expect(endpoint.send(around, 3, 3 + data.length, { address: address(peer), port: to })).toBe(null);
      const drawn = udpPacket({ src: us, dst: peer, from, to, payload: data, trafficClass, hopLimit, dontFragment: true });
      expect(host.sent()).toEqual([drawn]);
    }));
  });

  test('what RFC 768 draws is received as it is', () => {
    fc.assert(fc.property(pair, port, port, payload, byte, byte, ([peer, us], from, to, data, trafficClass, hopLimit) => {
      const host = new Host();
      const endpoint = host.udp.open();
      expect(endpoint.bind(address('::'), to)).toBe(null);
      host.give(udpPacket({ src: peer, dst: us, from, to, payload: data, trafficClass, hopLimit }));
      const { data: bytes, ...rest } = endpoint.receive()!;
      expect([...bytes]).toEqual([...data]);
      expect(rest).toMatchObject({ port: from, trafficClass, hopLimit });
      expect(rest.address.toString()).toBe(peer);
    }));
  });

  test('whatever comes as UDP: it is delivered exactly if its length and its checksum are right', () => {
    const drawn = fc.tuple(pair, payload, fc.array(fc.tuple(fc.nat({ max: 400 }), byte), { maxLength: 2 }), fc.nat({ max: 12 }))
      .map(([[peer, us], data, changes, cut]) => {
        const at = isV6(us) ? 40 : 20;
        const datagram = udpPacket({ src: peer, dst: us, from: 9, to: 53, payload: data }).subarray(at);
        const message = datagram.slice(0, Math.max(0, datagram.length - cut * cut));
        for (const [where, value] of changes) if (where < message.length) message[where] = value;
        return { peer, us, message };
      });
    const noise = fc.tuple(pair, fc.uint8Array({ maxLength: 40 })).map(([[peer, us], message]) => ({ peer, us, message }));
    fc.assert(fc.property(fc.oneof(drawn, noise), ({ peer, us, message }) => {
      const host = new Host();
      const endpoint = host.udp.open();
      endpoint.bind(address('::'), 53);
      host.give(ipPacket(17, message, { src: peer, dst: us }));
      const datagram = endpoint.receive();
      expect(datagram === null ? null : [...datagram.data]).toEqual(judged(peer, us, message));
      for (const packet of host.sent()) expect(isValid(packet)).toBe(true);
      expect(host.pool.outstanding).toBe(0);
      const drops = Object.values(host.counters.dropped()).reduce((sum, n) => sum + n, 0);
      expect(drops).toBe(datagram === null ? 1 : 0);
    }), { numRuns: 500 });
  });

  /** The payload by RFC 768, RFC 1122 §4.1.3.4 and RFC 8200 §8.1; null: it is to be dropped, or is another port's. */
  function judged(peer: string, us: string, message: Uint8Array): number[] | null {
    if (message.length < 8) return null;
    const length = message[4]! * 256 + message[5]!;
    if (length < 8 || length > message.length || message[2] !== 0 || message[3] !== 53) return null;
    const datagram = message.subarray(0, length);
    const none = datagram[6] === 0 && datagram[7] === 0;
    if (none ? isV6(us) : !isValid(ipPacket(17, datagram, { src: peer, dst: us }))) return null;
    return [...datagram.subarray(8)];
  }
});

// ---- the port table ------------------------------------------------------------------------------------------------

class Entry implements Binding<Entry> {
  nextInBucket: Entry | null = null;
  constructor(
    readonly localAddress: Address, readonly localPort: number, readonly remoteAddress: Address | null,
    readonly remotePort: number, readonly v6Only: boolean, readonly reuseAddress: boolean, readonly reusePort: boolean,
    readonly interfaceIndex: number,
  ) {}
}

const V4 = ['10.0.0.1', '10.0.0.2'].map(address);
const V6 = ['fd00::1', 'fd00::2'].map(address);
const anyPort = fc.constantFrom(1, 2);
const anyEntry = fc.record({
  local: fc.constantFrom(...V4, ...V6, address('0.0.0.0'), address('::')),
  localPort: anyPort, hasPeer: fc.boolean(), peer: fc.nat({ max: 1 }), remotePort: anyPort,
  v6Only: fc.boolean(), reuseAddress: fc.boolean(), reusePort: fc.boolean(), interfaceIndex: fc.constantFrom(0, 0, 1, 2),
}).map((r) => {
  const connects = r.hasPeer && !isUnspecified(r.local);
  const peers = isV4(r.local) ? V4 : V6;
  return new Entry(
    r.local, r.localPort, connects ? peers[r.peer]! : null, connects ? r.remotePort : 0, !isV4(r.local) && r.v6Only,
    r.reuseAddress, r.reusePort, r.interfaceIndex,
  );
});
const anyArrival = fc.record({
  family: fc.boolean(), dst: fc.nat({ max: 1 }), dstPort: anyPort, src: fc.nat({ max: 1 }), srcPort: anyPort,
  on: fc.constantFrom(1, 2),
});

describe('the port table, against a list', () => {
  /** In words: is a datagram for `dst` among those that `e` is bound to? */
  const concerns = (e: Entry, dst: Address): boolean => {
    if (e.localAddress.toString() === '0.0.0.0') return isV4(dst);
    if (e.localAddress.toString() === '::') return !(isV4(dst) && e.v6Only);
    return e.localAddress.toString() === dst.toString();
  };
  /** A number with a digit for each rule, the first rule first. */
  const merit = (e: Entry): number => {
    const name = e.localAddress.toString();
    const isExact = name !== '::' && name !== '0.0.0.0';
    const isOneFamily = name === '0.0.0.0' || e.v6Only;
    return (e.remoteAddress === null ? 0 : 1000) + (isExact ? 100 : isOneFamily ? 10 : 0) + (e.interfaceIndex > 0 ? 1 : 0);
  };

  test('a datagram goes to the most specific; of equals to the youngest, or to one of those who share the port', () => {
    const step = fc.oneof(anyEntry.map((entry) => ({ entry })), anyArrival, fc.nat({ max: 20 }).map((remove) => ({ remove })));
    fc.assert(fc.property(fc.array(step, { maxLength: 60, size: 'max' }), fc.nat(), (steps, seed) => {
      const table = new PortTable<Entry>(new SeededRandom(seed));
      let list: Entry[] = [];
      for (const s of steps) {
        if ('entry' in s) {
          table.add(s.entry);
          list.push(s.entry);
        } else if ('remove' in s) {
          const entry = list[s.remove];
          if (entry === undefined) continue;
          table.remove(entry);
          table.remove(entry);
          list = list.filter((each) => each !== entry);
        } else {
          const [dst, src] = s.family ? [V4[s.dst]!, V4[s.src]!] : [V6[s.dst]!, V6[s.src]!];
          const found = table.find(dst, s.dstPort, src, s.srcPort, s.on);
          const fitting = list.filter((e) => e.localPort === s.dstPort && concerns(e, dst)
            && (e.interfaceIndex === 0 || e.interfaceIndex === s.on)
            && (e.remoteAddress === null || (e.remoteAddress === src && e.remotePort === s.srcPort)));
          // Among connected ones the names are equal, and an interface is no more specific.
          const connected = fitting.filter((e) => e.remoteAddress !== null);
          const best = connected.length > 0 ? connected : fitting.filter((e) => merit(e) === Math.max(...fitting.map(merit)));
          const youngest = best.at(-1) ?? null;
          if (youngest === null || connected.length > 0 || !youngest.reusePort) expect(found).toBe(youngest);
          else {
            expect(best.filter((e) => e.reusePort)).toContain(found);
            expect(table.find(dst, s.dstPort, src, s.srcPort, s.on)).toBe(found);
            // None of them is left out for ever: of so many peers, each gets some.
            const sharers = new Set<Entry | null>();
            const random = new SeededRandom(seed);
            for (let i = 0; i < 400; i++) {
              const stranger = s.family ? new Address(0, 0, 0xffff, random.u32() | 0) : new Address(random.u32() | 0, 1, 2, 3);
              sharers.add(table.find(dst, s.dstPort, stranger, 1000 + random.below(60_000), s.on));
            }
            expect(sharers).toEqual(new Set(best.filter((e) => e.reusePort)));
          }
          expect(table.has(s.dstPort)).toBe(list.some((e) => e.localPort === s.dstPort));
          const all: Entry[] = [];
          table.findAll(all, dst, s.dstPort, src, s.srcPort, s.on);
          expect(all).toEqual(fitting);
        }
        table.check();
        expect(table.size).toBe(list.length);
        expect(new Set(table)).toEqual(new Set(list));
      }
    }), { numRuns: 300 });
  });

  test('a name is refused exactly if somebody listed could take its datagrams, or it theirs, without consent (SEC-48)', () => {
    fc.assert(fc.property(fc.array(anyEntry, { maxLength: 6 }), anyEntry, fc.nat(), (listed, candidate, seed) => {
      const table = new PortTable<Entry>(new SeededRandom(seed));
      for (const entry of listed) table.add(entry);
      const targets = [...V4, ...V6, address('10.9.9.9'), address('fd09::9')];
      const rivals = listed.filter((e) => e.localPort === candidate.localPort
        && targets.some((dst) => concerns(e, dst) && concerns(candidate, dst))
        && (e.interfaceIndex === candidate.interfaceIndex || e.interfaceIndex * candidate.interfaceIndex === 0)
        && !(e.reusePort && candidate.reusePort) && !(e.reuseAddress && candidate.reuseAddress));
      expect(table.isFree(candidate)).toBe(rivals.length === 0);
    }), { numRuns: 1000 });
  });

  test('peers that differ in single bits do not pile up, whoever chose them (SEC-93)', () => {
    fc.assert(fc.property(fc.nat(), (seed) => {
      const table = new PortTable<Entry>(new SeededRandom(seed));
      const us = V6[0]!;
      const entries = Array.from({ length: 2000 }, (_, i) => {
        // The top bits of each word: what a multiplication carries away.
        const peer = new Address((i & 15) << 28, ((i >> 4) & 15) << 28, 1, (i >> 8) << 28);
        return new Entry(us, 1, peer, 9, false, true, true, 0);
      });
      for (const entry of entries) table.add(entry);
      // 2000 in 131,072 buckets: a chain of five is one in a hundred million.
      const longest = Math.max(...entries.map((e) => {
        let length = 0;
        for (let at: Entry | null = e; at !== null; at = at.nextInBucket) length++;
        return length;
      }));
      expect(longest).toBeLessThan(6);
      for (const e of entries) expect(table.find(us, 1, e.remoteAddress!, e.remotePort, 1)).toBe(e);
    }), { numRuns: 10 });
  });
});

// ---- the receive queue ---------------------------------------------------------------------------------------------

test('the receive queue is a list with a price on each of its datagrams', () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.record({ data: fc.uint8Array({ maxLength: 40 }), port, hopLimit: byte, trafficClass: byte, zone: fc.nat({ max: 3 }) }) },
    { weight: 2, arbitrary: fc.constant('shift' as const) },
    { weight: 1, arbitrary: fc.constant('drain' as const) },
    { weight: 1, arbitrary: fc.constant('burst' as const) },
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 80, size: 'max' }), fc.integer({ min: 0, max: 40_000 }), (steps, max) => {
    const queue = new DatagramQueue(max);
    let list: { data: number[]; port: number; hopLimit: number; trafficClass: number; zone: number }[] = [];
    const cost = (): number => list.reduce((sum, each) => sum + each.data.length + OVERHEAD, 0);
    const header = new IpHeader();
    const push = (data: Uint8Array, d: { port: number; hopLimit: number; trafficClass: number; zone: number }): void => {
      Object.assign(header, {
        src: address(`fe80::${d.port.toString(16)}%${d.zone}`), dst: address(`fe80::1:${d.port.toString(16)}`), hopLimit: d.hopLimit,
        trafficClass: d.trafficClass,
      });
      const fits = list.length === 0 || cost() + data.length + OVERHEAD <= max;
      expect(queue.push(Uint8Array.of(9, ...data, 9), 1, 1 + data.length, d.port, header)).toBe(fits);
      if (fits) list.push({ ...d, data: [...data] });
    };
    const into = new Datagram();
    const shift = (): void => {
      const first = list.shift();
      expect(queue.firstLength()).toBe(first === undefined ? -1 : first.data.length);
      expect(queue.shift(into)).toBe(first !== undefined);
      if (first === undefined) return;
      expect({
        data: [...into.data], port: into.port, hopLimit: into.hopLimit, trafficClass: into.trafficClass, zone: into.address.zone,
      }).toEqual(first);
      expect(into.address.toString()).toBe(address(`fe80::${first.port.toString(16)}%${first.zone}`).toString());
      expect(into.localAddress.toString()).toBe(`fe80::1:${first.port.toString(16)}`);
    };
    for (const s of steps) {
      if (s === 'shift') shift();
      else if (s === 'drain') while (list.length > 0) shift();
      else if (s === 'burst') for (let i = 1; i < 100; i++) push(new Uint8Array(0), { port: i, hopLimit: 1, trafficClass: 2, zone: 3 });
      else push(s.data, s);
      queue.check();
      expect([queue.length, queue.bytes]).toEqual([list.length, cost()]);
    }
    queue.clear();
    queue.check();
    list = [];
    expect(queue.bytes).toBe(0);
  }), { numRuns: 200 });
});
