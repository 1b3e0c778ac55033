import { describe, expect, test } from 'vitest';
import { address, formatAddress } from '../../../src/address.js';
import { fromHex, hex } from '../../../src/bytes.js';
import { packetOf } from '../../../src/packet.js';
import { FRAMES } from '../../fixtures/captured-frames.js';
import { EthernetBench, EVERYBODY, frame, OTHER, PEER, US, describeFrame } from '../../fixtures/ethernet.js';
import { build, read, unfinish } from '../../fixtures/ip-packets.js';

const ALL = { checksum: true, tcpSegmentation: true, udpSegmentation: true };
const V4 = build({ payload: Uint8Array.of(1, 2, 3) });
const V6 = build({ family: 6, payload: Uint8Array.of(1, 2, 3) });

describe('a frame goes up without its header', () => {
  test.each<[string, string, string, Uint8Array, string]>([
    ['ours, IPv4', US, '0800', V4, 'unicast'],
    ['ours, IPv6', US, '86dd', V6, 'unicast'],
    ['everybody’s', EVERYBODY, '0800', V4, 'broadcast'],
    ['of an IPv4 group', '01005e000001', '0800', V4, 'multicast'],
    ['of the last IPv4 group', '01005e7fffff', '0800', V4, 'multicast'],
    ['of an IPv6 group', '333300000001', '86dd', V6, 'multicast'],
    ['of a solicited-node group', '3333ff000001', '86dd', V6, 'multicast'],
  ])('%s', (_, to, etherType, packet, linkCast) => {
    const bench = new EthernetBench().give(frame(to, PEER, etherType, packet));
    expect(bench.up).toEqual([{ bytes: packet, linkCast }]);
    expect(bench.counters.dropped()).toEqual({});
    expect(bench.counters).toMatchObject({ rxPackets: 1, rxBytes: packet.length + 14 });
  });

  test('with the padding behind it: its length is the network layer’s to know (SEC-01)', () => {
    const padded = Uint8Array.of(...frame(US, PEER, '0800', build({})), 0, 0, 0, 0, 0, 0);
    expect(new EthernetBench().give(padded).up[0]!.bytes.length).toBe(46);
  });

  test('as Linux sends it', () => {
    const bench = new EthernetBench();
    for (const { hex: bytes } of [FRAMES.echoRequest, FRAMES.neighborSolicitation]) {
      Object.assign(bench.port.linkAddress, fromHex('020000000002'));
      bench.give(fromHex(bytes));
    }
    expect(bench.up.map(({ bytes, linkCast }) => [hex(bytes), linkCast])).toEqual([
      [FRAMES.echoRequest.hex.slice(28), 'unicast'], [FRAMES.neighborSolicitation.hex.slice(28), 'multicast'],
    ]);
  });
});

describe('a frame is dropped, with its reason', () => {
  test.each<[string, string, Uint8Array]>([
    ['link-truncated', '13 bytes (SEC-04)', frame(US, PEER, '0800', V4).slice(0, 13)],
    ['link-truncated', 'nothing', new Uint8Array(0)],
    ['link-truncated', 'a header alone', frame(US, PEER, '0800', new Uint8Array(0))],
    ['link-not-for-us', 'for somebody else', frame(OTHER, PEER, '0800', V4)],
    ['link-not-for-us', 'for a group that is not IP’s', frame('0180c2000000', PEER, '0800', V4)],
    ['link-not-for-us', 'for a group beyond IPv4’s half', frame('01005e800000', PEER, '0800', V4)],
    ['link-own-source', 'from us', frame(EVERYBODY, US, '0800', V4)],
    ['link-bad-source', 'from a group', frame(US, '030000000002', '0800', V4)],
    ['link-bad-source', 'from everybody', frame(US, EVERYBODY, '0800', V4)],
    ['link-unknown-type', 'a VLAN tag', frame(US, PEER, '8100', V4)],
    ['link-unknown-type', 'an 802.3 length', frame(US, PEER, '002b', V4)],
    ['ip-bad-version', 'IPv6 in an IPv4 frame', frame(US, PEER, '0800', V6)],
    ['ip-bad-version', 'IPv4 in an IPv6 frame', frame(US, PEER, '86dd', V4)],
  ])('%s: %s', (reason, _, bytes) => {
    const bench = new EthernetBench().give(bytes);
    expect(bench.counters.dropped()).toEqual({ [reason]: 1 });
    expect([bench.up, bench.said(), bench.pool.outstanding]).toEqual([[], [], 0]);
  });
});

