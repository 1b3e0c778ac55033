// Which input runs now, for another thread to see: the one that never returns cannot say so itself.

/** A run that takes more of the processor never ends: ms. One takes a hundredth of it at most; who stands still takes nothing. */
const PATIENCE_MS = 15_000;
const INPUT_MAX = 4096;

export class Heartbeat {
  static readonly BYTES = 16 + INPUT_MAX;
  private readonly words: Int32Array;
  private readonly bytes: Uint8Array;
  private last = -1;
  private since = 0;

  constructor(memory: SharedArrayBuffer) {
    this.words = new Int32Array(memory, 0, 4);
    this.bytes = new Uint8Array(memory, 16);
  }

  /** `input` of the target with this number runs now. */
  beat(target: number, input: Uint8Array): void {
    this.words[1] = target;
    this.words[2] = input.length;
    this.bytes.set(input);
    Atomics.add(this.words, 0, 1);
  }

  /**
   * The input that runs for far too long; null: there is none.
   * @param now  the processor time of all threads together, ms
   */
  stuck(now: number): { readonly target: number; readonly input: Uint8Array } | null {
    const count = Atomics.load(this.words, 0);
    if (count !== this.last || count === 0) {
      this.last = count;
      this.since = now;
      return null;
    }
    return now - this.since < PATIENCE_MS ? null : { target: this.words[1]!, input: this.bytes.slice(0, this.words[2]) };
  }
}
