// Inputs from inputs: bytes turned over, lost, doubled, taken from another. As targets read bytes as decisions, one byte more
// or less is one decision more or less.

import type { SeededRandom } from '../../src/random.js';

const INTERESTING = [0, 1, 2, 4, 5, 6, 7, 8, 0x10, 0x3f, 0x40, 0x7f, 0x80, 0xfe, 0xff];

export function randomInput(random: SeededRandom, lengthMax: number): Uint8Array {
  const length = 1 + random.below(random.below(3) === 0 ? lengthMax : Math.max(1, lengthMax >> 2));
  return Uint8Array.from({ length }, () => random.below(256));
}

/** @param other  another input, to cross it with */
export function mutate(input: Uint8Array, other: Uint8Array, random: SeededRandom, lengthMax: number): Uint8Array {
  let bytes = Array.from(input);
  for (let changes = 1 << random.below(4); changes > 0; changes--) bytes = change(bytes, other, random);
  return Uint8Array.from(bytes.slice(0, lengthMax));
}

function change(bytes: number[], other: Uint8Array, random: SeededRandom): number[] {
  const at = random.below(bytes.length + 1);
  const length = 1 + random.below(16);
  switch (random.below(9)) {
    case 0: return bytes.map((byte, i) => (i === at ? byte ^ (1 << random.below(8)) : byte));
    case 1: return bytes.map((byte, i) => (i === at ? INTERESTING[random.below(INTERESTING.length)]! : byte));
    case 2: return bytes.map((byte, i) => (i === at ? (byte + random.below(17) - 8) & 0xff : byte));
    case 3: return bytes.map((byte, i) => (i === at ? random.below(256) : byte));
    case 4: return [...bytes.slice(0, at), ...bytes.slice(at + length)];
    case 5: return [...bytes.slice(0, at), ...Array.from({ length }, () => random.below(256)), ...bytes.slice(at)];
    // What happened once happens again.
    case 6: return [...bytes.slice(0, at + length), ...bytes.slice(at)];
    case 7: {
      const from = random.below(other.length + 1);
      return [...bytes.slice(0, at), ...other.slice(from, from + 4 * length), ...bytes.slice(at)];
    }
    default: return [...bytes.slice(0, at), ...other.slice(Math.min(at, other.length))];
  }
}

/**
 * The shortest and plainest input that still fails, as far as `triesMax` tries find it: pieces left out, from halves down to
 * single bytes, then bytes that become 0.
 */
export function shrink(input: Uint8Array, fails: (input: Uint8Array) => boolean, triesMax = 400): Uint8Array {
  let best = input;
  let tries = 0;
  const attempt = (candidate: Uint8Array): boolean => {
    if (tries++ >= triesMax || !fails(candidate)) return false;
    best = candidate;
    return true;
  };
  for (let size = best.length >> 1; size >= 1 && tries < triesMax; size >>= 1) {
    for (let at = best.length - size; at >= 0 && tries < triesMax; at -= size) {
      attempt(Uint8Array.of(...best.slice(0, at), ...best.slice(at + size)));
      at = Math.min(at, best.length);
    }
  }
  for (let at = 0; at < best.length && tries < triesMax; at++) {
    if (best[at] !== 0) attempt(best.map((byte, i) => (i === at ? 0 : byte)));
  }
  return best;
}
