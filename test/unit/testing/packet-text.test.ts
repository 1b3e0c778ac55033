import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromHex } from '../../../src/bytes.js';
import { PcapWriter } from '../../../src/link/pcap.js';
import { packetText } from '../../../src/testing/packet-text.js';
import { FRAMES } from '../../fixtures/captured-frames.js';

const frameText = (hex: string): string => packetText(fromHex(hex), 0, hex.length / 2, 'ethernet');
/** Without the Ethernet header. */
const ipText = (hex: string): string => packetText(fromHex(hex), 14, hex.length / 2, 'ip');
const text = (hex: string): string => packetText(fromHex(hex), 0, fromHex(hex).length, 'ip');

describe('a packet in one line', () => {
  test.each(Object.entries(FRAMES))('what Linux sent, %s, reads as tcpdump reads it', (_, { hex, tcpdump }) => {
    // We say more than tcpdump of two things: a neighbour advertisement's flags, and what an ICMP error quotes.
    const ours = frameText(hex).replace(/ \((router|solicited|override)[a-z, ]*\)/, '').replace(/ \[IP.*\]$/, '');
    expect(ours).toBe(`${ethernet(hex)}, ${tcpdump}`);
  });

  test('an ICMP error shows whom it is about', () => {
    expect(ipText(FRAMES.hostUnreachable.hex)).toMatch(
      / unreachable, length 92 \[IP 10\.9\.0\.1 > 10\.77\.1\.1: ICMP echo request, id 8440, seq 1, length 64\]$/);
    expect(ipText(FRAMES.portUnreachable6.hex)).toMatch(
      /, length 61 \[IP6 fd00:9::1\.39560 > fd00:9::2\.40082: UDP, length 5\]$/);
  });

  test('an error that quotes an error shows one quote, so that no packet makes a long line', () => {
    const inner = '4500001c 00000000 40010000 0a000001 0a000002 0b000000 00000000';
    const middle = `45000038 00000000 40010000 0a000001 0a000002 0b000000 00000000 ${inner}`;
    expect(text(`45000054 00000000 40010000 0a000001 0a000002 0b000000 00000000 ${middle}`)).toBe(
      'IP 10.0.0.1 > 10.0.0.2: ICMP time exceeded in-transit, length 64 ' +
      '[IP 10.0.0.1 > 10.0.0.2: ICMP time exceeded in-transit, length 36]');
  });

  test('a quoted TCP segment of eight bytes gives ports and sequence number', () => {
    const quoted = '45000028 00000000 40060000 0a000001 0a000002 1f900050 fffffff0';
    expect(text(`45000038 00000000 40010000 0a000002 0a000001 03040000 00000514 ${quoted}`)).toBe(
      'IP 10.0.0.2 > 10.0.0.1: ICMP 10.0.0.2 unreachable - need to frag (mtu 1300), length 36 ' +
      '[IP 10.0.0.1.8080 > 10.0.0.2.80: seq 4294967280, [|tcp]]');
  });

  test('RFC 791, RFC 8200 §4.5: a fragment tells id, length, offset, and whether more follow', () => {
    expect(text('45000024 00072000 40110000 0a000001 0a000002 14e914e9 00640000 0000000000000000')).toBe(
      'IP 10.0.0.1.5353 > 10.0.0.2.5353: UDP, length 92 (frag 7:16@0+)');
    expect(text('45000018 00070002 40110000 0a000001 0a000002 ffffffff')).toBe(
      'IP 10.0.0.1 > 10.0.0.2: udp (frag 7:4@16)');
    const header = '60000000 00102c40 fd000000000000000000000000000001 fd000000000000000000000000000002';
    expect(text(`${header} 3a0005a9 ffffffff 0000000000000000`)).toBe(
      'IP6 fd00::1 > fd00::2: icmp6 (frag 4294967295:8@1448+)');
  });

  test('link padding behind the packet is not payload', () => {
    expect(frameText(`${FRAMES.reset.hex}000000000000`)).toBe(frameText(FRAMES.reset.hex));
  });

  test('RFC 9768: the AE bit is shown behind the other flags, which older tcpdumps leave out', () => {
    expect(text('45000028 00000000 40060000 0a000001 0a000002 00010002 00000003 00000004 51c20005 00000000')).toBe(
      'IP 10.0.0.1.1 > 10.0.0.2.2: Flags [SEWe], seq 3, win 5, length 0');
  });

  test("RFC 9768 §3.2.3: accurate ECN's counters, in both orders; what is no whole counter is padding", () => {
    const segment = (words: string, options: string): string =>
      text(`4500003c 00000000 40060000 0a000001 0a000002 00010002 00000003 00000004 ${words}0100005 00000000 ${options}`);
    expect(segment('8', 'ac 0b 000001 000002 800003 01')).toContain('options [accecn0 e0b 1 ceb 2 e1b 8388611,nop]');
    expect(segment('7', 'ae 08 000001 000002 0101')).toContain('options [accecn1 e1b 1 ceb 2');
    expect(segment('6', 'ae 04 0102')).toContain('options [accecn1]');
  });

  test('a packet cut short still tells its true lengths, and where the cut is', () => {
    const { hex, tcpdump } = FRAMES.push;
    expect(ipText(hex.slice(0, -10))).toBe(tcpdump);
    expect(ipText(hex.slice(0, 2 * 60))).toBe(tcpdump.replace('TS val 1397456742 ecr 935882802', '[|tcp]'));
    expect(ipText(hex.slice(0, 2 * 40))).toMatch(/: \[\|tcp\]$/);
    expect(ipText(hex.slice(0, 2 * 30))).toBe('IP [|ip] 16 bytes');
  });

  test('what ends before its fields says so', () => {
    expect(frameText(FRAMES.arpRequest.hex.slice(0, 80))).toMatch(/, \[\|arp\] 26 bytes$/);
    expect(text('4f00003c 00000000 40060000 0a000001 0a000002')).toBe('IP [|ip] 20 bytes');
    const redirect = '60000000 00283aff fe800000000000000000000000000001 fe800000000000000000000000000002' +
      '8900000000000000 fe800000000000000000000000000003';
    expect(text(redirect)).toBe('IP6 fe80::1 > fe80::2: ICMP6, redirect, [|icmp6] to fe80::3, length 40');
    expect(text(`${redirect} fd000000000000000000000000000004`)).toBe(
      'IP6 fe80::1 > fe80::2: ICMP6, redirect, fd00::4 to fe80::3, length 40');
  });

  test('an extension header longer than its packet is bad, whatever lies behind the packet', () => {
    const packet = '60000000 00083c40 fd000000000000000000000000000001 fd000000000000000000000000000002 1101000000000000';
    expect(text(`${packet} 0001000200080000 0001000200080000`)).toBe(
      'IP6 fd00::1 > fd00::2: DSTOPT bad extension length 16');
    expect(text(`${packet} 0001000200080000 0001000200080000`.replace('0008', '0018'))).toBe(
      'IP6 fd00::1.1 > fd00::2.2: DSTOPT UDP, length 0');
  });

  test('RFC 9260 §3: SCTP chunks by name; one without length is the last', () => {
    const head = '45000030 00000000 40840000 0a000001 0a000002 00070009 00000000 00000000';
    expect(text(`${head} 03000006 aaaa0000 0b000004 7f000000`)).toBe(
      'IP 10.0.0.1.7 > 10.0.0.2.9: SCTP [SACK, COOKIE ACK, chunk 127], length 28');
  });

  test('RFC 5952 §4: the first longest run of zeros is shortened, one zero alone is not', () => {
    const to = (address: string): string =>
      text(`60000000 00003b40 ${'0'.repeat(32)} ${address}`).replace(/.* > (.*): no next header, length 0$/, '$1');
    expect(to('20010db8000000000001000000000001')).toBe('2001:db8::1:0:0:1');
    expect(to('20010db8000000010001000100010001')).toBe('2001:db8:0:1:1:1:1:1');
    expect(to('20010000000000010000000000000001')).toBe('2001:0:0:1::1');
    expect(to('00010000000000000000000000000000')).toBe('1::');
    expect(to('00000000000000000000ffff0a000001')).toBe('::ffff:10.0.0.1');
  });

  test('VLAN tags, 802.3 lengths and unknown types', () => {
    const addresses = '020000000002 020000000001';
    const line = (rest: string): string => frameText((addresses + rest).replaceAll(' ', ''));
    const ip = '45000014 00000000 40590000 0a000001 0a000002';
    expect(line(`8100 e005 0800 ${ip}`)).toBe(
      '02:00:00:00:00:01 > 02:00:00:00:00:02, vlan 5, IP 10.0.0.1 > 10.0.0.2: ip-proto-89, length 0');
    expect(line('0026 4242 03')).toMatch(/, 802\.3, length 38$/);
    expect(line('88cc 0207')).toMatch(/, ethertype 0x88cc, length 2$/);
  });
});

