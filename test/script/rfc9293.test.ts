// What RFC 9293 asks for and no other script shows: the bytes of what leaves, judged by walkers of their own; addresses;
// IP options; and that nothing is held back for ever. One test for each number.

import { describe, expect, test } from 'vitest';

import { ScriptHost, tcp } from '../../src/testing/script.js';
import { burst, established } from '../fixtures/established.js';
import { TwoStacks } from '../fixtures/two-stacks.js';

/** RFC 9293 §3.1, by hand: ones' complement sum of 16-bit words over pseudo-header and segment; all ones when it is right. */
function checksumOf(packet: Uint8Array, family: 4 | 6): number {
  const header = family === 4 ? 20 : 40;
  const addresses = family === 4 ? packet.subarray(12, 20) : packet.subarray(8, 40);
  const segment = packet.subarray(header);
  const bytes = [...addresses, 0, 6, segment.length >> 8, segment.length & 255, ...segment];
  if (bytes.length % 2 !== 0) bytes.push(0);
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += bytes[i]! * 256 + bytes[i + 1]!;
  while (sum > 0xffff) sum = (sum % 0x10000) + Math.floor(sum / 0x10000);
  return sum;
}

/** The kinds of the options of the segment in `packet`, IPv4, by a walk over lengths; what stands behind END must be zero. */
function kindsOf(packet: Uint8Array): number[] {
  const segment = packet.subarray(20);
  const options = segment.subarray(20, (segment[12]! >> 4) * 4);
  const kinds: number[] = [];
  for (let at = 0; at < options.length;) {
    const kind = options[at]!;
    kinds.push(kind);
    if (kind === 0) {
      expect([...options.subarray(at)].every((byte) => byte === 0)).toBe(true);
      break;
    }
    const length = kind === 1 ? 1 : options[at + 1]!;
    expect(length).toBeGreaterThanOrEqual(kind === 1 ? 1 : 2);
    expect(at + length).toBeLessThanOrEqual(options.length);
    at += length;
  }
  return kinds;
}

describe('what leaves', () => {
  // MUST-2.
  test.each([4, 6] as const)('has its checksum: SYN, text of odd length, FIN and RST, over IPv%i', (family) => {
    const h = new ScriptHost({ family }).connect();
    const sums: number[] = [];
    const note = (): unknown => sums.push(checksumOf(h.lastPacket, family));
    h.play(tcp`
      +0     > S  0:0(0)
      +0     ${note}
      +1ms   < S. 0:0(0) ack 1   win 65535 <mss 1000>
      +0     > .  1:1(0) ack 1
      +0     ${note}
      +0     ${() => h.send(7)}
      +0     > P. 1:8(7) ack 1
      +0     ${note}
      +0     ${() => h.connection!.shutdown()}
      +0     > F. 8:8(0) ack 1
      +0     ${note}
      +0     ${() => h.connection!.abort()}
      +0     > R. 9:9(0) ack 1
      +0     ${note}
    `);
    expect(sums).toEqual([0xffff, 0xffff, 0xffff, 0xffff, 0xffff]);
  });

  // MUST-68, MUST-69.
  test('has options that can be walked by their lengths, and nothing but zeros behind an end', () => {
    const h = new ScriptHost().connect();
    h.play(tcp`
      +0     > S  0:0(0)
      +0     ${() => expect(kindsOf(h.lastPacket).filter((kind) => kind > 1)).toEqual([2, 4, 8, 3])}
      +1ms   < S. 0:0(0) ack 1   win 65535 <mss 1000,sackOK,TS val 1 ecr 0>
      +0     > .  1:1(0) ack 1
      +0     ${() => expect(kindsOf(h.lastPacket).filter((kind) => kind > 1)).toEqual([8])}
      +0     < .  101:201(100) ack 1 win 65535 <TS val 2 ecr 0>
      +0     > .  1:1(0) ack 1
      +0     ${() => expect(kindsOf(h.lastPacket).filter((kind) => kind > 1)).toEqual([8, 5])}
    `);
  });

  // MUST-68, MUST-69: each subset of them is laid out in another way.
  test.each([
    [{ timestamps: false }, [2, 4, 3]], [{ sack: false }, [2, 8, 3]], [{ windowScaling: false }, [2, 4, 8]],
    [{ timestamps: false, sack: false }, [2, 3]], [{ timestamps: false, windowScaling: false }, [2, 4]],
  ])('has such options whatever is switched off: %j', (settings, kinds) => {
    const h = new ScriptHost({ stack: { tcp: settings } }).connect();
    h.play(tcp`+0 > S 0:0(0)`);
    expect(kindsOf(h.lastPacket).filter((kind) => kind !== 1)).toEqual(kinds);
  });

  // MUST-65: by the bytes, for who hears a segment that is no SYN does not hear its MSS.
  test('has no option of a SYN where there is none: text, ACK, FIN and RST', () => {
    const h = established();
    const bare = (): void => expect(kindsOf(h.lastPacket)).toEqual([]);
    h.play(tcp`
      +0     ${() => h.send(100)}
      +0     > P. 1:101(100)      ack 1
      +0     ${bare}
      +1ms   < P. 1:101(100)      ack 101 win 65535
      +40ms  > .  101:101(0)      ack 101
      +0     ${bare}
      +0     ${(c) => c.shutdown()}
      +0     > F. 101:101(0)      ack 101
      +0     ${bare}
      +0     ${(c) => c.abort()}
      +0     > R. 102:102(0)      ack 101
      +0     ${bare}
    `);
  });

  // SHLD-5, MAY-3: where the link carries 576 the MSS is the default, and is said all the same.
  test.each([[4, 1500, 1460], [4, 1006, 966], [4, 576, 536], [6, 1500, 1440], [6, 1280, 1220]] as const)('in a SYN names the MSS: IPv%i, MTU %i', (family, mtu, mss) => {
    const active = new ScriptHost({ family, mtu }).connect();
    active.play(tcp`+0 > S 0:0(0) <mss ${mss},sackOK,TS,wscale 9>`);
    new ScriptHost({ family, mtu }).listen().play(tcp`
      +0     < S  0:0(0)         win 65535
      +0     > S. 0:0(0) ack 1             <mss ${mss}>
    `);
  });

  // SHLD-28: the last alone may be short; SHLD-27: it alone is pushed.
  test('is cut into full segments, whatever the calls were', () => {
    const h = established();
    h.play(tcp`
      +0     ${() => { for (let i = 0; i < 45; i++) h.send(100); }}
      ${burst(1, 4001)}
      +0     > P. 4001:4501(500)  ack 1
    `);
  });
});

