import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PcapWriter } from '../../src/link/pcap.js';
import type { CapturedPacket } from '../../src/link/pcap-reader.js';
import { readPcap } from '../../src/link/pcap-reader.js';

const printableText = fc.string({ unit: fc.constantFrom('a', 'é', '東', '😀', ' '), maxLength: 9 });
const anyRecord = fc.record({
  iface: fc.nat(1), bytes: fc.uint8Array({ maxLength: 70 }), now: fc.nat(1e9), direction: fc.constantFrom('in', 'out'),
  comment: fc.option(printableText, { nil: undefined }),
});
const anyCapture = fc.tuple(fc.array(anyRecord, { maxLength: 5 }), fc.nat(60), fc.nat(2 ** 41));

describe('a capture', () => {
  test('says what was recorded, in order', () => {
    fc.assert(fc.property(anyCapture, ([records, snapLength, epochMs]) => {
      const kept = (bytes: Uint8Array): Uint8Array => snapLength === 0 ? bytes : bytes.slice(0, snapLength);
      expect(readAll(fileOf(records, snapLength, epochMs)).packets).toEqual(records.map((r): CapturedPacket => ({
        bytes: kept(r.bytes), originalLength: r.bytes.length, timeNs: BigInt(epochMs + r.now) * 1_000_000n,
        interfaceIndex: r.iface, interfaceName: ['raw', 'eth'][r.iface]!, linkType: [101, 1][r.iface]!,
        direction: r.direction as 'in' | 'out', comment: r.comment ?? null,
      })));
    }));
  });

  test('cut anywhere, gives the packets before the cut, and ends well only between two blocks', () => {
    fc.assert(fc.property(anyCapture, fc.nat(), ([records, snapLength, epochMs], anywhere) => {
      const file = fileOf(records, snapLength, epochMs);
      const whole = readAll(file);
      expect(whole.end).toBe(null);
      const cut = anywhere % (file.length + 1);
      const { packets, end } = readAll(file.slice(0, cut));
      expect(packets).toEqual(whole.packets.slice(0, packets.length));
      expect(end === null).toBe(boundaries(file).has(cut));
    }));
  });

  test('damaged anyhow, or anything else, ends; its packets lie in the file', () => {
    const damaged = fc.tuple(anyCapture, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 8 }))
      .map(([capture, changes]) => {
        const file = fileOf(...capture);
        for (const [at, value] of changes) file[at % file.length] = value;
        return file;
      });
    const MAGICS = [[0x0a, 0x0d, 0x0d, 0x0a], [0xa1, 0xb2, 0xc3, 0xd4], [0x4d, 0x3c, 0xb2, 0xa1]];
    const anything = fc.tuple(fc.constantFrom(...MAGICS), fc.uint8Array({ maxLength: 120 }))
      .map(([magic, rest]) => Uint8Array.of(...magic, ...rest));
    fc.assert(fc.property(fc.oneof(damaged, anything, fc.uint8Array()), (file) => {
      const { packets } = readAll(file);
      for (const { bytes } of packets) expect(bytes.buffer).toBe(file.buffer);
      expect(packets.length).toBeLessThanOrEqual(file.length / 12);
    }), { numRuns: 3000 });
  });
});

function fileOf(
  records: readonly { iface: number; bytes: Uint8Array; now: number; direction: string; comment: string | undefined }[],
  snapLength: number, epochMs: number,
): Uint8Array {
  const blocks: Uint8Array[] = [];
  const writer = new PcapWriter((block) => blocks.push(block), { snapLength, epochMs });
  writer.addInterface('raw', 'ip', 1500);
  writer.addInterface('eth', 'ethernet', 1500);
  for (const r of records) {
    // The packet is somewhere in a larger memory, as packets are.
    const memory = Uint8Array.of(0xee, ...r.bytes, 0xee);
    writer.frame(r.iface, memory, 1, memory.length - 1, r.now, r.direction as 'in' | 'out', r.comment);
  }
  return new Uint8Array(Buffer.concat(blocks));
}

/** Where each block ends, found by the lengths alone; an empty file is no capture. */
function boundaries(file: Uint8Array): Set<number> {
  const found = new Set<number>();
  for (let at = 0; at < file.length;) found.add(at += new DataView(file.buffer).getUint32(at + 4, true));
  return found;
}

function readAll(file: Uint8Array): { packets: CapturedPacket[]; end: string | null } {
  const packets: CapturedPacket[] = [];
  const reader = readPcap(file);
  for (;;) {
    const next = reader.next();
    if (next.done) return { packets, end: next.value };
    packets.push(next.value);
  }
}
