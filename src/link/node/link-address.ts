// An Ethernet address of our own for the far end of a cable that has none yet.

import { randomBytes } from 'node:crypto';

/** Locally administered and a single station's: the two lowest bits of the first byte are 10. IEEE 802 §8.4. */
export function randomLinkAddress(): Uint8Array {
  const address = new Uint8Array(randomBytes(6));
  address[0] = (address[0]! & 0xfc) | 0x02;
  return address;
}
