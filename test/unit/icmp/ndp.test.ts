// Neighbor Discovery on Ethernet: asking, answering, and what is not believed. RFC 4861 §4.3, §4.4, §7; RFC 4862 §5.4
// (others' probes for duplicates); RFC 6980. SEC-02, SEC-20, SEC-22.

import { describe, expect, test } from 'vitest';
import { address } from '../../../src/address.js';
import { hex } from '../../../src/bytes.js';
import type { EthernetPort } from '../../../src/link/ethernet.js';
import { Host } from '../../fixtures/host.js';
import { addressBytes, icmpPacket, type IcmpFields, isValid, udpPacket } from '../../fixtures/rfc-packets.js';

const US = [2, 0, 0, 0, 0, 1];
const PEER = [2, 0, 0, 0, 0, 2];
const OTHER = [2, 0, 0, 0, 0, 3];

interface NdFields extends Partial<IcmpFields> {
  target?: string;
  ndOptions?: readonly number[];
  flags?: number;
  /** Frame addresses. */
  to?: readonly number[];
  by?: readonly number[];
}

const SLLA = [1, 1, ...PEER];
const TLLA = [2, 1, ...PEER];

/** A frame with a solicitation (135) or advertisement (136), as the peer fd00::2 sends it unless said otherwise. */
function nd(type: 135 | 136, f: NdFields): Uint8Array {
  const solicits = type === 135;
  const dst = f.dst ?? (solicits ? 'ff02::1:ff00:1' : 'fd00::1');
  const packet = icmpPacket({
    src: 'fd00::2', type, rest: [f.flags ?? 0, 0, 0, 0], hopLimit: 255,
    data: Uint8Array.of(...addressBytes(f.target ?? (solicits ? 'fd00::1' : 'fd00::2')), ...(f.ndOptions ?? (solicits ? SLLA : TLLA))),
    ...f, dst,
  });
  const group = addressBytes(dst);
  const to = f.to ?? (group[0] === 0xff ? [0x33, 0x33, ...group.slice(12)] : US);
  return Uint8Array.of(...to, ...(f.by ?? PEER), 0x86, 0xdd, ...packet);
}

const open = (): Host => new Host({ medium: 'ethernet' });
const port = (host: Host): EthernetPort => host.wire.port as EthernetPort;
const neighbor = (host: Host, where = 'fd00::2'): string => {
  const entry = port(host).neighbors.find(address(where));
  return entry === null ? 'none' : `${entry.state} ${entry.state === 'INCOMPLETE' ? '' : hex(entry.linkAddress)}${entry.isRouter ? ' router' : ''}`.trim();
};
const sendTo = (host: Host, where: string): void => {
  expect(host.udp.open().send(new Uint8Array(1), 0, 1, { address: address(where), port: 9 })).toBe(null);
};
/** Solicited, override, target link address. */
const answer = (f: NdFields = {}): Uint8Array => nd(136, { flags: 0x60, ...f });

