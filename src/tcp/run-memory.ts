// Memory for scoreboards: taken with the first byte in flight, given back with the last, so that ten thousand idle
// connections own none and a busy one allocates nothing.

/** Doubles of the smallest piece: eight runs. Each next size is twice as large. */
const LEAST = 72;
const SIZES = 12;
/** Pieces of one size that are kept; of the largest, fewer. */
const KEPT_MAX = 64;

export class RunMemory {
  private readonly free: Float64Array[][] = Array.from({ length: SIZES }, () => []);

  /** @param length  LEAST times a power of two */
  take(length: number): Float64Array {
    return this.free[sizeClass(length)]!.pop() ?? new Float64Array(length);
  }

  put(piece: Float64Array): void {
    const size = sizeClass(piece.length);
    const kept = this.free[size]!;
    if (kept.length < KEPT_MAX >> Math.max(0, size - 6)) kept.push(piece);
  }
}

/** The next size. */
export const growthOf = (length: number): number => (length === 0 ? LEAST : 2 * length);

const sizeClass = (length: number): number => 31 - Math.clz32(length / LEAST);