describe('a packet goes out in a frame', () => {
  test.each<[string, string, Uint8Array, string, string]>([
    // RFC 1112 §6.4: 23 bits, so that 224.128.0.1 shares the address of 224.0.0.1.
    ['an IPv4 group', '224.0.0.251', V4, '01005e0000fb', '0800'],
    ['an IPv4 group of 32 others', '239.129.2.3', V4, '01005e010203', '0800'],
    // RFC 2464 §7.
    ['an IPv6 group', 'ff02::1', V6, '333300000001', '86dd'],
    ['a solicited-node group', 'ff02::1:ff28:9c5a', V6, '3333ff289c5a', '86dd'],
    ['everybody', '255.255.255.255', V4, EVERYBODY, '0800'],
  ])('to %s, at once', (_, nextHop, packet, to, etherType) => {
    const bench = new EthernetBench().send(packet, nextHop);
    expect(bench.sent()).toEqual([frame(to, US, etherType, packet)]);
    expect(bench.counters).toMatchObject({ txPackets: 1, txBytes: packet.length + 14 });
    expect(bench.pool.outstanding).toBe(0);
  });

  test('to a neighbour that is known', () => {
    const bench = new EthernetBench();
    bench.port.neighbors.setPermanent(address('10.0.0.2'), fromHex(PEER));
    bench.port.neighbors.setPermanent(address('fd00::2'), fromHex(OTHER));
    bench.send(V4, '10.0.0.2').send(V6, 'fd00::2');
    expect(bench.sent()).toEqual([frame(PEER, US, '0800', V4), frame(OTHER, US, '86dd', V6)]);
  });

  test('up to the MTU, which counts the packet and not the frame', () => {
    const bench = new EthernetBench();
    bench.send(build({ payload: new Uint8Array(1460) }), '224.0.0.1').send(build({ payload: new Uint8Array(1461) }), '224.0.0.1');
    expect(bench.sent().map((bytes) => bytes.length)).toEqual([1514]);
    expect(bench.counters.dropped()).toEqual({ 'device-too-big': 1 });
  });

  test('whole, if it is a superpacket and the device cuts; in pieces, each a frame, if not', () => {
    for (const offload of [ALL, { ...ALL, tcpSegmentation: false, checksum: false }]) {
      const bench = new EthernetBench({}, offload);
      const { packet: bytes, start, field } = unfinish(build({ payload: new Uint8Array(25) }));
      const packet = Object.assign(bench.packetOf(bytes), { segmentSize: 10, checksum: 'partial' });
      packet.checksumStart = packet.start + start;
      packet.checksumField = packet.start + field;
      bench.port.send(packet, address('224.0.0.1'), 0);
      const sent = bench.sent();
      expect(sent.map((each) => each.length)).toEqual(offload.tcpSegmentation ? [79] : [64, 64, 59]);
      expect(new Set(sent.map((each) => hex(each.subarray(0, 14))))).toEqual(new Set([`01005e000001${US}0800`]));
      if (!offload.tcpSegmentation) expect(sent.every((each) => read(each.subarray(14)).isValid)).toBe(true);
      expect(bench.pool.outstanding).toBe(0);
    }
  });
});

