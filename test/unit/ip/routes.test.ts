// Where a packet goes next, and from which of our addresses. RFC 1122 §3.3.1, RFC 4861 §5.2, RFC 6724 §5 and
// §10.1.

import { describe, expect, test } from 'vitest';
import type { AddressOptions } from '../../../src/ip/interface.js';
import { Interface } from '../../../src/ip/interface.js';
import { RouteTable } from '../../../src/ip/routes.js';
import { selectSource } from '../../../src/ip/source-selection.js';
import { LimitRegistry } from '../../../src/limits.js';
import { ip, IpBench, Wire } from '../../fixtures/ip-bench.js';

const OWNER = {
  arrive: () => {}, undeliverable: () => {}, addressAdded: () => {}, addressRemoved: () => {},
  changed: () => {},
};
const made = (index: number): Interface => new Interface(OWNER, index, `if${index}`, new Wire(`if${index}`));
const table = (): RouteTable => new RouteTable(new LimitRegistry());

function add(
  routes: RouteTable, prefix: string, through: Interface, gateway: string | null = null, metric = 0,
): boolean {
  const [destination, length] = prefix.split('/') as [string, string];
  return routes.add({
    destination: ip(destination), prefixLength: Number(length), interface: through,
    gateway: gateway === null ? null : ip(gateway), metric,
  });
}

const hop = (routes: RouteTable, dst: string, zone = 0): string | null => {
  const route = routes.lookup(ip(dst), zone);
  if (route === null) return null;
  return `${route.nextHop.toString()} ${route.interface.name} ${route.onLink ? 'on link' : 'by gateway'}`;
};

