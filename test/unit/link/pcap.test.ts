import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fromHex, hex } from '../../../src/bytes.js';
import { NetError } from '../../../src/errors.js';
import type { Device, FrameSink } from '../../../src/link/device.js';
import { NO_OFFLOAD } from '../../../src/link/device.js';
import { PcapWriter, tap } from '../../../src/link/pcap.js';
import type { PcapOptions } from '../../../src/link/pcap.js';
import { readPcap } from '../../../src/link/pcap-reader.js';
import type { CapturedPacket } from '../../../src/link/pcap-reader.js';
import type { Packet } from '../../../src/packet.js';
import { packetOf } from '../../../src/packet.js';
import { FRAMES } from '../../fixtures/captured-frames.js';

/** 2026-01-02T03:04:05.678Z. */
const EPOCH_MS = 1_767_323_045_678;

describe('the writer', () => {
  test('a file is section, interface and packet as the draft draws them, byte for byte', () => {
    const file = recorder({ application: 'app', hardware: 'cpu', epochMs: 1 });
    file.writer.addInterface('t0', 'ip', 1500);
    file.writer.frame(0, fromHex('ff 45 00 01 ff'), 1, 4, 2.5, 'out', 'hi');
    // Written from draft-ietf-opsawg-pcapng §4.1, §4.2, §4.3 by hand. 3.5 ms is 0x3567e0 ns.
    const section = '0a0d0d0a 30000000 4d3c2b1a 0100 0000 ffffffffffffffff' +
      '0200 0300 63707500  0400 0300 61707000  0000 0000  30000000';
    const description = '01000000 38000000 6500 0000 00000000' +
      '0200 0200 74300000  0300 0c00 74302c204d545520 31353030  0900 0100 09000000  0000 0000  38000000';
    const packet = '06000000 38000000 00000000 00000000 e0673500 03000000 03000000 450001 00' +
      '0200 0400 02000000  0100 0200 68690000  0000 0000  38000000';
    expect(hex(file.bytes())).toBe((section + description + packet).replaceAll(' ', ''));
  });

  test('times are exact to the nanosecond, although a double of ms since 1970 is not', () => {
    const file = recorder({ epochMs: EPOCH_MS + 0.25 });
    file.writer.addInterface('t0', 'ip', 1500);
    for (const now of [0, 0.000001, 12.999999, 1_000_000.5]) file.writer.frame(0, new Uint8Array(1), 0, 1, now, 'in');
    const epochNs = BigInt(EPOCH_MS) * 1_000_000n + 250_000n;
    expect(file.packets().map((p) => p.timeNs - epochNs)).toEqual([0n, 1n, 12_999_999n, 1_000_000_500_000n]);
  });

  test('a partial checksum is finished in the copy, and only there', () => {
    for (const [frame, field] of [[FRAMES.push, 16], [FRAMES.udp, 6]] as const) {
      const file = recorder();
      file.writer.addInterface('t0', 'ethernet', 1500);
      const packet = partial(frame.hex, field);
      file.writer.packet(0, packet, 0, 'out');
      const [written] = file.packets();
      expect(transportSum(written!.bytes)).toBe(0xffffn);
      expect(hex(packet.bytes, packet.start, packet.end)).toBe(frame.hex);
      expect(packet.checksum).toBe('partial');
    }
  });

  test('RFC 768: a UDP checksum that comes out as zero is written as all ones', () => {
    const packet = partial(FRAMES.udp.hex, 6);
    // The payload's second word takes up whatever is missing: then all words sum to 0xffff, the other zero.
    const word = packet.end - 3;
    packet.bytes.set([0, 0], word);
    const missing = 0xffffn - transportWords(packet.bytes.slice(packet.start, packet.end));
    packet.bytes.set([Number(missing >> 8n), Number(missing & 0xffn)], word);
    const file = recorder();
    file.writer.addInterface('t0', 'ethernet', 1500);
    file.writer.packet(0, packet, 0, 'out');
    expect(hex(file.packets()[0]!.bytes, 40, 42)).toBe('ffff');
  });

  test('what is longer than the snap length is cut, its true length kept, its checksum left whole or out', () => {
    // The field is at 50; it holds 0x1440 before and, as tshark says below, 0xc354 after.
    for (const [snapLength, checksum] of [[50, ''], [51, '14'], [52, 'c354'], [70, 'c354']] as const) {
      const file = recorder({ snapLength });
      file.writer.addInterface('t0', 'ethernet', 1500);
      file.writer.packet(0, partial(FRAMES.push.hex, 16), 0, 'out');
      const [packet] = file.packets();
      expect(packet!.bytes.length).toBe(snapLength);
      expect(packet!.originalLength).toBe(71);
      expect(hex(packet!.bytes.slice(50, 52))).toBe(checksum);
    }
  });

  test('a comment cannot bring a terminal escape, a new line or reversed writing into a reader', () => {
    const file = recorder();
    file.writer.addInterface('\x1b[2Jt0', 'ip', 1500);
    file.writer.frame(0, Uint8Array.of(0x45), 0, 1, 0, 'in', 'évil\x1b]0;title\x07\n\u202egnp\u2028\u061c\x9b2J\ud800\\');
    const [packet] = file.packets();
    expect(packet!.interfaceName).toBe('\\x1b[2Jt0');
    expect(packet!.comment).toBe('évil\\x1b]0;title\\x07\\x0a\\u202egnp\\u2028\\u061c\\x9b2J\\ud800\\\\');
  });

  test('a comment longer than an option can be is cut between two characters', () => {
    const file = recorder();
    file.writer.addInterface('t0', 'ip', 1500);
    file.writer.frame(0, Uint8Array.of(0x45), 0, 1, 0, 'in', 'é'.repeat(40_000));
    expect(file.packets()[0]!.comment).toBe('é'.repeat(32_767));
  });

  test('a packet on an interface that was not added is a fault of ours', () => {
    const { writer } = recorder();
    expect(() => writer.frame(0, new Uint8Array(1), 0, 1, 0, 'in')).toThrow(/interface/);
  });
});

