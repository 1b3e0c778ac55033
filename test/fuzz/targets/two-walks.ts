// F3: two walks over one list see the same items: the one that checks and the one that uses (the class of CVE-2019-20503).

import { Chain } from '../../../src/ip/extension.js';
import { parseOptions, TcpOptions } from '../../../src/tcp/options.js';
import { encodePacket, ipPacket } from '../../../src/arbitraries.js';
import { Choices } from '../harness/choices.js';
import { ensure, same } from '../harness/failure.js';

export function twoWalks(data: Uint8Array): void {
  const choices = new Choices(data);
  if (choices.oneIn(2)) extensions(choices);
  else options(choices);
}

const into = new TcpOptions();
const LENGTHS = new Map([[2, 4], [3, 3], [4, 2], [8, 10]]);

/** RFC 9293 §3.2, by somebody who knows nothing of `TcpOptions`. Null: the list is malformed. */
function walk(b: readonly number[]): { kind: number; data: number[] }[] | null {
  const items: { kind: number; data: number[] }[] = [];
  for (let at = 0; at < b.length;) {
    const kind = b[at]!;
    if (kind === 0) break;
    if (kind === 1) {
      at++;
      continue;
    }
    const length = b[at + 1];
    if (length === undefined || length < 2 || at + length > b.length) return null;
    if (LENGTHS.has(kind) && LENGTHS.get(kind) !== length) return null;
    if (kind === 5 && (length < 10 || length % 8 !== 2)) return null;
    items.push({ kind, data: b.slice(at + 2, at + length) });
    at += length;
  }
  return items;
}

const KINDS = [0, 1, 1, 2, 3, 4, 5, 8, 8, 34, 253];
const u32 = (b: readonly number[], at: number): number => (b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!;

function options(choices: Choices): void {
  const list: number[] = [];
  while (list.length < 40 && !choices.isOver) {
    const kind = choices.oneIn(8) ? choices.u8() : choices.of(...KINDS);
    list.push(kind);
    if (kind < 2) continue;
    const honest = LENGTHS.get(kind) ?? (kind === 5 ? 2 + 8 * (1 + choices.below(4)) : 2 + choices.below(18));
    const length = choices.oneIn(10) ? choices.of(0, 1, 2, honest - 1, honest + 1, honest + 8, choices.u8()) : honest;
    list.push(length, ...choices.bytes(Math.max(0, honest - 2)));
  }
  const b = list.slice(0, 40);
  const expected = walk(b);
  const isGood = parseOptions(Uint8Array.of(...b, ...new Array<number>(40).fill(7)), 0, b.length, into);
  same(isGood, expected !== null, 'F3: one walk calls the options malformed');
  if (expected === null) return;
  const last = (kind: number): readonly number[] | undefined => expected.findLast((item) => item.kind === kind)?.data;
  const [mss, scale, stamps] = [last(2), last(3), last(8)];
  same(into.mss, mss === undefined ? 0 : mss[0]! * 256 + mss[1]!, 'F3: MSS');
  same(into.windowScale, scale === undefined ? -1 : Math.min(14, scale[0]!), 'F3: window scale');
  same(into.sackPermitted, last(4) !== undefined, 'F3: SACK permitted');
  same([into.hasTimestamps, into.tsVal, into.tsEcr], stamps === undefined ? [false, 0, 0] : [true, u32(stamps, 0), u32(stamps, 4)], 'F3: timestamps');
  const blocks = expected.filter(({ kind }) => kind === 5).flatMap(({ data }) => Array.from({ length: data.length / 8 }, (_, i) => [u32(data, 8 * i), u32(data, 8 * i + 4)]));
  same(Array.from({ length: into.sackCount }, (_, i) => [into.sackStart[i], into.sackEnd[i]]), blocks.slice(0, 4), 'F3: SACK blocks');
}

const chain = new Chain();
const packets = ipPacket({ family: 6, payloadMax: 20 });

function extensions(choices: Choices): void {
  const b = encodePacket(choices.draw(packets));
  for (let i = choices.below(3); i > 0; i--) b[40 + choices.below(Math.max(1, b.length - 40))] = choices.u8();
  chain.begin(b[6]!, 40, 6);
  const verdict = chain.walk(b, b.length);
  if (verdict !== null) return;
  // RFC 8200 §4: next header by next header.
  let [protocol, at, isFirst] = [b[6]!, 40, true];
  while ((protocol === 0 && isFirst) || protocol === 43 || protocol === 60) {
    ensure(at + 8 <= b.length, 'F3: an extension header beyond the packet was passed');
    const next = at + 8 * (b[at + 1]! + 1);
    protocol = b[at]!;
    at = next;
    isFirst = false;
    ensure(at <= b.length, 'F3: an extension header that ends beyond the packet was passed');
  }
  same([chain.protocol, chain.at], [protocol, at], 'F3: where the transport begins');
}