describe('the routing table', () => {
  const [a, b] = [made(2), made(3)];

  // RFC 1122 §3.3.1.1-1.
  test('prefers the longest prefix: RFC 1122 §3.3.1.1, RFC 4861 §5.2', () => {
    const routes = table();
    add(routes, '0.0.0.0/0', a, '10.0.0.1');
    add(routes, '10.1.2.3/32', a, '10.0.0.4');
    add(routes, '10.1.0.0/16', b);
    add(routes, '10.0.0.0/8', a);
    expect(hop(routes, '10.1.2.3')).toBe('10.0.0.4 if2 by gateway');
    expect(hop(routes, '10.1.2.4')).toBe('10.1.2.4 if3 on link');
    expect(hop(routes, '10.2.2.4')).toBe('10.2.2.4 if2 on link');
    expect(hop(routes, '11.0.0.0')).toBe('10.0.0.1 if2 by gateway');
    expect(hop(routes, '2001:db8::1')).toBeNull();
  });

  test('keeps the families apart: ::/0 is no route to IPv4, nor is 0.0.0.0/0 one to IPv6', () => {
    const routes = table();
    add(routes, '::/0', a, 'fe80::1');
    expect([hop(routes, '10.0.0.1'), hop(routes, '2001:db8::1')]).toEqual([null, 'fe80::1 if2 by gateway']);
    const other = table();
    add(other, '0.0.0.0/0', a, '10.0.0.1');
    expect([hop(other, '::1.2.3.4'), hop(other, '1.2.3.4')]).toEqual([null, '10.0.0.1 if2 by gateway']);
  });

  test('ignores the bits behind a prefix', () => {
    const routes = table();
    add(routes, '10.1.2.3/16', a);
    add(routes, 'fd00:1:2:3::9/48', b);
    expect([hop(routes, '10.1.200.200'), hop(routes, '10.2.2.3')]).toEqual(['10.1.200.200 if2 on link', null]);
    expect(
      [hop(routes, 'fd00:1:2:ffff::'), hop(routes, 'fd00:1:3::')],
    ).toEqual(['fd00:1:2:ffff:: if3 on link', null]);
  });

  test('prefers the lower metric, and among equals the older', () => {
    const routes = table();
    add(routes, '0.0.0.0/0', a, '10.0.0.1', 20);
    add(routes, '0.0.0.0/0', a, '10.0.0.2', 10);
    add(routes, '0.0.0.0/0', b, '10.0.0.3', 10);
    expect(hop(routes, '1.1.1.1')).toBe('10.0.0.2 if2 by gateway');
    // The same route with another metric is the same route.
    add(routes, '0.0.0.0/0', a, '10.0.0.1', 1);
    expect(hop(routes, '1.1.1.1')).toBe('10.0.0.1 if2 by gateway');
    expect(routes.entries()).toHaveLength(3);
  });

  test('asked for one zone looks through that interface alone', () => {
    const routes = table();
    add(routes, 'fe80::/64', a);
    add(routes, 'fe80::/64', b);
    expect(
      [hop(routes, 'fe80::9'), hop(routes, 'fe80::9', 3), hop(routes, 'fe80::9', 4)],
    ).toEqual(['fe80::9 if2 on link', 'fe80::9 if3 on link', null]);
  });

  test('does not route through what is down', () => {
    const down = made(9);
    const routes = table();
    add(routes, '10.0.0.0/8', down);
    add(routes, '0.0.0.0/0', a, '10.0.0.1');
    expect(hop(routes, '10.0.0.9')).toBe('10.0.0.9 if9 on link');
    down.up = false;
    expect(hop(routes, '10.0.0.9')).toBe('10.0.0.1 if2 by gateway');
  });

  test('counts a generation for every change, and for nothing else', () => {
    const routes = table();
    const changes = [
      () => add(routes, '10.0.0.0/8', a), () => routes.addDefault(ip('10.0.0.1'), a),
      () => routes.removeDefault(ip('10.0.0.1'), a),
      () => routes.remove(ip('10.0.0.0'), 8, a, null), () => routes.changed(),
    ];
    for (const change of changes) {
      const before = routes.generation;
      change();
      expect(routes.generation).toBeGreaterThan(before);
    }
    const before = routes.generation;
    routes.remove(ip('10.0.0.0'), 8, a, null);
    hop(routes, '1.1.1.1');
    expect(routes.generation).toBe(before);
  });

  test('removes exactly what it is told', () => {
    const routes = table();
    add(routes, '10.0.0.0/8', a);
    add(routes, '10.0.0.0/9', a);
    add(routes, '10.0.0.0/8', b);
    add(routes, '10.0.0.0/8', a, '10.0.0.1');
    add(routes, '11.0.0.0/8', a);
    routes.remove(ip('10.255.0.0'), 8, a, null);
    expect(routes.entries()).toHaveLength(4);
    expect(hop(routes, '10.200.0.0')).toBe('10.200.0.0 if3 on link');
    routes.removeThrough(a);
    expect(routes.entries()).toHaveLength(1);
  });

  test('has a limit', () => {
    const limits = new LimitRegistry();
    const routes = new RouteTable(limits);
    for (let i = 0; i < 1024; i++) expect(add(routes, `10.${i >> 8}.${i & 255}.0/24`, a)).toBe(true);
    expect(add(routes, '11.0.0.0/8', a)).toBe(false);
    // What is there already can still be changed.
    expect(add(routes, '10.0.0.0/24', a, null, 5)).toBe(true);
    expect(limits.all()).toMatchObject([{ name: 'ip.routes', max: 1024 }]);
    expect(limits.all()[0]!.used()).toBe(1024);
  });

  describe('with several gateways (RFC 1122 §3.3.1.4)', () => {
    const three = (): RouteTable => {
      const routes = table();
      for (const last of [1, 2, 3]) routes.addDefault(ip(`10.0.0.${last}`), a);
      return routes;
    };
    const gateway = (routes: RouteTable): string => hop(routes, '1.1.1.1')!.split(' ')[0]!;

    // RFC 1122 §3.3.1.4-1.
    test('goes from one that fails to the next, and when all have failed begins again', () => {
      const routes = three();
      const seen = [];
      for (let now = 1; now <= 5; now++) {
        seen.push(gateway(routes));
        const { generation } = routes;
        routes.fail(ip('1.1.1.1'), 0, now);
        expect(routes.generation).toBeGreaterThan(generation);
      }
      expect(seen).toEqual(['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.1', '10.0.0.2']);
    });

    test('blames a successor for nothing that waited for who failed', () => {
      for (let waited = 1; waited <= 4; waited++) {
        const routes = three();
        for (let i = 0; i < waited; i++) routes.fail(ip('1.1.1.1'), 0, 7);
        expect(gateway(routes)).toBe('10.0.0.2');
        routes.fail(ip('1.1.1.1'), 0, 8);
        expect(gateway(routes)).toBe('10.0.0.3');
      }
    });

    test('takes the worse metric only while the better fails', () => {
      const routes = table();
      routes.addDefault(ip('10.0.0.1'), a, 1);
      routes.addDefault(ip('10.0.0.2'), a, 2);
      routes.fail(ip('1.1.1.1'), 0, 1);
      expect(gateway(routes)).toBe('10.0.0.2');
      routes.fail(ip('1.1.1.1'), 0, 2);
      expect(gateway(routes)).toBe('10.0.0.1');
    });

    test('stays where it is if there is no other, or only one of another prefix', () => {
      const routes = table();
      routes.addDefault(ip('10.0.0.1'), a);
      add(routes, '1.0.0.0/8', a, '10.0.0.9');
      const { generation } = routes;
      routes.fail(ip('1.1.1.1'), 0, 1);
      routes.fail(ip('2.2.2.2'), 0, 1);
      expect([hop(routes, '1.1.1.1'), hop(routes, '2.2.2.2'), routes.generation])
        .toEqual(['10.0.0.9 if2 by gateway', '10.0.0.1 if2 by gateway', generation]);
    });
  });
});

