// The scoreboard against one that keeps a record of each byte.

import fc from 'fast-check';
import { expect, test } from 'vitest';

import { RunMemory } from '../../src/tcp/run-memory.js';
import { type DeliveryListener, LOST, RETRANSMITTED, RUNS_MAX, SACKED, Scoreboard, type SendStamp } from '../../src/tcp/scoreboard.js';

const STAMP: SendStamp = { delivered: 0, deliveredAt: 0, firstSentAt: 0, lost: 0, isAppLimited: false };

type Step =
  | { readonly do: 'send'; readonly bytes: number }
  | { readonly do: 'ack'; readonly bytes: number }
  | { readonly do: 'sack'; readonly from: number; readonly bytes: number }
  | { readonly do: 'lose'; readonly which: number }
  | { readonly do: 'loseFirst'; readonly bytes: number }
  | { readonly do: 'loseAll' | 'forgetLosses' | 'forgetSacks' }
  | { readonly do: 'resend'; readonly bytes: number }
  | { readonly do: 'tick' };

const bytes = fc.integer({ min: 1, max: 40 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('send' as const), bytes }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('ack' as const), bytes }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('sack' as const), from: fc.nat({ max: 200 }), bytes }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('lose' as const), which: fc.nat({ max: 20 }) }) },
  fc.record({ do: fc.constant('loseFirst' as const), bytes }),
  fc.record({ do: fc.constantFrom('loseAll' as const, 'forgetLosses' as const, 'forgetSacks' as const) }),
  { weight: 2, arbitrary: fc.record({ do: fc.constant('resend' as const), bytes }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('tick' as const) }) },
);

interface Byte {
  flags: number;
  sentAt: number;
}

test('whatever is sent, acknowledged, SACKed, lost and sent again, each byte is where a list of bytes says', () => {
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const board = new Scoreboard(new RunMemory());
    const model: Byte[] = [];
    let start = 0;
    let now = 0;
    let heard = 0;
    const listener: DeliveryListener = {
      onDelivered: (b, i, end, n) => {
        heard += n;
        expect(b.flags(i) & SACKED).toBe(0);
        expect(end - n).toBeGreaterThanOrEqual(b.startOf(i));
        for (let at = end - n; at < end; at++) expect(b.sentAt(i)).toBe(model[at - start]!.sentAt);
      },
    };
    const inFlightNow = (b: Byte): boolean => (b.flags & (SACKED | LOST)) === 0;
    for (const s of steps) {
      switch (s.do) {
        case 'send':
          board.push(start + model.length, start + model.length + s.bytes, Math.ceil(s.bytes / 10), now, STAMP);
          for (let i = 0; i < s.bytes; i++) model.push({ flags: 0, sentAt: now });
          break;
        case 'ack': {
          const n = Math.min(s.bytes, model.length);
          heard = 0;
          const told = board.acknowledge(start + n, listener);
          const gone = model.splice(0, n);
          start += n;
          expect(told).toBe(gone.filter((b) => (b.flags & SACKED) === 0).length);
          break;
        }
        case 'sack': {
          const part = model.slice(s.from, s.from + s.bytes);
          if (part.length === 0) break;
          heard = 0;
          const told = board.sack(start + s.from, start + s.from + part.length, listener);
          expect(told).toBe(part.filter((b) => (b.flags & SACKED) === 0).length);
          expect(heard).toBe(told);
          for (const b of part) b.flags = (b.flags & ~LOST) | SACKED;
          break;
        }
        case 'lose': {
          if (s.which >= board.count || (board.flags(s.which) & (SACKED | LOST)) !== 0) break;
          for (let at = board.startOf(s.which); at < board.endOf(s.which); at++) model[at - start]!.flags |= LOST;
          board.markLost(s.which);
          break;
        }
        case 'loseFirst': {
          const first = model[0];
          const told = board.markFirstLost(s.bytes);
          if (first === undefined || !inFlightNow(first)) {
            expect(told).toBe(0);
            break;
          }
          expect(told).toBeLessThanOrEqual(s.bytes);
          for (let i = 0; i < told; i++) model[i]!.flags |= LOST;
          break;
        }
        case 'loseAll':
          expect(board.markAllLost()).toBe(model.filter(inFlightNow).length);
          for (const b of model) if (inFlightNow(b)) b.flags |= LOST;
          break;
        case 'forgetLosses':
          board.forgetLosses();
          for (const b of model) b.flags &= ~LOST;
          break;
        case 'forgetSacks':
          board.forgetSacks();
          for (const b of model) b.flags &= ~SACKED;
          break;
        case 'resend': {
          const i = board.nextLost();
          const first = model.findIndex((b) => (b.flags & LOST) !== 0);
          expect(i < 0 ? -1 : board.startOf(i) - start).toBe(first);
          if (i < 0) break;
          const n = Math.min(s.bytes, board.endOf(i) - board.startOf(i));
          board.resent(i, n, 1, now, STAMP);
          for (let at = first; at < first + n; at++) model[at] = { flags: RETRANSMITTED, sentAt: now };
          break;
        }
        case 'tick':
          now++;
      }
      board.check();
      const sum = (flags: number): number => model.filter((b) => (b.flags & (SACKED | LOST)) === flags).length;
      expect([board.inFlight, board.sacked, board.lost]).toEqual([sum(0), sum(SACKED), sum(LOST)]);
      if (model.length > 0) expect([board.start, board.end]).toEqual([start, start + model.length]);
      expect(board.isEmpty).toBe(model.length === 0);
    }
  }), { numRuns: 1000 });
});

// CVE-2019-11477, -11478 (SEC-54).
test('a peer that SACKs every other byte makes no more runs than there may be, and none is lost to sight', () => {
  const board = new Scoreboard(new RunMemory());
  const deaf: DeliveryListener = { onDelivered: () => undefined };
  board.push(0, 100_000, 70, 0, STAMP);
  for (let at = 1; at < 100_000; at += 2) board.sack(at, at + 1, deaf);
  board.check();
  expect(board.count).toBeLessThanOrEqual(RUNS_MAX);
  expect(board.isFull).toBe(true);
  expect(board.sacked).toBe((RUNS_MAX - 1) / 2 | 0);
  board.acknowledge(100_000, deaf);
  expect(board.isEmpty).toBe(true);
});
