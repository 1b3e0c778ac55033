// A real device against a real kernel. <linux/if_tun.h>; the recipe is in src/link/node/tun.ts.

import { beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { fromHex, hex, u16, u32 } from '../../src/bytes.js';
import { pattern } from './by-hand.js';
import { excuse, program, type Program } from './namespace.js';

const reason = excuse();
let tun: Program;

beforeAll(async () => {
  if (reason === null) tun = await program(new URL('./tun.program.ts', import.meta.url));
});

beforeEach(({ skip }) => skip(reason !== null, reason ?? ''));

interface Seen {
  readonly bytes: string;
  readonly checksum: string;
  readonly checksumStart: number;
  readonly checksumField: number;
  readonly segmentSize: number;
  readonly length: number;
  readonly start: number;
  readonly room: number;
}

const observe = <T>(scenario: string, ...args: string[]): Promise<T> => tun.run(scenario, ...args) as Promise<T>;
const headerOf = { 4: 20, 6: 40 } as const;

/**
 * RFC 1071 by exact arithmetic: the transport's checksum holds if the sum of everything it covers is a multiple of
 * 65,535. The pseudo-header's length is the packet's, as the one that was summed.
 */
function checksumHolds(packet: Uint8Array, protocol: number): boolean {
  const v4 = packet[0]! >>> 4 === 4;
  const header = v4 ? 20 : 40;
  const covered = [...packet.subarray(v4 ? 12 : 8)];
  if (covered.length % 2 === 1) covered.push(0);
  let sum = BigInt(protocol + packet.length - header);
  for (let i = 0; i < covered.length; i += 2) sum += BigInt(covered[i]! * 256 + covered[i + 1]!);
  return sum % 65_535n === 0n;
}

describe.each([4, 6] as const)('over IPv%i', (family) => {
  const header = headerOf[family];

  test('datagrams arrive whole, their checksums left to us, the IP header on a 4-byte boundary, in 2 KB of memory', async () => {
    const lengths = [0, 6, 100, 163, 164, 165, 166, 200, 1400];
    const { seen } = await observe<{ seen: Seen[] }>('udpIn', `${family}`, 'offload', ...lengths.map(String));
    for (const [i, one] of seen.entries()) {
      const packet = fromHex(one.bytes);
      expect(hex(packet.subarray(header + 8))).toBe(hex(pattern(lengths[i]!)));
      expect(one).toMatchObject({ checksum: 'partial', checksumStart: header, checksumField: header + 6, segmentSize: 0, room: 2048 });
      expect(checksumHolds(packet, 17)).toBe(true);
      expect(one.start % 4).toBe(0);
    }
  });

  test('without offload the checksum is finished already', async () => {
    const { seen, offload } = await observe<{ seen: Seen[]; offload: unknown }>('udpIn', `${family}`, 'none', '700');
    expect(offload).toEqual({ checksum: false, tcpSegmentation: false, udpSegmentation: false });
    expect(seen[0]!.checksum).toBe('whole');
    expect(checksumHolds(fromHex(seen[0]!.bytes), 17)).toBe(true);
  });

  test.each([56, 60_000])('the kernel pings us with %i bytes and gets them back', async (bytes) => {
    expect(await observe('ping', `${family}`, `${bytes}`)).toEqual({ ms: expect.any(Number) as number });
  });

  test('a ping notices an echo whose words were exchanged, and one that does not come', async () => {
    expect(await observe('ping', `${family}`, '56', 'change')).toMatchObject({ code: 'EPROTO' });
    expect(await observe('ping', `${family}`, '56', 'silence')).toMatchObject({ code: 'ETIMEDOUT' });
  });

  test('a SYN has no segments, and what follows comes as one superpacket', async () => {
    const { syn, first } = await observe<{ syn: Seen; first: Seen }>('tcpIn', `${family}`);
    expect(syn).toMatchObject({ checksum: 'partial', checksumStart: header, checksumField: header + 16, segmentSize: 0 });
    expect(checksumHolds(fromHex(syn.bytes), 6)).toBe(true);
    expect(first).toMatchObject({ checksum: 'partial', checksumStart: header, checksumField: header + 16 });
    // The MSS of our SYN-ACK.
    expect(first.segmentSize).toBe(1400);
    expect(first.length).toBeGreaterThan(1500);
    expect(first.room).toBeGreaterThan(65_535);
    const packet = fromHex(first.bytes);
    expect(checksumHolds(packet, 6)).toBe(true);
    expect(hex(packet.subarray(header + 20))).toBe(hex(pattern(40_000).subarray(0, packet.length - header - 20)));
  });

  test('without offload a segment fits the MTU', async () => {
    const { first } = await observe<{ first: Seen }>('tcpIn', `${family}`, 'no');
    expect(first).toMatchObject({ checksum: 'whole', segmentSize: 0 });
    expect(first.length).toBeLessThanOrEqual(1500);
  });

  test('the kernel takes a TCP superpacket of ours', async () => {
    expect(await observe('tcpOut', `${family}`)).toEqual({ sent: true, same: true });
  });

  test('the kernel takes a UDP superpacket of ours as its datagrams', async () => {
    expect(await observe('udpOut', `${family}`)).toEqual({ sent: true, same: true, lengths: [...Array(7).fill(1000), 500] });
  });

  test('a forwarded TCP superpacket leaves as segments with good checksums, CWR on the first and PSH on the last', async () => {
    const pieces = (await observe<Seen[]>('forwarded', `${family}`, 'tcp')).map((seen) => fromHex(seen.bytes));
    expect(pieces.map((piece) => piece.length - header - 20)).toEqual([1000, 1000, 500]);
    expect(pieces.map((piece) => checksumHolds(piece, 6))).toEqual([true, true, true]);
    // RFC 3168 §6.1.2; RFC 9293 §3.1.
    expect(pieces.map((piece) => piece[header + 13])).toEqual([0x90, 0x10, 0x18]);
    expect(pieces.map((piece) => u32(piece, header + 4))).toEqual([0xffff_ff00, 744, 1744]);
  });

  test('a forwarded UDP superpacket leaves as datagrams with good checksums', async () => {
    const pieces = (await observe<Seen[]>('forwarded', `${family}`, 'udp')).map((seen) => fromHex(seen.bytes));
    expect(pieces.map((piece) => u16(piece, header + 4))).toEqual([1008, 1008, 508]);
    expect(pieces.map((piece) => checksumHolds(piece, 17))).toEqual([true, true, true]);
  });

  test('a TAP carries frames, with the IP header on a 4-byte boundary', async () => {
    const seen = await observe<Seen & { linkAddress: string; name: string; heard: number[] }>('tap', `${family}`);
    expect(seen.name).toBe('tap0');
    expect(seen.linkAddress).toBe('020000000007');
    expect(seen.bytes.slice(0, 12)).toBe('020000000007');
    expect((seen.start + 14) % 4).toBe(0);
    expect(seen).toMatchObject({ checksum: 'partial', checksumStart: 14 + header, checksumField: 14 + header + 6 });
    expect(checksumHolds(fromHex(seen.bytes).subarray(14), 17)).toBe(true);
    expect(seen.heard).toEqual([1000, 1000, 500]);
  });
});

describe('several devices', () => {
  test('each gets what is meant for it, at any of its addresses', async () => {
    const seen = await observe<{ heard: Record<string, string>; names: string[]; mtus: number[] }>('two');
    expect(Object.keys(seen.heard)).toHaveLength(5);
    for (const [to, heard] of Object.entries(seen.heard)) expect(heard).toBe(to);
    expect(seen.names).toEqual(['tun0', 'tun1']);
    expect(seen.mtus).toEqual([1500, 1400]);
  });

  test('the queues of one device share its flows', async () => {
    const { a, b } = await observe<{ a: number; b: number }>('queues');
    expect(a + b).toBe(32);
    expect(Math.min(a, b)).toBeGreaterThan(0);
  });

  test('a device that was there before keeps its MTU, and is there afterwards', async () => {
    expect(await observe('persistent')).toEqual({ mtu: 1350, exists: true });
  });
});

describe("the kernel's end", () => {
  test('has its addresses as soon as the device is open', async () => {
    expect(await observe('prompt')).toEqual({ late: 0 });
  });

  test('needs no privilege when it is already as wanted', async ({ skip }) => {
    const seen = await observe<{ asItIs: number; outcomes: unknown[] } | null>('prepared');
    if (seen === null) return skip('root is root in a user namespace only, and cannot become nobody');
    expect(seen.asItIs).toBe(1350);
    const refused = { code: 'EPERM', syscall: 'rtnetlink', message: expect.stringContaining('run as root') as string };
    expect(seen.outcomes).toEqual(Array(4).fill(expect.objectContaining(refused)));
  });
});

describe('the end of a device', () => {
  test.each(['empty', 'full'])('a deleted interface is told once, at rest (queue %s)', async (queue) => {
    expect(await observe('deleted', queue)).toEqual({
      sent: false, lostInTransmit: 0, again: false, times: 1, code: 'ENODEV',
      message: expect.stringMatching(/^read ENODEV: tun0 was deleted/) as string,
      refused: { full: 0, invalid: 0, down: 1 },
    });
  });

  test('a closed device vanishes, whoever closes it, and is not called lost', async () => {
    expect(await observe('closed')).toEqual({ before: true, sent: false, lost: 0, refused: { full: 0, invalid: 0, down: 0 } });
  });

  test('a device that is closed when it is found deleted is not called lost', async () => {
    expect(await observe('closedWhenDeleted')).toEqual({ lost: 0 });
  });

  test('a closed watch can be closed again', async () => {
    expect(await observe('watching')).toEqual({});
  });

  test('a device that is not referenced lets the process end', async () => {
    expect(await observe('unreferenced')).toEqual({});
  });

  test('an attached device that nobody refers to is not garbage', async () => {
    expect(await observe('collected')).toEqual({ heard: true });
  });
});

describe('a turn of reading', () => {
  test('lets others have theirs, and loses nothing of a burst', async () => {
    const { inOrder, batches } = await observe<{ inOrder: boolean; batches: number }>('burst');
    expect(inOrder).toBe(true);
    expect(batches).toBeGreaterThan(300 / 64);
  });

  test('what the sink throws is an uncaught exception, at once', async () => {
    expect(await observe('throwing')).toEqual({ caught: ['from the sink'] });
  });
});

describe('what cannot be', () => {
  test('packets that the kernel does not take are counted by reason', async () => {
    expect(await observe('refusals')).toEqual({ nonsense: false, down: false, refused: { full: 0, invalid: 1, down: 1 } });
  });

  test('a device that cannot be opened says what to do', async () => {
    const seen = await observe<Record<string, { code: string; message: string }>>('failures');
    expect(seen['busy']).toMatchObject({ code: 'EBUSY', message: expect.stringContaining('mine0 is open in another program') as string });
    expect(seen['foreign']).toMatchObject({ code: 'EINVAL', message: expect.stringContaining('lo is no TUN device') as string });
    expect(seen['address']).toMatchObject({ code: 'EINVAL', message: expect.stringContaining("'10.0.0.1' is not an address with") as string });
    expect(seen['mtu']).toMatchObject({ code: 'EINVAL', message: expect.stringContaining('68 to 65535') as string });
    expect(seen['narrow']).toMatchObject({ message: expect.stringContaining('IPv6 needs an MTU of 1280') as string });
    expect(seen['long']).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    if ('nobody' in seen) {
      // By the node's mode EACCES, else by the missing capability EPERM.
      expect(seen['nobody']).toMatchObject({ code: expect.stringMatching(/^(EACCES|EPERM)$/) as string });
      expect(seen['nobody']!.message).toContain('run as root, or under `unshare -Urn`');
    }
  });
});
