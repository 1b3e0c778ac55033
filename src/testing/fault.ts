// Something that goes wrong until somebody mends it: `using cut = link.unplug()`.

/** It lasts until `undo`, or until the block ends whose `using` holds it. Undoing twice is undoing once. */
export class Fault {
  private mend: (() => void) | null;

  constructor(
    /** What is wrong, in words. */
    readonly what: string,
    mend: () => void,
    private readonly over: (fault: Fault) => void = () => {},
  ) {
    this.mend = mend;
  }

  get isUndone(): boolean {
    return this.mend === null;
  }

  undo(): void {
    const { mend } = this;
    this.mend = null;
    if (mend === null) return;
    mend();
    this.over(this);
  }

  [Symbol.dispose](): void {
    this.undo();
  }
}
