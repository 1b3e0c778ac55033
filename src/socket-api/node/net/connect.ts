// From `connect(options)` to a connection: what may be asked, the lookup, one attempt, or several after each other while
// none has succeeded ("happy eyeballs", RFC 8305, as far as Node has it: a late attempt is given up, not left running).

import dns from 'node:dns';
import { isIP } from 'node:net';

import type { Host, Lookup } from '../host.js';
import type { Options } from './arguments.js';
import {
  attemptsError, checkBoolean, checkFunction, checkInt32, checkNumber, checkPort, checkString, connectError, invalidFamily, invalidIp, invalidType,
  invalidValue, ipBlocked, nodeError, type SystemError,
} from './errors.js';
import { TcpHandle } from './handle.js';
import type { KernelHandle } from './kernel-handle.js';
import { lookupOf } from './lookup.js';
import type { Socket } from './socket.js';
import { CHECKS_HOST } from './version.js';

/** What a module's `setDefault…` functions set. */
export interface Defaults {
  autoSelectFamily: boolean;
  /** RFC 8305 §5, Connection Attempt Delay, ms. */
  attemptTimeout: number;
}

/** RFC 8305 §5 and Node: never less, ms. */
const ATTEMPT_TIMEOUT_MIN = 10;
export const attemptTimeout = (ms: number): number => Math.max(ms, ATTEMPT_TIMEOUT_MIN);

type Family = 4 | 6;
const ANY = { 4: '0.0.0.0', 6: '::' } as const;

interface Candidate {
  readonly address: string;
  readonly family: Family;
}

/** Where from. */
interface Local {
  readonly address: string | undefined;
  readonly port: number | undefined;
}

/** @throws ERR_… for options that make no sense; all else is the socket's error later */
export function lookUpAndConnect(socket: Socket, options: Options, defaults: Defaults): void {
  const host = (options.host || 'localhost') as string;
  if (CHECKS_HOST) {
    checkString(host, 'options.host');
    if (host.includes('\0')) throw invalidValue('options.host', host, 'must be a string without null bytes');
  }
  const local = localOf(options);
  if (options.port !== undefined) {
    if (typeof options.port !== 'number' && typeof options.port !== 'string') {
      throw invalidType('options.port', 'one of type number or string', options.port);
    }
    checkPort(options.port);
  }
  const port = Number(options.port ?? 0);
  const { autoSelectFamily, timeout } = selectionOf(options, defaults);
  const literal = isIP(host);
  if (literal !== 0) {
    process.nextTick(() => {
      if (socket.connecting) attempt(socket, { address: host, family: literal as Family }, port, local);
    });
    return;
  }
  if (options.lookup !== undefined && options.lookup !== null) checkFunction(options.lookup, 'options.lookup');
  const query: Options = { family: familyOf(options.family), hints: options.hints || 0 };
  const isAnyFamily = query.family !== 4 && query.family !== 6;
  if (process.platform !== 'win32' && isAnyFamily && query.hints === 0) query.hints = dns.ADDRCONFIG;
  socket._host = host;
  const ask = (options.lookup ?? lookupOf(hostOf(socket))) as Lookup;
  if (isAnyFamily && !local.address && autoSelectFamily) {
    query.all = true;
    ask(host, query, (error, addresses) => chooseAmong(socket, host, options, port, local, timeout, error, addresses as unknown[]));
    return;
  }
  ask(host, query, (error, address, family) => {
    socket.emit('lookup', error, address, family, host);
    if (!socket.connecting) return;
    if (error) return failSoon(socket, error);
    const failure = refusalOf(address, family, options);
    if (failure !== null) return failSoon(socket, failure);
    socket._unrefTimer();
    attempt(socket, { address: address as string, family: family as Family }, port, local);
  });
}

function localOf({ localAddress, localPort }: Options): Local {
  if (localAddress && isIP(localAddress as string) === 0) throw invalidIp(localAddress);
  if (localPort) checkNumber(localPort, 'options.localPort');
  return { address: (localAddress || undefined) as string | undefined, port: (localPort || undefined) as number | undefined };
}

