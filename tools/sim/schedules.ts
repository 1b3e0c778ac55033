// `npm run sim -- schedules`: seeded random conversations over links that do everything short of a cut. Each run is a
// connection from its opening to the last timer; what is asked of it is in src/testing/conversation.ts.

import { SeededRandom } from '../../src/random.js';
import { Conversation, type MtuDrop, type Party, type Plan } from '../../src/testing/conversation.js';
import type { Impairments } from '../../src/testing/impairment.js';
import type { TcpMiddleboxOptions } from '../../src/testing/middlebox.js';
import { NEVER } from '../../src/time.js';
import { CONTROLLERS } from './scenarios.js';

export interface SchedulesOptions {
  readonly seed: number;
  readonly runs: number;
  /** Print the packets of a run that fails. */
  readonly trace: boolean;
}

/** The whole program: 0 if no run fails. */
export function runSchedules({ seed, runs, trace }: SchedulesOptions, print: (line: string) => void): number {
  let failed = 0;
  const began = performance.now();
  for (let n = 0; n < runs; n++) {
    const error = failureOf(seed + n, trace ? print : null);
    if (error === null) continue;
    failed++;
    print(`seed ${seed + n}: ${error}\n  again: npm run sim -- schedules --seed ${seed + n} --runs 1 --trace`);
  }
  process.stderr.write(`${runs} runs took ${((performance.now() - began) / 1000).toFixed(1)} s\n`);
  print(`${runs} runs, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

/** What is wrong with the run of this seed; null: nothing. */
export function failureOf(seed: number, print: ((line: string) => void) | null = null): string | null {
  const plan = planOf(seed);
  const conversation = new Conversation(plan);
  if (print !== null) conversation.trace = [];
  try {
    conversation.run();
    return null;
  } catch (error) {
    if (print !== null) {
      print(JSON.stringify(plan));
      for (const line of conversation.trace!) print(line);
    }
    const { message } = error as Error;
    // An assertion says what is wrong, and not where we stand.
    return message.startsWith('conversation: ') ? message : conversation.report(message);
  }
}

/** The plan of a seed: most are mild in most ways, so that one fault is seen apart from the others. */
export function planOf(seed: number): Plan {
  const dice = new Dice(seed);
  const family = dice.of(4, 6);
  const offload = dice.oneIn(4);
  const isMeddled = !offload && dice.oneIn(2);
  const isDropped = !offload && dice.oneIn(5);
  // Somebody has to end first; both may.
  const [clientFirst, serverFirst] = dice.of([true, true], [true, false], [false, true]);
  const client = partyOf(dice, clientFirst!);
  const server = partyOf(dice, serverFirst!);
  return {
    seed, family, offload, mtu: dice.of(1500, 1500, 1280, 9000), simultaneous: dice.oneIn(6), link: linkOf(dice),
    ...(isMeddled && { middlebox: middleboxOf(dice) }), ...(isDropped && { mtuDrop: mtuDropOf(dice, family) }),
    client: fitting(client, server), server: fitting(server, client),
  };
}

class Dice {
  private readonly random: SeededRandom;

  constructor(seed: number) {
    this.random = new SeededRandom(seed).fork('plan');
  }

  of<const T>(...choices: readonly T[]): T {
    return choices[this.random.below(choices.length)]!;
  }

  oneIn(n: number): boolean {
    return this.random.below(n) === 0;
  }

  upTo(most: number): number {
    return 1 + this.random.below(most);
  }
}

function linkOf(dice: Dice): Impairments {
  const dark = dice.oneIn(6) ? dice.of(200, 3000, 20_000) : 0;
  const loss = dice.oneIn(2) ? 0 : dice.of(0.01, 0.05, 0.15, 0.3);
  const jitterMs = dice.oneIn(2) ? 0 : dice.of(0.5, 5, 30, 400);
  const line = dice.oneIn(4) ? { bitsPerSecond: dice.of(1e6, 1e7, 1e8), queuePackets: dice.of(3, 20, 1000) } : {};
  const bursts = dice.oneIn(6) ? { bursts: { toBad: 0.02, toGood: dice.of(0.2, 0.5) } } : {};
  const reorder = dice.oneIn(6) ? { reorder: { every: dice.of(2, 5, 20), lateMs: dice.of(1, 10, 200) } } : {};
  return {
    delayMs: dice.of(0, 0.1, 1, 10, 50, 300), jitterMs, overtaking: dice.oneIn(2),
    loss: dark > 0 ? Math.min(loss, 0.05) : loss, duplicate: dice.oneIn(4) ? dice.of(0.05, 0.3) : 0,
    corrupt: dice.oneIn(4) ? dice.of(0.02, 0.1) : 0, ...line, ...bursts, ...reorder,
    ...(dark > 0 && { blackouts: [{ fromMs: 0, forMs: dark, everyMs: 4 * dark + 977 }] }),
  };
}

function middleboxOf(dice: Dice): TcpMiddleboxOptions {
  const strip = [3, 4, 8].filter(() => dice.oneIn(4));
  return { split: dice.of(0, 0.1, 0.5), merge: dice.of(0, 0.2, 0.7), holdMs: dice.of(0.1, 1, 50), shrink: dice.of(0, 0, 0.1, 0.4), strip };
}

/** Not for good in silence: that is a black hole, and wants a sender that probes the path. */
function mtuDropOf(dice: Dice, family: 4 | 6): MtuDrop {
  const tooBig = dice.of('icmp', 'silence');
  const forMs = tooBig === 'icmp' ? dice.of(500, NEVER) : dice.of(500, 5000);
  return { pathMtu: family === 4 ? dice.of(576, 1000, 1400) : 1280, tooBig, fromMs: dice.of(0, 5, 100, 1000), forMs };
}

function partyOf(dice: Dice, endsFirst: boolean): Party {
  const writes = Array.from({ length: dice.upTo(9) - 1 }, () => dice.upTo(dice.of(20, 1500, 40_000)));
  return {
    writes, endsFirst, writePause: dice.of(0, 0, 10, 300), readPause: dice.of(0, 0, 20, 200, 2000), readMax: dice.of(100_000, 100_000, 5000, 700),
    noDelay: dice.oneIn(2), sendBuffer: dice.of(100, 3000, 30_000, 1 << 20), receiveBuffer: dice.of(64, 300, 2000, 20_000, 100_000, 4 << 20),
    issBeforeWrap: dice.of(0, 1, 2, 0x8000_0000, dice.upTo(50_000)), options: { congestion: dice.of(...CONTROLLERS) },
  };
}

/** A small buffer makes many small steps of a large text: so many that a run stays short. */
function fitting(from: Party, to: Party): Party {
  const most = 30 * Math.min(from.sendBuffer, to.receiveBuffer, to.readMax);
  return { ...from, writes: from.writes.map((bytes) => Math.min(bytes, most)) };
}