describe('asking (RFC 4861 §7.2.2)', () => {
  test('the solicited-node group is asked, from the address that the packet goes from, with our link-layer address', () => {
    const host = open();
    sendTo(host, 'fd00::2');
    sendTo(host, `fe80::9:1234%${host.wire.index}`);
    const expected = (src: string, dst: string, target: string): Uint8Array => nd(135, {
      src, dst, target, ndOptions: [1, 1, ...US], by: US,
    });
    expect(host.sent()).toEqual([
      expected('fd00::1', 'ff02::1:ff00:2', 'fd00::2'), expected('fe80::1', 'ff02::1:ff09:1234', 'fe80::9:1234'),
    ]);
  });

  test('three times, a second apart; then what waited is undeliverable', () => {
    const host = open();
    sendTo(host, 'fd00::2');
    expect(host.wait(999).sent().length).toBe(1);
    expect(host.wait(1).sent().length).toBe(1);
    expect(host.wait(1000).sent().length).toBe(1);
    expect(host.wait(10_000).sent().length).toBe(0);
    expect(host.counters.dropped()).toMatchObject({ 'neighbor-unreachable': 1 });
    expect(neighbor(host)).toBe('none');
    expect(host.pool.outstanding).toBe(0);
  });

  test('the source is the packet’s also when another of ours would be nearer', () => {
    const host = new Host({ medium: 'ethernet', addresses: ['fd00::1/64', 'fd00::9/64'], gateways: [] });
    const endpoint = host.udp.open();
    endpoint.bind(address('fd00::9'), 5);
    endpoint.send(new Uint8Array(1), 0, 1, { address: address('fd00::2'), port: 9 });
    expect(host.said()[0]).toContain('fd00::9 > ff02::1:ff00:2');
  });

  test('who has no IPv6 address does not ask: from :: it would be a probe for duplicates', () => {
    const host = new Host({ medium: 'ethernet', addresses: ['10.0.0.1/24'], gateways: [] });
    port(host).solicit(address('fd00::2'), null, host.time);
    expect(host.sent()).toEqual([]);
  });

  test('the answer lets the packet go', () => {
    const host = open();
    sendTo(host, 'fd00::2');
    host.sent();
    host.give(answer());
    expect(neighbor(host)).toBe('REACHABLE 020000000002');
    const [frame] = host.sent();
    expect([...frame!.subarray(0, 14)]).toEqual([...PEER, ...US, 0x86, 0xdd]);
    expect(isValid(frame!.subarray(14))).toBe(true);
    expect(host.counters.dropped()).toEqual({});
  });

  test('a neighbour that falls silent is asked itself, and nobody else (§7.3.3)', () => {
    const host = open();
    sendTo(host, 'fd00::2');
    host.give(answer());
    host.wait(60_000).sent();
    sendTo(host, 'fd00::2');
    host.sent();
    const [probe] = host.wait(5000).sent();
    expect(probe).toEqual(nd(135, {
      src: 'fd00::1', dst: 'fd00::2', target: 'fd00::2', ndOptions: [1, 1, ...US], to: PEER, by: US,
    }));
    host.give(answer());
    expect(neighbor(host)).toBe('REACHABLE 020000000002');
  });
});

describe('answering (RFC 4861 §7.2.3, §7.2.4)', () => {
  const advertisement = (f: NdFields): Uint8Array => nd(136, {
    src: 'fd00::1', target: 'fd00::1', ndOptions: [2, 1, ...US], to: PEER, by: US, flags: 0x60, ...f,
  });

  test('whoever asks for an address of ours is told, alone, and learned', () => {
    const host = open();
    host.give(nd(135, {}));
    expect(host.sent()).toEqual([advertisement({ dst: 'fd00::2' })]);
    // Learned as STALE; the answer itself is the first packet to it, so it is in DELAY (§7.3.3).
    expect(neighbor(host)).toBe('DELAY 020000000002');
    expect(host.counters.dropped()).toEqual({});
    expect(host.pool.outstanding).toBe(0);
  });

  test('a router says that it is one: R. RFC 4861 §7.2.4', () => {
    const host = open();
    host.ip.forwarding = true;
    host.give(nd(135, {}));
    expect(host.sent()).toEqual([advertisement({ dst: 'fd00::2', flags: 0xe0 })]);
  });

  test('for each of our addresses, link-local ones too, and asked alone or in a group', () => {
    const host = open();
    host.give(nd(135, { src: 'fe80::2', dst: 'fe80::1', target: 'fe80::1' }));
    expect(host.sent()).toEqual([advertisement({ src: 'fe80::1', dst: 'fe80::2', target: 'fe80::1' })]);
    expect(neighbor(host, 'fe80::2')).toBe('DELAY 020000000002');
  });

  test('a probe for duplicates has no address: everybody is told that ours is taken, S = 0 (RFC 4862 §5.4.3)', () => {
    const host = open();
    host.give(nd(135, { src: '::', ndOptions: [] }));
    expect(host.sent()).toEqual([advertisement({ dst: 'ff02::1', to: [0x33, 0x33, 0, 0, 0, 1], flags: 0x20 })]);
    expect([...port(host).neighbors.entries()]).toEqual([]);
    // We are among everybody, but need not be told.
    expect(host.counters.dropped()).toEqual({});
  });

  test('who does not say where it is, is asked back', () => {
    const host = open();
    host.give(nd(135, { ndOptions: [] }));
    expect(host.said()[0]).toContain('fd00::1 > ff02::1:ff00:2');
    host.give(answer());
    expect(host.sent()).toEqual([advertisement({ dst: 'fd00::2' })]);
  });

  test('an announcement tells everybody (§7.2.6)', () => {
    const host = open();
    host.icmp.ndp.announce(host.wire, address('fd00::1'), host.time);
    expect(host.sent()).toEqual([advertisement({ dst: 'ff02::1', to: [0x33, 0x33, 0, 0, 0, 1], flags: 0x20 })]);
  });

  test('others’ addresses are their business', () => {
    const host = open();
    host.give(nd(135, { target: 'fd00::5' }), nd(135, { target: 'fd00::1:1', dst: 'ff02::1:ff00:1' }));
    expect(host.sent()).toEqual([]);
    expect([...port(host).neighbors.entries()]).toEqual([]);
    expect(host.counters.dropped()).toEqual({ 'ndp-not-for-us': 2 });
  });

  test('an address on another interface is not on this link', () => {
    const host = open();
    host.give(nd(135, { target: '::1' }));
    expect(host.counters.dropped()).toEqual({ 'ndp-not-for-us': 1 });
  });
});

