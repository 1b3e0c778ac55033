// SEND without a copy: text leaves from the application's own memory, and nothing of it is lost, doubled or changed,
// whatever the application does with the memory once it was told. The script looks at every byte that is sent.

import { describe, expect, test } from 'vitest';

import { ScriptHost, tcp } from '../../src/testing/script.js';

/** What a send buffer begins with, and what is copied in the end on the shortest path. */
const BUFFER = 262_144;
const REST = 65_536;

/** A connection to a peer that is `rtt` away; its window is 8 MB, and congestion not the question. */
function established(rtt: '20ms' | '0.05ms' = '0.05ms', cwnd = 4_000_000): ScriptHost {
  const h = new ScriptHost().listen({ congestion: 'new-reno' });
  h.play(tcp`
    +0      < S  0:0(0)         win 65535 <mss 1000,sackOK,wscale 7>
    +0      > S. 0:0(0) ack 1
    +${rtt} < .  1:1(0) ack 1   win 65535
  `);
  h.news();
  Object.assign(h.connection!.congestion, { cwnd, ssthresh: cwnd });
  return h;
}

/** Text that tells its place, to follow what was written, in memory that is larger. */
function text(h: ScriptHost, bytes: number): Uint8Array {
  const from = h.connection!.sendQueue.tail + 1;
  return Uint8Array.from({ length: bytes + 20 }, (_, i) => (from + i - 10) % 251);
}

/** Lend `bytes` out of the middle of `memory`. */
const lend = (h: ScriptHost, memory: Uint8Array): number => h.connection!.lend(memory, 10, memory.length - 10);

/** The peer has everything up to number `upTo`, and takes so many bytes more. */
function acknowledge(h: ScriptHost, upTo: number, window = 8_000_000): void {
  h.mangled(tcp`+0 < . 1:1(0) ack ${upTo} win ${Math.floor(window / 128)}`, () => {});
  h['sent'].length = 0;
}

/** So much is sent and not acknowledged, and so much waits. */
const state = (h: ScriptHost): number[] => [h.connection!.flightSize, h.connection!.sendQueue.length - h.connection!.flightSize];

const POISON = 0xee;

/** ES2024, which our own declarations do not ask for. */
type Resizable = ArrayBuffer & { resize(bytes: number): void };
type ResizableMaker = new (bytes: number, options: { maxByteLength: number }) => Resizable;

describe('text for which there is no room', () => {
  test('leaves from where it is, and is the application\'s again when half a buffer would hold the rest', () => {
    const h = established('20ms', 100_000);
    const c = h.connection!;
    const memory = text(h, 300_000);
    expect([lend(h, memory), c.sendQueue.memory]).toEqual([0, 0]);
    h.advanceTo(h.now + 1);
    expect(state(h)).toEqual([100_000, 200_000]);
    h.advanceTo(h.now + 20);
    acknowledge(h, 100_001);
    h.advanceTo(h.now + 20);
    acknowledge(h, 300_000 - BUFFER / 2);
    expect([h.news(), lend(h, memory)]).toEqual(['', 0]);
    acknowledge(h, 1 + 300_000 - BUFFER / 2);
    expect([h.news(), lend(h, memory)]).toEqual(['writable', 300_000]);
    // What is lost goes again from the copy.
    memory.fill(POISON);
    h.advanceTo(h.now + 10_000);
    expect(c.bytesRetransmitted).toBeGreaterThan(0);
    while (c.sendQueue.length > 0) {
      acknowledge(h, c.snd.nxt - c.iss);
      h.advanceTo(h.now + 1);
    }
    expect([c.bytesSent - c.bytesRetransmitted, c.sendQueue.memory]).toEqual([300_000, 0]);
  });

  test('goes again from there while it is lent', () => {
    const h = established('20ms');
    lend(h, text(h, 300_000));
    h.advanceTo(h.now + 10_000);
    expect(h.connection!.bytesRetransmitted).toBeGreaterThan(0);
    expect(h.connection!.sendQueue.memory).toBe(0);
  });

  test('follows text that was copied, in one superpacket or segment with it', () => {
    const h = established('20ms');
    h.send(100_500);
    lend(h, text(h, 200_000));
    h.advanceTo(h.now + 1);
    expect(state(h)).toEqual([300_500, 0]);
    h.advanceTo(h.now + 10_000);
    expect(h.connection!.bytesRetransmitted).toBeGreaterThan(0);
  });

  test('is copied as far as it fits where the buffer\'s size is fixed', () => {
    const h = established('20ms');
    h.connection!.configure({ sendBuffer: 4000 });
    const memory = text(h, 10_000);
    expect([lend(h, memory), h.connection!.sendQueue.isLent]).toEqual([4000, false]);
  });
});

