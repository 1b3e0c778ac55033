// Addresses, groups and taps of an interface. RFC 1122 §3.3.4, RFC 4291 §2.8, RFC 4007 §5; limits: SEC-23,
// -96.

import { describe, expect, test } from 'vitest';
import type { IpHeader } from '../../../src/ip/header.js';
import type { RawTap } from '../../../src/ip/raw.js';
import type { Packet } from '../../../src/packet.js';
import { type Delivery, ip, IpBench, noted, pattern, v4, v6 } from '../../fixtures/ip-bench.js';
import { PathMtuCache } from '../../../src/ip/path-mtu.js';
import { LimitRegistry } from '../../../src/limits.js';
import { SeededRandom } from '../../../src/random.js';

describe('an interface', () => {
  test('has the device\'s MTU, or less if told, never more', () => {
    const bench = new IpBench();
    expect(bench.wired.mtu).toBe(1500);
    expect(bench.attach('small', [], 1500, { mtu: 1400 })[0].mtu).toBe(1400);
    expect(bench.attach('large', [], 1500, { mtu: 9000 })[0].mtu).toBe(1500);
  });

  test('of an Ethernet device asks with an address of the target\'s subnet: RFC 826', () => {
    const bench = new IpBench({ medium: 'ethernet', texts: ['10.0.0.2/24', '192.0.2.2/24', 'fd00::2/64'] });
    const { wired } = bench;
    expect(wired.addressFor(ip('192.0.2.9')).toString()).toBe('192.0.2.2');
    expect(wired.addressFor(ip('198.51.100.1')).toString()).toBe('10.0.0.2');
    expect(wired.addressFor(ip('fd00::9')).toString()).toBe('fd00::2');
    bench.send(pattern(8), '0.0.0.0', '192.0.2.9');
    const [request] = bench.wire.take();
    expect(
      [...request!.slice(12, 14), ...request!.slice(28, 32), ...request!.slice(38, 42)],
    ).toEqual([8, 6, 192, 0, 2, 2, 192, 0, 2, 9]);
  });

  test('without addresses asks as nobody', () => {
    const bench = new IpBench({ texts: [] });
    expect(
      [bench.wired.addressFor(ip('10.0.0.1')).toString(), bench.wired.addressFor(ip('fd00::1')).toString()],
    ).toEqual(['0.0.0.0', '::']);
    bench.wired.addAddress(ip('fd00::2'), 64, { state: 'tentative' });
    expect(bench.wired.addressFor(ip('fd00::1')).toString()).toBe('::');
  });

  test('sends to an Ethernet broadcast what is for its subnet\'s: RFC 1122 §3.3.6', () => {
    const bench = new IpBench({ medium: 'ethernet' });
    bench.send(pattern(8), '0.0.0.0', '10.0.0.255');
    bench.send(pattern(8), '0.0.0.0', '224.1.2.3');
    bench.send(pattern(8), '::', 'ff02::1:ff00:1');
    expect(bench.wire.take().map((b) => [...b.slice(0, 6)].map((byte) => byte.toString(16)).join(':')))
      .toEqual(['ff:ff:ff:ff:ff:ff', '1:0:5e:1:2:3', '33:33:ff:0:0:1']);
  });

  test('has up to 64 addresses; the same one again changes it in its place', () => {
    const { wired, limits } = new IpBench({ texts: [] });
    for (let i = 1; i <= 64; i++) expect(wired.addAddress(ip(`10.0.0.${i}`), 24)).toBe(true);
    expect(wired.addAddress(ip('10.0.0.65'), 24)).toBe(false);
    expect(wired.addAddress(ip('10.0.0.1'), 16, { state: 'deprecated' })).toBe(true);
    expect(wired.addresses[0]).toMatchObject({ prefixLength: 16, state: 'deprecated' });
    expect([wired.isBroadcast(ip('10.0.255.255')), wired.isBroadcast(ip('10.0.0.255'))]).toEqual([true, true]);
    expect(limits.all().find((limit) => limit.name === 'ip.addresses')!.used()).toBe(64);
    wired.removeAddress(ip('10.0.0.99'));
    expect(wired.addresses).toHaveLength(64);
  });

  test('gives a link-local address its zone, and no other: RFC 4007 §5', () => {
    const { wired } = new IpBench({ texts: ['fe80::2/64', 'fd00::2/64', '169.254.1.1/16'] });
    expect(wired.addresses.map((row) => row.address.zone)).toEqual([wired.index, 0, 0]);
  });

  test('goes through duplicate address detection with an address: state changes keep the rest', () => {
    const bench = new IpBench({ texts: [] });
    const { wired } = bench;
    const a = ip('fd00::5');
    wired.addAddress(a, 64, { state: 'tentative', temporary: true, onLink: false });
    const { generation } = bench.ip.routes;
    expect(wired.ownsAddress(a)).toBe(false);
    wired.setAddressState(a, 'preferred');
    expect(wired.ownsAddress(a)).toBe(true);
    expect(wired.addresses).toMatchObject(
      [{ state: 'preferred', temporary: true, onLink: false, prefixLength: 64 }],
    );
    // Flows look again: it may be their source now.
    expect(bench.ip.routes.generation).toBeGreaterThan(generation);
    expect(wired.groups().map(String)).toEqual([`ff02::1:ff00:5%${wired.index}`]);
    wired.removeAddress(a);
    expect(wired.groups()).toEqual([]);
  });

  test('leaves a solicited-node group when the last address that wants it goes: RFC 4861 §7.2.1', () => {
    const { wired } = new IpBench({ texts: ['fd00::2/64', 'fe80::2/64'] });
    const group = ip('ff02::1:ff00:2');
    wired.removeAddress(ip('fd00::2'));
    expect(wired.isMember(group)).toBe(true);
    wired.removeAddress(ip('fe80::2'));
    expect(wired.isMember(group)).toBe(false);
  });

  test('tells of groups once, however many join', () => {
    const { wired } = new IpBench();
    const told: string[] = [];
    wired.groupObserver = {
      joined: (group) => told.push(`+${group}`), left: (group) => told.push(`-${group}`),
    };
    const group = ip('239.0.0.1');
    wired.joinGroup(group);
    wired.joinGroup(group);
    wired.leaveGroup(group);
    wired.leaveGroup(group);
    wired.leaveGroup(group);
    expect(told).toEqual(['+239.0.0.1', '-239.0.0.1']);
  });

  test('is in at most 256 groups', () => {
    const { wired, limits } = new IpBench({ texts: [] });
    for (let i = 0; i < 256; i++) expect(wired.joinGroup(ip(`239.0.0.${i}`))).toBe(true);
    expect([wired.joinGroup(ip('239.0.1.0')), wired.joinGroup(ip('239.0.0.0'))]).toEqual([false, true]);
    expect(limits.all().find((limit) => limit.name === 'ip.groups')!.used()).toBe(256);
  });

  test('is always in the groups of all hosts, and in no other that looks like them', () => {
    const { wired } = new IpBench({ texts: [] });
    expect(['224.0.0.1', 'ff01::1', 'ff02::1'].map((g) => wired.isMember(ip(g)))).toEqual([true, true, true]);
    expect(
      ['224.0.0.2', 'ff05::1', 'ff02::2', 'ff02:1::1', 'ff02::1:0:1'].map((g) => wired.isMember(ip(g))),
    ).toEqual(new Array(5).fill(false));
  });
});

