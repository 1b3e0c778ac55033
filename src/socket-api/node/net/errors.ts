// Errors as Node's `net` makes them: the system's, with its numbers and words for them, and Node's own ERR_ codes, with
// their classes, messages and fields.

import { getSystemErrorMap, inspect } from 'node:util';

// ---- the system's ---------------------------------------------------------------------------------------------------

interface Errno {
  readonly errno: number;
  readonly message: string;
}

let byCode: Map<string, Errno> | null = null;

/** This platform's number for an error, negative, and libuv's words. */
function lookUp(code: string): Errno {
  if (byCode === null) {
    byCode = new Map();
    for (const [errno, [name, message]] of getSystemErrorMap()) byCode.set(name, { errno, message });
  }
  return byCode.get(code) ?? { errno: -4094, message: 'unknown error' };
}

export const errnoOf = (code: string): number => lookUp(code).errno;

/** The other way round; `UNKNOWN` for none. */
export function codeOf(errno: number): string {
  return getSystemErrorMap().get(errno)?.[0] ?? 'UNKNOWN';
}

export interface SystemError extends Error {
  errno: number;
  code: string;
  syscall: string;
  address?: string;
  port?: number;
  localAddress?: string;
  localPort?: number;
}

/** `read ECONNRESET`. */
export function systemError(code: string, syscall: string): SystemError {
  return Object.assign(new Error(`${syscall} ${code}`), { errno: errnoOf(code), code, syscall });
}

/** ` 127.0.0.1:80`, or without the port, or nothing. */
function place(address: string | null | undefined, port: number | undefined): string {
  if (port !== undefined && port > 0) return ` ${address}:${port}`;
  return address ? ` ${address}` : '';
}

/** `connect ECONNREFUSED 127.0.0.1:80`, and `- Local (127.0.0.1:5000)` where our own end matters. */
export function connectError(code: string, syscall: string, address: string, port: number, local?: string): SystemError {
  const message = `${syscall} ${code}${place(address, port)}${local ? ` - Local (${local})` : ''}`;
  const error = Object.assign(new Error(message), { errno: errnoOf(code), code, syscall, address });
  return port ? Object.assign(error, { port }) : error;
}

/** `listen EADDRINUSE: address already in use 127.0.0.1:80`. */
export function listenError(code: string, address: string | null, port: number): SystemError {
  const { errno, message } = lookUp(code);
  const error = Object.assign(new Error(`listen ${code}: ${message}${place(address, port)}`), { code, errno, syscall: 'listen', address });
  return (port ? Object.assign(error, { port }) : error) as SystemError;
}

/** All attempts have failed: one error of many, with the code of the first. */
export function attemptsError(errors: readonly Error[]): AggregateError {
  const { code } = (errors[0] ?? {}) as { code?: string };
  const error = new AggregateError(errors);
  nameWith(error, code);
  return Object.assign(error, { code });
}

// ---- Node's own -----------------------------------------------------------------------------------------------------

export type CodedError = Error & { code: string };

/** Its stack begins with `TypeError [ERR_…]: `, and so does its text form. */
function coded(Base: new (message: string) => Error, code: string, message: string): CodedError {
  const error = new Base(message);
  nameWith(error, code);
  Object.defineProperty(error, 'toString', {
    value(this: Error) { return `${this.name} [${code}]: ${this.message}`; }, configurable: true, enumerable: false, writable: true,
  });
  return Object.assign(error, { code });
}

/** The stack's first line is made of the name, at the latest when it is first looked at; it is to have the code. */
function nameWith(error: Error, code: string | undefined): void {
  Object.defineProperty(error, 'name', { value: `${error.name} [${code}]`, configurable: true, enumerable: false });
  Error.captureStackTrace(error, nameWith);
  const { name, stack, message } = error;
  if (message === '' && stack !== undefined) error.stack = stack.replace(name, `${name}: `);
  delete (error as { name?: string }).name;
}

/** Plain ones, by code. */
const PLAIN = {
  ERR_INVALID_HANDLE_TYPE: [TypeError, 'This handle type cannot be sent'],
  ERR_SERVER_ALREADY_LISTEN: [Error, 'Listen method has been called more than once without closing.'],
  ERR_SERVER_NOT_RUNNING: [Error, 'Server is not running.'],
  ERR_SOCKET_CLOSED: [Error, 'Socket is closed'],
  ERR_SOCKET_CLOSED_BEFORE_CONNECTION: [Error, 'Socket closed before the connection was established'],
  ERR_SOCKET_CONNECTION_TIMEOUT: [Error, 'Socket connection timeout'],
} as const;

export function nodeError(code: keyof typeof PLAIN): CodedError {
  const [Base, message] = PLAIN[code];
  return coded(Base, code, message);
}

export const invalidIp = (address: unknown): CodedError => coded(TypeError, 'ERR_INVALID_IP_ADDRESS', `Invalid IP address: ${String(address)}`);

