// A failure as one line that holds everything it needs: `v1:F7:` and the input in base64.

export interface Replay {
  readonly target: string;
  readonly input: Uint8Array;
}

export const replayOf = ({ target, input }: Replay): string => `v1:${target}:${Buffer.from(input).toString('base64url')}`;

/** @throws Error when the line is none of ours */
export function parseReplay(line: string): Replay {
  const match = /^v1:(F\d+):([\w-]*)$/.exec(line.trim());
  if (match === null) throw new Error(`not a replay line: ${line}`);
  return { target: match[1]!, input: Uint8Array.from(Buffer.from(match[2]!, 'base64url')) };
}
