// Sequence numbers: circular arithmetic on int32. Nobody else compares sequence numbers. RFC 9293 §3.4.
//
// a < b means that a lies less than 2^31 behind b on the circle. Two numbers exactly 2^31 apart have no
// order: each is `lt` the other. Windows of at most 2^30 bytes (RFC 7323 §2.3) never bring two such numbers
// together.

/** An int32 on the circle. `<` on two of them type-checks, and is wrong once per 4 GiB. */
export type Seq = number & { readonly __brand: 'Seq' };

/** Any integer, modulo 2^32. */
export const seq = (n: number): Seq => (n | 0) as Seq;

export const lt = (a: Seq, b: Seq): boolean => ((a - b) | 0) < 0;
export const le = (a: Seq, b: Seq): boolean => ((a - b) | 0) <= 0;
export const gt = (a: Seq, b: Seq): boolean => ((a - b) | 0) > 0;
export const ge = (a: Seq, b: Seq): boolean => ((a - b) | 0) >= 0;

/** `n` numbers further; backwards when negative. */
export const add = (a: Seq, n: number): Seq => ((a + n) | 0) as Seq;

/** How far `a` is ahead of `b`: -2^31 .. 2^31 - 1. */
export const diff = (a: Seq, b: Seq): number => (a - b) | 0;

/** Is `n` one of the `size` numbers that begin with `start`? `size` is 0 .. 2^32. */
export const within = (n: Seq, start: Seq, size: number): boolean => ((n - start) >>> 0) < size;

export const max = (a: Seq, b: Seq): Seq => (((a - b) | 0) < 0 ? b : a);
export const min = (a: Seq, b: Seq): Seq => (((a - b) | 0) > 0 ? b : a);
