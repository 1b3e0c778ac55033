// What a connection owns while nothing happens: ten thousand of them wait on a busy server, and each field counts. The oracle
// is a walk through the objects themselves; memory that is measured would be a matter of the engine and of the hour.

import { describe, expect, test } from 'vitest';

import type { Connection } from '../../../src/tcp/connection.js';
import { type ScriptHost, tcp } from '../../../src/testing/script.js';
import { established } from '../../fixtures/established.js';

const SYN = 'mss 1000,sackOK,wscale 7';

/** Where the chain of the table leads, and the way to the network. */
const STRANGERS = new Set(['nextInBucket', 'interface']);

/** All that can be reached from `c`, but for its stack and its user. */
function reach(c: Connection): Set<object> {
  const seen = new Set<object>();
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null || value === c.tcp || value === c.owner || seen.has(value)) return;
    seen.add(value);
    if (ArrayBuffer.isView(value)) return;
    for (const [name, each] of Object.entries(value)) if (!STRANGERS.has(name)) visit(each);
  };
  visit(c);
  return seen;
}

/** The objects that `c` has for itself: what can be reached from `other`, too, is shared. */
function own(c: Connection, other: Connection): object[] {
  const shared = reach(other);
  return [...reach(c)].filter((each) => !shared.has(each));
}

const namesOf = (objects: readonly object[]): string[] => objects.map((each) => each.constructor.name).sort();

/** Two connections of one listener; the script goes on with the first. */
function two(): [ScriptHost, Connection, Connection] {
  const h = established({ syn: SYN, listen: { congestion: 'cubic' } });
  const first = h.connection!;
  h.peerPort++;
  h.play(tcp`
    +0    < S  0:0(0)         win 65535 <${SYN}>
    +0    > S. 0:0(0) ack 1
    +20ms < .  1:1(0) ack 1   win 65535
  `);
  h.peerPort--;
  h.connection = first;
  const second = [...h.stack.tcp.connections].find((each) => each !== first)!;
  return [h, first, second];
}

/** What nobody can do without who knows a peer and what both said last. */
const LEAST = ['Address', 'Connection', 'Flow', 'Rcv', 'Route', 'RtoEstimator', 'SendQueue', 'Snd', 'Timestamps'];

/** The peer takes 2000 bytes, says 1000, which are read, and a second passes. */
function exchange(h: ScriptHost): void {
  h.play(tcp`
    +0     ${() => h.send(2000)}
    +0     > .  1:1001(1000)    ack 1
    +0     > P. 1001:2001(1000) ack 1
    +20ms  < .  1:1001(1000)    ack 2001
    +0     ${() => h.receive()}
    +40ms  > .  2001:2001(0)    ack 1001
    +1s    ${() => {}}
  `);
}

describe('a connection that', () => {
  test('has opened owns what it must remember, and no more', () => {
    const [, c, other] = two();
    const objects = own(c, other);
    expect(namesOf(objects)).toEqual(LEAST);
    // Who adds one should know: it is eight bytes for each client of a server, or 24 if it holds a fraction.
    expect(objects.reduce((sum, each) => sum + Object.keys(each).length, 0)).toBeLessThanOrEqual(131);
  });

  test('has said and heard something gives back what that took', () => {
    const [h, c, other] = two();
    exchange(h);
    expect(namesOf(own(c, other))).toEqual(LEAST);
    expect([c.snd.una === c.snd.nxt, c.sendQueue.head, c.bytesReceived]).toEqual([true, 2000, 1000]);
    // And it goes on as before: the same once more.
    h.play(tcp`
      +0     ${() => h.send(1000)}
      +0     > P. 2001:3001(1000) ack 1001
      +20ms  < .  1001:1001(0)    ack 3001
    `);
    expect(namesOf(own(c, other))).toEqual(expect.arrayContaining(['Cubic', 'Recovery', 'Scoreboard']));
  });
});
