// Chance is an argument. A stack is given one `Random` and draws from nothing else.

export interface Random {
  /** 0 .. 2^32 - 1, uniformly. */
  u32(): number;
  /** 0 .. n - 1, uniformly. `n` is 1 .. 2^32. */
  below(n: number): number;
}

/** The default: the platform's cryptographic source. The Web Crypto object is a parameter, so the core names no platform. */
export class CryptoRandom implements Random {
  private readonly pool = new Uint32Array(256);
  private next = 256;

  constructor(private readonly source: { getRandomValues(array: Uint32Array): unknown }) {}

  u32(): number {
    if (this.next === this.pool.length) {
      this.source.getRandomValues(this.pool);
      this.next = 0;
    }
    const value = this.pool[this.next]!;
    // What was drawn is forgotten: a later leak of memory tells nothing about secrets given out before.
    this.pool[this.next++] = 0;
    return value;
  }

  below(n: number): number {
    return below(this, n);
  }
}

/** Deterministic: the same seed gives the same run. An explicit choice, for tests and simulations; never a default. */
export class SeededRandom implements Random {
  private a: number;
  private b: number;
  private c: number;
  private d: number;

  /** sfc32 (Small Fast Counter, public domain), its state filled from the seed by splitmix32. */
  constructor(readonly seed: number) {
    let s = seed | 0;
    const split = (): number => {
      s = (s + 0x9e3779b9) | 0;
      let z = s;
      z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
      z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
      return z ^ (z >>> 16);
    };
    this.a = split();
    this.b = split();
    this.c = split();
    this.d = 1;
    for (let i = 0; i < 12; i++) this.u32();
  }

  u32(): number {
    const sum = (((this.a + this.b) | 0) + this.d) | 0;
    this.d = (this.d + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  below(n: number): number {
    return below(this, n);
  }

  /** An independent stream, named by `label`: adding one does not shift the others. */
  fork(label: string): SeededRandom {
    // FNV-1a; the seed goes through a round of its own, so that neighbouring seeds and labels do not meet.
    let hash = Math.imul(this.seed ^ 0x811c9dc5, 0x01000193);
    for (let i = 0; i < label.length; i++) hash = Math.imul(hash ^ label.charCodeAt(i), 0x01000193);
    return new SeededRandom(hash);
  }
}

/** Rejection sampling: no bias, whatever `n`. */
function below(random: Random, n: number): number {
  const limit = 0x1_0000_0000 - (0x1_0000_0000 % n);
  for (;;) {
    const value = random.u32();
    if (value < limit) return value % n;
  }
}
