// http's `headersTimeout` and `requestTimeout` by a network's clock. Node looks, by its own clock, every so often whether a
// request has been on its way for too long, answers 408 and closes. This looks at the same moments of the network's time.

import type http from 'node:http';
import type net from 'node:net';

import { NEVER } from '../../time.js';
import type { Network } from '../network.js';

/** What Node's parser calls, by llhttp's numbers in Node's binding: a message begins, has its headers, is whole. */
const [BEGIN, HEADERS, COMPLETE] = [0, 2, 4];
type Parser = Record<number, ((...details: unknown[]) => unknown) | null | undefined>;
type HttpSocket = net.Socket & { readonly parser?: Parser | null };

/** A message on its way; before the first, the silence is counted as one. */
interface Message {
  readonly clock: RequestClock;
  startedAt: number;
  progress: 'begun' | 'headers' | 'whole';
}

const messages = new WeakMap<object, Message>();

export class RequestClock {
  private readonly sockets = new Set<HttpSocket>();
  private listeningAt = 0;
  private cancel: (() => void) | null = null;
  private checkAt = NEVER;
  private isClosed = false;

  /** @param everyMs  between two looks */
  constructor(private readonly server: http.Server, private readonly network: Network, private readonly everyMs: number) {}

  /** The looks are counted from now on. */
  listening(): void {
    this.listeningAt = this.network.present();
    this.isClosed = false;
  }

  /** Nobody looks any more. */
  close(): void {
    this.isClosed = true;
    this.rearm();
  }

  /** A connection that Node's server has been told of. */
  watch(socket: HttpSocket): void {
    const { parser } = socket;
    if (parser === undefined || parser === null) return;
    listenTo(parser);
    messages.set(socket, { clock: this, startedAt: this.network.present(), progress: 'begun' });
    this.sockets.add(socket);
    socket.once('close', () => {
      this.sockets.delete(socket);
      this.rearm();
    });
    this.rearm();
  }

  /** A message of one of them has come so far. */
  heard(message: Message, progress: Message['progress']): void {
    if (progress === 'begun') message.startedAt = this.network.present();
    message.progress = progress;
    this.rearm();
  }

  /** The next look is the first at which something can be too late. */
  private rearm(): void {
    let deadline = NEVER;
    if (!this.isClosed) for (const socket of this.sockets) deadline = Math.min(deadline, this.deadlineOf(socket));
    const since = Math.max(deadline, this.network.present()) - this.listeningAt;
    const at = deadline === NEVER ? NEVER : this.listeningAt + Math.max(1, Math.ceil(since / this.everyMs)) * this.everyMs;
    if (at === this.checkAt) return;
    this.cancel?.();
    this.checkAt = at;
    this.cancel = at === NEVER ? null : this.network.after(at - this.network.present(), () => this.check());
  }

  private check(): void {
    this.cancel = null;
    this.checkAt = NEVER;
    const now = this.network.present();
    for (const socket of [...this.sockets]) {
      if (this.deadlineOf(socket) > now) continue;
      this.sockets.delete(socket);
      expire(socket);
    }
    this.rearm();
  }

  /** NEVER: no message is on its way. */
  private deadlineOf(socket: HttpSocket): number {
    // Without a parser, something else is spoken from now on.
    const { startedAt, progress } = messages.get(socket)!;
    if (progress === 'whole' || !socket.parser) return NEVER;
    const { headersTimeout, requestTimeout } = this.server;
    return startedAt + Math.min(progress === 'headers' ? NEVER : headersTimeout || NEVER, requestTimeout || NEVER);
  }
}

const ours = new WeakSet<object>();

/** Parsers are used again, and then forget about beginnings: whose message it is, is told by the socket of the moment. */
function listenTo(parser: Parser): void {
  for (const [number, progress] of [[BEGIN, 'begun'], [HEADERS, 'headers'], [COMPLETE, 'whole']] as const) {
    const original = parser[number];
    if (original && ours.has(original)) continue;
    const heard = function (this: { readonly socket: object }, ...details: unknown[]): unknown {
      const message = messages.get(this.socket);
      message?.clock.heard(message, progress);
      return original?.apply(this, details);
    };
    ours.add(heard);
    parser[number] = heard;
  }
}

/** What Node does with it: `clientError`, or 408 and the end. It is the first that listens to the socket's errors. */
function expire(socket: HttpSocket): void {
  const error = Object.assign(new Error('Request timeout'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' });
  const handler = socket.listeners('error').find(({ name }) => name === 'socketOnError');
  if (handler === undefined) socket.destroy(error);
  else Reflect.apply(handler, socket, [error]);
}
