// The small change of all floors: numbers that stand at edges more often than chance would have it, addresses, bytes.

import fc from 'fast-check';

import { address as parse, write16, write4 } from '../../address.js';

export const byte = (): fc.Arbitrary<number> => fc.nat(0xff);

/** 16 bits, the edges often. */
export const word = (): fc.Arbitrary<number> => fc.oneof(fc.constantFrom(0, 1, 2, 0x7fff, 0x8000, 0xfffe, 0xffff), fc.nat(0xffff));

/** 32 bits, the edges often: where sequence numbers and timestamps go round. */
export const long = (): fc.Arbitrary<number> =>
  fc.oneof(fc.constantFrom(0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff), fc.integer({ min: 0, max: 0xffff_ffff }));

/** A port that says something: 0 is reserved (RFC 6335 §6). */
export const port = (): fc.Arbitrary<number> => fc.oneof(fc.constantFrom(7, 80, 49_152, 65_535), fc.integer({ min: 1, max: 0xffff }));

export const bytes = (maxLength: number): fc.Arbitrary<Uint8Array<ArrayBuffer>> => fc.oneof(
  { weight: 1, arbitrary: fc.constant(new Uint8Array(0)) },
  { weight: 4, arbitrary: fc.uint8Array({ maxLength }) },
  // Length matters more than what stands there: long ones cost little.
  { weight: 2, arbitrary: fc.tuple(fc.nat(maxLength), byte()).map(([length, seed]) => Uint8Array.from({ length }, (_, i) => i * 31 + seed)) },
);

/** Hosts of two small networks, most of all; and addresses that mean something. */
export const ipv4Text = (): fc.Arbitrary<string> => fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom('10.0.0.1', '10.0.0.2', '10.0.0.3') },
  { weight: 1, arbitrary: fc.constantFrom('0.0.0.0', '127.0.0.1', '10.0.0.255', '255.255.255.255', '224.0.0.1', '169.254.1.1') },
  { weight: 1, arbitrary: fc.array(byte(), { minLength: 4, maxLength: 4 }).map((all) => all.join('.')) },
);

export const ipv6Text = (): fc.Arbitrary<string> => fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom('fd00::1', 'fd00::2', 'fd00::3') },
  { weight: 1, arbitrary: fc.constantFrom('::', '::1', 'fe80::1', 'ff02::1', 'ff02::1:ff00:2', '2001:db8::1') },
  {
    weight: 1,
    // Not ::ffff:0:0/96, which is IPv4's place among them.
    arbitrary: fc.array(fc.integer({ min: 1, max: 0xffff }), { minLength: 8, maxLength: 8 }).map((all) => all.map((n) => n.toString(16)).join(':')),
  },
);

export function ipBytes(text: string): Uint8Array {
  const b = new Uint8Array(text.includes(':') ? 16 : 4);
  if (b.length === 4) write4(b, 0, parse(text));
  else write16(b, 0, parse(text));
  return b;
}

/** One of `kind`'s records: `kind` beside what `fields` say. */
export const kindOf = <K extends string, T extends object>(kind: K, fields: { [P in keyof T]: fc.Arbitrary<T[P]> }): fc.Arbitrary<{ kind: K } & T> =>
  fc.record({ kind: fc.constant(kind), ...fields }) as unknown as fc.Arbitrary<{ kind: K } & T>;

/** 0, or with this chance anything else: how far a checksum is off. */
export const offBy = (chance: number): fc.Arbitrary<number> => (chance <= 0 ? fc.constant(0) : fc.oneof(
  { weight: Math.round(1000 * (1 - chance)), arbitrary: fc.constant(0) },
  // 0xffff more is the same sum again in ones' complement, now and then.
  { weight: Math.max(1, Math.round(1000 * chance)), arbitrary: fc.integer({ min: 1, max: 0xfffe }) },
));