function selectionOf(options: Options, defaults: Defaults): { autoSelectFamily: boolean; timeout: number } {
  let { autoSelectFamily, attemptTimeout: timeout } = defaults;
  if (options.autoSelectFamily !== undefined && options.autoSelectFamily !== null) {
    checkBoolean(options.autoSelectFamily, 'options.autoSelectFamily');
    ({ autoSelectFamily } = options as { autoSelectFamily: boolean });
  }
  if (options.autoSelectFamilyAttemptTimeout !== undefined && options.autoSelectFamilyAttemptTimeout !== null) {
    checkInt32(options.autoSelectFamilyAttemptTimeout, 'options.autoSelectFamilyAttemptTimeout', 1);
    timeout = attemptTimeout(options.autoSelectFamilyAttemptTimeout);
  }
  return { autoSelectFamily, timeout };
}

const familyOf = (family: unknown): unknown => (family === 'IPv4' ? 4 : family === 'IPv6' ? 6 : family);

/** A local socket: the kernel's affair. */
export function connectToPath(socket: Socket, handle: KernelHandle, path: string): void {
  socket.emit('connectionAttempt', path, undefined, undefined);
  handle.connect(path, (code) => {
    if (socket.destroyed) return;
    if (code === null) return socket[connected]();
    socket.connecting = false;
    socket.destroy(connectError(code, 'connect', path, 0));
  });
}

/** What a lookup must not answer. */
function refusalOf(address: unknown, family: unknown, { host, port }: Options): Error | null {
  if (isIP(address as string) === 0) return invalidIp(address);
  return family === 4 || family === 6 ? null : invalidFamily(family, host, port);
}

/** `connect` returns a socket that nobody listens to yet: errors wait for the next tick. */
function failSoon(socket: Socket, error: Error): void {
  process.nextTick(() => socket.destroy(error));
}

// ---- one attempt ----------------------------------------------------------------------------------------------------

function attempt(socket: Socket, to: Candidate, port: number, local: Local): void {
  const handle = socket._handle as TcpHandle;
  const blocked = blockedBy(socket, to);
  if (blocked !== null) {
    failSoon(socket, blocked);
    return;
  }
  const { from, failure } = bind(handle, to, local);
  if (failure !== null) {
    socket.destroy(failure);
    return;
  }
  socket.emit('connectionAttempt', to.address, port, to.family);
  const code = handle.connect(to.address, port, to.family, (outcome) => {
    if (socket.destroyed) return;
    if (outcome === null) return socket[connected]();
    socket.connecting = false;
    socket._sockname = null;
    const error = attemptError(outcome, to, port, from);
    socket.emit('connectionAttemptFailed', to.address, port, to.family, error);
    socket.destroy(error);
  });
  if (code !== null) socket.destroy(refusedError(socket, code, to, port));
}

function blockedBy(socket: Socket, { address, family }: Candidate): Error | null {
  return socket.blockList?.check(address, `ipv${family}`) ? ipBlocked(address) : null;
}

/** Take the name that the caller wants to speak from, if any. */
function bind(handle: TcpHandle, to: Candidate, local: Local): { from: Local; failure: SystemError | null } {
  if (local.address === undefined && local.port === undefined) return { from: local, failure: null };
  const from = { address: local.address ?? ANY[to.family], port: local.port };
  const code = handle.bindTo(from.address, from.port ?? 0, to.family);
  return { from, failure: code === null ? null : connectError(code, 'bind', from.address, from.port ?? 0) };
}

/** ... of an attempt that was made. */
function attemptError(code: string, to: Candidate, port: number, from: Local): SystemError {
  if (!from.address || !from.port) return connectError(code, 'connect', to.address, port);
  const error = connectError(code, 'connect', to.address, port, `${from.address}:${from.port}`);
  return Object.assign(error, { localAddress: from.address, localPort: from.port });
}

/** ... of one that could not be made. */
function refusedError(socket: Socket, code: string, to: Candidate, port: number): SystemError {
  const { address, port: localPort } = socket._getsockname();
  return connectError(code, 'connect', to.address, port, `${address}:${localPort}`);
}

/** The owner's part, when a connection stands. */
export const connected = Symbol('connected');

// ---- several --------------------------------------------------------------------------------------------------------

