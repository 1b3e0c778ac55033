// What the middlebox does to segments: the stream stays what it was, every sum is right, and what is damaged passes as it is.

import { describe, expect, test } from 'vitest';

import { address } from '../../../src/address.js';
import { finish, pseudoSum, sumBytes } from '../../../src/checksum.js';
import { type Packet, PacketPool } from '../../../src/packet.js';
import { SeededRandom } from '../../../src/random.js';
import { TcpMiddlebox, type TcpMiddleboxOptions } from '../../../src/testing/middlebox.js';

const FIN = 1, SYN = 2, PSH = 8, ACK = 16, URG = 32;

interface Segment { seq: number; text: number; flags?: number; ack?: number; window?: number; options?: number[] }

const pool = new PacketPool();

/** Its text is the stream's: byte `n` of it is n modulo 256. */
function packet(family: 4 | 6, { seq, text, flags = ACK, ack = 1, window = 1000, options = [] }: Segment): Packet {
  const network = family === 4 ? 20 : 40;
  const header = 20 + options.length;
  const p = pool.take(network + header + text);
  const b = new Uint8Array(network + header + text);
  const view = new DataView(b.buffer);
  const [src, dst] = family === 4 ? [address('192.0.2.1'), address('192.0.2.2')] : [address('2001:db8::1'), address('2001:db8::2')];
  if (family === 4) {
    b.set([0x45, 0, 0, 0, 0, 7, 0x40, 0, 64, 6, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
    view.setUint16(2, b.length);
    view.setUint16(10, finish(sumBytes(b, 0, 20)));
  } else {
    b.set([0x60, 0, 0, 0, 0, 0, 6, 64, 0x20, 1, 0x0d, 0xb8]);
    view.setUint16(4, b.length - 40);
    b[23] = 1;
    b.set([0x20, 1, 0x0d, 0xb8], 24);
    b[39] = 2;
  }
  view.setUint32(network + 4, seq);
  view.setUint32(network + 8, ack);
  view.setUint16(network + 12, (header << 10) | flags);
  view.setUint16(network + 14, window);
  b.set(options, network + 20);
  for (let i = 0; i < text; i++) b[network + header + i] = (seq + i) & 0xff;
  view.setUint16(network + 16, finish(sumBytes(b, network, b.length, pseudoSum(src, dst, 6, b.length - network))));
  p.bytes.set(b, p.start);
  p.end = p.start + b.length;
  return p;
}

/** What stands in a packet; its sums and lengths are right, and its text is the stream's. */
function read(family: 4 | 6, p: Packet): Required<Segment> {
  const b = p.bytes.slice(p.start, p.end);
  const view = new DataView(b.buffer);
  const network = family === 4 ? 20 : 40;
  expect(view.getUint16(family === 4 ? 2 : 4)).toBe(family === 4 ? b.length : b.length - 40);
  if (family === 4) expect(sumBytes(b, 0, 20)).toBe(0xffff);
  expect(sumBytes(b, network, b.length, sumBytes(b, network === 20 ? 12 : 8, network, 6 + b.length - network))).toBe(0xffff);
  const header = (b[network + 12]! >>> 4) * 4;
  const seq = view.getUint32(network + 4);
  const text = b.subarray(network + header);
  expect(text.findIndex((byte, i) => byte !== ((seq + i) & 0xff))).toBe(-1);
  p.release();
  return {
    seq, text: text.length, flags: b[network + 13]!, ack: view.getUint32(network + 8), window: view.getUint16(network + 14),
    options: [...b.subarray(network + 20, network + header)],
  };
}

interface Bench {
  box: TcpMiddlebox;
  out: Packet[];
  give: (...packets: Packet[]) => void;
  /** The time of what is held is over. */
  ring: () => void;
}

function bench(options: TcpMiddleboxOptions, seed = 1): Bench {
  const calls: (() => void)[] = [];
  const box = new TcpMiddlebox(options, new SeededRandom(seed), (_ms, run) => calls.push(run));
  const out: Packet[] = [];
  return {
    box, out,
    give: (...packets) => packets.forEach((each) => box.pass(each, (p) => out.push(p))),
    ring: () => calls.splice(0).forEach((run) => run()),
  };
}

describe.each([4, 6] as const)('over IPv%i', (family) => {
  const segment = (s: Segment): Packet => packet(family, s);
  const reads = (packets: readonly Packet[]): Required<Segment>[] => packets.map((p) => read(family, p));

  test('a segment cut in two: both are next to each other in the stream, and FIN and PSH are on the second', () => {
    const lengths = new Set<number>();
    for (let seed = 0; seed < 40; seed++) {
      const { out, give } = bench({ split: 1 }, seed);
      give(segment({ seq: 0xffff_fff0, text: 100, flags: ACK | PSH | FIN, ack: 7, options: [1, 1, 1, 1] }));
      const [first, second] = reads(out);
      expect([out.length, first!.seq, first!.flags, second!.flags]).toEqual([2, 0xffff_fff0, ACK, ACK | PSH | FIN]);
      expect([first!.text + second!.text, (first!.seq + first!.text) >>> 0]).toEqual([100, second!.seq]);
      expect([first!.ack, second!.ack, second!.options]).toEqual([7, 7, [1, 1, 1, 1]]);
      lengths.add(first!.text);
    }
    expect(Math.min(...lengths)).toBeGreaterThan(0);
    expect(lengths.size).toBeGreaterThan(20);
  });

  test('two that follow each other joined: the first one\'s number, the second one\'s acknowledgement, window and flags', () => {
    const { out, give, box } = bench({ merge: 1 });
    give(segment({ seq: 1000, text: 30, ack: 5, window: 9 }), segment({ seq: 1030, text: 40, flags: ACK | PSH, ack: 6, window: 8 }));
    expect(reads(out)).toEqual([{ seq: 1000, text: 70, flags: ACK | PSH, ack: 6, window: 8, options: [] }]);
    expect(box.pool.outstanding).toBe(0);
  });

  test('what does not follow, or has other options, or comes behind a FIN is not joined; what is held goes first', () => {
    for (const next of [{ seq: 1031, text: 9 }, { seq: 1030, text: 9, options: [1, 1, 1, 0] }, { seq: 1030, text: 9, flags: ACK | URG }]) {
      const { out, give, ring } = bench({ merge: 1 });
      give(segment({ seq: 1000, text: 30 }), segment(next));
      ring();
      expect(reads(out).map(({ seq }) => seq)).toEqual([1000, next.seq]);
    }
    const { out, give, ring } = bench({ merge: 1 });
    give(segment({ seq: 1000, text: 30, flags: ACK | FIN }), segment({ seq: 1030, text: 1 }));
    ring();
    expect(reads(out)).toHaveLength(2);
  });

  test('what nothing follows goes on when its time is over, and not twice', () => {
    const { out, give, ring } = bench({ merge: 1 });
    give(segment({ seq: 1000, text: 30 }));
    expect(out).toHaveLength(0);
    ring();
    ring();
    expect(reads(out)).toMatchObject([{ seq: 1000, text: 30 }]);
  });

  test('windows shrink to anything from nothing to what they were, and those of SYNs stay', () => {
    const { out, give } = bench({ shrink: 1 });
    for (let n = 0; n < 300; n++) give(segment({ seq: 1, text: 0, window: 5 }));
    give(segment({ seq: 1, text: 0, flags: SYN, window: 5 }));
    const windows = reads(out).map(({ window }) => window);
    expect(windows.pop()).toBe(5);
    expect([...new Set(windows)].toSorted()).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test('options of a SYN become NOPs, the others stay; those of other segments stay', () => {
    const options = [2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7];
    const { out, give } = bench({ strip: [4, 8] });
    give(segment({ seq: 1, text: 0, flags: SYN, options }), segment({ seq: 2, text: 0, options }));
    const [syn, other] = reads(out);
    expect(syn!.options).toEqual([2, 4, 5, 180, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 3, 3, 7]);
    expect(other!.options).toEqual(options);
  });

  test('a damaged segment, and one without its sum yet, pass as they are', () => {
    const { out, give } = bench({ split: 1, shrink: 1 });
    const damaged = segment({ seq: 1, text: 50 });
    damaged.bytes[damaged.end - 1]! ^= 1;
    const unsummed = segment({ seq: 1, text: 50 });
    unsummed.checksum = 'partial';
    const before = [damaged, unsummed].map((p) => p.bytes.slice(p.start, p.end));
    give(damaged, unsummed);
    expect(out.map((p) => p.bytes.slice(p.start, p.end))).toEqual(before);
  });
});