describe('another reader', () => {
  const isCi = process.env['CI'] !== undefined;
  const hasTshark = spawnSync('tshark', ['--version']).status === 0;
  const title = 'tshark finds our file well-formed, every checksum good, and our words where it looks for them';

  test.skipIf(!hasTshark && !isCi)(`${title}${hasTshark ? '' : ' (skipped: no tshark here)'}`, () => {
    const file = recorder({ epochMs: EPOCH_MS, hardware: 'none' });
    file.writer.addInterface('wire', 'ethernet', 1500);
    file.writer.addInterface('tun', 'ip', 1400);
    file.writer.packet(0, partial(FRAMES.push.hex, 16), 0.000123, 'out', 'first, finished');
    file.writer.packet(0, partial(FRAMES.udp.hex, 6), 1, 'in');
    const ip6 = fromHex(FRAMES.neighborSolicitation.hex);
    file.writer.frame(1, ip6, 14, ip6.length, 2, 'in', 'raw \x1b[31m');
    const arp = fromHex(FRAMES.arpRequest.hex);
    file.writer.frame(0, arp, 0, arp.length, 3, 'out');
    expect(tshark(file.bytes(), ['-Y', '_ws.malformed || _ws.expert.severity >= error'])).toBe('');
    const fields = [
      'frame.time_epoch', 'frame.interface_name', 'frame.interface_description', 'frame.packet_flags_direction',
      'tcp.checksum.status', 'udp.checksum.status', 'icmpv6.checksum.status', '_ws.col.Protocol', 'frame.comment',
    ];
    const rows = tshark(file.bytes(), ['-T', 'fields', '-E', 'separator=|', ...fields.flatMap((f) => ['-e', f])]);
    expect(rows.trimEnd().split('\n')).toEqual([
      '1767323045.678000123|wire|wire, MTU 1500|0x00000002|1|||TCP|first, finished',
      '1767323045.679000000|wire|wire, MTU 1500|0x00000001||1||UDP|',
      '1767323045.680000000|tun|tun, MTU 1400|0x00000001|||1|ICMPv6|raw \\x1b[31m',
      '1767323045.681000000|wire|wire, MTU 1500|0x00000002||||ARP|',
    ]);
  });

  test.skipIf(!hasTshark && !isCi)('and would have found a bad checksum, had there been one', () => {
    const file = recorder();
    file.writer.addInterface('wire', 'ethernet', 1500);
    const push = fromHex(FRAMES.push.hex);
    file.writer.frame(0, push, 0, push.length, 0, 'out');
    expect(tshark(file.bytes(), ['-Y', '_ws.expert.severity >= error'])).not.toBe('');
  });
});

describe('the tap', () => {
  test('records both ways, passes everything on, and speaks for its device', () => {
    const file = recorder();
    const device = new Echo();
    let now = 5;
    const tapped = tap(device, file.writer, () => now);
    const sink = new Sink();
    tapped.attach(sink);
    expect([tapped.name, tapped.medium, tapped.mtu, tapped.linkAddress, tapped.offload])
      .toEqual(['echo0', 'ethernet', 1400, null, NO_OFFLOAD]);
    expect(tapped.transmit(packetOf(fromHex('0102')))).toBe(true);
    now = 6;
    expect(tapped.transmit(packetOf(new Uint8Array(0)))).toBe(false);
    const gone = new NetError('ENETDOWN', 'read');
    device.sink!.lost(gone);
    tapped.close();
    expect(sink.events).toEqual(['0102', 'end', gone]);
    expect(device.isClosed).toBe(true);
    expect(file.packets().map((p) => [p.interfaceName, p.linkType, p.direction, hex(p.bytes), p.timeNs])).toEqual([
      ['echo0', 1, 'out', '0102', 5_000_000n], ['echo0', 1, 'in', '0102', 5_000_000n], ['echo0', 1, 'out', '', 6_000_000n],
    ]);
  });
});