/** One well-formed IPv4 TCP segment with any options: what a peer of ours may send. */
const anySegment = fc.record({
  seq: fc.bigInt(0n, 0xffff_ffffn), ack: fc.bigInt(0n, 0xffff_ffffn), flags: fc.nat(0xff), window: fc.nat(0xffff),
  urgent: fc.nat(0xffff), length: fc.nat(40),
  options: fc.array(fc.oneof(
    fc.constant([1]),
    fc.constant([4, 2]),
    fc.tuple(fc.nat(255), fc.nat(255)).map(([a, b]) => [2, 4, a, b]),
    fc.nat(14).map((shift) => [3, 3, shift]),
    fc.uint8Array({ minLength: 8, maxLength: 8 }).map((b) => [8, 10, ...b]),
    fc.nat(2).chain((n) => fc.uint8Array({ minLength: 8 * n + 8, maxLength: 8 * n + 8 })).map((b) => [5, b.length + 2, ...b]),
  ), { maxLength: 5 }).map((list) => list.flat()).filter((bytes) => bytes.length <= 40),
});

describe('another reader', () => {
  const isCi = process.env['CI'] !== undefined;
  const hasTcpdump = spawnSync('tcpdump', ['--version']).status === 0;
  const reason = hasTcpdump ? '' : ' (skipped: no tcpdump here)';

  test.skipIf(!hasTcpdump && !isCi)(`tcpdump says the same of any TCP segment${reason}`, () => {
    const segments = fc.sample(anySegment, { numRuns: 300, seed: 1 }).map((s) => {
      const options = [...s.options, ...new Array<number>(-s.options.length & 3).fill(0)];
      const total = 40 + options.length + s.length;
      return Uint8Array.of(
        0x45, 0, total >> 8, total, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x9c, 0x41, 0x9c, 0x42,
        ...word(s.seq), ...word(s.ack), (20 + options.length) << 2, s.flags,
        s.window >> 8, s.window, 0, 0, s.urgent >> 8, s.urgent, ...options, ...new Array<number>(s.length).fill(0x61),
      );
    });
    const ours = segments.map((bytes) => packetText(bytes, 0, bytes.length, 'ip'));
    expect(ours).toEqual(tcpdump(segments));
  });
});

const word = (value: bigint): number[] => [24n, 16n, 8n, 0n].map((shift) => Number((value >> shift) & 0xffn));

function tcpdump(packets: readonly Uint8Array[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'wallsocket-text-'));
  try {
    const blocks: Uint8Array[] = [];
    const writer = new PcapWriter((block) => blocks.push(block));
    writer.addInterface('t0', 'ip', 1500);
    for (const bytes of packets) writer.frame(0, bytes, 0, bytes.length, 0, 'in');
    writeFileSync(join(folder, 'ours.pcapng'), Buffer.concat(blocks));
    const lines = execFileSync('tcpdump', ['-r', join(folder, 'ours.pcapng'), '-n', '-S', '-t'], {
      encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'],
    });
    return lines.trimEnd().split('\n');
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function ethernet(hex: string): string {
  const mac = (at: number): string => hex.slice(at, at + 12).replace(/..(?!$)/g, '$&:');
  return `${mac(12)} > ${mac(0)}`;
}
