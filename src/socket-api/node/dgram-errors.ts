// The errors of node:dgram, field by field as Node makes them: what a test compares, and a program branches on.

import { inspect, type InspectOptions } from 'node:util';
import { ERRNO, type ErrorCode, invalidArgument } from '../../errors.js';

type Fields = Readonly<Record<string, unknown>>;

/** Of a call that the stack refuses: `setTTL EINVAL`. */
export function callError(code: ErrorCode, syscall: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${syscall} ${code}`), { errno: ERRNO[code], code, syscall });
}

/**
 * Of a call that names a place: `bind EADDRINUSE 127.0.0.1:53`.
 *
 * @param address  as the caller said it; undefined, the field is there and says nothing, as in Node
 */
export function placeError(code: ErrorCode, syscall: string, address: unknown, port: unknown): NodeJS.ErrnoException {
  const hasPort = typeof port === 'number' && port > 0;
  const where = hasPort ? ` ${String(address)}:${port}` : address ? ` ${String(address)}` : '';
  const fields = { errno: ERRNO[code], code, syscall, address, ...(hasPort && { port }) };
  return Object.assign(new Error(`${syscall} ${code}${where}`), fields as Fields);
}

/** Of SO_RCVBUF and SO_SNDBUF: Node wraps what libuv says of them. */
export function bufferSizeError(code: 'EBADF' | 'EINVAL', syscall: string): Error {
  const errno = ERRNO[code];
  const message = code === 'EBADF' ? 'bad file descriptor' : 'invalid argument';
  const error = new Error(`Could not get or set buffer size: ${syscall} returned ${code} (${message})`);
  error.stack = `SystemError [${SYSTEM_CODE}]${(error.stack ?? '').slice('Error'.length)}`;
  Object.defineProperty(error, 'name', { value: 'SystemError', configurable: true, writable: true });
  const info: Record<string, unknown> = { errno, code, message, syscall };
  Object.assign(error, { code: SYSTEM_CODE, info });
  // Node's are views of `info`.
  for (const field of ['errno', 'syscall']) {
    Object.defineProperty(error, field, {
      get: () => info[field], set: (value) => { info[field] = value; }, enumerable: true, configurable: true,
    });
  }
  const shown = (_depth: number, options: InspectOptions): string =>
    inspect(error, { ...options, getters: true, customInspect: false });
  Object.defineProperty(error, inspect.custom, { value: shown });
  return error;
}

const SYSTEM_CODE = 'ERR_SOCKET_BUFFER_SIZE';

const CALLS = {
  ERR_SOCKET_ALREADY_BOUND: 'Socket is already bound',
  ERR_SOCKET_DGRAM_IS_CONNECTED: 'Already connected',
  ERR_SOCKET_DGRAM_NOT_CONNECTED: 'Not connected',
  ERR_SOCKET_DGRAM_NOT_RUNNING: 'Not running',
} as const;

/** Of a call that the socket's state forbids. */
export function stateError(code: keyof typeof CALLS): Error {
  return coded(new Error(CALLS[code]), code);
}

/** Of a descriptor or a handle of the kernel's: there is none behind our sockets. */
export function notOurs(code: 'ERR_INVALID_FD_TYPE' | 'ERR_INVALID_HANDLE_TYPE'): TypeError {
  return coded(new TypeError(code === 'ERR_INVALID_FD_TYPE' ? 'Unsupported fd type: UNKNOWN' : 'This handle type cannot be sent'), code);
}

export const badType = (): TypeError =>
  coded(new TypeError('Bad socket type specified. Valid types are: udp4, udp6'), 'ERR_SOCKET_BAD_TYPE');

export const badBufferSize = (): TypeError =>
  coded(new TypeError('Buffer size must be a positive integer'), 'ERR_SOCKET_BAD_BUFFER_SIZE');

export const outOfBounds = (name: string): RangeError =>
  coded(new RangeError(`"${name}" is outside of buffer bounds`), 'ERR_BUFFER_OUT_OF_BOUNDS');

export const missing = (name: string): TypeError =>
  coded(new TypeError(`The "${name}" argument must be specified`), 'ERR_MISSING_ARGS');

export const blocked = (address: string): Error =>
  coded(new Error(`IP(${address}) is blocked by net.BlockList`), 'ERR_IP_BLOCKED');

export const notBytes = (name: string, value: unknown): TypeError =>
  invalidArgument(name, 'of type string or an instance of Buffer, TypedArray, or DataView', value);

/** A port to send to: 1 .. 65535, or its digits. @throws RangeError ERR_SOCKET_BAD_PORT */
export function peerPort(value: unknown): number {
  const isNumber = typeof value === 'number' || (typeof value === 'string' && value.trim() !== '');
  const port = isNumber ? Number(value) : -1;
  if (Number.isInteger(port) && port > 0 && port <= 65_535) return port;
  // What Node says of the value is the end of another message of its.
  const said = /Received .*/s.exec(invalidArgument('', '', value).message)![0];
  throw coded(new RangeError(`Port should be > 0 and < 65536. ${said}.`), 'ERR_SOCKET_BAD_PORT');
}

export function checkString(name: string, value: unknown): asserts value is string {
  if (typeof value !== 'string') throw invalidArgument(name, 'of type string', value);
}

export function checkNumber(name: string, value: unknown): asserts value is number {
  if (typeof value !== 'number') throw invalidArgument(name, 'of type number', value);
}

export function checkUint32(name: string, value: unknown): asserts value is number {
  checkNumber(name, value);
  if (value >>> 0 === value) return;
  const rule = Number.isInteger(value) ? '>= 0 && <= 4294967295' : 'an integer';
  const said = inspect(value, { numericSeparator: Number.isInteger(value) && Math.abs(value) > 2 ** 32 });
  throw coded(new RangeError(`The value of "${name}" is out of range. It must be ${rule}. Received ${said}`), 'ERR_OUT_OF_RANGE');
}

/** With Node's code, and the code where Node shows it. */
function coded<E extends Error>(error: E, code: string): E {
  error.stack = `${error.name} [${code}]${(error.stack ?? '').slice(error.name.length)}`;
  return Object.assign(error, { code });
}
