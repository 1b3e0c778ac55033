// The retransmission timeout after any history, against RFC 6298 in exact fractions.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RtoEstimator } from '../../src/tcp/rto.js';

/** n / d, exactly. */
interface Fraction {
  readonly n: bigint;
  readonly d: bigint;
}
const of = (n: bigint, d = 1n): Fraction => ({ n, d });
const plus = (a: Fraction, b: Fraction): Fraction => of(a.n * b.d + b.n * a.d, a.d * b.d);
const times = (a: Fraction, n: bigint, d = 1n): Fraction => of(a.n * n, a.d * d);
const less = (a: Fraction, b: Fraction): boolean => a.n * b.d < b.n * a.d;
const abs = (a: Fraction): Fraction => of(a.n < 0n ? -a.n : a.n, a.d);
const max = (a: Fraction, b: Fraction): Fraction => (less(a, b) ? b : a);
const min = (a: Fraction, b: Fraction): Fraction => (less(a, b) ? a : b);
/** Close enough for a double: the quotient to 20 digits. */
const value = (a: Fraction): number => Number((a.n * 10n ** 20n) / a.d) / 1e20;

/** RFC 6298 §2 and §5, with G, the least variance term, as our RTO_MIN; in microseconds. */
class Rfc6298 {
  srtt: Fraction | null = null;
  rttvar = of(0n);
  rto = of(1_000_000n);
  private readonly ceiling = of(120_000_000n);

  sample(rttMicros: number): void {
    const r = of(BigInt(rttMicros));
    if (this.srtt === null) {
      this.srtt = r;
      this.rttvar = times(r, 1n, 2n);
    } else {
      const error = abs(plus(this.srtt, times(r, -1n)));
      this.rttvar = plus(times(this.rttvar, 3n, 4n), times(error, 1n, 4n));
      this.srtt = plus(times(this.srtt, 7n, 8n), times(r, 1n, 8n));
    }
    this.rto = min(plus(this.srtt, max(of(200_000n), times(this.rttvar, 4n))), this.ceiling);
  }

  backOff(): void {
    this.rto = min(times(this.rto, 2n), this.ceiling);
  }
}

/** Microseconds, so that the oracle's are whole numbers; or the timer. */
const event = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 0, max: 2_000_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 120_000_000 }) },
  { weight: 2, arbitrary: fc.constant('timer' as const) },
);

test('any history of samples and expiries gives the RTO of RFC 6298', () => {
  fc.assert(fc.property(fc.array(event, { maxLength: 40 }), (history) => {
    const ours = new RtoEstimator();
    const rfc = new Rfc6298();
    for (const [i, what] of history.entries()) {
      if (what === 'timer') {
        ours.backOff();
        rfc.backOff();
      } else {
        ours.sample(what / 1000, i);
        rfc.sample(what);
      }
      expect(ours.rtoMs).toBeCloseTo(value(rfc.rto) / 1000, 6);
      expect(ours.srttMs).toBeCloseTo(rfc.srtt === null ? 0 : value(rfc.srtt) / 1000, 6);
      expect(ours.rttvarMs).toBeCloseTo(value(rfc.rttvar) / 1000, 6);
    }
  }), { numRuns: 300 });
});
