// F8: reassembly against a map of bytes: fragments in any order, overlapping, twice, with huge offsets; and the limits hold.

import { fragmentHeader, IpBench, joined, pattern, v4, v6 } from '../../fixtures/ip-bench.js';
import { type Piece, ReassemblyModel } from '../../fixtures/reassembly-model.js';
import { Choices } from '../harness/choices.js';
import { ensure, same } from '../harness/failure.js';

const asPacket = (family: 4 | 6, { id, offset, more, bytes }: Piece): Uint8Array => (family === 4
  ? v4({ id, offset, mf: more, payload: bytes })
  : v6({ nextHeader: 44, payload: joined(fragmentHeader(17, offset, more, id), bytes) }));

export function reassembly(data: Uint8Array): void {
  const choices = new Choices(data);
  const family = choices.of(4, 6);
  const bench = new IpBench();
  const models = new Map<number, ReassemblyModel>();
  const honest = honestCuts(choices);
  for (let steps = 0; steps < 60 && !choices.isOver; steps++) {
    if (choices.oneIn(12)) {
      hugeOffset(choices, bench, family);
      continue;
    }
    const piece = choices.oneIn(3) ? anyPiece(choices) : honest[choices.below(honest.length)]!;
    const model = models.get(piece.id) ?? new ReassemblyModel();
    models.set(piece.id, model);
    const expected = model.arrive(piece);
    if (expected !== null) models.delete(piece.id);
    bench.receive(asPacket(family, piece));
    bench.ip.reassembly.check();
    same(bench.take().map((each) => [...each.payload]), expected === null ? [] : [expected], `F8: what fragment ${piece.offset} of ${piece.id} completes`);
  }
  bench.ip.expire(120_000);
  ensure(bench.ip.reassembly.size === 0 && bench.pool.outstanding === 0, 'F8: something is left after the time is over');
}

/** Of datagrams 1 and 2. */
function honestCuts(choices: Choices): Piece[] {
  return [1, 2].flatMap((id) => {
    const length = 9 + choices.below(90);
    const whole = pattern(length, id);
    const edges = [...new Set([0, ...Array.from({ length: 1 + choices.below(5) }, () => 8 * (1 + choices.below(12))).filter((n) => n < length), length])]
      .sort((a, b) => a - b);
    const pieces = edges.slice(1).map((end, i) => ({ id, offset: edges[i]!, more: end < length, bytes: whole.slice(edges[i], end) }));
    // All of it at once is no fragment.
    return pieces.length > 1 ? pieces : [{ id, offset: 0, more: true, bytes: whole.slice(0, 8) }, { id, offset: 8, more: false, bytes: whole.slice(8) }];
  });
}

function anyPiece(choices: Choices): Piece {
  const offset = 8 * choices.below(14);
  const more = offset === 0 || choices.oneIn(2);
  return { id: 1 + choices.below(2), offset, more, bytes: pattern(8 * (1 + choices.below(4)), choices.of(1, 2)) };
}

/** Of a datagram of its own, that never becomes whole; beyond 65,535 it is refused. */
function hugeOffset(choices: Choices, bench: IpBench, family: 4 | 6): void {
  const offset = 65_528 - 8 * choices.below(4);
  bench.receive(asPacket(family, { id: 99, offset, more: choices.oneIn(2), bytes: pattern(8 * (1 + choices.below(6))) }));
  bench.ip.reassembly.check();
  same(bench.take().length, 0, 'F8: a datagram of which most is missing');
}
