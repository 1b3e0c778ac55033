// What wallsocket/arbitraries makes, judged by others: our parsers, the layouts (the second witness of every format), sums
// in another number system; and what is left of it when a test fails.

import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import * as arb from '../../src/arbitraries.js';
import { Chain } from '../../src/ip/extension.js';
import * as IpWire from '../../src/ip/wire.js';
import * as Layout from '../../src/layouts.js';
import { parseSegment, Segment } from '../../src/tcp/segment.js';
import { packetText } from '../../src/testing/packet-text.js';
import { Simulation } from '../../src/testing/simulation.js';
import * as UdpWire from '../../src/udp/wire.js';

/** RFC 1071 by big numbers: words are the digits of one number in base 2^16, and 2^16 is 1 modulo 2^16 - 1. */
const isSummed = (bytes: Uint8Array): boolean => {
  const even = bytes.length % 2 === 0 ? bytes : Uint8Array.of(...bytes, 0);
  return BigInt(`0x0${Buffer.from(even).toString('hex')}`) % 0xffffn === 0n;
};

/** Where the transport of an IPv6 packet begins, by RFC 8200 and not by our walk; its protocol too. */
function walk6(b: Uint8Array): { at: number; protocol: number } {
  let protocol = b[6]!;
  let at = 40;
  while (protocol === 0 || protocol === 43 || protocol === 60 || protocol === 44) {
    const length = protocol === 44 ? 8 : 8 * (b[at + 1]! + 1);
    protocol = b[at]!;
    at += length;
  }
  return { at, protocol };
}

const transportOf = (b: Uint8Array): { at: number; protocol: number } =>
  (b[0]! >> 4 === 4 ? { at: (b[0]! & 15) * 4, protocol: b[9]! } : walk6(b));

function isTransportSummed(b: Uint8Array): boolean {
  const { at, protocol } = transportOf(b);
  const addresses = b[0]! >> 4 === 4 ? [12, 8] as const : [8, 32] as const;
  const covered = b.subarray(at);
  if (protocol === 1) return isSummed(covered);
  const head = [...b.subarray(addresses[0], addresses[0] + addresses[1]), 0, 0, 0, protocol, covered.length >> 8, covered.length & 0xff];
  return isSummed(Uint8Array.of(...head, ...covered));
}

const SUMMED = new Set([1, 6, 17, 58]);
const isSummedKind = (p: arb.IpPacket): boolean => SUMMED.has(transportOf(arb.encodePacket(p)).protocol)
  && p.content.kind !== 'protocol' && !(p.content.kind === 'udp' && p.content.isUnsummed);

