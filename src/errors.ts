// Errors that the network or the caller causes, in the shape Node gives them: an application written for Node
// does not notice the difference. One class; the code tells them apart.

/** libuv's numbers on Linux. */
export const ERRNO = {
  EBADF: -9, EACCES: -13, ENODEV: -19, EINVAL: -22, EPIPE: -32, EPROTO: -71, EDESTADDRREQ: -89, EMSGSIZE: -90,
  ENOPROTOOPT: -92, EPROTONOSUPPORT: -93, ENOTSUP: -95, EAFNOSUPPORT: -97, EADDRINUSE: -98, EADDRNOTAVAIL: -99,
  ENETDOWN: -100, ENETUNREACH: -101, ECONNABORTED: -103, ECONNRESET: -104, ENOBUFS: -105, EISCONN: -106,
  ENOTCONN: -107, ETIMEDOUT: -110, ECONNREFUSED: -111, EHOSTUNREACH: -113, EALREADY: -114, ECANCELED: -125,
  EPERM: -1, ENOENT: -2, EIO: -5, ENXIO: -6, EBUSY: -16, ENOSYS: -38, EAGAIN: -11, EFAULT: -14, EMFILE: -24, ENOTSOCK: -88,
  EPROTOTYPE: -91, ESOCKTNOSUPPORT: -94,
} as const;

export type ErrorCode = keyof typeof ERRNO;

export interface ErrorDetail {
  /** Where to, or which address of ours: text form. */
  readonly address?: string;
  readonly port?: number;
  /** A remedy or an explanation, put behind the code: `open ENOENT: no /dev/net/tun; …`. */
  readonly hint?: string;
}

/** `connect ECONNREFUSED 10.0.0.2:80` with `code`, `errno`, `syscall`, and `address` and `port` where they are known. */
export class NetError extends Error {
  readonly code: ErrorCode;
  readonly errno: number;
  readonly syscall: string;
  declare readonly address?: string;
  declare readonly port?: number;

  constructor(code: ErrorCode, syscall: string, detail: ErrorDetail = {}) {
    const hint = detail.hint === undefined ? '' : `: ${detail.hint}`;
    const port = detail.port === undefined ? '' : `:${detail.port}`;
    const where = detail.address === undefined ? '' : ` ${detail.address}${port}`;
    super(`${syscall} ${code}${hint}${where}`);
    this.code = code;
    this.errno = ERRNO[code];
    this.syscall = syscall;
    // Absent, not undefined: Node's errors have these fields only where they say something.
    if (detail.address !== undefined) Object.assign(this, { address: detail.address });
    if (detail.port !== undefined) Object.assign(this, { port: detail.port });
  }
}

/** Node's error for an argument of the wrong type. */
export function invalidArgument(name: string, expected: string, actual: unknown): TypeError & { code: string } {
  const error = new TypeError(`The "${name}" ${kind(name)} must be ${expected}. Received ${received(actual)}`);
  return Object.assign(error, { code: 'ERR_INVALID_ARG_TYPE' });
}

/** Node's error for an argument that makes no sense. `rule` goes on from "The argument … ". */
export function invalidValue(name: string, rule: string, actual: unknown): TypeError & { code: string } {
  const text = shown(actual);
  const error = new TypeError(
    `The ${kind(name)} '${name}' ${rule}. Received ${text.length > 128 ? `${text.slice(0, 128)}...` : text}`);
  return Object.assign(error, { code: 'ERR_INVALID_ARG_VALUE' });
}

/** Node's error for a port that is not 0 .. 65535. */
export function badPort(name: string, actual: unknown): RangeError & { code: string } {
  const error = new RangeError(`${name} should be >= 0 and < 65536. Received ${received(actual)}.`);
  return Object.assign(error, { code: 'ERR_SOCKET_BAD_PORT' });
}

/** `options.port` is a property, and `port` an argument. */
const kind = (name: string): string => (name.includes('.') ? 'property' : 'argument');

function received(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === 'function') return `function ${value.name}`;
  if (typeof value === 'object') {
    return value.constructor?.name ? `an instance of ${value.constructor.name}` : 'an object';
  }
  const long = typeof value === 'string' && value.length > 28;
  return `type ${typeof value} (${shown(long ? `${value.slice(0, 25)}...` : value)})`;
}

function shown(value: unknown): string {
  if (typeof value === 'string') return value.includes("'") ? JSON.stringify(value) : `'${value}'`;
  if (typeof value === 'bigint') return `${value}n`;
  return Object.is(value, -0) ? '-0' : String(value);
}