describe('the reader', () => {
  const cases: [string, string, bigint][] = [
    ['little-endian microseconds', 'd4c3b2a1 0200 0400 00000000 00000000 ffff0000 65000000' +
      '01000000 02000000 02000000 09000000 4500', 1_000_002_000n],
    ['big-endian microseconds', 'a1b2c3d4 0002 0004 00000000 00000000 0000ffff 00000065' +
      '00000001 00000002 00000002 00000009 4500', 1_000_002_000n],
    ['little-endian nanoseconds', '4d3cb2a1 0200 0400 00000000 00000000 ffff0000 65000000' +
      '01000000 02000000 02000000 09000000 4500', 1_000_000_002n],
    ['big-endian nanoseconds', 'a1b23c4d 0002 0004 00000000 00000000 0000ffff 00000065' +
      '00000001 00000002 00000002 00000009 4500', 1_000_000_002n],
  ];
  test.each(cases)('a classic capture in %s', (_, text, timeNs) => {
    expect(read(text)).toEqual({ end: null, packets: [
      { bytes: fromHex('4500'), originalLength: 9, timeNs, interfaceIndex: 0, interfaceName: '', linkType: 101,
        direction: null, comment: null },
    ] });
  });

  /** A section of the other byte order: microseconds by default, and one interface of 2^-10 s that began at 100 s. */
  const BIG_ENDIAN = '0a0d0d0a 0000001c 1a2b3c4d 0001 0000 ffffffffffffffff 0000001c' +
    '00000001 00000014 0001 0000 00000000 00000014' +
    '00000001 0000002c 0065 0000 00000000 0009 0001 8a000000 000e 0008 0000000000000064 0000 0000 0000002c' +
    '00000bad 0000000c 0000000c' +
    '00000006 00000028 00000000 00000001 00000002 00000005 00000006 0102030405 000000 00000028' +
    '00000006 00000040 00000001 00000000 00000600 00000001 00000001 aa000000' +
    '0001 0001 61000000 0002 0004 00000001 0001 0001 62000000 0000 0000 00000040' +
    '00000003 00000014 00000002 bbcc0000 00000014';

  test('a big-endian pcapng section, its units and offset, its simple packets; unknown blocks are passed over', () => {
    const { end, packets } = read(BIG_ENDIAN);
    expect(end).toBe(null);
    expect(packets.map((p) => [hex(p.bytes), p.originalLength, p.timeNs, p.linkType, p.direction, p.comment])).toEqual([
      ['0102030405', 6, ((1n << 32n) + 2n) * 1000n, 1, null, null],
      ['aa', 1, 101_500_000_000n, 101, 'in', 'a\nb'],
      ['bbcc', 2, 0n, 1, null, null],
    ]);
  });

  test('a new section forgets the interfaces of the one before, and may have the other byte order', () => {
    const file = recorder();
    file.writer.addInterface('one', 'ip', 1500);
    file.writer.frame(0, Uint8Array.of(1), 0, 1, 0, 'in');
    const ours = hex(file.bytes());
    expect(read(BIG_ENDIAN + ours).packets.map((p) => p.interfaceName)).toEqual(['', '', '', 'one']);
    const section = hex(file.bytes().slice(0, new DataView(file.bytes().buffer).getUint32(4, true)));
    expect(read(ours + section + ours.slice(-80)).end).toMatch(/^block at \d+: /);
  });

  test('a file cut short gives the packets before the cut, and says so', () => {
    const whole = fromHex(BIG_ENDIAN);
    const { end, packets } = read(hex(whole.slice(0, -1)));
    expect(packets.length).toBe(2);
    expect(end).toMatch(/truncated/);
    expect(read('').end).toMatch(/too short/);
    expect(read('00000000').end).toMatch(/magic/);
    for (const [, text] of cases) expect(read(text.slice(0, -2))).toEqual({ end: 'record at 24: truncated', packets: [] });
  });

  const SECTION = '0a0d0d0a 0000001c 1a2b3c4d 0001 0000 ffffffffffffffff 0000001c';
  const INTERFACE = '00000001 00000014 0001 0000 00000000 00000014';

  test.each([
    ['a section of no length, which would never end', '0a0d0d0a 00000000 1a2b3c4d 0001 0000', /length 0/],
    ['a block shorter than its frame', `${SECTION} 00000bad 00000008`.padEnd(100, '0'), /length 8/],
    ['a length that is no multiple of four', `${SECTION} 00000bad 0000000d 00 0000000d`, /length 13/],
    ['two lengths that differ', `${SECTION} 00000bad 0000000c 00000010`, /differ/],
    ['an interface without room for its fields', `${SECTION} 00000001 00000010 00010000 00000010`, /too short/],
    ['a packet without room for its fields', `${SECTION} ${INTERFACE} 00000006 00000010 00000000 00000010`, /bad packet/],
    ['a packet that runs into the end of its block', `${SECTION} ${INTERFACE}
      00000006 00000024 00000000 00000000 00000000 00000005 00000005 01020304 00000024`, /bad packet/],
    ['a packet of an interface that is not described', `${SECTION}
      00000006 00000020 00000000 00000000 00000000 00000000 00000000 00000020`, /bad packet/],
    ['a simple packet that runs into the end of its block', `${SECTION} ${INTERFACE}
      00000003 00000014 00000005 01020304 00000014`, /bad packet/],
  ])('ends at %s', (_, text, reason) => {
    expect(read(text)).toEqual({ end: expect.stringMatching(reason), packets: [] });
  });

  test('an option that runs into the end of its block is no option', () => {
    const packet = '00000006 00000028 00000000 00000000 00000000 00000000 00000000 0001 0008 61626364 00000028';
    expect(read(SECTION + INTERFACE + packet).packets.map((p) => p.comment)).toEqual([null]);
  });
});

