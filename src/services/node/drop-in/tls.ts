// TLS over a connection of ours. Node makes a handle of the stream, which has neither addresses nor options of TCP: a TLS
// socket has to ask the stream itself.

import { Socket as RealSocket, type Socket as NetSocket } from 'node:net';
import tls, { type TLSSocket } from 'node:tls';

const NAMES = ['remoteAddress', 'remotePort', 'remoteFamily', 'localAddress', 'localPort', 'localFamily'] as const;

const raws = new WeakMap<NetSocket, NetSocket>();

/** Let `secure` tell `raw`'s addresses, and act on `raw` where it has no handle to act on. */
export function showRaw(secure: TLSSocket, raw: NetSocket): void {
  raws.set(secure, raw);
  secure.ref = () => {
    raw.ref();
    return secure;
  };
  secure.unref = () => {
    raw.unref();
    return secure;
  };
  secure.setNoDelay = (on) => {
    raw.setNoDelay(on);
    return secure;
  };
  secure.setKeepAlive = (on, delay) => {
    raw.setKeepAlive(on, delay);
    return secure;
  };
  raw.once('connect', () => {
    if (secure.destroyed) return;
    secure.emit('connect');
    secure.emit('ready');
  });
}

/**
 * Let `wrap` make a TLS socket of `raw`, which takes over whether the peer's end is answered by its own. `raw` itself never
 * answers it: the farewell that TLS says has to go before.
 */
export function wrapped<T>(raw: NetSocket, allowHalfOpen: boolean, wrap: () => T): T {
  raw.allowHalfOpen = allowHalfOpen;
  try {
    return wrap();
  } finally {
    raw.allowHalfOpen = true;
  }
}

/** What Node makes of a stream that is none of its own: TLS and http2 over ours stand on one. */
interface Wrapping {
  /** Of the wrapper itself. */
  readonly stream?: unknown;
  /** Of a TLS socket that a server made. */
  readonly _handle?: { readonly _parentWrap?: Wrapping | null } | null;
}

function rawOf(socket: NetSocket): unknown {
  const { stream, _handle } = socket as unknown as Wrapping;
  return raws.get(socket) ?? stream ?? _handle?._parentWrap?.stream;
}

type Ours = abstract new (...args: never[]) => NetSocket;

/**
 * A handshake over a connection of ours that is not even begun waits for it, as over one of Node's. (One that is under way
 * queues what it is given.)
 */
export function teachPatience(Socket: Ours): void {
  const prototype = tls.TLSSocket.prototype as unknown as { _start: (this: TLSSocket) => void };
  const start = prototype._start;
  prototype._start = function _start() {
    const raw = rawOf(this);
    if (raw instanceof Socket && raw.pending && !raw.connecting && !raw.destroyed) raw.once('connect', () => start.call(this));
    else start.call(this);
  };
}

const taught = new WeakSet<object>();

/** Sockets of Node's, of this kind, tell the addresses of the connection of ours on which they stand. */
export function teachNames(prototype: object, Socket: Ours): void {
  if (taught.has(prototype)) return;
  taught.add(prototype);
  for (const name of NAMES) {
    Object.defineProperty(prototype, name, {
      configurable: true,
      enumerable: true,
      get(this: NetSocket) {
        const raw = rawOf(this);
        return raw instanceof Socket ? raw[name] : Reflect.get(RealSocket.prototype, name, this) as unknown;
      },
    });
  }
}
