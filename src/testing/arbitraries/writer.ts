// Bytes in network order, one behind the other: what the descriptions of this folder are written with. It shares nothing with
// the stack's own writers, so that each is a witness against the other.

import { finish, sumBytes } from '../../checksum.js';

export class Writer {
  private readonly bytes: number[] = [];

  get length(): number {
    return this.bytes.length;
  }

  u8(value: number): this {
    this.bytes.push(value & 0xff);
    return this;
  }

  u16(value: number): this {
    return this.u8(value >>> 8).u8(value);
  }

  u32(value: number): this {
    return this.u16(value >>> 16).u16(value);
  }

  put(bytes: Iterable<number>): this {
    for (const byte of bytes) this.u8(byte);
    return this;
  }

  zeros(count: number): this {
    for (let i = 0; i < count; i++) this.u8(0);
    return this;
  }

  /** Up to a multiple of `unit`. */
  pad(unit: number, byte = 0): this {
    while (this.length % unit !== 0) this.u8(byte);
    return this;
  }

  take(): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(this.bytes);
  }
}

/**
 * Write the checksum over `b[at .. end)` into `field`, where zeros stand.
 * @param initial  the sum of what else it covers
 * @param off      wrong by so much, modulo 2^16; 0: right
 */
export function seal(b: Uint8Array, at: number, end: number, field: number, initial: number, off: number): void {
  const sum = (finish(sumBytes(b, at, end, initial)) + off) & 0xffff;
  b[field] = sum >>> 8;
  b[field + 1] = sum;
}

/** `02:00:00:00:00:01` as six bytes. */
export const macBytes = (text: string): number[] => text.split(':').map((part) => Number.parseInt(part, 16));