describe('connected routes', () => {
  const prefixes = (bench: IpBench): string[] => bench.ip.routes.entries()
    .filter((e) => e.interface === bench.wired).map(
      (e) => `${e.destination.toString().split('%')[0]}/${e.prefixLength}`,
    );

  test('come and go with addresses, and stay while any address of the subnet does', () => {
    const bench = new IpBench({ texts: ['10.0.0.2/24'] });
    bench.wired.addAddress(ip('10.0.0.3'), 24);
    bench.wired.addAddress(ip('10.0.0.4'), 16);
    expect(prefixes(bench)).toEqual(['10.0.0.3/24', '10.0.0.4/16']);
    bench.wired.removeAddress(ip('10.0.0.3'));
    expect(hop(bench.ip.routes, '10.0.0.77')).toBe('10.0.0.77 wire on link');
    expect(prefixes(bench)).toEqual(['10.0.0.2/24', '10.0.0.4/16']);
    bench.wired.removeAddress(ip('10.0.0.2'));
    bench.wired.removeAddress(ip('10.0.0.4'));
    expect(prefixes(bench)).toEqual([]);
  });

  test('an autoconfigured address brings none: RFC 5942 §4', () => {
    const bench = new IpBench({ texts: [] });
    bench.wired.addAddress(ip('2001:db8::2'), 64, { onLink: false });
    expect(prefixes(bench)).toEqual([]);
    expect(bench.ip.isLocal(ip('2001:db8::2'))).toBe(true);
  });

  test('go with their interface', () => {
    const bench = new IpBench();
    bench.ip.detach(bench.wired);
    bench.ip.detach(bench.wired);
    expect(
      [prefixes(bench), bench.ip.isLocal(ip('10.0.0.2')), bench.ip.interfaces.length],
    ).toEqual([[], false, 1]);
    bench.ip.input(bench.wired, bench.packet(new Uint8Array(20)), 0);
    expect([bench.dropped, bench.pool.outstanding]).toEqual([{ 'ip-not-for-us': 1 }, 0]);
    // An index is not used again: it is in addresses that somebody may still hold.
    expect(bench.attach('next', [])[0].index).toBe(bench.wired.index + 1);
  });
});

