// The system calls of a script, made on the BSD face: names become numbers, `...` becomes what it stands for, and what comes
// back is compared with what the script says.

import * as C from '../../socket-api/bsd/constants.js';
import type { BsdSockets } from '../../socket-api/bsd/sockets.js';
import type { MessageHeader, OptionCell, OptionValue, SocketAddress } from '../../socket-api/bsd/socket.js';
import type { Expression, Syscall } from './ast.js';
import { printExpression } from './print.js';

/** Names in scripts that the face does not have, or has by another name. Numbers are Linux's. */
const ALSO: Readonly<Record<string, number>> = {
  SOL_IP: C.IPPROTO_IP, SOL_TCP: C.IPPROTO_TCP, SOL_IPV6: C.IPPROTO_IPV6, SOL_UDP: C.IPPROTO_UDP, MSG_EOR: 0x80, EWOULDBLOCK: 11,
  O_RDONLY: 0, O_WRONLY: 1, INADDR_ANY: 0, NULL: 0, EAGAIN: 11,
};

const CONSTANTS = new Map<string, number>([
  ...Object.entries(C).flatMap(([name, value]): [string, number][] => (typeof value === 'number' ? [[name, value]] : [])),
  ...Object.entries(C.ERRNO_NUMBER), ...Object.entries(ALSO),
]);

/** Calls that are not made, for the face has them not. */
export class UnknownCall extends Error {}

export interface World {
  readonly domain: number;
  readonly bindPort: number;
  readonly connectPort: number;
  readonly localAddress: string;
  readonly remoteAddress: string;
  /** How large buffers are is the machine's affair: not compared. */
  readonly neutral: boolean;
  /** The descriptor that the script calls so. */
  fd(inScript: number): number;
  /** `length` bytes, the next that the script writes to `fd`. */
  text(fd: number, length: number): Uint8Array;
  /** What was read, in order; throws where it is not what arrived. */
  verify(fd: number, bytes: Uint8Array, isPeek: boolean): void;
}

/** One call with its arguments as values: it may have to be made again and again. */
export interface Prepared {
  readonly make: () => number;
  /** After it has returned; what it filled that differs from the script, or null. */
  readonly check: (result: number) => string | null;
  /** What it writes, and where. */
  readonly writes?: { readonly fd: number; readonly text: Uint8Array };
}

const right = (): null => null;

export function numberOf(e: Expression): number {
  switch (e.kind) {
    case 'number': return e.value;
    case 'or': return e.terms.reduce((bits, term) => bits | numberOf(term), 0);
    case 'word': {
      const value = CONSTANTS.get(e.word);
      if (value === undefined) throw new UnknownCall(`constant ${e.word}`);
      return value;
    }
    case 'list': return numberOf(e.items[0] ?? ZERO);
    case 'call': if (e.name === 'htons' || e.name === 'htonl') return numberOf(e.args[0]!);
      throw new UnknownCall(`value ${printExpression(e)}`);
    default: throw new UnknownCall(`value ${printExpression(e)}`);
  }
}

/** @throws UnknownCall for a name that stands for nothing */
function checkNames(e: Expression): void {
  if (e.kind === 'word') numberOf(e);
  else if (e.kind === 'or') e.terms.forEach(checkNames);
  else if (e.kind === 'list') e.items.forEach(checkNames);
  else if (e.kind === 'struct') for (const { value } of e.fields) checkNames(value);
}

const ZERO: Expression = { kind: 'number', value: 0, hex: false };

/** The first argument, a descriptor as the script calls it. */
const fdOf = (w: World, args: readonly Expression[]): number => w.fd(int(args, 0));

type Prepare = (s: BsdSockets, w: World, args: readonly Expression[]) => Prepared;

const int = (args: readonly Expression[], i: number): number => numberOf(args[i] ?? ZERO);

/** `{sa_family = AF_INET, sin_port = htons(80), sin_addr = inet_addr("1.2.3.4")}`, or `...`. */
function address(e: Expression | undefined, ours: SocketAddress): SocketAddress {
  if (e?.kind !== 'struct') return ours;
  const field = (name: RegExp): Expression | undefined => e.fields.find((each) => name.test(each.name ?? ''))?.value;
  const [port, host] = [field(/_port$/), field(/_addr$/)];
  const text = host?.kind === 'call' ? host.args.find((arg) => arg.kind === 'string') : undefined;
  return {
    ...ours, ...(port !== undefined && { port: numberOf(port) }),
    ...(text?.kind === 'string' && { address: text.text }),
  };
}

/** Bytes to write: a string as it stands, or `...`. */
function bytes(w: World, fd: number, e: Expression, length: number): Uint8Array {
  if (e.kind !== 'string') return w.text(fd, length);
  const whole = new Uint8Array(length);
  whole.set([...e.text].slice(0, length).map((c) => c.charCodeAt(0)));
  return whole;
}

