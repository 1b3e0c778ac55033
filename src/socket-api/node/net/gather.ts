// What a stream has gathered while it was corked, the head and the body of a response for instance, encoded into one piece:
// one copy to the send queue, and no buffer for each text on the way there.

import { Buffer } from 'node:buffer';

import { copy } from '../../../bytes.js';

export type Chunk = Uint8Array | string;

export interface Written {
  readonly chunk: Chunk;
  readonly encoding: BufferEncoding;
}

/** What `_writev` is given. */
export type Chunks = Written[] & { allBuffers?: boolean };

/** Where chunks are encoded. It is copied from before anything else happens. */
export const desk = Buffer.allocUnsafeSlow(16_384);

/** No encoding makes more bytes of a UTF-16 unit: UTF-8. */
const UNIT_MAX = 3;

/** Put all of them on the desk, one behind the other. @returns bytes; -1: there may not be room for them */
export function gather(chunks: Chunks): number {
  let end = 0;
  for (let i = 0; i < chunks.length; i++) {
    const { chunk, encoding } = chunks[i]!;
    const most = typeof chunk === 'string' ? chunk.length * UNIT_MAX : chunk.length;
    if (most > desk.length - end) return -1;
    if (typeof chunk === 'string') {
      end += desk.write(chunk, end, encoding);
    } else {
      copy(chunk, 0, most, desk, end);
      end += most;
    }
  }
  return end;
}

export const bytesOf = ({ chunk, encoding }: Written): Uint8Array => (typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk);

export const lengthOf = ({ chunk, encoding }: Written): number =>
  (typeof chunk === 'string' ? Buffer.byteLength(chunk, encoding) : chunk.length);
