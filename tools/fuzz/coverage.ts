// Which blocks of the stack have run, by V8's own account: block coverage through node:inspector, for this process.

import { Session } from 'node:inspector';

interface Range { readonly startOffset: number; readonly endOffset: number; readonly count: number }
interface Script { readonly scriptId: string; readonly url: string; readonly functions: readonly { readonly isBlockCoverage: boolean; readonly ranges: readonly Range[] }[] }

export class Coverage {
  /** Blocks that have run at least once, for whomever. */
  readonly all = new Set<string>();
  private readonly session = new Session();
  private isOn = false;

  /** @param root  count only scripts whose address begins so */
  constructor(private readonly root: string) {
    this.session.connect();
    this.post('Profiler.enable');
  }

  /** While it counts, code runs several times as slowly. */
  start(): void {
    if (this.isOn) return;
    this.isOn = true;
    this.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
    this.take(this.all);
  }

  stop(): void {
    if (!this.isOn) return;
    this.isOn = false;
    this.post('Profiler.stopPreciseCoverage');
  }

  /** The blocks that ran since the last time, but for those that were seen before. */
  take(seen: ReadonlySet<string>): string[] {
    const { result } = this.post('Profiler.takePreciseCoverage') as { result: Script[] };
    const fresh: string[] = [];
    for (const { url, scriptId, functions } of result) {
      if (!url.startsWith(this.root)) continue;
      for (const { ranges } of functions) {
        for (const { startOffset, endOffset, count } of ranges) {
          const block = `${scriptId}:${startOffset}:${endOffset}`;
          if (count > 0 && !seen.has(block)) fresh.push(block);
        }
      }
    }
    for (const block of fresh) this.all.add(block);
    return fresh;
  }

  close(): void {
    this.stop();
    this.session.disconnect();
  }

  /** Of a session with its own process every call is answered before it returns. */
  private post(method: string, params: object = {}): unknown {
    let answer: unknown;
    let failure: Error | null = null;
    this.session.post(method, params, (error, result) => {
      failure = error;
      answer = result;
    });
    if (failure !== null) throw failure as Error;
    return answer;
  }
}
