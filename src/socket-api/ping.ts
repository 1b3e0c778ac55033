// Ping, as a function. RFC 792, RFC 4443 §4.

import type { Address } from '../address.js';
import { formatAddress } from '../address.js';
import { invalidArgument, NetError } from '../errors.js';
import type { Icmp } from '../icmp/icmp.js';
import { addressOf } from './arguments.js';

/** What a face needs of a stack; a `Stack` is one. */
export interface PingHost {
  readonly icmp: Icmp;
  now(): number;
  /** Calls back once, at a time of the stack's clock; the result calls it off. */
  after(ms: number, run: () => void): () => void;
}

export interface PingOptions {
  /** Payload, 0 .. 65,507 bytes (65,527 over IPv6). Default 56. */
  readonly bytes?: number;
  /** Default 1000. */
  readonly timeoutMs?: number;
  /** 1 .. 255. Default 64. */
  readonly hopLimit?: number;
  /** 0 .. 65535. Default 1. */
  readonly sequence?: number;
}

export interface PingReply {
  readonly address: string;
  readonly rttMs: number;
  readonly bytes: number;
  readonly hopLimit: number;
}

/**
 * Ask `address` for one echo.
 * @throws (rejects) NetError ETIMEDOUT; EHOSTUNREACH, ENETUNREACH … when IP or an ICMP error says so; EPROTO when the echo
 *         is not what was sent
 */
export async function ping(host: PingHost, address: string | Address, options: PingOptions = {}): Promise<PingReply> {
  const to = addressOf('address', address);
  const { bytes = 56, timeoutMs = 1000, hopLimit = 64, sequence = 1 } = options;
  checkInteger('bytes', bytes, 0, Infinity);
  checkInteger('hopLimit', hopLimit, 1, 255);
  checkInteger('sequence', sequence, 0, 65_535);
  if (!(timeoutMs >= 0)) throw invalidArgument('timeoutMs', 'a number of at least 0', timeoutMs);
  const where = { address: formatAddress(to) };
  if (bytes > BYTES_MAX) throw new NetError('EMSGSIZE', 'ping', where);
  const endpoint = host.icmp.openEcho();
  if (endpoint === null) throw new NetError('ENOBUFS', 'ping', where);
  endpoint.hopLimit = hopLimit;
  const payload = Uint8Array.from({ length: bytes }, (_, i) => (i * 7) ^ (i >>> 8));
  return new Promise((resolve, reject) => {
    const settle = (how: () => void): void => {
      cancel();
      endpoint.close();
      how();
    };
    const fail = (error: NetError): void => settle(() => reject(error));
    const cancel = host.after(timeoutMs, () => fail(new NetError('ETIMEDOUT', 'ping', where)));
    const sentAt = host.now();
    endpoint.onError = (error) => fail(new NetError(error.code, 'ping', where));
    endpoint.onReply = (reply) => {
      if (reply.sequence !== sequence) return;
      const isSame = reply.payload.length === payload.length && payload.every((byte, i) => reply.payload[i] === byte);
      if (!isSame) return fail(new NetError('EPROTO', 'ping', { ...where, hint: 'the echo is not what was sent' }));
      const { from, at } = reply;
      settle(() => resolve({ address: formatAddress(from), rttMs: at - sentAt, bytes, hopLimit: reply.hopLimit }));
    };
    const refusal = endpoint.send(to, sequence, payload, sentAt);
    if (refusal !== null) fail(new NetError(refusal, 'ping', where));
  });
}

/** Of an echo over IPv6; ICMP knows IPv4's. */
const BYTES_MAX = 65_527;

function checkInteger(name: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw invalidArgument(name, max === Infinity ? `an integer of at least ${min}` : `an integer, ${min} .. ${max}`, value);
}
