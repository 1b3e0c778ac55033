// Checksums made right again after damage, as if the sender had meant it: else nearly everything dies at the door.

import { finish, sumBytes } from '../../../src/checksum.js';

/** In place; `at` is where the IP header begins. What cannot be mended stays. */
export function mend(frame: Uint8Array, at: number): void {
  const put = (field: number, sum: number): void => {
    if (field + 1 >= frame.length) return;
    frame[field] = sum >>> 8;
    frame[field + 1] = sum;
  };
  const version = frame[at] === undefined ? 0 : frame[at] >> 4;
  if (version === 4 && frame.length >= at + 20) {
    const header = at + 4 * (frame[at]! & 15);
    if (header > frame.length || header < at + 20) return;
    put(at + 10, 0);
    put(at + 10, finish(sumBytes(frame, at, header)));
    transport(frame, header, frame[at + 9]!, sumBytes(frame, at + 12, at + 20), put);
  } else if (version === 6 && frame.length >= at + 40) {
    transport(frame, at + 40, frame[at + 6]!, sumBytes(frame, at + 8, at + 40), put);
  }
}

function transport(frame: Uint8Array, at: number, protocol: number, addresses: number, put: (field: number, sum: number) => void): void {
  const field = { 1: 2, 6: 16, 17: 6, 58: 2 }[protocol];
  if (field === undefined || at + field + 1 >= frame.length) return;
  const pseudo = protocol === 1 ? 0 : addresses + protocol + (frame.length - at);
  put(at + field, 0);
  put(at + field, finish(sumBytes(frame, at, frame.length, pseudo)));
}