describe('what is generated', () => {
  test('is a packet that our parsers take and whose checksums are right', () => {
    const chain = new Chain();
    fc.assert(fc.property(arb.ipPacket(), (p) => {
      const b = arb.encodePacket(p);
      if (p.kind === 'ipv4') {
        expect(IpWire.problem4(b, 0, b.length)).toBeNull();
        expect(isSummed(b.subarray(0, (b[0]! & 15) * 4))).toBe(true);
      } else {
        expect(IpWire.problem6(b, 0, b.length)).toBeNull();
        chain.begin(b[6]!, 40, 6);
        const verdict = chain.walk(b, b.length);
        // What RFC 8200 wants answered is a verdict on what it says, not on how it is written.
        if (verdict === null) expect([chain.protocol, chain.at]).toEqual([walk6(b).protocol, walk6(b).at]);
        else expect(['ip6-unknown-option', 'ip6-routing-header', 'ip6-bad-extension']).toContain(verdict);
      }
      if (isSummedKind(p)) expect(isTransportSummed(b)).toBe(true);
    }), { numRuns: 500 });
  });

  test('says in the layouts\' terms what was described', () => {
    fc.assert(fc.property(arb.ipPacket({ carries: ['tcp', 'udp'] }), (p) => {
      const b = Buffer.from(arb.encodePacket(p));
      const { at } = transportOf(b);
      if (p.kind === 'ipv4') {
        expect(Layout.ipv4.decode(b)).toMatchObject({
          first: { version: 4, ihl: at / 4 }, trafficClass: { dscp: p.trafficClass >> 2, ecn: p.trafficClass & 3 }, totalLength: b.length, identification: p.identification, timeToLive: p.timeToLive,
          fragment: { dontFragment: p.dontFragment, moreFragments: false, fragmentOffset: 0 },
        });
      } else {
        expect(Layout.ipv6.decode(b)).toMatchObject({
          first: { version: 6, trafficClass: p.trafficClass, flowLabel: p.flowLabel }, payloadLength: b.length - 40, hopLimit: p.hopLimit,
        });
      }
      const { content } = p;
      if (content.kind === 'udp') {
        expect(Layout.udp.decode(b, at)).toMatchObject({
          sourcePort: content.sourcePort, destinationPort: content.destinationPort, length: 8 + content.payload.length,
        });
        expect(UdpWire.isWellFormed(b, at, b.length)).toBe(true);
      } else if (content.kind === 'tcp') {
        expect(Layout.tcp.decode(b, at)).toMatchObject({
          sourcePort: content.sourcePort, destinationPort: content.destinationPort, sequenceNumber: content.seq, acknowledgmentNumber: content.ack,
          window: content.window, urgentPointer: content.urgent,
        });
      }
    }), { numRuns: 300 });
  });

  test('is a segment whose options we read as they were meant', () => {
    const seg = new Segment();
    fc.assert(fc.property(arb.segment(), (s) => {
      const b = arb.encodePacket({ ...POLITE, content: s });
      expect(parseSegment(b, 20, b.length, seg)).toBeNull();
      expect(seg.payloadLength).toBe(s.payload.length);
      const end = s.options.findIndex(({ kind }) => kind === 'end');
      const said = end < 0 ? s.options : s.options.slice(0, end);
      const stamps = said.findLast((option) => option.kind === 'timestamps');
      expect(seg.options.hasTimestamps).toBe(stamps !== undefined);
      if (stamps?.kind === 'timestamps') expect(seg.options.tsVal).toBe(stamps.value | 0);
      const blocks = said.reduce((sum, option) => sum + (option.kind === 'sack' ? option.blocks.length : 0), 0);
      expect(seg.options.sackCount).toBe(Math.min(4, blocks));
      const mss = said.findLast((option) => option.kind === 'mss');
      expect(seg.options.mss).toBe((s.flags & 2) !== 0 && mss?.kind === 'mss' ? mss.value : 0);
    }), { numRuns: 500 });
  });

  test('is a frame that the second reader reads to its end', () => {
    fc.assert(fc.property(arb.frame(), (f) => {
      const b = arb.encodeFrame(f);
      const text = packetText(b, 0, b.length, 'ethernet');
      expect(text).not.toContain('[|ether]');
      expect(text).not.toContain('[|arp]');
      // A quote may be cut off anywhere, and any bytes may follow where others have an extension header.
      const isOpen = 'content' in f.content && (['icmp-error', 'icmp-other', 'protocol'].includes(f.content.content.kind));
      if (!isOpen) expect(text).not.toContain('[|ip');
      if (f.content.kind === 'arp') expect(Layout.arp.decode(Buffer.from(b), b.length - 28)).toMatchObject({ hrd: 1, pro: 0x0800, op: f.content.operation });
    }), { numRuns: 500 });
  });

  test('has wrong checksums only when asked', () => {
    const wrong = fc.sample(arb.ipPacket({ carries: ['tcp'], invalidChecksum: 0.5 }), { numRuns: 200, seed: 1 })
      .filter((p) => !isTransportSummed(arb.encodePacket(p))).length;
    expect(wrong).toBeGreaterThan(60);
    expect(wrong).toBeLessThan(140);
  });

  test('are fragments that together are the datagram', () => {
    fc.assert(fc.property(arb.ipPacket({ carries: ['udp'], payloadMax: 500, options: false }), fc.integer({ min: 1, max: 20 }), (whole, units) => {
      const pieces = arb.fragmentsOf(whole, 8 * units);
      const bytes = pieces.flatMap(({ content }) => (content.kind === 'protocol' ? [...content.payload] : []));
      const b = arb.encodePacket(whole);
      expect(bytes).toEqual([...b.subarray(transportOf(b).at)]);
      for (const piece of pieces) {
        const p = arb.encodePacket(piece);
        expect(piece.kind === 'ipv4' ? IpWire.problem4(p, 0, p.length) : IpWire.problem6(p, 0, p.length)).toBeNull();
      }
    }));
  });

  test('is a topology that holds together, and a schedule that leaves its links plugged in', () => {
    fc.assert(fc.property(arb.topology(), arb.schedule({ untilMs: 1000 }), (plan, happenings) => {
      const sim = new Simulation(1);
      const { hosts, links } = arb.build(sim, plan);
      const reached = new Set([0]);
      for (let i = 0; i < plan.hosts; i++) {
        for (const { from, to } of plan.links) if (reached.has(from) || reached.has(to)) reached.add(from).add(to);
      }
      expect([hosts.length, reached.size]).toEqual([plan.hosts, plan.hosts]);
      arb.follow(sim, links, happenings, 1000);
      sim.advance(1001);
      for (const link of links) expect(link.ends.map(({ impairment }) => impairment.unplugged)).toEqual([false, false]);
    }), { numRuns: 50 });
  });
});

