// Who guards the guards: a stack that stands is made wrong in one place, and the invariant of that place is heard of, and no other.

import { describe, expect, test } from 'vitest';

import { encodePacket, type TcpSegment } from '../../src/arbitraries.js';
import type { Connection } from '../../src/tcp/connection.js';
import * as Seq from '../../src/tcp/seq.js';
import { Bench, OURS, PEERS } from './harness/bench.js';
import { checkAnswers, readOurs, segmentOf } from './harness/on-the-wire.js';
import { ipOf } from './harness/packets.js';

const BASE: TcpSegment = {
  kind: 'tcp', options: [{ kind: 'mss', value: 1460 }], payload: new Uint8Array(0), sourcePort: 1000, destinationPort: 80, seq: 99, ack: 0, flags: 2, window: 65_535, urgent: 0, checksumOff: 0,
};
const packetOf = (segment: TcpSegment): Uint8Array => encodePacket(ipOf(4, segment));

/** A connection that has text under way, out of order, and an ACK to send. */
function standing(): { bench: Bench; c: Connection; ack: number } {
  const bench = new Bench();
  const listener = bench.stack.tcp.listen({ port: 80 });
  const [answer] = bench.receive(packetOf(BASE));
  const ack = (segmentOf(answer!).seq + 1) >>> 0;
  bench.receive(packetOf({ ...BASE, options: [], seq: 100, ack, flags: 16 }));
  bench.receive(packetOf({ ...BASE, options: [], seq: 200, ack, flags: 16, payload: new Uint8Array(10) }));
  bench.receive(packetOf({ ...BASE, options: [], seq: 100, ack, flags: 16, payload: new Uint8Array(10) }));
  const c = listener.accept()!;
  c.write(new Uint8Array(1000));
  bench.settle();
  return { bench, c, ack };
}

const settle = ({ bench }: { bench: Bench }) => () => bench.settle();

describe('after a step', () => {
  test('all is well', () => {
    expect(settle(standing())).not.toThrow();
  });

  test.each<[string, (c: Connection, bench: Bench) => void]>([
    ['I1: SND.UNA went back', (c) => {
      c.snd.una = Seq.add(c.snd.una, -1);
    }],
    ['I1: -1 in flight', (c) => {
      c.snd.nxt = Seq.add(c.snd.una, -1);
    }],
    ['I1: 1000 in flight, and never more than 500 offered', (c) => {
      c.snd.maxWnd = 500;
    }],
    ['I2: RCV.NXT went back', (c) => {
      c.rcv.nxt = Seq.add(c.rcv.nxt, -1);
    }],
    ['I2: the right edge of the window went back', (c) => {
      c.rcv.edge = Seq.add(c.rcv.edge, -1);
    }],
    ['I3: 1000 in flight, 600 in segments', (c) => {
      c.scoreboard.clear();
      c.scoreboard.push(c.offsetOf(c.snd.una), c.offsetOf(c.snd.una) + 600, 1, 0, { delivered: 0, deliveredAt: 0, firstSentAt: 0, lost: 0, isAppLimited: false });
    }],
    ['I4: a congestion window of', (c) => {
      c['controller'] = { ...c['controller']!, cwnd: 500, smss: 536 };
    }],
    ['I5: text in flight and no timer', (c) => {
      c.timers.retransmitAt = Infinity;
      c.timers.rackAt = Infinity;
    }],
    ['I5: a deadline that the wheel does not know', (c, bench) => {
      bench.stack['wheel'].cancel(c['entry']!);
    }],
    ['I5: an ACK is owed, and nothing reminds of it', (c) => {
      c.ackOwed = true;
      c.timers.delayedAckAt = Infinity;
    }],
    ['I6: a timer of a connection that is no more', (c, bench) => {
      c.state = 'CLOSED';
      bench.stack.tcp.connections.delete(c);
    }],
    ['I10: 10 bytes wait for the application, of 5', (c, bench) => {
      c.receiveBuffer = 5;
      bench['invariants']['watched'].clear();
    }],
    ['I10: text is kept 100000000 bytes ahead, in a window of', (c) => {
      c.assembler!['store']!.ends[0] = c.bytesReceived + 1e8;
    }],
    ['I10: a table is 4 of 3', (_, bench) => {
      bench.stack.limits.add({ name: 'a table', unit: 'entries', max: 3, source: 'a test', used: () => 4 });
    }],
  ])('%s', (what, spoil) => {
    const all = standing();
    spoil(all.c, all.bench);
    expect(settle(all)).toThrow(what);
  });
});

describe('of what leaves', () => {
  test('I2: a window that is told to shrink', () => {
    const { bench, c, ack } = standing();
    c.rcv.edge = Seq.add(c.rcv.edge, -5000);
    c.configure({ windowClamp: 1000 });
    expect(() => bench.receive(packetOf({ ...BASE, options: [], seq: 300, ack, flags: 16, payload: new Uint8Array(1) }))).toThrow('I2');
  });

  test('I7: more than the path takes', () => {
    const { bench, c } = standing();
    bench.stack.ip.pathMtu.get = () => 600;
    c.write(new Uint8Array(3000));
    expect(settle({ bench })).toThrow('I7: 1500 bytes on a path of 600');
  });

  test('I8: more for a stranger than it sent', () => {
    const bench = new Bench();
    const echo = encodePacket(ipOf(4, { kind: 'echo', payload: new Uint8Array(1000), isReply: false, identifier: 1, sequence: 1, checksumOff: 0 }));
    expect(() => bench.receive(echo)).not.toThrow();
    bench['answered'] = 20_000;
    expect(() => bench.receive(echo)).toThrow('I8');
  });

  test('I9: deadlines without end', () => {
    const { bench } = standing();
    bench.stack.nextTimeout = () => bench.now + 0.001;
    expect(() => bench.advance(1000)).toThrow('I9');
  });

  test.each([['224.0.0.1', PEERS[4]], [OURS[4], '224.0.0.1'], [OURS[4], '0.0.0.0']])('I11: an error about what went to %s from %s', (to, from) => {
    const cause = encodePacket({ ...ipOf(4, { kind: 'udp', payload: new Uint8Array(9), sourcePort: 5, destinationPort: 6, isUnsummed: false, checksumOff: 0 }), source: from, destination: to });
    const error = encodePacket({ ...ipOf(4, { kind: 'icmp-other', payload: cause, type: 3, code: 3, rest: 0, checksumOff: 0 }), source: OURS[4], destination: PEERS[4] });
    expect(() => checkAnswers(cause, [readOurs(error, 1500)])).toThrow('I11');
    const toUs = encodePacket(ipOf(4, { kind: 'udp', payload: new Uint8Array(9), sourcePort: 5, destinationPort: 6, isUnsummed: false, checksumOff: 0 }));
    expect(() => checkAnswers(toUs, [readOurs(error, 1500)])).not.toThrow();
  });

  test('I12: called back in the middle of a call', () => {
    const bench = new Bench();
    expect(() => bench.call(() => bench.calledBack())).toThrow('I12');
    expect(() => bench.calledBack()).not.toThrow();
  });
});
