// Bytes as decisions: what a fuzzer mutates decides what a target does. When they run out, every answer is the least.

import fc from 'fast-check';

export class Choices {
  private at = 0;

  constructor(private readonly data: Uint8Array) {}

  /** Nothing is left to decide by. */
  get isOver(): boolean {
    return this.at >= this.data.length;
  }

  u8(): number {
    return this.data[this.at++] ?? 0;
  }

  u16(): number {
    return (this.u8() << 8) | this.u8();
  }

  /** int32. */
  i32(): number {
    return (this.u16() << 16) | this.u16();
  }

  /** 0 .. n - 1. */
  below(n: number): number {
    if (n <= 1) return 0;
    if (n <= 0x100) return this.u8() % n;
    return n <= 0x1_0000 ? this.u16() % n : (this.i32() >>> 0) % n;
  }

  of<const T>(...all: readonly T[]): T {
    return all[this.below(all.length)]!;
  }

  oneIn(n: number): boolean {
    return this.below(n) === n - 1;
  }

  bytes(length: number): Uint8Array<ArrayBuffer> {
    return Uint8Array.from({ length }, () => this.u8());
  }

  rest(): Uint8Array<ArrayBuffer> {
    const rest = this.data.slice(this.at);
    this.at = this.data.length;
    return Uint8Array.from(rest);
  }

  /** Whatever fast-check can generate, by these bytes: a change of one of them is a change of one decision. */
  draw<T>(arbitrary: fc.Arbitrary<T>): T {
    return arbitrary.generate(this.random, undefined).value;
  }

  private readonly random = new fc.Random(generatorOf(this));
}

interface Source {
  clone(): Source;
  next(): number;
  getState(): readonly number[];
}

/** fast-check draws 32 bits at a time, from -2^31 on; a small range takes the lowest. */
function generatorOf(choices: Choices): Source {
  const generator: Source = {
    // Copies are for shrinking, which is not done here.
    clone: () => generator,
    // Two bytes for each decision: few need more, and the longer an input, the less a mutation finds.
    next: () => (choices.isOver ? -0x8000_0000 : (-0x8000_0000 + spread(choices.u16())) | 0),
    getState: () => [],
  };
  return generator;
}

/** 16 bits over 32: both halves vary, and 0 stays 0. */
const spread = (n: number): number => ((n << 16) | n) >>> 0;
