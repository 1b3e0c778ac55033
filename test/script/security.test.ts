// What no single chapter of TCP is about, and attackers are: memory that was used before, and two ends that are told lies
// about each other. The classes are those of docs/security.md.

import { describe, expect, test } from 'vitest';

import { u16 } from '../../src/bytes.js';
import type { Packet } from '../../src/packet.js';
import * as Seq from '../../src/tcp/seq.js';
import { type ScriptHost, tcp } from '../../src/testing/script.js';
import { established } from '../fixtures/established.js';
import { TwoStacks } from '../fixtures/two-stacks.js';

/** Every packet from now on is made in memory that somebody else wrote to: all ones. */
function soil(h: ScriptHost): void {
  const { pool } = h.stack.tcp.env;
  const take = pool.take.bind(pool);
  pool.take = (size: number): Packet => {
    const packet = take(size);
    packet.bytes.fill(0xff);
    return packet;
  };
}

describe('a segment that is made in memory that was used before (SEC-70)', () => {
  /** The parts of the last segment's TCP header that nothing was to be said in. */
  const unsaid = (h: ScriptHost): unknown => {
    const header = h.lastPacket.subarray(20);
    return { reserved: header[12]! & 0xf, urgent: u16(header, 18) };
  };

  test('says nothing in the fields that it has no use for', () => {
    const h = established({ syn: 'mss 1000,sackOK,TS val 1 ecr 0', ack: 'TS val 2 ecr 0' });
    soil(h);
    h.play(tcp`
      +0     ${() => h.send(10)}
      +0     > P. 1:11(10)        ack 1 <TS val 20 ecr 2>
    `);
    expect(unsaid(h)).toEqual({ reserved: 0, urgent: 0 });
    h.play(tcp`
      +0     < .  101:201(100)    ack 11 win 65535 <TS val 3 ecr 0>
      +0     > .  11:11(0)        ack 1 <TS val 20 ecr 2,sack 101:201>
    `);
    expect(unsaid(h)).toEqual({ reserved: 0, urgent: 0 });
    h.play(tcp`
      +0     ${(c) => c.abort()}
      +0     > R. 11:11(0)        ack 1 <TS val 20 ecr 2>
    `);
    expect(unsaid(h)).toEqual({ reserved: 0, urgent: 0 });
  });

  test('a SYN, its answer and the RST of nobody likewise', () => {
    const h = established();
    soil(h);
    h.peerPort++;
    h.play(tcp`
      +0     < S  0:0(0)          win 65535 <mss 1000,sackOK,TS val 1 ecr 0,wscale 2>
      +0     > S. 0:0(0)          ack 1 <mss 1460,sackOK,TS,wscale 9>
    `);
    expect(unsaid(h)).toEqual({ reserved: 0, urgent: 0 });
    h.peerPort++;
    h.ourPort++;
    h.play(tcp`
      +0     < .  5:5(0)          ack 9 win 65535
      +0     > R  9:9(0)          <>
    `);
    expect(unsaid(h)).toEqual({ reserved: 0, urgent: 0 });
  });
});

describe('two stacks that were told lies about each other (SEC-62)', () => {
  // Forged text has put both ends ahead of where the other one is: each finds every ACK of the other unacceptable, and
  // says so. RFC 5961 §10.
  test('do not answer each other for ever: at most ten challenges a second each', async () => {
    const world = new TwoStacks();
    const ends = (await world.connect()).map((socket) => socket['connection']);
    await world.wait(1000);
    for (const c of ends) {
      c.rcv.nxt = Seq.add(c.rcv.nxt, 100);
      c.rcv.edge = Seq.add(c.rcv.edge, 100);
      c.ackNow = true;
      c.markReady();
    }
    world.trace = [];
    await world.wait(10_000);
    expect(world.trace.length).toBeGreaterThan(10);
    // Ten seconds, and the one that had begun.
    expect(world.trace.length).toBeLessThanOrEqual(2 + 2 * 10 * 11);
    expect(ends.map(({ state }) => state)).toEqual(['ESTABLISHED', 'ESTABLISHED']);
  });
});