describe('a raw tap', () => {
  const tapped = (bench: IpBench, protocol: number | null, family: 4 | 6 = 4): Delivery[] => {
    const seen: Delivery[] = [];
    const tap: RawTap = {
      protocol, family, onPacket: (packet: Packet, header: IpHeader) => seen.push(noted(packet, header)),
    };
    expect(bench.ip.raw.add(tap)).toBe(true);
    return seen;
  };

  test('is shown what is delivered to us, from the IP header on, and the transport gets it all the same', () => {
    const bench = new IpBench();
    const all = tapped(bench, null);
    const udp = tapped(bench, 17);
    const tcp = tapped(bench, 6);
    const six = tapped(bench, null, 6);
    const packet = v4({ options: [1, 1, 1, 0] });
    bench.receive(packet);
    bench.receive(v4({ dst: '10.0.0.3' }));
    expect(all).toMatchObject([{ whole: packet, payload: pattern(8), protocol: 17 }]);
    expect(udp).toEqual(all);
    expect([tcp, six]).toEqual([[], []]);
    expect(bench.take()).toHaveLength(1);
    bench.receive(v6());
    expect(six).toHaveLength(1);
  });

  test('sees datagrams, not fragments', () => {
    const bench = new IpBench();
    const seen = tapped(bench, 17);
    bench.receive(v4({ mf: true }));
    expect(seen).toEqual([]);
    bench.receive(v4({ offset: 8 }));
    expect(seen).toMatchObject([{ payload: new Uint8Array([...pattern(8), ...pattern(8)]), fragmented: true }]);
  });

  test('makes an unknown protocol a known one: no error is sent', () => {
    const bench = new IpBench();
    const seen = tapped(bench, 99);
    bench.receive(v4({ protocol: 99 }));
    bench.receive(v6({ nextHeader: 99 }));
    expect([seen.length, bench.reports.length, bench.dropped]).toEqual([1, 1, { 'ip-unknown-protocol': 1 }]);
  });

  test('may go away while it is shown something', () => {
    const bench = new IpBench();
    const first: RawTap = { protocol: null, family: 4, onPacket: () => bench.ip.raw.remove(first) };
    bench.ip.raw.add(first);
    const second = tapped(bench, null);
    bench.receive(v4());
    bench.receive(v4());
    expect(second).toHaveLength(2);
  });

  test('is one of at most 256, and once there whatever is added twice', () => {
    const bench = new IpBench();
    const make = (): RawTap => ({ protocol: 1, family: 4, onPacket: () => {} });
    const one = make();
    bench.ip.raw.add(one);
    expect(bench.ip.raw.add(one)).toBe(true);
    for (let i = 1; i < 256; i++) expect(bench.ip.raw.add(make())).toBe(true);
    expect([bench.ip.raw.add(make()), bench.ip.raw.add(one)]).toEqual([false, true]);
    bench.ip.raw.remove(one);
    expect(bench.ip.raw.add(make())).toBe(true);
  });
});