describe('source address selection (RFC 6724 §5)', () => {
  /** `candidates` as `address/length marks`. */
  function chosen(dst: string, candidates: string[], nextHop = dst): string | null {
    const on = made(2);
    for (const candidate of candidates) {
      const [prefix, ...marks] = candidate.split(' ') as [string, ...string[]];
      const [address, length] = prefix.split('/') as [string, string?];
      const options: AddressOptions = {
        temporary: marks.includes('temporary'),
        state: marks.includes('deprecated')
          ? 'deprecated'
          : marks.includes('tentative') ? 'tentative' : 'preferred',
      };
      on.addAddress(ip(address), Number(length ?? 64), options);
    }
    return selectSource(on.addresses, ip(dst), ip(nextHop))?.toString().split('%')[0] ?? null;
  }

  // RFC 6724 §10.1, in its order, without the one with home addresses; and each with its candidates turned
  // round.
  test.each([
    ['2001:db8:1::1', ['2001:db8:3::1', 'fe80::1'], '2001:db8:3::1', 'appropriate scope'],
    ['ff05::1', ['2001:db8:3::1', 'fe80::1'], '2001:db8:3::1', 'appropriate scope'],
    ['2001:db8:1::1', ['2001:db8:1::1 deprecated', '2001:db8:2::1'], '2001:db8:1::1', 'same address'],
    ['fe80::1', ['fe80::2 deprecated', '2001:db8:1::1'], 'fe80::2', 'appropriate scope'],
    ['2001:db8:1::1', ['2001:db8:1::2', '2001:db8:3::2'], '2001:db8:1::2', 'longest matching prefix'],
    [
      '2002:c633:6401::1', ['2002:c633:6401::d5e3:7953:13eb:22e8 temporary', '2001:db8:1::2'],
      '2002:c633:6401::d5e3:7953:13eb:22e8', 'matching label',
    ],
    [
      '2001:db8:1::d5e3:0:0:1', ['2001:db8:1::2', '2001:db8:1::d5e3:7953:13eb:22e8 temporary'],
      '2001:db8:1::d5e3:7953:13eb:22e8', 'temporary address',
    ],
  ])('RFC 6724 §10.1: to %s from %j: %s (prefer %s)', (dst, candidates, best) => {
    // Somewhere behind a router, lest the next hop decides.
    expect(chosen(dst, candidates, 'fe80::ffff')).toBe(ip(best).toString());
    expect(chosen(dst, candidates.toReversed(), 'fe80::ffff')).toBe(ip(best).toString());
  });

  test.each([
    ['rule 2: not narrower than the destination', 'ff02::1', ['2001:db8::1', 'fe80::2'], 'fe80::2'],
    ['rule 2: site-local stays within its site', 'fec0::1', ['2001:db8::1', 'fec0::2', 'fe80::2'], 'fec0::2'],
    [
      'rule 3: not deprecated', '2001:db8:1::1', ['2001:db8:1::2 deprecated', '2001:db8:ffff::2'],
      '2001:db8:ffff::2',
    ],
    ['rule 6: unique local to unique local', 'fd00:9::1', ['2001:db8::1', 'fd77::1'], 'fd77::1'],
    ['rule 6: global to global', '2001:db8:9::1', ['fd77::1', '2001:4860::1'], '2001:4860::1'],
    ['rule 6: Teredo to Teredo', '2001::1', ['2001:db8::1', '2001:0:ffff::1'], '2001:0:ffff::1'],
    [
      'rule 8: no more of a match counts than the prefix: §2.2', '2001:db8:1:2::ff',
      ['2001:db8:1:3::1', '2001:db8:1:2::fe/48'], '2001:db8:1:3::1',
    ],
    ['a tie: the older', '2001:db8:1::1', ['2001:db8:2:1::1', '2001:db8:2:2::1'], '2001:db8:2:1::1'],
    ['never a tentative one: RFC 4862 §2', '2001:db8:1::1', ['2001:db8:1::2 tentative', 'fe80::1'], 'fe80::1'],
    ['none of the other family', '2001:db8:1::1', ['10.0.0.2/24'], null],
  ])('%s', (_what, dst, candidates, best) => {
    expect(chosen(dst, candidates, 'fe80::ffff')).toBe(best);
  });

  test('an address of the next hop\'s subnet is preferred: the gateway can answer it', () => {
    const both = ['10.0.0.2/24', '10.0.1.2/24'];
    expect(chosen('198.51.100.1', both, '10.0.0.1')).toBe('10.0.0.2');
    expect(chosen('198.51.100.1', both, '10.0.1.1')).toBe('10.0.1.2');
    expect(chosen('10.0.1.9', both)).toBe('10.0.1.2');
  });

  test('IPv4 has scopes too: RFC 6724 §3.2', () => {
    expect(chosen('198.51.100.1', ['169.254.3.3/16', '192.168.1.2/24'], '192.168.9.9')).toBe('192.168.1.2');
    expect(chosen('169.254.9.9', ['192.168.1.2/24', '169.254.3.3/16'])).toBe('169.254.3.3');
  });
});
