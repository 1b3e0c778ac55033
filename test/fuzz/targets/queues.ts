// F9: text out of order and the scoreboard, against one that keeps a record of each byte; near the wrap, and within the limits.

import { Assembler } from '../../../src/tcp/assembler.js';
import { RunMemory } from '../../../src/tcp/run-memory.js';
import { LOST, SACKED, Scoreboard, type SendStamp } from '../../../src/tcp/scoreboard.js';
import { seq } from '../../../src/tcp/seq.js';
import { Choices } from '../harness/choices.js';
import { ensure, same } from '../harness/failure.js';

export function queues(data: Uint8Array): void {
  const choices = new Choices(data);
  if (choices.oneIn(2)) outOfOrder(choices);
  else scoreboard(choices);
}

function outOfOrder(choices: Choices): void {
  // Small limits are met; with large ones nothing is ever refused, and the model is exact.
  const isTight = choices.oneIn(3);
  const assembler = new Assembler(isTight ? 60 : 1 << 20, isTight ? 4 : 1000);
  const kept = new Map<number, number>();
  const nxt = seq(-choices.of(0, 5, 50, 0x8000_0000));
  let next = 0;
  for (let steps = 0; steps < 80 && !choices.isOver; steps++) {
    if (choices.oneIn(5)) {
      next = take(assembler, kept, next + choices.below(4), isTight);
      continue;
    }
    const offset = next + 1 + choices.below(choices.of(20, 200));
    const length = choices.below(choices.of(12, 40));
    const bytes = choices.bytes(length);
    const isWhole = assembler.insert(offset, bytes, 0, length);
    assembler.check();
    if (!isTight) {
      ensure(isWhole, 'F9: text was refused within the limits');
      // A byte that arrives twice keeps its first value.
      for (const [i, byte] of bytes.entries()) if (!kept.has(offset + i)) kept.set(offset + i, byte);
      same(assembler.bytes, kept.size, 'F9: bytes kept');
      same(assembler.rangeCount, ranges(kept).length, 'F9: ranges');
      sackBlocks(assembler, kept, next, nxt);
    }
    ensure(assembler.bytes <= assembler.bytesMax && assembler.rangeCount <= assembler.rangesMax, 'I10: the assembler keeps more than it may');
  }
}

function take(assembler: Assembler, kept: Map<number, number>, from: number, isTight: boolean): number {
  let next = from;
  for (let piece = assembler.take(next); piece !== null; piece = assembler.take(next)) {
    ensure(piece.length > 0, 'F9: nothing was taken');
    if (!isTight) same([...piece], [...piece.keys()].map((i) => kept.get(next + i)), `F9: text at ${next}`);
    next += piece.length;
  }
  if (!isTight) ensure(!kept.has(next), 'F9: text was held back');
  for (const at of kept.keys()) if (at < next) kept.delete(at);
  assembler.check();
  return next;
}

function ranges(kept: Map<number, number>): [number, number][] {
  const all: [number, number][] = [];
  for (const at of [...kept.keys()].sort((a, b) => a - b)) {
    const last = all.at(-1);
    if (last !== undefined && last[1] === at) last[1]++;
    else all.push([at, at + 1]);
  }
  return all;
}

function sackBlocks(assembler: Assembler, kept: Map<number, number>, next: number, nxt: ReturnType<typeof seq>): void {
  const [starts, ends] = [new Int32Array(4), new Int32Array(4)];
  const count = assembler.sackBlocks(starts, ends, 4, next, nxt);
  const known = new Set(ranges(kept).map(([from, to]) => `${(nxt + from - next) | 0}-${(nxt + to - next) | 0}`));
  same(count, Math.min(4, known.size), 'F9: SACK blocks');
  const told = Array.from({ length: count }, (_, i) => `${starts[i]}-${ends[i]}`);
  ensure(new Set(told).size === count && told.every((block) => known.has(block)), () => `F9: SACK blocks ${told.join()}`);
}

const STAMP: SendStamp = { delivered: 0, deliveredAt: 0, firstSentAt: 0, lost: 0, isAppLimited: false };
const LISTENER = { onDelivered: () => {} };

function scoreboard(choices: Choices): void {
  const board = new Scoreboard(new RunMemory());
  let flags: number[] = [];
  let start = 0;
  let now = 0;
  for (let steps = 0; steps < 80 && !choices.isOver; steps++) {
    switch (choices.below(7)) {
      case 0:
      case 1: {
        const bytes = 1 + choices.below(30);
        board.push(start + flags.length, start + flags.length + bytes, 1, now, STAMP);
        flags.push(...new Array<number>(bytes).fill(0));
        break;
      }
      case 2: {
        const n = Math.min(choices.below(40), flags.length);
        const told = board.acknowledge(start + n, LISTENER);
        same(told, flags.slice(0, n).filter((f) => (f & SACKED) === 0).length, 'F9: newly acknowledged');
        flags = flags.slice(n);
        start += n;
        break;
      }
      case 3:
      case 4: {
        const from = choices.below(Math.max(1, flags.length));
        const length = Math.min(1 + choices.below(40), flags.length - from);
        if (length <= 0) break;
        const told = board.sack(start + from, start + from + length, LISTENER);
        same(told, flags.slice(from, from + length).filter((f) => (f & SACKED) === 0).length, 'F9: newly SACKed');
        for (let i = from; i < from + length; i++) flags[i] = (flags[i]! & ~LOST) | SACKED;
        break;
      }
      case 5: {
        const lost = flags.filter((f) => (f & (SACKED | LOST)) === 0).length;
        same(board.markAllLost(), lost, 'F9: newly lost');
        flags = flags.map((f) => ((f & SACKED) === 0 ? f | LOST : f));
        break;
      }
      default:
        now += choices.below(10);
        if (choices.oneIn(2)) {
          board.forgetSacks();
          flags = flags.map((f) => f & ~SACKED);
        } else {
          board.forgetLosses();
          flags = flags.map((f) => f & ~LOST);
        }
    }
    board.check();
    const told: number[] = [];
    for (let i = 0; i < board.count; i++) for (let at = board.startOf(i); at < board.endOf(i); at++) told.push(board.flags(i) & (SACKED | LOST));
    same(told.join(''), flags.map((f) => f & (SACKED | LOST)).join(''), 'F9: what is in flight, SACKed and lost');
    same(board.lost, flags.filter((f) => (f & LOST) !== 0).length, 'F9: bytes lost');
  }
}
