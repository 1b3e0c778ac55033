// F11: the kernel's stack and ours, told the same. `npm run fuzz -- --differential` (Linux, root or `unshare -Urn`).

import { Choices } from '../../../test/fuzz/harness/choices.js';
import { compare, type Difference } from '../../../test/fuzz/differential/compare.js';
import { DEPARTURES } from '../../../test/fuzz/differential/departures.js';
import { planOf, type Step } from '../../../test/fuzz/differential/steps.js';
import { Ours } from '../../../test/fuzz/differential/subject.js';
import { SeededRandom } from '../../../src/random.js';
import { mutate, randomInput, shrink } from '../mutate.js';
import { replayOf } from '../replay.js';
import { Kernel } from './kernel.js';

const LENGTH_MAX = 300;
const CORPUS_MAX = 200;
/** None is a network's own address, nor ours. */
const FIRST_PEER = 0x1_0001;
const PEERS = 0xfe_0000;
/** A difference that does not come again was the kernel's clock. */
const TRIES = 3;

export interface DifferentialOptions {
  readonly seed: number;
  /** Whichever comes first ends it. */
  readonly seconds: number;
  readonly runsMax?: number;
  /** Null: random ones. */
  readonly input: Uint8Array | null;
  readonly failuresMax: number;
  readonly print: (line: string) => void;
}

class Match {
  private readonly kernel = new Kernel();
  private readonly ours = new Ours();
  private runs = 0;
  /** How often each was met. */
  readonly departures = new Map<string, number>();

  /** Each run has a peer of its own: nothing that the kernel remembers of others counts. */
  run(input: Uint8Array): Difference | null {
    const n = FIRST_PEER + (this.runs++ % PEERS);
    const [a, b, c] = [(n >> 16) & 255, (n >> 8) & 255, n & 255];
    const peers = { 4: `10.${a}.${b}.${c}`, 6: `fd00::1:${(n >> 16).toString(16)}:${(n & 0xffff).toString(16)}` };
    const plan = planOf(new Choices(input), (family) => peers[family]);
    const peer = peers[plan.family];
    this.kernel.meet(peer);
    return compare(plan, peer, this.kernel, this.ours, (name) => this.departures.set(name, (this.departures.get(name) ?? 0) + 1));
  }

  /** What differs again and again. */
  judge(input: Uint8Array): Difference | null {
    let difference = this.run(input);
    for (let i = 1; i < TRIES && difference !== null && difference.departure === null; i++) {
      const again = this.run(input);
      if (kindOf(again) !== kindOf(difference)) difference = null;
    }
    return difference;
  }
}

const kindOf = (difference: Difference | null): string => (difference === null ? '' : difference.departure ?? JSON.stringify([difference.theirs, difference.ours]).replaceAll(/-?\d+/g, 'n'));

export function differential({ seed, seconds, runsMax = Infinity, input, failuresMax, print }: DifferentialOptions): number {
  const match = new Match();
  if (input !== null) {
    const difference = match.judge(input);
    if (difference === null || difference.departure !== null) print(`F11: no difference${difference === null ? '' : ` but ${difference.departure}`}`);
    else tell(difference, input, print);
    return difference === null || difference.departure !== null ? 0 : 1;
  }
  const random = new SeededRandom(seed).fork('F11');
  const corpus: Uint8Array[] = [];
  const { departures } = match;
  const failures = new Map<string, Difference>();
  const end = performance.now() + 1000 * seconds;
  let runs = 0;
  for (; runs < runsMax && performance.now() < end && failures.size < failuresMax; runs++) {
    const input = corpus.length < 50 || random.below(2) === 0 ? randomInput(random, LENGTH_MAX)
      : mutate(corpus[random.below(corpus.length)]!, corpus[random.below(corpus.length)]!, random, LENGTH_MAX);
    corpus[corpus.length < CORPUS_MAX ? corpus.length : random.below(CORPUS_MAX)] = input;
    const difference = match.judge(input);
    if (difference === null) continue;
    const kind = kindOf(difference);
    if (difference.departure !== null) departures.set(kind, (departures.get(kind) ?? 0) + 1);
    else if (!failures.has(kind)) {
      const least = shrink(input, (less) => kindOf(match.judge(less)) === kind, 150);
      failures.set(kind, difference);
      tell(match.judge(least) ?? difference, least, print);
    }
  }
  for (const { name, why } of DEPARTURES) print(`${String(departures.get(name) ?? 0).padStart(7)}  ${name}: ${why}`);
  print(`F11 beside Linux: ${runs} runs, ${[...departures.values()].reduce((sum, n) => sum + n, 0)} known differences, seed ${seed}`);
  print(`${failures.size} failures`);
  return failures.size === 0 ? 0 : 1;
}

function tell({ steps, theirs, ours, common }: Difference, input: Uint8Array, print: (line: string) => void): void {
  for (const step of steps) print(`  ${textOf(step)}`);
  print(`  Linux alone: ${theirs.join('; ') || 'nothing'}`);
  print(`  ours alone:  ${ours.join('; ') || 'nothing'}`);
  print(`  both:        ${common.join('; ') || 'nothing'}`);
  print(`  again: npm run fuzz -- --replay ${replayOf({ target: 'F11', input })}`);
}

const FLAGS = ['F', 'S', 'R', 'P', 'A', 'U', 'E', 'C'];

function textOf(step: Step): string {
  switch (step.kind) {
    case 'segment': {
      const { flags, at, ack, length, window, urgent, options, stamp } = step;
      return `> ${FLAGS.filter((_, i) => (flags >> i) & 1).join('') || 'none'} ${at}:${at + length} ack ${ack ?? '-'} win ${window}${urgent > 0 ? ` urg ${urgent}` : ''}${
        stamp === null ? '' : ` stamp ${stamp}`} ${options.map(({ kind }) => kind).join()}`;
    }
    case 'packet': return `> ${step.says}`;
    case 'read': return `read ${step.max}`;
    case 'write': return `write ${step.length}`;
    case 'shutdown': return 'shutdown';
  }
}
