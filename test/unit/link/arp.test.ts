import { describe, expect, test } from 'vitest';
import { address } from '../../../src/address.js';
import { fromHex, hex } from '../../../src/bytes.js';
import { FRAMES } from '../../fixtures/captured-frames.js';
import { arp, type ArpFields, EthernetBench, EVERYBODY, OTHER, PEER, US } from '../../fixtures/ethernet.js';
import { build } from '../../fixtures/ip-packets.js';

const knows = (bench: EthernetBench, ip = '10.0.0.2'): [string, string] | null => {
  const neighbor = bench.port.neighbors.find(address(ip));
  return neighbor === null ? null : [neighbor.state, hex(neighbor.linkAddress)];
};

describe('a request for our address (RFC 826)', () => {
  test('is answered to its sender alone, whose address is learned, not yet believed', () => {
    const bench = new EthernetBench().give(arp());
    expect(bench.said()).toEqual([`${US} > ${PEER}: reply ${US} 10.0.0.1 to ${PEER} 10.0.0.2`]);
    expect(knows(bench)).toEqual(['STALE', PEER]);
    expect(bench.counters.dropped()).toEqual({});
    expect(bench.pool.outstanding).toBe(0);
  });

  test('as Linux sends it is answered as Linux answers', () => {
    const bench = new EthernetBench();
    Object.assign(bench.port.linkAddress, fromHex('020000000002'));
    bench.own = ['10.9.0.2'];
    bench.give(fromHex(FRAMES.arpRequest.hex));
    expect(bench.sent().map((bytes) => hex(bytes))).toEqual([FRAMES.arpReply.hex]);
  });

  test('from a neighbour that we know elsewhere moves it: merged before it is answered', () => {
    const bench = new EthernetBench().give(arp()).give(arp({ sha: OTHER }));
    expect(bench.said()[1]).toBe(`${US} > ${OTHER}: reply ${US} 10.0.0.1 to ${OTHER} 10.0.0.2`);
    expect(knows(bench)).toEqual(['STALE', OTHER]);
  });

  test('that is a probe, from 0.0.0.0, is answered and teaches nothing (RFC 5227 §2.5)', () => {
    const bench = new EthernetBench().give(arp({ spa: '0.0.0.0' }));
    expect(bench.said()).toEqual([`${US} > ${PEER}: reply ${US} 10.0.0.1 to ${PEER} 0.0.0.0`]);
    expect(knows(bench, '0.0.0.0')).toBeNull();
  });

  test('may be padded, as Ethernet pads it', () => {
    const padded = new Uint8Array(60).fill(0xaa);
    padded.set(arp());
    expect(new EthernetBench().give(padded).said()).toHaveLength(1);
  });
});

describe('our question', () => {
  const packet = build({});

  test('goes to everybody from our address on the subnet; the answer is believed and what waited is sent', () => {
    const bench = new EthernetBench().send(packet, '10.0.0.2');
    expect(bench.said()).toEqual([`${US} > ${EVERYBODY}: request ${US} 10.0.0.1 to 000000000000 10.0.0.2`]);
    bench.give(arp({ op: 2, to: US, tha: US }));
    expect(knows(bench)).toEqual(['REACHABLE', PEER]);
    expect(bench.said()).toEqual([`${US} > ${PEER}: 0800, 40 bytes`]);
  });

  test('as Linux asks it', () => {
    const bench = new EthernetBench();
    bench.own = ['10.9.0.1'];
    expect(bench.send(packet, '10.9.0.2').sent().map((bytes) => hex(bytes))).toEqual([FRAMES.arpRequest.hex]);
  });

  // RFC 1122 §2.3.2.1-2.
  test('is asked once a second, three times, however much is to be sent (RFC 1122 §2.3.2.1)', () => {
    const bench = new EthernetBench();
    for (let i = 0; i < 20; i++) bench.send(packet, '10.0.0.2').wait(100);
    expect(bench.said()).toHaveLength(3);
    bench.wait(1000);
    expect(bench.said()).toEqual([]);
    expect(bench.returned).toHaveLength(3);
    expect(bench.counters.dropped()).toEqual({ 'neighbor-queue-full': 17, 'neighbor-unreachable': 3 });
  });

  test('to a neighbour in doubt goes to it alone (RFC 1122 §2.3.2.1 (2))', () => {
    const bench = new EthernetBench().give(arp()).send(packet, '10.0.0.2').wait(4999);
    bench.sent();
    expect(bench.wait(1).said()).toEqual([`${US} > ${PEER}: request ${US} 10.0.0.1 to 000000000000 10.0.0.2`]);
    bench.give(arp({ op: 2, to: US, tha: US }));
    expect(knows(bench)).toEqual(['REACHABLE', PEER]);
  });

  test('without an address of ours on the subnet is asked from 0.0.0.0', () => {
    const bench = new EthernetBench();
    bench.own = [];
    expect(bench.send(packet, '10.0.0.2').said()).toEqual([`${US} > ${EVERYBODY}: request ${US} 0.0.0.0 to 000000000000 10.0.0.2`]);
  });
});