function chooseAmong(
  socket: Socket, host: string, options: Options, port: number, local: Local, timeout: number, error: Error | null, found: unknown[],
): void {
  if (!socket.connecting) return;
  if (error) {
    socket.emit('lookup', error, undefined, undefined, host);
    return failSoon(socket, error);
  }
  const candidates: Candidate[] = [];
  for (const each of found as { address: unknown; family: unknown }[]) {
    socket.emit('lookup', error, each.address, each.family, host);
    // Somebody may have had enough.
    if (!socket.connecting) return;
    const isUseful = refusalOf(each.address, each.family, options) === null && !candidates.some((c) => c.address === each.address);
    if (isUseful) candidates.push({ address: each.address as string, family: each.family as Family });
  }
  if (candidates.length === 0) {
    const [first] = found as { address: unknown; family: unknown }[];
    const failure = refusalOf(first?.address, first?.family, options);
    if (failure !== null) failSoon(socket, failure);
    return;
  }
  socket._unrefTimer();
  if (candidates.length === 1) {
    attempt(socket, candidates[0]!, port, local);
    return;
  }
  new Attempts(socket, interleave(candidates), port, local.port, timeout).next();
}

/** RFC 8305 §4: the families take turns, that of the first address first. */
function interleave(candidates: readonly Candidate[]): Candidate[] {
  const first = candidates.filter((c) => c.family === candidates[0]!.family);
  const second = candidates.filter((c) => c.family !== candidates[0]!.family);
  const turns: Candidate[] = [];
  for (let i = 0; i < Math.max(first.length, second.length); i++) {
    if (i < first.length) turns.push(first[i]!);
    if (i < second.length) turns.push(second[i]!);
  }
  return turns;
}

/** One socket's attempts, one after the other. */
class Attempts {
  private index = 0;
  private readonly errors: Error[] = [];
  private stopTimer: (() => void) | null = null;

  constructor(
    private readonly socket: Socket,
    private readonly candidates: readonly Candidate[],
    private readonly port: number,
    private readonly localPort: number | undefined,
    private readonly timeout: number,
  ) {
    socket.autoSelectFamilyAttemptedAddresses = [];
  }

  next(): void {
    this.clearTimer();
    const { socket, candidates, port, errors } = this;
    if (socket._aborted) return;
    const to = candidates[this.index];
    if (to === undefined) return this.giveUp();
    if (this.index > 0) socket[renewHandle]();
    this.index++;
    const handle = socket._handle as TcpHandle;
    const { from, failure } = bind(handle, to, { address: undefined, port: this.localPort });
    if (failure !== null) {
      errors.push(failure);
      return this.next();
    }
    const blocked = blockedBy(socket, to);
    if (blocked !== null) return this.failed(to, blocked);
    socket.emit('connectionAttempt', to.address, port, to.family);
    socket.autoSelectFamilyAttemptedAddresses!.push(`${to.address}:${port}`);
    const code = handle.connect(to.address, port, to.family, (outcome) => this.over(to, from, outcome));
    if (code !== null) return this.failed(to, refusedError(socket, code, to, port));
    if (this.index < candidates.length) {
      this.stopTimer = socket[host].stack.after(this.timeout, () => this.late(handle, to, from));
    }
  }

  private clearTimer(): void {
    this.stopTimer?.();
    this.stopTimer = null;
  }

  private over(to: Candidate, from: Local, code: string | null): void {
    this.clearTimer();
    const { socket } = this;
    if (code === null) {
      if (!socket.destroyed) socket[connected]();
      return;
    }
    const error = attemptError(code, to, this.port, from);
    this.errors.push(error);
    socket.emit('connectionAttemptFailed', to.address, this.port, to.family, error);
    if (!socket.connecting) return;
    if (code === 'ECANCELED') this.giveUp();
    else this.next();
  }

  private failed(to: Candidate, error: Error): void {
    this.errors.push(error);
    this.socket.emit('connectionAttemptFailed', to.address, this.port, to.family, error);
    this.next();
  }

  /** The attempt had its time. */
  private late(handle: TcpHandle, to: Candidate, from: Local): void {
    const { socket } = this;
    socket.emit('connectionAttemptTimeout', to.address, this.port, to.family);
    this.errors.push(attemptError('ETIMEDOUT', to, this.port, from));
    handle.abandon();
    if (socket.connecting) this.next();
  }

  private giveUp(): void {
    const { socket, errors } = this;
    socket.destroy(errors.length === 0 ? nodeError('ERR_SOCKET_CONNECTION_TIMEOUT') : attemptsError(errors));
  }
}

/** The socket's next handle, in place of one that has failed. */
export const renewHandle = Symbol('renew handle');
/** Whose sockets they are. */
export const host = Symbol('host');
/** Where `host` means another. */
const hostOf = (socket: Socket): Host => socket[host];