describe('text for which there is room', () => {
  test('is copied where the path is long', () => {
    const h = established('20ms');
    const memory = text(h, BUFFER);
    expect(lend(h, memory)).toBe(BUFFER);
    memory.fill(POISON);
    h.advanceTo(h.now + 1);
    expect(state(h)).toEqual([BUFFER, 0]);
  });

  test('is lent where the path is short, but for what is copied in the end', () => {
    const h = established();
    const little = text(h, REST);
    expect(lend(h, little)).toBe(REST);
    little.fill(POISON);
    h.advanceTo(h.now + 1);
    acknowledge(h, REST + 1);
    const memory = text(h, 200_000);
    expect(lend(h, memory)).toBe(0);
    h.advanceTo(h.now + 1);
    acknowledge(h, 200_000);
    expect([h.news(), lend(h, memory)]).toEqual(['', 0]);
    acknowledge(h, 200_001);
    expect([h.news(), lend(h, memory)]).toEqual(['writable', 200_000]);
    memory.fill(POISON);
    h.advanceTo(h.now + 10_000);
    expect(h.connection!.bytesRetransmitted).toBeGreaterThan(0);
  });

  // Else two that write to each other before they read would wait for ever, though their buffers have room.
  test('is copied when the peer takes no more', () => {
    const h = established();
    const memory = text(h, 200_000);
    lend(h, memory);
    h.advanceTo(h.now + 1);
    acknowledge(h, 50_001, 2000);
    expect([h.news(), lend(h, memory)]).toEqual(['', 0]);
    acknowledge(h, 51_001, 128);
    expect([h.news(), lend(h, memory)]).toEqual(['writable', 200_000]);
    memory.fill(POISON);
    acknowledge(h, 51_001, 400_000);
    h.advanceTo(h.now + 10_000);
    expect(h.connection!.bytesRetransmitted).toBeGreaterThan(0);
  });

  // Nothing will be acknowledged, and so nothing would be told: the peer may wait for what we do next.
  test('is copied at once when the peer takes nothing already', () => {
    const h = established();
    acknowledge(h, 1, 0);
    expect([lend(h, text(h, BUFFER)), h.connection!.sendQueue.isLent]).toEqual([BUFFER, false]);
  });

  test('is copied when the peer shrinks its window, and acknowledges nothing', () => {
    const h = established();
    const memory = text(h, 200_000);
    lend(h, memory);
    h.advanceTo(h.now + 1);
    acknowledge(h, 1, 0);
    expect([h.news(), lend(h, memory)]).toEqual(['writable', 200_000]);
  });

  // RFC 9293 SHLD-19: one full segment need not be acknowledged at once, and where it is as large as a packet may be, it is
  // all that a loan would wait for.
  test('does not wait for what the peer may put off acknowledging', () => {
    const h = new ScriptHost({ mtu: 65_535 }).listen({ congestion: 'new-reno' });
    h.play(tcp`
      +0      < S  0:0(0)         win 65535 <mss 65495,sackOK,wscale 7>
      +0      > S. 0:0(0) ack 1
      +0.05ms < .  1:1(0) ack 1   win 65535
    `);
    h.news();
    const memory = text(h, 160_000);
    expect(lend(h, memory)).toBe(0);
    h.advanceTo(h.now + 1);
    acknowledge(h, 2 * 65_495 - 65_494 + 1);
    expect([h.news(), lend(h, memory)]).toEqual(['writable', 160_000]);
  });
});

