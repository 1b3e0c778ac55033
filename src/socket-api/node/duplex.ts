// A connection as Node's Duplex, for everything in Node that takes one: http, tls, pipeline.

import { Duplex } from 'node:stream';
import type { TcpSocket } from '../tcp.js';

/**
 * Back-pressure both ways. Ending it ends our side. Destroying it closes the connection; with an error, or while text waits
 * to be written, it resets it: the peer must not take half a stream for the whole.
 */
export class TcpDuplex extends Duplex {
  constructor(readonly socket: TcpSocket) {
    super({ allowHalfOpen: true, highWaterMark: 262_144 });
  }

  get remoteAddress(): string {
    return this.socket.remoteAddress;
  }

  get remotePort(): number {
    return this.socket.remotePort;
  }

  get localAddress(): string {
    return this.socket.localAddress;
  }

  get localPort(): number {
    return this.socket.localPort;
  }

  override _read(): void {
    this.socket.read().then(
      (piece) => this.push(piece === null ? null : Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)),
      (error: Error) => this.destroy(error),
    );
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    this.socket.write(chunk).then(() => done(), done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error) => void): void {
    // Writes keep their order: the last one to be accepted is the last.
    const writes = chunks.map(({ chunk }) => this.socket.write(chunk));
    Promise.all(writes).then(() => done(), done);
  }

  override _final(done: (error?: Error) => void): void {
    this.socket.end();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (error === null && this.writableLength === 0) void this.socket.close();
    else this.socket.abort();
    done(error);
  }
}
