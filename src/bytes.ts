// Big-endian integers and whole pieces, in place: `(bytes, at)` in, numbers out.

export const u16 = (b: Uint8Array, at: number): number => (b[at]! << 8) | b[at + 1]!;

/** 32 bits as int32: what sequence numbers and address words are. */
export const i32 = (b: Uint8Array, at: number): number =>
  (b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!;

/** 32 bits as 0 .. 2^32 - 1. */
export const u32 = (b: Uint8Array, at: number): number => i32(b, at) >>> 0;

export function setU16(b: Uint8Array, at: number, value: number): void {
  b[at] = value >>> 8;
  b[at + 1] = value;
}

export function setU32(b: Uint8Array, at: number, value: number): void {
  b[at] = value >>> 24;
  b[at + 1] = value >>> 16;
  b[at + 2] = value >>> 8;
  b[at + 3] = value;
}

export function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Copy `from[at .. end)` into `into` at `to`. */
export function copy(from: Uint8Array, at: number, end: number, into: Uint8Array, to: number): void {
  // Making a view costs as much as copying some two dozen bytes one by one.
  if (end - at > 24) into.set(at === 0 && end === from.length ? from : from.subarray(at, end), to);
  else for (let i = at, j = to; i < end; i++, j++) into[j] = from[i]!;
}

/** Lower-case hexadecimal of `b[at .. end)`. */
export function hex(b: Uint8Array, at = 0, end = b.length): string {
  let text = '';
  for (let i = at; i < end; i++) text += (b[i]! + 0x100).toString(16).slice(1);
  return text;
}

/** The bytes of a hexadecimal text; white space is ignored. */
export function fromHex(text: string): Uint8Array {
  const digits = text.replace(/\s+/g, '');
  const bytes = new Uint8Array(digits.length >> 1);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}