describe('while text is lent', () => {
  test('a FIN stands behind it, and leaves with its last byte', () => {
    const h = established();
    const memory = text(h, 100_000);
    lend(h, memory);
    h.connection!.shutdown();
    h.advanceTo(h.now + 1);
    expect([h.connection!.finSent, state(h)[0]]).toEqual([true, 100_001]);
    acknowledge(h, 100_002);
    // All of it arrived: that the connection takes no more does not matter.
    expect([h.news(), lend(h, memory)]).toEqual(['writable', 100_000]);
    expect(() => lend(h, memory)).toThrow('EPIPE');
  });

  test('what is written copies it first', () => {
    const h = established();
    const memory = text(h, 100_000);
    lend(h, memory);
    expect(h.send(1000)).toBe(1000);
    memory.fill(POISON);
    h.advanceTo(h.now + 1);
    expect(state(h)).toEqual([101_000, 0]);
    acknowledge(h, 101_001);
    expect(lend(h, memory)).toBe(100_000);
  });

  test('close gives it back, and sends what had left or would have found room', () => {
    const h = established('20ms');
    const c = h.connection!;
    const memory = text(h, 1_000_000);
    lend(h, memory);
    acknowledge(h, 1, 0);
    const sent = c.flightSize;
    c.close();
    memory.fill(POISON);
    expect([sent <= BUFFER, c.sendQueue.length, c.sendQueue.isLent]).toEqual([true, BUFFER, false]);
    acknowledge(h, 1);
    h.advanceTo(h.now + 1000);
    expect(c.finSent).toBe(true);
    acknowledge(h, BUFFER + 2);
    expect(c.state).toBe('FIN-WAIT-2');
  });

  test('a write finds that the memory was taken away, and takes nothing', () => {
    const h = established();
    const memory = text(h, 100_000);
    lend(h, memory);
    structuredClone(memory, { transfer: [memory.buffer as ArrayBuffer] });
    expect(() => h.send(1000)).toThrow('EFAULT');
    expect([h.connection!.state, h.connection!.sendQueue.memory]).toEqual(['CLOSED', 0]);
  });

  test('memory that grows does no harm', () => {
    const h = established();
    const buffer: Resizable = new (ArrayBuffer as unknown as ResizableMaker)(200_020, { maxByteLength: 300_000 });
    const memory = new Uint8Array(buffer);
    memory.set(text(h, 200_000));
    lend(h, memory);
    buffer.resize(250_000);
    h.advanceTo(h.now + 1);
    acknowledge(h, 190_001);
    expect([h.news(), h.connection!.lend(memory, 10, 200_010)]).toEqual(['writable', 200_000]);
  });

  // Half of all numbers lie ahead: behind more text than that, a FIN would seem to have been sent, and acknowledged.
  test('a FIN behind more of it than there are numbers ahead has its turn, and no sooner', () => {
    const h = established('0.05ms', 400_000);
    const c = h.connection!;
    const memory = new Uint8Array(2 ** 31 + 2_000_000);
    memory.set(text(h, 1_100_000).subarray(10));
    expect(c.lend(memory)).toBe(0);
    c.shutdown();
    h.advanceTo(h.now + 1);
    acknowledge(h, 100_001);
    expect([c.finSent, c.finAcked, c.state]).toEqual([false, false, 'FIN-WAIT-1']);
    expect(c.flightSize).toBeGreaterThan(0);
  });

  test('an end for another reason is none of its doing', () => {
    const h = established();
    const memory = text(h, 100_000);
    lend(h, memory);
    h.connection!.abort();
    expect(() => lend(h, memory)).toThrow('EPIPE');
  });

  // RFC 9293 §3.10.5: in SYN-SENT, no RST.
  test('memory that is taken away before the connection stands is no news for the peer', () => {
    const h = new ScriptHost().connect();
    h.play(tcp`+0 > S 0:0(0)`);
    const memory = text(h, 300_000);
    expect(lend(h, memory)).toBe(0);
    structuredClone(memory, { transfer: [memory.buffer as ArrayBuffer] });
    h.advanceTo(h.now + 10);
    expect([h.news(), h['sent']]).toEqual(['closed error', []]);
    expect(h.connection!.error).toMatchObject({ code: 'EFAULT' });
  });

  test.each([
    ['is sent', (): void => {}], ['is sent again', (h: ScriptHost): void => h.advanceTo(h.now + 1)],
    ['is copied', (h: ScriptHost): void => acknowledge(h, 50_001)],
  ])('memory that is taken away before it %s ends the stream, and nothing else goes in its place', (when, before) => {
    const h = established();
    const memory = text(h, 200_000);
    lend(h, memory);
    before(h);
    structuredClone(memory, { transfer: [memory.buffer as ArrayBuffer] });
    if (when === 'is copied') acknowledge(h, 199_001);
    else h.advanceTo(h.now + 60_000);
    expect([h.news(), h.connection!.state]).toEqual(['closed error', 'CLOSED']);
    expect(h.connection!.error).toMatchObject({ code: 'EFAULT', syscall: 'write' });
    expect(() => lend(h, memory)).toThrow('EFAULT');
    const last = h['sent'].at(-1)?.said.flags;
    expect(last === undefined || last.includes('R')).toBe(true);
  });
});
