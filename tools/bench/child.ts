// A program that the bench runs: it is spoken to in lines, and does not outlive us.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';

const alive = new Set<Child>();
process.on('exit', () => {
  // By SIGTERM, which `wallsocket run` hands on.
  for (const child of alive) child.terminate();
});

export class Child {
  private readonly process: ChildProcessWithoutNullStreams;
  private readonly lines: AsyncIterator<string>;
  private readonly reader: Interface;
  private complaint = '';

  constructor(command: readonly string[]) {
    this.process = spawn(command[0]!, command.slice(1), { stdio: 'pipe' });
    this.reader = createInterface(this.process.stdout);
    this.lines = this.reader[Symbol.asyncIterator]();
    alive.add(this);
    this.process.stdin.on('error', () => {});
    this.process.on('error', (error) => (this.complaint += String(error)));
    this.process.on('exit', () => alive.delete(this));
    this.process.stderr.on('data', (text: Buffer) => (this.complaint = (this.complaint + text.toString()).slice(-2000)));
  }

  /** Its next line. @throws Error with what it said on stderr, if it ends instead, or is silent for a minute, or `patienceMs` */
  async line(patienceMs = 60_000): Promise<string> {
    let silent = false;
    const patience = setTimeout(() => {
      silent = true;
      this.kill();
    }, patienceMs);
    const next = await this.lines.next();
    clearTimeout(patience);
    if (next.done !== true) return next.value;
    throw new Error(`${this.process.spawnargs.join(' ')}: ${silent ? 'silent' : 'ended'}\n${this.complaint.trim()}`);
  }

  /** Say a line and hear one. */
  ask(line: string, patienceMs?: number): Promise<string> {
    this.process.stdin.write(`${line}\n`);
    return this.line(patienceMs);
  }

  /** Ends its input, which to all of ours means: come to an end. Killed if it does not within two seconds. */
  end(): Promise<void> {
    return this.endBy(() => this.process.stdin.end());
  }

  /** For programs that do not listen to us. Killed, too, if it does not end within two seconds. */
  stop(): Promise<void> {
    return this.endBy(() => this.terminate());
  }

  private async endBy(ask: () => void): Promise<void> {
    if (!alive.has(this)) return;
    const exit = once(this.process, 'exit');
    ask();
    const patience = setTimeout(() => this.kill(), 2000);
    await exit;
    clearTimeout(patience);
    this.reader.close();
  }

  kill(): void {
    this.process.kill('SIGKILL');
  }

  terminate(): void {
    this.process.kill('SIGTERM');
  }
}
