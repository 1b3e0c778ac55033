// The bench's own program again, as another process: its servers and generators are commands of it.

/** The command line that runs `command` of this program. */
export function self(command: string, ...words: readonly string[]): string[] {
  return [process.execPath, '--expose-gc', process.argv[1]!, command, ...words];
}
