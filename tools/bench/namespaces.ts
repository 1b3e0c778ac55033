// Network namespaces for one run of the bench, by the program `ip`. They are gone when we are, however we end.

import { execFileSync } from 'node:child_process';

export class Namespaces {
  private readonly names: string[] = [];

  constructor() {
    process.on('exit', () => this.removeAll());
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(1));
  }

  /** A namespace of its own for `role`, its loopback up. Returns its name. */
  add(role: string): string {
    const name = `wallsocket-${process.pid}-${role}`;
    run(['ip', 'netns', 'add', name]);
    this.names.push(name);
    this.ip(name, 'link set lo up');
    return name;
  }

  /** `ip <words>` in a namespace. Throws with what `ip` says. */
  ip(name: string, words: string): void {
    run(['ip', '-n', name, ...words.split(' ')]);
  }

  /** Set what is under /proc/sys/net. False: this kernel does not let us. */
  set(name: string, path: string, value: string): boolean {
    try {
      run([...this.inside(name), 'sh', '-c', 'echo "$1" > "/proc/sys/net/$0"', path, value]);
      return true;
    } catch {
      return false;
    }
  }

  /** The words that, put before a command, run it in a namespace. */
  inside(name: string): string[] {
    return ['ip', 'netns', 'exec', name];
  }

  private removeAll(): void {
    for (const name of this.names.splice(0)) {
      try {
        run(['ip', 'netns', 'del', name]);
      } catch (error) {
        process.stderr.write(`${String(error)}\n`);
      }
    }
  }
}

function run(command: readonly string[]): void {
  execFileSync(command[0]!, command.slice(1), { stdio: ['ignore', 'ignore', 'pipe'] });
}
