// What callers give, checked once, with Node's errors.

import { Address, parseAddress } from '../address.js';
import { badPort, invalidArgument } from '../errors.js';

/** @throws TypeError ERR_INVALID_ARG_TYPE */
export function addressOf(name: string, value: string | Address): Address {
  if (value instanceof Address) return value;
  const address = typeof value === 'string' ? parseAddress(value) : null;
  if (address === null) throw invalidArgument(name, 'an IPv4 or IPv6 address', value);
  return address;
}

/** Bytes that a caller wants at most. @throws TypeError ERR_INVALID_ARG_TYPE */
export function lengthOf(name: string, value: number): number {
  const isLength = value === Infinity || (Number.isSafeInteger(value) && value >= 1);
  if (!isLength) throw invalidArgument(name, 'an integer of at least 1', value);
  return value;
}

/** @throws RangeError ERR_SOCKET_BAD_PORT */
export function portOf(name: string, value: number, min: 0 | 1): number {
  if (!Number.isInteger(value) || value < min || value > 65_535) throw badPort(name, value);
  return value;
}
