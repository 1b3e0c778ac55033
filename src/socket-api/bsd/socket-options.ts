// The options of SOL_SOCKET that every kind of socket has, and what ints from callers come to. POSIX.1-2024 §2.10.16; socket(7).

import {
  ERRNO_NUMBER, type Errno, SO_ACCEPTCONN, SO_BROADCAST, SO_DOMAIN, SO_DONTROUTE, SO_ERROR, SO_PRIORITY, SO_PROTOCOL, SO_RCVLOWAT,
  SO_RCVTIMEO, SO_REUSEPORT, SO_SNDLOWAT, SO_SNDTIMEO, SO_TYPE, SOL_SOCKET,
} from './constants.js';
import type { OptionValue, SocketCommon, TimeValue } from './socket.js';

/** Null: there is no such option. */
export function getSocketOption(s: SocketCommon, level: number, name: number): OptionValue | null {
  if (level !== SOL_SOCKET) return null;
  switch (name) {
    case SO_TYPE:
      return s.type;
    case SO_DOMAIN:
      return s.domain;
    case SO_PROTOCOL:
      return s.protocol;
    case SO_ERROR: {
      const error = s.takeError();
      return error === null ? 0 : ERRNO_NUMBER[error];
    }
    case SO_ACCEPTCONN:
      return 0;
    case SO_RCVTIMEO:
      return timeValueOf(s.receiveTimeoutMs);
    case SO_SNDTIMEO:
      return timeValueOf(s.sendTimeoutMs);
    case SO_RCVLOWAT:
      return s.receiveLowWater;
    case SO_SNDLOWAT:
      return 1;
    case SO_DONTROUTE:
    case SO_PRIORITY:
    case SO_REUSEPORT:
    case SO_BROADCAST:
      return s.remembered.get(name) ?? 0;
    default:
      return null;
  }
}

/** ENOPROTOOPT: there is no such option, or it cannot be set. */
export function setSocketOption(s: SocketCommon, level: number, name: number, value: OptionValue): Errno | null {
  if (level !== SOL_SOCKET) return 'ENOPROTOOPT';
  switch (name) {
    case SO_RCVTIMEO:
    case SO_SNDTIMEO: {
      const ms = timeoutOf(value);
      if (typeof ms === 'string') return ms;
      if (name === SO_RCVTIMEO) s.receiveTimeoutMs = ms;
      else s.sendTimeoutMs = ms;
      return null;
    }
    case SO_RCVLOWAT:
      s.receiveLowWater = lowWater(intOf(value));
      return null;
    case SO_DONTROUTE:
    case SO_REUSEPORT:
    case SO_BROADCAST:
      s.remembered.set(name, intOf(value) === 0 ? 0 : 1);
      return null;
    case SO_PRIORITY:
      s.remembered.set(name, intOf(value));
      return null;
    default:
      return 'ENOPROTOOPT';
  }
}

/** Also Linux: 0 is 1, and a negative one as much as can be. */
const lowWater = (value: number): number => (value < 0 ? 0x7fff_ffff : value || 1);

/** What the caller's value is as an int; one that is none counts as 0. */
export function intOf(value: OptionValue): number {
  if (typeof value === 'boolean') return value ? 1 : 0;
  return typeof value === 'number' ? Math.trunc(value) | 0 : 0;
}

function timeoutOf(value: OptionValue): number | Errno {
  if (typeof value !== 'object' || !('tv_sec' in value)) return 'EINVAL';
  const { tv_sec: seconds, tv_usec: micros } = value;
  if (micros < 0 || micros >= 1_000_000) return 'EDOM';
  // Also Linux: before the beginning is at once.
  if (seconds < 0) return 0;
  return seconds * 1000 + micros / 1000 || Infinity;
}

function timeValueOf(ms: number): TimeValue {
  if (ms === Infinity) return { tv_sec: 0, tv_usec: 0 };
  return { tv_sec: Math.floor(ms / 1000), tv_usec: Math.round((ms % 1000) * 1000) };
}