describe('text is not held back for ever (MUST-60)', () => {
  test('with nothing in flight a single byte goes at once', () => {
    const h = established();
    h.play(tcp`
      +5s    ${() => h.send(1)}
      +0     > P. 1:2(1)          ack 1
    `);
  });

  test('what Nagle holds goes with the ACK, though it is little', () => {
    const h = established();
    h.play(tcp`
      +0     ${() => h.send(1)}
      +0     > P. 1:2(1)          ack 1
      +1ms   ${() => h.send(1)}
      +39ms  < .  1:1(0)          ack 2 win 65535
      +0     > P. 2:3(1)          ack 1
    `);
  });

  test('what a window too small for it holds goes after a timeout, as much as fits', () => {
    const h = established();
    h.play(tcp`
      +0     ${() => h.send(1000)}
      +0     > P. 1:1001(1000)    ack 1
      +20ms  < .  1:1(0)          ack 1001 win 300
      +1ms   ${() => h.send(1000)}
      +220ms > .  1001:1301(300)  ack 1
    `);
  });
});

describe('addresses', () => {
  const two = { configA: { addresses: ['10.0.0.1/24', '10.0.0.7/24', 'fd00::1/64'] } };

  // MUST-43, MUST-45: also in what goes long after the SYN.
  test('an open takes the local address that it is given, for all its segments', async () => {
    const world = new TwoStacks(two);
    world.trace = [];
    const [client] = await world.connect({ localAddress: '10.0.0.7' });
    await client.write(Uint8Array.of(1));
    await world.settle();
    expect(client.localAddress).toBe('10.0.0.7');
    expect(world.trace.length).toBeGreaterThan(3);
    for (const line of world.trace) expect(line).toMatch(/10\.0\.0\.7\D.*10\.0\.0\.2\D|10\.0\.0\.2\D.*10\.0\.0\.7\D/);
  });

  // MUST-44: of the destination's subnet, though another came first.
  test('without one IP is asked, by the destination', async () => {
    const world = new TwoStacks({
      configA: { addresses: ['192.0.2.9/24', '10.0.0.1/24', '2001:db8::9/64', 'fd00::1/64'] },
    });
    world.trace = [];
    const [v4] = await world.connect();
    expect(v4.localAddress).toBe('10.0.0.1');
    expect(world.trace[0]).toMatch(/10\.0\.0\.1\D/);
    const [v6] = await world.connect({ address: 'fd00::2' }, { port: 81 });
    expect(v6.localAddress).toBe('fd00::1');
  });
});

// MUST-50: an IP header of 24 bytes, with an option of a kind that nobody has given away.
test('options of IP that nobody knows are no concern of TCP', () => {
  const h = new ScriptHost().listen();
  const [syn] = tcp`+0 < S 0:0(0) win 65535 <mss 1000>`;
  if (syn === undefined || syn.kind === 'runs') throw new Error('a segment');
  const plain = h['segment'](syn.said);
  const packet = Uint8Array.from([0x46, ...plain.subarray(1, 20), 0x9e, 4, 1, 2, ...plain.subarray(20)]);
  const view = new DataView(packet.buffer);
  view.setUint16(2, packet.length);
  view.setUint16(10, 0);
  let sum = 0;
  for (let at = 0; at < 24; at += 2) sum += view.getUint16(at);
  view.setUint16(10, ~((sum & 0xffff) + (sum >>> 16)));
  h['arrive'](packet, true);
  h['settle']();
  h.play(tcp`
    +0     > S. 0:0(0) ack 1             <mss 1460>
    +20ms  < .  1:1(0) ack 1   win 65535
  `);
  expect(h.connection!.state).toBe('ESTABLISHED');
});

describe('trouble that ends nothing', () => {
  const cut = async (listen: ((code: string) => void) | null): Promise<string> => {
    const world = new TwoStacks();
    const [client] = await world.connect();
    client.onTrouble = listen;
    await client.write(Uint8Array.of(1));
    await world.settle();
    world.cut = true;
    await client.write(Uint8Array.of(2));
    await world.wait(10_000);
    return client.state;
  };

  // MUST-47, SHLD-9: beyond R1, at the application's own face.
  test('is told to an application that asks', async () => {
    const told: string[] = [];
    expect(await cut((code) => told.push(code))).toBe('ESTABLISHED');
    expect(new Set(told)).toEqual(new Set(['ETIMEDOUT']));
  });

  // SHLD-20.
  test('is not told to one that does not', async () => {
    expect(await cut(null)).toBe('ESTABLISHED');
  });
});