describe('the table of path MTUs', () => {
  const address = (i: number): ReturnType<typeof ip> => ip(`10.0.${i >> 8}.${i & 255}`);

  test('has 1024 rows; the one changed longest ago goes', () => {
    const limits = new LimitRegistry();
    const cache = new PathMtuCache({ limits, random: new SeededRandom(1) });
    for (let i = 0; i < 1024; i++) cache.set(address(i), 1000 + i, i);
    cache.set(address(0), 900, 2000);
    cache.set(address(5000), 800, 2001);
    cache.check();
    expect([cache.size, limits.all()[0]!.used(), limits.all()[0]!.max]).toEqual([1024, 1024, 1024]);
    expect([
      cache.get(address(0), 2001), cache.get(address(1), 2001), cache.get(address(2), 2001),
      cache.get(address(5000), 2001),
    ])
      .toEqual([900, Infinity, 1002, 800]);
    expect(cache.nextTimeout()).toBe(600_002);
    cache.expire(600_500);
    cache.check();
    expect(cache.size).toBe(1024 - 499);
    cache.clear();
    cache.check();
    expect(cache.size).toBe(0);
  });

  test('keeps link-local destinations of different zones apart', () => {
    const cache = new PathMtuCache({ limits: new LimitRegistry(), random: new SeededRandom(1) });
    cache.set(ip('fe80::1%2'), 1300, 0);
    expect([cache.get(ip('fe80::1%2'), 0), cache.get(ip('fe80::1%3'), 0)]).toEqual([1300, Infinity]);
  });
});