describe('advertisements (RFC 4861 §7.2.5)', () => {
  const known = (): Host => {
    const host = open();
    sendTo(host, 'fd00::2');
    host.give(answer());
    host.sent();
    return host;
  };

  test('nobody who was not asked for enters the cache', () => {
    const host = open();
    host.give(answer());
    expect(neighbor(host)).toBe('none');
    expect(host.counters.dropped()).toEqual({ 'ndp-not-for-us': 1 });
  });

  test('another link-layer address without override is doubt, and with it a move', () => {
    const host = known();
    host.give(answer({ flags: 0x40, ndOptions: [2, 1, ...OTHER] }));
    expect(neighbor(host)).toBe('STALE 020000000002');
    host.give(answer({ flags: 0x60, ndOptions: [2, 1, ...OTHER] }));
    expect(neighbor(host)).toBe('REACHABLE 020000000003');
    // Unsolicited: believed, but to be verified.
    host.give(nd(136, { dst: 'ff02::1', flags: 0x20, ndOptions: [2, 1, ...PEER] }));
    expect(neighbor(host)).toBe('STALE 020000000002');
  });

  test('R tells whether it is a router', () => {
    const host = known();
    host.give(answer({ flags: 0xe0 }));
    expect(neighbor(host)).toBe('REACHABLE 020000000002 router');
  });

  test('without a link-layer address it confirms the one that is known', () => {
    const host = known();
    host.wait(60_000);
    host.give(answer({ flags: 0x40, ndOptions: [] }));
    const entry = port(host).neighbors.find(address('fd00::2'))!;
    expect(entry.reachableUntil).toBeGreaterThan(host.time);
  });

  test('somebody else has our address: counted, and nothing learned (SEC-22)', () => {
    const host = known();
    host.give(answer({ target: 'fd00::1' }));
    expect(host.counters.dropped()).toEqual({ 'ndp-conflict': 1 });
    expect(neighbor(host, 'fd00::1')).toBe('none');
  });
});

