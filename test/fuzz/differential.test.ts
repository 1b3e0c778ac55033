// F11's own tools: a stack beside itself does the same, whatever numbers it begins with; one that is wrong is told from it, and what
// is allowed to differ says why. Beside the kernel: test/interop/differential.test.ts.

import { describe, expect, test } from 'vitest';

import { SeededRandom } from '../../src/random.js';
import { randomInput } from '../../tools/fuzz/mutate.js';
import { compare, type Difference } from './differential/compare.js';
import { DEPARTURES } from './differential/departures.js';
import { ACK, planOf, RST, SYN } from './differential/steps.js';
import { Ours, type Subject } from './differential/subject.js';
import { Choices } from './harness/choices.js';

const PEER = { 4: '10.1.0.1', 6: 'fd00::1:1:1' };
const RUNS = 300;

/** The first difference of `theirs` that nothing allows. */
function match(theirs: Subject): Difference | null {
  const [random, ours] = [new SeededRandom(1), new Ours(2)];
  for (let i = 0; i < RUNS; i++) {
    const plan = planOf(new Choices(randomInput(random, 300)), (family) => PEER[family]);
    const difference = compare(plan, PEER[plan.family], theirs, ours);
    if (difference !== null && difference.departure === null) return difference;
  }
  return null;
}

/** What leaves is changed, or does not leave. */
class Wrong extends Ours {
  constructor(private readonly change: (packet: Uint8Array) => Uint8Array | null) {
    super(1);
  }

  override take(): Uint8Array[] {
    return super.take().map(this.change).filter((packet) => packet !== null);
  }
}

const flagsOf = (b: Uint8Array): number => (b[0]! >> 4 === 4 && b[9] === 6 ? b[4 * (b[0]! & 15) + 13]! : b[0]! >> 4 === 6 && b[6] === 6 ? b[53]! : 0);

describe('beside itself', () => {
  test('a stack does the same, from another first number', () => {
    expect(match(new Ours(3))).toBeNull();
  });

  test.each<[string, (packet: Uint8Array) => Uint8Array | null]>([
    ['is silent where a SYN is to be answered', (packet) => ((flagsOf(packet) & (SYN | ACK)) === (SYN | ACK) ? null : packet)],
    ['never resets', (packet) => ((flagsOf(packet) & RST) !== 0 ? null : packet)],
    ['answers no echo', (packet) => (packet[0] === 0x45 && packet[9] === 1 && packet[20] === 0 ? null : packet)],
    ['sends a checksum that is wrong', (packet) => (packet[0] === 0x45 && packet[9] === 1 ? packet.with(22, packet[22]! ^ 1) : packet)],
    ['acknowledges what did not come', (packet) => ((flagsOf(packet) & ACK) !== 0 && packet[0] === 0x45 && packet[9] === 6 ? packet.with(31, packet[31]! ^ 1) : packet)],
  ])('one that %s is told from it', (_, change) => {
    expect(match(new Wrong(change))).not.toBeNull();
  });

  test('one whose application reads something else is told from it', () => {
    class Garbled extends Ours {
      override read(max: number): Uint8Array | string {
        const got = super.read(max);
        return typeof got === 'string' ? got : got.map((byte) => byte ^ 1);
      }
    }
    expect(match(new Garbled(1))?.theirs.join()).toContain('read');
  });
});

test('what may differ has a name of its own, and a sentence of an RFC', () => {
  expect(new Set(DEPARTURES.map(({ name }) => name)).size).toBe(DEPARTURES.length);
  for (const { why } of DEPARTURES) expect(why).toMatch(/RFC \d+/);
});
