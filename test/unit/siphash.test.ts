// SipHash-2-4 against the vectors of its reference implementation.

import { describe, expect, test } from 'vitest';
import { hex, setU32 } from '../../src/bytes.js';
import { SeededRandom } from '../../src/random.js';
import { SipHash } from '../../src/siphash.js';

// vectors_sip64 of the reference implementation, computed once more by OpenSSL 3: the key is 00 01 … 0f,
// message n is 00 01 … n-1, and the hash stands with its lowest byte first.
const VECTORS = `
  310e0edd47db6f72 fd67dc93c539f874 5a4fa9d909806c0d 2d7efbd796666785 b7877127e09427cf 8da699cd64557618
  cee3fe586e46c9cb 37d1018bf50002ab 6224939a79f5f593 b0e4a90bdf82009e f3b9dd94c5bb5d7a a7ad6b22462fb3f4
  fbe50e86bc8f1e75 903d84c02756ea14 eef27a8e90ca23f7 e545be4961ca29a1 db9bc2577fcc2a3f 9447be2cf5e99a69
  9cd38d96f0b3c14b bd6179a71dc96dbb 98eea21af25cd6be c7673b2eb0cbf2d0 883ea3e395675393 c8ce5ccd8c030ca8
  94af49f6c650adb8 eab8858ade92e1bc f315bb5bb835d817 adcf6b0763612e2f a5c91da7acaa4dde 716595876650a2a6
  28ef495c53a387ad 42c341d8fa92d832 ce7cf2722f512771 e37859f94623f3a7 381205bb1ab0e012 ae97a10fd434e015
  b4a31508beff4d31 81396229f0907902 4d0cf49ee5d4dcca 5c73336a76d8bf9a d0a704536ba93e0e 925958fcd6420cad
  a915c29bc8067318 952b79f3bc0aa6d4 f21df2e41d4535f9 87577519048f53a9 10a56cf5dfcd9adb eb75095ccd986cd0
  51a9cb9ecba312e6 96afadfc2ce666c7 72fe52975a4364ee 5a1645b276d592a1 b274cb8ebf87870a 6f9bb4203de7b381
  eaecb2a30b22a87f 9924a43cc1315724 bd838d3aafbf8db7 0b1a2a3265d51aea 135079a3231ce660 932b2846e4d70666
  e1915f5cb1eca46c f325965ca16d629f 575ff28e60381be5 724506eb4c328a95  
`.trim().split(/\s+/);

const KEY = new SipHash(0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c);

/** What the last hash left in the two halves, lowest byte first. */
function result(siphash: SipHash): string {
  const bytes = new Uint8Array(8);
  setU32(bytes, 0, siphash.hi);
  setU32(bytes, 4, siphash.lo);
  return hex(bytes.reverse());
}

describe('SipHash-2-4', () => {
  const message = Uint8Array.from({ length: 64 }, (_, i) => i);

  test('gives the 64 hashes of the reference implementation', () => {
    expect(VECTORS).toHaveLength(64);
    for (const [length, expected] of VECTORS.entries()) {
      KEY.hashBytes(message, 0, length);
      expect(result(KEY), `${length} bytes`).toBe(expected);
    }
  });

  test('of words is the hash of their bytes, the lowest first', () => {
    const words = new Int32Array(16);
    new Uint8Array(words.buffer).set(message);
    for (let count = 0; count < 16; count++) {
      const lo = KEY.hashWords(words, count);
      expect(result(KEY), `${count} words`).toBe(VECTORS[count * 4]);
      expect(lo).toBe(KEY.lo);
    }
  });

  test('reads nothing in front of or behind the message', () => {
    const noisy = new Uint8Array(64 + 2).fill(0xff);
    noisy.set(message.subarray(0, 13), 1);
    KEY.hashBytes(noisy, 1, 14);
    expect(result(KEY)).toBe(VECTORS[13]);
    const words = new Int32Array(new Uint8Array([...message.subarray(0, 12), 0xff, 0xff, 0xff, 0xff]).buffer);
    KEY.hashWords(words, 3);
    expect(result(KEY)).toBe(VECTORS[12]);
  });

  test('gives both halves as unsigned numbers', () => {
    KEY.hashBytes(message, 0, 1);
    expect([KEY.hi, KEY.lo]).toEqual([0x74f839c5, 0x93dc67fd]);
  });

  test('takes 256 bytes and refuses more', () => {
    expect(() => KEY.hashBytes(new Uint8Array(256), 0, 256)).not.toThrow();
    expect(() => KEY.hashBytes(new Uint8Array(257), 0, 257)).toThrow('siphash');
  });

  test('with a key from a seed is the same for the same seed, and another for another', () => {
    const hash = (seed: number): number => SipHash.random(new SeededRandom(seed)).hashWords(new Int32Array(4), 4);
    expect(hash(1)).toBe(hash(1));
    expect(hash(1)).not.toBe(hash(2));
  });
});