/** The lengths in `msg_iov(2)=[{..., 10}, {..., 20}]` or of readv's list. */
function lengths(list: Expression): number[] {
  if (list.kind !== 'list') throw new UnknownCall(`iovec ${printExpression(list)}`);
  return list.items.map((item) => {
    if (item.kind !== 'struct' || item.fields.length !== 2) throw new UnknownCall(`iovec ${printExpression(item)}`);
    return numberOf(item.fields[1]!.value);
  });
}

/** One text cut into pieces. */
function pieces(text: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  let at = 0;
  return sizes.map((size) => text.subarray(at, at += size));
}

const writing = (fd: number, text: Uint8Array, make: () => number): Prepared => ({ make, check: right, writes: { fd, text } });

const sum = (sizes: readonly number[]): number => sizes.reduce((total, size) => total + size, 0);

function reading(w: World, fd: number, buffers: readonly Uint8Array[], flags: number, make: () => number): Prepared {
  return {
    make,
    check: (result) => {
      let left = Math.max(0, result);
      for (const buffer of buffers) {
        w.verify(fd, buffer.subarray(0, left), (flags & C.MSG_PEEK) !== 0);
        left = Math.max(0, left - buffer.length);
      }
      return null;
    },
  };
}

function optionValue(e: Expression): OptionValue {
  if (e.kind === 'string') return e.text;
  if (e.kind !== 'struct') return numberOf(e);
  const field = (name: string): number => numberOf(e.fields.find((each) => each.name === name)?.value ?? ZERO);
  if (e.fields.some(({ name }) => name === 'onoff' || name === 'l_onoff')) {
    return { l_onoff: field('onoff') || field('l_onoff'), l_linger: field('linger') || field('l_linger') };
  }
  if (e.fields.some(({ name }) => name === 'tv_sec')) return { tv_sec: field('tv_sec'), tv_usec: field('tv_usec') };
  throw new UnknownCall(`option ${printExpression(e)}`);
}

function getsockopt(s: BsdSockets, w: World, args: readonly Expression[]): Prepared {
  const cell: OptionCell = { value: 0 };
  const [fd, level, name] = [fdOf(w, args), int(args, 1), int(args, 2)];
  const want = args[3]!;
  const isSize = level === C.SOL_SOCKET && (name === C.SO_RCVBUF || name === C.SO_SNDBUF);
  const isError = level === C.SOL_SOCKET && name === C.SO_ERROR;
  const wanted = want.kind === 'ellipsis' || (isSize && w.neutral) ? null : optionValue(want);
  return {
    make: () => s.getsockopt(fd, level, name, cell),
    check: (result) => {
      if (wanted === null || result !== 0 || JSON.stringify(wanted) === JSON.stringify(cell.value)) return null;
      // Which number tells of a RST or of an ICMP error is each system's own; that there is one is TCP's.
      if (isError && w.neutral && wanted !== 0 && cell.value !== 0) return null;
      return `value ${isError ? errorName(cell.value) : JSON.stringify(cell.value)}`;
    },
  };
}

const errorName = (value: OptionValue): string =>
  Object.entries(C.ERRNO_NUMBER).find(([, number]) => number === value)?.[0] ?? String(value);

function message(e: Expression, buffers: (lengths: readonly number[]) => Uint8Array[]): MessageHeader {
  if (e.kind !== 'struct') throw new UnknownCall(`msghdr ${printExpression(e)}`);
  if (e.fields.some(({ name }) => name === 'msg_control')) throw new UnknownCall('msg_control');
  const iov = e.fields.find(({ name }) => name === 'msg_iov');
  return { iov: buffers(iov === undefined ? [] : lengths(iov.value)) };
}

function polling(s: BsdSockets, w: World, args: readonly Expression[]): Prepared {
  const list = args[0]!;
  if (list.kind !== 'list') throw new UnknownCall(`pollfd ${printExpression(list)}`);
  const wanted = list.items.map((item) => {
    const value = (name: string): number =>
      numberOf((item.kind === 'struct' ? item.fields.find((field) => field.name === name)?.value : undefined) ?? ZERO);
    return { fd: value('fd'), events: value('events'), revents: value('revents') };
  });
  const fds = wanted.map(({ fd, events }) => ({ fd: w.fd(fd), events, revents: 0 }));
  return {
    make: () => s.poll(fds, int(args, 2)),
    check: () => {
      const bad = fds.findIndex(({ revents }, i) => revents !== wanted[i]!.revents);
      return bad < 0 ? null : `revents 0x${fds[bad]!.revents.toString(16)} of ${wanted[bad]!.fd}`;
    },
  };
}

const empty = (sizes: readonly number[]): Uint8Array[] => sizes.map((size) => new Uint8Array(size));