function recorder(options: PcapOptions = {}) {
  const blocks: Uint8Array[] = [];
  const bytes = (): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.concat(blocks));
  const packets = (): CapturedPacket[] => [...readPcap(bytes())];
  return { writer: new PcapWriter((block) => blocks.push(block), options), bytes, packets };
}

function read(text: string): { end: string | null; packets: CapturedPacket[] } {
  const packets: CapturedPacket[] = [];
  const file = readPcap(fromHex(text));
  for (;;) {
    const next = file.next();
    if (next.done) return { end: next.value, packets };
    packets.push(next.value);
  }
}

/** A captured frame as the virtio device would hand it over. */
function partial(frame: string, field: number): Packet {
  const packet = packetOf(fromHex(frame));
  packet.checksum = 'partial';
  packet.checksumStart = packet.start + 34;
  packet.checksumField = packet.checksumStart + field;
  return packet;
}

/** RFC 793 §3.1, RFC 768: what an Ethernet frame's IPv4 transport sums to, the pseudo-header first. 0xffff is right. */
function transportSum(frame: Uint8Array): bigint {
  const length = BigInt(frame.length - 34);
  return fold(words(frame.slice(26, 34)) + BigInt(frame[23]!) + length + words(frame.slice(34)));
}

/** The same over a frame whose checksum field holds the pseudo-header's sum. */
const transportWords = (frame: Uint8Array): bigint => fold(words(frame.slice(34)));

function words(bytes: Uint8Array): bigint {
  let sum = 0n;
  for (let i = 0; i < bytes.length; i += 2) sum += BigInt(bytes[i]! * 256 + (bytes[i + 1] ?? 0));
  return sum;
}

function fold(sum: bigint): bigint {
  return sum > 0xffffn ? fold((sum >> 16n) + (sum & 0xffffn)) : sum;
}

function tshark(file: Uint8Array, args: string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'wallsocket-pcap-'));
  try {
    writeFileSync(join(folder, 'ours.pcapng'), file);
    const checks = ['ip', 'tcp', 'udp'].flatMap((p) => ['-o', `${p}.check_checksum:TRUE`]);
    return execFileSync('tshark', ['-r', join(folder, 'ours.pcapng'), '-n', ...checks, ...args], {
      encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'],
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Gives back what is sent; refuses what is empty. */
class Echo implements Device {
  readonly name = 'echo0';
  readonly medium = 'ethernet';
  readonly mtu = 1400;
  readonly linkAddress = null;
  readonly offload = NO_OFFLOAD;
  sink: FrameSink | null = null;
  isClosed = false;

  attach(sink: FrameSink): void {
    this.sink = sink;
  }

  transmit(packet: Packet): boolean {
    if (packet.length === 0) return false;
    this.sink!.receive(packet);
    this.sink!.batchEnd();
    return true;
  }

  close(): void {
    this.isClosed = true;
  }
}

class Sink implements FrameSink {
  readonly events: unknown[] = [];

  receive(packet: Packet): void {
    this.events.push(hex(packet.bytes, packet.start, packet.end));
  }

  batchEnd(): void {
    this.events.push('end');
  }

  lost(error: NetError): void {
    this.events.push(error);
  }
}