describe('what is not believed (SEC-20, RFC 4861 §7.1)', () => {
  /** Of a message that would be answered, or would change the entry that we are asking for. */
  function refused(type: 135 | 136, f: NdFields): Record<string, number> {
    const host = open();
    if (type === 136) sendTo(host, 'fd00::2');
    host.sent();
    host.give(nd(type, type === 136 ? { flags: 0x60, ...f } : f));
    expect(host.sent()).toEqual([]);
    expect(neighbor(host)).toBe(type === 136 ? 'INCOMPLETE' : 'none');
    return host.counters.dropped();
  }

  test.each([135, 136] as const)('of type %d: a hop limit of less than 255: a router has passed it on', (type) => {
    expect(refused(type, { hopLimit: 254 })).toEqual({ 'ndp-bad-hop-limit': 1 });
  });

  test.each([135, 136] as const)('of type %d: another code than 0; a wrong checksum', (type) => {
    expect(refused(type, { code: 1 })).toEqual({ 'ndp-malformed': 1 });
    expect(refused(type, { checksum: 1 })).toEqual({ 'icmp-bad-checksum': 1 });
  });

  test.each([135, 136] as const)('of type %d: fragments, even a single one (RFC 6980)', (type) => {
    expect(refused(type, { offset: 0, more: false })).toEqual({ 'ndp-malformed': 1 });
  });

  test.each([135, 136] as const)('of type %d: a target that is a group, or nobody', (type) => {
    expect(refused(type, { target: 'ff02::1' })).toEqual({ 'ndp-malformed': 1 });
    expect(refused(type, { target: '::' })).toEqual({ 'ndp-malformed': 1 });
  });

  test.each([135, 136] as const)('of type %d: a message that is cut off', (type) => {
    for (let length = 0; length < 16; length++) {
      const f = { data: Uint8Array.from(addressBytes(type === 135 ? 'fd00::1' : 'fd00::2').slice(0, length)) };
      expect(refused(type, f)).toEqual({ 'ndp-malformed': 1 });
    }
  });

  test.each([135, 136] as const)('of type %d: an option of length 0, or longer than what is left, or cut off (SEC-02)', (type) => {
    const link = type === 135 ? SLLA : TLLA;
    for (const ndOptions of [
      [14, 0, 0, 0, 0, 0, 0, 0], [14, 0, 0, 0, 0, 0, 0, 0, ...link], [...link, 14, 0, 0, 0, 0, 0, 0, 0], [...link, 14, 2, 0, 0, 0, 0, 0, 0],
      [...link, 14], [...link, 14, 1, 0, 0, 0, 0, 0], [14, 255, 0, 0, 0, 0, 0, 0],
    ]) expect(refused(type, { ndOptions })).toEqual({ 'ndp-malformed': 1 });
  });

  test('a probe for duplicates that is sent to one, or says where it is (§7.1.1)', () => {
    expect(refused(135, { src: '::', dst: 'ff02::1', ndOptions: [] })).toEqual({ 'ndp-malformed': 1 });
    expect(refused(135, { src: '::', ndOptions: SLLA })).toEqual({ 'ndp-malformed': 1 });
  });

  test('an advertisement to everybody that calls itself an answer (§7.1.2)', () => {
    expect(refused(136, { dst: 'ff02::1' })).toEqual({ 'ndp-malformed': 1 });
  });

  test('a link-layer address that is a group’s, nobody’s, or our own (SEC-22)', () => {
    for (const bad of [[0x33, 0x33, 0, 0, 0, 1], [255, 255, 255, 255, 255, 255], [0, 0, 0, 0, 0, 0], US]) {
      expect(refused(136, { ndOptions: [2, 1, ...bad] })).toEqual({});
      const host = open();
      host.give(nd(135, { ndOptions: [1, 1, ...bad] }));
      expect(neighbor(host)).toBe('INCOMPLETE');
    }
  });

  test('options that nobody knows, or of another length, are passed over (§4.6)', () => {
    const host = open();
    host.give(nd(135, { ndOptions: [14, 1, 1, 2, 3, 4, 5, 6, 1, 2, ...new Array<number>(14).fill(9), ...SLLA, 1, 1, ...OTHER, 200, 1, 0, 0, 0, 0, 0, 0] }));
    expect(neighbor(host)).toBe('DELAY 020000000002');
  });
});

describe('router discovery and redirects (SEC-40)', () => {
  test.each([133, 134, 137])('type %d is ignored; if it is forged, it is counted as that', (type) => {
    const message = (f: Partial<IcmpFields>): Uint8Array => {
      const packet = icmpPacket({ src: 'fe80::2', dst: 'fe80::1', type, hopLimit: 255, data: new Uint8Array(40), ...f });
      return Uint8Array.of(...US, ...PEER, 0x86, 0xdd, ...packet);
    };
    const host = open();
    host.give(message({}), message({ hopLimit: 64 }), message({ code: 1 }));
    expect(host.counters.dropped()).toEqual({ 'icmp-ignored': 1, 'ndp-bad-hop-limit': 1, 'ndp-malformed': 1 });
    expect(host.sent()).toEqual([]);
  });
});

test('where there are no link-layer addresses there are no neighbours', () => {
  const host = new Host();
  host.give(nd(135, {}).subarray(14), nd(136, {}).subarray(14));
  expect(host.counters.dropped()).toEqual({ 'icmp-ignored': 2 });
  sendTo(host, 'fd00::2');
  expect(host.said().length).toBe(1);
});

test('a port that is detached asks nobody', () => {
  const host = open();
  host.icmp.ndp.detach(host.wire);
  sendTo(host, 'fd00::2');
  host.give(udpPacket({ src: 'fd00::2', dst: 'fd00::1', from: 1, to: 2 }), nd(135, {}));
  expect(host.sent()).toEqual([]);
});
