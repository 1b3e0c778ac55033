// How `dns` tells what came of a question: errors as Node's own are, field by field, and callbacks that are called later.

export type Callback = (error: Error | null, ...results: unknown[]) => void;
export type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;

/** What Node calls libuv's numbers for these. */
const ERRNO: Record<string, number> = { ENOTFOUND: -3008, EAI_AGAIN: -3001 };

export function failure(code: string, syscall: string, hostname: string): Error {
  const errno = syscall === 'getaddrinfo' ? ERRNO[code] : undefined;
  const text = hostname === '' ? '' : ` ${hostname}`;
  return Object.assign(new Error(`${syscall} ${code}${text}`), { errno, code, syscall }, hostname !== '' && { hostname });
}

/** Outside of the promise: what a callback throws is the program's own affair. */
export function settle(outcome: Promise<unknown>, callback: Callback): void {
  outcome.then((result) => process.nextTick(callback, null, result), (error: Error) => process.nextTick(callback, error));
}
