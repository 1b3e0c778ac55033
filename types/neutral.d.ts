// What every JavaScript platform has and the language's own library does not declare. tsconfig.core.json compiles the
// core with this instead of Node's or the DOM's types. Only what the core uses, only as much of it; the linter says who.

declare function queueMicrotask(task: () => void): void;

declare class TextEncoder {
  encode(text?: string): Uint8Array<ArrayBuffer>;
  encodeInto(text: string, into: Uint8Array): { read: number; written: number };
}

declare class TextDecoder {
  constructor(label?: 'utf-8' | 'latin1', options?: { fatal?: boolean; ignoreBOM?: boolean });
  decode(bytes?: Uint8Array, options?: { stream?: boolean }): string;
}

declare const crypto: { getRandomValues<T extends Uint8Array | Uint32Array>(array: T): T };

/** Enough of it to give up waiting: `AbortSignal.timeout` and the like stay the caller's. */
interface AbortSignal {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
  throwIfAborted(): void;
}

// The web face's alone (src/socket-api/web-*.ts): of WHATWG's Streams, what it uses.

interface ReadableStream<R> {
  readonly locked: boolean;
  cancel(reason?: unknown): Promise<void>;
  [Symbol.asyncIterator](): AsyncIterator<R, void, undefined>;
}
interface ReadableStreamDefaultController<R> {
  enqueue(chunk: R): void;
  close(): void;
  error(reason: unknown): void;
}
interface ReadableByteStreamController extends ReadableStreamDefaultController<ArrayBufferView> {
  readonly byobRequest: null | { readonly view: ArrayBufferView | null; respond(bytes: number): void };
}
declare const ReadableStream: {
  new (
    source: UnderlyingSource<ReadableByteStreamController> & { readonly type: 'bytes' }, strategy: { highWaterMark: number },
  ): ReadableStream<Uint8Array>;
  new <R>(source: UnderlyingSource<ReadableStreamDefaultController<R>>, strategy: { highWaterMark: number }): ReadableStream<R>;
};
interface UnderlyingSource<Controller> {
  start?(controller: Controller): void | Promise<void>;
  pull?(controller: Controller): void | Promise<void>;
  cancel?(reason: unknown): void | Promise<void>;
}

interface WritableStream<W> {
  readonly locked: boolean;
  close(): Promise<void>;
  abort(reason?: unknown): Promise<void>;
  getWriter(): { write(chunk: W): Promise<void>; close(): Promise<void>; releaseLock(): void };
}
interface WritableStreamDefaultController {
  error(reason: unknown): void;
}
declare const WritableStream: {
  new <W>(sink: {
    start?(controller: WritableStreamDefaultController): void | Promise<void>;
    write?(chunk: W): void | Promise<void>;
    close?(): void | Promise<void>;
    abort?(reason: unknown): void | Promise<void>;
  }, strategy?: { highWaterMark: number; size(chunk: W): number }): WritableStream<W>;
};

// The driver's alone (src/driver.ts).

declare const performance: { now(): number };
/** A number in browsers, an object in Node. */
type TimerHandle = { readonly __timer: unique symbol };
declare function setTimeout(callback: () => void, delayMs?: number): TimerHandle;
declare function clearTimeout(timer: TimerHandle | undefined): void;
/** Absent from browsers: look before use. */
declare const setImmediate: undefined | ((callback: () => void) => TimerHandle);
declare const clearImmediate: undefined | ((timer: TimerHandle) => void);

interface MessagePort {
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  postMessage(message: unknown): void;
  close(): void;
}
declare class MessageChannel {
  readonly port1: MessagePort;
  readonly port2: MessagePort;
}