const POLITE: arb.Ipv4Packet = {
  kind: 'ipv4', options: [], source: '10.0.0.1', destination: '10.0.0.2', trafficClass: 0, identification: 0, dontFragment: false,
  moreFragments: false, fragmentOffset: 0, timeToLive: 64, checksumOff: 0,
  content: { kind: 'udp', payload: new Uint8Array(0), sourcePort: 1, destinationPort: 1, isUnsummed: false, checksumOff: 0 },
};

describe('a segment aimed at a connection', () => {
  const target = { snd: { una: -10, nxt: 5 }, rcv: { nxt: -1, edge: 100 }, ts: { on: true, recent: -1 } };
  const aimed: arb.AimedSegment = {
    kind: 'aimed', options: [], payload: new Uint8Array(3), seqFrom: 'rcv.nxt', seqDelta: 2, ackFrom: 'snd.una', ackDelta: -1, flags: 16,
    window: 1, urgent: 0, tsDelta: 1, checksumOff: 0,
  };
  test('is resolved when it is sent, across the wrap', () => {
    expect(arb.aim(aimed, target, 1, 2)).toMatchObject({ seq: 1, ack: 0xffff_fff5, options: [{ kind: 'timestamps', value: 0 }] });
    expect(arb.aim({ ...aimed, seqFrom: 'rcv.edge', seqDelta: -1, tsDelta: null }, target, 1, 2)).toMatchObject({ seq: 99, options: [] });
  });
});

describe('what is left when a test fails', () => {
  /** The counterexample that is left, as the runner leaves it. */
  const left = <T>(what: fc.Arbitrary<T>, isFine: (value: T) => boolean): T => {
    const details = fc.check(fc.property(what, isFine), { numRuns: 2000, seed: 7, endOnFailure: false });
    expect(details.failed).toBe(true);
    return details.counterexample![0] as T;
  };

  test('one frame, polite but for the field that matters', () => {
    const all = left(arb.ipPackets({ carries: ['tcp'] }), (packets) => !packets.some(({ content: c }) => c.kind === 'tcp' && c.seq >= 1000));
    expect(all).toHaveLength(1);
    expect(all[0]!.content).toEqual({
      kind: 'tcp', options: [], payload: new Uint8Array(0), sourcePort: 40_000, destinationPort: 80, seq: 1000, ack: 0, flags: 16, window: 65_535,
      urgent: 0, checksumOff: 0,
    });
  });

  test('the one option that matters, and no other', () => {
    const one = left(arb.segment(), (s) => !s.options.some((option) => option.kind === 'window-scale' && option.shift > 14));
    expect(one.options).toEqual([{ kind: 'window-scale', shift: 15 }]);
    expect(one.payload).toHaveLength(0);
  });

  test('frames go before options, options before payload, payload before fields', () => {
    const value = fc.sample(arb.ipPackets({ carries: ['tcp'], maxLength: 4 }), { numRuns: 300, seed: 3 })
      .find((packets) => packets.length > 1 && packets.every(({ content: c }) => c.kind === 'tcp' && c.options.length > 0 && c.payload.length > 1))!;
    const options = (packets: arb.IpPacket[]): number => packets.reduce((sum, p) => sum + (p.content.kind === 'tcp' ? p.content.options.length : 0)
      + (p.kind === 'ipv4' ? p.options : p.extensions).length, 0);
    const payload = (packets: arb.IpPacket[]): string => packets.map(({ content: c }) => (c.kind === 'tcp' ? c.payload.join() : '')).join('|');
    const stages = [...arb.smaller(value, arb.MANNERS)].map((less) => (less.length < value.length ? 0 : options(less) < options(value) ? 1
      : payload(less) !== payload(value) ? 2 : 3));
    // Lists and bytes inside an option have their turn with lists and bytes.
    const order = stages.filter((stage, i) => stage !== stages[i - 1]);
    expect(order[0]).toBe(0);
    expect(order.indexOf(1)).toBe(1);
    expect(stages.lastIndexOf(0)).toBeLessThan(stages.indexOf(1));
    expect(stages.lastIndexOf(1)).toBeLessThan(stages.indexOf(2));
    expect(stages.at(-1)).toBe(3);
    expect(new Set(stages)).toEqual(new Set([0, 1, 2, 3]));
  });
});
