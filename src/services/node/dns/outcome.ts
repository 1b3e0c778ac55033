// How `dns` tells what came of a question: errors as Node's own are, field by field, and callbacks that are called later.

import { domainToASCII } from 'node:url';

export type Callback = (error: Error | null, ...results: unknown[]) => void;
export type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;

/** What Node calls libuv's numbers for these. */
const ERRNO: Record<string, number> = { ENOTFOUND: -3008, EAI_AGAIN: -3001 };

export function failure(code: string, syscall: string, hostname: string): Error {
  const errno = syscall === 'getaddrinfo' ? ERRNO[code] : undefined;
  const text = hostname === '' ? '' : ` ${hostname}`;
  return Object.assign(new Error(`${syscall} ${code}${text}`), { errno, code, syscall }, hostname !== '' && { hostname });
}

/** RFC 5891, label by label. What is ASCII stays as it is: a URL's host may be a number, or end before a slash, and a name does not. */
export const inAscii = (name: string): string => name.split('.').map((label) => (IS_PLAIN.test(label) ? label : domainToASCII(label) || label)).join('.');

const IS_PLAIN = /^[\0-\x7f]*$|[/?#\\:%@]/;

/** Outside of the promise: what a callback throws is the program's own affair. */
export function settle(outcome: Promise<unknown>, callback: Callback): void {
  outcome.then((result) => process.nextTick(callback, null, result), (error: Error) => process.nextTick(callback, error));
}
