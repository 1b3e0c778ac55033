// Captures played into a stack: what was said to others is said to us, and nothing that comes goes without a word.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

import { encodePacket, type TcpSegment } from '../../src/arbitraries.js';
import { PcapWriter } from '../../src/link/pcap.js';
import { packetOf } from '../../src/packet.js';
import { playCorpus } from '../../tools/fuzz/corpus.js';
import { ipOf } from './harness/packets.js';
import { play } from './harness/playback.js';

const SEGMENT: TcpSegment = {
  kind: 'tcp', options: [], payload: new Uint8Array(0), sourcePort: 1000, destinationPort: 2000, seq: 100, ack: 0, flags: 2, window: 1000, urgent: 0, checksumOff: 0,
};
/** Somebody's side of a conversation with another, whose first number was 500. */
const SIDE: readonly TcpSegment[] = [
  SEGMENT, { ...SEGMENT, seq: 101, ack: 501, flags: 16 }, { ...SEGMENT, seq: 101, ack: 501, flags: 24, payload: new Uint8Array(700) },
  { ...SEGMENT, seq: 801, ack: 501, flags: 17 },
];

function capture(medium: 'ip' | 'ethernet', packets: readonly Uint8Array[]): Uint8Array {
  const chunks: number[] = [];
  const writer = new PcapWriter((bytes) => chunks.push(...bytes));
  const index = writer.addInterface('wire', medium, 1500);
  for (const [i, packet] of packets.entries()) writer.packet(index, packetOf(packet), i, 'in');
  return Uint8Array.from(chunks);
}

const elsewhere = SIDE.map((segment) => encodePacket({ ...ipOf(4, segment), source: '192.0.2.7', destination: '198.51.100.9' }));
const framed = elsewhere.map((packet) => Uint8Array.of(0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 7, 8, 0, ...packet));
const tagged = framed.map((frame) => Uint8Array.of(...frame.subarray(0, 12), 0x81, 0, 0, 5, ...frame.subarray(12)));
const at = (): { packet: number; frame: Uint8Array } => ({ packet: 0, frame: new Uint8Array(0) });

describe('a capture', () => {
  test.each([['ip', elsewhere], ['ethernet', framed], ['ethernet', tagged]] as const)('of others is a conversation with us (%s)', (medium, packets) => {
    const { text, frames, damage, drops } = play(capture(medium, packets), at());
    expect([text, frames, damage]).toEqual([700, 3 * SIDE.length, null]);
    // As they were, they are for somebody else.
    expect((drops.get('ip-not-for-us') ?? 0) + (drops.get('link-not-for-us') ?? 0) + (drops.get('link-unknown-type') ?? 0)).toBe(SIDE.length);
  });

  test('that breaks off says so', () => {
    expect(play(capture('ip', elsewhere).slice(0, -5), at()).damage).toMatch(/truncated/);
  });

  test('has no frame that goes without a word', () => {
    const header = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
    const odd = [[], [2], [...header, 8, 6, 0, 1, 8, 0, 6, 4, 0, 9], [...header, 8, 6, ...new Array<number>(28).fill(1)], [...header, 0x88, 0xcc, 1], [...header, 8, 0, 0x45]];
    const { drops } = play(capture('ethernet', odd.map((bytes) => Uint8Array.from(bytes))), at());
    expect([...drops.values()].reduce((sum, n) => sum + n, 0)).toBeGreaterThanOrEqual(odd.length);
  });
});

test('a folder is played file by file, and what is no capture is passed over', () => {
  const folder = mkdtempSync(join(tmpdir(), 'corpus-'));
  try {
    writeFileSync(join(folder, 'a.pcap'), capture('ip', elsewhere));
    writeFileSync(join(folder, 'b.txt'), 'nothing');
    const lines: string[] = [];
    expect(playCorpus(folder, (line) => lines.push(line))).toBe(0);
    expect(lines[0]).toBe('1 captures, 0 of them damaged; 4 packets, 12 frames, 6 answers, 700 bytes of text taken');
    rmSync(join(folder, 'a.pcap'));
    expect(playCorpus(folder, () => {})).toBe(1);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