describe('padding (RFC 894, SEC-04)', () => {
  test('is added where it is wanted, to 60 bytes, and is zero although the buffer is not', () => {
    const bench = new EthernetBench({ pad: true }).send(build({}), '224.0.0.1');
    expect(bench.sent()).toEqual([Uint8Array.of(...frame('01005e000001', US, '0800', build({})), 0, 0, 0, 0, 0, 0)]);
    expect(bench.counters.txBytes).toBe(60);
  });

  test('is added to ARP too', () => {
    const [request] = new EthernetBench({ pad: true }).send(V4, '10.0.0.2').sent();
    expect(request!.length).toBe(60);
    expect([...request!.subarray(42)].every((byte) => byte === 0)).toBe(true);
  });

  test('is not added otherwise, nor to what is long enough', () => {
    expect(new EthernetBench().send(build({}), '224.0.0.1').sent()[0]!.length).toBe(54);
    const long = build({ payload: new Uint8Array(7) });
    expect(new EthernetBench({ pad: true }).send(long, '224.0.0.1').sent()[0]!.length).toBe(61);
  });

  test('finds room where a foreign packet has none behind it', () => {
    const bench = new EthernetBench({ pad: true });
    const packet = packetOf(build({}).slice(0, 24));
    bench.port.send(packet, address('224.0.0.1'), 0);
    expect(hex(bench.sent()[0]!)).toBe(`01005e000001${US}0800${hex(build({}).slice(0, 24))}`.padEnd(120, '0'));
    expect(bench.pool.outstanding).toBe(0);
    expect(() => packet.release()).toThrow('released twice');
  });
});

describe('IPv6 neighbours are asked for from above', () => {
  test('through the solicitor: everybody first, the neighbour itself when in doubt', () => {
    const bench = new EthernetBench();
    const asked: string[] = [];
    bench.port.solicitor = {
      solicit: (target, linkAddress, now) => {
        asked.push(`@${now} ${formatAddress(target)} ${linkAddress === null ? 'all' : hex(linkAddress)}`);
      },
    };
    bench.send(V6, 'fd00::2');
    bench.port.neighbors.heard(address('fd00::2'), fromHex(PEER), 0);
    expect(bench.said()).toEqual([`${US} > ${PEER}: 86dd, 63 bytes`]);
    bench.send(V6, 'fd00::2').wait(5000);
    expect(asked).toEqual(['@0 fd00::2 all', `@5000 fd00::2 ${PEER}`]);
  });

  test('without a solicitor there is no answer: what waits is given back', () => {
    const bench = new EthernetBench().send(V6, 'fd00::2').wait(3000);
    expect(bench.returned).toEqual([V6]);
    expect(bench.counters.dropped()).toEqual({ 'neighbor-unreachable': 1 });
    expect(bench.pool.outstanding).toBe(0);
  });
});

test('a transport’s progress keeps a neighbour from being asked again', () => {
  const bench = new EthernetBench();
  bench.port.neighbors.heard(address('10.0.0.2'), fromHex(PEER), 0);
  bench.send(V4, '10.0.0.2').wait(4999);
  bench.port.confirm(address('10.0.0.2'), bench.now);
  bench.wait(10_000);
  expect(bench.said()).toEqual([`${US} > ${PEER}: 0800, 43 bytes`]);
});

test('input is coalesced if it is wanted and the device does not do it', () => {
  const upOf = (bench: EthernetBench): number => {
    for (const seq of [0, 5]) bench.give(frame(US, PEER, '0800', build({ seq, payload: new Uint8Array(5) })));
    bench.port.flush(0);
    return bench.up.length;
  };
  expect(upOf(new EthernetBench({ coalesce: true }))).toBe(1);
  expect(upOf(new EthernetBench({ coalesce: true }, ALL))).toBe(2);
  expect(upOf(new EthernetBench())).toBe(2);
});

test('the tables of a port are in the registry of limits', () => {
  expect(new EthernetBench({ coalesce: true }).limits.all().map(({ name, max }) => [name, max])).toEqual([
    ['link.tap0.neighbors', 1024], ['link.tap0.neighbors.incomplete', 128], ['link.tap0.neighbors.waiting', 384],
    ['link.tap0.neighbors.resolutions', 128], ['link.tap0.coalesced', 8],
  ]);
});

test('a frame is described as it is', () => {
  expect(describeFrame(fromHex(FRAMES.arpReply.hex)))
    .toBe('020000000002 > 020000000001: reply 020000000002 10.9.0.2 to 020000000001 10.9.0.1');
});