const CALLS: Readonly<Record<string, Prepare>> = {
  socket: (s, w, args) => {
    const domain = args[0]!.kind === 'ellipsis' ? w.domain : int(args, 0);
    return { make: () => s.socket(domain, int(args, 1), int(args, 2)), check: right };
  },
  bind: (s, w, args) => {
    const name = address(args[1], { port: w.bindPort });
    return { make: () => s.bind(fdOf(w, args), name), check: right };
  },
  listen: (s, w, args) => ({ make: () => s.listen(fdOf(w, args), int(args, 1)), check: right }),
  accept: (s, w, args) => ({ make: () => s.accept(fdOf(w, args)), check: right }),
  connect: (s, w, args) => {
    const name = address(args[1], { address: w.remoteAddress, port: w.connectPort });
    return { make: () => s.connect(fdOf(w, args), name), check: right };
  },
  read: (s, w, args) => {
    const b = new Uint8Array(int(args, 2));
    return reading(w, fdOf(w, args), [b], 0, () => s.read(fdOf(w, args), b));
  },
  readv: (s, w, args) => {
    const iov = empty(lengths(args[1]!));
    return reading(w, fdOf(w, args), iov, 0, () => s.recvmsg(fdOf(w, args), { iov }, 0));
  },
  recv: (s, w, args) => {
    const [b, flags] = [new Uint8Array(int(args, 2)), int(args, 3)];
    return reading(w, fdOf(w, args), [b], flags, () => s.recv(fdOf(w, args), b, flags));
  },
  recvfrom: (s, w, args) => {
    const [b, flags] = [new Uint8Array(int(args, 2)), int(args, 3)];
    return reading(w, fdOf(w, args), [b], flags, () => s.recv(fdOf(w, args), b, flags));
  },
  recvmsg: (s, w, args) => {
    const [header, flags] = [message(args[1]!, empty), int(args, 2)];
    return reading(w, fdOf(w, args), header.iov, flags, () => s.recvmsg(fdOf(w, args), header, flags));
  },
  write: (s, w, args) => {
    const b = bytes(w, fdOf(w, args), args[1]!, int(args, 2));
    return writing(fdOf(w, args), b, () => s.write(fdOf(w, args), b));
  },
  writev: (s, w, args) => {
    const sizes = lengths(args[1]!);
    const text = w.text(fdOf(w, args), sum(sizes));
    return writing(fdOf(w, args), text, () => s.sendmsg(fdOf(w, args), { iov: pieces(text, sizes) }, 0));
  },
  send: (s, w, args) => {
    const b = bytes(w, fdOf(w, args), args[1]!, int(args, 2));
    return writing(fdOf(w, args), b, () => s.send(fdOf(w, args), b, int(args, 3)));
  },
  sendto: (s, w, args) => {
    const b = bytes(w, fdOf(w, args), args[1]!, int(args, 2));
    const name = address(args[4], { address: w.remoteAddress, port: w.connectPort });
    return writing(fdOf(w, args), b, () => s.sendto(fdOf(w, args), b, int(args, 3), name));
  },
  sendmsg: (s, w, args) => {
    const fd = fdOf(w, args);
    const header = message(args[1]!, (sizes) => pieces(w.text(fd, sum(sizes)), sizes));
    return writing(fd, w.text(fd, sum(header.iov.map(({ length }) => length))), () => s.sendmsg(fd, header, int(args, 2)));
  },
  shutdown: (s, w, args) => ({ make: () => s.shutdown(fdOf(w, args), int(args, 1)), check: right }),
  close: (s, w, args) => ({ make: () => s.close(fdOf(w, args)), check: right }),
  fcntl: (s, w, args) => ({ make: () => s.fcntl(fdOf(w, args), int(args, 1), int(args, 2)), check: right }),
  ioctl: (s, w, args) => {
    const cell: OptionCell = { value: 0 };
    return {
      make: () => s.ioctl(fdOf(w, args), int(args, 1), cell),
      check: (result) => (result !== 0 || args[2] === undefined || cell.value === int(args, 2) ? null : `value ${String(cell.value)}`),
    };
  },
  getsockopt: (s, w, args) => getsockopt(s, w, args),
  setsockopt: (s, w, args) => {
    const value = optionValue(args[3]!);
    return { make: () => s.setsockopt(fdOf(w, args), int(args, 1), int(args, 2), value), check: right };
  },
  poll: (s, w, args) => polling(s, w, args),
};

/** @throws UnknownCall */
export function prepare(call: Syscall, s: BsdSockets, w: World): Prepared {
  const known = CALLS[call.name];
  if (known === undefined) throw new UnknownCall(`system call ${call.name}`);
  for (const arg of call.args) checkNames(arg);
  return known(s, w, call.args);
}