describe('what is said unasked (SEC-22)', () => {
  test.each<[string, Partial<ArpFields>]>([
    ['a reply to us', { op: 2, to: US, tha: US }],
    ['a reply to everybody', { op: 2, tha: US }],
    ['an announcement', { tpa: '10.0.0.2' }],
    ['a request for somebody else', { tpa: '10.0.0.9' }],
  ])('creates no entry: %s', (_, fields) => {
    const bench = new EthernetBench().give(arp(fields));
    expect(knows(bench)).toBeNull();
    expect(bench.said()).toEqual([]);
  });

  test.each<[string, Partial<ArpFields>]>([
    ['a reply to us', { op: 2, to: US, tha: US }],
    ['an announcement', { tpa: '10.0.0.2' }],
    ['a request for somebody else', { tpa: '10.0.0.9' }],
  ])('moves a neighbour that we know, and is not proof that it is there: %s (RFC 826, RFC 5227 §3)', (_, fields) => {
    const bench = new EthernetBench().give(arp());
    bench.port.confirm(address('10.0.0.2'), 0);
    bench.give(arp({ ...fields, sha: OTHER }));
    expect(knows(bench)).toEqual(['STALE', OTHER]);
    expect(bench.counters.dropped()).toEqual({});
  });

  test('a reply to everybody resolves, but does not prove that the way to the neighbour works', () => {
    const bench = new EthernetBench().send(build({}), '10.0.0.2').give(arp({ op: 2, tha: US }));
    expect(knows(bench)).toEqual(['STALE', PEER]);
  });

  test('a request for somebody else, from somebody unknown, is counted as not for us', () => {
    expect(new EthernetBench().give(arp({ tpa: '10.0.0.9' })).counters.dropped()).toEqual({ 'arp-not-for-us': 1 });
  });
});

describe('is dropped, with its reason, without a word or a trace', () => {
  const patched = (at: number, value: number): Uint8Array => {
    const bytes = arp();
    bytes[14 + at] = value;
    return bytes;
  };

  test.each<[string, Uint8Array]>([
    ['27 bytes', arp().slice(0, 41)],
    ['another hardware', patched(1, 6)],
    ['another protocol', patched(3, 1)],
    ['a hardware address of 8 bytes', patched(4, 8)],
    ['a protocol address of 16 bytes', patched(5, 16)],
    ['opcode 0', patched(7, 0)],
    ['opcode 3, reverse', patched(7, 3)],
    ['opcode 257', patched(6, 1)],
    ['nothing', arp().slice(0, 14)],
  ])('arp-malformed: %s', (_, bytes) => {
    const bench = new EthernetBench().give(bytes);
    expect(bench.counters.dropped()).toEqual({ 'arp-malformed': 1 });
    expect([bench.said(), [...bench.port.neighbors.entries()], bench.pool.outstanding]).toEqual([[], [], 0]);
  });

  test.each<[string, Partial<ArpFields>]>([
    ['a group for a sender', { sha: '030000000002', from: PEER }],
    ['everybody for a sender', { sha: EVERYBODY, from: PEER }],
    ['nobody for a sender', { sha: '000000000000', from: PEER }],
    ['us for a sender', { sha: US, from: PEER }],
    ['a group for the sender’s address', { spa: '224.0.0.1' }],
    ['broadcast for the sender’s address', { spa: '255.255.255.255' }],
    ['loopback for the sender’s address', { spa: '127.0.0.1' }],
    ['"this network" for the sender’s address', { spa: '0.0.0.5' }],
  ])('arp-bad-sender: %s', (_, fields) => {
    const bench = new EthernetBench().give(arp(fields));
    expect(bench.counters.dropped()).toEqual({ 'arp-bad-sender': 1 });
    expect([bench.said(), [...bench.port.neighbors.entries()]]).toEqual([[], []]);
  });
});

describe('somebody else uses our address (RFC 5227 §2.4)', () => {
  const theft = arp({ spa: '10.0.0.1', tpa: '10.0.0.7' });

  test('we say once that it is ours, and again only ten seconds later', () => {
    const bench = new EthernetBench();
    const announcement = `${US} > ${EVERYBODY}: request ${US} 10.0.0.1 to 000000000000 10.0.0.1`;
    expect(bench.give(theft).give(theft).said()).toEqual([announcement]);
    expect(bench.wait(9999).give(theft).said()).toEqual([]);
    expect(bench.wait(1).give(theft).said()).toEqual([announcement]);
    expect(bench.counters.dropped()).toEqual({ 'arp-conflict': 4 });
  });

  test('in a reply as in a request; nothing is learned, nothing answered', () => {
    const bench = new EthernetBench().give(arp({ op: 2, to: US, spa: '10.0.0.1' }));
    expect(bench.counters.dropped()).toEqual({ 'arp-conflict': 1 });
    expect([...bench.port.neighbors.entries()]).toEqual([]);
  });

  test('the keeper of our addresses is told who it is', () => {
    const bench = new EthernetBench();
    const told: string[] = [];
    bench.port.arp.claims.keeper = {
      claimed: () => {},
      conflict: (which, linkAddress) => told.push(`${which.toString()} at ${hex(linkAddress)}`),
    };
    bench.give(theft).give(theft);
    expect(told).toEqual([`10.0.0.1 at ${PEER}`]);
  });
});