export const ipBlocked = (address: string): CodedError => coded(Error, 'ERR_IP_BLOCKED', `IP(${address}) is blocked by net.BlockList`);

export function invalidFamily(family: unknown, host: unknown, port: unknown): CodedError {
  const message = `Invalid address family: ${String(family)} ${String(host)}:${String(port)}`;
  return Object.assign(coded(RangeError, 'ERR_INVALID_ADDRESS_FAMILY', message), { host, port });
}

export const missingTarget = (): CodedError =>
  coded(TypeError, 'ERR_MISSING_ARGS', 'The "options" or "port" or "path" argument must be specified');

/** The peer has ended its side, and we are not to outlive that. */
export const endedByPeer = (): CodedError =>
  Object.assign(new Error('This socket has been ended by the other party'), { code: 'EPIPE' });

/** @param expected  as in "must be of type number" */
export function invalidType(name: string, expected: string, actual: unknown): CodedError {
  return coded(TypeError, 'ERR_INVALID_ARG_TYPE', `The "${name}" ${kindOf(name)} must be ${expected}. Received ${received(actual)}`);
}

export function invalidValue(name: string, actual: unknown, reason = 'is invalid'): CodedError {
  const shown = inspect(actual);
  const text = shown.length > 128 ? `${shown.slice(0, 128)}...` : shown;
  return coded(TypeError, 'ERR_INVALID_ARG_VALUE', `The ${kindOf(name)} '${name}' ${reason}. Received ${text}`);
}

export function outOfRange(name: string, range: string, actual: number): CodedError {
  const isLong = Number.isInteger(actual) && Math.abs(actual) > 2 ** 32;
  const text = isLong ? String(actual).replace(/\B(?=(\d{3})+$)/g, '_') : inspect(actual);
  return coded(RangeError, 'ERR_OUT_OF_RANGE', `The value of "${name}" is out of range. It must be ${range}. Received ${text}`);
}

const kindOf = (name: string): string => (name.includes('.') ? 'property' : 'argument');

function received(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === 'function') return `function ${value.name}`;
  if (typeof value === 'object') {
    const { constructor } = value as { constructor?: { name?: string } };
    return constructor && 'name' in constructor ? `an instance of ${constructor.name}` : inspect(value, { depth: -1 });
  }
  if (typeof value !== 'string') return `type ${typeof value} (${inspect(value)})`;
  const text = value.length > 28 ? `${value.slice(0, 25)}...` : value;
  return `type string (${text.includes("'") ? JSON.stringify(text) : `'${text}'`})`;
}

// ---- what callers give ----------------------------------------------------------------------------------------------

export function checkNumber(value: unknown, name: string): asserts value is number {
  if (typeof value !== 'number') throw invalidType(name, 'of type number', value);
}

export function checkInt32(value: unknown, name: string, min: number, max = 2 ** 31 - 1): asserts value is number {
  checkNumber(value, name);
  if (!Number.isInteger(value)) throw outOfRange(name, 'an integer', value);
  if (value < min || value > max) throw outOfRange(name, `>= ${min} && <= ${max}`, value);
}

export function checkBoolean(value: unknown, name: string): asserts value is boolean {
  if (typeof value !== 'boolean') throw invalidType(name, 'of type boolean', value);
}

export function checkString(value: unknown, name: string): asserts value is string {
  if (typeof value !== 'string') throw invalidType(name, 'of type string', value);
}

export function checkFunction(value: unknown, name: string): void {
  if (typeof value !== 'function') throw invalidType(name, 'of type function', value);
}

export function checkSignal(value: unknown, name: string): void {
  if (value !== undefined && (value === null || typeof value !== 'object' || !('aborted' in value))) {
    throw invalidType(name, 'an instance of AbortSignal', value);
  }
}

/** 0 .. 65535, as a number or as digits. */
export function checkPort(value: unknown, name = 'Port'): void {
  const isPort = (typeof value === 'number' || (typeof value === 'string' && value.trim() !== '')) &&
    +value === +value >>> 0 && +value <= 0xffff;
  if (!isPort) throw coded(RangeError, 'ERR_SOCKET_BAD_PORT', `${name} should be >= 0 and < 65536. Received ${received(value)}.`);
}

/** Milliseconds of a timer: what does not fit into 31 bits is cut, with a warning. */
export function checkDuration(value: unknown, name: string): number {
  checkNumber(value, name);
  if (!(value >= 0 && value < Infinity)) throw outOfRange(name, 'a non-negative finite number', value);
  const most = 2 ** 31 - 1;
  if (value <= most) return value;
  process.emitWarning(
    `${value} does not fit into a 32-bit signed integer.\nTimer duration was truncated to ${most}.`, 'TimeoutOverflowWarning');
  return most;
}
